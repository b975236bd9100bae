/* Random programs on HARTS harts, against one another: each round every hart runs code that its neighbour made from SEED
 * and wrote for it, a loop of atomics, reservations and plain stores on words that all share, through windows that the
 * neighbour has just mapped to one or the other page. What each program adds where is known, so the sums are checked.
 * Returns 1 if one is wrong, and says the round, the page and the word. */
#include <stdint.h>

#define MTIME (*(volatile uint64_t *)0x200bff8)
#define FENCE() asm volatile("fence rw,rw" ::: "memory")
#define UART ((volatile uint8_t *)0x10000000)

enum { WORDS = 16, PAGES = 2, CODE = 1024, WINDOWS = 4, V = 1, LEAF = 0xcf };
#define WINDOW 0x40000000ul
#define MPRV_AS_S (1ul << 17 | 1ul << 11)

/* Pages of shared words: a line each. Word w is 64 bits wide if it is even, two of 32 otherwise. */
static struct { volatile uint64_t v, beside[7]; } words[PAGES][64] __attribute__((aligned(4096)));
static uint32_t code[HARTS][CODE] __attribute__((aligned(4096)));
static uint64_t root[HARTS][512] __attribute__((aligned(4096))), middle[HARTS][512] __attribute__((aligned(4096))),
                leaves[HARTS][512] __attribute__((aligned(4096)));
static volatile uint64_t sum[HARTS][PAGES * WORDS], arrived, phase, stop, failed;

static uint64_t random64(uint64_t *s)
{
    uint64_t z = *s += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void barrier(void)
{
    uint64_t now = phase, old;

    FENCE();
    asm volatile("amoadd.d.aqrl %0, %2, %1" : "=r"(old), "+A"(arrived) : "r"(1) : "memory");
    if (old == HARTS - 1) {
        arrived = 0;
        FENCE();
        phase = now + 1;
    }
    while (phase == now)
        continue;
    FENCE();
}

/* --- code ------------------------------------------------------------------------------------------------------------ */

enum { A0 = 10, A1 = 11, A2 = 12, T0 = 5, T1 = 6, T2 = 7 };

static void emit(uint32_t **p, uint32_t insn) { *(volatile uint32_t *)(*p)++ = insn; }
static uint32_t itype(int imm, int rs1, int f3, int rd, int op) { return (uint32_t)imm << 20 | rs1 << 15 | f3 << 12 | rd << 7 | op; }
static uint32_t amo(int f5, int order, int rs2, int rs1, int wide, int rd)
{
    return (uint32_t)f5 << 27 | order << 25 | rs2 << 20 | rs1 << 15 | (2 + wide) << 12 | rd << 7 | 0x2f;
}

/* t1 = window * 4096 + a0, + the word's line */
static void address(uint32_t **p, unsigned window, unsigned word, unsigned half)
{
    emit(p, itype((int)(word * 64 + half * 4), A0, 0, T1, 0x13));
    emit(p, window << 12 | T2 << 7 | 0x37);                        /* lui t2 */
    emit(p, T2 << 20 | T1 << 15 | T1 << 7 | 0x33);                 /* add t1, t1, t2 */
}

/* Adds of words with two halves do not carry into one another. */
static void add(volatile uint64_t *to, uint64_t v, unsigned word)
{
    *to = word & 1 ? (uint32_t)(*to + v) | (uint64_t)((uint32_t)(*to >> 32) + (uint32_t)(v >> 32)) << 32 : *to + v;
}

/* One operation that adds @v to a word or its half; the sum over all harts is what it must be in the end. */
static void operation(uint32_t **p, uint64_t *s, const unsigned *shows, uint64_t adds[PAGES * WORDS], unsigned hart)
{
    unsigned window = random64(s) % WINDOWS, word = random64(s) % WORDS, wide = !(word & 1), half = wide ? 0 : random64(s) & 1, order = random64(s) & 3;
    int v = (int)(random64(s) % 1000) - 500;

    address(p, window, word, half);
    emit(p, itype(v, 0, 0, T0, 0x13));
    switch (random64(s) % 5) {
    case 0:                                                        /* a reservation */
    case 1:
        emit(p, amo(2, order, 0, T1, wide, T2));                   /* 1: lr t2, (t1) */
        emit(p, T0 << 20 | T2 << 15 | T2 << 7 | 0x33);             /*    add t2, t2, t0 */
        if (random64(s) & 1)
            emit(p, 0x13);
        else
            emit(p, itype(0, T2, 0, T2, 0x13));
        emit(p, amo(3, order, T2, T1, wide, T2));                  /*    sc t2, t2, (t1) */
        emit(p, 0xfe0398e3);                                       /*    bnez t2, 1b */
        break;
    case 2:                                                        /* there and back, and once more for the old value */
        emit(p, amo(0, order, T0, T1, wide, T2));
        emit(p, 0x40000033 | T0 << 20 | T2 << 7);                  /* neg t2, t0 */
        emit(p, amo(0, order, T2, T1, wide, 0));
        emit(p, amo(0, order, T0, T1, wide, 0));
        break;
    default:
        emit(p, amo(0, order, T0, T1, wide, random64(s) & 1 ? T2 : 0));
    }
    add(&adds[shows[window] * WORDS + word], wide ? (uint64_t)(int64_t)v : (uint64_t)(uint32_t)v << (32 * half), word);
    if (!(random64(s) % 4)) {                                      /* a store of this hart's own into the same line */
        address(p, random64(s) % WINDOWS, word, 0);
        emit(p, (uint32_t)A2 << 20 | T1 << 15 | 3 << 12 | (8 + 8 * (hart % 3)) << 7 | 0x23);
    }
}

static void make_program(unsigned hart, uint64_t *s, const unsigned *shows)
{
    unsigned n = 1 + random64(s) % 24, loops = 1 + random64(s) % 200;
    uint64_t adds[PAGES * WORDS];
    uint32_t *p = code[hart], *top;

    for (unsigned i = 0; i < PAGES * WORDS; i++)
        adds[i] = 0;
    emit(&p, itype((int)loops, 0, 0, A1, 0x13));
    top = p;
    for (unsigned i = 0; i < n; i++)
        operation(&p, s, shows, adds, hart);
    emit(&p, itype(-1, A1, 0, A1, 0x13));
    emit(&p, A1 << 15 | 0x463 | 1 << 12);                          /* bnez a1, +8 */
    emit(&p, 0x8067);
    int back = (int)((top - p) * 4);
    emit(&p, (back >> 20 & 1u) << 31 | (back >> 1 & 0x3ffu) << 21 | (back >> 11 & 1u) << 20 | (back >> 12 & 0xffu) << 12 | 0x6f);
    for (unsigned w = 0; w < PAGES * WORDS; w++)
        for (unsigned i = 0; i < loops; i++)
            add(&sum[hart][w], adds[w], w);
}

/* --- windows --------------------------------------------------------------------------------------------------------- */

/* Each window shows one of the pages. */
static void map_windows(unsigned hart, uint64_t *s, unsigned *shows)
{
    for (unsigned i = 0; i < WINDOWS; i++) {
        shows[i] = random64(s) % PAGES;
        *(volatile uint64_t *)&leaves[hart][i] = (uint64_t)(uintptr_t)words[shows[i]] >> 2 | LEAF;
    }
}

static void flush(uint64_t *s, unsigned hart)
{
    uint64_t asid = 5 + hart;

    switch (random64(s) % 3) {
    case 0: asm volatile("sfence.vma" ::: "memory"); break;
    case 1: asm volatile("sfence.vma zero, %0" : : "r"(asid) : "memory"); break;
    default:
        for (uint64_t i = 0, va; i < WINDOWS; i++) {
            va = WINDOW + i * 4096;
            if (random64(s) & 1)
                asm volatile("sfence.vma %0" : : "r"(va) : "memory");
            else
                asm volatile("sfence.vma %0, %1" : : "r"(va), "r"(asid) : "memory");
        }
    }
}

static void run_program(unsigned hart, uint64_t value)
{
    register uint64_t a0 asm("a0") = WINDOW, a2 asm("a2") = value;
    register void *entry asm("a3") = code[hart];

    asm volatile("csrs mstatus, %2\n jalr ra, %1\n csrc mstatus, %2"
                 : "+r"(a0) : "r"(entry), "r"(MPRV_AS_S), "r"(a2) : "ra", "a1", "t0", "t1", "t2", "memory");
}

/* --- rounds ---------------------------------------------------------------------------------------------------------- */

static void put_number(uint64_t v)
{
    if (v >= 10)
        put_number(v / 10);
    UART[0] = (uint8_t)('0' + v % 10);
}

static void check(uint64_t round)
{
    for (unsigned w = 0; w < PAGES * WORDS && !failed; w++) {
        uint64_t want = 0;

        for (unsigned h = 0; h < HARTS; h++)
            add(&want, sum[h][w], w);
        if (words[w / WORDS][w % WORDS].v == want)
            continue;
        failed = 1;
        put_number(round);
        UART[0] = ' ';
        put_number(w / WORDS);
        UART[0] = ' ';
        put_number(w % WORDS);
        UART[0] = '\n';
    }
}

void hart_main(unsigned hart)
{
    unsigned other = (hart + 1) % HARTS, shows[WINDOWS];
    uint64_t s = SEED * 1000003ul + hart, end = MTIME + MILLIS * 10000ul;

    root[hart][0] = LEAF;
    root[hart][1] = (uint64_t)(uintptr_t)middle[hart] >> 2 | V;
    root[hart][2] = 0x80000000ul >> 2 | LEAF;
    middle[hart][0] = (uint64_t)(uintptr_t)leaves[hart] >> 2 | V;
    asm volatile("csrw pmpaddr0, %0\n csrw pmpcfg0, %1" : : "r"(-1ul), "r"(0x1ful));
    asm volatile("csrw satp, %0\n sfence.vma" : : "r"(8ul << 60 | (5ul + hart) << 44 | (uint64_t)(uintptr_t)root[hart] >> 12) : "memory");
    for (uint64_t round = 1;; round++) {
        map_windows(other, &s, shows);
        make_program(other, &s, shows);
        barrier();
        flush(&s, hart);
        asm volatile("fence rw,rw\n .word 0x100f" ::: "memory");    /* fence.i */
        run_program(hart, round);
        barrier();
        if (hart == 0) {
            check(round);
            stop = failed || MTIME > end;
        }
        barrier();
        if (stop)
            break;
    }
    asm volatile("csrw satp, zero\n sfence.vma" ::: "memory");
}

int main(void)
{
    hart_main(0);
    return (int)failed;
}

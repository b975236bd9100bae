/* Harts against one another, in machine mode: atomics, LR/SC, fences, code that another hart writes, interrupts between
 * harts, and page tables that change under a reader. Each part runs for MILLIS on HARTS harts and checks what must hold in
 * every order of events. Returns the number of the part that failed. */
#include <stdint.h>

#define MTIME (*(volatile uint64_t *)0x200bff8)
#define MSIP(h) (((volatile uint32_t *)0x2000000)[h])
#define FENCE() asm volatile("fence rw,rw" ::: "memory")

typedef volatile uint64_t shared __attribute__((aligned(64)));

static shared arrived, phase, stop, failed, ack[HARTS], count[HARTS];

static uint64_t amo_add(shared *p, uint64_t v)
{
    uint64_t old;

    asm volatile("amoadd.d.aqrl %0, %2, %1" : "=r"(old), "+A"(*p) : "r"(v) : "memory");
    return old;
}

static void barrier(void)
{
    uint64_t now = phase;

    FENCE();
    if (amo_add(&arrived, 1) == HARTS - 1) {
        arrived = 0;
        FENCE();
        phase = now + 1;
    }
    while (phase == now)
        continue;
    FENCE();
}

static uint64_t end_of_part;

static int over(unsigned hart)
{
    if (hart == 0 && MTIME > end_of_part)
        stop = 1;
    return stop != 0;
}

static void check(int good, uint64_t part)
{
    if (!good)
        failed = part;
}

static int all_acked(uint64_t n)
{
    for (unsigned h = 1; h < HARTS; h++)
        if (ack[h] != n)
            return 0;
    return 1;
}

/* --- 1: atomics ------------------------------------------------------------------------------------------------------- */

static shared words, longs, reserved, guarded, lock, toggled, highest;

static void increment_reserved(shared *p)
{
    uint64_t v, fail;

    asm volatile("1: lr.d.aq %0, %2\n addi %0, %0, 1\n sc.d.rl %1, %0, %2\n bnez %1, 1b"
                 : "=&r"(v), "=&r"(fail), "+A"(*p) : : "memory");
}

static void with_lock(void)
{
    uint64_t taken;

    do
        asm volatile("amoswap.w.aq %0, %2, %1" : "=r"(taken), "+A"(lock) : "r"(1) : "memory");
    while (taken);
    guarded = guarded + 1;
    asm volatile("amoswap.w.rl zero, zero, %0" : "+A"(lock) : : "memory");
}

static void atomics(unsigned hart)
{
    uint64_t n = 0;

    while (!over(hart))
        for (unsigned i = 0; i < 32; i++) {
            asm volatile("amoadd.w zero, %1, %0" : "+A"(words) : "r"(1) : "memory");
            amo_add(&longs, 3);
            increment_reserved(&reserved);
            with_lock();
            asm volatile("amoxor.d zero, %1, %0" : "+A"(toggled) : "r"(1ul << hart | 1ul << 63) : "memory");
            n++;
            asm volatile("amomaxu.d zero, %1, %0" : "+A"(highest) : "r"(n) : "memory");
        }
    count[hart] = n;
    barrier();
    if (hart == 0) {
        uint64_t sum = 0, odd = 0, most = 0;

        for (unsigned h = 0; h < HARTS; h++) {
            sum += count[h];
            odd ^= (count[h] & 1) * (1ul << h | 1ul << 63);
            most = count[h] > most ? count[h] : most;
        }
        check((uint32_t)words == (uint32_t)sum && longs == 3 * sum && reserved == sum && guarded == sum && toggled == odd &&
              highest == most, 1);
    }
}

/* --- 2: order ----------------------------------------------------------------------------------------------------------- */

static shared data[8], flag, wants[2], turn, inside;

/* Peterson's lock: right only if the fence orders a store before a later load. */
static void peterson(unsigned me)
{
    wants[me] = 1;
    turn = !me;
    FENCE();
    while (wants[!me] && turn == !me)
        if (stop)
            break;
    if (!stop) {
        check(inside == 0, 2);
        inside = 1;
        asm volatile("fence w,w" ::: "memory");
        check(inside == 1, 2);
        inside = 0;
    }
    asm volatile("fence rw,w" ::: "memory");
    wants[me] = 0;
}

static void order(unsigned hart)
{
    for (uint64_t n = 1; !over(hart); n++) {
        if (hart < 2)
            peterson(hart);
        if (hart == 0) {
            data[n % 8] = n;
            asm volatile("fence w,w" ::: "memory");
            flag = n;
        } else {
            uint64_t seen = flag;

            asm volatile("fence r,r" ::: "memory");
            check(data[seen % 8] >= seen, 2);
        }
    }
}

/* --- 3: code that another hart writes ----------------------------------------------------------------------------------- */

static struct { uint32_t insn[2]; uint32_t pad[126]; volatile uint64_t beside[448]; } code __attribute__((aligned(4096)));
static shared version;

static uint64_t call_code(void)
{
    return ((uint64_t (*)(void))(uintptr_t)code.insn)();
}

static void write_code(uint64_t n)
{
    *(volatile uint32_t *)&code.insn[0] = 0x513 | (uint32_t)(n & 0x7ff) << 20;     /* li a0, n */
    *(volatile uint32_t *)&code.insn[1] = 0x8067;                                /* ret */
    FENCE();
}

static void written_code(unsigned hart)
{
    uint64_t seen = 0;

    if (hart == 0) {
        for (uint64_t n = 1; !over(0); n++) {
            write_code(n);
            version = n;
            while (!all_acked(n))
                code.beside[8 * hart] = n;
        }
        return;
    }
    while (!stop) {
        uint64_t now = version;

        code.beside[8 * hart] = now;           /* data beside code, all the time */
        if (now == seen)
            continue;
        asm volatile("fence r,rw\n .word 0x100f" ::: "memory");        /* fence.i */
        check(call_code() == (now & 0x7ff), 3);
        FENCE();
        ack[hart] = seen = now;
    }
}

/* --- 4: interrupts between harts ------------------------------------------------------------------------------------------ */

static shared token;

static void pass_on(unsigned hart)
{
    FENCE();
    MSIP((hart + 1) % HARTS) = 1;
}

static void interrupts(unsigned hart)
{
    uint64_t pending, at = hart;

    asm volatile("csrw mie, %0" : : "r"(8ul));
    barrier();
    if (hart == 0)
        MSIP(0) = 1;
    for (int last = 0; !last;) {
        do
            asm volatile("wfi\n csrr %0, mip" : "=r"(pending) : : "memory");
        while (!(pending & 8));
        MSIP(hart) = 0;
        FENCE();
        last = over(hart);
        check(token == at, 4);
        token = at + 1;
        at += HARTS;
        pass_on(hart);
    }
    barrier();
    MSIP(hart) = 0;
    asm volatile("csrw mie, zero");
}

/* --- 5: a mapping that changes ---------------------------------------------------------------------------------------------- */

enum { V = 1, R = 2, W = 4, X = 8, A = 64, D = 128, LEAF = V | R | W | X | A | D };
#define WINDOW 0x40000000ul
#define MPRV_AS_S (1ul << 17 | 1ul << 11)

static uint64_t root[512] __attribute__((aligned(4096))), middle[512] __attribute__((aligned(4096))),
                leaves[512] __attribute__((aligned(4096)));
static volatile uint64_t page[2][512] __attribute__((aligned(4096)));
static shared shot;

static void map_window(unsigned which)
{
    *(volatile uint64_t *)&leaves[0] = (uint64_t)(uintptr_t)page[which] >> 2 | LEAF;
    FENCE();
}

static uint64_t read_window(void)
{
    uint64_t v, at = WINDOW;

    asm volatile("csrs mstatus, %2\n ld %0, (%1)\n csrc mstatus, %2" : "=&r"(v) : "r"(at), "r"(MPRV_AS_S) : "memory");
    return v;
}

static void flush_window(unsigned hart)
{
    uint64_t at = WINDOW, asid = 5;

    switch (hart % 3) {
    case 0: asm volatile("sfence.vma" ::: "memory"); break;
    case 1: asm volatile("sfence.vma %0" : : "r"(at) : "memory"); break;
    default: asm volatile("sfence.vma %0, %1" : : "r"(at), "r"(asid) : "memory"); break;
    }
}

static void mappings(unsigned hart)
{
    const uint64_t poison = ~0ul;
    uint64_t seen = 0;

    if (hart == 0) {
        root[0] = LEAF;
        root[1] = (uint64_t)(uintptr_t)middle >> 2 | V;
        root[2] = 0x80000000ul >> 2 | LEAF;
        middle[0] = (uint64_t)(uintptr_t)leaves >> 2 | V;
        map_window(0);
    }
    barrier();
    asm volatile("csrw pmpaddr0, %0\n csrw pmpcfg0, %1" : : "r"(-1ul), "r"(0x1ful));
    asm volatile("csrw satp, %0\n sfence.vma" : : "r"(8ul << 60 | 5ul << 44 | (uint64_t)(uintptr_t)root >> 12) : "memory");
    barrier();
    if (hart == 0) {
        for (uint64_t n = 1; !over(0); n++) {
            page[n & 1][0] = n;
            FENCE();
            map_window(n & 1);
            shot = n;
            while (!all_acked(n))
                continue;
            page[~n & 1][0] = poison;          /* nobody may see this page any more */
            FENCE();
        }
    } else {
        while (!stop) {
            uint64_t now = shot;

            if (now != seen) {
                flush_window(hart);
                FENCE();
                ack[hart] = seen = now;
            }
            for (unsigned i = 0; i < 16; i++)
                check(read_window() != poison, 5);
        }
    }
    barrier();
    asm volatile("csrw satp, zero\n sfence.vma" ::: "memory");
}

/* --- all ------------------------------------------------------------------------------------------------------------------- */

static void (*const parts[])(unsigned) = { atomics, order, written_code, interrupts, mappings };

void hart_main(unsigned hart)
{
    for (unsigned i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (hart == 0) {
            stop = 0;
            end_of_part = MTIME + MILLIS * 10000ul;
        }
        ack[hart] = 0;
        barrier();
        parts[i](hart);
        barrier();
    }
}

int main(void)
{
    hart_main(0);
    return (int)failed;
}

/* CPUs against one another: LSE atomics, exclusives, order, code that another CPU writes, interrupts between CPUs, page tables that
 * change under readers. Each part runs for MILLIS on CPUS CPUs and checks what must hold in every order of events. */
#include "tests/guest/bare-arm/bare.h"

#define NOW() READ(cntvct_el0)
#define GICD(off) (*(volatile uint32_t *)(0x08000000 + (off)))
#define GICC(off) (*(volatile uint32_t *)(0x08010000 + (off)))

typedef volatile uint64_t shared __attribute__((aligned(64)));

static shared arrived, phase, stop, failed, ack[CPUS], count[CPUS];

static uint64_t add_lse(shared *p, uint64_t v)
{
    uint64_t old;

    __asm__ volatile(".arch armv8.1-a\n ldaddal %2, %0, %1" : "=r"(old), "+Q"(*p) : "r"(v) : "memory");
    return old;
}

static uint64_t add_exclusive(shared *p, uint64_t v)
{
    uint64_t old, new;
    uint32_t no;

    do
        __asm__ volatile("ldaxr %0, %3\n add %1, %0, %4\n stlxr %w2, %1, %3" : "=&r"(old), "=&r"(new), "=&r"(no), "+Q"(*p) : "r"(v) : "memory");
    while (no);
    return old;
}

static uint64_t load_acquire(shared *p)
{
    uint64_t v;

    __asm__ volatile("ldar %0, %1" : "=r"(v) : "Q"(*p) : "memory");
    return v;
}

static void store_release(shared *p, uint64_t v) { __asm__ volatile("stlr %1, %0" : "=Q"(*p) : "r"(v) : "memory"); }

static void barrier(void)
{
    uint64_t now = phase;

    __asm__ volatile("dmb ish" : : : "memory");
    if (add_lse(&arrived, 1) == CPUS - 1) {
        arrived = 0;
        store_release(&phase, now + 1);
    }
    while (load_acquire(&phase) == now)
        continue;
}

static uint64_t end_of_part;

static int over(unsigned cpu)
{
    if (cpu == 0 && NOW() > end_of_part)
        store_release(&stop, 1);
    return load_acquire(&stop) != 0;
}

static void begin(unsigned cpu)
{
    static int part;

    barrier();
    if (cpu == 0) {
        UART = 'a' + part++;
        stop = 0;
        end_of_part = NOW() + MILLIS * 62500;
        for (unsigned i = 0; i < CPUS; i++)
            ack[i] = count[i] = 0;
    }
    barrier();
}

static void check(int good, uint64_t part)
{
    if (!good)
        failed = part;
}

/* --- 1: atomics: nothing is lost ------------------------------------------------------------------------------------------ */

static shared sum, sum2;
static struct { volatile uint64_t a, b; } pair __attribute__((aligned(64)));

static void bump_pair(void)
{
    uint64_t a, b;
    uint32_t no;

    do
        __asm__ volatile("ldaxp %0, %1, %3\n add %0, %0, #1\n sub %1, %1, #1\n stlxp %w2, %0, %1, %3" :
                         "=&r"(a), "=&r"(b), "=&r"(no), "+Q"(pair) : : "memory");
    while (no);
}

static void atomics(unsigned cpu)
{
    static shared before;
    uint64_t total = 0;

    begin(cpu);
    if (cpu == 0)
        sum = sum2 = pair.a = pair.b = 0;
    barrier();
    while (!over(cpu))
        for (int i = 0; i < 100; i++) {
            add_lse(&sum, 1);
            add_exclusive(&sum2, 3);
            add_exclusive(&sum, 1);
            bump_pair();
            count[cpu]++;
        }
    barrier();
    for (unsigned i = 0; i < CPUS; i++)
        total += count[i];
    check(sum == 2 * total && sum2 == 3 * total && pair.a == total && pair.b == 0 - total, 1);
}

/* --- 2: order: messages are seen behind their flag; a store and a load with a barrier between ---------------------------------- */

static shared flag, message[4], left, right, saw_left, saw_right;

static void order(unsigned cpu)
{
    uint64_t n = 0;

    begin(cpu);
    if (cpu == 0)
        flag = left = right = 0;
    barrier();
    while (cpu == 0 && !over(cpu)) {
        n++;
        message[n & 3] = n;
        store_release(&flag, n);
    }
    while (cpu && !over(cpu)) {
        uint64_t f = load_acquire(&flag), m = message[f & 3];

        check(m >= f, 2);
    }
    for (int i = 0; i < 40; i++) {             /* Dekker: one of the two sees the other */
        barrier();
        if (cpu == 0) { left = i + 1; __asm__ volatile("dmb ish" : : : "memory"); saw_right = right; }
        if (cpu == 1) { right = i + 1; __asm__ volatile("dmb ish" : : : "memory"); saw_left = left; }
        barrier();
        if (cpu == 0)
            check(saw_right == i + 1 || saw_left == i + 1, 3);
    }
}

/* --- 3: code, with no more than DC CVAU, DSB, IC IVAU, DSB, ISB ------------------------------------------------------------------ */

static volatile uint32_t code[2] __attribute__((aligned(4096)));
static shared version;

static void new_code(uint32_t n)
{
    code[0] = 0x52800000 | (n & 0xffff) << 5;  /* mov w0, #n */
    code[1] = 0xd65f03c0;
    __asm__ volatile("dc cvau, %0\n dsb ish\n ic ivau, %0\n dsb ish\n isb" : : "r"(code) : "memory");
}

static void written_code(unsigned cpu)
{
    begin(cpu);
    if (cpu == 0) {
        new_code(0);
        version = 0;
    }
    barrier();
    __asm__ volatile("isb");
    for (uint32_t n = 1; cpu == 0 && !over(cpu) && n < 0xffff; n++) {
        new_code(n);
        store_release(&version, n);
        check(((uint32_t (*)(void))code)() == n, 4);
        for (int i = 0; i < 20; i++)
            __asm__ volatile("yield");
    }
    if (cpu == 0)
        store_release(&stop, 1);
    while (cpu && !over(cpu)) {
        uint64_t v = load_acquire(&version);

        __asm__ volatile("isb");
        check(((uint32_t (*)(void))code)() >= v, 5);
    }
}

/* --- 4: page tables: behind TLBI and DSB nobody uses what was there ------------------------------------------------------------- */

enum { BLOCK = 1, TABLE = 3, PAGE = 3, AF = 1 << 10, SH = 3 << 8, DEVICE = 1 << 2 };
#define GIB UINT64_C(0x40000000)
#define MOVING (4 * GIB)
static uint64_t level1[512] __attribute__((aligned(4096))), level2[512] __attribute__((aligned(4096)));
static volatile uint64_t level3[512] __attribute__((aligned(4096)));
static shared pages[2][512] __attribute__((aligned(4096)));

static void paging(unsigned cpu)
{
    if (cpu == 0) {
        level1[0] = BLOCK | DEVICE | AF;
        level1[1] = GIB | BLOCK | AF | SH;
        level1[4] = (uint64_t)level2 | TABLE;
        level2[0] = (uint64_t)level3 | TABLE;
    }
    barrier();
    WRITE(mair_el1, 0x00ff);
    WRITE(tcr_el1, 25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | UINT64_C(2) << 32);
    WRITE(ttbr0_el1, level1);
    __asm__ volatile("tlbi vmalle1\n dsb sy\n isb");
    WRITE(sctlr_el1, READ(sctlr_el1) | 1 | 4 | 1 << 12);
}

static void broadcast(void) { __asm__ volatile("dsb ishst\n tlbi vaae1is, %0\n dsb ish\n isb" : : "r"(MOVING >> 12) : "memory"); }

static uint64_t got[CPUS][8];
static void read_moving(uint64_t cpu) { got[cpu][0] = *(shared *)MOVING; }

static void mappings(unsigned cpu)
{
    begin(cpu);
    paging(cpu);
    if (cpu == 0)
        level3[0] = 0;
    barrier();
    for (uint64_t n = 0; cpu == 0 && !over(cpu); n++) {
        pages[n & 1][0] = 1;                   /* good while it is mapped */
        level3[0] = (uint64_t)pages[n & 1] | PAGE | AF | SH;
        __asm__ volatile("dsb ishst\n isb" : : : "memory");
        for (int i = 0; i < 30; i++)
            check(*(shared *)MOVING == 1, 6);
        level3[0] = 0;
        broadcast();
        pages[n & 1][0] = 2;                   /* nobody reads here now */
    }
    while (cpu && !over(cpu))
        if (!attempt(read_moving, cpu))
            check(got[cpu][0] == 1, 7);
        else
            check((seen.esr >> 26) == 0x25 && (seen.esr & 0x3f) == 7, 8);
}

/* --- 5: interrupts between CPUs: each arrives -------------------------------------------------------------------------------------- */

void on_irq(void)
{
    uint32_t id = GICC(0xc);

    if ((id & 0x3ff) < 16)
        ack[READ(mpidr_el1) & 0xff]++;
    GICC(0x10) = id;
}

static void interrupts(unsigned cpu)
{
    begin(cpu);
    if (cpu == 0)
        GICD(0) = 1;
    GICC(4) = 0xff;
    GICC(0) = 1;
    barrier();
    __asm__ volatile("msr daifclr, #2");
    for (uint64_t n = 1; cpu == 0 && !over(cpu); n++) {
        GICD(0xf00) = 1 << 24 | n % 16;        /* to all others */
        for (unsigned i = 1; i < CPUS; i++)
            while (load_acquire(&ack[i]) != n && NOW() < end_of_part + 62500000ull * 60)
                continue;
        for (unsigned i = 1; i < CPUS; i++)
            check(ack[i] == n, 9);
    }
    while (cpu && !over(cpu))
        if (cpu & 1)
            __asm__ volatile("wfi");
    if (cpu == 0)
        GICD(0xf00) = 1 << 24;                 /* the last waits for one more */
    barrier();
    __asm__ volatile("msr daifset, #2");
}

static void all(unsigned cpu)
{
    barrier();
    atomics(cpu);
    order(cpu);
    written_code(cpu);
    mappings(cpu);
    interrupts(cpu);
    barrier();
}

void cpu_main(uint64_t cpu) { all((unsigned)cpu); }

int main(void)
{
    for (unsigned i = 1; i < CPUS; i++)
        cpu_on(i);
    all(0);
    show("part ", failed);
    put(failed ? " failed\r\n" : "\r\npassed\r\n");
    return 0;
}

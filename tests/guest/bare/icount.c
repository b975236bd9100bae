/* Counted instructions (-icount shift=SHIFT): the counters are exact, time follows them, and a timer interrupts at the very
 * instruction at which it is due, wherever the code around is (cold, a hot loop, beside a device). What it saw is printed as
 * a hash: every run, by whatever tier, prints the same. */
#include <stdint.h>

#define READ(csr) ({ uint64_t v_; __asm__ volatile("csrr %0, " #csr : "=r"(v_)); v_; })
#define MTIME (*(volatile uint64_t *)0x200bff8)
#define MTIMECMP (*(volatile uint64_t *)0x2004000)
#define UART (*(volatile uint8_t *)0x10000000)

static uint64_t ticks, hash, worst, traps, slept;

static void put(char c) { UART = (uint8_t)c; }

static void print(const char *s, uint64_t v)
{
    while (*s)
        put(*s++);
    for (int k = 60; k >= 0; k -= 4)
        put("0123456789abcdef"[v >> k & 15]);
    put('\n');
}

static uint64_t mix(uint64_t h, uint64_t v) { return (h ^ v) * 0x9e3779b97f4a7c15u ^ h >> 29; }

/* cycle: as read by the handler's first instruction. That many were executed before it. */
void trap_c(uint64_t cycle, uint64_t pc)
{
    uint64_t due = (MTIMECMP * 100 + (1 << SHIFT) - 1) >> SHIFT, late;

    if ((int64_t)READ(mcause) >= 0) {
        traps++;
        __asm__ volatile("csrw mepc, %0" : : "r"(pc + 4));
        return;
    }
    late = cycle - due;
    if (late > worst && !slept)                /* time jumps while the CPU waits */
        worst = late;
    hash = mix(mix(hash, cycle), pc);
    ticks++;
    MTIMECMP += (3 + hash % 17) << SHIFT;       /* 300 to 2000 instructions at shift=0 */
    if ((int64_t)(MTIME - MTIMECMP) >= 0)
        MTIMECMP = MTIME + (3 << SHIFT);
}

__asm__(".balign 4\n"
        "icount_entry:\n"
        "  csrw mscratch, t0\n  csrr t0, mcycle\n  addi sp, sp, -256\n"
        "  sd ra, 0(sp)\n sd t1, 8(sp)\n sd t2, 16(sp)\n sd t3, 24(sp)\n sd t4, 32(sp)\n sd t5, 40(sp)\n sd t6, 48(sp)\n"
        "  sd a0, 56(sp)\n sd a1, 64(sp)\n sd a2, 72(sp)\n sd a3, 80(sp)\n sd a4, 88(sp)\n sd a5, 96(sp)\n sd a6, 104(sp)\n sd a7, 112(sp)\n"
        "  addi a0, t0, -1\n  csrr a1, mepc\n  call trap_c\n"
        "  ld ra, 0(sp)\n ld t1, 8(sp)\n ld t2, 16(sp)\n ld t3, 24(sp)\n ld t4, 32(sp)\n ld t5, 40(sp)\n ld t6, 48(sp)\n"
        "  ld a0, 56(sp)\n ld a1, 64(sp)\n ld a2, 72(sp)\n ld a3, 80(sp)\n ld a4, 88(sp)\n ld a5, 96(sp)\n ld a6, 104(sp)\n ld a7, 112(sp)\n"
        "  addi sp, sp, 256\n  csrr t0, mscratch\n  mret\n");
extern char icount_entry[];

static int fail(const char *what, uint64_t v)
{
    print(what, v);
    return 1;
}

static uint64_t work(uint64_t n)               /* loops, calls, memory: becomes hot */
{
    static uint64_t table[64];
    uint64_t x = n;

    for (uint64_t i = 0; i < n; i++) {
        x = x * 6364136223846793005u + i;
        table[x >> 58] += x;
        if (x & 64)
            x ^= table[i & 63];
    }
    return x;
}

static int counters(void)
{
    uint64_t a, b, c, d;

    __asm__ volatile("csrr %0, minstret\n nop\n nop\n nop\n csrr %1, minstret" : "=r"(a), "=r"(b));
    if (b - a != 4)
        return fail("four instructions: ", b - a);
    __asm__ volatile("csrr %0, minstret\n csrr %1, mcycle\n ecall\n nop\n csrr %2, minstret\n csrr %3, mcycle"
                     : "=r"(a), "=r"(c), "=r"(b), "=r"(d));
    if (traps != 1 || d - c - (b - a) != 1)    /* the ecall took its time but did not retire */
        return fail("an ecall: ", d - c - (b - a));
    __asm__ volatile("li t0, 1000\n csrw minstret, t0\n csrr %0, minstret\n nop\n csrr %1, minstret" : "=r"(a), "=r"(b) : : "t0");
    if (a != 1000 || b != 1002)
        return fail("a written counter: ", a);
    __asm__ volatile("csrr %0, mcycle\n csrr %1, time" : "=r"(a), "=r"(b));
    if (b != ((a + 2) << SHIFT) / 100)
        return fail("time: ", b);
    __asm__ volatile("csrr %0, mcycle\n ld %1, (%2)" : "=&r"(a), "=r"(b) : "r"(&MTIME));
    if (b < (a << SHIFT) / 100 || b > ((a + 2) << SHIFT) / 100)
        return fail("time of a device: ", b);
    return 0;
}

int main(void)
{
    uint64_t x = 0;

    __asm__ volatile("csrw mtvec, %0" : : "r"(icount_entry));
    if (counters())
        return 1;
    MTIMECMP = MTIME + 10;
    __asm__ volatile("csrs mie, %0\n csrsi mstatus, 8" : : "r"(128l));
    for (int round = 0; round < 40; round++) {
        x = mix(x, work(20000));
        put('.');
        if (round % 8 == 7)
            for (uint64_t t = ticks + !(slept = 1); ticks == t;)
                __asm__ volatile("wfi");
    }
    __asm__ volatile("csrci mstatus, 8");
    put('\n');
    print("ticks ", ticks);
    print("result ", x);
    print("hash ", hash);
    print("cycles ", READ(mcycle));
    if (worst > 0)
        return fail("late by ", worst);
    return 0;
}

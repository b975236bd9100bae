/* Counted instructions (-icount shift=SHIFT): the counters are exact, time follows them, and a timer interrupts at the very
 * instruction at which it is due, wherever the code around is (cold, a hot loop, beside a device). A write to a system register or
 * to the interrupt controller acts at once. What it saw is printed as a hash: every run, by whatever tier, prints the same. */
#include "tests/guest/bare-arm/check.h"

#define GICD(off) (*(volatile uint32_t *)(0x08000000 + (off)))
#define GICC(off) (*(volatile uint32_t *)(0x08010000 + (off)))
enum { TIMER_IRQ = 27, TICK_NS = 16 };

static volatile uint64_t hash, ticks, worst, once, elr_at_irq;

static uint64_t mix(uint64_t h, uint64_t v) { return (h ^ v) * 0x9e3779b97f4a7c15u ^ h >> 29; }

void on_irq(uint64_t vector, uint64_t pc)
{
    uint64_t now = READ(cntvct_el0), due = READ(cntv_cval_el0);
    uint32_t id = GICC(0xc);

    if (id == TIMER_IRQ) {
        ticks++;
        if (now - due > worst)
            worst = now - due;
        hash = mix(mix(hash, now), pc);
        if (once)
            WRITE(cntv_ctl_el0, 0);
        else
            WRITE(cntv_cval_el0, now + 20 + hash % 100);
    }
    elr_at_irq = pc;
    GICC(0x10) = id;
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

/* An interrupt that is pending is taken before the instruction behind the one that lets it in: by DAIF, by the priority mask, by
 * the enable bit of the distributor, by the timer's control register. */
static void at_once(void)
{
    uint64_t here;

    once = 1;
    WRITE(cntv_cval_el0, 0);
    WRITE(cntv_ctl_el0, 1);
    __asm__ volatile("adr %0, 1f\n msr daifclr, #2\n 1: nop\n nop\n nop\n msr daifset, #2" : "=&r"(here) : : "memory");
    check("DAIF ", elr_at_irq, here);
    GICC(4) = 0;
    WRITE(cntv_ctl_el0, 1);
    __asm__ volatile("msr daifclr, #2");
    __asm__ volatile("adr %0, 1f\n str %w1, [%2]\n 1: nop\n nop\n nop\n msr daifset, #2" : "=&r"(here) : "r"(0xff), "r"(&GICC(4)) : "memory");
    check("GICC_PMR ", elr_at_irq, here);
    GICD(0x180) = 1 << TIMER_IRQ;
    WRITE(cntv_ctl_el0, 1);
    __asm__ volatile("msr daifclr, #2");
    __asm__ volatile("adr %0, 1f\n str %w1, [%2]\n 1: nop\n nop\n nop\n msr daifset, #2" : "=&r"(here) : "r"(1 << TIMER_IRQ), "r"(&GICD(0x100)) : "memory");
    check("GICD_ISENABLER ", elr_at_irq, here);
    __asm__ volatile("msr daifclr, #2");
    __asm__ volatile("adr %0, 1f\n msr cntv_ctl_el0, %1\n 1: nop\n nop\n nop\n msr daifset, #2" : "=&r"(here) : "r"(UINT64_C(1)) : "memory");
    check("CNTV_CTL ", elr_at_irq, here);
    once = 0;
    WRITE(cntv_ctl_el0, 1);
}

int main(void)
{
    uint64_t x = 0, a, b;

    WRITE(pmcr_el0, 0x47);
    WRITE(pmcntenset_el0, 1u << 31);
    GICD(0) = 1;
    GICD(0x100) = 1 << TIMER_IRQ;
    GICC(4) = 0xff;
    GICC(0) = 1;
    at_once();
    __asm__ volatile("isb\n mrs %0, cntvct_el0\n .rept 64\n nop\n .endr\n mrs %1, cntvct_el0" : "=r"(a), "=r"(b));
    check("time ", b - a - (65ull << SHIFT) / TICK_NS <= 1, 1);
    WRITE(cntv_cval_el0, READ(cntvct_el0) + 10);
    ticks = hash = worst = 0;
    __asm__ volatile("msr daifclr, #2");
    for (int round = 0; round < 40; round++) {
        x = mix(x, work(20000));
        UART = '.';
        for (uint64_t t = ticks; round % 8 == 7 && ticks == t;)
            __asm__ volatile("wfi");
    }
    __asm__ volatile("msr daifset, #2");
    show("\r\nticks ", ticks);
    show(" latest ", worst);
    show(" result ", x);
    show(" hash ", hash);
    put(failed ? "\r\nfailed\r\n" : "\r\npassed\r\n");
    return 0;
}

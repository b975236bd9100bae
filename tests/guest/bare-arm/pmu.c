/* The performance monitors. With -DEXACT (under -icount shift=0) cycles and instructions are counted to the digit; without, they
 * follow the clock. An overflow sets its flag and raises private interrupt 23 either way. */
#include "tests/guest/bare-arm/check.h"

#define GICD(off) (*(volatile uint32_t *)(0x08000000 + (off)))
#define GICC(off) (*(volatile uint32_t *)(0x08010000 + (off)))
enum { INSTRUCTIONS = 8, CYCLES = 0x11, CHAIN = 0x1e, NO_EL1 = 1u << 31, CYCLE_BIT = 1u << 31, PMU_IRQ = 23 };

static volatile unsigned interrupts, wrong_irq;
static volatile uint64_t at_irq;

void on_irq(void)
{
    uint32_t id = GICC(0xc);

    if (id == PMU_IRQ) {
        interrupts++;
        at_irq = READ(pmovsclr_el0);
        WRITE(pmovsclr_el0, at_irq);
    } else {
        wrong_irq++;
    }
    GICC(0x10) = id;
}

static void begin(uint32_t type0, uint32_t type1, uint32_t on)
{
    WRITE(pmcntenclr_el0, ~0u);
    WRITE(pmintenclr_el1, ~0u);
    WRITE(pmevtyper0_el0, type0);
    WRITE(pmevtyper1_el0, type1);
    WRITE(pmcr_el0, 0x47);             /* all from 0, all bits of cycles count */
    WRITE(pmovsclr_el0, ~0u);
    WRITE(pmcntenset_el0, on);
}

static void identification(void)
{
    check("DFR0.PMUVer ", READ(id_aa64dfr0_el1) >> 8 & 15, 1);
    check("PMCR.N ", READ(pmcr_el0) >> 11 & 31, 6);
    check("PMCEID0 ", READ(pmceid0_el0) & (1 << 8 | 1 << 17 | 1), 1 << 8 | 1 << 17 | 1);
}

static void exact(void)
{
#ifdef EXACT
    uint64_t a, b, c, d;

    begin(INSTRUCTIONS, CYCLES, CYCLE_BIT | 3);
    __asm__ volatile("mrs %0, pmccntr_el0\n nop\n nop\n nop\n mrs %1, pmccntr_el0" : "=r"(a), "=r"(b));
    check("cycles ", b - a, 4);
    __asm__ volatile("mrs %0, pmevcntr0_el0\n nop\n nop\n mrs %1, pmevcntr1_el0\n nop\n mrs %2, pmevcntr0_el0\n mrs %3, pmevcntr1_el0" :
                     "=r"(a), "=r"(b), "=r"(c), "=r"(d));
    check("instructions ", c - a, 5);
    check("cycles as an event ", d - b, 3);
    __asm__ volatile("mov x9, #1000\n msr pmccntr_el0, x9\n mrs %0, pmccntr_el0\n nop\n mrs %1, pmccntr_el0" : "=r"(a), "=r"(b) : : "x9");
    check("written ", a, 1000);
    check("written, later ", b, 1002);
    __asm__ volatile("mov x9, #1\n msr pmcntenclr_el0, x9\n mrs %0, pmevcntr0_el0\n nop\n nop\n mrs %1, pmevcntr0_el0\n msr pmcntenset_el0, x9\n"
                     "mrs %2, pmevcntr0_el0\n mrs %3, pmevcntr0_el0" : "=r"(a), "=r"(b), "=r"(c), "=r"(d) : : "x9");
    check("stopped ", b - a, 0);
    check("goes on ", c - b, 0);
    check("and counts ", d - c, 1);
#endif
}

static void __attribute__((naked)) at_el0_code(uint64_t n) { __asm__ volatile("1: subs x0, x0, #1\n b.ne 1b\n svc #0"); }

static void levels(void)
{
    uint64_t all, user;

    begin(INSTRUCTIONS | NO_EL1, INSTRUCTIONS | 1 << 30, 3);
    at_el0(at_el0_code, 1000);
    user = READ(pmevcntr0_el0);
    all = READ(pmevcntr1_el0);
#ifdef EXACT
    check("instructions at EL0 ", user == 2000 || user == 2001 ? 1 : user, 1);
    check("instructions at EL1 are few ", all > 20 && all < 400 ? 1 : all, 1);
#else
    check("some at EL0 ", user > 0, 1);
#endif
}

static void software(void)
{
    begin(0, CHAIN, 3);
    WRITE(pmevcntr0_el0, 0xfffffffe);
    WRITE(pmswinc_el0, 1);
    check("one more ", READ(pmevcntr0_el0), 0xffffffff);
    check("no overflow ", READ(pmovsclr_el0), 0);
    WRITE(pmswinc_el0, 3);
    check("and over ", READ(pmevcntr0_el0), 0);
    check("overflow ", READ(pmovsset_el0), 1);
    check("chained ", READ(pmevcntr1_el0), 1);
    WRITE(pmselr_el0, 1);
    check("selected ", READ(pmxevcntr_el0), 1);
    check("its type ", READ(pmxevtyper_el0), CHAIN);
}

static void overflow(uint32_t bit, uint64_t soon)
{
    unsigned before = interrupts;
    uint64_t until = READ(cntvct_el0) + 62500000 * 20;

    WRITE(pmintenset_el1, bit);
    if (bit == CYCLE_BIT)
        WRITE(pmccntr_el0, -soon);
    else
        WRITE(pmevcntr0_el0, (uint32_t)-soon);
    while (interrupts == before && READ(cntvct_el0) < until)
        continue;
    check("an interrupt ", interrupts - before, 1);
    check("whose ", at_irq, bit);
    check("flag taken back ", READ(pmovsclr_el0), 0);
    check("interrupts of others ", wrong_irq, 0);
}

static void overflows(void)
{
    GICD(0) = 1;
    GICD(0x100) = 1 << PMU_IRQ;
    GICC(4) = 0xff;
    GICC(0) = 1;
    __asm__ volatile("msr daifclr, #2");
    for (int i = 0; i < 10; i++) {
        begin(CYCLES, 0, CYCLE_BIT | 1);
        overflow(CYCLE_BIT, 1000 << i);
        overflow(1, 700 << i);
    }
    begin(INSTRUCTIONS, 0, 1);
    overflow(1, 5000);
    __asm__ volatile("msr daifset, #2");
}

static void __attribute__((naked)) read_cycles(uint64_t x) { __asm__ volatile("mrs x0, pmccntr_el0\n svc #0"); }
static void __attribute__((naked)) write_cycles(uint64_t x) { __asm__ volatile("msr pmccntr_el0, x0\n svc #0"); }

static void users(void)
{
    WRITE(pmuserenr_el0, 0);
    at_el0(read_cycles, 0);
    check("read without leave ", seen.esr, 0x62000000 | 3 << 20 | 0 << 17 | 3 << 14 | 9 << 10 | 0 << 5 | 13 << 1 | 1);
    WRITE(pmuserenr_el0, 4);
    at_el0(read_cycles, 0);
    check("read with leave ", seen.esr >> 26, 0x15);
    at_el0(write_cycles, 0);
    check("write with leave to read ", seen.esr >> 26, 0x18);
    WRITE(pmuserenr_el0, 1);
    at_el0(write_cycles, 0);
    check("write with leave ", seen.esr >> 26, 0x15);
}

int main(void)
{
    identification();
    exact();
    software();
    levels();
    overflows();
    users();
    put(failed ? "failed\r\n" : "passed\r\n");
    return 0;
}

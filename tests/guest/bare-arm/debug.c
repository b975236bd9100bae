/* Breakpoints and watchpoints that a guest sets for itself, at EL0 and EL1: where they are taken, what ESR and FAR say, and what
 * keeps them off. */
#include "tests/guest/bare-arm/check.h"

enum { E = 1, AT_EL1 = 1 << 1, AT_EL0 = 2 << 1, WORD = 15 << 5, LOAD = 1 << 3, STORE = 2 << 3, BYTES = 5, LINKED = 1 << 20, CONTEXT = 3 << 20 };
enum { KDE = 1 << 13, MDE = 1 << 15 };

static void __attribute__((naked)) code(uint64_t x) { __asm__ volatile("nop\n nop\n .globl here\n here: nop\n nop\n svc #0"); }
static void __attribute__((naked)) twice(uint64_t x) { __asm__ volatile("mov x1, #2\n 1: cmp x1, x0\n b.eq here2\n subs x1, x1, #1\n b.ne 1b\n svc #0\n here2: nop\n svc #1"); }
extern char here[], here2[];

static uint64_t data[32] __attribute__((aligned(256)));
#define ACCESS(name, text) static void __attribute__((naked)) name(uint64_t at) { __asm__ volatile(text "\n svc #0"); }
ACCESS(load8, "ldrb w1, [x0]")
ACCESS(store8, "strb wzr, [x0]")
ACCESS(store32, "str wzr, [x0]")
ACCESS(store64, "str xzr, [x0]")
ACCESS(store_pair, "stp xzr, xzr, [x0]")
ACCESS(store_vector, "movi v0.2d, #0\n str q0, [x0]")
ACCESS(swap, "ldxr x1, [x0]\n stxr w2, x1, [x0]")
ACCESS(zva, "dc zva, x0")
ACCESS(unprivileged, "sttr xzr, [x0]")

static unsigned class(void) { return seen.esr >> 26; }

static void breakpoint(uint64_t va, uint32_t control)
{
    WRITE(dbgbvr0_el1, va);
    WRITE(dbgbcr0_el1, control);
}

static void watchpoint(uint64_t va, uint32_t control)
{
    WRITE(dbgwvr0_el1, va);
    WRITE(dbgwcr0_el1, control);
}

static void breakpoints(void)
{
    uint64_t at = (uint64_t)here;

    WRITE(oslar_el1, 1);
    WRITE(mdscr_el1, MDE);
    breakpoint(at, E | AT_EL0 | WORD);
    at_el0(code, 0);
    check("OS lock ", class(), 0x15);
    WRITE(oslar_el1, 0);
    at_el0(code, 0);
    check("at EL0 ", seen.esr, 0xc2000022);
    check("at EL0, where ", seen.elr, at);
    WRITE(mdscr_el1, 0);
    at_el0(code, 0);
    check("MDE off ", class(), 0x15);
    WRITE(mdscr_el1, MDE);
    breakpoint(at + 8, E | AT_EL0 | WORD);
    at_el0(code, 0);
    check("on the SVC ", seen.elr, at + 8);
    breakpoint(at, E | AT_EL1 | WORD);
    at_el0(code, 0);
    check("one for EL1 ", class(), 0x15);
    attempt(code, 0);
    check("EL1 without KDE ", class(), 0x15);
    WRITE(mdscr_el1, MDE | KDE);
    attempt(code, 0);
    check("EL1 with PSTATE.D ", class(), 0x15);
    __asm__ volatile("msr daifclr, #8");
    attempt(code, 0);
    check("EL1 ", seen.esr, 0xc6000022);
    __asm__ volatile("msr daifset, #8");
    breakpoint((uint64_t)here2, E | AT_EL0 | WORD);
    at_el0(twice, 2);
    check("behind a branch ", seen.elr, (uint64_t)here2);
    at_el0(twice, 5);
    check("not reached ", class(), 0x15);
    WRITE(contextidr_el1, 42);
    WRITE(dbgbvr5_el1, 42);
    WRITE(dbgbcr5_el1, E | AT_EL0 | AT_EL1 | WORD | CONTEXT);
    breakpoint(at, E | AT_EL0 | WORD | LINKED | 5 << 16);
    at_el0(code, 0);
    check("in its context ", class(), 0x30);
    WRITE(contextidr_el1, 43);
    at_el0(code, 0);
    check("in another context ", class(), 0x15);
    WRITE(dbgbcr5_el1, 0);
    breakpoint(0, 0);
}

static void watched(const char *what, void (*fn)(uint64_t), uint64_t at, uint64_t esr)
{
    at_el0(fn, at);
    check(what, seen.esr, esr);
    if (esr >> 26 == 0x34)
        check("  its address ", seen.far, at);
}

static void watchpoints(void)
{
    enum { SVC = 0x56000000 };
    uint64_t at = (uint64_t)&data[4], store = 0xd2000062, load = 0xd2000022;

    watchpoint(at, E | AT_EL0 | STORE | 0xff << BYTES);
    watched("a store ", store64, at, store);
    check("not done ", seen.elr, (uint64_t)store64);
    watched("a load ", load8, at, SVC);
    watched("a store before it ", store64, at - 8, SVC);
    watched("a store behind it ", store64, at + 8, SVC);
    at_el0(store_pair, at - 8);
    check("a pair ", seen.esr, store);
    at_el0(store_vector, at - 8);
    check("a vector ", seen.esr, store);
    watched("an exclusive ", swap, at, store);
    watchpoint(at, E | AT_EL0 | STORE | 1 << (BYTES + 3));
    watched("one byte ", store8, at + 3, store);
    watched("its neighbour ", store8, at + 4, SVC);
    at_el0(store32, at);
    check("a word with it ", seen.esr, store);
    watchpoint(at, E | AT_EL0 | LOAD | 0xff << BYTES);
    watched("a load ", load8, at + 7, load);
    watched("a store ", store8, at + 7, SVC);
    at_el0(swap, at);
    check("an exclusive load ", seen.esr, load);
    watchpoint((uint64_t)data, E | AT_EL0 | STORE | LOAD | 0xff << BYTES | 7 << 24);
    watched("128 bytes ", store8, (uint64_t)data + 127, store);
    watched("and not the next ", store8, (uint64_t)data + 128, SVC);
    at_el0(zva, (uint64_t)data + 64);
    check("zeroing ", seen.esr, store);
    watchpoint(at, E | AT_EL1 | STORE | 0xff << BYTES);
    attempt(store64, at);
    check("EL1 with PSTATE.D ", class(), 0x15);
    __asm__ volatile("msr daifclr, #8");
    attempt(store64, at);
    check("EL1 ", seen.esr, 0xd6000062);
    __asm__ volatile("msr daifclr, #8");
    attempt(unprivileged, at);
    check("EL1, as EL0 ", class(), 0x15);
    watchpoint(at, E | AT_EL0 | STORE | 0xff << BYTES);
    __asm__ volatile("msr daifclr, #8");
    attempt(unprivileged, at);
    check("EL1 as EL0, one of EL0 ", seen.esr, 0xd6000062);
    __asm__ volatile("msr daifset, #8");
    watchpoint(at, 0);
    watched("none ", store64, at, SVC);
}

static void __attribute__((naked)) no_seventh(uint64_t x) { __asm__ volatile("mrs x0, dbgbvr6_el1\n ret"); }

int main(void)
{
    WRITE(sctlr_el1, READ(sctlr_el1) | 1 << 14);
    check("OS lock at the start ", READ(oslsr_el1), 10);
    check("breakpoints ", READ(id_aa64dfr0_el1) >> 12 & 15, 5);
    attempt(no_seventh, 0);
    check("a seventh ", seen.esr, 0x02000000);
    breakpoints();
    watchpoints();
    put(failed ? "failed\r\n" : "passed\r\n");
    return 0;
}

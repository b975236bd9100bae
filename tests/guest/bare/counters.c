/* The programmable counters: what they count, in which modes, and the interrupt of their overflow (Zihpm, Sscofpmf).
 * EXACT: instructions are counted (-icount), so the numbers are. */
#include <stdint.h>

#define READ(csr) ({ uint64_t v_; __asm__ volatile("csrr %0, " #csr : "=r"(v_)); v_; })
#define WRITE(csr, v) __asm__ volatile("csrw " #csr ", %0" : : "r"((uint64_t)(v)))
#define UART (*(volatile uint8_t *)0x10000000)

enum { CYCLES = 1, INSTRUCTIONS = 2, LCOFI = 13 };
#define OF (1ul << 63)
#define MINH (1ul << 62)

static volatile uint64_t interrupts, at;

static void print(const char *s, uint64_t v)
{
    while (*s)
        UART = *s++;
    for (int k = 60; k >= 0; k -= 4)
        UART = "0123456789abcdef"[v >> k & 15];
    UART = '\n';
}

static int fail(const char *what, uint64_t v)
{
    print(what, v);
    return 1;
}

void __attribute__((interrupt("machine"))) on_overflow(void)
{
    at = READ(mhpmcounter5);
    interrupts++;
    if (READ(mcause) != (1ul << 63 | LCOFI))
        print("cause ", READ(mcause));
    __asm__ volatile("csrc mip, %0" : : "r"(1ul << LCOFI));
}

static void spin(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        __asm__ volatile("nop");
}

int main(void)
{
    uint64_t a, b;

    WRITE(mhpmevent3, INSTRUCTIONS);
    __asm__ volatile("csrr %0, mhpmcounter3\n nop\n nop\n nop\n csrr %1, mhpmcounter3" : "=r"(a), "=r"(b));
    if (EXACT ? b - a != 4 || a != 0 : b <= a)
        return fail("instructions ", b - a);
    WRITE(mhpmevent4, CYCLES | MINH);          /* not in this mode */
    a = READ(mhpmcounter4);
    spin(100);
    if (READ(mhpmcounter4) != a)
        return fail("counted in M ", READ(mhpmcounter4) - a);
    WRITE(mhpmevent4, CYCLES);
    spin(100);
    if (READ(mhpmcounter4) < a + 100)
        return fail("cycles ", READ(mhpmcounter4) - a);
    WRITE(mcountinhibit, 1 << 4);
    a = READ(mhpmcounter4);
    spin(100);
    if (READ(mhpmcounter4) != a)
        return fail("inhibited ", READ(mhpmcounter4) - a);
    WRITE(mhpmevent6, 12345);                  /* an event that there is not */
    spin(100);
    if (READ(mhpmcounter6) != 0)
        return fail("no event ", READ(mhpmcounter6));

    WRITE(mtvec, on_overflow);
    WRITE(mie, 1 << LCOFI);
    __asm__ volatile("csrsi mstatus, 8");
    WRITE(mhpmcounter5, -(EXACT ? 5000 : 100000000));
    WRITE(mhpmevent5, INSTRUCTIONS);
    while (!interrupts)
        __asm__ volatile("nop");
    if (EXACT && at > 40)                      /* the handler reads it after saving its registers */
        return fail("overflow seen late: ", at);
    if (!(READ(mhpmevent5) & OF) || READ(scountovf) != 1 << 5)
        return fail("overflow not shown ", READ(scountovf));
    WRITE(mhpmcounter5, -1000);                /* OF is set still: no other interrupt */
    spin(3000);
    if (!EXACT)
        for (uint64_t t = READ(time); READ(time) - t < 100000;)
            continue;
    if (interrupts != 1)
        return fail("interrupts ", interrupts);
    for (unsigned k = 0; k < 200; k++) {       /* however near: never missed, never twice */
        WRITE(mhpmevent5, INSTRUCTIONS);       /* OF first: a counter that overflows before it is clear interrupts nobody */
        WRITE(mhpmcounter5, -1ul - 16 * k);
        while (interrupts == 1 + k)            /* waiting for an interrupt counts no instructions, where they are counted */
            __asm__ volatile("nop");
        if (interrupts != 2 + k)
            return fail("interrupts ", interrupts);
    }
    return 0;
}

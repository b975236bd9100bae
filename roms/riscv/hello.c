/* The guest that comes with Rhea: a few commands on the serial port of the `virt` machine, in machine mode, on one hart.
 * It is what `make demo` runs without a network, and small enough to read whole. roms/riscv/build makes hello.elf. */
#include <stdint.h>

#define UART ((volatile uint8_t *)0x10000000)    /* NS16550A: 0 data, 5 line status (bit 0 received, bit 5 room) */
#define FINISHER (*(volatile uint32_t *)0x100000) /* sifive_test: 0x5555 powers off */
#define MTIME (*(volatile uint64_t *)0x200bff8)   /* CLINT, 10 MHz */

static char line[80];

/* The compiler may call it for copies it thinks worth a call. */
void *memset(void *p, int c, unsigned long n)
{
    for (char *at = p; n--;)
        *at++ = c;
    return p;
}

static void put(char c)
{
    while (!(UART[5] & 0x20))
        ;
    UART[0] = c;
}

static void say(const char *s)
{
    for (; *s; s++) {
        if (*s == '\n')
            put('\r');
        put(*s);
    }
}

static void number(uint64_t v, unsigned base)
{
    char digits[65], *p = digits + 64;

    *p = 0;
    do
        *--p = "0123456789abcdef"[v % base];
    while (v /= base);
    say(p);
}

static int get(void)
{
    while (!(UART[5] & 1))
        ;
    return UART[0];
}

/* Echoes; backspace works. */
static void read_line(void)
{
    unsigned n = 0;

    for (;;) {
        int c = get();

        if (c == '\r' || c == '\n')
            break;
        if (c == 0x7f || c == '\b') {
            if (n) {
                n--;
                say("\b \b");
            }
        } else if (c >= ' ' && c < 0x7f && n < sizeof line - 1) {
            line[n++] = c;
            put(c);
        }
    }
    line[n] = 0;
    say("\n");
}

static int is(const char *word)
{
    const char *a = line;

    while (*word && *a == *word)
        a++, word++;
    return !*word && !*a;
}

static void about(void)
{
    uint64_t misa, hart;

    asm volatile("csrr %0, misa" : "=r"(misa));
    asm volatile("csrr %0, mhartid" : "=r"(hart));
    say("hart ");
    number(hart, 10);
    say(", rv64");
    for (int i = 0; i < 26; i++)
        if (misa >> i & 1)
            put('a' + i);
    say(", up since ");
    number(MTIME / 10000, 10);
    say(" ms\n");
}

static void primes(void)
{
    static uint8_t composite[1 << 20];
    uint32_t count = 0, last = 0;
    uint64_t begin = MTIME;

    memset(composite, 0, sizeof composite);
    for (uint32_t i = 2; i < sizeof composite; i++) {
        if (composite[i])
            continue;
        count++;
        last = i;
        for (uint64_t j = (uint64_t)i * i; j < sizeof composite; j += i)
            composite[j] = 1;
    }
    number(count, 10);
    say(" primes below 1048576, the last one is ");
    number(last, 10);
    say(", in ");
    number((MTIME - begin) / 10, 10);
    say(" us\n");
}

void main(void)
{
    say("\nHello from RISC-V code on a translated CPU.\n");
    about();
    for (;;) {
        say("(help) > ");
        read_line();
        if (is("help"))
            say("about   the CPU\nprimes  counts them\nq       powers off\n");
        else if (is("about"))
            about();
        else if (is("primes"))
            primes();
        else if (is("q") || is("exit") || is("quit") || is("poweroff"))
            break;
        else if (line[0])
            say("No such command; 'help' lists what there is.\n");
    }
    say("Powering off.\n");
    FINISHER = 0x5555;
    for (;;)
        ;
}

asm(".section .text.start, \"ax\"\n"
    ".globl _start\n"
    "_start:\n"
    "    csrr t0, mhartid\n"
    "1:  bnez t0, 2f\n"
    "    la sp, _stack_top\n"
    "    j main\n"
    "2:  wfi\n"
    "    j 2b\n");

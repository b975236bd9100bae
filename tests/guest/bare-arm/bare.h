/* What the bare-metal AArch64 programs share: start.S, the UART, system registers. */
#include <stdint.h>

struct cpu { uint64_t kept[14]; struct { uint64_t esr, far, elr, spsr, vector; } seen; };    /* start.S knows this */
extern uint64_t user_stack;
int attempt(void (*fn)(uint64_t), uint64_t arg);
int at_el0(void (*fn)(uint64_t), uint64_t arg);
int64_t cpu_on(uint64_t number);

#define READ(reg) ({ uint64_t v_; __asm__ volatile("mrs %0, " #reg : "=r"(v_) : : "memory"); v_; })
#define WRITE(reg, val) __asm__ volatile("msr " #reg ", %0\n isb" : : "r"((uint64_t)(val)) : "memory")
#define seen (((volatile struct cpu *)READ(tpidr_el1))->seen)
#define UART (*(volatile uint32_t *)0x09000000)

static inline void put(const char *s) { while (*s) UART = (uint8_t)*s++; }

static inline void put_hex(uint64_t v)
{
    int k = 60;

    while (k && !(v >> k & 15))
        k -= 4;
    for (; k >= 0; k -= 4)
        UART = "0123456789abcdef"[v >> k & 15];
}

static inline void show(const char *what, uint64_t v) { put(what); put_hex(v); }
static inline void *memset(void *p, int c, unsigned long n) { for (uint8_t *b = p; n--;) *b++ = (uint8_t)c; return p; }

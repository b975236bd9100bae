/* Jumps to addresses where nothing is, to devices, to ROM, to data; with page tables made of random bits, too. Comes back
 * by its trap handler every time; runs until it is ended. */
#include "tests/guest/bare/random.h"

#define PAGED (1ul << (8 * sizeof(long) - 1))   /* satp: Sv39, Sv32 */

static uint64_t back;
uint64_t table[512] __attribute__((aligned(4096)));

void round_again(void);

/* Whatever happened, begin again in machine mode with a fresh stack. */
asm(".balign 4\n"
    "again:\n"
    "    la sp, stack_top\n"
    "    j round_again\n");

static uint64_t target(void)
{
    switch (random64() % 6) {
    case 0: return random64();
    case 1: return 0x80000000 + random64() % 0x8000000;
    case 2: return random64() % 0x20000000;
    case 3: return (uint64_t)table + random64() % sizeof table;
    case 4: return 0x87fffff8 + random64() % 16;          /* the end of RAM */
    default: return -(random64() % 4096);
    }
}

void round_again(void)
{
    uint64_t mode = random64() % 4, to = target();

    /* an interrupt that never comes could not get us out of a loop: the timer does */
    *(volatile uint64_t *)0x2004000 = *(volatile uint64_t *)0x200bff8 + 1000;
    for (unsigned i = 0; i < 64; i++)
        table[random64() % 512] = random64() % 3 ? 0x20000000 + (random64() & 0x3fffff) : random64();
    asm volatile("csrw satp, %0\n sfence.vma" : : "r"(mode & 1 ? PAGED | (unsigned long)table >> 12 : 0ul));
    asm volatile("csrw pmpaddr0, %0\n csrw pmpcfg0, %1" : : "r"(-1ul), "r"(0x1ful));
    asm volatile("csrw mepc, %0\n csrc mstatus, %1\n csrs mstatus, %2\n csrw mie, %3\n mret"
                 : : "r"((unsigned long)to), "r"(0x1800ul), "r"((unsigned long)(mode >> 1) * 0x800 | 0x80), "r"(0x80ul));
    __builtin_unreachable();
}

int main(void)
{
    extern char again[];

    back = (uint64_t)again;
    asm volatile("csrw mtvec, %0" : : "r"((unsigned long)back));
    round_again();
    return 0;
}

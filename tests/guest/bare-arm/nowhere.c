/* From EL2, goes to addresses where nothing is, to devices, to flash, to data, at EL0 and EL1 and in AArch32, with system registers
 * and page tables made of random bits. Comes back by EL2's vectors every time; runs until it is ended. */
#include "tests/guest/bare-arm/bare.h"
#include "tests/guest/bare/random.h"

#define GICD(off) (*(volatile uint32_t *)(0x08000000 + (off)))
#define GICC(off) (*(volatile uint32_t *)(0x08010000 + (off)))

uint64_t table[512] __attribute__((aligned(4096)));

/* Whatever happened, begin again with a fresh stack. */
asm(".balign 2048\n"
    "again:\n"
    "    .rept 16\n"
    "    .balign 128\n"
    "    b 1f\n"
    "    .endr\n"
    "1:  ldr x0, =stack_top\n"
    "    mov sp, x0\n"
    "    b round_again\n");

static uint64_t target(void)
{
    switch (random64() % 6) {
    case 0: return random64();
    case 1: return 0x40000000 + random64() % 0x10000000;
    case 2: return random64() % 0x20000000;
    case 3: return (uint64_t)table + random64() % sizeof table;
    case 4: return 0x4ffffff8 + random64() % 16;          /* the end of RAM */
    default: return -(random64() % 4096);
    }
}

void round_again(void)
{
    static const uint32_t modes[] = { 0, 4, 5, 5, 0x10, 0x30, 8, 0x13 };
    uint64_t sctlr = 0x30d00800 | (random64() & 0x10000000403501f);
    uint32_t id = GICC(0xc);

    GICC(0x10) = id;
    GICD(0) = 1;
    GICD(0x100) = 1 << 26;
    GICC(4) = 0xff;
    GICC(0) = 1;
    for (unsigned i = 0; i < 64; i++)
        table[random64() % 512] = random64() % 3 ? (0x40000000 + (random64() & 0xffff000)) | (random64() & 0xfff) : random64();
    WRITE(sctlr_el1, sctlr);
    WRITE(tcr_el1, random64() % 2 ? 25 | 25 << 16 | 2 << 30 | UINT64_C(5) << 32 : random64());
    WRITE(ttbr0_el1, random64() % 4 ? (uint64_t)table : random64());
    WRITE(ttbr1_el1, random64() % 4 ? (uint64_t)table : random64());
    WRITE(mair_el1, random64());
    WRITE(vbar_el1, target());
    WRITE(sp_el0, target());
    WRITE(sp_el1, target());
    WRITE(cpacr_el1, random64());
    WRITE(mdscr_el1, random64() & 0xa001);
    WRITE(dbgbvr0_el1, target());
    WRITE(dbgbcr0_el1, random64());
    WRITE(dbgwvr0_el1, target());
    WRITE(dbgwcr0_el1, random64());
    WRITE(oslar_el1, 0);
    WRITE(pmcr_el0, random64());
    WRITE(pmcntenset_el0, random64());
    WRITE(pmevtyper0_el0, random64());
    WRITE(pmintenset_el1, random64());
    WRITE(pmccntr_el0, random64());
    __asm__ volatile("tlbi alle1\n dsb sy\n isb");
    WRITE(hcr_el2, UINT64_C(1) << 31 | 1 << 4 | 1 << 19 | (random64() % 8 ? 0 : 1 << 27));     /* interrupts and SMC come here */
    WRITE(cnthp_tval_el2, 62500);
    WRITE(cnthp_ctl_el2, 1);
    WRITE(elr_el2, target());
    WRITE(spsr_el2, modes[random64() % 8] | (random64() & 0xf0200300));
    __asm__ volatile("eret");
    __builtin_unreachable();
}

int main(void)
{
    extern char again[];

    WRITE(vbar_el2, again);
    round_again();
    return 0;
}

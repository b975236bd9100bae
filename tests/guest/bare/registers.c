/* Reads and writes every register of every device at random, in every width. What it does to them makes no sense; all
 * that is asked is that the emulator lives. RISC-V's finisher, which would end the run, is left out. */
#include "tests/guest/bare/random.h"

#if defined(__riscv)
#define ECAM 0x30000000ul
#define BARS_AT 0x40000000ul
#define RAM 0x80100000ul
static int attempt(void (*fn)(uint64_t), uint64_t arg) { fn(arg); return 0; }  /* start.S goes on behind what faults */
#else
#include "tests/guest/bare-arm/bare.h"
#define ECAM 0x4010000000ul
#define BARS_AT 0x10000000ul
#define RAM 0x40400000ul
#endif

static const struct { uint64_t base, length; } devices[] = {
#if defined(__aarch64__)
    { 0x8000000, 0x1000 }, { 0x8000000, 0x10000 },       /* interrupt controller: distributor, */
    { 0x8010000, 0x1000 }, { 0x8010000, 0x10000 },       /* CPU interface, */
    { 0x8020000, 0x1000 },                               /* message frame, */
    { 0x8080000, 0x20000 }, { 0x8080000, 0x200 },        /* translation of messages, */
    { 0x80a0000, 0x40000 }, { 0x80a0000, 0x200 }, { 0x80b0000, 0x1000 },   /* redistributors */
    { 0x9000000, 0x1000 }, { 0x9000000, 0x50 },          /* UART */
    { 0x9010000, 0x1000 }, { 0x9010000, 0x20 },          /* RTC */
    { 0x9020000, 0x18 },                                 /* fw_cfg */
    { 0x9030000, 0x1000 }, { 0x9030000, 0x420 },         /* GPIO */
    { 0xa000000, 0x4000 }, { 0xa003c00, 0x400 }, { 0xa003e00, 0x100 }, { 0xa003c00, 0x100 }, /* virtio-mmio slots */
    { 0x0, 0x8000000 }, { 0x4000000, 0x1000 },           /* flash */
    { ECAM, 0x10000000 }, { ECAM, 0x10000 },             /* PCI configuration */
    { 0x3eff0000, 0x10000 }, { BARS_AT, 0x2eff0000 },    /* PCI ports and memory */
    { BARS_AT, 0x40000 }, { BARS_AT, 0x4000 },           /* where enable_pci() puts what the functions have */
    { 0xb000000, 0x1000000 },                            /* nothing */
#else
    { 0x101000, 0x1000 },                 /* RTC */
    { 0x2000000, 0x10000 },               /* CLINT */
    { 0xc000000, 0x4000000 },             /* PLIC: rarely hit, so its parts again */
    { 0xc000000, 0x200 }, { 0xc001000, 0x80 }, { 0xc002000, 0x200 }, { 0xc200000, 0x2008 },
    { 0x10000000, 0x100 },                /* UART */
    { 0x10001000, 0x8000 },               /* virtio-mmio slots */
    { 0x10001000, 0x100 }, { 0x10008000, 0x100 }, { 0x10007000, 0x100 },
    { 0x10100000, 0x18 },                 /* fw_cfg */
    { 0x20000000, 0x4000000 }, { 0x20000000, 0x1000 },   /* flash */
    { ECAM, 0x10000000 }, { ECAM, 0x10000 },             /* PCI configuration */
    { 0x40000000, 0x40000000 }, { 0x3000000, 0x10000 },  /* PCI memory and ports */
    { BARS_AT, 0x40000 }, { BARS_AT, 0x4000 },           /* where enable_pci() puts what the functions have */
    { 0x0, 0x100000 },                    /* ROM and nothing */
#endif
};

/* Addresses in RAM make virtio queues and DMA more interesting than random ones. */
static uint64_t value(void)
{
    switch (random64() % 4) {
    case 0: return random64() % 256;
    case 1: return RAM + random64() % 0x100000;
    case 2: return random64() % 2 ? 0 : ~UINT64_C(0);
    default: return random64();
    }
}

static void poke(uint64_t at)
{
    uint64_t v = value();

    switch (random64() % 8) {
    case 0: *(volatile uint8_t *)at = v; break;
    case 1: *(volatile uint16_t *)(at & ~1) = v; break;
    case 2: case 3: *(volatile uint32_t *)(at & ~3) = v; break;
    case 4: *(volatile uint64_t *)(at & ~7) = v; break;
    case 5: (void)*(volatile uint8_t *)at; break;
    case 6: (void)*(volatile uint32_t *)(at & ~3); break;
    default: (void)*(volatile uint64_t *)at; break;       /* misaligned too */
    }
}

#if defined(__aarch64__)
/* ICC_*_EL1: CRn 12, CRm 8 to 12, and ICC_PMR_EL1. UNDEF on GICv2. */
static void poke_cpu_interface(uint64_t which)
{
    uint64_t v = value();

    switch (which % 12) {
    case 0: WRITE(s3_0_c4_c6_0, v); break;
    case 1: WRITE(s3_0_c12_c12_1, v); break;
    case 2: v = READ(s3_0_c12_c12_0); break;
    case 3: WRITE(s3_0_c12_c11_5, v); break;
    case 4: WRITE(s3_0_c12_c11_1, v); break;
    case 5: WRITE(s3_0_c12_c12_7, v); break;
    case 6: WRITE(s3_0_c12_c12_4, v); break;
    case 7: WRITE(s3_0_c12_c9_0, v); break;
    case 8: v = READ(s3_0_c12_c11_3); break;
    case 9: WRITE(s3_0_c12_c12_3, v); break;
    case 10: v = READ(s3_0_c12_c8_0); break;
    default: WRITE(s3_0_c12_c8_1, v); break;
    }
}
#endif

/* Gives each function's memory a place and lets it answer and do DMA: random writes seldom would. */
static void enable_pci(uint64_t unused)
{
    uint32_t next = BARS_AT;

    (void)unused;
    for (unsigned d = 0; d < 32; d++) {
        volatile uint32_t *cfg = (volatile uint32_t *)(ECAM + d * 0x8000ul);

        if (cfg[0] == 0xffffffff)
            continue;
        cfg[1] = 0;
        for (unsigned bar = 4; bar < 10; bar++) {
            uint32_t was, size;

            cfg[bar] = 0xffffffff;
            was = cfg[bar];
            if (!was || was & 1)
                continue;
            size = -(was & ~15u);
            next = (next + size - 1) & -size;
            cfg[bar] = next;
            next += size;
            if ((was & 6) == 4)
                cfg[++bar] = 0;
        }
        cfg[1] = 6;
    }
}

int main(void)
{
    for (unsigned i = 0; i < 300000; i++) {
        unsigned d = random64() % (sizeof devices / sizeof devices[0]);

        if (i % 500 == 0)
            attempt(enable_pci, 0);
#if defined(__aarch64__)
        if (i % 16 == 0)
            attempt(poke_cpu_interface, random64());
#endif
        attempt(poke, devices[d].base + random64() % devices[d].length);
    }
    return 0;
}

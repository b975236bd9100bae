/* Reads and writes every register of every device at random, in every width, and those of the interrupt controller in the CPU.
 * What it does to them makes no sense; all that is asked is that the emulator lives. */
#include "bare.h"

enum { BARS_AT = 0x10000000 };

static uint64_t state = SEED;

static uint64_t random64(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static const struct { uint64_t base, length; } devices[] = {
    { 0, 0x8000000 }, { 0, 0x1000 }, { 0x4000000, 0x1000 },              /* flash */
    { 0x08000000, 0x1000 }, { 0x08010000, 0x1000 }, { 0x08020000, 0x1000 },      /* GICv2 and its messages */
    { 0x08000000, 0x10000 }, { 0x08080000, 0x20000 }, { 0x080a0000, 0x40000 },   /* GICv3: ITS, redistributors */
    { 0x08080000, 0x100 }, { 0x080a0000, 0x100 }, { 0x080b0000, 0x1000 },
    { 0x09000000, 0x1000 }, { 0x09010000, 0x1000 }, { 0x09020000, 0x18 }, { 0x09030000, 0x1000 },
    { 0x0a000000, 0x4000 }, { 0x0a003e00, 0x200 }, { 0x0a003c00, 0x200 }, { 0x0a003a00, 0x200 },
    { 0x10000000, 0x2eff0000 }, { 0x3eff0000, 0x10000 },                 /* PCI memory and ports */
    { 0x4010000000, 0x10000000 }, { 0x4010000000, 0x10000 },
    { BARS_AT, 0x40000 }, { BARS_AT, 0x4000 },                           /* where enable_pci() puts what the functions have */
    { 0x0b000000, 0x1000000 },                                           /* nothing */
};

/* Addresses in RAM make virtio queues and DMA more interesting than random ones. */
static uint64_t value(void)
{
    switch (random64() % 4) {
    case 0: return random64() % 256;
    case 1: return 0x40400000 + random64() % 0x100000;
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

/* Gives each function's memory a place and lets it answer and do DMA: random writes seldom would. */
static void enable_pci(uint64_t unused)
{
    uint32_t next = BARS_AT;

    for (unsigned d = 0; d < 32; d++) {
        volatile uint32_t *cfg = (volatile uint32_t *)(0x4010000000ul + d * 0x8000ul);

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
    unsigned faults = 0;

    for (unsigned i = 0; i < 300000; i++) {
        unsigned d = random64() % (sizeof devices / sizeof devices[0]);

        if (i % 500 == 0)
            attempt(enable_pci, 0);
        if (i % 16 == 0)
            attempt(poke_cpu_interface, random64());
        faults += attempt(poke, devices[d].base + random64() % devices[d].length);
    }
    *(volatile uint32_t *)0x09000030 = 0x301;  /* the UART talks again */
    show("faults ", faults);
    put("\r\ndone\r\n");
    return 0;
}

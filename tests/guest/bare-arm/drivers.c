/* Sets devices up as a driver would and then gives them nonsense to work on: queues of random descriptors, commands to the
 * interrupt translation service about tables that are none, messages to anywhere, DMA by the firmware's configuration, flash
 * commands. Random registers (registers.c) seldom get that far. All that is asked is that the emulator lives. */
#include "bare.h"

enum {
    SCRATCH = 0x44000000, SCRATCH_BYTES = 0x1000000, ITS = 0x08080000, REDIST = 0x080a0000, GICD = 0x08000000, V2M = 0x08020000,
    FW_CFG = 0x09020000, MMIO = 0x0a000000, MMIO_BYTES = 0x200, BARS_AT = 0x10000000, LENGTH = 256,
};
#define CONFIG_AT 0x4010000000ul

static uint64_t state = SEED;

static uint64_t random64(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static uint64_t below(uint64_t n) { return random64() % n; }
static void w8(uint64_t at, uint64_t v) { *(volatile uint8_t *)at = v; }
static void w16(uint64_t at, uint64_t v) { *(volatile uint16_t *)at = v; }
static void w32(uint64_t at, uint64_t v) { *(volatile uint32_t *)at = v; }
static void w64(uint64_t at, uint64_t v) { *(volatile uint64_t *)at = v; }
static uint32_t r32(uint64_t at) { return *(volatile uint32_t *)at; }
static uint8_t r8(uint64_t at) { return *(volatile uint8_t *)at; }
static void pair(uint64_t at, uint64_t v) { w32(at, v), w32(at + 4, v >> 32); }

/* Where DMA goes: mostly memory that is ours to lose, at times a device, the end of memory, or nowhere. */
static uint64_t place(void)
{
    static const uint64_t devices[] = { ITS + 0x10040, V2M + 0x40, FW_CFG, MMIO + 31 * MMIO_BYTES, GICD, REDIST, BARS_AT, CONFIG_AT,
                                        0x09000000, 0, 0x4ffffff0 };

    switch (below(8)) {
    case 0: return devices[below(sizeof devices / sizeof devices[0])] + (below(64) & ~3);
    case 1: return random64();
    default: return SCRATCH + below(SCRATCH_BYTES);
    }
}

static uint64_t page(void) { return SCRATCH + (below(SCRATCH_BYTES) & ~0xfffful); }
static uint64_t length(void) { return below(4) ? below(8192) : below(2) ? random64() & 0xffffffff : 0; }

/* --- queues -------------------------------------------------------------------------------------------------------------- */

/* Descriptors, what is available and what is used: 64 KiB at @at, for a queue of @count. */
static void fill_queue(uint64_t at, uint64_t count)
{
    for (unsigned i = 0; i < LENGTH; i++) {
        uint64_t d = at + i * 16, to = place();

        w64(d, to);
        w32(d + 8, below(16) ? below(1024) : length());
        w16(d + 12, below(3) | (below(8) ? 0 : 4) | (below(64) ? 0 : random64()));
        w16(d + 14, below(8) ? (i + 1) % count : below(count * 2));
        w16(at + 0x8004 + i * 2, below(16) ? below(count) : random64());
        if (to >= SCRATCH && to < SCRATCH + SCRATCH_BYTES - 16)      /* a request of a disk, or a table of descriptors */
            w32(to & ~3, below(16)), w64(to + 8 & ~7, below(4) ? below(4096) : random64());
    }
    w16(at + 0x8000, below(2));
    w16(at + 0x8002, below(8) ? below(count + 1) : below(LENGTH * 2));
}

static void virtio_mmio(uint64_t unused)
{
    uint64_t r = MMIO + (31 - below(4)) * MMIO_BYTES;

    w32(r + 0x70, 0);
    w32(r + 0x70, 3);
    for (unsigned i = 0; i < 2; i++) {
        w32(r + 0x14, i);
        w32(r + 0x24, i);
        w32(r + 0x20, below(32) ? r32(r + 0x10) & (below(16) ? ~0 : random64()) : random64());
    }
    w32(r + 0x70, 0xb);
    for (unsigned q = 0; q < 3; q++) {
        uint64_t at = page(), count = 1 << (4 + below(5));

        fill_queue(at, count);
        w32(r + 0x30, below(16) ? q : random64());
        w32(r + 0x38, below(16) ? count : random64());
        pair(r + 0x80, below(16) ? at : random64());
        pair(r + 0x90, below(16) ? at + 0x8000 : random64());
        pair(r + 0xa0, below(16) ? at + 0xc000 : random64());
        w32(r + 0x44, 1);
    }
    w32(r + 0x70, 0xf);
    for (unsigned i = 0; i < 4; i++) {
        w32(r + 0x50, below(16) ? below(3) : random64());
        w32(r + 0x64, r32(r + 0x60));
        w32(r + 0x100 + (below(64) & ~3), random64());
    }
    if (below(4) == 0)
        w32(r + 0x70, below(2) ? 0 : random64());
}

struct function { uint64_t config, bar[6], common, notify; };

/* Gives a function's memory places from @next on; finds the parts of a virtio function. */
static uint64_t set_up(struct function *f, uint64_t next)
{
    w32(f->config + 4, 0);
    for (unsigned i = 0; i < 6; i++) {
        uint64_t at = f->config + 0x10 + 4 * i;
        uint32_t was, size;

        w32(at, 0xffffffff);
        was = r32(at);
        f->bar[i] = 0;
        if (!was || was & 1)
            continue;
        size = -(was & ~15u);
        f->bar[i] = next = (next + size - 1) & -(uint64_t)size;
        w32(at, next);
        next += size;
        if ((was & 6) == 4)
            w32(f->config + 0x10 + 4 * ++i, 0);
    }
    w32(f->config + 4, 6);
    for (unsigned cap = r8(f->config + 0x34), n = 0; cap && n < 32; cap = r8(f->config + cap + 1), n++) {
        uint64_t c = f->config + cap, at = f->bar[r8(c + 4) % 6] + r32(c + 8);

        if (r8(c) == 9 && r8(c + 3) == 1)
            f->common = at;
        if (r8(c) == 9 && r8(c + 3) == 2)
            f->notify = at;
        if (r8(c) == 17)
            w16(c + 2, below(8) ? 0x8000 : random64());
    }
    return next;
}

static void virtio_pci_queues(const struct function *f)
{
    uint64_t c = f->common;

    w8(c + 0x14, 0);
    w8(c + 0x14, 3);
    for (unsigned i = 0; i < 2; i++) {
        w32(c, i), w32(c + 8, i);
        w32(c + 12, below(32) ? r32(c + 4) & (below(16) ? ~0 : random64()) : random64());
    }
    w8(c + 0x14, 0xb);
    w16(c + 0x10, below(5));
    for (unsigned q = 0; q < 3; q++) {
        uint64_t at = page(), count = 1 << (4 + below(5));

        fill_queue(at, count);
        w16(c + 0x16, below(16) ? q : random64());
        w16(c + 0x18, below(16) ? count : random64());
        w16(c + 0x1a, below(4));
        pair(c + 0x20, below(16) ? at : random64());
        pair(c + 0x28, below(16) ? at + 0x8000 : random64());
        pair(c + 0x30, below(16) ? at + 0xc000 : random64());
        w16(c + 0x1c, 1);
    }
    w8(c + 0x14, 0xf);
    for (unsigned i = 0; i < 4; i++)
        w32(f->notify + (below(16) ? below(3) * 4 : below(4096) & ~3), below(4));
}

static void virtio_pci(uint64_t unused)
{
    struct function f = { .config = CONFIG_AT + (1 + below(6)) * 0x8000 };

    if (r32(f.config) == 0xffffffff)
        return;
    set_up(&f, BARS_AT + below(8) * 0x100000);
    if (f.bar[1])
        for (unsigned i = 0; i < 4; i++) {       /* where its messages go */
            pair(f.bar[1] + i * 16, place() & ~3);
            w32(f.bar[1] + i * 16 + 8, below(2) ? 80 + below(64) : random64());
            w32(f.bar[1] + i * 16 + 12, below(4) == 0);
        }
    if (f.common && f.notify)
        virtio_pci_queues(&f);
    if (below(4) == 0)
        w32(f.config + (below(256) & ~3), random64());
}

/* --- interrupts ------------------------------------------------------------------------------------------------------------- */

static void its(uint64_t unused)
{
    static const uint8_t codes[] = { 1, 3, 4, 5, 8, 8, 9, 9, 0xa, 0xa, 0xa, 0xb, 0xc, 0xd, 0xe, 0xf };
    uint64_t queue = page(), n = 1 + below(64);

    w64(REDIST + 0x70, page() | below(32));
    w64(REDIST + 0x78, page() | (below(2) ? UINT64_C(1) << 62 : 0));
    w32(REDIST, below(4) != 0);
    w32(ITS, 0);
    for (unsigned i = 0; i < 2; i++)
        w64(ITS + 0x100 + 8 * i, below(16) ? UINT64_C(1) << 63 | (below(2) ? UINT64_C(1) << 62 : 0) | page() | below(4) << 8 | below(256)
                                           : random64());
    w64(ITS + 0x80, below(16) ? UINT64_C(1) << 63 | queue | below(16) : random64());
    w64(ITS + 0x88, 0);
    for (unsigned i = 0; i < n; i++) {
        uint64_t c = queue + i * 32;

        w64(c, codes[below(sizeof codes)] | (below(4) ? below(4) * 8 : random64() & 0xffffffff) << 32);
        w64(c + 8, below(4) ? below(32) | (8192 + below(64)) << 32 : random64());
        w64(c + 16, below(8) ? (below(2) ? UINT64_C(1) << 63 : 0) | page() | below(4) : random64());
        w64(c + 24, random64());
    }
    w32(ITS, 1);
    w64(ITS + 0x88, below(16) ? n * 32 : random64());
    for (unsigned i = 0; i < 8; i++)
        w32(ITS + 0x10040, below(64));
    w8(page() + below(1024), random64());        /* priorities and enables of the messages' interrupts */
}

static void messages_v2m(uint64_t unused)
{
    w32(GICD, 3);
    w32(GICD + 0x100 + 4 * below(9), random64());
    w32(V2M + 0x40, below(16) ? 80 + below(64) : random64());
}

/* --- firmware's things --------------------------------------------------------------------------------------------------------- */

static void fw_cfg(uint64_t unused)
{
    uint64_t d = SCRATCH + (below(SCRATCH_BYTES) & ~15), to = place();

    w32(d, __builtin_bswap32((below(4) ? 0x19 + below(16) : random64()) << 16 | (below(4) ? 8 | 1 << (1 + below(4)) : random64() & 0xffff)));
    w32(d + 4, __builtin_bswap32(length()));
    w64(d + 8, __builtin_bswap64(to));
    if (below(8) == 0)
        d = place();
    if (below(2)) {
        w64(FW_CFG + 16, __builtin_bswap64(d));
    } else {
        w32(FW_CFG + 16, __builtin_bswap32(d >> 32));
        w32(FW_CFG + 20, __builtin_bswap32(d));
    }
}

static void flash(uint64_t unused)
{
    static const uint8_t codes[] = { 0xff, 0x20, 0xd0, 0x40, 0x10, 0xe8, 0xd0, 0x90, 0x98, 0x70, 0x50, 0x60, 0x01, 0xb0, 0xe9 };
    uint64_t bank = below(2) * 0x4000000, at = bank + (below(4) ? below(0x40000) * 4 : below(0x1000000) * 4);

    for (unsigned i = 0; i < 4; i++) {
        uint64_t code = codes[below(sizeof codes)];

        w32(below(4) ? at : bank, code | code << 16);
        if (code == 0xe8) {
            uint64_t count = below(4) ? below(64) : below(65536);

            w32(at, count | count << 16);
            for (unsigned k = 0; k < 64 && k <= count; k++)
                w32(at + 4 * (below(16) ? k : below(1024)), random64());
        } else {
            w32(at, random64());
        }
        (void)r32(below(2) ? at : bank + (below(1024) & ~3));
    }
}

int main(void)
{
    static void (*const what[])(uint64_t) = { virtio_mmio, virtio_mmio, virtio_pci, virtio_pci, its, its, messages_v2m, fw_cfg, flash };
    unsigned faults = 0;

    for (unsigned i = 0; i < ROUNDS; i++)
        faults += attempt(what[below(sizeof what / sizeof what[0])], 0);
    w32(0x09000030, 0x301);  /* the UART talks again */
    show("faults ", faults);
    put("\r\ndone\r\n");
    return 0;
}

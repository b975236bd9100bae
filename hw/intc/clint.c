/* hw/intc/clint.c - RISC-V core-local interrupts: a time base, a timer and a software interrupt for each hart.
 *
 * mtime counts virtual time at 10 MHz. Outputs: 2 * hart is the software interrupt, 2 * hart + 1 the timer's.
 * Source: RISC-V ACLINT specification 1.0-rc4, sections 2 and 3; SiFive FU540-C000 manual v1p4, chapter 9. */
#include "hw/intc/clint.h"
#include <stdlib.h>
#include "core/base/alloc.h"
#include "core/base/log.h"

enum { MSIP = 0x0, MTIMECMP = 0x4000, MTIME = 0xbff8, LENGTH = 0x10000, NS_A_TICK = 100, MAX_HARTS = 4095 };

struct clint;

struct clint_hart {
    struct clint *owner;
    unsigned index;
    struct timer timer;
};

struct clint {
    struct device dev;
    uint32_t harts;
    struct clint_hart *hart;
    uint64_t *compare;
    uint32_t *msip;
    uint32_t compare_bytes, msip_bytes; /* for the state table */
    uint64_t offset;                    /* mtime minus ticks of virtual time */
};

uint64_t clint_time(void *opaque)
{
    struct clint *s = opaque;

    return (uint64_t)dev_clock(&s->dev) / NS_A_TICK + __atomic_load_n(&s->offset, __ATOMIC_RELAXED);
}

int64_t clint_deadline_ns(void *opaque, uint64_t ticks)
{
    struct clint *s = opaque;
    uint64_t base = (uint64_t)dev_clock(&s->dev) / NS_A_TICK;
    uint64_t now = base + __atomic_load_n(&s->offset, __ATOMIC_RELAXED);

    if (ticks <= now)
        return 0;
    if (ticks - now > INT64_MAX / NS_A_TICK - base)
        return TIMER_NEVER;
    return (int64_t)(base + (ticks - now)) * NS_A_TICK;
}

/* Raise or lower a hart's timer interrupt, and be woken when it has to rise. */
static void update_hart(struct clint *s, unsigned i)
{
    bool due = clint_time(s) >= s->compare[i];

    irq_set(&s->dev.irq[2 * i + 1], due);
    if (due)
        timer_cancel(&s->hart[i].timer);
    else
        timer_set(&s->hart[i].timer, clint_deadline_ns(s, s->compare[i]));
}

static void on_timer(void *opaque)
{
    struct clint_hart *h = opaque;

    update_hart(h->owner, h->index);
}

static uint64_t part(uint64_t val, uint64_t off, unsigned size)
{
    return size == 8 ? val : val >> (off & 4) * 8 & UINT32_MAX;
}

static uint64_t with_part(uint64_t old, uint64_t off, uint64_t val, unsigned size)
{
    if (size == 8)
        return val;
    return off & 4 ? (old & UINT32_MAX) | val << 32 : (old & ~(uint64_t)UINT32_MAX) | val;
}

static uint64_t clint_read(void *opaque, uint64_t off, unsigned size)
{
    struct clint *s = opaque;

    if (off < MSIP + 4 * s->harts)
        return s->msip[off / 4];
    if (off >= MTIMECMP && off < MTIMECMP + 8 * (uint64_t)s->harts)
        return part(s->compare[(off - MTIMECMP) / 8], off, size);
    if (off >= MTIME && off < MTIME + 8)
        return part(clint_time(s), off, size);
    log_guest("clint: read of 0x%llx, where nothing is", (unsigned long long)off);
    return 0;
}

static void clint_write(void *opaque, uint64_t off, uint64_t val, unsigned size)
{
    struct clint *s = opaque;

    if (off < MSIP + 4 * s->harts) {
        s->msip[off / 4] = val & 1;
        irq_set(&s->dev.irq[off / 4 * 2], val & 1);
    } else if (off >= MTIMECMP && off < MTIMECMP + 8 * (uint64_t)s->harts) {
        unsigned i = (unsigned)(off - MTIMECMP) / 8;

        s->compare[i] = with_part(s->compare[i], off, val, size);
        update_hart(s, i);
    } else if (off >= MTIME && off < MTIME + 8) {
        uint64_t now = clint_time(s);

        __atomic_store_n(&s->offset, s->offset + with_part(now, off, val, size) - now, __ATOMIC_RELAXED);
        for (unsigned i = 0; i < s->harts; i++)
            update_hart(s, i);
    } else {
        log_guest("clint: write of 0x%llx, where nothing is", (unsigned long long)off);
    }
}

static int clint_realize(struct device *dev, struct error *err)
{
    struct clint *s = (struct clint *)dev;

    (void)err;
    s->hart = NEW_ARRAY(struct clint_hart, s->harts);
    s->compare = NEW_ARRAY(uint64_t, s->harts);
    s->msip = NEW_ARRAY(uint32_t, s->harts);
    s->compare_bytes = s->harts * 8;
    s->msip_bytes = s->harts * 4;
    device_set_irqs(dev, s->harts * 2);
    for (unsigned i = 0; i < s->harts; i++) {
        s->hart[i].owner = s;
        s->hart[i].index = i;
        timer_init(&s->hart[i].timer, dev->board->timers, CLOCK_KIND_VIRTUAL, on_timer, &s->hart[i]);
    }
    return 0;
}

static void clint_unrealize(struct device *dev)
{
    struct clint *s = (struct clint *)dev;

    for (unsigned i = 0; i < s->harts; i++)
        timer_cancel(&s->hart[i].timer);
    free(s->hart);
    free(s->compare);
    free(s->msip);
}

/* The time goes on over a reset; the comparators are put out of reach so that nothing fires unasked. */
static void clint_reset(struct device *dev)
{
    struct clint *s = (struct clint *)dev;

    for (unsigned i = 0; i < s->harts; i++) {
        s->msip[i] = 0;
        irq_set(&dev->irq[2 * i], false);
        s->compare[i] = UINT64_MAX;
        update_hart(s, i);
    }
}

static int clint_after_load(struct device *dev, struct error *err)
{
    struct clint *s = (struct clint *)dev;

    (void)err;
    for (unsigned i = 0; i < s->harts; i++) {
        s->msip[i] &= 1;
        irq_set(&dev->irq[2 * i], s->msip[i]);
        update_hart(s, i);
    }
    return 0;
}

static const struct prop clint_props[] = {
    PROP_U32(struct clint, harts, "num-harts", "1", "harts it serves", .min = 1, .max = MAX_HARTS),
    PROP_END,
};

static const struct state_field clint_state[] = {
    STATE_BYTES(struct clint, compare, compare_bytes), STATE_BYTES(struct clint, msip, msip_bytes),
    STATE_U64(struct clint, offset), STATE_END,
};

const struct device_type clint_type = {
    .name = "riscv.clint", .help = "RISC-V timer and software interrupts", .bus = BUS_SYSTEM,
    .bytes = sizeof(struct clint), .props = clint_props, .state = clint_state, .state_version = 1, .wired = true,
    .realize = clint_realize, .unrealize = clint_unrealize, .reset = clint_reset, .after_load = clint_after_load,
    .mmio = { .read = clint_read, .write = clint_write, .length = LENGTH, .widths = WIDTH_4 | WIDTH_8 },
};

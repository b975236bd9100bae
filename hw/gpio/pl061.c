/* hw/gpio/pl061.c - eight general-purpose lines that interrupt on edges or levels. Open inputs read low.
 *
 * Source: ARM PrimeCell General Purpose Input/Output (PL061) Technical Reference Manual, DDI 0190B, chapter 3. */
#include "hw/gpio/pl061.h"
#include "core/base/log.h"

enum {
    DATA_END = 0x400, DIR = 0x400, IS = 0x404, IBE = 0x408, IEV = 0x40c, IE = 0x410, RIS = 0x414, MIS = 0x418, IC = 0x41c,
    AFSEL = 0x420, ID = 0xfd0, LENGTH = 0x1000,
};

struct pl061 {
    struct device dev;
    uint8_t data, in;      /* written; from outside */
    uint8_t dir;           /* 1: output */
    uint8_t level, both, event, enabled, raw, alternate;
    uint8_t seen;          /* pin levels when edges were looked for last */
};

static uint8_t pins(const struct pl061 *s)
{
    return (uint8_t)((s->data & s->dir) | (s->in & ~s->dir));
}

/* Edges latch, levels follow; then the outputs. */
static void update(struct pl061 *s)
{
    uint8_t now = pins(s), changed = now ^ s->seen;

    s->seen = now;
    s->raw |= (uint8_t)(changed & ~s->level & (s->both | (uint8_t)~(now ^ s->event)));
    s->raw = (uint8_t)((s->raw & ~s->level) | ((uint8_t)~(now ^ s->event) & s->level));
    irq_set(&s->dev.irq[0], s->raw & s->enabled);
    for (unsigned i = 0; i < PL061_LINES; i++)
        if (s->dir >> i & 1)
            irq_set(&s->dev.irq[1 + i], s->data >> i & 1);
}

static void set_input(void *opaque, unsigned pin, bool level)
{
    struct pl061 *s = opaque;

    s->in = (uint8_t)(level ? s->in | 1u << pin : s->in & ~(1u << pin));
    update(s);
}

struct irq_line pl061_input(struct device *dev, unsigned n)
{
    return irq_make(set_input, dev, n % PL061_LINES);
}

static uint8_t *register_at(struct pl061 *s, uint64_t off)
{
    switch (off) {
    case DIR: return &s->dir;
    case IS: return &s->level;
    case IBE: return &s->both;
    case IEV: return &s->event;
    case IE: return &s->enabled;
    case AFSEL: return &s->alternate;
    }
    return NULL;
}

static uint64_t pl061_read(void *opaque, uint64_t off, unsigned size)
{
    static const uint8_t ids[] = { 0, 0, 0, 0, 0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
    struct pl061 *s = opaque;
    const uint8_t *reg = register_at(s, off);

    (void)size;
    if (off < DATA_END)
        return pins(s) & off >> 2; /* address bits choose the lines */
    if (reg)
        return *reg;
    if (off == RIS)
        return s->raw;
    if (off == MIS)
        return s->raw & s->enabled;
    if (off >= ID)
        return off % 4 ? 0 : ids[(off - ID) / 4];
    log_guest("pl061: read of 0x%llx, where nothing is", (unsigned long long)off);
    return 0;
}

static void pl061_write(void *opaque, uint64_t off, uint64_t val, unsigned size)
{
    struct pl061 *s = opaque;
    uint8_t *reg = register_at(s, off), mask = (uint8_t)(off >> 2);

    (void)size;
    if (off < DATA_END)
        s->data = (uint8_t)((s->data & ~mask) | ((uint8_t)val & mask));
    else if (reg)
        *reg = (uint8_t)val;
    else if (off == IC)
        s->raw &= (uint8_t)~val;
    else
        log_guest("pl061: write of 0x%llx, where nothing can be written", (unsigned long long)off);
    update(s);
}

static int pl061_realize(struct device *dev, struct error *err)
{
    (void)err;
    device_set_irqs(dev, 1 + PL061_LINES);
    return 0;
}

/* The lines from outside outlive a reset. */
static void pl061_reset(struct device *dev)
{
    struct pl061 *s = (struct pl061 *)dev;

    s->data = s->dir = s->level = s->both = s->event = s->enabled = s->raw = s->alternate = 0;
    s->seen = s->in;
    update(s);
}

static int pl061_after_load(struct device *dev, struct error *err)
{
    (void)err;
    update((struct pl061 *)dev);
    return 0;
}

static const struct state_field pl061_state[] = {
    STATE_U8(struct pl061, data), STATE_U8(struct pl061, in), STATE_U8(struct pl061, dir), STATE_U8(struct pl061, level),
    STATE_U8(struct pl061, both), STATE_U8(struct pl061, event), STATE_U8(struct pl061, enabled), STATE_U8(struct pl061, raw),
    STATE_U8(struct pl061, alternate), STATE_U8(struct pl061, seen), STATE_END,
};

const struct device_type pl061_type = {
    .name = "pl061", .help = "ARM PrimeCell general-purpose lines", .bus = BUS_SYSTEM, .bytes = sizeof(struct pl061),
    .state = pl061_state, .state_version = 1, .wired = true, .realize = pl061_realize, .reset = pl061_reset,
    .after_load = pl061_after_load,
    .mmio = { .read = pl061_read, .write = pl061_write, .length = LENGTH, .widths = WIDTH_1 | WIDTH_2 | WIDTH_4 },
};

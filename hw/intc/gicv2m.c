/* hw/intc/gicv2m.c - a GICv2m frame: writing the ID of one of its interrupts pulses it.
 *
 * Source: Arm Server Base System Architecture (DEN 0029), appendix on GICv2m. */
#include "hw/intc/gicv2m.h"
#include <errno.h>
#include "core/base/error.h"
#include "core/base/log.h"

enum { TYPER = 0x008, IIDR = 0xfcc, LENGTH = 0x1000, ID_LIMIT = 1020 };

struct gicv2m {
    struct device dev;
    uint32_t base, count;
};

static uint64_t frame_read(void *opaque, uint64_t off, unsigned size)
{
    const struct gicv2m *s = opaque;

    (void)size;
    switch (off) {
    case TYPER:
        return s->base << 16 | s->count;
    case IIDR:
        return 0x43b | 0x51u << 20;
    }
    return 0;
}

static void frame_write(void *opaque, uint64_t off, uint64_t val, unsigned size)
{
    struct gicv2m *s = opaque;
    uint64_t n = (val & 0x3ff) - s->base;

    (void)size;
    if (off == GICV2M_SETSPI && n < s->count)
        irq_pulse(&s->dev.irq[n]);
    else
        log_guest("gicv2m: write of 0x%llx at 0x%llx", (unsigned long long)val, (unsigned long long)off);
}

static int frame_realize(struct device *dev, struct error *err)
{
    struct gicv2m *s = (struct gicv2m *)dev;

    if (s->base + s->count > ID_LIMIT)
        return error_set(err, EINVAL, "interrupts %u to %u do not exist", s->base, s->base + s->count - 1);
    device_set_irqs(dev, s->count);
    return 0;
}

static const struct prop frame_props[] = {
    PROP_U32(struct gicv2m, base, "base-spi", "80", "ID of its first interrupt", .min = 32, .max = ID_LIMIT),
    PROP_U32(struct gicv2m, count, "num-spi", "64", "interrupts", .min = 1, .max = GICV2M_SPIS_MAX),
    PROP_END,
};

static const struct state_field frame_state[] = { STATE_END };

const struct device_type gicv2m_type = {
    .name = "arm-gicv2m", .help = "messages to a GICv2", .bus = BUS_SYSTEM, .bytes = sizeof(struct gicv2m),
    .props = frame_props, .state = frame_state, .state_version = 1, .wired = true, .realize = frame_realize,
    .mmio = { .read = frame_read, .write = frame_write, .length = LENGTH, .widths = WIDTH_4, .dma = true },
};

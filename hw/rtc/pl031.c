/* hw/rtc/pl031.c - the clock of ARM boards: seconds since 1970, and a match register.
 *
 * Source: ARM PrimeCell Real Time Clock (PL031) Technical Reference Manual, DDI 0224B, chapter 3. */
#include "core/base/log.h"
#include "core/dev/device.h"

enum { DR = 0x00, MR = 0x04, LR = 0x08, CR = 0x0c, IMSC = 0x10, RIS = 0x14, MIS = 0x18, ICR = 0x1c, ID = 0xfe0, LENGTH = 0x1000 };

#define SECOND INT64_C(1000000000)

struct pl031 {
    struct device dev;
    uint32_t offset, match, load, mask, raw; /* offset: what the guest set the clock ahead by */
    struct timer timer;
};

static uint32_t now(const struct pl031 *s)
{
    return (uint32_t)(dev_wall_ns(&s->dev) / SECOND) + s->offset;
}

static void update(struct pl031 *s)
{
    irq_set(&s->dev.irq[0], s->raw & s->mask);
}

/* The counter goes round after 136 years; a match that has passed is that far away. */
static void arm(struct pl031 *s)
{
    uint32_t left = s->match - now(s);

    if (left == 0) {
        s->raw = 1;
        timer_cancel(&s->timer);
        update(s);
        return;
    }
    timer_set(&s->timer, dev_clock(&s->dev) + left * SECOND - dev_wall_ns(&s->dev) % SECOND);
}

static void on_timer(void *opaque)
{
    arm(opaque);
}

static uint64_t pl031_read(void *opaque, uint64_t off, unsigned size)
{
    static const uint8_t ids[] = { 0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
    struct pl031 *s = opaque;

    (void)size;
    switch (off) {
    case DR:
        return now(s);
    case MR:
        return s->match;
    case LR:
        return s->load;
    case CR:
        return 1; /* it always runs */
    case IMSC:
        return s->mask;
    case RIS:
        return s->raw;
    case MIS:
        return s->raw & s->mask;
    }
    if (off >= ID)
        return off % 4 ? 0 : ids[(off - ID) / 4];
    log_guest("pl031: read of 0x%llx, where nothing is", (unsigned long long)off);
    return 0;
}

static void pl031_write(void *opaque, uint64_t off, uint64_t val, unsigned size)
{
    struct pl031 *s = opaque;

    (void)size;
    switch (off) {
    case MR:
        s->match = (uint32_t)val;
        arm(s);
        break;
    case LR:
        s->load = (uint32_t)val;
        s->offset += s->load - now(s);
        arm(s);
        break;
    case IMSC:
        s->mask = val & 1;
        break;
    case ICR:
        if (val & 1)
            s->raw = 0;
        break;
    }
    update(s);
}

static int pl031_realize(struct device *dev, struct error *err)
{
    (void)err;
    dev_timer(dev, &((struct pl031 *)dev)->timer, on_timer);
    return 0;
}

static void pl031_reset(struct device *dev)
{
    struct pl031 *s = (struct pl031 *)dev;

    s->match = s->load = s->mask = s->raw = 0;
    timer_cancel(&s->timer);
    update(s);
}

static int pl031_after_load(struct device *dev, struct error *err)
{
    (void)err;
    update((struct pl031 *)dev);
    return 0;
}

static const struct state_field pl031_state[] = {
    STATE_U32(struct pl031, offset), STATE_U32(struct pl031, match), STATE_U32(struct pl031, load),
    STATE_U32(struct pl031, mask), STATE_U32(struct pl031, raw), STATE_TIMER(struct pl031, timer), STATE_END,
};

const struct device_type pl031_type = {
    .name = "pl031", .help = "ARM PrimeCell real-time clock", .bus = BUS_SYSTEM, .bytes = sizeof(struct pl031),
    .state = pl031_state, .state_version = 1, .irqs = 1, .wired = true, .realize = pl031_realize, .reset = pl031_reset,
    .after_load = pl031_after_load,
    .mmio = { .read = pl031_read, .write = pl031_write, .length = LENGTH, .widths = WIDTH_1 | WIDTH_2 | WIDTH_4 },
};

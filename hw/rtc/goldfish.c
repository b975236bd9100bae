/* hw/rtc/goldfish.c - calendar time in nanoseconds, with an alarm.
 *
 * Source: goldfish virtual hardware, GOLDFISH-VIRTUAL-HARDWARE.TXT, section "Goldfish real-time clock". */
#include "core/base/log.h"
#include "core/dev/device.h"

enum {
    TIME_LOW = 0x00, TIME_HIGH = 0x04, ALARM_LOW = 0x08, ALARM_HIGH = 0x0c, IRQ_ENABLED = 0x10, CLEAR_ALARM = 0x14,
    ALARM_STATUS = 0x18, CLEAR_INTERRUPT = 0x1c, LENGTH = 0x24,
};

struct goldfish_rtc {
    struct device dev;
    int64_t offset;      /* what the guest set the clock ahead by */
    uint64_t alarm;
    uint32_t alarm_high, time_high;
    bool armed, pending, enabled;
    struct timer timer;
};

static uint64_t now_ns(const struct goldfish_rtc *s)
{
    return (uint64_t)dev_wall_ns(&s->dev) + (uint64_t)s->offset;
}

static void update_irq(struct goldfish_rtc *s)
{
    irq_set(&s->dev.irq[0], s->pending && s->enabled);
}

static void on_alarm(void *opaque)
{
    struct goldfish_rtc *s = opaque;

    s->armed = false;
    s->pending = true;
    update_irq(s);
}

static void arm(struct goldfish_rtc *s)
{
    uint64_t now = now_ns(s);

    if (s->alarm <= now) {
        on_alarm(s);
        return;
    }
    s->armed = true;
    timer_set(&s->timer, s->alarm - now > INT64_MAX / 2 ? TIMER_NEVER : dev_clock(&s->dev) + (int64_t)(s->alarm - now));
}

static void disarm(struct goldfish_rtc *s)
{
    s->armed = false;
    timer_cancel(&s->timer);
}

static uint64_t goldfish_read(void *opaque, uint64_t off, unsigned size)
{
    struct goldfish_rtc *s = opaque;
    uint64_t now;

    (void)size;
    switch (off) {
    case TIME_LOW: /* latches the high half */
        now = now_ns(s);
        s->time_high = (uint32_t)(now >> 32);
        return now & UINT32_MAX;
    case TIME_HIGH:
        return s->time_high;
    case ALARM_LOW:
        return s->alarm & UINT32_MAX;
    case ALARM_HIGH:
        return s->alarm >> 32;
    case IRQ_ENABLED:
        return s->enabled;
    case ALARM_STATUS:
        return s->armed;
    }
    log_guest("goldfish_rtc: read of 0x%llx, where nothing is", (unsigned long long)off);
    return 0;
}

static void goldfish_write(void *opaque, uint64_t off, uint64_t val, unsigned size)
{
    struct goldfish_rtc *s = opaque;
    uint64_t now = now_ns(s);

    (void)size;
    switch (off) {
    case TIME_LOW:
        s->offset += (int64_t)(((now & ~(uint64_t)UINT32_MAX) | val) - now);
        break;
    case TIME_HIGH:
        s->offset += (int64_t)(((now & UINT32_MAX) | val << 32) - now);
        break;
    case ALARM_LOW: /* takes the high half written before */
        s->alarm = (uint64_t)s->alarm_high << 32 | val;
        arm(s);
        break;
    case ALARM_HIGH:
        s->alarm_high = (uint32_t)val;
        break;
    case IRQ_ENABLED:
        s->enabled = val & 1;
        break;
    case CLEAR_ALARM:
        disarm(s);
        break;
    case CLEAR_INTERRUPT:
        s->pending = false;
        break;
    default:
        log_guest("goldfish_rtc: write of 0x%llx, where nothing is", (unsigned long long)off);
    }
    update_irq(s);
}

static int goldfish_realize(struct device *dev, struct error *err)
{
    (void)err;
    dev_timer(dev, &((struct goldfish_rtc *)dev)->timer, on_alarm);
    return 0;
}

static void goldfish_reset(struct device *dev)
{
    struct goldfish_rtc *s = (struct goldfish_rtc *)dev;

    disarm(s);
    s->alarm = 0;
    s->alarm_high = s->time_high = 0;
    s->pending = s->enabled = false;
    update_irq(s);
}

static int goldfish_after_load(struct device *dev, struct error *err)
{
    (void)err;
    update_irq((struct goldfish_rtc *)dev);
    return 0;
}

static const struct state_field goldfish_state[] = {
    STATE_FIELD_(struct goldfish_rtc, offset, STATE_PLAIN, .size = 8), STATE_U64(struct goldfish_rtc, alarm),
    STATE_U32(struct goldfish_rtc, alarm_high), STATE_U32(struct goldfish_rtc, time_high),
    STATE_BOOL(struct goldfish_rtc, armed), STATE_BOOL(struct goldfish_rtc, pending),
    STATE_BOOL(struct goldfish_rtc, enabled), STATE_TIMER(struct goldfish_rtc, timer), STATE_END,
};

const struct device_type goldfish_rtc_type = {
    .name = "goldfish_rtc", .help = "calendar clock with an alarm", .bus = BUS_SYSTEM,
    .bytes = sizeof(struct goldfish_rtc), .state = goldfish_state, .state_version = 1, .irqs = 1, .wired = true,
    .realize = goldfish_realize, .reset = goldfish_reset, .after_load = goldfish_after_load,
    .mmio = { .read = goldfish_read, .write = goldfish_write, .length = LENGTH, .widths = WIDTH_4 },
};

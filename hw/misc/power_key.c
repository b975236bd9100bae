/* hw/misc/power_key.c - the machine's power button: its line is high for a while after somebody presses it. */
#include "hw/misc/power_key.h"

enum { PRESS_MS = 100 };

struct power_key {
    struct device dev;
    bool down;
    struct timer release;
};

static void set(struct power_key *s, bool down)
{
    s->down = down;
    irq_set(&s->dev.irq[0], down);
}

static void on_release(void *opaque)
{
    set(opaque, false);
}

static void press(void *opaque, unsigned pin, bool level)
{
    struct power_key *s = opaque;

    (void)pin;
    if (!level)
        return;
    set(s, true);
    timer_set(&s->release, dev_clock(&s->dev) + PRESS_MS * INT64_C(1000000));
}

static int power_key_realize(struct device *dev, struct error *err)
{
    (void)err;
    dev_timer(dev, &((struct power_key *)dev)->release, on_release);
    dev->board->power_button = irq_make(press, dev, 0);
    return 0;
}

static void power_key_unrealize(struct device *dev)
{
    timer_cancel(&((struct power_key *)dev)->release);
    dev->board->power_button = (struct irq_line){ 0 };
}

static void power_key_reset(struct device *dev)
{
    timer_cancel(&((struct power_key *)dev)->release);
    set((struct power_key *)dev, false);
}

static const struct state_field power_key_state[] = {
    STATE_BOOL(struct power_key, down), STATE_TIMER(struct power_key, release), STATE_END,
};

const struct device_type power_key_type = {
    .name = "gpio-key", .help = "power button", .bus = BUS_SYSTEM, .bytes = sizeof(struct power_key), .state = power_key_state,
    .state_version = 1, .irqs = 1, .wired = true, .realize = power_key_realize, .unrealize = power_key_unrealize,
    .reset = power_key_reset,
};

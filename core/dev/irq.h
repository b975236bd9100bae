/* core/dev/irq.h - a wire from a device to whoever takes its interrupts.
 *
 * A line is a value: copying it makes another wire to the same pin. A pin keeps its own level, so setting a level
 * twice is harmless. A line that leads nowhere swallows. */
#pragma once

#include <stdbool.h>

struct irq_line {
    void (*set)(void *opaque, unsigned pin, bool level);
    void *opaque;
    unsigned pin;
};

/** irq_set - drive a line. Machine lock held, unless the pin's owner says otherwise. */
static inline void irq_set(const struct irq_line *line, bool level)
{
    if (line->set)
        line->set(line->opaque, line->pin, level);
}

/** irq_pulse - up and down, for pins that look at the edge. */
static inline void irq_pulse(const struct irq_line *line)
{
    irq_set(line, true);
    irq_set(line, false);
}

/** irq_make - a line to a pin. */
static inline struct irq_line irq_make(void (*set)(void *opaque, unsigned pin, bool level), void *opaque, unsigned pin)
{
    return (struct irq_line){ set, opaque, pin };
}

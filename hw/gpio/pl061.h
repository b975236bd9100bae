/* hw/gpio/pl061.h - eight general-purpose lines, for machines that wire them. */
#pragma once

#include "core/dev/device.h"

extern const struct device_type pl061_type;

enum { PL061_LINES = 8 };

/** pl061_input - line @n from outside, 0 to 7. Output 0 of the device is its interrupt, 1 to 8 are the lines it drives. */
struct irq_line pl061_input(struct device *dev, unsigned n);

/* hw/intc/plic.h - the RISC-V interrupt controller, for machines that wire devices to it. */
#pragma once

#include "core/dev/device.h"

extern const struct device_type plic_type;

/** plic_input - the line of source @n; one that swallows if there is no such source. */
struct irq_line plic_input(struct device *plic, unsigned n);

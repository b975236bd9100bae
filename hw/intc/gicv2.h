/* hw/intc/gicv2.h - the ARM interrupt controller of up to eight CPUs, for machines that wire it. */
#pragma once

#include "core/dev/device.h"

enum { GICV2_CPUS = 8, GIC_INTERNAL = 32, GIC_SPI_PINS = 988 };

extern const struct device_type gicv2_type;

/** gicv2_spi - the line of shared interrupt @n (interrupt ID 32 + n). gicv2_ppi - private interrupt @id, 16 to 31, of a CPU. */
struct irq_line gicv2_spi(struct device *gic, unsigned n);
struct irq_line gicv2_ppi(struct device *gic, unsigned cpu, unsigned id);
/** gicv2_cpu_interface - its second register block, to be mapped by the machine. */
struct mem_region *gicv2_cpu_interface(struct device *gic);

/* hw/intc/gicv3.h - the ARM interrupt controller that many CPUs share, and its translation service for message-signalled
 * interrupts, for machines that wire them. */
#pragma once

#include "core/dev/device.h"

struct vcpu;

extern const struct device_type gicv3_type, gicv3_its_type;

enum { GICV3_REDIST_BYTES = 0x20000 /* of each CPU */, GICV3_ITS_TRANSLATER = 0x10040 /* where messages go */ };

/** gicv3_spi - the line of shared interrupt @n (ID 32 + n). gicv3_ppi - private interrupt @id, 16 to 31, of a CPU. */
struct irq_line gicv3_spi(struct device *gic, unsigned n);
struct irq_line gicv3_ppi(struct device *gic, unsigned cpu, unsigned id);
/** gicv3_redistributors - registers of all CPUs, GICV3_REDIST_BYTES each, to be mapped by the machine. */
struct mem_region *gicv3_redistributors(struct device *gic);
/** gicv3_serve - answer the system registers of a CPU's interface: sets its hooks. */
void gicv3_serve(struct device *gic, struct vcpu *v);

/** gicv3_its_of - an ITS that belongs to a controller; before it is realized. */
void gicv3_its_of(struct device *its, struct device *gic);
/** gicv3_its_message - a device, by its number on the bus, has written @event to the ITS. Machine lock held. */
void gicv3_its_message(struct device *its, uint32_t device, uint32_t event);

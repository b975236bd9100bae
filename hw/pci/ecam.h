/* hw/pci/ecam.h - the generic PCIe host bridge: configuration space as memory, and windows onto the bus. */
#pragma once

#include "core/dev/device.h"

struct fdt;
struct pci_bus;

/* Where a machine shows the bridge. Bus addresses of memory are the machine's own. */
struct ecam_windows {
    gpa config, io, memory, high;           /* high: 64-bit window; 0 if there is none */
    uint64_t config_size, io_size, memory_size, high_size;
};

/** ecam_make - the bridge with its bus "pcie.0". @pins: four inputs of the interrupt controller. */
struct device *ecam_make(struct board *b, const struct ecam_windows *w, const struct irq_line pins[4], struct error *err);

/** ecam_pci - the bus behind the bridge, to say where messages go. */
struct pci_bus *ecam_pci(struct device *bridge);

/** ecam_fdt - its node. @controller: phandle; @first_irq: of the four; @cells: interrupt cells of the controller, with
 * @flags for a third and a leading 0 for a first one if there are three (GIC). */
void ecam_fdt(struct fdt *f, const char *path, const struct ecam_windows *w, uint32_t controller, uint32_t first_irq,
              unsigned cells, unsigned address_cells);

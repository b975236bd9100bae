/* hw/arm/psci.h - power states of CPUs and machine, as ARM firmware offers them. */
#pragma once

struct fdt;
struct machine;

/** psci_start - answer the CPUs' HVC or SMC calls. After the CPUs are made. */
void psci_start(struct machine *m);
/** psci_fdt - its node. */
void psci_fdt(struct fdt *f, const char *method);

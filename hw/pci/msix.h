/* hw/pci/msix.h - message-signalled interrupts of PCI functions: a table of addresses and data in a memory window.
 *
 * Source: PCI Local Bus Specification 3.0, 6.8.2. */
#pragma once

#include "hw/pci/pci.h"

enum { PCI_MSIX_MAX = 128 };

/** pci_msix_init - give a function @vectors messages (0: none), shown by base address register @bar; for realize. */
void pci_msix_init(struct pci_device *p, unsigned bar, unsigned vectors);
void pci_msix_free(struct pci_device *p);
/** pci_msix_enabled - has the driver switched them on? Then the pin is not to be used. */
bool pci_msix_enabled(const struct pci_device *p);
/** pci_msix_notify - send a message; kept while it is masked, lost if there is no such vector. */
void pci_msix_notify(struct pci_device *p, unsigned vector);
/** pci_msix_control - the control word may have changed. pci_msix_reset - after a reset. For pci.c. */
void pci_msix_control(struct pci_device *p);
void pci_msix_reset(struct pci_device *p);

SRC += hw/pci/ecam.c hw/pci/msix.c hw/pci/pci.c

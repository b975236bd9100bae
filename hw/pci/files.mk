SRC += hw/pci/ecam.c hw/pci/pci.c

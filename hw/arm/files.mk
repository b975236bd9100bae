SRC += hw/arm/psci.c hw/arm/virt.c

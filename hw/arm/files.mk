SRC += hw/arm/psci.c hw/arm/virt.c hw/arm/virt_acpi.c hw/arm/virt_boot.c hw/arm/virt_tree.c

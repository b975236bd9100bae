SRC += hw/acpi/aml.c hw/acpi/loader.c

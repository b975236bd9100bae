SRC += hw/intc/clint.c hw/intc/gicv2.c hw/intc/plic.c

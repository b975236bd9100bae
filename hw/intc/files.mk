SRC += hw/intc/clint.c hw/intc/plic.c

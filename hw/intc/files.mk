SRC += hw/intc/clint.c hw/intc/gicv2.c hw/intc/gicv2m.c hw/intc/gicv3.c hw/intc/gicv3_cpu.c hw/intc/gicv3_its.c hw/intc/gicv3_lpi.c hw/intc/plic.c hw/intc/sswi.c

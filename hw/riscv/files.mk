SRC += hw/riscv/virt.c

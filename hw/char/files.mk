SRC += hw/char/ns16550a.c

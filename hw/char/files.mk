SRC += hw/char/ns16550a.c hw/char/pl011.c

SRC += hw/gpio/pl061.c

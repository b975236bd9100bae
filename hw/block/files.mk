SRC += hw/block/pflash.c

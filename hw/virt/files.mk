SRC += hw/virt/board.c

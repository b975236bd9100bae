SRC += targets/jump.c

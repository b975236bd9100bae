SRC += core/vm/lock.c

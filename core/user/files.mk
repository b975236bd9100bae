SRC += core/user/maptable.c core/user/mem.c core/user/mmap.c

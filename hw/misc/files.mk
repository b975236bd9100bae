SRC += hw/misc/sifive_test.c

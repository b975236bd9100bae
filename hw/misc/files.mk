SRC += hw/misc/power_key.c hw/misc/sifive_test.c

SRC += hw/rtc/goldfish.c

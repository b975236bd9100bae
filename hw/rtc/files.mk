SRC += hw/rtc/goldfish.c hw/rtc/pl031.c

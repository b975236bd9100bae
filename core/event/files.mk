SRC += core/event/clock.c core/event/loop.c core/event/timer.c

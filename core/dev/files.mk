SRC += core/dev/board.c core/dev/bus.c core/dev/device.c core/dev/prop.c core/dev/state.c core/dev/type.c

SRC += core/gdb/packet.c core/gdb/system.c core/gdb/stub.c

SRC += core/gdb/packet.c core/gdb/stub.c

SRC += core/vm/fdt.c core/vm/lock.c core/vm/vcpu.c
SRC += core/vm/firmware.c

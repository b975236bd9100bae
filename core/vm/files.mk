SRC += core/vm/cpu_time.c core/vm/icount.c core/vm/disks.c core/vm/fdt.c core/vm/firmware.c core/vm/kernel.c core/vm/loader.c core/vm/lock.c
SRC += core/vm/machine.c core/vm/nics.c core/vm/objects.c core/vm/system.c core/vm/unpack.c core/vm/vcpu.c
SRC += core/vm/debug.c
SRC += core/vm/settings.c core/vm/daemon.c
SRC += core/vm/machine_state.c core/vm/savevm.c

SRC += core/user/main.c core/user/loader.c core/user/elf.c core/user/path.c core/user/proc.c core/user/exec.c core/user/gdb.c
SRC += core/user/maptable.c core/user/mem.c core/user/mmap.c core/user/place.c core/user/signal.c core/user/thread.c
SRC += core/user/syscall.c core/user/strace.c core/user/strace_names.c core/user/sys_file.c core/user/sys_poll.c core/user/sys_signal.c core/user/sys_socket.c
SRC += core/user/sys_ioctl.c core/user/sys_memory.c core/user/sys_sleep.c core/user/sys_misc.c core/user/limits.c
SRC += core/user/layout.c core/user/siginfo.c core/user/sys_file32.c core/user/sys_ipc32.c core/user/sys_process32.c
SRC += core/user/binfmt.c

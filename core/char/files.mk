SRC += core/char/chr.c core/char/fd.c core/char/legacy.c core/char/pty.c core/char/simple.c core/char/socket.c core/char/stdio.c

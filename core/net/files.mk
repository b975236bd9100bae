SRC += core/net/net.c core/net/user.c

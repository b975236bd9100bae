SRC += core/net/net.c core/net/port_owner.c core/net/user.c

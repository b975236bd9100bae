SRC += core/base/error.c core/base/alloc.c core/base/str.c core/base/log.c core/base/epoch.c core/base/disas.c core/base/lazyload.c core/base/file.c core/base/port_owner.c

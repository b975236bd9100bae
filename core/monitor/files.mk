SRC += core/monitor/cmd_char.c core/monitor/cmd_info.c core/monitor/cmd_life.c core/monitor/cmd_mem.c core/monitor/expr.c core/monitor/hmp.c
SRC += core/monitor/line.c core/monitor/monitor.c

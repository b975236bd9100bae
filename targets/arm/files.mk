SRC += $(addprefix targets/arm/, disas.c help.c model.c target.c user.c tr_a64.c tr_a64_flags.c tr_a64_int.c tr_a64_mem.c tr_a64_sys.c)
INSN += targets/arm/a64.insn

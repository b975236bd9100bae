SRC += $(addprefix targets/riscv/, csr.c disas.c excp.c fdt.c gdb.c help.c hpm.c help_fp.c mmu.c model.c pmp.c target.c tr.c \
    tr_atomic.c tr_bit.c tr_crypto.c tr_fp.c tr_half.c tr_int.c tr_sys.c user.c user32.c vdso.c)
INSN += targets/riscv/rv.insn

SRC += tcg/host/x86_64/enc.c tcg/host/x86_64/cpu.c tcg/host/x86_64/sel.c tcg/host/x86_64/narrow.c \
    tcg/host/x86_64/probes.c tcg/host/x86_64/sel_int.c tcg/host/x86_64/sel_bits.c tcg/host/x86_64/mem.c \
    tcg/host/x86_64/sel_mem.c tcg/host/x86_64/sel_atomic.c tcg/host/x86_64/sel_fp.c tcg/host/x86_64/sel_fcvt.c \
    tcg/host/x86_64/sel_vec.c tcg/host/x86_64/sel_vec_lane.c tcg/host/x86_64/sel_vec_shuf.c \
    tcg/host/x86_64/sel_vec_fp.c tcg/host/x86_64/sel_flags.c tcg/host/x86_64/sel_flow.c tcg/host/x86_64/emit.c \
    tcg/host/x86_64/abi.c tcg/host/x86_64/soft.c tcg/host/x86_64/softvec.c

SRC += $(addprefix targets/arm/, bti.c debug.c disas.c excp.c help.c help_crypto.c help_fast.c help_fp.c help_half.c help_ext.c help_bf16.c help_simd.c mmu.c model.c pauth.c pmu.c sysreg.c target.c user.c user64.c tr_a64.c tr_a64_flags.c tr_a64_int.c tr_a64_mem.c tr_a64_fp.c tr_a64_simd.c tr_a64_vmem.c tr_a64_sys.c tr_a64_pauth.c tr_fp.c tr_simd.c)
SRC += $(addprefix targets/arm/, tr_simd_int.c tr_simd_len.c tr_simd_perm.c tr_simd_fp.c tr_simd_crypto.c)
SRC += $(addprefix targets/arm/, vdso.c vdso_a32.c excp_a32.c gdb.c help_a32.c target_a32.c tr_a32.c tr_a32_cond.c tr_a32_int.c tr_a32_media.c tr_a32_mem.c tr_a32_sys.c user32.c)
SRC += $(addprefix targets/arm/, a32_sys.c cp15.c mmu_a32.c help_vfp.c tr_a32_neon.c tr_a32_flush.c tr_a32_neon_mem.c tr_a32_vec.c tr_a32_vfp.c)
INSN += targets/arm/a64.insn targets/arm/a32.insn targets/arm/a32_simd.insn

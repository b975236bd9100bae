/* targets/riscv/help.h - the C functions that generated code calls; each is declared to the IR in help.def.
 *
 * `insn` arguments are the instruction's bits, for the trap value of an illegal instruction. Those with IR_H_FP run
 * under the guest's MXCSR and leave their flags in it. */
#ifndef TARGETS_RISCV_HELP_H
#define TARGETS_RISCV_HELP_H

#include <stdint.h>

#include "tcg/ir/ir.h"

struct cpu_env;

enum riscv_helper {
#define HELPER(name, ret, n, args, flags) RV_H_##name,
#include "targets/riscv/help.def"
#undef HELPER
    RV_NHELPERS
};

extern const struct ir_helper *const riscv_helpers[];

void helper_raise(struct cpu_env *c, uint32_t exception, uint64_t tval) __attribute__((noreturn));
void helper_fetch_fault(struct cpu_env *c, uint64_t va) __attribute__((noreturn));
void helper_fs_dirty(struct cpu_env *c);
uint64_t helper_user_clock(struct cpu_env *c, uint32_t clock);   /* nanoseconds of one of the host's clocks, for the vDSO */
void helper_relax(struct cpu_env *c);
void helper_fence_i(struct cpu_env *c);
uint32_t helper_fflags_read(struct cpu_env *c);
void helper_fflags_write(struct cpu_env *c, uint32_t flags);
uint64_t helper_csr_read(struct cpu_env *c, uint32_t insn);
void helper_csr_write(struct cpu_env *c, uint32_t insn, uint64_t val);
uint64_t helper_fclass(uint64_t bits, uint32_t width);
uint64_t helper_xperm4(uint64_t a, uint64_t b);
uint64_t helper_xperm8(uint64_t a, uint64_t b);
void helper_cas128(struct cpu_env *c, uint64_t addr);
void helper_cbo_inval(struct cpu_env *c, uint64_t addr, uint32_t insn);
void helper_cbo_clean(struct cpu_env *c, uint64_t addr, uint32_t insn);
void helper_cbo_zero(struct cpu_env *c, uint64_t addr, uint32_t insn);
/* Those that end a translation are given the instruction's address and return where to go on. */
uint64_t helper_csr_end(struct cpu_env *c, uint32_t insn, uint64_t val, uint64_t pc);
uint64_t helper_trap(struct cpu_env *c, uint32_t exception, uint64_t tval, uint64_t pc);
uint64_t helper_mret(struct cpu_env *c, uint32_t insn, uint64_t pc);
uint64_t helper_sret(struct cpu_env *c, uint32_t insn, uint64_t pc);
void helper_wfi_check(struct cpu_env *c, uint32_t insn);
void helper_sfence_vma(struct cpu_env *c, uint32_t insn, uint64_t va, uint64_t asid);
uint32_t helper_aes32(uint32_t rs1, uint32_t rs2, uint32_t how);
uint32_t helper_half_to_single(uint64_t half);
uint64_t helper_single_to_half(uint64_t bits, uint32_t rm);
uint64_t helper_double_to_half(uint64_t bits, uint32_t rm);
uint32_t helper_fcvtmod(uint64_t bits);

#endif

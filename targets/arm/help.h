/* targets/arm/help.h - the C functions that generated code calls; each is declared to the IR in help.def. */
#ifndef TARGETS_ARM_HELP_H
#define TARGETS_ARM_HELP_H

#include <stdint.h>

#include "tcg/ir/ir.h"

struct cpu_env;

enum arm_helper {
#define HELPER(name, ret, n, args, flags) ARM_H_##name,
#define SIMD(name, flags) ARM_H_##name, ARM_H_##name##_last = ARM_H_##name + 31,
#include "targets/arm/help.def"
#undef SIMD
#undef HELPER
    ARM_NHELPERS
};

extern const struct ir_helper *const arm_helpers[];

/** arm_help_raise - end the instruction with an exception; far and esr are its details. */
void arm_help_raise(struct cpu_env *c, uint32_t exception, uint64_t far, uint32_t esr) __attribute__((noreturn));
uint32_t arm_help_nzcv(uint32_t op, uint64_t a, uint64_t b, uint64_t x);
uint32_t arm_help_nzcv32(uint32_t op, uint64_t a, uint64_t b, uint64_t x, uint32_t c);
uint64_t arm_help_rbit(uint64_t v);
uint64_t arm_help_user_time(struct cpu_env *c, uint32_t clock);    /* the same: seconds << 30 | nanoseconds */
uint64_t arm_help_user_clock(struct cpu_env *c, uint32_t clock);   /* nanoseconds of one of the host's clocks, for the vDSO */
void arm_help_cas128(struct cpu_env *c, uint64_t addr);
void arm_help_relax(struct cpu_env *c);
void arm_help_fence_i(struct cpu_env *c);
uint64_t arm_help_sysreg_read(struct cpu_env *c, uint32_t insn);       /* insn: the MRS or MSR */
/* AArch32 above User mode (a32_sys.c, cp15.c): bits of CPSR; a return from an exception, which gives where to go on; R13 of a
 * mode, to which something is added, as it was; registers by opc1 << 12 | CRn << 8 | CRm << 4 | opc2, or opc1 and CRm. */
void arm_help_cpsr_system(struct cpu_env *c, uint32_t v, uint32_t mask);
void arm_help_a32_firmware(struct cpu_env *c);                          /* HVC, SMC */
uint64_t arm_help_a32_return(struct cpu_env *c, uint32_t pc, uint32_t spsr);
uint32_t arm_help_a32_sp_of(struct cpu_env *c, uint32_t mode, uint32_t add);
uint32_t arm_help_cp15_read(struct cpu_env *c, uint32_t k);
void arm_help_cp15_write(struct cpu_env *c, uint32_t k, uint32_t v);
uint64_t arm_help_cp15_read64(struct cpu_env *c, uint32_t where);
void arm_help_cp15_write64(struct cpu_env *c, uint32_t where, uint64_t v);
uint32_t arm_help_cp14(struct cpu_env *c, uint32_t where, uint32_t read);
void     arm_help_cp14_pair(struct cpu_env *c, uint32_t where);
void     arm_help_cp14_transfer(struct cpu_env *c, uint32_t iss);
void     arm_help_a32_control(struct cpu_env *c, uint32_t setend);
uint32_t arm_help_a32_banked_read(struct cpu_env *c, uint32_t what);
void     arm_help_a32_banked_write(struct cpu_env *c, uint32_t what, uint32_t v);
uint32_t arm_help_vmrs(struct cpu_env *c, uint32_t reg);        /* AArch32: FPSCR, FPSID, ... by number */
void arm_help_vmsr(struct cpu_env *c, uint32_t reg, uint32_t v);
void arm_help_sysreg_write(struct cpu_env *c, uint32_t insn, uint64_t v);

/* AArch32 (help_a32.c). parallel: the result, and GE as a mask of bytes above it; what: kind << 3 | operation. */
uint64_t arm_help_parallel(uint32_t n, uint32_t m, uint32_t what);
uint32_t arm_help_usada8(uint32_t n, uint32_t m, uint32_t sum);
uint32_t arm_help_cpsr_read(struct cpu_env *c);                         /* as User mode sees it */
void arm_help_cpsr_write(struct cpu_env *c, uint32_t v, uint32_t mask);

/* System level (excp.c, mmu.c). */
void arm_help_fetch_fault(struct cpu_env *c, uint64_t va) __attribute__((noreturn));
uint64_t arm_help_eret(struct cpu_env *c);                              /* these three return where to go on */
uint64_t arm_help_eret_to(struct cpu_env *c, uint64_t pc);
uint64_t arm_help_trap(struct cpu_env *c, uint32_t exception, uint32_t esr, uint64_t pc);  /* pc: the instruction */
void arm_help_hvc(struct cpu_env *c, uint32_t imm);
void arm_help_smc(struct cpu_env *c, uint32_t imm);
void arm_help_daif_allowed(struct cpu_env *c, uint32_t insn);              /* MSR DAIFSet, DAIFClr of EL0 */
/** arm_trap_syndrome - the ISS of a trapped MRS, MSR or SYS. */
uint32_t arm_trap_syndrome(uint32_t insn);
void arm_help_breakpoint(struct cpu_env *c, uint64_t pc);                /* one of the guest's at this instruction? */
void arm_help_wait(struct cpu_env *c, uint32_t wfe);                    /* may WFI or WFE run here? */
void arm_help_pstate(struct cpu_env *c, uint32_t clear, uint32_t set);  /* bits of enum arm_pstate */
void arm_help_tlbi(struct cpu_env *c, uint32_t insn, uint64_t v);
void arm_help_at(struct cpu_env *c, uint32_t insn, uint64_t va);

#endif

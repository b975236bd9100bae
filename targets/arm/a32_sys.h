/* targets/arm/a32_sys.h - AArch32 above User mode: modes and their banked registers, exceptions, CP15, stage 1. */
#ifndef TARGETS_ARM_A32_SYS_H
#define TARGETS_ARM_A32_SYS_H

#include "targets/arm/state.h"
#include "targets/target.h"

/* DDI 0487, G8.2.126 */
enum a32_sctlr { A32_SCTLR_M = 1, A32_SCTLR_A = 2, A32_SCTLR_CP15BEN = 1 << 5, A32_SCTLR_SED = 1 << 8, A32_SCTLR_V = 1 << 13,
                 A32_SCTLR_WXN = 1 << 19, A32_SCTLR_UWXN = 1 << 20, A32_SCTLR_SPAN = 1 << 23, A32_SCTLR_EE = 1 << 25,
                 A32_SCTLR_AFE = 1 << 29, A32_SCTLR_TE = 1 << 30 };
#define A32_TTBCR_EAE (UINT64_C(1) << 31)
#define A32_FPEXC_EN (1u << 30)

static inline unsigned a32_mode(const struct arm_env *env) { return env->pstate & PSTATE_A32_MODE; }

/** a32_system_reset - Supervisor mode, MMU off. */
void a32_system_reset(struct arm_env *env);
/** a32_switch_mode - banks out the registers of the present mode and in those of another. */
void a32_switch_mode(struct arm_env *env, unsigned mode);
void a32_deliver(struct cpu_env *c, uint32_t exception);
uint32_t a32_interrupt(struct cpu_env *c);

/* mmu_a32.c */
uint64_t a32_view_key(const struct cpu_env *c, unsigned mmu);
uint64_t a32_view_asid(const struct cpu_env *c);
uint32_t a32_xlate(struct cpu_env *c, uint64_t va, enum rt_access access, unsigned mmu, struct target_xlat *out);
uint32_t a32_bus_fault(struct cpu_env *c, uint64_t va, enum rt_access access);
uint32_t a32_align_fault(struct cpu_env *c, uint64_t va, enum rt_access access);
/** a32_at - PAR's content for a translation by ATS1CPR, CPW, CUR, CUW (0 to 3). */
uint64_t a32_at(struct arm_env *env, uint32_t va, unsigned which);

#endif

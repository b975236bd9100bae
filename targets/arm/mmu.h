/* targets/arm/mmu.h - stage 1 of EL1 and EL0. */
#ifndef TARGETS_ARM_MMU_H
#define TARGETS_ARM_MMU_H

#include "targets/arm/state.h"
#include "targets/target.h"

uint64_t arm_view_key(const struct cpu_env *c, unsigned mmu);
uint64_t arm_view_asid(const struct cpu_env *c);
uint32_t arm_xlate(struct cpu_env *c, uint64_t va, enum rt_access access, unsigned mmu, struct target_xlat *out);
/** arm_page_guarded - is code at va in a guarded page (FEAT_BTI)? No fault is noted; @gpa: where it is. */
bool arm_page_guarded(struct cpu_env *c, uint64_t va, uint64_t *gpa);
uint32_t arm_bus_fault(struct cpu_env *c, uint64_t va, enum rt_access access);

enum { ARM_MMU_UNPRIVILEGED = 1 };             /* as EL0 unless PSTATE.UAO: LDTR, STTR */

#endif

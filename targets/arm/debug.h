/* targets/arm/debug.h - self-hosted debug: breakpoints and watchpoints of the guest's own, and when debug exceptions are taken. */
#ifndef TARGETS_ARM_DEBUG_H
#define TARGETS_ARM_DEBUG_H

#include "targets/arm/state.h"
#include "tcg/runtime.h"

enum arm_debug_kind { DEBUG_BVR, DEBUG_BCR, DEBUG_WVR, DEBUG_WCR };    /* of arm_env.debug */

/** arm_debug_register - what DBGBVR, DBGBCR, DBGWVR or DBGWCR @n keeps of a value that is written. */
uint64_t arm_debug_register(enum arm_debug_kind kind, uint64_t v);

/** arm_breakpoints - may one of the guest's breakpoints be met at the present level? Then translations ask at each instruction. */
bool arm_breakpoints(const struct arm_env *env);

/* target.watched and target.watch */
bool arm_watched(const struct cpu_env *c, uint64_t page);
uint32_t arm_watch(struct cpu_env *c, uint64_t va, unsigned len, enum rt_access access, unsigned mmu);

#endif

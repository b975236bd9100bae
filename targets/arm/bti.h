/* targets/arm/bti.h - branch target identification (FEAT_BTI): in a guarded page, an indirect branch may go to some instructions
 * only. This is looked at where the branch is, not where it goes: no state is left for the instruction behind it. */
#ifndef TARGETS_ARM_BTI_H
#define TARGETS_ARM_BTI_H

#include <stdint.h>

struct arm_env;
struct cpu_env;

/* PSTATE.BTYPE behind an indirect branch. */
enum bti_type { BTI_NONE, BTI_JUMP, BTI_CALL, BTI_PLAIN_JUMP /* by a register other than x16 and x17, in a guarded page */,
                BTI_RETURNED = 4 /* beside them: by ERET, wherever that is */ };

/**
 * arm_help_bti - may the branch go there?
 * @c:    its pc is the branch, which BTI_PLAIN_JUMP asks about
 * Returns 0, or the BTYPE with which the instruction at @to raises an exception. What cannot be fetched is left to the branch.
 */
uint32_t arm_help_bti(struct cpu_env *c, uint64_t to, uint32_t btype);

/** bti_forget - mappings have changed, on this CPU or on all. Any thread. */
void bti_forget(void);

#endif

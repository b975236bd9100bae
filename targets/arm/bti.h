/* targets/arm/bti.h - branch target identification (FEAT_BTI): in a guarded page, an indirect branch may go to some instructions
 * only. This is looked at where the branch is, not where it goes. PSTATE.BTYPE is kept for exceptions before or by the instruction
 * there: of those in guarded pages (BTI and PACIxSP clear it; BRK and HLT are exceptions) and of faults of the fetch. Elsewhere it
 * could only be seen in SPSR, and is not kept. */
#ifndef TARGETS_ARM_BTI_H
#define TARGETS_ARM_BTI_H

#include <stdbool.h>
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

/** bti_clears_btype - is HINT #number something to branch to: PACIASP, PACIBSP, BTI? */
static inline bool bti_clears_btype(unsigned number) { return number == 25 || number == 27 || (number & ~6u) == 32; }

/** arm_take_btype - PSTATE.BTYPE of an exception at c.pc, as in SPSR; it is 0 then. */
uint32_t arm_take_btype(struct arm_env *env);

/** bti_forget - mappings have changed, on this CPU or on all. Any thread. */
void bti_forget(void);

#endif

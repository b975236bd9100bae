/* core/vm/icount.h - -icount: virtual time is counted in executed instructions.
 *
 * One vCPU runs at a time, in turns of so many instructions; an instruction takes 2^shift ns. A vCPU gets a budget that
 * ends at the next timer or with its turn, and leaves the guest exactly then; timers of the virtual clock are called back
 * between two instructions, by the vCPU's thread. So without input from outside a run repeats itself exactly.
 *
 * When all vCPUs wait, time jumps to the next timer: after as much host time (sleep=on), or at once (sleep=off). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct error;
struct machine;
struct vcpu;

/** icount_setup - read -icount and take over the virtual clock. Before CPUs are made; nothing happens without the option. */
int icount_setup(struct machine *m, struct error *err);
/** icount_on - are instructions counted? */
bool icount_on(void);
/** icount_ns_per_insn - how long an instruction takes, while icount_on(). */
double icount_ns_per_insn(void);
void icount_end(void);

/* --- the accelerator: on the vCPU's thread, out of guest code, machine lock not held -------------------------------- */

/** icount_due - must icount_renew() be called before guest code goes on? */
bool icount_due(const struct vcpu *v);
/**
 * icount_renew - count what was executed, call back the timers that are due, and give a new budget (cpu_env.icount_left).
 * Returns false when the vCPU's turn is over: it is to return VCPU_KICKED.
 */
bool icount_renew(struct vcpu *v);

/* --- the vCPU's thread ------------------------------------------------------------------------------------------------ */

/** icount_turn_take - wait for this vCPU's turn. Returns false when it is to stop first. */
bool icount_turn_take(struct vcpu *v);
/** icount_turn_give - it left the guest: its turn goes on to the next if it is over or the vCPU waits. */
void icount_turn_give(struct vcpu *v);
/** icount_wake - a vCPU may have work, or is to stop. Any thread. */
void icount_wake(void);

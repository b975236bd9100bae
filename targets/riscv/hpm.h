/* targets/riscv/hpm.h - the programmable counters: mhpmcounter3 to 31, which count cycles (mhpmevent 1) or retired
 * instructions (2), as the SBI numbers these events. Other events are never seen. */
#ifndef TARGETS_RISCV_HPM_H
#define TARGETS_RISCV_HPM_H

#include "targets/riscv/state.h"

/** riscv_cycles, riscv_retired - what the counters count by: before the running instruction. riscv_counts_own: 1 if that
 * instruction will be counted too (with -icount), 0 where the host's clock stands for both. */
uint64_t riscv_cycles(const struct riscv_env *env);
uint64_t riscv_retired(const struct riscv_env *env);
unsigned riscv_counts_own(const struct riscv_env *env);

/** riscv_hpm_read - a counter's value now. */
uint64_t riscv_hpm_read(struct riscv_env *env, unsigned n);
void riscv_hpm_write(struct riscv_env *env, unsigned n, uint64_t v);
/** riscv_hpm_event - its mhpmevent, with OF as of now. riscv_hpm_set_event takes legal bits only. */
uint64_t riscv_hpm_event(struct riscv_env *env, unsigned n);
void riscv_hpm_set_event(struct riscv_env *env, unsigned n, uint64_t v);

/** riscv_hpm_update - mcountinhibit or the privilege has changed: counters stop or go on. */
void riscv_hpm_update(struct riscv_env *env);
/** riscv_hpm_due - the time at which a counter may overflow has come. */
void riscv_hpm_due(struct riscv_env *env);
void riscv_hpm_reset(struct riscv_env *env);

static inline void riscv_hpm_mode(struct riscv_env *env)
{
    if (__builtin_expect(env->hpm_filtered, 0))
        riscv_hpm_update(env);
}

#endif

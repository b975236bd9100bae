/* targets/arm/pmu.h - the performance monitors, PMUv3: a cycle counter and six that count cycles, instructions or what
 * software says. They say when something happens by env->lines (their alarm) and a line of the machine (an overflow). */
#ifndef TARGETS_ARM_PMU_H
#define TARGETS_ARM_PMU_H

#include "targets/arm/state.h"

enum { PMU_CYCLE_BIT = 31 /* of the cycle counter in PMCNTENSET and its kin */, PMU_EVENTS_LOW = 1 /* software's */ | 1 << 8 /* instructions */ |
       1 << 17 /* cycles */ | 1 << 30 /* chain */ };
enum pmu_user { PMUSERENR_EN = 1, PMUSERENR_SW = 2, PMUSERENR_CR = 4, PMUSERENR_ER = 8 };

/** arm_pmu_counters - how many event counters the present level has. */
unsigned arm_pmu_counters(const struct arm_env *env);

/** arm_pmu_read - a counter's value now. @n: 0 to 5, or ARM_PMU_CYCLES. arm_pmu_write: another value. */
uint64_t arm_pmu_read(struct arm_env *env, unsigned n);
void arm_pmu_write(struct arm_env *env, unsigned n, uint64_t v);

/** arm_pmu_set_type - PMEVTYPER, PMCCFILTR. */
void arm_pmu_set_type(struct arm_env *env, unsigned n, uint32_t v);
/** arm_pmu_set_control - PMCR: with the bits that reset counters. arm_pmu_control: as the present level reads it. */
void arm_pmu_set_control(struct arm_env *env, uint32_t v);
uint32_t arm_pmu_control(const struct arm_env *env);
/** arm_pmu_enable, arm_pmu_interrupts, arm_pmu_overflow - bits of PMCNTEN, PMINTEN, PMOVS go on or off. */
void arm_pmu_enable(struct arm_env *env, uint32_t bits, bool on);
void arm_pmu_interrupts(struct arm_env *env, uint32_t bits, bool on);
void arm_pmu_overflow(struct arm_env *env, uint32_t bits, bool on);
/** arm_pmu_overflows - PMOVS as of now. */
uint32_t arm_pmu_overflows(struct arm_env *env);
/** arm_pmu_software - PMSWINC: one more, where that is counted. */
void arm_pmu_software(struct arm_env *env, uint32_t bits);

/** arm_pmu_due - the time at which a counter may overflow has come. */
void arm_pmu_due(struct arm_env *env);
/** arm_pmu_update - the level, or who controls which counters, has changed: they stop or go on. */
void arm_pmu_update(struct arm_env *env);
void arm_pmu_reset(struct arm_env *env);
/** arm_pmu_loaded - the state came from a snapshot: the alarm and the line are set anew. */
void arm_pmu_loaded(struct arm_env *env);

static inline void arm_pmu_mode(struct arm_env *env)
{
    if (__builtin_expect(env->pmu.filtered, 0))
        arm_pmu_update(env);
}

#endif

/* targets/arm/pmu.c - the performance monitors, PMUv3.
 *
 * A counter that runs is a value and what its event stood at then, so that counting costs nothing until somebody looks. The
 * machine is asked for an alarm when the nearest overflow with an interrupt is expected; should that be early, a new one is set.
 *
 * With -icount, cycles and instructions are the executed ones, to the digit. Else both are those of a processor that does one
 * instruction a cycle at 1 GHz of virtual time.
 *
 * Source: Arm ARM (DDI 0487), D13 (the monitors), D19.5 (their registers). */
#include "targets/arm/pmu.h"

#include "core/base/bits.h"
#include "core/vm/icount.h"
#include "core/vm/vcpu.h"

enum { PMCR_E = 1, PMCR_P = 2, PMCR_C = 4, PMCR_D = 8, PMCR_DP = 32, PMCR_LC = 64, PMCR_N_SHIFT = 11 };
enum { EVENT_SOFTWARE = 0, EVENT_INSTRUCTIONS = 8, EVENT_CYCLES = 0x11, EVENT_CHAIN = 0x1e, EVENT_MASK = 0x3ff };
enum { NO_EL1 = 1u << 31, NO_EL0 = 1 << 30, NS_EL1 = 1 << 29, NS_EL0 = 1 << 28, YES_EL2 = 1 << 27, EL3 = 1 << 26, FILTER = 0xfc000000 };
enum { MDCR_HPMN = 31, MDCR_HPME = 1 << 7, MDCR_HPMD = 1 << 17, MDCR_SPME = 1 << 17 };
enum { TICK_HZ = 62500000, CYCLES_A_TICK = 16, ALARM = 4, OVERFLOW = 5 /* of vcpu.set_deadline */, ALL = ARM_PMU_CYCLES + 1 };

static uint32_t bit_of(unsigned n) { return n == ARM_PMU_CYCLES ? 1u << PMU_CYCLE_BIT : 1u << n; }

/* --- what is counted ------------------------------------------------------------------------------------------------- */

static bool counted(const struct arm_env *env) { return env->c.vcpu && env->c.vcpu->insns; }

static uint64_t cycles(const struct arm_env *env)
{
    struct vcpu *v = env->c.vcpu;

    if (!counted(env))
        return v && v->read_time ? v->read_time(v->time_opaque) * CYCLES_A_TICK : 0;
    return v->insns(v) - 1;
}

/* Before the running instruction. What ended in an exception has not retired. */
static uint64_t stands_at(const struct arm_env *env, unsigned n)
{
    uint32_t event = env->pmu.type[n] & EVENT_MASK;

    if (n == ARM_PMU_CYCLES)
        return env->pmu.cr & PMCR_D && !(env->pmu.cr & PMCR_LC) ? cycles(env) / 64 : cycles(env);
    if (event == EVENT_CYCLES)
        return cycles(env);
    return event == EVENT_INSTRUCTIONS ? cycles(env) - (counted(env) ? env->c.vcpu->not_retired : 0) : 0;
}

/* Behind it: it changes what is counted from there on. */
static uint64_t stands_behind(const struct arm_env *env, unsigned n)
{
    bool moves = n == ARM_PMU_CYCLES ? !(env->pmu.cr & PMCR_D) || env->pmu.cr & PMCR_LC
                                     : (env->pmu.type[n] & EVENT_MASK) == EVENT_CYCLES || (env->pmu.type[n] & EVENT_MASK) == EVENT_INSTRUCTIONS;

    return stands_at(env, n) + (moves && counted(env));
}

static bool for_el2(const struct arm_env *env, unsigned n)
{
    return arm_has_el(env, 2) && n < ARM_PMU_CYCLES && n >= (env->mdcr[0] & MDCR_HPMN);
}

static bool enabled(const struct arm_env *env, unsigned n)
{
    return for_el2(env, n) ? (env->mdcr[0] & MDCR_HPME) != 0 : (env->pmu.cr & PMCR_E) != 0;
}

/* Counting is forbidden in Secure state unless MDCR_EL3 allows it, and at EL2 if MDCR_EL2 forbids it. */
static bool forbidden(const struct arm_env *env, unsigned n)
{
    bool secure = arm_has_el(env, 3) && (!(env->scr & SCR_NS) || arm_el(env) == 3);
    bool hidden = (secure && !(env->mdcr[1] & MDCR_SPME)) || (arm_el(env) == 2 && env->mdcr[0] & MDCR_HPMD && !for_el2(env, n));

    return hidden && (n != ARM_PMU_CYCLES || env->pmu.cr & PMCR_DP);
}

static bool counts_at_level(const struct arm_env *env, unsigned n)
{
    uint32_t f = env->pmu.type[n];
    bool ns = arm_has_el(env, 3) && env->scr & SCR_NS;

    switch (arm_el(env)) {
    case 0: return !(f & NO_EL0) == !(ns && f & NS_EL0);
    case 1: return !(f & NO_EL1) == !(ns && f & NS_EL1);
    case 2: return (f & YES_EL2) != 0;
    default: return !(f & NO_EL1) == !(f & EL3);
    }
}

static bool runs(const struct arm_env *env, unsigned n)
{
    return env->pmu.enabled & bit_of(n) && enabled(env, n) && counts_at_level(env, n) && !forbidden(env, n);
}

/* --- bringing up to date ------------------------------------------------------------------------------------------------ */

/* The line follows what has overflowed, what may interrupt and whether the counters are on. */
static void look_at_line(struct arm_env *env)
{
    struct vcpu *v = env->c.vcpu;
    uint32_t pending = env->pmu.overflowed & env->pmu.interrupts, mine = 1u << PMU_CYCLE_BIT, el2s = 0;
    bool level;

    for (unsigned n = 0; n < ARM_PMU_EVENTS; n++)
        *(for_el2(env, n) ? &el2s : &mine) |= 1u << n;
    level = (pending & mine && env->pmu.cr & PMCR_E) || (pending & el2s && env->mdcr[0] & MDCR_HPME);
    if (level == env->pmu.line || !v || !v->set_deadline)
        return;
    env->pmu.line = level;
    v->set_deadline(v->time_opaque, OVERFLOW, level ? 0 : UINT64_MAX);
}

static uint64_t width(const struct arm_env *env, unsigned n)
{
    return n == ARM_PMU_CYCLES && env->pmu.cr & PMCR_LC ? UINT64_MAX : UINT32_MAX;
}

static void add(struct arm_env *env, unsigned n, uint64_t more)
{
    uint64_t *c = &env->pmu.counter[n], most = width(env, n), room = most - (*c & most);

    if (more > room) {
        env->pmu.overflowed |= bit_of(n);
        if (!(n & 1) && n + 1 < ARM_PMU_EVENTS && (env->pmu.type[n + 1] & EVENT_MASK) == EVENT_CHAIN && runs(env, n + 1))
            add(env, n + 1, ((more - room - 1) >> 32) + 1);
    }
    *c = n == ARM_PMU_CYCLES ? *c + more : (*c + more) & most;
}

static void count_to(struct arm_env *env, unsigned n, uint64_t at)
{
    if (!(env->pmu.running >> n & 1))
        return;
    add(env, n, at - env->pmu.since[n]);
    env->pmu.since[n] = at;
}

static void count_all(struct arm_env *env, bool behind)
{
    for (unsigned n = 0; n < ALL; n++)
        count_to(env, n, behind ? stands_behind(env, n) : stands_at(env, n));
    look_at_line(env);
}

/* --- the alarm ---------------------------------------------------------------------------------------------------------- */

static uint64_t ticks_of(const struct arm_env *env, uint64_t n)
{
    if (counted(env))
        return (uint64_t)((double)n * icount_ns_per_insn() / 1e9 * TICK_HZ) + 1;
    return n / CYCLES_A_TICK + 1;
}

/* An overflow has to be noticed in time if it interrupts, or is chained to a counter that does. */
static bool wants_alarm(const struct arm_env *env, unsigned n)
{
    uint32_t bits = bit_of(n) | (n < ARM_PMU_EVENTS && !(n & 1) ? bit_of(n) << 1 : 0);

    return env->pmu.running >> n & 1 && env->pmu.interrupts & bits;
}

static void set_alarm(struct arm_env *env)
{
    struct vcpu *v = env->c.vcpu;
    uint64_t least = UINT64_MAX;

    for (unsigned n = 0; n < ALL; n++)
        if (wants_alarm(env, n)) {
            uint64_t most = width(env, n), c = env->pmu.counter[n] + (stands_behind(env, n) - env->pmu.since[n]), left = most - (c & most);

            if (n == ARM_PMU_CYCLES && env->pmu.cr & PMCR_D && !(env->pmu.cr & PMCR_LC))
                left = left * 64 + 64;
            least = left < least ? left : least;
        }
    if (!v || !v->set_deadline || (least > (uint64_t)INT64_MAX / 64 && !env->pmu.alarm))
        return;
    env->pmu.alarm = least <= (uint64_t)INT64_MAX / 64;
    v->set_deadline(v->time_opaque, ALARM, env->pmu.alarm ? v->read_time(v->time_opaque) + ticks_of(env, least) : UINT64_MAX);
}

void arm_pmu_due(struct arm_env *env)
{
    count_all(env, true);
    set_alarm(env);
}

/* --- starting and stopping ------------------------------------------------------------------------------------------------ */

/* What is at stake in the modes of any counter: whether each change of the level has to be looked at. */
static bool filters(const struct arm_env *env)
{
    bool more = arm_has_el(env, 2) || arm_has_el(env, 3);

    for (unsigned n = 0; n < ALL; n++)
        if (env->pmu.enabled & bit_of(n) && enabled(env, n) && (more || env->pmu.type[n] & FILTER))
            return true;
    return false;
}

void arm_pmu_update(struct arm_env *env)
{
    uint32_t now = 0;

    for (unsigned n = 0; n < ALL; n++)
        now |= (uint32_t)runs(env, n) << n;
    env->pmu.filtered = filters(env);
    if (now == env->pmu.running)
        return;
    count_all(env, true);
    for (unsigned n = 0; n < ALL; n++)
        if ((now ^ env->pmu.running) >> n & 1)
            env->pmu.since[n] = stands_behind(env, n);
    env->pmu.running = now;
    set_alarm(env);
}

/* --- registers -------------------------------------------------------------------------------------------------------------- */

unsigned arm_pmu_counters(const struct arm_env *env)
{
    unsigned n = env->mdcr[0] & MDCR_HPMN;

    return arm_el(env) < 2 && arm_el2_on(env) && n < ARM_PMU_EVENTS ? n : ARM_PMU_EVENTS;
}

uint64_t arm_pmu_read(struct arm_env *env, unsigned n)
{
    count_all(env, false);
    return env->pmu.counter[n];
}

void arm_pmu_write(struct arm_env *env, unsigned n, uint64_t v)
{
    count_all(env, true);
    env->pmu.counter[n] = n == ARM_PMU_CYCLES ? v : v & UINT32_MAX;
    set_alarm(env);
}

/* It is stopped while its event changes: what is counted after that starts from there. */
void arm_pmu_set_type(struct arm_env *env, unsigned n, uint32_t v)
{
    count_all(env, true);
    env->pmu.running &= ~(1u << n);
    env->pmu.type[n] = v & (FILTER | (n == ARM_PMU_CYCLES ? 0 : EVENT_MASK));
    arm_pmu_update(env);
    set_alarm(env);
}

uint32_t arm_pmu_control(const struct arm_env *env)
{
    return (env->model->midr >> 24 & 0xff) << 24 | arm_pmu_counters(env) << PMCR_N_SHIFT | env->pmu.cr;
}

void arm_pmu_set_control(struct arm_env *env, uint32_t v)
{
    count_all(env, true);
    env->pmu.running = 0;                      /* the divider may change what a counter stands at */
    env->pmu.cr = v & (PMCR_E | PMCR_D | 16 | PMCR_DP | PMCR_LC);
    for (unsigned n = 0; v & PMCR_P && n < arm_pmu_counters(env); n++)
        env->pmu.counter[n] = 0;
    if (v & PMCR_C)
        env->pmu.counter[ARM_PMU_CYCLES] = 0;
    arm_pmu_update(env);
    look_at_line(env);
    set_alarm(env);
}

void arm_pmu_enable(struct arm_env *env, uint32_t bits, bool on)
{
    env->pmu.enabled = on ? env->pmu.enabled | bits : env->pmu.enabled & ~bits;
    arm_pmu_update(env);
}

void arm_pmu_interrupts(struct arm_env *env, uint32_t bits, bool on)
{
    env->pmu.interrupts = on ? env->pmu.interrupts | bits : env->pmu.interrupts & ~bits;
    count_all(env, true);
    set_alarm(env);
}

void arm_pmu_overflow(struct arm_env *env, uint32_t bits, bool on)
{
    count_all(env, true);
    env->pmu.overflowed = on ? env->pmu.overflowed | bits : env->pmu.overflowed & ~bits;
    look_at_line(env);
}

uint32_t arm_pmu_overflows(struct arm_env *env)
{
    count_all(env, false);
    return env->pmu.overflowed;
}

void arm_pmu_software(struct arm_env *env, uint32_t bits)
{
    for (unsigned n = 0; n < ARM_PMU_EVENTS; n++)
        if (bits >> n & 1 && (env->pmu.type[n] & EVENT_MASK) == EVENT_SOFTWARE && runs(env, n))
            add(env, n, 1);
    look_at_line(env);
}

void arm_pmu_reset(struct arm_env *env)
{
    bool line = env->pmu.line, alarm = env->pmu.alarm;

    __builtin_memset(&env->pmu, 0, sizeof env->pmu);
    env->pmu.cr = PMCR_LC;
    env->pmu.line = line;
    env->pmu.alarm = alarm;
    look_at_line(env);
    set_alarm(env);
}

void arm_pmu_loaded(struct arm_env *env)
{
    env->pmu.line = !env->pmu.line;            /* whatever it was before, it is set */
    look_at_line(env);
    env->pmu.alarm = true;
    set_alarm(env);
}

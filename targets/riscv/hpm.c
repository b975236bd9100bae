/* targets/riscv/hpm.c - programmable counters and their overflow.
 *
 * A counter that runs is a value and what its event stood at then, so that counting costs nothing until somebody looks.
 * With Sscofpmf an overflow sets OF in mhpmevent, and, if OF was clear, mip.LCOFIP. The machine is asked for an alarm when
 * the nearest overflow is expected; should that be early, a new one is set.
 *
 * Source: RISC-V Privileged ISA, "Hardware Performance Monitor"; Sscofpmf extension. */
#include <stdatomic.h>
#include <time.h>

#include "core/base/bits.h"
#include "core/vm/icount.h"
#include "core/vm/vcpu.h"
#include "targets/riscv/hpm.h"

#define EVENT_OF   (UINT64_C(1) << 63)
#define EVENT_MINH (UINT64_C(1) << 62)
#define EVENT_SINH (UINT64_C(1) << 61)
#define EVENT_UINH (UINT64_C(1) << 60)

enum { EVENT_CYCLES = 1, EVENT_INSTRUCTIONS = 2, TIMER = 1 /* vcpu.set_deadline's */, TIME_HZ = 10000000 };

/* --- what is counted ------------------------------------------------------------------------------------------------- */

unsigned riscv_counts_own(const struct riscv_env *env)
{
    return env->c.vcpu && env->c.vcpu->insns;
}

uint64_t riscv_cycles(const struct riscv_env *env)
{
    struct vcpu *v = env->c.vcpu;

    return v && v->insns ? v->insns(v) - 1 : __builtin_ia32_rdtsc();
}

/* What ended in an exception has not retired. */
uint64_t riscv_retired(const struct riscv_env *env)
{
    struct vcpu *v = env->c.vcpu;

    return v && v->insns ? v->insns(v) - 1 - v->not_retired : __builtin_ia32_rdtsc();
}

static uint64_t stands_at(const struct riscv_env *env, unsigned n)
{
    return (uint32_t)env->mhpmevent[n] == EVENT_CYCLES ? riscv_cycles(env) : riscv_retired(env);
}

/* Behind the running instruction, which changes what is counted from there on. */
static uint64_t stands_behind(const struct riscv_env *env, unsigned n)
{
    return stands_at(env, n) + riscv_counts_own(env);
}

static bool runs(const struct riscv_env *env, unsigned n)
{
    uint64_t e = env->mhpmevent[n];
    uint64_t inhibit = env->priv == RV_M ? EVENT_MINH : env->priv == RV_S ? EVENT_SINH : EVENT_UINH;

    return ((uint32_t)e == EVENT_CYCLES || (uint32_t)e == EVENT_INSTRUCTIONS) && !(e & inhibit) &&
           !(env->mcountinhibit >> n & 1);
}

/* --- bringing up to date ------------------------------------------------------------------------------------------------ */

static void overflow(struct riscv_env *env, unsigned n)
{
    if (!env->model->has[RV_F_sscofpmf] || env->mhpmevent[n] & EVENT_OF)
        return;
    env->mhpmevent[n] |= EVENT_OF;
    atomic_fetch_or(&env->mip, BIT64(RV_IRQ_LCOFI));
    __atomic_store_n(&env->c.exit_request, 1, __ATOMIC_SEQ_CST);
}

static void count_to(struct riscv_env *env, unsigned n, uint64_t at)
{
    uint64_t *c = &env->mhpmcounter[n], more = at - env->hpm_since[n];

    if (!(env->hpm_running >> n & 1))
        return;
    if (*c && more >= 0 - *c)
        overflow(env, n);
    *c += more;
    env->hpm_since[n] = at;
}

static void start_or_stop(struct riscv_env *env, unsigned n)
{
    env->hpm_since[n] = stands_behind(env, n);
    if (runs(env, n))
        env->hpm_running |= BIT64(n);
    else
        env->hpm_running &= ~BIT64(n);
}

/* --- the alarm ---------------------------------------------------------------------------------------------------------- */

static int64_t monotonic_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* How long so many events take at least, in ticks of the time CSR. */
static uint64_t time_of(const struct riscv_env *env, uint64_t events)
{
    uint64_t tsc = __builtin_ia32_rdtsc() - env->hpm_tsc_start;
    int64_t ns = monotonic_ns() - env->hpm_ns_start;
    double each = riscv_counts_own(env) ? icount_ns_per_insn() : tsc ? (double)ns / (double)tsc : 0.3;

    return (uint64_t)((double)events * each * TIME_HZ / 1e9);
}

static void set_alarm(struct riscv_env *env)
{
    struct vcpu *v = env->c.vcpu;
    uint64_t least = UINT64_MAX, when;

    if (!v || !v->set_deadline || !env->model->has[RV_F_sscofpmf])
        return;
    for (unsigned n = 3; n < RV_HPM_COUNTERS; n++)
        if (env->hpm_running >> n & 1 && !(env->mhpmevent[n] & EVENT_OF) && env->mhpmcounter[n]) {
            uint64_t left = 0 - env->mhpmcounter[n], gone = stands_behind(env, n) - env->hpm_since[n];

            left = gone < left ? left - gone : 0;  /* by the host's clock it may have run past since it was looked at */
            least = left < least ? left : least;
        }
    if (least > (uint64_t)INT64_MAX / 64) {
        if (env->hpm_alarm)
            v->set_deadline(v->time_opaque, TIMER, UINT64_MAX);
        env->hpm_alarm = false;
        return;
    }
    when = v->read_time(v->time_opaque) + time_of(env, least) + 1;
    env->hpm_alarm = true;
    v->set_deadline(v->time_opaque, TIMER, when);
}

void riscv_hpm_due(struct riscv_env *env)
{
    for (unsigned n = 3; n < RV_HPM_COUNTERS; n++)
        count_to(env, n, stands_behind(env, n));
    set_alarm(env);
}

/* --- access -------------------------------------------------------------------------------------------------------------- */

uint64_t riscv_hpm_read(struct riscv_env *env, unsigned n)
{
    count_to(env, n, stands_at(env, n));
    return env->mhpmcounter[n];
}

void riscv_hpm_write(struct riscv_env *env, unsigned n, uint64_t v)
{
    count_to(env, n, stands_behind(env, n));
    env->mhpmcounter[n] = v;
    set_alarm(env);
}

uint64_t riscv_hpm_event(struct riscv_env *env, unsigned n)
{
    count_to(env, n, stands_at(env, n));
    return env->mhpmevent[n];
}

void riscv_hpm_set_event(struct riscv_env *env, unsigned n, uint64_t v)
{
    count_to(env, n, stands_behind(env, n));
    env->mhpmevent[n] = v;
    start_or_stop(env, n);
    env->hpm_filtered = false;
    for (unsigned k = 3; k < RV_HPM_COUNTERS; k++)
        env->hpm_filtered |= (env->mhpmevent[k] & (EVENT_MINH | EVENT_SINH | EVENT_UINH)) != 0 && (uint32_t)env->mhpmevent[k];
    set_alarm(env);
}

void riscv_hpm_update(struct riscv_env *env)
{
    bool changed = false;

    for (unsigned n = 3; n < RV_HPM_COUNTERS; n++)
        if (runs(env, n) != (env->hpm_running >> n & 1)) {
            count_to(env, n, stands_behind(env, n));
            start_or_stop(env, n);
            changed = true;
        }
    if (changed)
        set_alarm(env);
}

void riscv_hpm_reset(struct riscv_env *env)
{
    __builtin_memset(env->mhpmcounter, 0, sizeof env->mhpmcounter);
    __builtin_memset(env->mhpmevent, 0, sizeof env->mhpmevent);
    env->hpm_running = 0;
    env->hpm_filtered = false;
    env->hpm_tsc_start = __builtin_ia32_rdtsc();
    env->hpm_ns_start = monotonic_ns();
    set_alarm(env);
}

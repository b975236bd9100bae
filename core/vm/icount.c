/* core/vm/icount.c - virtual time from counted instructions, and whose turn it is.
 *
 *     virtual time = base + (executed - base_count) << shift
 *
 * `base` moves when all vCPUs wait (time jumps to the next timer) and when shift=auto picks another shift. The holder of
 * the turn alone counts and moves time, so what it needs has no lock; other threads see the time published last. */
#include "core/vm/icount.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include "accel/accel.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/event/clock.h"
#include "core/event/timer.h"
#include "core/opt/optlist.h"
#include "core/vm/lock.h"
#include "core/vm/machine.h"
#include "core/vm/vcpu.h"
#include "core/vm/vcpu_life.h"
#include "targets/target.h"

enum {
    TURN = 40000,                              /* instructions, where there are several vCPUs */
    LONGEST = 1 << 28,                         /* one budget */
    SHIFT_MAX = 10, AUTO_SHIFT = 3,
    LOOK_NS = 10000000,                        /* with align or auto: how often host time is looked at */
    BEHIND_NS = 3000000,                       /* with align: when it is worth a word */
};

static struct {
    bool on, automatic, align, sleep;
    atomic_uint shift;
    struct clocks *clocks;
    struct timers *timers;
    atomic_llong base_ns, base_count;          /* time at a count; published with `executed` */
    atomic_llong executed;                     /* by all vCPUs, as of the last icount_renew() or turn */
    atomic_bool sooner;                        /* a timer was set: the budget may be too long */
    int64_t host_start_ns, look_ns;            /* host's clock minus virtual time at the start; when to look again */
    bool told_behind;
    /* turns */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    atomic_uint holder;
    int64_t turn_left;
    int64_t idle_since_ns;                     /* host's clock when all vCPUs began to wait; 0: some run */
    bool woken;
} ic = { .lock = PTHREAD_MUTEX_INITIALIZER };

bool icount_on(void)
{
    return ic.on;
}

double icount_ns_per_insn(void)
{
    return (double)(1u << ic.shift);
}

static int64_t host_ns(void)
{
    return clock_ns(ic.clocks, CLOCK_KIND_REAL);
}

/* --- time -------------------------------------------------------------------------------------------------------- */

/* Executed since its budget was given. While an access to a device is under way the count may still be in a register:
 * then the accelerator has said what is left. */
static int64_t spent(const struct vcpu *v)
{
    return v->icount_given - (v->icount_exact >= 0 ? v->icount_exact : v->env->icount_left);
}

static int64_t ns_at(int64_t count)
{
    return atomic_load(&ic.base_ns) + ((count - atomic_load(&ic.base_count)) << ic.shift);
}

static int64_t now_ns(void *opaque)
{
    const struct vcpu *v = vcpu_current();

    (void)opaque;
    return ns_at(atomic_load(&ic.executed) + (v && v->index == ic.holder ? spent(v) : 0));
}

static uint64_t insns(struct vcpu *v)
{
    return v->icount_done + (uint64_t)spent(v);
}

static void count_spent(struct vcpu *v)
{
    int64_t n = spent(v);

    v->icount_done += (uint64_t)n;
    v->icount_given = v->env->icount_left;
    ic.turn_left -= n;
    atomic_fetch_add(&ic.executed, n);
}

/* Everything so far goes into the base: the shift may change, or time jump. */
static void rebase(int64_t ns)
{
    atomic_store(&ic.base_ns, ns);
    atomic_store(&ic.base_count, atomic_load(&ic.executed));
}

static void run_timers(void)
{
    if (timers_next(ic.timers, CLOCK_KIND_VIRTUAL) > now_ns(NULL))
        return;
    machine_lock();
    timers_run_virtual(ic.timers);
    machine_unlock();
}

static void sleep_ns(int64_t ns)
{
    struct timespec ts = { ns / 1000000000, ns % 1000000000 };

    nanosleep(&ts, NULL);
}

/* align: the guest's time does not run ahead of the host's. auto: the shift is chosen so that it neither lags. */
static void follow_host(void)
{
    int64_t now = now_ns(NULL), ahead;

    if ((!ic.align && !ic.automatic) || now < ic.look_ns)
        return;
    ic.look_ns = now + LOOK_NS;
    ahead = now - (host_ns() - ic.host_start_ns);
    if (ic.automatic && ((ahead > LOOK_NS && ic.shift > 0) || (ahead < -LOOK_NS && ic.shift < SHIFT_MAX))) {
        rebase(now);
        ic.shift += ahead < 0 ? 1 : -1u;
    }
    if (ic.align && ahead > 0)
        sleep_ns(ahead < 100000000 ? ahead : 100000000);
    if (ic.align && ahead < -BEHIND_NS && !ic.told_behind) {
        warn_say("the guest is %lld ms behind the clock: -icount needs a larger shift than %u here", -(long long)ahead / 1000000, ic.shift);
        ic.told_behind = true;
    }
}

/* --- budgets ------------------------------------------------------------------------------------------------------- */

bool icount_due(const struct vcpu *v)
{
    return v->env->icount_left <= 0 || atomic_load_explicit(&ic.sooner, memory_order_relaxed);
}

static int64_t budget(void)
{
    int64_t next = timers_next(ic.timers, CLOCK_KIND_VIRTUAL), now = now_ns(NULL), n = LONGEST;

    if ((ic.align || ic.automatic) && next > ic.look_ns)
        next = ic.look_ns;
    if (next != TIMER_NEVER) {
        n = next > now ? (next - now + ((INT64_C(1) << ic.shift) - 1)) >> ic.shift : 1;
        n = n < LONGEST ? n : LONGEST;
    }
    return n < ic.turn_left ? n : ic.turn_left;
}

bool icount_renew(struct vcpu *v)
{
    atomic_store(&ic.sooner, false);
    count_spent(v);
    run_timers();
    follow_host();
    if (ic.turn_left <= 0 && vcpu_count() == 1)
        ic.turn_left = LONGEST;
    v->env->icount_left = v->icount_given = ic.turn_left > 0 ? budget() : 0;
    return ic.turn_left > 0;
}

static void on_sooner(void *opaque)
{
    struct vcpu *v = vcpu_get(ic.holder);

    (void)opaque;
    atomic_store(&ic.sooner, true);
    if (v && v->started)
        v->accel->kick(v);
    icount_wake();
}

/* --- turns ----------------------------------------------------------------------------------------------------------- */

static bool runnable(const struct vcpu *v)
{
    return !atomic_load(&v->off) && (!v->env->halted || v->target->has_work(v->env));
}

static bool wanted_out(const struct vcpu *v)
{
    return atomic_load(&v->stop_request) || atomic_load(&v->quit) || atomic_load(&v->off);
}

/* The next that can run, itself last. If none can, the next that is at least switched on: it waits for all. */
static void pass_turn(void)
{
    unsigned n = vcpu_count(), found = n;

    for (unsigned k = n; k-- > 0;) {           /* backwards: what is found last is the nearest */
        unsigned i = (ic.holder + 1 + k) % n;

        if (runnable(vcpu_get(i)))
            found = i;
    }
    for (unsigned k = 0; k < n && found == n; k++)
        if (!atomic_load(&vcpu_get((ic.holder + 1 + k) % n)->off))
            found = (ic.holder + 1 + k) % n;
    if (found < n)
        ic.holder = found;
    ic.turn_left = TURN;
    pthread_cond_broadcast(&ic.changed);
}

static struct timespec after_ns(int64_t ns)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    ns += t.tv_nsec;
    t.tv_sec += ns / 1000000000;
    t.tv_nsec = ns % 1000000000;
    return t;
}

/* All wait: time goes on without instructions, to the next timer and no further. Who wakes the CPUs before it comes as the
 * host's time decides. Under the lock, which is let go of. */
static void idle(void)
{
    int64_t now = now_ns(NULL), next = timers_next(ic.timers, CLOCK_KIND_VIRTUAL), wait;

    if (!ic.idle_since_ns)
        ic.idle_since_ns = host_ns();
    wait = next - now - (host_ns() - ic.idle_since_ns);
    if (next != TIMER_NEVER && (wait <= 0 || !ic.sleep)) {
        rebase(next > now ? next : now);
        ic.idle_since_ns = 0;
    } else if (!ic.woken && next == TIMER_NEVER) {
        pthread_cond_wait(&ic.changed, &ic.lock);
    } else if (!ic.woken) {
        struct timespec until = after_ns(wait);

        pthread_cond_timedwait(&ic.changed, &ic.lock, &until);
    }
    ic.woken = false;
    pthread_mutex_unlock(&ic.lock);
    run_timers();
    pthread_mutex_lock(&ic.lock);
}

/* A vCPU runs again before the next timer: the time that passed counts. */
static void end_idle(void)
{
    int64_t now = now_ns(NULL), next = timers_next(ic.timers, CLOCK_KIND_VIRTUAL);
    int64_t then = now + host_ns() - ic.idle_since_ns;

    if (ic.idle_since_ns && ic.sleep && then > now)
        rebase(then < next ? then : next > now ? next : now);
    ic.idle_since_ns = 0;
}

bool icount_turn_take(struct vcpu *v)
{
    bool stop;

    pthread_mutex_lock(&ic.lock);
    while (!(stop = wanted_out(v))) {
        if (ic.holder != v->index) {
            if (atomic_load(&vcpu_get(ic.holder)->off))
                pass_turn();
            else
                pthread_cond_wait(&ic.changed, &ic.lock);
            continue;
        }
        if (runnable(v))
            break;
        pass_turn();
        if (ic.holder == v->index && !runnable(v))
            idle();
    }
    if (!stop)
        end_idle();
    pthread_mutex_unlock(&ic.lock);
    return !stop;
}

void icount_turn_give(struct vcpu *v)
{
    pthread_mutex_lock(&ic.lock);
    count_spent(v);
    v->env->icount_left = v->icount_given = 0;
    if (ic.turn_left <= 0 || !runnable(v))
        pass_turn();
    pthread_mutex_unlock(&ic.lock);
}

void icount_wake(void)
{
    pthread_mutex_lock(&ic.lock);
    ic.woken = true;
    pthread_cond_broadcast(&ic.changed);
    pthread_mutex_unlock(&ic.lock);
}

/* --- the option -------------------------------------------------------------------------------------------------------- */

static int read_shift(struct optlist *o, struct error *err)
{
    const char *text = optlist_get(o, "shift");
    unsigned shift = 0;

    ic.automatic = !text || str_eq(text, "auto");
    ic.shift = AUTO_SHIFT;
    if (ic.automatic)
        return 0;
    if (optlist_uint(o, "shift", 0, SHIFT_MAX, &shift, err) < 0)
        return -EINVAL;
    ic.shift = shift;
    return 0;
}

static int check_combination(struct machine *m, struct optlist *o, struct error *err)
{
    if (!str_eq(m->accel->name, "tcg"))
        return optlist_error(o, err, EINVAL, "instructions are counted by the translator only; use -accel tcg");
    for (size_t i = 0; i < m->opts->accels.count; i++) {
        const char *thread = optlist_get(m->opts->accels.at[i], "thread");

        if (thread && str_eq(thread, "multi"))
            return optlist_error(o, err, EINVAL, "counted instructions need one vCPU at a time; leave out -accel tcg,thread=multi");
    }
    if (ic.align && (ic.automatic || !ic.sleep))
        return optlist_error(o, err, EINVAL, "align=on goes with a fixed shift and sleep=on only");
    return 0;
}

int icount_setup(struct machine *m, struct error *err)
{
    struct optlist *o = m->opts->icount;
    pthread_condattr_t monotonic;

    if (!o)
        return 0;
    ic.sleep = true;
    if (read_shift(o, err) < 0 || optlist_bool(o, "align", &ic.align, err) < 0 || optlist_bool(o, "sleep", &ic.sleep, err) < 0 ||
        check_combination(m, o, err) < 0)
        return -EINVAL;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&ic.changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    ic.timers = m->board->timers;
    ic.clocks = timers_clocks(ic.timers);
    ic.host_start_ns = host_ns();
    ic.turn_left = TURN;
    ic.on = true;
    vcpu_count_insns(insns);
    clocks_set_source(ic.clocks, now_ns, NULL);
    timers_serve_virtual(ic.timers, on_sooner, NULL);
    return optlist_done(o, err);
}

void icount_end(void)
{
    ic.on = false;
}

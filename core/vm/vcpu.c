/* core/vm/vcpu.c - the thread of each vCPU.
 *
 *     stopped --vcpu_resume_all()--> running --guest waits--> halted --interrupt--> running
 *        ^---------vcpu_pause_all(), or the CPU stops by itself---------'
 *
 * With one thread at a time (thread=single) a vCPU runs only while it holds the turn. Who waits for it more than
 * TURN_NS has the holder kicked; turns are given in the order in which they were asked for. */
#include "core/vm/vcpu.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "accel/accel.h"
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/vm/icount.h"
#include "core/vm/lock.h"
#include "core/vm/vcpu_life.h"
#include "targets/target.h"

enum { VCPUS_MAX = 4096, TURN_NS = 5000000 };

static struct {
    struct vcpu *at[VCPUS_MAX];
    unsigned count;
    pthread_mutex_t lock; /* for `paused` */
    pthread_cond_t paused;
    void (*on_stop)(void *opaque, struct vcpu *v, enum vcpu_stop why);
    void *opaque;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER, .paused = PTHREAD_COND_INITIALIZER };

static struct {
    bool single;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t next, serving; /* tickets */
    struct vcpu *holder;
    uint64_t (*insns)(struct vcpu *v);
} turn = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

void vcpu_set_hook(void (*on_stop)(void *opaque, struct vcpu *v, enum vcpu_stop why), void *opaque)
{
    all.on_stop = on_stop;
    all.opaque = opaque;
}

void vcpu_one_at_a_time(bool single)
{
    turn.single = single;
}

void vcpu_count_insns(uint64_t (*insns)(struct vcpu *v))
{
    turn.insns = insns;
}

/* --- turns ------------------------------------------------------------------------------------------------------- */

static void turn_take(struct vcpu *v)
{
    uint64_t ticket;

    pthread_mutex_lock(&turn.lock);
    ticket = turn.next++;
    while (turn.serving != ticket) {
        struct timespec until;

        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += TURN_NS;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        if (pthread_cond_timedwait(&turn.changed, &turn.lock, &until) == ETIMEDOUT && turn.holder) {
            atomic_store(&turn.holder->yield, true);
            turn.holder->accel->kick(turn.holder);
        }
    }
    turn.holder = v;
    pthread_mutex_unlock(&turn.lock);
}

static void turn_give(void)
{
    pthread_mutex_lock(&turn.lock);
    turn.holder = NULL;
    turn.serving++;
    pthread_cond_broadcast(&turn.changed);
    pthread_mutex_unlock(&turn.lock);
}

/* --- the thread -------------------------------------------------------------------------------------------------- */

static void wait_while_stopped(struct vcpu *v)
{
    pthread_mutex_lock(&v->lock);
    while ((atomic_load(&v->stop_request) || atomic_load(&v->off)) && !atomic_load(&v->quit)) {
        atomic_store(&v->stopped, true);
        pthread_mutex_lock(&all.lock);
        pthread_cond_broadcast(&all.paused);
        pthread_mutex_unlock(&all.lock);
        pthread_cond_wait(&v->wake, &v->lock);
    }
    atomic_store(&v->stopped, false);
    pthread_mutex_unlock(&v->lock);
}

static void wait_while_halted(struct vcpu *v)
{
    pthread_mutex_lock(&v->lock);
    while (!v->target->has_work(v->env) && !atomic_load(&v->stop_request) && !atomic_load(&v->off) &&
           !atomic_load(&v->quit))
        pthread_cond_wait(&v->wake, &v->lock);
    pthread_mutex_unlock(&v->lock);
}

static _Thread_local struct vcpu *current;

struct vcpu *vcpu_current(void)
{
    return current;
}

void vcpu_set_current(struct vcpu *v)
{
    current = v;
}

void vcpu_power(struct vcpu *v, bool on)
{
    atomic_store(&v->off, !on);
    vcpu_kick(v);
}

static void *vcpu_thread(void *opaque)
{
    struct vcpu *v = opaque;
    char name[16];

    snprintf(name, sizeof(name), "vcpu%u", v->index);
    pthread_setname_np(pthread_self(), name);
    current = v;
    for (;;) {
        int why;

        wait_while_stopped(v);
        if (atomic_load(&v->quit))
            break;
        if (icount_on() && !icount_turn_take(v))
            continue;
        if (turn.single)
            turn_take(v);
        why = v->accel->vcpu_run(v);
        if (turn.single)
            turn_give();
        if (icount_on())
            icount_turn_give(v);
        if (why == VCPU_HALTED && icount_on()) {
            continue;                          /* its next turn comes when it has work */
        } else if (why == VCPU_HALTED) {
            wait_while_halted(v);
        } else if (why != VCPU_KICKED) {
            atomic_store(&v->stop_request, true);
            if (all.on_stop)
                all.on_stop(all.opaque, v, why);
        }
    }
    v->accel->vcpu_destroy(v);
    return NULL;
}

/* --- life -------------------------------------------------------------------------------------------------------- */

struct vcpu *vcpu_create(unsigned index, const struct target *t, const void *model, const struct accel_type *accel,
                         struct addr_space *as, struct error *err)
{
    size_t bytes = t->env_size + (accel->env_extra && !as ? accel->env_extra() : 0);
    struct vcpu *v;

    if (all.count == VCPUS_MAX) {
        error_set(err, EINVAL, "more than %d vCPUs are not possible", VCPUS_MAX);
        return NULL;
    }
    v = NEW(struct vcpu);
    v->index = index;
    v->target = t;
    v->model = model;
    v->accel = accel;
    v->as = as;
    v->env = xmemalign(64, (bytes + 63) & ~(size_t)63);
    memset(v->env, 0, t->env_size);
    v->env->vcpu = v;
    v->insns = as ? turn.insns : NULL;
    v->icount_exact = -1;
    pthread_mutex_init(&v->lock, NULL);
    pthread_cond_init(&v->wake, NULL);
    atomic_store(&v->stop_request, true);
    t->init(v->env, model, as != NULL);
    if (accel->vcpu_create(v, err) < 0) {
        free(v->env);
        free(v);
        return NULL;
    }
    t->reset(v->env);
    if (as)
        all.at[all.count++] = v;
    return v;
}

void vcpu_free(struct vcpu *v)
{
    v->accel->vcpu_destroy(v);
    pthread_mutex_destroy(&v->lock);
    pthread_cond_destroy(&v->wake);
    free(v->env);
    free(v);
}

void vcpu_start(struct vcpu *v)
{
    if (v->started)
        return;
    v->started = true;
    if (pthread_create(&v->thread, NULL, vcpu_thread, v))
        error_exit("cannot start the thread of vCPU %u; the host has too many threads", v->index);
}

void vcpu_kick(struct vcpu *v)
{
    pthread_mutex_lock(&v->lock);
    pthread_cond_signal(&v->wake);
    pthread_mutex_unlock(&v->lock);
    v->accel->kick(v);
    if (icount_on())
        icount_wake();
}

void vcpu_set_irq(struct vcpu *v, unsigned line, bool level)
{
    v->target->set_irq(v->env, line, level);
    if (level)
        vcpu_kick(v);
}

void vcpu_reset(struct vcpu *v)
{
    v->target->reset(v->env);
    if (log_on(LOG_CPU_RESET)) {
        FILE *f = log_begin();

        fprintf(f, "CPU Reset (CPU %u)\n", v->index);
        v->target->dump(v->env, f);
        log_end();
    }
}

void vcpu_boot(struct vcpu *v, uint64_t entry, uint64_t arg)
{
    v->target->reset(v->env);
    if (v->target->boot)
        v->target->boot(v->env, entry, arg);
}

unsigned vcpu_count(void)
{
    return all.count;
}

struct vcpu *vcpu_get(unsigned index)
{
    return index < all.count ? all.at[index] : NULL;
}

void vcpu_ask_pause(void)
{
    for (unsigned i = 0; i < all.count; i++) {
        atomic_store(&all.at[i]->stop_request, true);
        vcpu_kick(all.at[i]);
    }
}

static bool all_stopped(void)
{
    for (unsigned i = 0; i < all.count; i++)
        if (all.at[i]->started && !atomic_load(&all.at[i]->stopped))
            return false;
    return true;
}

void vcpu_pause_all(void)
{
    vcpu_ask_pause();
    machine_unlock(); /* a vCPU may need it to get out of a device */
    pthread_mutex_lock(&all.lock);
    while (!all_stopped())
        pthread_cond_wait(&all.paused, &all.lock);
    pthread_mutex_unlock(&all.lock);
    machine_lock();
}

void vcpu_resume(struct vcpu *v)
{
    pthread_mutex_lock(&v->lock);
    atomic_store(&v->stop_request, false);
    pthread_cond_signal(&v->wake);
    pthread_mutex_unlock(&v->lock);
}

void vcpu_resume_all(void)
{
    for (unsigned i = 0; i < all.count; i++)
        vcpu_resume(all.at[i]);
}

void vcpu_end_all(void)
{
    for (unsigned i = 0; i < all.count; i++) {
        atomic_store(&all.at[i]->quit, true);
        vcpu_kick(all.at[i]);
    }
    machine_unlock();
    for (unsigned i = 0; i < all.count; i++)
        if (all.at[i]->started)
            pthread_join(all.at[i]->thread, NULL);
    machine_lock();
    for (unsigned i = 0; i < all.count; i++) {
        if (!all.at[i]->started)
            all.at[i]->accel->vcpu_destroy(all.at[i]); /* else its thread did */
        free(all.at[i]->env);
        free(all.at[i]);
    }
    all.count = 0;
}

/* Standing still together. A vCPU is `running` from entering its run loop until it leaves it; who wants to be alone asks
 * everyone out, waits, does its work, and lets them in again. Evicting translations needs it. */
#include <stdlib.h>

#include "accel/tcg/internal.h"
#include "core/base/alloc.h"

struct exclusive {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned waiting;                          /* who wants to be alone, or is */
    bool busy;
    unsigned running;
};

void exclusive_init(struct tcg_engine *e)
{
    e->excl = NEW(struct exclusive);
    pthread_mutex_init(&e->excl->lock, NULL);
    pthread_cond_init(&e->excl->changed, NULL);
}

void run_begin(struct tcg_vcpu *tv)
{
    struct exclusive *x = tv->engine->excl;

    pthread_mutex_lock(&x->lock);
    while (x->waiting)
        pthread_cond_wait(&x->changed, &x->lock);
    x->running++;
    atomic_store(&tv->running, true);
    pthread_mutex_unlock(&x->lock);
}

void run_end(struct tcg_vcpu *tv)
{
    struct exclusive *x = tv->engine->excl;

    pthread_mutex_lock(&x->lock);
    x->running--;
    atomic_store(&tv->running, false);
    pthread_cond_broadcast(&x->changed);
    pthread_mutex_unlock(&x->lock);
}

void kick_all(struct tcg_engine *e, unsigned pending)
{
    pthread_mutex_lock(&e->list_lock);
    for (unsigned i = 0; i < e->nvcpus; i++) {
        if (pending)
            atomic_fetch_or(&e->vcpus[i]->pending, pending);
        __atomic_store_n(&e->vcpus[i]->env->exit_request, 1, __ATOMIC_SEQ_CST);
    }
    pthread_mutex_unlock(&e->list_lock);
}

void exclusive_begin(struct tcg_vcpu *self)
{
    struct tcg_engine *e = tcg_engine;
    struct exclusive *x = e->excl;

    pthread_mutex_lock(&x->lock);
    x->waiting++;
    if (self)
        x->running--;                          /* it stands still here */
    pthread_cond_broadcast(&x->changed);
    kick_all(e, PEND_EXCLUSIVE);
    while (x->busy || x->running)
        pthread_cond_wait(&x->changed, &x->lock);
    x->busy = true;
    pthread_mutex_unlock(&x->lock);
}

void exclusive_end(struct tcg_vcpu *self)
{
    struct exclusive *x = tcg_engine->excl;

    pthread_mutex_lock(&x->lock);
    x->busy = false;
    x->waiting--;
    pthread_cond_broadcast(&x->changed);       /* the next who wants to be alone may be waiting for this one */
    while (self && x->waiting)
        pthread_cond_wait(&x->changed, &x->lock);
    if (self)
        x->running++;
    pthread_cond_broadcast(&x->changed);
    pthread_mutex_unlock(&x->lock);
}

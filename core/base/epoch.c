/* Three generations, as in K. Fraser, "Practical lock-freedom", 5.2.3. A global counter; each reader notes the counter
 * when it enters. The counter moves on only when every reader inside has seen its present value, so what was retired two
 * moves ago has no reader left.
 *
 *   reader:  seen = 0 (outside)  --enter-->  seen = counter * 2 + 1  --leave-->  seen = 0
 *   retired: generation[counter % 3]  --advance() twice-->  freed */
#include "core/base/epoch.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/base/alloc.h"

struct reader {
    _Atomic uint64_t seen;    /* 0 outside, counter * 2 + 1 inside */
    unsigned depth;           /* its own thread's only */
    struct reader *next;
};

struct retired {
    void *p;
    void (*free_it)(void *p);
    struct retired *next;
};

static _Atomic uint64_t counter = 1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;    /* readers, generations, advancing */
static struct reader *readers;
static struct retired *generation[3];
static unsigned retired_count;
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static __thread struct reader *self;

static void forget(void *arg)
{
    struct reader *r = arg, **at;

    pthread_mutex_lock(&lock);
    for (at = &readers; *at != r; at = &(*at)->next)
        ;
    *at = r->next;
    pthread_mutex_unlock(&lock);
    self = NULL;
    free(r);
}

static void make_key(void)
{
    if (pthread_key_create(&key, forget))
        abort();
}

static struct reader *introduce(void)
{
    struct reader *r = NEW(struct reader);

    pthread_once(&once, make_key);
    pthread_setspecific(key, r);
    pthread_mutex_lock(&lock);
    r->next = readers;
    readers = r;
    pthread_mutex_unlock(&lock);
    return self = r;
}

void epoch_enter(void)
{
    struct reader *r = self ? self : introduce();

    if (r->depth++)
        return;
    /* Sequentially consistent: the mark is seen before any pointer is read. Pairs with the loads in advance(). */
    atomic_store(&r->seen, atomic_load(&counter) * 2 + 1);
}

void epoch_leave(void)
{
    struct reader *r = self;

    assert(r && r->depth);
    if (--r->depth == 0)
        atomic_store_explicit(&r->seen, 0, memory_order_release);
}

/* Moves the counter on if every reader inside has seen it; what becomes free is returned. The caller holds the lock. */
static struct retired *advance(bool *moved)
{
    uint64_t now = atomic_load(&counter);
    struct retired *gone;

    *moved = false;
    for (struct reader *r = readers; r; r = r->next) {
        uint64_t seen = atomic_load(&r->seen);

        if (seen && seen != now * 2 + 1)
            return NULL;
    }
    *moved = true;
    atomic_store(&counter, now + 1);
    gone = generation[(now + 1) % 3];    /* filled two moves ago */
    generation[(now + 1) % 3] = NULL;
    return gone;
}

static void free_all(struct retired *list)
{
    while (list) {
        struct retired *next = list->next;

        list->free_it(list->p);
        free(list);
        list = next;
    }
}

void epoch_retire(void *p, void (*free_it)(void *p))
{
    struct retired *r = NEW(struct retired), *gone = NULL;
    bool moved;

    r->p = p;
    r->free_it = free_it;
    pthread_mutex_lock(&lock);
    struct retired **list = &generation[atomic_load(&counter) % 3];
    r->next = *list;
    *list = r;
    if (++retired_count % 16 == 0)
        gone = advance(&moved);
    pthread_mutex_unlock(&lock);
    free_all(gone);
}

void epoch_synchronize(void)
{
    assert(!self || !self->depth);
    for (int moves = 0; moves < 3;) {
        struct retired *gone;
        bool moved;

        pthread_mutex_lock(&lock);
        gone = advance(&moved);
        pthread_mutex_unlock(&lock);
        free_all(gone);
        if (moved)
            moves++;
        else
            sched_yield();
    }
}

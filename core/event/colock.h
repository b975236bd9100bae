/* core/event/colock.h - queues and locks for coroutines of one loop.
 *
 * All coroutines that share one of these run on the same loop, so nothing here is atomic; a holder may yield. */
#ifndef CORE_EVENT_COLOCK_H
#define CORE_EVENT_COLOCK_H

#include <stdbool.h>

#include "core/event/coroutine.h"

/* Coroutines that wait, first come first served. Zeroed is empty. */
struct co_queue {
    struct coroutine *first, *last;
};

/** co_queue_wait - wait in a queue until woken. Context: coroutine; yields. */
void co_queue_wait(struct co_queue *q);
/** co_queue_wake_one - wake the first who waits. Returns whether anyone did. */
bool co_queue_wake_one(struct co_queue *q);
void co_queue_wake_all(struct co_queue *q);

/* Zeroed is unlocked. Fair: unlock hands over to the first who waits. */
struct co_mutex {
    bool              held;
    struct co_queue   queue;
};

void co_lock(struct co_mutex *m);      /* Context: coroutine; may yield. */
void co_unlock(struct co_mutex *m);

/* Limits how many are inside: co_slots_take() waits while @max are. */
struct co_slots {
    int             inside, max;
    struct co_queue queue, drained;
};

void co_slots_take(struct co_slots *s);    /* Context: coroutine; may yield. */
void co_slots_give(struct co_slots *s);
void co_slots_drain(struct co_slots *s);   /* waits until none is inside */

#endif

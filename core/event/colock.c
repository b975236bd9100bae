/* core/event/colock.c - first come, first served. */
#include "core/event/colock.h"

#include <assert.h>
#include <stddef.h>

#include "core/event/iothread.h"

void co_queue_wait(struct co_queue *q)
{
    struct coroutine *co = co_self();

    co_set_next(co, NULL);
    if (q->first == NULL)
        q->first = co;
    else
        co_set_next(q->last, co);
    q->last = co;
    co_yield();
}

bool co_queue_wake_one(struct co_queue *q)
{
    struct coroutine *co = q->first;

    if (co == NULL)
        return false;
    q->first = co_next(co);
    io_wake(co);
    return true;
}

void co_queue_wake_all(struct co_queue *q)
{
    while (co_queue_wake_one(q))
        ;
}

void co_lock(struct co_mutex *m)
{
    if (m->held)
        co_queue_wait(&m->queue);       /* co_unlock() left it held, for us */
    m->held = true;
}

void co_unlock(struct co_mutex *m)
{
    assert(m->held);
    if (!co_queue_wake_one(&m->queue))
        m->held = false;
}

void co_slots_take(struct co_slots *s)
{
    while (s->inside >= s->max)
        co_queue_wait(&s->queue);
    s->inside++;
}

void co_slots_give(struct co_slots *s)
{
    s->inside--;
    co_queue_wake_one(&s->queue);
    if (s->inside == 0)
        co_queue_wake_all(&s->drained);
}

void co_slots_drain(struct co_slots *s)
{
    while (s->inside > 0)
        co_queue_wait(&s->drained);
}

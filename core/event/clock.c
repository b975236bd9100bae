/* core/event/clock.c - virtual time is the monotonic clock minus the time the machine stood still.
 *
 * `sequence` is odd while the two numbers change, so that a reader without the lock sees both or neither. */
#include "core/event/clock.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include "core/base/alloc.h"

struct clocks {
    _Atomic(unsigned) sequence;
    _Atomic(bool) running;
    _Atomic(int64_t) base; /* running: virtual minus monotonic; else: virtual */
    int64_t (*source)(void *opaque);
    void *source_opaque;
};

static int64_t host_ns(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

struct clocks *clocks_new(void)
{
    return NEW(struct clocks);
}

void clocks_free(struct clocks *c)
{
    free(c);
}

static int64_t virtual_ns(const struct clocks *c)
{
    unsigned before, after;
    int64_t ns;

    if (c->source)
        return c->source(c->source_opaque);
    do {
        before = atomic_load_explicit(&c->sequence, memory_order_acquire);
        ns = atomic_load_explicit(&c->base, memory_order_relaxed);
        if (atomic_load_explicit(&c->running, memory_order_relaxed))
            ns += host_ns(CLOCK_MONOTONIC);
        atomic_thread_fence(memory_order_acquire);
        after = atomic_load_explicit(&c->sequence, memory_order_relaxed);
    } while (before != after || (before & 1));
    return ns;
}

int64_t clock_ns(const struct clocks *c, enum clock_kind kind)
{
    switch (kind) {
    case CLOCK_KIND_VIRTUAL:
        return virtual_ns(c);
    case CLOCK_KIND_HOST:
        return host_ns(CLOCK_REALTIME);
    default:
        return host_ns(CLOCK_MONOTONIC);
    }
}

static void set(struct clocks *c, bool run, int64_t virtual)
{
    atomic_fetch_add(&c->sequence, 1);
    atomic_store(&c->running, run);
    atomic_store(&c->base, run ? virtual - host_ns(CLOCK_MONOTONIC) : virtual);
    atomic_fetch_add(&c->sequence, 1);
}

void clocks_run(struct clocks *c, bool run)
{
    if (!c->source && run != atomic_load(&c->running))
        set(c, run, virtual_ns(c));
}

void clocks_set_virtual(struct clocks *c, int64_t ns)
{
    set(c, atomic_load(&c->running), ns);
}

void clocks_set_source(struct clocks *c, int64_t (*now)(void *opaque), void *opaque)
{
    c->source = now;
    c->source_opaque = opaque;
}

bool clocks_has_source(const struct clocks *c)
{
    return c->source;
}

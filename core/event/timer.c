/* core/event/timer.c - a binary heap of timers per clock, behind one lock. */
#include "core/event/timer.h"
#include <pthread.h>
#include <stdlib.h>
#include "core/base/alloc.h"

struct heap {
    struct timer **at;
    size_t count, room;
};

struct timers {
    pthread_mutex_t lock;
    struct clocks *clocks;
    struct heap heap[CLOCK_KINDS];
    void (*sooner)(void *opaque);
    void *opaque;
    void (*virtual_sooner)(void *opaque);      /* who serves the virtual clock's timers; NULL: timers_run() does */
    void *virtual_opaque;
};

struct timers *timers_new(struct clocks *clocks, void (*sooner)(void *opaque), void *opaque)
{
    struct timers *set = NEW(struct timers);

    pthread_mutex_init(&set->lock, NULL);
    set->clocks = clocks;
    set->sooner = sooner;
    set->opaque = opaque;
    return set;
}

void timers_free(struct timers *set)
{
    if (!set)
        return;
    for (int i = 0; i < CLOCK_KINDS; i++)
        free(set->heap[i].at);
    pthread_mutex_destroy(&set->lock);
    free(set);
}

struct clocks *timers_clocks(struct timers *set)
{
    return set->clocks;
}

void timer_init(struct timer *t, struct timers *set, enum clock_kind kind, void (*fire)(void *opaque), void *opaque)
{
    *t = (struct timer){ .set = set, .kind = kind, .fire = fire, .opaque = opaque, .when = TIMER_NEVER };
}

static void place(struct heap *h, size_t slot, struct timer *t)
{
    h->at[slot] = t;
    t->slot = slot;
}

static void sift_up(struct heap *h, size_t slot)
{
    struct timer *t = h->at[slot];

    while (slot > 0 && h->at[(slot - 1) / 2]->when > t->when) {
        place(h, slot, h->at[(slot - 1) / 2]);
        slot = (slot - 1) / 2;
    }
    place(h, slot, t);
}

static void sift_down(struct heap *h, size_t slot)
{
    struct timer *t = h->at[slot];

    for (size_t child; (child = slot * 2 + 1) < h->count; slot = child) {
        if (child + 1 < h->count && h->at[child + 1]->when < h->at[child]->when)
            child++;
        if (h->at[child]->when >= t->when)
            break;
        place(h, slot, h->at[child]);
    }
    place(h, slot, t);
}

static void heap_remove(struct heap *h, struct timer *t)
{
    size_t slot = t->slot;
    struct timer *last = h->at[--h->count];

    t->when = TIMER_NEVER;
    if (last == t)
        return;
    place(h, slot, last);
    sift_up(h, slot);
    sift_down(h, last->slot);
}

static void heap_add(struct heap *h, struct timer *t)
{
    if (h->count == h->room) {
        h->room = h->room ? h->room * 2 : 16;
        h->at = xreallocarray(h->at, h->room, sizeof(*h->at));
    }
    place(h, h->count++, t);
    sift_up(h, t->slot);
}

void timer_set(struct timer *t, int64_t when)
{
    struct timers *set = t->set;
    struct heap *h = &set->heap[t->kind];
    bool sooner = false;

    pthread_mutex_lock(&set->lock);
    if (t->when != TIMER_NEVER)
        heap_remove(h, t);
    if (when != TIMER_NEVER) {
        sooner = !h->count || when < h->at[0]->when;
        t->when = when;
        heap_add(h, t);
    }
    pthread_mutex_unlock(&set->lock);
    if (sooner && t->kind == CLOCK_KIND_VIRTUAL && set->virtual_sooner)
        set->virtual_sooner(set->virtual_opaque);
    else if (sooner && set->sooner)
        set->sooner(set->opaque);
}

void timer_cancel(struct timer *t)
{
    if (t->set)
        timer_set(t, TIMER_NEVER);
}

int64_t timer_when(const struct timer *t)
{
    int64_t when;

    if (!t->set)
        return TIMER_NEVER;
    pthread_mutex_lock(&t->set->lock);
    when = t->when;
    pthread_mutex_unlock(&t->set->lock);
    return when;
}

bool timer_armed(const struct timer *t)
{
    return timer_when(t) != TIMER_NEVER;
}

int64_t timers_next(struct timers *set, enum clock_kind kind)
{
    struct heap *h = &set->heap[kind];
    int64_t when;

    pthread_mutex_lock(&set->lock);
    when = h->count ? h->at[0]->when : TIMER_NEVER;
    pthread_mutex_unlock(&set->lock);
    return when;
}

int64_t timers_wait_ns(struct timers *set, bool virtual_runs)
{
    int64_t wait = TIMER_NEVER;

    for (int i = 0; i < CLOCK_KINDS; i++) {
        int64_t when = timers_next(set, i), now;

        if (when == TIMER_NEVER || (i == CLOCK_KIND_VIRTUAL && set->virtual_sooner))
            continue;
        now = clock_ns(set->clocks, i);
        if (when <= now)
            return 0;
        if (i == CLOCK_KIND_VIRTUAL && (!virtual_runs || clocks_has_source(set->clocks)))
            continue;
        if (when - now < wait)
            wait = when - now;
    }
    return wait;
}

/* Take the earliest timer that is due at `now` off its heap. */
static struct timer *take_due(struct timers *set, enum clock_kind kind, int64_t now)
{
    struct heap *h = &set->heap[kind];
    struct timer *t = NULL;

    pthread_mutex_lock(&set->lock);
    if (h->count && h->at[0]->when <= now) {
        t = h->at[0];
        heap_remove(h, t);
    }
    pthread_mutex_unlock(&set->lock);
    return t;
}

static bool run_clock(struct timers *set, enum clock_kind kind)
{
    bool any = false;
    int64_t now;
    struct timer *t;
    size_t left;

    if (timers_next(set, kind) == TIMER_NEVER)
        return false;
    now = clock_ns(set->clocks, kind);
    pthread_mutex_lock(&set->lock);
    left = set->heap[kind].count; /* bounds timers that set each other to the past */
    pthread_mutex_unlock(&set->lock);
    while (left-- && (t = take_due(set, kind, now))) {
        t->fire(t->opaque);
        any = true;
    }
    return any;
}

bool timers_run(struct timers *set)
{
    bool any = false;

    for (int i = 0; i < CLOCK_KINDS; i++)
        if (i != CLOCK_KIND_VIRTUAL || !set->virtual_sooner)
            any |= run_clock(set, i);
    return any;
}

void timers_serve_virtual(struct timers *set, void (*sooner)(void *opaque), void *opaque)
{
    set->virtual_opaque = opaque;
    set->virtual_sooner = sooner;
}

bool timers_run_virtual(struct timers *set)
{
    return run_clock(set, CLOCK_KIND_VIRTUAL);
}

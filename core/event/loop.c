/* core/event/loop.c - epoll, with an eventfd to wake it and a timerfd for deadlines.
 *
 * A thread that sets an earlier timer winds the timerfd itself, so that the loop sleeps on. A wake-up that turns
 * out to be early (the timer was moved) costs one turn. */
#include "core/event/loop.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/event/timer.h"
#include "core/vm/lock.h"

enum { EVENTS_AT_ONCE = 32 };

struct loop_fd {
    struct loop *loop;
    int fd;
    unsigned events;
    bool removed;
    void (*ready)(void *opaque, unsigned events);
    void *opaque;
    struct loop_fd *next; /* in loop->dead */
};

struct call {
    void (*fn)(void *opaque);
    void *opaque;
    struct call *next;
};

struct hook {
    void (*before)(void *opaque, int *timeout_ms);
    void (*after)(void *opaque);
    void *opaque;
    bool removed;
    struct hook *next;
};

struct loop {
    int epoll, wake, timerfd;
    bool locked;
    _Atomic(bool) quit;
    _Atomic(bool) virtual_runs;
    struct timers *timers;
    struct loop_fd wake_watch, timer_watch;
    struct loop_fd *dead; /* removed, freed at the end of the turn */
    struct hook *hooks;
    pthread_mutex_t arm_lock; /* deadline read and timerfd wound as one */
    pthread_mutex_t call_lock;
    struct call *calls, **calls_end;
};

static void drain(void *opaque, unsigned events)
{
    struct loop_fd *w = opaque;
    uint64_t count;

    (void)events;
    if (read(w->fd, &count, sizeof(count)) < 0)
        return; /* another turn has taken it */
}

static int add_own(struct loop *loop, struct loop_fd *w, int fd)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = w };

    *w = (struct loop_fd){ .loop = loop, .fd = fd, .events = LOOP_READ, .ready = drain, .opaque = w };
    return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &ev);
}

struct loop *loop_new(bool locked, struct error *err)
{
    struct loop *loop = NEW(struct loop);

    loop->locked = locked;
    loop->virtual_runs = true;
    loop->calls_end = &loop->calls;
    pthread_mutex_init(&loop->arm_lock, NULL);
    pthread_mutex_init(&loop->call_lock, NULL);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    loop->timerfd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (loop->epoll < 0 || loop->wake < 0 || loop->timerfd < 0 || add_own(loop, &loop->wake_watch, loop->wake) < 0 ||
        add_own(loop, &loop->timer_watch, loop->timerfd) < 0) {
        error_errno(err, "cannot set up the event loop");
        loop_free(loop);
        return NULL;
    }
    return loop;
}

static void bury(struct loop *loop)
{
    struct loop_fd *next;

    for (struct loop_fd *w = loop->dead; w; w = next) {
        next = w->next;
        free(w);
    }
    loop->dead = NULL;
    for (struct hook **p = &loop->hooks; *p;) {
        struct hook *h = *p;

        if (!h->removed) {
            p = &h->next;
            continue;
        }
        *p = h->next;
        free(h);
    }
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    for (struct hook *h = loop->hooks; h; h = h->next)
        h->removed = true;
    bury(loop);
    for (struct call *c = loop->calls, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    close_if_open(loop->epoll);
    close_if_open(loop->wake);
    close_if_open(loop->timerfd);
    pthread_mutex_destroy(&loop->arm_lock);
    pthread_mutex_destroy(&loop->call_lock);
    free(loop);
}

void loop_set_timers(struct loop *loop, struct timers *t)
{
    loop->timers = t;
    loop_rearm(loop);
}

void loop_rearm(void *opaque)
{
    struct loop *loop = opaque;
    struct itimerspec it = { 0 };
    int64_t wait;

    if (!loop->timers)
        return;
    pthread_mutex_lock(&loop->arm_lock);
    wait = timers_wait_ns(loop->timers, atomic_load(&loop->virtual_runs));
    if (wait != TIMER_NEVER) {
        if (wait < 1)
            wait = 1; /* zero would switch it off */
        it.it_value.tv_sec = wait / 1000000000;
        it.it_value.tv_nsec = wait % 1000000000;
    }
    timerfd_settime(loop->timerfd, 0, &it, NULL);
    pthread_mutex_unlock(&loop->arm_lock);
}

void loop_virtual_runs(struct loop *loop, bool runs)
{
    atomic_store(&loop->virtual_runs, runs);
    loop_rearm(loop);
}

struct loop_fd *loop_add(struct loop *loop, int fd, unsigned events, void (*ready)(void *opaque, unsigned events),
                         void *opaque)
{
    struct loop_fd *w = NEW(struct loop_fd);
    struct epoll_event ev = { .events = events, .data.ptr = w };

    *w = (struct loop_fd){ .loop = loop, .fd = fd, .events = events, .ready = ready, .opaque = opaque };
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &ev) < 0) {
        free(w);
        return NULL;
    }
    return w;
}

void loop_watch(struct loop_fd *w, unsigned events)
{
    struct epoll_event ev = { .events = events, .data.ptr = w };

    if (w->events == events)
        return;
    w->events = events;
    epoll_ctl(w->loop->epoll, EPOLL_CTL_MOD, w->fd, &ev);
}

void loop_remove(struct loop_fd *w)
{
    if (!w)
        return;
    epoll_ctl(w->loop->epoll, EPOLL_CTL_DEL, w->fd, NULL);
    w->removed = true;
    w->next = w->loop->dead;
    w->loop->dead = w;
}

static void wake(struct loop *loop)
{
    uint64_t one = 1;

    if (write(loop->wake, &one, sizeof(one)) < 0)
        return; /* full: it is awake already */
}

void loop_call(struct loop *loop, void (*fn)(void *opaque), void *opaque)
{
    struct call *c = NEW(struct call);

    c->fn = fn;
    c->opaque = opaque;
    pthread_mutex_lock(&loop->call_lock);
    *loop->calls_end = c;
    loop->calls_end = &c->next;
    pthread_mutex_unlock(&loop->call_lock);
    wake(loop);
}

void loop_hook(struct loop *loop, void (*before)(void *opaque, int *timeout_ms), void (*after)(void *opaque), void *opaque)
{
    struct hook *h = NEW(struct hook);

    *h = (struct hook){ .before = before, .after = after, .opaque = opaque, .next = loop->hooks };
    loop->hooks = h;
}

void loop_unhook(struct loop *loop, void *opaque)
{
    for (struct hook *h = loop->hooks; h; h = h->next)
        if (h->opaque == opaque)
            h->removed = true;
}

static bool calls_wait(struct loop *loop)
{
    bool any;

    pthread_mutex_lock(&loop->call_lock);
    any = loop->calls;
    pthread_mutex_unlock(&loop->call_lock);
    return any;
}

/* What was queued before this turn; calls that queue calls wait for the next. */
static void run_calls(struct loop *loop)
{
    struct call *c, *next;

    pthread_mutex_lock(&loop->call_lock);
    c = loop->calls;
    loop->calls = NULL;
    loop->calls_end = &loop->calls;
    pthread_mutex_unlock(&loop->call_lock);
    for (; c; c = next) {
        next = c->next;
        c->fn(c->opaque);
        free(c);
    }
}

static int wait_for_events(struct loop *loop, struct epoll_event *ev, int timeout_ms)
{
    int n;

    if (loop->locked && timeout_ms != 0)
        machine_unlock();
    n = epoll_wait(loop->epoll, ev, EVENTS_AT_ONCE, timeout_ms);
    if (loop->locked && timeout_ms != 0)
        machine_lock();
    return n;
}

void loop_once(struct loop *loop, bool wait)
{
    struct epoll_event ev[EVENTS_AT_ONCE];
    int timeout_ms = wait && !calls_wait(loop) ? -1 : 0, n;

    for (struct hook *h = loop->hooks; h; h = h->next)
        if (h->before && !h->removed)
            h->before(h->opaque, &timeout_ms);
    n = wait_for_events(loop, ev, timeout_ms);
    for (int i = 0; i < n; i++) {
        struct loop_fd *w = ev[i].data.ptr;

        if (!w->removed)
            w->ready(w->opaque, ev[i].events);
    }
    run_calls(loop);
    if (loop->timers) {
        timers_run(loop->timers);
        loop_rearm(loop);
    }
    for (struct hook *h = loop->hooks; h; h = h->next)
        if (h->after && !h->removed)
            h->after(h->opaque);
    bury(loop);
}

void loop_run(struct loop *loop)
{
    while (!atomic_exchange(&loop->quit, false))
        loop_once(loop, true);
}

void loop_quit(struct loop *loop)
{
    atomic_store(&loop->quit, true);
    wake(loop);
}

/* core/event/iothread.c - the loop itself, and threads that run one.
 *
 * The loop's round: run what others posted, run every ready coroutine once, then wait in the engine: not at all
 * if something became ready meanwhile, else until the nearest sleeper or for ever. A poster writes the wake-up
 * descriptor only when the loop says that it is going to sleep (`asleep`, set before its last look). */
#include "core/event/iothread.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/event/io_int.h"

static __thread struct io_loop *here;

static int64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

struct io_loop *io_loop_here(void)
{
    return here;
}

static int engine_start(struct io_loop *loop, enum io_engine engine, struct error *err)
{
    if (engine != IO_ENGINE_THREADS) {
        loop->ops = &io_uring_ops;
        if (loop->ops->init(loop, engine == IO_ENGINE_AUTO ? NULL : err) == 0)
            return 0;
        if (engine == IO_ENGINE_URING)
            return -ENOSYS;
    }
    loop->ops = &io_threads_ops;
    return loop->ops->init(loop, err);
}

struct io_loop *io_loop_new(enum io_engine engine, struct error *err)
{
    struct io_loop *loop = calloc(1, sizeof *loop);

    if (loop == NULL) {
        error_set(err, ENOMEM, "out of memory for an I/O loop");
        return NULL;
    }
    loop->posts_end = &loop->posts;
    pthread_mutex_init(&loop->lock, NULL);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC);
    if (loop->wake_fd < 0) {
        error_errno(err, "cannot create an event descriptor");
        free(loop);
        return NULL;
    }
    if (engine_start(loop, engine, err) < 0) {
        close(loop->wake_fd);
        free(loop);
        return NULL;
    }
    if (here == NULL)
        here = loop;
    return loop;
}

void io_loop_free(struct io_loop *loop)
{
    if (loop == NULL)
        return;
    pthread_mutex_lock(&loop->lock);    /* the last poster may still be on its way out */
    pthread_mutex_unlock(&loop->lock);
    loop->ops->fini(loop);
    close(loop->wake_fd);
    pthread_mutex_destroy(&loop->lock);
    if (here == loop)
        here = NULL;
    free(loop);
    co_pool_drain();
}

enum io_engine io_loop_engine(const struct io_loop *loop)
{
    return loop->ops == &io_uring_ops ? IO_ENGINE_URING : IO_ENGINE_THREADS;
}

static void queue_add(struct coroutine **first, struct coroutine **last, struct coroutine *co)
{
    co_set_next(co, NULL);
    if (*first == NULL)
        *first = co;
    else
        co_set_next(*last, co);
    *last = co;
}

static void ready_add(struct io_loop *loop, struct coroutine *co)
{
    queue_add(&loop->ready, &loop->ready_last, co);
}

void io_done(struct io_loop *loop, struct io_req *r)
{
    if (r->back != NULL) {
        *r->back = r->next;
        if (r->next != NULL)
            r->next->back = r->back;
        r->back = NULL;
    }
    ready_add(loop, r->co);
}

/* The caller holds the loop's lock, so that the loop cannot be freed under its feet. */
static void loop_kick(struct io_loop *loop)
{
    uint64_t one = 1;

    if (loop != here && atomic_load(&loop->asleep))
        (void)!write(loop->wake_fd, &one, sizeof one);
}

void io_post(struct io_loop *loop, void (*fn)(void *arg), void *arg)
{
    struct post *p = malloc(sizeof *p);

    if (p == NULL)
        abort();                        /* 24 bytes: the process is at its end */
    *p = (struct post){ .fn = fn, .arg = arg };
    pthread_mutex_lock(&loop->lock);
    *loop->posts_end = p;
    loop->posts_end  = &p->next;
    loop_kick(loop);
    pthread_mutex_unlock(&loop->lock);
}

void io_wake(struct coroutine *co)
{
    struct io_loop *loop = co_loop(co);

    if (loop == here) {
        ready_add(loop, co);
        return;
    }
    pthread_mutex_lock(&loop->lock);
    queue_add(&loop->woken, &loop->woken_last, co);
    loop_kick(loop);
    pthread_mutex_unlock(&loop->lock);
}

void io_spawn(co_fn *fn, void *arg)
{
    struct coroutine *co = co_create(fn, arg);

    co_set_loop(co, here);
    ready_add(here, co);
}

/* Takes what other threads left. Returns whether there was anything. */
static bool loop_take_mail(struct io_loop *loop)
{
    struct post      *p;
    struct coroutine *co, *next;

    pthread_mutex_lock(&loop->lock);
    p                = loop->posts;
    loop->posts      = NULL;
    loop->posts_end  = &loop->posts;
    co               = loop->woken;
    loop->woken      = NULL;
    pthread_mutex_unlock(&loop->lock);
    if (p == NULL && co == NULL)
        return false;
    for (; co != NULL; co = next) {
        next = co_next(co);
        ready_add(loop, co);
    }
    while (p != NULL) {
        struct post *after = p->next;

        p->fn(p->arg);
        free(p);
        p = after;
    }
    return true;
}

static void loop_run_ready(struct io_loop *loop)
{
    struct coroutine *co = loop->ready, *last = loop->ready_last;

    while (co != NULL) {
        struct coroutine *next = co_next(co);

        loop->ready = next;
        co_enter(co);
        if (co == last)
            break;
        co = loop->ready;
    }
}

static void loop_wake_sleepers(struct io_loop *loop)
{
    int64_t now = loop->sleepers != NULL ? now_ns() : 0;

    while (loop->sleepers != NULL && loop->sleepers->due_ns <= now) {
        struct sleeper *s = loop->sleepers;

        loop->sleepers = s->next;
        ready_add(loop, s->co);
    }
}

static bool loop_has_mail(struct io_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    bool any = loop->posts != NULL || loop->woken != NULL;
    pthread_mutex_unlock(&loop->lock);
    return any;
}

/* One round; does not wait once *@stop is true. */
static void loop_round(struct io_loop *loop, const bool *stop)
{
    loop_take_mail(loop);
    loop_wake_sleepers(loop);
    loop_run_ready(loop);
    if (*stop)
        return;
    if (loop->ready != NULL) {
        loop->ops->wait(loop, 0);
        return;
    }
    atomic_store(&loop->asleep, true);  /* from here on posters ring the bell */
    if (loop_has_mail(loop)) {
        atomic_store(&loop->asleep, false);
        return;
    }
    int64_t left = -1;

    if (loop->sleepers != NULL) {
        left = loop->sleepers->due_ns - now_ns();
        left = left < 0 ? 0 : left;
    }
    loop->ops->wait(loop, left);
    atomic_store(&loop->asleep, false);
}

struct run_once {
    co_fn *fn;
    void  *arg;
    bool   done;
};

static void run_once_main(void *arg)
{
    struct run_once *r = arg;

    r->fn(r->arg);
    r->done = true;
}

void io_run(struct io_loop *loop, co_fn *fn, void *arg)
{
    struct run_once r = { .fn = fn, .arg = arg };
    struct io_loop *was = here;

    here = loop;
    io_spawn(run_once_main, &r);
    while (!r.done)
        loop_round(loop, &r.done);
    here = was;
}

void io_pass(void)
{
    ready_add(here, co_self());
    co_yield();
}

/* ---- what a coroutine waits for ---- */

static ssize_t req_wait(struct io_req *r)
{
    r->co   = co_self();
    r->loop = here;
    here->ops->submit(here, r);
    co_yield();
    return r->res;
}

static ssize_t req_file(struct io_req *r)
{
    ssize_t ret;

    do
        ret = req_wait(r);
    while (ret == -EINTR || ret == -EAGAIN);
    return ret;
}

ssize_t io_readv(int fd, const struct iovec *iov, int n, uint64_t off)
{
    struct io_req r = { .op = IO_READ, .fd = fd, .iov = iov, .n = n, .off = off };

    return req_file(&r);
}

ssize_t io_writev(int fd, const struct iovec *iov, int n, uint64_t off)
{
    struct io_req r = { .op = IO_WRITE, .fd = fd, .iov = iov, .n = n, .off = off };

    return req_file(&r);
}

int io_fdatasync(int fd)
{
    struct io_req r = { .op = IO_FSYNC, .fd = fd };

    return (int)req_file(&r);
}

int io_fallocate(int fd, int mode, uint64_t off, uint64_t len)
{
    struct io_req r = { .op = IO_FALLOCATE, .fd = fd, .mode = mode, .off = off, .len = len };

    return (int)req_file(&r);
}

void io_perform(struct io_req *r)
{
    switch (r->op) {
    case IO_READ:
        r->res = preadv(r->fd, r->iov, r->n, (off_t)r->off);
        break;
    case IO_WRITE:
        r->res = pwritev(r->fd, r->iov, r->n, (off_t)r->off);
        break;
    case IO_FSYNC:
        r->res = fdatasync(r->fd);
        break;
    case IO_FALLOCATE:
        r->res = fallocate(r->fd, r->mode, (off_t)r->off, (off_t)r->len);
        break;
    case IO_POLL:
        errno  = EINVAL;
        r->res = -1;
        break;
    }
    if (r->res < 0)
        r->res = -errno;
}

int io_poll(int fd, unsigned events)
{
    struct io_req r = { .op = IO_POLL, .fd = fd, .events = events, .next = here->polls, .back = &here->polls };

    if (r.next != NULL)
        r.next->back = &r.next;
    here->polls = &r;
    return (int)req_wait(&r);
}

void io_poll_cancel(int fd)
{
    struct io_req *next;

    for (struct io_req *r = here->polls; r != NULL; r = next) {
        next = r->next;
        if (r->fd == fd)
            here->ops->cancel(here, r);
    }
}

void io_sleep_ns(uint64_t ns)
{
    struct sleeper s = { .co = co_self(), .due_ns = now_ns() + (int64_t)ns };
    struct sleeper **at = &here->sleepers;

    while (*at != NULL && (*at)->due_ns <= s.due_ns)
        at = &(*at)->next;
    s.next = *at;
    *at    = &s;
    co_yield();
}

struct co_work {
    struct work       work;
    struct coroutine *co;
    int             (*fn)(void *arg);
    void             *arg;
    int               ret;
};

static void co_work_run(struct work *w)
{
    struct co_work *c = (struct co_work *)w;

    c->ret = c->fn(c->arg);
    io_wake(c->co);                     /* c is gone after this */
}

int io_work(int (*fn)(void *arg), void *arg)
{
    struct co_work c = { .work.fn = co_work_run, .co = co_self(), .fn = fn, .arg = arg };

    workers_add(&c.work);
    co_yield();
    return c.ret;
}

/* ---- threads ---- */

struct iothread {
    pthread_t       id;
    struct io_loop *loop;
    char            name[64];
    struct error   *err;
    int             tid;
    bool            stop;
    bool            up;                 /* loop made, or failed */
    pthread_mutex_t lock;
    pthread_cond_t  cond;
};

static void *iothread_main(void *arg)
{
    struct iothread *t = arg;
    char             shown[16];

    strncpy(shown, t->name, sizeof shown - 1);
    shown[sizeof shown - 1] = '\0';
    pthread_setname_np(pthread_self(), shown);
    pthread_mutex_lock(&t->lock);
    t->tid  = (int)syscall(SYS_gettid);
    t->loop = io_loop_new(IO_ENGINE_AUTO, t->err);
    t->up   = true;
    pthread_cond_signal(&t->cond);
    pthread_mutex_unlock(&t->lock);
    if (t->loop == NULL)
        return NULL;
    while (!t->stop)
        loop_round(t->loop, &t->stop);
    io_loop_free(t->loop);
    return NULL;
}

struct iothread *iothread_new(const char *name, struct error *err)
{
    struct iothread *t = calloc(1, sizeof *t);
    sigset_t         all, old;
    int              ret;

    if (t == NULL) {
        error_set(err, ENOMEM, "out of memory for an I/O thread");
        return NULL;
    }
    strncpy(t->name, name, sizeof t->name - 1);
    t->err = err;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->cond, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    ret = pthread_create(&t->id, NULL, iothread_main, t);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (ret != 0) {
        error_set(err, ret, "cannot start I/O thread '%s': %s", name, strerror(ret));
        free(t);
        return NULL;
    }
    pthread_mutex_lock(&t->lock);
    while (!t->up)
        pthread_cond_wait(&t->cond, &t->lock);
    pthread_mutex_unlock(&t->lock);
    t->err = NULL;
    if (t->loop == NULL) {
        pthread_join(t->id, NULL);
        free(t);
        return NULL;
    }
    return t;
}

struct io_loop *iothread_loop(struct iothread *t)
{
    return t->loop;
}

int iothread_tid(const struct iothread *t)
{
    return t->tid;
}

static void iothread_stop(void *arg)
{
    ((struct iothread *)arg)->stop = true;
}

void iothread_free(struct iothread *t)
{
    if (t == NULL)
        return;
    io_post(t->loop, iothread_stop, t);
    pthread_join(t->id, NULL);
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->cond);
    free(t);
}

struct io_loop *io_default(struct error *err)
{
    static pthread_mutex_t  lock = PTHREAD_MUTEX_INITIALIZER;
    static struct iothread *shared;

    pthread_mutex_lock(&lock);
    if (shared == NULL)
        shared = iothread_new("rhea-io", err);
    pthread_mutex_unlock(&lock);
    return shared != NULL ? shared->loop : NULL;
}

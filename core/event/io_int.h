/* core/event/io_int.h - what the loop and its engines share; not for others. */
#ifndef CORE_EVENT_IO_INT_H
#define CORE_EVENT_IO_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/event/iothread.h"

enum io_op { IO_READ, IO_WRITE, IO_FSYNC, IO_FALLOCATE, IO_POLL };

struct io_req {                 /* lives on the stack of the coroutine that waits */
    struct coroutine *co;
    struct io_loop   *loop;
    struct io_req    *next;     /* workers' queue; list of polls */
    struct io_req   **back;
    enum io_op        op;
    int               fd, n, mode;
    unsigned          events;
    const struct iovec *iov;
    uint64_t          off, len;
    ssize_t           res;
};

struct io_engine_ops {
    int  (*init)(struct io_loop *loop, struct error *err);
    void (*fini)(struct io_loop *loop);
    void (*submit)(struct io_loop *loop, struct io_req *r);    /* completion: io_done() */
    void (*wait)(struct io_loop *loop, int64_t timeout_ns);    /* 0: look only; < 0: for ever */
    void (*cancel)(struct io_loop *loop, struct io_req *r);    /* a poll: completes with -ECANCELED */
};

struct post {
    struct post *next;
    void       (*fn)(void *arg);
    void        *arg;
};

struct sleeper {
    struct sleeper   *next;
    struct coroutine *co;
    int64_t           due_ns;
};

struct io_loop {
    const struct io_engine_ops *ops;
    void             *priv;             /* the engine's */
    struct coroutine *ready, *ready_last;
    struct sleeper   *sleepers;         /* sorted by due_ns */
    struct io_req    *polls;
    int               wake_fd;          /* eventfd; read by the engine */
    atomic_bool       asleep;           /* true: a poster must write wake_fd */
    pthread_mutex_t   lock;             /* the two lists below */
    struct post      *posts, **posts_end;
    struct coroutine *woken, *woken_last;
};

extern const struct io_engine_ops io_uring_ops, io_threads_ops;

/* Called by the engine on the loop's thread when a request has its result in r->res. */
void io_done(struct io_loop *loop, struct io_req *r);

/* Performs a file request by plain system calls; on a worker thread. */
void io_perform(struct io_req *r);

/* Queues fn(arg) for the worker threads. */
struct work {
    struct work *next;
    void       (*fn)(struct work *w);
};
void workers_add(struct work *w);

#endif

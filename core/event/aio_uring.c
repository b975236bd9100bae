/* core/event/aio_uring.c - the engine on io_uring: files, polls and the wake-up descriptor in one ring. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"
#include "core/event/io_int.h"

#ifdef CONFIG_LIBURING
#include <liburing.h>

enum { RING_ENTRIES = 256 };

struct uring {
    struct io_uring ring;
    uint64_t        wake_count;
    unsigned        unsent;
};

static char wake_tag, cancel_tag;

static struct io_uring_sqe *sqe_get(struct uring *u)
{
    struct io_uring_sqe *s = io_uring_get_sqe(&u->ring);

    while (s == NULL) {
        io_uring_submit(&u->ring);
        s = io_uring_get_sqe(&u->ring);
    }
    u->unsent++;
    return s;
}

static void wake_arm(struct io_loop *loop, struct uring *u)
{
    struct io_uring_sqe *s = sqe_get(u);

    io_uring_prep_read(s, loop->wake_fd, &u->wake_count, sizeof u->wake_count, 0);
    io_uring_sqe_set_data(s, &wake_tag);
}

static int uring_init(struct io_loop *loop, struct error *err)
{
    struct uring *u = calloc(1, sizeof *u);
    int           ret;

    if (u == NULL)
        return error_set(err, ENOMEM, "out of memory for an I/O loop");
    ret = io_uring_queue_init(RING_ENTRIES, &u->ring, IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SINGLE_ISSUER);
    if (ret == -EINVAL)
        ret = io_uring_queue_init(RING_ENTRIES, &u->ring, 0);
    if (ret < 0) {
        free(u);
        return error_set(err, -ret, "the kernel refuses io_uring: %s; use aio=threads", strerror(-ret));
    }
    loop->priv = u;
    wake_arm(loop, u);
    return 0;
}

static void uring_fini(struct io_loop *loop)
{
    struct uring *u = loop->priv;

    io_uring_queue_exit(&u->ring);
    free(u);
}

static void uring_submit(struct io_loop *loop, struct io_req *r)
{
    struct uring        *u = loop->priv;
    struct io_uring_sqe *s = sqe_get(u);

    switch (r->op) {
    case IO_READ:
        io_uring_prep_readv(s, r->fd, r->iov, (unsigned)r->n, r->off);
        break;
    case IO_WRITE:
        io_uring_prep_writev(s, r->fd, r->iov, (unsigned)r->n, r->off);
        break;
    case IO_FSYNC:
        io_uring_prep_fsync(s, r->fd, IORING_FSYNC_DATASYNC);
        break;
    case IO_FALLOCATE:
        io_uring_prep_fallocate(s, r->fd, r->mode, r->off, r->len);
        break;
    case IO_POLL:
        io_uring_prep_poll_add(s, r->fd, r->events);
        break;
    }
    io_uring_sqe_set_data(s, r);
}

static void uring_cancel(struct io_loop *loop, struct io_req *r)
{
    struct uring        *u = loop->priv;
    struct io_uring_sqe *s = sqe_get(u);

    io_uring_prep_poll_remove(s, (uintptr_t)r);
    io_uring_sqe_set_data(s, &cancel_tag);
}

static void uring_reap(struct io_loop *loop, struct uring *u)
{
    struct io_uring_cqe *c;
    unsigned             head, seen = 0;
    bool                 woken = false;

    io_uring_for_each_cqe(&u->ring, head, c) {
        void *tag = io_uring_cqe_get_data(c);

        seen++;
        if (tag == &wake_tag) {
            woken = true;
        } else if (tag != &cancel_tag) {
            struct io_req *r = tag;

            r->res = c->res;
            io_done(loop, r);
        }
    }
    io_uring_cq_advance(&u->ring, seen);
    if (woken)
        wake_arm(loop, u);
}

static void uring_wait(struct io_loop *loop, int64_t timeout_ns)
{
    struct uring        *u = loop->priv;
    struct io_uring_cqe *c;

    if (timeout_ns == 0) {
        if (u->unsent > 0)
            io_uring_submit(&u->ring);
        else if (io_uring_cq_ready(&u->ring) == 0)
            return;
    } else if (timeout_ns < 0) {
        io_uring_submit_and_wait(&u->ring, 1);
    } else {
        struct __kernel_timespec ts = { .tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000 };

        io_uring_submit_and_wait_timeout(&u->ring, &c, 1, &ts, NULL);
    }
    u->unsent = 0;
    uring_reap(loop, u);
}

const struct io_engine_ops io_uring_ops = {
    .init = uring_init, .fini = uring_fini, .submit = uring_submit, .wait = uring_wait, .cancel = uring_cancel,
};
#else

static int uring_init(struct io_loop *loop, struct error *err)
{
    (void)loop;
    return error_set(err, ENOSYS, "this Rhea is built without liburing; use aio=threads");
}

const struct io_engine_ops io_uring_ops = { .init = uring_init };
#endif

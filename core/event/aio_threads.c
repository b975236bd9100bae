/* core/event/aio_threads.c - the engine for hosts without io_uring: epoll, and files on worker threads. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/event/io_int.h"

struct epoll_state {
    int fd;
};

struct file_work {
    struct work    work;
    struct io_req *r;
};

static int threads_init(struct io_loop *loop, struct error *err)
{
    struct epoll_state *e  = calloc(1, sizeof *e);
    struct epoll_event  ev = { .events = EPOLLIN, .data.ptr = NULL };

    if (e == NULL)
        return error_set(err, ENOMEM, "out of memory for an I/O loop");
    e->fd = epoll_create1(EPOLL_CLOEXEC);
    if (e->fd < 0 || epoll_ctl(e->fd, EPOLL_CTL_ADD, loop->wake_fd, &ev) < 0) {
        int ret = error_errno(err, "cannot create an epoll descriptor");

        if (e->fd >= 0)
            close(e->fd);
        free(e);
        return ret;
    }
    loop->priv = e;
    return 0;
}

static void threads_fini(struct io_loop *loop)
{
    struct epoll_state *e = loop->priv;

    close(e->fd);
    free(e);
}

static void posted_done(void *arg)
{
    struct io_req *r = arg;

    io_done(r->loop, r);
}

static void file_run(struct work *w)
{
    struct file_work *f = (struct file_work *)w;
    struct io_req    *r = f->r;

    free(f);
    io_perform(r);
    io_post(r->loop, posted_done, r);
}

/* One descriptor may have a reader and a writer waiting: each poll gets a duplicate of its own. */
static void poll_add(struct io_loop *loop, struct io_req *r)
{
    struct epoll_state *e  = loop->priv;
    struct epoll_event  ev = { .events = r->events | EPOLLONESHOT, .data.ptr = r };

    r->mode = dup(r->fd);
    if (r->mode < 0 || epoll_ctl(e->fd, EPOLL_CTL_ADD, r->mode, &ev) < 0) {
        r->res = -errno;
        if (r->mode >= 0)
            close(r->mode);
        r->mode = -1;
        io_post(loop, posted_done, r);
    }
}

static void poll_end(struct io_loop *loop, struct io_req *r, ssize_t res)
{
    struct epoll_state *e = loop->priv;

    epoll_ctl(e->fd, EPOLL_CTL_DEL, r->mode, NULL);
    close(r->mode);
    r->mode = -1;
    r->res  = res;
    io_done(loop, r);
}

static void threads_submit(struct io_loop *loop, struct io_req *r)
{
    if (r->op == IO_POLL) {
        poll_add(loop, r);
        return;
    }
    struct file_work *f = malloc(sizeof *f);

    if (f == NULL) {
        io_perform(r);
        io_post(loop, posted_done, r);
        return;
    }
    f->work.fn = file_run;
    f->r       = r;
    workers_add(&f->work);
}

static void threads_cancel(struct io_loop *loop, struct io_req *r)
{
    if (r->mode >= 0)
        poll_end(loop, r, -ECANCELED);
}

static void threads_wait(struct io_loop *loop, int64_t timeout_ns)
{
    struct epoll_state *e = loop->priv;
    struct epoll_event  ev[32];
    int ms = timeout_ns < 0 ? -1 : timeout_ns > INT64_C(3600000000000) ? 3600000 : (int)((timeout_ns + 999999) / 1000000);
    int n  = epoll_wait(e->fd, ev, 32, ms);

    for (int i = 0; i < n; i++) {
        if (ev[i].data.ptr == NULL) {
            uint64_t count;

            (void)!read(loop->wake_fd, &count, sizeof count);
        } else {
            poll_end(loop, ev[i].data.ptr, ev[i].events);
        }
    }
}

const struct io_engine_ops io_threads_ops = {
    .init = threads_init, .fini = threads_fini, .submit = threads_submit, .wait = threads_wait, .cancel = threads_cancel,
};

/* core/block/backend.c - requests of devices, their order of life, and what happens when one fails.
 *
 *   submitted --io_post--> running (coroutine) --ok or reported--> cb
 *                              |  failed, and the policy says stop
 *                              v
 *                            kept  --blk_resume_all()--> running
 *
 * in_flight counts from submission to cb or kept, so a drain at a pause ends although requests are kept. */
#include "core/block/backend.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/backend_int.h"
#include "core/block/node.h"
#include "core/block/throttle.h"
#include "core/event/iothread.h"

enum op { OP_READ, OP_WRITE, OP_FLUSH, OP_DISCARD, OP_ZERO };

struct request {
    struct request     *next;
    struct blk_backend *b;
    enum op             op;
    bool                may_unmap;
    uint64_t            off, len;
    struct blk_iov      v;
    blk_done_fn        *cb;
    void               *opaque;
    int64_t             began_ns;
    struct iovec        pieces[];
};

static struct blk_backend *backends;
static void (*pause_hook)(struct blk_backend *b, bool write, int error, bool stopped);

void blk_set_pause_hook(void (*fn)(struct blk_backend *b, bool write, int error, bool stopped))
{
    pause_hook = fn;
}

static int64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

/* ---- the list */

struct blk_backend *backend_new(const char *id, struct blk_node *root, struct io_loop *loop)
{
    struct blk_backend *b = NEW(struct blk_backend), **at = &backends;

    snprintf(b->id, sizeof b->id, "%s", id);
    b->root        = root;
    b->loop        = loop;
    b->write_cache = root == NULL || !(root->flags & BLK_WRITETHROUGH);
    b->werror      = BLK_ERR_ENOSPC;
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->quiet, NULL);
    while (*at != NULL)
        at = &(*at)->next;
    *at = b;
    return b;
}

struct blk_backend *blk_backend_next(struct blk_backend *b)
{
    return b == NULL ? backends : b->next;
}

struct blk_backend *backend_find(const char *id)
{
    for (struct blk_backend *b = backends; b != NULL; b = b->next)
        if (str_eq(b->id, id))
            return b;
    return NULL;
}

struct blk_backend *blk_backend_get(const char *name, struct error *err)
{
    struct blk_backend *b    = backend_find(name);
    struct nearest      near = NEAREST_INIT(name);
    char                hint[96];

    if (b == NULL) {
        struct blk_node *n = blk_find(name);

        for (struct blk_backend *o = backends; n != NULL && o != NULL && b == NULL; o = o->next)
            if (o->from_node && o->root == n)
                b = o;
        if (n != NULL && b == NULL) {
            b = backend_new("", blk_ref(n), io_default(err));
            b->from_node = true;
            if (b->loop == NULL)
                return NULL;
        }
    }
    if (b == NULL) {
        for (struct blk_backend *o = backends; o != NULL; o = o->next)
            nearest_try(&near, o->id);
        for (struct blk_node *n = blk_first(); n != NULL; n = n->next)
            if (n->named)
                nearest_try(&near, n->name);
        error_set(err, ENODEV, "there is no drive '%s'%s", name, nearest_hint(&near, hint, sizeof hint));
        return NULL;
    }
    if (b->device != NULL) {
        error_set(err, EBUSY, "Drive '%s' is already in use by device '%s'", name, b->device);
        return NULL;
    }
    return b;
}

struct blk_backend *blk_backend_find_if(enum blk_if type, int bus, int unit)
{
    for (struct blk_backend *b = backends; b != NULL; b = b->next)
        if (b->type == type && b->bus == bus && b->unit == unit && b->device == NULL && !b->from_node)
            return b;
    return NULL;
}

enum blk_if blk_backend_if(const struct blk_backend *b)
{
    return b->type;
}

int blk_backend_unit(const struct blk_backend *b)
{
    return b->unit;
}

bool blk_backend_is_cdrom(const struct blk_backend *b)
{
    return b->cdrom;
}

const char *blk_backend_id(const struct blk_backend *b)
{
    return b->id;
}

const char *blk_backend_node(const struct blk_backend *b)
{
    return b->root != NULL ? b->root->name : "";
}

struct blk_node *blk_backend_top(struct blk_backend *b)
{
    return b->root;
}

uint64_t blk_backend_bytes(const struct blk_backend *b)
{
    return b->root != NULL ? b->root->bytes : 0;
}

bool blk_backend_readonly(const struct blk_backend *b)
{
    return b->root != NULL ? !(b->root->flags & BLK_RDWR) : b->cdrom;
}

bool blk_backend_has_medium(const struct blk_backend *b)
{
    return b->root != NULL;
}

bool blk_backend_write_cache(const struct blk_backend *b)
{
    return b->write_cache;
}

void blk_backend_set_write_cache(struct blk_backend *b, bool on)
{
    b->write_cache = on;
}

bool blk_backend_can_discard(const struct blk_backend *b)
{
    return b->root != NULL && (b->root->flags & BLK_UNMAP);
}

uint32_t blk_backend_block_bytes(const struct blk_backend *b)
{
    return b->root != NULL ? MAX(b->root->align, 512u) : 512;
}

const char *blk_backend_serial(const struct blk_backend *b)
{
    return b->serial;
}

struct io_loop *blk_backend_loop(struct blk_backend *b)
{
    return b->loop;
}

void blk_backend_stats(const struct blk_backend *b, struct blk_stats *out)
{
    *out = b->stats;
}

/* ---- requests */

static int perform(struct request *r)
{
    struct blk_node *n   = r->b->root;
    unsigned         fua = r->b->write_cache ? 0 : BLK_FUA;

    if (n == NULL)
        return -ENOMEDIUM;
    if (r->op != OP_FLUSH && (r->off > n->bytes || r->len > n->bytes - r->off))
        return -EIO;
    switch (r->op) {
    case OP_READ:
        return blk_readv(n, r->off, &r->v);
    case OP_WRITE:
        return blk_writev(n, r->off, &r->v, fua);
    case OP_FLUSH:
        return blk_flush(n);
    case OP_DISCARD:
        return blk_discard(n, r->off, r->len);
    case OP_ZERO:
        return blk_zero(n, r->off, r->len, fua | (r->may_unmap && (n->flags & BLK_UNMAP) ? BLK_MAY_UNMAP : 0));
    }
    return -EINVAL;
}

static void account(struct request *r, int ret)
{
    struct blk_stats *s  = &r->b->stats;
    uint64_t          ns = (uint64_t)(now_ns() - r->began_ns);

    switch (r->op) {
    case OP_READ:
        s->rd_ops++, s->rd_ns += ns;
        *(ret < 0 ? &s->rd_failed : &s->rd_bytes) += ret < 0 ? 1 : r->len;
        break;
    case OP_WRITE:
    case OP_ZERO:
        s->wr_ops++, s->wr_ns += ns;
        *(ret < 0 ? &s->wr_failed : &s->wr_bytes) += ret < 0 ? 1 : r->len;
        s->wr_highest = MAX(s->wr_highest, r->off + r->len);
        break;
    case OP_FLUSH:
        s->flush_ops++, s->flush_ns += ns;
        s->flush_failed += ret < 0;
        break;
    case OP_DISCARD:
        s->unmap_ops++, s->unmap_ns += ns;
        *(ret < 0 ? &s->unmap_failed : &s->unmap_bytes) += ret < 0 ? 1 : r->len;
        break;
    }
}

static void one_less(struct blk_backend *b)
{
    if (atomic_fetch_sub(&b->in_flight, 1) == 1) {
        pthread_mutex_lock(&b->lock);
        pthread_cond_broadcast(&b->quiet);
        pthread_mutex_unlock(&b->lock);
    }
}

/* What the drive's werror= and rerror= say about an error. */
static enum blk_on_error policy(const struct blk_backend *b, bool write, int error)
{
    enum blk_on_error p = write ? b->werror : b->rerror;

    if (p == BLK_ERR_ENOSPC)
        p = error == ENOSPC ? BLK_ERR_STOP : BLK_ERR_REPORT;
    return p;
}

static void request_main(void *arg)
{
    struct request     *r = arg;
    struct blk_backend *b = r->b;
    bool                write = r->op != OP_READ;
    int                 ret;

    if (b->throttle != NULL && (r->op == OP_READ || r->op == OP_WRITE))
        throttle_wait(b->throttle, write, r->len);
    ret = perform(r);
    if (ret < 0 && ret != -ENOMEDIUM && ret != -EACCES) {
        enum blk_on_error what = policy(b, write, -ret);

        if (pause_hook != NULL)
            pause_hook(b, write, -ret, what == BLK_ERR_STOP);
        if (what == BLK_ERR_STOP && pause_hook != NULL) {
            pthread_mutex_lock(&b->lock);
            r->next = b->kept;
            b->kept = r;
            pthread_mutex_unlock(&b->lock);
            one_less(b);
            return;
        }
        if (what == BLK_ERR_IGNORE)
            ret = 0;
    }
    account(r, ret);
    r->cb(r->opaque, ret);
    free(r);
    one_less(b);
}

static void request_start(void *arg)
{
    io_spawn(request_main, arg);
}

static void submit(struct blk_backend *b, enum op op, uint64_t off, uint64_t len, const struct iovec *iov, int n, bool may_unmap,
                   blk_done_fn *cb, void *opaque)
{
    struct request *r = xmalloc(sizeof *r + (size_t)n * sizeof *iov);

    *r = (struct request){ .b = b, .op = op, .off = off, .len = len, .may_unmap = may_unmap, .cb = cb, .opaque = opaque,
                           .began_ns = now_ns() };
    if (n > 0)
        memcpy(r->pieces, iov, (size_t)n * sizeof *iov);
    r->v = (struct blk_iov){ .v = r->pieces, .n = n, .len = (size_t)len };
    atomic_fetch_add(&b->in_flight, 1);
    if (io_loop_here() == b->loop)
        request_start(r);
    else
        io_post(b->loop, request_start, r);
}

void blk_submit_read(struct blk_backend *b, uint64_t off, const struct iovec *iov, int n, blk_done_fn *cb, void *opaque)
{
    submit(b, OP_READ, off, iov_sum(iov, n), iov, n, false, cb, opaque);
}

void blk_submit_write(struct blk_backend *b, uint64_t off, const struct iovec *iov, int n, blk_done_fn *cb, void *opaque)
{
    submit(b, OP_WRITE, off, iov_sum(iov, n), iov, n, false, cb, opaque);
}

void blk_submit_flush(struct blk_backend *b, blk_done_fn *cb, void *opaque)
{
    submit(b, OP_FLUSH, 0, 0, NULL, 0, false, cb, opaque);
}

void blk_submit_discard(struct blk_backend *b, uint64_t off, uint64_t len, blk_done_fn *cb, void *opaque)
{
    submit(b, OP_DISCARD, off, len, NULL, 0, true, cb, opaque);
}

void blk_submit_zeroes(struct blk_backend *b, uint64_t off, uint64_t len, bool may_unmap, blk_done_fn *cb, void *opaque)
{
    submit(b, OP_ZERO, off, len, NULL, 0, may_unmap, cb, opaque);
}

/* ---- waiting from other threads */

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t  cond;
    bool            done;
    int             ret;
    void          (*fn)(void *arg);
    void           *arg;
};

static void waiter_done(void *opaque, int ret)
{
    struct waiter *w = opaque;

    pthread_mutex_lock(&w->lock);
    w->done = true;
    w->ret  = ret;
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->lock);
}

static int waiter_wait(struct waiter *w)
{
    pthread_mutex_lock(&w->lock);
    while (!w->done)
        pthread_cond_wait(&w->cond, &w->lock);
    pthread_mutex_unlock(&w->lock);
    return w->ret;
}

#define WAITER_INIT { .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER }

int blk_sync_read(struct blk_backend *b, uint64_t off, void *buf, size_t len)
{
    struct waiter w = WAITER_INIT;
    struct iovec  v = { buf, len };

    blk_submit_read(b, off, &v, 1, waiter_done, &w);
    return waiter_wait(&w);
}

int blk_sync_write(struct blk_backend *b, uint64_t off, const void *buf, size_t len)
{
    struct waiter w = WAITER_INIT;
    struct iovec  v = { (void *)buf, len };

    blk_submit_write(b, off, &v, 1, waiter_done, &w);
    return waiter_wait(&w);
}

int blk_sync_flush(struct blk_backend *b)
{
    struct waiter w = WAITER_INIT;

    blk_submit_flush(b, waiter_done, &w);
    return waiter_wait(&w);
}

static void run_co(void *arg)
{
    struct waiter *w = arg;

    w->fn(w->arg);
    waiter_done(w, 0);
}

static void run_post(void *arg)
{
    io_spawn(run_co, arg);
}

void blk_run_on(struct io_loop *loop, void (*fn)(void *arg), void *arg)
{
    struct waiter w = WAITER_INIT;

    w.fn  = fn;
    w.arg = arg;
    io_post(loop, run_post, &w);
    waiter_wait(&w);
}

void blk_run(struct blk_backend *b, void (*fn)(void *arg), void *arg)
{
    blk_run_on(b->loop, fn, arg);
}

void blk_backend_drain(struct blk_backend *b)
{
    pthread_mutex_lock(&b->lock);
    while (atomic_load(&b->in_flight) > 0)
        pthread_cond_wait(&b->quiet, &b->lock);
    pthread_mutex_unlock(&b->lock);
}

bool blk_backend_waits(struct blk_backend *b)
{
    bool any;

    pthread_mutex_lock(&b->lock);
    any = b->kept != NULL;
    pthread_mutex_unlock(&b->lock);
    return any;
}

void blk_drain_all(void)
{
    for (struct blk_backend *b = backends; b != NULL; b = b->next)
        blk_backend_drain(b);
}

int blk_flush_all(void)
{
    int first = 0;

    for (struct blk_backend *b = backends; b != NULL; b = b->next) {
        int ret = b->root != NULL && (b->root->flags & BLK_RDWR) ? blk_sync_flush(b) : 0;

        first = first == 0 ? ret : first;
    }
    return first;
}

void blk_resume_all(void)
{
    for (struct blk_backend *b = backends; b != NULL; b = b->next) {
        struct request *r, *next;

        pthread_mutex_lock(&b->lock);
        r       = b->kept;
        b->kept = NULL;
        pthread_mutex_unlock(&b->lock);
        for (; r != NULL; r = next) {
            next = r->next;
            atomic_fetch_add(&b->in_flight, 1);
            io_post(b->loop, request_start, r);
        }
    }
}

/* ---- devices and media */

int blk_backend_attach(struct blk_backend *b, const struct blk_device_ops *ops, void *dev, const char *name, bool want_write,
                       struct error *err)
{
    if (b->device != NULL)
        return error_set(err, EBUSY, "Drive '%s' is already in use by device '%s'", b->id, b->device);
    if (want_write && b->root != NULL && !(b->root->flags & BLK_RDWR))
        return error_set(err, EACCES, "Block node is read-only");
    if (want_write && b->root != NULL && b->root->writers > 0)
        return error_set(err, EBUSY, "node '%s' is already written to by '%s'", b->root->name,
                         b->root->owner != NULL ? b->root->owner : "another device");
    b->device = xstrdup(name);
    b->ops    = ops;
    b->dev    = dev;
    b->writes = want_write && b->root != NULL;
    if (b->writes) {
        b->root->writers++;
        b->root->owner = b->device;
    }
    return 0;
}

static void let_go(struct blk_backend *b)
{
    if (b->writes) {
        b->root->writers--;
        b->root->owner = NULL;
        b->writes = false;
    }
}

void blk_backend_detach(struct blk_backend *b)
{
    blk_backend_drain(b);
    let_go(b);
    free(b->device);
    b->device = NULL;
    b->ops    = NULL;
}

int blk_backend_set_loop(struct blk_backend *b, struct io_loop *loop, struct error *err)
{
    blk_backend_drain(b);
    for (struct blk_backend *o = backends; o != NULL; o = o->next)
        if (o != b && b->throttle != NULL && o->throttle == b->throttle && o->loop != loop)
            return error_set(err, EBUSY, "drive '%s' is in one throttle group with '%s', which another I/O thread serves", b->id, o->id);
    for (struct blk_backend *o = backends; o != NULL; o = o->next)
        if (o != b && o->root == b->root && o->root != NULL && o->loop != loop)
            return error_set(err, EBUSY, "drive '%s' shares its image with '%s', which another I/O thread serves", b->id, o->id);
    b->loop = loop;
    return 0;
}

static void close_root(void *arg)
{
    struct blk_node *n = arg;

    blk_flush(n);
    blk_unref(n);
}

int blk_backend_insert(struct blk_backend *b, struct blk_node *node, struct error *err)
{
    struct blk_node *old = b->root;

    if (b->locked_medium)
        return error_set(err, EBUSY, "Device '%s' is locked and force was not specified", b->id);
    blk_backend_drain(b);
    let_go(b);
    b->root = node;
    if (old != NULL)
        blk_run(b, close_root, old);
    if (b->ops != NULL && b->ops->media_changed != NULL)
        b->ops->media_changed(b->dev, node != NULL);
    return 0;
}

int blk_backend_remove(struct blk_backend *b, struct error *err)
{
    struct blk_backend **at = &backends;

    if (b->device != NULL)
        return error_set(err, EBUSY, "drive '%s' is in use by device '%s'", b->id, b->device);
    blk_backend_drain(b);
    if (b->root != NULL)
        blk_run(b, close_root, b->root);
    while (*at != b)
        at = &(*at)->next;
    *at = b->next;
    throttle_free(b->throttle);
    pthread_mutex_destroy(&b->lock);
    pthread_cond_destroy(&b->quiet);
    free(b->serial);
    free(b);
    return 0;
}

/* Named nodes hold themselves until here. */
static void drop_named(void *arg)
{
    struct blk_node *n;

    (void)arg;
    do {
        for (n = blk_first(); n != NULL && !n->held_by_name; n = n->next)
            ;
        if (n != NULL) {
            n->held_by_name = false;
            blk_unref(n);
        }
    } while (n != NULL);
}

void blk_close_all(void)
{
    struct io_loop *loop = backends != NULL || blk_first() != NULL ? io_default(NULL) : NULL;

    while (backends != NULL) {
        if (backends->device != NULL)
            blk_backend_detach(backends);
        blk_backend_remove(backends, NULL);
    }
    if (loop != NULL)
        blk_run_on(loop, drop_named, NULL);
}

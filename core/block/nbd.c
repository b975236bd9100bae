/* core/block/nbd.c - disks of an NBD server, by libnbd.
 *
 * Connecting blocks and runs on a worker. After that everything is on the loop: requests are libnbd's asynchronous
 * ones, and while any is under way one coroutine, pump(), waits for the socket and lets libnbd go on. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/node.h"
#include "core/block/tls_creds.h"

#ifdef CONFIG_LIBNBD
#include <libnbd.h>
#include <poll.h>

#include "core/base/bits.h"
#include "core/event/iothread.h"

struct nbd {
    struct nbd_handle *h;
    int                pending;
    bool               pumping, has_status;
    struct co_queue    quiet;
};

struct call {
    struct coroutine *co;
    int               ret;
    bool              done, waiting;
};

static int on_done(void *arg, int *error)
{
    struct call *c = arg;

    c->ret  = -*error;
    c->done = true;
    if (c->waiting)
        io_wake(c->co);
    return 1;
}

static void pump(void *arg)
{
    struct nbd *s = arg;

    while (s->pending > 0 && !nbd_aio_is_dead(s->h) && !nbd_aio_is_closed(s->h)) {
        unsigned dir = nbd_aio_get_direction(s->h), ev = 0;
        int      got;

        ev |= dir & LIBNBD_AIO_DIRECTION_READ ? POLLIN : 0;
        ev |= dir & LIBNBD_AIO_DIRECTION_WRITE ? POLLOUT : 0;
        got = io_poll(nbd_aio_get_fd(s->h), ev ? ev : POLLIN);
        if (got == -ECANCELED)
            continue;
        dir = nbd_aio_get_direction(s->h);
        if (got < 0)
            break;
        if ((got & (POLLIN | POLLHUP | POLLERR)) && (dir & LIBNBD_AIO_DIRECTION_READ))
            nbd_aio_notify_read(s->h);
        else if ((got & POLLOUT) && (dir & LIBNBD_AIO_DIRECTION_WRITE))
            nbd_aio_notify_write(s->h);
    }
    s->pumping = false;
    co_queue_wake_all(&s->quiet);
}

/* After a request was given to libnbd: wait for its end. @cookie: what libnbd returned. */
static int finish(struct nbd *s, struct call *c, int64_t cookie)
{
    if (cookie < 0)
        return nbd_get_errno() ? -nbd_get_errno() : -EIO;
    s->pending++;
    if (!s->pumping) {
        s->pumping = true;
        io_spawn(pump, s);
    } else if (nbd_aio_get_direction(s->h) & LIBNBD_AIO_DIRECTION_WRITE) {
        io_poll_cancel(nbd_aio_get_fd(s->h));    /* it waits for reading only */
    }
    c->co = co_self();
    if (!c->done) {
        c->waiting = true;
        co_yield();
    }
    s->pending--;
    if (s->pending == 0 && s->pumping)
        io_poll_cancel(nbd_aio_get_fd(s->h));
    return c->ret;
}

#define DONE(c) ((nbd_completion_callback){ .callback = on_done, .user_data = (c) })

static int nbd_node_read(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    struct nbd *s   = n->priv;
    struct call c   = { .done = false };
    void       *buf = v->n == 1 ? v->v[0].iov_base : blk_bounce(v->len);
    int         ret = buf != NULL ? finish(s, &c, nbd_aio_pread(s->h, buf, v->len, off, DONE(&c), 0)) : -ENOMEM;

    if (v->n != 1) {
        if (ret == 0)
            iov_put(v, 0, buf, v->len);
        free(buf);
    }
    return ret;
}

static int nbd_node_write(struct blk_node *n, uint64_t off, const struct blk_iov *v, unsigned flags)
{
    struct nbd *s   = n->priv;
    struct call c   = { .done = false };
    void       *buf = v->n == 1 ? v->v[0].iov_base : blk_bounce(v->len);
    int         ret = buf != NULL ? 0 : -ENOMEM;

    (void)flags;
    if (ret == 0 && v->n != 1)
        iov_get(v, 0, buf, v->len);
    if (ret == 0)
        ret = finish(s, &c, nbd_aio_pwrite(s->h, buf, v->len, off, DONE(&c), 0));
    if (v->n != 1)
        free(buf);
    return ret;
}

static int nbd_node_zero(struct blk_node *n, uint64_t off, uint64_t len, unsigned flags)
{
    struct nbd *s = n->priv;
    int         ret = nbd_can_zero(s->h) == 1 ? 0 : -ENOTSUP;

    for (uint64_t part; len > 0 && ret == 0; off += part, len -= part) {
        struct call c = { .done = false };

        part = MIN(len, UINT64_C(1) << 30);
        ret  = finish(s, &c, nbd_aio_zero(s->h, part, off, DONE(&c), flags & BLK_MAY_UNMAP ? 0 : LIBNBD_CMD_FLAG_NO_HOLE));
    }
    return ret;
}

static int nbd_node_discard(struct blk_node *n, uint64_t off, uint64_t len)
{
    struct nbd *s = n->priv;
    int         ret = nbd_can_trim(s->h) == 1 ? 0 : -ENOTSUP;

    for (uint64_t part; len > 0 && ret == 0; off += part, len -= part) {
        struct call c = { .done = false };

        part = MIN(len, UINT64_C(1) << 30);
        ret  = finish(s, &c, nbd_aio_trim(s->h, part, off, DONE(&c), 0));
    }
    return ret;
}

static int nbd_node_flush(struct blk_node *n)
{
    struct nbd *s = n->priv;
    struct call c = { .done = false };

    return nbd_can_flush(s->h) == 1 ? finish(s, &c, nbd_aio_flush(s->h, DONE(&c), 0)) : 0;
}

struct status {
    uint64_t off, len;
    uint32_t flags;
    bool     any;
};

static int on_extents(void *arg, const char *context, uint64_t off, uint32_t *entries, size_t n, int *error)
{
    struct status *st = arg;

    (void)error;
    if (!str_eq(context, LIBNBD_CONTEXT_BASE_ALLOCATION) || off != st->off || n < 2 || entries[0] == 0)
        return 0;
    st->len   = entries[0];
    st->flags = entries[1];
    st->any   = true;
    return 0;
}

static int nbd_node_map(struct blk_node *n, uint64_t off, uint64_t len, struct blk_extent *e)
{
    struct nbd   *s  = n->priv;
    struct status st = { .off = off };
    struct call   c  = { .done = false };
    int           ret;

    *e = (struct blk_extent){ .len = len, .flags = BLK_EXT_DATA | BLK_EXT_ALLOCATED | BLK_EXT_OFFSET, .host = off, .node = n };
    if (!s->has_status)
        return 0;
    ret = finish(s, &c, nbd_aio_block_status(s->h, MIN(len, UINT64_C(1) << 30), off,
                 (nbd_extent_callback){ .callback = on_extents, .user_data = &st }, DONE(&c), LIBNBD_CMD_FLAG_REQ_ONE));
    if (ret < 0 || !st.any)
        return ret;
    e->len   = MIN(st.len, len);
    e->flags = BLK_EXT_ALLOCATED | BLK_EXT_OFFSET | (st.flags & LIBNBD_STATE_ZERO ? BLK_EXT_ZERO : 0) | (st.flags & LIBNBD_STATE_HOLE ? 0 : BLK_EXT_DATA);
    if (!(e->flags & (BLK_EXT_ZERO | BLK_EXT_DATA)))
        e->flags |= BLK_EXT_DATA;
    return 0;
}

/* ---- connecting */

struct dial {
    struct nbd_handle *h;
    char              *uri, *host, *port, *path;
    char               why[300];
};

static int dial(void *arg)
{
    struct dial *d = arg;
    int          ret = d->uri != NULL ? nbd_connect_uri(d->h, d->uri) : d->path != NULL ? nbd_connect_unix(d->h, d->path) : nbd_connect_tcp(d->h, d->host, d->port);

    if (ret < 0) {
        snprintf(d->why, sizeof d->why, "%s", nbd_get_error());
        return nbd_get_errno() ? -nbd_get_errno() : -EIO;
    }
    return 0;
}

static int take_server(struct blk_opts *o, struct dial *d, char **export, struct error *err)
{
    char *type = blk_opts_take(o, "server.type");

    free(type);
    d->uri  = blk_opts_take(o, "uri");
    d->host = blk_opts_take(o, "server.host");
    d->port = blk_opts_take(o, "server.port");
    d->path = blk_opts_take(o, "server.path");
    if (d->host == NULL)
        d->host = blk_opts_take(o, "host");
    if (d->port == NULL)
        d->port = blk_opts_take(o, "port");
    if (d->path == NULL)
        d->path = blk_opts_take(o, "path");
    if (d->port == NULL)
        d->port = strdup("10809");
    *export = blk_opts_take(o, "export");
    if (d->uri == NULL && d->host == NULL && d->path == NULL)
        return error_set(err, EINVAL, "NBD server address missing: give server.host and server.port, or server.path");
    return 0;
}

/* tls-creds=ID: the connection is encrypted or not made. */
static int set_tls(struct nbd *s, struct blk_opts *o, struct error *err)
{
    char                       *id = blk_opts_take(o, "tls-creds"), *host = blk_opts_take(o, "tls-hostname");
    const struct blk_tls_creds *c  = id != NULL ? blk_tls_creds_find(id, true, err) : NULL;
    int                         ret = id != NULL && c == NULL ? -EINVAL : 0;

    if (ret == 0 && host != NULL)
        ret = error_set(err, ENOTSUP, "tls-hostname: libnbd checks the certificate against the name it connects to; connect by that name");
    if (c != NULL && ret == 0) {
        char *keys = xasprintf("%s/keys.psk", c->dir);

        if (nbd_set_tls(s->h, LIBNBD_TLS_REQUIRE) < 0 || nbd_set_tls_verify_peer(s->h, c->verify) < 0 ||
            (c->psk ? nbd_set_tls_psk_file(s->h, keys) < 0 || nbd_set_tls_username(s->h, c->username != NULL ? c->username : "qemu") < 0
                    : nbd_set_tls_certificates(s->h, c->dir) < 0))
            ret = error_set(err, EINVAL, "TLS credentials '%s': %s", id, nbd_get_error());
        free(keys);
    }
    free(id);
    free(host);
    return ret;
}

static int set_up(struct nbd *s, const char *export, struct error *err)
{
    s->h = nbd_create();
    if (s->h == NULL)
        return error_set(err, ENOMEM, "libnbd: %s", nbd_get_error());
    nbd_set_handle_name(s->h, "rhea");
    nbd_add_meta_context(s->h, LIBNBD_CONTEXT_BASE_ALLOCATION);
    nbd_set_uri_allow_local_file(s->h, true);
    nbd_set_pread_initialize(s->h, false);
    if (export != NULL && nbd_set_export_name(s->h, export) < 0)
        return error_set(err, EINVAL, "libnbd: %s", nbd_get_error());
    return 0;
}

static int nbd_open(struct blk_node *n, struct blk_opts *o, struct error *err)
{
    struct nbd *s = n->priv;
    struct dial d = { .uri = NULL };
    char       *export = NULL;
    int64_t     size = -1;
    int         ret = take_server(o, &d, &export, err);

    if (ret == 0)
        ret = set_up(s, export, err);
    if (ret == 0)
        ret = set_tls(s, o, err);
    d.h = s->h;
    if (d.uri != NULL)
        snprintf(n->filename, sizeof n->filename, "%s", d.uri);
    else
        snprintf(n->filename, sizeof n->filename, "nbd:%s%s%s%s", d.path ? "unix:" : d.host ? d.host : "", d.path ? d.path : ":", d.path ? "" : d.port, "");
    if (ret == 0 && (ret = io_work(dial, &d)) < 0)
        error_set(err, ret, "Failed to connect to '%s': %s", n->filename, d.why);
    if (ret == 0 && (size = nbd_get_size(s->h)) < 0)
        ret = error_set(err, EINVAL, "NBD server gives no size: %s", nbd_get_error());
    if (ret == 0 && (n->flags & BLK_RDWR) && nbd_is_read_only(s->h) == 1) {
        if (n->flags & BLK_AUTO_RDONLY)
            n->flags &= ~(unsigned)BLK_RDWR;
        else
            ret = error_set(err, EACCES, "request on write denied without write permission: the NBD export is read-only");
    }
    if (ret == 0) {
        int64_t most = nbd_get_block_size(s->h, LIBNBD_SIZE_MAXIMUM), least = nbd_get_block_size(s->h, LIBNBD_SIZE_MINIMUM);

        n->bytes        = (uint64_t)size;
        n->max_transfer = most > 0 && most < 32 << 20 ? (uint64_t)most : 32 << 20;
        n->align        = least > 1 && least <= 65536 ? (uint32_t)least : 1;
        s->has_status   = nbd_can_meta_context(s->h, LIBNBD_CONTEXT_BASE_ALLOCATION) == 1;
    } else if (s->h != NULL) {
        nbd_close(s->h);
    }
    free(d.uri);
    free(d.host);
    free(d.port);
    free(d.path);
    free(export);
    return ret;
}

static int bye(void *arg)
{
    nbd_shutdown(arg, 0);
    nbd_close(arg);
    return 0;
}

static void nbd_node_close(struct blk_node *n)
{
    struct nbd *s = n->priv;

    while (s->pumping)
        co_queue_wait(&s->quiet);
    io_work(bye, s->h);
}

/* nbd://, nbds://, nbd+unix:///, nbd:HOST:PORT[:exportname=X], nbd:unix:PATH[:exportname=X] */
static int nbd_parse(const char *name, struct blk_opts *o, struct error *err)
{
    const char *rest = str_after(name, "nbd:"), *export;
    char       *copy, *colon;

    if (strstr(name, "://") != NULL) {
        blk_opts_set(o, "uri", name);
        return 0;
    }
    if (rest == NULL)
        return error_set(err, EINVAL, "'%s' is no NBD name", name);
    export = strstr(rest, ":exportname=");
    copy   = strndup(rest, export != NULL ? (size_t)(export - rest) : strlen(rest));
    if (export != NULL)
        blk_opts_set(o, "export", export + strlen(":exportname="));
    colon = strrchr(copy, ':');
    if (str_after(copy, "unix:") != NULL)
        blk_opts_set(o, "server.path", copy + 5);
    else if (colon != NULL) {
        *colon = '\0';
        blk_opts_set(o, "server.host", copy);
        blk_opts_set(o, "server.port", colon + 1);
    } else {
        free(copy);
        return error_set(err, EINVAL, "'%s': a port is missing (nbd:HOST:PORT)", name);
    }
    free(copy);
    return 0;
}

static int64_t nbd_allocated(struct blk_node *n)
{
    (void)n;
    return -ENOTSUP;
}

const struct blk_driver blk_nbd = {
    .name = "nbd", .help = "disk of an NBD server", .flags = BLK_DRV_PROTOCOL, .prefixes = "nbd nbds nbd+unix nbds+unix", .bytes = sizeof(struct nbd),
    .parse_name = nbd_parse, .open = nbd_open, .close = nbd_node_close, .read = nbd_node_read, .write = nbd_node_write, .zero = nbd_node_zero,
    .discard = nbd_node_discard, .flush = nbd_node_flush, .map = nbd_node_map, .allocated = nbd_allocated,
};

#else

static int nbd_open(struct blk_node *n, struct blk_opts *o, struct error *err)
{
    (void)n, (void)o;
    return error_set(err, ENOTSUP, "this Rhea is built without libnbd; install libnbd-dev and configure again");
}

static int nbd_parse(const char *name, struct blk_opts *o, struct error *err)
{
    (void)name, (void)o, (void)err;
    return 0;
}

const struct blk_driver blk_nbd = {
    .name = "nbd", .help = "disk of an NBD server", .flags = BLK_DRV_PROTOCOL, .prefixes = "nbd nbds nbd+unix nbds+unix", .parse_name = nbd_parse,
    .open = nbd_open,
};
#endif

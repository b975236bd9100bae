/* core/img/nbd_request.c - the transmission phase: requests in, replies out, in any order. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/event/iothread.h"
#include "core/img/nbd.h"
#include "core/img/nbd_wire.h"

enum { EXTENTS_MAX = 8192 };

struct request {
    struct nbd_conn *c;
    uint16_t         flags, type;
    uint64_t         cookie, off, len;
    uint8_t         *data;
};

/* ---- bytes */

static ssize_t raw_recv(struct nbd_conn *c, void *buf, size_t len)
{
    ssize_t n;

    if (c->tls != NULL)
        return tls_recv(c->tls, buf, len);
    for (;;) {
        n = recv(c->fd, buf, len, MSG_DONTWAIT);
        if (n >= 0)
            return n;
        if (errno == EAGAIN) {
            int ret = io_poll(c->fd, POLLIN);

            if (ret < 0)
                return ret;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
}

int nbd_recv(struct nbd_conn *c, void *buf, size_t len)
{
    uint8_t *to = buf;

    while (len > 0) {
        size_t have = c->in_len - c->in_at;

        if (have > 0) {
            size_t n = MIN(have, len);

            memcpy(to, c->in + c->in_at, n);
            c->in_at += n;
            to += n;
            len -= n;
            continue;
        }
        bool    direct = len >= NBD_IN;
        ssize_t n = direct ? raw_recv(c, to, len) : raw_recv(c, c->in, NBD_IN);

        if (n <= 0)
            return n < 0 ? (int)n : -ECONNRESET;
        if (direct) {
            to += n;
            len -= (size_t)n;
        } else {
            c->in_at  = 0;
            c->in_len = (size_t)n;
        }
    }
    return 0;
}

/* All of some pieces; the first ones may be gone already when it has to wait. */
static int send_pieces(struct nbd_conn *c, struct iovec *v, int n)
{
    while (n > 0) {
        struct msghdr m = { .msg_iov = v, .msg_iovlen = (size_t)n };
        ssize_t       done = c->tls != NULL ? tls_send(c->tls, v->iov_base, v->iov_len) : sendmsg(c->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (c->tls != NULL && done < 0)
            return (int)done;
        if (done < 0 && errno == EAGAIN) {
            int ret = io_poll(c->fd, POLLOUT);

            if (ret < 0)
                return ret;
            continue;
        }
        if (done < 0 && errno != EINTR)
            return -errno;
        while (n > 0 && done >= (ssize_t)v->iov_len)
            done -= (ssize_t)v->iov_len, v++, n--;
        if (n > 0 && done > 0) {
            v->iov_base = (char *)v->iov_base + done;
            v->iov_len -= (size_t)done;
        }
    }
    return 0;
}

int nbd_send(struct nbd_conn *c, const void *buf, size_t len)
{
    struct iovec v = { (void *)buf, len };

    return send_pieces(c, &v, len > 0);
}

/* ---- replies */

static void sender(void *arg)
{
    struct nbd_conn *c = arg;

    while (c->out != NULL) {
        struct nbd_reply *list = c->out, *r;
        struct iovec      v[128];
        int               n = 0;

        for (r = list; r != NULL && n + 2 <= 128; r = r->next) {
            v[n++] = (struct iovec){ r->head, r->head_len };
            if (r->len > 0)
                v[n++] = (struct iovec){ r->data, r->len };
        }
        c->out = r;
        if (r == NULL)
            c->out_end = &c->out;
        if (!c->dead && send_pieces(c, v, n) < 0) {
            c->dead = true;
            shutdown(c->fd, SHUT_RDWR);
        }
        while (list != r) {
            struct nbd_reply *next = list->next;

            c->held -= list->len;
            free(list->data);
            free(list);
            list = next;
        }
        co_queue_wake_all(&c->room);
    }
    c->sending = false;
    co_queue_wake_all(&c->sent);
}

/* @data becomes the reply's. */
static struct nbd_reply *queue(struct nbd_conn *c, uint8_t *data, size_t len)
{
    struct nbd_reply *r = NEW(struct nbd_reply);

    r->data = data;
    r->len  = len;
    c->held += len;
    *c->out_end = r;
    c->out_end  = &r->next;
    if (!c->sending) {
        c->sending = true;
        io_spawn(sender, c);
    }
    return r;
}


static void head_be(struct nbd_reply *r, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        r->head[r->head_len++] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
}

/* The beginning of a structured or extended reply with @len bytes behind it. */
static void chunk(struct request *q, struct nbd_reply *r, unsigned flags, unsigned type, uint64_t len)
{
    head_be(r, q->c->extended ? EXT_REPLY_MAGIC : CHUNK_MAGIC, 4);
    head_be(r, flags, 2);
    head_be(r, type, 2);
    head_be(r, q->cookie, 8);
    if (q->c->extended)
        head_be(r, q->off, 8);
    head_be(r, len, q->c->extended ? 8 : 4);
}

static uint32_t wire_error(int ret)
{
    switch (-ret) {
    case 0:
        return 0;
    case EPERM: case EACCES: case EROFS: case EUCLEAN:
        return E_PERM;
    case ENOMEM:
        return E_NOMEM;
    case EINVAL:
        return E_INVAL;
    case ENOSPC: case EFBIG: case EDQUOT:
        return E_NOSPC;
    case EOVERFLOW:
        return E_OVERFLOW;
    case ENOTSUP:
        return E_NOTSUP;
    default:
        return E_IO;
    }
}

static void answer(struct request *q, int ret)
{
    struct nbd_reply *r = queue(q->c, NULL, 0);

    if (!q->c->structured) {
        head_be(r, SIMPLE_MAGIC, 4);
        head_be(r, wire_error(ret), 4);
        head_be(r, q->cookie, 8);
    } else if (ret == 0) {
        chunk(q, r, CHUNK_DONE, T_NONE, 0);
    } else {
        chunk(q, r, CHUNK_DONE, T_ERROR, 6);
        head_be(r, wire_error(ret), 4);
        head_be(r, 0, 2);
    }
}

static void answer_data(struct request *q)
{
    struct nbd_reply *r = queue(q->c, q->data, (size_t)q->len);

    q->data = NULL;
    if (!q->c->structured) {
        head_be(r, SIMPLE_MAGIC, 4);
        head_be(r, 0, 4);
        head_be(r, q->cookie, 8);
    } else {
        chunk(q, r, CHUNK_DONE, T_DATA, 8 + q->len);
        head_be(r, q->off, 8);
    }
}

static void answer_hole(struct request *q)
{
    struct nbd_reply *r = queue(q->c, NULL, 0);

    chunk(q, r, CHUNK_DONE, T_HOLE, 12);
    head_be(r, q->off, 8);
    head_be(r, q->len, 4);
}

/* ---- block status */

struct extents {
    uint64_t len[EXTENTS_MAX];
    uint32_t flags[EXTENTS_MAX];
    int      n;
};

static bool add_extent(struct extents *x, uint64_t len, uint32_t flags, int most)
{
    if (x->n > 0 && x->flags[x->n - 1] == flags) {
        x->len[x->n - 1] += len;
        return true;
    }
    if (x->n == most)
        return false;
    x->len[x->n]     = len;
    x->flags[x->n++] = flags;
    return true;
}

static int collect(struct request *q, int context, struct extents *x, int most)
{
    struct nbd_export *e = q->c->e;

    for (uint64_t at = 0, step; at < q->len; at += step) {
        uint32_t flags = 0;

        if (context < 2) {
            struct blk_extent m;
            int               ret = blk_map_chain(e->n, NULL, q->off + at, q->len - at, &m);

            if (ret < 0)
                return ret;
            step = m.len;
            if (context == 1)
                flags = m.flags & BLK_EXT_ALLOCATED ? (uint32_t)m.depth + 1 : 0;
            else
                flags = (m.flags & BLK_EXT_ZERO ? ST_ZERO : 0) | (m.flags & BLK_EXT_DATA && !(m.flags & BLK_EXT_ZERO) ? 0 : ST_HOLE);
        } else {
            const struct blk_bitmap *b = &e->bitmap[context - 2];
            uint64_t                 i = (q->off + at) / b->granularity, k = i;
            bool                     set = i < b->count && b->bits[i / 8] >> i % 8 & 1;

            while (k < b->count && !!(b->bits[k / 8] >> k % 8 & 1) == set && k * b->granularity < q->off + q->len)
                k++;
            step  = k >= b->count ? q->len - at : MIN(k * b->granularity - (q->off + at), q->len - at);
            flags = set;
        }
        if (!add_extent(x, step, flags, most))
            break;
    }
    return 0;
}

static void status(struct request *q)
{
    struct nbd_conn *c    = q->c;
    struct extents  *x    = xmalloc(sizeof *x);
    int              most = q->flags & CF_REQ_ONE ? 1 : EXTENTS_MAX, left = __builtin_popcount(c->contexts), ret;

    for (int i = 0; i < 2 + c->e->bitmaps; i++) {
        uint32_t width = c->extended ? 8 : 4;
        uint8_t *d;
        size_t   bytes;

        if (!(c->contexts & 1u << i))
            continue;
        x->n = 0;
        ret = collect(q, i, x, most);
        if (ret < 0) {
            answer(q, ret);
            free(x);
            return;
        }
        bytes = (size_t)x->n * width * 2;
        d     = xmalloc(bytes + 1);
        for (int k = 0; k < x->n; k++) {
            if (c->extended) {
                store_be64(d + 16 * k, x->len[k]);
                store_be64(d + 16 * k + 8, x->flags[k]);
            } else {
                store_be32(d + 8 * k, (uint32_t)MIN(x->len[k], UINT64_C(0xfffffe00)));
                store_be32(d + 8 * k + 4, x->flags[k]);
            }
        }
        struct nbd_reply *r = queue(c, d, bytes);

        chunk(q, r, --left == 0 ? CHUNK_DONE : 0, c->extended ? T_STATUS_EXT : T_STATUS, (c->extended ? 8 : 4) + bytes);
        head_be(r, (uint64_t)i, 4);
        if (c->extended)
            head_be(r, (uint64_t)x->n, 4);
    }
    free(x);
}

/* ---- one request */

static int perform(struct request *q)
{
    struct nbd_export *e   = q->c->e;
    unsigned           fua = q->flags & CF_FUA || e->flush_each ? BLK_FUA : 0;

    switch (q->type) {
    case CMD_WRITE:
        return blk_writev(e->n, q->off, BLK_FLAT(q->data, q->len), fua);
    case CMD_FLUSH:
        return blk_flush(e->n);
    case CMD_TRIM: {
        int ret = blk_discard(e->n, q->off, q->len);

        return ret == 0 && fua ? blk_flush(e->n) : ret;
    }
    case CMD_CACHE:
        return 0;
    case CMD_WRITE_ZEROES:
        return blk_zero(e->n, q->off, q->len, fua | (q->flags & CF_NO_HOLE ? 0 : BLK_MAY_UNMAP) | (q->flags & CF_FAST_ZERO ? BLK_NO_FALLBACK : 0));
    default:
        return -EINVAL;
    }
}

static void do_read(struct request *q)
{
    int ret;

    q->data = blk_bounce((size_t)q->len);
    ret = q->data == NULL ? -ENOMEM : blk_read(q->c->e->n, q->off, q->data, (size_t)q->len);
    if (ret < 0)
        answer(q, ret);
    else if (q->c->structured && !(q->flags & CF_DF) && q->len >= 65536 && buf_is_zero(q->data, (size_t)q->len))
        answer_hole(q);
    else
        answer_data(q);
}

static void request_main(void *arg)
{
    struct request  *q = arg;
    struct nbd_conn *c = q->c;

    if (q->type == CMD_READ)
        do_read(q);
    else if (q->type == CMD_BLOCK_STATUS)
        status(q);
    else
        answer(q, perform(q));
    if (q->type == CMD_WRITE)
        c->held -= (size_t)q->len;
    free(q->data);
    free(q);
    co_slots_give(&c->slots);
}

/* What is wrong with a request, before anything is done for it. */
static int examine(const struct request *q)
{
    const struct nbd_conn *c     = q->c;
    uint16_t               known = CF_FUA;

    switch (q->type) {
    case CMD_READ:
        known |= c->structured ? CF_DF : 0;
        break;
    case CMD_WRITE:
        known |= c->extended ? CF_PAYLOAD : 0;
        break;
    case CMD_WRITE_ZEROES:
        known |= CF_NO_HOLE | CF_FAST_ZERO;
        break;
    case CMD_BLOCK_STATUS:
        known |= CF_REQ_ONE;
        break;
    case CMD_FLUSH:
        return q->off != 0 || q->len != 0 || (q->flags & ~known) ? -EINVAL : 0;
    }
    if (q->flags & ~known)
        return -EINVAL;
    if ((q->type == CMD_WRITE || q->type == CMD_TRIM || q->type == CMD_WRITE_ZEROES) && !c->e->writable)
        return -EPERM;
    if (q->type == CMD_BLOCK_STATUS && (c->contexts == 0 || q->len == 0))
        return -EINVAL;
    if (q->off > c->e->n->bytes || q->len > c->e->n->bytes - q->off)
        return q->type == CMD_WRITE || q->type == CMD_WRITE_ZEROES ? -ENOSPC : -EINVAL;
    if (q->type == CMD_READ && q->len > NBD_REQUEST_MAX)
        return -EOVERFLOW;
    return q->type > CMD_BLOCK_STATUS ? -EINVAL : 0;
}

/* 0; 1: the client says good-bye; -errno: drop it. */
static int next_request(struct nbd_conn *c)
{
    uint8_t        h[32];
    struct request q = { .c = c };
    int            ret = nbd_recv(c, h, c->extended ? 32 : 28);

    if (ret < 0)
        return ret;
    if (load_be32(h) != (c->extended ? (uint32_t)EXT_REQUEST_MAGIC : (uint32_t)REQUEST_MAGIC))
        return -EPROTO;
    q.flags  = load_be16(h + 4);
    q.type   = load_be16(h + 6);
    q.cookie = load_be64(h + 8);
    q.off    = load_be64(h + 16);
    q.len    = c->extended ? load_be64(h + 24) : load_be32(h + 24);
    if (q.type == CMD_DISC)
        return 1;
    if (q.type == CMD_WRITE && q.len > NBD_REQUEST_MAX)
        return -EOVERFLOW;                       /* the payload that follows is larger than anyone may send */
    if (q.type != CMD_WRITE && c->extended && (q.flags & CF_PAYLOAD))
        return -EPROTO;
    while (c->held > NBD_HELD_MAX && !c->dead)   /* a client that does not read its replies waits */
        co_queue_wait(&c->room);
    if (q.type == CMD_WRITE) {
        q.data = blk_bounce((size_t)q.len);
        if (q.data == NULL)
            return -ENOMEM;
        ret = nbd_recv(c, q.data, (size_t)q.len);
        if (ret < 0) {
            free(q.data);
            return ret;
        }
    }
    ret = examine(&q);
    if (ret < 0) {
        answer(&q, ret);
        free(q.data);
        return 0;
    }
    co_slots_take(&c->slots);
    if (q.type == CMD_WRITE)
        c->held += (size_t)q.len;
    io_spawn(request_main, xmemdup(&q, sizeof q));
    return 0;
}

void nbd_requests(struct nbd_conn *c)
{
    int ret = 0;

    while (ret == 0 && !c->dead)
        ret = next_request(c);
    co_slots_drain(&c->slots);
    while (c->sending)
        co_queue_wait(&c->sent);
}

static void serve(struct nbd_export *e, int fd, bool handshake)
{
    struct nbd_conn  *c = NEW(struct nbd_conn);
    struct nbd_conn **at;

    c->e         = e;
    c->fd        = fd;
    c->out_end   = &c->out;
    c->slots.max = NBD_IN_FLIGHT;
    c->in        = xmalloc(NBD_IN);
    c->next      = e->conns;
    e->conns     = c;
    if (!handshake || nbd_negotiate(c) == 0)
        nbd_requests(c);
    for (at = &e->conns; *at != c; at = &(*at)->next)
        ;
    *at = c->next;
    tls_free(c->tls);
    close(fd);
    free(c->in);
    free(c);
}

void nbd_serve(struct nbd_export *e, int fd)
{
    serve(e, fd, true);
}

void nbd_serve_kernel(struct nbd_export *e, int fd)
{
    serve(e, fd, false);
}

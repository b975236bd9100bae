/* core/block/request.c - what every request passes through on its way to a driver.
 *
 * Bounds against the node's size (nodes that grow have none), alignment to what the node can do (a read-modify-write
 * under an exclusive stretch where it must), counting for drain, zero detection, and fallbacks for what a driver
 * does not offer. A driver sees aligned requests of bounded size only. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/error.h"
#include "core/block/node.h"
#include "core/event/iothread.h"

enum { ZERO_CHUNK = 2 << 20 };

void *blk_bounce(size_t len)
{
    void *p = NULL;

    return posix_memalign(&p, 4096, len ? align_up(len, 4096) : 4096) == 0 ? p : NULL;
}

static void enter(struct blk_node *n)
{
    n->in_flight++;
}

static void leave(struct blk_node *n)
{
    if (--n->in_flight == 0)
        co_queue_wake_all(&n->idle);
}

void blk_drain(struct blk_node *n)
{
    while (n->in_flight > 0)
        co_queue_wait(&n->idle);
}

static struct blk_tracked *conflict(struct blk_node *n, uint64_t off, uint64_t end, bool exclusive)
{
    for (struct blk_tracked *t = n->tracked; t != NULL; t = t->next)
        if (off < t->end && t->off < end && (exclusive || t->exclusive))
            return t;
    return NULL;
}

void blk_track(struct blk_node *n, struct blk_tracked *t, uint64_t off, uint64_t len, bool exclusive)
{
    struct blk_tracked *other;

    while ((other = conflict(n, off, off + len, exclusive)) != NULL)
        co_queue_wait(&other->waiting);
    *t = (struct blk_tracked){ .next = n->tracked, .back = &n->tracked, .off = off, .end = off + len, .exclusive = exclusive };
    if (t->next != NULL)
        t->next->back = &t->next;
    n->tracked = t;
}

void blk_untrack(struct blk_tracked *t)
{
    *t->back = t->next;
    if (t->next != NULL)
        t->next->back = t->back;
    co_queue_wake_all(&t->waiting);
}

static int check_range(struct blk_node *n, uint64_t off, uint64_t len)
{
    if (off > BLK_LENGTH_MAX || len > BLK_LENGTH_MAX - off)
        return -EIO;
    if (!(n->drv->flags & BLK_DRV_GROWS) && (off > n->bytes || len > n->bytes - off))
        return -EIO;
    return 0;
}

static int driver_read(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    size_t max = n->max_transfer ? n->max_transfer : SIZE_MAX;
    int    ret = 0;

    if (v->len <= max)
        return n->drv->read(n, off, v);
    for (size_t at = 0; at < v->len && ret == 0; at += max) {
        struct blk_slice s;

        ret = n->drv->read(n, off + at, iov_slice(&s, v, at, MIN(max, v->len - at)));
        iov_slice_end(&s);
    }
    return ret;
}

static int driver_write(struct blk_node *n, uint64_t off, const struct blk_iov *v, unsigned flags)
{
    size_t max = n->max_transfer ? n->max_transfer : SIZE_MAX;
    int    ret = 0;

    if (v->len <= max)
        return n->drv->write(n, off, v, flags);
    for (size_t at = 0; at < v->len && ret == 0; at += max) {
        struct blk_slice s;

        ret = n->drv->write(n, off + at, iov_slice(&s, v, at, MIN(max, v->len - at)), flags);
        iov_slice_end(&s);
    }
    return ret;
}

/* Direct I/O wants memory and lengths aligned; anything else goes through a bounce buffer. */
static bool iov_aligned(const struct blk_node *n, const struct blk_iov *v)
{
    if (n->align <= 1)
        return true;
    for (int i = 0; i < v->n; i++)
        if (((uintptr_t)v->v[i].iov_base | v->v[i].iov_len) & (n->align - 1))
            return false;
    return true;
}

static int read_bounced(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    uint64_t first = align_down(off, n->align), end = align_up(off + v->len, n->align);
    char    *buf   = blk_bounce(end - first);
    int      ret;

    if (buf == NULL)
        return -ENOMEM;
    ret = driver_read(n, first, BLK_FLAT(buf, end - first));
    if (ret == 0)
        iov_put(v, 0, buf + (off - first), v->len);
    free(buf);
    return ret;
}

int blk_readv(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    int ret = check_range(n, off, v->len);

    if (ret < 0 || v->len == 0)
        return ret;
    enter(n);
    if (n->align > 1 && (((off | v->len) & (n->align - 1)) != 0 || !iov_aligned(n, v)))
        ret = read_bounced(n, off, v);
    else
        ret = driver_read(n, off, v);
    leave(n);
    return ret;
}

static int write_bounced(struct blk_node *n, uint64_t off, const struct blk_iov *v, unsigned flags)
{
    uint64_t           first = align_down(off, n->align), end = align_up(off + v->len, n->align);
    char              *buf   = blk_bounce(end - first);
    struct blk_tracked t;
    int                ret = 0;

    if (buf == NULL)
        return -ENOMEM;
    blk_track(n, &t, first, end - first, true);
    if (first < off)
        ret = driver_read(n, first, BLK_FLAT(buf, n->align));
    if (ret == 0 && end > off + v->len && (end - first > n->align || first == off))
        ret = driver_read(n, end - n->align, BLK_FLAT(buf + (end - first) - n->align, n->align));
    if (ret == 0) {
        iov_get(v, 0, buf + (off - first), v->len);
        ret = driver_write(n, first, BLK_FLAT(buf, end - first), flags);
    }
    blk_untrack(&t);
    free(buf);
    return ret;
}

static int may_write(const struct blk_node *n)
{
    return n->flags & BLK_RDWR ? 0 : -EACCES;
}

int blk_writev(struct blk_node *n, uint64_t off, const struct blk_iov *v, unsigned flags)
{
    int ret = may_write(n);

    if (ret == 0)
        ret = check_range(n, off, v->len);
    if (ret < 0 || v->len == 0)
        return ret;
    if ((n->flags & BLK_DETECT_ZEROES) && iov_is_zero(v))
        return blk_zero(n, off, v->len, flags | (n->flags & BLK_DETECT_UNMAP ? BLK_MAY_UNMAP : 0));
    enter(n);
    if (n->align > 1 && (((off | v->len) & (n->align - 1)) != 0 || !iov_aligned(n, v))) {
        ret = write_bounced(n, off, v, flags);
    } else if (n->align > 1) {
        struct blk_tracked t;

        blk_track(n, &t, off, v->len, false);
        ret = driver_write(n, off, v, flags);
        blk_untrack(&t);
    } else {
        ret = driver_write(n, off, v, flags);
    }
    if (ret == 0 && (flags & BLK_FUA))
        ret = blk_flush(n);
    if (ret == 0 && off + v->len > n->bytes)
        n->bytes = off + v->len;
    leave(n);
    return ret;
}

int blk_read(struct blk_node *n, uint64_t off, void *buf, size_t len)
{
    return blk_readv(n, off, BLK_FLAT(buf, len));
}

int blk_write(struct blk_node *n, uint64_t off, const void *buf, size_t len)
{
    return blk_writev(n, off, BLK_FLAT(buf, len), 0);
}

static int zero_by_writing(struct blk_node *n, uint64_t off, uint64_t len, unsigned flags)
{
    size_t chunk = MIN(len, (uint64_t)ZERO_CHUNK);
    void  *buf   = blk_bounce(chunk);
    bool   detect = n->flags & BLK_DETECT_ZEROES;
    int    ret   = 0;

    if (buf == NULL)
        return -ENOMEM;
    memset(buf, 0, chunk);
    n->flags &= ~(unsigned)BLK_DETECT_ZEROES;
    while (len > 0 && ret == 0) {
        size_t part = MIN(len, (uint64_t)chunk);

        ret = blk_writev(n, off, BLK_FLAT(buf, part), flags & BLK_FUA);
        off += part;
        len -= part;
    }
    if (detect)
        n->flags |= BLK_DETECT_ZEROES;
    free(buf);
    return ret;
}

int blk_zero(struct blk_node *n, uint64_t off, uint64_t len, unsigned flags)
{
    int ret = may_write(n);

    if (ret == 0)
        ret = check_range(n, off, len);
    if (ret < 0 || len == 0)
        return ret;
    enter(n);
    ret = -ENOTSUP;
    if (n->drv->zero != NULL && (n->align <= 1 || ((off | len) & (n->align - 1)) == 0)) {
        struct blk_tracked t;
        bool               tracks = n->align > 1;   /* against a read-modify-write next to it */

        if (tracks)
            blk_track(n, &t, off, len, false);
        ret = n->drv->zero(n, off, len, flags);
        if (tracks)
            blk_untrack(&t);
    }
    if (ret == -ENOTSUP && !(flags & BLK_NO_FALLBACK))
        ret = zero_by_writing(n, off, len, flags);
    else if (ret == 0 && (flags & BLK_FUA))
        ret = blk_flush(n);
    if (ret == 0 && off + len > n->bytes)
        n->bytes = off + len;
    leave(n);
    return ret;
}

int blk_discard(struct blk_node *n, uint64_t off, uint64_t len)
{
    int ret = may_write(n);

    if (ret == 0)
        ret = check_range(n, off, len);
    if (ret < 0 || len == 0 || n->drv->discard == NULL || !(n->flags & BLK_UNMAP))
        return ret;
    enter(n);
    ret = n->drv->discard(n, off, len);
    leave(n);
    return ret == -ENOTSUP ? 0 : ret;
}

int blk_flush(struct blk_node *n)
{
    int ret = 0;

    if (!(n->flags & BLK_RDWR))
        return 0;
    enter(n);
    if (n->drv->flush != NULL)
        ret = n->drv->flush(n);
    else if (n->file != NULL)
        ret = blk_flush(n->file);
    leave(n);
    return ret;
}

int blk_write_compressed(struct blk_node *n, uint64_t off, const void *buf, size_t len)
{
    int ret = may_write(n);

    if (ret == 0)
        ret = check_range(n, off, len);
    if (ret < 0 || len == 0)
        return ret;
    if (n->drv->write_compressed == NULL)
        return -ENOTSUP;
    enter(n);
    ret = n->drv->write_compressed(n, off, BLK_FLAT(buf, len));
    leave(n);
    return ret;
}

int blk_copy(struct blk_node *src, uint64_t soff, struct blk_node *dst, uint64_t doff, uint64_t len)
{
    struct blk_extent e;
    int               ret;

    /* Down to where the bytes lie: a format's map, if it says so for the whole stretch. */
    for (int depth = 0; !(src->drv->flags & BLK_DRV_PROTOCOL); depth++) {
        ret = blk_map(src, soff, len, &e);
        if (ret < 0)
            return ret;
        if (!(e.flags & BLK_EXT_OFFSET) || e.len < len || e.node == NULL || e.node == src || depth > 8)
            return -ENOTSUP;
        src  = e.node;
        soff = e.host;
    }
    if (dst->drv->copy == NULL)
        return -ENOTSUP;
    enter(dst);
    ret = may_write(dst);
    if (ret == 0)
        ret = dst->drv->copy(src, soff, dst, doff, len);
    if (ret == 0 && doff + len > dst->bytes)
        dst->bytes = doff + len;
    leave(dst);
    return ret;
}

int blk_resize(struct blk_node *n, uint64_t bytes, enum blk_prealloc p, struct error *err)
{
    int ret;

    if (bytes > BLK_LENGTH_MAX)
        return error_set(err, EFBIG, "a disk of %llu bytes is too large", (unsigned long long)bytes);
    if (!(n->flags & BLK_RDWR))
        return error_set(err, EACCES, "'%s' is open for reading only", n->filename);
    if (n->drv->resize == NULL)
        return error_set(err, ENOTSUP, "Image format driver does not support resize");
    enter(n);
    ret = n->drv->resize(n, bytes, p, err);
    if (ret == 0)
        n->bytes = bytes;
    leave(n);
    return ret;
}

int blk_map(struct blk_node *n, uint64_t off, uint64_t len, struct blk_extent *e)
{
    int ret;

    *e = (struct blk_extent){ .len = len };
    if (off >= n->bytes) {
        e->flags = BLK_EXT_EOF | BLK_EXT_ZERO;
        return 0;
    }
    len = MIN(len, n->bytes - off);
    e->len = len;
    if (n->drv->map == NULL) {
        e->flags = BLK_EXT_DATA | BLK_EXT_ALLOCATED;
        return 0;
    }
    enter(n);
    ret = n->drv->map(n, off, len, e);
    leave(n);
    if (e->len > len)
        e->len = len;
    return ret;
}

/* A format's data cluster may be a hole in its file: then it is zeros after all. */
static int refine_raw(struct blk_extent *e)
{
    for (int depth = 0; depth < 8 && (e->flags & BLK_EXT_RAW); depth++) {
        struct blk_extent below;
        int               ret = blk_map(e->node, e->host, e->len, &below);

        if (ret < 0)
            return ret;
        e->len = MIN(e->len, below.len);
        if (e->flags & BLK_EXT_STAYS) {
            e->flags = (e->flags & ~(unsigned)BLK_EXT_RAW) | (below.flags & BLK_EXT_ZERO);
            return 0;
        }
        e->flags = (e->flags & BLK_EXT_ALLOCATED) | (below.flags & ~(unsigned)BLK_EXT_ALLOCATED);
        e->host  = below.host;
        e->node  = below.node;
    }
    return 0;
}

int blk_map_chain(struct blk_node *n, struct blk_node *base, uint64_t off, uint64_t len, struct blk_extent *e)
{
    int  ret, depth = 0;
    bool past_end = false;

    for (;; depth++) {
        ret = blk_map(n, off, len, e);
        if (ret == 0)
            ret = refine_raw(e);
        if (ret < 0)
            return ret;
        e->depth = depth;
        if (e->flags & BLK_EXT_EOF) {           /* a backing file shorter than its overlay reads as zeros there */
            e->flags = BLK_EXT_ZERO | (depth == 0 ? BLK_EXT_EOF : BLK_EXT_ALLOCATED);
            past_end = depth > 0;
            return 0;
        }
        len = e->len;
        if (e->flags & BLK_EXT_ALLOCATED)
            break;
        if (n->backing == NULL) {
            e->flags |= BLK_EXT_ZERO;
            break;
        }
        n = n->backing;
        if (n == base)
            break;
    }
    (void)past_end;
    return 0;
}

int blk_map_holes(struct blk_extent *e)
{
    if ((e->flags & (BLK_EXT_DATA | BLK_EXT_OFFSET | BLK_EXT_ZERO)) != (BLK_EXT_DATA | BLK_EXT_OFFSET))
        return 0;
    e->flags |= BLK_EXT_RAW | BLK_EXT_STAYS;
    return refine_raw(e);
}

int blk_map_above(struct blk_node *n, struct blk_node *base, uint64_t off, uint64_t len, uint64_t *same)
{
    struct blk_extent e;
    uint64_t          least = len;

    for (; n != NULL && n != base; n = n->backing) {
        int ret = blk_map(n, off, len, &e);

        if (ret < 0)
            return ret;
        if (e.flags & BLK_EXT_EOF)
            continue;
        if (e.flags & BLK_EXT_ALLOCATED) {
            *same = MIN(e.len, least);
            return 1;
        }
        least = MIN(least, e.len);
    }
    *same = least;
    return 0;
}

int blk_refresh(struct blk_node *n)
{
    int ret = 0;

    if (n->drv->refresh != NULL)
        return n->drv->refresh(n);
    if (n->file != NULL && (n->drv->flags & BLK_DRV_FILTER)) {
        ret      = blk_refresh(n->file);
        n->bytes = n->file->bytes;
    }
    return ret;
}

int64_t blk_allocated(struct blk_node *n)
{
    int64_t sum;

    if (n->drv->allocated != NULL)
        return n->drv->allocated(n);
    if (n->file == NULL)
        return -ENOTSUP;
    sum = blk_allocated(n->file);
    if (n->data != NULL && sum >= 0) {
        int64_t d = blk_allocated(n->data);

        sum = d < 0 ? d : sum + d;
    }
    return sum;
}

/* core/block/cor.c - the filters copy-on-read and copy-before-write.
 *
 * copy-on-read: what is read from a backing file is written into the image above it, so that it is read there next
 * time. copy-before-write: before a stretch of the disk is changed, its old content goes to another node (target=),
 * which so keeps the disk as it was: the base of a backup. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/node.h"

static int pass_map(struct blk_node *n, uint64_t off, uint64_t len, struct blk_extent *e)
{
    *e = (struct blk_extent){ .len = len, .host = off, .node = n->file,
                              .flags = BLK_EXT_RAW | BLK_EXT_OFFSET | BLK_EXT_DATA | BLK_EXT_ALLOCATED };
    return 0;
}

static int pass_resize(struct blk_node *n, uint64_t bytes, enum blk_prealloc p, struct error *err)
{
    return blk_resize(n->file, bytes, p, err);
}

static int pass_zero(struct blk_node *n, uint64_t off, uint64_t len, unsigned flags)
{
    return blk_zero(n->file, off, len, flags);
}

static int pass_discard(struct blk_node *n, uint64_t off, uint64_t len)
{
    return blk_discard(n->file, off, len);
}

static int pass_write(struct blk_node *n, uint64_t off, const struct blk_iov *v, unsigned flags)
{
    return blk_writev(n->file, off, v, flags);
}

/* ---- copy-on-read */

static int cor_open(struct blk_node *n, struct blk_opts *o, struct error *err)
{
    (void)o;
    if (!(n->file->flags & BLK_RDWR))
        return error_set(err, EINVAL, "copy-on-read needs a writable image below it");
    n->bytes = n->file->bytes;
    n->align = n->file->align;
    n->unit  = n->file->unit;
    return 0;
}

/* One stretch that the image does not hold yet: read whole clusters, keep them, give out what was asked for. */
static int cor_fetch(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    uint64_t           unit = n->file->unit ? n->file->unit : 65536;
    uint64_t           from = align_down(off, unit), to = MIN(align_up(off + v->len, unit), n->bytes);
    uint8_t           *buf  = blk_bounce((size_t)(to - from));
    struct blk_tracked t;
    int                ret;

    if (buf == NULL)
        return -ENOMEM;
    blk_track(n, &t, from, to - from, true);
    ret = blk_read(n->file, from, buf, (size_t)(to - from));
    if (ret == 0) {
        uint64_t at = from, same;

        iov_put(v, 0, buf + (off - from), v->len);
        while (at < to && ret >= 0) {            /* only what is still missing: a write may have come first */
            ret = blk_map_above(n->file, n->file->backing, at, to - at, &same);
            if (ret == 0)
                ret = buf_is_zero(buf + (at - from), (size_t)same) ? blk_zero(n->file, at, same, 0) : blk_write(n->file, at, buf + (at - from), (size_t)same);
            at += same;
        }
        ret = 0;                                 /* reading went well; a copy that did not is made next time */
    }
    blk_untrack(&t);
    free(buf);
    return ret;
}

static int cor_read(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    int ret = 0;

    if (n->file->backing == NULL)
        return blk_readv(n->file, off, v);
    for (size_t at = 0; at < v->len && ret >= 0;) {
        uint64_t         same;
        struct blk_slice s;

        ret = blk_map_above(n->file, n->file->backing, off + at, MIN(v->len - at, (size_t)1 << 20), &same);
        if (ret < 0)
            break;
        const struct blk_iov *part = iov_slice(&s, v, at, (size_t)same);

        ret = ret == 1 ? blk_readv(n->file, off + at, part) : cor_fetch(n, off + at, part);
        iov_slice_end(&s);
        at += (size_t)same;
    }
    return ret < 0 ? ret : 0;
}

static int cor_write(struct blk_node *n, uint64_t off, const struct blk_iov *v, unsigned flags)
{
    struct blk_tracked t;
    int                ret;

    blk_track(n, &t, off, v->len, false);
    ret = blk_writev(n->file, off, v, flags);
    blk_untrack(&t);
    return ret;
}

const struct blk_driver blk_copy_on_read = {
    .name = "copy-on-read", .help = "keeps what is read from a backing file", .flags = BLK_DRV_FILTER, .open = cor_open, .read = cor_read,
    .write = cor_write, .zero = pass_zero, .discard = pass_discard, .map = pass_map, .resize = pass_resize,
};

/* ---- copy-before-write */

struct cbw {
    uint8_t        *done;                        /* a bit for each stretch that the target holds */
    uint64_t        unit;
    struct co_mutex lock;
};

static int cbw_open(struct blk_node *n, struct blk_opts *o, struct error *err)
{
    struct cbw *s = n->priv;

    n->data = blk_open_child(n, o, "target", NULL, NULL, BLK_RDWR | BLK_UNMAP, err);
    if (n->data == NULL)
        return err != NULL && err->code ? err->code : -EINVAL;
    if (n->data->bytes < n->file->bytes)
        return error_set(err, EINVAL, "the target is smaller than the disk whose old content it is to keep");
    n->bytes = n->file->bytes;
    n->align = n->file->align;
    s->unit  = MAX(n->data->unit, 65536u);
    s->done  = try_alloc((size_t)(n->bytes / s->unit / 8 + 1), 1, UINT64_C(1) << 32);
    return s->done == NULL ? error_set(err, ENOMEM, "no memory for the map of copied clusters") : 0;
}

static void cbw_close(struct blk_node *n)
{
    free(((struct cbw *)n->priv)->done);
}

/* The old content of [off, off + len) is in the target when this returns 0. */
static int save(struct blk_node *n, uint64_t off, uint64_t len)
{
    struct cbw *s   = n->priv;
    uint8_t    *buf = NULL;
    int         ret = 0;

    co_lock(&s->lock);
    for (uint64_t i = off / s->unit; i * s->unit < off + len && ret == 0; i++) {
        uint64_t at = i * s->unit, part = MIN(s->unit, n->bytes - at);

        if (s->done[i / 8] & 1u << i % 8)
            continue;
        buf = buf != NULL ? buf : blk_bounce((size_t)s->unit);
        ret = buf == NULL ? -ENOMEM : blk_read(n->file, at, buf, (size_t)part);
        if (ret == 0)
            ret = buf_is_zero(buf, (size_t)part) ? blk_zero(n->data, at, part, 0) : blk_write(n->data, at, buf, (size_t)part);
        if (ret == 0)
            s->done[i / 8] |= (uint8_t)(1u << i % 8);
    }
    co_unlock(&s->lock);
    free(buf);
    return ret;
}

static int cbw_read(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    return blk_readv(n->file, off, v);
}

static int cbw_write(struct blk_node *n, uint64_t off, const struct blk_iov *v, unsigned flags)
{
    int ret = save(n, off, v->len);

    return ret < 0 ? ret : pass_write(n, off, v, flags);
}

static int cbw_zero(struct blk_node *n, uint64_t off, uint64_t len, unsigned flags)
{
    int ret = save(n, off, len);

    return ret < 0 ? ret : pass_zero(n, off, len, flags);
}

static int cbw_discard(struct blk_node *n, uint64_t off, uint64_t len)
{
    int ret = save(n, off, len);

    return ret < 0 ? ret : pass_discard(n, off, len);
}

static int cbw_flush(struct blk_node *n)
{
    int ret = blk_flush(n->data);

    return ret < 0 ? ret : blk_flush(n->file);
}

const struct blk_driver blk_copy_before_write = {
    .name = "copy-before-write", .help = "keeps old content elsewhere before it is overwritten", .flags = BLK_DRV_FILTER, .bytes = sizeof(struct cbw),
    .open = cbw_open, .close = cbw_close, .read = cbw_read, .write = cbw_write, .zero = cbw_zero, .discard = cbw_discard, .flush = cbw_flush,
    .map = pass_map, .resize = pass_resize,
};

#include "core/block/blocks.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"

enum { SECTOR = 512 };

static size_t in_block(const struct blk_blocks *b, uint64_t off, size_t left)
{
    return (size_t)MIN((uint64_t)left, b->bytes - off % b->bytes);
}

int blocks_read(struct blk_node *n, const struct blk_blocks *b, uint64_t off, const struct blk_iov *v)
{
    int ret = 0;

    for (size_t at = 0, len; at < v->len && ret == 0; at += len) {
        uint64_t         host = b->place(n, off + at);
        struct blk_slice p;

        len = in_block(b, off + at, v->len - at);
        const struct blk_iov *part = iov_slice(&p, v, at, len);

        if (host == BLOCKS_NOWHERE)
            iov_zero(part, 0, len);
        else
            ret = blk_readv(n->file, host, part);
        iov_slice_end(&p);
    }
    return ret;
}

static int write_part(struct blk_node *n, struct blk_blocks *b, uint64_t off, const struct blk_iov *v)
{
    uint64_t host = b->place(n, off);

    if (host == BLOCKS_NOWHERE) {
        co_lock(&b->lock);
        host = b->place(n, off);                 /* somebody else may have added it while we waited */
        int ret = host == BLOCKS_NOWHERE ? b->add(n, off, v) : 0;

        co_unlock(&b->lock);
        if (ret < 0 || host == BLOCKS_NOWHERE)
            return ret;
    }
    return blk_writev(n->file, host, v, 0);
}

int blocks_write(struct blk_node *n, struct blk_blocks *b, uint64_t off, const struct blk_iov *v)
{
    int ret = 0;

    for (size_t at = 0, len; at < v->len && ret == 0; at += len) {
        struct blk_slice p;

        len = in_block(b, off + at, v->len - at);
        ret = write_part(n, b, off + at, iov_slice(&p, v, at, len));
        iov_slice_end(&p);
    }
    return ret;
}

int blocks_extend(struct blk_node *n, uint64_t at, uint64_t len)
{
    uint64_t have = n->file->bytes, inside = at < have ? MIN(len, have - at) : 0;
    int      ret  = inside > 0 ? blk_zero(n->file, at, inside, BLK_MAY_UNMAP) : 0;

    return ret == 0 && at + len > have ? blk_resize(n->file, at + len, BLK_PREALLOC_OFF, NULL) : ret;
}

void blocks_changed(struct blk_blocks *b, uint64_t i)
{
    b->lo    = b->dirty ? MIN(b->lo, i) : i;
    b->hi    = b->dirty ? MAX(b->hi, i) : i;
    b->dirty = true;
}

int blocks_table_write(struct blk_node *n, struct blk_blocks *b, const struct blocks_table *t)
{
    uint64_t per = SECTOR / t->width, lo = b->lo - b->lo % per, hi = MIN(b->hi - b->hi % per + per, t->entries);
    uint8_t *buf;
    int      ret;

    if (!b->dirty)
        return 0;
    ret = blk_flush(n->file);
    if (ret < 0)
        return ret;
    buf = xmalloc((size_t)(hi - lo) * t->width);
    for (uint64_t i = lo; i < hi; i++)
        t->put(n, i, buf + (i - lo) * t->width);
    b->dirty = false;                            /* before yielding: what changes meanwhile is the next write's */
    ret = blk_write(n->file, t->off + lo * t->width, buf, (size_t)(hi - lo) * t->width);
    free(buf);
    if (ret < 0) {
        blocks_changed(b, lo);
        blocks_changed(b, hi - 1);
    }
    return ret < 0 ? ret : 1;
}

int blocks_map(struct blk_node *n, const struct blk_blocks *b, uint64_t off, uint64_t len, struct blk_extent *e)
{
    uint64_t host = b->place(n, off);

    *e = (struct blk_extent){ .len = b->bytes - off % b->bytes, .flags = BLK_EXT_ZERO | BLK_EXT_ALLOCATED };
    if (host != BLOCKS_NOWHERE) {
        e->flags = BLK_EXT_DATA | BLK_EXT_ALLOCATED | BLK_EXT_OFFSET;
        e->host  = host;
        e->node  = n->file;
    }
    while (e->len < len && off + e->len < n->bytes && b->place(n, off + e->len) == (host == BLOCKS_NOWHERE ? host : host + e->len))
        e->len += b->bytes;
    return 0;
}

/* core/block/qcow2/flush.c - the order in which tables reach the disk (drawn in qcow2.h). */
#include "core/block/qcow2/qcow2.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/bytes.h"

int qcow2_sync(struct qcow2 *q)
{
    int ret = blk_flush(q->file);

    if (ret == 0 && q->data != q->file)
        ret = blk_flush(q->data);
    return ret;
}

static int write_words(struct qcow2 *q, uint64_t off, const uint64_t *words, uint64_t n)
{
    uint8_t *buf = blk_bounce((size_t)n * 8);
    int      ret;

    if (buf == NULL)
        return -ENOMEM;
    for (uint64_t i = 0; i < n; i++)
        store_be64(buf + 8 * i, words[i]);
    ret = blk_write(q->file, off, buf, (size_t)n * 8);
    free(buf);
    return ret;
}

/* A: refcounts, and the table that finds them once they are safe. */
static int write_counts(struct qcow2 *q)
{
    int ret = qcow2_cache_write(q, &q->refs);

    if (ret == 0 && q->reftable_dirty) {
        ret = qcow2_sync(q);
        if (ret == 0)
            ret = write_words(q, q->reftable_offset, q->reftable, q->reftable_entries);
        if (ret == 0)
            q->reftable_dirty = false;
    }
    return ret;
}

/* B: L2 tables, then the L1 entries that find new ones. */
static int write_maps(struct qcow2 *q)
{
    int ret = qcow2_cache_write(q, &q->l2s);

    if (ret == 0 && q->l1_dirty) {
        ret = qcow2_sync(q);
        if (ret == 0)
            ret = write_words(q, q->l1_offset + 8ull * q->l1_dirty_lo, q->l1 + q->l1_dirty_lo, q->l1_dirty_hi - q->l1_dirty_lo + 1);
        if (ret == 0)
            q->l1_dirty = false;
    }
    return ret;
}

static bool lazy(const struct qcow2 *q)
{
    return q->incompat & QCOW2_INC_DIRTY;
}

int qcow2_write_tables(struct qcow2 *q)
{
    int ret = 0;

    /* With lazy refcounts the dirty bit tells whoever opens the image after a cut to count again. */
    if (!lazy(q))
        ret = write_counts(q);
    if (ret == 0 && (q->l2s.dirty > 0 || q->l1_dirty)) {
        ret = qcow2_sync(q);
        if (ret == 0)
            ret = write_maps(q);
    }
    if (ret == 0 && q->freed_count > 0) {
        ret = qcow2_sync(q);
        if (ret == 0)
            ret = qcow2_free_now(q);
    }
    return ret;
}

int qcow2_flush(struct blk_node *n)
{
    struct qcow2 *q = n->priv;
    int           ret;

    co_lock(&q->lock);
    ret = q->write_ready ? qcow2_write_tables(q) : 0;
    co_unlock(&q->lock);
    return ret < 0 ? ret : qcow2_sync(q);
}

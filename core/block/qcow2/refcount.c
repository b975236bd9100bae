/* core/block/qcow2/refcount.c - which clusters of the file are used, and finding free ones.
 *
 * A refcount block that does not exist yet is put into the first cluster that it would count: all of those are free,
 * and the block counts itself. A refcount table that is full is replaced by a larger one behind everything that the
 * old one counts. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/block/qcow2/qcow2.h"

enum { BEHIND_MOST = 1 << 30 };

uint64_t qcow2_ref_read(const uint8_t *block, uint64_t i, unsigned order)
{
    switch (order) {
    case 0:
        return block[i / 8] >> i % 8 & 1;
    case 1:
        return block[i / 4] >> i % 4 * 2 & 3;
    case 2:
        return block[i / 2] >> i % 2 * 4 & 15;
    case 3:
        return block[i];
    case 4:
        return load_be16(block + 2 * i);
    case 5:
        return load_be32(block + 4 * i);
    default:
        return load_be64(block + 8 * i);
    }
}

static void bits_store(uint8_t *p, unsigned shift, unsigned mask, uint64_t v)
{
    *p = (uint8_t)((*p & ~(mask << shift)) | (unsigned)v << shift);
}

void qcow2_ref_store(uint8_t *block, uint64_t i, unsigned order, uint64_t v)
{
    switch (order) {
    case 0:
        bits_store(&block[i / 8], i % 8, 1, v);
        break;
    case 1:
        bits_store(&block[i / 4], i % 4 * 2, 3, v);
        break;
    case 2:
        bits_store(&block[i / 2], i % 2 * 4, 15, v);
        break;
    case 3:
        block[i] = (uint8_t)v;
        break;
    case 4:
        store_be16(block + 2 * i, (uint16_t)v);
        break;
    case 5:
        store_be32(block + 4 * i, (uint32_t)v);
        break;
    default:
        store_be64(block + 8 * i, v);
        break;
    }
}

/* The cached piece that holds the count of cluster @index. *t is NULL where no block exists. */
static int piece_of(struct qcow2 *q, uint64_t index, struct qcow2_tab **t, uint64_t *i)
{
    uint64_t per_block = qcow2_block_entries(q), per_piece = (uint64_t)q->refs.bytes * 8 >> q->refcount_order;
    uint64_t block = index / per_block, in_block = index % per_block, off;

    *t = NULL;
    *i = in_block % per_piece;
    if (block >= q->reftable_entries || (off = q->reftable[block] & QCOW2_OFFSET_MASK) == 0)
        return 0;
    if (off & (q->cluster - 1))
        return qcow2_mark_corrupt(q, "refcount block %llu is at an unaligned offset 0x%llx", (unsigned long long)block,
                                  (unsigned long long)off);
    return qcow2_cache_get(q, &q->refs, off + in_block / per_piece * q->refs.bytes, false, t);
}

int qcow2_ref_get(struct qcow2 *q, uint64_t index, uint64_t *count)
{
    struct qcow2_tab *t;
    uint64_t          i;
    int               ret = piece_of(q, index, &t, &i);

    if (ret == 0)
        *count = t != NULL ? qcow2_ref_read(t->data, i, q->refcount_order) : 0;
    return ret;
}

int qcow2_ref_get_many(struct qcow2 *q, uint64_t index, uint64_t *counts, uint64_t *n)
{
    struct qcow2_tab *t;
    uint64_t          i, per_piece = (uint64_t)q->refs.bytes * 8 >> q->refcount_order;
    int               ret = piece_of(q, index, &t, &i);

    *n = MIN(*n, per_piece - i);
    for (uint64_t k = 0; k < *n; k++)
        counts[k] = ret == 0 && t != NULL ? qcow2_ref_read(t->data, i + k, q->refcount_order) : 0;
    return ret;
}

static void reftable_mark(struct qcow2 *q)
{
    q->reftable_dirty = true;
}

/* All counts of a new block are zero but its own. */
static int new_block(struct qcow2 *q, uint64_t block)
{
    uint64_t          index = block * qcow2_block_entries(q), off = index << q->cluster_bits, i;
    struct qcow2_tab *t;
    const char       *what = qcow2_overlaps(q, off, q->cluster);
    int               ret;

    if (what != NULL)
        return qcow2_mark_corrupt(q, "a new refcount block would overwrite the %s at 0x%llx", what, (unsigned long long)off);
    for (uint64_t at = 0; at < q->cluster; at += q->refs.bytes) {
        qcow2_cache_forget(&q->refs, off + at, q->refs.bytes);
        ret = qcow2_cache_get(q, &q->refs, off + at, true, &t);
        if (ret < 0)
            return ret;
        qcow2_cache_mark(&q->refs, t);
    }
    q->reftable[block] = off;
    reftable_mark(q);
    qcow2_set_add(&q->blocks, off);
    ret = piece_of(q, index, &t, &i);
    if (ret < 0)
        return ret;
    qcow2_ref_store(t->data, i, q->refcount_order, 1);
    qcow2_cache_mark(&q->refs, t);
    return 0;
}

/* A larger table: [blocks that count it][the table], right behind what the old one counts; then the header. */
static int grow_table(struct qcow2 *q, uint64_t need)
{
    uint64_t  per = qcow2_block_entries(q), first = q->reftable_entries * per;
    uint64_t  entries = MAX(need + 1, q->reftable_entries + q->reftable_entries / 2 + 1);
    uint64_t  blocks = 1, clusters, old_off = q->reftable_offset, old_bytes = q->reftable_entries * 8;
    uint64_t *table;
    uint8_t  *buf;
    int       ret;

    for (;;) {                                   /* as many blocks as count themselves and the table */
        entries  = MAX(entries, q->reftable_entries + blocks);
        clusters = (entries * 8 + q->cluster - 1) >> q->cluster_bits;
        entries  = clusters * q->cluster / 8;
        if (blocks * per >= blocks + clusters)
            break;
        blocks++;
    }
    if (entries * 8 > QCOW2_REFTABLE_MAX)
        return -EFBIG;
    ret = qcow2_write_tables(q);                 /* nothing of the old table is left in memory only */
    if (ret < 0)
        return ret;
    table = NEW_ARRAY(uint64_t, entries);
    memcpy(table, q->reftable, (size_t)old_bytes);
    buf = try_alloc((size_t)((blocks + clusters) << q->cluster_bits), 1, SIZE_MAX);
    if (buf == NULL) {
        free(table);
        return -ENOMEM;
    }
    for (uint64_t i = 0; i < blocks + clusters; i++)
        qcow2_ref_store(buf + (i / per << q->cluster_bits), i % per, q->refcount_order, 1);
    for (uint64_t i = 0; i < blocks; i++)
        table[q->reftable_entries + i] = (first + i) << q->cluster_bits;
    for (uint64_t i = 0; i < entries; i++)
        store_be64(buf + (blocks << q->cluster_bits) + 8 * i, table[i]);
    ret = blk_write(q->file, first << q->cluster_bits, buf, (size_t)((blocks + clusters) << q->cluster_bits));
    free(buf);
    if (ret == 0)
        ret = qcow2_sync(q);
    if (ret < 0) {
        free(table);
        return ret;
    }
    for (uint64_t i = 0; i < blocks; i++)
        qcow2_set_add(&q->blocks, (first + i) << q->cluster_bits);
    free(q->reftable);
    q->reftable         = table;
    q->reftable_entries = entries;
    q->reftable_offset  = (first + blocks) << q->cluster_bits;
    ret = qcow2_header_fields(q);
    if (ret == 0)
        ret = qcow2_sync(q);
    if (ret == 0)
        qcow2_free_later(q, old_off, align_up(old_bytes, q->cluster), false, false);
    return ret;
}

static int block_for(struct qcow2 *q, uint64_t index)
{
    uint64_t block = index / qcow2_block_entries(q);
    int      ret;

    while (block >= q->reftable_entries) {
        ret = grow_table(q, block);
        if (ret < 0)
            return ret;
    }
    return (q->reftable[block] & QCOW2_OFFSET_MASK) == 0 ? new_block(q, block) : 0;
}

int qcow2_ref_add(struct qcow2 *q, uint64_t index, int delta)
{
    struct qcow2_tab *t;
    uint64_t          i, count;
    int               ret = delta > 0 ? block_for(q, index) : 0;    /* what is given back was counted somewhere */

    if (ret == 0)
        ret = piece_of(q, index, &t, &i);
    if (ret < 0)
        return ret;
    if (t == NULL)
        return qcow2_mark_corrupt(q, "cluster 0x%llx is given back but counted nowhere", (unsigned long long)(index << q->cluster_bits));
    count = qcow2_ref_read(t->data, i, q->refcount_order);
    if (delta < 0 && count == 0)
        return qcow2_mark_corrupt(q, "the refcount of cluster 0x%llx would drop below zero", (unsigned long long)(index << q->cluster_bits));
    if (delta > 0 && count == qcow2_max_refcount(q))
        return -ERANGE;
    count += (uint64_t)(int64_t)delta;
    qcow2_ref_store(t->data, i, q->refcount_order, count);
    qcow2_cache_mark(&q->refs, t);
    if (count == 0 && index < q->free_hint)
        q->free_hint = index;
    if (count == 0 && q->packed_at >> q->cluster_bits == index)
        q->packed_at = 0;
    return 0;
}

/* Is there something that is guarded as @guard in [@at, @at + @bytes), and does the write touch it? */
static bool hits(const struct qcow2 *q, unsigned guard, uint64_t off, uint64_t end, uint64_t at, uint64_t bytes)
{
    return q->overlap & guard && bytes > 0 && off < at + bytes && at < end;
}

static bool hits_set(const struct qcow2 *q, unsigned guard, uint64_t off, uint64_t end, const struct qcow2_set *s)
{
    if (!(q->overlap & guard) || s->used == 0)
        return false;
    for (uint64_t at = align_down(off, q->cluster); at < end; at += q->cluster)
        if (qcow2_set_has(s, at))
            return true;
    return false;
}

const char *qcow2_overlaps(struct qcow2 *q, uint64_t off, uint64_t bytes)
{
    uint64_t end = off + bytes;

    if (hits(q, QCOW2_GUARD_HEADER, off, end, 0, q->cluster))
        return "header";
    if (hits(q, QCOW2_GUARD_L1, off, end, q->l1_offset, q->l1_entries * 8ull))
        return "active L1 table";
    if (hits(q, QCOW2_GUARD_REFTABLE, off, end, q->reftable_offset, q->reftable_entries * 8))
        return "refcount table";
    if (hits(q, QCOW2_GUARD_SNAPTABLE, off, end, q->snaps_offset, q->snap_count > 0 ? q->snaps_bytes : 0))
        return "snapshot table";
    for (uint32_t i = 0; i < q->snap_count; i++)
        if (hits(q, QCOW2_GUARD_INACTIVE_L1, off, end, q->snaps[i].l1_offset, q->snaps[i].l1_entries * 8ull))
            return "inactive L1 table";
    for (const struct qcow2_ext *e = q->exts; e != NULL; e = e->next)
        if (e->type == QCOW2_EXT_BITMAPS && e->bytes >= 24 &&
            hits(q, QCOW2_GUARD_BITMAPS, off, end, load_be64(e->data + 16), load_be64(e->data + 8)))
            return "bitmap directory";
    if (hits_set(q, QCOW2_GUARD_L2, off, end, &q->tables))
        return "active L2 table";
    if (hits_set(q, QCOW2_GUARD_REFBLOCK, off, end, &q->blocks))
        return "refcount block";
    if (hits_set(q, QCOW2_GUARD_INACTIVE_L2, off, end, &q->inactive))
        return "inactive L2 table";
    return NULL;
}

/* Behind the end of the file there may be clusters that were counted when the power went, and ours that are being
 * written; but not a gigabyte of others. */
static int check_end(struct qcow2 *q, uint64_t index)
{
    uint64_t end = MAX(q->file->bytes, q->alloc_end);

    if (index << q->cluster_bits <= end + BEHIND_MOST)
        return 0;
    return qcow2_mark_corrupt(q, "all clusters up to 0x%llx are counted as used, far behind the end of the file",
                              (unsigned long long)(index << q->cluster_bits));
}

/* The first free cluster at or above free_hint. */
static int find_free(struct qcow2 *q, uint64_t *index)
{
    uint64_t at = q->free_hint;

    for (;;) {
        struct qcow2_tab *t;
        uint64_t          i, per_piece = (uint64_t)q->refs.bytes * 8 >> q->refcount_order;
        int               ret = check_end(q, at);

        if (ret == 0)
            ret = piece_of(q, at, &t, &i);

        if (ret < 0)
            return ret;
        if (t == NULL) {                         /* no block: make it, it takes the first cluster for itself */
            ret = block_for(q, at);
            if (ret < 0)
                return ret;
            continue;
        }
        for (; i < per_piece; i++, at++) {
            if (qcow2_ref_read(t->data, i, q->refcount_order) == 0) {
                *index = q->free_hint = at;
                return 0;
            }
        }
    }
}

int qcow2_alloc_run(struct qcow2 *q, uint64_t want, uint64_t *off, uint64_t *got, bool *fresh)
{
    uint64_t    index, n = 0;
    const char *what;
    int         ret = find_free(q, &index);

    while (ret == 0 && n < want) {
        uint64_t count = 0;

        if (n > 0) {
            /* stop at the border of a block that does not exist: making it would take its first cluster */
            uint64_t block = (index + n) / qcow2_block_entries(q);

            if (block >= q->reftable_entries || (q->reftable[block] & QCOW2_OFFSET_MASK) == 0)
                break;
            ret = qcow2_ref_get(q, index + n, &count);
            if (ret < 0 || count != 0)
                break;
        }
        ret = qcow2_ref_add(q, index + n, 1);
        if (ret == 0)
            n++;
    }
    if (n == 0)
        return ret < 0 ? ret : -ENOSPC;
    *off = index << q->cluster_bits;
    *got = n;
    q->free_hint = index + n;
    q->alloc_end = MAX(q->alloc_end, *off + n * q->cluster);
    if (*off + n * q->cluster > (UINT64_C(1) << 56) - q->cluster)
        return -EFBIG;
    what = qcow2_overlaps(q, *off, n << q->cluster_bits);
    if (what != NULL)
        return qcow2_mark_corrupt(q, "free cluster 0x%llx is part of the %s", (unsigned long long)*off, what);
    if (fresh != NULL)
        *fresh = *off >= q->file->bytes;
    return 0;
}

int qcow2_alloc_packed(struct qcow2 *q, uint64_t bytes, uint64_t *off)
{
    uint64_t at = q->packed_at, room, next, got, count = 0;
    int      ret;

    room = at != 0 ? q->cluster - (at & (q->cluster - 1)) : 0;
    if (at != 0) {
        ret = qcow2_ref_get(q, at >> q->cluster_bits, &count);
        if (ret < 0)
            return ret;
        if (count == 0 || count >= qcow2_max_refcount(q))
            at = room = 0;
    }
    if (room < bytes) {
        ret = qcow2_alloc_run(q, 1, &next, &got, NULL);
        if (ret < 0)
            return ret;
        if (room == 0 || next != at + room) {    /* not the neighbour: begin in the new one, which is counted */
            *off = next;
            q->packed_at = bytes < q->cluster ? next + bytes : 0;
            return 0;
        }
    }
    ret = qcow2_ref_add(q, at >> q->cluster_bits, 1);
    if (ret < 0)
        return ret;
    *off = at;
    q->packed_at = (at + bytes) & (q->cluster - 1) ? at + bytes : 0;
    return 0;
}

void qcow2_free_later(struct qcow2 *q, uint64_t off, uint64_t bytes, bool packed, bool punch)
{
    struct qcow2_run *last = q->freed_count > 0 ? &q->freed[q->freed_count - 1] : NULL;

    q->freed_bytes += bytes;
    if (last != NULL && !packed && !last->packed && last->off + last->bytes == off && last->punch == punch) {
        last->bytes += bytes;
        return;
    }
    if (q->freed_count == q->freed_room) {
        q->freed_room = q->freed_room ? q->freed_room * 2 : 64;
        q->freed      = xreallocarray(q->freed, q->freed_room, sizeof *q->freed);
    }
    q->freed[q->freed_count++] = (struct qcow2_run){ .off = off, .bytes = bytes, .packed = packed, .punch = punch };
}

int qcow2_free_now(struct qcow2 *q)
{
    struct qcow2_run *list  = q->freed;
    size_t            count = q->freed_count;
    int               first = 0;

    q->freed       = NULL;
    q->freed_count = q->freed_room = 0;
    q->freed_bytes = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t from = list[i].off >> q->cluster_bits, to = (list[i].off + list[i].bytes - 1) >> q->cluster_bits;
        uint64_t left = 0;

        for (uint64_t c = from; c <= to && !q->corrupt; c++) {    /* leaks are all that a corrupt image may gain */
            int ret = qcow2_ref_add(q, c, -1);

            first = first < 0 ? first : ret;
            if (ret == 0 && list[i].punch && qcow2_ref_get(q, c, &left) == 0 && left == 0)
                blk_discard(q->file, c << q->cluster_bits, q->cluster);
        }
    }
    free(list);
    return first;
}

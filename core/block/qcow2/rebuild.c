/* core/block/qcow2/rebuild.c - a new structure beside the old one, then one write of the header.
 *
 *   old state on disk, complete
 *     -> new L2 tables (where flags change or a snapshot shares the table), new L1 table, snapshot table,
 *        refcount blocks and refcount table, all written behind the file's end
 *     -> sync
 *     -> header's first sector: sizes and offsets of all of them
 *     -> sync; the old structure's clusters are free by the new refcounts
 *
 * Refcounts are counted from the tables, not carried over, so a rebuild is a repair as well. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/block/qcow2/qcow2.h"

struct build {
    struct qcow2       *q;
    struct qcow2_counts c;
    uint64_t            end;           /* next free cluster's offset, behind everything old and new */
    uint64_t           *l1;
    uint32_t            entries;
    uint64_t           *table;         /* refcount table to be */
    uint64_t            table_entries, table_off, l1_off, snaps_off, snaps_bytes;
    unsigned            order;
};

static uint64_t take(struct build *b, uint64_t bytes)
{
    uint64_t off = b->end;

    b->end += align_up(bytes, b->q->cluster);
    return off;
}

/* The copied flags of one L2 table by the new counts. Returns whether any changed. */
static bool fix_flags(struct build *b, uint8_t *t)
{
    struct qcow2 *q = b->q;
    bool          changed = false;

    for (uint64_t i = 0; i < q->cluster / q->entry && !q->data_external; i++) {
        uint64_t        e = load_be64(t + i * q->entry), off = e & QCOW2_OFFSET_MASK, want;
        enum qcow2_kind k = qcow2_entry_kind(q, e);

        if ((k != QCOW2_DATA && k != QCOW2_ZERO_ALLOC) || (off & (q->cluster - 1)) || off >> q->cluster_bits >= b->c.clusters)
            continue;
        want = b->c.count[off >> q->cluster_bits] == 1 ? e | QCOW2_COPIED : e & ~QCOW2_COPIED;
        if (want != e) {
            store_be64(t + i * q->entry, want);
            changed = true;
        }
    }
    return changed;
}

static int build_l2(struct build *b, uint32_t i, uint8_t *t)
{
    struct qcow2 *q   = b->q;
    uint64_t      off = b->l1[i] & QCOW2_OFFSET_MASK, new_off;
    int           ret;

    if (off == 0 || (off & (q->cluster - 1)) || off >> q->cluster_bits >= b->c.clusters)
        return 0;
    ret = blk_read(q->file, off, t, q->cluster);
    if (ret < 0)
        return ret;
    bool changed = fix_flags(b, t);

    if (!changed && b->c.count[off >> q->cluster_bits] == 1) {
        b->l1[i] = off | QCOW2_COPIED;
        return 0;
    }
    new_off = take(b, q->cluster);
    ret = blk_write(q->file, new_off, t, q->cluster);
    if (ret < 0)
        return ret;
    b->c.count[off >> q->cluster_bits]--;
    b->l1[i] = new_off | QCOW2_COPIED;
    return qcow2_counts_add(q, &b->c, new_off, q->cluster, 1);
}

static int write_words(struct qcow2 *q, uint64_t off, const uint64_t *w, uint64_t n, uint64_t pad)
{
    uint8_t *buf = blk_bounce((size_t)align_up(MAX(n * 8, UINT64_C(1)), pad));
    int      ret;

    if (buf == NULL)
        return -ENOMEM;
    memset(buf, 0, (size_t)align_up(MAX(n * 8, UINT64_C(1)), pad));
    for (uint64_t i = 0; i < n; i++)
        store_be64(buf + 8 * i, w[i]);
    ret = blk_write(q->file, off, buf, (size_t)align_up(MAX(n * 8, UINT64_C(1)), pad));
    free(buf);
    return ret;
}

static int build_tables(struct build *b)
{
    struct qcow2 *q = b->q;
    uint8_t      *t = blk_bounce(q->cluster), *snaps;
    int           ret = t != NULL ? 0 : -ENOMEM;

    for (uint32_t i = 0; i < b->entries && ret == 0; i++)
        ret = build_l2(b, i, t);
    free(t);
    if (ret < 0)
        return ret;
    b->l1_off = take(b, MAX(b->entries * 8ull, UINT64_C(1)));
    ret = write_words(q, b->l1_off, b->l1, b->entries, q->cluster);
    if (ret == 0)
        ret = qcow2_counts_add(q, &b->c, b->l1_off, b->entries * 8ull, 1);
    b->snaps_bytes = qcow2_snaps_size(q);
    if (ret == 0 && b->snaps_bytes > 0) {
        b->snaps_off = take(b, b->snaps_bytes);
        snaps = qcow2_snaps_encode(q);
        ret = blk_write(q->file, b->snaps_off, snaps, (size_t)b->snaps_bytes);
        free(snaps);
        if (ret == 0)
            ret = qcow2_counts_add(q, &b->c, b->snaps_off, b->snaps_bytes, 1);
    }
    return ret;
}

/* Refcount blocks behind everything; they count themselves and the table. */
static int build_counts(struct build *b, struct error *err)
{
    struct qcow2 *q   = b->q;
    uint64_t      per = q->cluster * 8 >> b->order, first = b->end >> q->cluster_bits, blocks = 1, clusters, total, most;
    uint8_t      *buf;
    int           ret = 0;

    for (;;) {
        clusters = (blocks * 8 + q->cluster - 1) >> q->cluster_bits;
        total    = first + blocks + clusters;
        if (blocks * per >= total)
            break;
        blocks = (total + per - 1) / per;
    }
    if (clusters * q->cluster > QCOW2_REFTABLE_MAX)
        return error_set(err, EFBIG, "the refcount table would become too large");
    b->table_entries = clusters * q->cluster / 8;
    b->table         = NEW_ARRAY(uint64_t, b->table_entries);
    uint64_t blocks_off = take(b, blocks * q->cluster);

    b->table_off = take(b, clusters * q->cluster);
    ret = qcow2_counts_add(q, &b->c, blocks_off, (blocks + clusters) * q->cluster, 1);
    buf = blk_bounce(q->cluster);
    if (buf == NULL)
        ret = -ENOMEM;
    most = b->order == 6 ? UINT64_MAX : (UINT64_C(1) << (1u << b->order)) - 1;
    for (uint64_t k = 0; k < blocks && ret == 0; k++) {
        memset(buf, 0, q->cluster);
        for (uint64_t i = 0; i < per && k * per + i < b->c.clusters; i++) {
            uint64_t n = b->c.count[k * per + i];

            if (n > most) {
                ret = error_set(err, ERANGE, "a cluster would be used %llu times, which %u-bit refcounts cannot hold; use larger refcounts "
                                "(rhea-img amend -o refcount_bits=)", (unsigned long long)n, 1u << b->order);
                break;
            }
            if (n > 0)
                qcow2_ref_store(buf, i, b->order, n);
        }
        b->table[k] = blocks_off + k * q->cluster;
        if (ret == 0)
            ret = blk_write(q->file, b->table[k], buf, q->cluster);
    }
    free(buf);
    if (ret == 0)
        ret = write_words(q, b->table_off, b->table, b->table_entries, q->cluster);
    return ret;
}

static int switch_over(struct build *b)
{
    struct qcow2 *q = b->q, old = *q;
    int           ret = qcow2_sync(q);

    if (ret < 0)
        return ret;
    q->l1_entries       = b->entries;
    q->l1_offset        = b->l1_off;
    q->reftable_entries = b->table_entries;
    q->reftable_offset  = b->table_off;
    q->snaps_offset     = b->snaps_off;
    q->snaps_bytes      = b->snaps_bytes;
    q->refcount_order   = b->order;
    ret = qcow2_header_fields(q);
    if (ret == 0)
        ret = qcow2_sync(q);
    if (ret < 0) {
        q->l1_entries       = old.l1_entries;
        q->l1_offset        = old.l1_offset;
        q->reftable_entries = old.reftable_entries;
        q->reftable_offset  = old.reftable_offset;
        q->snaps_offset     = old.snaps_offset;
        q->snaps_bytes      = old.snaps_bytes;
        q->refcount_order   = old.refcount_order;
    }
    return ret;
}

/* The new state is the state: memory follows. */
static void adopt(struct build *b)
{
    struct qcow2 *q   = b->q;
    size_t        l2s = (size_t)q->l2s.max * q->l2s.bytes, refs = (size_t)q->refs.max * q->refs.bytes;

    free(q->l1);
    free(q->reftable);
    q->l1       = b->l1;
    q->reftable = b->table;
    q->l1_dirty = q->reftable_dirty = false;
    size_t bytes = q->l2s.bytes;

    qcow2_cache_drop(&q->l2s);
    qcow2_cache_drop(&q->refs);
    qcow2_cache_init(&q->l2s, bytes, l2s);
    qcow2_cache_init(&q->refs, bytes, refs);
    qcow2_set_free(&q->tables);
    qcow2_set_free(&q->blocks);
    for (uint64_t i = 0; i < q->reftable_entries; i++)
        qcow2_set_add(&q->blocks, q->reftable[i] & QCOW2_OFFSET_MASK);
    for (uint32_t i = 0; i < q->l1_entries; i++)
        qcow2_set_add(&q->tables, q->l1[i] & QCOW2_OFFSET_MASK);
    qcow2_guard_inactive(q);                     /* a failure leaves fewer guards, not a wrong state */
    q->free_hint   = 0;
    q->packed_at   = 0;
    q->freed_count = 0;                          /* what waited there is counted as free now */
    q->freed_bytes = 0;
    q->unpacked_entry = 0;
}

/* Clusters that were counted and are not any more; asked while the old counts are still there. */
static size_t becomes_free(struct build *b, struct qcow2_run **runs)
{
    struct qcow2 *q = b->q;
    size_t        n = 0, room = 0;

    for (uint64_t i = 0; i < q->file->bytes >> q->cluster_bits; i++) {
        uint64_t have = 0, off = i << q->cluster_bits;

        if ((i < b->c.clusters && b->c.count[i] > 0) || qcow2_ref_get(q, i, &have) < 0 || have == 0)
            continue;
        if (n > 0 && (*runs)[n - 1].off + (*runs)[n - 1].bytes == off) {
            (*runs)[n - 1].bytes += q->cluster;
            continue;
        }
        if (n == room) {
            room  = room ? room * 2 : 64;
            *runs = xreallocarray(*runs, room, sizeof **runs);
        }
        (*runs)[n++] = (struct qcow2_run){ .off = off, .bytes = q->cluster };
    }
    return n;
}

int qcow2_rebuild(struct qcow2 *q, uint64_t *l1, uint32_t entries, unsigned order, struct error *err)
{
    struct build b = { .q = q, .l1 = l1, .entries = entries, .order = order };
    struct qcow2_run *runs = NULL;
    size_t       freed = 0;
    uint64_t     reach;
    bool         punch = q->punch_free;
    int          ret;

    q->punch_free = false;
    ret = qcow2_count(q, &b.c, NULL, l1, entries);
    /* Behind the file and behind all that is counted: no old byte is touched. */
    reach = MAX(q->file->bytes, b.c.clusters << q->cluster_bits);
    for (uint64_t i = 0; i < q->reftable_entries; i++) {
        uint64_t off = q->reftable[i] & QCOW2_OFFSET_MASK;

        if (off < q->file->bytes)
            reach = MAX(reach, off + q->cluster);
    }
    b.end = align_up(reach, q->cluster);
    if (ret == 0)
        ret = build_tables(&b);
    if (ret == 0)
        ret = build_counts(&b, err);
    if (ret == 0 && punch)
        freed = becomes_free(&b, &runs);
    if (ret == 0)
        ret = switch_over(&b);
    for (size_t i = 0; i < freed && ret == 0; i++)
        blk_discard(q->file, runs[i].off, runs[i].bytes);
    free(runs);
    free(b.c.count);
    if (ret < 0) {
        free(b.table);
        free(l1);
        return error_set(err, ret, "could not write the image's new tables: %s", strerror(-ret));
    }
    adopt(&b);
    return 0;
}

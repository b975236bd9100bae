/* core/block/qcow2/map.c - from guest offsets to clusters of the file, and back into the tables. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/block/qcow2/qcow2.h"

unsigned qcow2_slice_entries(const struct qcow2 *q)
{
    return (unsigned)(q->l2s.bytes / q->entry);
}

uint64_t qcow2_l2_get(const struct qcow2 *q, const struct qcow2_tab *t, unsigned index)
{
    return load_be64(t->data + index * q->entry);
}

uint64_t qcow2_l2_bitmap(const struct qcow2 *q, const struct qcow2_tab *t, unsigned index)
{
    return q->ext_l2 ? load_be64(t->data + index * q->entry + 8) : 0;
}

void qcow2_l2_set(struct qcow2 *q, struct qcow2_tab *t, unsigned index, uint64_t entry, uint64_t bitmap)
{
    store_be64(t->data + index * q->entry, entry);
    if (q->ext_l2)
        store_be64(t->data + index * q->entry + 8, bitmap);
    qcow2_cache_mark(&q->l2s, t);
}

enum qcow2_kind qcow2_entry_kind(const struct qcow2 *q, uint64_t entry)
{
    if (entry & QCOW2_COMPRESSED)
        return QCOW2_PACKED;
    if ((entry & QCOW2_ZERO) && q->version >= 3 && !q->ext_l2)
        return entry & QCOW2_OFFSET_MASK ? QCOW2_ZERO_ALLOC : QCOW2_ZERO_PLAIN;
    /* Offset 0 is a real place in an external data file; the copied flag tells. */
    if ((entry & QCOW2_OFFSET_MASK) == 0 && !(q->data_external && (entry & QCOW2_COPIED)))
        return QCOW2_UNALLOCATED;
    return QCOW2_DATA;
}

void qcow2_packed_place(const struct qcow2 *q, uint64_t entry, uint64_t *off, uint64_t *bytes)
{
    unsigned x       = 62 - (q->cluster_bits - 8);
    uint64_t sectors = (entry & mask64(62)) >> x;

    *off   = entry & mask64(x);
    *bytes = (sectors + 1) * 512 - (*off & 511);
}

static void l1_mark(struct qcow2 *q, uint32_t i)
{
    if (!q->l1_dirty)
        q->l1_dirty_lo = q->l1_dirty_hi = i;
    q->l1_dirty    = true;
    q->l1_dirty_lo = MIN(q->l1_dirty_lo, i);
    q->l1_dirty_hi = MAX(q->l1_dirty_hi, i);
}

/* A table of its own for L1 entry @i: zeros, or a copy of the one that a snapshot shares. */
static int new_l2(struct qcow2 *q, uint32_t i)
{
    uint64_t old = q->l1[i] & QCOW2_OFFSET_MASK, off, got;
    bool     fresh;
    int      ret = qcow2_alloc_run(q, 1, &off, &got, &fresh);

    if (ret < 0)
        return ret;
    qcow2_cache_forget(&q->l2s, off, q->cluster);
    if (old != 0) {
        for (uint64_t at = 0; at < q->cluster && ret == 0; at += q->l2s.bytes) {
            struct qcow2_tab *from, *to;

            ret = qcow2_cache_get(q, &q->l2s, old + at, false, &from);
            if (ret == 0)
                ret = qcow2_cache_get(q, &q->l2s, off + at, true, &to);
            if (ret == 0) {
                memcpy(to->data, from->data, q->l2s.bytes);
                qcow2_cache_mark(&q->l2s, to);
            }
        }
        qcow2_set_remove(&q->tables, old);
        qcow2_free_later(q, old, q->cluster, false, q->pass_other);
    } else if (!fresh || !(q->file->drv->flags & BLK_DRV_GROWS)) {
        ret = blk_zero(q->file, off, q->cluster, 0);
    } else {
        ret = blk_zero(q->file, off, q->cluster, BLK_MAY_UNMAP);
    }
    if (ret < 0) {
        qcow2_ref_add(q, off >> q->cluster_bits, -1);
        return ret;
    }
    qcow2_set_add(&q->tables, off);
    q->l1[i] = off | QCOW2_COPIED;
    l1_mark(q, i);
    return 0;
}

int qcow2_l2_piece(struct qcow2 *q, uint64_t off, bool make, struct qcow2_tab **t, unsigned *index)
{
    uint64_t l1_index = off >> (q->cluster_bits + q->l2_bits), table;
    uint64_t in_table = off >> q->cluster_bits & mask64(q->l2_bits);
    unsigned per      = qcow2_slice_entries(q);
    int      ret;

    *t     = NULL;
    *index = (unsigned)(in_table % per);
    if (l1_index >= q->l1_entries)
        return make ? -EFBIG : 0;
    table = q->l1[l1_index] & QCOW2_OFFSET_MASK;
    if (make && (table == 0 || !(q->l1[l1_index] & QCOW2_COPIED))) {
        ret = new_l2(q, (uint32_t)l1_index);
        if (ret < 0)
            return ret;
        table = q->l1[l1_index] & QCOW2_OFFSET_MASK;
    }
    if (table == 0)
        return 0;
    if ((table & (q->cluster - 1)) || (q->l1[l1_index] & QCOW2_L1_RESERVED))
        return qcow2_mark_corrupt(q, "L1 entry %llu is 0x%llx: an unaligned L2 table", (unsigned long long)l1_index,
                                  (unsigned long long)q->l1[l1_index]);
    return qcow2_cache_get(q, &q->l2s, table + in_table / per * q->l2s.bytes, false, t);
}

/* The kind of subcluster @sub, and how many from there on are alike. */
static enum qcow2_kind sub_kind(struct qcow2 *q, uint64_t entry, uint64_t bitmap, unsigned sub, unsigned *alike, bool *bad)
{
    enum qcow2_kind base = qcow2_entry_kind(q, entry);
    uint32_t        have = (uint32_t)bitmap >> sub, zero = (uint32_t)(bitmap >> 32) >> sub;
    unsigned        left = QCOW2_SUBCLUSTERS - sub;
    enum qcow2_kind kind;
    uint32_t        same;

    if (base == QCOW2_PACKED) {
        *alike = left;
        return base;
    }
    if ((uint32_t)bitmap & (uint32_t)(bitmap >> 32) || (base == QCOW2_UNALLOCATED && (uint32_t)bitmap != 0))
        *bad = true;
    if (have & 1) {
        kind = QCOW2_DATA;
        same = have;
    } else if (zero & 1) {
        kind = base == QCOW2_DATA ? QCOW2_ZERO_ALLOC : QCOW2_ZERO_PLAIN;
        same = zero;
    } else {
        kind = QCOW2_UNALLOCATED;
        same = ~(have | zero);
    }
    *alike = same == UINT32_MAX ? left : MIN((unsigned)__builtin_ctz(~same), left);
    return kind;
}

/* Does a cluster lie behind the file's end, even after another look at it? */
static bool behind_end(struct qcow2 *q, uint64_t host)
{
    if (host < q->data->bytes || (q->n->flags & BLK_SHARE))
        return false;                            /* -U: somebody else may be writing it */
    blk_refresh(q->data);
    return host >= q->data->bytes;
}

int qcow2_inside(struct qcow2 *q, uint64_t off, uint64_t host)
{
    if (q->data_external || !behind_end(q, host))
        return 0;
    if (!(q->n->flags & BLK_RDWR))
        return -EIO;
    return qcow2_mark_corrupt(q, "L2 entry of guest offset 0x%llx points to 0x%llx, behind the end of the file", (unsigned long long)off,
                              (unsigned long long)host);
}

static int check_host(struct qcow2 *q, uint64_t off, uint64_t entry, uint64_t host, bool data)
{
    if ((host & (q->cluster - 1)) || (entry & QCOW2_L2_RESERVED))
        return qcow2_mark_corrupt(q, "L2 entry of guest offset 0x%llx is 0x%llx: an unaligned cluster or a reserved bit",
                                  (unsigned long long)off, (unsigned long long)entry);
    return data ? qcow2_inside(q, off, host) : 0;
}

int qcow2_map(struct qcow2 *q, uint64_t off, uint64_t *len, uint64_t *host)
{
    struct qcow2_tab *t;
    unsigned          index, per = qcow2_slice_entries(q);
    uint64_t          in = off & (q->cluster - 1), want = *len, have = 0, first = 0;
    int               kind = -1, ret = qcow2_l2_piece(q, off, false, &t, &index);

    *host = 0;
    if (ret < 0)
        return ret;
    if (t == NULL) {
        *len = MIN(want, qcow2_l2_span(q) - (off & (qcow2_l2_span(q) - 1)));
        return QCOW2_UNALLOCATED;
    }
    for (; index < per && have < want; index++, in = 0) {
        uint64_t        entry = qcow2_l2_get(q, t, index), place = entry & QCOW2_OFFSET_MASK, take = q->cluster - in;
        enum qcow2_kind k;

        if (q->ext_l2) {
            unsigned alike, sub = (unsigned)(in >> q->sub_bits);
            bool     bad = false;

            k = sub_kind(q, entry, qcow2_l2_bitmap(q, t, index), sub, &alike, &bad);
            if (bad)
                return qcow2_mark_corrupt(q, "L2 entry of guest offset 0x%llx has an impossible subcluster bitmap", (unsigned long long)off);
            take = MIN(take, ((uint64_t)(sub + alike) << q->sub_bits) - in);
        } else {
            k = qcow2_entry_kind(q, entry);
        }
        if (kind >= 0 && (int)k != kind)
            break;
        if (k == QCOW2_DATA || k == QCOW2_ZERO_ALLOC) {
            ret = check_host(q, off + have, entry, place, k == QCOW2_DATA);
            if (ret < 0)
                return ret;
            if (kind >= 0 && place + in != first + have)
                break;
        }
        if (kind >= 0 && k == QCOW2_UNALLOCATED && (place != 0 || first >= q->cluster) && place + in != first + have)
            break;                               /* a cluster that is there, in which this part is not */
        if (kind < 0) {
            kind  = (int)k;
            first = k == QCOW2_PACKED ? entry : place + in;
        }
        have += take;
        if (k == QCOW2_PACKED || take < q->cluster - in)
            break;
    }
    *len  = MIN(have, want);
    *host = first;
    return kind;
}

void qcow2_drop_entry(struct qcow2 *q, uint64_t entry, bool punch)
{
    uint64_t off, bytes;

    switch (qcow2_entry_kind(q, entry)) {
    case QCOW2_PACKED:
        qcow2_packed_place(q, entry, &off, &bytes);
        qcow2_free_later(q, off, bytes, true, false);
        break;
    case QCOW2_DATA:
    case QCOW2_ZERO_ALLOC:
        if (q->data_external) {
            if (punch)
                blk_discard(q->data, entry & QCOW2_OFFSET_MASK, q->cluster);
        } else if ((entry & QCOW2_OFFSET_MASK & (q->cluster - 1)) == 0) {
            qcow2_free_later(q, entry & QCOW2_OFFSET_MASK, q->cluster, false, punch);
        }
        break;
    default:
        break;
    }
}

/* core/block/qcow2/check.c - counts what refers to each cluster, compares with the refcounts, and repairs.
 *
 * Repair never throws data away in silence: leaks are freed, refcounts are made to fit the tables, and entries that
 * cannot be right (unaligned, beyond the file) are reported and, with -r all, replaced by reads of zeros or of the
 * backing file only when they point to nothing that exists. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/block/qcow2/qcow2.h"

#define CLUSTERS_MOST (UINT64_C(1) << 34)    /* 64 GiB of counts: more than any file of a file system has clusters */

static void say(struct blk_check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct blk_check *c, const char *fmt, ...)
{
    char    line[300];
    va_list ap;

    if (c == NULL || c->say == NULL)
        return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    c->say(c->arg, line);
}

static void bad(struct blk_check *c)
{
    if (c != NULL)
        c->corruptions++;
}

int qcow2_counts_add(struct qcow2 *q, struct qcow2_counts *c, uint64_t off, uint64_t bytes, int by)
{
    if (bytes == 0)
        return 0;
    uint64_t first = off >> q->cluster_bits, last = (off + bytes - 1) >> q->cluster_bits;

    if (last >= CLUSTERS_MOST)
        return -EFBIG;
    if (last >= c->room) {
        uint64_t  room = MAX(last + 1, c->room + c->room / 2 + 1024);
        uint32_t *more = realloc(c->count, (size_t)room * sizeof *more);

        if (more == NULL)
            return -ENOMEM;
        memset(more + c->room, 0, (size_t)(room - c->room) * sizeof *more);
        c->count = more;
        c->room  = room;
    }
    c->clusters = MAX(c->clusters, last + 1);
    for (uint64_t i = first; i <= last; i++)
        c->count[i] += (uint32_t)by;
    return 0;
}

/* A table or cluster that ends far behind the file's end does not exist; counting it would cost memory only. */
static bool exists(struct qcow2 *q, uint64_t off)
{
    return off < align_up(q->file->bytes, q->cluster) + q->cluster;
}

static int count_at(struct qcow2 *q, struct qcow2_counts *c, struct blk_check *res, uint64_t off, uint64_t bytes, const char *what)
{
    if (!exists(q, off)) {
        say(res, "ERROR: %s at 0x%llx lies behind the end of the file", what, (unsigned long long)off);
        bad(res);
        return 0;
    }
    return qcow2_counts_add(q, c, off, bytes, 1);
}

static int count_entry(struct qcow2 *q, struct qcow2_counts *c, struct blk_check *res, uint64_t entry, uint64_t bitmap, uint64_t l2_off,
                       uint64_t index, bool active, uint64_t *next)
{
    uint64_t        off = entry & QCOW2_OFFSET_MASK, bytes;
    enum qcow2_kind kind = qcow2_entry_kind(q, entry);

    if (kind == QCOW2_UNALLOCATED || kind == QCOW2_ZERO_PLAIN) {
        if (q->ext_l2 && (uint32_t)bitmap != 0) {
            say(res, "ERROR: L2 entry %llu of table 0x%llx has allocated subclusters but no cluster", (unsigned long long)index, (unsigned long long)l2_off);
            bad(res);
        }
        return 0;
    }
    if (res != NULL && active)
        res->allocated_clusters++;
    if (kind == QCOW2_PACKED) {
        qcow2_packed_place(q, entry, &off, &bytes);
        if (entry & QCOW2_COPIED) {
            say(res, "ERROR: coffset=0x%llx: copied flag must never be set for compressed clusters", (unsigned long long)off);
            bad(res);
        }
        if (res != NULL && active)
            res->compressed_clusters++, res->fragmented_clusters++;
        if (q->data_external || !exists(q, off) || bytes > 2 * q->cluster) {
            say(res, "ERROR: compressed cluster at 0x%llx lies behind the end of the file", (unsigned long long)off);
            bad(res);
            return 0;
        }
        return qcow2_counts_add(q, c, off, bytes, 1);
    }
    if (res != NULL && active) {
        if (*next != 0 && *next != off)
            res->fragmented_clusters++;
        *next = off + q->cluster;
    }
    if (off & (q->cluster - 1)) {
        say(res, "ERROR offset=%llx: Cluster is not properly aligned; L2 entry corrupted.", (unsigned long long)off);
        bad(res);
        return 0;
    }
    if (q->ext_l2 && ((uint32_t)bitmap & (uint32_t)(bitmap >> 32))) {
        say(res, "ERROR offset=%llx: subclusters both allocated and zero", (unsigned long long)off);
        bad(res);
    }
    if (q->data_external)
        return 0;
    return count_at(q, c, res, off, q->cluster, "data cluster");
}

static int count_l2(struct qcow2 *q, struct qcow2_counts *c, struct blk_check *res, uint64_t l2_off, bool active)
{
    uint8_t *t = blk_bounce(q->cluster);
    uint64_t next = 0;
    int      ret;

    if (t == NULL)
        return -ENOMEM;
    ret = blk_read(q->file, l2_off, t, q->cluster);
    if (ret < 0 && res != NULL)
        res->check_errors++;
    for (uint64_t i = 0; i < q->cluster / q->entry && ret == 0; i++)
        ret = count_entry(q, c, res, load_be64(t + i * q->entry), q->ext_l2 ? load_be64(t + i * q->entry + 8) : 0, l2_off, i, active, &next);
    free(t);
    return ret;
}

static int count_l1(struct qcow2 *q, struct qcow2_counts *c, struct blk_check *res, const uint64_t *l1, uint32_t entries, bool active)
{
    int ret = 0;

    for (uint32_t i = 0; i < entries && ret == 0; i++) {
        uint64_t off = l1[i] & QCOW2_OFFSET_MASK;

        if (l1[i] & QCOW2_L1_RESERVED) {
            say(res, "ERROR found L1 entry with reserved bits set: %llx", (unsigned long long)l1[i]);
            bad(res);
        }
        if (off == 0)
            continue;
        if (off & (q->cluster - 1)) {
            say(res, "ERROR l2_offset=0x%llx: Table is not cluster aligned; L1 entry corrupted", (unsigned long long)off);
            bad(res);
            continue;
        }
        if (!exists(q, off)) {
            say(res, "ERROR: L2 table at 0x%llx lies behind the end of the file", (unsigned long long)off);
            bad(res);
            continue;
        }
        ret = qcow2_counts_add(q, c, off, q->cluster, 1);
        if (ret == 0)
            ret = count_l2(q, c, res, off, active);
    }
    return ret;
}

static int count_snapshot(struct qcow2 *q, struct qcow2_counts *c, struct blk_check *res, const struct qcow2_snapshot *s)
{
    uint64_t *l1;
    int       ret = count_at(q, c, res, s->l1_offset, s->l1_entries * 8ull, "a snapshot's L1 table");

    if (ret < 0 || !exists(q, s->l1_offset))
        return ret;
    l1 = try_alloc(s->l1_entries, 8, QCOW2_L1_MAX / 8);
    if (l1 == NULL)
        return -ENOMEM;
    ret = blk_read(q->file, s->l1_offset, l1, s->l1_entries * 8ull);
    for (uint32_t i = 0; i < s->l1_entries; i++)
        l1[i] = load_be64(&l1[i]);
    if (ret == 0)
        ret = count_l1(q, c, res, l1, s->l1_entries, false);
    free(l1);
    return ret;
}

/* Everything but L1 table's own place, refcount table and blocks, which a rebuild puts elsewhere. */
int qcow2_count(struct qcow2 *q, struct qcow2_counts *c, struct blk_check *res, const uint64_t *l1, uint32_t entries)
{
    int ret = qcow2_counts_add(q, c, 0, q->cluster, 1);

    if (ret == 0)
        ret = count_l1(q, c, res, l1, entries, true);
    for (uint32_t i = 0; i < q->snap_count && ret == 0; i++)
        ret = count_snapshot(q, c, res, &q->snaps[i]);
    if (ret == 0 && q->crypt_off != 0)
        ret = count_at(q, c, res, q->crypt_off, q->crypt_len, "LUKS header");
    if (ret == 0)
        ret = qcow2_bitmaps_count(q, c, res);
    return ret;
}

/* ---- comparing */

static int count_structure(struct qcow2 *q, struct qcow2_counts *c, struct blk_check *res, bool *rebuild)
{
    int ret = count_at(q, c, res, q->l1_offset, q->l1_entries * 8ull, "active L1 table");

    if (ret == 0 && q->snap_count > 0)
        ret = count_at(q, c, res, q->snaps_offset, q->snaps_bytes, "snapshot table");
    if (ret == 0)
        ret = count_at(q, c, res, q->reftable_offset, q->reftable_entries * 8, "refcount table");
    for (uint64_t i = 0; i < q->reftable_entries && ret == 0; i++) {
        uint64_t off = q->reftable[i];

        if (off == 0)
            continue;
        if (off & (q->cluster - 1)) {
            say(res, "ERROR refcount block %llu is not cluster aligned; refcount table entry corrupted", (unsigned long long)i);
            bad(res);
            *rebuild = true;
        } else if (!exists(q, off)) {
            say(res, "ERROR refcount block %llu is outside image", (unsigned long long)i);
            bad(res);
            *rebuild = true;
        } else {
            ret = qcow2_counts_add(q, c, off, q->cluster, 1);
            if (ret == 0 && c->count[off >> q->cluster_bits] > 1) {
                say(res, "ERROR refcount block %llu refcount=%u", (unsigned long long)i, c->count[off >> q->cluster_bits]);
                bad(res);
                *rebuild = true;
            }
        }
    }
    return ret;
}

enum { COUNTS_AT_ONCE = 512 };

static void leaked(struct qcow2 *q, struct blk_check *res, uint64_t i, uint64_t have, uint64_t want)
{
    say(res, "Leaked cluster %llu refcount=%llu reference=%llu", (unsigned long long)i, (unsigned long long)have, (unsigned long long)want);
    res->leaks++;
    res->image_end = (i + 1) << q->cluster_bits;
}

/* Counts behind the end of everything are leaks as well. Only blocks that are in the file, and each once: the time
 * follows from what the file holds, not from how many entries a refcount table has. */
static void leaks_behind(struct qcow2 *q, struct qcow2_counts *c, struct blk_check *res, uint64_t last)
{
    uint64_t per = qcow2_block_entries(q), have[COUNTS_AT_ONCE], got;

    for (uint64_t b = last / per; b < q->reftable_entries; b++) {
        uint64_t off = q->reftable[b];

        if (off == 0 || (off & (q->cluster - 1)) || !exists(q, off) || c->count[off >> q->cluster_bits] > 1)
            continue;
        for (uint64_t i = MAX(last, b * per); i < (b + 1) * per; i += got) {
            got = MIN((b + 1) * per - i, (uint64_t)COUNTS_AT_ONCE);
            if (qcow2_ref_get_many(q, i, have, &got) < 0)
                continue;
            for (uint64_t k = 0; k < got; k++)
                if (have[k] > 0)
                    leaked(q, res, i + k, have[k], 0);
        }
    }
}

static void compare_one(struct qcow2 *q, struct blk_check *res, uint64_t i, uint64_t have, uint64_t want)
{
    if (have > 0 || want > 0)
        res->image_end = (i + 1) << q->cluster_bits;
    if (have > want) {
        leaked(q, res, i, have, want);
    } else if (have < want) {
        say(res, "ERROR cluster %llu refcount=%llu reference=%llu", (unsigned long long)i, (unsigned long long)have, (unsigned long long)want);
        res->corruptions++;
    }
}

static void compare(struct qcow2 *q, struct qcow2_counts *c, struct blk_check *res)
{
    uint64_t last = MAX(c->clusters, (q->file->bytes + q->cluster - 1) >> q->cluster_bits), have[COUNTS_AT_ONCE], got;

    for (uint64_t i = 0; i < last; i += got) {
        got = MIN(last - i, (uint64_t)COUNTS_AT_ONCE);
        int ret = qcow2_ref_get_many(q, i, have, &got);

        for (uint64_t k = i; k < i + got; k++) {
            if (ret == 0) {
                compare_one(q, res, k, have[k - i], k < c->clusters ? c->count[k] : 0);
            } else {
                say(res, "Can't get refcount for cluster %llu: %s", (unsigned long long)k, strerror(-ret));
                res->check_errors++;
            }
        }
    }
    leaks_behind(q, c, res, last);
}

static void check_copied(struct qcow2 *q, struct qcow2_counts *c, struct blk_check *res, const char *what, uint64_t entry, uint64_t off)
{
    uint64_t i = off >> q->cluster_bits, have = 0;

    (void)c;
    if (qcow2_ref_get(q, i, &have) < 0)
        return;
    if ((have == 1) != !!(entry & QCOW2_COPIED)) {
        say(res, "ERROR OFLAG_COPIED %s: entry=%llx refcount=%llu", what, (unsigned long long)entry, (unsigned long long)have);
        bad(res);
    }
}

static int copied_flags(struct qcow2 *q, struct qcow2_counts *c, struct blk_check *res)
{
    uint8_t *t   = blk_bounce(q->cluster);
    int      ret = t != NULL ? 0 : -ENOMEM;

    for (uint32_t i = 0; i < q->l1_entries && ret == 0; i++) {
        uint64_t l2 = q->l1[i] & QCOW2_OFFSET_MASK;

        if (l2 == 0 || (l2 & (q->cluster - 1)) || !exists(q, l2))
            continue;
        check_copied(q, c, res, "L2 cluster", q->l1[i], l2);
        ret = blk_read(q->file, l2, t, q->cluster);
        for (uint64_t k = 0; k < q->cluster / q->entry && ret == 0 && !q->data_external; k++) {
            uint64_t        e    = load_be64(t + k * q->entry), off = e & QCOW2_OFFSET_MASK;
            enum qcow2_kind kind = qcow2_entry_kind(q, e);

            if ((kind == QCOW2_DATA || kind == QCOW2_ZERO_ALLOC) && !(off & (q->cluster - 1)) && exists(q, off))
                check_copied(q, c, res, "data cluster", e, off);
        }
    }
    free(t);
    return ret;
}

static int look(struct qcow2 *q, struct blk_check *res, bool *rebuild)
{
    struct qcow2_counts c = { .count = NULL };
    int                 ret;

    *res = (struct blk_check){ .say = res->say, .arg = res->arg,
                               .total_clusters = (q->size + q->cluster - 1) >> q->cluster_bits };
    ret = qcow2_count(q, &c, res, q->l1, q->l1_entries);
    if (ret == 0)
        ret = count_structure(q, &c, res, rebuild);
    if (ret == 0) {
        compare(q, &c, res);
        ret = copied_flags(q, &c, res);
    }
    free(c.count);
    return ret;
}

/* Entries that cannot be followed: zeros (or the backing file) take their place, and every one is named. */
static int drop_impossible(struct qcow2 *q, struct blk_check *res)
{
    uint8_t *t   = blk_bounce(q->cluster);
    int      ret = t != NULL ? 0 : -ENOMEM;

    for (uint32_t i = 0; i < q->l1_entries && ret == 0; i++) {
        uint64_t l2 = q->l1[i] & QCOW2_OFFSET_MASK;
        bool     changed = false;

        if (q->l1[i] & QCOW2_L1_RESERVED || (l2 & (q->cluster - 1)) || (l2 != 0 && !exists(q, l2))) {
            say(res, "Repairing L1 entry %u: 0x%llx points to nothing; its part of the disk is now unallocated", i, (unsigned long long)q->l1[i]);
            q->l1[i] = 0;
            res->corruptions_fixed++;
            continue;
        }
        if (l2 == 0)
            continue;
        ret = blk_read(q->file, l2, t, q->cluster);
        for (uint64_t k = 0; k < q->cluster / q->entry && ret == 0; k++) {
            uint64_t        e    = load_be64(t + k * q->entry), off = e & QCOW2_OFFSET_MASK, bytes;
            enum qcow2_kind kind = qcow2_entry_kind(q, e);
            bool            gone = false;

            if (kind == QCOW2_PACKED) {
                qcow2_packed_place(q, e, &off, &bytes);
                gone = !exists(q, off);
                if (e & QCOW2_COPIED) {
                    store_be64(t + k * q->entry, e & ~QCOW2_COPIED);
                    changed = true;
                    res->corruptions_fixed++;
                }
            } else if (kind == QCOW2_DATA || kind == QCOW2_ZERO_ALLOC) {
                gone = (off & (q->cluster - 1)) || (!q->data_external && !exists(q, off));
            }
            if (!gone)
                continue;
            say(res, "Repairing L2 entry %llu of table 0x%llx: 0x%llx points to nothing; the cluster now reads as zeros", (unsigned long long)k,
                (unsigned long long)l2, (unsigned long long)e);
            store_be64(t + k * q->entry, q->version >= 3 && !q->ext_l2 ? QCOW2_ZERO : 0);
            if (q->ext_l2)
                store_be64(t + k * q->entry + 8, mask64(32) << 32);
            changed = true;
            res->corruptions_fixed++;
        }
        if (ret == 0 && changed) {
            ret = blk_write(q->file, l2, t, q->cluster);
            qcow2_cache_forget(&q->l2s, l2, q->cluster);
        }
    }
    free(t);
    return ret;
}

static int repair(struct qcow2 *q, struct blk_check *res, int fix, struct error *err)
{
    uint64_t corruptions = res->corruptions, leaks = res->leaks;
    int      ret = 0;

    if (corruptions > 0 && !(fix & BLK_FIX_ERRORS))
        return 0;                       /* leaks next to errors: freeing them could free what an error hides */
    q->corrupt = false;
    if (corruptions > 0)
        ret = drop_impossible(q, res);
    if (ret == 0)
        ret = qcow2_rebuild(q, xmemdup(q->l1, q->l1_entries * sizeof *q->l1), q->l1_entries, q->refcount_order, err);
    if (ret == 0) {
        q->incompat &= ~(uint64_t)(QCOW2_INC_CORRUPT | QCOW2_INC_DIRTY);
        ret = qcow2_header_fields(q);
        res->corruptions_fixed = corruptions;
        res->leaks_fixed       = leaks;
    }
    return ret;
}

int qcow2_check(struct blk_node *n, struct blk_check *c, int fix, struct error *err)
{
    struct qcow2      *q       = n->priv;
    bool               rebuild = false;
    struct blk_check   again;
    struct blk_tracked t;
    int                ret;

    blk_track(n, &t, 0, UINT64_MAX, true);
    co_lock(&q->lock);
    ret = q->write_ready ? qcow2_write_tables(q) : 0;
    if (ret == 0)
        ret = look(q, c, &rebuild);
    if (ret == 0 && fix != 0 && (c->corruptions > 0 || (c->leaks > 0 && (fix & BLK_FIX_LEAKS)) || (q->incompat & (QCOW2_INC_DIRTY | QCOW2_INC_CORRUPT)))) {
        ret = repair(q, c, fix, err);
        if (ret == 0 && (c->corruptions_fixed > 0 || c->leaks_fixed > 0)) {
            again = *c;
            again.say = NULL;
            ret = look(q, &again, &rebuild);
            c->image_end   = again.image_end;
            c->corruptions = again.corruptions;
            c->leaks       = again.leaks;
        }
    }
    co_unlock(&q->lock);
    blk_untrack(&t);
    if (ret < 0 && err != NULL && !err->code)
        error_set(err, ret, "Check failed: %s", strerror(-ret));
    return ret;
}

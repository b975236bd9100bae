/* core/block/qcow2/snapshot.c - internal snapshots: the table of them, and making, applying, deleting one.
 *
 * Each operation puts the new state together in memory and has rebuild.c write it beside the old one and switch. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/qcow2/qcow2.h"

enum { ENTRY = 40, EXTRA_MAX = 1024 };

static void snap_release(struct qcow2_snapshot *s)
{
    free(s->extra);
    s->extra = NULL;
}

void qcow2_snaps_free(struct qcow2 *q)
{
    for (uint32_t i = 0; q->snaps != NULL && i < q->snap_count; i++)
        snap_release(&q->snaps[i]);
    free(q->snaps);
    q->snaps      = NULL;
    q->snap_count = 0;
}

static int read_text(struct qcow2 *q, uint64_t off, unsigned bytes, char *out, size_t room)
{
    char text[65536];
    int  ret = blk_read(q->file, off, text, bytes);

    if (ret < 0)
        return ret;
    text[MIN((size_t)bytes, room - 1)] = '\0';
    memcpy(out, text, MIN((size_t)bytes, room - 1) + 1);
    return 0;
}

static int read_one(struct qcow2 *q, uint64_t *off, struct qcow2_snapshot *s, struct error *err)
{
    uint8_t  h[ENTRY], extra[24] = { 0 };
    unsigned id, name;
    uint32_t extra_bytes;
    int      ret = blk_read(q->file, *off, h, ENTRY);

    if (ret < 0)
        return error_set(err, ret, "Failed to read snapshot table: %s", strerror(-ret));
    s->l1_offset  = load_be64(h);
    s->l1_entries = load_be32(h + 8);
    id            = load_be16(h + 12);
    name          = load_be16(h + 14);
    s->s.date_s   = load_be32(h + 16);
    s->s.date_ns  = load_be32(h + 20);
    s->s.vm_clock_ns    = load_be64(h + 24);
    s->s.vm_state_bytes = load_be32(h + 32);
    extra_bytes   = load_be32(h + 36);
    if (id == 0 || *off > q->file->bytes)
        return error_set(err, EINVAL, "Snapshot table is damaged: a snapshot without an id");
    if (extra_bytes > EXTRA_MAX)
        return error_set(err, EINVAL, "Too much extra metadata in snapshot table entry (%u bytes)", extra_bytes);
    ret = qcow2_table_ok(q, s->l1_offset, s->l1_entries, 8, QCOW2_L1_MAX, "Snapshot L1 table", err);
    if (ret < 0)
        return ret;
    ret = blk_read(q->file, *off + ENTRY, extra, MIN(extra_bytes, (uint32_t)sizeof extra));
    if (ret == 0 && extra_bytes > 24) {
        s->extra_bytes = extra_bytes - 24;
        s->extra       = xmalloc(s->extra_bytes);
        ret = blk_read(q->file, *off + ENTRY + 24, s->extra, s->extra_bytes);
    }
    if (extra_bytes >= 8)
        s->s.vm_state_bytes = load_be64(extra);
    s->s.disk_bytes = extra_bytes >= 16 ? load_be64(extra + 8) : q->size;
    s->s.icount     = extra_bytes >= 24 ? load_be64(extra + 16) : UINT64_MAX;
    s->s.has_icount = s->s.icount != UINT64_MAX;
    if (s->s.disk_bytes > BLK_LENGTH_MAX)
        return error_set(err, EINVAL, "snapshot claims a disk of %llu bytes", (unsigned long long)s->s.disk_bytes);
    if (ret == 0)
        ret = read_text(q, *off + ENTRY + extra_bytes, id, s->s.id, sizeof s->s.id);
    if (ret == 0)
        ret = read_text(q, *off + ENTRY + extra_bytes + id, name, s->s.name, sizeof s->s.name);
    if (ret < 0)
        return error_set(err, ret, "Failed to read snapshot table: %s", strerror(-ret));
    *off = align_up(*off + ENTRY + extra_bytes + id + name, 8);
    return 0;
}

int qcow2_snaps_read(struct qcow2 *q, bool check, struct error *err)
{
    uint64_t off = q->snaps_offset;
    uint32_t n   = q->snap_count;
    int      ret = 0;

    q->snap_count = 0;
    if (n == 0)
        return 0;
    q->snaps = NEW_ARRAY(struct qcow2_snapshot, n);
    for (; q->snap_count < n; q->snap_count++) {
        ret = read_one(q, &off, &q->snaps[q->snap_count], err);
        if (ret == 0 && off - q->snaps_offset > QCOW2_SNAP_BYTES_MAX)
            ret = error_set(err, EFBIG, "Snapshot table is too big");
        if (ret < 0) {
            snap_release(&q->snaps[q->snap_count]);
            break;
        }
    }
    (void)check;
    q->snaps_bytes = off - q->snaps_offset;
    if (ret < 0)
        qcow2_snaps_free(q);
    return ret;
}

static uint64_t one_size(const struct qcow2_snapshot *s)
{
    return align_up(ENTRY + 24 + s->extra_bytes + strlen(s->s.id) + strlen(s->s.name), 8);
}

uint64_t qcow2_snaps_size(const struct qcow2 *q)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < q->snap_count; i++)
        bytes += one_size(&q->snaps[i]);
    return bytes;
}

uint8_t *qcow2_snaps_encode(const struct qcow2 *q)
{
    uint8_t *buf = xcalloc(1, qcow2_snaps_size(q) + 1), *h = buf;

    for (uint32_t i = 0; i < q->snap_count; i++) {
        const struct qcow2_snapshot *s = &q->snaps[i];
        size_t                       id = strlen(s->s.id), name = strlen(s->s.name);

        store_be64(h, s->l1_offset);
        store_be32(h + 8, s->l1_entries);
        store_be16(h + 12, (uint16_t)id);
        store_be16(h + 14, (uint16_t)name);
        store_be32(h + 16, (uint32_t)s->s.date_s);
        store_be32(h + 20, s->s.date_ns);
        store_be64(h + 24, s->s.vm_clock_ns);
        store_be32(h + 32, s->s.vm_state_bytes > UINT32_MAX ? 0 : (uint32_t)s->s.vm_state_bytes);
        store_be32(h + 36, 24 + s->extra_bytes);
        store_be64(h + 40, s->s.vm_state_bytes);
        store_be64(h + 48, s->s.disk_bytes);
        store_be64(h + 56, s->s.has_icount ? s->s.icount : UINT64_MAX);
        if (s->extra_bytes > 0)
            memcpy(h + 64, s->extra, s->extra_bytes);
        memcpy(h + 64 + s->extra_bytes, s->s.id, id);
        memcpy(h + 64 + s->extra_bytes + id, s->s.name, name);
        h += one_size(s);
    }
    return buf;
}

/* By id first, then by name. */
static int find_snap(const struct qcow2 *q, const char *name)
{
    for (uint32_t i = 0; i < q->snap_count; i++)
        if (str_eq(q->snaps[i].s.id, name))
            return (int)i;
    for (uint32_t i = 0; i < q->snap_count; i++)
        if (str_eq(q->snaps[i].s.name, name))
            return (int)i;
    return -1;
}

static int find_or_say(const struct qcow2 *q, const char *name, struct error *err)
{
    struct nearest near = NEAREST_INIT(name);
    char           hint[96];
    int            i = find_snap(q, name);

    if (i >= 0)
        return i;
    for (uint32_t k = 0; k < q->snap_count; k++)
        nearest_try(&near, q->snaps[k].s.name);
    return error_set(err, ENOENT, "Can't find the snapshot '%s'%s", name, nearest_hint(&near, hint, sizeof hint));
}

int qcow2_snap_list(struct blk_node *n, struct blk_snapshot **list, struct error *err)
{
    struct qcow2 *q = n->priv;

    (void)err;
    *list = NEW_ARRAY(struct blk_snapshot, q->snap_count + 1);
    for (uint32_t i = 0; i < q->snap_count; i++)
        (*list)[i] = q->snaps[i].s;
    return (int)q->snap_count;
}

static void finish(struct qcow2 *q, struct blk_tracked *t)
{
    co_unlock(&q->lock);
    blk_untrack(t);
}

/* No write is under way from here on, until finish(). A failure leaves nothing held. */
static int begin(struct qcow2 *q, struct blk_tracked *t, struct error *err)
{
    int ret;

    if (q->data_external)
        return error_set(err, ENOTSUP, "images with an external data file cannot have internal snapshots");
    ret = qcow2_ready_to_write(q);
    if (ret < 0)
        return error_set(err, ret, "the image cannot be written: %s", strerror(-ret));
    blk_track(q->n, t, 0, UINT64_MAX, true);
    co_lock(&q->lock);
    ret = qcow2_write_tables(q);
    if (ret < 0) {
        finish(q, t);
        error_set(err, ret, "the image's tables could not be written: %s", strerror(-ret));
    }
    return ret;
}

static void new_id(const struct qcow2 *q, char *id, size_t bytes)
{
    unsigned long most = 0;

    for (uint32_t i = 0; i < q->snap_count; i++) {
        unsigned long v = strtoul(q->snaps[i].s.id, NULL, 10);

        most = MAX(most, v);
    }
    snprintf(id, bytes, "%lu", most + 1);
}

/* The active disk goes on without the machine's state. */
static void drop_state(const struct qcow2 *q, uint64_t *l1, uint32_t entries)
{
    for (uint32_t i = (uint32_t)((q->size + qcow2_l2_span(q) - 1) / qcow2_l2_span(q)); i < entries; i++)
        l1[i] = 0;
}

int qcow2_snap_create(struct blk_node *n, struct blk_snapshot *s, struct error *err)
{
    struct qcow2         *q = n->priv;
    struct qcow2_snapshot add;
    struct blk_tracked    t;
    uint64_t             *l1;
    int                   ret;

    if (q->snap_count >= QCOW2_SNAPSHOTS_MAX)
        return error_set(err, EFBIG, "the image has %u snapshots already", q->snap_count);
    ret = begin(q, &t, err);
    if (ret < 0)
        return ret;
    new_id(q, s->id, sizeof s->id);
    if (s->date_s == 0) {
        struct timeval tv;

        gettimeofday(&tv, NULL);
        s->date_s  = (uint64_t)tv.tv_sec;
        s->date_ns = (uint32_t)tv.tv_usec * 1000;
    }
    s->disk_bytes = q->size;
    add = (struct qcow2_snapshot){ .s = *s, .l1_offset = q->l1_offset, .l1_entries = q->l1_entries };
    l1  = xmemdup(q->l1, q->l1_entries * sizeof *l1);
    q->snaps = xreallocarray(q->snaps, q->snap_count + 1, sizeof *q->snaps);
    q->snaps[q->snap_count++] = add;
    drop_state(q, l1, q->l1_entries);
    ret = qcow2_rebuild(q, l1, q->l1_entries, q->refcount_order, err);
    if (ret < 0)
        q->snap_count--;
    finish(q, &t);
    return ret;
}

static int load_snap_l1(struct qcow2 *q, const struct qcow2_snapshot *s, uint32_t least, uint64_t **l1, uint32_t *entries, struct error *err)
{
    uint32_t  n = MAX(s->l1_entries, least);
    uint64_t *t = try_alloc(n, 8, QCOW2_L1_MAX / 8);
    int       ret;

    if (t == NULL)
        return error_set(err, ENOMEM, "no memory for the snapshot's L1 table");
    ret = blk_read(q->file, s->l1_offset, t, s->l1_entries * 8ull);
    if (ret < 0) {
        free(t);
        return error_set(err, ret, "Could not read the snapshot's L1 table: %s", strerror(-ret));
    }
    for (uint32_t i = 0; i < s->l1_entries; i++)
        t[i] = load_be64(&t[i]);
    *l1      = t;
    *entries = n;
    return 0;
}

int qcow2_guard_inactive(struct qcow2 *q)
{
    int ret = 0;

    qcow2_set_free(&q->inactive);
    for (uint32_t i = 0; i < q->snap_count && ret == 0 && (q->overlap & QCOW2_GUARD_INACTIVE_L2); i++) {
        uint64_t *l1 = NULL;
        uint32_t  entries;

        ret = load_snap_l1(q, &q->snaps[i], 0, &l1, &entries, NULL);
        for (uint32_t k = 0; k < entries && ret == 0; k++)
            qcow2_set_add(&q->inactive, l1[k] & QCOW2_OFFSET_MASK);
        free(l1);
    }
    return ret;
}

int qcow2_snap_apply(struct blk_node *n, const char *id, struct error *err)
{
    struct qcow2      *q = n->priv;
    struct blk_tracked t;
    uint64_t          *l1, old_size = q->size;
    uint32_t           entries;
    int                i = find_or_say(q, id, err), ret;

    if (i < 0)
        return i;
    if (qcow2_has_bitmaps(q))                    /* they would not show what changes now */
        return error_set(err, EBUSY, "Device has active dirty bitmaps; remove them first, and begin the next backup anew");
    ret = begin(q, &t, err);
    if (ret < 0)
        return ret;
    ret = load_snap_l1(q, &q->snaps[i], 0, &l1, &entries, err);
    if (ret == 0) {
        q->size = q->snaps[i].s.disk_bytes;      /* the header of the new state carries the snapshot's size */
        drop_state(q, l1, entries);
        ret = qcow2_rebuild(q, l1, entries, q->refcount_order, err);
        if (ret < 0)
            q->size = old_size;
        n->bytes = q->size;
    }
    finish(q, &t);
    return ret;
}

int qcow2_snap_delete(struct blk_node *n, const char *id, struct error *err)
{
    struct qcow2         *q = n->priv;
    struct blk_tracked    t;
    struct qcow2_snapshot gone;
    int                   i = find_or_say(q, id, err), ret;

    if (i < 0)
        return i;
    ret = begin(q, &t, err);
    if (ret < 0)
        return ret;
    gone = q->snaps[i];
    memmove(&q->snaps[i], &q->snaps[i + 1], (q->snap_count - (uint32_t)i - 1) * sizeof gone);
    q->snap_count--;
    q->punch_free = q->pass_snapshot;
    ret = qcow2_rebuild(q, xmemdup(q->l1, q->l1_entries * sizeof *q->l1), q->l1_entries, q->refcount_order, err);
    if (ret == 0) {
        snap_release(&gone);
    } else {
        memmove(&q->snaps[i + 1], &q->snaps[i], (q->snap_count - (uint32_t)i) * sizeof gone);
        q->snaps[i] = gone;
        q->snap_count++;
    }
    finish(q, &t);
    return ret;
}

int qcow2_snap_load(struct blk_node *n, const char *id, struct error *err)
{
    struct qcow2 *q = n->priv;
    uint64_t     *l1;
    uint32_t      entries;
    int           i = find_or_say(q, id, err), ret;

    if (i < 0)
        return i;
    if (n->flags & BLK_RDWR)
        return error_set(err, EINVAL, "a snapshot can be shown of an image open for reading only");
    ret = load_snap_l1(q, &q->snaps[i], 0, &l1, &entries, err);
    if (ret < 0)
        return ret;
    uint64_t spans = (q->snaps[i].s.disk_bytes + qcow2_l2_span(q) - 1) / qcow2_l2_span(q);

    if (spans > entries) {
        free(l1);
        return error_set(err, EINVAL, "the snapshot's L1 table is too small for its disk");
    }
    free(q->l1);
    q->l1         = l1;
    q->l1_entries = entries;
    q->size = n->bytes = q->snaps[i].s.disk_bytes;
    return 0;
}

/* A second view of the image, on the snapshot's L1 table and with a cache of its own. */
int qcow2_snap_state(struct blk_node *n, const char *id, uint64_t off, const struct blk_iov *v)
{
    struct qcow2 *q = n->priv, view;
    uint32_t      entries;
    uint64_t     *l1;
    int           i = find_snap(q, id), ret;

    if (i < 0)
        return -ENOENT;
    if (off > q->snaps[i].s.vm_state_bytes || v->len > q->snaps[i].s.vm_state_bytes - off)
        return -EINVAL;
    co_lock(&q->lock);
    ret = q->write_ready ? qcow2_write_tables(q) : 0;
    co_unlock(&q->lock);
    if (ret == 0)
        ret = load_snap_l1(q, &q->snaps[i], 0, &l1, &entries, NULL);
    if (ret < 0)
        return ret;
    view            = *q;
    view.l1         = l1;
    view.l1_entries = entries;
    view.size       = q->snaps[i].s.disk_bytes;
    view.lock       = (struct co_mutex){ 0 };
    view.allocs     = NULL;
    view.unpacked   = NULL;
    view.unpacked_entry = 0;
    qcow2_cache_init(&view.l2s, q->l2s.bytes, 16 * q->l2s.bytes);
    ret = qcow2_read_at(&view, align_up(view.size, qcow2_l2_span(q)) + off, v);
    q->corrupt |= view.corrupt;
    qcow2_cache_drop(&view.l2s);
    free(view.unpacked);
    free(l1);
    return ret;
}

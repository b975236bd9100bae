/* core/block/qcow2/io.c - guest reads, writes, zeros and discards.
 *
 * A write into clusters that are ours alone goes straight to its place. Otherwise:
 *
 *   plan_alloc():  find new clusters, enter the guest range into q->allocs          (q->lock held)
 *   fill():        what the request does not cover of those clusters is read from where it was, and all is written
 *   link():        L2 entries point to the new clusters, the old ones go to `freed` (q->lock held)
 *
 * Whoever wants to write to a range in q->allocs waits until it is linked. Writes hold a shared stretch
 * (blk_track), discards, zeros and snapshots an exclusive one: no cluster is given away under a write. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/block/crypt.h"
#include "core/block/qcow2/qcow2.h"

enum { FREED_MOST = 4096, RUN_MOST = 4 << 20 };

/* ---- reading */

static int read_below(struct qcow2 *q, uint64_t off, const struct blk_iov *v)
{
    struct blk_node *b = q->n->backing;
    size_t           have;
    int              ret;

    if (b == NULL || off >= b->bytes) {
        iov_zero(v, 0, v->len);
        return 0;
    }
    have = (size_t)MIN((uint64_t)v->len, b->bytes - off);
    if (have == v->len)
        return blk_readv(b, off, v);
    struct blk_slice s;

    ret = blk_readv(b, off, iov_slice(&s, v, 0, have));
    iov_slice_end(&s);
    iov_zero(v, have, v->len - have);
    return ret;
}

static int read_crypt(struct qcow2 *q, uint64_t off, uint64_t host, const struct blk_iov *v)
{
    uint64_t from = align_down(host, 512), end = align_up(host + v->len, 512);
    uint8_t *buf  = blk_bounce((size_t)(end - from));
    int      ret;

    if (buf == NULL)
        return -ENOMEM;
    ret = blk_read(q->data, from, buf, (size_t)(end - from));
    if (ret == 0)
        ret = crypt_decrypt(q->crypt, crypt_uses_host_offset(q->crypt) ? from : align_down(off, 512), buf, (size_t)(end - from));
    if (ret == 0)
        iov_put(v, 0, buf + (host - from), v->len);
    free(buf);
    return ret;
}

int qcow2_read_at(struct qcow2 *q, uint64_t off, const struct blk_iov *v)
{
    size_t at  = 0;
    int    ret = 0;

    while (at < v->len && ret >= 0) {
        uint64_t         len = v->len - at, host;
        struct blk_slice s;

        co_lock(&q->lock);
        ret = qcow2_map(q, off + at, &len, &host);
        co_unlock(&q->lock);
        if (ret < 0)
            break;
        const struct blk_iov *part = iov_slice(&s, v, at, (size_t)len);

        switch (ret) {
        case QCOW2_UNALLOCATED:
            ret = read_below(q, off + at, part);
            break;
        case QCOW2_ZERO_PLAIN:
        case QCOW2_ZERO_ALLOC:
            iov_zero(part, 0, part->len);
            ret = 0;
            break;
        case QCOW2_PACKED:
            ret = qcow2_read_packed(q, host, (off + at) & (q->cluster - 1), part);
            break;
        default:
            ret = q->crypt != NULL ? read_crypt(q, off + at, host, part) : blk_readv(q->data, host, part);
        }
        iov_slice_end(&s);
        at += (size_t)len;
    }
    return ret < 0 ? ret : 0;
}

int qcow2_read(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    return qcow2_read_at(n->priv, off, v);
}

/* ---- before the first write */

/* The two tables of the header were read as zeros where the file does not reach; writing them there would make it as
 * long as the header claims. */
static int tables_inside(struct qcow2 *q)
{
    uint64_t end = align_up(q->file->bytes, q->cluster) + q->cluster;

    if (q->l1_entries > 0 && q->l1_offset >= end)
        return qcow2_mark_corrupt(q, "the L1 table at 0x%llx lies behind the end of the file", (unsigned long long)q->l1_offset);
    if (q->reftable_offset >= end)
        return qcow2_mark_corrupt(q, "the refcount table at 0x%llx lies behind the end of the file", (unsigned long long)q->reftable_offset);
    return 0;
}

int qcow2_ready_to_write(struct qcow2 *q)
{
    int ret = 0;

    if (q->corrupt)
        return -EUCLEAN;
    if (q->write_ready && q->bitmaps_live)
        return 0;
    co_lock(&q->lock);
    if (!q->write_ready)
        ret = tables_inside(q);
    if (ret == 0 && !q->write_ready) {
        /* Bits whose meaning we would break by writing are cleared first; lazy counting is announced. */
        uint64_t keep = QCOW2_AUTO_DATA_RAW | (q->autoclear & QCOW2_AUTO_BITMAPS);
        uint64_t inc  = q->incompat;

        if (q->compat & QCOW2_COMPAT_LAZY && !(q->n->flags & BLK_NO_FLUSH))
            q->incompat |= QCOW2_INC_DIRTY;
        if ((q->autoclear & ~keep) != 0 || inc != q->incompat) {
            q->autoclear &= keep;
            ret = qcow2_header_fields(q);
            if (ret == 0)
                ret = qcow2_sync(q);
        }
        q->write_ready = ret == 0;
        if (q->n->flags & BLK_CHECK) {           /* check has looked at tables that may not be written to */
            qcow2_cache_clean(&q->l2s);
            qcow2_cache_clean(&q->refs);
        }
    }
    if (ret == 0 && !q->bitmaps_live) {
        ret = qcow2_bitmaps_begin(q);
        q->bitmaps_live = ret == 0;
    }
    co_unlock(&q->lock);
    return ret;
}

/* ---- allocating */

/* What one step of a write does: [off, off + len) of the guest. */
struct plan {
    uint64_t len;
    uint64_t host;                     /* where byte `off` goes */
    bool     alloc;                    /* L2 entries are to be changed: the fields below count */
    bool     fresh;                    /* the new clusters read as zeros already */
    uint64_t first, end;               /* guest stretch to fill, around the request: subclusters or clusters */
    uint64_t new_host;                 /* of the cluster that holds `first` */
    bool     reuse;                    /* the clusters were there already (zero flag, missing subclusters) */
    struct qcow2_alloc lock;
};

static struct qcow2_alloc *alloc_at(struct qcow2 *q, uint64_t off, uint64_t end)
{
    for (struct qcow2_alloc *a = q->allocs; a != NULL; a = a->next)
        if (off < a->end && a->off < end)
            return a;
    return NULL;
}

static void alloc_enter(struct qcow2 *q, struct plan *p, uint64_t first, uint64_t end)
{
    p->lock  = (struct qcow2_alloc){ .next = q->allocs, .off = first, .end = end };
    q->allocs = &p->lock;
}

static void alloc_leave(struct qcow2 *q, struct plan *p)
{
    struct qcow2_alloc **at = &q->allocs;

    while (*at != &p->lock)
        at = &(*at)->next;
    *at = p->lock.next;
    co_queue_wake_all(&p->lock.waiting);
}

/* May this entry's cluster be written where it is? */
static bool in_place(const struct qcow2 *q, uint64_t entry)
{
    return qcow2_entry_kind(q, entry) == QCOW2_DATA && (entry & QCOW2_COPIED);
}

static bool subs_present(const struct qcow2 *q, uint64_t bitmap, uint64_t in, uint64_t end)
{
    unsigned first = (unsigned)(in >> q->sub_bits), last = (unsigned)((end - 1) >> q->sub_bits);
    uint32_t want  = (uint32_t)(mask64(last - first + 1) << first);

    return !q->ext_l2 || ((uint32_t)bitmap & want) == want;
}

/* How far in-place writing reaches from here: whole answers of one place. */
static uint64_t in_place_length(struct qcow2 *q, struct qcow2_tab *t, unsigned index, uint64_t in, uint64_t len, uint64_t *host)
{
    uint64_t have = 0, place = qcow2_l2_get(q, t, index) & QCOW2_OFFSET_MASK;

    *host = place + in;
    for (unsigned per = qcow2_slice_entries(q); index < per && have < len; index++, in = 0) {
        uint64_t entry = qcow2_l2_get(q, t, index), take = MIN(q->cluster - in, len - have);

        if (!in_place(q, entry) || (entry & QCOW2_OFFSET_MASK) + in != *host + have ||
            !subs_present(q, qcow2_l2_bitmap(q, t, index), in, in + take))
            break;
        have += take;
    }
    return have;
}

static int check_place(struct qcow2 *q, uint64_t off, uint64_t host, uint64_t len)
{
    const char *what;
    int         ret;

    if (q->data_external)
        return 0;
    ret = qcow2_inside(q, off, align_down(host, q->cluster));
    if (ret < 0)
        return ret;
    what = qcow2_overlaps(q, host, len);
    return what == NULL ? 0 : qcow2_mark_corrupt(q, "a write of guest data at 0x%llx would overwrite the %s", (unsigned long long)host, what);
}

/* Entries that need a new cluster, or a changed entry, from @index on: a stretch of guest clusters. */
static unsigned run_to_allocate(struct qcow2 *q, struct qcow2_tab *t, unsigned index, uint64_t in, uint64_t len)
{
    unsigned most = (unsigned)MIN((in + len + q->cluster - 1) >> q->cluster_bits, (uint64_t)(qcow2_slice_entries(q) - index)), n = 0;

    while (n < most && n < (unsigned)RUN_MOST >> q->cluster_bits) {
        uint64_t from = n == 0 ? in : 0, to = MIN(q->cluster, in + len - ((uint64_t)n << q->cluster_bits));

        if (in_place(q, qcow2_l2_get(q, t, index + n)) && subs_present(q, qcow2_l2_bitmap(q, t, index + n), from, to))
            break;
        n++;
    }
    return MAX(n, 1u);
}

/* Is everything below the stretch known to be zero, and the whole cluster ours to leave unwritten? */
static bool sub_alloc_only(const struct qcow2 *q, uint64_t entry)
{
    enum qcow2_kind k = qcow2_entry_kind(q, entry);

    return q->ext_l2 && (k == QCOW2_UNALLOCATED || (k == QCOW2_DATA && (entry & QCOW2_COPIED)));
}

static int plan_alloc(struct qcow2 *q, struct qcow2_tab *t, unsigned index, uint64_t off, uint64_t len, struct plan *p)
{
    uint64_t in = off & (q->cluster - 1), base = off - in, entry = qcow2_l2_get(q, t, index), got;
    unsigned n  = run_to_allocate(q, t, index, in, len);
    uint64_t unit = q->cluster;
    int      ret;

    p->alloc = true;
    if ((entry & QCOW2_COPIED) && (qcow2_entry_kind(q, entry) == QCOW2_ZERO_ALLOC || qcow2_entry_kind(q, entry) == QCOW2_DATA)) {
        n           = 1;                         /* our own cluster, only marked: write into it */
        p->reuse    = true;
        p->new_host = entry & QCOW2_OFFSET_MASK;
        ret         = check_place(q, base, p->new_host, q->cluster);
        if (ret < 0)
            return ret;
    } else if (q->data_external) {
        p->new_host = base;
    } else {
        ret = qcow2_alloc_run(q, n, &p->new_host, &got, &p->fresh);
        if (ret < 0)
            return ret;
        n = (unsigned)got;
    }
    p->len = MIN(len, ((uint64_t)n << q->cluster_bits) - in);
    for (unsigned i = 0; i < n; i++)             /* subclusters alone, where no other has to be carried over */
        if (sub_alloc_only(q, qcow2_l2_get(q, t, index + i)) && n == 1)
            unit = UINT64_C(1) << q->sub_bits;
    p->first = align_down(off, unit);
    p->end   = align_up(off + p->len, unit);
    p->host  = p->new_host + in;
    alloc_enter(q, p, base, base + ((uint64_t)n << q->cluster_bits));
    return 0;
}

static int plan_write(struct qcow2 *q, uint64_t off, uint64_t len, struct plan *p)
{
    struct qcow2_tab   *t;
    struct qcow2_alloc *busy;
    unsigned            index;
    uint64_t            in = off & (q->cluster - 1);
    int                 ret;

    *p = (struct plan){ .alloc = false };
    for (;;) {
        busy = alloc_at(q, off - in, off + 1);
        if (busy == NULL)
            break;
        co_unlock(&q->lock);
        co_queue_wait(&busy->waiting);
        co_lock(&q->lock);
    }
    for (struct qcow2_alloc *a = q->allocs; a != NULL; a = a->next)    /* stop before the next one under way */
        if (a->off > off && a->off < off + len)
            len = a->off - off;
    ret = qcow2_l2_piece(q, off, true, &t, &index);
    if (ret < 0)
        return ret;
    if (in_place(q, qcow2_l2_get(q, t, index))) {
        p->len = in_place_length(q, t, index, in, len, &p->host);
        if (p->len > 0) {
            if ((p->host - in) & (q->cluster - 1))
                return qcow2_mark_corrupt(q, "L2 entry of guest offset 0x%llx is unaligned", (unsigned long long)off);
            return check_place(q, off, p->host, p->len);
        }
    }
    return plan_alloc(q, t, index, off, len, p);
}

/* ---- filling new clusters */

static int write_data(struct qcow2 *q, uint64_t off, uint64_t host, const struct blk_iov *v)
{
    uint8_t *buf;
    int      ret;

    if (q->crypt == NULL)
        return blk_writev(q->data, host, v, 0);
    if ((host | v->len) & 511)                   /* a part of a sector: the whole sector has to be known */
        return -EINVAL;
    buf = blk_bounce(v->len);
    if (buf == NULL)
        return -ENOMEM;
    iov_get(v, 0, buf, v->len);
    ret = crypt_encrypt(q->crypt, crypt_uses_host_offset(q->crypt) ? host : off, buf, v->len);
    if (ret == 0)
        ret = blk_write(q->data, host, buf, v->len);
    free(buf);
    return ret;
}

/* The bytes around the request, as they were, together with it in one write. */
static int fill(struct qcow2 *q, struct plan *p, uint64_t off, const struct blk_iov *v)
{
    uint64_t head = off - p->first, tail = p->end - (off + p->len), host = p->host - head;
    uint8_t *buf;
    int      ret = 0;

    if (head == 0 && tail == 0)
        return write_data(q, off, p->host, v);
    if (p->fresh && q->n->backing == NULL && q->crypt == NULL) {
        struct qcow2_tab *t;
        unsigned          i;
        bool              zero = true;

        co_lock(&q->lock);                       /* nothing was there, and the file's end reads as zeros */
        for (uint64_t at = align_down(p->first, q->cluster); at < p->end && zero; at += q->cluster) {
            ret  = qcow2_l2_piece(q, at, false, &t, &i);
            zero = ret == 0 && (t == NULL || qcow2_entry_kind(q, qcow2_l2_get(q, t, i)) == QCOW2_UNALLOCATED ||
                                qcow2_entry_kind(q, qcow2_l2_get(q, t, i)) == QCOW2_ZERO_PLAIN);
        }
        co_unlock(&q->lock);
        if (zero)
            return write_data(q, off, p->host, v);
    }
    buf = blk_bounce((size_t)(p->end - p->first));
    if (buf == NULL)
        return -ENOMEM;
    if (head > 0)
        ret = qcow2_read_at(q, p->first, BLK_FLAT(buf, head));
    if (ret == 0 && tail > 0)
        ret = qcow2_read_at(q, off + p->len, BLK_FLAT(buf + head + p->len, tail));
    if (ret == 0) {
        iov_get(v, 0, buf + head, (size_t)p->len);
        ret = write_data(q, p->first, host, BLK_FLAT(buf, p->end - p->first));
    }
    free(buf);
    return ret;
}

static int link_clusters(struct qcow2 *q, struct plan *p)
{
    int ret = 0;

    for (uint64_t at = align_down(p->first, q->cluster); at < p->end && ret == 0; at += q->cluster) {
        struct qcow2_tab *t;
        unsigned          index;
        uint64_t          old, bitmap, host = p->new_host + (at - align_down(p->first, q->cluster));

        ret = qcow2_l2_piece(q, at, true, &t, &index);
        if (ret < 0)
            break;
        old    = qcow2_l2_get(q, t, index);
        bitmap = qcow2_l2_bitmap(q, t, index);
        if (q->ext_l2) {
            uint64_t from = MAX(p->first, at) - at, to = MIN(p->end, at + q->cluster) - at;
            unsigned f = (unsigned)(from >> q->sub_bits), l = (unsigned)((to - 1) >> q->sub_bits);
            uint64_t bits = mask64(l - f + 1) << f;

            if (qcow2_entry_kind(q, old) == QCOW2_PACKED)
                bitmap = 0;
            bitmap = (bitmap | bits) & ~(bits << 32);
        }
        if (!p->reuse)
            qcow2_drop_entry(q, old, q->pass_other);
        qcow2_l2_set(q, t, index, host | QCOW2_COPIED, bitmap);
    }
    return ret;
}

static void give_back(struct qcow2 *q, struct plan *p)
{
    if (p->reuse || q->data_external)
        return;
    for (uint64_t at = p->lock.off; at < p->lock.end; at += q->cluster)
        qcow2_ref_add(q, (p->new_host + (at - p->lock.off)) >> q->cluster_bits, -1);
}

static int write_step(struct qcow2 *q, uint64_t off, const struct blk_iov *v, size_t *done)
{
    struct plan      p;
    struct blk_slice s;
    int              ret;

    co_lock(&q->lock);
    if (q->freed_count > FREED_MOST)
        qcow2_write_tables(q);
    ret = plan_write(q, off, v->len, &p);
    co_unlock(&q->lock);
    if (ret < 0)
        return ret;
    const struct blk_iov *part = iov_slice(&s, v, 0, (size_t)p.len);

    ret = p.alloc ? fill(q, &p, off, part) : write_data(q, off, p.host, part);
    iov_slice_end(&s);
    *done = (size_t)p.len;
    if (p.alloc) {
        co_lock(&q->lock);
        if (ret == 0)
            ret = link_clusters(q, &p);
        else
            give_back(q, &p);
        alloc_leave(q, &p);
        co_unlock(&q->lock);
    }
    return ret;
}

int qcow2_write_at(struct qcow2 *q, uint64_t off, const struct blk_iov *v)
{
    size_t at  = 0, done;
    int    ret = 0;

    while (at < v->len && ret == 0) {
        struct blk_slice s;

        ret = write_step(q, off + at, iov_slice(&s, v, at, v->len - at), &done);
        iov_slice_end(&s);
        at += done;
    }
    return ret;
}

/* An encrypted disk is written in whole sectors. */
static int write_crypt_edges(struct qcow2 *q, uint64_t off, const struct blk_iov *v)
{
    uint64_t from = align_down(off, 512), end = align_up(off + v->len, 512);
    uint8_t *buf  = blk_bounce((size_t)(end - from));
    int      ret;

    if (buf == NULL)
        return -ENOMEM;
    ret = qcow2_read_at(q, from, BLK_FLAT(buf, end - from));
    if (ret == 0) {
        iov_get(v, 0, buf + (off - from), v->len);
        ret = qcow2_write_at(q, from, BLK_FLAT(buf, end - from));
    }
    free(buf);
    return ret;
}

int qcow2_write(struct blk_node *n, uint64_t off, const struct blk_iov *v, unsigned flags)
{
    struct qcow2      *q = n->priv;
    struct blk_tracked t;
    bool               edges = q->crypt != NULL && ((off | v->len) & 511);
    int                ret = qcow2_ready_to_write(q);

    (void)flags;
    if (ret < 0)
        return ret;
    qcow2_bitmaps_mark(q, off, v->len);
    if (edges)
        blk_track(n, &t, align_down(off, 512), align_up(off + v->len, 512) - align_down(off, 512), true);
    else
        blk_track(n, &t, off, v->len, false);
    ret = edges ? write_crypt_edges(q, off, v) : qcow2_write_at(q, off, v);
    blk_untrack(&t);
    return ret;
}

/* ---- giving clusters away */

static int set_one(struct qcow2 *q, uint64_t off, bool zero, bool keep_host, bool punch)
{
    struct qcow2_tab *t;
    unsigned          index;
    uint64_t          old, bitmap, entry = 0, new_bitmap = 0;
    enum qcow2_kind   kind;
    int               ret = qcow2_l2_piece(q, off, false, &t, &index);

    if (ret < 0)
        return ret;
    old    = t != NULL ? qcow2_l2_get(q, t, index) : 0;
    bitmap = t != NULL ? qcow2_l2_bitmap(q, t, index) : 0;
    kind   = qcow2_entry_kind(q, old);
    if (!zero && kind == QCOW2_UNALLOCATED && bitmap == 0)
        return 0;
    if (zero && kind == QCOW2_UNALLOCATED && bitmap == 0 && q->n->backing == NULL && q->n->backing_name[0] == '\0')
        return 0;
    if (zero) {
        bool keep = keep_host && (old & QCOW2_COPIED) && (kind == QCOW2_DATA || kind == QCOW2_ZERO_ALLOC);

        entry = keep ? old : 0;
        if (q->ext_l2)
            new_bitmap = mask64(32) << 32;
        else
            entry |= QCOW2_ZERO;
    }
    if (entry == old && new_bitmap == bitmap)
        return 0;
    ret = qcow2_l2_piece(q, off, true, &t, &index);
    if (ret < 0)
        return ret;
    qcow2_l2_set(q, t, index, entry, new_bitmap);
    if ((entry & QCOW2_OFFSET_MASK) == 0 && !(q->data_external && (entry & QCOW2_COPIED)))
        qcow2_drop_entry(q, old, punch);
    else if (punch && (entry & QCOW2_OFFSET_MASK) != 0)    /* the place is kept, what is in it is not */
        blk_discard(q->data, entry & QCOW2_OFFSET_MASK, q->cluster);
    return 0;
}

int qcow2_set_range(struct qcow2 *q, uint64_t off, uint64_t len, bool zero, bool keep_host, bool punch)
{
    int ret = 0;

    while (len > 0 && ret == 0) {
        uint64_t l1 = off >> (q->cluster_bits + q->l2_bits), step = q->cluster;
        bool     nothing = l1 >= q->l1_entries || (q->l1[l1] & QCOW2_OFFSET_MASK) == 0;

        if (nothing && (!zero || (q->n->backing == NULL && q->n->backing_name[0] == '\0')))
            step = MIN(len, qcow2_l2_span(q) - (off & (qcow2_l2_span(q) - 1)));
        else
            ret = set_one(q, off, zero, keep_host, punch);
        if (ret == 0 && q->freed_count > FREED_MOST)
            ret = qcow2_write_tables(q);
        off += step;
        len -= step;
    }
    return ret;
}

/* Part of a cluster: nothing to do where zeros are read anyway, else zeros are written. */
int qcow2_zero_part(struct qcow2 *q, uint64_t off, uint64_t len)
{
    uint64_t n = len, host;
    void    *buf;
    int      kind;

    for (uint64_t at = 0; at < len; at += n) {
        n = len - at;
        co_lock(&q->lock);
        kind = qcow2_map(q, off + at, &n, &host);
        co_unlock(&q->lock);
        if (kind < 0)
            return kind;
        if (kind == QCOW2_ZERO_PLAIN || kind == QCOW2_ZERO_ALLOC ||
            (kind == QCOW2_UNALLOCATED && (q->n->backing == NULL || off + at >= q->n->backing->bytes)))
            continue;
        buf = blk_bounce((size_t)n);
        if (buf == NULL)
            return -ENOMEM;
        memset(buf, 0, (size_t)n);
        kind = qcow2_write_at(q, off + at, BLK_FLAT(buf, n));
        free(buf);
        if (kind < 0)
            return kind;
    }
    return 0;
}

int qcow2_zero(struct blk_node *n, uint64_t off, uint64_t len, unsigned flags)
{
    struct qcow2      *q = n->priv;
    uint64_t           first = align_up(off, q->cluster), last = align_down(off + len, q->cluster);
    struct blk_tracked t;
    int                ret = 0;

    if (off + len == n->bytes)                   /* the last cluster ends with the disk */
        last = align_up(off + len, q->cluster);
    if ((q->data_external && (q->autoclear & QCOW2_AUTO_DATA_RAW)) || (q->version < 3 && (n->backing != NULL || n->backing_name[0])))
        return -ENOTSUP;
    if (q->crypt != NULL && (off | len) & 511)
        return -ENOTSUP;
    ret = qcow2_ready_to_write(q);
    if (ret < 0)
        return ret;
    qcow2_bitmaps_mark(q, off, len);
    blk_track(n, &t, align_down(off, q->cluster), align_up(off + len, q->cluster) - align_down(off, q->cluster), true);
    if (first >= last) {
        ret = qcow2_zero_part(q, off, len);
    } else {
        if (off < first)
            ret = qcow2_zero_part(q, off, first - off);
        if (ret == 0 && last < off + len)
            ret = qcow2_zero_part(q, last, off + len - last);
        if (ret == 0) {
            co_lock(&q->lock);
            ret = qcow2_set_range(q, first, last - first, q->version >= 3, !(flags & BLK_MAY_UNMAP) || q->no_unref,
                                  flags & BLK_MAY_UNMAP && q->pass_request);
            co_unlock(&q->lock);
        }
    }
    blk_untrack(&t);
    return ret;
}

int qcow2_discard(struct blk_node *n, uint64_t off, uint64_t len)
{
    struct qcow2      *q = n->priv;
    uint64_t           first = align_up(off, q->cluster), last = align_down(off + len, q->cluster);
    bool               covered = n->backing != NULL || n->backing_name[0] != '\0';
    struct blk_tracked t;
    int                ret;

    if (off + len == n->bytes)
        last = align_up(off + len, q->cluster);
    if (first >= last || (q->version < 3 && covered) || (q->data_external && (q->autoclear & QCOW2_AUTO_DATA_RAW)))
        return 0;
    ret = qcow2_ready_to_write(q);
    if (ret < 0)
        return ret;
    qcow2_bitmaps_mark(q, first, last - first);
    blk_track(n, &t, first, last - first, true);
    co_lock(&q->lock);
    /* What is discarded reads as zeros; never as older content of a backing file. */
    ret = qcow2_set_range(q, first, last - first, covered || q->no_unref, q->no_unref, q->pass_request);
    co_unlock(&q->lock);
    blk_untrack(&t);
    return ret;
}

int qcow2_allocate_range(struct qcow2 *q, uint64_t off, uint64_t len)
{
    int ret = 0;

    while (len > 0 && ret == 0) {
        struct qcow2_tab *t;
        unsigned          index, n, per = qcow2_slice_entries(q);
        uint64_t          host, got;

        ret = qcow2_l2_piece(q, off, true, &t, &index);
        if (ret < 0)
            break;
        n = (unsigned)MIN((uint64_t)(per - index), (len + q->cluster - 1) >> q->cluster_bits);
        if (q->data_external) {
            host = off;
            got  = n;
        } else {
            ret = qcow2_alloc_run(q, n, &host, &got, NULL);
            if (ret == 0)                        /* getting refcounts may have moved the piece out of the cache */
                ret = qcow2_l2_piece(q, off, true, &t, &index);
        }
        for (uint64_t i = 0; i < got && ret == 0; i++)
            qcow2_l2_set(q, t, index + (unsigned)i, (host + i * q->cluster) | QCOW2_COPIED, mask64(32));
        off += got << q->cluster_bits;
        len -= MIN(len, got << q->cluster_bits);
    }
    return ret;
}

/* ---- what is where */

/* Preallocated metadata: far more clusters are in use than the host has stored. Then data may be holes of the file.
 * Tables that lie cost LOOK_MOST looks. */
enum { LOOK_MOST = 1 << 26 };

static bool mostly_holes(struct qcow2 *q)
{
    int64_t  stored = q->data_external ? -1 : blk_allocated(q->file);
    uint64_t real = stored > 0 ? (uint64_t)stored >> q->cluster_bits : 0, most = MAX(real * 10 / 9, real + 2), used = 0, count = 0;
    uint64_t per = qcow2_block_entries(q), looked = 0;

    if (stored < 0 || q->file->bytes >> q->cluster_bits <= most)
        return false;
    for (uint64_t b = 0; b < q->reftable_entries && used <= most && looked < LOOK_MOST; b++)
        for (uint64_t k = 0; (q->reftable[b] & QCOW2_OFFSET_MASK) != 0 && k < per && used <= most; k++, looked++) {
            if (qcow2_ref_get(q, b * per + k, &count) < 0)
                return false;
            used += count != 0;
        }
    return used > most;
}

static bool has_place(const struct qcow2 *q, int kind, uint64_t host, uint64_t next)
{
    return kind == QCOW2_DATA || kind == QCOW2_ZERO_ALLOC || (kind == QCOW2_UNALLOCATED && (host >= q->cluster || next >= q->cluster));
}

int qcow2_map_node(struct blk_node *n, uint64_t off, uint64_t len, struct blk_extent *e)
{
    struct qcow2 *q = n->priv;
    uint64_t      have = 0, host = 0, at_host = 0;
    int           kind = -1, k = 0;

    co_lock(&q->lock);
    if (!q->looked_for_holes) {
        q->holes            = mostly_holes(q);
        q->looked_for_holes = true;
    }
    while (have < len) {
        uint64_t part = len - have;

        k = qcow2_map(q, off + have, &part, &at_host);
        if (k < 0 || (kind >= 0 && (k != kind || (has_place(q, k, host, at_host) && at_host != host + have))))
            break;
        if (kind < 0)
            host = at_host;
        kind = k;
        have += part;
    }
    co_unlock(&q->lock);
    if (kind < 0)
        return k;
    *e = (struct blk_extent){ .len = have };
    switch (kind) {
    case QCOW2_UNALLOCATED:
        if (host >= q->cluster && q->crypt == NULL) {    /* its cluster is there for the sake of other parts */
            e->flags = BLK_EXT_OFFSET;
            e->host  = host;
            e->node  = q->data;
        }
        break;
    case QCOW2_ZERO_PLAIN:
        e->flags = BLK_EXT_ZERO | BLK_EXT_ALLOCATED;
        break;
    case QCOW2_ZERO_ALLOC:
        e->flags = BLK_EXT_ZERO | BLK_EXT_ALLOCATED | BLK_EXT_OFFSET;
        e->host  = host;
        e->node  = q->data;
        break;
    case QCOW2_DATA:
        e->flags = BLK_EXT_DATA | BLK_EXT_ALLOCATED;
        if (q->crypt == NULL) {
            e->flags |= BLK_EXT_OFFSET | (q->holes ? BLK_EXT_RAW | BLK_EXT_STAYS : 0);
            e->host   = host;
            e->node   = q->data;
        }
        break;
    case QCOW2_PACKED:
        e->flags = BLK_EXT_DATA | BLK_EXT_ALLOCATED | BLK_EXT_COMPRESSED;
        break;
    }
    return 0;
}

/* ---- machine state, behind the guest's disk */

int qcow2_vm_read(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    struct qcow2 *q = n->priv;

    return qcow2_read_at(q, align_up(q->size, qcow2_l2_span(q)) + off, v);
}

int qcow2_vm_write(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    struct qcow2 *q = n->priv;
    uint64_t      at = align_up(q->size, qcow2_l2_span(q)) + off;
    int           ret = qcow2_ready_to_write(q);

    if (ret < 0)
        return ret;
    co_lock(&q->lock);
    ret = qcow2_grow_l1(q, at + v->len, NULL);
    co_unlock(&q->lock);
    return ret < 0 ? ret : qcow2_write_at(q, at, v);
}

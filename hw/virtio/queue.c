/* hw/virtio/queue.c - virtqueues, split (the packed ones' ring is in packed.c), with a driver that may be hostile or out of its mind.
 *
 * Every number that comes from guest memory is read once, checked, and then used. A chain has at most as many
 * descriptors as the queue has entries (or the indirect table), so a loop ends. Memory for a chain's pieces is
 * bounded by VIRTQ_MAX, however long the guest says they are.
 * Source: virtio 1.2, 2.6 and 2.7. */
#include <stdlib.h>
#include <string.h>
#include "core/base/alloc.h"
#include "core/base/bytes.h"
#include "core/mem/ram.h"
#include "hw/virtio/packed.h"

enum { DESC_NEXT = 1, DESC_WRITE = 2, DESC_INDIRECT = 4, DESC_BYTES = 16, AVAIL_NO_INTERRUPT = 1, USED_NO_NOTIFY = 1 };

struct desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
};

static bool is_packed(const struct virtq *q) { return virtio_has(q->vd, VIRTIO_F_RING_PACKED); }

static bool usable(const struct virtq *q)
{
    return q->ready && q->size && virtio_running(q->vd);
}

/* --- the three parts of a queue in guest memory ------------------------------------------------------------------ */

static uint16_t avail_flags(const struct virtq *q)
{
    return dma_r16(q->vd->as, q->avail);
}

static uint16_t avail_index(const struct virtq *q)
{
    return dma_r16(q->vd->as, q->avail + 2);
}

static uint16_t avail_entry(const struct virtq *q, uint16_t n)
{
    return dma_r16(q->vd->as, q->avail + 4 + 2u * (n % q->size));
}

/* The driver's used_event lies behind its ring; the device's avail_event behind its own. */
static uint16_t used_event(const struct virtq *q)
{
    return dma_r16(q->vd->as, q->avail + 4 + 2u * q->size);
}

static void set_avail_event(const struct virtq *q, uint16_t n)
{
    dma_w16(q->vd->as, q->used + 4 + 8u * q->size, n);
}

/* --- chains ------------------------------------------------------------------------------------------------------ */

/* A chain being read. */
struct chain {
    struct virtq *q;
    struct virtq_buf *b;
    unsigned room;
};

static bool add_piece(struct chain *c, void *host, uint64_t len)
{
    struct virtq_buf *b = c->b;

    if (b->nout + b->nin == VIRTQ_MAX) {
        virtio_broken(c->q->vd, "a buffer of more than %d pieces", VIRTQ_MAX);
        return false;
    }
    if (b->nout + b->nin == c->room) {
        c->room = c->room ? c->room * 2 : 8;
        b->iov = xreallocarray(b->iov, c->room, sizeof(*b->iov));
    }
    b->iov[b->nout + b->nin] = (struct iovec){ .iov_base = host, .iov_len = len };
    return true;
}

/* The memory of one descriptor, which may lie in several regions. */
static bool add_desc(struct chain *c, const struct desc *d)
{
    bool write = d->flags & DESC_WRITE;
    uint64_t addr = d->addr, left = d->len;

    if (!write && c->b->nin) {
        virtio_broken(c->q->vd, "a piece to read behind one to write");
        return false;
    }
    if (!left) {
        virtio_broken(c->q->vd, "a piece of length 0");
        return false;
    }
    while (left) {
        uint64_t n = left;
        void *host = addr + (left - 1) < addr ? NULL : dma_map(c->q->vd->as, addr, &n, write);

        if (!host) {
            virtio_broken(c->q->vd, "a piece at 0x%llx, where no memory is", (unsigned long long)addr);
            return false;
        }
        if (!add_piece(c, host, n))
            return false;
        *(write ? &c->b->nin : &c->b->nout) += 1;
        *(write ? &c->b->in_len : &c->b->out_len) += n;
        addr += n;
        left -= n;
    }
    return true;
}

static bool read_desc(struct virtq *q, uint64_t table, unsigned n, struct desc *d)
{
    uint8_t raw[DESC_BYTES];

    if (dma_read(q->vd->as, table + (uint64_t)n * DESC_BYTES, raw, sizeof(raw)) != MEM_OK) {
        virtio_broken(q->vd, "descriptors at 0x%llx, where no memory is", (unsigned long long)table);
        return false;
    }
    *d = (struct desc){ load_le64(raw), load_le32(raw + 8), load_le16(raw + 12), load_le16(raw + 14) };
    return true;
}

/* Walk a table of `count` descriptors from `n` on. `depth` is 1 in an indirect table. */
static bool walk(struct chain *c, uint64_t table, unsigned count, unsigned n, int depth)
{
    struct virtq *q = c->q;

    for (unsigned steps = 0;; steps++) {
        struct desc d;

        if (n >= count || steps >= count) {
            virtio_broken(q->vd, n >= count ? "descriptor %u does not exist" : "descriptors that loop (at %u)", n);
            return false;
        }
        if (!read_desc(q, table, n, &d))
            return false;
        if (d.flags & DESC_INDIRECT) {
            if (depth || (d.flags & DESC_NEXT) || !virtio_has(q->vd, VIRTIO_F_INDIRECT_DESC) || !d.len ||
                d.len % DESC_BYTES || d.len / DESC_BYTES > VIRTQ_MAX) {
                virtio_broken(q->vd, "an indirect table of %u bytes, or where none may be", d.len);
                return false;
            }
            return walk(c, d.addr, d.len / DESC_BYTES, 0, 1);
        }
        if (!add_desc(c, &d))
            return false;
        if (!(d.flags & DESC_NEXT))
            return true;
        n = d.next;
    }
}

/* --- chains of a packed queue: entry after entry; the last one has the id ------------------------------------------ */

/* @id: out: the buffer's id, which lies where a split queue has the flags, and these lie behind it. */
static bool read_packed_desc(struct virtq *q, uint64_t table, unsigned n, struct desc *d, uint16_t *id)
{
    if (!read_desc(q, table, n, d))
        return false;
    *id = d->flags;
    d->flags = d->next;
    return true;
}

/* A table of @count descriptors, of which all count and only the flag for writing. */
static bool add_packed_table(struct chain *c, uint64_t table, unsigned count)
{
    for (unsigned n = 0; n < count; n++) {
        struct desc d;
        uint16_t id;

        if (!read_packed_desc(c->q, table, n, &d, &id) || !add_desc(c, &d))
            return false;
    }
    return true;
}

static bool walk_packed(struct chain *c)
{
    struct virtq *q = c->q;
    uint16_t at = q->last_avail;

    for (unsigned steps = 1; steps <= q->size; steps++, at = packed_step(q, at, 1, false)) {
        struct desc d;
        uint16_t id;

        if (!read_packed_desc(q, q->desc, at & (PACKED_WRAP - 1), &d, &id))
            return false;
        if (d.flags & DESC_INDIRECT) {
            if ((d.flags & DESC_NEXT) || steps > 1 || !virtio_has(q->vd, VIRTIO_F_INDIRECT_DESC) || !d.len || d.len % DESC_BYTES ||
                d.len / DESC_BYTES > VIRTQ_MAX) {
                virtio_broken(q->vd, "an indirect table of %u bytes, or where none may be", d.len);
                return false;
            }
            if (!add_packed_table(c, d.addr, d.len / DESC_BYTES))
                return false;
        } else if (!add_desc(c, &d)) {
            return false;
        }
        if (!(d.flags & DESC_NEXT)) {
            c->b->head = id;
            c->b->entries = (uint16_t)steps;
            return true;
        }
    }
    virtio_broken(q->vd, "a chain that is longer than its queue");
    return false;
}

static bool pop_packed(struct virtq *q, struct virtq_buf *b)
{
    struct chain c = { .q = q, .b = b };

    if (!packed_waits(q))
        return false;
    __atomic_thread_fence(__ATOMIC_ACQUIRE); /* the flags first, then what they vouch for */
    if (!walk_packed(&c)) {
        free(b->iov);
        b->iov = NULL;
        return false;
    }
    q->last_avail = packed_step(q, q->last_avail, b->entries, false);
    return true;
}

bool virtq_empty(struct virtq *q)
{
    return !usable(q) || (is_packed(q) ? !packed_waits(q) : avail_index(q) == q->last_avail);
}

bool virtq_pop(struct virtq *q, struct virtq_buf *b)
{
    struct chain c = { .q = q, .b = b };
    uint16_t waiting;

    *b = (struct virtq_buf){ 0 };
    if (!usable(q))
        return false;
    if (is_packed(q))
        return pop_packed(q, b);
    waiting = (uint16_t)(avail_index(q) - q->last_avail);
    if (waiting == 0)
        return false;
    if (waiting > q->size) {
        virtio_broken(q->vd, "queue %u: %u buffers available, and it has %u entries", q->index, waiting, q->size);
        return false;
    }
    b->head = avail_entry(q, q->last_avail);
    if (!walk(&c, q->desc, q->size, b->head, 0)) {
        free(b->iov);
        b->iov = NULL;
        return false;
    }
    q->last_avail++;
    if (virtio_has(q->vd, VIRTIO_F_EVENT_IDX))
        set_avail_event(q, q->last_avail);
    return true;
}

void virtq_unpop(struct virtq *q, struct virtq_buf *b)
{
    q->last_avail = is_packed(q) ? packed_step(q, q->last_avail, b->entries, true) : (uint16_t)(q->last_avail - 1);
    free(b->iov);
    b->iov = NULL;
}

void virtq_push(struct virtq *q, struct virtq_buf *b, uint64_t written)
{
    struct addr_space *as = q->vd->as;
    uint64_t left = written, at;

    for (unsigned i = b->nout; i < b->nout + b->nin && left; i++) {
        uint64_t n = b->iov[i].iov_len < left ? b->iov[i].iov_len : left;

        dma_unmap(as, b->iov[i].iov_base, n);
        left -= n;
    }
    free(b->iov);
    b->iov = NULL;
    if (!usable(q))
        return;
    if (is_packed(q)) {
        packed_used(q, b->head, b->entries, (uint32_t)written, b->nin);
        q->pushed = true;
        return;
    }
    at = q->used + 4 + 8u * (q->next_used % q->size);
    dma_w32(as, at, b->head);
    dma_w32(as, at + 4, (uint32_t)written);
    q->next_used++;
    q->pushed = true;
    dma_w16(as, q->used + 2, q->next_used); /* a release store: the element is there before the index says so */
}

void virtq_tell(struct virtq *q)
{
    uint16_t from, event;

    if (!q->pushed || !usable(q))
        return;
    q->pushed = false;
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* our index is out before we look at what the driver wants */
    if (is_packed(q)) {
        if (!packed_wants_interrupt(q))
            return;
    } else if (virtio_has(q->vd, VIRTIO_F_EVENT_IDX)) {
        from = q->signalled_used;
        event = used_event(q);
        q->signalled_used = q->next_used;
        if (q->signalled && (uint16_t)(q->next_used - event - 1) >= (uint16_t)(q->next_used - from))
            return;
        q->signalled = true;
    } else if (avail_flags(q) & AVAIL_NO_INTERRUPT) {
        return;
    }
    q->vd->isr |= 1;
    if (q->vd->transport)
        q->vd->transport->interrupt(q->vd->transport_opaque, q->vector, false);
}

void virtq_want_kicks(struct virtq *q, bool want)
{
    if (!usable(q))
        return;
    if (is_packed(q)) {
        packed_want_kicks(q, want);
    } else if (virtio_has(q->vd, VIRTIO_F_EVENT_IDX)) {
        if (want)
            set_avail_event(q, q->last_avail);
    } else {
        dma_w16(q->vd->as, q->used, want ? 0 : USED_NO_NOTIFY);
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* asked before the caller looks at the ring once more */
}

bool virtq_set_size(struct virtq *q, uint64_t size)
{
    if (size == 0 || size > q->most || (!is_packed(q) && (size & (size - 1))))
        return false;
    q->size = (uint16_t)size;
    return true;
}

/* --- pieces ------------------------------------------------------------------------------------------------------ */

static size_t iov_copy(const struct iovec *iov, unsigned n, uint64_t off, char *buf, size_t len, bool to_iov)
{
    size_t done = 0;

    for (unsigned i = 0; i < n && done < len; i++) {
        size_t part = iov[i].iov_len;
        char *at = (char *)iov[i].iov_base + off;

        if (off >= part) {
            off -= part;
            continue;
        }
        part -= off;
        off = 0;
        if (part > len - done)
            part = len - done;
        memcpy(to_iov ? at : buf + done, to_iov ? buf + done : at, part);
        done += part;
    }
    return done;
}

size_t iov_read(const struct iovec *iov, unsigned n, uint64_t off, void *to, size_t len)
{
    return iov_copy(iov, n, off, to, len, false);
}

size_t iov_write(const struct iovec *iov, unsigned n, uint64_t off, const void *from, size_t len)
{
    return iov_copy(iov, n, off, (char *)from, len, true);
}

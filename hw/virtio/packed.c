/* hw/virtio/packed.c - packed virtqueues: one ring of descriptors that both sides write, in which two bits of each and a wrap
 * counter say whose it is. Buffers may come back in any order; what comes back is written where the ring goes on.
 *
 * Source: virtio 1.2, 2.8. */
#include "hw/virtio/packed.h"
#include "core/base/bytes.h"
#include "core/mem/dma.h"

enum { F_WRITE = 2, F_AVAIL = 1 << 7, F_USED = 1 << 15, ENTRY = 16, EVENT_ENABLE = 0, EVENT_DISABLE = 1, EVENT_DESC = 2 };

static gpa entry(const struct virtq *q, uint16_t at) { return q->desc + (gpa)(at & (PACKED_WRAP - 1)) * ENTRY; }

bool packed_waits(const struct virtq *q)
{
    uint16_t flags = dma_r16(q->vd->as, entry(q, q->last_avail) + 14);
    bool wrap = q->last_avail & PACKED_WRAP;

    return !!(flags & F_AVAIL) == wrap && !!(flags & F_USED) != wrap;
}

uint16_t packed_step(const struct virtq *q, uint16_t at, unsigned n, bool back)
{
    unsigned i = at & (PACKED_WRAP - 1), wrap = at & PACKED_WRAP;

    if (back ? i < n : i + n >= q->size)
        wrap ^= PACKED_WRAP;
    i = back ? (i < n ? i + q->size - n : i - n) : i + n >= q->size ? i + n - q->size : i + n;
    return (uint16_t)(i | wrap);
}

void packed_used(struct virtq *q, uint16_t id, unsigned n, uint32_t written, bool has_in)
{
    uint16_t flags = (uint16_t)((q->next_used & PACKED_WRAP ? F_AVAIL | F_USED : 0) | (has_in ? F_WRITE : 0));
    gpa at = entry(q, q->next_used);

    dma_w32(q->vd->as, at + 8, written);
    dma_w16(q->vd->as, at + 12, id);
    dma_w16(q->vd->as, at + 14, flags); /* a release store: the rest is there before the flags say so */
    q->next_used = packed_step(q, q->next_used, n, false);
}

/* Where a position is on the ring gone round twice: that is how far driver and device can tell positions apart. */
static unsigned around(const struct virtq *q, uint16_t at)
{
    return (at & (PACKED_WRAP - 1)) + (at & PACKED_WRAP ? 0u : q->size);
}

bool packed_wants_interrupt(struct virtq *q)
{
    unsigned twice = 2u * q->size, from = around(q, q->signalled_used), to = around(q, q->next_used), event;
    uint16_t where = dma_r16(q->vd->as, q->avail), flags = dma_r16(q->vd->as, q->avail + 2) & 3;
    bool first = !q->signalled;

    q->signalled_used = q->next_used;
    q->signalled = true;
    if (flags != EVENT_DESC || !virtio_has(q->vd, VIRTIO_F_EVENT_IDX) || (where & (PACKED_WRAP - 1)) >= q->size)
        return flags != EVENT_DISABLE;
    event = around(q, where);
    /* did the ring pass over the entry that is asked about? */
    return first || (event + twice - from) % twice < (to + twice - from) % twice;
}

void packed_want_kicks(struct virtq *q, bool want)
{
    dma_w16(q->vd->as, q->used + 2, want ? EVENT_ENABLE : EVENT_DISABLE);
}

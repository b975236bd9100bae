/* hw/virtio/packed.h - packed virtqueues, for queue.c, which walks the descriptors of both kinds. Positions are entries of the
 * ring, with the wrap counter in bit 15. Source: virtio 1.2, 2.8. */
#pragma once

#include "hw/virtio/virtio.h"

enum { PACKED_WRAP = 0x8000 };

/** packed_waits - has the driver made the descriptor at last_avail available? */
bool packed_waits(const struct virtq *q);
/** packed_step - the position @n entries on (or, with @back, before), n up to the queue's size. */
uint16_t packed_step(const struct virtq *q, uint16_t at, unsigned n, bool back);
/** packed_used - hand buffer @id of @n entries back: one descriptor at next_used, which goes on behind its entries. */
void packed_used(struct virtq *q, uint16_t id, unsigned n, uint32_t written, bool has_in);
/** packed_wants_interrupt - what the driver's event suppression says of what was used since signalled_used. */
bool packed_wants_interrupt(struct virtq *q);
/** packed_want_kicks - our own event suppression. */
void packed_want_kicks(struct virtq *q, bool want);

/* core/mem/dma.h - how devices read and write guest memory.
 *
 * Every access is bounded, may cross regions, and marks what it writes as dirty. Device registers are out of
 * reach, except those that are made for messages (mmio_ops.dma), so that a device can neither loop back into
 * itself nor drive another. Reads of what isn't there give zeros. */
#pragma once

#include "core/mem/mem.h"

/**
 * dma_read, dma_write, dma_fill - move bytes between a device and guest memory.
 * @as:   the device's view
 * @addr: any; a range that wraps at 2^64 is an error
 * @len:  bytes; 0 is fine
 *
 * Return MEM_OK, or the first error; the part before it has been done, what could not be read is zero.
 * Context: any thread that may use the space.
 */
enum mem_result dma_read(struct addr_space *as, gpa addr, void *dst, uint64_t len);
enum mem_result dma_write(struct addr_space *as, gpa addr, const void *src, uint64_t len);
enum mem_result dma_fill(struct addr_space *as, gpa addr, uint8_t byte, uint64_t len);

/**
 * dma_load - put bytes where a loader wants them, ROM included.
 *
 * As dma_write(), for the time before the machine runs and for resets.
 */
enum mem_result dma_load(struct addr_space *as, gpa addr, const void *src, uint64_t len);

/**
 * dma_map - host memory behind a guest range, for I/O without a copy.
 * @len:   in: bytes wanted; out: bytes that lie together in host memory, at least 1 if not NULL is returned
 * @write: the caller is going to write there
 *
 * Returns NULL when it is not RAM; for @write also when it is ROM. Valid until dma_unmap(): RAM blocks live as
 * long as the bus.
 */
void *dma_map(struct addr_space *as, gpa addr, uint64_t *len, bool write);

/** dma_unmap - end dma_map(). @written: bytes from the start that were changed, 0 for reads. */
void dma_unmap(struct addr_space *as, void *host, uint64_t written);

/* Little-endian values; what can't be read is 0. Values that are aligned are read and written as one. */
uint16_t dma_r16(struct addr_space *as, gpa addr);
uint32_t dma_r32(struct addr_space *as, gpa addr);
uint64_t dma_r64(struct addr_space *as, gpa addr);
void dma_w16(struct addr_space *as, gpa addr, uint16_t val);
void dma_w32(struct addr_space *as, gpa addr, uint32_t val);
void dma_w64(struct addr_space *as, gpa addr, uint64_t val);

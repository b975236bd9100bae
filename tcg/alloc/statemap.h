/* tcg/alloc/statemap.h - the compact map from a host address to where each guest register lives.
 *
 * One map per faulting host instruction: guest pc, then (slot, location) pairs, delta-coded in a byte string. Maps of a
 * translation are sorted by host offset and found by bisection. */
#ifndef TCG_ALLOC_STATEMAP_H
#define TCG_ALLOC_STATEMAP_H

#include "tcg/alloc/alloc.h"
#include "tcg/runtime.h"

struct statemap_entry { uint32_t host_off; uint32_t data; };      /* data: offset in bytes[] */
struct statemap {
    struct statemap_entry *entry; uint32_t n, cap;
    uint8_t *bytes; uint32_t nbytes, bytes_cap;
    uint32_t last, last_len, last_count, scratch_from;     /* the places that the next map may share */
};

void statemap_reset(struct statemap *m);
void statemap_free(struct statemap *m);

/**
 * statemap_add - record the state at the host instruction that ends (call) or stands (faulting access) at host_off.
 * Offsets must rise; equal ones replace.
 */
void statemap_add(struct statemap *m, uint32_t host_off, const struct ir *ir, const struct ra *ra, ir_ref insn);
void statemap_sort(struct statemap *m);

/**
 * statemap_restore - write the guest registers to their homes as they were at host_off.
 * @frame: host registers and spill slots at that point
 * @shift: how far from where it was made the translation runs: added to guest addresses in it
 * @pc, @extra: out, the guest pc and the snapshot's extra word
 * Returns false if host_off has no map.
 */
bool statemap_restore(const struct statemap_entry *entry, uint32_t n, const uint8_t *bytes, uint32_t host_off,
                      const struct ir_slot *slots, struct cpu_env *env, const struct rt_frame *frame, uint64_t shift,
                      uint64_t *pc, uint32_t *extra);
#endif

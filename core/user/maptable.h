/* core/user/maptable.h - the sorted table of what the guest has mapped: ranges that do not overlap, neighbours of equal
 * kind merged. Writers hold a lock of their own; readers may look at any time (a sequence count tells them when a
 * writer was at work). The table's memory never moves. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_range {
    uint64_t start, end;
    uint32_t prot, flags;                      /* PROT_*, enum user_map_flags */
};

struct map_table;

/** map_table_new - an empty table for at most @max ranges; its memory is touched only as it fills. NULL: no memory. */
struct map_table *map_table_new(size_t max);
void map_table_free(struct map_table *t);

size_t map_table_count(const struct map_table *t);
const struct map_range *map_table_at(const struct map_table *t, size_t i);

/** map_table_find - index of the first range that ends above @addr; map_table_count() if there is none. */
size_t map_table_find(const struct map_table *t, uint64_t addr);

/** map_table_set - [start, end) becomes one range of this kind; what was there is cut away. map_table_clear - [start, end)
 * becomes free. Return 0, or -ENOMEM when the table is full (nothing changed). Context: the writers' lock held. */
int map_table_set(struct map_table *t, uint64_t start, uint64_t end, uint32_t prot, uint32_t flags);
int map_table_clear(struct map_table *t, uint64_t start, uint64_t end);

/** map_table_free_range - is nothing mapped in [start, end)? map_table_covered - is all of it mapped? */
bool map_table_free_range(const struct map_table *t, uint64_t start, uint64_t end);
bool map_table_covered(const struct map_table *t, uint64_t start, uint64_t end);

/** map_table_gap - a free stretch: the highest in [low, high) (@up false) or the lowest (@up true); 0 if there is none. */
uint64_t map_table_gap(const struct map_table *t, uint64_t len, uint64_t low, uint64_t high, bool up);

/** map_table_generation - changes whenever the table does. Context: any thread, no lock. */
unsigned map_table_generation(const struct map_table *t);

/** map_table_peek - the range that holds @addr, copied; false if there is none. Context: any thread, no lock. */
bool map_table_peek(const struct map_table *t, uint64_t addr, struct map_range *out);

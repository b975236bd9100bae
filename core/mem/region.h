/* core/mem/region.h - regions: the nodes of the trees that a bus is made of.
 *
 * A region has a size and answers for it in its own way: RAM, ROM, flash (reads like ROM, writes go to the
 * device, and reads too when the device says so), device registers, an alias of part of another region, or a
 * container that only holds children. Any region may hold children, which lie above it; among children the
 * higher priority wins, then the one added last. What lies outside of the parent is cut off.
 *
 * All calls: machine lock held, or before the machine runs. */
#pragma once

#include "core/mem/mem.h"

enum {
    WIDTH_1 = 1,
    WIDTH_2 = 2,
    WIDTH_4 = 4,
    WIDTH_8 = 8,
    WIDTH_ANY = 15, /* the bits are the sizes in bytes */
};

/* How a device answers. The offset is within the region, the value little-endian. Defined for every offset and
 * every width allowed; called under the machine lock unless unlocked is set. */
struct mmio_ops {
    uint64_t (*read)(void *owner, uint64_t off, unsigned size);
    void (*write)(void *owner, uint64_t off, uint64_t val, unsigned size);
    uint64_t length;  /* size of the region where a device type declares it */
    unsigned widths;  /* what the guest may use: WIDTH_*; 0 means WIDTH_4 */
    unsigned split;   /* what the calls take at most; a wider access becomes several. 0: no splitting */
    bool unaligned;   /* accesses need not be aligned */
    bool dma;         /* devices may write here too (interrupt messages) */
    bool unlocked;    /* the calls do their own locking */
};

enum mem_kind { MEM_CONTAINER, MEM_RAM, MEM_ROM, MEM_ROMD, MEM_MMIO, MEM_ALIAS };

/**
 * region_container, region_ram, region_rom, region_romd, region_mmio, region_alias - make a region.
 * @bus:   frees the region with itself
 * @name:  for `info mtree`; copied
 * @size:  bytes, > 0; UINT64_MAX stands for all 2^64
 * @ram:   block of the same bus; [@ram_off, +@size) lies within it
 * @ops:   stays valid as long as the region
 * @owner: passed to @ops
 * @target: the region shown by an alias, from @off on; must not contain the alias
 *
 * Return the region, not yet part of a tree; never NULL.
 */
struct mem_region *region_container(struct mem_bus *bus, const char *name, uint64_t size);
struct mem_region *region_ram(struct mem_bus *bus, const char *name, struct ram_block *ram, uint64_t ram_off,
                              uint64_t size);
struct mem_region *region_rom(struct mem_bus *bus, const char *name, struct ram_block *ram, uint64_t ram_off,
                              uint64_t size);
struct mem_region *region_romd(struct mem_bus *bus, const char *name, struct ram_block *ram, uint64_t ram_off,
                               uint64_t size, const struct mmio_ops *ops, void *owner);
struct mem_region *region_mmio(struct mem_bus *bus, const char *name, const struct mmio_ops *ops, void *owner,
                               uint64_t size);
struct mem_region *region_alias(struct mem_bus *bus, const char *name, struct mem_region *target, uint64_t off,
                                uint64_t size);

/**
 * region_free - end a region that is in no tree and that no alias shows.
 * @mr: freed once no reader can hold it; NULL is allowed
 */
void region_free(struct mem_region *mr);

/**
 * region_add - put a region into another.
 * @parent: takes @child; the region is in no tree before
 * @off:    of @child in @parent
 * @prio:   wins over lower ones; 0 is usual, negative for what lies in the background
 */
void region_add(struct mem_region *parent, uint64_t off, struct mem_region *child, int prio);

/** region_del - take a region out of its parent; nothing happens if it has none. */
void region_del(struct mem_region *child);

/** region_move - change the offset in the parent (a BAR). */
void region_move(struct mem_region *child, uint64_t off);

/** region_enable - show or hide a region with all that it holds. */
void region_enable(struct mem_region *mr, bool on);

/** region_set_direct - let a flash region read from its RAM (true) or from its device. */
void region_set_direct(struct mem_region *mr, bool direct);

/** region_set_alias_offset - let an alias show another part of its target. */
void region_set_alias_offset(struct mem_region *mr, uint64_t off);

const char *region_name(const struct mem_region *mr);
uint64_t region_size(const struct mem_region *mr);
enum mem_kind region_kind(const struct mem_region *mr);
void *region_owner(const struct mem_region *mr);

/** region_address - where a region lies in the outermost region of its tree; false when it is in none. */
bool region_address(const struct mem_region *mr, gpa *addr);

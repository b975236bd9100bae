/* core/mem/mem.h - the memory bus: who answers at which guest address.
 *
 * A bus owns blocks of RAM (ram.h), regions (region.h) that form trees, and address spaces, each a view of one
 * tree. A tree is edited under the machine lock; every edit, or group of edits between mem_begin() and
 * mem_commit(), ends with each address space flattened into a sorted table without overlaps. Readers look the
 * table up without a lock; an old table is freed once no reader can hold it (core/base/epoch.h).
 *
 *     region_add(), region_move(), ...  ->  mem_commit()  ->  new tables published  ->  generation + 1
 *                                                         ->  every listener's changed()
 *
 * Who keeps an answer of mem_translate() for later (a TLB) registers a listener and drops what it kept. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t gpa; /* guest physical address */

struct addr_space;
struct mem_bus;
struct mem_region;
struct ram_block;

enum mem_result {
    MEM_OK,
    MEM_DECODE_ERROR, /* nobody answers at this address */
    MEM_ACCESS_ERROR, /* somebody does, but refuses this width, alignment or direction */
};

/* Told about changes; all calls come from the thread that makes the change, under the machine lock. */
struct mem_listener {
    /* Tables changed: every earlier answer of mem_translate() for @as is void. */
    void (*changed)(void *opaque, struct addr_space *as);
    /* Pages of @ram that were dirty count as clean again: writes to them must be seen by ram_dirty(). */
    void (*cleaned)(void *opaque, struct ram_block *ram, uint64_t off, uint64_t len);
    void *opaque;
    struct mem_listener *next; /* the bus's */
};

/**
 * mem_bus_new - an empty bus.
 *
 * Returns a bus that lives until mem_bus_free(); never NULL.
 * Context: any thread.
 */
struct mem_bus *mem_bus_new(void);

/**
 * mem_bus_free - end a bus with its address spaces, regions and RAM.
 * @bus: no other thread uses anything of it any more
 */
void mem_bus_free(struct mem_bus *bus);

/**
 * mem_begin, mem_commit - group edits of the trees; the tables change once, at the outermost commit.
 * @bus: the bus
 *
 * Context: machine lock held. mem_commit() calls the listeners.
 */
void mem_begin(struct mem_bus *bus);
void mem_commit(struct mem_bus *bus);

/**
 * mem_generation - how often the tables of a bus have changed.
 * @bus: the bus
 *
 * Returns a number that grows with each change; equal numbers mean equal tables.
 * Context: any thread, no lock.
 */
uint64_t mem_generation(const struct mem_bus *bus);

/**
 * mem_listen, mem_unlisten - be told of changes.
 * @bus: the bus
 * @l:   owned by the caller, stays valid until mem_unlisten(); either call may be NULL
 *
 * Context: machine lock held.
 */
void mem_listen(struct mem_bus *bus, struct mem_listener *l);
void mem_unlisten(struct mem_bus *bus, struct mem_listener *l);

/**
 * addr_space_new - a view of a tree of regions.
 * @bus:  the bus that the tree belongs to; frees the space with itself
 * @name: for `info mtree`; copied
 * @root: what is at address 0; its size is the size of the space
 *
 * Returns the space; never NULL. Context: machine lock held, or before the machine runs.
 */
struct addr_space *addr_space_new(struct mem_bus *bus, const char *name, struct mem_region *root);

const char *addr_space_name(const struct addr_space *as);
struct mem_bus *addr_space_bus(const struct addr_space *as);

/* Where an address leads. Exactly one of host and mr's device calls serves an access in a direction:
 * reads go to host when host is set; writes go to host when host is set and !readonly, else to mr. */
struct mem_xlat {
    void *host;                  /* the byte in host memory; NULL: ask the device of mr */
    uint64_t len;                /* bytes from here on with the same answer, at least 1 */
    const struct mem_region *mr; /* the region that answers */
    uint64_t off;                /* offset in mr */
    bool readonly;               /* host must not be written */
    struct ram_block *ram;       /* of host, or NULL */
    uint64_t ram_off;            /* of host in ram */
};

/**
 * mem_translate - find what answers at an address.
 * @as:   the space
 * @addr: any address
 * @out:  written when true is returned
 *
 * Returns false when nothing answers there. The answer holds until the next change of the bus (see
 * struct mem_listener).
 * Context: any thread, no lock.
 */
bool mem_translate(struct addr_space *as, gpa addr, struct mem_xlat *out);

/**
 * mem_read, mem_write - one access of a CPU.
 * @as:   the space
 * @addr: any address
 * @size: 1, 2, 4 or 8 bytes
 * @val:  little-endian value; mem_read() writes it, zero-extended, for MEM_OK and sets 0 otherwise
 *
 * RAM is accessed with one host access where @addr is aligned. A device gets the access only if its widths and
 * alignment allow it. A write to a page with translated code reports it (ram_on_code_write()).
 * Context: any thread. Takes the machine lock for a device that isn't marked unlocked, unless this thread holds
 * it. Calls the device.
 */
enum mem_result mem_read(struct addr_space *as, gpa addr, unsigned size, uint64_t *val);
enum mem_result mem_write(struct addr_space *as, gpa addr, unsigned size, uint64_t val);

/**
 * mem_xlat_read, mem_xlat_write - the same for an address that has been translated already.
 * @x: an answer of mem_translate() that still holds, moved on by less than its len
 *
 * Context: as mem_read().
 */
enum mem_result mem_xlat_read(const struct mem_xlat *x, unsigned size, uint64_t *val);
enum mem_result mem_xlat_write(const struct mem_xlat *x, unsigned size, uint64_t val);

/* One row of a flat table, for `info mtree -f` and accelerators that map slots. */
struct mem_row {
    gpa start;
    uint64_t len;
    const struct mem_region *mr;
    uint64_t off;
    bool readonly;
    void *host;
};

/**
 * mem_each - call back for each row of a space's table, in address order.
 * @as: the space
 * @fn: must not edit the tree
 *
 * Context: machine lock held.
 */
void mem_each(struct addr_space *as, void (*fn)(void *opaque, const struct mem_row *row), void *opaque);

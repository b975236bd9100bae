/* core/mem/internal.h - the parts of the bus, for the files of this folder. */
#pragma once

#include <stdatomic.h>
#include "core/mem/ram.h"
#include "core/mem/region.h"

struct flat_row {
    uint64_t start, last; /* inclusive, so that 2^64 - 1 fits */
    const struct mem_region *mr;
    uint64_t off;
};

/* Sorted, without overlaps. Never changed once published. */
struct flat_table {
    size_t count;
    struct flat_row row[];
};

struct addr_space {
    struct mem_bus *bus;
    char *name;
    struct mem_region *root;
    _Atomic(struct flat_table *) table;
    struct addr_space *next;
};

struct mem_bus {
    struct addr_space *spaces;
    struct mem_region *regions;
    struct ram_block *rams;
    struct mem_listener *listeners;
    unsigned depth; /* of mem_begin() */
    bool edited;
    _Atomic(uint64_t) generation;
    void (*code_write)(void *opaque, struct ram_block *ram, uint64_t off, uint64_t len);
    void *code_opaque;
};

struct mem_region {
    struct mem_bus *bus;
    char *name;
    enum mem_kind kind;
    bool enabled, direct;
    uint64_t size;
    const struct mmio_ops *ops;
    void *owner;
    struct ram_block *ram;
    uint64_t ram_off;
    struct mem_region *target; /* of an alias */
    uint64_t target_off;
    struct mem_region *parent, *children, *sibling; /* children: the one that wins first */
    uint64_t off;
    int prio;
    struct mem_region *next; /* all of the bus */
    bool busy;               /* its device is in a call; machine lock */
};

/* Render a space's tree into a new table. */
struct flat_table *flat_build(struct addr_space *as);

/* The row that holds addr, or NULL. */
const struct flat_row *flat_find(const struct flat_table *t, uint64_t addr);

void ram_free_all(struct mem_bus *bus);
void mem_cleaned(struct ram_block *ram, uint64_t off, uint64_t len);

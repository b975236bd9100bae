/* core/mem/region.c - the trees, and the moment their tables change. */
#include "core/mem/region.h"
#include <assert.h>
#include <stdlib.h>
#include "core/base/alloc.h"
#include "core/base/epoch.h"
#include "core/mem/internal.h"

struct mem_bus *mem_bus_new(void)
{
    return NEW(struct mem_bus);
}

static void region_destroy(void *opaque)
{
    struct mem_region *mr = opaque;

    free(mr->name);
    free(mr);
}

void mem_bus_free(struct mem_bus *bus)
{
    struct addr_space *as, *as_next;
    struct mem_region *mr, *mr_next;

    if (!bus)
        return;
    for (as = bus->spaces; as; as = as_next) {
        as_next = as->next;
        free(atomic_load(&as->table));
        free(as->name);
        free(as);
    }
    for (mr = bus->regions; mr; mr = mr_next) {
        mr_next = mr->next;
        region_destroy(mr);
    }
    ram_free_all(bus);
    free(bus);
}

static void publish(struct addr_space *as)
{
    struct flat_table *old = atomic_load_explicit(&as->table, memory_order_relaxed);

    atomic_store_explicit(&as->table, flat_build(as), memory_order_release);
    if (old)
        epoch_retire(old, free);
}

void mem_begin(struct mem_bus *bus)
{
    bus->depth++;
}

void mem_commit(struct mem_bus *bus)
{
    assert(bus->depth > 0);
    if (--bus->depth || !bus->edited)
        return;
    bus->edited = false;
    for (struct addr_space *as = bus->spaces; as; as = as->next)
        publish(as);
    atomic_fetch_add(&bus->generation, 1);
    for (struct addr_space *as = bus->spaces; as; as = as->next)
        for (struct mem_listener *l = bus->listeners; l; l = l->next)
            if (l->changed)
                l->changed(l->opaque, as);
}

static void edited(struct mem_bus *bus)
{
    mem_begin(bus);
    bus->edited = true;
    mem_commit(bus);
}

uint64_t mem_generation(const struct mem_bus *bus)
{
    return atomic_load_explicit(&bus->generation, memory_order_acquire);
}

void mem_listen(struct mem_bus *bus, struct mem_listener *l)
{
    l->next = bus->listeners;
    bus->listeners = l;
}

void mem_unlisten(struct mem_bus *bus, struct mem_listener *l)
{
    for (struct mem_listener **p = &bus->listeners; *p; p = &(*p)->next) {
        if (*p == l) {
            *p = l->next;
            return;
        }
    }
}

struct addr_space *addr_space_new(struct mem_bus *bus, const char *name, struct mem_region *root)
{
    struct addr_space *as = NEW(struct addr_space);

    as->bus = bus;
    as->name = xstrdup(name);
    as->root = root;
    publish(as);
    as->next = bus->spaces;
    bus->spaces = as;
    return as;
}

const char *addr_space_name(const struct addr_space *as)
{
    return as->name;
}

struct mem_bus *addr_space_bus(const struct addr_space *as)
{
    return as->bus;
}

static struct mem_region *region_new(struct mem_bus *bus, const char *name, enum mem_kind kind, uint64_t size)
{
    struct mem_region *mr = NEW(struct mem_region);

    assert(size > 0);
    mr->bus = bus;
    mr->name = xstrdup(name);
    mr->kind = kind;
    mr->size = size;
    mr->enabled = true;
    mr->next = bus->regions;
    bus->regions = mr;
    return mr;
}

struct mem_region *region_container(struct mem_bus *bus, const char *name, uint64_t size)
{
    return region_new(bus, name, MEM_CONTAINER, size);
}

static struct mem_region *backed(struct mem_bus *bus, const char *name, enum mem_kind kind, struct ram_block *ram,
                                 uint64_t ram_off, uint64_t size)
{
    struct mem_region *mr = region_new(bus, name, kind, size);

    assert(ram_off <= ram->size && size <= ram->size - ram_off);
    mr->ram = ram;
    mr->ram_off = ram_off;
    mr->direct = true;
    return mr;
}

struct mem_region *region_ram(struct mem_bus *bus, const char *name, struct ram_block *ram, uint64_t ram_off,
                              uint64_t size)
{
    return backed(bus, name, MEM_RAM, ram, ram_off, size);
}

struct mem_region *region_rom(struct mem_bus *bus, const char *name, struct ram_block *ram, uint64_t ram_off,
                              uint64_t size)
{
    return backed(bus, name, MEM_ROM, ram, ram_off, size);
}

struct mem_region *region_romd(struct mem_bus *bus, const char *name, struct ram_block *ram, uint64_t ram_off,
                               uint64_t size, const struct mmio_ops *ops, void *owner)
{
    struct mem_region *mr = backed(bus, name, MEM_ROMD, ram, ram_off, size);

    mr->ops = ops;
    mr->owner = owner;
    return mr;
}

struct mem_region *region_mmio(struct mem_bus *bus, const char *name, const struct mmio_ops *ops, void *owner,
                               uint64_t size)
{
    struct mem_region *mr = region_new(bus, name, MEM_MMIO, size);

    mr->ops = ops;
    mr->owner = owner;
    return mr;
}

struct mem_region *region_alias(struct mem_bus *bus, const char *name, struct mem_region *target, uint64_t off,
                                uint64_t size)
{
    struct mem_region *mr = region_new(bus, name, MEM_ALIAS, size);

    mr->target = target;
    mr->target_off = off;
    return mr;
}

void region_free(struct mem_region *mr)
{
    if (!mr)
        return;
    assert(!mr->parent && !mr->children);
    for (struct mem_region **p = &mr->bus->regions; *p; p = &(*p)->next) {
        if (*p == mr) {
            *p = mr->next;
            break;
        }
    }
    epoch_retire(mr, region_destroy);
}

void region_add(struct mem_region *parent, uint64_t off, struct mem_region *child, int prio)
{
    struct mem_region **p = &parent->children;

    assert(!child->parent && child != parent);
    child->parent = parent;
    child->off = off;
    child->prio = prio;
    while (*p && (*p)->prio > prio)
        p = &(*p)->sibling;
    child->sibling = *p;
    *p = child;
    edited(parent->bus);
}

void region_del(struct mem_region *child)
{
    if (!child->parent)
        return;
    for (struct mem_region **p = &child->parent->children; *p; p = &(*p)->sibling) {
        if (*p == child) {
            *p = child->sibling;
            break;
        }
    }
    child->parent = NULL;
    child->sibling = NULL;
    edited(child->bus);
}

void region_move(struct mem_region *child, uint64_t off)
{
    if (child->off == off)
        return;
    child->off = off;
    edited(child->bus);
}

void region_enable(struct mem_region *mr, bool on)
{
    if (mr->enabled == on)
        return;
    mr->enabled = on;
    edited(mr->bus);
}

void region_set_direct(struct mem_region *mr, bool direct)
{
    if (mr->direct == direct)
        return;
    mr->direct = direct;
    edited(mr->bus);
}

void region_set_alias_offset(struct mem_region *mr, uint64_t off)
{
    if (mr->target_off == off)
        return;
    mr->target_off = off;
    edited(mr->bus);
}

const char *region_name(const struct mem_region *mr)
{
    return mr->name;
}

uint64_t region_size(const struct mem_region *mr)
{
    return mr->size;
}

enum mem_kind region_kind(const struct mem_region *mr)
{
    return mr->kind;
}

void *region_owner(const struct mem_region *mr)
{
    return mr->owner;
}

bool region_address(const struct mem_region *mr, gpa *addr)
{
    if (!mr->parent)
        return false;
    *addr = 0;
    for (; mr->parent; mr = mr->parent)
        *addr += mr->off;
    return true;
}

void mem_each(struct addr_space *as, void (*fn)(void *opaque, const struct mem_row *row), void *opaque)
{
    const struct flat_table *t = atomic_load(&as->table);

    for (size_t i = 0; i < t->count; i++) {
        const struct flat_row *f = &t->row[i];
        struct mem_row row = { .start = f->start, .len = f->last - f->start + 1, .mr = f->mr, .off = f->off };

        row.readonly = f->mr->kind != MEM_RAM;
        if (f->mr->ram && f->mr->direct)
            row.host = (char *)f->mr->ram->host + f->mr->ram_off + f->off;
        fn(opaque, &row);
    }
}

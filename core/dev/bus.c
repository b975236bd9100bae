/* core/dev/bus.c - buses: who sits where. */
#include <stdlib.h>
#include "core/base/alloc.h"
#include "core/base/str.h"
#include "core/dev/device.h"
#include "core/dev/internal.h"

struct bus *bus_make(enum bus_kind kind, const char *name, struct device *parent)
{
    struct bus *bus = NEW(struct bus);

    bus->kind = kind;
    bus->name = xstrdup(name);
    bus->parent = parent;
    bus->devices_end = &bus->devices;
    return bus;
}

struct bus *bus_new(struct device *parent, enum bus_kind kind, const char *name, const struct bus_ops *ops, void *opaque)
{
    struct bus *bus = bus_make(kind, name, parent), **end = &parent->buses;

    bus->ops = ops;
    bus->opaque = opaque;
    while (*end)
        end = &(*end)->next;
    *end = bus;
    return bus;
}

void bus_free(struct bus *bus)
{
    free(bus->name);
    free(bus);
}

/* Visit a bus and all below it; the first answer that is not NULL ends the walk. */
static struct bus *walk(struct bus *bus, bool (*wanted)(const struct bus *bus, const void *key), const void *key)
{
    if (wanted(bus, key))
        return bus;
    for (struct device *d = bus->devices; d; d = d->sibling) {
        for (struct bus *below = d->buses; below; below = below->next) {
            struct bus *found = walk(below, wanted, key);

            if (found)
                return found;
        }
    }
    return NULL;
}

static bool has_name(const struct bus *bus, const void *key)
{
    return str_eq(bus->name, key);
}

struct bus *bus_find(struct board *b, const char *name)
{
    return walk(b->system, has_name, name);
}

static bool is_free(const struct bus *bus, const void *key)
{
    if (bus->kind != *(const enum bus_kind *)key)
        return false;
    return !bus->ops || !bus->ops->is_full || !bus->ops->is_full(bus);
}

struct bus *bus_first_free(struct board *b, enum bus_kind kind)
{
    return walk(b->system, is_free, &kind);
}

int bus_plug(struct bus *bus, struct device *dev, struct error *err)
{
    int ret = bus->ops && bus->ops->plug ? bus->ops->plug(bus, dev, err) : 0;

    if (ret < 0)
        return ret;
    dev->bus = bus;
    *bus->devices_end = dev;
    bus->devices_end = &dev->sibling;
    return 0;
}

void bus_unplug(struct device *dev)
{
    struct bus *bus = dev->bus;

    if (!bus)
        return;
    if (bus->ops && bus->ops->unplug)
        bus->ops->unplug(bus, dev);
    for (struct device **p = &bus->devices; *p; p = &(*p)->sibling) {
        if (*p == dev) {
            *p = dev->sibling;
            break;
        }
    }
    bus->devices_end = &bus->devices;
    while (*bus->devices_end)
        bus->devices_end = &(*bus->devices_end)->sibling;
    dev->sibling = NULL;
    dev->bus = NULL;
}

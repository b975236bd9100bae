/* core/dev/device.c - the life of a device. */
#include "core/dev/device.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/dev/internal.h"
#include "core/opt/optlist.h"

const char *device_name(const struct device *dev)
{
    return dev->id ? dev->id : dev->type->name;
}

static const struct prop *find_prop(const struct device_type *t, const char *name)
{
    for (const struct prop *p = t->props; p && p->name; p++)
        if (str_eq(p->name, name))
            return p;
    return NULL;
}

int device_set(struct device *dev, const char *name, const char *text, struct error *err)
{
    struct nearest n = NEAREST_INIT(name);
    char hint[96];

    for (struct device *d = dev; d; d = d->inner) {
        const struct prop *p = find_prop(d->type, name);

        if (p)
            return prop_set(d, p, text, err);
        for (p = d->type->props; p && p->name; p++)
            nearest_try(&n, p->name);
    }
    return error_set(err, EINVAL, "device '%s' has no property '%s'%s", dev->type->name, name,
                     nearest_hint(&n, hint, sizeof(hint)));
}

static int set_defaults(struct device *dev, struct error *err)
{
    const struct optlists *g = dev->board->globals;

    for (const struct prop *p = dev->type->props; p && p->name; p++)
        if (p->dflt && prop_set(dev, p, p->dflt, err) < 0)
            return -EINVAL;
    for (size_t i = 0; g && i < g->count; i++) {
        const char *driver = optlist_get(g->at[i], "driver");

        if (driver && str_eq(driver, dev->type->name)) {
            const char *name = optlist_get(g->at[i], "property"), *value = optlist_get(g->at[i], "value");

            if (name && value && device_set(dev, name, value, err) < 0)
                return -EINVAL;
        }
    }
    return 0;
}

struct device *device_new(struct board *b, const struct device_type *t, const char *id, struct error *err)
{
    struct device *dev;

    assert(t->state && t->state_version && t->bytes >= sizeof(struct device));
    if (id && board_find(b, id)) {
        error_set(err, EEXIST, "there is a device with id '%s' already; choose another id", id);
        return NULL;
    }
    dev = xcalloc(1, t->bytes);
    dev->type = t;
    dev->board = b;
    dev->boot_index = -1;
    dev->id = id ? xstrdup(id) : NULL;
    device_set_irqs(dev, t->irqs);
    dev->next = b->all;
    b->all = dev;
    if (t->inner) {
        dev->inner = device_new(b, t->inner, NULL, err);
        if (dev->inner)
            dev->inner->wrapper = dev;
    }
    if ((t->inner && !dev->inner) || set_defaults(dev, err) < 0) {
        device_free(dev);
        return NULL;
    }
    return dev;
}

void device_check_globals(const struct optlists *g)
{
    for (size_t i = 0; g && i < g->count; i++) {
        const char *driver = optlist_get(g->at[i], "driver");

        if (driver && !device_type_find(driver))
            warn_say("-global %s: there is no device '%s'", optlist_text(g->at[i]), driver);
    }
}

static int find_place(struct device *dev, struct bus **bus, struct error *err)
{
    enum bus_kind kind = dev->type->bus;

    if (!*bus)
        *bus = bus_first_free(dev->board, kind);
    if (!*bus)
        return error_set(err, ENODEV, "no free place of kind %s for device '%s' on this machine", bus_kind_name(kind),
                         device_name(dev));
    if ((*bus)->kind != kind)
        return error_set(err, EINVAL, "device '%s' sits on a %s, and '%s' is a %s", device_name(dev),
                         bus_kind_name(kind), (*bus)->name, bus_kind_name((*bus)->kind));
    return 0;
}

int device_realize(struct device *dev, struct bus *bus, struct error *err)
{
    const struct device_type *t = dev->type;
    int ret;

    assert(!dev->realized);
    if (!dev->bus && t->bus != BUS_NONE && !dev->wrapper) {
        ret = find_place(dev, &bus, err);
        if (ret == 0)
            ret = bus_plug(bus, dev, err);
        if (ret < 0)
            return ret;
    }
    if (t->mmio.length && !dev->mmio)
        dev->mmio = region_mmio(dev->board->mem, t->name, &t->mmio, dev, t->mmio.length);
    ret = t->realize ? t->realize(dev, err) : 0;
    if (ret < 0) {
        bus_unplug(dev);
        return ret;
    }
    dev->realized = true;
    return 0;
}

static void forget(struct device *dev)
{
    for (struct device **p = &dev->board->all; *p; p = &(*p)->next) {
        if (*p == dev) {
            *p = dev->next;
            return;
        }
    }
}

void device_free(struct device *dev)
{
    if (!dev)
        return;
    if (dev->realized && dev->type->unrealize)
        dev->type->unrealize(dev);
    dev->realized = false;
    bus_unplug(dev);
    device_free(dev->inner);
    while (dev->buses) {
        struct bus *bus = dev->buses;

        while (bus->devices)
            device_free(bus->devices);
        dev->buses = bus->next;
        bus_free(bus);
    }
    if (dev->mmio) {
        region_del(dev->mmio);
        region_free(dev->mmio);
    }
    forget(dev);
    prop_free(dev, dev->type->props);
    free(dev->irq);
    free(dev->id);
    free(dev);
}

struct device *device_make(struct board *b, const struct device_type *t, gpa map, struct error *err)
{
    struct device *dev = device_new(b, t, NULL, err);

    if (!dev)
        return NULL;
    if (device_realize(dev, NULL, err) < 0) {
        device_free(dev);
        return NULL;
    }
    if (map != UINT64_MAX)
        region_add(b->sysmem, map, dev->mmio, 0);
    return dev;
}

void device_set_irqs(struct device *dev, unsigned n)
{
    free(dev->irq);
    dev->irq = n ? NEW_ARRAY(struct irq_line, n) : NULL;
    dev->irqs = n;
}

void device_connect(struct device *dev, unsigned n, struct irq_line line)
{
    assert(n < dev->irqs);
    dev->irq[n] = line;
}

static const struct device_type *type_or_hint(struct optlist *opts, const char *driver, struct error *err)
{
    const struct device_type *t = device_type_find(driver);
    struct nearest n = NEAREST_INIT(driver);
    char hint[96];

    if (t && !t->wired)
        return t;
    if (t) {
        optlist_error(opts, err, EINVAL, "'%s' is part of a machine and cannot be added", driver);
        return NULL;
    }
    for (const struct device_type *const *c = all_device_types; *c; c++)
        if (!(*c)->wired)
            nearest_try(&n, (*c)->name);
    optlist_error(opts, err, ENODEV, "there is no device '%s'%s (-device help lists them)", driver,
                  nearest_hint(&n, hint, sizeof(hint)));
    return NULL;
}

static int set_given(struct device *dev, struct optlist *opts, struct error *err)
{
    for (size_t i = 0; i < optlist_count(opts); i++) {
        const char *key = optlist_key(opts, i);

        if (str_eq(key, "driver") || str_eq(key, "id") || str_eq(key, "bus"))
            continue;
        if (device_set(dev, key, optlist_value(opts, i), err) < 0)
            return -EINVAL;
        optlist_use(opts, i);
    }
    return 0;
}

int device_add(struct board *b, struct optlist *opts, struct error *err)
{
    const char *driver = optlist_need(opts, "driver", err), *name = optlist_get(opts, "bus");
    const struct device_type *t;
    struct bus *bus = NULL;
    struct device *dev;
    int ret;

    if (!driver)
        return -EINVAL;
    if (str_eq(driver, "help") || str_eq(driver, "?")) {
        device_type_list(stdout);
        return 1;
    }
    t = type_or_hint(opts, driver, err);
    if (!t)
        return -ENODEV;
    if (optlist_is_help(opts)) {
        device_type_help(t, stdout);
        return 1;
    }
    if (name && !(bus = bus_find(b, name)))
        return optlist_error(opts, err, ENODEV, "there is no bus '%s' on this machine", name);
    dev = device_new(b, t, optlist_get(opts, "id"), err);
    if (!dev)
        return -EINVAL;
    ret = set_given(dev, opts, err);
    if (ret == 0)
        ret = device_realize(dev, bus, err);
    if (ret < 0) {
        error_prepend(err, "%s %s: ", optlist_option(opts), optlist_text(opts));
        device_free(dev);
    }
    return ret;
}

/* core/dev/board.c - what all devices of a machine share, and what is done to all of them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/alloc.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/dev/device.h"
#include "core/dev/internal.h"
#include "core/event/loop.h"

struct board *board_new(struct loop *loop)
{
    struct board *b = NEW(struct board);

    b->loop = loop;
    b->mem = mem_bus_new();
    b->sysmem = region_container(b->mem, "system", UINT64_MAX);
    b->as = addr_space_new(b->mem, "memory", b->sysmem);
    b->clocks = clocks_new();
    b->timers = timers_new(b->clocks, loop ? loop_rearm : NULL, loop);
    b->system = bus_make(BUS_SYSTEM, "main-system-bus", NULL);
    if (loop)
        loop_set_timers(loop, b->timers);
    return b;
}

void board_free(struct board *b)
{
    if (!b)
        return;
    if (b->loop)
        loop_set_timers(b->loop, NULL);
    while (b->all) {
        struct device *dev = b->all;

        while (dev->wrapper) /* an inner device goes with the one around it */
            dev = dev->wrapper;
        device_free(dev);
    }
    bus_free(b->system);
    timers_free(b->timers);
    clocks_free(b->clocks);
    mem_bus_free(b->mem);
    free(b);
}

/* Oldest first: the list is newest first. */
static void reset_from(struct device *dev)
{
    size_t count = 0;
    struct device **order;

    for (struct device *d = dev; d; d = d->next)
        count++;
    order = NEW_ARRAY(struct device *, count);
    for (struct device *d = dev; d; d = d->next)
        order[--count] = d;
    for (struct device *d = dev; d; d = d->next)
        count++;
    for (size_t i = 0; i < count; i++)
        if (order[i]->realized && order[i]->type->reset)
            order[i]->type->reset(order[i]);
    free(order);
}

void board_reset(struct board *b)
{
    reset_from(b->all);
}

struct device *board_find(struct board *b, const char *id)
{
    for (struct device *d = b->all; d; d = d->next)
        if (d->id && str_eq(d->id, id))
            return d;
    return NULL;
}

/* qtree */

static void print_bus(const struct bus *bus, int indent, FILE *to);

static void print_props(const struct device *dev, int indent, FILE *to)
{
    for (const struct prop *p = dev->type->props; p && p->name; p++) {
        fprintf(to, "%*s%s = ", indent, "", p->name);
        prop_print(dev, p, to);
        fputc('\n', to);
    }
}

static void print_device(const struct device *dev, int indent, FILE *to)
{
    gpa addr;

    fprintf(to, "%*sdev: %s, id \"%s\"\n", indent, "", dev->type->name, dev->id ? dev->id : "");
    for (const struct device *d = dev; d; d = d->inner)
        print_props(d, indent + 2, to);
    if (dev->irqs)
        fprintf(to, "%*sgpio-out \"sysbus-irq\" %u\n", indent + 2, "", dev->irqs);
    if (dev->mmio && region_address(dev->mmio, &addr))
        fprintf(to, "%*smmio %016llx/%016llx\n", indent + 2, "", (unsigned long long)addr,
                (unsigned long long)region_size(dev->mmio));
    if (dev->bus->ops && dev->bus->ops->describe)
        dev->bus->ops->describe(dev->bus, dev, to);
    for (const struct bus *bus = dev->buses; bus; bus = bus->next)
        print_bus(bus, indent + 2, to);
}

static void print_bus(const struct bus *bus, int indent, FILE *to)
{
    fprintf(to, "%*sbus: %s\n%*s  type %s\n", indent, "", bus->name, indent, "", bus_kind_name(bus->kind));
    for (const struct device *dev = bus->devices; dev; dev = dev->sibling)
        print_device(dev, indent + 2, to);
}

void board_qtree(const struct board *b, FILE *to)
{
    print_bus(b->system, 0, to);
}

/* Save and load: for each device, oldest first: u8 length and type name, u32 version, u32 length, state. */

void device_save(struct device *dev, struct str *out)
{
    if (dev->type->before_save)
        dev->type->before_save(dev);
    state_save(dev->type->state, dev, out);
}

int device_load(struct device *dev, unsigned version, const uint8_t *bytes, size_t len, struct error *err)
{
    int ret;

    if (version < 1 || version > dev->type->state_version)
        return error_set(err, EINVAL, "saved state of '%s' has version %u, and this program knows up to %u",
                         device_name(dev), version, dev->type->state_version);
    ret = state_load(dev->type->state, dev, version, bytes, len, err);
    if (ret == 0 && dev->type->after_load)
        ret = dev->type->after_load(dev, err);
    if (ret < 0)
        error_prepend(err, "%s: ", device_name(dev));
    return ret;
}

static void save_from(struct device *dev, struct str *out)
{
    uint8_t head[8];
    size_t mark;

    if (!dev)
        return;
    save_from(dev->next, out);
    str_addc(out, (char)strlen(dev->type->name));
    str_add(out, dev->type->name);
    mark = out->len;
    str_addn(out, (char *)head, sizeof(head));
    device_save(dev, out);
    store_le32(out->text + mark, dev->type->state_version);
    store_le32(out->text + mark + 4, (uint32_t)(out->len - mark - 8));
}

void board_save(struct board *b, struct str *out)
{
    save_from(b->all, out);
}

/* The part of a stream that is still to be read. */
struct rest {
    const uint8_t *bytes;
    size_t len;
};

static int load_from(struct device *dev, struct rest *r, struct error *err)
{
    size_t name, n;
    int ret;

    if (!dev)
        return 0;
    ret = load_from(dev->next, r, err);
    if (ret < 0)
        return ret;
    name = strlen(dev->type->name);
    if (r->len < 1 + name + 8 || r->bytes[0] != name || memcmp(r->bytes + 1, dev->type->name, name) != 0)
        return error_set(err, EINVAL, "saved state does not have device '%s' here; it is of another machine",
                         device_name(dev));
    n = load_le32(r->bytes + 1 + name + 4);
    if (n > r->len - (1 + name + 8))
        return error_set(err, EINVAL, "saved state ends within device '%s'", device_name(dev));
    ret = device_load(dev, load_le32(r->bytes + 1 + name), r->bytes + 1 + name + 8, n, err);
    r->bytes += 1 + name + 8 + n;
    r->len -= 1 + name + 8 + n;
    return ret;
}

int board_load(struct board *b, const uint8_t *bytes, size_t len, struct error *err)
{
    struct rest r = { bytes, len };
    int ret = load_from(b->all, &r, err);

    if (ret == 0 && r.len)
        return error_set(err, EINVAL, "saved state has devices that this machine has not");
    return ret;
}

void board_list(const struct board *b, enum bus_kind kind, FILE *to)
{
    for (const struct device *d = b->all; d; d = d->next)
        for (const struct bus *bus = d->buses; bus; bus = bus->next)
            if (bus->kind == kind && bus->ops && bus->ops->list)
                bus->ops->list(bus, to);
}

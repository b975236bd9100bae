/* hw/virtio/mmio.c - the transport for boards without PCI: registers, one interrupt line, and a place for one device.
 *
 * Source: virtio 1.2, 4.2.2. */
#include <errno.h>
#include <stdio.h>
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "hw/virtio/virtio.h"

enum {
    MAGIC = 0x000, VERSION = 0x004, DEVICE_ID = 0x008, VENDOR_ID = 0x00c, DEVICE_FEATURES = 0x010,
    DEVICE_FEATURES_SEL = 0x014, DRIVER_FEATURES = 0x020, DRIVER_FEATURES_SEL = 0x024, QUEUE_SEL = 0x030,
    QUEUE_NUM_MAX = 0x034, QUEUE_NUM = 0x038, QUEUE_READY = 0x044, QUEUE_NOTIFY = 0x050, INTERRUPT_STATUS = 0x060,
    INTERRUPT_ACK = 0x064, STATUS = 0x070, QUEUE_DESC = 0x080, QUEUE_DRIVER = 0x090, QUEUE_DEVICE = 0x0a0,
    CONFIG_GENERATION = 0x0fc, CONFIG = 0x100, LENGTH = 0x200, MAGIC_VALUE = 0x74726976, VENDOR = 0x554d4551,
};

struct virtio_mmio {
    struct device dev;
    struct bus *bus;
    bool force_legacy;
    uint32_t queue_sel, device_features_sel, driver_features_sel;
};

static struct virtio_device *plugged(struct virtio_mmio *s)
{
    struct device *dev = s->bus->devices;

    return dev && dev->realized ? (struct virtio_device *)dev : NULL;
}

static void update_irq(struct virtio_mmio *s)
{
    struct virtio_device *vd = plugged(s);

    irq_set(&s->dev.irq[0], vd && vd->isr);
}

static void on_interrupt(void *opaque, uint16_t vector, bool config)
{
    (void)vector;
    (void)config;
    update_irq(opaque);
}

static const struct virtio_transport transport = { .interrupt = on_interrupt };

static struct virtq *selected(struct virtio_mmio *s, struct virtio_device *vd)
{
    return s->queue_sel < vd->queues ? &vd->queue[s->queue_sel] : NULL;
}

static uint32_t read_register(struct virtio_mmio *s, struct virtio_device *vd, uint64_t off)
{
    struct virtq *q = selected(s, vd);

    switch (off) {
    case DEVICE_FEATURES:
        return s->device_features_sel < 2 ? (uint32_t)(virtio_offered(vd) >> s->device_features_sel * 32) : 0;
    case QUEUE_NUM_MAX:
        return q ? q->most : 0;
    case QUEUE_READY:
        return q && q->ready;
    case INTERRUPT_STATUS:
        return vd->isr;
    case STATUS:
        return vd->status;
    case CONFIG_GENERATION:
        return vd->generation;
    }
    log_guest("virtio-mmio: read of 0x%llx, which cannot be read", (unsigned long long)off);
    return 0;
}

static uint64_t mmio_read(void *opaque, uint64_t off, unsigned size)
{
    struct virtio_mmio *s = opaque;
    struct virtio_device *vd = plugged(s);

    if (off >= CONFIG)
        return vd ? virtio_read_config(vd, off - CONFIG, size) : 0;
    if (size != 4)
        return 0;
    switch (off) {
    case MAGIC:
        return MAGIC_VALUE;
    case VERSION:
        return 2;
    case VENDOR_ID:
        return VENDOR;
    case DEVICE_ID:
        return vd ? vd->ops->id : 0;
    }
    return vd ? read_register(s, vd, off) : 0;
}

static void set_half(uint64_t *to, bool high, uint64_t val)
{
    *to = high ? (*to & UINT32_MAX) | val << 32 : (*to & ~(uint64_t)UINT32_MAX) | val;
}

static void write_queue(struct virtq *q, uint64_t off, uint64_t val)
{
    if (q->ready && off != QUEUE_READY) {
        log_guest("virtio-mmio: queue %u changed while in use", q->index);
        return;
    }
    switch (off) {
    case QUEUE_NUM:
        if (!virtq_set_size(q, val))
            virtio_broken(q->vd, "queue %u cannot have %llu entries", q->index, (unsigned long long)val);
        break;
    case QUEUE_READY:
        q->ready = val & 1;
        break;
    case QUEUE_DESC:
    case QUEUE_DESC + 4:
        set_half(&q->desc, off & 4, val);
        break;
    case QUEUE_DRIVER:
    case QUEUE_DRIVER + 4:
        set_half(&q->avail, off & 4, val);
        break;
    case QUEUE_DEVICE:
    case QUEUE_DEVICE + 4:
        set_half(&q->used, off & 4, val);
        break;
    }
}

static void write_features(struct virtio_mmio *s, struct virtio_device *vd, uint64_t val)
{
    if (s->driver_features_sel < 2 && !(vd->status & VIRTIO_FEATURES_OK))
        set_half(&vd->driver_features, s->driver_features_sel, val);
}

static void write_register(struct virtio_mmio *s, struct virtio_device *vd, uint64_t off, uint64_t val)
{
    struct virtq *q = selected(s, vd);

    switch (off) {
    case DEVICE_FEATURES_SEL:
        s->device_features_sel = (uint32_t)val;
        break;
    case DRIVER_FEATURES_SEL:
        s->driver_features_sel = (uint32_t)val;
        break;
    case DRIVER_FEATURES:
        write_features(s, vd, val);
        break;
    case QUEUE_SEL:
        s->queue_sel = (uint32_t)val;
        break;
    case QUEUE_NOTIFY:
        virtio_kick(vd, val);
        break;
    case INTERRUPT_ACK:
        vd->isr &= (uint8_t)~val;
        break;
    case STATUS:
        virtio_set_status(vd, (uint8_t)val);
        break;
    default:
        if (q)
            write_queue(q, off, val);
    }
    update_irq(s);
}

static void mmio_write(void *opaque, uint64_t off, uint64_t val, unsigned size)
{
    struct virtio_mmio *s = opaque;
    struct virtio_device *vd = plugged(s);

    if (!vd)
        return;
    if (off >= CONFIG)
        virtio_write_config(vd, off - CONFIG, val, size);
    else if (size == 4)
        write_register(s, vd, off, val);
}

/* --- the place --------------------------------------------------------------------------------------------------- */

static int plug(struct bus *bus, struct device *dev, struct error *err)
{
    if (bus->devices)
        return error_set(err, EBUSY, "'%s' has a device already; it takes one", bus->name);
    virtio_attach((struct virtio_device *)dev, &transport, bus->opaque, dev->board->as);
    return 0;
}

static bool is_full(const struct bus *bus)
{
    return bus->devices;
}

static int mmio_realize(struct device *dev, struct error *err)
{
    static const struct bus_ops ops = { .plug = plug, .is_full = is_full };
    struct virtio_mmio *s = (struct virtio_mmio *)dev;
    char name[32];
    unsigned n = 0;

    if (s->force_legacy)
        return error_set(err, ENOTSUP, "virtio-mmio: force-legacy=on is not supported; every driver since 2015 does without");
    for (const struct device *d = dev->next; d; d = d->next)
        n += d->type == dev->type;
    snprintf(name, sizeof(name), "virtio-mmio-bus.%u", n);
    s->bus = bus_new(dev, BUS_VIRTIO, name, &ops, s);
    return 0;
}

static void mmio_reset(struct device *dev)
{
    struct virtio_mmio *s = (struct virtio_mmio *)dev;
    struct virtio_device *vd = plugged(s);

    s->queue_sel = s->device_features_sel = s->driver_features_sel = 0;
    if (vd)
        virtio_reset(vd);
    update_irq(s);
}

static int mmio_after_load(struct device *dev, struct error *err)
{
    (void)err;
    update_irq((struct virtio_mmio *)dev);
    return 0;
}

static const struct prop mmio_props[] = {
    PROP_BOOL(struct virtio_mmio, force_legacy, "force-legacy", "off", "the register layout of before virtio 1.0 (not supported)"),
    PROP_END,
};

static const struct state_field mmio_state[] = {
    STATE_U32(struct virtio_mmio, queue_sel), STATE_U32(struct virtio_mmio, device_features_sel),
    STATE_U32(struct virtio_mmio, driver_features_sel), STATE_END,
};

const struct device_type virtio_mmio_type = {
    .name = "virtio-mmio", .help = "place for a virtio device", .bus = BUS_SYSTEM, .bytes = sizeof(struct virtio_mmio),
    .props = mmio_props, .state = mmio_state, .state_version = 1, .irqs = 1, .wired = true, .realize = mmio_realize,
    .reset = mmio_reset, .after_load = mmio_after_load,
    .mmio = { .read = mmio_read, .write = mmio_write, .length = LENGTH, .widths = WIDTH_ANY },
};

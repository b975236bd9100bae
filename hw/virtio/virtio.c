/* hw/virtio/virtio.c - status, features and configuration of any virtio device.
 *
 *     reset -> ACKNOWLEDGE -> DRIVER -> FEATURES_OK (refused if the features don't fit) -> DRIVER_OK
 *       ^-- the driver writes 0 --------------- NEEDS_RESET <--virtio_broken()--------------'
 *
 * Source: virtio 1.2, 2.1, 2.2 and 3.1. */
#include "hw/virtio/packed.h"
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/log.h"

enum { CONFIG_MAX = 256 };

void virtio_init(struct virtio_device *vd, unsigned queues)
{
    assert(queues >= 1 && queues <= VIRTIO_QUEUES_MAX);
    vd->ops = vd->dev.type->iface;
    vd->queues = queues;
    for (unsigned i = 0; i < queues; i++) {
        vd->queue[i].vd = vd;
        vd->queue[i].index = (uint16_t)i;
        virtio_limit_queue(vd, i, (uint16_t)vd->ops->queue_size);
    }
}

void virtio_limit_queue(struct virtio_device *vd, unsigned n, uint16_t size)
{
    vd->queue[n].size = vd->queue[n].most = size;
}

int virtio_check_size(const struct virtio_device *vd, const char *name, uint16_t size, struct error *err)
{
    if (size >= 2 && size <= VIRTQ_MAX && (size & (size - 1)) == 0)
        return 0;
    return error_set(err, EINVAL, "%s: %s=%u is not a power of two from 2 to %d", device_name(&vd->dev), name, size, VIRTQ_MAX);
}

void virtio_attach(struct virtio_device *vd, const struct virtio_transport *t, void *opaque, struct addr_space *as)
{
    vd->transport = t;
    vd->transport_opaque = opaque;
    vd->as = as;
}

static void config_interrupt(struct virtio_device *vd)
{
    vd->isr |= 2;
    if (vd->transport)
        vd->transport->interrupt(vd->transport_opaque, vd->config_vector, true);
}

void virtio_broken(struct virtio_device *vd, const char *fmt, ...)
{
    char why[160];
    va_list ap;

    if (vd->status & VIRTIO_NEEDS_RESET)
        return;
    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    log_guest("%s: %s; it waits for a reset", device_name(&vd->dev), why);
    vd->status |= VIRTIO_NEEDS_RESET;
    if (vd->status & VIRTIO_DRIVER_OK)
        config_interrupt(vd);
}

void virtio_config_changed(struct virtio_device *vd)
{
    vd->generation++;
    if (vd->status & VIRTIO_DRIVER_OK)
        config_interrupt(vd);
}

uint64_t virtio_offered(struct virtio_device *vd)
{
    return VIRTIO_F_VERSION_1 | (vd->packed ? VIRTIO_F_RING_PACKED : 0) | (vd->indirect ? VIRTIO_F_INDIRECT_DESC : 0) |
           (vd->event_index ? VIRTIO_F_EVENT_IDX : 0) | (vd->platform ? VIRTIO_F_ACCESS_PLATFORM : 0) |
           (vd->ops->features ? vd->ops->features(vd) : 0);
}

void virtio_reset(struct virtio_device *vd)
{
    vd->era++;
    if (vd->ops->reset)
        vd->ops->reset(vd);
    vd->status = vd->isr = 0;
    vd->driver_features = 0;
    vd->config_vector = VIRTIO_NO_VECTOR;
    for (unsigned i = 0; i < vd->queues; i++) {
        struct virtq *q = &vd->queue[i];

        *q = (struct virtq){ .vd = vd, .index = (uint16_t)i, .size = q->most, .most = q->most,
                             .vector = VIRTIO_NO_VECTOR };
    }
}

void virtio_set_status(struct virtio_device *vd, uint8_t status)
{
    uint8_t was = vd->status;

    if (status == 0) {
        virtio_reset(vd);
        return;
    }
    if ((status & ~was & VIRTIO_FEATURES_OK) &&
        ((vd->driver_features & ~virtio_offered(vd)) || !virtio_has(vd, VIRTIO_F_VERSION_1))) {
        log_guest("%s: features 0x%llx refused", device_name(&vd->dev), (unsigned long long)vd->driver_features);
        status &= (uint8_t)~VIRTIO_FEATURES_OK;
    } else if ((status & ~was & VIRTIO_FEATURES_OK) && virtio_has(vd, VIRTIO_F_RING_PACKED)) {
        for (unsigned i = 0; i < vd->queues; i++)
            vd->queue[i].last_avail = vd->queue[i].next_used = vd->queue[i].signalled_used = PACKED_WRAP;
    }
    vd->status = (uint8_t)(status | (was & VIRTIO_NEEDS_RESET));
    if ((status & ~was & VIRTIO_DRIVER_OK) && vd->ops->start)
        vd->ops->start(vd);
}

uint64_t virtio_read_config(struct virtio_device *vd, uint64_t off, unsigned size)
{
    uint8_t bytes[CONFIG_MAX + 8] = { 0 };

    if (off >= CONFIG_MAX)
        return 0;
    if (vd->ops->config)
        vd->ops->config(vd, bytes);
    return load_le(bytes + off, size);
}

void virtio_write_config(struct virtio_device *vd, uint64_t off, uint64_t val, unsigned size)
{
    uint8_t bytes[8];

    store_le(bytes, size, val);
    if (vd->ops->write_config && off < CONFIG_MAX)
        vd->ops->write_config(vd, (unsigned)off, bytes, size);
}

void virtio_kick(struct virtio_device *vd, uint64_t queue)
{
    if (queue < vd->queues && vd->queue[queue].ready && virtio_running(vd))
        vd->ops->notify(vd, (unsigned)queue);
}

static const struct state_field virtq_state[] = {
    STATE_U16(struct virtq, size), STATE_U16(struct virtq, vector), STATE_BOOL(struct virtq, ready),
    STATE_U64(struct virtq, desc), STATE_U64(struct virtq, avail), STATE_U64(struct virtq, used),
    STATE_U16(struct virtq, last_avail), STATE_U16(struct virtq, next_used), STATE_U16(struct virtq, signalled_used),
    STATE_BOOL(struct virtq, signalled), STATE_END,
};

const struct state_field virtio_state[] = {
    STATE_U64(struct virtio_device, driver_features), STATE_U8(struct virtio_device, status),
    STATE_U8(struct virtio_device, isr), STATE_U16(struct virtio_device, config_vector),
    STATE_U32(struct virtio_device, generation), STATE_STRUCTS(struct virtio_device, queue, virtq_state), STATE_END,
};

int virtio_after_load(struct device *dev, struct error *err)
{
    struct virtio_device *vd = (struct virtio_device *)dev;

    for (unsigned i = 0; i < vd->queues; i++) {
        uint16_t size = vd->queue[i].size;

        if (!virtq_set_size(&vd->queue[i], size))
            return error_set(err, EINVAL, "saved queue %u has %u entries, which is not possible", i, size);
        if (virtio_has(vd, VIRTIO_F_RING_PACKED) && ((vd->queue[i].last_avail & (PACKED_WRAP - 1)) >= size ||
                                                     (vd->queue[i].next_used & (PACKED_WRAP - 1)) >= size))
            return error_set(err, EINVAL, "saved queue %u is at an entry that it does not have", i);
    }
    if (virtio_has(vd, VIRTIO_F_RING_PACKED) && !vd->packed)
        return error_set(err, EINVAL, "'%s' was saved with packed=on", device_name(dev));
    vd->driver_features &= virtio_offered(vd);
    return 0;
}

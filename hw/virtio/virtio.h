/* hw/virtio/virtio.h - what all virtio devices share, and what a transport (MMIO, PCI) needs to know of them.
 *
 *     device (blk, net, ...)  --struct virtio_ops-->  core (virtio.c, queue.c)  <--struct virtio_transport--  mmio, pci
 *
 * A device that finds its driver out of its mind calls virtio_broken(): it then sets NEEDS_RESET, takes nothing from
 * its queues any more and waits for a reset. All calls: machine lock held.
 * Source: virtio 1.2 (OASIS committee specification 01), chapters 2-4. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include "core/dev/device.h"

struct virtio_device;
struct virtq;

enum {
    VIRTIO_ACKNOWLEDGE = 1, VIRTIO_DRIVER = 2, VIRTIO_DRIVER_OK = 4, VIRTIO_FEATURES_OK = 8, VIRTIO_NEEDS_RESET = 0x40,
    VIRTIO_FAILED = 0x80,
};

#define VIRTIO_F_INDIRECT_DESC (UINT64_C(1) << 28)
#define VIRTIO_F_EVENT_IDX (UINT64_C(1) << 29)
#define VIRTIO_F_VERSION_1 (UINT64_C(1) << 32)
#define VIRTIO_F_ACCESS_PLATFORM (UINT64_C(1) << 33) /* offered with iommu_platform=on */
#define VIRTIO_F_RING_PACKED (UINT64_C(1) << 34) /* offered with packed=on */

enum { VIRTQ_MAX = 1024, VIRTIO_QUEUES_MAX = 64, VIRTIO_NO_VECTOR = 0xffff };

/* What a device type says of itself; device_type.iface points here. */
struct virtio_ops {
    uint16_t id;                     /* virtio 1.2, chapter 5 */
    uint32_t pci_class;              /* class code where it sits on PCI */
    unsigned queue_size;             /* entries, a power of two, unless virtio_limit_queue() says otherwise */
    uint64_t (*features)(struct virtio_device *vd);             /* offered, beside those of all devices */
    size_t (*config)(struct virtio_device *vd, uint8_t *bytes); /* fill in up to 256 bytes of device configuration */
    void (*write_config)(struct virtio_device *vd, unsigned off, const uint8_t *bytes, unsigned len); /* may be NULL */
    void (*notify)(struct virtio_device *vd, unsigned queue);   /* the driver kicked; only while DRIVER_OK */
    void (*start)(struct virtio_device *vd);                    /* DRIVER_OK was set; may be NULL */
    void (*reset)(struct virtio_device *vd); /* forget requests: none may touch memory afterwards; may be NULL */
};

struct virtio_transport {
    void (*interrupt)(void *opaque, uint16_t vector, bool config); /* isr is up to date */
};

struct virtq {
    struct virtio_device *vd;
    uint16_t index, size, most, vector; /* most: entries that the driver may choose */
    bool ready;
    uint64_t desc, avail, used; /* guest addresses; of a packed queue avail and used are the areas of events */
    uint16_t last_avail, next_used, signalled_used; /* of a packed queue with the wrap counter in bit 15 */
    bool signalled;
    bool pushed; /* since virtq_tell() */
};

struct virtio_device {
    struct device dev;
    const struct virtio_ops *ops;
    const struct virtio_transport *transport;
    void *transport_opaque;
    struct addr_space *as;
    struct virtq queue[VIRTIO_QUEUES_MAX];
    unsigned queues;
    bool packed, indirect, event_index, platform; /* what is offered; set by the properties */
    uint64_t driver_features;
    uint8_t status, isr;
    uint16_t config_vector;
    uint32_t generation;
    uint32_t era; /* grows with each reset: requests of an earlier one are void */
};

/* --- for devices ------------------------------------------------------------------------------------------------- */

/** virtio_init - first thing in realize. @queues: 1 to VIRTIO_QUEUES_MAX */
void virtio_init(struct virtio_device *vd, unsigned queues);

/** virtio_limit_queue - queue @n has at most @size entries. In realize, after virtio_init(). */
void virtio_limit_queue(struct virtio_device *vd, unsigned n, uint16_t size);
/** virtio_check_size - is what the user gave for @name a size of a queue? 0, or -EINVAL and a sentence. */
int virtio_check_size(const struct virtio_device *vd, const char *name, uint16_t size, struct error *err);

static inline bool virtio_has(const struct virtio_device *vd, uint64_t feature)
{
    return vd->driver_features & feature;
}

/** virtio_running - DRIVER_OK, and not broken. */
static inline bool virtio_running(const struct virtio_device *vd)
{
    return (vd->status & (VIRTIO_DRIVER_OK | VIRTIO_NEEDS_RESET)) == VIRTIO_DRIVER_OK;
}

/** virtio_broken - the driver broke the rules: log it and stop until it resets. */
void virtio_broken(struct virtio_device *vd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** virtio_config_changed - the configuration has other contents now: tell the driver. */
void virtio_config_changed(struct virtio_device *vd);

/* A buffer that the driver made available. The pieces lie in guest memory, which the guest may change at any time: copy,
 * then check, then use. */
struct virtq_buf {
    uint16_t head;                /* of a packed queue the buffer's id */
    uint16_t entries;             /* of a packed queue: how many the buffer takes */
    unsigned nout, nin;           /* pieces to read, then pieces to write */
    uint64_t out_len, in_len;     /* bytes of them */
    struct iovec *iov;            /* nout + nin of them; out first */
};

/**
 * virtq_pop - take the next available buffer.
 * @b: filled in; b->iov is to free()
 *
 * Returns false when there is none, or the queue is not to be used; a buffer that breaks the rules breaks the device.
 */
bool virtq_pop(struct virtq *q, struct virtq_buf *b);

/** virtq_empty - is there no buffer to take? */
bool virtq_empty(struct virtq *q);

/** virtq_unpop - put the buffer taken last back; frees its pieces. */
void virtq_unpop(struct virtq *q, struct virtq_buf *b);

/** virtq_push - hand a buffer back. @written: bytes written to its in pieces, from the first on. Frees the pieces. */
void virtq_push(struct virtq *q, struct virtq_buf *b, uint64_t written);

/** virtq_tell - interrupt the driver about what was pushed, if it wants to know. */
void virtq_tell(struct virtq *q);

/** virtq_want_kicks - ask the driver for a kick when it makes a buffer available, or spare us. */
void virtq_want_kicks(struct virtq *q, bool want);

/** iov_read, iov_write - copy from and to pieces, from byte @off on; the number of bytes that there were. */
size_t iov_read(const struct iovec *iov, unsigned n, uint64_t off, void *to, size_t len);
size_t iov_write(const struct iovec *iov, unsigned n, uint64_t off, const void *from, size_t len);

/* --- for transports ---------------------------------------------------------------------------------------------- */

void virtio_attach(struct virtio_device *vd, const struct virtio_transport *t, void *opaque, struct addr_space *as);
uint64_t virtio_offered(struct virtio_device *vd);
void virtio_set_status(struct virtio_device *vd, uint8_t status);
void virtio_reset(struct virtio_device *vd);
/** virtio_read_config, virtio_write_config - 1, 2, 4 or 8 bytes at any offset; beyond the end there are zeros. */
uint64_t virtio_read_config(struct virtio_device *vd, uint64_t off, unsigned size);
void virtio_write_config(struct virtio_device *vd, uint64_t off, uint64_t val, unsigned size);
/** virtio_kick - the driver notified a queue; nothing happens if there is none of that number. */
void virtio_kick(struct virtio_device *vd, uint64_t queue);
/** virtq_set_size - false if it is no power of two (a packed queue: no number) up to the most it can have. */
bool virtq_set_size(struct virtq *q, uint64_t size);

/* The properties of every virtio device. */
#define VIRTIO_PROPS(s, f)                                                                                              \
    PROP_BOOL(s, f.packed, "packed", "off", "offer packed queues, which take fewer accesses to memory"),                \
    PROP_BOOL(s, f.indirect, "indirect_desc", "on", "offer tables of descriptors outside the queue"),                   \
    PROP_BOOL(s, f.event_index, "event_idx", "on", "offer that each side says when it wants to be told"),               \
    PROP_BOOL(s, f.platform, "iommu_platform", "off", "tell the driver to use addresses as the platform gives them out")

extern const struct state_field virtio_state[]; /* of struct virtio_device: each device's table begins with VIRTIO_STATE */
#define VIRTIO_STATE(s, f) STATE_STRUCT(s, f, virtio_state)
/** virtio_after_load - check what came from a snapshot; for each device's after_load. */
int virtio_after_load(struct device *dev, struct error *err);

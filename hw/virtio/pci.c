/* hw/virtio/pci.c - the transport for PCI: a memory window with the common, notify, ISR and device structures.
 *
 * Each type here wraps the device of the same name for the virtio bus; what isn't a property of the wrapper is one of
 * the device's. Only the layout since virtio 1.0 is there.
 * Source: virtio 1.2, 4.1. */
#include <errno.h>
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci.h"
#include "hw/virtio/virtio.h"

enum { MSIX_BAR = 1, WINDOW_BAR = 4, COMMON = 0x0000, ISR = 0x1000, DEVICE = 0x2000, NOTIFY = 0x3000, PART = 0x1000, WINDOW = 0x4000 };
enum { CAP_VENDOR = 9, CAP_COMMON = 1, CAP_NOTIFY = 2, CAP_ISR = 3, CAP_DEVICE = 4, CAP_CONFIG = 5 };
enum { VECTORS_AUTO = 0xffff, VECTORS_MOST_QUEUES = 16 };
enum { VENDOR = 0x1af4, FIRST_DEVICE = 0x1040, NOTIFY_STRIDE = 4 };

/* Offsets in the common structure (4.1.4.3). */
enum {
    DEVICE_FEATURE_SELECT = 0x00, DEVICE_FEATURE = 0x04, DRIVER_FEATURE_SELECT = 0x08, DRIVER_FEATURE = 0x0c,
    MSIX_CONFIG = 0x10, NUM_QUEUES = 0x12, DEVICE_STATUS = 0x14, CONFIG_GENERATION = 0x15, QUEUE_SELECT = 0x16,
    QUEUE_SIZE = 0x18, QUEUE_MSIX_VECTOR = 0x1a, QUEUE_ENABLE = 0x1c, QUEUE_NOTIFY_OFF = 0x1e, QUEUE_DESC = 0x20,
    QUEUE_DRIVER = 0x28, QUEUE_DEVICE = 0x30,
};

struct virtio_pci {
    struct pci_device pci;
    int disable_legacy;
    bool disable_modern;
    uint32_t vectors;    /* VECTORS_AUTO: one a queue, and one */
    uint32_t device_feature_select, driver_feature_select;
    uint16_t queue_select;
    unsigned config_cap; /* offset of the capability that reaches the window through configuration space */
};

static struct virtio_device *inner(struct virtio_pci *s)
{
    return (struct virtio_device *)s->pci.dev.inner;
}

static void on_interrupt(void *opaque, uint16_t vector, bool config)
{
    struct virtio_pci *s = opaque;

    (void)config;
    if (pci_msix_enabled(&s->pci))
        pci_msix_notify(&s->pci, vector);
    else
        pci_set_pin(&s->pci, true);
}

static const struct virtio_transport transport = { .interrupt = on_interrupt };

/* --- the common structure ---------------------------------------------------------------------------------------- */

static uint64_t common_read(struct virtio_pci *s, uint64_t off)
{
    struct virtio_device *vd = inner(s);
    struct virtq *q = s->queue_select < vd->queues ? &vd->queue[s->queue_select] : NULL;

    switch (off) {
    case DEVICE_FEATURE_SELECT:
        return s->device_feature_select;
    case DEVICE_FEATURE:
        return s->device_feature_select < 2 ? (uint32_t)(virtio_offered(vd) >> s->device_feature_select * 32) : 0;
    case DRIVER_FEATURE_SELECT:
        return s->driver_feature_select;
    case DRIVER_FEATURE:
        return s->driver_feature_select < 2 ? (uint32_t)(vd->driver_features >> s->driver_feature_select * 32) : 0;
    case MSIX_CONFIG:
        return vd->config_vector;
    case QUEUE_MSIX_VECTOR:
        return q ? q->vector : VIRTIO_NO_VECTOR;
    case NUM_QUEUES:
        return vd->queues;
    case DEVICE_STATUS:
        return vd->status;
    case CONFIG_GENERATION:
        return vd->generation & 0xff;
    case QUEUE_SELECT:
        return s->queue_select;
    case QUEUE_SIZE:
        return q ? q->size : 0;
    case QUEUE_ENABLE:
        return q && q->ready;
    case QUEUE_NOTIFY_OFF:
        return s->queue_select;
    case QUEUE_DESC:
    case QUEUE_DESC + 4:
        return q ? (uint32_t)(q->desc >> (off & 4) * 8) : 0;
    case QUEUE_DRIVER:
    case QUEUE_DRIVER + 4:
        return q ? (uint32_t)(q->avail >> (off & 4) * 8) : 0;
    case QUEUE_DEVICE:
    case QUEUE_DEVICE + 4:
        return q ? (uint32_t)(q->used >> (off & 4) * 8) : 0;
    }
    return 0;
}

static void set_half(uint64_t *to, bool high, uint64_t val)
{
    *to = high ? (*to & UINT32_MAX) | val << 32 : (*to & ~(uint64_t)UINT32_MAX) | val;
}

static void queue_write(struct virtq *q, uint64_t off, uint64_t val)
{
    if (q->ready) {
        log_guest("virtio-pci: queue %u changed while in use", q->index);
        return;
    }
    switch (off & ~UINT64_C(4)) {
    case QUEUE_DESC:
        set_half(&q->desc, off & 4, val);
        break;
    case QUEUE_DRIVER & ~4:
        set_half(&q->avail, off & 4, val);
        break;
    case QUEUE_DEVICE:
        set_half(&q->used, off & 4, val);
        break;
    case QUEUE_SIZE:
        if (off & 4)
            q->ready = val == 1; /* QUEUE_ENABLE */
        else if (!virtq_set_size(q, val))
            virtio_broken(q->vd, "queue %u cannot have %llu entries", q->index, (unsigned long long)val);
        break;
    }
}

/* A vector that there is, or none (4.1.5.1.2). */
static uint16_t valid_vector(const struct virtio_pci *s, uint64_t vector)
{
    return vector < s->pci.msix.table_bytes / 16 ? (uint16_t)vector : VIRTIO_NO_VECTOR;
}

static void common_write(struct virtio_pci *s, uint64_t off, uint64_t val)
{
    struct virtio_device *vd = inner(s);

    switch (off) {
    case DEVICE_FEATURE_SELECT:
        s->device_feature_select = (uint32_t)val;
        return;
    case DRIVER_FEATURE_SELECT:
        s->driver_feature_select = (uint32_t)val;
        return;
    case DRIVER_FEATURE:
        if (s->driver_feature_select < 2 && !(vd->status & VIRTIO_FEATURES_OK))
            set_half(&vd->driver_features, s->driver_feature_select, val);
        return;
    case DEVICE_STATUS:
        virtio_set_status(vd, (uint8_t)val);
        if (!vd->status)
            pci_set_pin(&s->pci, false);
        return;
    case QUEUE_SELECT:
        s->queue_select = (uint16_t)val;
        return;
    case MSIX_CONFIG:
        vd->config_vector = valid_vector(s, val);
        return;
    case QUEUE_MSIX_VECTOR:
        if (s->queue_select < vd->queues)
            vd->queue[s->queue_select].vector = valid_vector(s, val);
        return;
    }
    if (off >= QUEUE_SIZE && s->queue_select < vd->queues)
        queue_write(&vd->queue[s->queue_select], off, val);
}

/* --- the window -------------------------------------------------------------------------------------------------- */

static uint64_t window_read(void *opaque, uint64_t off, unsigned size)
{
    struct virtio_pci *s = opaque;
    struct virtio_device *vd = inner(s);
    uint64_t isr;

    switch (off & ~(uint64_t)(PART - 1)) {
    case COMMON:
        return common_read(s, off);
    case ISR:
        isr = vd->isr; /* reading acknowledges */
        vd->isr = 0;
        pci_set_pin(&s->pci, false);
        return isr;
    case DEVICE:
        return virtio_read_config(vd, off - DEVICE, size);
    }
    return 0;
}

static void window_write(void *opaque, uint64_t off, uint64_t val, unsigned size)
{
    struct virtio_pci *s = opaque;

    switch (off & ~(uint64_t)(PART - 1)) {
    case COMMON:
        common_write(s, off, val);
        break;
    case DEVICE:
        virtio_write_config(inner(s), off - DEVICE, val, size);
        break;
    case NOTIFY:
        if (pci_is_master(&s->pci))
            virtio_kick(inner(s), (off - NOTIFY) / NOTIFY_STRIDE);
        break;
    }
}

static const struct mmio_ops window_ops = { .read = window_read, .write = window_write, .widths = WIDTH_ANY, .split = WIDTH_4 };

/* --- the same through configuration space (4.1.4.9) ---------------------------------------------------------------- */

/* The access that the capability's fields describe; false if they make no sense. */
static bool described_access(struct virtio_pci *s, unsigned off, unsigned *size, uint32_t *at)
{
    const uint8_t *cap = s->pci.config + s->config_cap;

    *at = load_le32(cap + 8);
    *size = load_le32(cap + 12);
    return off == s->config_cap + 16 && cap[4] == WINDOW_BAR && (*size == 1 || *size == 2 || *size == 4) && *at < WINDOW &&
           *at % *size == 0;
}

static void before_config_read(struct pci_device *p, unsigned off, unsigned size)
{
    struct virtio_pci *s = (struct virtio_pci *)p;
    unsigned want;
    uint32_t at;

    (void)size;
    if (described_access(s, off, &want, &at))
        store_le(p->config + off, want, window_read(s, at, want));
}

static void after_config_write(struct pci_device *p, unsigned off, unsigned size)
{
    struct virtio_pci *s = (struct virtio_pci *)p;
    unsigned want;
    uint32_t at;

    (void)size;
    if (described_access(s, off, &want, &at))
        window_write(s, at, load_le(p->config + off, want), want);
}

static void add_part(struct virtio_pci *s, uint8_t type, uint32_t at, uint32_t len)
{
    unsigned bytes = type == CAP_NOTIFY || type == CAP_CONFIG ? 20 : 16;
    unsigned off = pci_add_capability(&s->pci, CAP_VENDOR, bytes);
    uint8_t *cap = s->pci.config + off;

    cap[2] = (uint8_t)bytes;
    cap[3] = type;
    cap[4] = type == CAP_CONFIG ? 0 : WINDOW_BAR;
    store_le32(cap + 8, at);
    store_le32(cap + 12, len);
    if (type == CAP_NOTIFY)
        store_le32(cap + 16, NOTIFY_STRIDE);
    if (type != CAP_CONFIG)
        return;
    s->config_cap = off;
    s->pci.writable[off + 4] = 0xff;
    for (unsigned i = 8; i < 20; i++)
        s->pci.writable[off + i] = 0xff;
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static int virtio_pci_realize(struct device *dev, struct error *err)
{
    struct virtio_pci *s = (struct virtio_pci *)dev;
    struct virtio_device *vd = inner(s);
    uint32_t class;
    int ret;

    ret = device_realize(&vd->dev, NULL, err);
    if (ret < 0)
        return ret;
    virtio_attach(vd, &transport, s, dev->board->as);
    pci_init(&s->pci);
    if (s->vectors == VECTORS_AUTO)
        s->vectors = vd->queues <= VECTORS_MOST_QUEUES ? vd->queues + 1 : 2;
    class = vd->ops->pci_class;
    store_le16(s->pci.config + PCI_DEVICE_ID, (uint16_t)(FIRST_DEVICE + vd->ops->id));
    s->pci.config[PCI_CLASS] = (uint8_t)class;
    store_le16(s->pci.config + PCI_CLASS + 1, (uint16_t)(class >> 8));
    store_le16(s->pci.config + PCI_SUBSYSTEM_VENDOR, VENDOR);
    store_le16(s->pci.config + PCI_SUBSYSTEM, 0x1100);
    add_part(s, CAP_CONFIG, 0, 0);
    add_part(s, CAP_NOTIFY, NOTIFY, PART);
    add_part(s, CAP_DEVICE, DEVICE, PART);
    add_part(s, CAP_ISR, ISR, PART);
    add_part(s, CAP_COMMON, COMMON, PART);
    pci_msix_init(&s->pci, MSIX_BAR, s->vectors);
    pci_add_bar(&s->pci, WINDOW_BAR, region_mmio(dev->board->mem, dev->type->name, &window_ops, s, WINDOW),
                PCI_BAR_64 | PCI_BAR_PREFETCH);
    return 0;
}

static void virtio_pci_unrealize(struct device *dev)
{
    pci_free_bars((struct pci_device *)dev);
    pci_msix_free((struct pci_device *)dev);
}

static void virtio_pci_reset(struct device *dev)
{
    struct virtio_pci *s = (struct virtio_pci *)dev;

    virtio_reset(inner(s));
    s->device_feature_select = s->driver_feature_select = 0;
    s->queue_select = 0;
    pci_reset_function(&s->pci);
}

static int check_vectors(struct device *dev, struct error *err)
{
    uint32_t n = ((struct virtio_pci *)dev)->vectors;

    if (n <= PCI_MSIX_MAX || n == VECTORS_AUTO)
        return 0;
    return error_set(err, EINVAL, "vectors=%u: at most %d are possible", n, PCI_MSIX_MAX);
}

static int check_modern(struct device *dev, struct error *err)
{
    if (!((struct virtio_pci *)dev)->disable_modern)
        return 0;
    return error_set(err, ENOTSUP, "disable-modern=on: there is no register layout but that of virtio 1.0; leave it out");
}

static const char *const legacy_words[] = { "auto", "on", NULL };
static const struct prop virtio_pci_props[] = {
    PCI_PROPS(struct virtio_pci, pci),
    PROP_ENUM(struct virtio_pci, disable_legacy, "disable-legacy", "auto", "no register layout of before virtio 1.0", legacy_words),
    PROP_BOOL(struct virtio_pci, disable_modern, "disable-modern", "off", "only the old layout: not possible", .check = check_modern),
    PROP_U32(struct virtio_pci, vectors, "vectors", "65535", "messages (MSI-X); 0: uses the pin; 65535: as the device needs",
             .max = VECTORS_AUTO, .check = check_vectors),
    PROP_END,
};

static const struct state_field virtio_pci_state[] = {
    PCI_STATE(struct virtio_pci, pci), STATE_U32(struct virtio_pci, device_feature_select),
    STATE_U32(struct virtio_pci, driver_feature_select), STATE_U16(struct virtio_pci, queue_select), STATE_END,
};

static const struct pci_info virtio_pci_info = {
    .vendor = VENDOR, .revision = 1, .has_pin = true, .before_read = before_config_read, .after_write = after_config_write,
};

#define VIRTIO_PCI(base, what)                                                                                          \
    extern const struct device_type virtio_##base##_device_type;                                                        \
    const struct device_type virtio_##base##_pci_type = {                                                               \
        .name = "virtio-" #base "-pci", .help = what, .bus = BUS_PCI, .bytes = sizeof(struct virtio_pci),               \
        .props = virtio_pci_props, .state = virtio_pci_state, .state_version = 1, .inner = &virtio_##base##_device_type, \
        .iface = &virtio_pci_info, .realize = virtio_pci_realize, .unrealize = virtio_pci_unrealize,                    \
        .reset = virtio_pci_reset, .after_load = pci_after_load,                                                        \
    }

VIRTIO_PCI(blk, "disk");
VIRTIO_PCI(net, "Ethernet card");
VIRTIO_PCI(serial, "consoles and channels");
VIRTIO_PCI(rng, "source of random bytes");

/* hw/virtio/serial.c - consoles and named channels (guest agents) over one device with many ports.
 *
 * Queues: 0 and 1 receive and send of port 0, 2 and 3 of the control messages, then two for each further port.
 *
 *     a port:  --PORT_ADD--> driver --PORT_READY--> CONSOLE_PORT, PORT_NAME, PORT_OPEN --> driver --PORT_OPEN--> in use
 *
 * Source: virtio 1.2, 5.3. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/alloc.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/char/chr.h"
#include "hw/virtio/virtio.h"

#define F_MULTIPORT (UINT64_C(1) << 1)

enum { PORTS = 31, CTRL_RX = 2, CTRL_TX = 3, MESSAGE = 8, WAITING_MAX = PORTS * 4 + 8, PIECE = 4096 };
enum { DEVICE_READY, PORT_ADD, PORT_REMOVE, PORT_READY, CONSOLE_PORT, RESIZE, PORT_OPEN, PORT_NAME };

struct serial;

struct port {
    struct device dev;
    char *chardev, *name;
    uint32_t number;
    bool is_console;
    struct serial *owner;
    struct chr_fe chr;
    bool guest_open;
    bool has_part;           /* a buffer that the back end took only in part */
    struct virtq_buf part;
    uint64_t part_off;
};

/* A control message that waits for a buffer. */
struct message {
    uint32_t port;
    uint16_t event, value;
    bool named; /* the port's name follows */
};

struct serial {
    struct virtio_device vd;
    struct bus *bus;
    uint32_t max_ports;
    struct port *port[PORTS];
    struct message waiting[WAITING_MAX];
    unsigned nwaiting;
};

static unsigned rx_of(unsigned port)
{
    return port ? 2 + 2 * port : 0;
}

static struct virtq *rx_queue(struct port *p)
{
    return &p->owner->vd.queue[rx_of(p->number)];
}

static struct virtq *tx_queue(struct port *p)
{
    return &p->owner->vd.queue[rx_of(p->number) + 1];
}

/* --- control ------------------------------------------------------------------------------------------------------- */

static void send_waiting(struct serial *s)
{
    struct virtq *q = &s->vd.queue[CTRL_RX];
    unsigned sent = 0;
    struct virtq_buf b;

    while (sent < s->nwaiting && virtq_pop(q, &b)) {
        const struct message *m = &s->waiting[sent++];
        const struct port *p = m->port < PORTS ? s->port[m->port] : NULL;
        uint8_t raw[MESSAGE];
        size_t n;

        store_le32(raw, m->port);
        store_le16(raw + 4, m->event);
        store_le16(raw + 6, m->value);
        n = iov_write(b.iov + b.nout, b.nin, 0, raw, sizeof(raw));
        if (m->named && p && p->name)
            n += iov_write(b.iov + b.nout, b.nin, MESSAGE, p->name, strlen(p->name));
        virtq_push(q, &b, n);
    }
    s->nwaiting -= sent;
    memmove(s->waiting, s->waiting + sent, s->nwaiting * sizeof(s->waiting[0]));
    virtq_tell(q);
}

static void say(struct serial *s, uint32_t port, uint16_t event, uint16_t value)
{
    if (!virtio_has(&s->vd, F_MULTIPORT) || s->nwaiting == WAITING_MAX)
        return;
    s->waiting[s->nwaiting++] = (struct message){ port, event, value, event == PORT_NAME };
    send_waiting(s);
}

static void port_ready(struct serial *s, struct port *p)
{
    if (p->is_console)
        say(s, p->number, CONSOLE_PORT, 1);
    if (p->name)
        say(s, p->number, PORT_NAME, 1);
    if (p->is_console || !p->chr.chr || p->chr.chr->open)
        say(s, p->number, PORT_OPEN, 1);
}

static void hear(struct serial *s, uint32_t port, uint16_t event, uint16_t value)
{
    struct port *p = port < PORTS ? s->port[port] : NULL;

    if (event == DEVICE_READY) {
        for (unsigned i = 0; i < PORTS && value; i++)
            if (s->port[i])
                say(s, i, PORT_ADD, 1);
    } else if (!p) {
        log_guest("virtio-serial: message for port %u, which does not exist", port);
    } else if (event == PORT_READY && value) {
        port_ready(s, p);
    } else if (event == PORT_OPEN) {
        p->guest_open = value;
        chr_accept(&p->chr);
    }
}

static void take_control(struct serial *s)
{
    struct virtq *q = &s->vd.queue[CTRL_TX];
    struct virtq_buf b;

    while (virtq_pop(q, &b)) {
        uint8_t raw[MESSAGE];

        if (iov_read(b.iov, b.nout, 0, raw, sizeof(raw)) == sizeof(raw))
            hear(s, load_le32(raw), load_le16(raw + 4), load_le16(raw + 6));
        virtq_push(q, &b, 0);
    }
    virtq_tell(q);
}

/* --- data ---------------------------------------------------------------------------------------------------------- */

static size_t port_room(void *opaque)
{
    struct port *p = opaque;

    return (p->guest_open || !virtio_has(&p->owner->vd, F_MULTIPORT)) && !virtq_empty(rx_queue(p)) ? PIECE : 0;
}

/* What the driver has no buffer for is lost: room() is asked again for each part. */
static void port_read(void *opaque, const uint8_t *bytes, size_t len)
{
    struct port *p = opaque;
    struct virtq *q = rx_queue(p);
    struct virtq_buf b;

    while (len && virtq_pop(q, &b)) {
        size_t n = iov_write(b.iov + b.nout, b.nin, 0, bytes, len);

        virtq_push(q, &b, n);
        bytes += n;
        len -= n;
        if (!n)
            break;
    }
    virtq_tell(q);
}

static void port_event(void *opaque, enum chr_event what)
{
    struct port *p = opaque;

    if (!p->is_console && (what == CHR_OPENED || what == CHR_CLOSED))
        say(p->owner, p->number, PORT_OPEN, what == CHR_OPENED);
}

/* Write out a buffer from part_off on; false if the back end takes no more now. */
static bool write_part(struct port *p)
{
    uint8_t bytes[PIECE];

    while (p->part_off < p->part.out_len) {
        size_t n = iov_read(p->part.iov, p->part.nout, p->part_off, bytes, sizeof(bytes));
        size_t done = chr_write(&p->chr, bytes, n);

        p->part_off += done;
        if (done < n)
            return false;
    }
    return true;
}

static void transmit(struct port *p)
{
    struct virtq *q = tx_queue(p);

    for (;;) {
        if (!p->has_part) {
            if (!virtq_pop(q, &p->part))
                break;
            p->has_part = true;
            p->part_off = 0;
        }
        if (!write_part(p))
            break;
        p->has_part = false;
        virtq_push(q, &p->part, 0);
    }
    virtq_tell(q);
}

static void port_writable(void *opaque)
{
    transmit(opaque);
}

static void serial_notify(struct virtio_device *vd, unsigned queue)
{
    struct serial *s = (struct serial *)vd;
    struct port *p;

    if (queue == CTRL_RX) {
        send_waiting(s);
        return;
    }
    if (queue == CTRL_TX) {
        take_control(s);
        return;
    }
    p = s->port[queue < 2 ? 0 : queue / 2 - 1];
    if (!p)
        return;
    if (queue % 2)
        transmit(p);
    else
        chr_accept(&p->chr);
}

/* --- the device ------------------------------------------------------------------------------------------------------ */

static uint64_t serial_features(struct virtio_device *vd)
{
    (void)vd;
    return F_MULTIPORT;
}

static size_t serial_config(struct virtio_device *vd, uint8_t *c)
{
    store_le32(c + 4, ((struct serial *)vd)->max_ports);
    return 12;
}

static void forget_part(struct port *p)
{
    if (p->has_part)
        free(p->part.iov);
    p->has_part = false;
}

static void serial_reset(struct virtio_device *vd)
{
    struct serial *s = (struct serial *)vd;

    s->nwaiting = 0;
    for (unsigned i = 0; i < PORTS; i++) {
        if (!s->port[i])
            continue;
        forget_part(s->port[i]);
        s->port[i]->guest_open = false;
    }
}

static int plug(struct bus *bus, struct device *dev, struct error *err)
{
    struct serial *s = bus->opaque;
    struct port *p = (struct port *)dev;

    p->is_console = str_eq(dev->type->name, "virtconsole");
    if (p->number == UINT32_MAX) {
        /* Port 0 belongs to consoles: drivers of before multiport know it as one. */
        for (p->number = p->is_console ? 0 : 1; p->number < s->max_ports && s->port[p->number];)
            p->number++;
    }
    if (p->number >= s->max_ports)
        return error_set(err, ENOSPC, "'%s' has no port for '%s': it has ports 0 to %u", bus->name, device_name(dev),
                         s->max_ports - 1);
    if (s->port[p->number])
        return error_set(err, EBUSY, "port %u of '%s' is taken already; choose another nr=", p->number, bus->name);
    p->owner = s;
    s->port[p->number] = p;
    return 0;
}

static void unplug(struct bus *bus, struct device *dev)
{
    struct port *p = (struct port *)dev;

    forget_part(p);
    ((struct serial *)bus->opaque)->port[p->number] = NULL;
}

static int serial_realize(struct device *dev, struct error *err)
{
    static const struct bus_ops ops = { .plug = plug, .unplug = unplug };
    struct serial *s = (struct serial *)dev;
    const struct device *outer = dev->wrapper ? dev->wrapper : dev;
    char name[64];
    unsigned n = 0;

    (void)err;
    virtio_init(&s->vd, (s->max_ports + 1) * 2);
    for (const struct device *d = dev->next; d; d = d->next)
        n += d->type == dev->type;
    if (outer->id)
        snprintf(name, sizeof(name), "%.40s.0", outer->id);
    else
        snprintf(name, sizeof(name), "virtio-serial-bus.%u", n);
    s->bus = bus_new((struct device *)outer, BUS_VIRTIO_SERIAL, name, &ops, s);
    return 0;
}

static int port_realize(struct device *dev, struct error *err)
{
    static const struct chr_handlers handlers = { port_room, port_read, port_event, port_writable };
    struct port *p = (struct port *)dev;
    struct chr *c = p->chardev ? chr_find(p->chardev) : NULL;

    if (p->chardev && !c)
        return error_set(err, ENODEV, "there is no -chardev with id '%s'", p->chardev);
    return chr_attach(&p->chr, c, &handlers, p, err);
}

static void port_unrealize(struct device *dev)
{
    chr_detach(&((struct port *)dev)->chr);
}

static const struct prop serial_props[] = {
    VIRTIO_PROPS(struct serial, vd),
    PROP_U32(struct serial, max_ports, "max_ports", "31", "ports", .min = 1, .max = PORTS),
    PROP_END,
};

static const struct prop port_props[] = {
    PROP_BACKEND(struct port, chardev, "chardev", "chardev", "where it comes out"),
    PROP_STR(struct port, name, "name", NULL, "by which the guest knows it (/dev/virtio-ports/NAME)"),
    PROP_U32(struct port, number, "nr", "4294967295", "port number; the first free one if absent"),
    PROP_END,
};

static const struct state_field message_state[] = {
    STATE_U32(struct message, port), STATE_U16(struct message, event), STATE_U16(struct message, value),
    STATE_BOOL(struct message, named), STATE_END,
};

static const struct state_field serial_state[] = {
    VIRTIO_STATE(struct serial, vd), STATE_STRUCTS(struct serial, waiting, message_state),
    STATE_SIZED_(struct serial, nwaiting, unsigned), STATE_END,
};

static int serial_after_load(struct device *dev, struct error *err)
{
    struct serial *s = (struct serial *)dev;

    if (s->nwaiting > WAITING_MAX)
        return error_set(err, EINVAL, "saved state has %u control messages, which is not possible", s->nwaiting);
    return virtio_after_load(dev, err);
}

/* A buffer that is half written is taken again from its start: the ring still has it. */
static void port_before_save(struct device *dev)
{
    struct port *p = (struct port *)dev;

    if (p->has_part)
        virtq_unpop(tx_queue(p), &p->part);
    p->has_part = false;
}

static const struct state_field port_state[] = { STATE_BOOL(struct port, guest_open), STATE_END };

static const struct virtio_ops serial_ops = {
    .id = 3, .pci_class = 0x078000, .queue_size = 128, .features = serial_features, .config = serial_config,
    .notify = serial_notify, .reset = serial_reset,
};

const struct device_type virtio_serial_device_type = {
    .name = "virtio-serial-device", .help = "consoles and channels", .bus = BUS_VIRTIO, .bytes = sizeof(struct serial),
    .props = serial_props, .state = serial_state, .state_version = 1, .iface = &serial_ops, .realize = serial_realize,
    .after_load = serial_after_load,
};

const struct device_type virtconsole_type = {
    .name = "virtconsole", .help = "console (hvc)", .bus = BUS_VIRTIO_SERIAL, .bytes = sizeof(struct port),
    .props = port_props, .state = port_state, .state_version = 1, .realize = port_realize, .unrealize = port_unrealize,
    .before_save = port_before_save,
};

const struct device_type virtserialport_type = {
    .name = "virtserialport", .help = "named channel", .bus = BUS_VIRTIO_SERIAL, .bytes = sizeof(struct port),
    .props = port_props, .state = port_state, .state_version = 1, .realize = port_realize, .unrealize = port_unrealize,
    .before_save = port_before_save,
};

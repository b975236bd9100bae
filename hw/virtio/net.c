/* hw/virtio/net.c - an Ethernet card.
 *
 * Queues: 0 receives, 1 sends, 2 controls. No offloads: every frame is whole and has its checksum.
 * Source: virtio 1.2, 5.1. */
#include "hw/virtio/net.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/alloc.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/net/net.h"
#include "hw/virtio/virtio.h"

#define F_MTU (UINT64_C(1) << 3)
#define F_MAC (UINT64_C(1) << 5)
#define F_MRG_RXBUF (UINT64_C(1) << 15)
#define F_STATUS (UINT64_C(1) << 16)
#define F_CTRL_VQ (UINT64_C(1) << 17)
#define F_CTRL_RX (UINT64_C(1) << 18)
#define F_CTRL_MAC_ADDR (UINT64_C(1) << 23)

enum { RX, TX, CTRL, QUEUES, HEADER = 12, FRAME_MAX = NET_FRAME_MAX, MACS_MAX = 64, TX_AT_ONCE = 256 };
enum { CTRL_RX_CLASS = 0, RX_PROMISC = 0, RX_ALLMULTI = 1, RX_ALLUNI = 2, RX_NOMULTI = 3, RX_NOUNI = 4, RX_NOBCAST = 5 };
enum { CTRL_MAC_CLASS = 1, MAC_TABLE_SET = 0, MAC_ADDR_SET = 1, CTRL_OK = 0, CTRL_ERR = 1 };

struct virtio_net {
    struct virtio_device vd;
    char *netdev;
    uint8_t mac_given[6], mac[6];
    uint16_t rx_size, tx_size, mtu;
    bool merge, status;
    struct net_port port;
    bool mode[6];               /* by RX_*: promiscuous, ... */
    uint8_t filter[MACS_MAX][6];
    uint32_t filters;
    bool filter_all;            /* more addresses than fit: take everything */
    uint8_t frame[FRAME_MAX];
};

/* --- receiving --------------------------------------------------------------------------------------------------- */

static bool wanted(const struct virtio_net *s, const uint8_t *frame)
{
    static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    bool multicast = frame[0] & 1;

    if (s->mode[RX_PROMISC] || s->filter_all)
        return true;
    if (memcmp(frame, broadcast, 6) == 0)
        return !s->mode[RX_NOBCAST];
    if (s->mode[multicast ? RX_NOMULTI : RX_NOUNI])
        return false;
    if (s->mode[multicast ? RX_ALLMULTI : RX_ALLUNI] || memcmp(frame, s->mac, 6) == 0)
        return true;
    for (uint32_t i = 0; i < s->filters; i++)
        if (memcmp(frame, s->filter[i], 6) == 0)
            return true;
    return false;
}

/* Buffers of one frame, until it is all stored. */
struct rx {
    struct virtq_buf buf[64];
    uint64_t written[64];
    unsigned count;
};

/* Spread header and frame over as many buffers as it takes, if the driver allows more than one. False: no room now. */
static bool store_frame(struct virtio_net *s, struct rx *rx, const uint8_t *frame, size_t len)
{
    struct virtq *q = &s->vd.queue[RX];
    uint8_t header[HEADER] = { 0 };
    size_t done = 0;

    for (rx->count = 0; rx->count == 0 || done < len; rx->count++) {
        struct virtq_buf *b;
        size_t off = rx->count ? 0 : HEADER;

        if (rx->count == 64 || (rx->count && !virtio_has(&s->vd, F_MRG_RXBUF)))
            return true; /* too large for the driver: cut off */
        b = &rx->buf[rx->count];
        if (!virtq_pop(q, b))
            return false;
        if (b->in_len < off + 1) {
            virtio_broken(&s->vd, "a receive buffer of %llu bytes", (unsigned long long)b->in_len);
            rx->count++;
            return false;
        }
        if (off)
            iov_write(b->iov + b->nout, b->nin, 0, header, HEADER);
        rx->written[rx->count] = off + iov_write(b->iov + b->nout, b->nin, off, frame + done, len - done);
        done += rx->written[rx->count] - off;
    }
    return true;
}

static bool receive(void *opaque, const uint8_t *frame, size_t len)
{
    struct virtio_net *s = opaque;
    struct virtq *q = &s->vd.queue[RX];
    struct rx rx;
    uint8_t count[2];

    if (!virtio_running(&s->vd) || !q->ready)
        return false;
    if (!wanted(s, frame))
        return true;
    if (!store_frame(s, &rx, frame, len)) {
        while (rx.count)
            virtq_unpop(q, &rx.buf[--rx.count]);
        return false;
    }
    store_le16(count, (uint16_t)rx.count);
    iov_write(rx.buf[0].iov + rx.buf[0].nout, rx.buf[0].nin, 10, count, 2);
    for (unsigned i = 0; i < rx.count; i++)
        virtq_push(q, &rx.buf[i], rx.written[i]);
    virtq_tell(q);
    return true;
}

/* --- sending ----------------------------------------------------------------------------------------------------- */

static void transmit(struct virtio_net *s)
{
    struct virtq *q = &s->vd.queue[TX];
    struct virtq_buf b;

    for (unsigned n = 0; virtq_pop(q, &b); n++) {
        size_t len;

        if (b.out_len < HEADER) {
            free(b.iov);
            virtio_broken(&s->vd, "a frame without header");
            return;
        }
        len = iov_read(b.iov, b.nout, HEADER, s->frame, sizeof(s->frame));
        virtq_push(q, &b, 0);
        net_send(&s->port, s->frame, len);
        if (n % TX_AT_ONCE == TX_AT_ONCE - 1)
            virtq_tell(q);
    }
    virtq_tell(q);
}

/* --- control ----------------------------------------------------------------------------------------------------- */

/* Two tables: unicast, multicast; each u32 count and addresses. */
static int set_mac_table(struct virtio_net *s, const struct virtq_buf *b)
{
    uint64_t off = 2;

    s->filters = 0;
    s->filter_all = false;
    for (int table = 0; table < 2; table++) {
        uint8_t raw[4];
        uint32_t n;

        if (iov_read(b->iov, b->nout, off, raw, 4) != 4)
            return CTRL_ERR;
        n = load_le32(raw);
        off += 4;
        if (n > (b->out_len - off) / 6)
            return CTRL_ERR;
        for (uint32_t i = 0; i < n; i++, off += 6) {
            if (s->filters == MACS_MAX)
                s->filter_all = true;
            else
                iov_read(b->iov, b->nout, off, s->filter[s->filters++], 6);
        }
    }
    return CTRL_OK;
}

static int command(struct virtio_net *s, const struct virtq_buf *b)
{
    uint8_t c[8];
    size_t len = iov_read(b->iov, b->nout, 0, c, sizeof(c));

    if (len >= 3 && c[0] == CTRL_RX_CLASS && c[1] <= RX_NOBCAST) {
        s->mode[c[1]] = c[2];
        return CTRL_OK;
    }
    if (len >= 2 && c[0] == CTRL_MAC_CLASS && c[1] == MAC_TABLE_SET)
        return set_mac_table(s, b);
    if (len >= 8 && c[0] == CTRL_MAC_CLASS && c[1] == MAC_ADDR_SET) {
        memcpy(s->mac, c + 2, 6);
        return CTRL_OK;
    }
    return CTRL_ERR;
}

static void control(struct virtio_net *s)
{
    struct virtq *q = &s->vd.queue[CTRL];
    struct virtq_buf b;

    while (virtq_pop(q, &b)) {
        uint8_t answer = (uint8_t)command(s, &b);

        virtq_push(q, &b, iov_write(b.iov + b.nout, b.nin, 0, &answer, 1));
    }
    virtq_tell(q);
}

static void net_notify(struct virtio_device *vd, unsigned queue)
{
    struct virtio_net *s = (struct virtio_net *)vd;

    if (queue == RX)
        net_flush(&s->port);
    else if (queue == TX)
        transmit(s);
    else
        control(s);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static uint64_t net_features(struct virtio_device *vd)
{
    const struct virtio_net *s = (const struct virtio_net *)vd;

    return F_MAC | F_CTRL_VQ | F_CTRL_RX | F_CTRL_MAC_ADDR | (s->merge ? F_MRG_RXBUF : 0) | (s->status ? F_STATUS : 0) |
           (s->mtu ? F_MTU : 0);
}

static size_t net_config(struct virtio_device *vd, uint8_t *c)
{
    struct virtio_net *s = (struct virtio_net *)vd;

    memcpy(c, s->mac, 6);
    store_le16(c + 6, s->port.up);
    store_le16(c + 8, 1);
    store_le16(c + 10, s->mtu);
    return 12;
}

static void net_reset(struct virtio_device *vd)
{
    struct virtio_net *s = (struct virtio_net *)vd;

    net_forget(&s->port);
    memset(s->mode, 0, sizeof(s->mode));
    s->mode[RX_PROMISC] = true; /* until the driver says what it wants */
    s->filters = 0;
    s->filter_all = false;
    memcpy(s->mac, s->mac_given, 6);
}

static void net_start(struct virtio_device *vd)
{
    net_flush(&((struct virtio_net *)vd)->port);
}

/* Cards without an address get 52:54:00:12:34:56 and the ones that follow. */
static void choose_mac(struct virtio_net *s)
{
    static const uint8_t first[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 }, none[6];
    unsigned n = 0;

    if (memcmp(s->mac_given, none, 6) == 0) {
        for (const struct device *d = s->vd.dev.next; d; d = d->next)
            n += d->type == s->vd.dev.type;
        memcpy(s->mac_given, first, 6);
        s->mac_given[5] = (uint8_t)(first[5] + n);
    }
    memcpy(s->mac, s->mac_given, 6);
}

static int net_realize(struct device *dev, struct error *err)
{
    static const struct net_port_ops ops = { .receive = receive };
    struct virtio_net *s = (struct virtio_net *)dev;

    if (virtio_check_size(&s->vd, "rx_queue_size", s->rx_size, err) < 0 ||
        virtio_check_size(&s->vd, "tx_queue_size", s->tx_size, err) < 0)
        return -EINVAL;
    virtio_init(&s->vd, QUEUES);
    virtio_limit_queue(&s->vd, RX, s->rx_size);
    virtio_limit_queue(&s->vd, TX, s->tx_size);
    choose_mac(s);
    net_port_init(&s->port, &ops, s);
    return net_nic_connect(&s->port, s->netdev, err);
}

struct net_port *virtio_net_port(struct device *dev)
{
    return &((struct virtio_net *)dev)->port;
}

static void net_unrealize(struct device *dev)
{
    net_port_end(&((struct virtio_net *)dev)->port);
}

static int net_after_load(struct device *dev, struct error *err)
{
    struct virtio_net *s = (struct virtio_net *)dev;

    if (s->filters > MACS_MAX)
        s->filters = MACS_MAX;
    return virtio_after_load(dev, err);
}

/* Source: virtio 1.2, 5.1.4.1. */
static int check_mtu(struct device *dev, struct error *err)
{
    uint16_t mtu = ((struct virtio_net *)dev)->mtu;

    if (mtu == 0 || mtu >= 68)
        return 0;
    return error_set(err, EINVAL, "host_mtu=%u: at least 68 bytes are needed", mtu);
}

static const struct prop net_props[] = {
    VIRTIO_PROPS(struct virtio_net, vd),
    PROP_BACKEND(struct virtio_net, netdev, "netdev", "netdev", "where the cable goes"),
    PROP_MAC(struct virtio_net, mac_given, "mac", NULL, "hardware address; 52:54:00:12:34:56 and following if absent"),
    PROP_BOOL(struct virtio_net, merge, "mrg_rxbuf", "on", "offer to spread a frame over several buffers"),
    PROP_BOOL(struct virtio_net, status, "status", "on", "offer to tell whether the cable is plugged in"),
    PROP_U16(struct virtio_net, mtu, "host_mtu", "0", "bytes of a packet that the driver is told to keep to; 0: not told",
             .check = check_mtu),
    PROP_U16(struct virtio_net, rx_size, "rx_queue_size", "256", "entries of the queue that receives, a power of two"),
    PROP_U16(struct virtio_net, tx_size, "tx_queue_size", "256", "entries of the queue that sends, a power of two"),
    DEVICE_BOOT_PROP(struct virtio_net, vd.dev),
    PROP_END,
};

static const struct state_field net_state[] = {
    VIRTIO_STATE(struct virtio_net, vd), STATE_ARRAY(struct virtio_net, mac), STATE_ARRAY(struct virtio_net, mode),
    STATE_ARRAY(struct virtio_net, filter), STATE_U32(struct virtio_net, filters), STATE_BOOL(struct virtio_net, filter_all),
    STATE_END,
};

static const struct virtio_ops net_ops = {
    .id = 1, .pci_class = 0x020000, .queue_size = 256, .features = net_features, .config = net_config,
    .notify = net_notify, .start = net_start, .reset = net_reset,
};

const struct device_type virtio_net_device_type = {
    .name = "virtio-net-device", .help = "Ethernet card", .bus = BUS_VIRTIO, .bytes = sizeof(struct virtio_net),
    .props = net_props, .state = net_state, .state_version = 1, .iface = &net_ops, .realize = net_realize,
    .unrealize = net_unrealize, .after_load = net_after_load,
};

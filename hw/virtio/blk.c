/* hw/virtio/blk.c - a disk.
 *
 *     kick -> take() -> blk_submit_*() -> [I/O thread] on_done() -> finish() -> used ring, interrupt
 *
 * on_done() never waits: it takes the machine lock if it is free, else it leaves the finished requests to the main
 * loop. So a reset can wait for the disk while it holds the lock.
 * Source: virtio 1.2, 5.2. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/alloc.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/block/backend.h"
#include "core/block/objects.h"
#include "core/event/loop.h"
#include "core/vm/lock.h"
#include "hw/virtio/virtio.h"

enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11, T_WRITE_ZEROES = 13 };
enum { S_OK = 0, S_IOERR = 1, S_UNSUPP = 2 };
enum { HEADER = 16, SECTOR = 512, ID_BYTES = 20, SEGMENT = 16, MAX_SECTORS = 1 << 22, UNMAP_FLAG = 1 };

#define F_SEG_MAX (UINT64_C(1) << 2)
#define F_RO (UINT64_C(1) << 5)
#define F_BLK_SIZE (UINT64_C(1) << 6)
#define F_FLUSH (UINT64_C(1) << 9)
#define F_TOPOLOGY (UINT64_C(1) << 10)
#define F_CONFIG_WCE (UINT64_C(1) << 11)
#define F_MQ (UINT64_C(1) << 12)
#define F_DISCARD (UINT64_C(1) << 13)
#define F_WRITE_ZEROES (UINT64_C(1) << 14)

enum { CACHE_AUTO, CACHE_ON, CACHE_OFF };

struct virtio_blk;

struct request {
    struct virtio_blk *s;
    struct virtq *q;
    struct virtq_buf b;
    uint32_t era;
    void *status;         /* the last byte that the device writes */
    int ret;
    struct request *next; /* finished */
};

struct virtio_blk {
    struct virtio_device vd;
    char *drive, *serial, *iothread;
    uint16_t num_queues, queue_size;
    int write_cache; /* CACHE_* */
    bool config_wce, discard, write_zeroes;
    uint32_t logical_block, physical_block;
    struct blk_backend *be;
    unsigned in_flight;
    pthread_mutex_t done_lock;
    struct request *done;
    bool call_pending;
};

/* --- the end of a request ---------------------------------------------------------------------------------------- */

static uint8_t status_of(int ret)
{
    return ret == 0 ? S_OK : ret == -ENOTSUP || ret == -EOPNOTSUPP ? S_UNSUPP : S_IOERR;
}

/* Machine lock held. A request of before a reset is forgotten. */
static void finish_one(struct request *r)
{
    struct virtio_blk *s = r->s;

    s->in_flight--;
    if (r->era == s->vd.era) {
        *(uint8_t *)r->status = status_of(r->ret);
        dma_unmap(s->vd.as, r->status, 1);
        virtq_push(r->q, &r->b, r->b.in_len);
        virtq_tell(r->q);
    } else {
        free(r->b.iov);
    }
    free(r);
}

static struct request *take_done(struct virtio_blk *s)
{
    struct request *list, *in_order = NULL;

    pthread_mutex_lock(&s->done_lock);
    list = s->done;
    s->done = NULL;
    s->call_pending = false;
    pthread_mutex_unlock(&s->done_lock);
    while (list) {
        struct request *r = list;

        list = r->next;
        r->next = in_order;
        in_order = r;
    }
    return in_order;
}

static void finish(void *opaque)
{
    struct virtio_blk *s = opaque;

    for (struct request *r = take_done(s), *next; r; r = next) {
        next = r->next;
        finish_one(r);
    }
}

static void on_done(void *opaque, int ret)
{
    struct request *r = opaque;
    struct virtio_blk *s = r->s;
    bool call;

    r->ret = ret;
    pthread_mutex_lock(&s->done_lock);
    r->next = s->done;
    s->done = r;
    call = !s->call_pending;
    s->call_pending = true;
    pthread_mutex_unlock(&s->done_lock);
    if (!call)
        return;
    if (machine_trylock()) {
        finish(s);
        machine_unlock();
    } else {
        loop_call(s->vd.dev.board->loop, finish, s);
    }
}

/* --- requests ---------------------------------------------------------------------------------------------------- */

static void end_now(struct request *r, int ret)
{
    r->ret = ret;
    finish_one(r);
}

/* The pieces between header and status; the first byte behind the header is in piece `first`. */
struct data {
    struct iovec *iov;
    int n;
    uint64_t bytes;
};

/* Cut `skip` bytes off the front of pieces, and `tail` off their end. */
static struct data cut(struct iovec *iov, unsigned n, uint64_t skip, uint64_t tail)
{
    struct data d = { iov, 0, 0 };

    while (n && skip >= iov->iov_len) {
        skip -= iov->iov_len;
        iov++;
        n--;
    }
    if (n && skip) {
        iov->iov_base = (char *)iov->iov_base + skip;
        iov->iov_len -= skip;
    }
    while (n && tail) {
        struct iovec *last = &iov[n - 1];
        uint64_t part = tail < last->iov_len ? tail : last->iov_len;

        last->iov_len -= part;
        tail -= part;
        if (!last->iov_len)
            n--;
    }
    d.iov = iov;
    d.n = (int)n;
    for (unsigned i = 0; i < n; i++)
        d.bytes += iov[i].iov_len;
    return d;
}

static bool in_bounds(struct virtio_blk *s, uint64_t sector, uint64_t bytes)
{
    uint64_t size = blk_backend_bytes(s->be);

    return sector <= UINT64_MAX / SECTOR && sector * SECTOR <= size && bytes <= size - sector * SECTOR && bytes % SECTOR == 0;
}

static void discard_or_zero(struct request *r, uint32_t type, const struct iovec *out, unsigned nout)
{
    struct virtio_blk *s = r->s;
    uint8_t seg[SEGMENT];
    uint64_t sector, bytes;
    uint32_t flags;

    if (iov_read(out, nout, HEADER, seg, sizeof(seg)) != sizeof(seg) || r->b.out_len != HEADER + SEGMENT) {
        end_now(r, -ENOTSUP); /* one segment a request is what the configuration says */
        return;
    }
    sector = load_le64(seg);
    bytes = (uint64_t)load_le32(seg + 8) * SECTOR;
    flags = load_le32(seg + 12);
    if (flags & ~(uint32_t)(type == T_WRITE_ZEROES ? UNMAP_FLAG : 0))
        end_now(r, -ENOTSUP);
    else if (!in_bounds(s, sector, bytes))
        end_now(r, -EIO);
    else if (type == T_DISCARD)
        blk_submit_discard(s->be, sector * SECTOR, bytes, on_done, r);
    else
        blk_submit_zeroes(s->be, sector * SECTOR, bytes, flags & UNMAP_FLAG, on_done, r);
}

static void get_id(struct request *r, struct data d)
{
    char id[ID_BYTES] = { 0 };
    const char *serial = r->s->serial ? r->s->serial : blk_backend_serial(r->s->be);

    if (serial)
        memcpy(id, serial, strnlen(serial, sizeof(id)));
    iov_write(d.iov, (unsigned)d.n, 0, id, sizeof(id));
    end_now(r, 0);
}

static void serve(struct request *r)
{
    struct virtio_blk *s = r->s;
    struct iovec *out = r->b.iov, *in = r->b.iov + r->b.nout;
    uint8_t header[HEADER];
    uint32_t type;
    uint64_t sector;
    struct data d;

    iov_read(out, r->b.nout, 0, header, sizeof(header));
    type = load_le32(header);
    sector = load_le64(header + 8);
    switch (type) {
    case T_IN:
        d = cut(in, r->b.nin, 0, 1);
        if (!in_bounds(s, sector, d.bytes))
            end_now(r, -EIO);
        else
            blk_submit_read(s->be, sector * SECTOR, d.iov, d.n, on_done, r);
        break;
    case T_OUT:
        d = cut(out, r->b.nout, HEADER, 0);
        if (!in_bounds(s, sector, d.bytes) || blk_backend_readonly(s->be))
            end_now(r, -EIO);
        else
            blk_submit_write(s->be, sector * SECTOR, d.iov, d.n, on_done, r);
        break;
    case T_FLUSH:
        blk_submit_flush(s->be, on_done, r);
        break;
    case T_GET_ID:
        get_id(r, cut(in, r->b.nin, 0, 1));
        break;
    case T_DISCARD:
    case T_WRITE_ZEROES:
        if (blk_backend_readonly(s->be))
            end_now(r, -EIO);
        else
            discard_or_zero(r, type, out, r->b.nout);
        break;
    default:
        end_now(r, -ENOTSUP);
    }
}

static void blk_notify(struct virtio_device *vd, unsigned queue)
{
    struct virtio_blk *s = (struct virtio_blk *)vd;
    struct virtq *q = &vd->queue[queue];
    struct virtq_buf b;

    while (virtq_pop(q, &b)) {
        struct request *r;
        const struct iovec *last = &b.iov[b.nout + b.nin - 1];

        if (b.out_len < HEADER || !b.in_len) {
            virtio_broken(vd, "a request without header or status");
            free(b.iov);
            return;
        }
        r = NEW(struct request);
        *r = (struct request){ .s = s, .q = q, .b = b, .era = vd->era };
        r->status = (char *)last->iov_base + last->iov_len - 1;
        s->in_flight++;
        serve(r);
    }
}

/* --- configuration ----------------------------------------------------------------------------------------------- */

static uint64_t blk_features(struct virtio_device *vd)
{
    struct virtio_blk *s = (struct virtio_blk *)vd;
    uint64_t f = F_SEG_MAX | F_BLK_SIZE | F_FLUSH | F_TOPOLOGY | (s->config_wce ? F_CONFIG_WCE : 0);

    if (blk_backend_readonly(s->be))
        f |= F_RO;
    else
        f |= (s->write_zeroes ? F_WRITE_ZEROES : 0) | (s->discard && blk_backend_can_discard(s->be) ? F_DISCARD : 0);
    return s->num_queues > 1 ? f | F_MQ : f;
}

static size_t blk_config(struct virtio_device *vd, uint8_t *c)
{
    struct virtio_blk *s = (struct virtio_blk *)vd;
    unsigned exponent = (unsigned)__builtin_ctz(s->physical_block / s->logical_block);

    store_le64(c + 0, blk_backend_bytes(s->be) / SECTOR);
    store_le32(c + 12, s->queue_size - 2u); /* seg_max */
    store_le32(c + 20, s->logical_block);
    c[24] = (uint8_t)exponent;
    c[32] = blk_backend_write_cache(s->be);
    store_le16(c + 34, s->num_queues);
    store_le32(c + 36, MAX_SECTORS); /* discard: sectors, segments, alignment */
    store_le32(c + 40, 1);
    store_le32(c + 44, s->logical_block / SECTOR);
    store_le32(c + 48, MAX_SECTORS); /* write zeroes: sectors, segments, may unmap */
    store_le32(c + 52, 1);
    c[56] = 1;
    return 60;
}

static void blk_write_config(struct virtio_device *vd, unsigned off, const uint8_t *bytes, unsigned len)
{
    if (off == 32 && len == 1 && virtio_has(vd, F_CONFIG_WCE))
        blk_backend_set_write_cache(((struct virtio_blk *)vd)->be, bytes[0] & 1);
}

/* No request may touch guest memory afterwards. */
static void blk_reset(struct virtio_device *vd)
{
    struct virtio_blk *s = (struct virtio_blk *)vd;

    if (!s->in_flight)
        return;
    blk_backend_drain(s->be);
    finish(s);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static void resized(void *opaque, uint64_t bytes)
{
    bool locked = machine_lock_if_needed();

    (void)bytes;
    virtio_config_changed(opaque);
    if (locked)
        machine_unlock();
}

static int check_blocks(struct virtio_blk *s, struct error *err)
{
    uint32_t l = s->logical_block, p = s->physical_block;

    if (l < SECTOR || (l & (l - 1)) || l > 32768 || p < l || (p & (p - 1)) || p > 1 << 21)
        return error_set(err, EINVAL, "%s: logical_block_size=%u and physical_block_size=%u must be powers of two, from 512 "
                         "to 32768, and the physical one not smaller", device_name(&s->vd.dev), l, p);
    return 0;
}

static int blk_realize(struct device *dev, struct error *err)
{
    static const struct blk_device_ops ops = { .resized = resized };
    struct virtio_blk *s = (struct virtio_blk *)dev;
    int ret = check_blocks(s, err);

    if (ret == 0)
        ret = virtio_check_size(&s->vd, "queue-size", s->queue_size, err);
    if (ret < 0)
        return ret;
    if (!s->drive)
        return error_set(err, EINVAL, "%s needs a disk; give it drive=ID", device_name(dev->wrapper ? dev->wrapper : dev));
    s->be = blk_backend_get(s->drive, err);
    if (!s->be)
        return -ENODEV;
    ret = blk_backend_attach(s->be, &ops, s, device_name(dev->wrapper ? dev->wrapper : dev), !blk_backend_readonly(s->be), err);
    if (ret < 0)
        return ret;
    if (s->iothread) {
        struct io_loop *loop = blk_iothread_find(s->iothread, err);

        if (!loop || blk_backend_set_loop(s->be, loop, err) < 0) {
            blk_backend_detach(s->be);
            return -EINVAL;
        }
    }
    pthread_mutex_init(&s->done_lock, NULL);
    if (s->write_cache != CACHE_AUTO)
        blk_backend_set_write_cache(s->be, s->write_cache == CACHE_ON);
    virtio_init(&s->vd, s->num_queues);
    for (unsigned i = 0; i < s->num_queues; i++)
        virtio_limit_queue(&s->vd, i, s->queue_size);
    return 0;
}

static void blk_unrealize(struct device *dev)
{
    struct virtio_blk *s = (struct virtio_blk *)dev;

    s->vd.era++;
    blk_backend_detach(s->be);
    finish(s);
    pthread_mutex_destroy(&s->done_lock);
}

static const char *const cache_words[] = { "auto", "on", "off", NULL };

static const struct prop blk_props[] = {
    VIRTIO_PROPS(struct virtio_blk, vd),
    PROP_BACKEND(struct virtio_blk, drive, "drive", "drive", "the disk"),
    PROP_STR(struct virtio_blk, serial, "serial", NULL, "serial number, up to 20 bytes"),
    PROP_STR(struct virtio_blk, iothread, "iothread", NULL, "the I/O thread (-object iothread) that serves its requests"),
    PROP_U16(struct virtio_blk, num_queues, "num-queues", "1", "request queues", .min = 1, .max = VIRTIO_QUEUES_MAX),
    PROP_U16(struct virtio_blk, queue_size, "queue-size", "256", "entries of each queue, a power of two"),
    PROP_ENUM(struct virtio_blk, write_cache, "write-cache", "auto", "does the disk keep writes back until it is flushed; auto: as the drive does", cache_words),
    PROP_BOOL(struct virtio_blk, config_wce, "config-wce", "on", "the guest may switch that"),
    PROP_BOOL(struct virtio_blk, discard, "discard", "on", "offer to forget sectors"),
    PROP_BOOL(struct virtio_blk, write_zeroes, "write-zeroes", "on", "offer to write zeros without data"),
    DEVICE_BOOT_PROP(struct virtio_blk, vd.dev),
    PROP_U32(struct virtio_blk, logical_block, "logical_block_size", "512", "bytes that a request is a multiple of"),
    PROP_U32(struct virtio_blk, physical_block, "physical_block_size", "512", "bytes that are best written together"),
    PROP_END,
};

static const struct state_field blk_state[] = { VIRTIO_STATE(struct virtio_blk, vd), STATE_END };

/* Requests in flight belong to no snapshot: the machine is drained before. */
static void blk_before_save(struct device *dev)
{
    blk_reset((struct virtio_device *)dev);
}

static const struct virtio_ops blk_ops = {
    .id = 2, .pci_class = 0x010000, .queue_size = 256, .features = blk_features, .config = blk_config,
    .write_config = blk_write_config, .notify = blk_notify, .reset = blk_reset,
};

const struct device_type virtio_blk_device_type = {
    .name = "virtio-blk-device", .help = "disk", .bus = BUS_VIRTIO, .bytes = sizeof(struct virtio_blk), .props = blk_props,
    .state = blk_state, .state_version = 1, .iface = &blk_ops, .realize = blk_realize, .unrealize = blk_unrealize,
    .before_save = blk_before_save, .after_load = virtio_after_load,
};

/* hw/virtio/rng.c - random bytes from the host's kernel, or from what -object rng-random names.
 *
 * Source: virtio 1.2, 5.4. */
#include <errno.h>
#include "core/dev/prop.h"
#include "core/vm/objects.h"
#include "hw/virtio/virtio.h"

enum { AT_ONCE = 64 * 1024 }; /* bytes a buffer gets: more is not asked of the host in one go */

struct virtio_rng {
    struct virtio_device vd;
    char *source_id;
    struct rng_source *source;                 /* NULL: the host's kernel */
};

static uint64_t fill(struct rng_source *source, const struct virtq_buf *b)
{
    uint64_t done = 0;

    for (unsigned i = b->nout; i < b->nout + b->nin && done < AT_ONCE; i++) {
        size_t want = b->iov[i].iov_len < AT_ONCE - done ? b->iov[i].iov_len : AT_ONCE - done;

        for (size_t got = 0; got < want;) {
            size_t n = rng_read(source, (char *)b->iov[i].iov_base + got, want - got);

            if (!n)
                return done;
            got += n;
            done += n;
        }
    }
    return done;
}

static void rng_notify(struct virtio_device *vd, unsigned queue)
{
    struct virtq *q = &vd->queue[queue];
    struct virtq_buf b;

    while (virtq_pop(q, &b))
        virtq_push(q, &b, fill(((struct virtio_rng *)vd)->source, &b));
    virtq_tell(q);
}

static int rng_realize(struct device *dev, struct error *err)
{
    struct virtio_rng *r = (struct virtio_rng *)dev;

    if (r->source_id && !(r->source = rng_find(r->source_id, err)))
        return -ENOENT;
    virtio_init(&r->vd, 1);
    return 0;
}

static const struct virtio_ops rng_ops = { .id = 4, .pci_class = 0x00ff00, .queue_size = 8, .notify = rng_notify };

static const struct prop rng_props[] = {
    VIRTIO_PROPS(struct virtio_rng, vd),
    PROP_BACKEND(struct virtio_rng, source_id, "rng", "rng", "where the bytes come from (ID of an rng object); the host's kernel without it"),
    PROP_END,
};

static const struct state_field rng_state[] = { VIRTIO_STATE(struct virtio_rng, vd), STATE_END };

const struct device_type virtio_rng_device_type = {
    .name = "virtio-rng-device", .help = "source of random bytes", .bus = BUS_VIRTIO, .bytes = sizeof(struct virtio_rng),
    .props = rng_props, .state = rng_state, .state_version = 1, .iface = &rng_ops, .realize = rng_realize, .after_load = virtio_after_load,
};

/* hw/virtio/rng.c - random bytes from the host's kernel.
 *
 * Source: virtio 1.2, 5.4. */
#include <sys/random.h>
#include "hw/virtio/virtio.h"

enum { AT_ONCE = 64 * 1024 }; /* bytes a buffer gets: more is not asked of the host in one go */

struct virtio_rng {
    struct virtio_device vd;
};

static uint64_t fill(const struct virtq_buf *b)
{
    uint64_t done = 0;

    for (unsigned i = b->nout; i < b->nout + b->nin && done < AT_ONCE; i++) {
        size_t want = b->iov[i].iov_len < AT_ONCE - done ? b->iov[i].iov_len : AT_ONCE - done;

        for (size_t got = 0; got < want;) {
            ssize_t n = getrandom((char *)b->iov[i].iov_base + got, want - got, 0);

            if (n < 0)
                return done;
            got += (size_t)n;
            done += (uint64_t)n;
        }
    }
    return done;
}

static void rng_notify(struct virtio_device *vd, unsigned queue)
{
    struct virtq *q = &vd->queue[queue];
    struct virtq_buf b;

    while (virtq_pop(q, &b))
        virtq_push(q, &b, fill(&b));
    virtq_tell(q);
}

static int rng_realize(struct device *dev, struct error *err)
{
    (void)err;
    virtio_init((struct virtio_device *)dev, 1);
    return 0;
}

static const struct virtio_ops rng_ops = { .id = 4, .pci_class = 0x00ff00, .queue_size = 8, .notify = rng_notify };

static const struct state_field rng_state[] = { VIRTIO_STATE(struct virtio_rng, vd), STATE_END };

const struct device_type virtio_rng_device_type = {
    .name = "virtio-rng-device", .help = "source of random bytes", .bus = BUS_VIRTIO, .bytes = sizeof(struct virtio_rng),
    .state = rng_state, .state_version = 1, .iface = &rng_ops, .realize = rng_realize, .after_load = virtio_after_load,
};

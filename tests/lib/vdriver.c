/* tests/lib/vdriver.c - see vdriver.h. */
#include "tests/lib/vdriver.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include "core/base/error.h"
#include "core/opt/optlist.h"

enum { PAGE = 0x1000, PAGES_A_QUEUE = 8 };

gpa vd_desc(unsigned q)
{
    return BENCH_RAM + (gpa)q * PAGES_A_QUEUE * PAGE;
}

gpa vd_avail(unsigned q)
{
    return vd_desc(q) + PAGE;
}

gpa vd_used(unsigned q)
{
    return vd_desc(q) + 2 * PAGE;
}

gpa vd_data(unsigned q)
{
    return vd_desc(q) + 3 * PAGE;
}

uint32_t vdriver_r32(struct vdriver *v, unsigned reg)
{
    return bench_r32(v->b, v->regs + reg);
}

void vdriver_w32(struct vdriver *v, unsigned reg, uint32_t val)
{
    bench_w32(v->b, v->regs + reg, val);
}

uint8_t vdriver_status(struct vdriver *v)
{
    return (uint8_t)vdriver_r32(v, 0x70);
}

struct device *vdriver_add(struct vdriver *v, struct bench *b, gpa regs, const char *type, const char *props)
{
    struct device *transport = bench_add(b, "virtio-mmio", regs), *dev;
    struct error err = ERROR_INIT;

    *v = (struct vdriver){ .b = b, .regs = regs };
    dev = device_new(bench_board(b), device_type_find(type), NULL, &err);
    assert_non_null(dev);
    if (props) {
        struct optlist *l = optlist_parse("-device", props, NULL, &err);

        for (size_t i = 0; i < optlist_count(l); i++)
            if (device_set(dev, optlist_key(l, i), optlist_value(l, i), &err) < 0)
                fail_msg("%s", err.text);
        optlist_free(l);
    }
    if (device_realize(dev, transport->buses, &err) < 0)
        fail_msg("%s", err.text);
    transport->type->reset(transport);
    return dev;
}

static void set_queue(struct vdriver *v, unsigned q)
{
    vdriver_w32(v, 0x30, q);
    vdriver_w32(v, 0x38, VD_QUEUE);
    vdriver_w32(v, 0x80, (uint32_t)vd_desc(q));
    vdriver_w32(v, 0x84, (uint32_t)(vd_desc(q) >> 32));
    vdriver_w32(v, 0x90, (uint32_t)vd_avail(q));
    vdriver_w32(v, 0x94, (uint32_t)(vd_avail(q) >> 32));
    vdriver_w32(v, 0xa0, (uint32_t)vd_used(q));
    vdriver_w32(v, 0xa4, (uint32_t)(vd_used(q) >> 32));
    vdriver_w32(v, 0x44, 1);
    for (gpa at = vd_desc(q); at < vd_data(q); at += 8)
        bench_w64(v->b, at, 0);
}

void vdriver_start(struct vdriver *v, uint64_t features, unsigned queues)
{
    features |= VIRTIO_F_VERSION_1;
    vdriver_w32(v, 0x70, 0);
    vdriver_w32(v, 0x70, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
    for (unsigned half = 0; half < 2; half++) {
        vdriver_w32(v, 0x24, half);
        vdriver_w32(v, 0x20, (uint32_t)(features >> half * 32));
    }
    vdriver_w32(v, 0x70, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
    assert_true(vdriver_status(v) & VIRTIO_FEATURES_OK);
    for (unsigned q = 0; q < queues; q++)
        set_queue(v, q);
    vdriver_w32(v, 0x70, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK);
}

void vd_put_desc(struct vdriver *v, gpa table, unsigned n, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
    bench_w64(v->b, table + 16 * n, addr);
    bench_w32(v->b, table + 16 * n + 8, len);
    bench_w16(v->b, table + 16 * n + 12, flags);
    bench_w16(v->b, table + 16 * n + 14, next);
}

void vd_offer(struct vdriver *v, unsigned q, uint16_t head)
{
    uint16_t index = bench_r16(v->b, vd_avail(q) + 2);

    bench_w16(v->b, vd_avail(q) + 4 + 2 * (index % VD_QUEUE), head);
    bench_w16(v->b, vd_avail(q) + 2, (uint16_t)(index + 1));
}

void vd_kick(struct vdriver *v, unsigned q)
{
    vdriver_w32(v, 0x50, q);
}

uint16_t vd_used_index(struct vdriver *v, unsigned q)
{
    return bench_r16(v->b, vd_used(q) + 2);
}

uint32_t vd_used_len(struct vdriver *v, unsigned q, unsigned n)
{
    return bench_r32(v->b, vd_used(q) + 4 + 8 * (n % VD_QUEUE) + 4);
}

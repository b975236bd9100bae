/* tests/lib/vdriver.h - a virtio driver for tests: negotiates over MMIO and lays queues out in the bench's RAM. */
#pragma once

#include "hw/virtio/virtio.h"
#include "tests/lib/bench.h"

enum { VD_NEXT = 1, VD_WRITE = 2, VD_INDIRECT = 4, VD_QUEUE = 8 /* entries */ };

struct vdriver {
    struct bench *b;
    gpa regs;
};

/** vdriver_add - a virtio-mmio transport at @regs with a device of @type in it. Its interrupt is the bench's next line. */
struct device *vdriver_add(struct vdriver *v, struct bench *b, gpa regs, const char *type, const char *props);
/** vdriver_start - reset, accept @features (VERSION_1 is added), set up @queues queues of VD_QUEUE entries, DRIVER_OK. */
void vdriver_start(struct vdriver *v, uint64_t features, unsigned queues);
uint8_t vdriver_status(struct vdriver *v);
uint32_t vdriver_r32(struct vdriver *v, unsigned reg);
void vdriver_w32(struct vdriver *v, unsigned reg, uint32_t val);

/* Addresses of the parts of queue @q, and of a page for data that belongs to it. */
gpa vd_desc(unsigned q);
gpa vd_avail(unsigned q);
gpa vd_used(unsigned q);
gpa vd_data(unsigned q);

/** vd_put_desc - write descriptor @n of a table. */
void vd_put_desc(struct vdriver *v, gpa table, unsigned n, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next);
/** vd_offer - make descriptor @head available, without a kick. vd_kick - notify. */
void vd_offer(struct vdriver *v, unsigned q, uint16_t head);
void vd_kick(struct vdriver *v, unsigned q);
/** vd_used_index, vd_used_len - what the device has handed back. */
uint16_t vd_used_index(struct vdriver *v, unsigned q);
uint32_t vd_used_len(struct vdriver *v, unsigned q, unsigned n);

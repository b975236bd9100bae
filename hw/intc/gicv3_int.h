/* hw/intc/gicv3_int.h - what the files of the GICv3 share. */
#pragma once

#include "hw/intc/gicv3.h"

enum {
    GICV3_CPUS = 64, GICV3_PRIVATE = 32, GICV3_SGIS = 16, GICV3_IRQS = 1020, GICV3_SPIS = GICV3_IRQS - GICV3_PRIVATE,
    GICV3_WORDS = (GICV3_IRQS + 31) / 32, GICV3_SPURIOUS = 1023, GICV3_IDLE = 0x100,
    GICV3_LPI_FIRST = 8192, GICV3_ID_BITS = 16, GICV3_LPI_BYTES = (1 << GICV3_ID_BITS) / 8, GICV3_PRIORITY_MASK = 0xf8,
};
enum { GICV3_GROUP0 = 1, GICV3_GROUP1 = 2 };

struct gicv3_irq {
    bool enabled, pending, active, level, group1, edge;
    uint8_t priority;
    uint64_t route; /* of a shared one: affinity, bit 31 for any CPU */
};

/* A CPU's redistributor and its interface. */
struct gicv3_cpu {
    struct gicv3_irq irq[GICV3_PRIVATE];
    uint32_t waker;
    uint32_t ctlr;            /* bit 0: LPIs are enabled */
    uint64_t propbaser, pendbaser;
    uint8_t *lpi_pending;     /* a bit for each ID up to 1 << GICV3_ID_BITS */
    uint32_t lpi_bytes;
    uint32_t best_lpi, best_lpi_priority; /* derived: GICV3_SPURIOUS and GICV3_IDLE for none */
    /* interface */
    uint8_t pmr, bpr[2];      /* [0] group 0, [1] group 1 */
    uint32_t apr[2];
    uint32_t icc_ctlr, enable[2];
    uint32_t live[GICV3_WORDS]; /* derived: enabled, pending, not active, routed here */
};

struct gicv3 {
    struct device dev;
    uint32_t cpus, irqs;      /* irqs: with the private ones */
    bool lpis;
    uint32_t ctlr;
    struct gicv3_irq spi[GICV3_SPIS];
    struct gicv3_cpu cpu[GICV3_CPUS];
    struct mem_region *redistributors;
};

/** gicv3_irq_of - an interrupt as CPU @cpu sees it; n < s->irqs. */
static inline struct gicv3_irq *gicv3_irq_of(struct gicv3 *s, unsigned cpu, unsigned n)
{
    return n < GICV3_PRIVATE ? &s->cpu[cpu].irq[n] : &s->spi[n - GICV3_PRIVATE];
}

/** gicv3_refresh - an interrupt has changed: note whether it is a candidate, and drive the lines. */
void gicv3_refresh(struct gicv3 *s, unsigned cpu, unsigned n);
/** gicv3_update - drive a CPU's lines. */
void gicv3_update(struct gicv3 *s, unsigned cpu);
/** gicv3_send_sgi - pend a software-generated interrupt of a group at a CPU. */
void gicv3_send_sgi(struct gicv3 *s, unsigned cpu, unsigned n, bool group1);

/** gicv3_lpi - pend an LPI at a CPU, or take that back. gicv3_lpi_look - its configuration, or that of all, has changed. */
void gicv3_lpi(struct gicv3 *s, unsigned cpu, uint32_t id, bool pending);
void gicv3_lpi_look(struct gicv3 *s, unsigned cpu);
/** gicv3_lpi_move - what is pending of an ID, or (@id 0) of all, goes to another CPU. */
void gicv3_lpi_move(struct gicv3 *s, unsigned from, unsigned to, uint32_t id);
void gicv3_lpi_enable(struct gicv3 *s, unsigned cpu, bool on);

/** gicv3_takeable - what acknowledging would give, by group; GICV3_SPURIOUS if nothing. */
uint32_t gicv3_takeable(struct gicv3 *s, unsigned cpu, bool *group1);
/** gicv3_interface_reset - the interface of a CPU. */
void gicv3_interface_reset(struct gicv3_cpu *c);

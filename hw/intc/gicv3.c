/* hw/intc/gicv3.c - ARM Generic Interrupt Controller, version 3: distributor and redistributors, one security state.
 *
 *     inactive --line or write--> pending --acknowledge--> active --end of interrupt--> inactive
 *                                    ^----line still high---'  (pending and active at once is possible)
 *
 * IDs 0-15 are sent by CPUs (SGI), 16-31 are private lines (PPI), 32-1019 shared (SPI), each routed to one CPU; from 8192
 * on they are messages (LPI, gicv3_lpi.c). Outputs: 2 * cpu is IRQ, 2 * cpu + 1 FIQ.
 * Source: Arm Generic Interrupt Controller Architecture Specification, version 3 and 4 (IHI 0069G), chapters 4 and 12. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "hw/intc/gicv3_int.h"

enum {
    D_CTLR = 0x000, D_TYPER = 0x004, D_IIDR = 0x008, D_SETSPI = 0x040, D_CLRSPI = 0x048, D_IGROUP = 0x080,
    D_ISENABLE = 0x100, D_ICENABLE = 0x180, D_ISPEND = 0x200, D_ICPEND = 0x280, D_ISACTIVE = 0x300, D_ICACTIVE = 0x380,
    D_PRIORITY = 0x400, D_CFG = 0xc00, D_CFG_END = 0xd00, D_ROUTER = 0x6000, D_ROUTER_END = 0x8000, ID = 0xffd0,
    D_LENGTH = 0x10000,
};
enum {
    R_CTLR = 0x00, R_IIDR = 0x04, R_TYPER = 0x08, R_WAKER = 0x14, R_PROPBASER = 0x70, R_PENDBASER = 0x78, R_SGI = 0x10000,
    R_ID = 0xffd0,
};
enum { CTLR_ARE = 0x10, CTLR_DS = 0x40, IIDR = 0x0043043b, WAKER_SLEEP = 2, WAKER_ASLEEP = 4, ANY_CPU = UINT32_C(1) << 31 };

#define BASER_MASK UINT64_C(0x070fffffffff0f9f)
#define ROUTE_MASK UINT64_C(0xff80ffffff)

/* --- which CPU, and is it a candidate --------------------------------------------------------------------------------- */

static uint64_t affinity_of(unsigned cpu)
{
    return (cpu & 7) | cpu >> 3 << 8;
}

static unsigned cpu_of_route(const struct gicv3 *s, uint64_t route)
{
    uint64_t cpu = (route & 0xff) + (route >> 8 & 0xff) * 8;

    if (route & ANY_CPU)
        return 0;
    return (route & 0xff) < 8 && cpu < s->cpus && !(route & UINT64_C(0xff00ff0000)) ? (unsigned)cpu : GICV3_CPUS;
}

static void mark(struct gicv3_cpu *c, unsigned n, bool live)
{
    if (live)
        c->live[n / 32] |= UINT32_C(1) << n % 32;
    else
        c->live[n / 32] &= ~(UINT32_C(1) << n % 32);
}

void gicv3_refresh(struct gicv3 *s, unsigned cpu, unsigned n)
{
    const struct gicv3_irq *q = gicv3_irq_of(s, cpu, n);
    bool live = q->enabled && (q->pending || (!q->edge && q->level)) && !q->active;

    if (n >= GICV3_PRIVATE)
        cpu = cpu_of_route(s, q->route);
    if (cpu >= s->cpus)
        return;
    mark(&s->cpu[cpu], n, live);
    gicv3_update(s, cpu);
}

void gicv3_update(struct gicv3 *s, unsigned cpu)
{
    bool group1 = false, any = gicv3_takeable(s, cpu, &group1) != GICV3_SPURIOUS;

    irq_set(&s->dev.irq[2 * cpu], any && group1);
    irq_set(&s->dev.irq[2 * cpu + 1], any && !group1);
}

static void update_all(struct gicv3 *s)
{
    for (unsigned i = 0; i < s->cpus; i++)
        gicv3_update(s, i);
}

static void set_route(struct gicv3 *s, unsigned n, uint64_t route)
{
    struct gicv3_irq *q = gicv3_irq_of(s, 0, n);
    unsigned old = cpu_of_route(s, q->route);

    q->route = route & ROUTE_MASK;
    if (old < s->cpus) {
        mark(&s->cpu[old], n, false);
        gicv3_update(s, old);
    }
    gicv3_refresh(s, 0, n);
}

/* --- lines ------------------------------------------------------------------------------------------------------------- */

static void set_level(struct gicv3 *s, unsigned cpu, unsigned n, bool level)
{
    struct gicv3_irq *q = gicv3_irq_of(s, cpu, n);

    if (q->level == level)
        return;
    q->level = level;
    if (level && q->edge)
        q->pending = true;
    gicv3_refresh(s, cpu, n);
}

static void set_spi(void *opaque, unsigned pin, bool level)
{
    set_level(opaque, 0, pin, level);
}

static void set_ppi(void *opaque, unsigned pin, bool level)
{
    set_level(opaque, pin / GICV3_PRIVATE, pin % GICV3_PRIVATE, level);
}

struct irq_line gicv3_spi(struct device *gic, unsigned n)
{
    struct gicv3 *s = (struct gicv3 *)gic;

    return n + GICV3_PRIVATE < s->irqs ? irq_make(set_spi, s, n + GICV3_PRIVATE) : (struct irq_line){ 0 };
}

struct irq_line gicv3_ppi(struct device *gic, unsigned cpu, unsigned id)
{
    return irq_make(set_ppi, gic, cpu * GICV3_PRIVATE + id % GICV3_PRIVATE);
}

void gicv3_send_sgi(struct gicv3 *s, unsigned cpu, unsigned n, bool group1)
{
    struct gicv3_irq *q = gicv3_irq_of(s, cpu, n % GICV3_SGIS);

    if (q->group1 != group1)
        return;
    q->pending = true;
    gicv3_refresh(s, cpu, n % GICV3_SGIS);
}

/* --- the registers that both have: bits, priorities and configuration of IDs [first, last) ------------------------------- */

struct window { unsigned cpu, first, last; };

static bool bit_of(const struct gicv3_irq *q, unsigned kind)
{
    switch (kind) {
    case D_IGROUP:
        return q->group1;
    case D_ISENABLE:
    case D_ICENABLE:
        return q->enabled;
    case D_ISPEND:
    case D_ICPEND:
        return q->pending || (!q->edge && q->level);
    default:
        return q->active;
    }
}

static void set_bit(struct gicv3_irq *q, unsigned kind, bool on, bool sgi)
{
    if (kind == D_IGROUP)
        q->group1 = on;
    else if (!on)
        return;
    else if (kind == D_ISENABLE || kind == D_ICENABLE)
        q->enabled = kind == D_ISENABLE;
    else if (kind == D_ISPEND)
        q->pending = true;
    else if (kind == D_ICPEND)
        q->pending = false;
    else
        q->active = kind == D_ISACTIVE;
    (void)sgi;
}

static uint8_t read_byte(struct gicv3 *s, const struct window *w, unsigned off)
{
    unsigned n = off < D_PRIORITY ? (off & 0x7f) * 8 : off < D_CFG ? off - D_PRIORITY : (off - D_CFG) * 4;
    unsigned each = off < D_PRIORITY ? 8 : off < D_CFG ? 1 : 4;
    uint8_t val = 0;

    for (unsigned i = 0; i < each; i++) {
        const struct gicv3_irq *q;

        if (n + i < w->first || n + i >= w->last)
            continue;
        q = gicv3_irq_of(s, w->cpu, n + i);
        if (each == 8)
            val |= (uint8_t)(bit_of(q, off & ~0x7fu) << i);
        else if (each == 1)
            val = q->priority;
        else
            val |= (uint8_t)((q->edge ? 2u : 0) << i * 2);
    }
    return val;
}

static void write_byte(struct gicv3 *s, const struct window *w, unsigned off, uint8_t val)
{
    unsigned n = off < D_PRIORITY ? (off & 0x7f) * 8 : off < D_CFG ? off - D_PRIORITY : (off - D_CFG) * 4;
    unsigned each = off < D_PRIORITY ? 8 : off < D_CFG ? 1 : 4;

    for (unsigned i = 0; i < each; i++) {
        struct gicv3_irq *q;

        if (n + i < w->first || n + i >= w->last)
            continue;
        q = gicv3_irq_of(s, w->cpu, n + i);
        if (each == 8)
            set_bit(q, off & ~0x7fu, val >> i & 1, n + i < GICV3_SGIS);
        else if (each == 1)
            q->priority = val & GICV3_PRIORITY_MASK;
        else if (n + i >= GICV3_SGIS)
            q->edge = val >> (i * 2 + 1) & 1;
        gicv3_refresh(s, w->cpu, n + i);
    }
}

static bool in_common(uint64_t off)
{
    return (off >= D_IGROUP && off < D_PRIORITY + GICV3_IRQS) || (off >= D_CFG && off < D_CFG_END);
}

static uint64_t read_common(struct gicv3 *s, const struct window *w, uint64_t off, unsigned size)
{
    uint64_t val = 0;

    for (unsigned i = 0; i < size; i++)
        val |= (uint64_t)read_byte(s, w, (unsigned)off + i) << i * 8;
    return val;
}

static void write_common(struct gicv3 *s, const struct window *w, uint64_t off, uint64_t val, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        write_byte(s, w, (unsigned)off + i, (uint8_t)(val >> i * 8));
}

static uint32_t id_register(unsigned off, uint8_t part)
{
    static const uint8_t ids[] = { 0x44, 0, 0, 0, 0, 0xb4, 0x3b, 0, 0x0d, 0xf0, 0x05, 0xb1 };

    return off == 4 * 4 ? part : off % 4 ? 0 : ids[off / 4];
}

/* --- distributor --------------------------------------------------------------------------------------------------------- */

static uint32_t typer(const struct gicv3 *s)
{
    return (s->irqs / 32 - 1) | (s->lpis ? 1u << 17 : 0) | (GICV3_ID_BITS - 1) << 19 | 1u << 24 | 1u << 25;
}

static uint64_t dist_read(void *opaque, uint64_t off, unsigned size)
{
    struct gicv3 *s = opaque;
    const struct window w = { 0, GICV3_PRIVATE, s->irqs };
    unsigned n = (unsigned)(off - D_ROUTER) / 8;

    if (in_common(off))
        return read_common(s, &w, off, size);
    if (off >= D_ROUTER && off < D_ROUTER_END)
        return n >= GICV3_PRIVATE && n < s->irqs ? gicv3_irq_of(s, 0, n)->route >> (off & 4) * 8 : 0;
    switch (off) {
    case D_CTLR:
        return s->ctlr | CTLR_ARE | CTLR_DS;
    case D_TYPER:
        return typer(s);
    case D_IIDR:
        return IIDR;
    }
    if (off >= ID)
        return id_register((unsigned)(off - ID), 0x92);
    return 0;
}

static void route_half(struct gicv3 *s, uint64_t off, uint64_t val, unsigned size)
{
    unsigned n = (unsigned)(off - D_ROUTER) / 8;
    uint64_t old;

    if (n < GICV3_PRIVATE || n >= s->irqs)
        return;
    old = gicv3_irq_of(s, 0, n)->route;
    if (size < 8)
        val = off & 4 ? (old & UINT32_MAX) | val << 32 : (old & ~(uint64_t)UINT32_MAX) | (uint32_t)val;
    set_route(s, n, val);
}

static void set_by_message(struct gicv3 *s, uint64_t val, bool pending)
{
    unsigned n = val & 0x3ff;

    if (n < GICV3_PRIVATE || n >= s->irqs)
        return;
    gicv3_irq_of(s, 0, n)->pending = pending;
    gicv3_refresh(s, 0, n);
}

static void dist_write(void *opaque, uint64_t off, uint64_t val, unsigned size)
{
    struct gicv3 *s = opaque;
    const struct window w = { 0, GICV3_PRIVATE, s->irqs };

    if (in_common(off)) {
        write_common(s, &w, off, val, size);
    } else if (off >= D_ROUTER && off < D_ROUTER_END) {
        route_half(s, off, val, size);
    } else if (off == D_CTLR) {
        s->ctlr = val & (GICV3_GROUP0 | GICV3_GROUP1);
        update_all(s);
    } else if (off == D_SETSPI || off == D_CLRSPI) {
        set_by_message(s, val, off == D_SETSPI);
    }
}

/* --- redistributors -------------------------------------------------------------------------------------------------------- */

static uint64_t redist_typer(const struct gicv3 *s, unsigned cpu)
{
    return affinity_of(cpu) << 32 | cpu << 8 | (cpu == s->cpus - 1 ? 0x10 : 0) | s->lpis;
}

static uint64_t half(uint64_t val, uint64_t off)
{
    return val >> (off & 4) * 8;
}

static uint64_t redist_read(void *opaque, uint64_t off, unsigned size)
{
    struct gicv3 *s = opaque;
    unsigned cpu = (unsigned)(off / GICV3_REDIST_BYTES);
    const struct gicv3_cpu *c = &s->cpu[cpu];
    const struct window w = { cpu, 0, GICV3_PRIVATE };

    off %= GICV3_REDIST_BYTES;
    if (off >= R_SGI)
        return in_common(off - R_SGI) ? read_common(s, &w, off - R_SGI, size) : 0;
    switch (off & ~UINT64_C(4)) {
    case R_TYPER:
        return half(redist_typer(s, cpu), off);
    case R_PROPBASER:
        return half(c->propbaser, off);
    case R_PENDBASER & ~4:
        return half(c->pendbaser, off);
    }
    switch (off) {
    case R_CTLR:
        return c->ctlr;
    case R_IIDR:
        return IIDR;
    case R_WAKER:
        return c->waker;
    }
    if (off >= R_ID)
        return id_register((unsigned)(off - R_ID), 0x93);
    return 0;
}

static uint64_t with_half(uint64_t old, uint64_t off, uint64_t val, unsigned size)
{
    if (size == 8)
        return val;
    return off & 4 ? (old & UINT32_MAX) | val << 32 : (old & ~(uint64_t)UINT32_MAX) | (uint32_t)val;
}

static void redist_write(void *opaque, uint64_t off, uint64_t val, unsigned size)
{
    struct gicv3 *s = opaque;
    unsigned cpu = (unsigned)(off / GICV3_REDIST_BYTES);
    struct gicv3_cpu *c = &s->cpu[cpu];
    const struct window w = { cpu, 0, GICV3_PRIVATE };

    off %= GICV3_REDIST_BYTES;
    if (off >= R_SGI) {
        if (in_common(off - R_SGI))
            write_common(s, &w, off - R_SGI, val, size);
    } else if (off == R_WAKER) { /* asleep as soon as it is asked to */
        c->waker = val & WAKER_SLEEP ? WAKER_SLEEP | WAKER_ASLEEP : 0;
    } else if (off == R_CTLR) {
        if (s->lpis && (val & 1) != c->ctlr)
            gicv3_lpi_enable(s, cpu, val & 1);
    } else if ((off & ~UINT64_C(4)) == R_PROPBASER && s->lpis && !c->ctlr) {
        c->propbaser = with_half(c->propbaser, off, val, size) & BASER_MASK;
    } else if ((off & ~UINT64_C(4)) == (R_PENDBASER & ~4) && s->lpis && !c->ctlr) {
        c->pendbaser = with_half(c->pendbaser, off, val, size) & UINT64_C(0x470fffffffff0f80);
    }
}

static const struct mmio_ops redist_ops = { .read = redist_read, .write = redist_write, .widths = WIDTH_ANY };

struct mem_region *gicv3_redistributors(struct device *gic)
{
    return ((struct gicv3 *)gic)->redistributors;
}

/* --- life ---------------------------------------------------------------------------------------------------------------- */

static int gicv3_realize(struct device *dev, struct error *err)
{
    struct gicv3 *s = (struct gicv3 *)dev;

    (void)err;
    s->irqs &= ~31u;
    for (unsigned i = 0; i < s->cpus; i++) {
        s->cpu[i].lpi_bytes = s->lpis ? GICV3_LPI_BYTES : 0;
        s->cpu[i].lpi_pending = xcalloc(1, s->lpis ? GICV3_LPI_BYTES : 1);
    }
    s->redistributors = region_mmio(dev->board->mem, "gicv3-redist", &redist_ops, s, (uint64_t)s->cpus * GICV3_REDIST_BYTES);
    device_set_irqs(dev, s->cpus * 2);
    return 0;
}

static void gicv3_unrealize(struct device *dev)
{
    struct gicv3 *s = (struct gicv3 *)dev;

    region_del(s->redistributors);
    region_free(s->redistributors);
    for (unsigned i = 0; i < s->cpus; i++)
        free(s->cpu[i].lpi_pending);
}

static void reset_cpu(struct gicv3_cpu *c)
{
    for (unsigned n = 0; n < GICV3_PRIVATE; n++)
        c->irq[n] = (struct gicv3_irq){ .level = c->irq[n].level, .edge = n < GICV3_SGIS };
    c->waker = WAKER_SLEEP | WAKER_ASLEEP;
    c->ctlr = 0;
    c->propbaser = c->pendbaser = 0;
    memset(c->lpi_pending, 0, c->lpi_bytes);
    c->best_lpi = GICV3_SPURIOUS;
    c->best_lpi_priority = GICV3_IDLE;
    memset(c->live, 0, sizeof(c->live));
    gicv3_interface_reset(c);
}

/* Levels are the lines' own: they outlive a reset. */
static void gicv3_reset(struct device *dev)
{
    struct gicv3 *s = (struct gicv3 *)dev;

    s->ctlr = 0;
    for (unsigned i = 0; i < s->cpus; i++)
        reset_cpu(&s->cpu[i]);
    for (unsigned n = 0; n < GICV3_SPIS; n++)
        s->spi[n] = (struct gicv3_irq){ .level = s->spi[n].level };
    update_all(s);
}

static int gicv3_after_load(struct device *dev, struct error *err)
{
    struct gicv3 *s = (struct gicv3 *)dev;

    (void)err;
    for (unsigned i = 0; i < s->cpus; i++) {
        memset(s->cpu[i].live, 0, sizeof(s->cpu[i].live));
        for (unsigned g = 0; g < 2; g++)
            s->cpu[i].bpr[g] &= 7;
        for (unsigned n = 0; n < GICV3_PRIVATE; n++)
            gicv3_refresh(s, i, n);
        gicv3_lpi_look(s, i);
    }
    for (unsigned n = GICV3_PRIVATE; n < s->irqs; n++)
        gicv3_refresh(s, 0, n);
    update_all(s);
    return 0;
}

static const struct prop gicv3_props[] = {
    PROP_U32(struct gicv3, cpus, "num-cpu", "1", "CPUs", .min = 1, .max = GICV3_CPUS),
    PROP_U32(struct gicv3, irqs, "num-irq", "288", "interrupts, with the 32 private ones; rounded down to a multiple of 32",
             .min = 64, .max = GICV3_IRQS),
    PROP_BOOL(struct gicv3, lpis, "has-lpi", "off", "message-signalled interrupts (with an ITS)"),
    PROP_END,
};

static const struct state_field irq_state[] = {
    STATE_BOOL(struct gicv3_irq, enabled), STATE_BOOL(struct gicv3_irq, pending), STATE_BOOL(struct gicv3_irq, active),
    STATE_BOOL(struct gicv3_irq, level), STATE_BOOL(struct gicv3_irq, group1), STATE_BOOL(struct gicv3_irq, edge),
    STATE_U8(struct gicv3_irq, priority), STATE_U64(struct gicv3_irq, route), STATE_END,
};

static const struct state_field cpu_state[] = {
    STATE_STRUCTS(struct gicv3_cpu, irq, irq_state), STATE_U32(struct gicv3_cpu, waker), STATE_U32(struct gicv3_cpu, ctlr),
    STATE_U64(struct gicv3_cpu, propbaser), STATE_U64(struct gicv3_cpu, pendbaser),
    STATE_BYTES(struct gicv3_cpu, lpi_pending, lpi_bytes), STATE_U8(struct gicv3_cpu, pmr),
    STATE_ARRAY(struct gicv3_cpu, bpr), STATE_ARRAY(struct gicv3_cpu, apr), STATE_U32(struct gicv3_cpu, icc_ctlr),
    STATE_ARRAY(struct gicv3_cpu, enable), STATE_END,
};

static const struct state_field gicv3_state[] = {
    STATE_U32(struct gicv3, ctlr), STATE_STRUCTS(struct gicv3, spi, irq_state), STATE_STRUCTS(struct gicv3, cpu, cpu_state),
    STATE_END,
};

const struct device_type gicv3_type = {
    .name = "arm-gicv3", .help = "ARM interrupt controller, version 3", .bus = BUS_SYSTEM, .bytes = sizeof(struct gicv3),
    .props = gicv3_props, .state = gicv3_state, .state_version = 1, .wired = true, .realize = gicv3_realize,
    .unrealize = gicv3_unrealize, .reset = gicv3_reset, .after_load = gicv3_after_load,
    .mmio = { .read = dist_read, .write = dist_write, .length = D_LENGTH, .widths = WIDTH_ANY },
};

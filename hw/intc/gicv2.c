/* hw/intc/gicv2.c - ARM Generic Interrupt Controller, version 2, without security and virtualization extensions.
 *
 *     inactive --line or write--> pending --acknowledge--> active --end of interrupt--> inactive
 *                                    ^----line still high---'  (pending and active at once is possible)
 *
 * IDs 0-15 are sent by CPUs (SGI), 16-31 are private lines (PPI), the rest is shared (SPI). What is banked by CPU is
 * kept as a mask with a bit for each. Outputs: 2 * cpu is IRQ, 2 * cpu + 1 FIQ.
 * Source: ARM Generic Interrupt Controller Architecture Specification, version 2.0 (IHI 0048B.b), chapters 3 and 4. */
#include "hw/intc/gicv2.h"
#include <string.h>
#include "core/base/bits.h"
#include "core/base/log.h"
#include "core/vm/vcpu.h"

enum { CPUS = GICV2_CPUS, IRQS = 1020, SGIS = 16, SPURIOUS = 1023, WORDS = IRQS / 32 + 1, IDLE = 0x100 };
enum {
    D_CTLR = 0x000, D_TYPER = 0x004, D_IIDR = 0x008, D_IGROUP = 0x080, D_ISENABLE = 0x100, D_ICENABLE = 0x180,
    D_ISPEND = 0x200, D_ICPEND = 0x280, D_ISACTIVE = 0x300, D_ICACTIVE = 0x380, D_PRIORITY = 0x400, D_TARGETS = 0x800,
    D_CFG = 0xc00, D_SGI = 0xf00, D_CPENDSGI = 0xf10, D_SPENDSGI = 0xf20, D_ID = 0xfd0, LENGTH = 0x1000,
};
enum {
    C_CTLR = 0x00, C_PMR = 0x04, C_BPR = 0x08, C_IAR = 0x0c, C_EOIR = 0x10, C_RPR = 0x14, C_HPPIR = 0x18, C_ABPR = 0x1c,
    C_AIAR = 0x20, C_AEOIR = 0x24, C_AHPPIR = 0x28, C_APR = 0xd0, C_IIDR = 0xfc, C_DIR = 0x1000, C_LENGTH = 0x2000,
};
enum { CTLR_GROUP0 = 1, CTLR_GROUP1 = 2, CTLR_ACK = 4, CTLR_FIQ = 8, CTLR_SPLIT_EOI = 0x200 };

struct irq {
    uint8_t enabled, pending, active, level, group1; /* bit per CPU; all bits for a shared one */
    uint8_t targets;
    uint8_t edge;
    uint8_t priority[CPUS];                          /* shared ones use the first */
};

struct cpu {
    uint32_t ctlr;
    uint8_t pmr, bpr, abpr;
    uint32_t apr[4];             /* active group priorities, a bit for each of 128 */
    uint8_t sgi_source[SGIS];    /* pending: from whom, as bits */
};

struct gicv2 {
    struct device dev;
    uint32_t cpus, irqs;
    uint32_t ctlr;
    struct irq irq[IRQS];
    struct cpu cpu[CPUS];
    uint32_t live[CPUS][WORDS]; /* derived: enabled, pending and not active */
    struct mem_region *interface;
};

static unsigned requester(const struct gicv2 *s)
{
    const struct vcpu *v = vcpu_current();

    return v && v->index < s->cpus ? v->index : 0;
}

static uint8_t mask_of(unsigned n, unsigned cpu)
{
    return n < GIC_INTERNAL ? (uint8_t)(1u << cpu) : 0xff;
}

static uint8_t *priority_of(struct gicv2 *s, unsigned n, unsigned cpu)
{
    return &s->irq[n].priority[n < GIC_INTERNAL ? cpu : 0];
}

/* --- which interrupt a CPU has to take -------------------------------------------------------------------------------- */

/* Note for each CPU whether an interrupt is a candidate. */
static void refresh(struct gicv2 *s, unsigned n)
{
    const struct irq *q = &s->irq[n];
    uint8_t waiting = q->pending | (q->edge ? 0 : q->level);

    for (unsigned c = 0; c < s->cpus; c++) {
        uint8_t m = mask_of(n, c), bit = (uint8_t)(1u << c);
        bool live = (q->enabled & m) && (waiting & m) && !(q->active & m) && (n < GIC_INTERNAL || (q->targets & bit));

        if (live)
            s->live[c][n / 32] |= UINT32_C(1) << n % 32;
        else
            s->live[c][n / 32] &= ~(UINT32_C(1) << n % 32);
    }
}

static bool group_enabled(const struct gicv2 *s, unsigned n, unsigned cpu)
{
    uint32_t bit = s->irq[n].group1 & mask_of(n, cpu) ? CTLR_GROUP1 : CTLR_GROUP0;

    return (s->ctlr & bit) && (s->cpu[cpu].ctlr & bit);
}

/* The best candidate, or SPURIOUS; *priority is then IDLE. */
static unsigned best(struct gicv2 *s, unsigned cpu, unsigned *priority)
{
    unsigned found = SPURIOUS;

    *priority = IDLE;
    for (unsigned w = 0; w < (s->irqs + 31) / 32; w++) {
        for (uint32_t m = s->live[cpu][w]; m; m &= m - 1) {
            unsigned n = w * 32 + (unsigned)__builtin_ctz(m);

            if (*priority_of(s, n, cpu) < *priority && group_enabled(s, n, cpu)) {
                *priority = *priority_of(s, n, cpu);
                found = n;
            }
        }
    }
    return found;
}

/* The priority of what the CPU is serving, as a group priority; IDLE if nothing. */
static unsigned running_priority(const struct cpu *c)
{
    for (unsigned i = 0; i < 4; i++)
        if (c->apr[i])
            return (i * 32 + (unsigned)__builtin_ctz(c->apr[i])) * 2;
    return IDLE;
}

static unsigned group_priority(const struct cpu *c, unsigned priority)
{
    return priority & ~((2u << c->bpr) - 1) & 0xff;
}

/* What acknowledging would give. */
static unsigned takeable(struct gicv2 *s, unsigned cpu, unsigned *priority)
{
    struct cpu *c = &s->cpu[cpu];
    unsigned n = best(s, cpu, priority);

    if (n == SPURIOUS || *priority >= c->pmr || group_priority(c, *priority) >= running_priority(c))
        return SPURIOUS;
    return n;
}

static void update(struct gicv2 *s)
{
    for (unsigned i = 0; i < s->cpus; i++) {
        unsigned priority, n = takeable(s, i, &priority);
        bool any = n != SPURIOUS;
        bool fiq = any && (s->cpu[i].ctlr & CTLR_FIQ) && !(s->irq[n].group1 & mask_of(n, i));

        irq_set(&s->dev.irq[2 * i], any && !fiq);
        irq_set(&s->dev.irq[2 * i + 1], fiq);
    }
}

static void changed(struct gicv2 *s, unsigned n)
{
    refresh(s, n);
    update(s);
}

/* --- lines ---------------------------------------------------------------------------------------------------------- */

static void set_level(struct gicv2 *s, unsigned n, uint8_t mask, bool level)
{
    struct irq *q = &s->irq[n];

    if (!!(q->level & mask) == level)
        return;
    if (level) {
        q->level |= mask;
        if (q->edge)
            q->pending |= mask;
    } else {
        q->level &= (uint8_t)~mask;
    }
    changed(s, n);
}

static void set_spi(void *opaque, unsigned pin, bool level)
{
    set_level(opaque, pin, 0xff, level);
}

static void set_ppi(void *opaque, unsigned pin, bool level)
{
    set_level(opaque, pin % GIC_INTERNAL, (uint8_t)(1u << pin / GIC_INTERNAL), level);
}

struct irq_line gicv2_spi(struct device *gic, unsigned n)
{
    struct gicv2 *s = (struct gicv2 *)gic;

    return n + GIC_INTERNAL < s->irqs ? irq_make(set_spi, s, n + GIC_INTERNAL) : (struct irq_line){ 0 };
}

struct irq_line gicv2_ppi(struct device *gic, unsigned cpu, unsigned id)
{
    return irq_make(set_ppi, gic, cpu * GIC_INTERNAL + id);
}

/* --- distributor ---------------------------------------------------------------------------------------------------- */

/* A byte of a bitmap register: eight interrupts. */
static uint8_t read_bits(struct gicv2 *s, unsigned cpu, uint64_t off)
{
    unsigned kind = (unsigned)off & ~0x7fu, first = (unsigned)(off & 0x7f) * 8;
    uint8_t val = 0;

    for (unsigned i = 0; i < 8 && first + i < s->irqs; i++) {
        const struct irq *q = &s->irq[first + i];
        uint8_t m = mask_of(first + i, cpu), bits = 0;

        switch (kind) {
        case D_IGROUP:
            bits = q->group1;
            break;
        case D_ISENABLE:
        case D_ICENABLE:
            bits = q->enabled;
            break;
        case D_ISPEND:
        case D_ICPEND:
            bits = q->pending | (q->edge ? 0 : q->level);
            break;
        default:
            bits = q->active;
        }
        if (bits & m)
            val |= (uint8_t)(1u << i);
    }
    return val;
}

static void write_bits(struct gicv2 *s, unsigned cpu, uint64_t off, uint8_t val)
{
    unsigned kind = (unsigned)off & ~0x7fu, first = (unsigned)(off & 0x7f) * 8;

    for (unsigned i = 0; i < 8 && first + i < s->irqs; i++) {
        struct irq *q = &s->irq[first + i];
        uint8_t m = mask_of(first + i, cpu);
        bool on = val >> i & 1;

        if (kind == D_IGROUP)
            q->group1 = (uint8_t)(on ? q->group1 | m : q->group1 & ~m);
        else if (!on)
            continue;
        else if (kind == D_ISENABLE)
            q->enabled |= m;
        else if (kind == D_ICENABLE && first + i >= SGIS)
            q->enabled &= (uint8_t)~m;
        else if (kind == D_ISPEND && first + i >= SGIS)
            q->pending |= m;
        else if (kind == D_ICPEND && first + i >= SGIS)
            q->pending &= (uint8_t)~m;
        else if (kind == D_ISACTIVE)
            q->active |= m;
        else if (kind == D_ICACTIVE)
            q->active &= (uint8_t)~m;
        refresh(s, first + i);
    }
    update(s);
}

static uint8_t read_cfg(const struct gicv2 *s, uint64_t off)
{
    unsigned first = (unsigned)(off - D_CFG) * 4;
    uint8_t val = 0;

    for (unsigned i = 0; i < 4 && first + i < s->irqs; i++)
        if (first + i < SGIS || s->irq[first + i].edge)
            val |= (uint8_t)(2u << i * 2);
    return val;
}

static void write_cfg(struct gicv2 *s, uint64_t off, uint8_t val)
{
    unsigned first = (unsigned)(off - D_CFG) * 4;

    for (unsigned i = 0; i < 4 && first + i < s->irqs; i++) {
        if (first + i < SGIS)
            continue;
        s->irq[first + i].edge = val >> (i * 2 + 1) & 1;
        refresh(s, first + i);
    }
    update(s);
}

/* SGIs pend once for each sender. */
static void send_sgi(struct gicv2 *s, unsigned to, unsigned n, uint8_t sources)
{
    s->cpu[to].sgi_source[n] |= sources;
    if (s->cpu[to].sgi_source[n])
        s->irq[n].pending |= (uint8_t)(1u << to);
    refresh(s, n);
}

static void clear_sgi(struct gicv2 *s, unsigned cpu, unsigned n, uint8_t sources)
{
    s->cpu[cpu].sgi_source[n] &= (uint8_t)~sources;
    if (!s->cpu[cpu].sgi_source[n])
        s->irq[n].pending &= (uint8_t)~(1u << cpu);
    refresh(s, n);
}

static void write_sgi(struct gicv2 *s, unsigned from, uint32_t val)
{
    unsigned filter = val >> 24 & 3, list = val >> 16 & 0xff, n = val & 15;

    if (filter == 1)
        list = 0xff & ~(1u << from);
    else if (filter == 2)
        list = 1u << from;
    else if (filter == 3)
        return;
    for (unsigned c = 0; c < s->cpus; c++)
        if (list >> c & 1)
            send_sgi(s, c, n, (uint8_t)(1u << from));
    update(s);
}

static uint8_t dist_read_byte(struct gicv2 *s, unsigned cpu, uint64_t off)
{
    static const uint8_t ids[] = { 0x04, 0, 0, 0, 0, 0, 0, 0, 0x90, 0xb4, 0x2b, 0, 0x0d, 0xf0, 0x05, 0xb1 };
    uint32_t typer = (s->irqs / 32 - 1) | (s->cpus - 1) << 5;

    if (off < 4)
        return off == 0 ? (uint8_t)s->ctlr : 0;
    if (off < D_IIDR)
        return (uint8_t)(typer >> (off - D_TYPER) * 8);
    if (off < D_IIDR + 4)
        return (uint8_t)(UINT32_C(0x0200143b) >> (off - D_IIDR) * 8);
    if (off >= D_IGROUP && off < D_PRIORITY)
        return read_bits(s, cpu, off);
    if (off >= D_PRIORITY && off < D_PRIORITY + s->irqs)
        return *priority_of(s, (unsigned)(off - D_PRIORITY), cpu);
    if (off >= D_TARGETS && off < D_TARGETS + s->irqs) {
        if (s->cpus == 1)
            return 0; /* one CPU: nothing to choose */
        return off < D_TARGETS + GIC_INTERNAL ? (uint8_t)(1u << cpu) : s->irq[off - D_TARGETS].targets;
    }
    if (off >= D_CFG && off < D_CFG + s->irqs / 4)
        return read_cfg(s, off);
    if (off >= D_CPENDSGI && off < D_SPENDSGI + SGIS)
        return s->cpu[cpu].sgi_source[(off - D_CPENDSGI) % SGIS];
    if (off >= D_ID)
        return off % 4 ? 0 : ids[(off - D_ID) / 4];
    return 0;
}

static void dist_write_byte(struct gicv2 *s, unsigned cpu, uint64_t off, uint8_t val)
{
    if (off == D_CTLR) {
        s->ctlr = val & (CTLR_GROUP0 | CTLR_GROUP1);
        update(s);
    } else if (off >= D_IGROUP && off < D_PRIORITY) {
        write_bits(s, cpu, off, val);
    } else if (off >= D_PRIORITY && off < D_PRIORITY + s->irqs) {
        *priority_of(s, (unsigned)(off - D_PRIORITY), cpu) = val;
        update(s);
    } else if (off >= D_TARGETS + GIC_INTERNAL && off < D_TARGETS + s->irqs) {
        if (s->cpus > 1)
            s->irq[off - D_TARGETS].targets = (uint8_t)(val & ((1u << s->cpus) - 1));
        changed(s, (unsigned)(off - D_TARGETS));
    } else if (off >= D_CFG && off < D_CFG + s->irqs / 4) {
        write_cfg(s, off, val);
    } else if (off >= D_CPENDSGI && off < D_SPENDSGI) {
        clear_sgi(s, cpu, (unsigned)(off - D_CPENDSGI), val);
        update(s);
    } else if (off >= D_SPENDSGI && off < D_SPENDSGI + SGIS) {
        send_sgi(s, cpu, (unsigned)(off - D_SPENDSGI), val);
        update(s);
    }
}

static uint64_t dist_read(void *opaque, uint64_t off, unsigned size)
{
    struct gicv2 *s = opaque;
    uint64_t val = 0;

    for (unsigned i = 0; i < size; i++)
        val |= (uint64_t)dist_read_byte(s, requester(s), off + i) << i * 8;
    return val;
}

static void dist_write(void *opaque, uint64_t off, uint64_t val, unsigned size)
{
    struct gicv2 *s = opaque;

    if (off == D_SGI && size == 4) {
        write_sgi(s, requester(s), (uint32_t)val);
        return;
    }
    for (unsigned i = 0; i < size; i++)
        dist_write_byte(s, requester(s), off + i, (uint8_t)(val >> i * 8));
}

/* --- CPU interface -------------------------------------------------------------------------------------------------- */

static uint32_t acknowledge(struct gicv2 *s, unsigned cpu)
{
    struct cpu *c = &s->cpu[cpu];
    unsigned priority, n = takeable(s, cpu, &priority), level;
    struct irq *q;
    uint32_t source = 0;

    if (n == SPURIOUS)
        return SPURIOUS;
    q = &s->irq[n];
    level = group_priority(c, priority) / 2;
    c->apr[level / 32] |= UINT32_C(1) << level % 32;
    q->active |= mask_of(n, cpu);
    if (n < SGIS) {
        source = c->sgi_source[n] ? (uint32_t)__builtin_ctz(c->sgi_source[n]) : 0;
        clear_sgi(s, cpu, n, (uint8_t)(1u << source));
    } else {
        q->pending &= (uint8_t)~mask_of(n, cpu);
    }
    changed(s, n);
    return n | source << 10;
}

static void deactivate(struct gicv2 *s, unsigned cpu, uint32_t val)
{
    unsigned n = val & 0x3ff;

    if (n >= s->irqs)
        return;
    s->irq[n].active &= (uint8_t)~mask_of(n, cpu);
    changed(s, n);
}

static void end_of_interrupt(struct gicv2 *s, unsigned cpu, uint32_t val)
{
    struct cpu *c = &s->cpu[cpu];

    if ((val & 0x3ff) >= s->irqs)
        return;
    for (unsigned i = 0; i < 4; i++) {
        if (c->apr[i]) {
            c->apr[i] &= c->apr[i] - 1; /* the highest active priority is dropped */
            break;
        }
    }
    if (!(c->ctlr & CTLR_SPLIT_EOI))
        deactivate(s, cpu, val);
    update(s);
}

static uint32_t highest_pending(struct gicv2 *s, unsigned cpu)
{
    unsigned priority;

    return best(s, cpu, &priority);
}

static uint64_t cpu_read(void *opaque, uint64_t off, unsigned size)
{
    struct gicv2 *s = opaque;
    unsigned cpu = requester(s), running;
    struct cpu *c = &s->cpu[cpu];

    (void)size;
    switch (off) {
    case C_CTLR:
        return c->ctlr;
    case C_PMR:
        return c->pmr;
    case C_BPR:
        return c->bpr;
    case C_ABPR:
        return c->abpr;
    case C_IAR:
    case C_AIAR:
        return acknowledge(s, cpu);
    case C_RPR:
        running = running_priority(c);
        return running == IDLE ? 0xff : running;
    case C_HPPIR:
    case C_AHPPIR:
        return highest_pending(s, cpu);
    case C_IIDR:
        return 0x0202143b;
    }
    if (off >= C_APR && off < C_APR + 16)
        return c->apr[(off - C_APR) / 4];
    log_guest("gic: read of CPU interface register 0x%llx, which is none", (unsigned long long)off);
    return 0;
}

static void cpu_write(void *opaque, uint64_t off, uint64_t val, unsigned size)
{
    struct gicv2 *s = opaque;
    unsigned cpu = requester(s);
    struct cpu *c = &s->cpu[cpu];

    (void)size;
    switch (off) {
    case C_CTLR:
        c->ctlr = (uint32_t)val & (CTLR_GROUP0 | CTLR_GROUP1 | CTLR_ACK | CTLR_FIQ | 0x1f0 | CTLR_SPLIT_EOI);
        break;
    case C_PMR:
        c->pmr = (uint8_t)val;
        break;
    case C_BPR:
        c->bpr = val & 7;
        break;
    case C_ABPR:
        c->abpr = val & 7;
        break;
    case C_EOIR:
    case C_AEOIR:
        end_of_interrupt(s, cpu, (uint32_t)val);
        return;
    case C_DIR:
        if (c->ctlr & CTLR_SPLIT_EOI)
            deactivate(s, cpu, (uint32_t)val);
        return;
    default:
        if (off >= C_APR && off < C_APR + 16)
            c->apr[(off - C_APR) / 4] = (uint32_t)val;
        else
            log_guest("gic: write of CPU interface register 0x%llx, which is none", (unsigned long long)off);
    }
    update(s);
}

static const struct mmio_ops cpu_ops = { .read = cpu_read, .write = cpu_write, .widths = WIDTH_4 };

struct mem_region *gicv2_cpu_interface(struct device *gic)
{
    return ((struct gicv2 *)gic)->interface;
}

/* --- life ----------------------------------------------------------------------------------------------------------- */

static int gicv2_realize(struct device *dev, struct error *err)
{
    struct gicv2 *s = (struct gicv2 *)dev;

    (void)err;
    s->irqs &= ~31u;
    s->interface = region_mmio(dev->board->mem, "gicv2-cpu", &cpu_ops, s, C_LENGTH);
    device_set_irqs(dev, s->cpus * 2);
    return 0;
}

static void gicv2_unrealize(struct device *dev)
{
    struct gicv2 *s = (struct gicv2 *)dev;

    region_del(s->interface);
    region_free(s->interface);
}

/* Levels are the lines' own: they outlive a reset. */
static void gicv2_reset(struct device *dev)
{
    struct gicv2 *s = (struct gicv2 *)dev;

    s->ctlr = 0;
    memset(s->cpu, 0, sizeof(s->cpu));
    for (unsigned n = 0; n < s->irqs; n++) {
        uint8_t level = s->irq[n].level;

        s->irq[n] = (struct irq){ .level = level, .enabled = n < SGIS ? 0xff : 0, .edge = n < SGIS,
                                  .targets = s->cpus == 1 ? 1 : 0 };
        refresh(s, n);
    }
    update(s);
}

static int gicv2_after_load(struct device *dev, struct error *err)
{
    struct gicv2 *s = (struct gicv2 *)dev;

    (void)err;
    for (unsigned n = 0; n < s->irqs; n++)
        refresh(s, n);
    for (unsigned c = 0; c < CPUS; c++)
        s->cpu[c].bpr &= 7;
    update(s);
    return 0;
}

static const struct prop gicv2_props[] = {
    PROP_U32(struct gicv2, cpus, "num-cpu", "1", "CPUs", .min = 1, .max = CPUS),
    PROP_U32(struct gicv2, irqs, "num-irq", "288", "interrupts, with the 32 private ones; rounded down to a multiple of 32",
             .min = 64, .max = IRQS),
    PROP_END,
};

static const struct state_field irq_state[] = {
    STATE_U8(struct irq, enabled), STATE_U8(struct irq, pending), STATE_U8(struct irq, active), STATE_U8(struct irq, level),
    STATE_U8(struct irq, group1), STATE_U8(struct irq, targets), STATE_U8(struct irq, edge), STATE_ARRAY(struct irq, priority),
    STATE_END,
};

static const struct state_field cpu_state[] = {
    STATE_U32(struct cpu, ctlr), STATE_U8(struct cpu, pmr), STATE_U8(struct cpu, bpr), STATE_U8(struct cpu, abpr),
    STATE_ARRAY(struct cpu, apr), STATE_ARRAY(struct cpu, sgi_source), STATE_END,
};

static const struct state_field gicv2_state[] = {
    STATE_U32(struct gicv2, ctlr), STATE_STRUCTS(struct gicv2, irq, irq_state), STATE_STRUCTS(struct gicv2, cpu, cpu_state),
    STATE_END,
};

const struct device_type gicv2_type = {
    .name = "arm_gic", .help = "ARM interrupt controller, version 2", .bus = BUS_SYSTEM, .bytes = sizeof(struct gicv2),
    .props = gicv2_props, .state = gicv2_state, .state_version = 1, .wired = true, .realize = gicv2_realize,
    .unrealize = gicv2_unrealize, .reset = gicv2_reset, .after_load = gicv2_after_load,
    .mmio = { .read = dist_read, .write = dist_write, .length = LENGTH, .widths = WIDTH_1 | WIDTH_2 | WIDTH_4 },
};

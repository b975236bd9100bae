/* hw/intc/gicv3_cpu.c - the CPU interface of a GICv3: system registers ICC_*.
 *
 * Source: IHI 0069G, 4.8 (priorities), 12.2 (registers). Five bits of priority; with one security state, group 0 is FIQ
 * and group 1 IRQ. */
#include "core/base/log.h"
#include "core/vm/lock.h"
#include "core/vm/vcpu.h"
#include "hw/intc/gicv3_int.h"

enum { BPR0_LEAST = 2, BPR1_LEAST = 3, PRIORITY_SHIFT = 3 };
enum { CTLR_CBPR = 1, CTLR_EOIMODE = 2, CTLR_READ = 4 << 8 /* five bits of priority */ | 1 << 15 /* affinity 3 */ };

/* op0 op1 CRn CRm op2 of MRS and MSR, 16 bits. */
#define REG(op1, crn, crm, op2) (3 << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))
enum {
    PMR = REG(0, 4, 6, 0), IAR0 = REG(0, 12, 8, 0), EOIR0 = REG(0, 12, 8, 1), HPPIR0 = REG(0, 12, 8, 2),
    BPR0 = REG(0, 12, 8, 3), AP0R0 = REG(0, 12, 8, 4), AP1R0 = REG(0, 12, 9, 0), DIR = REG(0, 12, 11, 1),
    RPR = REG(0, 12, 11, 3), SGI1R = REG(0, 12, 11, 5), ASGI1R = REG(0, 12, 11, 6), SGI0R = REG(0, 12, 11, 7),
    IAR1 = REG(0, 12, 12, 0), EOIR1 = REG(0, 12, 12, 1), HPPIR1 = REG(0, 12, 12, 2), BPR1 = REG(0, 12, 12, 3),
    CTLR = REG(0, 12, 12, 4), SRE = REG(0, 12, 12, 5), IGRPEN0 = REG(0, 12, 12, 6), IGRPEN1 = REG(0, 12, 12, 7),
    CTLR_EL3 = REG(6, 12, 12, 4), IGRPEN1_EL3 = REG(6, 12, 12, 7),
};

/* --- priorities ------------------------------------------------------------------------------------------------------------ */

static unsigned running_priority(const struct gicv3_cpu *c)
{
    uint32_t active = c->apr[0] | c->apr[1];

    return active ? (unsigned)__builtin_ctz(active) << PRIORITY_SHIFT : GICV3_IDLE;
}

/* The part of a priority that decides about preemption. */
static unsigned group_priority(const struct gicv3_cpu *c, unsigned priority, bool group1)
{
    unsigned bits = group1 && !(c->icc_ctlr & CTLR_CBPR) ? c->bpr[1] : c->bpr[0] + 1u;

    return priority & ~((1u << bits) - 1) & GICV3_PRIORITY_MASK;
}

static bool group_enabled(const struct gicv3 *s, const struct gicv3_cpu *c, bool group1)
{
    return s->ctlr & (group1 ? GICV3_GROUP1 : GICV3_GROUP0) && c->enable[group1];
}

/* The best candidate; LPIs are of group 1. */
static uint32_t best(struct gicv3 *s, unsigned cpu, unsigned *priority, bool *group1)
{
    struct gicv3_cpu *c = &s->cpu[cpu];
    uint32_t found = GICV3_SPURIOUS;

    *priority = GICV3_IDLE;
    for (unsigned w = 0; w < s->irqs / 32; w++) {
        for (uint32_t m = c->live[w]; m; m &= m - 1) {
            unsigned n = w * 32 + (unsigned)__builtin_ctz(m);
            const struct gicv3_irq *q = gicv3_irq_of(s, cpu, n);

            if (q->priority < *priority && group_enabled(s, c, q->group1)) {
                *priority = q->priority;
                *group1 = q->group1;
                found = n;
            }
        }
    }
    if (c->best_lpi_priority < *priority && group_enabled(s, c, true)) {
        *priority = c->best_lpi_priority;
        *group1 = true;
        found = c->best_lpi;
    }
    return found;
}

uint32_t gicv3_takeable(struct gicv3 *s, unsigned cpu, bool *group1)
{
    struct gicv3_cpu *c = &s->cpu[cpu];
    unsigned priority;
    uint32_t n = best(s, cpu, &priority, group1);

    if (n == GICV3_SPURIOUS || priority >= c->pmr || group_priority(c, priority, *group1) >= running_priority(c))
        return GICV3_SPURIOUS;
    return n;
}

/* --- what the registers do ---------------------------------------------------------------------------------------------------- */

static uint32_t acknowledge(struct gicv3 *s, unsigned cpu, bool group1)
{
    struct gicv3_cpu *c = &s->cpu[cpu];
    bool is_group1 = false;
    uint32_t n = gicv3_takeable(s, cpu, &is_group1);
    unsigned priority;
    struct gicv3_irq *q;

    if (n == GICV3_SPURIOUS || is_group1 != group1)
        return GICV3_SPURIOUS;
    priority = n >= GICV3_LPI_FIRST ? c->best_lpi_priority : gicv3_irq_of(s, cpu, n)->priority;
    c->apr[group1] |= UINT32_C(1) << (group_priority(c, priority, group1) >> PRIORITY_SHIFT);
    if (n >= GICV3_LPI_FIRST) {
        gicv3_lpi(s, cpu, n, false);
        gicv3_update(s, cpu);
        return n;
    }
    q = gicv3_irq_of(s, cpu, n);
    q->active = true;
    q->pending = false;
    gicv3_refresh(s, cpu, n);
    return n;
}

static uint32_t highest_pending(struct gicv3 *s, unsigned cpu, bool group1)
{
    bool is_group1 = false;
    unsigned priority;
    uint32_t n = best(s, cpu, &priority, &is_group1);

    return n != GICV3_SPURIOUS && is_group1 == group1 ? n : GICV3_SPURIOUS;
}

static void deactivate(struct gicv3 *s, unsigned cpu, uint64_t n)
{
    if (n >= s->irqs)
        return; /* LPIs are never active */
    gicv3_irq_of(s, cpu, (unsigned)n)->active = false;
    gicv3_refresh(s, cpu, (unsigned)n);
}

static void end_of_interrupt(struct gicv3 *s, unsigned cpu, uint64_t n, bool group1)
{
    struct gicv3_cpu *c = &s->cpu[cpu];

    n &= 0xffffff;
    if (n >= 1020 && n < GICV3_LPI_FIRST)
        return;
    c->apr[group1] &= c->apr[group1] - 1; /* the highest active priority is dropped */
    if (!(c->icc_ctlr & CTLR_EOIMODE))
        deactivate(s, cpu, n);
    gicv3_update(s, cpu);
}

/* Affinity 3, 2 and 1 name a cluster, a list the CPUs in it; or all but the sender. */
static void send_sgis(struct gicv3 *s, unsigned from, uint64_t val, bool group1)
{
    unsigned n = val >> 24 & 15, cluster = val >> 16 & 0xff;
    bool others = val >> 40 & 1;

    if (!others && (val >> 32 & 0xff || val >> 48 & 0xff || val >> 44 & 15))
        return;
    for (unsigned i = 0; i < s->cpus; i++)
        if (others ? i != from : i / 8 == cluster && val >> (i % 8) & 1)
            gicv3_send_sgi(s, i, n, group1);
}

void gicv3_interface_reset(struct gicv3_cpu *c)
{
    c->pmr = 0;
    c->bpr[0] = BPR0_LEAST;
    c->bpr[1] = BPR1_LEAST;
    c->apr[0] = c->apr[1] = 0;
    c->icc_ctlr = 0;
    c->enable[0] = c->enable[1] = 0;
}

/* --- access -------------------------------------------------------------------------------------------------------------------- */

static uint64_t icc_read(struct gicv3 *s, unsigned cpu, uint32_t reg)
{
    struct gicv3_cpu *c = &s->cpu[cpu];
    unsigned running = running_priority(c);

    switch (reg) {
    case PMR:
        return c->pmr;
    case IAR0:
    case IAR1:
        return acknowledge(s, cpu, reg == IAR1);
    case HPPIR0:
    case HPPIR1:
        return highest_pending(s, cpu, reg == HPPIR1);
    case BPR0:
        return c->bpr[0];
    case BPR1:
        return c->icc_ctlr & CTLR_CBPR ? (c->bpr[0] < 7 ? c->bpr[0] + 1u : 7) : c->bpr[1];
    case AP0R0:
        return c->apr[0];
    case AP1R0:
        return c->apr[1];
    case RPR:
        return running == GICV3_IDLE ? 0xff : running;
    case CTLR:
    case CTLR_EL3:
        return c->icc_ctlr | CTLR_READ;
    case SRE:
        return 7; /* always by system registers */
    case IGRPEN0:
        return c->enable[0];
    case IGRPEN1:
    case IGRPEN1_EL3:
        return c->enable[1];
    }
    return 0;
}

static void icc_write(struct gicv3 *s, unsigned cpu, uint32_t reg, uint64_t val)
{
    struct gicv3_cpu *c = &s->cpu[cpu];

    switch (reg) {
    case PMR:
        c->pmr = val & GICV3_PRIORITY_MASK;
        break;
    case BPR0:
        c->bpr[0] = (val & 7) < BPR0_LEAST ? BPR0_LEAST : val & 7;
        break;
    case BPR1:
        if (!(c->icc_ctlr & CTLR_CBPR))
            c->bpr[1] = (val & 7) < BPR1_LEAST ? BPR1_LEAST : val & 7;
        break;
    case AP0R0:
    case AP1R0:
        c->apr[reg == AP1R0] = (uint32_t)val;
        break;
    case EOIR0:
    case EOIR1:
        end_of_interrupt(s, cpu, val, reg == EOIR1);
        return;
    case DIR:
        if (c->icc_ctlr & CTLR_EOIMODE)
            deactivate(s, cpu, val & 0xffffff);
        return;
    case SGI0R:
    case SGI1R:
    case ASGI1R:
        send_sgis(s, cpu, val, reg == SGI1R);
        return;
    case CTLR:
    case CTLR_EL3:
        c->icc_ctlr = val & (CTLR_CBPR | CTLR_EOIMODE);
        break;
    case IGRPEN0:
    case IGRPEN1:
    case IGRPEN1_EL3:
        c->enable[reg != IGRPEN0] = val & 1;
        break;
    }
    gicv3_update(s, cpu);
}

static uint64_t on_read(void *opaque, struct vcpu *v, uint32_t reg)
{
    bool locked = machine_lock_if_needed();
    uint64_t val = icc_read(opaque, v->index, reg);

    if (locked)
        machine_unlock();
    return val;
}

static void on_write(void *opaque, struct vcpu *v, uint32_t reg, uint64_t val)
{
    bool locked = machine_lock_if_needed();

    icc_write(opaque, v->index, reg, val);
    if (locked)
        machine_unlock();
}

void gicv3_serve(struct device *gic, struct vcpu *v)
{
    v->intc_opaque = gic;
    v->intc_read = on_read;
    v->intc_write = on_write;
}

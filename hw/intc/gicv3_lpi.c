/* hw/intc/gicv3_lpi.c - message-signalled interrupts (LPIs) at a redistributor.
 *
 * Whether an LPI is enabled, and its priority, is a byte in a table in guest memory, read whenever it may matter. What is
 * pending is kept here while LPIs are enabled, and in the guest's pending table otherwise.
 * Source: IHI 0069G, 5.1. */
#include <string.h>
#include "core/base/bytes.h"
#include "core/mem/dma.h"
#include "hw/intc/gicv3_int.h"

#define TABLE_MASK UINT64_C(0x000ffffffffff000)

static uint32_t ids(const struct gicv3_cpu *c)
{
    unsigned bits = (unsigned)(c->propbaser & 31) + 1;

    return bits < GICV3_ID_BITS ? 1u << bits : 1u << GICV3_ID_BITS;
}

/* Its priority, or GICV3_IDLE while it is disabled. */
static uint32_t priority_of(struct gicv3 *s, const struct gicv3_cpu *c, uint32_t id)
{
    uint8_t config = 0;

    if (dma_read(s->dev.board->as, (c->propbaser & TABLE_MASK) + id - GICV3_LPI_FIRST, &config, 1) != MEM_OK || !(config & 1))
        return GICV3_IDLE;
    return config & GICV3_PRIORITY_MASK;
}

static void consider(struct gicv3 *s, struct gicv3_cpu *c, uint32_t id)
{
    uint32_t priority = priority_of(s, c, id);

    if (priority < c->best_lpi_priority) {
        c->best_lpi = id;
        c->best_lpi_priority = priority;
    }
}

void gicv3_lpi_look(struct gicv3 *s, unsigned cpu)
{
    struct gicv3_cpu *c = &s->cpu[cpu];

    c->best_lpi = GICV3_SPURIOUS;
    c->best_lpi_priority = GICV3_IDLE;
    for (uint32_t at = GICV3_LPI_FIRST / 8; c->ctlr && at < ids(c) / 8; at += 8) {
        uint64_t word = load_le64(c->lpi_pending + at);

        for (; word; word &= word - 1)
            consider(s, c, at * 8 + (uint32_t)__builtin_ctzll(word));
    }
    gicv3_update(s, cpu);
}

void gicv3_lpi(struct gicv3 *s, unsigned cpu, uint32_t id, bool pending)
{
    struct gicv3_cpu *c = &s->cpu[cpu];
    uint8_t bit = (uint8_t)(1u << id % 8);

    if (!c->ctlr || id < GICV3_LPI_FIRST || id >= ids(c))
        return;
    if (pending) {
        c->lpi_pending[id / 8] |= bit;
        consider(s, c, id);
        gicv3_update(s, cpu);
        return;
    }
    c->lpi_pending[id / 8] &= (uint8_t)~bit;
    if (id == c->best_lpi)
        gicv3_lpi_look(s, cpu);
}

void gicv3_lpi_move(struct gicv3 *s, unsigned from, unsigned to, uint32_t id)
{
    uint32_t first = id ? id : GICV3_LPI_FIRST, last = id ? id : (1u << GICV3_ID_BITS) - 1;

    if (from == to || first < GICV3_LPI_FIRST || last >= 1u << GICV3_ID_BITS)
        return;
    for (uint32_t i = first; i <= last; i++) {
        if (s->cpu[from].lpi_pending[i / 8] >> i % 8 & 1) {
            gicv3_lpi(s, from, i, false);
            gicv3_lpi(s, to, i, true);
        }
    }
}

void gicv3_lpi_enable(struct gicv3 *s, unsigned cpu, bool on)
{
    struct gicv3_cpu *c = &s->cpu[cpu];
    struct addr_space *as = s->dev.board->as;
    uint64_t table = c->pendbaser & UINT64_C(0x000fffffffff0000);
    uint32_t first = GICV3_LPI_FIRST / 8, len = ids(c) / 8 > first ? ids(c) / 8 - first : 0;
    bool zero = c->pendbaser >> 62 & 1; /* the guest says that the table is empty */

    memset(c->lpi_pending, 0, on ? c->lpi_bytes : 0);
    if (!on)
        dma_write(as, table + first, c->lpi_pending + first, len);
    else if (!zero && dma_read(as, table + first, c->lpi_pending + first, len) != MEM_OK)
        memset(c->lpi_pending, 0, c->lpi_bytes);
    c->ctlr = on;
    gicv3_lpi_look(s, cpu);
}

/* tcg/host/x86_64/probes.c - accesses off one base share a TLB probe (system mode).
 *
 * Prologues, epilogues and structures access several places near one register. Those of a block get one probe over the
 * whole range: it gives the addend when the range lies in one page that is reached directly, else 0, and each access only
 * tests that; the first tries once more after its slow path, which may have filled the entry. Nothing between them may flush: helper calls end the groups. Slow paths between them may run, but a flush
 * that others ask for waits until this vCPU has left its run loop, and an entry replaced leaves the mapping as it was. */
#include "core/base/bits.h"
#include "tcg/host/x86_64/emit.h"

enum { MAX_GROUPS = 8, MAX_MEMBERS = 24, MAX_SPAN = 1024, MAX_DISTANCE = 64 };

struct group {
    ir_ref base, member[MAX_MEMBERS];
    unsigned n, last;                          /* last: position of the newest member in the block */
    int64_t from, to;                          /* displacements, half open */
    bool store;
};

static void close_group(struct ir *ir, struct group *g)
{
    if (g->n >= 2) {
        ir_ref p = ir_insert_before(ir, g->member[0], IR_OP_probe, IR_I64);
        struct ir_insn *i = ir_at(ir, p);

        i->nargs = 1;
        i->arg[0] = g->base;
        i->imm = (uint64_t)g->from;
        i->imm2 = (uint64_t)g->to;
        i->aux = g->store;
        i->uses = g->n;
        i->mark = 0;
        ir_at(ir, g->base)->uses++;
        ir_at(ir, g->member[0])->mark |= X64_FIRST;
        for (unsigned k = 0; k < g->n; k++) {
            ir_at(ir, g->member[k])->mark |= X64_PROBED;
            ir_at(ir, g->member[k])->imm2 = p;
        }
    }
    g->n = 0;
}

static bool can_share(const struct ir *ir, const struct ir_insn *i)
{
    int64_t disp = (int64_t)i->imm;

    return (i->op == IR_OP_ld || i->op == IR_OP_st) && !(i->mark & X64_FOLD0) && !(i->aux & (IR_MMMU | IR_MALIGN | IR_MBE)) &&
           !ir_is_const(ir, i->arg[0]) && disp > -INT32_MAX / 2 && disp < INT32_MAX / 2;
}

static bool joins(const struct group *g, const struct ir_insn *i, unsigned pos)
{
    int64_t from = (int64_t)i->imm, to = from + ir_mem_bytes(i->aux);

    return g->n && g->base == i->arg[0] && g->n < MAX_MEMBERS && pos - g->last <= MAX_DISTANCE &&
           MAX(to, g->to) - MIN(from, g->from) <= MAX_SPAN;
}

static void add(struct ir *ir, struct group *groups, ir_ref r, unsigned pos)
{
    const struct ir_insn *i = ir_at(ir, r);
    int64_t from = (int64_t)i->imm, to = from + ir_mem_bytes(i->aux);
    struct group *g = NULL, *oldest = groups;

    for (unsigned k = 0; k < MAX_GROUPS && !g; k++) {
        if (joins(&groups[k], i, pos))
            g = &groups[k];
        if (!groups[k].n || (oldest->n && groups[k].last < oldest->last))
            oldest = &groups[k];
    }
    if (!g) {
        g = oldest;
        close_group(ir, g);
        *g = (struct group){ .base = ir_at(ir, r)->arg[0], .from = from, .to = to };
    }
    g->member[g->n++] = r;
    g->last = pos;
    g->from = MIN(g->from, from);
    g->to = MAX(g->to, to);
    g->store |= ir_at(ir, r)->op == IR_OP_st;
}

void x64_share_probes(struct ir *ir)
{
    for (ir_block_ref b = 0; b < ir->nblocks; b++) {
        struct group groups[MAX_GROUPS] = { 0 };
        unsigned pos = 0;

        for (ir_ref r = ir->blocks[b].first; r; r = ir_at(ir, r)->next, pos++) {
            if (can_share(ir, ir_at(ir, r)))
                add(ir, groups, r, pos);
            else if (ir_at(ir, r)->op == IR_OP_call)
                for (unsigned k = 0; k < MAX_GROUPS; k++)
                    close_group(ir, &groups[k]);
        }
        for (unsigned k = 0; k < MAX_GROUPS; k++)
            close_group(ir, &groups[k]);
    }
}

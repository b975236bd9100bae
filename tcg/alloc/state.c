/* What the registers hold at the borders of blocks. */
#include "tcg/alloc/internal.h"

#include <string.h>

static void clear_registers(struct ra_scan *s)
{
    for (unsigned k = 0; k < RA_NREGS; k++)
        if (s->regs[k])
            ra_drop(s, s->regs[k]);
    s->free = s->cls_regs[RA_CLASS_GPR] | s->cls_regs[RA_CLASS_VEC];
}

/* The predecessor whose registers we go on with: one that has been walked; not a cold one if there is a choice. */
static int pick_pred(const struct ra_scan *s, ir_block_ref b)
{
    const struct ir_block *ib = &s->ir->blocks[b];
    int best = -1;

    for (uint32_t k = 0; k < ib->npred; k++) {
        if (!s->blk[ib->pred[k]].done)
            continue;
        if (best < 0 || (s->ir->blocks[ib->pred[best]].cold && !s->ir->blocks[ib->pred[k]].cold))
            best = (int)k;
    }
    return best;
}

static void keep_registers(struct ra_scan *s, ir_block_ref b, const ir_ref *from)
{
    for (unsigned reg = 0; reg < RA_NREGS; reg++) {
        uint32_t d = from[reg] ? ra_dist_in(s, b, from[reg]) : RA_DIST_DEAD;

        if (d == RA_DIST_DEAD)
            continue;
        if (d == RA_DIST_WEAK && s->val[from[reg]].flags & (RA_V_SPILLED | RA_V_CONST))
            continue;
        ra_put(s, from[reg], reg);
    }
}

static bool phi_lives(const struct ra_scan *s, ir_ref p)
{
    return s->val[p].end != 0;
}

static void hint_args(struct ra_scan *s, ir_ref p, unsigned reg)
{
    const struct ir_insn *i = ir_at(s->ir, p);
    const ir_ref *args = ir_args(s->ir, i);

    for (unsigned a = 0; a < i->nargs; a++)
        if (s->val[args[a]].hint == RA_NO_REG)
            s->val[args[a]].hint = (uint8_t)reg;
}

/* The register in which the argument that comes from predecessor k leaves it, if nothing else is there now. */
static unsigned arg_reg(const struct ra_scan *s, ir_block_ref b, ir_ref p, uint32_t k)
{
    ir_ref a = ir_args(s->ir, ir_at(s->ir, p))[k];
    const struct ra_blk *from = &s->blk[s->ir->blocks[b].pred[k]];

    for (unsigned reg = 0; from->done && reg < RA_NREGS; reg++)
        if (from->out[reg] == a && s->free >> reg & 1)
            return reg;
    return RA_NO_REG;
}

static void place_phi(struct ra_scan *s, ir_block_ref b, ir_ref p, uint32_t pred)
{
    const struct ir_insn *i = ir_at(s->ir, p);
    uint32_t free = s->free & s->cls_regs[s->val[p].cls];
    unsigned reg = arg_reg(s, b, p, pred);

    for (uint32_t k = 0; reg == RA_NO_REG && k < i->nargs; k++)
        reg = arg_reg(s, b, p, k);
    if (reg == RA_NO_REG && free && s->val[p].hint != RA_NO_REG && free >> s->val[p].hint & 1)
        reg = s->val[p].hint;
    if (reg == RA_NO_REG && free && ra_next_use(s, p) != RA_DIST_WEAK) {
        const uint8_t *o = s->order[s->val[p].cls];

        while (!(free >> *o & 1))
            o++;
        reg = *o;
    }
    if (reg == RA_NO_REG) {
        ra_spill(s, p);
        s->ra->insn[p].dst = s->val[p].mem;
        return;
    }
    ra_put(s, p, reg);
    s->ra->insn[p].dst = ra_reg_loc(reg);
    hint_args(s, p, reg);
}

void ra_enter_block(struct ra_scan *s, ir_block_ref b)
{
    const struct ir_block *ib = &s->ir->blocks[b];
    int pred;

    clear_registers(s);
    if (!ra_multi(s))
        return;
    pred = pick_pred(s, b);
    if (pred >= 0)
        keep_registers(s, b, s->blk[ib->pred[pred]].out);
    for (ir_ref r = ib->first; r && s->ir->insns[r].op == IR_OP_phi; r = s->ir->insns[r].next)
        if (phi_lives(s, r))
            place_phi(s, b, r, (uint32_t)pred);
    for (uint32_t g = 1; g < s->nglobals; g++)
        if (s->dist_in[(size_t)b * s->nglobals + g] != RA_DIST_DEAD && s->val[s->globals[g]].reg == RA_NO_REG)
            ra_spill(s, s->globals[g]);
    memcpy(s->blk[b].in, s->regs, sizeof s->regs);
}

void ra_leave_block(struct ra_scan *s, ir_block_ref b)
{
    memcpy(s->blk[b].out, s->regs, sizeof s->regs);
    s->blk[b].done = true;
}

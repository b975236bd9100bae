/* tcg/opt/blocks.c - the pass `blocks`: a block whose only way on leads to a block that has no other way in becomes one
 * with it. */
#include "tcg/ir/cfg.h"
#include "tcg/ir/internal.h"
#include "tcg/opt/passes.h"

/* b ends in a jump to s, which is entered from nowhere else: s's instructions follow b's. */
static void join(struct ir *ir, ir_block_ref b, ir_block_ref s)
{
    struct ir_block *to = &ir->blocks[b], *from = &ir->blocks[s];

    ir_remove(ir, to->last);
    for (ir_ref r = from->first, next; r && ir->insns[r].op == IR_OP_phi; r = next) {
        next = ir->insns[r].next;
        ir_forward(ir, r, ir->pool[ir->insns[r].arg[0]]);
    }
    for (ir_ref r = from->first; r; r = ir->insns[r].next)
        ir->insns[r].block = b;
    if (from->first) {
        ir->insns[from->first].prev = to->last;
        if (to->last)
            ir->insns[to->last].next = from->first;
        else
            to->first = from->first;
        to->last = from->last;
    }
    to->nsucc = from->nsucc;
    for (unsigned k = 0; k < from->nsucc; k++) {
        struct ir_block *next = &ir->blocks[from->succ[k]];
        to->succ[k] = from->succ[k];
        for (uint32_t p = 0; p < next->npred; p++)
            if (next->pred[p] == s)
                next->pred[p] = b;
    }
    to->cold &= from->cold;
    from->first = from->last = IR_NONE;
    from->nsucc = 0, from->npred = 0;
}

static bool joins(const struct ir *ir, ir_block_ref b)
{
    const struct ir_block *blk = &ir->blocks[b];

    return blk->first && blk->nsucc == 1 && blk->succ[0] != b && ir->blocks[blk->succ[0]].npred == 1;
}

static bool any(const struct ir *ir)
{
    for (ir_block_ref b = 0; b < ir->nblocks; b++)
        if (joins(ir, b))
            return true;
    return false;
}

void opt_blocks(struct ir *ir)
{
    const struct cfg *c;

    if (!any(ir))
        return;
    c = cfg_build(ir);
    for (uint32_t k = 0; k < c->n; k++) {
        ir_block_ref b = c->rpo[k];
        while (joins(ir, b))
            join(ir, b, ir->blocks[b].succ[0]);
    }
    ir_simplify(ir);
}

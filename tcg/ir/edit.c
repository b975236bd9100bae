/* tcg/ir/edit.c - changing a finished unit: what the passes have in common. */
#include "tcg/ir/internal.h"

#include <string.h>

static void unlink_insn(struct ir *ir, ir_ref r)
{
    struct ir_insn *i = &ir->insns[r];
    struct ir_block *b = &ir->blocks[i->block];

    if (i->prev)
        ir->insns[i->prev].next = i->next;
    else
        b->first = i->next;
    if (i->next)
        ir->insns[i->next].prev = i->prev;
    else
        b->last = i->prev;
}

void ir_remove(struct ir *ir, ir_ref r)
{
    struct ir_insn *i = &ir->insns[r];

    unlink_insn(ir, r);
    i->op = IR_OP_nop;
    i->type = IR_VOID;
    i->nargs = 0;
    i->mark = 0;
    i->snap = 0;
    i->prev = i->next = IR_NONE;
}

void ir_move_before(struct ir *ir, ir_ref r, ir_ref at)
{
    struct ir_insn *i = &ir->insns[r], *a = &ir->insns[at];

    unlink_insn(ir, r);
    i->block = a->block;
    i->next = at;
    i->prev = a->prev;
    if (a->prev)
        ir->insns[a->prev].next = r;
    else
        ir->blocks[a->block].first = r;
    a->prev = r;
}

ir_ref ir_insert_before(struct ir *ir, ir_ref at, enum ir_op op, enum ir_type type)
{
    return ir_new_in(ir, ir->insns[at].block, at, op, type);
}

static void replace_in(ir_ref *arg, unsigned n, ir_ref old, ir_ref with)
{
    for (unsigned k = 0; k < n; k++)
        if (arg[k] == old)
            arg[k] = with;
}

void ir_replace(struct ir *ir, ir_ref old, ir_ref with)
{
    for (ir_block_ref b = 0; b < ir->nblocks; b++)
        for (ir_ref r = ir->blocks[b].first; r; r = ir->insns[r].next) {
            struct ir_insn *i = &ir->insns[r];
            replace_in(ir_ops[i->op].nargs == IR_VAR ? ir->pool + i->arg[0] : i->arg, i->nargs, old, with);
        }
    for (uint32_t e = 0; e < ir->nsnap_pool; e++)
        replace_in(&ir->snap_pool[e].val, 1, old, with);
    for (uint32_t k = 1; k < ir->nsnaps; k++)
        replace_in(&ir->snaps[k].pc_val, 1, old, with);
}

void ir_count_uses(struct ir *ir)
{
    uint32_t last = UINT32_MAX;

    if (ir_build(ir)->counted) {
        ir_build(ir)->counted = false;
        return;
    }
    for (ir_ref r = 0; r < ir->ninsns; r++)
        ir->insns[r].uses = 0;
    for (ir_block_ref b = 0; b < ir->nblocks; b++)
        for (ir_ref r = ir->blocks[b].first; r; r = ir->insns[r].next) {
            struct ir_insn *i = &ir->insns[r];
            const ir_ref *arg = ir_args(ir, i);
            for (unsigned k = 0; k < i->nargs; k++)
                ir->insns[arg[k]].uses++;
            if (i->snap) {
                const struct ir_snap *s = &ir->snaps[i->snap];
                ir->insns[s->pc_val].uses++;
                for (uint32_t e = 0; e < s->n && s->first != last; e++)
                    ir->insns[ir->snap_pool[s->first + e].val].uses++;
                if (s->n)
                    last = s->first;
            }
        }
}

static void mark_reachable(const struct ir *ir, ir_block_ref b, bool *seen)
{
    while (!seen[b]) {
        const struct ir_block *blk = &ir->blocks[b];
        seen[b] = true;
        if (blk->nsucc == 0)
            return;
        if (blk->nsucc == 2)
            mark_reachable(ir, blk->succ[1], seen);
        b = blk->succ[0];
    }
}

static void drop_pred(struct ir *ir, ir_block_ref b, uint32_t p)
{
    struct ir_block *blk = &ir->blocks[b];

    memmove(blk->pred + p, blk->pred + p + 1, (blk->npred - p - 1) * sizeof(*blk->pred));
    blk->npred--;
    for (ir_ref r = blk->first; r && ir->insns[r].op == IR_OP_phi; r = ir->insns[r].next) {
        struct ir_insn *i = &ir->insns[r];
        ir_ref *arg = ir->pool + i->arg[0];
        if (i->nargs <= p)
            continue;                          /* not completed yet */
        memmove(arg + p, arg + p + 1, (i->nargs - p - 1) * sizeof(*arg));
        i->nargs--;
    }
}

void ir_drop_edge(struct ir *ir, ir_block_ref from, ir_block_ref to)
{
    for (uint32_t p = 0; p < ir->blocks[to].npred; p++)
        if (ir->blocks[to].pred[p] == from) {
            drop_pred(ir, to, p);
            return;
        }
}

/* Blocks that are entered from earlier ones only are reached when those are. */
static bool obviously_reachable(const struct ir *ir)
{
    for (ir_block_ref b = 1; b < ir->nblocks; b++) {
        if (!ir->blocks[b].npred)
            return false;
        for (uint32_t p = 0; p < ir->blocks[b].npred; p++)
            if (ir->blocks[b].pred[p] >= b)
                return false;
    }
    return true;
}

void ir_drop_unreachable(struct ir *ir)
{
    bool *seen;

    if (obviously_reachable(ir))
        return;
    seen = ir_zalloc(ir, ir->nblocks);
    mark_reachable(ir, 0, seen);
    for (ir_block_ref b = 0; b < ir->nblocks; b++) {
        struct ir_block *blk = &ir->blocks[b];
        if (seen[b])
            continue;
        for (unsigned k = 0; k < blk->nsucc; k++)
            ir_drop_edge(ir, b, blk->succ[k]);
        while (blk->first)
            ir_remove(ir, blk->first);
        blk->nsucc = 0, blk->npred = 0;
        blk->sealed = true;
        blk->slot_val = NULL;
    }
}

ir_block_ref ir_split_edge(struct ir *ir, ir_block_ref from, unsigned succ, uint32_t pred)
{
    ir_block_ref to = ir->blocks[from].succ[succ], b = ir_block_new(ir, ir->blocks[to].guest_pc);
    struct ir_block *blk = &ir->blocks[b];

    ir_new_in(ir, b, IR_NONE, IR_OP_br, IR_VOID);
    blk->succ[0] = to;
    blk->nsucc = 1;
    blk->cold = ir->blocks[from].cold || ir->blocks[to].cold;
    blk->loop_depth = ir->blocks[to].loop_depth;
    ir_add_pred(ir, b, from);
    blk->sealed = true;
    ir->blocks[from].succ[succ] = b;
    ir->blocks[to].pred[pred] = b;
    return b;
}

/* Ways out of a block, for all decoders. */
#include "targets/jump.h"

void tr_goto(struct tr_ctx *tr, uint64_t pc, enum ir_jump kind, uint64_t ret)
{
    int64_t block = kind == IR_JUMP_PLAIN ? tr->block_of(tr, pc)
                    : kind == IR_JUMP_CALL && tr->call_block ? tr->call_block(tr, pc, ret) : -1;

    if (tr->nsucc < 2)
        tr->succ[tr->nsucc++] = (struct tr_succ){ pc, (uint8_t)kind };
    if (block >= 0)
        ir_br(tr->ir, (ir_block_ref)block);
    else
        ir_goto_pc(tr->ir, pc, kind, ret);
}

/* The side of a branch that goes to pc: a block of the region, or a new one that leaves. */
static ir_block_ref side(struct tr_ctx *tr, uint64_t pc, bool *leaves)
{
    int64_t b = tr->block_of(tr, pc);

    *leaves = b < 0;
    return b >= 0 ? (ir_block_ref)b : ir_block_new(tr->ir, pc);
}

static void leave_by(struct tr_ctx *tr, ir_block_ref b, uint64_t pc)
{
    ir_seal(tr->ir, b);
    ir_enter(tr->ir, b);
    ir_goto_pc(tr->ir, pc, IR_JUMP_PLAIN, 0);
}

void tr_goto_if(struct tr_ctx *tr, enum ir_cond cond, ir_ref a, ir_ref b, uint64_t yes, uint64_t no)
{
    ir_block_ref yes_block, no_block;
    bool yes_leaves, no_leaves;

    if (yes == no) {
        tr_goto(tr, yes, IR_JUMP_PLAIN, 0);
        return;
    }
    tr->succ[0] = (struct tr_succ){ yes, IR_JUMP_PLAIN };
    tr->succ[1] = (struct tr_succ){ no, IR_JUMP_PLAIN };
    tr->nsucc = 2;
    if (tr->cold) {
        ir_goto_if(tr->ir, cond, a, b, yes, no);
        return;
    }
    yes_block = side(tr, yes, &yes_leaves);
    no_block = side(tr, no, &no_leaves);
    ir_brcc(tr->ir, cond, a, b, yes_block, no_block, 0);
    if (yes_leaves)
        leave_by(tr, yes_block, yes);
    if (no_leaves)
        leave_by(tr, no_block, no);
}

void tr_return(struct tr_ctx *tr, uint64_t pc, ir_ref to)
{
    uint64_t ret_pc;
    int64_t block = tr->return_block ? tr->return_block(tr, &ret_pc) : -1;

    tr->returns = true;
    if (block >= 0) {
        ir_block_ref other = ir_block_new(tr->ir, pc);

        ir_brcc(tr->ir, IR_EQ, to, tr_pc(tr, ret_pc), (ir_block_ref)block, other, 2);
        ir_seal(tr->ir, other);
        ir_enter(tr->ir, other);
    }
    ir_goto_ind(tr->ir, to, IR_JUMP_RET, 0);
}

/* tcg/opt/refold.c - the pass `fold`: the rules of fold.c once more over a whole unit.
 *
 * While a region is built, phis of loops are not known to be trivial yet and branches are not known to fall one way;
 * here they are. Blocks go in reverse postorder, so operands are simple before their users; a value that is replaced is
 * replaced in all users at the end of a round. */
#include <string.h>

#include "tcg/ir/cfg.h"
#include "tcg/ir/internal.h"
#include "tcg/opt/fold.h"
#include "tcg/opt/passes.h"

static bool changed(const struct ir_insn *a, const struct ir_insn *b)
{
    return a->op != b->op || a->aux != b->aux || a->imm != b->imm || memcmp(a->arg, b->arg, sizeof(a->arg));
}

static void fold_value(struct ir *ir, ir_ref r)
{
    struct ir_insn i = ir->insns[r];
    ir_ref v;

    if (i.op == IR_OP_const || i.op == IR_OP_vconst || i.op == IR_OP_envaddr)
        return;
    ir_build(ir)->at = r;
    v = fold_insn(ir, &i);
    ir_build(ir)->at = IR_NONE;
    if (v) {
        ir_forward(ir, r, v);
    } else if (changed(&i, &ir->insns[r])) {
        struct ir_insn *to = &ir->insns[r];
        to->op = i.op, to->aux = i.aux, to->imm = i.imm, to->nargs = i.nargs;
        memcpy(to->arg, i.arg, sizeof(i.arg));
    }
}

static void fold_branch(struct ir *ir, ir_ref r)
{
    struct ir_insn *i = &ir->insns[r];
    struct ir_block *b = &ir->blocks[i->block];
    ir_ref x = i->arg[0], y = i->arg[1];
    enum ir_cond c = i->aux;
    int known;

    ir_build(ir)->at = r;
    known = fold_cond(ir, &c, &x, &y);
    ir_build(ir)->at = IR_NONE;
    i = &ir->insns[r];
    if (known < 0) {
        i->aux = c;
        i->arg[0] = x, i->arg[1] = y;
        i->type = ir_type_of(ir, x);
        return;
    }
    ir_drop_edge(ir, i->block, b->succ[known]);
    b->succ[0] = b->succ[!known];
    b->nsucc = 1;
    *i = (struct ir_insn){ .op = IR_OP_br, .block = i->block, .prev = i->prev, .next = i->next };
}

static void fold_memory(struct ir *ir, ir_ref r)
{
    struct ir_insn *i = &ir->insns[r];
    int64_t disp = (int64_t)i->imm;
    ir_ref addr = i->arg[0];

    fold_address(ir, &addr, &disp);
    i->arg[0] = addr;
    i->imm = (uint64_t)disp;
    if (i->op == IR_OP_st) {
        fold_stored(ir, i->aux, &i->arg[1]);
        i->type = ir_type_of(ir, i->arg[1]);
    }
}

static void fold_block(struct ir *ir, ir_block_ref b)
{
    for (ir_ref r = ir->blocks[b].first, next; r; r = next) {
        enum ir_op op = ir->insns[r].op;
        next = ir->insns[r].next;
        if (ir_build(ir)->nforward)
            ir_resolve_args(ir, r);
        if (ir_ops[op].props & IR_PURE)
            fold_value(ir, r);
        else if (op == IR_OP_brcc)
            fold_branch(ir, r);
        else if (op == IR_OP_ld || op == IR_OP_st)
            fold_memory(ir, r);
    }
}

void opt_fold(struct ir *ir)
{
    const struct cfg *c;

    if (!ir_build(ir)->unfolded)
        return;
    c = cfg_build(ir);
    ir_build(ir)->unfolded = false;
    ir_count_uses(ir);
    for (uint32_t k = 0; k < c->n; k++)
        fold_block(ir, c->rpo[k]);
    ir_drop_unreachable(ir);
    ir_simplify(ir);
}

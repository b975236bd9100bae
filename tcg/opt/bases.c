/* tcg/opt/bases.c - accesses take the next value of a pointer as their base where the old one would live on only for them.
 *
 *     p = phi(.., q); q = p + 8; store [p]; loop          becomes          ... store [q - 8]; loop
 * so that p and q share a register and the loop needs no copy. */
#include "tcg/ir/cfg.h"
#include "tcg/ir/internal.h"
#include "tcg/opt/passes.h"

static bool is_next(const struct ir *ir, ir_ref phi, ir_ref q)
{
    const struct ir_insn *i = &ir->insns[phi];

    for (unsigned k = 0; k < i->nargs; k++)
        if (ir->pool[i->arg[0] + k] == q)
            return true;
    return false;
}

static void rebase(struct ir *ir, const struct cfg *c, const ir_ref *next, ir_ref r)
{
    struct ir_insn *i = &ir->insns[r];
    ir_ref q = next[i->arg[0]];
    int64_t disp;

    if (!q || !cfg_dominates(c, ir->insns[q].block, i->block))
        return;
    disp = (int64_t)(i->imm - ir->insns[ir->insns[q].arg[1]].imm);
    if (disp != (int32_t)disp)
        return;
    i->arg[0] = q;
    i->imm = (uint64_t)disp;
}

void opt_bases(struct ir *ir)
{
    const struct cfg *c;
    ir_ref *next;

    if (ir->nblocks == 1)
        return;
    c = cfg_build(ir);
    next = ir_zalloc(ir, ir->ninsns * sizeof(*next));
    for (uint32_t k = 0; k < c->n; k++)
        for (ir_ref r = ir->blocks[c->rpo[k]].first; r; r = ir->insns[r].next) {
            const struct ir_insn *i = &ir->insns[r];
            if (i->op == IR_OP_add && ir->insns[i->arg[0]].op == IR_OP_phi && ir_is_const(ir, i->arg[1]) &&
                i->type == IR_I64 && is_next(ir, i->arg[0], r))
                next[i->arg[0]] = r;
            else if (i->op == IR_OP_ld || i->op == IR_OP_st)
                rebase(ir, c, next, r);
        }
}

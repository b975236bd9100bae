/* tcg/opt/sink.c - extensions that only colder blocks and snapshots want are made there.
 *
 * A loop whose values merge narrow has its wide ones for whoever comes behind the loop. Made at the uses instead, they
 * leave the loop, and its snapshots name the narrow value (lazy.c). */
#include "tcg/ir/cfg.h"
#include "tcg/ir/internal.h"
#include "tcg/opt/passes.h"

static bool extends(const struct ir_insn *i)
{
    return i->op == IR_OP_sext || i->op == IR_OP_zext || i->op == IR_OP_fbox;
}

/* Where the k-th argument of an instruction is used: for a phi, at the end of the predecessor. */
static ir_block_ref used_in(const struct ir *ir, const struct ir_insn *i, unsigned k)
{
    return i->op == IR_OP_phi ? ir->blocks[i->block].pred[k] : i->block;
}

/* by value: an instruction wants it in a block as deep as its own, or the code is not in a loop */
static bool *find_staying(struct ir *ir)
{
    bool *stays = ir_zalloc(ir, ir->ninsns);

    for (ir_block_ref b = 0; b < ir->nblocks; b++)
        for (ir_ref r = ir->blocks[b].first; r; r = ir->insns[r].next) {
            const struct ir_insn *i = &ir->insns[r];
            const ir_ref *arg = ir_args(ir, i);

            for (unsigned k = 0; k < i->nargs; k++)
                if (ir->blocks[used_in(ir, i, k)].loop_depth >= ir->blocks[ir->insns[arg[k]].block].loop_depth)
                    stays[arg[k]] = true;
            if (i->snap)
                stays[ir->snaps[i->snap].pc_val] = true;
        }
    return stays;
}

/* A copy of an extension in front of `at`; the one before it will do if it is the same. */
static ir_ref copy_before(struct ir *ir, ir_ref at, ir_ref ext)
{
    ir_ref r = ir->insns[at].prev;

    for (; r && extends(&ir->insns[r]); r = ir->insns[r].prev)
        if (ir->insns[r].op == ir->insns[ext].op && ir->insns[r].arg[0] == ir->insns[ext].arg[0])
            return r;
    r = ir_insert_before(ir, at, ir->insns[ext].op, ir->insns[ext].type);
    ir->insns[r].nargs = 1;
    ir->insns[r].aux = ir->insns[ext].aux;
    ir->insns[r].imm = ir->insns[ext].imm;
    ir->insns[r].arg[0] = ir->insns[ext].arg[0];
    return r;
}

static void sink_into(struct ir *ir, ir_ref user, unsigned k, const bool *stays, uint32_t before)
{
    const struct ir_insn *i = &ir->insns[user];
    ir_ref ext = ir_args(ir, i)[k], copy;

    if (ext >= before || stays[ext] || !extends(&ir->insns[ext]))
        return;
    copy = copy_before(ir, i->op == IR_OP_phi ? ir->blocks[used_in(ir, i, k)].last : user, ext);
    i = &ir->insns[user];
    if (ir_ops[i->op].nargs == IR_VAR)
        ir->pool[i->arg[0] + k] = copy;
    else
        ir->insns[user].arg[k] = copy;
}

void opt_sink(struct ir *ir)
{
    uint32_t before = ir->ninsns;
    const bool *stays;

    if (ir->nblocks == 1)
        return;
    cfg_note_loops(ir, cfg_build(ir));
    stays = find_staying(ir);
    for (ir_block_ref b = 0; b < ir->nblocks; b++)
        for (ir_ref r = ir->blocks[b].first; r; r = ir->insns[r].next)
            for (unsigned k = 0; k < ir->insns[r].nargs; k++)
                sink_into(ir, r, k, stays, before);
}

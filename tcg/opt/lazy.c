/* tcg/opt/lazy.c - what only snapshots look at is not computed: they say how it follows from what there is.
 *
 * RISC-V extends every 32-bit result and boxes every single. Where the guest's own code takes the narrow value again, the
 * wide one is wanted only at a fault or an exit, and is made there. */
#include "tcg/ir/internal.h"
#include "tcg/opt/passes.h"

static enum ir_how how_of(const struct ir_insn *i)
{
    switch (i->op) {
    case IR_OP_sext: return IR_HOW_SEXT;
    case IR_OP_zext: return IR_HOW_ZEXT;
    case IR_OP_fbox: return IR_HOW_BOX;
    default: return IR_HOW_SAME;
    }
}

/* by value: an instruction names it */
static bool *find_used(struct ir *ir)
{
    bool *used = ir_zalloc(ir, ir->ninsns);

    for (ir_ref r = 1; r < ir->ninsns; r++) {
        const struct ir_insn *i = &ir->insns[r];
        const ir_ref *arg = ir_args(ir, i);
        for (unsigned k = 0; k < i->nargs; k++)
            used[arg[k]] = true;
        if (i->snap)
            used[ir->snaps[i->snap].pc_val] = true;
    }
    return used;
}

void opt_lazy(struct ir *ir)
{
    const bool *used = find_used(ir);

    for (uint32_t e = 0; e < ir->nsnap_pool; e++) {
        struct ir_snap_entry *x = &ir->snap_pool[e];
        const struct ir_insn *i = &ir->insns[x->val];
        if (x->how == IR_HOW_SAME && how_of(i) != IR_HOW_SAME && !used[x->val]) {
            x->how = how_of(i);
            x->val = i->arg[0];
        }
    }
}

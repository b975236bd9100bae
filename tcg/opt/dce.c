/* tcg/opt/dce.c - removes values that nothing uses, phis in circles included; leaves exact use counts.
 *
 * A value is live when an instruction with an effect, a live value or their snapshots name it. */
#include "tcg/ir/internal.h"
#include "tcg/opt/passes.h"

static bool has_effect(const struct ir *ir, const struct ir_insn *i)
{
    if (ir_ops[i->op].props & IR_PURE)
        return false;
    switch (i->op) {
    case IR_OP_phi: case IR_OP_get: case IR_OP_ldenv: return false;
    case IR_OP_call: return !(ir->helpers[i->imm]->flags & IR_H_PURE);
    default: return true;
    }
}

struct work {
    struct ir *ir;
    ir_ref *stack; uint32_t n;
    uint32_t last_entries;                     /* counted last; the next snapshot often shares them */
};

static void use(struct work *w, ir_ref r)
{
    if (w->ir->insns[r].uses++ == 0)
        w->stack[w->n++] = r;
}

static void use_operands(struct work *w, const struct ir_insn *i)
{
    const struct ir *ir = w->ir;
    const ir_ref *arg = ir_args(ir, i);

    for (unsigned k = 0; k < i->nargs; k++)
        use(w, arg[k]);
    if (i->snap) {
        const struct ir_snap *s = &ir->snaps[i->snap];
        if (s->pc_val)
            use(w, s->pc_val);
        if (s->first == w->last_entries || !s->n)
            return;
        w->last_entries = s->first;
        for (uint32_t e = 0; e < s->n; e++)
            use(w, ir->snap_pool[s->first + e].val);
    }
}

/* Where all edges lead to later blocks, whoever uses a value comes behind it: one walk backwards. */
static bool leads_forward(const struct ir *ir)
{
    for (ir_block_ref b = 0; b < ir->nblocks; b++)
        for (unsigned k = 0; k < ir->blocks[b].nsucc; k++)
            if (ir->blocks[b].succ[k] <= b)
                return false;
    return true;
}

static void walk_backwards(struct work *w)
{
    struct ir *ir = w->ir;

    for (ir_block_ref b = ir->nblocks; b-- > 0; )
        for (ir_ref r = ir->blocks[b].last, prev; r; r = prev) {
            struct ir_insn *i = &ir->insns[r];

            prev = i->prev;
            if (i->uses || has_effect(ir, i))
                use_operands(w, i);
            else
                ir_remove(ir, r);
        }
}

static void walk_from_effects(struct work *w)
{
    struct ir *ir = w->ir;

    for (ir_block_ref b = 0; b < ir->nblocks; b++)
        for (ir_ref r = ir->blocks[b].first; r; r = ir->insns[r].next)
            if (has_effect(ir, &ir->insns[r]))
                use_operands(w, &ir->insns[r]);
    while (w->n) {
        const struct ir_insn *i = &ir->insns[w->stack[--w->n]];
        if (!has_effect(ir, i))                /* else its operands have been counted above */
            use_operands(w, i);
    }
    for (ir_block_ref b = 0; b < ir->nblocks; b++)
        for (ir_ref r = ir->blocks[b].first, next; r; r = next) {
            next = ir->insns[r].next;
            if (!ir->insns[r].uses && !has_effect(ir, &ir->insns[r]))
                ir_remove(ir, r);
        }
}

void opt_dce(struct ir *ir)
{
    struct work w = { .ir = ir, .last_entries = UINT32_MAX };

    for (ir_ref r = 0; r < ir->ninsns; r++)
        ir->insns[r].uses = 0;
    w.stack = ir_alloc(ir, ir->ninsns * sizeof(ir_ref));
    if (leads_forward(ir))
        walk_backwards(&w);
    else
        walk_from_effects(&w);
    ir_build(ir)->counted = true;
}

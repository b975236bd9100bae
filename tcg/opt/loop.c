/* tcg/opt/loop.c - what a loop computes again each time although it cannot change moves in front of it.
 *
 * Only as far as registers allow: a value that lives through the loop holds one, and a spilled value costs more than
 * most operations. What the host does for nothing (truncation, small constants) stays where it is used. */
#include "tcg/ir/cfg.h"
#include "tcg/ir/internal.h"
#include "tcg/opt/passes.h"

enum { GPR_ROOM = 10, VEC_ROOM = 12 };         /* values that may live through a loop, by class */

struct loop {
    struct ir *ir;
    const struct cfg *cfg;
    ir_block_ref head;
    uint32_t *member;                          /* by block: mark of the loop it was last found in */
    uint32_t mark;
    uint32_t *seen;                            /* by value: counted as living through loop `mark` */
    unsigned gpr, vec;
};

static bool in_loop(const struct loop *l, ir_block_ref b) { return l->member[b] == l->mark; }
static bool is_vector(enum ir_type t) { return t >= IR_F32 && t <= IR_V256; }

static void collect(struct loop *l, ir_block_ref *stack)
{
    uint32_t n = 0;
    const struct ir_block *h = &l->ir->blocks[l->head];

    l->member[l->head] = l->mark;
    for (uint32_t p = 0; p < h->npred; p++)
        if (cfg_dominates(l->cfg, l->head, h->pred[p]) && !in_loop(l, h->pred[p])) {
            l->member[h->pred[p]] = l->mark;
            stack[n++] = h->pred[p];
        }
    while (n) {
        const struct ir_block *b = &l->ir->blocks[stack[--n]];
        for (uint32_t p = 0; p < b->npred; p++)
            if (!in_loop(l, b->pred[p]) && l->cfg->index[b->pred[p]] != UINT32_MAX) {
                l->member[b->pred[p]] = l->mark;
                stack[n++] = b->pred[p];
            }
    }
}

/* the block in front of the loop, when there is exactly one and it goes nowhere else */
static ir_block_ref preheader(const struct loop *l)
{
    const struct ir_block *h = &l->ir->blocks[l->head];
    ir_block_ref found = 0;
    unsigned n = 0;

    for (uint32_t p = 0; p < h->npred; p++)
        if (!in_loop(l, h->pred[p])) {
            found = h->pred[p];
            n++;
        }
    return n == 1 && l->ir->blocks[found].nsucc == 1 ? found : UINT32_MAX;
}

static void count(struct loop *l, ir_ref r)
{
    const struct ir_insn *i = &l->ir->insns[r];

    if (l->seen[r] == l->mark || i->op == IR_OP_const)
        return;
    l->seen[r] = l->mark;
    if (is_vector(i->type))
        l->vec++;
    else
        l->gpr++;
}

/* What lives through the loop by now: phis of its head, and what comes from outside. */
static void count_pressure(struct loop *l)
{
    l->gpr = l->vec = 0;
    for (uint32_t k = l->cfg->index[l->head]; k < l->cfg->n; k++) {
        ir_block_ref b = l->cfg->rpo[k];
        if (!in_loop(l, b))
            continue;
        for (ir_ref r = l->ir->blocks[b].first; r; r = l->ir->insns[r].next) {
            const struct ir_insn *i = &l->ir->insns[r];
            const ir_ref *arg = ir_args(l->ir, i);
            if (i->op == IR_OP_phi && b == l->head)
                count(l, r);
            for (unsigned a = 0; a < i->nargs; a++)
                if (!in_loop(l, l->ir->insns[arg[a]].block))
                    count(l, arg[a]);
        }
    }
}

static bool is_wide(const struct ir_insn *i)
{
    return i->type == IR_F32 || i->type == IR_F64 || (i->type == IR_I64 && (int64_t)i->imm != (int32_t)i->imm && i->imm >> 32);
}

/* Worth a register for the length of the loop? */
static bool worth_it(const struct loop *l, const struct ir_insn *i)
{
    if (!(ir_ops[i->op].props & IR_PURE))
        return false;
    switch (i->op) {
    case IR_OP_const: return i->imm && is_wide(i);
    case IR_OP_trunc: case IR_OP_mov: case IR_OP_flsub: case IR_OP_fladd: case IR_OP_fladc: case IR_OP_flsbc: case IR_OP_fllogic:
    case IR_OP_flnzcv: case IR_OP_envaddr: case IR_OP_setcc:
    case IR_OP_divu: case IR_OP_divs: case IR_OP_remu: case IR_OP_rems:       /* may stand behind a test of the divisor */
        return false;
    default: return is_vector(i->type) ? l->vec < VEC_ROOM : l->gpr < GPR_ROOM;
    }
}

static bool invariant(const struct loop *l, const struct ir_insn *i)
{
    for (unsigned k = 0; k < i->nargs; k++)
        if (in_loop(l, l->ir->insns[i->arg[k]].block) && l->ir->insns[i->arg[k]].op != IR_OP_const)
            return false;
    return true;
}

static void move(struct loop *l, ir_ref r, ir_block_ref to)
{
    struct ir *ir = l->ir;

    if (ir->insns[r].block == to)
        return;
    for (unsigned k = 0; k < ir->insns[r].nargs; k++)         /* its constants go with it */
        if (in_loop(l, ir->insns[ir->insns[r].arg[k]].block))
            move(l, ir->insns[r].arg[k], to);
    ir_move_before(ir, r, ir->blocks[to].last);
}

static void hoist(struct loop *l, ir_block_ref to)
{
    for (uint32_t k = l->cfg->index[l->head]; k < l->cfg->n; k++) {
        ir_block_ref b = l->cfg->rpo[k];
        if (!in_loop(l, b))
            continue;
        for (ir_ref r = l->ir->blocks[b].first, next; r; r = next) {
            const struct ir_insn *i = &l->ir->insns[r];
            next = i->next;
            if (!worth_it(l, i) || !invariant(l, i) || (i->op == IR_OP_const && l->gpr >= GPR_ROOM))
                continue;
            move(l, r, to);
            if (is_vector(l->ir->insns[r].type))
                l->vec++;
            else
                l->gpr++;
        }
    }
}

static bool is_head(const struct ir *ir, const struct cfg *c, ir_block_ref b)
{
    const struct ir_block *blk = &ir->blocks[b];

    for (uint32_t p = 0; p < blk->npred; p++)
        if (c->index[blk->pred[p]] != UINT32_MAX && cfg_dominates(c, b, blk->pred[p]))
            return true;
    return false;
}

/* A loop that is entered from one place, which may also go elsewhere, gets a block in between. */
static bool make_preheader(struct ir *ir, const struct cfg *c, ir_block_ref head)
{
    ir_block_ref from = UINT32_MAX, b;
    struct ir_block *blk;
    ir_ref r;

    for (uint32_t p = 0; p < ir->blocks[head].npred; p++) {
        ir_block_ref x = ir->blocks[head].pred[p];
        if (c->index[x] != UINT32_MAX && cfg_dominates(c, head, x))
            continue;
        if (from != UINT32_MAX)
            return false;
        from = x;
    }
    if (from == UINT32_MAX || ir->blocks[from].nsucc != 2 || ir->blocks[from].succ[0] == ir->blocks[from].succ[1])
        return false;
    b = ir_block_new(ir, ir->blocks[head].guest_pc);
    r = ir_new_in(ir, b, IR_NONE, IR_OP_br, IR_VOID);
    blk = &ir->blocks[b];
    blk->nsucc = 1;
    blk->succ[0] = head;
    ir_add_pred(ir, b, from);
    blk->sealed = true;
    blk->cold = ir->blocks[head].cold;
    ir->blocks[from].succ[ir->blocks[from].succ[0] != head] = b;
    for (uint32_t p = 0; p < ir->blocks[head].npred; p++)
        if (ir->blocks[head].pred[p] == from)
            ir->blocks[head].pred[p] = b;
    return r;
}

static const struct cfg *make_preheaders(struct ir *ir)
{
    const struct cfg *c = cfg_build(ir);
    bool made = false;

    for (uint32_t k = 0; k < c->n; k++)
        if (is_head(ir, c, c->rpo[k]))
            made |= make_preheader(ir, c, c->rpo[k]);
    return made ? cfg_build(ir) : c;
}

/* Outer loops come first in reverse postorder; going backwards, what leaves an inner loop may leave the outer one too. */
void opt_loop(struct ir *ir)
{
    struct loop l = { .ir = ir };
    ir_block_ref *stack, before;

    if (ir->nblocks == 1)
        return;
    l.cfg = make_preheaders(ir);
    stack = ir_alloc(ir, ir->nblocks * sizeof(*stack));
    l.member = ir_zalloc(ir, ir->nblocks * sizeof(*l.member));
    l.seen = ir_zalloc(ir, ir->ninsns * sizeof(*l.seen));
    for (uint32_t k = l.cfg->n; k-- > 0;) {
        if (!is_head(ir, l.cfg, l.cfg->rpo[k]))
            continue;
        l.head = l.cfg->rpo[k];
        l.mark++;
        collect(&l, stack);
        before = preheader(&l);
        if (before == UINT32_MAX)
            continue;
        count_pressure(&l);
        hoist(&l, before);
    }
}

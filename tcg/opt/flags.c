/* tcg/opt/flags.c - conditions on flags whose operator is known need no flags.
 *
 * The flags of a - b that are asked for "less" are a comparison; so the pair of a compare and a branch of the guest
 * becomes the host's own. What is left (carry of a sum, overflow, flags that merge at a phi) the host makes from the
 * operands. */
#include "tcg/ir/internal.h"
#include "tcg/opt/passes.h"

/* How to ask a condition of flags as a comparison of two integers. */
struct question { enum ir_cond cond; ir_ref a, b; };

static ir_ref zero_before(struct ir *ir, ir_ref at, enum ir_type t)
{
    return ir_insert_before(ir, at, IR_OP_const, t);
}

static ir_ref un_before(struct ir *ir, ir_ref at, enum ir_op op, ir_ref a, ir_ref b)
{
    enum ir_type t = ir_type_of(ir, a);
    ir_ref r = ir_insert_before(ir, at, op, t);

    ir->insns[r].arg[0] = a;
    ir->insns[r].arg[1] = b;
    return r;
}

/* of a - b: carry set means no borrow, so the unsigned conditions are those of the comparison */
static bool ask_sub(struct ir *ir, ir_ref at, enum ir_cond c, ir_ref a, ir_ref b, struct question *q)
{
    switch (c & 7) {
    case IR_EQ: case IR_LT: case IR_LE: case IR_LTU: case IR_LEU:
        *q = (struct question){ c, a, b };
        return true;
    case IR_MI:
        q->a = un_before(ir, at, IR_OP_sub, a, b);
        q->b = zero_before(ir, at, ir_type_of(ir, a));
        q->cond = c == IR_MI ? IR_LT : IR_GE;
        return true;
    default:
        return false;
    }
}

/* of a + b: zero and sign are those of the sum; carry: the sum is below an operand */
static bool ask_add(struct ir *ir, ir_ref at, enum ir_cond c, ir_ref a, ir_ref b, struct question *q)
{
    switch (c) {
    case IR_EQ: case IR_NE: case IR_MI: case IR_PL:
        q->a = un_before(ir, at, IR_OP_add, a, b);
        q->b = zero_before(ir, at, ir_type_of(ir, a));
        q->cond = c == IR_MI ? IR_LT : c == IR_PL ? IR_GE : c;
        return true;
    case IR_GEU: case IR_LTU:                  /* carry set, carry clear */
        q->a = un_before(ir, at, IR_OP_add, a, b);
        q->b = a;
        q->cond = ir_cond_invert(c);
        return true;
    default:
        return false;
    }
}

/* of a logical result: carry and overflow are clear, so signed comparisons are those with 0 and LTU always holds */
static bool ask_logic(struct ir *ir, ir_ref at, enum ir_cond c, ir_ref a, struct question *q)
{
    q->a = a;
    q->b = zero_before(ir, at, ir_type_of(ir, a));
    switch (c) {
    case IR_MI: q->cond = IR_LT; return true;
    case IR_PL: q->cond = IR_GE; return true;
    case IR_EQ: case IR_NE: case IR_LT: case IR_GE: case IR_LE: case IR_GT: q->cond = c; return true;
    case IR_LTU: case IR_LEU: case IR_VC: q->cond = IR_EQ; q->a = q->b; return true;
    default: q->cond = IR_NE; q->a = q->b; return true;      /* GEU, GTU, VS: never */
    }
}

static bool ask(struct ir *ir, ir_ref at, enum ir_cond c, ir_ref flags, struct question *q)
{
    struct ir_insn f = ir->insns[flags];

    switch (f.op) {
    case IR_OP_flsub: return ask_sub(ir, at, c, f.arg[0], f.arg[1], q);
    case IR_OP_fladd: return ask_add(ir, at, c, f.arg[0], f.arg[1], q);
    case IR_OP_fllogic: return ask_logic(ir, at, c, f.arg[0], q);
    default: return false;
    }
}

static void rewrite(struct ir *ir, ir_ref r)
{
    struct ir_insn *i = &ir->insns[r];
    enum ir_type result = i->type;
    ir_ref yes = i->arg[1], no = i->arg[2];
    struct question q;

    if (!ask(ir, r, i->aux, i->arg[0], &q))
        return;
    i = &ir->insns[r];
    i->aux = q.cond;
    i->arg[0] = q.a, i->arg[1] = q.b;
    i->nargs = 2;
    if (i->op == IR_OP_brfl) {
        i->op = IR_OP_brcc;
        i->type = ir_type_of(ir, q.a);
    } else if (i->op == IR_OP_flcc) {
        i->op = IR_OP_setcc;
        i->type = result;
    } else {
        i->op = IR_OP_select;
        i->arg[2] = yes, i->arg[3] = no;
        i->nargs = 4;
    }
}

void opt_flags(struct ir *ir)
{
    for (ir_ref r = 1, n = ir->ninsns; r < n; r++) {
        enum ir_op op = ir->insns[r].op;
        if (op == IR_OP_brfl || op == IR_OP_flcc || op == IR_OP_flselect)
            rewrite(ir, r);
    }
}

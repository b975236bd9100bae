/* Folding: addition, multiplication, division. */
#include "tcg/opt/fold_i.h"

ir_ref fold_add(struct ir *ir, struct ir_insn *i)
{
    ir_ref a = i->arg[0], b = i->arg[1];
    const struct ir_insn *x = at(ir, a);

    if (is(ir, b, IR_OP_const)) {
        uint64_t c = at(ir, b)->imm;
        if (c == 0)
            return a;
        if (x->op == IR_OP_add && is(ir, x->arg[1], IR_OP_const))
            return to_bini(ir, i, IR_OP_add, x->arg[0], c + at(ir, x->arg[1])->imm);
        if (x->op == IR_OP_sub && is(ir, x->arg[0], IR_OP_const)) {
            ir_ref from = x->arg[1];
            c += at(ir, x->arg[0])->imm;
            return to_bin(i, IR_OP_sub, make_const(ir, i->type, c & ir_mask(i->type)), from);
        }
    }
    if (is(ir, b, IR_OP_neg))
        return to_bin(i, IR_OP_sub, a, at(ir, b)->arg[0]);
    if (x->op == IR_OP_neg)
        return to_bin(i, IR_OP_sub, b, x->arg[0]);
    if (x->op == IR_OP_sub && x->arg[1] == b)
        return x->arg[0];
    return UNCHANGED;
}

ir_ref fold_sub(struct ir *ir, struct ir_insn *i)
{
    ir_ref a = i->arg[0], b = i->arg[1];

    if (a == b)
        return make_const(ir, i->type, 0);
    if (is(ir, b, IR_OP_const))
        return to_bini(ir, i, IR_OP_add, a, -at(ir, b)->imm);
    if (is_value(ir, a, 0))
        return to_un(i, IR_OP_neg, b);
    if (is(ir, b, IR_OP_neg))
        return to_bin(i, IR_OP_add, a, at(ir, b)->arg[0]);
    if (is(ir, a, IR_OP_add) && at(ir, a)->arg[1] == b)
        return at(ir, a)->arg[0];
    if (is(ir, a, IR_OP_add) && at(ir, a)->arg[0] == b)
        return at(ir, a)->arg[1];
    return UNCHANGED;
}

ir_ref fold_mul(struct ir *ir, struct ir_insn *i)
{
    ir_ref a = i->arg[0], b = i->arg[1];
    unsigned log;

    if (!is(ir, b, IR_OP_const))
        return UNCHANGED;
    if (at(ir, b)->imm == 0)
        return b;
    if (at(ir, b)->imm == ir_mask(i->type))
        return to_un(i, IR_OP_neg, a);
    if (power_of_2(at(ir, b)->imm, &log))
        return log ? to_bini(ir, i, IR_OP_shl, a, log) : a;
    return UNCHANGED;
}

ir_ref fold_div(struct ir *ir, struct ir_insn *i)
{
    ir_ref a = i->arg[0], b = i->arg[1];
    unsigned log;

    if (!is(ir, b, IR_OP_const))
        return UNCHANGED;
    if (at(ir, b)->imm == 1)
        return i->op == IR_OP_divu || i->op == IR_OP_divs ? a : make_const(ir, i->type, 0);
    if (i->op == IR_OP_divu && power_of_2(at(ir, b)->imm, &log))
        return to_bini(ir, i, IR_OP_shr, a, log);
    if (i->op == IR_OP_remu && power_of_2(at(ir, b)->imm, &log))
        return to_bini(ir, i, IR_OP_and, a, at(ir, b)->imm - 1);
    return UNCHANGED;
}

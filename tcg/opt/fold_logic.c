/* Folding: and, or, xor and their kin. */
#include "tcg/opt/fold_i.h"

/* An operand that is an extension of 32 bits or could be one: its low half. */
static ir_ref extended_operand(struct ir *ir, ir_ref r, enum ir_op ext)
{
    const struct ir_insn *x = at(ir, r);

    if (x->op == ext || (ext == IR_OP_sext && x->op == IR_OP_zext && fold_bits_used(ir, x->arg[0]) < 32))
        return x->arg[0];
    if (ext == IR_OP_sext ? fold_signed_bits(ir, r) <= 32 : fold_bits_used(ir, r) <= 32)
        return ir_conv(ir, IR_OP_trunc, IR_I32, r);
    return IR_NONE;
}

/* Bits of extended values are the extension of their bits: the extension moves towards where it is wanted, which often is
 * nowhere. Only over a finished unit: a cold block would gain nothing. */
static ir_ref fold_bits_of_extended(struct ir *ir, struct ir_insn *i)
{
    static const uint8_t exts[] = { IR_OP_sext, IR_OP_zext };
    const struct ir_insn *x = at(ir, i->arg[0]), *y = at(ir, i->arg[1]);

    if (i->type != IR_I64 || !ir_build(ir)->finished ||
        (x->op != IR_OP_sext && x->op != IR_OP_zext && y->op != IR_OP_sext && y->op != IR_OP_zext))
        return UNCHANGED;
    for (unsigned k = 0; k < 2; k++) {
        ir_ref a = extended_operand(ir, i->arg[0], exts[k]), b = extended_operand(ir, i->arg[1], exts[k]);
        if (a && b)
            return to_un(i, exts[k], ir_bin(ir, i->op, a, b));
    }
    return UNCHANGED;
}

static ir_ref fold_and_const(struct ir *ir, struct ir_insn *i)
{
    ir_ref a = i->arg[0];
    const struct ir_insn *x = at(ir, a);
    uint64_t c = at(ir, i->arg[1])->imm;
    unsigned log, used;

    if (c == 0)
        return i->arg[1];
    if (c == ir_mask(i->type))
        return a;
    if (x->op == IR_OP_and && is(ir, x->arg[1], IR_OP_const))
        return to_bini(ir, i, IR_OP_and, x->arg[0], c & at(ir, x->arg[1])->imm);
    used = fold_bits_used(ir, a);
    if (used < 64 && !(~c & ((1ull << used) - 1)))
        return a;
    if (i->type == IR_I64 && c == 0xffffffff)
        return to_field(i, IR_OP_extract, a, 0, 32);
    if (power_of_2(c + 1, &log) && x->op == IR_OP_shr && is(ir, x->arg[1], IR_OP_const) &&
        (at(ir, x->arg[1])->imm & (ir_width(i->type) - 1)) + log <= ir_width(i->type))
        return to_field(i, IR_OP_extract, x->arg[0], at(ir, x->arg[1])->imm & (ir_width(i->type) - 1), log);
    return fold_bits_of_extended(ir, i);
}

ir_ref fold_and(struct ir *ir, struct ir_insn *i)
{
    ir_ref a = i->arg[0], b = i->arg[1];

    if (a == b)
        return a;
    if (is(ir, b, IR_OP_const))
        return fold_and_const(ir, i);
    if (is(ir, b, IR_OP_not))
        return to_bin(i, IR_OP_andn, a, at(ir, b)->arg[0]);
    if (is(ir, a, IR_OP_not))
        return to_bin(i, IR_OP_andn, b, at(ir, a)->arg[0]);
    return fold_bits_of_extended(ir, i);
}

ir_ref fold_andn(struct ir *ir, struct ir_insn *i)
{
    ir_ref a = i->arg[0], b = i->arg[1];

    if (a == b)
        return make_const(ir, i->type, 0);
    if (is(ir, b, IR_OP_const))
        return to_bini(ir, i, IR_OP_and, a, ~at(ir, b)->imm);
    if (is_value(ir, a, 0))
        return a;
    if (is_value(ir, a, ir_mask(i->type)))
        return to_un(i, IR_OP_not, b);
    if (is(ir, b, IR_OP_not))
        return to_bin(i, IR_OP_and, a, at(ir, b)->arg[0]);
    return fold_bits_of_extended(ir, i);
}

/* or of two selects on opposite conditions, each of which is 0 otherwise (how Zicond writes c ? x : y) */
static ir_ref fold_or_selects(struct ir *ir, struct ir_insn *i)
{
    const struct ir_insn *x = at(ir, i->arg[0]), *y = at(ir, i->arg[1]);
    ir_ref p, q;

    if (x->op != IR_OP_select || y->op != IR_OP_select || x->arg[0] != y->arg[0] || x->arg[1] != y->arg[1])
        return UNCHANGED;
    if (x->aux == (y->aux ^ 8)) {
        if (is_value(ir, x->arg[3], 0) && is_value(ir, y->arg[3], 0))
            p = x->arg[2], q = y->arg[2];
        else if (is_value(ir, x->arg[2], 0) && is_value(ir, y->arg[2], 0))
            p = y->arg[3], q = x->arg[3];
        else
            return UNCHANGED;
    } else if (x->aux == y->aux && is_value(ir, x->arg[3], 0) && is_value(ir, y->arg[2], 0)) {
        p = x->arg[2], q = y->arg[3];
    } else if (x->aux == y->aux && is_value(ir, x->arg[2], 0) && is_value(ir, y->arg[3], 0)) {
        p = y->arg[2], q = x->arg[3];
    } else {
        return UNCHANGED;
    }
    *i = (struct ir_insn){ .op = IR_OP_select, .type = i->type, .nargs = 4, .aux = x->aux,
                           .arg = { x->arg[0], x->arg[1], p, q } };
    return AGAIN;
}

/* or (or add) of shifts that together make a rotation */
static ir_ref fold_rotate(struct ir *ir, struct ir_insn *i)
{
    const struct ir_insn *x = at(ir, i->arg[0]), *y = at(ir, i->arg[1]);
    unsigned w = ir_width(i->type), n;

    if (x->op == IR_OP_shr && y->op == IR_OP_shl) {
        const struct ir_insn *swap = x;
        x = y, y = swap;
    }
    if (x->op != IR_OP_shl || y->op != IR_OP_shr || x->arg[0] != y->arg[0] || !is(ir, x->arg[1], IR_OP_const) ||
        !is(ir, y->arg[1], IR_OP_const))
        return UNCHANGED;
    n = at(ir, x->arg[1])->imm & (w - 1);
    if (n == 0 || n + (at(ir, y->arg[1])->imm & (w - 1)) != w)
        return UNCHANGED;
    return to_bini(ir, i, IR_OP_rotl, x->arg[0], n);
}

ir_ref fold_or(struct ir *ir, struct ir_insn *i)
{
    ir_ref a = i->arg[0], b = i->arg[1], r;

    if (a == b || is_value(ir, b, 0))
        return a;
    if (is_value(ir, b, ir_mask(i->type)))
        return b;
    if (is(ir, b, IR_OP_const) && is(ir, a, IR_OP_or) && is(ir, at(ir, a)->arg[1], IR_OP_const))
        return to_bini(ir, i, IR_OP_or, at(ir, a)->arg[0], at(ir, b)->imm | at(ir, at(ir, a)->arg[1])->imm);
    r = fold_or_selects(ir, i);
    if (!r)
        r = fold_rotate(ir, i);
    return r ? r : fold_bits_of_extended(ir, i);
}

ir_ref fold_xor(struct ir *ir, struct ir_insn *i)
{
    ir_ref a = i->arg[0], b = i->arg[1], r;

    if (a == b)
        return make_const(ir, i->type, 0);
    if (!is(ir, b, IR_OP_const)) {
        r = fold_rotate(ir, i);
        return r ? r : fold_bits_of_extended(ir, i);
    }
    if (at(ir, b)->imm == 0)
        return a;
    if (at(ir, b)->imm == ir_mask(i->type))
        return to_un(i, IR_OP_not, a);
    if (at(ir, b)->imm == 1 && is(ir, a, IR_OP_setcc)) {
        const struct ir_insn *x = at(ir, a);
        *i = (struct ir_insn){ .op = IR_OP_setcc, .type = i->type, .nargs = 2, .aux = x->aux ^ 8,
                               .arg = { x->arg[0], x->arg[1] } };
        return AGAIN;
    }
    if (is(ir, a, IR_OP_xor) && is(ir, at(ir, a)->arg[1], IR_OP_const))
        return to_bini(ir, i, IR_OP_xor, at(ir, a)->arg[0], at(ir, b)->imm ^ at(ir, at(ir, a)->arg[1])->imm);
    return fold_bits_of_extended(ir, i);
}

ir_ref fold_not_neg(struct ir *ir, struct ir_insn *i)
{
    const struct ir_insn *x = at(ir, i->arg[0]);

    if (x->op == i->op)
        return x->arg[0];
    if (i->op == IR_OP_neg && x->op == IR_OP_sub)
        return to_bin(i, IR_OP_sub, x->arg[1], x->arg[0]);
    if (i->op == IR_OP_not && x->op == IR_OP_sext && ir_build(ir)->finished)
        return to_un(i, IR_OP_sext, ir_un(ir, IR_OP_not, x->arg[0]));
    return UNCHANGED;
}

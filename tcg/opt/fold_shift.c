/* Folding: shifts, fields, extensions. */
#include "tcg/opt/fold_i.h"

/* --- shifts and fields ------------------------------------------------------------------------------------------------- */

/* of a shift left by n and then right by m >= n: a field */
static ir_ref fold_shift_pair(struct ir *ir, struct ir_insn *i, ir_ref a, unsigned left, unsigned right)
{
    unsigned w = ir_width(i->type);

    if (right >= left)
        return to_field(i, i->op == IR_OP_sar ? IR_OP_sextract : IR_OP_extract, a, right - left, w - right);
    if (i->op == IR_OP_shr)                    /* (a & mask) << (left - right) */
        return to_bini(ir, i, IR_OP_shl, ir_ext(ir, a, 0, w - left, false), left - right);
    return UNCHANGED;
}

ir_ref fold_shift(struct ir *ir, struct ir_insn *i)
{
    ir_ref a = i->arg[0], b = i->arg[1];
    const struct ir_insn *x = at(ir, a);
    unsigned w = ir_width(i->type), n, m;

    if (is_value(ir, a, 0))
        return a;
    if (!is(ir, b, IR_OP_const)) {             /* the count's own masking changes nothing */
        const struct ir_insn *y = at(ir, b);
        if (y->op == IR_OP_and && is(ir, y->arg[1], IR_OP_const) && (at(ir, y->arg[1])->imm & (w - 1)) == w - 1) {
            i->arg[1] = y->arg[0];
            return AGAIN;
        }
        return UNCHANGED;
    }
    n = at(ir, b)->imm & (w - 1);
    if (n == 0)
        return a;
    if (n != at(ir, b)->imm)
        return to_bini(ir, i, i->op, a, n);
    m = x->nargs == 2 && is(ir, x->arg[1], IR_OP_const) ? at(ir, x->arg[1])->imm & (w - 1) : 0;
    if (i->op == IR_OP_rotr)
        return to_bini(ir, i, IR_OP_rotl, a, w - n);
    if (m && x->op == i->op && i->op == IR_OP_rotl)
        return to_bini(ir, i, IR_OP_rotl, x->arg[0], (n + m) & (w - 1));
    if (m && x->op == i->op && i->op == IR_OP_sar)
        return to_bini(ir, i, IR_OP_sar, x->arg[0], n + m < w ? n + m : w - 1);
    if (m && x->op == i->op && i->op != IR_OP_rotl)
        return n + m < w ? to_bini(ir, i, i->op, x->arg[0], n + m) : make_const(ir, i->type, 0);
    if (m && x->op == IR_OP_shl && (i->op == IR_OP_shr || i->op == IR_OP_sar))
        return fold_shift_pair(ir, i, x->arg[0], m, n);
    if (i->op == IR_OP_shr && fold_bits_used(ir, a) <= n)
        return make_const(ir, i->type, 0);
    if ((i->op == IR_OP_shr || i->op == IR_OP_sar) && (x->op == IR_OP_extract || x->op == IR_OP_sextract) &&
        n < (x->aux >> 8u) && (x->op == IR_OP_extract || i->op == IR_OP_sar))
        return to_field(i, x->op, x->arg[0], (x->aux & 0xff) + n, (x->aux >> 8) - n);
    return UNCHANGED;
}

ir_ref fold_extract(struct ir *ir, struct ir_insn *i)
{
    ir_ref a = i->arg[0];
    const struct ir_insn *x = at(ir, a);
    unsigned w = ir_width(i->type), pos = i->aux & 0xff, len = i->aux >> 8;
    bool sign = i->op == IR_OP_sextract;

    if (pos == 0 && (len == w || (sign ? fold_signed_bits(ir, a) : fold_bits_used(ir, a)) <= len))
        return a;
    if (pos + len == w && pos)
        return to_bini(ir, i, sign ? IR_OP_sar : IR_OP_shr, a, pos);
    if (w == 64 && len == 32 && pos == 0)
        return to_un(i, sign ? IR_OP_sext : IR_OP_zext, ir_conv(ir, IR_OP_trunc, IR_I32, a));
    if (x->op == IR_OP_extract && pos + len <= (x->aux >> 8u))
        return to_field(i, i->op, x->arg[0], (x->aux & 0xff) + pos, len);
    if (x->op == IR_OP_shr && is(ir, x->arg[1], IR_OP_const) &&
        pos + len + (at(ir, x->arg[1])->imm & (w - 1)) <= w)
        return to_field(i, i->op, x->arg[0], pos + (at(ir, x->arg[1])->imm & (w - 1)), len);
    if (pos == 0 && x->op == IR_OP_and && is(ir, x->arg[1], IR_OP_const) && len < 64 &&
        !(~at(ir, x->arg[1])->imm & ((1ull << len) - 1)))
        return to_field(i, i->op, x->arg[0], 0, len);
    return UNCHANGED;
}

ir_ref fold_extr2(struct ir *ir, struct ir_insn *i)
{
    unsigned w = ir_width(i->type), n = i->aux;

    if (n == 0)
        return i->arg[1];
    if (i->arg[0] == i->arg[1])
        return to_bini(ir, i, IR_OP_rotl, i->arg[0], w - n);
    if (is_value(ir, i->arg[0], 0))
        return to_bini(ir, i, IR_OP_shr, i->arg[1], n);
    return UNCHANGED;
}

ir_ref fold_deposit(struct ir *ir, struct ir_insn *i)
{
    unsigned w = ir_width(i->type), len = i->aux >> 8;

    if (len == w)
        return i->arg[1];
    if ((i->aux & 0xff) == 0 && is_value(ir, i->arg[0], 0))
        return to_field(i, IR_OP_extract, i->arg[1], 0, len);
    return UNCHANGED;
}

/* --- widths -------------------------------------------------------------------------------------------------------------- */

static ir_ref low_half(struct ir *ir, ir_ref r) { return ir_conv(ir, IR_OP_trunc, IR_I32, r); }

/* Where nothing else takes the 64-bit result, only its low half is computed. Use counts are those of the pass. */
static ir_ref narrow_operation(struct ir *ir, struct ir_insn *i)
{
    struct ir_insn x = *at(ir, i->arg[0]);
    ir_ref a, b;

    if (!ir_build(ir)->finished || x.uses != 1)
        return UNCHANGED;
    switch (x.op) {
    case IR_OP_shl:
        if (!is(ir, x.arg[1], IR_OP_const) || at(ir, x.arg[1])->imm > 31)
            return UNCHANGED;
        break;
    case IR_OP_add: case IR_OP_sub: case IR_OP_mul: case IR_OP_and: case IR_OP_or: case IR_OP_xor: case IR_OP_andn:
        break;
    case IR_OP_not: case IR_OP_neg:
        return to_un(i, x.op, low_half(ir, x.arg[0]));
    case IR_OP_select:
        a = low_half(ir, x.arg[2]), b = low_half(ir, x.arg[3]);
        *i = (struct ir_insn){ .op = IR_OP_select, .type = IR_I32, .nargs = 4, .aux = x.aux,
                               .arg = { x.arg[0], x.arg[1], a, b } };
        return AGAIN;
    default:
        return UNCHANGED;
    }
    a = low_half(ir, x.arg[0]), b = low_half(ir, x.arg[1]);
    return to_bin(i, x.op, a, b);
}

ir_ref fold_trunc(struct ir *ir, struct ir_insn *i)
{
    const struct ir_insn *x = at(ir, i->arg[0]);

    switch (x->op) {
    case IR_OP_sext: case IR_OP_zext:
        return x->arg[0];
    case IR_OP_setcc:
        *i = (struct ir_insn){ .op = IR_OP_setcc, .type = IR_I32, .nargs = 2, .aux = x->aux, .arg = { x->arg[0], x->arg[1] } };
        return AGAIN;
    case IR_OP_fbits:                          /* the single in a box */
        if (is(ir, x->arg[0], IR_OP_fbox))
            return to_un(i, IR_OP_fbits, at(ir, x->arg[0])->arg[0]);
        return UNCHANGED;
    case IR_OP_extract: case IR_OP_sextract:   /* what is cut off does not matter when the field ends below */
        if ((x->aux & 0xff) + (x->aux >> 8) <= 32) {
            struct ir_insn f = *x;             /* x may move while the next line makes an instruction */
            return to_field(i, f.op, low_half(ir, f.arg[0]), f.aux & 0xff, f.aux >> 8);
        }
        return UNCHANGED;
    default:
        return narrow_operation(ir, i);
    }
}

ir_ref fold_sext(struct ir *ir, struct ir_insn *i)
{
    const struct ir_insn *x = at(ir, i->arg[0]);

    if (x->op == IR_OP_trunc && fold_signed_bits(ir, x->arg[0]) <= 32)
        return x->arg[0];
    if (x->op == IR_OP_setcc) {
        *i = (struct ir_insn){ .op = IR_OP_setcc, .type = IR_I64, .nargs = 2, .aux = x->aux, .arg = { x->arg[0], x->arg[1] } };
        return AGAIN;
    }
    if (fold_bits_used(ir, i->arg[0]) < 32)
        return to_un(i, IR_OP_zext, i->arg[0]);
    return UNCHANGED;
}

ir_ref fold_zext(struct ir *ir, struct ir_insn *i)
{
    const struct ir_insn *x = at(ir, i->arg[0]);

    if (x->op == IR_OP_trunc && fold_bits_used(ir, x->arg[0]) <= 32)
        return x->arg[0];
    if (x->op == IR_OP_setcc) {
        *i = (struct ir_insn){ .op = IR_OP_setcc, .type = IR_I64, .nargs = 2, .aux = x->aux, .arg = { x->arg[0], x->arg[1] } };
        return AGAIN;
    }
    return UNCHANGED;
}

/* a pair of conversions that undo each other */
ir_ref fold_undo(struct ir *ir, struct ir_insn *i, enum ir_op inverse)
{
    return is(ir, i->arg[0], inverse) ? at(ir, i->arg[0])->arg[0] : UNCHANGED;
}

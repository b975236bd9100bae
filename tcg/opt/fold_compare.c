/* Folding: comparisons, selects, minima. */
#include "tcg/opt/fold_i.h"

static const uint8_t swapped[16] = {
    [IR_EQ] = IR_EQ, [IR_NE] = IR_NE, [IR_LT] = IR_GT, [IR_GT] = IR_LT, [IR_LE] = IR_GE, [IR_GE] = IR_LE,
    [IR_LTU] = IR_GTU, [IR_GTU] = IR_LTU, [IR_LEU] = IR_GEU, [IR_GEU] = IR_LEU, [IR_TSTZ] = IR_TSTZ,
    [IR_TSTNZ] = IR_TSTNZ,
};

static bool is_signed_cond(enum ir_cond c) { return c == IR_LT || c == IR_LE || c == IR_GE || c == IR_GT; }
static bool is_test(enum ir_cond c) { return (c & 7) == IR_TSTZ; }

/* Extended operands compare as they were. Sign extension keeps the unsigned order too. */
static bool narrow(struct ir *ir, enum ir_cond *c, ir_ref *a, ir_ref *b)
{
    const struct ir_insn *x = at(ir, *a), *y = at(ir, *b);
    bool zero = x->op == IR_OP_zext;

    if (is_test(*c) || (x->op != IR_OP_sext && x->op != IR_OP_zext))
        return false;
    if (y->op == x->op) {
        *b = y->arg[0];
    } else if (y->op == IR_OP_const && (zero ? y->imm == (uint32_t)y->imm : y->imm == (uint64_t)(int32_t)y->imm)) {
        *b = ir_i32(ir, (uint32_t)y->imm);
    } else {
        return false;
    }
    if (zero && is_signed_cond(*c))            /* LT LE GE GT become LTU LEU GEU GTU */
        *c += IR_LTU - IR_LT;
    *a = at(ir, *a)->arg[0];
    return true;
}

/* a against the constant v */
static bool fold_cond_const(struct ir *ir, enum ir_cond *c, ir_ref *a, ir_ref *b, uint64_t v)
{
    const struct ir_insn *x = at(ir, *a);
    enum ir_type t = x->type;
    bool eq = *c == IR_EQ || *c == IR_NE;

    if (v == 1 && (*c == IR_LTU || *c == IR_GEU)) {
        *c = *c == IR_LTU ? IR_EQ : IR_NE;
        *b = make_const(ir, t, 0);
        return true;
    }
    if (v == 0 && (*c == IR_LEU || *c == IR_GTU)) {
        *c = *c == IR_LEU ? IR_EQ : IR_NE;
        return true;
    }
    if (!eq)
        return false;
    if (v == 0 && (x->op == IR_OP_setcc)) {
        *c = *c == IR_NE ? x->aux : x->aux ^ 8;
        *a = x->arg[0], *b = x->arg[1];
        return true;
    }
    if (v == 1 && (x->op == IR_OP_setcc)) {
        *c = *c == IR_EQ ? x->aux : x->aux ^ 8;
        *a = x->arg[0], *b = x->arg[1];
        return true;
    }
    if (v == 0 && x->op == IR_OP_and) {
        *c = *c == IR_EQ ? IR_TSTZ : IR_TSTNZ;
        *a = x->arg[0], *b = x->arg[1];
        return true;
    }
    if (v == 0 && (x->op == IR_OP_sub || x->op == IR_OP_xor)) {
        *a = x->arg[0], *b = x->arg[1];
        return true;
    }
    if (v == 0 && x->op == IR_OP_neg) {
        *a = x->arg[0];
        return true;
    }
    /* only where the sum is not wanted itself: else its operand would live on beside it, in a loop that is a copy */
    if ((x->op == IR_OP_add || x->op == IR_OP_xor) && is(ir, x->arg[1], IR_OP_const) && ir_build(ir)->finished &&
        x->uses == 1) {
        uint64_t k = at(ir, x->arg[1])->imm;
        *a = x->arg[0];
        *b = make_const(ir, t, (x->op == IR_OP_add ? v - k : v ^ k) & ir_mask(t));
        return true;
    }
    return false;
}

/* A value as another one and a constant that is added to it. */
static ir_ref split_sum(const struct ir *ir, ir_ref r, uint64_t *plus)
{
    const struct ir_insn *i = at(ir, r);
    bool sum = i->op == IR_OP_add && is(ir, i->arg[1], IR_OP_const);

    *plus = sum ? at(ir, i->arg[1])->imm : 0;
    return sum ? i->arg[0] : r;
}

static int known_outcome(const struct ir *ir, enum ir_cond c, ir_ref a, ir_ref b)
{
    uint64_t k, l;

    if ((c == IR_EQ || c == IR_NE) && split_sum(ir, a, &k) == split_sum(ir, b, &l))
        return (((k ^ l) & ir_mask(ir_type_of(ir, a))) == 0) == (c == IR_EQ);
    if (is(ir, a, IR_OP_const) && is(ir, b, IR_OP_const))
        return ir_eval_cond(c, ir_type_of(ir, a), at(ir, a)->imm, at(ir, b)->imm);
    if (a == b && !is_test(c))
        return ir_eval_cond(c, IR_I64, 0, 0);
    if (is_value(ir, b, 0)) {
        if (c == IR_LTU || c == IR_TSTNZ)
            return 0;
        if (c == IR_GEU || c == IR_TSTZ)
            return 1;
    }
    return -1;
}

int fold_cond(struct ir *ir, enum ir_cond *c, ir_ref *a, ir_ref *b)
{
    for (unsigned round = 0; round < 8; round++) {
        int known = known_outcome(ir, *c, *a, *b);
        if (known >= 0)
            return known;
        if (is(ir, *a, IR_OP_const)) {
            ir_ref old = *a;
            *a = *b, *b = old;
            *c = swapped[*c];
            continue;
        }
        if (is(ir, *b, IR_OP_const) && fold_cond_const(ir, c, a, b, at(ir, *b)->imm))
            continue;
        if (!narrow(ir, c, a, b))
            return -1;
    }
    return -1;
}

ir_ref fold_compare(struct ir *ir, struct ir_insn *i)
{
    enum ir_cond c = i->aux;
    int known = fold_cond(ir, &c, &i->arg[0], &i->arg[1]);

    i->aux = c;
    if (i->op == IR_OP_select) {
        ir_ref x = i->arg[2], y = i->arg[3];
        if (known >= 0 || x == y)
            return known ? x : y;
        if (ir_is_int(i->type) && is(ir, x, IR_OP_const) && is(ir, y, IR_OP_const) &&
            at(ir, x)->imm + at(ir, y)->imm == 1 && at(ir, x)->imm < 2) {
            *i = (struct ir_insn){ .op = IR_OP_setcc, .type = i->type, .nargs = 2, .arg = { i->arg[0], i->arg[1] },
                                   .aux = (uint16_t)(at(ir, x)->imm ? c : ir_cond_invert(c)) };
            return AGAIN;
        }
        return UNCHANGED;
    }
    if (known >= 0)
        return make_const(ir, i->type, (unsigned)known);
    if (c == IR_NE && is_value(ir, i->arg[1], 0) && i->type == ir_type_of(ir, i->arg[0]) &&
        fold_bits_used(ir, i->arg[0]) <= 1)
        return i->arg[0];                      /* it is 0 or 1 already */
    return UNCHANGED;
}

ir_ref fold_min_max(struct ir *ir, struct ir_insn *i)
{
    if (i->arg[0] == i->arg[1])
        return i->arg[0];
    if (is_value(ir, i->arg[1], 0) && i->op == IR_OP_umin)
        return i->arg[1];
    if (is_value(ir, i->arg[1], 0) && i->op == IR_OP_umax)
        return i->arg[0];
    return UNCHANGED;
}

/* tcg/opt/fold.c - operations on known operands: constants, identities, cheaper equals, extensions that change nothing.
 *
 * Each rule looks at one operation and the ones that made its operands; it returns an existing value, or rewrites the
 * operation in place and asks for another round. Constants go to the right of what commutes. A pointer to an instruction
 * does not outlive the making of another one: the array may move. */
#include "tcg/opt/fold.h"

#include "tcg/ir/internal.h"

/* What a rule found: an existing value, or one of these. */
enum { UNCHANGED = FOLD_UNCHANGED, AGAIN = FOLD_AGAIN };

static const struct ir_insn *at(const struct ir *ir, ir_ref r) { return &ir->insns[r]; }
static bool is(const struct ir *ir, ir_ref r, enum ir_op op) { return ir->insns[r].op == op; }
static bool is_value(const struct ir *ir, ir_ref r, uint64_t v) { return is(ir, r, IR_OP_const) && at(ir, r)->imm == v; }

static ir_ref make_const(struct ir *ir, enum ir_type t, uint64_t v)
{
    return t == IR_I32 ? ir_i32(ir, (uint32_t)v) : t == IR_I64 ? ir_i64(ir, v) :
           t == IR_F32 ? ir_f32bits(ir, (uint32_t)v) : ir_f64bits(ir, v);
}

/* --- rewriting in place ------------------------------------------------------------------------------------------- */

static ir_ref to_un(struct ir_insn *i, enum ir_op op, ir_ref a)
{
    *i = (struct ir_insn){ .op = op, .type = i->type, .nargs = 1, .arg = { a } };
    return AGAIN;
}

static ir_ref to_bin(struct ir_insn *i, enum ir_op op, ir_ref a, ir_ref b)
{
    *i = (struct ir_insn){ .op = op, .type = i->type, .nargs = 2, .arg = { a, b } };
    return AGAIN;
}

static ir_ref to_bini(struct ir *ir, struct ir_insn *i, enum ir_op op, ir_ref a, uint64_t imm)
{
    return to_bin(i, op, a, make_const(ir, i->type, imm & ir_mask(i->type)));
}

static ir_ref to_field(struct ir_insn *i, enum ir_op op, ir_ref a, unsigned pos, unsigned len)
{
    *i = (struct ir_insn){ .op = op, .type = i->type, .nargs = 1, .aux = (uint16_t)(pos | len << 8), .arg = { a } };
    return AGAIN;
}

/* --- what is known of a value ---------------------------------------------------------------------------------------- */

static unsigned mem_bits(unsigned aux) { return 8u << (aux & IR_MSIZE); }

/* Upper bound of the number of low bits that can be set; the rest are zero. */
static unsigned bits_used(const struct ir *ir, ir_ref r, unsigned depth)
{
    const struct ir_insn *i = at(ir, r);
    unsigned w = ir_width(i->type), a, b;

    switch (i->op) {
    case IR_OP_const: return i->imm ? 64 - (unsigned)__builtin_clzll(i->imm) : 0;
    case IR_OP_setcc: case IR_OP_flcc: case IR_OP_fcmp: return 1;
    case IR_OP_extract: return i->aux >> 8;
    case IR_OP_ld: case IR_OP_ldenv:
        return !(i->aux & IR_MSIGN) && mem_bits(i->aux) < w ? mem_bits(i->aux) : w;
    case IR_OP_clz: case IR_OP_ctz: case IR_OP_popcnt: return 7;
    case IR_OP_zext: return depth ? bits_used(ir, i->arg[0], depth - 1) : 32;
    case IR_OP_shr:
        if (!is(ir, i->arg[1], IR_OP_const))
            return w;
        a = depth ? bits_used(ir, i->arg[0], depth - 1) : w;
        b = at(ir, i->arg[1])->imm & (w - 1);
        return a > b ? a - b : 0;
    case IR_OP_shl:
        if (!is(ir, i->arg[1], IR_OP_const) || !depth)
            return w;
        a = bits_used(ir, i->arg[0], depth - 1) + (at(ir, i->arg[1])->imm & (w - 1));
        return a < w ? a : w;
    case IR_OP_and: case IR_OP_umin:
        if (!depth)
            return w;
        a = bits_used(ir, i->arg[0], depth - 1), b = bits_used(ir, i->arg[1], depth - 1);
        return a < b ? a : b;
    case IR_OP_or: case IR_OP_xor: case IR_OP_umax:
        if (!depth)
            return w;
        a = bits_used(ir, i->arg[0], depth - 1), b = bits_used(ir, i->arg[1], depth - 1);
        return a > b ? a : b;
    default: return w;
    }
}

/* Number of low bits that say it all: the bits from the top down to the last of them are equal. */
static unsigned signed_bits(const struct ir *ir, ir_ref r, unsigned depth)
{
    const struct ir_insn *i = at(ir, r);
    unsigned w = ir_width(i->type), a, b;

    switch (i->op) {
    case IR_OP_const: {
        int64_t v = i->type == IR_I32 ? (int32_t)i->imm : (int64_t)i->imm;
        v = v < 0 ? ~v : v;
        return v ? 65 - (unsigned)__builtin_clzll((uint64_t)v) : 1;
    }
    case IR_OP_sext: return depth ? signed_bits(ir, i->arg[0], depth - 1) : 32;
    case IR_OP_sextract: return i->aux >> 8;
    case IR_OP_ld: case IR_OP_ldenv: case IR_OP_amo: case IR_OP_cas:
        if (mem_bits(i->aux) < w)
            return mem_bits(i->aux) + !(i->aux & IR_MSIGN);
        return w;
    case IR_OP_sar:
        if (!is(ir, i->arg[1], IR_OP_const))
            return w;
        a = depth ? signed_bits(ir, i->arg[0], depth - 1) : w;
        b = at(ir, i->arg[1])->imm & (w - 1);
        return a > b ? a - b : 1;
    case IR_OP_and: case IR_OP_or: case IR_OP_xor: case IR_OP_smin: case IR_OP_smax: case IR_OP_umin: case IR_OP_umax:
        if (depth) {
            a = signed_bits(ir, i->arg[0], depth - 1), b = signed_bits(ir, i->arg[1], depth - 1);
            a = a > b ? a : b;
            break;
        }
        a = w;
        break;
    case IR_OP_select:
        if (!depth)
            return w;
        a = signed_bits(ir, i->arg[2], depth - 1), b = signed_bits(ir, i->arg[3], depth - 1);
        return a > b ? a : b;
    default: a = w;
    }
    b = bits_used(ir, r, depth) + 1;
    return a < b ? a : b;
}

enum { LOOK = 3 };                             /* how far back the two functions above look */

unsigned fold_signed_bits(const struct ir *ir, ir_ref r) { return signed_bits(ir, r, LOOK); }
unsigned fold_bits_used(const struct ir *ir, ir_ref r) { return bits_used(ir, r, LOOK); }

/* --- addition and multiplication ------------------------------------------------------------------------------------- */

static ir_ref fold_add(struct ir *ir, struct ir_insn *i)
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

static ir_ref fold_sub(struct ir *ir, struct ir_insn *i)
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

static bool power_of_2(uint64_t v, unsigned *log)
{
    *log = v ? (unsigned)__builtin_ctzll(v) : 0;
    return v && !(v & (v - 1));
}

static ir_ref fold_mul(struct ir *ir, struct ir_insn *i)
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

static ir_ref fold_div(struct ir *ir, struct ir_insn *i)
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

/* --- logic ------------------------------------------------------------------------------------------------------------- */

/* An operand that is an extension of 32 bits or could be one: its low half. */
static ir_ref extended_operand(struct ir *ir, ir_ref r, enum ir_op ext)
{
    const struct ir_insn *x = at(ir, r);

    if (x->op == ext || (ext == IR_OP_sext && x->op == IR_OP_zext && bits_used(ir, x->arg[0], LOOK) < 32))
        return x->arg[0];
    if (ext == IR_OP_sext ? signed_bits(ir, r, LOOK) <= 32 : bits_used(ir, r, LOOK) <= 32)
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
    used = bits_used(ir, a, LOOK);
    if (used < 64 && !(~c & ((1ull << used) - 1)))
        return a;
    if (i->type == IR_I64 && c == 0xffffffff)
        return to_field(i, IR_OP_extract, a, 0, 32);
    if (power_of_2(c + 1, &log) && x->op == IR_OP_shr && is(ir, x->arg[1], IR_OP_const) &&
        (at(ir, x->arg[1])->imm & (ir_width(i->type) - 1)) + log <= ir_width(i->type))
        return to_field(i, IR_OP_extract, x->arg[0], at(ir, x->arg[1])->imm & (ir_width(i->type) - 1), log);
    return fold_bits_of_extended(ir, i);
}

static ir_ref fold_and(struct ir *ir, struct ir_insn *i)
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

static ir_ref fold_andn(struct ir *ir, struct ir_insn *i)
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

static ir_ref fold_or(struct ir *ir, struct ir_insn *i)
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

static ir_ref fold_xor(struct ir *ir, struct ir_insn *i)
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

static ir_ref fold_not_neg(struct ir *ir, struct ir_insn *i)
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

static ir_ref fold_shift(struct ir *ir, struct ir_insn *i)
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
    if (i->op == IR_OP_shr && bits_used(ir, a, LOOK) <= n)
        return make_const(ir, i->type, 0);
    if ((i->op == IR_OP_shr || i->op == IR_OP_sar) && (x->op == IR_OP_extract || x->op == IR_OP_sextract) &&
        n < (x->aux >> 8u) && (x->op == IR_OP_extract || i->op == IR_OP_sar))
        return to_field(i, x->op, x->arg[0], (x->aux & 0xff) + n, (x->aux >> 8) - n);
    return UNCHANGED;
}

static ir_ref fold_extract(struct ir *ir, struct ir_insn *i)
{
    ir_ref a = i->arg[0];
    const struct ir_insn *x = at(ir, a);
    unsigned w = ir_width(i->type), pos = i->aux & 0xff, len = i->aux >> 8;
    bool sign = i->op == IR_OP_sextract;

    if (pos == 0 && (len == w || (sign ? signed_bits(ir, a, LOOK) : bits_used(ir, a, LOOK)) <= len))
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

static ir_ref fold_extr2(struct ir *ir, struct ir_insn *i)
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

static ir_ref fold_deposit(struct ir *ir, struct ir_insn *i)
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

static ir_ref fold_trunc(struct ir *ir, struct ir_insn *i)
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

static ir_ref fold_sext(struct ir *ir, struct ir_insn *i)
{
    const struct ir_insn *x = at(ir, i->arg[0]);

    if (x->op == IR_OP_trunc && signed_bits(ir, x->arg[0], LOOK) <= 32)
        return x->arg[0];
    if (x->op == IR_OP_setcc) {
        *i = (struct ir_insn){ .op = IR_OP_setcc, .type = IR_I64, .nargs = 2, .aux = x->aux, .arg = { x->arg[0], x->arg[1] } };
        return AGAIN;
    }
    if (bits_used(ir, i->arg[0], LOOK) < 32)
        return to_un(i, IR_OP_zext, i->arg[0]);
    return UNCHANGED;
}

static ir_ref fold_zext(struct ir *ir, struct ir_insn *i)
{
    const struct ir_insn *x = at(ir, i->arg[0]);

    if (x->op == IR_OP_trunc && bits_used(ir, x->arg[0], LOOK) <= 32)
        return x->arg[0];
    if (x->op == IR_OP_setcc) {
        *i = (struct ir_insn){ .op = IR_OP_setcc, .type = IR_I64, .nargs = 2, .aux = x->aux, .arg = { x->arg[0], x->arg[1] } };
        return AGAIN;
    }
    return UNCHANGED;
}

/* a pair of conversions that undo each other */
static ir_ref fold_undo(struct ir *ir, struct ir_insn *i, enum ir_op inverse)
{
    return is(ir, i->arg[0], inverse) ? at(ir, i->arg[0])->arg[0] : UNCHANGED;
}

/* --- comparisons ----------------------------------------------------------------------------------------------------------- */

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

static ir_ref fold_compare(struct ir *ir, struct ir_insn *i)
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
        bits_used(ir, i->arg[0], LOOK) <= 1)
        return i->arg[0];                      /* it is 0 or 1 already */
    return UNCHANGED;
}

static ir_ref fold_min_max(struct ir *ir, struct ir_insn *i)
{
    if (i->arg[0] == i->arg[1])
        return i->arg[0];
    if (is_value(ir, i->arg[1], 0) && i->op == IR_OP_umin)
        return i->arg[1];
    if (is_value(ir, i->arg[1], 0) && i->op == IR_OP_umax)
        return i->arg[0];
    return UNCHANGED;
}

/* --- lanes ------------------------------------------------------------------------------------------------------------------- */

static bool is_float(enum ir_type t) { return t == IR_F32 || t == IR_F64; }

/* The value that went into a lane of `bits`, as i's type wants it. */
static ir_ref lane_value(struct ir *ir, struct ir_insn *i, ir_ref v, unsigned bits)
{
    enum ir_type has = ir_type_of(ir, v);

    if (bits < 32) {
        if (i->type != IR_I32 || has != IR_I32)
            return UNCHANGED;
        *i = (struct ir_insn){ .op = IR_OP_extract, .type = IR_I32, .nargs = 1, .arg = { v }, .aux = (uint16_t)(bits << 8) };
        return AGAIN;
    }
    if (has == i->type)
        return v;
    if (is_float(i->type) == is_float(has))
        return UNCHANGED;
    return to_un(i, is_float(i->type) ? IR_OP_bitsf : IR_OP_fbits, v);
}

static ir_ref fold_vext(struct ir *ir, struct ir_insn *i)
{
    unsigned bits = i->op == IR_OP_vtof ? (i->type == IR_F32 ? 32 : 64) : i->aux;
    unsigned at_bit = i->op == IR_OP_vtof ? 0 : (unsigned)i->imm * bits;
    const struct ir_insn *x = at(ir, i->arg[0]);

    switch (x->op) {
    case IR_OP_vins:
        if (x->aux == bits && x->imm * bits == at_bit)
            return lane_value(ir, i, x->arg[1], bits);
        if (at_bit + bits <= x->imm * x->aux || at_bit >= (x->imm + 1) * x->aux) {
            i->arg[0] = x->arg[0];
            return AGAIN;
        }
        return UNCHANGED;
    case IR_OP_vfromf:
        if (at_bit || bits != (ir_type_of(ir, x->arg[0]) == IR_F32 ? 32u : 64u))
            return UNCHANGED;
        return lane_value(ir, i, x->arg[0], bits);
    case IR_OP_vpair: return bits == 64 ? lane_value(ir, i, x->arg[at_bit / 64], 64) : UNCHANGED;
    case IR_OP_vdup: return x->aux == bits ? lane_value(ir, i, x->arg[0], bits) : UNCHANGED;
    default: return UNCHANGED;
    }
}

static ir_ref fold_vins(struct ir *ir, struct ir_insn *i)
{
    const struct ir_insn *x = at(ir, i->arg[0]), *b = at(ir, i->arg[1]);

    if (i->aux >= 32 && b->op == IR_OP_fbits) {
        i->arg[1] = b->arg[0];
        return AGAIN;
    }
    if (x->op == IR_OP_vins && x->aux == i->aux && x->imm == i->imm) {
        i->arg[0] = x->arg[0];
        return AGAIN;
    }
    if (b->op == IR_OP_vext && b->arg[0] == i->arg[0] && b->aux == i->aux && b->imm == i->imm)
        return i->arg[0];
    return UNCHANGED;
}

/* fbits, bitsf: of a lane, the lane as that type */
static ir_ref fold_reinterpret(struct ir *ir, struct ir_insn *i)
{
    const struct ir_insn *x = at(ir, i->arg[0]);

    if (x->op == (i->op == IR_OP_fbits ? IR_OP_bitsf : IR_OP_fbits))
        return x->arg[0];
    if (x->op == IR_OP_vext && x->aux >= 32) {
        *i = (struct ir_insn){ .op = IR_OP_vext, .type = i->type, .nargs = 1, .arg = { x->arg[0] }, .aux = x->aux, .imm = x->imm };
        return AGAIN;
    }
    return UNCHANGED;
}

/* --- all of them ------------------------------------------------------------------------------------------------------------- */

static ir_ref rule(struct ir *ir, struct ir_insn *i)
{
    switch (i->op) {
    case IR_OP_mov: return i->arg[0];
    case IR_OP_add: return fold_add(ir, i);
    case IR_OP_sub: return fold_sub(ir, i);
    case IR_OP_mul: return fold_mul(ir, i);
    case IR_OP_divu: case IR_OP_divs: case IR_OP_remu: case IR_OP_rems: return fold_div(ir, i);
    case IR_OP_and: return fold_and(ir, i);
    case IR_OP_andn: return fold_andn(ir, i);
    case IR_OP_or: return fold_or(ir, i);
    case IR_OP_xor: return fold_xor(ir, i);
    case IR_OP_not: case IR_OP_neg: case IR_OP_fneg: return fold_not_neg(ir, i);
    case IR_OP_bswap: case IR_OP_brev8: return fold_undo(ir, i, i->op);
    case IR_OP_shl: case IR_OP_shr: case IR_OP_sar: case IR_OP_rotl: case IR_OP_rotr: return fold_shift(ir, i);
    case IR_OP_extract: case IR_OP_sextract: return fold_extract(ir, i);
    case IR_OP_deposit: return fold_deposit(ir, i);
    case IR_OP_extr2: return fold_extr2(ir, i);
    case IR_OP_trunc: return fold_trunc(ir, i);
    case IR_OP_sext: return fold_sext(ir, i);
    case IR_OP_zext: return fold_zext(ir, i);
    case IR_OP_fbits: case IR_OP_bitsf: return fold_reinterpret(ir, i);
    case IR_OP_vext: case IR_OP_vtof: return fold_vext(ir, i);
    case IR_OP_vins: return fold_vins(ir, i);
    case IR_OP_funbox: return fold_undo(ir, i, IR_OP_fbox);
    case IR_OP_fcopysign: return i->arg[0] == i->arg[1] ? i->arg[0] : UNCHANGED;
    case IR_OP_smin: case IR_OP_smax: case IR_OP_umin: case IR_OP_umax: return fold_min_max(ir, i);
    case IR_OP_setcc: case IR_OP_select: return fold_compare(ir, i);
    default: return i->type == IR_V128 || i->type == IR_V256 ? fold_vector(ir, i) : UNCHANGED;
    }
}

static ir_ref fold_constants(struct ir *ir, const struct ir_insn *i)
{
    uint64_t arg[4] = { 0 }, v;

    if (i->nargs == 0 || i->type == IR_V128 || i->type == IR_V256 || i->type == IR_FLAGS)
        return UNCHANGED;
    for (unsigned k = 0; k < i->nargs; k++) {
        if (!is(ir, i->arg[k], IR_OP_const))
            return UNCHANGED;
        arg[k] = at(ir, i->arg[k])->imm;
    }
    return ir_eval(i->op, i->type, ir_type_of(ir, i->arg[0]), i->aux, arg, &v) ? make_const(ir, i->type, v) : UNCHANGED;
}

ir_ref fold_insn(struct ir *ir, struct ir_insn *i)
{
    for (unsigned round = 0; round < IR_FOLD_DEPTH; round++) {
        ir_ref r = fold_constants(ir, i);
        if (r)
            return r;
        if ((ir_ops[i->op].props & IR_COMM) && is(ir, i->arg[0], IR_OP_const)) {
            ir_ref a = i->arg[0];
            i->arg[0] = i->arg[1], i->arg[1] = a;
        }
        r = rule(ir, i);
        if (r != AGAIN)
            return r;
    }
    return UNCHANGED;
}

void fold_stored(struct ir *ir, unsigned mem, ir_ref *v)
{
    const struct ir_insn *x = at(ir, *v);

    if (x->op == IR_OP_fbits && (mem & IR_MSIZE) == (x->type == IR_I32 ? IR_M32 : IR_M64)) {
        *v = x->arg[0];                        /* a float is stored as it is */
        return;
    }
    if ((mem & IR_MSIZE) <= IR_M32 && (x->op == IR_OP_sext || x->op == IR_OP_zext))
        *v = x->arg[0];                        /* the upper half is not stored */
}

void fold_address(struct ir *ir, ir_ref *addr, int64_t *disp)
{
    const struct ir_insn *x = at(ir, ir_resolve(ir, *addr));

    while (x->op == IR_OP_add && is(ir, x->arg[1], IR_OP_const)) {
        int64_t sum = *disp + (int64_t)at(ir, x->arg[1])->imm;
        if (sum != (int32_t)sum)
            return;
        *disp = sum;
        *addr = x->arg[0];
        x = at(ir, *addr);
    }
}

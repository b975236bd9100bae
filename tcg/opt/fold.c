/* tcg/opt/fold.c - operations on known operands: constants, identities, cheaper equals, extensions that change nothing.
 *
 * Each rule looks at one operation and the ones that made its operands; it returns an existing value, or rewrites the
 * operation in place and asks for another round. Constants go to the right of what commutes. A pointer to an instruction
 * does not outlive the making of another one: the array may move. */
#include "tcg/opt/fold_i.h"

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

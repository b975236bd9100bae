/* targets/arm/tr_simd_len.c - operations that widen or narrow, and shifts by a constant, as IR. Operations as in help_simd.c. */
#include "targets/arm/tr_simd_i.h"

static uint64_t least(unsigned bits) { return UINT64_C(1) << (bits - 1); }

/* A narrowed half into its place: the lower half of the result, or the upper beside the target's lower one. */
static ir_ref place(const struct lower *x, ir_ref half) { return x->upper ? vlows(x, x->d, half) : half; }

/* Lanes of twice the width to lanes of x->bits. */
static ir_ref narrow_to(const struct lower *x, enum ir_op pack, ir_ref v)
{
    ir_ref r;

    if (pack == IR_OP_nop)
        return place(x, v2(x, IR_OP_veven, x->bits, v, v));
    r = v2(x, pack, 2 * x->bits, v, v);
    simd_qc(x, vxor(x, vwiden(x, pack != IR_OP_vpackss, x->bits, r, false), v), x->scalar ? 2 * x->bits : 128);
    return place(x, r);
}

ir_ref simd_lower_narrow(struct lower *x)
{
    return narrow_to(x, x->op == 0x12 ? IR_OP_nop : x->op == 0x32 ? IR_OP_vpackus : x->u ? IR_OP_vpackuu : IR_OP_vpackss, x->n);
}

/* --- three registers ------------------------------------------------------------------------------------------------------ */

static ir_ref long_product(const struct lower *x)
{
    return v2i(x, x->u ? IR_OP_vmullu : IR_OP_vmulls, x->bits, x->upper, x->n, x->m);
}

/* The absolute difference of lanes fits a lane: it is widened without its sign. */
static ir_ref long_difference(const struct lower *x)
{
    ir_ref d = vsub(x, x->bits, v2(x, x->u ? IR_OP_vumax : IR_OP_vsmax, x->bits, x->n, x->m),
                    v2(x, x->u ? IR_OP_vumin : IR_OP_vsmin, x->bits, x->n, x->m));

    return vwiden(x, true, x->bits, d, x->upper);
}

/* Twice a product: only the least number squared is too large. */
static ir_ref doubled_product(const struct lower *x)
{
    unsigned wide = 2 * x->bits;
    ir_ref p = long_product(x), over;

    p = vadd(x, wide, p, p);
    over = v2(x, IR_OP_vcmpeq, wide, p, vsplat(x, wide, least(wide)));
    simd_qc(x, over, x->scalar ? wide : 128);
    return vxor(x, p, over);
}

static ir_ref high_half(const struct lower *x)
{
    unsigned wide = 2 * x->bits;
    ir_ref v = v2(x, (x->op & 15) == 6 ? IR_OP_vsub : IR_OP_vadd, wide, x->n, x->m);

    if (x->u)                                  /* the rounding forms */
        v = vadd(x, wide, v, vsplat(x, wide, least(x->bits)));
    v = v2(x, IR_OP_vodd, x->bits, v, v);
    return place(x, v);
}

ir_ref simd_lower_diff(struct lower *x)
{
    unsigned op = x->op & 15, wide = 2 * x->bits;
    ir_ref m;

    switch (op) {
    case 0x0: case 0x1: case 0x2: case 0x3:
        m = vwiden(x, x->u, x->bits, x->m, x->upper);
        return v2(x, op & 2 ? IR_OP_vsub : IR_OP_vadd, wide, op & 1 ? x->n : vwiden(x, x->u, x->bits, x->n, x->upper), m);
    case 0x4: case 0x6: return high_half(x);
    case 0x5: return vadd(x, wide, x->d, long_difference(x));
    case 0x7: return long_difference(x);
    case 0x8: return vadd(x, wide, x->d, long_product(x));
    case 0xa: return vsub(x, wide, x->d, long_product(x));
    case 0xc: return long_product(x);
    case 0x9: case 0xb:
        m = doubled_product(x);
        return simd_saturate(x, false, op == 0xb, wide, x->d, m, x->scalar ? wide : 128);
    case 0xd: return doubled_product(x);
    case 0xe: return x->bits == 64 ? v2i(x, IR_OP_vclmul, 0, x->upper ? 0x11 : 0, x->n, x->m) : IR_NONE;
    default: return IR_NONE;
    }
}

/* --- shifts by a constant --------------------------------------------------------------------------------------------------- */

/* Rounding: plus the last bit that is shifted out. */
static ir_ref rounded_right(const struct lower *x, bool u, unsigned bits)
{
    ir_ref v = vright(x, u, bits, x->n, x->count);

    return vadd(x, bits, v, vand(x, vright(x, true, bits, x->n, x->count - 1), vsplat(x, bits, 1)));
}

static ir_ref insert(const struct lower *x, bool left)
{
    uint64_t ones = x->bits == 64 ? ~UINT64_C(0) : (UINT64_C(1) << x->bits) - 1, into;

    into = left ? ones << x->count : x->count < 64 ? ones >> x->count : 0;
    return vor(x, vandn(x, x->d, vsplat(x, x->bits, into & ones)), v1i(x, left ? IR_OP_vshl : IR_OP_vshr, x->bits, x->count, x->n));
}

static ir_ref saturated_left(const struct lower *x)
{
    ir_ref v = vshl(x, x->bits, x->n, x->count), fits = v2(x, IR_OP_vcmpeq, x->bits, vright(x, x->u, x->bits, v, x->count), x->n);
    ir_ref over = vnot(x, fits);

    simd_qc(x, over, simd_width(x));
    if (x->u)
        return vor(x, v, over);
    return vbsl(x, fits, v, vxor(x, vright(x, false, x->bits, x->n, x->bits - 1), vsplat(x, x->bits, least(x->bits) - 1)));
}

/* U and the opcode's low bits: what saturates, and whether it rounds. */
static ir_ref narrow_right(const struct lower *x)
{
    unsigned op = x->op & 31, wide = 2 * x->bits;
    bool from_unsigned = x->u && op >= 0x12, saturates = x->u || op >= 0x12;
    ir_ref v;

    if (!saturates) {
        v = x->n;
        if (op & 1)
            v = vadd(x, wide, v, vsplat(x, wide, UINT64_C(1) << (x->count - 1)));
        return narrow_to(x, IR_OP_nop, vright(x, true, wide, v, x->count));
    }
    v = op & 1 ? rounded_right(x, from_unsigned, wide) : vright(x, from_unsigned, wide, x->n, x->count);
    return narrow_to(x, from_unsigned ? IR_OP_vpackuu : x->u ? IR_OP_vpackus : IR_OP_vpackss, v);
}

ir_ref simd_lower_shift(struct lower *x)
{
    switch (x->op & 31) {
    case 0x00: return vright(x, x->u, x->bits, x->n, x->count);
    case 0x02: return vadd(x, x->bits, x->d, vright(x, x->u, x->bits, x->n, x->count));
    case 0x04: return rounded_right(x, x->u, x->bits);
    case 0x06: return vadd(x, x->bits, x->d, rounded_right(x, x->u, x->bits));
    case 0x08: return insert(x, false);
    case 0x0a: return x->u ? insert(x, true) : vshl(x, x->bits, x->n, x->count);
    case 0x0e: return saturated_left(x);
    case 0x10: case 0x11: case 0x12: case 0x13: return narrow_right(x);
    case 0x14: return vshl(x, 2 * x->bits, vwiden(x, x->u, x->bits, x->n, x->upper), x->count);
    default: return IR_NONE;                   /* SQSHLU */
    }
}

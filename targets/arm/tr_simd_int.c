/* targets/arm/tr_simd_int.c - integer lanes as IR: three registers, two, across. Operations as in help_simd.c. */
#include "targets/arm/tr_simd_i.h"

ir_ref simd_splat(struct ir *ir, unsigned bits, uint64_t v)
{
    if (bits < 64)
        v &= (UINT64_C(1) << bits) - 1;
    for (; bits < 64; bits *= 2)
        v |= v << bits;
    return ir_v128(ir, v, v);
}

void simd_qc(const struct lower *x, ir_ref mask, unsigned valid)
{
    if (valid == 64)
        mask = vlow(x, mask);
    else if (valid < 64)
        mask = vand(x, mask, ir_v128(x->ir, (UINT64_C(1) << valid) - 1, 0));
    ir_write_slot(x->ir, ARM_SLOT_QC, vor(x, ir_read_slot(x->ir, ARM_SLOT_QC), mask));
}

static uint64_t least(unsigned bits) { return UINT64_C(1) << (bits - 1); }

/* Lanes above 16 bits have no saturating instruction: the sign bits tell. */
ir_ref simd_saturate(const struct lower *x, bool u, bool sub, unsigned bits, ir_ref a, ir_ref b, unsigned valid)
{
    ir_ref wrapped = v2(x, sub ? IR_OP_vsub : IR_OP_vadd, bits, a, b), r, over, same;

    if (bits <= 16) {
        r = v2(x, sub ? (u ? IR_OP_vusubs : IR_OP_vssubs) : u ? IR_OP_vuadds : IR_OP_vsadds, bits, a, b);
        over = vxor(x, r, wrapped);
    } else if (u) {
        over = sub ? v2(x, IR_OP_vcmpgtu, bits, b, a) : v2(x, IR_OP_vcmpgtu, bits, a, wrapped);
        r = sub ? vandn(x, wrapped, over) : vor(x, wrapped, over);
    } else {
        same = vxor(x, a, b);
        over = vxor(x, a, wrapped);
        over = vright(x, false, bits, sub ? vand(x, over, same) : vandn(x, over, same), bits - 1);
        r = vbsl(x, over, vxor(x, vright(x, false, bits, a, bits - 1), vsplat(x, bits, least(bits) - 1)), wrapped);
    }
    simd_qc(x, over, valid);
    return r;
}

/* --- three registers --------------------------------------------------------------------------------------------------- */

static ir_ref minmax(const struct lower *x, bool max, ir_ref a, ir_ref b)
{
    return v2(x, max ? (x->u ? IR_OP_vumax : IR_OP_vsmax) : x->u ? IR_OP_vumin : IR_OP_vsmin, x->bits, a, b);
}

static ir_ref difference(const struct lower *x, ir_ref a, ir_ref b)
{
    return vsub(x, x->bits, minmax(x, true, a, b), minmax(x, false, a, b));
}

static ir_ref at_least(const struct lower *x, ir_ref a, ir_ref b)
{
    if (x->bits < 64)
        return v2(x, IR_OP_vcmpeq, x->bits, minmax(x, true, a, b), a);
    return vnot(x, v2(x, x->u ? IR_OP_vcmpgtu : IR_OP_vcmpgt, x->bits, b, a));
}

/* (a + b) / 2 = (a & b) + (a ^ b) / 2; rounded up: (a | b) - (a ^ b) / 2. (a - b) / 2 = (a ^ b) / 2 - (b & ~a). */
static ir_ref halving(const struct lower *x, bool sub, bool round)
{
    ir_ref half = vright(x, x->u, x->bits, vxor(x, x->n, x->m), 1);

    if (sub)
        return vsub(x, x->bits, half, vandn(x, x->m, x->n));
    if (round && x->u && x->bits <= 16)
        return v2(x, IR_OP_vavgu, x->bits, x->n, x->m);
    return round ? vsub(x, x->bits, vor(x, x->n, x->m), half) : vadd(x, x->bits, vand(x, x->n, x->m), half);
}

/* Shifts by the signed low byte of each lane: to the left, or to the right when negative. */
static ir_ref shift_by_lanes(const struct lower *x)
{
    ir_ref zero = vzero(x), left = vright(x, false, x->bits, vshl(x, x->bits, x->m, x->bits - 8), x->bits - 8);
    ir_ref right = vsub(x, x->bits, zero, left);

    if (x->bits == 8)
        return IR_NONE;
    if (x->u)                                  /* where one count is in range the other is not, or both are 0 */
        return vor(x, v2(x, IR_OP_vshlv, x->bits, x->n, left), v2(x, IR_OP_vshrv, x->bits, x->n, right));
    return vbsl(x, vright(x, false, x->bits, left, x->bits - 1), v2(x, IR_OP_vsarv, x->bits, x->n, right),
                v2(x, IR_OP_vshlv, x->bits, x->n, left));
}

static ir_ref doubling_high(const struct lower *x)
{
    ir_ref most = vsplat(x, x->bits, least(x->bits));

    simd_qc(x, vand(x, v2(x, IR_OP_vcmpeq, x->bits, x->n, most), v2(x, IR_OP_vcmpeq, x->bits, x->m, most)), simd_width(x));
    return v2i(x, IR_OP_vmulq, x->bits, x->u, x->n, x->m);
}

/* Neighbours become lanes at the same place of two values. */
static ir_ref pairwise(const struct lower *x)
{
    ir_ref a = x->n, b = x->m, even, odd;

    if (!x->q)
        a = b = vlows(x, a, b);
    even = v2(x, IR_OP_veven, x->bits, a, b);
    odd = v2(x, IR_OP_vodd, x->bits, a, b);
    return (x->op & 31) == 0x17 ? vadd(x, x->bits, even, odd) : minmax(x, (x->op & 31) == 0x14, even, odd);
}

static ir_ref even_bytes(const struct lower *x, bool u, ir_ref a)
{
    return u ? vand(x, a, vsplat(x, 16, 0xff)) : vright(x, false, 16, vshl(x, 16, a, 8), 8);
}

/* Four products of bytes to a word: even and odd ones as words of 16 bits, of which PMADDWD adds neighbours. */
static ir_ref dot(const struct lower *x)
{
    bool un = x->op == 0x43 || x->op == 0x44, um = x->op == 0x43 || x->op == 0x45;
    ir_ref even = v2(x, IR_OP_vmadd, 16, even_bytes(x, un, x->n), even_bytes(x, um, x->m));
    ir_ref odd = v2(x, IR_OP_vmadd, 16, vright(x, un, 16, x->n, 8), vright(x, um, 16, x->m, 8));

    return vadd(x, 32, x->d, vadd(x, 32, even, odd));
}

ir_ref simd_lower_same(struct lower *x)
{
    unsigned bits = x->bits;
    ir_ref n = x->n, m = x->m;

    if (x->op >= 0x42)
        return x->op <= 0x45 ? dot(x) : IR_NONE;
    if (x->op >= 0x40)
        return IR_NONE;
    switch (x->op & 31) {
    case 0x00: return halving(x, false, false);
    case 0x01: return simd_saturate(x, x->u, false, bits, n, m, simd_width(x));
    case 0x02: return halving(x, false, true);
    case 0x04: return halving(x, true, false);
    case 0x05: return simd_saturate(x, x->u, true, bits, n, m, simd_width(x));
    case 0x06: return v2(x, x->u ? IR_OP_vcmpgtu : IR_OP_vcmpgt, bits, n, m);
    case 0x07: return at_least(x, n, m);
    case 0x08: return shift_by_lanes(x);
    case 0x0c: return minmax(x, true, n, m);
    case 0x0d: return minmax(x, false, n, m);
    case 0x0e: return difference(x, n, m);
    case 0x0f: return vadd(x, bits, x->d, difference(x, n, m));
    case 0x10: return x->u ? vsub(x, bits, n, m) : vadd(x, bits, n, m);
    case 0x11: return x->u ? v2(x, IR_OP_vcmpeq, bits, n, m) : vnot(x, v2(x, IR_OP_vcmpeq, bits, vand(x, n, m), vzero(x)));
    case 0x12: return v2(x, x->u ? IR_OP_vsub : IR_OP_vadd, bits, x->d, v2(x, IR_OP_vmul, bits, n, m));
    case 0x13: return x->u ? IR_NONE : v2(x, IR_OP_vmul, bits, n, m);
    case 0x14: case 0x15: case 0x17: return pairwise(x);
    case 0x16: return doubling_high(x);
    default: return IR_NONE;                   /* SQSHL, SRSHL, SQRSHL and the unsigned ones */
    }
}

/* --- two registers ------------------------------------------------------------------------------------------------------ */

/* Lanes in reverse order within groups of so many bytes. */
static ir_ref reverse(const struct lower *x, unsigned group)
{
    unsigned lane = x->bits / 8;
    union { uint8_t b[16]; uint64_t u[2]; } order;

    for (unsigned i = 0; i < 16; i++) {
        unsigned in = i % group;

        order.b[i] = (uint8_t)(i - in + (group / lane - 1 - in / lane) * lane + in % lane);
    }
    return vshufb(x, x->n, ir_v128(x->ir, order.u[0], order.u[1]));
}

/* Neighbours widened and added. */
ir_ref simd_pairwise_long(const struct lower *x, bool u, unsigned bits, ir_ref a)
{
    ir_ref low;

    if (!u && bits == 16)
        return v2(x, IR_OP_vmadd, 16, a, vsplat(x, 16, 1));
    low = u ? vand(x, a, vsplat(x, 2 * bits, (UINT64_C(1) << bits) - 1)) : vright(x, false, 2 * bits, vshl(x, 2 * bits, a, bits), bits);
    return vadd(x, 2 * bits, low, vright(x, u, 2 * bits, a, bits));
}

/* A table of 16 bytes, looked up by the upper and the lower halves of the bytes. */
static ir_ref by_nibbles(const struct lower *x, enum ir_op join, ir_ref of_upper, ir_ref of_lower)
{
    ir_ref low = vand(x, x->n, vsplat(x, 8, 15)), high = vand(x, vright(x, true, 16, x->n, 4), vsplat(x, 8, 15));

    return v2(x, join, 8, vshufb(x, of_upper, high), vshufb(x, of_lower, low));
}

static ir_ref count_bits(const struct lower *x)
{
    ir_ref table = ir_v128(x->ir, UINT64_C(0x0302020102010100), UINT64_C(0x0403030203020201));

    return by_nibbles(x, IR_OP_vadd, table, table);
}

static ir_ref reverse_bits(const struct lower *x)
{
    return by_nibbles(x, IR_OP_vor, ir_v128(x->ir, UINT64_C(0x0e060a020c040800), UINT64_C(0x0f070b030d050901)),
                      ir_v128(x->ir, UINT64_C(0xe060a020c0408000), UINT64_C(0xf070b030d0509010)));
}

static ir_ref leading_zeros(const struct lower *x)
{
    if (x->bits == 16)
        return IR_NONE;
    if (x->bits == 32)
        return v1(x, IR_OP_vclz, 32, x->n);
    return by_nibbles(x, IR_OP_vumin, ir_v128(x->ir, UINT64_C(0x0101010102020308), 0),
                      ir_v128(x->ir, UINT64_C(0x0505050506060708), UINT64_C(0x0404040404040404)));
}

static ir_ref leading_signs(const struct lower *x)
{
    struct lower y = *x;
    ir_ref r;

    y.n = vxor(x, x->n, vright(x, false, x->bits, x->n, x->bits - 1));
    r = leading_zeros(&y);
    return r ? vsub(x, x->bits, r, vsplat(x, x->bits, 1)) : IR_NONE;
}

/* The least number has no opposite: it becomes the greatest. */
static ir_ref saturated_sign(const struct lower *x)
{
    ir_ref over = v2(x, IR_OP_vcmpeq, x->bits, x->n, vsplat(x, x->bits, least(x->bits)));

    simd_qc(x, over, simd_width(x));
    return vxor(x, x->u ? vsub(x, x->bits, vzero(x), x->n) : v1(x, IR_OP_vabs, x->bits, x->n), over);
}

ir_ref simd_lower_misc(struct lower *x)
{
    unsigned bits = x->bits;
    ir_ref n = x->n, zero;

    switch (x->op) {
    case 0x00: return reverse(x, 8);
    case 0x20: return reverse(x, 4);
    case 0x01: return reverse(x, 2);
    case 0x02: case 0x22: return simd_pairwise_long(x, x->u, bits, n);
    case 0x06: case 0x26: return vadd(x, 2 * bits, x->d, simd_pairwise_long(x, x->u, bits, n));
    case 0x04: return leading_signs(x);
    case 0x24: return leading_zeros(x);
    case 0x05: return count_bits(x);
    case 0x25: return vnot(x, n);
    case 0x60: return reverse_bits(x);
    case 0x07: case 0x27: return saturated_sign(x);
    case 0x12: case 0x32: case 0x14: case 0x34: return simd_lower_narrow(x);
    case 0x33: return vshl(x, 2 * bits, vwiden(x, true, bits, n, x->upper), bits);
    default: break;
    }
    zero = vzero(x);
    switch (x->op) {
    case 0x08: return v2(x, IR_OP_vcmpgt, bits, n, zero);
    case 0x28: return vnot(x, v2(x, IR_OP_vcmpgt, bits, zero, n));
    case 0x09: return v2(x, IR_OP_vcmpeq, bits, n, zero);
    case 0x29: return vnot(x, v2(x, IR_OP_vcmpgt, bits, n, zero));
    case 0x0a: return v2(x, IR_OP_vcmpgt, bits, zero, n);
    case 0x0b: return v1(x, IR_OP_vabs, bits, n);
    case 0x2b: return vsub(x, bits, zero, n);
    default: return IR_NONE;                   /* SUQADD, USQADD */
    }
}

/* --- across lanes --------------------------------------------------------------------------------------------------------- */

/* Of the lanes' sum or extreme only the lowest lane is right. */
static ir_ref reduce(const struct lower *x, enum ir_op op, unsigned bits, ir_ref v)
{
    v = v2(x, op, bits, v, vshufd(x, v, SWAP_HALVES));
    if (bits < 64)
        v = v2(x, op, bits, v, vshufd(x, v, SWAP_PAIRS));
    if (bits < 32)
        v = v2(x, op, bits, v, vright(x, true, 32, v, 16));
    return bits < 16 ? v2(x, op, bits, v, vright(x, true, 16, v, 8)) : v;
}

ir_ref simd_lower_across(struct lower *x)
{
    bool sum = (x->op & 31) == 0x1b || (x->op & 31) == 3;
    ir_ref v = x->q ? x->n : sum ? vlow(x, x->n) : vlows(x, x->n, x->n);

    if (!sum)
        return reduce(x, (x->op & 31) == 0x0a ? (x->u ? IR_OP_vumax : IR_OP_vsmax) : x->u ? IR_OP_vumin : IR_OP_vsmin, x->bits, v);
    if (x->bits == 8 && ((x->op & 31) == 0x1b || x->u))
        return reduce(x, IR_OP_vadd, 64, v2(x, IR_OP_vsad, 8, v, vzero(x)));
    if ((x->op & 31) == 0x1b)
        return reduce(x, IR_OP_vadd, x->bits, v);
    return reduce(x, IR_OP_vadd, 2 * x->bits, simd_pairwise_long(x, x->u, x->bits, v));
}

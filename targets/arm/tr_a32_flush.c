/* targets/arm/tr_a32_flush.c - Advanced SIMD's floating point in AArch32: as if FPSCR had its standard value.
 *
 * That is rounding to nearest, default NaNs, and subnormals flushed to zero, operands and results both. Where nothing has to be
 * flushed the host's own operation does, in whatever mode MXCSR is but for the rounding. The operands say whether something
 * might be; then it is the helper's. After the operation it would be too late: the host would have raised flags. */
#include "targets/arm/tr_a32_vec.h"

#include "targets/arm/help_simd.h"
#include "targets/arm/tr_simd_i.h"

enum check { BY_HELPER, NOTHING, OPERANDS, SUM, PRODUCT, FUSED };

static enum check check_of(enum arm_helper group, uint32_t what)
{
    unsigned op = what & 255, fraction = what >> SIMD_COUNT_SHIFT;

    if (group == ARM_H_simd_fp)
        switch (op & 63) {
        case 0x19: return FUSED;
        case 0x1a: case 0x3a: return SUM;
        case 0x3b: return PRODUCT;
        case 0x1c: case 0x3c: case 0x3d: case 0x1e: case 0x3e: return OPERANDS;
        default: return BY_HELPER;
        }
    if (group != ARM_H_simd_fp_misc || fraction)
        return BY_HELPER;
    switch (op) {
    case 0x1d: case 0x3d: return NOTHING;      /* from integers */
    case 0x4c: case 0x6c: case 0x4d: case 0x6d: case 0x4e: case 0x18: case 0x58: case 0x19: case 0x59: case 0x39:
    case 0x1a: case 0x3a: case 0x5a: case 0x7a: case 0x1b: case 0x3b: case 0x5b: case 0x7b: return OPERANDS;
    default: return BY_HELPER;
    }
}

/* Lanes as 2v - 1, without the sign: subnormals are the least of these, and zeros the greatest. */
static ir_ref order(const struct lower *x, ir_ref v) { return vadd(x, 32, vadd(x, 32, v, v), vsplat(x, 32, UINT32_MAX)); }
static ir_ref vumin(const struct lower *x, ir_ref a, ir_ref b) { return v2(x, IR_OP_vumin, 32, a, b); }

/* Nonzero operands of a sum that are less have digits below the least normal number, so that the sum may be less than that. */
enum { LEAST_NORMAL = 1 << 23, LEAST_TERM = 25 << 23 };

/* Lanes that are nonzero and nearer to zero than a number, by their order(). */
static ir_ref below(const struct lower *x, ir_ref ordered, uint32_t number)
{
    return v2(x, IR_OP_vcmpeq, 32, vumin(x, ordered, vsplat(x, 32, 2 * number - 2)), ordered);
}

/* Lanes where n * m is not zero, and might be less than the least normal number or, for a sum that is rounded once, have digits
 * below it: by the sum of the biased exponents. */
static ir_ref small_product(const struct lower *x, ir_ref order_n, ir_ref order_m, bool fused)
{
    uint32_t limit = (fused ? 130 + 50 : 130) << 22;       /* halves, so that they add up to a positive number */
    ir_ref n = vright(x, true, 32, vadd(x, 32, x->n, x->n), 2), m = vright(x, true, 32, vadd(x, 32, x->m, x->m), 2);
    ir_ref small = v2(x, IR_OP_vcmpgt, 32, vsplat(x, 32, limit), vadd(x, 32, n, m));
    ir_ref zero = v2(x, IR_OP_vcmpeq, 32, v2(x, IR_OP_vumax, 32, order_n, order_m), vsplat(x, 32, UINT32_MAX));

    return vandn(x, small, zero);
}

static ir_ref suspicious(const struct lower *x, enum check check, bool two)
{
    ir_ref n = order(x, x->n), m = two ? order(x, x->m) : n, least = two ? vumin(x, n, m) : n, bad;

    bad = below(x, least, check == SUM ? LEAST_TERM : LEAST_NORMAL);
    if (check == FUSED)
        bad = vor(x, bad, below(x, order(x, x->d), LEAST_TERM));
    return check == PRODUCT || check == FUSED ? vor(x, bad, small_product(x, n, m, check == FUSED)) : bad;
}

/* Goes on in a new block unless a lane is set. */
static void unless(struct lower *x, ir_ref lanes, ir_block_ref slow)
{
    struct ir *ir = x->ir;
    ir_block_ref on = ir_block_new(ir, ir->pc);
    ir_ref any = ir_emit(ir, IR_OP_vext, IR_I64, 64, 0, lanes, 0, 0, 0);

    if (x->q)
        any = ir_bin(ir, IR_OP_or, any, ir_emit(ir, IR_OP_vext, IR_I64, 64, 1, lanes, 0, 0, 0));
    ir_brcc(ir, IR_NE, any, ir_i64(ir, 0), slow, on, 1);
    ir_seal(ir, on);
    ir_enter(ir, on);
}

bool a32_flushes(const struct tr_a32 *t, enum arm_helper group, uint32_t what)
{
    enum { ROUNDING = 3 << 3 };                            /* of the mode key: FPSCR >> 19 */

    return what & SIMD_STANDARD && !(t->a.c->mode & ROUNDING) && check_of(group, what) != BY_HELPER;
}

ir_ref a32_flushing(struct tr_a32 *t, enum arm_helper group, uint32_t what, ir_ref d, ir_ref n, ir_ref m,
                    ir_ref (*by_helper)(struct tr_a32 *, enum arm_helper, uint32_t, ir_ref, ir_ref, ir_ref), unsigned scratch)
{
    struct ir *ir = a32_ir(t);
    struct lower x = { .ir = ir, .q = what >> 10 & 1, .d = d, .n = n, .m = m };
    enum check check = check_of(group, what);
    unsigned mode = IR_FP_DYN | IR_FP_NAN_CANON;
    ir_block_ref slow, join;
    ir_ref v;

    if (check == NOTHING)
        return simd_lower(ir, group, what & ~(uint32_t)SIMD_STANDARD, mode, d, n, m);
    slow = ir_block_new(ir, ir->pc);
    join = ir_block_new(ir, ir->pc);
    unless(&x, suspicious(&x, check, group == ARM_H_simd_fp), slow);
    v = simd_lower(ir, group, what & ~(uint32_t)SIMD_STANDARD, mode, d, n, m);
    ir_write_slot(ir, scratch, v);
    ir_br(ir, join);
    ir_seal(ir, slow);
    ir_enter(ir, slow);
    ir_write_slot(ir, scratch, by_helper(t, group, what, d, n, m));
    ir_br(ir, join);
    ir_seal(ir, join);
    ir_enter(ir, join);
    v = ir_read_slot(ir, scratch);
    ir_forget_slot(ir, scratch);               /* nobody needs it there */
    return v;
}

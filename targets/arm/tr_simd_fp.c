/* targets/arm/tr_simd_fp.c - floating-point lanes as IR. Operations as in help_fp.c; the helpers keep estimates, steps, FMULX,
 * half precision and fixed point. */
#include "targets/arm/tr_simd_i.h"

static ir_ref fp1(const struct lower *x, enum ir_op op, unsigned aux, ir_ref a)
{
    return ir_emit(x->ir, op, IR_V128, aux, x->bits, a, 0, 0, 0);
}

static ir_ref fp2(const struct lower *x, enum ir_op op, unsigned aux, ir_ref a, ir_ref b)
{
    return ir_emit(x->ir, op, IR_V128, aux, x->bits, a, b, 0, 0);
}

/* Lanes that do not count must raise nothing: half a register stands in both halves, a scalar in all lanes. */
static ir_ref fill(const struct lower *x, ir_ref v)
{
    if (x->scalar)
        return simd_dup_lane(x->ir, x->bits, 0, v);
    return x->q ? v : vlows(x, v, v);
}

static ir_ref absolute(const struct lower *x, ir_ref v)
{
    return vand(x, v, vsplat(x, x->bits, (UINT64_C(1) << (x->bits - 1)) - 1));
}

static ir_ref compare(const struct lower *x, enum ir_fcond c, ir_ref a, ir_ref b) { return fp2(x, IR_OP_vfcmp, c, a, b); }

static ir_ref same_lanes(const struct lower *x, ir_ref n, ir_ref m)
{
    bool a = x->op & 64;
    enum ir_op minmax = a ? IR_OP_vfmin : IR_OP_vfmax;

    switch (x->op & 63) {
    case 0x18: case 0x38: return fp2(x, minmax, x->fp | IR_FP_MINMAX_NUM, n, m);
    case 0x19:
        return ir_emit(x->ir, IR_OP_vfma, IR_V128, x->fp | (a ? IR_FP_NEG_PROD : 0), x->bits, n, m, fill(x, x->d), 0);
    case 0x1a: return fp2(x, a ? IR_OP_vfsub : IR_OP_vfadd, x->fp, n, m);
    case 0x3a: return a ? absolute(x, fp2(x, IR_OP_vfsub, x->fp, n, m)) : fp2(x, IR_OP_vfadd, x->fp, n, m);
    case 0x3b: return fp2(x, IR_OP_vfmul, x->fp, n, m);
    case 0x3f: return fp2(x, IR_OP_vfdiv, x->fp, n, m);
    case 0x1c: return compare(x, IR_FEQ, n, m);
    case 0x3c: return compare(x, a ? IR_FLT : IR_FLE, m, n);
    case 0x3d: return compare(x, a ? IR_FLT : IR_FLE, absolute(x, m), absolute(x, n));
    case 0x1e: case 0x3e: return fp2(x, minmax, x->fp, n, m);
    default: return IR_NONE;
    }
}

static bool is_pairwise(unsigned op) { return (op & 63) == 0x38 || (op & 63) == 0x3e || (op & 127) == 0x3a; }

static ir_ref fscalar(const struct lower *x, ir_ref v) { return ir_conv(x->ir, IR_OP_vtof, x->bits == 64 ? IR_F64 : IR_F32, v); }
static ir_ref whole(const struct lower *x, ir_ref f) { return ir_emit(x->ir, IR_OP_vfromf, IR_V128, 0, 0, f, 0, 0, 0); }

/* The scalar operation where there is one; IR_NONE: as lanes. */
static ir_ref same_scalar(const struct lower *x)
{
    bool a = x->op & 64;
    ir_ref n = fscalar(x, x->n), m = fscalar(x, x->m);

    switch (x->op & 63) {
    case 0x18: return whole(x, ir_fp2(x->ir, a ? IR_OP_fmin : IR_OP_fmax, x->fp | IR_FP_MINMAX_NUM, n, m));
    case 0x1e: return whole(x, ir_fp2(x->ir, a ? IR_OP_fmin : IR_OP_fmax, x->fp, n, m));
    case 0x19: return whole(x, ir_fma(x->ir, x->fp | (a ? IR_FP_NEG_PROD : 0), n, m, fscalar(x, x->d)));
    case 0x3b: return whole(x, ir_fp2(x->ir, IR_OP_fmul, x->fp, n, m));
    case 0x3a: return whole(x, ir_un(x->ir, IR_OP_fabs, ir_fp2(x->ir, IR_OP_fsub, x->fp, n, m)));
    default: return IR_NONE;
    }
}

/* FMAXNM and its kin with default NaNs: the IR's rule for a signalling operand is RISC-V's there. */
static bool number_rule_differs(const struct lower *x) { return (x->fp & IR_FP_NAN) == IR_FP_NAN_CANON; }

ir_ref simd_lower_fp(struct lower *x)
{
    ir_ref n = x->n, m = x->m, v;

    if ((x->op & 63) == 0x1b || (x->op & 63) == 0x1f || ((x->op & 31) == 0x18 && number_rule_differs(x)))
        return IR_NONE;
    if (x->scalar && (v = same_scalar(x)))
        return v;
    if (is_pairwise(x->op) && !x->scalar) {
        if (!x->q)
            n = m = vlows(x, n, m);
        return same_lanes(x, v2(x, IR_OP_veven, x->bits, n, m), v2(x, IR_OP_vodd, x->bits, n, m));
    }
    return same_lanes(x, fill(x, n), fill(x, m));
}

/* --- one register ---------------------------------------------------------------------------------------------------------- */

/* Neighbours, then their results; a scalar pair has one step. */
static ir_ref across(const struct lower *x)
{
    unsigned low = x->op & 31;
    enum ir_op op = low == 0x0d ? IR_OP_vfadd : x->op & 64 ? IR_OP_vfmin : IR_OP_vfmax;
    unsigned aux = x->fp | (low == 0x0c ? IR_FP_MINMAX_NUM : 0);
    ir_ref v = x->n;

    if (x->bits == 64)
        return fp2(x, op, aux, v, vshufd(x, v, SWAP_HALVES));
    if (x->scalar)
        v = vlows(x, v, v);
    v = fp2(x, op, aux, v, vshufd(x, v, SWAP_PAIRS));
    return x->scalar ? v : fp2(x, op, aux, v, vshufd(x, v, SWAP_HALVES));
}

static ir_ref lengths(const struct lower *x)
{
    ir_ref v;

    if (x->bits != 64 || x->scalar || x->u)
        return IR_NONE;                        /* half precision, FCVTXN */
    if ((x->op & 31) == 0x17)
        return ir_emit(x->ir, IR_OP_vfwiden, IR_V128, x->fp, x->upper, x->n, 0, 0, 0);
    v = ir_emit(x->ir, IR_OP_vfnarrow, IR_V128, x->fp, 0, x->n, 0, 0, 0);
    return x->upper ? vlows(x, x->d, v) : v;
}

static ir_ref to_integral(const struct lower *x, unsigned mode)
{
    unsigned aux = mode | (x->fp & IR_FP_NAN);

    if (x->scalar)
        return whole(x, ir_fp1(x->ir, IR_OP_fround, x->bits == 64 ? IR_F64 : IR_F32, aux, fscalar(x, x->n)));
    return fp1(x, IR_OP_vfround, aux, fill(x, x->n));
}

static ir_ref to_integer(const struct lower *x, unsigned mode)
{
    return x->count ? IR_NONE : fp1(x, IR_OP_vftoi, mode | IR_FP_NAN_ARM | (x->u ? IR_FP_UNSIGNED : 0), fill(x, x->n));
}

ir_ref simd_lower_fp_misc(struct lower *x)
{
    bool a = x->op & 64;
    ir_ref zero;

    if (x->op & 128)
        return (x->op & 31) == 0x0c && number_rule_differs(x) ? IR_NONE : across(x);
    switch (x->op & 31) {
    case 0x0f:
        return x->u ? vxor(x, x->n, vsplat(x, x->bits, UINT64_C(1) << (x->bits - 1))) : absolute(x, x->n);
    case 0x16: case 0x17: return lengths(x);
    case 0x18: return to_integral(x, x->u ? IR_FP_RMM : a ? IR_FP_RUP : IR_FP_RNE);
    case 0x19: return to_integral(x, x->u ? (a ? IR_FP_DYN : IR_FP_DYN | IR_FP_INEXACT) : a ? IR_FP_RTZ : IR_FP_RDN);
    case 0x1a: return to_integer(x, a ? IR_FP_RUP : IR_FP_RNE);
    case 0x1b: return to_integer(x, a ? IR_FP_RTZ : IR_FP_RDN);
    case 0x1c: return a ? IR_NONE : to_integer(x, IR_FP_RMM);
    case 0x1d: return a || x->count ? IR_NONE : fp1(x, IR_OP_vitof, IR_FP_DYN | (x->u ? IR_FP_UNSIGNED : 0), fill(x, x->n));
    case 0x1f: return x->u && a ? fp1(x, IR_OP_vfsqrt, x->fp, fill(x, x->n)) : IR_NONE;
    default: break;
    }
    zero = vzero(x);
    switch (x->op & 63) {
    case 0x0c: return compare(x, IR_FLT, zero, fill(x, x->n));
    case 0x2c: return compare(x, IR_FLE, zero, fill(x, x->n));
    case 0x0d: return compare(x, IR_FEQ, fill(x, x->n), zero);
    case 0x2d: return compare(x, IR_FLE, fill(x, x->n), zero);
    case 0x0e: return compare(x, IR_FLT, fill(x, x->n), zero);
    default: return IR_NONE;
    }
}

/* targets/arm/tr_a32_vfp.c - AArch32 floating point: data processing, conversions, moves, loads and stores, FPSCR.
 * Arm ARM (DDI 0487), F6. Half-precision arithmetic is left out with the feature. */
#include "core/base/bits.h"
#include "targets/arm/a32_simd.insn.h"
#include "targets/arm/help_simd.h"
#include "targets/arm/tr_a32_vec.h"
#include "targets/arm/tr_fp.h"

enum { SIZE_HALF = 1, SIZE_SINGLE, SIZE_DOUBLE };

static bool half(struct tr_a32 *t, int size)
{
    if (size == SIZE_HALF)
        a32_undefined(t);
    return size == SIZE_HALF;
}

/* --- short vectors --------------------------------------------------------------------------------------------------------
 * With FPSCR.Len, data processing goes on to other registers of the operands' banks, of 8 single or 4 double ones. Those of the
 * first bank (and of D16 to D19) are scalars: as a target for the whole instruction, as the last operand for that.
 * DDI 0406C, K.1. On a CPU without them Len and Stride stay zero. */

struct vector { unsigned count, stride; bool m_stays; };

static bool is_scalar(bool dbl, int d) { return dbl ? (d & 15) < 4 : a32_s(d) < 8; }

static struct vector vector_of(const struct tr_a32 *t, int size, int d, int m)
{
    unsigned len = (unsigned)(t->a.c->mode >> ARM_MODE_LEN_SHIFT) & 0x3f;
    bool dbl = size == SIZE_DOUBLE;

    return (struct vector){ .count = is_scalar(dbl, d) ? 1 : (len & 7) + 1, .stride = len >> 4 ? 2 : 1, .m_stays = is_scalar(dbl, m) };
}

static int next_of_bank(const struct vector *v, int size, int d)
{
    unsigned last = size == SIZE_DOUBLE ? 3 : 7, r = a32_fpreg(size == SIZE_DOUBLE, d);

    r = (r & ~last) | ((r + v->stride) & last);
    return size == SIZE_DOUBLE ? (int)r : (int)(r >> 1 | (r & 1) << 4);
}

/* --- data processing ---------------------------------------------------------------------------------------------------- */

static ir_ref neg(struct tr_a32 *t, bool yes, ir_ref v) { return yes ? ir_un(a32_ir(t), IR_OP_fneg, v) : v; }

/* VMLA and its kin round the product, then the sum. */
static ir_ref chained(struct tr_a32 *t, ir_ref d, ir_ref n, ir_ref m, bool neg_d, bool neg_prod)
{
    ir_ref p = neg(t, neg_prod, ir_fp2(a32_ir(t), IR_OP_fmul, a32_fp_mode(t), n, m));

    return ir_fp2(a32_ir(t), IR_OP_fadd, a32_fp_mode(t), neg(t, neg_d, d), p);
}

static ir_ref fused(struct tr_a32 *t, ir_ref d, ir_ref n, ir_ref m, bool neg_d, bool neg_prod)
{
    return ir_fma(a32_ir(t), a32_fp_mode(t) | (neg_prod ? IR_FP_NEG_PROD : 0) | (neg_d ? IR_FP_NEG_ADD : 0), n, m, d);
}

static void arithmetic(struct tr_a32 *t, const struct args_a32_vfp3 *a)
{
    enum { VMLA, VMLS, VNMLS, VNMLA, VMUL, VNMUL, VADD, VSUB, VDIV, VFNMS = 10, VFNMA, VFMA, VFMS };
    unsigned which = (unsigned)(a->o1 << 3 | a->o2 << 1 | a->op), mode = a32_fp_mode(t);
    bool dbl = a->size == SIZE_DOUBLE;
    unsigned rd = a32_fpreg(dbl, a->d);
    ir_ref n, m, d, v;

    if (half(t, a->size))
        return;
    if (which > VFMS || which == VDIV + 1 || (which >= VFNMS && !a32_has(t, ARM_F_vfp4))) {
        a32_undefined(t);
        return;
    }
    n = a32_f(t, dbl, a32_fpreg(dbl, a->n));
    m = a32_f(t, dbl, a32_fpreg(dbl, a->m));
    d = which < VMUL || which > VDIV ? a32_f(t, dbl, rd) : IR_NONE;
    switch (which) {
    case VMLA: case VMLS: v = chained(t, d, n, m, false, which == VMLS); break;
    case VNMLS: case VNMLA: v = chained(t, d, n, m, true, which == VNMLA); break;
    case VMUL: case VNMUL: v = neg(t, which == VNMUL, ir_fp2(a32_ir(t), IR_OP_fmul, mode, n, m)); break;
    case VADD: v = ir_fp2(a32_ir(t), IR_OP_fadd, mode, n, m); break;
    case VSUB: v = ir_fp2(a32_ir(t), IR_OP_fsub, mode, n, m); break;
    case VDIV: v = ir_fp2(a32_ir(t), IR_OP_fdiv, mode, n, m); break;
    case VFNMS: case VFNMA: v = fused(t, d, n, m, true, which == VFNMA); break;
    default: v = fused(t, d, n, m, false, which == VFMS); break;
    }
    a32_put_f(t, dbl, rd, v);
}

void tr_a32_vfp3(struct tr_a32 *t, const struct args_a32_vfp3 *a)
{
    struct vector v = vector_of(t, a->size, a->d, a->m);
    struct args_a32_vfp3 one = *a;

    for (unsigned i = 0; i < v.count; i++) {
        arithmetic(t, &one);
        one.d = next_of_bank(&v, a->size, one.d);
        one.n = next_of_bank(&v, a->size, one.n);
        one.m = v.m_stays ? one.m : next_of_bank(&v, a->size, one.m);
    }
}

void tr_a32_vmov_imm(struct tr_a32 *t, const struct args_a32_vmov_imm *a)
{
    bool dbl = a->size == SIZE_DOUBLE;
    uint64_t bits = fp_expand_imm(dbl, (uint64_t)a->imm);
    struct vector v = vector_of(t, a->size, a->d, 0);
    int d = a->d;

    if (half(t, a->size))
        return;
    for (unsigned i = 0; i < v.count; i++, d = next_of_bank(&v, a->size, d))
        a32_put_fbits(t, dbl, a32_fpreg(dbl, d), dbl ? ir_i64(a32_ir(t), bits) : ir_i32(a32_ir(t), (uint32_t)bits));
}

/* An operation that the vector forms have, on one scalar. op: as ARM_H_simd_fp or ARM_H_simd_fp_misc numbers it. */
static ir_ref scalar_vop(struct tr_a32 *t, enum arm_helper group, unsigned op, bool dbl, ir_ref n, ir_ref m)
{
    ir_ref zero = ir_v128(a32_ir(t), 0, 0), v;

    n = ir_emit(a32_ir(t), IR_OP_vfromf, IR_V128, 0, 0, n, 0, 0, 0);
    m = m ? ir_emit(a32_ir(t), IR_OP_vfromf, IR_V128, 0, 0, m, 0, 0, 0) : zero;
    v = a32_vop(t, group, SIMD_WHAT(op, dbl, 0) | SIMD_SCALAR, zero, n, m);
    return ir_conv(a32_ir(t), IR_OP_vtof, dbl ? IR_F64 : IR_F32, v);
}

static void compare(struct tr_a32 *t, bool dbl, int d, ir_ref with, bool signalling)
{
    ir_write_slot(a32_ir(t), ARM_SLOT_FP_NZCV, fp_compare(a32_ir(t), a32_f(t, dbl, a32_fpreg(dbl, d)), with, signalling));
}

/* --- conversions ---------------------------------------------------------------------------------------------------------- */

/* VCVTB, VCVTT: a half in the lower or upper half of a single register. */
static void convert_half(struct tr_a32 *t, bool dbl, int d, int m, bool to_half, bool top)
{
    uint32_t how = to_half ? (dbl ? FCVT_D_TO_H : FCVT_S_TO_H) : dbl ? FCVT_H_TO_D : FCVT_H_TO_S;
    unsigned s = a32_fpreg(to_half && dbl, m);
    ir_ref bits = a32_fbits(t, to_half && dbl, s), v;
    ir_ref args[3];

    if (!(to_half && dbl))
        bits = ir_conv(a32_ir(t), IR_OP_zext, IR_I64, !to_half && top ? ir_bini(a32_ir(t), IR_OP_shr, bits, 16) : bits);
    args[0] = a32_env(t);
    args[1] = bits;
    args[2] = ir_i32(a32_ir(t), how);
    v = ir_call(a32_ir(t), ARM_H_fcvt_half, 3, args);
    if (!to_half && dbl) {
        a32_put_d64(t, (unsigned)d, v);
        return;
    }
    v = ir_conv(a32_ir(t), IR_OP_trunc, IR_I32, v);
    if (to_half)
        v = ir_deposit(a32_ir(t), a32_s32(t, a32_s(d)), v, top ? 16 : 0, 16);
    a32_put_s32(t, a32_s(d), v);
}

static void convert_precision(struct tr_a32 *t, bool from_dbl, int d, int m)
{
    ir_ref v = a32_f(t, from_dbl, a32_fpreg(from_dbl, m));

    a32_put_f(t, !from_dbl, a32_fpreg(!from_dbl, d), ir_fp1(a32_ir(t), IR_OP_fcvt, from_dbl ? IR_F32 : IR_F64, a32_fp_mode(t), v));
}

static void from_integer(struct tr_a32 *t, bool dbl, int d, int m, bool is_signed)
{
    ir_ref v = ir_fp1(a32_ir(t), IR_OP_itof, dbl ? IR_F64 : IR_F32, IR_FP_DYN | (is_signed ? 0 : IR_FP_UNSIGNED), a32_s32(t, a32_s(m)));

    a32_put_f(t, dbl, a32_fpreg(dbl, d), v);
}

static void to_integer(struct tr_a32 *t, bool dbl, int d, int m, bool is_signed, unsigned rounding)
{
    ir_ref v = ir_fp1(a32_ir(t), IR_OP_ftoi, IR_I32, rounding | IR_FP_NAN_ARM | (is_signed ? 0 : IR_FP_UNSIGNED),
                      a32_f(t, dbl, a32_fpreg(dbl, m)));

    a32_put_s32(t, a32_s(d), v);
}

static ir_ref by_helper(struct tr_a32 *t, ir_ref bits, uint32_t how)
{
    ir_ref args[3];

    if (ir_type_of(a32_ir(t), bits) == IR_I32)
        bits = ir_conv(a32_ir(t), IR_OP_zext, IR_I64, bits);
    args[0] = a32_env(t);
    args[1] = bits;
    args[2] = ir_i32(a32_ir(t), how);
    return ir_call(a32_ir(t), ARM_H_fp_fixed, 3, args);
}

/* VCVT between floating and fixed point, in place: 16 or 32 bits, to integers by truncation, from them by rounding to nearest;
 * scaling is exact. */
static void convert_fixed(struct tr_a32 *t, bool dbl, int d, bool to_fixed, bool u, bool wide, unsigned imm5)
{
    unsigned r = a32_fpreg(dbl, d), size = wide ? 32 : 16, fraction = size - imm5;
    ir_ref v;

    if (imm5 > size) {
        a32_undefined(t);
        return;
    }
    if (to_fixed) {
        v = by_helper(t, a32_fbits(t, dbl, r), fraction | (u ? FP_FIXED_UNSIGNED : 0) | (dbl ? FP_FIXED_DOUBLE : 0) |
                      (wide ? 0 : FP_FIXED_16) | FP_FIXED_TO_INTEGER | 3 << FP_FIXED_ROUND_SHIFT);
        v = ir_ext(a32_ir(t), v, 0, size, !u);
        a32_put_fbits(t, dbl, r, dbl ? v : ir_conv(a32_ir(t), IR_OP_trunc, IR_I32, v));
    } else {
        v = dbl ? ir_conv(a32_ir(t), IR_OP_trunc, IR_I32, a32_d64(t, r)) : a32_s32(t, r);
        v = wide ? v : ir_ext(a32_ir(t), v, 0, 16, !u);
        v = ir_fp1(a32_ir(t), IR_OP_itof, dbl ? IR_F64 : IR_F32, IR_FP_RNE | (u ? IR_FP_UNSIGNED : 0), v);
        if (fraction)
            v = ir_fp2(a32_ir(t), IR_OP_fmul, a32_fp_mode(t), v, dbl ? ir_f64bits(a32_ir(t), (uint64_t)(1023 - fraction) << 52)
                                                                  : ir_f32bits(a32_ir(t), (127 - fraction) << 23));
        a32_put_f(t, dbl, r, v);
    }
}

static void round_to_integral(struct tr_a32 *t, bool dbl, int d, int m, unsigned op)
{
    a32_put_f(t, dbl, a32_fpreg(dbl, d), scalar_vop(t, ARM_H_simd_fp_misc, op, dbl, a32_f(t, dbl, a32_fpreg(dbl, m)), IR_NONE));
}

/* Numbers of the vector forms. */
enum { FRINTN = 0x18, FRINTP = 0x58, FRINTM = 0x19, FRINTZ = 0x59, FRINTA = 0x38, FRINTX = 0x39, FRINTI = 0x79 };

static bool vfp2_exists(const struct tr_a32 *t, const struct args_a32_vfp2 *a)
{
    switch (a->opc) {
    case 5: return !a->m;
    case 2: case 3: return a32_has(t, ARM_F_vfphp) && (a->size != SIZE_DOUBLE || a32_has(t, ARM_F_v8));
    case 6: return a32_has(t, ARM_F_v8);
    case 7: return a->o3 || a32_has(t, ARM_F_v8);
    case 9: return false;                      /* VJCVT, left out with its feature */
    default: return true;
    }
}

/* VMOV, VABS, VNEG, VSQRT. */
static void move(struct tr_a32 *t, bool dbl, const struct args_a32_vfp2 *a)
{
    struct vector v = vector_of(t, a->size, a->d, a->m);
    int d = a->d, m = a->m;
    ir_ref f;

    for (unsigned i = 0; i < v.count; i++, d = next_of_bank(&v, a->size, d)) {
        f = a32_f(t, dbl, a32_fpreg(dbl, m));
        switch (a->opc << 1 | a->o3) {
        case 0: break;
        case 1: f = ir_un(a32_ir(t), IR_OP_fabs, f); break;
        case 2: f = ir_un(a32_ir(t), IR_OP_fneg, f); break;
        default: f = ir_fp1(a32_ir(t), IR_OP_fsqrt, dbl ? IR_F64 : IR_F32, a32_fp_mode(t), f); break;
        }
        a32_put_f(t, dbl, a32_fpreg(dbl, d), f);
        m = v.m_stays ? m : next_of_bank(&v, a->size, m);
    }
}

void tr_a32_vfp2(struct tr_a32 *t, const struct args_a32_vfp2 *a)
{
    bool dbl = a->size == SIZE_DOUBLE;
    unsigned imm5;

    if (half(t, a->size))
        return;
    if (!vfp2_exists(t, a)) {
        a32_undefined(t);
        return;
    }
    switch (a->opc) {
    case 0: case 1: move(t, dbl, a); break;
    case 2: case 3: convert_half(t, dbl, a->d, a->m, a->opc & 1, a->o3); break;
    case 4: compare(t, dbl, a->d, a32_f(t, dbl, a32_fpreg(dbl, a->m)), a->o3); break;
    case 5: compare(t, dbl, a->d, dbl ? ir_f64bits(a32_ir(t), 0) : ir_f32bits(a32_ir(t), 0), a->o3); break;
    case 6: round_to_integral(t, dbl, a->d, a->m, a->o3 ? FRINTZ : FRINTI); break;
    case 7:
        if (a->o3)
            convert_precision(t, dbl, a->d, a->m);
        else
            round_to_integral(t, dbl, a->d, a->m, FRINTX);
        break;
    case 8: from_integer(t, dbl, a->d, a->m, a->o3); break;
    case 10: case 11: case 14: case 15:
        imm5 = ((unsigned)a->m & 15) << 1 | (unsigned)a->m >> 4;
        convert_fixed(t, dbl, a->d, a->opc & 4, a->opc & 1, a->o3, imm5);
        break;
    default: to_integer(t, dbl, a->d, a->m, a->opc & 1, a->o3 ? IR_FP_RTZ : IR_FP_DYN); break;
    }
}

/* --- ARMv8 ------------------------------------------------------------------------------------------------------------------ */

void tr_a32_vsel(struct tr_a32 *t, const struct args_a32_vsel *a)
{
    static const uint8_t conds[] = { 0 /* EQ */, 6 /* VS */, 10 /* GE */, 12 /* GT */ };
    bool dbl = a->size == SIZE_DOUBLE;
    struct a64_test test;
    ir_ref n, m;

    if (half(t, a->size))
        return;
    test = a64_condition(&t->a, conds[a->cc]);
    n = a32_f(t, dbl, a32_fpreg(dbl, a->n));
    m = a32_f(t, dbl, a32_fpreg(dbl, a->m));
    a32_put_f(t, dbl, a32_fpreg(dbl, a->d), ir_select(a32_ir(t), test.cond, test.a, test.b, n, m));
}

void tr_a32_vmaxnm(struct tr_a32 *t, const struct args_a32_vmaxnm *a)
{
    bool dbl = a->size == SIZE_DOUBLE;

    if (!half(t, a->size))
        a32_put_f(t, dbl, a32_fpreg(dbl, a->d), scalar_vop(t, ARM_H_simd_fp, a->op ? 0x58 : 0x18, dbl,
                  a32_f(t, dbl, a32_fpreg(dbl, a->n)), a32_f(t, dbl, a32_fpreg(dbl, a->m))));
}

void tr_a32_vrint(struct tr_a32 *t, const struct args_a32_vrint *a)
{
    static const uint8_t ops[] = { FRINTA, FRINTN, FRINTP, FRINTM };

    if (!half(t, a->size))
        round_to_integral(t, a->size == SIZE_DOUBLE, a->d, a->m, ops[a->rm]);
}

void tr_a32_vcvt_rm(struct tr_a32 *t, const struct args_a32_vcvt_rm *a)
{
    static const uint8_t rounding[] = { 0, IR_FP_RNE, IR_FP_RUP, IR_FP_RDN };
    bool dbl = a->size == SIZE_DOUBLE;
    ir_ref v;

    if (half(t, a->size))
        return;
    if (a->rm) {
        to_integer(t, dbl, a->d, a->m, a->s, rounding[a->rm]);
        return;
    }
    v = by_helper(t, a32_fbits(t, dbl, a32_fpreg(dbl, a->m)), (a->s ? 0 : FP_FIXED_UNSIGNED) | (dbl ? FP_FIXED_DOUBLE : 0) |
                  FP_FIXED_TO_INTEGER | 4 << FP_FIXED_ROUND_SHIFT);
    a32_put_s32(t, a32_s(a->d), ir_conv(a32_ir(t), IR_OP_trunc, IR_I32, v));
}

/* --- moves to and from general registers -------------------------------------------------------------------------------------- */

void tr_a32_vmov_core(struct tr_a32 *t, const struct args_a32_vmov_core *a)
{
    if (a->l)
        a32_put(t, a->rt, a32_s32(t, (unsigned)a->n));
    else
        a32_put_s32(t, (unsigned)a->n, a32_r(t, a->rt));
}

void tr_a32_vmov_pair(struct tr_a32 *t, const struct args_a32_vmov_pair *a)
{
    unsigned s = a32_s(a->m), d = (unsigned)a->m;

    if (!a->dbl && s == 31) {
        a32_undefined(t);
    } else if (a->l) {
        ir_ref both = a->dbl ? a32_d64(t, d) : IR_NONE;
        ir_ref lo = a->dbl ? ir_conv(a32_ir(t), IR_OP_trunc, IR_I32, both) : a32_s32(t, s);
        ir_ref hi = a->dbl ? ir_conv(a32_ir(t), IR_OP_trunc, IR_I32, ir_bini(a32_ir(t), IR_OP_shr, both, 32)) : a32_s32(t, s + 1);

        a32_put(t, a->rt, lo);
        a32_put(t, a->rt2, hi);
    } else if (a->dbl) {
        ir_ref lo = ir_conv(a32_ir(t), IR_OP_zext, IR_I64, a32_r(t, a->rt));
        ir_ref hi = ir_conv(a32_ir(t), IR_OP_zext, IR_I64, a32_r(t, a->rt2));

        a32_put_d64(t, d, ir_bin(a32_ir(t), IR_OP_or, lo, ir_bini(a32_ir(t), IR_OP_shl, hi, 32)));
    } else {
        a32_put_s32(t, s, a32_r(t, a->rt));
        a32_put_s32(t, s + 1, a32_r(t, a->rt2));
    }
}

/* opc1:opc2 says the size and the lane of the D register: 1xxx bytes, 0xx1 half words, 0x00 words. */
static bool lane_of(struct tr_a32 *t, int opc1, int opc2, unsigned *bits, unsigned *lane)
{
    unsigned opc = (unsigned)(opc1 << 2 | opc2);

    *bits = opc & 8 ? 8 : opc & 1 ? 16 : 32;
    *lane = (opc & 7) / (*bits / 8);
    if (!(opc & 8) && !(opc & 1) && opc & 2) {
        a32_undefined(t);
        return false;
    }
    return true;
}

void tr_a32_vmov_to_lane(struct tr_a32 *t, const struct args_a32_vmov_to_lane *a)
{
    unsigned bits, lane;

    if (!lane_of(t, a->opc1, a->opc2, &bits, &lane))
        return;
    if (bits == 32 && a->d < 16)               /* a single */
        a32_put_s32(t, 2 * (unsigned)a->d + lane, a32_r(t, a->rt));
    else
        a32_put_lane(t, (unsigned)a->d, bits, lane, a32_r(t, a->rt));
}

void tr_a32_vmov_from_lane(struct tr_a32 *t, const struct args_a32_vmov_from_lane *a)
{
    unsigned bits, lane;
    ir_ref v;

    if (!lane_of(t, a->opc1, a->opc2, &bits, &lane))
        return;
    if (bits == 32 && a->u) {
        a32_undefined(t);
        return;
    }
    if (bits == 32 && a->n < 16)
        v = a32_s32(t, 2 * (unsigned)a->n + lane);
    else
        v = a32_lane(t, a32_vec(t, true, (unsigned)a->n), bits, lane + (a->n & 1) * 64 / bits);
    a32_put(t, a->rt, bits < 32 && !a->u ? ir_ext(a32_ir(t), v, 0, bits, true) : v);
}

void tr_a32_vdup_core(struct tr_a32 *t, const struct args_a32_vdup_core *a)
{
    if ((a->b && a->e) || (a->q && a->d & 1) || !a32_has(t, ARM_F_neon))
        a32_undefined(t);
    else
        a32_put_vec(t, a->q, (unsigned)a->d, a32_dup(t, a32_r(t, a->rt), a->b ? 8 : a->e ? 16 : 32));
}

/* --- system registers ----------------------------------------------------------------------------------------------------------- */

enum { REG_FPSID, REG_FPSCR, REG_MVFR2 = 5, REG_MVFR1, REG_MVFR0, REG_FPEXC };

static bool reg_exists(const struct tr_a32 *t, unsigned reg)
{
    if (reg == REG_FPSCR)
        return true;
    if (!a32_privileged(t))
        return false;
    return reg == REG_FPSID || reg == REG_FPEXC || reg == REG_MVFR0 || reg == REG_MVFR1 ||
           (reg == REG_MVFR2 && a32_has(t, ARM_F_v8));
}

/* FPSCR is made of what generated code keeps in two slots and of the host's flags. */
static const unsigned fpscr_slots[] = { ARM_SLOT_QC, ARM_SLOT_FP_NZCV };

static ir_ref system_call(struct tr_a32 *t, enum arm_helper h, unsigned nargs, const ir_ref *args)
{
    bool writes = h == ARM_H_vmsr;
    ir_ref v;

    for (unsigned i = 0; i < ARRAY_LEN(fpscr_slots); i++)
        ir_sync_slot(a32_ir(t), fpscr_slots[i]);
    v = ir_call(a32_ir(t), h, nargs, args);
    for (unsigned i = 0; i < ARRAY_LEN(fpscr_slots); i++)
        ir_call_touches(a32_ir(t), fpscr_slots[i], writes);
    for (unsigned i = 0; writes && i < ARRAY_LEN(fpscr_slots); i++)
        ir_forget_slot(a32_ir(t), fpscr_slots[i]);
    return v;
}

void tr_a32_vmrs(struct tr_a32 *t, const struct args_a32_vmrs *a)
{
    ir_ref args[] = { a32_env(t), a32_const(t, (uint32_t)a->reg) };

    if (!reg_exists(t, (unsigned)a->reg) || (a->rt == 15 && a->reg != REG_FPSCR))
        a32_undefined(t);
    else if (a->rt == 15)
        a32_set_nzcv(t, ir_read_slot(a32_ir(t), ARM_SLOT_FP_NZCV));
    else
        a32_put(t, a->rt, system_call(t, ARM_H_vmrs, 2, args));
}

void tr_a32_vmsr(struct tr_a32 *t, const struct args_a32_vmsr *a)
{
    ir_ref args[] = { a32_env(t), a32_const(t, (uint32_t)a->reg), a32_r(t, a->rt) };

    if (!reg_exists(t, (unsigned)a->reg)) {
        a32_undefined(t);
    } else if (a->reg == REG_FPSCR || a->reg == REG_FPEXC) {
        system_call(t, ARM_H_vmsr, 3, args);
        a32_leave_behind(t, RT_EXIT_FLUSHED);  /* modes and access choose the code that follows */
    }
}

/* --- loads and stores ------------------------------------------------------------------------------------------------------------- */

static void load_store_one(struct tr_a32 *t, bool load, bool dbl, unsigned r, ir_ref base, int64_t disp)
{
    enum ir_type type = t->a.c->mode & ARM_MODE_BE ? (dbl ? IR_I64 : IR_I32) : dbl ? IR_F64 : IR_F32;

    if (t->a.c->system)
        a32_check_alignment(t, ir_bini(a32_ir(t), IR_OP_add, base, (uint32_t)disp), 4, !load);
    if (load)
        a32_put_moved(t, dbl, r, a32_ld_type(t, type, dbl ? IR_M64 : IR_M32, base, disp));
    else
        a32_st(t, dbl ? IR_M64 : IR_M32, base, disp, a32_moved(t, dbl, r, type));
}

/* Registers [first, first + count) in words or double words: all are read before any changes, so that a fault leaves the
 * instruction undone. Neighbours that fill a V register go together. */
static void load_store_many(struct tr_a32 *t, bool load, bool dbl, unsigned first, unsigned count, ir_ref base, int64_t disp)
{
    unsigned per = dbl ? 2 : 4, bytes = dbl ? 8 : 4, n = 0;
    bool swap = t->a.c->mode & ARM_MODE_BE;
    enum ir_type type = swap ? (dbl ? IR_I64 : IR_I32) : dbl ? IR_F64 : IR_F32;
    ir_ref v[32];
    uint8_t at[32], step[32];

    if (t->a.c->system)
        a32_check_alignment(t, base, 4, !load);
    for (unsigned r = first; r < first + count; r += step[n], n++) {
        bool whole = r % per == 0 && first + count - r >= per && !swap && a32_is_vector(t, r / per);
        int64_t here = disp + (int64_t)(r - first) * bytes;

        at[n] = (uint8_t)r;
        step[n] = (uint8_t)(whole ? per : 1);
        if (load)
            v[n] = whole ? a32_ld_type(t, IR_V128, IR_M128, base, here) : a32_ld_type(t, type, dbl ? IR_M64 : IR_M32, base, here);
        else if (whole)
            a32_st(t, IR_M128, base, here, a32_moved(t, dbl, r, IR_V128));
        else
            a32_st(t, dbl ? IR_M64 : IR_M32, base, here, a32_moved(t, dbl, r, type));
    }
    for (unsigned i = 0; load && i < n; i++)
        a32_put_moved(t, dbl, at[i], v[i]);
}

void tr_a32_vldm(struct tr_a32 *t, const struct args_a32_vldm *a)
{
    bool dbl = a->size == SIZE_DOUBLE, single = a->p && !a->w;
    unsigned r = a32_fpreg(dbl, a->d), count = dbl ? (unsigned)a->imm / 2 : (unsigned)a->imm;
    int64_t bytes = (int64_t)a->imm * 4;
    ir_ref base;

    if (half(t, a->size))
        return;
    if (single) {
        base = a->rn == 15 ? a32_pc_aligned(t) : a32_r(t, a->rn);
        load_store_one(t, a->l, dbl, r, base, a->u ? bytes : -bytes);
        return;
    }
    if (a->p == a->u || !count || count > 16 + (dbl ? 0u : 16u) || r + count > 32 || (a->w && a->rn == 15)) {
        a32_undefined(t);                      /* P = U: not this instruction; the rest is unpredictable */
        return;
    }
    base = a->rn == 15 ? a32_pc_aligned(t) : a32_r(t, a->rn);
    load_store_many(t, a->l, dbl, r, count, base, a->u ? 0 : -bytes);
    if (a->w)
        a32_put(t, a->rn, ir_bini(a32_ir(t), a->u ? IR_OP_add : IR_OP_sub, base, (uint64_t)bytes));
}

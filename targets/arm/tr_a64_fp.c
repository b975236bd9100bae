/* targets/arm/tr_a64_fp.c - A64 scalar floating point: IR operations under the guest's rounding mode. Arm ARM (DDI 0487), C7. */
#include "targets/arm/a64.insn.h"
#include "targets/arm/help_simd.h"
#include "targets/arm/tr_a64.h"
#include "targets/arm/tr_fp.h"

enum { SINGLE, DOUBLE, HALF = 3 };
enum { MODE_FZ = 1 << 5, MODE_DN = 1 << 6 };                               /* of the mode key: FPCR >> 19 */

bool a64_flushes(const struct a64_tr *t) { return t->c->mode & MODE_FZ; }

unsigned a64_fp_mode(const struct a64_tr *t)
{
    return IR_FP_DYN | (t->c->mode & MODE_DN ? IR_FP_NAN_CANON : IR_FP_NAN_ARM);
}

ir_ref a64_f(struct a64_tr *t, bool dbl, unsigned r) { return ir_conv(t->ir, IR_OP_vtof, dbl ? IR_F64 : IR_F32, a64_v(t, r)); }

void a64_put_f(struct a64_tr *t, unsigned r, ir_ref v)
{
    a64_put_v(t, r, ir_emit(t->ir, IR_OP_vfromf, IR_V128, 0, 0, v, 0, 0, 0));
}

/* Half precision is a feature. */
static bool exists(struct a64_tr *t, int type)
{
    if (type != HALF || arm_has(t, ARM_F_fp16))
        return true;
    a64_undefined(t);
    return false;
}

static ir_ref low64(struct a64_tr *t, int r) { return ir_emit(t->ir, IR_OP_vext, IR_I64, 64, 0, a64_v(t, (unsigned)r), 0, 0, 0); }

/* Half precision goes by the vector forms' helpers, one lane. */
static void half_op(struct a64_tr *t, enum arm_helper h, unsigned op, int rd, int rn, int rm)
{
    a64_simd_call(t, h, SIMD_WHAT(op, 2, 0) | SIMD_SCALAR, (unsigned)rd, (unsigned)rn, (unsigned)rm);
}

/* A half as a single, which holds it exactly. */
static ir_ref half_operand(struct a64_tr *t, int r)
{
    const ir_ref args[] = { a64_env(t), low64(t, r), ir_i32(t->ir, FCVT_H_OPERAND) };

    return ir_conv(t->ir, IR_OP_bitsf, IR_F32, ir_conv(t->ir, IR_OP_trunc, IR_I32, ir_call(t->ir, ARM_H_fcvt_half, 3, args)));
}

/* opcode: FMUL FDIV FADD FSUB FMAX FMIN FMAXNM FMINNM FNMUL */
void tr_a64_fp2(struct a64_tr *t, const struct args_a64_fp2 *a)
{
    static const uint16_t ops[] = { IR_OP_fmul, IR_OP_fdiv, IR_OP_fadd, IR_OP_fsub, IR_OP_fmax, IR_OP_fmin, IR_OP_fmax, IR_OP_fmin,
                                    IR_OP_fmul };
    unsigned mode = a64_fp_mode(t) | (a->opcode == 6 || a->opcode == 7 ? IR_FP_MINMAX_NUM : 0);
    bool dbl = a->type == DOUBLE;
    ir_ref v;

    if (!exists(t, a->type))
        return;
    if (a->type == HALF) {
        static const uint8_t half[] = { 0x3b, 0x3f, 0x1a, 0x5a, 0x1e, 0x5e, 0x18, 0x58, 0x3b };

        half_op(t, ARM_H_simd_fp, half[a->opcode], a->rd, a->rn, a->rm);
        if (a->opcode == 8)
            a64_put_v(t, (unsigned)a->rd, ir_bin(t->ir, IR_OP_vxor, a64_v(t, (unsigned)a->rd), ir_v128(t->ir, 0x8000, 0)));
        return;
    }
    if (a->opcode >= 4 && a->opcode < 8 && (a64_flushes(t) || (mode & IR_FP_NAN) == IR_FP_NAN_CANON)) {
        static const uint8_t lane[] = { 0x1e, 0x5e, 0x18, 0x58 };  /* as the one lane of a vector */

        a64_simd_call(t, ARM_H_simd_fp, lane[a->opcode - 4] | SIMD_SCALAR | (unsigned)dbl << 8, (unsigned)a->rd, (unsigned)a->rn, (unsigned)a->rm);
        return;
    }
    v = ir_fp2(t->ir, (enum ir_op)ops[a->opcode], mode, a64_f(t, dbl, (unsigned)a->rn), a64_f(t, dbl, (unsigned)a->rm));
    a64_put_f(t, (unsigned)a->rd, a->opcode == 8 ? ir_un(t->ir, IR_OP_fneg, v) : v);
}

void tr_a64_fcvt(struct a64_tr *t, const struct args_a64_fcvt *a)
{
    if (a->type == HALF || a->to == HALF) {
        uint32_t how = a->type == HALF ? (a->to == DOUBLE ? FCVT_H_TO_D : FCVT_H_TO_S) : a->type == DOUBLE ? FCVT_D_TO_H : FCVT_S_TO_H;
        ir_ref args[] = { a64_env(t), ir_emit(t->ir, IR_OP_vext, IR_I64, 64, 0, a64_v(t, (unsigned)a->rn), 0, 0, 0), ir_i32(t->ir, how) };

        a64_put_v64(t, (unsigned)a->rd, ir_call(t->ir, ARM_H_fcvt_half, 3, args));
        return;
    }
    a64_put_f(t, (unsigned)a->rd, ir_fp1(t->ir, IR_OP_fcvt, a->to == DOUBLE ? IR_F64 : IR_F32, a64_fp_mode(t),
                                         a64_f(t, a->type == DOUBLE, (unsigned)a->rn)));
}

/* opcode: FMOV FABS FNEG FSQRT */
void tr_a64_fp1(struct a64_tr *t, const struct args_a64_fp1 *a)
{
    bool dbl = a->type == DOUBLE;
    ir_ref n;

    if (!exists(t, a->type))
        return;
    if (a->type == HALF && a->opcode) {
        static const uint8_t half[] = { 0, 0x4f, 0x6f, 0x7f };

        half_op(t, ARM_H_simd_fp_misc, half[a->opcode], a->rd, a->rn, a->rn);
        return;
    }
    if (a->type == HALF) {
        a64_put_v(t, (unsigned)a->rd, ir_bin(t->ir, IR_OP_vand, a64_v(t, (unsigned)a->rn), ir_v128(t->ir, 0xffff, 0)));
        return;
    }
    n = a64_f(t, dbl, (unsigned)a->rn);
    switch (a->opcode) {
    case 0: break;
    case 1: n = ir_un(t->ir, IR_OP_fabs, n); break;
    case 2: n = ir_un(t->ir, IR_OP_fneg, n); break;
    default: n = ir_fp1(t->ir, IR_OP_fsqrt, dbl ? IR_F64 : IR_F32, a64_fp_mode(t), n); break;
    }
    a64_put_f(t, (unsigned)a->rd, n);
}

void tr_a64_frint(struct a64_tr *t, const struct args_a64_frint *a)
{
    static const uint8_t rounding[] = { 0x18, 0x58, 0x19, 0x59, 0x38, 0, 0x39, 0x79 };     /* N P M Z A - X I, as vectors */

    if (exists(t, a->type))
        a64_simd_call(t, ARM_H_simd_fp_misc, SIMD_WHAT(rounding[a->opcode - 8], a->type == HALF ? 2 : a->type, 0) | SIMD_SCALAR, (unsigned)a->rd,
                      (unsigned)a->rn, (unsigned)a->rn);
}

static ir_ref comparison(struct a64_tr *t, int type, int rn, int rm, bool zero, bool signalling)
{
    bool dbl = type == DOUBLE;
    ir_ref n, m;

    if (type == HALF) {
        n = half_operand(t, rn);
        m = zero ? ir_f32bits(t->ir, 0) : half_operand(t, rm);
        return fp_compare(t->ir, n, m, signalling);
    }
    n = a64_f(t, dbl, (unsigned)rn);
    m = zero ? (dbl ? ir_f64bits(t->ir, 0) : ir_f32bits(t->ir, 0)) : a64_f(t, dbl, (unsigned)rm);

    return fp_compare(t->ir, n, m, signalling);
}

void tr_a64_fcompare(struct a64_tr *t, const struct args_a64_fcompare *a)
{
    if (exists(t, a->type))
        a64_set_nzcv(t, comparison(t, a->type, a->rn, a->rm, a->zero, a->e));
}

void tr_a64_fccompare(struct a64_tr *t, const struct args_a64_fccompare *a)
{
    struct a64_test test;
    ir_block_ref yes, no, done;

    if (!exists(t, a->type))
        return;
    /* The comparison may raise flags: it is made only when the condition holds. */
    test = a64_condition(t, (unsigned)a->cond);
    yes = ir_block_new(t->ir, t->pc);
    no = ir_block_new(t->ir, t->pc);
    done = ir_block_new(t->ir, t->pc + 4);
    ir_brcc(t->ir, test.cond, test.a, test.b, yes, no, 0);
    ir_seal(t->ir, yes);
    ir_seal(t->ir, no);
    ir_enter(t->ir, yes);
    a64_set_nzcv(t, comparison(t, a->type, a->rn, a->rm, false, a->e));
    ir_br(t->ir, done);
    ir_enter(t->ir, no);
    a64_set_nzcv(t, ir_i32(t->ir, (uint32_t)a->nzcv << 28));
    ir_br(t->ir, done);
    ir_seal(t->ir, done);
    ir_enter(t->ir, done);
}

void tr_a64_fcsel(struct a64_tr *t, const struct args_a64_fcsel *a)
{
    struct a64_test test = a64_condition(t, (unsigned)a->cond);
    bool dbl = a->type == DOUBLE;

    if (!exists(t, a->type))
        return;
    if (a->type == HALF)
        a64_put_v(t, (unsigned)a->rd, ir_bin(t->ir, IR_OP_vand, ir_v128(t->ir, 0xffff, 0),
                                             ir_select(t->ir, test.cond, test.a, test.b, a64_v(t, (unsigned)a->rn), a64_v(t, (unsigned)a->rm))));
    else
        a64_put_f(t, (unsigned)a->rd, ir_select(t->ir, test.cond, test.a, test.b, a64_f(t, dbl, (unsigned)a->rn),
                                                a64_f(t, dbl, (unsigned)a->rm)));
}

void tr_a64_fmov_imm(struct a64_tr *t, const struct args_a64_fmov_imm *a)
{
    uint64_t i = (uint64_t)a->imm;

    if (a->type == HALF && exists(t, HALF))
        a64_put_v(t, (unsigned)a->rd, ir_v128(t->ir, (i >> 7) << 15 | (i & 0x40 ? 3u << 12 : 4u << 12) | (i & 0x3f) << 6, 0));
    else if (a->type != HALF)
        a64_put_v(t, (unsigned)a->rd, ir_v128(t->ir, fp_expand_imm(a->type == DOUBLE, (uint64_t)a->imm), 0));
}

/* FMADD: a + n * m; FMSUB: a - n * m; the FN forms negate the result. */
void tr_a64_fp3(struct a64_tr *t, const struct args_a64_fp3 *a)
{
    bool dbl = a->type == DOUBLE, neg_prod = a->o1 != a->o0, neg_add = a->o1;
    unsigned mode;

    if (!exists(t, a->type))
        return;
    if (a->type == HALF) {
        const ir_ref args[] = { a64_env(t), low64(t, a->rn), low64(t, a->rm), low64(t, a->ra), ir_i32(t->ir, neg_prod | neg_add << 1) };

        a64_put_v64(t, (unsigned)a->rd, ir_call(t->ir, ARM_H_half_fma, 5, args));
        return;
    }
    mode = a64_fp_mode(t) | (neg_prod ? IR_FP_NEG_PROD : 0) | (neg_add ? IR_FP_NEG_ADD : 0);
    a64_put_f(t, (unsigned)a->rd, ir_fma(t->ir, mode, a64_f(t, dbl, (unsigned)a->rn), a64_f(t, dbl, (unsigned)a->rm),
                                         a64_f(t, dbl, (unsigned)a->ra)));
}

/* --- to and from integers ----------------------------------------------------------------------------------------------- */

static ir_ref fixed(struct a64_tr *t, ir_ref bits, uint32_t how)
{
    const ir_ref args[] = { a64_env(t), bits, ir_i32(t->ir, how) };

    return ir_call(t->ir, ARM_H_fp_fixed, 3, args);
}

/* Of one width on both sides. */
void tr_a64_fmov_gen(struct a64_tr *t, const struct args_a64_fmov_gen *a)
{
    ir_ref v;

    if (!exists(t, a->type))
        return;
    if (a->type != HALF && a->sf != (a->type == DOUBLE)) {
        a64_undefined(t);
    } else if (a->to) {
        v = a64_x(t, (unsigned)a->rn);
        a64_put_v64(t, (unsigned)a->rd, a->type == DOUBLE ? v : ir_ext(t->ir, v, 0, a->type == HALF ? 16 : 32, false));
    } else {
        v = low64(t, a->rn);
        if (a->type == HALF)
            v = ir_ext(t->ir, v, 0, 16, false);
        a64_put(t, (unsigned)a->rd, a->sf ? v : ir_conv(t->ir, IR_OP_trunc, IR_I32, v));
    }
}

void tr_a64_fmov_to_hi(struct a64_tr *t, const struct args_a64_fmov_to_hi *a)
{
    ir_ref v = ir_emit(t->ir, IR_OP_vins, IR_V128, 64, 1, a64_v(t, (unsigned)a->rd), a64_x(t, (unsigned)a->rn), 0, 0);

    a64_put_v(t, (unsigned)a->rd, v);
}

void tr_a64_fmov_from_hi(struct a64_tr *t, const struct args_a64_fmov_from_hi *a)
{
    a64_put(t, (unsigned)a->rd, ir_emit(t->ir, IR_OP_vext, IR_I64, 64, 1, a64_v(t, (unsigned)a->rn), 0, 0, 0));
}

static uint32_t how(int sf, int type, int u, uint32_t fraction)
{
    return fraction | (u ? FP_FIXED_UNSIGNED : 0) | (type == DOUBLE ? FP_FIXED_DOUBLE : type == HALF ? FP_FIXED_HALF : 0) |
           (sf ? FP_FIXED_64 : 0);
}

enum { ROUND_ZERO = 3, ROUND_AWAY };                       /* of FP_FIXED_ROUND_SHIFT; nearest, up, down before them */

static void put_int(struct a64_tr *t, int rd, int sf, ir_ref v)
{
    a64_put(t, (unsigned)rd, sf ? v : ir_conv(t->ir, IR_OP_trunc, IR_I32, v));
}

void tr_a64_fcvt_int(struct a64_tr *t, const struct args_a64_fcvt_int *a)
{
    static const uint8_t rounding[] = { IR_FP_RNE, IR_FP_RUP, IR_FP_RDN, IR_FP_RTZ };
    unsigned mode;

    if (!exists(t, a->type))
        return;
    if (a->rmode == ROUND_AWAY || a->type == HALF) {
        put_int(t, a->rd, a->sf, fixed(t, low64(t, a->rn), how(a->sf, a->type, a->u, 0) | FP_FIXED_TO_INTEGER |
                                                           (uint32_t)a->rmode << FP_FIXED_ROUND_SHIFT));
        return;
    }
    mode = (unsigned)rounding[a->rmode] | IR_FP_NAN_ARM | (a->u ? IR_FP_UNSIGNED : 0);
    a64_put(t, (unsigned)a->rd, ir_fp1(t->ir, IR_OP_ftoi, a->sf ? IR_I64 : IR_I32, mode, a64_f(t, a->type == DOUBLE, (unsigned)a->rn)));
}

void tr_a64_int_fcvt(struct a64_tr *t, const struct args_a64_int_fcvt *a)
{
    if (!exists(t, a->type))
        return;
    if (a->type == HALF)
        a64_put_v64(t, (unsigned)a->rd, fixed(t, a64_x(t, (unsigned)a->rn), how(a->sf, HALF, a->u, 0)));
    else
        a64_put_f(t, (unsigned)a->rd, ir_fp1(t->ir, IR_OP_itof, a->type == DOUBLE ? IR_F64 : IR_F32,
                                             IR_FP_DYN | (a->u ? IR_FP_UNSIGNED : 0), a64_r(t, a->sf, (unsigned)a->rn)));
}

static bool scale_exists(struct a64_tr *t, int sf, int scale)
{
    if (!sf && scale < 32)
        a64_undefined(t);
    return sf || scale >= 32;
}

void tr_a64_fcvt_fix(struct a64_tr *t, const struct args_a64_fcvt_fix *a)
{
    uint32_t what = how(a->sf, a->type, a->u, 64u - (uint32_t)a->scale) | FP_FIXED_TO_INTEGER | ROUND_ZERO << FP_FIXED_ROUND_SHIFT;

    if (exists(t, a->type) && scale_exists(t, a->sf, a->scale))
        put_int(t, a->rd, a->sf, fixed(t, low64(t, a->rn), what));
}

void tr_a64_fix_fcvt(struct a64_tr *t, const struct args_a64_fix_fcvt *a)
{
    if (exists(t, a->type) && scale_exists(t, a->sf, a->scale))
        a64_put_v64(t, (unsigned)a->rd, fixed(t, a64_x(t, (unsigned)a->rn), how(a->sf, a->type, a->u, 64u - (uint32_t)a->scale)));
}

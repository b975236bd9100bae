/* targets/riscv/tr_fp.c - F, D and Zfa: the IR's own floating point; NaN results are canonical, narrower values are boxed.
 *
 * mstatus.FS is part of the mode key. Off: every instruction here is illegal. Clean: what may change FP state first
 * marks it dirty and begins again in the dirty mode, where nothing is left to do. */
#include "targets/riscv/rv.insn.h"
#include "targets/riscv/tr.h"
#include "targets/riscv/tr_fp.h"

bool fp_begin(struct riscv_tr *t, bool changes_state)
{
    const ir_ref args[] = { tr_env(t) };

    if (t->fs == RV_FS_OFF) {
        tr_illegal(t);
        return false;
    }
    if (t->fs == RV_FS_DIRTY || !changes_state)
        return true;
    tr_call(t, RV_H_fs_dirty, 1, args);
    ir_leave(t->ir, RT_EXIT_FLUSHED);
    t->ended = true;
    return false;
}

bool fp_rounding(struct riscv_tr *t, int rm, unsigned *aux)
{
    static const uint8_t modes[5] = { IR_FP_RNE, IR_FP_RTZ, IR_FP_RDN, IR_FP_RUP, IR_FP_RMM };

    if (rm == 7 && t->rm != RV_RM_INVALID) {
        *aux = t->rm == RV_RM_RMM ? IR_FP_RMM : IR_FP_DYN;
    } else if (rm < 5) {
        *aux = modes[rm];
    } else {
        tr_illegal(t);
        return false;
    }
    *aux |= IR_FP_NAN_CANON;
    return true;
}

static ir_ref freg(struct riscv_tr *t, enum fmt fmt, int r)
{
    ir_ref v = ir_read_slot(t->ir, RV_SLOT_F0 + (unsigned)r);

    return fmt == FMT_D ? v : ir_conv(t->ir, IR_OP_funbox, IR_F32, v);
}

static void put_freg(struct riscv_tr *t, enum fmt fmt, int r, ir_ref v)
{
    ir_write_slot(t->ir, RV_SLOT_F0 + (unsigned)r, fmt == FMT_D ? v : ir_conv(t->ir, IR_OP_fbox, IR_F64, v));
}

static enum ir_type ftype(enum fmt fmt)
{
    return fmt == FMT_D ? IR_F64 : IR_F32;
}

/* The register's bits as they are, boxed or not. */
static ir_ref raw64(struct riscv_tr *t, int r)
{
    return ir_conv(t->ir, IR_OP_fbits, IR_I64, ir_read_slot(t->ir, RV_SLOT_F0 + (unsigned)r));
}

static ir_ref raw32(struct riscv_tr *t, int r)
{
    return ir_conv(t->ir, IR_OP_trunc, IR_I32, raw64(t, r));
}

/* --- loads and stores ------------------------------------------------------------------------------------------------ */

void tr_flw(struct riscv_tr *t, const struct args_flw *a)
{
    int64_t disp;
    ir_ref addr;

    if (!fp_begin(t, true))
        return;
    addr = address(t, a->rs1, a->imm, &disp);
    put_freg(t, FMT_S, a->rd, ir_ld(t->ir, IR_F32, IR_M32, addr, disp));
}

void tr_fld(struct riscv_tr *t, const struct args_fld *a)
{
    int64_t disp;
    ir_ref addr;

    if (!fp_begin(t, true))
        return;
    addr = address(t, a->rs1, a->imm, &disp);
    put_freg(t, FMT_D, a->rd, ir_ld(t->ir, IR_F64, IR_M64, addr, disp));
}

void tr_fsw(struct riscv_tr *t, const struct args_fsw *a)
{
    int64_t disp;
    ir_ref addr;

    if (!fp_begin(t, false))
        return;
    addr = address(t, a->rs1, a->imm, &disp);
    ir_st(t->ir, IR_M32, addr, disp, raw32(t, a->rs2));
}

void tr_fsd(struct riscv_tr *t, const struct args_fsd *a)
{
    int64_t disp;
    ir_ref addr;

    if (!fp_begin(t, false))
        return;
    addr = address(t, a->rs1, a->imm, &disp);
    ir_st(t->ir, IR_M64, addr, disp, freg(t, FMT_D, a->rs2));
}

/* --- arithmetic ------------------------------------------------------------------------------------------------------- */

static void binary(struct riscv_tr *t, enum fmt fmt, enum ir_op op, int rd, int rs1, int rs2, int rm)
{
    unsigned aux;

    if (fp_begin(t, true) && fp_rounding(t, rm, &aux))
        put_freg(t, fmt, rd, ir_fp2(t->ir, op, aux, freg(t, fmt, rs1), freg(t, fmt, rs2)));
}

static void fused(struct riscv_tr *t, enum fmt fmt, unsigned negate, int rd, int rs1, int rs2, int rs3, int rm)
{
    unsigned aux;

    if (fp_begin(t, true) && fp_rounding(t, rm, &aux))
        put_freg(t, fmt, rd, ir_fma(t->ir, aux | negate, freg(t, fmt, rs1), freg(t, fmt, rs2), freg(t, fmt, rs3)));
}

static void square_root(struct riscv_tr *t, enum fmt fmt, int rd, int rs1, int rm)
{
    unsigned aux;

    if (fp_begin(t, true) && fp_rounding(t, rm, &aux))
        put_freg(t, fmt, rd, ir_fp1(t->ir, IR_OP_fsqrt, ftype(fmt), aux, freg(t, fmt, rs1)));
}

static void min_max(struct riscv_tr *t, enum fmt fmt, enum ir_op op, int rd, int rs1, int rs2)
{
    if (fp_begin(t, true))
        put_freg(t, fmt, rd, ir_fp2(t->ir, op, IR_FP_NAN_CANON | IR_FP_MINMAX_NUM, freg(t, fmt, rs1), freg(t, fmt, rs2)));
}

static void compare(struct riscv_tr *t, enum fmt fmt, enum ir_fcond cond, int rd, int rs1, int rs2)
{
    if (fp_begin(t, true))
        put_gpr(t, (unsigned)rd, ir_fcmp(t->ir, t->xt, cond, freg(t, fmt, rs1), freg(t, fmt, rs2)));
}

#define BINARY(name, op, fmt) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) { binary(t, fmt, op, a->rd, a->rs1, a->rs2, a->rm); }
#define FUSED(name, negate, fmt) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) \
    { \
        fused(t, fmt, negate, a->rd, a->rs1, a->rs2, a->rs3, a->rm); \
    }
#define SQRT(name, fmt) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) { square_root(t, fmt, a->rd, a->rs1, a->rm); }
#define MIN_MAX(name, op, fmt) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) { min_max(t, fmt, op, a->rd, a->rs1, a->rs2); }
#define COMPARE(name, cond, fmt) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) { compare(t, fmt, cond, a->rd, a->rs1, a->rs2); }

#define ARITHMETIC(s, fmt) \
    BINARY(fadd_##s, IR_OP_fadd, fmt) \
    BINARY(fsub_##s, IR_OP_fsub, fmt) \
    BINARY(fmul_##s, IR_OP_fmul, fmt) \
    BINARY(fdiv_##s, IR_OP_fdiv, fmt) \
    SQRT(fsqrt_##s, fmt) \
    FUSED(fmadd_##s, 0, fmt) \
    FUSED(fmsub_##s, IR_FP_NEG_ADD, fmt) \
    FUSED(fnmsub_##s, IR_FP_NEG_PROD, fmt) \
    FUSED(fnmadd_##s, IR_FP_NEG_PROD | IR_FP_NEG_ADD, fmt) \
    MIN_MAX(fmin_##s, IR_OP_fmin, fmt) \
    MIN_MAX(fmax_##s, IR_OP_fmax, fmt) \
    COMPARE(feq_##s, IR_FEQ, fmt) \
    COMPARE(flt_##s, IR_FLT, fmt) \
    COMPARE(fle_##s, IR_FLE, fmt)
ARITHMETIC(s, FMT_S)
ARITHMETIC(d, FMT_D)

/* --- signs, moves, classes -------------------------------------------------------------------------------------------- */

static ir_ref sign_xor(struct riscv_tr *t, enum fmt fmt, ir_ref a, ir_ref b)
{
    enum ir_type i = fmt == FMT_D ? IR_I64 : IR_I32;
    uint64_t sign = fmt == FMT_D ? UINT64_C(1) << 63 : UINT64_C(1) << 31;
    ir_ref bits = ir_bini(t->ir, IR_OP_and, ir_conv(t->ir, IR_OP_fbits, i, b), sign);

    bits = ir_bin(t->ir, IR_OP_xor, ir_conv(t->ir, IR_OP_fbits, i, a), bits);
    return ir_conv(t->ir, IR_OP_bitsf, ftype(fmt), bits);
}

enum sign { SIGN_COPY, SIGN_NEGATE, SIGN_XOR };

static void sign_inject(struct riscv_tr *t, enum fmt fmt, enum sign how, int rd, int rs1, int rs2)
{
    ir_ref a, b;

    if (!fp_begin(t, true))
        return;
    a = freg(t, fmt, rs1);
    b = freg(t, fmt, rs2);
    if (rs1 == rs2) {                          /* fmv, fneg, fabs */
        if (how != SIGN_COPY)
            a = ir_un(t->ir, how == SIGN_NEGATE ? IR_OP_fneg : IR_OP_fabs, a);
    } else if (how == SIGN_XOR) {
        a = sign_xor(t, fmt, a, b);
    } else {
        a = ir_bin(t->ir, IR_OP_fcopysign, a, how == SIGN_NEGATE ? ir_un(t->ir, IR_OP_fneg, b) : b);
    }
    put_freg(t, fmt, rd, a);
}

static void classify(struct riscv_tr *t, enum fmt fmt, int rd, int rs1)
{
    ir_ref args[2], v;

    if (!fp_begin(t, false))
        return;
    v = freg(t, fmt, rs1);
    args[0] = fmt == FMT_D ? ir_conv(t->ir, IR_OP_fbits, IR_I64, v)
                           : ir_conv(t->ir, IR_OP_zext, IR_I64, ir_conv(t->ir, IR_OP_fbits, IR_I32, v));
    args[1] = ir_i32(t->ir, fmt == FMT_D ? 64 : 32);
    v = tr_call(t, RV_H_fclass, 2, args);
    put_gpr(t, (unsigned)rd, t->rv32 ? ir_conv(t->ir, IR_OP_trunc, IR_I32, v) : v);
}

#define SIGNS(s, fmt) \
    void tr_fsgnj_##s(struct riscv_tr *t, const struct args_fsgnj_##s *a) \
    { \
        sign_inject(t, fmt, SIGN_COPY, a->rd, a->rs1, a->rs2); \
    } \
    void tr_fsgnjn_##s(struct riscv_tr *t, const struct args_fsgnjn_##s *a) \
    { \
        sign_inject(t, fmt, SIGN_NEGATE, a->rd, a->rs1, a->rs2); \
    } \
    void tr_fsgnjx_##s(struct riscv_tr *t, const struct args_fsgnjx_##s *a) \
    { \
        sign_inject(t, fmt, SIGN_XOR, a->rd, a->rs1, a->rs2); \
    } \
    void tr_fclass_##s(struct riscv_tr *t, const struct args_fclass_##s *a) { classify(t, fmt, a->rd, a->rs1); }
SIGNS(s, FMT_S)
SIGNS(d, FMT_D)

void tr_fmv_x_w(struct riscv_tr *t, const struct args_fmv_x_w *a)
{
    if (fp_begin(t, false))
        put_gpr32(t, a->rd, raw32(t, a->rs1));
}

void tr_fmv_w_x(struct riscv_tr *t, const struct args_fmv_w_x *a)
{
    if (fp_begin(t, true))
        put_freg(t, FMT_S, a->rd, ir_conv(t->ir, IR_OP_bitsf, IR_F32, gpr32(t, a->rs1)));
}

void tr_fmv_x_d(struct riscv_tr *t, const struct args_fmv_x_d *a)
{
    if (fp_begin(t, false))
        put_gpr(t, a->rd, raw64(t, a->rs1));
}

void tr_fmv_d_x(struct riscv_tr *t, const struct args_fmv_d_x *a)
{
    if (fp_begin(t, true))
        put_freg(t, FMT_D, a->rd, ir_conv(t->ir, IR_OP_bitsf, IR_F64, gpr(t, a->rs1)));
}

/* --- conversions ------------------------------------------------------------------------------------------------------ */

static void to_int(struct riscv_tr *t, enum fmt fmt, enum ir_type type, unsigned extra, int rd, int rs1, int rm)
{
    unsigned aux;
    ir_ref v;

    if (!fp_begin(t, true) || !fp_rounding(t, rm, &aux))
        return;
    v = ir_fp1(t->ir, IR_OP_ftoi, type, aux | extra, freg(t, fmt, rs1));
    if (type == IR_I32)
        put_gpr32(t, (unsigned)rd, v);
    else
        put_gpr(t, (unsigned)rd, v);
}

static void from_int(struct riscv_tr *t, enum fmt fmt, enum ir_type type, unsigned extra, int rd, int rs1, int rm)
{
    unsigned aux;
    ir_ref v;

    if (!fp_begin(t, true) || !fp_rounding(t, rm, &aux))
        return;
    v = type == IR_I32 ? gpr32(t, (unsigned)rs1) : gpr(t, (unsigned)rs1);
    put_freg(t, fmt, rd, ir_fp1(t->ir, IR_OP_itof, ftype(fmt), aux | extra, v));
}

static void convert(struct riscv_tr *t, enum fmt to, enum fmt from, int rd, int rs1, int rm)
{
    unsigned aux;

    if (fp_begin(t, true) && fp_rounding(t, rm, &aux))
        put_freg(t, to, rd, ir_fp1(t->ir, IR_OP_fcvt, ftype(to), aux, freg(t, from, rs1)));
}

#define TO_INT(name, fmt, type, extra) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) { to_int(t, fmt, type, extra, a->rd, a->rs1, a->rm); }
#define FROM_INT(name, fmt, type, extra) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) { from_int(t, fmt, type, extra, a->rd, a->rs1, a->rm); }
#define INTEGERS(s, fmt) \
    TO_INT(fcvt_w_##s, fmt, IR_I32, 0) \
    TO_INT(fcvt_wu_##s, fmt, IR_I32, IR_FP_UNSIGNED) \
    TO_INT(fcvt_l_##s, fmt, IR_I64, 0) \
    TO_INT(fcvt_lu_##s, fmt, IR_I64, IR_FP_UNSIGNED) \
    FROM_INT(fcvt_##s##_w, fmt, IR_I32, 0) \
    FROM_INT(fcvt_##s##_wu, fmt, IR_I32, IR_FP_UNSIGNED) \
    FROM_INT(fcvt_##s##_l, fmt, IR_I64, 0) \
    FROM_INT(fcvt_##s##_lu, fmt, IR_I64, IR_FP_UNSIGNED)
INTEGERS(s, FMT_S)
INTEGERS(d, FMT_D)

void tr_fcvt_s_d(struct riscv_tr *t, const struct args_fcvt_s_d *a)
{
    convert(t, FMT_S, FMT_D, a->rd, a->rs1, a->rm);
}

void tr_fcvt_d_s(struct riscv_tr *t, const struct args_fcvt_d_s *a)
{
    convert(t, FMT_D, FMT_S, a->rd, a->rs1, a->rm);
}

/* --- Zfa --------------------------------------------------------------------------------------------------------------- */

/* fli's 32 constants as doubles; 1 is the format's smallest normal number. Unprivileged ISA, Zfa, table 1. */
static const double fli_values[32] = {
    -1.0, 0, 0x1p-16, 0x1p-15, 0x1p-8, 0x1p-7, 0.0625, 0.125, 0.25, 0.3125, 0.375, 0.4375, 0.5, 0.625, 0.75, 0.875,
    1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 8.0, 16.0, 128.0, 256.0, 0x1p15, 0x1p16, __builtin_inf(), 0,
};

void tr_fli_s(struct riscv_tr *t, const struct args_fli_s *a)
{
    union { float f; uint32_t bits; } v = { .f = (float)fli_values[a->rs1] };

    if (!fp_begin(t, true))
        return;
    if (a->rs1 == 1)
        v.bits = 0x00800000;
    if (a->rs1 == 31)
        v.bits = 0x7fc00000;
    put_freg(t, FMT_S, a->rd, ir_f32bits(t->ir, v.bits));
}

void tr_fli_d(struct riscv_tr *t, const struct args_fli_d *a)
{
    union { double f; uint64_t bits; } v = { .f = fli_values[a->rs1] };

    if (!fp_begin(t, true))
        return;
    if (a->rs1 == 1)
        v.bits = UINT64_C(0x0010000000000000);
    if (a->rs1 == 31)
        v.bits = UINT64_C(0x7ff8000000000000);
    put_freg(t, FMT_D, a->rd, ir_f64bits(t->ir, v.bits));
}

/* A NaN on either side gives a NaN. */
static void min_max_nan(struct riscv_tr *t, enum fmt fmt, enum ir_op op, int rd, int rs1, int rs2)
{
    if (fp_begin(t, true))
        put_freg(t, fmt, rd, ir_fp2(t->ir, op, IR_FP_NAN_CANON, freg(t, fmt, rs1), freg(t, fmt, rs2)));
}

static void round_to_int(struct riscv_tr *t, enum fmt fmt, unsigned inexact, int rd, int rs1, int rm)
{
    unsigned aux;

    if (fp_begin(t, true) && fp_rounding(t, rm, &aux))
        put_freg(t, fmt, rd, ir_fp1(t->ir, IR_OP_fround, ftype(fmt), aux | inexact, freg(t, fmt, rs1)));
}

#define ZFA(s, fmt) \
    void tr_fminm_##s(struct riscv_tr *t, const struct args_fminm_##s *a) \
    { \
        min_max_nan(t, fmt, IR_OP_fmin, a->rd, a->rs1, a->rs2); \
    } \
    void tr_fmaxm_##s(struct riscv_tr *t, const struct args_fmaxm_##s *a) \
    { \
        min_max_nan(t, fmt, IR_OP_fmax, a->rd, a->rs1, a->rs2); \
    } \
    void tr_fround_##s(struct riscv_tr *t, const struct args_fround_##s *a) \
    { \
        round_to_int(t, fmt, 0, a->rd, a->rs1, a->rm); \
    } \
    void tr_froundnx_##s(struct riscv_tr *t, const struct args_froundnx_##s *a) \
    { \
        round_to_int(t, fmt, IR_FP_INEXACT, a->rd, a->rs1, a->rm); \
    } \
    COMPARE(fleq_##s, IR_FLEQ, fmt) \
    COMPARE(fltq_##s, IR_FLTQ, fmt)
ZFA(s, FMT_S)
ZFA(d, FMT_D)

void tr_fcvtmod_w_d(struct riscv_tr *t, const struct args_fcvtmod_w_d *a)
{
    ir_ref args[1], v;

    if (!fp_begin(t, true))
        return;
    args[0] = raw64(t, a->rs1);
    v = tr_call(t, RV_H_fcvtmod, 1, args);
    put_gpr32(t, a->rd, v);
}

void tr_fmvh_x_d(struct riscv_tr *t, const struct args_fmvh_x_d *a)
{
    if (fp_begin(t, false))
        put_gpr(t, a->rd, ir_conv(t->ir, IR_OP_trunc, IR_I32, ir_bini(t->ir, IR_OP_shr, raw64(t, a->rs1), 32)));
}

void tr_fmvp_d_x(struct riscv_tr *t, const struct args_fmvp_d_x *a)
{
    ir_ref lo, hi;

    if (!fp_begin(t, true))
        return;
    lo = ir_conv(t->ir, IR_OP_zext, IR_I64, gpr(t, a->rs1));
    hi = ir_conv(t->ir, IR_OP_zext, IR_I64, gpr(t, a->rs2));
    put_freg(t, FMT_D, a->rd, ir_conv(t->ir, IR_OP_bitsf, IR_F64, ir_deposit(t->ir, lo, hi, 32, 32)));
}

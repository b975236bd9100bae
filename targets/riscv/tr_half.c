/* targets/riscv/tr_half.c - Zfh and Zfhmin: half precision by way of single, or double where a product needs it.
 *
 * Every half is a single; one operation in single rounded again to half, both times in the same mode, is the operation
 * rounded once, because 24 >= 2 * 11 + 2 (Figueroa 1995). A fused multiply-add goes by double: the product has 22 bits,
 * and where the sum needs more than 53 the lost part cannot reach a tie. */
#include "targets/riscv/rv.insn.h"
#include "targets/riscv/tr.h"
#include "targets/riscv/tr_fp.h"

static ir_ref raw(struct riscv_tr *t, int r)
{
    return ir_conv(t->ir, IR_OP_fbits, IR_I64, ir_read_slot(t->ir, RV_SLOT_F0 + (unsigned)r));
}

/* i64: the 16 bits; what isn't boxed is the default NaN */
static ir_ref half_bits(struct riscv_tr *t, int r)
{
    ir_ref v = raw(t, r), box = ir_i64(t->ir, UINT64_C(0xffffffffffff));

    return ir_select(t->ir, IR_EQ, ir_bini(t->ir, IR_OP_shr, v, 16), box, ir_ext(t->ir, v, 0, 16, false), ir_i64(t->ir, 0x7e00));
}

static void put_half_bits(struct riscv_tr *t, int rd, ir_ref bits)
{
    ir_ref v = ir_bini(t->ir, IR_OP_or, bits, ~UINT64_C(0xffff));

    ir_write_slot(t->ir, RV_SLOT_F0 + (unsigned)rd, ir_conv(t->ir, IR_OP_bitsf, IR_F64, v));
}

/* The value as a single; a signalling NaN stays one. */
static ir_ref half(struct riscv_tr *t, int r)
{
    ir_ref args[1] = { half_bits(t, r) };

    return ir_conv(t->ir, IR_OP_bitsf, IR_F32, ir_call(t->ir, RV_H_half_to_single, 1, args));
}

static ir_ref half_as_double(struct riscv_tr *t, int r)
{
    return ir_fp1(t->ir, IR_OP_fcvt, IR_F64, IR_FP_RNE | IR_FP_NAN_CANON, half(t, r));
}

/* An f32 or f64 rounded to half, into a register. */
static void put_half(struct riscv_tr *t, int rd, unsigned aux, ir_ref v)
{
    static const uint8_t rm[8] = { [IR_FP_DYN] = 7, [IR_FP_RNE] = 0, [IR_FP_RTZ] = 1, [IR_FP_RDN] = 2, [IR_FP_RUP] = 3,
                                   [IR_FP_RMM] = 4 };
    bool wide = ir_type_of(t->ir, v) == IR_F64;
    ir_ref args[2] = { ir_conv(t->ir, IR_OP_fbits, wide ? IR_I64 : IR_I32, v), ir_i32(t->ir, rm[aux & IR_FP_ROUND]) };

    if (!wide)
        args[0] = ir_conv(t->ir, IR_OP_zext, IR_I64, args[0]);
    put_half_bits(t, rd, ir_call(t->ir, wide ? RV_H_double_to_half : RV_H_single_to_half, 2, args));
}

/* --- loads, stores, moves ---------------------------------------------------------------------------------------------- */

void tr_flh(struct riscv_tr *t, const struct args_flh *a)
{
    int64_t disp;
    ir_ref addr;

    if (!fp_begin(t, true))
        return;
    addr = address(t, a->rs1, a->imm, &disp);
    put_half_bits(t, a->rd, ir_ld(t->ir, IR_I64, IR_M16, addr, disp));
}

void tr_fsh(struct riscv_tr *t, const struct args_fsh *a)
{
    int64_t disp;
    ir_ref addr;

    if (!fp_begin(t, false))
        return;
    addr = address(t, a->rs1, a->imm, &disp);
    ir_st(t->ir, IR_M16, addr, disp, raw(t, a->rs2));
}

void tr_fmv_x_h(struct riscv_tr *t, const struct args_fmv_x_h *a)
{
    ir_ref v;

    if (!fp_begin(t, false))
        return;
    v = ir_ext(t->ir, raw(t, a->rs1), 0, 16, true);
    put_gpr(t, a->rd, t->rv32 ? ir_conv(t->ir, IR_OP_trunc, IR_I32, v) : v);
}

void tr_fmv_h_x(struct riscv_tr *t, const struct args_fmv_h_x *a)
{
    if (fp_begin(t, true))
        put_half_bits(t, a->rd, t->rv32 ? ir_conv(t->ir, IR_OP_zext, IR_I64, gpr(t, a->rs1)) : gpr(t, a->rs1));
}

/* --- arithmetic --------------------------------------------------------------------------------------------------------- */

static void binary(struct riscv_tr *t, enum ir_op op, int rd, int rs1, int rs2, int rm)
{
    unsigned aux;

    if (fp_begin(t, true) && fp_rounding(t, rm, &aux))
        put_half(t, rd, aux, ir_fp2(t->ir, op, aux, half(t, rs1), half(t, rs2)));
}

static void fused(struct riscv_tr *t, unsigned negate, int rd, int rs1, int rs2, int rs3, int rm)
{
    unsigned aux;

    if (fp_begin(t, true) && fp_rounding(t, rm, &aux))
        put_half(t, rd, aux, ir_fma(t->ir, aux | negate, half_as_double(t, rs1), half_as_double(t, rs2), half_as_double(t, rs3)));
}

static void min_max(struct riscv_tr *t, enum ir_op op, unsigned rule, int rd, int rs1, int rs2)
{
    if (fp_begin(t, true))
        put_half(t, rd, IR_FP_RNE, ir_fp2(t->ir, op, IR_FP_NAN_CANON | rule, half(t, rs1), half(t, rs2)));
}

static void compare(struct riscv_tr *t, enum ir_fcond cond, int rd, int rs1, int rs2)
{
    if (fp_begin(t, true))
        put_gpr(t, (unsigned)rd, ir_fcmp(t->ir, t->xt, cond, half(t, rs1), half(t, rs2)));
}

#define BINARY(name, op) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) { binary(t, op, a->rd, a->rs1, a->rs2, a->rm); }
#define FUSED(name, negate) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) { fused(t, negate, a->rd, a->rs1, a->rs2, a->rs3, a->rm); }
#define MIN_MAX(name, op, rule) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) { min_max(t, op, rule, a->rd, a->rs1, a->rs2); }
#define COMPARE(name, cond) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) { compare(t, cond, a->rd, a->rs1, a->rs2); }
BINARY(fadd_h, IR_OP_fadd)
BINARY(fsub_h, IR_OP_fsub)
BINARY(fmul_h, IR_OP_fmul)
BINARY(fdiv_h, IR_OP_fdiv)
FUSED(fmadd_h, 0)
FUSED(fmsub_h, IR_FP_NEG_ADD)
FUSED(fnmsub_h, IR_FP_NEG_PROD)
FUSED(fnmadd_h, IR_FP_NEG_PROD | IR_FP_NEG_ADD)
MIN_MAX(fmin_h, IR_OP_fmin, IR_FP_MINMAX_NUM)
MIN_MAX(fmax_h, IR_OP_fmax, IR_FP_MINMAX_NUM)
MIN_MAX(fminm_h, IR_OP_fmin, 0)
MIN_MAX(fmaxm_h, IR_OP_fmax, 0)
COMPARE(feq_h, IR_FEQ)
COMPARE(flt_h, IR_FLT)
COMPARE(fle_h, IR_FLE)
COMPARE(fltq_h, IR_FLTQ)
COMPARE(fleq_h, IR_FLEQ)

static void unary(struct riscv_tr *t, enum ir_op op, unsigned extra, int rd, int rs1, int rm)
{
    unsigned aux;

    if (fp_begin(t, true) && fp_rounding(t, rm, &aux))
        put_half(t, rd, aux, ir_fp1(t->ir, op, IR_F32, aux | extra, half(t, rs1)));
}

void tr_fsqrt_h(struct riscv_tr *t, const struct args_fsqrt_h *a)
{
    unary(t, IR_OP_fsqrt, 0, a->rd, a->rs1, a->rm);
}

void tr_fround_h(struct riscv_tr *t, const struct args_fround_h *a)
{
    unary(t, IR_OP_fround, 0, a->rd, a->rs1, a->rm);
}

void tr_froundnx_h(struct riscv_tr *t, const struct args_froundnx_h *a)
{
    unary(t, IR_OP_fround, IR_FP_INEXACT, a->rd, a->rs1, a->rm);
}

void tr_fli_h(struct riscv_tr *t, const struct args_fli_h *a)
{
    static const uint16_t values[32] = {
        0xbc00, 0x0400, 0x0100, 0x0200, 0x1c00, 0x2000, 0x2c00, 0x3000, 0x3400, 0x3500, 0x3600, 0x3700, 0x3800, 0x3900,
        0x3a00, 0x3b00, 0x3c00, 0x3d00, 0x3e00, 0x3f00, 0x4000, 0x4100, 0x4200, 0x4400, 0x4800, 0x4c00, 0x5800, 0x5c00,
        0x7800, 0x7c00, 0x7c00, 0x7e00,
    };

    if (fp_begin(t, true))
        put_half_bits(t, a->rd, ir_i64(t->ir, values[a->rs1]));
}

/* --- signs and classes -------------------------------------------------------------------------------------------------- */

static void sign_inject(struct riscv_tr *t, int rd, int rs1, ir_ref sign, bool keep)
{
    ir_ref v = half_bits(t, rs1);

    sign = ir_bini(t->ir, IR_OP_and, sign, 0x8000);
    v = keep ? ir_bin(t->ir, IR_OP_xor, v, sign) : ir_bin(t->ir, IR_OP_or, ir_bini(t->ir, IR_OP_and, v, 0x7fff), sign);
    put_half_bits(t, rd, v);
}

void tr_fsgnj_h(struct riscv_tr *t, const struct args_fsgnj_h *a)
{
    if (fp_begin(t, true))
        sign_inject(t, a->rd, a->rs1, half_bits(t, a->rs2), false);
}

void tr_fsgnjn_h(struct riscv_tr *t, const struct args_fsgnjn_h *a)
{
    if (fp_begin(t, true))
        sign_inject(t, a->rd, a->rs1, ir_un(t->ir, IR_OP_not, half_bits(t, a->rs2)), false);
}

void tr_fsgnjx_h(struct riscv_tr *t, const struct args_fsgnjx_h *a)
{
    if (fp_begin(t, true))
        sign_inject(t, a->rd, a->rs1, half_bits(t, a->rs2), true);
}

void tr_fclass_h(struct riscv_tr *t, const struct args_fclass_h *a)
{
    ir_ref args[2], v;

    if (!fp_begin(t, false))
        return;
    args[0] = half_bits(t, a->rs1);
    args[1] = ir_i32(t->ir, 16);
    v = ir_call(t->ir, RV_H_fclass, 2, args);
    put_gpr(t, a->rd, t->rv32 ? ir_conv(t->ir, IR_OP_trunc, IR_I32, v) : v);
}

/* --- conversions --------------------------------------------------------------------------------------------------------- */

void tr_fcvt_d_h(struct riscv_tr *t, const struct args_fcvt_d_h *a)
{
    unsigned aux;

    if (fp_begin(t, true) && fp_rounding(t, a->rm, &aux))
        ir_write_slot(t->ir, RV_SLOT_F0 + (unsigned)a->rd, half_as_double(t, a->rs1));
}

void tr_fcvt_s_h(struct riscv_tr *t, const struct args_fcvt_s_h *a)
{
    unsigned aux;
    ir_ref v;

    if (!fp_begin(t, true) || !fp_rounding(t, a->rm, &aux))
        return;
    v = ir_fp1(t->ir, IR_OP_fcvt, IR_F32, IR_FP_RNE | IR_FP_NAN_CANON, half_as_double(t, a->rs1));
    ir_write_slot(t->ir, RV_SLOT_F0 + (unsigned)a->rd, ir_conv(t->ir, IR_OP_fbox, IR_F64, v));
}

void tr_fcvt_h_s(struct riscv_tr *t, const struct args_fcvt_h_s *a)
{
    unsigned aux;

    if (fp_begin(t, true) && fp_rounding(t, a->rm, &aux))
        put_half(t, a->rd, aux, ir_conv(t->ir, IR_OP_funbox, IR_F32, ir_read_slot(t->ir, RV_SLOT_F0 + (unsigned)a->rs1)));
}

void tr_fcvt_h_d(struct riscv_tr *t, const struct args_fcvt_h_d *a)
{
    unsigned aux;

    if (fp_begin(t, true) && fp_rounding(t, a->rm, &aux))
        put_half(t, a->rd, aux, ir_read_slot(t->ir, RV_SLOT_F0 + (unsigned)a->rs1));
}

static void to_int(struct riscv_tr *t, enum ir_type type, unsigned extra, int rd, int rs1, int rm)
{
    unsigned aux;
    ir_ref v;

    if (!fp_begin(t, true) || !fp_rounding(t, rm, &aux))
        return;
    v = ir_fp1(t->ir, IR_OP_ftoi, type, aux | extra, half(t, rs1));
    if (type == IR_I32)
        put_gpr32(t, (unsigned)rd, v);
    else
        put_gpr(t, (unsigned)rd, v);
}

/* By double: what it cannot hold exactly is beyond every half anyway. */
static void from_int(struct riscv_tr *t, enum ir_type type, unsigned extra, int rd, int rs1, int rm)
{
    unsigned aux;
    ir_ref v;

    if (!fp_begin(t, true) || !fp_rounding(t, rm, &aux))
        return;
    v = type == IR_I32 ? gpr32(t, (unsigned)rs1) : gpr(t, (unsigned)rs1);
    put_half(t, rd, aux, ir_fp1(t->ir, IR_OP_itof, IR_F64, aux | extra, v));
}

#define TO_INT(name, type, extra) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) { to_int(t, type, extra, a->rd, a->rs1, a->rm); }
#define FROM_INT(name, type, extra) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) { from_int(t, type, extra, a->rd, a->rs1, a->rm); }
TO_INT(fcvt_w_h, IR_I32, 0)
TO_INT(fcvt_wu_h, IR_I32, IR_FP_UNSIGNED)
TO_INT(fcvt_l_h, IR_I64, 0)
TO_INT(fcvt_lu_h, IR_I64, IR_FP_UNSIGNED)
FROM_INT(fcvt_h_w, IR_I32, 0)
FROM_INT(fcvt_h_wu, IR_I32, IR_FP_UNSIGNED)
FROM_INT(fcvt_h_l, IR_I64, 0)
FROM_INT(fcvt_h_lu, IR_I64, IR_FP_UNSIGNED)

/* targets/arm/tr_a32_media.c - A32 and T32 saturation, parallel arithmetic, packing and extension. Arm ARM (DDI 0487), F5.
 *
 * GE is kept as a mask of bytes, which is what SEL wants. */
#include "targets/arm/a32.insn.h"
#include "targets/arm/tr_a32.h"

static ir_ref bin(struct tr_a32 *t, enum ir_op op, ir_ref a, ir_ref b) { return ir_bin(a32_ir(t), op, a, b); }
static ir_ref bini(struct tr_a32 *t, enum ir_op op, ir_ref a, uint64_t b) { return ir_bini(a32_ir(t), op, a, b); }

/* --- saturation --------------------------------------------------------------------------------------------------------- */

/* The nearest of lo..hi; Q is set if it is not v itself. */
static ir_ref clamp_q(struct tr_a32 *t, ir_ref v, int64_t lo, int64_t hi)
{
    struct ir *ir = a32_ir(t);
    bool wide = ir_type_of(ir, v) == IR_I64;
    ir_ref min = wide ? ir_i64(ir, (uint64_t)lo) : ir_i32(ir, (uint32_t)lo);
    ir_ref max = wide ? ir_i64(ir, (uint64_t)hi) : ir_i32(ir, (uint32_t)hi);
    ir_ref r = bin(t, IR_OP_smax, bin(t, IR_OP_smin, v, max), min);

    a32_set_q(t, ir_setcc(ir, IR_I32, IR_NE, r, v));
    return r;
}

static ir_ref wide(struct tr_a32 *t, int r) { return ir_conv(a32_ir(t), IR_OP_sext, IR_I64, a32_r(t, r)); }

static void saturating(struct tr_a32 *t, const struct args_a32_qadd *a, bool sub, bool doubled)
{
    ir_ref n = wide(t, a->rn), v;

    if (doubled)
        n = clamp_q(t, bin(t, IR_OP_add, n, n), INT32_MIN, INT32_MAX);
    v = clamp_q(t, bin(t, sub ? IR_OP_sub : IR_OP_add, wide(t, a->rm), n), INT32_MIN, INT32_MAX);
    a32_put(t, a->rd, ir_conv(a32_ir(t), IR_OP_trunc, IR_I32, v));
}

void tr_a32_qadd(struct tr_a32 *t, const struct args_a32_qadd *a) { saturating(t, a, false, false); }
void tr_a32_qsub(struct tr_a32 *t, const struct args_a32_qsub *a) { saturating(t, a, true, false); }
void tr_a32_qdadd(struct tr_a32 *t, const struct args_a32_qdadd *a) { saturating(t, a, false, true); }
void tr_a32_qdsub(struct tr_a32 *t, const struct args_a32_qdsub *a) { saturating(t, a, true, true); }

static void limits(int sat, bool sign, int64_t *lo, int64_t *hi)
{
    *lo = sign ? -(INT64_C(1) << sat) : 0;     /* SSAT's field is one less than the bits */
    *hi = (INT64_C(1) << sat) - 1;
}

static void saturate(struct tr_a32 *t, const struct args_a32_ssat *a, bool sign)
{
    ir_ref v = a32_r(t, a->rn);
    int64_t lo, hi;

    if (a->sh)
        v = bini(t, IR_OP_sar, v, a->amount ? (unsigned)a->amount : 31);
    else if (a->amount)
        v = bini(t, IR_OP_shl, v, (unsigned)a->amount);
    limits(a->sat, sign, &lo, &hi);
    a32_put(t, a->rd, clamp_q(t, v, lo, hi));
}

void tr_a32_ssat(struct tr_a32 *t, const struct args_a32_ssat *a) { saturate(t, a, true); }
void tr_a32_usat(struct tr_a32 *t, const struct args_a32_usat *a) { saturate(t, a, false); }

static void saturate16(struct tr_a32 *t, const struct args_a32_ssat16 *a, bool sign)
{
    ir_ref n = a32_r(t, a->rn), l, h;
    int64_t lo, hi;

    limits(a->sat, sign, &lo, &hi);
    l = clamp_q(t, ir_ext(a32_ir(t), n, 0, 16, true), lo, hi);
    h = clamp_q(t, ir_ext(a32_ir(t), n, 16, 16, true), lo, hi);
    a32_put(t, a->rd, ir_deposit(a32_ir(t), l, h, 16, 16));
}

void tr_a32_ssat16(struct tr_a32 *t, const struct args_a32_ssat16 *a) { saturate16(t, a, true); }
void tr_a32_usat16(struct tr_a32 *t, const struct args_a32_usat16 *a) { saturate16(t, a, false); }

/* --- parallel arithmetic ---------------------------------------------------------------------------------------------------- */

enum { TOPS = 0x80808080u, KIND_U = 5, ADD8 = 4, SUB8 = 7 };

/* Each byte's top bit spread over it. */
static ir_ref spread(struct tr_a32 *t, ir_ref tops) { return bini(t, IR_OP_mul, bini(t, IR_OP_shr, tops, 7), 255); }

/* Bytes added without carries between them: the top bits are added apart. GE: the carries. */
static ir_ref uadd8(struct tr_a32 *t, ir_ref n, ir_ref m)
{
    ir_ref top = bini(t, IR_OP_and, bin(t, IR_OP_xor, n, m), TOPS), r, carry;

    r = bin(t, IR_OP_add, bini(t, IR_OP_and, n, ~TOPS), bini(t, IR_OP_and, m, ~TOPS));
    r = bin(t, IR_OP_xor, r, top);
    carry = bin(t, IR_OP_or, bin(t, IR_OP_and, n, m), bin(t, IR_OP_andn, bin(t, IR_OP_or, n, m), r));
    ir_write_slot(a32_ir(t), ARM_SLOT_GE, spread(t, bini(t, IR_OP_and, carry, TOPS)));
    return r;
}

/* Likewise; GE: no borrow. */
static ir_ref usub8(struct tr_a32 *t, ir_ref n, ir_ref m)
{
    ir_ref not_m = ir_un(a32_ir(t), IR_OP_not, m), top = bini(t, IR_OP_and, bin(t, IR_OP_xor, n, not_m), TOPS), r, carry;

    r = bin(t, IR_OP_sub, bini(t, IR_OP_or, n, TOPS), bini(t, IR_OP_and, m, ~TOPS));
    r = bin(t, IR_OP_xor, r, top);
    carry = bin(t, IR_OP_or, bin(t, IR_OP_and, n, not_m), bin(t, IR_OP_andn, bin(t, IR_OP_or, n, not_m), r));
    ir_write_slot(a32_ir(t), ARM_SLOT_GE, spread(t, bini(t, IR_OP_and, carry, TOPS)));
    return r;
}

/* kind: 1 S, 2 Q, 3 SH, 5 U, 6 UQ, 7 UH. S and U set GE. */
void tr_a32_parallel(struct tr_a32 *t, const struct args_a32_parallel *a)
{
    struct ir *ir = a32_ir(t);
    ir_ref n = a32_r(t, a->rn), m = a32_r(t, a->rm), v;

    if (a->kind == KIND_U && a->op == ADD8) {
        a32_put(t, a->rd, uadd8(t, n, m));
        return;
    }
    if (a->kind == KIND_U && a->op == SUB8) {
        a32_put(t, a->rd, usub8(t, n, m));
        return;
    }
    v = ir_call(ir, ARM_H_parallel, 3, (ir_ref[]){ n, m, a32_const(t, (uint32_t)(a->kind << 3 | a->op)) });
    a32_put(t, a->rd, ir_conv(ir, IR_OP_trunc, IR_I32, v));
    if ((a->kind & 3) == 1)
        ir_write_slot(ir, ARM_SLOT_GE, ir_conv(ir, IR_OP_trunc, IR_I32, bini(t, IR_OP_shr, v, 32)));
}

void tr_a32_sel(struct tr_a32 *t, const struct args_a32_sel *a)
{
    ir_ref ge = ir_read_slot(a32_ir(t), ARM_SLOT_GE);

    a32_put(t, a->rd, bin(t, IR_OP_or, bin(t, IR_OP_and, a32_r(t, a->rn), ge), bin(t, IR_OP_andn, a32_r(t, a->rm), ge)));
}

void tr_a32_usada8(struct tr_a32 *t, const struct args_a32_usada8 *a)
{
    const ir_ref args[] = { a32_r(t, a->rn), a32_r(t, a->rm), a->ra == 15 ? a32_const(t, 0) : a32_r(t, a->ra) };

    a32_put(t, a->rd, ir_call(a32_ir(t), ARM_H_usada8, 3, args));
}

/* --- packing, extension ------------------------------------------------------------------------------------------------------ */

void tr_a32_pkhbt(struct tr_a32 *t, const struct args_a32_pkhbt *a)
{
    ir_ref m = a32_r(t, a->rm);

    if (a->amount)
        m = bini(t, IR_OP_shl, m, (unsigned)a->amount);
    a32_put(t, a->rd, ir_deposit(a32_ir(t), m, a32_r(t, a->rn), 0, 16));
}

void tr_a32_pkhtb(struct tr_a32 *t, const struct args_a32_pkhtb *a)
{
    ir_ref m = bini(t, IR_OP_sar, a32_r(t, a->rm), a->amount ? (unsigned)a->amount : 31);

    a32_put(t, a->rd, ir_deposit(a32_ir(t), a32_r(t, a->rn), m, 0, 16));
}

/* op: bit 2 unsigned; 0 two bytes to halves, 2 byte, 3 half. Rn, unless it is R15, is added. */
void tr_a32_extend(struct tr_a32 *t, const struct args_a32_extend *a)
{
    struct ir *ir = a32_ir(t);
    bool sign = !(a->op & 4), add = a->rn != 15;
    ir_ref m = a32_r(t, a->rm), n = add ? a32_r(t, a->rn) : IR_NONE, v, hi;

    if (a->rotate)
        m = bini(t, IR_OP_rotr, m, 8 * (unsigned)a->rotate);
    if (a->op & 3) {
        v = ir_ext(ir, m, 0, (a->op & 3) == 2 ? 8 : 16, sign);
        if (add)
            v = bin(t, IR_OP_add, n, v);
    } else {
        v = ir_ext(ir, m, 0, 8, sign);
        hi = ir_ext(ir, m, 16, 8, sign);
        if (add) {
            v = bin(t, IR_OP_add, n, v);
            hi = bin(t, IR_OP_add, bini(t, IR_OP_shr, n, 16), hi);
        }
        v = ir_deposit(ir, v, hi, 16, 16);
    }
    a32_put(t, a->rd, v);
}

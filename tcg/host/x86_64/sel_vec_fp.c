/* tcg/host/x86_64/sel_vec_fp.c - floating-point lanes. MXCSR carries rounding and flags as for scalars (sel_fp.c); when a lane
 * comes out as a NaN or out of range, the interpreter's code does the whole operation again by the guest's rules: its flags
 * are those raised already, or more. */
#include "tcg/host/x86_64/fp.h"
#include "tcg/host/x86_64/vec.h"

static bool wide(const struct ir_insn *i) { return i->imm == 64; }
static bool l256(const struct ir_insn *i) { return x64_is256(i->type); }

#define LANES(i, name) (wide(i) ? X_##name##pd : X_##name##ps)

/* Any lane of t set: the slow way. */
static void unless_clear(struct x64_emit *e)
{
    struct x64_stub *s = x64_stub(e, x64_vec_soft_stub);

    if (l256(e->i))
        x64_op256(&e->b, X_movmskps, RTMP, 0, x64_r(XTMP), 0);
    else
        x64_op(&e->b, X_movmskps, false, RTMP, 0, x64_r(XTMP), 0);
    x64_gg(&e->b, X_test, false, RTMP, RTMP);
    x64_cold(e, s, CC_NE);
    s->back = x64_here(&e->b);
}

enum { CMP_EQ, CMP_LT_S, CMP_LE_S, CMP_UNORD, CMP_EQ_S = 0x10, CMP_LT_Q, CMP_LE_Q };       /* Intel SDM, CMPPS */

static void look_for_nan(struct x64_emit *e)
{
    unsigned d = x64_dst(e);

    if (nan_rule(e->i) == IR_FP_NAN_HOST)
        return;
    x64_vvvi(&e->b, LANES(e->i, cmp), l256(e->i), XTMP, d, x64_r(d), CMP_UNORD);
    unless_clear(e);
}

/* --- arithmetic ------------------------------------------------------------------------------------------------------------- */

static enum x64_op arith_op(const struct ir_insn *i)
{
    switch (i->op) {
    case IR_OP_vfadd: return LANES(i, add);
    case IR_OP_vfsub: return LANES(i, sub);
    case IR_OP_vfmul: return LANES(i, mul);
    default: return LANES(i, div);
    }
}

void x64_emit_vfarith(struct x64_emit *e)
{
    if (!x64_vec_usable(e, e->i->type))
        return;
    if (rounding(e->i) == IR_FP_RMM) {
        x64_vec_soft(e);
        return;
    }
    x64_begin_rounding(e, rounding(e->i));
    x64_vvv(&e->b, arith_op(e->i), l256(e->i), x64_dst(e), x64_areg(e, 0), x64_r(x64_areg(e, 1)));
    x64_end_rounding(e, rounding(e->i));
    look_for_nan(e);
}

void x64_emit_vfsqrt(struct x64_emit *e)
{
    if (!x64_vec_usable(e, e->i->type))
        return;
    if (rounding(e->i) == IR_FP_RMM) {
        x64_vec_soft(e);
        return;
    }
    x64_begin_rounding(e, rounding(e->i));
    x64_vv(&e->b, LANES(e->i, sqrt), l256(e->i), x64_dst(e), x64_r(x64_areg(e, 0)));
    x64_end_rounding(e, rounding(e->i));
    look_for_nan(e);
}

void x64_emit_vfma(struct x64_emit *e)
{
    const struct ir_insn *i = e->i;
    bool np = i->aux & IR_FP_NEG_PROD, na = i->aux & IR_FP_NEG_ADD;
    enum x64_op op = np ? (na ? LANES(i, vfnmsub231) : LANES(i, vfnmadd231)) : na ? LANES(i, vfmsub231) : LANES(i, vfmadd231);
    unsigned d = x64_dst(e);

    if (!x64_vec_usable(e, i->type))
        return;
    if (!x64_cpu.fma || rounding(i) == IR_FP_RMM) {
        x64_vec_soft(e);
        return;
    }
    x64_vmove(e, i->type, d, x64_areg(e, 2));
    x64_begin_rounding(e, rounding(i));
    x64_vvv(&e->b, op, l256(i), d, x64_areg(e, 0), x64_r(x64_areg(e, 1)));
    x64_end_rounding(e, rounding(i));
    look_for_nan(e);
}

/* The host takes its second operand when the two are zeros or one is a NaN: both orders, put together by sign. */
void x64_emit_vfminmax(struct x64_emit *e)
{
    enum x64_op op = e->i->op == IR_OP_vfmin ? LANES(e->i, min) : LANES(e->i, max);
    unsigned d = x64_dst(e), a = x64_areg(e, 0), b = x64_areg(e, 1);
    bool l = l256(e->i);
    struct x64_stub *s;

    if (!x64_vec_usable(e, e->i->type))
        return;
    if (nan_rule(e->i) == IR_FP_NAN_HOST) {
        x64_vvv(&e->b, op, l, d, a, x64_r(b));
        return;
    }
    /* NaNs are looked for first: the host's minimum would raise invalid for quiet ones too */
    s = x64_stub(e, x64_vec_soft_stub);
    x64_vvvi(&e->b, LANES(e->i, cmp), l, XTMP, a, x64_r(b), CMP_UNORD);
    if (l)
        x64_op256(&e->b, X_movmskps, RTMP, 0, x64_r(XTMP), 0);
    else
        x64_op(&e->b, X_movmskps, false, RTMP, 0, x64_r(XTMP), 0);
    x64_gg(&e->b, X_test, false, RTMP, RTMP);
    x64_cold(e, s, CC_NE);
    x64_vvv(&e->b, op, l, XTMP, a, x64_r(b));
    x64_vvv(&e->b, op, l, d, b, x64_r(a));
    x64_vvv(&e->b, e->i->op == IR_OP_vfmin ? X_orps : X_andps, l, d, d, x64_r(XTMP));
    s->back = x64_here(&e->b);
}

void x64_emit_vfcmp(struct x64_emit *e)
{
    static const uint8_t how[] = { [IR_FEQ] = CMP_EQ, [IR_FLT] = CMP_LT_S, [IR_FLE] = CMP_LE_S, [IR_FUN] = CMP_UNORD,
                                   [IR_FLTQ] = CMP_LT_Q, [IR_FLEQ] = CMP_LE_Q, [IR_FEQS] = CMP_EQ_S };
    unsigned k = how[e->i->aux];

    if (!x64_vec_usable(e, e->i->type))
        return;
    if (k > 7 && !x64_cpu.avx)
        x64_vec_soft(e);
    else
        x64_vvvi(&e->b, LANES(e->i, cmp), l256(e->i), x64_dst(e), x64_areg(e, 0), x64_r(x64_areg(e, 1)), (uint8_t)k);
}

/* --- rounding, conversion ------------------------------------------------------------------------------------------------------ */

void x64_emit_vfround(struct x64_emit *e)
{
    static const uint8_t mode[8] = { [IR_FP_DYN] = 4, [IR_FP_RNE] = 0, [IR_FP_RTZ] = 3, [IR_FP_RDN] = 1, [IR_FP_RUP] = 2 };

    if (!x64_vec_usable(e, e->i->type))
        return;
    if (!x64_cpu.sse41 || rounding(e->i) == IR_FP_RMM) {
        x64_vec_soft(e);
        return;
    }
    x64_vvi(&e->b, LANES(e->i, round), l256(e->i), x64_dst(e), x64_r(x64_areg(e, 0)),
            (uint8_t)(mode[rounding(e->i)] | (e->i->aux & IR_FP_INEXACT ? 0 : 8)));
    look_for_nan(e);
}

static void convert_to_int(struct x64_emit *e, enum x64_op truncating, enum x64_op rounded, uint64_t odd)
{
    bool zero = rounding(e->i) == IR_FP_RTZ;
    unsigned d = x64_dst(e);

    if (!zero)
        x64_begin_rounding(e, rounding(e->i));
    x64_vv(&e->b, zero ? truncating : rounded, l256(e->i), d, x64_r(x64_areg(e, 0)));
    if (!zero)
        x64_end_rounding(e, rounding(e->i));
    x64_vvv(&e->b, wide(e->i) ? X_pcmpeqq : X_pcmpeqd, l256(e->i), XTMP, d, x64_splat(e, odd, (unsigned)e->i->imm, l256(e->i)));
    unless_clear(e);
}

/* Two doubles one by one; what is out of range comes as the least number. */
static void doubles_to_int(struct x64_emit *e)
{
    bool zero = rounding(e->i) == IR_FP_RTZ;
    enum x64_op op = zero ? X_cvttsd2si : X_cvtsd2si;
    unsigned d = x64_dst(e), a = x64_areg(e, 0);

    if (!zero)
        x64_begin_rounding(e, rounding(e->i));
    x64_op(&e->b, op, true, RTMP, 0, x64_r(a), 0);
    x64_op(&e->b, X_movd_x, true, d, 0, x64_r(RTMP), 0);
    x64_vvv(&e->b, X_punpckhqdq, false, XTMP, a, x64_r(a));
    x64_op(&e->b, op, true, RTMP, 0, x64_r(XTMP), 0);
    x64_op(&e->b, X_movd_x, true, XTMP, 0, x64_r(RTMP), 0);
    x64_vvv(&e->b, X_punpcklqdq, false, d, d, x64_r(XTMP));
    if (!zero)
        x64_end_rounding(e, rounding(e->i));
    x64_vvv(&e->b, X_pcmpeqq, false, XTMP, d, x64_splat(e, 1ull << 63, 64, false));
    unless_clear(e);
}

void x64_emit_vftoi(struct x64_emit *e)
{
    bool u = e->i->aux & IR_FP_UNSIGNED, small = e->i->type == IR_V128;

    if (!x64_vec_usable(e, e->i->type))
        return;
    if (rounding(e->i) == IR_FP_RMM)
        x64_vec_soft(e);
    else if (!wide(e->i) && !u)
        convert_to_int(e, X_cvttps2dq, X_cvtps2dq, 1u << 31);
    else if (!wide(e->i) && small && x64_cpu.avx512vl)
        convert_to_int(e, X_vcvttps2udq, X_vcvtps2udq, UINT32_MAX);
    else if (wide(e->i) && small && x64_cpu.avx512dq)
        convert_to_int(e, u ? X_vcvttpd2uqq : X_vcvttpd2qq, u ? X_vcvtpd2uqq : X_vcvtpd2qq, u ? UINT64_MAX : 1ull << 63);
    else if (wide(e->i) && small && !u && x64_cpu.sse41)
        doubles_to_int(e);
    else
        x64_vec_soft(e);
}

static void ints_to_double(struct x64_emit *e)
{
    unsigned d = x64_dst(e), a = x64_areg(e, 0);

    x64_vvv(&e->b, X_xorps, false, d, d, x64_r(d));
    x64_op(&e->b, X_movd_r, true, a, 0, x64_r(RTMP), 0);
    x64_op(&e->b, X_cvtsi2sd, true, d, x64_cpu.avx ? d : 0, x64_r(RTMP), 0);
    x64_vvv(&e->b, X_punpckhqdq, false, XTMP, a, x64_r(a));
    x64_op(&e->b, X_movd_r, true, XTMP, 0, x64_r(RTMP), 0);
    x64_op(&e->b, X_cvtsi2sd, true, XTMP, x64_cpu.avx ? XTMP : 0, x64_r(RTMP), 0);
    x64_vvv(&e->b, X_punpcklqdq, false, d, d, x64_r(XTMP));
}

void x64_emit_vitof(struct x64_emit *e)
{
    bool u = e->i->aux & IR_FP_UNSIGNED, small = e->i->type == IR_V128, plain = rounding(e->i) != IR_FP_RMM;
    unsigned d = x64_dst(e), a = x64_areg(e, 0);

    if (!x64_vec_usable(e, e->i->type))
        return;
    if (plain)
        x64_begin_rounding(e, rounding(e->i));
    if (plain && !wide(e->i) && !u)
        x64_vv(&e->b, X_cvtdq2ps, l256(e->i), d, x64_r(a));
    else if (plain && !wide(e->i) && small && x64_cpu.avx512vl)
        x64_vv(&e->b, X_vcvtudq2ps, false, d, x64_r(a));
    else if (plain && wide(e->i) && small && x64_cpu.avx512dq)
        x64_vv(&e->b, u ? X_vcvtuqq2pd : X_vcvtqq2pd, false, d, x64_r(a));
    else if (plain && wide(e->i) && small && !u)
        ints_to_double(e);
    else
        x64_vec_soft(e);
    if (plain)
        x64_end_rounding(e, rounding(e->i));
}

/* Between the widths a NaN keeps its sign and the upper bits of its payload, on the host as on Arm. */
void x64_emit_vfwiden(struct x64_emit *e)
{
    unsigned d = x64_dst(e), a = x64_areg(e, 0);

    if (e->i->type != IR_V128 || nan_rule(e->i) == IR_FP_NAN_CANON) {
        x64_vec_soft(e);
        return;
    }
    if (e->i->imm) {
        x64_vvi(&e->b, X_pshufd, false, XTMP, x64_r(a), 0xee);
        a = XTMP;
    }
    x64_vv(&e->b, X_cvtps2pd, false, d, x64_r(a));
}

void x64_emit_vfnarrow(struct x64_emit *e)
{
    if (e->i->type != IR_V128 || nan_rule(e->i) == IR_FP_NAN_CANON || rounding(e->i) == IR_FP_RMM) {
        x64_vec_soft(e);
        return;
    }
    x64_begin_rounding(e, rounding(e->i));
    x64_vv(&e->b, X_cvtpd2ps, false, x64_dst(e), x64_r(x64_areg(e, 0)));
    x64_end_rounding(e, rounding(e->i));
}

/* tcg/host/x86_64/sel_fp.c - scalar floating point: arithmetic, rounding, NaNs.
 *
 * MXCSR carries the guest's rounding mode and collects its sticky flags. Where a guest's NaN differs from the host's, an
 * unordered result (one compare and a branch never taken) goes to a cold path. A static rounding mode is put into MXCSR
 * for the one instruction; embedded rounding (AVX-512) would suppress the flags. Rounding to nearest, ties away, and
 * what the processor lacks are C (soft.c). */
#include "tcg/host/x86_64/fp.h"

void x64_ucomis(struct x64_emit *e, enum ir_type t, unsigned a, struct x64_rm b)
{
    x64_vv(&e->b, PICK(t, ucomi), false, a, b);
}

/* --- a static rounding mode --------------------------------------------------------------------------------------------- */

void x64_begin_rounding(struct x64_emit *e, unsigned mode)
{
    static const uint8_t rc[] = { [IR_FP_RNE] = 0, [IR_FP_RTZ] = 3, [IR_FP_RDN] = 1, [IR_FP_RUP] = 2 };

    if (mode == IR_FP_DYN)
        return;
    x64_stmxcsr(&e->b, x64_frame(X64_RES_TMP));
    x64_g(&e->b, X_mov_load, false, RTMP, x64_frame(X64_RES_TMP));
    x64_alui(&e->b, ALU_AND, false, x64_r(RTMP), ~0x6000);
    if (rc[mode])
        x64_alui(&e->b, ALU_OR, false, x64_r(RTMP), rc[mode] << 13);
    x64_g(&e->b, X_mov_store, false, RTMP, x64_frame(X64_RES_TMP + 4));
    x64_ldmxcsr(&e->b, x64_frame(X64_RES_TMP + 4));
}

void x64_end_rounding(struct x64_emit *e, unsigned mode)
{
    if (mode == IR_FP_DYN)
        return;
    x64_stmxcsr(&e->b, x64_frame(X64_RES_TMP + 4));
    x64_g(&e->b, X_mov_load, false, RTMP, x64_frame(X64_RES_TMP + 4));
    x64_alui(&e->b, ALU_AND, false, x64_r(RTMP), 0x3f);
    x64_alu_m(&e->b, ALU_OR, false, x64_frame(X64_RES_TMP), RTMP);
    x64_ldmxcsr(&e->b, x64_frame(X64_RES_TMP));
}

/* --- NaN results ---------------------------------------------------------------------------------------------------------- */

static struct x64_rm canonical(struct x64_emit *e, enum ir_type t)
{
    uint64_t v = f64(t) ? 0x7ff8000000000000 : 0x7fc00000;

    return x64_literal(&e->b, &v, f64(t) ? 8 : 4);
}

void x64_load_canonical(struct x64_emit *e, struct x64_stub *s)
{
    x64_vload(e, e->i->type, x64_dst(e), canonical(e, e->i->type));
    x64_jmp_to(&e->b, s->back);
}

/* The operands still stand in their registers: C decides. */
static void decide_nan(struct x64_emit *e, struct x64_stub *s)
{
    for (unsigned k = 0; k < e->i->nargs; k++)
        x64_vstore(e, IR_F64, x64_frame(X64_VEC_BUF + 8 * k), x64_areg(e, k));
    x64_pushi(&e->b, (int32_t)(e->i->aux | (f64(e->i->type) ? SOFT_F64 : 0) | (uint32_t)e->i->op << 16));
    x64_call_tramp(e, SLOW_NAN);
    x64_vload(e, e->i->type, x64_dst(e), x64_frame(X64_VEC_BUF));
    x64_jmp_to(&e->b, s->back);
}

void x64_fix_nan(struct x64_emit *e, x64_stub_fn *arm)
{
    unsigned d = x64_dst(e);
    struct x64_stub *s;

    if (nan_rule(e->i) == IR_FP_NAN_HOST || (e->i->mark & X64_LAZY_NAN))
        return;
    if (nan_rule(e->i) == IR_FP_NAN_ARM && !arm)
        return;
    s = x64_stub(e, nan_rule(e->i) == IR_FP_NAN_ARM ? arm : x64_load_canonical);
    x64_ucomis(e, e->i->type, d, x64_r(d));
    x64_cold(e, s, CC_P);
    s->back = x64_here(&e->b);
}

/* Consumers that make their own NaN from any other, or look at none of its bits. */
static bool ignores_payload(const struct ir_insn *i)
{
    switch (i->op) {
    case IR_OP_fadd: case IR_OP_fsub: case IR_OP_fmul: case IR_OP_fdiv: case IR_OP_fsqrt: case IR_OP_fma: case IR_OP_fmin:
    case IR_OP_fmax: case IR_OP_fcvt: case IR_OP_fround: case IR_OP_ftoi:
        return nan_rule(i) == IR_FP_NAN_CANON;
    case IR_OP_fcmp:
        return true;
    default:
        return false;
    }
}

/* Results that are a number or the canonical NaN once x64_fix_nan() has looked at them. */
static bool makes_canonical(const struct ir_insn *i)
{
    switch (i->op) {
    case IR_OP_fadd: case IR_OP_fsub: case IR_OP_fmul: case IR_OP_fdiv: case IR_OP_fsqrt: case IR_OP_fma: case IR_OP_fmin:
    case IR_OP_fmax: case IR_OP_fcvt: case IR_OP_fround:
        return nan_rule(i) == IR_FP_NAN_CANON;
    default:
        return false;
    }
}

static bool is_lazy(const struct ir *ir, ir_ref r) { return ir_at(ir, r)->mark & X64_LAZY_NAN; }

/* Of a phi whether any NaN will do is asked of its users; but what it merges must all be free to change. */
static bool all_canonical(const struct ir *ir, const struct ir_insn *phi)
{
    const ir_ref *args = ir_args(ir, phi);

    for (unsigned k = 0; k < phi->nargs; k++) {
        const struct ir_insn *a = ir_at(ir, args[k]);
        if (!(a->op == IR_OP_phi ? is_lazy(ir, args[k]) : makes_canonical(a)))
            return false;
    }
    return true;
}

/* Takes the laziness away where somebody can tell. Returns whether a phi lost it: then its arguments have to be looked at
 * again. */
static bool find_strict(struct ir *ir)
{
    bool again = false;

    for (ir_ref r = 1; r < ir->ninsns; r++) {
        struct ir_insn *i = ir_at(ir, r);
        const ir_ref *args = ir_args(ir, i);

        if (i->op == IR_OP_phi && is_lazy(ir, r) && !all_canonical(ir, i)) {
            i->mark &= (uint16_t)~X64_LAZY_NAN;
            again = true;
        }
        if (i->op == IR_OP_nop || ignores_payload(i) || (i->op == IR_OP_phi && is_lazy(ir, r)))
            continue;
        for (unsigned k = 0; k < i->nargs; k++) {
            again |= ir_at(ir, args[k])->op == IR_OP_phi && is_lazy(ir, args[k]);
            ir_at(ir, args[k])->mark &= (uint16_t)~X64_LAZY_NAN;
        }
    }
    return again;
}

/* Snapshots do not count as users: they put the NaN right when somebody looks. */
void x64_select_fp(struct ir *ir)
{
    bool any = false;

    x64_fuse_branches(ir);
    for (ir_ref r = 1; r < ir->ninsns; r++) {
        struct ir_insn *i = ir_at(ir, r);
        if (makes_canonical(i)) {
            i->mark |= X64_LAZY_NAN;
            any = true;
        } else if (i->op == IR_OP_phi && (i->type == IR_F32 || i->type == IR_F64)) {
            i->mark |= X64_LAZY_NAN;
        }
    }
    if (!any)
        return;
    while (find_strict(ir))
        ;
    for (uint32_t k = 0; k < ir->nsnap_pool; k++)
        if (is_lazy(ir, ir->snap_pool[k].val))
            ir->snap_pool[k].how |= IR_HOW_CANON;
}

/* --- arithmetic -------------------------------------------------------------------------------------------------------------- */

/* Two-address without AVX; ARM's NaNs need both operands afterwards. */
static void want_result(const struct x64_need *s)
{
    bool keep = nan_rule(s->i) == IR_FP_NAN_ARM;

    x64_want_dst(s, x64_cpu.avx || keep ? -1 : 0);
    s->n->dst_early = keep;
}

void x64_need_farith(const struct x64_need *s)
{
    if (rounding(s->i) == IR_FP_RMM) {
        x64_libcall_need(s);
        return;
    }
    want_result(s);
    x64_want(s, 0, RA_REG);
    x64_want(s, 1, nan_rule(s->i) == IR_FP_NAN_ARM ? RA_REG : RA_ANY);
}

static enum x64_op arith_op(const struct ir_insn *i)
{
    switch (i->op) {
    case IR_OP_fadd: return PICK(i->type, add);
    case IR_OP_fsub: return PICK(i->type, sub);
    case IR_OP_fmul: return PICK(i->type, mul);
    default: return PICK(i->type, div);
    }
}

void x64_emit_farith(struct x64_emit *e)
{
    if (rounding(e->i) == IR_FP_RMM) {
        x64_libcall(e, f64(e->i->type) ? (const void *)soft_rmm64 : (const void *)soft_rmm32, e->i->op);
    } else {
        x64_begin_rounding(e, rounding(e->i));
        x64_vvv(&e->b, arith_op(e->i), false, x64_dst(e), x64_areg(e, 0), x64_aloc(e, 1));
        x64_end_rounding(e, rounding(e->i));
    }
    x64_fix_nan(e, decide_nan);
}

/* A square root is never half way between two numbers: RMM is RNE. */
static unsigned sqrt_rounding(const struct ir_insn *i)
{
    return rounding(i) == IR_FP_RMM ? IR_FP_RNE : rounding(i);
}

void x64_need_fsqrt(const struct x64_need *s)
{
    want_result(s);
    x64_want(s, 0, RA_REG);
    s->n->dst_same = -1;
}

void x64_emit_fsqrt(struct x64_emit *e)
{
    unsigned a = x64_areg(e, 0);

    x64_begin_rounding(e, sqrt_rounding(e->i));
    x64_op(&e->b, PICK(e->i->type, sqrt), false, x64_dst(e), x64_cpu.avx ? a : 0, x64_r(a), 0);
    x64_end_rounding(e, sqrt_rounding(e->i));
    x64_fix_nan(e, decide_nan);
}

/* --- fused multiply-add ---------------------------------------------------------------------------------------------------------- */

static bool fma_native(const struct ir_insn *i)
{
    return x64_cpu.fma && rounding(i) != IR_FP_RMM;
}

void x64_need_fma(const struct x64_need *s)
{
    if (!fma_native(s->i)) {
        x64_libcall_need(s);
        return;
    }
    want_result(s);
    s->n->dst_same = s->n->dst_early ? -1 : 2;
    for (unsigned k = 0; k < 3; k++)
        x64_want(s, k, RA_REG);
}

/* RISC-V: infinity times zero is invalid even when the addend is a quiet NaN, which the host lets pass. The addend is
 * gone; the product alone, tried without keeping what else it raises, tells. */
static void canonical_fma(struct x64_emit *e, struct x64_stub *s)
{
    enum ir_type t = e->i->type;
    uint32_t keep;

    x64_stmxcsr(&e->b, x64_frame(X64_RES_TMP));
    x64_vvv(&e->b, PICK(t, mul), false, XTMP, x64_areg(e, 0), x64_r(x64_areg(e, 1)));
    x64_ucomis(e, t, XTMP, x64_r(XTMP));
    keep = x64_jcc8(&e->b, CC_P);
    x64_ldmxcsr(&e->b, x64_frame(X64_RES_TMP));
    x64_bind8(&e->b, keep);
    x64_load_canonical(e, s);
}

void x64_emit_fma(struct x64_emit *e)
{
    enum ir_type t = e->i->type;
    bool np = e->i->aux & IR_FP_NEG_PROD, na = e->i->aux & IR_FP_NEG_ADD;
    enum x64_op op = np ? (na ? PICK(t, vfnmsub231) : PICK(t, vfnmadd231)) : na ? PICK(t, vfmsub231) : PICK(t, vfmadd231);
    unsigned d = x64_dst(e);
    struct x64_stub *s;

    if (!fma_native(e->i)) {
        x64_libcall(e, f64(t) ? (const void *)soft_fma64 : (const void *)soft_fma32, e->i->aux);
        return;
    }
    x64_vmove(e, t, d, x64_areg(e, 2));
    x64_begin_rounding(e, rounding(e->i));
    x64_op(&e->b, op, false, d, x64_areg(e, 0), x64_r(x64_areg(e, 1)), 0);
    x64_end_rounding(e, rounding(e->i));
    if (nan_rule(e->i) == IR_FP_NAN_HOST)
        return;
    s = x64_stub(e, nan_rule(e->i) == IR_FP_NAN_ARM ? decide_nan : canonical_fma);
    x64_ucomis(e, t, d, x64_r(d));                             /* a lazy NaN may still owe the invalid flag: always looked at */
    x64_cold(e, s, CC_P);
    s->back = x64_here(&e->b);
}

/* --- minimum, maximum --------------------------------------------------------------------------------------------------------------- */

void x64_need_fminmax(const struct x64_need *s)
{
    x64_want_dst(s, -1);
    s->n->dst_early = true;
    x64_want(s, 0, RA_REG);
    x64_want(s, 1, RA_REG);
}

/* A number beats a NaN; two NaNs give the canonical one. A signalling one has raised its flag in the first compare. */
static void minmax_nan(struct x64_emit *e, struct x64_stub *s)
{
    unsigned d = x64_dst(e), a = x64_areg(e, 0), b = x64_areg(e, 1);
    enum ir_type t = e->i->type;
    uint32_t a_nan, b_nan;

    x64_ucomis(e, t, a, x64_r(a));
    a_nan = x64_jcc8(&e->b, CC_P);
    x64_vmove(e, t, d, a);
    x64_jmp_to(&e->b, s->back);
    x64_bind8(&e->b, a_nan);
    x64_ucomis(e, t, b, x64_r(b));
    b_nan = x64_jcc8(&e->b, CC_P);
    x64_vmove(e, t, d, b);
    x64_jmp_to(&e->b, s->back);
    x64_bind8(&e->b, b_nan);
    x64_load_canonical(e, s);
}

/* Equal: the same bits, or zeros of both signs. */
static void minmax_equal(struct x64_emit *e, struct x64_stub *s)
{
    x64_vvv(&e->b, e->i->op == IR_OP_fmin ? X_orps : X_andps, false, x64_dst(e), x64_areg(e, 0), x64_r(x64_areg(e, 1)));
    x64_jmp_to(&e->b, s->back);
}

void x64_emit_fminmax(struct x64_emit *e)
{
    enum ir_type t = e->i->type;
    unsigned d = x64_dst(e), a = x64_areg(e, 0), b = x64_areg(e, 1);
    struct x64_stub *nan = NULL, *equal = NULL;

    if (nan_rule(e->i) != IR_FP_NAN_HOST) {
        nan = x64_stub(e, nan_rule(e->i) == IR_FP_NAN_ARM ? decide_nan :
                          e->i->aux & IR_FP_MINMAX_NUM ? minmax_nan : x64_load_canonical);
        equal = x64_stub(e, minmax_equal);
        x64_ucomis(e, t, a, x64_r(b));
        x64_cold(e, nan, CC_P);
        x64_cold(e, equal, CC_E);
    }
    x64_vvv(&e->b, e->i->op == IR_OP_fmin ? PICK(t, min) : PICK(t, max), false, d, a, x64_r(b));
    if (nan)
        nan->back = equal->back = x64_here(&e->b);
}

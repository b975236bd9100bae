/* tcg/host/x86_64/sel_fp.c - scalar floating point.
 *
 * MXCSR carries the guest's rounding mode and collects its sticky flags. Where a guest's NaN differs from the host's, an
 * unordered result (one compare and a branch never taken) goes to a cold path. A static rounding mode is put into MXCSR
 * for the one instruction; embedded rounding (AVX-512) would suppress the flags. Rounding to nearest, ties away, and
 * what the processor lacks are C (soft.c). */
#include "tcg/host/x86_64/emit.h"
#include "tcg/host/x86_64/soft.h"

static bool f64(enum ir_type t) { return t == IR_F64; }
static enum ir_type arg_type(const struct ir *ir, const struct ir_insn *i, unsigned k) { return ir_type_of(ir, i->arg[k]); }
static unsigned rounding(const struct ir_insn *i) { return i->aux & IR_FP_ROUND; }
static unsigned nan_rule(const struct ir_insn *i) { return i->aux & IR_FP_NAN; }

#define PICK(t, name) (f64(t) ? X_##name##sd : X_##name##ss)

static void ucomis(struct x64_emit *e, enum ir_type t, unsigned a, struct x64_rm b)
{
    x64_vv(&e->b, PICK(t, ucomi), false, a, b);
}

/* --- a static rounding mode --------------------------------------------------------------------------------------------- */

static void begin_rounding(struct x64_emit *e, unsigned mode)
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

static void end_rounding(struct x64_emit *e, unsigned mode)
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

static void load_canonical(struct x64_emit *e, struct x64_stub *s)
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

static void fix_nan(struct x64_emit *e, x64_stub_fn *arm)
{
    unsigned d = x64_dst(e);
    struct x64_stub *s;

    if (nan_rule(e->i) == IR_FP_NAN_HOST || (e->i->mark & X64_LAZY_NAN))
        return;
    if (nan_rule(e->i) == IR_FP_NAN_ARM && !arm)
        return;
    s = x64_stub(e, nan_rule(e->i) == IR_FP_NAN_ARM ? arm : load_canonical);
    ucomis(e, e->i->type, d, x64_r(d));
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

/* Results that are a number or the canonical NaN once fix_nan() has looked at them. */
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
static void fuse_branches(struct ir *ir);

void x64_select_fp(struct ir *ir)
{
    bool any = false;

    fuse_branches(ir);
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
        begin_rounding(e, rounding(e->i));
        x64_vvv(&e->b, arith_op(e->i), false, x64_dst(e), x64_areg(e, 0), x64_aloc(e, 1));
        end_rounding(e, rounding(e->i));
    }
    fix_nan(e, decide_nan);
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

    begin_rounding(e, sqrt_rounding(e->i));
    x64_op(&e->b, PICK(e->i->type, sqrt), false, x64_dst(e), x64_cpu.avx ? a : 0, x64_r(a), 0);
    end_rounding(e, sqrt_rounding(e->i));
    fix_nan(e, decide_nan);
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
    ucomis(e, t, XTMP, x64_r(XTMP));
    keep = x64_jcc8(&e->b, CC_P);
    x64_ldmxcsr(&e->b, x64_frame(X64_RES_TMP));
    x64_bind8(&e->b, keep);
    load_canonical(e, s);
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
    begin_rounding(e, rounding(e->i));
    x64_op(&e->b, op, false, d, x64_areg(e, 0), x64_r(x64_areg(e, 1)), 0);
    end_rounding(e, rounding(e->i));
    if (nan_rule(e->i) == IR_FP_NAN_HOST)
        return;
    s = x64_stub(e, nan_rule(e->i) == IR_FP_NAN_ARM ? decide_nan : canonical_fma);
    ucomis(e, t, d, x64_r(d));                             /* a lazy NaN may still owe the invalid flag: always looked at */
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

    ucomis(e, t, a, x64_r(a));
    a_nan = x64_jcc8(&e->b, CC_P);
    x64_vmove(e, t, d, a);
    x64_jmp_to(&e->b, s->back);
    x64_bind8(&e->b, a_nan);
    ucomis(e, t, b, x64_r(b));
    b_nan = x64_jcc8(&e->b, CC_P);
    x64_vmove(e, t, d, b);
    x64_jmp_to(&e->b, s->back);
    x64_bind8(&e->b, b_nan);
    load_canonical(e, s);
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
                          e->i->aux & IR_FP_MINMAX_NUM ? minmax_nan : load_canonical);
        equal = x64_stub(e, minmax_equal);
        ucomis(e, t, a, x64_r(b));
        x64_cold(e, nan, CC_P);
        x64_cold(e, equal, CC_E);
    }
    x64_vvv(&e->b, e->i->op == IR_OP_fmin ? PICK(t, min) : PICK(t, max), false, d, a, x64_r(b));
    if (nan)
        nan->back = equal->back = x64_here(&e->b);
}

/* --- signs --------------------------------------------------------------------------------------------------------------------------- */

static struct x64_rm sign_mask(struct x64_emit *e, enum ir_type t, bool sign)
{
    uint64_t m = f64(t) ? 0x8000000000000000 : 0x80000000;

    return x64_literal128(&e->b, sign ? m : ~m, sign ? 0 : ~UINT64_C(0));
}

void x64_need_fsign(const struct x64_need *s)
{
    x64_want_dst(s, x64_cpu.avx ? -1 : 0);
    x64_want(s, 0, RA_REG);
}

void x64_emit_fsign(struct x64_emit *e)
{
    bool neg = e->i->op == IR_OP_fneg;

    x64_vvv(&e->b, neg ? X_xorps : X_andps, false, x64_dst(e), x64_areg(e, 0), sign_mask(e, e->i->type, neg));
}

void x64_need_fcopysign(const struct x64_need *s)
{
    x64_want_dst(s, x64_cpu.avx ? -1 : 0);
    x64_want(s, 0, RA_REG);
    x64_want(s, 1, RA_REG);
}

void x64_emit_fcopysign(struct x64_emit *e)
{
    unsigned d = x64_dst(e);

    x64_vvv(&e->b, X_andps, false, XTMP, x64_areg(e, 1), sign_mask(e, e->i->type, true));
    x64_vvv(&e->b, X_andps, false, d, x64_areg(e, 0), sign_mask(e, e->i->type, false));
    x64_vvv(&e->b, X_orps, false, d, d, x64_r(XTMP));
}

/* --- comparison ------------------------------------------------------------------------------------------------------------------------ */

void x64_need_fcmp(const struct x64_need *s)
{
    bool swap = s->i->aux == IR_FLT || s->i->aux == IR_FLE || s->i->aux == IR_FLTQ || s->i->aux == IR_FLEQ;

    x64_want_dst(s, -1);
    x64_want(s, 0, swap ? RA_ANY : RA_REG);
    x64_want(s, 1, swap ? RA_REG : RA_ANY);
}

/* a < b is b above a: with the carry clear only for ordered operands, no parity test is needed. */
void x64_emit_fcmp(struct x64_emit *e)
{
    enum ir_type t = arg_type(e->ir, e->i, 0);
    unsigned d = x64_dst(e), c = e->i->aux;
    enum x64_op quiet = PICK(t, ucomi), loud = PICK(t, comi);

    x64_movi(&e->b, d, 0);
    switch (c) {
    case IR_FLT: case IR_FLE: case IR_FLTQ: case IR_FLEQ:
        x64_vv(&e->b, c == IR_FLT || c == IR_FLE ? loud : quiet, false, x64_areg(e, 1), x64_aloc(e, 0));
        x64_setcc(&e->b, c == IR_FLT || c == IR_FLTQ ? CC_A : CC_AE, d);
        break;
    case IR_FUN:
        x64_vv(&e->b, quiet, false, x64_areg(e, 0), x64_aloc(e, 1));
        x64_setcc(&e->b, CC_P, d);
        break;
    default:
        x64_vv(&e->b, c == IR_FEQS ? loud : quiet, false, x64_areg(e, 0), x64_aloc(e, 1));
        x64_setcc(&e->b, CC_E, RTMP);
        x64_setcc(&e->b, CC_NP, d);
        x64_alu(&e->b, ALU_AND, false, d, x64_r(RTMP));
        break;
    }
}

/* A branch on a comparison's result compares itself, when nothing in between could see the flags missing. */
static bool can_fuse(const struct ir *ir, const struct ir_insn *br)
{
    const struct ir_insn *c = ir_at(ir, br->arg[0]);

    if (br->op != IR_OP_brcc || (br->aux != IR_EQ && br->aux != IR_NE) || c->op != IR_OP_fcmp || c->uses != 1 ||
        c->block != br->block || !ir_is_const(ir, br->arg[1]) || ir_at(ir, br->arg[1])->imm)
        return false;
    for (ir_ref r = c->next; r && ir_at(ir, r) != br; r = ir_at(ir, r)->next)
        if (ir_at(ir, r)->snap || ir_at(ir, r)->op == IR_OP_call)
            return false;
    return true;
}

static void fuse_branches(struct ir *ir)
{
    for (ir_block_ref b = 0; b < ir->nblocks; b++) {
        struct ir_insn *br = ir_at(ir, ir->blocks[b].last);

        if (!ir->blocks[b].last || !can_fuse(ir, br))
            continue;
        br->mark |= X64_FOLD0;
        ir_at(ir, br->arg[0])->mark |= X64_SKIP;
    }
}

void x64_fcmp_branch_need(const struct x64_need *s)
{
    const struct ir_insn *c = ir_at(s->ir, s->i->arg[0]);

    x64_want(s, 0, RA_FOLDED);
    x64_want(s, 1, RA_ANY);
    x64_want_extra(s, c->arg[0], RA_REG);
    x64_want_extra(s, c->arg[1], RA_REG);
}

/* Equality needs two tests: unordered operands look equal to the zero flag. */
static void branch_equal(struct x64_emit *e, bool when_equal)
{
    const struct ir_block *b = &e->ir->blocks[e->i->block];
    ir_block_ref equal = b->succ[!when_equal], other = b->succ[when_equal];

    x64_jump_block(e, CC_P, other);
    if (equal == e->next) {
        x64_jump_block(e, CC_NE, other);
        return;
    }
    x64_jump_block(e, CC_E, equal);
    if (other != e->next)
        x64_jump_block(e, -1, other);
}

void x64_fcmp_branch(struct x64_emit *e)
{
    const struct ir_insn *c = ir_at(e->ir, e->i->arg[0]);
    enum ir_type t = arg_type(e->ir, c, 0);
    unsigned a = e->a->extra[0].reg, b = e->a->extra[1].reg, invert = e->i->aux == IR_EQ;
    bool loud = c->aux == IR_FLT || c->aux == IR_FLE || c->aux == IR_FEQS;
    enum x64_op op = loud ? PICK(t, comi) : PICK(t, ucomi);

    if (c->aux == IR_FEQ || c->aux == IR_FEQS || c->aux == IR_FUN) {
        x64_vv(&e->b, op, false, a, x64_r(b));
        if (c->aux == IR_FUN)
            x64_branch(e, CC_P ^ invert);
        else
            branch_equal(e, !invert);
        return;
    }
    x64_vv(&e->b, op, false, b, x64_r(a));
    x64_branch(e, (c->aux == IR_FLT || c->aux == IR_FLTQ ? CC_A : CC_AE) ^ invert);
}

/* --- conversions --------------------------------------------------------------------------------------------------------------------------- */

static bool narrows(const struct ir_insn *i)
{
    return i->type == IR_F32;
}

void x64_need_fcvt(const struct x64_need *s)
{
    if (narrows(s->i) && rounding(s->i) == IR_FP_RMM) {
        x64_libcall_need(s);
        return;
    }
    x64_want_dst(s, -1);
    x64_want(s, 0, RA_REG);
}

void x64_emit_fcvt(struct x64_emit *e)
{
    unsigned mode = narrows(e->i) ? rounding(e->i) : IR_FP_DYN, a = x64_areg(e, 0);

    if (mode == IR_FP_RMM) {
        x64_libcall(e, soft_rmm_narrow, e->i->op);
    } else {
        begin_rounding(e, mode);
        x64_op(&e->b, narrows(e->i) ? X_cvtsd2ss : X_cvtss2sd, false, x64_dst(e), x64_cpu.avx ? a : 0, x64_r(a), 0);
        end_rounding(e, mode);
    }
    fix_nan(e, NULL);                                      /* the host propagates as ARM does */
}

static bool round_native(const struct ir_insn *i)
{
    return x64_cpu.sse41 && rounding(i) != IR_FP_RMM;
}

void x64_need_fround(const struct x64_need *s)
{
    if (!round_native(s->i)) {
        x64_libcall_need(s);
        return;
    }
    x64_want_dst(s, -1);
    x64_want(s, 0, RA_REG);
}

void x64_emit_fround(struct x64_emit *e)
{
    static const uint8_t mode[] = { [IR_FP_DYN] = 4, [IR_FP_RNE] = 0, [IR_FP_RTZ] = 3, [IR_FP_RDN] = 1, [IR_FP_RUP] = 2 };
    enum ir_type t = e->i->type;

    if (!round_native(e->i)) {
        x64_libcall(e, f64(t) ? (const void *)soft_round64 : (const void *)soft_round32, e->i->aux);
    } else {
        unsigned a = x64_areg(e, 0);

        x64_op(&e->b, PICK(t, round), false, x64_dst(e), x64_cpu.avx ? a : 0, x64_r(a), 1);
        x64_u8(&e->b, (uint8_t)(mode[rounding(e->i)] | (e->i->aux & IR_FP_INEXACT ? 0 : 8)));
    }
    fix_nan(e, NULL);
}

static bool ftoi_native(const struct ir_insn *i)
{
    return rounding(i) != IR_FP_RMM && (!(i->aux & IR_FP_UNSIGNED) || x64_cpu.avx512);
}

void x64_need_ftoi(const struct x64_need *s)
{
    if (!ftoi_native(s->i)) {
        x64_libcall_need(s);
        return;
    }
    x64_want_dst(s, -1);
    x64_want(s, 0, RA_REG);
}

/* The host gave its one answer for what doesn't fit (flags are right): minimum, or all ones when unsigned. */
static void ftoi_out_of_range(struct x64_emit *e, struct x64_stub *s)
{
    enum ir_type t = arg_type(e->ir, e->i, 0);
    bool uns = e->i->aux & IR_FP_UNSIGNED, w = e->i->type == IR_I64, arm = nan_rule(e->i) == IR_FP_NAN_ARM;
    unsigned d = x64_dst(e);
    uint32_t nan, negative;

    x64_vvv(&e->b, X_xorps, false, XTMP, XTMP, x64_r(XTMP));
    ucomis(e, t, XTMP, x64_r(x64_areg(e, 0)));             /* 0 against the operand */
    nan = x64_jcc8(&e->b, CC_P);
    negative = x64_jcc8(&e->b, CC_A);
    if (!uns)                                              /* positive: the maximum */
        x64_movi_keep(&e->b, d, w ? (uint64_t)INT64_MAX : INT32_MAX);
    x64_jmp_to(&e->b, s->back);
    x64_bind8(&e->b, nan);
    if (arm)
        x64_movi(&e->b, d, 0);
    else if (!uns)
        x64_movi_keep(&e->b, d, w ? (uint64_t)INT64_MAX : INT32_MAX);
    x64_jmp_to(&e->b, s->back);
    x64_bind8(&e->b, negative);
    if (uns)
        x64_movi(&e->b, d, 0);
    x64_jmp_to(&e->b, s->back);
}

static enum x64_op ftoi_op(enum ir_type t, bool uns, bool rtz)
{
    if (uns)
        return f64(t) ? (rtz ? X_vcvttsd2usi : X_vcvtsd2usi) : rtz ? X_vcvttss2usi : X_vcvtss2usi;
    return f64(t) ? (rtz ? X_cvttsd2si : X_cvtsd2si) : rtz ? X_cvttss2si : X_cvtss2si;
}

void x64_emit_ftoi(struct x64_emit *e)
{
    enum ir_type t = arg_type(e->ir, e->i, 0);
    bool uns = e->i->aux & IR_FP_UNSIGNED, w = e->i->type == IR_I64, rtz = rounding(e->i) == IR_FP_RTZ;
    unsigned mode = rtz ? IR_FP_DYN : rounding(e->i), d = x64_dst(e);
    struct x64_stub *s;

    if (!ftoi_native(e->i)) {
        x64_libcall(e, f64(t) ? (const void *)soft_ftoi64 : (const void *)soft_ftoi32, e->i->aux | (w ? SOFT_I64 : 0));
        return;
    }
    begin_rounding(e, mode);
    x64_op(&e->b, ftoi_op(t, uns, rtz), w, d, 0, x64_r(x64_areg(e, 0)), 0);
    end_rounding(e, mode);
    if (nan_rule(e->i) == IR_FP_NAN_HOST)
        return;
    s = x64_stub(e, ftoi_out_of_range);
    x64_alui(&e->b, ALU_CMP, w, x64_r(d), uns ? -1 : 1);   /* only the minimum overflows against 1 */
    x64_cold(e, s, uns ? CC_E : CC_O);
    s->back = x64_here(&e->b);
}

/* Can the conversion of an integer round? */
static bool itof_rounds(const struct ir *ir, const struct ir_insn *i)
{
    return arg_type(ir, i, 0) == IR_I64 || i->type == IR_F32;
}

static unsigned itof_mode(const struct ir *ir, const struct ir_insn *i)
{
    return itof_rounds(ir, i) ? rounding(i) : IR_FP_DYN;
}

void x64_need_itof(const struct x64_need *s)
{
    if (itof_mode(s->ir, s->i) == IR_FP_RMM) {
        x64_libcall_need(s);
        return;
    }
    x64_want_dst(s, -1);
    x64_want(s, 0, RA_REG);
}

static void cvtsi2f(struct x64_emit *e, enum x64_op op, bool w, unsigned s)
{
    unsigned d = x64_dst(e);

    x64_vvv(&e->b, X_xorps, false, d, d, x64_r(d));        /* the instruction merges: no wait for what d held */
    x64_op(&e->b, op, w, d, x64_cpu.avx || op == X_vcvtusi2sd || op == X_vcvtusi2ss ? d : 0, x64_r(s), 0);
}

/* 2^63 and above: half of it, the lost bit kept sticky, doubled. */
static void itof_large(struct x64_emit *e, struct x64_stub *s)
{
    enum ir_type t = e->i->type;
    unsigned a = x64_areg(e, 0), d = x64_dst(e);
    uint32_t even;

    begin_rounding(e, itof_mode(e->ir, e->i));             /* it uses r11 too */
    x64_mov(&e->b, true, RTMP, a);
    x64_shift(&e->b, SH_SHR, true, RTMP, 1);
    even = x64_jcc8(&e->b, CC_AE);
    x64_alui(&e->b, ALU_OR, true, x64_r(RTMP), 1);
    x64_bind8(&e->b, even);
    cvtsi2f(e, PICK(t, cvtsi2), true, RTMP);
    end_rounding(e, itof_mode(e->ir, e->i));
    x64_vvv(&e->b, PICK(t, add), false, d, d, x64_r(d));
    x64_jmp_to(&e->b, s->back);
}

static void itof_unsigned(struct x64_emit *e, unsigned mode)
{
    enum ir_type t = e->i->type;
    unsigned a = x64_areg(e, 0);
    struct x64_stub *s;

    if (x64_cpu.avx512) {
        begin_rounding(e, mode);
        cvtsi2f(e, f64(t) ? X_vcvtusi2sd : X_vcvtusi2ss, true, a);
        end_rounding(e, mode);
        return;
    }
    s = x64_stub(e, itof_large);
    x64_g(&e->b, X_test, true, a, x64_r(a));
    x64_cold(e, s, CC_S);
    begin_rounding(e, mode);
    cvtsi2f(e, PICK(t, cvtsi2), true, a);
    end_rounding(e, mode);
    s->back = x64_here(&e->b);
}

void x64_emit_itof(struct x64_emit *e)
{
    enum ir_type t = e->i->type;
    bool uns = e->i->aux & IR_FP_UNSIGNED, w = arg_type(e->ir, e->i, 0) == IR_I64;
    unsigned mode = itof_mode(e->ir, e->i), a = x64_areg(e, 0);

    if (mode == IR_FP_RMM) {
        if (!w)                                            /* the C function takes 64 bits */
            x64_gg(&e->b, uns ? X_mov_load : X_movsxd, !uns, a, a);
        x64_libcall(e, f64(t) ? (const void *)soft_itof64 : (const void *)soft_itof32, e->i->aux);
    } else if (uns && w) {
        itof_unsigned(e, mode);
    } else {
        begin_rounding(e, mode);
        if (uns)
            x64_gg(&e->b, X_mov_load, false, RTMP, a);
        cvtsi2f(e, PICK(t, cvtsi2), w || uns, uns ? RTMP : a);
        end_rounding(e, mode);
    }
}

/* --- bit patterns -------------------------------------------------------------------------------------------------------------------------- */

void x64_need_fbits(const struct x64_need *s)
{
    x64_want_dst(s, -1);
    x64_want(s, 0, RA_REG_OR_MEM);
}

void x64_emit_fbits(struct x64_emit *e)
{
    bool w = e->i->type == IR_I64;
    struct x64_rm a = x64_aloc(e, 0);

    if (a.reg >= 0)
        x64_op(&e->b, X_movd_r, w, (unsigned)a.reg, 0, x64_r(x64_dst(e)), 0);
    else
        x64_g(&e->b, X_mov_load, w, x64_dst(e), a);
}

void x64_need_bitsf(const struct x64_need *s)
{
    x64_want_dst(s, -1);
    x64_want(s, 0, RA_REG_OR_MEM);
}

void x64_emit_bitsf(struct x64_emit *e)
{
    struct x64_rm a = x64_aloc(e, 0);

    if (a.reg >= 0)
        x64_op(&e->b, X_movd_x, f64(e->i->type), x64_dst(e), 0, a, 0);
    else
        x64_vload(e, e->i->type, x64_dst(e), a);
}

void x64_need_fbox(const struct x64_need *s)
{
    x64_want_dst(s, x64_cpu.avx ? -1 : 0);
    x64_want(s, 0, RA_REG);
}

void x64_emit_fbox(struct x64_emit *e)
{
    x64_vvv(&e->b, X_orps, false, x64_dst(e), x64_areg(e, 0), x64_literal128(&e->b, 0xffffffff00000000, 0));
}

void x64_need_funbox(const struct x64_need *s)
{
    x64_want_dst(s, -1);
    x64_want(s, 0, RA_REG_OR_MEM);
}

void x64_emit_funbox(struct x64_emit *e)
{
    struct x64_stub *s = x64_stub(e, load_canonical);
    struct x64_rm a = x64_aloc(e, 0);

    if (a.reg < 0) {
        struct x64_rm high = a;

        high.disp += 4;
        x64_vload(e, IR_F32, x64_dst(e), a);
        x64_alui(&e->b, ALU_CMP, false, high, -1);
    } else {
        x64_op(&e->b, X_movd_r, true, (unsigned)a.reg, 0, x64_r(RTMP), 0);
        x64_vmove(e, IR_F32, x64_dst(e), (unsigned)a.reg);
        x64_shift(&e->b, SH_SAR, true, RTMP, 32);
        x64_alui(&e->b, ALU_CMP, true, x64_r(RTMP), -1);
    }
    x64_cold(e, s, CC_NE);
    s->back = x64_here(&e->b);
}

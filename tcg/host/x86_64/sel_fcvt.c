/* tcg/host/x86_64/sel_fcvt.c - floating point: signs, comparisons, conversions, bit patterns. */
#include "tcg/host/x86_64/fp.h"

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

void x64_fuse_branches(struct ir *ir)
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
        x64_begin_rounding(e, mode);
        x64_op(&e->b, narrows(e->i) ? X_cvtsd2ss : X_cvtss2sd, false, x64_dst(e), x64_cpu.avx ? a : 0, x64_r(a), 0);
        x64_end_rounding(e, mode);
    }
    x64_fix_nan(e, NULL);                                      /* the host propagates as ARM does */
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
    x64_fix_nan(e, NULL);
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
    x64_ucomis(e, t, XTMP, x64_r(x64_areg(e, 0)));             /* 0 against the operand */
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
    x64_begin_rounding(e, mode);
    x64_op(&e->b, ftoi_op(t, uns, rtz), w, d, 0, x64_r(x64_areg(e, 0)), 0);
    x64_end_rounding(e, mode);
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

    x64_begin_rounding(e, itof_mode(e->ir, e->i));             /* it uses r11 too */
    x64_mov(&e->b, true, RTMP, a);
    x64_shift(&e->b, SH_SHR, true, RTMP, 1);
    even = x64_jcc8(&e->b, CC_AE);
    x64_alui(&e->b, ALU_OR, true, x64_r(RTMP), 1);
    x64_bind8(&e->b, even);
    cvtsi2f(e, PICK(t, cvtsi2), true, RTMP);
    x64_end_rounding(e, itof_mode(e->ir, e->i));
    x64_vvv(&e->b, PICK(t, add), false, d, d, x64_r(d));
    x64_jmp_to(&e->b, s->back);
}

static void itof_unsigned(struct x64_emit *e, unsigned mode)
{
    enum ir_type t = e->i->type;
    unsigned a = x64_areg(e, 0);
    struct x64_stub *s;

    if (x64_cpu.avx512) {
        x64_begin_rounding(e, mode);
        cvtsi2f(e, f64(t) ? X_vcvtusi2sd : X_vcvtusi2ss, true, a);
        x64_end_rounding(e, mode);
        return;
    }
    s = x64_stub(e, itof_large);
    x64_g(&e->b, X_test, true, a, x64_r(a));
    x64_cold(e, s, CC_S);
    x64_begin_rounding(e, mode);
    cvtsi2f(e, PICK(t, cvtsi2), true, a);
    x64_end_rounding(e, mode);
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
        x64_begin_rounding(e, mode);
        if (uns)
            x64_gg(&e->b, X_mov_load, false, RTMP, a);
        cvtsi2f(e, PICK(t, cvtsi2), w || uns, uns ? RTMP : a);
        x64_end_rounding(e, mode);
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
    struct x64_stub *s = x64_stub(e, x64_load_canonical);
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

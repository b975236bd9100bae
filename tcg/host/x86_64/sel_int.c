/* tcg/host/x86_64/sel_int.c - integer arithmetic, logic, comparisons. */
#include "tcg/host/x86_64/int.h"

/* --- selection: scaled additions ------------------------------------------------------------------- */

static bool lea_shift(const struct ir *ir, const struct ir_insn *add, ir_ref v)
{
    const struct ir_insn *s = ir_at(ir, v);
    const struct ir_insn *n = s->op == IR_OP_shl ? ir_at(ir, s->arg[1]) : NULL;

    return n && n->op == IR_OP_const && n->imm >= 1 && n->imm <= 3 && s->uses == 1 && s->block == add->block &&
           s->type == add->type && !(s->mark & X64_SKIP);
}

/* add(a, shl(b, 1..3)) with no other use of the shift is one lea. */
static void fold_scaled_adds(struct ir *ir)
{
    for (ir_ref r = 1; r < ir->ninsns; r++) {
        struct ir_insn *i = ir_at(ir, r);

        if (i->op != IR_OP_add)
            continue;
        if (lea_shift(ir, i, i->arg[0]) && !lea_shift(ir, i, i->arg[1])) {
            ir_ref t = i->arg[0];

            i->arg[0] = i->arg[1];
            i->arg[1] = t;
        }
        if (!lea_shift(ir, i, i->arg[1]))
            continue;
        i->mark |= X64_FOLD1;
        ir_at(ir, i->arg[1])->mark |= X64_SKIP;
    }
}

void x64_select_int(struct ir *ir)
{
    x64_narrow(ir);
    fold_scaled_adds(ir);
}

/* --- addition ------------------------------------------------------------------------------------------------------ */

void x64_need_add(const struct x64_need *s)
{
    int32_t imm;

    x64_want_dst(s, -1);
    if (s->i->mark & X64_FOLD1) {
        x64_want(s, 0, x64_is_imm32(s->ir, s->i->arg[0], &imm) ? RA_REG_OR_CONST : RA_REG);
        x64_want(s, 1, RA_FOLDED);
        x64_want_extra(s, ir_at(s->ir, s->i->arg[1])->arg[0], RA_REG);
        return;
    }
    x64_want(s, 0, RA_REG);
    x64_want(s, 1, RA_ANY);
}

static void emit_scaled_add(struct x64_emit *e)
{
    const struct ir_insn *shl = ir_at(e->ir, e->i->arg[1]);
    unsigned scale = (unsigned)ir_at(e->ir, shl->arg[1])->imm, index = e->a->extra[0].reg;
    int32_t imm;

    if (x64_aimm(e, 0, &imm))
        x64_g(&e->b, X_lea, x64_is_wide(e), x64_dst(e), x64_mx(-1, (int)index, scale, imm));
    else
        x64_g(&e->b, X_lea, x64_is_wide(e), x64_dst(e), x64_mx((int)x64_areg(e, 0), (int)index, scale, 0));
}

void x64_emit_add(struct x64_emit *e)
{
    unsigned d = x64_dst(e), a;
    struct x64_rm s;
    int32_t imm;

    if (e->i->mark & X64_FOLD1) {
        emit_scaled_add(e);
        return;
    }
    a = x64_areg(e, 0);
    if (x64_aimm(e, 1, &imm)) {
        if (d == a)
            x64_alui(&e->b, ALU_ADD, x64_is_wide(e), x64_r(d), imm);
        else
            x64_g(&e->b, X_lea, x64_is_wide(e), d, x64_m((int)a, imm));
        return;
    }
    s = x64_aloc(e, 1);
    if (d == a) {
        x64_alu(&e->b, ALU_ADD, x64_is_wide(e), d, s);
    } else if (s.reg == (int)d) {
        x64_alu(&e->b, ALU_ADD, x64_is_wide(e), d, x64_r(a));
    } else if (s.reg >= 0) {
        x64_g(&e->b, X_lea, x64_is_wide(e), d, x64_mx((int)a, s.reg, 0, 0));
    } else {
        x64_mov(&e->b, x64_is_wide(e), d, a);
        x64_alu(&e->b, ALU_ADD, x64_is_wide(e), d, s);
    }
}

/* --- two-address arithmetic ------------------------------------------------------------------------------------------ */

void x64_need_alu(const struct x64_need *s)
{
    x64_want_dst(s, 0);
    x64_want(s, 0, RA_REG);
    x64_want(s, 1, RA_ANY);
}

static void alu2(struct x64_emit *e, enum x64_alu op, unsigned d)
{
    int32_t imm;

    if (x64_aimm(e, 1, &imm))
        x64_alui(&e->b, op, x64_is_wide(e), x64_r(d), imm);
    else
        x64_alu(&e->b, op, x64_is_wide(e), d, x64_aloc(e, 1));
}

void x64_emit_sub(struct x64_emit *e)
{
    alu2(e, ALU_SUB, x64_dst_from(e, 0));
}

void x64_emit_alu(struct x64_emit *e)
{
    enum x64_alu op = e->i->op == IR_OP_and ? ALU_AND : e->i->op == IR_OP_or ? ALU_OR : ALU_XOR;
    const struct ir_insn *c = ir_at(e->ir, e->i->arg[1]);
    unsigned d = x64_dst_from(e, 0);

    if (op == ALU_AND && e->a->arg[1].kind == RA_CONST && c->imm <= 0xffffffff) {
        if (c->imm == 0xff)
            x64_gg(&e->b, X_movzx8, false, d, d);
        else if (c->imm == 0xffff)
            x64_gg(&e->b, X_movzx16, false, d, d);
        else if (c->imm == 0xffffffff)
            x64_gg(&e->b, X_mov_load, false, d, d);
        else
            x64_alui(&e->b, ALU_AND, false, x64_r(d), (int32_t)c->imm);
        return;
    }
    alu2(e, op, d);
}

void x64_need_andn(const struct x64_need *s)
{
    x64_want_dst(s, x64_cpu.bmi1 ? -1 : 0);
    x64_want(s, 0, x64_cpu.bmi1 ? RA_REG_OR_MEM : RA_REG);
    x64_want(s, 1, RA_REG);
}

void x64_emit_andn(struct x64_emit *e)
{
    unsigned d, b = x64_areg(e, 1);

    if (x64_cpu.bmi1) {                                    /* andn d = ~v & rm */
        x64_op(&e->b, X_andn, x64_is_wide(e), x64_dst(e), b, x64_aloc(e, 0), 0);
        return;
    }
    d = x64_dst_from(e, 0);
    x64_mov(&e->b, true, RTMP, b);
    x64_un(&e->b, UN_NOT, x64_is_wide(e), x64_r(RTMP));
    x64_alu(&e->b, ALU_AND, x64_is_wide(e), d, x64_r(RTMP));
}

void x64_emit_not(struct x64_emit *e)
{
    x64_un(&e->b, e->i->op == IR_OP_not ? UN_NOT : UN_NEG, x64_is_wide(e), x64_r(x64_dst_from(e, 0)));
}

void x64_emit_bswap(struct x64_emit *e)
{
    x64_bswap(&e->b, x64_is_wide(e), x64_dst_from(e, 0));
}

void x64_need_minmax(const struct x64_need *s)
{
    x64_want_dst(s, 0);
    x64_want(s, 0, RA_REG);
    x64_want(s, 1, RA_REG);
}

void x64_emit_minmax(struct x64_emit *e)
{
    enum x64_cc cc = e->i->op == IR_OP_smin ? CC_G : e->i->op == IR_OP_smax ? CC_L : e->i->op == IR_OP_umin ? CC_A : CC_B;
    unsigned d = x64_dst_from(e, 0), b = x64_areg(e, 1);

    x64_alu(&e->b, ALU_CMP, x64_is_wide(e), d, x64_r(b));
    x64_cmov(&e->b, cc, x64_is_wide(e), d, x64_r(b));
}

/* --- multiplication, division ------------------------------------------------------------------------------------------ */

void x64_need_mul(const struct x64_need *s)
{
    int32_t imm;

    if (x64_is_imm32(s->ir, s->i->arg[1], &imm)) {
        x64_want_dst(s, -1);
        x64_want(s, 0, RA_REG_OR_MEM);
        x64_want(s, 1, RA_REG_OR_CONST);
        return;
    }
    x64_want_dst(s, 0);
    x64_want(s, 0, RA_REG);
    x64_want(s, 1, RA_ANY);
}

void x64_emit_mul(struct x64_emit *e)
{
    int32_t imm;

    if (!x64_is_imm32(e->ir, e->i->arg[1], &imm)) {
        unsigned d = x64_dst_from(e, 0);

        x64_g(&e->b, X_imul, x64_is_wide(e), d, x64_aloc(e, 1));
    } else if (imm == (int8_t)imm) {
        x64_op(&e->b, X_imul_i8, x64_is_wide(e), x64_dst(e), 0, x64_aloc(e, 0), 1);
        x64_u8(&e->b, (uint8_t)imm);
    } else {
        x64_op(&e->b, X_imul_i32, x64_is_wide(e), x64_dst(e), 0, x64_aloc(e, 0), 4);
        x64_u32(&e->b, (uint32_t)imm);
    }
}

/* 64 bits: mulx (a in rdx, the low half into the scratch register), or mul/imul with the result in rdx.
 * 32 bits: one 64-bit product, shifted. */
void x64_need_mulh(const struct x64_need *s)
{
    x64_want_dst(s, -1);
    if (s->i->type == IR_I32) {
        s->n->dst_early = true;
        x64_want(s, 0, RA_REG);
        x64_want(s, 1, RA_REG);
        return;
    }
    x64_want(s, 1, RA_REG);
    if (s->i->op != IR_OP_mulhs && x64_cpu.bmi2) {
        s->n->dst_early = s->i->op == IR_OP_mulhsu;
        x64_want_fixed(s, 0, RDX);
        return;
    }
    x64_want_fixed(s, 0, RAX);
    s->n->dst_fixed = RDX;
    s->n->clobber_gpr = 1u << RAX | 1u << RDX;
    s->n->ntmp_gpr = s->i->op == IR_OP_mulhsu ? 1 : 0;
}

static void mulh32(struct x64_emit *e)
{
    unsigned d = x64_dst(e), a = x64_areg(e, 0), b = x64_areg(e, 1);

    x64_gg(&e->b, e->i->op == IR_OP_mulhu ? X_mov_load : X_movsxd, e->i->op != IR_OP_mulhu, d, a);
    x64_gg(&e->b, e->i->op == IR_OP_mulhs ? X_movsxd : X_mov_load, e->i->op == IR_OP_mulhs, RTMP, b);
    x64_gg(&e->b, X_imul, true, d, RTMP);
    x64_shift(&e->b, SH_SHR, true, d, 32);
}

void x64_emit_mulh(struct x64_emit *e)
{
    unsigned b = x64_areg(e, 1), t;

    if (e->i->type == IR_I32) {
        mulh32(e);
    } else if (e->i->op != IR_OP_mulhs && x64_cpu.bmi2) {
        unsigned d = x64_dst(e);

        x64_op(&e->b, X_mulx, true, d, RTMP, x64_r(b), 0);
        if (e->i->op == IR_OP_mulhu)
            return;
        x64_mov(&e->b, true, RTMP, RDX);                   /* a < 0: the unsigned product is b << 64 too large */
        x64_shift(&e->b, SH_SAR, true, RTMP, 63);
        x64_alu(&e->b, ALU_AND, true, RTMP, x64_r(b));
        x64_alu(&e->b, ALU_SUB, true, d, x64_r(RTMP));
    } else if (e->i->op != IR_OP_mulhsu) {
        x64_un(&e->b, e->i->op == IR_OP_mulhu ? UN_MUL : UN_IMUL, true, x64_r(b));
    } else {
        t = e->a->tmp_gpr[0];
        x64_mov(&e->b, true, RTMP, RAX);
        x64_shift(&e->b, SH_SAR, true, RTMP, 63);
        x64_alu(&e->b, ALU_AND, true, RTMP, x64_r(b));
        x64_mov(&e->b, true, t, RTMP);
        x64_un(&e->b, UN_MUL, true, x64_r(b));
        x64_alu(&e->b, ALU_SUB, true, RDX, x64_r(t));
    }
}

void x64_need_div(const struct x64_need *s)
{
    x64_want_dst(s, -1);
    x64_want_fixed(s, 0, RAX);
    x64_want(s, 1, RA_REG_OR_MEM);
    s->n->dst_fixed = s->i->op == IR_OP_divu || s->i->op == IR_OP_divs ? RAX : RDX;
    s->n->clobber_gpr = 1u << RAX | 1u << RDX;
}

void x64_emit_div(struct x64_emit *e)
{
    bool sign = e->i->op == IR_OP_divs || e->i->op == IR_OP_rems;
    struct x64_rm b = x64_aloc(e, 1);

    if (b.reg == RDX || b.reg == RAX) {                    /* both are about to hold the dividend */
        x64_mov(&e->b, true, RTMP, (unsigned)b.reg);
        b = x64_r(RTMP);
    }
    if (!sign)
        x64_movi(&e->b, RDX, 0);
    else if (x64_is_wide(e))
        x64_bytes(&e->b, "\x48\x99", 2);                   /* cqo */
    else
        x64_u8(&e->b, 0x99);                               /* cdq */
    x64_un(&e->b, sign ? UN_IDIV : UN_DIV, x64_is_wide(e), b);
}

/* --- comparisons -------------------------------------------------------------------------------------------------------------- */

static const uint8_t cc_of[16] = {
    [IR_EQ] = CC_E, [IR_LT] = CC_L, [IR_LE] = CC_LE, [IR_LTU] = CC_B, [IR_LEU] = CC_BE, [IR_TSTZ] = CC_E,
    [IR_MI] = CC_S, [IR_VS] = CC_O, [IR_NE] = CC_NE, [IR_GE] = CC_GE, [IR_GT] = CC_G, [IR_GEU] = CC_AE, [IR_GTU] = CC_A,
    [IR_TSTNZ] = CC_NE, [IR_PL] = CC_NS, [IR_VC] = CC_NO,
};

static bool is_test(enum ir_cond c)
{
    return c == IR_TSTZ || c == IR_TSTNZ;
}

void x64_compare_need(const struct x64_need *s, enum ir_cond cond)
{
    int32_t imm;
    bool c = x64_is_imm32(s->ir, s->i->arg[1], &imm);

    x64_want(s, 0, c ? RA_REG_OR_MEM : RA_REG);
    x64_want(s, 1, RA_ANY);
    (void)cond;
}

enum x64_cc x64_compare(struct x64_emit *e, enum ir_cond cond, enum ir_type type)
{
    bool w = type == IR_I64;
    struct x64_rm a = x64_aloc(e, 0);
    int32_t imm;

    if (x64_aimm(e, 1, &imm)) {
        if (is_test(cond))
            x64_testi(&e->b, w, a, imm);
        else if (imm == 0 && a.reg >= 0)
            x64_g(&e->b, X_test, w, (unsigned)a.reg, a);
        else
            x64_alui(&e->b, ALU_CMP, w, a, imm);
    } else if (is_test(cond)) {
        x64_g(&e->b, X_test, w, (unsigned)a.reg, x64_aloc(e, 1));
    } else {
        x64_alu(&e->b, ALU_CMP, w, (unsigned)a.reg, x64_aloc(e, 1));
    }
    return cc_of[cond];
}

static enum ir_type compared(const struct x64_emit *e)
{
    return ir_type_of(e->ir, e->i->arg[0]);
}

void x64_need_setcc(const struct x64_need *s)
{
    x64_want_dst(s, -1);
    x64_compare_need(s, s->i->aux);
}

static bool dst_is_arg(struct x64_emit *e, unsigned n)
{
    for (unsigned k = 0; k < n; k++)
        if (e->a->arg[k].kind == RA_GPR && e->a->arg[k].reg == x64_dst(e))
            return true;
    return false;
}

void x64_emit_setcc(struct x64_emit *e)
{
    bool clear = !dst_is_arg(e, 2);
    unsigned d = x64_dst(e);
    enum x64_cc cc;

    if (clear)
        x64_movi(&e->b, d, 0);
    cc = x64_compare(e, e->i->aux, compared(e));
    x64_setcc(&e->b, cc, d);
    if (!clear)
        x64_gg(&e->b, X_movzx8, false, d, d);
}

void x64_need_select(const struct x64_need *s)
{
    bool gpr = x64_class(s->i->type) == RA_CLASS_GPR;

    x64_want_dst(s, 3);
    x64_compare_need(s, s->i->aux);
    x64_want(s, 2, gpr ? RA_REG_OR_MEM : RA_REG);
    x64_want(s, 3, RA_REG);
}

void x64_emit_select(struct x64_emit *e)
{
    unsigned d = x64_dst(e);
    enum x64_cc cc;
    uint32_t over;

    if (e->a->dst.kind == RA_GPR) {
        x64_dst_from(e, 3);
        cc = x64_compare(e, e->i->aux, compared(e));
        x64_cmov(&e->b, cc, x64_is_wide(e), d, x64_aloc(e, 2));
        return;
    }
    x64_vmove(e, e->i->type, d, x64_areg(e, 3));
    cc = x64_compare(e, e->i->aux, compared(e));
    over = x64_jcc8(&e->b, cc ^ 1);
    x64_vmove(e, e->i->type, d, x64_areg(e, 2));
    x64_bind8(&e->b, over);
}

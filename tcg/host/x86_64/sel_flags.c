/* tcg/host/x86_64/sel_flags.c - condition flags that are kept as operands.
 *
 * A consumer in the same block repeats the comparison, which the host does in one instruction; then nobody needs the
 * flags as a value. Those that go further (other blocks, homes) are packed: N bit 31, Z 30, C 29, V 28. */
#include "tcg/host/x86_64/emit.h"

enum { N = 31, Z = 30, C = 29, V = 28 };

static bool needs_carry(enum ir_cond c)
{
    c &= 7;
    return c == IR_LTU || c == IR_LEU;
}

/* Can the host's flags after the producer's own operation answer? */
static bool repeatable(const struct ir_insn *p, enum ir_cond c)
{
    switch (p->op) {
    case IR_OP_flsub: return true;
    case IR_OP_fllogic: return !needs_carry(c);
    case IR_OP_fladd: return (c & 7) != IR_LEU;
    default: return false;
    }
}

static bool is_consumer(const struct ir_insn *i)
{
    return i->op == IR_OP_flcc || i->op == IR_OP_flselect || i->op == IR_OP_brfl;
}

void x64_select_flags(struct ir *ir)
{
    for (ir_ref r = 1; r < ir->ninsns; r++) {
        struct ir_insn *i = ir_at(ir, r), *p;

        if (!is_consumer(i))
            continue;
        p = ir_at(ir, i->arg[0]);
        if (p->block != i->block || !repeatable(p, i->aux))
            continue;
        i->mark |= X64_FOLD0;
        if (!--p->uses)
            p->mark |= X64_SKIP;
    }
}

/* --- flags as a value ------------------------------------------------------------------------------------------------------ */

void x64_need_flags(const struct x64_need *s)
{
    x64_want_dst(s, -1);
    s->n->dst_early = true;
    for (unsigned k = 0; k < s->i->nargs; k++)
        x64_want(s, k, RA_REG);
}

static bool arg_wide(const struct x64_emit *e, const struct ir_insn *p)
{
    return ir_type_of(e->ir, p->arg[0]) == IR_I64;
}

/* d = packed host flags; the carry is inverted after a subtraction. */
static void pack(struct x64_emit *e, unsigned d, enum x64_cc carry)
{
    const enum x64_cc cc[] = { carry, CC_E, CC_S };

    x64_setcc(&e->b, CC_O, d);
    x64_gg(&e->b, X_movzx8, false, d, d);
    for (unsigned k = 0; k < 3; k++) {                     /* lea and movzx leave the flags alone */
        x64_setcc(&e->b, cc[k], RTMP);
        x64_gg(&e->b, X_movzx8, false, RTMP, RTMP);
        x64_g(&e->b, X_lea, false, d, x64_mx((int)d, RTMP, k + 1, 0));
    }
    x64_shift(&e->b, SH_SHL, false, d, V);
}

void x64_emit_flags(struct x64_emit *e)
{
    bool w = arg_wide(e, e->i), sub = e->i->op == IR_OP_flsub || e->i->op == IR_OP_flsbc;
    unsigned d = x64_dst(e), a = x64_areg(e, 0);

    if (e->i->op == IR_OP_fllogic) {
        x64_gg(&e->b, X_test, w, a, a);
        pack(e, d, CC_B);
        return;
    }
    x64_mov(&e->b, true, RTMP, a);
    if (e->i->nargs == 3) {                                /* carry in: c - 1 + 1 carries when c is 1 */
        x64_mov(&e->b, false, d, x64_areg(e, 2));
        x64_alui(&e->b, ALU_ADD, false, x64_r(d), -1);
        x64_alu(&e->b, sub ? ALU_SBB : ALU_ADC, w, RTMP, x64_r(x64_areg(e, 1)));
    } else {
        x64_alu(&e->b, sub ? ALU_SUB : ALU_ADD, w, RTMP, x64_r(x64_areg(e, 1)));
    }
    pack(e, d, sub ? CC_AE : CC_B);
}

void x64_need_flmov(const struct x64_need *s)
{
    x64_want_dst(s, 0);
    x64_want(s, 0, RA_REG);
}

void x64_emit_flmov(struct x64_emit *e)
{
    if (x64_dst(e) != x64_areg(e, 0))
        x64_mov(&e->b, false, x64_dst(e), x64_areg(e, 0));
}

/* --- conditions ------------------------------------------------------------------------------------------------------------- */

static void want_condition(const struct x64_need *s)
{
    const struct ir_insn *p = ir_at(s->ir, s->i->arg[0]);
    int32_t imm;

    if (!(s->i->mark & X64_FOLD0)) {
        x64_want(s, 0, RA_REG);
        s->n->ntmp_gpr = 1;
        return;
    }
    x64_want(s, 0, RA_FOLDED);
    x64_want_extra(s, p->arg[0], RA_REG);
    if (p->op != IR_OP_fllogic)
        x64_want_extra(s, p->arg[1], x64_is_imm32(s->ir, p->arg[1], &imm) ? RA_REG_OR_CONST : RA_REG_OR_MEM);
}

static const uint8_t cc_sub[16] = {
    [IR_EQ] = CC_E, [IR_LT] = CC_L, [IR_LE] = CC_LE, [IR_LTU] = CC_B, [IR_LEU] = CC_BE, [IR_TSTZ] = CC_E,
    [IR_MI] = CC_S, [IR_VS] = CC_O, [IR_NE] = CC_NE, [IR_GE] = CC_GE, [IR_GT] = CC_G, [IR_GEU] = CC_AE, [IR_GTU] = CC_A,
    [IR_TSTNZ] = CC_NE, [IR_PL] = CC_NS, [IR_VC] = CC_NO,
};

static enum x64_cc repeat(struct x64_emit *e)
{
    const struct ir_insn *p = ir_at(e->ir, e->i->arg[0]);
    bool w = arg_wide(e, p), add = p->op == IR_OP_fladd;
    unsigned a = e->a->extra[0].reg, l = a;
    int32_t imm;

    if (p->op == IR_OP_fllogic) {
        x64_gg(&e->b, X_test, w, a, a);
        return cc_sub[e->i->aux];
    }
    if (add) {
        x64_mov(&e->b, true, RTMP, a);
        l = RTMP;
    }
    if (e->a->extra[1].kind == RA_CONST && x64_is_imm32(e->ir, p->arg[1], &imm))
        x64_alui(&e->b, add ? ALU_ADD : ALU_CMP, w, x64_r(l), imm);
    else
        x64_alu(&e->b, add ? ALU_ADD : ALU_CMP, w, l, x64_loc(e, e->a->extra[1], p->arg[1]));
    return add && needs_carry(e->i->aux) ? cc_sub[e->i->aux] ^ 1u : cc_sub[e->i->aux];
}

/* From the packed form: one test where one bit answers. */
static enum x64_cc test_packed(struct x64_emit *e)
{
    unsigned f = x64_areg(e, 0), t = e->a->tmp_gpr[0], c = e->i->aux & 7, negate = e->i->aux >> 3 & 1;
    static const uint8_t bit[8] = { [IR_EQ] = Z, [IR_LTU] = C, [IR_MI] = N, [IR_VS] = V, [IR_TSTZ] = Z };

    switch (c) {
    case IR_LEU:                                           /* C clear or Z set */
        x64_mov(&e->b, false, RTMP, f);
        x64_alui(&e->b, ALU_AND, false, x64_r(RTMP), 3 << C);
        x64_alui(&e->b, ALU_CMP, false, x64_r(RTMP), 1 << C);
        return CC_NE ^ negate;
    case IR_LT: case IR_LE:                                /* N unlike V in the top bit; Z or-ed to it */
        x64_mov(&e->b, false, RTMP, f);
        x64_shift(&e->b, SH_SHL, false, RTMP, N - V);
        x64_alu(&e->b, ALU_XOR, false, RTMP, x64_r(f));
        if (c == IR_LE) {
            x64_g(&e->b, X_lea, false, t, x64_mx((int)f, (int)f, 0, 0));
            x64_alu(&e->b, ALU_OR, false, RTMP, x64_r(t));
        }
        x64_gg(&e->b, X_test, false, RTMP, RTMP);
        return CC_S ^ negate;
    default:
        x64_testi(&e->b, false, x64_r(f), (int32_t)(1u << bit[c]));
        return (c == IR_LTU ? CC_E : CC_NE) ^ negate;
    }
}

static enum x64_cc condition(struct x64_emit *e)
{
    return e->i->mark & X64_FOLD0 ? repeat(e) : test_packed(e);
}

void x64_need_flcc(const struct x64_need *s)
{
    x64_want_dst(s, -1);
    want_condition(s);
}

void x64_emit_flcc(struct x64_emit *e)
{
    enum x64_cc cc = condition(e);
    unsigned d = x64_dst(e);

    x64_setcc(&e->b, cc, d);
    x64_gg(&e->b, X_movzx8, false, d, d);
}

void x64_need_flselect(const struct x64_need *s)
{
    x64_want_dst(s, 2);
    want_condition(s);
    x64_want(s, 1, RA_REG);
    x64_want(s, 2, RA_REG);
}

void x64_emit_flselect(struct x64_emit *e)
{
    unsigned d = x64_dst(e);
    bool w = e->i->type == IR_I64;
    enum x64_cc cc;
    uint32_t over;

    if (e->a->dst.kind == RA_GPR) {
        if (d != x64_areg(e, 2))
            x64_mov(&e->b, w, d, x64_areg(e, 2));
        cc = condition(e);
        x64_cmov(&e->b, cc, w, d, x64_r(x64_areg(e, 1)));
        return;
    }
    x64_vmove(e, e->i->type, d, x64_areg(e, 2));
    cc = condition(e);
    over = x64_jcc8(&e->b, cc ^ 1);
    x64_vmove(e, e->i->type, d, x64_areg(e, 1));
    x64_bind8(&e->b, over);
}

void x64_need_brfl(const struct x64_need *s)
{
    want_condition(s);
}

void x64_emit_brfl(struct x64_emit *e)
{
    x64_branch(e, condition(e));
}

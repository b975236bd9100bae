/* tcg/host/x86_64/sel.c - the table of selectors, and what they share: wants, operands, moves. */
#include <assert.h>
#include <string.h>

#include "tcg/host/x86_64/emit.h"
#include "tcg/host/x86_64/sel.h"

const struct x64_sel x64_sels[IR_NOPS] = {
#define SEL(op, need, emit) [IR_OP_##op] = { x64_need_##need, x64_emit_##emit },
#include "tcg/host/x86_64/sel.def"
#undef SEL
};

/* --- needs ------------------------------------------------------------------------------------------------------ */

enum ra_class x64_class(enum ir_type type)
{
    switch (type) {
    case IR_I32: case IR_I64: case IR_FLAGS: return RA_CLASS_GPR;
    case IR_F32: case IR_F64: case IR_V128: case IR_V256: return RA_CLASS_VEC;
    default: return RA_CLASS_NONE;
    }
}

void x64_want_dst(const struct x64_need *s, int same)
{
    s->n->dst_cls = x64_class(s->i->type);
    s->n->dst_same = (int8_t)same;
}

void x64_want(const struct x64_need *s, unsigned k, enum ra_accept accept)
{
    ir_ref v = x64_arg_ref(s->ir, s->i, k);

    if (k >= s->n->narg)
        s->n->narg = (uint8_t)(k + 1);
    s->n->arg[k].accept = accept;
    s->n->arg[k].cls = x64_class(ir_type_of(s->ir, v));
}

void x64_want_fixed(const struct x64_need *s, unsigned k, unsigned reg)
{
    x64_want(s, k, RA_FIXED);
    s->n->arg[k].reg = (uint8_t)reg;
}

void x64_want_extra(const struct x64_need *s, ir_ref v, enum ra_accept accept)
{
    struct ra_need *n = s->n;

    n->extra[n->nextra] = v;
    n->extra_arg[n->nextra].accept = accept;
    n->extra_arg[n->nextra++].cls = x64_class(ir_type_of(s->ir, v));
}

bool x64_is_imm32(const struct ir *ir, ir_ref r, int32_t *imm)
{
    const struct ir_insn *c = ir_at(ir, r);

    if (c->op != IR_OP_const || x64_class(c->type) != RA_CLASS_GPR)
        return false;
    *imm = (int32_t)c->imm;
    return c->type != IR_I64 || (int64_t)c->imm == *imm;
}

void x64_need_skip(const struct x64_need *s)
{
    s->n->skip = true;
}

void x64_need_phi(const struct x64_need *s)
{
    x64_want_dst(s, -1);
}

void x64_need_mov(const struct x64_need *s)
{
    x64_want_dst(s, -1);
    x64_want(s, 0, RA_ANY);
}

void x64_need_get(const struct x64_need *s)
{
    x64_want_dst(s, -1);
}

void x64_need_set(const struct x64_need *s)
{
    int32_t imm;

    x64_want(s, 0, x64_is_imm32(s->ir, s->i->arg[0], &imm) ? RA_REG_OR_CONST : RA_REG);
}

void x64_need_same(const struct x64_need *s)
{
    x64_want_dst(s, 0);
    x64_want(s, 0, RA_REG);
}

/* The allocator asks for every instruction; what selection folded away needs nothing. */
static void need(const void *ctx, const struct ir *ir, ir_ref r, struct ra_need *out)
{
    struct x64_need s = { ctx, ir, ir_at(ir, r), out };

    if (s.i->mark & X64_SKIP)
        out->skip = true;
    else
        x64_sels[s.i->op].need(&s);
}

void host_describe(const struct host_mode *mode, struct ra_host *out)
{
    /* short encodings first, registers that calls keep last */
    static const uint8_t gpr_order[] = { RAX, RCX, RDX, RSI, RDI, R8, R9, R10, RBX, R12, R13, R15, R14, 255 };
    static const uint8_t vec_order[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255 };

    memset(out, 0, sizeof *out);
    out->gpr_allocatable = 0xffff & ~(1u << RSP | 1u << RBP | 1u << RTMP | (mode->system ? 1u << R14 : 0));
    out->vec_allocatable = 0x7fff;
    out->gpr_order = gpr_order;
    out->vec_order = vec_order;
    out->gpr_call_clobbered = out->gpr_allocatable &
        (1u << RAX | 1u << RCX | 1u << RDX | 1u << RSI | 1u << RDI | 1u << R8 | 1u << R9 | 1u << R10);
    out->vec_call_clobbered = out->vec_allocatable;
    out->need = need;
    out->host_ctx = mode;
}

/* --- operands --------------------------------------------------------------------------------------------------- */

unsigned x64_dst(const struct x64_emit *e)
{
    assert(e->a->dst.kind == RA_GPR || e->a->dst.kind == RA_VEC);
    return e->a->dst.reg;
}

static struct ra_loc arg_loc(const struct x64_emit *e, unsigned k)
{
    return ir_ops[e->i->op].nargs == IR_VAR ? e->ra->pool_loc[e->i->arg[0] + k] : e->a->arg[k];
}

unsigned x64_areg(const struct x64_emit *e, unsigned k)
{
    struct ra_loc l = arg_loc(e, k);

    assert(l.kind == RA_GPR || l.kind == RA_VEC);
    return l.reg;
}

static struct x64_rm const_operand(struct x64_emit *e, const struct ir_insn *c)
{
    if (c->op == IR_OP_vconst)
        return x64_literal(&e->b, e->ir->vconsts[c->imm], c->type == IR_V256 ? 32 : 16);
    if (x64_wide(c->type))
        return x64_literal64(&e->b, c->imm);
    return x64_literal(&e->b, &c->imm, 4);
}

struct x64_rm x64_loc(struct x64_emit *e, struct ra_loc l, ir_ref val)
{
    switch (l.kind) {
    case RA_GPR: case RA_VEC: return x64_r(l.reg);
    case RA_HOME: return x64_env(e->ir->slots[l.idx].offset);
    case RA_SPILL: return x64_frame(8 * l.idx);
    default: return const_operand(e, ir_at(e->ir, val));
    }
}

struct x64_rm x64_aloc(struct x64_emit *e, unsigned k)
{
    return x64_loc(e, arg_loc(e, k), x64_arg_ref(e->ir, e->i, k));
}

bool x64_aimm(const struct x64_emit *e, unsigned k, int32_t *imm)
{
    return arg_loc(e, k).kind == RA_CONST && x64_is_imm32(e->ir, x64_arg_ref(e->ir, e->i, k), imm);
}

struct x64_rm x64_view(const struct x64_emit *e, size_t off)
{
    return e->mode->system ? x64_m(R14, (int32_t)off) : x64_env((int64_t)(e->mode->view_off + off));
}

/* --- moves ------------------------------------------------------------------------------------------------------ */

void x64_vload(struct x64_emit *e, enum ir_type type, unsigned d, struct x64_rm s)
{
    enum x64_op op = type == IR_F32 ? X_movss_x : type == IR_F64 ? X_movsd_x : X_movups;

    if (s.reg >= 0)
        x64_vmove(e, type, d, (unsigned)s.reg);
    else
        x64_vv(&e->b, op, type == IR_V256, d, s);
}

void x64_vstore(struct x64_emit *e, enum ir_type type, struct x64_rm d, unsigned s)
{
    enum x64_op op = type == IR_F32 ? X_movss_m : type == IR_F64 ? X_movsd_m : X_movups_m;

    x64_vv(&e->b, op, type == IR_V256, s, d);
}

void x64_vmove(struct x64_emit *e, enum ir_type type, unsigned d, unsigned s)
{
    if (d != s)
        x64_vv(&e->b, X_movaps, type == IR_V256, d, x64_r(s));
}

static void const_to_vec(struct x64_emit *e, unsigned d, const struct ir_insn *c)
{
    static const uint8_t zero[32];
    bool is_zero = c->op == IR_OP_vconst ? !memcmp(e->ir->vconsts[c->imm], zero, c->type == IR_V256 ? 32 : 16) : !c->imm;

    if (is_zero)
        x64_vvv(&e->b, X_xorps, false, d, d, x64_r(d));
    else
        x64_vload(e, c->type, d, const_operand(e, c));
}

static void to_reg(struct x64_emit *e, struct ra_loc from, struct ra_loc to, ir_ref val, enum ir_type type)
{
    const struct ir_insn *c = ir_at(e->ir, val);

    if (to.kind == RA_VEC) {
        if (from.kind == RA_CONST)
            const_to_vec(e, to.reg, c);
        else if (from.kind == RA_GPR)
            x64_op(&e->b, X_movd_x, x64_wide(type), to.reg, 0, x64_r(from.reg), 0);
        else
            x64_vload(e, type, to.reg, x64_loc(e, from, val));
        return;
    }
    if (from.kind == RA_CONST)
        x64_movi(&e->b, to.reg, c->type == IR_I64 ? c->imm : (uint32_t)c->imm);
    else if (from.kind == RA_VEC)
        x64_op(&e->b, X_movd_r, x64_wide(type), from.reg, 0, x64_r(to.reg), 0);
    else if (from.kind != RA_GPR || from.reg != to.reg)
        x64_g(&e->b, X_mov_load, type == IR_I64, to.reg, x64_loc(e, from, val));
}

/* Memory to memory. Integers travel through xmm15 and vectors through r11, so that a cycle of registers which the
 * allocator breaks with the class's scratch register is not disturbed. */
static void mem_to_mem(struct x64_emit *e, struct x64_rm d, struct x64_rm s, enum ir_type type)
{
    unsigned bytes = type == IR_V256 ? 32 : type == IR_V128 ? 16 : type == IR_F64 ? 8 : 4;

    if (x64_class(type) == RA_CLASS_GPR) {
        enum ir_type f = type == IR_I64 ? IR_F64 : IR_F32;

        x64_vload(e, f, XTMP, s);
        x64_vstore(e, f, d, XTMP);
        return;
    }
    for (unsigned k = 0; k < bytes; k += 8, d.disp += 8, s.disp += 8) {
        x64_g(&e->b, X_mov_load, bytes >= 8, RTMP, s);
        x64_g(&e->b, X_mov_store, bytes >= 8, RTMP, d);
    }
}

static void const_to_mem(struct x64_emit *e, struct x64_rm d, const struct ir_insn *c)
{
    unsigned bytes = x64_wide(c->type) ? 8 : 4;

    if (c->op == IR_OP_vconst) {
        const_to_vec(e, XTMP, c);
        x64_vstore(e, c->type, d, XTMP);
    } else if (bytes == 4 || (int64_t)c->imm == (int32_t)c->imm) {
        x64_movi_m(&e->b, bytes, d, (int32_t)c->imm);
    } else {
        x64_movi_keep(&e->b, RTMP, c->imm);
        x64_g(&e->b, X_mov_store, true, RTMP, d);
    }
}

void x64_move(struct x64_emit *e, struct ra_loc from, struct ra_loc to, ir_ref val, enum ir_type type)
{
    struct x64_rm d;

    if (to.kind == RA_GPR || to.kind == RA_VEC) {
        to_reg(e, from, to, val, type);
        return;
    }
    d = x64_loc(e, to, val);
    if (from.kind == RA_GPR)
        x64_g(&e->b, X_mov_store, type == IR_I64, from.reg, d);
    else if (from.kind == RA_VEC)
        x64_vstore(e, type, d, from.reg);
    else if (from.kind == RA_CONST)
        const_to_mem(e, d, ir_at(e->ir, val));
    else if (from.kind != to.kind || from.idx != to.idx)
        mem_to_mem(e, d, x64_loc(e, from, val), type);
}

/* --- operations that are only moves -------------------------------------------------------------------------------- */

void x64_emit_nothing(struct x64_emit *e)
{
    (void)e;
}

void x64_emit_mov(struct x64_emit *e)
{
    x64_move(e, e->a->arg[0], e->a->dst, e->i->arg[0], e->i->type);
}

void x64_emit_get(struct x64_emit *e)
{
    struct ra_loc home = { RA_HOME, 0, (uint16_t)e->i->imm };

    if (e->a->dst.kind == RA_GPR || e->a->dst.kind == RA_VEC)
        x64_move(e, home, e->a->dst, e->r, e->i->type);
}

void x64_emit_set(struct x64_emit *e)
{
    struct ra_loc home = { RA_HOME, 0, (uint16_t)e->i->imm };

    x64_move(e, e->a->arg[0], home, e->i->arg[0], e->ir->slots[e->i->imm].type);
}

/* tcg/host/x86_64/sel_atomic.c - atomics as the host's locked instructions, fences. */
#include <errno.h>

#include "tcg/host/x86_64/mem.h"

static void amo_slow(struct x64_emit *e, struct x64_stub *s)
{
    x64_push_value(e, 1);
    x64_address_to(e, RTMP, x64_guest_ea(e));
    x64_pushi(&e->b, (int32_t)e->i->imm);
    x64_pushi(&e->b, e->i->aux);
    x64_call_slow(e, s, SLOW_AMO);
    if (e->a->dst.kind == RA_GPR)
        x64_extend(e, x64_dst(e), RTMP, e->i->aux, e->i->type);
    x64_jmp_to(&e->b, s->back);
}

static void cas_slow(struct x64_emit *e, struct x64_stub *s)
{
    x64_push_value(e, 2);
    x64_push_value(e, 1);
    x64_address_to(e, RTMP, x64_guest_ea(e));
    x64_pushi(&e->b, e->i->aux);
    x64_call_slow(e, s, SLOW_CAS);
    x64_extend(e, x64_dst(e), RTMP, e->i->aux, e->i->type);
    x64_jmp_to(&e->b, s->back);
}

enum amo_form { AMO_SLOW, AMO_XCHG, AMO_XADD, AMO_LOCK, AMO_LOOP };

static enum amo_form amo_form(const struct ir_insn *i)
{
    unsigned size = i->aux & IR_MSIZE;
    bool logic = i->imm == IR_AMO_AND || i->imm == IR_AMO_OR || i->imm == IR_AMO_XOR;

    if ((size != IR_M32 && size != IR_M64) || (i->aux & (IR_MBE | IR_MMMU)))
        return AMO_SLOW;
    if (i->imm == IR_AMO_SWAP)
        return AMO_XCHG;
    if (!i->uses && (logic || i->imm == IR_AMO_ADD))
        return AMO_LOCK;
    return i->imm == IR_AMO_ADD ? AMO_XADD : AMO_LOOP;
}

void x64_need_amo(const struct x64_need *s)
{
    enum amo_form form = amo_form(s->i);

    x64_want_address(s);
    if (form != AMO_LOCK)
        x64_want_dst(s, form == AMO_XCHG || form == AMO_XADD ? 1 : -1);
    s->n->dst_early = form != AMO_SLOW && form != AMO_LOCK;    /* it is overwritten before the access may fault */
    x64_want(s, 1, RA_REG);
    s->n->ntmp_gpr = s->mode->system;
    if (form == AMO_LOOP) {
        s->n->dst_fixed = RAX;
        s->n->clobber_gpr = 1u << RAX;
    }
}

/* r11 = f(rax, b) */
static void amo_compute(struct x64_emit *e, bool w, unsigned b)
{
    static const uint8_t cc[] = { [IR_AMO_SMIN] = CC_L, [IR_AMO_SMAX] = CC_G, [IR_AMO_UMIN] = CC_B, [IR_AMO_UMAX] = CC_A };

    x64_mov(&e->b, w, RTMP, b);
    switch (e->i->imm) {
    case IR_AMO_ADD: x64_alu(&e->b, ALU_ADD, w, RTMP, x64_r(RAX)); break;
    case IR_AMO_AND: x64_alu(&e->b, ALU_AND, w, RTMP, x64_r(RAX)); break;
    case IR_AMO_OR: x64_alu(&e->b, ALU_OR, w, RTMP, x64_r(RAX)); break;
    case IR_AMO_XOR: x64_alu(&e->b, ALU_XOR, w, RTMP, x64_r(RAX)); break;
    case IR_AMO_ANDN:
        x64_un(&e->b, UN_NOT, w, x64_r(RTMP));
        x64_alu(&e->b, ALU_AND, w, RTMP, x64_r(RAX));
        break;
    default:
        x64_alu(&e->b, ALU_CMP, w, RAX, x64_r(b));
        x64_cmov(&e->b, cc[e->i->imm], w, RTMP, x64_r(RAX));
        break;
    }
}

static void amo_loop(struct x64_emit *e, struct x64_rm m, bool w)
{
    unsigned b = x64_areg(e, 1);
    uint32_t again;

    x64_g(&e->b, X_mov_load, w, RAX, m);
    again = x64_here(&e->b);
    amo_compute(e, w, b);
    if (!e->mode->system)                                  /* a page that can be read may still refuse the store */
        statemap_add(&e->u->map, x64_here(&e->b), e->ir, e->ra, e->r);
    x64_lock(&e->b);
    x64_g(&e->b, X_cmpxchg, w, RTMP, m);
    x64_jcc_to(&e->b, CC_NE, again);
}

static void amo_inline(struct x64_emit *e, struct x64_rm m)
{
    static const uint8_t alu[] = { [IR_AMO_ADD] = ALU_ADD, [IR_AMO_AND] = ALU_AND, [IR_AMO_OR] = ALU_OR, [IR_AMO_XOR] = ALU_XOR };
    bool w = (e->i->aux & IR_MSIZE) == IR_M64;
    enum amo_form form = amo_form(e->i);
    unsigned d;

    if (form == AMO_LOOP) {
        amo_loop(e, m, w);
        d = RAX;
    } else if (form == AMO_LOCK) {
        x64_lock(&e->b);
        x64_alu_m(&e->b, alu[e->i->imm], w, m, x64_areg(e, 1));
        return;
    } else {
        d = x64_dst(e);
        if (form == AMO_XADD)
            x64_lock(&e->b);
        x64_g(&e->b, form == AMO_XADD ? X_xadd : X_xchg, w, d, m);
    }
    if (!w && e->i->type == IR_I64 && (e->i->aux & IR_MSIGN))
        x64_gg(&e->b, X_movsxd, true, d, d);
    else if (!w && form == AMO_LOOP)
        x64_gg(&e->b, X_mov_load, false, d, d);            /* a successful cmpxchg need not clear the upper half */
}

void x64_emit_amo(struct x64_emit *e)
{
    enum amo_form form = amo_form(e->i);
    struct x64_access acc;

    if ((form == AMO_XCHG || form == AMO_XADD) && x64_areg(e, 1) != x64_dst(e))
        x64_mov(&e->b, true, x64_dst(e), x64_areg(e, 1));
    if (form == AMO_SLOW) {
        acc = (struct x64_access){ .slow = x64_stub(e, amo_slow) };
        x64_cold_jmp(e, acc.slow);
    } else {
        acc = x64_access_begin(e, amo_slow, true);
        if (!acc.only_slow)
            amo_inline(e, acc.m);
    }
    x64_access_end(e, &acc);
}

void x64_need_cas(const struct x64_need *s)
{
    x64_want_address(s);
    x64_want_dst(s, -1);
    x64_want_fixed(s, 1, RAX);
    x64_want(s, 2, RA_REG);
    s->n->dst_fixed = RAX;
    s->n->clobber_gpr = 1u << RAX;
    s->n->ntmp_gpr = s->mode->system;
}

void x64_emit_cas(struct x64_emit *e)
{
    static const uint16_t op[] = { X_cmpxchg8, X_cmpxchg16, X_cmpxchg, X_cmpxchg };
    unsigned size = e->i->aux & IR_MSIZE;
    struct x64_access acc;

    if (x64_is_vector(e->i->aux)) {
        e->err = -E2BIG;
        return;
    }
    if (e->i->aux & IR_MBE) {
        acc = (struct x64_access){ .slow = x64_stub(e, cas_slow) };
        x64_cold_jmp(e, acc.slow);
    } else {
        acc = x64_access_begin(e, cas_slow, true);
        if (!acc.only_slow) {
            x64_lock(&e->b);
            x64_g(&e->b, op[size], size == IR_M64, x64_areg(e, 2), acc.m);
            x64_extend(e, RAX, RAX, e->i->aux, e->i->type);
        }
    }
    x64_access_end(e, &acc);
}

void x64_need_skip_fence(const struct x64_need *s)
{
    (void)s;
}

void x64_emit_fence(struct x64_emit *e)
{
    if (e->i->imm != IR_FENCE_FULL)
        return;
    x64_lock(&e->b);                                       /* cheaper than mfence, and orders the same for write-back memory */
    x64_alui(&e->b, ALU_OR, false, x64_frame(X64_RES_TMP), 0);
}

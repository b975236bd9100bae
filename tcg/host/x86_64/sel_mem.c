/* tcg/host/x86_64/sel_mem.c - CPU state, loads and stores. How guest memory is reached: mem.c. */
#include "tcg/host/x86_64/mem.h"

/* --- CPU state ------------------------------------------------------------------------------------------------------ */

void x64_need_ldenv(const struct x64_need *s)
{
    x64_want_dst(s, -1);
}

void x64_need_stenv(const struct x64_need *s)
{
    int32_t imm;

    x64_want(s, 0, x64_is_imm32(s->ir, s->i->arg[0], &imm) ? RA_REG_OR_CONST : RA_REG);
}

void x64_need_envaddr(const struct x64_need *s)
{
    x64_want_dst(s, -1);
}

void x64_emit_envaddr(struct x64_emit *e)
{
    x64_g(&e->b, X_lea, true, x64_dst(e), x64_env((int64_t)e->i->imm));
}

void x64_emit_ldenv(struct x64_emit *e)
{
    x64_load(e, x64_dst(e), x64_env((int64_t)e->i->imm), e->i->aux, e->i->type);
}

void x64_emit_stenv(struct x64_emit *e)
{
    struct x64_rm m = x64_env((int64_t)e->i->imm);
    int32_t imm;

    if (x64_aimm(e, 0, &imm))
        x64_movi_m(&e->b, ir_mem_bytes(e->i->aux), m, imm);
    else
        x64_store(e, x64_areg(e, 0), m, e->i->aux, x64_value_type(e, 0));
}

/* --- a probe for several accesses (probes.c) --------------------------------------------------------------------------- */

void x64_need_probe(const struct x64_need *s)
{
    x64_want_dst(s, -1);
    x64_want(s, 0, RA_REG);
    s->n->dst_early = true;
}

void x64_emit_probe(struct x64_emit *e)
{
    struct x64_stub *miss = x64_stub(e, x64_no_addend);

    miss->a = (uint8_t)x64_dst(e);
    x64_probe_range(e, miss->a, x64_areg(e, 0), e->i, miss);
    miss->back = x64_here(&e->b);
}

/* --- loads and stores ------------------------------------------------------------------------------------------------------------ */

static void load_slow(struct x64_emit *e, struct x64_stub *s)
{
    bool v = x64_is_vector(e->i->aux);

    x64_address_to(e, RTMP, x64_guest_ea(e));
    x64_pushi(&e->b, e->i->aux);
    x64_call_slow(e, s, v ? SLOW_LOADV : SLOW_LOAD);
    if (v)
        x64_load(e, x64_dst(e), x64_frame(X64_VEC_BUF), e->i->aux, e->i->type);
    else if (e->a->dst.kind == RA_GPR || e->a->dst.kind == RA_VEC)
        x64_extend(e, x64_dst(e), RTMP, e->i->aux, e->i->type);
    x64_probe_again(e, s->back);
    x64_jmp_to(&e->b, s->back);
}

static void store_slow(struct x64_emit *e, struct x64_stub *s)
{
    bool v = x64_is_vector(e->i->aux);

    if (v)
        x64_store(e, x64_areg(e, 1), x64_frame(X64_VEC_BUF), e->i->aux, x64_value_type(e, 1));
    else
        x64_push_value(e, 1);
    x64_address_to(e, RTMP, x64_guest_ea(e));
    x64_pushi(&e->b, e->i->aux);
    x64_call_slow(e, s, v ? SLOW_STOREV : SLOW_STORE);
    x64_probe_again(e, s->back);
    x64_jmp_to(&e->b, s->back);
}

void x64_need_ld(const struct x64_need *s)
{
    x64_want_address(s);
    x64_want_dst(s, -1);
    s->n->ntmp_gpr = s->mode->system && !(s->i->mark & X64_PROBED);
}

static bool is_big(unsigned aux)
{
    return (aux & IR_MBE) && (aux & IR_MSIZE) != IR_M8 && !x64_is_vector(aux);
}

static void load_big(struct x64_emit *e, struct x64_rm m)
{
    unsigned aux = e->i->aux, size = aux & IR_MSIZE;
    unsigned r = e->a->dst.kind == RA_GPR ? e->a->dst.reg : RTMP;
    bool w = size == IR_M64;

    if (x64_cpu.movbe) {
        x64_g(&e->b, size == IR_M16 ? X_movbe_load16 : X_movbe_load, w, r, m);
    } else {
        x64_g(&e->b, size == IR_M16 ? X_movzx16 : X_mov_load, w, r, m);
        x64_bswap(&e->b, w, r);
        if (size == IR_M16)
            x64_shift(&e->b, SH_SHR, false, r, 16);
    }
    x64_extend(e, x64_dst(e), r, aux, e->i->type);
}

void x64_emit_ld(struct x64_emit *e)
{
    struct x64_access acc = x64_access_begin(e, load_slow, false);

    if (!acc.only_slow) {
        if (is_big(e->i->aux))
            load_big(e, acc.m);
        else if (e->a->dst.kind == RA_GPR || e->a->dst.kind == RA_VEC)
            x64_load(e, x64_dst(e), acc.m, e->i->aux, e->i->type);
        else                                               /* nobody wants the value, but the access may fault */
            x64_g(&e->b, X_movzx8, false, RTMP, acc.m);
    }
    x64_access_end(e, &acc);
}

void x64_need_st(const struct x64_need *s)
{
    bool big = is_big(s->i->aux);
    int32_t imm;

    x64_want_address(s);
    x64_want(s, 1, !big && x64_is_imm32(s->ir, s->i->arg[1], &imm) ? RA_REG_OR_CONST : RA_REG);
    s->n->ntmp_gpr = (uint8_t)((s->mode->system && !(s->i->mark & X64_PROBED)) + big);
}

/* Before the access: only the store itself may fault. Returns the register with the bytes in order. */
static unsigned swap_value(struct x64_emit *e)
{
    unsigned size = e->i->aux & IR_MSIZE, r = e->a->tmp_gpr[e->mode->system];
    bool w = size == IR_M64;

    if (e->a->arg[1].kind == RA_VEC)
        x64_op(&e->b, X_movd_r, w, x64_areg(e, 1), 0, x64_r(r), 0);
    else
        x64_mov(&e->b, true, r, x64_areg(e, 1));
    if (size == IR_M16)
        x64_shift(&e->b, SH_SHL, false, r, 16);
    x64_bswap(&e->b, w, r);
    return r;
}

void x64_emit_st(struct x64_emit *e)
{
    bool big = is_big(e->i->aux);
    unsigned swapped = big ? swap_value(e) : 0;
    struct x64_access acc = x64_access_begin(e, store_slow, true);
    int32_t imm;

    if (!acc.only_slow) {
        if (x64_aimm(e, 1, &imm))
            x64_movi_m(&e->b, ir_mem_bytes(e->i->aux), acc.m, imm);
        else if (big)
            x64_store(e, swapped, acc.m, e->i->aux, IR_I64);
        else
            x64_store(e, x64_areg(e, 1), acc.m, e->i->aux, x64_value_type(e, 1));
    }
    x64_access_end(e, &acc);
}

/* tcg/host/x86_64/sel_mem.c - CPU state, guest memory, atomics.
 *
 * User mode: the guest address is the host address (plus gs when there is a base): one instruction. System mode: the
 * inline probe of rt_view.tlb. With the address in A and r14 at the view:
 *
 *     rorx t, A, 7 ; and t, 0xffe0              offset of the entry: (A >> 12 & 2047) * 32
 *     lea  r11, [A + size - 1] ; and r11, -4096 page of the last byte: a crossing access misses
 *     cmp  r11, [r14 + t + tag] ; jne slow
 *     mov  t, [r14 + t + addend]
 *     mov  D, [A + t]
 *
 * Misses run out of line: the address in r11, the other arguments pushed, a trampoline (abi.c) that saves every
 * register and calls C. */
#include <errno.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "tcg/host/x86_64/emit.h"

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

/* Little-endian load of the size and sign in aux into a register of the instruction's type. */
static void load(struct x64_emit *e, unsigned d, struct x64_rm m, unsigned aux, enum ir_type type)
{
    bool sign = aux & IR_MSIGN, w = sign && type == IR_I64;

    if (x64_class(type) == RA_CLASS_VEC) {
        unsigned size = aux & IR_MSIZE;

        x64_vload(e, size == IR_M32 ? IR_F32 : size == IR_M64 ? IR_F64 : size == IR_M256 ? IR_V256 : IR_V128, d, m);
        return;
    }
    switch (aux & IR_MSIZE) {
    case IR_M8: x64_g(&e->b, sign ? X_movsx8 : X_movzx8, w, d, m); break;
    case IR_M16: x64_g(&e->b, sign ? X_movsx16 : X_movzx16, w, d, m); break;
    case IR_M32: x64_g(&e->b, w ? X_movsxd : X_mov_load, w, d, m); break;
    default: x64_g(&e->b, X_mov_load, type == IR_I64, d, m); break;
    }
}

static void store_reg(struct x64_emit *e, unsigned s, struct x64_rm m, unsigned aux, enum ir_type type)
{
    unsigned size = aux & IR_MSIZE;

    if (x64_class(type) == RA_CLASS_VEC)
        x64_vstore(e, size == IR_M32 ? IR_F32 : size == IR_M64 ? IR_F64 : size == IR_M256 ? IR_V256 : IR_V128, m, s);
    else if (size == IR_M8)
        x64_g(&e->b, X_mov_store8, false, s, m);
    else if (size == IR_M16)
        x64_g(&e->b, X_mov_store16, false, s, m);
    else
        x64_g(&e->b, X_mov_store, size == IR_M64, s, m);
}

static enum ir_type value_type(const struct x64_emit *e, unsigned k)
{
    return ir_type_of(e->ir, x64_arg_ref(e->ir, e->i, k));
}

void x64_emit_ldenv(struct x64_emit *e)
{
    load(e, x64_dst(e), x64_env((int64_t)e->i->imm), e->i->aux, e->i->type);
}

void x64_emit_stenv(struct x64_emit *e)
{
    struct x64_rm m = x64_env((int64_t)e->i->imm);
    int32_t imm;

    if (x64_aimm(e, 0, &imm))
        x64_movi_m(&e->b, ir_mem_bytes(e->i->aux), m, imm);
    else
        store_reg(e, x64_areg(e, 0), m, e->i->aux, value_type(e, 0));
}

/* --- guest addresses --------------------------------------------------------------------------------------------------- */

struct x64_addr x64_addr_of(const struct ir *ir, const struct ir_insn *i)
{
    bool displaced = i->op == IR_OP_ld || i->op == IR_OP_st;
    struct x64_addr a = { i->arg[0], IR_NONE, 0, displaced ? (int64_t)i->imm : 0 };
    const struct ir_insn *d = ir_at(ir, i->arg[0]), *y;

    if (!(i->mark & X64_FOLD0))
        return a;
    a.base = d->arg[0];
    y = ir_at(ir, d->arg[1]);
    if (d->mark & X64_FOLD1) {
        a.index = y->arg[0];
        a.scale = (uint8_t)ir_at(ir, y->arg[1])->imm;
    } else if (y->op == IR_OP_const) {
        a.disp += (int64_t)y->imm;
    } else {
        a.index = d->arg[1];
    }
    return a;
}

static bool fits32(int64_t v)
{
    return v == (int32_t)v;
}

static bool foldable(const struct ir *ir, const struct ir_insn *mem, const struct ir_insn *d)
{
    int32_t imm;

    if (d->op != IR_OP_add || d->type != IR_I64 || d->block != mem->block || ir_is_const(ir, d->arg[0]))
        return false;
    if (!fits32((int64_t)mem->imm))
        return false;
    if (!ir_is_const(ir, d->arg[1]))
        return true;
    return x64_is_imm32(ir, d->arg[1], &imm) && fits32((int64_t)mem->imm + imm);
}

/* An addition that only addresses use disappears into them. mark counts those uses while this runs. */
void x64_select_addresses(struct ir *ir)
{
    uint32_t *seen = xcalloc(ir->ninsns, sizeof *seen);

    for (int pass = 0; pass < 2; pass++)
        for (ir_ref r = 1; r < ir->ninsns; r++) {
            struct ir_insn *i = ir_at(ir, r), *d;

            if (i->op != IR_OP_ld && i->op != IR_OP_st)
                continue;
            d = ir_at(ir, i->arg[0]);
            if (!foldable(ir, i, d))
                continue;
            if (pass == 0) {
                seen[i->arg[0]]++;
            } else if (seen[i->arg[0]] == d->uses) {
                d->mark |= X64_SKIP;
                i->mark |= X64_FOLD0;
            }
        }
    free(seen);
}

static void want_address(const struct x64_need *s)
{
    struct x64_addr a;

    s->n->snap_any = true;
    if (s->i->mark & X64_PROBED)
        x64_want_extra(s, (ir_ref)s->i->imm2, RA_REG);
    if (!(s->i->mark & X64_FOLD0)) {
        bool plain = s->i->op == IR_OP_ld || s->i->op == IR_OP_st;

        x64_want(s, 0, plain ? RA_REG_OR_CONST : RA_REG);  /* atomics need the scratch register for themselves */
        return;
    }
    a = x64_addr_of(s->ir, s->i);
    x64_want(s, 0, RA_FOLDED);
    x64_want_extra(s, a.base, RA_REG);
    if (a.index)
        x64_want_extra(s, a.index, RA_REG);
}

/* The guest address as an operand; what doesn't fit one is computed into r11 first. */
static struct x64_rm guest_ea(struct x64_emit *e)
{
    struct x64_addr a = x64_addr_of(e->ir, e->i);
    struct ra_loc base = e->i->mark & X64_FOLD0 ? e->a->extra[0] : e->a->arg[0];
    int64_t disp = a.disp;
    struct x64_rm m;

    if (base.kind == RA_CONST) {
        disp += (int64_t)ir_at(e->ir, a.base)->imm;
        if (disp >= 0 && fits32(disp))
            return x64_m(-1, (int32_t)disp);
        x64_movi_keep(&e->b, RTMP, (uint64_t)disp);
        return x64_m(RTMP, 0);
    }
    m = x64_m(base.reg, (int32_t)disp);
    if (a.index) {
        m.index = (int8_t)e->a->extra[1].reg;
        m.scale = a.scale;
    }
    if (!fits32(disp)) {
        x64_movi_keep(&e->b, RTMP, (uint64_t)disp);
        x64_alu(&e->b, ALU_ADD, true, RTMP, x64_r(base.reg));
        return x64_m(RTMP, 0);
    }
    return m;
}

static bool is_plain(struct x64_rm m)
{
    return m.base >= 0 && m.index < 0 && m.disp == 0;
}

/* r = the address itself */
static void address_to(struct x64_emit *e, unsigned r, struct x64_rm ea)
{
    if (is_plain(ea))
        x64_mov(&e->b, true, r, (unsigned)ea.base);
    else if (ea.base < 0)
        x64_movi_keep(&e->b, r, (uint64_t)ea.disp);
    else
        x64_g(&e->b, X_lea, true, r, ea);
}

/* --- entries of the TLB ----------------------------------------------------------------------------------------------- */

static size_t tag_offset(bool write)
{
    return offsetof(struct rt_view, tlb) + (write ? offsetof(struct rt_tlb_entry, tag_write) : offsetof(struct rt_tlb_entry, tag_read));
}

enum { ADDEND = offsetof(struct rt_view, tlb) + offsetof(struct rt_tlb_entry, addend), ENTRY = sizeof(struct rt_tlb_entry) };

/* t = offset of the entry that an address has */
static void entry_of(struct x64_emit *e, unsigned t, struct x64_rm ea)
{
    if (ea.base == RTMP) {                                 /* a displacement beyond 32 bits */
        x64_mov(&e->b, true, t, RTMP);
        x64_shift(&e->b, SH_SHR, true, t, RT_PAGE_BITS - 5);
    } else if (is_plain(ea) && x64_cpu.bmi2) {
        x64_op(&e->b, X_rorx, true, t, 0, x64_r((unsigned)ea.base), 1);
        x64_u8(&e->b, RT_PAGE_BITS - 5);
    } else {
        address_to(e, t, ea);
        x64_shift(&e->b, SH_SHR, true, t, RT_PAGE_BITS - 5);
    }
    x64_alui(&e->b, ALU_AND, false, x64_r(t), ((1 << RT_TLB_BITS) - 1) * ENTRY);
}

/* d = addend of the range [base + from, base + to), when its page is the one in the entry. The jump taken when not is
 * put on `miss`. */
static void probe_range(struct x64_emit *e, unsigned d, unsigned base, const struct ir_insn *p, struct x64_stub *miss)
{
    struct x64_rm first = x64_m((int)base, (int32_t)p->imm), last = x64_m((int)base, (int32_t)p->imm2 - 1);

    entry_of(e, d, first);
    address_to(e, RTMP, last);
    x64_alui(&e->b, ALU_AND, true, x64_r(RTMP), -4096);
    x64_alu(&e->b, ALU_CMP, true, RTMP, x64_mx(R14, (int)d, 0, (int32_t)tag_offset(p->aux)));
    x64_cold(e, miss, CC_NE);
    x64_g(&e->b, X_mov_load, true, d, x64_mx(R14, (int)d, 0, ADDEND));
}

static void no_addend(struct x64_emit *e, struct x64_stub *s)
{
    x64_movi(&e->b, s->a, 0);
    x64_jmp_to(&e->b, s->back);
}

/* The slow path of a group's first access may have filled the entry for the others. */
static void probe_again(struct x64_emit *e, uint32_t back)
{
    struct x64_stub *miss;

    if (!(e->i->mark & X64_FIRST))
        return;
    miss = x64_stub(e, no_addend);
    miss->a = e->a->extra[0].reg;
    miss->back = back;
    probe_range(e, miss->a, x64_areg(e, 0), ir_at(e->ir, (ir_ref)e->i->imm2), miss);
}

/* --- slow paths ----------------------------------------------------------------------------------------------------------- */

static void call_slow(struct x64_emit *e, struct x64_stub *s, enum x64_slow kind)
{
    x64_call_tramp(e, kind);
    statemap_add(&e->u->map, x64_here(&e->b), e->ir, e->ra, s->r);
}

/* d = the zero-extended bits in `from`, extended as aux says. */
static void extend(struct x64_emit *e, unsigned d, unsigned from, unsigned aux, enum ir_type type)
{
    if (x64_class(type) == RA_CLASS_VEC)
        x64_op(&e->b, X_movd_x, (aux & IR_MSIZE) == IR_M64, d, 0, x64_r(from), 0);
    else if (d != from || (aux & IR_MSIZE) != IR_M64)
        load(e, d, x64_r(from), aux, type);
}

static void push_value(struct x64_emit *e, unsigned k)
{
    struct ra_loc l = e->a->arg[k];
    int32_t imm;

    if (x64_aimm(e, k, &imm)) {
        x64_pushi(&e->b, imm);
        return;
    }
    if (l.kind == RA_VEC) {
        x64_op(&e->b, X_movd_r, true, l.reg, 0, x64_r(RTMP), 0);
        l.reg = RTMP;
    }
    x64_push(&e->b, l.reg);
}

static bool is_vector(unsigned aux)
{
    return (aux & IR_MSIZE) >= IR_M128;
}

static void load_slow(struct x64_emit *e, struct x64_stub *s)
{
    bool v = is_vector(e->i->aux);

    address_to(e, RTMP, guest_ea(e));
    x64_pushi(&e->b, e->i->aux);
    call_slow(e, s, v ? SLOW_LOADV : SLOW_LOAD);
    if (v)
        load(e, x64_dst(e), x64_frame(X64_VEC_BUF), e->i->aux, e->i->type);
    else if (e->a->dst.kind == RA_GPR || e->a->dst.kind == RA_VEC)
        extend(e, x64_dst(e), RTMP, e->i->aux, e->i->type);
    probe_again(e, s->back);
    x64_jmp_to(&e->b, s->back);
}

static void store_slow(struct x64_emit *e, struct x64_stub *s)
{
    bool v = is_vector(e->i->aux);

    if (v)
        store_reg(e, x64_areg(e, 1), x64_frame(X64_VEC_BUF), e->i->aux, value_type(e, 1));
    else
        push_value(e, 1);
    address_to(e, RTMP, guest_ea(e));
    x64_pushi(&e->b, e->i->aux);
    call_slow(e, s, v ? SLOW_STOREV : SLOW_STORE);
    probe_again(e, s->back);
    x64_jmp_to(&e->b, s->back);
}

static void amo_slow(struct x64_emit *e, struct x64_stub *s)
{
    push_value(e, 1);
    address_to(e, RTMP, guest_ea(e));
    x64_pushi(&e->b, (int32_t)e->i->imm);
    x64_pushi(&e->b, e->i->aux);
    call_slow(e, s, SLOW_AMO);
    if (e->a->dst.kind == RA_GPR)
        extend(e, x64_dst(e), RTMP, e->i->aux, e->i->type);
    x64_jmp_to(&e->b, s->back);
}

static void cas_slow(struct x64_emit *e, struct x64_stub *s)
{
    push_value(e, 2);
    push_value(e, 1);
    address_to(e, RTMP, guest_ea(e));
    x64_pushi(&e->b, e->i->aux);
    call_slow(e, s, SLOW_CAS);
    extend(e, x64_dst(e), RTMP, e->i->aux, e->i->type);
    x64_jmp_to(&e->b, s->back);
}

/* --- the probe -------------------------------------------------------------------------------------------------------------- */

struct access {
    struct x64_rm m;                           /* host operand, when not only_slow */
    struct x64_stub *slow;                     /* NULL: cannot miss */
    bool only_slow;
};

/* The entry of a constant address is a constant too. */
static void probe_const(struct x64_emit *e, struct access *acc, uint64_t addr, bool write, unsigned t)
{
    int32_t off = (int32_t)((addr >> RT_PAGE_BITS & ((1u << RT_TLB_BITS) - 1)) * ENTRY);
    uint64_t page = addr & ~UINT64_C(0xfff);

    if (fits32((int64_t)page)) {
        x64_alui(&e->b, ALU_CMP, true, x64_m(R14, (int32_t)tag_offset(write) + off), (int32_t)page);
    } else {
        x64_movi_keep(&e->b, RTMP, page);
        x64_alu(&e->b, ALU_CMP, true, RTMP, x64_m(R14, (int32_t)tag_offset(write) + off));
    }
    x64_cold(e, acc->slow, CC_NE);
    x64_g(&e->b, X_mov_load, true, t, x64_m(R14, ADDEND + off));
    if (fits32((int64_t)addr)) {
        acc->m = x64_m((int)t, (int32_t)addr);
    } else {
        x64_movi_keep(&e->b, RTMP, addr);
        acc->m = x64_mx((int)t, RTMP, 0, 0);
    }
}

static void probe(struct x64_emit *e, struct access *acc, struct x64_rm ea, bool write, unsigned t)
{
    unsigned bytes = ir_mem_bytes(e->i->aux);
    bool aligned = (e->i->aux & IR_MALIGN) && bytes > 1;
    struct x64_rm last = ea;

    entry_of(e, t, ea);
    if (!aligned)
        last.disp += (int32_t)bytes - 1;
    address_to(e, RTMP, last);
    x64_alui(&e->b, ALU_AND, true, x64_r(RTMP), aligned ? -4096 | (int32_t)(bytes - 1) : -4096);
    x64_alu(&e->b, ALU_CMP, true, RTMP, x64_mx(R14, (int)t, 0, (int32_t)tag_offset(write)));
    x64_cold(e, acc->slow, CC_NE);
    x64_g(&e->b, X_mov_load, true, t, x64_mx(R14, (int)t, 0, ADDEND));
    if (ea.base == RTMP) {                                 /* r11 was needed for the tag: the address again */
        ea = guest_ea(e);
        acc->m = x64_mx(RTMP, (int)t, 0, 0);
    } else if (ea.index >= 0) {
        x64_alu(&e->b, ALU_ADD, true, t, x64_r((unsigned)ea.base));
        acc->m = x64_mx((int)t, ea.index, ea.scale, ea.disp);
    } else {
        acc->m = x64_mx(ea.base, (int)t, 0, ea.disp);
    }
}

static bool const_address(const struct x64_emit *e, uint64_t *addr)
{
    struct x64_addr a = x64_addr_of(e->ir, e->i);

    if (!ir_is_const(e->ir, a.base) || a.index || (e->i->mark & X64_FOLD0) || e->a->arg[0].kind != RA_CONST)
        return false;
    *addr = ir_at(e->ir, a.base)->imm + (uint64_t)a.disp;
    return true;
}

static bool must_be_slow(const struct x64_emit *e)
{
    unsigned aux = e->i->aux, bytes = ir_mem_bytes(aux);
    uint64_t addr;

    if (aux & IR_MMMU)
        return true;
    if (!const_address(e, &addr) || !e->mode->system)
        return false;
    return ((aux & IR_MALIGN) && (addr & (bytes - 1))) || (addr & 0xfff) + bytes > 4096;
}

static void check_aligned(struct x64_emit *e, struct access *acc, struct x64_rm ea)
{
    int32_t mask = (int32_t)ir_mem_bytes(e->i->aux) - 1;
    unsigned r = RTMP;

    if (is_plain(ea))
        r = (unsigned)ea.base;
    else
        address_to(e, RTMP, ea);
    x64_testi(&e->b, false, x64_r(r), mask);
    x64_cold(e, acc->slow, CC_NE);
}

/* What a probe found for the whole group: its addend, or 0. */
static void use_probe(struct x64_emit *e, struct access *acc)
{
    unsigned addend = e->a->extra[0].reg;

    x64_gg(&e->b, X_test, true, addend, addend);
    x64_cold(e, acc->slow, CC_E);
    acc->m = x64_mx((int)x64_areg(e, 0), (int)addend, 0, (int32_t)e->i->imm);
}

/* What comes before an access: afterwards acc->m is where the bytes are. */
static struct access begin(struct x64_emit *e, x64_stub_fn *slow, bool write)
{
    struct access acc = { .m = x64_m(-1, 0) };
    bool aligned = (e->i->aux & IR_MALIGN) && ir_mem_bytes(e->i->aux) > 1;
    uint64_t addr;

    acc.only_slow = must_be_slow(e);
    if (acc.only_slow || aligned || e->mode->system)
        acc.slow = x64_stub(e, slow);
    if (acc.only_slow) {
        x64_cold_jmp(e, acc.slow);
    } else if (e->i->mark & X64_PROBED) {
        use_probe(e, &acc);
    } else if (!e->mode->system) {
        acc.m = guest_ea(e);
        if (aligned)
            check_aligned(e, &acc, acc.m);
        acc.m.gs = e->mode->guest_base != 0;
        acc.m.addr32 = e->mode->addr32;
        statemap_add(&e->u->map, x64_here(&e->b), e->ir, e->ra, e->r);
    } else if (const_address(e, &addr)) {
        probe_const(e, &acc, addr, write, e->a->tmp_gpr[0]);
    } else {
        probe(e, &acc, guest_ea(e), write, e->a->tmp_gpr[0]);
    }
    return acc;
}

static void finish(struct x64_emit *e, struct access *acc)
{
    if (acc->slow)
        acc->slow->back = x64_here(&e->b);
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
    struct x64_stub *miss = x64_stub(e, no_addend);

    miss->a = (uint8_t)x64_dst(e);
    probe_range(e, miss->a, x64_areg(e, 0), e->i, miss);
    miss->back = x64_here(&e->b);
}

/* --- loads and stores ------------------------------------------------------------------------------------------------------------ */

void x64_need_ld(const struct x64_need *s)
{
    want_address(s);
    x64_want_dst(s, -1);
    s->n->ntmp_gpr = s->mode->system && !(s->i->mark & X64_PROBED);
}

static bool is_big(unsigned aux)
{
    return (aux & IR_MBE) && (aux & IR_MSIZE) != IR_M8 && !is_vector(aux);
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
    extend(e, x64_dst(e), r, aux, e->i->type);
}

void x64_emit_ld(struct x64_emit *e)
{
    struct access acc = begin(e, load_slow, false);

    if (!acc.only_slow) {
        if (is_big(e->i->aux))
            load_big(e, acc.m);
        else if (e->a->dst.kind == RA_GPR || e->a->dst.kind == RA_VEC)
            load(e, x64_dst(e), acc.m, e->i->aux, e->i->type);
        else                                               /* nobody wants the value, but the access may fault */
            x64_g(&e->b, X_movzx8, false, RTMP, acc.m);
    }
    finish(e, &acc);
}

void x64_need_st(const struct x64_need *s)
{
    bool big = is_big(s->i->aux);
    int32_t imm;

    want_address(s);
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
    struct access acc = begin(e, store_slow, true);
    int32_t imm;

    if (!acc.only_slow) {
        if (x64_aimm(e, 1, &imm))
            x64_movi_m(&e->b, ir_mem_bytes(e->i->aux), acc.m, imm);
        else if (big)
            store_reg(e, swapped, acc.m, e->i->aux, IR_I64);
        else
            store_reg(e, x64_areg(e, 1), acc.m, e->i->aux, value_type(e, 1));
    }
    finish(e, &acc);
}

/* --- atomics ------------------------------------------------------------------------------------------------------------------------ */

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

    want_address(s);
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
    struct access acc;

    if ((form == AMO_XCHG || form == AMO_XADD) && x64_areg(e, 1) != x64_dst(e))
        x64_mov(&e->b, true, x64_dst(e), x64_areg(e, 1));
    if (form == AMO_SLOW) {
        acc = (struct access){ .slow = x64_stub(e, amo_slow) };
        x64_cold_jmp(e, acc.slow);
    } else {
        acc = begin(e, amo_slow, true);
        if (!acc.only_slow)
            amo_inline(e, acc.m);
    }
    finish(e, &acc);
}

void x64_need_cas(const struct x64_need *s)
{
    want_address(s);
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
    struct access acc;

    if (is_vector(e->i->aux)) {
        e->err = -E2BIG;
        return;
    }
    if (e->i->aux & IR_MBE) {
        acc = (struct access){ .slow = x64_stub(e, cas_slow) };
        x64_cold_jmp(e, acc.slow);
    } else {
        acc = begin(e, cas_slow, true);
        if (!acc.only_slow) {
            x64_lock(&e->b);
            x64_g(&e->b, op[size], size == IR_M64, x64_areg(e, 2), acc.m);
            extend(e, RAX, RAX, e->i->aux, e->i->type);
        }
    }
    finish(e, &acc);
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

/* tcg/host/x86_64/mem.c - guest memory: addresses, the TLB probe, slow paths.
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
#include <stdlib.h>

#include "core/base/alloc.h"
#include "tcg/host/x86_64/mem.h"

/* --- bytes ------------------------------------------------------------------------------------------------------------ */

/* Little-endian load of the size and sign in aux into a register of the instruction's type. */
void x64_load(struct x64_emit *e, unsigned d, struct x64_rm m, unsigned aux, enum ir_type type)
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

void x64_store(struct x64_emit *e, unsigned s, struct x64_rm m, unsigned aux, enum ir_type type)
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

enum ir_type x64_value_type(const struct x64_emit *e, unsigned k)
{
    return ir_type_of(e->ir, x64_arg_ref(e->ir, e->i, k));
}

/* --- guest addresses --------------------------------------------------------------------------------------------------- */

struct x64_addr x64_addr_of(const struct ir *ir, const struct ir_insn *i)
{
    bool displaced = i->op == IR_OP_ld || i->op == IR_OP_st;
    struct x64_addr a = { i->arg[0], IR_NONE, 0, displaced ? (int64_t)i->imm : 0 };
    const struct ir_insn *d = ir_at(ir, i->arg[0]), *y;

    if (!(i->mark & X64_FOLD0))
        return a;
    if (d->op == IR_OP_zext) {
        a.base = d->arg[0];
        if (!(d->mark & X64_FOLD0))
            return a;
        d = ir_at(ir, d->arg[0]);
    }
    a.base = d->arg[0];
    y = ir_at(ir, d->arg[1]);
    if (d->mark & X64_FOLD1) {
        a.index = y->arg[0];
        a.scale = (uint8_t)ir_at(ir, y->arg[1])->imm;
    } else if (y->op == IR_OP_const) {
        a.disp += d->type == IR_I32 ? (int32_t)y->imm : (int64_t)y->imm;
    } else {
        a.index = d->arg[1];
    }
    return a;
}

static bool fits32(int64_t v)
{
    return v == (int32_t)v;
}

/* In 32 bits: what the displacement of an access may come to beside that of the sum. */
enum { NEAR = 1 << 20 };

/* An i32 sum that is only there to be an address: the processor wraps it there too (addr32). */
static bool sum_folds(const struct ir *ir, const struct ir_insn *zext)
{
    const struct ir_insn *d = ir_at(ir, zext->arg[0]);
    int32_t imm;

    if (d->op != IR_OP_add || d->uses != 1 || d->block != zext->block || ir_is_const(ir, d->arg[0]))
        return false;
    return !ir_is_const(ir, d->arg[1]) || (x64_is_imm32(ir, d->arg[1], &imm) && imm > INT32_MIN + NEAR && imm < INT32_MAX - NEAR);
}

static bool foldable(const struct host_mode *mode, const struct ir *ir, const struct ir_insn *mem, const struct ir_insn *d)
{
    int32_t imm;

    /* The operation first: a phi's or a call's arguments are numbers in the pool. */
    if (d->block != mem->block || d->type != IR_I64 || (d->op != IR_OP_zext && d->op != IR_OP_add) || ir_is_const(ir, d->arg[0]))
        return false;
    if (d->op == IR_OP_zext)
        return mode->addr32 && (int64_t)mem->imm > -NEAR && (int64_t)mem->imm < NEAR;
    if (!fits32((int64_t)mem->imm))
        return false;
    if (!ir_is_const(ir, d->arg[1]))
        return true;
    return x64_is_imm32(ir, d->arg[1], &imm) && fits32((int64_t)mem->imm + imm);
}

/* An addition that only addresses use disappears into them; where addresses have 32 bits, an extension does, and what it
 * extends. seen[] counts those uses. */
void x64_select_addresses(const struct host_mode *mode, struct ir *ir)
{
    uint32_t *seen = xcalloc(ir->ninsns, sizeof *seen);

    for (int pass = 0; pass < 2; pass++)
        for (ir_ref r = 1; r < ir->ninsns; r++) {
            struct ir_insn *i = ir_at(ir, r), *d;

            if (i->op != IR_OP_ld && i->op != IR_OP_st)
                continue;
            d = ir_at(ir, i->arg[0]);
            if (!foldable(mode, ir, i, d))
                continue;
            if (pass == 0) {
                seen[i->arg[0]]++;
            } else if (seen[i->arg[0]] == d->uses) {
                i->mark |= X64_FOLD0;
                if (!(d->mark & X64_SKIP) && d->op == IR_OP_zext && sum_folds(ir, d)) {
                    d->mark |= X64_FOLD0;
                    ir_at(ir, d->arg[0])->mark |= X64_SKIP;
                }
                d->mark |= X64_SKIP;
            }
        }
    free(seen);
}

void x64_want_address(const struct x64_need *s)
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
struct x64_rm x64_guest_ea(struct x64_emit *e)
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
void x64_address_to(struct x64_emit *e, unsigned r, struct x64_rm ea)
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
        x64_address_to(e, t, ea);
        x64_shift(&e->b, SH_SHR, true, t, RT_PAGE_BITS - 5);
    }
    x64_alui(&e->b, ALU_AND, false, x64_r(t), ((1 << RT_TLB_BITS) - 1) * ENTRY);
}

/* d = addend of the range [base + from, base + to), when its page is the one in the entry. The jump taken when not is
 * put on `miss`. */
void x64_probe_range(struct x64_emit *e, unsigned d, unsigned base, const struct ir_insn *p, struct x64_stub *miss)
{
    struct x64_rm first = x64_m((int)base, (int32_t)p->imm), last = x64_m((int)base, (int32_t)p->imm2 - 1);

    entry_of(e, d, first);
    x64_address_to(e, RTMP, last);
    x64_alui(&e->b, ALU_AND, true, x64_r(RTMP), -4096);
    x64_alu(&e->b, ALU_CMP, true, RTMP, x64_mx(R14, (int)d, 0, (int32_t)tag_offset(p->aux)));
    x64_cold(e, miss, CC_NE);
    x64_g(&e->b, X_mov_load, true, d, x64_mx(R14, (int)d, 0, ADDEND));
}

void x64_no_addend(struct x64_emit *e, struct x64_stub *s)
{
    x64_movi(&e->b, s->a, 0);
    x64_jmp_to(&e->b, s->back);
}

static bool is_dst(const struct x64_emit *e, unsigned r) { return e->a->dst.kind == RA_GPR && e->a->dst.reg == r; }

/* The slow path of a group's first access may have filled the entry for the others. A value that was loaded is in its
 * register already: where that was the base's or the addend's, the others go without, since their addend is 0. */
void x64_probe_again(struct x64_emit *e, uint32_t back)
{
    struct x64_stub *miss;

    if (!(e->i->mark & X64_FIRST) || is_dst(e, x64_areg(e, 0)) || is_dst(e, e->a->extra[0].reg))
        return;
    miss = x64_stub(e, x64_no_addend);
    miss->a = e->a->extra[0].reg;
    miss->back = back;
    x64_probe_range(e, miss->a, x64_areg(e, 0), ir_at(e->ir, (ir_ref)e->i->imm2), miss);
}

/* --- slow paths ----------------------------------------------------------------------------------------------------------- */

void x64_call_slow(struct x64_emit *e, struct x64_stub *s, enum x64_slow kind)
{
    x64_call_tramp(e, kind);
    statemap_add(&e->u->map, x64_here(&e->b), e->ir, e->ra, s->r);
}

/* d = the zero-extended bits in `from`, extended as aux says. */
void x64_extend(struct x64_emit *e, unsigned d, unsigned from, unsigned aux, enum ir_type type)
{
    if (x64_class(type) == RA_CLASS_VEC)
        x64_op(&e->b, X_movd_x, (aux & IR_MSIZE) == IR_M64, d, 0, x64_r(from), 0);
    else if (d != from || (aux & IR_MSIZE) != IR_M64)
        x64_load(e, d, x64_r(from), aux, type);
}

void x64_push_value(struct x64_emit *e, unsigned k)
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

bool x64_is_vector(unsigned aux)
{
    return (aux & IR_MSIZE) >= IR_M128;
}

/* --- the probe -------------------------------------------------------------------------------------------------------------- */

/* The entry of a constant address is a constant too. */
static void probe_const(struct x64_emit *e, struct x64_access *acc, uint64_t addr, bool write, unsigned t)
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

static void probe(struct x64_emit *e, struct x64_access *acc, struct x64_rm ea, bool write, unsigned t)
{
    unsigned bytes = ir_mem_bytes(e->i->aux);
    bool aligned = (e->i->aux & IR_MALIGN) && bytes > 1;
    struct x64_rm last = ea;

    entry_of(e, t, ea);
    if (!aligned)
        last.disp += (int32_t)bytes - 1;
    x64_address_to(e, RTMP, last);
    x64_alui(&e->b, ALU_AND, true, x64_r(RTMP), aligned ? -4096 | (int32_t)(bytes - 1) : -4096);
    x64_alu(&e->b, ALU_CMP, true, RTMP, x64_mx(R14, (int)t, 0, (int32_t)tag_offset(write)));
    x64_cold(e, acc->slow, CC_NE);
    x64_g(&e->b, X_mov_load, true, t, x64_mx(R14, (int)t, 0, ADDEND));
    if (ea.base == RTMP) {                                 /* r11 was needed for the tag: the address again */
        ea = x64_guest_ea(e);
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

static void check_aligned(struct x64_emit *e, struct x64_access *acc, struct x64_rm ea)
{
    int32_t mask = (int32_t)ir_mem_bytes(e->i->aux) - 1;
    unsigned r = RTMP;

    if (is_plain(ea))
        r = (unsigned)ea.base;
    else
        x64_address_to(e, RTMP, ea);
    x64_testi(&e->b, false, x64_r(r), mask);
    x64_cold(e, acc->slow, CC_NE);
}

/* What a probe found for the whole group: its addend, or 0. */
static void use_probe(struct x64_emit *e, struct x64_access *acc)
{
    unsigned addend = e->a->extra[0].reg;

    x64_gg(&e->b, X_test, true, addend, addend);
    x64_cold(e, acc->slow, CC_E);
    acc->m = x64_mx((int)x64_areg(e, 0), (int)addend, 0, (int32_t)e->i->imm);
}

/* What comes before an access: afterwards acc->m is where the bytes are. */
struct x64_access x64_access_begin(struct x64_emit *e, x64_stub_fn *slow, bool write)
{
    struct x64_access acc = { .m = x64_m(-1, 0) };
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
        acc.m = x64_guest_ea(e);
        if (aligned)
            check_aligned(e, &acc, acc.m);
        acc.m.gs = e->mode->guest_base != 0;
        acc.m.addr32 = e->mode->addr32;
        statemap_add(&e->u->map, x64_here(&e->b), e->ir, e->ra, e->r);
    } else if (const_address(e, &addr)) {
        probe_const(e, &acc, addr, write, e->a->tmp_gpr[0]);
    } else {
        probe(e, &acc, x64_guest_ea(e), write, e->a->tmp_gpr[0]);
    }
    return acc;
}

void x64_access_end(struct x64_emit *e, struct x64_access *acc)
{
    if (acc->slow)
        acc->slow->back = x64_here(&e->b);
}

/* tcg/host/x86_64/sel_vec.c - vectors: lane for lane, 128 bits on SSE2 and up, 256 bits on AVX2. */
#include <errno.h>
#include <string.h>

#include "tcg/host/x86_64/soft.h"
#include "tcg/host/x86_64/vec.h"

static bool is_float(enum ir_type t) { return t == IR_F32 || t == IR_F64; }

/* 256-bit units are only made for hosts that have AVX2; what lies is refused rather than run wrong. */
bool x64_vec_usable(struct x64_emit *e, enum ir_type t)
{
    if (x64_is256(t) && !x64_cpu.avx2)
        e->err = -E2BIG;
    return !e->err;
}

void x64_want_vbin(const struct x64_need *s)
{
    x64_want_dst(s, x64_cpu.avx ? -1 : 0);
    x64_want(s, 0, RA_REG);
    x64_want(s, 1, x64_cpu.avx ? RA_ANY : RA_REG);         /* SSE wants its memory operands aligned */
}

void x64_need_vseq(const struct x64_need *s) { x64_want_vseq(s); }
void x64_need_vbin2(const struct x64_need *s) { x64_want_vbin(s); }

void x64_want_vseq(const struct x64_need *s)
{
    x64_want_dst(s, -1);
    s->n->dst_early = true;
    for (unsigned k = 0; k < s->i->nargs; k++)
        x64_want(s, k, RA_REG);
}

struct x64_rm x64_splat(struct x64_emit *e, uint64_t v, unsigned bits, bool l256)
{
    uint8_t p[32];

    for (unsigned k = 0; k < sizeof p; k++)
        p[k] = (uint8_t)(v >> 8 * (k % (bits / 8)));
    return x64_literal(&e->b, p, l256 ? 32 : 16);
}

struct x64_rm x64_splat8(struct x64_emit *e, uint8_t byte, bool l256) { return x64_splat(e, byte, 8, l256); }

void x64_vec_soft(struct x64_emit *e)
{
    unsigned regs = x64_dst(e);

    for (unsigned k = 0; k < e->i->nargs; k++)
        regs |= x64_areg(e, k) << (4 + 4 * k);
    x64_pushi(&e->b, (int32_t)(regs | (unsigned)e->i->imm << 16));
    x64_pushi(&e->b, (int32_t)(e->i->aux | (unsigned)e->i->op << 16 | (x64_is256(e->i->type) ? (unsigned)SOFT_V256 : 0)));
    x64_call_tramp(e, SLOW_VEC);
}

void x64_vec_soft_stub(struct x64_emit *e, struct x64_stub *s)
{
    x64_vec_soft(e);
    x64_jmp_to(&e->b, s->back);
}

static unsigned call_shape(const struct ir_insn *i)
{
    return i->aux | (x64_is256(i->type) ? 32u : 16u) << 8;
}

/* --- lanes with lanes ------------------------------------------------------------------------------------------------- */

static const uint16_t add_ops[] = { X_paddb, X_paddw, X_paddd, X_paddq }, sub_ops[] = { X_psubb, X_psubw, X_psubd, X_psubq },
                      eq_ops[] = { X_pcmpeqb, X_pcmpeqw, X_pcmpeqd, X_pcmpeqq },
                      gt_ops[] = { X_pcmpgtb, X_pcmpgtw, X_pcmpgtd, X_pcmpgtq };

static bool bin_native(const struct ir_insn *i)
{
    if (i->op == IR_OP_vcmpeq && i->aux == 64)
        return x64_cpu.sse41;
    if (i->op == IR_OP_vcmpgt && i->aux == 64)
        return x64_cpu.sse42;
    return true;
}

void x64_need_vbin(const struct x64_need *s)
{
    if (bin_native(s->i))
        x64_want_vbin(s);
    else
        x64_veccall_need(s);
}

static enum x64_op bin_op(const struct ir_insn *i)
{
    unsigned k = x64_lane_index(i->aux);

    switch (i->op) {
    case IR_OP_vadd: return add_ops[k];
    case IR_OP_vsub: return sub_ops[k];
    case IR_OP_vcmpeq: return eq_ops[k];
    case IR_OP_vcmpgt: return gt_ops[k];
    case IR_OP_vand: return X_pand;
    case IR_OP_vor: return X_por;
    default: return X_pxor;
    }
}

void x64_emit_vbin(struct x64_emit *e)
{
    if (!x64_vec_usable(e, e->i->type))
        return;
    if (bin_native(e->i))
        x64_vvv(&e->b, bin_op(e->i), x64_is256(e->i->type), x64_dst(e), x64_areg(e, 0), x64_aloc(e, 1));
    else
        x64_veccall(e, e->i->op == IR_OP_vcmpgt ? soft_vcmpgt : soft_vcmpeq, call_shape(e->i));
}

static bool mul_native(const struct ir_insn *i)
{
    return i->aux == 16 || (i->aux == 32 && x64_cpu.sse41);
}

void x64_need_vmul(const struct x64_need *s)
{
    if (mul_native(s->i))
        x64_want_vbin(s);
    else
        x64_want_vseq(s);
}

void x64_emit_vmul(struct x64_emit *e)
{
    bool l = x64_is256(e->i->type);

    if (!x64_vec_usable(e, e->i->type))
        return;
    if (e->i->aux == 64 && x64_cpu.avx512dq && !l)
        x64_vvv(&e->b, X_vpmullq, false, x64_dst(e), x64_areg(e, 0), x64_r(x64_areg(e, 1)));
    else if (mul_native(e->i))
        x64_vvv(&e->b, e->i->aux == 16 ? X_pmullw : X_pmulld, l, x64_dst(e), x64_areg(e, 0), x64_aloc(e, 1));
    else if (e->i->aux == 8)
        x64_vmul8(e, x64_dst(e), x64_areg(e, 0), x64_areg(e, 1), l);
    else if (e->i->aux == 64 && x64_cpu.sse41)
        x64_vmul64(e, x64_dst(e), x64_areg(e, 0), x64_areg(e, 1), l);
    else
        x64_vec_soft(e);
}

void x64_need_vandn(const struct x64_need *s)
{
    x64_want_dst(s, x64_cpu.avx ? -1 : 1);
    x64_want(s, 0, RA_REG);
    x64_want(s, 1, RA_REG);
}

void x64_emit_vandn(struct x64_emit *e)                    /* the host inverts the first operand */
{
    if (x64_vec_usable(e, e->i->type))
        x64_vvv(&e->b, X_pandn, x64_is256(e->i->type), x64_dst(e), x64_areg(e, 1), x64_r(x64_areg(e, 0)));
}

void x64_need_vnot(const struct x64_need *s)
{
    x64_want_dst(s, x64_cpu.avx ? -1 : 0);
    x64_want(s, 0, RA_REG);
}

void x64_emit_vnot(struct x64_emit *e)
{
    bool l = x64_is256(e->i->type);

    if (!x64_vec_usable(e, e->i->type))
        return;
    x64_vvv(&e->b, X_pcmpeqd, l, XTMP, XTMP, x64_r(XTMP));
    x64_vvv(&e->b, X_pxor, l, x64_dst(e), x64_areg(e, 0), x64_r(XTMP));
}

/* --- shifts by a constant ------------------------------------------------------------------------------------------------ */

void x64_need_vshift(const struct x64_need *s)
{
    x64_want_dst(s, -1);
    x64_want(s, 0, RA_REG);
}

/* Bytes: as words, then the bits that came from the neighbour masked away; the sign put back by x ^ s - s. */
static void shift_bytes(struct x64_emit *e, unsigned d, unsigned a, unsigned n, bool l)
{
    bool left = e->i->op == IR_OP_vshl;
    uint8_t mask = (uint8_t)(n > 7 ? 0 : left ? 0xff << n : 0xff >> n);

    x64_vshift(&e->b, X_psllw_i, l, left ? 6 : 2, d, a, (uint8_t)n);
    x64_vvv(&e->b, X_pand, l, d, d, x64_splat8(e, mask, l));
    if (e->i->op != IR_OP_vsar)
        return;
    x64_vvv(&e->b, X_pxor, l, d, d, x64_splat8(e, (uint8_t)(0x80 >> n), l));
    x64_vvv(&e->b, X_psubb, l, d, d, x64_splat8(e, (uint8_t)(0x80 >> n), l));
}

/* 64-bit arithmetic: the logical shift, or-ed with the sign of the upper halves shifted in from above. */
static void sar64(struct x64_emit *e, unsigned d, unsigned a, unsigned n, bool l)
{
    if (!n) {
        x64_vmove(e, e->i->type, d, a);
        return;
    }
    x64_vshift(&e->b, X_pslld_i, l, 4, XTMP, a, 31);
    x64_vvi(&e->b, X_pshufd, l, XTMP, x64_r(XTMP), 0xf5);
    x64_vshift(&e->b, X_psllq_i, l, 2, d, a, (uint8_t)n);
    x64_vshift(&e->b, X_psllq_i, l, 6, XTMP, XTMP, (uint8_t)(64 - n));
    x64_vvv(&e->b, X_por, l, d, d, x64_r(XTMP));
}

void x64_emit_vshift(struct x64_emit *e)
{
    static const uint16_t op[] = { 0, X_psllw_i, X_pslld_i, X_psllq_i };
    unsigned lane = e->i->aux, n = (unsigned)e->i->imm, d = x64_dst(e), a = x64_areg(e, 0);
    bool l = x64_is256(e->i->type), sar = e->i->op == IR_OP_vsar;

    if (!x64_vec_usable(e, e->i->type))
        return;
    if (sar && n >= lane)
        n = lane - 1;
    if (lane == 8)
        shift_bytes(e, d, a, n, l);
    else if (lane == 64 && sar)
        sar64(e, d, a, n, l);
    else
        x64_vshift(&e->b, op[x64_lane_index(lane)], l, e->i->op == IR_OP_vshl ? 6 : sar ? 4 : 2, d, a, (uint8_t)n);
}

/* --- lanes and scalars ----------------------------------------------------------------------------------------------------- */

void x64_need_vdup(const struct x64_need *s)
{
    x64_want_dst(s, -1);
    x64_want(s, 0, RA_REG);
}

void x64_emit_vdup(struct x64_emit *e)
{
    static const uint16_t op[] = { X_vpbroadcastb, X_vpbroadcastw, X_vpbroadcastd, X_vpbroadcastq };
    unsigned d = x64_dst(e), lane = e->i->aux;

    if (!x64_vec_usable(e, e->i->type))
        return;
    x64_op(&e->b, X_movd_x, lane == 64, d, 0, x64_r(x64_areg(e, 0)), 0);
    if (x64_cpu.avx2) {
        x64_vv(&e->b, op[x64_lane_index(lane)], x64_is256(e->i->type), d, x64_r(d));
        return;
    }
    if (lane == 8)
        x64_vvv(&e->b, X_punpcklbw, false, d, d, x64_r(d));
    if (lane <= 16)
        x64_vvi(&e->b, X_pshuflw, false, d, x64_r(d), 0);
    if (lane == 32)
        x64_vvi(&e->b, X_pshufd, false, d, x64_r(d), 0);
    else
        x64_vvv(&e->b, X_punpcklqdq, false, d, d, x64_r(d));
}

static struct x64_rm buffer_lane(const struct ir_insn *i)
{
    return x64_frame(X64_VEC_BUF + (int64_t)(i->imm * (i->aux / 8)));
}

void x64_need_vins(const struct x64_need *s)
{
    x64_want_dst(s, x64_cpu.avx ? -1 : 0);
    x64_want(s, 0, RA_REG);
    x64_want(s, 1, RA_REG);
}

/* A float into a lane; false if this host has no instruction for that. */
static bool insert_float(struct x64_emit *e, unsigned d, unsigned a, unsigned b)
{
    bool first = e->i->imm == 0, dbl = e->i->aux == 64;

    if (e->i->type != IR_V128 || (!dbl && !first && !x64_cpu.sse41))
        return false;
    if (!x64_cpu.avx) {
        x64_vmove(e, IR_V128, d, a);
        a = d;
    }
    if (first)
        x64_vvv(&e->b, dbl ? X_movsd_x : X_movss_x, false, d, a, x64_r(b));
    else if (dbl)
        x64_vvv(&e->b, X_punpcklqdq, false, d, a, x64_r(b));
    else
        x64_vvvi(&e->b, X_insertps, false, d, a, x64_r(b), (uint8_t)(e->i->imm << 4));
    return true;
}

static void insert_float_by_memory(struct x64_emit *e, unsigned d, unsigned a, unsigned b)
{
    x64_vstore(e, e->i->type, x64_frame(X64_VEC_BUF), a);
    x64_vv(&e->b, e->i->aux == 64 ? X_movsd_m : X_movss_m, false, b, buffer_lane(e->i));
    x64_vload(e, e->i->type, d, x64_frame(X64_VEC_BUF));
}

void x64_emit_vins(struct x64_emit *e)
{
    static const uint16_t store[] = { X_mov_store8, X_mov_store16, X_mov_store, X_mov_store };
    static const uint16_t op[] = { X_pinsrb, X_pinsrw, X_pinsr, X_pinsr };
    unsigned k = x64_lane_index(e->i->aux), d = x64_dst(e), a = x64_areg(e, 0), b = x64_areg(e, 1);
    enum ir_type t = e->i->type;

    if (is_float(ir_type_of(e->ir, e->i->arg[1]))) {
        if (!insert_float(e, d, a, b))
            insert_float_by_memory(e, d, a, b);
        return;
    }
    if (t == IR_V128 && (x64_cpu.sse41 || k == 1)) {
        if (!x64_cpu.avx)
            x64_vmove(e, t, d, a);
        x64_op(&e->b, op[k], k == 3, d, x64_cpu.avx ? a : 0, x64_r(b), 1);
        x64_u8(&e->b, (uint8_t)e->i->imm);
        return;
    }
    x64_vstore(e, t, x64_frame(X64_VEC_BUF), a);
    x64_g(&e->b, store[k], k == 3, b, buffer_lane(e->i));
    x64_vload(e, t, d, x64_frame(X64_VEC_BUF));
}

void x64_need_vext(const struct x64_need *s)
{
    x64_want_dst(s, -1);
    x64_want(s, 0, RA_REG);
}

static void extract_float(struct x64_emit *e, unsigned d, unsigned a, enum ir_type t)
{
    uint64_t lane = e->i->imm;
    bool dbl = e->i->aux == 64;

    if (lane * e->i->aux >= 128) {
        x64_vstore(e, t, x64_frame(X64_VEC_BUF), a);
        x64_vv(&e->b, dbl ? X_movsd_x : X_movss_x, false, d, buffer_lane(e->i));
    } else if (lane == 0) {
        x64_vmove(e, IR_V128, d, a);
    } else {
        x64_vvi(&e->b, X_pshufd, false, d, x64_r(a), dbl ? 0x4e : (uint8_t)lane);
    }
}

void x64_emit_vext(struct x64_emit *e)
{
    static const uint16_t load[] = { X_movzx8, X_movzx16, X_mov_load, X_mov_load };
    unsigned k = x64_lane_index(e->i->aux), d = x64_dst(e), a = x64_areg(e, 0);
    enum ir_type t = ir_type_of(e->ir, e->i->arg[0]);

    if (is_float(e->i->type)) {
        extract_float(e, d, a, t);
        return;
    }
    if (e->i->imm == 0 && k >= 2) {
        x64_op(&e->b, X_movd_r, k == 3, a, 0, x64_r(d), 0);
    } else if (e->i->imm * e->i->aux < 128 && k == 1) {
        x64_op(&e->b, X_pextrw, false, d, 0, x64_r(a), 1);
        x64_u8(&e->b, (uint8_t)e->i->imm);
    } else if (e->i->imm * e->i->aux < 128 && x64_cpu.sse41) {
        x64_op(&e->b, k == 0 ? X_pextrb : X_pextr, k == 3, a, 0, x64_r(d), 1);
        x64_u8(&e->b, (uint8_t)e->i->imm);
    } else {
        x64_vstore(e, t, x64_frame(X64_VEC_BUF), a);
        x64_g(&e->b, load[k], k == 3, d, buffer_lane(e->i));
    }
}

void x64_need_vfromf(const struct x64_need *s)
{
    x64_want_dst(s, -1);
    x64_want(s, 0, RA_REG);
    s->n->dst_early = !x64_cpu.avx;
}

void x64_emit_vfromf(struct x64_emit *e)
{
    unsigned d = x64_dst(e), a = x64_areg(e, 0);

    if (ir_at(e->ir, e->i->arg[0])->op == IR_OP_ld) {      /* a load has cleared the rest, by whatever way it came */
        x64_vmove(e, IR_V128, d, a);
        return;
    }
    if (ir_type_of(e->ir, e->i->arg[0]) == IR_F64) {
        x64_vv(&e->b, X_movq_x, false, d, x64_r(a));
        return;
    }
    x64_vvv(&e->b, X_xorps, false, XTMP, XTMP, x64_r(XTMP));
    x64_vvv(&e->b, X_movss_x, false, d, XTMP, x64_r(a));
}

void x64_emit_vtof(struct x64_emit *e)
{
    x64_vmove(e, IR_V128, x64_dst(e), x64_areg(e, 0));
}

void x64_need_vpair(const struct x64_need *s)
{
    x64_want_dst(s, -1);
    x64_want(s, 0, RA_REG);
    x64_want(s, 1, RA_REG);
}

void x64_emit_vpair(struct x64_emit *e)
{
    unsigned d = x64_dst(e);

    x64_op(&e->b, X_movd_x, true, d, 0, x64_r(x64_areg(e, 0)), 0);
    x64_op(&e->b, X_movd_x, true, XTMP, 0, x64_r(x64_areg(e, 1)), 0);
    x64_vvv(&e->b, X_punpcklqdq, false, d, d, x64_r(XTMP));
}

/* --- cryptography ------------------------------------------------------------------------------------------------------------- */

void x64_need_vaes(const struct x64_need *s)
{
    if (!x64_cpu.aes) {
        x64_veccall_need(s);
        return;
    }
    if (s->i->op == IR_OP_vaesimc)
        x64_need_vshift(s);
    else
        x64_want_vbin(s);
}

void x64_emit_vaes(struct x64_emit *e)
{
    static const struct { uint16_t op; void (*fn)(void *, const void *, const void *, unsigned); } how[] = {
        { X_aesenc, soft_aesenc }, { X_aesenclast, soft_aesenclast }, { X_aesdec, soft_aesdec }, { X_aesdeclast, soft_aesdeclast },
    };
    unsigned k = e->i->op - IR_OP_vaesenc;

    if (x64_is256(e->i->type)) {
        e->err = -E2BIG;
    } else if (e->i->op == IR_OP_vaesimc) {
        if (x64_cpu.aes)
            x64_vv(&e->b, X_aesimc, false, x64_dst(e), x64_r(x64_areg(e, 0)));
        else
            x64_veccall(e, soft_aesimc, 0);
    } else if (x64_cpu.aes) {
        x64_vvv(&e->b, how[k].op, false, x64_dst(e), x64_areg(e, 0), x64_aloc(e, 1));
    } else {
        x64_veccall(e, how[k].fn, 0);
    }
}

void x64_need_vclmul(const struct x64_need *s)
{
    if (x64_cpu.pclmul)
        x64_want_vbin(s);
    else
        x64_veccall_need(s);
}

void x64_emit_vclmul(struct x64_emit *e)
{
    if (x64_is256(e->i->type))
        e->err = -E2BIG;
    else if (x64_cpu.pclmul)
        x64_vvvi(&e->b, X_pclmulqdq, false, x64_dst(e), x64_areg(e, 0), x64_aloc(e, 1), (uint8_t)e->i->imm);
    else
        x64_veccall(e, soft_vclmul, e->i->imm);
}

/* tcg/host/x86_64/sel_vec_lane.c - lanes with lanes beyond adding and comparing: minimum, saturation, shifts by lanes, products.
 *
 * What is one host instruction stands in a table with the feature it needs; a few have a sequence; the rest, and hosts that
 * lack the feature, go by x64_vec_soft(). */
#include "tcg/host/x86_64/vec.h"

enum feature { BASE = 1, SSSE3, SSE41, AVX2, AVX512VL, AVX512BW, AVX512DQ, AVX512CD };

static bool have(enum feature f)
{
    switch (f) {
    case BASE: return true;
    case SSSE3: return x64_cpu.ssse3;
    case SSE41: return x64_cpu.sse41;
    case AVX2: return x64_cpu.avx2;
    case AVX512VL: return x64_cpu.avx512vl;
    case AVX512BW: return x64_cpu.avx512bw;
    case AVX512DQ: return x64_cpu.avx512dq;
    case AVX512CD: return x64_cpu.avx512cd;
    default: return false;
    }
}

/* by lane size: 8, 16, 32, 64 bits */
static const struct one { uint16_t op; uint8_t need; } table[IR_NOPS][4] = {
    [IR_OP_vsmin] = { { X_pminsb, SSE41 }, { X_pminsw, BASE }, { X_pminsd, SSE41 }, { X_vpminsq, AVX512VL } },
    [IR_OP_vsmax] = { { X_pmaxsb, SSE41 }, { X_pmaxsw, BASE }, { X_pmaxsd, SSE41 }, { X_vpmaxsq, AVX512VL } },
    [IR_OP_vumin] = { { X_pminub, BASE }, { X_pminuw, SSE41 }, { X_pminud, SSE41 }, { X_vpminuq, AVX512VL } },
    [IR_OP_vumax] = { { X_pmaxub, BASE }, { X_pmaxuw, SSE41 }, { X_pmaxud, SSE41 }, { X_vpmaxuq, AVX512VL } },
    [IR_OP_vsadds] = { { X_paddsb, BASE }, { X_paddsw, BASE } }, [IR_OP_vuadds] = { { X_paddusb, BASE }, { X_paddusw, BASE } },
    [IR_OP_vssubs] = { { X_psubsb, BASE }, { X_psubsw, BASE } }, [IR_OP_vusubs] = { { X_psubusb, BASE }, { X_psubusw, BASE } },
    [IR_OP_vavgu] = { { X_pavgb, BASE }, { X_pavgw, BASE } },
    [IR_OP_vshlv] = { { 0, 0 }, { X_vpsllvw, AVX512BW }, { X_vpsllvd, AVX2 }, { X_vpsllvq, AVX2 } },
    [IR_OP_vshrv] = { { 0, 0 }, { X_vpsrlvw, AVX512BW }, { X_vpsrlvd, AVX2 }, { X_vpsrlvq, AVX2 } },
    [IR_OP_vsarv] = { { 0, 0 }, { X_vpsravw, AVX512BW }, { X_vpsravd, AVX2 }, { X_vpsravq, AVX512VL } },
    [IR_OP_vmadd] = { { 0, 0 }, { X_pmaddwd, BASE } },
    [IR_OP_vsad] = { { X_psadbw, BASE } },
};

static bool evex_only(enum feature f) { return f >= AVX512VL; }

static const struct one *single(const struct ir_insn *i)
{
    const struct one *o = &table[i->op][x64_lane_index(i->aux)];

    return have(o->need) && !(evex_only(o->need) && x64_is256(i->type)) ? o : NULL;
}

void x64_need_vlanes(const struct x64_need *s)
{
    if (single(s->i))
        x64_want_vbin(s);
    else
        x64_want_vseq(s);
}

/* 64-bit minima by comparing; lanes of t where the comparison says so come from b. */
static bool min64(struct x64_emit *e, unsigned d, unsigned a, unsigned b, bool l)
{
    bool min = e->i->op == IR_OP_vsmin;

    if (e->i->aux != 64 || !x64_cpu.sse42 || (!min && e->i->op != IR_OP_vsmax))
        return false;
    x64_vvv(&e->b, X_pcmpgtq, l, XTMP, min ? a : b, x64_r(min ? b : a));
    x64_vvv(&e->b, X_pand, l, d, XTMP, x64_r(b));
    x64_vvv(&e->b, X_pandn, l, XTMP, XTMP, x64_r(a));
    x64_vvv(&e->b, X_por, l, d, d, x64_r(XTMP));
    return true;
}

void x64_emit_vlanes(struct x64_emit *e)
{
    const struct one *o = single(e->i);
    bool l = x64_is256(e->i->type);

    if (!x64_vec_usable(e, e->i->type))
        return;
    if (o)
        x64_vvv(&e->b, o->op, l, x64_dst(e), x64_areg(e, 0), x64_aloc(e, 1));
    else if (!min64(e, x64_dst(e), x64_areg(e, 0), x64_areg(e, 1), l))
        x64_vec_soft(e);
}

/* Unsigned: both moved by the sign bit, then compared signed. */
void x64_emit_vcmpgtu(struct x64_emit *e)
{
    static const uint16_t gt[] = { X_pcmpgtb, X_pcmpgtw, X_pcmpgtd, X_pcmpgtq };
    unsigned d = x64_dst(e), bits = e->i->aux;
    bool l = x64_is256(e->i->type);
    struct x64_rm top;

    if (!x64_vec_usable(e, e->i->type))
        return;
    if (bits == 64 && !x64_cpu.sse42) {
        x64_vec_soft(e);
        return;
    }
    top = x64_splat(e, 1ull << (bits - 1), bits, l);
    x64_vvv(&e->b, X_pxor, l, d, x64_areg(e, 0), top);
    x64_vvv(&e->b, X_pxor, l, XTMP, x64_areg(e, 1), top);
    x64_vvv(&e->b, gt[x64_lane_index(bits)], l, d, d, x64_r(XTMP));
}

/* (a ^ s) - s, where s is all ones for what is negative */
void x64_emit_vabs(struct x64_emit *e)
{
    static const uint16_t gt[] = { X_pcmpgtb, X_pcmpgtw, X_pcmpgtd }, sub[] = { X_psubb, X_psubw, X_psubd, X_psubq };
    static const uint16_t one[] = { X_pabsb, X_pabsw, X_pabsd };
    unsigned d = x64_dst(e), a = x64_areg(e, 0), k = x64_lane_index(e->i->aux);
    bool l = x64_is256(e->i->type);

    if (!x64_vec_usable(e, e->i->type))
        return;
    if (k < 3 && x64_cpu.ssse3) {
        x64_vv(&e->b, one[k], l, d, x64_r(a));
        return;
    }
    if (k == 3) {
        x64_vshift(&e->b, X_pslld_i, l, 4, XTMP, a, 31);
        x64_vvi(&e->b, X_pshufd, l, XTMP, x64_r(XTMP), 0xf5);
    } else {
        x64_vvv(&e->b, X_pxor, l, XTMP, XTMP, x64_r(XTMP));
        x64_vvv(&e->b, gt[k], l, XTMP, XTMP, x64_r(a));
    }
    x64_vvv(&e->b, X_pxor, l, d, a, x64_r(XTMP));
    x64_vvv(&e->b, sub[k], l, d, d, x64_r(XTMP));
}

void x64_emit_vclz(struct x64_emit *e)
{
    if (x64_cpu.avx512cd && e->i->aux >= 32 && e->i->type == IR_V128)
        x64_vv(&e->b, e->i->aux == 32 ? X_vplzcntd : X_vplzcntq, false, x64_dst(e), x64_r(x64_areg(e, 0)));
    else
        x64_vec_soft(e);
}

/* --- products ------------------------------------------------------------------------------------------------------------ */

/* Bytes: the even ones as words, and the odd ones times the others moved up. */
void x64_vmul8(struct x64_emit *e, unsigned d, unsigned a, unsigned b, bool l)
{
    x64_vshift(&e->b, X_psllw_i, l, 2, XTMP, a, 8);
    x64_vvv(&e->b, X_pand, l, d, b, x64_splat(e, 0xff00, 16, l));
    x64_vvv(&e->b, X_pmullw, l, XTMP, XTMP, x64_r(d));
    x64_vvv(&e->b, X_pmullw, l, d, a, x64_r(b));
    x64_vvv(&e->b, X_pand, l, d, d, x64_splat(e, 0x00ff, 16, l));
    x64_vvv(&e->b, X_por, l, d, d, x64_r(XTMP));
}

/* 64 bits: low times low, plus the crosses moved up. */
void x64_vmul64(struct x64_emit *e, unsigned d, unsigned a, unsigned b, bool l)
{
    x64_vvi(&e->b, X_pshufd, l, XTMP, x64_r(a), 0xb1);
    x64_vvv(&e->b, X_pmulld, l, XTMP, XTMP, x64_r(b));
    x64_vvi(&e->b, X_pshufd, l, d, x64_r(XTMP), 0xb1);
    x64_vvv(&e->b, X_paddd, l, XTMP, XTMP, x64_r(d));
    x64_vshift(&e->b, X_psllq_i, l, 6, XTMP, XTMP, 32);
    x64_vvv(&e->b, X_pmuludq, l, d, a, x64_r(b));
    x64_vvv(&e->b, X_paddq, l, d, d, x64_r(XTMP));
}

static void long8(struct x64_emit *e, unsigned d, unsigned a, unsigned b, bool sign)
{
    enum x64_op zip = e->i->imm ? X_punpckhbw : X_punpcklbw;

    x64_vvv(&e->b, zip, false, d, a, x64_r(a));
    x64_vshift(&e->b, X_psllw_i, false, sign ? 4 : 2, d, d, 8);
    x64_vvv(&e->b, zip, false, XTMP, b, x64_r(b));
    x64_vshift(&e->b, X_psllw_i, false, sign ? 4 : 2, XTMP, XTMP, 8);
    x64_vvv(&e->b, X_pmullw, false, d, d, x64_r(XTMP));
}

void x64_emit_vmull(struct x64_emit *e)
{
    unsigned d = x64_dst(e), a = x64_areg(e, 0), b = x64_areg(e, 1);
    bool sign = e->i->op == IR_OP_vmulls, high = e->i->imm;

    if (e->i->type != IR_V128 || e->i->aux == 64 || (e->i->aux == 32 && sign && !x64_cpu.sse41)) {
        x64_vec_soft(e);
    } else if (e->i->aux == 8) {
        long8(e, d, a, b, sign);
    } else if (e->i->aux == 16) {
        x64_vvv(&e->b, X_pmullw, false, d, a, x64_r(b));
        x64_vvv(&e->b, sign ? X_pmulhw : X_pmulhuw, false, XTMP, a, x64_r(b));
        x64_vvv(&e->b, high ? X_punpckhwd : X_punpcklwd, false, d, d, x64_r(XTMP));
    } else {
        x64_vvi(&e->b, X_pshufd, false, d, x64_r(a), high ? 0xfa : 0x50);
        x64_vvi(&e->b, X_pshufd, false, XTMP, x64_r(b), high ? 0xfa : 0x50);
        x64_vvv(&e->b, sign ? X_pmuldq : X_pmuludq, false, d, d, x64_r(XTMP));
    }
}

static void mulq16(struct x64_emit *e, unsigned d, unsigned a, unsigned b, bool l)
{
    if (e->i->imm) {
        x64_vvv(&e->b, X_pmulhrsw, l, d, a, x64_r(b));
    } else {
        x64_vvv(&e->b, X_pmulhw, l, XTMP, a, x64_r(b));
        x64_vvv(&e->b, X_pmullw, l, d, a, x64_r(b));
        x64_vshift(&e->b, X_psllw_i, l, 2, d, d, 15);
        x64_vvv(&e->b, X_paddw, l, XTMP, XTMP, x64_r(XTMP));
        x64_vvv(&e->b, X_por, l, d, d, x64_r(XTMP));
    }
    x64_vvv(&e->b, X_pcmpeqw, l, XTMP, d, x64_splat(e, 0x8000, 16, l));    /* only the least number squared gives it */
    x64_vvv(&e->b, X_pxor, l, d, d, x64_r(XTMP));
}

static void doubled(struct x64_emit *e, unsigned r, bool l)
{
    x64_vvv(&e->b, X_paddq, l, r, r, x64_r(r));
    if (e->i->imm)
        x64_vvv(&e->b, X_paddq, l, r, r, x64_splat(e, 1ull << 31, 64, l));
}

static void mulq32(struct x64_emit *e, unsigned d, unsigned a, unsigned b, bool l)
{
    x64_vshift(&e->b, X_psllq_i, l, 2, d, a, 32);
    x64_vshift(&e->b, X_psllq_i, l, 2, XTMP, b, 32);
    x64_vvv(&e->b, X_pmuldq, l, d, d, x64_r(XTMP));
    doubled(e, d, l);
    x64_vvv(&e->b, X_pand, l, d, d, x64_splat(e, 0xffffffff00000000, 64, l));
    x64_vvv(&e->b, X_pmuldq, l, XTMP, a, x64_r(b));
    doubled(e, XTMP, l);
    x64_vshift(&e->b, X_psllq_i, l, 2, XTMP, XTMP, 32);
    x64_vvv(&e->b, X_por, l, d, d, x64_r(XTMP));
    x64_vvv(&e->b, X_pcmpeqd, l, XTMP, d, x64_splat(e, 1u << 31, 32, l));
    x64_vvv(&e->b, X_pxor, l, d, d, x64_r(XTMP));
}

void x64_emit_vmulq(struct x64_emit *e)
{
    unsigned d = x64_dst(e), a = x64_areg(e, 0), b = x64_areg(e, 1);
    bool l = x64_is256(e->i->type);

    if (!x64_vec_usable(e, e->i->type))
        return;
    if (e->i->aux == 16 && (!e->i->imm || x64_cpu.ssse3))
        mulq16(e, d, a, b, l);
    else if (e->i->aux == 32 && x64_cpu.sse41)
        mulq32(e, d, a, b, l);
    else
        x64_vec_soft(e);
}

/* --- bit selection ---------------------------------------------------------------------------------------------------------- */

void x64_emit_vbsl(struct x64_emit *e)
{
    unsigned d = x64_dst(e), m = x64_areg(e, 0), a = x64_areg(e, 1), b = x64_areg(e, 2);
    bool l = x64_is256(e->i->type);

    if (!x64_vec_usable(e, e->i->type))
        return;
    if (x64_cpu.avx512vl && !l) {
        x64_vmove(e, IR_V128, d, m);
        x64_vvvi(&e->b, X_vpternlogd, false, d, a, x64_r(b), 0xca);
        return;
    }
    x64_vvv(&e->b, X_pand, l, d, m, x64_r(a));
    x64_vvv(&e->b, X_pandn, l, XTMP, m, x64_r(b));
    x64_vvv(&e->b, X_por, l, d, d, x64_r(XTMP));
}

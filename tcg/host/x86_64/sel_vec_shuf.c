/* tcg/host/x86_64/sel_vec_shuf.c - lanes moved, widened and narrowed; SHA on the host's instructions. */
#include "tcg/host/x86_64/vec.h"

/* --- interleaving ---------------------------------------------------------------------------------------------------------- */

void x64_emit_vzip(struct x64_emit *e)
{
    static const uint16_t low[] = { X_punpcklbw, X_punpcklwd, X_punpckldq, X_punpcklqdq };
    static const uint16_t high[] = { X_punpckhbw, X_punpckhwd, X_punpckhdq, X_punpckhqdq };
    unsigned k = x64_lane_index(e->i->aux);

    if (x64_vec_usable(e, e->i->type))
        x64_vvv(&e->b, (e->i->op == IR_OP_vziplo ? low : high)[k], x64_is256(e->i->type), x64_dst(e), x64_areg(e, 0), x64_aloc(e, 1));
}

/* Bytes and words go through a pack that cannot saturate: what it sees was extended from the lane that stays. */
static void even_odd_small(struct x64_emit *e, unsigned d, unsigned a, unsigned b)
{
    bool odd = e->i->op == IR_OP_vodd, words = e->i->aux == 16;

    if (!words && !odd) {
        x64_vvv(&e->b, X_pand, false, XTMP, b, x64_splat(e, 0xff, 16, false));
        x64_vvv(&e->b, X_pand, false, d, a, x64_splat(e, 0xff, 16, false));
    } else if (!words) {
        x64_vshift(&e->b, X_psllw_i, false, 2, XTMP, b, 8);
        x64_vshift(&e->b, X_psllw_i, false, 2, d, a, 8);
    } else {
        if (!odd) {
            x64_vshift(&e->b, X_pslld_i, false, 6, XTMP, b, 16);
            x64_vshift(&e->b, X_pslld_i, false, 6, d, a, 16);
        }
        x64_vshift(&e->b, X_pslld_i, false, 4, XTMP, odd ? b : XTMP, 16);
        x64_vshift(&e->b, X_pslld_i, false, 4, d, odd ? a : d, 16);
    }
    x64_vvv(&e->b, words ? X_packssdw : X_packuswb, false, d, d, x64_r(XTMP));
}

void x64_emit_vevenodd(struct x64_emit *e)
{
    unsigned d = x64_dst(e), a = x64_areg(e, 0), b = x64_areg(e, 1);
    bool odd = e->i->op == IR_OP_vodd;

    if (e->i->type != IR_V128)
        x64_vec_soft(e);
    else if (e->i->aux == 64)
        x64_vvv(&e->b, odd ? X_punpckhqdq : X_punpcklqdq, false, d, a, x64_r(b));
    else if (e->i->aux == 32)
        x64_vvvi(&e->b, X_shufps, false, d, a, x64_r(b), odd ? 0xdd : 0x88);
    else
        even_odd_small(e, d, a, b);
}

/* --- bytes ------------------------------------------------------------------------------------------------------------------ */

void x64_emit_valign(struct x64_emit *e)
{
    unsigned d = x64_dst(e), a = x64_areg(e, 0), b = x64_areg(e, 1), n = (unsigned)e->i->imm;

    if (e->i->type != IR_V128) {
        x64_vec_soft(e);
    } else if (n == 0 || n == 16) {
        x64_vmove(e, IR_V128, d, n ? b : a);
    } else if (x64_cpu.ssse3) {
        x64_vvvi(&e->b, X_palignr, false, d, b, x64_r(a), (uint8_t)n);
    } else {
        x64_vshift(&e->b, X_psllq_i, false, 3, XTMP, a, (uint8_t)n);
        x64_vshift(&e->b, X_psllq_i, false, 7, d, b, (uint8_t)(16 - n));
        x64_vvv(&e->b, X_por, false, d, d, x64_r(XTMP));
    }
}

void x64_need_vshufb(const struct x64_need *s)
{
    if (x64_cpu.ssse3)
        x64_want_vbin(s);
    else
        x64_want_vseq(s);
}

void x64_emit_vshufb(struct x64_emit *e)
{
    if (!x64_vec_usable(e, e->i->type))
        return;
    if (x64_cpu.ssse3)
        x64_vvv(&e->b, X_pshufb, x64_is256(e->i->type), x64_dst(e), x64_areg(e, 0), x64_aloc(e, 1));
    else
        x64_vec_soft(e);
}

void x64_emit_vshufd(struct x64_emit *e)
{
    if (x64_vec_usable(e, e->i->type))
        x64_vvi(&e->b, X_pshufd, x64_is256(e->i->type), x64_dst(e), x64_r(x64_areg(e, 0)), (uint8_t)e->i->imm);
}

void x64_emit_vlow(struct x64_emit *e)
{
    x64_vv(&e->b, X_movq_x, false, x64_dst(e), x64_r(x64_areg(e, 0)));
}

/* --- wider and narrower -------------------------------------------------------------------------------------------------------- */

void x64_emit_vwiden(struct x64_emit *e)
{
    static const uint16_t low[2][3] = { { X_pmovzxbw, X_pmovzxwd, X_pmovzxdq }, { X_pmovsxbw, X_pmovsxwd, X_pmovsxdq } };
    static const uint16_t zip[2][3] = { { X_punpcklbw, X_punpcklwd, X_punpckldq }, { X_punpckhbw, X_punpckhwd, X_punpckhdq } };
    static const uint16_t shift[] = { X_psllw_i, X_pslld_i };
    unsigned d = x64_dst(e), a = x64_areg(e, 0), k = x64_lane_index(e->i->aux), high = e->i->imm != 0;
    bool sign = e->i->op == IR_OP_vwidens;

    if (e->i->type != IR_V128 || k > 2) {
        x64_vec_soft(e);
    } else if (!high && x64_cpu.sse41) {
        x64_vv(&e->b, low[sign][k], false, d, x64_r(a));
    } else if (sign && k < 2) {
        x64_vvv(&e->b, zip[high][k], false, d, a, x64_r(a));
        x64_vshift(&e->b, shift[k], false, 4, d, d, (uint8_t)e->i->aux);
    } else {
        if (sign)
            x64_vshift(&e->b, X_pslld_i, false, 4, XTMP, a, 31);
        else
            x64_vvv(&e->b, X_pxor, false, XTMP, XTMP, x64_r(XTMP));
        x64_vvv(&e->b, zip[high][k], false, d, a, x64_r(XTMP));
    }
}

void x64_emit_vpack(struct x64_emit *e)
{
    unsigned d = x64_dst(e), a = x64_areg(e, 0), b = x64_areg(e, 1), bits = e->i->aux;
    bool l = x64_is256(e->i->type), words = bits == 32;

    if (!x64_vec_usable(e, e->i->type))
        return;
    if (bits == 64 || (e->i->op == IR_OP_vpackus && words && !x64_cpu.sse41) || (e->i->op == IR_OP_vpackuu && !x64_cpu.sse41)) {
        x64_vec_soft(e);
    } else if (e->i->op == IR_OP_vpackss) {
        x64_vvv(&e->b, words ? X_packssdw : X_packsswb, l, d, a, x64_r(b));
    } else if (e->i->op == IR_OP_vpackus) {
        x64_vvv(&e->b, words ? X_packusdw : X_packuswb, l, d, a, x64_r(b));
    } else {
        struct x64_rm most = x64_splat(e, words ? 0xffff : 0xff, bits, l);

        x64_vvv(&e->b, words ? X_pminud : X_pminuw, l, d, a, most);
        x64_vvv(&e->b, words ? X_pminud : X_pminuw, l, XTMP, b, most);
        x64_vvv(&e->b, words ? X_packusdw : X_packuswb, l, d, d, x64_r(XTMP));
    }
}

/* --- SHA: the instructions exist in the two-operand form only ---------------------------------------------------------------------- */

void x64_need_vsha(const struct x64_need *s)
{
    if (!x64_cpu.sha) {
        x64_want_vseq(s);
        return;
    }
    x64_want_dst(s, 0);
    x64_want(s, 0, RA_REG);
    x64_want(s, 1, RA_REG);
    if (s->i->op == IR_OP_vsha256rnds)
        x64_want_fixed(s, 2, 0);
}

void x64_emit_vsha(struct x64_emit *e)
{
    static const uint16_t op[] = { X_sha256rnds2, X_sha256msg1, X_sha256msg2, X_sha1rnds4 };
    bool imm = e->i->op == IR_OP_vsha1rnds;

    if (e->i->type != IR_V128 || !x64_cpu.sha) {
        x64_vec_soft(e);
        return;
    }
    x64_op(&e->b, op[e->i->op - IR_OP_vsha256rnds], false, x64_dst(e), 0, x64_r(x64_areg(e, 1)), imm);
    if (imm)
        x64_u8(&e->b, (uint8_t)e->i->imm);
}

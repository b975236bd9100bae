/* tcg/host/x86_64/sel_bits.c - shifts, bit fields, counts, carry-less products, CRCs, widths. */
#include "tcg/host/x86_64/int.h"
#include "tcg/host/x86_64/soft.h"

/* --- shifts ------------------------------------------------------------------------------------------------------------ */

static bool is_rotate(const struct ir_insn *i)
{
    return i->op == IR_OP_rotl || i->op == IR_OP_rotr;
}

void x64_need_shift(const struct x64_need *s)
{
    if (x64_const_arg(s, 1)) {
        bool rorx = is_rotate(s->i) && x64_cpu.bmi2;

        x64_want_dst(s, rorx ? -1 : 0);
        x64_want(s, 0, rorx ? RA_REG_OR_MEM : RA_REG);
        x64_want(s, 1, RA_REG_OR_CONST);
    } else if (x64_cpu.bmi2 && !is_rotate(s->i)) {
        x64_want_dst(s, -1);
        x64_want(s, 0, RA_REG_OR_MEM);
        x64_want(s, 1, RA_REG);
    } else {
        x64_want_dst(s, 0);
        x64_want(s, 0, RA_REG);
        x64_want_fixed(s, 1, RCX);
    }
}

static void rorx(struct x64_emit *e, bool w, unsigned d, struct x64_rm s, unsigned n)
{
    x64_op(&e->b, X_rorx, w, d, 0, s, 1);
    x64_u8(&e->b, (uint8_t)n);
}

void x64_emit_shift(struct x64_emit *e)
{
    unsigned op = e->i->op, w = x64_width(e->i), n, d;
    enum x64_shift sh = op == IR_OP_shl ? SH_SHL : op == IR_OP_shr ? SH_SHR : op == IR_OP_sar ? SH_SAR :
                        op == IR_OP_rotl ? SH_ROL : SH_ROR;

    if (ir_is_const(e->ir, e->i->arg[1])) {
        n = (unsigned)ir_at(e->ir, e->i->arg[1])->imm & (w - 1);
        if (is_rotate(e->i) && x64_cpu.bmi2) {
            rorx(e, x64_is_wide(e), x64_dst(e), x64_aloc(e, 0), op == IR_OP_rotl ? (w - n) & (w - 1) : n);
            return;
        }
        d = x64_dst_from(e, 0);
        if (sh == SH_SHL && n == 1)
            x64_alu(&e->b, ALU_ADD, x64_is_wide(e), d, x64_r(d));
        else
            x64_shift(&e->b, sh, x64_is_wide(e), d, n);
    } else if (x64_cpu.bmi2 && !is_rotate(e->i)) {
        x64_op(&e->b, op == IR_OP_shl ? X_shlx : op == IR_OP_shr ? X_shrx : X_sarx, x64_is_wide(e), x64_dst(e), x64_areg(e, 1),
               x64_aloc(e, 0), 0);
    } else {
        x64_shift_cl(&e->b, sh, x64_is_wide(e), x64_dst_from(e, 0));
    }
}

/* --- bit fields ---------------------------------------------------------------------------------------------------------- */

static unsigned field_pos(const struct ir_insn *i) { return i->aux & 0xff; }
static unsigned field_len(const struct ir_insn *i) { return i->aux >> 8; }

/* The field is a byte, half or word at bit 0: one extending move. */
static bool field_is_low_part(const struct ir_insn *i)
{
    unsigned len = field_len(i);

    return field_pos(i) == 0 && (len == 8 || len == 16 || len == 32);
}

static bool field_by_rorx(const struct ir_insn *i)
{
    return i->op == IR_OP_extract && x64_cpu.bmi2 && field_len(i) <= 31 && field_pos(i) &&
           field_pos(i) + field_len(i) < x64_width(i);
}

void x64_need_extract(const struct x64_need *s)
{
    bool free_dst = field_is_low_part(s->i) || field_by_rorx(s->i);

    x64_want_dst(s, free_dst ? -1 : 0);
    x64_want(s, 0, free_dst ? RA_REG_OR_MEM : RA_REG);
}

static void extend_low_part(struct x64_emit *e, unsigned d, struct x64_rm s, unsigned len, bool sign)
{
    bool w = sign && x64_is_wide(e);

    if (len == 8)
        x64_g(&e->b, sign ? X_movsx8 : X_movzx8, w, d, s);
    else if (len == 16)
        x64_g(&e->b, sign ? X_movsx16 : X_movzx16, w, d, s);
    else
        x64_g(&e->b, w ? X_movsxd : X_mov_load, w, d, s);
}

void x64_emit_extract(struct x64_emit *e)
{
    unsigned pos = field_pos(e->i), len = field_len(e->i), w = x64_width(e->i), d = x64_dst(e);
    bool sign = e->i->op == IR_OP_sextract;

    if (field_is_low_part(e->i)) {
        extend_low_part(e, d, x64_aloc(e, 0), len, sign);
        return;
    }
    if (field_by_rorx(e->i)) {
        struct x64_rm s = x64_aloc(e, 0);

        if (s.reg == (int)d)
            x64_shift(&e->b, SH_SHR, x64_is_wide(e), d, pos);
        else
            rorx(e, x64_is_wide(e), d, s, pos);
        if (len == 8 || len == 16)
            extend_low_part(e, d, x64_r(d), len, false);
        else
            x64_alui(&e->b, ALU_AND, false, x64_r(d), (int32_t)((1u << len) - 1));
        return;
    }
    x64_dst_from(e, 0);
    if (!sign && pos == 0 && len <= 31) {
        x64_alui(&e->b, ALU_AND, false, x64_r(d), (int32_t)((1u << len) - 1));
        return;
    }
    x64_shift(&e->b, SH_SHL, x64_is_wide(e), d, w - pos - len);
    x64_shift(&e->b, sign ? SH_SAR : SH_SHR, x64_is_wide(e), d, w - len);
}

void x64_need_deposit(const struct x64_need *s)
{
    x64_want_dst(s, 0);
    x64_want(s, 0, RA_REG);
    x64_want(s, 1, RA_REG);
}

/* Rotate the field to the bottom, shift it out while the new one comes in at the top, rotate back. */
void x64_emit_deposit(struct x64_emit *e)
{
    unsigned pos = field_pos(e->i), len = field_len(e->i), w = x64_width(e->i), b = x64_areg(e, 1), d;

    if (len == w) {
        x64_mov(&e->b, x64_is_wide(e), x64_dst(e), b);
        return;
    }
    if (b == x64_dst(e)) {                     /* one value on both sides */
        x64_mov(&e->b, x64_is_wide(e), RTMP, b);
        b = RTMP;
    }
    d = x64_dst_from(e, 0);
    if (pos == 0 && len == 8) {
        x64_gg(&e->b, X_mov_load8, false, d, b);
        return;
    }
    if (pos == 0 && len == 16) {
        x64_gg(&e->b, X_mov_load16, false, d, b);
        return;
    }
    x64_shift(&e->b, SH_ROR, x64_is_wide(e), d, pos);
    x64_op(&e->b, X_shrd, x64_is_wide(e), b, 0, x64_r(d), 1);
    x64_u8(&e->b, (uint8_t)len);
    x64_shift(&e->b, SH_ROL, x64_is_wide(e), d, (pos + len) & (w - 1));
}

void x64_need_extr2(const struct x64_need *s)
{
    x64_want_dst(s, 1);
    x64_want(s, 0, RA_REG);
    x64_want(s, 1, RA_REG);
}

void x64_emit_extr2(struct x64_emit *e)
{
    unsigned d = x64_dst_from(e, 1);

    if (!e->i->aux)
        return;
    x64_op(&e->b, X_shrd, x64_is_wide(e), x64_areg(e, 0), 0, x64_r(d), 1);
    x64_u8(&e->b, (uint8_t)e->i->aux);
}

/* --- counting, reversing, carry-less products, CRCs -------------------------------------------------------------------------- */

static bool count_native(const struct ir_insn *i)
{
    return i->op == IR_OP_clz ? x64_cpu.lzcnt : x64_cpu.bmi1;
}

void x64_need_bits(const struct x64_need *s)
{
    bool native = count_native(s->i);

    x64_want_dst(s, -1);
    x64_want(s, 0, native ? RA_REG_OR_MEM : RA_REG);
    s->n->dst_early = !native;
}

void x64_emit_clz(struct x64_emit *e)
{
    unsigned d = x64_dst(e), w = x64_width(e->i);

    if (count_native(e->i)) {
        x64_g(&e->b, X_lzcnt, x64_is_wide(e), d, x64_aloc(e, 0));
        return;
    }
    x64_gg(&e->b, X_bsr, x64_is_wide(e), RTMP, x64_areg(e, 0));
    x64_movi_keep(&e->b, d, 2 * w - 1);
    x64_cmov(&e->b, CC_NE, x64_is_wide(e), d, x64_r(RTMP));
    x64_alui(&e->b, ALU_XOR, false, x64_r(d), (int32_t)w - 1);
}

void x64_emit_ctz(struct x64_emit *e)
{
    unsigned d = x64_dst(e);

    if (count_native(e->i)) {
        x64_g(&e->b, X_tzcnt, x64_is_wide(e), d, x64_aloc(e, 0));
        return;
    }
    x64_gg(&e->b, X_bsf, x64_is_wide(e), RTMP, x64_areg(e, 0));
    x64_movi_keep(&e->b, d, x64_width(e->i));
    x64_cmov(&e->b, CC_NE, x64_is_wide(e), d, x64_r(RTMP));
}

void x64_need_popcnt(const struct x64_need *s)
{
    if (!x64_cpu.popcnt) {
        x64_libcall_need(s);
        return;
    }
    x64_want_dst(s, -1);
    x64_want(s, 0, RA_REG_OR_MEM);
}

void x64_emit_popcnt(struct x64_emit *e)
{
    if (x64_cpu.popcnt)
        x64_g(&e->b, X_popcnt, x64_is_wide(e), x64_dst(e), x64_aloc(e, 0));
    else
        x64_libcall(e, x64_is_wide(e) ? (const void *)soft_popcnt64 : (const void *)soft_popcnt32, 0);
}

void x64_need_brev8(const struct x64_need *s)
{
    if (!x64_cpu.gfni) {
        x64_libcall_need(s);
        return;
    }
    x64_want_dst(s, -1);
    x64_want(s, 0, RA_REG);
}

void x64_emit_brev8(struct x64_emit *e)
{
    struct x64_rm matrix;

    if (!x64_cpu.gfni) {
        x64_libcall(e, soft_brev8, 0);
        return;
    }
    matrix = x64_literal128(&e->b, 0x8040201008040201, 0x8040201008040201);
    x64_op(&e->b, X_movd_x, true, XTMP, 0, x64_r(x64_areg(e, 0)), 0);
    x64_vvvi(&e->b, X_gf2p8affineqb, false, XTMP, XTMP, matrix, 0);
    x64_op(&e->b, X_movd_r, x64_is_wide(e), XTMP, 0, x64_r(x64_dst(e)), 0);
}

void x64_need_clmul(const struct x64_need *s)
{
    if (!x64_cpu.pclmul) {
        x64_libcall_need(s);
        return;
    }
    x64_want_dst(s, -1);
    x64_want(s, 0, RA_REG);
    x64_want(s, 1, RA_REG);
    s->n->ntmp_vec = 1;
}

void x64_emit_clmul(struct x64_emit *e)
{
    bool high = e->i->op == IR_OP_clmulh;
    unsigned t = e->a->tmp_vec[0];

    if (!x64_cpu.pclmul) {
        x64_libcall(e, high ? soft_clmulh : soft_clmul, 0);
        return;
    }
    x64_op(&e->b, X_movd_x, true, XTMP, 0, x64_r(x64_areg(e, 0)), 0);
    x64_op(&e->b, X_movd_x, true, t, 0, x64_r(x64_areg(e, 1)), 0);
    x64_vvvi(&e->b, X_pclmulqdq, false, XTMP, XTMP, x64_r(t), 0);
    if (high)
        x64_vvv(&e->b, X_punpckhqdq, false, XTMP, XTMP, x64_r(XTMP));
    x64_op(&e->b, X_movd_r, true, XTMP, 0, x64_r(x64_dst(e)), 0);
}

void x64_need_crc32(const struct x64_need *s)
{
    if (s->i->op == IR_OP_crc32 || !x64_cpu.sse42) {
        x64_libcall_need(s);
        return;
    }
    x64_want_dst(s, 0);
    x64_want(s, 0, RA_REG);
    x64_want(s, 1, RA_REG);
}

void x64_emit_crc32(struct x64_emit *e)
{
    unsigned n = e->i->aux, d;

    if (e->i->op == IR_OP_crc32 || !x64_cpu.sse42) {
        x64_libcall(e, e->i->op == IR_OP_crc32 ? soft_crc32 : soft_crc32c, n);
        return;
    }
    d = x64_dst_from(e, 0);
    x64_gg(&e->b, n == 1 ? X_crc32_8 : n == 2 ? X_crc32_16 : X_crc32, n == 8, d, x64_areg(e, 1));
}

/* --- widths ---------------------------------------------------------------------------------------------------------------- */

void x64_need_trunc(const struct x64_need *s)
{
    x64_want_dst(s, 0);
    x64_want(s, 0, RA_REG);
}

void x64_emit_trunc(struct x64_emit *e)
{
    if (x64_dst(e) != x64_areg(e, 0))
        x64_gg(&e->b, X_mov_load, false, x64_dst(e), x64_areg(e, 0));
}

/* Does the code of this i32 value clear the upper half of its register? */
static bool zero_extended(const struct ir *ir, const struct ir_insn *i)
{
    if (i->type != IR_I32)
        return false;
    switch (i->op) {
    case IR_OP_add: case IR_OP_sub: case IR_OP_mul: case IR_OP_and: case IR_OP_or: case IR_OP_xor: case IR_OP_andn:
    case IR_OP_not: case IR_OP_neg: case IR_OP_clz: case IR_OP_ctz: case IR_OP_setcc: case IR_OP_select: case IR_OP_ld:
    case IR_OP_divu: case IR_OP_divs: case IR_OP_remu: case IR_OP_rems: case IR_OP_bswap: case IR_OP_smin: case IR_OP_smax:
    case IR_OP_umin: case IR_OP_umax: case IR_OP_mulhu: case IR_OP_mulhs: case IR_OP_mulhsu: case IR_OP_extract:
    case IR_OP_sextract: case IR_OP_ldenv: case IR_OP_fcmp: case IR_OP_ftoi: case IR_OP_vext:
        return true;
    case IR_OP_shl: case IR_OP_shr: case IR_OP_sar: case IR_OP_rotl: case IR_OP_rotr:
        return ir_is_const(ir, i->arg[1]) ? ir_at(ir, i->arg[1])->imm & 31 : x64_cpu.bmi2 && !is_rotate(i);
    default:
        return false;
    }
}

void x64_need_ext(const struct x64_need *s)
{
    bool nothing = s->i->op == IR_OP_zext && zero_extended(s->ir, ir_at(s->ir, s->i->arg[0]));

    x64_want_dst(s, nothing ? 0 : -1);
    x64_want(s, 0, nothing ? RA_REG : RA_REG_OR_MEM);
}

void x64_emit_sext(struct x64_emit *e)
{
    x64_g(&e->b, X_movsxd, true, x64_dst(e), x64_aloc(e, 0));
}

void x64_emit_zext(struct x64_emit *e)
{
    struct x64_rm s = x64_aloc(e, 0);

    if (s.reg != (int)x64_dst(e) || !zero_extended(e->ir, ir_at(e->ir, e->i->arg[0])))
        x64_g(&e->b, X_mov_load, false, x64_dst(e), s);
}

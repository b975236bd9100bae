/* tcg/host/x86_64/sel_int.c - integer operations. */
#include "tcg/host/x86_64/emit.h"
#include "tcg/host/x86_64/soft.h"

static bool wide(const struct x64_emit *e)
{
    return e->i->type == IR_I64;
}

static unsigned width(const struct ir_insn *i)
{
    return i->type == IR_I64 ? 64 : 32;
}

/* The result's register, holding argument k: for two-address forms. */
static unsigned dst_from(struct x64_emit *e, unsigned k)
{
    unsigned d = x64_dst(e);

    if (x64_areg(e, k) != d)
        x64_mov(&e->b, wide(e), d, x64_areg(e, k));
    return d;
}

static bool const_arg(const struct x64_need *s, unsigned k)
{
    return ir_is_const(s->ir, s->i->arg[k]);
}

/* --- selection: scaled additions ------------------------------------------------------------------- */

static bool lea_shift(const struct ir *ir, const struct ir_insn *add, ir_ref v)
{
    const struct ir_insn *s = ir_at(ir, v);
    const struct ir_insn *n = s->op == IR_OP_shl ? ir_at(ir, s->arg[1]) : NULL;

    return n && n->op == IR_OP_const && n->imm >= 1 && n->imm <= 3 && s->uses == 1 && s->block == add->block &&
           s->type == add->type && !(s->mark & X64_SKIP);
}

/* add(a, shl(b, 1..3)) with no other use of the shift is one lea. */
static void fold_scaled_adds(struct ir *ir)
{
    for (ir_ref r = 1; r < ir->ninsns; r++) {
        struct ir_insn *i = ir_at(ir, r);

        if (i->op != IR_OP_add)
            continue;
        if (lea_shift(ir, i, i->arg[0]) && !lea_shift(ir, i, i->arg[1])) {
            ir_ref t = i->arg[0];

            i->arg[0] = i->arg[1];
            i->arg[1] = t;
        }
        if (!lea_shift(ir, i, i->arg[1]))
            continue;
        i->mark |= X64_FOLD1;
        ir_at(ir, i->arg[1])->mark |= X64_SKIP;
    }
}

void x64_select_int(struct ir *ir)
{
    x64_narrow(ir);
    fold_scaled_adds(ir);
}

/* --- addition ------------------------------------------------------------------------------------------------------ */

void x64_need_add(const struct x64_need *s)
{
    int32_t imm;

    x64_want_dst(s, -1);
    if (s->i->mark & X64_FOLD1) {
        x64_want(s, 0, x64_is_imm32(s->ir, s->i->arg[0], &imm) ? RA_REG_OR_CONST : RA_REG);
        x64_want(s, 1, RA_FOLDED);
        x64_want_extra(s, ir_at(s->ir, s->i->arg[1])->arg[0], RA_REG);
        return;
    }
    x64_want(s, 0, RA_REG);
    x64_want(s, 1, RA_ANY);
}

static void emit_scaled_add(struct x64_emit *e)
{
    const struct ir_insn *shl = ir_at(e->ir, e->i->arg[1]);
    unsigned scale = (unsigned)ir_at(e->ir, shl->arg[1])->imm, index = e->a->extra[0].reg;
    int32_t imm;

    if (x64_aimm(e, 0, &imm))
        x64_g(&e->b, X_lea, wide(e), x64_dst(e), x64_mx(-1, (int)index, scale, imm));
    else
        x64_g(&e->b, X_lea, wide(e), x64_dst(e), x64_mx((int)x64_areg(e, 0), (int)index, scale, 0));
}

void x64_emit_add(struct x64_emit *e)
{
    unsigned d = x64_dst(e), a;
    struct x64_rm s;
    int32_t imm;

    if (e->i->mark & X64_FOLD1) {
        emit_scaled_add(e);
        return;
    }
    a = x64_areg(e, 0);
    if (x64_aimm(e, 1, &imm)) {
        if (d == a)
            x64_alui(&e->b, ALU_ADD, wide(e), x64_r(d), imm);
        else
            x64_g(&e->b, X_lea, wide(e), d, x64_m((int)a, imm));
        return;
    }
    s = x64_aloc(e, 1);
    if (d == a) {
        x64_alu(&e->b, ALU_ADD, wide(e), d, s);
    } else if (s.reg == (int)d) {
        x64_alu(&e->b, ALU_ADD, wide(e), d, x64_r(a));
    } else if (s.reg >= 0) {
        x64_g(&e->b, X_lea, wide(e), d, x64_mx((int)a, s.reg, 0, 0));
    } else {
        x64_mov(&e->b, wide(e), d, a);
        x64_alu(&e->b, ALU_ADD, wide(e), d, s);
    }
}

/* --- two-address arithmetic ------------------------------------------------------------------------------------------ */

void x64_need_alu(const struct x64_need *s)
{
    x64_want_dst(s, 0);
    x64_want(s, 0, RA_REG);
    x64_want(s, 1, RA_ANY);
}

static void alu2(struct x64_emit *e, enum x64_alu op, unsigned d)
{
    int32_t imm;

    if (x64_aimm(e, 1, &imm))
        x64_alui(&e->b, op, wide(e), x64_r(d), imm);
    else
        x64_alu(&e->b, op, wide(e), d, x64_aloc(e, 1));
}

void x64_emit_sub(struct x64_emit *e)
{
    alu2(e, ALU_SUB, dst_from(e, 0));
}

void x64_emit_alu(struct x64_emit *e)
{
    enum x64_alu op = e->i->op == IR_OP_and ? ALU_AND : e->i->op == IR_OP_or ? ALU_OR : ALU_XOR;
    const struct ir_insn *c = ir_at(e->ir, e->i->arg[1]);
    unsigned d = dst_from(e, 0);

    if (op == ALU_AND && e->a->arg[1].kind == RA_CONST && c->imm <= 0xffffffff) {
        if (c->imm == 0xff)
            x64_gg(&e->b, X_movzx8, false, d, d);
        else if (c->imm == 0xffff)
            x64_gg(&e->b, X_movzx16, false, d, d);
        else if (c->imm == 0xffffffff)
            x64_gg(&e->b, X_mov_load, false, d, d);
        else
            x64_alui(&e->b, ALU_AND, false, x64_r(d), (int32_t)c->imm);
        return;
    }
    alu2(e, op, d);
}

void x64_need_andn(const struct x64_need *s)
{
    x64_want_dst(s, x64_cpu.bmi1 ? -1 : 0);
    x64_want(s, 0, x64_cpu.bmi1 ? RA_REG_OR_MEM : RA_REG);
    x64_want(s, 1, RA_REG);
}

void x64_emit_andn(struct x64_emit *e)
{
    unsigned d, b = x64_areg(e, 1);

    if (x64_cpu.bmi1) {                                    /* andn d = ~v & rm */
        x64_op(&e->b, X_andn, wide(e), x64_dst(e), b, x64_aloc(e, 0), 0);
        return;
    }
    d = dst_from(e, 0);
    x64_mov(&e->b, true, RTMP, b);
    x64_un(&e->b, UN_NOT, wide(e), x64_r(RTMP));
    x64_alu(&e->b, ALU_AND, wide(e), d, x64_r(RTMP));
}

void x64_emit_not(struct x64_emit *e)
{
    x64_un(&e->b, e->i->op == IR_OP_not ? UN_NOT : UN_NEG, wide(e), x64_r(dst_from(e, 0)));
}

void x64_emit_bswap(struct x64_emit *e)
{
    x64_bswap(&e->b, wide(e), dst_from(e, 0));
}

void x64_need_minmax(const struct x64_need *s)
{
    x64_want_dst(s, 0);
    x64_want(s, 0, RA_REG);
    x64_want(s, 1, RA_REG);
}

void x64_emit_minmax(struct x64_emit *e)
{
    enum x64_cc cc = e->i->op == IR_OP_smin ? CC_G : e->i->op == IR_OP_smax ? CC_L : e->i->op == IR_OP_umin ? CC_A : CC_B;
    unsigned d = dst_from(e, 0), b = x64_areg(e, 1);

    x64_alu(&e->b, ALU_CMP, wide(e), d, x64_r(b));
    x64_cmov(&e->b, cc, wide(e), d, x64_r(b));
}

/* --- multiplication, division ------------------------------------------------------------------------------------------ */

void x64_need_mul(const struct x64_need *s)
{
    int32_t imm;

    if (x64_is_imm32(s->ir, s->i->arg[1], &imm)) {
        x64_want_dst(s, -1);
        x64_want(s, 0, RA_REG_OR_MEM);
        x64_want(s, 1, RA_REG_OR_CONST);
        return;
    }
    x64_want_dst(s, 0);
    x64_want(s, 0, RA_REG);
    x64_want(s, 1, RA_ANY);
}

void x64_emit_mul(struct x64_emit *e)
{
    int32_t imm;

    if (!x64_is_imm32(e->ir, e->i->arg[1], &imm)) {
        unsigned d = dst_from(e, 0);

        x64_g(&e->b, X_imul, wide(e), d, x64_aloc(e, 1));
    } else if (imm == (int8_t)imm) {
        x64_op(&e->b, X_imul_i8, wide(e), x64_dst(e), 0, x64_aloc(e, 0), 1);
        x64_u8(&e->b, (uint8_t)imm);
    } else {
        x64_op(&e->b, X_imul_i32, wide(e), x64_dst(e), 0, x64_aloc(e, 0), 4);
        x64_u32(&e->b, (uint32_t)imm);
    }
}

/* 64 bits: mulx (a in rdx, the low half into the scratch register), or mul/imul with the result in rdx.
 * 32 bits: one 64-bit product, shifted. */
void x64_need_mulh(const struct x64_need *s)
{
    x64_want_dst(s, -1);
    if (s->i->type == IR_I32) {
        s->n->dst_early = true;
        x64_want(s, 0, RA_REG);
        x64_want(s, 1, RA_REG);
        return;
    }
    x64_want(s, 1, RA_REG);
    if (s->i->op != IR_OP_mulhs && x64_cpu.bmi2) {
        s->n->dst_early = s->i->op == IR_OP_mulhsu;
        x64_want_fixed(s, 0, RDX);
        return;
    }
    x64_want_fixed(s, 0, RAX);
    s->n->dst_fixed = RDX;
    s->n->clobber_gpr = 1u << RAX | 1u << RDX;
    s->n->ntmp_gpr = s->i->op == IR_OP_mulhsu ? 1 : 0;
}

static void mulh32(struct x64_emit *e)
{
    unsigned d = x64_dst(e), a = x64_areg(e, 0), b = x64_areg(e, 1);

    x64_gg(&e->b, e->i->op == IR_OP_mulhu ? X_mov_load : X_movsxd, e->i->op != IR_OP_mulhu, d, a);
    x64_gg(&e->b, e->i->op == IR_OP_mulhs ? X_movsxd : X_mov_load, e->i->op == IR_OP_mulhs, RTMP, b);
    x64_gg(&e->b, X_imul, true, d, RTMP);
    x64_shift(&e->b, SH_SHR, true, d, 32);
}

void x64_emit_mulh(struct x64_emit *e)
{
    unsigned b = x64_areg(e, 1), t;

    if (e->i->type == IR_I32) {
        mulh32(e);
    } else if (e->i->op != IR_OP_mulhs && x64_cpu.bmi2) {
        unsigned d = x64_dst(e);

        x64_op(&e->b, X_mulx, true, d, RTMP, x64_r(b), 0);
        if (e->i->op == IR_OP_mulhu)
            return;
        x64_mov(&e->b, true, RTMP, RDX);                   /* a < 0: the unsigned product is b << 64 too large */
        x64_shift(&e->b, SH_SAR, true, RTMP, 63);
        x64_alu(&e->b, ALU_AND, true, RTMP, x64_r(b));
        x64_alu(&e->b, ALU_SUB, true, d, x64_r(RTMP));
    } else if (e->i->op != IR_OP_mulhsu) {
        x64_un(&e->b, e->i->op == IR_OP_mulhu ? UN_MUL : UN_IMUL, true, x64_r(b));
    } else {
        t = e->a->tmp_gpr[0];
        x64_mov(&e->b, true, RTMP, RAX);
        x64_shift(&e->b, SH_SAR, true, RTMP, 63);
        x64_alu(&e->b, ALU_AND, true, RTMP, x64_r(b));
        x64_mov(&e->b, true, t, RTMP);
        x64_un(&e->b, UN_MUL, true, x64_r(b));
        x64_alu(&e->b, ALU_SUB, true, RDX, x64_r(t));
    }
}

void x64_need_div(const struct x64_need *s)
{
    x64_want_dst(s, -1);
    x64_want_fixed(s, 0, RAX);
    x64_want(s, 1, RA_REG_OR_MEM);
    s->n->dst_fixed = s->i->op == IR_OP_divu || s->i->op == IR_OP_divs ? RAX : RDX;
    s->n->clobber_gpr = 1u << RAX | 1u << RDX;
}

void x64_emit_div(struct x64_emit *e)
{
    bool sign = e->i->op == IR_OP_divs || e->i->op == IR_OP_rems;
    struct x64_rm b = x64_aloc(e, 1);

    if (b.reg == RDX || b.reg == RAX) {                    /* both are about to hold the dividend */
        x64_mov(&e->b, true, RTMP, (unsigned)b.reg);
        b = x64_r(RTMP);
    }
    if (!sign)
        x64_movi(&e->b, RDX, 0);
    else if (wide(e))
        x64_bytes(&e->b, "\x48\x99", 2);                   /* cqo */
    else
        x64_u8(&e->b, 0x99);                               /* cdq */
    x64_un(&e->b, sign ? UN_IDIV : UN_DIV, wide(e), b);
}

/* --- shifts ------------------------------------------------------------------------------------------------------------ */

static bool is_rotate(const struct ir_insn *i)
{
    return i->op == IR_OP_rotl || i->op == IR_OP_rotr;
}

void x64_need_shift(const struct x64_need *s)
{
    if (const_arg(s, 1)) {
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
    unsigned op = e->i->op, w = width(e->i), n, d;
    enum x64_shift sh = op == IR_OP_shl ? SH_SHL : op == IR_OP_shr ? SH_SHR : op == IR_OP_sar ? SH_SAR :
                        op == IR_OP_rotl ? SH_ROL : SH_ROR;

    if (ir_is_const(e->ir, e->i->arg[1])) {
        n = (unsigned)ir_at(e->ir, e->i->arg[1])->imm & (w - 1);
        if (is_rotate(e->i) && x64_cpu.bmi2) {
            rorx(e, wide(e), x64_dst(e), x64_aloc(e, 0), op == IR_OP_rotl ? (w - n) & (w - 1) : n);
            return;
        }
        d = dst_from(e, 0);
        if (sh == SH_SHL && n == 1)
            x64_alu(&e->b, ALU_ADD, wide(e), d, x64_r(d));
        else
            x64_shift(&e->b, sh, wide(e), d, n);
    } else if (x64_cpu.bmi2 && !is_rotate(e->i)) {
        x64_op(&e->b, op == IR_OP_shl ? X_shlx : op == IR_OP_shr ? X_shrx : X_sarx, wide(e), x64_dst(e), x64_areg(e, 1),
               x64_aloc(e, 0), 0);
    } else {
        x64_shift_cl(&e->b, sh, wide(e), dst_from(e, 0));
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
           field_pos(i) + field_len(i) < width(i);
}

void x64_need_extract(const struct x64_need *s)
{
    bool free_dst = field_is_low_part(s->i) || field_by_rorx(s->i);

    x64_want_dst(s, free_dst ? -1 : 0);
    x64_want(s, 0, free_dst ? RA_REG_OR_MEM : RA_REG);
}

static void extend_low_part(struct x64_emit *e, unsigned d, struct x64_rm s, unsigned len, bool sign)
{
    bool w = sign && wide(e);

    if (len == 8)
        x64_g(&e->b, sign ? X_movsx8 : X_movzx8, w, d, s);
    else if (len == 16)
        x64_g(&e->b, sign ? X_movsx16 : X_movzx16, w, d, s);
    else
        x64_g(&e->b, w ? X_movsxd : X_mov_load, w, d, s);
}

void x64_emit_extract(struct x64_emit *e)
{
    unsigned pos = field_pos(e->i), len = field_len(e->i), w = width(e->i), d = x64_dst(e);
    bool sign = e->i->op == IR_OP_sextract;

    if (field_is_low_part(e->i)) {
        extend_low_part(e, d, x64_aloc(e, 0), len, sign);
        return;
    }
    if (field_by_rorx(e->i)) {
        struct x64_rm s = x64_aloc(e, 0);

        if (s.reg == (int)d)
            x64_shift(&e->b, SH_SHR, wide(e), d, pos);
        else
            rorx(e, wide(e), d, s, pos);
        if (len == 8 || len == 16)
            extend_low_part(e, d, x64_r(d), len, false);
        else
            x64_alui(&e->b, ALU_AND, false, x64_r(d), (int32_t)((1u << len) - 1));
        return;
    }
    dst_from(e, 0);
    if (!sign && pos == 0 && len <= 31) {
        x64_alui(&e->b, ALU_AND, false, x64_r(d), (int32_t)((1u << len) - 1));
        return;
    }
    x64_shift(&e->b, SH_SHL, wide(e), d, w - pos - len);
    x64_shift(&e->b, sign ? SH_SAR : SH_SHR, wide(e), d, w - len);
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
    unsigned pos = field_pos(e->i), len = field_len(e->i), w = width(e->i), b = x64_areg(e, 1), d;

    if (len == w) {
        x64_mov(&e->b, wide(e), x64_dst(e), b);
        return;
    }
    if (b == x64_dst(e)) {                     /* one value on both sides */
        x64_mov(&e->b, wide(e), RTMP, b);
        b = RTMP;
    }
    d = dst_from(e, 0);
    if (pos == 0 && len == 8) {
        x64_gg(&e->b, X_mov_load8, false, d, b);
        return;
    }
    if (pos == 0 && len == 16) {
        x64_gg(&e->b, X_mov_load16, false, d, b);
        return;
    }
    x64_shift(&e->b, SH_ROR, wide(e), d, pos);
    x64_op(&e->b, X_shrd, wide(e), b, 0, x64_r(d), 1);
    x64_u8(&e->b, (uint8_t)len);
    x64_shift(&e->b, SH_ROL, wide(e), d, (pos + len) & (w - 1));
}

void x64_need_extr2(const struct x64_need *s)
{
    x64_want_dst(s, 1);
    x64_want(s, 0, RA_REG);
    x64_want(s, 1, RA_REG);
}

void x64_emit_extr2(struct x64_emit *e)
{
    unsigned d = dst_from(e, 1);

    if (!e->i->aux)
        return;
    x64_op(&e->b, X_shrd, wide(e), x64_areg(e, 0), 0, x64_r(d), 1);
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
    unsigned d = x64_dst(e), w = width(e->i);

    if (count_native(e->i)) {
        x64_g(&e->b, X_lzcnt, wide(e), d, x64_aloc(e, 0));
        return;
    }
    x64_gg(&e->b, X_bsr, wide(e), RTMP, x64_areg(e, 0));
    x64_movi_keep(&e->b, d, 2 * w - 1);
    x64_cmov(&e->b, CC_NE, wide(e), d, x64_r(RTMP));
    x64_alui(&e->b, ALU_XOR, false, x64_r(d), (int32_t)w - 1);
}

void x64_emit_ctz(struct x64_emit *e)
{
    unsigned d = x64_dst(e);

    if (count_native(e->i)) {
        x64_g(&e->b, X_tzcnt, wide(e), d, x64_aloc(e, 0));
        return;
    }
    x64_gg(&e->b, X_bsf, wide(e), RTMP, x64_areg(e, 0));
    x64_movi_keep(&e->b, d, width(e->i));
    x64_cmov(&e->b, CC_NE, wide(e), d, x64_r(RTMP));
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
        x64_g(&e->b, X_popcnt, wide(e), x64_dst(e), x64_aloc(e, 0));
    else
        x64_libcall(e, wide(e) ? (const void *)soft_popcnt64 : (const void *)soft_popcnt32, 0);
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
    x64_op(&e->b, X_movd_r, wide(e), XTMP, 0, x64_r(x64_dst(e)), 0);
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
    d = dst_from(e, 0);
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

/* --- comparisons -------------------------------------------------------------------------------------------------------------- */

static const uint8_t cc_of[16] = {
    [IR_EQ] = CC_E, [IR_LT] = CC_L, [IR_LE] = CC_LE, [IR_LTU] = CC_B, [IR_LEU] = CC_BE, [IR_TSTZ] = CC_E,
    [IR_MI] = CC_S, [IR_VS] = CC_O, [IR_NE] = CC_NE, [IR_GE] = CC_GE, [IR_GT] = CC_G, [IR_GEU] = CC_AE, [IR_GTU] = CC_A,
    [IR_TSTNZ] = CC_NE, [IR_PL] = CC_NS, [IR_VC] = CC_NO,
};

static bool is_test(enum ir_cond c)
{
    return c == IR_TSTZ || c == IR_TSTNZ;
}

void x64_compare_need(const struct x64_need *s, enum ir_cond cond)
{
    int32_t imm;
    bool c = x64_is_imm32(s->ir, s->i->arg[1], &imm);

    x64_want(s, 0, c ? RA_REG_OR_MEM : RA_REG);
    x64_want(s, 1, RA_ANY);
    (void)cond;
}

enum x64_cc x64_compare(struct x64_emit *e, enum ir_cond cond, enum ir_type type)
{
    bool w = type == IR_I64;
    struct x64_rm a = x64_aloc(e, 0);
    int32_t imm;

    if (x64_aimm(e, 1, &imm)) {
        if (is_test(cond))
            x64_testi(&e->b, w, a, imm);
        else if (imm == 0 && a.reg >= 0)
            x64_g(&e->b, X_test, w, (unsigned)a.reg, a);
        else
            x64_alui(&e->b, ALU_CMP, w, a, imm);
    } else if (is_test(cond)) {
        x64_g(&e->b, X_test, w, (unsigned)a.reg, x64_aloc(e, 1));
    } else {
        x64_alu(&e->b, ALU_CMP, w, (unsigned)a.reg, x64_aloc(e, 1));
    }
    return cc_of[cond];
}

static enum ir_type compared(const struct x64_emit *e)
{
    return ir_type_of(e->ir, e->i->arg[0]);
}

void x64_need_setcc(const struct x64_need *s)
{
    x64_want_dst(s, -1);
    x64_compare_need(s, s->i->aux);
}

static bool dst_is_arg(struct x64_emit *e, unsigned n)
{
    for (unsigned k = 0; k < n; k++)
        if (e->a->arg[k].kind == RA_GPR && e->a->arg[k].reg == x64_dst(e))
            return true;
    return false;
}

void x64_emit_setcc(struct x64_emit *e)
{
    bool clear = !dst_is_arg(e, 2);
    unsigned d = x64_dst(e);
    enum x64_cc cc;

    if (clear)
        x64_movi(&e->b, d, 0);
    cc = x64_compare(e, e->i->aux, compared(e));
    x64_setcc(&e->b, cc, d);
    if (!clear)
        x64_gg(&e->b, X_movzx8, false, d, d);
}

void x64_need_select(const struct x64_need *s)
{
    bool gpr = x64_class(s->i->type) == RA_CLASS_GPR;

    x64_want_dst(s, 3);
    x64_compare_need(s, s->i->aux);
    x64_want(s, 2, gpr ? RA_REG_OR_MEM : RA_REG);
    x64_want(s, 3, RA_REG);
}

void x64_emit_select(struct x64_emit *e)
{
    unsigned d = x64_dst(e);
    enum x64_cc cc;
    uint32_t over;

    if (e->a->dst.kind == RA_GPR) {
        dst_from(e, 3);
        cc = x64_compare(e, e->i->aux, compared(e));
        x64_cmov(&e->b, cc, wide(e), d, x64_aloc(e, 2));
        return;
    }
    x64_vmove(e, e->i->type, d, x64_areg(e, 3));
    cc = x64_compare(e, e->i->aux, compared(e));
    over = x64_jcc8(&e->b, cc ^ 1);
    x64_vmove(e, e->i->type, d, x64_areg(e, 2));
    x64_bind8(&e->b, over);
}

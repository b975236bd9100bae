/* targets/riscv/tr_bit.c - bit manipulation: Zba, Zbb, Zbc, Zbs, Zbkb, Zbkc, Zbkx, Zicond. */
#include "targets/riscv/rv.insn.h"
#include "targets/riscv/tr.h"

#define ALU(name, op) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) \
    { \
        put_gpr(t, a->rd, ir_bin(t->ir, IR_OP_##op, gpr(t, a->rs1), gpr(t, a->rs2))); \
    }
#define ALU_W(name, op) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) \
    { \
        put_gpr32(t, a->rd, ir_bin(t->ir, IR_OP_##op, gpr32(t, a->rs1), gpr32(t, a->rs2))); \
    }
#define UNARY(name, op) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) \
    { \
        put_gpr(t, a->rd, ir_un(t->ir, IR_OP_##op, gpr(t, a->rs1))); \
    }
#define UNARY_W(name, op) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) \
    { \
        put_gpr32(t, a->rd, ir_un(t->ir, IR_OP_##op, gpr32(t, a->rs1))); \
    }

/* --- Zba ---------------------------------------------------------------------------------------------------------- */

static void shift_add(struct riscv_tr *t, int rd, ir_ref a, unsigned shift, ir_ref b)
{
    put_gpr(t, (unsigned)rd, ir_bin(t->ir, IR_OP_add, ir_bin(t->ir, IR_OP_shl, a, xconst(t, shift)), b));
}

static ir_ref low_word(struct riscv_tr *t, int rs1)
{
    return ir_ext(t->ir, gpr(t, (unsigned)rs1), 0, 32, false);
}

#define SHIFT_ADD(n) \
    void tr_sh##n##add(struct riscv_tr *t, const struct args_sh##n##add *a) \
    { \
        shift_add(t, a->rd, gpr(t, a->rs1), n, gpr(t, a->rs2)); \
    } \
    void tr_sh##n##add_uw(struct riscv_tr *t, const struct args_sh##n##add_uw *a) \
    { \
        shift_add(t, a->rd, low_word(t, a->rs1), n, gpr(t, a->rs2)); \
    }
SHIFT_ADD(1)
SHIFT_ADD(2)
SHIFT_ADD(3)

void tr_add_uw(struct riscv_tr *t, const struct args_add_uw *a)
{
    put_gpr(t, a->rd, ir_bin(t->ir, IR_OP_add, low_word(t, a->rs1), gpr(t, a->rs2)));
}

void tr_slli_uw(struct riscv_tr *t, const struct args_slli_uw *a)
{
    put_gpr(t, a->rd, ir_bin(t->ir, IR_OP_shl, low_word(t, a->rs1), xconst(t, (uint64_t)a->shamt)));
}

/* --- Zbb, Zbkb ------------------------------------------------------------------------------------------------------ */

ALU(andn, andn)
ALU(rol, rotl)
ALU(ror, rotr)
ALU_W(rolw, rotl)
ALU_W(rorw, rotr)
ALU(max, smax)
ALU(maxu, umax)
ALU(min, smin)
ALU(minu, umin)
UNARY(clz, clz)
UNARY(ctz, ctz)
UNARY(cpop, popcnt)
UNARY(rev8, bswap)
UNARY(brev8, brev8)
UNARY_W(clzw, clz)
UNARY_W(ctzw, ctz)
UNARY_W(cpopw, popcnt)

void tr_orn(struct riscv_tr *t, const struct args_orn *a)
{
    put_gpr(t, a->rd, ir_bin(t->ir, IR_OP_or, gpr(t, a->rs1), ir_un(t->ir, IR_OP_not, gpr(t, a->rs2))));
}

void tr_xnor(struct riscv_tr *t, const struct args_xnor *a)
{
    put_gpr(t, a->rd, ir_un(t->ir, IR_OP_not, ir_bin(t->ir, IR_OP_xor, gpr(t, a->rs1), gpr(t, a->rs2))));
}

void tr_rori(struct riscv_tr *t, const struct args_rori *a)
{
    if (a->shamt >= t->m->xlen)
        tr_illegal(t);
    else
        put_gpr(t, a->rd, ir_bin(t->ir, IR_OP_rotr, gpr(t, a->rs1), xconst(t, (uint64_t)a->shamt)));
}

void tr_roriw(struct riscv_tr *t, const struct args_roriw *a)
{
    put_gpr32(t, a->rd, ir_bin(t->ir, IR_OP_rotr, gpr32(t, a->rs1), ir_i32(t->ir, (uint32_t)a->shamt)));
}

void tr_sext_b(struct riscv_tr *t, const struct args_sext_b *a)
{
    put_gpr(t, a->rd, ir_ext(t->ir, gpr(t, a->rs1), 0, 8, true));
}

void tr_sext_h(struct riscv_tr *t, const struct args_sext_h *a)
{
    put_gpr(t, a->rd, ir_ext(t->ir, gpr(t, a->rs1), 0, 16, true));
}

void tr_zext_h(struct riscv_tr *t, const struct args_zext_h *a)
{
    put_gpr(t, a->rd, ir_ext(t->ir, gpr(t, a->rs1), 0, 16, false));
}

/* Bit 7 of each byte that is not zero, then that bit spread over its byte: 0x01 * 255. */
void tr_orc_b(struct riscv_tr *t, const struct args_orc_b *a)
{
    const uint64_t low7 = UINT64_C(0x7f7f7f7f7f7f7f7f);
    ir_ref x = gpr(t, a->rs1), v;

    v = ir_bin(t->ir, IR_OP_and, x, xconst(t, low7));
    v = ir_bin(t->ir, IR_OP_add, v, xconst(t, low7));
    v = ir_bin(t->ir, IR_OP_or, v, x);
    v = ir_bin(t->ir, IR_OP_and, v, xconst(t, ~low7));
    v = ir_bin(t->ir, IR_OP_shr, v, xconst(t, 7));
    put_gpr(t, a->rd, ir_bin(t->ir, IR_OP_mul, v, xconst(t, 255)));
}

void tr_pack(struct riscv_tr *t, const struct args_pack *a)
{
    unsigned half = t->m->xlen / 2u;

    put_gpr(t, a->rd, ir_deposit(t->ir, ir_ext(t->ir, gpr(t, a->rs1), 0, half, false), gpr(t, a->rs2), half, half));
}

void tr_packh(struct riscv_tr *t, const struct args_packh *a)
{
    put_gpr(t, a->rd, ir_deposit(t->ir, ir_ext(t->ir, gpr(t, a->rs1), 0, 8, false), gpr(t, a->rs2), 8, 8));
}

void tr_packw(struct riscv_tr *t, const struct args_packw *a)
{
    put_gpr32(t, a->rd, ir_deposit(t->ir, gpr32(t, a->rs1), gpr32(t, a->rs2), 16, 16));
}

/* One stage of a shuffle: the bits of `left` move up, those of `left` >> shift ... move down, the rest stays. */
static ir_ref swap_fields(struct riscv_tr *t, ir_ref x, uint32_t left, uint32_t right, unsigned shift)
{
    ir_ref keep = ir_bini(t->ir, IR_OP_and, x, ~(left | right));
    ir_ref up = ir_bini(t->ir, IR_OP_and, ir_bini(t->ir, IR_OP_shl, x, shift), left);
    ir_ref down = ir_bini(t->ir, IR_OP_and, ir_bini(t->ir, IR_OP_shr, x, shift), right);

    return ir_bin(t->ir, IR_OP_or, keep, ir_bin(t->ir, IR_OP_or, up, down));
}

static const struct { uint32_t left, right; unsigned shift; } shuffle[4] = {
    { 0x00ff0000, 0x0000ff00, 8 }, { 0x0f000f00, 0x00f000f0, 4 }, { 0x30303030, 0x0c0c0c0c, 2 }, { 0x44444444, 0x22222222, 1 },
};

void tr_zip(struct riscv_tr *t, const struct args_zip *a)
{
    ir_ref x = gpr(t, a->rs1);

    for (int i = 0; i < 4; i++)
        x = swap_fields(t, x, shuffle[i].left, shuffle[i].right, shuffle[i].shift);
    put_gpr(t, a->rd, x);
}

void tr_unzip(struct riscv_tr *t, const struct args_unzip *a)
{
    ir_ref x = gpr(t, a->rs1);

    for (int i = 3; i >= 0; i--)
        x = swap_fields(t, x, shuffle[i].left, shuffle[i].right, shuffle[i].shift);
    put_gpr(t, a->rd, x);
}

/* --- Zbc ------------------------------------------------------------------------------------------------------------ */

/* RV32: the whole product of two words fits one i64. */
static ir_ref clmul_word(struct riscv_tr *t, int rs1, int rs2, unsigned from)
{
    ir_ref a = ir_conv(t->ir, IR_OP_zext, IR_I64, gpr(t, (unsigned)rs1));
    ir_ref b = ir_conv(t->ir, IR_OP_zext, IR_I64, gpr(t, (unsigned)rs2));
    ir_ref p = ir_bin(t->ir, IR_OP_clmul, a, b);

    return ir_conv(t->ir, IR_OP_trunc, IR_I32, ir_bini(t->ir, IR_OP_shr, p, from));
}

void tr_clmul(struct riscv_tr *t, const struct args_clmul *a)
{
    put_gpr(t, a->rd, t->rv32 ? clmul_word(t, a->rs1, a->rs2, 0)
                              : ir_bin(t->ir, IR_OP_clmul, gpr(t, a->rs1), gpr(t, a->rs2)));
}

void tr_clmulh(struct riscv_tr *t, const struct args_clmulh *a)
{
    put_gpr(t, a->rd, t->rv32 ? clmul_word(t, a->rs1, a->rs2, 32)
                              : ir_bin(t->ir, IR_OP_clmulh, gpr(t, a->rs1), gpr(t, a->rs2)));
}

void tr_clmulr(struct riscv_tr *t, const struct args_clmulr *a)
{
    ir_ref lo, hi;

    if (t->rv32) {
        put_gpr(t, a->rd, clmul_word(t, a->rs1, a->rs2, 31));
        return;
    }
    lo = ir_bin(t->ir, IR_OP_clmul, gpr(t, a->rs1), gpr(t, a->rs2));
    hi = ir_bin(t->ir, IR_OP_clmulh, gpr(t, a->rs1), gpr(t, a->rs2));
    put_gpr(t, a->rd, ir_bin(t->ir, IR_OP_or, ir_bini(t->ir, IR_OP_shl, hi, 1), ir_bini(t->ir, IR_OP_shr, lo, 63)));
}

/* --- Zbs ------------------------------------------------------------------------------------------------------------ */

static ir_ref bit(struct riscv_tr *t, ir_ref n)
{
    return ir_bin(t->ir, IR_OP_shl, xconst(t, 1), n);
}

static ir_ref bext(struct riscv_tr *t, ir_ref x, ir_ref n)
{
    return ir_bin(t->ir, IR_OP_and, ir_bin(t->ir, IR_OP_shr, x, n), xconst(t, 1));
}

#define BIT_OP(name, op) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) \
    { \
        put_gpr(t, a->rd, ir_bin(t->ir, IR_OP_##op, gpr(t, a->rs1), bit(t, gpr(t, a->rs2)))); \
    } \
    void tr_##name##i(struct riscv_tr *t, const struct args_##name##i *a) \
    { \
        if (a->shamt >= t->m->xlen) \
            tr_illegal(t); \
        else \
            put_gpr(t, a->rd, ir_bin(t->ir, IR_OP_##op, gpr(t, a->rs1), bit(t, xconst(t, (uint64_t)a->shamt)))); \
    }
BIT_OP(bset, or)
BIT_OP(bclr, andn)
BIT_OP(binv, xor)

void tr_bext(struct riscv_tr *t, const struct args_bext *a)
{
    put_gpr(t, a->rd, bext(t, gpr(t, a->rs1), gpr(t, a->rs2)));
}

void tr_bexti(struct riscv_tr *t, const struct args_bexti *a)
{
    if (a->shamt >= t->m->xlen)
        tr_illegal(t);
    else
        put_gpr(t, a->rd, bext(t, gpr(t, a->rs1), xconst(t, (uint64_t)a->shamt)));
}

/* --- Zbkx, Zicond --------------------------------------------------------------------------------------------------- */

static void xperm(struct riscv_tr *t, enum riscv_helper h, int rd, int rs1, int rs2)
{
    ir_ref args[2] = { gpr(t, (unsigned)rs1), gpr(t, (unsigned)rs2) }, v;

    if (!t->rv32) {
        put_gpr(t, (unsigned)rd, tr_call(t, h, 2, args));
        return;
    }
    /* the upper half of the table is zeros: what an index beyond it gives */
    args[0] = ir_conv(t->ir, IR_OP_zext, IR_I64, args[0]);
    args[1] = ir_conv(t->ir, IR_OP_zext, IR_I64, args[1]);
    v = tr_call(t, h, 2, args);
    put_gpr(t, (unsigned)rd, ir_conv(t->ir, IR_OP_trunc, IR_I32, v));
}

void tr_xperm4(struct riscv_tr *t, const struct args_xperm4 *a)
{
    xperm(t, RV_H_xperm4, a->rd, a->rs1, a->rs2);
}

void tr_xperm8(struct riscv_tr *t, const struct args_xperm8 *a)
{
    xperm(t, RV_H_xperm8, a->rd, a->rs1, a->rs2);
}

void tr_czero_eqz(struct riscv_tr *t, const struct args_czero_eqz *a)
{
    put_gpr(t, a->rd, ir_select(t->ir, IR_EQ, gpr(t, a->rs2), xconst(t, 0), xconst(t, 0), gpr(t, a->rs1)));
}

void tr_czero_nez(struct riscv_tr *t, const struct args_czero_nez *a)
{
    put_gpr(t, a->rd, ir_select(t->ir, IR_NE, gpr(t, a->rs2), xconst(t, 0), xconst(t, 0), gpr(t, a->rs1)));
}

/* targets/riscv/tr_crypto.c - Zkne, Zknd on the host's AES instructions, Zknh. */
#include "targets/riscv/rv.insn.h"
#include "targets/riscv/tr.h"

/* --- AES, 64-bit ---------------------------------------------------------------------------------------------------------
 * A state is the pair rs2:rs1, laid out as in an xmm register; a round instruction without a key gives both halves and
 * the guest's gives the low one. */

static ir_ref no_key(struct riscv_tr *t)
{
    return ir_v128(t->ir, 0, 0);
}

static ir_ref low_half(struct riscv_tr *t, ir_ref v)
{
    return ir_emit(t->ir, IR_OP_vext, IR_I64, 64, 0, v, IR_NONE, IR_NONE, IR_NONE);
}

static ir_ref state(struct riscv_tr *t, ir_ref lo, ir_ref hi)
{
    return ir_emit(t->ir, IR_OP_vpair, IR_V128, 0, 0, lo, hi, IR_NONE, IR_NONE);
}

static void round_half(struct riscv_tr *t, enum ir_op op, int rd, int rs1, int rs2)
{
    ir_ref v = state(t, gpr(t, (unsigned)rs1), gpr(t, (unsigned)rs2));

    v = ir_emit(t->ir, op, IR_V128, 0, 0, v, no_key(t), IR_NONE, IR_NONE);
    put_gpr(t, (unsigned)rd, low_half(t, v));
}

#define ROUND(name, op) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) { round_half(t, IR_OP_##op, a->rd, a->rs1, a->rs2); }
ROUND(aes64es, vaesenclast)
ROUND(aes64esm, vaesenc)
ROUND(aes64ds, vaesdeclast)
ROUND(aes64dsm, vaesdec)

void tr_aes64im(struct riscv_tr *t, const struct args_aes64im *a)
{
    ir_ref v = state(t, gpr(t, a->rs1), ir_i64(t->ir, 0));

    put_gpr(t, a->rd, low_half(t, ir_emit(t->ir, IR_OP_vaesimc, IR_V128, 0, 0, v, IR_NONE, IR_NONE, IR_NONE)));
}

/* SubBytes of a word: four equal columns are not changed by ShiftRows. */
void tr_aes64ks1i(struct riscv_tr *t, const struct args_aes64ks1i *a)
{
    static const uint8_t rcon[10] = { 0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1b, 0x36 };
    ir_ref w, v;

    if (a->rnum > 10) {
        tr_illegal(t);
        return;
    }
    w = ir_conv(t->ir, IR_OP_trunc, IR_I32, ir_bini(t->ir, IR_OP_shr, gpr(t, a->rs1), 32));
    if (a->rnum < 10)
        w = ir_bini(t->ir, IR_OP_rotr, w, 8);
    v = ir_emit(t->ir, IR_OP_vdup, IR_V128, 32, 0, w, IR_NONE, IR_NONE, IR_NONE);
    v = ir_emit(t->ir, IR_OP_vaesenclast, IR_V128, 0, 0, v, no_key(t), IR_NONE, IR_NONE);
    w = low_half(t, v);
    if (a->rnum < 10)
        w = ir_bini(t->ir, IR_OP_xor, w, (uint64_t)rcon[a->rnum] << 32 | rcon[a->rnum]);
    put_gpr(t, a->rd, w);
}

void tr_aes64ks2(struct riscv_tr *t, const struct args_aes64ks2 *a)
{
    ir_ref hi1 = ir_bini(t->ir, IR_OP_shr, gpr(t, a->rs1), 32), rs2 = gpr(t, a->rs2);
    ir_ref lo = ir_bin(t->ir, IR_OP_xor, hi1, ir_ext(t->ir, rs2, 0, 32, false));
    ir_ref hi = ir_bin(t->ir, IR_OP_xor, lo, ir_bini(t->ir, IR_OP_shr, rs2, 32));

    put_gpr(t, a->rd, ir_deposit(t->ir, lo, hi, 32, 32));
}

/* --- AES, 32-bit: a byte at a time --------------------------------------------------------------------------------------- */

static void aes32(struct riscv_tr *t, unsigned how, int rd, int rs1, int rs2, int bs)
{
    ir_ref args[3] = { gpr(t, (unsigned)rs1), gpr(t, (unsigned)rs2), ir_i32(t->ir, how | (unsigned)bs << 2) };

    put_gpr(t, (unsigned)rd, tr_call(t, RV_H_aes32, 3, args));
}

#define AES32(name, how) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) { aes32(t, how, a->rd, a->rs1, a->rs2, a->bs); }
AES32(aes32esi, 0)
AES32(aes32esmi, 1)
AES32(aes32dsi, 2)
AES32(aes32dsmi, 3)

/* --- SHA-2 --------------------------------------------------------------------------------------------------------------- */

/* Three rotations or shifts of x, xored; a negative count is a plain right shift. */
static ir_ref mix(struct riscv_tr *t, ir_ref x, int a, int b, int c)
{
    int n[3] = { a, b, c };
    ir_ref v = IR_NONE;

    for (unsigned i = 0; i < 3; i++) {
        ir_ref part = n[i] < 0 ? ir_bini(t->ir, IR_OP_shr, x, (uint64_t)-n[i]) : ir_bini(t->ir, IR_OP_rotr, x, (uint64_t)n[i]);

        v = i ? ir_bin(t->ir, IR_OP_xor, v, part) : part;
    }
    return v;
}

#define SHA256(name, a1, a2, a3) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) { put_gpr32(t, a->rd, mix(t, gpr32(t, a->rs1), a1, a2, a3)); }
#define SHA512(name, a1, a2, a3) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) { put_gpr(t, a->rd, mix(t, gpr(t, a->rs1), a1, a2, a3)); }
SHA256(sha256sum0, 2, 13, 22)
SHA256(sha256sum1, 6, 11, 25)
SHA256(sha256sig0, 7, 18, -3)
SHA256(sha256sig1, 17, 19, -10)
SHA512(sha512sum0, 28, 34, 39)
SHA512(sha512sum1, 14, 18, 41)
SHA512(sha512sig0, 1, 8, -7)
SHA512(sha512sig1, 19, 61, -6)

/* RV32: shifts of rs1, then of rs2, xored; left shifts are positive, 0 ends a list. */
static void sha512_half(struct riscv_tr *t, int rd, int rs1, int rs2, const int8_t first[3], const int8_t second[3])
{
    ir_ref v = ir_i32(t->ir, 0);

    for (unsigned i = 0; i < 6; i++) {
        int n = i < 3 ? first[i] : second[i - 3];
        ir_ref x = gpr(t, (unsigned)(i < 3 ? rs1 : rs2));

        if (n)
            v = ir_bin(t->ir, IR_OP_xor, v, ir_bini(t->ir, n > 0 ? IR_OP_shl : IR_OP_shr, x, (uint64_t)(n > 0 ? n : -n)));
    }
    put_gpr(t, (unsigned)rd, v);
}

#define LIST(...) (const int8_t[3]){ __VA_ARGS__ }
#define SHA512_HALF(name, first, second) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) { sha512_half(t, a->rd, a->rs1, a->rs2, first, second); }
SHA512_HALF(sha512sig0h, LIST(-1, -7, -8), LIST(31, 24, 0))
SHA512_HALF(sha512sig0l, LIST(-1, -7, -8), LIST(31, 25, 24))
SHA512_HALF(sha512sig1h, LIST(3, -6, -19), LIST(-29, 13, 0))
SHA512_HALF(sha512sig1l, LIST(3, -6, -19), LIST(-29, 26, 13))
SHA512_HALF(sha512sum0r, LIST(25, 30, -28), LIST(-7, -2, 4))
SHA512_HALF(sha512sum1r, LIST(23, -14, -18), LIST(-9, 18, 14))

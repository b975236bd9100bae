/* targets/arm/tr_a32_neon.c - AArch32 Advanced SIMD data processing. The operations are those of A64's AdvSIMD (tr_simd.h,
 * help_simd.h), by the numbers they have there; floating point goes by the standard FPSCR value (SIMD_STANDARD).
 * Arm ARM (DDI 0487), F4.1.18 and F6. Half-precision arithmetic is left out with the feature. */
#include "targets/arm/a32_simd.insn.h"
#include "targets/arm/help_simd.h"
#include "targets/arm/tr_a32_vec.h"
#include "targets/arm/tr_simd.h"

/* Q registers have even numbers. */
static bool q_ok(struct tr_a32 *t, bool q, int regs)
{
    if (q && regs & 1)
        a32_undefined(t);
    return !(q && regs & 1);
}

static bool exists(struct tr_a32 *t, bool yes)
{
    if (!yes)
        a32_undefined(t);
    return yes;
}

/* An operation on equal shapes: what it leaves goes to d. */
static void op3(struct tr_a32 *t, enum arm_helper group, uint32_t what, bool q, int d, ir_ref n, ir_ref m)
{
    a32_put_vec(t, q, (unsigned)d, a32_vop(t, group, what | (uint32_t)q << 10, a32_vec(t, q, (unsigned)d), n, m));
}

static ir_ref vec(struct tr_a32 *t, bool q, int r) { return a32_vec(t, q, (unsigned)r); }
static ir_ref none(struct tr_a32 *t) { return ir_v128(a32_ir(t), 0, 0); }

enum { SINGLE = 2 };                                       /* size of floating-point lanes */

/* --- three registers, equal lanes ------------------------------------------------------------------------------------------ */

static bool same_exists(const struct tr_a32 *t, unsigned op, unsigned size, bool q)
{
    switch (op & 31) {
    case 0x01: case 0x05: case 0x08: case 0x09: case 0x0a: case 0x0b: case 0x10: return true;
    case 0x13: return op & 32 ? size == 0 : size != 3;
    case 0x14: case 0x15: return size != 3 && !q;
    case 0x16: return size == 1 || size == 2;
    case 0x17: return op & 32 ? a32_has(t, ARM_F_rdm) && (size == 1 || size == 2) : size != 3 && !q;
    default: return size != 3;
    }
}

static void sha(struct tr_a32 *t, const struct args_a32_n3same *a)
{
    static const uint8_t ops[] = { SIMD_SHA1C, SIMD_SHA1P, SIMD_SHA1M, SIMD_SHA1SU0, SIMD_SHA256H, SIMD_SHA256H2, SIMD_SHA256SU1 };
    unsigned op = (unsigned)(a->u << 2 | a->size);

    if (exists(t, a->q && op < 7 && a32_has(t, a->u ? ARM_F_sha2 : ARM_F_sha1)))
        op3(t, ARM_H_simd_crypto, ops[op], true, a->d, vec(t, true, a->n), vec(t, true, a->m));
}

/* VMLA and VMLS round the product, then the sum. */
static ir_ref chained(struct tr_a32 *t, bool q, ir_ref d, ir_ref n, ir_ref m, bool sub)
{
    uint32_t shape = SIMD_WHAT(0, 0, q) | SIMD_STANDARD;

    return a32_vop(t, ARM_H_simd_fp, shape | (sub ? 0x5a : 0x1a), none(t), d, a32_vop(t, ARM_H_simd_fp, shape | 0x3b, none(t), n, m));
}

/* op: U, opcode and the upper bit of size, as help_simd.h has them for A64. */
static bool fp_same_exists(const struct tr_a32 *t, unsigned op, bool q)
{
    switch (op) {
    case 0x19: case 0x59: return a32_has(t, ARM_F_vfp4);
    case 0x3a: case 0x3e: case 0x7e: return !q;
    case 0x3f: case 0x7f: return a32_has(t, ARM_F_v8);
    case 0x1a: case 0x5a: case 0x7a: case 0x1b: case 0x5b: case 0x3b: case 0x1c: case 0x3c: case 0x7c: case 0x3d: case 0x7d:
    case 0x1e: case 0x5e: case 0x1f: case 0x5f: return true;
    default: return false;
    }
}

static void fp_same(struct tr_a32 *t, const struct args_a32_n3same *a, unsigned op)
{
    ir_ref n, m;

    op |= a->size & 2 ? 64 : 0;
    if (!exists(t, !(a->size & 1) && fp_same_exists(t, op, a->q)))
        return;
    n = vec(t, a->q, a->n);
    m = vec(t, a->q, a->m);
    if ((op & 63) == 0x1b) {
        a32_put_vec(t, a->q, (unsigned)a->d, chained(t, a->q, vec(t, a->q, a->d), n, m, op & 64));
        return;
    }
    if ((op & 63) == 0x3f)                     /* VMAXNM, VMINNM */
        op = 0x18 | (op & 64);
    op3(t, ARM_H_simd_fp, SIMD_WHAT(op, 0, 0) | SIMD_STANDARD, a->q, a->d, n, m);
}

void tr_a32_n3same(struct tr_a32 *t, const struct args_a32_n3same *a)
{
    unsigned code = (unsigned)(a->opc << 1 | a->o1), op = code | (unsigned)a->u << 5, size = (unsigned)a->size;
    ir_ref n, m;

    if (!q_ok(t, a->q, a->d | a->n | a->m))
        return;
    if (code == 0x18) {
        sha(t, a);
        return;
    }
    if (code > 0x19 || op == 0x19) {
        fp_same(t, a, op);
        return;
    }
    if (op == 0x39)                            /* VQRDMLSH */
        op = 0x37;
    if (!exists(t, code == 3 || same_exists(t, op, size, a->q)))
        return;
    n = vec(t, a->q, a->n);
    m = vec(t, a->q, a->m);
    if (code == 3)
        a32_put_vec(t, a->q, (unsigned)a->d, simd_logic(a32_ir(t), (unsigned)a->u << 2 | size, vec(t, a->q, a->d), n, m));
    else if (op == 0x37)
        op3(t, ARM_H_simd_same, SIMD_WHAT(code == 0x17 ? 0x40 : 0x41, size, 0), a->q, a->d, n, m);
    else if (code >= 0x08 && code <= 0x0b)     /* the shift counts come first */
        op3(t, ARM_H_simd_same, SIMD_WHAT(op, size, 0), a->q, a->d, m, n);
    else
        op3(t, ARM_H_simd_same, SIMD_WHAT(op, size, 0), a->q, a->d, n, m);
}

void tr_a32_vdot(struct tr_a32 *t, const struct args_a32_vdot *a)
{
    if (q_ok(t, a->q, a->d | a->n | a->m))
        op3(t, ARM_H_simd_same, SIMD_WHAT(0x42 + a->u, 2, 0), a->q, a->d, vec(t, a->q, a->n), vec(t, a->q, a->m));
}

static ir_ref dup_lane(struct tr_a32 *t, unsigned d, unsigned bits, unsigned lane)
{
    return a32_dup(t, a32_lane(t, a32_vec(t, true, d), bits, lane + (d & 1) * 64 / bits), bits);
}

void tr_a32_vdot_lane(struct tr_a32 *t, const struct args_a32_vdot_lane *a)
{
    if (q_ok(t, a->q, a->d | a->n))
        op3(t, ARM_H_simd_same, SIMD_WHAT(0x42 + a->u, 2, 0), a->q, a->d, vec(t, a->q, a->n),
            dup_lane(t, (unsigned)a->m, 32, (unsigned)a->lane));
}

/* --- widening, narrowing -------------------------------------------------------------------------------------------------------- */

static void widening(struct tr_a32 *t, unsigned op, unsigned size, int d, ir_ref n, ir_ref m)
{
    a32_put_vec(t, true, (unsigned)d, a32_vop(t, ARM_H_simd_diff, SIMD_WHAT(op, size, 0), vec(t, true, d), n, m));
}

void tr_a32_n3diff(struct tr_a32 *t, const struct args_a32_n3diff *a)
{
    unsigned op = (unsigned)a->opc, size = (unsigned)a->size;
    bool doubling = op == 9 || op == 11 || op == 13, narrow = op == 4 || op == 6, wide_n = narrow || op == 1 || op == 3;
    ir_ref n, m, v;

    if (!q_ok(t, !narrow, a->d) || !q_ok(t, wide_n, a->n) || !q_ok(t, narrow, a->m) ||
        !exists(t, op != 15 && !(doubling && (a->u || !size)) &&
                   !(op == 14 && (a->u || size == 1 || (size == 2 && !a32_has(t, ARM_F_pmull))))))
        return;
    n = vec(t, wide_n, a->n);
    m = vec(t, narrow, a->m);
    if (op == 14 && size == 2) {
        v = ir_emit(a32_ir(t), IR_OP_vclmul, IR_V128, 0, 0, n, m, 0, 0);
        a32_put_vec(t, true, (unsigned)a->d, v);
    } else if (narrow) {
        v = a32_vop(t, ARM_H_simd_diff, SIMD_WHAT(op | (unsigned)a->u << 5, size, 0), none(t), n, m);
        a32_put_vec(t, false, (unsigned)a->d, v);
    } else {
        widening(t, op | (unsigned)a->u << 5, size, a->d, n, m);
    }
}

/* With one lane of m; bit 24 is Q, or U of the widening ones. */
void tr_a32_n2scalar(struct tr_a32 *t, const struct args_a32_n2scalar *a)
{
    static const uint8_t same[16] = { [0] = 0x12, [4] = 0x32, [8] = 0x13, [12] = 0x16, [13] = 0x36, [14] = 0x40, [15] = 0x41 };
    static const uint8_t diff[12] = { [2] = 8, [3] = 9, [6] = 10, [7] = 11, [10] = 12, [11] = 13 };
    unsigned op = (unsigned)a->opc, size = (unsigned)a->size;
    bool fp = op == 1 || op == 5 || op == 9, longer = op < 12 && diff[op], q = a->u && !longer;
    ir_ref n, m, v;

    if (!exists(t, size && !(fp && size != SINGLE) && !(longer && op & 1 && a->u) && !(op >= 14 && !a32_has(t, ARM_F_rdm))) ||
        !q_ok(t, q || longer, a->d) || !q_ok(t, q, a->n))
        return;
    n = vec(t, q, a->n);
    m = size == 1 ? dup_lane(t, a->m & 7, 16, (unsigned)a->m >> 3) : dup_lane(t, a->m & 15, 32, (unsigned)a->m >> 4);
    if (longer) {
        widening(t, diff[op] | (unsigned)a->u << 5, size, a->d, n, m);
    } else if (op == 9) {
        op3(t, ARM_H_simd_fp, SIMD_WHAT(0x3b, 0, 0) | SIMD_STANDARD, q, a->d, n, m);
    } else if (fp) {
        v = chained(t, q, vec(t, q, a->d), n, m, op == 5);
        a32_put_vec(t, q, (unsigned)a->d, v);
    } else {
        op3(t, ARM_H_simd_same, SIMD_WHAT(same[op], size, 0), q, a->d, n, m);
    }
}

/* --- two registers ----------------------------------------------------------------------------------------------------------------- */

static void misc(struct tr_a32 *t, const struct args_a32_n2misc *a, unsigned op, bool yes)
{
    if (exists(t, yes) && q_ok(t, a->q, a->d | a->m))
        op3(t, ARM_H_simd_misc, SIMD_WHAT(op, a->size, 0), a->q, a->d, vec(t, a->q, a->m), none(t));
}

static void fp_misc(struct tr_a32 *t, const struct args_a32_n2misc *a, unsigned op, bool yes)
{
    if (exists(t, yes && a->size == SINGLE) && q_ok(t, a->q, a->d | a->m))
        op3(t, ARM_H_simd_fp_misc, SIMD_WHAT(op, 0, 0) | SIMD_STANDARD, a->q, a->d, vec(t, a->q, a->m), none(t));
}

static void crypto(struct tr_a32 *t, const struct args_a32_n2misc *a, enum simd_crypto op, unsigned feature, int size)
{
    if (exists(t, a->size == size && a32_has(t, feature)) && q_ok(t, true, a->d | a->m))
        op3(t, ARM_H_simd_crypto, op, true, a->d, vec(t, true, a->m), none(t));
}

/* opc1 00: reversals, pairwise sums, AES, counts. */
static void misc0(struct tr_a32 *t, const struct args_a32_n2misc *a)
{
    static const uint8_t ops[16] = { 0x00, 0x20, 0x01, 0, 0x02, 0x22, 0, 0, 0x04, 0x24, 0x05, 0x25, 0x06, 0x26, 0x07, 0x27 };
    unsigned op = (unsigned)a->opc2;

    if (op == 6 || op == 7)
        crypto(t, a, SIMD_AESE + (op & 1) * 2 + (unsigned)a->q, ARM_F_aes, 0);
    else
        misc(t, a, ops[op], op != 3 && a->size <= (op < 3 ? 2 - (int)op : op == 10 || op == 11 ? 0 : 2));
}

/* opc1 01: comparisons with zero, absolute value, negation. */
static void misc1(struct tr_a32 *t, const struct args_a32_n2misc *a)
{
    static const uint8_t ops[] = { 0x08, 0x28, 0x09, 0x29, 0x0a, 0, 0x0b, 0x2b }, fp_ops[] = { 0x4c, 0x6c, 0x4d, 0x6d, 0x4e };
    unsigned op = (unsigned)a->opc2;

    if (op == 5) {
        if (exists(t, a->q))
            crypto(t, a, SIMD_SHA1H, ARM_F_sha1, 2);
    } else if (op < 8) {
        misc(t, a, ops[op], a->size != 3);
    } else if (op < 13) {
        fp_misc(t, a, fp_ops[op - 8], true);
    } else if (exists(t, op != 13 && a->size == SINGLE) && q_ok(t, a->q, a->d | a->m)) {
        uint64_t sign = UINT64_C(0x8000000080000000), mask = op == 14 ? ~sign : sign;      /* VABS, VNEG: the sign alone */

        a32_put_vec(t, a->q, (unsigned)a->d, ir_emit(a32_ir(t), op == 14 ? IR_OP_vand : IR_OP_vxor, IR_V128, 0, 0,
                                                     vec(t, a->q, a->m), ir_v128(a32_ir(t), mask, mask), 0, 0));
    }
}

/* VSWP, VTRN, VUZP, VZIP: both registers change. */
static void exchange(struct tr_a32 *t, const struct args_a32_n2misc *a)
{
    static const uint8_t first[] = { 0, SIMD_TRN1, SIMD_UZP1, SIMD_ZIP1 }, second[] = { 0, SIMD_TRN2, SIMD_UZP2, SIMD_ZIP2 };
    unsigned op = (unsigned)a->opc2;
    ir_ref d, m, v, w;

    if (!exists(t, op == 0 ? a->size == 0 : a->size < (op == 1 || a->q ? 3 : 2)) || !q_ok(t, a->q, a->d | a->m))
        return;
    d = vec(t, a->q, a->d);
    m = vec(t, a->q, a->m);
    v = op ? a32_vop(t, ARM_H_simd_perm, SIMD_WHAT(first[op], a->size, a->q), none(t), d, m) : m;
    w = op ? a32_vop(t, ARM_H_simd_perm, SIMD_WHAT(second[op], a->size, a->q), none(t), d, m) : d;
    a32_put_vec(t, a->q, (unsigned)a->d, v);
    a32_put_vec(t, a->q, (unsigned)a->m, w);
}

/* Q to D. */
static void narrow(struct tr_a32 *t, enum arm_helper group, uint32_t what, int d, int m)
{
    a32_put_vec(t, false, (unsigned)d, a32_vop(t, group, what, none(t), vec(t, true, m), none(t)));
}

/* D to Q. */
static void lengthen(struct tr_a32 *t, enum arm_helper group, uint32_t what, int d, int m)
{
    a32_put_vec(t, true, (unsigned)d, a32_vop(t, group, what, none(t), vec(t, false, m), none(t)));
}

/* opc1 10: exchanges, narrowing, rounding. */
static void misc2(struct tr_a32 *t, const struct args_a32_n2misc *a)
{
    static const uint8_t rounding[] = { 0x18, 0x39, 0x38, 0x59, 0, 0x19, 0, 0x58 };
    unsigned op = (unsigned)a->opc2;
    bool half = !a->q && a->size == 1 && a32_has(t, ARM_F_vfphp);

    switch (op) {
    case 0: case 1: case 2: case 3: exchange(t, a); break;
    case 4: case 5:
        if (exists(t, a->size != 3) && q_ok(t, true, a->m))
            narrow(t, ARM_H_simd_misc, SIMD_WHAT((op == 4 ? 0x12 : 0x14) | a->q << 5, a->size, 0), a->d, a->m);
        break;
    case 6:
        if (exists(t, a->size != 3 && !a->q) && q_ok(t, true, a->d))
            lengthen(t, ARM_H_simd_misc, SIMD_WHAT(0x33, a->size, 0), a->d, a->m);
        break;
    case 7: crypto(t, a, a->q ? SIMD_SHA256SU0 : SIMD_SHA1SU1, a->q ? ARM_F_sha2 : ARM_F_sha1, 2); break;
    case 12:
        if (exists(t, half) && q_ok(t, true, a->m))
            narrow(t, ARM_H_simd_fp_misc, SIMD_WHAT(0x16, 0, 0) | SIMD_STANDARD, a->d, a->m);
        break;
    case 14:
        if (exists(t, half) && q_ok(t, true, a->d))
            lengthen(t, ARM_H_simd_fp_misc, SIMD_WHAT(0x17, 0, 0) | SIMD_STANDARD, a->d, a->m);
        break;
    default: fp_misc(t, a, rounding[op - 8], a32_has(t, ARM_F_v8)); break;
    }
}

/* opc1 11: conversions, estimates. */
static void misc3(struct tr_a32 *t, const struct args_a32_n2misc *a)
{
    static const uint8_t ops[16] = { 0x1c, 0x3c, 0x1a, 0x3a, 0x5a, 0x7a, 0x1b, 0x3b, 0x5c, 0x7c, 0x5d, 0x7d, 0x1d, 0x3d, 0x5b, 0x7b };

    fp_misc(t, a, ops[a->opc2], a->opc2 >= 8 || a32_has(t, ARM_F_v8));
}

void tr_a32_n2misc(struct tr_a32 *t, const struct args_a32_n2misc *a)
{
    static void (*const by_opc1[])(struct tr_a32 *, const struct args_a32_n2misc *) = { misc0, misc1, misc2, misc3 };

    by_opc1[a->opc1](t, a);
}

/* --- shifts by an immediate ------------------------------------------------------------------------------------------------------------ */

static bool shift_exists(const struct args_a32_nshift *a, unsigned size)
{
    switch (a->opc) {
    case 4: case 6: return a->u;
    case 8: case 9: return size != 3;
    case 10: return size != 3 && !a->q;
    case 14: case 15: return size == 2;
    default: return a->opc < 8;
    }
}

void tr_a32_nshift(struct tr_a32 *t, const struct args_a32_nshift *a)
{
    unsigned imm = (unsigned)a->imm, size, op = (unsigned)a->opc << 1 | (unsigned)a->u << 5, count, bits;
    bool left = a->opc == 5 || a->opc == 6 || a->opc == 7 || a->opc == 10, half_q = a->opc == 8 || a->opc == 9;

    if (!exists(t, imm >> 3))
        return;
    size = 31 - (unsigned)__builtin_clz(imm >> 3);
    bits = 8u << size;
    count = left ? imm - bits : 2 * bits - imm;
    if (!exists(t, shift_exists(a, size)))
        return;
    if (half_q) {                              /* Q says rounding */
        if (q_ok(t, true, a->m))
            narrow(t, ARM_H_simd_shift, SIMD_WHAT(op | (unsigned)a->q, size, 0) | count << SIMD_COUNT_SHIFT, a->d, a->m);
    } else if (a->opc == 10) {
        if (q_ok(t, true, a->d))
            lengthen(t, ARM_H_simd_shift, SIMD_WHAT(op, size, 0) | count << SIMD_COUNT_SHIFT, a->d, a->m);
    } else if (q_ok(t, a->q, a->d | a->m)) {
        if (a->opc >= 14)
            op3(t, ARM_H_simd_fp_misc, SIMD_WHAT((a->opc == 14 ? 0x1d : 0x5b) | a->u << 5, 0, 0) | SIMD_STANDARD |
                count << SIMD_COUNT_SHIFT, a->q, a->d, vec(t, a->q, a->m), none(t));
        else
            op3(t, ARM_H_simd_shift, SIMD_WHAT(op, size, 0) | count << SIMD_COUNT_SHIFT, a->q, a->d, vec(t, a->q, a->m), none(t));
    }
}

/* --- immediates, permutations ------------------------------------------------------------------------------------------------------------ */

void tr_a32_nmovi(struct tr_a32 *t, const struct args_a32_nmovi *a)
{
    unsigned cmode = (unsigned)a->cmode;
    bool onto = cmode < 12 && cmode & 1;       /* VORR, VBIC */
    uint64_t imm;
    ir_ref v;

    if (!exists(t, !(a->op && cmode == 15)) || !q_ok(t, a->q, a->d))
        return;
    imm = simd_expand_imm((unsigned)a->op, cmode, (uint64_t)a->imm);
    if (a->op && cmode < 14)
        imm = ~imm;
    v = ir_v128(a32_ir(t), imm, imm);
    if (onto)
        v = ir_bin(a32_ir(t), a->op ? IR_OP_vand : IR_OP_vor, vec(t, a->q, a->d), v);
    a32_put_vec(t, a->q, (unsigned)a->d, v);
}

void tr_a32_next(struct tr_a32 *t, const struct args_a32_next *a)
{
    if (exists(t, a->q || a->imm < 8) && q_ok(t, a->q, a->d | a->n | a->m))
        op3(t, ARM_H_simd_perm, SIMD_WHAT(SIMD_EXT, 0, 0) | (uint32_t)a->imm << SIMD_COUNT_SHIFT, a->q, a->d,
            vec(t, a->q, a->n), vec(t, a->q, a->m));
}

void tr_a32_ndup_lane(struct tr_a32 *t, const struct args_a32_ndup_lane *a)
{
    unsigned size;

    if (!exists(t, a->imm & 7) || !q_ok(t, a->q, a->d))
        return;
    size = (unsigned)__builtin_ctz((unsigned)a->imm);
    a32_put_vec(t, a->q, (unsigned)a->d, dup_lane(t, (unsigned)a->m, 8u << size, (unsigned)a->imm >> (size + 1)));
}

/* One to four D registers from n on are the table; what is missing of the second pair is zero. VTBX must keep its target for
 * an index into that: such an index is made larger. */
void tr_a32_ntbl(struct tr_a32 *t, const struct args_a32_ntbl *a)
{
    struct ir *ir = a32_ir(t);
    unsigned n = (unsigned)a->n, len = (unsigned)a->len;
    ir_ref part[4], index, lo, hi, top;

    if (!exists(t, n + len < 32))
        return;
    for (unsigned i = 0; i < 4; i++)
        part[i] = i <= len ? a32_d64(t, n + i) : ir_i64(ir, 0);
    lo = ir_emit(ir, IR_OP_vpair, IR_V128, 0, 0, part[0], part[1], 0, 0);
    hi = ir_emit(ir, IR_OP_vpair, IR_V128, 0, 0, part[2], part[3], 0, 0);
    index = vec(t, false, a->m);
    if (a->op && len < 3) {
        uint64_t signs = UINT64_C(0x8080808080808080), last = ((len + 1) * 8 - 1) * UINT64_C(0x0101010101010101) ^ signs;

        top = ir_emit(ir, IR_OP_vxor, IR_V128, 0, 0, index, ir_v128(ir, signs, signs), 0, 0);
        top = ir_emit(ir, IR_OP_vcmpgt, IR_V128, 8, 0, top, ir_v128(ir, last, last), 0, 0);
        index = ir_emit(ir, IR_OP_vor, IR_V128, 0, 0, index, top, 0, 0);
    }
    a32_put_vec(t, false, (unsigned)a->d, a32_table(t, a->op, vec(t, false, a->d), lo, hi, index));
}

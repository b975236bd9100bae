/* targets/arm/tr_simd.c - vector operations as values, for A64 and AArch32. */
#include "targets/arm/tr_simd.h"

#include "targets/arm/tr_simd_i.h"

ir_ref simd_logic(struct ir *ir, unsigned which, ir_ref d, ir_ref n, ir_ref m)
{
    const struct lower x = { .ir = ir };

    switch (which) {
    case 0: return vand(&x, n, m);
    case 1: return vandn(&x, n, m);
    case 2: return n == m ? n : vor(&x, n, m);
    case 3: return vor(&x, n, vnot(&x, m));
    case 4: return n == m ? vzero(&x) : vxor(&x, n, m);
    case 5: return vbsl(&x, d, n, m);          /* BSL: the target selects */
    case 6: return vbsl(&x, m, n, d);          /* BIT: where m is set, n comes in */
    default: return vbsl(&x, m, d, n);
    }
}

ir_ref simd_lower(struct ir *ir, enum arm_helper group, uint32_t what, unsigned fp, ir_ref d, ir_ref n, ir_ref m)
{
    unsigned index = what >> SIMD_INDEX_SHIFT & 255;
    struct lower x = { .ir = ir, .what = what, .op = what & 255, .bits = 8u << (what >> 8 & 3), .count = what >> SIMD_COUNT_SHIFT,
                       .u = what & 32, .q = what >> 10 & 1, .scalar = what & SIMD_SCALAR, .upper = what & SIMD_UPPER, .fp = fp,
                       .d = d, .n = n, .m = m };
    bool is_fp = group == ARM_H_simd_fp || group == ARM_H_simd_fp_misc;

    if (is_fp && what & SIMD_STANDARD && x.op % 32 != 0x0f)
        return IR_NONE;
    if (is_fp && (what >> 8 & 3) == 2)
        return IR_NONE;                        /* half precision */
    if (is_fp)
        x.bits = what >> 8 & 1 ? 64 : 32;
    if (index)                                 /* one lane of m with all */
        x.m = simd_dup_lane(ir, group == ARM_H_simd_same && x.op >= 0x42 ? 32 : x.bits, index - 1, m);
    switch (group) {
    case ARM_H_simd_same: return simd_lower_same(&x);
    case ARM_H_simd_misc: return simd_lower_misc(&x);
    case ARM_H_simd_diff: return simd_lower_diff(&x);
    case ARM_H_simd_across: return simd_lower_across(&x);
    case ARM_H_simd_shift: return simd_lower_shift(&x);
    case ARM_H_simd_perm: return simd_lower_perm(&x);
    case ARM_H_simd_fp: return simd_lower_fp(&x);
    case ARM_H_simd_fp_misc: return simd_lower_fp_misc(&x);
    case ARM_H_simd_crypto: return simd_lower_crypto(&x);
    default: return IR_NONE;
    }
}

/* Narrowing operations of the group fill half a register, widening ones the whole. */
static unsigned lengths_bits(uint32_t what, bool narrows)
{
    unsigned bits = 8u << (what >> 8 & 3);

    if (what & SIMD_SCALAR)
        return narrows ? bits : 2 * bits;
    return narrows && !(what & SIMD_UPPER) ? 64 : 128;
}

unsigned simd_result_bits(enum arm_helper group, uint32_t what)
{
    unsigned op = what & 255, low = op & 31, bits = 8u << (what >> 8 & 3);
    bool fp = group == ARM_H_simd_fp || group == ARM_H_simd_fp_misc;

    if (group == ARM_H_simd_crypto)
        return 128;
    if (group == ARM_H_simd_diff)
        return lengths_bits(what, low % 16 == 4 || low % 16 == 6);
    if (group == ARM_H_simd_misc && (op == 0x12 || op == 0x32 || op == 0x14 || op == 0x34 || op == 0x33))
        return lengths_bits(what, op != 0x33);
    if (group == ARM_H_simd_shift && low >= 0x10 && low <= 0x14)
        return lengths_bits(what, low != 0x14);
    if (group == ARM_H_simd_across)
        return low == 3 ? 2 * bits : bits;
    if (fp)
        bits = (what >> 8 & 3) == 2 ? 16 : what >> 8 & 1 ? 64 : 32;
    if (group == ARM_H_simd_fp_misc && op & 128)
        return bits;
    if (group == ARM_H_simd_fp_misc && (low == 0x16 || low == 0x17))
        return low == 0x17 || what & SIMD_UPPER ? 128 : what & SIMD_SCALAR ? 32 : 64;
    if (what & SIMD_SCALAR)
        return bits;
    return what >> 10 & 1 ? 128 : 64;
}

uint64_t simd_expand_imm(unsigned op, unsigned cmode, uint64_t imm8)
{
    uint64_t v;

    switch (cmode >> 1) {
    case 0: case 1: case 2: case 3:
        v = imm8 << 8 * (cmode >> 1);
        return v | v << 32;
    case 4: case 5:
        v = imm8 << 8 * (cmode >> 1 & 1);
        v |= v << 16;
        return v | v << 32;
    case 6:
        v = cmode & 1 ? imm8 << 16 | 0xffff : imm8 << 8 | 0xff;
        return v | v << 32;
    default:
        if (!(cmode & 1) && !op)
            return imm8 * UINT64_C(0x0101010101010101);
        if (!(cmode & 1)) {
            v = 0;
            for (unsigned i = 0; i < 8; i++)
                v |= imm8 >> i & 1 ? UINT64_C(0xff) << 8 * i : 0;
            return v;
        }
        if (!op) {
            v = (imm8 >> 7) << 31 | (imm8 & 0x40 ? UINT64_C(0x1f) << 25 : UINT64_C(1) << 30) | (imm8 & 0x3f) << 19;
            return v | v << 32;
        }
        return (imm8 >> 7) << 63 | (imm8 & 0x40 ? UINT64_C(0xff) << 54 : UINT64_C(1) << 62) | (imm8 & 0x3f) << 48;
    }
}

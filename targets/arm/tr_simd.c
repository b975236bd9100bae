/* targets/arm/tr_simd.c - vector operations as values, for A64 and AArch32. */
#include "targets/arm/tr_simd.h"

#include "targets/arm/help_simd.h"

static ir_ref vbin(struct ir *ir, enum ir_op op, unsigned bits, ir_ref a, ir_ref b)
{
    return ir_emit(ir, op, IR_V128, bits, 0, a, b, 0, 0);
}

static ir_ref vnot(struct ir *ir, ir_ref a) { return ir_emit(ir, IR_OP_vnot, IR_V128, 0, 0, a, 0, 0, 0); }

ir_ref simd_logic(struct ir *ir, unsigned which, ir_ref d, ir_ref n, ir_ref m)
{
    switch (which) {
    case 0: return vbin(ir, IR_OP_vand, 0, n, m);
    case 1: return vbin(ir, IR_OP_vandn, 0, n, m);
    case 2: return vbin(ir, IR_OP_vor, 0, n, m);
    case 3: return vbin(ir, IR_OP_vor, 0, n, vnot(ir, m));
    case 4: return vbin(ir, IR_OP_vxor, 0, n, m);
    case 5:                                    /* BSL: the target selects */
        return vbin(ir, IR_OP_vxor, 0, vbin(ir, IR_OP_vand, 0, vbin(ir, IR_OP_vxor, 0, n, m), d), m);
    case 6:                                    /* BIT: where m is set, n comes in */
        return vbin(ir, IR_OP_vxor, 0, vbin(ir, IR_OP_vand, 0, vbin(ir, IR_OP_vxor, 0, d, n), m), d);
    default:
        return vbin(ir, IR_OP_vxor, 0, vbin(ir, IR_OP_vandn, 0, vbin(ir, IR_OP_vxor, 0, d, n), m), d);
    }
}

static ir_ref same(struct ir *ir, unsigned op, unsigned bits, ir_ref d, ir_ref n, ir_ref m)
{
    bool mul = bits == 16 || bits == 32;

    switch (op) {
    case 0x06: return vbin(ir, IR_OP_vcmpgt, bits, n, m);
    case 0x10: return vbin(ir, IR_OP_vadd, bits, n, m);
    case 0x30: return vbin(ir, IR_OP_vsub, bits, n, m);
    case 0x31: return vbin(ir, IR_OP_vcmpeq, bits, n, m);
    case 0x13: return mul ? vbin(ir, IR_OP_vmul, bits, n, m) : IR_NONE;
    case 0x12: return mul ? vbin(ir, IR_OP_vadd, bits, d, vbin(ir, IR_OP_vmul, bits, n, m)) : IR_NONE;
    case 0x32: return mul ? vbin(ir, IR_OP_vsub, bits, d, vbin(ir, IR_OP_vmul, bits, n, m)) : IR_NONE;
    case 0x07: return vnot(ir, vbin(ir, IR_OP_vcmpgt, bits, m, n));
    default: return IR_NONE;
    }
}

static ir_ref misc(struct ir *ir, unsigned op, unsigned bits, ir_ref n)
{
    ir_ref zero = ir_v128(ir, 0, 0);

    switch (op) {
    case 0x08: return vbin(ir, IR_OP_vcmpgt, bits, n, zero);
    case 0x09: return vbin(ir, IR_OP_vcmpeq, bits, n, zero);
    case 0x0a: return vbin(ir, IR_OP_vcmpgt, bits, zero, n);
    case 0x2b: return vbin(ir, IR_OP_vsub, bits, zero, n);
    case 0x25: return vnot(ir, n);
    default: return IR_NONE;
    }
}

static ir_ref vshift(struct ir *ir, enum ir_op op, unsigned bits, ir_ref v, unsigned by)
{
    return ir_emit(ir, op, IR_V128, bits, by, v, 0, 0, 0);
}

static ir_ref shift(struct ir *ir, unsigned op, unsigned bits, unsigned count, ir_ref d, ir_ref n)
{
    if (bits == 8 || (bits == 64 && op == 0) || count >= bits)
        return IR_NONE;
    switch (op) {
    case 0x00: return vshift(ir, IR_OP_vsar, bits, n, count);
    case 0x20: return vshift(ir, IR_OP_vshr, bits, n, count);
    case 0x22: return vbin(ir, IR_OP_vadd, bits, d, vshift(ir, IR_OP_vshr, bits, n, count));
    case 0x0a: return vshift(ir, IR_OP_vshl, bits, n, count);
    default: return IR_NONE;
    }
}

ir_ref simd_lower(struct ir *ir, enum arm_helper group, uint32_t what, unsigned fp, ir_ref d, ir_ref n, ir_ref m)
{
    unsigned op = what & 255, bits = 8u << (what >> 8 & 3);

    (void)fp;
    if (what >> SIMD_INDEX_SHIFT & 255)
        return IR_NONE;
    switch (group) {
    case ARM_H_simd_same: return same(ir, op, bits, d, n, m);
    case ARM_H_simd_misc: return misc(ir, op, bits, n);
    case ARM_H_simd_shift: return shift(ir, op, bits, what >> SIMD_COUNT_SHIFT, d, n);
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
        bits = what >> 8 & 1 ? 64 : 32;
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

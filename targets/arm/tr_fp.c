/* targets/arm/tr_fp.c - scalar floating point as IR, for A64 and AArch32. */
#include "targets/arm/tr_fp.h"

/* Less 1000, equal 0110, greater 0010, unordered 0011. */
ir_ref fp_compare(struct ir *ir, ir_ref n, ir_ref m, bool signalling)
{
    ir_ref lt = ir_fcmp(ir, IR_I32, signalling ? IR_FLT : IR_FLTQ, n, m), eq = ir_fcmp(ir, IR_I32, IR_FEQ, n, m);
    ir_ref un = ir_fcmp(ir, IR_I32, IR_FUN, n, m), none = ir_i32(ir, 0), v = ir_i32(ir, 2u << 28);

    v = ir_select(ir, IR_NE, un, none, ir_i32(ir, 3u << 28), v);
    v = ir_select(ir, IR_NE, eq, none, ir_i32(ir, 6u << 28), v);
    return ir_select(ir, IR_NE, lt, none, ir_i32(ir, 8u << 28), v);
}

uint64_t fp_expand_imm(bool dbl, uint64_t imm8)
{
    if (dbl)
        return (imm8 >> 7) << 63 | (imm8 & 0x40 ? UINT64_C(0xff) << 54 : UINT64_C(1) << 62) | (imm8 & 0x3f) << 48;
    return (imm8 >> 7) << 31 | (imm8 & 0x40 ? UINT64_C(0x1f) << 25 : UINT64_C(1) << 30) | (imm8 & 0x3f) << 19;
}

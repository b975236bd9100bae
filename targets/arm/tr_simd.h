/* targets/arm/tr_simd.h - vector operations as values: what A64's AdvSIMD and AArch32's share.
 *
 * An operation has the name that its helper has (help_simd.h): group, one of ARM_H_simd_*, and `what`. simd_lower() is the
 * one place that knows which of them the IR can do itself; the others are the helper's. */
#ifndef TARGETS_ARM_TR_SIMD_H
#define TARGETS_ARM_TR_SIMD_H

#include <stdbool.h>
#include <stdint.h>

#include "targets/arm/help.h"
#include "tcg/ir/ir.h"

/**
 * simd_lower - an operation on whole registers as IR.
 * @group: ARM_H_simd_same and its kin, without a register
 * @what:  operation and shape as in help_simd.h
 * @fp:    aux bits of enum ir_fp for floating point: rounding and NaN rule
 * @d, @n, @m: v128 values of the target's old content and the operands; m is ignored where there is one operand
 *
 * Returns a v128 of which the low simd_result_bits() count and the others are anything, or IR_NONE if it must go to the
 * helper. The operation exists: the caller has checked its encoding.
 */
ir_ref simd_lower(struct ir *ir, enum arm_helper group, uint32_t what, unsigned fp, ir_ref d, ir_ref n, ir_ref m);

/** simd_result_bits - how much of the target an operation fills: 8 to 64 (a lane, for the scalar forms), or 128. */
unsigned simd_result_bits(enum arm_helper group, uint32_t what);

/** simd_logic - AND BIC ORR ORN EOR BSL BIT BIF, numbered as the instructions' U:size. */
ir_ref simd_logic(struct ir *ir, unsigned which, ir_ref d, ir_ref n, ir_ref m);

/** simd_dup_lane - lane k of v, of so many bits, in every lane. */
ir_ref simd_dup_lane(struct ir *ir, unsigned bits, unsigned k, ir_ref v);

/**
 * simd_table - bytes of 1 to 4 registers by index (TBL); old: what stays where an index is out of range (TBX), else zero.
 */
ir_ref simd_table(struct ir *ir, const ir_ref *regs, unsigned nregs, ir_ref index, ir_ref old);

/**
 * simd_deinterleave - structures of n (2, 3, 4) lanes of so many bits, one register for each place of a structure.
 * @q: whole registers, else halves
 * @v: in: memory's bytes in registers, the last one half full when n is odd and registers are halves; out: n registers
 * simd_interleave is the way back.
 */
void simd_deinterleave(struct ir *ir, unsigned bits, unsigned n, bool q, ir_ref *v);
void simd_interleave(struct ir *ir, unsigned bits, unsigned n, bool q, ir_ref *v);

/** simd_aes, simd_aesmc, simd_aesimc - AESE and AESD, AESMC, AESIMC. */
ir_ref simd_aes(struct ir *ir, ir_ref d, ir_ref n, bool decrypt);
ir_ref simd_aesmc(struct ir *ir, ir_ref n);
ir_ref simd_aesimc(struct ir *ir, ir_ref n);

/** simd_expand_imm - the 64-bit pattern of a modified immediate (DDI 0487, AdvSIMDExpandImm). */
uint64_t simd_expand_imm(unsigned op, unsigned cmode, uint64_t imm8);

#endif

/* targets/arm/tr_fp.h - scalar floating point as IR: what A64 and AArch32 share. */
#ifndef TARGETS_ARM_TR_FP_H
#define TARGETS_ARM_TR_FP_H

#include <stdbool.h>
#include <stdint.h>

#include "tcg/ir/ir.h"

/** fp_compare - NZCV (i32, bits 31 to 28) of comparing two floats; signalling: a quiet NaN is invalid too. */
ir_ref fp_compare(struct ir *ir, ir_ref n, ir_ref m, bool signalling);

/** fp_expand_imm - the number that eight bits stand for (DDI 0487, VFPExpandImm), as bits of a single or double. */
uint64_t fp_expand_imm(bool dbl, uint64_t imm8);

#endif

/* targets/arm/help_simd.h - AdvSIMD operations that are done by C functions on whole registers.
 *
 * What an operation is comes in two words: `what` has the operation and the shape of its lanes, `regs` the registers. */
#ifndef TARGETS_ARM_HELP_SIMD_H
#define TARGETS_ARM_HELP_SIMD_H

#include <stdint.h>

struct cpu_env;

/* what: bits 0-7 operation (U and opcode as the instruction has them, or an enum of the group), 8-9 log2 of the lane's
 * bytes, 10 the whole register (Q), 11 scalar: one lane, 12 second half (the "2" forms), 13 by the
 * standard FPSCR value of AArch32's Advanced SIMD: default NaN, flush to zero, round to nearest; 16-23 index + 1 of the one lane of
 * Rm that all use, 24-31 a shift count */
#define SIMD_WHAT(op, size, q) ((uint32_t)(op) | (uint32_t)(size) << 8 | (uint32_t)(q) << 10)
enum { SIMD_SCALAR = 1 << 11, SIMD_UPPER = 1 << 12, SIMD_STANDARD = 1 << 13, SIMD_INDEX_SHIFT = 16, SIMD_COUNT_SHIFT = 24 };
#define SIMD_REGS(d, n, m) ((uint32_t)(d) | (uint32_t)(n) << 8 | (uint32_t)(m) << 16)

void arm_help_simd_same(struct cpu_env *c, uint32_t what, uint32_t regs);      /* three registers, equal lanes */
void arm_help_simd_misc(struct cpu_env *c, uint32_t what, uint32_t regs);      /* two registers */
void arm_help_simd_diff(struct cpu_env *c, uint32_t what, uint32_t regs);      /* widening and narrowing */
void arm_help_simd_across(struct cpu_env *c, uint32_t what, uint32_t regs);
void arm_help_simd_shift(struct cpu_env *c, uint32_t what, uint32_t regs);     /* by an immediate */
void arm_help_simd_perm(struct cpu_env *c, uint32_t what, uint32_t regs);      /* zip, uzp, trn, ext, tbl, tbx */
void arm_help_simd_fp(struct cpu_env *c, uint32_t what, uint32_t regs);        /* three registers, floating point */
void arm_help_simd_fp_misc(struct cpu_env *c, uint32_t what, uint32_t regs);   /* one or two, floating point */
void arm_help_simd_crypto(struct cpu_env *c, uint32_t what, uint32_t regs);

enum simd_perm { SIMD_UZP1 = 1, SIMD_TRN1, SIMD_ZIP1, SIMD_UZP2 = 5, SIMD_TRN2, SIMD_ZIP2, SIMD_EXT, SIMD_TBL, SIMD_TBX };
enum simd_crypto { SIMD_SHA1C, SIMD_SHA1P, SIMD_SHA1M, SIMD_SHA1SU0, SIMD_SHA256H, SIMD_SHA256H2, SIMD_SHA256SU1,
                   SIMD_SHA1H = 8, SIMD_SHA1SU1, SIMD_SHA256SU0, SIMD_AESE, SIMD_AESD, SIMD_AESMC, SIMD_AESIMC };

uint64_t arm_help_fcvt_half(struct cpu_env *c, uint64_t bits, uint32_t how);
enum { FCVT_H_TO_S, FCVT_H_TO_D, FCVT_S_TO_H, FCVT_D_TO_H, FCVT_H_OPERAND /* to single, whatever AHP says */ };
/* how: bits 0-6 fraction bits, 11-13 rounding (round_by() in help_fp.c), and these */
uint64_t arm_help_half_fma(struct cpu_env *c, uint64_t n, uint64_t m, uint64_t acc, uint32_t what);
uint64_t arm_help_fp_fixed(struct cpu_env *c, uint64_t bits, uint32_t how);
enum { FP_FIXED_UNSIGNED = 128, FP_FIXED_DOUBLE = 256, FP_FIXED_64 = 512, FP_FIXED_TO_INTEGER = 1024, FP_FIXED_ROUND_SHIFT = 11,
       FP_FIXED_16 = 1 << 14, FP_FIXED_HALF = 1 << 15 };

/* help_ext.c. Of FCMLA and FCADD the quarter turns, of the half products what help_ext.c says, are added. */
enum simd_ext { EXT_FCMLA, EXT_FCADD = 4, EXT_FMLAL = 8, EXT_SMMLA = 12, EXT_UMMLA, EXT_USMMLA, EXT_SHA512H, EXT_SHA512H2,
                EXT_SHA512SU0, EXT_SHA512SU1, EXT_BFDOT, EXT_BFMMLA, EXT_BFMLAL, EXT_BFMLALT, EXT_BFCVTN, EXT_BFCVT };
/* help_bf16.c: those from EXT_BFDOT on. */
void arm_bf16(struct cpu_env *c, uint32_t what, uint32_t regs);
void arm_help_simd_ext(struct cpu_env *c, uint32_t what, uint32_t regs);
uint64_t arm_help_fjcvtzs(struct cpu_env *c, uint64_t bits);

#endif

/* tcg/host/x86_64/soft.h - operations in C: for processors without the instruction, and for what no processor has.
 *
 * Called by generated code (x64_libcall): the guest's rounding mode is in MXCSR, and flags raised here are the guest's.
 * Results of 32 bits come zero-extended. */
#ifndef TCG_HOST_X86_64_SOFT_H
#define TCG_HOST_X86_64_SOFT_H

#include <stdint.h>

struct cpu_env;

uint64_t soft_popcnt32(uint32_t a);
uint64_t soft_popcnt64(uint64_t a);
uint64_t soft_brev8(uint64_t a);
uint64_t soft_clmul(uint64_t a, uint64_t b);
uint64_t soft_clmulh(uint64_t a, uint64_t b);
uint64_t soft_crc32(uint32_t acc, uint64_t data, unsigned bytes);
uint64_t soft_crc32c(uint32_t acc, uint64_t data, unsigned bytes);

/* Rounding to nearest, ties away from zero (RISC-V RMM). op: an IR_OP_ number: fadd fsub fmul fdiv; fcvt narrows a. */
double   soft_rmm64(double a, double b, unsigned op);
float    soft_rmm32(float a, float b, unsigned op);
float    soft_rmm_narrow(double a, unsigned op);
/* fused multiply-add with the rounding, signs and NaN rule of aux (enum ir_fp) */
double   soft_fma64(double a, double b, double c, unsigned aux);
float    soft_fma32(float a, float b, float c, unsigned aux);
/* to an integral value; rounding and IR_FP_INEXACT in aux */
double   soft_round64(double a, unsigned aux);
float    soft_round32(float a, unsigned aux);
/* to an integer: aux (enum ir_fp), with SOFT_I64 for a 64-bit result */
enum { SOFT_I64 = 0x8000 };
uint64_t soft_ftoi64(double a, unsigned aux);
uint64_t soft_ftoi32(float a, unsigned aux);
double   soft_itof64(uint64_t a, unsigned aux);
float    soft_itof32(uint64_t a, unsigned aux);

/* The result of an operation whose result is a NaN, by ARM's or RISC-V's rules. @v: operands a, b, c at v[0..2] (f32 in
 * the low halves); v[0] receives the result. @what: aux | IR_OP_ number << 16 | SOFT_F64. Shaped as a slow path. */
enum { SOFT_F64 = 1 << 15 };
void soft_nan(struct cpu_env *env, uint64_t unused, void *v, unsigned what, uintptr_t host_pc);

/* Any vector operation of the IR by the interpreter's code, from and to the registers that the trampoline has saved.
 * @vec: X64_VEC_BUF of its frame; @what: aux | IR_OP_ number << 16 | SOFT_V256; @regs: destination and arguments, 4 bits
 * each, then imm from bit 16 on. Flags go to the guest's MXCSR. Shaped as a slow path. */
enum { SOFT_V256 = 1 << 30 };
void soft_vec(struct cpu_env *env, uint64_t unused, void *vec, unsigned what, uint64_t regs);

/* Vectors: d = a op b, lanes or selector in imm. */
void soft_aesenc(void *d, const void *a, const void *b, unsigned imm);
void soft_aesenclast(void *d, const void *a, const void *b, unsigned imm);
void soft_aesdec(void *d, const void *a, const void *b, unsigned imm);
void soft_aesdeclast(void *d, const void *a, const void *b, unsigned imm);
void soft_aesimc(void *d, const void *a, unsigned imm);
void soft_vclmul(void *d, const void *a, const void *b, unsigned imm);
/* imm: lane bits | bytes of the vector << 8 */
void soft_vcmpgt(void *d, const void *a, const void *b, unsigned imm);
void soft_vcmpeq(void *d, const void *a, const void *b, unsigned imm);

#endif

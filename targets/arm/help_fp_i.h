/* targets/arm/help_fp_i.h - shared by the floating-point helpers: formats and their bit patterns; arithmetic on them. */
#ifndef TARGETS_ARM_HELP_FP_I_H
#define TARGETS_ARM_HELP_FP_I_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <xmmintrin.h>

#include "core/base/bits.h"
#include "targets/arm/state.h"

/* One width of floating point: how its bit pattern is laid out. */
struct format { unsigned bits, frac; };
extern const struct format arm_f16, arm_f32, arm_f64;
#define f16 arm_f16
#define f32 arm_f32
#define f64 arm_f64


static inline uint64_t exp_mask(const struct format *f) { return mask64(f->bits - 1 - f->frac) << f->frac; }
static inline uint64_t sign_bit(const struct format *f) { return UINT64_C(1) << (f->bits - 1); }
static inline uint64_t quiet_bit(const struct format *f) { return UINT64_C(1) << (f->frac - 1); }
static inline uint64_t default_nan(const struct format *f) { return exp_mask(f) | quiet_bit(f); }
static inline bool is_nan(const struct format *f, uint64_t v) { return (v & ~sign_bit(f) & mask64(f->bits)) > exp_mask(f); }
static inline bool is_snan(const struct format *f, uint64_t v) { return is_nan(f, v) && !(v & quiet_bit(f)); }
static inline bool is_inf(const struct format *f, uint64_t v) { return (v & ~sign_bit(f) & mask64(f->bits)) == exp_mask(f); }
static inline bool is_zero(const struct format *f, uint64_t v) { return !(v & ~sign_bit(f) & mask64(f->bits)); }

static inline float as_f(uint64_t v) { float r; uint32_t b = (uint32_t)v; memcpy(&r, &b, 4); return r; }
static inline double as_d(uint64_t v) { double r; memcpy(&r, &v, 8); return r; }
static inline uint64_t of_f(float v) { uint32_t b; memcpy(&b, &v, 4); return b; }
static inline uint64_t of_d(double v) { uint64_t b; memcpy(&b, &v, 8); return b; }

static inline void raise_invalid(void) { _mm_setcsr(_mm_getcsr() | 1); }

static inline bool is_subnormal(const struct format *f, uint64_t v) { return !(v & exp_mask(f)) && !is_zero(f, v); }
static inline uint64_t clean(const struct format *f, uint64_t v) { return is_nan(f, v) ? default_nan(f) : v; }

static inline bool dn(struct cpu_env *c) { return arm_env(c)->fpcr >> 25 & 1; }

/* Operations that need no more than two operands and a rounding. */
enum op2 { ADD, SUB, MUL, DIV };

/* a + b and its kin; a * b + acc. By the guest's modes, NaNs by Arm's rules. */
uint64_t arm_fp_arith(struct cpu_env *c, const struct format *f, enum op2 op, uint64_t a, uint64_t b);
uint64_t arm_fp_fused(struct cpu_env *c, const struct format *f, uint64_t acc, uint64_t a, uint64_t b);

/* help_half.c. Half precision is computed in double and rounded to odd there, so that the second rounding is right. */
double   arm_half_value(uint64_t v);           /* no NaN */
uint64_t arm_half_round(struct cpu_env *c, double v);
uint64_t arm_half_arith(struct cpu_env *c, enum op2 op, uint64_t a, uint64_t b);
uint64_t arm_half_fused(struct cpu_env *c, uint64_t acc, uint64_t a, uint64_t b);
double   arm_half_odd_fma(double a, double b, double acc);
uint64_t arm_half_sqrt(struct cpu_env *c, uint64_t v);
uint64_t arm_half_from_int(struct cpu_env *c, uint64_t v, bool u, unsigned scale);
uint64_t arm_half_to(struct cpu_env *c, uint64_t h, const struct format *to, bool alternative);
static inline bool arm_flush_half(const struct cpu_env *c) { return arm_env(c)->fpcr >> 19 & 1; }

/* help_fp.c: to an integral value: 0 even, 1 up, 2 down, 3 zero, 4 away, 5 as FPCR says; raises nothing but invalid */
double   arm_round_by(double v, unsigned mode);

#endif

/* targets/arm/help_half.c - half precision: conversions, and arithmetic in double. Arm ARM (DDI 0487), FPRound, FPConvert.
 *
 * Halves and their products are exact in a double. What is not is rounded to odd: towards zero, with the last bit set when
 * something was lost. Of 53 bits so made, 11 come out as if rounded once. */
#include <math.h>

#include "targets/arm/help_fp_i.h"
#include "targets/arm/help_simd.h"

static bool alternative(const struct cpu_env *c) { return arm_env(c)->fpcr >> 26 & 1; }
static unsigned rounding(const struct cpu_env *c) { return arm_env(c)->fpcr >> 22 & 3; }

enum { UP = 1, DOWN = 2 };
enum { DIV_BY_ZERO = 4, OVERFLOW = 8, UNDERFLOW = 0x10, INEXACT = 0x20 };     /* of MXCSR */

static void raise(unsigned flags) { _mm_setcsr(_mm_getcsr() | flags); }

double arm_half_value(uint64_t v)
{
    unsigned exp = v >> 10 & 31, frac = v & 0x3ff;
    double r = exp == 31 ? INFINITY : exp ? ldexp(1024 + frac, (int)exp - 25) : ldexp(frac, -24);

    return v >> 15 & 1 ? -r : r;
}

static uint64_t too_large(struct cpu_env *c, uint64_t sign, bool alt)
{
    if (alt) {
        raise_invalid();
        return sign | 0x7fff;
    }
    raise(OVERFLOW | INEXACT);
    return rounding(c) == 0 || rounding(c) == (sign ? DOWN : UP) ? sign | 0x7c00 : sign | 0x7bff;
}

static uint64_t rounded(struct cpu_env *c, double v, bool alt, bool flush)
{
    uint64_t sign = signbit(v) ? 0x8000 : 0;
    unsigned lost;
    double scaled, r;
    int e;

    if (v == 0)
        return sign;
    frexp(v, &e);
    if (flush && e - 1 < -14) {
        raise(UNDERFLOW);
        return sign;
    }
    e = MAX(e - 1, -14);
    scaled = ldexp(v, 10 - e);
    r = arm_round_by(scaled, 5);
    lost = r == scaled ? 0 : e == -14 && fabs(scaled) < 1024 ? UNDERFLOW | INEXACT : INEXACT;      /* tiny before rounding counts */
    r = fabs(r);
    if (r >= 2048) {
        r /= 2;
        e++;
    }
    if (e > (alt ? 16 : 15))
        return too_large(c, sign, alt);
    raise(lost);
    return r < 1024 ? sign | (uint64_t)r : sign | ((uint64_t)(e + 15) << 10) | ((uint64_t)r - 1024);
}

uint64_t arm_half_round(struct cpu_env *c, double v)
{
    if (isnan(v)) {
        raise_invalid();
        return default_nan(&f16);
    }
    return isinf(v) ? (v < 0 ? 0xfc00 : 0x7c00) : rounded(c, v, false, arm_flush_half(c));
}

/* --- arithmetic ------------------------------------------------------------------------------------------------------------ */

static unsigned begin_odd(void)
{
    unsigned csr = _mm_getcsr();

    _mm_setcsr(((csr & ~0x3fu) | 0x6000) & ~0x8040u);
    return csr;
}

static double end_odd(unsigned csr, double r)
{
    bool lost = _mm_getcsr() & INEXACT;

    _mm_setcsr(csr);
    return lost ? as_d(of_d(r) | 1) : r;
}

/* A sum of zero: its sign goes by the rounding mode unless both parts have one sign. */
static double sum_sign(const struct cpu_env *c, double sum, double a, double b)
{
    return sum == 0 && !signbit(a) != !signbit(b) ? (rounding(c) == DOWN ? -0.0 : 0.0) : sum;
}

uint64_t arm_half_arith(struct cpu_env *c, enum op2 op, uint64_t a, uint64_t b)
{
    volatile double x = arm_half_value(a), y = arm_half_value(b), r;
    unsigned csr;

    if (op == DIV && y == 0 && x != 0 && !isinf(x))
        raise(DIV_BY_ZERO);
    if (op == SUB)
        y = -y;
    csr = begin_odd();
    r = op == MUL ? x * y : op == DIV ? x / y : x + y;
    r = end_odd(csr, r);
    return arm_half_round(c, op == ADD || op == SUB ? sum_sign(c, r, x, y) : r);
}

double arm_half_odd_fma(double a, double b, double acc)
{
    volatile double p = a * b, z = acc, r;     /* the product is exact */
    unsigned csr = begin_odd();

    r = p + z;
    return end_odd(csr, r);
}

uint64_t arm_half_fused(struct cpu_env *c, uint64_t acc, uint64_t a, uint64_t b)
{
    double x = arm_half_value(a), y = arm_half_value(b), z = arm_half_value(acc);

    if ((isinf(x) && y == 0) || (isinf(y) && x == 0))
        return arm_half_round(c, NAN);
    return arm_half_round(c, sum_sign(c, arm_half_odd_fma(x, y, z), x * y, z));
}

uint64_t arm_half_sqrt(struct cpu_env *c, uint64_t v)
{
    volatile double x = arm_half_value(v), r;
    unsigned csr = begin_odd();

    r = sqrt(x);
    return arm_half_round(c, end_odd(csr, r));
}

uint64_t arm_half_from_int(struct cpu_env *c, uint64_t v, bool u, unsigned scale)
{
    volatile uint64_t bits = v;
    volatile double r;
    unsigned csr = begin_odd();

    r = u ? (double)bits : (double)(int64_t)bits;
    return arm_half_round(c, ldexp(end_odd(csr, r), -(int)scale));
}

/* --- conversions ------------------------------------------------------------------------------------------------------------- */

uint64_t arm_half_to(struct cpu_env *c, uint64_t h, const struct format *to, bool alt)
{
    unsigned exp = h >> 10 & 31, frac = h & 0x3ff;
    double v;

    if (exp == 31 && !alt) {
        if (!frac)
            return (h >> 15) << (to->bits - 1) | exp_mask(to);
        if (!(frac & 0x200))
            raise_invalid();
        return dn(c) ? default_nan(to)
                     : (h >> 15) << (to->bits - 1) | default_nan(to) | (uint64_t)(frac & 0x1ff) << (to->frac - 10);
    }
    v = exp ? ldexp(1024 + frac, (int)exp - 25) : ldexp(frac, -24);
    if (h >> 15)
        v = -v;
    return to == &f32 ? of_f((float)v) : of_d(v);
}

static uint64_t to_half(struct cpu_env *c, const struct format *f, uint64_t bits)
{
    uint64_t sign = bits >> (f->bits - 1) << 15;
    bool alt = alternative(c);

    if (is_nan(f, bits)) {
        if (is_snan(f, bits) || alt)
            raise_invalid();
        if (alt)
            return sign;
        return dn(c) ? 0x7e00 : sign | 0x7e00 | (bits >> (f->frac - 10) & 0x1ff);
    }
    if (is_inf(f, bits)) {
        if (!alt)
            return sign | 0x7c00;
        raise_invalid();
        return sign | 0x7fff;
    }
    return rounded(c, f == &f32 ? (double)as_f(bits) : as_d(bits), alt, false);
}

uint64_t arm_help_fcvt_half(struct cpu_env *c, uint64_t bits, uint32_t how)
{
    switch (how) {
    case FCVT_H_TO_S: return arm_half_to(c, bits & 0xffff, &f32, alternative(c));
    case FCVT_H_TO_D: return arm_half_to(c, bits & 0xffff, &f64, alternative(c));
    case FCVT_H_OPERAND:
        bits &= 0xffff;
        return arm_half_to(c, arm_flush_half(c) && is_subnormal(&f16, bits) ? bits & 0x8000 : bits, &f32, false);
    case FCVT_S_TO_H: return to_half(c, &f32, bits & 0xffffffff);
    default: return to_half(c, &f64, bits);
    }
}

/* acc + n * m; what: bit 0 negates the product, bit 1 the addend. */
uint64_t arm_help_half_fma(struct cpu_env *c, uint64_t n, uint64_t m, uint64_t acc, uint32_t what)
{
    uint64_t v[3] = { n & 0xffff, m & 0xffff, acc & 0xffff };

    for (unsigned i = 0; i < 3; i++)
        if (arm_flush_half(c) && is_subnormal(&f16, v[i]))
            v[i] &= 0x8000;
    return arm_fp_fused(c, &f16, v[2] ^ (what & 2 ? 0x8000 : 0), v[0] ^ (what & 1 ? 0x8000 : 0), v[1]);
}

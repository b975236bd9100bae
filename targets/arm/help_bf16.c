/* targets/arm/help_bf16.c - BFloat16 (FEAT_BF16): the upper half of a single. Arm ARM (DDI 0487), BFDotAdd, BFRound, FPConvertBF.
 *
 * Dot products round to odd, flush what is subnormal, make the default NaN of any, and raise nothing. */
#include <math.h>

#include "targets/arm/help_fp_i.h"
#include "targets/arm/help_simd.h"

union reg { uint16_t h[8]; uint32_t s[4]; uint64_t d[2]; };

enum { OVERFLOW = 8, UNDERFLOW = 0x10, INEXACT = 0x20, FPSR_IDC = 1 << 7, FRACTION = 23, SINGLE_IN_DOUBLE = 52 - FRACTION };

/* --- dot products --------------------------------------------------------------------------------------------------------------- */

static uint64_t flushed(uint64_t single) { return is_subnormal(&f32, single) ? single & sign_bit(&f32) : single; }

/* To a single; what is lost sets the last bit. */
static uint32_t rounded_to_odd(double v)
{
    uint64_t b = of_d(v), sign = b >> 63 << 31;
    int exp = (int)(b >> 52 & 0x7ff) - 1023;
    uint32_t frac = (uint32_t)(b >> SINGLE_IN_DOUBLE) & ((1u << FRACTION) - 1);

    if (isnan(v))
        return (uint32_t)default_nan(&f32);
    if (exp > 127)
        return (uint32_t)(sign | exp_mask(&f32));
    if (exp < -126)
        return (uint32_t)sign;
    return (uint32_t)sign | (uint32_t)(exp + 127) << FRACTION | frac | ((b & mask64(SINGLE_IN_DOUBLE)) != 0);
}

/* A single's value; a NaN need not keep its bits, and nothing is raised. */
static double single(uint32_t v)
{
    unsigned csr = _mm_getcsr();
    double r;

    if (is_nan(&f32, v))
        return NAN;
    r = as_f(flushed(v));
    _mm_setcsr(csr);
    return r;
}

static double product(uint16_t a, uint16_t b)
{
    return single(rounded_to_odd(single((uint32_t)a << 16) * single((uint32_t)b << 16)));
}

static uint32_t sum(double a, double b)
{
    double r;

    if (isnan(a) || isnan(b) || (isinf(a) && isinf(b) && a != b))
        return (uint32_t)default_nan(&f32);
    if (isinf(a) || isinf(b))
        return rounded_to_odd(isinf(a) ? a : b);
    r = arm_half_odd_fma(a, 1, b);
    return r == 0 && !(signbit(a) && signbit(b)) ? 0 : rounded_to_odd(r);
}

/* acc + (n[0] * m[0] + n[1] * m[1]) */
static uint32_t dot(uint32_t acc, const uint16_t *n, const uint16_t *m)
{
    return sum(single(acc), single(sum(product(n[0], m[0]), product(n[1], m[1]))));
}

static void dots(uint32_t what, union reg *r, const union reg *n, const union reg *m, const union reg *d)
{
    unsigned csr = _mm_getcsr(), lanes = what >> 10 & 1 ? 4 : 2;
    int index = (int)(what >> SIMD_INDEX_SHIFT & 255) - 1;

    _mm_setcsr(0x1f80);
    for (unsigned i = 0; i < lanes; i++)
        r->s[i] = dot(d->s[i], n->h + 2 * i, m->h + 2 * (index < 0 ? i : (unsigned)index));
    _mm_setcsr(csr);
}

/* Two rows of four by two columns of four. */
static void matrices(union reg *r, const union reg *n, const union reg *m, const union reg *d)
{
    unsigned csr = _mm_getcsr();

    _mm_setcsr(0x1f80);
    for (unsigned i = 0; i < 4; i++) {
        const uint16_t *row = n->h + i / 2 * 4, *column = m->h + i % 2 * 4;

        r->s[i] = dot(dot(d->s[i], row, column), row + 2, column + 2);
    }
    _mm_setcsr(csr);
}

/* Even or odd lanes, multiplied and added as singles are. */
static void products(struct cpu_env *c, uint32_t what, union reg *r, const union reg *n, const union reg *m, const union reg *d)
{
    unsigned odd = (what & 255) == EXT_BFMLALT;
    int index = (int)(what >> SIMD_INDEX_SHIFT & 255) - 1;

    for (unsigned i = 0; i < 4; i++)
        r->s[i] = (uint32_t)arm_fp_fused(c, &f32, d->s[i], (uint64_t)n->h[2 * i + odd] << 16,
                                         (uint64_t)m->h[index < 0 ? 2 * i + odd : (unsigned)index] << 16);
}

/* --- from single ------------------------------------------------------------------------------------------------------------------ */

static uint16_t converted(struct cpu_env *c, uint32_t v)
{
    enum { NEAREST, UP, DOWN };
    struct arm_env *env = arm_env(c);
    unsigned mode = env->fpcr >> 22 & 3, flags = 0;
    uint32_t sign = v & 0x80000000, m = v ^ sign;

    if (is_nan(&f32, v)) {
        if (is_snan(&f32, v))
            raise_invalid();
        return dn(c) ? 0x7fc0 : (uint16_t)((v | 0x400000) >> 16);
    }
    if (is_subnormal(&f32, v) && env->fpcr >> 24 & 1) {
        env->fpsr |= FPSR_IDC;
        return (uint16_t)(sign >> 16);
    }
    if (m & 0xffff)
        flags = m < 0x00800000 ? UNDERFLOW | INEXACT : INEXACT;
    if (mode == NEAREST)
        m += 0x7fff + (m >> 16 & 1);
    else if (mode == (sign ? DOWN : UP))
        m += 0xffff;
    if (m >> 16 >= 0x7f80 && flags)
        flags |= OVERFLOW;
    _mm_setcsr(_mm_getcsr() | flags);
    return (uint16_t)((sign | m) >> 16);
}

void arm_bf16(struct cpu_env *c, uint32_t what, uint32_t regs)
{
    uint8_t (*v)[16] = arm_env(c)->v;
    union reg n, m, d, r = { .d = { 0, 0 } };
    unsigned upper = what >> 10 & 1;

    memcpy(&d, v[regs & 31], 16);
    memcpy(&n, v[regs >> 8 & 31], 16);
    memcpy(&m, v[regs >> 16 & 31], 16);
    switch (what & 255) {
    case EXT_BFDOT: dots(what, &r, &n, &m, &d); break;
    case EXT_BFMMLA: matrices(&r, &n, &m, &d); break;
    case EXT_BFMLAL: case EXT_BFMLALT: products(c, what, &r, &n, &m, &d); break;
    case EXT_BFCVT: r.h[0] = converted(c, n.s[0]); break;
    default:
        r.d[0] = upper ? d.d[0] : 0;
        for (unsigned i = 0; i < 4; i++)
            r.h[4 * upper + i] = converted(c, n.s[i]);
        break;
    }
    memcpy(v[regs & 31], &r, 16);
}

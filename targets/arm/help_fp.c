/* targets/arm/help_fp.c - floating point by C functions, under the guest's MXCSR, exact to the Arm rules for NaNs. Arm ARM
 * (DDI 0487), FPProcessNaNs, FPMaxNum, FPRecipEstimate and their kin. */
#include <math.h>

#include "targets/arm/help_fast.h"
#include "targets/arm/help_fp_i.h"
#include "targets/arm/help_simd.h"

const struct format arm_f16 = { 16, 10 }, arm_f32 = { 32, 23 }, arm_f64 = { 64, 52 };

/* by bits 8 and 9 of what */
static const struct format *const formats[4] = { &arm_f32, &arm_f64, &arm_f16, &arm_f32 };

/* The NaN that an operation on these operands gives: the first signalling one, else the first quiet one. False: none. */
static bool nan_result(struct cpu_env *c, const struct format *f, const uint64_t *v, unsigned n, uint64_t *out)
{
    const uint64_t *pick = NULL;

    for (unsigned i = 0; i < n; i++)
        if (is_snan(f, v[i])) {
            raise_invalid();
            pick = pick && is_snan(f, *pick) ? pick : &v[i];
        } else if (is_nan(f, v[i]) && !pick) {
            pick = &v[i];
        }
    if (!pick)
        return false;
    *out = dn(c) ? default_nan(f) : *pick | quiet_bit(f);
    return true;
}

/* With FPCR.FZ: is a op b, or a * b + acc, below the least normal single before it is rounded? Then it becomes a zero, and
 * underflow is all that is raised; the host would look at the rounded result, and raise inexact too. */
static bool flushes(struct cpu_env *c, int op, uint64_t a, uint64_t b, uint64_t acc, uint64_t *out)
{
    unsigned csr = _mm_getcsr();
    volatile double x = as_f(a), y = as_f(b), z = as_f(acc), r;

    if (!(arm_env(c)->fpcr >> 24 & 1))
        return false;
    _mm_setcsr(csr | 0x6000);                  /* to zero: what is below stays below */
    r = op == ADD ? x + y : op == SUB ? x - y : op == MUL ? x * y : op == DIV ? x / y : x * y + z;
    _mm_setcsr(csr);
    if (!(fabs(r) < 0x1p-126) || r == 0)
        return false;
    _mm_setcsr(csr | 0x10);
    *out = signbit(r) ? 0x80000000 : 0;
    return true;
}

enum { FUSED = DIV + 1 };

static uint64_t plain(struct cpu_env *c, const struct format *f, enum op2 op, uint64_t a, uint64_t b)
{
    uint64_t zero;

    if (f == &f16) {
        return arm_half_arith(c, op, a, b);
    } else if (f == &f32) {
        volatile float x = as_f(a), y = as_f(b), r;

        if (flushes(c, op, a, b, 0, &zero))
            return zero;
        r = op == ADD ? x + y : op == SUB ? x - y : op == MUL ? x * y : x / y;
        return clean(f, of_f(r));
    } else {
        volatile double x = as_d(a), y = as_d(b), r;

        r = op == ADD ? x + y : op == SUB ? x - y : op == MUL ? x * y : x / y;
        return clean(f, of_d(r));
    }
}

uint64_t arm_fp_arith(struct cpu_env *c, const struct format *f, enum op2 op, uint64_t a, uint64_t b)
{
    uint64_t nan, v[2] = { a, b };

    return nan_result(c, f, v, 2, &nan) ? nan : plain(c, f, op, a, b);
}

/* a * b + acc; an infinity times zero is invalid even when the addend is a quiet NaN. */
uint64_t arm_fp_fused(struct cpu_env *c, const struct format *f, uint64_t acc, uint64_t a, uint64_t b)
{
    uint64_t nan, zero, v[3] = { acc, a, b };
    bool inf_zero = (is_inf(f, a) && is_zero(f, b)) || (is_zero(f, a) && is_inf(f, b));

    if (nan_result(c, f, v, 3, &nan)) {
        if (inf_zero && is_nan(f, acc) && !is_snan(f, acc)) {
            raise_invalid();
            return default_nan(f);
        }
        return nan;
    }
    if (f == &f16)
        return arm_half_fused(c, acc, a, b);
    if (f == &f32 && flushes(c, FUSED, a, b, acc, &zero))
        return zero;
    if (f == &f32)
        return clean(f, of_f(fmaf(as_f(a), as_f(b), as_f(acc))));
    return clean(f, of_d(fma(as_d(a), as_d(b), as_d(acc))));
}

static double value(const struct format *f, uint64_t v)
{
    return f == &f16 ? arm_half_value(v) : f == &f32 ? (double)as_f(v) : as_d(v);
}

/* With FPCR.FZ subnormal singles and doubles are zeros. */
static uint64_t flushed(const struct format *f, uint64_t v)
{
    return f != &f16 && _mm_getcsr() & 0x40 && is_subnormal(f, v) ? v & sign_bit(f) : v;
}

static uint64_t min_max(struct cpu_env *c, const struct format *f, uint64_t a, uint64_t b, bool max, bool num)
{
    uint64_t nan, v[2] = { a = flushed(f, a), b = flushed(f, b) };

    if (num && is_nan(f, a) && !is_snan(f, a) && !is_nan(f, b))
        return b;
    if (num && is_nan(f, b) && !is_snan(f, b) && !is_nan(f, a))
        return a;
    if (nan_result(c, f, v, 2, &nan))
        return nan;
    if (is_zero(f, a) && is_zero(f, b))
        return max ? a & b : a | b;            /* +0 is above -0 */
    return (max ? value(f, a) > value(f, b) : value(f, a) < value(f, b)) ? a : b;
}

enum relation { REL_EQ, REL_GE, REL_GT };

static bool compare(const struct format *f, uint64_t a, uint64_t b, enum relation rel)
{
    if (is_nan(f, a) || is_nan(f, b)) {
        if (rel != REL_EQ || is_snan(f, a) || is_snan(f, b))
            raise_invalid();
        return false;
    }
    return rel == REL_EQ ? value(f, a) == value(f, b) : rel == REL_GE ? value(f, a) >= value(f, b) : value(f, a) > value(f, b);
}

static uint64_t mulx(struct cpu_env *c, const struct format *f, uint64_t a, uint64_t b)
{
    uint64_t two = UINT64_C(1) << (f->bits - 2);

    if ((is_inf(f, a) && is_zero(f, b)) || (is_zero(f, a) && is_inf(f, b)))
        return two | ((a ^ b) & sign_bit(f));
    return arm_fp_arith(c, f, MUL, a, b);
}

/* VRECPS and VRSQRTS of AArch32: likewise, but the product is rounded first. Single precision. */
static uint64_t step_chained(struct cpu_env *c, uint64_t a, uint64_t b, bool root)
{
    volatile float p = as_f(plain(c, &f32, MUL, a, b)), r;

    r = (root ? 3.0f : 2.0f) - p;
    return of_f(root ? r / 2 : r);
}

/* FRECPS: 2 - a * b; FRSQRTS: (3 - a * b) / 2, each rounded once. */
static uint64_t step(struct cpu_env *c, const struct format *f, uint64_t a, uint64_t b, bool root, bool chained)
{
    uint64_t nan, v[2] = { a ^ sign_bit(f), b };

    if (nan_result(c, f, v, 2, &nan))
        return nan;
    if ((is_inf(f, a) && is_zero(f, b)) || (is_zero(f, a) && is_inf(f, b)))
        return f == &f16 ? (root ? 0x3e00 : 0x4000) : f == &f32 ? of_f(root ? 1.5f : 2.0f) : of_d(root ? 1.5 : 2.0);
    if (f == &f16) {                           /* halving is exact */
        double v2 = arm_half_odd_fma(-arm_half_value(a), arm_half_value(b), root ? 3.0 : 2.0);

        return arm_half_round(c, root ? v2 / 2 : v2);
    }
    if (chained)
        return step_chained(c, a, b, root);
    if (f == &f32)
        return root ? of_f(fmaf(-as_f(a), as_f(b), 3.0f) / 2) : of_f(fmaf(-as_f(a), as_f(b), 2.0f));
    return root ? of_d(fma(-as_d(a), as_d(b), 3.0) / 2) : of_d(fma(-as_d(a), as_d(b), 2.0));
}

static uint64_t all_ones(const struct format *f, bool yes) { return yes ? mask64(f->bits) : 0; }
static uint64_t absolute(const struct format *f, uint64_t v) { return v & ~sign_bit(f); }

/* op: bit 5 U, bit 6 the upper bit of size, bits 0-4 the opcode; bit 7: a step rounds its product */
static uint64_t same_lane(struct cpu_env *c, const struct format *f, unsigned op, uint64_t d, uint64_t n, uint64_t m)
{
    bool a = op & 64;

    switch (op & 63) {
    case 0x18: return min_max(c, f, n, m, !a, true);
    case 0x19: return arm_fp_fused(c, f, d, a ? n ^ sign_bit(f) : n, m);
    case 0x1a: return arm_fp_arith(c, f, a ? SUB : ADD, n, m);
    case 0x1b: return mulx(c, f, n, m);
    case 0x1c: return all_ones(f, compare(f, n, m, REL_EQ));
    case 0x1e: return min_max(c, f, n, m, !a, false);
    case 0x1f: return step(c, f, n, m, a, op & 128);
    case 0x3a: return absolute(f, arm_fp_arith(c, f, SUB, n, m));
    case 0x3b: return arm_fp_arith(c, f, MUL, n, m);
    case 0x3c: return all_ones(f, compare(f, n, m, a ? REL_GT : REL_GE));
    case 0x3d: return all_ones(f, compare(f, absolute(f, n), absolute(f, m), a ? REL_GT : REL_GE));
    case 0x3f: return arm_fp_arith(c, f, DIV, n, m);
    default: return 0;
    }
}

static uint64_t pair_op(struct cpu_env *c, const struct format *f, unsigned op, uint64_t a, uint64_t b)
{
    switch (op & 31) {
    case 0x18: return min_max(c, f, a, b, !(op & 64), true);
    case 0x1e: return min_max(c, f, a, b, !(op & 64), false);
    default: return arm_fp_arith(c, f, ADD, a, b);
    }
}

static bool is_pairwise(unsigned op) { return (op & 63) == 0x38 || (op & 63) == 0x3e || (op & 127) == 0x3a; }

union reg { uint16_t h[8]; uint32_t s[4]; uint64_t d[2]; };

static uint64_t lane(const union reg *r, const struct format *f, unsigned i)
{
    return f == &f16 ? r->h[i] : f == &f32 ? r->s[i] : r->d[i];
}

static void set_lane(union reg *r, const struct format *f, unsigned i, uint64_t v)
{
    if (f == &f16)
        r->h[i] = (uint16_t)v;
    else if (f == &f32)
        r->s[i] = (uint32_t)v;
    else
        r->d[i] = v;
}

static union reg *reg(struct cpu_env *c, uint32_t regs, unsigned at) { return (union reg *)arm_env(c)->v[regs >> 8 * at & 31]; }

static unsigned lanes_of(uint32_t what, const struct format *f)
{
    return what & SIMD_SCALAR ? 1 : (what >> 10 & 1 ? 128 : 64) / f->bits;
}

/* --- the standard FPSCR value (DDI 0487, StandardFPSCRValue) -------------------------------------------------------------- */

struct modes { uint32_t fpcr, mxcsr; };

static struct modes enter_standard(struct cpu_env *c)
{
    struct modes was = { arm_env(c)->fpcr, _mm_getcsr() };

    arm_env(c)->fpcr = (was.fpcr & 1u << 26) | 3u << 24;
    _mm_setcsr((was.mxcsr & ~0xe000u) | 0x8040);
    return was;
}

static void leave_standard(struct cpu_env *c, struct modes was)
{
    arm_env(c)->fpcr = was.fpcr;
    _mm_setcsr(was.mxcsr | (_mm_getcsr() & 0x3f));
}

/* Subnormal operands are zeros, and that is noted. */
static void flush_operands(struct cpu_env *c, union reg *r, unsigned lanes)
{
    for (unsigned i = 0; i < lanes; i++)
        if (!(r->s[i] & 0x7f800000) && r->s[i] << 1) {
            r->s[i] &= 0x80000000;
            arm_env(c)->fpsr |= 1u << 7;
        }
}

/* With FPCR.FZ16 subnormal halves are zeros; nothing notes it. */
static void flush_halves(const struct cpu_env *c, const struct format *f, union reg *r)
{
    for (unsigned i = 0; i < 8 && f == &f16 && arm_flush_half(c); i++)
        if (is_subnormal(f, r->h[i]))
            r->h[i] &= 0x8000;
}

static void three(struct cpu_env *c, uint32_t what, uint32_t regs, const struct format *f)
{
    bool standard = what & SIMD_STANDARD;
    union reg n = *reg(c, regs, 1), m = *reg(c, regs, 2), d = *reg(c, regs, 0), r = { .d = { 0, 0 } };
    int index = (int)(what >> SIMD_INDEX_SHIFT & 255) - 1;
    unsigned lanes = lanes_of(what, f), op = (what & 127) | (standard ? 128 : 0);

    if (standard) {
        flush_operands(c, &n, lanes);
        flush_operands(c, &m, lanes);
        if ((op & 63) == 0x19)
            flush_operands(c, &d, lanes);
    }
    flush_halves(c, f, &n);
    flush_halves(c, f, &m);
    flush_halves(c, f, &d);
    if (f != &f16 && !standard && !(what & SIMD_SCALAR) && what >> 10 & 1 && index < 0 && simd_fast_fp(reg(c, regs, 0), &n, &m, op & 127, f == &f64))
        return;
    for (unsigned i = 0; i < lanes; i++) {
        if (is_pairwise(op) && !(what & SIMD_SCALAR)) {
            const union reg *from = i < lanes / 2 ? &n : &m;
            unsigned k = 2 * (i % (lanes / 2));

            set_lane(&r, f, i, pair_op(c, f, op, lane(from, f, k), lane(from, f, k + 1)));
        } else {
            set_lane(&r, f, i, same_lane(c, f, op, lane(&d, f, i), lane(&n, f, i), lane(&m, f, index < 0 ? i : (unsigned)index)));
        }
    }
    *reg(c, regs, 0) = r;
}

void arm_help_simd_fp(struct cpu_env *c, uint32_t what, uint32_t regs)
{
    if (what & SIMD_STANDARD) {
        struct modes was = enter_standard(c);

        three(c, what, regs, &f32);
        leave_standard(c, was);
    } else {
        three(c, what, regs, formats[what >> 8 & 3]);
    }
}

/* --- one register ---------------------------------------------------------------------------------------------------------- */

double arm_round_by(double v, unsigned mode)
{
    static const unsigned csr_of[] = { 0, 2, 1, 3 };
    unsigned csr = _mm_getcsr();

    if (mode == 4) {
        volatile double t = trunc(v), r = fabs(v - t) >= 0.5 ? t + copysign(1.0, v) : copysign(t, v);

        _mm_setcsr(csr);                       /* inexact is for the caller to tell */
        return r;
    }
    if (mode < 4)
        _mm_setcsr((csr & ~0x6000u) | csr_of[mode] << 13);
    v = nearbyint(v);
    _mm_setcsr(csr | (_mm_getcsr() & 0x1f));
    return v;
}

static uint64_t round_int(struct cpu_env *c, const struct format *f, uint64_t v, unsigned mode, bool exact)
{
    uint64_t nan, r;

    if (nan_result(c, f, &v, 1, &nan))
        return nan;
    if (f == &f16)                             /* an infinity, or an integer of few bits */
        r = is_inf(f, v) ? v : arm_half_round(c, arm_round_by(value(f, v), mode));
    else
        r = f == &f32 ? of_f((float)arm_round_by(as_f(v), mode)) : of_d(arm_round_by(as_d(v), mode));
    if (exact && value(f, r) != value(f, v))
        _mm_setcsr(_mm_getcsr() | 0x20);
    return r;
}

/* FRINT32Z and its kin: what no integer of so many bits and a sign holds becomes the least of them. */
static uint64_t round_within(struct cpu_env *c, const struct format *f, uint64_t v, unsigned mode, unsigned bits)
{
    double limit = ldexp(1.0, (int)bits), r;
    uint64_t least = f == &f32 ? of_f((float)-limit) : of_d(-limit);

    if (is_nan(f, v) || is_inf(f, v)) {
        raise_invalid();
        return least;
    }
    r = arm_round_by(value(f, v), mode);
    if (r < -limit || r >= limit) {
        raise_invalid();
        return least;
    }
    return round_int(c, f, v, mode, true);
}

static uint64_t to_int(const struct format *f, uint64_t bits_in, unsigned mode, unsigned bits, bool u, unsigned scale)
{
    double v, r;
    const double hi = ldexp(1.0, (int)(u ? bits : bits - 1)), lo = u ? 0.0 : -hi;

    if (is_nan(f, bits_in)) {
        raise_invalid();
        return 0;
    }
    v = value(f, bits_in);
    if (scale) {
        unsigned csr = _mm_getcsr();
        volatile double scaled = ldexp(v, (int)scale);     /* too large for a double is too large for the integer */

        v = scaled;
        _mm_setcsr(csr);
    }
    r = arm_round_by(v, mode);
    if (r >= hi || r < lo) {
        raise_invalid();
        return r < 0 ? (u ? 0 : sign_bit(&(struct format){ bits, 0 })) : mask64(u ? bits : bits - 1);
    }
    if (r != v)
        _mm_setcsr(_mm_getcsr() | 0x20);
    return u ? (uint64_t)(r >= 9223372036854775808.0 ? (uint64_t)(r - 9223372036854775808.0) + (UINT64_C(1) << 63) : (uint64_t)r)
             : (uint64_t)(int64_t)r;
}

static uint64_t from_int(struct cpu_env *c, const struct format *f, uint64_t v, bool u, unsigned scale)
{
    if (f == &f16)
        return arm_half_from_int(c, v, u, scale);
    /* Scaling by a power of two is exact, unless the result underflows: no integer does. */
    if (f == &f32) {
        volatile float x = u ? (float)v : (float)(int64_t)v;

        return of_f(scale ? ldexpf(x, -(int)scale) : x);
    } else {
        volatile double x = u ? (double)v : (double)(int64_t)v;

        return of_d(scale ? ldexp(x, -(int)scale) : x);
    }
}

/* DDI 0487, RecipEstimate and RecipSqrtEstimate: nine bits in, eight bits out. */
static unsigned recip_estimate(unsigned a)
{
    a = a * 2 + 1;
    return ((1u << 19) / a + 1) / 2;
}

static unsigned rsqrt_estimate(unsigned a)
{
    unsigned b = 512;

    a = a < 256 ? a * 2 + 1 : ((a >> 1 << 1) + 1) * 2;
    while (a * (b + 1) * (b + 1) < 1u << 28)
        b++;
    return (b + 1) / 2;
}

static uint64_t fp_recip(struct cpu_env *c, const struct format *f, uint64_t v)
{
    uint64_t nan, sign = v & sign_bit(f), frac = v & mask64(f->frac), exp = (v & exp_mask(f)) >> f->frac, est;
    unsigned bias = (unsigned)mask64(f->bits - 2 - f->frac);
    int64_t e;

    if (nan_result(c, f, &v, 1, &nan))
        return nan;
    if (is_inf(f, v))
        return sign;
    if (is_zero(f, v)) {
        _mm_setcsr(_mm_getcsr() | 4);
        return sign | exp_mask(f);
    }
    if (!exp && !(frac >> (f->frac - 2))) {    /* the result overflows */
        unsigned mode = arm_env(c)->fpcr >> 22 & 3;
        bool inf = mode == 0 || (mode == 1 && !sign) || (mode == 2 && sign);

        _mm_setcsr(_mm_getcsr() | 0x28);
        return sign | (inf ? exp_mask(f) : exp_mask(f) - 1);
    }
    if (!exp) {
        if (frac >> (f->frac - 1)) {
            frac = frac << 1 & mask64(f->frac);
        } else {
            exp = (uint64_t)-1;
            frac = frac << 2 & mask64(f->frac);
        }
    }
    est = recip_estimate(256 | (unsigned)(frac >> (f->frac - 8))) & 255;
    e = (int64_t)(2 * bias - 1) - (int64_t)exp;
    frac = est << (f->frac - 8);
    if (e == 0)
        frac = UINT64_C(1) << (f->frac - 1) | frac >> 1;
    else if (e == -1) {
        frac = UINT64_C(1) << (f->frac - 2) | frac >> 2;
        e = 0;
    }
    return sign | (uint64_t)e << f->frac | frac;
}

static uint64_t fp_rsqrt(struct cpu_env *c, const struct format *f, uint64_t v)
{
    uint64_t nan, frac = v & mask64(f->frac), exp = (v & exp_mask(f)) >> f->frac, scaled;
    unsigned bias = (unsigned)mask64(f->bits - 2 - f->frac);
    int64_t e = (int64_t)exp;

    if (nan_result(c, f, &v, 1, &nan))
        return nan;
    if (is_zero(f, v)) {
        _mm_setcsr(_mm_getcsr() | 4);
        return (v & sign_bit(f)) | exp_mask(f);
    }
    if (v & sign_bit(f)) {
        raise_invalid();
        return default_nan(f);
    }
    if (is_inf(f, v))
        return 0;
    if (!exp) {
        while (!(frac >> (f->frac - 1) & 1)) {
            frac <<= 1;
            e--;
        }
        frac = frac << 1 & mask64(f->frac);
    }
    scaled = e & 1 ? 128 | frac >> (f->frac - 7) : 256 | frac >> (f->frac - 8);
    e = ((int64_t)(3 * bias) - 1 - e) / 2;
    return (uint64_t)e << f->frac | (uint64_t)(rsqrt_estimate((unsigned)scaled) & 255) << (f->frac - 8);
}

static uint64_t misc_lane(struct cpu_env *c, const struct format *f, unsigned op, uint64_t v, unsigned scale)
{
    bool u = op & 32, a = op & 64;
    uint64_t nan;

    switch (op & 31) {
    case 0x0c: return all_ones(f, u ? compare(f, v, 0, REL_GE) : compare(f, v, 0, REL_GT));
    case 0x0d: return all_ones(f, u ? compare(f, 0, v, REL_GE) : compare(f, v, 0, REL_EQ));
    case 0x0e: return all_ones(f, compare(f, 0, v, REL_GT));
    case 0x0f: return u ? v ^ sign_bit(f) : absolute(f, v);
    case 0x18: return u ? round_int(c, f, v, 4, false) : round_int(c, f, v, a ? 1 : 0, false);
    case 0x19: return u ? round_int(c, f, v, 5, !a) : round_int(c, f, v, a ? 3 : 2, false);
    case 0x1a: return to_int(f, v, a ? 1 : 0, f->bits, u, 0);
    case 0x1b: return to_int(f, v, a ? 3 : 2, f->bits, u, scale);
    case 0x1c:
        if (!a)
            return to_int(f, v, 4, f->bits, u, 0);
        if (!(v >> (u ? 30 : 31)))             /* URECPE, URSQRTE: integers below a half or a quarter */
            return 0xffffffff;
        return (uint64_t)(u ? rsqrt_estimate((unsigned)v >> 23) : recip_estimate((unsigned)v >> 23)) << 23;
    case 0x1d:
        if (a)
            return u ? fp_rsqrt(c, f, v) : fp_recip(c, f, v);
        return from_int(c, f, u ? v : (uint64_t)sext64(v, f->bits), u, scale);
    case 0x1e: return round_within(c, f, v, u ? 5 : 3, 31);
    case 0x1f:
        if (!a)
            return round_within(c, f, v, u ? 5 : 3, 63);
        if (!u)                                /* FRECPX */
            return nan_result(c, f, &v, 1, &nan) ? nan
                   : (v & sign_bit(f)) | (v & exp_mask(f) ? ~v & exp_mask(f) : exp_mask(f) - (UINT64_C(1) << f->frac));
        if (nan_result(c, f, &v, 1, &nan))
            return nan;
        if (f == &f16)
            return arm_half_sqrt(c, v);
        return clean(f, f == &f32 ? of_f(sqrtf(as_f(v))) : of_d(sqrt(as_d(v))));
    default: return 0;
    }
}

/* Rounded to odd: towards zero, with the last bit set when that lost something. */
static uint32_t to_single_odd(uint64_t v)
{
    unsigned csr = _mm_getcsr();
    volatile float r;
    bool lost;

    _mm_setcsr((csr | 0x6000) & ~0x3fu);
    r = (float)as_d(v);
    lost = _mm_getcsr() & 0x20;
    _mm_setcsr(csr | (_mm_getcsr() & 0x3f));
    return (uint32_t)of_f(r) | lost;
}

/* FCVTL, FCVTN, FCVTXN between single and double; half and single go by arm_help_fcvt_half(). */
static void lengths(struct cpu_env *c, union reg *r, const union reg *n, const union reg *d, uint32_t what)
{
    bool upper = what & SIMD_UPPER, narrow = (what & 31) == 0x16, to_double = what >> 8 & 1;
    unsigned at = upper ? 2 : 0;

    if (narrow) {
        if (upper)
            r->d[0] = d->d[0];
        for (unsigned i = 0; i < (what & SIMD_SCALAR ? 1u : to_double ? 2u : 4u); i++) {
            uint64_t nan, v;

            if (!to_double) {
                v = arm_help_fcvt_half(c, n->s[i], FCVT_S_TO_H);
                ((uint16_t *)r)[(upper ? 4 : 0) + i] = (uint16_t)v;
                continue;
            }
            v = n->d[i];
            if (nan_result(c, &f64, &v, 1, &nan))
                r->s[at + i] = dn(c) ? (uint32_t)default_nan(&f32) : (uint32_t)(nan >> 63 << 31 | 0x7fc00000 | (nan >> 29 & 0x3fffff));
            else
                r->s[at + i] = what & 32 ? to_single_odd(v) : (uint32_t)of_f((float)as_d(v));
        }
        return;
    }
    for (unsigned i = 0; i < (to_double ? 2u : 4u); i++) {
        uint64_t nan, v;

        if (!to_double) {
            r->s[i] = (uint32_t)arm_help_fcvt_half(c, ((const uint16_t *)n)[(upper ? 4 : 0) + i], FCVT_H_TO_S);
            continue;
        }
        v = n->s[at + i];
        if (nan_result(c, &f32, &v, 1, &nan))
            r->d[i] = dn(c) ? default_nan(&f64) : (nan >> 31 << 63 | UINT64_C(0x7ff8000000000000) | (nan & 0x3fffff) << 29);
        else
            r->d[i] = of_d((double)as_f(v));
    }
}

static void fp_across(struct cpu_env *c, union reg *r, const union reg *n, const struct format *f, uint32_t what, unsigned op)
{
    unsigned lanes = what & SIMD_SCALAR ? 2 : lanes_of(what, f);
    uint64_t v[8];

    for (unsigned i = 0; i < lanes; i++)
        v[i] = lane(n, f, i);
    for (; lanes > 1; lanes /= 2)
        for (unsigned i = 0; i < lanes / 2; i++)
            v[i] = op == 0x6d ? arm_fp_arith(c, f, ADD, v[2 * i], v[2 * i + 1])
                              : min_max(c, f, v[2 * i], v[2 * i + 1], !(what & 64), (op & 31) == 0x0c);
    set_lane(r, f, 0, v[0]);
}

static void two(struct cpu_env *c, uint32_t what, uint32_t regs, const struct format *f)
{
    union reg n = *reg(c, regs, 1), d = *reg(c, regs, 0), r = { .d = { 0, 0 } };
    unsigned lanes = lanes_of(what, f), op = what & 31, full = what & 127;
    bool integers = full == 0x1d || full == 0x3d || full == 0x5c || full == 0x7c || op == 0x17;

    if (what & SIMD_STANDARD && !integers)
        flush_operands(c, &n, op == 0x16 ? 4 : lanes);
    if (!integers && (op != 0x0f || what & 128))               /* not FABS, FNEG; but FMAXV, FMAXP of a pair */
        flush_halves(c, f, &n);
    if (what & 128)
        fp_across(c, &r, &n, f, what, op == 0x0d ? 0x6d : op);
    else if (op == 0x16 || op == 0x17)
        lengths(c, &r, &n, &d, what);
    else
        for (unsigned i = 0; i < lanes; i++)
            set_lane(&r, f, i, misc_lane(c, f, full, lane(&n, f, i), what >> SIMD_COUNT_SHIFT));
    if (what & SIMD_STANDARD && full == 0x5d)  /* a subnormal reciprocal */
        for (unsigned i = 0; i < lanes; i++)
            if (!(r.s[i] & 0x7f800000) && r.s[i] << 1) {
                r.s[i] &= 0x80000000;
                _mm_setcsr(_mm_getcsr() | 0x10);
            }
    *reg(c, regs, 0) = r;
}

/* what's operation: bit 5 U, bit 6 the upper bit of size, 0-4 the opcode; bit 7: across lanes or a scalar pair */
void arm_help_simd_fp_misc(struct cpu_env *c, uint32_t what, uint32_t regs)
{
    if (what & SIMD_STANDARD) {
        struct modes was = enter_standard(c);

        two(c, what, regs, &f32);
        leave_standard(c, was);
    } else {
        two(c, what, regs, formats[what >> 8 & 3]);
    }
}

/* --- fixed point ---------------------------------------------------------------------------------------------------------- */

uint64_t arm_help_fp_fixed(struct cpu_env *c, uint64_t bits, uint32_t how)
{
    const struct format *f = how & FP_FIXED_DOUBLE ? &f64 : how & FP_FIXED_HALF ? &f16 : &f32;
    unsigned width = how & FP_FIXED_64 ? 64 : how & FP_FIXED_16 ? 16 : 32;
    bool u = how & FP_FIXED_UNSIGNED;

    if (f == &f16 && how & FP_FIXED_TO_INTEGER && arm_flush_half(c) && is_subnormal(f, bits & 0xffff))
        bits &= 0x8000;
    if (how & FP_FIXED_TO_INTEGER)
        return to_int(f, bits & mask64(f->bits), how >> FP_FIXED_ROUND_SHIFT & 7, width, u, how & 127);
    bits &= mask64(width);
    return from_int(c, f, u ? bits : (uint64_t)sext64(bits, width), u, how & 127);
}

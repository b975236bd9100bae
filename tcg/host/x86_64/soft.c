/* tcg/host/x86_64/soft.c - see soft.h. */
#include "tcg/host/x86_64/soft.h"

#include <stdbool.h>
#include <string.h>
#include <xmmintrin.h>

#include "core/base/bits.h"
#include "tcg/ir/ir.h"

/* --- bits --------------------------------------------------------------------------------------------------------- */

uint64_t soft_popcnt32(uint32_t a)
{
    return (unsigned)__builtin_popcount(a);
}

uint64_t soft_popcnt64(uint64_t a)
{
    return (unsigned)__builtin_popcountll(a);
}

uint64_t soft_brev8(uint64_t a)
{
    a = (a & 0x5555555555555555) << 1 | (a >> 1 & 0x5555555555555555);
    a = (a & 0x3333333333333333) << 2 | (a >> 2 & 0x3333333333333333);
    return (a & 0x0f0f0f0f0f0f0f0f) << 4 | (a >> 4 & 0x0f0f0f0f0f0f0f0f);
}

static unsigned __int128 clmul128(uint64_t a, uint64_t b)
{
    unsigned __int128 r = 0;

    for (unsigned k = 0; k < 64; k++)
        if (b >> k & 1)
            r ^= (unsigned __int128)a << k;
    return r;
}

uint64_t soft_clmul(uint64_t a, uint64_t b)
{
    return (uint64_t)clmul128(a, b);
}

uint64_t soft_clmulh(uint64_t a, uint64_t b)
{
    return (uint64_t)(clmul128(a, b) >> 64);
}

static uint64_t crc(uint32_t acc, uint64_t data, unsigned bytes, uint32_t poly)
{
    for (unsigned k = 0; k < bytes; k++) {
        acc ^= (uint8_t)(data >> 8 * k);
        for (unsigned j = 0; j < 8; j++)
            acc = acc >> 1 ^ (acc & 1 ? poly : 0);
    }
    return acc;
}

uint64_t soft_crc32(uint32_t acc, uint64_t data, unsigned bytes)
{
    return crc(acc, data, bytes, 0xedb88320);
}

uint64_t soft_crc32c(uint32_t acc, uint64_t data, unsigned bytes)
{
    return crc(acc, data, bytes, 0x82f63b78);
}

/* --- MXCSR -------------------------------------------------------------------------------------------------------- */

enum { IE = 1, PE = 32, FLAGS = 0x3f, RC = 0x6000, RC_SHIFT = 13 };

static void raise_flags(unsigned flags)
{
    _mm_setcsr(_mm_getcsr() | flags);
}

static unsigned rc_of(unsigned aux)
{
    switch (aux & IR_FP_ROUND) {
    case IR_FP_RTZ: return 3;
    case IR_FP_RDN: return 1;
    case IR_FP_RUP: return 2;
    case IR_FP_DYN: return (_mm_getcsr() & RC) >> RC_SHIFT;
    default: return 0;
    }
}

/* Another rounding mode with empty flags; leave_rc puts the mode back and adds what flags were raised. */
static unsigned enter_rc(unsigned rc)
{
    unsigned old = _mm_getcsr();

    _mm_setcsr((old & ~(unsigned)(RC | FLAGS)) | rc << RC_SHIFT);
    return old;
}

static unsigned leave_rc(unsigned old)
{
    unsigned flags = _mm_getcsr() & FLAGS;

    _mm_setcsr(old | flags);
    return flags;
}

/* --- ties away ----------------------------------------------------------------------------------------------------- */

/* The exact result as a __float128, when it has one; false when it was rounded (then it is no tie: a tie has one bit
 * more than the format). Conversions and operations on __float128 raise flags in MXCSR; they are dropped. */
static bool exact128(double a, double b, double c, unsigned op, __float128 *out)
{
    volatile __float128 x = a, y = b, z = c, q;
    unsigned old = enter_rc(0), flags;

    switch (op) {
    case IR_OP_fadd: q = x + y; break;
    case IR_OP_fsub: q = x - y; break;
    case IR_OP_fmul: q = x * y; break;
    case IR_OP_fdiv: q = x / y; break;
    case IR_OP_fma: q = x * y + z; break;
    default: q = x; break;
    }
    flags = _mm_getcsr() & FLAGS;
    _mm_setcsr(old);
    *out = q;
    return !(flags & PE);
}

static uint64_t bits64(double v) { uint64_t u; memcpy(&u, &v, 8); return u; }
static double double_of(uint64_t u) { double v; memcpy(&v, &u, 8); return v; }
static uint32_t bits32(float v) { uint32_t u; memcpy(&u, &v, 4); return u; }
static float float_of(uint32_t u) { float v; memcpy(&v, &u, 4); return v; }

/* r was rounded to nearest even; q is exact. A tie that went to the smaller magnitude goes one up. */
static bool tie_went_down(__float128 q, __float128 r, __float128 next)
{
    __float128 qa = q < 0 ? -q : q, ra = r < 0 ? -r : r, na = next < 0 ? -next : next;

    return qa > ra && qa - ra == na - qa;
}

static double away64(double r, __float128 q)
{
    double next = double_of(bits64(r) + 1);
    unsigned old = _mm_getcsr();
    bool down = (bits64(r) & 0x7ff0000000000000) < 0x7fe0000000000000 && tie_went_down(q, r, next);

    _mm_setcsr(old);
    return down ? next : r;
}

static float away32(float r, __float128 q)
{
    float next = float_of(bits32(r) + 1);
    unsigned old = _mm_getcsr();
    bool down = (bits32(r) & 0x7f800000) < 0x7f000000 && tie_went_down(q, r, next);

    _mm_setcsr(old);
    return down ? next : r;
}

static double nearest64(double a, double b, unsigned op, unsigned *flags)
{
    volatile double x = a, y = b, r;
    unsigned old = enter_rc(0);

    r = op == IR_OP_fadd ? x + y : op == IR_OP_fsub ? x - y : op == IR_OP_fmul ? x * y : x / y;
    *flags = leave_rc(old);
    return r;
}

static float nearest32(float a, float b, unsigned op, unsigned *flags)
{
    volatile float x = a, y = b, r;
    unsigned old = enter_rc(0);

    r = op == IR_OP_fadd ? x + y : op == IR_OP_fsub ? x - y : op == IR_OP_fmul ? x * y : x / y;
    *flags = leave_rc(old);
    return r;
}

double soft_rmm64(double a, double b, unsigned op)
{
    unsigned flags;
    double r = nearest64(a, b, op, &flags);
    __float128 q;

    return (flags & PE) && exact128(a, b, 0, op, &q) ? away64(r, q) : r;
}

float soft_rmm32(float a, float b, unsigned op)
{
    unsigned flags;
    float r = nearest32(a, b, op, &flags);
    __float128 q;

    return (flags & PE) && exact128(a, b, 0, op, &q) ? away32(r, q) : r;
}

float soft_rmm_narrow(double a, unsigned op)
{
    volatile double x = a;
    volatile float r;
    unsigned old = enter_rc(0), flags;
    __float128 q;

    r = (float)x;
    flags = leave_rc(old);
    return (flags & PE) && exact128(a, 0, 0, op, &q) ? away32(r, q) : r;
}

/* --- fused multiply-add ---------------------------------------------------------------------------------------------- */

#define SIGN64 UINT64_C(0x8000000000000000)
#define SIGN32 0x80000000u

static bool nan64(uint64_t v) { return (v & ~SIGN64) > 0x7ff0000000000000; }
static bool nan32(uint32_t v) { return (v & ~SIGN32) > 0x7f800000; }

double soft_fma64(double a, double b, double c, unsigned aux)
{
    volatile double x = aux & IR_FP_NEG_PROD ? -a : a, y = b, z = aux & IR_FP_NEG_ADD ? -c : c, r;
    bool rmm = (aux & IR_FP_ROUND) == IR_FP_RMM;
    unsigned old = enter_rc(rc_of(aux)), flags;
    uint64_t v[3] = { bits64(a), bits64(b), bits64(c) };
    __float128 q;

    r = __builtin_fma(x, y, z);
    flags = leave_rc(old);
    if (nan64(bits64(r)) && (aux & IR_FP_NAN)) {
        soft_nan(NULL, 0, v, aux | SOFT_F64 | IR_OP_fma << 16, 0);
        return double_of(v[0]);
    }
    return rmm && (flags & PE) && exact128(x, y, z, IR_OP_fma, &q) ? away64(r, q) : r;
}

float soft_fma32(float a, float b, float c, unsigned aux)
{
    volatile float x = aux & IR_FP_NEG_PROD ? -a : a, y = b, z = aux & IR_FP_NEG_ADD ? -c : c, r;
    bool rmm = (aux & IR_FP_ROUND) == IR_FP_RMM;
    unsigned old = enter_rc(rc_of(aux)), flags;
    uint64_t v[3] = { bits32(a), bits32(b), bits32(c) };
    __float128 q;

    r = __builtin_fmaf(x, y, z);
    flags = leave_rc(old);
    if (nan32(bits32(r)) && (aux & IR_FP_NAN)) {
        soft_nan(NULL, 0, v, aux | IR_OP_fma << 16, 0);
        return float_of((uint32_t)v[0]);
    }
    return rmm && (flags & PE) && exact128(x, y, z, IR_OP_fma, &q) ? away32(r, q) : r;
}

/* --- NaN results ------------------------------------------------------------------------------------------------------ */

static bool quiet64(uint64_t v) { return v >> 51 & 1; }

/* f32 operands as f64 bit patterns of the same kind: the rules look at kind and sign only. */
static uint64_t pick_nan(const uint64_t *v, unsigned n, const uint8_t *order, bool f64)
{
    uint64_t quiet_bit = f64 ? BIT64(51) : BIT64(22);

    for (unsigned want_quiet = 0; want_quiet < 2; want_quiet++)
        for (unsigned k = 0; k < n; k++) {
            uint64_t x = v[order[k]];

            if ((f64 ? nan64(x) : nan32((uint32_t)x)) && !!(x & quiet_bit) == want_quiet)
                return x | quiet_bit;
        }
    return f64 ? 0x7ff8000000000000 : 0x7fc00000;
}

static bool is_nan(uint64_t x, bool f64)
{
    return f64 ? nan64(x) : nan32((uint32_t)x);
}

/* Infinity times zero, of which ARM and RISC-V say that it is invalid even when the addend is a quiet NaN. */
static bool inf_times_zero(const uint64_t *v, bool f64)
{
    uint64_t inf = f64 ? 0x7ff0000000000000 : 0x7f800000, mag = f64 ? ~SIGN64 : (uint64_t)(uint32_t)~SIGN32;
    uint64_t a = v[0] & mag, b = v[1] & mag;

    return (a == inf && !b) || (!a && b == inf);
}

/* Sources: Arm ARM (DDI 0487), FPProcessNaNs, FPProcessNaNs3, FPMulAdd, FPMinNum; RISC-V Unprivileged ISA, 11.3, 11.6. */
void soft_nan(struct cpu_env *env, uint64_t unused, void *p, unsigned what, uintptr_t host_pc)
{
    static const uint8_t forward[] = { 0, 1 }, addend_first[] = { 2, 0, 1 };
    bool f64 = what & SOFT_F64, canon = (what & IR_FP_NAN) == IR_FP_NAN_CANON;
    uint64_t v[3], def = f64 ? 0x7ff8000000000000 : 0x7fc00000, sign = f64 ? SIGN64 : SIGN32, r;
    unsigned op = what >> 16;

    (void)env, (void)unused, (void)host_pc;
    memcpy(v, p, sizeof v);
    if (op == IR_OP_fma) {
        if (is_nan(v[2], f64) && inf_times_zero(v, f64))
            raise_flags(IE);
        v[0] ^= what & IR_FP_NEG_PROD ? sign : 0;
        v[2] ^= what & IR_FP_NEG_ADD ? sign : 0;
        r = canon || (inf_times_zero(v, f64) && (v[2] & (f64 ? BIT64(51) : BIT64(22)))) ? def : pick_nan(v, 3, addend_first, f64);
    } else if ((op == IR_OP_fmin || op == IR_OP_fmax) && what & IR_FP_MINMAX_NUM) {
        uint64_t quiet = f64 ? BIT64(51) : BIT64(22);
        bool na = is_nan(v[0], f64), nb = is_nan(v[1], f64);

        if (na && !nb && (canon || (v[0] & quiet)))
            r = v[1];
        else if (nb && !na && (canon || (v[1] & quiet)))
            r = v[0];
        else
            r = canon ? def : pick_nan(v, 2, forward, f64);
    } else {
        r = canon ? def : pick_nan(v, op == IR_OP_fsqrt ? 1 : 2, forward, f64);
    }
    memcpy(p, &r, 8);
}

/* --- integral values ---------------------------------------------------------------------------------------------------- */

/* |a| < 2^52 split without touching a flag: the integer part, and where the rest lies against a half (0 none, 1 below,
 * 2 half, 3 above). */
static uint64_t split(double a, unsigned *rest)
{
    uint64_t u = bits64(a), m = (u & mask64(52)) | BIT64(52), low;
    int e = (int)(u >> 52 & 0x7ff) - 1075;                 /* a = m * 2^e */

    if (!(u & ~SIGN64)) {
        *rest = 0;
        return 0;
    }
    if (e <= -54) {                                        /* below a quarter, subnormals too */
        *rest = 1;
        return 0;
    }
    low = m & mask64((unsigned)-e);
    *rest = !low ? 0 : low < BIT64(-e - 1) ? 1 : low == BIT64(-e - 1) ? 2 : 3;
    return m >> -e;
}

static bool rounds_up(uint64_t whole, unsigned rest, bool neg, unsigned aux)
{
    if ((aux & IR_FP_ROUND) == IR_FP_RMM)
        return rest >= 2;
    switch (rc_of(aux)) {
    case 0: return rest == 3 || (rest == 2 && (whole & 1));
    case 1: return neg && rest;
    case 2: return !neg && rest;
    default: return false;
    }
}

double soft_round64(double a, unsigned aux)
{
    uint64_t u = bits64(a), whole, old;
    bool neg = u >> 63;
    unsigned rest;
    volatile double r;

    if ((u >> 52 & 0x7ff) >= 1075) {                       /* integral, infinite, NaN */
        if (nan64(u) && !quiet64(u))
            raise_flags(IE);
        return double_of(nan64(u) ? u | BIT64(51) : u);
    }
    whole = split(a, &rest);
    whole += rounds_up(whole, rest, neg, aux);
    old = _mm_getcsr();
    r = (double)(int64_t)whole;
    _mm_setcsr((unsigned)old);
    if (rest && (aux & IR_FP_INEXACT))
        raise_flags(PE);
    return double_of(bits64(r) | (neg ? SIGN64 : 0));
}

float soft_round32(float a, unsigned aux)
{
    unsigned old = _mm_getcsr();
    double r;

    if (nan32(bits32(a))) {
        if (!(bits32(a) & 0x400000))
            raise_flags(IE);
        return float_of(bits32(a) | 0x400000);
    }
    r = a;
    _mm_setcsr(old);                                       /* widening a subnormal raises the denormal flag */
    return (float)soft_round64(r, aux);
}

static uint64_t ftoi_invalid(unsigned aux, bool nan, bool neg)
{
    bool wide = aux & SOFT_I64, uns = aux & IR_FP_UNSIGNED;
    uint64_t max = wide ? (uns ? UINT64_MAX : INT64_MAX) : uns ? UINT32_MAX : INT32_MAX;
    uint64_t min = uns ? 0 : wide ? (uint64_t)INT64_MIN : (uint32_t)INT32_MIN;

    raise_flags(IE);
    if ((aux & IR_FP_NAN) == IR_FP_NAN_HOST)
        return uns ? max : min;
    if (nan)
        return (aux & IR_FP_NAN) == IR_FP_NAN_ARM ? 0 : max;
    return neg ? min : max;
}

uint64_t soft_ftoi64(double a, unsigned aux)
{
    uint64_t u = bits64(a), whole, limit;
    bool neg = u >> 63, wide = aux & SOFT_I64, uns = aux & IR_FP_UNSIGNED;
    int e = (int)(u >> 52 & 0x7ff) - 1075;
    unsigned rest = 0;

    if (nan64(u))
        return ftoi_invalid(aux, true, neg);
    if (e >= 12)                                           /* 2^64 and more, infinity */
        return ftoi_invalid(aux, false, neg);
    if (e >= 0)
        whole = ((u & mask64(52)) | BIT64(52)) << e;
    else {
        whole = split(a, &rest);
        whole += rounds_up(whole, rest, neg, aux);
    }
    limit = uns ? (neg ? 0 : wide ? UINT64_MAX : UINT32_MAX) : (wide ? (uint64_t)INT64_MAX : INT32_MAX) + neg;
    if (whole > limit)
        return ftoi_invalid(aux, false, neg);
    if (rest)
        raise_flags(PE);
    whole = neg ? -whole : whole;
    return wide ? whole : (uint32_t)whole;
}

uint64_t soft_ftoi32(float a, unsigned aux)
{
    unsigned old = _mm_getcsr();
    double d;

    if (nan32(bits32(a)))
        return ftoi_invalid(aux, true, bits32(a) >> 31);
    d = a;
    _mm_setcsr(old);
    return soft_ftoi64(d, aux);
}

/* 64-bit integers to nearest, ties away: the magnitude rounded by hand. */
static uint64_t round_magnitude(uint64_t m, unsigned digits, int *shift)
{
    int drop = 64 - __builtin_clzll(m) - (int)digits;
    uint64_t low;

    *shift = drop > 0 ? drop : 0;
    if (drop <= 0)
        return m;
    low = m & mask64((unsigned)drop);
    if (low)
        raise_flags(PE);
    return (m >> drop) + (low >= BIT64(drop - 1));
}

static uint64_t magnitude(uint64_t a, unsigned aux, bool *neg)
{
    *neg = !(aux & IR_FP_UNSIGNED) && (int64_t)a < 0;
    return *neg ? -a : a;
}

double soft_itof64(uint64_t a, unsigned aux)
{
    int shift = 0;
    bool neg;
    uint64_t m = magnitude(a, aux, &neg);
    double r = m ? (double)(int64_t)round_magnitude(m, 53, &shift) : 0;

    r = __builtin_ldexp(r, shift);
    return neg ? -r : r;
}

float soft_itof32(uint64_t a, unsigned aux)
{
    int shift = 0;
    bool neg;
    uint64_t m = magnitude(a, aux, &neg);
    float r = m ? (float)(int64_t)round_magnitude(m, 24, &shift) : 0;

    r = __builtin_ldexpf(r, shift);
    return neg ? -r : r;
}

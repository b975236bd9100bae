/* targets/riscv/help_fp.c - floating point that has no operation in the IR: half-precision conversions, fcvtmod. */
#include <immintrin.h>

#include "core/base/bits.h"
#include "targets/riscv/help.h"

enum { INVALID = 1, OVERFLOWS = 8, UNDERFLOWS = 16, INEXACT = 32 };   /* MXCSR's flags */
enum { RNE, RTZ, RDN, RUP, RMM };

static void raise_flags(unsigned flags)
{
    if (flags)
        _mm_setcsr(_mm_getcsr() | flags);
}

/* rm as in instructions; 7: as MXCSR says */
static unsigned mode(unsigned rm)
{
    static const uint8_t of_mxcsr[4] = { RNE, RDN, RUP, RTZ };

    return rm == 7 ? of_mxcsr[_mm_getcsr() >> 13 & 3] : rm;
}

/* Bits only: a signalling NaN stays one. */
uint32_t helper_half_to_single(uint64_t h)
{
    uint32_t sign = (uint32_t)(h >> 15 & 1) << 31, exp = h >> 10 & 31, frac = h & 1023;
    unsigned shift;

    if (exp == 31)
        return sign | 0x7f800000 | frac << 13;
    if (exp)
        return sign | (exp + 112) << 23 | frac << 13;
    if (!frac)
        return sign;
    shift = (unsigned)__builtin_clz(frac) - 21;
    return sign | (113 - shift) << 23 | (frac << shift & 1023) << 13;
}

/* sig, whose bit 63 is set, without its `drop` low bits (1 or more), rounded. */
static uint64_t round_at(uint64_t sig, unsigned drop, bool sign, unsigned rm, bool *inexact)
{
    uint64_t rest, half, kept;
    bool up;

    if (drop > 64) {
        rest = 1;                              /* all of it is below half of the last place */
        half = 2;
        kept = 0;
    } else if (drop == 64) {
        rest = sig;
        half = UINT64_C(1) << 63;
        kept = 0;
    } else {
        rest = sig & mask64(drop);
        half = UINT64_C(1) << (drop - 1);
        kept = sig >> drop;
    }
    *inexact = rest != 0;
    switch (rm) {
    case RNE:
        up = rest > half || (rest == half && kept & 1);
        break;
    case RMM:
        up = rest >= half;
        break;
    case RDN:
        up = sign && rest;
        break;
    case RUP:
        up = !sign && rest;
        break;
    default:
        up = false;
    }
    return kept + up;
}

/* A finite nonzero value sig * 2^(exp - 63), bit 63 of sig set, as a half. Tininess is detected after rounding. */
static uint32_t pack_half(bool sign, int exp, uint64_t sig, unsigned rm)
{
    uint32_t s = (uint32_t)sign << 15, v;
    unsigned flags = 0;
    bool inexact, ignored;

    if (exp > 15) {
        v = 0x7c00;
        flags = OVERFLOWS | INEXACT;
    } else if (exp >= -14) {
        v = (uint32_t)(exp + 14) << 10;        /* the significand's leading one adds 1 to the exponent */
        v += (uint32_t)round_at(sig, 53, sign, rm, &inexact);
        flags = inexact ? INEXACT : 0;
        if (v >= 0x7c00)
            flags |= OVERFLOWS | INEXACT;
    } else {
        bool tiny = exp < -15 || round_at(sig, 53, sign, rm, &ignored) < 0x800;

        v = (uint32_t)round_at(sig, 53 + (unsigned)MIN(-14 - exp, 60), sign, rm, &inexact);
        if (inexact)
            flags = INEXACT | (tiny ? UNDERFLOWS : 0);
    }
    if (flags & OVERFLOWS)
        v = rm == RTZ || (rm == RDN && !sign) || (rm == RUP && sign) ? 0x7bff : 0x7c00;
    raise_flags(flags);
    return s | v;
}

uint64_t helper_double_to_half(uint64_t d, uint32_t rm)
{
    bool sign = d >> 63;
    int exp = (int)(d >> 52 & 2047);
    uint64_t frac = d & mask64(52);
    unsigned shift;

    if (exp == 2047) {
        if (frac && !(frac >> 51))
            raise_flags(INVALID);
        return frac ? 0x7e00 : (uint64_t)sign << 15 | 0x7c00;
    }
    if (!exp && !frac)
        return (uint64_t)sign << 15;
    if (exp)
        return pack_half(sign, exp - 1023, UINT64_C(1) << 63 | frac << 11, mode(rm));
    shift = (unsigned)__builtin_clzll(frac);
    return pack_half(sign, -1011 - (int)shift, frac << shift, mode(rm));
}

uint64_t helper_single_to_half(uint64_t f, uint32_t rm)
{
    bool sign = f >> 31 & 1;
    int exp = (int)(f >> 23 & 255);
    uint64_t frac = f & mask64(23);
    unsigned shift;

    if (exp == 255) {
        if (frac && !(frac >> 22))
            raise_flags(INVALID);
        return frac ? 0x7e00 : (uint64_t)sign << 15 | 0x7c00;
    }
    if (!exp && !frac)
        return (uint64_t)sign << 15;
    if (exp)
        return pack_half(sign, exp - 127, UINT64_C(1) << 63 | frac << 40, mode(rm));
    shift = (unsigned)__builtin_clzll(frac);
    return pack_half(sign, -86 - (int)shift, frac << shift, mode(rm));
}

/* Unprivileged ISA, Zfa, fcvtmod.w.d: to zero, modulo 2^32; flags as fcvt.w.d with rtz. */
uint32_t helper_fcvtmod(uint64_t d)
{
    int exp = (int)(d >> 52 & 2047) - 1023;
    uint64_t sig = (d & mask64(52)) | UINT64_C(1) << 52, v = 0;
    bool sign = d >> 63, lost = false;

    if (exp == 1024) {
        raise_flags(INVALID);
        return 0;
    }
    if (exp < 0) {
        raise_flags(d << 1 ? INEXACT : 0);
        return 0;
    }
    if (exp <= 52) {
        v = sig >> (52 - exp);
        lost = (sig & mask64((unsigned)(52 - exp))) != 0;
    } else if (exp < 52 + 32) {
        v = sig << (exp - 52);
    }
    if (exp > 31 || v > (sign ? UINT64_C(0x80000000) : UINT64_C(0x7fffffff)))
        raise_flags(INVALID);
    else if (lost)
        raise_flags(INEXACT);
    return (uint32_t)(sign ? 0 - v : v);
}

/* targets/arm/help_fast.c - the AdvSIMD operations that programs use most, by the host's vector instructions. Each function
 * returns false when it does not know the operation: the general code in help_simd.c and help_fp.c does it then. */
#include "targets/arm/help_fast.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>

#include "targets/arm/help_simd.h"

static __m128i load(const void *p) { return _mm_loadu_si128(p); }
static void store(void *p, __m128i v) { _mm_storeu_si128(p, v); }

static __m128i zip(unsigned size, __m128i a, __m128i b, bool high)
{
    switch (size) {
    case 0: return high ? _mm_unpackhi_epi8(a, b) : _mm_unpacklo_epi8(a, b);
    case 1: return high ? _mm_unpackhi_epi16(a, b) : _mm_unpacklo_epi16(a, b);
    case 2: return high ? _mm_unpackhi_epi32(a, b) : _mm_unpacklo_epi32(a, b);
    default: return high ? _mm_unpackhi_epi64(a, b) : _mm_unpacklo_epi64(a, b);
    }
}

/* All ones where a lane is negative. */
static __m128i signs(unsigned size, __m128i v)
{
    __m128i zero = _mm_setzero_si128();

    return size == 0 ? _mm_cmpgt_epi8(zero, v) : size == 1 ? _mm_cmpgt_epi16(zero, v) : _mm_cmpgt_epi32(zero, v);
}

static __m128i widen(unsigned size, __m128i v, bool u, bool high)
{
    return zip(size, v, u ? _mm_setzero_si128() : signs(size, v), high);
}

static __m128i shift_left(unsigned size, __m128i v, unsigned by)
{
    __m128i n = _mm_cvtsi32_si128((int)by);

    return size == 1 ? _mm_sll_epi16(v, n) : size == 2 ? _mm_sll_epi32(v, n) : _mm_sll_epi64(v, n);
}

static __m128i add(unsigned size, __m128i a, __m128i b)
{
    return size == 0 ? _mm_add_epi8(a, b) : size == 1 ? _mm_add_epi16(a, b) : size == 2 ? _mm_add_epi32(a, b) : _mm_add_epi64(a, b);
}

static __m128i sub(unsigned size, __m128i a, __m128i b)
{
    return size == 0 ? _mm_sub_epi8(a, b) : size == 1 ? _mm_sub_epi16(a, b) : size == 2 ? _mm_sub_epi32(a, b) : _mm_sub_epi64(a, b);
}

bool simd_fast_shift_long(void *d, const void *n, unsigned size, bool u, bool high, unsigned by)
{
    if (size > 2)
        return false;
    store(d, shift_left(size + 1, widen(size, load(n), u, high), by));
    return true;
}

bool simd_fast_perm(void *d, const void *n, const void *m, unsigned op, unsigned size, bool q)
{
    if (op != SIMD_ZIP1 && op != SIMD_ZIP2)
        return false;
    if (q) {
        store(d, zip(size, load(n), load(m), op == SIMD_ZIP2));
    } else {                                   /* the eight bytes of each interleave into sixteen: take a half */
        __m128i v = zip(size, _mm_loadl_epi64(n), _mm_loadl_epi64(m), false);

        store(d, _mm_move_epi64(op == SIMD_ZIP2 ? _mm_srli_si128(v, 8) : v));
    }
    return true;
}

/* Widening sums, differences and products of bytes, half words and (sums only) words. */
bool simd_fast_diff(void *d, const void *n, const void *m, unsigned op, unsigned size, bool high)
{
    bool u = op & 32;
    __m128i a, b, p;

    if (size > 2)
        return false;
    b = widen(size, load(m), u, high);
    a = (op & 15) == 1 || (op & 15) == 3 ? load(n) : widen(size, load(n), u, high);
    switch (op & 15) {
    case 0: case 1: store(d, add(size + 1, a, b)); return true;
    case 2: case 3: store(d, sub(size + 1, a, b)); return true;
    case 8: case 10: case 12:
        if (size)
            return false;
        p = _mm_mullo_epi16(a, b);
        store(d, (op & 15) == 8 ? add(1, load(d), p) : (op & 15) == 10 ? sub(1, load(d), p) : p);
        return true;
    default:
        return false;
    }
}

/* Add, subtract, multiply and divide whole registers. The host raises the flags that Arm does; lanes that come out as NaNs
 * are left to the general code, which knows which NaN it must be (and raises nothing else). */
bool simd_fast_fp(void *d, const void *n, const void *m, unsigned op, bool dbl)
{
    if (dbl) {
        __m128d a = _mm_loadu_pd(n), b = _mm_loadu_pd(m), r;

        switch (op) {
        case 0x1a: r = _mm_add_pd(a, b); break;
        case 0x5a: r = _mm_sub_pd(a, b); break;
        case 0x3b: r = _mm_mul_pd(a, b); break;
        case 0x3f: r = _mm_div_pd(a, b); break;
        default: return false;
        }
        if (_mm_movemask_pd(_mm_cmpunord_pd(r, r)))
            return false;
        _mm_storeu_pd(d, r);
    } else {
        __m128 a = _mm_loadu_ps(n), b = _mm_loadu_ps(m), r;

        switch (op) {
        case 0x1a: r = _mm_add_ps(a, b); break;
        case 0x5a: r = _mm_sub_ps(a, b); break;
        case 0x3b: r = _mm_mul_ps(a, b); break;
        case 0x3f: r = _mm_div_ps(a, b); break;
        default: return false;
        }
        if (_mm_movemask_ps(_mm_cmpunord_ps(r, r)))
            return false;
        _mm_storeu_ps(d, r);
    }
    return true;
}

#else

bool simd_fast_shift_long(void *d, const void *n, unsigned size, bool u, bool high, unsigned by)
{
    (void)d, (void)n, (void)size, (void)u, (void)high, (void)by;
    return false;
}

bool simd_fast_perm(void *d, const void *n, const void *m, unsigned op, unsigned size, bool q)
{
    (void)d, (void)n, (void)m, (void)op, (void)size, (void)q;
    return false;
}

bool simd_fast_diff(void *d, const void *n, const void *m, unsigned op, unsigned size, bool high)
{
    (void)d, (void)n, (void)m, (void)op, (void)size, (void)high;
    return false;
}

bool simd_fast_fp(void *d, const void *n, const void *m, unsigned op, bool dbl)
{
    (void)d, (void)n, (void)m, (void)op, (void)dbl;
    return false;
}

#endif

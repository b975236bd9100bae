/* targets/arm/help_ext.c - vector instructions of later extensions: complex numbers (FCMA), half products to single (FHM),
 * matrices of bytes (I8MM), SHA-512; FJCVTZS. Arm ARM (DDI 0487), C7; FIPS 180-4. */
#include <math.h>

#include "targets/arm/help_fp_i.h"
#include "targets/arm/help_simd.h"

union reg { uint8_t b[16]; uint16_t h[8]; uint32_t s[4]; uint64_t d[2]; };

static union reg *reg(struct cpu_env *c, uint32_t regs, unsigned at) { return (union reg *)arm_env(c)->v[regs >> 8 * at & 31]; }

/* --- complex numbers: pairs of lanes, real part first ------------------------------------------------------------------------ */

static const struct format *const formats[4] = { &arm_f32, &arm_f64, &arm_f16, &arm_f32 };

static uint64_t lane(struct cpu_env *c, const struct format *f, const union reg *r, unsigned i)
{
    uint64_t v = f == &f16 ? r->h[i] : f == &f32 ? r->s[i] : r->d[i];

    return f == &f16 && arm_flush_half(c) && is_subnormal(f, v) ? v & 0x8000 : v;
}

static void put(const struct format *f, union reg *r, unsigned i, uint64_t v)
{
    if (f == &f16)
        r->h[i] = (uint16_t)v;
    else if (f == &f32)
        r->s[i] = (uint32_t)v;
    else
        r->d[i] = v;
}

/* op: the quarter turn; + 4: FCADD, which turns by one or three. */
static void complex_pair(struct cpu_env *c, const struct format *f, unsigned op, union reg *r, const union reg *n, const union reg *m,
                         const union reg *d, unsigned at, unsigned m_at)
{
    unsigned turn = op & 3;
    uint64_t sign = sign_bit(f), re = lane(c, f, m, m_at), im = lane(c, f, m, m_at + 1);
    uint64_t a = turn & 1 ? im : re, b = turn & 1 ? re : im;

    if (turn == 1 || turn == 2)
        a ^= sign;
    if (turn == 2 || turn == 3)
        b ^= sign;
    if (op & 4) {
        put(f, r, at, arm_fp_arith(c, f, ADD, lane(c, f, n, at), a));
        put(f, r, at + 1, arm_fp_arith(c, f, ADD, lane(c, f, n, at + 1), b));
    } else {
        uint64_t x = lane(c, f, n, at + (turn & 1));

        put(f, r, at, arm_fp_fused(c, f, lane(c, f, d, at), x, a));
        put(f, r, at + 1, arm_fp_fused(c, f, lane(c, f, d, at + 1), x, b));
    }
}

static void complex_lanes(struct cpu_env *c, uint32_t what, union reg *r, const union reg *n, const union reg *m, const union reg *d)
{
    const struct format *f = formats[what >> 8 & 3];
    int index = (int)(what >> SIMD_INDEX_SHIFT & 255) - 1;

    for (unsigned i = 0; i < (what >> 10 & 1 ? 128 : 64) / f->bits; i += 2)
        complex_pair(c, f, what & 7, r, n, m, d, i, index < 0 ? i : 2 * (unsigned)index);
}

/* --- products of halves, added to singles -------------------------------------------------------------------------------------- */

static uint64_t single_of(struct cpu_env *c, uint16_t h)
{
    uint64_t v = h;

    if (is_nan(&f16, v))                       /* a signalling one stays so: the sum decides */
        return (v >> 15) << 31 | 0x7f800000 | (v & 0x3ff) << 13;
    return arm_half_to(c, arm_flush_half(c) && is_subnormal(&f16, v) ? v & 0x8000 : v, &f32, false);
}

/* bit 0: the products are subtracted; bit 1: of the upper half */
static void half_products(struct cpu_env *c, uint32_t what, union reg *r, const union reg *n, const union reg *m, const union reg *d)
{
    unsigned lanes = what >> 10 & 1 ? 4 : 2, first = what & 2 ? lanes : 0;
    int index = (int)(what >> SIMD_INDEX_SHIFT & 255) - 1;

    for (unsigned i = 0; i < lanes; i++) {
        uint64_t a = single_of(c, n->h[first + i]), b = single_of(c, m->h[index < 0 ? first + i : (unsigned)index]);

        r->s[i] = (uint32_t)arm_fp_fused(c, &f32, d->s[i], what & 1 ? a ^ 0x80000000 : a, b);
    }
}

/* --- two rows of eight bytes by two columns ------------------------------------------------------------------------------------ */

static void matrices(uint32_t what, union reg *r, const union reg *n, const union reg *m)
{
    bool un = (what & 255) != EXT_SMMLA, um = (what & 255) == EXT_UMMLA;

    for (unsigned i = 0; i < 4; i++)
        for (unsigned k = 0; k < 8; k++) {
            uint8_t a = n->b[i / 2 * 8 + k], b = m->b[i % 2 * 8 + k];

            r->s[i] += (uint32_t)((un ? a : (int8_t)a) * (um ? b : (int8_t)b));
        }
}

/* --- SHA-512 --------------------------------------------------------------------------------------------------------------------- */

static uint64_t ror(uint64_t v, unsigned n) { return v >> n | v << (64 - n); }
static uint64_t sum0(uint64_t v) { return ror(v, 28) ^ ror(v, 34) ^ ror(v, 39); }
static uint64_t sum1(uint64_t v) { return ror(v, 14) ^ ror(v, 18) ^ ror(v, 41); }
static uint64_t sigma0(uint64_t v) { return ror(v, 1) ^ ror(v, 8) ^ v >> 7; }
static uint64_t sigma1(uint64_t v) { return ror(v, 19) ^ ror(v, 61) ^ v >> 6; }
static uint64_t choose(uint64_t x, uint64_t y, uint64_t z) { return (x & y) ^ (~x & z); }
static uint64_t majority(uint64_t x, uint64_t y, uint64_t z) { return (x & y) ^ (x & z) ^ (y & z); }

static void sha512(unsigned op, union reg *r, const union reg *n, const union reg *m)
{
    switch (op) {
    case EXT_SHA512H:
        r->d[1] += sum1(m->d[1]) + choose(m->d[1], n->d[0], n->d[1]);
        r->d[0] += sum1(r->d[1] + m->d[0]) + choose(r->d[1] + m->d[0], m->d[1], n->d[0]);
        break;
    case EXT_SHA512H2:
        r->d[1] += sum0(m->d[0]) + majority(n->d[0], m->d[1], m->d[0]);
        r->d[0] += sum0(r->d[1]) + majority(r->d[1], m->d[0], m->d[1]);
        break;
    case EXT_SHA512SU0:
        r->d[0] += sigma0(r->d[1]);
        r->d[1] += sigma0(n->d[0]);
        break;
    default:
        r->d[0] += sigma1(n->d[0]) + m->d[0];
        r->d[1] += sigma1(n->d[1]) + m->d[1];
        break;
    }
}

void arm_help_simd_ext(struct cpu_env *c, uint32_t what, uint32_t regs)
{
    const union reg n = *reg(c, regs, 1), m = *reg(c, regs, 2), d = *reg(c, regs, 0);
    unsigned op = what & 255;
    union reg r = d;

    if (op >= EXT_BFDOT) {
        arm_bf16(c, what, regs);
        return;
    }
    if (op < EXT_FMLAL) {
        memset(&r, 0, sizeof r);
        complex_lanes(c, what, &r, &n, &m, &d);
    } else if (op < EXT_SMMLA) {
        memset(&r, 0, sizeof r);
        half_products(c, what, &r, &n, &m, &d);
    } else if (op < EXT_SHA512H) {
        matrices(what, &r, &n, &m);
    } else {
        sha512(op, &r, &n, &m);
    }
    *reg(c, regs, 0) = r;
}

/* --- FJCVTZS: modulo 2^32, as JavaScript has it; bit 32 of the result: it was exact ---------------------------------------------- */

uint64_t arm_help_fjcvtzs(struct cpu_env *c, uint64_t bits)
{
    unsigned csr = _mm_getcsr();               /* what the host's functions raise below does not count */
    double v = as_d(bits), r;
    bool exact;

    (void)c;
    if (!isfinite(v)) {
        raise_invalid();
        return 0;
    }
    r = trunc(v);
    exact = r == v && bits != UINT64_C(1) << 63;
    if (r < -2147483648.0 || r > 2147483647.0) {
        exact = false;
        r = fmod(r, 4294967296.0);
        csr |= 1;
    } else if (r != v) {
        csr |= 0x20;
    }
    _mm_setcsr(csr);
    return (uint32_t)(int64_t)r | (uint64_t)exact << 32;
}

/* targets/arm/help_crypto.c - AES, SHA-1 and SHA-256 instructions. Arm ARM (DDI 0487), C7; FIPS 180-4, FIPS 197. AES runs
 * on the host's instructions where it has them. */
#include <string.h>
#include <immintrin.h>

#include "targets/arm/help_simd.h"
#include "targets/arm/state.h"

union reg { uint8_t b[16]; uint32_t s[4]; uint64_t d[2]; };

static union reg *reg(struct cpu_env *c, uint32_t regs, unsigned at) { return (union reg *)arm_env(c)->v[regs >> 8 * at & 31]; }
static uint32_t rol(uint32_t v, unsigned n) { return v << n | v >> (32 - n); }
static uint32_t ror(uint32_t v, unsigned n) { return v >> n | v << (32 - n); }

/* --- SHA-1 --------------------------------------------------------------------------------------------------------------- */

static void sha1_rounds(union reg *x, uint32_t y, const union reg *w, unsigned op)
{
    for (unsigned i = 0; i < 4; i++) {
        uint32_t b = x->s[1], cc = x->s[2], dd = x->s[3], t;

        t = op == SIMD_SHA1C ? (b & cc) | (~b & dd) : op == SIMD_SHA1P ? b ^ cc ^ dd : (b & cc) | (b & dd) | (cc & dd);
        t += rol(x->s[0], 5) + y + w->s[i];
        y = dd;
        x->s[3] = cc;
        x->s[2] = rol(b, 30);
        x->s[1] = x->s[0];
        x->s[0] = t;
    }
}

static void sha1su1(union reg *d, const union reg *n)
{
    uint32_t t[4];

    for (unsigned i = 0; i < 4; i++)
        t[i] = d->s[i] ^ (i < 3 ? n->s[i + 1] : 0);
    for (unsigned i = 0; i < 4; i++)
        d->s[i] = rol(t[i], 1);
    d->s[3] ^= rol(t[0], 2);
}

/* --- SHA-256 ---------------------------------------------------------------------------------------------------------------- */

/* Four rounds on (x, y); returns the half that is asked for. */
static union reg sha256_rounds(union reg x, union reg y, const union reg *w, bool first)
{
    for (unsigned i = 0; i < 4; i++) {
        uint32_t e = y.s[0], ch = (e & y.s[1]) ^ (~e & y.s[2]), a = x.s[0];
        uint32_t maj = (a & x.s[1]) ^ (a & x.s[2]) ^ (x.s[1] & x.s[2]);
        uint32_t t1 = y.s[3] + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) + ch + w->s[i];
        uint32_t t2 = (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) + maj, d = x.s[3] + t1;

        memmove(&x.s[1], &x.s[0], 12);
        memmove(&y.s[1], &y.s[0], 12);
        x.s[0] = t1 + t2;
        y.s[0] = d;
    }
    return first ? x : y;
}

static uint32_t sigma0(uint32_t v) { return ror(v, 7) ^ ror(v, 18) ^ v >> 3; }
static uint32_t sigma1(uint32_t v) { return ror(v, 17) ^ ror(v, 19) ^ v >> 10; }

static void sha256su0(union reg *d, const union reg *n)
{
    uint32_t t[4] = { d->s[1], d->s[2], d->s[3], n->s[0] };

    for (unsigned i = 0; i < 4; i++)
        d->s[i] += sigma0(t[i]);
}

static void sha256su1(union reg *d, const union reg *n, const union reg *m)
{
    uint32_t t0[4] = { n->s[1], n->s[2], n->s[3], m->s[0] };
    union reg r;

    for (unsigned i = 0; i < 4; i++)
        r.s[i] = sigma1(i < 2 ? m->s[i + 2] : r.s[i - 2]) + d->s[i] + t0[i];
    *d = r;
}

/* --- AES -------------------------------------------------------------------------------------------------------------------- */

static uint8_t xtime(uint8_t v) { return (uint8_t)(v << 1 ^ (v >> 7) * 0x1b); }

static uint8_t gmul(uint8_t a, uint8_t b)
{
    uint8_t r = 0;

    for (; b; b >>= 1, a = xtime(a))
        if (b & 1)
            r ^= a;
    return r;
}

static void sboxes(uint8_t *box, uint8_t *inverse)
{
    uint8_t p = 1, q = 1;

    do {
        uint8_t v;

        p = (uint8_t)(p ^ xtime(p));           /* multiply by 3 */
        q ^= (uint8_t)(q << 1);                /* divide by 3 */
        q ^= (uint8_t)(q << 2);
        q ^= (uint8_t)(q << 4);
        if (q & 0x80)
            q ^= 0x09;
        v = (uint8_t)(q ^ (q << 1 | q >> 7) ^ (q << 2 | q >> 6) ^ (q << 3 | q >> 5) ^ (q << 4 | q >> 4) ^ 0x63);
        box[p] = v;
        inverse[v] = p;
    } while (p != 1);
    box[0] = 0x63;
    inverse[0x63] = 0;
}

static void aes_round(union reg *v, bool decrypt)
{
    uint8_t box[256], inverse[256];
    union reg in = *v;

    sboxes(box, inverse);
    for (unsigned col = 0; col < 4; col++)
        for (unsigned row = 0; row < 4; row++) {
            unsigned from = 4 * ((decrypt ? col + 4 - row : col + row) % 4) + row;

            v->b[4 * col + row] = decrypt ? inverse[in.b[from]] : box[in.b[from]];
        }
}

static void aes_mix(union reg *v, bool inverse)
{
    static const uint8_t forward[4] = { 2, 3, 1, 1 }, back[4] = { 14, 11, 13, 9 };
    const uint8_t *k = inverse ? back : forward;
    union reg in = *v;

    for (unsigned i = 0; i < 16; i++) {
        uint8_t r = 0;

        for (unsigned j = 0; j < 4; j++)
            r ^= gmul(in.b[(i & ~3u) + j], k[(j + 4 - i % 4) % 4]);
        v->b[i] = r;
    }
}

__attribute__((target("aes,sse2"))) static void aes_by_host(union reg *v, unsigned op)
{
    __m128i x = _mm_loadu_si128((const __m128i *)v), zero = _mm_setzero_si128();

    switch (op) {
    case SIMD_AESE: x = _mm_aesenclast_si128(x, zero); break;
    case SIMD_AESD: x = _mm_aesdeclast_si128(x, zero); break;
    case SIMD_AESIMC: x = _mm_aesimc_si128(x); break;
    default: x = _mm_aesenc_si128(_mm_aesdeclast_si128(x, zero), zero); break;     /* MixColumns alone */
    }
    _mm_storeu_si128((__m128i *)v, x);
}

static void aes(union reg *v, unsigned op)
{
    if (__builtin_cpu_supports("aes"))
        aes_by_host(v, op);
    else if (op == SIMD_AESE || op == SIMD_AESD)
        aes_round(v, op == SIMD_AESD);
    else
        aes_mix(v, op == SIMD_AESIMC);
}

void arm_help_simd_crypto(struct cpu_env *c, uint32_t what, uint32_t regs)
{
    union reg d = *reg(c, regs, 0), r = d;
    const union reg n = *reg(c, regs, 1), m = *reg(c, regs, 2);

    switch (what & 255) {
    case SIMD_SHA1C: case SIMD_SHA1P: case SIMD_SHA1M: sha1_rounds(&r, n.s[0], &m, what & 255); break;
    case SIMD_SHA1SU0:
        r.d[0] = d.d[0] ^ d.d[1] ^ m.d[0];
        r.d[1] = d.d[1] ^ n.d[0] ^ m.d[1];
        break;
    case SIMD_SHA1H: memset(&r, 0, sizeof r); r.s[0] = rol(n.s[0], 30); break;
    case SIMD_SHA1SU1: sha1su1(&r, &n); break;
    case SIMD_SHA256H: r = sha256_rounds(d, n, &m, true); break;
    case SIMD_SHA256H2: r = sha256_rounds(n, d, &m, false); break;
    case SIMD_SHA256SU0: sha256su0(&r, &n); break;
    case SIMD_SHA256SU1: sha256su1(&r, &n, &m); break;
    case SIMD_AESE: case SIMD_AESD:
        r.d[0] ^= n.d[0];
        r.d[1] ^= n.d[1];
        aes(&r, what & 255);
        break;
    default:
        r = n;
        aes(&r, what & 255);
        break;
    }
    *reg(c, regs, 0) = r;
}

/* tcg/host/portable/sha.c - rounds and schedules of SHA-1 and SHA-256 as Intel SDM defines them (FIPS 180-4). Lane 3 is the
 * most significant word of a register and holds the first of four. */
#include "tcg/host/portable/portable.h"

static uint32_t rol(uint32_t v, unsigned n) { return v << n | v >> (32 - n); }
static uint32_t ror(uint32_t v, unsigned n) { return v >> n | v << (32 - n); }

static uint32_t choose(uint32_t x, uint32_t y, uint32_t z) { return (x & y) ^ (~x & z); }
static uint32_t majority(uint32_t x, uint32_t y, uint32_t z) { return (x & y) ^ (x & z) ^ (y & z); }

static void sha256_rounds(union val *r, const union val *cdgh, const union val *abef, const union val *wk)
{
    uint32_t a = abef->w[3], b = abef->w[2], c = cdgh->w[3], d = cdgh->w[2], e = abef->w[1], f = abef->w[0], g = cdgh->w[1],
             h = cdgh->w[0];

    for (unsigned k = 0; k < 2; k++) {
        uint32_t t1 = h + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) + choose(e, f, g) + wk->w[k];
        uint32_t t2 = (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) + majority(a, b, c);

        h = g, g = f, f = e, e = d + t1;
        d = c, c = b, b = a, a = t1 + t2;
    }
    r->w[3] = a, r->w[2] = b, r->w[1] = e, r->w[0] = f;
}

static uint32_t sigma0(uint32_t v) { return ror(v, 7) ^ ror(v, 18) ^ v >> 3; }
static uint32_t sigma1(uint32_t v) { return ror(v, 17) ^ ror(v, 19) ^ v >> 10; }

static void sha1_rounds(union val *r, const union val *abcd, const union val *w, unsigned fn)
{
    static const uint32_t constant[4] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6 };
    uint32_t a = abcd->w[3], b = abcd->w[2], c = abcd->w[1], d = abcd->w[0], e = 0;

    for (unsigned k = 0; k < 4; k++) {
        uint32_t f = fn == 0 ? choose(b, c, d) : fn == 2 ? majority(b, c, d) : b ^ c ^ d;
        uint32_t t = f + rol(a, 5) + e + w->w[3 - k] + constant[fn];

        e = d, d = c, c = rol(b, 30), b = a, a = t;
    }
    r->w[3] = a, r->w[2] = b, r->w[1] = c, r->w[0] = d;
}

void vec_sha(const struct ir_insn *i, union val *r, const union val *a, const union val *b, const union val *c)
{
    switch (i->op) {
    case IR_OP_vsha256rnds: sha256_rounds(r, a, b, c); break;
    case IR_OP_vsha256msg1:
        for (unsigned k = 0; k < 4; k++)
            r->w[k] = a->w[k] + sigma0(k < 3 ? a->w[k + 1] : b->w[0]);
        break;
    case IR_OP_vsha256msg2:
        for (unsigned k = 0; k < 4; k++)
            r->w[k] = a->w[k] + sigma1(k < 2 ? b->w[k + 2] : r->w[k - 2]);
        break;
    default: sha1_rounds(r, a, b, (unsigned)i->imm & 3); break;
    }
}

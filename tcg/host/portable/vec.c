/* tcg/host/portable/vec.c - vector operations, lane by lane. */
#include <string.h>

#include "tcg/host/portable/portable.h"

uint64_t vec_lane(const union val *v, unsigned bits, unsigned k)
{
    switch (bits) {
    case 8: return v->b[k];
    case 16: return v->h[k];
    case 32: return v->w[k];
    default: return v->u[k];
    }
}

void vec_set_lane(union val *v, unsigned bits, unsigned k, uint64_t x)
{
    switch (bits) {
    case 8: v->b[k] = (uint8_t)x; break;
    case 16: v->h[k] = (uint16_t)x; break;
    case 32: v->w[k] = (uint32_t)x; break;
    default: v->u[k] = x; break;
    }
}

static int64_t sign(unsigned bits, uint64_t x) { return (int64_t)(x << (64 - bits)) >> (64 - bits); }

static uint64_t lane_op(enum ir_op op, unsigned bits, unsigned n, uint64_t a, uint64_t b)
{
    switch (op) {
    case IR_OP_vadd: return a + b;
    case IR_OP_vsub: return a - b;
    case IR_OP_vmul: return a * b;
    case IR_OP_vand: return a & b;
    case IR_OP_vor: return a | b;
    case IR_OP_vxor: return a ^ b;
    case IR_OP_vandn: return a & ~b;
    case IR_OP_vnot: return ~a;
    case IR_OP_vshl: return n < bits ? a << n : 0;
    case IR_OP_vshr: return n < bits ? a >> n : 0;
    case IR_OP_vsar: return (uint64_t)(sign(bits, a) >> (n < bits ? n : bits - 1));
    case IR_OP_vcmpeq: return a == b ? ~0ull : 0;
    case IR_OP_vcmpgt: return sign(bits, a) > sign(bits, b) ? ~0ull : 0;
    default: return 0;
    }
}

/* --- AES (FIPS 197) --------------------------------------------------------------------------------------------------- */

static uint8_t times2(uint8_t x) { return (uint8_t)(x << 1 ^ (x & 0x80 ? 0x1b : 0)); }

static uint8_t times(uint8_t x, unsigned k)
{
    uint8_t r = 0;

    for (; k; k >>= 1, x = times2(x))
        r ^= k & 1 ? x : 0;
    return r;
}

/* The S-box: the inverse in GF(2^8), then an affine map. */
static uint8_t inverse(uint8_t x)
{
    uint8_t r = 1;

    for (unsigned k = 0; k < 7; k++) {         /* x^254 */
        x = times(x, x);
        r = times(r, x);
    }
    return r;
}

static uint8_t rotl8(uint8_t x, unsigned n) { return (uint8_t)(x << n | x >> (8 - n)); }

static uint8_t sub(uint8_t x)
{
    x = inverse(x);
    return x ^ rotl8(x, 1) ^ rotl8(x, 2) ^ rotl8(x, 3) ^ rotl8(x, 4) ^ 0x63;
}

static uint8_t inv_sub(uint8_t x)
{
    return inverse(rotl8(x, 1) ^ rotl8(x, 3) ^ rotl8(x, 6) ^ 0x05);
}

static void mix(uint8_t *out, const uint8_t *in, const uint8_t k[4])
{
    for (unsigned c = 0; c < 16; c += 4)
        for (unsigned r = 0; r < 4; r++)
            out[c + r] = times(in[c + r], k[0]) ^ times(in[c + (r + 1) % 4], k[1]) ^ times(in[c + (r + 2) % 4], k[2]) ^
                         times(in[c + (r + 3) % 4], k[3]);
}

static void aes(enum ir_op op, union val *out, const union val *a, const union val *b)
{
    static const uint8_t forward[4] = { 2, 3, 1, 1 }, backward[4] = { 14, 11, 13, 9 };
    bool decode = op == IR_OP_vaesdec || op == IR_OP_vaesdeclast;
    uint8_t s[16];

    if (op == IR_OP_vaesimc) {
        mix(out->b, a->b, backward);
        return;
    }
    for (unsigned k = 0; k < 16; k++)          /* rows shift by their number */
        s[k] = decode ? inv_sub(a->b[(k + 16 - 4 * (k % 4)) % 16]) : sub(a->b[(k + 4 * (k % 4)) % 16]);
    if (op == IR_OP_vaesenc)
        mix(out->b, s, forward);
    else if (op == IR_OP_vaesdec)
        mix(out->b, s, backward);
    else
        memcpy(out->b, s, 16);
    out->u[0] ^= b->u[0];
    out->u[1] ^= b->u[1];
}

static void carryless(union val *out, uint64_t a, uint64_t b)
{
    for (unsigned k = 0; k < 64; k++)
        if (b >> k & 1) {
            out->u[0] ^= a << k;
            out->u[1] ^= k ? a >> (64 - k) : 0;
        }
}

/* --- all of them -------------------------------------------------------------------------------------------------------- */

void vec_eval(const struct ir_insn *i, union val *out, const union val *a, const union val *b, const union val *c)
{
    unsigned bytes = vec_bytes(i), bits = i->aux ? i->aux : 64;
    union val r = { .u = { 0 } };

    if (i->op >= IR_OP_vsmin) {
        (i->op >= IR_OP_vfadd ? vec_fp : i->op >= IR_OP_vsha256rnds ? vec_sha : vec_lanes)(i, &r, a, b, c);
        *out = r;
        return;
    }
    switch (i->op) {
    case IR_OP_vdup:
        for (unsigned k = 0; k < bytes * 8 / bits; k++)
            vec_set_lane(&r, bits, k, a->u[0]);
        break;
    case IR_OP_vins: r = *a; vec_set_lane(&r, bits, (unsigned)i->imm, b->u[0]); break;
    case IR_OP_vext: r.u[0] = vec_lane(a, bits, (unsigned)i->imm); break;
    case IR_OP_vfromf: r.u[0] = a->u[0]; break;
    case IR_OP_vtof: r.u[0] = i->type == IR_F32 ? a->w[0] : a->u[0]; break;
    case IR_OP_vpair: r.u[0] = a->u[0]; r.u[1] = b->u[0]; break;
    case IR_OP_vaesenc: case IR_OP_vaesenclast: case IR_OP_vaesdec: case IR_OP_vaesdeclast: case IR_OP_vaesimc:
        aes(i->op, &r, a, b);
        break;
    case IR_OP_vclmul: carryless(&r, a->u[i->imm & 1], b->u[i->imm >> 4 & 1]); break;
    default:
        for (unsigned k = 0; k < bytes * 8 / bits; k++)
            vec_set_lane(&r, bits, k, lane_op(i->op, bits, (unsigned)i->imm, vec_lane(a, bits, k), i->nargs > 1 ? vec_lane(b, bits, k) : 0));
        break;
    }
    *out = r;
}

/* tcg/host/portable/lanes.c - vector operations beyond vec.c's: lanes compared, saturated, widened, narrowed, moved. */
#include <string.h>

#include "tcg/host/portable/portable.h"

static int64_t sign(unsigned bits, uint64_t x) { return (int64_t)(x << (64 - bits)) >> (64 - bits); }
static uint64_t ones(unsigned bits) { return ~0ull >> (64 - bits); }

static uint64_t clamp(__int128 v, __int128 lo, __int128 hi) { return (uint64_t)(v < lo ? lo : v > hi ? hi : v); }
static uint64_t clamp_s(__int128 v, unsigned bits) { return clamp(v, -((__int128)1 << (bits - 1)), ((__int128)1 << (bits - 1)) - 1); }
static uint64_t clamp_u(__int128 v, unsigned bits) { return clamp(v, 0, ((__int128)1 << bits) - 1); }

static uint64_t shift(enum ir_op op, unsigned bits, uint64_t a, uint64_t n)
{
    switch (op) {
    case IR_OP_vshlv: return n < bits ? a << n : 0;
    case IR_OP_vshrv: return n < bits ? a >> n : 0;
    default: return (uint64_t)(sign(bits, a) >> (n < bits ? n : bits - 1));
    }
}

static uint64_t mulq(unsigned bits, int64_t a, int64_t b, bool round)
{
    return clamp_s(((__int128)2 * a * b + (round ? (__int128)1 << (bits - 1) : 0)) >> bits, bits);
}

/* One lane from the lanes at the same place. */
static uint64_t lane_op(const struct ir_insn *i, unsigned bits, uint64_t a, uint64_t b)
{
    int64_t sa = sign(bits, a), sb = sign(bits, b);

    switch (i->op) {
    case IR_OP_vsmin: return sa < sb ? a : b;
    case IR_OP_vsmax: return sa > sb ? a : b;
    case IR_OP_vumin: return a < b ? a : b;
    case IR_OP_vumax: return a > b ? a : b;
    case IR_OP_vabs: return sa < 0 ? -a : a;
    case IR_OP_vsadds: return clamp_s((__int128)sa + sb, bits);
    case IR_OP_vuadds: return clamp_u((__int128)a + b, bits);
    case IR_OP_vssubs: return clamp_s((__int128)sa - sb, bits);
    case IR_OP_vusubs: return clamp_u((__int128)a - b, bits);
    case IR_OP_vavgu: return (uint64_t)(((unsigned __int128)a + b + 1) >> 1);
    case IR_OP_vcmpgtu: return a > b ? ~0ull : 0;
    case IR_OP_vshlv: case IR_OP_vshrv: case IR_OP_vsarv: return shift(i->op, bits, a, b);
    case IR_OP_vmulq: return mulq(bits, sa, sb, i->imm);
    default: return a ? (unsigned)__builtin_clzll(a) - (64 - bits) : bits;     /* vclz */
    }
}

static uint64_t narrow(enum ir_op op, unsigned bits, uint64_t v)
{
    switch (op) {
    case IR_OP_vpackss: return clamp_s(sign(bits, v), bits / 2);
    case IR_OP_vpackus: return clamp_u(sign(bits, v), bits / 2);
    default: return clamp_u((__int128)v, bits / 2);
    }
}

/* What works on each 128 bits by itself; at: the first byte. */
static void in_128(const struct ir_insn *i, union val *r, const union val *a, const union val *b, unsigned at)
{
    unsigned bits = i->aux ? i->aux : 8, n = 128 / bits, first = at * 8 / bits, half = n / 2;

    for (unsigned k = 0; k < n; k++)
        switch (i->op) {
        case IR_OP_vziplo: case IR_OP_vziphi:
            vec_set_lane(r, bits, first + k, vec_lane(k & 1 ? b : a, bits, first + k / 2 + (i->op == IR_OP_vziphi ? half : 0)));
            break;
        case IR_OP_veven: case IR_OP_vodd:
            vec_set_lane(r, bits, first + k, vec_lane(k < half ? a : b, bits, first + 2 * (k % half) + (i->op == IR_OP_vodd)));
            break;
        case IR_OP_vshufb: r->b[at + k] = b->b[at + k] & 0x80 ? 0 : a->b[at + (b->b[at + k] & 15)]; break;
        case IR_OP_vshufd: r->w[at / 4 + k] = a->w[at / 4 + (i->imm >> 2 * k & 3)]; break;
        default:                               /* packs: twice as many lanes of half the width */
            vec_set_lane(r, bits / 2, 2 * first + k, narrow(i->op, bits, vec_lane(a, bits, first + k)));
            vec_set_lane(r, bits / 2, 2 * first + n + k, narrow(i->op, bits, vec_lane(b, bits, first + k)));
            break;
        }
}

static void widening(const struct ir_insn *i, union val *r, const union val *a, const union val *b)
{
    unsigned bits = i->aux, n = vec_bytes(i) * 8 / bits / 2, from = i->imm ? n : 0;

    for (unsigned k = 0; k < n; k++) {
        uint64_t x = vec_lane(a, bits, from + k), y = i->nargs > 1 ? vec_lane(b, bits, from + k) : 0;

        if (i->op == IR_OP_vmulls || i->op == IR_OP_vwidens)
            x = (uint64_t)sign(bits, x), y = (uint64_t)sign(bits, y);
        vec_set_lane(r, 2 * bits, k, i->nargs > 1 ? x * y : x);
    }
}

static void sums(const struct ir_insn *i, union val *r, const union val *a, const union val *b)
{
    for (unsigned k = 0; k < vec_bytes(i) / 4 && i->op == IR_OP_vmadd; k++)
        r->w[k] = (uint32_t)((int16_t)a->h[2 * k] * (int16_t)b->h[2 * k]) +
                  (uint32_t)((int16_t)a->h[2 * k + 1] * (int16_t)b->h[2 * k + 1]);
    for (unsigned k = 0; k < vec_bytes(i) && i->op == IR_OP_vsad; k++)
        r->u[k / 8] += (unsigned)(a->b[k] > b->b[k] ? a->b[k] - b->b[k] : b->b[k] - a->b[k]);
}

void vec_lanes(const struct ir_insn *i, union val *r, const union val *a, const union val *b, const union val *c)
{
    unsigned bits = i->aux ? i->aux : 64;
    uint8_t both[32];

    switch (i->op) {
    case IR_OP_vmulls: case IR_OP_vmullu: case IR_OP_vwidens: case IR_OP_vwidenu: widening(i, r, a, b); break;
    case IR_OP_vmadd: case IR_OP_vsad: sums(i, r, a, b); break;
    case IR_OP_vziplo: case IR_OP_vziphi: case IR_OP_veven: case IR_OP_vodd: case IR_OP_vshufb: case IR_OP_vshufd:
    case IR_OP_vpackss: case IR_OP_vpackus: case IR_OP_vpackuu:
        for (unsigned at = 0; at < vec_bytes(i); at += 16)
            in_128(i, r, a, b, at);
        break;
    case IR_OP_valign:
        memcpy(both, a, 16);
        memcpy(both + 16, b, 16);
        memcpy(r, both + i->imm, 16);
        break;
    case IR_OP_vbsl:
        for (unsigned k = 0; k < vec_bytes(i) / 8; k++)
            r->u[k] = (a->u[k] & b->u[k]) | (~a->u[k] & c->u[k]);
        break;
    case IR_OP_vlow: r->u[0] = a->u[0]; break;
    default:
        for (unsigned k = 0; k < vec_bytes(i) * 8 / bits; k++)
            vec_set_lane(r, bits, k, lane_op(i, bits, vec_lane(a, bits, k), i->nargs > 1 ? vec_lane(b, bits, k) : 0) & ones(bits));
        break;
    }
}

/* targets/arm/tr_simd_crypto.c - AES, SHA-1 and SHA-256 as IR. The host's SHA instructions want the state in another order:
 * what two instructions on one state have in common is computed once. Arm ARM (DDI 0487), C7; Intel SDM vol. 2. */
#include "targets/arm/tr_simd_i.h"

enum { REVERSED = 0x1b };                      /* of vshufd */

/* State words a b c d and e f g h, lane 0 first, after four rounds. */
static ir_ref sha256(const struct lower *x, ir_ref abcd, ir_ref efgh, bool want_efgh)
{
    ir_ref abef = vshufd(x, vlows(x, efgh, abcd), SWAP_PAIRS);
    ir_ref cdgh = vshufd(x, v2(x, IR_OP_vziphi, 64, efgh, abcd), SWAP_PAIRS), wk = x->m, once, twice;

    once = ir_emit(x->ir, IR_OP_vsha256rnds, IR_V128, 0, 0, cdgh, abef, wk, 0);
    twice = ir_emit(x->ir, IR_OP_vsha256rnds, IR_V128, 0, 0, abef, once, vshufd(x, wk, SWAP_HALVES), 0);
    /* what was a b e f before the last two rounds is c d g h now */
    return vshufd(x, v2(x, want_efgh ? IR_OP_vziplo : IR_OP_vziphi, 64, once, twice), REVERSED);
}

/* The host adds the round constant itself: it is taken off the words, to which Arm has added it already. */
static ir_ref sha1(const struct lower *x, unsigned fn)
{
    static const uint32_t constant[] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc };
    ir_ref w = vsub(x, 32, x->m, vsplat(x, 32, constant[fn])), e;

    e = vand(x, x->n, ir_v128(x->ir, UINT32_MAX, 0));
    w = vshufd(x, vadd(x, 32, w, e), REVERSED);
    return vshufd(x, v2i(x, IR_OP_vsha1rnds, 0, fn, vshufd(x, x->d, REVERSED), w), REVERSED);
}

static ir_ref rotated(const struct lower *x, ir_ref v, unsigned n) { return vor(x, vshl(x, 32, v, n), vright(x, true, 32, v, 32 - n)); }

static ir_ref sha1su1(const struct lower *x)
{
    ir_ref zero = vzero(x), t = vxor(x, x->d, v2i(x, IR_OP_valign, 0, 4, x->n, zero));

    return vxor(x, rotated(x, t, 1), rotated(x, v2i(x, IR_OP_valign, 0, 4, zero, t), 2));
}

ir_ref simd_aes(struct ir *ir, ir_ref d, ir_ref n, bool decrypt)
{
    const struct lower x = { .ir = ir };

    return v2(&x, decrypt ? IR_OP_vaesdeclast : IR_OP_vaesenclast, 0, vxor(&x, d, n), vzero(&x));
}

/* MixColumns alone: undo a last round's substitution and shift, then do a full round with no key. */
ir_ref simd_aesmc(struct ir *ir, ir_ref n)
{
    const struct lower x = { .ir = ir };

    return v2(&x, IR_OP_vaesenc, 0, v2(&x, IR_OP_vaesdeclast, 0, n, vzero(&x)), vzero(&x));
}

ir_ref simd_aesimc(struct ir *ir, ir_ref n) { return ir_emit(ir, IR_OP_vaesimc, IR_V128, 0, 0, n, 0, 0, 0); }

ir_ref simd_lower_crypto(struct lower *x)
{
    switch (x->what & 255) {
    case SIMD_SHA1C: return sha1(x, 0);
    case SIMD_SHA1P: return sha1(x, 1);
    case SIMD_SHA1M: return sha1(x, 2);
    case SIMD_SHA1SU0: return vxor(x, vxor(x, x->d, x->m), v2i(x, IR_OP_valign, 0, 8, x->d, x->n));
    case SIMD_SHA1H: return vand(x, rotated(x, x->n, 30), ir_v128(x->ir, UINT32_MAX, 0));
    case SIMD_SHA1SU1: return sha1su1(x);
    case SIMD_SHA256H: return sha256(x, x->d, x->n, false);
    case SIMD_SHA256H2: return sha256(x, x->n, x->d, true);
    case SIMD_SHA256SU0: return v2(x, IR_OP_vsha256msg1, 0, x->d, x->n);
    case SIMD_SHA256SU1: return v2(x, IR_OP_vsha256msg2, 0, vadd(x, 32, x->d, v2i(x, IR_OP_valign, 0, 4, x->n, x->m)), x->m);
    case SIMD_AESE: case SIMD_AESD: return simd_aes(x->ir, x->d, x->n, (x->what & 255) == SIMD_AESD);
    case SIMD_AESMC: return simd_aesmc(x->ir, x->n);
    case SIMD_AESIMC: return simd_aesimc(x->ir, x->n);
    default: return IR_NONE;
    }
}

/* targets/arm/tr_simd_i.h - shared by the tr_simd_*.c files: an operation being lowered, and short names for lanes. */
#ifndef TARGETS_ARM_TR_SIMD_I_H
#define TARGETS_ARM_TR_SIMD_I_H

#include "targets/arm/help_simd.h"
#include "targets/arm/state.h"
#include "targets/arm/tr_simd.h"

struct lower {
    struct ir *ir;
    uint32_t what;
    unsigned op, bits, count;                  /* bits: of a lane, as `what` has it */
    bool u, q, scalar, upper;
    unsigned fp;
    ir_ref d, n, m;
};

/* One file each; IR_NONE: the helper does it. */
ir_ref simd_lower_same(struct lower *x);       /* tr_simd_int.c */
ir_ref simd_lower_misc(struct lower *x);
ir_ref simd_lower_across(struct lower *x);
ir_ref simd_lower_diff(struct lower *x);       /* tr_simd_len.c */
ir_ref simd_lower_shift(struct lower *x);
ir_ref simd_lower_narrow(struct lower *x);
ir_ref simd_lower_perm(struct lower *x);       /* tr_simd_perm.c */
ir_ref simd_lower_fp(struct lower *x);         /* tr_simd_fp.c */
ir_ref simd_lower_fp_misc(struct lower *x);
ir_ref simd_lower_crypto(struct lower *x);     /* tr_simd_crypto.c */

/* --- lanes ------------------------------------------------------------------------------------------------------------ */

static inline ir_ref v2i(const struct lower *x, enum ir_op op, unsigned bits, uint64_t imm, ir_ref a, ir_ref b)
{
    return ir_emit(x->ir, op, IR_V128, bits, imm, a, b, 0, 0);
}
static inline ir_ref v2(const struct lower *x, enum ir_op op, unsigned bits, ir_ref a, ir_ref b) { return v2i(x, op, bits, 0, a, b); }
static inline ir_ref v1i(const struct lower *x, enum ir_op op, unsigned bits, uint64_t imm, ir_ref a)
{
    return ir_emit(x->ir, op, IR_V128, bits, imm, a, 0, 0, 0);
}
static inline ir_ref v1(const struct lower *x, enum ir_op op, unsigned bits, ir_ref a) { return v1i(x, op, bits, 0, a); }
static inline ir_ref vand(const struct lower *x, ir_ref a, ir_ref b) { return v2(x, IR_OP_vand, 0, a, b); }
static inline ir_ref vor(const struct lower *x, ir_ref a, ir_ref b) { return v2(x, IR_OP_vor, 0, a, b); }
static inline ir_ref vxor(const struct lower *x, ir_ref a, ir_ref b) { return v2(x, IR_OP_vxor, 0, a, b); }
static inline ir_ref vandn(const struct lower *x, ir_ref a, ir_ref b) { return v2(x, IR_OP_vandn, 0, a, b); }
static inline ir_ref vnot(const struct lower *x, ir_ref a) { return v1(x, IR_OP_vnot, 0, a); }
static inline ir_ref vadd(const struct lower *x, unsigned bits, ir_ref a, ir_ref b) { return v2(x, IR_OP_vadd, bits, a, b); }
static inline ir_ref vsub(const struct lower *x, unsigned bits, ir_ref a, ir_ref b) { return v2(x, IR_OP_vsub, bits, a, b); }
static inline ir_ref vshl(const struct lower *x, unsigned bits, ir_ref a, unsigned n) { return v1i(x, IR_OP_vshl, bits, n, a); }
static inline ir_ref vright(const struct lower *x, bool u, unsigned bits, ir_ref a, unsigned n)
{
    return v1i(x, u ? IR_OP_vshr : IR_OP_vsar, bits, n, a);
}
static inline ir_ref vbsl(const struct lower *x, ir_ref mask, ir_ref yes, ir_ref no)
{
    return ir_emit(x->ir, IR_OP_vbsl, IR_V128, 0, 0, mask, yes, no, 0);
}
static inline ir_ref vwiden(const struct lower *x, bool u, unsigned bits, ir_ref a, bool upper)
{
    return v1i(x, u ? IR_OP_vwidenu : IR_OP_vwidens, bits, upper, a);
}
static inline ir_ref vshufd(const struct lower *x, ir_ref a, unsigned order) { return v1i(x, IR_OP_vshufd, 32, order, a); }
static inline ir_ref vshufb(const struct lower *x, ir_ref a, ir_ref order) { return v2(x, IR_OP_vshufb, 8, a, order); }
/* the lower halves of two, a first: what 64-bit vectors of both are together */
static inline ir_ref vlows(const struct lower *x, ir_ref a, ir_ref b) { return v2(x, IR_OP_vziplo, 64, a, b); }
static inline ir_ref vlow(const struct lower *x, ir_ref a) { return v1(x, IR_OP_vlow, 0, a); }
enum { SWAP_HALVES = 0x4e, SWAP_PAIRS = 0xb1 };            /* of vshufd */

/* every lane v */
ir_ref simd_splat(struct ir *ir, unsigned bits, uint64_t v);
static inline ir_ref vsplat(const struct lower *x, unsigned bits, uint64_t v) { return simd_splat(x->ir, bits, v); }
static inline ir_ref vzero(const struct lower *x) { return ir_v128(x->ir, 0, 0); }

/* Sets FPSR.QC if any of the low `valid` bits of mask is set. */
void simd_qc(const struct lower *x, ir_ref mask, unsigned valid);
static inline unsigned simd_width(const struct lower *x) { return x->scalar ? x->bits : x->q ? 128 : 64; }
/* a + b or a - b on lanes of `bits`, saturating */
ir_ref simd_saturate(const struct lower *x, bool u, bool sub, unsigned bits, ir_ref a, ir_ref b, unsigned valid);
ir_ref simd_pairwise_long(const struct lower *x, bool u, unsigned bits, ir_ref a);

#endif

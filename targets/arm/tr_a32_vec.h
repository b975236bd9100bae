/* targets/arm/tr_a32_vec.h - what AArch32's floating point and Advanced SIMD share: views of the vector registers, and
 * operations on them (tr_simd.h).
 *
 * D(2n) and D(2n + 1) are the halves of V(n), S(4n) to S(4n + 3) the quarters of V(n), n < 8. A write leaves the rest of the
 * V register as it was. A D register in an instruction is five bits; the S register of the same bits is a32_s(). */
#ifndef TARGETS_ARM_TR_A32_VEC_H
#define TARGETS_ARM_TR_A32_VEC_H

#include "targets/arm/tr_a32.h"

static inline unsigned a32_s(int d) { return ((unsigned)d & 15) << 1 | (unsigned)d >> 4; }
/* What an operand names: a D register, or the S register of the same bits. */
static inline unsigned a32_fpreg(bool dbl, int d) { return dbl ? (unsigned)d : a32_s(d); }

/* Scalars: r is the number of a D or S register. */
ir_ref a32_f(struct tr_a32 *t, bool dbl, unsigned r);          /* f32 or f64 */
void a32_put_f(struct tr_a32 *t, bool dbl, unsigned r, ir_ref v);
ir_ref a32_s32(struct tr_a32 *t, unsigned s);                  /* the bits: i32, i64 */
void a32_put_s32(struct tr_a32 *t, unsigned s, ir_ref v);
ir_ref a32_d64(struct tr_a32 *t, unsigned d);
void a32_put_d64(struct tr_a32 *t, unsigned d, ir_ref v);
ir_ref a32_fbits(struct tr_a32 *t, bool dbl, unsigned r);      /* i32 or i64 */
void a32_put_fbits(struct tr_a32 *t, bool dbl, unsigned r, ir_ref v);     /* or f32, f64 */
/* For loads and stores, which do not count for a32_plan(): the bits as a type of the register's size, or as a v128 of the V
 * register that begins with r. */
ir_ref a32_moved(struct tr_a32 *t, bool dbl, unsigned r, enum ir_type type);
void a32_put_moved(struct tr_a32 *t, bool dbl, unsigned r, ir_ref v);
bool a32_is_vector(const struct tr_a32 *t, unsigned v);        /* V register v is kept whole here */

/* Vectors: v128 of D register d (its bits are the low ones, those above anything) or, with q, of Q register d / 2. */
ir_ref a32_vec(struct tr_a32 *t, bool q, unsigned d);
void a32_put_vec(struct tr_a32 *t, bool q, unsigned d, ir_ref v);
ir_ref a32_lane(struct tr_a32 *t, ir_ref v, unsigned bits, unsigned i);        /* i32, i64 for 64 bits */
void a32_put_lane(struct tr_a32 *t, unsigned d, unsigned bits, unsigned i, ir_ref v);     /* of a D register; i32 or i64 */
ir_ref a32_dup(struct tr_a32 *t, ir_ref v, unsigned bits);     /* i32 or i64 to all lanes */

/**
 * a32_vop - a vector operation (tr_simd.h) on values, by IR or by its helper.
 * @group, @what, @d, @n, @m: as simd_lower(); Advanced SIMD arithmetic adds SIMD_STANDARD to `what`
 *
 * Returns a v128; what counts of it simd_result_bits() says.
 */
ir_ref a32_vop(struct tr_a32 *t, enum arm_helper group, uint32_t what, ir_ref d, ir_ref n, ir_ref m);

/**
 * a32_flushes - is this floating-point operation by the standard FPSCR value done by a32_flushing()? (tr_a32_flush.c)
 * a32_flushing - does it: by IR, or by_helper() where a subnormal number comes in or out.
 * @scratch: a slot to use meanwhile, which nothing else looks at
 */
bool a32_flushes(const struct tr_a32 *t, enum arm_helper group, uint32_t what);
ir_ref a32_flushing(struct tr_a32 *t, enum arm_helper group, uint32_t what, ir_ref d, ir_ref n, ir_ref m,
                    ir_ref (*by_helper)(struct tr_a32 *, enum arm_helper, uint32_t, ir_ref, ir_ref, ir_ref), unsigned scratch);

/** a32_table - bytes of hi:lo by index; others are 0 or, with keep, d's. All v128, of which 64 bits count in d and index. */
ir_ref a32_table(struct tr_a32 *t, bool keep, ir_ref d, ir_ref lo, ir_ref hi, ir_ref index);

/** a32_fp_mode - aux bits of enum ir_fp that FPSCR asks for. */
unsigned a32_fp_mode(const struct tr_a32 *t);

#endif

/* tcg/host/portable/portable.h - the parts of the interpreter. */
#ifndef TCG_HOST_PORTABLE_PORTABLE_H
#define TCG_HOST_PORTABLE_PORTABLE_H

#include "tcg/ir/ir.h"

/* A value of any type; integers and floats are kept zero-extended in u[0], flags packed as flnzcv has them. */
union val { uint64_t u[4]; uint8_t b[32]; uint16_t h[16]; uint32_t w[8]; };

/* --- fp.c: exact in rounding and sticky flags, which are those of the host thread ------------------------------- */

uint32_t fp_enter(uint32_t mxcsr);             /* takes the guest's mode and flags; returns the host's, for fp_leave() */
uint32_t fp_leave(uint32_t host);              /* the guest's with its flags */

/**
 * fp_eval - an FP operation of the IR.
 * @type, @atype: of the result and of the first argument
 * @a, @b, @c: bit patterns or integers, zero-extended
 * Returns the result's bits, zero-extended.
 */
uint64_t fp_eval(enum ir_op op, enum ir_type type, enum ir_type atype, unsigned aux, uint64_t a, uint64_t b, uint64_t c);

/* --- vec.c -------------------------------------------------------------------------------------------------------- */

/* A vector operation; scalars come and go in u[0]. Lanes above a v128 stay zero. Operands that the operation does not have
 * may be anything. Also what a back end calls for operations that its processor lacks. */
void vec_eval(const struct ir_insn *i, union val *out, const union val *a, const union val *b, const union val *c);

/* Its parts: lanes.c (from vsmin on), vecfp.c (from vfadd on), sha.c. *r is zero before. */
void vec_lanes(const struct ir_insn *i, union val *r, const union val *a, const union val *b, const union val *c);
void vec_fp(const struct ir_insn *i, union val *r, const union val *a, const union val *b, const union val *c);
void vec_sha(const struct ir_insn *i, union val *r, const union val *a, const union val *b, const union val *c);
uint64_t vec_lane(const union val *v, unsigned bits, unsigned k);
void vec_set_lane(union val *v, unsigned bits, unsigned k, uint64_t x);
static inline unsigned vec_bytes(const struct ir_insn *i) { return i->type == IR_V256 ? 32 : 16; }

#endif

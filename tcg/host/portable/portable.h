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

/* A vector operation; scalars come and go in u[0]. Lanes above a v128 stay zero. */
void vec_eval(const struct ir_insn *i, union val *out, const union val *a, const union val *b);

#endif

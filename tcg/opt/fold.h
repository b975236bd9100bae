/* tcg/opt/fold.h - what an operation on known operands comes to. Used while building and by the fold pass. */
#ifndef TCG_OPT_FOLD_H
#define TCG_OPT_FOLD_H

#include "tcg/ir/ir.h"

/**
 * fold_insn - simplify a PURE operation.
 * @i: operation wanted; may be rewritten to a simpler one (op, aux, imm, arg)
 *
 * Returns a value that equals it, new ones placed at the builder's insertion point; IR_NONE: make *i as it now is.
 */
ir_ref fold_insn(struct ir *ir, struct ir_insn *i);

/* fold_vector - the same for vector operations, one rule: a value, or one of these (AGAIN: *i was rewritten). */
enum { FOLD_UNCHANGED = 0, FOLD_AGAIN = 0xffffffff };
ir_ref fold_vector(const struct ir *ir, struct ir_insn *i);

/**
 * fold_cond - simplify a comparison: constants to the right, comparisons of comparisons, extended operands.
 * Returns 1 or 0 when the outcome is known, else -1 and *c, *a, *b (possibly changed, also in type).
 */
int fold_cond(struct ir *ir, enum ir_cond *c, ir_ref *a, ir_ref *b);

/* fold_signed_bits - how many low bits of an integer say it all: the rest repeat the last of them. */
unsigned fold_signed_bits(const struct ir *ir, ir_ref r);
/* fold_bits_used - how many low bits of an integer can be other than 0. */
unsigned fold_bits_used(const struct ir *ir, ir_ref r);

/* fold_stored - take what of *v a store of this size needs, without a conversion that does not matter. */
void fold_stored(struct ir *ir, unsigned mem, ir_ref *v);

/* fold_address - move a constant addend of *addr into *disp while that stays a signed 32-bit number. */
void fold_address(struct ir *ir, ir_ref *addr, int64_t *disp);

#endif

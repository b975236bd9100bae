/* tcg/ir/internal.h - shared by the files of tcg/ir and by the passes; translators and back ends do not include it. */
#ifndef TCG_IR_INTERNAL_H
#define TCG_IR_INTERNAL_H

#include "tcg/ir/ir.h"

extern const char *const ir_type_names[IR_NTYPES];
extern const char *const ir_cond_names[16];

/* --- arena: memory that lives until ir_reset ------------------------------------------------------------------- */

void *ir_alloc(struct ir *ir, size_t bytes);              /* 16-byte aligned, not cleared */
void *ir_zalloc(struct ir *ir, size_t bytes);

/* --- what the builder keeps beside struct ir ------------------------------------------------------------------- */

enum { IR_CSE_BITS = 9, IR_FOLD_DEPTH = 8 };

struct ir_build {
    unsigned nwords;                           /* 64-bit words in a mask of slots */
    ir_ref at;                                 /* new instructions go before this one; IR_NONE: to the end of ir->cur */
    uint32_t nforward;                         /* removed phis that something may still name */
    uint32_t ndeferred;                        /* snapshots and sets that ir_finish() completes */
    bool finished;
    bool unfolded;                             /* something changed since opt_fold() ran */
    bool counted;                              /* use counts are exact: opt_dce() was the last to change anything */
    bool plain;                                /* tests: build what is asked for, fold and share nothing */
    unsigned depth;
    /* the snapshot that an unchanged state shares */
    uint32_t last_snap;
    ir_block_ref last_snap_block;
    ir_ref cse[1 << IR_CSE_BITS];              /* by hash; checked against the instruction, so never cleared */
};
static inline struct ir_build *ir_build(const struct ir *ir) { return ir->build; }

/* State of the slots at the end of what a block holds so far; struct ir_block.slot_val points to val[].
 *   val[s] != 0         the current value
 *   val[s] == 0, home   what the home holds; reading makes a get here
 *   val[s] == 0, !home  what the predecessors leave
 *   known               whether s is dirty here is known: see dirty. Otherwise as it was at entry to the block. */
struct ir_slots {
    uint64_t *known, *dirty, *home;
};
static inline struct ir_slots ir_slots_of(const struct ir *ir, const struct ir_block *b)
{
    unsigned n = ir_build(ir)->nwords;
    uint64_t *m = (uint64_t *)(b->slot_val + n * 64);
    return (struct ir_slots){ m, m + n, m + 2 * n };
}
static inline bool ir_bit(const uint64_t *mask, unsigned s) { return mask[s / 64] >> (s % 64) & 1; }

/* A removed phi names what it stands for in arg[0]. */
enum { IR_MARK_FORWARD = 0xfffe, IR_MARK_INCOMPLETE = 0xfffd, IR_MARK_PASS = 0xfffc };
static inline bool ir_is_forward(const struct ir_insn *i) { return i->op == IR_OP_nop && i->mark == IR_MARK_FORWARD; }
ir_ref ir_resolve_slow(struct ir *ir, ir_ref r);
static inline ir_ref ir_resolve(struct ir *ir, ir_ref r)
{
    return ir_is_forward(&ir->insns[r]) ? ir_resolve_slow(ir, r) : r;
}
void ir_forward(struct ir *ir, ir_ref r, ir_ref to);       /* removes r; its users are to have `to` */
void ir_resolve_args(struct ir *ir, ir_ref r);
void ir_simplify(struct ir *ir);                          /* drops trivial phis, then every forward is gone */

/* New instruction, linked at the insertion point (or: at the place given). Nothing is folded. */
ir_ref ir_new(struct ir *ir, enum ir_op op, enum ir_type type);
ir_ref ir_new_in(struct ir *ir, ir_block_ref b, ir_ref before, enum ir_op op, enum ir_type type);
uint32_t ir_vconst_index(struct ir *ir, const uint8_t pattern[32]);   /* its number in the pool; added when new */
uint32_t ir_snap_new(struct ir *ir);                      /* empty */
void ir_snap_add(struct ir *ir, unsigned slot, ir_ref v);
void ir_drop_unreachable(struct ir *ir);                  /* blocks that no path from the entry reaches become empty */
void ir_move_before(struct ir *ir, ir_ref r, ir_ref at);
void ir_drop_edge(struct ir *ir, ir_block_ref from, ir_block_ref to);
uint32_t ir_pool_alloc(struct ir *ir, unsigned n);
void ir_fail(struct ir *ir, const char *why);
void ir_init_slots(struct ir *ir, ir_block_ref b);
ir_ref ir_read_slot_at_end(struct ir *ir, ir_block_ref b, unsigned slot);
void ir_add_pred(struct ir *ir, ir_block_ref to, ir_block_ref pred);
/* before the terminator of b, or at its end */
ir_ref ir_end_of(const struct ir *ir, ir_block_ref b);

static inline unsigned ir_width(enum ir_type t) { return t == IR_I32 ? 32 : 64; }
static inline uint64_t ir_mask(enum ir_type t) { return t == IR_I32 ? 0xffffffffu : ~0ull; }
static inline bool ir_is_int(enum ir_type t) { return t == IR_I32 || t == IR_I64; }

/* The type that argument k of an operation must have; i64, f64, v128 when several will do. (verify.c) */
enum ir_type ir_arg_type(enum ir_op op, enum ir_type type, unsigned k);

/* --- eval.c ---------------------------------------------------------------------------------------------------- */

/**
 * ir_eval - compute a PURE integer operation on constants.
 * @type: of the result; @atype: of the first argument (setcc compares at its width)
 * @a..@d: arguments, zero-extended
 * Returns false for operations it does not do (floats, vectors, flags); else *out, zero-extended to 64 bits.
 */
bool ir_eval(enum ir_op op, enum ir_type type, enum ir_type atype, unsigned aux, const uint64_t arg[4], uint64_t *out);
bool ir_eval_cond(enum ir_cond c, enum ir_type type, uint64_t a, uint64_t b);

#endif

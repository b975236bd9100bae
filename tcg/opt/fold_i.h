/* tcg/opt/fold_i.h - inside of folding: what the rules share.
 *
 * A rule looks at one operation and the ones that made its operands; it returns an existing value, or rewrites the
 * operation in place and asks for another round. A pointer to an instruction does not outlive the making of another one:
 * the array may move. */
#ifndef TCG_OPT_FOLD_I_H
#define TCG_OPT_FOLD_I_H

#include "tcg/ir/internal.h"
#include "tcg/opt/fold.h"

/* What a rule found: an existing value, or one of these. */
enum { UNCHANGED = FOLD_UNCHANGED, AGAIN = FOLD_AGAIN };

static inline const struct ir_insn *at(const struct ir *ir, ir_ref r) { return &ir->insns[r]; }
static inline bool is(const struct ir *ir, ir_ref r, enum ir_op op) { return ir->insns[r].op == op; }
static inline bool is_value(const struct ir *ir, ir_ref r, uint64_t v) { return is(ir, r, IR_OP_const) && at(ir, r)->imm == v; }

static inline ir_ref make_const(struct ir *ir, enum ir_type t, uint64_t v)
{
    return t == IR_I32 ? ir_i32(ir, (uint32_t)v) : t == IR_I64 ? ir_i64(ir, v) :
           t == IR_F32 ? ir_f32bits(ir, (uint32_t)v) : ir_f64bits(ir, v);
}


static inline ir_ref to_un(struct ir_insn *i, enum ir_op op, ir_ref a)
{
    *i = (struct ir_insn){ .op = op, .type = i->type, .nargs = 1, .arg = { a } };
    return AGAIN;
}

static inline ir_ref to_bin(struct ir_insn *i, enum ir_op op, ir_ref a, ir_ref b)
{
    *i = (struct ir_insn){ .op = op, .type = i->type, .nargs = 2, .arg = { a, b } };
    return AGAIN;
}

static inline ir_ref to_bini(struct ir *ir, struct ir_insn *i, enum ir_op op, ir_ref a, uint64_t imm)
{
    return to_bin(i, op, a, make_const(ir, i->type, imm & ir_mask(i->type)));
}

static inline ir_ref to_field(struct ir_insn *i, enum ir_op op, ir_ref a, unsigned pos, unsigned len)
{
    *i = (struct ir_insn){ .op = op, .type = i->type, .nargs = 1, .aux = (uint16_t)(pos | len << 8), .arg = { a } };
    return AGAIN;
}

static inline bool power_of_2(uint64_t v, unsigned *log)
{
    *log = v ? (unsigned)__builtin_ctzll(v) : 0;
    return v && !(v & (v - 1));
}

/* The rules, by operation. */
ir_ref fold_add(struct ir *ir, struct ir_insn *i);
ir_ref fold_sub(struct ir *ir, struct ir_insn *i);
ir_ref fold_mul(struct ir *ir, struct ir_insn *i);
ir_ref fold_div(struct ir *ir, struct ir_insn *i);
ir_ref fold_and(struct ir *ir, struct ir_insn *i);
ir_ref fold_andn(struct ir *ir, struct ir_insn *i);
ir_ref fold_or(struct ir *ir, struct ir_insn *i);
ir_ref fold_xor(struct ir *ir, struct ir_insn *i);
ir_ref fold_not_neg(struct ir *ir, struct ir_insn *i);
ir_ref fold_shift(struct ir *ir, struct ir_insn *i);
ir_ref fold_extract(struct ir *ir, struct ir_insn *i);
ir_ref fold_deposit(struct ir *ir, struct ir_insn *i);
ir_ref fold_extr2(struct ir *ir, struct ir_insn *i);
ir_ref fold_undo(struct ir *ir, struct ir_insn *i, enum ir_op inverse);
ir_ref fold_trunc(struct ir *ir, struct ir_insn *i);
ir_ref fold_sext(struct ir *ir, struct ir_insn *i);
ir_ref fold_zext(struct ir *ir, struct ir_insn *i);
ir_ref fold_min_max(struct ir *ir, struct ir_insn *i);
ir_ref fold_compare(struct ir *ir, struct ir_insn *i);
ir_ref fold_reinterpret(struct ir *ir, struct ir_insn *i);
ir_ref fold_vext(struct ir *ir, struct ir_insn *i);
ir_ref fold_vins(struct ir *ir, struct ir_insn *i);

#endif

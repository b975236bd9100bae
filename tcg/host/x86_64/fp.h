/* tcg/host/x86_64/fp.h - what the floating-point selectors share. */
#ifndef TCG_HOST_X86_64_FP_H
#define TCG_HOST_X86_64_FP_H

#include "tcg/host/x86_64/emit.h"
#include "tcg/host/x86_64/soft.h"

static inline bool f64(enum ir_type t) { return t == IR_F64; }
static inline enum ir_type arg_type(const struct ir *ir, const struct ir_insn *i, unsigned k) { return ir_type_of(ir, i->arg[k]); }
static inline unsigned rounding(const struct ir_insn *i) { return i->aux & IR_FP_ROUND; }
static inline unsigned nan_rule(const struct ir_insn *i) { return i->aux & IR_FP_NAN; }

#define PICK(t, name) (f64(t) ? X_##name##sd : X_##name##ss)

void x64_ucomis(struct x64_emit *e, enum ir_type t, unsigned a, struct x64_rm b);
/* A static rounding mode around one instruction, the flags kept; nothing for IR_FP_DYN. Both use r11. */
void x64_begin_rounding(struct x64_emit *e, unsigned mode);
void x64_end_rounding(struct x64_emit *e, unsigned mode);
/* A NaN result becomes the guest's. @arm: decides for ARM; NULL: the host's is right there */
void x64_fix_nan(struct x64_emit *e, x64_stub_fn *arm);
void x64_load_canonical(struct x64_emit *e, struct x64_stub *s);
/* Comparisons whose result only decides their block's branch go into it. */
void x64_fuse_branches(struct ir *ir);

#endif

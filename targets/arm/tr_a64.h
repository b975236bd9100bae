/* targets/arm/tr_a64.h - what the tr_a64_*.c files share while they turn A64 instructions into IR. */
#ifndef TARGETS_ARM_TR_A64_H
#define TARGETS_ARM_TR_A64_H

#include "targets/arm/help.h"
#include "targets/arm/state.h"
#include "targets/target.h"
#include "tcg/ir/ir.h"

struct a64_tr {
    struct tr_ctx *c;
    struct ir *ir;
    const struct arm_model *m;
    uint64_t pc, next;                         /* of this instruction, and the one behind; AArch32: with T in bit 0 */
    uint32_t insn;
    bool a32;                                  /* part of a struct tr_a32 */
    bool ended;                                /* the block has its terminator */
};

static inline bool arm_has(const struct a64_tr *t, unsigned feature) { return t->m->has[feature]; }

/* General registers. Register 31 is zero in the plain forms, the stack pointer in the _sp forms. sf: 64 bits, else an i32
 * whose write clears the upper half. */
ir_ref a64_x(struct a64_tr *t, unsigned r);
ir_ref a64_r(struct a64_tr *t, bool sf, unsigned r);
ir_ref a64_r_sp(struct a64_tr *t, bool sf, unsigned r);
void a64_put_x(struct a64_tr *t, unsigned r, ir_ref v);
void a64_put(struct a64_tr *t, unsigned r, ir_ref v);          /* i32 or i64 */
void a64_put_sp(struct a64_tr *t, unsigned r, ir_ref v);
ir_ref a64_const(struct a64_tr *t, bool sf, uint64_t v);

/* Condition flags (tr_a64_flags.c). */
void a64_set_cc(struct a64_tr *t, enum arm_flags_op op, ir_ref a, ir_ref b);     /* a, b: i64 or i32 as op says; b may be 0 */
void a64_set_nzcv(struct a64_tr *t, ir_ref packed);            /* i32 */
void a64_set_nz(struct a64_tr *t, ir_ref r);                   /* AArch32: of an i32; C and V stay */
void a64_set_nzc(struct a64_tr *t, ir_ref r, ir_ref c, unsigned bit);   /* and C: a bit of an i32; V stays */
void a64_set_adc(struct a64_tr *t, ir_ref a, ir_ref b, ir_ref c);       /* AArch32: of a + b + c, i32s */
ir_ref a64_nzcv(struct a64_tr *t);                             /* i32, packed */
struct a64_test { enum ir_cond cond; ir_ref a, b; };
struct a64_test a64_condition(struct a64_tr *t, unsigned cond);    /* how to test it; AL and NV: a constant comparison */

/* Leaving the block. In AArch32 addresses carry T in bit 0. */
void a64_jump(struct a64_tr *t, uint64_t pc, enum ir_jump kind);
void a64_branch(struct a64_tr *t, struct a64_test test, uint64_t to);
void a64_return(struct a64_tr *t, ir_ref to);                  /* i64 */
void a64_jump_reg(struct a64_tr *t, ir_ref to, unsigned rn);   /* BR: by register rn */
void a64_call_reg(struct a64_tr *t, ir_ref to);                /* BLR */
void a64_pauth_hint(struct a64_tr *t, unsigned number);        /* tr_a64_pauth.c */
void a64_exception(struct a64_tr *t, enum arm_exception exception, uint32_t esr);
void a64_raise(struct a64_tr *t, enum arm_exception exception, ir_ref far, uint32_t esr);
void a64_exception_here(struct a64_tr *t, enum arm_exception exception, uint32_t esr);     /* FAR is the pc */
void a64_undefined(struct a64_tr *t);
void a64_breakpoint(struct a64_tr *t, uint64_t pc);
void a64_step(struct a64_tr *t);               /* software step: this instruction is the one */
void a64_leave_behind(struct a64_tr *t, enum rt_exit reason);

/* Vector registers (tr_a64_simd.c). A scalar write clears the rest of the register. */
ir_ref a64_v(struct a64_tr *t, unsigned r);
void a64_put_v(struct a64_tr *t, unsigned r, ir_ref v);        /* v128 */
void a64_put_v64(struct a64_tr *t, unsigned r, ir_ref v);      /* i64 into the low half */
ir_ref a64_f(struct a64_tr *t, bool dbl, unsigned r);          /* f32 or f64 */
void a64_put_f(struct a64_tr *t, unsigned r, ir_ref v);
bool a64_flushes(const struct a64_tr *t);                      /* FPCR.FZ */
unsigned a64_fp_mode(const struct a64_tr *t);                  /* aux bits of enum ir_fp: rounding and NaN rule */
/* An operation by a helper on whole registers (help_simd.h). */
void a64_simd_call(struct a64_tr *t, enum arm_helper h, uint32_t what, unsigned d, unsigned n, unsigned m);
/* base + extended and shifted register, for loads and stores; false if reserved */
bool a64_register_offset(struct a64_tr *t, int rn, int rm, int option, int shift, ir_ref *at);

static inline ir_ref a64_env(struct a64_tr *t) { return ir_envaddr(t->ir, 0); }

/** a64_bitmask - the immediate of a logical instruction; false if the encoding is reserved. DDI 0487, DecodeBitMasks. */
bool a64_bitmask(bool sf, unsigned n, unsigned imms, unsigned immr, uint64_t *mask);

/** a64_translate - target.translate. */
void a64_translate(struct tr_ctx *c);

#endif

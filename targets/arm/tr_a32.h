/* targets/arm/tr_a32.h - what the tr_a32_*.c files share while they turn A32 and T32 instructions into IR.
 *
 * A T32 instruction that has an A32 twin calls the same function (as= in t32.insn). Flags, branches and exceptions are those
 * of A64 (tr_a64.h) on the struct a64_tr inside.
 *
 * A condition other than AL is met in one of two ways (tr_a32_cond.c). What only writes registers is done always, and each
 * a32_put() selects between the new value and the old (`select`). All else is branched over, and neighbours under the same
 * condition, or its opposite, share the branch (`group`). A translator function need not care: it sees its operands by
 * a32_r(), writes by a32_put(), and may end the block. */
#ifndef TARGETS_ARM_TR_A32_H
#define TARGETS_ARM_TR_A32_H

#include "targets/arm/tr_a64.h"

struct tr_a32 {
    struct a64_tr a;                           /* pc and next with T in bit 0 */
    uint64_t at;                               /* address of this instruction */
    bool thumb;
    uint8_t it;                                /* ITSTATE of this instruction; 0: outside an IT block */
    uint8_t cond;                              /* of this instruction; 14 always */
    bool select;                               /* register writes hold only if `test` does */
    struct a64_test test;
    unsigned flags_set;                        /* how often the block has set flags */
    struct { bool open, in_else; uint8_t cond; unsigned flags_set; ir_block_ref other; } group;
};

static inline bool a32_has(const struct tr_a32 *t, unsigned feature) { return t->a.m->has[feature]; }
static inline struct ir *a32_ir(struct tr_a32 *t) { return t->a.ir; }
static inline bool a32_privileged(const struct tr_a32 *t) { return t->a.c->mode & ARM_MODE_EL1; }

/* --- registers: i32 --------------------------------------------------------------------------------------------------- */

ir_ref a32_r(struct tr_a32 *t, int r);         /* R15: this instruction's address + 8, in T32 + 4 */
ir_ref a32_pc_aligned(struct tr_a32 *t);       /* that, rounded down to 4: the base of literals */
ir_ref a32_const(struct tr_a32 *t, uint32_t v);
void a32_put(struct tr_a32 *t, int r, ir_ref v);       /* R15: a branch, as data processing does it (ALUWritePC) */
void a32_put_loaded(struct tr_a32 *t, int r, ir_ref v);        /* R15: a branch that may change the instruction set (LoadWritePC) */
/* A value that depends on where the code is: every such goes through here. va: with T in bit 0 if it is to have it. */
ir_ref a32_code_address(struct tr_a32 *t, uint64_t va);

/* --- flags (also tr_a64.h) ----------------------------------------------------------------------------------------------- */

bool a32_sets_flags(const struct tr_a32 *t, int s);    /* s: 0 no, 1 yes, 2 outside IT blocks (16-bit T32) */
void a32_set_add(struct tr_a32 *t, ir_ref a, ir_ref b);
void a32_set_sub(struct tr_a32 *t, ir_ref a, ir_ref b);
void a32_set_adc(struct tr_a32 *t, ir_ref a, ir_ref b, ir_ref c);      /* c: 0 or 1 */
void a32_set_nz(struct tr_a32 *t, ir_ref r);
void a32_set_nzc(struct tr_a32 *t, ir_ref r, ir_ref c, unsigned bit);  /* C: that bit of c */
void a32_set_nzcv(struct tr_a32 *t, ir_ref packed);
ir_ref a32_nzcv(struct tr_a32 *t);             /* packed: N bit 31 .. V bit 28 */
ir_ref a32_carry(struct tr_a32 *t);            /* 0 or 1 */
void a32_set_q(struct tr_a32 *t, ir_ref bit);  /* Q |= bit */

/* --- memory --------------------------------------------------------------------------------------------------------------
 * Addresses are i32 values and wrap. mem: enum ir_mem size and sign; the byte order of the mode is added. */
ir_ref a32_ld(struct tr_a32 *t, unsigned mem, ir_ref base, int32_t disp);              /* i32 */
void a32_st(struct tr_a32 *t, unsigned mem, ir_ref base, int32_t disp, ir_ref v);      /* v: i32, i64, f32, f64, v128 */
ir_ref a32_ld_type(struct tr_a32 *t, enum ir_type type, unsigned mem, ir_ref base, int32_t disp);
ir_ref a32_address(struct tr_a32 *t, ir_ref base, int32_t disp);                       /* i64 of base + disp */
unsigned a32_mem(const struct tr_a32 *t, unsigned mem);        /* with byte order; for ir_ld() and its kin on a32_address() */
/* IR_MALIGN for words that have to be aligned whatever SCTLR.A says: of LDM, LDRD, VLDR and their kin. User mode is kinder, as
 * kernels put such accesses right. */
unsigned a32_strict(const struct tr_a32 *t);
/** a32_check_alignment - an alignment fault unless `at` (i32) is a multiple of bytes, a power of two. */
void a32_check_alignment(struct tr_a32 *t, ir_ref at, unsigned bytes, bool store);

/* --- leaving ------------------------------------------------------------------------------------------------------------- */

void a32_jump(struct tr_a32 *t, uint64_t pc, enum ir_jump kind);       /* pc: with T */
void a32_bx(struct tr_a32 *t, ir_ref to, enum ir_jump kind);           /* i32 with T in bit 0; kind RET predicts a return */
void a32_svc(struct tr_a32 *t, uint32_t imm);  /* system mode */
void a32_undefined(struct tr_a32 *t);
void a32_exception(struct tr_a32 *t, enum arm_exception exception, uint32_t esr);
void a32_exception_here(struct tr_a32 *t, enum arm_exception exception, uint32_t esr);     /* FAR is the pc */
void a32_leave_behind(struct tr_a32 *t, enum rt_exit reason);
/** a32_exception_return - to pc (i32), with CPSR from spsr or, if that is IR_NONE, from the mode's SPSR. Undefined in User mode. */
void a32_exception_return(struct tr_a32 *t, ir_ref pc, ir_ref spsr);
/* A call of a helper that may raise (IR_H_FAULT): ITSTATE is in its home meanwhile. */
ir_ref a32_call(struct tr_a32 *t, enum arm_helper h, unsigned nargs, const ir_ref *args);
static inline ir_ref a32_env(struct tr_a32 *t) { return ir_envaddr(t->a.ir, 0); }

/* --- conditions (tr_a32_cond.c) ------------------------------------------------------------------------------------------- */

/** a32_cond_begin - before an instruction under t->cond. pure: it does no more than write registers (no R15, no flags). */
void a32_cond_begin(struct tr_a32 *t, bool pure);
/** a32_cond_close - end a group that is open. Code after it runs whatever the condition was. */
void a32_cond_close(struct tr_a32 *t);

/* --- decoders ------------------------------------------------------------------------------------------------------------
 * a32_decode: the conditional space of A32 (bits 28 to 31 are not looked at); a32_uncond_decode: condition field 1111.
 * t32_decode16, t32_decode32 (first halfword above). a32_simd_decode (a32_simd.insn): floating point and Advanced SIMD in
 * their A32 encodings, condition field 1110 for VFP and 1111 for the unconditional ones; T32's are rewritten to those.
 * False: undefined. */
bool a32_decode(struct tr_a32 *t, uint32_t insn);
bool a32_uncond_decode(struct tr_a32 *t, uint32_t insn);
bool t32_decode16(struct tr_a32 *t, uint16_t insn);
bool t32_decode32(struct tr_a32 *t, uint32_t insn);
bool a32_simd_decode(struct tr_a32 *t, uint32_t insn);

/** a32_translate - target.translate while the CPU is in AArch32. */
void a32_translate(struct tr_ctx *c);
/** a32_plan - target.plan: which vector registers are kept in parts (tr_a32_vec.c). */
uint64_t a32_plan(uint64_t seen);

#endif

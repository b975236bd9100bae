/* targets/riscv/tr.h - what the tr_*.c files share while they turn guest instructions into IR. */
#ifndef TARGETS_RISCV_TR_H
#define TARGETS_RISCV_TR_H

#include "targets/riscv/state.h"
#include "targets/riscv/help.h"
#include "targets/target.h"
#include "tcg/ir/ir.h"

/* The mode key: what a translation depends on beside its bytes and the model. */
enum {
    RV_MODE_PRIV = 3,
    RV_MODE_FS_SHIFT = 2, RV_MODE_FS = 3 << 2, /* enum riscv_fs */
    RV_MODE_RM_SHIFT = 4, RV_MODE_RM = 3 << 4, /* enum riscv_rm */
};
enum riscv_fs { RV_FS_OFF, RV_FS_CLEAN, RV_FS_DIRTY };
enum riscv_rm { RV_RM_HOST, RV_RM_RMM, RV_RM_INVALID };    /* what frm asks for: a host mode; ties away; reserved */

struct riscv_tr {
    struct tr_ctx *c;
    struct ir *ir;
    const struct riscv_model *m;
    uint64_t pc, next;                         /* of this instruction, and behind it */
    uint32_t insn;                             /* its bits; the low 16 when compressed */
    uint8_t len;
    uint8_t priv, fs, rm;                      /* from the mode key */
    bool rv32;
    bool ended;                                /* the block has its terminator */
    enum ir_type xt;                           /* type of an x register */
};

static inline bool riscv_has(const struct riscv_tr *t, unsigned feature) { return t->m->has[feature]; }

/* x registers: reads of x0 give 0, writes to it vanish */
ir_ref gpr(struct riscv_tr *t, unsigned r);
void put_gpr(struct riscv_tr *t, unsigned r, ir_ref v);
ir_ref gpr32(struct riscv_tr *t, unsigned r);              /* low 32 bits as i32 */
void put_gpr32(struct riscv_tr *t, unsigned r, ir_ref v);  /* i32, sign-extended */
ir_ref xconst(struct riscv_tr *t, uint64_t v);             /* a constant of xlen bits */
ir_ref xpc(struct riscv_tr *t, uint64_t pc);               /* a guest address that follows from the pc, of xlen bits */
ir_ref address(struct riscv_tr *t, unsigned r, int64_t imm, int64_t *disp);   /* i64 address and what is left to add */

/* leaving the block */
void tr_jump(struct riscv_tr *t, uint64_t pc, enum ir_jump kind);
void tr_exception(struct riscv_tr *t, uint32_t number, uint64_t tval);
void tr_exception_pc(struct riscv_tr *t, uint32_t number, uint64_t pc);    /* tval is a guest address near the pc */
void tr_illegal(struct riscv_tr *t);
void tr_leave_behind(struct riscv_tr *t, enum rt_exit reason);   /* pc behind this instruction */
bool tr_misaligned_target(struct riscv_tr *t, uint64_t pc);      /* raises it where there are no compressed instructions */

/* a helper's number with its arguments */
ir_ref tr_call(struct riscv_tr *t, enum riscv_helper h, unsigned nargs, const ir_ref *args);
static inline ir_ref tr_env(struct riscv_tr *t) { return ir_envaddr(t->ir, 0); }

/** riscv_translate - target.translate. */
void riscv_translate(struct tr_ctx *c);

#endif

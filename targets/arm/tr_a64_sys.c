/* targets/arm/tr_a64_sys.c - A64 exceptions, hints and barriers. */
#include <stddef.h>

#include "targets/arm/a64.insn.h"
#include "targets/arm/tr_a64.h"

void tr_a64_svc(struct a64_tr *t, const struct args_a64_svc *a)
{
    if (t->c->system)
        a64_exception(t, ARM_EXC_SVC, 0, (uint32_t)a->imm);
    else
        a64_leave_behind(t, RT_EXIT_SYSCALL);
}

void tr_a64_brk(struct a64_tr *t, const struct args_a64_brk *a) { a64_exception(t, ARM_EXC_BRK, t->pc, (uint32_t)a->imm); }

/* NOP, YIELD, and the hints of extensions that act as NOP where those are absent. */
void tr_a64_hint(struct a64_tr *t, const struct args_a64_hint *a) { (void)t; (void)a; }

void tr_a64_dsb(struct a64_tr *t, const struct args_a64_dsb *a)
{
    (void)a;
    ir_fence(t->ir, IR_FENCE_FULL);
}

/* CRm<1:0>: 01 loads, 10 stores, 11 all. Only a store before a load can pass on the host. */
void tr_a64_dmb(struct a64_tr *t, const struct args_a64_dmb *a)
{
    ir_fence(t->ir, (a->crm & 3) == 1 || (a->crm & 3) == 2 ? IR_FENCE_COMPILER : IR_FENCE_FULL);
}

/* What follows is fetched anew. */
void tr_a64_isb(struct a64_tr *t, const struct args_a64_isb *a)
{
    (void)a;
    ir_call(t->ir, ARM_H_fence_i, 1, (ir_ref[]){ a64_env(t) });
    a64_leave_behind(t, RT_EXIT_FLUSHED);
}

void tr_a64_sb(struct a64_tr *t, const struct args_a64_sb *a) { (void)t; (void)a; }

/* --- system registers --------------------------------------------------------------------------------------------------- */

static uint32_t encoding(int op0, int op1, int crn, int crm, int op2)
{
    return (uint32_t)(2 + op0) << 19 | (uint32_t)op1 << 16 | (uint32_t)crn << 12 | (uint32_t)crm << 8 | (uint32_t)op2 << 5;
}

enum { TPIDR_EL0 = 3 << 19 | 3 << 16 | 13 << 12 | 2 << 5, NZCV = 3 << 19 | 3 << 16 | 4 << 12 | 2 << 8 };

void tr_a64_mrs(struct a64_tr *t, const struct args_a64_mrs *a)
{
    uint32_t k = encoding(a->op0, a->op1, a->crn, a->crm, a->op2);

    if (k == TPIDR_EL0)
        a64_put(t, (unsigned)a->rt, ir_ldenv(t->ir, IR_I64, IR_M64, offsetof(struct arm_env, tpidr_el0)));
    else if (k == NZCV)
        a64_put(t, (unsigned)a->rt, a64_nzcv(t));
    else
        a64_put(t, (unsigned)a->rt, ir_call(t->ir, ARM_H_sysreg_read, 2, (ir_ref[]){ a64_env(t), ir_i32(t->ir, t->insn) }));
    if (k == (3 << 19 | 3 << 16 | 2 << 12 | 4 << 8) || k == (3 << 19 | 3 << 16 | 2 << 12 | 4 << 8 | 1 << 5))
        a64_set_nzcv(t, ir_i32(t->ir, 0));     /* RNDR, RNDRRS: a good number */
}

void tr_a64_msr(struct a64_tr *t, const struct args_a64_msr *a)
{
    uint32_t k = encoding(a->op0, a->op1, a->crn, a->crm, a->op2);
    ir_ref v = a64_x(t, (unsigned)a->rt);

    if (k == TPIDR_EL0) {
        ir_stenv(t->ir, IR_M64, offsetof(struct arm_env, tpidr_el0), v);
    } else if (k == NZCV) {
        a64_set_nzcv(t, ir_bini(t->ir, IR_OP_and, ir_conv(t->ir, IR_OP_trunc, IR_I32, v), 0xf0000000));
    } else {
        ir_call(t->ir, ARM_H_sysreg_write, 3, (ir_ref[]){ a64_env(t), ir_i32(t->ir, t->insn), v });
        a64_leave_behind(t, RT_EXIT_FLUSHED);  /* rounding and NaN modes choose the code that follows */
    }
}

/* Cache maintenance. DC ZVA clears 64 bytes; IC IVAU makes new code seen; the others have nothing to do here. */
void tr_a64_sys(struct a64_tr *t, const struct args_a64_sys *a)
{
    bool el0 = a->op1 == 3 && a->crn == 7;

    if (el0 && a->crm == 4 && a->op2 == 1) {
        ir_ref at = ir_bini(t->ir, IR_OP_and, a64_x(t, (unsigned)a->rt), ~UINT64_C(63)), zero = ir_v128(t->ir, 0, 0);

        for (unsigned i = 0; i < 64; i += 16)
            ir_st(t->ir, IR_M128, at, i, zero);
    } else if (el0 && a->crm == 5 && a->op2 == 1) {
        ir_call(t->ir, ARM_H_fence_i, 1, (ir_ref[]){ a64_env(t) });
    } else if (!(el0 && (a->crm == 10 || a->crm == 11 || a->crm == 12 || a->crm == 13 || a->crm == 14) && a->op2 == 1)) {
        a64_undefined(t);
    }
}

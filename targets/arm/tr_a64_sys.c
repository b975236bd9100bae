/* targets/arm/tr_a64_sys.c - A64 exceptions, hints and barriers. */
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

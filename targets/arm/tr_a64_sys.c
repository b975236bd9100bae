/* targets/arm/tr_a64_sys.c - A64 exceptions, hints and barriers. */
#include <stddef.h>

#include "core/base/bits.h"
#include "targets/arm/a64.insn.h"
#include "targets/arm/bti.h"
#include "targets/arm/tr_a64.h"

static bool at_el1(const struct a64_tr *t) { return t->c->mode & ARM_MODE_EL1; }
static bool at_plain_el1(const struct a64_tr *t) { return t->c->system && t->c->mode & ARM_MODE_PLAIN_EL1; }

enum { DAIF_REGISTER = 3 << 19 | 3 << 16 | 4 << 12 | 2 << 8 | 1 << 5 };

/* --- going on in another mode or with other mappings -------------------------------------------------------------------- */

static void go_to(struct a64_tr *t, ir_ref pc)
{
    ir_goto_ind(t->ir, pc, IR_JUMP_MODE, 0);
    t->ended = true;
}

static void go_behind(struct a64_tr *t) { go_to(t, tr_pc(t->c, t->next)); }

/* Leave, behind this instruction, if an interrupt line is up. Goes on in a new block. */
static void leave_for_interrupts(struct a64_tr *t)
{
    ir_block_ref out = ir_block_new(t->ir, t->next), on = ir_block_new(t->ir, t->next);

    ir_brcc(t->ir, IR_NE, ir_ldenv(t->ir, IR_I32, IR_M32, offsetof(struct arm_env, lines)), ir_i32(t->ir, 0), out, on, 1);
    ir_seal(t->ir, out);
    ir_seal(t->ir, on);
    ir_enter(t->ir, out);
    a64_leave_behind(t, RT_EXIT_FLUSHED);
    t->ended = false;
    ir_enter(t->ir, on);
}

/* --- exceptions --------------------------------------------------------------------------------------------------------- */

void tr_a64_svc(struct a64_tr *t, const struct args_a64_svc *a)
{
    if (t->c->system)
        go_to(t, ir_call(t->ir, ARM_H_trap, 4, (ir_ref[]){ a64_env(t), ir_i32(t->ir, ARM_EXC_SVC), ir_i32(t->ir, (uint32_t)a->imm),
                                                           tr_pc(t->c, t->pc) }));
    else
        a64_leave_behind(t, RT_EXIT_SYSCALL);
}

void tr_a64_brk(struct a64_tr *t, const struct args_a64_brk *a) { a64_exception_here(t, ARM_EXC_BRK, (uint32_t)a->imm); }

/* HVC and SMC: to EL2, to EL3 or to the machine's firmware. */
static void call_up(struct a64_tr *t, enum arm_helper helper, int64_t imm)
{
    if (!at_el1(t)) {
        a64_undefined(t);
        return;
    }
    ir_call(t->ir, helper, 2, (ir_ref[]){ a64_env(t), ir_i32(t->ir, (uint32_t)imm & 0xffff) });
    a64_leave_behind(t, RT_EXIT_FLUSHED);
}

void tr_a64_hvc(struct a64_tr *t, const struct args_a64_hvc *a) { call_up(t, ARM_H_hvc, a->imm); }
void tr_a64_smc(struct a64_tr *t, const struct args_a64_smc *a) { call_up(t, ARM_H_smc, a->imm); }

void tr_a64_eret(struct a64_tr *t, const struct args_a64_eret *a)
{
    (void)a;
    if (!at_el1(t)) {
        a64_undefined(t);
        return;
    }
    go_to(t, ir_call(t->ir, ARM_H_eret, 1, (ir_ref[]){ a64_env(t) }));
}

void tr_a64_ereta(struct a64_tr *t, const struct args_a64_ereta *a)
{
    ir_ref pc;

    if (!at_el1(t)) {
        a64_undefined(t);
        return;
    }
    pc = ir_call(t->ir, ARM_H_pauth_eret, 3, (ir_ref[]){ a64_env(t), a64_r_sp(t, true, 31), ir_i32(t->ir, (uint32_t)a->b) });
    go_to(t, ir_call(t->ir, ARM_H_eret_to, 2, (ir_ref[]){ a64_env(t), pc }));
}

/* WFI waits; WFE may end at any time and ends at once. Some authenticate pointers. YIELD and WFE say that the guest
 * spins. The others, NOP and the hints of extensions that act as NOP where those are absent, do nothing. */
void tr_a64_hint(struct a64_tr *t, const struct args_a64_hint *a)
{
    unsigned number = (unsigned)(a->crm << 3 | a->op2);
    bool wfe = a->crm == 0 && a->op2 == 2, wfi = a->crm == 0 && a->op2 == 3;

    a64_pauth_hint(t, number);
    if (t->c->mode & ARM_MODE_GUARDED && bti_clears_btype(number))
        ir_stenv(t->ir, IR_M32, offsetof(struct arm_env, branched.type), ir_i32(t->ir, 0));
    if (t->c->crowded && (number == 1 || wfe))
        ir_call(t->ir, ARM_H_relax, 1, (ir_ref[]){ a64_env(t) });
    if (!t->c->system || (!wfe && !wfi))
        return;
    if (wfi || !at_el1(t))
        ir_call(t->ir, ARM_H_wait, 2, (ir_ref[]){ a64_env(t), ir_i32(t->ir, wfe) });
    if (wfi)
        a64_leave_behind(t, RT_EXIT_HALT);
}

/* --- PSTATE -------------------------------------------------------------------------------------------------------------- */

/* EL0 may change DAIF when SCTLR_EL1.UMA says so: the helper traps otherwise. */
static void daif(struct a64_tr *t, unsigned crm, bool clear)
{
    uint32_t bits = crm << 6;
    struct ir *ir = t->ir;
    ir_ref now;

    if (!t->c->system) {
        a64_undefined(t);
        return;
    }
    if (!at_el1(t))
        ir_call(ir, ARM_H_daif_allowed, 2, (ir_ref[]){ a64_env(t), ir_i32(ir, t->insn) });
    now = ir_ldenv(ir, IR_I32, IR_M32, offsetof(struct arm_env, pstate));
    now = ir_bini(ir, clear ? IR_OP_and : IR_OP_or, now, clear ? ~bits : bits);
    ir_stenv(ir, IR_M32, offsetof(struct arm_env, pstate), now);
    if (clear && at_plain_el1(t))
        leave_for_interrupts(t);
    else if (clear)
        a64_leave_behind(t, RT_EXIT_FLUSHED);  /* an interrupt may be waiting */
}

void tr_a64_daifset(struct a64_tr *t, const struct args_a64_daifset *a) { daif(t, (unsigned)a->crm, false); }
void tr_a64_daifclr(struct a64_tr *t, const struct args_a64_daifclr *a) { daif(t, (unsigned)a->crm, true); }

static void pstate(struct a64_tr *t, uint32_t bit, bool set)
{
    const ir_ref args[] = { a64_env(t), ir_i32(t->ir, bit), ir_i32(t->ir, set ? bit : 0) };

    if (!at_el1(t) && bit != PSTATE_SSBS) {
        a64_undefined(t);
        return;
    }
    ir_call(t->ir, ARM_H_pstate, 3, args);
    go_behind(t);
}

void tr_a64_spsel(struct a64_tr *t, const struct args_a64_spsel *a) { pstate(t, PSTATE_SP, a->crm); }
void tr_a64_pan(struct a64_tr *t, const struct args_a64_pan *a) { pstate(t, PSTATE_PAN, a->crm); }
void tr_a64_uao(struct a64_tr *t, const struct args_a64_uao *a) { pstate(t, PSTATE_UAO, a->crm); }
void tr_a64_ssbs(struct a64_tr *t, const struct args_a64_ssbs *a) { pstate(t, PSTATE_SSBS, a->crm); }

/* --- barriers -------------------------------------------------------------------------------------------------------------- */

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
    go_behind(t);
}

void tr_a64_sb(struct a64_tr *t, const struct args_a64_sb *a) { (void)t; (void)a; }

/* --- system registers --------------------------------------------------------------------------------------------------- */

static uint32_t encoding(int op0, int op1, int crn, int crm, int op2)
{
    return (uint32_t)(2 + op0) << 19 | (uint32_t)op1 << 16 | (uint32_t)crn << 12 | (uint32_t)crm << 8 | (uint32_t)op2 << 5;
}

enum { FPCR = 3 << 19 | 3 << 16 | 4 << 12 | 4 << 8, FPSR = FPCR | 1 << 5 };
enum { SPSEL = 3 << 19 | 4 << 12 | 2 << 8 };
enum { TPIDR_EL0 = 3 << 19 | 3 << 16 | 13 << 12 | 2 << 5, NZCV = 3 << 19 | 3 << 16 | 4 << 12 | 2 << 8 };

static bool fp_trapped(struct a64_tr *t, uint32_t k)
{
    bool trapped = (k == FPCR || k == FPSR) && t->c->mode & ARM_MODE_FP_TRAP;

    if (trapped)
        a64_exception(t, ARM_EXC_FP_TRAP, 0);
    return trapped;
}

/* Registers of EL1 that are a word of the state, without effects when read; `write`: none when written either. */
static const struct plain { uint32_t k; uint32_t offset; bool write; } plain[] = {
#define K(op0, op1, crn, crm, op2) ((uint32_t)(op0) << 19 | (op1) << 16 | (crn) << 12 | (crm) << 8 | (op2) << 5)
#define AT(field) offsetof(struct arm_env, field)
    { K(3, 0, 4, 1, 0), AT(sp_el), true }, { K(3, 0, 13, 0, 4), AT(tpidr_el1), true }, { K(3, 0, 5, 2, 0), AT(esr_el1), true },
    { K(3, 0, 6, 0, 0), AT(far_el1), true }, { K(3, 0, 4, 0, 0), AT(spsr), true }, { K(3, 0, 4, 0, 1), AT(elr), true },
    { K(3, 3, 13, 0, 3), AT(tpidrro_el0), true }, { K(3, 0, 2, 0, 0), AT(ttbr[0]), false }, { K(3, 0, 2, 0, 1), AT(ttbr[1]), false },
    { K(3, 0, 2, 1, 0), AT(keys[0][0]), true }, { K(3, 0, 2, 1, 1), AT(keys[0][1]), true }, { K(3, 0, 2, 1, 2), AT(keys[1][0]), true },
    { K(3, 0, 2, 1, 3), AT(keys[1][1]), true }, { K(3, 0, 2, 2, 0), AT(keys[2][0]), true }, { K(3, 0, 2, 2, 1), AT(keys[2][1]), true },
    { K(3, 0, 2, 2, 2), AT(keys[3][0]), true }, { K(3, 0, 2, 2, 3), AT(keys[3][1]), true }, { K(3, 0, 2, 3, 0), AT(keys[4][0]), true },
    { K(3, 0, 2, 3, 1), AT(keys[4][1]), true },
    { K(3, 0, 1, 0, 0), AT(sctlr), false }, { K(3, 0, 2, 0, 2), AT(tcr), false },
#undef AT
#undef K
};

static const struct plain *find_plain(const struct a64_tr *t, uint32_t k, bool write)
{
    bool key = (k & ~0x3e0u) == (3 << 19 | 2 << 12) && k & 0x300;

    for (unsigned i = 0; at_plain_el1(t) && !(key && !arm_has(t, ARM_F_pauth)) && i < ARRAY_LEN(plain); i++)
        if (plain[i].k == k)
            return write && !plain[i].write ? NULL : &plain[i];
    return NULL;
}

/* MSR DAIF at EL1: kernels restore the interrupt mask all the time. */
static void set_daif(struct a64_tr *t, ir_ref v)
{
    ir_ref bits = ir_bini(t->ir, IR_OP_and, ir_conv(t->ir, IR_OP_trunc, IR_I32, v), PSTATE_DAIF);
    ir_ref rest = ir_bini(t->ir, IR_OP_and, ir_ldenv(t->ir, IR_I32, IR_M32, offsetof(struct arm_env, pstate)), (uint32_t)~PSTATE_DAIF);

    ir_stenv(t->ir, IR_M32, offsetof(struct arm_env, pstate), ir_bin(t->ir, IR_OP_or, rest, bits));
    leave_for_interrupts(t);
}

/* The vDSO's clocks: IMPLEMENTATION DEFINED registers, in user mode alone (roms/vdso/aarch64.S). */
static bool vdso_clock(struct a64_tr *t, const struct args_a64_mrs *a)
{
    if (t->c->system || a->op0 != 1 || a->op1 != 3 || a->crn != 15 || a->crm != 0 || !(VDSO_CLOCKS >> a->op2 & 1))
        return false;
    a64_put(t, (unsigned)a->rt, ir_call(t->ir, ARM_H_user_clock, 2, (ir_ref[]){ a64_env(t), ir_i32(t->ir, (uint32_t)a->op2) }));
    return true;
}

void tr_a64_mrs(struct a64_tr *t, const struct args_a64_mrs *a)
{
    uint32_t k = encoding(a->op0, a->op1, a->crn, a->crm, a->op2);
    const struct plain *p = find_plain(t, k, false);

    if (fp_trapped(t, k) || vdso_clock(t, a))
        return;
    if (k == TPIDR_EL0)
        a64_put(t, (unsigned)a->rt, ir_ldenv(t->ir, IR_I64, IR_M64, offsetof(struct arm_env, tpidr_el0)));
    else if (k == NZCV)
        a64_put(t, (unsigned)a->rt, a64_nzcv(t));
    else if (p)
        a64_put(t, (unsigned)a->rt, ir_ldenv(t->ir, IR_I64, IR_M64, p->offset));
    else if (k == DAIF_REGISTER && at_plain_el1(t))
        a64_put(t, (unsigned)a->rt, ir_bini(t->ir, IR_OP_and, ir_conv(t->ir, IR_OP_zext, IR_I64,
                ir_ldenv(t->ir, IR_I32, IR_M32, offsetof(struct arm_env, pstate))), PSTATE_DAIF));
    else
        a64_put(t, (unsigned)a->rt, ir_call(t->ir, ARM_H_sysreg_read, 2, (ir_ref[]){ a64_env(t), ir_i32(t->ir, t->insn) }));
    if (k == (3 << 19 | 3 << 16 | 2 << 12 | 4 << 8) || k == (3 << 19 | 3 << 16 | 2 << 12 | 4 << 8 | 1 << 5))
        a64_set_nzcv(t, ir_i32(t->ir, 0));     /* RNDR, RNDRRS: a good number */
}

void tr_a64_msr(struct a64_tr *t, const struct args_a64_msr *a)
{
    uint32_t k = encoding(a->op0, a->op1, a->crn, a->crm, a->op2);
    const struct plain *p = find_plain(t, k, true);
    ir_ref v = a64_x(t, (unsigned)a->rt);

    if (fp_trapped(t, k))
        return;
    if (k == TPIDR_EL0) {
        ir_stenv(t->ir, IR_M64, offsetof(struct arm_env, tpidr_el0), v);
    } else if (k == NZCV) {
        a64_set_nzcv(t, ir_bini(t->ir, IR_OP_and, ir_conv(t->ir, IR_OP_trunc, IR_I32, v), 0xf0000000));
    } else if (p) {
        ir_stenv(t->ir, IR_M64, p->offset, v);
    } else if (k == DAIF_REGISTER && at_plain_el1(t)) {
        set_daif(t, v);
    } else {
        if (k == SPSEL)
            ir_sync_slot(t->ir, ARM_SLOT_SP);
        ir_call(t->ir, ARM_H_sysreg_write, 3, (ir_ref[]){ a64_env(t), ir_i32(t->ir, t->insn), v });
        if (k == SPSEL)
            ir_forget_slot(t->ir, ARM_SLOT_SP);
        go_behind(t);                          /* rounding and NaN modes choose the code that follows, too */
    }
}

/* TLBI, AT, and the cache maintenance of EL1. */
static void privileged(struct a64_tr *t, const struct args_a64_sys *a)
{
    const ir_ref args[] = { a64_env(t), ir_i32(t->ir, t->insn), a64_x(t, (unsigned)a->rt) };

    if (a->crn == 8 && (a->crm == 7 || a->crm == 3 || a->crm == 1)) {
        ir_call(t->ir, ARM_H_tlbi, 3, args);
        go_behind(t);
    } else if (a->crn == 7 && ((a->crm == 8 && a->op2 < 4) || (a->crm == 9 && a->op2 < 2 && arm_has(t, ARM_F_pan)))) {
        ir_call(t->ir, ARM_H_at, 3, args);
    } else if (a->crn == 7 && (a->crm == 1 || a->crm == 5) && a->op2 == 0) {
        ir_call(t->ir, ARM_H_fence_i, 1, args);        /* IC IALLU, IALLUIS */
    } else if (!(a->crn == 7 && (a->crm == 6 || a->crm == 10 || a->crm == 14) && (a->op2 == 1 || a->op2 == 2))) {
        a64_undefined(t);
    }
}

/* TLBI and AT of EL2 and EL3: the helpers look at the level. */
static void of_upper_levels(struct a64_tr *t, const struct args_a64_sys *a)
{
    const ir_ref args[] = { a64_env(t), ir_i32(t->ir, t->insn), a64_x(t, (unsigned)a->rt) };

    if (a->crn == 8 && (a->crm == 7 || a->crm == 3 || a->crm == 1 || a->crm == 0 || a->crm == 4)) {
        ir_call(t->ir, ARM_H_tlbi, 3, args);
        a64_leave_behind(t, RT_EXIT_FLUSHED);
    } else if (a->crn == 7 && a->crm == 8) {
        ir_call(t->ir, ARM_H_at, 3, args);
    } else {
        a64_undefined(t);
    }
}

/* Cache maintenance. DC ZVA clears 64 bytes; IC IVAU makes new code seen; the others have nothing to do here. */
void tr_a64_sys(struct a64_tr *t, const struct args_a64_sys *a)
{
    bool el0 = a->op1 == 3 && a->crn == 7, zva = a->crm == 4;

    if (el0 && a->op2 == 1 && t->c->mode & (zva ? ARM_MODE_NO_ZVA : ARM_MODE_NO_CACHE)) {
        a64_exception(t, ARM_EXC_SYSREG_TRAP, arm_trap_syndrome(t->insn));
    } else if (a->op1 == 0 && at_el1(t)) {
        privileged(t, a);
    } else if ((a->op1 == 4 || a->op1 == 6) && at_el1(t)) {
        of_upper_levels(t, a);
    } else if (el0 && a->crm == 4 && a->op2 == 1) {
        ir_ref at = ir_bini(t->ir, IR_OP_and, a64_x(t, (unsigned)a->rt), ~UINT64_C(63)), zero = ir_v128(t->ir, 0, 0);

        for (unsigned i = 0; i < 64; i += 16)
            ir_st(t->ir, IR_M128, at, i, zero);
    } else if (el0 && a->crm == 5 && a->op2 == 1) {
        ir_call(t->ir, ARM_H_fence_i, 1, (ir_ref[]){ a64_env(t) });
    } else if (!(el0 && (a->crm == 10 || a->crm == 11 || a->crm == 12 || a->crm == 13 || a->crm == 14) && a->op2 == 1)) {
        a64_undefined(t);
    }
}

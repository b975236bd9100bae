/* targets/arm/tr_a32_sys.c - A32 and T32 branches, exceptions, PSTATE, hints, barriers and coprocessor registers. Arm ARM
 * (DDI 0487), F5. */
#include <stddef.h>

#include "targets/arm/a32.insn.h"
#include "targets/arm/tr_a32.h"

enum { LR = 14, PC = 15 };

/* --- branches -------------------------------------------------------------------------------------------------------------- */

/* A branch under a condition of its own, or the instruction's. In a group the condition has been tested. */
static void branch(struct tr_a32 *t, unsigned cond, uint64_t to)
{
    if (cond >= 14 || t->group.open)
        a32_jump(t, to, IR_JUMP_PLAIN);
    else
        a64_branch(&t->a, a64_condition(&t->a, cond), to & UINT32_MAX);
}

void tr_a32_b(struct tr_a32 *t, const struct args_a32_b *a)
{
    branch(t, t->cond, (uint32_t)(t->at + 8 + (uint64_t)(int64_t)a->imm));
}

static uint64_t t32_target(const struct tr_a32 *t, int32_t imm) { return (uint32_t)(t->at + 4 + (uint64_t)(int64_t)imm) | 1; }

void tr_t16_b(struct tr_a32 *t, const struct args_t16_b *a) { branch(t, t->cond, t32_target(t, a->imm)); }
void tr_t16_b_cond(struct tr_a32 *t, const struct args_t16_b_cond *a) { branch(t, (unsigned)a->cond, t32_target(t, a->imm)); }

/* I1 and I2 are J1 and J2, inverted unless the sign is set. */
static int32_t far_offset(int s, int hi, int j1, int j2, int lo)
{
    uint32_t v = (uint32_t)s << 24 | (uint32_t)(j1 == s) << 23 | (uint32_t)(j2 == s) << 22 | (uint32_t)hi << 12 | (uint32_t)lo << 1;

    return (int32_t)(v << 7) >> 7;
}

void tr_t32_b_far(struct tr_a32 *t, const struct args_t32_b_far *a)
{
    branch(t, t->cond, t32_target(t, far_offset(a->s, a->hi, a->j1, a->j2, a->lo)));
}

static void call(struct tr_a32 *t, uint64_t to)
{
    a32_put(t, LR, a32_code_address(t, t->a.next));
    t->a.c->call_return = t->a.next;
    a32_jump(t, to, IR_JUMP_CALL);
}

void tr_a32_bl(struct tr_a32 *t, const struct args_a32_bl *a) { call(t, t->at + 8 + (uint64_t)(int64_t)a->imm); }
void tr_a32_blx_imm(struct tr_a32 *t, const struct args_a32_blx_imm *a) { call(t, (t->at + 8 + (uint64_t)(int64_t)a->imm) | 1); }

void tr_t32_bl(struct tr_a32 *t, const struct args_t32_bl *a)
{
    call(t, t32_target(t, far_offset(a->s, a->hi, a->j1, a->j2, a->lo)));
}

void tr_t32_blx(struct tr_a32 *t, const struct args_t32_blx *a)
{
    call(t, ((t->at + 4) & ~UINT64_C(3)) + (uint64_t)(int64_t)far_offset(a->s, a->hi, a->j1, a->j2, a->lo));
}

void tr_a32_bx(struct tr_a32 *t, const struct args_a32_bx *a)
{
    a32_bx(t, a32_r(t, a->rm), a->rm == LR ? IR_JUMP_RET : IR_JUMP_PLAIN);
}

void tr_a32_bxj(struct tr_a32 *t, const struct args_a32_bxj *a) { a32_bx(t, a32_r(t, a->rm), IR_JUMP_PLAIN); }

void tr_a32_blx(struct tr_a32 *t, const struct args_a32_blx *a)
{
    ir_ref to = a32_r(t, a->rm);

    a32_put(t, LR, a32_code_address(t, t->a.next));
    t->a.c->call_return = t->a.next;
    a32_bx(t, to, IR_JUMP_CALL);
}

void tr_t16_cbz(struct tr_a32 *t, const struct args_t16_cbz *a)
{
    struct a64_test test = { a->n ? IR_NE : IR_EQ, a32_r(t, a->rn), a32_const(t, 0) };

    a64_branch(&t->a, test, t32_target(t, a->imm));
}

/* A table of bytes or halfwords: how many halfwords to skip. */
void tr_t32_tb(struct tr_a32 *t, const struct args_t32_tb *a)
{
    struct ir *ir = a32_ir(t);
    ir_ref m = a32_r(t, a->rm), at, v;

    at = ir_bin(ir, IR_OP_add, a32_r(t, a->rn), a->h ? ir_bini(ir, IR_OP_shl, m, 1) : m);
    v = a32_ld(t, a->h ? IR_M16 : IR_M8, at, 0);
    v = ir_bin(ir, IR_OP_add, ir_bini(ir, IR_OP_shl, v, 1), a32_code_address(t, (t->at + 4) | 1));
    a32_bx(t, v, IR_JUMP_PLAIN);
}

/* The condition and mask of the instructions that follow. */
void tr_t16_it(struct tr_a32 *t, const struct args_t16_it *a) { t->it = (uint8_t)(a->cond << 4 | a->mask); }

/* --- exceptions -------------------------------------------------------------------------------------------------------------- */

void tr_a32_svc(struct tr_a32 *t, const struct args_a32_svc *a)
{
    if (t->a.c->system)
        a32_svc(t, (uint32_t)a->imm & 0xffff);
    else
        a32_leave_behind(t, RT_EXIT_SYSCALL);
}

void tr_a32_bkpt(struct tr_a32 *t, const struct args_a32_bkpt *a) { a32_exception_here(t, ARM_EXC_BRK, (uint32_t)a->imm); }
void tr_a32_udf(struct tr_a32 *t, const struct args_a32_udf *a) { (void)a; a32_undefined(t); }
void tr_t16_hlt(struct tr_a32 *t, const struct args_t16_hlt *a) { (void)a; a32_undefined(t); }

/* HVC and SMC reach the machine's firmware. */
static void firmware(struct tr_a32 *t)
{
    if (!a32_privileged(t)) {
        a32_undefined(t);
        return;
    }
    a32_call(t, ARM_H_a32_firmware, 1, (ir_ref[]){ a32_env(t) });
    a32_leave_behind(t, RT_EXIT_FLUSHED);
}

void tr_a32_hvc(struct tr_a32 *t, const struct args_a32_hvc *a) { (void)a; firmware(t); }
void tr_a32_smc(struct tr_a32 *t, const struct args_a32_smc *a) { (void)a; firmware(t); }

static ir_ref spsr(struct tr_a32 *t) { return ir_ldenv(a32_ir(t), IR_I32, IR_M32, offsetof(struct arm_env, a32.spsr)); }

void a32_exception_return(struct tr_a32 *t, ir_ref pc, ir_ref psr)
{
    struct ir *ir = a32_ir(t);

    if (!a32_privileged(t)) {
        a32_undefined(t);
        return;
    }
    ir_set_pc_val(ir, ir_call(ir, ARM_H_a32_return, 3, (ir_ref[]){ a32_env(t), pc, psr ? psr : spsr(t) }));
    ir_leave(ir, RT_EXIT_FLUSHED);
    t->a.ended = true;
}

/* ERET of PL1 returns to LR; T32's form may take something off. */
void tr_a32_eret(struct tr_a32 *t, const struct args_a32_eret *a) { (void)a; a32_exception_return(t, a32_r(t, LR), IR_NONE); }

void tr_t32_eret(struct tr_a32 *t, const struct args_t32_eret *a)
{
    a32_exception_return(t, ir_bini(a32_ir(t), IR_OP_sub, a32_r(t, LR), (uint32_t)a->imm), IR_NONE);
}

/* Where the lower of two words is, by P and U. */
static int32_t pair_at(int p, int u) { return u ? (p ? 4 : 0) : (p ? -8 : -4); }

void tr_a32_rfe(struct tr_a32 *t, const struct args_a32_rfe *a)
{
    ir_ref base = a32_r(t, a->rn), pc, psr;
    int32_t at = pair_at(a->p, a->u);

    if (!a32_privileged(t)) {
        a32_undefined(t);
        return;
    }
    pc = a32_ld(t, IR_M32 | a32_strict(t), base, at);
    psr = a32_ld(t, IR_M32, base, at + 4);
    if (a->w)
        a32_put(t, a->rn, ir_bini(a32_ir(t), IR_OP_add, base, a->u ? 8 : (uint32_t)-8));
    a32_exception_return(t, pc, psr);
}

/* R13 of a mode, and what is then added to it. */
static ir_ref sp_of(struct tr_a32 *t, int mode, uint32_t add)
{
    return a32_call(t, ARM_H_a32_sp_of, 3, (ir_ref[]){ a32_env(t), a32_const(t, (uint32_t)mode), a32_const(t, add) });
}

void tr_a32_srs(struct tr_a32 *t, const struct args_a32_srs *a)
{
    int32_t at = pair_at(a->p, a->u);
    ir_ref base;

    if (!a32_privileged(t)) {
        a32_undefined(t);
        return;
    }
    base = sp_of(t, a->mode, 0);
    a32_st(t, IR_M32 | a32_strict(t), base, at, a32_r(t, LR));
    a32_st(t, IR_M32, base, at + 4, spsr(t));
    if (a->w)
        sp_of(t, a->mode, a->u ? 8 : (uint32_t)-8);
}

/* Registers of other modes by name came with the virtualization extensions, as division in A32 did. */
static bool has_banked(struct tr_a32 *t)
{
    if (a32_privileged(t) && (a32_has(t, ARM_F_v8) || a32_has(t, ARM_F_lpae)))
        return true;
    a32_undefined(t);
    return false;
}

void tr_a32_mrs_banked(struct tr_a32 *t, const struct args_a32_mrs_banked *a)
{
    if (has_banked(t))
        a32_put(t, a->rd, a32_call(t, ARM_H_a32_banked_read, 2, (ir_ref[]){ a32_env(t), a32_const(t, (uint32_t)(a->spsr << 5 | a->sysm)) }));
}

void tr_a32_msr_banked(struct tr_a32 *t, const struct args_a32_msr_banked *a)
{
    if (has_banked(t))
        a32_call(t, ARM_H_a32_banked_write, 3,
                 (ir_ref[]){ a32_env(t), a32_const(t, (uint32_t)(a->spsr << 5 | a->sysm)), a32_r(t, a->rn) });
}

/* --- PSTATE ---------------------------------------------------------------------------------------------------------------------- */

void tr_a32_mrs(struct tr_a32 *t, const struct args_a32_mrs *a)
{
    if (a->spsr && !a32_privileged(t))
        a32_undefined(t);
    else if (a->spsr)
        a32_put(t, a->rd, spsr(t));
    else
        a32_put(t, a->rd, ir_call(a32_ir(t), ARM_H_cpsr_read, 1, (ir_ref[]){ a32_env(t) }));
}

/* mask: 8 flags, 4 GE, 2 and 1 what User mode cannot change but E. Flags alone stay in the block. */
static void write_psr(struct tr_a32 *t, bool saved, int mask, ir_ref v)
{
    static const uint32_t bytes[4] = { 0xff, 0xff00, 0xff0000, 0xff000000 };
    struct ir *ir = a32_ir(t);
    uint32_t bits = 0;

    if ((saved && !a32_privileged(t)) || !mask) {
        a32_undefined(t);
        return;
    }
    for (unsigned i = 0; i < 4; i++)
        bits |= mask >> i & 1 ? bytes[i] : 0;
    if (saved) {
        v = ir_bin(ir, IR_OP_or, ir_bini(ir, IR_OP_and, v, bits), ir_bini(ir, IR_OP_and, spsr(t), ~bits));
        ir_stenv(ir, IR_M32, offsetof(struct arm_env, a32.spsr), v);
        return;
    }
    if (mask == 8) {
        ir_stenv(ir, IR_M32, offsetof(struct arm_env, q), ir_ext(ir, v, 27, 1, false));
        a32_set_nzcv(t, ir_bini(ir, IR_OP_and, v, 0xf0000000));
        return;
    }
    if (a32_privileged(t)) {
        a32_call(t, ARM_H_cpsr_system, 3, (ir_ref[]){ a32_env(t), v, a32_const(t, bits) });
        a32_leave_behind(t, RT_EXIT_FLUSHED);
        return;
    }
    ir_call(ir, ARM_H_cpsr_write, 3, (ir_ref[]){ a32_env(t), v, a32_const(t, bits) });
    t->flags_set++;
    if (mask & 2)
        a32_leave_behind(t, RT_EXIT_FLUSHED);  /* the byte order chooses the code that follows */
}

void tr_a32_msr(struct tr_a32 *t, const struct args_a32_msr *a) { write_psr(t, a->spsr, a->mask, a32_r(t, a->rn)); }

void tr_a32_msr_imm(struct tr_a32 *t, const struct args_a32_msr_imm *a)
{
    unsigned by = (unsigned)a->imm >> 8 << 1;
    uint32_t v = (unsigned)a->imm & 255;

    write_psr(t, a->spsr, a->mask, a32_const(t, by ? v >> by | v << (32 - by) : v));
}

/* SCTLR may forbid SETEND and CP15's barriers. */
static void control(struct tr_a32 *t, bool setend)
{
    if (t->a.c->system)
        a32_call(t, ARM_H_a32_control, 2, (ir_ref[]){ a32_env(t), a32_const(t, setend) });
}

void tr_a32_setend(struct tr_a32 *t, const struct args_a32_setend *a)
{
    ir_ref p;

    control(t, true);
    p = ir_ldenv(a32_ir(t), IR_I32, IR_M32, offsetof(struct arm_env, pstate));
    p = ir_bini(a32_ir(t), a->e ? IR_OP_or : IR_OP_and, p, a->e ? PSTATE_E : ~(uint32_t)PSTATE_E);
    ir_stenv(a32_ir(t), IR_M32, offsetof(struct arm_env, pstate), p);
    a32_leave_behind(t, RT_EXIT_FLUSHED);
}

/* In User mode CPS does nothing and SETPAN likewise. To mask interrupts needs no more than that; to let them in, or another
 * mode, ends the block. */
static void change_state(struct tr_a32 *t, int imod, bool to_mode, int aif, int mode)
{
    uint32_t bits = (uint32_t)aif << 6, mask = (imod & 2 ? bits : 0) | (to_mode ? PSTATE_A32_MODE : 0);
    ir_ref p;

    if (!a32_privileged(t) || !mask)
        return;
    if (imod == 3 && !to_mode) {
        p = ir_ldenv(a32_ir(t), IR_I32, IR_M32, offsetof(struct arm_env, pstate));
        ir_stenv(a32_ir(t), IR_M32, offsetof(struct arm_env, pstate), ir_bini(a32_ir(t), IR_OP_or, p, bits));
        return;
    }
    a32_call(t, ARM_H_cpsr_system, 3, (ir_ref[]){ a32_env(t), a32_const(t, (imod == 3 ? bits : 0) | (uint32_t)mode), a32_const(t, mask) });
    a32_leave_behind(t, RT_EXIT_FLUSHED);
}

void tr_a32_cps(struct tr_a32 *t, const struct args_a32_cps *a) { change_state(t, a->imod, a->m, a->aif, a->mode); }
void tr_t16_cps(struct tr_a32 *t, const struct args_t16_cps *a) { change_state(t, a->im ? 3 : 2, false, a->aif, 0); }

void tr_a32_setpan(struct tr_a32 *t, const struct args_a32_setpan *a)
{
    if (!a32_privileged(t))
        return;
    a32_call(t, ARM_H_cpsr_system, 3, (ir_ref[]){ a32_env(t), a32_const(t, a->pan ? PSTATE_PAN : 0), a32_const(t, PSTATE_PAN) });
    a32_leave_behind(t, RT_EXIT_FLUSHED);
}

/* --- hints, barriers ------------------------------------------------------------------------------------------------------------- */

/* As A64's HINT; those of 16 on are of extensions that are not here, and do nothing. */
void tr_a32_hint(struct tr_a32 *t, const struct args_a32_hint *a)
{
    bool wfe = a->op == 2, wfi = a->op == 3;

    if (t->a.c->crowded && (a->op == 1 || wfe))
        a32_call(t, ARM_H_relax, 1, (ir_ref[]){ a32_env(t) });
    if (!t->a.c->system || (!wfe && !wfi))
        return;
    if (!a32_privileged(t))
        a32_call(t, ARM_H_wait, 2, (ir_ref[]){ a32_env(t), a32_const(t, wfe) });
    if (wfi)
        a32_leave_behind(t, RT_EXIT_HALT);
}

void tr_a32_dsb(struct tr_a32 *t, const struct args_a32_dsb *a) { (void)a; ir_fence(a32_ir(t), IR_FENCE_FULL); }

void tr_a32_dmb(struct tr_a32 *t, const struct args_a32_dmb *a)
{
    ir_fence(a32_ir(t), (a->op & 3) == 1 || (a->op & 3) == 2 ? IR_FENCE_COMPILER : IR_FENCE_FULL);
}

static void instruction_barrier(struct tr_a32 *t)
{
    a32_call(t, ARM_H_fence_i, 1, (ir_ref[]){ a32_env(t) });
    a32_leave_behind(t, RT_EXIT_FLUSHED);
}

void tr_a32_isb(struct tr_a32 *t, const struct args_a32_isb *a) { (void)a; instruction_barrier(t); }
void tr_a32_sb(struct tr_a32 *t, const struct args_a32_sb *a) { (void)t; (void)a; }

/* --- coprocessors ------------------------------------------------------------------------------------------------------------------ */

enum { TPIDRURW = 2, TPIDRURO, TPIDRPRW };

static bool barrier(struct tr_a32 *t, int op1, int crn, int crm, int op2)
{
    bool isb = crm == 5 && op2 == 4;

    if (op1 || crn != 7 || !(isb || (crm == 10 && (op2 == 4 || op2 == 5))))
        return false;
    control(t, false);
    if (isb)
        instruction_barrier(t);
    else
        ir_fence(a32_ir(t), IR_FENCE_FULL);
    return true;
}

/* Home of a thread register; 0: it is not one, or is not for this level. */
static uint32_t thread_register(const struct tr_a32 *t, int op1, int crn, int crm, int op2, bool write)
{
    if (op1 || crn != 13 || crm)
        return 0;
    switch (op2) {
    case TPIDRURW: return offsetof(struct arm_env, tpidr_el0);
    case TPIDRURO: return write && !a32_privileged(t) ? 0 : offsetof(struct arm_env, tpidrro_el0);
    case TPIDRPRW: return a32_privileged(t) ? offsetof(struct arm_env, tpidr_el1) : 0;
    default: return 0;
    }
}

/* What cp15.c is told of an access: the register, the general registers, and whether an AArch64 kernel is above. */
static ir_ref access_key(struct tr_a32 *t, int op1, int crn, int crm, int op2, int rt, int rt2)
{
    bool below = t->a.c->target->bits == 64;

    return a32_const(t, (uint32_t)(op1 << 12 | crn << 8 | crm << 4 | op2 | rt << 16 | rt2 << 20 | below << 24));
}

/* CP14. AArch32's own kernel finds no debug architecture: its registers read as zero. At EL0 below AArch64 a few are there. */
static ir_ref debug_register(struct tr_a32 *t, int op1, int crn, int crm, int op2, int rt, bool read)
{
    if (a32_privileged(t))
        return a32_const(t, 0);
    return a32_call(t, ARM_H_cp14, 3, (ir_ref[]){ a32_env(t), access_key(t, op1, crn, crm, op2, rt, 0), a32_const(t, read) });
}

void tr_a32_mcr(struct tr_a32 *t, const struct args_a32_mcr *a)
{
    uint32_t at = thread_register(t, a->op1, a->crn, a->crm, a->op2, true);
    ir_ref key;

    if (a->rt == PC || (!t->a.c->system && !a->cp)) {
        a32_undefined(t);
    } else if (!a->cp) {
        debug_register(t, a->op1, a->crn, a->crm, a->op2, a->rt, false);
    } else if (at) {
        ir_stenv(a32_ir(t), IR_M32, at, a32_r(t, a->rt));
    } else if (barrier(t, a->op1, a->crn, a->crm, a->op2)) {
        return;
    } else if (!t->a.c->system) {
        a32_undefined(t);
    } else {
        key = access_key(t, a->op1, a->crn, a->crm, a->op2, a->rt, 0);
        a32_call(t, ARM_H_cp15_write, 3, (ir_ref[]){ a32_env(t), key, a32_r(t, a->rt) });
        a32_leave_behind(t, RT_EXIT_FLUSHED);  /* it may be another view, or have an interrupt waiting */
    }
}

/* R15 of MRC stands for the flags. */
void tr_a32_mrc(struct tr_a32 *t, const struct args_a32_mrc *a)
{
    uint32_t at = thread_register(t, a->op1, a->crn, a->crm, a->op2, false);
    ir_ref v;

    if (!t->a.c->system && !at) {
        a32_undefined(t);
        return;
    }
    if (!a->cp)
        v = debug_register(t, a->op1, a->crn, a->crm, a->op2, a->rt, true);
    else if (at)
        v = ir_ldenv(a32_ir(t), IR_I32, IR_M32, at);
    else
        v = a32_call(t, ARM_H_cp15_read, 2, (ir_ref[]){ a32_env(t), access_key(t, a->op1, a->crn, a->crm, a->op2, a->rt, 0) });
    if (a->rt == PC)
        a32_set_nzcv(t, ir_bini(a32_ir(t), IR_OP_and, v, 0xf0000000));
    else
        a32_put(t, a->rt, v);
}

/* LDC and STC of CP14's data transfer register, which is of interest to an AArch64 kernel only. */
void tr_a32_ldc(struct tr_a32 *t, const struct args_a32_ldc *a)
{
    uint32_t iss = (uint32_t)(a->imm << 12 | a->rn << 5 | a->u << 4 | ((a->rn == PC) << 2 | a->p << 1 | a->w) << 1 | a->l);

    if (!t->a.c->system || t->a.c->target->bits != 64)
        a32_undefined(t);
    else
        a32_call(t, ARM_H_cp14_transfer, 2, (ir_ref[]){ a32_env(t), a32_const(t, iss) });
}

void tr_a32_mcr2(struct tr_a32 *t, const struct args_a32_mcr2 *a) { (void)a; a32_undefined(t); }
void tr_a32_mrc2(struct tr_a32 *t, const struct args_a32_mrc2 *a) { (void)a; a32_undefined(t); }

/* In user mode there is the virtual counter: CNTVCT is MRRC p15, 1, Rt, Rt2, c14. */
/* The vDSO's clocks: IMPLEMENTATION DEFINED registers, in user mode alone (roms/vdso/arm.S). */
static bool vdso_clock(struct tr_a32 *t, const struct args_a32_mrrc *a)
{
    ir_ref v;

    if (t->a.c->system || !a->cp || a->crm != 15 || a->op1 > 7 || !(VDSO_CLOCKS >> a->op1 & 1))
        return false;
    v = a32_call(t, ARM_H_user_time, 2, (ir_ref[]){ a32_env(t), a32_const(t, (uint32_t)a->op1) });
    a32_put(t, a->rt, ir_conv(a32_ir(t), IR_OP_trunc, IR_I32, v));
    a32_put(t, a->rt2, ir_conv(a32_ir(t), IR_OP_trunc, IR_I32, ir_bini(a32_ir(t), IR_OP_shr, v, 32)));
    return true;
}

void tr_a32_mrrc(struct tr_a32 *t, const struct args_a32_mrrc *a)
{
    enum { MRS_CNTVCT_EL0 = 0xd53be040 };
    ir_ref v, key;

    if (vdso_clock(t, a))
        return;
    if (!t->a.c->system && (!a->cp || a->crm != 14 || a->op1 != 1)) {
        a32_undefined(t);
        return;
    }
    key = access_key(t, a->op1, 0, a->crm, 0, a->rt, a->rt2);
    if (!a->cp && !a32_privileged(t))
        a32_call(t, ARM_H_cp14_pair, 2, (ir_ref[]){ a32_env(t), key });
    if (!a->cp)
        v = ir_i64(a32_ir(t), 0);
    else if (t->a.c->system)
        v = a32_call(t, ARM_H_cp15_read64, 2, (ir_ref[]){ a32_env(t), key });
    else
        v = a32_call(t, ARM_H_sysreg_read, 2, (ir_ref[]){ a32_env(t), a32_const(t, MRS_CNTVCT_EL0) });
    a32_put(t, a->rt, ir_conv(a32_ir(t), IR_OP_trunc, IR_I32, v));
    a32_put(t, a->rt2, ir_conv(a32_ir(t), IR_OP_trunc, IR_I32, ir_bini(a32_ir(t), IR_OP_shr, v, 32)));
}

void tr_a32_mcrr(struct tr_a32 *t, const struct args_a32_mcrr *a)
{
    struct ir *ir = a32_ir(t);
    ir_ref v;

    if (!a->cp || !t->a.c->system) {
        a32_undefined(t);
        return;
    }
    v = ir_bini(ir, IR_OP_shl, ir_conv(ir, IR_OP_zext, IR_I64, a32_r(t, a->rt2)), 32);
    v = ir_bin(ir, IR_OP_or, v, ir_conv(ir, IR_OP_zext, IR_I64, a32_r(t, a->rt)));
    a32_call(t, ARM_H_cp15_write64, 3, (ir_ref[]){ a32_env(t), access_key(t, a->op1, 0, a->crm, 0, a->rt, a->rt2), v });
    a32_leave_behind(t, RT_EXIT_FLUSHED);
}

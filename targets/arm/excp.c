/* targets/arm/excp.c - taking exceptions at EL1 and returning from them, interrupts, firmware calls, generic timers.
 * Arm ARM (DDI 0487), D1. */
#include "targets/arm/excp.h"

#include "core/vm/vcpu.h"
#include "targets/arm/help.h"

enum { EC_UNKNOWN = 0x00, EC_WAIT = 0x01, EC_FP = 0x07, EC_SVC = 0x15, EC_SYSREG = 0x18, EC_INSN_ABORT = 0x20,
       EC_PC_ALIGN = 0x22, EC_DATA_ABORT = 0x24, EC_SP_ALIGN = 0x26, EC_BRK = 0x3c };
enum { FSC_ALIGNMENT = 0x21, ISS_NO_CONDITION = 0x1e << 20 };
#define ESR_IL (UINT64_C(1) << 25)
#define SCTLR_NTWI (UINT64_C(1) << 16)
#define SCTLR_NTWE (UINT64_C(1) << 18)
#define SCTLR_SPAN (UINT64_C(1) << 23)
#define SCTLR_DSSBS (UINT64_C(1) << 44)

/* --- PSTATE ------------------------------------------------------------------------------------------------------------- */

static unsigned sp_bank(uint32_t pstate) { return pstate & PSTATE_SP && pstate >> PSTATE_EL_SHIFT & 3; }

void arm_set_pstate(struct arm_env *env, uint32_t pstate)
{
    env->sp_el[sp_bank(env->pstate)] = env->sp;
    env->pstate = pstate;
    env->sp = env->sp_el[sp_bank(pstate)];
}

void arm_help_pstate(struct cpu_env *c, uint32_t clear, uint32_t set)
{
    struct arm_env *env = arm_env(c);

    arm_set_pstate(env, (env->pstate & ~clear) | set);
    rt_mode_changed(c);
}

void arm_system_reset(struct arm_env *env)
{
    env->pstate = env->system ? PSTATE_DAIF | 1 << PSTATE_EL_SHIFT | PSTATE_SP : 0;
    env->sp_el[0] = env->sp_el[1] = 0;
    env->sctlr = 0x30d00800;
    env->tcr = env->cpacr = env->mdscr = env->cntkctl = env->contextidr = 0;
    env->ttbr[0] = env->ttbr[1] = 0;
    env->table_seen.len = 0;
    for (unsigned i = 0; i < 2; i++) {
        env->cnt_ctl[i] = 0;
        arm_timer_changed(env, i);
    }
}

/* --- exceptions ---------------------------------------------------------------------------------------------------------- */

static uint64_t syndrome(const struct arm_env *env, uint32_t exception)
{
    unsigned same = arm_el(env);               /* aborts taken from EL1 have the next class */
    uint64_t ec = EC_UNKNOWN, iss = env->esr;

    switch (exception) {
    case ARM_EXC_SVC: ec = EC_SVC; break;
    case ARM_EXC_BRK: ec = EC_BRK; break;
    case ARM_EXC_INSN_ABORT: ec = EC_INSN_ABORT + same; break;
    case ARM_EXC_DATA_ABORT: ec = EC_DATA_ABORT + same; break;
    case ARM_EXC_DATA_ALIGN: ec = EC_DATA_ABORT + same; iss |= FSC_ALIGNMENT; break;
    case ARM_EXC_PC_ALIGN: ec = EC_PC_ALIGN; iss = 0; break;
    case ARM_EXC_SP_ALIGN: ec = EC_SP_ALIGN; iss = 0; break;
    case ARM_EXC_FP_TRAP: ec = EC_FP; iss = ISS_NO_CONDITION; break;
    case ARM_EXC_SYSREG_TRAP: ec = EC_SYSREG; break;
    case ARM_EXC_WAIT_TRAP: ec = EC_WAIT; iss |= ISS_NO_CONDITION; break;
    default: iss = 0; break;
    }
    return ec << 26 | ESR_IL | iss;
}

static bool has_fault_address(uint32_t exception)
{
    return exception == ARM_EXC_INSN_ABORT || exception == ARM_EXC_DATA_ABORT || exception == ARM_EXC_DATA_ALIGN ||
           exception == ARM_EXC_PC_ALIGN;
}

static uint32_t entry_pstate(const struct arm_env *env)
{
    uint32_t p = PSTATE_DAIF | 1 << PSTATE_EL_SHIFT | PSTATE_SP | (env->pstate & PSTATE_PAN);

    if (env->model->has[ARM_F_pan] && !(env->sctlr & SCTLR_SPAN))
        p |= PSTATE_PAN;
    return p | (env->sctlr & SCTLR_DSSBS ? PSTATE_SSBS : 0);
}

void arm_deliver(struct cpu_env *c, uint32_t exception)
{
    struct arm_env *env = arm_env(c);
    uint64_t offset = arm_el(env) == 0 ? 0x400 : env->pstate & PSTATE_SP ? 0x200 : 0;

    if (exception == ARM_EXC_IRQ)
        offset += 0x80;
    else if (exception == ARM_EXC_FIQ)
        offset += 0x100;
    else
        env->esr_el1 = syndrome(env, exception);
    if (has_fault_address(exception))
        env->far_el1 = env->far;
    env->elr = c->pc + (exception == ARM_EXC_SVC ? 4 : 0);
    env->spsr = env->pstate | arm_flags(env);
    env->excl_addr = ~UINT64_C(0);
    arm_set_pstate(env, entry_pstate(env));
    c->pc = env->vbar + offset;
    rt_mode_changed(c);
}

/* A return to what is not here (EL2, EL3, AArch32) keeps the level and sets PSTATE.IL, which makes the next instruction
 * undefined: seen as an undefined instruction here and now. */
uint64_t arm_help_eret(struct cpu_env *c)
{
    struct arm_env *env = arm_env(c);
    uint32_t to = (uint32_t)env->spsr, keep = PSTATE_DAIF | PSTATE_SSBS | PSTATE_PAN | PSTATE_UAO | 0xf;

    if ((to & 0x1f) != 0 && (to & 0x1f) != 4 && (to & 0x1f) != 5)
        arm_help_raise(c, ARM_EXC_UNDEF, 0, 0);
    env->cc_op = ARM_CC_NZCV;
    env->cc_a = to & 0xf0000000;
    env->excl_addr = ~UINT64_C(0);
    arm_set_pstate(env, to & keep);
    rt_mode_changed(c);
    return env->elr;
}

/* The bytes at va could not be fetched while translating: they are asked for again as they will be executed. */
void arm_help_fetch_fault(struct cpu_env *c, uint64_t va)
{
    if (!rt_helper_probe(c, va, 1, RT_EXEC, 0))
        arm_help_raise(c, ARM_EXC_INSN_ABORT, va, 0x10);
    rt_leave(c, RT_EXIT_FLUSHED);
}

void arm_help_firmware(struct cpu_env *c)
{
    struct vcpu *v = c->vcpu;

    if (!v->firmware_call)
        arm_help_raise(c, ARM_EXC_UNDEF, 0, 0);
    v->firmware_call(v->firmware_opaque, v, arm_env(c)->x);
}

void arm_help_wait(struct cpu_env *c, uint32_t wfe)
{
    struct arm_env *env = arm_env(c);

    if (arm_el(env) == 0 && !(env->sctlr & (wfe ? SCTLR_NTWE : SCTLR_NTWI)))
        arm_help_raise(c, ARM_EXC_WAIT_TRAP, 0, wfe);
}

/* --- interrupts ---------------------------------------------------------------------------------------------------------- */

void arm_set_irq(struct cpu_env *c, unsigned line, bool level)
{
    struct arm_env *env = arm_env(c);

    if (level)
        __atomic_fetch_or((uint32_t *)&env->lines, 1u << line, __ATOMIC_SEQ_CST);
    else
        __atomic_fetch_and((uint32_t *)&env->lines, ~(1u << line), __ATOMIC_SEQ_CST);
}

bool arm_has_work(const struct cpu_env *c) { return arm_env(c)->lines != 0; }

uint32_t arm_interrupt(struct cpu_env *c)
{
    struct arm_env *env = arm_env(c);
    uint32_t lines = env->lines;

    if (lines & 2 && !(env->pstate & PSTATE_F))
        return ARM_EXC_FIQ;
    return lines & 1 && !(env->pstate & PSTATE_I) ? ARM_EXC_IRQ : 0;
}

/* --- generic timers -------------------------------------------------------------------------------------------------------- */

enum { CNT_ENABLE = 1, CNT_IMASK = 2, CNT_ISTATUS = 4 };

uint64_t arm_count(const struct arm_env *env)
{
    struct vcpu *v = env->c.vcpu;

    return v && v->read_time ? v->read_time(v->time_opaque) : 0;
}

void arm_timer_changed(struct arm_env *env, unsigned timer)
{
    struct vcpu *v = env->c.vcpu;
    bool on = (env->cnt_ctl[timer] & (CNT_ENABLE | CNT_IMASK)) == CNT_ENABLE;

    if (v && v->set_deadline)
        v->set_deadline(v->time_opaque, timer, on ? env->cnt_cval[timer] : UINT64_MAX);
}

uint64_t arm_timer_ctl(struct arm_env *env, unsigned timer)
{
    bool due = env->cnt_ctl[timer] & CNT_ENABLE && arm_count(env) >= env->cnt_cval[timer];

    return env->cnt_ctl[timer] | (due ? CNT_ISTATUS : 0);
}

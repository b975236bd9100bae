/* targets/arm/excp.c - taking exceptions at EL1, EL2 and EL3 and returning from them, interrupts, firmware calls, generic timers.
 * Arm ARM (DDI 0487), D1. */
#include "targets/arm/excp.h"

#include "core/vm/vcpu.h"
#include "targets/arm/bti.h"
#include "targets/arm/help.h"
#include "targets/arm/pauth.h"
#include "targets/arm/pmu.h"

enum { EC_SVC32 = 0x11, EC_BKPT32 = 0x38, EC_UNKNOWN = 0x00, EC_WAIT = 0x01, EC_FP = 0x07, EC_PAUTH = 0x09, EC_BTI = 0x0d, EC_PAUTH_FAIL = 0x1c, EC_ILLEGAL = 0x0e, EC_SVC = 0x15, EC_HVC = 0x16, EC_SMC = 0x17, EC_SYSREG = 0x18, EC_INSN_ABORT = 0x20,
       EC_PC_ALIGN = 0x22, EC_DATA_ABORT = 0x24, EC_SP_ALIGN = 0x26, EC_BREAKPOINT = 0x30, EC_STEP = 0x32, EC_WATCHPOINT = 0x34, EC_BRK = 0x3c };
enum { FSC_ALIGNMENT = 0x21, FSC_DEBUG = 0x22, ISS_STEP = 1 << 24 | FSC_DEBUG };
#define ESR_IL (UINT64_C(1) << 25)
#define SCTLR_NTWI (UINT64_C(1) << 16)
#define SCTLR_NTWE (UINT64_C(1) << 18)
#define SCTLR_SPAN (UINT64_C(1) << 23)
#define SCTLR_DSSBS (UINT64_C(1) << 44)

/* --- PSTATE ------------------------------------------------------------------------------------------------------------- */

static unsigned sp_bank(uint32_t pstate) { return pstate & PSTATE_SP ? pstate >> PSTATE_EL_SHIFT & 3 : 0; }

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

static unsigned highest_el(const struct arm_env *env) { return arm_has_el(env, 3) ? 3 : arm_has_el(env, 2) ? 2 : 1; }

static void reset_upper(struct arm_env *env)
{
    for (unsigned i = 0; i < 2; i++)
        env->upper[i] = (struct arm_upper){ .sctlr = 0x30c50830, .cptr = i ? 0 : 0x33ff };
    env->hcr = env->hpfar = env->hstr = env->vttbr = env->vtcr = env->cntvoff = env->hacr = env->scr = env->sder = 0;
    env->ich_hcr = env->ich_vmcr = env->mdcr[1] = 0;
    env->mdcr[0] = ARM_PMU_EVENTS;
    env->cnthctl = 3;
    env->vpidr = env->model->midr;
    env->vmpidr = arm_mpidr(env);
}

void arm_system_reset(struct arm_env *env)
{
    env->pstate = env->system ? PSTATE_DAIF | highest_el(env) << PSTATE_EL_SHIFT | PSTATE_SP : 0;
    for (unsigned i = 0; i < 4; i++)
        env->sp_el[i] = 0;
    env->sctlr = 0x30d00800;
    env->tcr = env->cpacr = env->mdscr = env->cntkctl = env->contextidr = 0;
    env->ttbr[0] = env->ttbr[1] = 0;
    env->table_seen.len = 0;
    env->os_lock = 1;
    env->claims = env->mdccint = env->dtr = 0;
    __builtin_memset(env->debug, 0, sizeof env->debug);
    reset_upper(env);
    for (unsigned i = 0; i < 4; i++) {
        env->cnt_ctl[i] = 0;
        arm_timer_changed(env, i);
    }
    arm_pmu_reset(env);
}

/* As firmware leaves a CPU to a kernel: not secure, at the highest level below EL3. */
void arm_leave_firmware(struct arm_env *env)
{
    unsigned el = arm_has_el(env, 2) ? 2 : 1;

    env->scr = SCR_NS | SCR_HCE | SCR_RW | SCR_APK | SCR_API;
    env->hcr = UINT64_C(1) << 31;
    env->upper[0].cptr = 0x33ff;
    arm_set_pstate(env, PSTATE_DAIF | el << PSTATE_EL_SHIFT | PSTATE_SP);
}

/* --- exceptions ---------------------------------------------------------------------------------------------------------- */

static uint64_t syndrome(const struct arm_env *env, uint32_t exception, unsigned to)
{
    unsigned same = to == arm_el(env);         /* aborts taken from the same level have the next class */
    uint64_t ec = EC_UNKNOWN, iss = env->esr;

    switch (exception) {
    case ARM_EXC_SVC: ec = env->pstate & PSTATE_A32 ? EC_SVC32 : EC_SVC; break;
    case ARM_EXC_HVC: ec = EC_HVC; break;
    case ARM_EXC_SMC: ec = EC_SMC; break;
    case ARM_EXC_ILLEGAL: ec = EC_ILLEGAL; iss = 0; break;
    case ARM_EXC_STEP: ec = EC_STEP + same; iss = ISS_STEP; break;
    case ARM_EXC_BREAKPOINT: ec = EC_BREAKPOINT + same; iss = FSC_DEBUG; break;
    case ARM_EXC_WATCHPOINT: ec = EC_WATCHPOINT + same; iss |= FSC_DEBUG; break;
    case ARM_EXC_BRK: ec = env->pstate & PSTATE_A32 ? EC_BKPT32 : EC_BRK; break;
    case ARM_EXC_INSN_ABORT: ec = EC_INSN_ABORT + same; break;
    case ARM_EXC_DATA_ABORT: ec = EC_DATA_ABORT + same; break;
    case ARM_EXC_DATA_ALIGN: ec = EC_DATA_ABORT + same; iss |= FSC_ALIGNMENT; break;
    case ARM_EXC_PC_ALIGN: ec = EC_PC_ALIGN; iss = 0; break;
    case ARM_EXC_SP_ALIGN: ec = EC_SP_ALIGN; iss = 0; break;
    case ARM_EXC_FP_TRAP: ec = EC_FP; iss = ARM_ISS_NO_CONDITION; break;
    case ARM_EXC_SYSREG_TRAP: ec = EC_SYSREG; break;
    case ARM_EXC_CP_TRAP: ec = env->far; break;
    case ARM_EXC_PAUTH_FAIL: ec = EC_PAUTH_FAIL; break;
    case ARM_EXC_PAUTH_TRAP: ec = EC_PAUTH; iss = 0; break;
    case ARM_EXC_BTI: ec = EC_BTI; break;
    case ARM_EXC_WAIT_TRAP: ec = EC_WAIT; iss |= ARM_ISS_NO_CONDITION; break;
    default: iss = 0; break;
    }
    return ec << 26 | ESR_IL | iss;
}

static bool has_fault_address(uint32_t exception)
{
    return exception == ARM_EXC_INSN_ABORT || exception == ARM_EXC_DATA_ABORT || exception == ARM_EXC_DATA_ALIGN ||
           exception == ARM_EXC_PC_ALIGN || exception == ARM_EXC_WATCHPOINT;
}

static uint32_t entry_pstate(const struct arm_env *env, unsigned to)
{
    uint32_t p = PSTATE_DAIF | to << PSTATE_EL_SHIFT | PSTATE_SP | (env->pstate & PSTATE_PAN);

    if (to == 1 && env->model->has[ARM_F_pan] && !(env->sctlr & SCTLR_SPAN))
        p |= PSTATE_PAN;
    return p | (arm_sctlr(env, to) & SCTLR_DSSBS ? PSTATE_SSBS : 0);
}

/* The level that an interrupt goes to. */
static unsigned interrupt_level(const struct arm_env *env, bool fiq)
{
    if (arm_has_el(env, 3) && env->scr & (fiq ? SCR_FIQ : SCR_IRQ))
        return 3;
    return arm_el2_on(env) && env->hcr & ((fiq ? HCR_FMO : HCR_IMO) | HCR_TGE) ? 2 : 1;
}

/* CPACR_EL1 comes first, then CPTR_EL2, then CPTR_EL3. */
static unsigned fp_trap_level(const struct arm_env *env)
{
    unsigned el = arm_el(env), fpen = env->cpacr >> 20 & 3;

    if (el < 2 && !(el ? fpen & 1 : fpen == 3))
        return 1;
    return el < 3 && arm_el2_on(env) && env->upper[0].cptr & CPTR_TFP ? 2 : 3;
}

/* The level that an exception is taken to (D1.3.1). */
static unsigned target_level(const struct arm_env *env, uint32_t exception)
{
    unsigned el = arm_el(env), to = 1;

    switch (exception) {
    case ARM_EXC_BRK:
    case ARM_EXC_STEP:
    case ARM_EXC_BREAKPOINT:
    case ARM_EXC_WATCHPOINT: to = arm_debug_level(env); break;
    case ARM_EXC_SMC: to = env->far == 2 ? 2 : 3; break;           /* HCR_EL2.TSC: to EL2 */
    case ARM_EXC_HVC: to = 2; break;
    case ARM_EXC_IRQ: to = interrupt_level(env, false); break;
    case ARM_EXC_FIQ: to = interrupt_level(env, true); break;
    case ARM_EXC_FP_TRAP: to = fp_trap_level(env); break;
    case ARM_EXC_PAUTH_TRAP:
    case ARM_EXC_SYSREG_TRAP:
    case ARM_EXC_WAIT_TRAP: to = env->far ? (unsigned)env->far : 1; break;
    }
    if (to == 1 && el == 0 && arm_el2_on(env) && env->hcr & HCR_TGE)
        to = 2;
    return to > el ? to : el;
}

static struct arm_upper *upper(struct arm_env *env, unsigned el) { return &env->upper[el - 2]; }

/* Where the exception is noted: ESR and FAR, ELR and SPSR of the level. */
static void note_syndrome(struct arm_env *env, uint32_t exception, unsigned to)
{
    uint64_t esr = syndrome(env, exception, to);

    *(to == 1 ? &env->esr_el1 : &upper(env, to)->esr) = esr;
    if (has_fault_address(exception))
        *(to == 1 ? &env->far_el1 : &upper(env, to)->far) = env->far;
}

static void note_return(struct arm_env *env, uint64_t pc, unsigned to, uint64_t spsr)
{
    *(to == 1 ? &env->elr : &upper(env, to)->elr) = pc;
    *(to == 1 ? &env->spsr : &upper(env, to)->spsr) = spsr;
}

void arm_deliver(struct cpu_env *c, uint32_t exception)
{
    struct arm_env *env = arm_env(c);
    unsigned to = target_level(env, exception);
    uint64_t offset = arm_el(env) < to ? 0x400 : env->pstate & PSTATE_SP ? 0x200 : 0, spsr;
    unsigned length = c->pc & 1 && env->pstate & PSTATE_A32 ? 2 : 4;
    bool behind = exception == ARM_EXC_SVC || exception == ARM_EXC_HVC || (exception == ARM_EXC_SMC && to == 3);

    if (exception == ARM_EXC_IRQ)
        offset += 0x80;
    else if (exception == ARM_EXC_FIQ)
        offset += 0x100;
    else
        note_syndrome(env, exception, to);
    if (arm_steps(env) && !behind && exception != ARM_EXC_STEP && exception != ARM_EXC_IRQ && exception != ARM_EXC_FIQ)
        env->pstate |= PSTATE_SS;              /* the instruction was not done: it is still to be stepped */
    if (env->pstate & PSTATE_A32) {
        offset += 0x200;
        spsr = arm_a32_leave(env);
    } else {
        spsr = env->pstate | arm_flags(env) | arm_take_btype(env);
    }
    note_return(env, c->pc + (behind ? length : 0), to, spsr);
    env->excl_addr = ~UINT64_C(0);
    arm_set_pstate(env, entry_pstate(env, to));
    c->pc = (to == 1 ? env->vbar : upper(env, to)->vbar) + offset;
    arm_pmu_mode(env);
    rt_mode_changed(c);
}

uint64_t arm_help_trap(struct cpu_env *c, uint32_t exception, uint32_t esr, uint64_t pc)
{
    arm_env(c)->far = 0;
    arm_env(c)->esr = esr;
    c->pc = pc;
    return rt_trap(c, exception);
}

/* May SPSR be returned to from a level? (D1.4.4) */
static bool legal_return(const struct arm_env *env, unsigned from, uint32_t to)
{
    unsigned el = to >> 2 & 3;

    if (to & PSTATE_A32)
        return (to & PSTATE_A32_MODE) == A32_USR && env->model->has[ARM_F_a32] && !(arm_el2_on(env) && env->hcr & HCR_TGE && from < 2);
    if (to & 2 || (el == 0 && to & 1) || el > from || !arm_has_el(env, el))
        return false;
    if (el == 2 && !arm_el2_on(env))
        return false;
    return !(el == 1 && arm_el2_on(env) && env->hcr & HCR_TGE);
}

/* An illegal return keeps the level and sets PSTATE.IL, which no instruction can be executed with. */
uint64_t arm_help_eret_to(struct cpu_env *c, uint64_t pc)
{
    struct arm_env *env = arm_env(c);
    unsigned el = arm_el(env);
    uint32_t to = (uint32_t)(el == 1 ? env->spsr : upper(env, el)->spsr), keep = PSTATE_DAIF | PSTATE_SSBS | PSTATE_PAN | PSTATE_UAO | PSTATE_IL;

    env->cc_op = ARM_CC_NZCV;
    env->cc_a = to & 0xf0000000;
    env->excl_addr = ~UINT64_C(0);
    env->branched.type = BTI_NONE;
    if (legal_return(env, el, to) && to & PSTATE_A32) {
        arm_set_pstate(env, 0);
        pc = arm_a32_enter(env, to, pc);
    } else if (legal_return(env, el, to))
        arm_set_pstate(env, to & (keep | 0xf));
    else
        arm_set_pstate(env, (env->pstate & 0xf) | (to & PSTATE_DAIF) | PSTATE_IL);
    if (arm_steps(env) && !(env->pstate & PSTATE_IL))
        env->pstate |= to & PSTATE_SS;
    arm_pmu_mode(env);
    rt_mode_changed(c);
    env->esr = to >> PSTATE_BTYPE_SHIFT & 3 && !(env->pstate & (PSTATE_IL | PSTATE_A32)) && env->model->has[ARM_F_bti] ? arm_help_bti(c, pc, (to >> PSTATE_BTYPE_SHIFT & 3) | BTI_RETURNED) : 0;
    if (env->esr) {
        c->pc = pc;
        return rt_trap(c, ARM_EXC_BTI);
    }
    return pc;
}

static uint64_t return_address(struct arm_env *env) { return arm_el(env) == 1 ? env->elr : upper(env, arm_el(env))->elr; }

uint64_t arm_help_eret(struct cpu_env *c) { return arm_help_eret_to(c, return_address(arm_env(c))); }

uint64_t arm_help_pauth_eret(struct cpu_env *c, uint64_t sp, uint32_t key)
{
    return arm_help_pauth_auth(c, return_address(arm_env(c)), sp, key);
}

/* The bytes at va could not be fetched while translating: they are asked for again as they will be executed. */
void arm_help_fetch_fault(struct cpu_env *c, uint64_t va)
{
    if (!rt_helper_probe(c, va, 1, RT_EXEC, 0))
        arm_help_raise(c, ARM_EXC_INSN_ABORT, va, 0x10);
    rt_leave(c, RT_EXIT_FLUSHED);
}

/* HVC goes to EL2 where there is one, else to the machine's firmware. */
void arm_help_hvc(struct cpu_env *c, uint32_t imm)
{
    struct arm_env *env = arm_env(c);
    struct vcpu *v = c->vcpu;

    if (arm_has_el(env, 2)) {
        bool off = arm_has_el(env, 3) ? !(env->scr & SCR_HCE) : (env->hcr & HCR_HCD) != 0;

        if (off || (arm_el(env) < 3 && !arm_el2_on(env)))
            arm_help_raise(c, ARM_EXC_UNDEF, 0, 0);
        arm_help_raise(c, ARM_EXC_HVC, 0, imm);
    }
    if (!v->firmware_call)
        arm_help_raise(c, ARM_EXC_UNDEF, 0, 0);
    v->firmware_call(v->firmware_opaque, v, env->x);
}

/* SMC goes to the machine's firmware if it plays any, else to EL3. */
void arm_help_smc(struct cpu_env *c, uint32_t imm)
{
    struct arm_env *env = arm_env(c);
    struct vcpu *v = c->vcpu;

    if (arm_el(env) == 1 && arm_el2_on(env) && env->hcr & HCR_TSC)
        arm_help_raise(c, ARM_EXC_SMC, 2, imm);
    if (v->firmware_call) {
        v->firmware_call(v->firmware_opaque, v, env->x);
        return;
    }
    if (!arm_has_el(env, 3) || env->scr & SCR_SMD)
        arm_help_raise(c, ARM_EXC_UNDEF, 0, 0);
    arm_help_raise(c, ARM_EXC_SMC, 3, imm);
}

/* EL1 may keep EL0 from waiting, EL2 both. */
void arm_help_wait(struct cpu_env *c, uint32_t wfe)
{
    struct arm_env *env = arm_env(c);
    unsigned el = arm_el(env);

    if (el == 0 && !(env->sctlr & (wfe ? SCTLR_NTWE : SCTLR_NTWI)))
        arm_help_raise(c, ARM_EXC_WAIT_TRAP, 0, wfe);
    if (el < 2 && arm_el2_on(env) && env->hcr & (wfe ? HCR_TWE : HCR_TWI))
        arm_help_raise(c, ARM_EXC_WAIT_TRAP, 2, wfe);
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

/* An interrupt for a higher level than EL1 is masked only there. */
static bool takes(const struct arm_env *env, bool fiq)
{
    unsigned to = interrupt_level(env, fiq), el = arm_el(env);

    if (to < el)
        return false;
    return (to > el && to > 1) || !(env->pstate & (fiq ? PSTATE_F : PSTATE_I));
}

uint32_t arm_lines(struct arm_env *env)
{
    uint32_t lines = env->lines;

    if (lines & ARM_LINE_COUNTERS) {
        __atomic_fetch_and((uint32_t *)&env->lines, ~(uint32_t)ARM_LINE_COUNTERS, __ATOMIC_SEQ_CST);
        arm_pmu_due(env);
    }
    return lines;
}

uint32_t arm_interrupt(struct cpu_env *c)
{
    struct arm_env *env = arm_env(c);
    uint32_t lines = arm_lines(env);

    if (lines & 2 && takes(env, true))
        return ARM_EXC_FIQ;
    return lines & 1 && takes(env, false) ? ARM_EXC_IRQ : 0;
}

/* --- generic timers -------------------------------------------------------------------------------------------------------- */

enum { CNT_ENABLE = 1, CNT_IMASK = 2, CNT_ISTATUS = 4 };

uint64_t arm_count(const struct arm_env *env)
{
    struct vcpu *v = env->c.vcpu;

    return v && v->read_time ? v->read_time(v->time_opaque) : 0;
}

uint64_t arm_timer_count(const struct arm_env *env, unsigned timer)
{
    return arm_count(env) - (timer == 1 ? env->cntvoff : 0);
}

void arm_timer_changed(struct arm_env *env, unsigned timer)
{
    struct vcpu *v = env->c.vcpu;
    bool on = (env->cnt_ctl[timer] & (CNT_ENABLE | CNT_IMASK)) == CNT_ENABLE;

    if (v && v->set_deadline)
        v->set_deadline(v->time_opaque, timer, on ? env->cnt_cval[timer] + (timer == 1 ? env->cntvoff : 0) : UINT64_MAX);
}

uint64_t arm_timer_ctl(struct arm_env *env, unsigned timer)
{
    bool due = env->cnt_ctl[timer] & CNT_ENABLE && arm_timer_count(env, timer) >= env->cnt_cval[timer];

    return env->cnt_ctl[timer] | (due ? CNT_ISTATUS : 0);
}

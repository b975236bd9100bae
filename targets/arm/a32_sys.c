/* targets/arm/a32_sys.c - AArch32 modes and their banked registers, exceptions taken to PL1 and returns from them. Arm ARM
 * (DDI 0487), G1. Hyp and Monitor modes are not here. */
#include "targets/arm/a32_sys.h"

#include <string.h>

#include "core/vm/vcpu.h"
#include "targets/arm/excp.h"
#include "targets/arm/help.h"
#include "targets/arm/pmu.h"

/* --- modes ------------------------------------------------------------------------------------------------------------- */

enum { BANK_USR, BANK_FIQ, BANK_IRQ, BANK_SVC, BANK_ABT, BANK_UND };

static int bank_of(unsigned mode)
{
    switch (mode) {
    case A32_USR: case A32_SYS: return BANK_USR;
    case A32_FIQ: return BANK_FIQ;
    case A32_IRQ: return BANK_IRQ;
    case A32_SVC: return BANK_SVC;
    case A32_ABT: return BANK_ABT;
    case A32_UND: return BANK_UND;
    default: return -1;
    }
}

void a32_switch_mode(struct arm_env *env, unsigned mode)
{
    int from = bank_of(a32_mode(env)), to = bank_of(mode);

    env->pstate = (env->pstate & ~(uint32_t)PSTATE_A32_MODE) | mode;
    if (from == to)
        return;
    env->a32.r13[from] = (uint32_t)env->x[13];
    env->a32.r14[from] = (uint32_t)env->x[14];
    env->a32.spsrs[from] = env->a32.spsr;
    env->x[13] = env->a32.r13[to];
    env->x[14] = env->a32.r14[to];
    env->a32.spsr = env->a32.spsrs[to];
    if (from == BANK_FIQ || to == BANK_FIQ)
        for (unsigned i = 0; i < 5; i++) {
            (from == BANK_FIQ ? env->a32.fiq : env->a32.low)[i] = (uint32_t)env->x[8 + i];
            env->x[8 + i] = (to == BANK_FIQ ? env->a32.fiq : env->a32.low)[i];
        }
}

void a32_system_reset(struct arm_env *env)
{
    memset(&env->a32, 0, sizeof env->a32);
    env->pstate = PSTATE_A | PSTATE_I | PSTATE_F | A32_SVC;
    env->sctlr = 0x00c50078;
    env->tcr = env->ttbr[0] = env->ttbr[1] = env->vbar = env->contextidr = env->cpacr = env->mair = env->csselr = 0;
    env->cntkctl = env->tpidr_el1 = env->tpidr_el0 = env->tpidrro_el0 = 0;
}

/* --- CPSR ---------------------------------------------------------------------------------------------------------------- */

/* The bits of mask; another mode brings its registers. A mode that is not here leaves all as it is. */
static void write_cpsr(struct arm_env *env, uint32_t v, uint32_t mask)
{
    unsigned mode = mask & PSTATE_A32_MODE ? v & PSTATE_A32_MODE : a32_mode(env);

    if (bank_of(mode) >= 0)
        a32_switch_mode(env, mode);
    arm_set_cpsr(env, v, mask & ~(uint32_t)PSTATE_A32_MODE);
}

void arm_help_cpsr_system(struct cpu_env *c, uint32_t v, uint32_t mask)
{
    struct arm_env *env = arm_env(c);

    if (!env->model->has[ARM_F_pan])
        mask &= ~(uint32_t)PSTATE_PAN;
    write_cpsr(env, v, mask & ~(uint32_t)(CPSR_T | CPSR_IT | CPSR_J | PSTATE_IL));
    arm_pmu_mode(env);
    rt_mode_changed(c);
}

/* A return: CPSR from an SPSR, and where to go on. */
uint64_t arm_help_a32_return(struct cpu_env *c, uint32_t pc, uint32_t spsr)
{
    struct arm_env *env = arm_env(c);

    write_cpsr(env, spsr, ~(uint32_t)CPSR_T);
    arm_pmu_mode(env);
    env->excl_addr = ~UINT64_C(0);
    rt_mode_changed(c);
    return (pc & ~(spsr & CPSR_T ? 1u : 3u)) | (spsr >> 5 & 1);
}

/* R13 of another mode, for SRS: its present value; with a new one, the old. */
uint32_t arm_help_a32_sp_of(struct cpu_env *c, uint32_t mode, uint32_t add)
{
    struct arm_env *env = arm_env(c);
    int bank = bank_of(mode);
    uint32_t was;

    if (bank < 0)
        arm_help_raise(c, ARM_EXC_UNDEF, 0, 0);
    if (bank == bank_of(a32_mode(env))) {
        was = (uint32_t)env->x[13];
        env->x[13] = was + add;
    } else {
        was = env->a32.r13[bank];
        env->a32.r13[bank] += add;
    }
    return was;
}

/* --- registers of a bank by name --------------------------------------------------------------------------------------------- */

/* `what`: SYSm, bit 5 R. Where that register is: the live one, or the one of its bank. DDI 0487, F5.1.117, F5.1.121. */
struct banked { uint64_t *live; uint32_t *saved; };

static struct banked find_banked(struct cpu_env *c, uint32_t what)
{
    static const uint8_t modes[] = { A32_USR, A32_FIQ, A32_IRQ, A32_SVC, A32_ABT, A32_UND };
    struct arm_env *env = arm_env(c);
    unsigned m = what & 31, bank = m < 8 ? BANK_USR : m < 16 ? BANK_FIQ : BANK_IRQ + (m - 16) / 2, n = m & 7;
    bool here, is_sp;

    if ((what & 32 && (bank == BANK_USR || (m != 14 && (m < 16 || m & 1)))) || m == 7 || m == 15 || m > 23)
        arm_help_raise(c, ARM_EXC_UNDEF, 0, 0);
    here = bank_of(a32_mode(env)) == bank_of(modes[bank]);
    if (what & 32)
        return (struct banked){ .saved = here ? &env->a32.spsr : &env->a32.spsrs[bank] };
    if (m < 16 && n < 5) {                     /* R8 to R12: FIQ mode's, or everyone else's */
        here = (bank_of(a32_mode(env)) == BANK_FIQ) == (bank == BANK_FIQ);
        return here ? (struct banked){ .live = &env->x[8 + n] } :
               (struct banked){ .saved = &(bank == BANK_FIQ ? env->a32.fiq : env->a32.low)[n] };
    }
    is_sp = m < 16 ? n == 5 : m & 1;
    return here ? (struct banked){ .live = &env->x[is_sp ? 13 : 14] } :
           (struct banked){ .saved = &(is_sp ? env->a32.r13 : env->a32.r14)[bank] };
}

uint32_t arm_help_a32_banked_read(struct cpu_env *c, uint32_t what)
{
    struct banked b = find_banked(c, what);

    return b.live ? (uint32_t)*b.live : *b.saved;
}

void arm_help_a32_banked_write(struct cpu_env *c, uint32_t what, uint32_t v)
{
    struct banked b = find_banked(c, what);

    if (b.live)
        *b.live = v;
    else
        *b.saved = v;
}

/* --- firmware, controls ------------------------------------------------------------------------------------------------------- */

/* SETEND while SCTLR.SED forbids it, a barrier by CP15 without CP15BEN. SCTLR_EL1 has the same bits. */
void arm_help_a32_control(struct cpu_env *c, uint32_t setend)
{
    uint64_t sctlr = arm_env(c)->sctlr;

    if (setend ? sctlr & A32_SCTLR_SED : !(sctlr & A32_SCTLR_CP15BEN))
        arm_help_raise(c, ARM_EXC_UNDEF, 0, 0);
}

/* Arguments are those of the SMC32 convention. */
void arm_help_a32_firmware(struct cpu_env *c)
{
    struct arm_env *env = arm_env(c);
    struct vcpu *v = c->vcpu;

    if (!v->firmware_call)
        arm_help_raise(c, ARM_EXC_UNDEF, 0, 0);
    for (unsigned i = 0; i < 8; i++)
        env->x[i] = (uint32_t)env->x[i];
    v->firmware_call(v->firmware_opaque, v, env->x);
}

/* --- exceptions ------------------------------------------------------------------------------------------------------------ */

static void entry(uint32_t exception, bool thumb, unsigned *mode, uint32_t *vector, uint32_t *link)
{
    switch (exception) {
    case ARM_EXC_SVC: *mode = A32_SVC, *vector = 0x08, *link = thumb ? 2 : 4; break;
    case ARM_EXC_INSN_ABORT: case ARM_EXC_PC_ALIGN: case ARM_EXC_BRK: *mode = A32_ABT, *vector = 0x0c, *link = 4; break;
    case ARM_EXC_DATA_ABORT: case ARM_EXC_DATA_ALIGN: *mode = A32_ABT, *vector = 0x10, *link = 8; break;
    case ARM_EXC_IRQ: *mode = A32_IRQ, *vector = 0x18, *link = 4; break;
    case ARM_EXC_FIQ: *mode = A32_FIQ, *vector = 0x1c, *link = 4; break;
    default: *mode = A32_UND, *vector = 0x04, *link = thumb ? 2 : 4; break;
    }
}

static void syndrome(struct arm_env *env, uint32_t exception)
{
    bool eae = env->tcr & A32_TTBCR_EAE;

    switch (exception) {
    case ARM_EXC_DATA_ABORT:
        env->a32.dfsr = env->esr;
        env->a32.dfar = (uint32_t)env->far;
        break;
    case ARM_EXC_DATA_ALIGN:                   /* what generated code has seen says WnR as AArch64 does */
        env->a32.dfsr = (eae ? 0x221 : 1) | (env->esr & (1 << 11 | 1 << 6) ? 1 << 11 : 0);
        env->a32.dfar = (uint32_t)env->far;
        break;
    case ARM_EXC_INSN_ABORT: case ARM_EXC_PC_ALIGN:
        env->a32.ifsr = exception == ARM_EXC_PC_ALIGN ? (eae ? 0x221 : 1) : eae ? env->esr : env->esr & ~0xf0u;      /* no domain */
        env->a32.ifar = (uint32_t)env->far;
        break;
    case ARM_EXC_BRK: env->a32.ifsr = eae ? 0x222 : 2; break;
    default: break;
    }
}

void a32_deliver(struct cpu_env *c, uint32_t exception)
{
    struct arm_env *env = arm_env(c);
    uint32_t cpsr = arm_cpsr(env), pc = (uint32_t)c->pc & ~1u, vector, link;
    unsigned mode;

    entry(exception, c->pc & 1, &mode, &vector, &link);
    syndrome(env, exception);
    a32_switch_mode(env, mode);
    env->a32.spsr = cpsr;
    env->x[14] = pc + link;
    env->itstate = 0;
    env->excl_addr = ~UINT64_C(0);
    env->pstate = (env->pstate & ~(uint32_t)PSTATE_E) | PSTATE_I | (env->sctlr & A32_SCTLR_EE ? PSTATE_E : 0);
    if (mode == A32_ABT || mode == A32_IRQ || mode == A32_FIQ)
        env->pstate |= PSTATE_A;
    if (mode == A32_FIQ)
        env->pstate |= PSTATE_F;
    if (env->model->has[ARM_F_pan] && !(env->sctlr & A32_SCTLR_SPAN))
        env->pstate |= PSTATE_PAN;
    arm_pmu_mode(env);
    c->pc = ((env->sctlr & A32_SCTLR_V ? 0xffff0000 : (uint32_t)env->vbar) + vector) | !!(env->sctlr & A32_SCTLR_TE);
    rt_mode_changed(c);
}

uint32_t a32_interrupt(struct cpu_env *c)
{
    struct arm_env *env = arm_env(c);
    uint32_t lines = arm_lines(env);

    if (lines & 2 && !(env->pstate & PSTATE_F))
        return ARM_EXC_FIQ;
    return lines & 1 && !(env->pstate & PSTATE_I) ? ARM_EXC_IRQ : 0;
}

/* targets/riscv/excp.c - taking traps and returning from them, pending interrupts. */
#include "core/base/bits.h"
#include "core/base/log.h"
#include "core/vm/vcpu.h"
#include "targets/riscv/excp.h"
#include "targets/riscv/help.h"
#include "targets/riscv/hpm.h"
#include "targets/riscv/state.h"

/* --- raising -------------------------------------------------------------------------------------------------------- */

void riscv_illegal(struct riscv_env *env, uint32_t insn)
{
    env->tval = insn;
    rt_raise(&env->c, RV_EXC_ILLEGAL);
}

void helper_raise(struct cpu_env *c, uint32_t exception, uint64_t tval)
{
    riscv_env(c)->tval = tval;
    rt_raise(c, exception);
}

uint64_t helper_trap(struct cpu_env *c, uint32_t exception, uint64_t tval, uint64_t pc)
{
    c->pc = pc;
    riscv_env(c)->tval = tval;
    return rt_trap(c, exception);
}

/* The bytes at va could not be fetched while translating. They are asked for again as they will be executed: either
 * that faults, or the mapping has changed meanwhile and the instruction is translated anew. */
void helper_fetch_fault(struct cpu_env *c, uint64_t va)
{
    if (!rt_helper_probe(c, va, 1, RT_EXEC, 0)) {
        riscv_env(c)->tval = va;
        rt_raise(c, RV_EXC_INSN_ACCESS);
    }
    rt_leave(c, RT_EXIT_FLUSHED);
}

uint32_t riscv_debug_exception(void)
{
    return RV_EXC_DEBUG;
}

/* --- interrupts ------------------------------------------------------------------------------------------------------ */

uint64_t riscv_mip(const struct riscv_env *env)
{
    uint64_t v = atomic_load_explicit(&env->mip, memory_order_relaxed);

    return atomic_load_explicit(&env->ext_seip, memory_order_relaxed) ? v | BIT64(RV_IRQ_SEI) : v;
}

void riscv_set_irq(struct cpu_env *c, unsigned line, bool level)
{
    struct riscv_env *env = riscv_env(c);

    if (line == RV_IRQ_SEI)
        atomic_store(&env->ext_seip, level);
    else if (line == RV_LINE_COUNTERS)
        atomic_store(&env->hpm_due, level);
    else if (line < 64 && level)
        atomic_fetch_or(&env->mip, BIT64(line));
    else if (line < 64)
        atomic_fetch_and(&env->mip, ~BIT64(line));
}

bool riscv_has_work(const struct cpu_env *c)
{
    const struct riscv_env *env = riscv_env(c);

    return (riscv_mip(env) & env->mie) != 0 || atomic_load_explicit(&env->hpm_due, memory_order_relaxed);
}

uint32_t riscv_interrupt(struct cpu_env *c)
{
    static const uint8_t order[] = { RV_IRQ_MEI, RV_IRQ_MSI, RV_IRQ_MTI, RV_IRQ_SEI, RV_IRQ_SSI, RV_IRQ_STI, RV_IRQ_LCOFI };
    struct riscv_env *env = riscv_env(c);
    uint64_t pending, m, s;

    if (atomic_load_explicit(&env->hpm_due, memory_order_relaxed) && atomic_exchange(&env->hpm_due, 0))
        riscv_hpm_due(env);
    pending = riscv_mip(env) & env->mie;
    if (!pending)
        return 0;
    m = env->priv < RV_M || env->mstatus & MSTATUS_MIE ? pending & ~env->mideleg : 0;
    s = env->priv < RV_S || (env->priv == RV_S && env->mstatus & MSTATUS_SIE) ? pending & env->mideleg : 0;
    pending = m ? m : s;
    for (unsigned i = 0; i < ARRAY_LEN(order); i++)
        if (pending >> order[i] & 1)
            return RV_INT + order[i];
    return 0;
}

bool riscv_stimecmp_on(const struct riscv_env *env)
{
    return env->model->has[RV_F_sstc] && env->menvcfg & MENVCFG_STCE;
}

/* The machine sets the line RV_IRQ_STI when the time of deadline 0 has come. */
void riscv_stimecmp_changed(struct riscv_env *env)
{
    struct vcpu *v = env->c.vcpu;
    bool due;

    if (!v || !v->read_time || !v->set_deadline)
        return;
    if (!riscv_stimecmp_on(env)) {
        v->set_deadline(v->time_opaque, 0, UINT64_MAX);
        return;
    }
    due = v->read_time(v->time_opaque) >= env->stimecmp;
    riscv_set_irq(&env->c, RV_IRQ_STI, due);
    v->set_deadline(v->time_opaque, 0, due ? UINT64_MAX : env->stimecmp);
}

/* --- traps ------------------------------------------------------------------------------------------------------------ */

static const char *const cause_names[] = {
    "instruction address misaligned", "instruction access fault", "illegal instruction", "breakpoint",
    "load address misaligned", "load access fault", "store address misaligned", "store access fault", "call from U",
    "call from S", "?", "call from M", "instruction page fault", "load page fault", "?", "store page fault",
};

static void log_trap(const struct riscv_env *env, bool irq, unsigned cause, uint64_t tval)
{
    log_printf("riscv: hart %llu %s %u (%s) pc=%#llx tval=%#llx priv=%u\n", (unsigned long long)env->mhartid,
               irq ? "interrupt" : "trap", cause, irq || cause >= ARRAY_LEN(cause_names) ? "-" : cause_names[cause],
               (unsigned long long)env->c.pc, (unsigned long long)tval, env->priv);
}

static uint64_t vector(uint64_t tvec, bool irq, unsigned cause)
{
    return (tvec & ~UINT64_C(3)) + (irq && (tvec & 3) == 1 ? 4 * cause : 0);
}

static uint64_t cause_value(const struct riscv_env *env, bool irq, unsigned cause)
{
    return cause | (uint64_t)irq << (env->model->xlen - 1);
}

static void trap_to_s(struct riscv_env *env, bool irq, unsigned cause, uint64_t tval)
{
    uint64_t s = env->mstatus;

    s = bits_set(s, 5, 1, s >> 1 & 1);         /* SPIE = SIE */
    s = bits_set(s, 8, 1, env->priv == RV_S);  /* SPP */
    env->mstatus = s & ~MSTATUS_SIE;
    env->scause = cause_value(env, irq, cause);
    env->sepc = env->c.pc;
    env->stval = tval;
    env->priv = RV_S;
    env->c.pc = vector(env->stvec, irq, cause);
}

static void trap_to_m(struct riscv_env *env, bool irq, unsigned cause, uint64_t tval)
{
    uint64_t s = env->mstatus;

    s = bits_set(s, 7, 1, s >> 3 & 1);         /* MPIE = MIE */
    s = bits_set(s, 11, 2, env->priv);         /* MPP */
    env->mstatus = s & ~MSTATUS_MIE;
    env->mcause = cause_value(env, irq, cause);
    env->mepc = env->c.pc;
    env->mtval = tval;
    env->priv = RV_M;
    env->c.pc = vector(env->mtvec, irq, cause);
}

void riscv_deliver(struct cpu_env *c, uint32_t exception)
{
    struct riscv_env *env = riscv_env(c);
    bool irq = exception >= RV_INT;
    unsigned cause = exception - (irq ? RV_INT : RV_EXC);
    uint64_t tval = irq ? 0 : env->tval, delegated = irq ? env->mideleg : env->medeleg;

    if (log_on(LOG_INT))
        log_trap(env, irq, cause, tval);
    if (env->priv != RV_M && cause < 64 && delegated >> cause & 1)
        trap_to_s(env, irq, cause, tval);
    else
        trap_to_m(env, irq, cause, tval);
    env->res_addr = UINT64_MAX;
    riscv_hpm_mode(env);
    rt_mode_changed(c);
}

/* --- returns ----------------------------------------------------------------------------------------------------------- */

uint64_t helper_mret(struct cpu_env *c, uint32_t insn, uint64_t pc)
{
    struct riscv_env *env = riscv_env(c);
    uint64_t s = env->mstatus;
    unsigned to = s >> 11 & 3;

    (void)insn;
    (void)pc;
    s = bits_set(s, 3, 1, s >> 7 & 1) | MSTATUS_MPIE;
    s = bits_set(s, 11, 2, env->model->has[RV_F_u] ? RV_U : RV_M);
    if (to != RV_M)
        s &= ~MSTATUS_MPRV;
    env->mstatus = s;
    env->priv = (uint8_t)to;
    riscv_hpm_mode(env);
    rt_mode_changed(c);
    return env->mepc;
}

uint64_t helper_sret(struct cpu_env *c, uint32_t insn, uint64_t pc)
{
    struct riscv_env *env = riscv_env(c);
    uint64_t s = env->mstatus;

    if (env->priv == RV_S && s & MSTATUS_TSR)
        return helper_trap(c, RV_EXC_ILLEGAL, insn, pc);
    env->priv = s >> 8 & 1 ? RV_S : RV_U;
    s = bits_set(s, 1, 1, s >> 5 & 1) | MSTATUS_SPIE;
    env->mstatus = s & ~(MSTATUS_SPP | MSTATUS_MPRV);
    riscv_hpm_mode(env);
    rt_mode_changed(c);
    return env->sepc;
}

void helper_wfi_check(struct cpu_env *c, uint32_t insn)
{
    struct riscv_env *env = riscv_env(c);

    if (env->priv != RV_M && env->mstatus & MSTATUS_TW)
        riscv_illegal(env, insn);
}

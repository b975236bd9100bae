/* targets/arm/cp15.c - CP15, the system registers of AArch32, by cp15.def. Arm ARM (DDI 0487), G8.2. */
#include "core/base/bits.h"
#include "core/vm/vcpu.h"
#include "targets/arm/a32_sys.h"
#include "targets/arm/excp.h"
#include "targets/arm/help.h"

static void unknown(struct cpu_env *c) __attribute__((noreturn));
static void unknown(struct cpu_env *c) { arm_help_raise(c, ARM_EXC_UNDEF, 0, 0); }

/* --- what changes a view ------------------------------------------------------------------------------------------------- */

static void set_sctlr(struct arm_env *env, uint32_t v)
{
    env->sctlr = v;
    rt_flush_all(&env->c);
    rt_mode_changed(&env->c);
}

static void set_ttbr(struct arm_env *env, unsigned n, uint64_t v)
{
    env->ttbr[n] = v;
    rt_mode_changed(&env->c);
}

static void set_ttbcr(struct arm_env *env, uint32_t v)
{
    env->tcr = v;
    rt_flush_all(&env->c);
    rt_mode_changed(&env->c);
}

static void set_dacr(struct arm_env *env, uint32_t v)
{
    env->a32.dacr = v;
    rt_mode_changed(&env->c);
}

static void set_contextidr(struct arm_env *env, uint32_t v)
{
    env->contextidr = v;
    rt_mode_changed(&env->c);
}

/* TLB maintenance: CRm 3 on all CPUs, others here; opc2 0 all, 1 by address, 2 by ASID, 3 by address in all ASIDs. */
static void tlb_maintenance(struct arm_env *env, unsigned crm, unsigned op2, uint32_t v)
{
    if (crm == 3 && vcpu_count() > 1)
        rt_flush_others(&env->c);
    else if (op2 == 1 || op2 == 3)
        rt_flush_page(&env->c, v & ~0xfffu, true, 0);
    else if (op2 == 2)
        rt_flush_asid(&env->c, v & 0xff);
    else
        rt_flush_all(&env->c);
}

/* --- timers ------------------------------------------------------------------------------------------------------------------ */

static uint32_t timer_value(struct arm_env *env, unsigned timer) { return (uint32_t)(env->cnt_cval[timer] - arm_timer_count(env, timer)); }

static void set_timer_compare(struct arm_env *env, unsigned timer, uint64_t v)
{
    env->cnt_cval[timer] = v;
    arm_timer_changed(env, timer);
}

static void set_timer_value(struct arm_env *env, unsigned timer, uint32_t v)
{
    set_timer_compare(env, timer, arm_timer_count(env, timer) + (uint64_t)(int64_t)(int32_t)v);
}

static void set_timer_ctl(struct arm_env *env, unsigned timer, uint32_t v)
{
    env->cnt_ctl[timer] = v & 3;
    arm_timer_changed(env, timer);
}

/* --- the table ---------------------------------------------------------------------------------------------------------------- */

static uint32_t key(unsigned op1, unsigned crn, unsigned crm, unsigned op2) { return op1 << 12 | crn << 8 | crm << 4 | op2; }

/* What User mode may reach. CNTKCTL says more. */
static bool allowed(const struct arm_env *env, uint32_t k, bool write)
{
    if (a32_mode(env) != A32_USR)
        return true;
    if (k == key(0, 13, 0, 2) || (k == key(0, 13, 0, 3) && !write) || k == key(0, 7, 5, 4))
        return true;
    if (k == key(0, 14, 0, 0))
        return !write && env->cntkctl & 3;
    if (k >> 8 == 14)
        return env->cntkctl >> ((k >> 4 & 15) == 2 ? 9 : 8) & 1;
    return false;
}

static bool allowed_64(const struct arm_env *env, unsigned op1, unsigned crm)
{
    static const uint8_t bit[] = { 0, 1, 9, 8 };

    return a32_mode(env) != A32_USR || (crm == 14 && op1 < 4 && env->cntkctl >> bit[op1] & 1);
}

/* Cache maintenance by address and set has nothing to do here; performance counters are not here and read as zero. */
static bool is_ignored(uint32_t k, bool write)
{
    unsigned crn = k >> 8 & 15;

    return (crn == 7 && write) || (crn == 9 && k >> 12 == 0);
}

uint32_t arm_help_cp15_read(struct cpu_env *c, uint32_t k)
{
    struct arm_env *env = arm_env(c);
    const struct arm_model *m = env->model;

    if (!allowed(env, k, false))
        unknown(c);
#define CP15(name, op1, crn, crm, op2, read, write) \
    if (k == key(op1, crn, crm, op2)) \
        return (uint32_t)(read);
#define READONLY(name, op1, crn, crm, op2, read) CP15(name, op1, crn, crm, op2, read, )
#define WRITEONLY(name, op1, crn, crm, op2, write)
#define CP15_64(name, op1, crm, read, write)
#include "targets/arm/cp15.def"
#undef CP15
#undef WRITEONLY
#undef CP15_64
    if (is_ignored(k, false) || (k & ~0xffu) == key(0, 0, 0, 0))
        return 0;                              /* the rest of the ID space reads as zero */
    unknown(c);
}

void arm_help_cp15_write(struct cpu_env *c, uint32_t k, uint32_t v)
{
    struct arm_env *env = arm_env(c);

    if (!allowed(env, k, true))
        unknown(c);
    if ((k & ~0xffu) == key(0, 8, 0, 0)) {
        tlb_maintenance(env, k >> 4 & 15, k & 15, v);
        return;
    }
#define CP15(name, op1, crn, crm, op2, read, write) \
    if (k == key(op1, crn, crm, op2)) { \
        write; \
        return; \
    }
#undef READONLY
#define READONLY(name, op1, crn, crm, op2, read)
#define WRITEONLY(name, op1, crn, crm, op2, write) CP15(name, op1, crn, crm, op2, , write)
#define CP15_64(name, op1, crm, read, write)
#include "targets/arm/cp15.def"
#undef CP15
#undef READONLY
#undef WRITEONLY
#undef CP15_64
    if (!is_ignored(k, true))
        unknown(c);
}

uint64_t arm_help_cp15_read64(struct cpu_env *c, uint32_t op1, uint32_t crm_)
{
    struct arm_env *env = arm_env(c);

    if (!allowed_64(env, op1, crm_))
        unknown(c);
#define CP15(name, op1, crn, crm, op2, read, write)
#define READONLY(name, op1, crn, crm, op2, read)
#define WRITEONLY(name, op1, crn, crm, op2, write)
#define CP15_64(name, o, crm, read, write) \
    if (op1 == o && crm_ == crm) \
        return read;
#include "targets/arm/cp15.def"
#undef CP15_64
    unknown(c);
}

void arm_help_cp15_write64(struct cpu_env *c, uint32_t op1, uint32_t crm_, uint64_t v)
{
    struct arm_env *env = arm_env(c);

    if (a32_mode(env) == A32_USR && !allowed_64(env, op1, crm_))
        unknown(c);
#define CP15_64(name, o, crm, read, write) \
    if (op1 == o && crm_ == crm) { \
        write; \
        return; \
    }
#include "targets/arm/cp15.def"
    unknown(c);
}

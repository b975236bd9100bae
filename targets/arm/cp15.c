/* targets/arm/cp15.c - CP15, the system registers of AArch32, by cp15.def. Arm ARM (DDI 0487), G8.2. */
#include "core/base/bits.h"
#include "core/vm/vcpu.h"
#include "targets/arm/a32_sys.h"
#include "targets/arm/excp.h"
#include "targets/arm/help.h"
#include "targets/arm/pmu.h"

static void unknown(struct cpu_env *c) __attribute__((noreturn));
static void unknown(struct cpu_env *c) { arm_help_raise(c, ARM_EXC_UNDEF, 0, 0); }

/* What the translator says of an access (tr_a32_sys.c, access_key): the register, the general registers, above whom it is. */
enum { KEY_REG = 0xffff, KEY_RT_SHIFT = 16, KEY_RT2_SHIFT = 20, KEY_BELOW_A64 = 1 << 24 };

/* EL1 keeps this from EL0. Its own kernel sees an undefined instruction, one of AArch64 is told what it was. DDI 0487,
 * D17.2.37: ISS of trapped MCR, MRC, MCRR and MRRC. */
static void denied(struct cpu_env *c, enum arm_cp_class class, uint32_t where, bool read) __attribute__((noreturn));
static void denied(struct cpu_env *c, enum arm_cp_class class, uint32_t where, bool read)
{
    uint32_t op1 = where >> 12 & 15, crn = where >> 8 & 15, crm = where >> 4 & 15, op2 = where & 15;
    uint32_t rt = where >> KEY_RT_SHIFT & 15, rt2 = where >> KEY_RT2_SHIFT & 15, iss;

    if (!(where & KEY_BELOW_A64))
        unknown(c);
    if (class == ARM_CP15_64 || class == ARM_CP14_64)
        iss = op1 << 16 | rt2 << 10;
    else
        iss = op2 << 17 | op1 << 14 | crn << 10;
    arm_help_raise(c, ARM_EXC_CP_TRAP, class, ARM_ISS_NO_CONDITION | iss | rt << 5 | crm << 1 | read);
}

/* --- what changes a view ------------------------------------------------------------------------------------------------- */

static void set_sctlr(struct arm_env *env, uint32_t v)
{
    enum { ITD = 1 << 7 };                     /* IT blocks are what they are */

    env->sctlr = env->model->has[ARM_F_v8] ? v & ~(uint32_t)ITD : (v | A32_SCTLR_CP15BEN) & ~(uint32_t)(ITD | A32_SCTLR_SED);
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
    env->tcr = env->model->has[ARM_F_lpae] ? v : v & 0x37;
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

/* --- identification ---------------------------------------------------------------------------------------------------------- */

/* There is no Hyp or Monitor mode here, and no debug architecture. */
static uint32_t own_id(const struct arm_env *env, unsigned crm, unsigned op2)
{
    uint32_t v = arm_a32_id(env->model, crm, op2);

    if (crm == 1 && op2 == 1)
        v = (v & ~0xf000f0f0u) | (env->c.vcpu && env->c.vcpu->intc_read ? 1u << 28 : 0);
    return crm != 1 || op2 != 2 ? v : env->model->has[ARM_F_pmu] ? v & 0x0f000000 : 0;
}

/* --- the table ---------------------------------------------------------------------------------------------------------------- */

static uint32_t key(unsigned op1, unsigned crn, unsigned crm, unsigned op2) { return op1 << 12 | crn << 8 | crm << 4 | op2; }

/* --- performance monitors: the registers of AArch64 under other numbers ------------------------------------------------------- */

static bool is_pmu(const struct arm_env *env, uint32_t k)
{
    unsigned op1 = k >> 12, crn = k >> 8 & 15, crm = k >> 4 & 15;

    return env->model->has[ARM_F_pmu] && !op1 && ((crn == 9 && crm >= 12 && crm <= 14) || (crn == 14 && crm >= 8));
}

static bool is_event_counter(uint32_t k) { return k == key(0, 9, 13, 2) || (k >> 8 == 14 && (k >> 4 & 15) < 12); }

/* MRS or MSR of it; ends what User mode may not. */
static uint32_t pmu_insn(struct cpu_env *c, uint32_t where, bool read)
{
    const struct arm_env *env = arm_env(c);
    uint32_t k = where & KEY_REG, may = PMUSERENR_EN;
    bool interrupts = k == key(0, 9, 14, 1) || k == key(0, 9, 14, 2);

    if (k == key(0, 9, 12, 4))
        may |= PMUSERENR_SW;
    else if (k == key(0, 9, 12, 5) || (read && is_event_counter(k)))
        may |= PMUSERENR_ER;
    else if (read && k == key(0, 9, 13, 0))
        may |= PMUSERENR_CR;
    if (a32_mode(env) == A32_USR && interrupts)
        unknown(c);
    if (a32_mode(env) == A32_USR && !(read && k == key(0, 9, 14, 0)) && !(env->pmu.user & may))
        denied(c, ARM_CP15, where, read);
    return 0xd5180000 | (uint32_t)read << 21 | (interrupts ? 0u : 3u << 16) | (k & 0xff0) << 4 | (k & 7) << 5;
}

/* PMCCNTR by MRRC and MCRR. */
static bool is_cycles_64(const struct arm_env *env, uint32_t where)
{
    return env->model->has[ARM_F_pmu] && (where & KEY_REG) == key(0, 0, 9, 0);
}

/* --- registers of the interrupt controller (ICC_*): those of AArch64 with op0 3, if it is one that has them ------------------- */

static uint32_t intc_register(unsigned crn, unsigned crm, unsigned op2) { return 3u << 14 | crn << 7 | crm << 3 | op2; }

static bool is_intc(const struct arm_env *env, uint32_t k)
{
    unsigned crm = k >> 4 & 15;

    return env->c.vcpu && env->c.vcpu->intc_read && (k == key(0, 4, 6, 0) || (k >> 8 == 12 && crm >= 8 && crm <= 12));
}

static uint32_t intc_read(struct arm_env *env, uint32_t k)
{
    return (uint32_t)env->c.vcpu->intc_read(env->c.vcpu->intc_opaque, env->c.vcpu, intc_register(k >> 8 & 15, k >> 4 & 15, k & 15));
}

static void intc_write(struct arm_env *env, uint32_t k, uint64_t v)
{
    env->c.vcpu->intc_write(env->c.vcpu->intc_opaque, env->c.vcpu, intc_register(k >> 8 & 15, k >> 4 & 15, k & 15), v);
}

/* Software-generated interrupts: ICC_SGI1R, ICC_ASGI1R, ICC_SGI0R by MCRR of opc1 0, 1, 2. */
static bool is_sgi_64(const struct arm_env *env, unsigned op1, unsigned crm)
{
    return crm == 12 && op1 <= 2 && env->c.vcpu && env->c.vcpu->intc_write;
}

/* --- what User mode may reach -------------------------------------------------------------------------------------------------- */

/* Ends an access of User mode that is not for it, or that CNTKCTL does not allow. */
static void check(struct cpu_env *c, uint32_t where, bool write)
{
    const struct arm_env *env = arm_env(c);
    uint32_t k = where & KEY_REG;

    if (a32_mode(env) != A32_USR || k == key(0, 13, 0, 2) || (k == key(0, 13, 0, 3) && !write) || k == key(0, 7, 5, 4))
        return;
    if (k >> 8 != 14 || (k >> 4 & 15) == 1 || (k >> 4 & 15) > 3 || (k == key(0, 14, 0, 0) && write))
        unknown(c);
    if (!(k == key(0, 14, 0, 0) ? env->cntkctl & 3 : env->cntkctl >> ((k >> 4 & 15) == 2 ? 9 : 8) & 1))
        denied(c, ARM_CP15, where, !write);
}

static void check_64(struct cpu_env *c, uint32_t where, bool write)
{
    static const uint8_t bit[] = { 0, 1, 9, 8 };
    const struct arm_env *env = arm_env(c);
    unsigned op1 = where >> 12 & 15;

    if (a32_mode(env) != A32_USR)
        return;
    if ((where >> 4 & 15) != 14 || op1 > 3 || (write && op1 < 2))
        unknown(c);
    if (!(env->cntkctl >> bit[op1] & 1))
        denied(c, ARM_CP15_64, where, !write);
}

/* Cache maintenance by address and set has nothing to do here; performance counters and what cores of ARMv7 keep for errata
 * are not here and read as zero. */
static bool is_ignored(const struct arm_env *env, uint32_t k, bool write)
{
    unsigned crn = k >> 8 & 15;

    return (crn == 7 && write) || (crn == 9 && k >> 12 == 0) || (crn == 15 && !env->model->has[ARM_F_v8]);
}

uint32_t arm_help_cp15_read(struct cpu_env *c, uint32_t where)
{
    struct arm_env *env = arm_env(c);
    const struct arm_model *m = env->model;
    uint32_t k = where & KEY_REG;

    if (is_pmu(env, k))
        return (uint32_t)arm_help_sysreg_read(c, pmu_insn(c, where, true));
    check(c, where, false);
    if (is_intc(env, k))
        return intc_read(env, k);
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
    if (is_ignored(env, k, false) || (k & ~0xffu) == key(0, 0, 0, 0))
        return 0;                              /* the rest of the ID space reads as zero */
    unknown(c);
}

void arm_help_cp15_write(struct cpu_env *c, uint32_t where, uint32_t v)
{
    struct arm_env *env = arm_env(c);
    uint32_t k = where & KEY_REG;

    if (is_pmu(env, k)) {
        arm_help_sysreg_write(c, pmu_insn(c, where, false), v);
        return;
    }
    check(c, where, true);
    if (is_intc(env, k)) {
        intc_write(env, k, v);
        return;
    }
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
    if (!is_ignored(env, k, true))
        unknown(c);
}

uint64_t arm_help_cp15_read64(struct cpu_env *c, uint32_t where)
{
    struct arm_env *env = arm_env(c);
    unsigned op1 = where >> 12 & 15, crm_ = where >> 4 & 15;

    if (is_cycles_64(env, where))
        return arm_help_sysreg_read(c, pmu_insn(c, (where & ~(uint32_t)KEY_REG) | key(0, 9, 13, 0), true));
    check_64(c, where, false);
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

void arm_help_cp15_write64(struct cpu_env *c, uint32_t where, uint64_t v)
{
    struct arm_env *env = arm_env(c);
    unsigned op1 = where >> 12 & 15, crm_ = where >> 4 & 15;

    if (is_cycles_64(env, where)) {
        arm_help_sysreg_write(c, pmu_insn(c, (where & ~(uint32_t)KEY_REG) | key(0, 9, 13, 0), false), v);
        return;
    }
    check_64(c, where, true);
    if (is_sgi_64(env, op1, crm_)) {
        intc_write(env, key(0, 12, 11, 5 + op1), v);
        return;
    }
#define CP15_64(name, o, crm, read, write) \
    if (op1 == o && crm_ == crm) { \
        write; \
        return; \
    }
#include "targets/arm/cp15.def"
    unknown(c);
}

/* --- CP14 at EL0 ----------------------------------------------------------------------------------------------------------------
 * DBGDIDR, DBGDSCRint, DBGDTRxXint, DBGDRAR and DBGDSAR, which an AArch64 kernel may keep to itself by MDSCR_EL1.TDCC. */
enum { MDSCR_TDCC = 1 << 12, DIDR_V8 = 0x33066000 /* four break- and watchpoints */ };

uint32_t arm_help_cp14(struct cpu_env *c, uint32_t where, uint32_t read)
{
    uint32_t k = where & KEY_REG;
    bool data = k == key(0, 0, 5, 0);

    if (!data && !(read && (k == key(0, 0, 0, 0) || k == key(0, 0, 1, 0) || k == key(0, 1, 0, 0) || k == key(0, 2, 0, 0))))
        unknown(c);
    if (arm_env(c)->mdscr & MDSCR_TDCC)
        denied(c, ARM_CP14, where, read);
    return k == key(0, 0, 0, 0) ? DIDR_V8 : 0;
}

/* The addresses of debug components: none. */
void arm_help_cp14_pair(struct cpu_env *c, uint32_t where)
{
    if ((where & KEY_REG) != key(0, 0, 1, 0) && (where & KEY_REG) != key(0, 0, 2, 0))
        unknown(c);
    if (arm_env(c)->mdscr & MDSCR_TDCC)
        denied(c, ARM_CP14_64, where, true);
}

/* LDC and STC of the data transfer register; iss as in DDI 0487, but for the condition. The channel has no other end. */
void arm_help_cp14_transfer(struct cpu_env *c, uint32_t iss)
{
    if (!(arm_env(c)->mdscr & MDSCR_TDCC))
        unknown(c);
    arm_help_raise(c, ARM_EXC_CP_TRAP, ARM_CP14_TRANSFER, ARM_ISS_NO_CONDITION | iss);
}

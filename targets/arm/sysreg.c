/* targets/arm/sysreg.c - system registers by name, encoding and action (sysreg.def). In user mode, those of EL1 that
 * can be read are the ones that Linux lets programs read. */
#include <sys/random.h>
#include <xmmintrin.h>

#include "core/base/bits.h"
#include "core/vm/vcpu.h"
#include "targets/arm/debug.h"
#include "targets/arm/excp.h"
#include "targets/arm/help.h"
#include "targets/arm/pmu.h"
#include "targets/arm/state.h"
#include "targets/arm/target.h"

/* --- identification: fields of the ID registers from the model's features ---------------------------------------------------- */

static uint64_t field(const struct arm_model *m, enum arm_feature f, unsigned at, uint64_t v) { return m->has[f] ? v << at : 0; }

static uint64_t arm_id_pfr0(const struct arm_env *env)
{
    uint64_t half = env->model->has[ARM_F_fp16] ? 1 : 0, gic = env->c.vcpu && env->c.vcpu->intc_read ? 1 : 0;
    uint64_t levels = env->system ? field(env->model, ARM_F_el2, 8, 1) | field(env->model, ARM_F_el3, 12, 1) : 0;

    return (env->system && env->model->has[ARM_F_a32] ? 0x12 : 0x11) | levels | half << 16 | half << 20 | gic << 24;
}

static uint64_t arm_id_pfr1(const struct arm_model *m) { return field(m, ARM_F_bti, 0, 1) | field(m, ARM_F_ssbs, 4, 2); }

static uint64_t arm_id_isar0(const struct arm_model *m)
{
    return field(m, ARM_F_aes, 4, m->has[ARM_F_pmull] ? 2 : 1) | field(m, ARM_F_sha1, 8, 1) |
           field(m, ARM_F_sha2, 12, m->has[ARM_F_sha512] ? 2 : 1) | field(m, ARM_F_crc32, 16, 1) | field(m, ARM_F_lse, 20, 2) |
           field(m, ARM_F_rdm, 28, 1) | field(m, ARM_F_sha3, 32, 1) | field(m, ARM_F_dotprod, 44, 1) | field(m, ARM_F_fhm, 48, 1) |
           field(m, ARM_F_flagm, 52, m->has[ARM_F_flagm2] ? 2 : 1) | field(m, ARM_F_rng, 60, 1);
}

/* The fields of an algorithm: for addresses (5: PAuth2, and every failure faults), and for PACGA. */
static uint64_t pauth_id(const struct arm_model *m, enum arm_pauth kind, unsigned address, unsigned generic)
{
    return m->has[ARM_F_pauth] && m->pauth == kind ? UINT64_C(5) << address | UINT64_C(1) << generic : 0;
}

static uint64_t arm_id_isar1(const struct arm_model *m)
{
    return field(m, ARM_F_dpb, 0, m->has[ARM_F_dpb2] ? 2 : 1) | field(m, ARM_F_jscvt, 12, 1) | field(m, ARM_F_fcma, 16, 1) |
           field(m, ARM_F_lrcpc, 20, m->has[ARM_F_lrcpc2] ? 2 : 1) | field(m, ARM_F_frintts, 32, 1) | field(m, ARM_F_sb, 36, 1) |
           field(m, ARM_F_bf16, 44, 1) | field(m, ARM_F_i8mm, 52, 1) | pauth_id(m, ARM_PAUTH_QARMA5, 4, 24) |
           pauth_id(m, ARM_PAUTH_CHEAP, 8, 28);
}

static uint64_t arm_id_isar2(const struct arm_model *m) { return pauth_id(m, ARM_PAUTH_QARMA3, 12, 8); }

static uint64_t arm_id_mmfr0(const struct arm_env *env)
{
    return env->system ? env->model->mmfr0 : 0x0f000000;
}

static uint64_t arm_id_mmfr1(const struct arm_env *env)
{
    return env->system ? field(env->model, ARM_F_hafdbs, 0, 2) | field(env->model, ARM_F_pan, 20, 1) : 0;
}

static uint64_t arm_id_mmfr2(const struct arm_env *env)
{
    return field(env->model, ARM_F_lse2, 32, 1) | (env->system ? field(env->model, ARM_F_uao, 4, 1) | field(env->model, ARM_F_lva, 16, 1) : 0);
}

/* ARMv8 debug with so many breakpoints and watchpoints; PMUv3. User mode shows that there is debug. */
static uint64_t id_debug(const struct arm_env *env)
{
    return !env->system ? 6 : 6 | field(env->model, ARM_F_pmu, 8, 1) | (ARM_BREAKPOINTS - 1) << 12 | (ARM_WATCHPOINTS - 1) << 20 |
                              (ARM_CONTEXT_BREAKPOINTS - 1) << 28;
}

/* --- actions -------------------------------------------------------------------------------------------------------------------- */

/* Helpers run under the guest's MXCSR: it, not the copy in the state, has the flags now. */
static uint32_t get_fpsr(struct arm_env *env)
{
    env->c.mxcsr = _mm_getcsr();
    return arm_fpsr(env);
}

static void set_fpsr(struct arm_env *env, uint32_t v)
{
    env->c.mxcsr = _mm_getcsr();
    arm_set_fpsr(env, v);
    _mm_setcsr(env->c.mxcsr);
}

static void set_fpcr(struct arm_env *env, uint32_t v)
{
    env->c.mxcsr = _mm_getcsr();
    arm_set_fpcr(env, v);
    _mm_setcsr(env->c.mxcsr);
}

static void unknown(struct cpu_env *c) __attribute__((noreturn));
static void unknown(struct cpu_env *c) { arm_help_raise(c, ARM_EXC_UNDEF, 0, 0); }

/* --- what EL0 may -------------------------------------------------------------------------------------------------------- */

/* The syndrome of a trapped MRS or MSR: op0 op2 op1 CRn Rt CRm direction. */
uint32_t arm_trap_syndrome(uint32_t insn)
{
    return (insn >> 19 & 3) << 20 | (insn >> 5 & 7) << 17 | (insn >> 16 & 7) << 14 | (insn >> 12 & 15) << 10 |
           (insn & 31) << 5 | (insn >> 8 & 15) << 1 | (insn >> 21 & 1);
}

static void trap_to(struct arm_env *env, uint32_t insn, unsigned level)
{
    arm_help_raise(&env->c, ARM_EXC_SYSREG_TRAP, level, arm_trap_syndrome(insn));
}

static void trap(struct arm_env *env, uint32_t insn) { trap_to(env, insn, 0); }

static bool at_el0(const struct arm_env *env) { return env->system && arm_el(env) == 0; }

enum { SCTLR_UMA = 9, SCTLR_UCT = 15 };

static void sctlr_allows(struct arm_env *env, uint32_t insn, unsigned bit)
{
    if (!env->system && bit == SCTLR_UMA)
        unknown(&env->c);
    if (at_el0(env) && !(env->sctlr >> bit & 1))
        trap(env, insn);
}

void arm_help_daif_allowed(struct cpu_env *c, uint32_t insn) { sctlr_allows(arm_env(c), insn, SCTLR_UMA); }

static void el1_only(struct arm_env *env, struct cpu_env *c)
{
    if (arm_el(env) == 0)
        unknown(c);
}

/* Registers of an interrupt controller that has them. */
static void intc_only(struct arm_env *env)
{
    if (!env->c.vcpu || !env->c.vcpu->intc_read)
        unknown(&env->c);
}

/* Those of AArch32: Linux shows programs zeros. */
static uint64_t id_a32(const struct arm_env *env, unsigned crm, unsigned op2)
{
    return env->system ? arm_a32_id(env->model, crm, op2) : 0;
}

static uint64_t id_vfp(struct arm_env *env, unsigned reg)
{
    return env->system && env->model->has[ARM_F_a32] ? arm_help_vmrs(&env->c, reg) : 0;
}

static uint64_t feature(struct arm_env *env, enum arm_feature f, uint64_t v)
{
    if (!env->model->has[f] || !env->system)
        unknown(&env->c);
    return v;
}

/* Keys of pointer authentication: EL2 and EL3 may keep them from those below. */
static void key_allowed(struct arm_env *env, uint32_t insn)
{
    feature(env, ARM_F_pauth, 0);
    if (arm_el(env) < 2 && arm_el2_on(env) && !(env->hcr & HCR_APK))
        trap_to(env, insn, 2);
    if (arm_el(env) < 3 && arm_has_el(env, 3) && !(env->scr & SCR_APK))
        trap_to(env, insn, 3);
}

/* SP_EL0 is not to be named while it is the stack pointer. */
static void sp_banked(struct arm_env *env, struct cpu_env *c)
{
    if (!(env->pstate & PSTATE_SP))
        unknown(c);
}

/* --- generic timers: CNTKCTL_EL1 says what EL0 may -------------------------------------------------------------------------- */

enum { EL0_COUNTER = 0, EL0_TIMER_VIRTUAL = 8, EL0_TIMER_PHYSICAL = 9 };

static void timer_allowed(struct arm_env *env, uint32_t insn, unsigned timer)
{
    if (at_el0(env) && !(env->cntkctl >> (EL0_COUNTER + timer) & 1))
        trap(env, insn);
}

static void timer_control_allowed(struct arm_env *env, uint32_t insn, unsigned timer)
{
    if (!env->system)
        unknown(&env->c);
    if (timer < 2 && at_el0(env) && !(env->cntkctl >> (timer ? EL0_TIMER_VIRTUAL : EL0_TIMER_PHYSICAL) & 1))
        trap(env, insn);
}

static uint64_t timer_value(struct arm_env *env, uint32_t insn, unsigned timer)
{
    timer_control_allowed(env, insn, timer);
    return (uint32_t)(env->cnt_cval[timer] - arm_timer_count(env, timer));
}

static uint64_t timer_compare(struct arm_env *env, uint32_t insn, unsigned timer)
{
    timer_control_allowed(env, insn, timer);
    return env->cnt_cval[timer];
}

static uint64_t timer_ctl(struct arm_env *env, uint32_t insn, unsigned timer)
{
    timer_control_allowed(env, insn, timer);
    return arm_timer_ctl(env, timer);
}

static void set_timer_compare(struct arm_env *env, uint32_t insn, unsigned timer, uint64_t v)
{
    timer_control_allowed(env, insn, timer);
    env->cnt_cval[timer] = v;
    arm_timer_changed(env, timer);
}

static void set_timer_value(struct arm_env *env, uint32_t insn, unsigned timer, uint64_t v)
{
    set_timer_compare(env, insn, timer, arm_timer_count(env, timer) + (uint64_t)(int64_t)(int32_t)v);
}

static void set_timer_ctl(struct arm_env *env, uint32_t insn, unsigned timer, uint64_t v)
{
    timer_control_allowed(env, insn, timer);
    env->cnt_ctl[timer] = v & 3;
    arm_timer_changed(env, timer);
}

/* --- performance monitors: PMUSERENR_EL0 says what EL0 may ------------------------------------------------------------------ */

static bool reads(uint32_t insn) { return insn >> 21 & 1; }

/* By EN, or for reading and by the bits of user. */
static void pmu_allowed(struct arm_env *env, uint32_t insn, uint32_t user)
{
    if (!env->system || !env->model->has[ARM_F_pmu])
        unknown(&env->c);
    if (at_el0(env) && !(env->pmu.user & (PMUSERENR_EN | user)))
        trap(env, insn);
}

/* Counters that the present level has, as bits. */
static uint32_t pmu_mask(const struct arm_env *env)
{
    return env->model->has[ARM_F_pmu] ? 1u << PMU_CYCLE_BIT | ((1u << arm_pmu_counters(env)) - 1) : 0;
}

static unsigned pmu_index(struct arm_env *env, unsigned n, bool cycles)
{
    if (n == 31 && cycles)
        return ARM_PMU_CYCLES;
    if (n >= arm_pmu_counters(env))
        unknown(&env->c);
    return n;
}

static uint64_t pmu_type(struct arm_env *env, uint32_t insn, unsigned n)
{
    pmu_allowed(env, insn, 0);
    return env->pmu.type[pmu_index(env, n, true)];
}

static void set_pmu_type(struct arm_env *env, uint32_t insn, unsigned n, uint64_t v)
{
    pmu_allowed(env, insn, 0);
    arm_pmu_set_type(env, pmu_index(env, n, true), (uint32_t)v);
}

static uint64_t pmu_counter(struct arm_env *env, uint32_t insn, unsigned n)
{
    pmu_allowed(env, insn, PMUSERENR_ER);
    return arm_pmu_read(env, pmu_index(env, n, false));
}

static void set_pmu_counter(struct arm_env *env, uint32_t insn, unsigned n, uint64_t v)
{
    pmu_allowed(env, insn, 0);
    arm_pmu_write(env, pmu_index(env, n, false), v);
}

/* PMEVCNTR<n> and PMEVTYPER<n>: op0 3, op1 3, CRn 14, CRm 10tnn, op2 nnn. False: k is none of them. */
static bool pmu_access(struct arm_env *env, uint32_t insn, uint32_t k, uint64_t *v)
{
    unsigned crm = k >> 8 & 15, n = (crm & 3) << 3 | (k >> 5 & 7);

    if ((k & ~0xfe0u) >> 12 != (3 << 7 | 3 << 4 | 14) || crm < 8 || n == 31)
        return false;
    if (crm < 12 && reads(insn))
        *v = pmu_counter(env, insn, n);
    else if (crm < 12)
        set_pmu_counter(env, insn, n, *v);
    else if (reads(insn))
        *v = pmu_type(env, insn, n);
    else
        set_pmu_type(env, insn, n, *v);
    return true;
}

/* The channel to an external debugger: MDSCR_EL1.TDCC keeps EL0 from it. */
static void channel_allowed(struct arm_env *env, uint32_t insn)
{
    if (!env->system)
        unknown(&env->c);
    if (at_el0(env) && env->mdscr >> 12 & 1)
        trap(env, insn);
}

/* --- more values ------------------------------------------------------------------------------------------------------------ */

/* Aff0 counts eight CPUs, Aff1 the groups of eight. */
uint64_t arm_mpidr(const struct arm_env *env)
{
    unsigned i = env->c.vcpu ? env->c.vcpu->index : 0;

    return 0x80000000 | (env->system ? (i & 7) | i >> 3 << 8 : 0);
}

/* EL2 chooses what EL1 sees of the CPU's identity. */
static bool sees_virtual_id(const struct arm_env *env) { return env->system && arm_el(env) == 1 && arm_el2_on(env); }

static void set_cntvoff(struct arm_env *env, uint64_t v)
{
    env->cntvoff = v;
    arm_timer_changed(env, 1);
}

/* What of SCR_EL3 is there: security state, routing, HVC and SMC, AArch64 below. */
static uint64_t scr_bits(uint64_t v) { return (v & (SCR_NS | SCR_IRQ | SCR_FIQ | 8 | SCR_SMD | SCR_HCE | 1 << 9 | 3 << 12 | SCR_APK | SCR_API)) | SCR_RW | 0x30; }

static uint64_t cache_size(const struct arm_env *env) { return env->csselr < 3 ? env->model->ccsidr[env->csselr] : 0; }

/* The translator clears NZCV behind it, which says that the number is good: the host's source does not run dry. */
static uint64_t random_bits(struct arm_env *env)
{
    uint64_t v = 0;

    (void)env;
    while (getrandom(&v, sizeof v, 0) != sizeof v)
        continue;
    return v;
}

/* --- the table ---------------------------------------------------------------------------------------------------------------------- */

enum { SYSREG_BITS = 0x1fffe0 };               /* of the instruction: op0 to op2 */

static uint32_t key(unsigned op0, unsigned op1, unsigned crn, unsigned crm, unsigned op2)
{
    return op0 << 19 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5;
}

/* op1 3 is for all, 4 for EL2, 6 for EL3; the others for EL1, and in user mode the ID registers for reading, as Linux answers for them. */
static void check_level(struct cpu_env *c, uint32_t k, bool write)
{
    const struct arm_env *env = arm_env(c);
    bool id = (k & ~0xfe0u) == key(3, 0, 0, 0, 0);

    static const uint8_t levels[8] = { 1, 1, 1, 0, 2, 4, 3, 3 };       /* by op1; 4: nobody */
    unsigned level = levels[k >> 16 & 7];

    if (level && (env->system ? level > 3 || arm_el(env) < level || !arm_has_el(env, level) : !id || write))
        unknown(c);
}

/* DBGBVR<n>, DBGBCR<n>, DBGWVR<n>, DBGWCR<n>: op0 2, CRn 0, CRm n, op2 4 to 7. Those of numbers that there are. */
static uint64_t *debug_register(struct arm_env *env, uint32_t k)
{
    unsigned n = k >> 8 & 15, kind = (k >> 5 & 7) - 4;

    if ((k & ~0xfe0u) != key(2, 0, 0, 0, 0) || kind > DEBUG_WCR || n >= (kind < DEBUG_WVR ? ARM_BREAKPOINTS : ARM_WATCHPOINTS))
        return NULL;
    return &env->debug[kind][n];
}

/* MDCR_EL2 and MDCR_EL3: the bit that traps an access to a debug register or to the monitors. */
static uint32_t monitor_trap(uint32_t k)
{
    enum { TPMCR = 1 << 5, TPM = 1 << 6, TDA = 1 << 9, TDOSA = 1 << 10, TDRA = 1 << 11 };
    unsigned op1 = k >> 16 & 7, crn = k >> 12 & 15, crm = k >> 8 & 15;

    if (k >> 19 == 2)
        return crn == 1 && crm == 0 && !(k >> 5 & 7) ? TDRA : crn == 1 ? TDOSA : TDA;
    if ((op1 == 3 || op1 == 0) && ((crn == 9 && crm >= 12 && crm <= 14) || (op1 == 3 && crn == 14 && crm >= 8)))
        return TPM | (k == key(3, 3, 9, 12, 0) ? TPMCR : 0);
    return 0;
}

/* HCR_EL2, CPTR_EL2 and CPTR_EL3: what else of EL1's is kept from it. */
static bool hypervisor_trap(const struct arm_env *env, uint32_t insn, uint32_t k)
{
    unsigned crn = k >> 12 & 15, crm = k >> 8 & 15;
    bool memory = (crn == 1 && !crm && !(k >> 5 & 7)) || crn == 2 || crn == 6 || (crn == 5 && crm < 3) || crn == 10 || k == key(3, 0, 13, 0, 1);

    if (k == key(3, 3, 0, 0, 1) || k >> 16 == (3 << 3 | 1) || k >> 16 == (3 << 3 | 2))
        return env->hcr & (k == key(3, 1, 0, 0, 7) ? HCR_TID1 : HCR_TID2);
    if (k >> 16 != 3 << 3)
        return false;
    if (crn == 0 && crm)
        return env->hcr & HCR_TID3;
    if (k == key(3, 0, 0, 0, 6))
        return env->hcr & HCR_TID1;
    if (k == key(3, 0, 1, 0, 1))
        return env->hcr & HCR_TACR;
    return memory && env->hcr & (reads(insn) ? HCR_TRVM : HCR_TVM);
}

static void check_traps(struct arm_env *env, uint32_t insn, uint32_t k)
{
    unsigned el = arm_el(env);
    uint32_t monitor;
    bool el2 = el < 2 && arm_el2_on(env), el3 = el < 3 && arm_has_el(env, 3), cpacr = k == key(3, 0, 1, 0, 2);

    if (!env->system || !(el2 || el3))
        return;
    monitor = monitor_trap(k);
    if (el2 && ((monitor && (env->mdcr[0] & monitor || (k >> 19 == 2 && arm_debug_level(env) == 2))) || (el == 1 && hypervisor_trap(env, insn, k)) ||
                (cpacr && env->upper[0].cptr & CPTR_TCPAC)))
        trap_to(env, insn, 2);
    if (el3 && ((monitor && env->mdcr[1] & monitor) || ((cpacr || k == key(3, 4, 1, 1, 2)) && env->upper[1].cptr & CPTR_TCPAC)))
        trap_to(env, insn, 3);
}

/* ICC_*: registers of the interrupt controller, if it is one that has them. ICC_PMR_EL1 is the one in the first group. */
static bool is_intc(const struct arm_env *env, uint32_t k)
{
    unsigned crm = k >> 8 & 15;

    return env->c.vcpu && env->c.vcpu->intc_read &&
           (k == key(3, 0, 4, 6, 0) || k == key(3, 6, 12, 12, 4) || k == key(3, 6, 12, 12, 7) || ((k & ~0xfe0u) == key(3, 0, 12, 0, 0) && crm >= 8 && crm <= 12));
}

uint64_t arm_help_sysreg_read(struct cpu_env *c, uint32_t insn)
{
    struct arm_env *env = arm_env(c);
    uint32_t k = insn & SYSREG_BITS;
    uint64_t *debug = debug_register(env, k), v = 0;

    check_level(c, k, false);
    check_traps(env, insn, k);
    if (pmu_access(env, insn, k, &v))
        return v;
    if (debug)
        return *debug;
    if (is_intc(env, k))
        return env->c.vcpu->intc_read(env->c.vcpu->intc_opaque, env->c.vcpu, k >> 5);
#define SYSREG(name, op0, op1, crn, crm, op2, read, write) \
    if (k == key(op0, op1, crn, crm, op2)) \
        return read;
#define READONLY(name, op0, op1, crn, crm, op2, read) SYSREG(name, op0, op1, crn, crm, op2, read, )
#define WRITEONLY(name, op0, op1, crn, crm, op2, write)
#include "targets/arm/sysreg.def"
#undef WRITEONLY
#undef READONLY
#undef SYSREG
    if ((k & ~0xfe0u) == key(3, 0, 0, 0, 0))
        return 0;                              /* the rest of the ID space reads as zero */
    unknown(c);
}

void arm_help_sysreg_write(struct cpu_env *c, uint32_t insn, uint64_t v)
{
    struct arm_env *env = arm_env(c);
    uint32_t k = insn & SYSREG_BITS;
    uint64_t *debug = debug_register(env, k);

    check_level(c, k, true);
    check_traps(env, insn, k);
    if (pmu_access(env, insn, k, &v))
        return;
    if (debug) {
        *debug = arm_debug_register((k >> 5 & 7) - 4, v);
        rt_flush_all(c);                       /* which pages have watchpoints */
        rt_mode_changed(c);
        return;
    }
    if (is_intc(env, k)) {
        env->c.vcpu->intc_write(env->c.vcpu->intc_opaque, env->c.vcpu, k >> 5, v);
        return;
    }
#define SYSREG(name, op0, op1, crn, crm, op2, read, write) \
    if (k == key(op0, op1, crn, crm, op2)) { \
        write; \
        rt_mode_changed(c); \
        return; \
    }
#define READONLY(name, op0, op1, crn, crm, op2, read)
#define WRITEONLY(name, op0, op1, crn, crm, op2, write) SYSREG(name, op0, op1, crn, crm, op2, , write)
#include "targets/arm/sysreg.def"
#undef WRITEONLY
#undef READONLY
#undef SYSREG
    unknown(c);
}

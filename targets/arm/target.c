/* targets/arm/target.c - the table that makes an AArch64 guest. */
#include <elf.h>
#include <stddef.h>
#include <string.h>

#include "core/base/bits.h"
#include "core/dev/state.h"
#include "core/user/mmap.h"
#include "targets/arm/debug.h"
#include "targets/arm/excp.h"
#include "targets/arm/help.h"
#include "targets/arm/mmu.h"
#include "targets/arm/model.h"
#include "targets/arm/pauth.h"
#include "targets/arm/pmu.h"
#include "targets/arm/state.h"
#include "targets/arm/target.h"
#include "targets/arm/tr_a32.h"

#define X(n) { "x" #n, offsetof(struct arm_env, x) + 8 * n, IR_I64 }
#define V(n) { "v" #n, offsetof(struct arm_env, v) + 16 * n, IR_V128 }
#define S(n) { "s" #n, offsetof(struct arm_env, v) + 4 * n, IR_F32 }
#define D(n) { "d" #n, offsetof(struct arm_env, v) + 8 * n, IR_F64 }
#define R(n) { "r" #n, offsetof(struct arm_env, x) + 8 * n, IR_I32 }
const struct ir_slot arm_slots[] = {
    X(0), X(1), X(2), X(3), X(4), X(5), X(6), X(7), X(8), X(9), X(10), X(11), X(12), X(13), X(14), X(15), X(16), X(17), X(18),
    X(19), X(20), X(21), X(22), X(23), X(24), X(25), X(26), X(27), X(28), X(29), X(30),
    { "sp", offsetof(struct arm_env, sp), IR_I64 }, { "cc_op", offsetof(struct arm_env, cc_op), IR_I32 },
    { "cc_a", offsetof(struct arm_env, cc_a), IR_I64 }, { "cc_b", offsetof(struct arm_env, cc_b), IR_I64 },
    { "cc_x", offsetof(struct arm_env, cc_x), IR_I64 },
    V(0), V(1), V(2), V(3), V(4), V(5), V(6), V(7), V(8), V(9), V(10), V(11), V(12), V(13), V(14), V(15), V(16), V(17), V(18),
    V(19), V(20), V(21), V(22), V(23), V(24), V(25), V(26), V(27), V(28), V(29), V(30), V(31),
    R(0), R(1), R(2), R(3), R(4), R(5), R(6), R(7), R(8), R(9), R(10), R(11), R(12), R(13), R(14),
    { "cc_c", offsetof(struct arm_env, cc_c), IR_I32 }, { "ge", offsetof(struct arm_env, ge), IR_I32 },
    { "qc", offsetof(struct arm_env, qc), IR_V128 },
    { "fp_nzcv", offsetof(struct arm_env, fp_nzcv), IR_I32 },
    { "pc_page", offsetof(struct cpu_env, pc_page), IR_I64 },
    S(0), S(1), S(2), S(3), S(4), S(5), S(6), S(7), S(8), S(9), S(10), S(11), S(12), S(13), S(14), S(15), S(16), S(17), S(18),
    S(19), S(20), S(21), S(22), S(23), S(24), S(25), S(26), S(27), S(28), S(29), S(30), S(31),
    D(0), D(1), D(2), D(3), D(4), D(5), D(6), D(7), D(8), D(9), D(10), D(11), D(12), D(13), D(14), D(15), D(16), D(17), D(18),
    D(19), D(20), D(21), D(22), D(23), D(24), D(25), D(26), D(27), D(28), D(29), D(30), D(31),
};
_Static_assert(ARRAY_LEN(arm_slots) == ARM_NSLOTS, "a slot for each register");
_Static_assert(offsetof(struct arm_env, x) == RT_ENV_BIAS - 128, "generated code reaches homes with short displacements");

static void arm_reset(struct cpu_env *c)
{
    struct arm_env *env = arm_env(c);

    memset(env->x, 0, sizeof env->x);
    memset(env->v, 0, sizeof env->v);
    env->sp = env->cc_a = env->cc_b = env->cc_x = 0;
    env->cc_op = ARM_CC_NZCV;
    env->excl_addr = ~UINT64_C(0);
    memset(env->bti, 0, sizeof env->bti);
    memset(env->keys, 0, sizeof env->keys);
    env->fpsr = env->fp_nzcv = env->fpexc = 0;
    memset(env->qc, 0, sizeof env->qc);
    arm_set_fpcr(env, 0);
    arm_system_reset(env);
    pauth_reset(env);
    c->halted = 0;
    c->pc = 0;
}

static void arm_init(struct cpu_env *c, const void *model, bool system)
{
    struct arm_env *env = arm_env(c);

    env->model = model;
    env->system = system;
    arm_reset(c);
}

static void arm_boot(struct cpu_env *c, uint64_t entry, uint64_t arg)
{
    arm_leave_firmware(arm_env(c));
    c->pc = entry;
    arm_env(c)->x[0] = arg;
}

static bool keys_free(const struct arm_env *env)
{
    return !env->model->has[ARM_F_pauth] || !arm_has_el(env, 3) || env->scr & SCR_APK;
}

/* Rounding, flush-to-zero and default-NaN modes choose how floating-point code is translated; so do the level and whether
 * CPACR_EL1, CPTR_EL2 and CPTR_EL3 let it use floating point. */
static uint64_t arm_mode_key(const struct cpu_env *c)
{
    const struct arm_env *env = arm_env(c);
    unsigned fpen = env->cpacr >> 20 & 3;
    uint64_t key = env->fpcr >> 19 & ARM_MODE_FPCR;
    unsigned el;
    bool fp_trap;

    if (!env->system)
        return key | ((env->sctlr & PAUTH_KEYS_ON) != PAUTH_KEYS_ON ? ARM_MODE_KEYS_OFF : 0) |
               (user_guarded && env->model->has[ARM_F_bti] ? ARM_MODE_GUARDED : 0);
    el = arm_el(env);
    fp_trap = (el == 0 && fpen != 3) || (el == 1 && !(fpen & 1)) ||
              (el < 3 && arm_el2_on(env) && env->upper[0].cptr & CPTR_TFP) || (arm_has_el(env, 3) && env->upper[1].cptr & CPTR_TFP);
    if (env->pstate & PSTATE_A32)
        key = arm_a32_mode(env);
    if (arm_steps(env))
        key |= ARM_MODE_ALONE | (env->pstate & PSTATE_SS ? ARM_MODE_STEP : ARM_MODE_STEPPED);
    if (arm_breakpoints(env))
        key |= ARM_MODE_BREAK;
    key |= arm_sctlr(env, el) & SCTLR_A ? ARM_MODE_ALIGN : 0;
    if (!(env->pstate & PSTATE_A32)) {
        key |= env->model->has[ARM_F_bti] && arm_sctlr(env, el) & SCTLR_M ? ARM_MODE_GUARDED : 0;
        key |= env->model->has[ARM_F_lse2] && arm_sctlr(env, el) & SCTLR_NAA ? ARM_MODE_NAA : 0;
        key |= el == 0 && !(env->sctlr & SCTLR_DZE) ? ARM_MODE_NO_ZVA : 0;
        key |= el == 0 && !(env->sctlr & SCTLR_UCI) ? ARM_MODE_NO_CACHE : 0;
    }
    return key | (el ? ARM_MODE_EL1 : 0) | (fp_trap ? ARM_MODE_FP_TRAP : 0) | (env->pstate & PSTATE_IL ? ARM_MODE_IL : 0) |
           (el == 1 && env->pstate & PSTATE_SP && !arm_el2_on(env) && keys_free(env) ? ARM_MODE_PLAIN_EL1 : 0);
}

static void translate(struct tr_ctx *c)
{
    if (c->mode & ARM_MODE_A32)
        a32_translate(c);
    else
        a64_translate(c);
}

static int disas(const void *model, uint64_t mode, uint64_t pc, const uint8_t *bytes, size_t n, char *out, size_t room)
{
    return (mode & ARM_MODE_A32 ? arm32_disas : arm64_disas)(model, mode, pc, bytes, n, out, room);
}

static uint32_t debug_exception(void) { return ARM_EXC_DEBUG; }

static uint32_t align_fault(struct cpu_env *c, uint64_t va, enum rt_access access)
{
    arm_env(c)->far = va;
    arm_env(c)->esr = access == RT_WRITE ? 1u << 6 : 0;
    return ARM_EXC_DATA_ALIGN;
}

/* --- FPSR and FPCR ------------------------------------------------------------------------------------------------------ */

/* MXCSR flags IE DE ZE OE UE PE are bits 0..5; FPSR has IOC DZC OFC UFC IXC at 0..4, IDC at 7. */
uint32_t arm_fpsr(const struct arm_env *env)
{
    static const uint8_t none[sizeof env->qc];
    uint32_t m = env->c.mxcsr, qc = memcmp(env->qc, none, sizeof none) ? 1u << 27 : 0;

    return env->fpsr | env->fp_nzcv | qc | (m & 1) | (m >> 1 & 2) | (m >> 1 & 4) | (m >> 1 & 8) | (m >> 1 & 16);
}

void arm_set_fpsr(struct arm_env *env, uint32_t v)
{
    env->c.mxcsr = (env->c.mxcsr & ~0x3du) | (v & 1) | (v & 0x1e) << 1;
    env->fpsr = v & (1u << 27 | 1u << 7);
    memset(env->qc, 0, sizeof env->qc);
    env->fp_nzcv = v & 0xf0000000;
}

/* FPCR.RMode: nearest, up, down, zero; MXCSR: nearest, down, up, zero. FZ becomes flush-to-zero of results and inputs. */
void arm_set_fpcr(struct arm_env *env, uint32_t v)
{
    static const uint8_t rounding[] = { 0, 2, 1, 3 };
    uint32_t m = (env->c.mxcsr & 0x3f) | 0x1f80;

    env->fpcr = v & 0x07c80000;
    m |= (uint32_t)rounding[v >> 22 & 3] << 13;
    if (v >> 24 & 1)
        m |= 0x8040;
    env->c.mxcsr = m;
}

static const struct state_field upper_state[] = {
    STATE_U64(struct arm_upper, sctlr), STATE_U64(struct arm_upper, actlr), STATE_U64(struct arm_upper, tcr),
    STATE_U64(struct arm_upper, ttbr), STATE_U64(struct arm_upper, mair), STATE_U64(struct arm_upper, amair),
    STATE_U64(struct arm_upper, vbar), STATE_U64(struct arm_upper, esr), STATE_U64(struct arm_upper, far),
    STATE_U64(struct arm_upper, elr), STATE_U64(struct arm_upper, spsr), STATE_U64(struct arm_upper, tpidr),
    STATE_ARRAY(struct arm_upper, afsr), STATE_U64(struct arm_upper, cptr), STATE_END,
};

const struct state_field arm_state[] = {
    STATE_U64(struct arm_env, c.pc), STATE_U32(struct arm_env, c.mxcsr), STATE_SIZED_(struct arm_env, c.halted, int32_t),
    STATE_ARRAY(struct arm_env, x), STATE_U64(struct arm_env, sp), STATE_U32(struct arm_env, cc_op),
    STATE_U32(struct arm_env, cc_c), STATE_U32(struct arm_env, ge), STATE_U32(struct arm_env, q),
    STATE_U32(struct arm_env, itstate), STATE_U64(struct arm_env, cc_a), STATE_U64(struct arm_env, cc_b), STATE_U64(struct arm_env, cc_x),
    STATE_U32(struct arm_env, fpcr), STATE_U32(struct arm_env, fpsr), STATE_U64(struct arm_env, excl_addr),
    STATE_U64(struct arm_env, excl_lo), STATE_U64(struct arm_env, excl_hi), STATE_U64(struct arm_env, tpidr_el0),
    STATE_U64(struct arm_env, tpidrro_el0), STATE_U32(struct arm_env, pstate), STATE_U32(struct arm_env, lines),
    STATE_ARRAY(struct arm_env, v), STATE_ARRAY(struct arm_env, qc), STATE_ARRAY(struct arm_env, sp_el), STATE_U64(struct arm_env, sctlr),
    STATE_ARRAY(struct arm_env, ttbr), STATE_U64(struct arm_env, tcr), STATE_U64(struct arm_env, mair),
    STATE_U64(struct arm_env, amair), STATE_U64(struct arm_env, vbar), STATE_U64(struct arm_env, esr_el1),
    STATE_U64(struct arm_env, far_el1), STATE_U64(struct arm_env, elr), STATE_U64(struct arm_env, spsr),
    STATE_U64(struct arm_env, tpidr_el1), STATE_U64(struct arm_env, contextidr), STATE_U64(struct arm_env, cpacr),
    STATE_U64(struct arm_env, par), STATE_U64(struct arm_env, actlr), STATE_ARRAY(struct arm_env, afsr),
    STATE_U64(struct arm_env, csselr), STATE_U64(struct arm_env, cntkctl), STATE_U64(struct arm_env, mdscr),
    STATE_U64(struct arm_env, os_lock), STATE_ARRAY(struct arm_env, cnt_ctl), STATE_ARRAY(struct arm_env, cnt_cval),
    STATE_ARRAY(struct arm_env, debug), STATE_ARRAY(struct arm_env, keys), STATE_U32(struct arm_env, claims), STATE_U32(struct arm_env, mdccint),
    STATE_U32(struct arm_env, dtr), STATE_ARRAY(struct arm_env, pmu.counter), STATE_ARRAY(struct arm_env, pmu.since),
    STATE_ARRAY(struct arm_env, pmu.type), STATE_U32(struct arm_env, pmu.cr), STATE_U32(struct arm_env, pmu.enabled),
    STATE_U32(struct arm_env, pmu.overflowed), STATE_U32(struct arm_env, pmu.interrupts), STATE_U32(struct arm_env, pmu.select),
    STATE_U32(struct arm_env, pmu.user), STATE_U32(struct arm_env, pmu.running), STATE_BOOL(struct arm_env, pmu.filtered), STATE_STRUCTS(struct arm_env, upper, upper_state),
    STATE_U64(struct arm_env, hcr), STATE_U64(struct arm_env, hpfar), STATE_U64(struct arm_env, hstr),
    STATE_U64(struct arm_env, vpidr), STATE_U64(struct arm_env, vmpidr), STATE_U64(struct arm_env, vttbr),
    STATE_U64(struct arm_env, vtcr), STATE_U64(struct arm_env, cnthctl), STATE_U64(struct arm_env, cntvoff),
    STATE_ARRAY(struct arm_env, mdcr), STATE_U64(struct arm_env, hacr), STATE_U64(struct arm_env, ich_hcr),
    STATE_U64(struct arm_env, ich_vmcr), STATE_U64(struct arm_env, scr), STATE_U64(struct arm_env, sder),
    STATE_U32(struct arm_env, fp_nzcv), STATE_U32(struct arm_env, fpexc), STATE_ARRAY(struct arm_env, a32.r13),
    STATE_ARRAY(struct arm_env, a32.r14), STATE_ARRAY(struct arm_env, a32.spsrs), STATE_U32(struct arm_env, a32.spsr),
    STATE_ARRAY(struct arm_env, a32.fiq), STATE_ARRAY(struct arm_env, a32.low), STATE_U32(struct arm_env, a32.dacr),
    STATE_U32(struct arm_env, a32.dfsr), STATE_U32(struct arm_env, a32.ifsr), STATE_U32(struct arm_env, a32.dfar),
    STATE_U32(struct arm_env, a32.ifar), STATE_END,
};

static void arm_loaded(struct cpu_env *c)
{
    for (unsigned i = 0; i < sizeof arm_env(c)->cnt_ctl / sizeof arm_env(c)->cnt_ctl[0]; i++)
        arm_timer_changed(arm_env(c), i);
    arm_pmu_loaded(arm_env(c));
}

const struct target aarch64_target = {
    .name = "aarch64", .gdb_arch = "aarch64", .bits = 64, .elf_machine = EM_AARCH64, .elf_class = ELFCLASS64, .pc_tag = 1,
    .env_size = sizeof(struct arm_env), .slots = arm_slots, .nslots = ARM_NSLOTS, .pc_page_slot = ARM_SLOT_PC_PAGE, .helpers = arm_helpers,
    .nhelpers = ARM_NHELPERS, .coherent_icache = false, .model_names = arm64_model_names, .default_model_user = "max",
    .default_model_system = "cortex-a57", .parse_cpu = arm64_parse_cpu, .print_cpu_help = arm64_cpu_help,
    .init = arm_init, .reset = arm_reset, .boot = arm_boot, .mode_key = arm_mode_key, .translate = translate, .plan = a32_plan, .disas = disas,
    .view_key = arm_view_key, .view_asid = arm_view_asid, .xlate = arm_xlate, .bus_fault = arm_bus_fault,
    .deliver = arm_deliver, .interrupt = arm_interrupt, .has_work = arm_has_work, .set_irq = arm_set_irq,
    .align_fault = align_fault, .atomics_read = true, .debug_exception = debug_exception, .dump = arm64_dump, .dump_fp = arm64_dump_fp, .restore_extra = arm_restore_extra,
    .gdb_core_regs = ARM64_GDB_CORE, .gdb_xml = arm64_gdb_xml, .gdb_read = arm64_gdb_read, .gdb_write = arm64_gdb_write, .state = arm_state,
    .state_version = 5, .watched = arm_watched, .watch = arm_watch, .has_feature = arm_has_feature, .loaded = arm_loaded, .user = &arm64_user,
};

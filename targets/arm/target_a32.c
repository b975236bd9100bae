/* targets/arm/target_a32.c - the table that makes an AArch32 guest, for user mode. Slots, helpers and life are those of
 * AArch64 (target.c). */
#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/disas.h"
#include "core/dev/state.h"
#include "targets/arm/a32_sys.h"
#include "targets/arm/excp.h"
#include "targets/arm/help.h"
#include "targets/arm/model.h"
#include "targets/arm/state.h"
#include "targets/arm/target.h"
#include "targets/arm/tr_a32.h"

static void a32_reset(struct cpu_env *c)
{
    struct arm_env *env = arm_env(c);

    aarch64_target.reset(c);
    env->cc_c = env->ge = env->q = env->itstate = 0;
    env->pstate = A32_USR;
    if (env->system)
        a32_system_reset(env);
}

static void a32_init(struct cpu_env *c, const void *model, bool system)
{
    aarch64_target.init(c, model, system);
    a32_reset(c);
}

/* FPEXC turns all off, CPACR keeps User mode out (01) or everyone (00). */
static bool fp_usable(const struct arm_env *env, bool system)
{
    return env->fpexc & A32_FPEXC_EN && env->cpacr >> 20 & (system ? 1 : 2);
}

static void a32_boot(struct cpu_env *c, uint64_t entry, uint64_t arg)
{
    c->pc = entry;
    arm_env(c)->x[0] = arg;
}

/* What the decoder asks beside T, which is in pc: the byte order, where in an IT block we are, the floating-point modes. */
uint64_t arm_a32_mode(const struct arm_env *env)
{
    return (uint64_t)(env->fpcr >> 16 & 0x37) << ARM_MODE_LEN_SHIFT | (env->fpcr >> 19 & ARM_MODE_FPCR) | ARM_MODE_A32 | (env->pstate & PSTATE_E ? ARM_MODE_BE : 0) |
           (uint64_t)env->itstate << ARM_MODE_IT_SHIFT;
}

static uint64_t a32_mode_key(const struct cpu_env *c)
{
    const struct arm_env *env = arm_env(c);
    bool system = env->system && a32_mode(env) != A32_USR, fp_off = env->system && !fp_usable(env, system);

    return arm_a32_mode(env) | (a32_mode(env) == A32_FIQ ? ARM_MODE_FIQ : 0) |
           (env->system && env->sctlr & A32_SCTLR_A ? ARM_MODE_ALIGN : 0) | (system ? ARM_MODE_EL1 : 0) | (fp_off ? ARM_MODE_FP_TRAP : 0);
}

/* After a fault inside an IT block. */
void arm_restore_extra(struct cpu_env *c, uint32_t extra) { arm_env(c)->itstate = extra; }

int arm32_disas(const void *model, uint64_t mode, uint64_t pc, const uint8_t *bytes, size_t n, char *out, size_t room)
{
    bool thumb = pc & 1;
    int len = thumb && (n < 2 || load_le16(bytes) < 0xe800) ? 2 : 4;

    (void)model;
    (void)mode;
    if (n < (size_t)len)
        return 0;
    if (len == 2)
        snprintf(out, room, ".inst.n 0x%04x", load_le16(bytes));
    else
        snprintf(out, room, ".inst%s 0x%08x", thumb ? ".w" : "",
                 thumb ? (uint32_t)load_le16(bytes) << 16 | load_le16(bytes + 2) : load_le32(bytes));
    disas_one(thumb ? DISAS_THUMB : DISAS_ARM, pc & ~UINT64_C(1), bytes, (size_t)len, out, room);
    return len;
}

void arm32_dump(const struct cpu_env *c, void *FILE_to)
{
    const struct arm_env *env = arm_env(c);
    uint32_t cpsr = arm_cpsr(env);

    for (unsigned i = 0; i < 16; i++)
        fprintf(FILE_to, "R%02u=%08x%c", i, i == 15 ? (uint32_t)c->pc & ~1u : (uint32_t)env->x[i], i % 4 == 3 ? '\n' : ' ');
    fprintf(FILE_to, "PSR=%08x %c%c%c%c %c\n", cpsr, cpsr >> 31 & 1 ? 'N' : '-', cpsr >> 30 & 1 ? 'Z' : '-',
            cpsr >> 29 & 1 ? 'C' : '-', cpsr >> 28 & 1 ? 'V' : '-', cpsr & CPSR_T ? 'T' : 'A');
}

void arm32_dump_fp(const struct cpu_env *c, void *FILE_to)
{
    const struct arm_env *env = arm_env(c);

    for (unsigned i = 0; i < 32; i++)
        fprintf(FILE_to, "d%02u=%016llx%c", i, (unsigned long long)load_le(env->v[i / 2] + 8 * (i % 2), 8), i % 4 == 3 ? '\n' : ' ');
    fprintf(FILE_to, "FPSCR=%08x\n", env->fpcr | arm_fpsr(env) | env->fp_nzcv);
}

static uint32_t debug_exception(void) { return ARM_EXC_DEBUG; }

const struct target arm_target = {
    .name = "arm", .gdb_arch = "arm", .bits = 32, .elf_machine = EM_ARM, .elf_class = ELFCLASS32, .pc_tag = 1,
    .env_size = sizeof(struct arm_env), .slots = arm_slots, .nslots = ARM_NSLOTS, .pc_page_slot = ARM_SLOT_PC_PAGE, .helpers = arm_helpers,
    .nhelpers = ARM_NHELPERS, .coherent_icache = false, .model_names = arm32_model_names, .default_model_user = "max",
    .default_model_system = "cortex-a15", .parse_cpu = arm32_parse_cpu, .print_cpu_help = arm32_cpu_help,
    .init = a32_init, .reset = a32_reset, .mode_key = a32_mode_key, .translate = a32_translate, .plan = a32_plan,
    .disas = arm32_disas,
    .boot = a32_boot,
    .view_key = a32_view_key, .view_asid = a32_view_asid, .xlate = a32_xlate, .bus_fault = a32_bus_fault,
    .deliver = a32_deliver, .interrupt = a32_interrupt, .has_work = arm_has_work, .set_irq = arm_set_irq,
    .align_fault = a32_align_fault, .atomics_read = true, .debug_exception = debug_exception, .restore_extra = arm_restore_extra, .dump = arm32_dump, .dump_fp = arm32_dump_fp,
    .gdb_core_regs = ARM32_GDB_CORE, .gdb_xml = arm32_gdb_xml, .gdb_read = arm32_gdb_read, .gdb_write = arm32_gdb_write,
    .state = arm_state, .state_version = 5, .has_feature = arm_has_feature, .user = &arm32_user,
};

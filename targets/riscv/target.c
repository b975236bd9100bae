/* targets/riscv/target.c - the tables that make RV64 and RV32 guests. */
#include <elf.h>
#include <stddef.h>
#include <string.h>

#include "core/base/bits.h"
#include "core/dev/state.h"
#include "core/vm/vcpu.h"
#include "targets/riscv/csr.h"
#include "targets/riscv/excp.h"
#include "targets/riscv/fdt.h"
#include "targets/riscv/help.h"
#include "targets/riscv/mmu.h"
#include "targets/riscv/model.h"
#include "targets/riscv/state.h"
#include "targets/riscv/target.h"
#include "targets/riscv/tr.h"
#include "targets/riscv/user.h"

/* --- slots -------------------------------------------------------------------------------------------------------------- */

#define X(n, abi, type) { abi, offsetof(struct riscv_env, x1) + 8 * (n - 1), type }
#define F(n, abi) { abi, offsetof(struct riscv_env, f) + 8 * n, IR_F64 }
#define SLOTS(t) { \
    X(1, "ra", t), X(2, "sp", t), X(3, "gp", t), X(4, "tp", t), X(5, "t0", t), X(6, "t1", t), X(7, "t2", t), \
    X(8, "s0", t), X(9, "s1", t), X(10, "a0", t), X(11, "a1", t), X(12, "a2", t), X(13, "a3", t), X(14, "a4", t), \
    X(15, "a5", t), X(16, "a6", t), X(17, "a7", t), X(18, "s2", t), X(19, "s3", t), X(20, "s4", t), X(21, "s5", t), \
    X(22, "s6", t), X(23, "s7", t), X(24, "s8", t), X(25, "s9", t), X(26, "s10", t), X(27, "s11", t), X(28, "t3", t), \
    X(29, "t4", t), X(30, "t5", t), X(31, "t6", t), \
    F(0, "ft0"), F(1, "ft1"), F(2, "ft2"), F(3, "ft3"), F(4, "ft4"), F(5, "ft5"), F(6, "ft6"), F(7, "ft7"), \
    F(8, "fs0"), F(9, "fs1"), F(10, "fa0"), F(11, "fa1"), F(12, "fa2"), F(13, "fa3"), F(14, "fa4"), F(15, "fa5"), \
    F(16, "fa6"), F(17, "fa7"), F(18, "fs2"), F(19, "fs3"), F(20, "fs4"), F(21, "fs5"), F(22, "fs6"), F(23, "fs7"), \
    F(24, "fs8"), F(25, "fs9"), F(26, "fs10"), F(27, "fs11"), F(28, "ft8"), F(29, "ft9"), F(30, "ft10"), F(31, "ft11"), \
    { "pc_page", offsetof(struct cpu_env, pc_page), IR_I64 }, \
}
static const struct ir_slot slots64[] = SLOTS(IR_I64), slots32[] = SLOTS(IR_I32);
_Static_assert(sizeof slots64 / sizeof slots64[0] == RV_NSLOTS, "a slot for each register");
_Static_assert(offsetof(struct riscv_env, x1) == RT_ENV_BIAS - 128, "generated code reaches homes with short displacements");

/* --- life --------------------------------------------------------------------------------------------------------------- */

static void riscv_reset(struct cpu_env *c)
{
    struct riscv_env *env = riscv_env(c);

    memset(env->x1, 0, sizeof env->x1);
    memset(env->f, 0, sizeof env->f);
    env->res_addr = UINT64_MAX;
    env->priv = env->system ? RV_M : RV_U;
    memset(env->pmpcfg, 0, sizeof env->pmpcfg);
    memset(env->pmpaddr, 0, sizeof env->pmpaddr);
    env->pmp_active = 0;
    riscv_pmp_forget(env);
    riscv_csr_reset(env);
    c->halted = 0;
    c->pc = 0x1000;                            /* the boot ROM of the machines; a machine may set it */
}

static void riscv_init(struct cpu_env *c, const void *model, bool system)
{
    struct riscv_env *env = riscv_env(c);

    env->model = model;
    env->system = system;
    env->mhartid = c->vcpu ? c->vcpu->index : 0;
    riscv_reset(c);
}

static uint64_t riscv_mode_key(const struct cpu_env *c)
{
    const struct riscv_env *env = riscv_env(c);
    unsigned fs = env->mstatus >> 13 & 3, rm = env->frm < 4 ? RV_RM_HOST : env->frm == 4 ? RV_RM_RMM : RV_RM_INVALID;

    fs = fs == 3 ? RV_FS_DIRTY : fs ? RV_FS_CLEAN : RV_FS_OFF;
    return env->priv | fs << RV_MODE_FS_SHIFT | rm << RV_MODE_RM_SHIFT;
}

/* --- snapshots --------------------------------------------------------------------------------------------------------------- */

static const struct state_field riscv_state[] = {
    STATE_U64(struct riscv_env, c.pc), STATE_U32(struct riscv_env, c.mxcsr), STATE_SIZED_(struct riscv_env, c.halted, int32_t),
    STATE_ARRAY(struct riscv_env, x1), STATE_ARRAY(struct riscv_env, f), STATE_U64(struct riscv_env, res_addr),
    STATE_U64(struct riscv_env, res_val), STATE_U32(struct riscv_env, frm), STATE_U8(struct riscv_env, priv),
    STATE_U64(struct riscv_env, mstatus), STATE_U64(struct riscv_env, mtvec), STATE_U64(struct riscv_env, medeleg),
    STATE_U64(struct riscv_env, mideleg), STATE_U64(struct riscv_env, mie), STATE_U64(struct riscv_env, mscratch),
    STATE_U64(struct riscv_env, mepc), STATE_U64(struct riscv_env, mcause), STATE_U64(struct riscv_env, mtval),
    STATE_U64(struct riscv_env, menvcfg), STATE_U64(struct riscv_env, mseccfg), STATE_U64(struct riscv_env, mcounteren),
    STATE_U64(struct riscv_env, mcountinhibit), STATE_U64(struct riscv_env, mip), STATE_U64(struct riscv_env, mhartid),
    STATE_U64(struct riscv_env, stvec), STATE_U64(struct riscv_env, sscratch), STATE_U64(struct riscv_env, sepc),
    STATE_U64(struct riscv_env, scause), STATE_U64(struct riscv_env, stval), STATE_U64(struct riscv_env, satp),
    STATE_U64(struct riscv_env, senvcfg), STATE_U64(struct riscv_env, scounteren), STATE_U64(struct riscv_env, stimecmp),
    STATE_U32(struct riscv_env, ext_seip), STATE_U64(struct riscv_env, mcycle_offset),
    STATE_U64(struct riscv_env, minstret_offset), STATE_U64(struct riscv_env, mcycle_stopped),
    STATE_U64(struct riscv_env, minstret_stopped), STATE_ARRAY(struct riscv_env, mhpmcounter),
    STATE_ARRAY(struct riscv_env, mhpmevent), STATE_ARRAY(struct riscv_env, hpm_since),
    STATE_U64(struct riscv_env, hpm_running), STATE_BOOL(struct riscv_env, hpm_filtered), STATE_ARRAY(struct riscv_env, pmpcfg), STATE_ARRAY(struct riscv_env, pmpaddr),
    STATE_U32(struct riscv_env, pmp_active), STATE_ARRAY(struct riscv_env, pmp_first), STATE_ARRAY(struct riscv_env, pmp_last),
    STATE_ARRAY(struct riscv_env, pmp_rule), STATE_END,
};

static void riscv_loaded(struct cpu_env *c)
{
    riscv_pmp_forget(riscv_env(c));
    riscv_stimecmp_changed(riscv_env(c));
}

/* --- the tables -------------------------------------------------------------------------------------------------------------- */

#define TARGET(width, slot_table, class, user_mode) { \
    .name = "riscv" #width, .gdb_arch = "riscv:rv" #width, .bits = width, .elf_machine = EM_RISCV, .elf_class = class, \
    .env_size = sizeof(struct riscv_env), .slots = slot_table, .nslots = RV_NSLOTS, .pc_page_slot = RV_SLOT_PC_PAGE, \
    .helpers = riscv_helpers, .nhelpers = RV_NHELPERS, .coherent_icache = false, \
    .model_names = riscv##width##_model_names, .default_model_user = "rv" #width, .default_model_system = "rv" #width, \
    .parse_cpu = riscv##width##_parse_cpu, .print_cpu_help = riscv##width##_cpu_help, \
    .describe_cpu = riscv_describe_cpu, .init = riscv_init, .reset = riscv_reset, .mode_key = riscv_mode_key, .translate = riscv_translate, \
    .disas = riscv_disas, .view_key = riscv_view_key, .view_asid = riscv_view_asid, .xlate = riscv_xlate, \
    .bus_fault = riscv_bus_fault, .align_fault = riscv_align_fault, .deliver = riscv_deliver, \
    .interrupt = riscv_interrupt, .has_work = riscv_has_work, .set_irq = riscv_set_irq, \
    .debug_exception = riscv_debug_exception, .gdb_xml = riscv_gdb_xml, .gdb_read = riscv_gdb_read, .gdb_core_regs = 33, \
    .gdb_write = riscv_gdb_write, .dump = riscv_dump, .dump_fp = riscv_dump_fp, .state = riscv_state, .state_version = 1, .loaded = riscv_loaded, \
    .user = user_mode, \
}
const struct target riscv64_target = TARGET(64, slots64, ELFCLASS64, &riscv64_user);
const struct target riscv32_target = TARGET(32, slots32, ELFCLASS32, &riscv32_user);

/* tests/isa/riscv/run.c - a bare machine: 1 MiB of RAM, a hart that begins where the test wants, a handler in ROM that stops. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accel/accel.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/mem/mem.h"
#include "core/mem/ram.h"
#include "core/mem/region.h"
#include "core/opt/optlist.h"
#include "core/vm/vcpu.h"
#include "targets/riscv/csr.h"
#include "targets/riscv/state.h"
#include "targets/riscv/target.h"
#include "tests/isa/riscv/run.h"

#define RAM_AT UINT64_C(0x80000000)
enum { RAM_BYTES = 1 << 20, PAGE = 4096 };
enum { CSR_FCSR = 0x003, CSR_SEPC = 0x141, CSR_MTVEC = 0x305, CSR_MEPC = 0x341, CSR_MCAUSE = 0x342, CSR_MTVAL = 0x343,
       CSR_PMPCFG0 = 0x3a0, CSR_PMPADDR0 = 0x3b0 };

static struct { struct vcpu *v; uint8_t *ram; const struct target *target; } machine;

static const uint32_t handler[] = {
    0x34202f73,                                /* csrr x30, mcause */
    0x000f4663,                                /* bltz x30, 1f */
    0x30401ff3,                                /* csrrw x31, mie, x0: nothing may wake it */
    0x10500073,                                /* wfi */
    0x34417073,                                /* 1: csrci mip, 2 */
    0x30200073,                                /* mret */
};

void run_start(const struct riscv_model *model, const char *accel)
{
    struct error err = ERROR_INIT;
    struct mem_bus *bus = mem_bus_new();
    struct mem_region *root = region_container(bus, "root", UINT64_C(1) << 34);
    struct ram_block *ram = ram_new(bus, "ram", RAM_BYTES, &err), *rom = ram_new(bus, "rom", PAGE, &err);
    struct optlist *o = optlist_parse("-accel", accel, "accel", &err);

    if (!ram || !rom || !o || (optlist_get(o, "accel"), tcg_accel.init(o, true, &err)) < 0)
        goto failed;
    region_add(root, RAM_AT, region_ram(bus, "ram", ram, 0, RAM_BYTES), 0);
    region_add(root, TRAP_AT, region_rom(bus, "rom", rom, 0, PAGE), 0);
    memcpy(rom->host, handler, sizeof handler);
    machine.target = model->xlen == 32 ? &riscv32_target : &riscv64_target;
    machine.v = vcpu_create(0, machine.target, model, &tcg_accel, addr_space_new(bus, "cpu", root), &err);
    if (!machine.v)
        goto failed;
    atomic_store(&machine.v->stop_request, false);
    machine.ram = ram->host;
    return;
failed:
    error_report(&err);
    exit(2);
}

static uint8_t *ram_at(uint64_t addr)
{
    return machine.ram + (addr - RAM_AT);
}

/* S software interrupts, to machine mode, as fast as they are taken. */
static void *interrupter(void *stop)
{
    while (!atomic_load((atomic_bool *)stop)) {
        machine.target->set_irq(machine.v->env, RV_IRQ_SSI, true);
        tcg_accel.kick(machine.v);
        usleep(10);
    }
    return NULL;
}

static void put_code(const struct isa_case *c)
{
    static uint8_t page[PAGE];

    for (unsigned i = 0; i < PAGE; i += 4)
        store_le32(page + i, 0x00100073);      /* ebreak */
    memcpy(page + (CODE_AT - CODE_PAGE), c->code, c->code_bytes);
    memcpy(ram_at(CODE_PAGE), page, PAGE);
    tcg_accel.code_written(ram_at(CODE_PAGE), PAGE);
    memcpy(ram_at(DATA_AT), c->in.data, DATA_BYTES);
}

static void set_state(struct riscv_env *env, const struct isa_case *c, const struct isa_setup *how)
{
    machine.v->model = env->model = how->model;
    machine.target->reset(&env->c);
    for (unsigned i = 1; i < 32; i++)
        riscv_set_x(env, i, c->in.x[i]);
    memcpy(env->f, c->in.f, sizeof env->f);
    env->mstatus |= MSTATUS_FS;
    riscv_csr_set(env, CSR_FCSR, c->in.fcsr);
    riscv_csr_set(env, CSR_MTVEC, TRAP_AT);
    riscv_csr_set(env, CSR_MEPC, CODE_AT + how->returns_to);
    riscv_csr_set(env, CSR_SEPC, CODE_AT + how->returns_to);
    riscv_csr_set(env, CSR_PMPADDR0, CODE_PAGE >> 2 | 0x1ff);
    riscv_csr_set(env, CSR_PMPADDR0 + 1, UINT64_MAX);
    riscv_csr_set(env, CSR_PMPCFG0, how->rewrites ? 0x1f00 : 0x1f9d);  /* all of memory for everyone, code not to be written */
    env->priv = (uint8_t)(3 - how->priv);
    env->c.pc = CODE_AT;
    env->c.exit_request = 0;
}

void run_case(const struct isa_case *c, const struct isa_setup *how, struct isa_result *r)
{
    struct riscv_env *env = riscv_env(machine.v->env);
    atomic_bool stop = false;
    uint64_t cause = 0;
    pthread_t thread;

    put_code(c);
    set_state(env, c, how);
    if (how->interrupted) {
        env->mie = UINT64_C(1) << RV_IRQ_SSI;
        env->mstatus |= MSTATUS_MIE;
        pthread_create(&thread, NULL, interrupter, &stop);
    }
    while (tcg_accel.vcpu_run(machine.v) != VCPU_HALTED)
        ;
    if (how->interrupted) {
        atomic_store(&stop, true);
        pthread_join(thread, NULL);
    }
    memset(r, 0, sizeof *r);
    for (unsigned i = 1; i < 30; i++)
        r->s.x[i] = riscv_x(env, i);
    memcpy(r->s.f, env->f, sizeof env->f);
    riscv_csr_get(env, CSR_FCSR, &r->s.fcsr);
    riscv_csr_get(env, CSR_MEPC, &r->s.pc);
    riscv_csr_get(env, CSR_MCAUSE, &cause);
    riscv_csr_get(env, CSR_MTVAL, &r->tval);
    r->s.pc -= CODE_AT;
    r->cause = (uint32_t)cause;
    r->priv = (uint32_t)(env->mstatus >> 11 & 3);
    memcpy(r->s.data, ram_at(DATA_AT), DATA_BYTES);
    r->ran = 1;
}

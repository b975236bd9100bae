/* Page tables built by hand: what each granule finds, which faults with which status; exceptions by their registers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/mem/mem.h"
#include "core/mem/ram.h"
#include "core/mem/region.h"
#include "core/vm/vcpu.h"
#include "targets/arm/excp.h"
#include "targets/arm/help.h"
#include "targets/arm/mmu.h"

extern const struct target aarch64_target;

#define RAM_AT UINT64_C(0x40000000)
enum { RAM_BYTES = 4 << 20 };
enum { TABLE = 3, BLOCK = 1, PAGE = 3, EL0 = 1 << 6, RO = 1 << 7, AF = 1 << 10, NG = 1 << 11 };
#define UXN (UINT64_C(1) << 54)

/* --- the accelerator: nothing is cached, nothing runs ------------------------------------------------------------------- */

static jmp_buf raised;
void rt_raise(struct cpu_env *env, uint32_t exception) { env->exception = exception; longjmp(raised, 1); }
void rt_leave(struct cpu_env *env, enum rt_exit reason) { (void)env; (void)reason; abort(); }
void rt_mode_changed(struct cpu_env *env) { (void)env; }
uint64_t rt_trap(struct cpu_env *env, uint32_t exception) { (void)env; (void)exception; abort(); }
void rt_flush_all(struct cpu_env *env) { (void)env; }
void rt_flush_others(struct cpu_env *env) { (void)env; }
void rt_flush_asid(struct cpu_env *env, uint64_t asid) { (void)env; (void)asid; }
void rt_flush_page(struct cpu_env *env, uint64_t va, bool any, uint64_t asid) { (void)env; (void)va; (void)any; (void)asid; }
void rt_fence_i(struct cpu_env *env) { (void)env; }
void rt_relax(struct cpu_env *env) { (void)env; }
void rt_helper_cas128(struct cpu_env *env, uint64_t addr, uint64_t expect[2], const uint64_t desired[2])
{
    (void)env; (void)addr; (void)expect; (void)desired;
}
void *rt_helper_probe(struct cpu_env *env, uint64_t addr, unsigned len, enum rt_access access, unsigned mmu)
{
    (void)env; (void)addr; (void)len; (void)access; (void)mmu;
    return NULL;
}

/* --- a core with memory ---------------------------------------------------------------------------------------------------- */

struct core { struct vcpu v; struct arm_env *env; struct mem_bus *bus; uint8_t *ram; };

static struct core *core_new(const char *cpu)
{
    struct core *h = calloc(1, sizeof *h);
    const struct target *t = &aarch64_target;
    struct error err = ERROR_INIT;
    struct mem_region *root;
    struct ram_block *ram;

    h->bus = mem_bus_new();
    root = region_container(h->bus, "root", UINT64_C(1) << 40);
    ram = ram_new(h->bus, "ram", RAM_BYTES, &err);
    assert_non_null(ram);
    region_add(root, RAM_AT, region_ram(h->bus, "ram", ram, 0, RAM_BYTES), 0);
    h->ram = ram->host;
    h->v.as = addr_space_new(h->bus, "cpu", root);
    h->v.model = t->parse_cpu(cpu, true, &err);
    assert_non_null(h->v.model);
    h->env = aligned_alloc(64, (t->env_size + 63) & ~(size_t)63);
    memset(h->env, 0, t->env_size);
    h->env->c.vcpu = &h->v;
    t->init(&h->env->c, h->v.model, true);
    h->env->sctlr |= 1;
    h->env->ttbr[0] = h->env->ttbr[1] = RAM_AT;
    return h;
}

static void core_free(struct core *h)
{
    mem_bus_free(h->bus);
    free(h->env);
    free(h);
}

static void put64(struct core *h, uint64_t pa, uint64_t v) { store_le64(h->ram + (pa - RAM_AT), v); }
static uint64_t get64(struct core *h, uint64_t pa) { return load_le64(h->ram + (pa - RAM_AT)); }

/* The fault status, or ~0 when there is a translation. */
static uint32_t status(struct core *h, uint64_t va, enum rt_access access, unsigned mmu, struct target_xlat *x)
{
    uint32_t exc = arm_xlate(&h->env->c, va, access, mmu, x);

    if (!exc)
        return ~0u;
    assert_int_equal(exc, access == RT_EXEC ? ARM_EXC_INSN_ABORT : ARM_EXC_DATA_ABORT);
    assert_int_equal(h->env->far, va);
    assert_int_equal(h->env->esr >> 6 & 1, access == RT_WRITE);
    return h->env->esr & 63;
}

/* 39 bits of address, 4 KiB: three levels, page 0x40003000 at 0x1000, a block of 2 MiB at 0x200000. */
static void tables_4k(struct core *h, uint64_t leaf)
{
    h->env->tcr = 25 | 25 << 16 | UINT64_C(2) << 30;
    put64(h, RAM_AT, (RAM_AT + 0x1000) | TABLE);
    put64(h, RAM_AT + 511 * 8, (RAM_AT + 0x1000) | TABLE);
    put64(h, RAM_AT + 0x1000, (RAM_AT + 0x2000) | TABLE);
    put64(h, RAM_AT + 0x1008, (RAM_AT + 0x200000) | BLOCK | AF);
    put64(h, RAM_AT + 0x2008, (RAM_AT + 0x3000) | PAGE | leaf);
}

static void granule_4k(void **state)
{
    struct core *h = core_new("cortex-a57,el2=off,el3=off");
    struct target_xlat x;

    (void)state;
    tables_4k(h, AF | NG);
    assert_int_equal(status(h, 0x1234, RT_READ, 0, &x), ~0u);
    assert_int_equal(x.gpa, RAM_AT + 0x3234);
    assert_int_equal(x.page_bits, 12);
    assert_false(x.global);
    assert_int_equal(status(h, 0x234567, RT_WRITE, 0, &x), ~0u);
    assert_int_equal(x.gpa, RAM_AT + 0x234567);
    assert_int_equal(x.page_bits, 21);
    assert_true(x.global);
    assert_int_equal(status(h, 0xffffffffc0001008, RT_READ, 0, &x), ~0u);
    assert_int_equal(x.gpa, RAM_AT + 0x3008);
    assert_int_equal(status(h, 0x3000, RT_READ, 0, &x), 7);
    assert_int_equal(status(h, 0x400000, RT_WRITE, 0, &x), 6);
    assert_int_equal(status(h, 0x40000000, RT_EXEC, 0, &x), 5);
    assert_int_equal(status(h, UINT64_C(1) << 39, RT_READ, 0, &x), 4);
    core_free(h);
}

static void rights(void **state)
{
    struct core *h = core_new("cortex-a76,el2=off,el3=off");
    struct target_xlat x;

    (void)state;
    tables_4k(h, AF | EL0 | RO | UXN);
    assert_int_equal(status(h, 0x1000, RT_READ, 0, &x), ~0u);
    assert_true(x.exec && !x.write);
    assert_int_equal(status(h, 0x1000, RT_WRITE, 0, &x), 15);
    h->env->pstate |= PSTATE_PAN;
    assert_int_equal(status(h, 0x1000, RT_READ, 0, &x), 15);
    assert_int_equal(status(h, 0x1000, RT_READ, ARM_MMU_UNPRIVILEGED, &x), ~0u);
    arm_set_pstate(h->env, 0);
    assert_int_equal(status(h, 0x1000, RT_READ, 0, &x), ~0u);
    assert_int_equal(status(h, 0x1000, RT_EXEC, 0, &x), 15);
    assert_int_equal(status(h, 0x200000, RT_READ, 0, &x), 14);
    core_free(h);
}

static void access_flag(void **state)
{
    struct core *h = core_new("cortex-a76,el2=off,el3=off");
    struct target_xlat x;

    (void)state;
    tables_4k(h, RO | UINT64_C(1) << 51);
    assert_int_equal(status(h, 0x1000, RT_READ, 0, &x), 11);
    h->env->tcr |= UINT64_C(3) << 39;          /* HA, HD */
    assert_int_equal(status(h, 0x1000, RT_READ, 0, &x), ~0u);
    assert_false(x.write);
    assert_int_equal(get64(h, RAM_AT + 0x2008) & (AF | RO), AF | RO);
    assert_int_equal(status(h, 0x1000, RT_WRITE, 0, &x), ~0u);
    assert_true(x.write);
    assert_int_equal(get64(h, RAM_AT + 0x2008) & RO, 0);
    core_free(h);
}

static void granule_64k(void **state)
{
    struct core *h = core_new("cortex-a57,el2=off,el3=off");
    struct target_xlat x;

    (void)state;
    h->env->tcr = 22 | 1 << 14;                /* 42 bits: levels 2 and 3 */
    put64(h, RAM_AT, (RAM_AT + 0x10000) | TABLE);
    put64(h, RAM_AT + 0x10010, (RAM_AT + 0x30000) | PAGE | AF);
    assert_int_equal(status(h, 0x2abcd, RT_READ, 0, &x), ~0u);
    assert_int_equal(x.gpa, RAM_AT + 0x3abcd);
    assert_int_equal(x.page_bits, 16);
    assert_int_equal(status(h, 0x20000000, RT_READ, 0, &x), 6);
    core_free(h);
}

static void exceptions(void **state)
{
    struct core *h = core_new("cortex-a57,el2=off,el3=off");
    struct arm_env *env = h->env;

    (void)state;
    arm_set_pstate(env, 0);
    env->sp = 0x1111;
    env->sp_el[1] = 0x2222;
    env->vbar = 0x10000;
    env->c.pc = 0x400;
    env->cc_a = 0x60000000;
    env->esr = 7;
    arm_deliver(&env->c, ARM_EXC_SVC);
    assert_int_equal(env->c.pc, 0x10400);
    assert_int_equal(env->elr, 0x404);
    assert_int_equal(env->spsr, 0x60000000);
    assert_int_equal(env->esr_el1, 0x56000007);
    assert_int_equal(env->pstate, 0x3c5);
    assert_int_equal(env->sp, 0x2222);
    arm_set_irq(&env->c, 0, true);
    assert_int_equal(arm_interrupt(&env->c), 0);
    assert_true(arm_has_work(&env->c));
    env->pstate &= ~(uint32_t)PSTATE_I;
    assert_int_equal(arm_interrupt(&env->c), ARM_EXC_IRQ);
    arm_deliver(&env->c, ARM_EXC_IRQ);
    assert_int_equal(env->c.pc, 0x10280);
    arm_set_pstate(env, 0);
    assert_int_equal(env->sp, 0x1111);
    core_free(h);
}

/* HVC from EL1 goes to EL2 and back; interrupts go where HCR_EL2 and SCR_EL3 say, whatever PSTATE.I of a lower level. */
static void levels(void **state)
{
    struct core *h = core_new("cortex-a57");
    struct arm_env *env = h->env;

    (void)state;
    assert_int_equal(arm_el(env), 3);
    arm_leave_firmware(env);
    assert_int_equal(arm_el(env), 2);
    env->upper[0].vbar = 0x20000;
    env->upper[1].vbar = 0x30000;
    env->upper[0].spsr = 0x3c5;
    env->upper[0].elr = 0x1000;
    assert_int_equal(arm_help_eret(&env->c), 0x1000);
    assert_int_equal(env->pstate, 0x3c5);
    env->c.pc = 0x1000;
    if (!setjmp(raised))
        arm_help_hvc(&env->c, 0x77);
    arm_deliver(&env->c, env->c.exception);
    assert_int_equal(arm_el(env), 2);
    assert_int_equal(env->c.pc, 0x20400);
    assert_int_equal(env->upper[0].elr, 0x1004);
    assert_int_equal(env->upper[0].esr, 0x5a000077);
    arm_help_eret(&env->c);
    arm_set_irq(&env->c, 0, true);
    assert_int_equal(arm_interrupt(&env->c), 0);   /* for EL1, which masks it */
    env->hcr |= HCR_IMO;
    assert_int_equal(arm_interrupt(&env->c), ARM_EXC_IRQ);
    env->scr |= SCR_IRQ;
    arm_deliver(&env->c, ARM_EXC_IRQ);
    assert_int_equal(env->c.pc, 0x30480);
    assert_int_equal(arm_interrupt(&env->c), 0);
    core_free(h);
}

static void illegal_returns(void **state)
{
    static const uint32_t bad[] = { 0x3c9, 0x3cd, 0x3c1, 0x3c2, 0x3d3 };
    struct core *h = core_new("cortex-a57,el3=off");
    struct arm_env *env = h->env;

    (void)state;
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        arm_set_pstate(env, 0x3c5);
        env->spsr = bad[i];
        arm_help_eret(&env->c);
        assert_int_equal(env->pstate, 0x3c5 | PSTATE_IL);
    }
    env->c.pc = 0x500;
    arm_deliver(&env->c, ARM_EXC_ILLEGAL);
    assert_int_equal(env->esr_el1, 0x3a000000);
    assert_int_equal(env->spsr & PSTATE_IL, PSTATE_IL);
    assert_int_equal(env->pstate & PSTATE_IL, 0);
    arm_set_pstate(env, 0x3c9);
    env->upper[0].spsr = 0x3c5;
    env->hcr |= HCR_TGE;                       /* EL1 is not to be used */
    arm_help_eret(&env->c);
    assert_int_equal(env->pstate, 0x3c9 | PSTATE_IL);
    core_free(h);
}

/* EL2's own table: one half, no EL0. */
static void stage1_of_el2(void **state)
{
    struct core *h = core_new("cortex-a57,el3=off");
    struct arm_env *env = h->env;
    struct target_xlat x;

    (void)state;
    env->upper[0].sctlr |= 1;
    env->upper[0].tcr = 25;
    env->upper[0].ttbr = RAM_AT;
    put64(h, RAM_AT, (RAM_AT + 0x1000) | TABLE);
    put64(h, RAM_AT + 0x1000, RAM_AT | BLOCK | AF | EL0);
    put64(h, RAM_AT + 0x1008, RAM_AT | BLOCK | AF | RO | UXN);
    assert_int_equal(arm_xlate(&env->c, 0x1234, RT_EXEC, 0, &x), 0);
    assert_int_equal(x.gpa, RAM_AT + 0x1234);
    assert_int_equal(arm_xlate(&env->c, 0x200000, RT_READ, 0, &x), 0);
    assert_int_not_equal(arm_xlate(&env->c, 0x200000, RT_EXEC, 0, &x), 0);
    assert_int_not_equal(arm_xlate(&env->c, 0x200000, RT_WRITE, 0, &x), 0);
    assert_int_not_equal(arm_xlate(&env->c, UINT64_MAX, RT_READ, 0, &x), 0);
    core_free(h);
}

/* An exception in an IT block leaves nothing of ITSTATE behind: bit 12 of SPSR is SSBS from AArch64, ITSTATE from AArch32. */
static void it_state(void **state)
{
    enum { ITE_NE = 0x1400 /* ITSTATE 0x14 */, SSBS = 1 << 23 };
    struct core *h = core_new("max");
    struct arm_env *env = h->env;

    (void)state;
    assert_int_equal(arm_a32_enter(env, A32_USR | CPSR_T | ITE_NE | SSBS, 0x8000), 0x8001);
    assert_int_equal(env->itstate, 0x14);
    assert_int_equal(arm_a32_leave(env), A32_USR | CPSR_T | ITE_NE | SSBS);
    arm_a32_enter(env, A32_USR | CPSR_T | ITE_NE, 0x8000);
    env->itstate = 0;                          /* the block has been run to its end */
    assert_int_equal(arm_a32_leave(env), A32_USR | CPSR_T);

    arm_set_cpsr(env, A32_USR | CPSR_T | ITE_NE, ~0u);
    env->itstate = 0;
    assert_int_equal(arm_cpsr(env), A32_USR | CPSR_T);
    core_free(h);
}

/* How large physical addresses are, by ID_AA64MMFR0_EL1.PARange: below TCR.IPS when that asks for more. */
static void physical_sizes(void **state)
{
    static const struct { const char *cpu; unsigned range, bits; bool pages_of_16k; } models[] = {
        { "cortex-a53", 2, 40, false }, { "cortex-a57", 4, 44, false }, { "cortex-a72", 4, 44, false }, { "cortex-a55", 2, 40, true },
        { "cortex-a76", 2, 40, true }, { "neoverse-n1", 5, 48, true }, { "max", 6, 52, true }, { "max,lpa=off", 5, 48, true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        struct core *h = core_new(models[i].cpu);
        struct arm_env *env = h->env;
        uint64_t first_bad = UINT64_C(1) << models[i].bits;
        struct target_xlat x;

        arm_set_pstate(env, 5);
        tables_4k(h, AF);
        env->tcr |= UINT64_C(7) << 32;
        assert_int_equal(env->model->mmfr0 & 15, models[i].range);
        if (models[i].bits < 48) {
            put64(h, RAM_AT + 0x1008, first_bad | BLOCK | AF);
            assert_int_equal(status(h, 0x200000, RT_READ, 0, &x), 2);
            put64(h, RAM_AT + 0x2008, first_bad | PAGE | AF);
            assert_int_equal(status(h, 0x1000, RT_READ, 0, &x), 3);
            env->ttbr[0] |= first_bad;
            assert_int_equal(status(h, 0x1000, RT_READ, 0, &x), 0);
            env->ttbr[0] &= ~first_bad;
        }
        put64(h, RAM_AT + 0x1008, (models[i].bits < 48 ? first_bad >> 1 : UINT64_C(1) << 47) | BLOCK | AF);
        assert_int_equal(status(h, 0x200000, RT_READ, 0, &x), ~0u);
        env->tcr = 17 | 2 << 14;               /* 47 bits: of 16 KiB levels 1 to 3, of 4 KiB levels 0 to 3 */
        put64(h, RAM_AT, 0);
        assert_int_equal(env->model->mmfr0 >> 20 & 15, models[i].pages_of_16k);
        assert_int_equal(status(h, 0x1000, RT_READ, 0, &x), models[i].pages_of_16k ? 5 : 4);
        env->sctlr &= ~UINT64_C(1);            /* no translation */
        assert_int_equal(status(h, first_bad - 1, RT_READ, 0, &x), ~0u);
        assert_int_equal(status(h, first_bad, RT_READ, 0, &x), 0);
        core_free(h);
    }
}

static void caches(void **state)
{
    enum { MRS_CTR = 0xd53b0020, MRS_CLIDR = 0xd5390020, MRS_CCSIDR = 0xd5390000, MRS_MMFR0 = 0xd5380700 };
    static const struct { const char *cpu; uint64_t ctr, clidr, data, l2, mmfr0; } models[] = {
        { "cortex-a53", 0x84448004, 0x0a200023, 0x700fe01a, 0x707fe07a, 0x22 },
        { "cortex-a76", 0x8444c004, 0x82000023, 0x701fe01a, 0x707fe03a, 0x100022 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        struct core *h = core_new(models[i].cpu);

        arm_set_pstate(h->env, 5);
        assert_int_equal(arm_help_sysreg_read(&h->env->c, MRS_CTR), models[i].ctr);
        assert_int_equal(arm_help_sysreg_read(&h->env->c, MRS_CLIDR), models[i].clidr);
        assert_int_equal(arm_help_sysreg_read(&h->env->c, MRS_MMFR0), models[i].mmfr0);
        assert_int_equal(arm_help_sysreg_read(&h->env->c, MRS_CCSIDR), models[i].data);
        h->env->csselr = 2;
        assert_int_equal(arm_help_sysreg_read(&h->env->c, MRS_CCSIDR), models[i].l2);
        core_free(h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(granule_4k), cmocka_unit_test(rights), cmocka_unit_test(access_flag), cmocka_unit_test(granule_64k),
        cmocka_unit_test(exceptions), cmocka_unit_test(levels), cmocka_unit_test(illegal_returns), cmocka_unit_test(stage1_of_el2),
        cmocka_unit_test(it_state), cmocka_unit_test(physical_sizes), cmocka_unit_test(caches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

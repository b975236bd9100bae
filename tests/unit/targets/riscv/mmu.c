/* Page tables built by hand: what each mode finds, which faults, which bits are set. PMP by its entries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/mem/mem.h"
#include "core/mem/ram.h"
#include "core/mem/region.h"
#include "core/vm/vcpu.h"
#include "targets/riscv/csr.h"
#include "targets/riscv/excp.h"
#include "targets/riscv/mmu.h"
#include "targets/riscv/model.h"
#include "targets/riscv/target.h"

#define RAM_AT UINT64_C(0x80000000)
enum { RAM_BYTES = 4 << 20 };
enum { V = 1, R = 2, W = 4, X = 8, U = 16, G = 32, A = 64, D = 128 };
enum { CSR_SSTATUS = 0x100, CSR_SATP = 0x180, CSR_MSTATUS = 0x300, CSR_MEDELEG = 0x302, CSR_MIDELEG = 0x303, CSR_MIE = 0x304,
       CSR_MENVCFG = 0x30a, CSR_MEPC = 0x341, CSR_PMPCFG0 = 0x3a0, CSR_PMPADDR0 = 0x3b0 };

/* --- the accelerator: nothing is cached, nothing runs ------------------------------------------------------------------- */

static unsigned flushes;

void rt_raise(struct cpu_env *env, uint32_t exception) { (void)env; (void)exception; abort(); }
void rt_leave(struct cpu_env *env, enum rt_exit reason) { (void)env; (void)reason; abort(); }
void rt_mode_changed(struct cpu_env *env) { (void)env; }
uint64_t rt_trap(struct cpu_env *env, uint32_t exception) { (void)env; (void)exception; abort(); }
void rt_flush_all(struct cpu_env *env) { (void)env; flushes++; }
void rt_flush_asid(struct cpu_env *env, uint64_t asid) { (void)env; (void)asid; }
void rt_flush_page(struct cpu_env *env, uint64_t va, bool any, uint64_t asid) { (void)env; (void)va; (void)any; (void)asid; }
void rt_fence_i(struct cpu_env *env) { (void)env; }
void rt_relax(struct cpu_env *env) { (void)env; }
void rt_helper_store(struct cpu_env *env, uint64_t addr, uint64_t val, unsigned memop)
{
    (void)env; (void)addr; (void)val; (void)memop;
}
void *rt_helper_probe(struct cpu_env *env, uint64_t addr, unsigned len, enum rt_access access, unsigned mmu)
{
    (void)env; (void)addr; (void)len; (void)access; (void)mmu;
    return NULL;
}

/* --- a hart with memory ----------------------------------------------------------------------------------------------------- */

struct hart { struct vcpu v; struct riscv_env *env; struct mem_bus *bus; uint8_t *ram; };

static struct hart *hart_new(const char *cpu, bool rv32)
{
    struct hart *h = calloc(1, sizeof *h);
    const struct target *t = rv32 ? &riscv32_target : &riscv64_target;
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
    riscv_csr_set(h->env, CSR_PMPADDR0, UINT64_MAX);
    riscv_csr_set(h->env, CSR_PMPCFG0, 0x1f);
    h->env->priv = RV_S;
    return h;
}

static void hart_free(struct hart *h)
{
    mem_bus_free(h->bus);
    free(h->env);
    free(h);
}

static void put64(struct hart *h, uint64_t pa, uint64_t v) { store_le64(h->ram + (pa - RAM_AT), v); }
static uint64_t get64(struct hart *h, uint64_t pa) { return load_le64(h->ram + (pa - RAM_AT)); }
static uint64_t pte(uint64_t pa, unsigned flags) { return pa >> 12 << 10 | flags; }

/* Tables at RAM_AT + 0x1000, 0x2000, ...: the root first; the last level's entries for va. Returns where the leaf is. */
static uint64_t map(struct hart *h, unsigned mode, unsigned levels, unsigned leaf_level, uint64_t va, uint64_t leaf)
{
    uint64_t table = RAM_AT + 0x1000;

    riscv_csr_set(h->env, CSR_SATP, (uint64_t)mode << 60 | (uint64_t)5 << 44 | table >> 12);
    for (unsigned level = levels - 1;; level--) {
        uint64_t at = table + (va >> (12 + 9 * level) & 511) * 8;

        if (level == leaf_level) {
            put64(h, at, leaf);
            return at;
        }
        table += 0x1000;
        put64(h, at, pte(table, V));
    }
}

static uint32_t look(struct hart *h, uint64_t va, enum rt_access access, struct target_xlat *x)
{
    h->env->tval = 0;
    return riscv_xlate(&h->env->c, va, access, 0, x);
}

/* --- sizes and depths ---------------------------------------------------------------------------------------------------------- */

static void every_depth_and_size(void **state)
{
    static const struct { unsigned mode, levels; uint64_t va; } modes[] = {
        { 8, 3, UINT64_C(0x0000003fdeadb000) }, { 8, 3, UINT64_C(0xffffffc012345000) },
        { 9, 4, UINT64_C(0x00007fffdeadb000) }, { 9, 4, UINT64_C(0xffff800012345000) },
        { 10, 5, UINT64_C(0x00ffffffdeadb000) }, { 10, 5, UINT64_C(0xff00000012345000) },
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(modes); i++)
        for (unsigned leaf = 0; leaf < modes[i].levels; leaf++) {
            struct hart *h = hart_new("max", false);
            unsigned bits = 12 + 9 * leaf;
            uint64_t pa = UINT64_C(0x7654321fedcba000) & mask64(56) & ~mask64(bits);
            struct target_xlat x;

            map(h, modes[i].mode, modes[i].levels, leaf, modes[i].va, pte(pa, V | R | W | X | A | D | G));
            assert_int_equal(look(h, modes[i].va + 0x123, RT_READ, &x), 0);
            assert_true(x.gpa == (pa | ((modes[i].va + 0x123) & mask64(bits))));
            assert_int_equal(x.page_bits, bits);
            assert_true(x.read && x.write && x.exec && x.global);
            /* an address whose upper bits are no sign extension, and a neighbour that is not mapped */
            assert_int_equal(look(h, modes[i].va ^ UINT64_C(1) << 62, RT_READ, &x), RV_EXC_LOAD_PAGE);
            assert_true(h->env->tval == (modes[i].va ^ UINT64_C(1) << 62));
            assert_int_equal(look(h, modes[i].va ^ UINT64_C(1) << (12 + 9 * leaf), RT_EXEC, &x), RV_EXC_INSN_PAGE);
            hart_free(h);
        }
}

static void misaligned_superpages_and_reserved_bits_fault(void **state)
{
    struct hart *h = hart_new("max,svnapot=off,svpbmt=off", false);
    const uint64_t va = 0x40000000;
    struct target_xlat x;

    (void)state;
    map(h, 8, 3, 1, va, pte(0x80001000, V | R | A | D));
    assert_int_equal(look(h, va, RT_READ, &x), RV_EXC_LOAD_PAGE);
    map(h, 8, 3, 0, va, pte(0x80001000, V | W | A | D));
    assert_int_equal(look(h, va, RT_WRITE, &x), RV_EXC_STORE_PAGE);
    for (unsigned bit = 54; bit < 64; bit++) {
        map(h, 8, 3, 0, va, pte(0x80001000, V | R | A | D) | UINT64_C(1) << bit);
        assert_int_equal(look(h, va, RT_READ, &x), RV_EXC_LOAD_PAGE);
    }
    map(h, 8, 3, 0, va, pte(0x80001000, R | A | D));
    assert_int_equal(look(h, va, RT_READ, &x), RV_EXC_LOAD_PAGE);
    map(h, 8, 3, 0, va, pte(0x80001000, V));   /* a pointer at the last level */
    assert_int_equal(look(h, va, RT_READ, &x), RV_EXC_LOAD_PAGE);
    hart_free(h);
}

static void tables_outside_memory_are_access_faults(void **state)
{
    struct hart *h = hart_new("max", false);
    struct target_xlat x;

    (void)state;
    riscv_csr_set(h->env, CSR_SATP, UINT64_C(8) << 60 | 0x1234567);
    assert_int_equal(look(h, 0, RT_READ, &x), RV_EXC_LOAD_ACCESS);
    assert_int_equal(look(h, 0, RT_WRITE, &x), RV_EXC_STORE_ACCESS);
    assert_int_equal(look(h, 0, RT_EXEC, &x), RV_EXC_INSN_ACCESS);
    hart_free(h);
}

static void sv32_maps_34_bits(void **state)
{
    struct hart *h = hart_new("max", true);
    struct target_xlat x;

    (void)state;
    riscv_csr_set(h->env, CSR_SATP, UINT32_C(1) << 31 | (RAM_AT + 0x1000) >> 12);
    store_le32(h->ram + 0x1000 + 4 * (0xc0400000u >> 22), (uint32_t)pte(RAM_AT + 0x2000, V));
    store_le32(h->ram + 0x2000 + 4 * 1, (uint32_t)pte(UINT64_C(0x3fffff000), V | R | A));
    assert_int_equal(look(h, 0xc0401234, RT_READ, &x), 0);
    assert_true(x.gpa == UINT64_C(0x3fffff234));
    store_le32(h->ram + 0x1000, (uint32_t)pte(0x80400000, V | R | W | A | D));
    assert_int_equal(look(h, 0x3fffff, RT_WRITE, &x), 0);
    assert_true(x.gpa == 0x807fffff && x.page_bits == 22);
    hart_free(h);
}

/* --- rights ---------------------------------------------------------------------------------------------------------------------- */

static void rights_by_mode(void **state)
{
    struct hart *h = hart_new("max", false);
    const uint64_t va = 0x40000000;
    struct target_xlat x;

    (void)state;
    map(h, 8, 3, 0, va, pte(0x80003000, V | R | W | X | U | A | D));
    assert_int_equal(look(h, va, RT_READ, &x), RV_EXC_LOAD_PAGE);      /* S reads what is U's */
    riscv_csr_set(h->env, CSR_SSTATUS, MSTATUS_SUM);
    assert_int_equal(look(h, va, RT_READ, &x), 0);
    assert_false(x.exec);
    assert_int_equal(look(h, va, RT_EXEC, &x), RV_EXC_INSN_PAGE);      /* but never executes it */
    h->env->priv = RV_U;
    assert_int_equal(look(h, va, RT_EXEC, &x), 0);
    map(h, 8, 3, 0, va, pte(0x80003000, V | X | U | A | D));
    assert_int_equal(look(h, va, RT_READ, &x), RV_EXC_LOAD_PAGE);
    riscv_csr_set(h->env, CSR_SSTATUS, MSTATUS_MXR);
    assert_int_equal(look(h, va, RT_READ, &x), 0);
    assert_int_equal(look(h, va, RT_WRITE, &x), RV_EXC_STORE_PAGE);
    map(h, 8, 3, 0, va, pte(0x80003000, V | R | W | A | D));
    assert_int_equal(look(h, va, RT_READ, &x), RV_EXC_LOAD_PAGE);      /* U reads what is S's */
    hart_free(h);
}

static void mprv_lends_machine_mode_the_rights_of_mpp(void **state)
{
    struct hart *h = hart_new("max", false);
    const uint64_t va = 0x40000000;
    struct target_xlat x;

    (void)state;
    map(h, 8, 3, 0, va, pte(0x80003000, V | R | U | A | D));
    h->env->priv = RV_M;
    assert_int_equal(look(h, 0x80000010, RT_READ, &x), 0);
    assert_true(x.gpa == 0x80000010);
    riscv_csr_set(h->env, CSR_MSTATUS, MSTATUS_MPRV);  /* MPP = U */
    assert_int_equal(look(h, va + 8, RT_READ, &x), 0);
    assert_true(x.gpa == 0x80003008);
    assert_int_equal(look(h, va, RT_WRITE, &x), RV_EXC_STORE_PAGE);
    assert_int_equal(look(h, 0x80000010, RT_EXEC, &x), 0);     /* fetches stay machine mode's */
    assert_true(x.gpa == 0x80000010);
    hart_free(h);
}

static void accessed_and_dirty(void **state)
{
    struct hart *h = hart_new("max", false);
    const uint64_t va = 0x40000000;
    struct target_xlat x;
    uint64_t at;

    (void)state;
    riscv_csr_set(h->env, CSR_MENVCFG, UINT64_C(1) << 61);
    at = map(h, 8, 3, 0, va, pte(0x80003000, V | R | W));
    assert_int_equal(look(h, va, RT_READ, &x), 0);
    assert_false(x.write);                     /* the first store must come back to set D */
    assert_true(get64(h, at) == pte(0x80003000, V | R | W | A));
    assert_int_equal(look(h, va, RT_WRITE, &x), 0);
    assert_true(x.write);
    assert_true(get64(h, at) == pte(0x80003000, V | R | W | A | D));
    riscv_csr_set(h->env, CSR_MENVCFG, 0);     /* software does it: Svade */
    at = map(h, 8, 3, 0, va, pte(0x80003000, V | R | W));
    assert_int_equal(look(h, va, RT_READ, &x), RV_EXC_LOAD_PAGE);
    at = map(h, 8, 3, 0, va, pte(0x80003000, V | R | W | A));
    assert_int_equal(look(h, va, RT_WRITE, &x), RV_EXC_STORE_PAGE);
    assert_true(get64(h, at) == pte(0x80003000, V | R | W | A));
    hart_free(h);
}

static void napot_and_memory_types(void **state)
{
    struct hart *h = hart_new("max", false);
    const uint64_t va = 0x40005000, n = UINT64_C(1) << 63;
    struct target_xlat x;

    (void)state;
    map(h, 8, 3, 0, va, pte(0x80018000, V | R | A | D) | n);
    assert_int_equal(look(h, va + 0x321, RT_READ, &x), 0);
    assert_true(x.gpa == 0x80015321);
    assert_int_equal(x.page_bits, 16);
    map(h, 8, 3, 0, va, pte(0x80014000, V | R | A | D) | n);
    assert_int_equal(look(h, va, RT_READ, &x), RV_EXC_LOAD_PAGE);      /* another size is reserved */
    map(h, 8, 3, 1, va, pte(0x80200000, V | R | A | D) | n);
    assert_int_equal(look(h, va, RT_READ, &x), RV_EXC_LOAD_PAGE);
    for (uint64_t type = 1; type < 4; type++) {
        map(h, 8, 3, 0, va, pte(0x80018000, V | R | A | D) | type << 61);
        riscv_csr_set(h->env, CSR_MENVCFG, 0);
        assert_int_equal(look(h, va, RT_READ, &x), RV_EXC_LOAD_PAGE);
        riscv_csr_set(h->env, CSR_MENVCFG, UINT64_C(1) << 62);
        assert_int_equal(look(h, va, RT_READ, &x), type == 3 ? RV_EXC_LOAD_PAGE : 0);
    }
    hart_free(h);
}

/* --- PMP -------------------------------------------------------------------------------------------------------------------------- */

static void pmp_first_match_decides(void **state)
{
    struct hart *h = hart_new("rv64", false);
    struct target_xlat x;

    (void)state;
    /* 0: NAPOT 64 KiB at 0x80010000, read only; 1: TOR up to 0x80100000 from entry 0's address, off; 2: everything */
    riscv_csr_set(h->env, CSR_PMPADDR0, 0x80010000 >> 2 | 0x1fff);
    riscv_csr_set(h->env, CSR_PMPADDR0 + 2, UINT64_MAX);
    riscv_csr_set(h->env, CSR_PMPCFG0, 0x1f0000 | 0x19);
    assert_int_equal(look(h, 0x80010000, RT_READ, &x), 0);
    assert_int_equal(x.page_bits, 12);
    assert_false(x.write);
    assert_int_equal(look(h, 0x8001ffff, RT_WRITE, &x), RV_EXC_STORE_ACCESS);
    assert_int_equal(look(h, 0x80010000, RT_EXEC, &x), RV_EXC_INSN_ACCESS);
    assert_int_equal(look(h, 0x80020000, RT_WRITE, &x), 0);
    assert_int_equal(look(h, 0x8000fff8, RT_WRITE, &x), 0);
    assert_int_equal(look(h, 0xc0000000, RT_WRITE, &x), 0);
    assert_int_equal(x.page_bits, 30);
    h->env->priv = RV_M;                       /* not locked: machine mode is free */
    assert_int_equal(look(h, 0x80010000, RT_WRITE, &x), 0);
    riscv_csr_set(h->env, CSR_PMPCFG0, 0x1f0000 | 0x99);
    assert_int_equal(look(h, 0x80010000, RT_WRITE, &x), RV_EXC_STORE_ACCESS);
    riscv_csr_set(h->env, CSR_PMPCFG0, 0);     /* a locked entry stays */
    assert_int_equal(h->env->pmpcfg[0], 0x99);
    riscv_csr_set(h->env, CSR_PMPADDR0, 0);
    assert_true(h->env->pmpaddr[0] == (0x80010000 >> 2 | 0x1fff));
    hart_free(h);
}

static void pmp_tor_and_no_match(void **state)
{
    struct hart *h = hart_new("rv64", false);
    struct target_xlat x;

    (void)state;
    riscv_csr_set(h->env, CSR_PMPADDR0, 0x80100000 >> 2);
    riscv_csr_set(h->env, CSR_PMPADDR0 + 1, 0x80200000 >> 2);
    riscv_csr_set(h->env, CSR_PMPCFG0, 0x0b00);        /* entry 1: TOR, read and write */
    assert_int_equal(look(h, 0x80100000, RT_WRITE, &x), 0);
    assert_int_equal(look(h, 0x801fffff, RT_WRITE, &x), 0);
    assert_int_equal(look(h, 0x80200000, RT_READ, &x), RV_EXC_LOAD_ACCESS);
    assert_int_equal(look(h, 0x800fffff, RT_READ, &x), RV_EXC_LOAD_ACCESS);
    h->env->priv = RV_M;
    assert_int_equal(look(h, 0x800fffff, RT_READ, &x), 0);
    hart_free(h);
}

/* --- registers -------------------------------------------------------------------------------------------------------------------- */

static uint64_t after(struct hart *h, unsigned csr, uint64_t v)
{
    riscv_csr_set(h->env, csr, v);
    assert_true(riscv_csr_get(h->env, csr, &v));
    return v;
}

static void warl_fields(void **state)
{
    struct hart *h = hart_new("rv64,sv57=off,sv48=off", false);

    (void)state;
    assert_true(after(h, CSR_SATP, UINT64_C(8) << 60 | 0x1234) == (UINT64_C(8) << 60 | 0x1234));
    assert_true(after(h, CSR_SATP, UINT64_C(9) << 60 | 0x9999) == (UINT64_C(8) << 60 | 0x1234));
    assert_true(after(h, CSR_SATP, 0) == 0);
    assert_true((after(h, CSR_MSTATUS, UINT64_C(1) << 11) & MSTATUS_MPP) == UINT64_C(1) << 11);
    assert_true((after(h, CSR_MSTATUS, UINT64_C(2) << 11) & MSTATUS_MPP) == UINT64_C(1) << 11);    /* 2 is no mode */
    assert_true(after(h, CSR_MEDELEG, UINT64_MAX) == 0xb3ff);
    assert_true(after(h, CSR_MIDELEG, UINT64_MAX) == 0x222);
    assert_true(after(h, CSR_MIE, UINT64_MAX) == 0xaaa);
    assert_true(after(h, CSR_MEPC, 0x80000003) == 0x80000002);
    assert_true((after(h, CSR_MSTATUS, MSTATUS_FS) >> 63) == 1);      /* SD */
    assert_false(riscv_csr_set(h->env, 0x7ff, 0));
    hart_free(h);
}

static void traps_go_where_they_are_delegated(void **state)
{
    struct hart *h = hart_new("rv64", false);
    struct riscv_env *env = h->env;

    (void)state;
    env->mtvec = 0x80001000 | 1;
    env->stvec = 0x80002000 | 1;
    env->medeleg = 1 << 13;
    env->c.pc = 0x1234;
    env->tval = 0x5678;
    env->priv = RV_U;
    riscv_deliver(&env->c, RV_EXC_LOAD_PAGE);
    assert_int_equal(env->priv, RV_S);
    assert_true(env->c.pc == 0x80002000 && env->sepc == 0x1234 && env->stval == 0x5678 && env->scause == 13);
    riscv_deliver(&env->c, RV_EXC_STORE_PAGE);
    assert_int_equal(env->priv, RV_M);
    assert_true(env->c.pc == 0x80001000 && env->mepc == 0x80002000 && env->mcause == 15);
    assert_int_equal(env->mstatus >> 11 & 3, RV_S);
    riscv_deliver(&env->c, RV_EXC_LOAD_PAGE);  /* never from M to a lower mode */
    assert_int_equal(env->priv, RV_M);
    /* interrupts: vectored, by priority, only where enabled */
    env->priv = RV_S;
    env->mstatus = 0;
    env->mideleg = 0x222;
    env->mie = 0xaaa;
    riscv_set_irq(&env->c, RV_IRQ_SEI, true);
    riscv_set_irq(&env->c, RV_IRQ_STI, true);
    assert_int_equal(riscv_interrupt(&env->c), 0);     /* SIE is off in S */
    assert_true(riscv_has_work(&env->c));
    env->mstatus = MSTATUS_SIE;
    assert_int_equal(riscv_interrupt(&env->c), RV_INT + RV_IRQ_SEI);
    riscv_set_irq(&env->c, RV_IRQ_MTI, true);
    assert_int_equal(riscv_interrupt(&env->c), RV_INT + RV_IRQ_MTI);
    riscv_deliver(&env->c, RV_INT + RV_IRQ_MTI);
    assert_true(env->c.pc == 0x80001000 + 4 * 7 && env->mcause == (UINT64_C(1) << 63 | 7) && env->mtval == 0);
    hart_free(h);
}

/* --- models ------------------------------------------------------------------------------------------------------------------------ */

static void models_and_features(void **state)
{
    struct error err = ERROR_INIT;
    const struct riscv_model *m = riscv64_parse_cpu("rv64,zba=off,+zbkb,-d", true, &err);

    (void)state;
    assert_non_null(m);
    assert_false(m->has[RV_F_zba]);
    assert_true(m->has[RV_F_zbkb] && m->has[RV_F_f]);
    assert_false(m->has[RV_F_d]);
    m = riscv64_parse_cpu("sifive-u54,f=off", true, &err);
    assert_false(m->has[RV_F_d]);              /* needs f */
    assert_null(riscv64_parse_cpu("rv46", true, &err));
    assert_non_null(strstr(err.text, "rv64"));
    error_clear(&err);
    assert_null(riscv64_parse_cpu("rv64,zbbb=on", true, &err));
    assert_non_null(strstr(err.text, "zbb"));
    error_clear(&err);
    assert_null(riscv64_parse_cpu("rv64,zbb=perhaps", true, &err));
    assert_true(error_is_set(&err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_depth_and_size),
        cmocka_unit_test(misaligned_superpages_and_reserved_bits_fault),
        cmocka_unit_test(tables_outside_memory_are_access_faults),
        cmocka_unit_test(sv32_maps_34_bits),
        cmocka_unit_test(rights_by_mode),
        cmocka_unit_test(mprv_lends_machine_mode_the_rights_of_mpp),
        cmocka_unit_test(accessed_and_dirty),
        cmocka_unit_test(napot_and_memory_types),
        cmocka_unit_test(pmp_first_match_decides),
        cmocka_unit_test(pmp_tor_and_no_match),
        cmocka_unit_test(warl_fields),
        cmocka_unit_test(traps_go_where_they_are_delegated),
        cmocka_unit_test(models_and_features),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

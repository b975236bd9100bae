/* targets/riscv/mmu.c - Sv32, Sv39, Sv48, Sv57 with Svnapot, Svpbmt, Svadu. Privileged ISA, 12.3 to 12.6, and the
 * extensions' chapters. */
#include "core/base/bits.h"
#include "core/base/log.h"
#include "core/mem/mem.h"
#include "core/mem/ram.h"
#include "core/vm/vcpu.h"
#include "targets/riscv/excp.h"
#include "targets/riscv/help.h"
#include "targets/riscv/mmu.h"

enum { PTE_V = 1, PTE_R = 2, PTE_W = 4, PTE_X = 8, PTE_U = 16, PTE_G = 32, PTE_A = 64, PTE_D = 128 };
#define PTE_N        (UINT64_C(1) << 63)
#define PTE_PBMT     (UINT64_C(3) << 61)
#define PTE_RESERVED (UINT64_C(0x7f) << 54)

/* --- modes ------------------------------------------------------------------------------------------------------------- */

struct paging { uint8_t levels, index_bits, pte_bytes, va_bits; };

static bool paging_mode(const struct riscv_model *m, unsigned mode, struct paging *p)
{
    if (m->xlen == 32) {
        *p = (struct paging){ 2, 10, 4, 32 };
        return mode == 1 && m->has[RV_F_s];
    }
    switch (mode) {
    case 8:
        *p = (struct paging){ 3, 9, 8, 39 };
        return m->has[RV_F_sv39];
    case 9:
        *p = (struct paging){ 4, 9, 8, 48 };
        return m->has[RV_F_sv48];
    case 10:
        *p = (struct paging){ 5, 9, 8, 57 };
        return m->has[RV_F_sv57];
    default:
        return false;
    }
}

static unsigned satp_mode(const struct riscv_env *env, uint64_t satp)
{
    return env->model->xlen == 32 ? satp >> 31 & 1 : satp >> 60;
}

static uint64_t satp_asid(const struct riscv_env *env)
{
    return env->model->xlen == 32 ? env->satp >> 22 & 0x1ff : env->satp >> 44 & 0xffff;
}

bool riscv_satp_mode_ok(const struct riscv_env *env, uint64_t satp)
{
    struct paging p;
    unsigned mode = satp_mode(env, satp);

    return mode == 0 || paging_mode(env->model, mode, &p);
}

static unsigned access_priv(const struct riscv_env *env, enum rt_access access)
{
    if (access != RT_EXEC && env->priv == RV_M && env->mstatus & MSTATUS_MPRV)
        return env->mstatus >> 11 & 3;
    return env->priv;
}

/* Views: privilege of fetches and of data, SUM and MXR where they matter, and the address space. */
uint64_t riscv_view_key(const struct cpu_env *c, unsigned mmu)
{
    const struct riscv_env *env = riscv_env(c);
    unsigned data = access_priv(env, RT_READ);
    uint64_t key = env->priv | data << 2;

    (void)mmu;
    if (data == RV_M)
        return key;
    if (satp_mode(env, env->satp))
        key |= (uint64_t)satp_mode(env, env->satp) << 8 | satp_asid(env) << 16 | (env->mstatus & MSTATUS_MXR ? 32 : 0) |
               (data == RV_S && env->mstatus & MSTATUS_SUM ? 16 : 0);
    return key;
}

uint64_t riscv_view_asid(const struct cpu_env *c)
{
    const struct riscv_env *env = riscv_env(c);

    return satp_mode(env, env->satp) && access_priv(env, RT_READ) != RV_M ? satp_asid(env) : UINT64_MAX;
}

/* --- faults ------------------------------------------------------------------------------------------------------------ */

uint32_t riscv_page_fault(enum rt_access access)
{
    return access == RT_EXEC ? RV_EXC_INSN_PAGE : access == RT_WRITE ? RV_EXC_STORE_PAGE : RV_EXC_LOAD_PAGE;
}

static uint32_t page_fault(struct riscv_env *env, uint64_t va, enum rt_access access)
{
    env->tval = va;
    return riscv_page_fault(access);
}

uint32_t riscv_bus_fault(struct cpu_env *c, uint64_t va, enum rt_access access)
{
    riscv_env(c)->tval = va;
    return access == RT_EXEC ? RV_EXC_INSN_ACCESS : access == RT_WRITE ? RV_EXC_STORE_ACCESS : RV_EXC_LOAD_ACCESS;
}

uint32_t riscv_align_fault(struct cpu_env *c, uint64_t va, enum rt_access access)
{
    riscv_env(c)->tval = va;
    return access == RT_EXEC ? RV_EXC_INSN_MISALIGNED : access == RT_WRITE ? RV_EXC_STORE_MISALIGNED : RV_EXC_LOAD_MISALIGNED;
}

/* --- the walk ----------------------------------------------------------------------------------------------------------- */

/* Where a page table lies in host memory. Tables are all over one block of RAM, so the last answer is kept until the
 * memory map changes. */
static bool table_at(struct riscv_env *env, uint64_t pa, unsigned bytes)
{
    struct addr_space *as = env->c.vcpu->as;
    uint64_t generation = mem_generation(addr_space_bus(as));
    struct mem_xlat m;

    if (pa - env->table_seen.first < env->table_seen.len && env->table_seen.generation == generation)
        return env->table_seen.len - (pa - env->table_seen.first) >= bytes;
    if (!mem_translate(as, pa & ~UINT64_C(0xfff), &m) || !m.host)
        return false;
    env->table_seen.first = pa & ~UINT64_C(0xfff);
    env->table_seen.len = m.len;
    env->table_seen.host = m.host;
    env->table_seen.readonly = m.readonly;
    env->table_seen.generation = generation;
    return pa - env->table_seen.first < m.len && m.len - (pa - env->table_seen.first) >= bytes;
}

/* A page table entry in host memory, or NULL: tables live in RAM here (the ISA lets others fault). */
static void *pte_at(struct riscv_env *env, uint64_t pa, unsigned bytes, bool *writable)
{
    unsigned bits = 12;
    unsigned may = riscv_pmp_check(env, pa, RV_S, &bits);

    if (!(may & RIGHT_R) || !table_at(env, pa, bytes))
        return NULL;
    *writable = !env->table_seen.readonly && may & RIGHT_W;
    return env->table_seen.host + (pa - env->table_seen.first);
}

static uint64_t pte_load(const void *p, unsigned bytes)
{
    return bytes == 4 ? __atomic_load_n((const uint32_t *)p, __ATOMIC_RELAXED)
                      : __atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED);
}

/* Sets bits of an entry unless it has changed; goes through the bus as well, so that whoever watches the page sees it. */
static bool pte_update(struct riscv_env *env, void *p, uint64_t pa, unsigned bytes, uint64_t old, uint64_t set)
{
    bool same;

    if (bytes == 4) {
        uint32_t expect = (uint32_t)old;

        same = __atomic_compare_exchange_n((uint32_t *)p, &expect, (uint32_t)(old | set), false, __ATOMIC_SEQ_CST,
                                           __ATOMIC_RELAXED);
    } else {
        same = __atomic_compare_exchange_n((uint64_t *)p, &old, old | set, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
    }
    if (same) {
        struct mem_xlat m;

        if (mem_translate(env->c.vcpu->as, pa, &m) && m.ram)
            ram_written(m.ram, m.ram_off, bytes);
    }
    return same;
}

struct walk { struct paging p; uint64_t pte, pa; unsigned level; void *at; bool writable; };

/* Down to the leaf. 0, or the exception. */
static uint32_t descend(struct riscv_env *env, struct walk *w, uint64_t va, enum rt_access access)
{
    uint64_t base = (env->model->xlen == 32 ? env->satp & mask64(22) : env->satp & mask64(44)) << 12;

    for (int level = w->p.levels - 1; level >= 0; level--) {
        unsigned shift = 12 + (unsigned)level * w->p.index_bits;

        w->pa = base + (va >> shift & mask64(w->p.index_bits)) * w->p.pte_bytes;
        w->at = pte_at(env, w->pa, w->p.pte_bytes, &w->writable);
        if (!w->at)
            return riscv_bus_fault(&env->c, va, access);
        w->pte = pte_load(w->at, w->p.pte_bytes);
        w->level = (unsigned)level;
        if (!(w->pte & PTE_V) || (w->pte & (PTE_R | PTE_W)) == PTE_W || (w->p.pte_bytes == 8 && w->pte & PTE_RESERVED))
            return page_fault(env, va, access);
        if (w->pte & (PTE_R | PTE_X))
            return 0;
        if (w->pte & (PTE_U | PTE_A | PTE_D) || (w->p.pte_bytes == 8 && w->pte & (PTE_N | PTE_PBMT)))
            return page_fault(env, va, access);
        base = (w->p.pte_bytes == 8 ? w->pte >> 10 & mask64(44) : w->pte >> 10 & mask64(22)) << 12;
    }
    return page_fault(env, va, access);
}

/* The leaf's page number and the mapping's size; false if the entry is malformed. */
static bool leaf_page(struct riscv_env *env, const struct walk *w, uint64_t *ppn, unsigned *bits)
{
    *ppn = w->p.pte_bytes == 8 ? w->pte >> 10 & mask64(44) : w->pte >> 10 & mask64(22);
    *bits = 12 + w->level * w->p.index_bits;
    if (*ppn & mask64(*bits - 12))
        return false;                          /* misaligned superpage */
    if (w->p.pte_bytes == 4)
        return true;
    if (w->pte & PTE_PBMT && (!(env->menvcfg & MENVCFG_PBMTE) || (w->pte & PTE_PBMT) == PTE_PBMT))
        return false;
    if (w->pte & PTE_N) {                      /* Svnapot: 64 KiB */
        if (!env->model->has[RV_F_svnapot] || w->level || (*ppn & 15) != 8)
            return false;
        *ppn &= ~UINT64_C(15);
        *bits = 16;
    }
    return true;
}

static bool permitted(const struct riscv_env *env, uint64_t pte, unsigned priv, enum rt_access access)
{
    if (priv == RV_U && !(pte & PTE_U))
        return false;
    if (priv == RV_S && pte & PTE_U && (access == RT_EXEC || !(env->mstatus & MSTATUS_SUM)))
        return false;
    if (access == RT_EXEC)
        return pte & PTE_X;
    if (access == RT_WRITE)
        return pte & PTE_W;
    return pte & PTE_R || (pte & PTE_X && env->mstatus & MSTATUS_MXR);
}

static uint32_t walk(struct riscv_env *env, uint64_t va, enum rt_access access, unsigned priv, struct target_xlat *out)
{
    struct walk w = { .at = NULL };
    uint64_t ppn, need;
    uint32_t fault;
    unsigned bits;

    if (!paging_mode(env->model, satp_mode(env, env->satp), &w.p))
        return page_fault(env, va, access);
    if (w.p.va_bits < 64 && w.p.va_bits > 32 && (uint64_t)sext64(va, w.p.va_bits) != va)
        return page_fault(env, va, access);
    for (;;) {
        fault = descend(env, &w, va, access);
        if (fault)
            return fault;
        if (!leaf_page(env, &w, &ppn, &bits) || !permitted(env, w.pte, priv, access))
            return page_fault(env, va, access);
        need = (PTE_A | (access == RT_WRITE ? PTE_D : 0)) & ~w.pte;
        if (!need)
            break;
        if (!(env->menvcfg & MENVCFG_ADUE) || !env->model->has[RV_F_svadu])
            return page_fault(env, va, access);
        if (!w.writable)
            return riscv_bus_fault(&env->c, va, access);
        if (pte_update(env, w.at, w.pa, w.p.pte_bytes, w.pte, need)) {
            w.pte |= need;
            break;
        }
    }
    out->gpa = (ppn << 12 & ~mask64(bits)) | (va & mask64(bits));
    out->page_bits = bits;
    out->global = w.pte & PTE_G;
    out->read = permitted(env, w.pte, priv, RT_READ);
    out->write = permitted(env, w.pte, priv, RT_WRITE) && w.pte & PTE_D;
    out->exec = permitted(env, w.pte, env->priv, RT_EXEC);
    return 0;
}

uint32_t riscv_xlate(struct cpu_env *c, uint64_t va, enum rt_access access, unsigned mmu, struct target_xlat *out)
{
    struct riscv_env *env = riscv_env(c);
    unsigned priv = access_priv(env, access);
    unsigned pmp;
    uint32_t fault;

    (void)mmu;
    *out = (struct target_xlat){ 0 };
    if (priv == RV_M || !satp_mode(env, env->satp)) {
        *out = (struct target_xlat){ .gpa = va, .page_bits = 30, .read = true, .write = true, .exec = true, .global = true };
    } else {
        fault = walk(env, va, access, priv, out);
        if (fault) {
            if (log_on(LOG_MMU))
                log_printf("riscv: no translation: va=%#llx access=%d priv=%u\n", (unsigned long long)va, access, priv);
            return fault;
        }
    }
    pmp = riscv_pmp_check(env, out->gpa, priv, &out->page_bits);
    out->read &= (pmp & RIGHT_R) != 0;
    out->write &= (pmp & RIGHT_W) != 0;
    out->exec &= (pmp & RIGHT_X) != 0;
    if (!(pmp & (access == RT_EXEC ? RIGHT_X : access == RT_WRITE ? RIGHT_W : RIGHT_R)))
        return riscv_bus_fault(c, va, access);
    /* fetches and data go by different privileges: each asks for itself */
    if (access_priv(env, RT_READ) != env->priv) {
        out->exec &= access == RT_EXEC;
        out->read &= access != RT_EXEC;
        out->write &= access != RT_EXEC;
    }
    return 0;
}

/* --- fences ------------------------------------------------------------------------------------------------------------- */

/* sfence.vma and sinval.vma: rs1 = x0 all addresses, rs2 = x0 all address spaces. */
void helper_sfence_vma(struct cpu_env *c, uint32_t insn, uint64_t va, uint64_t asid)
{
    struct riscv_env *env = riscv_env(c);
    bool any_va = !(insn >> 15 & 31), any_asid = !(insn >> 20 & 31);

    if (env->priv == RV_S && env->mstatus & MSTATUS_TVM)
        riscv_illegal(env, insn);
    asid &= env->model->xlen == 32 ? 0x1ff : 0xffff;
    if (!any_va)
        rt_flush_page(c, va, any_asid, asid);
    else if (any_asid)
        rt_flush_all(c);
    else
        rt_flush_asid(c, asid);
}

void helper_fence_i(struct cpu_env *c)
{
    rt_fence_i(c);
}

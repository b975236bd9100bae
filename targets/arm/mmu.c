/* targets/arm/mmu.c - stage 1 translation with granules of 4, 16 and 64 KiB, TLBI and AT. Arm ARM (DDI 0487), D8. */
#include "targets/arm/mmu.h"

#include "core/base/bits.h"
#include "core/mem/mem.h"
#include "core/mem/ram.h"
#include "core/vm/vcpu.h"
#include "targets/arm/bti.h"
#include "targets/arm/help.h"

enum { FSC_ADDRESS_SIZE = 0, FSC_NONE = 0x100, FSC_TRANSLATION = 4, FSC_ACCESS_FLAG = 8, FSC_PERMISSION = 12, FSC_EXTERNAL = 0x10, FSC_EXTERNAL_WALK = 0x14 };
#define DESC_EL0 BIT64(6)                      /* AP[1] */
#define DESC_RO  BIT64(7)                      /* AP[2] */
#define DESC_AF  BIT64(10)
#define DESC_NG  BIT64(11)
#define DESC_GP  BIT64(50)
#define DESC_DBM BIT64(51)
#define DESC_PXN BIT64(53)
#define DESC_UXN BIT64(54)
#define TABLE_PXN BIT64(59)
#define TABLE_UXN BIT64(60)
#define TABLE_EL1 BIT64(61)                    /* APTable[0]: not for EL0 */
#define TABLE_RO BIT64(62)

/* --- views ------------------------------------------------------------------------------------------------------------- */

static uint64_t asid_of(const struct arm_env *env)
{
    uint64_t asid = env->ttbr[env->tcr >> 22 & 1] >> 48;

    return env->tcr >> 36 & 1 ? asid : asid & 0xff;
}

/* The level that an access is made for: LDTR and STTR at EL1 are EL0's. */
static unsigned level_of(const struct arm_env *env, unsigned mmu)
{
    return mmu == ARM_MMU_UNPRIVILEGED && arm_el(env) == 1 && !(env->pstate & PSTATE_UAO) ? 0 : arm_el(env);
}

uint64_t arm_view_key(const struct cpu_env *c, unsigned mmu)
{
    const struct arm_env *env = arm_env(c);
    unsigned el = level_of(env, mmu);

    if (!(arm_sctlr(env, el ? el : arm_el(env)) & SCTLR_M))
        return el;
    return el | 4 | (el == 1 && env->pstate & PSTATE_PAN ? 8 : 0) | (el < 2 ? asid_of(env) << 16 : 0);
}

uint64_t arm_view_asid(const struct cpu_env *c)
{
    const struct arm_env *env = arm_env(c);

    return arm_el(env) < 2 && env->sctlr & SCTLR_M ? asid_of(env) : UINT64_MAX;
}

/* --- faults ------------------------------------------------------------------------------------------------------------ */

static uint32_t fault(struct arm_env *env, uint64_t va, enum rt_access access, uint32_t fsc)
{
    env->far = va;
    env->esr = fsc | (access == RT_WRITE ? 1u << 6 : 0);
    return access == RT_EXEC ? ARM_EXC_INSN_ABORT : ARM_EXC_DATA_ABORT;
}

uint32_t arm_bus_fault(struct cpu_env *c, uint64_t va, enum rt_access access)
{
    return fault(arm_env(c), va, access, FSC_EXTERNAL);
}

/* --- the walk ---------------------------------------------------------------------------------------------------------- */

struct regime {
    unsigned granule, va_bits, pa_bits;        /* bits of a page's size and of addresses */
    bool tbi, hpd, disabled, in_range, ha, hd, upper;
    uint64_t base;
};

/* What TCR.IPS or TCR.PS means, as far as the CPU goes. */
static unsigned size_of(const struct arm_env *env, uint64_t code)
{
    static const uint8_t bits[8] = { 32, 36, 40, 42, 44, 48, 52, 52 };
    unsigned most = bits[env->model->mmfr0 & 7];

    return bits[code & 7] < most ? bits[code & 7] : most;
}

/* With 64 KiB pages and LPA an address has 52 bits: those from 48 stand elsewhere in a descriptor and in TTBR. */
static bool wide(const struct arm_env *env, unsigned granule) { return granule == 16 && env->model->has[ARM_F_lpa]; }

static uint64_t table_of_ttbr(const struct arm_env *env, uint64_t ttbr, unsigned granule)
{
    uint64_t base = ttbr & mask64(48) & ~UINT64_C(1);

    return wide(env, granule) ? (base & ~UINT64_C(0x3f)) | (ttbr >> 2 & 15) << 48 : base;
}

static uint64_t address_in(const struct arm_env *env, uint64_t desc, unsigned granule)
{
    uint64_t a = desc & mask64(48) & ~mask64(granule);

    return wide(env, granule) ? a | (desc >> 12 & 15) << 48 : a;
}

/* The size of the address space below 64 - TxSZ bits. */
static unsigned va_bits(const struct arm_env *env, unsigned tsz, unsigned granule)
{
    unsigned least = granule == 16 && env->model->has[ARM_F_lva] ? 12 : 16;

    return 64 - (tsz < least ? least : tsz > 39 ? 39 : tsz);
}

/* Of TCR.TG0 or TCR.TG1. What is reserved, or is not there, is 4 KiB. */
static unsigned granule_of(const struct arm_env *env, unsigned high, uint64_t code)
{
    static const uint8_t granules[2][4] = { { 12, 16, 14, 12 }, { 12, 14, 12, 16 } };
    unsigned granule = granules[high][code & 3];

    return granule == 14 && !(env->model->mmfr0 >> 20 & 15) ? 12 : granule;
}

/* EL2 and EL3: one table for addresses from 0. */
static struct regime upper_regime(const struct arm_env *env, const struct arm_upper *u, uint64_t va)
{
    struct regime r = {
        .granule = granule_of(env, 0, u->tcr >> 14), .tbi = u->tcr >> 20 & 1, .hpd = u->tcr >> 24 & 1, .ha = u->tcr >> 21 & 1,
        .hd = u->tcr >> 22 & 1, .upper = true, .pa_bits = size_of(env, u->tcr >> 16),
    };

    r.va_bits = va_bits(env, u->tcr & 63, r.granule);
    r.base = table_of_ttbr(env, u->ttbr, r.granule);
    r.in_range = (va & mask64(r.tbi ? 56 : 64)) >> r.va_bits == 0;
    return r;
}

/* Of the half of the address space that va is in. */
static struct regime regime_of(const struct arm_env *env, uint64_t va, unsigned el)
{
    unsigned high = va >> 55 & 1, tsz = env->tcr >> (high ? 16 : 0) & 63, top;
    struct regime r = {
        .granule = granule_of(env, high, env->tcr >> (high ? 30 : 14)), .tbi = env->tcr >> (37 + high) & 1,
        .hpd = env->tcr >> (41 + high) & 1, .disabled = env->tcr >> (high ? 23 : 7) & 1, .ha = env->tcr >> 39 & 1,
        .hd = env->tcr >> 40 & 1, .pa_bits = size_of(env, env->tcr >> 32),
    };

    if (el > 1)
        return upper_regime(env, &env->upper[el - 2], va);
    r.va_bits = va_bits(env, tsz, r.granule);
    top = r.tbi ? 56 : 64;
    r.in_range = (va >> r.va_bits & mask64(top - r.va_bits)) == (high ? mask64(top - r.va_bits) : 0);
    r.base = table_of_ttbr(env, env->ttbr[high], r.granule);
    return r;
}

/* A descriptor in host memory, or NULL. */
static uint64_t *descriptor_at(struct arm_env *env, uint64_t pa)
{
    struct addr_space *as = env->c.vcpu->as;
    uint64_t generation = mem_generation(addr_space_bus(as));
    struct mem_xlat m;

    if (pa - env->table_seen.first >= env->table_seen.len || env->table_seen.generation != generation) {
        if (!mem_translate(as, pa & ~UINT64_C(0xfff), &m) || !m.host || m.len < 0x1000)
            return NULL;
        env->table_seen.first = pa & ~UINT64_C(0xfff);
        env->table_seen.len = m.len & ~UINT64_C(7);
        env->table_seen.host = m.host;
        env->table_seen.readonly = m.readonly;
        env->table_seen.generation = generation;
    }
    return (uint64_t *)(void *)(env->table_seen.host + (pa - env->table_seen.first));
}

struct walk { uint64_t desc, pa, *at; unsigned level, bits; uint64_t tables; };

static bool block_level(const struct arm_env *env, const struct regime *r, unsigned level)
{
    return level == 2 || (level == 1 && (r->granule == 12 || wide(env, r->granule)));
}

/* Down to the block or page. FSC_NONE, or the fault status. */
static uint32_t descend(struct arm_env *env, const struct regime *r, uint64_t va, struct walk *w)
{
    unsigned stride = r->granule - 3, used;
    uint64_t base = r->base;

    w->tables = 0;
    w->level = 4 - (r->va_bits - r->granule + stride - 1) / stride;
    va &= mask64(r->va_bits);
    used = r->va_bits - (r->granule + stride * (3 - w->level));    /* the first table may be shorter than a page */
    base &= ~mask64(used + 3 < 6 ? 6 : used + 3);
    if (base >> r->pa_bits)
        return FSC_ADDRESS_SIZE;
    for (uint64_t index = va >> (r->granule + stride * (3 - w->level));; w->level++) {
        w->pa = base + index * 8;
        w->at = descriptor_at(env, w->pa);
        if (!w->at)
            return FSC_EXTERNAL_WALK + w->level;
        w->desc = __atomic_load_n(w->at, __ATOMIC_RELAXED);
        w->bits = r->granule + stride * (3 - w->level);
        if (!(w->desc & 1))
            return FSC_TRANSLATION + w->level;
        base = address_in(env, w->desc, r->granule);
        if (w->level == 3 ? !(w->desc & 2) : !(w->desc & 2) && !block_level(env, r, w->level))
            return FSC_TRANSLATION + w->level;
        if (base >> r->pa_bits)
            return FSC_ADDRESS_SIZE + w->level;
        if (w->level == 3 || !(w->desc & 2))
            return FSC_NONE;
        if (!r->hpd)
            w->tables |= w->desc;
        index = va >> (w->bits - stride) & mask64(stride);
    }
}

struct rights { bool read, write, exec; };

static struct rights rights_of(const struct arm_env *env, const struct walk *w, unsigned el, bool pan, bool dirty_ok)
{
    bool el0 = w->desc & DESC_EL0 && !(w->tables & TABLE_EL1);
    bool ro = (w->desc & DESC_RO && !(dirty_ok && w->desc & DESC_DBM)) || w->tables & TABLE_RO;
    struct rights r = { .read = true, .write = !ro };

    if (el > 1) {
        r.exec = !(w->desc & DESC_UXN) && !(w->tables & TABLE_UXN);
    } else if (el == 0) {
        r.read = el0;
        r.write &= el0;
        r.exec = !(w->desc & DESC_UXN) && !(w->tables & TABLE_UXN);    /* without el0: execute only */
    } else {
        r.exec = !(w->desc & DESC_PXN) && !(w->tables & TABLE_PXN) && !(el0 && !ro);
        if (pan && el0)
            r.read = r.write = false;
    }
    if (arm_sctlr(env, el) & SCTLR_WXN && r.write)
        r.exec = false;
    return r;
}

static bool allows(const struct rights *r, enum rt_access access)
{
    return access == RT_EXEC ? r->exec : access == RT_WRITE ? r->write : r->read;
}

/* The hardware's own updates: access flag, and dirty state by taking the read-only bit away. */
static bool update(struct arm_env *env, struct walk *w, uint64_t to)
{
    uint64_t old = w->desc;
    struct mem_xlat m;

    if (env->table_seen.readonly || !__atomic_compare_exchange_n(w->at, &old, to, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
        return false;
    if (mem_translate(env->c.vcpu->as, w->pa, &m) && m.ram)
        ram_written(m.ram, m.ram_off, 8);
    w->desc = to;
    return true;
}

/* FSC_NONE, or the fault status. @desc: the descriptor of the block or page. */
static uint32_t walk(struct arm_env *env, uint64_t va, enum rt_access access, unsigned el, bool pan, struct target_xlat *out,
                     uint64_t *desc)
{
    struct regime r = regime_of(env, va, el);
    bool hw = env->model->has[ARM_F_hafdbs], ha = hw && r.ha, hd = ha && r.hd;
    struct rights rights;
    struct walk w = { .at = NULL };
    uint64_t want;
    uint32_t fsc;

    if (!r.in_range || r.disabled)
        return FSC_TRANSLATION;
    do {
        fsc = descend(env, &r, va, &w);
        if (fsc != FSC_NONE)
            return fsc;
        if (!(w.desc & DESC_AF) && !ha)
            return FSC_ACCESS_FLAG + w.level;
        rights = rights_of(env, &w, el, pan, hd);
        if (!allows(&rights, access))
            return FSC_PERMISSION + w.level;
        want = w.desc | DESC_AF;
        if (hd && access == RT_WRITE && w.desc & DESC_DBM)
            want &= ~DESC_RO;
    } while (want != w.desc && !update(env, &w, want));
    *out = (struct target_xlat){
        .gpa = (address_in(env, w.desc, r.granule) & ~mask64(w.bits)) | (va & mask64(w.bits)), .page_bits = w.bits,
        .read = rights.read, .write = rights.write && !(w.desc & DESC_RO), .exec = rights.exec,
        .global = r.upper || !(w.desc & DESC_NG),
    };
    if (r.tbi && va >> 56 != (!r.upper && va >> 55 & 1 ? 0xff : 0))
        out->page_bits = 48;                   /* a tagged address is found by no TLBI of the page: any finds it */
    *desc = w.desc;
    return FSC_NONE;
}

/* Without translation: data is device memory. FSC_NONE, or the fault status. */
static uint32_t translate(struct arm_env *env, uint64_t va, enum rt_access access, unsigned el, bool pan, struct target_xlat *out,
                          uint64_t *desc)
{
    if (arm_sctlr(env, el) & SCTLR_M)
        return walk(env, va, access, el, pan, out, desc);
    va &= mask64(56);
    if (va >> size_of(env, 7))
        return FSC_ADDRESS_SIZE;
    *out = (struct target_xlat){ .gpa = va, .page_bits = 30, .read = true, .write = true, .exec = true, .global = true };
    *desc = 0;
    return FSC_NONE;
}

uint32_t arm_xlate(struct cpu_env *c, uint64_t va, enum rt_access access, unsigned mmu, struct target_xlat *out)
{
    struct arm_env *env = arm_env(c);
    unsigned el = level_of(env, mmu);
    bool pan = env->pstate & PSTATE_PAN;
    uint64_t desc;
    uint32_t fsc = translate(env, va, access, el, pan, out, &desc);

    return fsc != FSC_NONE ? fault(env, va, access, fsc) : 0;
}

bool arm_page_guarded(struct cpu_env *c, uint64_t va, uint64_t *gpa)
{
    struct arm_env *env = arm_env(c);
    struct target_xlat x;
    uint64_t desc;

    if (translate(env, va, RT_EXEC, arm_el(env), false, &x, &desc) != FSC_NONE)
        return false;
    *gpa = x.gpa;
    return desc & DESC_GP;
}

/* --- instructions -------------------------------------------------------------------------------------------------------- */

/* Instructions of EL2 (op1 4) and EL3 (op1 6). */
static void check_level(struct arm_env *env, uint32_t insn)
{
    unsigned op1 = insn >> 16 & 7, need = op1 == 4 ? 2 : op1 == 6 ? 3 : 1;

    if (arm_el(env) < need || !arm_has_el(env, need))
        arm_help_raise(&env->c, ARM_EXC_UNDEF, 0, 0);
}

/* PAR_EL1 of an address that translates: its memory type from MAIR, its shareability (all but normal memory that caches
 * keep is outer shareable), not secure. */
static uint64_t par_of(const struct arm_env *env, unsigned el, uint64_t gpa, uint64_t desc)
{
    bool on = arm_sctlr(env, el) & SCTLR_M;
    uint64_t mair = el < 2 ? env->mair : env->upper[el - 2].mair, attr = on ? mair >> 8 * (desc >> 2 & 7) & 0xff : 0;
    uint64_t shared = attr >> 4 && attr != 0x44 ? desc >> 8 & 3 : 2;

    return (gpa & mask64(52) & ~mask64(12)) | attr << 56 | shared << 7 | 1 << 9 | 1 << 11;
}

/* AT S1E1R, S1E1W, S1E0R, S1E0W; with CRm = 9 S1E1RP, S1E1WP; S1E2R, S1E2W, S1E3R, S1E3W; and S12E1R to S12E0W, which are
 * as the first four while there is no second stage. */
void arm_help_at(struct cpu_env *c, uint32_t insn, uint64_t va)
{
    struct arm_env *env = arm_env(c);
    unsigned op2 = insn >> 5 & 7, op1 = insn >> 16 & 7, el = op1 == 6 ? 3 : op1 == 4 && op2 < 4 ? 2 : !(op2 & 2);
    bool pan = (insn >> 8 & 15) == 9 && env->pstate & PSTATE_PAN;
    struct target_xlat x;
    uint64_t desc;
    uint32_t fsc;

    check_level(env, insn);
    fsc = translate(env, va, op2 & 1 ? RT_WRITE : RT_READ, el, pan, &x, &desc);
    if (fsc >= FSC_EXTERNAL_WALK && fsc < FSC_NONE)    /* that is an exception, of an access that maintains a cache */
        arm_help_raise(c, ARM_EXC_DATA_ABORT, va, fsc | 1 << 6 | 1 << 8);

    env->par = fsc != FSC_NONE ? 1 | fsc << 1 | UINT64_C(1) << 11 : par_of(env, el, x.gpa, desc);
}

/* TLBI of EL1: op2 0 all, 1 by address, 2 by address space, 3 by address in all spaces, 5 and 7 as 1 and 3 for the last
 * level. An entry for all address spaces goes by any form with its address. CRm 1 to 3: on all CPUs. */
void arm_help_tlbi(struct cpu_env *c, uint32_t insn, uint64_t v)
{
    unsigned crm = insn >> 8 & 15, op2 = insn >> 5 & 7, op1 = insn >> 16 & 7;

    check_level(arm_env(c), insn);
    bti_forget();
    if (crm != 7 && vcpu_count() > 1) {
        rt_flush_others(c);
        return;
    }
    if (op2 == 0 || op2 == 4 || op2 == 6 || (op1 && crm != 7))
        rt_flush_all(c);
    else if (op2 == 2)
        rt_flush_asid(c, arm_env(c)->tcr >> 36 & 1 ? v >> 48 : v >> 48 & 0xff);
    else
        rt_flush_page(c, (uint64_t)sext64(v << 12 & mask64(56), 56), true, 0);
}

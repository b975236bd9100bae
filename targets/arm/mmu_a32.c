/* targets/arm/mmu_a32.c - AArch32 stage 1: short descriptors with domains, long descriptors (LPAE). Arm ARM (DDI 0487), G5. */
#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/mem/mem.h"
#include "core/vm/vcpu.h"
#include "targets/arm/a32_sys.h"
#include "targets/arm/mmu.h"

/* Fault status, short format; the second level's are 2 more. */
enum { FS_ALIGNMENT = 1, FS_ACCESS_FLAG = 3, FS_TRANSLATION = 5, FS_EXTERNAL = 8, FS_DOMAIN = 9, FS_WALK = 0xc, FS_PERMISSION = 0xd };
enum { FS_LEVEL2 = 2, FSR_LONG = 1 << 9, FSR_WRITE = 1 << 11, FSR_DOMAIN_SHIFT = 4 };
enum { LONG_TRANSLATION = 4, LONG_ACCESS_FLAG = 8, LONG_PERMISSION = 12, LONG_EXTERNAL = 0x10, LONG_WALK = 0x14, LONG_ALIGNMENT = 0x21 };

static bool eae(const struct arm_env *env) { return env->tcr & A32_TTBCR_EAE; }

/* --- views ------------------------------------------------------------------------------------------------------------- */

static unsigned asid_of(const struct arm_env *env)
{
    return eae(env) ? env->ttbr[env->tcr >> 22 & 1] >> 48 & 0xff : env->contextidr & 0xff;
}

/* LDRT and STRT access as User mode does. */
static bool is_user(const struct arm_env *env, unsigned mmu) { return mmu == ARM_MMU_UNPRIVILEGED || a32_mode(env) == A32_USR; }

uint64_t a32_view_key(const struct cpu_env *c, unsigned mmu)
{
    const struct arm_env *env = arm_env(c);
    uint64_t key = is_user(env, mmu) ? 0 : 1 | (env->pstate & PSTATE_PAN ? 4 : 0);

    if (!(env->sctlr & A32_SCTLR_M))
        return key;
    return key | 2 | (uint64_t)asid_of(env) << 16 | (eae(env) ? 0 : (uint64_t)env->a32.dacr << 32);
}

uint64_t a32_view_asid(const struct cpu_env *c)
{
    const struct arm_env *env = arm_env(c);

    return env->sctlr & A32_SCTLR_M ? asid_of(env) : UINT64_MAX;
}

/* --- faults ------------------------------------------------------------------------------------------------------------ */

static uint32_t fault(struct arm_env *env, uint64_t va, enum rt_access access, uint32_t fsr)
{
    env->far = va;
    env->esr = fsr | (access == RT_WRITE ? FSR_WRITE : 0);
    return access == RT_EXEC ? ARM_EXC_INSN_ABORT : ARM_EXC_DATA_ABORT;
}

uint32_t a32_bus_fault(struct cpu_env *c, uint64_t va, enum rt_access access)
{
    return fault(arm_env(c), va, access, eae(arm_env(c)) ? FSR_LONG | LONG_EXTERNAL : FS_EXTERNAL);
}

uint32_t a32_align_fault(struct cpu_env *c, uint64_t va, enum rt_access access)
{
    fault(arm_env(c), va, access, eae(arm_env(c)) ? FSR_LONG | LONG_ALIGNMENT : FS_ALIGNMENT);
    return ARM_EXC_DATA_ALIGN;
}

/* --- descriptors ---------------------------------------------------------------------------------------------------------- */

static const uint8_t *table_at(struct arm_env *env, uint64_t pa)
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
    return env->table_seen.host + (pa - env->table_seen.first);
}

struct rights { bool read, write, exec; };

/* AP[2:0] at PL1 and PL0. DDI 0487, table G5-9. */
static struct rights by_ap(unsigned ap, bool user)
{
    struct rights r = { .read = user ? ap & 2 : ap != 0, .write = user ? ap == 3 : ap >= 1 && ap <= 3 };

    if (ap == 4)
        r.read = false;
    return r;
}

static void execution(const struct arm_env *env, struct rights *r, bool user, bool xn, bool pxn, bool user_writes)
{
    r->exec = r->read && !xn && !(pxn && !user);
    if (env->sctlr & A32_SCTLR_WXN && r->write)
        r->exec = false;
    if (env->sctlr & A32_SCTLR_UWXN && !user && user_writes)
        r->exec = false;
}

/* What User mode may reach is kept from PL1 by PSTATE.PAN. */
static void never(struct rights *r, bool pan, bool reachable)
{
    if (pan && reachable)
        r->read = r->write = false;
}

static bool allows(const struct rights *r, enum rt_access access)
{
    return access == RT_EXEC ? r->exec : access == RT_WRITE ? r->write : r->read;
}

/* --- short descriptors ------------------------------------------------------------------------------------------------------ */

struct leaf { uint64_t pa; unsigned bits, ap, domain, level2; bool xn, pxn, ng; };

static void section(uint32_t d, struct leaf *l)
{
    bool super = d >> 18 & 1;

    l->bits = super ? 24 : 20;
    l->pa = super ? (d & 0xff000000) | (uint64_t)(d >> 20 & 15) << 32 | (uint64_t)(d >> 5 & 15) << 36 : d & 0xfff00000;
    l->domain = super ? 0 : d >> 5 & 15;
    l->ap = (d >> 10 & 3) | (d >> 13 & 4);
    l->xn = d >> 4 & 1;
    l->pxn = d & 1;
    l->ng = d >> 17 & 1;
}

static void page(uint32_t d, struct leaf *l)
{
    bool small = d & 2;

    l->bits = small ? 12 : 16;
    l->pa = d & ~(uint32_t)mask64(l->bits);
    l->ap = (d >> 4 & 3) | (d >> 7 & 4);
    l->xn = small ? d & 1 : d >> 15 & 1;
    l->ng = d >> 11 & 1;
}

/* 0, or the fault status. */
static uint32_t descend_short(struct arm_env *env, uint32_t va, struct leaf *l)
{
    unsigned n = env->tcr & 7;
    bool second = n && va >> (32 - n);
    uint64_t base = second ? env->ttbr[1] & 0xffffc000 : env->ttbr[0] & 0xffffffff & ~mask64(14 - n);
    const uint8_t *at;
    uint32_t d;

    if (env->tcr >> (second ? 5 : 4) & 1)
        return FS_TRANSLATION;
    at = table_at(env, base | (uint64_t)(second ? va >> 20 : (va & mask64(32 - n)) >> 20) << 2);
    if (!at)
        return FS_WALK;
    d = load_le32(at);
    if (!(d & 3))
        return FS_TRANSLATION;
    *l = (struct leaf){ .domain = d >> 5 & 15 };
    if (d & 2) {
        section(d, l);
        return 0;
    }
    l->level2 = FS_LEVEL2;
    l->pxn = d >> 2 & 1;
    at = table_at(env, (d & 0xfffffc00) | (va >> 12 & 0xff) << 2);
    if (!at)
        return FS_WALK + FS_LEVEL2;
    d = load_le32(at);
    if (!(d & 3))
        return FS_TRANSLATION + FS_LEVEL2;
    page(d, l);
    return 0;
}

static uint32_t walk_short(struct arm_env *env, uint32_t va, enum rt_access access, bool user, bool pan, struct target_xlat *out)
{
    struct leaf l = { .domain = 0 };
    uint32_t fs = descend_short(env, va, &l), dom = env->a32.dacr >> 2 * l.domain & 3;
    struct rights r = { true, true, true };

    if (!fs && env->sctlr & A32_SCTLR_AFE && !(l.ap & 1))                      /* whatever the domain says */
        fs = FS_ACCESS_FLAG + (l.level2 ? 3 : 0);
    if (!fs && !(dom & 1))
        fs = FS_DOMAIN + l.level2;
    if (!fs && dom == 1) {
        unsigned ap = l.ap | (env->sctlr & A32_SCTLR_AFE ? 1 : 0);              /* AFE: AP[2:1] alone: 001 and 011, 101 and 111 */

        r = by_ap(ap, user);
        execution(env, &r, user, l.xn, l.pxn, by_ap(ap, true).write);
        never(&r, pan, by_ap(ap, true).read);
        if (!allows(&r, access))
            fs = FS_PERMISSION + l.level2;
    }
    if (fs)
        return fault(env, va, access, (fs & 15) | (fs & 16) << 6 | l.domain << FSR_DOMAIN_SHIFT);
    *out = (struct target_xlat){ .gpa = l.pa | (va & mask64(l.bits)), .page_bits = l.bits, .read = r.read, .write = r.write,
                                 .exec = r.exec, .global = !l.ng };
    return 0;
}

/* --- long descriptors --------------------------------------------------------------------------------------------------------- */

struct long_leaf { uint64_t desc, tables; unsigned bits, level; };

/* Which table, and the bits of an address that it translates; false: neither. */
static bool half_of(const struct arm_env *env, uint32_t va, unsigned *half, unsigned *va_bits)
{
    unsigned t0 = env->tcr & 7, t1 = env->tcr >> 16 & 7;

    if (t0 ? !(va >> (32 - t0)) : !t1 || va >> (32 - t1) != mask64(t1))
        *half = 0;
    else if (!t1 || va >> (32 - t1) == mask64(t1))
        *half = 1;
    else
        return false;
    *va_bits = 32 - (*half ? t1 : t0);
    return !(env->tcr >> (*half ? 23 : 7) & 1);
}

static uint32_t descend_long(struct arm_env *env, uint32_t va, struct long_leaf *l)
{
    unsigned half, va_bits, used;
    uint64_t base;

    l->tables = 0;
    l->level = 1;
    if (!half_of(env, va, &half, &va_bits))
        return LONG_TRANSLATION + 1;
    l->level = va_bits > 30 ? 1 : 2;
    used = va_bits - (l->level == 1 ? 30 : 21) + 3;
    base = env->ttbr[half] & mask64(40) & ~mask64(used);
    for (uint64_t index = (va & mask64(va_bits)) >> (l->level == 1 ? 30 : 21);; l->level++) {
        const uint8_t *at = table_at(env, base + index * 8);

        if (!at)
            return LONG_WALK + l->level;
        l->desc = load_le64(at);
        l->bits = 39 - 9 * l->level;
        if (!(l->desc & 1) || (l->level == 3 && !(l->desc & 2)))
            return LONG_TRANSLATION + l->level;
        if (l->level == 3 || !(l->desc & 2))
            return 0;
        l->tables |= l->desc;
        base = l->desc & mask64(40) & ~mask64(12);
        index = va >> (l->bits - 9) & 511;
    }
}

static uint32_t walk_long(struct arm_env *env, uint32_t va, enum rt_access access, bool user, bool pan, struct target_xlat *out)
{
    struct long_leaf l = { .desc = 0 };
    uint32_t fs = descend_long(env, va, &l);
    struct rights r = { true, true, true };
    bool el0, ro;

    if (!fs && !(l.desc & BIT64(10)))
        fs = LONG_ACCESS_FLAG + l.level;
    el0 = l.desc & BIT64(6) && !(l.tables & BIT64(61));
    ro = (l.desc | l.tables >> 55) & BIT64(7);
    r.read = !user || el0;
    r.write = r.read && !ro;
    execution(env, &r, user, (l.desc & BIT64(54)) || (l.tables & BIT64(60)), (l.desc & BIT64(53)) || (l.tables & BIT64(59)), el0 && !ro);
    never(&r, pan, el0);
    if (!fs && !allows(&r, access))
        fs = LONG_PERMISSION + l.level;
    if (fs)
        return fault(env, va, access, FSR_LONG | fs);
    *out = (struct target_xlat){ .gpa = (l.desc & mask64(40) & ~mask64(l.bits)) | (va & mask64(l.bits)), .page_bits = l.bits,
                                 .read = r.read, .write = r.write, .exec = r.exec, .global = !(l.desc & BIT64(11)) };
    return 0;
}

/* --- both ------------------------------------------------------------------------------------------------------------------------ */

static uint32_t translate(struct arm_env *env, uint32_t va, enum rt_access access, bool user, struct target_xlat *out)
{
    bool pan = env->pstate & PSTATE_PAN && !user;

    if (env->sctlr & A32_SCTLR_M)
        return eae(env) ? walk_long(env, va, access, user, pan, out) : walk_short(env, va, access, user, pan, out);
    *out = (struct target_xlat){ .gpa = va, .page_bits = 30, .read = true, .write = true, .exec = true, .global = true };
    return 0;
}

uint32_t a32_xlate(struct cpu_env *c, uint64_t va, enum rt_access access, unsigned mmu, struct target_xlat *out)
{
    struct arm_env *env = arm_env(c);

    return translate(env, (uint32_t)va, access, is_user(env, mmu), out);
}

uint64_t a32_at(struct arm_env *env, uint32_t va, unsigned which)
{
    uint32_t keep = env->esr, fsr;
    uint64_t far = env->far;
    struct target_xlat x;
    bool bad = translate(env, va, which & 1 ? RT_WRITE : RT_READ, which & 2, &x);

    fsr = env->esr;
    env->esr = keep;
    env->far = far;
    if (!bad)
        return eae(env) ? (x.gpa & mask64(40) & ~mask64(12)) | 1 << 11 : (uint32_t)x.gpa & ~0xfffu;
    return eae(env) ? 1 << 11 | (fsr & 63) << 1 | 1 : (fsr & 15) << 1 | (fsr >> 10 & 1) << 5 | 1;
}

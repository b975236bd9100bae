/* targets/arm/bti.c - see bti.h. Arm ARM (DDI 0487), D8.4.4.4, and BTI, PACIASP, BRK in C6. */
#include "targets/arm/bti.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "core/base/bytes.h"
#include "core/mem/mem.h"
#include "core/user/mmap.h"
#include "core/vm/vcpu.h"
#include "targets/arm/mmu.h"
#include "targets/arm/state.h"

/* --- pages ---------------------------------------------------------------------------------------------------------------- */

enum { PAGE_BITS = 12 };

static atomic_uint_fast64_t forgotten;         /* what was seen before it changed is seen no more */

void bti_forget(void) { atomic_fetch_add(&forgotten, 1); }

static void look(struct arm_env *env, struct arm_bti_page *p, uint64_t va)
{
    struct mem_xlat m;
    uint64_t gpa = UINT64_MAX;

    p->guarded = arm_page_guarded(&env->c, va, &gpa);
    p->valid = gpa != UINT64_MAX;              /* it may come any time */
    p->host = NULL;
    if (p->guarded && mem_translate(env->c.vcpu->as, gpa & -(UINT64_C(1) << PAGE_BITS), &m) && m.len >> PAGE_BITS)
        p->host = m.host;
}

static const struct arm_bti_page *page_of(struct arm_env *env, uint64_t va)
{
    uint64_t number = va >> PAGE_BITS, view = arm_view_key(&env->c, 0) ^ env->tcr << 1;
    uint64_t now = atomic_load(&forgotten), map = mem_generation(addr_space_bus(env->c.vcpu->as));
    struct arm_bti_page *p = &env->bti[number % (sizeof env->bti / sizeof env->bti[0])];

    if (p->number != number || p->view != view || p->forgotten != now || p->map != map || !p->valid) {
        look(env, p, va);
        p->number = number;
        p->view = view;
        p->forgotten = now;
        p->map = map;
    }
    return p;
}

/* User mode: what the table of mappings said since it changed last. */
static bool mapped_guarded(struct arm_env *env, uint64_t va)
{
    uint64_t number = va >> PAGE_BITS, now = user_map_generation();
    struct arm_bti_page *p = &env->bti[number % (sizeof env->bti / sizeof env->bti[0])];
    int prot;

    if (p->number != number || p->forgotten != now || !p->valid) {
        prot = user_page_prot(va);
        *p = (struct arm_bti_page){ .number = number, .forgotten = now, .valid = true,
                                    .guarded = prot >= 0 && prot & USER_PROT_GUARDED && prot & PROT_EXEC };
    }
    return p->guarded;
}

/* Is va in a guarded page? Gives the instruction there if it can be read. */
static bool guarded(struct arm_env *env, uint64_t va, uint32_t *insn)
{
    const struct arm_bti_page *p;

    if (!env->system) {
        if (va & 3 || !mapped_guarded(env, va))
            return false;
        *insn = load_le32(user_host(va));
        return true;
    }
    p = page_of(env, va);
    if (!p->guarded || !p->host || va & 3)
        return false;
    *insn = load_le32(p->host + (va & ((1u << PAGE_BITS) - 1)));
    return true;
}

/* Will fetching from va fault? Asked behind guarded(). */
static bool absent(struct arm_env *env, uint64_t va) { return env->system && !page_of(env, va)->valid; }

/* --- instructions ---------------------------------------------------------------------------------------------------------- */

/* SCTLR.BT: PACIASP and PACIBSP are no targets of plain jumps. */
static bool strict(const struct arm_env *env)
{
    unsigned el = arm_el(env);

    return !env->system || arm_sctlr(env, el) >> (el == 0 ? SCTLR_BT0 : SCTLR_BT1) & 1;
}

static bool is_target(const struct arm_env *env, uint32_t insn, enum bti_type type)
{
    enum { FOR_CALLS = 1, FOR_JUMPS = 2 };

    if ((insn & 0xffffff3f) == 0xd503241f) {   /* BTI; bits 6 and 7: c, j */
        unsigned targets = insn >> 6 & 3;

        return targets == (FOR_CALLS | FOR_JUMPS) || (targets == FOR_CALLS && type != BTI_PLAIN_JUMP) ||
               (targets == FOR_JUMPS && type != BTI_CALL);
    }
    if ((insn & 0xffffffbf) == 0xd503233f)     /* PACIASP, PACIBSP */
        return type != BTI_PLAIN_JUMP || !strict(env);
    return (insn & 0xffe0001f) == 0xd4200000 || (insn & 0xffe0001f) == 0xd4400000;     /* BRK, HLT */
}

uint32_t arm_take_btype(struct arm_env *env)
{
    uint32_t type = env->branched.to == env->c.pc ? env->branched.type : BTI_NONE;

    env->branched.type = BTI_NONE;
    return type << PSTATE_BTYPE_SHIFT;
}

uint32_t arm_help_bti(struct cpu_env *c, uint64_t to, uint32_t btype)
{
    struct arm_env *env = arm_env(c);
    uint32_t insn = 0, here;
    bool is_guarded = guarded(env, to, &insn);

    env->branched.type = BTI_NONE;
    if (!is_guarded && !absent(env, to))
        return BTI_NONE;
    if (btype & BTI_RETURNED)
        btype &= ~(uint32_t)BTI_RETURNED;
    else if (btype == BTI_PLAIN_JUMP && !guarded(env, c->pc, &here))
        btype = BTI_JUMP;
    env->branched.to = to;
    env->branched.type = btype;
    if (!is_guarded)
        return BTI_NONE;
    return is_target(env, insn, (enum bti_type)btype) ? BTI_NONE : btype;
}

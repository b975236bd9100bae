/* targets/arm/debug.c - breakpoints and watchpoints that the guest sets for itself.
 *
 * Where a breakpoint may be met, translations ask at each instruction (ARM_MODE_BREAK). A page that a watchpoint touches is
 * kept out of the inline TLB, so that each access to it asks.
 *
 * Source: Arm ARM (DDI 0487), D2.8 (breakpoints), D2.9 (watchpoints), D2.4 (when they are taken). */
#include "targets/arm/debug.h"

#include "core/base/bits.h"
#include "targets/arm/help.h"
#include "targets/arm/mmu.h"

enum { CR_E = 1, CR_HMC = 1 << 13, BCR_MASK = 0xffe1e7, WCR_MASK = 0x1f1fffff };
enum { BT_LINKED = 1, BT_CONTEXT = 2, BT_MISMATCH = 4 };

static unsigned levels(uint64_t cr) { return cr >> 1 & 3; }    /* PMC, PAC: bit 0 EL1, bit 1 EL0 */
static unsigned linked_to(uint64_t cr) { return cr >> 16 & 15; }

uint64_t arm_debug_register(enum arm_debug_kind kind, uint64_t v)
{
    switch (kind) {
    case DEBUG_BCR: return v & BCR_MASK;
    case DEBUG_WCR: return v & WCR_MASK;
    case DEBUG_BVR: return v;                  /* an address or a context: DBGBCR says which */
    default: return (uint64_t)sext64(v & ~UINT64_C(3), 53);
    }
}

/* HMC, SSC and PMC or PAC: at which levels and in which security state. */
static bool for_level(const struct arm_env *env, uint64_t cr, unsigned el)
{
    bool secure = arm_has_el(env, 3) && (!(env->scr & SCR_NS) || el == 3), hmc = cr & CR_HMC;
    unsigned ssc = cr >> 14 & 3;

    if ((ssc == 1 && secure) || (ssc == 2 && !secure))
        return false;
    switch (el) {
    case 0: return levels(cr) & 2;
    case 1: return levels(cr) & 1;
    case 2: return hmc && ssc != 2;
    default: return hmc && (ssc == 0 || ssc == 2);
    }
}

/* A linked breakpoint compares CONTEXTIDR_EL1, at EL0 and EL1. */
static bool context_matches(const struct arm_env *env, unsigned n, bool linked)
{
    uint64_t cr;

    if (n < ARM_BREAKPOINTS - ARM_CONTEXT_BREAKPOINTS || n >= ARM_BREAKPOINTS)
        return false;
    cr = env->debug[DEBUG_BCR][n];
    return cr & CR_E && (cr >> 20 & 15) == (linked ? BT_CONTEXT | BT_LINKED : BT_CONTEXT) && arm_el(env) < 2 &&
           (uint32_t)env->debug[DEBUG_BVR][n] == (uint32_t)env->contextidr;
}

/* --- breakpoints -------------------------------------------------------------------------------------------------------- */

bool arm_breakpoints(const struct arm_env *env)
{
    if (!(env->mdscr & MDSCR_MDE) || !arm_debug_enabled(env))
        return false;
    for (unsigned n = 0; n < ARM_BREAKPOINTS; n++)
        if (env->debug[DEBUG_BCR][n] & CR_E && for_level(env, env->debug[DEBUG_BCR][n], arm_el(env)))
            return true;
    return false;
}

static bool at_address(const struct arm_env *env, unsigned n, uint64_t pc)
{
    uint64_t cr = env->debug[DEBUG_BCR][n], half = pc & 2 ? 0xc : 0x3;

    if ((pc ^ env->debug[DEBUG_BVR][n]) & mask64(53) & ~UINT64_C(3))
        return false;
    return env->pstate & PSTATE_A32 ? (cr >> 5 & half) == half : true;
}

static bool breaks(const struct arm_env *env, unsigned n, uint64_t pc)
{
    uint64_t cr = env->debug[DEBUG_BCR][n];
    unsigned type = cr >> 20 & 15;

    if (!(cr & CR_E) || !for_level(env, cr, arm_el(env)))
        return false;
    if (type == BT_CONTEXT)
        return context_matches(env, n, false);
    return type <= BT_LINKED && at_address(env, n, pc) && (type == 0 || context_matches(env, linked_to(cr), true));
}

void arm_help_breakpoint(struct cpu_env *c, uint64_t pc)
{
    for (unsigned n = 0; n < ARM_BREAKPOINTS; n++)
        if (breaks(arm_env(c), n, pc & ~UINT64_C(1)))
            arm_help_raise(c, ARM_EXC_BREAKPOINT, 0, 0);
}

/* --- watchpoints -------------------------------------------------------------------------------------------------------- */

/* The bytes of one: a power of two by MASK, or those of a doubleword that BAS picks. */
static bool touches(const struct arm_env *env, unsigned n, uint64_t va, uint64_t len)
{
    uint64_t cr = env->debug[DEBUG_WCR][n], base = env->debug[DEBUG_WVR][n];
    unsigned mask = cr >> 24 & 31;

    if (mask > 2) {
        base &= ~mask64(mask);
        return va < base + (UINT64_C(1) << mask) && base < va + len;
    }
    for (unsigned k = 0; k < 8; k++)
        if (cr >> (5 + k) & 1 && base + k >= va && base + k < va + len)
            return true;
    return false;
}

bool arm_watched(const struct cpu_env *c, uint64_t page)
{
    const struct arm_env *env = arm_env(c);

    for (unsigned n = 0; n < ARM_WATCHPOINTS; n++)
        if (env->debug[DEBUG_WCR][n] & CR_E && touches(env, n, (uint64_t)sext64(page, 56), 1 << RT_PAGE_BITS))
            return true;
    return false;
}

uint32_t arm_watch(struct cpu_env *c, uint64_t va, unsigned len, enum rt_access access, unsigned mmu)
{
    struct arm_env *env = arm_env(c);
    unsigned el = arm_el(env);

    if (!(env->mdscr & MDSCR_MDE) || !arm_debug_enabled(env))
        return 0;
    if (mmu == ARM_MMU_UNPRIVILEGED && el == 1 && !(env->pstate & PSTATE_UAO))
        el = 0;
    for (unsigned n = 0; n < ARM_WATCHPOINTS; n++) {
        uint64_t cr = env->debug[DEBUG_WCR][n];

        if (!(cr & CR_E) || !(cr >> 3 & (access == RT_WRITE ? 2 : 1)) || !for_level(env, cr, el) ||
            !touches(env, n, (uint64_t)sext64(va, 56), len) || (cr >> 20 & 1 && !context_matches(env, linked_to(cr), true)))
            continue;
        env->far = va;
        env->esr = access == RT_WRITE ? 1u << 6 : 0;
        return ARM_EXC_WATCHPOINT;
    }
    return 0;
}

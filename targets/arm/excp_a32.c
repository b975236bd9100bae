/* targets/arm/excp_a32.c - AArch32 at EL0 below AArch64: between SPSR and the state, and what AArch32 says of itself in its ID
 * registers. Arm ARM (DDI 0487), D1.4, D1.20, G8.2. */
#include "core/base/str.h"
#include "targets/arm/excp.h"
#include "targets/arm/help.h"

uint64_t arm_a32_enter(struct arm_env *env, uint32_t spsr, uint64_t pc)
{
    env->pstate = PSTATE_A32 | (spsr & (PSTATE_E | PSTATE_A | PSTATE_I | PSTATE_F | PSTATE_PAN | CPSR_SSBS | PSTATE_IL));
    env->c.pc = spsr & CPSR_T ? (uint32_t)pc | 1 : (uint32_t)pc & ~3u;
    arm_set_cpsr(env, spsr, 0xf0000000 | CPSR_Q | CPSR_GE | CPSR_IT);
    return env->c.pc;
}

uint32_t arm_a32_leave(struct arm_env *env)
{
    uint32_t spsr = arm_cpsr(env);

    for (unsigned i = 0; i < 15; i++)
        env->x[i] = (uint32_t)env->x[i];
    arm_set_flags(env, spsr);
    env->c.pc = (uint32_t)env->c.pc & ~1u;
    env->itstate = 0;
    return spsr;
}

/* --- ID registers ---------------------------------------------------------------------------------------------------------- */

enum { PFR0, PFR1, DFR0, AFR0, MMFR0, MMFR1, MMFR2, MMFR3, ISAR0, ISAR1, ISAR2, ISAR3, ISAR4, FIXED };

/* As the cores' technical reference manuals have them; the last is for those of ARMv8. */
static const struct { const char *model; uint32_t id[FIXED]; } ids[] = {
    { "cortex-a7", { 0x1131, 0x11011, 0x02010555, 0, 0x10101105, 0x40000000, 0x01240000, 0x02102211,
                     0x02101110, 0x13112111, 0x21232041, 0x11112131, 0x10011142 } },
    { "cortex-a8", { 0x1031, 0x11, 0x400, 0, 0x31100003, 0x20000000, 0x01202000, 0x11,
                     0x00101111, 0x12112111, 0x21232031, 0x11112131, 0x00111142 } },
    { "cortex-a9", { 0x1031, 0x11, 0, 0, 0x00100103, 0x20000000, 0x01230000, 0x2111,
                     0x00101111, 0x13112111, 0x21232041, 0x11112131, 0x00111142 } },
    { "cortex-a15", { 0x1131, 0x11011, 0x02010555, 0, 0x10201105, 0x20000000, 0x01240000, 0x02102211,
                      0x02101110, 0x13112111, 0x21232041, 0x11112131, 0x10011142 } },
    { NULL, { 0x131, 0x11011, 0x03010066, 0, 0x10201105, 0x40000000, 0x01260000, 0x02102211,
              0x02101110, 0x13112111, 0x21232042, 0x01112131, 0x00011142 } },
};

static uint32_t isar5(const struct arm_model *m)
{
    if (!m->has[ARM_F_v8])
        return 0;
    return 1 | (uint32_t)m->has[ARM_F_aes] << 4 | (uint32_t)m->has[ARM_F_pmull] << 5 | (uint32_t)m->has[ARM_F_sha1] << 8 |
           (uint32_t)m->has[ARM_F_sha2] << 12 | (uint32_t)m->has[ARM_F_crc32] << 16 | (uint32_t)m->has[ARM_F_rdm] << 24;
}

static uint32_t isar6(const struct arm_model *m)
{
    return m->has[ARM_F_v8] ? (uint32_t)m->has[ARM_F_dotprod] << 4 | (uint32_t)m->has[ARM_F_sb] << 12 : 0;
}

uint32_t arm_a32_id(const struct arm_model *m, unsigned crm, unsigned op2)
{
    unsigned k = (crm - 1) * 8 + op2, row = 0;
    uint32_t v;

    if (!m->has[ARM_F_a32])
        return 0;
    if (crm == 2 && op2 == 5)
        return isar5(m);
    if (crm == 2 && op2 == 7)
        return isar6(m);
    while (ids[row].model && !str_eq(ids[row].model, m->name))
        row++;
    v = k < FIXED ? ids[row].id[k] : 0;
    if (k == ISAR0)
        v = (v & ~0x0f00000fu) | (m->has[ARM_F_idiva] ? 2u : m->has[ARM_F_idivt] ? 1u : 0) << 24 | m->has[ARM_F_swp];
    return k == MMFR3 ? v | (uint32_t)m->has[ARM_F_pan] << 16 : v;
}

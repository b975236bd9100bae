/* targets/arm/help_a32.c - helpers of AArch32 instructions. Arm ARM (DDI 0487), F5. */
#include <stdlib.h>

#include "targets/arm/help.h"
#include "targets/arm/state.h"

enum { S = 1, Q, SH, U = 5, UQ, UH };          /* kinds of parallel arithmetic */
enum { ADD16, ASX, SAX, SUB16, ADD8, SUB8 = 7 };

static int32_t clamp(int32_t v, int32_t lo, int32_t hi) { return v < lo ? lo : v > hi ? hi : v; }

/* One lane of so many bits: its result; *ge: what sets its bits of GE. */
static uint32_t lane(unsigned kind, uint32_t n, uint32_t m, unsigned bits, bool sub, bool *ge)
{
    bool sign = kind < U;
    int32_t a = sign ? (int32_t)(n << (32 - bits)) >> (32 - bits) : (int32_t)n;
    int32_t b = sign ? (int32_t)(m << (32 - bits)) >> (32 - bits) : (int32_t)m;
    int32_t v = sub ? a - b : a + b;

    *ge = sign || sub ? v >= 0 : v >> bits;
    if (kind == Q)
        v = clamp(v, -(1 << (bits - 1)), (1 << (bits - 1)) - 1);
    else if (kind == UQ)
        v = clamp(v, 0, (1 << bits) - 1);
    else if (kind == SH || kind == UH)
        v >>= 1;
    return (uint32_t)v & ((1u << bits) - 1);
}

uint64_t arm_help_parallel(uint32_t n, uint32_t m, uint32_t what)
{
    unsigned kind = what >> 3, op = what & 7, bits = op == ADD8 || op == SUB8 ? 8 : 16;
    uint32_t mask = (1u << bits) - 1, r = 0, all = 0;
    bool ge;

    if (op == ASX || op == SAX)
        m = m >> 16 | m << 16;
    for (unsigned at = 0; at < 32; at += bits) {
        bool sub = op == SUB16 || op == SUB8 || (op == ASX && !at) || (op == SAX && at);

        r |= lane(kind, n >> at & mask, m >> at & mask, bits, sub, &ge) << at;
        all |= ge ? mask << at : 0;
    }
    return r | (uint64_t)all << 32;
}

uint32_t arm_help_usada8(uint32_t n, uint32_t m, uint32_t sum)
{
    for (unsigned at = 0; at < 32; at += 8)
        sum += (uint32_t)abs((int)(n >> at & 255) - (int)(m >> at & 255));
    return sum;
}

/* --- CPSR ---------------------------------------------------------------------------------------------------------------- */

uint32_t arm_cpsr(const struct arm_env *env)
{
    uint32_t ge = env->ge, it = env->itstate;

    return arm_flags(env) | (env->q ? CPSR_Q : 0) | (it & 3) << 25 | (it >> 2) << 10 | (env->c.pc & 1 ? CPSR_T : 0) |
           (ge & 1) << 16 | (ge >> 8 & 1) << 17 | (ge >> 16 & 1) << 18 | (ge >> 24 & 1) << 19 | env->pstate;
}

static uint32_t ge_mask(uint32_t bits) { return (bits & 1) * 0xff | (bits >> 1 & 1) * 0xff00 | (bits >> 2 & 1) * 0xff0000 | (bits >> 3 & 1) * 0xff000000; }

void arm_set_cpsr(struct arm_env *env, uint32_t v, uint32_t mask)
{
    enum { SIMPLE = PSTATE_E | PSTATE_A | PSTATE_I | PSTATE_F | PSTATE_A32_MODE | PSTATE_PAN | CPSR_SSBS | PSTATE_IL };
    uint32_t it = (v >> 25 & 3) | (v >> 10 & 0x3f) << 2;

    if (mask & 0xf0000000)
        arm_set_flags(env, (v & mask & 0xf0000000) | (arm_flags(env) & ~mask & 0xf0000000));
    if (mask & CPSR_Q)
        env->q = v >> 27 & 1;
    if (mask & CPSR_GE) {
        uint32_t m = ge_mask(mask >> 16);

        env->ge = (ge_mask(v >> 16) & m) | (env->ge & ~m);
    }
    if ((mask & CPSR_IT) == CPSR_IT)
        env->itstate = it;
    if (mask & CPSR_T)
        env->c.pc = (env->c.pc & ~UINT64_C(1)) | (v >> 5 & 1);
    env->pstate = (env->pstate & ~(mask & SIMPLE)) | (v & mask & SIMPLE);
}

uint32_t arm_help_cpsr_read(struct cpu_env *c) { return arm_cpsr(arm_env(c)) & ~(uint32_t)(CPSR_T | CPSR_IT | CPSR_J); }
void arm_help_cpsr_write(struct cpu_env *c, uint32_t v, uint32_t mask) { arm_set_cpsr(arm_env(c), v, mask & CPSR_USER); }

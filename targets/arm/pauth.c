/* targets/arm/pauth.c - see pauth.h. Arm ARM (DDI 0487), D8.10 and the pseudocode of AddPAC, Auth, Strip and ComputePAC. */
#include "targets/arm/pauth.h"

#include <errno.h>
#include <sys/random.h>

#include "core/base/bits.h"
#include "targets/arm/help.h"

/* --- QARMA-64: sixteen cells of four bits, cell 0 on top ------------------------------------------------------------------- */

enum { CELLS = 16 };

static const uint8_t shuffle[CELLS] = { 0, 11, 6, 13, 10, 1, 12, 7, 5, 14, 3, 8, 15, 4, 9, 2 };
static const uint8_t unshuffle[CELLS] = { 0, 5, 15, 10, 13, 8, 2, 7, 11, 14, 4, 1, 6, 3, 9, 12 };
static const uint8_t tweak[CELLS] = { 6, 5, 14, 15, 0, 1, 2, 3, 7, 12, 13, 4, 8, 9, 10, 11 };
static const uint8_t untweak[CELLS] = { 4, 5, 6, 7, 11, 1, 0, 8, 12, 13, 14, 15, 9, 10, 2, 3 };
static const uint8_t sigma1[16] = { 10, 13, 14, 6, 15, 7, 3, 5, 9, 8, 0, 12, 11, 1, 2, 4 };
static const uint8_t sigma2[16] = { 11, 6, 8, 15, 12, 0, 9, 14, 3, 7, 4, 5, 13, 2, 1, 10 };
static const uint8_t inverse2[16] = { 5, 14, 13, 8, 10, 11, 1, 9, 2, 6, 15, 0, 4, 12, 7, 3 };
static const uint64_t round_constant[] = { 0, UINT64_C(0x13198a2e03707344), UINT64_C(0xa4093822299f31d0),
                                           UINT64_C(0x082efa98ec4e6c89), UINT64_C(0x452821e638d01377) };
#define ALPHA UINT64_C(0xc0ac29b7c97c50dd)
#define EACH_CELL(n) (UINT64_C(0x1111111111111111) * (n))

static uint64_t permuted(uint64_t v, const uint8_t *from)
{
    uint64_t r = 0;

    for (unsigned i = 0; i < CELLS; i++)
        r = r << 4 | (v >> (60 - 4 * from[i]) & 15);
    return r;
}

static uint64_t substituted(uint64_t v, const uint8_t *box)
{
    uint64_t r = 0;

    for (unsigned i = 0; i < 64; i += 4)
        r |= (uint64_t)box[v >> i & 15] << i;
    return r;
}

/* Each cell rotated left. */
static uint64_t turned(uint64_t v, unsigned n)
{
    uint64_t low = EACH_CELL((1u << n) - 1);

    return (v << n & ~low) | (v >> (4 - n) & low);
}

static uint64_t rotated(uint64_t v, unsigned n) { return v << n | v >> (64 - n); }

/* Columns times the circulant matrix (0, 1, 2, 1): a row is sixteen bits. */
static uint64_t mixed(uint64_t v) { return turned(rotated(v, 16) ^ rotated(v, 48), 1) ^ turned(rotated(v, 32), 2); }

/* The shift register on cells 0, 1, 3, 4, 8, 11 and 13, forwards and back. */
#define STIRRED UINT64_C(0xff0ff000f00f0f00)
static uint64_t stirred(uint64_t v)
{
    uint64_t r = (v >> 1 & EACH_CELL(7)) | ((v ^ v >> 1) & EACH_CELL(1)) << 3;

    return (v & ~STIRRED) | (r & STIRRED);
}

static uint64_t unstirred(uint64_t v)
{
    uint64_t r = (v << 1 & EACH_CELL(14)) | ((v >> 3 ^ v) & EACH_CELL(1));

    return (v & ~STIRRED) | (r & STIRRED);
}

uint64_t pauth_qarma(uint64_t data, uint64_t modifier, uint64_t key0, uint64_t key1, unsigned rounds)
{
    const uint8_t *box = rounds == 3 ? sigma1 : sigma2, *unbox = rounds == 3 ? sigma1 : inverse2;
    uint64_t modk0 = rotated(key0, 63) ^ key0 >> 63, mod = modifier, v = data ^ key0;

    for (unsigned i = 0; i < rounds; i++) {
        v ^= key1 ^ mod ^ round_constant[i];
        if (i)
            v = mixed(permuted(v, shuffle));
        v = substituted(v, box);
        mod = stirred(permuted(mod, tweak));
    }
    v = substituted(mixed(permuted(v ^ modk0 ^ mod, shuffle)), box);
    v = permuted(mixed(permuted(v, shuffle)) ^ key1, unshuffle);
    v = permuted(mixed(substituted(v, unbox)), unshuffle) ^ key0 ^ mod;
    for (unsigned i = rounds; i-- > 0;) {
        v = substituted(v, unbox);
        if (i)
            v = permuted(mixed(v), unshuffle);
        mod = permuted(unstirred(mod), untweak);
        v ^= round_constant[i] ^ key1 ^ mod ^ ALPHA;
    }
    return v ^ modk0;
}

/* --- codes in pointers -------------------------------------------------------------------------------------------------------- */

enum { TCR_TBI0 = 37, TCR_TBID0 = 51, UPPER_TBI = 20, UPPER_TBID = 29 };

/* How pointers look in the present regime: is the top byte free, where the code begins, whether there is an upper half. */
struct shape { bool tbi, halves, any_tbi; unsigned bottom; };

static bool free_top(uint64_t tcr, unsigned tbi, unsigned tbid, bool data) { return tcr >> tbi & 1 && (data || !(tcr >> tbid & 1)); }

static struct shape shape_of(const struct arm_env *env, bool high, bool data)
{
    unsigned el = arm_el(env), tsz;
    uint64_t tcr = el < 2 ? env->tcr : env->upper[el - 2].tcr;
    struct shape s = { .halves = el < 2 };

    tsz = tcr >> (s.halves && high ? 16 : 0) & 63;
    s.bottom = 64 - (tsz < 16 ? 16 : tsz > 39 ? 39 : tsz);
    if (s.halves) {
        s.tbi = free_top(tcr, TCR_TBI0 + high, TCR_TBID0 + high, data);
        s.any_tbi = free_top(tcr, TCR_TBI0, TCR_TBID0, data) || free_top(tcr, TCR_TBI0 + 1, TCR_TBID0 + 1, data);
    } else {
        s.tbi = s.any_tbi = free_top(tcr, UPPER_TBI, UPPER_TBID, data);
    }
    return s;
}

static uint64_t code_bits(const struct shape *s) { return (s->tbi ? mask64(56) : UINT64_MAX) & ~mask64(s->bottom) & ~BIT64(55); }

/* The pointer with good extension bits. */
static uint64_t extended(const struct shape *s, uint64_t ptr, bool high)
{
    uint64_t bits = code_bits(s) | BIT64(55);

    return high ? ptr | bits : ptr & ~bits;
}

uint64_t pauth_mask(const struct arm_env *env, uint64_t ptr, bool data)
{
    struct shape s = shape_of(env, ptr >> 55 & 1, data);

    return code_bits(&s);
}

static uint64_t code_of(const struct arm_env *env, uint64_t ptr, uint64_t modifier, unsigned key)
{
    uint64_t lo = env->keys[key][0], hi = env->keys[key][1];

    if (env->model->pauth == ARM_PAUTH_CHEAP)
        return pauth_cheap(ptr, modifier, lo, hi);
    return pauth_qarma(ptr, modifier, hi, lo, env->model->pauth == ARM_PAUTH_QARMA3 ? 3 : 5);
}

/* --- may the instruction run? -------------------------------------------------------------------------------------------------- */

static void trap(struct arm_env *env, unsigned to) { arm_help_raise(&env->c, ARM_EXC_PAUTH_TRAP, to, 0); }

static void check_traps(struct arm_env *env)
{
    if (!env->system)
        return;
    if (arm_el(env) < 2 && arm_el2_on(env) && !(env->hcr & HCR_API))
        trap(env, 2);
    if (arm_el(env) < 3 && arm_has_el(env, 3) && !(env->scr & SCR_API))
        trap(env, 3);
}

/* SCTLR.EnIA, EnIB, EnDA, EnDB. A key that is off leaves pointers as they are. */
static bool enabled(const struct arm_env *env, unsigned key)
{
    static const uint8_t bit[] = { SCTLR_ENIA, SCTLR_ENIB, SCTLR_ENDA, SCTLR_ENDB };
    unsigned el = arm_el(env);

    return arm_sctlr(env, el) >> bit[key] & 1;
}

/* --- helpers -------------------------------------------------------------------------------------------------------------------- */

uint64_t arm_help_pauth_sign(struct cpu_env *c, uint64_t ptr, uint64_t modifier, uint32_t key)
{
    struct arm_env *env = arm_env(c);
    struct shape s = shape_of(env, ptr >> 55 & 1, key > 1);
    bool high = ptr >> (s.any_tbi ? 55 : 63) & 1;

    if (!enabled(env, key))
        return ptr;
    check_traps(env);
    if (s.halves) {                            /* where the code begins goes by the half that the pointer is for */
        bool tbi = s.tbi;

        s = shape_of(env, high, key > 1);
        s.tbi = tbi;
    }
    ptr ^= code_of(env, extended(&s, ptr, high), modifier, key) & code_bits(&s);
    return high ? ptr | BIT64(55) : ptr & ~BIT64(55);
}

uint64_t arm_help_pauth_auth(struct cpu_env *c, uint64_t ptr, uint64_t modifier, uint32_t key)
{
    struct arm_env *env = arm_env(c);
    bool high = ptr >> 55 & 1;
    struct shape s = shape_of(env, high, key > 1);
    uint64_t good = extended(&s, ptr, high);

    if (!enabled(env, key))
        return ptr;
    check_traps(env);
    if ((ptr ^ (code_of(env, good, modifier, key) & code_bits(&s))) != good)
        arm_help_raise(c, ARM_EXC_PAUTH_FAIL, 0, key);
    return good;
}

uint64_t arm_help_pauth_strip(struct cpu_env *c, uint64_t ptr, uint32_t data)
{
    struct shape s = shape_of(arm_env(c), ptr >> 55 & 1, data);

    return extended(&s, ptr, ptr >> 55 & 1);
}

uint64_t arm_help_pauth_generic(struct cpu_env *c, uint64_t n, uint64_t m)
{
    check_traps(arm_env(c));
    return code_of(arm_env(c), n, m, 4) & ~mask64(32);
}

/* --- user mode ------------------------------------------------------------------------------------------------------------------- */

enum { USER_T0SZ = 16, PR_RESET_KEYS = 54, PR_SET_ENABLED = 60, PR_GET_ENABLED = 61, KEYS = 5, ADDRESS_KEYS = 15, KEY_GA = 16 };

static void new_keys(struct arm_env *env, unsigned which)
{
    for (unsigned k = 0; k < KEYS; k++)
        while (which >> k & 1 && getrandom(env->keys[k], sizeof env->keys[k], 0) != sizeof env->keys[k])
            continue;
}

static uint64_t enable_bits(unsigned keys)
{
    return (uint64_t)(keys & 1) << SCTLR_ENIA | (uint64_t)(keys >> 1 & 1) << SCTLR_ENIB | (uint64_t)(keys >> 2 & 1) << SCTLR_ENDA |
           (uint64_t)(keys >> 3 & 1) << SCTLR_ENDB;
}

void pauth_reset(struct arm_env *env)
{
    if (env->system)
        return;
    new_keys(env, ADDRESS_KEYS | KEY_GA);
    env->tcr = UINT64_C(3) << TCR_TBI0 | USER_T0SZ << 16 | USER_T0SZ;    /* both halves alike, as the code in line has it */
    env->sctlr |= PAUTH_KEYS_ON;
}

int64_t pauth_prctl(struct cpu_env *c, const uint64_t a[5])
{
    struct arm_env *env = arm_env(c);
    unsigned on = 0;

    switch (a[0]) {
    case PR_RESET_KEYS:
        if (!env->model->has[ARM_F_pauth] || a[1] & ~(uint64_t)(ADDRESS_KEYS | KEY_GA) || a[2] || a[3] || a[4])
            return -EINVAL;
        new_keys(env, a[1] ? (unsigned)a[1] : ADDRESS_KEYS | KEY_GA);
        return 0;
    case PR_SET_ENABLED:
        if (!env->model->has[ARM_F_pauth] || a[1] & ~(uint64_t)ADDRESS_KEYS || a[2] & ~a[1] || a[3] || a[4])
            return -EINVAL;
        env->sctlr = (env->sctlr & ~enable_bits((unsigned)a[1])) | enable_bits((unsigned)a[2]);
        return 0;
    case PR_GET_ENABLED:
        if (!env->model->has[ARM_F_pauth] || a[1] || a[2] || a[3] || a[4])
            return -EINVAL;
        for (unsigned k = 0; k < 4; k++)
            on |= (unsigned)enabled(env, k) << k;
        return on;
    default:
        return -ENOSYS;
    }
}

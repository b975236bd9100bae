/* targets/arm/help.c - helpers of unprivileged instructions, and the list of all helpers. */
#include "targets/arm/help.h"

#include <time.h>

#include "targets/arm/bti.h"
#include "targets/arm/help_simd.h"
#include "targets/arm/pauth.h"
#include "targets/arm/state.h"

#define UNWRAP(...) { __VA_ARGS__ }
#define EACH_V(M, name) \
    M(name, 0) M(name, 1) M(name, 2) M(name, 3) M(name, 4) M(name, 5) M(name, 6) M(name, 7) M(name, 8) M(name, 9) M(name, 10) \
    M(name, 11) M(name, 12) M(name, 13) M(name, 14) M(name, 15) M(name, 16) M(name, 17) M(name, 18) M(name, 19) M(name, 20) \
    M(name, 21) M(name, 22) M(name, 23) M(name, 24) M(name, 25) M(name, 26) M(name, 27) M(name, 28) M(name, 29) M(name, 30) \
    M(name, 31)

#define WRITES(name, r) { ARM_SLOT_V0 + r, IR_SLOT_END },
static const uint16_t writes_v[32][2] = { EACH_V(WRITES, v) };

#define ONE_OF(helper, r) \
    [r] = { .name = #helper, .fn = (void *)arm_help_##helper, .ret = IR_VOID, .nargs = 3, .arg = { IR_I64, IR_I32, IR_I32 }, \
            .flags = helper##_flags, .writes = writes_v[r] },
#define SIMD(helper, bits) \
    enum { helper##_flags = bits }; \
    static const struct ir_helper desc_##helper[32] = { EACH_V(ONE_OF, helper) };
#define HELPER(helper, result, n, args, bits) \
    static const struct ir_helper desc_##helper = { \
        .name = #helper, .fn = (void *)arm_help_##helper, .ret = IR_##result, .nargs = n, .arg = UNWRAP args, .flags = bits, \
    };
#include "targets/arm/help.def"
#undef HELPER
#undef SIMD

#define ADDRESS(name, r) &desc_##name[r],
const struct ir_helper *const arm_helpers[] = {
#define HELPER(name, result, n, args, bits) &desc_##name,
#define SIMD(name, bits) EACH_V(ADDRESS, name)
#include "targets/arm/help.def"
#undef SIMD
#undef HELPER
};

void arm_help_raise(struct cpu_env *c, uint32_t exception, uint64_t far, uint32_t esr)
{
    arm_env(c)->far = far;
    arm_env(c)->esr = esr;
    rt_raise(c, exception);
}

static uint32_t pack(bool n, bool z, bool c, bool v)
{
    return (uint32_t)n << 31 | (uint32_t)z << 30 | (uint32_t)c << 29 | (uint32_t)v << 28;
}

static uint32_t flags64(uint64_t a, uint64_t b, bool sub)
{
    uint64_t r = sub ? a - b : a + b, v = sub ? (a ^ b) & (a ^ r) : ~(a ^ b) & (a ^ r);

    return pack(r >> 63, !r, sub ? a >= b : r < a, v >> 63);
}

static uint32_t flags32(uint32_t a, uint32_t b, bool sub)
{
    uint32_t r = sub ? a - b : a + b, v = sub ? (a ^ b) & (a ^ r) : ~(a ^ b) & (a ^ r);

    return pack(r >> 31, !r, sub ? a >= b : r < a, v >> 31);
}

static uint32_t flags_adc(uint32_t a, uint32_t b, uint32_t carry)
{
    uint64_t sum = (uint64_t)a + b + carry;
    uint32_t r = (uint32_t)sum;

    return pack(r >> 31, !r, sum >> 32, (a ^ r) >> 31 & (b ^ r) >> 31);
}

static uint32_t flags_of(uint32_t kind, uint64_t a, uint64_t b, uint64_t x)
{
    switch (kind) {
    case ARM_CC_ADC32: return flags_adc((uint32_t)a, (uint32_t)b, b >> 32 & 1);
    case ARM_CC_SUB64: return flags64(a, b, true);
    case ARM_CC_SUB32: return flags32((uint32_t)a, (uint32_t)b, true);
    case ARM_CC_SUBX64: return flags64(a, b, true) & ~(x ? 1u << 29 : 0);
    case ARM_CC_SUBX32: return flags32((uint32_t)a, (uint32_t)b, true) & ~(x ? 1u << 29 : 0);
    case ARM_CC_ADD64: return flags64(a, b, false);
    case ARM_CC_ADD32: return flags32((uint32_t)a, (uint32_t)b, false);
    case ARM_CC_LOGIC64: return pack(a >> 63, !a, false, false);
    case ARM_CC_LOGIC32: return pack(a >> 31 & 1, !(uint32_t)a, false, false);
    default: return (uint32_t)a & 0xf0000000;
    }
}

uint32_t arm_nzcv(uint32_t op, uint64_t a, uint64_t b, uint64_t x, uint32_t c)
{
    uint32_t f = flags_of(op & ARM_CC_KIND, a, b, x), bit = op >> ARM_CC_BIT_SHIFT & 31;

    if (op & ARM_CC_NZ)
        f = (f & 3u << 28) | (x & 1u << 31) | (uint32_t)!(uint32_t)x << 30;
    if (op & ARM_CC_C)
        f = (f & ~(1u << 29)) | (c >> bit & 1) << 29;
    return f;
}

uint32_t arm_help_nzcv(uint32_t op, uint64_t a, uint64_t b, uint64_t x) { return arm_nzcv(op, a, b, x, 0); }
uint32_t arm_help_nzcv32(uint32_t op, uint64_t a, uint64_t b, uint64_t x, uint32_t c) { return arm_nzcv(op, a, b, x, c); }

uint64_t arm_help_user_clock(struct cpu_env *c, uint32_t clock)
{
    struct timespec ts = { 0, 0 };

    (void)c;
    clock_gettime((clockid_t)clock, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint64_t arm_help_user_time(struct cpu_env *c, uint32_t clock)
{
    struct timespec ts = { 0, 0 };

    (void)c;
    clock_gettime((clockid_t)clock, &ts);
    return (uint64_t)ts.tv_sec << 30 | (uint64_t)ts.tv_nsec;
}

uint64_t arm_help_rbit(uint64_t v)
{
    v = (v >> 1 & 0x5555555555555555) | (v & 0x5555555555555555) << 1;
    v = (v >> 2 & 0x3333333333333333) | (v & 0x3333333333333333) << 2;
    v = (v >> 4 & 0x0f0f0f0f0f0f0f0f) | (v & 0x0f0f0f0f0f0f0f0f) << 4;
    return __builtin_bswap64(v);
}

void arm_help_cas128(struct cpu_env *c, uint64_t addr)
{
    rt_helper_cas128(c, addr, arm_env(c)->pair_expect, arm_env(c)->pair_new);
}

void arm_help_relax(struct cpu_env *c) { rt_relax(c); }
void arm_help_fence_i(struct cpu_env *c) { rt_fence_i(c); }

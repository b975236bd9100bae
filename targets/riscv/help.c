/* targets/riscv/help.c - helpers of unprivileged instructions, and the list of all helpers. */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "core/base/bits.h"
#include "targets/riscv/excp.h"
#include "targets/riscv/help.h"
#include "targets/riscv/mmu.h"
#include "targets/riscv/state.h"

/* Registers are passed by value: no helper looks at a slot (those that fault have all at home). */
static const uint16_t no_slots[] = { IR_SLOT_END };

#define UNWRAP(...) { __VA_ARGS__ }
#define HELPER(helper, result, n, args, bits) \
    static const struct ir_helper desc_##helper = { \
        .name = #helper, .fn = (void *)helper_##helper, .ret = IR_##result, .nargs = n, .arg = UNWRAP args, .flags = bits, \
        .writes = no_slots, .reads = no_slots, \
    };
#include "targets/riscv/help.def"
#undef HELPER

const struct ir_helper *const riscv_helpers[] = {
#define HELPER(name, result, n, args, bits) &desc_##name,
#include "targets/riscv/help.def"
#undef HELPER
};

/* --- bits --------------------------------------------------------------------------------------------------------------- */

uint64_t helper_xperm4(uint64_t a, uint64_t b)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < 64; i += 4)
        v |= (a >> (b >> i & 15) * 4 & 15) << i;
    return v;
}

uint64_t helper_xperm8(uint64_t a, uint64_t b)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < 64; i += 8)
        if ((b >> i & 255) < 8)
            v |= (a >> (b >> i & 7) * 8 & 255) << i;
    return v;
}

/* The multiplicative inverse in GF(2^8), and what AES makes of it (FIPS 197, 5.1.1). */
static uint8_t gf_mul(uint8_t a, uint8_t b)
{
    uint8_t v = 0;

    for (; b; b >>= 1) {
        if (b & 1)
            v ^= a;
        a = (uint8_t)(a << 1 ^ (a >> 7) * 0x1b);
    }
    return v;
}

static uint8_t sub_byte(uint8_t x)
{
    uint8_t inv = 1, v;

    for (unsigned i = 0; i < 254; i++)
        inv = gf_mul(inv, x);
    v = inv;
    for (unsigned i = 1; i < 5; i++)
        v ^= (uint8_t)(inv << i | inv >> (8 - i));
    return v ^ 0x63;
}

static struct { pthread_once_t once; uint8_t fwd[256], inv[256]; } sbox = { .once = PTHREAD_ONCE_INIT };

static void make_sbox(void)
{
    for (unsigned i = 0; i < 256; i++) {
        sbox.fwd[i] = sub_byte((uint8_t)i);
        sbox.inv[sbox.fwd[i]] = (uint8_t)i;
    }
}

/* Scalar cryptography 1.0, aes32*: how = bit 0 mix columns, bit 1 decrypt, bits 2-3 the byte */
uint32_t helper_aes32(uint32_t rs1, uint32_t rs2, uint32_t how)
{
    unsigned shift = (how >> 2 & 3) * 8;
    uint8_t b = (uint8_t)(rs2 >> shift), s;
    uint32_t w;

    pthread_once(&sbox.once, make_sbox);
    s = how & 2 ? sbox.inv[b] : sbox.fwd[b];
    w = s;
    if ((how & 3) == 1)
        w = gf_mul(s, 2) | s << 8 | s << 16 | (uint32_t)gf_mul(s, 3) << 24;
    else if ((how & 3) == 3)
        w = gf_mul(s, 14) | (uint32_t)gf_mul(s, 9) << 8 | (uint32_t)gf_mul(s, 13) << 16 | (uint32_t)gf_mul(s, 11) << 24;
    return rs1 ^ (shift ? w << shift | w >> (32 - shift) : w);
}

/* Unprivileged ISA, 20.9: one bit of ten */
uint64_t helper_fclass(uint64_t bits, uint32_t width)
{
    unsigned frac_bits = width == 64 ? 52 : width == 32 ? 23 : 10, exp_bits = width - 1 - frac_bits;
    uint64_t frac = bits & mask64(frac_bits), exp = bits >> frac_bits & mask64(exp_bits);
    bool negative = bits >> (width - 1) & 1;

    if (exp == mask64(exp_bits)) {
        if (frac)
            return frac >> (frac_bits - 1) ? 1 << 9 : 1 << 8;
        return negative ? 1 << 0 : 1 << 7;
    }
    if (!exp)
        return frac ? (negative ? 1 << 2 : 1 << 5) : (negative ? 1 << 3 : 1 << 4);
    return negative ? 1 << 1 : 1 << 6;
}

/* --- memory ------------------------------------------------------------------------------------------------------------- */

static bool cmpxchg16(void *p, uint64_t expect[2], const uint64_t new[2])
{
    bool same;

    __asm__ volatile("lock cmpxchg16b %[mem]"
                     : "=@ccz"(same), [mem] "+m"(*(unsigned __int128 *)p), "+a"(expect[0]), "+d"(expect[1])
                     : "b"(new[0]), "c"(new[1])
                     : "memory");
    return same;
}

void helper_relax(struct cpu_env *c)
{
    rt_relax(c);
}

void helper_cas128(struct cpu_env *c, uint64_t addr)
{
    struct riscv_env *env = riscv_env(c);
    void *p;

    if (addr & 15)
        rt_raise(c, riscv_align_fault(c, addr, RT_WRITE));
    p = rt_helper_probe(c, addr, 16, RT_WRITE, 0);
    if (!p)
        rt_raise(c, riscv_bus_fault(c, addr, RT_WRITE));
    cmpxchg16(p, env->cas_expect, env->cas_new);
}

/* May this mode run a cache-block instruction whose bits in xenvcfg are `field`? CBIE 01 (inval acts as flush) counts as
 * allowed: both do the same here. CMO 1.0, 3. */
static void cbo_permission(struct riscv_env *env, uint64_t field, uint32_t insn)
{
    if (!env->system || env->priv == RV_M)
        return;
    if (!(env->menvcfg & field) || (env->priv == RV_U && env->model->has[RV_F_s] && !(env->senvcfg & field)))
        riscv_illegal(env, insn);
}

/* Management needs a mapping that can be read or written; its faults are those of a store. */
static void cbo_manage(struct cpu_env *c, uint64_t addr)
{
    struct riscv_env *env = riscv_env(c);
    struct target_xlat x;
    uint32_t fault;

    if (!env->system) {
        rt_helper_probe(c, addr & -(uint64_t)env->model->cbo_bytes, 1, RT_READ, 0);
        return;
    }
    fault = riscv_xlate(c, addr, RT_READ, 0, &x);
    if (fault)
        rt_raise(c, fault + (RV_EXC_STORE_PAGE - RV_EXC_LOAD_PAGE));
}

void helper_cbo_inval(struct cpu_env *c, uint64_t addr, uint32_t insn)
{
    cbo_permission(riscv_env(c), 0x30, insn);
    cbo_manage(c, addr);
}

void helper_cbo_clean(struct cpu_env *c, uint64_t addr, uint32_t insn)
{
    cbo_permission(riscv_env(c), 0x40, insn);
    cbo_manage(c, addr);
}

void helper_cbo_zero(struct cpu_env *c, uint64_t addr, uint32_t insn)
{
    unsigned bytes = riscv_env(c)->model->cbo_bytes;
    void *p;

    cbo_permission(riscv_env(c), 0x80, insn);
    addr &= -(uint64_t)bytes;
    p = rt_helper_probe(c, addr, bytes, RT_WRITE, 0);
    if (p) {
        memset(p, 0, bytes);
        return;
    }
    for (unsigned i = 0; i < bytes; i += 8)
        rt_helper_store(c, addr + i, 0, IR_M64);
}

/* Nanoseconds of one of the host's clocks, for the vDSO. */
uint64_t helper_user_clock(struct cpu_env *c, uint32_t clock)
{
    struct timespec ts = { 0, 0 };

    (void)c;
    clock_gettime((clockid_t)clock, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* tcg/host/x86_64/softvec.c - vector operations in C, see soft.h. AES: FIPS 197; the rounds as Intel SDM defines them. */
#include <string.h>

#include "core/base/bytes.h"
#include "tcg/host/portable/portable.h"
#include "tcg/host/x86_64/emit.h"
#include "tcg/host/x86_64/soft.h"

void soft_vec(struct cpu_env *env, uint64_t unused, void *vec, unsigned what, uint64_t regs)
{
    struct rt_frame *f = (struct rt_frame *)(void *)((char *)vec - X64_VEC_BUF);
    struct ir_insn i = { .op = what >> 16 & 0x3fff, .type = what & SOFT_V256 ? IR_V256 : IR_V128, .aux = (uint16_t)what,
                         .imm = regs >> 16 };
    union val arg[3], r;

    (void)env, (void)unused;
    i.nargs = ir_ops[i.op].nargs;
    for (unsigned k = 0; k < 3; k++)
        memcpy(&arg[k], f->vec[regs >> (4 + 4 * k) & 15], sizeof arg[k]);
    vec_eval(&i, &r, &arg[0], &arg[1], &arg[2]);
    memcpy(f->vec[regs & 15], &r, sizeof r);
}

static uint8_t xtime(uint8_t a)
{
    return (uint8_t)(a << 1 ^ (a & 0x80 ? 0x1b : 0));
}

static uint8_t gmul(uint8_t a, uint8_t b)
{
    uint8_t r = 0;

    for (; b; b >>= 1, a = xtime(a))
        r ^= b & 1 ? a : 0;
    return r;
}

static uint8_t rotl8(uint8_t a, unsigned n)
{
    return (uint8_t)(a << n | a >> (8 - n));
}

/* The inverse in GF(2^8) is a^254. */
static uint8_t ginv(uint8_t a)
{
    uint8_t r = 1, p = a;

    for (unsigned e = 254; e; e >>= 1, p = gmul(p, p))
        r = e & 1 ? gmul(r, p) : r;
    return a ? r : 0;
}

static uint8_t sbox(uint8_t a)
{
    uint8_t b = ginv(a);

    return b ^ rotl8(b, 1) ^ rotl8(b, 2) ^ rotl8(b, 3) ^ rotl8(b, 4) ^ 0x63;
}

static uint8_t inv_sbox(uint8_t a)
{
    return ginv(rotl8(a, 1) ^ rotl8(a, 3) ^ rotl8(a, 6) ^ 0x05);
}

static void mix(uint8_t s[16], const uint8_t row[4])
{
    for (unsigned c = 0; c < 16; c += 4) {
        uint8_t in[4];

        memcpy(in, s + c, 4);
        for (unsigned r = 0; r < 4; r++) {
            s[c + r] = 0;
            for (unsigned k = 0; k < 4; k++)
                s[c + r] ^= gmul(in[k], row[(k - r) & 3]);
        }
    }
}

static const uint8_t mix_row[4] = { 2, 3, 1, 1 }, unmix_row[4] = { 14, 11, 13, 9 };

static void aes_round(void *d, const void *a, const void *key, int dir, const uint8_t *row)
{
    uint8_t s[16], t[16], k[16];

    memcpy(s, a, 16);
    memcpy(k, key, 16);
    for (unsigned c = 0; c < 4; c++)
        for (unsigned r = 0; r < 4; r++) {
            uint8_t v = s[((c + (dir > 0 ? r : 4 - r)) & 3) * 4 + r];

            t[c * 4 + r] = dir > 0 ? sbox(v) : inv_sbox(v);
        }
    if (row)
        mix(t, row);
    for (unsigned j = 0; j < 16; j++)
        t[j] ^= k[j];
    memcpy(d, t, 16);
}

void soft_aesenc(void *d, const void *a, const void *b, unsigned imm)
{
    (void)imm;
    aes_round(d, a, b, 1, mix_row);
}

void soft_aesenclast(void *d, const void *a, const void *b, unsigned imm)
{
    (void)imm;
    aes_round(d, a, b, 1, NULL);
}

void soft_aesdec(void *d, const void *a, const void *b, unsigned imm)
{
    (void)imm;
    aes_round(d, a, b, -1, unmix_row);
}

void soft_aesdeclast(void *d, const void *a, const void *b, unsigned imm)
{
    (void)imm;
    aes_round(d, a, b, -1, NULL);
}

void soft_aesimc(void *d, const void *a, unsigned imm)
{
    uint8_t s[16];

    (void)imm;
    memcpy(s, a, 16);
    mix(s, unmix_row);
    memcpy(d, s, 16);
}

void soft_vclmul(void *d, const void *a, const void *b, unsigned imm)
{
    uint64_t x = load_le64((const char *)a + (imm & 1) * 8), y = load_le64((const char *)b + (imm >> 4 & 1) * 8);
    uint64_t lo = soft_clmul(x, y), hi = soft_clmulh(x, y);

    store_le64(d, lo);
    store_le64((char *)d + 8, hi);
}

static uint64_t lane(const void *p, unsigned at, unsigned bytes)
{
    uint64_t v = 0;

    memcpy(&v, (const char *)p + at, bytes);
    return v;
}

static int64_t signed_lane(const void *p, unsigned at, unsigned bytes)
{
    return (int64_t)(lane(p, at, bytes) << (64 - 8 * bytes)) >> (64 - 8 * bytes);
}

void soft_vcmpgt(void *d, const void *a, const void *b, unsigned imm)
{
    unsigned bytes = (imm & 0xff) / 8;

    for (unsigned k = 0; k < imm >> 8; k += bytes)
        memset((char *)d + k, signed_lane(a, k, bytes) > signed_lane(b, k, bytes) ? 0xff : 0, bytes);
}

void soft_vcmpeq(void *d, const void *a, const void *b, unsigned imm)
{
    unsigned bytes = (imm & 0xff) / 8;

    for (unsigned k = 0; k < imm >> 8; k += bytes)
        memset((char *)d + k, lane(a, k, bytes) == lane(b, k, bytes) ? 0xff : 0, bytes);
}

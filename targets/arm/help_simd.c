/* targets/arm/help_simd.c - AdvSIMD integer operations on whole registers. Arm ARM (DDI 0487), C7. */
#include "targets/arm/help_simd.h"

#include <string.h>

#include "core/base/bits.h"
#include "targets/arm/help_fast.h"
#include "targets/arm/state.h"

union reg { uint8_t b[16]; uint16_t h[8]; uint32_t s[4]; uint64_t d[2]; };

struct shape { unsigned op, size, bits, lanes, count; bool q, scalar, upper; int index; };

static struct shape shape_of(uint32_t what)
{
    struct shape s = { .op = what & 255, .size = what >> 8 & 3, .q = what >> 10 & 1, .scalar = what & SIMD_SCALAR,
                       .upper = what & SIMD_UPPER, .index = (int)(what >> SIMD_INDEX_SHIFT & 255) - 1,
                       .count = what >> SIMD_COUNT_SHIFT };

    s.bits = 8u << s.size;
    s.lanes = s.scalar ? 1 : (s.q ? 16u : 8u) >> s.size;
    return s;
}

static union reg *reg(struct cpu_env *c, uint32_t regs, unsigned at)
{
    return (union reg *)arm_env(c)->v[regs >> 8 * at & 31];
}

static uint64_t get(const union reg *r, unsigned size, unsigned i)
{
    return size == 0 ? r->b[i] : size == 1 ? r->h[i] : size == 2 ? r->s[i] : r->d[i];
}

static void put(union reg *r, unsigned size, unsigned i, uint64_t v)
{
    if (size == 0)
        r->b[i] = (uint8_t)v;
    else if (size == 1)
        r->h[i] = (uint16_t)v;
    else if (size == 2)
        r->s[i] = (uint32_t)v;
    else
        r->d[i] = v;
}

static int64_t sget(const union reg *r, unsigned size, unsigned i) { return sext64(get(r, size, i), 8u << size); }

/* --- saturation --------------------------------------------------------------------------------------------------------- */

static void saturated(struct cpu_env *c) { arm_env(c)->fpsr |= 1u << 27; }

typedef __int128 wide;

static uint64_t sat_s(struct cpu_env *c, wide v, unsigned bits)
{
    wide max = ((wide)1 << (bits - 1)) - 1, min = -max - 1;

    if (v > max || v < min) {
        saturated(c);
        v = v > max ? max : min;
    }
    return (uint64_t)v;
}

static uint64_t sat_u(struct cpu_env *c, wide v, unsigned bits)
{
    wide max = ((wide)1 << bits) - 1;

    if (v > max || v < 0) {
        saturated(c);
        v = v > max ? max : 0;
    }
    return (uint64_t)v;
}

/* Shift left by a signed count, rounding right shifts if asked; exact in 128 bits where it matters. */
static wide shift_by(wide v, int by, bool round)
{
    if (by >= 0)
        return by > 63 ? (v ? (v < 0 ? -((wide)1 << 126) : (wide)1 << 126) : 0) : v << by;
    by = -by;
    if (by > 65)
        return round || v >= 0 ? 0 : -1;
    return round ? (v + ((wide)1 << (by - 1))) >> by : v >> by;
}

static uint64_t shift_lane(struct cpu_env *c, const struct shape *s, uint64_t n, uint64_t m, bool u, bool sat, bool round)
{
    wide v = u ? (wide)n : (wide)sext64(n, s->bits);
    int by = (int8_t)m;
    wide r;

    if (!sat && by >= (int)s->bits)
        return 0;
    r = shift_by(v, by, round);
    return !sat ? (uint64_t)r : u ? sat_u(c, r, s->bits) : sat_s(c, r, s->bits);
}

static uint64_t poly_mul(uint64_t a, uint64_t b)
{
    uint64_t r = 0;

    for (unsigned i = 0; i < 8; i++)
        if (b >> i & 1)
            r ^= a << i;
    return r;
}

static wide doubling(struct cpu_env *c, int64_t a, int64_t b, unsigned bits, bool round)
{
    wide p = (wide)a * b * 2;

    if (round)
        p += (wide)1 << (bits - 1);
    return (wide)sext64(sat_s(c, p >> bits, bits), bits);
}

/* --- three registers ---------------------------------------------------------------------------------------------------- */

static uint64_t same_lane(struct cpu_env *c, const struct shape *s, uint64_t d, uint64_t n, uint64_t m)
{
    unsigned op = s->op & 31, bits = s->bits;
    bool u = s->op & 32;
    int64_t sn = sext64(n, bits), sm = sext64(m, bits);
    uint64_t ones = ~UINT64_C(0);

    switch (op) {
    case 0x00: return u ? (uint64_t)(((wide)n + m) >> 1) : (uint64_t)(((wide)sn + sm) >> 1);
    case 0x01: return u ? sat_u(c, (wide)n + m, bits) : sat_s(c, (wide)sn + sm, bits);
    case 0x02: return u ? (uint64_t)(((wide)n + m + 1) >> 1) : (uint64_t)(((wide)sn + sm + 1) >> 1);
    case 0x04: return u ? (uint64_t)(((wide)n - m) >> 1) : (uint64_t)(((wide)sn - sm) >> 1);
    case 0x05: return u ? sat_u(c, (wide)n - m, bits) : sat_s(c, (wide)sn - sm, bits);
    case 0x06: return (u ? n > m : sn > sm) ? ones : 0;
    case 0x07: return (u ? n >= m : sn >= sm) ? ones : 0;
    case 0x08: return shift_lane(c, s, n, m, u, false, false);
    case 0x09: return shift_lane(c, s, n, m, u, true, false);
    case 0x0a: return shift_lane(c, s, n, m, u, false, true);
    case 0x0b: return shift_lane(c, s, n, m, u, true, true);
    case 0x0c: return u ? MAX(n, m) : (uint64_t)MAX(sn, sm);
    case 0x0d: return u ? MIN(n, m) : (uint64_t)MIN(sn, sm);
    case 0x0e: return u ? (n > m ? n - m : m - n) : (uint64_t)(sn > sm ? sn - sm : sm - sn);
    case 0x0f: return d + (u ? (n > m ? n - m : m - n) : (uint64_t)(sn > sm ? sn - sm : sm - sn));
    case 0x10: return u ? n - m : n + m;
    case 0x11: return (u ? n == m : (n & m) != 0) ? ones : 0;
    case 0x12: return u ? d - n * m : d + n * m;
    case 0x13: return u ? poly_mul(n, m) : n * m;
    case 0x16: return (uint64_t)doubling(c, sn, sm, bits, u);
    default: return 0;
    }
}

/* Pairs of neighbours of the two sources, taken one after the other. */
static uint64_t pair_lane(const struct shape *s, uint64_t a, uint64_t b)
{
    bool u = s->op & 32;
    int64_t sa = sext64(a, s->bits), sb = sext64(b, s->bits);

    switch (s->op & 31) {
    case 0x14: return u ? MAX(a, b) : (uint64_t)MAX(sa, sb);
    case 0x15: return u ? MIN(a, b) : (uint64_t)MIN(sa, sb);
    default: return a + b;
    }
}

static bool is_pairwise(unsigned op) { return (op & 31) == 0x14 || (op & 31) == 0x15 || (op & 31) == 0x17; }

/* SQRDMLAH (op 0x40) and SQRDMLSH (0x41). */
static uint64_t rdm_lane(struct cpu_env *c, const struct shape *s, uint64_t d, uint64_t n, uint64_t m)
{
    wide p = (wide)sext64(n, s->bits) * sext64(m, s->bits) * 2, acc = (wide)sext64(d, s->bits) << s->bits;

    acc = s->op & 1 ? acc - p : acc + p;
    return sat_s(c, (acc + ((wide)1 << (s->bits - 1))) >> s->bits, s->bits);
}

/* SDOT and UDOT (0x42, 0x43), USDOT (0x44), SUDOT (0x45): four bytes of each word. */
static uint32_t dot_lane(const struct shape *s, uint32_t d, uint32_t n, uint32_t m)
{
    for (unsigned i = 0; i < 32; i += 8) {
        int a = s->op == 0x43 || s->op == 0x44 ? (int)(n >> i & 255) : (int8_t)(n >> i);
        int b = s->op == 0x43 || s->op == 0x45 ? (int)(m >> i & 255) : (int8_t)(m >> i);

        d += (uint32_t)(a * b);
    }
    return d;
}

void arm_help_simd_same(struct cpu_env *c, uint32_t what, uint32_t regs)
{
    struct shape s = shape_of(what);
    const union reg n = *reg(c, regs, 1), m = *reg(c, regs, 2), d = *reg(c, regs, 0);
    union reg r = { .d = { 0, 0 } };

    for (unsigned i = 0; i < s.lanes; i++) {
        uint64_t mi = get(&m, s.size, s.index < 0 ? i : (unsigned)s.index), v;

        if (is_pairwise(s.op)) {
            const union reg *from = i < s.lanes / 2 ? &n : &m;
            unsigned k = 2 * (i % (s.lanes / 2));

            v = pair_lane(&s, get(from, s.size, k), get(from, s.size, k + 1));
        } else if (s.op >= 0x42) {
            v = dot_lane(&s, d.s[i], n.s[i], (uint32_t)mi);
        } else if (s.op >= 0x40) {
            v = rdm_lane(c, &s, get(&d, s.size, i), get(&n, s.size, i), mi);
        } else {
            v = same_lane(c, &s, get(&d, s.size, i), get(&n, s.size, i), mi);
        }
        put(&r, s.size, i, v);
    }
    *reg(c, regs, 0) = r;
}

/* --- two registers -------------------------------------------------------------------------------------------------------- */

static void reverse(union reg *r, const union reg *n, const struct shape *s, unsigned group_bytes)
{
    unsigned per = group_bytes >> s->size;

    for (unsigned i = 0; i < s->lanes; i++)
        put(r, s->size, i, get(n, s->size, i / per * per + per - 1 - i % per));
}

static uint64_t misc_lane(struct cpu_env *c, const struct shape *s, uint64_t d, uint64_t n)
{
    bool u = s->op & 32;
    unsigned bits = s->bits;
    int64_t sn = sext64(n, bits);
    uint64_t ones = ~UINT64_C(0), sign = (uint64_t)(sn >> 63);

    switch (s->op & 31) {
    case 0x03:                                 /* SUQADD: d signed + n unsigned; USQADD the other way round */
        return u ? sat_u(c, (wide)d + sn, bits) : sat_s(c, (wide)sext64(d, bits) + n, bits);
    case 0x04:
        n = u ? n : (n ^ sign) & mask64(bits);
        n = n ? (uint64_t)__builtin_clzll(n) - (64 - bits) : bits;
        return u ? n : n - 1;
    case 0x05:
        if (!u)
            return (uint64_t)__builtin_popcountll(n);
        if (s->size == 0)
            return ~n;
        return 0;
    case 0x07: return u ? sat_s(c, -(wide)sn, bits) : sat_s(c, sn < 0 ? -(wide)sn : sn, bits);
    case 0x08: return (u ? sn >= 0 : sn > 0) ? ones : 0;
    case 0x09: return (u ? sn <= 0 : sn == 0) ? ones : 0;
    case 0x0a: return sn < 0 ? ones : 0;
    case 0x0b: return u || sn < 0 ? (uint64_t)-sn : n;
    default: return 0;
    }
}

static void pairwise_long(union reg *r, const union reg *n, const union reg *d, const struct shape *s)
{
    bool u = s->op & 32, add = (s->op & 31) == 6;

    for (unsigned i = 0; i < s->lanes / 2; i++) {
        uint64_t a = u ? get(n, s->size, 2 * i) : (uint64_t)sget(n, s->size, 2 * i);
        uint64_t b = u ? get(n, s->size, 2 * i + 1) : (uint64_t)sget(n, s->size, 2 * i + 1);

        put(r, s->size + 1, i, a + b + (add ? get(d, s->size + 1, i) : 0));
    }
}

static uint64_t narrow_lane(struct cpu_env *c, const struct shape *s, wide v, bool from_unsigned)
{
    bool u = s->op & 32;

    if ((s->op & 31) == 0x12)
        return u ? sat_u(c, v, s->bits) : (uint64_t)v;     /* SQXTUN, XTN */
    return u ? sat_u(c, from_unsigned ? v : v, s->bits) : sat_s(c, v, s->bits);
}

static void narrow(struct cpu_env *c, union reg *r, const union reg *n, const union reg *d, const struct shape *s)
{
    unsigned lanes = s->scalar ? 1 : 8u >> s->size, at = s->upper ? lanes : 0;

    if (s->upper)
        r->d[0] = d->d[0];
    for (unsigned i = 0; i < lanes; i++) {
        bool unsigned_source = (s->op & 31) == 0x14 && s->op & 32;
        wide v = unsigned_source ? (wide)get(n, s->size + 1, i) : (wide)sget(n, s->size + 1, i);

        put(r, s->size, at + i, narrow_lane(c, s, v, unsigned_source));
    }
}

void arm_help_simd_misc(struct cpu_env *c, uint32_t what, uint32_t regs)
{
    struct shape s = shape_of(what);
    const union reg n = *reg(c, regs, 1), d = *reg(c, regs, 0);
    union reg r = { .d = { 0, 0 } };

    if (s.op == 0x33 && simd_fast_shift_long(reg(c, regs, 0), &n, s.size, true, s.upper, s.bits))
        return;
    switch (s.op) {
    case 0x00: reverse(&r, &n, &s, 8); break;
    case 0x01: reverse(&r, &n, &s, 2); break;
    case 0x20: reverse(&r, &n, &s, 4); break;
    case 0x02: case 0x22: case 0x06: case 0x26: pairwise_long(&r, &n, &d, &s); break;
    case 0x12: case 0x32: case 0x14: case 0x34: narrow(c, &r, &n, &d, &s); break;
    case 0x33:                                 /* SHLL: widen and shift by the lane's width */
        for (unsigned i = 0; i < 8u >> s.size; i++)
            put(&r, s.size + 1, i, get(&n, s.size, i + (s.upper ? 8u >> s.size : 0)) << s.bits);
        break;
    case 0x60:                                 /* RBIT: bits within each byte */
        for (unsigned i = 0; i < s.lanes; i++)
            r.b[i] = (uint8_t)((n.b[i] * UINT64_C(0x0202020202) & UINT64_C(0x010884422010)) % 1023);
        break;
    default:
        for (unsigned i = 0; i < s.lanes; i++)
            put(&r, s.size, i, misc_lane(c, &s, get(&d, s.size, i), get(&n, s.size, i)));
        break;
    }
    *reg(c, regs, 0) = r;
}

/* --- widening and narrowing with three registers ---------------------------------------------------------------------------- */

static wide widened(const union reg *r, unsigned size, unsigned i, bool u)
{
    return u ? (wide)get(r, size, i) : (wide)sget(r, size, i);
}

static uint64_t diff_lane(struct cpu_env *c, const struct shape *s, uint64_t acc, wide n, wide m)
{
    unsigned wide_bits = 2 * s->bits;
    wide p;

    switch (s->op & 15) {
    case 0x0: case 0x1: return (uint64_t)(n + m);
    case 0x2: case 0x3: return (uint64_t)(n - m);
    case 0x5: return acc + (uint64_t)(n > m ? n - m : m - n);
    case 0x7: return (uint64_t)(n > m ? n - m : m - n);
    case 0x8: return acc + (uint64_t)(n * m);
    case 0xa: return acc - (uint64_t)(n * m);
    case 0xc: return (uint64_t)(n * m);
    case 0xd: return sat_s(c, n * m * 2, wide_bits);
    case 0x9: case 0xb:
        p = (wide)sext64(sat_s(c, n * m * 2, wide_bits), wide_bits);
        return sat_s(c, (wide)sext64(acc, wide_bits) + ((s->op & 15) == 9 ? p : -p), wide_bits);
    default: return poly_mul((uint64_t)n, (uint64_t)m);
    }
}

static void high_narrow(union reg *r, const union reg *n, const union reg *m, const union reg *d, const struct shape *s)
{
    bool sub = (s->op & 15) == 6, round = s->op & 32;
    unsigned lanes = 8u >> s->size, at = s->upper ? lanes : 0;

    if (s->upper)
        r->d[0] = d->d[0];
    for (unsigned i = 0; i < lanes; i++) {
        uint64_t a = get(n, s->size + 1, i), b = get(m, s->size + 1, i), v = sub ? a - b : a + b;

        if (round)
            v += UINT64_C(1) << (s->bits - 1);
        put(r, s->size, at + i, v >> s->bits);
    }
}

static void poly64(union reg *r, uint64_t a, uint64_t b)
{
    for (unsigned i = 0; i < 64; i++)
        if (b >> i & 1) {
            r->d[0] ^= a << i;
            r->d[1] ^= i ? a >> (64 - i) : 0;
        }
}

void arm_help_simd_diff(struct cpu_env *c, uint32_t what, uint32_t regs)
{
    struct shape s = shape_of(what);
    const union reg n = *reg(c, regs, 1), m = *reg(c, regs, 2), d = *reg(c, regs, 0);
    union reg r = { .d = { 0, 0 } };
    bool u = s.op & 32 || (s.op & 15) == 14, wide_n = (s.op & 15) == 1 || (s.op & 15) == 3;
    unsigned lanes = s.scalar ? 1 : 8u >> s.size, at = s.upper ? lanes : 0;

    if (!s.scalar && s.index < 0 && simd_fast_diff(reg(c, regs, 0), &n, &m, s.op, s.size, s.upper))
        return;
    if ((s.op & 15) == 4 || (s.op & 15) == 6) {
        high_narrow(&r, &n, &m, &d, &s);
    } else if ((s.op & 15) == 14 && s.size == 3) {
        poly64(&r, n.d[s.upper], m.d[s.upper]);
    } else {
        for (unsigned i = 0; i < lanes; i++) {
            wide a = wide_n ? widened(&n, s.size + 1, i, u) : widened(&n, s.size, at + i, u);
            wide b = widened(&m, s.size, s.index < 0 ? at + i : (unsigned)s.index, u);

            put(&r, s.size + 1, i, diff_lane(c, &s, get(&d, s.size + 1, i), a, b));
        }
    }
    *reg(c, regs, 0) = r;
}

/* --- across lanes ---------------------------------------------------------------------------------------------------------- */

void arm_help_simd_across(struct cpu_env *c, uint32_t what, uint32_t regs)
{
    struct shape s = shape_of(what);
    const union reg n = *reg(c, regs, 1);
    union reg r = { .d = { 0, 0 } };
    bool u = s.op & 32;
    wide v = widened(&n, s.size, 0, u);

    for (unsigned i = 1; i < s.lanes; i++) {
        wide x = widened(&n, s.size, i, u);

        switch (s.op & 31) {
        case 0x0a: v = MAX(v, x); break;
        case 0x1a: v = MIN(v, x); break;
        default: v += x; break;
        }
    }
    put(&r, (s.op & 31) == 3 ? s.size + 1 : s.size, 0, (uint64_t)v);
    *reg(c, regs, 0) = r;
}

/* --- shifts by an immediate --------------------------------------------------------------------------------------------------- */

static uint64_t right(const struct shape *s, uint64_t n, bool u, bool round)
{
    wide v = u ? (wide)n : (wide)sext64(n, s->bits);

    return (uint64_t)shift_by(v, -(int)s->count, round);
}

static uint64_t shift_imm_lane(struct cpu_env *c, const struct shape *s, uint64_t d, uint64_t n)
{
    bool u = s->op & 32;
    uint64_t keep;

    switch (s->op & 31) {
    case 0x00: return right(s, n, u, false);
    case 0x02: return d + right(s, n, u, false);
    case 0x04: return right(s, n, u, true);
    case 0x06: return d + right(s, n, u, true);
    case 0x08:                                 /* SRI keeps the upper bits of the target */
        keep = s->count == s->bits ? ~UINT64_C(0) : ~(mask64(s->bits) >> s->count);
        return (d & keep) | (s->count == s->bits ? 0 : n >> s->count & ~keep);
    case 0x0a: return u ? (d & mask64(s->count)) | n << s->count : n << s->count;
    case 0x0c: return sat_u(c, (wide)sext64(n, s->bits) << s->count, s->bits);
    case 0x0e: return u ? sat_u(c, (wide)n << s->count, s->bits) : sat_s(c, (wide)sext64(n, s->bits) << s->count, s->bits);
    default: return 0;
    }
}

/* Narrowing right shifts: U and the low bits of the opcode say what saturates. */
static void shift_narrow(struct cpu_env *c, union reg *r, const union reg *n, const union reg *d, const struct shape *s)
{
    unsigned lanes = s->scalar ? 1 : 8u >> s->size, at = s->upper ? lanes : 0, op = s->op & 31;
    bool u = s->op & 32, round = op & 1, saturate = op >= 0x12 || u;

    if (s->upper)
        r->d[0] = d->d[0];
    for (unsigned i = 0; i < lanes; i++) {
        bool from_unsigned = u && op >= 0x12;
        wide v = shift_by(widened(n, s->size + 1, i, from_unsigned), -(int)s->count, round);

        put(r, s->size, at + i, !saturate ? (uint64_t)v : u ? sat_u(c, v, s->bits) : sat_s(c, v, s->bits));
    }
}

void arm_help_simd_shift(struct cpu_env *c, uint32_t what, uint32_t regs)
{
    struct shape s = shape_of(what);
    const union reg n = *reg(c, regs, 1), d = *reg(c, regs, 0);
    union reg r = { .d = { 0, 0 } };
    unsigned op = s.op & 31;

    if (op == 0x14 && simd_fast_shift_long(reg(c, regs, 0), &n, s.size, s.op & 32, s.upper, s.count))
        return;
    if (op >= 0x10 && op <= 0x13) {
        shift_narrow(c, &r, &n, &d, &s);
    } else if (op == 0x14) {
        for (unsigned i = 0; i < 8u >> s.size; i++)
            put(&r, s.size + 1, i, (uint64_t)widened(&n, s.size, i + (s.upper ? 8u >> s.size : 0), s.op & 32) << s.count);
    } else {
        for (unsigned i = 0; i < s.lanes; i++)
            put(&r, s.size, i, shift_imm_lane(c, &s, get(&d, s.size, i), get(&n, s.size, i)));
    }
    *reg(c, regs, 0) = r;
}

/* --- permutations -------------------------------------------------------------------------------------------------------------- */

static void table_lookup(struct cpu_env *c, union reg *r, const union reg *index, const struct shape *s, uint32_t regs)
{
    unsigned bytes = 16 * (s->count + 1), first = regs >> 8 & 31;

    for (unsigned i = 0; i < s->lanes; i++) {
        unsigned at = index->b[i];

        if (at < bytes)
            r->b[i] = arm_env(c)->v[(first + at / 16) & 31][at % 16];
        else if (s->op == SIMD_TBL)
            r->b[i] = 0;
    }
}

void arm_help_simd_perm(struct cpu_env *c, uint32_t what, uint32_t regs)
{
    struct shape s = shape_of(what);
    const union reg n = *reg(c, regs, 1), m = *reg(c, regs, 2);
    union reg r = { .d = { 0, 0 } };
    unsigned half = s.lanes / 2, part = s.op >> 2 & 1;

    if (simd_fast_perm(reg(c, regs, 0), &n, &m, s.op, s.size, s.q))
        return;
    if (s.op == SIMD_TBX)
        memcpy(&r, reg(c, regs, 0), s.q ? 16 : 8);
    for (unsigned i = 0; i < s.lanes; i++) {
        uint64_t v;

        switch (s.op) {
        case SIMD_UZP1: case SIMD_UZP2:
            v = get(i < half ? &n : &m, s.size, 2 * (i % half) + part);
            break;
        case SIMD_TRN1: case SIMD_TRN2:
            v = get(i & 1 ? &m : &n, s.size, (i & ~1u) + part);
            break;
        case SIMD_ZIP1: case SIMD_ZIP2:
            v = get(i & 1 ? &m : &n, s.size, part * half + i / 2);
            break;
        case SIMD_EXT:
            v = i + s.count < s.lanes ? n.b[i + s.count] : m.b[i + s.count - s.lanes];
            break;
        default:
            table_lookup(c, &r, &m, &s, regs);
            *reg(c, regs, 0) = r;
            return;
        }
        put(&r, s.size, i, v);
    }
    *reg(c, regs, 0) = r;
}

/* tcg/ir/eval.c - what the integer operations compute: constant folding and the interpreter share it. */
#include "tcg/ir/internal.h"

static int64_t sx(enum ir_type t, uint64_t v) { return t == IR_I32 ? (int32_t)v : (int64_t)v; }
static uint64_t zx(enum ir_type t, uint64_t v) { return t == IR_I32 ? (uint32_t)v : v; }

bool ir_eval_cond(enum ir_cond c, enum ir_type t, uint64_t a, uint64_t b)
{
    int64_t sa = sx(t, a), sb = sx(t, b);

    a = zx(t, a), b = zx(t, b);
    switch (c) {
    case IR_EQ: return a == b;
    case IR_NE: return a != b;
    case IR_LT: return sa < sb;
    case IR_GE: return sa >= sb;
    case IR_LE: return sa <= sb;
    case IR_GT: return sa > sb;
    case IR_LTU: return a < b;
    case IR_GEU: return a >= b;
    case IR_LEU: return a <= b;
    case IR_GTU: return a > b;
    case IR_TSTZ: return (a & b) == 0;
    case IR_TSTNZ: return (a & b) != 0;
    default: return false;
    }
}

static uint64_t mul_high(enum ir_op op, enum ir_type t, uint64_t a, uint64_t b)
{
    __int128 x = op == IR_OP_mulhu ? (__int128)zx(t, a) : sx(t, a);
    __int128 y = op == IR_OP_mulhs ? sx(t, b) : (__int128)zx(t, b);

    return (uint64_t)((unsigned __int128)(x * y) >> ir_width(t));
}

static uint64_t divide(enum ir_op op, enum ir_type t, uint64_t a, uint64_t b)
{
    int64_t sa = sx(t, a), sb = sx(t, b);

    a = zx(t, a), b = zx(t, b);
    switch (op) {
    case IR_OP_divu: return a / b;
    case IR_OP_remu: return a % b;
    case IR_OP_divs: return (uint64_t)(sa / sb);
    default: return (uint64_t)(sa % sb);
    }
}

/* What the translator excludes may still be met while folding code that never runs. */
static bool may_divide(enum ir_op op, enum ir_type t, uint64_t a, uint64_t b)
{
    if (!zx(t, b))
        return false;
    return op == IR_OP_divu || op == IR_OP_remu || sx(t, b) != -1 || sx(t, a) != (t == IR_I32 ? INT32_MIN : INT64_MIN);
}

static uint64_t shift(enum ir_op op, enum ir_type t, uint64_t a, uint64_t b)
{
    unsigned w = ir_width(t), n = b & (w - 1);
    uint64_t z = zx(t, a);

    switch (op) {
    case IR_OP_shl: return z << n;
    case IR_OP_shr: return z >> n;
    case IR_OP_sar: return (uint64_t)(sx(t, a) >> n);
    case IR_OP_rotl: return n ? z << n | z >> (w - n) : z;
    default: return n ? z >> n | z << (w - n) : z;
    }
}

static uint64_t bits(enum ir_op op, enum ir_type t, uint64_t a)
{
    uint64_t r = 0;

    a = zx(t, a);
    switch (op) {
    case IR_OP_clz: return a ? (unsigned)__builtin_clzll(a) - (64 - ir_width(t)) : ir_width(t);
    case IR_OP_ctz: return a ? (unsigned)__builtin_ctzll(a) : ir_width(t);
    case IR_OP_popcnt: return (unsigned)__builtin_popcountll(a);
    case IR_OP_bswap: return t == IR_I32 ? __builtin_bswap32((uint32_t)a) : __builtin_bswap64(a);
    default:                                   /* brev8 */
        r = (a & 0x5555555555555555) << 1 | (a >> 1 & 0x5555555555555555);
        r = (r & 0x3333333333333333) << 2 | (r >> 2 & 0x3333333333333333);
        return (r & 0x0f0f0f0f0f0f0f0f) << 4 | (r >> 4 & 0x0f0f0f0f0f0f0f0f);
    }
}

static uint64_t field_mask(unsigned len) { return len >= 64 ? ~0ull : (1ull << len) - 1; }

static uint64_t field(enum ir_op op, enum ir_type t, unsigned aux, uint64_t a, uint64_t b)
{
    unsigned pos = aux & 0xff, len = aux >> 8, w = ir_width(t);
    uint64_t m = field_mask(len);

    switch (op) {
    case IR_OP_extract: return zx(t, a) >> pos & m;
    case IR_OP_sextract: return (uint64_t)((int64_t)(zx(t, a) >> pos << (64 - len)) >> (64 - len));
    case IR_OP_deposit: return (a & ~(m << pos)) | (b & m) << pos;
    default: return aux ? zx(t, b) >> aux | a << (w - aux) : b;       /* extr2 */
    }
}

static uint64_t carryless(enum ir_op op, uint64_t a, uint64_t b)
{
    uint64_t lo = 0, hi = 0;

    for (unsigned i = 0; i < 64; i++)
        if (b >> i & 1) {
            lo ^= a << i;
            hi ^= i ? a >> (64 - i) : 0;
        }
    return op == IR_OP_clmul ? lo : hi;
}

static uint64_t crc(uint32_t poly, unsigned bytes, uint64_t acc, uint64_t data)
{
    uint32_t c = (uint32_t)acc;

    for (unsigned i = 0; i < bytes; i++) {
        c ^= data >> (8 * i) & 0xff;
        for (unsigned k = 0; k < 8; k++)
            c = c >> 1 ^ (c & 1 ? poly : 0);
    }
    return c;
}

static bool eval(enum ir_op op, enum ir_type t, enum ir_type at, unsigned aux, const uint64_t arg[4], uint64_t *out)
{
    uint64_t a = arg[0], b = arg[1];

    switch (op) {
    case IR_OP_mov: case IR_OP_fbits: case IR_OP_bitsf: case IR_OP_trunc: *out = a; return true;
    case IR_OP_add: *out = a + b; return true;
    case IR_OP_sub: *out = a - b; return true;
    case IR_OP_mul: *out = a * b; return true;
    case IR_OP_mulhu: case IR_OP_mulhs: case IR_OP_mulhsu: *out = mul_high(op, t, a, b); return true;
    case IR_OP_divu: case IR_OP_divs: case IR_OP_remu: case IR_OP_rems:
        if (!may_divide(op, t, a, b))
            return false;
        *out = divide(op, t, a, b);
        return true;
    case IR_OP_and: *out = a & b; return true;
    case IR_OP_or: *out = a | b; return true;
    case IR_OP_xor: *out = a ^ b; return true;
    case IR_OP_andn: *out = a & ~b; return true;
    case IR_OP_not: *out = ~a; return true;
    case IR_OP_neg: *out = -a; return true;
    case IR_OP_shl: case IR_OP_shr: case IR_OP_sar: case IR_OP_rotl: case IR_OP_rotr:
        *out = shift(op, t, a, b);
        return true;
    case IR_OP_clz: case IR_OP_ctz: case IR_OP_popcnt: case IR_OP_bswap: case IR_OP_brev8:
        *out = bits(op, t, a);
        return true;
    case IR_OP_extract: case IR_OP_sextract: case IR_OP_deposit: case IR_OP_extr2:
        *out = field(op, t, aux, a, b);
        return true;
    case IR_OP_smin: *out = sx(t, a) < sx(t, b) ? a : b; return true;
    case IR_OP_smax: *out = sx(t, a) > sx(t, b) ? a : b; return true;
    case IR_OP_umin: *out = zx(t, a) < zx(t, b) ? a : b; return true;
    case IR_OP_umax: *out = zx(t, a) > zx(t, b) ? a : b; return true;
    case IR_OP_clmul: case IR_OP_clmulh: *out = carryless(op, a, b); return true;
    case IR_OP_crc32: *out = crc(0xedb88320, aux, a, b); return true;
    case IR_OP_crc32c: *out = crc(0x82f63b78, aux, a, b); return true;
    case IR_OP_sext: *out = (uint64_t)(int32_t)a; return true;
    case IR_OP_zext: *out = (uint32_t)a; return true;
    case IR_OP_setcc: *out = ir_eval_cond(aux, at, a, b); return true;
    case IR_OP_select: *out = ir_eval_cond(aux, at, a, b) ? arg[2] : arg[3]; return true;
    case IR_OP_fneg: *out = a ^ (t == IR_F32 ? 1ull << 31 : 1ull << 63); return true;
    case IR_OP_fabs: *out = a & (t == IR_F32 ? 0x7fffffff : INT64_MAX); return true;
    case IR_OP_fcopysign:
        *out = t == IR_F32 ? (a & 0x7fffffff) | (b & 0x80000000) : (a & INT64_MAX) | (b & 1ull << 63);
        return true;
    case IR_OP_fbox: *out = a | 0xffffffff00000000; return true;
    case IR_OP_funbox: *out = a >> 32 == 0xffffffff ? (uint32_t)a : 0x7fc00000; return true;
    default: return false;
    }
}

bool ir_eval(enum ir_op op, enum ir_type type, enum ir_type atype, unsigned aux, const uint64_t arg[4], uint64_t *out)
{
    if (!eval(op, type, atype, aux, arg, out))
        return false;
    if (type == IR_I32 || type == IR_F32)
        *out = (uint32_t)*out;
    return true;
}

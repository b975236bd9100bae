/* tcg/host/portable/fp.c - scalar floating point as the IR defines it, on the host's own arithmetic.
 *
 * The rounding mode and the sticky flags are those of the host thread (MXCSR where there is one), so that helpers which
 * run on it see the same. What a NaN becomes is decided here by the rule in aux; the arithmetic below never sees one. */
#include <math.h>
#include <string.h>

#include "tcg/host/portable/portable.h"

enum { X_INVALID = 1, X_INEXACT = 32, X_ZEROS = 64 };          /* bits of MXCSR */
enum { RC_SHIFT = 13, RC_MASK = 3 << RC_SHIFT, X_FLAGS = 0x3f };
enum { RC_NEAREST, RC_DOWN, RC_UP, RC_ZERO };

#ifdef __x86_64__
#include <immintrin.h>

static uint32_t mode_get(void) { return _mm_getcsr(); }
static void mode_set(uint32_t m) { _mm_setcsr(m); }
#else
#include <fenv.h>

static const int host_flag[6] = { FE_INVALID, 0, FE_DIVBYZERO, FE_OVERFLOW, FE_UNDERFLOW, FE_INEXACT };
static const int host_round[4] = { FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO };

static uint32_t mode_get(void)
{
    uint32_t m = 0x1f80;
    int flags = fetestexcept(FE_ALL_EXCEPT), round = fegetround();

    for (unsigned k = 0; k < 6; k++)
        m |= (flags & host_flag[k]) ? 1u << k : 0;
    for (unsigned k = 0; k < 4; k++)
        m |= round == host_round[k] ? k << RC_SHIFT : 0;
    return m;
}

static void mode_set(uint32_t m)
{
    int flags = 0;

    for (unsigned k = 0; k < 6; k++)
        flags |= m >> k & 1 ? host_flag[k] : 0;
    feclearexcept(FE_ALL_EXCEPT);
    feraiseexcept(flags);
    fesetround(host_round[(m & RC_MASK) >> RC_SHIFT]);
}
#endif

uint32_t fp_enter(uint32_t mxcsr)
{
    uint32_t host = mode_get();

    mode_set(mxcsr);
    return host;
}

uint32_t fp_leave(uint32_t host)
{
    uint32_t guest = mode_get();

    mode_set(host);
    return guest;
}

static void raise(uint32_t flags) { mode_set(mode_get() | flags); }

/* --- formats ------------------------------------------------------------------------------------------------------- */

static float f32(uint64_t v) { float f; uint32_t w = (uint32_t)v; memcpy(&f, &w, 4); return f; }
static double f64(uint64_t v) { double f; memcpy(&f, &v, 8); return f; }
static uint64_t b32(float f) { uint32_t w; memcpy(&w, &f, 4); return w; }
static uint64_t b64(double f) { uint64_t w; memcpy(&w, &f, 8); return w; }

static bool single(enum ir_type t) { return t == IR_F32; }
static uint64_t quiet_bit(enum ir_type t) { return single(t) ? 1u << 22 : 1ull << 51; }
static uint64_t sign_bit(enum ir_type t) { return single(t) ? 1u << 31 : 1ull << 63; }
static uint64_t infinity(enum ir_type t) { return single(t) ? 0x7f800000 : 0x7ff0000000000000; }
static bool nan_in(enum ir_type t, uint64_t v) { return (v & ~sign_bit(t)) > infinity(t); }
static bool snan_in(enum ir_type t, uint64_t v) { return nan_in(t, v) && !(v & quiet_bit(t)); }
static bool inf_in(enum ir_type t, uint64_t v) { return (v & ~sign_bit(t)) == infinity(t); }
static bool zero_in(enum ir_type t, uint64_t v) { return !(v & ~sign_bit(t)); }

static uint64_t default_nan(enum ir_type t, unsigned aux)
{
    return infinity(t) | quiet_bit(t) | ((aux & IR_FP_NAN) == IR_FP_NAN_HOST ? sign_bit(t) : 0);
}

/* The NaN that an operation on n operands of which one is a NaN makes. Operands in order of preference. */
static uint64_t nan_of(enum ir_type t, unsigned aux, const uint64_t *v, unsigned n)
{
    uint64_t pick = 0;

    for (unsigned k = n; k-- > 0;) {
        if (snan_in(t, v[k]))
            raise(X_INVALID);
        if (nan_in(t, v[k]))
            pick = v[k];
    }
    if ((aux & IR_FP_NAN) == IR_FP_NAN_CANON)
        return default_nan(t, aux);
    if ((aux & IR_FP_NAN) == IR_FP_NAN_ARM)
        for (unsigned k = n; k-- > 0;)
            if (snan_in(t, v[k]))
                pick = v[k];
    return pick | quiet_bit(t);
}

/* a NaN that arithmetic on numbers made (inf - inf, 0 / 0, ...) */
static uint64_t finish(enum ir_type t, unsigned aux, uint64_t r) { return nan_in(t, r) ? default_nan(t, aux) : r; }

/* --- arithmetic ------------------------------------------------------------------------------------------------------ */

/* volatile: the operation happens here, in this rounding mode */
static float arith32(enum ir_op op, volatile float a, volatile float b)
{
    volatile float r;

    switch (op) {
    case IR_OP_fadd: r = a + b; break;
    case IR_OP_fsub: r = a - b; break;
    case IR_OP_fmul: r = a * b; break;
    case IR_OP_fdiv: r = a / b; break;
    default: r = sqrtf(a); break;
    }
    return r;
}

static double arith64(enum ir_op op, volatile double a, volatile double b)
{
    volatile double r;

    switch (op) {
    case IR_OP_fadd: r = a + b; break;
    case IR_OP_fsub: r = a - b; break;
    case IR_OP_fmul: r = a * b; break;
    case IR_OP_fdiv: r = a / b; break;
    default: r = sqrt(a); break;
    }
    return r;
}

static uint64_t arith(enum ir_op op, enum ir_type t, unsigned aux, uint64_t a, uint64_t b)
{
    uint64_t v[2] = { a, b };
    unsigned n = op == IR_OP_fsqrt ? 1 : 2;

    if (nan_in(t, a) || (n == 2 && nan_in(t, b)))
        return nan_of(t, aux, v, n);
    return finish(t, aux, single(t) ? b32(arith32(op, f32(a), f32(b))) : b64(arith64(op, f64(a), f64(b))));
}

static uint64_t fused(enum ir_type t, unsigned aux, uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t x = a ^ (aux & IR_FP_NEG_PROD ? sign_bit(t) : 0), z = c ^ (aux & IR_FP_NEG_ADD ? sign_bit(t) : 0);
    bool arm = (aux & IR_FP_NAN) == IR_FP_NAN_ARM, host = (aux & IR_FP_NAN) == IR_FP_NAN_HOST;
    bool no_product = (inf_in(t, a) && zero_in(t, b)) || (zero_in(t, a) && inf_in(t, b));

    if (no_product && nan_in(t, c) && !host) {
        raise(X_INVALID);
        return arm && snan_in(t, c) ? z | quiet_bit(t) : default_nan(t, aux);
    }
    if (nan_in(t, a) || nan_in(t, b) || nan_in(t, c)) {
        uint64_t of_host[3] = { a, b, c }, of_arm[3] = { z, x, b };
        return nan_of(t, aux, arm ? of_arm : of_host, 3);
    }
    if (single(t)) {
        volatile float p = f32(x), q = f32(b), s = f32(z), r = fmaf(p, q, s);
        return finish(t, aux, b32(r));
    } else {
        volatile double p = f64(x), q = f64(b), s = f64(z), r = fma(p, q, s);
        return finish(t, aux, b64(r));
    }
}

static bool less(enum ir_type t, uint64_t a, uint64_t b)
{
    return single(t) ? f32(a) < f32(b) : f64(a) < f64(b);
}

/* Subnormal operands are zeros if MXCSR says so, also where one of them is the result. */
static uint64_t flushed(enum ir_type t, uint64_t v)
{
    uint64_t exp = single(t) ? UINT64_C(0x7f800000) : UINT64_C(0x7ff) << 52;

    return mode_get() & X_ZEROS && !(v & exp) ? v & sign_bit(t) : v;
}

static uint64_t min_max(enum ir_op op, enum ir_type t, unsigned aux, uint64_t a, uint64_t b)
{
    uint64_t v[2] = { a, b };
    bool an = nan_in(t, a), bn = nan_in(t, b), host = (aux & IR_FP_NAN) == IR_FP_NAN_HOST, signalling;

    a = flushed(t, a);
    b = flushed(t, b);
    if (host && !(aux & IR_FP_MINMAX_NUM)) {   /* MINSS: the second operand unless the first is less */
        if (an || bn)
            raise(X_INVALID);
        return !an && !bn && (op == IR_OP_fmin ? less(t, a, b) : less(t, b, a)) ? a : b;
    }
    signalling = snan_in(t, a) || snan_in(t, b);
    if ((an || bn) && (aux & IR_FP_MINMAX_NUM) && !(an && bn) &&
        (!signalling || (aux & IR_FP_NAN) == IR_FP_NAN_CANON)) {
        if (signalling)
            raise(X_INVALID);
        return an ? b : a;
    }
    if (an || bn)
        return nan_of(t, aux, v, 2);
    if (zero_in(t, a) && zero_in(t, b))        /* -0 < +0 */
        return op == IR_OP_fmin ? a | b : a & b;
    return (op == IR_OP_fmin ? less(t, b, a) : less(t, a, b)) ? b : a;
}

static uint64_t compare(enum ir_type t, enum ir_fcond c, uint64_t a, uint64_t b)
{
    bool eq, lt;

    if (nan_in(t, a) || nan_in(t, b)) {
        if (snan_in(t, a) || snan_in(t, b) || c == IR_FLT || c == IR_FLE || c == IR_FEQS)
            raise(X_INVALID);
        return c == IR_FUN;
    }
    eq = single(t) ? f32(a) == f32(b) : f64(a) == f64(b);
    lt = less(t, a, b);
    switch (c) {
    case IR_FEQ: case IR_FEQS: return eq;
    case IR_FLT: case IR_FLTQ: return lt;
    case IR_FLE: case IR_FLEQ: return lt || eq;
    default: return 0;
    }
}

/* --- conversions ------------------------------------------------------------------------------------------------------- */

static uint64_t convert(enum ir_type to, enum ir_type from, unsigned aux, uint64_t a)
{
    if (nan_in(from, a)) {
        uint64_t v[1] = { a }, q = nan_of(from, aux, v, 1);
        if ((aux & IR_FP_NAN) == IR_FP_NAN_CANON)
            return default_nan(to, aux);
        if (to == from)
            return q;
        return single(to) ? (q >> 32 & 0x80000000) | 0x7f800000 | (q >> 29 & 0x7fffff)
                          : (q & 0x80000000) << 32 | 0x7ff0000000000000 | (q & 0x7fffff) << 29;
    }
    if (single(to) == single(from))
        return a;
    if (single(to)) {
        volatile double x = f64(a);
        volatile float r = (float)x;
        return b32(r);
    } else {
        volatile float x = f32(a);
        volatile double r = x;
        return b64(r);
    }
}

/* to an integral value in the current mode, without flags; of a number */
static double integral(double x, unsigned aux)
{
    uint32_t m = mode_get();
    volatile double in = x, r = (aux & IR_FP_ROUND) == IR_FP_RMM ? round(in) : rint(in);

    mode_set(m);
    return r;
}

static double widen(enum ir_type t, uint64_t v) { return single(t) ? (double)f32(v) : f64(v); }

static uint64_t round_to_integral(enum ir_type t, unsigned aux, uint64_t a)
{
    double x, r;

    if (nan_in(t, a)) {
        uint64_t v[1] = { a };
        return nan_of(t, aux, v, 1);
    }
    x = widen(t, a);
    r = copysign(integral(x, aux), x);
    if (r != x && (aux & IR_FP_INEXACT))
        raise(X_INEXACT);
    return single(t) ? b32((float)r) : b64(r);
}

/* what becomes of a value that the integer cannot hold */
static uint64_t out_of_range(enum ir_type t, unsigned aux, bool nan, bool negative)
{
    uint64_t top = t == IR_I32 ? 1ull << 31 : 1ull << 63, mask = t == IR_I32 ? 0xffffffff : ~0ull;

    raise(X_INVALID);
    if ((aux & IR_FP_NAN) == IR_FP_NAN_HOST)
        return aux & IR_FP_UNSIGNED ? mask : top;
    if (nan && (aux & IR_FP_NAN) == IR_FP_NAN_ARM)
        return 0;
    if (aux & IR_FP_UNSIGNED)
        return negative && !nan ? 0 : mask;
    return negative && !nan ? top : top - 1;
}

static uint64_t to_integer(enum ir_type t, enum ir_type from, unsigned aux, uint64_t a)
{
    double limit = t == IR_I32 ? 0x1p31 : 0x1p63, x, r;
    uint64_t v;

    if (nan_in(from, a))
        return out_of_range(t, aux, true, false);
    x = widen(from, a);
    r = inf_in(from, a) ? x : integral(x, aux);
    if (aux & IR_FP_UNSIGNED ? r < 0 || r >= 2 * limit : r < -limit || r >= limit)
        return out_of_range(t, aux, false, r < 0);
    if (r != x)
        raise(X_INEXACT);
    v = aux & IR_FP_UNSIGNED ? (uint64_t)r : (uint64_t)(int64_t)r;
    return t == IR_I32 ? (uint32_t)v : v;
}

static uint64_t from_integer(enum ir_type t, enum ir_type from, unsigned aux, uint64_t a)
{
    volatile int64_t s = from == IR_I32 ? (aux & IR_FP_UNSIGNED ? (int64_t)(uint32_t)a : (int32_t)a) : (int64_t)a;
    volatile uint64_t u = a;
    bool wide = from == IR_I64 && (aux & IR_FP_UNSIGNED);

    if (single(t)) {
        volatile float r = wide ? (float)u : (float)s;
        return b32(r);
    } else {
        volatile double r = wide ? (double)u : (double)s;
        return b64(r);
    }
}

static uint64_t eval(enum ir_op op, enum ir_type type, enum ir_type atype, unsigned aux, uint64_t a, uint64_t b, uint64_t c)
{
    switch (op) {
    case IR_OP_fma: return fused(type, aux, a, b, c);
    case IR_OP_fmin: case IR_OP_fmax: return min_max(op, type, aux, a, b);
    case IR_OP_fcvt: return convert(type, atype, aux, a);
    case IR_OP_fround: return round_to_integral(type, aux, a);
    case IR_OP_ftoi: return to_integer(type, atype, aux, a);
    case IR_OP_itof: return from_integer(type, atype, aux, a);
    default: return arith(op, type, aux, a, b);
    }
}

/* A type that holds every value half way between two doubles. */
#ifdef __x86_64__
typedef __float128 wide_float;
#else
typedef long double wide_float;
#endif

static wide_float exact_operand(enum ir_type t, uint64_t v, bool is_unsigned)
{
    switch (t) {
    case IR_F32: return (wide_float)f32(v);
    case IR_F64: return (wide_float)f64(v);
    case IR_I32: return is_unsigned ? (wide_float)(uint32_t)v : (wide_float)(int32_t)v;
    default: return is_unsigned ? (wide_float)v : (wide_float)(int64_t)v;
    }
}

/* The exact result of an operation; false if it needs more bits than a wide_float has: then it is no tie. */
static bool exact_result(enum ir_op op, enum ir_type atype, unsigned aux, uint64_t a, uint64_t b, uint64_t c, wide_float *v)
{
    volatile wide_float x = exact_operand(atype, a, aux & IR_FP_UNSIGNED), y = exact_operand(atype, b, false), r;

    mode_set(mode_get() & ~(uint32_t)X_FLAGS);
    switch (op) {
    case IR_OP_fadd: r = x + y; break;
    case IR_OP_fsub: r = x - y; break;
    case IR_OP_fmul: r = x * y; break;
    case IR_OP_fdiv: r = x / y; break;
    case IR_OP_fma:
        r = x * y;
        r = (aux & IR_FP_NEG_PROD ? -r : r) + (aux & IR_FP_NEG_ADD ? -exact_operand(atype, c, false) : exact_operand(atype, c, false));
        break;
    case IR_OP_fcvt: case IR_OP_itof: r = x; break;
    default: return false;                     /* a square root is never a tie */
    }
    *v = r;
    return !(mode_get() & X_INEXACT);
}

/* r is the result rounded to nearest, ties to even: of two equally near it may be the one closer to zero. */
static uint64_t ties_away(enum ir_op op, enum ir_type type, enum ir_type atype, unsigned aux, uint64_t a, uint64_t b,
                          uint64_t c, uint64_t r)
{
    uint32_t mode = mode_get();
    wide_float v, near, next;

    if ((type != IR_F32 && type != IR_F64) || nan_in(type, r) || inf_in(type, r))
        return r;
    if (exact_result(op, atype, aux, a, b, c, &v)) {
        near = exact_operand(type, r, false);
        next = exact_operand(type, r + 1, false);  /* away from zero, the sign stays */
        if (!inf_in(type, r + 1) && near != v && v - near == next - v)
            r++;
    }
    mode_set(mode);
    return r;
}

uint64_t fp_eval(enum ir_op op, enum ir_type type, enum ir_type atype, unsigned aux, uint64_t a, uint64_t b, uint64_t c)
{
    static const uint8_t rc_of[8] = { [IR_FP_RNE] = RC_NEAREST, [IR_FP_RTZ] = RC_ZERO, [IR_FP_RDN] = RC_DOWN,
                                      [IR_FP_RUP] = RC_UP };
    unsigned round = aux & IR_FP_ROUND;
    uint32_t mode;
    uint64_t r;

    if (op == IR_OP_fcmp)                      /* aux is the condition */
        return compare(atype, aux, a, b);
    if (round == IR_FP_DYN)
        return eval(op, type, atype, aux, a, b, c);
    mode = mode_get();
    mode_set((mode & ~(uint32_t)RC_MASK) | (uint32_t)rc_of[round] << RC_SHIFT);
    r = eval(op, type, atype, aux, a, b, c);
    if (round == IR_FP_RMM)
        r = ties_away(op, type, atype, aux, a, b, c, r);
    mode_set((mode_get() & X_FLAGS) | mode);
    return r;
}

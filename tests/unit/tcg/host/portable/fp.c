/* tests/unit/tcg/host/portable/fp.c - the interpreter's floating point and AES against values from the manuals: it is the
 * reference of the other tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tcg/host/portable/portable.h"

enum { NV = 1, DZ = 4, OF = 8, UF = 16, NX = 32 };        /* MXCSR's sticky flags */
enum { CANON = IR_FP_NAN_CANON, ARM = IR_FP_NAN_ARM, HOST = IR_FP_NAN_HOST };

#define SNAN  0x7f800001u
#define QNAN  0x7fc00123u
#define QNAN2 0xffc00456u
#define INF   0x7f800000u
#define NINF  0xff800000u
#define ONE   0x3f800000u
#define NZERO 0x80000000u

struct fp_case {
    enum ir_op op;
    enum ir_type type, from;
    unsigned aux;
    uint64_t a, b, c, want;
    unsigned flags;
};

static const struct fp_case cases[] = {
    /* NaNs: RISC-V has one; ARM and x86 keep the payload, ARM a signalling one first; x86's own is negative */
    { IR_OP_fadd, IR_F32, IR_F32, CANON, QNAN, ONE, 0, 0x7fc00000, 0 },
    { IR_OP_fadd, IR_F32, IR_F32, CANON, SNAN, ONE, 0, 0x7fc00000, NV },
    { IR_OP_fadd, IR_F32, IR_F32, ARM, QNAN, SNAN, 0, SNAN | 0x400000, NV },
    { IR_OP_fadd, IR_F32, IR_F32, HOST, QNAN, SNAN, 0, QNAN, NV },
    { IR_OP_fadd, IR_F32, IR_F32, HOST, INF, NINF, 0, 0xffc00000, NV },
    { IR_OP_fadd, IR_F32, IR_F32, ARM, INF, NINF, 0, 0x7fc00000, NV },
    { IR_OP_fdiv, IR_F32, IR_F32, CANON, ONE, NZERO, 0, NINF, DZ },
    { IR_OP_fsqrt, IR_F32, IR_F32, CANON, 0xbf800000, 0, 0, 0x7fc00000, NV },
    /* rounding: 1 + 2^-25 */
    { IR_OP_fadd, IR_F32, IR_F32, IR_FP_RNE, ONE, 0x33000000, 0, ONE, NX },
    { IR_OP_fadd, IR_F32, IR_F32, IR_FP_RUP, ONE, 0x33000000, 0, ONE + 1, NX },
    { IR_OP_fadd, IR_F32, IR_F32, IR_FP_RDN, 0xbf800000, 0xb3000000, 0, 0xbf800001, NX },
    { IR_OP_fmul, IR_F32, IR_F32, CANON, 0x7f000000, 0x7f000000, 0, INF, OF | NX },
    { IR_OP_fmul, IR_F32, IR_F32, CANON, 0x00800000, 0x3f000000 + 1, 0, 0x00400000, UF | NX },
    /* fused: rounded once; infinity times zero is invalid even beside a quiet NaN */
    { IR_OP_fma, IR_F64, IR_F64, CANON, 0x3ff0000000000001, 0x3ff0000000000001, 0xbff0000000000002, 0x3970000000000000, 0 },
    { IR_OP_fma, IR_F32, IR_F32, CANON, INF, 0, QNAN, 0x7fc00000, NV },
    { IR_OP_fma, IR_F32, IR_F32, ARM, INF, 0, QNAN, 0x7fc00000, NV },
    { IR_OP_fma, IR_F32, IR_F32, ARM, QNAN, ONE, QNAN2, QNAN2, 0 },
    { IR_OP_fma, IR_F32, IR_F32, ARM | IR_FP_NEG_PROD, QNAN, ONE, ONE, QNAN ^ NZERO, 0 },
    { IR_OP_fma, IR_F32, IR_F32, CANON | IR_FP_NEG_PROD | IR_FP_NEG_ADD, ONE, ONE, ONE, 0xc0000000, 0 },
    /* minimum and maximum: RISC-V prefers a number to any NaN, ARM's NUM form only to a quiet one; -0 < +0 */
    { IR_OP_fmin, IR_F32, IR_F32, CANON | IR_FP_MINMAX_NUM, QNAN, ONE, 0, ONE, 0 },
    { IR_OP_fmin, IR_F32, IR_F32, CANON | IR_FP_MINMAX_NUM, SNAN, ONE, 0, ONE, NV },
    { IR_OP_fmin, IR_F32, IR_F32, CANON | IR_FP_MINMAX_NUM, QNAN, QNAN, 0, 0x7fc00000, 0 },
    { IR_OP_fmax, IR_F32, IR_F32, CANON | IR_FP_MINMAX_NUM, NZERO, 0, 0, 0, 0 },
    { IR_OP_fmin, IR_F32, IR_F32, CANON | IR_FP_MINMAX_NUM, 0, NZERO, 0, NZERO, 0 },
    { IR_OP_fmin, IR_F32, IR_F32, ARM | IR_FP_MINMAX_NUM, SNAN, ONE, 0, SNAN | 0x400000, NV },
    { IR_OP_fmin, IR_F32, IR_F32, ARM, QNAN, ONE, 0, QNAN, 0 },
    { IR_OP_fmin, IR_F32, IR_F32, HOST, QNAN, ONE, 0, ONE, NV },
    { IR_OP_fmax, IR_F32, IR_F32, HOST, 0, NZERO, 0, NZERO, 0 },
    /* comparisons: LT and LE signal on any NaN, EQ and the quiet ones on a signalling one */
    { IR_OP_fcmp, IR_I64, IR_F32, IR_FLT, QNAN, ONE, 0, 0, NV },
    { IR_OP_fcmp, IR_I64, IR_F32, IR_FEQ, QNAN, ONE, 0, 0, 0 },
    { IR_OP_fcmp, IR_I64, IR_F32, IR_FEQ, SNAN, ONE, 0, 0, NV },
    { IR_OP_fcmp, IR_I64, IR_F32, IR_FEQS, QNAN, ONE, 0, 0, NV },
    { IR_OP_fcmp, IR_I64, IR_F32, IR_FUN, QNAN, ONE, 0, 1, 0 },
    { IR_OP_fcmp, IR_I64, IR_F32, IR_FLEQ, NZERO, 0, 0, 1, 0 },
    /* to integers: saturated with RISC-V and ARM (whose NaN is 0), the integer indefinite with x86 */
    { IR_OP_ftoi, IR_I32, IR_F32, CANON | IR_FP_RTZ, QNAN, 0, 0, 0x7fffffff, NV },
    { IR_OP_ftoi, IR_I32, IR_F32, ARM | IR_FP_RTZ, QNAN, 0, 0, 0, NV },
    { IR_OP_ftoi, IR_I32, IR_F32, HOST | IR_FP_RTZ, QNAN, 0, 0, 0x80000000, NV },
    { IR_OP_ftoi, IR_I32, IR_F32, CANON | IR_FP_RTZ, NINF, 0, 0, 0x80000000, NV },
    { IR_OP_ftoi, IR_I64, IR_F32, CANON | IR_FP_RTZ | IR_FP_UNSIGNED, 0xbf800000, 0, 0, 0, NV },
    { IR_OP_ftoi, IR_I64, IR_F32, CANON | IR_FP_RTZ | IR_FP_UNSIGNED, 0xbf000000, 0, 0, 0, NX },
    { IR_OP_ftoi, IR_I64, IR_F32, CANON | IR_FP_RTZ | IR_FP_UNSIGNED, INF, 0, 0, ~0ull, NV },
    { IR_OP_ftoi, IR_I64, IR_F64, CANON | IR_FP_RUP, 0x3ff8000000000000, 0, 0, 2, NX },
    { IR_OP_ftoi, IR_I64, IR_F64, CANON | IR_FP_RTZ, 0x43e0000000000000, 0, 0, INT64_MAX, NV },
    { IR_OP_itof, IR_F32, IR_I64, IR_FP_RNE, 0x1000001, 0, 0, 0x4b800000, NX },
    { IR_OP_itof, IR_F32, IR_I64, IR_FP_RUP, 0x1000001, 0, 0, 0x4b800001, NX },
    { IR_OP_itof, IR_F64, IR_I64, IR_FP_RNE | IR_FP_UNSIGNED, ~0ull, 0, 0, 0x43f0000000000000, NX },
    { IR_OP_itof, IR_F64, IR_I32, IR_FP_RNE, 0xffffffff, 0, 0, 0xbff0000000000000, 0 },
    /* between formats, and to integral values */
    { IR_OP_fcvt, IR_F64, IR_F32, ARM, QNAN, 0, 0, 0x7ff8002460000000, 0 },
    { IR_OP_fcvt, IR_F32, IR_F64, CANON, 0x7ff0000000000001, 0, 0, 0x7fc00000, NV },
    { IR_OP_fcvt, IR_F32, IR_F64, IR_FP_RTZ, 0x47efffffffffffff, 0, 0, 0x7f7fffff, NX },
    { IR_OP_fround, IR_F32, IR_F32, IR_FP_RNE, 0x40200000, 0, 0, 0x40000000, 0 },
    { IR_OP_fround, IR_F32, IR_F32, IR_FP_RNE | IR_FP_INEXACT, 0x40200000, 0, 0, 0x40000000, NX },
    { IR_OP_fround, IR_F64, IR_F64, IR_FP_RUP, 0xbfe0000000000000, 0, 0, 0x8000000000000000, 0 },
};

static void results_and_flags_are_the_manuals(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
        const struct fp_case *c = &cases[k];
        uint32_t host = fp_enter(0x1f80), mxcsr;
        uint64_t got = fp_eval(c->op, c->type, c->from, c->aux, c->a, c->b, c->c);

        mxcsr = fp_leave(host);
        if (got != c->want || (mxcsr & 0x3d) != c->flags || (mxcsr & ~0x3fu) != 0x1f80)
            fail_msg("case %zu (%s %#lx %#lx %#lx): got %#lx, mxcsr %#x; want %#lx, flags %#x", k, ir_ops[c->op].name,
                     (unsigned long)c->a, (unsigned long)c->b, (unsigned long)c->c, (unsigned long)got, mxcsr,
                     (unsigned long)c->want, c->flags);
    }
}

/* FIPS 197, appendix B: the first round, and the last. */
static void aes_rounds(void **state)
{
    static const union val in = { .b = { 0x19, 0x3d, 0xe3, 0xbe, 0xa0, 0xf4, 0xe2, 0x2b, 0x9a, 0xc6, 0x8d, 0x2a, 0xe9, 0xf8, 0x48, 0x08 } };
    static const union val key = { .b = { 0xa0, 0xfa, 0xfe, 0x17, 0x88, 0x54, 0x2c, 0xb1, 0x23, 0xa3, 0x39, 0x39, 0x2a, 0x6c, 0x76, 0x05 } };
    static const union val out = { .b = { 0xa4, 0x9c, 0x7f, 0xf2, 0x68, 0x9f, 0x35, 0x2b, 0x6b, 0x5b, 0xea, 0x43, 0x02, 0x6a, 0x50, 0x49 } };
    static const union val zero = { .u = { 0 } };
    struct ir_insn i = { .op = IR_OP_vaesenc, .type = IR_V128 };
    union val got, back;

    (void)state;
    vec_eval(&i, &got, &in, &key, NULL);
    assert_memory_equal(got.b, out.b, 16);
    i.op = IR_OP_vaesenclast;
    vec_eval(&i, &got, &in, &zero, NULL);            /* SubBytes and ShiftRows: undone by their inverse */
    i.op = IR_OP_vaesdeclast;
    vec_eval(&i, &back, &got, &zero, NULL);
    assert_memory_equal(back.b, in.b, 16);
    i.op = IR_OP_vaesenc;                      /* MixColumns of that: undone by vaesimc */
    vec_eval(&i, &got, &in, &zero, NULL);
    i.op = IR_OP_vaesimc;
    vec_eval(&i, &back, &got, NULL, NULL);
    i.op = IR_OP_vaesdeclast;
    vec_eval(&i, &got, &back, &zero, NULL);
    assert_memory_equal(got.b, in.b, 16);
}

/* Intel, "Carry-Less Multiplication Instruction", figure 5 */
static void carry_less_product(void **state)
{
    static const union val a = { .u = { 0x63746f725d53475d, 0x7b5b546573745665 } };
    static const union val b = { .u = { 0x5b477565726f6e5d, 0x4869285368617929 } };
    struct ir_insn i = { .op = IR_OP_vclmul, .type = IR_V128 };
    union val got;

    (void)state;
    vec_eval(&i, &got, &a, &b, NULL);
    assert_int_equal(got.u[0], 0x929633d5d36f0451);
    assert_int_equal(got.u[1], 0x1d4d84c85c3440c0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_and_flags_are_the_manuals),
        cmocka_unit_test(aes_rounds),
        cmocka_unit_test(carry_less_product),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* tests/unit/tcg/host/x86_64/ops.c - every IR operation, compiled, against the interpreter.
 *
 * An operation is compiled with its operands in registers, in homes (under register pressure) and as constants, with each
 * set of processor features that selects another instruction, and run on edge and random operands. Compared are all
 * registers and MXCSR.
 *
 * Usage: ops [OPERATION] (RHEA_HOST_WITHOUT narrows the features) */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "core/base/bits.h"
#include "tcg/host/x86_64/cpu.h"
#include "tcg/ir/internal.h"
#include "tcg/tcg.h"

enum { I64 = 0, I32 = 4, F64 = 8, F32 = 12, V128 = 16, V256 = 20, FLAGS = 24, OUT = 25, PRESS = 33, NPRESS = 14, FPRESS = PRESS + NPRESS,
       NSLOTS = FPRESS + NPRESS };
enum { ROOM = 1 << 20 };

struct state {
    struct cpu_env env;
    uint8_t home[NSLOTS][32] __attribute__((aligned(32)));
};

static struct ir_slot slots[NSLOTS];
static const struct host_mode mode = { .system = false };
static const struct tcg_runtime_calls no_calls;
static uint8_t *code;
static uint32_t code_used;

static const uint8_t class_slot[IR_NTYPES] = {
    [IR_I32] = I32, [IR_I64] = I64, [IR_F32] = F32, [IR_F64] = F64, [IR_V128] = V128, [IR_V256] = V256, [IR_FLAGS] = FLAGS,
};
static const char *const type_name[IR_NTYPES] = { "void", "i32", "i64", "f32", "f64", "v128", "v256", "flags" };

static void set_up_slots(void)
{
    static const uint8_t type_of[7] = { IR_I64, IR_I32, IR_F64, IR_F32, IR_V128, IR_V256 };

    for (unsigned k = 0; k < NSLOTS; k++) {
        unsigned type = k < FLAGS ? type_of[k / 4] : k == FLAGS ? IR_FLAGS : k < PRESS ? k - OUT : k < FPRESS ? IR_I64 : IR_F64;

        slots[k] = (struct ir_slot){ "r", (uint32_t)(offsetof(struct state, home) + 32 * k), (uint8_t)(type ? type : IR_I64) };
    }
}

/* --- what is tested ----------------------------------------------------------------------------------------------------- */

struct test {
    enum ir_op op;
    enum ir_type type, arg[4];
    unsigned aux;
    uint64_t imm;
    int constant;                              /* -1, or the argument that is a constant */
    uint64_t cval;
    bool pressure;
    int branch;                                /* 0; the condition decides a branch: 1 as it is, 2 inverted */
};

static uint64_t seed = 88172645463325252u;
static uint64_t rnd(void)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return seed * 0x2545f4914f6cdd1du;
}

static const uint64_t int_edge[] = {
    0, 1, 2, 3, 7, 31, 32, 63, 64, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
    INT64_MAX, 1ull << 63, ~0ull, ~1ull, 0xffffffff80000000, 0xaaaaaaaaaaaaaaaa, 0x0123456789abcdef,
};
static const uint64_t f64_edge[] = {
    0, 1ull << 63, 0x3ff0000000000000, 0xbff0000000000000, 0x3fe0000000000000, 0xbfe0000000000000, 0x3ff8000000000000,
    0x4004000000000000, 0xc004000000000000, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000, 0xfff8000000000123,
    0x7ff0000000000001, 0xfff4000000000000, 1, 0x8000000000000001, 0x0010000000000000, 0x000fffffffffffff,
    0x7fefffffffffffff, 0xffefffffffffffff, 0x41dfffffffc00000, 0x41e0000000000000, 0xc1e0000000000000, 0xc1e0000000200000,
    0x41efffffffe00000, 0x41f0000000000000, 0x43e0000000000000, 0xc3e0000000000000, 0x43dfffffffffffff, 0x43f0000000000000,
    0x43efffffffffffff, 0x4330000000000001, 0x432fffffffffffff, 0x3690000000000000, 0x36a0000000000001, 0x47efffffe0000000,
    0x47effffff0000000, 0x3ff0000010000000, 0x3ff0000030000000, 0xffffffff3f800000, 0xffffffff7f800001,
};
static const uint32_t f32_edge[] = {
    0, 0x80000000, 0x3f800000, 0xbf800000, 0x3f000000, 0xbf000000, 0x3fc00000, 0x40200000, 0xc0200000, 0x7f800000, 0xff800000,
    0x7fc00000, 0xffc00123, 0x7f800001, 0xffa00000, 1, 0x80000001, 0x00800000, 0x007fffff, 0x7f7fffff, 0xff7fffff,
    0x4effffff, 0x4f000000, 0xcf000000, 0x4f7fffff, 0x4f800000, 0x5f000000, 0xdf000000, 0x5effffff, 0x5f800000, 0x4b000001,
};

static uint64_t operand(enum ir_type t)
{
    uint64_t r = rnd();

    if (t == IR_I32 || t == IR_I64)
        return r % 3 ? int_edge[rnd() % ARRAY_LEN(int_edge)] : rnd() >> (rnd() % 64);
    if (t == IR_F64)
        return r % 4 ? f64_edge[rnd() % ARRAY_LEN(f64_edge)] : r % 8 ? rnd() : 0x3ff0000000000000 + (rnd() >> (rnd() % 52));
    if (t == IR_F32)
        return r % 4 ? f32_edge[rnd() % ARRAY_LEN(f32_edge)] : r % 8 ? (uint32_t)rnd() : 0x3f800000 + (rnd() >> 41 >> (rnd() % 20));
    if (t == IR_FLAGS)
        return (r >> 60) << 28;
    if (t >= IR_V128 && r % 2)
        return r % 4 == 1 ? operand(IR_F64) : operand(IR_F32) << 32 | operand(IR_F32);
    return r % 3 ? int_edge[rnd() % ARRAY_LEN(int_edge)] : rnd();
}

static unsigned bytes_of(enum ir_type t)
{
    return t == IR_V256 ? 32 : t == IR_V128 ? 16 : t == IR_I64 || t == IR_F64 ? 8 : 4;
}

static void fill(struct state *s)
{
    memset(s, 0, sizeof *s);
    for (unsigned k = 0; k < NSLOTS; k++) {
        uint64_t v[4] = { operand(slots[k].type), rnd() % 2 ? operand(slots[k].type) : rnd(), rnd(), operand(IR_I64) };

        memcpy(s->home[k], v, bytes_of(slots[k].type));
    }
    s->env.mxcsr = 0x1f80 | (uint32_t)(rnd() & 3) << 13;
    if (rnd() % 4 == 0)
        s->env.mxcsr |= (uint32_t)rnd() & 0x3d;
}

/* --- building, compiling -------------------------------------------------------------------------------------------------- */

static ir_ref constant(struct ir *ir, enum ir_type t, uint64_t v)
{
    switch (t) {
    case IR_I32: return ir_i32(ir, (uint32_t)v);
    case IR_I64: return ir_i64(ir, v);
    case IR_F32: return ir_f32bits(ir, (uint32_t)v);
    case IR_F64: return ir_f64bits(ir, v);
    default: return ir_v128(ir, v, ~v);
    }
}

static void build_branch(struct ir *ir, const struct test *t, const ir_ref *a)
{
    ir_block_ref yes = ir_block_new(ir, 0x1004), no = ir_block_new(ir, 0x1008);
    bool invert = t->branch == 2;

    if (t->op == IR_OP_setcc)
        ir_brcc(ir, invert ? ir_cond_invert(t->aux) : t->aux, a[0], a[1], yes, no, t->aux & 3);
    else
        ir_brcc(ir, invert ? IR_EQ : IR_NE, ir_emit(ir, t->op, t->type, t->aux, 0, a[0], a[1], 0, 0), constant(ir, t->type, 0), yes, no, 0);
    for (unsigned k = 0; k < 2; k++) {
        ir_seal(ir, k ? no : yes);
        ir_enter(ir, k ? no : yes);
        ir_guest_insn(ir, 0x1004 + 4 * k, 4);
        ir_write_slot(ir, OUT + IR_I64, ir_i64(ir, 7 + k));
        ir_leave(ir, RT_EXIT_HALT);
    }
    ir_finish(ir);
}

static void build(struct ir *ir, const struct test *t)
{
    ir_ref a[4] = { 0 }, press[2 * NPRESS], r;

    ir_guest_insn(ir, 0x1000, 4);
    for (unsigned k = 0; t->pressure && k < NPRESS; k++) {
        press[k] = ir_read_slot(ir, PRESS + k);
        press[NPRESS + k] = ir_read_slot(ir, FPRESS + k);
    }
    for (unsigned k = 0; k < 4 && t->arg[k]; k++)
        a[k] = (int)k == t->constant ? constant(ir, t->arg[k], t->cval) : ir_read_slot(ir, class_slot[t->arg[k]] + k);
    if (t->branch) {
        build_branch(ir, t, a);
        return;
    }
    r = ir_emit(ir, t->op, t->type, t->aux, t->imm, a[0], a[1], a[2], a[3]);
    if (t->type == IR_FLAGS)
        ir_write_slot(ir, OUT + IR_I32, ir_conv(ir, IR_OP_flpack, IR_I32, r));
    else
        ir_write_slot(ir, OUT + t->type, r);
    for (unsigned k = 0; t->pressure && k < NPRESS; k++) {
        ir_write_slot(ir, PRESS + k, ir_bin(ir, IR_OP_xor, press[k], press[(k + 1) % NPRESS]));
        ir_write_slot(ir, FPRESS + k, press[NPRESS + (k + 1) % NPRESS]);
    }
    ir_leave(ir, RT_EXIT_HALT);
    ir_finish(ir);
}

static const char *compile(struct ir *ir, const void **entry)
{
    struct host_unit u = { .mode = &mode, .ir = ir, .rw = code + code_used, .rx = code + code_used, .room = ROOM - code_used };
    struct ra_host host;
    struct ra ra;
    const char *why;
    int ret;

    ra_init(&ra);
    u.ra = &ra;
    u.pc = 0x1000;
    host_select(&mode, ir);
    host_describe(&mode, &host);
    ret = ra_run(&ra, ir, &host);
    why = ret ? "ra_run failed" : ra_verify(&ra, ir, &host);
    if (!why && host_emit(&u))
        why = "host_emit failed";
    if (!why && getenv("DUMP")) {
        FILE *f = fopen("/tmp/ops.bin", "w");

        fwrite(u.rw, 1, u.length, f);
        fclose(f);
        ir_print(ir, stderr);
        ra_print(&ra, ir, stderr);
    }
    *entry = code + code_used + u.entry;
    statemap_free(&u.map);
    ra_free(&ra);
    return why;
}

static void describe(const struct test *t)
{
    print_error("%s.%s(%s %s %s %s) aux=%#x imm=%" PRIu64 " constant=%d %#" PRIx64 "%s\n", ir_ops[t->op].name, type_name[t->type],
                type_name[t->arg[0]], type_name[t->arg[1]], type_name[t->arg[2]], type_name[t->arg[3]], t->aux, t->imm, t->constant,
                t->cval, t->pressure ? " under pressure" : "");
}

static bool is_nan_bits(enum ir_type t, const uint8_t *home)
{
    uint64_t v = 0;

    memcpy(&v, home, bytes_of(t));
    return t == IR_F64 ? (v & INT64_MAX) > 0x7ff0000000000000 : t == IR_F32 && (v & INT32_MAX) > 0x7f800000;
}

static void compare(const struct test *t, const struct state *in, const struct state *got, const struct state *want)
{
    unsigned bad = 0;

    for (unsigned k = 0; k < NSLOTS; k++) {
        if (!memcmp(got->home[k], want->home[k], 32))
            continue;
        /* which of two NaNs the host hands on is its own affair */
        if ((t->aux & IR_FP_NAN) == IR_FP_NAN_HOST && is_nan_bits(slots[k].type, got->home[k]) && is_nan_bits(slots[k].type, want->home[k]))
            continue;
        if (!bad++)
            describe(t);
        for (unsigned j = 0; j < 4; j++)
            if (memcmp(got->home[k] + 8 * j, want->home[k] + 8 * j, 8))
                print_error("  slot %u+%u: got %#" PRIx64 ", want %#" PRIx64 "\n", k, 8 * j, *(const uint64_t *)(got->home[k] + 8 * j),
                            *(const uint64_t *)(want->home[k] + 8 * j));
    }
    if ((got->env.mxcsr ^ want->env.mxcsr) & 0xfffd) {
        if (!bad++)
            describe(t);
        print_error("  mxcsr: got %#x, want %#x\n", got->env.mxcsr, want->env.mxcsr);
    }
    if (!bad)
        return;
    for (unsigned k = 0; k < 4 && t->arg[k]; k++)
        print_error("  argument %u: %#" PRIx64 " %#" PRIx64 "\n", k, *(const uint64_t *)in->home[class_slot[t->arg[k]] + k],
                    *(const uint64_t *)(in->home[class_slot[t->arg[k]] + k] + 8));
    print_error("  mxcsr before: %#x\n", in->env.mxcsr);
    fail();
}

/* Operands that the translator promises never to give. */
static bool allowed(const struct test *t, const struct state *s)
{
    bool w = t->type == IR_I64;
    uint64_t a = t->constant == 0 ? t->cval : *(const uint64_t *)s->home[class_slot[t->arg[0]]];
    uint64_t b = t->constant == 1 ? t->cval : *(const uint64_t *)s->home[class_slot[t->arg[1]] + 1];

    if (t->op < IR_OP_divu || t->op > IR_OP_rems)
        return true;
    if (!(w ? b : (uint32_t)b))
        return false;
    return (w ? b : (uint64_t)(int32_t)b) != ~0ull || (w ? a : (uint32_t)a) != (w ? 1ull << 63 : 0x80000000);
}

static void run(const struct test *t, unsigned times)
{
    struct state in, got, want;
    struct rt_frame frame;
    const void *entry;
    const char *why;
    struct ir ir, *ref;
    struct ir copy;

    ir_init(&ir, slots, NSLOTS, NULL, 0);
    ir_init(&copy, slots, NSLOTS, NULL, 0);
    build(&ir, t);
    build(&copy, t);
    ref = &copy;
    why = compile(&ir, &entry);
    if (why) {
        describe(t);
        fail_msg("%s", why);
    }
    for (unsigned k = 0; k < times; k++) {
        fill(&in);
        if (!allowed(t, &in))
            continue;
        got = want = in;
        want.env.frame = got.env.frame = &frame;
        assert_int_equal(host_enter(&got.env, entry), RT_EXIT_HALT);
        assert_int_equal(interp_run(ref, &want.env, &mode, &no_calls), RT_EXIT_HALT);
        assert_int_equal(got.env.pc, want.env.pc);
        compare(t, &in, &got, &want);
    }
    ir_free(&ir);
    ir_free(&copy);
}

static const char *only;

static void check(struct test t)
{
    if (only && strcmp(only, ir_ops[t.op].name))
        return;
    t.constant = -1;
    run(&t, 60);
    t.pressure = true;
    run(&t, 16);
    for (int k = 0; k < 4 && t.arg[k]; k++)
        for (unsigned j = 0; j < 6 && t.arg[k] != IR_FLAGS && t.arg[k] != IR_V256; j++) {
            t.constant = k;
            t.cval = operand(t.arg[k]);
            t.pressure = j & 1;
            if (t.op >= IR_OP_divu && t.op <= IR_OP_rems && k == 1 && !(uint32_t)t.cval)
                continue;
            run(&t, 4);
        }
}

/* --- the operations --------------------------------------------------------------------------------------------------------- */

static void integers(void **state)
{
    (void)state;
    for (enum ir_type t = IR_I32; t <= IR_I64; t++) {
        unsigned w = t == IR_I64 ? 64 : 32;

        for (enum ir_op op = IR_OP_add; op <= IR_OP_rotr; op++)
            check((struct test){ .op = op, .type = t, .arg = { t, op == IR_OP_not || op == IR_OP_neg ? IR_VOID : t } });
        for (enum ir_op op = IR_OP_clz; op <= IR_OP_brev8; op++)
            check((struct test){ .op = op, .type = t, .arg = { t } });
        for (enum ir_op op = IR_OP_smin; op <= IR_OP_umax; op++)
            check((struct test){ .op = op, .type = t, .arg = { t, t } });
        for (unsigned k = 0; k < 24; k++) {
            unsigned pos = (unsigned)(rnd() % w), len = 1 + (unsigned)(rnd() % (w - pos));

            if (k < 3)
                pos = 0, len = 8u << k;
            else if (k == 3)
                pos = 0, len = w;
            else if (k == 4)
                pos = w - 1, len = 1;
            check((struct test){ .op = IR_OP_extract, .type = t, .arg = { t }, .aux = pos | len << 8 });
            check((struct test){ .op = IR_OP_sextract, .type = t, .arg = { t }, .aux = pos | len << 8 });
            check((struct test){ .op = IR_OP_deposit, .type = t, .arg = { t, t }, .aux = pos | len << 8 });
            check((struct test){ .op = IR_OP_extr2, .type = t, .arg = { t, t }, .aux = pos });
        }
        for (unsigned c = IR_EQ; c <= IR_TSTNZ; c++)
            for (enum ir_type r = IR_I32; r <= IR_I64; r++) {
                if ((c & 7) > IR_TSTZ)
                    continue;
                check((struct test){ .op = IR_OP_setcc, .type = r, .arg = { t, t }, .aux = c });
                check((struct test){ .op = IR_OP_select, .type = r, .arg = { t, t, r, r }, .aux = c });
                check((struct test){ .op = IR_OP_select, .type = IR_F64, .arg = { t, t, IR_F64, IR_F64 }, .aux = c });
            }
    }
    check((struct test){ .op = IR_OP_clmul, .type = IR_I64, .arg = { IR_I64, IR_I64 } });
    check((struct test){ .op = IR_OP_clmulh, .type = IR_I64, .arg = { IR_I64, IR_I64 } });
    for (unsigned n = 1; n <= 8; n *= 2) {
        check((struct test){ .op = IR_OP_crc32, .type = IR_I32, .arg = { IR_I32, IR_I64 }, .aux = n });
        check((struct test){ .op = IR_OP_crc32c, .type = IR_I32, .arg = { IR_I32, IR_I64 }, .aux = n });
    }
    check((struct test){ .op = IR_OP_trunc, .type = IR_I32, .arg = { IR_I64 } });
    check((struct test){ .op = IR_OP_sext, .type = IR_I64, .arg = { IR_I32 } });
    check((struct test){ .op = IR_OP_zext, .type = IR_I64, .arg = { IR_I32 } });
}

static void arithmetic(enum ir_type t, unsigned aux)
{
    for (enum ir_op op = IR_OP_fadd; op <= IR_OP_fdiv; op++)
        check((struct test){ .op = op, .type = t, .arg = { t, t }, .aux = aux });
    check((struct test){ .op = IR_OP_fsqrt, .type = t, .arg = { t }, .aux = aux });
    for (unsigned neg = 0; neg < 4; neg++)
        check((struct test){ .op = IR_OP_fma, .type = t, .arg = { t, t, t }, .aux = aux | neg * IR_FP_NEG_PROD });
    check((struct test){ .op = IR_OP_fcvt, .type = t, .arg = { t == IR_F32 ? IR_F64 : IR_F32 }, .aux = aux });
}

static void floats(void **state)
{
    (void)state;
    for (enum ir_type t = IR_F32; t <= IR_F64; t++)
        for (unsigned rule = IR_FP_NAN_HOST; rule <= IR_FP_NAN_ARM; rule += IR_FP_NAN_CANON) {
            for (unsigned rm = IR_FP_DYN; rm <= IR_FP_RMM; rm++) {
                unsigned aux = rm | rule;

                if (rm != IR_FP_RMM || rule != IR_FP_NAN_ARM)      /* ARM has no such arithmetic */
                    arithmetic(t, aux);
                check((struct test){ .op = IR_OP_fround, .type = t, .arg = { t }, .aux = aux });
                check((struct test){ .op = IR_OP_fround, .type = t, .arg = { t }, .aux = aux | IR_FP_INEXACT });
                for (enum ir_type i = IR_I32; i <= IR_I64; i++) {
                    check((struct test){ .op = IR_OP_ftoi, .type = i, .arg = { t }, .aux = aux });
                    check((struct test){ .op = IR_OP_ftoi, .type = i, .arg = { t }, .aux = aux | IR_FP_UNSIGNED });
                    check((struct test){ .op = IR_OP_itof, .type = t, .arg = { i }, .aux = aux });
                    check((struct test){ .op = IR_OP_itof, .type = t, .arg = { i }, .aux = aux | IR_FP_UNSIGNED });
                }
            }
            if (rule != IR_FP_NAN_HOST)
                for (unsigned num = 0; num <= IR_FP_MINMAX_NUM; num += IR_FP_MINMAX_NUM) {
                    check((struct test){ .op = IR_OP_fmin, .type = t, .arg = { t, t }, .aux = rule | num });
                    check((struct test){ .op = IR_OP_fmax, .type = t, .arg = { t, t }, .aux = rule | num });
                }
        }
}

static void float_bits(void **state)
{
    (void)state;
    for (enum ir_type t = IR_F32; t <= IR_F64; t++) {
        enum ir_type i = t == IR_F32 ? IR_I32 : IR_I64;

        check((struct test){ .op = IR_OP_fneg, .type = t, .arg = { t } });
        check((struct test){ .op = IR_OP_fabs, .type = t, .arg = { t } });
        check((struct test){ .op = IR_OP_fcopysign, .type = t, .arg = { t, t } });
        for (unsigned c = IR_FEQ; c <= IR_FEQS; c++)
            for (enum ir_type r = IR_I32; r <= IR_I64; r++)
                check((struct test){ .op = IR_OP_fcmp, .type = r, .arg = { t, t }, .aux = c });
        check((struct test){ .op = IR_OP_fbits, .type = i, .arg = { t } });
        check((struct test){ .op = IR_OP_bitsf, .type = t, .arg = { i } });
    }
    check((struct test){ .op = IR_OP_fbox, .type = IR_F64, .arg = { IR_F32 } });
    check((struct test){ .op = IR_OP_funbox, .type = IR_F32, .arg = { IR_F64 } });
}

static void vectors(void **state)
{
    static const enum ir_op lanes[] = { IR_OP_vadd, IR_OP_vsub, IR_OP_vmul, IR_OP_vcmpeq, IR_OP_vcmpgt };
    static const enum ir_op bits[] = { IR_OP_vand, IR_OP_vor, IR_OP_vxor, IR_OP_vandn };

    (void)state;
    for (enum ir_type t = IR_V128; t <= (x64_cpu.avx2 ? IR_V256 : IR_V128); t++) {
        for (unsigned k = 0; k < ARRAY_LEN(bits); k++)
            check((struct test){ .op = bits[k], .type = t, .arg = { t, t }, .aux = 64 });
        check((struct test){ .op = IR_OP_vnot, .type = t, .arg = { t }, .aux = 64 });
        for (unsigned lane = 8; lane <= 64; lane *= 2) {
            enum ir_type i = lane == 64 ? IR_I64 : IR_I32;

            for (unsigned k = 0; k < ARRAY_LEN(lanes); k++)
                check((struct test){ .op = lanes[k], .type = t, .arg = { t, t }, .aux = lane });
            check((struct test){ .op = IR_OP_vdup, .type = t, .arg = { i }, .aux = lane });
            for (unsigned k = 0; k < 8 * bytes_of(t) / lane; k++) {
                check((struct test){ .op = IR_OP_vins, .type = t, .arg = { t, i }, .aux = lane, .imm = k });
                check((struct test){ .op = IR_OP_vext, .type = i, .arg = { t }, .aux = lane, .imm = k });
                if (lane >= 32) {
                    enum ir_type f = lane == 64 ? IR_F64 : IR_F32;

                    check((struct test){ .op = IR_OP_vins, .type = t, .arg = { t, f }, .aux = lane, .imm = k });
                    check((struct test){ .op = IR_OP_vext, .type = f, .arg = { t }, .aux = lane, .imm = k });
                }
            }
            for (unsigned k = 0; k < lane; k += 1 + lane / 16) {
                check((struct test){ .op = IR_OP_vshl, .type = t, .arg = { t }, .aux = lane, .imm = k });
                check((struct test){ .op = IR_OP_vshr, .type = t, .arg = { t }, .aux = lane, .imm = k });
                check((struct test){ .op = IR_OP_vsar, .type = t, .arg = { t }, .aux = lane, .imm = k });
            }
        }
    }
    for (enum ir_type t = IR_F32; t <= IR_F64; t++) {
        check((struct test){ .op = IR_OP_vfromf, .type = IR_V128, .arg = { t } });
        check((struct test){ .op = IR_OP_vtof, .type = t, .arg = { IR_V128 } });
    }
    check((struct test){ .op = IR_OP_vpair, .type = IR_V128, .arg = { IR_I64, IR_I64 } });
    for (enum ir_op op = IR_OP_vaesenc; op <= IR_OP_vaesdeclast; op++)
        check((struct test){ .op = op, .type = IR_V128, .arg = { IR_V128, IR_V128 } });
    check((struct test){ .op = IR_OP_vaesimc, .type = IR_V128, .arg = { IR_V128 } });
    for (unsigned k = 0; k < 4; k++)
        check((struct test){ .op = IR_OP_vclmul, .type = IR_V128, .arg = { IR_V128, IR_V128 }, .imm = (k & 1) | (k >> 1) << 4 });
}

static void lanes(void **state)
{
    static const enum ir_op two[] = {
        IR_OP_vsmin, IR_OP_vsmax, IR_OP_vumin, IR_OP_vumax, IR_OP_vcmpgtu, IR_OP_vshlv, IR_OP_vshrv, IR_OP_vsarv, IR_OP_vziplo,
        IR_OP_vziphi, IR_OP_veven, IR_OP_vodd,
    };
    static const enum ir_op small[] = { IR_OP_vsadds, IR_OP_vuadds, IR_OP_vssubs, IR_OP_vusubs, IR_OP_vavgu };

    (void)state;
    for (enum ir_type t = IR_V128; t <= (x64_cpu.avx2 ? IR_V256 : IR_V128); t++) {
        for (unsigned lane = 8; lane <= 64; lane *= 2) {
            for (unsigned k = 0; k < ARRAY_LEN(two); k++)
                if (t == IR_V128 || (two[k] != IR_OP_veven && two[k] != IR_OP_vodd))
                    check((struct test){ .op = two[k], .type = t, .arg = { t, t }, .aux = lane });
            for (unsigned k = 0; k < ARRAY_LEN(small) && lane <= 16; k++)
                check((struct test){ .op = small[k], .type = t, .arg = { t, t }, .aux = lane });
            check((struct test){ .op = IR_OP_vabs, .type = t, .arg = { t }, .aux = lane });
            check((struct test){ .op = IR_OP_vclz, .type = t, .arg = { t }, .aux = lane });
            for (enum ir_op op = IR_OP_vpackss; op <= IR_OP_vpackuu && lane > 8; op++)
                check((struct test){ .op = op, .type = t, .arg = { t, t }, .aux = lane });
        }
        for (unsigned k = 0; k < 4; k++)
            check((struct test){ .op = IR_OP_vmulq, .type = t, .arg = { t, t }, .aux = k & 1 ? 16 : 32, .imm = k >> 1 });
        check((struct test){ .op = IR_OP_vmadd, .type = t, .arg = { t, t }, .aux = 16 });
        check((struct test){ .op = IR_OP_vsad, .type = t, .arg = { t, t }, .aux = 8 });
        check((struct test){ .op = IR_OP_vshufb, .type = t, .arg = { t, t }, .aux = 8 });
        check((struct test){ .op = IR_OP_vshufd, .type = t, .arg = { t }, .aux = 32, .imm = 0x6c });
        check((struct test){ .op = IR_OP_vbsl, .type = t, .arg = { t, t, t } });
    }
}

static void moved_lanes(void **state)
{
    (void)state;
    for (unsigned lane = 8; lane <= 32; lane *= 2)
        for (unsigned half = 0; half < 2; half++)
            for (enum ir_op op = IR_OP_vmulls; op <= IR_OP_vwidenu; op = op == IR_OP_vmullu ? IR_OP_vwidens : op + 1)
                check((struct test){ .op = op, .type = IR_V128, .arg = { IR_V128, op < IR_OP_vwidens ? IR_V128 : IR_VOID },
                                     .aux = lane, .imm = half });
    for (unsigned k = 0; k <= 16; k++)
        check((struct test){ .op = IR_OP_valign, .type = IR_V128, .arg = { IR_V128, IR_V128 }, .imm = k });
    check((struct test){ .op = IR_OP_vlow, .type = IR_V128, .arg = { IR_V128 } });
    check((struct test){ .op = IR_OP_vsha256rnds, .type = IR_V128, .arg = { IR_V128, IR_V128, IR_V128 } });
    check((struct test){ .op = IR_OP_vsha256msg1, .type = IR_V128, .arg = { IR_V128, IR_V128 } });
    check((struct test){ .op = IR_OP_vsha256msg2, .type = IR_V128, .arg = { IR_V128, IR_V128 } });
    for (unsigned k = 0; k < 4; k++)
        check((struct test){ .op = IR_OP_vsha1rnds, .type = IR_V128, .arg = { IR_V128, IR_V128 }, .imm = k });
}

static void float_lanes(void **state)
{
    static const unsigned rules[] = { IR_FP_NAN_ARM, IR_FP_NAN_CANON, IR_FP_NAN_ARM | IR_FP_RTZ };
    const enum ir_type v = IR_V128;

    (void)state;
    for (unsigned w = 32; w <= 64; w += 32) {
        for (unsigned k = 0; k < ARRAY_LEN(rules); k++) {
            for (enum ir_op op = IR_OP_vfadd; op <= IR_OP_vfdiv; op++)
                check((struct test){ .op = op, .type = v, .arg = { v, v }, .aux = rules[k], .imm = w });
            check((struct test){ .op = IR_OP_vfsqrt, .type = v, .arg = { v }, .aux = rules[k], .imm = w });
            for (unsigned neg = 0; neg < 4; neg++)
                check((struct test){ .op = IR_OP_vfma, .type = v, .arg = { v, v, v }, .aux = rules[k] | neg * IR_FP_NEG_PROD, .imm = w });
            for (unsigned num = 0; num < 2; num++)
                for (enum ir_op op = IR_OP_vfmin; op <= IR_OP_vfmax; op++)
                    check((struct test){ .op = op, .type = v, .arg = { v, v }, .aux = rules[k] | num * IR_FP_MINMAX_NUM, .imm = w });
        }
        for (unsigned c = IR_FEQ; c <= IR_FEQS; c++)
            check((struct test){ .op = IR_OP_vfcmp, .type = v, .arg = { v, v }, .aux = c, .imm = w });
        for (unsigned mode = IR_FP_DYN; mode <= IR_FP_RMM; mode++)
            for (unsigned k = 0; k < 2; k++) {
                check((struct test){ .op = IR_OP_vfround, .type = v, .arg = { v }, .aux = IR_FP_NAN_ARM | mode | k * IR_FP_INEXACT, .imm = w });
                check((struct test){ .op = IR_OP_vftoi, .type = v, .arg = { v }, .aux = IR_FP_NAN_ARM | mode | k * IR_FP_UNSIGNED, .imm = w });
                check((struct test){ .op = IR_OP_vitof, .type = v, .arg = { v }, .aux = mode | k * IR_FP_UNSIGNED, .imm = w });
            }
    }
    for (unsigned half = 0; half < 2; half++)
        check((struct test){ .op = IR_OP_vfwiden, .type = v, .arg = { v }, .aux = IR_FP_NAN_ARM, .imm = half });
    check((struct test){ .op = IR_OP_vfnarrow, .type = v, .arg = { v }, .aux = IR_FP_NAN_ARM });
}

static void flags(void **state)
{
    (void)state;
    for (enum ir_type t = IR_I32; t <= IR_I64; t++) {
        check((struct test){ .op = IR_OP_flsub, .type = IR_FLAGS, .arg = { t, t } });
        check((struct test){ .op = IR_OP_fladd, .type = IR_FLAGS, .arg = { t, t } });
        check((struct test){ .op = IR_OP_fllogic, .type = IR_FLAGS, .arg = { t } });
        for (unsigned c = IR_EQ; c <= IR_VC; c++) {
            if ((c & 7) == IR_TSTZ)
                continue;
            check((struct test){ .op = IR_OP_flcc, .type = t, .arg = { IR_FLAGS }, .aux = c });
            check((struct test){ .op = IR_OP_flselect, .type = t, .arg = { IR_FLAGS, t, t }, .aux = c });
        }
    }
}

static void branches(void **state)
{
    (void)state;
    for (int how = 1; how <= 2; how++)
        for (enum ir_type t = IR_I32; t <= IR_I64; t++) {
            enum ir_type f = t == IR_I32 ? IR_F32 : IR_F64;

            for (unsigned c = IR_EQ; c <= IR_TSTNZ; c++)
                if ((c & 7) <= IR_TSTZ)
                    check((struct test){ .op = IR_OP_setcc, .type = t, .arg = { t, t }, .aux = c, .branch = how });
            for (unsigned c = IR_FEQ; c <= IR_FEQS; c++)
                check((struct test){ .op = IR_OP_fcmp, .type = t, .arg = { f, f }, .aux = c, .branch = how });
        }
}

/* --- with each set of features ------------------------------------------------------------------------------------------------ */

static const char *const without[] = {
    "", "avx512", "avx512,avx2,gfni,sha", "avx", "fma,bmi2,popcnt,pclmul,aes", "all",
};

static int set_up(void **state)
{
    const char *masked = *state;
    char *env = getenv("RHEA_HOST_WITHOUT");
    char list[256];
    int used;

    snprintf(list, sizeof list, "%s", masked);
    if (!env || masked[0])
        setenv("RHEA_HOST_WITHOUT", list, 1);
    used = host_init(&mode, &no_calls, code, code, ROOM);
    if (masked[0])
        unsetenv("RHEA_HOST_WITHOUT");
    code_used = (uint32_t)used;
    return used < 0;
}

int main(int argc, char **argv)
{
    enum { SETS = ARRAY_LEN(without), PARTS = 9 };
    static struct CMUnitTest tests[PARTS * SETS];
    static const struct { const char *name; CMUnitTestFunction fn; } parts[] = {
        { "integers", integers }, { "floats", floats }, { "float bits", float_bits }, { "vectors", vectors }, { "flags", flags },
        { "branches", branches }, { "lanes", lanes }, { "moved lanes", moved_lanes }, { "float lanes", float_lanes },
    };
    static char names[PARTS * SETS][64];

    only = argc > 1 ? argv[1] : NULL;
    set_up_slots();
    code = mmap(NULL, ROOM, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (unsigned k = 0; k < PARTS * SETS; k++) {
        snprintf(names[k], sizeof names[k], "%s without '%s'", parts[k % PARTS].name, without[k / PARTS]);
        tests[k] = (struct CMUnitTest){ names[k], parts[k % PARTS].fn, set_up, NULL, (void *)(uintptr_t)without[k / PARTS] };
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

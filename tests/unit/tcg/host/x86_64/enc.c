/* tests/unit/tcg/host/x86_64/enc.c - each encoding, with registers and memory operands of every shape, read back by
 * capstone: one instruction, of that length, of that name, with those operands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config.h"
#include "core/base/bits.h"
#include "tcg/host/x86_64/enc.h"

#ifndef CONFIG_CAPSTONE
int main(void)
{
    puts("built without capstone");
    return 77;
}
#else
#include <capstone/capstone.h>

static csh cs;
static uint8_t bytes[64];

static const struct { enum x64_op op; const char *name; } renamed[] = {
    { X_mov_load, "mov" }, { X_mov_store, "mov" }, { X_mov_store8, "mov" }, { X_mov_store16, "mov" }, { X_mov_load8, "mov" },
    { X_mov_load16, "mov" }, { X_movzx8, "movzx" }, { X_movzx16, "movzx" }, { X_movsx8, "movsx" }, { X_movsx16, "movsx" },
    { X_movd_x, "mov" }, { X_movd_r, "mov" }, { X_pinsr, "pins" }, { X_pextr, "pext" }, { X_imul_i8, "imul" }, { X_imul_i32, "imul" },
    { X_xchg8, "xchg" }, { X_xchg16, "xchg" }, { X_xadd8, "xadd" }, { X_xadd16, "xadd" }, { X_cmpxchg8, "cmpxchg" },
    { X_cmpxchg16, "cmpxchg" }, { X_crc32_8, "crc32" }, { X_crc32_16, "crc32" }, { X_pclmulqdq, "pclmul" },
    { X_cmpps, "cmpunordps" }, { X_cmppd, "cmpunordpd" },
};

static bool is_shift(enum x64_op op) { return op == X_psllw_i || op == X_pslld_i || op == X_psllq_i; }

static const char *expected(enum x64_op op, char *buf)
{
    for (unsigned k = 0; k < ARRAY_LEN(renamed); k++)
        if (renamed[k].op == op)
            return renamed[k].name;
    snprintf(buf, 32, "%s", x64_op_names[op]);
    buf[strcspn(buf, "_")] = 0;
    return buf;
}

/* Immediate bytes behind the operands; the encodings that have one. */
static unsigned trail(enum x64_op op)
{
    switch (op) {
    case X_imul_i32: return 4;
    case X_imul_i8: case X_shld: case X_shrd: case X_rorx: case X_roundsd: case X_roundss: case X_pinsrb: case X_pinsrw: case X_pinsr:
    case X_pextrb: case X_pextrw: case X_pextr: case X_insertps: case X_pshufd: case X_pshuflw: case X_pclmulqdq: case X_gf2p8affineqb:
    case X_vinserti128: case X_vextracti128: case X_psllw_i: case X_pslld_i: case X_psllq_i:
    case X_palignr: case X_shufps: case X_sha1rnds4: case X_cmpps: case X_cmppd: case X_roundps: case X_roundpd: case X_vpternlogd:
    case X_vcvtps2ph:
        return 1;
    default: return 0;
    }
}

static bool reg_only(enum x64_op op)
{
    return (op >= X_vcvttsd2usi && op <= X_vcvtusi2ss) || is_shift(op) || op == X_pextrw || op == X_pmovmskb ||
           op == X_movmskps || op == X_movhlps;
}

static bool mem_only(enum x64_op op)
{
    return op == X_lea || op == X_ldmxcsr || op == X_movbe_load || op == X_movbe_store || op == X_movbe_load16 ||
           op == X_movbe_store16 || op == X_movsd_m || op == X_movss_m || op == X_movq_m;
}

/* 256-bit only, or newer than the disassembler */
static bool left_out(enum x64_op op)
{
    switch (op) {
    case X_vinserti128: case X_vextracti128: case X_gf2p8affineqb: case X_vpmullq: case X_vpsravq: case X_vpsllvw: case X_vpsrlvw:
    case X_vpsravw: case X_vplzcntd: case X_vplzcntq: case X_vpternlogd: case X_vcvtudq2ps: case X_vcvtqq2pd: case X_vcvtuqq2pd:
    case X_vcvttps2udq: case X_vcvtps2udq: case X_vcvttpd2qq: case X_vcvtpd2qq: case X_vcvttpd2uqq: case X_vcvtpd2uqq:
        return true;                           /* tests/unit/tcg/host/x86_64/ops.c runs them */
    default:
        return op >= X_vpminsq && op <= X_vpmaxuq;
    }
}

static void check_mem(const cs_insn *i, const struct x64_rm *m)
{
    const cs_x86 *x = &i->detail->x86;
    bool found = false;

    for (unsigned k = 0; k < x->op_count; k++) {
        const x86_op_mem *g = &x->operands[k].mem;

        if (x->operands[k].type != X86_OP_MEM)
            continue;
        found = true;
        assert_int_equal(g->disp, m->disp);
        assert_int_equal(g->base != X86_REG_INVALID, m->base >= 0);
        assert_int_equal(g->index != X86_REG_INVALID && g->index != X86_REG_RIZ && g->index != X86_REG_EIZ, m->index >= 0);
        if (m->index >= 0)
            assert_int_equal(g->scale, 1 << m->scale);
        assert_int_equal(g->segment == X86_REG_GS, m->gs);
    }
    assert_true(found);
}

static void check(enum x64_op op, bool avx, bool w, unsigned reg, struct x64_rm rm)
{
    struct x64_buf b;
    const char *got;
    char name[32];
    cs_insn *i;
    size_t n;

    memset(bytes, 0x90, sizeof bytes);
    x64_buf_init(&b, bytes, sizeof bytes, avx);
    x64_op(&b, op, w, reg, is_shift(op) ? reg & 1 : 0, rm, trail(op));
    for (unsigned k = 0; k < trail(op); k++)
        x64_u8(&b, 3);
    n = cs_disasm(cs, bytes, x64_here(&b), 0x1000, 0, &i);
    if (n != 1 || i->size != x64_here(&b)) {
        print_error("%s avx=%d w=%d reg=%u rm=%d base=%d index=%d: %zu instructions, %u bytes\n", x64_op_names[op], avx, w, reg, rm.reg,
                    rm.base, rm.index, n, x64_here(&b));
        for (unsigned k = 0; k < x64_here(&b); k++)
            print_error("%02x ", bytes[k]);
        fail();
    }
    got = i->mnemonic;
    if (expected(op, name)[0] != 'v' && got[0] == 'v')
        got++;
    if (!is_shift(op) && strncmp(got, expected(op, name), strlen(expected(op, name)) - 1)) {
        print_error("%s is read as %s %s\n", x64_op_names[op], i->mnemonic, i->op_str);
        fail();
    }
    if (rm.reg < 0)
        check_mem(i, &rm);
    x64_buf_free(&b);
    cs_free(i, n);
}

static void with_operands(enum x64_op op, bool avx, bool w)
{
    static const int8_t base[] = { RAX, RBP, RSP, R12, R13, RDI }, index[] = { -1, RCX, R9, RBP, R12 };
    static const int32_t disp[] = { 0, 8, -128, 127, 128, -4096, 0x12345 };

    for (unsigned r = 0; r < 16 && !mem_only(op); r++)
        for (unsigned k = 0; k < 16; k += 3)
            check(op, avx, w, is_shift(op) ? 6 : r, x64_r(k));
    for (unsigned k = 0; k < ARRAY_LEN(base) && !reg_only(op); k++)
        for (unsigned j = 0; j < ARRAY_LEN(index); j++)
            for (unsigned d = 0; d < ARRAY_LEN(disp); d++) {
                struct x64_rm m = x64_mx(base[k], index[j], index[j] < 0 ? 0 : d & 3, disp[d]);

                m.gs = d == 5;
                check(op, avx, w, op == X_ldmxcsr ? 2 : (k * 7 + j * 3 + d) & 15, m);
            }
}

static void each_encoding(void **state)
{
    (void)state;
    for (enum x64_op op = 0; op < X_NOPS; op++)
        for (unsigned how = 0; how < 4; how++)
            if (!left_out(op) && !(op == X_movsxd && !(how & 2) && cs_version(NULL, NULL) >> 8 >= 5))  /* it reads REX.W only */
                with_operands(op, how & 1, how & 2);
}

/* --- the functions beside the table ------------------------------------------------------------------------------------- */

/* Versions of the disassembler differ in how they write a negative immediate: its value counts. */
static bool same_text(const char *a, const char *b)
{
    const char *x = strrchr(a, ' '), *y = strrchr(b, ' ');
    char *xe, *ye;

    if (strcmp(a, b) == 0)
        return true;
    if (!x || !y || x - a != y - b || strncmp(a, b, x - a) != 0)
        return false;
    return strtoull(x, &xe, 0) == strtoull(y, &ye, 0) && xe > x + 1 && !*xe && !*ye;
}

static void reads_as(struct x64_buf *b, const char *want)
{
    char got[256];
    cs_insn *i;

    assert_int_equal(cs_disasm(cs, b->start, x64_here(b), 0x1000, 0, &i), 1);
    assert_int_equal(i->size, x64_here(b));
    snprintf(got, sizeof got, "%s %s", i->mnemonic, i->op_str);
    if (!same_text(got, want))
        assert_string_equal(got, want);
    cs_free(i, 1);
    b->p = b->start;
}

static void short_forms(void **state)
{
    struct x64_buf b;

    (void)state;
    x64_buf_init(&b, bytes, sizeof bytes, true);
    x64_movi(&b, R9, 0), reads_as(&b, "xor r9d, r9d");
    x64_movi(&b, RBX, 5), reads_as(&b, "mov ebx, 5");
    x64_movi(&b, R12, 0xfffffffffffffffe), reads_as(&b, "mov r12, -2");
    x64_movi(&b, R12, 0x123456789a), reads_as(&b, "movabs r12, 0x123456789a");
    x64_alui(&b, ALU_ADD, true, x64_r(R10), 1), reads_as(&b, "add r10, 1");
    x64_alui(&b, ALU_CMP, false, x64_m(RBP, -192), 0), reads_as(&b, "cmp dword ptr [rbp - 0xc0], 0");
    x64_alui(&b, ALU_AND, true, x64_r(RAX), -4096), reads_as(&b, "and rax, 0xfffffffffffff000");
    x64_testi(&b, true, x64_r(RCX), 7), reads_as(&b, "test cl, 7");
    x64_testi(&b, true, x64_r(RSI), 7), reads_as(&b, "test esi, 7");
    x64_testi(&b, true, x64_r(RSI), -8), reads_as(&b, "test rsi, -8");
    x64_movi_m(&b, 2, x64_m(R13, 0), 0x1234), reads_as(&b, "mov word ptr [r13], 0x1234");
    x64_movi_m(&b, 8, x64_mx(R14, RSI, 3, 16), -1), reads_as(&b, "mov qword ptr [r14 + rsi*8 + 0x10], -1");
    x64_setcc(&b, CC_G, RSI), reads_as(&b, "setg sil");
    x64_cmov(&b, CC_B, true, R8, x64_r(RAX)), reads_as(&b, "cmovb r8, rax");
    x64_bswap(&b, false, R11), reads_as(&b, "bswap r11d");
    x64_shift(&b, SH_SAR, true, RDI, 63), reads_as(&b, "sar rdi, 0x3f");
    x64_push(&b, R14), reads_as(&b, "push r14");
    x64_pushi(&b, 0x1234), reads_as(&b, "push 0x1234");
    x64_call_r(&b, R11), reads_as(&b, "call r11");
    x64_jmp_rm(&b, x64_mx(RBP, R11, 3, 0x100)), reads_as(&b, "jmp qword ptr [rbp + r11*8 + 0x100]");
    x64_op256(&b, X_paddd, 1, 2, x64_r(12), 0), reads_as(&b, "vpaddd ymm1, ymm2, ymm12");
    x64_vvv(&b, X_addsd, false, 9, 1, x64_r(2)), reads_as(&b, "vaddsd xmm9, xmm1, xmm2");
    x64_vshift(&b, X_psllw_i, false, 2, 3, 9, 4), reads_as(&b, "vpsrlw xmm3, xmm9, 4");
    for (unsigned n = 1; n <= 9; n++) {
        cs_insn *i;

        x64_nop(&b, n);
        assert_int_equal(cs_disasm(cs, bytes, n, 0, 0, &i), 1);
        assert_string_equal(i->mnemonic, "nop");
        cs_free(i, 1);
        b.p = b.start;
    }
}

static void literals_are_reached_and_shared(void **state)
{
    uint8_t room[256];
    struct x64_buf b;
    struct x64_rm one, two;
    int32_t rel;

    (void)state;
    x64_buf_init(&b, room, sizeof room, true);
    one = x64_literal64(&b, 0x1122334455667788);
    two = x64_literal128(&b, 7, 8);
    assert_int_equal(x64_literal64(&b, 0x1122334455667788).disp, one.disp);
    assert_int_equal(two.disp % 16, 0);
    x64_g(&b, X_mov_load, true, RAX, one);                 /* 48 8b 05 rel32 */
    x64_vvv(&b, X_paddd, false, 0, 1, two);
    x64_pool_flush(&b);
    memcpy(&rel, room + 3, 4);
    assert_int_equal(*(uint64_t *)(void *)(room + 7 + rel), 0x1122334455667788);
    assert_false(b.full);
    x64_buf_free(&b);
}

static void a_full_buffer_says_so(void **state)
{
    struct x64_buf b;

    (void)state;
    memset(bytes, 0x5a, sizeof bytes);
    x64_buf_init(&b, bytes, 8, true);
    for (unsigned k = 0; k < 4; k++)
        x64_movi(&b, RAX, 1);
    assert_true(b.full);
    assert_int_equal(bytes[8], 0x5a);
    x64_bind(&b, x64_jmp(&b), 0);
    assert_int_equal(bytes[8], 0x5a);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_encoding), cmocka_unit_test(short_forms), cmocka_unit_test(literals_are_reached_and_shared),
        cmocka_unit_test(a_full_buffer_says_so),
    };

    if (cs_open(CS_ARCH_X86, CS_MODE_64, &cs) || cs_option(cs, CS_OPT_DETAIL, CS_OPT_ON))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif

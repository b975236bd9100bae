/* targets/arm/tr_a32_int.c - A32 and T32 data processing, multiplication and bit fields. Arm ARM (DDI 0487), F5. */
#include "targets/arm/a32.insn.h"
#include "targets/arm/tr_a32.h"

/* --- the second operand ---------------------------------------------------------------------------------------------------- */

/* A value and the carry that its shifter gives: bit `bit` of `carry`; carry IR_NONE: C stays. */
struct operand { ir_ref v, carry; unsigned bit; };

static uint32_t ror32(uint32_t v, unsigned by) { return by & 31 ? v >> (by & 31) | v << (32 - (by & 31)) : v; }

/* A32ExpandImm_C: 8 bits rotated right by twice the upper four. */
static struct operand a32_expand(struct tr_a32 *t, int imm12)
{
    unsigned rotate = (unsigned)imm12 >> 8 << 1;
    ir_ref v = a32_const(t, ror32((unsigned)imm12 & 255, rotate));

    return (struct operand){ v, rotate ? v : IR_NONE, 31 };
}

/* T32ExpandImm_C: i:imm3:imm8. */
static struct operand t32_expand(struct tr_a32 *t, int imm12)
{
    uint32_t low = (unsigned)imm12 & 255;
    ir_ref v;

    switch (imm12 >> 8) {
    case 0: return (struct operand){ .v = a32_const(t, low) };
    case 1: return (struct operand){ .v = a32_const(t, low << 16 | low) };
    case 2: return (struct operand){ .v = a32_const(t, low << 24 | low << 8) };
    case 3: return (struct operand){ .v = a32_const(t, low * 0x01010101) };
    }
    v = a32_const(t, ror32(0x80 | (imm12 & 127), (unsigned)imm12 >> 7));
    return (struct operand){ v, v, 31 };
}

enum { LSL, LSR, ASR, ROR };

/* By a constant as encoded: LSR #0 and ASR #0 mean 32, ROR #0 is RRX. */
static struct operand shifted(struct tr_a32 *t, int rm, int type, int amount)
{
    struct ir *ir = a32_ir(t);
    ir_ref m = a32_r(t, rm);
    unsigned by = (unsigned)amount;

    switch (type) {
    case LSL:
        if (!by)
            return (struct operand){ .v = m };
        return (struct operand){ ir_bini(ir, IR_OP_shl, m, by), m, 32 - by };
    case LSR:
        return (struct operand){ by ? ir_bini(ir, IR_OP_shr, m, by) : a32_const(t, 0), m, (by - 1) & 31 };
    case ASR:
        return (struct operand){ ir_bini(ir, IR_OP_sar, m, by ? by : 31), m, (by - 1) & 31 };
    default:
        if (by)
            return (struct operand){ ir_bini(ir, IR_OP_rotr, m, by), m, by - 1 };
        return (struct operand){ ir_bin(ir, IR_OP_or, ir_bini(ir, IR_OP_shr, m, 1), ir_bini(ir, IR_OP_shl, a32_carry(t), 31)), m, 0 };
    }
}

/* By the low byte of a register. In 64 bits a count up to 63 is enough: bit 32 of the value, and bit 0 of what has been
 * shifted one less, are the carries. With a count of 0 C stays. */
static struct operand shifted_by(struct tr_a32 *t, ir_ref m, int type, ir_ref count, bool carry)
{
    struct ir *ir = a32_ir(t);
    ir_ref by = ir_bini(ir, IR_OP_and, count, 255), by64, wide, v, c;

    if (type == ROR) {
        v = ir_bin(ir, IR_OP_rotr, m, by);
        c = ir_bini(ir, IR_OP_shr, v, 31);
    } else {
        by64 = ir_conv(ir, IR_OP_zext, IR_I64, ir_bin(ir, IR_OP_umin, by, a32_const(t, 63)));
        wide = ir_conv(ir, type == ASR ? IR_OP_sext : IR_OP_zext, IR_I64, m);
        v = ir_bin(ir, type == LSL ? IR_OP_shl : type == LSR ? IR_OP_shr : IR_OP_sar, wide, by64);
        if (type == LSL)
            c = ir_ext(ir, v, 32, 1, false);
        else
            c = ir_bini(ir, IR_OP_and, ir_bin(ir, type == LSR ? IR_OP_shr : IR_OP_sar, ir_bini(ir, IR_OP_shl, wide, 1), by64), 1);
        v = ir_conv(ir, IR_OP_trunc, IR_I32, v);
        c = ir_conv(ir, IR_OP_trunc, IR_I32, c);
    }
    if (!carry)
        return (struct operand){ .v = v };
    return (struct operand){ v, ir_select(ir, IR_EQ, by, a32_const(t, 0), a32_carry(t), c), 0 };
}

/* --- data processing --------------------------------------------------------------------------------------------------------- */

enum dp { AND, EOR, SUB, RSB, ADD, ADC, SBC, RSC, TST, TEQ, CMP, CMN, ORR, MOV, BIC, MVN, ORN };

static ir_ref logic(struct tr_a32 *t, enum dp op, ir_ref n, ir_ref m)
{
    struct ir *ir = a32_ir(t);

    switch (op) {
    case AND: case TST: return ir_bin(ir, IR_OP_and, n, m);
    case EOR: case TEQ: return ir_bin(ir, IR_OP_xor, n, m);
    case ORR: return ir_bin(ir, IR_OP_or, n, m);
    case BIC: return ir_bin(ir, IR_OP_andn, n, m);
    case ORN: return ir_bin(ir, IR_OP_or, n, ir_un(ir, IR_OP_not, m));
    case MVN: return ir_un(ir, IR_OP_not, m);
    default: return m;
    }
}

static bool compares(enum dp op) { return op >= TST && op <= CMN; }

/* A return from an exception: MOVS PC, SUBS PC and their kin (DDI 0487, F5.1.298). */
static bool exception_return(struct tr_a32 *t, int rd, bool flags, enum dp op, ir_ref n, ir_ref m)
{
    bool sub = op == SUB || op == RSB;

    if (rd != 15 || !flags || compares(op))
        return false;
    if (op == ADC || op == SBC || op == RSC)   /* nobody returns by these */
        a32_undefined(t);
    else if (op == ADD || sub)
        a32_exception_return(t, ir_bin(a32_ir(t), sub ? IR_OP_sub : IR_OP_add, op == RSB ? m : n, op == RSB ? n : m), IR_NONE);
    else
        a32_exception_return(t, logic(t, op, n, m), IR_NONE);
    return true;
}

/* A move of LR to PC is how old code returns. */
static void put_result(struct tr_a32 *t, int rd, ir_ref v, enum dp op)
{
    bool is_lr = op == MOV && rd == 15 && v == ir_read_slot(a32_ir(t), ARM_SLOT_R0 + 14);

    if (is_lr)
        a32_bx(t, t->thumb ? ir_bini(a32_ir(t), IR_OP_or, v, 1) : v, IR_JUMP_RET);
    else if (!compares(op))
        a32_put(t, rd, v);
}

static void with_carry(struct tr_a32 *t, enum dp op, bool flags, int rd, ir_ref n, ir_ref m)
{
    struct ir *ir = a32_ir(t);
    ir_ref c = a32_carry(t), r;

    if (op == RSC) {
        ir_ref swap = n;

        n = m;
        m = swap;
    }
    if (op != ADC)
        m = ir_un(ir, IR_OP_not, m);
    r = ir_bin(ir, IR_OP_add, ir_bin(ir, IR_OP_add, n, m), c);
    if (flags)
        a32_set_adc(t, n, m, c);
    a32_put(t, rd, r);
}

static void arith(struct tr_a32 *t, enum dp op, bool flags, int rd, ir_ref n, ir_ref m)
{
    bool sub = op == SUB || op == RSB || op == CMP;
    ir_ref a = op == RSB ? m : n, b = op == RSB ? n : m, r;

    if (op == ADC || op == SBC || op == RSC) {
        with_carry(t, op, flags, rd, n, m);
        return;
    }
    r = compares(op) ? IR_NONE : ir_bin(a32_ir(t), sub ? IR_OP_sub : IR_OP_add, a, b);
    if (flags && sub)
        a32_set_sub(t, a, b);
    else if (flags)
        a32_set_add(t, a, b);
    if (r)
        a32_put(t, rd, r);
}

static bool is_logic(enum dp op) { return op <= EOR || op == TST || op == TEQ || op >= ORR; }

static void process(struct tr_a32 *t, enum dp op, int s, int rn, int rd, struct operand m)
{
    bool flags = a32_sets_flags(t, s);
    ir_ref n = op == MOV || op == MVN ? IR_NONE : a32_r(t, rn), r;

    if (exception_return(t, rd, flags, op, n, m.v))
        return;
    if (!is_logic(op)) {
        arith(t, op, flags, rd, n, m.v);
        return;
    }
    r = logic(t, op, n, m.v);
    if (flags && m.carry)
        a32_set_nzc(t, r, m.carry, m.bit);
    else if (flags)
        a32_set_nz(t, r);
    put_result(t, rd, r, op);
}

#define DP_FORMS(name, op, s, rn, rd) \
    void tr_a32_##name##_imm(struct tr_a32 *t, const struct args_a32_##name##_imm *a) \
    { process(t, op, s, rn, rd, a32_expand(t, a->imm)); } \
    void tr_a32_##name(struct tr_a32 *t, const struct args_a32_##name *a) \
    { process(t, op, s, rn, rd, shifted(t, a->rm, a->type, a->amount)); } \
    void tr_a32_##name##_rsr(struct tr_a32 *t, const struct args_a32_##name##_rsr *a) \
    { \
        process(t, op, s, rn, rd, shifted_by(t, a32_r(t, a->rm), a->type, a32_r(t, a->rs), \
                                             a32_sets_flags(t, s) && is_logic(op))); \
    }
DP_FORMS(and, AND, a->s, a->rn, a->rd)
DP_FORMS(eor, EOR, a->s, a->rn, a->rd)
DP_FORMS(sub, SUB, a->s, a->rn, a->rd)
DP_FORMS(rsb, RSB, a->s, a->rn, a->rd)
DP_FORMS(add, ADD, a->s, a->rn, a->rd)
DP_FORMS(adc, ADC, a->s, a->rn, a->rd)
DP_FORMS(sbc, SBC, a->s, a->rn, a->rd)
DP_FORMS(rsc, RSC, a->s, a->rn, a->rd)
DP_FORMS(tst, TST, 1, a->rn, 0)
DP_FORMS(teq, TEQ, 1, a->rn, 0)
DP_FORMS(cmp, CMP, 1, a->rn, 0)
DP_FORMS(cmn, CMN, 1, a->rn, 0)
DP_FORMS(orr, ORR, a->s, a->rn, a->rd)
DP_FORMS(mov, MOV, a->s, 0, a->rd)
DP_FORMS(bic, BIC, a->s, a->rn, a->rd)
DP_FORMS(mvn, MVN, a->s, 0, a->rd)

#define T32_IMM(name, op, s, rn, rd) \
    void tr_t32_##name##_imm(struct tr_a32 *t, const struct args_t32_##name##_imm *a) \
    { process(t, op, s, rn, rd, t32_expand(t, a->imm)); }
T32_IMM(and, AND, a->s, a->rn, a->rd)
T32_IMM(eor, EOR, a->s, a->rn, a->rd)
T32_IMM(sub, SUB, a->s, a->rn, a->rd)
T32_IMM(rsb, RSB, a->s, a->rn, a->rd)
T32_IMM(add, ADD, a->s, a->rn, a->rd)
T32_IMM(adc, ADC, a->s, a->rn, a->rd)
T32_IMM(sbc, SBC, a->s, a->rn, a->rd)
T32_IMM(tst, TST, 1, a->rn, 0)
T32_IMM(teq, TEQ, 1, a->rn, 0)
T32_IMM(cmp, CMP, 1, a->rn, 0)
T32_IMM(cmn, CMN, 1, a->rn, 0)
T32_IMM(orr, ORR, a->s, a->rn, a->rd)
T32_IMM(mov, MOV, a->s, 0, a->rd)
T32_IMM(bic, BIC, a->s, a->rn, a->rd)
T32_IMM(mvn, MVN, a->s, 0, a->rd)
T32_IMM(orn, ORN, a->s, a->rn, a->rd)

void tr_t32_orn(struct tr_a32 *t, const struct args_t32_orn *a)
{
    process(t, ORN, a->s, a->rn, a->rd, shifted(t, a->rm, a->type, a->amount));
}

/* Plain immediates: ADDS Rd, Rn, #imm3 and the 12-bit forms; ADR is one on the aligned PC. */
static struct operand plain(struct tr_a32 *t, int imm) { return (struct operand){ .v = a32_const(t, (uint32_t)imm) }; }

#define PLAIN(name, op, s) \
    void tr_##name(struct tr_a32 *t, const struct args_##name *a) { process(t, op, s, a->rn, a->rd, plain(t, a->imm)); }
PLAIN(t16_add3, ADD, 2)
PLAIN(t16_sub3, SUB, 2)
PLAIN(t32_addw, ADD, 0)
PLAIN(t32_subw, SUB, 0)

void tr_t32_adr(struct tr_a32 *t, const struct args_t32_adr *a)
{
    a32_put(t, a->rd, a32_code_address(t, ((t->at + 4) & ~UINT64_C(3)) + (uint64_t)(int64_t)a->imm));
}

void tr_t32_adr_sub(struct tr_a32 *t, const struct args_t32_adr_sub *a)
{
    a32_put(t, a->rd, a32_code_address(t, ((t->at + 4) & ~UINT64_C(3)) - (uint64_t)a->imm));
}

void tr_a32_movw(struct tr_a32 *t, const struct args_a32_movw *a) { a32_put(t, a->rd, a32_const(t, (uint32_t)a->imm)); }

void tr_a32_movt(struct tr_a32 *t, const struct args_a32_movt *a)
{
    a32_put(t, a->rd, ir_deposit(a32_ir(t), a32_r(t, a->rd), a32_const(t, (uint32_t)a->imm), 16, 16));
}

/* --- multiplication ------------------------------------------------------------------------------------------------------------ */

static ir_ref bin(struct tr_a32 *t, enum ir_op op, ir_ref a, ir_ref b) { return ir_bin(a32_ir(t), op, a, b); }

static void put_nz(struct tr_a32 *t, int rd, int s, ir_ref v)
{
    if (a32_sets_flags(t, s))
        a32_set_nz(t, v);
    a32_put(t, rd, v);
}

void tr_a32_mul(struct tr_a32 *t, const struct args_a32_mul *a)
{
    put_nz(t, a->rd, a->s, bin(t, IR_OP_mul, a32_r(t, a->rn), a32_r(t, a->rm)));
}

void tr_a32_mla(struct tr_a32 *t, const struct args_a32_mla *a)
{
    put_nz(t, a->rd, a->s, bin(t, IR_OP_add, a32_r(t, a->ra), bin(t, IR_OP_mul, a32_r(t, a->rn), a32_r(t, a->rm))));
}

void tr_a32_mls(struct tr_a32 *t, const struct args_a32_mls *a)
{
    a32_put(t, a->rd, bin(t, IR_OP_sub, a32_r(t, a->ra), bin(t, IR_OP_mul, a32_r(t, a->rn), a32_r(t, a->rm))));
}

static ir_ref widened(struct tr_a32 *t, ir_ref v, bool sign)
{
    return ir_conv(a32_ir(t), sign ? IR_OP_sext : IR_OP_zext, IR_I64, v);
}

static ir_ref low(struct tr_a32 *t, ir_ref v) { return ir_conv(a32_ir(t), IR_OP_trunc, IR_I32, v); }
static ir_ref high(struct tr_a32 *t, ir_ref v) { return low(t, ir_bini(a32_ir(t), IR_OP_shr, v, 32)); }

static ir_ref product(struct tr_a32 *t, int rn, int rm, bool sign)
{
    return bin(t, IR_OP_mul, widened(t, a32_r(t, rn), sign), widened(t, a32_r(t, rm), sign));
}

static ir_ref pair(struct tr_a32 *t, int hi, int lo)
{
    return bin(t, IR_OP_or, widened(t, a32_r(t, lo), false), ir_bini(a32_ir(t), IR_OP_shl, widened(t, a32_r(t, hi), false), 32));
}

static void put_pair(struct tr_a32 *t, int hi, int lo, ir_ref v)
{
    a32_put(t, lo, low(t, v));
    a32_put(t, hi, high(t, v));
}

/* N and Z of 64 bits, as of 32: N is the upper half's; Z if both are 0. */
static void long_flags(struct tr_a32 *t, int s, ir_ref v)
{
    ir_ref hi, any;

    if (!a32_sets_flags(t, s))
        return;
    hi = high(t, v);
    any = ir_setcc(a32_ir(t), IR_I32, IR_NE, v, ir_i64(a32_ir(t), 0));
    a32_set_nz(t, bin(t, IR_OP_or, any, ir_bini(a32_ir(t), IR_OP_and, hi, 1u << 31)));
}

static void multiply_long(struct tr_a32 *t, const struct args_a32_umull *a, bool sign, bool add)
{
    ir_ref v = product(t, a->rn, a->rm, sign);

    if (add)
        v = bin(t, IR_OP_add, v, pair(t, a->hi, a->lo));
    long_flags(t, a->s, v);
    put_pair(t, a->hi, a->lo, v);
}

void tr_a32_umull(struct tr_a32 *t, const struct args_a32_umull *a) { multiply_long(t, a, false, false); }
void tr_a32_umlal(struct tr_a32 *t, const struct args_a32_umlal *a) { multiply_long(t, a, false, true); }
void tr_a32_smull(struct tr_a32 *t, const struct args_a32_smull *a) { multiply_long(t, a, true, false); }
void tr_a32_smlal(struct tr_a32 *t, const struct args_a32_smlal *a) { multiply_long(t, a, true, true); }

void tr_a32_umaal(struct tr_a32 *t, const struct args_a32_umaal *a)
{
    ir_ref v = bin(t, IR_OP_add, product(t, a->rn, a->rm, false), widened(t, a32_r(t, a->lo), false));

    put_pair(t, a->hi, a->lo, bin(t, IR_OP_add, v, widened(t, a32_r(t, a->hi), false)));
}

static ir_ref half(struct tr_a32 *t, int r, bool top) { return ir_ext(a32_ir(t), a32_r(t, r), top ? 16 : 0, 16, true); }

/* a + b with Q set when it overflows. */
static ir_ref add_q(struct tr_a32 *t, ir_ref a, ir_ref b)
{
    ir_ref r = bin(t, IR_OP_add, a, b);
    ir_ref v = bin(t, IR_OP_and, bin(t, IR_OP_xor, a, r), bin(t, IR_OP_xor, b, r));

    a32_set_q(t, ir_bini(a32_ir(t), IR_OP_shr, v, 31));
    return r;
}

void tr_a32_smulxy(struct tr_a32 *t, const struct args_a32_smulxy *a)
{
    a32_put(t, a->rd, bin(t, IR_OP_mul, half(t, a->rn, a->x), half(t, a->rm, a->y)));
}

void tr_a32_smlaxy(struct tr_a32 *t, const struct args_a32_smlaxy *a)
{
    a32_put(t, a->rd, add_q(t, bin(t, IR_OP_mul, half(t, a->rn, a->x), half(t, a->rm, a->y)), a32_r(t, a->ra)));
}

void tr_a32_smlalxy(struct tr_a32 *t, const struct args_a32_smlalxy *a)
{
    ir_ref p = bin(t, IR_OP_mul, half(t, a->rn, a->x), half(t, a->rm, a->y));

    put_pair(t, a->hi, a->lo, bin(t, IR_OP_add, widened(t, p, true), pair(t, a->hi, a->lo)));
}

static ir_ref word_by_half(struct tr_a32 *t, int rn, int rm, bool top)
{
    ir_ref p = bin(t, IR_OP_mul, widened(t, a32_r(t, rn), true), widened(t, half(t, rm, top), true));

    return low(t, ir_bini(a32_ir(t), IR_OP_sar, p, 16));
}

void tr_a32_smulwy(struct tr_a32 *t, const struct args_a32_smulwy *a) { a32_put(t, a->rd, word_by_half(t, a->rn, a->rm, a->y)); }

void tr_a32_smlawy(struct tr_a32 *t, const struct args_a32_smlawy *a)
{
    a32_put(t, a->rd, add_q(t, word_by_half(t, a->rn, a->rm, a->y), a32_r(t, a->ra)));
}

/* Two products of halves, x: the halves of Rm exchanged; their sum or difference in 64 bits. */
static ir_ref dual(struct tr_a32 *t, int rn, int rm, bool x, bool sub)
{
    ir_ref p = widened(t, bin(t, IR_OP_mul, half(t, rn, false), half(t, rm, x)), true);
    ir_ref q = widened(t, bin(t, IR_OP_mul, half(t, rn, true), half(t, rm, !x)), true);

    return bin(t, sub ? IR_OP_sub : IR_OP_add, p, q);
}

/* Q if the 64-bit sum is not that of its low half. */
static void put_q(struct tr_a32 *t, int rd, ir_ref sum)
{
    ir_ref r = low(t, sum);

    a32_set_q(t, ir_setcc(a32_ir(t), IR_I32, IR_NE, widened(t, r, true), sum));
    a32_put(t, rd, r);
}

void tr_a32_smuad(struct tr_a32 *t, const struct args_a32_smuad *a) { put_q(t, a->rd, dual(t, a->rn, a->rm, a->x, false)); }

void tr_a32_smusd(struct tr_a32 *t, const struct args_a32_smusd *a)
{
    a32_put(t, a->rd, low(t, dual(t, a->rn, a->rm, a->x, true)));
}

static void dual_add(struct tr_a32 *t, const struct args_a32_smlad *a, bool sub)
{
    put_q(t, a->rd, bin(t, IR_OP_add, dual(t, a->rn, a->rm, a->x, sub), widened(t, a32_r(t, a->ra), true)));
}

void tr_a32_smlad(struct tr_a32 *t, const struct args_a32_smlad *a) { dual_add(t, a, false); }
void tr_a32_smlsd(struct tr_a32 *t, const struct args_a32_smlsd *a) { dual_add(t, a, true); }

static void dual_long(struct tr_a32 *t, const struct args_a32_smlald *a, bool sub)
{
    put_pair(t, a->hi, a->lo, bin(t, IR_OP_add, dual(t, a->rn, a->rm, a->x, sub), pair(t, a->hi, a->lo)));
}

void tr_a32_smlald(struct tr_a32 *t, const struct args_a32_smlald *a) { dual_long(t, a, false); }
void tr_a32_smlsld(struct tr_a32 *t, const struct args_a32_smlsld *a) { dual_long(t, a, true); }

/* The upper half of ra:0 plus or minus the product, rounded with r. */
static void most_significant(struct tr_a32 *t, int rd, ir_ref acc, int rn, int rm, bool r, bool sub)
{
    ir_ref v = product(t, rn, rm, true);

    if (acc)
        v = bin(t, sub ? IR_OP_sub : IR_OP_add, ir_bini(a32_ir(t), IR_OP_shl, widened(t, acc, false), 32), v);
    if (r)
        v = ir_bini(a32_ir(t), IR_OP_add, v, 0x80000000);
    a32_put(t, rd, high(t, v));
}

void tr_a32_smmul(struct tr_a32 *t, const struct args_a32_smmul *a)
{
    most_significant(t, a->rd, IR_NONE, a->rn, a->rm, a->r, false);
}

void tr_a32_smmla(struct tr_a32 *t, const struct args_a32_smmla *a)
{
    most_significant(t, a->rd, a32_r(t, a->ra), a->rn, a->rm, a->r, false);
}

void tr_a32_smmls(struct tr_a32 *t, const struct args_a32_smmls *a)
{
    most_significant(t, a->rd, a32_r(t, a->ra), a->rn, a->rm, a->r, true);
}

/* x / 0 is 0; the most negative number / -1 is itself. */
static void divide(struct tr_a32 *t, const struct args_a32_udiv *a, bool sign)
{
    struct ir *ir = a32_ir(t);
    ir_ref n = a32_r(t, a->rn), m = a32_r(t, a->rm), zero = a32_const(t, 0), one = a32_const(t, 1), q;
    ir_ref minus = a32_const(t, ~0u), safe = ir_select(ir, IR_EQ, m, zero, one, m);

    if (sign)
        safe = ir_select(ir, IR_EQ, safe, minus, one, safe);
    q = ir_bin(ir, sign ? IR_OP_divs : IR_OP_divu, n, safe);
    if (sign)
        q = ir_select(ir, IR_EQ, m, minus, ir_un(ir, IR_OP_neg, n), q);
    a32_put(t, a->rd, ir_select(ir, IR_EQ, m, zero, zero, q));
}

void tr_a32_udiv(struct tr_a32 *t, const struct args_a32_udiv *a) { divide(t, a, false); }
void tr_a32_sdiv(struct tr_a32 *t, const struct args_a32_sdiv *a) { divide(t, a, true); }

/* --- bits ------------------------------------------------------------------------------------------------------------------------ */

static void bit_field(struct tr_a32 *t, const struct args_a32_sbfx *a, bool sign)
{
    if (a->lsb + a->width > 31)
        a32_undefined(t);
    else
        a32_put(t, a->rd, ir_ext(a32_ir(t), a32_r(t, a->rn), (unsigned)a->lsb, (unsigned)a->width + 1, sign));
}

void tr_a32_sbfx(struct tr_a32 *t, const struct args_a32_sbfx *a) { bit_field(t, a, true); }
void tr_a32_ubfx(struct tr_a32 *t, const struct args_a32_ubfx *a) { bit_field(t, a, false); }

/* R15 as the source: BFC. */
void tr_a32_bfi(struct tr_a32 *t, const struct args_a32_bfi *a)
{
    if (a->msb < a->lsb)
        a32_undefined(t);
    else
        a32_put(t, a->rd, ir_deposit(a32_ir(t), a32_r(t, a->rd), a->rn == 15 ? a32_const(t, 0) : a32_r(t, a->rn),
                                     (unsigned)a->lsb, (unsigned)(a->msb - a->lsb + 1)));
}

void tr_a32_clz(struct tr_a32 *t, const struct args_a32_clz *a)
{
    a32_put(t, a->rd, ir_un(a32_ir(t), IR_OP_clz, a32_r(t, a->rm)));
}

void tr_a32_rbit(struct tr_a32 *t, const struct args_a32_rbit *a)
{
    a32_put(t, a->rd, ir_un(a32_ir(t), IR_OP_bswap, ir_un(a32_ir(t), IR_OP_brev8, a32_r(t, a->rm))));
}

void tr_a32_rev(struct tr_a32 *t, const struct args_a32_rev *a)
{
    a32_put(t, a->rd, ir_un(a32_ir(t), IR_OP_bswap, a32_r(t, a->rm)));
}

void tr_a32_rev16(struct tr_a32 *t, const struct args_a32_rev16 *a)
{
    a32_put(t, a->rd, ir_bini(a32_ir(t), IR_OP_rotr, ir_un(a32_ir(t), IR_OP_bswap, a32_r(t, a->rm)), 16));
}

void tr_a32_revsh(struct tr_a32 *t, const struct args_a32_revsh *a)
{
    a32_put(t, a->rd, ir_bini(a32_ir(t), IR_OP_sar, ir_un(a32_ir(t), IR_OP_bswap, a32_r(t, a->rm)), 16));
}

static void checksum(struct tr_a32 *t, enum ir_op op, const struct args_a32_crc32 *a)
{
    a32_put(t, a->rd, ir_emit(a32_ir(t), op, IR_I32, 1u << a->sz, 0, a32_r(t, a->rn), widened(t, a32_r(t, a->rm), false), 0, 0));
}

void tr_a32_crc32(struct tr_a32 *t, const struct args_a32_crc32 *a) { checksum(t, IR_OP_crc32, a); }
void tr_a32_crc32c(struct tr_a32 *t, const struct args_a32_crc32c *a) { checksum(t, IR_OP_crc32c, a); }

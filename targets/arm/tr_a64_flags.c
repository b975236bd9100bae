/* targets/arm/tr_a64_flags.c - NZCV: kept as operands, tested as the host's own comparisons. */
#include "targets/arm/tr_a64.h"

static ir_ref wide(struct a64_tr *t, ir_ref v)
{
    return ir_type_of(t->ir, v) == IR_I32 ? ir_conv(t->ir, IR_OP_zext, IR_I64, v) : v;
}

void a64_set_cc(struct a64_tr *t, enum arm_flags_op op, ir_ref a, ir_ref b)
{
    ir_write_slot(t->ir, ARM_SLOT_CC_OP, ir_i32(t->ir, op));
    ir_write_slot(t->ir, ARM_SLOT_CC_A, wide(t, a));
    ir_write_slot(t->ir, ARM_SLOT_CC_B, b ? wide(t, b) : ir_i64(t->ir, 0));
}

void a64_set_nzcv(struct a64_tr *t, ir_ref packed) { a64_set_cc(t, ARM_CC_NZCV, packed, IR_NONE); }

/* AArch32 sets N and Z, or them and C, and leaves the others: the operation that made those stays, with a bit beside it. */
void a64_set_nz(struct a64_tr *t, ir_ref r)
{
    ir_ref op = ir_read_slot(t->ir, ARM_SLOT_CC_OP);

    ir_write_slot(t->ir, ARM_SLOT_CC_OP, ir_bini(t->ir, IR_OP_or, op, ARM_CC_NZ));
    ir_write_slot(t->ir, ARM_SLOT_CC_X, wide(t, r));
}

void a64_set_nzc(struct a64_tr *t, ir_ref r, ir_ref c, unsigned bit)
{
    ir_ref op = ir_bini(t->ir, IR_OP_and, ir_read_slot(t->ir, ARM_SLOT_CC_OP), ARM_CC_KIND);

    ir_write_slot(t->ir, ARM_SLOT_CC_OP, ir_bini(t->ir, IR_OP_or, op, ARM_CC_NZ | ARM_CC_C | bit << ARM_CC_BIT_SHIFT));
    ir_write_slot(t->ir, ARM_SLOT_CC_X, wide(t, r));
    ir_write_slot(t->ir, ARM_SLOT_CC_C, c);
}

void a64_set_adc(struct a64_tr *t, ir_ref a, ir_ref b, ir_ref c)
{
    ir_ref both = ir_bin(t->ir, IR_OP_or, wide(t, b), ir_bini(t->ir, IR_OP_shl, wide(t, c), 32));

    a64_set_cc(t, ARM_CC_ADC32, a, both);
}

static ir_ref packed(struct a64_tr *t, ir_ref op)
{
    const ir_ref args[] = { op, ir_read_slot(t->ir, ARM_SLOT_CC_A), ir_read_slot(t->ir, ARM_SLOT_CC_B),
                            ir_read_slot(t->ir, ARM_SLOT_CC_X), t->a32 ? ir_read_slot(t->ir, ARM_SLOT_CC_C) : IR_NONE };

    return ir_call(t->ir, t->a32 ? ARM_H_nzcv32 : ARM_H_nzcv, t->a32 ? 5 : 4, args);
}

/* The operation that made the flags, when this translation knows it; else the flags are packed first. */
static uint32_t known_op(struct a64_tr *t)
{
    ir_ref op = ir_read_slot(t->ir, ARM_SLOT_CC_OP);

    if (ir_is_const(t->ir, op))
        return (uint32_t)ir_at(t->ir, op)->imm;
    a64_set_nzcv(t, packed(t, op));
    return ARM_CC_NZCV;
}

/* The bits beside the operation, as far as they are known to be set. */
static uint32_t known_bits(struct a64_tr *t)
{
    struct ir *ir = t->ir;
    const struct ir_insn *i = ir_at(ir, ir_read_slot(ir, ARM_SLOT_CC_OP));

    if (i->op == IR_OP_const)
        return (uint32_t)i->imm & ~(uint32_t)ARM_CC_KIND;
    if (i->op == IR_OP_or && ir_is_const(ir, i->arg[1]))
        return (uint32_t)ir_at(ir, i->arg[1])->imm;
    return 0;
}

static ir_ref operand(struct a64_tr *t, unsigned slot, bool is64)
{
    ir_ref v = ir_read_slot(t->ir, slot);

    return is64 ? v : ir_conv(t->ir, IR_OP_trunc, IR_I32, v);
}

ir_ref a64_nzcv(struct a64_tr *t)
{
    uint32_t op = known_op(t);

    if (op == ARM_CC_NZCV)
        return ir_conv(t->ir, IR_OP_trunc, IR_I32, ir_read_slot(t->ir, ARM_SLOT_CC_A));
    return packed(t, ir_i32(t->ir, op));
}

enum { EQ, CS, MI, VS, HI, GE, GT, AL };

/* On packed flags. DDI 0487, ConditionHolds. */
static struct a64_test test_packed(struct a64_tr *t, ir_ref p, unsigned base)
{
    struct ir *ir = t->ir;
    ir_ref x;

    switch (base) {
    case EQ: return (struct a64_test){ IR_TSTNZ, p, ir_i32(ir, 1u << 30) };
    case CS: return (struct a64_test){ IR_TSTNZ, p, ir_i32(ir, 1u << 29) };
    case MI: return (struct a64_test){ IR_LT, p, ir_i32(ir, 0) };
    case VS: return (struct a64_test){ IR_TSTNZ, p, ir_i32(ir, 1u << 28) };
    case HI:                                   /* C and not Z: bits 30, 29 are 01 */
        x = ir_bini(ir, IR_OP_and, p, 3u << 29);
        return (struct a64_test){ IR_EQ, x, ir_i32(ir, 1u << 29) };
    case GE:                                   /* N == V */
        x = ir_bin(ir, IR_OP_xor, p, ir_bini(ir, IR_OP_shl, p, 3));
        return (struct a64_test){ IR_GE, x, ir_i32(ir, 0) };
    default:                                   /* GT: not Z and N == V */
        x = ir_bin(ir, IR_OP_xor, p, ir_bini(ir, IR_OP_shl, p, 3));
        x = ir_bin(ir, IR_OP_or, x, ir_bini(ir, IR_OP_shl, p, 1));
        return (struct a64_test){ IR_GE, x, ir_i32(ir, 0) };
    }
}

static struct a64_test test_sub(struct a64_tr *t, ir_ref a, ir_ref b, unsigned base)
{
    struct ir *ir = t->ir;
    bool is64 = ir_type_of(ir, a) == IR_I64;
    ir_ref r;

    switch (base) {
    case EQ: return (struct a64_test){ IR_EQ, a, b };
    case CS: return (struct a64_test){ IR_GEU, a, b };
    case HI: return (struct a64_test){ IR_GTU, a, b };
    case GE: return (struct a64_test){ IR_GE, a, b };
    case GT: return (struct a64_test){ IR_GT, a, b };
    case MI: return (struct a64_test){ IR_LT, ir_bin(ir, IR_OP_sub, a, b), a64_const(t, is64, 0) };
    default:                                   /* VS: the operands' signs differ, and the result's from a's */
        r = ir_bin(ir, IR_OP_sub, a, b);
        r = ir_bin(ir, IR_OP_and, ir_bin(ir, IR_OP_xor, a, b), ir_bin(ir, IR_OP_xor, a, r));
        return (struct a64_test){ IR_LT, r, a64_const(t, is64, 0) };
    }
}

static struct a64_test test_add(struct a64_tr *t, ir_ref a, ir_ref b, unsigned base)
{
    bool is64 = ir_type_of(t->ir, a) == IR_I64;
    ir_ref r = ir_bin(t->ir, IR_OP_add, a, b);

    switch (base) {
    case EQ: return (struct a64_test){ IR_EQ, r, a64_const(t, is64, 0) };
    case CS: return (struct a64_test){ IR_LTU, r, a };
    case MI: return (struct a64_test){ IR_LT, r, a64_const(t, is64, 0) };
    default: return test_packed(t, a64_nzcv(t), base);
    }
}

static struct a64_test test_logic(struct a64_tr *t, ir_ref a, unsigned base)
{
    bool is64 = ir_type_of(t->ir, a) == IR_I64;
    ir_ref zero = a64_const(t, is64, 0);

    switch (base) {
    case EQ: return (struct a64_test){ IR_EQ, a, zero };
    case MI: return (struct a64_test){ IR_LT, a, zero };
    case GE: return (struct a64_test){ IR_GE, a, zero };
    case GT: return (struct a64_test){ IR_GT, a, zero };
    default: return (struct a64_test){ IR_NE, zero, zero };    /* CS, VS, HI: never */
    }
}

/* On AArch32's sums with carry: a difference is such a sum with its second operand inverted. */
static struct a64_test test_adc(struct a64_tr *t, unsigned base)
{
    struct ir *ir = t->ir;
    ir_ref a = ir_read_slot(ir, ARM_SLOT_CC_A), b = ir_read_slot(ir, ARM_SLOT_CC_B), c = ir_bini(ir, IR_OP_shr, b, 32), sum;
    bool sign = base == GE;

    if (base == VS || base == HI || base == GT)
        return test_packed(t, a64_nzcv(t), base);
    a = ir_conv(ir, IR_OP_trunc, IR_I32, a);
    b = ir_conv(ir, IR_OP_trunc, IR_I32, b);
    if (base == EQ || base == MI) {
        sum = ir_bin(ir, IR_OP_add, ir_bin(ir, IR_OP_add, a, b), ir_conv(ir, IR_OP_trunc, IR_I32, c));
        return (struct a64_test){ base == EQ ? IR_EQ : IR_LT, sum, ir_i32(ir, 0) };
    }
    a = ir_conv(ir, sign ? IR_OP_sext : IR_OP_zext, IR_I64, a);
    b = ir_conv(ir, sign ? IR_OP_sext : IR_OP_zext, IR_I64, b);
    sum = ir_bin(ir, IR_OP_add, ir_bin(ir, IR_OP_add, a, b), c);
    if (sign)
        return (struct a64_test){ IR_GE, sum, ir_i64(ir, 0) };
    return (struct a64_test){ IR_TSTNZ, sum, ir_i64(ir, UINT64_C(1) << 32) };
}

static struct a64_test test_known(struct a64_tr *t, uint32_t op, unsigned base);

/* On AArch32's flags of several origins; `bits` is what is known beside the operation. */
static struct a64_test test_beside(struct a64_tr *t, uint32_t bits, unsigned base)
{
    struct ir *ir = t->ir;
    ir_ref op = ir_read_slot(ir, ARM_SLOT_CC_OP);

    if (bits & ARM_CC_NZ && (base == EQ || base == MI))
        return (struct a64_test){ base == EQ ? IR_EQ : IR_LT, operand(t, ARM_SLOT_CC_X, false), ir_i32(ir, 0) };
    if (bits & ARM_CC_C && base == CS)
        return (struct a64_test){ IR_TSTNZ, ir_read_slot(ir, ARM_SLOT_CC_C), ir_i32(ir, 1u << (bits >> ARM_CC_BIT_SHIFT & 31)) };
    if (ir_is_const(ir, op) && (base == CS || base == VS))
        return test_known(t, (uint32_t)ir_at(ir, op)->imm & ARM_CC_KIND, base);
    a64_set_nzcv(t, packed(t, op));
    return test_packed(t, operand(t, ARM_SLOT_CC_A, false), base);
}

struct a64_test a64_condition(struct a64_tr *t, unsigned cond)
{
    unsigned base = cond >> 1;
    struct a64_test test;
    uint32_t bits;

    if (base == AL)
        return (struct a64_test){ IR_EQ, ir_i32(t->ir, 0), ir_i32(t->ir, 0) };
    bits = t->a32 ? known_bits(t) : 0;
    test = bits ? test_beside(t, bits, base) : test_known(t, known_op(t), base);
    if (cond & 1)
        test.cond = ir_cond_invert(test.cond);
    return test;
}

static struct a64_test test_known(struct a64_tr *t, uint32_t op, unsigned base)
{
    struct a64_test test;
    bool is64;

    is64 = op == ARM_CC_SUB64 || op == ARM_CC_ADD64 || op == ARM_CC_LOGIC64 || op == ARM_CC_SUBX64;
    if (op == ARM_CC_SUBX64 || op == ARM_CC_SUBX32) {
        if (base == CS || base == HI)
            test = test_packed(t, a64_nzcv(t), base);
        else
            test = test_sub(t, operand(t, ARM_SLOT_CC_A, is64), operand(t, ARM_SLOT_CC_B, is64), base);
    } else if (op == ARM_CC_ADC32)
        test = test_adc(t, base);
    else if (op == ARM_CC_NZCV)
        test = test_packed(t, operand(t, ARM_SLOT_CC_A, false), base);
    else if (op == ARM_CC_SUB64 || op == ARM_CC_SUB32)
        test = test_sub(t, operand(t, ARM_SLOT_CC_A, is64), operand(t, ARM_SLOT_CC_B, is64), base);
    else if (op == ARM_CC_ADD64 || op == ARM_CC_ADD32)
        test = test_add(t, operand(t, ARM_SLOT_CC_A, is64), operand(t, ARM_SLOT_CC_B, is64), base);
    else
        test = test_logic(t, operand(t, ARM_SLOT_CC_A, is64), base);
    return test;
}

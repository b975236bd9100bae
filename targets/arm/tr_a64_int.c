/* targets/arm/tr_a64_int.c - A64 integer data processing. Arm ARM (DDI 0487), C6. */
#include "targets/arm/a64.insn.h"
#include "targets/arm/tr_a64.h"

/* --- immediates -------------------------------------------------------------------------------------------------------- */

void tr_a64_adr(struct a64_tr *t, const struct args_a64_adr *a)
{
    a64_put(t, (unsigned)a->rd, tr_pc(t->c, t->pc + (uint64_t)(int64_t)a->imm));
}

void tr_a64_adrp(struct a64_tr *t, const struct args_a64_adrp *a)
{
    a64_put(t, (unsigned)a->rd, tr_pc(t->c, (t->pc & ~UINT64_C(4095)) + ((uint64_t)(int64_t)a->imm << 12)));
}

static void add_sub(struct a64_tr *t, bool sf, bool sub, bool flags, unsigned rd, ir_ref a, ir_ref b)
{
    ir_ref r = ir_bin(t->ir, sub ? IR_OP_sub : IR_OP_add, a, b);

    if (flags)
        a64_set_cc(t, sub ? (sf ? ARM_CC_SUB64 : ARM_CC_SUB32) : (sf ? ARM_CC_ADD64 : ARM_CC_ADD32), a, b);
    a64_put(t, rd, r);
}

/* Register 31 is sp: as the source always, as the target when the flags stay. */
static void add_sub_imm(struct a64_tr *t, bool sub, bool flags, const struct args_a64_add_imm *a)
{
    ir_ref n = a64_r_sp(t, a->sf, (unsigned)a->rn), b = a64_const(t, a->sf, (uint64_t)a->imm << (a->sh ? 12 : 0));

    if (flags)
        add_sub(t, a->sf, sub, true, (unsigned)a->rd, n, b);
    else
        a64_put_sp(t, (unsigned)a->rd, ir_bin(t->ir, sub ? IR_OP_sub : IR_OP_add, n, b));
}

#define ADD_SUB_IMM(name, sub, flags) \
    void tr_a64_##name(struct a64_tr *t, const struct args_a64_##name *a) { add_sub_imm(t, sub, flags, a); }
ADD_SUB_IMM(add_imm, false, false)
ADD_SUB_IMM(adds_imm, false, true)
ADD_SUB_IMM(sub_imm, true, false)
ADD_SUB_IMM(subs_imm, true, true)

static uint64_t ror(uint64_t v, unsigned by, unsigned width)
{
    uint64_t mask = width == 64 ? ~UINT64_C(0) : (UINT64_C(1) << width) - 1;

    by %= width;
    return by ? (v >> by | v << (width - by)) & mask : v;
}

bool a64_bitmask(bool sf, unsigned n, unsigned imms, unsigned immr, uint64_t *mask)
{
    unsigned code = n << 6 | (~imms & 63), len, esize, levels, s, r;
    uint64_t element;

    if (!code || (!sf && n))
        return false;
    len = 31 - (unsigned)__builtin_clz(code);
    if (len < 1)
        return false;
    esize = 1u << len;
    levels = esize - 1;
    s = imms & levels;
    r = immr & levels;
    if (s == levels)
        return false;
    element = ror((UINT64_C(1) << (s + 1)) - 1, r, esize);
    for (unsigned width = esize; width < 64; width *= 2)
        element |= element << width;
    *mask = sf ? element : (uint32_t)element;
    return true;
}

static void logic_imm(struct a64_tr *t, enum ir_op op, bool flags, const struct args_a64_and_imm *a)
{
    uint64_t mask;
    ir_ref r;

    if (!a64_bitmask(a->sf, (unsigned)a->n, (unsigned)a->imms, (unsigned)a->immr, &mask)) {
        a64_undefined(t);
        return;
    }
    r = ir_bin(t->ir, op, a64_r(t, a->sf, (unsigned)a->rn), a64_const(t, a->sf, mask));
    if (!flags) {
        a64_put_sp(t, (unsigned)a->rd, r);
        return;
    }
    a64_set_cc(t, a->sf ? ARM_CC_LOGIC64 : ARM_CC_LOGIC32, r, IR_NONE);
    a64_put(t, (unsigned)a->rd, r);
}

void tr_a64_and_imm(struct a64_tr *t, const struct args_a64_and_imm *a) { logic_imm(t, IR_OP_and, false, a); }
void tr_a64_orr_imm(struct a64_tr *t, const struct args_a64_orr_imm *a) { logic_imm(t, IR_OP_or, false, a); }
void tr_a64_eor_imm(struct a64_tr *t, const struct args_a64_eor_imm *a) { logic_imm(t, IR_OP_xor, false, a); }
void tr_a64_ands_imm(struct a64_tr *t, const struct args_a64_ands_imm *a) { logic_imm(t, IR_OP_and, true, a); }

static void move_wide(struct a64_tr *t, const struct args_a64_movz *a, bool invert)
{
    uint64_t v = (uint64_t)a->imm << 16 * a->hw;

    if (!a->sf && a->hw > 1)
        a64_undefined(t);
    else
        a64_put(t, (unsigned)a->rd, a64_const(t, a->sf, invert ? ~v : v));
}

void tr_a64_movz(struct a64_tr *t, const struct args_a64_movz *a) { move_wide(t, a, false); }
void tr_a64_movn(struct a64_tr *t, const struct args_a64_movn *a) { move_wide(t, a, true); }

void tr_a64_movk(struct a64_tr *t, const struct args_a64_movk *a)
{
    ir_ref old = a64_r(t, a->sf, (unsigned)a->rd);

    if (!a->sf && a->hw > 1) {
        a64_undefined(t);
        return;
    }
    a64_put(t, (unsigned)a->rd, ir_deposit(t->ir, old, a64_const(t, a->sf, (uint64_t)a->imm), 16 * (unsigned)a->hw, 16));
}

/* --- bit fields --------------------------------------------------------------------------------------------------------- */

static bool field_ok(struct a64_tr *t, bool sf, int n, int immr, int imms)
{
    if (n == sf && (sf || (immr < 32 && imms < 32)))
        return true;
    a64_undefined(t);
    return false;
}

/* UBFM, SBFM: imms >= immr takes a field down to bit 0, else moves the low bits up. */
static void extract(struct a64_tr *t, const struct args_a64_ubfm *a, bool sign)
{
    unsigned width = a->sf ? 64 : 32, r = (unsigned)a->immr, s = (unsigned)a->imms;
    ir_ref n = a64_r(t, a->sf, (unsigned)a->rn), v;

    if (!field_ok(t, a->sf, a->n, a->immr, a->imms))
        return;
    if (s >= r) {
        v = ir_ext(t->ir, n, r, s - r + 1, sign);
    } else {
        v = ir_ext(t->ir, n, 0, s + 1, sign);
        v = ir_bini(t->ir, IR_OP_shl, v, width - r);
    }
    a64_put(t, (unsigned)a->rd, v);
}

void tr_a64_ubfm(struct a64_tr *t, const struct args_a64_ubfm *a) { extract(t, a, false); }
void tr_a64_sbfm(struct a64_tr *t, const struct args_a64_sbfm *a) { extract(t, a, true); }

void tr_a64_bfm(struct a64_tr *t, const struct args_a64_bfm *a)
{
    unsigned width = a->sf ? 64 : 32, r = (unsigned)a->immr, s = (unsigned)a->imms;
    ir_ref n = a64_r(t, a->sf, (unsigned)a->rn), d = a64_r(t, a->sf, (unsigned)a->rd), v;

    if (!field_ok(t, a->sf, a->n, a->immr, a->imms))
        return;
    if (s >= r)
        v = ir_deposit(t->ir, d, r ? ir_bini(t->ir, IR_OP_shr, n, r) : n, 0, s - r + 1);
    else
        v = ir_deposit(t->ir, d, n, width - r, s + 1);
    a64_put(t, (unsigned)a->rd, v);
}

void tr_a64_extr(struct a64_tr *t, const struct args_a64_extr *a)
{
    ir_ref n = a64_r(t, a->sf, (unsigned)a->rn), m = a64_r(t, a->sf, (unsigned)a->rm);

    if (!field_ok(t, a->sf, a->n, 0, a->imms))
        return;
    a64_put(t, (unsigned)a->rd, ir_emit(t->ir, IR_OP_extr2, a->sf ? IR_I64 : IR_I32, (unsigned)a->imms, 0, n, m, 0, 0));
}

/* --- shifted and extended registers --------------------------------------------------------------------------------------- */

static ir_ref shifted(struct a64_tr *t, bool sf, unsigned rm, int shift, int amount)
{
    static const uint8_t ops[] = { IR_OP_shl, IR_OP_shr, IR_OP_sar, IR_OP_rotr };
    ir_ref m = a64_r(t, sf, rm);

    return amount ? ir_bini(t->ir, (enum ir_op)ops[shift], m, (uint64_t)amount) : m;
}

static bool amount_ok(struct a64_tr *t, bool sf, int amount)
{
    if (sf || amount < 32)
        return true;
    a64_undefined(t);
    return false;
}

static void logic(struct a64_tr *t, const struct args_a64_and *a, enum ir_op op, bool invert, bool flags)
{
    ir_ref n, m, r;

    if (!amount_ok(t, a->sf, a->amount))
        return;
    n = a64_r(t, a->sf, (unsigned)a->rn);
    m = shifted(t, a->sf, (unsigned)a->rm, a->shift, a->amount);
    if (invert && op == IR_OP_and)
        r = ir_bin(t->ir, IR_OP_andn, n, m);
    else
        r = ir_bin(t->ir, op, n, invert ? ir_un(t->ir, IR_OP_not, m) : m);
    if (flags)
        a64_set_cc(t, a->sf ? ARM_CC_LOGIC64 : ARM_CC_LOGIC32, r, IR_NONE);
    a64_put(t, (unsigned)a->rd, r);
}

#define LOGIC(name, op, invert, flags) \
    void tr_a64_##name(struct a64_tr *t, const struct args_a64_##name *a) { logic(t, a, IR_OP_##op, invert, flags); }
LOGIC(and, and, false, false)
LOGIC(bic, and, true, false)
LOGIC(orr, or, false, false)
LOGIC(orn, or, true, false)
LOGIC(eor, xor, false, false)
LOGIC(eon, xor, true, false)
LOGIC(ands, and, false, true)
LOGIC(bics, and, true, true)

static void add_sub_shifted(struct a64_tr *t, const struct args_a64_add *a, bool sub, bool flags)
{
    if (amount_ok(t, a->sf, a->amount))
        add_sub(t, a->sf, sub, flags, (unsigned)a->rd, a64_r(t, a->sf, (unsigned)a->rn),
                shifted(t, a->sf, (unsigned)a->rm, a->shift, a->amount));
}

static ir_ref extended(struct a64_tr *t, bool sf, unsigned rm, unsigned option, unsigned amount)
{
    unsigned bits = 8u << (option & 3);
    ir_ref m = a64_r(t, sf, rm);

    if (bits < (sf ? 64u : 32u))
        m = ir_ext(t->ir, m, 0, bits, option & 4);
    return amount ? ir_bini(t->ir, IR_OP_shl, m, amount) : m;
}

static void add_sub_extended(struct a64_tr *t, const struct args_a64_add_ext *a, bool sub, bool flags)
{
    ir_ref n = a64_r_sp(t, a->sf, (unsigned)a->rn);
    ir_ref m = extended(t, a->sf, (unsigned)a->rm, (unsigned)a->option, (unsigned)a->amount);

    if (flags)
        add_sub(t, a->sf, sub, true, (unsigned)a->rd, n, m);
    else
        a64_put_sp(t, (unsigned)a->rd, ir_bin(t->ir, sub ? IR_OP_sub : IR_OP_add, n, m));
}

#define ADD_SUB(name, sub, flags) \
    void tr_a64_##name(struct a64_tr *t, const struct args_a64_##name *a) { add_sub_shifted(t, a, sub, flags); } \
    void tr_a64_##name##_ext(struct a64_tr *t, const struct args_a64_##name##_ext *a) { add_sub_extended(t, a, sub, flags); }
ADD_SUB(add, false, false)
ADD_SUB(adds, false, true)
ADD_SUB(sub, true, false)
ADD_SUB(subs, true, true)

/* --- with carry, and flags by hand ------------------------------------------------------------------------------------------ */

static ir_ref flag(struct a64_tr *t, ir_ref bit, unsigned at) { return ir_bini(t->ir, IR_OP_shl, bit, at); }

/* a + b + carry; a subtraction passes ~b. The carry out: a + b wraps, or adding the carry does. */
static void add_carry(struct a64_tr *t, const struct args_a64_adc *a, bool sub, bool flags)
{
    enum ir_type type = a->sf ? IR_I64 : IR_I32;
    struct ir *ir = t->ir;
    ir_ref n = a64_r(t, a->sf, (unsigned)a->rn), m = a64_r(t, a->sf, (unsigned)a->rm), zero = a64_const(t, a->sf, 0);
    struct a64_test test = a64_condition(t, 2);            /* carry set */
    ir_ref c = ir_setcc(ir, type, test.cond, test.a, test.b), half, r, nzcv, v;

    if (sub)
        m = ir_un(ir, IR_OP_not, m);
    half = ir_bin(ir, IR_OP_add, n, m);
    r = ir_bin(ir, IR_OP_add, half, c);
    if (flags) {
        nzcv = flag(t, ir_setcc(ir, IR_I32, IR_LT, r, zero), 31);
        nzcv = ir_bin(ir, IR_OP_or, nzcv, flag(t, ir_setcc(ir, IR_I32, IR_EQ, r, zero), 30));
        v = ir_bin(ir, IR_OP_or, ir_setcc(ir, IR_I32, IR_LTU, half, n), ir_setcc(ir, IR_I32, IR_LTU, r, half));
        nzcv = ir_bin(ir, IR_OP_or, nzcv, flag(t, v, 29));
        v = ir_bin(ir, IR_OP_and, ir_bin(ir, IR_OP_xor, n, r), ir_bin(ir, IR_OP_xor, m, r));
        nzcv = ir_bin(ir, IR_OP_or, nzcv, flag(t, ir_setcc(ir, IR_I32, IR_LT, v, zero), 28));
        a64_set_nzcv(t, nzcv);
    }
    a64_put(t, (unsigned)a->rd, r);
}

void tr_a64_adc(struct a64_tr *t, const struct args_a64_adc *a) { add_carry(t, a, false, false); }
void tr_a64_adcs(struct a64_tr *t, const struct args_a64_adcs *a) { add_carry(t, a, false, true); }
void tr_a64_sbc(struct a64_tr *t, const struct args_a64_sbc *a) { add_carry(t, a, true, false); }
void tr_a64_sbcs(struct a64_tr *t, const struct args_a64_sbcs *a) { add_carry(t, a, true, true); }

void tr_a64_rmif(struct a64_tr *t, const struct args_a64_rmif *a)
{
    ir_ref bits = ir_bini(t->ir, IR_OP_rotr, a64_x(t, (unsigned)a->rn), (uint64_t)a->imm), old = a64_nzcv(t), new;
    uint32_t mask = (uint32_t)a->mask << 28;

    new = ir_bini(t->ir, IR_OP_shl, ir_conv(t->ir, IR_OP_trunc, IR_I32, bits), 28);
    new = ir_bin(t->ir, IR_OP_or, ir_bini(t->ir, IR_OP_and, new, mask), ir_bini(t->ir, IR_OP_and, old, ~mask));
    a64_set_nzcv(t, new);
}

/* N and Z of the low bits, V where bit `bits` differs from the sign; C stays. */
static void set_flags_narrow(struct a64_tr *t, unsigned rn, unsigned bits)
{
    struct ir *ir = t->ir;
    ir_ref n = a64_r(t, false, rn), old = a64_nzcv(t), v;
    ir_ref low = ir_bini(ir, IR_OP_shl, n, 32 - bits), zero = ir_i32(ir, 0), nzcv;

    nzcv = ir_bini(ir, IR_OP_and, old, 1u << 29);
    nzcv = ir_bin(ir, IR_OP_or, nzcv, ir_bini(ir, IR_OP_and, low, 1u << 31));
    nzcv = ir_bin(ir, IR_OP_or, nzcv, flag(t, ir_setcc(ir, IR_I32, IR_EQ, low, zero), 30));
    v = ir_ext(ir, ir_bin(ir, IR_OP_xor, n, ir_bini(ir, IR_OP_shr, n, 1)), bits - 1, 1, false);
    a64_set_nzcv(t, ir_bin(ir, IR_OP_or, nzcv, flag(t, v, 28)));
}

void tr_a64_setf8(struct a64_tr *t, const struct args_a64_setf8 *a) { set_flags_narrow(t, (unsigned)a->rn, 8); }
void tr_a64_setf16(struct a64_tr *t, const struct args_a64_setf16 *a) { set_flags_narrow(t, (unsigned)a->rn, 16); }

void tr_a64_cfinv(struct a64_tr *t, const struct args_a64_cfinv *a)
{
    (void)a;
    a64_set_nzcv(t, ir_bini(t->ir, IR_OP_xor, a64_nzcv(t), 1u << 29));
}

static ir_ref bit_of(struct a64_tr *t, ir_ref nzcv, unsigned bit) { return ir_ext(t->ir, nzcv, bit, 1, false); }

static void set_bits(struct a64_tr *t, ir_ref n, ir_ref z, ir_ref c, ir_ref v)
{
    ir_ref nz = ir_bin(t->ir, IR_OP_or, flag(t, n, 31), flag(t, z, 30));

    a64_set_nzcv(t, ir_bin(t->ir, IR_OP_or, nz, ir_bin(t->ir, IR_OP_or, flag(t, c, 29), flag(t, v, 28))));
}

/* The flags of a floating comparison between Arm's form and the one with Z for unordered. DDI 0487, C6 XAFLAG, AXFLAG. */
void tr_a64_xaflag(struct a64_tr *t, const struct args_a64_xaflag *a)
{
    ir_ref p = a64_nzcv(t), z = bit_of(t, p, 30), c = bit_of(t, p, 29), one = ir_i32(t->ir, 1);
    ir_ref not_c = ir_bin(t->ir, IR_OP_xor, c, one), not_z = ir_bin(t->ir, IR_OP_xor, z, one);

    (void)a;
    set_bits(t, ir_bin(t->ir, IR_OP_and, not_c, not_z), ir_bin(t->ir, IR_OP_and, z, c),
             ir_bin(t->ir, IR_OP_or, c, z), ir_bin(t->ir, IR_OP_and, not_c, z));
}

void tr_a64_axflag(struct a64_tr *t, const struct args_a64_axflag *a)
{
    ir_ref p = a64_nzcv(t), z = bit_of(t, p, 30), c = bit_of(t, p, 29), v = bit_of(t, p, 28), zero = ir_i32(t->ir, 0);

    (void)a;
    set_bits(t, zero, ir_bin(t->ir, IR_OP_or, z, v), ir_bin(t->ir, IR_OP_andn, c, v), zero);
}

/* --- conditional ------------------------------------------------------------------------------------------------------------ */

static void compare(struct a64_tr *t, bool sf, bool sub, ir_ref n, ir_ref m)
{
    a64_set_cc(t, sub ? (sf ? ARM_CC_SUB64 : ARM_CC_SUB32) : (sf ? ARM_CC_ADD64 : ARM_CC_ADD32), n, m);
}

/* Operands whose difference has given flags; those with Z alone need C taken away. */
static bool stand_in(unsigned nzcv, uint64_t *a, uint64_t *b, bool *clear_c)
{
    *clear_c = nzcv == 4;
    switch (nzcv) {
    case 0: *a = 1; *b = ~UINT64_C(0); return true;
    case 2: *a = 1; *b = 0; return true;
    case 4: case 6: *a = *b = 0; return true;
    case 8: *a = 0; *b = 1; return true;
    default: return false;
    }
}

/* Either the comparison's flags or the given ones. Where a subtraction can stand for the given ones, its operands are
 * selected and the flags stay unpacked. */
static void conditional_compare(struct a64_tr *t, bool sf, bool sub, unsigned rn, ir_ref m, unsigned cond, unsigned nzcv)
{
    struct ir *ir = t->ir;
    struct a64_test test = a64_condition(t, cond);
    ir_ref n = a64_r(t, sf, rn), flags;
    uint64_t a, b;
    bool clear_c;

    if (cond >= 14) {
        compare(t, sf, sub, n, m);
        return;
    }
    if (sub && stand_in(nzcv, &a, &b, &clear_c)) {
        ir_ref x = clear_c ? ir_setcc(ir, IR_I64, ir_cond_invert(test.cond), test.a, test.b) : IR_NONE;

        n = ir_select(ir, test.cond, test.a, test.b, n, a64_const(t, sf, a));
        m = ir_select(ir, test.cond, test.a, test.b, m, a64_const(t, sf, b));
        if (clear_c) {
            a64_set_cc(t, sf ? ARM_CC_SUBX64 : ARM_CC_SUBX32, n, m);
            ir_write_slot(ir, ARM_SLOT_CC_X, x);
        } else {
            compare(t, sf, true, n, m);
        }
        return;
    }
    compare(t, sf, sub, n, m);
    flags = a64_nzcv(t);
    a64_set_nzcv(t, ir_select(ir, test.cond, test.a, test.b, flags, ir_i32(ir, nzcv << 28)));
}

#define CCMP(name, sub) \
    void tr_a64_##name(struct a64_tr *t, const struct args_a64_##name *a) \
    { \
        conditional_compare(t, a->sf, sub, (unsigned)a->rn, a64_r(t, a->sf, (unsigned)a->rm), (unsigned)a->cond, \
                            (unsigned)a->nzcv); \
    } \
    void tr_a64_##name##_imm(struct a64_tr *t, const struct args_a64_##name##_imm *a) \
    { \
        conditional_compare(t, a->sf, sub, (unsigned)a->rn, a64_const(t, a->sf, (uint64_t)a->imm), (unsigned)a->cond, \
                            (unsigned)a->nzcv); \
    }
CCMP(ccmn, false)
CCMP(ccmp, true)

static void conditional_select(struct a64_tr *t, const struct args_a64_csel *a, bool invert, bool increment)
{
    struct a64_test test = a64_condition(t, (unsigned)a->cond);
    ir_ref n = a64_r(t, a->sf, (unsigned)a->rn), m = a64_r(t, a->sf, (unsigned)a->rm);

    if (invert && increment)
        m = ir_un(t->ir, IR_OP_neg, m);
    else if (invert)
        m = ir_un(t->ir, IR_OP_not, m);
    else if (increment)
        m = ir_bini(t->ir, IR_OP_add, m, 1);
    a64_put(t, (unsigned)a->rd, ir_select(t->ir, test.cond, test.a, test.b, n, m));
}

void tr_a64_csel(struct a64_tr *t, const struct args_a64_csel *a) { conditional_select(t, a, false, false); }
void tr_a64_csinc(struct a64_tr *t, const struct args_a64_csinc *a) { conditional_select(t, a, false, true); }
void tr_a64_csinv(struct a64_tr *t, const struct args_a64_csinv *a) { conditional_select(t, a, true, false); }
void tr_a64_csneg(struct a64_tr *t, const struct args_a64_csneg *a) { conditional_select(t, a, true, true); }

/* --- multiply, divide ------------------------------------------------------------------------------------------------------- */

static void multiply_add(struct a64_tr *t, const struct args_a64_madd *a, bool sub)
{
    ir_ref p = ir_bin(t->ir, IR_OP_mul, a64_r(t, a->sf, (unsigned)a->rn), a64_r(t, a->sf, (unsigned)a->rm));

    a64_put(t, (unsigned)a->rd, ir_bin(t->ir, sub ? IR_OP_sub : IR_OP_add, a64_r(t, a->sf, (unsigned)a->ra), p));
}

void tr_a64_madd(struct a64_tr *t, const struct args_a64_madd *a) { multiply_add(t, a, false); }
void tr_a64_msub(struct a64_tr *t, const struct args_a64_msub *a) { multiply_add(t, a, true); }

static void multiply_long(struct a64_tr *t, const struct args_a64_smaddl *a, bool sign, bool sub)
{
    enum ir_op ext = sign ? IR_OP_sext : IR_OP_zext;
    ir_ref n = ir_conv(t->ir, ext, IR_I64, a64_r(t, false, (unsigned)a->rn));
    ir_ref m = ir_conv(t->ir, ext, IR_I64, a64_r(t, false, (unsigned)a->rm));

    a64_put(t, (unsigned)a->rd, ir_bin(t->ir, sub ? IR_OP_sub : IR_OP_add, a64_x(t, (unsigned)a->ra),
                                       ir_bin(t->ir, IR_OP_mul, n, m)));
}

void tr_a64_smaddl(struct a64_tr *t, const struct args_a64_smaddl *a) { multiply_long(t, a, true, false); }
void tr_a64_smsubl(struct a64_tr *t, const struct args_a64_smsubl *a) { multiply_long(t, a, true, true); }
void tr_a64_umaddl(struct a64_tr *t, const struct args_a64_umaddl *a) { multiply_long(t, a, false, false); }
void tr_a64_umsubl(struct a64_tr *t, const struct args_a64_umsubl *a) { multiply_long(t, a, false, true); }

void tr_a64_smulh(struct a64_tr *t, const struct args_a64_smulh *a)
{
    a64_put(t, (unsigned)a->rd, ir_bin(t->ir, IR_OP_mulhs, a64_x(t, (unsigned)a->rn), a64_x(t, (unsigned)a->rm)));
}

void tr_a64_umulh(struct a64_tr *t, const struct args_a64_umulh *a)
{
    a64_put(t, (unsigned)a->rd, ir_bin(t->ir, IR_OP_mulhu, a64_x(t, (unsigned)a->rn), a64_x(t, (unsigned)a->rm)));
}

/* x / 0 is 0, and the most negative number / -1 is itself: the division is made with a harmless divisor then. */
static void divide(struct a64_tr *t, const struct args_a64_udiv *a, bool sign)
{
    struct ir *ir = t->ir;
    ir_ref n = a64_r(t, a->sf, (unsigned)a->rn), m = a64_r(t, a->sf, (unsigned)a->rm), q;
    ir_ref zero = a64_const(t, a->sf, 0), one = a64_const(t, a->sf, 1), minus = a64_const(t, a->sf, ~UINT64_C(0));
    ir_ref safe = ir_select(ir, IR_EQ, m, zero, one, m);

    if (sign)
        safe = ir_select(ir, IR_EQ, safe, minus, one, safe);
    q = ir_bin(ir, sign ? IR_OP_divs : IR_OP_divu, n, safe);
    if (sign)
        q = ir_select(ir, IR_EQ, m, minus, ir_un(ir, IR_OP_neg, n), q);
    a64_put(t, (unsigned)a->rd, ir_select(ir, IR_EQ, m, zero, zero, q));
}

void tr_a64_udiv(struct a64_tr *t, const struct args_a64_udiv *a) { divide(t, a, false); }
void tr_a64_sdiv(struct a64_tr *t, const struct args_a64_sdiv *a) { divide(t, a, true); }

/* --- shifts, bits, checksums -------------------------------------------------------------------------------------------------- */

#define SHIFT(name, op) \
    void tr_a64_##name(struct a64_tr *t, const struct args_a64_##name *a) \
    { \
        a64_put(t, (unsigned)a->rd, ir_bin(t->ir, IR_OP_##op, a64_r(t, a->sf, (unsigned)a->rn), \
                                           a64_r(t, a->sf, (unsigned)a->rm))); \
    }
SHIFT(lslv, shl)
SHIFT(lsrv, shr)
SHIFT(asrv, sar)
SHIFT(rorv, rotr)

static void checksum(struct a64_tr *t, enum ir_op op, int rd, int rn, int rm, unsigned bytes)
{
    a64_put(t, (unsigned)rd, ir_emit(t->ir, op, IR_I32, bytes, 0, a64_r(t, false, (unsigned)rn), a64_x(t, (unsigned)rm), 0, 0));
}

void tr_a64_crc32(struct a64_tr *t, const struct args_a64_crc32 *a)
{
    checksum(t, IR_OP_crc32, a->rd, a->rn, a->rm, 1u << a->sz);
}

void tr_a64_crc32x(struct a64_tr *t, const struct args_a64_crc32x *a) { checksum(t, IR_OP_crc32, a->rd, a->rn, a->rm, 8); }

void tr_a64_crc32c(struct a64_tr *t, const struct args_a64_crc32c *a)
{
    checksum(t, IR_OP_crc32c, a->rd, a->rn, a->rm, 1u << a->sz);
}

void tr_a64_crc32cx(struct a64_tr *t, const struct args_a64_crc32cx *a) { checksum(t, IR_OP_crc32c, a->rd, a->rn, a->rm, 8); }

void tr_a64_rbit(struct a64_tr *t, const struct args_a64_rbit *a)
{
    ir_ref v = ir_un(t->ir, IR_OP_brev8, a64_r(t, a->sf, (unsigned)a->rn));

    a64_put(t, (unsigned)a->rd, ir_un(t->ir, IR_OP_bswap, v));
}

/* Bytes within each half word: the whole value reversed, then its half words put back in order; done with masks. */
void tr_a64_rev16(struct a64_tr *t, const struct args_a64_rev16 *a)
{
    struct ir *ir = t->ir;
    uint64_t even = 0x00ff00ff00ff00ff;
    ir_ref n = a64_r(t, a->sf, (unsigned)a->rn), hi, lo;

    hi = ir_bin(ir, IR_OP_and, ir_bini(ir, IR_OP_shr, n, 8), a64_const(t, a->sf, even));
    lo = ir_bini(ir, IR_OP_shl, ir_bin(ir, IR_OP_and, n, a64_const(t, a->sf, even)), 8);
    a64_put(t, (unsigned)a->rd, ir_bin(ir, IR_OP_or, hi, lo));
}

void tr_a64_rev32(struct a64_tr *t, const struct args_a64_rev32 *a)
{
    ir_ref v = ir_un(t->ir, IR_OP_bswap, a64_x(t, (unsigned)a->rn));

    a64_put(t, (unsigned)a->rd, ir_bini(t->ir, IR_OP_rotr, v, 32));
}

void tr_a64_rev_w(struct a64_tr *t, const struct args_a64_rev_w *a)
{
    a64_put(t, (unsigned)a->rd, ir_un(t->ir, IR_OP_bswap, a64_r(t, false, (unsigned)a->rn)));
}

void tr_a64_rev_x(struct a64_tr *t, const struct args_a64_rev_x *a)
{
    a64_put(t, (unsigned)a->rd, ir_un(t->ir, IR_OP_bswap, a64_x(t, (unsigned)a->rn)));
}

void tr_a64_clz(struct a64_tr *t, const struct args_a64_clz *a)
{
    a64_put(t, (unsigned)a->rd, ir_un(t->ir, IR_OP_clz, a64_r(t, a->sf, (unsigned)a->rn)));
}

/* Leading bits equal to the sign, without it: clz of the value with its sign folded in, less one. */
void tr_a64_cls(struct a64_tr *t, const struct args_a64_cls *a)
{
    unsigned width = a->sf ? 64 : 32;
    ir_ref n = a64_r(t, a->sf, (unsigned)a->rn), x;

    x = ir_bin(t->ir, IR_OP_xor, n, ir_bini(t->ir, IR_OP_sar, n, width - 1));
    a64_put(t, (unsigned)a->rd, ir_bini(t->ir, IR_OP_sub, ir_un(t->ir, IR_OP_clz, x), 1));
}

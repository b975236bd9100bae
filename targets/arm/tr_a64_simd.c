/* targets/arm/tr_a64_simd.c - A64 AdvSIMD: registers, moves of lanes, and the forms of a64.insn. What operations are as IR is in
 * tr_simd*.c; what has none there goes to a helper on whole registers. Arm ARM (DDI 0487), C4.1.96 and C7. */
#include "targets/arm/a64.insn.h"
#include "targets/arm/help_simd.h"
#include "targets/arm/tr_a64.h"
#include "targets/arm/tr_simd.h"
#include "targets/arm/tr_simd_i.h"

/* --- registers ------------------------------------------------------------------------------------------------------------ */

ir_ref a64_v(struct a64_tr *t, unsigned r) { return ir_read_slot(t->ir, ARM_SLOT_V0 + r); }
void a64_put_v(struct a64_tr *t, unsigned r, ir_ref v) { ir_write_slot(t->ir, ARM_SLOT_V0 + r, v); }

void a64_put_v64(struct a64_tr *t, unsigned r, ir_ref v)
{
    a64_put_v(t, r, ir_emit(t->ir, IR_OP_vpair, IR_V128, 0, 0, v, ir_i64(t->ir, 0), 0, 0));
}

static ir_ref lane(struct a64_tr *t, ir_ref v, unsigned bits, unsigned i)
{
    return ir_emit(t->ir, IR_OP_vext, bits == 64 ? IR_I64 : IR_I32, bits, i, v, 0, 0, 0);
}

/* What an operation leaves in its low `bits`; those above are clear. */
static void put_bits(struct a64_tr *t, unsigned r, unsigned bits, ir_ref v)
{
    if (bits == 64)
        v = ir_emit(t->ir, IR_OP_vlow, IR_V128, 0, 0, v, 0, 0, 0);
    else if (bits < 64)
        v = ir_bin(t->ir, IR_OP_vand, v, ir_v128(t->ir, (UINT64_C(1) << bits) - 1, 0));
    a64_put_v(t, r, v);
}

static void put_shaped(struct a64_tr *t, unsigned r, bool q, ir_ref v) { put_bits(t, r, q ? 128 : 64, v); }

static void by_helper(struct a64_tr *t, enum arm_helper h, uint32_t what, unsigned d, unsigned n, unsigned m)
{
    const ir_ref args[] = { a64_env(t), ir_i32(t->ir, what), ir_i32(t->ir, SIMD_REGS(d, n, m)) };

    ir_sync_slot(t->ir, ARM_SLOT_V0 + d);
    ir_sync_slot(t->ir, ARM_SLOT_V0 + n);
    ir_sync_slot(t->ir, ARM_SLOT_V0 + m);
    ir_call(t->ir, h + d, 3, args);
    ir_call_touches(t->ir, ARM_SLOT_V0 + d, false);            /* the helper's declaration says only what it writes */
    ir_call_touches(t->ir, ARM_SLOT_V0 + n, false);
    ir_call_touches(t->ir, ARM_SLOT_V0 + m, false);
}

/* The host compares subnormals as zeros with FZ, but leaves them as they are where one is the least or the greatest: a product
 * with 1 makes it zero. Lanes are no signalling NaNs any more. */
static ir_ref flush_extreme(struct a64_tr *t, enum arm_helper h, uint32_t what, ir_ref v)
{
    unsigned low = what & 31, bits = what >> 8 & 1 ? 64 : 32;
    bool extreme = h == ARM_H_simd_fp ? low == 0x18 || low == 0x1e : h == ARM_H_simd_fp_misc && what & 128 && (low == 0x0c || low == 0x0f);
    ir_ref one;

    if (!extreme || !a64_flushes(t))
        return v;
    one = simd_splat(t->ir, bits, bits == 64 ? UINT64_C(0x3ff0000000000000) : 0x3f800000);
    return ir_emit(t->ir, IR_OP_vfmul, IR_V128, IR_FP_DYN | IR_FP_NAN_HOST, bits, v, one, 0, 0);
}

void a64_simd_call(struct a64_tr *t, enum arm_helper h, uint32_t what, unsigned d, unsigned n, unsigned m)
{
    ir_ref v = simd_lower(t->ir, h, what, a64_fp_mode(t), a64_v(t, d), a64_v(t, n), a64_v(t, m));

    if (v)
        put_bits(t, d, simd_result_bits(h, what), flush_extreme(t, h, what, v));
    else
        by_helper(t, h, what, d, n, m);
}

/* --- the forms -------------------------------------------------------------------------------------------------------------- */

/* Two lanes of 64 bits need the whole register. */
static bool lanes_exist(struct a64_tr *t, bool wide, int q)
{
    if (wide && !q)
        a64_undefined(t);
    return !wide || q;
}

static uint32_t element(int index) { return (uint32_t)(index + 1) << SIMD_INDEX_SHIFT; }
static uint32_t upper(int q) { return q ? SIMD_UPPER : 0; }
static uint32_t counted(unsigned count) { return (uint32_t)count << SIMD_COUNT_SHIFT; }

#define CALL3(group, what) a64_simd_call(t, ARM_H_simd_##group, what, (unsigned)a->rd, (unsigned)a->rn, (unsigned)a->rm)
#define CALL2(group, what) a64_simd_call(t, ARM_H_simd_##group, what, (unsigned)a->rd, (unsigned)a->rn, (unsigned)a->rn)
#define FORM(name) void tr_a64_##name(struct a64_tr *t, const struct args_a64_##name *a)

FORM(same)
{
    if (lanes_exist(t, a->size == 3, a->q))
        CALL3(same, SIMD_WHAT(a->op, a->size, a->q));
}
FORM(same_s) { CALL3(same, SIMD_WHAT(a->op, a->size, 0) | SIMD_SCALAR); }
FORM(same_e) { CALL3(same, SIMD_WHAT(a->op, a->size, a->q) | element(a->index)); }
FORM(same_se) { CALL3(same, SIMD_WHAT(a->op, a->size, 0) | SIMD_SCALAR | element(a->index)); }

FORM(diff) { CALL3(diff, SIMD_WHAT(a->op, a->size, a->q) | upper(a->q)); }
FORM(diff_s) { CALL3(diff, SIMD_WHAT(a->op, a->size, 0) | SIMD_SCALAR); }
FORM(diff_e) { CALL3(diff, SIMD_WHAT(a->op, a->size, a->q) | upper(a->q) | element(a->index)); }
FORM(diff_se) { CALL3(diff, SIMD_WHAT(a->op, a->size, 0) | SIMD_SCALAR | element(a->index)); }

FORM(vfp)
{
    if (lanes_exist(t, a->sz == 1, a->q))
        CALL3(fp, SIMD_WHAT(a->op, a->sz, a->q));
}
FORM(vfp_s) { CALL3(fp, SIMD_WHAT(a->op, a->sz, 0) | SIMD_SCALAR); }
FORM(vfp_e) { CALL3(fp, SIMD_WHAT(a->op, a->sz, a->q) | element(a->index)); }
FORM(vfp_se) { CALL3(fp, SIMD_WHAT(a->op, a->sz, 0) | SIMD_SCALAR | element(a->index)); }

FORM(misc)
{
    if (lanes_exist(t, a->size == 3, a->q))
        CALL2(misc, SIMD_WHAT(a->op, a->size, a->q));
}
FORM(misc_s) { CALL2(misc, SIMD_WHAT(a->op, a->size, 0) | SIMD_SCALAR); }
FORM(narrow) { CALL2(misc, SIMD_WHAT(a->op, a->size, a->q) | upper(a->q)); }
FORM(narrow_s) { CALL2(misc, SIMD_WHAT(a->op, a->size, 0) | SIMD_SCALAR); }

FORM(vfp1)
{
    if (lanes_exist(t, a->sz == 1, a->q))
        CALL2(fp_misc, SIMD_WHAT(a->op, a->sz, a->q));
}
FORM(vfp1_s) { CALL2(fp_misc, SIMD_WHAT(a->op, a->sz, 0) | SIMD_SCALAR); }
FORM(vfp_len) { CALL2(fp_misc, SIMD_WHAT(a->op, a->sz, a->q) | upper(a->q)); }
FORM(vfp_across) { CALL2(fp_misc, SIMD_WHAT(a->op, a->sz, a->q)); }
FORM(vfp_pair) { CALL2(fp_misc, SIMD_WHAT(a->op, a->sz, 0) | SIMD_SCALAR); }

FORM(across)
{
    if (lanes_exist(t, a->size == 2, a->q))
        CALL2(across, SIMD_WHAT(a->op, a->size, a->q));
}

FORM(perm)
{
    if (lanes_exist(t, a->size == 3, a->q))
        CALL3(perm, SIMD_WHAT(a->op, a->size, a->q));
}

FORM(ext)
{
    if (lanes_exist(t, a->imm & 8, a->q))
        CALL3(perm, SIMD_WHAT(SIMD_EXT, 0, a->q) | counted((unsigned)a->imm));
}

FORM(crypto) { a64_simd_call(t, ARM_H_simd_crypto, (uint32_t)a->op, (unsigned)a->rd, (unsigned)a->rn, (unsigned)a->rm); }

FORM(logic)
{
    ir_ref v = simd_logic(t->ir, (unsigned)a->which, a64_v(t, (unsigned)a->rd), a64_v(t, (unsigned)a->rn), a64_v(t, (unsigned)a->rm));

    put_shaped(t, (unsigned)a->rd, a->q, v);
}

FORM(addp_s)
{
    ir_ref v = a64_v(t, (unsigned)a->rn);
    ir_ref high = ir_emit(t->ir, IR_OP_vshufd, IR_V128, 32, 0x4e, v, 0, 0, 0);

    put_bits(t, (unsigned)a->rd, 64, ir_emit(t->ir, IR_OP_vadd, IR_V128, 64, 0, v, high, 0, 0));
}

/* --- shifts by an immediate --------------------------------------------------------------------------------------------------- */

/* immh's highest bit says the size; the rest with immb the count, down from twice the width or up from the width. */
static uint32_t shift_what(int op, int q, int immh, int immb)
{
    unsigned size = 31 - (unsigned)__builtin_clz((unsigned)immh), both = (unsigned)(immh << 3 | immb), bits = 8u << size;
    unsigned low = op & 31;
    bool left = low == 0x0a || low == 0x0c || low == 0x0e || low == 0x14;

    return SIMD_WHAT(op, size, q) | counted(left ? both - bits : 2 * bits - both);
}

FORM(shift)
{
    if (lanes_exist(t, a->immh >= 8, a->q))
        CALL2(shift, shift_what(a->op, a->q, a->immh, a->immb));
}
FORM(shift_d) { CALL2(shift, shift_what(a->op, 0, a->immh | 8, a->immb) | SIMD_SCALAR); }
FORM(shift_s) { CALL2(shift, shift_what(a->op, 0, a->immh, a->immb) | SIMD_SCALAR); }
FORM(shift_len) { CALL2(shift, shift_what(a->op, a->q, a->immh, a->immb) | upper(a->q)); }

/* Fixed point: fraction bits. */
static uint32_t fixed_what(int op, int q, int immh, int immb)
{
    unsigned bits = immh >= 8 ? 64 : immh >= 4 ? 32 : 16;

    return SIMD_WHAT(op, immh >= 8 ? 1 : immh >= 4 ? 0 : 2, q) | counted(2 * bits - (unsigned)(immh << 3 | immb));
}

static bool half_exists(struct a64_tr *t, int immh)
{
    if (immh < 4 && !arm_has(t, ARM_F_fp16))
        a64_undefined(t);
    return immh >= 4 || arm_has(t, ARM_F_fp16);
}

FORM(shift_fp)
{
    if (half_exists(t, a->immh) && lanes_exist(t, a->immh >= 8, a->q))
        CALL2(fp_misc, fixed_what(a->op, a->q, a->immh, a->immb));
}
FORM(shift_fp_s)
{
    if (half_exists(t, a->immh))
        CALL2(fp_misc, fixed_what(a->op, 0, a->immh, a->immb) | SIMD_SCALAR);
}

/* --- immediates -------------------------------------------------------------------------------------------------------------- */

static void immediate(struct a64_tr *t, int op, int q, unsigned cmode, int abc, int de, int rd)
{
    uint64_t imm = simd_expand_imm((unsigned)op, cmode, (uint64_t)(abc << 5 | de));
    unsigned d = (unsigned)rd;

    if (cmode < 12 && cmode & 1) {             /* ORR, BIC on the target */
        imm = op ? ~imm : imm;
        put_shaped(t, d, q, ir_bin(t->ir, op ? IR_OP_vand : IR_OP_vor, a64_v(t, d), ir_v128(t->ir, imm, q ? imm : 0)));
        return;
    }
    if (op && cmode < 14)
        imm = ~imm;                            /* MVNI */
    a64_put_v(t, d, ir_v128(t->ir, imm, q ? imm : 0));
}

FORM(imm) { immediate(t, a->op, a->q, (unsigned)a->cmode, a->abc, a->de, a->rd); }
FORM(imm_shifted) { immediate(t, a->op, a->q, (unsigned)(a->which | a->sh << 1), a->abc, a->de, a->rd); }
FORM(fmov_imm_h)
{
    uint64_t i = (uint64_t)(a->abc << 5 | a->de), v = (i >> 7) << 15 | (i & 0x40 ? 3u << 12 : 4u << 12) | (i & 0x3f) << 6;

    v *= UINT64_C(0x0001000100010001);
    a64_put_v(t, (unsigned)a->rd, ir_v128(t->ir, v, a->q ? v : 0));
}
FORM(imm_msl) { immediate(t, a->op, a->q, 12u | (unsigned)a->msl, a->abc, a->de, a->rd); }

/* --- moves between registers and lanes ---------------------------------------------------------------------------------------- */

/* imm5: the lowest set bit says the size, the bits above it the lane. */
static bool lane_of(struct a64_tr *t, int imm5, bool q, unsigned *size, unsigned *index)
{
    if (!(imm5 & 15)) {
        a64_undefined(t);
        return false;
    }
    *size = (unsigned)__builtin_ctz((unsigned)imm5);
    *index = (unsigned)imm5 >> (*size + 1);
    if (*size == 3 && !q) {
        a64_undefined(t);
        return false;
    }
    return true;
}

/* A value in the type that lanes of this size take. */
static ir_ref for_lane(struct a64_tr *t, ir_ref v, unsigned size)
{
    if (size < 3 && ir_type_of(t->ir, v) == IR_I64)
        return ir_conv(t->ir, IR_OP_trunc, IR_I32, v);
    return v;
}

FORM(dup_elem)
{
    unsigned size, i;

    if (lane_of(t, a->imm, a->q, &size, &i))
        put_shaped(t, (unsigned)a->rd, a->q, simd_dup_lane(t->ir, 8u << size, i, a64_v(t, (unsigned)a->rn)));
}

FORM(dup_elem_s)
{
    unsigned size, i;

    if (lane_of(t, a->imm, true, &size, &i))
        put_bits(t, (unsigned)a->rd, 8u << size, simd_dup_lane(t->ir, 8u << size, i, a64_v(t, (unsigned)a->rn)));
}

FORM(dup_gen)
{
    unsigned size, i;
    ir_ref v;

    if (!lane_of(t, a->imm, a->q, &size, &i))
        return;
    v = ir_emit(t->ir, IR_OP_vdup, IR_V128, 8u << size, 0, for_lane(t, a64_x(t, (unsigned)a->rn), size), 0, 0, 0);
    put_shaped(t, (unsigned)a->rd, a->q, v);
}

FORM(umov)
{
    unsigned size, i;

    if (!lane_of(t, a->imm, true, &size, &i))
        return;
    if (a->q != (size == 3))
        a64_undefined(t);
    else
        a64_put(t, (unsigned)a->rd, lane(t, a64_v(t, (unsigned)a->rn), 8u << size, i));
}

FORM(smov)
{
    unsigned size, i;
    ir_ref v;

    if (!lane_of(t, a->imm, true, &size, &i))
        return;
    if (size == 3 || (size == 2 && !a->q)) {
        a64_undefined(t);
        return;
    }
    v = lane(t, a64_v(t, (unsigned)a->rn), 8u << size, i);
    if (size < 2)
        v = ir_ext(t->ir, v, 0, 8u << size, true);
    a64_put(t, (unsigned)a->rd, a->q ? ir_conv(t->ir, IR_OP_sext, IR_I64, v) : v);
}

static void insert(struct a64_tr *t, int rd, unsigned size, unsigned i, ir_ref v)
{
    a64_put_v(t, (unsigned)rd, ir_emit(t->ir, IR_OP_vins, IR_V128, 8u << size, i, a64_v(t, (unsigned)rd), v, 0, 0));
}

FORM(ins_gen)
{
    unsigned size, i;

    if (lane_of(t, a->imm, true, &size, &i))
        insert(t, a->rd, size, i, for_lane(t, a64_x(t, (unsigned)a->rn), size));
}

/* Words and double words stay in vector registers. */
FORM(ins_elem)
{
    static const uint8_t types[] = { IR_I32, IR_I32, IR_F32, IR_F64 };
    unsigned size, i;

    if (lane_of(t, a->imm, true, &size, &i))
        insert(t, a->rd, size, i, ir_emit(t->ir, IR_OP_vext, types[size], 8u << size, (unsigned)a->imm4 >> size,
                                          a64_v(t, (unsigned)a->rn), 0, 0, 0));
}

/* --- tables -------------------------------------------------------------------------------------------------------------------- */

static void table(struct a64_tr *t, bool q, int len, int rm, int rn, int rd, bool keep)
{
    ir_ref regs[4];

    for (unsigned k = 0; k <= (unsigned)len; k++)
        regs[k] = a64_v(t, ((unsigned)rn + k) & 31);
    put_shaped(t, (unsigned)rd, q, simd_table(t->ir, regs, (unsigned)len + 1, a64_v(t, (unsigned)rm),
                                              keep ? a64_v(t, (unsigned)rd) : IR_NONE));
}

FORM(tbl) { table(t, a->q, a->len, a->rm, a->rn, a->rd, false); }
FORM(tbx) { table(t, a->q, a->len, a->rm, a->rn, a->rd, true); }

/* --- later extensions -------------------------------------------------------------------------------------------------------------- */

static const uint8_t complex_size[] = { 0, 2, 0, 1 };      /* as what has it: 0 single, 1 double, 2 half */

FORM(complex)
{
    if (a->size == 1 && !arm_has(t, ARM_F_fp16))
        a64_undefined(t);
    else if (lanes_exist(t, a->size == 3, a->q))
        CALL3(ext, SIMD_WHAT(a->op, complex_size[a->size], a->q));
}

FORM(complex_e)
{
    if ((a->size == 1 && !arm_has(t, ARM_F_fp16)) || (a->size == 1 && !a->q && a->index > 1))
        a64_undefined(t);
    else
        CALL3(ext, SIMD_WHAT(a->op, complex_size[a->size], a->q) | element(a->index));
}

FORM(op3) { CALL3(ext, SIMD_WHAT(a->op, 0, a->q)); }
FORM(op3_e) { CALL3(ext, SIMD_WHAT(a->op, 0, a->q) | element(a->index)); }

static ir_ref rotated_right(struct a64_tr *t, ir_ref v, unsigned n)
{
    ir_ref right = ir_emit(t->ir, IR_OP_vshr, IR_V128, 64, n, v, 0, 0, 0);

    return n ? ir_bin(t->ir, IR_OP_vor, right, ir_emit(t->ir, IR_OP_vshl, IR_V128, 64, 64 - n, v, 0, 0, 0)) : v;
}

FORM(rax1)
{
    a64_put_v(t, (unsigned)a->rd, ir_bin(t->ir, IR_OP_vxor, a64_v(t, (unsigned)a->rn), rotated_right(t, a64_v(t, (unsigned)a->rm), 63)));
}

FORM(xar)
{
    ir_ref v = ir_bin(t->ir, IR_OP_vxor, a64_v(t, (unsigned)a->rn), a64_v(t, (unsigned)a->rm));

    a64_put_v(t, (unsigned)a->rd, rotated_right(t, v, (unsigned)a->imm));
}

FORM(eor3)
{
    ir_ref v = ir_bin(t->ir, IR_OP_vxor, a64_v(t, (unsigned)a->rn), a64_v(t, (unsigned)a->rm));

    a64_put_v(t, (unsigned)a->rd, ir_bin(t->ir, IR_OP_vxor, v, a64_v(t, (unsigned)a->ra)));
}

FORM(bcax)
{
    ir_ref v = ir_bin(t->ir, IR_OP_vandn, a64_v(t, (unsigned)a->rm), a64_v(t, (unsigned)a->ra));

    a64_put_v(t, (unsigned)a->rd, ir_bin(t->ir, IR_OP_vxor, a64_v(t, (unsigned)a->rn), v));
}

FORM(fjcvtzs)
{
    const ir_ref args[] = { a64_env(t), ir_emit(t->ir, IR_OP_vext, IR_I64, 64, 0, a64_v(t, (unsigned)a->rn), 0, 0, 0) };
    ir_ref v = ir_call(t->ir, ARM_H_fjcvtzs, 2, args);

    a64_put(t, (unsigned)a->rd, ir_conv(t->ir, IR_OP_trunc, IR_I32, v));
    v = ir_conv(t->ir, IR_OP_trunc, IR_I32, ir_bini(t->ir, IR_OP_shr, v, 32));
    a64_set_nzcv(t, ir_bini(t->ir, IR_OP_shl, v, 30));
}

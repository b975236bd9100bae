/* targets/arm/tr_a64_simd.c - AdvSIMD: loads, stores and moves of vector registers, and lanes. What the IR has an operation
 * for is done by it; the rest by helpers on whole registers. Arm ARM (DDI 0487), C4.1.96 and C7. */
#include <stddef.h>

#include "targets/arm/a64.insn.h"
#include "targets/arm/help_simd.h"
#include "targets/arm/tr_a64.h"
#include "targets/arm/tr_simd.h"

/* --- registers ------------------------------------------------------------------------------------------------------------ */

ir_ref a64_v(struct a64_tr *t, unsigned r) { return ir_read_slot(t->ir, ARM_SLOT_V0 + r); }
void a64_put_v(struct a64_tr *t, unsigned r, ir_ref v) { ir_write_slot(t->ir, ARM_SLOT_V0 + r, v); }

static ir_ref pair(struct a64_tr *t, ir_ref lo, ir_ref hi)
{
    return ir_emit(t->ir, IR_OP_vpair, IR_V128, 0, 0, lo, hi, 0, 0);
}

void a64_put_v64(struct a64_tr *t, unsigned r, ir_ref v) { a64_put_v(t, r, pair(t, v, ir_i64(t->ir, 0))); }

static ir_ref lane(struct a64_tr *t, ir_ref v, unsigned bits, unsigned i)
{
    return ir_emit(t->ir, IR_OP_vext, bits == 64 ? IR_I64 : IR_I32, bits, i, v, 0, 0, 0);
}

static ir_ref low64(struct a64_tr *t, unsigned r) { return lane(t, a64_v(t, r), 64, 0); }

/* The result of an operation on 64 bits: the upper half is clear. */
static void put_shaped(struct a64_tr *t, unsigned r, bool q, ir_ref v)
{
    if (q)
        a64_put_v(t, r, v);
    else
        a64_put_v64(t, r, lane(t, v, 64, 0));
}

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

/* What an operation leaves in its low `bits`; those above are clear. */
static void put_bits(struct a64_tr *t, unsigned r, unsigned bits, ir_ref v)
{
    if (bits < 64)
        a64_put_v64(t, r, ir_conv(t->ir, IR_OP_zext, IR_I64, lane(t, v, bits, 0)));
    else
        put_shaped(t, r, bits == 128, v);
}

void a64_simd_call(struct a64_tr *t, enum arm_helper h, uint32_t what, unsigned d, unsigned n, unsigned m)
{
    ir_ref v = simd_lower(t->ir, h, what, a64_fp_mode(t), a64_v(t, d), a64_v(t, n), a64_v(t, m));

    if (v)
        put_bits(t, d, simd_result_bits(h, what), v);
    else
        by_helper(t, h, what, d, n, m);
}

/* --- loads and stores ------------------------------------------------------------------------------------------------------- */

static ir_ref base_of(struct a64_tr *t, int rn) { return a64_r_sp(t, true, (unsigned)rn); }

/* size: log2 of the bytes, 4 a whole register */
static ir_ref load(struct a64_tr *t, unsigned size, ir_ref at, int64_t disp)
{
    if (size == 4)
        return ir_ld(t->ir, IR_V128, IR_M128, at, disp);
    return pair(t, ir_ld(t->ir, IR_I64, size, at, disp), ir_i64(t->ir, 0));
}

static void store(struct a64_tr *t, unsigned size, ir_ref at, int64_t disp, unsigned rt)
{
    if (size == 4)
        ir_st(t->ir, IR_M128, at, disp, a64_v(t, rt));
    else
        ir_st(t->ir, size, at, disp, low64(t, rt));
}

enum { UNSCALED, POST, OFFSET_ONLY, PRE };

static void access(struct a64_tr *t, bool is_load, unsigned size, int rn, int rt, int64_t imm, unsigned mode)
{
    ir_ref base = base_of(t, rn), v = IR_NONE;
    int64_t disp = mode == POST ? 0 : imm;

    if (is_load)
        v = load(t, size, base, disp);
    else
        store(t, size, base, disp, (unsigned)rt);
    if (mode == POST || mode == PRE)
        a64_put_sp(t, (unsigned)rn, ir_bini(t->ir, IR_OP_add, base, (uint64_t)imm));
    if (is_load)
        a64_put_v(t, (unsigned)rt, v);
}

#define ACCESS(name, is_load, size) \
    void tr_a64_##name##_imm(struct a64_tr *t, const struct args_a64_##name##_imm *a) \
    { \
        access(t, is_load, size, a->rn, a->rt, (int64_t)a->imm << (size), OFFSET_ONLY); \
    } \
    void tr_a64_##name##_9(struct a64_tr *t, const struct args_a64_##name##_9 *a) \
    { \
        access(t, is_load, size, a->rn, a->rt, a->imm, (unsigned)a->mode); \
    } \
    void tr_a64_##name##_reg(struct a64_tr *t, const struct args_a64_##name##_reg *a) \
    { \
        ir_ref at; \
        if (!a64_register_offset(t, a->rn, a->rm, a->option, a->s ? (int)(size) : 0, &at)) \
            return; \
        if (is_load) \
            a64_put_v(t, (unsigned)a->rt, load(t, size, at, 0)); \
        else \
            store(t, size, at, 0, (unsigned)a->rt); \
    }
ACCESS(vstr, false, (unsigned)a->sz)
ACCESS(vldr, true, (unsigned)a->sz)
ACCESS(vstrq, false, 4u)
ACCESS(vldrq, true, 4u)

void tr_a64_vldr_lit(struct a64_tr *t, const struct args_a64_vldr_lit *a)
{
    a64_put_v(t, (unsigned)a->rt, load(t, (unsigned)a->sz + 2, ir_i64(t->ir, t->pc + (uint64_t)(int64_t)a->imm), 0));
}

void tr_a64_vstp(struct a64_tr *t, const struct args_a64_vstp *a)
{
    unsigned size = (unsigned)a->sz + 2;
    ir_ref base = base_of(t, a->rn);
    int64_t by = (int64_t)a->imm << size, disp = a->mode == POST ? 0 : by;

    store(t, size, base, disp, (unsigned)a->rt);
    store(t, size, base, disp + (1 << size), (unsigned)a->rt2);
    if (a->mode == POST || a->mode == PRE)
        a64_put_sp(t, (unsigned)a->rn, ir_bini(t->ir, IR_OP_add, base, (uint64_t)by));
}

void tr_a64_vldp(struct a64_tr *t, const struct args_a64_vldp *a)
{
    unsigned size = (unsigned)a->sz + 2;
    ir_ref base = base_of(t, a->rn), v, v2;
    int64_t by = (int64_t)a->imm << size, disp = a->mode == POST ? 0 : by;

    v = load(t, size, base, disp);
    v2 = load(t, size, base, disp + (1 << size));
    if (a->mode == POST || a->mode == PRE)
        a64_put_sp(t, (unsigned)a->rn, ir_bini(t->ir, IR_OP_add, base, (uint64_t)by));
    a64_put_v(t, (unsigned)a->rt, v);
    a64_put_v(t, (unsigned)a->rt2, v2);
}

static void put_lane(struct a64_tr *t, unsigned r, unsigned bits, unsigned i, ir_ref v)
{
    if (bits == 64 && ir_type_of(t->ir, v) == IR_I32)
        v = ir_conv(t->ir, IR_OP_zext, IR_I64, v);
    else if (bits < 64 && ir_type_of(t->ir, v) == IR_I64)
        v = ir_conv(t->ir, IR_OP_trunc, IR_I32, v);
    a64_put_v(t, r, ir_emit(t->ir, IR_OP_vins, IR_V128, bits, i, a64_v(t, r), v, 0, 0));
}

static ir_ref lane64(struct a64_tr *t, unsigned r, unsigned bits, unsigned i)
{
    ir_ref v = lane(t, a64_v(t, r), bits, i);

    return bits == 64 ? v : ir_conv(t->ir, IR_OP_zext, IR_I64, v);
}

/* LD1-4, ST1-4 of whole registers: `selem` registers interleaved, `rpt` times. */
static void multi(struct a64_tr *t, bool is_load, bool q, unsigned opcode, unsigned size, int rn, int rt, int rm, bool post)
{
    static const struct { uint8_t rpt, selem; } forms[16] = {
        [0] = { 1, 4 }, [2] = { 4, 1 }, [4] = { 1, 3 }, [6] = { 3, 1 }, [7] = { 1, 1 }, [8] = { 1, 2 }, [10] = { 2, 1 },
    };
    unsigned rpt = forms[opcode].rpt, selem = forms[opcode].selem, bytes = q ? 16 : 8, lanes = bytes >> size;
    ir_ref base = base_of(t, rn);
    int64_t at = 0;

    if (!rpt || (size == 3 && !q && selem != 1)) {
        a64_undefined(t);
        return;
    }
    if (selem == 1) {
        for (unsigned r = 0; r < rpt; r++, at += bytes) {
            unsigned v = (unsigned)(rt + (int)r) & 31;

            if (is_load)
                a64_put_v(t, v, load(t, q ? 4 : 3, base, at));
            else
                store(t, q ? 4 : 3, base, at, v);
        }
    } else {
        for (unsigned i = 0; i < lanes; i++)
            for (unsigned s = 0; s < selem; s++, at += 1 << size) {
                unsigned v = (unsigned)(rt + (int)s) & 31;

                if (!is_load)
                    ir_st(t->ir, size, base, at, lane64(t, v, 8u << size, i));
                else if (i == 0)
                    a64_put_v64(t, v, ir_ld(t->ir, IR_I64, size, base, at));
                else
                    put_lane(t, v, 8u << size, i, ir_ld(t->ir, IR_I64, size, base, at));
            }
    }
    if (post)
        a64_put_sp(t, (unsigned)rn, ir_bin(t->ir, IR_OP_add, base, rm == 31 ? ir_i64(t->ir, (uint64_t)at) : a64_x(t, (unsigned)rm)));
}

void tr_a64_vmulti(struct a64_tr *t, const struct args_a64_vmulti *a)
{
    multi(t, a->l, a->q, (unsigned)a->opcode, (unsigned)a->size, a->rn, a->rt, 31, false);
}

void tr_a64_vmulti_post(struct a64_tr *t, const struct args_a64_vmulti_post *a)
{
    multi(t, a->l, a->q, (unsigned)a->opcode, (unsigned)a->size, a->rn, a->rt, a->rm, true);
}

static ir_ref dup(struct a64_tr *t, ir_ref v, unsigned bits)
{
    if (bits == 64 && ir_type_of(t->ir, v) == IR_I32)
        v = ir_conv(t->ir, IR_OP_zext, IR_I64, v);
    else if (bits < 64 && ir_type_of(t->ir, v) == IR_I64)
        v = ir_conv(t->ir, IR_OP_trunc, IR_I32, v);
    return ir_emit(t->ir, IR_OP_vdup, IR_V128, bits, 0, v, 0, 0, 0);
}

/* One lane of 1 to 4 registers, or one element into every lane (opcode 11x). */
static void single(struct a64_tr *t, bool is_load, bool q, bool r, unsigned opcode, bool s, unsigned size, int rn, int rt,
                   int rm, bool post)
{
    unsigned scale = opcode >> 1, selem = ((opcode & 1) << 1 | r) + 1, index = (unsigned)q << 3 | (unsigned)s << 2 | size;
    bool replicate = scale == 3;
    ir_ref base = base_of(t, rn);
    int64_t at = 0;

    if (replicate ? !is_load || s : (scale == 1 && size & 1) || (scale == 2 && (size & 2 || (size & 1 && s)))) {
        a64_undefined(t);
        return;
    }
    if (replicate) {
        scale = size;
    } else if (scale == 1) {
        index >>= 1;
    } else if (scale == 2) {
        scale = size & 1 ? 3 : 2;
        index >>= scale;
    }
    for (unsigned k = 0; k < selem; k++, at += 1 << scale) {
        unsigned v = (unsigned)(rt + (int)k) & 31;

        if (!is_load)
            ir_st(t->ir, scale, base, at, lane64(t, v, 8u << scale, index));
        else if (replicate)
            put_shaped(t, v, q, dup(t, ir_ld(t->ir, IR_I64, scale, base, at), 8u << scale));
        else
            put_lane(t, v, 8u << scale, index, ir_ld(t->ir, IR_I64, scale, base, at));
    }
    if (post)
        a64_put_sp(t, (unsigned)rn, ir_bin(t->ir, IR_OP_add, base, rm == 31 ? ir_i64(t->ir, (uint64_t)at) : a64_x(t, (unsigned)rm)));
}

void tr_a64_vsingle(struct a64_tr *t, const struct args_a64_vsingle *a)
{
    single(t, a->l, a->q, a->r, (unsigned)a->opcode, a->s, (unsigned)a->size, a->rn, a->rt, 31, false);
}

void tr_a64_vsingle_post(struct a64_tr *t, const struct args_a64_vsingle_post *a)
{
    single(t, a->l, a->q, a->r, (unsigned)a->opcode, a->s, (unsigned)a->size, a->rn, a->rt, a->rm, true);
}

/* --- moves between registers and lanes ---------------------------------------------------------------------------------------- */

/* imm5: the lowest set bit says the size, the bits above it the lane. */
static bool element(struct a64_tr *t, int imm5, bool q, unsigned *size, unsigned *index)
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

void tr_a64_vdup_elem(struct a64_tr *t, const struct args_a64_vdup_elem *a)
{
    unsigned size, i;

    if (element(t, a->imm, a->q, &size, &i))
        put_shaped(t, (unsigned)a->rd, a->q, dup(t, lane(t, a64_v(t, (unsigned)a->rn), 8u << size, i), 8u << size));
}

void tr_a64_sdup_elem(struct a64_tr *t, const struct args_a64_sdup_elem *a)
{
    unsigned size, i;

    if (element(t, a->imm, true, &size, &i))
        a64_put_v64(t, (unsigned)a->rd, lane64(t, (unsigned)a->rn, 8u << size, i));
}

void tr_a64_vdup_gen(struct a64_tr *t, const struct args_a64_vdup_gen *a)
{
    unsigned size, i;

    if (element(t, a->imm, a->q, &size, &i))
        put_shaped(t, (unsigned)a->rd, a->q, dup(t, a64_x(t, (unsigned)a->rn), 8u << size));
}

void tr_a64_umov(struct a64_tr *t, const struct args_a64_umov *a)
{
    unsigned size, i;

    if (!element(t, a->imm, true, &size, &i))
        return;
    if (a->q != (size == 3))
        a64_undefined(t);
    else
        a64_put(t, (unsigned)a->rd, lane(t, a64_v(t, (unsigned)a->rn), 8u << size, i));
}

void tr_a64_smov(struct a64_tr *t, const struct args_a64_smov *a)
{
    unsigned size, i;
    ir_ref v;

    if (!element(t, a->imm, true, &size, &i))
        return;
    if (size == 3 || (size == 2 && !a->q)) {
        a64_undefined(t);
        return;
    }
    v = lane64(t, (unsigned)a->rn, 8u << size, i);
    v = ir_ext(t->ir, v, 0, 8u << size, true);
    a64_put(t, (unsigned)a->rd, a->q ? v : ir_conv(t->ir, IR_OP_trunc, IR_I32, v));
}

void tr_a64_vins_gen(struct a64_tr *t, const struct args_a64_vins_gen *a)
{
    unsigned size, i;

    if (element(t, a->imm, true, &size, &i))
        put_lane(t, (unsigned)a->rd, 8u << size, i, a64_x(t, (unsigned)a->rn));
}

void tr_a64_vins_elem(struct a64_tr *t, const struct args_a64_vins_elem *a)
{
    unsigned size, i;

    if (element(t, a->imm, true, &size, &i))
        put_lane(t, (unsigned)a->rd, 8u << size, i,
                 lane(t, a64_v(t, (unsigned)a->rn), 8u << size, (unsigned)a->imm4 >> size));
}

void tr_a64_vmovi(struct a64_tr *t, const struct args_a64_vmovi *a)
{
    unsigned cmode = (unsigned)a->cmode, d = (unsigned)a->rd;
    uint64_t imm;
    ir_ref v;

    if (a->o2 || (cmode == 15 && a->op && !a->q)) {
        a64_undefined(t);
        return;
    }
    imm = simd_expand_imm((unsigned)a->op, cmode, (uint64_t)(a->abc << 5 | a->de));
    if (cmode < 12 && cmode & 1) {             /* ORR, BIC on the target */
        v = ir_v128(t->ir, a->op ? ~imm : imm, a->q ? (a->op ? ~imm : imm) : 0);
        v = ir_bin(t->ir, a->op ? IR_OP_vand : IR_OP_vor, a64_v(t, d), v);
        put_shaped(t, d, a->q, v);
        return;
    }
    if (a->op && cmode < 14)
        imm = ~imm;                            /* MVNI */
    a64_put_v(t, d, ir_v128(t->ir, imm, a->q ? imm : 0));
}

/* --- three registers, equal lanes ------------------------------------------------------------------------------------------------ */

static bool same_exists(unsigned op, unsigned size, bool q, bool scalar)
{
    if (scalar)
        switch (op) {
        case 0x01: case 0x21: case 0x05: case 0x25: case 0x09: case 0x29: case 0x0b: case 0x2b: return true;
        case 0x16: case 0x36: return size == 1 || size == 2;
        case 0x06: case 0x26: case 0x07: case 0x27: case 0x08: case 0x28: case 0x0a: case 0x2a: case 0x10: case 0x30: case 0x11:
        case 0x31: return size == 3;
        default: return false;
        }
    if (size == 3 && !q)
        return false;
    switch (op & 31) {
    case 0x00: case 0x02: case 0x04: case 0x0c: case 0x0d: case 0x0e: case 0x0f: case 0x12: case 0x14: case 0x15: return size != 3;
    case 0x13: return op & 32 ? size == 0 : size != 3;
    case 0x16: return size == 1 || size == 2;
    case 0x17: return !(op & 32);
    default: return true;
    }
}

/* FP forms: size's upper bit belongs to the operation, its lower one says double. */
static bool fp_same_exists(unsigned op, bool scalar)
{
    switch (op & 127) {
    case 0x18: case 0x58: case 0x19: case 0x59: case 0x1a: case 0x5a: case 0x1e: case 0x5e: case 0x38: case 0x78: case 0x3a:
    case 0x3b: case 0x3e: case 0x7e: case 0x3f: return !scalar;
    case 0x1b: case 0x1c: case 0x1f: case 0x5f: case 0x3c: case 0x3d: case 0x7a: case 0x7c: case 0x7d: return true;
    default: return false;
    }
}

static void three_same(struct a64_tr *t, const struct args_a64_v3same *a, bool scalar)
{
    unsigned op = (unsigned)(a->u << 5 | a->opcode), size = (unsigned)a->size, d = (unsigned)a->rd;
    uint32_t extra = scalar ? SIMD_SCALAR : 0;
    ir_ref v;

    if ((op & 31) == 3 && !scalar) {
        v = simd_logic(t->ir, (unsigned)(a->u << 2 | a->size), a64_v(t, d), a64_v(t, (unsigned)a->rn), a64_v(t, (unsigned)a->rm));
        put_shaped(t, d, a->q, v);
        return;
    }
    if ((op & 31) >= 0x18) {
        op |= size >> 1 ? 64 : 0;
        if (!fp_same_exists(op, scalar) || (size & 1 && !a->q && !scalar))
            a64_undefined(t);
        else
            a64_simd_call(t, ARM_H_simd_fp, SIMD_WHAT(op, size & 1, a->q) | extra, d, (unsigned)a->rn, (unsigned)a->rm);
        return;
    }
    if (!same_exists(op, size, a->q, scalar)) {
        a64_undefined(t);
        return;
    }
    a64_simd_call(t, ARM_H_simd_same, SIMD_WHAT(op, size, a->q) | extra, d, (unsigned)a->rn, (unsigned)a->rm);
}

void tr_a64_v3same(struct a64_tr *t, const struct args_a64_v3same *a) { three_same(t, a, false); }

void tr_a64_s3same(struct a64_tr *t, const struct args_a64_s3same *a)
{
    const struct args_a64_v3same v = { .u = a->u, .size = a->size, .rm = a->rm, .opcode = a->opcode, .rn = a->rn, .rd = a->rd };

    three_same(t, &v, true);
}

/* SQRDMLAH, SQRDMLSH, SDOT, UDOT: the "three same extra" group. */
void tr_a64_v3extra(struct a64_tr *t, const struct args_a64_v3extra *a)
{
    unsigned size = (unsigned)a->size, op;

    if (a->u && (a->opcode == 0 || a->opcode == 1) && arm_has(t, ARM_F_rdm) && (size == 1 || size == 2))
        op = 0x40 + (unsigned)a->opcode;
    else if (a->opcode == 2 && size == 2 && arm_has(t, ARM_F_dotprod))
        op = 0x42 + (unsigned)a->u;
    else if (a->opcode == 3 && !a->u && size == 2 && arm_has(t, ARM_F_i8mm))
        op = 0x44;
    else {
        a64_undefined(t);
        return;
    }
    a64_simd_call(t, ARM_H_simd_same, SIMD_WHAT(op, size, a->q), (unsigned)a->rd, (unsigned)a->rn, (unsigned)a->rm);
}

/* --- two registers -------------------------------------------------------------------------------------------------------------------- */

static bool misc_exists(unsigned op, unsigned size, bool q, bool scalar)
{
    switch (op) {
    case 0x03: case 0x23: case 0x07: case 0x27: return scalar || size != 3 || q;
    case 0x08: case 0x09: case 0x0a: case 0x0b: case 0x28: case 0x29: case 0x2b: return scalar ? size == 3 : size != 3 || q;
    case 0x12: return size != 3 && !scalar;
    case 0x14: case 0x32: case 0x34: return size != 3;
    case 0x00: case 0x02: case 0x22: case 0x04: case 0x24: case 0x06: case 0x26: case 0x33: return !scalar && size != 3;
    case 0x01: case 0x05: return !scalar && size == 0;
    case 0x20: return !scalar && size < 2;
    case 0x25: return !scalar && size < 2;
    default: return false;
    }
}

static bool fp_misc_exists(unsigned op, bool dbl, bool scalar)
{
    switch (op) {
    case 0x4c: case 0x6c: case 0x4d: case 0x6d: case 0x4e: case 0x1a: case 0x5a: case 0x3a: case 0x7a: case 0x1b: case 0x5b:
    case 0x3b: case 0x7b: case 0x1c: case 0x3c: case 0x1d: case 0x3d: case 0x5d: case 0x7d: return true;
    case 0x4f: case 0x6f: case 0x18: case 0x58: case 0x19: case 0x59: case 0x38: case 0x39: case 0x79: case 0x7f: return !scalar;
    case 0x5f: return scalar;                  /* FRECPX */
    case 0x5c: case 0x7c: return !dbl && !scalar;          /* URECPE, URSQRTE */
    case 0x16: case 0x17: return !scalar;
    case 0x36: return dbl;
    default: return false;
    }
}

static void two_misc(struct a64_tr *t, const struct args_a64_v2misc *a, bool scalar)
{
    unsigned op = (unsigned)(a->u << 5 | a->opcode), size = (unsigned)a->size, fp_op = op | (size >> 1 ? 64 : 0);
    uint32_t extra = scalar ? SIMD_SCALAR : 0;

    if (misc_exists(op, size, a->q, scalar)) {
        if (op == 0x25 && size == 1)
            op = 0x60, size = 0;               /* RBIT shares its number with NOT */
        if (op == 0x12 || op == 0x32 || op == 0x14 || op == 0x34 || op == 0x33)
            extra |= a->q && !scalar ? SIMD_UPPER : 0;
        a64_simd_call(t, ARM_H_simd_misc, SIMD_WHAT(op, size, a->q) | extra, (unsigned)a->rd, (unsigned)a->rn, (unsigned)a->rn);
        return;
    }
    if (!fp_misc_exists(fp_op, size & 1, scalar) || ((op & 31) != 0x16 && (op & 31) != 0x17 && size & 1 && !a->q && !scalar)) {
        a64_undefined(t);
        return;
    }
    if ((op & 31) == 0x16 || (op & 31) == 0x17)
        extra |= a->q && !scalar ? SIMD_UPPER : 0;
    a64_simd_call(t, ARM_H_simd_fp_misc, SIMD_WHAT(fp_op, size & 1, a->q) | extra, (unsigned)a->rd, (unsigned)a->rn, (unsigned)a->rn);
}

void tr_a64_v2misc(struct a64_tr *t, const struct args_a64_v2misc *a) { two_misc(t, a, false); }

void tr_a64_s2misc(struct a64_tr *t, const struct args_a64_s2misc *a)
{
    const struct args_a64_v2misc v = { .u = a->u, .size = a->size, .opcode = a->opcode, .rn = a->rn, .rd = a->rd };

    two_misc(t, &v, true);
}

/* --- widening, narrowing, across ---------------------------------------------------------------------------------------------------------- */

void tr_a64_v3diff(struct a64_tr *t, const struct args_a64_v3diff *a)
{
    unsigned op = (unsigned)a->opcode, size = (unsigned)a->size;
    bool poly = op == 14, doubling = op == 9 || op == 11 || op == 13;

    if (op == 15 || (poly ? a->u || size == 1 || size == 2 || (size == 3 && !arm_has(t, ARM_F_pmull)) : size == 3) ||
        (doubling && (a->u || size == 0))) {
        a64_undefined(t);
        return;
    }
    if (poly && size == 3) {
        ir_ref n = a64_v(t, (unsigned)a->rn), m = a64_v(t, (unsigned)a->rm);

        a64_put_v(t, (unsigned)a->rd, ir_emit(t->ir, IR_OP_vclmul, IR_V128, 0, a->q ? 0x11 : 0, n, m, 0, 0));
        return;
    }
    a64_simd_call(t, ARM_H_simd_diff, SIMD_WHAT(op | (unsigned)a->u << 5, size, a->q) | (a->q ? SIMD_UPPER : 0), (unsigned)a->rd,
                  (unsigned)a->rn, (unsigned)a->rm);
}

void tr_a64_s3diff(struct a64_tr *t, const struct args_a64_s3diff *a)
{
    unsigned op = (unsigned)a->opcode;

    if ((op != 9 && op != 11 && op != 13) || a->size == 0 || a->size == 3)
        a64_undefined(t);
    else
        a64_simd_call(t, ARM_H_simd_diff, SIMD_WHAT(op, a->size, 0) | SIMD_SCALAR, (unsigned)a->rd, (unsigned)a->rn, (unsigned)a->rm);
}

void tr_a64_vacross(struct a64_tr *t, const struct args_a64_vacross *a)
{
    unsigned op = (unsigned)a->opcode, size = (unsigned)a->size;

    if (a->u && (op == 0x0c || op == 0x0f) && !(size & 1) && a->q)
        a64_simd_call(t, ARM_H_simd_fp_misc, SIMD_WHAT(op | 0x80 | (size >> 1 ? 64u : 0), 0, 1), (unsigned)a->rd, (unsigned)a->rn,
                      (unsigned)a->rn);
    else if (size == 3 || (size == 2 && !a->q) || (op != 0x03 && op != 0x0a && op != 0x1a && (op != 0x1b || a->u)))
        a64_undefined(t);
    else
        a64_simd_call(t, ARM_H_simd_across, SIMD_WHAT(op | (unsigned)a->u << 5, size, a->q), (unsigned)a->rd, (unsigned)a->rn,
                      (unsigned)a->rn);
}

void tr_a64_spair(struct a64_tr *t, const struct args_a64_spair *a)
{
    unsigned op = (unsigned)a->opcode, size = (unsigned)a->size;

    if (!a->u && op == 0x1b && size == 3) {
        ir_ref v = a64_v(t, (unsigned)a->rn);

        a64_put_v64(t, (unsigned)a->rd, ir_bin(t->ir, IR_OP_add, lane(t, v, 64, 0), lane(t, v, 64, 1)));
    } else if (a->u && (op == 0x0c || (op == 0x0d && !(size >> 1)) || op == 0x0f)) {
        a64_simd_call(t, ARM_H_simd_fp_misc, SIMD_WHAT(op | 0x80 | (size >> 1 ? 64u : 0), size & 1, 0) | SIMD_SCALAR, (unsigned)a->rd,
                      (unsigned)a->rn, (unsigned)a->rn);
    } else {
        a64_undefined(t);
    }
}

/* --- shifts by an immediate --------------------------------------------------------------------------------------------------------------------- */

static bool shift_exists(unsigned op, unsigned size, bool q, bool scalar)
{
    switch (op) {
    case 0x00: case 0x20: case 0x02: case 0x22: case 0x04: case 0x24: case 0x06: case 0x26: case 0x0a: case 0x28: case 0x2a:
        return scalar ? size == 3 : size != 3 || q;
    case 0x2c: case 0x0e: case 0x2e: return scalar || size != 3 || q;
    case 0x10: case 0x11: return !scalar && size != 3;
    case 0x12: case 0x13: case 0x30: case 0x31: case 0x32: case 0x33: return size != 3;
    case 0x14: case 0x34: return !scalar && size != 3;
    case 0x1c: case 0x3c: case 0x1f: case 0x3f: return size >= 2 && (scalar || size != 3 || q);
    default: return false;
    }
}

static void shift(struct a64_tr *t, const struct args_a64_vshift *a, bool scalar)
{
    unsigned op = (unsigned)(a->u << 5 | a->opcode), size = 31 - (unsigned)__builtin_clz((unsigned)a->immh);
    unsigned both = (unsigned)(a->immh << 3 | a->immb), bits = 8u << size, low = op & 31;
    bool left = low == 0x0a || low == 0x0c || low == 0x0e || low == 0x14;
    unsigned count = left ? both - bits : 2 * bits - both;
    uint32_t extra = (scalar ? SIMD_SCALAR : 0) | count << SIMD_COUNT_SHIFT;

    if (!shift_exists(op, size, a->q, scalar)) {
        a64_undefined(t);
        return;
    }
    if (low == 0x1c || low == 0x1f) {          /* fixed point: SCVTF, FCVTZS and the unsigned ones, with fraction bits */
        unsigned fp_op = (op & 32) | (low == 0x1c ? 0x1d : 0x5b);

        a64_simd_call(t, ARM_H_simd_fp_misc, SIMD_WHAT(fp_op, size & 1, a->q) | extra, (unsigned)a->rd, (unsigned)a->rn,
                      (unsigned)a->rn);
        return;
    }
    if (low >= 0x10 && low <= 0x14)
        extra |= a->q && !scalar ? SIMD_UPPER : 0;
    a64_simd_call(t, ARM_H_simd_shift, SIMD_WHAT(op, size, a->q) | extra, (unsigned)a->rd, (unsigned)a->rn, (unsigned)a->rn);
}

void tr_a64_vshift(struct a64_tr *t, const struct args_a64_vshift *a) { shift(t, a, false); }

void tr_a64_sshift(struct a64_tr *t, const struct args_a64_sshift *a)
{
    const struct args_a64_vshift v = { .u = a->u, .immh = a->immh, .immb = a->immb, .opcode = a->opcode, .rn = a->rn, .rd = a->rd };

    shift(t, &v, true);
}

/* --- with one lane of the second register --------------------------------------------------------------------------------------------------------- */

static void indexed(struct a64_tr *t, const struct args_a64_vindexed *a, bool scalar)
{
    unsigned op = (unsigned)a->opcode, size = (unsigned)a->size, m = (unsigned)a->rm, index;
    unsigned with_u = op | (unsigned)a->u << 4;
    uint32_t extra = scalar ? SIMD_SCALAR : 0;
    bool fp = op == 1 || op == 5 || op == 9;

    if (fp) {
        static const uint8_t fp_ops[] = { [1] = 0x19, [5] = 0x59, [9] = 0x3b };
        unsigned what = a->u ? 0x1b : fp_ops[op];

        if (size < 2 || (size == 3 && (a->l || (!a->q && !scalar))) || (a->u && op != 9)) {
            a64_undefined(t);
            return;
        }
        index = size == 2 ? (unsigned)(a->h << 1 | a->l) : (unsigned)a->h;
        a64_simd_call(t, ARM_H_simd_fp, SIMD_WHAT(what, size & 1, a->q) | extra | (index + 1) << SIMD_INDEX_SHIFT,
                      (unsigned)a->rd, (unsigned)a->rn, m | (unsigned)a->m << 4);
        return;
    }
    if (size == 0 || size == 3) {
        a64_undefined(t);
        return;
    }
    if (size == 2)
        m |= (unsigned)a->m << 4;
    index = size == 1 ? (unsigned)(a->h << 2 | a->l << 1 | a->m) : (unsigned)(a->h << 1 | a->l);
    extra |= (index + 1) << SIMD_INDEX_SHIFT;
    switch (with_u) {
    case 0x08: case 0x10: case 0x14: {         /* MUL, MLA, MLS */
        static const uint8_t ops[] = { [0x08] = 0x13, [0x10] = 0x12, [0x14] = 0x32 };

        if (scalar)
            break;
        a64_simd_call(t, ARM_H_simd_same, SIMD_WHAT(ops[with_u], size, a->q) | extra, (unsigned)a->rd, (unsigned)a->rn, m);
        return;
    }
    case 0x0c: case 0x0d:                      /* SQDMULH, SQRDMULH */
        a64_simd_call(t, ARM_H_simd_same, SIMD_WHAT(with_u == 0x0c ? 0x16 : 0x36, size, a->q) | extra, (unsigned)a->rd,
                      (unsigned)a->rn, m);
        return;
    case 0x1d: case 0x1f:                      /* SQRDMLAH, SQRDMLSH */
        if (!arm_has(t, ARM_F_rdm))
            break;
        a64_simd_call(t, ARM_H_simd_same, SIMD_WHAT(with_u == 0x1d ? 0x40 : 0x41, size, a->q) | extra, (unsigned)a->rd,
                      (unsigned)a->rn, m);
        return;
    case 0x0e: case 0x1e:                      /* SDOT, UDOT */
        if (size != 2 || scalar || !arm_has(t, ARM_F_dotprod))
            break;
        a64_simd_call(t, ARM_H_simd_same, SIMD_WHAT(with_u == 0x0e ? 0x42 : 0x43, size, a->q) | extra, (unsigned)a->rd,
                      (unsigned)a->rn, m);
        return;
    case 0x02: case 0x12: case 0x06: case 0x16: case 0x0a: case 0x1a: case 0x03: case 0x07: case 0x0b: {
        static const uint8_t diff[] = { [2] = 8, [6] = 10, [10] = 12, [3] = 9, [7] = 11, [11] = 13 };
        bool doubling = op == 3 || op == 7 || op == 11;

        if (scalar && !doubling)
            break;
        a64_simd_call(t, ARM_H_simd_diff, SIMD_WHAT(diff[op] | (unsigned)a->u << 5, size, a->q) | extra |
                      (a->q && !scalar ? SIMD_UPPER : 0), (unsigned)a->rd, (unsigned)a->rn, m);
        return;
    }
    default:
        break;
    }
    a64_undefined(t);
}

void tr_a64_vindexed(struct a64_tr *t, const struct args_a64_vindexed *a) { indexed(t, a, false); }

void tr_a64_sindexed(struct a64_tr *t, const struct args_a64_sindexed *a)
{
    const struct args_a64_vindexed v = { .u = a->u, .size = a->size, .l = a->l, .m = a->m, .rm = a->rm, .opcode = a->opcode,
                                         .h = a->h, .rn = a->rn, .rd = a->rd };

    indexed(t, &v, true);
}

/* --- permutations, cryptography ---------------------------------------------------------------------------------------------------------------------- */

void tr_a64_vext(struct a64_tr *t, const struct args_a64_vext *a)
{
    if (!a->q && a->imm & 8)
        a64_undefined(t);
    else
        a64_simd_call(t, ARM_H_simd_perm, SIMD_WHAT(SIMD_EXT, 0, a->q) | (uint32_t)a->imm << SIMD_COUNT_SHIFT, (unsigned)a->rd,
                      (unsigned)a->rn, (unsigned)a->rm);
}

void tr_a64_vtbl(struct a64_tr *t, const struct args_a64_vtbl *a)
{
    for (unsigned i = 1; i <= (unsigned)a->len; i++)
        ir_sync_slot(t->ir, ARM_SLOT_V0 + (((unsigned)a->rn + i) & 31));
    a64_simd_call(t, ARM_H_simd_perm, SIMD_WHAT(a->op ? SIMD_TBX : SIMD_TBL, 0, a->q) | (uint32_t)a->len << SIMD_COUNT_SHIFT,
                  (unsigned)a->rd, (unsigned)a->rn, (unsigned)a->rm);
}

void tr_a64_vperm(struct a64_tr *t, const struct args_a64_vperm *a)
{
    if (!(a->opcode & 3) || (a->size == 3 && !a->q))
        a64_undefined(t);
    else
        a64_simd_call(t, ARM_H_simd_perm, SIMD_WHAT(a->opcode, a->size, a->q), (unsigned)a->rd, (unsigned)a->rn, (unsigned)a->rm);
}

static void crypto(struct a64_tr *t, enum simd_crypto op, int d, int n, int m)
{
    a64_simd_call(t, ARM_H_simd_crypto, op, (unsigned)d, (unsigned)n, (unsigned)m);
}

static void aes(struct a64_tr *t, int d, int n, bool decrypt)
{
    a64_put_v(t, (unsigned)d, simd_aes(t->ir, a64_v(t, (unsigned)d), a64_v(t, (unsigned)n), decrypt));
}

void tr_a64_aese(struct a64_tr *t, const struct args_a64_aese *a) { aes(t, a->rd, a->rn, false); }
void tr_a64_aesd(struct a64_tr *t, const struct args_a64_aesd *a) { aes(t, a->rd, a->rn, true); }

void tr_a64_aesmc(struct a64_tr *t, const struct args_a64_aesmc *a)
{
    a64_put_v(t, (unsigned)a->rd, simd_aesmc(t->ir, a64_v(t, (unsigned)a->rn)));
}

void tr_a64_aesimc(struct a64_tr *t, const struct args_a64_aesimc *a)
{
    a64_put_v(t, (unsigned)a->rd, simd_aesimc(t->ir, a64_v(t, (unsigned)a->rn)));
}

void tr_a64_sha3reg(struct a64_tr *t, const struct args_a64_sha3reg *a)
{
    if (a->opcode == 7)
        a64_undefined(t);
    else
        crypto(t, (enum simd_crypto)a->opcode, a->rd, a->rn, a->rm);
}

void tr_a64_sha2reg(struct a64_tr *t, const struct args_a64_sha2reg *a)
{
    if (a->opcode > 2)
        a64_undefined(t);
    else
        crypto(t, (enum simd_crypto)(SIMD_SHA1H + a->opcode), a->rd, a->rn, a->rn);
}

/* targets/arm/tr_a32_vec.c - views of the vector registers for AArch32, and vector operations on values. */
#include "targets/arm/tr_a32_vec.h"

#include "targets/arm/a32_simd.insn.h"
#include "targets/arm/help_simd.h"
#include "targets/arm/tr_simd.h"

/* AArch32 has V0 to V15. Operations by helpers on registers take these instead: nothing in this state can see them. A table
 * may go on behind N. */
enum { SCRATCH_RESULT = 27, SCRATCH_D, SCRATCH_M, SCRATCH_N, SCRATCH_N2 };
enum { MODE_DN = 1 << 6 };                                 /* of the mode key: FPSCR >> 19 */

/* --- views ----------------------------------------------------------------------------------------------------------------
 * In a hot region whose instructions see a V register only as singles, or only as doubles, those are slots of their own: no
 * lane has to be put into or taken out of a vector. Which is seen how, a first pass over the region finds out (tr_ctx.seen);
 * the second has it in tr_ctx.plan. Any access works in any view. A register that is only moved has no view of its own. */

enum view { VIEW_VECTOR, VIEW_SINGLES, VIEW_DOUBLES };
enum { VIEWED = 16, SEEN_BITS = 3, PLAN_BITS = 2 };

static enum view view_of(const struct tr_a32 *t, unsigned r)
{
    return r < VIEWED ? (enum view)(t->a.c->plan >> r * PLAN_BITS & 3) : VIEW_VECTOR;
}

static void note(struct tr_a32 *t, unsigned r, enum view as)
{
    if (r < VIEWED)
        t->a.c->seen |= UINT64_C(1) << (r * SEEN_BITS + as);
}

uint64_t a32_plan(uint64_t seen)
{
    uint64_t plan = 0;

    for (unsigned r = 0; r < VIEWED; r++, seen >>= SEEN_BITS) {
        unsigned as = seen & 7;

        if (as == 1 << VIEW_SINGLES || as == 1 << VIEW_DOUBLES)
            plan |= (uint64_t)(as >> 1) << r * PLAN_BITS;
    }
    return plan;
}

bool a32_is_vector(const struct tr_a32 *t, unsigned r) { return view_of(t, r) == VIEW_VECTOR; }

static ir_ref slot(struct tr_a32 *t, unsigned s) { return ir_read_slot(a32_ir(t), s); }
static ir_ref as_bits(struct tr_a32 *t, ir_ref f)
{
    return ir_conv(a32_ir(t), IR_OP_fbits, ir_type_of(a32_ir(t), f) == IR_F64 ? IR_I64 : IR_I32, f);
}

static ir_ref as_float(struct tr_a32 *t, ir_ref v)
{
    return ir_conv(a32_ir(t), IR_OP_bitsf, ir_type_of(a32_ir(t), v) == IR_I64 ? IR_F64 : IR_F32, v);
}

static bool is_float(struct tr_a32 *t, ir_ref v) { return ir_type_of(a32_ir(t), v) == IR_F32 || ir_type_of(a32_ir(t), v) == IR_F64; }

static ir_ref lane_of_type(struct tr_a32 *t, enum ir_type type, ir_ref v, unsigned bits, unsigned i)
{
    return ir_emit(a32_ir(t), IR_OP_vext, type, bits, i, v, 0, 0, 0);
}

ir_ref a32_lane(struct tr_a32 *t, ir_ref v, unsigned bits, unsigned i)
{
    return lane_of_type(t, bits == 64 ? IR_I64 : IR_I32, v, bits, i);
}

static ir_ref with_lane(struct tr_a32 *t, ir_ref v, unsigned bits, unsigned i, ir_ref lane)
{
    return ir_emit(a32_ir(t), IR_OP_vins, IR_V128, bits, i, v, lane, 0, 0);
}

/* One register whole, from its parts and back. */
static ir_ref v_of(struct tr_a32 *t, unsigned r)
{
    enum view view = view_of(t, r);
    unsigned n = view == VIEW_SINGLES ? 4 : 2, first = view == VIEW_SINGLES ? ARM_SLOT_S0 : ARM_SLOT_D0;
    ir_ref v;

    if (view == VIEW_VECTOR)
        return slot(t, ARM_SLOT_V0 + r);
    v = ir_emit(a32_ir(t), IR_OP_vfromf, IR_V128, 0, 0, slot(t, first + r * n), 0, 0, 0);
    for (unsigned i = 1; i < n; i++)
        v = with_lane(t, v, 128 / n, i, slot(t, first + r * n + i));
    return v;
}

static void put_v(struct tr_a32 *t, unsigned r, ir_ref v)
{
    enum view view = view_of(t, r);
    bool singles = view == VIEW_SINGLES;
    unsigned n = singles ? 4 : 2, first = singles ? ARM_SLOT_S0 : ARM_SLOT_D0;

    if (view == VIEW_VECTOR)
        ir_write_slot(a32_ir(t), ARM_SLOT_V0 + r, v);
    else
        for (unsigned i = 0; i < n; i++)
            ir_write_slot(a32_ir(t), first + r * n + i, lane_of_type(t, singles ? IR_F32 : IR_F64, v, 128 / n, i));
}

/* Two words, each i32, as i64, and its halves. */
static ir_ref two_words(struct tr_a32 *t, ir_ref lo, ir_ref hi)
{
    return ir_bin(a32_ir(t), IR_OP_or, ir_conv(a32_ir(t), IR_OP_zext, IR_I64, lo),
                  ir_bini(a32_ir(t), IR_OP_shl, ir_conv(a32_ir(t), IR_OP_zext, IR_I64, hi), 32));
}

static ir_ref word(struct tr_a32 *t, ir_ref v, unsigned i)
{
    return ir_conv(a32_ir(t), IR_OP_trunc, IR_I32, i ? ir_bini(a32_ir(t), IR_OP_shr, v, 32) : v);
}

/* A scalar as i32 or i64, without a note of how it is seen. */
static ir_ref bits_of(struct tr_a32 *t, bool dbl, unsigned r)
{
    unsigned per = dbl ? 2 : 4;

    switch (view_of(t, r / per)) {
    case VIEW_SINGLES:
        if (dbl)
            return two_words(t, as_bits(t, slot(t, ARM_SLOT_S0 + 2 * r)), as_bits(t, slot(t, ARM_SLOT_S0 + 2 * r + 1)));
        return as_bits(t, slot(t, ARM_SLOT_S0 + r));
    case VIEW_DOUBLES:
        if (dbl)
            return as_bits(t, slot(t, ARM_SLOT_D0 + r));
        return word(t, as_bits(t, slot(t, ARM_SLOT_D0 + r / 2)), r & 1);
    default:
        return a32_lane(t, slot(t, ARM_SLOT_V0 + r / per), dbl ? 64 : 32, r % per);
    }
}

/* v: i32, i64, f32, f64 */
static void put_any(struct tr_a32 *t, bool dbl, unsigned r, ir_ref v)
{
    unsigned per = dbl ? 2 : 4, at = r / per;
    enum view view = view_of(t, at);
    bool f = is_float(t, v);

    if (view == VIEW_VECTOR) {
        ir_write_slot(a32_ir(t), ARM_SLOT_V0 + at, with_lane(t, slot(t, ARM_SLOT_V0 + at), dbl ? 64 : 32, r % per, v));
    } else if (dbl == (view == VIEW_DOUBLES)) {
        ir_write_slot(a32_ir(t), (dbl ? ARM_SLOT_D0 : ARM_SLOT_S0) + r, f ? v : as_float(t, v));
    } else if (dbl) {
        v = f ? as_bits(t, v) : v;
        ir_write_slot(a32_ir(t), ARM_SLOT_S0 + 2 * r, as_float(t, word(t, v, 0)));
        ir_write_slot(a32_ir(t), ARM_SLOT_S0 + 2 * r + 1, as_float(t, word(t, v, 1)));
    } else {
        ir_ref old = as_bits(t, slot(t, ARM_SLOT_D0 + r / 2)), lo, hi;

        v = f ? as_bits(t, v) : v;
        lo = r & 1 ? word(t, old, 0) : v;
        hi = r & 1 ? v : word(t, old, 1);
        ir_write_slot(a32_ir(t), ARM_SLOT_D0 + r / 2, as_float(t, two_words(t, lo, hi)));
    }
}

ir_ref a32_fbits(struct tr_a32 *t, bool dbl, unsigned r)
{
    note(t, r / (dbl ? 2 : 4), dbl ? VIEW_DOUBLES : VIEW_SINGLES);
    return bits_of(t, dbl, r);
}

void a32_put_fbits(struct tr_a32 *t, bool dbl, unsigned r, ir_ref v)
{
    note(t, r / (dbl ? 2 : 4), dbl ? VIEW_DOUBLES : VIEW_SINGLES);
    put_any(t, dbl, r, v);
}

ir_ref a32_s32(struct tr_a32 *t, unsigned s) { return a32_fbits(t, false, s); }
void a32_put_s32(struct tr_a32 *t, unsigned s, ir_ref v) { a32_put_fbits(t, false, s, v); }
ir_ref a32_d64(struct tr_a32 *t, unsigned d) { return a32_fbits(t, true, d); }
void a32_put_d64(struct tr_a32 *t, unsigned d, ir_ref v) { a32_put_fbits(t, true, d, v); }

ir_ref a32_moved(struct tr_a32 *t, bool dbl, unsigned r, enum ir_type type)
{
    if (type == IR_V128)
        return v_of(t, r / (dbl ? 2 : 4));
    return type == IR_I32 || type == IR_I64 ? bits_of(t, dbl, r) : as_float(t, bits_of(t, dbl, r));
}

void a32_put_moved(struct tr_a32 *t, bool dbl, unsigned r, ir_ref v)
{
    if (ir_type_of(a32_ir(t), v) == IR_V128)
        put_v(t, r / (dbl ? 2 : 4), v);
    else
        put_any(t, dbl, r, v);
}

ir_ref a32_f(struct tr_a32 *t, bool dbl, unsigned r)
{
    unsigned per = dbl ? 2 : 4, at = r / per;

    note(t, at, dbl ? VIEW_DOUBLES : VIEW_SINGLES);
    if (r % per == 0 && view_of(t, at) == VIEW_VECTOR)
        return ir_conv(a32_ir(t), IR_OP_vtof, dbl ? IR_F64 : IR_F32, v_of(t, at));
    return as_float(t, bits_of(t, dbl, r));
}

void a32_put_f(struct tr_a32 *t, bool dbl, unsigned r, ir_ref v) { a32_put_fbits(t, dbl, r, v); }

ir_ref a32_vec(struct tr_a32 *t, bool q, unsigned d)
{
    note(t, d >> 1, VIEW_VECTOR);
    if (q || !(d & 1))
        return v_of(t, d >> 1);
    return ir_emit(a32_ir(t), IR_OP_vpair, IR_V128, 0, 0, bits_of(t, true, d), ir_i64(a32_ir(t), 0), 0, 0);
}

void a32_put_vec(struct tr_a32 *t, bool q, unsigned d, ir_ref v)
{
    note(t, d >> 1, VIEW_VECTOR);
    if (q)
        put_v(t, d >> 1, v);
    else
        put_any(t, true, d, a32_lane(t, v, 64, 0));
}

void a32_put_lane(struct tr_a32 *t, unsigned d, unsigned bits, unsigned i, ir_ref v)
{
    note(t, d >> 1, VIEW_VECTOR);
    if (bits == 64 && ir_type_of(a32_ir(t), v) == IR_I32)
        v = ir_conv(a32_ir(t), IR_OP_zext, IR_I64, v);
    else if (bits < 64 && ir_type_of(a32_ir(t), v) == IR_I64)
        v = ir_conv(a32_ir(t), IR_OP_trunc, IR_I32, v);
    put_v(t, d >> 1, with_lane(t, v_of(t, d >> 1), bits, i + (d & 1) * 64 / bits, v));
}

ir_ref a32_dup(struct tr_a32 *t, ir_ref v, unsigned bits)
{
    if (bits == 64 && ir_type_of(a32_ir(t), v) == IR_I32)
        v = ir_conv(a32_ir(t), IR_OP_zext, IR_I64, v);
    else if (bits < 64 && ir_type_of(a32_ir(t), v) == IR_I64)
        v = ir_conv(a32_ir(t), IR_OP_trunc, IR_I32, v);
    return ir_emit(a32_ir(t), IR_OP_vdup, IR_V128, bits, 0, v, 0, 0, 0);
}

unsigned a32_fp_mode(const struct tr_a32 *t)
{
    return IR_FP_DYN | (t->a.c->mode & MODE_DN ? IR_FP_NAN_CANON : IR_FP_NAN_ARM);
}

static void scratch(struct tr_a32 *t, unsigned r, ir_ref v)
{
    put_v(t, r, v);
    ir_sync_slot(a32_ir(t), ARM_SLOT_V0 + r);
}

static ir_ref by_helper(struct tr_a32 *t, enum arm_helper group, uint32_t what, ir_ref d, ir_ref n, ir_ref m)
{
    const ir_ref args[] = { a32_env(t), ir_i32(a32_ir(t), what), ir_i32(a32_ir(t), SIMD_REGS(SCRATCH_D, SCRATCH_N, SCRATCH_M)) };

    scratch(t, SCRATCH_D, d);
    scratch(t, SCRATCH_N, n);
    scratch(t, SCRATCH_M, m);
    ir_call(a32_ir(t), group + SCRATCH_D, 3, args);
    ir_call_touches(a32_ir(t), ARM_SLOT_V0 + SCRATCH_D, false);
    ir_call_touches(a32_ir(t), ARM_SLOT_V0 + SCRATCH_N, false);
    ir_call_touches(a32_ir(t), ARM_SLOT_V0 + SCRATCH_M, false);
    return v_of(t, SCRATCH_D);
}

ir_ref a32_vop(struct tr_a32 *t, enum arm_helper group, uint32_t what, ir_ref d, ir_ref n, ir_ref m)
{
    ir_ref v;

    if (a32_flushes(t, group, what))
        return a32_flushing(t, group, what, d, n, m, by_helper, ARM_SLOT_V0 + SCRATCH_RESULT);
    v = simd_lower(a32_ir(t), group, what, a32_fp_mode(t), d, n, m);
    return v ? v : by_helper(t, group, what, d, n, m);
}

ir_ref a32_table(struct tr_a32 *t, bool keep, ir_ref d, ir_ref lo, ir_ref hi, ir_ref index)
{
    uint32_t what = SIMD_WHAT(keep ? SIMD_TBX : SIMD_TBL, 0, 0) | 1 << SIMD_COUNT_SHIFT;

    scratch(t, SCRATCH_N2, hi);
    d = by_helper(t, ARM_H_simd_perm, what, d, lo, index);
    ir_call_touches(a32_ir(t), ARM_SLOT_V0 + SCRATCH_N2, false);
    return d;
}

/* VMRS and VMSR of the registers that turn floating point on and say what there is. */
static bool works_when_off(const struct tr_a32 *t, uint32_t insn)
{
    return a32_privileged(t) && (insn & 0x0fe00f10) == 0x0ee00a10 && (insn >> 16 & 15) != 1;
}

bool a32_simd_decode(struct tr_a32 *t, uint32_t insn)
{
    if (t->a.c->mode & ARM_MODE_FP_TRAP && !works_when_off(t, insn)) {
        if (t->a.c->target->bits == 32)
            return false;
        a32_exception(t, ARM_EXC_FP_TRAP, 0);  /* an AArch64 kernel is told */
        return true;
    }
    return insn >> 28 == 15 ? a32_neon_decode(t, insn) : a32_vfp_decode(t, insn);
}

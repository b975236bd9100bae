/* targets/arm/tr_a32_vec.c - views of the vector registers for AArch32, and vector operations on values. */
#include "targets/arm/tr_a32_vec.h"

#include "targets/arm/a32_simd.insn.h"
#include "targets/arm/help_simd.h"
#include "targets/arm/tr_simd.h"

/* AArch32 has V0 to V15. Operations by helpers on registers take these instead: nothing in this state can see them. A table
 * may go on behind N. */
enum { SCRATCH_D = 28, SCRATCH_M, SCRATCH_N, SCRATCH_N2 };
enum { MODE_DN = 1 << 6 };                                 /* of the mode key: FPSCR >> 19 */

static ir_ref v_of(struct tr_a32 *t, unsigned r) { return ir_read_slot(a32_ir(t), ARM_SLOT_V0 + r); }
static void put_v(struct tr_a32 *t, unsigned r, ir_ref v) { ir_write_slot(a32_ir(t), ARM_SLOT_V0 + r, v); }

ir_ref a32_lane(struct tr_a32 *t, ir_ref v, unsigned bits, unsigned i)
{
    return ir_emit(a32_ir(t), IR_OP_vext, bits == 64 ? IR_I64 : IR_I32, bits, i, v, 0, 0, 0);
}

static ir_ref with_lane(struct tr_a32 *t, ir_ref v, unsigned bits, unsigned i, ir_ref lane)
{
    return ir_emit(a32_ir(t), IR_OP_vins, IR_V128, bits, i, v, lane, 0, 0);
}

ir_ref a32_s32(struct tr_a32 *t, unsigned s) { return a32_lane(t, v_of(t, s >> 2), 32, s & 3); }
void a32_put_s32(struct tr_a32 *t, unsigned s, ir_ref v) { put_v(t, s >> 2, with_lane(t, v_of(t, s >> 2), 32, s & 3, v)); }
ir_ref a32_d64(struct tr_a32 *t, unsigned d) { return a32_lane(t, v_of(t, d >> 1), 64, d & 1); }
void a32_put_d64(struct tr_a32 *t, unsigned d, ir_ref v) { put_v(t, d >> 1, with_lane(t, v_of(t, d >> 1), 64, d & 1, v)); }
ir_ref a32_fbits(struct tr_a32 *t, bool dbl, unsigned r) { return dbl ? a32_d64(t, r) : a32_s32(t, r); }

void a32_put_fbits(struct tr_a32 *t, bool dbl, unsigned r, ir_ref v)
{
    if (dbl)
        a32_put_d64(t, r, v);
    else
        a32_put_s32(t, r, v);
}

ir_ref a32_f(struct tr_a32 *t, bool dbl, unsigned r)
{
    unsigned per = dbl ? 2 : 4;

    if (r % per == 0)
        return ir_conv(a32_ir(t), IR_OP_vtof, dbl ? IR_F64 : IR_F32, v_of(t, r / per));
    return ir_conv(a32_ir(t), IR_OP_bitsf, dbl ? IR_F64 : IR_F32, a32_fbits(t, dbl, r));
}

void a32_put_f(struct tr_a32 *t, bool dbl, unsigned r, ir_ref v)
{
    a32_put_fbits(t, dbl, r, ir_conv(a32_ir(t), IR_OP_fbits, dbl ? IR_I64 : IR_I32, v));
}

ir_ref a32_vec(struct tr_a32 *t, bool q, unsigned d)
{
    if (q || !(d & 1))
        return v_of(t, d >> 1);
    return ir_emit(a32_ir(t), IR_OP_vpair, IR_V128, 0, 0, a32_d64(t, d), ir_i64(a32_ir(t), 0), 0, 0);
}

void a32_put_vec(struct tr_a32 *t, bool q, unsigned d, ir_ref v)
{
    if (q)
        put_v(t, d >> 1, v);
    else
        a32_put_d64(t, d, a32_lane(t, v, 64, 0));
}

void a32_put_lane(struct tr_a32 *t, unsigned d, unsigned bits, unsigned i, ir_ref v)
{
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
    ir_ref v = simd_lower(a32_ir(t), group, what, a32_fp_mode(t), d, n, m);

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

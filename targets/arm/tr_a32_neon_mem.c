/* targets/arm/tr_a32_neon_mem.c - AArch32 VLD1 to VLD4 and VST1 to VST4. Arm ARM (DDI 0487), F4.1.20 and F6. */
#include "targets/arm/a32_simd.insn.h"
#include "targets/arm/tr_a32_vec.h"

enum { PC = 15, SP = 13 };

/* Rm: 15 leaves the base alone, 13 adds what was moved, another adds that register. */
static void write_back(struct tr_a32 *t, int rn, int rm, ir_ref base, unsigned bytes)
{
    if (rm != PC)
        a32_put(t, rn, ir_bin(a32_ir(t), IR_OP_add, base, rm == SP ? a32_const(t, bytes) : a32_r(t, rm)));
}

/* Without a stated alignment, that of an element if SCTLR.A asks for it. */
static void check(struct tr_a32 *t, ir_ref base, unsigned stated, unsigned size, bool store)
{
    a32_check_alignment(t, base, stated > 1 ? stated : t->a.c->mode & ARM_MODE_ALIGN ? 1u << size : 1, store);
}

/* size: log2 of the bytes */
static void load_lane(struct tr_a32 *t, unsigned d, unsigned size, unsigned i, ir_ref base, unsigned disp)
{
    a32_put_lane(t, d, 8u << size, i, a32_ld_type(t, size == 3 ? IR_I64 : IR_I32, size, base, (int32_t)disp));
}

static void store_lane(struct tr_a32 *t, unsigned d, unsigned size, unsigned i, ir_ref base, unsigned disp)
{
    a32_st(t, size, base, (int32_t)disp, a32_lane(t, a32_vec(t, true, d), 8u << size, i + (d & 1) * (8u >> size)));
}

/* --- multiple structures --------------------------------------------------------------------------------------------------- */

/* VLD1, VST1: whole registers. Two that fill a V register go together. */
static void plain(struct tr_a32 *t, bool load, unsigned d, unsigned count, unsigned size, ir_ref base)
{
    bool be = t->a.c->mode & ARM_MODE_BE && size;
    unsigned mem = be ? IR_M64 | IR_MBE : IR_M64;

    for (unsigned r = 0; r < count; r++) {
        if (be && size < 3) {
            for (unsigned i = 0; i < 8u >> size; i++)
                (load ? load_lane : store_lane)(t, d + r, size, i, base, 8 * r + (i << size));
        } else if (!be && !((d + r) & 1) && r + 1 < count) {
            ir_ref at = a32_address(t, base, (int32_t)(8 * r));

            if (load)
                a32_put_vec(t, true, d + r, ir_ld(a32_ir(t), IR_V128, IR_M128, at, 0));
            else
                ir_st(a32_ir(t), IR_M128, at, 0, a32_vec(t, true, d + r));
            r++;
        } else if (load) {
            a32_put_lane(t, d + r, 64, 0, ir_ld(a32_ir(t), IR_I64, mem, a32_address(t, base, (int32_t)(8 * r)), 0));
        } else {
            ir_st(a32_ir(t), mem, a32_address(t, base, (int32_t)(8 * r)), 0, a32_lane(t, a32_vec(t, true, d + r), 64, (d + r) & 1));
        }
    }
}

static void interleaved(struct tr_a32 *t, bool load, unsigned d, unsigned elements, unsigned step, unsigned size, ir_ref base,
                        unsigned disp)
{
    for (unsigned i = 0; i < 8u >> size; i++)
        for (unsigned e = 0; e < elements; e++, disp += 1u << size)
            (load ? load_lane : store_lane)(t, d + e * step, size, i, base, disp);
}

/* By type: registers that share a lane number, how far apart, and how often that is repeated (VLD1: how many registers); which
 * values of `align` there are. */
static const struct { uint8_t elements, step, repeat, aligns; } forms[16] = {
    [0] = { 4, 1, 1, 7 }, [1] = { 4, 2, 1, 7 }, [2] = { 1, 1, 4, 15 }, [3] = { 2, 2, 2, 15 }, [4] = { 3, 1, 1, 3 },
    [5] = { 3, 2, 1, 3 }, [6] = { 1, 1, 3, 3 }, [7] = { 1, 1, 1, 3 }, [8] = { 2, 1, 1, 7 }, [9] = { 2, 2, 1, 7 },
    [10] = { 1, 1, 2, 7 },
};

void tr_a32_nmulti(struct tr_a32 *t, const struct args_a32_nmulti *a)
{
    unsigned elements = forms[a->type].elements, step = forms[a->type].step, repeat = forms[a->type].repeat, d = (unsigned)a->d;
    unsigned last = elements == 1 ? d + repeat - 1 : d + (elements - 1) * step + repeat - 1;
    ir_ref base;

    if (!elements || !(forms[a->type].aligns >> a->align & 1) || (a->size == 3 && elements != 1) || last > 31 || a->rn == PC) {
        a32_undefined(t);
        return;
    }
    base = a32_r(t, a->rn);
    check(t, base, a->align ? 4u << a->align : 1, (unsigned)a->size, !a->l);
    if (elements == 1)
        plain(t, a->l, d, repeat, (unsigned)a->size, base);
    else
        for (unsigned r = 0; r < repeat; r++)
            interleaved(t, a->l, d + r, elements, step, (unsigned)a->size, base, 8 * elements * r);
    write_back(t, a->rn, a->rm, base, 8 * elements * repeat);
}

/* --- one structure ------------------------------------------------------------------------------------------------------------ */

/* What index_align means for VLDn of 1 << size bytes: the lane above, the spacing, and below alignment bits. False: reserved. */
static bool single_form(unsigned n, unsigned size, unsigned where, unsigned *step, unsigned *align)
{
    unsigned low = where & ((2u << size) - 1), spaced = n > 1 && size ? where >> size & 1 : 0, bytes = n << size;

    *step = 1 + spaced;
    low &= ~(spaced << size);
    if (size == 0 || size == 1)
        low &= 1;
    else
        low &= 3;
    *align = 1;
    switch (n) {
    case 1:
        if ((size == 1 && where & 2) || (size == 2 && (where & 4 || (low && low != 3))))
            return false;
        *align = low && size ? bytes : 1;
        return size || !low;
    case 2:
        *align = low ? bytes : 1;
        return size < 2 || !(low & 2);
    case 3: return !low;
    default:
        *align = !low ? 1 : size < 2 ? bytes : 4u << low;
        return low != 3;
    }
}

void tr_a32_nsingle(struct tr_a32 *t, const struct args_a32_nsingle *a)
{
    unsigned n = (unsigned)a->count, size = (unsigned)a->size, lane = (unsigned)a->where >> (size + 1), step, align;
    ir_ref base;

    if (!single_form(n, size, (unsigned)a->where, &step, &align) || (unsigned)a->d + (n - 1) * step > 31 || a->rn == PC) {
        a32_undefined(t);
        return;
    }
    base = a32_r(t, a->rn);
    check(t, base, align, size, !a->l);
    for (unsigned e = 0; e < n; e++)
        (a->l ? load_lane : store_lane)(t, (unsigned)a->d + e * step, size, lane, base, e << size);
    write_back(t, a->rn, a->rm, base, n << size);
}

/* One structure to all lanes. */
void tr_a32_nall(struct tr_a32 *t, const struct args_a32_nall *a)
{
    unsigned n = (unsigned)a->count, size = (unsigned)a->size, d = (unsigned)a->d, regs = n == 1 ? 1 + (unsigned)a->t : 1;
    unsigned step = n == 1 ? 1 : 1 + (unsigned)a->t, align = a->a ? n << size : 1;
    bool sixteen = n == 4 && size == 3;        /* VLD4.32 aligned to 16 */
    ir_ref base, v[4];

    if ((size == 3 && !(sixteen && a->a)) || (n == 1 && !size && a->a) || (n == 3 && a->a) || d + (n - 1) * step + regs > 32 ||
        a->rn == PC) {
        a32_undefined(t);
        return;
    }
    if (sixteen) {
        size = 2;
        align = 16;
    } else if (n == 4 && size == 2 && a->a) {
        align = 8;
    }
    base = a32_r(t, a->rn);
    check(t, base, align, size, false);
    for (unsigned e = 0; e < n; e++)
        v[e] = a32_dup(t, a32_ld(t, size, base, (int32_t)(e << size)), 8u << size);
    for (unsigned e = 0; e < n; e++)
        for (unsigned r = 0; r < regs; r++)
            a32_put_vec(t, false, d + e * step + r, v[e]);
    write_back(t, a->rn, a->rm, base, n << size);
}

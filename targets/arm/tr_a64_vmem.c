/* targets/arm/tr_a64_vmem.c - A64 loads and stores of vector registers: one, pairs, structures. Arm ARM (DDI 0487), C4.1.94. */
#include "targets/arm/a64.insn.h"
#include "targets/arm/tr_a64.h"
#include "targets/arm/tr_simd.h"

static ir_ref base_of(struct a64_tr *t, int rn) { return a64_r_sp(t, true, (unsigned)rn); }

static ir_ref vpair(struct a64_tr *t, ir_ref lo) { return ir_emit(t->ir, IR_OP_vpair, IR_V128, 0, 0, lo, ir_i64(t->ir, 0), 0, 0); }

static ir_ref vext(struct a64_tr *t, enum ir_type type, unsigned size, unsigned k, unsigned r)
{
    return ir_emit(t->ir, IR_OP_vext, type, 8u << size, k, a64_v(t, r), 0, 0, 0);
}

/* size: log2 of the bytes, 4 a whole register. Words and double words come straight into a vector register. */
static ir_ref load(struct a64_tr *t, unsigned size, ir_ref at, int64_t disp)
{
    if (size == 4)
        return ir_ld(t->ir, IR_V128, IR_M128, at, disp);
    if (size >= 2)
        return ir_emit(t->ir, IR_OP_vfromf, IR_V128, 0, 0, ir_ld(t->ir, size == 3 ? IR_F64 : IR_F32, size, at, disp), 0, 0, 0);
    return vpair(t, ir_ld(t->ir, IR_I64, size, at, disp));
}

static void store_value(struct a64_tr *t, unsigned size, ir_ref at, int64_t disp, ir_ref v)
{
    if (size == 4)
        ir_st(t->ir, IR_M128, at, disp, v);
    else if (size >= 2)
        ir_st(t->ir, size, at, disp, ir_conv(t->ir, IR_OP_vtof, size == 3 ? IR_F64 : IR_F32, v));
    else
        ir_st(t->ir, size, at, disp, ir_emit(t->ir, IR_OP_vext, IR_I32, 8u << size, 0, v, 0, 0, 0));
}

static void store(struct a64_tr *t, unsigned size, ir_ref at, int64_t disp, unsigned rt)
{
    store_value(t, size, at, disp, a64_v(t, rt));
}

/* --- one register, two registers ------------------------------------------------------------------------------------------ */

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
    a64_put_v(t, (unsigned)a->rt, load(t, (unsigned)a->sz + 2, tr_pc(t->c, t->pc + (uint64_t)(int64_t)a->imm), 0));
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

/* --- structures ----------------------------------------------------------------------------------------------------------- */

/* Half registers: what memory has fills as many whole ones and a half, at most. */
static unsigned chunk(unsigned bytes, unsigned at) { return bytes - at >= 16 ? 4 : 3; }

static void load_structures(struct a64_tr *t, bool q, unsigned size, unsigned of, ir_ref base, unsigned rt)
{
    unsigned bytes = of * (q ? 16 : 8), n = 0;
    ir_ref v[4] = { IR_NONE };

    for (unsigned at = 0; at < bytes; at += 1u << chunk(bytes, at))
        v[n++] = load(t, chunk(bytes, at), base, at);
    simd_deinterleave(t->ir, 8u << size, of, q, v);
    for (unsigned k = 0; k < of; k++)
        a64_put_v(t, (rt + k) & 31, q ? v[k] : ir_emit(t->ir, IR_OP_vlow, IR_V128, 0, 0, v[k], 0, 0, 0));
}

static void store_structures(struct a64_tr *t, bool q, unsigned size, unsigned of, ir_ref base, unsigned rt)
{
    unsigned bytes = of * (q ? 16 : 8), n = 0;
    ir_ref v[4];

    for (unsigned k = 0; k < of; k++)
        v[k] = a64_v(t, (rt + k) & 31);
    simd_interleave(t->ir, 8u << size, of, q, v);
    for (unsigned at = 0; at < bytes; at += 1u << chunk(bytes, at))
        store_value(t, chunk(bytes, at), base, at, v[n++]);
}

static void one_by_one(struct a64_tr *t, bool is_load, bool q, unsigned regs, ir_ref base, unsigned rt)
{
    ir_ref v[4];

    for (unsigned k = 0; k < regs; k++)
        if (is_load)
            v[k] = load(t, q ? 4 : 3, base, (int64_t)k * (q ? 16 : 8));
        else
            store(t, q ? 4 : 3, base, (int64_t)k * (q ? 16 : 8), (rt + k) & 31);
    for (unsigned k = 0; k < regs && is_load; k++)
        a64_put_v(t, (rt + k) & 31, v[k]);
}

/* Behind the access: Rm is added, or with 31 the number of bytes. */
static void write_back(struct a64_tr *t, int rn, int rm, ir_ref base, unsigned bytes)
{
    a64_put_sp(t, (unsigned)rn, ir_bin(t->ir, IR_OP_add, base, rm == 31 ? ir_i64(t->ir, bytes) : a64_x(t, (unsigned)rm)));
}

static bool structures(struct a64_tr *t, const struct args_a64_vstruct *a, ir_ref base)
{
    if (a->of > 1 && a->size == 3 && !a->q) {
        a64_undefined(t);
        return false;
    }
    if (a->of == 1)
        one_by_one(t, a->load, a->q, (unsigned)a->regs, base, (unsigned)a->rt);
    else if (a->load)
        load_structures(t, a->q, (unsigned)a->size, (unsigned)a->of, base, (unsigned)a->rt);
    else
        store_structures(t, a->q, (unsigned)a->size, (unsigned)a->of, base, (unsigned)a->rt);
    return true;
}

void tr_a64_vstruct(struct a64_tr *t, const struct args_a64_vstruct *a) { structures(t, a, base_of(t, a->rn)); }

void tr_a64_vstruct_post(struct a64_tr *t, const struct args_a64_vstruct_post *a)
{
    const struct args_a64_vstruct s = { .load = a->load, .regs = a->regs, .of = a->of, .q = a->q, .size = a->size, .rn = a->rn,
                                        .rt = a->rt };
    ir_ref base = base_of(t, a->rn);

    if (structures(t, &s, base))
        write_back(t, a->rn, a->rm, base, (unsigned)a->regs * (a->q ? 16 : 8));
}

static void one_lane(struct a64_tr *t, const struct args_a64_vlane *a, ir_ref base)
{
    enum ir_type type = a->size == 3 ? IR_I64 : IR_I32;
    unsigned size = (unsigned)a->size, k = (unsigned)a->index;
    ir_ref v[4];

    for (unsigned i = 0; i < (unsigned)a->of; i++) {
        unsigned r = (unsigned)(a->rt + (int)i) & 31;

        if (a->load)
            v[i] = ir_ld(t->ir, type, size, base, (int64_t)i << size);
        else
            ir_st(t->ir, size, base, (int64_t)i << size, vext(t, type, size, k, r));
    }
    for (unsigned i = 0; i < (unsigned)a->of && a->load; i++) {
        unsigned r = (unsigned)(a->rt + (int)i) & 31;

        a64_put_v(t, r, ir_emit(t->ir, IR_OP_vins, IR_V128, 8u << size, k, a64_v(t, r), v[i], 0, 0));
    }
}

void tr_a64_vlane(struct a64_tr *t, const struct args_a64_vlane *a) { one_lane(t, a, base_of(t, a->rn)); }

void tr_a64_vlane_post(struct a64_tr *t, const struct args_a64_vlane_post *a)
{
    const struct args_a64_vlane l = { .load = a->load, .of = a->of, .size = a->size, .index = a->index, .rn = a->rn, .rt = a->rt };
    ir_ref base = base_of(t, a->rn);

    one_lane(t, &l, base);
    write_back(t, a->rn, a->rm, base, (unsigned)a->of << a->size);
}

static void every_lane(struct a64_tr *t, const struct args_a64_vlanes *a, ir_ref base)
{
    unsigned size = (unsigned)a->size;
    ir_ref v[4];

    for (unsigned i = 0; i < (unsigned)a->of; i++)
        v[i] = simd_dup_lane(t->ir, 8u << size, 0, load(t, size, base, (int64_t)i << size));
    for (unsigned i = 0; i < (unsigned)a->of; i++)
        a64_put_v(t, (unsigned)(a->rt + (int)i) & 31, a->q ? v[i] : ir_emit(t->ir, IR_OP_vlow, IR_V128, 0, 0, v[i], 0, 0, 0));
}

void tr_a64_vlanes(struct a64_tr *t, const struct args_a64_vlanes *a) { every_lane(t, a, base_of(t, a->rn)); }

void tr_a64_vlanes_post(struct a64_tr *t, const struct args_a64_vlanes_post *a)
{
    const struct args_a64_vlanes l = { .of = a->of, .q = a->q, .size = a->size, .rn = a->rn, .rt = a->rt };
    ir_ref base = base_of(t, a->rn);

    every_lane(t, &l, base);
    write_back(t, a->rn, a->rm, base, (unsigned)a->of << a->size);
}

/* targets/arm/tr_a64_mem.c - A64 loads, stores, exclusives and atomics of general registers. Arm ARM (DDI 0487), C6.
 *
 * The host's order gives all that acquire and release ask but store before load: a store-release is followed by a fence,
 * made by an exchange. An exclusive store compares and swaps with the value that the exclusive load read. */
#include <stddef.h>

#include "targets/arm/a64.insn.h"
#include "targets/arm/tr_a64.h"

enum {
    EXCL_ADDR = offsetof(struct arm_env, excl_addr), EXCL_LO = offsetof(struct arm_env, excl_lo),
    EXCL_HI = offsetof(struct arm_env, excl_hi),
};

/* --- addresses ---------------------------------------------------------------------------------------------------------- */

enum { POST = 1, UNPRIVILEGED = 2, PRE = 3 };              /* field `mode` of the 9-bit forms */

static unsigned memop(unsigned sz, bool sign) { return sz | (sign ? IR_MSIGN : 0); }

static ir_ref base_of(struct a64_tr *t, unsigned rn) { return a64_r_sp(t, true, rn); }

/* SCTLR_ELx.A: every access has to be aligned. */
static unsigned checked(const struct a64_tr *t, unsigned mem) { return t->c->mode & ARM_MODE_ALIGN ? mem | IR_MALIGN : mem; }

/* The block `bad` raises the fault of an address that is not aligned; translation goes on in `on`. */
static void refused(struct a64_tr *t, ir_block_ref bad, ir_block_ref on, ir_ref at, bool write)
{
    ir_seal(t->ir, bad);
    ir_seal(t->ir, on);
    ir_enter(t->ir, bad);
    a64_raise(t, ARM_EXC_DATA_ALIGN, at, write ? 1u << 6 : 0);
    t->ended = false;
    ir_enter(t->ir, on);
}

/* FEAT_LSE2: exclusive, ordered and atomic accesses may be askew within 16 bytes that are aligned. */
static bool may_be_askew(const struct a64_tr *t) { return arm_has(t, ARM_F_lse2) && !(t->c->mode & ARM_MODE_ALIGN); }

/* The size and alignment of such an access: the engine checks alignment unless within_granule() does. */
static unsigned atomic_mem(const struct a64_tr *t, unsigned sz) { return sz | IR_MATOMIC | (may_be_askew(t) ? 0 : IR_MALIGN); }

static void within_granule(struct a64_tr *t, unsigned sz, ir_ref at, bool write)
{
    uint64_t bytes = UINT64_C(1) << sz;
    struct ir *ir = t->ir;
    ir_block_ref askew, bad, on;

    if (!sz || !may_be_askew(t))
        return;
    askew = ir_block_new(ir, t->pc);
    bad = ir_block_new(ir, t->pc);
    on = ir_block_new(ir, t->pc);
    ir_brcc(ir, IR_TSTNZ, at, ir_i64(ir, bytes - 1), askew, on, 1);
    ir_seal(ir, askew);
    ir_enter(ir, askew);
    ir_brcc(ir, IR_GTU, ir_bini(ir, IR_OP_and, at, 15), ir_i64(ir, 16 - bytes), bad, on, 1);
    refused(t, bad, on, at, write);
}

static void load(struct a64_tr *t, unsigned rt, unsigned mem, ir_ref base, int64_t disp, bool to64)
{
    a64_put(t, rt, ir_ld(t->ir, to64 ? IR_I64 : IR_I32, checked(t, mem), base, disp));
}

static void store(struct a64_tr *t, unsigned rt, unsigned mem, ir_ref base, int64_t disp)
{
    ir_st(t->ir, checked(t, mem), base, disp, a64_x(t, rt));
}

/* The base register changes only when the access has not faulted. */
static void write_back(struct a64_tr *t, unsigned rn, ir_ref base, int64_t by)
{
    a64_put_sp(t, rn, ir_bini(t->ir, IR_OP_add, base, (uint64_t)by));
}

void tr_a64_str_imm(struct a64_tr *t, const struct args_a64_str_imm *a)
{
    store(t, (unsigned)a->rt, memop((unsigned)a->sz, false), base_of(t, (unsigned)a->rn), (int64_t)a->imm << a->sz);
}

void tr_a64_ldr_imm(struct a64_tr *t, const struct args_a64_ldr_imm *a)
{
    load(t, (unsigned)a->rt, memop((unsigned)a->sz, false), base_of(t, (unsigned)a->rn), (int64_t)a->imm << a->sz, true);
}

void tr_a64_ldrs_imm(struct a64_tr *t, const struct args_a64_ldrs_imm *a)
{
    load(t, (unsigned)a->rt, memop((unsigned)a->sz, true), base_of(t, (unsigned)a->rn), (int64_t)a->imm << a->sz, !a->w);
}

void tr_a64_ldrsw_imm(struct a64_tr *t, const struct args_a64_ldrsw_imm *a)
{
    load(t, (unsigned)a->rt, IR_M32 | IR_MSIGN, base_of(t, (unsigned)a->rn), (int64_t)a->imm << 2, true);
}

static void indexed(struct a64_tr *t, unsigned rt, unsigned rn, int64_t imm, unsigned mode, unsigned mem, bool is_store,
                    bool to64)
{
    ir_ref base = base_of(t, rn);
    int64_t disp = mode == POST ? 0 : imm;

    if (mode == UNPRIVILEGED && t->c->mode & ARM_MODE_EL1)
        mem |= 1u << IR_MMMU_SHIFT;            /* ARM_MMU_UNPRIVILEGED */
    if (is_store)
        store(t, rt, mem, base, disp);
    if (!is_store && (mode == POST || mode == PRE)) {
        ir_ref v = ir_ld(t->ir, to64 ? IR_I64 : IR_I32, checked(t, mem), base, disp);

        write_back(t, rn, base, imm);
        a64_put(t, rt, v);
    } else if (!is_store) {
        load(t, rt, mem, base, disp, to64);
    } else if (mode == POST || mode == PRE) {
        write_back(t, rn, base, imm);
    }
}

#define INDEXED(name, mem, is_store, to64) \
    void tr_a64_##name(struct a64_tr *t, const struct args_a64_##name *a) \
    { \
        indexed(t, (unsigned)a->rt, (unsigned)a->rn, a->imm, (unsigned)a->mode, mem, is_store, to64); \
    }
INDEXED(str_9, memop((unsigned)a->sz, false), true, true)
INDEXED(ldr_9, memop((unsigned)a->sz, false), false, true)
INDEXED(ldrs_9, memop((unsigned)a->sz, true), false, !a->w)
INDEXED(ldrsw_9, IR_M32 | IR_MSIGN, false, true)

/* base + extended register, shifted by the size when S is set; option 01x reserved below 2 */
static ir_ref register_offset(struct a64_tr *t, int rn, int rm, int option, int shift)
{
    ir_ref m = a64_x(t, (unsigned)rm);

    if ((option & 3) == 2)
        m = ir_conv(t->ir, option & 4 ? IR_OP_sext : IR_OP_zext, IR_I64, a64_r(t, false, (unsigned)rm));
    if (shift)
        m = ir_bini(t->ir, IR_OP_shl, m, (uint64_t)shift);
    return ir_bin(t->ir, IR_OP_add, base_of(t, (unsigned)rn), m);
}

bool a64_register_offset(struct a64_tr *t, int rn, int rm, int option, int shift, ir_ref *at)
{
    if (!(option & 2)) {
        a64_undefined(t);
        return false;
    }
    *at = register_offset(t, rn, rm, option, shift);
    return true;
}

#define BY_REGISTER(name, size, action) \
    void tr_a64_##name(struct a64_tr *t, const struct args_a64_##name *a) \
    { \
        unsigned sz = (unsigned)(size); \
        ir_ref at; \
        if (a64_register_offset(t, a->rn, a->rm, a->option, a->s ? (int)sz : 0, &at)) \
            action; \
    }
BY_REGISTER(str_reg, a->sz, store(t, (unsigned)a->rt, memop(sz, false), at, 0))
BY_REGISTER(ldr_reg, a->sz, load(t, (unsigned)a->rt, memop(sz, false), at, 0, true))
BY_REGISTER(ldrs_reg, a->sz, load(t, (unsigned)a->rt, memop(sz, true), at, 0, !a->w))
BY_REGISTER(ldrsw_reg, 2, load(t, (unsigned)a->rt, memop(sz, true), at, 0, true))

void tr_a64_ldr_lit(struct a64_tr *t, const struct args_a64_ldr_lit *a)
{
    load(t, (unsigned)a->rt, a->x ? IR_M64 : IR_M32, tr_pc(t->c, t->pc + (uint64_t)(int64_t)a->imm), 0, true);
}

void tr_a64_ldrsw_lit(struct a64_tr *t, const struct args_a64_ldrsw_lit *a)
{
    load(t, (unsigned)a->rt, IR_M32 | IR_MSIGN, tr_pc(t->c, t->pc + (uint64_t)(int64_t)a->imm), 0, true);
}

/* Prefetches are hints. */
void tr_a64_prfm_lit(struct a64_tr *t, const struct args_a64_prfm_lit *a) { (void)t; (void)a; }
void tr_a64_prfm_imm(struct a64_tr *t, const struct args_a64_prfm_imm *a) { (void)t; (void)a; }
void tr_a64_prfum(struct a64_tr *t, const struct args_a64_prfum *a) { (void)t; (void)a; }
void tr_a64_prfm_reg(struct a64_tr *t, const struct args_a64_prfm_reg *a)
{
    if (!(a->option & 2))
        a64_undefined(t);
}

/* --- pairs -------------------------------------------------------------------------------------------------------------- */

enum { PAIR_NO_ALLOCATE, PAIR_POST, PAIR_OFFSET, PAIR_PRE };

/* FEAT_LSE2: two X registers are one access, atomic where its 16 bytes are aligned. The host's vectors are just that. */
static bool pair_is_one(struct a64_tr *t, unsigned sz, ir_ref base, int64_t disp, bool is_store)
{
    if (sz != 3 || !arm_has(t, ARM_F_lse2))
        return false;
    if (t->c->mode & ARM_MODE_ALIGN) {         /* its registers are what has to be aligned */
        ir_ref at = ir_bini(t->ir, IR_OP_add, base, (uint64_t)disp);
        ir_block_ref bad = ir_block_new(t->ir, t->pc), on = ir_block_new(t->ir, t->pc);

        ir_brcc(t->ir, IR_TSTNZ, at, ir_i64(t->ir, 7), bad, on, 1);
        refused(t, bad, on, at, is_store);
    }
    return true;
}

static void store_pair(struct a64_tr *t, unsigned sz, unsigned mode, int64_t imm, unsigned rn, unsigned rt, unsigned rt2)
{
    ir_ref base = base_of(t, rn);
    int64_t by = imm << sz, disp = mode == PAIR_POST ? 0 : by;

    if (pair_is_one(t, sz, base, disp, true)) {
        ir_ref v = ir_emit(t->ir, IR_OP_vpair, IR_V128, 0, 0, a64_x(t, rt), a64_x(t, rt2), 0, 0);

        ir_st(t->ir, IR_M128, base, disp, v);
    } else {
        store(t, rt, memop(sz, false), base, disp);
        store(t, rt2, memop(sz, false), base, disp + (1 << sz));
    }
    if (mode == PAIR_POST || mode == PAIR_PRE)
        write_back(t, rn, base, by);
}

static void load_pair(struct a64_tr *t, unsigned sz, unsigned mem, unsigned mode, int64_t imm, unsigned rn, unsigned rt,
                      unsigned rt2)
{
    ir_ref base = base_of(t, rn), v, v2;
    int64_t by = imm << sz, disp = mode == PAIR_POST ? 0 : by;

    if (pair_is_one(t, sz, base, disp, false)) {
        ir_ref both = ir_ld(t->ir, IR_V128, IR_M128, base, disp);

        v = ir_emit(t->ir, IR_OP_vext, IR_I64, 64, 0, both, 0, 0, 0);
        v2 = ir_emit(t->ir, IR_OP_vext, IR_I64, 64, 1, both, 0, 0, 0);
    } else {
        v = ir_ld(t->ir, IR_I64, checked(t, mem), base, disp);
        v2 = ir_ld(t->ir, IR_I64, checked(t, mem), base, disp + (1 << sz));
    }
    if (mode == PAIR_POST || mode == PAIR_PRE)
        write_back(t, rn, base, by);
    a64_put(t, rt, v);
    a64_put(t, rt2, v2);
}

void tr_a64_stp(struct a64_tr *t, const struct args_a64_stp *a)
{
    store_pair(t, a->x ? 3 : 2, (unsigned)a->mode, a->imm, (unsigned)a->rn, (unsigned)a->rt, (unsigned)a->rt2);
}

void tr_a64_ldp(struct a64_tr *t, const struct args_a64_ldp *a)
{
    unsigned sz = a->x ? 3 : 2;

    load_pair(t, sz, sz, (unsigned)a->mode, a->imm, (unsigned)a->rn, (unsigned)a->rt, (unsigned)a->rt2);
}

void tr_a64_ldpsw(struct a64_tr *t, const struct args_a64_ldpsw *a)
{
    load_pair(t, 2, IR_M32 | IR_MSIGN, (unsigned)a->mode, a->imm, (unsigned)a->rn, (unsigned)a->rt, (unsigned)a->rt2);
}

/* --- acquire and release -------------------------------------------------------------------------------------------------- */

/* Where it is. With SCTLR.nAA anywhere will do. */
static ir_ref ordered_at(struct a64_tr *t, unsigned sz, int rn, int64_t disp, bool write)
{
    ir_ref at = base_of(t, (unsigned)rn);

    if (disp)
        at = ir_bini(t->ir, IR_OP_add, at, (uint64_t)disp);
    if (!(t->c->mode & ARM_MODE_NAA))
        within_granule(t, sz, at, write);
    return at;
}

static void store_release(struct a64_tr *t, unsigned sz, unsigned rn, int64_t disp, unsigned rt)
{
    ir_ref at = ordered_at(t, sz, (int)rn, disp, true);

    ir_st(t->ir, atomic_mem(t, sz), at, 0, a64_x(t, rt));
    ir_fence(t->ir, IR_FENCE_FULL);
}

void tr_a64_stlr(struct a64_tr *t, const struct args_a64_stlr *a)
{
    store_release(t, (unsigned)a->sz, (unsigned)a->rn, 0, (unsigned)a->rt);
}

void tr_a64_stllr(struct a64_tr *t, const struct args_a64_stllr *a)
{
    store_release(t, (unsigned)a->sz, (unsigned)a->rn, 0, (unsigned)a->rt);
}

static void load_acquire(struct a64_tr *t, unsigned sz, int rn, int64_t disp, int rt, bool sign, bool to64)
{
    ir_ref at = ordered_at(t, sz, rn, disp, false);

    load(t, (unsigned)rt, atomic_mem(t, sz) | (sign ? IR_MSIGN : 0), at, 0, to64);
}

static void acquire(struct a64_tr *t, int sz, int rn, int rt) { load_acquire(t, (unsigned)sz, rn, 0, rt, false, true); }

void tr_a64_ldar(struct a64_tr *t, const struct args_a64_ldar *a) { acquire(t, a->sz, a->rn, a->rt); }
void tr_a64_ldlar(struct a64_tr *t, const struct args_a64_ldlar *a) { acquire(t, a->sz, a->rn, a->rt); }
void tr_a64_ldapr(struct a64_tr *t, const struct args_a64_ldapr *a) { acquire(t, a->sz, a->rn, a->rt); }

void tr_a64_ldapur(struct a64_tr *t, const struct args_a64_ldapur *a)
{
    load_acquire(t, (unsigned)a->sz, a->rn, a->imm, a->rt, false, true);
}

/* An LDAR that follows must not pass it, though LDAPR may: fenced as STLR. */
void tr_a64_stlur(struct a64_tr *t, const struct args_a64_stlur *a)
{
    store_release(t, (unsigned)a->sz, (unsigned)a->rn, a->imm, (unsigned)a->rt);
}

void tr_a64_ldapurs(struct a64_tr *t, const struct args_a64_ldapurs *a)
{
    load_acquire(t, (unsigned)a->sz, a->rn, a->imm, a->rt, true, !a->w);
}

void tr_a64_ldapursw(struct a64_tr *t, const struct args_a64_ldapursw *a)
{
    load_acquire(t, 2, a->rn, a->imm, a->rt, true, true);
}

/* --- exclusives ----------------------------------------------------------------------------------------------------------- */

static void load_exclusive(struct a64_tr *t, unsigned sz, int rn, int rt)
{
    ir_ref at = base_of(t, (unsigned)rn), v;

    within_granule(t, sz, at, false);
    v = ir_ld(t->ir, IR_I64, atomic_mem(t, sz), at, 0);
    ir_stenv(t->ir, IR_M64, EXCL_ADDR, at);
    ir_stenv(t->ir, IR_M64, EXCL_LO, v);
    a64_put(t, (unsigned)rt, v);
}

void tr_a64_ldxr(struct a64_tr *t, const struct args_a64_ldxr *a) { load_exclusive(t, (unsigned)a->sz, a->rn, a->rt); }
void tr_a64_ldaxr(struct a64_tr *t, const struct args_a64_ldaxr *a) { load_exclusive(t, (unsigned)a->sz, a->rn, a->rt); }

/* A pair is read as one 16-byte access would be: by comparing and swapping the low half with itself in between is not
 * enough, so both halves come from a 16-byte compare and swap that stores what it read. */
static void load_pair_exclusive(struct a64_tr *t, bool x, int rn, int rt, int rt2)
{
    struct ir *ir = t->ir;
    ir_ref at = base_of(t, (unsigned)rn), v, zero = ir_i64(ir, 0);

    if (!x)
        within_granule(t, 3, at, false);
    ir_stenv(ir, IR_M64, EXCL_ADDR, at);
    if (!x) {
        v = ir_ld(ir, IR_I64, atomic_mem(t, 3), at, 0);
        ir_stenv(ir, IR_M64, EXCL_LO, v);
        a64_put(t, (unsigned)rt, ir_conv(ir, IR_OP_trunc, IR_I32, v));
        a64_put(t, (unsigned)rt2, ir_bini(ir, IR_OP_shr, v, 32));
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        ir_stenv(ir, IR_M64, offsetof(struct arm_env, pair_expect) + 8 * i, zero);
        ir_stenv(ir, IR_M64, offsetof(struct arm_env, pair_new) + 8 * i, zero);
    }
    ir_call(ir, ARM_H_cas128, 2, (ir_ref[]){ a64_env(t), at });
    v = ir_ldenv(ir, IR_I64, IR_M64, offsetof(struct arm_env, pair_expect));
    ir_stenv(ir, IR_M64, EXCL_LO, v);
    a64_put(t, (unsigned)rt, v);
    v = ir_ldenv(ir, IR_I64, IR_M64, offsetof(struct arm_env, pair_expect) + 8);
    ir_stenv(ir, IR_M64, EXCL_HI, v);
    a64_put(t, (unsigned)rt2, v);
}

void tr_a64_ldxp(struct a64_tr *t, const struct args_a64_ldxp *a) { load_pair_exclusive(t, a->sz, a->rn, a->rt, a->rt2); }
void tr_a64_ldaxp(struct a64_tr *t, const struct args_a64_ldaxp *a) { load_pair_exclusive(t, a->sz, a->rn, a->rt, a->rt2); }

/* Runs `body` only when the monitor holds the address; it returns the status (0 stored). */
static void store_exclusive(struct a64_tr *t, int rs, int rn, ir_ref (*body)(struct a64_tr *t, ir_ref at, const void *how),
                            const void *how)
{
    struct ir *ir = t->ir;
    ir_ref at = base_of(t, (unsigned)rn), none = ir_i64(ir, ~UINT64_C(0)), status;
    ir_block_ref fail = ir_block_new(ir, t->pc), try = ir_block_new(ir, t->pc), done = ir_block_new(ir, t->pc + 4);

    ir_brcc(ir, IR_NE, at, ir_ldenv(ir, IR_I64, IR_M64, EXCL_ADDR), fail, try, 1);
    ir_seal(ir, fail);
    ir_seal(ir, try);
    ir_enter(ir, try);
    status = body(t, at, how);
    ir_stenv(ir, IR_M64, EXCL_ADDR, none);
    a64_put(t, (unsigned)rs, status);
    ir_br(ir, done);
    ir_enter(ir, fail);
    ir_stenv(ir, IR_M64, EXCL_ADDR, none);
    a64_put(t, (unsigned)rs, ir_i64(ir, 1));
    ir_br(ir, done);
    ir_seal(ir, done);
    ir_enter(ir, done);
}

struct single { unsigned sz, rt; };

static ir_ref store_single(struct a64_tr *t, ir_ref at, const void *how)
{
    const struct single *s = how;
    ir_ref expect = ir_ldenv(t->ir, IR_I64, IR_M64, EXCL_LO), old;

    within_granule(t, s->sz, at, true);
    old = ir_cas(t->ir, IR_I64, atomic_mem(t, s->sz), at, expect, a64_x(t, s->rt));
    return ir_setcc(t->ir, IR_I64, IR_NE, old, expect);
}

#define STXR(name) \
    void tr_a64_##name(struct a64_tr *t, const struct args_a64_##name *a) \
    { \
        struct single s = { (unsigned)a->sz, (unsigned)a->rt }; \
        store_exclusive(t, a->rs, a->rn, store_single, &s); \
    }
STXR(stxr)
STXR(stlxr)

struct pair { bool x; unsigned rt, rt2; };

static ir_ref store_two(struct a64_tr *t, ir_ref at, const void *how)
{
    const struct pair *p = how;
    struct ir *ir = t->ir;
    ir_ref lo = ir_ldenv(ir, IR_I64, IR_M64, EXCL_LO), hi, old, differs;

    if (!p->x) {
        ir_ref new = ir_deposit(ir, a64_x(t, p->rt), a64_x(t, p->rt2), 32, 32);

        within_granule(t, 3, at, true);
        old = ir_cas(ir, IR_I64, atomic_mem(t, 3), at, lo, new);
        return ir_setcc(ir, IR_I64, IR_NE, old, lo);
    }
    hi = ir_ldenv(ir, IR_I64, IR_M64, EXCL_HI);
    ir_stenv(ir, IR_M64, offsetof(struct arm_env, pair_expect), lo);
    ir_stenv(ir, IR_M64, offsetof(struct arm_env, pair_expect) + 8, hi);
    ir_stenv(ir, IR_M64, offsetof(struct arm_env, pair_new), a64_x(t, p->rt));
    ir_stenv(ir, IR_M64, offsetof(struct arm_env, pair_new) + 8, a64_x(t, p->rt2));
    ir_call(ir, ARM_H_cas128, 2, (ir_ref[]){ a64_env(t), at });
    lo = ir_bin(ir, IR_OP_xor, ir_ldenv(ir, IR_I64, IR_M64, EXCL_LO),
                ir_ldenv(ir, IR_I64, IR_M64, offsetof(struct arm_env, pair_expect)));
    hi = ir_bin(ir, IR_OP_xor, ir_ldenv(ir, IR_I64, IR_M64, EXCL_HI),
                ir_ldenv(ir, IR_I64, IR_M64, offsetof(struct arm_env, pair_expect) + 8));
    differs = ir_bin(ir, IR_OP_or, lo, hi);
    return ir_setcc(ir, IR_I64, IR_NE, differs, ir_i64(ir, 0));
}

#define STXP(name) \
    void tr_a64_##name(struct a64_tr *t, const struct args_a64_##name *a) \
    { \
        struct pair p = { a->sz, (unsigned)a->rt, (unsigned)a->rt2 }; \
        store_exclusive(t, a->rs, a->rn, store_two, &p); \
    }
STXP(stxp)
STXP(stlxp)

void tr_a64_clrex(struct a64_tr *t, const struct args_a64_clrex *a)
{
    (void)a;
    ir_stenv(t->ir, IR_M64, EXCL_ADDR, ir_i64(t->ir, ~UINT64_C(0)));
}

/* --- LSE ------------------------------------------------------------------------------------------------------------------ */

void tr_a64_cas(struct a64_tr *t, const struct args_a64_cas *a)
{
    ir_ref at = base_of(t, (unsigned)a->rn);
    unsigned bits = 8u << a->sz;
    ir_ref expect = a->sz == 3 ? a64_x(t, (unsigned)a->rs) : ir_ext(t->ir, a64_x(t, (unsigned)a->rs), 0, bits, false);

    within_granule(t, (unsigned)a->sz, at, true);
    a64_put(t, (unsigned)a->rs, ir_cas(t->ir, IR_I64, atomic_mem(t, (unsigned)a->sz), at, expect, a64_x(t, (unsigned)a->rt)));
}

void tr_a64_casp(struct a64_tr *t, const struct args_a64_casp *a)
{
    struct ir *ir = t->ir;
    unsigned rs = (unsigned)a->rs, rt = (unsigned)a->rt;
    ir_ref at = base_of(t, (unsigned)a->rn), old;

    if ((rs | rt) & 1) {
        a64_undefined(t);
        return;
    }
    if (!a->sz) {
        within_granule(t, 3, at, true);
        old = ir_cas(ir, IR_I64, atomic_mem(t, 3), at,
                     ir_deposit(ir, a64_x(t, rs), a64_x(t, rs + 1), 32, 32),
                     ir_deposit(ir, a64_x(t, rt), a64_x(t, rt + 1), 32, 32));
        a64_put(t, rs, ir_conv(ir, IR_OP_trunc, IR_I32, old));
        a64_put(t, rs + 1, ir_bini(ir, IR_OP_shr, old, 32));
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        ir_stenv(ir, IR_M64, offsetof(struct arm_env, pair_expect) + 8 * i, a64_x(t, rs + i));
        ir_stenv(ir, IR_M64, offsetof(struct arm_env, pair_new) + 8 * i, a64_x(t, rt + i));
    }
    ir_call(ir, ARM_H_cas128, 2, (ir_ref[]){ a64_env(t), at });
    for (unsigned i = 0; i < 2; i++)
        a64_put(t, rs + i, ir_ldenv(ir, IR_I64, IR_M64, offsetof(struct arm_env, pair_expect) + 8 * i));
}

static void atomic(struct a64_tr *t, enum ir_amo kind, int sz, int rs, int rn, int rt)
{
    ir_ref at = base_of(t, (unsigned)rn), old;

    within_granule(t, (unsigned)sz, at, true);
    old = ir_amo(t->ir, IR_I64, kind, atomic_mem(t, (unsigned)sz), at, a64_x(t, (unsigned)rs));
    a64_put(t, (unsigned)rt, old);
}

#define ATOMIC(name, kind) \
    void tr_a64_##name(struct a64_tr *t, const struct args_a64_##name *a) { atomic(t, kind, a->sz, a->rs, a->rn, a->rt); }
ATOMIC(ldadd, IR_AMO_ADD)
ATOMIC(ldclr, IR_AMO_ANDN)
ATOMIC(ldeor, IR_AMO_XOR)
ATOMIC(ldset, IR_AMO_OR)
ATOMIC(ldsmax, IR_AMO_SMAX)
ATOMIC(ldsmin, IR_AMO_SMIN)
ATOMIC(ldumax, IR_AMO_UMAX)
ATOMIC(ldumin, IR_AMO_UMIN)
ATOMIC(swp, IR_AMO_SWAP)

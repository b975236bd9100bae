/* targets/arm/tr_a32_mem.c - A32 and T32 loads, stores and exclusives of general registers. Arm ARM (DDI 0487), F5.
 *
 * Registers change only when no access of the instruction has faulted. Ordering and the exclusive monitor: tr_a64_mem.c. */
#include <stddef.h>

#include "targets/arm/a32.insn.h"
#include "targets/arm/tr_a32.h"

enum {
    EXCL_ADDR = offsetof(struct arm_env, excl_addr), EXCL_LO = offsetof(struct arm_env, excl_lo),
    SP = 13, LR = 14, PC = 15, MMU_UNPRIVILEGED = 1 << IR_MMMU_SHIFT,
};

static ir_ref add(struct tr_a32 *t, ir_ref a, ir_ref b) { return ir_bin(a32_ir(t), IR_OP_add, a, b); }
static ir_ref base_of(struct tr_a32 *t, int rn) { return rn == PC ? a32_pc_aligned(t) : a32_r(t, rn); }

/* --- one register ------------------------------------------------------------------------------------------------------------ */

/* How an address follows from Rn: by a constant, or by `off` (IR_NONE: none). */
struct where { int rn; bool index, writes; int32_t disp; ir_ref off; };

static struct where by_imm(struct tr_a32 *t, int rn, int p, int u, int w, int imm)
{
    (void)t;
    return (struct where){ .rn = rn, .index = p, .writes = !p || w, .disp = u ? imm : -imm };
}

static struct where by_reg(struct tr_a32 *t, int rn, int p, int u, int w, ir_ref off)
{
    return (struct where){ .rn = rn, .index = p, .writes = !p || w,
                           .off = u ? off : ir_un(a32_ir(t), IR_OP_neg, off) };
}

/* The register to start from, with the register offset applied; *disp what is to be added in the access. */
static ir_ref start_of(struct tr_a32 *t, const struct where *w, int32_t *disp)
{
    ir_ref base = base_of(t, w->rn);

    *disp = w->index ? w->disp : 0;
    return w->index && w->off ? add(t, base, w->off) : base;
}

static void write_back(struct tr_a32 *t, const struct where *w)
{
    ir_ref base;

    if (!w->writes)
        return;
    base = base_of(t, w->rn);
    a32_put(t, w->rn, w->off ? add(t, base, w->off) : ir_bini(a32_ir(t), IR_OP_add, base, (uint32_t)w->disp));
}

/* LDRT and its kin from A32: post-indexed with W set. */
static unsigned unprivileged(const struct tr_a32 *t, int p, int w)
{
    return !p && w && a32_privileged(t) ? MMU_UNPRIVILEGED : 0;
}

static void load(struct tr_a32 *t, unsigned mem, int rt, struct where w)
{
    int32_t disp;
    ir_ref at = start_of(t, &w, &disp), v = a32_ld(t, mem, at, disp);

    write_back(t, &w);
    if (rt == PC)
        a32_bx(t, v, w.rn == SP && w.writes ? IR_JUMP_RET : IR_JUMP_PLAIN);
    else
        a32_put(t, rt, v);
}

static void store(struct tr_a32 *t, unsigned mem, int rt, struct where w)
{
    int32_t disp;
    ir_ref at = start_of(t, &w, &disp);

    a32_st(t, mem, at, disp, a32_r(t, rt));
    write_back(t, &w);
}

/* The offset of the A32 forms of words and bytes: a register shifted as in data processing, without the carry. */
static ir_ref shifted(struct tr_a32 *t, int rm, int type, int amount)
{
    static const uint8_t ops[] = { IR_OP_shl, IR_OP_shr, IR_OP_sar, IR_OP_rotr };
    struct ir *ir = a32_ir(t);
    ir_ref m = a32_r(t, rm);

    if (amount)
        return ir_bini(ir, (enum ir_op)ops[type], m, (unsigned)amount);
    switch (type) {
    case 0: return m;
    case 1: return a32_const(t, 0);
    case 2: return ir_bini(ir, IR_OP_sar, m, 31);
    default:                                   /* RRX */
        return ir_bin(ir, IR_OP_or, ir_bini(ir, IR_OP_shr, m, 1), ir_bini(ir, IR_OP_shl, a32_carry(t), 31));
    }
}

#define IMM(name, what, mem) \
    void tr_a32_##name##_imm(struct tr_a32 *t, const struct args_a32_##name##_imm *a) \
    { what(t, (mem) | unprivileged(t, a->p, a->w), a->rt, by_imm(t, a->rn, a->p, a->u, a->w, a->imm)); }
#define SHIFTED(name, what, mem) \
    IMM(name, what, mem) \
    void tr_a32_##name(struct tr_a32 *t, const struct args_a32_##name *a) \
    { \
        what(t, (mem) | unprivileged(t, a->p, a->w), a->rt, \
             by_reg(t, a->rn, a->p, a->u, a->w, shifted(t, a->rm, a->type, a->amount))); \
    }
#define PLAIN(name, what, mem) \
    IMM(name, what, mem) \
    void tr_a32_##name(struct tr_a32 *t, const struct args_a32_##name *a) \
    { what(t, (mem) | unprivileged(t, a->p, a->w), a->rt, by_reg(t, a->rn, a->p, a->u, a->w, a32_r(t, a->rm))); } \
    void tr_t32_##name(struct tr_a32 *t, const struct args_t32_##name *a) \
    { what(t, mem, a->rt, by_reg(t, a->rn, 1, 1, 0, shifted(t, a->rm, 0, a->amount))); }
SHIFTED(str, store, IR_M32)
SHIFTED(ldr, load, IR_M32)
SHIFTED(strb, store, IR_M8)
SHIFTED(ldrb, load, IR_M8)
PLAIN(strh, store, IR_M16)
PLAIN(ldrh, load, IR_M16)
PLAIN(ldrsb, load, IR_M8 | IR_MSIGN)
PLAIN(ldrsh, load, IR_M16 | IR_MSIGN)

void tr_t32_unprivileged(struct tr_a32 *t, const struct args_t32_unprivileged *a)
{
    unsigned mem = (unsigned)a->sz | (a->s ? IR_MSIGN : 0) | (a32_privileged(t) ? MMU_UNPRIVILEGED : 0);
    struct where w = by_imm(t, a->rn, 1, 1, 0, a->imm);

    if (a->s && (!a->l || a->sz == 2))
        a32_undefined(t);
    else if (a->l)
        load(t, mem, a->rt, w);
    else
        store(t, mem, a->rt, w);
}

void tr_a32_swp(struct tr_a32 *t, const struct args_a32_swp *a)
{
    unsigned mem = a->b ? IR_M8 : IR_M32 | IR_MALIGN;

    a32_put(t, a->rt, ir_amo(a32_ir(t), IR_I32, IR_AMO_SWAP, a32_mem(t, mem), a32_address(t, a32_r(t, a->rn), 0), a32_r(t, a->rm)));
}

/* Prefetches are hints. */
#define HINT(name) \
    void tr_a32_##name(struct tr_a32 *t, const struct args_a32_##name *a) { (void)t; (void)a; }
HINT(pldw_imm)
HINT(pld_imm)
HINT(pld)
HINT(pli_imm)
HINT(pli)
HINT(hint_imm)

/* --- two registers -------------------------------------------------------------------------------------------------------------- */

/* Two words need no more than a word's alignment, and have no less. */
static void word_aligned(struct tr_a32 *t, ir_ref at, int32_t disp, bool store)
{
    if (t->a.c->system)
        a32_check_alignment(t, ir_bini(a32_ir(t), IR_OP_add, at, (uint32_t)disp), 4, store);
}

static void load_dual(struct tr_a32 *t, int rt, int rt2, struct where w)
{
    struct ir *ir = a32_ir(t);
    int32_t disp;
    ir_ref at = start_of(t, &w, &disp), v;
    bool big = t->a.c->mode & ARM_MODE_BE;

    word_aligned(t, at, disp, false);
    v = a32_ld_type(t, IR_I64, IR_M64 | IR_MATOMIC, at, disp);
    write_back(t, &w);
    a32_put(t, big ? rt2 : rt, ir_conv(ir, IR_OP_trunc, IR_I32, v));
    a32_put(t, big ? rt : rt2, ir_conv(ir, IR_OP_trunc, IR_I32, ir_bini(ir, IR_OP_shr, v, 32)));
}

static ir_ref joined(struct tr_a32 *t, int rt, int rt2)
{
    bool big = t->a.c->mode & ARM_MODE_BE;
    ir_ref lo = ir_conv(a32_ir(t), IR_OP_zext, IR_I64, a32_r(t, big ? rt2 : rt));
    ir_ref hi = ir_conv(a32_ir(t), IR_OP_zext, IR_I64, a32_r(t, big ? rt : rt2));

    return ir_bin(a32_ir(t), IR_OP_or, lo, ir_bini(a32_ir(t), IR_OP_shl, hi, 32));
}

static void store_dual(struct tr_a32 *t, int rt, int rt2, struct where w)
{
    int32_t disp;
    ir_ref at = start_of(t, &w, &disp);

    word_aligned(t, at, disp, true);
    a32_st(t, IR_M64 | IR_MATOMIC, at, disp, joined(t, rt, rt2));
    write_back(t, &w);
}

/* A32 names an even register; the other is the next. */
static bool even(struct tr_a32 *t, int rt)
{
    if (!(rt & 1) && rt != 14)
        return true;
    a32_undefined(t);
    return false;
}

#define DUAL(name) \
    void tr_a32_##name##d_imm(struct tr_a32 *t, const struct args_a32_##name##d_imm *a) \
    { \
        if (even(t, a->rt)) \
            name##_dual(t, a->rt, a->rt + 1, by_imm(t, a->rn, a->p, a->u, a->w, a->imm)); \
    } \
    void tr_a32_##name##d(struct tr_a32 *t, const struct args_a32_##name##d *a) \
    { \
        if (even(t, a->rt)) \
            name##_dual(t, a->rt, a->rt + 1, by_reg(t, a->rn, a->p, a->u, a->w, a32_r(t, a->rm))); \
    } \
    void tr_t32_##name##d(struct tr_a32 *t, const struct args_t32_##name##d *a) \
    { name##_dual(t, a->rt, a->rt2, by_imm(t, a->rn, 1, a->u, 0, a->imm)); } \
    void tr_t32_##name##d_index(struct tr_a32 *t, const struct args_t32_##name##d_index *a) \
    { name##_dual(t, a->rt, a->rt2, by_imm(t, a->rn, a->p, a->u, 1, a->imm)); }
#define ldr_dual load_dual
#define str_dual store_dual
DUAL(ldr)
DUAL(str)

/* --- many registers --------------------------------------------------------------------------------------------------------------- */

static int32_t first_disp(int p, int u, int n) { return u ? (p ? 4 : 0) : (p ? -4 * n : 4 - 4 * n); }

/* LDM and STM of the User bank, from a mode that has R13 and R14 of its own, and FIQ mode R8 to R12. 0: not banked. */
static uint32_t user_home(const struct tr_a32 *t, int r)
{
    if (t->a.c->mode & ARM_MODE_FIQ && r >= 8 && r < SP)
        return (uint32_t)(offsetof(struct arm_env, a32.low) + sizeof(uint32_t) * (unsigned)(r - 8));
    return r == SP ? offsetof(struct arm_env, a32.r13) : r == LR ? offsetof(struct arm_env, a32.r14) : 0;
}

static ir_ref user_register(struct tr_a32 *t, int r)
{
    uint32_t home = user_home(t, r);

    return home ? ir_ldenv(a32_ir(t), IR_I32, IR_M32, home) : a32_r(t, r);
}

static void put_user_register(struct tr_a32 *t, int r, ir_ref v)
{
    uint32_t home = user_home(t, r);

    if (home)
        ir_stenv(a32_ir(t), IR_M32, home, v);
    else
        a32_put(t, r, v);
}

void tr_a32_stm(struct tr_a32 *t, const struct args_a32_stm *a)
{
    int n = __builtin_popcount((unsigned)a->list);
    ir_ref base = a32_r(t, a->rn), at = a32_address(t, base, first_disp(a->p, a->u, n));
    int64_t disp = 0;

    if (a->s && !a32_privileged(t)) {
        a32_undefined(t);
        return;
    }
    for (int r = 0; r < 16; r++)
        if (a->list >> r & 1) {
            ir_st(a32_ir(t), a32_mem(t, IR_M32) | (disp ? 0 : a32_strict(t)), at, disp, a->s ? user_register(t, r) : a32_r(t, r));
            disp += 4;
        }
    if (a->w)
        a32_put(t, a->rn, ir_bini(a32_ir(t), IR_OP_add, base, (uint32_t)(a->u ? 4 * n : -4 * n)));
}

/* system: of the User bank, or, with R15, a return from an exception */
static void load_multiple(struct tr_a32 *t, int rn, unsigned list, int p, int u, bool w, bool system)
{
    bool user = system && !(list >> PC & 1);
    int n = __builtin_popcount(list);
    ir_ref base = a32_r(t, rn), at = a32_address(t, base, first_disp(p, u, n)), v[16];
    int64_t disp = 0;

    for (int r = 0; r < 16; r++)
        if (list >> r & 1) {
            v[r] = ir_ld(a32_ir(t), IR_I32, a32_mem(t, IR_M32) | (disp ? 0 : a32_strict(t)), at, disp);
            disp += 4;
        }
    if (w)
        a32_put(t, rn, ir_bini(a32_ir(t), IR_OP_add, base, (uint32_t)(u ? 4 * n : -4 * n)));
    for (int r = 0; r < 15; r++)
        if (list >> r & 1) {
            if (user)
                put_user_register(t, r, v[r]);
            else
                a32_put(t, r, v[r]);
        }
    if (list >> PC & 1 && system)
        a32_exception_return(t, v[PC], IR_NONE);
    else if (list >> PC & 1)
        a32_bx(t, v[PC], rn == SP ? IR_JUMP_RET : IR_JUMP_PLAIN);
}

void tr_a32_ldm(struct tr_a32 *t, const struct args_a32_ldm *a)
{
    if (a->s && !a32_privileged(t))
        a32_undefined(t);
    else
        load_multiple(t, a->rn, (unsigned)a->list, a->p, a->u, a->w, a->s);
}

/* Writes back unless the base is loaded. */
void tr_t16_ldm(struct tr_a32 *t, const struct args_t16_ldm *a)
{
    load_multiple(t, a->rn, (unsigned)a->list, 0, 1, !(a->list >> a->rn & 1), false);
}

/* --- acquire, release, exclusive ------------------------------------------------------------------------------------------------------ */

static unsigned size_of(int sz) { return sz == 0 ? IR_M32 : sz == 1 ? IR_M64 : sz == 2 ? IR_M8 : IR_M16; }

void tr_a32_stl(struct tr_a32 *t, const struct args_a32_stl *a)
{
    a32_st(t, size_of(a->sz) | IR_MALIGN | IR_MATOMIC, a32_r(t, a->rn), 0, a32_r(t, a->rt));
    ir_fence(a32_ir(t), IR_FENCE_FULL);
}

void tr_a32_lda(struct tr_a32 *t, const struct args_a32_lda *a)
{
    a32_put(t, a->rt, a32_ld(t, size_of(a->sz) | IR_MALIGN | IR_MATOMIC, a32_r(t, a->rn), 0));
}

static void load_exclusive(struct tr_a32 *t, unsigned mem, int rn, int32_t disp, int rt, int rt2)
{
    struct ir *ir = a32_ir(t);
    ir_ref at = a32_address(t, a32_r(t, rn), disp), v;
    bool big = t->a.c->mode & ARM_MODE_BE;

    v = ir_ld(ir, IR_I64, a32_mem(t, mem | IR_MALIGN | IR_MATOMIC), at, 0);
    ir_stenv(ir, IR_M64, EXCL_ADDR, at);
    ir_stenv(ir, IR_M64, EXCL_LO, v);
    if (mem != IR_M64) {
        a32_put(t, rt, ir_conv(ir, IR_OP_trunc, IR_I32, v));
        return;
    }
    a32_put(t, big ? rt2 : rt, ir_conv(ir, IR_OP_trunc, IR_I32, v));
    a32_put(t, big ? rt : rt2, ir_conv(ir, IR_OP_trunc, IR_I32, ir_bini(ir, IR_OP_shr, v, 32)));
}

/* Stores when the monitor holds the address and memory what was read; rd: 0 done, 1 not. */
static void store_exclusive(struct tr_a32 *t, unsigned mem, int rn, int32_t disp, int rd, int rt, int rt2)
{
    struct ir *ir = a32_ir(t);
    ir_ref at = a32_address(t, a32_r(t, rn), disp), none = ir_i64(ir, ~UINT64_C(0)), expect, old, new;
    ir_block_ref fail = ir_block_new(ir, t->a.pc), try = ir_block_new(ir, t->a.pc), done = ir_block_new(ir, t->a.next);

    ir_brcc(ir, IR_NE, at, ir_ldenv(ir, IR_I64, IR_M64, EXCL_ADDR), fail, try, 1);
    ir_seal(ir, fail);
    ir_seal(ir, try);
    ir_enter(ir, try);
    expect = ir_ldenv(ir, IR_I64, IR_M64, EXCL_LO);
    new = mem == IR_M64 ? joined(t, rt, rt2) : ir_conv(ir, IR_OP_zext, IR_I64, a32_r(t, rt));
    old = ir_cas(ir, IR_I64, a32_mem(t, mem | IR_MALIGN | IR_MATOMIC), at, expect, new);
    ir_stenv(ir, IR_M64, EXCL_ADDR, none);
    a32_put(t, rd, ir_setcc(ir, IR_I32, IR_NE, old, expect));
    ir_br(ir, done);
    ir_enter(ir, fail);
    ir_stenv(ir, IR_M64, EXCL_ADDR, none);
    a32_put(t, rd, a32_const(t, 1));
    ir_br(ir, done);
    ir_seal(ir, done);
    ir_enter(ir, done);
}

#define EXCLUSIVE(ld, st) \
    void tr_a32_##ld(struct tr_a32 *t, const struct args_a32_##ld *a) \
    { \
        if (a->sz != 1 || even(t, a->rt)) \
            load_exclusive(t, size_of(a->sz), a->rn, 0, a->rt, a->rt + 1); \
    } \
    void tr_a32_##st(struct tr_a32 *t, const struct args_a32_##st *a) \
    { \
        if (a->sz != 1 || even(t, a->rt)) \
            store_exclusive(t, size_of(a->sz), a->rn, 0, a->rd, a->rt, a->rt + 1); \
    }
EXCLUSIVE(ldrex, strex)
EXCLUSIVE(ldaex, stlex)

void tr_t32_ldrex(struct tr_a32 *t, const struct args_t32_ldrex *a) { load_exclusive(t, IR_M32, a->rn, a->imm, a->rt, 0); }
void tr_t32_strex(struct tr_a32 *t, const struct args_t32_strex *a) { store_exclusive(t, IR_M32, a->rn, a->imm, a->rd, a->rt, 0); }
void tr_t32_ldrexd(struct tr_a32 *t, const struct args_t32_ldrexd *a) { load_exclusive(t, IR_M64, a->rn, 0, a->rt, a->rt2); }

void tr_t32_strexd(struct tr_a32 *t, const struct args_t32_strexd *a)
{
    store_exclusive(t, IR_M64, a->rn, 0, a->rd, a->rt, a->rt2);
}

void tr_a32_clrex(struct tr_a32 *t, const struct args_a32_clrex *a)
{
    (void)a;
    ir_stenv(a32_ir(t), IR_M64, EXCL_ADDR, ir_i64(a32_ir(t), ~UINT64_C(0)));
}

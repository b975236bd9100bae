/* targets/riscv/tr_atomic.c - A and Zacas.
 *
 * The reservation is the address and the value that LR read. SC stores with a compare-and-swap against that value: it
 * fails when another hart stored something else, which is what the guest's loop asks; a store of the same value in
 * between goes unnoticed, as with every LR/SC on a compare-and-swap host. SC always ends the reservation. */
#include <stddef.h>

#include "targets/riscv/rv.insn.h"
#include "targets/riscv/tr.h"

enum { RES_ADDR = offsetof(struct riscv_env, res_addr), RES_VAL = offsetof(struct riscv_env, res_val) };

static ir_ref amo_address(struct riscv_tr *t, int rs1)
{
    int64_t disp;

    return address(t, (unsigned)rs1, 0, &disp);
}

/* AMOs and LR/SC fault on misaligned addresses; the loaded word is sign-extended. */
static unsigned amo_mem(struct riscv_tr *t, unsigned size)
{
    (void)t;
    return size | IR_MALIGN | IR_MATOMIC | (size == IR_M32 ? IR_MSIGN : 0);
}

static void load_reserved(struct riscv_tr *t, unsigned size, int rd, int rs1)
{
    ir_ref addr = amo_address(t, rs1), v = ir_ld(t->ir, t->xt, amo_mem(t, size), addr, 0);

    ir_stenv(t->ir, IR_M64, RES_ADDR, addr);
    ir_stenv(t->ir, t->rv32 ? IR_M32 : IR_M64, RES_VAL, v);
    put_gpr(t, (unsigned)rd, v);
}

static void store_conditional(struct riscv_tr *t, unsigned size, int rd, int rs1, int rs2)
{
    ir_ref addr = amo_address(t, rs1), val = gpr(t, (unsigned)rs2), none = ir_i64(t->ir, ~UINT64_C(0)), expect, old;
    ir_block_ref fail = ir_block_new(t->ir, t->pc), try = ir_block_new(t->ir, t->pc), done = ir_block_new(t->ir, t->next);

    ir_brcc(t->ir, IR_NE, addr, ir_ldenv(t->ir, IR_I64, IR_M64, RES_ADDR), fail, try, 1);
    ir_seal(t->ir, fail);
    ir_seal(t->ir, try);

    ir_enter(t->ir, try);
    expect = ir_ldenv(t->ir, t->xt, t->rv32 ? IR_M32 : IR_M64, RES_VAL);
    if (size == IR_M32 && !t->rv32)            /* also where LR was of 64 bits: success is what the memory says */
        expect = ir_ext(t->ir, expect, 0, 32, true);
    old = ir_cas(t->ir, t->xt, amo_mem(t, size), addr, expect, val);
    ir_stenv(t->ir, IR_M64, RES_ADDR, none);
    put_gpr(t, (unsigned)rd, ir_setcc(t->ir, t->xt, IR_NE, old, expect));
    ir_br(t->ir, done);

    ir_enter(t->ir, fail);
    ir_stenv(t->ir, IR_M64, RES_ADDR, none);
    put_gpr(t, (unsigned)rd, xconst(t, 1));
    ir_br(t->ir, done);

    ir_seal(t->ir, done);
    ir_enter(t->ir, done);
}

static void amo(struct riscv_tr *t, enum ir_amo kind, unsigned size, int rd, int rs1, int rs2)
{
    ir_ref addr = amo_address(t, rs1);

    put_gpr(t, (unsigned)rd, ir_amo(t->ir, t->xt, kind, amo_mem(t, size), addr, gpr(t, (unsigned)rs2)));
}

#define PAIR(size, suffix) \
    void tr_lr_##suffix(struct riscv_tr *t, const struct args_lr_##suffix *a) { load_reserved(t, size, a->rd, a->rs1); } \
    void tr_sc_##suffix(struct riscv_tr *t, const struct args_sc_##suffix *a) \
    { \
        store_conditional(t, size, a->rd, a->rs1, a->rs2); \
    }
PAIR(IR_M32, w)
PAIR(IR_M64, d)

#define AMO(name, kind) \
    void tr_amo##name##_w(struct riscv_tr *t, const struct args_amo##name##_w *a) \
    { \
        amo(t, kind, IR_M32, a->rd, a->rs1, a->rs2); \
    } \
    void tr_amo##name##_d(struct riscv_tr *t, const struct args_amo##name##_d *a) \
    { \
        amo(t, kind, IR_M64, a->rd, a->rs1, a->rs2); \
    }
AMO(swap, IR_AMO_SWAP)
AMO(add, IR_AMO_ADD)
AMO(xor, IR_AMO_XOR)
AMO(and, IR_AMO_AND)
AMO(or, IR_AMO_OR)
AMO(min, IR_AMO_SMIN)
AMO(max, IR_AMO_SMAX)
AMO(minu, IR_AMO_UMIN)
AMO(maxu, IR_AMO_UMAX)

/* --- Zacas ---------------------------------------------------------------------------------------------------------- */

void tr_amocas_w(struct riscv_tr *t, const struct args_amocas_w *a)
{
    ir_ref addr = amo_address(t, a->rs1);

    put_gpr(t, a->rd, ir_cas(t->ir, t->xt, amo_mem(t, IR_M32), addr, gpr(t, a->rd), gpr(t, a->rs2)));
}

/* A register pair as one i64: the even register is the low half; the pair x0 is zero. */
static ir_ref pair32(struct riscv_tr *t, int r)
{
    ir_ref lo, hi;

    if (!r)
        return ir_i64(t->ir, 0);
    lo = ir_conv(t->ir, IR_OP_zext, IR_I64, gpr(t, (unsigned)r));
    hi = ir_conv(t->ir, IR_OP_zext, IR_I64, gpr(t, (unsigned)r + 1));
    return ir_deposit(t->ir, lo, hi, 32, 32);
}

void tr_amocas_d(struct riscv_tr *t, const struct args_amocas_d *a)
{
    ir_ref addr = amo_address(t, a->rs1), old;

    if (!t->rv32) {
        put_gpr(t, a->rd, ir_cas(t->ir, IR_I64, amo_mem(t, IR_M64), addr, gpr(t, a->rd), gpr(t, a->rs2)));
        return;
    }
    if ((a->rd | a->rs2) & 1) {
        tr_illegal(t);
        return;
    }
    old = ir_cas(t->ir, IR_I64, amo_mem(t, IR_M64), addr, pair32(t, a->rd), pair32(t, a->rs2));
    if (a->rd) {
        put_gpr(t, a->rd, ir_conv(t->ir, IR_OP_trunc, IR_I32, old));
        put_gpr(t, (unsigned)a->rd + 1, ir_conv(t->ir, IR_OP_trunc, IR_I32, ir_bini(t->ir, IR_OP_shr, old, 32)));
    }
}

/* 16 bytes: a helper, which leaves the old value in the state. */
void tr_amocas_q(struct riscv_tr *t, const struct args_amocas_q *a)
{
    ir_ref args[2];

    if ((a->rd | a->rs2) & 1) {
        tr_illegal(t);
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        ir_stenv(t->ir, IR_M64, offsetof(struct riscv_env, cas_expect) + 8 * i, gpr(t, a->rd ? (unsigned)a->rd + i : 0));
        ir_stenv(t->ir, IR_M64, offsetof(struct riscv_env, cas_new) + 8 * i, gpr(t, a->rs2 ? (unsigned)a->rs2 + i : 0));
    }
    args[0] = tr_env(t);
    args[1] = amo_address(t, a->rs1);
    tr_call(t, RV_H_cas128, 2, args);
    for (unsigned i = 0; i < 2 && a->rd; i++)
        put_gpr(t, (unsigned)a->rd + i, ir_ldenv(t->ir, IR_I64, IR_M64, offsetof(struct riscv_env, cas_expect) + 8 * i));
}

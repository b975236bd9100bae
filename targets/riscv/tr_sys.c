/* targets/riscv/tr_sys.c - fences, CSRs, system instructions, cache blocks. */
#include <stddef.h>

#include "targets/riscv/csr.h"
#include "targets/riscv/rv.insn.h"
#include "targets/riscv/tr.h"

/* --- going on in another mode or with other mappings -------------------------------------------------------------------- */

static void go_to(struct riscv_tr *t, ir_ref pc)
{
    ir_goto_ind(t->ir, pc, IR_JUMP_MODE, 0);
    t->ended = true;
}

static void go_behind(struct riscv_tr *t)
{
    go_to(t, tr_pc(t->c, t->next));
}

/* A helper that says where to go on: its last argument is this instruction's address. */
static void end_with(struct riscv_tr *t, enum riscv_helper h, unsigned nargs, ir_ref *args)
{
    args[nargs++] = tr_pc(t->c, t->pc);
    go_to(t, tr_call(t, h, nargs, args));
}

/* --- fences -------------------------------------------------------------------------------------------------------- */

/* The guest spins. */
static void relax(struct riscv_tr *t)
{
    const ir_ref args[] = { tr_env(t) };

    if (t->c->crowded)
        tr_call(t, RV_H_relax, 1, args);
}

/* x86-64 keeps every order but store-load. pause (pred = w, succ = 0, fm = 0, rd = rs1 = x0) is a hint. */
void tr_fence(struct riscv_tr *t, const struct args_fence *a)
{
    bool tso = a->fm == 8;                     /* fence.tso leaves store-load out */

    if (!a->succ && a->pred == 1 && !a->fm && !a->rd && !a->rs1)
        relax(t);
    if (!a->succ || !a->pred)
        return;
    ir_fence(t->ir, !tso && (a->pred & 5) && (a->succ & 10) ? IR_FENCE_FULL : IR_FENCE_COMPILER);
}

void tr_fence_i(struct riscv_tr *t, const struct args_fence_i *a)
{
    const ir_ref args[] = { tr_env(t) };

    (void)a;
    tr_call(t, RV_H_fence_i, 1, args);
    go_behind(t);
}

/* --- environment --------------------------------------------------------------------------------------------------- */

void tr_ecall(struct riscv_tr *t, const struct args_ecall *a)
{
    (void)a;
    if (t->c->system)
        end_with(t, RV_H_trap, 3, (ir_ref[4]){ tr_env(t), ir_i32(t->ir, RV_EXC_ECALL_U + t->priv), ir_i64(t->ir, 0) });
    else
        tr_leave_behind(t, RT_EXIT_SYSCALL);
}

void tr_ebreak(struct riscv_tr *t, const struct args_ebreak *a)
{
    (void)a;
    tr_exception_pc(t, RV_EXC_BREAKPOINT, t->pc);
}

/* --- CSRs ---------------------------------------------------------------------------------------------------------- */

enum csr_op { CSR_WRITE, CSR_SET, CSR_CLEAR };
enum { SSTATUS = 0x100, SEPC = 0x141, MEPC = 0x341 };

static ir_ref to64(struct riscv_tr *t, ir_ref v)
{
    return t->rv32 ? ir_conv(t->ir, IR_OP_zext, IR_I64, v) : v;
}

static ir_ref from64(struct riscv_tr *t, ir_ref v)
{
    return t->rv32 ? ir_conv(t->ir, IR_OP_trunc, IR_I32, v) : v;
}

/* sstatus as read, of mstatus: SD says that FS is dirty. */
static ir_ref status_shown(struct riscv_tr *t, ir_ref mstatus)
{
    ir_ref shown = ir_bini(t->ir, IR_OP_and, mstatus, SSTATUS_MASK), fs = ir_bini(t->ir, IR_OP_and, mstatus, MSTATUS_FS);
    ir_ref sd = ir_setcc(t->ir, IR_I64, IR_EQ, fs, ir_i64(t->ir, MSTATUS_FS));

    return ir_bin(t->ir, IR_OP_or, shown, ir_bini(t->ir, IR_OP_shl, sd, t->rv32 ? 31 : 63));
}

static ir_ref read_csr(struct riscv_tr *t, const struct riscv_csr *c)
{
    const ir_ref args[] = { tr_env(t), ir_i32(t->ir, t->insn) };

    if (c->storage || c->word)
        return ir_ldenv(t->ir, t->xt, t->rv32 ? IR_M32 : IR_M64, c->offset);
    if (c->number == SSTATUS && t->c->system)
        return from64(t, status_shown(t, ir_ldenv(t->ir, IR_I64, IR_M64, offsetof(struct riscv_env, mstatus))));
    return from64(t, tr_call(t, RV_H_csr_read, 2, args));
}

static void write_csr(struct riscv_tr *t, const struct riscv_csr *c, ir_ref v)
{
    ir_ref args[3];

    if (c->number == SEPC || c->number == MEPC) {
        v = ir_bini(t->ir, IR_OP_and, to64(t, v), riscv_has(t, RV_F_c) ? ~UINT64_C(1) : ~UINT64_C(3));
        ir_stenv(t->ir, IR_M64, c->offset, v);
        return;
    }
    if (c->storage && !~c->mask) {
        ir_stenv(t->ir, t->rv32 ? IR_M32 : IR_M64, c->offset, v);
        return;
    }
    args[0] = tr_env(t);
    args[1] = ir_i32(t->ir, t->insn);
    args[2] = to64(t, v);
    tr_call(t, RV_H_csr_write, 3, args);
}

/* The flags and rounding registers, without the general path. False: not one of them. */
static bool fp_csr(struct riscv_tr *t, unsigned csr, enum csr_op op, int rd, ir_ref src, bool writes)
{
    const ir_ref env[] = { tr_env(t) };
    ir_ref old, v, args[2];

    if (csr != 1 || t->fs != RV_FS_DIRTY || !riscv_has(t, RV_F_f))
        return false;
    if (rd || op != CSR_WRITE) {
        old = tr_call(t, RV_H_fflags_read, 1, env);
        v = op == CSR_WRITE ? src : ir_bin(t->ir, op == CSR_SET ? IR_OP_or : IR_OP_andn, old, src);
        if (rd)
            put_gpr(t, (unsigned)rd, t->rv32 ? old : ir_conv(t->ir, IR_OP_zext, IR_I64, old));
    } else {
        v = src;
    }
    args[0] = env[0];
    args[1] = v;
    if (writes)
        tr_call(t, RV_H_fflags_write, 2, args);
    return true;
}

/* What csrrs and csrrc change: of mip not seip as read, which the interrupt controller may hold up, but the bit that
 * software owns (Privileged ISA, 3.1.9). */
static ir_ref value_to_change(struct riscv_tr *t, unsigned csr, ir_ref old)
{
    if (csr != 0x344)
        return old;
    return from64(t, ir_ldenv(t->ir, IR_I64, IR_M64, offsetof(struct riscv_env, mip)));
}

/* rd is written first: where reading is let through, so is writing. */
static void write_and_end(struct riscv_tr *t, ir_ref v, int rd, ir_ref old)
{
    ir_ref args[4] = { tr_env(t), ir_i32(t->ir, t->insn), to64(t, v) };

    if (rd)
        put_gpr(t, (unsigned)rd, old);
    end_with(t, RV_H_csr_end, 3, args);
}

/* Leave, behind this instruction, if an interrupt that is enabled in mie waits. Goes on in a new block. */
static void leave_for_interrupts(struct riscv_tr *t)
{
    ir_block_ref out = ir_block_new(t->ir, t->next), on = ir_block_new(t->ir, t->next);
    ir_ref lines = ir_ldenv(t->ir, IR_I64, IR_M64, offsetof(struct riscv_env, mip));
    ir_ref sei = ir_ldenv(t->ir, IR_I64, IR_M32, offsetof(struct riscv_env, ext_seip));
    ir_ref mie = ir_ldenv(t->ir, IR_I64, IR_M64, offsetof(struct riscv_env, mie));

    lines = ir_bin(t->ir, IR_OP_or, lines, ir_bini(t->ir, IR_OP_shl, sei, RV_IRQ_SEI));
    ir_brcc(t->ir, IR_TSTNZ, lines, mie, out, on, 1);
    ir_seal(t->ir, out);
    ir_seal(t->ir, on);
    ir_enter(t->ir, out);
    tr_leave_behind(t, RT_EXIT_FLUSHED);
    t->ended = false;
    ir_enter(t->ir, on);
}

/* Kernels switch interrupts off and on all the time: sstatus.SIE is set and cleared in place. A change of any other bit
 * (known at run time only, when it comes from a register) ends the translation. False: not such an access. */
static bool interrupt_enable(struct riscv_tr *t, unsigned csr, enum csr_op op, int rd, ir_ref src)
{
    const uint32_t at = offsetof(struct riscv_env, mstatus);
    const uint64_t others = SSTATUS_MASK & ~MSTATUS_SIE;
    ir_ref old, shown, wide = to64(t, src);

    if (csr != SSTATUS || op == CSR_WRITE || t->priv != RV_S || !t->c->system)
        return false;
    if (ir_is_const(t->ir, wide) && ir_at(t->ir, wide)->imm & others)
        return false;
    old = ir_ldenv(t->ir, IR_I64, IR_M64, at);
    shown = status_shown(t, old);
    if (!ir_is_const(t->ir, wide)) {
        ir_block_ref other = ir_block_new(t->ir, t->pc), here = ir_block_new(t->ir, t->pc);

        ir_brcc(t->ir, IR_TSTNZ, wide, ir_i64(t->ir, others), other, here, 1);
        ir_seal(t->ir, other);
        ir_seal(t->ir, here);
        ir_enter(t->ir, other);
        write_and_end(t, from64(t, ir_bin(t->ir, op == CSR_SET ? IR_OP_or : IR_OP_andn, shown, wide)), rd, from64(t, shown));
        t->ended = false;
        ir_enter(t->ir, here);
    }
    ir_stenv(t->ir, IR_M64, at, ir_bin(t->ir, op == CSR_SET ? IR_OP_or : IR_OP_andn, old,
                                       ir_bini(t->ir, IR_OP_and, wide, MSTATUS_SIE)));
    put_gpr(t, (unsigned)rd, from64(t, shown));
    if (op == CSR_SET)
        leave_for_interrupts(t);
    return true;
}

/* The vDSO's clocks: read-only registers among those for custom use, in user mode alone (roms/vdso/riscv64.S). */
static bool vdso_clock(struct riscv_tr *t, unsigned csr, int rd, bool writes)
{
    unsigned clock = csr - 0xcc0;

    if (t->c->system || t->rv32 || writes || clock > 7 || !(VDSO_CLOCKS >> clock & 1))
        return false;
    put_gpr(t, (unsigned)rd, tr_call(t, RV_H_user_clock, 2, (ir_ref[]){ tr_env(t), ir_i32(t->ir, clock) }));
    return true;
}

static void access_csr(struct riscv_tr *t, enum csr_op op, unsigned csr, int rd, ir_ref src, bool writes)
{
    const struct riscv_csr *c = riscv_csr_find(t->m, csr);
    ir_ref old = IR_NONE, v = src;

    if (vdso_clock(t, csr, rd, writes))
        return;
    if (!c || (csr >> 8 & 3) > t->priv || (writes && csr >> 10 == 3)) {
        tr_illegal(t);
        return;
    }
    if (fp_csr(t, csr, op, rd, t->rv32 ? src : ir_conv(t->ir, IR_OP_trunc, IR_I32, src), writes))
        return;
    if (writes && interrupt_enable(t, csr, op, rd, src))
        return;
    if (rd || op != CSR_WRITE)
        old = read_csr(t, c);
    if (op == CSR_SET)
        v = ir_bin(t->ir, IR_OP_or, value_to_change(t, csr, old), src);
    else if (op == CSR_CLEAR)
        v = ir_bin(t->ir, IR_OP_andn, value_to_change(t, csr, old), src);
    if (writes && (c->ends || (t->c->icount && !c->storage))) {    /* counted: a timer may be due before the block ends */
        write_and_end(t, v, rd, old);
        return;
    }
    if (writes)
        write_csr(t, c, v);
    if (rd)
        put_gpr(t, (unsigned)rd, old);
}

void tr_csrrw(struct riscv_tr *t, const struct args_csrrw *a)
{
    access_csr(t, CSR_WRITE, (unsigned)a->csr, a->rd, gpr(t, a->rs1), true);
}

void tr_csrrs(struct riscv_tr *t, const struct args_csrrs *a)
{
    access_csr(t, CSR_SET, (unsigned)a->csr, a->rd, gpr(t, a->rs1), a->rs1 != 0);
}

void tr_csrrc(struct riscv_tr *t, const struct args_csrrc *a)
{
    access_csr(t, CSR_CLEAR, (unsigned)a->csr, a->rd, gpr(t, a->rs1), a->rs1 != 0);
}

void tr_csrrwi(struct riscv_tr *t, const struct args_csrrwi *a)
{
    access_csr(t, CSR_WRITE, (unsigned)a->csr, a->rd, xconst(t, (uint64_t)a->imm), true);
}

void tr_csrrsi(struct riscv_tr *t, const struct args_csrrsi *a)
{
    access_csr(t, CSR_SET, (unsigned)a->csr, a->rd, xconst(t, (uint64_t)a->imm), a->imm != 0);
}

void tr_csrrci(struct riscv_tr *t, const struct args_csrrci *a)
{
    access_csr(t, CSR_CLEAR, (unsigned)a->csr, a->rd, xconst(t, (uint64_t)a->imm), a->imm != 0);
}

/* --- privileged ---------------------------------------------------------------------------------------------------- */

static void return_from(struct riscv_tr *t, enum riscv_helper h)
{
    end_with(t, h, 2, (ir_ref[3]){ tr_env(t), ir_i32(t->ir, t->insn) });
}

void tr_mret(struct riscv_tr *t, const struct args_mret *a)
{
    (void)a;
    if (!t->c->system || t->priv != RV_M)
        tr_illegal(t);
    else
        return_from(t, RV_H_mret);
}

void tr_sret(struct riscv_tr *t, const struct args_sret *a)
{
    (void)a;
    if (!t->c->system || t->priv < RV_S)
        tr_illegal(t);
    else
        return_from(t, RV_H_sret);
}

/* In user mode emulation there is no interrupt to wait for: wfi is illegal there, as in U mode with a timeout of 0. */
void tr_wfi(struct riscv_tr *t, const struct args_wfi *a)
{
    const ir_ref args[] = { tr_env(t), ir_i32(t->ir, t->insn) };

    (void)a;
    if (!t->c->system || (t->priv == RV_U && riscv_has(t, RV_F_s))) {
        tr_illegal(t);
        return;
    }
    tr_call(t, RV_H_wfi_check, 2, args);
    tr_leave_behind(t, RT_EXIT_HALT);
}

/* Waiting for a store to the reserved location may end at any time: it ends at once. */
static void wait_on_reservation(struct riscv_tr *t)
{
    ir_fence(t->ir, IR_FENCE_COMPILER);
    relax(t);
}

void tr_wrs_nto(struct riscv_tr *t, const struct args_wrs_nto *a)
{
    (void)a;
    wait_on_reservation(t);
}

void tr_wrs_sto(struct riscv_tr *t, const struct args_wrs_sto *a)
{
    (void)a;
    wait_on_reservation(t);
}

static void fence_vma(struct riscv_tr *t, int rs1, int rs2)
{
    ir_ref args[5];

    if (!t->c->system || t->priv < RV_S) {
        tr_illegal(t);
        return;
    }
    args[0] = tr_env(t);
    args[1] = ir_i32(t->ir, t->insn);
    args[2] = to64(t, gpr(t, (unsigned)rs1));
    args[3] = to64(t, gpr(t, (unsigned)rs2));
    tr_call(t, RV_H_sfence_vma, 4, args);
    go_behind(t);
}

void tr_sfence_vma(struct riscv_tr *t, const struct args_sfence_vma *a)
{
    fence_vma(t, a->rs1, a->rs2);
}

void tr_sinval_vma(struct riscv_tr *t, const struct args_sinval_vma *a)
{
    fence_vma(t, a->rs1, a->rs2);
}

/* sinval.vma acts at once, so these two have nothing left to order. */
void tr_sfence_w_inval(struct riscv_tr *t, const struct args_sfence_w_inval *a)
{
    (void)a;
    if (!t->c->system || t->priv < RV_S)
        tr_illegal(t);
}

void tr_sfence_inval_ir(struct riscv_tr *t, const struct args_sfence_inval_ir *a)
{
    (void)a;
    if (!t->c->system || t->priv < RV_S)
        tr_illegal(t);
}

/* --- cache blocks --------------------------------------------------------------------------------------------------- */

/* Memory is coherent: what is left of inval, clean and flush is their permission and their fault. */
static void cbo(struct riscv_tr *t, enum riscv_helper h, int rs1)
{
    int64_t disp;
    ir_ref addr = address(t, (unsigned)rs1, 0, &disp);
    const ir_ref args[] = { tr_env(t), addr, ir_i32(t->ir, t->insn) };

    tr_call(t, h, 3, args);
}

void tr_cbo_inval(struct riscv_tr *t, const struct args_cbo_inval *a)
{
    cbo(t, RV_H_cbo_inval, a->rs1);
}

void tr_cbo_clean(struct riscv_tr *t, const struct args_cbo_clean *a)
{
    cbo(t, RV_H_cbo_clean, a->rs1);
}

void tr_cbo_flush(struct riscv_tr *t, const struct args_cbo_flush *a)
{
    cbo(t, RV_H_cbo_clean, a->rs1);
}

void tr_cbo_zero(struct riscv_tr *t, const struct args_cbo_zero *a)
{
    cbo(t, RV_H_cbo_zero, a->rs1);
}

/* targets/arm/tr_a64.c - one basic block of A64 code to IR: registers, branches, exceptions, the loop over instructions. */
#include <stddef.h>

#include "targets/arm/tr_a64.h"

#include "core/base/bytes.h"
#include "targets/arm/a64.insn.h"
#include "targets/arm/bti.h"
#include "targets/jump.h"

enum { PAGE = 4096 };

/* --- registers --------------------------------------------------------------------------------------------------------- */

ir_ref a64_const(struct a64_tr *t, bool sf, uint64_t v) { return sf ? ir_i64(t->ir, v) : ir_i32(t->ir, (uint32_t)v); }

ir_ref a64_x(struct a64_tr *t, unsigned r)
{
    return r == 31 ? ir_i64(t->ir, 0) : ir_read_slot(t->ir, ARM_SLOT_X0 + r);
}

static ir_ref narrowed(struct a64_tr *t, bool sf, ir_ref v)
{
    return sf ? v : ir_conv(t->ir, IR_OP_trunc, IR_I32, v);
}

ir_ref a64_r(struct a64_tr *t, bool sf, unsigned r) { return narrowed(t, sf, a64_x(t, r)); }
ir_ref a64_r_sp(struct a64_tr *t, bool sf, unsigned r) { return narrowed(t, sf, ir_read_slot(t->ir, ARM_SLOT_X0 + r)); }

static void put_slot(struct a64_tr *t, unsigned slot, ir_ref v)
{
    if (ir_type_of(t->ir, v) == IR_I32)
        v = ir_conv(t->ir, IR_OP_zext, IR_I64, v);
    ir_write_slot(t->ir, slot, v);
}

void a64_put_x(struct a64_tr *t, unsigned r, ir_ref v) { a64_put(t, r, v); }

void a64_put(struct a64_tr *t, unsigned r, ir_ref v)
{
    if (r != 31)
        put_slot(t, ARM_SLOT_X0 + r, v);
}

void a64_put_sp(struct a64_tr *t, unsigned r, ir_ref v) { put_slot(t, ARM_SLOT_X0 + r, v); }

/* --- ways out ---------------------------------------------------------------------------------------------------------- */

void a64_jump(struct a64_tr *t, uint64_t pc, enum ir_jump kind)
{
    tr_goto(t->c, pc, kind, t->next);
    t->ended = true;
}

void a64_branch(struct a64_tr *t, struct a64_test test, uint64_t to)
{
    tr_goto_if(t->c, test.cond, test.a, test.b, to, t->next);
    t->ended = true;
}

void a64_raise(struct a64_tr *t, enum arm_exception exception, ir_ref far, uint32_t esr)
{
    const ir_ref args[] = { a64_env(t), ir_i32(t->ir, exception), far, ir_i32(t->ir, esr) };

    ir_call(t->ir, ARM_H_raise, 4, args);
    ir_unreach(t->ir);
    t->ended = true;
}

void a64_exception(struct a64_tr *t, enum arm_exception exception, uint32_t esr)
{
    a64_raise(t, exception, ir_i64(t->ir, 0), esr);
}

void a64_exception_here(struct a64_tr *t, enum arm_exception exception, uint32_t esr)
{
    a64_raise(t, exception, tr_pc(t->c, t->pc), esr);
}

void a64_undefined(struct a64_tr *t) { a64_exception(t, ARM_EXC_UNDEF, 0); }

void a64_leave_behind(struct a64_tr *t, enum rt_exit reason)
{
    ir_set_pc_val(t->ir, tr_pc(t->c, t->next));
    ir_leave(t->ir, reason);
    t->ended = true;
}

/* --- branches ---------------------------------------------------------------------------------------------------------- */

void tr_a64_b(struct a64_tr *t, const struct args_a64_b *a) { a64_jump(t, t->pc + (uint64_t)(int64_t)a->imm, IR_JUMP_PLAIN); }

void tr_a64_bl(struct a64_tr *t, const struct args_a64_bl *a)
{
    a64_put(t, 30, tr_pc(t->c, t->pc + 4));
    t->c->call_return = t->pc + 4;
    a64_jump(t, t->pc + (uint64_t)(int64_t)a->imm, IR_JUMP_CALL);
}

void tr_a64_b_cond(struct a64_tr *t, const struct args_a64_b_cond *a)
{
    if (a->cond >= 14)
        a64_jump(t, t->pc + (uint64_t)(int64_t)a->imm, IR_JUMP_PLAIN);
    else
        a64_branch(t, a64_condition(t, (unsigned)a->cond), t->pc + (uint64_t)(int64_t)a->imm);
}

static void compare_zero(struct a64_tr *t, bool sf, unsigned rt, enum ir_cond cond, int64_t imm)
{
    struct a64_test test = { cond, a64_r(t, sf, rt), a64_const(t, sf, 0) };

    a64_branch(t, test, t->pc + (uint64_t)imm);
}

void tr_a64_cbz(struct a64_tr *t, const struct args_a64_cbz *a) { compare_zero(t, a->sf, (unsigned)a->rt, IR_EQ, a->imm); }
void tr_a64_cbnz(struct a64_tr *t, const struct args_a64_cbnz *a) { compare_zero(t, a->sf, (unsigned)a->rt, IR_NE, a->imm); }

static void test_bit(struct a64_tr *t, unsigned rt, unsigned bit, enum ir_cond cond, int64_t imm)
{
    bool sf = bit >= 32;
    struct a64_test test = { cond, a64_r(t, sf, rt), a64_const(t, sf, UINT64_C(1) << bit) };

    a64_branch(t, test, t->pc + (uint64_t)imm);
}

void tr_a64_tbz(struct a64_tr *t, const struct args_a64_tbz *a)
{
    test_bit(t, (unsigned)a->rt, (unsigned)a->bit, IR_TSTZ, a->imm);
}

void tr_a64_tbnz(struct a64_tr *t, const struct args_a64_tbnz *a)
{
    test_bit(t, (unsigned)a->rt, (unsigned)a->bit, IR_TSTNZ, a->imm);
}

/* FEAT_BTI: goes on in a new block unless the target refuses. */
static void check_target(struct a64_tr *t, ir_ref to, enum bti_type type)
{
    const ir_ref args[] = { a64_env(t), to, ir_i32(t->ir, type) };
    ir_block_ref bad, on;
    ir_ref refused;

    if (!(t->c->mode & ARM_MODE_GUARDED))
        return;
    refused = ir_call(t->ir, ARM_H_bti, 3, args);
    bad = ir_block_new(t->ir, t->pc);
    on = ir_block_new(t->ir, t->pc);
    ir_brcc(t->ir, IR_NE, refused, ir_i32(t->ir, 0), bad, on, 1);
    ir_seal(t->ir, bad);
    ir_seal(t->ir, on);
    ir_enter(t->ir, bad);
    if (t->c->system)
        ir_goto_ind(t->ir, ir_call(t->ir, ARM_H_trap, 4, (ir_ref[]){ a64_env(t), ir_i32(t->ir, ARM_EXC_BTI), refused, to }),
                    IR_JUMP_MODE, 0);
    else
        a64_raise(t, ARM_EXC_BTI, to, 0);
    t->ended = false;
    ir_enter(t->ir, on);
}

void a64_jump_reg(struct a64_tr *t, ir_ref to, unsigned rn)
{
    check_target(t, to, rn == 16 || rn == 17 ? BTI_JUMP : BTI_PLAIN_JUMP);
    ir_goto_ind(t->ir, to, IR_JUMP_PLAIN, 0);
    t->ended = true;
}

void a64_call_reg(struct a64_tr *t, ir_ref to)
{
    a64_put(t, 30, tr_pc(t->c, t->pc + 4));
    check_target(t, to, BTI_CALL);
    t->c->call_return = t->pc + 4;
    ir_goto_ind(t->ir, to, IR_JUMP_CALL, t->pc + 4);
    t->ended = true;
}

void tr_a64_br(struct a64_tr *t, const struct args_a64_br *a) { a64_jump_reg(t, a64_x(t, (unsigned)a->rn), (unsigned)a->rn); }
void tr_a64_blr(struct a64_tr *t, const struct args_a64_blr *a) { a64_call_reg(t, a64_x(t, (unsigned)a->rn)); }

void a64_return(struct a64_tr *t, ir_ref to)
{
    tr_return(t->c, t->pc, to);
    t->ended = true;
}

void tr_a64_ret(struct a64_tr *t, const struct args_a64_ret *a) { a64_return(t, a64_x(t, (unsigned)a->rn)); }

/* --- the block --------------------------------------------------------------------------------------------------------- */

/* Data processing of FP and SIMD, and its loads and stores. DDI 0487, C4.1. */
static bool is_fp(uint32_t insn)
{
    unsigned group = insn >> 25 & 15;

    return (group & 7) == 7 || ((group & 5) == 4 && insn >> 26 & 1);
}

/* The instruction is being stepped: the next one is not. If it faults, arm_deliver() takes this back. */
void a64_step(struct a64_tr *t)
{
    ir_ref now = ir_ldenv(t->ir, IR_I32, IR_M32, offsetof(struct arm_env, pstate));

    ir_stenv(t->ir, IR_M32, offsetof(struct arm_env, pstate), ir_bini(t->ir, IR_OP_and, now, (uint32_t)~PSTATE_SS));
}

/* One of the guest's breakpoints may be here: its address is compared as it is then. */
void a64_breakpoint(struct a64_tr *t, uint64_t pc)
{
    if (t->c->mode & ARM_MODE_BREAK)
        ir_call(t->ir, ARM_H_breakpoint, 2, (ir_ref[]){ a64_env(t), tr_pc(t->c, pc) });
}

void a64_translate(struct tr_ctx *c)
{
    struct a64_tr t = { .c = c, .ir = c->ir, .m = c->cpu_model, .pc = c->pc };
    uint64_t page = c->pc & -(uint64_t)PAGE;

    c->ninsns = c->nsucc = 0;
    c->call_return = 0;
    do {
        unsigned len = 4;
        const uint8_t *p;

        t.next = t.pc + 4;
        ir_guest_insn(t.ir, t.pc, 4);
        if (c->mode & ARM_MODE_STEPPED) {
            a64_exception(&t, ARM_EXC_STEP, 0);
            c->ninsns++;
            t.pc += 4;
            break;
        }
        if (t.pc & 3) {
            a64_exception_here(&t, ARM_EXC_PC_ALIGN, 0);
            c->ninsns++;
            t.pc += 4;
            break;
        }
        p = c->fetch(c, t.pc, &len);
        if (!p || len < 4) {
            ir_call(t.ir, ARM_H_fetch_fault, 2, (ir_ref[]){ a64_env(&t), tr_pc(c, t.pc) });
            ir_unreach(t.ir);
            t.ended = true;
            c->ninsns++;
            t.pc += 4;
            break;
        }
        t.insn = load_le32(p);
        a64_breakpoint(&t, t.pc);
        if (c->mode & ARM_MODE_STEP)
            a64_step(&t);
        if (c->mode & ARM_MODE_IL)
            a64_exception(&t, ARM_EXC_ILLEGAL, 0);
        else if (c->mode & ARM_MODE_FP_TRAP && is_fp(t.insn))
            a64_exception(&t, ARM_EXC_FP_TRAP, 0);
        else if (!a64_decode(&t, t.insn))
            a64_undefined(&t);
        c->ninsns++;
        t.pc += 4;
    } while (!t.ended && !(c->mode & ARM_MODE_STEP) && c->ninsns < c->max_insns && (t.pc & -(uint64_t)PAGE) == page);
    c->end_pc = t.pc;
    if (!t.ended) {
        t.pc -= 4;
        a64_jump(&t, t.pc + 4, IR_JUMP_PLAIN);
    }
}

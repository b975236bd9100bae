/* targets/riscv/tr.c - one basic block from guest bytes to IR: fetching, decoding, registers, ways out. */
#include <string.h>

#include "core/base/bytes.h"
#include "targets/jump.h"
#include "targets/riscv/rv.insn.h"
#include "targets/riscv/tr.h"

enum { PAGE = 4096 };

/* --- registers -------------------------------------------------------------------------------------------------- */

ir_ref xconst(struct riscv_tr *t, uint64_t v)
{
    return t->rv32 ? ir_i32(t->ir, (uint32_t)v) : ir_i64(t->ir, v);
}

ir_ref xpc(struct riscv_tr *t, uint64_t pc)
{
    ir_ref v = tr_pc(t->c, pc);

    return t->rv32 ? ir_conv(t->ir, IR_OP_trunc, IR_I32, v) : v;
}

ir_ref gpr(struct riscv_tr *t, unsigned r)
{
    return r ? ir_read_slot(t->ir, RV_SLOT_X1 + r - 1) : xconst(t, 0);
}

void put_gpr(struct riscv_tr *t, unsigned r, ir_ref v)
{
    if (r)
        ir_write_slot(t->ir, RV_SLOT_X1 + r - 1, v);
}

ir_ref gpr32(struct riscv_tr *t, unsigned r)
{
    return t->rv32 ? gpr(t, r) : ir_conv(t->ir, IR_OP_trunc, IR_I32, gpr(t, r));
}

void put_gpr32(struct riscv_tr *t, unsigned r, ir_ref v)
{
    put_gpr(t, r, t->rv32 ? v : ir_conv(t->ir, IR_OP_sext, IR_I64, v));
}

ir_ref address(struct riscv_tr *t, unsigned r, int64_t imm, int64_t *disp)
{
    *disp = imm;
    if (!t->rv32)
        return gpr(t, r);
    *disp = 0;                                 /* RV32 addresses wrap at 32 bits */
    return ir_conv(t->ir, IR_OP_zext, IR_I64, ir_bini(t->ir, IR_OP_add, gpr(t, r), (uint32_t)imm));
}

ir_ref tr_call(struct riscv_tr *t, enum riscv_helper h, unsigned nargs, const ir_ref *args)
{
    return ir_call(t->ir, h, nargs, args);
}

/* --- ways out --------------------------------------------------------------------------------------------------- */

void tr_jump(struct riscv_tr *t, uint64_t pc, enum ir_jump kind)
{
    tr_goto(t->c, pc, kind, t->next);
    t->ended = true;
}

static void exception(struct riscv_tr *t, uint32_t number, ir_ref tval)
{
    const ir_ref args[] = { tr_env(t), ir_i32(t->ir, number), tval };

    tr_call(t, RV_H_raise, 3, args);
    ir_unreach(t->ir);
    t->ended = true;
}

void tr_exception(struct riscv_tr *t, uint32_t number, uint64_t tval) { exception(t, number, ir_i64(t->ir, tval)); }
void tr_exception_pc(struct riscv_tr *t, uint32_t number, uint64_t pc) { exception(t, number, tr_pc(t->c, pc)); }

void tr_illegal(struct riscv_tr *t)
{
    tr_exception(t, RV_EXC_ILLEGAL, t->insn);
}

void tr_leave_behind(struct riscv_tr *t, enum rt_exit reason)
{
    ir_set_pc_val(t->ir, tr_pc(t->c, t->next));
    ir_leave(t->ir, reason);
    t->ended = true;
}

bool tr_misaligned_target(struct riscv_tr *t, uint64_t pc)
{
    if (riscv_has(t, RV_F_c) || !(pc & 2))
        return false;
    tr_exception_pc(t, RV_EXC_INSN_MISALIGNED, pc);
    return true;
}

/* --- the block -------------------------------------------------------------------------------------------------- */

/* The bytes of the instruction at t->pc. 1; 0 when it isn't the block's first and has to begin the next one (its second
 * half is on another page, which may not be there); -1 when fetching faults. */
static int fetch(struct riscv_tr *t, bool first)
{
    struct tr_ctx *c = t->c;
    unsigned len = 4;
    uint64_t at = t->pc;
    const uint8_t *p;

    if (!first && (t->pc & (PAGE - 1)) == PAGE - 2)
        len = 2;
    p = c->fetch(c, at, &len);
    if (!p || len < 2)
        return first ? -1 : 0;
    t->insn = load_le16(p);
    t->len = (t->insn & 3) == 3 ? 4 : 2;
    if (t->len == 4) {
        if (len >= 4) {
            t->insn = load_le32(p);
        } else {
            if (!first)
                return 0;
            at += 2;
            len = 2;
            p = c->fetch(c, at, &len);
            if (!p || len < 2) {
                t->pc = at;                    /* what the fault is about; the snapshot has the instruction's pc */
                return -1;
            }
            t->insn |= (uint32_t)load_le16(p) << 16;
        }
    }
    return 1;
}

static void fetch_fault(struct riscv_tr *t, uint64_t insn_pc)
{
    ir_ref args[2];

    ir_guest_insn(t->ir, insn_pc, 0);
    args[0] = tr_env(t);
    args[1] = tr_pc(t->c, t->pc);
    tr_call(t, RV_H_fetch_fault, 2, args);
    ir_unreach(t->ir);
    t->ended = true;
}

static void one_insn(struct riscv_tr *t)
{
    bool known;

    t->next = t->pc + t->len;
    if (t->rv32)
        t->next = (uint32_t)t->next;
    ir_guest_insn(t->ir, t->pc, t->len);
    known = t->len == 4 ? riscv_decode32(t, t->insn) : riscv_has(t, RV_F_c) && riscv_decode16(t, (uint16_t)t->insn);
    if (!known)
        tr_illegal(t);
}

void riscv_translate(struct tr_ctx *c)
{
    const struct riscv_model *m = c->cpu_model;
    struct riscv_tr t = {
        .c = c, .ir = c->ir, .m = m, .pc = c->pc, .next = c->pc, .rv32 = m->xlen == 32,
        .xt = m->xlen == 32 ? IR_I32 : IR_I64, .priv = c->mode & RV_MODE_PRIV,
        .fs = (c->mode & RV_MODE_FS) >> RV_MODE_FS_SHIFT, .rm = (c->mode & RV_MODE_RM) >> RV_MODE_RM_SHIFT,
    };
    uint64_t page = c->pc & -(uint64_t)PAGE, insn_pc = c->pc;
    int got = 1;

    c->ninsns = c->nsucc = 0;
    c->call_return = 0;
    do {
        insn_pc = t.pc;
        got = fetch(&t, c->ninsns == 0);
        if (got <= 0)
            break;
        one_insn(&t);
        c->ninsns++;
        t.pc = t.next;
    } while (!t.ended && c->ninsns < c->max_insns && (t.pc & -(uint64_t)PAGE) == page);
    if (got < 0)
        fetch_fault(&t, insn_pc);
    c->end_pc = got < 0 ? insn_pc + 1 : t.pc;
    if (!t.ended) {
        t.next = t.pc;
        tr_jump(&t, t.pc, IR_JUMP_PLAIN);
    }
}

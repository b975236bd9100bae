/* targets/riscv/tr_int.c - integer instructions: RV32I, RV64I, M. */
#include "targets/jump.h"
#include "targets/riscv/rv.insn.h"
#include "targets/riscv/tr.h"

/* --- constants, jumps, branches ----------------------------------------------------------------------------------- */

void tr_lui(struct riscv_tr *t, const struct args_lui *a)
{
    put_gpr(t, a->rd, xconst(t, (uint64_t)a->imm));
}

static uint64_t wrap(const struct riscv_tr *t, uint64_t pc)
{
    return t->rv32 ? (uint32_t)pc : pc;
}

void tr_auipc(struct riscv_tr *t, const struct args_auipc *a)
{
    put_gpr(t, a->rd, xpc(t, wrap(t, t->pc + (uint64_t)a->imm)));
}

static bool is_link(unsigned r)
{
    return r == 1 || r == 5;
}

void tr_jal(struct riscv_tr *t, const struct args_jal *a)
{
    uint64_t to = wrap(t, t->pc + (uint64_t)(int64_t)a->imm);

    if (tr_misaligned_target(t, to))
        return;
    put_gpr(t, a->rd, xpc(t, t->next));
    if (is_link(a->rd))
        t->c->call_return = t->next;
    tr_jump(t, to, is_link(a->rd) ? IR_JUMP_CALL : IR_JUMP_PLAIN);
}

/* The return-address stack as the hints of the Unprivileged ISA (2.5.1, table 3) manage it. */
static enum ir_jump jalr_kind(unsigned rd, unsigned rs1)
{
    if (is_link(rd))
        return is_link(rs1) && rd != rs1 ? IR_JUMP_CALLRET : IR_JUMP_CALL;
    return is_link(rs1) ? IR_JUMP_RET : IR_JUMP_PLAIN;
}

static void jalr_check_alignment(struct riscv_tr *t, ir_ref to)
{
    ir_block_ref bad = ir_block_new(t->ir, t->pc), good = ir_block_new(t->ir, t->pc);
    ir_ref args[3];

    ir_brcc(t->ir, IR_TSTNZ, to, ir_i64(t->ir, 2), bad, good, 1);
    ir_seal(t->ir, bad);
    ir_seal(t->ir, good);
    ir_enter(t->ir, bad);
    args[0] = tr_env(t);
    args[1] = ir_i32(t->ir, RV_EXC_INSN_MISALIGNED);
    args[2] = to;
    tr_call(t, RV_H_raise, 3, args);
    ir_unreach(t->ir);
    ir_enter(t->ir, good);
}

void tr_jalr(struct riscv_tr *t, const struct args_jalr *a)
{
    enum ir_jump kind = jalr_kind((unsigned)a->rd, (unsigned)a->rs1);
    ir_ref to = ir_bini(t->ir, IR_OP_add, gpr(t, a->rs1), (uint64_t)(int64_t)a->imm);
    uint64_t pc = 0;
    bool known = !t->rv32 && tr_pc_known(t->c, to, &pc);

    to = ir_bini(t->ir, IR_OP_and, to, ~UINT64_C(1));
    if (t->rv32)
        to = ir_conv(t->ir, IR_OP_zext, IR_I64, to);
    if (kind == IR_JUMP_CALL || kind == IR_JUMP_CALLRET)
        t->c->call_return = t->next;
    if (known && kind != IR_JUMP_RET && kind != IR_JUMP_CALLRET) {
        pc &= ~UINT64_C(1);
        if (tr_misaligned_target(t, pc))
            return;
        put_gpr(t, a->rd, xpc(t, t->next));
        tr_jump(t, pc, kind);
        return;
    }
    if (!riscv_has(t, RV_F_c))
        jalr_check_alignment(t, to);
    put_gpr(t, a->rd, xpc(t, t->next));
    if (kind == IR_JUMP_RET)
        tr_return(t->c, t->pc, to);
    else
        ir_goto_ind(t->ir, to, kind, t->next);
    t->ended = true;
}

static void branch(struct riscv_tr *t, enum ir_cond cond, int rs1, int rs2, int32_t imm)
{
    uint64_t to = wrap(t, t->pc + (uint64_t)(int64_t)imm);

    if (!riscv_has(t, RV_F_c) && to & 2) {
        /* only a taken branch faults */
        ir_block_ref yes = ir_block_new(t->ir, to), no = ir_block_new(t->ir, t->next);

        ir_brcc(t->ir, cond, gpr(t, (unsigned)rs1), gpr(t, (unsigned)rs2), yes, no, 1);
        ir_seal(t->ir, yes);
        ir_seal(t->ir, no);
        ir_enter(t->ir, yes);
        tr_exception_pc(t, RV_EXC_INSN_MISALIGNED, to);
        t->ended = false;
        ir_enter(t->ir, no);
        return;
    }
    tr_goto_if(t->c, cond, gpr(t, (unsigned)rs1), gpr(t, (unsigned)rs2), to, t->next);
    t->ended = true;
}

#define BRANCH(name, cond) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) { branch(t, cond, a->rs1, a->rs2, a->imm); }
BRANCH(beq, IR_EQ)
BRANCH(bne, IR_NE)
BRANCH(blt, IR_LT)
BRANCH(bge, IR_GE)
BRANCH(bltu, IR_LTU)
BRANCH(bgeu, IR_GEU)

/* --- loads and stores ------------------------------------------------------------------------------------------------ */

static void load(struct riscv_tr *t, unsigned mem, int rd, int rs1, int32_t imm)
{
    int64_t disp;
    ir_ref addr = address(t, (unsigned)rs1, imm, &disp);

    put_gpr(t, (unsigned)rd, ir_ld(t->ir, t->xt, mem, addr, disp));
}

static void store(struct riscv_tr *t, unsigned mem, int rs2, int rs1, int32_t imm)
{
    int64_t disp;
    ir_ref addr = address(t, (unsigned)rs1, imm, &disp);

    ir_st(t->ir, mem, addr, disp, gpr(t, (unsigned)rs2));
}

#define LOAD(name, mem) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) { load(t, mem, a->rd, a->rs1, a->imm); }
#define STORE(name, mem) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) { store(t, mem, a->rs2, a->rs1, a->imm); }
LOAD(lb, IR_M8 | IR_MSIGN)
LOAD(lh, IR_M16 | IR_MSIGN)
LOAD(lw, IR_M32 | IR_MSIGN)
LOAD(ld, IR_M64)
LOAD(lbu, IR_M8)
LOAD(lhu, IR_M16)
LOAD(lwu, IR_M32)
STORE(sb, IR_M8)
STORE(sh, IR_M16)
STORE(sw, IR_M32)
STORE(sd, IR_M64)

/* --- arithmetic ------------------------------------------------------------------------------------------------------ */

#define ALU(name, op) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) \
    { \
        put_gpr(t, a->rd, ir_bin(t->ir, IR_OP_##op, gpr(t, a->rs1), gpr(t, a->rs2))); \
    }
#define ALU_IMM(name, op) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) \
    { \
        put_gpr(t, a->rd, ir_bin(t->ir, IR_OP_##op, gpr(t, a->rs1), xconst(t, (uint64_t)(int64_t)a->imm))); \
    }
#define ALU_W(name, op) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) \
    { \
        put_gpr32(t, a->rd, ir_bin(t->ir, IR_OP_##op, gpr32(t, a->rs1), gpr32(t, a->rs2))); \
    }
#define SHIFT_IMM(name, op) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) \
    { \
        if (a->shamt >= t->m->xlen) { \
            tr_illegal(t); \
            return; \
        } \
        put_gpr(t, a->rd, ir_bin(t->ir, IR_OP_##op, gpr(t, a->rs1), xconst(t, (uint64_t)a->shamt))); \
    }
#define SHIFT_W(name, op) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) \
    { \
        put_gpr32(t, a->rd, ir_bin(t->ir, IR_OP_##op, gpr32(t, a->rs1), ir_i32(t->ir, (uint32_t)a->shamt))); \
    }
ALU(add, add)
ALU(sub, sub)
ALU(sll, shl)
ALU(xor, xor)
ALU(srl, shr)
ALU(sra, sar)
ALU(or, or)
ALU(and, and)
ALU_IMM(addi, add)
ALU_IMM(xori, xor)
ALU_IMM(ori, or)
ALU_IMM(andi, and)
SHIFT_IMM(slli, shl)
SHIFT_IMM(srli, shr)
SHIFT_IMM(srai, sar)
ALU_W(addw, add)
ALU_W(subw, sub)
ALU_W(sllw, shl)
ALU_W(srlw, shr)
ALU_W(sraw, sar)
SHIFT_W(slliw, shl)
SHIFT_W(srliw, shr)
SHIFT_W(sraiw, sar)

void tr_addiw(struct riscv_tr *t, const struct args_addiw *a)
{
    put_gpr32(t, a->rd, ir_bin(t->ir, IR_OP_add, gpr32(t, a->rs1), ir_i32(t->ir, (uint32_t)a->imm)));
}

static void set_if(struct riscv_tr *t, int rd, enum ir_cond cond, ir_ref a, ir_ref b)
{
    put_gpr(t, (unsigned)rd, ir_setcc(t->ir, t->xt, cond, a, b));
}

void tr_slt(struct riscv_tr *t, const struct args_slt *a)
{
    set_if(t, a->rd, IR_LT, gpr(t, a->rs1), gpr(t, a->rs2));
}

void tr_sltu(struct riscv_tr *t, const struct args_sltu *a)
{
    set_if(t, a->rd, IR_LTU, gpr(t, a->rs1), gpr(t, a->rs2));
}

void tr_slti(struct riscv_tr *t, const struct args_slti *a)
{
    set_if(t, a->rd, IR_LT, gpr(t, a->rs1), xconst(t, (uint64_t)(int64_t)a->imm));
}

void tr_sltiu(struct riscv_tr *t, const struct args_sltiu *a)
{
    set_if(t, a->rd, IR_LTU, gpr(t, a->rs1), xconst(t, (uint64_t)(int64_t)a->imm));
}

/* --- M ---------------------------------------------------------------------------------------------------------------- */

ALU(mul, mul)
ALU(mulh, mulhs)
ALU(mulhu, mulhu)
ALU(mulhsu, mulhsu)
ALU_W(mulw, mul)

static ir_ref constant(struct riscv_tr *t, enum ir_type type, uint64_t v)
{
    return type == IR_I32 ? ir_i32(t->ir, (uint32_t)v) : ir_i64(t->ir, v);
}

/* Division never traps: x / 0 = -1, x % 0 = x, MIN / -1 = MIN, MIN % -1 = 0 (Unprivileged ISA, table 10). The IR's
 * divisions leave those undefined, so the divisors 0 and -1 are replaced by 1 and the quotients put right. */
static ir_ref divide(struct riscv_tr *t, enum ir_op op, ir_ref a, ir_ref b)
{
    enum ir_type type = ir_type_of(t->ir, a);
    ir_ref zero = constant(t, type, 0), one = constant(t, type, 1), minus1 = constant(t, type, ~UINT64_C(0)), d, q;

    if (op == IR_OP_divu || op == IR_OP_remu) {
        d = ir_select(t->ir, IR_EQ, b, zero, one, b);
        q = ir_bin(t->ir, op, a, d);
        return ir_select(t->ir, IR_EQ, b, zero, op == IR_OP_divu ? minus1 : a, q);
    }
    d = ir_select(t->ir, IR_LEU, ir_bin(t->ir, IR_OP_add, b, one), one, one, b);
    q = ir_bin(t->ir, op, a, d);
    if (op == IR_OP_rems)
        return ir_select(t->ir, IR_EQ, b, zero, a, q);
    q = ir_select(t->ir, IR_EQ, b, minus1, ir_un(t->ir, IR_OP_neg, a), q);
    return ir_select(t->ir, IR_EQ, b, zero, minus1, q);
}

#define DIVIDE(name, op) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) \
    { \
        put_gpr(t, a->rd, divide(t, IR_OP_##op, gpr(t, a->rs1), gpr(t, a->rs2))); \
    }
#define DIVIDE_W(name, op) \
    void tr_##name(struct riscv_tr *t, const struct args_##name *a) \
    { \
        put_gpr32(t, a->rd, divide(t, IR_OP_##op, gpr32(t, a->rs1), gpr32(t, a->rs2))); \
    }
DIVIDE(div, divs)
DIVIDE(divu, divu)
DIVIDE(rem, rems)
DIVIDE(remu, remu)
DIVIDE_W(divw, divs)
DIVIDE_W(divuw, divu)
DIVIDE_W(remw, rems)
DIVIDE_W(remuw, remu)

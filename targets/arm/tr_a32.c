/* targets/arm/tr_a32.c - one basic block of A32 or T32 code to IR: registers, flags, memory, branches, the loop over
 * instructions. Arm ARM (DDI 0487), E1, F1. */
#include "targets/arm/tr_a32.h"

#include <stddef.h>

#include "core/base/bytes.h"

/* WHOLE: a block allowed so many instructions may have some more, so that it does not end in an IT block, nor at the border of a
 * page there: what follows would be of another mode, and found the long way. */
enum { PAGE = 4096, ALWAYS = 14, WHOLE = 64 };

/* --- registers --------------------------------------------------------------------------------------------------------- */

ir_ref a32_const(struct tr_a32 *t, uint32_t v) { return ir_i32(a32_ir(t), v); }
ir_ref a32_code_address(struct tr_a32 *t, uint64_t va)
{
    return ir_conv(a32_ir(t), IR_OP_trunc, IR_I32, tr_pc(t->a.c, (uint32_t)va));
}


ir_ref a32_r(struct tr_a32 *t, int r)
{
    if (r == 15)
        return a32_code_address(t, t->at + (t->thumb ? 4 : 8));
    return ir_read_slot(a32_ir(t), ARM_SLOT_R0 + (unsigned)r);
}

ir_ref a32_pc_aligned(struct tr_a32 *t) { return a32_code_address(t, (t->at + (t->thumb ? 4 : 8)) & ~UINT64_C(3)); }

static void put_slot(struct tr_a32 *t, int r, ir_ref v)
{
    unsigned slot = ARM_SLOT_R0 + (unsigned)r;

    if (t->select)
        v = ir_select(a32_ir(t), t->test.cond, t->test.a, t->test.b, v, ir_read_slot(a32_ir(t), slot));
    ir_write_slot(a32_ir(t), slot, v);
}

/* In T32 state data processing stays there; in A32 state it acts as BX. F1.3, ALUWritePC. */
void a32_put(struct tr_a32 *t, int r, ir_ref v)
{
    if (r != 15)
        put_slot(t, r, v);
    else if (t->thumb)
        a32_bx(t, ir_bini(a32_ir(t), IR_OP_or, v, 1), IR_JUMP_PLAIN);
    else
        a32_bx(t, v, IR_JUMP_PLAIN);
}

void a32_put_loaded(struct tr_a32 *t, int r, ir_ref v)
{
    if (r != 15)
        put_slot(t, r, v);
    else
        a32_bx(t, v, IR_JUMP_PLAIN);
}

/* --- flags ------------------------------------------------------------------------------------------------------------- */

bool a32_sets_flags(const struct tr_a32 *t, int s) { return s == 1 || (s == 2 && !t->it); }

static void set_cc(struct tr_a32 *t, enum arm_flags_op op, ir_ref a, ir_ref b)
{
    a64_set_cc(&t->a, op, a, b);
    t->flags_set++;
}

void a32_set_add(struct tr_a32 *t, ir_ref a, ir_ref b) { set_cc(t, ARM_CC_ADD32, a, b); }
void a32_set_sub(struct tr_a32 *t, ir_ref a, ir_ref b) { set_cc(t, ARM_CC_SUB32, a, b); }
void a32_set_nzcv(struct tr_a32 *t, ir_ref packed) { set_cc(t, ARM_CC_NZCV, packed, IR_NONE); }

void a32_set_adc(struct tr_a32 *t, ir_ref a, ir_ref b, ir_ref c)
{
    a64_set_adc(&t->a, a, b, c);
    t->flags_set++;
}

void a32_set_nz(struct tr_a32 *t, ir_ref r)
{
    a64_set_nz(&t->a, r);
    t->flags_set++;
}

void a32_set_nzc(struct tr_a32 *t, ir_ref r, ir_ref c, unsigned bit)
{
    a64_set_nzc(&t->a, r, c, bit);
    t->flags_set++;
}

ir_ref a32_nzcv(struct tr_a32 *t) { return a64_nzcv(&t->a); }

ir_ref a32_carry(struct tr_a32 *t)
{
    struct a64_test c = a64_condition(&t->a, 2);

    return ir_setcc(a32_ir(t), IR_I32, c.cond, c.a, c.b);
}

void a32_set_q(struct tr_a32 *t, ir_ref bit)
{
    ir_ref q = ir_ldenv(a32_ir(t), IR_I32, IR_M32, offsetof(struct arm_env, q));

    ir_stenv(a32_ir(t), IR_M32, offsetof(struct arm_env, q), ir_bin(a32_ir(t), IR_OP_or, q, bit));
}

/* --- memory ------------------------------------------------------------------------------------------------------------- */

unsigned a32_mem(const struct tr_a32 *t, unsigned mem)
{
    if (t->a.c->mode & ARM_MODE_ALIGN)
        mem |= IR_MALIGN;
    return t->a.c->mode & ARM_MODE_BE && (mem & IR_MSIZE) ? mem | IR_MBE : mem;
}

unsigned a32_strict(const struct tr_a32 *t) { return t->a.c->system ? IR_MALIGN : 0; }

void a32_check_alignment(struct tr_a32 *t, ir_ref at, unsigned bytes, bool store)
{
    struct ir *ir = a32_ir(t);
    ir_block_ref bad, good;

    if (bytes <= 1)
        return;
    bad = ir_block_new(ir, t->a.pc);
    good = ir_block_new(ir, t->a.pc);
    ir_brcc(ir, IR_TSTZ, at, ir_i32(ir, bytes - 1), good, bad, 2);
    ir_seal(ir, bad);
    ir_enter(ir, bad);
    a32_call(t, ARM_H_raise, 4, (ir_ref[]){ a32_env(t), ir_i32(ir, ARM_EXC_DATA_ALIGN), ir_conv(ir, IR_OP_zext, IR_I64, at),
                                            ir_i32(ir, store ? 1u << 6 : 0) });
    ir_unreach(ir);
    ir_seal(ir, good);
    ir_enter(ir, good);
}

ir_ref a32_address(struct tr_a32 *t, ir_ref base, int32_t disp)
{
    return ir_conv(a32_ir(t), IR_OP_zext, IR_I64, ir_bini(a32_ir(t), IR_OP_add, base, (uint32_t)disp));
}

ir_ref a32_ld_type(struct tr_a32 *t, enum ir_type type, unsigned mem, ir_ref base, int32_t disp)
{
    return ir_ld(a32_ir(t), type, a32_mem(t, mem), a32_address(t, base, disp), 0);
}

ir_ref a32_ld(struct tr_a32 *t, unsigned mem, ir_ref base, int32_t disp) { return a32_ld_type(t, IR_I32, mem, base, disp); }

void a32_st(struct tr_a32 *t, unsigned mem, ir_ref base, int32_t disp, ir_ref v)
{
    ir_st(a32_ir(t), a32_mem(t, mem), a32_address(t, base, disp), 0, v);
}

/* --- ways out ------------------------------------------------------------------------------------------------------------ */

static void store_itstate(struct tr_a32 *t, unsigned it)
{
    ir_stenv(a32_ir(t), IR_M32, offsetof(struct arm_env, itstate), a32_const(t, it));
}

/* ITSTATE of the instruction that follows in an IT block. E1.2, ITAdvance. */
static unsigned it_advance(unsigned it) { return it & 7 ? (it & 0xe0) | (it << 1 & 0x1f) : 0; }

void a32_jump(struct tr_a32 *t, uint64_t pc, enum ir_jump kind) { a64_jump(&t->a, pc & UINT32_MAX, kind); }

void a32_bx(struct tr_a32 *t, ir_ref to, enum ir_jump kind)
{
    ir_ref wide = ir_conv(a32_ir(t), IR_OP_zext, IR_I64, to);
    uint64_t pc;

    if (tr_pc_known(t->a.c, wide, &pc)) {
        a32_jump(t, pc, kind == IR_JUMP_RET ? IR_JUMP_PLAIN : kind);
    } else if (kind == IR_JUMP_RET) {
        a64_return(&t->a, wide);
    } else {
        ir_goto_ind(a32_ir(t), wide, kind, t->a.next);
        t->a.ended = true;
    }
}

void a32_exception(struct tr_a32 *t, enum arm_exception exception, uint32_t esr)
{
    if (t->it)
        store_itstate(t, t->it);
    a64_exception(&t->a, exception, esr);
}

void a32_exception_here(struct tr_a32 *t, enum arm_exception exception, uint32_t esr)
{
    if (t->it)
        store_itstate(t, t->it);
    a64_raise(&t->a, exception, tr_pc(t->a.c, t->at), esr);
}

/* The return is behind: so is ITSTATE. */
void a32_svc(struct tr_a32 *t, uint32_t imm)
{
    if (it_advance(t->it))
        store_itstate(t, it_advance(t->it));
    a64_exception(&t->a, ARM_EXC_SVC, imm);
}

void a32_undefined(struct tr_a32 *t) { a32_exception(t, ARM_EXC_UNDEF, 0); }

void a32_leave_behind(struct tr_a32 *t, enum rt_exit reason)
{
    if (it_advance(t->it))
        store_itstate(t, it_advance(t->it));
    a64_leave_behind(&t->a, reason);
}

ir_ref a32_call(struct tr_a32 *t, enum arm_helper h, unsigned nargs, const ir_ref *args)
{
    ir_ref r;

    if (t->it)
        store_itstate(t, t->it);
    r = ir_call(a32_ir(t), h, nargs, args);
    if (t->it)
        store_itstate(t, 0);
    return r;
}

/* --- which instructions may select ---------------------------------------------------------------------------------------- */

/* Data processing without flags that does not write R15: moves, shifts, arithmetic, multiplication, bit fields. */
static bool a32_pure(uint32_t i)
{
    unsigned op = i >> 20 & 0x1ff, rd = i >> 12 & 15;

    if (i >> 26 & 3 || rd == 15)
        return false;
    if (i >> 25 & 1)                           /* immediates; MOVW and MOVT in the room of TST and CMP */
        return (op & 1) == 0 && ((op >> 3 & 3) != 2 || op == 0x130 || op == 0x134);
    if ((i & 0x90) == 0x90)
        return (i >> 4 & 15) == 9 && (i >> 21 & 0x7f) < 2 && !(i >> 20 & 1);    /* MUL, MLA */
    return (op & 1) == 0 && (op >> 3 & 3) != 2;
}

/* In an IT block the 16-bit forms leave the flags alone. */
static bool t16_pure(unsigned i)
{
    if (i < 0x4000)
        return (i & 0xf800) != 0x2800;         /* not CMP */
    if (i < 0x4400)
        return (i >> 6 & 15) != 8 && (i >> 6 & 15) != 10 && (i >> 6 & 15) != 11;
    if (i < 0x4700)
        return (i & 0xff00) != 0x4500 && (i & 0x87) != 0x87;
    return (i & 0xf000) == 0xa000 || (i & 0xff00) == 0xb000 || (i & 0xff00) == 0xb200;
}

static bool t32_pure(uint32_t i)
{
    if ((i >> 8 & 15) == 15 || (i >> 20 & 1))
        return false;
    return (i & 0xfe000000) == 0xea000000 || (i & 0xfa008000) == 0xf0000000 || (i & 0xfb708000) == 0xf2000000 ||
           (i & 0xfb708000) == 0xf2200000 || (i & 0xfb708000) == 0xf2400000;   /* ADDW, SUBW, MOVW, MOVT */
}

/* --- the block ----------------------------------------------------------------------------------------------------------- */

/* Fetches the instruction at t->at: *len becomes its length. 1; 0 when it has to begin the next block (its second half is
 * on another page, which may not be there); -1 when fetching faults at *at. */
static int fetch(struct tr_a32 *t, bool first, unsigned *length, uint64_t *at)
{
    struct tr_ctx *c = t->a.c;
    unsigned want = 4, len = 4;
    const uint8_t *p;

    *at = t->at;
    if (!first && (t->at & (PAGE - 1)) == PAGE - 2)
        want = 2;
    len = want;
    p = c->fetch(c, t->at, &len);
    if (!p || len < 2 || (!t->thumb && len < 4))
        return first ? -1 : 0;
    if (!t->thumb) {
        t->a.insn = load_le32(p);
        *length = 4;
        return 1;
    }
    t->a.insn = load_le16(p);
    *length = 2;
    if (t->a.insn < 0xe800)
        return 1;
    *length = 4;
    if (len >= 4) {
        t->a.insn = t->a.insn << 16 | load_le16(p + 2);
        return 1;
    }
    if (!first)
        return 0;
    *at += 2;
    len = 2;
    p = c->fetch(c, *at, &len);
    if (!p || len < 2)
        return -1;
    t->a.insn = t->a.insn << 16 | load_le16(p);
    return 1;
}

/* T32 coprocessor, floating-point and SIMD instructions have the A32 encoding behind other leading bits. F3.1, F4.1. */
static bool is_simd(const struct tr_a32 *t, uint32_t i, uint32_t *a32)
{
    unsigned cp = i >> 8 & 15;

    if (t->thumb) {
        if ((i & 0xef000000) == 0xef000000)                                    /* data processing */
            i = 0xf2000000 | (i & 0x00ffffff) | (i >> 28 & 1) << 24;
        else if ((i & 0xff100000) == 0xf9000000)                               /* element and structure loads and stores */
            i = 0xf4000000 | (i & 0x00ffffff);
        else if ((i & 0xec000000) != 0xec000000)
            return false;
    }
    *a32 = i;
    if (i >> 28 == 15)
        return (i & 0xfe000000) == 0xf2000000 || (i & 0xff100000) == 0xf4000000 ||
               ((i & 0xfc000000) == 0xfc000000 && ((cp >= 8 && cp <= 11) || cp == 13));
    return (i >> 26 & 3) == 3 && (i >> 24 & 15) != 15 && cp >= 9 && cp <= 11;
}

/* MCR, MRC, MCRR, MRRC and their second forms, LDC and STC of CP14: the same bits in both sets. */
static bool is_coprocessor(uint32_t i)
{
    return (i & 0xef000010) == 0xee000010 || (i & 0xefe00000) == 0xec400000 || (i & 0xfe40ff00) == 0xec005e00;
}

static bool decode(struct tr_a32 *t, unsigned length)
{
    uint32_t i = t->a.insn, a32;

    if (t->thumb && length == 2)
        return t32_decode16(t, (uint16_t)i);
    if (is_simd(t, i, &a32)) {
        t->a.insn = a32;
        return a32_simd_decode(t, a32);
    }
    if (t->thumb && !is_coprocessor(i))
        return t32_decode32(t, i);
    return i >> 28 == 15 ? a32_uncond_decode(t, i) : a32_decode(t, i);
}

static void one_insn(struct tr_a32 *t, unsigned length)
{
    uint32_t i = t->a.insn;
    bool it_insn = t->thumb && length == 2 && (i & 0xff00) == 0xbf00 && i & 15;
    bool b_cond = t->thumb ? (length == 2 && (i & 0xf000) == 0xd000 && (i & 0xe00) != 0xe00) ||
                             (length == 4 && (i & 0xf800d000) == 0xf0008000 && (i >> 23 & 7) != 7)
                           : (i & 0x0f000000) == 0x0a000000;
    bool pure;

    t->cond = ALWAYS;
    if (!t->thumb)
        t->cond = i >> 28 < ALWAYS ? (uint8_t)(i >> 28) : ALWAYS;
    else if (t->it && !it_insn && !(length == 2 && i >> 8 == 0xbe))            /* nor BKPT */
        t->cond = t->it >> 4;
    if (b_cond && t->cond < ALWAYS && !t->group.open) {
        decode(t, length);                     /* tests for itself */
        return;
    }
    pure = t->cond < ALWAYS && (!t->thumb ? a32_pure(i) : length == 2 ? t16_pure(i) : t32_pure(i));
    a32_cond_begin(t, pure);
    if (!decode(t, length)) {
        if (t->select)
            a32_cond_begin(t, false);
        a32_undefined(t);
    }
    t->select = false;
}

static void fetch_fault(struct tr_a32 *t, uint64_t at)
{
    ir_guest_insn(a32_ir(t), t->at | t->thumb, 0);
    if (t->it)
        store_itstate(t, t->it);
    ir_call(a32_ir(t), ARM_H_fetch_fault, 2, (ir_ref[]){ a32_env(t), tr_pc(t->a.c, at) });
    ir_unreach(a32_ir(t));
    t->a.ended = true;
}

/* One instruction; false when it has to begin another block. */
static bool step(struct tr_a32 *t, bool first)
{
    unsigned length = 4, it = t->it;
    uint64_t fault_at;
    int got = fetch(t, first, &length, &fault_at);

    if (!got)
        return false;
    t->a.pc = t->at | t->thumb;
    a32_ir(t)->snap_extra = it;
    if (got < 0) {
        a32_cond_close(t);
        fetch_fault(t, fault_at);
        t->at += t->thumb ? 2 : 4;
        return true;
    }
    t->a.next = (uint32_t)(t->at + length) | t->thumb;
    if (t->a.c->mode & ARM_MODE_BREAK)
        a32_cond_close(t);
    ir_guest_insn(a32_ir(t), t->a.pc, length);
    a64_breakpoint(&t->a, t->a.pc);
    if (t->a.c->mode & ARM_MODE_STEP)
        a64_step(&t->a);
    if (t->a.c->mode & ARM_MODE_STEPPED) {
        a32_exception(t, ARM_EXC_STEP, 0);
    } else if (t->a.c->mode & ARM_MODE_IL) {
        a32_exception(t, ARM_EXC_ILLEGAL, 0);
    } else if (!t->thumb && t->at & 3) {
        a32_exception_here(t, ARM_EXC_PC_ALIGN, 0);
    } else {
        one_insn(t, length);
        if (t->it == it)                       /* else it was IT itself */
            t->it = (uint8_t)it_advance(it);
    }
    t->at += length;
    return true;
}

/* Behind the last instruction: the group that is open joins, and the block goes on where it must. */
static void finish(struct tr_a32 *t)
{
    bool open = t->group.open;

    a32_cond_close(t);
    if (t->a.ended && !open)
        return;
    if (t->it) {
        store_itstate(t, t->it);
        ir_set_pc_val(a32_ir(t), tr_pc(t->a.c, t->at | t->thumb));
        ir_leave(a32_ir(t), RT_EXIT_FLUSHED);
    } else {
        a32_jump(t, t->at | t->thumb, IR_JUMP_PLAIN);
    }
}

void a32_translate(struct tr_ctx *c)
{
    struct tr_a32 t = {
        .a = { .c = c, .ir = c->ir, .m = c->cpu_model, .a32 = true }, .at = c->pc & ~UINT64_C(1), .thumb = c->pc & 1,
        .it = (uint8_t)(c->mode >> ARM_MODE_IT_SHIFT), .cond = ALWAYS,
    };
    uint64_t page = t.at & -(uint64_t)PAGE;

    c->ninsns = c->nsucc = 0;
    c->call_return = 0;
    if (t.it)
        store_itstate(&t, 0);                  /* what leaves early says it anew */
    while (step(&t, c->ninsns == 0)) {
        c->ninsns++;
        if (t.a.ended || c->mode & ARM_MODE_STEP)
            break;
        if (t.it && !c->icount && (c->ninsns < c->max_insns || c->max_insns >= WHOLE))
            continue;
        if (c->ninsns >= c->max_insns || (t.at & -(uint64_t)PAGE) != page)
            break;
    }
    c->end_pc = t.at;
    finish(&t);
    a32_ir(&t)->snap_extra = 0;
}

/* tcg/ir/make.c - the constructors that translators use. Each folds as it builds (tcg/opt/fold.c) and shares what the
 * block has computed already. */
#include "tcg/ir/internal.h"

#include <string.h>

#include "core/base/alloc.h"
#include "tcg/opt/fold.h"

/* --- emission --------------------------------------------------------------------------------------------------- */

static unsigned hash(const struct ir_insn *i)
{
    uint64_t h = i->op | (uint64_t)i->type << 16 | (uint64_t)i->aux << 24;

    h ^= i->arg[0] * 0x9e3779b97f4a7c15u ^ i->arg[1] * 0xc2b2ae3d27d4eb4fu ^ i->imm * 0xff51afd7ed558ccdu;
    h ^= (uint64_t)i->arg[2] << 40 ^ (uint64_t)i->arg[3] << 52;
    return (unsigned)((h * 0x9e3779b97f4a7c15u) >> (64 - IR_CSE_BITS));
}

static bool same(const struct ir_insn *a, const struct ir_insn *b)
{
    return a->op == b->op && a->type == b->type && a->aux == b->aux && a->imm == b->imm &&
           !memcmp(a->arg, b->arg, sizeof(a->arg));
}

/* PURE instructions are made once per block. An entry of the table may be stale: what it names is compared. */
static ir_ref place_pure(struct ir *ir, const struct ir_insn *want)
{
    struct ir_build *bd = ir->build;
    ir_ref *entry = &bd->cse[hash(want)], r = *entry;
    struct ir_insn *i;

    if (!bd->at && !bd->plain && r && r < ir->ninsns && ir->insns[r].block == ir->cur && same(&ir->insns[r], want))
        return r;
    r = ir_new(ir, want->op, want->type);
    i = &ir->insns[r];
    i->nargs = want->nargs;
    i->aux = want->aux;
    i->imm = want->imm;
    memcpy(i->arg, want->arg, sizeof(i->arg));
    if (!bd->at)
        *entry = r;
    return r;
}

ir_ref ir_emit(struct ir *ir, enum ir_op op, enum ir_type type, unsigned aux, uint64_t imm,
               ir_ref a, ir_ref b, ir_ref c, ir_ref d)
{
    struct ir_insn i = { .op = op, .type = type, .nargs = ir_ops[op].nargs, .aux = (uint16_t)aux, .imm = imm,
                         .arg = { a, b, c, d } };
    ir_ref r;

    if (ir_build(ir)->nforward)
        for (unsigned k = 0; k < 4; k++)
            i.arg[k] = ir_resolve(ir, i.arg[k]);
    if (ir_ops[op].props & IR_PURE) {
        r = ir_build(ir)->plain ? IR_NONE : fold_insn(ir, &i);
        return r ? r : place_pure(ir, &i);
    }
    r = ir_new(ir, op, type);
    ir->insns[r].aux = i.aux;
    ir->insns[r].imm = imm;
    memcpy(ir->insns[r].arg, i.arg, sizeof(i.arg));
    return r;
}

/* As ir_emit(), for what carries a snapshot of the state before it. */
static ir_ref emit_snap(struct ir *ir, enum ir_op op, enum ir_type type, unsigned aux, uint64_t imm,
                        ir_ref a, ir_ref b, ir_ref c)
{
    uint32_t snap = ir_snapshot(ir);
    ir_ref r = ir_emit(ir, op, type, aux, imm, a, b, c, IR_NONE);

    ir->insns[r].snap = snap;
    return r;
}

/* --- constants --------------------------------------------------------------------------------------------------- */

static ir_ref constant(struct ir *ir, enum ir_type type, uint64_t v)
{
    struct ir_insn i = { .op = IR_OP_const, .type = type, .imm = v };

    return place_pure(ir, &i);
}

ir_ref ir_i32(struct ir *ir, uint32_t v) { return constant(ir, IR_I32, v); }
ir_ref ir_i64(struct ir *ir, uint64_t v) { return constant(ir, IR_I64, v); }
ir_ref ir_f32bits(struct ir *ir, uint32_t bits) { return constant(ir, IR_F32, bits); }
ir_ref ir_f64bits(struct ir *ir, uint64_t bits) { return constant(ir, IR_F64, bits); }

uint32_t ir_vconst_index(struct ir *ir, const uint8_t pattern[32])
{
    uint32_t k = 0;

    while (k < ir->nvconsts && memcmp(ir->vconsts[k], pattern, 32))
        k++;
    if (k == ir->nvconsts) {
        if (ir->nvconsts == ir->vconsts_cap) {
            ir->vconsts_cap = ir->vconsts_cap ? ir->vconsts_cap * 2 : 8;
            ir->vconsts = xreallocarray(ir->vconsts, ir->vconsts_cap, 32);
        }
        memcpy(ir->vconsts[ir->nvconsts++], pattern, 32);
    }
    return k;
}

ir_ref ir_v128(struct ir *ir, uint64_t lo, uint64_t hi)
{
    uint64_t pattern[4] = { lo, hi, 0, 0 };
    struct ir_insn i = { .op = IR_OP_vconst, .type = IR_V128, .imm = ir_vconst_index(ir, (const uint8_t *)pattern) };

    return place_pure(ir, &i);
}

/* --- operations on values ------------------------------------------------------------------------------------------ */

ir_ref ir_un(struct ir *ir, enum ir_op op, ir_ref a) { return ir_emit(ir, op, ir_type_of(ir, a), 0, 0, a, 0, 0, 0); }

ir_ref ir_bin(struct ir *ir, enum ir_op op, ir_ref a, ir_ref b)
{
    if (ir_type_of(ir, a) != ir_type_of(ir, b) && op != IR_OP_crc32 && op != IR_OP_crc32c)
        ir_fail(ir, "the operands have different types");
    return ir_emit(ir, op, ir_type_of(ir, a), 0, 0, a, b, 0, 0);
}

ir_ref ir_bini(struct ir *ir, enum ir_op op, ir_ref a, uint64_t imm)
{
    enum ir_type t = ir_type_of(ir, a);

    return ir_emit(ir, op, t, 0, 0, a, constant(ir, t, imm & ir_mask(t)), 0, 0);
}

ir_ref ir_conv(struct ir *ir, enum ir_op op, enum ir_type to, ir_ref a)
{
    return ir_emit(ir, op, to, 0, 0, a, 0, 0, 0);
}

ir_ref ir_ext(struct ir *ir, ir_ref a, unsigned pos, unsigned len, bool sign)
{
    return ir_emit(ir, sign ? IR_OP_sextract : IR_OP_extract, ir_type_of(ir, a), pos | len << 8, 0, a, 0, 0, 0);
}

ir_ref ir_deposit(struct ir *ir, ir_ref a, ir_ref b, unsigned pos, unsigned len)
{
    return ir_emit(ir, IR_OP_deposit, ir_type_of(ir, a), pos | len << 8, 0, a, b, 0, 0);
}

ir_ref ir_setcc(struct ir *ir, enum ir_type type, enum ir_cond c, ir_ref a, ir_ref b)
{
    if (ir_type_of(ir, a) != ir_type_of(ir, b))
        ir_fail(ir, "the operands of a comparison have different types");
    return ir_emit(ir, IR_OP_setcc, type, c, 0, a, b, 0, 0);
}

ir_ref ir_select(struct ir *ir, enum ir_cond c, ir_ref a, ir_ref b, ir_ref t, ir_ref f)
{
    if (ir_type_of(ir, a) != ir_type_of(ir, b) || ir_type_of(ir, t) != ir_type_of(ir, f))
        ir_fail(ir, "the operands of a select have different types");
    return ir_emit(ir, IR_OP_select, ir_type_of(ir, t), c, 0, a, b, t, f);
}

/* --- CPU state and guest memory ------------------------------------------------------------------------------------- */

ir_ref ir_ldenv(struct ir *ir, enum ir_type type, unsigned mem, uint32_t offset)
{
    return ir_emit(ir, IR_OP_ldenv, type, mem, offset, 0, 0, 0, 0);
}

void ir_stenv(struct ir *ir, unsigned mem, uint32_t offset, ir_ref v)
{
    ir_emit(ir, IR_OP_stenv, ir_type_of(ir, v), mem, offset, v, 0, 0, 0);
}

ir_ref ir_envaddr(struct ir *ir, uint32_t offset) { return ir_emit(ir, IR_OP_envaddr, IR_I64, 0, offset, 0, 0, 0, 0); }

ir_ref ir_ld(struct ir *ir, enum ir_type type, unsigned mem, ir_ref addr, int64_t disp)
{
    if (!ir_build(ir)->plain)
        fold_address(ir, &addr, &disp);
    return emit_snap(ir, IR_OP_ld, type, mem, (uint64_t)disp, addr, 0, 0);
}

void ir_st(struct ir *ir, unsigned mem, ir_ref addr, int64_t disp, ir_ref v)
{
    if (!ir_build(ir)->plain) {
        fold_address(ir, &addr, &disp);
        fold_stored(ir, mem, &v);
    }
    emit_snap(ir, IR_OP_st, ir_type_of(ir, v), mem, (uint64_t)disp, addr, v, 0);
}

ir_ref ir_amo(struct ir *ir, enum ir_type type, enum ir_amo kind, unsigned mem, ir_ref addr, ir_ref v)
{
    return emit_snap(ir, IR_OP_amo, type, mem, kind, addr, v, 0);
}

ir_ref ir_cas(struct ir *ir, enum ir_type type, unsigned mem, ir_ref addr, ir_ref expect, ir_ref desired)
{
    return emit_snap(ir, IR_OP_cas, type, mem, 0, addr, expect, desired);
}

void ir_fence(struct ir *ir, enum ir_fence kind) { ir_emit(ir, IR_OP_fence, IR_VOID, 0, kind, 0, 0, 0, 0); }

/* --- floating point -------------------------------------------------------------------------------------------------- */

ir_ref ir_fp1(struct ir *ir, enum ir_op op, enum ir_type type, unsigned fp, ir_ref a)
{
    return ir_emit(ir, op, type, fp, 0, a, 0, 0, 0);
}

ir_ref ir_fp2(struct ir *ir, enum ir_op op, unsigned fp, ir_ref a, ir_ref b)
{
    return ir_emit(ir, op, ir_type_of(ir, a), fp, 0, a, b, 0, 0);
}

ir_ref ir_fma(struct ir *ir, unsigned fp, ir_ref a, ir_ref b, ir_ref c)
{
    return ir_emit(ir, IR_OP_fma, ir_type_of(ir, a), fp, 0, a, b, c, 0);
}

ir_ref ir_fcmp(struct ir *ir, enum ir_type type, enum ir_fcond c, ir_ref a, ir_ref b)
{
    return ir_emit(ir, IR_OP_fcmp, type, c, 0, a, b, 0, 0);
}

/* --- calls ------------------------------------------------------------------------------------------------------------ */

static void sync_for(struct ir *ir, const struct ir_helper *h)
{
    if (ir->budget != IR_SLOT_END && !(h->flags & IR_H_PURE))
        ir_sync_slot(ir, ir->budget);          /* any may ask for the time */
    if (h->flags & (IR_H_READ_ALL | IR_H_WRITE_ALL | IR_H_FAULT)) {
        ir_sync_all(ir);
        return;
    }
    for (const uint16_t *s = h->reads; s && *s != IR_SLOT_END; s++)
        ir_sync_slot(ir, *s);
    for (const uint16_t *s = h->writes; s && *s != IR_SLOT_END; s++)
        ir_sync_slot(ir, *s);                  /* it may leave the slot as it is */
}

static void forget_for(struct ir *ir, const struct ir_helper *h)
{
    if (h->flags & IR_H_WRITE_ALL)
        for (unsigned s = 0; s < ir->nslots; s++)
            ir_forget_slot(ir, s);
    for (const uint16_t *s = h->writes; s && *s != IR_SLOT_END; s++)
        ir_forget_slot(ir, *s);
}

ir_ref ir_call(struct ir *ir, unsigned helper, unsigned nargs, const ir_ref *args)
{
    const struct ir_helper *h = ir->helpers[helper];
    uint32_t snap = 0, first = ir_pool_alloc(ir, nargs);
    ir_ref r;

    if (nargs != h->nargs)
        ir_fail(ir, "a helper was called with the wrong number of arguments");
    for (unsigned k = 0; k < nargs; k++) {
        ir->pool[first + k] = ir_resolve(ir, args[k]);
        if (ir_type_of(ir, ir->pool[first + k]) != h->arg[k])
            ir_fail(ir, "a helper was called with an argument of the wrong type");
    }
    sync_for(ir, h);
    if (h->flags & (IR_H_FAULT | IR_H_READ_ALL | IR_H_NORETURN))
        snap = ir_snapshot(ir);
    r = ir_new(ir, IR_OP_call, h->ret);
    ir->insns[r].nargs = (uint8_t)nargs;
    ir->insns[r].arg[0] = first;
    ir->insns[r].imm = helper;
    ir->insns[r].snap = snap;
    forget_for(ir, h);
    return h->ret == IR_VOID ? IR_NONE : r;
}

void ir_call_touches(struct ir *ir, unsigned slot, bool writes)
{
    struct ir_insn *call = ir_at(ir, ir->blocks[ir->cur].last);
    unsigned k = 0;

    while (k < 4 && (ir_call_touched(call, k) & ~(unsigned)IR_CALL_WRITES) != 0 && (ir_call_touched(call, k) & ~(unsigned)IR_CALL_WRITES) != slot + 1)
        k++;
    if (call->op != IR_OP_call || k == 4) {
        ir_fail(ir, "a call touches more registers than it can name");
        return;
    }
    call->imm2 |= (uint64_t)((slot + 1) | (writes ? IR_CALL_WRITES : 0)) << 16 * k;
    if (writes)
        ir_forget_slot(ir, slot);
}

/* --- guest instructions and control flow --------------------------------------------------------------------------------- */

void ir_set_pc(struct ir *ir, uint64_t pc)
{
    ir->pc = pc;
    ir->pc_val = IR_NONE;
}

void ir_guest_insn(struct ir *ir, uint64_t pc, unsigned length)
{
    ir_set_pc(ir, pc);
    ir->guest_insns++;
    ir_emit(ir, IR_OP_insn, IR_VOID, length, pc, 0, 0, 0, 0);
    if (ir->budget != IR_SLOT_END)
        ir_write_slot(ir, ir->budget, ir_bini(ir, IR_OP_sub, ir_read_slot(ir, ir->budget), 1));
}

void ir_set_pc_val(struct ir *ir, ir_ref pc) { ir->pc_val = pc; }

void ir_poll(struct ir *ir) { emit_snap(ir, IR_OP_poll, IR_VOID, 0, 0, 0, 0, 0); }

ir_ref ir_icount(struct ir *ir, unsigned n)
{
    return emit_snap(ir, IR_OP_icount, IR_I64, 0, n, ir_read_slot(ir, ir->budget), 0, 0);
}

void ir_icount_set(struct ir *ir, ir_ref icount, unsigned n) { ir_at(ir, icount)->imm = n; }

static void link_succ(struct ir *ir, unsigned n, ir_block_ref yes, ir_block_ref no)
{
    struct ir_block *b = &ir->blocks[ir->cur];

    b->nsucc = (uint8_t)n;
    b->succ[0] = yes;
    b->succ[1] = no;
    ir_add_pred(ir, yes, ir->cur);
    if (n == 2)
        ir_add_pred(ir, no, ir->cur);
}

void ir_br(struct ir *ir, ir_block_ref to)
{
    ir_emit(ir, IR_OP_br, IR_VOID, 0, 0, 0, 0, 0, 0);
    link_succ(ir, 1, to, 0);
}

void ir_brcc(struct ir *ir, enum ir_cond c, ir_ref a, ir_ref b, ir_block_ref yes, ir_block_ref no, unsigned likely)
{
    int known = ir_build(ir)->plain ? -1 : fold_cond(ir, &c, &a, &b);

    if (known >= 0 || yes == no) {
        ir_br(ir, known ? yes : no);
        return;
    }
    ir_emit(ir, IR_OP_brcc, ir_type_of(ir, a), c, likely, a, b, 0, 0);
    link_succ(ir, 2, yes, no);
}

void ir_brfl(struct ir *ir, enum ir_cond c, ir_ref flags, ir_block_ref yes, ir_block_ref no)
{
    if (yes == no) {
        ir_br(ir, yes);
        return;
    }
    ir_emit(ir, IR_OP_brfl, IR_FLAGS, c, 0, flags, 0, 0, 0);
    link_succ(ir, 2, yes, no);
}

void ir_goto_pc(struct ir *ir, uint64_t pc, enum ir_jump kind, uint64_t ret_pc)
{
    ir_ref r = emit_snap(ir, IR_OP_goto_pc, IR_VOID, kind, pc, 0, 0, 0);

    ir->insns[r].imm2 = ret_pc;
}

void ir_goto_if(struct ir *ir, enum ir_cond c, ir_ref a, ir_ref b, uint64_t yes, uint64_t no)
{
    int known = ir_build(ir)->plain ? -1 : fold_cond(ir, &c, &a, &b);
    ir_ref r;

    if (known >= 0) {
        ir_goto_pc(ir, known ? yes : no, IR_JUMP_PLAIN, 0);
        return;
    }
    r = emit_snap(ir, IR_OP_goto_if, ir_type_of(ir, a), c, yes, a, b, 0);
    ir->insns[r].imm2 = no;
}

void ir_goto_ind(struct ir *ir, ir_ref pc, enum ir_jump kind, uint64_t ret_pc)
{
    ir_ref r = emit_snap(ir, IR_OP_goto_ind, IR_I64, kind, 0, pc, 0, 0);

    ir->insns[r].imm2 = ret_pc;
}

/* A computed pc is this exit's own: a block that the path here does not lead through could not name it. */
void ir_leave(struct ir *ir, unsigned reason)
{
    emit_snap(ir, IR_OP_leave, IR_VOID, 0, reason, 0, 0, 0);
    ir->pc_val = IR_NONE;
}

void ir_unreach(struct ir *ir) { ir_emit(ir, IR_OP_unreach, IR_VOID, 0, 0, 0, 0, 0, 0); }

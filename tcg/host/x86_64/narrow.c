/* tcg/host/x86_64/narrow.c - 32-bit arithmetic in 64-bit registers, written as what it is.
 *
 * Guests of 64 bits compute with 32-bit values that each instruction sign-extends. The extensions meet in and, or, xor,
 * which commute with them: or(sext a, sext b) is sext(or a, b), one extension less, and so on up the tree. Shifts that
 * meet in an or become rotates. Runs before allocation; uses must be counted, and are kept. */
#include "tcg/host/x86_64/emit.h"

static void drop(struct ir *ir, ir_ref r)
{
    struct ir_insn *i = ir_at(ir, r);

    if (--i->uses || !(ir_ops[i->op].props & IR_PURE) || i->op == IR_OP_const)
        return;
    for (unsigned k = 0; k < i->nargs; k++)
        drop(ir, i->arg[k]);
    ir_remove(ir, r);
}

static void set_arg(struct ir *ir, ir_ref r, unsigned k, ir_ref v)
{
    ir_ref old = ir_at(ir, r)->arg[k];

    if (old == v)
        return;
    ir_at(ir, v)->uses++;
    ir_at(ir, r)->arg[k] = v;
    drop(ir, old);
}

/* --- truncations ------------------------------------------------------------------------------------------------------ */

/* Operations that read only the low halves of their arguments when they work on i32. */
static unsigned reads_low(const struct ir_insn *i)
{
    switch (i->op) {
    case IR_OP_add: case IR_OP_sub: case IR_OP_mul: case IR_OP_and: case IR_OP_or: case IR_OP_xor: case IR_OP_andn:
    case IR_OP_shl: case IR_OP_shr: case IR_OP_sar: case IR_OP_rotl: case IR_OP_rotr: case IR_OP_deposit: case IR_OP_extr2:
    case IR_OP_mulhu: case IR_OP_mulhs: case IR_OP_mulhsu: case IR_OP_divu: case IR_OP_divs: case IR_OP_remu:
    case IR_OP_rems: case IR_OP_not: case IR_OP_neg: case IR_OP_clz: case IR_OP_ctz: case IR_OP_extract:
    case IR_OP_sextract: case IR_OP_bswap: case IR_OP_brcc: case IR_OP_goto_if:
        return i->type == IR_I32 ? 3 : 0;
    case IR_OP_sext: case IR_OP_zext:
        return 1;
    case IR_OP_st:
        return (i->aux & IR_MSIZE) <= IR_M32 ? 2 : 0;
    default:
        return 0;
    }
}

/* The value whose low half this is: truncations and extensions below it don't matter. */
static ir_ref low_of(const struct ir *ir, ir_ref v)
{
    for (;;) {
        const struct ir_insn *i = ir_at(ir, v);

        if (i->op != IR_OP_trunc && i->op != IR_OP_sext && i->op != IR_OP_zext)
            return v;
        v = i->arg[0];
    }
}

/* A consumer of the low half takes the wide register as it is. An extension that lives on for others is left in
 * between: its result costs nothing more, its argument would need a register of its own. */
static void skip_truncs(struct ir *ir)
{
    for (ir_ref r = 1; r < ir->ninsns; r++) {
        unsigned low = reads_low(ir_at(ir, r));

        for (unsigned k = 0; low >> k && k < ir_at(ir, r)->nargs; k++) {
            ir_ref v = ir_at(ir, r)->arg[k], wide;
            const struct ir_insn *i = ir_at(ir, v);

            if (!(low >> k & 1) || x64_class(i->type) != RA_CLASS_GPR)
                continue;
            wide = i->op == IR_OP_trunc ? i->arg[0] : v;
            if (ir_at(ir, wide)->uses == 1)
                wide = low_of(ir, wide);
            set_arg(ir, r, k, wide);
        }
    }
}

/* --- extensions ---------------------------------------------------------------------------------------------------------- */

static bool own(const struct ir *ir, ir_ref v, ir_block_ref b)
{
    return ir_at(ir, v)->uses == 1 && ir_at(ir, v)->block == b;
}

/* a logical shift whose result has its top bit clear */
static bool is_positive_shr(const struct ir *ir, ir_ref v)
{
    const struct ir_insn *i = ir_at(ir, v);

    return i->op == IR_OP_shr && i->type == IR_I32 && ir_is_const(ir, i->arg[1]) && (ir_at(ir, i->arg[1])->imm & 31);
}

/* Is bit 31 of this i64 repeated in all above? */
static bool is_sign_extended(const struct ir *ir, ir_ref v)
{
    const struct ir_insn *i = ir_at(ir, v);
    int32_t imm;

    switch (i->op) {
    case IR_OP_sext: return true;
    case IR_OP_zext: return is_positive_shr(ir, i->arg[0]);
    case IR_OP_const: return x64_is_imm32(ir, v, &imm);
    case IR_OP_ld:
        return i->type == IR_I64 && (i->aux & IR_MSIZE) <= IR_M32 && ((i->aux & IR_MSIGN) || (i->aux & IR_MSIZE) < IR_M32);
    case IR_OP_setcc: return true;
    default: return false;
    }
}

static ir_ref narrow_arg(const struct ir *ir, ir_ref v, ir_block_ref b)
{
    const struct ir_insn *i = ir_at(ir, v);

    return (i->op == IR_OP_sext || i->op == IR_OP_zext) && own(ir, v, b) ? i->arg[0] : v;
}

/* op(sext a, sext b) is sext(op a, b) */
static bool sink_extension(struct ir *ir, ir_ref r)
{
    struct ir_insn i = *ir_at(ir, r);
    bool gain = false;
    ir_ref x;

    for (unsigned k = 0; k < 2; k++) {
        if (!is_sign_extended(ir, i.arg[k]))
            return false;
        gain |= ir_at(ir, i.arg[k])->op == IR_OP_sext && own(ir, i.arg[k], i.block);
    }
    if (!gain)
        return false;
    x = ir_insert_before(ir, r, i.op, IR_I32);
    ir_at(ir, x)->nargs = 2;
    ir_at(ir, x)->uses = 1;
    for (unsigned k = 0; k < 2; k++) {
        ir_ref v = narrow_arg(ir, i.arg[k], i.block);

        ir_at(ir, x)->arg[k] = v;
        ir_at(ir, v)->uses++;
    }
    ir_at(ir, r)->op = IR_OP_sext;
    ir_at(ir, r)->nargs = 1;
    ir_at(ir, r)->arg[0] = x;
    ir_at(ir, r)->arg[1] = IR_NONE;
    drop(ir, i.arg[0]);
    drop(ir, i.arg[1]);
    return true;
}

/* --- rotates --------------------------------------------------------------------------------------------------------------- */

/* or(shl(x, n), shr(x, width - n)) */
static bool is_rotate(const struct ir *ir, const struct ir_insn *i, ir_ref left, ir_ref right)
{
    const struct ir_insn *l = ir_at(ir, left), *r = ir_at(ir, right);
    unsigned w = i->type == IR_I64 ? 64 : 32;

    return l->op == IR_OP_shl && r->op == IR_OP_shr && l->type == i->type && r->type == i->type && l->arg[0] == r->arg[0] &&
           l->uses == 1 && r->uses == 1 && ir_is_const(ir, l->arg[1]) && ir_is_const(ir, r->arg[1]) &&
           ir_at(ir, l->arg[1])->imm + ir_at(ir, r->arg[1])->imm == w;
}

static void make_rotate(struct ir *ir, ir_ref r)
{
    struct ir_insn *i = ir_at(ir, r);
    ir_ref a = i->arg[0], b = i->arg[1], x, n;

    if ((i->op != IR_OP_or && i->op != IR_OP_xor && i->op != IR_OP_add) || a == b)
        return;
    if (!is_rotate(ir, i, a, b)) {
        if (!is_rotate(ir, i, b, a))
            return;
        a = i->arg[1];
        b = i->arg[0];
    }
    x = ir_at(ir, a)->arg[0];
    n = ir_at(ir, a)->arg[1];
    i->op = IR_OP_rotl;
    i->arg[0] = x;
    i->arg[1] = n;
    ir_at(ir, x)->uses++;
    ir_at(ir, n)->uses++;
    drop(ir, a);
    drop(ir, b);
}

void x64_narrow(struct ir *ir)
{
    bool sunk = false;

    skip_truncs(ir);
    for (ir_block_ref b = 0; b < ir->nblocks; b++)
        for (ir_ref r = ir->blocks[b].first; r; r = ir_at(ir, r)->next) {
            const struct ir_insn *i = ir_at(ir, r);

            if (i->op != IR_OP_and && i->op != IR_OP_or && i->op != IR_OP_xor && i->op != IR_OP_add)
                continue;
            if (i->type == IR_I64 && i->op != IR_OP_add && sink_extension(ir, r)) {
                make_rotate(ir, ir_at(ir, r)->arg[0]);
                sunk = true;
            } else {
                make_rotate(ir, r);
            }
        }
    if (sunk)
        skip_truncs(ir);
}

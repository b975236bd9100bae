/* tcg/opt/fold_vec.c - vector operations on known operands: what does nothing, what undoes another, AES rounds put together. */
#include <string.h>

#include "tcg/opt/fold_i.h"

static bool is_splat(const struct ir *ir, ir_ref r, uint8_t byte)
{
    const struct ir_insn *c = at(ir, r);
    const uint8_t *p = c->op == IR_OP_vconst ? ir->vconsts[c->imm] : NULL;
    unsigned bytes = c->type == IR_V256 ? 32 : 16;

    for (unsigned k = 0; p && k < bytes; k++)
        if (p[k] != byte)
            return false;
    return p != NULL;
}

static bool is_zero(const struct ir *ir, ir_ref r) { return is_splat(ir, r, 0); }

static ir_ref bits(const struct ir *ir, const struct ir_insn *i)
{
    ir_ref a = i->arg[0], b = i->arg[1];

    switch (i->op) {
    case IR_OP_vand: return a == b || is_zero(ir, a) || is_splat(ir, b, 0xff) ? a : is_zero(ir, b) ? b : IR_NONE;
    case IR_OP_vor: return a == b || is_zero(ir, b) ? a : is_zero(ir, a) ? b : IR_NONE;
    case IR_OP_vandn: return is_zero(ir, b) || is_zero(ir, a) ? a : IR_NONE;
    default: return is_zero(ir, b) ? a : is_zero(ir, a) ? b : IR_NONE;
    }
}

/* Two shuffles are one; 0xe4 leaves all where it is. */
static ir_ref shuffle(const struct ir *ir, struct ir_insn *i)
{
    const struct ir_insn *x = at(ir, i->arg[0]);
    uint64_t order = 0;

    if ((i->imm & 0xff) == 0xe4)
        return i->arg[0];
    if (x->op != IR_OP_vshufd)
        return FOLD_UNCHANGED;
    for (unsigned k = 0; k < 8; k += 2)
        order |= (x->imm >> 2 * (i->imm >> k & 3) & 3) << k;
    i->imm = order;
    i->arg[0] = x->arg[0];
    return FOLD_AGAIN;
}

/* Halves of p and q, both reversed: put together again. What ends one SHA-256 step and begins the next. */
static ir_ref zip(const struct ir *ir, struct ir_insn *i)
{
    const struct ir_insn *a = at(ir, i->arg[0]), *b = at(ir, i->arg[1]), *lo, *hi;

    if (i->aux != 64 || a->op != IR_OP_vshufd || b->op != IR_OP_vshufd || a->imm != 0x1b || b->imm != 0x1b)
        return FOLD_UNCHANGED;
    lo = at(ir, a->arg[0]), hi = at(ir, b->arg[0]);
    if (lo->op != IR_OP_vziplo || hi->op != IR_OP_vziphi || lo->aux != 64 || hi->aux != 64 || lo->arg[0] != hi->arg[0] ||
        lo->arg[1] != hi->arg[1])
        return FOLD_UNCHANGED;
    *i = (struct ir_insn){ .op = IR_OP_vshufd, .type = i->type, .nargs = 1, .aux = 32, .imm = 0xb1,
                           .arg = { lo->arg[i->op == IR_OP_vziplo] } };
    return FOLD_AGAIN;
}

/* A last round undone; or, with MixColumns behind it, the full round. */
static ir_ref aes(const struct ir *ir, struct ir_insn *i)
{
    const struct ir_insn *x = at(ir, i->arg[0]);

    if (i->op == IR_OP_vaesimc) {
        if (x->op != IR_OP_vaesdeclast || !is_zero(ir, x->arg[1]))
            return FOLD_UNCHANGED;
        *i = (struct ir_insn){ .op = IR_OP_vaesdec, .type = i->type, .nargs = 2, .arg = { x->arg[0], x->arg[1] } };
        return FOLD_AGAIN;
    }
    if (x->op == (i->op == IR_OP_vaesdeclast ? IR_OP_vaesenclast : IR_OP_vaesdeclast) && is_zero(ir, x->arg[1]) &&
        is_zero(ir, i->arg[1]))
        return x->arg[0];
    return FOLD_UNCHANGED;
}

/* The key of a round that had none. */
static ir_ref add_key(const struct ir *ir, struct ir_insn *i)
{
    for (unsigned k = 0; k < 2; k++) {
        const struct ir_insn *x = at(ir, i->arg[k]);

        if (x->op >= IR_OP_vaesenc && x->op <= IR_OP_vaesdeclast && is_zero(ir, x->arg[1]) && i->type == IR_V128) {
            *i = (struct ir_insn){ .op = x->op, .type = i->type, .nargs = 2, .arg = { x->arg[0], i->arg[!k] } };
            return FOLD_AGAIN;
        }
    }
    return FOLD_UNCHANGED;
}

static bool upper_clear(const struct ir *ir, ir_ref r)
{
    const struct ir_insn *x = at(ir, r);

    switch (x->op) {
    case IR_OP_vlow: case IR_OP_vfromf: return true;
    case IR_OP_vpair: return at(ir, x->arg[1])->op == IR_OP_const && !at(ir, x->arg[1])->imm;
    default: return false;
    }
}

ir_ref fold_vector(const struct ir *ir, struct ir_insn *i)
{
    ir_ref r;

    switch (i->op) {
    case IR_OP_vand: case IR_OP_vor: case IR_OP_vandn: return bits(ir, i);
    case IR_OP_vxor:
        r = bits(ir, i);
        return r ? r : add_key(ir, i);
    case IR_OP_vshufd: return shuffle(ir, i);
    case IR_OP_vziplo: case IR_OP_vziphi: return zip(ir, i);
    case IR_OP_vaesenclast: case IR_OP_vaesdeclast: case IR_OP_vaesimc: return aes(ir, i);
    case IR_OP_vlow: return upper_clear(ir, i->arg[0]) ? i->arg[0] : FOLD_UNCHANGED;
    case IR_OP_vshl: case IR_OP_vshr: case IR_OP_vsar: return i->imm ? FOLD_UNCHANGED : i->arg[0];
    case IR_OP_valign: return i->imm == 0 ? i->arg[0] : i->imm == 16 ? i->arg[1] : FOLD_UNCHANGED;
    case IR_OP_vbsl: return i->arg[1] == i->arg[2] ? i->arg[1] : FOLD_UNCHANGED;
    default: return FOLD_UNCHANGED;
    }
}

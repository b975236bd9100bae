/* Folding: lanes of vectors, values seen as another type. */
#include "tcg/opt/fold_i.h"

static bool is_float(enum ir_type t) { return t == IR_F32 || t == IR_F64; }

/* The value that went into a lane of `bits`, as i's type wants it. */
static ir_ref lane_value(struct ir *ir, struct ir_insn *i, ir_ref v, unsigned bits)
{
    enum ir_type has = ir_type_of(ir, v);

    if (bits < 32) {
        if (i->type != IR_I32 || has != IR_I32)
            return UNCHANGED;
        *i = (struct ir_insn){ .op = IR_OP_extract, .type = IR_I32, .nargs = 1, .arg = { v }, .aux = (uint16_t)(bits << 8) };
        return AGAIN;
    }
    if (has == i->type)
        return v;
    if (is_float(i->type) == is_float(has))
        return UNCHANGED;
    return to_un(i, is_float(i->type) ? IR_OP_bitsf : IR_OP_fbits, v);
}

ir_ref fold_vext(struct ir *ir, struct ir_insn *i)
{
    unsigned bits = i->op == IR_OP_vtof ? (i->type == IR_F32 ? 32 : 64) : i->aux;
    unsigned at_bit = i->op == IR_OP_vtof ? 0 : (unsigned)i->imm * bits;
    const struct ir_insn *x = at(ir, i->arg[0]);

    switch (x->op) {
    case IR_OP_vins:
        if (x->aux == bits && x->imm * bits == at_bit)
            return lane_value(ir, i, x->arg[1], bits);
        if (at_bit + bits <= x->imm * x->aux || at_bit >= (x->imm + 1) * x->aux) {
            i->arg[0] = x->arg[0];
            return AGAIN;
        }
        return UNCHANGED;
    case IR_OP_vfromf:
        if (at_bit || bits != (ir_type_of(ir, x->arg[0]) == IR_F32 ? 32u : 64u))
            return UNCHANGED;
        return lane_value(ir, i, x->arg[0], bits);
    case IR_OP_vpair: return bits == 64 ? lane_value(ir, i, x->arg[at_bit / 64], 64) : UNCHANGED;
    case IR_OP_vdup: return x->aux == bits ? lane_value(ir, i, x->arg[0], bits) : UNCHANGED;
    default: return UNCHANGED;
    }
}

ir_ref fold_vins(struct ir *ir, struct ir_insn *i)
{
    const struct ir_insn *x = at(ir, i->arg[0]), *b = at(ir, i->arg[1]);

    if (i->aux >= 32 && b->op == IR_OP_fbits) {
        i->arg[1] = b->arg[0];
        return AGAIN;
    }
    if (x->op == IR_OP_vins && x->aux == i->aux && x->imm == i->imm) {
        i->arg[0] = x->arg[0];
        return AGAIN;
    }
    if (b->op == IR_OP_vext && b->arg[0] == i->arg[0] && b->aux == i->aux && b->imm == i->imm)
        return i->arg[0];
    return UNCHANGED;
}

/* fbits, bitsf: of a lane, the lane as that type */
ir_ref fold_reinterpret(struct ir *ir, struct ir_insn *i)
{
    const struct ir_insn *x = at(ir, i->arg[0]);

    if (x->op == (i->op == IR_OP_fbits ? IR_OP_bitsf : IR_OP_fbits))
        return x->arg[0];
    if (x->op == IR_OP_vext && x->aux >= 32) {
        *i = (struct ir_insn){ .op = IR_OP_vext, .type = i->type, .nargs = 1, .arg = { x->arg[0] }, .aux = x->aux, .imm = x->imm };
        return AGAIN;
    }
    return UNCHANGED;
}

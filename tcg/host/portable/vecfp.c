/* tcg/host/portable/vecfp.c - floating-point lanes: each by the scalar operation, under the same rounding and flags. */
#include "tcg/host/portable/portable.h"

static enum ir_op scalar_of(enum ir_op op)
{
    switch (op) {
    case IR_OP_vfadd: return IR_OP_fadd;
    case IR_OP_vfsub: return IR_OP_fsub;
    case IR_OP_vfmul: return IR_OP_fmul;
    case IR_OP_vfdiv: return IR_OP_fdiv;
    case IR_OP_vfsqrt: return IR_OP_fsqrt;
    case IR_OP_vfma: return IR_OP_fma;
    case IR_OP_vfmin: return IR_OP_fmin;
    case IR_OP_vfmax: return IR_OP_fmax;
    case IR_OP_vfcmp: return IR_OP_fcmp;
    case IR_OP_vfround: return IR_OP_fround;
    case IR_OP_vftoi: return IR_OP_ftoi;
    case IR_OP_vitof: return IR_OP_itof;
    default: return IR_OP_fcvt;
    }
}

/* f64 from f32 lanes, or the other way. */
static void convert(const struct ir_insn *i, union val *r, const union val *a)
{
    for (unsigned k = 0; k < 2; k++)
        if (i->op == IR_OP_vfwiden)
            r->u[k] = fp_eval(IR_OP_fcvt, IR_F64, IR_F32, i->aux, a->w[2 * i->imm + k], 0, 0);
        else
            r->w[k] = (uint32_t)fp_eval(IR_OP_fcvt, IR_F32, IR_F64, i->aux, a->u[k], 0, 0);
}

void vec_fp(const struct ir_insn *i, union val *r, const union val *a, const union val *b, const union val *c)
{
    unsigned bits = i->imm == 64 ? 64 : 32;
    enum ir_type f = bits == 64 ? IR_F64 : IR_F32, n = bits == 64 ? IR_I64 : IR_I32;
    enum ir_type to = i->op == IR_OP_vftoi ? n : i->op == IR_OP_vfcmp ? IR_I64 : f, from = i->op == IR_OP_vitof ? n : f;

    if (i->op == IR_OP_vfwiden || i->op == IR_OP_vfnarrow) {
        convert(i, r, a);
        return;
    }
    for (unsigned k = 0; k < vec_bytes(i) * 8 / bits; k++) {
        uint64_t v = fp_eval(scalar_of(i->op), to, from, i->aux, vec_lane(a, bits, k), i->nargs > 1 ? vec_lane(b, bits, k) : 0,
                             i->nargs > 2 ? vec_lane(c, bits, k) : 0);

        vec_set_lane(r, bits, k, i->op == IR_OP_vfcmp ? -v : v);
    }
}

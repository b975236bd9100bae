/* The allocator's answer as text: the unit in order of emission, with moves and places. */
#include "tcg/alloc/alloc.h"

static void print_loc(const struct ir *ir, struct ra_loc l, FILE *to)
{
    switch (l.kind) {
    case RA_GPR: fprintf(to, "r%u", l.reg); break;
    case RA_VEC: fprintf(to, "x%u", l.reg); break;
    case RA_HOME: fprintf(to, "home(%s)", ir->slots[l.idx].name); break;
    case RA_SPILL: fprintf(to, "frame[%u]", l.idx * 8u); break;
    case RA_CONST: fputs("const", to); break;
    default: fputs("-", to);
    }
}

static void print_moves(const struct ra *ra, const struct ir *ir, uint32_t m, FILE *to)
{
    for (; m; m = ra->moves[m].next) {
        fputs("        move ", to);
        print_loc(ir, ra->moves[m].to, to);
        fputs(" = ", to);
        print_loc(ir, ra->moves[m].from, to);
        fprintf(to, " (v%u)\n", ra->moves[m].val);
    }
}

static void print_insn(const struct ra *ra, const struct ir *ir, ir_ref r, FILE *to)
{
    const struct ra_insn *a = &ra->insn[r];
    const struct ir_insn *i = ir_at(ir, r);
    bool pooled = ir_ops[i->op].nargs == IR_VAR;

    print_moves(ra, ir, a->moves, to);
    ir_print_insn(ir, r, to);
    if (i->op == IR_OP_insn || i->op == IR_OP_nop)
        return;
    fputs("          ; ", to);
    print_loc(ir, a->dst, to);
    fputs(" <-", to);
    for (unsigned k = 0; k < i->nargs && i->op != IR_OP_phi; k++) {
        fputc(' ', to);
        print_loc(ir, pooled ? ra->pool_loc[i->arg[0] + k] : a->arg[k], to);
    }
    for (uint32_t k = 0; k < a->snap_n; k++) {
        const struct ra_snap_loc *l = &ra->snap_loc[a->snap_first + k];

        fprintf(to, "%s%s=", k ? ", " : " @{", l->slot < ir->nslots ? ir->slots[l->slot].name : "pc");
        print_loc(ir, l->loc, to);
    }
    fputs(a->snap_n ? "}\n" : "\n", to);
}

void ra_print(const struct ra *ra, const struct ir *ir, FILE *to)
{
    for (uint32_t k = 0; k < ra->norder; k++) {
        const struct ir_block *b = &ir->blocks[ra->order[k]];

        fprintf(to, "b%u:\n", ra->order[k]);
        for (ir_ref r = b->first; r; r = ir->insns[r].next)
            print_insn(ra, ir, r, to);
    }
    fprintf(to, "frame: %u bytes\n", ra->spill_bytes);
}

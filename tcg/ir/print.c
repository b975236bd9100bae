/* tcg/ir/print.c - the text form, which parse.c reads again.
 *
 *   v7 = add.i64 v3, v5            result, operation.type, operands
 *   v8 = ld.i64 s32 v3, -8 @0x10074{a0=v7, a1=v2}      snapshot: the pc, then the dirty slots
 *   brcc.i64 ltu v3, v5, b1, b2 unlikely
 *
 * Attributes that say what is done (condition, access size, rounding) come before the operands. */
#include <inttypes.h>

#include "tcg/ir/internal.h"
#include "tcg/ir/text.h"

const enum ir_syntax ir_syntax_of[IR_NOPS] = {
    [IR_OP_const] = SYN_IMM, [IR_OP_vconst] = SYN_VCONST, [IR_OP_phi] = SYN_PHI,
    [IR_OP_get] = SYN_SLOT, [IR_OP_set] = SYN_SLOT, [IR_OP_ldenv] = SYN_MEM, [IR_OP_stenv] = SYN_MEM,
    [IR_OP_envaddr] = SYN_IMM, [IR_OP_ld] = SYN_MEM, [IR_OP_st] = SYN_MEM, [IR_OP_amo] = SYN_AMO, [IR_OP_cas] = SYN_MEM,
    [IR_OP_fence] = SYN_IMM,
    [IR_OP_extract] = SYN_FIELD, [IR_OP_sextract] = SYN_FIELD, [IR_OP_deposit] = SYN_FIELD, [IR_OP_extr2] = SYN_AUX,
    [IR_OP_crc32] = SYN_AUX, [IR_OP_crc32c] = SYN_AUX,
    [IR_OP_setcc] = SYN_COND, [IR_OP_select] = SYN_COND, [IR_OP_flcc] = SYN_COND, [IR_OP_flselect] = SYN_COND,
    [IR_OP_fadd] = SYN_FP, [IR_OP_fsub] = SYN_FP, [IR_OP_fmul] = SYN_FP, [IR_OP_fdiv] = SYN_FP, [IR_OP_fsqrt] = SYN_FP,
    [IR_OP_fma] = SYN_FP, [IR_OP_fmin] = SYN_FP, [IR_OP_fmax] = SYN_FP, [IR_OP_fcvt] = SYN_FP, [IR_OP_fround] = SYN_FP,
    [IR_OP_ftoi] = SYN_FP, [IR_OP_itof] = SYN_FP, [IR_OP_fcmp] = SYN_FCOND,
    [IR_OP_vadd] = SYN_AUX, [IR_OP_vsub] = SYN_AUX, [IR_OP_vmul] = SYN_AUX, [IR_OP_vdup] = SYN_AUX,
    [IR_OP_vcmpeq] = SYN_AUX, [IR_OP_vcmpgt] = SYN_AUX,
    [IR_OP_vins] = SYN_AUX_IMM, [IR_OP_vext] = SYN_AUX_IMM, [IR_OP_vshl] = SYN_AUX_IMM, [IR_OP_vshr] = SYN_AUX_IMM,
    [IR_OP_vsar] = SYN_AUX_IMM, [IR_OP_vclmul] = SYN_AUX_IMM,
    [IR_OP_vsmin ... IR_OP_vsha1rnds] = SYN_AUX_IMM, [IR_OP_vfadd ... IR_OP_vfmax] = SYN_FP_IMM,
    [IR_OP_vfcmp] = SYN_AUX_IMM, [IR_OP_vfround ... IR_OP_vfnarrow] = SYN_FP_IMM,
    [IR_OP_call] = SYN_CALL, [IR_OP_insn] = SYN_INSN, [IR_OP_icount] = SYN_IMM,
    [IR_OP_br] = SYN_BR, [IR_OP_brcc] = SYN_BR, [IR_OP_brfl] = SYN_BR,
    [IR_OP_goto_if] = SYN_JUMP_IF, [IR_OP_goto_pc] = SYN_JUMP, [IR_OP_goto_ind] = SYN_JUMP, [IR_OP_leave] = SYN_IMM,
};

const char *const ir_fcond_names[IR_NFCONDS] = { "eq", "lt", "le", "un", "ltq", "leq", "eqs" };
const char *const ir_amo_names[IR_NAMOS] = { "swap", "add", "and", "or", "xor", "smin", "smax", "umin", "umax", "andn" };
const char *const ir_jump_names[IR_NJUMPS] = { "plain", "call", "ret", "callret", "mode" };
const char *const ir_round_names[6] = { "dyn", "rne", "rtz", "rdn", "rup", "rmm" };

const char *const ir_how_names[4] = { "", "sext ", "zext ", "box " };

const struct ir_flag_name ir_mem_flags[] = {
    { "align", IR_MALIGN, IR_MALIGN }, { "be", IR_MBE, IR_MBE }, { "atomic", IR_MATOMIC, IR_MATOMIC }, { NULL, 0, 0 },
};
const struct ir_flag_name ir_fp_flags[] = {
    { "canon", IR_FP_NAN, IR_FP_NAN_CANON }, { "arm", IR_FP_NAN, IR_FP_NAN_ARM }, { "unsigned", IR_FP_UNSIGNED, IR_FP_UNSIGNED },
    { "inexact", IR_FP_INEXACT, IR_FP_INEXACT }, { "negprod", IR_FP_NEG_PROD, IR_FP_NEG_PROD },
    { "negadd", IR_FP_NEG_ADD, IR_FP_NEG_ADD }, { "num", IR_FP_MINMAX_NUM, IR_FP_MINMAX_NUM }, { NULL, 0, 0 },
};

static void print_flags(const struct ir_flag_name *f, unsigned aux, FILE *to)
{
    for (; f->name; f++)
        if ((aux & f->mask) == f->value)
            fprintf(to, " %s", f->name);
}

static void print_mem(unsigned aux, FILE *to)
{
    fprintf(to, " %c%u", aux & IR_MSIGN ? 's' : 'u', 8 * ir_mem_bytes(aux));
    print_flags(ir_mem_flags, aux, to);
    if (aux & IR_MMMU)
        fprintf(to, " mmu%u", (aux & IR_MMMU) >> IR_MMMU_SHIFT);
}

static void print_fp(unsigned aux, FILE *to)
{
    unsigned r = aux & IR_FP_ROUND;

    if (r)
        fprintf(to, " %s", r < 6 ? ir_round_names[r] : "?");
    print_flags(ir_fp_flags, aux, to);
}

/* what stands before the operands */
static void print_attributes(const struct ir *ir, const struct ir_insn *i, FILE *to)
{
    switch (ir_syntax_of[i->op]) {
    case SYN_COND: case SYN_JUMP_IF: fprintf(to, " %s", ir_cond_names[i->aux & 15]); break;
    case SYN_FCOND: fprintf(to, " %s", i->aux < IR_NFCONDS ? ir_fcond_names[i->aux] : "?"); break;
    case SYN_AMO: fprintf(to, " %s", i->imm < IR_NAMOS ? ir_amo_names[i->imm] : "?"); print_mem(i->aux, to); break;
    case SYN_MEM: print_mem(i->aux, to); break;
    case SYN_FP: case SYN_FP_IMM: print_fp(i->aux, to); break;
    case SYN_SLOT: fprintf(to, " %s%s", i->imm < ir->nslots ? ir->slots[i->imm].name : "?", i->nargs ? "," : ""); break;
    case SYN_AUX: case SYN_AUX_IMM: fprintf(to, " %u", i->aux); break;
    case SYN_BR: if (i->op != IR_OP_br) fprintf(to, " %s", ir_cond_names[i->aux & 15]); break;
    case SYN_JUMP: fprintf(to, " %s", ir_jump_names[i->aux % IR_NJUMPS]); break;
    case SYN_CALL: fprintf(to, " %s", i->imm < ir->nhelpers ? ir->helpers[i->imm]->name : "?"); break;
    default: break;
    }
}

static void print_vconst(const struct ir *ir, const struct ir_insn *i, FILE *to)
{
    unsigned bytes = i->type == IR_V256 ? 32 : 16;

    fprintf(to, " 0x");
    for (unsigned k = bytes; k-- > 0;)
        fprintf(to, "%02x", ir->vconsts[i->imm][k]);
}

/* what stands behind them */
static void print_trailer(const struct ir *ir, const struct ir_insn *i, FILE *to)
{
    const struct ir_block *b = &ir->blocks[i->block];
    const char *sep = i->nargs ? ", " : " ";

    switch (ir_syntax_of[i->op]) {
    case SYN_IMM: fprintf(to, " 0x%" PRIx64, i->imm); break;
    case SYN_VCONST: print_vconst(ir, i, to); break;
    case SYN_MEM: if (i->op != IR_OP_cas) fprintf(to, "%s%" PRId64, sep, (int64_t)i->imm); break;
    case SYN_FIELD: fprintf(to, ", %u, %u", i->aux & 0xff, i->aux >> 8); break;
    case SYN_AUX_IMM: case SYN_FP_IMM: fprintf(to, ", %" PRIu64, i->imm); break;
    case SYN_INSN: fprintf(to, " 0x%" PRIx64 ", %u", i->imm, i->aux); break;
    case SYN_BR:
        fprintf(to, "%sb%u", sep, b->succ[0]);
        if (b->nsucc == 2)
            fprintf(to, ", b%u", b->succ[1]);
        if (i->op == IR_OP_brcc && i->imm)
            fprintf(to, i->imm == 1 ? " unlikely" : " likely");
        break;
    case SYN_JUMP_IF: fprintf(to, ", 0x%" PRIx64 ", 0x%" PRIx64, i->imm, i->imm2); break;
    case SYN_JUMP:
        if (i->op == IR_OP_goto_pc)
            fprintf(to, " 0x%" PRIx64, i->imm);
        if (i->aux == IR_JUMP_CALL || i->aux == IR_JUMP_CALLRET)
            fprintf(to, " return 0x%" PRIx64, i->imm2);
        break;
    default: break;
    }
}

static void print_args(const struct ir *ir, const struct ir_insn *i, FILE *to)
{
    const ir_ref *arg = ir_args(ir, i);

    for (unsigned k = 0; k < i->nargs; k++) {
        fprintf(to, k ? ", " : " ");
        if (i->op == IR_OP_phi && k < ir->blocks[i->block].npred)
            fprintf(to, "b%u:", ir->blocks[i->block].pred[k]);
        fprintf(to, "v%u", arg[k]);
    }
    if (i->op == IR_OP_phi && i->imm < ir->nslots)
        fprintf(to, " (%s)", ir->slots[i->imm].name);
}

static void print_snap_entry(const struct ir *ir, const struct ir_snap_entry *e, const char *sep, FILE *to)
{
    fprintf(to, "%s%s=%s%sv%u", sep, ir->slots[e->slot].name, ir_how_names[e->how & IR_HOW_KIND],
            e->how & IR_HOW_CANON ? "canon " : "", e->val);
}

static void print_snap(const struct ir *ir, const struct ir_snap *s, FILE *to)
{
    if (s->pc_val)
        fprintf(to, " @v%u", s->pc_val);
    else
        fprintf(to, " @0x%" PRIx64, s->pc);
    if (s->extra)
        fprintf(to, "+0x%x", s->extra);
    fprintf(to, "{");
    for (uint32_t e = 0; e < s->n; e++)
        print_snap_entry(ir, &ir->snap_pool[s->first + e], e ? ", " : "", to);
    fprintf(to, "}");
}

void ir_print_insn(const struct ir *ir, ir_ref r, FILE *to)
{
    const struct ir_insn *i = &ir->insns[r];

    if (ir_ops[i->op].result && i->type != IR_VOID)
        fprintf(to, "v%u = ", r);
    fprintf(to, "%s", ir_ops[i->op].name);
    if (i->type != IR_VOID)
        fprintf(to, ".%s", ir_type_names[i->type]);
    print_attributes(ir, i, to);
    print_args(ir, i, to);
    print_trailer(ir, i, to);
    if (i->snap)
        print_snap(ir, &ir->snaps[i->snap], to);
    fprintf(to, "\n");
}

void ir_print(const struct ir *ir, FILE *to)
{
    for (ir_block_ref b = 0; b < ir->nblocks; b++) {
        const struct ir_block *blk = &ir->blocks[b];
        if (!blk->first)
            continue;
        fprintf(to, "b%u:%s%s\n", b, blk->cold ? " cold" : "", blk->loop_head ? " # loop" : "");
        for (ir_ref r = blk->first; r; r = ir->insns[r].next) {
            fprintf(to, ir->insns[r].op == IR_OP_insn ? " " : "    ");
            ir_print_insn(ir, r, to);
        }
    }
    if (ir->error)
        fprintf(to, "error: %s\n", ir->error);
}

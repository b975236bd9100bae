/* tcg/ir/verify.c - is this a unit that the back ends may take? */
#include <stdarg.h>

#include "tcg/ir/cfg.h"
#include "tcg/ir/internal.h"

struct check {
    const struct ir *ir;
    const struct cfg *cfg;
    uint32_t *order;                           /* position of each instruction within its block */
    char *why;                                 /* NULL: nothing wrong so far */
};

static void __attribute__((format(printf, 2, 3))) wrong(struct check *c, const char *fmt, ...)
{
    va_list ap;

    if (c->why)
        return;
    c->why = ir_alloc((struct ir *)c->ir, 200);
    va_start(ap, fmt);
    vsnprintf(c->why, 200, fmt, ap);
    va_end(ap);
}

/* --- types ---------------------------------------------------------------------------------------------------------- */

enum { ANY = IR_NTYPES, INT, FLT, NUM /* either */, VEC, SAME /* as the result */, FIRST /* as the first argument */ };

/* what each argument may be; operations not listed take arguments of the result's type */
struct shape { uint8_t result, arg[4]; };
static const struct shape shapes[IR_NOPS] = {
    [IR_OP_get] = { ANY, { 0 } }, [IR_OP_phi] = { ANY, { 0 } }, [IR_OP_const] = { ANY, { 0 } },
    [IR_OP_vconst] = { VEC, { 0 } }, [IR_OP_mov] = { ANY, { SAME } },
    [IR_OP_set] = { ANY, { SAME } }, [IR_OP_ldenv] = { ANY, { 0 } }, [IR_OP_stenv] = { ANY, { SAME } },
    [IR_OP_envaddr] = { IR_I64, { 0 } },
    [IR_OP_clmul] = { IR_I64, { IR_I64, IR_I64 } }, [IR_OP_clmulh] = { IR_I64, { IR_I64, IR_I64 } },
    [IR_OP_crc32] = { IR_I32, { IR_I32, IR_I64 } }, [IR_OP_crc32c] = { IR_I32, { IR_I32, IR_I64 } },
    [IR_OP_trunc] = { IR_I32, { IR_I64 } }, [IR_OP_sext] = { IR_I64, { IR_I32 } }, [IR_OP_zext] = { IR_I64, { IR_I32 } },
    [IR_OP_setcc] = { INT, { INT, FIRST } }, [IR_OP_select] = { ANY, { INT, FIRST, SAME, SAME } },
    [IR_OP_ld] = { ANY, { IR_I64 } }, [IR_OP_st] = { ANY, { IR_I64, SAME } }, [IR_OP_amo] = { INT, { IR_I64, SAME } },
    [IR_OP_cas] = { ANY, { IR_I64, SAME, SAME } },
    [IR_OP_fadd] = { FLT, { SAME, SAME } }, [IR_OP_fsub] = { FLT, { SAME, SAME } }, [IR_OP_fmul] = { FLT, { SAME, SAME } },
    [IR_OP_fdiv] = { FLT, { SAME, SAME } }, [IR_OP_fsqrt] = { FLT, { SAME } }, [IR_OP_fma] = { FLT, { SAME, SAME, SAME } },
    [IR_OP_fmin] = { FLT, { SAME, SAME } }, [IR_OP_fmax] = { FLT, { SAME, SAME } }, [IR_OP_fneg] = { FLT, { SAME } },
    [IR_OP_fabs] = { FLT, { SAME } }, [IR_OP_fcopysign] = { FLT, { SAME, SAME } }, [IR_OP_fcmp] = { INT, { FLT, FIRST } },
    [IR_OP_fcvt] = { FLT, { FLT } }, [IR_OP_fround] = { FLT, { SAME } }, [IR_OP_ftoi] = { INT, { FLT } },
    [IR_OP_itof] = { FLT, { INT } }, [IR_OP_fbits] = { INT, { FLT } }, [IR_OP_bitsf] = { FLT, { INT } },
    [IR_OP_fbox] = { IR_F64, { IR_F32 } }, [IR_OP_funbox] = { IR_F32, { IR_F64 } },
    [IR_OP_vdup] = { VEC, { INT } }, [IR_OP_vins] = { VEC, { SAME, NUM } }, [IR_OP_vext] = { NUM, { VEC } },
    [IR_OP_vfromf] = { VEC, { FLT } }, [IR_OP_vtof] = { FLT, { VEC } }, [IR_OP_vpair] = { IR_V128, { IR_I64, IR_I64 } },
    [IR_OP_flsub] = { IR_FLAGS, { INT, FIRST } }, [IR_OP_fladd] = { IR_FLAGS, { INT, FIRST } },
    [IR_OP_fladc] = { IR_FLAGS, { INT, FIRST, INT } }, [IR_OP_flsbc] = { IR_FLAGS, { INT, FIRST, INT } },
    [IR_OP_fllogic] = { IR_FLAGS, { INT } }, [IR_OP_flnzcv] = { IR_FLAGS, { IR_I32 } },
    [IR_OP_flpack] = { IR_I32, { IR_FLAGS } }, [IR_OP_flcc] = { INT, { IR_FLAGS } },
    [IR_OP_flselect] = { ANY, { IR_FLAGS, SAME, SAME } },
    [IR_OP_brcc] = { INT, { SAME, SAME } }, [IR_OP_brfl] = { IR_FLAGS, { IR_FLAGS } },
    [IR_OP_goto_if] = { INT, { SAME, SAME } }, [IR_OP_icount] = { IR_I64, { IR_I64 } }, [IR_OP_goto_ind] = { IR_I64, { IR_I64 } },
};

static bool fits(unsigned want, enum ir_type have, enum ir_type result, enum ir_type first)
{
    switch (want) {
    case ANY: return have != IR_VOID;
    case INT: return ir_is_int(have);
    case FLT: return have == IR_F32 || have == IR_F64;
    case NUM: return ir_is_int(have) || have == IR_F32 || have == IR_F64;
    case VEC: return have == IR_V128 || have == IR_V256;
    case SAME: return have == result;
    case FIRST: return have == first;
    default: return have == want;
    }
}

static struct shape shape_of(enum ir_op op)
{
    if (shapes[op].result)
        return shapes[op];
    return (struct shape){ op >= IR_OP_vadd && op <= IR_OP_vfnarrow ? VEC : INT, { SAME, SAME, SAME, SAME } };
}

enum ir_type ir_arg_type(enum ir_op op, enum ir_type type, unsigned k)
{
    unsigned want = shape_of(op).arg[k];

    switch (want) {
    case SAME: return type;
    case INT: case NUM: case FIRST: return ir_is_int(type) ? type : IR_I64;
    case FLT: return IR_F64;
    case VEC: return IR_V128;
    default: return want < IR_NTYPES ? (enum ir_type)want : IR_VOID;
    }
}

static void check_types(struct check *c, ir_ref r)
{
    const struct ir_insn *i = &c->ir->insns[r];
    struct shape s = shape_of(i->op);
    enum ir_type first;

    if (ir_ops[i->op].nargs == IR_VAR || ir_ops[i->op].nargs == 0)
        return;
    first = ir_type_of(c->ir, i->arg[0]);
    if (!fits(s.result, i->type, i->type, first))
        wrong(c, "v%u: %s cannot have type %s", r, ir_ops[i->op].name, ir_type_names[i->type]);
    for (unsigned k = 0; k < i->nargs; k++)
        if (!fits(s.arg[k], ir_type_of(c->ir, i->arg[k]), i->type, first))
            wrong(c, "v%u: argument %u of %s has type %s", r, k, ir_ops[i->op].name,
                  ir_type_names[ir_type_of(c->ir, i->arg[k])]);
    if ((i->op == IR_OP_fbits || i->op == IR_OP_bitsf) &&
        ((i->type == IR_I64 || i->type == IR_F64) != (first == IR_F64 || first == IR_I64)))
        wrong(c, "v%u: %s changes the width", r, ir_ops[i->op].name);
}

static void check_attributes(struct check *c, ir_ref r)
{
    const struct ir_insn *i = &c->ir->insns[r];
    unsigned w = ir_width(i->type), pos = i->aux & 0xff, len = i->aux >> 8;

    switch (i->op) {
    case IR_OP_const:
        if ((i->type == IR_I32 || i->type == IR_F32) && i->imm >> 32)
            wrong(c, "v%u: a 32-bit constant has more bits", r);
        break;
    case IR_OP_get: case IR_OP_set:
        if (i->imm >= c->ir->nslots || c->ir->slots[i->imm].type != i->type)
            wrong(c, "v%u: the slot does not exist or has another type", r);
        break;
    case IR_OP_extract: case IR_OP_sextract: case IR_OP_deposit:
        if (len == 0 || pos + len > w)
            wrong(c, "v%u: field %u, %u does not fit", r, pos, len);
        break;
    case IR_OP_setcc: case IR_OP_select: case IR_OP_brcc: case IR_OP_goto_if:
        if (i->aux > 15 || (i->aux & 7) == IR_MI || (i->aux & 7) == IR_VS)
            wrong(c, "v%u: a comparison has no condition %u", r, i->aux);
        break;
    case IR_OP_call:
        if (i->imm >= c->ir->nhelpers || c->ir->helpers[i->imm]->nargs != i->nargs)
            wrong(c, "v%u: no such helper, or another number of arguments", r);
        break;
    default:
        break;
    }
}

/* --- order ------------------------------------------------------------------------------------------------------------ */

static void check_use(struct check *c, ir_ref user, ir_ref v, ir_block_ref where, uint32_t order)
{
    const struct ir_insn *d;

    if (v == IR_NONE || v >= c->ir->ninsns) {
        wrong(c, "v%u: names no value", user);
        return;
    }
    d = &c->ir->insns[v];
    if (!ir_ops[d->op].result || d->type == IR_VOID)
        wrong(c, "v%u: v%u (%s) is no value", user, v, ir_ops[d->op].name);
    else if (d->block == where ? c->order[v] >= order : !cfg_dominates(c->cfg, d->block, where))
        wrong(c, "v%u: v%u is used where it may not have been computed", user, v);
}

static bool snap_type_fits(enum ir_type have, unsigned how, enum ir_type slot)
{
    switch (how & IR_HOW_KIND) {
    case IR_HOW_SEXT: case IR_HOW_ZEXT: return have == IR_I32 && slot == IR_I64;
    case IR_HOW_BOX: return have == IR_F32 && slot == IR_F64;
    default: return have == slot;
    }
}

static void check_snapshot(struct check *c, ir_ref r)
{
    const struct ir_insn *i = &c->ir->insns[r];
    const struct ir_snap *s = &c->ir->snaps[i->snap];

    if (i->snap >= c->ir->nsnaps || s->first + s->n > c->ir->nsnap_pool) {
        wrong(c, "v%u: its snapshot does not exist", r);
        return;
    }
    if (s->pc_val)
        check_use(c, r, s->pc_val, i->block, c->order[r]);
    for (uint32_t e = 0; e < s->n; e++) {
        const struct ir_snap_entry *x = &c->ir->snap_pool[s->first + e];
        check_use(c, r, x->val, i->block, c->order[r]);
        if (x->slot >= c->ir->nslots || !snap_type_fits(ir_type_of(c->ir, x->val), x->how, c->ir->slots[x->slot].type))
            wrong(c, "v%u: its snapshot gives slot %u a value of another type", r, x->slot);
        for (uint32_t f = 0; f < e; f++)
            if (c->ir->snap_pool[s->first + f].slot == x->slot)
                wrong(c, "v%u: its snapshot names slot %u twice", r, x->slot);
    }
}

static void check_insn(struct check *c, ir_ref r)
{
    const struct ir_insn *i = &c->ir->insns[r];
    const struct ir_block *b = &c->ir->blocks[i->block];
    const ir_ref *arg = ir_args(c->ir, i);
    unsigned n = ir_ops[i->op].nargs;

    if (n != IR_VAR ? i->nargs != n : i->op == IR_OP_phi && i->nargs != b->npred) {
        wrong(c, "v%u: %s has %u arguments", r, ir_ops[i->op].name, i->nargs);
        return;
    }
    for (unsigned k = 0; k < i->nargs; k++) {
        if (i->op != IR_OP_phi)
            check_use(c, r, arg[k], i->block, c->order[r]);
        else if (c->cfg->index[b->pred[k]] != UINT32_MAX)
            check_use(c, r, arg[k], b->pred[k], UINT32_MAX);
        if (i->op == IR_OP_phi && !c->why && ir_type_of(c->ir, arg[k]) != i->type)
            wrong(c, "v%u: phi of a value of another type", r);
    }
    if (c->why)
        return;
    if (i->op == IR_OP_phi && i->prev && c->ir->insns[i->prev].op != IR_OP_phi)
        wrong(c, "v%u: a phi stands behind other instructions", r);
    if (i->snap)
        check_snapshot(c, r);
    else if ((ir_ops[i->op].props & IR_SNAP) && i->op != IR_OP_call)
        wrong(c, "v%u: %s has no snapshot", r, ir_ops[i->op].name);
    check_types(c, r);
    check_attributes(c, r);
}

/* --- blocks ----------------------------------------------------------------------------------------------------------- */

static unsigned successors_of(const struct ir_insn *i)
{
    return i->op == IR_OP_br ? 1 : i->op == IR_OP_brcc || i->op == IR_OP_brfl ? 2 : 0;
}

static void check_block(struct check *c, ir_block_ref b)
{
    const struct ir_block *blk = &c->ir->blocks[b];
    uint32_t n = 0;

    for (ir_ref r = blk->first, prev = IR_NONE; r; prev = r, r = c->ir->insns[r].next) {
        const struct ir_insn *i = &c->ir->insns[r];
        c->order[r] = ++n;
        if (i->block != b || i->prev != prev)
            wrong(c, "v%u: is not linked into block b%u as it should be", r, b);
        if (!(ir_ops[i->op].props & IR_TERM) != (r != blk->last))
            wrong(c, "b%u: v%u ends it, or its last instruction does not", b, r);
    }
    if (!blk->first) {
        wrong(c, "b%u: is reached and has no instructions", b);
        return;
    }
    if (successors_of(&c->ir->insns[blk->last]) != blk->nsucc)
        wrong(c, "b%u: has %u successors, its last instruction says otherwise", b, blk->nsucc);
    for (unsigned s = 0; s < blk->nsucc; s++) {
        const struct ir_block *to = &c->ir->blocks[blk->succ[s]];
        bool found = false;
        for (uint32_t p = 0; p < to->npred; p++)
            found |= to->pred[p] == b;
        if (!found)
            wrong(c, "b%u: its successor b%u does not know it", b, blk->succ[s]);
    }
}

const char *ir_verify(const struct ir *ir)
{
    struct check c = { .ir = ir };

    if (ir->error)
        return ir->error;
    c.cfg = cfg_build((struct ir *)ir);        /* takes memory of the arena, changes nothing else */
    c.order = ir_zalloc((struct ir *)ir, ir->ninsns * sizeof(*c.order));
    for (uint32_t k = 0; k < c.cfg->n; k++)
        check_block(&c, c.cfg->rpo[k]);
    for (uint32_t k = 0; k < c.cfg->n; k++)
        for (ir_ref r = ir->blocks[c.cfg->rpo[k]].first; r && !c.why; r = ir->insns[r].next)
            check_insn(&c, r);
    return c.why;
}

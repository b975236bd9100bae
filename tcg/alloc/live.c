/* What is needed where: the host's wishes, next uses, what crosses borders of blocks, homes. */
#include "tcg/alloc/internal.h"

#include <string.h>

unsigned ra_find_operands(const struct ra_scan *s, ir_ref r, struct ra_operand *out)
{
    struct ra *ra = s->ra;
    const struct ir_insn *i = ir_at(s->ir, r);
    const struct ra_need *need = &s->need[r];
    const ir_ref *args = ir_args(s->ir, i);
    struct ra_loc *loc = ir_ops[i->op].nargs == IR_VAR ? ra->pool_loc + i->arg[0] : ra->insn[r].arg;
    unsigned n = 0;

    for (unsigned k = 0; k < need->narg; k++)
        if (need->arg[k].accept != RA_FOLDED)
            out[n++] = (struct ra_operand){ .v = args[k], .arg = &need->arg[k], .loc = &loc[k], .index = (int8_t)k };
    for (unsigned k = 0; k < need->nextra; k++)
        out[n++] = (struct ra_operand){ .v = need->extra[k], .arg = &need->extra_arg[k], .loc = &ra->insn[r].extra[k],
                                        .index = -1 };
    return n;
}

/* --- gathering ------------------------------------------------------------------------------------------------- */

/* The first guest register whose content v is; it may be others' too: their snapshots then name the first one's home. */
static void note_slot(struct ra_scan *s, ir_ref v, unsigned slot)
{
    if (s->val[v].slot == RA_NO_SLOT)
        s->val[v].slot = (uint16_t)slot;
}

static void start_value(struct ra_scan *s, ir_ref r, const struct ir_insn *i)
{
    struct ra_val *v = &s->val[r];

    *v = (struct ra_val){ .def = s->pos, .slot = RA_NO_SLOT, .reg = RA_NO_REG, .hint = RA_NO_REG, .type = i->type };
    s->ra->insn[r] = (struct ra_insn){ .moves = 0 };
    if (i->op == IR_OP_const || i->op == IR_OP_vconst) {
        v->cls = (uint8_t)ra_type_class(i->type);
        v->flags = RA_V_CONST;
        v->mem.kind = RA_CONST;
        s->ra->insn[r].dst = v->mem;
    } else if (i->op == IR_OP_phi) {
        v->cls = (uint8_t)ra_type_class(i->type);
        v->flags = RA_V_PHI;
        if (i->imm < s->ir->nslots)
            v->slot = (uint16_t)i->imm;
    }
}

static void ask_host(struct ra_scan *s, ir_ref r, const struct ir_insn *i)
{
    struct ra_need *need = &s->need[r];

    *need = (struct ra_need){ .dst_fixed = -1, .dst_same = -1 };
    switch (i->op) {
    case IR_OP_const: case IR_OP_vconst: case IR_OP_phi: case IR_OP_nop: case IR_OP_insn:
        need->skip = true;
        return;
    default:
        s->host->need(s->host->host_ctx, s->ir, r, need);
    }
    if (need->skip)
        return;
    s->val[r].ops = s->nops;
    s->ops = ra_grow(s->ops, &s->ops_cap, s->nops + RA_MAX_OPERANDS);
    s->nops += s->val[r].nops = (uint8_t)ra_find_operands(s, r, s->ops + s->nops);
    s->val[r].cls = need->dst_cls;
    if (i->op == IR_OP_get)
        note_slot(s, r, (unsigned)i->imm);
    if (ir_ops[i->op].props & IR_ENV)
        ra_note_home_writes(s, i);
}

static void gather_snap(struct ra_scan *s, uint32_t snap)
{
    const struct ir_snap *sn = &s->ir->snaps[snap];
    const struct ir_snap_entry *e = s->ir->snap_pool + sn->first;

    for (uint32_t k = 0; k < sn->n; k++)
        if (e[k].how == IR_HOW_SAME)           /* else the value is not what the home would hold */
            note_slot(s, e[k].val, e[k].slot);
}

static void gather_block(struct ra_scan *s, ir_block_ref b)
{
    uint32_t last_snap = 0;

    s->blk[b].start = s->pos;
    for (ir_ref r = s->ir->blocks[b].first; r; r = s->ir->insns[r].next) {
        const struct ir_insn *i = ir_at(s->ir, r);

        if (i->op != IR_OP_phi)
            s->pos++;
        start_value(s, r, i);
        ask_host(s, r, i);
        if (i->snap && i->snap != last_snap)
            gather_snap(s, last_snap = i->snap);
    }
    s->blk[b].end = s->pos++;
}

void ra_gather(struct ra_scan *s)
{
    struct ra *ra = s->ra;
    const struct ir *ir = s->ir;

    s->need = ra_grow(s->need, &s->need_cap, ir->ninsns);
    s->val = ra_grow(s->val, &s->val_cap, ir->ninsns);
    ra->insn = ra_grow(ra->insn, &ra->insn_cap, ir->ninsns);
    ra->pool_loc = ra_grow(ra->pool_loc, &ra->pool_cap, ir->npool);
    s->val[IR_NONE] = (struct ra_val){ .reg = RA_NO_REG, .slot = RA_NO_SLOT };
    s->nseen = ir->ninsns;
    s->nops = 0;
    ra_reset_homes(s);
    s->pos = 1;
    for (uint32_t k = 0; k < s->nrpo; k++)
        gather_block(s, s->rpo[k]);
}

/* --- within a block ------------------------------------------------------------------------------------------------ */

static void use_at(struct ra_scan *s, ir_ref v, uint32_t pos)
{
    struct ra_val *val = &s->val[v];

    s->uses[s->nuses] = (struct ra_use){ .pos = pos, .next = val->use };
    val->use = s->nuses++;
    if (!val->end)
        val->end = pos;
}

/* Where an argument must be in a certain register, its value should be made there; likewise where the result is. */
static void pass_hints(struct ra_scan *s, ir_ref r, const struct ra_operand *op, unsigned n)
{
    const struct ra_need *need = &s->need[r];
    uint8_t dst = s->val[r].hint;

    if (need->dst_fixed >= 0)
        dst = (uint8_t)ra_reg_of(need->dst_cls, (unsigned)need->dst_fixed);
    for (unsigned k = 0; k < n; k++) {
        if (op[k].arg->accept == RA_FIXED)
            s->val[op[k].v].hint = (uint8_t)ra_reg_of(op[k].arg->cls, op[k].arg->reg);
        else if (need->dst_same >= 0 && op[k].index == need->dst_same && dst != RA_NO_REG)
            s->val[op[k].v].hint = dst;
    }
}

static void note_clobbers(struct ra_scan *s, ir_ref r, const struct ra_operand *op, unsigned n, uint32_t pos)
{
    const struct ra_need *need = &s->need[r];
    uint32_t mask = ra_mask(need->clobber_gpr, need->clobber_vec);

    for (unsigned k = 0; k < n; k++)
        if (op[k].arg->accept == RA_FIXED)
            mask |= 1u << ra_reg_of(op[k].arg->cls, op[k].arg->reg);
    if (need->dst_fixed >= 0)
        mask |= 1u << ra_reg_of(need->dst_cls, (unsigned)need->dst_fixed);
    if (!mask)
        return;
    s->clobbers = ra_grow(s->clobbers, &s->clobbers_cap, s->nclobbers + 1);
    s->clobbers[s->nclobbers++] = (struct ra_clobber){ .pos = pos, .mask = mask };
}

static void note_hope(struct ra_scan *s, ir_ref r)
{
    const struct ra_val *v = &s->val[r];

    if (v->hint == RA_NO_REG || !v->end)
        return;
    s->hopes = ra_grow(s->hopes, &s->hopes_cap, s->nhopes + 1);
    s->hopes[s->nhopes++] = (struct ra_clobber){ .pos = v->def, .mask = 1u << v->hint };
}

static void live_snap(struct ra_scan *s, uint32_t snap, uint32_t pos)
{
    const struct ir_snap *sn = &s->ir->snaps[snap];
    const struct ir_snap_entry *e = s->ir->snap_pool + sn->first;

    for (uint32_t k = 0; k < sn->n; k++)
        if (!s->val[e[k].val].end)
            s->val[e[k].val].end = pos;
    if (!s->val[sn->pc_val].end)
        s->val[sn->pc_val].end = pos;
}

static void live_outs(struct ra_scan *s, ir_block_ref b)
{
    const uint32_t *out = s->dist_out + (size_t)b * s->nglobals;

    for (uint32_t j = 0; j < s->blk[b].live_in.n; j++) {
        struct ra_val *v = &s->val[s->globals[s->listed[s->blk[b].live_in.first + j]]];

        v->use = v->end = 0;
    }
    for (uint32_t j = 0; j < s->blk[b].live_out.n; j++) {
        uint32_t g = s->listed[s->blk[b].live_out.first + j];
        struct ra_val *v = &s->val[s->globals[g]];

        v->use = 0;
        v->end = RA_DIST_WEAK;
        v->out = out[g] >= RA_DIST_WEAK ? RA_DIST_WEAK : ra_add_dist(out[g], s->blk[b].end);
    }
}

void ra_block_live(struct ra_scan *s, ir_block_ref b)
{
    const struct ir *ir = s->ir;
    const struct ra_operand *op;
    uint32_t last_snap = 0;

    s->uses = ra_grow(s->uses, &s->uses_cap, (s->blk[b].end - s->blk[b].start) * RA_MAX_OPERANDS + 1);
    s->nuses = 1;
    s->nclobbers = s->nhopes = 0;
    if (ra_multi(s)) {
        live_outs(s, b);
        ra_unsafe_out(s, b, s->unsafe);
    } else {
        memset(s->unsafe, 0, s->nwords * sizeof *s->unsafe);
    }
    for (ir_ref r = ir->blocks[b].last; r; r = ir->insns[r].prev) {
        const struct ir_insn *i = ir_at(ir, r);
        uint32_t pos = s->val[r].def;

        if (s->val[r].cls) {
            ra_note_home_ok(s, r);
            if (!ra_multi(s))
                note_hope(s, r);
        }
        if (i->op == IR_OP_phi)
            continue;
        if (!s->need[r].skip) {
            unsigned n = ra_operands(s, r, &op);

            for (unsigned k = 0; k < n; k++)
                if (ra_wants_reg(&s->val[op[k].v], op[k].arg))
                    use_at(s, op[k].v, pos);
            if (!ra_multi(s))
                pass_hints(s, r, op, n);
            note_clobbers(s, r, op, n, pos);
        }
        if (i->snap && i->snap != last_snap)
            live_snap(s, last_snap = i->snap, pos);
        if (i->snap || (ir_ops[i->op].props & IR_ENV))
            ra_unsafe_step(s, i);
    }
    s->next_clobber = s->nclobbers;
    s->next_hope = s->nhopes;
}

/* Many blocks: once the phis have their registers, what goes into them hopes for the same. */
void ra_block_hints(struct ra_scan *s, ir_block_ref b)
{
    const struct ra_operand *op;

    for (ir_ref r = s->ir->blocks[b].last; r && ir_at(s->ir, r)->op != IR_OP_phi; r = s->ir->insns[r].prev) {
        if (s->need[r].skip)
            continue;
        if (s->val[r].cls)
            note_hope(s, r);
        unsigned n = ra_operands(s, r, &op);

        pass_hints(s, r, op, n);
    }
    s->next_hope = s->nhopes;
}

uint32_t ra_next_use(struct ra_scan *s, ir_ref v)
{
    struct ra_val *val = &s->val[v];

    while (val->use && s->uses[val->use].pos <= s->pos)
        val->use = s->uses[val->use].next;
    if (val->use)
        return s->uses[val->use].pos;
    return val->end == RA_DIST_WEAK && val->global ? val->out : RA_DIST_WEAK;
}

/* --- do two values meet? ------------------------------------------------------------------------------------------- */

ir_block_ref ra_block_at(const struct ra_scan *s, uint32_t pos)
{
    uint32_t low = 0, high = s->nrpo;

    while (high - low > 1) {
        uint32_t mid = (low + high) / 2;

        if (s->blk[s->rpo[mid]].start <= pos)
            low = mid;
        else
            high = mid;
    }
    return s->rpo[low];
}

static bool named_by(const struct ra_scan *s, ir_ref r, ir_ref v)
{
    const struct ir_insn *i = ir_at(s->ir, r);
    const struct ra_operand *op;
    unsigned n = ra_operands(s, r, &op);

    for (unsigned k = 0; k < n; k++)
        if (op[k].v == v)
            return true;
    if (!i->snap)
        return false;
    const struct ir_snap *sn = &s->ir->snaps[i->snap];
    for (uint32_t k = 0; k < sn->n; k++)
        if (s->ir->snap_pool[sn->first + k].val == v)
            return true;
    return sn->pc_val == v;
}

/* Is v, which is made before pos, needed at pos or after it? */
bool ra_lives_over(const struct ra_scan *s, ir_ref v, uint32_t pos)
{
    const struct ra_val *val = &s->val[v];
    ir_block_ref b;

    if (!val->global)
        return val->end >= pos && val->def < pos;
    b = ra_block_at(s, pos);
    if (val->def >= s->blk[b].start && val->def <= s->blk[b].end) {
        if (val->def >= pos)
            return false;
    } else if (!ra_bit(s, s->live_in, b, val->global)) {
        return false;
    }
    if (ra_bit(s, s->live_out, b, val->global))
        return true;
    for (ir_ref r = s->ir->blocks[b].last; r && s->ir->insns[r].op != IR_OP_phi && s->val[r].def >= pos;
         r = s->ir->insns[r].prev)
        if (named_by(s, r, v))
            return true;
    return false;
}

bool ra_overlap(const struct ra_scan *s, ir_ref v, ir_ref w)
{
    uint32_t dv = s->val[v].def, dw = s->val[w].def;

    return dv == dw || ra_lives_over(s, v, dw + 1) || ra_lives_over(s, w, dv + 1);
}

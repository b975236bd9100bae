/* Follows what every place holds along every path, and compares with what the instructions expect. */
#include "tcg/alloc/internal.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"

enum { SAME_PLACE = 12 };                       /* values that one place may hold at once (a value and phis made of it) */

struct place { ir_ref v[SAME_PLACE]; };

/* Places are numbered: registers, homes, pieces of the frame. */
struct state {
    bool reached;
    bool *clean;                               /* by slot: the home holds what the program put there */
    struct place *at;
};

struct check {
    const struct ra *ra;
    const struct ir *ir;
    const struct ra_scan *scan;
    const struct ra_host *host;
    uint32_t nplaces;
    struct state *in, now;
    const char *wrong;
    bool report;                               /* the states have settled: complain now */
    char text[160];
};

static void complain(struct check *c, ir_ref r, ir_ref v, const char *what)
{
    if (!c->report || c->wrong)
        return;
    snprintf(c->text, sizeof c->text, "at v%u (%s): v%u %s", r, ir_ops[ir_at(c->ir, r)->op].name, v, what);
    c->wrong = c->text;
}

/* --- sets of values ------------------------------------------------------------------------------------------------ */

static uint32_t place_of(const struct check *c, struct ra_loc l)
{
    switch (l.kind) {
    case RA_GPR: return l.reg & 15;
    case RA_VEC: return 16 + (l.reg & 15);
    case RA_HOME: return RA_NREGS + l.idx;
    case RA_SPILL: return RA_NREGS + c->ir->nslots + l.idx;
    default: return UINT32_MAX;
    }
}

static bool contains(const struct place *p, ir_ref v)
{
    for (unsigned k = 0; k < SAME_PLACE; k++)
        if (p->v[k] == v)
            return true;
    return false;
}

static void add(struct place *p, ir_ref v)
{
    for (unsigned k = 0; k < SAME_PLACE; k++)
        if (!p->v[k] || p->v[k] == v) {
            p->v[k] = v;
            return;
        }
}

static void forget(struct place *p, ir_ref v)
{
    for (unsigned k = 0; k < SAME_PLACE; k++)
        if (p->v[k] == v)
            p->v[k] = IR_NONE;
}

static void forget_everywhere(struct check *c, ir_ref v)
{
    for (uint32_t k = 0; k < c->nplaces; k++)
        forget(&c->now.at[k], v);
}

static bool holds(const struct check *c, struct ra_loc l, ir_ref v)
{
    uint32_t p = place_of(c, l);

    if (l.kind == RA_CONST)
        return ir_at(c->ir, v)->op == IR_OP_const || ir_at(c->ir, v)->op == IR_OP_vconst;
    return p < c->nplaces && contains(&c->now.at[p], v);
}

/* Writing a vector to the frame covers more than one piece of it. */
static void overwrite(struct check *c, struct ra_loc l, const struct place *with, unsigned type)
{
    uint32_t p = place_of(c, l), n = l.kind != RA_SPILL ? 1 : type == IR_V128 ? 2 : type == IR_V256 ? 4 : 1;

    for (uint32_t k = p; k < p + n && k < c->nplaces; k++)
        c->now.at[k] = (struct place){ { 0 } };
    if (p < c->nplaces)
        c->now.at[p] = *with;
}

/* --- instructions -------------------------------------------------------------------------------------------------- */

static void make_move(struct check *c, ir_ref r, const struct ra_move *m)
{
    struct place with = { { m->val } };

    if (!holds(c, m->from, m->val))
        complain(c, r, m->val, "is not where a move takes it from");
    if (m->to.kind == RA_CONST || m->to.kind == RA_NONE)
        complain(c, r, m->val, "is moved to nowhere");
    if (m->from.kind != RA_CONST && place_of(c, m->from) < c->nplaces)
        with = c->now.at[place_of(c, m->from)];
    if (m->to.kind == RA_HOME && !contains(&c->now.at[place_of(c, m->to)], m->val))
        c->now.clean[m->to.idx] = false;
    overwrite(c, m->to, &with, m->type);
}

static void check_operand(struct check *c, ir_ref r, ir_ref v, const struct ra_arg *a, struct ra_loc l)
{
    bool reg = l.kind == RA_GPR || l.kind == RA_VEC;
    bool ok = reg;

    if (a->accept == RA_FOLDED)
        return;
    if (!holds(c, l, v))
        complain(c, r, v, "is not where the operand is said to be");
    if (a->accept == RA_REG_OR_MEM)
        ok = reg || l.kind == RA_HOME || l.kind == RA_SPILL;
    else if (a->accept == RA_REG_OR_CONST)
        ok = reg || l.kind == RA_CONST;
    else if (a->accept == RA_ANY)
        ok = l.kind != RA_NONE;
    else if (a->accept == RA_FIXED)
        ok = reg && l.reg == a->reg && (l.kind == RA_VEC) == (a->cls == RA_CLASS_VEC);
    if (!ok)
        complain(c, r, v, "is in a place that the host does not accept");
}

static void check_snapshot(struct check *c, ir_ref r, const struct ra_need *need)
{
    const struct ra_insn *a = &c->ra->insn[r];
    const struct ir_snap *sn = &c->ir->snaps[ir_at(c->ir, r)->snap];
    bool named[c->ir->nslots + 1];

    memset(named, 0, sizeof named);
    if (a->snap_n != sn->n + (sn->pc_val != IR_NONE)) {
        complain(c, r, r, "has a snapshot of another length");
        return;
    }
    for (uint32_t k = 0; k < a->snap_n; k++) {
        const struct ra_snap_loc *l = &c->ra->snap_loc[a->snap_first + k];

        if (l->slot < c->ir->nslots)
            named[l->slot] = true;
        if (!holds(c, l->loc, l->val))
            complain(c, r, l->val, "is not where the snapshot is said to have it");
        if (!need->snap_any && (l->loc.kind == RA_GPR || l->loc.kind == RA_VEC))
            complain(c, r, l->val, "is in a register that the fault path does not see");
    }
    for (unsigned s = 0; s < c->ir->nslots; s++)
        if (!named[s] && !c->now.clean[s])
            complain(c, r, r, "relies on a home that holds a later value");
}

static void touch_home(struct check *c, unsigned slot, ir_ref v)
{
    c->now.at[RA_NREGS + slot] = (struct place){ { v } };
    c->now.clean[slot] = true;
}

static void read_home(struct check *c, ir_ref r, unsigned slot)
{
    if (!c->now.clean[slot])
        complain(c, r, r, "reads a home that holds a later value");
}

static void check_call(struct check *c, ir_ref r)
{
    const struct ir_helper *h = c->ir->helpers[ir_at(c->ir, r)->imm];

    for (unsigned s = 0; s < c->ir->nslots; s++) {
        if (h->flags & (IR_H_READ_ALL | IR_H_FAULT))
            read_home(c, r, s);
        if (h->flags & IR_H_WRITE_ALL)
            touch_home(c, s, IR_NONE);
    }
    for (const uint16_t *s = h->reads; s && *s != IR_SLOT_END; s++)
        read_home(c, r, *s);
    for (unsigned k = 0; k < 4; k++)
        if (ir_call_touched(ir_at(c->ir, r), k))
            read_home(c, r, (ir_call_touched(ir_at(c->ir, r), k) & ~(unsigned)IR_CALL_WRITES) - 1);
    for (unsigned k = 0; k < 4; k++)
        if (ir_call_touched(ir_at(c->ir, r), k) & IR_CALL_WRITES)
            touch_home(c, (ir_call_touched(ir_at(c->ir, r), k) & ~(unsigned)IR_CALL_WRITES) - 1, IR_NONE);
    for (const uint16_t *s = h->writes; s && *s != IR_SLOT_END; s++)
        touch_home(c, *s, IR_NONE);
}

static bool same_reg(struct ra_loc a, struct ra_loc b)
{
    return (a.kind == RA_GPR || a.kind == RA_VEC) && a.kind == b.kind && a.reg == b.reg;
}

static void check_result(struct check *c, ir_ref r, const struct ra_need *need, const struct ra_operand *op, unsigned n)
{
    struct ra_loc dst = c->ra->insn[r].dst;
    uint32_t clobbered = ra_mask(need->clobber_gpr, need->clobber_vec);
    struct place with = { { r } };

    for (unsigned k = 0; k < n; k++) {
        bool same = need->dst_same >= 0 && op[k].index == need->dst_same;

        if (same && need->dst_cls && !same_reg(*op[k].loc, dst))
            complain(c, r, op[k].v, "is not in the register of the result");
        if (!same && need->dst_cls && need->dst_early && same_reg(*op[k].loc, dst))
            complain(c, r, op[k].v, "is overwritten by the result too early");
        if (op[k].arg->accept != RA_FIXED && place_of(c, *op[k].loc) < RA_NREGS && !(same && need->dst_fixed >= 0) &&
            clobbered >> place_of(c, *op[k].loc) & 1 && c->scan->cls_regs[c->scan->val[op[k].v].cls] & ~clobbered)
            complain(c, r, op[k].v, "is in a register that the instruction destroys");
    }
    for (unsigned k = 0; k < RA_NREGS; k++)
        if (clobbered >> k & 1)
            c->now.at[k] = (struct place){ { 0 } };
    for (unsigned k = 0; k < need->ntmp_gpr; k++)
        c->now.at[c->ra->insn[r].tmp_gpr[k]] = (struct place){ { 0 } };
    for (unsigned k = 0; k < need->ntmp_vec; k++)
        c->now.at[16 + c->ra->insn[r].tmp_vec[k]] = (struct place){ { 0 } };
    if (!need->dst_cls)
        return;
    forget_everywhere(c, r);
    if (dst.kind == RA_HOME && ir_at(c->ir, r)->op == IR_OP_get)
        return;
    if (dst.kind != (need->dst_cls == RA_CLASS_VEC ? RA_VEC : RA_GPR) || (need->dst_fixed >= 0 && dst.reg != need->dst_fixed))
        complain(c, r, r, "has its result in a wrong place");
    overwrite(c, dst, &with, ir_at(c->ir, r)->type);
}

static void scratch_is_free(struct check *c, ir_ref r, const struct ra_need *need, const struct ra_operand *op, unsigned n)
{
    for (unsigned k = 0; k < n; k++) {
        for (unsigned t = 0; t < need->ntmp_gpr; t++)
            if (op[k].loc->kind == RA_GPR && op[k].loc->reg == c->ra->insn[r].tmp_gpr[t])
                complain(c, r, op[k].v, "shares a register with scratch");
        for (unsigned t = 0; t < need->ntmp_vec; t++)
            if (op[k].loc->kind == RA_VEC && op[k].loc->reg == c->ra->insn[r].tmp_vec[t])
                complain(c, r, op[k].v, "shares a register with scratch");
    }
}

static void check_insn(struct check *c, ir_ref r)
{
    static const struct ra_need nothing = { .skip = true, .dst_fixed = -1, .dst_same = -1 };
    const struct ir_insn *i = ir_at(c->ir, r);
    const struct ra_need *need = r < c->scan->nseen ? &c->scan->need[r] : &nothing;
    struct ra_operand op[RA_MAX_OPERANDS];
    unsigned n;

    for (uint32_t m = c->ra->insn[r].moves; m; m = c->ra->moves[m].next)
        make_move(c, r, &c->ra->moves[m]);
    if (need->skip)
        return;
    n = ra_find_operands(c->scan, r, op);
    for (unsigned k = 0; k < n; k++)
        check_operand(c, r, op[k].v, op[k].arg, *op[k].loc);
    scratch_is_free(c, r, need, op, n);
    if (i->snap)
        check_snapshot(c, r, need);
    if (i->op == IR_OP_get)
        read_home(c, r, (unsigned)i->imm);
    if (i->op == IR_OP_call)
        check_call(c, r);
    check_result(c, r, need, op, n);
    if (i->op == IR_OP_get)
        add(&c->now.at[RA_NREGS + i->imm], r);
    if (i->op == IR_OP_set)
        touch_home(c, (unsigned)i->imm, i->arg[0]);
}

/* --- blocks -------------------------------------------------------------------------------------------------------- */

/* A phi takes over the place where its argument arrives; what an earlier round left under its name is gone. */
static void enter_phis(struct check *c, ir_block_ref b, uint32_t pred)
{
    unsigned n = 0;

    for (ir_ref r = c->ir->blocks[b].first; r && ir_at(c->ir, r)->op == IR_OP_phi; r = ir_at(c->ir, r)->next)
        n++;
    bool there[n + 1];
    n = 0;
    for (ir_ref r = c->ir->blocks[b].first; r && ir_at(c->ir, r)->op == IR_OP_phi; r = ir_at(c->ir, r)->next, n++) {
        there[n] = c->ra->insn[r].dst.kind == RA_NONE || holds(c, c->ra->insn[r].dst, ir_args(c->ir, ir_at(c->ir, r))[pred]);
        if (!there[n])
            complain(c, r, ir_args(c->ir, ir_at(c->ir, r))[pred], "does not arrive where the phi is");
    }
    for (ir_ref r = c->ir->blocks[b].first; r && ir_at(c->ir, r)->op == IR_OP_phi; r = ir_at(c->ir, r)->next)
        forget_everywhere(c, r);
    n = 0;
    for (ir_ref r = c->ir->blocks[b].first; r && ir_at(c->ir, r)->op == IR_OP_phi; r = ir_at(c->ir, r)->next, n++)
        if (there[n] && c->ra->insn[r].dst.kind != RA_NONE)
            add(&c->now.at[place_of(c, c->ra->insn[r].dst)], r);
}

static void copy_state(const struct check *c, struct state *to, const struct state *from)
{
    memcpy(to->clean, from->clean, c->ir->nslots * sizeof *to->clean);
    memcpy(to->at, from->at, c->nplaces * sizeof *to->at);
    to->reached = true;
}

/* What holds on all paths. */
static bool meet(const struct check *c, struct state *to, const struct state *from)
{
    bool changed = false;

    if (!to->reached) {
        copy_state(c, to, from);
        return true;
    }
    for (unsigned s = 0; s < c->ir->nslots; s++)
        if (to->clean[s] && !from->clean[s]) {
            to->clean[s] = false;
            changed = true;
        }
    for (uint32_t p = 0; p < c->nplaces; p++)
        for (unsigned k = 0; k < SAME_PLACE; k++)
            if (to->at[p].v[k] && !contains(&from->at[p], to->at[p].v[k])) {
                to->at[p].v[k] = IR_NONE;
                changed = true;
            }
    return changed;
}

static bool follow_block(struct check *c, ir_block_ref b)
{
    const struct ir_block *ib = &c->ir->blocks[b];
    struct state end = { .clean = NEW_ARRAY(bool, c->ir->nslots + 1), .at = NEW_ARRAY(struct place, c->nplaces) };
    bool changed = false, twin = ib->nsucc == 2 && ib->succ[0] == ib->succ[1];

    copy_state(c, &c->now, &c->in[b]);
    for (ir_ref r = ib->first; r; r = ir_at(c->ir, r)->next)
        if (ir_at(c->ir, r)->op != IR_OP_phi)
            check_insn(c, r);
    copy_state(c, &end, &c->now);
    for (unsigned k = 0; k < ib->nsucc; k++) {
        const struct ir_block *to = &c->ir->blocks[ib->succ[k]];
        uint32_t p = 0;
        unsigned skip = twin ? k : 0;

        while (to->pred[p] != b || skip-- > 0)
            p++;
        copy_state(c, &c->now, &end);
        enter_phis(c, ib->succ[k], p);
        changed |= meet(c, &c->in[ib->succ[k]], &c->now);
    }
    free(end.clean);
    free(end.at);
    return changed;
}

static void follow_all(struct check *c)
{
    bool changed = true;

    while (changed) {
        changed = false;
        for (uint32_t k = 0; k < c->ra->norder; k++)
            if (c->in[c->ra->order[k]].reached)
                changed |= follow_block(c, c->ra->order[k]);
    }
    c->report = true;
    for (uint32_t k = 0; k < c->ra->norder && !c->wrong; k++)
        if (c->in[c->ra->order[k]].reached)
            follow_block(c, c->ra->order[k]);
}

const char *ra_verify(const struct ra *ra, const struct ir *ir, const struct ra_host *host)
{
    static _Thread_local char text[160];
    struct check c = { .ra = ra, .ir = ir, .scan = ra->priv, .host = host };

    c.nplaces = RA_NREGS + ir->nslots + ra->spill_bytes / 8 + 4;
    c.in = NEW_ARRAY(struct state, ir->nblocks + 1);
    for (ir_block_ref b = 0; b <= ir->nblocks; b++) {
        struct state *s = b < ir->nblocks ? &c.in[b] : &c.now;

        s->clean = NEW_ARRAY(bool, ir->nslots + 1);
        s->at = NEW_ARRAY(struct place, c.nplaces);
    }
    memset(c.in[0].clean, true, ir->nslots);
    c.in[0].reached = true;
    follow_all(&c);
    for (ir_block_ref b = 0; b < ir->nblocks; b++) {
        free(c.in[b].clean);
        free(c.in[b].at);
    }
    free(c.in);
    free(c.now.clean);
    free(c.now.at);
    if (!c.wrong)
        return NULL;
    memcpy(text, c.text, sizeof text);
    return text;
}

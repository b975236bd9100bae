/* What the registers hold at the borders of blocks. */
#include "tcg/alloc/internal.h"

#include <string.h>

#include "core/base/bits.h"

enum {
    PHIS_DEEP = 4,
    LOOP_RESERVE = 4,                          /* registers that a crowded loop keeps for what it makes itself */
};

static uint32_t held(const struct ra_scan *s)
{
    return (s->cls_regs[RA_CLASS_GPR] | s->cls_regs[RA_CLASS_VEC]) & ~s->free;
}

static void clear_registers(struct ra_scan *s)
{
    for (uint32_t m = held(s); m; m &= m - 1)
        ra_drop(s, s->regs[__builtin_ctz(m)]);
    s->free = s->cls_regs[RA_CLASS_GPR] | s->cls_regs[RA_CLASS_VEC];
}

/* The predecessor whose registers we go on with: one that has been walked; not a cold one if there is a choice. */
static int pick_pred(const struct ra_scan *s, ir_block_ref b)
{
    const struct ir_block *ib = &s->ir->blocks[b];
    int best = -1;

    for (uint32_t k = 0; k < ib->npred; k++) {
        if (!s->blk[ib->pred[k]].done)
            continue;
        if (best < 0 || (s->ir->blocks[ib->pred[best]].cold && !s->ir->blocks[ib->pred[k]].cold))
            best = (int)k;
    }
    return best;
}

static bool in_register_at_end(const struct ra_scan *s, ir_block_ref b, ir_ref v)
{
    for (unsigned reg = 0; reg < RA_NREGS; reg++)
        if (s->blk[b].out[reg] == v)
            return true;
    return false;
}

/* Would a value that only snapshots name be loaded on a warm edge to be in a register here? */
static bool costs_a_load(const struct ra_scan *s, ir_block_ref b, ir_ref v)
{
    const struct ir_block *ib = &s->ir->blocks[b];

    for (uint32_t k = 0; k < ib->npred; k++)
        if (s->blk[ib->pred[k]].done && !s->ir->blocks[ib->pred[k]].cold && !in_register_at_end(s, ib->pred[k], v))
            return true;
    return false;
}

static void keep_registers(struct ra_scan *s, ir_block_ref b, const struct ra_blk *from)
{
    for (uint32_t m = from->out_held; m; m &= m - 1) {
        unsigned reg = (unsigned)__builtin_ctz(m);

        if (ra_dist_in(s, b, from->out[reg]) != RA_DIST_DEAD)
            ra_put(s, from->out[reg], reg);
    }
}

static bool phi_lives(const struct ra_scan *s, ir_ref p)
{
    return s->val[p].end != 0;
}

/* What goes into a phi had better be made in its register; so had what goes into phis that go into it. */
static void hint_args(struct ra_scan *s, ir_ref p, unsigned reg, unsigned deep)
{
    const struct ir_insn *i = ir_at(s->ir, p);
    const ir_ref *args = ir_args(s->ir, i);

    for (unsigned a = 0; a < i->nargs; a++) {
        struct ra_val *v = &s->val[args[a]];

        if (v->hint != RA_NO_REG || v->reg != RA_NO_REG)
            continue;
        v->hint = (uint8_t)reg;
        if (v->flags & RA_V_PHI && deep)
            hint_args(s, args[a], reg, deep - 1);
    }
}

/* The register in which the argument that comes from predecessor k leaves it, if nothing else is there now. */
static unsigned arg_reg(const struct ra_scan *s, ir_block_ref b, ir_ref p, uint32_t k)
{
    ir_ref a = ir_args(s->ir, ir_at(s->ir, p))[k];
    const struct ra_blk *from = &s->blk[s->ir->blocks[b].pred[k]];

    for (unsigned reg = 0; from->done && reg < RA_NREGS; reg++)
        if (from->out[reg] == a && s->free >> reg & 1)
            return reg;
    return RA_NO_REG;
}

static unsigned free_reg(const struct ra_scan *s, unsigned cls, uint32_t avoid)
{
    uint32_t free = s->free & s->cls_regs[cls];

    if (free & ~avoid)
        free &= ~avoid;
    for (const uint8_t *o = s->order[cls]; *o != RA_NO_REG; o++)
        if (free >> *o & 1)
            return *o;
    return RA_NO_REG;
}

static void put_phi(struct ra_scan *s, ir_ref p, unsigned reg)
{
    if (reg == RA_NO_REG) {
        ra_spill(s, p);
        s->ra->insn[p].dst = s->val[p].mem;
        return;
    }
    ra_put(s, p, reg);
    s->ra->insn[p].dst = ra_reg_loc(reg);
    hint_args(s, p, reg, PHIS_DEEP);
}

static void place_phi(struct ra_scan *s, ir_block_ref b, ir_ref p, uint32_t pred, uint32_t avoid)
{
    const struct ir_insn *i = ir_at(s->ir, p);
    uint32_t free = s->free & s->cls_regs[s->val[p].cls];
    unsigned reg = arg_reg(s, b, p, pred), hint = s->val[p].hint;

    for (uint32_t k = 0; reg == RA_NO_REG && k < i->nargs; k++)
        reg = arg_reg(s, b, p, k);
    if (reg != RA_NO_REG && avoid >> reg & 1 && free & ~avoid)
        reg = RA_NO_REG;
    if (reg == RA_NO_REG && hint != RA_NO_REG && free >> hint & 1)
        reg = hint;
    if (reg == RA_NO_REG)
        reg = free_reg(s, s->val[p].cls, avoid);
    put_phi(s, p, reg);
}

/* --- merges ------------------------------------------------------------------------------------------------------- */

/* Does the loop give the phi a new value? */
static bool changes(const struct ra_scan *s, ir_ref p)
{
    const struct ir_insn *i = ir_at(s->ir, p);
    const ir_ref *args = ir_args(s->ir, i);

    for (unsigned k = 0; k < i->nargs; k++)
        if (args[k] != p && !s->blk[s->ir->blocks[i->block].pred[k]].done)
            return true;
    return false;
}

/* How eagerly: what the loop uses, nearest first; then phis that only snapshots name (in memory they would cost a store
 * each time round); then what is wanted after the loop; then the rest. */
static uint32_t rank(const struct ra_scan *s, ir_ref v, uint32_t dist)
{
    bool phi = s->blk[s->block].back && s->val[v].flags & RA_V_PHI && s->val[v].def == s->pos && changes(s, v);

    return dist < RA_LOOP_EXIT ? dist : phi ? RA_LOOP_EXIT : dist;
}

static uint32_t phi_dist(struct ra_scan *s, ir_ref p)
{
    uint32_t next = ra_next_use(s, p);

    return next >= RA_DIST_WEAK ? RA_DIST_WEAK : next - s->pos;
}

static void add_candidate(struct ra_scan *s, ir_ref v, uint32_t dist, unsigned reg, uint32_t *n)
{
    struct ra_candidate *c, add = { .v = v, .dist = rank(s, v, dist), .reg = (uint8_t)reg };
    uint32_t k = (*n)++;

    s->cand = ra_grow(s->cand, &s->cand_cap, *n);
    for (c = s->cand; k > 0 && c[k - 1].dist > add.dist; k--)
        c[k] = c[k - 1];
    c[k] = add;
}

static unsigned reg_of(const ir_ref *regs, ir_ref v)
{
    unsigned reg = 0;

    while (reg < RA_NREGS && regs[reg] != v)
        reg++;
    return reg < RA_NREGS ? reg : RA_NO_REG;
}

/* A phi that only snapshots name: do the warm ways in cost less if it is in memory? */
static bool cheaper_in_memory(const struct ra_scan *s, ir_block_ref b, ir_ref p)
{
    const struct ir_block *ib = &s->ir->blocks[b];
    const ir_ref *args = ir_args(s->ir, ir_at(s->ir, p));
    unsigned loads = 0, stores = 0;

    for (uint32_t k = 0; k < ib->npred; k++) {
        const struct ra_val *a = &s->val[args[k]];
        bool at_home = a->flags & RA_V_SPILLED && a->mem.kind == RA_HOME && a->mem.idx == s->val[p].slot;

        if (!s->blk[ib->pred[k]].done || s->ir->blocks[ib->pred[k]].cold)
            continue;
        loads += !in_register_at_end(s, ib->pred[k], args[k]);
        stores += !at_home;
    }
    return stores < loads;
}

static uint32_t find_candidates(struct ra_scan *s, ir_block_ref b, unsigned cls, const ir_ref *from)
{
    bool loop = s->blk[b].back;
    uint32_t n = 0;

    for (ir_ref r = s->ir->blocks[b].first; r && s->ir->insns[r].op == IR_OP_phi; r = s->ir->insns[r].next)
        if (phi_lives(s, r) && s->val[r].cls == cls &&
            (loop || phi_dist(s, r) < RA_DIST_WEAK || !cheaper_in_memory(s, b, r)))
            add_candidate(s, r, phi_dist(s, r), RA_NO_REG, &n);
    for (uint32_t j = 0; j < s->blk[b].live_in.n; j++) {
        uint32_t g = s->listed[s->blk[b].live_in.first + j], d = s->dist_in[(size_t)b * s->nglobals + g];
        ir_ref v = s->globals[g];
        unsigned reg;

        if (s->val[v].cls != cls)
            continue;
        reg = reg_of(from, v);
        if (loop ? d < RA_LOOP_EXIT || (reg != RA_NO_REG && !(s->val[v].flags & (RA_V_SPILLED | RA_V_CONST)))
                 : reg != RA_NO_REG && (d < RA_DIST_WEAK || !costs_a_load(s, b, v)))
            add_candidate(s, v, d, reg, &n);
    }
    return n;
}

/* How many of n candidates get a register, so that what the loop makes itself finds room. */
static uint32_t how_many(const struct ra_scan *s, ir_block_ref b, unsigned cls, uint32_t n)
{
    const struct ra_loop *loop = &s->loops[s->blk[b].loop];
    uint32_t regs = (uint32_t)__builtin_popcount(s->cls_regs[cls]), wanted = 0, most;

    if (!s->blk[b].back)
        return MIN(n, regs);
    if (loop->alive[cls] <= regs)
        return n;
    while (wanted < n && s->cand[wanted].dist < RA_LOOP_EXIT)
        wanted++;
    if (loop->wanted[cls] <= regs)
        most = wanted + regs - loop->wanted[cls];
    else
        most = MIN(wanted, regs > LOOP_RESERVE ? regs - LOOP_RESERVE : 0);
    return MIN(most, n);
}

/* A block that is entered in several ways, loop or not: the candidates that matter most get registers. */
static void enter_merge(struct ra_scan *s, ir_block_ref b, unsigned cls, uint32_t pred)
{
    uint32_t avoid = s->blk[b].back ? s->loops[s->blk[b].loop].clobbered : 0;
    uint32_t n = find_candidates(s, b, cls, s->blk[s->ir->blocks[b].pred[pred]].out), take = how_many(s, b, cls, n);

    for (uint32_t k = 0; k < take; k++)        /* what is in a good register stays there */
        if (s->cand[k].reg != RA_NO_REG && !(avoid >> s->cand[k].reg & 1))
            ra_put(s, s->cand[k].v, s->cand[k].reg);
    for (uint32_t k = 0; k < take; k++) {
        const struct ra_candidate *c = &s->cand[k];
        bool phi = s->val[c->v].flags & RA_V_PHI && s->val[c->v].def == s->blk[b].start;
        unsigned reg;

        if (phi) {
            place_phi(s, b, c->v, pred, avoid);
        } else if (s->val[c->v].reg == RA_NO_REG) {
            reg = free_reg(s, cls, avoid);
            if (c->reg != RA_NO_REG && s->free >> c->reg & 1 && (reg == RA_NO_REG || avoid >> reg & 1))
                reg = c->reg;
            if (reg != RA_NO_REG)
                ra_put(s, c->v, reg);
        }
    }
}

void ra_enter_block(struct ra_scan *s, ir_block_ref b)
{
    const struct ir_block *ib = &s->ir->blocks[b];
    int pred;

    clear_registers(s);
    if (!ra_multi(s))
        return;
    pred = pick_pred(s, b);
    if (pred >= 0 && ib->npred == 1) {
        keep_registers(s, b, &s->blk[ib->pred[pred]]);
    } else if (pred >= 0) {
        enter_merge(s, b, RA_CLASS_GPR, (uint32_t)pred);
        enter_merge(s, b, RA_CLASS_VEC, (uint32_t)pred);
    }
    for (ir_ref r = ib->first; r && s->ir->insns[r].op == IR_OP_phi; r = s->ir->insns[r].next)
        if (phi_lives(s, r) && s->val[r].reg == RA_NO_REG)
            put_phi(s, r, RA_NO_REG);
    for (uint32_t j = 0; j < s->blk[b].live_in.n; j++) {
        ir_ref v = s->globals[s->listed[s->blk[b].live_in.first + j]];

        if (s->val[v].reg == RA_NO_REG)
            ra_spill(s, v);
    }
    memcpy(s->blk[b].in, s->regs, sizeof s->regs);
    s->blk[b].in_held = held(s);
}

void ra_leave_block(struct ra_scan *s, ir_block_ref b)
{
    memcpy(s->blk[b].out, s->regs, sizeof s->regs);
    s->blk[b].out_held = held(s);
    s->blk[b].done = true;
}

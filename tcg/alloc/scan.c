/* The walk through a block: for each instruction, operands into registers, scratch, snapshot, result. */
#include "tcg/alloc/internal.h"

#include <assert.h>

enum { USE_SOON = 24 };                        /* instructions */

/* What one instruction needs, while it is being served. */
struct serving {
    ir_ref r;
    const struct ra_need *need;
    struct ra_insn *out;
    const struct ra_operand *op;
    unsigned nop;
    uint32_t fixed;                            /* registers of fixed operands */
    bool memory_used;                          /* one operand is in memory already */
};

void ra_put(struct ra_scan *s, ir_ref v, unsigned reg)
{
    s->regs[reg] = v;
    s->val[v].reg = (uint8_t)reg;
    if (s->val[v].slot < s->ir->nslots)
        s->slot_reg[s->val[v].slot] = (uint8_t)reg;
    s->free &= ~(1u << reg);
    if (reg >= 16)
        s->ra->vec_used |= 1u << (reg - 16);
}

void ra_drop(struct ra_scan *s, ir_ref v)
{
    unsigned reg = s->val[v].reg;

    if (reg == RA_NO_REG)
        return;
    s->regs[reg] = IR_NONE;
    s->val[v].reg = RA_NO_REG;
    s->free |= 1u << reg;
}

static struct ra_loc loc_of(const struct ra_scan *s, ir_ref v)
{
    return s->val[v].reg != RA_NO_REG ? ra_reg_loc(s->val[v].reg) : s->val[v].mem;
}

/* --- choosing registers ------------------------------------------------------------------------------------------ */

/* Registers that will be destroyed or taken for something fixed while v is needed. */
static uint32_t endangered(const struct ra_scan *s, ir_ref v)
{
    uint32_t mask = 0, end = s->val[v].end, seen = 0;

    for (uint32_t k = s->next_clobber; k-- > 0 && s->clobbers[k].pos <= end && seen < 8; seen++)
        mask |= s->clobbers[k].mask;
    return mask;
}

/* Registers that a value yet to be made while v lives would like to have. */
static uint32_t hoped_for(const struct ra_scan *s, ir_ref v)
{
    uint32_t mask = 0, end = s->val[v].end, seen = 0;

    for (uint32_t k = s->next_hope; k-- > 0 && s->hopes[k].pos < end && seen < 16; seen++)
        mask |= s->hopes[k].mask;
    return mask;
}

static unsigned first_of(const struct ra_scan *s, unsigned cls, uint32_t mask)
{
    for (const uint8_t *o = s->order[cls]; *o != RA_NO_REG; o++)
        if (mask >> *o & 1)
            return *o;
    return (unsigned)__builtin_ctz(mask);
}

/* How much is lost by throwing v out: the higher, the better a victim. */
static uint64_t uselessness(struct ra_scan *s, ir_ref v)
{
    const struct ra_val *val = &s->val[v];
    uint64_t d = ra_next_use(s, v) - s->pos;

    if (val->flags & (RA_V_SPILLED | RA_V_CONST))
        d *= 2;                                /* no store needed */
    return d;
}

static unsigned victim(struct ra_scan *s, uint32_t from)
{
    unsigned best = RA_NO_REG;
    uint64_t most = 0;

    for (uint32_t m = from; m; m &= m - 1) {
        unsigned reg = (unsigned)__builtin_ctz(m);
        uint64_t u = s->regs[reg] ? uselessness(s, s->regs[reg]) + 1 : UINT64_MAX;

        if (u > most) {
            most = u;
            best = reg;
        }
    }
    return best;
}

/* Throws out what is in reg; its place in memory is valid. */
static void evict(struct ra_scan *s, unsigned reg)
{
    ir_ref v = s->regs[reg];

    if (!v)
        return;
    ra_spill(s, v);
    ra_drop(s, v);
}

/* A register of a class out of `allowed`; empty, whatever it held. v: what it is for (IR_NONE: scratch). */
static unsigned take_reg(struct ra_scan *s, unsigned cls, ir_ref v, uint32_t allowed)
{
    uint32_t from = s->cls_regs[cls] & allowed & ~s->pinned, free = from & s->free;
    unsigned reg;

    if (free) {
        uint32_t danger = v ? endangered(s, v) : 0;
        uint8_t hint = v ? s->val[v].hint : RA_NO_REG;

        if (hint != RA_NO_REG && free >> hint & 1)
            return hint;
        if (v && s->val[v].slot < s->ir->nslots) {
            hint = s->slot_reg[s->val[v].slot];   /* where the guest register was last */
            if (hint != RA_NO_REG && (free & ~danger & ~hoped_for(s, v)) >> hint & 1)
                return hint;
        }
        if (free & ~danger)
            free &= ~danger;
        danger = v ? hoped_for(s, v) : 0;
        return first_of(s, cls, free & ~danger ? free & ~danger : free);
    }
    reg = victim(s, from);
    assert(reg != RA_NO_REG && "the host wants more registers at once than there are");
    evict(s, reg);
    return reg;
}

/* Moves v to a register that is not forbidden; to memory when there is none or it is not wanted soon. */
static void relocate(struct ra_scan *s, ir_ref v)
{
    unsigned old = s->val[v].reg, cls = old >= 16 ? RA_CLASS_VEC : RA_CLASS_GPR, reg;
    uint32_t free = s->cls_regs[cls] & s->free & ~s->pinned & ~s->forbidden;

    if (!free || (s->val[v].flags & RA_V_CONST) ||
        (ra_next_use(s, v) == RA_DIST_WEAK && s->val[v].end > s->pos && s->val[v].flags & RA_V_SPILLED)) {
        evict(s, old);
        return;
    }
    reg = take_reg(s, cls, v, free);
    ra_move_now(s, ra_reg_loc(old), ra_reg_loc(reg), v);
    ra_drop(s, v);
    ra_put(s, v, reg);
}

/* --- operands ---------------------------------------------------------------------------------------------------- */

static void load(struct ra_scan *s, ir_ref v, unsigned reg)
{
    if (s->val[v].reg == RA_NO_REG)
        ra_count_on_memory(s, v, s->block);
    ra_move_now(s, loc_of(s, v), ra_reg_loc(reg), v);
}

static bool needed_besides(const struct serving *sv, const struct ra_scan *s, ir_ref v, const struct ra_operand *op)
{
    if (s->val[v].end > s->pos || s->val[v].snap == s->pos)
        return true;
    for (unsigned k = 0; k < sv->nop; k++)
        if (&sv->op[k] != op && sv->op[k].v == v)
            return true;
    return false;
}

/* An operand that must be in one certain register: whoever is there leaves, then the value or a copy moves in. */
static void serve_fixed(struct ra_scan *s, struct serving *sv, const struct ra_operand *op, unsigned reg)
{
    ir_ref there = s->regs[reg];

    if (there && there != op->v)
        relocate(s, there);
    if (s->val[op->v].reg != reg) {
        load(s, op->v, reg);
        if (!needed_besides(sv, s, op->v, op)) {
            ra_drop(s, op->v);
            ra_put(s, op->v, reg);
        }
    }
    *op->loc = ra_reg_loc(reg);
    s->pinned |= 1u << reg;
}

static unsigned fixed_reg(const struct serving *sv, const struct ra_operand *op)
{
    if (op->arg->accept == RA_FIXED)
        return ra_reg_of(op->arg->cls, op->arg->reg);
    if (op->index >= 0 && op->index == sv->need->dst_same && sv->need->dst_fixed >= 0)
        return ra_reg_of(sv->need->dst_cls, (unsigned)sv->need->dst_fixed);
    return RA_NO_REG;
}

static void serve_fixed_all(struct ra_scan *s, struct serving *sv)
{
    for (unsigned k = 0; k < sv->nop; k++) {
        unsigned reg = fixed_reg(sv, &sv->op[k]);

        if (reg != RA_NO_REG)
            sv->fixed |= 1u << reg;
    }
    if (!sv->fixed)
        return;
    s->forbidden |= sv->fixed;
    for (unsigned k = 0; k < sv->nop; k++) {
        unsigned reg = fixed_reg(sv, &sv->op[k]);

        if (reg != RA_NO_REG)
            serve_fixed(s, sv, &sv->op[k], reg);
    }
}

/* Every register of the class is destroyed: arguments sit there all the same and are read before. */
static bool all_destroyed(const struct ra_scan *s, unsigned cls)
{
    return !(s->cls_regs[cls] & ~s->forbidden);
}

/* What sits in registers that the instruction destroys or overwrites, and is needed in it or after it, leaves. */
static void clear_clobbered(struct ra_scan *s, struct serving *sv)
{
    uint32_t mask = s->forbidden & ~s->free & (s->cls_regs[RA_CLASS_GPR] | s->cls_regs[RA_CLASS_VEC]);
    uint32_t destroyed = ra_mask(sv->need->clobber_gpr, sv->need->clobber_vec);

    if (sv->need->dst_fixed >= 0)
        destroyed |= 1u << ra_reg_of(sv->need->dst_cls, (unsigned)sv->need->dst_fixed);
    for (mask &= destroyed; mask; mask &= mask - 1) {
        unsigned reg = (unsigned)__builtin_ctz(mask);
        ir_ref v = s->regs[reg];
        bool wanted = s->val[v].end > s->pos || s->val[v].snap == s->pos;

        for (unsigned k = 0; k < sv->nop && !all_destroyed(s, s->val[v].cls); k++)
            wanted |= sv->op[k].v == v && fixed_reg(sv, &sv->op[k]) == RA_NO_REG;
        if (wanted)
            relocate(s, v);
    }
}

/* A value whose memory copy will do. */
static bool serve_in_place(struct ra_scan *s, struct serving *sv, const struct ra_operand *op)
{
    const struct ra_val *v = &s->val[op->v];
    unsigned accept = op->arg->accept;
    bool same = op->index >= 0 && op->index == sv->need->dst_same;

    uint32_t next, room;

    if (same || v->reg != RA_NO_REG || (v->flags & RA_V_CONST))
        return false;
    if (accept != RA_ANY && (accept != RA_REG_OR_MEM || sv->memory_used))
        return false;
    next = ra_next_use(s, op->v);
    room = s->cls_regs[v->cls] & s->free & ~s->pinned & ~s->forbidden;
    if (accept == RA_REG_OR_MEM && room && next < RA_DIST_WEAK && next - s->pos < USE_SOON)
        return false;                          /* wanted again soon, and there is room: better load it now */
    sv->memory_used |= accept == RA_REG_OR_MEM;
    *op->loc = v->mem;
    ra_count_on_memory(s, op->v, s->block);
    return true;
}

/* A constant that the host embeds here. */
static bool embeds(const struct ra_scan *s, const struct serving *sv, const struct ra_operand *op)
{
    return (s->val[op->v].flags & RA_V_CONST) && (op->arg->accept == RA_REG_OR_CONST || op->arg->accept == RA_ANY) &&
           (op->index < 0 || op->index != sv->need->dst_same);
}

static void serve_operands(struct ra_scan *s, struct serving *sv)
{
    bool done[RA_MAX_OPERANDS] = { false };

    for (unsigned k = 0; k < sv->nop; k++) {
        const struct ra_operand *op = &sv->op[k];

        if (sv->fixed && fixed_reg(sv, op) != RA_NO_REG) {
            done[k] = true;
        } else if (embeds(s, sv, op)) {
            *op->loc = s->val[op->v].mem;
            done[k] = true;
        } else if (s->val[op->v].reg != RA_NO_REG) {
            s->pinned |= 1u << s->val[op->v].reg;
        }
    }
    for (unsigned k = 0; k < sv->nop; k++) {
        const struct ra_operand *op = &sv->op[k];
        struct ra_val *v = &s->val[op->v];

        if (done[k])
            continue;
        if (serve_in_place(s, sv, op))
            continue;
        if (v->reg == RA_NO_REG && all_destroyed(s, v->cls)) {
            unsigned reg = take_reg(s, v->cls, IR_NONE, ~sv->fixed);

            load(s, op->v, reg);
            *op->loc = ra_reg_loc(reg);
            s->pinned |= 1u << reg;
            continue;
        }
        if (v->reg == RA_NO_REG) {
            unsigned reg = take_reg(s, v->cls, op->v, ~s->forbidden);

            load(s, op->v, reg);
            ra_put(s, op->v, reg);
        }
        *op->loc = ra_reg_loc(v->reg);
        s->pinned |= 1u << v->reg;
    }
}

/* Two-address form: the result overwrites its argument. If that lives on, one of the two moves to another register. */
static void serve_same(struct ra_scan *s, struct serving *sv)
{
    const struct ra_need *need = sv->need;
    const struct ra_operand *op = NULL;
    unsigned reg, copy;
    uint32_t room;
    bool early_twin = false, keep;

    for (unsigned k = 0; k < sv->nop; k++)
        if (sv->op[k].index >= 0 && sv->op[k].index == need->dst_same)
            op = &sv->op[k];
    if (!op || need->dst_fixed >= 0)
        return;
    for (unsigned k = 0; k < sv->nop; k++)
        early_twin |= need->dst_early && &sv->op[k] != op && sv->op[k].v == op->v;
    keep = s->val[op->v].end > s->pos || s->val[op->v].snap == s->pos;
    if (!keep && !early_twin)
        return;
    reg = op->loc->reg + (op->loc->kind == RA_VEC ? 16 : 0);
    room = s->cls_regs[need->dst_cls] & s->free & ~s->pinned & ~s->forbidden;
    if (!early_twin && !room) {
        /* Nothing is free: the argument itself may be what is wanted last. */
        unsigned worst = victim(s, s->cls_regs[need->dst_cls] & ~s->forbidden & (~s->pinned | 1u << reg));

        if (worst == reg) {
            evict(s, reg);
            return;
        }
    }
    /* The result's own hint decides who moves. */
    if (!early_twin && room && s->val[sv->r].hint == reg && s->val[op->v].hint != reg) {
        copy = take_reg(s, need->dst_cls, op->v, ~s->forbidden);
        ra_move_now(s, ra_reg_loc(reg), ra_reg_loc(copy), op->v);
        ra_drop(s, op->v);
        ra_put(s, op->v, copy);
        for (unsigned k = 0; k < sv->nop; k++)
            if (&sv->op[k] != op && sv->op[k].v == op->v && sv->op[k].loc->kind == op->loc->kind &&
                fixed_reg(sv, &sv->op[k]) == RA_NO_REG)
                *sv->op[k].loc = ra_reg_loc(copy);
        s->pinned |= 1u << copy;
        return;
    }
    copy = take_reg(s, need->dst_cls, sv->r, ~s->forbidden);
    ra_move_now(s, ra_reg_loc(reg), ra_reg_loc(copy), op->v);
    *op->loc = ra_reg_loc(copy);
    s->pinned |= 1u << copy;
}

static void serve_scratch(struct ra_scan *s, struct serving *sv)
{
    for (unsigned k = 0; k < sv->need->ntmp_gpr; k++) {
        unsigned reg = take_reg(s, RA_CLASS_GPR, IR_NONE, ~s->forbidden);

        sv->out->tmp_gpr[k] = (uint8_t)reg;
        s->pinned |= 1u << reg;
    }
    for (unsigned k = 0; k < sv->need->ntmp_vec; k++) {
        unsigned reg = take_reg(s, RA_CLASS_VEC, IR_NONE, ~s->forbidden);

        sv->out->tmp_vec[k] = (uint8_t)(reg - 16);
        s->pinned |= 1u << reg;
        s->ra->vec_used |= 1u << (reg - 16);
    }
}

/* --- snapshots --------------------------------------------------------------------------------------------------- */

static void mark_snapshot(struct ra_scan *s, uint32_t snap)
{
    const struct ir_snap *sn = &s->ir->snaps[snap];
    const struct ir_snap_entry *e = s->ir->snap_pool + sn->first;

    for (uint32_t k = 0; k < sn->n; k++)
        s->val[e[k].val].snap = s->pos;
    s->val[sn->pc_val].snap = s->pos;
}

static void snap_entry(struct ra_scan *s, const struct ra_need *need, unsigned slot, unsigned how, ir_ref val)
{
    struct ra *ra = s->ra;
    const struct ra_val *v = &s->val[val];
    struct ra_loc loc;

    if (v->reg != RA_NO_REG && !need->snap_any)
        ra_spill(s, val);
    loc = v->reg == RA_NO_REG || !need->snap_any || v->flags & RA_V_CONST ? v->mem : ra_reg_loc(v->reg);
    if (loc.kind == RA_HOME || loc.kind == RA_SPILL)
        ra_count_on_memory(s, val, s->block);
    ra->snap_loc[ra->nsnap_loc++] = (struct ra_snap_loc){ .slot = (uint16_t)slot, .how = (uint16_t)how, .loc = loc,
                                                           .val = val };
}

static void serve_snapshot(struct ra_scan *s, struct serving *sv, uint32_t snap)
{
    struct ra *ra = s->ra;
    const struct ir_snap *sn = &s->ir->snaps[snap];
    const struct ir_snap_entry *e = s->ir->snap_pool + sn->first;

    ra->snap_loc = ra_grow(ra->snap_loc, &ra->snap_loc_cap, ra->nsnap_loc + sn->n + 1);
    sv->out->snap_first = ra->nsnap_loc;
    for (uint32_t k = 0; k < sn->n; k++)
        snap_entry(s, sv->need, e[k].slot, e[k].how, e[k].val);
    if (sn->pc_val)
        snap_entry(s, sv->need, IR_SLOT_END, IR_HOW_SAME, sn->pc_val);
    sv->out->snap_n = ra->nsnap_loc - sv->out->snap_first;
}

/* --- results ------------------------------------------------------------------------------------------------------ */

static void free_if_dead(struct ra_scan *s, ir_ref v)
{
    if (s->val[v].end <= s->pos)
        ra_drop(s, v);
}

static void free_dead(struct ra_scan *s, const struct serving *sv, uint32_t snap)
{
    for (unsigned k = 0; k < sv->nop; k++)
        free_if_dead(s, sv->op[k].v);
    if (!snap)
        return;
    const struct ir_snap *sn = &s->ir->snaps[snap];
    for (uint32_t k = 0; k < sn->n; k++)
        free_if_dead(s, s->ir->snap_pool[sn->first + k].val);
    free_if_dead(s, sn->pc_val);
}

static unsigned result_reg(struct ra_scan *s, struct serving *sv)
{
    const struct ra_need *need = sv->need;

    if (need->dst_fixed >= 0)
        return ra_reg_of(need->dst_cls, (unsigned)need->dst_fixed);
    for (unsigned k = 0; k < sv->nop && need->dst_same >= 0; k++)
        if (sv->op[k].index == need->dst_same)
            return sv->op[k].loc->reg + (sv->op[k].loc->kind == RA_VEC ? 16u : 0);
    return take_reg(s, need->dst_cls, sv->r, ~s->forbidden);
}

/* Arguments that die make room first, and the registers of those that can be thrown out can be had too: everything has
 * been read when the result is written. */
static void unpin_operands(struct ra_scan *s, const struct serving *sv)
{
    s->pinned = 0;
    for (unsigned k = 0; k < sv->need->ntmp_gpr; k++)
        s->pinned |= 1u << sv->out->tmp_gpr[k];
    for (unsigned k = 0; k < sv->need->ntmp_vec; k++)
        s->pinned |= 1u << (sv->out->tmp_vec[k] + 16);
}

static void serve_result(struct ra_scan *s, struct serving *sv, unsigned reg)
{
    if (s->regs[reg])
        evict(s, reg);
    ra_put(s, sv->r, reg);
    sv->out->dst = ra_reg_loc(reg);
    if (!s->val[sv->r].end)
        ra_drop(s, sv->r);
}

static void begin(struct ra_scan *s, const struct serving *sv)
{
    s->cur = sv->r;
    s->tail = 0;
    s->pinned = 0;
    s->forbidden = ra_mask(sv->need->clobber_gpr, sv->need->clobber_vec);
    if (sv->need->dst_fixed >= 0)
        s->forbidden |= 1u << ra_reg_of(sv->need->dst_cls, (unsigned)sv->need->dst_fixed);
    while (s->next_clobber && s->clobbers[s->next_clobber - 1].pos <= s->pos)
        s->next_clobber--;
    while (s->next_hope && s->hopes[s->next_hope - 1].pos <= s->pos)
        s->next_hope--;
}

static void serve(struct ra_scan *s, ir_ref r)
{
    const struct ir_insn *i = ir_at(s->ir, r);
    struct serving sv = { .r = r, .need = &s->need[r], .out = &s->ra->insn[r] };
    bool early = sv.need->dst_cls && sv.need->dst_early;
    unsigned reg = RA_NO_REG;

    begin(s, &sv);
    if (i->op == IR_OP_get && sv.need->dst_cls && ra_claim_home(s, r)) {
        sv.out->dst = s->val[r].mem;
        return;
    }
    sv.nop = ra_operands(s, r, &sv.op);
    if (i->snap)
        mark_snapshot(s, i->snap);
    serve_fixed_all(s, &sv);
    clear_clobbered(s, &sv);
    serve_operands(s, &sv);
    if (sv.need->dst_same >= 0)
        serve_same(s, &sv);
    serve_scratch(s, &sv);
    if (early) {                               /* distinct from all that is read here, by a fault too */
        reg = result_reg(s, &sv);
        s->pinned |= 1u << reg;
    }
    if (i->snap)
        serve_snapshot(s, &sv, i->snap);
    free_dead(s, &sv, i->snap);
    if (!sv.need->dst_cls)
        return;
    if (!early) {
        unpin_operands(s, &sv);
        reg = result_reg(s, &sv);
    }
    serve_result(s, &sv, reg);
}

void ra_scan_block(struct ra_scan *s, ir_block_ref b)
{
    s->block = b;
    s->pos = s->blk[b].start;
    ra_block_live(s, b);
    ra_enter_block(s, b);
    if (ra_multi(s))
        ra_block_hints(s, b);
    for (ir_ref r = s->ir->blocks[b].first; r; r = s->ir->insns[r].next) {
        s->pos = s->val[r].def;
        if (!s->need[r].skip)
            serve(s, r);
    }
    ra_leave_block(s, b);
}

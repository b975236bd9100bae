/* What is needed where: the host's wishes, next uses, what crosses borders of blocks, homes. */
#include "tcg/alloc/internal.h"

#include <string.h>

enum { SLOT_UNSET = 0xfffe };

unsigned ra_operands(const struct ra_scan *s, ir_ref r, struct ra_operand *out)
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

static void note_slot(struct ra_scan *s, ir_ref v, unsigned slot)
{
    struct ra_val *val = &s->val[v];

    if (val->slot == SLOT_UNSET)
        val->slot = (uint16_t)slot;
    else if (val->slot != slot)
        val->slot = RA_NO_SLOT;
}

static void note_write(struct ra_scan *s, uint32_t *list, ir_ref val)
{
    s->writes = ra_grow(s->writes, &s->writes_cap, s->nwrites + 1);
    s->writes[s->nwrites] = (struct ra_write){ .pos = s->pos, .next = *list, .val = val };
    *list = s->nwrites++;
}

static unsigned slot_bytes(unsigned type)
{
    return type == IR_V256 ? 32 : type == IR_V128 ? 16 : type == IR_I32 || type == IR_F32 || type == IR_FLAGS ? 4 : 8;
}

static bool overlaps_home(const struct ra_scan *s, const struct ir_insn *i, unsigned slot)
{
    const struct ir_slot *sl = &s->ir->slots[slot];

    return i->imm < sl->offset + slot_bytes(sl->type) && sl->offset < i->imm + ir_mem_bytes(i->aux);
}

static bool near_homes(const struct ra_scan *s, const struct ir_insn *i)
{
    return i->imm < s->home_high && i->imm + ir_mem_bytes(i->aux) > s->home_low;
}

static void note_home_writes(struct ra_scan *s, const struct ir_insn *i)
{
    if (i->op == IR_OP_set) {
        note_write(s, &s->slot_writes[i->imm], i->arg[0]);
    } else if (i->op == IR_OP_call) {
        const struct ir_helper *h = s->ir->helpers[i->imm];

        if (h->flags & IR_H_WRITE_ALL)
            note_write(s, &s->all_writes, IR_NONE);
        else if (h->writes)
            for (const uint16_t *w = h->writes; *w != IR_SLOT_END; w++)
                note_write(s, &s->slot_writes[*w], IR_NONE);
    } else if (i->op == IR_OP_stenv && near_homes(s, i)) {
        for (unsigned slot = 0; slot < s->ir->nslots; slot++)
            if (overlaps_home(s, i, slot))
                note_write(s, &s->slot_writes[slot], IR_NONE);
    }
}

static void start_value(struct ra_scan *s, ir_ref r, const struct ir_insn *i)
{
    struct ra_val *v = &s->val[r];

    *v = (struct ra_val){ .def = s->pos, .slot = SLOT_UNSET, .reg = RA_NO_REG, .hint = RA_NO_REG, .type = i->type };
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
    s->val[r].cls = need->dst_cls;
    if (i->op == IR_OP_get)
        note_slot(s, r, (unsigned)i->imm);
    if (ir_ops[i->op].props & IR_ENV)
        note_home_writes(s, i);
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

static void reset_slots(struct ra_scan *s)
{
    const struct ir *ir = s->ir;

    s->nwords = ir->nslots / 64 + 1;
    s->home_low = UINT32_MAX;
    s->home_high = 0;
    s->slot_writes = ra_grow(s->slot_writes, &s->slots_cap, ir->nslots);
    s->slot_reg = ra_grow(s->slot_reg, &s->slot_reg_cap, ir->nslots);
    memset(s->slot_reg, RA_NO_REG, ir->nslots);
    s->slot_owners = ra_grow(s->slot_owners, &s->owners_cap, ir->nslots);
    s->unsafe = ra_grow(s->unsafe, &s->unsafe_now_cap, s->nwords);
    for (unsigned i = 0; i < ir->nslots; i++) {
        const struct ir_slot *sl = &ir->slots[i];

        s->slot_writes[i] = 0;
        s->slot_owners[i] = 0;
        if (sl->offset < s->home_low)
            s->home_low = sl->offset;
        if (sl->offset + slot_bytes(sl->type) > s->home_high)
            s->home_high = sl->offset + slot_bytes(sl->type);
    }
    s->writes = ra_grow(s->writes, &s->writes_cap, 1);
    s->nwrites = 1;
    s->all_writes = 0;
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
    reset_slots(s);
    s->pos = 1;
    for (uint32_t k = 0; k < s->nrpo; k++)
        gather_block(s, s->rpo[k]);
}

/* --- homes: where an early store would be seen ------------------------------------------------------------------- */

static void set_slot(uint64_t *w, unsigned slot) { w[slot / 64] |= UINT64_C(1) << slot % 64; }
static void clear_slot(uint64_t *w, unsigned slot) { w[slot / 64] &= ~(UINT64_C(1) << slot % 64); }
static bool has_slot(const uint64_t *w, unsigned slot) { return w[slot / 64] >> slot % 64 & 1; }

static void unsafe_snap(struct ra_scan *s, uint32_t snap)
{
    const struct ir_snap *sn = &s->ir->snaps[snap];
    const struct ir_snap_entry *e = s->ir->snap_pool + sn->first;
    uint64_t named[s->nwords];

    memset(named, 0, sizeof named);
    for (uint32_t k = 0; k < sn->n; k++)
        set_slot(named, e[k].slot);
    for (unsigned w = 0; w < s->nwords; w++)
        s->unsafe[w] |= ~named[w];
}

static void unsafe_call(struct ra_scan *s, const struct ir_insn *i)
{
    const struct ir_helper *h = s->ir->helpers[i->imm];

    if (h->flags & IR_H_WRITE_ALL)
        memset(s->unsafe, 0, s->nwords * sizeof *s->unsafe);
    if (h->writes)
        for (const uint16_t *w = h->writes; *w != IR_SLOT_END; w++)
            clear_slot(s->unsafe, *w);
    if (h->flags & (IR_H_READ_ALL | IR_H_FAULT))
        memset(s->unsafe, 0xff, s->nwords * sizeof *s->unsafe);
    if (h->reads)
        for (const uint16_t *w = h->reads; *w != IR_SLOT_END; w++)
            set_slot(s->unsafe, *w);
}

/* One instruction backwards: what it writes hides what was there; what it reads must not have been touched. */
static void unsafe_step(struct ra_scan *s, const struct ir_insn *i)
{
    switch (i->op) {
    case IR_OP_set: clear_slot(s->unsafe, (unsigned)i->imm); break;
    case IR_OP_get: set_slot(s->unsafe, (unsigned)i->imm); break;
    case IR_OP_call: unsafe_call(s, i); break;
    case IR_OP_ldenv:
        for (unsigned slot = 0; near_homes(s, i) && slot < s->ir->nslots; slot++)
            if (overlaps_home(s, i, slot))
                set_slot(s->unsafe, slot);
        break;
    default: break;
    }
    if (i->snap)
        unsafe_snap(s, i->snap);
}

static void unsafe_block(struct ra_scan *s, ir_block_ref b, int fill)
{
    memset(s->unsafe, fill, s->nwords * sizeof *s->unsafe);
    for (ir_ref r = s->ir->blocks[b].last; r; r = s->ir->insns[r].prev)
        unsafe_step(s, ir_at(s->ir, r));
}

static void unsafe_out(const struct ra_scan *s, ir_block_ref b, uint64_t *out)
{
    const struct ir_block *ib = &s->ir->blocks[b];

    memset(out, 0, s->nwords * sizeof *out);
    for (unsigned k = 0; k < ib->nsucc; k++)
        for (unsigned w = 0; w < s->nwords; w++)
            out[w] |= s->unsafe_in[(size_t)ib->succ[k] * s->nwords + w];
}

static void unsafe_blocks(struct ra_scan *s)
{
    size_t words = (size_t)s->ir->nblocks * s->nwords;
    uint64_t *pass, out[s->nwords];
    bool changed = true;

    s->unsafe_in = ra_grow(s->unsafe_in, &s->unsafe_cap, 2 * words);
    memset(s->unsafe_in, 0, 2 * words * sizeof *s->unsafe_in);
    pass = s->unsafe_in + words;
    for (uint32_t k = 0; k < s->nrpo; k++) {
        size_t at = (size_t)s->rpo[k] * s->nwords;

        unsafe_block(s, s->rpo[k], 0);
        memcpy(s->unsafe_in + at, s->unsafe, sizeof out);
        unsafe_block(s, s->rpo[k], 0xff);
        memcpy(pass + at, s->unsafe, sizeof out);
    }
    while (changed) {
        changed = false;
        for (uint32_t k = s->nrpo; k-- > 0; ) {
            size_t at = (size_t)s->rpo[k] * s->nwords;

            unsafe_out(s, s->rpo[k], out);
            for (unsigned w = 0; w < s->nwords; w++) {
                uint64_t in = s->unsafe_in[at + w] | (out[w] & pass[at + w]);

                changed |= in != s->unsafe_in[at + w];
                s->unsafe_in[at + w] = in;
            }
        }
    }
}

/* --- across blocks ----------------------------------------------------------------------------------------------- */

static uint32_t add_dist(uint32_t d, uint32_t more)
{
    return d >= RA_DIST_WEAK ? d : d + more > RA_DIST_FAR ? RA_DIST_FAR : d + more;
}

static void make_global(struct ra_scan *s, ir_ref v)
{
    if (s->val[v].global)
        return;
    s->globals = ra_grow(s->globals, &s->globals_cap, s->nglobals + 1);
    s->globals[s->nglobals] = v;
    s->val[v].global = s->nglobals++;
}

/* Does an instruction that accepts `a` want v in a register? A constant may be embedded. */
static bool wants_reg(const struct ra_val *v, const struct ra_arg *a)
{
    return !(v->flags & RA_V_CONST) || (a->accept != RA_REG_OR_CONST && a->accept != RA_ANY);
}

static void cross(struct ra_scan *s, ir_block_ref b, ir_ref v)
{
    if (v && (s->val[v].def < s->blk[b].start || s->val[v].def > s->blk[b].end))
        make_global(s, v);
}

static void find_globals_of(struct ra_scan *s, ir_block_ref b, ir_ref r)
{
    const struct ir_insn *i = ir_at(s->ir, r);
    struct ra_operand op[RA_MAX_OPERANDS];
    unsigned n = ra_operands(s, r, op);

    for (unsigned k = 0; k < n; k++)
        if (wants_reg(&s->val[op[k].v], op[k].arg)) {
            s->val[op[k].v].flags |= RA_V_WANTED;
            cross(s, b, op[k].v);
        }
    if (!i->snap)
        return;
    const struct ir_snap *sn = &s->ir->snaps[i->snap];
    for (uint32_t k = 0; k < sn->n; k++)
        if (!(s->val[s->ir->snap_pool[sn->first + k].val].flags & RA_V_CONST))
            cross(s, b, s->ir->snap_pool[sn->first + k].val);
    if (!(s->val[sn->pc_val].flags & RA_V_CONST))
        cross(s, b, sn->pc_val);
}

static void find_globals(struct ra_scan *s)
{
    s->globals = ra_grow(s->globals, &s->globals_cap, 1);
    s->nglobals = 1;
    for (uint32_t k = 0; k < s->nrpo; k++)
        for (ir_ref r = s->ir->blocks[s->rpo[k]].first; r; r = s->ir->insns[r].next) {
            const struct ir_insn *i = ir_at(s->ir, r);
            const ir_ref *args = ir_args(s->ir, i);

            if (i->op != IR_OP_phi)
                find_globals_of(s, s->rpo[k], r);
            for (unsigned a = 0; i->op == IR_OP_phi && a < i->nargs; a++)
                if (!(s->val[args[a]].flags & RA_V_CONST) && s->blk[s->ir->blocks[s->rpo[k]].pred[a]].order)
                    make_global(s, args[a]);
        }
}

/* A phi is wanted in a register if an instruction wants it, or a phi that it goes into. */
static void find_wanted_phis(struct ra_scan *s)
{
    bool changed = true;

    while (changed) {
        changed = false;
        for (uint32_t k = s->nrpo; k-- > 0; )
            for (ir_ref r = s->ir->blocks[s->rpo[k]].first; r; r = s->ir->insns[r].next) {
                const struct ir_insn *i = ir_at(s->ir, r);
                const ir_ref *args = ir_args(s->ir, i);

                if (i->op != IR_OP_phi || !(s->val[r].flags & RA_V_WANTED))
                    continue;
                for (unsigned a = 0; a < i->nargs; a++)
                    if (!(s->val[args[a]].flags & RA_V_WANTED)) {
                        s->val[args[a]].flags |= RA_V_WANTED;
                        changed = true;
                    }
            }
    }
}

static void lower(uint32_t *to, uint32_t d)
{
    if (d < *to)
        *to = d;
}

/* Uses within a block that see the value it was entered with; phi arguments are used at the end of the predecessor. */
static void exposed_uses(struct ra_scan *s, ir_block_ref b)
{
    uint32_t *in = s->dist_in + (size_t)b * s->nglobals;
    struct ra_operand op[RA_MAX_OPERANDS];

    for (ir_ref r = s->ir->blocks[b].first; r; r = s->ir->insns[r].next) {
        const struct ir_insn *i = ir_at(s->ir, r);
        const ir_ref *args = ir_args(s->ir, i);
        uint32_t at = s->val[r].def - s->blk[b].start;

        for (unsigned a = 0; i->op == IR_OP_phi && a < i->nargs; a++) {
            ir_block_ref p = s->ir->blocks[b].pred[a];
            uint32_t g = s->val[args[a]].global;

            if (g && s->blk[p].order)
                lower(&s->dist_out[(size_t)p * s->nglobals + g], s->val[r].flags & RA_V_WANTED ? 1 : RA_DIST_WEAK);
        }
        unsigned n = i->op == IR_OP_phi ? 0 : ra_operands(s, r, op);
        for (unsigned k = 0; k < n; k++)
            if (s->val[op[k].v].global && wants_reg(&s->val[op[k].v], op[k].arg))
                lower(&in[s->val[op[k].v].global], at);
        if (i->snap) {
            const struct ir_snap *sn = &s->ir->snaps[i->snap];

            for (uint32_t k = 0; k < sn->n; k++)
                lower(&in[s->val[s->ir->snap_pool[sn->first + k].val].global], RA_DIST_WEAK);
            lower(&in[s->val[sn->pc_val].global], RA_DIST_WEAK);
        }
    }
    for (uint32_t g = 1; g < s->nglobals; g++)
        if (s->val[s->globals[g]].def >= s->blk[b].start && s->val[s->globals[g]].def <= s->blk[b].end)
            in[g] = RA_DIST_DEAD;
}

static bool flow_block(struct ra_scan *s, ir_block_ref b)
{
    const struct ir_block *ib = &s->ir->blocks[b];
    uint32_t *in = s->dist_in + (size_t)b * s->nglobals, *out = s->dist_out + (size_t)b * s->nglobals;
    uint32_t len = s->blk[b].end - s->blk[b].start + 1;
    bool changed = false;

    for (unsigned k = 0; k < ib->nsucc; k++) {
        const uint32_t *from = s->dist_in + (size_t)ib->succ[k] * s->nglobals;
        uint32_t leaves = s->blk[b].loop && !ra_in_loop(s, ib->succ[k], s->blk[b].loop) ? RA_LOOP_EXIT : 0;

        for (uint32_t g = 1; g < s->nglobals; g++)
            lower(&out[g], add_dist(from[g], leaves));
    }
    for (uint32_t g = 1; g < s->nglobals; g++) {
        uint32_t d = add_dist(out[g], len), def = s->val[s->globals[g]].def;

        if (d >= in[g] || (def >= s->blk[b].start && def <= s->blk[b].end))
            continue;
        in[g] = d;
        changed = true;
    }
    return changed;
}

void ra_global_live(struct ra_scan *s)
{
    size_t n;
    uint32_t cap = s->dist_cap;
    bool changed = true;

    find_globals(s);
    find_wanted_phis(s);
    n = (size_t)s->ir->nblocks * s->nglobals;
    s->dist_in = ra_grow(s->dist_in, &cap, n);
    s->dist_out = ra_grow(s->dist_out, &s->dist_cap, n);
    for (size_t k = 0; k < n; k++)
        s->dist_in[k] = s->dist_out[k] = RA_DIST_DEAD;
    for (uint32_t k = 0; k < s->nrpo; k++)
        exposed_uses(s, s->rpo[k]);
    while (changed) {
        changed = false;
        for (uint32_t k = s->nrpo; k-- > 0; )
            changed |= flow_block(s, s->rpo[k]);
    }
    unsafe_blocks(s);
}

/* --- pressure ------------------------------------------------------------------------------------------------------ */

enum { MARK_LIVE = 1, MARK_WANTED = 2 };
struct count { uint32_t alive[3], wanted[3], most_alive[3], most_wanted[3]; };

static void start_living(struct ra_scan *s, struct count *c, ir_ref r, unsigned mark)
{
    struct ra_val *v = &s->val[r];

    if ((v->flags & RA_V_CONST) || !v->cls)
        return;
    c->alive[v->cls] += mark & ~v->mark & MARK_LIVE;
    c->wanted[v->cls] += (mark & ~v->mark & MARK_WANTED) != 0;
    v->mark |= (uint8_t)mark;
}

static void end_living(struct ra_scan *s, struct count *c, ir_ref r)
{
    struct ra_val *v = &s->val[r];

    c->alive[v->cls] -= v->mark & MARK_LIVE;
    c->wanted[v->cls] -= (v->mark & MARK_WANTED) != 0;
    v->mark = 0;
}

static void note_most(struct count *c, const struct ra_need *need)
{
    const unsigned more[3] = { 0, need->ntmp_gpr, need->ntmp_vec };

    for (unsigned cls = RA_CLASS_GPR; cls <= RA_CLASS_VEC; cls++) {
        if (c->alive[cls] + more[cls] > c->most_alive[cls])
            c->most_alive[cls] = c->alive[cls] + more[cls];
        if (c->wanted[cls] + more[cls] > c->most_wanted[cls])
            c->most_wanted[cls] = c->wanted[cls] + more[cls];
    }
}

static void count_insn(struct ra_scan *s, struct count *c, ir_ref r)
{
    const struct ir_insn *i = ir_at(s->ir, r);
    struct ra_operand op[RA_MAX_OPERANDS];
    unsigned n = s->need[r].skip ? 0 : ra_operands(s, r, op);

    note_most(c, &s->need[r]);
    end_living(s, c, r);
    for (unsigned k = 0; k < n; k++)
        start_living(s, c, op[k].v, MARK_LIVE | MARK_WANTED);
    if (i->snap) {
        const struct ir_snap *sn = &s->ir->snaps[i->snap];

        for (uint32_t k = 0; k < sn->n; k++)
            start_living(s, c, s->ir->snap_pool[sn->first + k].val, MARK_LIVE);
    }
    note_most(c, &s->need[r]);
}

static void count_block(struct ra_scan *s, ir_block_ref b, struct count *c)
{
    const uint32_t *out = s->dist_out + (size_t)b * s->nglobals;

    *c = (struct count){ .alive = { 0 } };
    for (uint32_t g = 1; g < s->nglobals; g++)
        if (out[g] != RA_DIST_DEAD)
            start_living(s, c, s->globals[g], out[g] < RA_LOOP_EXIT ? MARK_LIVE | MARK_WANTED : MARK_LIVE);
    for (ir_ref r = s->ir->blocks[b].last; r; r = s->ir->insns[r].prev)
        if (ir_at(s->ir, r)->op == IR_OP_phi)
            s->val[r].mark = 0;
        else
            count_insn(s, c, r);
    for (uint32_t g = 1; g < s->nglobals; g++)
        s->val[s->globals[g]].mark = 0;
}

static void raise(uint8_t *most, uint32_t n)
{
    if (n > *most)
        *most = (uint8_t)(n < 255 ? n : 255);
}

/* How many values the loops keep alive at once: what may be in registers around a loop without others paying for it. */
void ra_pressure(struct ra_scan *s)
{
    for (uint32_t k = 0; k < s->nrpo; k++) {
        ir_block_ref b = s->rpo[k];
        uint32_t clobbered = 0;
        struct count c;

        if (!s->blk[b].loop || s->ir->blocks[b].cold)
            continue;
        count_block(s, b, &c);
        for (ir_ref r = s->ir->blocks[b].first; r; r = s->ir->insns[r].next)
            clobbered |= ra_mask(s->need[r].clobber_gpr, s->need[r].clobber_vec);
        for (uint32_t l = s->blk[b].loop; l; l = s->loops[l].outer) {
            s->loops[l].clobbered |= clobbered;
            for (unsigned cls = RA_CLASS_GPR; cls <= RA_CLASS_VEC; cls++) {
                raise(&s->loops[l].wanted[cls], c.most_wanted[cls]);
                raise(&s->loops[l].alive[cls], c.most_alive[cls]);
            }
        }
    }
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

    for (uint32_t g = 1; g < s->nglobals; g++) {
        struct ra_val *v = &s->val[s->globals[g]];

        v->use = 0;
        v->end = out[g] == RA_DIST_DEAD ? 0 : RA_DIST_WEAK;
        v->out = out[g] >= RA_DIST_WEAK ? RA_DIST_WEAK : add_dist(out[g], s->blk[b].end);
    }
}

static void note_home_ok(struct ra_scan *s, ir_ref r)
{
    struct ra_val *v = &s->val[r];

    if (v->slot < s->ir->nslots && !has_slot(s->unsafe, v->slot))
        v->flags |= RA_V_HOME_OK;
}

void ra_block_live(struct ra_scan *s, ir_block_ref b)
{
    const struct ir *ir = s->ir;
    struct ra_operand op[RA_MAX_OPERANDS];
    uint32_t last_snap = 0;

    s->uses = ra_grow(s->uses, &s->uses_cap, (s->blk[b].end - s->blk[b].start) * RA_MAX_OPERANDS + 1);
    s->nuses = 1;
    s->nclobbers = s->nhopes = 0;
    if (ra_multi(s)) {
        live_outs(s, b);
        unsafe_out(s, b, s->unsafe);
    } else {
        memset(s->unsafe, 0, s->nwords * sizeof *s->unsafe);
    }
    for (ir_ref r = ir->blocks[b].last; r; r = ir->insns[r].prev) {
        const struct ir_insn *i = ir_at(ir, r);
        uint32_t pos = s->val[r].def;

        if (s->val[r].cls) {
            note_home_ok(s, r);
            if (!ra_multi(s))
                note_hope(s, r);
        }
        if (i->op == IR_OP_phi)
            continue;
        if (!s->need[r].skip) {
            unsigned n = ra_operands(s, r, op);

            for (unsigned k = 0; k < n; k++)
                if (wants_reg(&s->val[op[k].v], op[k].arg))
                    use_at(s, op[k].v, pos);
            if (!ra_multi(s))
                pass_hints(s, r, op, n);
            note_clobbers(s, r, op, n, pos);
        }
        if (i->snap && i->snap != last_snap)
            live_snap(s, last_snap = i->snap, pos);
        if (i->snap || (ir_ops[i->op].props & IR_ENV))
            unsafe_step(s, i);
    }
    s->next_clobber = s->nclobbers;
    s->next_hope = s->nhopes;
}

/* Many blocks: once the phis have their registers, what goes into them hopes for the same. */
void ra_block_hints(struct ra_scan *s, ir_block_ref b)
{
    struct ra_operand op[RA_MAX_OPERANDS];

    for (ir_ref r = s->ir->blocks[b].last; r && ir_at(s->ir, r)->op != IR_OP_phi; r = s->ir->insns[r].prev) {
        if (s->need[r].skip)
            continue;
        if (s->val[r].cls)
            note_hope(s, r);
        pass_hints(s, r, op, ra_operands(s, r, op));
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

static ir_block_ref block_at(const struct ra_scan *s, uint32_t pos)
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
    struct ra_operand op[RA_MAX_OPERANDS];
    unsigned n = s->need[r].skip ? 0 : ra_operands(s, r, op);

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
    b = block_at(s, pos);
    if (val->def < s->blk[b].start ? s->dist_in[(size_t)b * s->nglobals + val->global] == RA_DIST_DEAD : val->def >= pos)
        return false;
    if (val->def > s->blk[b].end)
        return s->dist_in[(size_t)b * s->nglobals + val->global] != RA_DIST_DEAD;
    if (s->dist_out[(size_t)b * s->nglobals + val->global] != RA_DIST_DEAD)
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

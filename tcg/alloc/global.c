/* Across blocks: which values are needed where, how far their next uses are, and how many the loops keep alive. */
#include "tcg/alloc/internal.h"

#include <string.h>

static void make_global(struct ra_scan *s, ir_ref v)
{
    if (s->val[v].global)
        return;
    s->globals = ra_grow(s->globals, &s->globals_cap, s->nglobals + 1);
    s->globals[s->nglobals] = v;
    s->val[v].global = s->nglobals++;
}

static void cross(struct ra_scan *s, ir_block_ref b, ir_ref v)
{
    if (v && (s->val[v].def < s->blk[b].start || s->val[v].def > s->blk[b].end))
        make_global(s, v);
}

static void find_globals_of(struct ra_scan *s, ir_block_ref b, ir_ref r)
{
    const struct ir_insn *i = ir_at(s->ir, r);
    const struct ra_operand *op;
    unsigned n = ra_operands(s, r, &op);

    for (unsigned k = 0; k < n; k++)
        if (ra_wants_reg(&s->val[op[k].v], op[k].arg))
            cross(s, b, op[k].v);
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
            else
                make_global(s, r);
            for (unsigned a = 0; i->op == IR_OP_phi && a < i->nargs; a++)
                if (!(s->val[args[a]].flags & RA_V_CONST) && s->blk[s->ir->blocks[s->rpo[k]].pred[a]].order)
                    make_global(s, args[a]);
        }
}

static void lower(uint32_t *to, uint32_t d)
{
    if (d < *to)
        *to = d;
}

/* --- liveness: a bit for each value that crosses borders ---------------------------------------------------------- */

static uint64_t *bits_of(const struct ra_scan *s, uint64_t *bits, ir_block_ref b)
{
    return bits + (size_t)b * s->gwords;
}

/* A use of v in b. Phis count from their own block's start too: that is how far their arguments' uses are. */
static void expose(struct ra_scan *s, ir_block_ref b, ir_ref v, uint32_t dist)
{
    uint32_t g = s->val[v].global;
    bool made_here = s->val[v].def >= s->blk[b].start && s->val[v].def <= s->blk[b].end;

    if (!g || (dist == RA_DIST_WEAK && s->val[v].flags & RA_V_CONST))
        return;
    if (made_here && s->val[v].def != s->blk[b].start)
        return;
    if (!made_here)
        bits_of(s, s->live_in, b)[g / 64] |= UINT64_C(1) << g % 64;
    lower(&s->dist_in[(size_t)b * s->nglobals + g], dist);
}

/* Phi arguments are needed at the end of the predecessor. */
static void expose_phi(struct ra_scan *s, ir_block_ref b, ir_ref p)
{
    const struct ir_insn *i = ir_at(s->ir, p);
    const ir_ref *args = ir_args(s->ir, i);

    for (unsigned a = 0; a < i->nargs; a++) {
        ir_block_ref from = s->ir->blocks[b].pred[a];
        uint32_t g = s->val[args[a]].global;

        if (!g || !s->blk[from].order)
            continue;
        bits_of(s, s->live_out, from)[g / 64] |= UINT64_C(1) << g % 64;
        s->dist_out[(size_t)from * s->nglobals + g] = RA_DIST_WEAK;
    }
}

/* Uses within a block that see the value it was entered with. */
static void expose_uses(struct ra_scan *s, ir_block_ref b)
{
    const struct ra_operand *op;
    uint32_t last_snap = 0;

    for (ir_ref r = s->ir->blocks[b].first; r; r = s->ir->insns[r].next) {
        const struct ir_insn *i = ir_at(s->ir, r);
        unsigned n;

        if (i->op == IR_OP_phi) {
            expose_phi(s, b, r);
            continue;
        }
        n = ra_operands(s, r, &op);
        for (unsigned k = 0; k < n; k++)
            if (ra_wants_reg(&s->val[op[k].v], op[k].arg))
                expose(s, b, op[k].v, s->val[r].def - s->blk[b].start);
        if (i->snap && i->snap != last_snap) {
            const struct ir_snap *sn = &s->ir->snaps[last_snap = i->snap];

            for (uint32_t k = 0; k < sn->n; k++)
                expose(s, b, s->ir->snap_pool[sn->first + k].val, RA_DIST_WEAK);
            expose(s, b, sn->pc_val, RA_DIST_WEAK);
        }
    }
}

static void note_definitions(struct ra_scan *s)
{
    for (uint32_t g = 1; g < s->nglobals; g++)
        bits_of(s, s->made, ra_block_at(s, s->val[s->globals[g]].def))[g / 64] |= UINT64_C(1) << g % 64;
}

static bool flow_bits(struct ra_scan *s, ir_block_ref b)
{
    const struct ir_block *ib = &s->ir->blocks[b];
    uint64_t *in = bits_of(s, s->live_in, b), *out = bits_of(s, s->live_out, b);
    const uint64_t *made = bits_of(s, s->made, b);
    uint64_t changed = 0;

    for (unsigned k = 0; k < ib->nsucc; k++) {
        const uint64_t *from = bits_of(s, s->live_in, ib->succ[k]);

        for (uint32_t w = 0; w < s->gwords; w++)
            out[w] |= from[w];
    }
    for (uint32_t w = 0; w < s->gwords; w++) {
        uint64_t now = in[w] | (out[w] & ~made[w]);

        changed |= now ^ in[w];
        in[w] = now;
    }
    return changed;
}

static struct ra_list list_of(struct ra_scan *s, const uint64_t *bits)
{
    struct ra_list l = { .first = s->nlisted, .n = 0 };

    for (uint32_t w = 0; w < s->gwords; w++)
        for (uint64_t m = bits[w]; m; m &= m - 1) {
            s->listed = ra_grow(s->listed, &s->listed_cap, s->nlisted + 1);
            s->listed[s->nlisted++] = w * 64 + (uint32_t)__builtin_ctzll(m);
            l.n++;
        }
    return l;
}

/* --- distances ------------------------------------------------------------------------------------------------------ */

static uint32_t *dist(struct ra_scan *s, uint32_t *of, ir_block_ref b, uint32_t g)
{
    return &of[(size_t)b * s->nglobals + g];
}

/* What the edge from b to `to` takes to the values that live on, and to the arguments of phis. */
static void flow_edge(struct ra_scan *s, ir_block_ref b, ir_block_ref to)
{
    const struct ra_list *l = &s->blk[to].live_in;
    const struct ir_block *it = &s->ir->blocks[to];
    uint32_t leaves = s->blk[b].loop && !ra_in_loop(s, to, s->blk[b].loop) ? RA_LOOP_EXIT : 0;

    for (uint32_t j = 0; j < l->n; j++) {
        uint32_t g = s->listed[l->first + j];

        lower(dist(s, s->dist_out, b, g), ra_add_dist(*dist(s, s->dist_in, to, g), leaves));
    }
    for (uint32_t k = 0; k < it->npred; k++)
        for (ir_ref r = it->first; it->pred[k] == b && r && s->ir->insns[r].op == IR_OP_phi; r = s->ir->insns[r].next) {
            uint32_t g = s->val[ir_args(s->ir, ir_at(s->ir, r))[k]].global;

            if (g)
                lower(dist(s, s->dist_out, b, g), ra_add_dist(*dist(s, s->dist_in, to, s->val[r].global), leaves));
        }
}

static bool flow_through(struct ra_scan *s, ir_block_ref b, uint32_t g)
{
    uint32_t len = s->blk[b].end - s->blk[b].start + 1;
    uint32_t d = ra_add_dist(*dist(s, s->dist_out, b, g), len), *in = dist(s, s->dist_in, b, g);

    if (d >= *in)
        return false;
    *in = d;
    return true;
}

static bool flow_dist(struct ra_scan *s, ir_block_ref b)
{
    const struct ir_block *ib = &s->ir->blocks[b];
    bool changed = false;

    for (unsigned k = 0; k < ib->nsucc; k++)
        flow_edge(s, b, ib->succ[k]);
    for (uint32_t j = 0; j < s->blk[b].live_in.n; j++)
        changed |= flow_through(s, b, s->listed[s->blk[b].live_in.first + j]);
    for (ir_ref r = ib->first; r && s->ir->insns[r].op == IR_OP_phi; r = s->ir->insns[r].next)
        changed |= flow_through(s, b, s->val[r].global);
    return changed;
}

/* Until nothing changes; without loops once is enough. */
static void repeat_backwards(struct ra_scan *s, bool (*flow)(struct ra_scan *s, ir_block_ref b))
{
    bool changed = true;

    while (changed) {
        changed = false;
        for (uint32_t k = s->nrpo; k-- > 0; )
            changed |= flow(s, s->rpo[k]);
        changed &= ra_loops(s);
    }
}

static void make_room(struct ra_scan *s)
{
    size_t n = (size_t)s->ir->nblocks * s->nglobals, words;
    uint32_t cap = s->dist_cap;

    s->dist_in = ra_grow(s->dist_in, &cap, n);
    s->dist_out = ra_grow(s->dist_out, &s->dist_cap, n);
    for (size_t k = 0; k < n; k++)
        s->dist_in[k] = s->dist_out[k] = RA_DIST_DEAD;
    s->gwords = (s->nglobals + 63) / 64;
    words = (size_t)s->ir->nblocks * s->gwords;
    s->live_in = ra_grow(s->live_in, &s->live_cap, 3 * words);
    memset(s->live_in, 0, 3 * words * sizeof *s->live_in);
    s->live_out = s->live_in + words;
    s->made = s->live_out + words;
    s->nlisted = 0;
}

void ra_global_live(struct ra_scan *s)
{
    find_globals(s);
    make_room(s);
    note_definitions(s);
    for (uint32_t k = 0; k < s->nrpo; k++)
        expose_uses(s, s->rpo[k]);
    repeat_backwards(s, flow_bits);
    for (uint32_t k = 0; k < s->nrpo; k++) {
        struct ra_blk *b = &s->blk[s->rpo[k]];

        b->live_in = list_of(s, bits_of(s, s->live_in, s->rpo[k]));
        b->live_out = list_of(s, bits_of(s, s->live_out, s->rpo[k]));
    }
    repeat_backwards(s, flow_dist);
    ra_unsafe_blocks(s);
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
    const struct ra_operand *op;
    unsigned n = ra_operands(s, r, &op);

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
    for (uint32_t j = 0; j < s->blk[b].live_out.n; j++) {
        uint32_t g = s->listed[s->blk[b].live_out.first + j];

        start_living(s, c, s->globals[g], out[g] < RA_LOOP_EXIT ? MARK_LIVE | MARK_WANTED : MARK_LIVE);
    }
    for (ir_ref r = s->ir->blocks[b].last; r; r = s->ir->insns[r].prev)
        if (ir_at(s->ir, r)->op == IR_OP_phi)
            s->val[r].mark = 0;
        else
            count_insn(s, c, r);
    for (uint32_t j = 0; j < s->blk[b].live_in.n; j++)
        s->val[s->globals[s->listed[s->blk[b].live_in.first + j]]].mark = 0;
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

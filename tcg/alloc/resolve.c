/* Moves: chains before instructions, and on edges the parallel moves that turn one block's end into another's start. */
#include "tcg/alloc/internal.h"

#include <assert.h>

uint32_t ra_add_move(struct ra_scan *s, struct ra_loc from, struct ra_loc to, ir_ref val)
{
    struct ra *ra = s->ra;

    ra->moves = ra_grow(ra->moves, &ra->moves_cap, ra->nmoves + 1);
    ra->moves[ra->nmoves] = (struct ra_move){ .from = from, .to = to, .val = val, .type = s->val[val].type };
    return ra->nmoves++;
}

void ra_move_now(struct ra_scan *s, struct ra_loc from, struct ra_loc to, ir_ref val)
{
    uint32_t m = ra_add_move(s, from, to, val);

    if (s->tail)
        s->ra->moves[s->tail].next = m;
    else
        s->ra->insn[s->cur].moves = m;
    s->tail = m;
}

/* --- parallel moves ----------------------------------------------------------------------------------------------- */

struct edge {
    struct ra_pmove *m;
    unsigned n;
    uint32_t busy;                             /* registers that hold something at the far end */
    uint32_t first, last;                      /* the chain of moves */
};

static void emit(struct ra_scan *s, struct edge *e, struct ra_loc from, struct ra_loc to, ir_ref val)
{
    uint32_t m = ra_add_move(s, from, to, val);

    if (e->last)
        s->ra->moves[e->last].next = m;
    else
        e->first = m;
    e->last = m;
}

static bool is_source(const struct edge *e, struct ra_loc l, unsigned but)
{
    for (unsigned k = 0; k < e->n; k++)
        if (k != but && !e->m[k].done && ra_same_loc(e->m[k].from, l))
            return true;
    return false;
}

/* Somewhere to keep a value while a cycle is turned: a register that nobody uses, else a piece of the frame. */
static struct ra_loc cycle_place(struct ra_scan *s, const struct edge *e, ir_ref val)
{
    unsigned cls = ra_type_class(s->val[val].type);
    unsigned size = s->val[val].type == IR_V128 || s->val[val].type == IR_V256 ? 32 : 8;
    uint32_t room = s->cls_regs[cls] & ~e->busy;

    for (; room; room &= room - 1) {
        struct ra_loc l = ra_reg_loc((unsigned)__builtin_ctz(room));

        if (!is_source(e, l, e->n)) {
            if (l.kind == RA_VEC)
                s->ra->vec_used |= 1u << l.reg;
            return l;
        }
    }
    if (!s->cycle_slot[size == 32])
        s->cycle_slot[size == 32] = (uint16_t)(ra_frame_alloc(s, size) + 1);
    return (struct ra_loc){ .kind = RA_SPILL, .idx = s->frame[s->cycle_slot[size == 32] - 1].idx };
}

static void turn_cycle(struct ra_scan *s, struct edge *e)
{
    for (unsigned k = 0; k < e->n; k++) {
        struct ra_loc place, from = e->m[k].from;

        if (e->m[k].done)
            continue;
        /* Save what move k reads; whoever reads it from there reads the copy. Then its place is free. */
        place = cycle_place(s, e, e->m[k].val);
        emit(s, e, from, place, e->m[k].val);
        for (unsigned j = 0; j < e->n; j++)
            if (!e->m[j].done && ra_same_loc(e->m[j].from, from))
                e->m[j].from = place;
        return;
    }
}

static bool in_memory(struct ra_loc l)
{
    return l.kind == RA_HOME || l.kind == RA_SPILL;
}

/* A value that goes from memory to a register and to another place in memory is read once: the store comes last. */
static unsigned take_late(struct edge *e)
{
    unsigned n = 0;

    for (unsigned k = 0; k < e->n; k++)
        for (unsigned j = 0; j < e->n && in_memory(e->m[k].from) && in_memory(e->m[k].to) && !e->m[k].late; j++)
            if (e->m[j].val == e->m[k].val && !in_memory(e->m[j].to)) {
                e->m[k].from = e->m[j].to;
                e->m[k].late = e->m[k].done = true;
                n++;
            }
    return n;
}

/* Stores and moves first, so that loads find their registers free; what blocks each other in a ring goes by a third
 * place. There is one frame place for that: rings are turned one at a time. */
static void order_moves(struct ra_scan *s, struct edge *e)
{
    unsigned left = e->n - take_late(e);

    while (left) {
        bool any = false;

        for (unsigned k = 0; k < e->n; k++) {
            if (e->m[k].done || is_source(e, e->m[k].to, k))
                continue;
            emit(s, e, e->m[k].from, e->m[k].to, e->m[k].val);
            e->m[k].done = any = true;
            left--;
        }
        if (!any)
            turn_cycle(s, e);
    }
    for (unsigned k = 0; k < e->n; k++)
        if (e->m[k].late)
            emit(s, e, e->m[k].from, e->m[k].to, e->m[k].val);
}

/* --- edges --------------------------------------------------------------------------------------------------------- */

static struct ra_loc loc_at_end(struct ra_scan *s, ir_block_ref b, ir_ref v)
{
    const struct ra_blk *blk = &s->blk[b];

    for (unsigned reg = 0; reg < RA_NREGS; reg++)
        if (blk->out[reg] == v)
            return ra_reg_loc(reg);
    assert(s->val[v].flags & (RA_V_SPILLED | RA_V_CONST));
    ra_count_on_memory(s, v, b);
    return s->val[v].mem;
}

static void want(struct ra_scan *s, struct edge *e, ir_block_ref from, ir_ref v, struct ra_loc to)
{
    struct ra_loc at;

    if (s->val[v].flags & RA_V_SPILLED && ra_same_loc(s->val[v].mem, to)) {
        ra_count_on_memory(s, v, from);        /* it is there already */
        return;
    }
    at = loc_at_end(s, from, v);
    if (ra_same_loc(at, to))
        return;
    s->pmoves = ra_grow(s->pmoves, &s->pmoves_cap, e->n + 1);
    e->m = s->pmoves;
    e->m[e->n++] = (struct ra_pmove){ .from = at, .to = to, .val = v };
}

static void collect_edge(struct ra_scan *s, struct edge *e, ir_block_ref from, ir_block_ref to, uint32_t pred)
{
    const struct ra_blk *f = &s->blk[from], *t = &s->blk[to];

    e->busy = t->in_held;
    for (uint32_t m = t->in_held; m; m &= m - 1) {
        unsigned reg = (unsigned)__builtin_ctz(m);

        if (f->out[reg] != t->in[reg] && (!(s->val[t->in[reg]].flags & RA_V_PHI) || s->val[t->in[reg]].def != t->start))
            want(s, e, from, t->in[reg], ra_reg_loc(reg));
    }
    for (ir_ref r = s->ir->blocks[to].first; r && s->ir->insns[r].op == IR_OP_phi; r = s->ir->insns[r].next)
        if (s->ra->insn[r].dst.kind != RA_NONE)
            want(s, e, from, ir_args(s->ir, ir_at(s->ir, r))[pred], s->ra->insn[r].dst);
}

static ir_ref first_place(const struct ra_scan *s, ir_block_ref b)
{
    ir_ref r = s->ir->blocks[b].first;

    while (s->ir->insns[r].next && (s->need[r].skip || s->ir->insns[r].op == IR_OP_phi))
        r = s->ir->insns[r].next;
    return r;
}

static void append_moves(struct ra_scan *s, ir_ref at, const struct edge *e)
{
    uint32_t m = s->ra->insn[at].moves;

    if (!m) {
        s->ra->insn[at].moves = e->first;
        return;
    }
    while (s->ra->moves[m].next)
        m = s->ra->moves[m].next;
    s->ra->moves[m].next = e->first;
}

static void prepend_moves(struct ra_scan *s, ir_ref at, const struct edge *e)
{
    s->ra->moves[e->last].next = s->ra->insn[at].moves;
    s->ra->insn[at].moves = e->first;
}

/* A block of its own for the moves of an edge: it is emitted behind `from`. */
static ir_ref split_edge(struct ra_scan *s, ir_block_ref from, unsigned succ, uint32_t pred)
{
    struct ir *ir = s->ir;
    ir_block_ref b = ir_split_edge(ir, from, succ, pred);
    ir_ref br = ir->blocks[b].first;

    s->ra->insn = ra_grow(s->ra->insn, &s->ra->insn_cap, ir->ninsns);
    s->ra->insn[br] = (struct ra_insn){ .moves = 0 };
    s->split = ra_grow(s->split, &s->split_cap, s->nsplit + 1);
    s->split[s->nsplit++] = (struct ra_split){ .block = b, .after = from };
    return br;
}

static void resolve_edge(struct ra_scan *s, ir_block_ref from, unsigned succ, uint32_t pred)
{
    ir_block_ref to = s->ir->blocks[from].succ[succ];
    struct edge e = { .n = 0 };
    bool phis = s->ir->insns[s->ir->blocks[to].first].op == IR_OP_phi;

    collect_edge(s, &e, from, to, pred);
    if (!e.n)
        return;
    order_moves(s, &e);
    if (s->ir->blocks[from].nsucc == 1)
        append_moves(s, s->ir->blocks[from].last, &e);
    else if (s->ir->blocks[to].npred == 1 && !phis)
        prepend_moves(s, first_place(s, to), &e);
    else
        append_moves(s, split_edge(s, from, succ, pred), &e);
}

/* Which predecessor of `to` the edge from block `from` is. Two edges between the same blocks come in the same order. */
static uint32_t pred_index(const struct ir *ir, ir_block_ref from, unsigned succ)
{
    const struct ir_block *ib = &ir->blocks[from], *to = &ir->blocks[ib->succ[succ]];
    bool second = succ == 1 && ib->succ[0] == ib->succ[1];

    for (uint32_t k = 0; k < to->npred; k++)
        if (to->pred[k] == from) {
            if (!second)
                return k;
            second = false;
        }
    assert(!"edge without a predecessor entry");
    return 0;
}

void ra_count_edges(struct ra_scan *s)
{
    for (uint32_t k = 0; k < s->nrpo; k++) {
        ir_block_ref b = s->rpo[k];

        s->pos = s->blk[b].end;
        for (unsigned n = 0; n < s->ir->blocks[b].nsucc; n++) {
            struct edge e = { .n = 0 };

            collect_edge(s, &e, b, s->ir->blocks[b].succ[n], pred_index(s->ir, b, n));
        }
    }
}

void ra_resolve(struct ra_scan *s)
{
    for (uint32_t k = 0; k < s->nrpo; k++) {
        ir_block_ref b = s->rpo[k];

        for (unsigned n = 0; n < s->ir->blocks[b].nsucc; n++)
            resolve_edge(s, b, n, pred_index(s->ir, b, n));
    }
}

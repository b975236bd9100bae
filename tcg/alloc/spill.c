/* Places in memory. A value that is the content of a guest register goes to that register's home when nobody can see
 * that it is there early, and nobody else wants the home while it lives; all others go to the frame. */
#include "tcg/alloc/internal.h"

#include "tcg/runtime.h"

enum {
    PHIS_DEEP = 4,
    ROOMY = 64,                                /* pieces of the frame in use before strangers share them */
};

static bool home_kept(const struct ra_scan *s, ir_ref v, uint32_t writes)
{
    for (uint32_t w = writes; w; w = s->writes[w].next)
        if (s->writes[w].val != v && s->writes[w].pos > s->val[v].def && ra_lives_over(s, v, s->writes[w].pos))
            return false;
    return true;
}

/* May v's home be its place from where it is made until it dies? */
static bool home_is_ours(const struct ra_scan *s, ir_ref v)
{
    const struct ra_val *val = &s->val[v];

    if (val->slot >= s->ir->nslots || s->ir->slots[val->slot].type != val->type)
        return false;
    for (ir_ref w = s->slot_owners[val->slot]; w; w = s->val[w].next)
        if (ra_overlap(s, v, w))
            return false;
    return home_kept(s, v, s->slot_writes[val->slot]) && home_kept(s, v, s->all_writes);
}

static void own_home(struct ra_scan *s, ir_ref v)
{
    struct ra_val *val = &s->val[v];

    val->mem = (struct ra_loc){ .kind = RA_HOME, .idx = val->slot };
    val->next = s->slot_owners[val->slot];
    s->slot_owners[val->slot] = v;
    val->flags |= RA_V_SPILLED;
}

bool ra_claim_home(struct ra_scan *s, ir_ref v)
{
    if (s->val[v].slot != s->ir->insns[v].imm || !home_is_ours(s, v))
        return false;
    own_home(s, v);
    return true;
}

static bool slot_is_free(const struct ra_scan *s, const struct ra_frame_slot *f, ir_ref v)
{
    for (ir_ref w = f->owners; w; w = s->val[w].next)
        if (ra_overlap(s, v, w))
            return false;
    return true;
}

/* A new piece of the frame; its index in s->frame. Past the end it is counted all the same, and the run fails. */
uint16_t ra_frame_alloc(struct ra_scan *s, unsigned size)
{
    uint32_t at = s->ra->spill_bytes;

    at = (at + size - 1) & ~(size - 1);
    if (at + size > RT_SPILL_BYTES) {
        s->failed = true;
        at = 0;
    }
    s->ra->spill_bytes = at + size > s->ra->spill_bytes ? at + size : s->ra->spill_bytes;
    s->frame = ra_grow(s->frame, &s->frame_cap, s->nframe + 1);
    s->frame[s->nframe] = (struct ra_frame_slot){ .idx = (uint16_t)(at / 8), .size = (uint16_t)size };
    return (uint16_t)s->nframe++;
}

static bool fits(const struct ra_scan *s, uint32_t k, ir_ref v, unsigned size)
{
    return s->frame[k].size == size && slot_is_free(s, &s->frame[k], v);
}

/* Where phis meet, the same piece of the frame on both sides saves a copy. */
static void hint_frame(struct ra_scan *s, ir_ref p, uint16_t frame, unsigned deep)
{
    const struct ir_insn *i = ir_at(s->ir, p);
    const ir_ref *args = ir_args(s->ir, i);

    for (unsigned k = 0; k < i->nargs; k++) {
        struct ra_val *a = &s->val[args[k]];

        if (a->frame)
            continue;
        a->frame = frame;
        if (a->flags & RA_V_PHI && deep)
            hint_frame(s, args[k], frame, deep - 1);
    }
}

static uint32_t hinted_slot(const struct ra_scan *s, ir_ref v, unsigned size)
{
    const struct ir_insn *i = ir_at(s->ir, v);
    const ir_ref *args = ir_args(s->ir, i);

    if (s->val[v].frame && fits(s, s->val[v].frame - 1u, v, size))
        return s->val[v].frame - 1u;
    for (unsigned k = 0; i->op == IR_OP_phi && k < i->nargs; k++)
        if (s->val[args[k]].frame && fits(s, s->val[args[k]].frame - 1u, v, size))
            return s->val[args[k]].frame - 1u;
    return s->nframe;
}

static void own_frame_slot(struct ra_scan *s, ir_ref v)
{
    struct ra_val *val = &s->val[v];
    unsigned size = val->type == IR_V128 || val->type == IR_V256 ? 32 : 8;
    uint32_t k = hinted_slot(s, v, size);

    if (k == s->nframe && k >= ROOMY)
        for (k = 0; k < s->nframe && !fits(s, k, v, size); )
            k++;
    if (k == s->nframe)
        k = ra_frame_alloc(s, size);
    val->mem = (struct ra_loc){ .kind = RA_SPILL, .idx = s->frame[k].idx };
    val->next = s->frame[k].owners;
    s->frame[k].owners = v;
    val->flags |= RA_V_SPILLED;
    val->frame = (uint16_t)(k + 1);
    if (val->flags & RA_V_PHI)
        hint_frame(s, v, val->frame, PHIS_DEEP);
}

void ra_spill(struct ra_scan *s, ir_ref v)
{
    struct ra_val *val = &s->val[v];

    if (val->flags & (RA_V_SPILLED | RA_V_CONST))
        return;
    if ((val->flags & RA_V_HOME_OK) && home_is_ours(s, v))
        own_home(s, v);
    else
        own_frame_slot(s, v);
    val->flags |= RA_V_STORE;
    s->spilled = ra_grow(s->spilled, &s->spilled_cap, s->nspilled + 1);
    s->spilled[s->nspilled++] = v;
}

/* The next instruction at which moves can be made. */
static ir_ref place_from(const struct ra_scan *s, ir_ref r)
{
    while (s->ir->insns[r].next && (s->need[r].skip || s->ir->insns[r].op == IR_OP_phi))
        r = s->ir->insns[r].next;
    return r;
}

void ra_count_on_memory(struct ra_scan *s, ir_ref v, ir_block_ref b)
{
    struct ra_val *val = &s->val[v];
    uint32_t pos = s->pos;
    ir_block_ref c;

    if (!(val->flags & RA_V_STORE))
        return;
    if (val->where) {
        c = ra_common_dominator(s, val->where - 1, b);
        pos = c == b ? pos : UINT32_MAX;
        b = c;
        if (b == val->where - 1 && val->where_pos < pos)
            pos = val->where_pos;
    }
    val->where = b + 1;
    val->where_pos = pos;
}

static ir_block_ref block_of(const struct ra_scan *s, uint32_t pos, ir_block_ref below)
{
    while (pos < s->blk[below].start || pos > s->blk[below].end) {
        if (below == 0)
            return UINT32_MAX;
        below = s->blk[below].idom;
    }
    return below;
}

/* Does the program itself put v into its home before anything counts on it there? */
static bool set_stores_it(const struct ra_scan *s, ir_ref v)
{
    const struct ra_val *val = &s->val[v];
    ir_block_ref at;

    if (val->mem.kind != RA_HOME)
        return false;
    for (uint32_t w = s->slot_writes[val->mem.idx]; w; w = s->writes[w].next) {
        if (s->writes[w].val != v)
            continue;
        at = block_of(s, s->writes[w].pos, val->where - 1);
        if (at != UINT32_MAX && (at != val->where - 1 || s->writes[w].pos < val->where_pos))
            return true;
    }
    return false;
}

static unsigned cost_in(const struct ra_scan *s, ir_block_ref b)
{
    return 2 * s->blk[b].depth + !s->ir->blocks[b].cold;
}

static bool made_in(const struct ra_scan *s, ir_ref v, ir_block_ref b)
{
    return s->val[v].def >= s->blk[b].start && s->val[v].def <= s->blk[b].end;
}

/* The cheapest block at whose start v is in a register, and which dominates all that count on its copy in memory;
 * false: it is stored where it is made. */
static bool cheaper_block(const struct ra_scan *s, ir_ref v, ir_block_ref *at, struct ra_loc *from)
{
    ir_block_ref b = s->val[v].where - 1;
    unsigned best = UINT32_MAX;

    for (; !made_in(s, v, b); b = s->blk[b].idom) {
        for (unsigned reg = 0; reg < RA_NREGS && cost_in(s, b) < best; reg++)
            if (s->blk[b].in[reg] == v) {
                best = cost_in(s, b);
                *at = b;
                *from = ra_reg_loc(reg);
            }
        if (s->blk[b].idom == b)
            return false;                      /* the entry, and no block on the way made it */
    }
    return best <= cost_in(s, b) && best != UINT32_MAX;
}

static void store(struct ra_scan *s, ir_ref v, struct ra_loc from, ir_ref at)
{
    struct ra *ra = s->ra;
    uint32_t move = ra_add_move(s, from, s->val[v].mem, v);

    ra->moves[move].next = ra->insn[at].moves;
    ra->insn[at].moves = move;
}

/* Each spilled value that was made in a register is stored once: where it is made, or later on a colder path. A phi
 * that has no register at its block's start gets its content on the edges. */
void ra_place_stores(struct ra_scan *s)
{
    for (uint32_t k = 0; k < s->nspilled; k++) {
        ir_ref v = s->spilled[k];
        struct ra_loc from = s->ra->insn[v].dst;
        ir_block_ref b = 0;

        if (from.kind != RA_GPR && from.kind != RA_VEC)
            continue;
        if (!s->val[v].where || set_stores_it(s, v))
            continue;                          /* nobody looks, or it is there anyway */
        if (cheaper_block(s, v, &b, &from))
            store(s, v, from, place_from(s, s->ir->blocks[b].first));
        else
            store(s, v, s->ra->insn[v].dst, place_from(s, s->val[v].flags & RA_V_PHI ? v : s->ir->insns[v].next));
    }
}

/* Blocks in reverse postorder with loops in one piece, and how deep in loops each is. */
#include "tcg/alloc/internal.h"

#include <string.h>

/* On the stack of a depth-first walk: a block, and which successor comes next. */
enum { STEP_BITS = 2, STEP_MASK = 3 };

/* The natural loop of a back edge: all that reaches its tail without passing its head. `end` is the mark. */
static void mark_body(struct ra_scan *s, ir_block_ref head, ir_block_ref tail, uint32_t mark)
{
    uint32_t n = 0;

    s->blk[head].end = mark;
    if (s->blk[tail].end == mark)
        return;
    s->blk[tail].end = mark;
    s->stack[n++] = tail;
    while (n) {
        const struct ir_block *b = &s->ir->blocks[s->stack[--n]];

        for (uint32_t i = 0; i < b->npred; i++) {
            ir_block_ref p = b->pred[i];

            if (s->blk[p].end == mark || !s->blk[p].order)
                continue;
            s->blk[p].end = mark;
            s->stack[n++] = p;
        }
    }
}

/* Depth-first from the entry; writes s->rpo. The successor that is visited last comes right behind its block. */
static void walk(struct ra_scan *s)
{
    const struct ir *ir = s->ir;
    uint32_t n = 0, place = ir->nblocks;

    for (ir_block_ref b = 0; b < ir->nblocks; b++)
        s->blk[b].order = 0;
    s->stack[n++] = 0;
    s->blk[0].order = 1;
    while (n) {
        ir_block_ref b = s->stack[n - 1] >> STEP_BITS;
        unsigned step = s->stack[n - 1] & STEP_MASK;
        const struct ir_block *ib = &ir->blocks[b];

        if (step == ib->nsucc) {
            s->rpo[--place] = b;
            n--;
            continue;
        }
        s->stack[n - 1]++;
        if (ib->nsucc == 2) {
            const struct ir_block *s0 = &ir->blocks[ib->succ[0]], *s1 = &ir->blocks[ib->succ[1]];
            uint32_t d0 = s->blk[ib->succ[0]].depth, d1 = s->blk[ib->succ[1]].depth;
            const struct ir_insn *t = ir_at(ir, ib->last);
            bool first_last = d0 != d1 ? d0 > d1 : s0->cold != s1->cold ? s1->cold : t->op == IR_OP_brcc && t->imm == 2;

            step ^= first_last;
        }
        ir_block_ref to = ib->succ[step];
        if (!s->blk[to].order) {
            s->blk[to].order = 1;
            s->stack[n++] = to << STEP_BITS;
        }
    }
    s->nrpo = ir->nblocks - place;
    memmove(s->rpo, s->rpo + place, s->nrpo * sizeof *s->rpo);
    for (uint32_t i = 0; i < s->nrpo; i++)
        s->blk[s->rpo[i]].order = i + 1;
}

/* A loop of the blocks that are marked; it goes around the loops that they are in already. */
static void add_loop(struct ra_scan *s, uint32_t mark)
{
    s->loops = ra_grow(s->loops, &s->loops_cap, mark + 1);
    s->loops[mark] = (struct ra_loop){ .outer = 0 };
    s->nloops = mark + 1;
    for (uint32_t k = 0; k < s->nrpo; k++) {
        struct ra_blk *b = &s->blk[s->rpo[k]];
        uint32_t *to = &b->loop;

        if (b->end != mark)
            continue;
        b->depth++;
        while (*to && *to != mark)
            to = &s->loops[*to].outer;
        *to = mark;
    }
}

static bool is_back_edge(const struct ra_scan *s, ir_block_ref head, uint32_t pred)
{
    const struct ra_blk *from = &s->blk[s->ir->blocks[head].pred[pred]];

    return from->order && from->order >= s->blk[head].order;
}

/* Does a phi of the head stay as it is along this edge? */
static bool keeps_a_phi(const struct ra_scan *s, ir_block_ref head, uint32_t pred)
{
    for (ir_ref r = s->ir->blocks[head].first; r && s->ir->insns[r].op == IR_OP_phi; r = s->ir->insns[r].next)
        if (ir_args(s->ir, ir_at(s->ir, r))[pred] == r)
            return true;
    return false;
}

/* Two loops may share a head, the inner one's way back being the one that leaves some phi alone. */
static void find_inner_twin(struct ra_scan *s, ir_block_ref head)
{
    const struct ir_block *ib = &s->ir->blocks[head];
    uint32_t mark = s->nloops, inner = 0, outer = 0;

    for (uint32_t k = 0; k < ib->npred; k++)
        if (is_back_edge(s, head, k) && keeps_a_phi(s, head, k)) {
            mark_body(s, head, ib->pred[k], mark);
            inner++;
        }
    for (uint32_t k = 0; k < ib->npred; k++)
        outer += is_back_edge(s, head, k) && s->blk[ib->pred[k]].end != mark;
    if (inner && outer)
        add_loop(s, mark);
}

static void find_loops(struct ra_scan *s)
{
    s->nloops = 1;
    for (uint32_t i = s->nrpo; i-- > 0; ) {    /* inner loops first: their heads come later */
        ir_block_ref head = s->rpo[i];
        uint32_t mark;

        s->blk[head].back = false;
        for (uint32_t k = 0; k < s->ir->blocks[head].npred; k++)
            s->blk[head].back |= is_back_edge(s, head, k);
        if (!s->blk[head].back)
            continue;
        for (uint32_t k = 0; k < s->nrpo; k++)
            s->blk[s->rpo[k]].end = 0;
        find_inner_twin(s, head);
        for (uint32_t k = 0; k < s->nrpo; k++)
            s->blk[s->rpo[k]].end = 0;
        mark = s->nloops;
        for (uint32_t k = 0; k < s->ir->blocks[head].npred; k++)
            if (is_back_edge(s, head, k))
                mark_body(s, head, s->ir->blocks[head].pred[k], mark);
        add_loop(s, mark);
    }
}

bool ra_in_loop(const struct ra_scan *s, ir_block_ref b, uint32_t loop)
{
    uint32_t l = s->blk[b].loop;

    while (l && l != loop)
        l = s->loops[l].outer;
    return l == loop;
}

ir_block_ref ra_common_dominator(const struct ra_scan *s, ir_block_ref a, ir_block_ref b)
{
    while (a != b)
        if (s->blk[a].order > s->blk[b].order)
            a = s->blk[a].idom;
        else
            b = s->blk[b].idom;
    return a;
}

/* Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm". */
static void find_dominators(struct ra_scan *s)
{
    bool changed = true;

    for (uint32_t k = 0; k < s->nrpo; k++)
        s->blk[s->rpo[k]].idom = UINT32_MAX;
    s->blk[0].idom = 0;
    while (changed) {
        changed = false;
        for (uint32_t k = 1; k < s->nrpo; k++) {
            const struct ir_block *b = &s->ir->blocks[s->rpo[k]];
            ir_block_ref dom = b->npred == 1 ? b->pred[0] : UINT32_MAX;

            for (uint32_t p = 0; p < b->npred && b->npred > 1; p++)
                if (s->blk[b->pred[p]].order && s->blk[b->pred[p]].idom != UINT32_MAX)
                    dom = dom == UINT32_MAX ? b->pred[p] : ra_common_dominator(s, dom, b->pred[p]);
            changed |= s->blk[s->rpo[k]].idom != dom;
            s->blk[s->rpo[k]].idom = dom;
        }
        changed &= ra_loops(s);
    }
}

void ra_order(struct ra_scan *s)
{
    const struct ir *ir = s->ir;

    s->blk = ra_grow(s->blk, &s->blk_cap, ir->nblocks);
    s->rpo = ra_grow(s->rpo, &s->rpo_cap, ir->nblocks);
    if (ir->nblocks == 1) {
        memset(s->blk, 0, sizeof *s->blk);
        s->blk[0].order = 1;
        s->rpo[0] = 0;
        s->nrpo = s->nloops = 1;
        return;
    }
    s->stack = ra_grow(s->stack, &s->stack_cap, ir->nblocks + 1);
    memset(s->blk, 0, ir->nblocks * sizeof *s->blk);
    walk(s);
    find_loops(s);
    if (ra_loops(s))
        walk(s);                               /* again, now that the depths are known */
    find_dominators(s);
}

static void put_block(struct ra_scan *s, ir_block_ref b, bool cold)
{
    struct ra *ra = s->ra;

    if ((s->ir->blocks[b].cold && b != 0) == cold)
        ra->order[ra->norder++] = b;
    for (uint32_t k = 0; k < s->nsplit; k++)
        if (s->split[k].after == b && s->ir->blocks[s->split[k].block].cold == cold)
            ra->order[ra->norder++] = s->split[k].block;
}

/* The order of emission: as walked, blocks made for edges behind the block the edge leaves, all that is cold last. */
void ra_layout(struct ra_scan *s)
{
    struct ra *ra = s->ra;

    ra->order = ra_grow(ra->order, &s->layout_cap, s->nrpo + s->nsplit);
    ra->norder = 0;
    for (unsigned cold = 0; cold < 2; cold++)
        for (uint32_t k = 0; k < s->nrpo; k++)
            put_block(s, s->rpo[k], cold);
}

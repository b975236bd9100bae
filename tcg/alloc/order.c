/* Blocks in reverse postorder with loops in one piece, and how deep in loops each is. */
#include "tcg/alloc/internal.h"

#include <string.h>

/* On the stack of a depth-first walk: a block, and which successor comes next. */
enum { STEP_BITS = 2, STEP_MASK = 3 };

static void mark_loop(struct ra_scan *s, ir_block_ref head, ir_block_ref tail)
{
    /* The natural loop of a back edge: all that reaches its tail without passing its head. `order` marks visits. */
    uint32_t n = 0, stamp = head + 1;

    s->blk[head].back = true;
    if (s->blk[tail].end == stamp || tail == head)
        return;
    s->blk[tail].end = stamp;
    s->stack[n++] = tail;
    while (n) {
        const struct ir_block *b = &s->ir->blocks[s->stack[--n]];

        for (uint32_t i = 0; i < b->npred; i++) {
            ir_block_ref p = b->pred[i];

            if (p == head || s->blk[p].end == stamp || !s->blk[p].order)
                continue;
            s->blk[p].end = stamp;
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

static void find_loops(struct ra_scan *s)
{
    const struct ir *ir = s->ir;

    for (uint32_t i = s->nrpo; i-- > 0; ) {    /* inner loops first: their heads come later */
        ir_block_ref head = s->rpo[i];
        bool any = false;

        for (uint32_t k = 0; k < ir->blocks[head].npred; k++) {
            ir_block_ref p = ir->blocks[head].pred[k];

            if (s->blk[p].order && s->blk[p].order >= i + 1) {
                mark_loop(s, head, p);
                any = true;
            }
        }
        if (!any)
            continue;
        s->blk[head].end = head + 1;
        for (uint32_t k = i; k < s->nrpo; k++) {
            struct ra_blk *b = &s->blk[s->rpo[k]];

            if (b->end != head + 1)
                continue;
            b->depth++;
            if (!b->loop)
                b->loop = head + 1;
            else if (b->back && !b->outer && s->rpo[k] != head)
                b->outer = head + 1;
        }
    }
}

bool ra_in_loop(const struct ra_scan *s, ir_block_ref b, ir_block_ref head)
{
    for (ir_block_ref l = s->blk[b].loop; l; l = s->blk[l - 1].outer)
        if (l == head + 1)
            return true;
    return false;
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
            ir_block_ref dom = UINT32_MAX;

            for (uint32_t p = 0; p < b->npred; p++)
                if (s->blk[b->pred[p]].order && s->blk[b->pred[p]].idom != UINT32_MAX)
                    dom = dom == UINT32_MAX ? b->pred[p] : ra_common_dominator(s, dom, b->pred[p]);
            changed |= s->blk[s->rpo[k]].idom != dom;
            s->blk[s->rpo[k]].idom = dom;
        }
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
        s->nrpo = 1;
        return;
    }
    s->stack = ra_grow(s->stack, &s->stack_cap, ir->nblocks + 1);
    memset(s->blk, 0, ir->nblocks * sizeof *s->blk);
    walk(s);
    find_loops(s);
    walk(s);                                   /* again, now that the depths are known */
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

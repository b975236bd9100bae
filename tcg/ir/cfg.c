/* tcg/ir/cfg.c - reverse postorder, dominators (Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm"),
 * natural loops. */
#include "tcg/ir/cfg.h"

#include <string.h>

#include "tcg/ir/internal.h"

static void find_rpo(struct ir *ir, struct cfg *c)
{
    ir_block_ref *stack = ir_alloc(ir, (ir->nblocks + 1) * sizeof(*stack));
    uint8_t *next = ir_zalloc(ir, ir->nblocks + 1);           /* successor to look at next, + 1 */
    uint32_t depth = 0, at = ir->nblocks;

    memset(c->index, 0xff, ir->nblocks * sizeof(*c->index));
    stack[depth++] = 0;
    next[0] = 1;
    while (depth) {
        ir_block_ref b = stack[depth - 1];
        const struct ir_block *blk = &ir->blocks[b];
        if (next[b] > blk->nsucc) {
            c->rpo[--at] = b;
            depth--;
            continue;
        }
        b = blk->succ[next[b]++ - 1];
        if (!next[b]) {
            next[b] = 1;
            stack[depth++] = b;
        }
    }
    c->n = ir->nblocks - at;
    memmove(c->rpo, c->rpo + at, c->n * sizeof(*c->rpo));
    for (uint32_t k = 0; k < c->n; k++)
        c->index[c->rpo[k]] = k;
}

static ir_block_ref meet(const struct cfg *c, ir_block_ref a, ir_block_ref b)
{
    while (a != b) {
        while (c->index[a] > c->index[b])
            a = c->idom[a];
        while (c->index[b] > c->index[a])
            b = c->idom[b];
    }
    return a;
}

static void find_idoms(const struct ir *ir, struct cfg *c)
{
    bool again = true;

    memset(c->idom, 0xff, ir->nblocks * sizeof(*c->idom));
    c->idom[0] = 0;
    while (again) {
        again = false;
        for (uint32_t k = 1; k < c->n; k++) {
            const struct ir_block *b = &ir->blocks[c->rpo[k]];
            ir_block_ref d = UINT32_MAX;
            for (uint32_t p = 0; p < b->npred; p++)
                if (c->index[b->pred[p]] != UINT32_MAX && c->idom[b->pred[p]] != UINT32_MAX)
                    d = d == UINT32_MAX ? b->pred[p] : meet(c, d, b->pred[p]);
            again |= c->idom[c->rpo[k]] != d;
            c->idom[c->rpo[k]] = d;
        }
    }
}

/* Sizes of the subtrees bottom-up, then first numbers top-down: a walk without a stack. */
static void number_tree(struct ir *ir, struct cfg *c)
{
    uint32_t *size = ir_zalloc(ir, ir->nblocks * sizeof(*size)), *used = ir_zalloc(ir, ir->nblocks * sizeof(*used));

    for (uint32_t k = c->n; k-- > 0;) {
        ir_block_ref b = c->rpo[k];
        size[b]++;
        if (k)
            size[c->idom[b]] += size[b];
    }
    memset(c->first, 0xff, ir->nblocks * sizeof(*c->first));
    memset(c->last, 0, ir->nblocks * sizeof(*c->last));
    for (uint32_t k = 0; k < c->n; k++) {
        ir_block_ref b = c->rpo[k], d = c->idom[b];
        c->first[b] = k ? c->first[d] + 1 + used[d] : 0;
        if (k)
            used[d] += size[b];
        c->last[b] = c->first[b] + size[b] - 1;
    }
}

const struct cfg *cfg_build(struct ir *ir)
{
    struct cfg *c = ir_alloc(ir, sizeof(*c));

    c->rpo = ir_alloc(ir, ir->nblocks * sizeof(*c->rpo));
    c->index = ir_alloc(ir, ir->nblocks * sizeof(*c->index));
    c->idom = ir_alloc(ir, ir->nblocks * sizeof(*c->idom));
    c->first = ir_alloc(ir, ir->nblocks * sizeof(*c->first));
    c->last = ir_alloc(ir, ir->nblocks * sizeof(*c->last));
    find_rpo(ir, c);
    find_idoms(ir, c);
    number_tree(ir, c);
    return c;
}

/* The blocks from which a backward edge to head is reached without passing head. */
static void add_loop(struct ir *ir, const struct cfg *c, ir_block_ref head, uint32_t *seen, ir_block_ref *stack)
{
    uint32_t n = 0, mark = head + 1;

    seen[head] = mark;
    ir->blocks[head].loop_head = true;
    ir->blocks[head].loop_depth++;
    for (uint32_t p = 0; p < ir->blocks[head].npred; p++) {
        ir_block_ref from = ir->blocks[head].pred[p];
        if (c->index[from] != UINT32_MAX && cfg_dominates(c, head, from) && seen[from] != mark) {
            seen[from] = mark;
            stack[n++] = from;
        }
    }
    while (n) {
        const struct ir_block *b = &ir->blocks[stack[--n]];
        ir->blocks[stack[n]].loop_depth++;
        for (uint32_t p = 0; p < b->npred; p++)
            if (seen[b->pred[p]] != mark && c->index[b->pred[p]] != UINT32_MAX) {
                seen[b->pred[p]] = mark;
                stack[n++] = b->pred[p];
            }
    }
}

void cfg_note_loops(struct ir *ir, const struct cfg *c)
{
    uint32_t *seen = ir_zalloc(ir, ir->nblocks * sizeof(*seen));
    ir_block_ref *stack = ir_alloc(ir, ir->nblocks * sizeof(*stack));

    for (ir_block_ref b = 0; b < ir->nblocks; b++)
        ir->blocks[b].loop_depth = 0, ir->blocks[b].loop_head = false;
    for (uint32_t k = 0; k < c->n; k++) {
        const struct ir_block *b = &ir->blocks[c->rpo[k]];
        for (uint32_t p = 0; p < b->npred; p++)
            if (c->index[b->pred[p]] != UINT32_MAX && cfg_dominates(c, c->rpo[k], b->pred[p])) {
                add_loop(ir, c, c->rpo[k], seen, stack);
                break;
            }
    }
}

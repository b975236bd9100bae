/* tcg/ir/cfg.h - orders and dominance of the blocks of a finished unit. Lives in the unit's arena; a change of the edges
 * makes it stale. */
#ifndef TCG_IR_CFG_H
#define TCG_IR_CFG_H

#include "tcg/ir/ir.h"

struct cfg {
    uint32_t n;                                /* blocks that the entry reaches */
    ir_block_ref *rpo;                         /* those, each before its successors but for backward edges */
    uint32_t *index;                           /* position in rpo by block; UINT32_MAX: not reached */
    ir_block_ref *idom;                        /* immediate dominator by block; the entry's is itself */
    uint32_t *first, *last;                    /* numbers of the dominator tree's walk: dominance by two comparisons */
};

const struct cfg *cfg_build(struct ir *ir);

/* every path from the entry to b goes through a (or a == b) */
static inline bool cfg_dominates(const struct cfg *c, ir_block_ref a, ir_block_ref b)
{
    return c->first[a] <= c->first[b] && c->last[b] <= c->last[a];
}

/* Fills loop_head and loop_depth of the blocks from the natural loops. */
void cfg_note_loops(struct ir *ir, const struct cfg *c);

#endif

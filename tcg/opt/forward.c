/* tcg/opt/forward.c - a value that was computed already is not computed again.
 *
 * Global value numbering: blocks in reverse postorder, each PURE operation looked up among the equal ones; one whose
 * block dominates this one serves. Guest memory and CPU state are left alone: another vCPU, a device or a slow path may
 * have changed them. */
#include <string.h>

#include "tcg/ir/cfg.h"
#include "tcg/ir/internal.h"
#include "tcg/opt/passes.h"

struct numbering {
    struct ir *ir;
    const struct cfg *cfg;
    ir_ref *head, *next;                       /* chains by hash */
    uint32_t mask;
};

static uint32_t hash(const struct ir *ir, const struct ir_insn *i)
{
    uint64_t h = i->op ^ (uint64_t)i->type << 16 ^ (uint64_t)i->aux << 32 ^ i->imm * 0x9e3779b97f4a7c15u;
    const ir_ref *arg = ir_args(ir, i);

    if (i->op == IR_OP_phi)
        h = (uint64_t)i->block << 8;           /* the slot (imm) says nothing about the value */
    for (unsigned k = 0; k < i->nargs; k++)
        h = (h ^ arg[k]) * 0xff51afd7ed558ccdu;
    return (uint32_t)(h >> 32 ^ h);
}

static bool same(const struct ir *ir, const struct ir_insn *a, const struct ir_insn *b)
{
    bool phi = a->op == IR_OP_phi;

    return a->op == b->op && a->type == b->type && a->aux == b->aux && a->nargs == b->nargs &&
           (phi ? a->block == b->block : a->imm == b->imm) &&
           !memcmp(ir_args(ir, a), ir_args(ir, b), a->nargs * sizeof(ir_ref));
}

static void number_value(struct numbering *n, ir_ref r)
{
    struct ir *ir = n->ir;
    const struct ir_insn *i = &ir->insns[r];
    uint32_t h = hash(ir, i) & n->mask;

    for (ir_ref e = n->head[h]; e; e = n->next[e])
        if (same(ir, &ir->insns[e], i) && cfg_dominates(n->cfg, ir->insns[e].block, i->block)) {
            ir_forward(ir, r, e);
            return;
        }
    n->next[r] = n->head[h];
    n->head[h] = r;
}

void opt_forward(struct ir *ir)
{
    struct numbering n = { .ir = ir, .cfg = cfg_build(ir), .mask = 63 };

    while (n.mask < ir->ninsns)
        n.mask = n.mask * 2 + 1;
    n.head = ir_zalloc(ir, (n.mask + 1) * sizeof(*n.head));
    n.next = ir_alloc(ir, ir->ninsns * sizeof(*n.next));
    for (uint32_t k = 0; k < n.cfg->n; k++)
        for (ir_ref r = ir->blocks[n.cfg->rpo[k]].first, next; r; r = next) {
            next = ir->insns[r].next;
            if (ir_build(ir)->nforward)
                ir_resolve_args(ir, r);
            if ((ir_ops[ir->insns[r].op].props & IR_PURE) || ir->insns[r].op == IR_OP_phi)
                number_value(&n, r);
        }
    ir_simplify(ir);
}

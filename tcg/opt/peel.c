/* tcg/opt/peel.c - a loop's first turn is made a block of its own where that lets the others stay narrow.
 *
 * What a register holds when a loop is entered from outside is not known to be an extended int or a boxed single, so the
 * phi that merges it with the loop's own result must be wide (phis.c), although from the second turn on it is always
 * narrow. With the first turn apart
 *     p = phi(unknown, sext(x))          becomes          p = phi(sext(x of the first turn), sext(x))
 * Only for loops of one block, which the hottest ones are. The copy runs once each time the loop is entered. */
#include <string.h>

#include "tcg/ir/cfg.h"
#include "tcg/ir/internal.h"
#include "tcg/opt/passes.h"

enum { LARGEST = 250 };                        /* instructions of a loop that is copied */

struct peel {
    struct ir *ir;
    ir_block_ref loop, copy;
    uint32_t enter, back;                      /* positions among the loop's predecessors */
    ir_ref *map;                               /* by value of the loop: its copy; later, its phi behind the loop */
    uint32_t old_ninsns;
    uint32_t last_snap, last_copy;
};

static bool in_loop(const struct peel *p, ir_ref r) { return r < p->old_ninsns && p->ir->insns[r].block == p->loop; }

static bool is_widened(const struct ir *ir, ir_ref r)
{
    return ir->insns[r].op == IR_OP_sext || ir->insns[r].op == IR_OP_zext || ir->insns[r].op == IR_OP_fbox;
}

/* Would a phi become narrow? Its entry value must be all that is in the way, and nothing in the loop needs it wide. */
static bool pays(const struct peel *p)
{
    struct ir *ir = p->ir;
    unsigned n = 0, good = 0;
    ir_ref stop = ir->blocks[p->loop].first;

    for (ir_ref r = stop; r; r = ir->insns[r].next)
        n += ir->insns[r].op != IR_OP_insn;
    if (n > LARGEST)
        return false;
    for (ir_ref r = stop; ir->insns[r].op == IR_OP_phi; r = ir->insns[r].next) {
        const ir_ref *arg = ir_args(ir, &ir->insns[r]);
        ir_ref enter = arg[p->enter];
        good += is_widened(ir, arg[p->back]) && !is_widened(ir, enter) && ir->insns[enter].op != IR_OP_const;
    }
    return good;
}

static bool candidate(struct peel *p, ir_block_ref b)
{
    const struct ir_block *blk = &p->ir->blocks[b];

    if (blk->npred != 2 || (blk->pred[0] == b) == (blk->pred[1] == b))
        return false;
    p->loop = b;
    p->back = blk->pred[1] == b;
    p->enter = !p->back;
    return pays(p);
}

/* --- the copy -------------------------------------------------------------------------------------------------------- */

static ir_ref mapped(const struct peel *p, ir_ref r) { return in_loop(p, r) ? p->map[r] : r; }

static uint32_t copy_snap(struct peel *p, uint32_t snap)
{
    struct ir *ir = p->ir;
    struct ir_snap s = ir->snaps[snap];
    uint32_t first = ir->nsnap_pool, k;

    if (snap == p->last_snap)
        return p->last_copy;
    for (uint32_t e = 0; e < s.n; e++) {
        struct ir_snap_entry x = ir->snap_pool[s.first + e];
        ir_snap_add(ir, x.slot, mapped(p, x.val));
        ir->snap_pool[ir->nsnap_pool - 1].how = x.how;
    }
    s.first = first;
    s.pc_val = mapped(p, s.pc_val);
    k = ir_snap_new(ir);
    ir->snaps[k] = s;
    p->last_snap = snap;
    return p->last_copy = k;
}

static void copy_insn(struct peel *p, ir_ref r)
{
    struct ir *ir = p->ir;
    struct ir_insn i = ir->insns[r];
    ir_ref c = ir_new_in(ir, p->copy, IR_NONE, i.op, i.type);
    uint32_t snap = i.snap ? copy_snap(p, i.snap) : 0, first;

    if (ir_ops[i.op].nargs == IR_VAR) {
        first = ir_pool_alloc(ir, i.nargs);
        for (unsigned k = 0; k < i.nargs; k++)
            ir->pool[first + k] = mapped(p, ir->pool[i.arg[0] + k]);
        i.arg[0] = first;
    } else {
        for (unsigned k = 0; k < i.nargs; k++)
            i.arg[k] = mapped(p, i.arg[k]);
    }
    i.snap = snap;
    i.block = p->copy, i.prev = ir->insns[c].prev, i.next = IR_NONE;
    ir->insns[c] = i;
    p->map[r] = c;
}

static void copy_block(struct peel *p)
{
    struct ir *ir = p->ir;

    for (ir_ref r = ir->blocks[p->loop].first, next; r; r = next) {
        next = ir->insns[r].next;
        if (ir->insns[r].op == IR_OP_phi)
            p->map[r] = ir_args(ir, &ir->insns[r])[p->enter];
        else
            copy_insn(p, r);
    }
}

/* --- edges ------------------------------------------------------------------------------------------------------------ */

static void swap_succ(struct ir *ir, ir_block_ref b, ir_block_ref old, ir_block_ref with)
{
    for (unsigned k = 0; k < ir->blocks[b].nsucc; k++)
        if (ir->blocks[b].succ[k] == old)
            ir->blocks[b].succ[k] = with;
}

/* The block behind the loop, entered from nowhere else. */
static ir_block_ref exit_block(struct peel *p)
{
    struct ir *ir = p->ir;
    ir_block_ref to = ir->blocks[p->loop].succ[ir->blocks[p->loop].succ[0] == p->loop], b;

    if (ir->blocks[to].npred == 1)
        return to;
    b = ir_block_new(ir, ir->blocks[to].guest_pc);
    ir_new_in(ir, b, IR_NONE, IR_OP_br, IR_VOID);
    ir_add_pred(ir, b, p->loop);
    ir->blocks[b].sealed = true;
    ir->blocks[b].nsucc = 1;
    ir->blocks[b].succ[0] = to;
    swap_succ(ir, p->loop, to, b);
    for (uint32_t k = 0; k < ir->blocks[to].npred; k++)
        if (ir->blocks[to].pred[k] == p->loop)
            ir->blocks[to].pred[k] = b;
    return b;
}

static void connect(struct peel *p, ir_block_ref exit, bool has_exit)
{
    struct ir *ir = p->ir;
    ir_block_ref from = ir->blocks[p->loop].pred[p->enter];
    struct ir_block *c = &ir->blocks[p->copy];

    c->nsucc = ir->blocks[p->loop].nsucc;
    memcpy(c->succ, ir->blocks[p->loop].succ, sizeof(c->succ));
    ir_add_pred(ir, p->copy, from);
    c->sealed = true;
    c->cold = ir->blocks[p->loop].cold;
    swap_succ(ir, from, p->loop, p->copy);
    ir->blocks[p->loop].pred[p->enter] = p->copy;
    for (ir_ref r = ir->blocks[p->loop].first; ir->insns[r].op == IR_OP_phi; r = ir->insns[r].next) {
        ir_ref *arg = ir->pool + ir->insns[r].arg[0];
        arg[p->enter] = mapped(p, arg[p->back]);
    }
    if (has_exit) {
        ir->blocks[exit].sealed = false;
        ir_add_pred(ir, exit, p->copy);
        ir->blocks[exit].sealed = true;
    }
}

/* --- what is used behind the loop ---------------------------------------------------------------------------------------- */

static ir_ref behind(struct peel *p, ir_ref r, ir_block_ref exit, ir_ref *phi)
{
    struct ir *ir = p->ir;

    if (!in_loop(p, r))
        return r;
    if (!phi[r]) {
        uint32_t first = ir_pool_alloc(ir, 2);
        phi[r] = ir_new_in(ir, exit, ir->blocks[exit].first, IR_OP_phi, ir_type_of(ir, r));
        ir->insns[phi[r]].nargs = 2;
        ir->insns[phi[r]].arg[0] = first;
        ir->insns[phi[r]].imm = IR_SLOT_END;   /* of no register in particular */
        ir->pool[first] = r;
        ir->pool[first + 1] = p->map[r];
    }
    return phi[r];
}

static void repair_insn(struct peel *p, ir_ref r, ir_block_ref exit, ir_ref *phi, bool *seen)
{
    struct ir *ir = p->ir;
    uint32_t snap = ir->insns[r].snap, nargs = ir->insns[r].nargs;
    bool pool = ir_ops[ir->insns[r].op].nargs == IR_VAR;

    for (uint32_t k = 0; k < nargs; k++) {
        ir_ref v = behind(p, pool ? ir->pool[ir->insns[r].arg[0] + k] : ir->insns[r].arg[k], exit, phi);
        *(pool ? &ir->pool[ir->insns[r].arg[0] + k] : &ir->insns[r].arg[k]) = v;
    }
    if (!snap || seen[snap])
        return;
    seen[snap] = true;
    ir->snaps[snap].pc_val = behind(p, ir->snaps[snap].pc_val, exit, phi);
    for (uint32_t e = 0; e < ir->snaps[snap].n; e++)
        ir->snap_pool[ir->snaps[snap].first + e].val = behind(p, ir->snap_pool[ir->snaps[snap].first + e].val, exit, phi);
}

static void repair(struct peel *p, ir_block_ref exit)
{
    struct ir *ir = p->ir;
    ir_ref *phi = ir_zalloc(ir, p->old_ninsns * sizeof(*phi));
    bool *seen = ir_zalloc(ir, ir->nsnaps);
    uint32_t n = ir->ninsns;

    for (ir_ref r = 1; r < n; r++) {
        const struct ir_insn *i = &ir->insns[r];
        if (i->op != IR_OP_nop && i->block != p->loop && i->block != p->copy)
            repair_insn(p, r, exit, phi, seen);
    }
}

static void peel(struct peel *p)
{
    struct ir *ir = p->ir;
    bool has_exit = ir->blocks[p->loop].nsucc == 2;
    ir_block_ref exit = has_exit ? exit_block(p) : 0;

    p->old_ninsns = ir->ninsns;
    p->map = ir_alloc(ir, p->old_ninsns * sizeof(*p->map));
    p->last_snap = 0;
    p->copy = ir_block_new(ir, ir->blocks[p->loop].guest_pc);
    ir_build(ir)->unfolded = true;
    copy_block(p);
    connect(p, exit, has_exit);
    if (has_exit)
        repair(p, exit);
}

void opt_peel(struct ir *ir)
{
    struct peel p = { .ir = ir };

    for (ir_block_ref b = 0, n = ir->nblocks; b < n; b++)
        if (ir->blocks[b].first && candidate(&p, b))
            peel(&p);
}

/* tcg/ir/slots.c - guest registers become SSA values while decoding.
 *
 * Braun et al., "Simple and Efficient Construction of Static Single Assignment Form" (CC 2013). Beside the value, each
 * block knows for each slot whether the home is behind it (dirty). Where a predecessor is not known yet, that is not
 * known either: snapshots list only what the block itself did, and ir_finish() adds the slots that come in dirty on some
 * path. Reading every slot at every loop head, just in case, is avoided that way.
 *
 * A phi that turns out trivial becomes a nop that names its replacement (a forward); ir_finish() rewrites its uses. */
#include "tcg/ir/internal.h"

#include <string.h>

/* --- state of a block -------------------------------------------------------------------------------------------- */

static bool block_known(const struct ir *ir, ir_block_ref b)
{
    const struct ir_block *blk = &ir->blocks[b];

    if (!blk->slot_val)
        return false;
    for (unsigned w = 0; w < ir_build(ir)->nwords; w++)
        if (~ir_slots_of(ir, blk).known[w])
            return false;
    return true;
}

/* Entry state: known when every predecessor is. */
void ir_init_slots(struct ir *ir, ir_block_ref b)
{
    unsigned n = ir_build(ir)->nwords;
    size_t vals = n * 64 * sizeof(ir_ref), masks = n * sizeof(uint64_t);
    struct ir_block *blk = &ir->blocks[b];
    struct ir_slots s;

    blk->slot_val = ir_alloc(ir, vals + 3 * masks);
    s = ir_slots_of(ir, blk);
    memset(blk->slot_val, 0, vals + 3 * masks);
    if (blk->npred == 0 && blk->sealed) {      /* the entry, or never reached */
        memset(s.known, 0xff, masks);
        memset(s.home, 0xff, masks);
        return;
    }
    if (!blk->sealed)
        return;
    for (uint32_t p = 0; p < blk->npred; p++)
        if (!block_known(ir, blk->pred[p]))
            return;
    memset(s.known, 0xff, masks);
    for (uint32_t p = 0; p < blk->npred; p++) {
        struct ir_slots from = ir_slots_of(ir, &ir->blocks[blk->pred[p]]);
        for (unsigned w = 0; w < n; w++)
            s.dirty[w] |= from.dirty[w];
    }
}

static void set_state(struct ir *ir, unsigned slot, ir_ref v, bool dirty, bool home)
{
    struct ir_block *b = &ir->blocks[ir->cur];
    struct ir_slots s = ir_slots_of(ir, b);
    uint64_t bit = 1ull << (slot % 64);
    unsigned w = slot / 64;

    b->slot_val[slot] = v;
    s.known[w] |= bit;
    s.dirty[w] = dirty ? s.dirty[w] | bit : s.dirty[w] & ~bit;
    s.home[w] = home ? s.home[w] | bit : s.home[w] & ~bit;
    ir->dirty_since_snap = true;
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

ir_ref ir_resolve_slow(struct ir *ir, ir_ref r)
{
    ir_ref end = r;

    while (ir_is_forward(&ir->insns[end]))
        end = ir->insns[end].arg[0];
    while (ir_is_forward(&ir->insns[r])) {
        ir_ref next = ir->insns[r].arg[0];
        ir->insns[r].arg[0] = end;
        r = next;
    }
    return end;
}

void ir_forward(struct ir *ir, ir_ref r, ir_ref to)
{
    ir_remove(ir, r);
    ir->insns[r].mark = IR_MARK_FORWARD;
    ir->insns[r].arg[0] = to;
    ir_build(ir)->nforward++;
}

static ir_ref phi_new(struct ir *ir, ir_block_ref b, unsigned slot)
{
    ir_ref r = ir_new_in(ir, b, ir->blocks[b].first, IR_OP_phi, ir->slots[slot].type);

    ir->insns[r].imm = slot;
    ir->insns[r].mark = IR_MARK_INCOMPLETE;
    return r;
}

static bool same_const(const struct ir *ir, ir_ref a, ir_ref b)
{
    const struct ir_insn *x = &ir->insns[a], *y = &ir->insns[b];

    return x->op == IR_OP_const && y->op == IR_OP_const && x->type == y->type && x->imm == y->imm;
}

/* The constant v behind the phis of block b. */
static ir_ref const_in(struct ir *ir, ir_block_ref b, ir_ref v)
{
    ir_ref at = ir->blocks[b].first, r;

    while (at && ir->insns[at].op == IR_OP_phi)
        at = ir->insns[at].next;
    r = ir_new_in(ir, b, at, IR_OP_const, (enum ir_type)ir->insns[v].type);
    ir->insns[r].imm = ir->insns[v].imm;
    return r;
}

/* A phi of one value and itself is that value; translators look for constants, so one of the same constant is it, too. */
static ir_ref phi_simplify(struct ir *ir, ir_ref phi)
{
    const struct ir_insn *i = &ir->insns[phi];
    ir_ref same = IR_NONE;
    bool alike = false;

    for (unsigned k = 0; k < i->nargs; k++) {
        ir_ref a = ir_resolve(ir, ir->pool[i->arg[0] + k]);
        if (a == phi || a == same)
            continue;
        if (same && !same_const(ir, a, same))
            return phi;
        alike = same;
        same = a;
    }
    if (!same)
        return phi;                            /* a loop that nothing enters */
    if (alike)
        same = const_in(ir, i->block, same);
    ir_forward(ir, phi, same);
    return same;
}

static ir_ref phi_complete(struct ir *ir, ir_ref phi)
{
    ir_block_ref b = ir->insns[phi].block;
    unsigned n = ir->blocks[b].npred, slot = (unsigned)ir->insns[phi].imm;
    uint32_t first = ir_pool_alloc(ir, n);

    ir->insns[phi].mark = 0;
    for (unsigned k = 0; k < n; k++) {
        ir_ref v = ir_read_slot_at_end(ir, ir->blocks[b].pred[k], slot);
        ir->pool[first + k] = v;
    }
    ir->insns[phi].arg[0] = first;
    ir->insns[phi].nargs = (uint8_t)n;
    return phi_simplify(ir, phi);
}

static ir_ref get_new(struct ir *ir, ir_block_ref b, ir_ref before, unsigned slot)
{
    ir_ref r = ir_new_in(ir, b, before, IR_OP_get, ir->slots[slot].type);

    ir->insns[r].imm = slot;
    return r;
}

ir_ref ir_read_slot_at_end(struct ir *ir, ir_block_ref b, unsigned slot)
{
    struct ir_block *blk = &ir->blocks[b];
    struct ir_build *bd = ir->build;
    ir_ref v;

    if (!blk->slot_val) {
        ir_init_slots(ir, b);
        blk = &ir->blocks[b];
    }
    if (blk->slot_val[slot])
        return blk->slot_val[slot] = ir_resolve(ir, blk->slot_val[slot]);
    if (ir_bit(ir_slots_of(ir, blk).home, slot)) {
        v = get_new(ir, b, ir_end_of(ir, b), slot);
    } else if (!blk->sealed) {
        v = phi_new(ir, b, slot);
    } else if (blk->npred == 1 && bd->depth <= ir->nblocks) {
        bd->depth++;
        v = ir_read_slot_at_end(ir, blk->pred[0], slot);
        bd->depth--;
    } else if (blk->npred <= 1) {              /* never reached, or in a circle that nothing enters */
        v = get_new(ir, b, blk->first, slot);
    } else {
        v = phi_new(ir, b, slot);
        ir->blocks[b].slot_val[slot] = v;      /* ends the search in a loop */
        v = phi_complete(ir, v);
    }
    return ir->blocks[b].slot_val[slot] = v;
}

ir_ref ir_read_slot(struct ir *ir, unsigned slot)
{
    struct ir_block *b = &ir->blocks[ir->cur];

    if (__builtin_expect(b->slot_val[slot] && !ir_build(ir)->nforward, 1))
        return b->slot_val[slot];
    return ir_read_slot_at_end(ir, ir->cur, slot);
}

void ir_seal(struct ir *ir, ir_block_ref b)
{
    if (ir->blocks[b].sealed)
        return;
    ir->blocks[b].sealed = true;
    for (ir_ref r = ir->blocks[b].first, next; r && ir->insns[r].op == IR_OP_phi; r = next) {
        next = ir->insns[r].next;
        if (ir->insns[r].mark == IR_MARK_INCOMPLETE)
            phi_complete(ir, r);
    }
}

/* --- writing ----------------------------------------------------------------------------------------------------- */

void ir_write_slot(struct ir *ir, unsigned slot, ir_ref v)
{
    if (ir->insns[v].type != ir->slots[slot].type) {
        ir_fail(ir, "a guest register was given a value of another type");
        return;
    }
    if (ir->blocks[ir->cur].slot_val[slot] != v)
        set_state(ir, slot, v, true, false);
}

static void emit_set(struct ir *ir, unsigned slot, bool pass)
{
    ir_ref v = ir_read_slot(ir, slot), r = ir_new(ir, IR_OP_set, ir->slots[slot].type);

    ir->insns[r].imm = slot;
    ir->insns[r].arg[0] = v;
    ir->insns[r].mark = pass ? IR_MARK_PASS : 0;
    ir_build(ir)->ndeferred += pass;
    set_state(ir, slot, v, false, false);
}

void ir_sync_slot(struct ir *ir, unsigned slot)
{
    struct ir_slots s = ir_slots_of(ir, &ir->blocks[ir->cur]);
    bool known = ir_bit(s.known, slot);

    if (!known || ir_bit(s.dirty, slot))
        emit_set(ir, slot, !known);
}

void ir_sync_all(struct ir *ir)
{
    for (unsigned w = 0; w < ir_build(ir)->nwords; w++) {
        struct ir_slots s = ir_slots_of(ir, &ir->blocks[ir->cur]);
        uint64_t m = s.dirty[w] | ~s.known[w];
        for (; m; m &= m - 1) {
            unsigned slot = w * 64 + (unsigned)__builtin_ctzll(m);
            if (slot < ir->nslots)
                ir_sync_slot(ir, slot);
        }
    }
}

void ir_forget_slot(struct ir *ir, unsigned slot) { set_state(ir, slot, IR_NONE, false, true); }

/* --- the end ------------------------------------------------------------------------------------------------------ */

/* Which slots come in dirty, for blocks that did not know: the least solution over the edges. At the end of a block,
 * `known` slots are as `dirty` says, others as they came in. */
static uint64_t *find_dirty_in(struct ir *ir)
{
    unsigned n = ir_build(ir)->nwords;
    uint64_t *in = ir_zalloc(ir, (size_t)ir->nblocks * n * sizeof(*in));
    bool again = true;

    while (again) {
        again = false;
        for (ir_block_ref b = 0; b < ir->nblocks; b++) {
            struct ir_block *blk = &ir->blocks[b];
            for (uint32_t p = 0; p < blk->npred; p++) {
                struct ir_slots s = ir_slots_of(ir, &ir->blocks[blk->pred[p]]);
                for (unsigned w = 0; w < n; w++) {
                    uint64_t old = in[b * n + w];
                    in[b * n + w] |= (s.dirty[w] & s.known[w]) | (in[blk->pred[p] * n + w] & ~s.known[w]);
                    again |= in[b * n + w] != old;
                }
            }
        }
    }
    return in;
}

/* The value of a slot where the block begins. */
static ir_ref read_at_start(struct ir *ir, ir_block_ref b, unsigned slot, ir_ref *start)
{
    struct ir_block *blk = &ir->blocks[b];

    if (start[slot])
        return ir_resolve(ir, start[slot]);
    for (ir_ref r = blk->first; r && ir->insns[r].op == IR_OP_phi; r = ir->insns[r].next)
        if (ir->insns[r].imm == slot)
            return start[slot] = r;
    if (blk->npred == 1)
        return start[slot] = ir_read_slot_at_end(ir, blk->pred[0], slot);
    if (blk->npred == 0)
        return start[slot] = get_new(ir, b, blk->first, slot);
    start[slot] = phi_new(ir, b, slot);
    if (!ir->blocks[b].slot_val[slot] && !ir_bit(ir_slots_of(ir, &ir->blocks[b]).home, slot))
        ir->blocks[b].slot_val[slot] = start[slot];
    return start[slot] = phi_complete(ir, start[slot]);
}

/* Snapshots that shared their entries share them again. */
static void complete_snaps(struct ir *ir, const uint64_t *in, ir_ref *const *start)
{
    unsigned n = ir_build(ir)->nwords;
    uint64_t *last_known = NULL;
    uint32_t first = 0, count = 0;

    for (uint32_t k = 1; k < ir->nsnaps; k++) {
        struct ir_snap *s = &ir->snaps[k];
        ir_block_ref b = s->block;
        if (!s->known)
            continue;
        if (s->known != last_known) {
            uint32_t old_first = s->first, old_n = s->n;
            last_known = s->known;
            first = ir->nsnap_pool;
            for (uint32_t e = 0; e < old_n; e++)
                ir_snap_add(ir, ir->snap_pool[old_first + e].slot, ir->snap_pool[old_first + e].val);
            for (unsigned w = 0; w < n; w++)
                for (uint64_t m = in[b * n + w] & ~last_known[w]; m; m &= m - 1) {
                    unsigned slot = w * 64 + (unsigned)__builtin_ctzll(m);
                    ir_snap_add(ir, slot, read_at_start(ir, b, slot, start[b]));
                }
            count = ir->nsnap_pool - first;
        }
        ir->snaps[k].first = first, ir->snaps[k].n = count;
    }
}

static void drop_needless_sets(struct ir *ir, const uint64_t *in)
{
    unsigned n = ir_build(ir)->nwords;

    for (ir_ref r = 1; r < ir->ninsns; r++) {
        struct ir_insn *i = &ir->insns[r];
        if (i->op == IR_OP_set && i->mark == IR_MARK_PASS) {
            i->mark = 0;
            if (!ir_bit(in + i->block * n, (unsigned)i->imm))
                ir_remove(ir, r);
        }
    }
}

static void simplify_phis(struct ir *ir)
{
    bool again = true;

    while (again) {
        again = false;
        for (ir_block_ref b = 0; b < ir->nblocks; b++)
            for (ir_ref r = ir->blocks[b].first, next; r && ir->insns[r].op == IR_OP_phi; r = next) {
                next = ir->insns[r].next;
                again |= phi_simplify(ir, r) != r;
            }
    }
}

void ir_resolve_args(struct ir *ir, ir_ref r)
{
    struct ir_insn *i = &ir->insns[r];
    ir_ref *arg = ir_ops[i->op].nargs == IR_VAR ? ir->pool + i->arg[0] : i->arg;

    for (unsigned k = 0; k < i->nargs; k++)
        arg[k] = ir_resolve(ir, arg[k]);
}

static void resolve_uses(struct ir *ir)
{
    for (ir_ref r = 1; r < ir->ninsns; r++)
        if (ir->insns[r].op != IR_OP_nop)
            ir_resolve_args(ir, r);
    for (uint32_t e = 0; e < ir->nsnap_pool; e++)
        ir->snap_pool[e].val = ir_resolve(ir, ir->snap_pool[e].val);
    for (uint32_t k = 1; k < ir->nsnaps; k++)
        ir->snaps[k].pc_val = ir_resolve(ir, ir->snaps[k].pc_val);
}

void ir_simplify(struct ir *ir)
{
    simplify_phis(ir);
    if (ir_build(ir)->nforward)
        resolve_uses(ir);
    ir_build(ir)->nforward = 0;
}

void ir_finish(struct ir *ir)
{
    struct ir_build *bd = ir->build;

    if (bd->finished || ir->error)
        return;
    bd->finished = bd->unfolded = true;
    if (ir->nblocks > 1)
        ir_drop_unreachable(ir);
    for (ir_block_ref b = 0; b < ir->nblocks; b++) {
        ir_seal(ir, b);
        if (!ir->blocks[b].slot_val)
            ir_init_slots(ir, b);
    }
    if (bd->ndeferred) {
        uint64_t *in = find_dirty_in(ir);
        ir_ref **start = ir_alloc(ir, ir->nblocks * sizeof(*start));
        for (ir_block_ref b = 0; b < ir->nblocks; b++)
            start[b] = ir_zalloc(ir, ir->nslots * sizeof(ir_ref));
        complete_snaps(ir, in, start);
        drop_needless_sets(ir, in);
    }
    if (bd->nforward)
        ir_simplify(ir);
}

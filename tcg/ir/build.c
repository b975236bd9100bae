/* tcg/ir/build.c - contexts, their memory, blocks and their edges, snapshots.
 *
 * All arrays grow by doubling and keep their memory over ir_reset(); per-block arrays come from an arena. */
#include "tcg/ir/internal.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"

/* --- arena ------------------------------------------------------------------------------------------------------ */

struct arena_chunk { struct arena_chunk *next; size_t size, used; char data[] __attribute__((aligned(16))); };
struct arena { struct arena_chunk *first, *cur; };

static struct arena_chunk *chunk_new(size_t size)
{
    struct arena_chunk *c = xmalloc(sizeof(*c) + size);

    c->next = NULL, c->size = size, c->used = 0;
    return c;
}

void *ir_alloc(struct ir *ir, size_t bytes)
{
    struct arena *a = ir->arena;
    struct arena_chunk *c = a->cur;

    bytes = (bytes + 15) & ~(size_t)15;
    while (c->size - c->used < bytes) {
        if (!c->next || c->next->size < bytes) {
            struct arena_chunk *n = chunk_new(bytes > c->size * 2 ? bytes : c->size * 2);
            n->next = c->next;
            c->next = n;
        }
        c = a->cur = c->next;
        c->used = 0;
    }
    c->used += bytes;
    return c->data + c->used - bytes;
}

void *ir_zalloc(struct ir *ir, size_t bytes) { return memset(ir_alloc(ir, bytes), 0, bytes); }

/* --- contexts --------------------------------------------------------------------------------------------------- */

#define GROW(ir, array, n, cap) do { \
        if (__builtin_expect((n) > (ir)->cap, 0)) { \
            (ir)->cap = (ir)->cap * 2 > (n) ? (ir)->cap * 2 : (n); \
            (ir)->array = xreallocarray((ir)->array, (ir)->cap, sizeof(*(ir)->array)); \
        } \
    } while (0)

void ir_init(struct ir *ir, const struct ir_slot *slots, unsigned nslots,
             const struct ir_helper *const *helpers, unsigned nhelpers)
{
    struct arena *a = xcalloc(1, sizeof(*a));

    memset(ir, 0, sizeof(*ir));
    ir->slots = slots, ir->nslots = nslots;
    ir->budget = IR_SLOT_END;
    ir->helpers = helpers, ir->nhelpers = nhelpers;
    a->first = chunk_new(16384);
    ir->arena = a;
    ir->build = xcalloc(1, sizeof(struct ir_build));
    ir_build(ir)->nwords = (nslots + 63) / 64;
    GROW(ir, insns, 256, insns_cap);
    GROW(ir, blocks, 16, blocks_cap);
    GROW(ir, snaps, 64, snaps_cap);
    GROW(ir, snap_pool, 256, snap_pool_cap);
    GROW(ir, pool, 64, pool_cap);
    memset(ir->insns, 0, sizeof(ir->insns[0]));
    memset(ir->snaps, 0, sizeof(ir->snaps[0]));
    ir_reset(ir);
}

void ir_reset(struct ir *ir)
{
    struct ir_build *bd = ir->build;
    struct arena *a = ir->arena;

    a->cur = a->first;
    a->cur->used = 0;
    ir->ninsns = 1, ir->nblocks = 0, ir->npool = 0, ir->nsnaps = 1, ir->nsnap_pool = 0, ir->nvconsts = 0;
    ir->pc = ir->origin = 0, ir->pc_val = ir->origin_val = IR_NONE, ir->snap_extra = 0;
    ir->dirty_since_snap = true;
    ir->guest_insns = 0;
    ir->error = NULL;
    bd->at = IR_NONE, bd->nforward = 0, bd->ndeferred = 0, bd->finished = bd->counted = false,
    bd->last_snap = 0, bd->depth = 0;
    ir->cur = ir_block_new(ir, 0);
    ir->blocks[0].sealed = true;
    ir_init_slots(ir, 0);
}

void ir_free(struct ir *ir)
{
    struct arena *a = ir->arena;

    for (struct arena_chunk *c = a->first, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    free(a);
    free(ir->build);
    free(ir->insns);
    free(ir->blocks);
    free(ir->pool);
    free(ir->snaps);
    free(ir->snap_pool);
    free(ir->vconsts);
    memset(ir, 0, sizeof(*ir));
}

void ir_fail(struct ir *ir, const char *why)
{
    if (!ir->error)
        ir->error = why;
}

/* --- instructions ----------------------------------------------------------------------------------------------- */

static ir_ref insn_alloc(struct ir *ir, enum ir_op op, enum ir_type type)
{
    ir_ref r = ir->ninsns;

    GROW(ir, insns, r + 1, insns_cap);
    ir->ninsns = r + 1;
    ir->insns[r] = (struct ir_insn){ .op = op, .type = type, .nargs = ir_ops[op].nargs };
    if (ir_ops[op].nargs == IR_VAR)
        ir->insns[r].nargs = 0;
    return r;
}

ir_ref ir_new_in(struct ir *ir, ir_block_ref b, ir_ref before, enum ir_op op, enum ir_type type)
{
    ir_ref r = insn_alloc(ir, op, type);
    struct ir_insn *i = &ir->insns[r];
    struct ir_block *blk = &ir->blocks[b];

    i->block = b;
    i->next = before;
    i->prev = before ? ir->insns[before].prev : blk->last;
    if (i->prev)
        ir->insns[i->prev].next = r;
    else
        blk->first = r;
    if (before)
        ir->insns[before].prev = r;
    else
        blk->last = r;
    return r;
}

ir_ref ir_new(struct ir *ir, enum ir_op op, enum ir_type type)
{
    struct ir_build *bd = ir->build;

    if (bd->at)
        return ir_new_in(ir, ir->insns[bd->at].block, bd->at, op, type);
    if (ir_terminated(ir))
        ir_fail(ir, "instruction after the end of its block");
    return ir_new_in(ir, ir->cur, IR_NONE, op, type);
}

uint32_t ir_pool_alloc(struct ir *ir, unsigned n)
{
    uint32_t first = ir->npool;

    GROW(ir, pool, first + n, pool_cap);
    ir->npool = first + n;
    return first;
}

bool ir_terminated(const struct ir *ir)
{
    ir_ref last = ir->blocks[ir->cur].last;

    return last && (ir_ops[ir->insns[last].op].props & IR_TERM);
}

ir_ref ir_end_of(const struct ir *ir, ir_block_ref b)
{
    ir_ref last = ir->blocks[b].last;

    return last && (ir_ops[ir->insns[last].op].props & IR_TERM) ? last : IR_NONE;
}

/* --- blocks ----------------------------------------------------------------------------------------------------- */

ir_block_ref ir_block_new(struct ir *ir, uint64_t guest_pc)
{
    ir_block_ref b = ir->nblocks;

    GROW(ir, blocks, b + 1, blocks_cap);
    ir->nblocks = b + 1;
    ir->blocks[b] = (struct ir_block){ .guest_pc = guest_pc };
    return b;
}

void ir_add_pred(struct ir *ir, ir_block_ref to, ir_block_ref pred)
{
    struct ir_block *b = &ir->blocks[to];

    if (b->sealed)
        ir_fail(ir, "jump to a block that was sealed");
    if (b->npred == 255)
        ir_fail(ir, "a block has more than 255 predecessors");
    if (b->npred == b->pred_cap) {
        ir_block_ref *old = b->pred;
        b->pred_cap = b->pred_cap ? b->pred_cap * 2 : 4;
        b->pred = ir_alloc(ir, b->pred_cap * sizeof(*b->pred));
        if (old)
            memcpy(b->pred, old, b->npred * sizeof(*b->pred));
    }
    b->pred[b->npred++] = pred;
    if (b->slot_val && b->first)
        b->loop_head = true;                   /* it has instructions already: a backward edge */
}

void ir_enter(struct ir *ir, ir_block_ref b)
{
    ir->cur = b;
    ir_build(ir)->last_snap = 0;
    if (!ir->blocks[b].slot_val)
        ir_init_slots(ir, b);
}

/* --- snapshots -------------------------------------------------------------------------------------------------- */

uint32_t ir_snap_new(struct ir *ir)
{
    GROW(ir, snaps, ir->nsnaps + 1, snaps_cap);
    ir->snaps[ir->nsnaps] = (struct ir_snap){ .first = ir->nsnap_pool };
    return ir->nsnaps++;
}

void ir_snap_add(struct ir *ir, unsigned slot, ir_ref v)
{
    GROW(ir, snap_pool, ir->nsnap_pool + 1, snap_pool_cap);
    ir->snap_pool[ir->nsnap_pool++] = (struct ir_snap_entry){ .slot = (uint16_t)slot, .val = v };
}

/* Entries of the slots that are dirty for certain; those not known yet are added by ir_finish(). */
static void snap_fill(struct ir *ir, struct ir_snap *s)
{
    struct ir_block *b = &ir->blocks[ir->cur];
    unsigned nwords = ir_build(ir)->nwords;

    for (unsigned w = 0; w < nwords; w++) {
        uint64_t m = ir_slots_of(ir, b).dirty[w] & ir_slots_of(ir, b).known[w];
        for (; m; m &= m - 1) {
            unsigned slot = w * 64 + (unsigned)__builtin_ctzll(m);
            ir_ref v = ir->blocks[ir->cur].slot_val[slot];
            if (!v)
                v = ir_read_slot(ir, slot);
            ir_snap_add(ir, slot, v);
        }
    }
    s->n = ir->nsnap_pool - s->first;
}

static bool all_known(const struct ir *ir, const struct ir_block *b)
{
    const uint64_t *known = ir_slots_of(ir, b).known;

    for (unsigned w = 0; w < ir_build(ir)->nwords; w++)
        if (~known[w])
            return false;
    return true;
}

uint32_t ir_snapshot(struct ir *ir)
{
    struct ir_build *bd = ir->build;
    struct ir_snap *last = &ir->snaps[bd->last_snap], s;

    if (bd->last_snap && !ir->dirty_since_snap) {
        if (last->pc == ir->pc && last->pc_val == ir->pc_val && last->extra == ir->snap_extra)
            return bd->last_snap;
        s = *last;                             /* the entries serve again */
    } else {
        struct ir_block *b = &ir->blocks[ir->cur];
        s = (struct ir_snap){ .first = ir->nsnap_pool };
        if (!all_known(ir, b)) {
            s.known = ir_alloc(ir, bd->nwords * sizeof(*s.known));
            memcpy(s.known, ir_slots_of(ir, b).known, bd->nwords * sizeof(*s.known));
            bd->ndeferred++;
        }
        snap_fill(ir, &s);
    }
    s.pc = ir->pc, s.pc_val = ir->pc_val, s.extra = ir->snap_extra, s.block = ir->cur;
    bd->last_snap = ir_snap_new(ir);
    ir->snaps[bd->last_snap] = s;
    ir->dirty_since_snap = false;
    return bd->last_snap;
}

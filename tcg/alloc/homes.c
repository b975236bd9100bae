/* Homes: what the program itself writes there, and where an early store would be seen. */
#include "tcg/alloc/internal.h"

#include <string.h>

/* --- what the program writes ------------------------------------------------------------------------------------- */

static void note_write(struct ra_scan *s, uint32_t *list, ir_ref val)
{
    s->writes = ra_grow(s->writes, &s->writes_cap, s->nwrites + 1);
    s->writes[s->nwrites] = (struct ra_write){ .pos = s->pos, .next = *list, .val = val };
    *list = s->nwrites++;
}

static unsigned slot_bytes(unsigned type)
{
    return type == IR_V256 ? 32 : type == IR_V128 ? 16 : type == IR_I32 || type == IR_F32 || type == IR_FLAGS ? 4 : 8;
}

static bool overlaps_home(const struct ra_scan *s, const struct ir_insn *i, unsigned slot)
{
    const struct ir_slot *sl = &s->ir->slots[slot];

    return i->imm < sl->offset + slot_bytes(sl->type) && sl->offset < i->imm + ir_mem_bytes(i->aux);
}

static bool near_homes(const struct ra_scan *s, const struct ir_insn *i)
{
    return i->imm < s->home_high && i->imm + ir_mem_bytes(i->aux) > s->home_low;
}

/* A helper that is given the CPU state and declares nothing: its caller syncs and forgets the slots in question itself
 * (which ones depends on the arguments). Nobody else may rely on a home across it. */
static bool undeclared(const struct ra_scan *s, const struct ir_insn *i)
{
    const struct ir_helper *h = s->ir->helpers[i->imm];
    const ir_ref *args = ir_args(s->ir, i);

    if (h->reads || h->writes || h->flags & (IR_H_READ_ALL | IR_H_WRITE_ALL | IR_H_FAULT | IR_H_PURE))
        return false;
    for (unsigned k = 0; k < i->nargs; k++)
        if (ir_at(s->ir, args[k])->op == IR_OP_envaddr)
            return true;
    return false;
}

void ra_note_home_writes(struct ra_scan *s, const struct ir_insn *i)
{
    if (i->op == IR_OP_set) {
        note_write(s, &s->slot_writes[i->imm], i->arg[0]);
    } else if (i->op == IR_OP_call) {
        const struct ir_helper *h = s->ir->helpers[i->imm];

        if (h->flags & IR_H_WRITE_ALL || undeclared(s, i))
            note_write(s, &s->all_writes, IR_NONE);
        else if (h->writes)
            for (const uint16_t *w = h->writes; *w != IR_SLOT_END; w++)
                note_write(s, &s->slot_writes[*w], IR_NONE);
        for (unsigned k = 0; k < 4; k++)
            if (ir_call_touched(i, k) & IR_CALL_WRITES)
                note_write(s, &s->slot_writes[(ir_call_touched(i, k) & ~(unsigned)IR_CALL_WRITES) - 1], IR_NONE);
    } else if (i->op == IR_OP_stenv && near_homes(s, i)) {
        for (unsigned slot = 0; slot < s->ir->nslots; slot++)
            if (overlaps_home(s, i, slot))
                note_write(s, &s->slot_writes[slot], IR_NONE);
    }
}

static void find_bounds(struct ra_scan *s)
{
    const struct ir *ir = s->ir;

    s->home_low = UINT32_MAX;
    s->home_high = 0;
    for (unsigned i = 0; i < ir->nslots; i++) {
        const struct ir_slot *sl = &ir->slots[i];

        if (sl->offset < s->home_low)
            s->home_low = sl->offset;
        if (sl->offset + slot_bytes(sl->type) > s->home_high)
            s->home_high = sl->offset + slot_bytes(sl->type);
    }
    s->slots = ir->slots;
}

void ra_reset_homes(struct ra_scan *s)
{
    const struct ir *ir = s->ir;

    s->nwords = ir->nslots / 64 + 1;
    if (s->slots != ir->slots)
        find_bounds(s);
    s->slot_writes = ra_grow(s->slot_writes, &s->slots_cap, ir->nslots);
    s->slot_reg = ra_grow(s->slot_reg, &s->slot_reg_cap, ir->nslots);
    memset(s->slot_reg, RA_NO_REG, ir->nslots);
    s->slot_owners = ra_grow(s->slot_owners, &s->owners_cap, ir->nslots);
    s->unsafe = ra_grow(s->unsafe, &s->unsafe_now_cap, s->nwords);
    memset(s->slot_writes, 0, ir->nslots * sizeof *s->slot_writes);
    memset(s->slot_owners, 0, ir->nslots * sizeof *s->slot_owners);
    s->writes = ra_grow(s->writes, &s->writes_cap, 1);
    s->nwrites = 1;
    s->all_writes = 0;
}

/* --- what may see an early store --------------------------------------------------------------------------------- */

static void set_slot(uint64_t *w, unsigned slot) { w[slot / 64] |= UINT64_C(1) << slot % 64; }
static void clear_slot(uint64_t *w, unsigned slot) { w[slot / 64] &= ~(UINT64_C(1) << slot % 64); }
static bool has_slot(const uint64_t *w, unsigned slot) { return w[slot / 64] >> slot % 64 & 1; }

static void unsafe_snap(struct ra_scan *s, uint32_t snap)
{
    const struct ir_snap *sn = &s->ir->snaps[snap];
    const struct ir_snap_entry *e = s->ir->snap_pool + sn->first;
    uint64_t named[s->nwords];

    memset(named, 0, sizeof named);
    for (uint32_t k = 0; k < sn->n; k++)
        set_slot(named, e[k].slot);
    for (unsigned w = 0; w < s->nwords; w++)
        s->unsafe[w] |= ~named[w];
}

static void unsafe_call(struct ra_scan *s, const struct ir_insn *i)
{
    const struct ir_helper *h = s->ir->helpers[i->imm];

    if (h->flags & IR_H_WRITE_ALL)
        memset(s->unsafe, 0, s->nwords * sizeof *s->unsafe);
    if (h->writes)
        for (const uint16_t *w = h->writes; *w != IR_SLOT_END; w++)
            clear_slot(s->unsafe, *w);
    if (h->flags & (IR_H_READ_ALL | IR_H_FAULT) || undeclared(s, i))
        memset(s->unsafe, 0xff, s->nwords * sizeof *s->unsafe);
    if (h->reads)
        for (const uint16_t *w = h->reads; *w != IR_SLOT_END; w++)
            set_slot(s->unsafe, *w);
    for (unsigned k = 0; k < 4; k++)
        if (ir_call_touched(i, k))
            set_slot(s->unsafe, (ir_call_touched(i, k) & ~(unsigned)IR_CALL_WRITES) - 1);
}

/* One instruction backwards: what it writes hides what was there; what it reads must not have been touched. */
void ra_unsafe_step(struct ra_scan *s, const struct ir_insn *i)
{
    switch (i->op) {
    case IR_OP_set: clear_slot(s->unsafe, (unsigned)i->imm); break;
    case IR_OP_get: set_slot(s->unsafe, (unsigned)i->imm); break;
    case IR_OP_call: unsafe_call(s, i); break;
    case IR_OP_ldenv:
        for (unsigned slot = 0; near_homes(s, i) && slot < s->ir->nslots; slot++)
            if (overlaps_home(s, i, slot))
                set_slot(s->unsafe, slot);
        break;
    default: break;
    }
    if (i->snap)
        unsafe_snap(s, i->snap);
}

static void unsafe_through(struct ra_scan *s, ir_block_ref b)
{
    for (ir_ref r = s->ir->blocks[b].last; r; r = s->ir->insns[r].prev)
        ra_unsafe_step(s, ir_at(s->ir, r));
}

void ra_unsafe_out(const struct ra_scan *s, ir_block_ref b, uint64_t *out)
{
    const struct ir_block *ib = &s->ir->blocks[b];

    memset(out, 0, s->nwords * sizeof *out);
    for (unsigned k = 0; k < ib->nsucc; k++)
        for (unsigned w = 0; w < s->nwords; w++)
            out[w] |= s->unsafe_in[(size_t)ib->succ[k] * s->nwords + w];
}

static void unsafe_block(struct ra_scan *s, ir_block_ref b, int fill)
{
    memset(s->unsafe, fill, s->nwords * sizeof *s->unsafe);
    unsafe_through(s, b);
}

/* Without loops what is behind a block is known when it is looked at. */
static void unsafe_backwards(struct ra_scan *s)
{
    s->unsafe_in = ra_grow(s->unsafe_in, &s->unsafe_cap, (size_t)s->ir->nblocks * s->nwords);
    for (uint32_t k = s->nrpo; k-- > 0; ) {
        ra_unsafe_out(s, s->rpo[k], s->unsafe);
        unsafe_through(s, s->rpo[k]);
        memcpy(s->unsafe_in + (size_t)s->rpo[k] * s->nwords, s->unsafe, s->nwords * sizeof *s->unsafe);
    }
}

static void unsafe_loops(struct ra_scan *s)
{
    size_t words = (size_t)s->ir->nblocks * s->nwords;
    uint64_t *pass, out[s->nwords];
    bool changed = true;

    s->unsafe_in = ra_grow(s->unsafe_in, &s->unsafe_cap, 2 * words);
    memset(s->unsafe_in, 0, 2 * words * sizeof *s->unsafe_in);
    pass = s->unsafe_in + words;
    for (uint32_t k = 0; k < s->nrpo; k++) {
        size_t at = (size_t)s->rpo[k] * s->nwords;

        unsafe_block(s, s->rpo[k], 0);
        memcpy(s->unsafe_in + at, s->unsafe, sizeof out);
        unsafe_block(s, s->rpo[k], 0xff);
        memcpy(pass + at, s->unsafe, sizeof out);
    }
    while (changed) {
        changed = false;
        for (uint32_t k = s->nrpo; k-- > 0; ) {
            size_t at = (size_t)s->rpo[k] * s->nwords;

            ra_unsafe_out(s, s->rpo[k], out);
            for (unsigned w = 0; w < s->nwords; w++) {
                uint64_t in = s->unsafe_in[at + w] | (out[w] & pass[at + w]);

                changed |= in != s->unsafe_in[at + w];
                s->unsafe_in[at + w] = in;
            }
        }
    }
}

void ra_unsafe_blocks(struct ra_scan *s)
{
    if (ra_loops(s))
        unsafe_loops(s);
    else
        unsafe_backwards(s);
}

/* May the value that r makes be stored to its home at once? The walk backwards has just passed r. */
void ra_note_home_ok(struct ra_scan *s, ir_ref r)
{
    struct ra_val *v = &s->val[r];

    if (v->slot < s->ir->nslots && !has_slot(s->unsafe, v->slot))
        v->flags |= RA_V_HOME_OK;
}

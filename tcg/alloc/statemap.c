/* State maps as byte strings.
 *
 * The string begins with the first map's guest pc (8 bytes), from which the others' pcs are counted. A map is
 *     pc         signed number, from that pc
 *     head       number: count << 2 | extra follows << 1 | places are those of an earlier map << 0
 *     extra      number, if so
 *     places     count times: slot (signed, from the one before), place, and what belongs to the place
 *                or, for an earlier map's: how many bytes before this point its places begin
 * Numbers are little-endian groups of 7 bits, signed ones with the sign in bit 0. A slot whose value is in its own home
 * is not mentioned. IR_SLOT_END stands for the pc. */
#include "tcg/alloc/statemap.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"

/* A place is a number: 0..15 general register, 16..31 vector register, or one of these; and above it how the slot's
 * content follows from what is there (enum ir_how). */
enum { IN_HOME = 32, IN_FRAME, IS_CONST, IS_VCONST, PLACE = 63, HOW_SHIFT = 6 };
enum { SAME = 1, EXTRA = 2, COUNT_SHIFT = 2, BASE_BYTES = 8, ENTRY_MOST = 3 + 1 + 32 };

void statemap_reset(struct statemap *m)
{
    m->n = 0;
    m->nbytes = 0;
    m->last = 0;
}

void statemap_free(struct statemap *m)
{
    free(m->entry);
    free(m->bytes);
    memset(m, 0, sizeof *m);
}

/* --- writing ------------------------------------------------------------------------------------------------------- */

static void room_for(struct statemap *m, uint32_t more)
{
    if (m->nbytes + more <= m->bytes_cap)
        return;
    m->bytes_cap = 2 * m->bytes_cap > m->nbytes + more ? 2 * m->bytes_cap : m->nbytes + more + 1024;
    m->bytes = xrealloc(m->bytes, m->bytes_cap);
}

static void put_number(struct statemap *m, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        m->bytes[m->nbytes++] = (uint8_t)(v | 0x80);
    m->bytes[m->nbytes++] = (uint8_t)v;
}

static void put_signed(struct statemap *m, int64_t v)
{
    put_number(m, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

static void put_place(struct statemap *m, const struct ir *ir, const struct ra_snap_loc *l)
{
    const struct ir_insn *val = ir_at(ir, l->val);
    unsigned how = (unsigned)l->how << HOW_SHIFT;

    switch (l->loc.kind) {
    case RA_GPR: put_number(m, l->loc.reg | how); break;
    case RA_VEC: put_number(m, (16u + l->loc.reg) | how); break;
    case RA_HOME:
    case RA_SPILL:
        put_number(m, (l->loc.kind == RA_HOME ? IN_HOME : IN_FRAME) | how);
        put_number(m, l->loc.idx);
        break;
    default:
        put_number(m, (val->op == IR_OP_vconst ? IS_VCONST : IS_CONST) | how);
        if (val->op != IR_OP_vconst) {
            put_signed(m, (int64_t)val->imm);
            break;
        }
        memcpy(m->bytes + m->nbytes, ir->vconsts[val->imm], 32);
        m->nbytes += 32;
    }
}

static bool at_home(const struct ra_snap_loc *l)
{
    return l->loc.kind == RA_HOME && l->loc.idx == l->slot && l->how == IR_HOW_SAME;
}

static void put_places(struct statemap *m, const struct ir *ir, const struct ra_snap_loc *l, uint32_t n)
{
    unsigned slot = 0;

    for (uint32_t k = 0; k < n; k++) {
        if (at_home(&l[k]))
            continue;
        put_signed(m, (int64_t)l[k].slot - slot);
        slot = l[k].slot;
        put_place(m, ir, &l[k]);
    }
}

/* Where the latest map's own places begin, when it has any; later maps refer to it. */
static void share_places(struct statemap *m, uint32_t head, uint32_t count)
{
    uint32_t len = m->nbytes - m->scratch_from, at = m->last;

    if (at && m->last_len == len && m->last_count == count &&
        !memcmp(m->bytes + at, m->bytes + m->scratch_from, len) && len > 2) {
        m->nbytes = m->scratch_from;
        m->bytes[head] |= SAME;
        put_number(m, m->nbytes - at);
        return;
    }
    m->last = m->scratch_from;
    m->last_len = len;
    m->last_count = count;
}

void statemap_add(struct statemap *m, uint32_t host_off, const struct ir *ir, const struct ra *ra, ir_ref insn)
{
    const struct ra_insn *a = &ra->insn[insn];
    const struct ir_snap *sn = &ir->snaps[ir_at(ir, insn)->snap];
    const struct ra_snap_loc *l = ra->snap_loc + a->snap_first;
    uint32_t count = 0, head;
    uint64_t base;

    if (m->n == m->cap) {
        m->cap = m->cap ? 2 * m->cap : 32;
        m->entry = xreallocarray(m->entry, m->cap, sizeof *m->entry);
    }
    room_for(m, BASE_BYTES + 40 + a->snap_n * ENTRY_MOST);
    if (!m->nbytes) {
        memcpy(m->bytes, &sn->pc, BASE_BYTES);
        m->nbytes = BASE_BYTES;
    }
    if (m->n && m->entry[m->n - 1].host_off == host_off)
        m->n--;
    m->entry[m->n++] = (struct statemap_entry){ .host_off = host_off, .data = m->nbytes };
    memcpy(&base, m->bytes, BASE_BYTES);
    put_signed(m, (int64_t)(sn->pc - base));
    for (uint32_t k = 0; k < a->snap_n; k++)
        count += !at_home(&l[k]);
    head = m->nbytes;
    put_number(m, (uint64_t)count << COUNT_SHIFT | (sn->extra ? EXTRA : 0));
    if (sn->extra)
        put_number(m, sn->extra);
    m->scratch_from = m->nbytes;
    put_places(m, ir, l, a->snap_n);
    share_places(m, head, count);
}

static int by_offset(const void *a, const void *b)
{
    const struct statemap_entry *x = a, *y = b;

    return x->host_off < y->host_off ? -1 : x->host_off > y->host_off;
}

void statemap_sort(struct statemap *m)
{
    for (uint32_t k = 1; k < m->n; k++)
        if (m->entry[k].host_off < m->entry[k - 1].host_off) {
            qsort(m->entry, m->n, sizeof *m->entry, by_offset);
            return;
        }
}

/* --- reading: async-signal-safe ------------------------------------------------------------------------------------ */

static uint64_t get_number(const uint8_t **p)
{
    uint64_t v = 0;
    unsigned shift = 0;

    do
        v |= (uint64_t)(**p & 0x7f) << shift;
    while (shift += 7, *(*p)++ & 0x80);
    return v;
}

static int64_t get_signed(const uint8_t **p)
{
    uint64_t v = get_number(p);

    return (int64_t)(v >> 1 ^ -(v & 1));
}

static size_t home_bytes(unsigned type)
{
    switch (type) {
    case IR_I32: case IR_F32: case IR_FLAGS: return 4;
    case IR_V128: return 16;
    case IR_V256: return 32;
    default: return 8;
    }
}

struct saved { unsigned slot; uint8_t bytes[32]; };

/* What the slot holds, from the value that was kept for it. */
static void widen(struct saved *to, unsigned how, unsigned type)
{
    bool single = type == IR_F32 || (how & IR_HOW_KIND) == IR_HOW_BOX;
    uint64_t v;

    if (how == IR_HOW_SAME)
        return;
    memcpy(&v, to->bytes, 8);
    if (how & IR_HOW_CANON && single && (v & 0x7fffffff) > 0x7f800000)
        v = 0x7fc00000;
    else if (how & IR_HOW_CANON && !single && (v & INT64_MAX) > 0x7ff0000000000000)
        v = 0x7ff8000000000000;
    switch (how & IR_HOW_KIND) {
    case IR_HOW_SEXT: v = (uint64_t)(int32_t)v; break;
    case IR_HOW_ZEXT: v = (uint32_t)v; break;
    case IR_HOW_BOX: v |= 0xffffffff00000000; break;
    default: break;
    }
    memcpy(to->bytes, &v, 8);
}

static void get_place(struct saved *to, const uint8_t **p, const struct ir_slot *slots, const struct cpu_env *env,
                      const struct rt_frame *frame)
{
    unsigned place = (unsigned)get_number(p), how = place >> HOW_SHIFT;
    const struct ir_slot *home;
    int64_t constant;

    place &= PLACE;
    if (place < 16) {
        memcpy(to->bytes, &frame->gpr[place], 8);
    } else if (place < 32) {
        memcpy(to->bytes, frame->vec[place - 16], 32);
    } else if (place == IN_HOME) {
        home = &slots[get_number(p)];
        memcpy(to->bytes, (const uint8_t *)env + home->offset, home_bytes(home->type));
    } else if (place == IN_FRAME) {
        memcpy(to->bytes, frame->spill + 8 * get_number(p), 32);
    } else if (place == IS_CONST) {
        constant = get_signed(p);
        memcpy(to->bytes, &constant, 8);
    } else {
        memcpy(to->bytes, *p, 32);
        *p += 32;
    }
    widen(to, how, to->slot == IR_SLOT_END ? IR_I64 : slots[to->slot].type);
}

static void restore_places(const uint8_t *p, unsigned n, const struct ir_slot *slots, struct cpu_env *env,
                           const struct rt_frame *frame, uint64_t *pc)
{
    struct saved saved[n + 1];                 /* all is read before anything is written: homes hold other slots' values */
    unsigned slot = 0;

    for (unsigned k = 0; k < n; k++) {
        saved[k].slot = slot = (unsigned)((int64_t)slot + get_signed(&p));
        get_place(&saved[k], &p, slots, env, frame);
    }
    for (unsigned k = 0; k < n; k++) {
        if (saved[k].slot == IR_SLOT_END)
            memcpy(pc, saved[k].bytes, 8);
        else
            memcpy((uint8_t *)env + slots[saved[k].slot].offset, saved[k].bytes, home_bytes(slots[saved[k].slot].type));
    }
}

bool statemap_restore(const struct statemap_entry *entry, uint32_t n, const uint8_t *bytes, uint32_t host_off,
                      const struct ir_slot *slots, struct cpu_env *env, const struct rt_frame *frame, uint64_t shift,
                      uint64_t *pc, uint32_t *extra)
{
    uint32_t low = 0, high = n;
    const uint8_t *p;
    uint64_t base, head;

    while (low < high) {
        uint32_t mid = (low + high) / 2;

        if (entry[mid].host_off < host_off)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == n || entry[low].host_off != host_off)
        return false;
    p = bytes + entry[low].data;
    memcpy(&base, bytes, BASE_BYTES);
    *pc = base + (uint64_t)get_signed(&p) + shift;
    head = get_number(&p);
    *extra = head & EXTRA ? (uint32_t)get_number(&p) : 0;
    if (head & SAME) {
        const uint8_t *here = p;

        p = here - get_number(&p);
    }
    restore_places(p, (unsigned)(head >> COUNT_SHIFT), slots, env, frame, pc);
    return true;
}

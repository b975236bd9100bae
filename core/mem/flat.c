/* core/mem/flat.c - a tree of regions, rendered into a sorted table.
 *
 * Regions are visited in the order in which they win: children before their parent, the strongest child first.
 * Each visit fills what is still free of its range, so a row, once written, stands. */
#include "core/mem/internal.h"
#include <stdlib.h>
#include <string.h>
#include "core/base/alloc.h"

typedef __int128 wide; /* offsets may leave 64 bits on the way through aliases */

struct render {
    struct flat_row *row;
    size_t count, room;
};

static wide wide_size(const struct mem_region *mr)
{
    return mr->size == UINT64_MAX ? (wide)1 << 64 : (wide)mr->size;
}

static void insert_row(struct render *r, size_t at, struct flat_row row)
{
    if (r->count == r->room) {
        r->room = r->room ? r->room * 2 : 32;
        r->row = xrealloc(r->row, r->room * sizeof(*r->row));
    }
    memmove(r->row + at + 1, r->row + at, (r->count - at) * sizeof(*r->row));
    r->row[at] = row;
    r->count++;
}

/* Fill the gaps of [start, end) with mr, whose offset 0 is at base. */
static void fill_gaps(struct render *r, const struct mem_region *mr, wide base, wide start, wide end)
{
    for (size_t i = 0; start < end; i++) {
        wide stop = end;

        if (i < r->count) {
            if ((wide)r->row[i].last < start)
                continue;
            if ((wide)r->row[i].start < stop)
                stop = r->row[i].start;
        }
        if (start < stop) {
            struct flat_row row = { (uint64_t)start, (uint64_t)(stop - 1), mr, (uint64_t)(start - base) };

            insert_row(r, i, row);
            start = stop;
        } else {
            start = (wide)r->row[i].last + 1;
        }
    }
}

static void render(struct render *r, const struct mem_region *mr, wide base, wide start, wide end)
{
    if (!mr->enabled)
        return;
    if (start < base)
        start = base;
    if (end > base + wide_size(mr))
        end = base + wide_size(mr);
    if (start >= end)
        return;
    for (const struct mem_region *c = mr->children; c; c = c->sibling)
        render(r, c, base + c->off, start, end);
    if (mr->kind == MEM_ALIAS)
        render(r, mr->target, base - mr->target_off, start, end);
    else if (mr->kind != MEM_CONTAINER)
        fill_gaps(r, mr, base, start, end);
}

static bool continues(const struct flat_row *a, const struct flat_row *b)
{
    return a->mr == b->mr && a->last + 1 == b->start && a->off + (b->start - a->start) == b->off;
}

static void join_rows(struct render *r)
{
    size_t n = 0;

    for (size_t i = 0; i < r->count; i++) {
        if (n && continues(&r->row[n - 1], &r->row[i]))
            r->row[n - 1].last = r->row[i].last;
        else
            r->row[n++] = r->row[i];
    }
    r->count = n;
}

struct flat_table *flat_build(struct addr_space *as)
{
    struct render r = { 0 };
    struct flat_table *t;

    render(&r, as->root, 0, 0, (wide)1 << 64);
    join_rows(&r);
    t = xmalloc(sizeof(*t) + r.count * sizeof(*r.row));
    t->count = r.count;
    if (r.count)
        memcpy(t->row, r.row, r.count * sizeof(*r.row));
    free(r.row);
    return t;
}

const struct flat_row *flat_find(const struct flat_table *t, uint64_t addr)
{
    size_t lo = 0, hi = t->count;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (t->row[mid].last < addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < t->count && t->row[lo].start <= addr ? &t->row[lo] : NULL;
}

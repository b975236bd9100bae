#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/user/maptable.h"

/* A sequence lock. Writer: seq becomes odd (acquire and release), a release fence, the data (relaxed), seq becomes even
 * (release). Reader, map_table_peek(): seq (acquire), the data (relaxed), an acquire fence, seq again (relaxed): if it has
 * not changed and is even, no store of a writer was seen. So what a reader may look at is read and written by words that
 * are atomic; writers read their own as plain data, under their lock. */
struct map_table {
    atomic_uint seq;                           /* odd while a writer is at work */
    atomic_size_t count;
    size_t max;
    struct map_range *at;
};

enum { RANGE_WORDS = sizeof(struct map_range) / sizeof(uint64_t) };
_Static_assert(sizeof(struct map_range) % sizeof(uint64_t) == 0, "ranges are copied by words");

static void load_range(struct map_range *to, const struct map_range *from)
{
    const uint64_t *f = (const uint64_t *)from;
    uint64_t w[RANGE_WORDS];

    for (unsigned i = 0; i < RANGE_WORDS; i++)
        w[i] = __atomic_load_n(&f[i], __ATOMIC_RELAXED);
    memcpy(to, w, sizeof w);
}

static void store_range(struct map_range *to, const struct map_range *from)
{
    uint64_t *t = (uint64_t *)to, w[RANGE_WORDS];

    memcpy(w, from, sizeof w);
    for (unsigned i = 0; i < RANGE_WORDS; i++)
        __atomic_store_n(&t[i], w[i], __ATOMIC_RELAXED);
}

/* As memmove(). */
static void move_ranges(struct map_range *to, const struct map_range *from, size_t n)
{
    for (size_t i = 0; to < from && i < n; i++)
        store_range(&to[i], &from[i]);
    for (size_t i = n; to > from && i-- > 0; )
        store_range(&to[i], &from[i]);
}

struct map_table *map_table_new(size_t max)
{
    struct map_table *t = NEW(struct map_table);

    t->max = max;
    t->at = mmap(NULL, max * sizeof *t->at, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (t->at != MAP_FAILED)
        return t;
    free(t);
    return NULL;
}

void map_table_free(struct map_table *t)
{
    munmap(t->at, t->max * sizeof *t->at);
    free(t);
}

size_t map_table_count(const struct map_table *t)
{
    return atomic_load_explicit(&t->count, memory_order_relaxed);
}

const struct map_range *map_table_at(const struct map_table *t, size_t i)
{
    return &t->at[i];
}

size_t map_table_find(const struct map_table *t, uint64_t addr)
{
    size_t low = 0, high = map_table_count(t);

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (__atomic_load_n(&t->at[mid].end, __ATOMIC_RELAXED) > addr)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

static void write_begin(struct map_table *t)
{
    atomic_fetch_add_explicit(&t->seq, 1, memory_order_acq_rel);
    atomic_thread_fence(memory_order_release);
}

static void write_end(struct map_table *t)
{
    atomic_fetch_add_explicit(&t->seq, 1, memory_order_release);
}

/* Two neighbours that can be one. The HOST flag and the like are part of the kind. */
static bool joins(const struct map_range *a, const struct map_range *b)
{
    return a->end == b->start && a->prot == b->prot && a->flags == b->flags;
}

static void append(struct map_range *out, size_t *n, struct map_range r)
{
    if (*n && joins(&out[*n - 1], &r))
        out[*n - 1].end = r.end;
    else
        out[(*n)++] = r;
}

static int replace(struct map_table *t, uint64_t start, uint64_t end, const struct map_range *with)
{
    size_t count = map_table_count(t), i = map_table_find(t, start), j, n = 0;
    struct map_range put[5];

    for (j = i; j < count && t->at[j].start < end; j++)
        ;
    /* the neighbours take part, so that they merge */
    if (i > 0 && t->at[i - 1].end == start)
        append(put, &n, t->at[--i]);
    if (j > i && t->at[i].start < start && t->at[i].end > start)
        append(put, &n, (struct map_range){ t->at[i].start, start, t->at[i].prot, t->at[i].flags });
    if (with)
        append(put, &n, *with);
    if (j > i && t->at[j - 1].end > end)
        append(put, &n, (struct map_range){ end, t->at[j - 1].end, t->at[j - 1].prot, t->at[j - 1].flags });
    if (j < count && t->at[j].start == end)
        append(put, &n, t->at[j++]);
    if (count - (j - i) + n > t->max)
        return -ENOMEM;
    write_begin(t);
    move_ranges(&t->at[i + n], &t->at[j], count - j);
    move_ranges(&t->at[i], put, n);
    atomic_store_explicit(&t->count, count - (j - i) + n, memory_order_relaxed);
    write_end(t);
    return 0;
}

int map_table_set(struct map_table *t, uint64_t start, uint64_t end, uint32_t prot, uint32_t flags)
{
    struct map_range r = { start, end, prot, flags };

    return start < end ? replace(t, start, end, &r) : 0;
}

int map_table_clear(struct map_table *t, uint64_t start, uint64_t end)
{
    return start < end ? replace(t, start, end, NULL) : 0;
}

bool map_table_free_range(const struct map_table *t, uint64_t start, uint64_t end)
{
    size_t i = map_table_find(t, start);

    return i == map_table_count(t) || t->at[i].start >= end;
}

bool map_table_covered(const struct map_table *t, uint64_t start, uint64_t end)
{
    for (size_t i = map_table_find(t, start); start < end; i++) {
        if (i == map_table_count(t) || t->at[i].start > start)
            return false;
        start = t->at[i].end;
    }
    return true;
}

static uint64_t gap_up(const struct map_table *t, uint64_t len, uint64_t low, uint64_t high)
{
    for (size_t i = map_table_find(t, low); i < map_table_count(t) && t->at[i].start < high; i++) {
        if (t->at[i].start > low && t->at[i].start - low >= len)
            break;
        low = MAX(low, t->at[i].end);
    }
    return high > low && high - low >= len ? low : 0;
}

uint64_t map_table_gap(const struct map_table *t, uint64_t len, uint64_t low, uint64_t high, bool up)
{
    size_t i;

    if (up)
        return gap_up(t, len, low, high);
    i = map_table_find(t, high);
    if (i < map_table_count(t) && t->at[i].start < high)
        high = t->at[i].start;
    while (high > low && high - low >= len) {
        uint64_t below = i > 0 ? t->at[i - 1].end : 0;

        if (below <= high && high - below >= len)
            return high - len;
        if (i == 0)
            break;
        high = t->at[--i].start;
    }
    return 0;
}

unsigned map_table_generation(const struct map_table *t) { return atomic_load_explicit(&t->seq, memory_order_acquire); }

/* Reads while a writer may write, and throws away what it read then. */
bool map_table_peek(const struct map_table *t, uint64_t addr, struct map_range *out)
{
    for (;;) {
        unsigned seq = atomic_load_explicit(&t->seq, memory_order_acquire);
        size_t i, count;
        bool found;

        if (seq & 1) {
            __builtin_ia32_pause();
            continue;
        }
        i = map_table_find(t, addr);
        count = map_table_count(t);
        found = i < count && i < t->max;
        if (found) {
            load_range(out, &t->at[i]);
            found = out->start <= addr && addr < out->end;
        }
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&t->seq, memory_order_relaxed) == seq)
            return found;
    }
}

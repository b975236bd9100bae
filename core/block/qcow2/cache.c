/* core/block/qcow2/cache.c - pieces of L2 tables and refcount blocks in memory; a set of cluster offsets.
 *
 * A dirty piece is never thrown out on its own: when the cache is full of dirty pieces, all tables are written in
 * their order (flush.c) and then pieces are clean. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/alloc.h"
#include "core/block/qcow2/qcow2.h"

void qcow2_cache_init(struct qcow2_cache *c, size_t bytes, size_t most)
{
    *c = (struct qcow2_cache){ .bytes = bytes, .max = (unsigned)(most / bytes) };
    if (c->max < 16)
        c->max = 16;
    c->buckets = 64;
    while (c->buckets < c->max)
        c->buckets *= 2;
    c->hash = NEW_ARRAY(struct qcow2_tab *, c->buckets);
}

static struct qcow2_tab **bucket(struct qcow2_cache *c, uint64_t off)
{
    return &c->hash[(off / c->bytes * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (c->buckets - 1)];
}

static void list_remove(struct qcow2_cache *c, struct qcow2_tab *t)
{
    *(t->newer ? &t->newer->older : &c->newest) = t->older;
    *(t->older ? &t->older->newer : &c->oldest) = t->newer;
}

static void list_front(struct qcow2_cache *c, struct qcow2_tab *t)
{
    t->newer = NULL;
    t->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = t;
    c->newest = t;
}

static void tab_remove(struct qcow2_cache *c, struct qcow2_tab *t)
{
    struct qcow2_tab **at = bucket(c, t->off);

    while (*at != t)
        at = &(*at)->chain;
    *at = t->chain;
    list_remove(c, t);
    c->dirty -= t->dirty;
    c->count--;
    free(t->data);
    free(t);
}

void qcow2_cache_drop(struct qcow2_cache *c)
{
    while (c->newest != NULL)
        tab_remove(c, c->newest);
    free(c->hash);
    c->hash = NULL;
}

void qcow2_cache_clean(struct qcow2_cache *c)
{
    for (struct qcow2_tab *t = c->newest, *next; t != NULL; t = next) {
        next = t->older;
        if (!t->dirty)
            tab_remove(c, t);
    }
}

void qcow2_cache_forget(struct qcow2_cache *c, uint64_t off, uint64_t bytes)
{
    for (uint64_t at = off; at < off + bytes; at += c->bytes) {
        struct qcow2_tab *t = *bucket(c, at);

        while (t != NULL && t->off != at)
            t = t->chain;
        if (t != NULL)
            tab_remove(c, t);
    }
}

static int make_room(struct qcow2 *q, struct qcow2_cache *c)
{
    struct qcow2_tab *t;
    int               ret;

    if (c->count < c->max)
        return 0;
    if (c->dirty * 4 > c->max * 3) {
        ret = qcow2_write_tables(q);
        if (ret < 0)
            return ret;
    }
    for (t = c->oldest; t != NULL && t->dirty; t = t->newer)
        ;
    if (t != NULL)
        tab_remove(c, t);
    return 0;
}

/* Every so often, what nobody has used since the last time goes: an idle image gives its memory back with the next
 * request. */
static void drop_unused(struct qcow2 *q, struct qcow2_cache *c)
{
    struct timespec now;

    if (q->clean_s == 0)
        return;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    if (c->cleaned_s == 0)
        c->cleaned_s = now.tv_sec;
    if (now.tv_sec - c->cleaned_s < (int64_t)q->clean_s)
        return;
    c->cleaned_s = now.tv_sec;
    for (struct qcow2_tab *t = c->newest, *next; t != NULL; t = next) {
        next = t->older;
        if (!t->recent && !t->dirty)
            tab_remove(c, t);
        else
            t->recent = false;
    }
}

/* A table that lies behind the file's end cannot be one of ours: those are written before anything points to them.
 * It reads as nothing while check looks around; whoever writes would make the file as long as the image claims. */
static int outside(struct qcow2 *q, uint64_t off)
{
    if (off < q->file->bytes || (q->n->flags & BLK_SHARE) || ((q->n->flags & BLK_CHECK) && !q->write_ready))
        return 0;
    blk_refresh(q->file);
    if (off < q->file->bytes)
        return 0;
    return q->n->flags & BLK_RDWR ? qcow2_mark_corrupt(q, "a table at 0x%llx lies behind the end of the file", (unsigned long long)off) : -EIO;
}

int qcow2_cache_get(struct qcow2 *q, struct qcow2_cache *c, uint64_t off, bool fresh, struct qcow2_tab **out)
{
    struct qcow2_tab *t, **head;
    int               ret;

    drop_unused(q, c);
    t = *bucket(c, off);
    while (t != NULL && t->off != off)
        t = t->chain;
    if (t != NULL) {
        t->recent = true;
        if (t != c->newest) {
            list_remove(c, t);
            list_front(c, t);
        }
        *out = t;
        return 0;
    }
    *out = NULL;
    ret  = fresh ? 0 : outside(q, off);
    if (ret == 0)
        ret = make_room(q, c);
    if (ret < 0)
        return ret;
    t         = NEW(struct qcow2_tab);
    t->off    = off;
    t->recent = true;
    t->data = blk_bounce(c->bytes);
    if (t->data == NULL) {
        free(t);
        return -ENOMEM;
    }
    if (fresh)
        memset(t->data, 0, c->bytes);
    else if ((ret = blk_read(q->file, off, t->data, c->bytes)) < 0) {
        free(t->data);
        free(t);
        return ret;
    }
    head     = bucket(c, off);
    t->chain = *head;
    *head    = t;
    list_front(c, t);
    c->count++;
    *out = t;
    return 0;
}

void qcow2_cache_mark(struct qcow2_cache *c, struct qcow2_tab *t)
{
    if (!t->dirty) {
        t->dirty = true;
        c->dirty++;
    }
}

static int by_offset(const void *a, const void *b)
{
    const struct qcow2_tab *x = *(struct qcow2_tab *const *)a, *y = *(struct qcow2_tab *const *)b;

    return x->off < y->off ? -1 : x->off > y->off;
}

/* In the order of the file, neighbours in one write. */
int qcow2_cache_write(struct qcow2 *q, struct qcow2_cache *c)
{
    struct qcow2_tab **list;
    unsigned           n = 0;
    int                ret = 0;

    if (c->dirty == 0)
        return 0;
    list = xreallocarray(NULL, c->dirty, sizeof *list);
    for (struct qcow2_tab *t = c->newest; t != NULL; t = t->older)
        if (t->dirty)
            list[n++] = t;
    qsort(list, n, sizeof *list, by_offset);
    for (unsigned i = 0, k; i < n && ret == 0; i = k) {
        struct iovec v[64];

        for (k = i; k < n && k - i < 64 && list[k]->off == list[i]->off + (k - i) * c->bytes; k++)
            v[k - i] = (struct iovec){ list[k]->data, c->bytes };
        struct blk_iov iov = { .v = v, .n = (int)(k - i), .len = (k - i) * c->bytes };

        ret = blk_writev(q->file, list[i]->off, &iov, 0);
        for (unsigned j = i; j < k && ret == 0; j++) {
            list[j]->dirty = false;
            c->dirty--;
        }
    }
    free(list);
    return ret;
}

/* ---- set of offsets; 0 is an empty slot, 1 a removed one */

static size_t slot_of(const struct qcow2_set *s, uint64_t off)
{
    size_t i = (size_t)((off >> 9) * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (s->room - 1);

    while (s->slot[i] != 0 && s->slot[i] != off)
        i = (i + 1) & (s->room - 1);
    return i;
}

void qcow2_set_add(struct qcow2_set *s, uint64_t off)
{
    if (off == 0)
        return;
    if ((s->used + 1) * 2 > s->room) {
        struct qcow2_set bigger = { .room = s->room ? s->room * 2 : 256 };

        bigger.slot = NEW_ARRAY(uint64_t, bigger.room);
        for (size_t i = 0; i < s->room; i++)
            if (s->slot[i] > 1)
                bigger.slot[slot_of(&bigger, s->slot[i])] = s->slot[i], bigger.used++;
        free(s->slot);
        *s = bigger;
    }
    size_t i = slot_of(s, off);

    if (s->slot[i] == 0)
        s->used++;
    s->slot[i] = off;
}

void qcow2_set_remove(struct qcow2_set *s, uint64_t off)
{
    if (s->room > 0 && off != 0) {
        size_t i = slot_of(s, off);

        if (s->slot[i] == off)
            s->slot[i] = 1;
    }
}

bool qcow2_set_has(const struct qcow2_set *s, uint64_t off)
{
    return s->room > 0 && off != 0 && s->slot[slot_of(s, off)] == off;
}

void qcow2_set_free(struct qcow2_set *s)
{
    free(s->slot);
    *s = (struct qcow2_set){ .slot = NULL };
}

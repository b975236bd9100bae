/* tests/fuzz/memory.c - files in memory, in pages that exist once they are written.
 *
 * System calls were what an execution spent its time on: a fsync or fallocate wakes a thread of the kernel's. Together
 * the files hold 64 MiB; a write beyond that gets ENOSPC, which is a path worth going down as well. */
#include "tests/fuzz/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "core/base/bits.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/node.h"

enum { PAGE = 16384, PAGES_MOST = 4096, OTHER_BYTES = 1 << 20 };

struct page {
    uint64_t       index;
    UT_hash_handle hh;
    struct page   *next;               /* on the list of free ones */
    uint8_t        data[PAGE];
};

struct memory {
    struct page *pages;
    uint64_t     bytes;
};

struct memory_node {
    struct memory *m;
};

static struct memory image, other;
static struct page  *unused;
static int           pages_out;

static struct page *page_find(struct memory *m, uint64_t index)
{
    struct page *p;

    HASH_FIND(hh, m->pages, &index, sizeof index, p);
    return p;
}

static struct page *page_make(struct memory *m, uint64_t index)
{
    struct page *p = page_find(m, index);

    if (p != NULL)
        return p;
    if (pages_out == PAGES_MOST)
        return NULL;
    p = unused;
    if (p != NULL)
        unused = p->next;
    else if ((p = malloc(sizeof *p)) == NULL)
        return NULL;
    pages_out++;
    memset(p->data, 0, PAGE);
    p->index = index;
    HASH_ADD(hh, m->pages, index, sizeof p->index, p);
    return p;
}

static void page_drop(struct memory *m, struct page *p)
{
    HASH_DEL(m->pages, p);
    p->next = unused;
    unused  = p;
    pages_out--;
}

static void empty(struct memory *m)
{
    struct page *p, *tmp;

    HASH_ITER(hh, m->pages, p, tmp)
        page_drop(m, p);
    m->bytes = 0;
}

static int put(struct memory *m, uint64_t at, const void *data, size_t len)
{
    const uint8_t *from = data;

    for (size_t part; len > 0; len -= part, from += part, at += part) {
        struct page *p = page_make(m, at / PAGE);

        if (p == NULL)
            return -ENOSPC;
        part = MIN(len, PAGE - (size_t)(at % PAGE));
        memcpy(p->data + at % PAGE, from, part);
        m->bytes = MAX(m->bytes, at + part);
    }
    return 0;
}

void memory_reset(void)
{
    static uint8_t pattern[OTHER_BYTES];

    if (pattern[0] == 0)
        memset(pattern, 0xa5, sizeof pattern);
    empty(&image);
    empty(&other);
    put(&other, 0, pattern, sizeof pattern);
}

void memory_put(const uint8_t *data, size_t len, uint64_t at)
{
    if (put(&image, at, data, len) < 0)
        abort();
}

void memory_size(uint64_t bytes)
{
    image.bytes = MAX(image.bytes, bytes);
}

/* ---- the driver */

static int memory_open(struct blk_node *n, struct blk_opts *o, struct error *err)
{
    struct memory_node *s    = n->priv;
    char               *name = blk_opts_take(o, "filename");

    if (name == NULL || str_after(name, "mem:") == NULL) {
        free(name);
        return error_set(err, ENOENT, "there are no files but those in memory");
    }
    snprintf(n->filename, sizeof n->filename, "%s", name);
    s->m     = str_eq(name, MEMORY_IMAGE) ? &image : &other;
    n->bytes = s->m->bytes;
    n->align = 1;
    free(name);
    return 0;
}

static int memory_read(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    struct memory_node *s = n->priv;

    for (size_t at = 0, part; at < v->len; at += part) {
        struct page *p = page_find(s->m, (off + at) / PAGE);

        part = MIN(v->len - at, PAGE - (size_t)((off + at) % PAGE));
        if (p != NULL)
            iov_put(v, at, p->data + (off + at) % PAGE, part);
        else
            iov_zero(v, at, part);
    }
    return 0;
}

static int memory_write(struct blk_node *n, uint64_t off, const struct blk_iov *v, unsigned flags)
{
    struct memory_node *s = n->priv;
    int                 ret = 0;

    (void)flags;
    for (int i = 0; i < v->n && ret == 0; off += v->v[i].iov_len, i++)
        ret = put(s->m, off, v->v[i].iov_base, v->v[i].iov_len);
    return ret;
}

/* Whole pages go; bytes of others are cleared. */
static void clear(struct memory *m, uint64_t off, uint64_t end)
{
    struct page *p, *tmp;

    HASH_ITER(hh, m->pages, p, tmp) {
        uint64_t low = p->index * PAGE, from = MAX(off, low), to = MIN(end, low + PAGE);

        if (from == low && to == low + PAGE)
            page_drop(m, p);
        else if (from < to)
            memset(p->data + (from - low), 0, to - from);
    }
}

static int memory_zero(struct blk_node *n, uint64_t off, uint64_t len, unsigned flags)
{
    struct memory_node *s = n->priv;

    (void)flags;
    clear(s->m, off, off + len);
    s->m->bytes = MAX(s->m->bytes, off + len);
    return 0;
}

static int memory_discard(struct blk_node *n, uint64_t off, uint64_t len)
{
    struct memory_node *s = n->priv;

    clear(s->m, off, off + len);
    return 0;
}

static int memory_flush(struct blk_node *n)
{
    (void)n;
    return 0;
}

static int memory_map(struct blk_node *n, uint64_t off, uint64_t len, struct blk_extent *e)
{
    struct memory_node *s    = n->priv;
    bool                data = page_find(s->m, off / PAGE) != NULL;

    *e = (struct blk_extent){ .len = MIN(len, PAGE - off % PAGE), .host = off, .node = n };
    e->flags = BLK_EXT_ALLOCATED | BLK_EXT_OFFSET | (data ? BLK_EXT_DATA : BLK_EXT_ZERO);
    return 0;
}

static int memory_resize(struct blk_node *n, uint64_t bytes, enum blk_prealloc p, struct error *err)
{
    struct memory_node *s = n->priv;

    (void)p, (void)err;
    clear(s->m, bytes, UINT64_MAX);
    s->m->bytes = bytes;
    return 0;
}

static int memory_refresh(struct blk_node *n)
{
    struct memory_node *s = n->priv;

    n->bytes = s->m->bytes;
    return 0;
}

static int64_t memory_allocated(struct blk_node *n)
{
    (void)n;
    return (int64_t)pages_out * PAGE;
}

const struct blk_driver blk_memory = {
    .name = "mem", .help = "a file in memory", .prefixes = "mem", .flags = BLK_DRV_PROTOCOL | BLK_DRV_GROWS, .bytes = sizeof(struct memory_node),
    .open = memory_open, .read = memory_read, .write = memory_write, .zero = memory_zero, .discard = memory_discard, .flush = memory_flush,
    .map = memory_map, .resize = memory_resize, .refresh = memory_refresh, .allocated = memory_allocated,
};

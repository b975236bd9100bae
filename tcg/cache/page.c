#include "tcg/cache/internal.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"

enum { PAGE = 4096, PART = PAGE / TCG_PAGE_PARTS };

static const uint8_t *page_of(const uint8_t *host) { return (const uint8_t *)((uintptr_t)host & ~(uintptr_t)(PAGE - 1)); }

static unsigned hash_of(const uint8_t *page)
{
    uint64_t n = (uint64_t)(uintptr_t)page >> 12;

    return (n ^ n >> TCG_PAGE_HASH_BITS) & ((1u << TCG_PAGE_HASH_BITS) - 1);
}

static struct tcg_page *page_find(struct tcg_cache *c, const uint8_t *page)
{
    struct tcg_page *p = __atomic_load_n(&c->page_hash[hash_of(page)], __ATOMIC_ACQUIRE);

    while (p && p->host != page)
        p = p->next;
    return p;
}

/* Pages are kept once made (there are at most as many as the guest has): the next translation finds them again. */
static struct tcg_page *page_get(struct tcg_cache *c, const uint8_t *page)
{
    struct tcg_page *p = page_find(c, page);

    if (!p) {
        p = NEW(struct tcg_page);
        p->host = page;
        p->next = c->page_hash[hash_of(page)];
        __atomic_store_n(&c->page_hash[hash_of(page)], p, __ATOMIC_RELEASE);
    }
    return p;
}

static uint64_t granules_of(unsigned off, unsigned len)
{
    unsigned first = off / 64, last = (off + len - 1) / 64;

    return (last == 63 ? ~UINT64_C(0) : (UINT64_C(1) << (last + 1)) - 1) & ~((UINT64_C(1) << first) - 1);
}

bool tcg_covers(struct tcg_cache *c, const uint8_t *host, unsigned len)
{
    struct tcg_page *p = page_find(c, page_of(host));
    unsigned off = (uintptr_t)host & (PAGE - 1);

    return p && __atomic_load_n(&p->granules, __ATOMIC_RELAXED) & granules_of(off, len);
}

void tcg_page_checked(struct tcg_cache *c, struct tcg_page *p, bool on)
{
    if (on && !p->check) {
        p->check_next = c->check_list;
        __atomic_store_n(&c->check_list, p, __ATOMIC_RELEASE);
    } else if (!on && p->check) {
        struct tcg_page **at = &c->check_list;

        while (*at != p)
            at = &(*at)->check_next;
        __atomic_store_n(at, p->check_next, __ATOMIC_RELEASE);
    }
    p->check = on;
    if (!on) {
        free(p->copy);
        p->copy = NULL;
    }
}

bool pages_join(struct tcg_cache *c, struct tcg_region *r)
{
    const uint8_t *bytes = r->bytes;
    struct tcg_page_use *u = tcg_meta_alloc(c, r->nspans * sizeof *u);

    if (!u)
        return false;
    r->pages = u;
    for (unsigned i = 0; i < r->nspans; i++, u++) {
        const struct tcg_span *s = &r->spans[i];
        struct tcg_page *p = page_get(c, page_of(s->host));
        unsigned off = (uintptr_t)s->host & (PAGE - 1);
        struct tcg_page_use **list = &p->uses[off / PART];
        bool first = !p->nuses++;

        *u = (struct tcg_page_use){ .region = r, .page = p, .next = *list, .prev = list, .bytes = bytes,
                                    .off = (uint16_t)off, .len = (uint16_t)s->len };
        if (*list)
            (*list)->prev = &u->next;
        *list = u;
        if (p->longest < u->len)
            p->longest = u->len;
        __atomic_fetch_or(&p->granules, granules_of(u->off, u->len), __ATOMIC_RELAXED);
        bytes += s->len;
        if (first && c->page_gained) {
            c->page_gained(c->opaque, p);
            p->since = c->epoch + 1;
            __atomic_store_n(&c->epoch, p->since, __ATOMIC_SEQ_CST);
        }
        else if (p->copy && memcmp(p->copy + u->off, u->bytes, u->len)) {
            free(p->copy);                     /* others may still stand on what the copy has: compare each next time */
            p->copy = NULL;
        }
    }
    return true;
}

void pages_leave(struct tcg_cache *c, struct tcg_region *r)
{
    for (unsigned i = 0; r->pages && i < r->nspans; i++) {
        struct tcg_page_use *u = &r->pages[i];
        struct tcg_page *p = u->page;

        *u->prev = u->next;
        if (u->next)
            u->next->prev = u->prev;
        if (--p->nuses)
            continue;
        p->longest = 0;
        __atomic_store_n(&p->granules, 0, __ATOMIC_RELAXED);
        if (p->check)
            tcg_page_checked(c, p, false);
        if (c->page_lost)
            c->page_lost(c->opaque, p);
    }
    r->pages = NULL;
}

bool bytes_unchanged(const struct tcg_region *r)
{
    const uint8_t *bytes = r->bytes;

    for (unsigned i = 0; i < r->nspans; bytes += r->spans[i++].len)
        if (memcmp(bytes, r->spans[i].host, r->spans[i].len))
            return false;
    return true;
}

/* Drop what covers [off, off + len) of a page and differs from what the page holds, or all of it (NULL). A drop may take
 * several entries of a list with it, so the walk starts again after each. */
static unsigned drop_in(struct tcg_cache *c, struct tcg_page *p, unsigned off, unsigned len, const uint8_t *holds)
{
    unsigned n = 0, first = off > p->longest ? (off - p->longest) / PART : 0, last = (off + len - 1) / PART;

    for (unsigned part = first; part <= last; part++) {
        struct tcg_page_use *u = p->uses[part];

        while (u) {
            bool hit = u->off < off + len && off < (unsigned)u->off + u->len;

            if (hit && (!holds || memcmp(u->bytes, holds + u->off, u->len))) {
                tcg_drop(c, u->region);
                n++;
                u = p->uses[part];
            } else {
                u = u->next;
            }
        }
    }
    return n;
}

static bool each_page(struct tcg_cache *c, const uint8_t *host, uint64_t len, bool changed_only)
{
    bool left = false;

    tcg_cache_lock(c);
    c->n_writes++;
    while (len) {
        unsigned off = (uintptr_t)host & (PAGE - 1);
        unsigned part = len < PAGE - off ? (unsigned)len : PAGE - off;
        struct tcg_page *p = page_find(c, page_of(host));

        if (p && p->nuses) {
            if (p->granules & granules_of(off, part))
                drop_in(c, p, off, part, changed_only ? p->host : NULL);
            left |= p->nuses != 0;
        }
        host += part;
        len -= part;
    }
    tcg_cache_unlock(c);
    return left;
}

bool tcg_written(struct tcg_cache *c, const uint8_t *host, uint64_t len) { return each_page(c, host, len, true); }
void tcg_discard(struct tcg_cache *c, const uint8_t *host, uint64_t len)
{
    /* A range that is much larger than what is translated is walked by translations, not by pages. */
    if (len <= ((uint64_t)PAGE << TCG_PAGE_HASH_BITS)) {
        each_page(c, host, len, false);
        return;
    }
    tcg_cache_lock(c);
    for (unsigned i = 0; i < 1u << TCG_PAGE_HASH_BITS; i++)
        for (struct tcg_page *p = c->page_hash[i]; p; p = p->next)
            if (p->host >= page_of(host) && p->host < host + len)
                drop_in(c, p, 0, PAGE, NULL);
    tcg_cache_unlock(c);
}

static unsigned check_page(struct tcg_cache *c, struct tcg_page *p)
{
    if (c->check_once)
        return drop_in(c, p, 0, PAGE, p->host);
    if (p->copy && !memcmp(p->copy, p->host, PAGE))
        return 0;
    if (!p->copy)
        p->copy = xmalloc(PAGE);
    memcpy(p->copy, p->host, PAGE);            /* the guest may go on writing: what is compared must be what is remembered */
    return drop_in(c, p, 0, PAGE, p->copy);
}

unsigned tcg_check_pages(struct tcg_cache *c)
{
    unsigned n = 0;
    bool settled;

    if (!__atomic_load_n(&c->check_list, __ATOMIC_ACQUIRE))
        return 0;
    tcg_cache_lock(c);
    c->n_checks++;
    for (struct tcg_page *p = c->check_list, *next; p; p = next) {
        next = p->check_next;
        settled = c->check_once && (!c->settled || c->settled(c->opaque, p->since));
        n += check_page(c, p);
        if (settled && p->check)
            tcg_page_checked(c, p, false);
    }
    tcg_cache_unlock(c);
    return n;
}

void pages_free(struct tcg_cache *c)
{
    for (unsigned i = 0; i < 1u << TCG_PAGE_HASH_BITS; i++)
        for (struct tcg_page *p = c->page_hash[i], *next; p; p = next) {
            next = p->next;
            free(p->copy);
            free(p);
        }
}

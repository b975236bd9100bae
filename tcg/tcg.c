/* The pipeline's last half: passes, selection, allocation, host code, and the description of what came out. */
#include "tcg/tcg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/log.h"
#include "tcg/cache/cache.h"

void tcg_ctx_init(struct tcg_ctx *c, struct tcg_cache *cache, const struct host_mode *mode, const struct ir_slot *slots,
                  unsigned nslots, const struct ir_helper *const *helpers, unsigned nhelpers)
{
    memset(c, 0, sizeof *c);
    ir_init(&c->ir, slots, nslots, helpers, nhelpers);
    ra_init(&c->ra);
    c->cache = cache;
    c->mode = mode;
}

void tcg_ctx_free(struct tcg_ctx *c)
{
    ir_free(&c->ir);
    ra_free(&c->ra);
    statemap_free(&c->map);
}

static void log_ir(const struct ir *ir, const struct tcg_request *rq, const char *what)
{
    FILE *f;

    if (!log_wants(rq->pc))
        return;
    f = log_begin();
    fprintf(f, "OP%s: pc=%#llx %s\n", what, (unsigned long long)rq->pc, rq->tier == TCG_HOT ? "hot" : "cold");
    ir_print(ir, f);
    log_end();
}

static size_t bytes_of(const struct tcg_request *rq)
{
    size_t n = 0;

    for (unsigned i = 0; i < rq->nspans; i++)
        n += rq->spans[i].len;
    return n;
}

/* What a translation needs beside its code; an upper bound, so that nothing fails half-way. */
static size_t meta_needed(const struct tcg_request *rq, const struct ir *ir, unsigned nlinks)
{
    return sizeof(struct tcg_region) + rq->nspans * (sizeof(struct tcg_span) + sizeof(struct tcg_page_use)) + bytes_of(rq) +
           nlinks * sizeof(struct tcg_link) + ir->ninsns * 16u + 8 * 16;
}

/* The region and all that is known before the code; the cache is locked and has room. */
static struct tcg_region *describe(struct tcg_cache *cache, const struct tcg_request *rq, unsigned nlinks)
{
    struct tcg_region *r = tcg_meta_alloc(cache, sizeof *r);
    uint8_t *to;

    r->pc = rq->pc;
    r->mode = rq->mode;
    r->salt = tcg_mode_salt(cache, rq->mode);
    r->host = rq->spans[0].host;
    r->tier = (uint8_t)rq->tier;
    r->counter = rq->counter;
    r->ninsns = rq->ninsns;
    r->chunk = cache->cur;
    r->nspans = (uint16_t)rq->nspans;
    r->spans = tcg_meta_alloc(cache, rq->nspans * sizeof *r->spans);
    memcpy(r->spans, rq->spans, rq->nspans * sizeof *r->spans);
    r->bytes = to = tcg_meta_alloc(cache, bytes_of(rq));
    for (unsigned i = 0; i < rq->nspans; to += rq->spans[i++].len)
        memcpy(to, rq->bytes ? rq->bytes + (to - r->bytes) : rq->spans[i].host, rq->spans[i].len);
    r->nlinks = (uint16_t)nlinks;
    r->links = tcg_meta_alloc(cache, nlinks * sizeof *r->links);
    for (unsigned i = 0; i < nlinks; i++)
        r->links[i].from = r;
    return r;
}

static void note_region(struct tcg_cache *cache, struct tcg_region *r)
{
    struct tcg_chunk *k = &cache->chunk[r->chunk];

    if (k->n == k->cap) {
        uint32_t cap = k->cap ? 2 * k->cap : 256;
        struct tcg_region **old = k->regions, **grown = xmalloc(cap * sizeof *grown);

        if (k->n)
            memcpy(grown, old, k->n * sizeof *grown);
        __atomic_store_n(&k->regions, grown, __ATOMIC_RELEASE);
        k->cap = cap;
        if (old)                               /* a signal handler on another thread may be bisecting it: it stays */
            k->outgrown[k->noutgrown++] = old;
    }
    k->regions[k->n] = r;
    __atomic_store_n(&k->n, k->n + 1, __ATOMIC_RELEASE);
}

static int keep_ir(struct tcg_ctx *c, const struct tcg_request *rq, struct tcg_region **out)
{
    struct tcg_region *r;

    tcg_cache_lock(c->cache);
    if (!tcg_room(c->cache, 0, meta_needed(rq, &c->ir, 0))) {
        tcg_cache_unlock(c->cache);
        return -ENOSPC;
    }
    r = describe(c->cache, rq, 0);
    r->interp = xmalloc(sizeof *r->interp);
    *r->interp = c->ir;
    note_region(c->cache, r);
    tcg_cache_unlock(c->cache);
    ir_init(&c->ir, r->interp->slots, r->interp->nslots, r->interp->helpers, r->interp->nhelpers);
    c->ir.budget = r->interp->budget;
    *out = r;
    return 0;
}

static unsigned pages_of(const struct tcg_request *rq, struct host_page *out, unsigned room)
{
    unsigned n = 0;

    for (unsigned i = 0; i < rq->nspans; i++) {
        uint64_t va = rq->spans[i].va & ~UINT64_C(4095);
        unsigned k = 0;

        while (k < n && out[k].va != va)
            k++;
        if (k < n)
            continue;
        if (n == room)
            return room + 1;
        out[n++] = (struct host_page){ va, rq->spans[i].host - (rq->spans[i].va & 4095) };
    }
    return n;
}

static int emit(struct tcg_ctx *c, const struct tcg_request *rq, unsigned nlinks, struct tcg_region **out)
{
    struct tcg_cache *cache = c->cache;
    struct tcg_chunk *k;
    struct host_page pages[TCG_MAX_PAGES];
    struct host_unit u = { .mode = c->mode, .ir = &c->ir, .ra = &c->ra, .pc = rq->pc, .map = c->map, .pages = pages };
    struct tcg_region *r;
    size_t meta;
    int ret;

    u.npages = pages_of(rq, pages, TCG_MAX_PAGES);
    if (u.npages > TCG_MAX_PAGES)
        return -E2BIG;
    if (!tcg_room(cache, 64 + c->ir.ninsns * 16u, meta_needed(rq, &c->ir, nlinks)))
        return -ENOSPC;
retry:
    k = &cache->chunk[cache->cur];
    meta = k->meta_used;
    r = describe(cache, rq, nlinks);
    u.rw = k->rw + k->used;
    u.rx = cache->buf.rx + (u.rw - cache->buf.rw);
    u.room = k->size - k->used;
    u.counter = rq->counter >= 0 ? &r->counter : NULL;
    u.links = r->links;
    u.nlinks = nlinks;
    u.salt = r->salt;
    u.no_salt = r->salt == TCG_SALT_NONE;
    ret = host_emit(&u);
    if (ret == -ENOSPC) {
        /* The estimate was short: the next chunk has more room, if it is free. */
        k->meta_used = meta;
        if (tcg_room(cache, k->size - k->used + 1, meta_needed(rq, &c->ir, nlinks)))
            goto retry;
    }
    c->map = u.map;
    if (ret < 0) {
        k->meta_used = meta;
        return ret;
    }
    r->base = u.rx;
    r->code_len = u.length;
    r->code = u.rx + u.entry;
    r->checked = u.rx + u.checked_entry;
    r->restart = u.rx + u.restart;
    r->body = u.rx + u.body;
    r->miss_field = u.miss_field ? (uint8_t *)(uintptr_t)(u.rx + u.miss_field) : NULL;
    r->nmap = u.map.n;
    r->map = tcg_meta_alloc(cache, u.map.n * sizeof *r->map);
    r->map_bytes = tcg_meta_alloc(cache, u.map.nbytes + 1);
    if (!r->map || !r->map_bytes) {
        k->meta_used = meta;
        return -ENOSPC;
    }
    if (u.map.n) {
        memcpy(r->map, u.map.entry, u.map.n * sizeof *r->map);
        memcpy(r->map_bytes, u.map.bytes, u.map.nbytes);
    }
    k->used = (k->used + u.length + 15) & ~(size_t)15;
    if (k->used > k->size)
        k->used = k->size;
    tcg_chunk_grown(k);
    note_region(cache, r);
    *out = r;
    return 0;
}

int tcg_compile(struct tcg_ctx *c, const struct tcg_request *rq, struct tcg_region **out)
{
    struct ra_host host;
    unsigned nlinks;
    int ret;

    ir_finish(&c->ir);
    if (log_on(LOG_OP))
        log_ir(&c->ir, rq, "");
    tcg_optimise(&c->ir, rq->tier);
    if (log_on(LOG_OP_OPT))
        log_ir(&c->ir, rq, " after optimization");
    c->n_guest += rq->ninsns;
    c->n_ir += c->ir.ninsns;
    if (c->interp)
        return keep_ir(c, rq, out);
    nlinks = host_links_needed(&c->ir);
    if (nlinks > UINT16_MAX || rq->nspans > UINT16_MAX)
        return -E2BIG;
    host_select(c->mode, &c->ir);
    host_describe(c->mode, &host);
    ret = ra_run(&c->ra, &c->ir, &host);
    if (ret < 0)
        return ret;
    if (log_on(LOG_OP_IND) && log_wants(rq->pc)) {
        ra_print(&c->ra, &c->ir, log_begin());
        log_end();
    }
    statemap_reset(&c->map);
    tcg_cache_lock(c->cache);
    ret = emit(c, rq, nlinks, out);
    tcg_cache_unlock(c->cache);
    if (ret == 0)
        c->n_host_bytes += (*out)->code_len;
    return ret;
}

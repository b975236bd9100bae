#include "tcg/cache/internal.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"

static size_t align_up(size_t n, size_t to) { return (n + to - 1) & ~(to - 1); }

struct tcg_cache *tcg_cache_new(size_t bytes, const struct host_mode *mode, const struct tcg_runtime_calls *calls,
                                struct error *err)
{
    struct tcg_cache *c = NEW(struct tcg_cache);
    size_t size = align_up(bytes < 1 << 20 ? 1 << 20 : bytes, TCG_CHUNKS << 12), part = size / TCG_CHUNKS;
    int used;

    pthread_mutex_init(&c->lock, NULL);
    pthread_mutex_init(&c->mode_lock, NULL);
    if (codebuf_init(&c->buf, size, err) < 0)
        goto fail;
    used = host_init(mode, calls, c->buf.rw, c->buf.rx, part);
    if (used < 0) {
        codebuf_free(&c->buf);
        goto fail;
    }
    c->fixed = align_up((size_t)used, 64);
    for (unsigned i = 0; i < TCG_CHUNKS; i++) {
        struct tcg_chunk *k = &c->chunk[i];

        k->rw = c->buf.rw + i * part;
        k->size = part;
        k->meta = c->buf.meta + i * (c->buf.meta_size / TCG_CHUNKS);
        k->meta_size = c->buf.meta_size / TCG_CHUNKS;
    }
    c->chunk[0].used = c->fixed;
    return c;
fail:
    pthread_mutex_destroy(&c->lock);
    pthread_mutex_destroy(&c->mode_lock);
    free(c);
    return NULL;
}

static void free_interp(struct tcg_region *r)
{
    if (!r->interp)
        return;
    ir_free(r->interp);
    free(r->interp);
    r->interp = NULL;
}

void tcg_cache_free(struct tcg_cache *c)
{
    for (unsigned i = 0; i < TCG_CHUNKS; i++) {
        for (uint32_t k = 0; k < c->chunk[i].n; k++)
            free_interp(c->chunk[i].regions[k]);
        for (unsigned k = 0; k < c->chunk[i].noutgrown; k++)
            free(c->chunk[i].outgrown[k]);
        free(c->chunk[i].regions);
    }
    pages_free(c);
    codebuf_free(&c->buf);
    pthread_mutex_destroy(&c->lock);
    pthread_mutex_destroy(&c->mode_lock);
    free(c);
}

void *tcg_meta_alloc(struct tcg_cache *c, size_t bytes)
{
    struct tcg_chunk *k = &c->chunk[c->cur];
    void *p = k->meta + k->meta_used;

    bytes = align_up(bytes, 8);
    if (k->meta_size - k->meta_used < bytes)
        return NULL;
    k->meta_used += bytes;
    memset(p, 0, bytes);
    return p;
}

static void expect(uint8_t *at, size_t *ready, size_t upto, size_t size)
{
    enum { STEP = 64 << 10 };

    if (upto <= *ready)
        return;
    upto = align_up(upto, STEP) < size ? align_up(upto, STEP) : size;
    codebuf_expect(at + *ready, upto - *ready);
    *ready = upto;
}

bool tcg_room(struct tcg_cache *c, size_t code, size_t meta)
{
    for (unsigned i = 0; i < 2; i++) {
        struct tcg_chunk *k = &c->chunk[c->cur];
        unsigned next = (c->cur + 1) % TCG_CHUNKS;

        if (k->size - k->used >= code && k->meta_size - k->meta_used >= meta) {
            expect(k->rw, &k->code_ready, k->used + code / 4, k->size);    /* `code` is an upper bound */
            expect(k->meta, &k->meta_ready, k->meta_used + meta / 2, k->meta_size);
            return true;
        }
        if (c->chunk[next].n)
            return false;
        codebuf_written(k->rw, k->size);
        c->cur = next;
    }
    return false;
}

void tcg_drop(struct tcg_cache *c, struct tcg_region *r)
{
    if (r->dead)
        return;
    __atomic_store_n(&r->dead, true, __ATOMIC_RELEASE);
    hash_remove(c, r);
    links_cut(c, r);
    pages_leave(c, r);
    if (r->better) {
        r->better->seed = NULL;
        if (r->better->miss_field)
            host_jump(codebuf_rw(&c->buf, r->better->miss_field), r->better->miss_field, r->better->restart);
    }
    if (r->code)
        host_redirect(codebuf_rw(&c->buf, r->code), r->code, r->restart);
    c->chunk[r->chunk].live--;
    c->n_dropped++;
    if (r->seed)
        tcg_drop(c, r->seed);                  /* its entry jumps here */
}

void tcg_replace(struct tcg_cache *c, struct tcg_region *cold, struct tcg_region *hot)
{
    bool checked = hot->nspans > 1;
    struct tcg_link *l;

    __atomic_store_n(&cold->better, hot, __ATOMIC_RELAXED);
    hot->seed = cold;
    while ((l = cold->in))
        tcg_link_to(c, l, hot, true);
    if (hot->miss_field)                       /* where its other pages are not what they were, the cold one goes on */
        host_jump(codebuf_rw(&c->buf, hot->miss_field), hot->miss_field, cold->body);
    host_redirect(codebuf_rw(&c->buf, cold->code), cold->code, checked ? hot->checked : hot->code);
}

bool tcg_insert(struct tcg_cache *c, struct tcg_region *r)
{
    struct tcg_chunk *k = &c->chunk[r->chunk];

    if (!pages_join(c, r))
        return false;
    hash_add(c, r);
    k->live++;
    if (r->tier == TCG_HOT)
        c->n_hot++;
    else
        c->n_cold++;
    if (bytes_unchanged(r))
        return true;
    tcg_drop(c, r);
    return false;
}

void tcg_chunk_grown(struct tcg_chunk *k)
{
    enum { STEP = 1 << 20, LAG = 1 << 20 };

    if (k->used < k->quiet + STEP + LAG)
        return;
    codebuf_written(k->rw + k->quiet, STEP);
    k->quiet += STEP;
}

void tcg_evict(struct tcg_cache *c)
{
    unsigned victim = (c->cur + 1) % TCG_CHUNKS;
    struct tcg_chunk *k = &c->chunk[victim];

    for (uint32_t i = 0; i < k->n; i++) {
        struct tcg_region *r = k->regions[i];

        tcg_drop(c, r);
        free_interp(r);
    }
    c->n_evicted += k->n;
    __atomic_store_n(&k->n, 0, __ATOMIC_RELEASE);
    k->used = victim ? 0 : c->fixed;
    k->meta_used = 0;
    k->code_ready = 0;
    k->quiet = 0;
    c->cur = victim;
}

void tcg_evict_all(struct tcg_cache *c)
{
    for (unsigned i = 0; i < TCG_CHUNKS; i++)
        tcg_evict(c);
}

int tcg_cache_copy(struct tcg_cache *c)
{
    size_t used[TCG_CHUNKS][2];

    for (unsigned i = 0; i < TCG_CHUNKS; i++) {
        used[i][0] = (size_t)(c->chunk[i].rw - c->buf.rw);
        used[i][1] = used[i][0] + c->chunk[i].used;
    }
    return codebuf_copy(&c->buf, used, TCG_CHUNKS);
}

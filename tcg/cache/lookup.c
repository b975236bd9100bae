#include "tcg/cache/internal.h"

/* The code of one guest page shares one page of the table: a program that runs once touches few. */
static unsigned hash_of(const uint8_t *host, uint64_t mode)
{
    enum { LINE_BITS = 9 };                    /* a page of the table holds 2^9 heads */
    uint64_t at = (uintptr_t)host;
    unsigned line = (unsigned)(((at >> 12) + mode * 0x632be5ab) * 0x9e3779b97f4a7c15ull >> (64 - TCG_HASH_BITS + LINE_BITS));
    unsigned in_line = ((unsigned)(at & 4095) >> 1) * 0x9e3779b1u >> (32 - LINE_BITS);

    return line << LINE_BITS | in_line;
}

static bool is_of(const struct tcg_region *r, uint64_t pc, uint64_t mode, const uint8_t *host)
{
    return r->host == host && r->mode == mode && ((r->pc ^ pc) & 4095) == 0;
}

struct tcg_region *tcg_lookup(struct tcg_cache *c, uint64_t pc, uint64_t mode, const uint8_t *host)
{
    struct tcg_region *r = atomic_load_explicit(&c->hash[hash_of(host, mode)], memory_order_acquire);

    while (r && !is_of(r, pc, mode, host))
        r = __atomic_load_n(&r->hash_next, __ATOMIC_ACQUIRE);
    return r;
}

static unsigned mode_number(struct tcg_cache *c, uint64_t mode)
{
    unsigned n = atomic_load_explicit(&c->nmodes, memory_order_acquire), i = 0;

    while (i < n && atomic_load_explicit(&c->mode[i], memory_order_relaxed) != mode)
        i++;
    return i;
}

/* The first modes get few bits: each is an instruction in every lookup. */
uint64_t tcg_mode_salt(struct tcg_cache *c, uint64_t mode)
{
    static const uint8_t bits[] = { 0, 1, 2, 4, 8, 16, 32, 3, 5, 6, 9, 10, 12, 17, 18, 20, 24, 33, 34, 36, 40, 48, 7, 11, 13, 14,
                                    19, 21, 22, 25, 26, 28, 35, 37, 38, 41, 42, 44, 49, 50, 52, 56, 15, 23, 27, 29, 30, 39, 43,
                                    45, 46, 51, 53, 54, 57, 58, 60, 31, 47, 55, 59, 61, 62 };
    unsigned i = mode_number(c, mode);

    if (i < TCG_MODES && i == atomic_load_explicit(&c->nmodes, memory_order_acquire)) {
        pthread_mutex_lock(&c->mode_lock);
        i = mode_number(c, mode);
        if (i == c->nmodes && i < TCG_MODES) {
            atomic_store_explicit(&c->mode[i], mode, memory_order_relaxed);
            atomic_store_explicit(&c->nmodes, i + 1, memory_order_release);
        }
        pthread_mutex_unlock(&c->mode_lock);
    }
    _Static_assert(sizeof bits == TCG_MODES, "each has a salt");
    return i < TCG_MODES ? (uint64_t)bits[i] << TCG_SALT_BIT : TCG_SALT_NONE;
}

struct tcg_region *tcg_cold_of(struct tcg_cache *c, struct tcg_region *r)
{
    struct tcg_region *at = r->tier == TCG_COLD ? r : tcg_lookup(c, r->pc, r->mode, r->host);

    while (at && (at->tier != TCG_COLD || !is_of(at, r->pc, r->mode, r->host)))
        at = at->hash_next;
    return at;
}

void hash_add(struct tcg_cache *c, struct tcg_region *r)
{
    _Atomic(struct tcg_region *) *head = &c->hash[hash_of(r->host, r->mode)];

    r->hash_next = atomic_load_explicit(head, memory_order_relaxed);
    atomic_store_explicit(head, r, memory_order_release);
}

/* A reader that stands on r still follows its hash_next: the chain behind it stays whole. */
void hash_remove(struct tcg_cache *c, struct tcg_region *r)
{
    _Atomic(struct tcg_region *) *head = &c->hash[hash_of(r->host, r->mode)];
    struct tcg_region *at = atomic_load_explicit(head, memory_order_relaxed);

    if (at == r) {
        atomic_store_explicit(head, r->hash_next, memory_order_release);
        return;
    }
    while (at && at->hash_next != r)
        at = at->hash_next;
    if (at)
        __atomic_store_n(&at->hash_next, r->hash_next, __ATOMIC_RELEASE);
}

struct tcg_region *tcg_find_code(struct tcg_cache *c, uintptr_t host_pc)
{
    const uint8_t *p = (const uint8_t *)host_pc;
    size_t at = (size_t)(p - c->buf.rx);

    if (p < c->buf.rx || at >= c->buf.size)
        return NULL;
    for (unsigned i = 0; i < TCG_CHUNKS; i++) {
        struct tcg_chunk *k = &c->chunk[i];
        size_t from = (size_t)(k->rw - c->buf.rw);
        uint32_t n = __atomic_load_n(&k->n, __ATOMIC_ACQUIRE), lo = 0, hi = n;
        struct tcg_region **regions = __atomic_load_n(&k->regions, __ATOMIC_ACQUIRE);

        if (at < from || at >= from + k->size)
            continue;
        while (lo < hi) {
            uint32_t mid = lo + (hi - lo) / 2;

            if (regions[mid]->base + regions[mid]->code_len <= p)
                lo = mid + 1;
            else
                hi = mid;
        }
        if (lo < n && regions[lo]->base <= p)
            return regions[lo];
    }
    return NULL;
}

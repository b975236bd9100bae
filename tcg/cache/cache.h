/* tcg/cache/cache.h - where translations live, how they are found, linked, dropped and evicted.
 *
 *   allocated  --tcg_insert-->  found by tcg_lookup, linked to  --tcg_drop-->  dead  --evict-->  memory reused
 *
 * Memory is divided into generations (chunks), filled one after the other; when the last is full, the oldest is evicted
 * whole. A dead translation keeps its memory until then, so a vCPU that still runs it does no harm: its entry has been
 * redirected to a stub that goes back to the run loop.
 *
 * Locking. Lookup takes no lock. Everything else holds the cache's lock (tcg_cache_lock). Eviction also needs every
 * vCPU out of generated code and out of lookup: the accelerator brackets it. */
#ifndef TCG_CACHE_CACHE_H
#define TCG_CACHE_CACHE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "tcg/cache/codebuf.h"
#include "tcg/tcg.h"

struct error;

enum { TCG_MODES = 63, TCG_SALT_BIT = 57 };
#define TCG_SALT_NONE (UINT64_C(63) << TCG_SALT_BIT)
enum { TCG_CHUNKS = 8, TCG_HASH_BITS = 18, TCG_PAGE_HASH_BITS = 12, TCG_PAGE_PARTS = 16 };

/* A page of guest memory, by host address, that translations were made from. */
struct tcg_page {
    const uint8_t *host;                       /* page aligned */
    struct tcg_page *next;                     /* in its hash chain */
    struct tcg_page_use *uses[TCG_PAGE_PARTS]; /* by where they begin */
    uint32_t nuses;
    uint16_t longest;                          /* no use is longer */
    uint64_t granules;                         /* bit per 64 bytes that some translation covers: a quick no */
    uint8_t *copy;                             /* contents at the last check, or NULL */
    bool check;                                /* may change unseen: compare at tcg_check_pages */
    struct tcg_page *check_next;
    uint64_t since;                            /* the cache's epoch when it got its first translation */
};

/* A translation's entry in the list of one of its pages. */
struct tcg_page_use {
    struct tcg_region *region;
    struct tcg_page *page;
    struct tcg_page_use *next, **prev;         /* in the page's list */
    uint16_t off, len;                         /* bytes of the page that it covers */
    const uint8_t *bytes;                      /* what they were */
};

struct tcg_chunk {
    uint8_t *rw, *code_end;                    /* code: bump-allocated from rw + used */
    size_t used, size;
    size_t quiet;                              /* up to there the writable mapping has been given back once */
    uint8_t *meta; size_t meta_used, meta_size;
    size_t code_ready, meta_ready;             /* up to there the host has been asked for pages */
    struct tcg_region **regions; uint32_t n, cap;     /* in address order */
    struct tcg_region **outgrown[24]; unsigned noutgrown;  /* smaller ones that regions[] was: it doubles, from 2^8 */
    uint32_t live;
};

struct tcg_cache {
    struct codebuf buf;
    size_t fixed;                              /* trampolines at the start */
    pthread_mutex_t lock;
    struct tcg_chunk chunk[TCG_CHUNKS];
    unsigned cur;                              /* chunk being filled */
    _Atomic(struct tcg_region *) hash[1 << TCG_HASH_BITS];
    struct tcg_page *page_hash[1 << TCG_PAGE_HASH_BITS];
    struct tcg_page *check_list;               /* pages to compare at tcg_check_pages */
    bool check_once;                           /* a page is compared at the first check after it gained translations
                                                * only: from then on writes to it are noticed (system mode) */
    _Atomic uint64_t mode[TCG_MODES];          /* the modes seen so far, in the order of their salts */
    _Atomic unsigned nmodes;
    pthread_mutex_t mode_lock;
    /* told when a page gets its first translation (mark it) or has lost its last (unmark it); under the lock */
    void (*page_gained)(void *opaque, struct tcg_page *p);
    void (*page_lost)(void *opaque, struct tcg_page *p);
    /* With check_once: is every vCPU sure to see the marks of pages that gained translations at this epoch? One that has
     * not left generated code since may still write by an answer that it got before. */
    bool (*settled)(void *opaque, uint64_t since);
    uint64_t epoch;                            /* counts pages gained; read without the lock */
    void *opaque;
    /* counters for `info jit` */
    uint64_t n_cold, n_hot, n_dropped, n_evicted, n_links, n_checks, n_writes;
};

/**
 * tcg_cache_new - reserve memory for generated code and write the host's trampolines.
 * @bytes: of code; rounded, at least 1 MiB
 */
struct tcg_cache *tcg_cache_new(size_t bytes, const struct host_mode *mode, const struct tcg_runtime_calls *calls,
                                struct error *err);
void tcg_cache_free(struct tcg_cache *c);

static inline void tcg_cache_lock(struct tcg_cache *c) { pthread_mutex_lock(&c->lock); }
static inline void tcg_cache_unlock(struct tcg_cache *c) { pthread_mutex_unlock(&c->lock); }

/* Memory for describing a translation, in the current chunk; 8-byte aligned; NULL when the chunk is full. Locked. */
void *tcg_meta_alloc(struct tcg_cache *c, size_t bytes);
/* Make at least `code` and `meta` bytes available in the current chunk, moving to an empty one if need be; false: the
 * cache is full, tcg_evict() first. Locked. */
bool tcg_room(struct tcg_cache *c, size_t code, size_t meta);

/**
 * tcg_lookup - find a live translation, the hot one of two.
 * @pc:   guest address; only its place in the page counts, and a tag that isn't part of the address
 * @mode: the target's mode key
 * @host: host address of the guest's byte at pc
 * Returns the translation, or NULL; the caller sees to it that its other pages are where they were. Context: any vCPU
 * thread, no lock.
 */
struct tcg_region *tcg_lookup(struct tcg_cache *c, uint64_t pc, uint64_t mode, const uint8_t *host);

/* The salt of a mode: see struct rt_jump_entry. TCG_SALT_NONE, which nothing may be stored with, when there are too many
 * modes. Context: any thread. */
uint64_t tcg_mode_salt(struct tcg_cache *c, uint64_t mode);

/**
 * tcg_insert - make a translation known. Its bytes are compared with memory once more after its pages have been marked.
 * Returns false if they have changed meanwhile: the translation is dead and must not run. Locked.
 */
bool tcg_insert(struct tcg_cache *c, struct tcg_region *r);
void tcg_drop(struct tcg_cache *c, struct tcg_region *r);                       /* locked */

/* A hot region takes over from the cold translation of the same code: links and the cold entry lead to it. Locked. */
void tcg_replace(struct tcg_cache *c, struct tcg_region *cold, struct tcg_region *hot);
/* The cold translation behind a live one of the same code, or NULL. Locked. */
struct tcg_region *tcg_cold_of(struct tcg_cache *c, struct tcg_region *r);

/* Patch a link to go to `to`; `checked` through the entry that checks the page mapping. Locked. */
void tcg_link_to(struct tcg_cache *c, struct tcg_link *l, struct tcg_region *to, bool checked);
void tcg_unlink(struct tcg_cache *c, struct tcg_link *l);                       /* locked */

/* The translation whose code holds an address, or NULL. Context: its vCPU's thread (also in a signal handler). */
struct tcg_region *tcg_find_code(struct tcg_cache *c, uintptr_t host_pc);

/**
 * tcg_written - bytes of guest memory have been written.
 * Drops the translations whose bytes differ now. Returns true if the page(s) still hold translations. Takes the lock.
 */
bool tcg_written(struct tcg_cache *c, const uint8_t *host, uint64_t len);
/* Drop all translations that touch a range, changed or not (it was unmapped). Takes the lock. */
void tcg_discard(struct tcg_cache *c, const uint8_t *host, uint64_t len);
/* Quick test, may be stale: does a translation cover any of these bytes (within a page)? */
bool tcg_covers(struct tcg_cache *c, const uint8_t *host, unsigned len);
/* The guest's fence: compare the pages that may have changed unseen. Returns the number of translations dropped. */
unsigned tcg_check_pages(struct tcg_cache *c);
void tcg_page_checked(struct tcg_cache *c, struct tcg_page *p, bool on);        /* put on or off the list; locked */

/* Code was added to a chunk: what was written a while ago, and is hardly patched any more, needs no writable pages. Locked. */
void tcg_chunk_grown(struct tcg_chunk *k);

/* Evict the oldest generation. Locked, and no vCPU runs or looks up. */
void tcg_evict(struct tcg_cache *c);
void tcg_evict_all(struct tcg_cache *c);
/* Before fork(), locked: a copy of all code as it is now, for the child; a descriptor or -errno. The child adopts it with
 * codebuf_adopt(), the parent closes it. */
int tcg_cache_copy(struct tcg_cache *c);

#endif

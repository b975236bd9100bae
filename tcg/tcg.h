/* tcg/tcg.h - the engine's public header: a context in, a translation (region) out.
 *
 * The pipeline  decode -> IR -> passes -> selection -> allocation -> host code  is re-entrant: all its data hang off a
 * struct tcg_ctx, one per compiling thread. Translations live in the code cache (tcg/cache). The engine knows no guest
 * and no device: the caller fills ctx->ir, and says which bytes it was made from. */
#ifndef TCG_TCG_H
#define TCG_TCG_H

#include "tcg/alloc/alloc.h"
#include "tcg/host/host.h"
#include "tcg/ir/ir.h"

struct tcg_cache;

enum tcg_tier { TCG_COLD, TCG_HOT };
enum { TCG_MAX_PAGES = 8 };                    /* guest pages that one translation may touch */

/* A stretch of guest code bytes that a translation was made from. */
struct tcg_span {
    uint64_t va;                               /* guest virtual address */
    const uint8_t *host;                       /* where the bytes are; does not cross a 4 KiB page */
    uint32_t len;
};

/* A translation. Found by (host address of its first byte, mode); dropped when its bytes change.
 *
 * All guest addresses in here are those at which it was made. In system mode it also runs where its page is mapped
 * elsewhere (see struct cpu_env): tcg_rebase() says what an address is there. */
struct tcg_region {
    uint64_t pc, mode;
    const uint8_t *host;                       /* host address of the guest's first byte: identifies the physical page */
    const uint8_t *base;                       /* executable: first byte of its code */
    const uint8_t *code;                       /* executable: normal entry */
    const uint8_t *checked;                    /* executable: entry that checks the page mapping first */
    const uint8_t *restart;                    /* executable: where `code` is redirected when it is dropped */
    const uint8_t *body;                       /* executable: behind what host_redirect() overwrites */
    uint8_t *miss_field;                       /* rel32 of the jump of a failed page check, executable address */
    uint32_t code_len;
    uint64_t salt;                             /* of its mode */
    int32_t counter;                           /* cold: counts down to hot */
    uint8_t tier;                              /* enum tcg_tier */
    bool dead;                                 /* dropped; memory waits for readers */
    bool queued;                               /* for the background compiler */
    bool covered;                              /* cold: some region has it in it */
    bool returns;                              /* ends in a return */
    uint16_t nspans, nlinks, nsucc;
    uint32_t ninsns;
    struct tcg_span *spans;
    uint8_t *bytes;                            /* copy of the guest bytes, spans one after the other */
    struct tcg_link *links;
    struct tcg_link *in;                       /* links patched to come here */
    struct { uint64_t pc; uint8_t kind; } succ[2];
    uint64_t call_return;
    struct tcg_region *better;                 /* cold: the hot region that its entry jumps to now */
    struct tcg_region *seed;                   /* hot: the cold one that it replaced; dropped with it */
    struct statemap_entry *map; uint32_t nmap; uint8_t *map_bytes;
    struct tcg_region *hash_next;
    struct tcg_page_use *pages;                /* entries in the per-page lists */
    uint32_t chunk;                            /* generation that its memory belongs to */
    struct ir *interp;                         /* interpreter back end: the IR itself */
};

/* An address in a translation's terms, when the translation begins at `pc`. */
static inline uint64_t tcg_rebase(const struct tcg_region *r, uint64_t pc, uint64_t va) { return va - r->pc + pc; }

struct tcg_ctx {
    struct ir ir;
    bool interp;                               /* keep the IR in place of host code */
    struct ra ra;
    struct statemap map;
    struct tcg_cache *cache;
    const struct host_mode *mode;
    uint64_t n_guest, n_ir, n_host_bytes;      /* counters for `info jit` */
};

void tcg_ctx_init(struct tcg_ctx *c, struct tcg_cache *cache, const struct host_mode *mode, const struct ir_slot *slots,
                  unsigned nslots, const struct ir_helper *const *helpers, unsigned nhelpers);
void tcg_ctx_free(struct tcg_ctx *c);

struct tcg_request {
    uint64_t pc, mode;
    enum tcg_tier tier;
    const struct tcg_span *spans; unsigned nspans;   /* spans[0] begins at pc */
    const uint8_t *bytes;                      /* what the spans held when they were decoded; NULL: what they hold now */
    int32_t counter;                           /* cold: executions until hot; < 0 never */
    unsigned ninsns;
};

/**
 * tcg_compile - run the passes, allocate and emit ctx->ir; the result is not yet in the lookup table.
 * Returns 0 and *out; -E2BIG: too large, split it; -ENOSPC: the cache is full, evict and try again.
 */
int tcg_compile(struct tcg_ctx *c, const struct tcg_request *rq, struct tcg_region **out);

/* opt/: all passes of passes.def that the tier wants; verifies after each in debug builds */
void tcg_optimise(struct ir *ir, enum tcg_tier tier);

/**
 * interp_run - execute a unit on the CPU state (host/portable/interp.c).
 * @calls: slow paths; host_pc is always 0: homes and env->pc are right already when they are called, and the snapshot's
 *         extra word is in env->frame->reserved[0]
 * Returns an enum rt_exit: RT_EXIT_LOOKUP where generated code would have left by a link.
 * Context: they run with the guest's MXCSR, as in generated code, and may longjmp over it or end it by interp_unwind(),
 * which makes it return `reason`. It takes and leaves env->mxcsr itself.
 */
uint64_t interp_run(const struct ir *ir, struct cpu_env *env, const struct host_mode *mode,
                    const struct tcg_runtime_calls *calls);
void interp_unwind(struct cpu_env *env, uint64_t reason) __attribute__((noreturn));
bool interp_available(void);                   /* false: built without libffi, units with calls cannot run */

#endif

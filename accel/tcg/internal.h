/* accel/tcg/internal.h - the translating accelerator's own structures. */
#ifndef ACCEL_TCG_INTERNAL_H
#define ACCEL_TCG_INTERNAL_H

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "accel/accel.h"
#include "core/vm/vcpu.h"
#include "targets/target.h"
#include "tcg/cache/cache.h"
#include "tcg/tcg.h"

enum { LARGE_2M_BITS = 1 << 15, LARGE_1G_BITS = 256 };   /* a kernel's map of all memory fills a few hundred of them */
enum { EXEC_BITS = 4096, VIEW_GROUP = 64 };
enum { ENGINE_VIEWS = 12 };                    /* address spaces kept per vCPU */
enum { WRITABLE_BITS = 18 };                   /* pages whose writable TLB entries are remembered: 1 GiB without clashes */
enum { BACKING_BITS = 15, BACKING_AFTER = 16384 };
enum { MODE_STEP = 63, MODE_ICOUNT = 62 };     /* bits of a translation's mode beside the target's */

enum tier_policy { TIER_AUTO, TIER_COLD, TIER_HOT /* every block is made hot at once: tests */ };

/* Work that other threads leave for a vCPU; it looks at every exit_request. */
enum pending {
    PEND_FLUSH_TLB = 1,                        /* all views */
    PEND_FLUSH_WRITES = 2,                     /* write tags of all views: dirty tracking began anew */
    PEND_EXCLUSIVE = 4,                        /* someone waits for all vCPUs to stand still */
    PEND_WAIT = 8,                             /* go on when every other vCPU has left generated code */
};

/* An entry of the larger TLB behind a view's: what the page walk said, kept when the inline entry is overwritten. */
struct backing_entry { uint64_t tag, addend; };        /* tag: page | 1 readable | 2 writable; 0: none */

struct view_priv {                             /* behind struct rt_view.priv */
    uint64_t asid;
    uint64_t exec_filter[EXEC_BITS / 64];      /* pages that jump[] and ret[] may hold, hashed */
    /* where something was entered since the last flush: a bit per VIEW_GROUP entries */
    uint64_t tlb_used[(1 << RT_TLB_BITS) / VIEW_GROUP / 64], jump_used[(1 << RT_JUMP_BITS) / VIEW_GROUP / 64], itlb_used;
    uint64_t backing_used[(1 << BACKING_BITS) / VIEW_GROUP / 64];
    uint64_t large_2m[LARGE_2M_BITS / 64];     /* where mappings of 2 MiB up to 1 GiB were used: hashed */
    uint64_t large_1g[LARGE_1G_BITS / 64];     /* from 1 GiB */
    struct backing_entry *backing;             /* made when a view has missed often */
    unsigned misses;
    bool large;                                /* something is in large_*[] */
    bool valid;
};

struct tcg_vcpu {
    struct vcpu *v;
    struct cpu_env *env;
    struct tcg_engine *engine;
    struct tcg_ctx ctx;
    jmp_buf jump;                              /* the run loop's; valid while `looping` */
    struct rt_view *views[ENGINE_VIEWS];
    uint64_t view_keys[ENGINE_VIEWS], view_used[ENGINE_VIEWS], view_clock;     /* used: the clock then; 0 never */
    unsigned view_last;                        /* the one that was asked for last */
    uint64_t salt_mode, salt;                  /* of that mode; UINT64_MAX none yet */
    uint64_t epoch;                            /* the cache's when it last entered generated code */
    atomic_uint pending;
    atomic_bool running;                       /* in the run loop: others wait for it in exclusive_begin */
    bool in_access;                            /* user mode: C code touches guest memory for the instruction at access_pc */
    uintptr_t access_pc;                       /* 0: a helper, homes are right */
    /* With -icount: one instruction at a time, until the budget's end (its rest is less than the next block) or for one
     * access to a device, which comes alone. */
    bool crawl, io;
    bool executing;                            /* generated code, not what looks for it */
    struct {
        uint64_t tlb_miss, tlb_slow, lookup, translate, exits, exceptions, hot_requests;
    } n;
};

struct tcg_engine {
    const struct target *target;
    struct host_mode mode;
    struct tcg_cache *cache;
    bool system, interp, one_insn, icount;
    struct ir_slot *slots; unsigned nslots;    /* the target's, and the budget of -icount behind them */
    enum tier_policy tier;
    int32_t hot_after;                         /* executions of a block until a region is made of it */
    struct tcg_vcpu **vcpus; unsigned nvcpus;
    unsigned host_cpus;
    pthread_mutex_t list_lock;                 /* vcpus[] */
    int fork_fd;                               /* while fork() is under way: the copy of the code for the child */
    struct hot_queue *hot;
    struct exclusive *excl;
    uint32_t debug_generation;
    uint64_t cache_bytes;
    struct mem_bus *bus;                       /* system mode */
    /* Per hashed host page: the one guest page through which TLBs may write it directly, 0 none, 1 several. */
    uint64_t *writable_at;
};

extern struct tcg_engine *tcg_engine;          /* the process's one; set by accel init */

static inline struct tcg_vcpu *tv_of(struct cpu_env *env) { return env->rt; }

/* run.c */
int  tcg_vcpu_run(struct vcpu *v);
void raise_now(struct tcg_vcpu *tv, uint32_t exception) __attribute__((noreturn));
/* the exception of the generated instruction at host_pc: state is rebuilt from its map first */
void raise_at(struct tcg_vcpu *tv, uint32_t exception, uintptr_t host_pc) __attribute__((noreturn));
void restore_state(struct tcg_vcpu *tv, uintptr_t host_pc, const struct rt_frame *frame);

/* translate.c */
struct tcg_region *find_code(struct tcg_vcpu *tv);        /* for env->pc; may raise */
uint64_t full_mode(const struct tcg_vcpu *tv);
const uint8_t *code_host(struct tcg_vcpu *tv, uint64_t pc);    /* may raise */
bool breakpoint_at(const struct tcg_vcpu *tv, uint64_t pc);

/* tlb.c */
struct rt_view *view_new(void);
void view_flush(struct rt_view *w);
void views_flush(struct tcg_vcpu *tv);
void views_flush_writes(struct tcg_vcpu *tv);
void view_flush_jumps(struct rt_view *w);
void view_pick(struct tcg_vcpu *tv);
struct rt_view *view_for(struct tcg_vcpu *tv, uint64_t key);   /* one of the present address space */
void view_note_exec(struct rt_view *w, uint64_t page);
void view_note_jump(struct rt_view *w, uint64_t pc);       /* jump[] gets an entry for pc */
void view_note_tlb(struct rt_view *w, uint64_t va);        /* tlb[] gets one */
void view_note_fetch(struct rt_view *w, uint64_t va);      /* itlb[] gets one */
void view_note_large(struct rt_view *w, uint64_t va, unsigned page_bits);
void purge_write_tags(struct tcg_engine *e, const uint8_t *host_page);
void writable_note(struct tcg_engine *e, const uint8_t *host_page, uint64_t va_page);
bool backing_find(struct rt_view *w, uint64_t va, bool write, uint64_t *addend, unsigned *rights);   /* rights: 1 read, 2 write */
void backing_note(struct rt_view *w, uint64_t va, uint64_t addend, bool readable, bool writable);
struct rt_tlb_entry *tlb_entry(struct rt_view *w, uint64_t va);

bool engine_crowded(const struct tcg_engine *e);         /* more vCPUs than host CPUs: spinning takes time from those waited for */
void engine_ctx_init(struct tcg_engine *e, struct tcg_ctx *ctx);

/* slow.c */
extern const struct tcg_runtime_calls runtime_calls;

/* listing.c */
void log_out_asm(struct tcg_vcpu *tv, const struct tcg_region *r);

/* hot.c */
int  hot_start(struct tcg_engine *e, struct error *err);
void hot_stop(struct tcg_engine *e);
void hot_free(struct tcg_engine *e);               /* stopped */
void hot_request(struct tcg_vcpu *tv, struct tcg_region *r);
void hot_after_fork(struct tcg_engine *e);
void hot_quiet(struct tcg_engine *e);         /* the compiler's thread ends; the next wish starts another */
void hot_pause(struct tcg_engine *e);          /* no compile is under way until hot_resume() */
void hot_resume(struct tcg_engine *e);

/* exclusive.c */
void exclusive_init(struct tcg_engine *e);
void exclusive_begin(struct tcg_vcpu *self);   /* returns when no other vCPU runs; self may be NULL */
void exclusive_end(struct tcg_vcpu *self);
void run_begin(struct tcg_vcpu *tv);           /* enter the run loop; waits while someone is exclusive */
void run_end(struct tcg_vcpu *tv);
void kick_all(struct tcg_engine *e, unsigned pending);

/* user.c */
void user_mode_setup(struct tcg_engine *e);
struct rt_view *user_view(struct tcg_engine *e, struct cpu_env *env);
void user_page_gained(void *opaque, struct tcg_page *p);
bool user_host_fault(struct vcpu *v, void *siginfo, void *ucontext);
void user_fork(struct vcpu *v, enum accel_fork stage);
void user_quiet(void);

/* accel.c */
size_t tcg_env_extra(void);

/* info.c */
void tcg_info(void *file);

#endif

/* A block that proved hot becomes a region: the blocks that were run after it, loops included.
 *
 *   vCPU thread: counter runs out -> the block is asked for: it waits in the queue, and its runs are counted on
 *   compiler thread: takes what was run most since -> plan_new() walks the executed edges and copies the guest's bytes
 *                    -> build() decodes the plan into one IR unit -> tcg_compile() -> publish() under the cache's lock
 *
 * The blocks of a loop or a chain become hot together, and each would get a region with much the same blocks. So a block
 * that comes into another's region is counted anew: if it waits, it leaves the queue, and it comes back only when it is
 * entered often by another way.
 *
 * The compiler works on copies only. What was dropped meanwhile makes publish() throw the result away; eviction empties
 * the queue first (hot_pause). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "accel/tcg/internal.h"
#include "core/base/alloc.h"
#include "core/base/log.h"

enum {
    MAX_NODES = 96, MAX_INSNS = 700, QUEUE_MAX = 1024, RARE = 32 /* a block run less than 1/32 as often stays out */,
    MAX_CONTEXTS = 24, MAX_DEPTH = 3, NICE = 5,
};

/* A call that the region follows: the callee's blocks are copied for it, so that its return goes straight back. Context
 * 0 is the seed's own function. */
struct context {
    unsigned parent, depth;
    uint64_t entry, ret_pc;
};

struct node {
    struct tcg_region *region;                 /* valid while nothing was evicted */
    uint64_t pc;
    unsigned context, callee;                  /* callee: context of the call that ends it, 0 none */
    uint32_t ninsns, len;                      /* guest bytes, contiguous from pc */
    const uint8_t *bytes;                      /* in plan.bytes */
    unsigned succ[2], nsucc;                   /* nodes inside the region */
    unsigned npred, done_pred;
    bool loop_head, on_path, visited;
    ir_block_ref block;
};

struct plan {
    uint64_t mode;
    const void *model;
    struct node node[MAX_NODES]; unsigned n;
    struct context context[MAX_CONTEXTS]; unsigned ncontexts;
    unsigned order[MAX_NODES];                 /* reverse postorder */
    unsigned norder;
    struct { uint64_t va; const uint8_t *host; } page[TCG_MAX_PAGES]; unsigned npages;
    struct tcg_span *spans; unsigned nspans;
    uint8_t *bytes;                            /* of the spans; once merged, of the nodes only */
    uint8_t *merged;
    unsigned ninsns;
    const struct node *now;                    /* being decoded */
    uint64_t seen, wanted;                     /* tr_ctx.seen, tr_ctx.plan */
};

/* A block that waits to become a region's head. */
struct wish {
    struct tcg_region *region;
    const void *model;
    uint64_t pc;                               /* where it ran when it became hot */
};

struct hot_queue {
    pthread_mutex_t lock;                      /* the wishes; inside the cache's lock */
    pthread_cond_t more;
    struct wish wish[QUEUE_MAX];
    unsigned length;
    bool started, quit;
    pid_t pid;                                 /* whose thread the compiler is */
    pthread_t thread;
    pthread_mutex_t compiling;                 /* held from taking a wish to publish; hot_pause() */
    struct tcg_ctx ctx;
};

/* --- planning ------------------------------------------------------------------------------------------------------- */

static void plan_free(struct plan *p)
{
    free(p->spans);
    free(p->bytes);
    free(p->merged);
    free(p);
}

static int32_t runs_of(const struct tcg_engine *e, const struct tcg_region *r)
{
    return r->better || r->covered || __atomic_load_n(&r->queued, __ATOMIC_RELAXED)
               ? e->hot_after : e->hot_after - __atomic_load_n(&r->counter, __ATOMIC_RELAXED);
}

/* It may ask (again) after so many runs. Locked: the queue. */
static void count_anew(const struct tcg_engine *e, struct tcg_region *r)
{
    __atomic_store_n(&r->counter, e->hot_after, __ATOMIC_RELAXED);
    __atomic_store_n(&r->queued, false, __ATOMIC_RELAXED);
}

static unsigned node_find(const struct plan *p, uint64_t pc, unsigned context)
{
    for (unsigned i = 0; i < p->n; i++)
        if (p->node[i].pc == pc && p->node[i].context == context)
            return i;
    return MAX_NODES;
}

static unsigned region_bytes(const struct tcg_region *r)
{
    unsigned n = 0;

    for (unsigned i = 0; i < r->nspans; i++)
        n += r->spans[i].len;
    return n;
}

/* Where a node's successor has been translated, if it has ever run: a link leads there. */
static struct tcg_region *executed_successor(struct tcg_cache *c, const struct node *n, uint64_t pc)
{
    const struct tcg_region *r = n->region;

    for (unsigned i = 0; i < r->nlinks; i++)
        if (tcg_rebase(r, n->pc, r->links[i].pc) == pc && r->links[i].to)
            return tcg_cold_of(c, r->links[i].to);
    return NULL;
}

/* Notes the pages of a block that would come in at pc; false if they would be too many, or if another physical page is
 * there for the blocks that are in (a link was made where memory was mapped in another way). */
static bool take_pages(struct plan *p, const struct tcg_region *r, uint64_t pc)
{
    unsigned n = p->npages;

    for (unsigned s = 0; s < r->nspans; s++) {
        uint64_t va = tcg_rebase(r, pc, r->spans[s].va), page = va >> 12;
        const uint8_t *host = r->spans[s].host - (va & 4095);
        unsigned k = 0;

        while (k < n && p->page[k].va != page)
            k++;
        if (k < n && p->page[k].host == host)
            continue;
        if (k < n || n == TCG_MAX_PAGES)
            return false;
        p->page[n].va = page;
        p->page[n++].host = host;
    }
    p->npages = n;
    return true;
}

static void take_node(struct plan *p, struct tcg_region *r, uint64_t pc, unsigned context)
{
    p->node[p->n++] = (struct node){ .region = r, .pc = pc, .context = context, .ninsns = r->ninsns,
                                     .len = region_bytes(r) };
    p->ninsns += r->ninsns;
    p->nspans += r->nspans;
}

/* The edge from node i to pc: inside, if the block there is in the plan or is worth taking in. */
static bool follow(struct tcg_engine *e, struct plan *p, unsigned i, uint64_t pc, unsigned context)
{
    unsigned k = node_find(p, pc, context);
    struct tcg_region *to;

    if (k == MAX_NODES) {
        to = executed_successor(e->cache, &p->node[i], pc);
        if (!to || to->dead || to->mode != p->mode || runs_of(e, to) < e->hot_after / RARE || p->n == MAX_NODES ||
            p->ninsns + to->ninsns > MAX_INSNS || !take_pages(p, to, pc))
            return false;
        k = p->n;
        take_node(p, to, pc, context);
    }
    if (p->node[i].nsucc == 2)
        return false;
    p->node[i].succ[p->node[i].nsucc++] = k;
    p->node[k].npred++;
    return true;
}

static bool recursive(const struct plan *p, unsigned context, uint64_t entry)
{
    for (;; context = p->context[context].parent) {
        if (p->context[context].entry == entry)
            return true;
        if (!context)
            return false;
    }
}

static void follow_call(struct tcg_engine *e, struct plan *p, unsigned i, uint64_t entry)
{
    unsigned from = p->node[i].context, made = p->ncontexts;
    const struct tcg_region *r = p->node[i].region;
    uint64_t ret_pc = tcg_rebase(r, p->node[i].pc, r->call_return);

    if (made == MAX_CONTEXTS || p->context[from].depth == MAX_DEPTH || !r->call_return || recursive(p, from, entry))
        return;
    p->context[made] = (struct context){ .parent = from, .depth = p->context[from].depth + 1, .entry = entry,
                                         .ret_pc = ret_pc };
    p->ncontexts++;
    if (follow(e, p, i, entry, made))
        p->node[i].callee = made;
    else
        p->ncontexts--;
}

/* A block that returns, inside a followed call: its edge goes behind the call. The landing is the successor that the
 * calling block never shows as a link of its own, so it is looked up. */
static void follow_return(struct tcg_engine *e, struct plan *p, unsigned i)
{
    const struct context *c = &p->context[p->node[i].context];
    struct tcg_region *r = p->node[i].region, *to = NULL;
    unsigned k;

    if (!p->node[i].context || !r->returns)
        return;
    k = node_find(p, c->ret_pc, c->parent);
    if (k == MAX_NODES) {
        for (unsigned n = 0; n < p->n && !to; n++)
            if (p->node[n].callee == p->node[i].context)
                to = executed_successor(e->cache, &p->node[n], c->ret_pc);
        if (!to || to->dead || to->mode != p->mode || p->n == MAX_NODES || p->ninsns + to->ninsns > MAX_INSNS ||
            !take_pages(p, to, c->ret_pc))
            return;
        k = p->n;
        take_node(p, to, c->ret_pc, c->parent);
    }
    p->node[i].succ[p->node[i].nsucc++] = k;
    p->node[k].npred++;
}

/* Breadth first, so that what is near the seed comes in before the limits are reached. */
static void grow(struct tcg_engine *e, struct plan *p)
{
    for (unsigned i = 0; i < p->n; i++) {
        struct tcg_region *r = p->node[i].region;

        for (unsigned s = 0; s < r->nsucc; s++) {
            uint64_t pc = tcg_rebase(r, p->node[i].pc, r->succ[s].pc);

            if (r->succ[s].kind == IR_JUMP_CALL)
                follow_call(e, p, i, pc);
            else if (r->succ[s].kind == IR_JUMP_PLAIN)
                follow(e, p, i, pc, p->node[i].context);
        }
        follow_return(e, p, i);
    }
}

static void visit(struct plan *p, unsigned i)
{
    struct node *n = &p->node[i];

    n->visited = n->on_path = true;
    /* The second successor first: the first (taken less often, as a rule) then comes right behind in reverse. */
    for (unsigned s = 0; s < n->nsucc; s++) {
        struct node *to = &p->node[n->succ[s]];

        if (to->on_path)
            to->loop_head = true;
        else if (!to->visited)
            visit(p, n->succ[s]);
    }
    n->on_path = false;
    p->order[MAX_NODES - 1 - p->norder++] = i;
}

static void copy_bytes(struct plan *p)
{
    size_t total = 0, at = 0;
    unsigned span = 0;

    for (unsigned i = 0; i < p->n; i++)
        total += p->node[i].len;
    p->bytes = xmalloc(total);
    p->spans = xreallocarray(NULL, p->nspans, sizeof *p->spans);
    for (unsigned i = 0; i < p->n; i++) {
        struct node *n = &p->node[i];

        memcpy(p->bytes + at, n->region->bytes, n->len);
        n->bytes = p->bytes + at;
        at += n->len;
        for (unsigned s = 0; s < n->region->nspans; s++) {
            p->spans[span] = n->region->spans[s];
            p->spans[span].va = tcg_rebase(n->region, n->pc, p->spans[span].va);
            span++;
        }
    }
}

struct piece { struct tcg_span span; const uint8_t *bytes; };

static int by_host(const void *a, const void *b)
{
    const uint8_t *x = ((const struct piece *)a)->span.host, *y = ((const struct piece *)b)->span.host;

    return x < y ? -1 : x > y;
}

/* Do two pieces, the second not before the first, make one stretch of a page? */
static bool adjoin(const struct tcg_span *a, const struct tcg_span *b)
{
    return b->host <= a->host + a->len && (uintptr_t)a->host >> 12 == (uintptr_t)b->host >> 12 &&
           b->va - a->va == (uint64_t)(b->host - a->host);
}

/* Each byte of the region once: blocks lie side by side, and those of a call that was followed twice are the same. The
 * first span stays the seed's. False: two blocks saw different bytes at one place, so the guest has just changed it. */
static bool merge_spans(struct plan *p)
{
    struct piece *piece = xreallocarray(NULL, p->nspans, sizeof *piece);
    unsigned n = 0, total = 0;
    bool same = true;

    for (unsigned i = 0; i < p->nspans; total += p->spans[i++].len)
        piece[i] = (struct piece){ p->spans[i], p->bytes + total };
    qsort(piece + 1, p->nspans - 1, sizeof *piece, by_host);
    p->merged = xmalloc(total);
    for (unsigned i = 0, at = 0; i < p->nspans; i++) {
        struct tcg_span *last = n ? &p->spans[n - 1] : NULL, *s = &piece[i].span;
        unsigned known = 0;

        if (i > 1 && adjoin(last, s)) {
            known = (unsigned)(last->host + last->len - s->host);
            if (known > s->len)
                known = s->len;
            same &= !memcmp(p->merged + at - (last->host + last->len - s->host), piece[i].bytes, known);
            last->len += s->len - known;
        } else {
            p->spans[n++] = *s;
        }
        memcpy(p->merged + at, piece[i].bytes + known, s->len - known);
        at += s->len - known;
    }
    p->nspans = n;
    free(piece);
    return same;
}

/* Locked: the cache. */
static struct plan *plan_new(struct tcg_engine *e, const struct wish *w)
{
    struct plan *p = NEW(struct plan);

    p->mode = w->region->mode;
    p->model = w->model;
    p->context[0].entry = w->pc;
    p->ncontexts = 1;
    take_pages(p, w->region, w->pc);
    take_node(p, w->region, w->pc, 0);
    grow(e, p);
    copy_bytes(p);
    visit(p, 0);
    memmove(p->order, p->order + MAX_NODES - p->norder, p->norder * sizeof *p->order);
    return p;
}

/* --- building ------------------------------------------------------------------------------------------------------- */

static const uint8_t *fetch_copy(struct tr_ctx *tr, uint64_t va, unsigned *len)
{
    const struct plan *p = tr->fetch_opaque;
    const struct node *n = p->now;
    uint64_t first = n->pc & ~(uint64_t)tr->target->pc_tag;

    if (va - first >= n->len)                  /* the block may end where addresses do */
        return NULL;
    if (*len > n->len - (va - first))
        *len = (unsigned)(n->len - (va - first));
    return n->bytes + (va - first);
}

/* Only edges that the plan knows are taken: the predecessors of each block have been counted from them. */
static bool leads_to(const struct node *n, unsigned to)
{
    for (unsigned i = 0; i < n->nsucc; i++)
        if (n->succ[i] == to)
            return true;
    return false;
}

static int64_t block_of(struct tr_ctx *tr, uint64_t pc)
{
    const struct plan *p = tr->fetch_opaque;
    unsigned k = node_find(p, pc, p->now->context);

    return k < MAX_NODES && leads_to(p->now, k) ? (int64_t)p->node[k].block : -1;
}

static int64_t call_block(struct tr_ctx *tr, uint64_t pc, uint64_t ret_pc)
{
    const struct plan *p = tr->fetch_opaque;
    unsigned k = p->now->callee ? node_find(p, pc, p->now->callee) : MAX_NODES;

    return k < MAX_NODES && p->context[p->now->callee].ret_pc == ret_pc ? (int64_t)p->node[k].block : -1;
}

static int64_t return_block(struct tr_ctx *tr, uint64_t *ret_pc)
{
    const struct plan *p = tr->fetch_opaque;
    const struct context *c = &p->context[p->now->context];
    unsigned k = p->now->context ? node_find(p, c->ret_pc, c->parent) : MAX_NODES;

    *ret_pc = c->ret_pc;
    return k < MAX_NODES && leads_to(p->now, k) ? (int64_t)p->node[k].block : -1;
}

static void decode_node(struct tcg_engine *e, struct plan *p, struct ir *ir, struct node *n)
{
    struct tr_ctx tr = { .ir = ir, .target = e->target, .mode = p->mode, .cpu_model = p->model, .system = e->system, .icount = e->icount,
                         .crowded = engine_crowded(e),
                         .pc = n->pc, .max_insns = n->ninsns, .fetch = fetch_copy, .fetch_opaque = p,
                         .block_of = block_of, .call_block = call_block, .return_block = return_block, .plan = p->wanted };

    p->now = n;
    ir_enter(ir, n->block);
    if (n->loop_head || e->icount) {
        ir_set_pc(ir, n->pc);
        ir_poll(ir);                           /* with -icount where cold blocks do, so that both notice alike */
    }
    if (e->icount)
        ir_icount(ir, n->ninsns);
    e->target->translate(&tr);
    p->seen |= tr.seen;
    if (!ir_terminated(ir)) {
        int64_t next = block_of(&tr, tr.end_pc);

        if (next >= 0)
            ir_br(ir, (ir_block_ref)next);
        else
            ir_goto_pc(ir, tr.end_pc, IR_JUMP_PLAIN, 0);
    }
}

/* A block is sealed as soon as its last predecessor has been decoded; the heads of loops wait for their back edges. */
static void seal_successors(struct plan *p, struct ir *ir, const struct node *n)
{
    for (unsigned s = 0; s < n->nsucc; s++) {
        struct node *to = &p->node[n->succ[s]];

        if (++to->done_pred == to->npred)
            ir_seal(ir, to->block);
    }
}

static void decode(struct tcg_engine *e, struct plan *p, struct ir *ir)
{
    ir_reset(ir);
    for (unsigned i = 0; i < p->norder; i++) {
        p->node[p->order[i]].block = ir_block_new(ir, p->node[p->order[i]].pc);
        p->node[p->order[i]].done_pred = 0;
    }
    ir_enter(ir, 0);
    tr_begin(ir, e->target, e->system, p->node[0].pc);
    if (!p->node[0].loop_head)
        ir_poll(ir);
    ir_br(ir, p->node[0].block);
    if (!p->node[0].npred)
        ir_seal(ir, p->node[0].block);
    for (unsigned i = 0; i < p->norder; i++) {
        struct node *n = &p->node[p->order[i]];

        decode_node(e, p, ir, n);
        seal_successors(p, ir, n);
    }
    for (unsigned i = 0; i < p->norder; i++)   /* an edge that the decoder did not take after all */
        if (!ir->blocks[p->node[p->order[i]].block].sealed)
            ir_seal(ir, p->node[p->order[i]].block);
}

static void build(struct tcg_engine *e, struct plan *p, struct ir *ir)
{
    decode(e, p, ir);
    p->wanted = e->target->plan ? e->target->plan(p->seen) : 0;
    if (p->wanted && !ir->error)
        decode(e, p, ir);
}

static void log_plan(const struct plan *p, const struct tcg_region *r)
{
    FILE *f = log_begin();

    fprintf(f, "region at %#llx: %u blocks, %u instructions, %u host bytes:", (unsigned long long)p->node[0].pc, p->n,
            p->ninsns, r->code_len);
    for (unsigned i = 0; i < p->norder; i++)
        fprintf(f, " %#llx%s", (unsigned long long)p->node[p->order[i]].pc, p->node[p->order[i]].loop_head ? "@" : "");
    fputc('\n', f);
    log_end();
}

static bool still_there(const struct plan *p)
{
    for (unsigned i = 0; i < p->n; i++)
        if (p->node[i].region->dead)
            return false;
    return true;
}

/* Locked: the cache. */
static void publish(struct tcg_engine *e, struct plan *p, struct tcg_region *r)
{
    tcg_replace(e->cache, p->node[0].region, r);
    pthread_mutex_lock(&e->hot->lock);
    for (unsigned i = 1; i < p->n && e->tier != TIER_HOT; i++)
        if (!p->node[i].region->better) {
            p->node[i].region->covered = true;
            count_anew(e, p->node[i].region);
        }
    pthread_mutex_unlock(&e->hot->lock);
    if (log_on(LOG_REGION))
        log_plan(p, r);
    log_out_asm(NULL, r);
}

/* Returns 0; -ESTALE: it may be asked for again; or why there is none. */
static int compile_plan(struct tcg_engine *e, struct tcg_ctx *ctx, struct plan *p)
{
    struct tcg_request rq = { .pc = p->node[0].pc, .mode = p->mode, .tier = TCG_HOT, .spans = p->spans,
                              .counter = -1, .ninsns = p->ninsns };
    struct tcg_region *r;
    int ret;

    if (!merge_spans(p))
        return -ESTALE;
    rq.nspans = p->nspans;
    rq.bytes = p->merged;
    build(e, p, &ctx->ir);
    ret = ctx->ir.error ? -E2BIG : tcg_compile(ctx, &rq, &r);
    if (ret < 0)
        return ret;
    tcg_cache_lock(e->cache);
    if (still_there(p) && tcg_insert(e->cache, r))
        publish(e, p, r);
    else
        ret = -ESTALE;
    tcg_cache_unlock(e->cache);
    return ret;
}

/* The caller holds `compiling`: nothing is evicted meanwhile. */
static void compile(struct tcg_engine *e, struct tcg_ctx *ctx, const struct wish *w)
{
    struct plan *p = NULL;
    int ret;

    tcg_cache_lock(e->cache);
    if (!w->region->dead && !w->region->better)
        p = plan_new(e, w);
    tcg_cache_unlock(e->cache);
    if (!p)
        return;
    ret = compile_plan(e, ctx, p);
    if (ret == -ESTALE || ret == -ENOSPC) {    /* else it is too large: the cold translations go on */
        pthread_mutex_lock(&e->hot->lock);
        count_anew(e, w->region);
        pthread_mutex_unlock(&e->hot->lock);
    }
    plan_free(p);
}

/* --- the thread ----------------------------------------------------------------------------------------------------- */

/* The wish whose block has been run most since it was asked for; false if none is left. Those that have come into other
 * regions meanwhile are dropped. Locked: the queue; `compiling` is held. */
static bool take_wish(struct hot_queue *q, struct wish *out)
{
    unsigned best = QUEUE_MAX, kept = 0;
    int32_t least = INT32_MAX;

    for (unsigned i = 0; i < q->length; i++) {
        const struct tcg_region *r = q->wish[i].region;
        int32_t counter = __atomic_load_n(&r->counter, __ATOMIC_RELAXED);

        if (__atomic_load_n(&r->dead, __ATOMIC_RELAXED) || __atomic_load_n(&r->better, __ATOMIC_RELAXED) || !r->queued)
            continue;                          /* dropped just now: compile() looks again, with the cache locked */
        if (best == QUEUE_MAX || counter < least) {
            best = kept;
            least = counter;
        }
        q->wish[kept++] = q->wish[i];
    }
    q->length = kept;
    if (best == QUEUE_MAX)
        return false;
    *out = q->wish[best];
    memmove(&q->wish[best], &q->wish[best + 1], (--q->length - best) * sizeof *q->wish);
    return true;
}

static void *worker(void *opaque)
{
    struct tcg_engine *e = opaque;
    struct hot_queue *q = e->hot;

    setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);    /* the guest comes first where cores are few */
    pthread_setname_np(pthread_self(), "compiler");
    for (;;) {
        struct wish w;
        bool found, quit;

        pthread_mutex_lock(&q->lock);
        while (!q->length && !q->quit)
            pthread_cond_wait(&q->more, &q->lock);
        pthread_mutex_unlock(&q->lock);
        pthread_mutex_lock(&q->compiling);
        pthread_mutex_lock(&q->lock);
        quit = q->quit;
        found = !quit && take_wish(q, &w);
        pthread_mutex_unlock(&q->lock);
        if (found)
            compile(e, &q->ctx, &w);
        pthread_mutex_unlock(&q->compiling);
        if (quit)
            return NULL;
    }
}

static void queue_init(struct hot_queue *q)
{
    pthread_mutex_init(&q->lock, NULL);
    pthread_mutex_init(&q->compiling, NULL);
    pthread_cond_init(&q->more, NULL);
    q->length = 0;
    q->started = q->quit = false;
    q->pid = getpid();
}

int hot_start(struct tcg_engine *e, struct error *err)
{
    (void)err;
    e->hot = NEW(struct hot_queue);
    queue_init(e->hot);
    engine_ctx_init(e, &e->hot->ctx);
    return 0;
}

/* Locked: the queue. */
static void start_worker(struct tcg_engine *e)
{
    struct hot_queue *q = e->hot;
    sigset_t all, old;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    q->started = pthread_create(&q->thread, NULL, worker, e) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void enqueue(struct tcg_engine *e, const struct wish *w)
{
    struct hot_queue *q = e->hot;
    struct tcg_region *r = w->region;

    pthread_mutex_lock(&q->lock);
    /* A vfork child runs in its parent's memory: a thread made by it would die with it, whatever it holds. */
    if (!q->started && getpid() == q->pid)
        start_worker(e);
    if (!q->started || q->length == QUEUE_MAX) {
        count_anew(e, r);
    } else if (!r->queued) {                   /* else another vCPU has asked */
        __atomic_store_n(&r->queued, true, __ATOMIC_RELAXED);
        __atomic_store_n(&r->counter, INT32_MAX, __ATOMIC_RELAXED);
        q->wish[q->length++] = *w;
        pthread_cond_signal(&q->more);
    }
    pthread_mutex_unlock(&q->lock);
}

void hot_request(struct tcg_vcpu *tv, struct tcg_region *r)
{
    struct tcg_engine *e = tv->engine;
    struct wish w = { .region = r, .model = tv->v->model, .pc = tv->env->pc };

    if (r->tier != TCG_COLD || __atomic_load_n(&r->dead, __ATOMIC_RELAXED))
        return;
    tv->n.hot_requests++;
    if (e->tier != TIER_HOT) {
        enqueue(e, &w);
    } else if (!__atomic_exchange_n(&r->queued, true, __ATOMIC_ACQ_REL)) {
        __atomic_store_n(&r->counter, INT32_MAX, __ATOMIC_RELAXED);
        pthread_mutex_lock(&e->hot->compiling);
        compile(e, &e->hot->ctx, &w);
        pthread_mutex_unlock(&e->hot->compiling);
    }
}

/* What waits may be evicted now: it may ask again. */
static void forget_wishes(struct tcg_engine *e)
{
    struct hot_queue *q = e->hot;

    pthread_mutex_lock(&q->lock);
    for (unsigned i = 0; i < q->length; i++)
        if (!q->wish[i].region->better)
            count_anew(e, q->wish[i].region);
    q->length = 0;
    pthread_mutex_unlock(&q->lock);
}

void hot_pause(struct tcg_engine *e)
{
    pthread_mutex_lock(&e->hot->compiling);
    forget_wishes(e);
}

void hot_resume(struct tcg_engine *e) { pthread_mutex_unlock(&e->hot->compiling); }

/* The compiler reads guest memory: it ends before that goes. */
void hot_stop(struct tcg_engine *e)
{
    struct hot_queue *q = e->hot;

    pthread_mutex_lock(&q->lock);
    q->quit = true;
    pthread_cond_signal(&q->more);
    pthread_mutex_unlock(&q->lock);
    if (q->started)
        pthread_join(q->thread, NULL);
    q->started = false;
}

void hot_free(struct tcg_engine *e)
{
    tcg_ctx_free(&e->hot->ctx);
    free(e->hot);
}

void hot_quiet(struct tcg_engine *e)
{
    hot_stop(e);
    e->hot->quit = false;
}

/* The child of a fork has no compiler thread; what was queued is forgotten. */
void hot_after_fork(struct tcg_engine *e)
{
    queue_init(e->hot);
}

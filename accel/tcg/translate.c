/* From a guest address to a translation: where the code lies, whether it is translated already, and cold translation,
 * a basic block at a time. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "accel/tcg/internal.h"
#include "core/base/bits.h"
#include "core/base/log.h"
#include "core/mem/ram.h"
#include "core/user/mmap.h"

enum { MAX_INSNS = 64, PAGE = 4096 };

uint64_t full_mode(const struct tcg_vcpu *tv)
{
    return tv->engine->target->mode_key(tv->env) | (uint64_t)tv->v->single_step << MODE_STEP |
           (uint64_t)(tv->crawl || tv->io) << MODE_ICOUNT;
}

/* Where the instruction at pc lies: T32 code has bit 0 set in pc. */
static uint64_t code_address(const struct tcg_vcpu *tv, uint64_t pc) { return pc & ~(uint64_t)tv->engine->target->pc_tag; }

bool breakpoint_at(const struct tcg_vcpu *tv, uint64_t pc)
{
    const struct debug_points *d = tv->v->debug;

    if (likely(!d || !d->nbreak))
        return false;
    for (unsigned i = 0; i < d->nbreak; i++)
        if (d->brk[i] == code_address(tv, pc))
            return true;
    return false;
}

/* --- where guest code lies ------------------------------------------------------------------------------------------ */

static const uint8_t *user_code(struct tcg_vcpu *tv, uint64_t pc)
{
    const struct target_user *u = tv->engine->target->user;
    const uint8_t *host;
    bool changeable;

    if (user_page_exec(pc, &host, &changeable))
        return host;
    u->fault_access(tv->env, pc, RT_EXEC);
    raise_now(tv, u->page_fault(RT_EXEC));
}

/* The exception that fetching at pc raises, or 0 and where the byte is. */
static uint32_t system_page(struct tcg_vcpu *tv, uint64_t pc, uint64_t *host)
{
    const struct target *t = tv->engine->target;
    struct rt_view *w = tv->env->view;
    uint64_t page = pc & ~(uint64_t)(PAGE - 1);
    struct rt_itlb_entry *i = &w->itlb[pc >> RT_PAGE_BITS & ((1u << RT_ITLB_BITS) - 1)];
    struct target_xlat x;
    struct mem_xlat m;
    uint32_t exc;

    *host = i->host + (pc - page);
    if (likely(i->tag == page))
        return 0;
    exc = t->xlate(tv->env, pc, RT_EXEC, 0, &x);
    if (exc)
        return exc;
    x.gpa &= ~(uint64_t)(PAGE - 1);
    if (!mem_translate(tv->v->as, x.gpa, &m) || !m.host || m.len < PAGE)
        return t->bus_fault(tv->env, pc, RT_EXEC);
    view_note_fetch(w, page);
    if (x.page_bits > RT_PAGE_BITS)
        view_note_large(w, page, x.page_bits);
    i->host = (uint64_t)(uintptr_t)m.host;
    i->tag = page;
    *host = i->host + (pc - page);
    return 0;
}

static const uint8_t *system_code(struct tcg_vcpu *tv, uint64_t pc)
{
    uint64_t host;
    uint32_t exc = system_page(tv, pc, &host);

    if (unlikely(exc))
        raise_now(tv, exc);
    return (const uint8_t *)(uintptr_t)host;
}

const uint8_t *code_host(struct tcg_vcpu *tv, uint64_t pc)
{
    return tv->engine->system ? system_code(tv, pc) : user_code(tv, pc);
}

/* --- cold translation ----------------------------------------------------------------------------------------------- */

/* What is decoded is a copy, and the translation keeps that very copy: when it is entered into the cache, it is compared
 * with the memory of then. So code that is written while it is being decoded is noticed. */
struct fetcher {
    struct tcg_vcpu *tv;
    uint64_t page;                             /* of the block's first byte */
    const uint8_t *host;
    uint64_t first;                            /* address of bytes[0] */
    unsigned have;                             /* bytes copied */
    uint8_t bytes[PAGE + 32];
};

/* Other CPUs may be writing there. */
static void copy_guest_code(uint8_t *to, const uint8_t *host, size_t len) { memcpy(to, host, len); }

static const uint8_t *fetch(struct tr_ctx *tr, uint64_t va, unsigned *len)
{
    struct fetcher *f = tr->fetch_opaque;
    unsigned left = PAGE - (va & (PAGE - 1)), end;
    const uint8_t *from = f->host + (va & (PAGE - 1));

    if (*len > left)
        *len = left;
    if ((va & ~(uint64_t)(PAGE - 1)) != f->page) {
        /* An instruction across pages. Only the first of a block may raise here: the others begin a block of their own. */
        if (tr->ninsns)
            return NULL;
        from = code_host(f->tv, va);
    }
    end = (unsigned)(va - f->first) + *len;
    assert(va - f->first <= f->have && end <= sizeof f->bytes);
    if (end > f->have) {                       /* what has been looked at stays as it was */
        copy_guest_code(f->bytes + f->have, from + (f->have - (va - f->first)), end - f->have);
        f->have = end;
    }
    return f->bytes + (va - f->first);
}

static int64_t outside_region(struct tr_ctx *tr, uint64_t pc)
{
    (void)tr;
    (void)pc;
    return -1;
}

static unsigned insns_wanted(const struct tcg_vcpu *tv)
{
    const struct debug_points *d = tv->v->debug;
    unsigned n = MAX_INSNS;

    if (tv->v->single_step || tv->engine->one_insn || tv->crawl || tv->io || (d && d->nbreak))
        n = 1;                                 /* every instruction is looked up, and so compared with the breakpoints */
    return n;
}

static unsigned spans_of(struct tcg_vcpu *tv, const struct fetcher *f, uint64_t pc, uint64_t end, struct tcg_span *s)
{
    uint64_t edge = f->page + PAGE;            /* 0 behind the last page of all: lengths are compared, not addresses */
    uint32_t len, room;

    pc = code_address(tv, pc);
    len = (uint32_t)(end - pc);
    room = (uint32_t)(edge - pc);
    s[0] = (struct tcg_span){ pc, f->host + (pc - f->page), len < room ? len : room };
    if (len <= room)
        return 1;
    s[1] = (struct tcg_span){ edge, code_host(tv, edge), len - room };
    return 2;
}

/* Bytes that belong to the translation though no one looked at them: an instruction that is not executed, but raises (a
 * debugger's step). */
static void take_unseen(struct fetcher *f, const struct tcg_span *s, unsigned n)
{
    unsigned at = 0;

    for (unsigned i = 0; i < n; at += s[i++].len) {
        unsigned seen = f->have <= at ? 0 : f->have - at;

        if (seen < s[i].len) {
            copy_guest_code(f->bytes + at + seen, s[i].host + seen, s[i].len - seen);
            f->have = at + s[i].len;
        }
    }
}

static void log_guest_code(const struct tcg_vcpu *tv, const struct tr_ctx *tr, uint64_t pc, const struct tcg_span *s,
                           unsigned n)
{
    uint8_t bytes[PAGE];
    size_t len = 0, at = 0;
    char line[160];
    FILE *f;

    if (!log_wants(pc) || !tv->engine->target->disas)
        return;
    for (unsigned i = 0; i < n && len + s[i].len <= sizeof bytes; len += s[i++].len)
        copy_guest_code(bytes + len, s[i].host, s[i].len);
    f = log_begin();
    fprintf(f, "----------------\nIN: vcpu %u mode %#llx\n", tv->v->index, (unsigned long long)tr->mode);
    while (at < len) {
        int k = tv->engine->target->disas(tr->cpu_model, tr->mode, pc + at, bytes + at, len - at, line, sizeof line);

        if (k <= 0)
            break;
        fprintf(f, "0x%08llx:  %s\n", (unsigned long long)(pc + at), line);
        at += (size_t)k;
    }
    log_end();
}

static void decode(struct tcg_vcpu *tv, struct fetcher *f, struct tr_ctx *tr, uint64_t pc, unsigned max)
{
    struct tcg_engine *e = tv->engine;
    ir_ref count = IR_NONE;

    ir_reset(&tv->ctx.ir);
    *tr = (struct tr_ctx){ .ir = &tv->ctx.ir, .target = e->target, .mode = full_mode(tv), .cpu_model = tv->v->model,
                           .system = e->system, .single_step = tv->v->single_step, .icount = e->icount, .cold = true,
                           .crowded = engine_crowded(e), .pc = pc, .max_insns = max,
                           .fetch = fetch, .fetch_opaque = f, .block_of = outside_region };
    tr_begin(tr->ir, e->target, e->system, pc);
    ir_poll(tr->ir);
    if (e->icount)
        count = ir_icount(tr->ir, 1);
    e->target->translate(tr);
    if (count)
        ir_icount_set(tr->ir, count, tr->ir->guest_insns);
    if (!ir_terminated(tr->ir)) {
        ir_goto_pc(tr->ir, tr->end_pc, IR_JUMP_PLAIN, 0);
        tr->falls_through = true;
    }
}

static void make_room(struct tcg_vcpu *tv)
{
    struct tcg_engine *e = tv->engine;
    uint64_t evicted = e->cache->n_evicted;

    exclusive_begin(tv);
    if (e->cache->n_evicted != evicted) {      /* another vCPU has made room while this one waited */
        exclusive_end(tv);
        return;
    }
    hot_pause(e);
    tcg_cache_lock(e->cache);
    tcg_evict(e->cache);
    tcg_cache_unlock(e->cache);
    hot_resume(e);
    /* Jump caches and return stacks hold addresses of evicted code. */
    for (unsigned i = 0; i < e->nvcpus; i++)
        for (unsigned k = 0; k < ENGINE_VIEWS; k++)
            if (e->vcpus[i]->views[k])
                view_flush_jumps(e->vcpus[i]->views[k]);
    exclusive_end(tv);
}

static bool tier_counts(const struct tcg_vcpu *tv)
{
    const struct tcg_engine *e = tv->engine;
    const struct debug_points *d = tv->v->debug;

    return !e->interp && e->tier != TIER_COLD && !tv->v->single_step && !tv->crawl && !tv->io && !e->one_insn && !(d && d->nbreak);
}

static struct tcg_region *translate(struct tcg_vcpu *tv, const uint8_t *host)
{
    struct tcg_engine *e = tv->engine;
    uint64_t pc = tv->env->pc;
    struct fetcher f;
    unsigned max = insns_wanted(tv);
    struct tcg_region *r;
    struct tcg_span spans[2];
    struct tr_ctx tr;

    tv->n.translate++;
    f.tv = tv;
    f.page = pc & ~(uint64_t)(PAGE - 1);
    f.host = host - (code_address(tv, pc) & (PAGE - 1));
    f.first = code_address(tv, pc);
    for (;;) {
        struct tcg_request rq = { .pc = pc, .tier = TCG_COLD, .spans = spans, .bytes = f.bytes };
        int ret;

        f.have = 0;
        decode(tv, &f, &tr, pc, max);
        rq.mode = tr.mode;
        rq.ninsns = tr.ninsns;
        rq.nspans = spans_of(tv, &f, pc, tr.end_pc, spans);
        take_unseen(&f, spans, rq.nspans);
        rq.counter = tier_counts(tv) ? e->tier == TIER_HOT ? 0 : e->hot_after : -1;
        if (log_on(LOG_IN_ASM))
            log_guest_code(tv, &tr, pc, spans, rq.nspans);
        ret = tcg_compile(&tv->ctx, &rq, &r);
        if (ret == -E2BIG && max > 1) {
            max = tr.ninsns > 1 ? tr.ninsns / 2 : 1;
            continue;
        }
        if (ret == -ENOSPC) {
            make_room(tv);
            continue;
        }
        if (ret < 0) {
            fprintf(stderr, "rhea: internal error: cannot translate the guest code at %#llx (error %d)\n",
                    (unsigned long long)pc, -ret);
            abort();
        }
        if (!tr.nsucc && tr.falls_through)
            tr.succ[tr.nsucc++] = (struct tr_succ){ tr.end_pc, IR_JUMP_PLAIN };
        r->nsucc = (uint16_t)tr.nsucc;
        for (unsigned i = 0; i < tr.nsucc; i++) {
            r->succ[i].pc = tr.succ[i].pc;
            r->succ[i].kind = tr.succ[i].kind;
        }
        r->call_return = tr.call_return;
        r->returns = tr.returns;
        tcg_cache_lock(e->cache);
        ret = tcg_insert(e->cache, r);
        tcg_cache_unlock(e->cache);
        if (ret) {
            log_out_asm(tv, r);
            return r;
        }
    }
}

/* Where code is, or NULL where there is none; nothing is raised. */
static const uint8_t *code_there(struct tcg_vcpu *tv, uint64_t pc)
{
    uint64_t host;

    return system_page(tv, pc, &host) ? NULL : (const uint8_t *)(uintptr_t)host;
}

/* Code that spans pages was made under a mapping of each: it is the right one only if all hold where it runs now. */
static bool pages_hold(struct tcg_vcpu *tv, const struct tcg_region *r)
{
    for (unsigned i = 1; i < r->nspans; i++)
        if (r->spans[i].va >> 12 != r->pc >> 12 &&
            code_there(tv, tcg_rebase(r, tv->env->pc, r->spans[i].va)) != r->spans[i].host)
            return false;
    return true;
}

struct tcg_region *find_code(struct tcg_vcpu *tv)
{
    struct tcg_engine *e = tv->engine;
    const uint8_t *host = code_host(tv, code_address(tv, tv->env->pc));
    struct tcg_region *r = tcg_lookup(e->cache, tv->env->pc, full_mode(tv), host), *cold;

    if (r && unlikely(r->nspans > 1) && e->system && !pages_hold(tv, r)) {
        /* The cold block's entry leads to the hot region's checks, and from there back behind itself. */
        cold = __atomic_load_n(&r->seed, __ATOMIC_ACQUIRE);
        if (cold && cold->nspans == 1)
            return cold;
        tcg_cache_lock(e->cache);
        tcg_drop(e->cache, r);
        tcg_cache_unlock(e->cache);
        r = NULL;
    }
    return r ? r : translate(tv, host);
}

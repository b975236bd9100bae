/* The run loop of a vCPU: find the translation, run it, serve what it left for. */
#include <stdlib.h>
#include <string.h>
#include <xmmintrin.h>

#include "accel/tcg/internal.h"
#include "core/base/bits.h"
#include "core/base/log.h"
#include "core/vm/icount.h"

enum { HOST_MXCSR = 0x1f80 };                  /* what C code expects: round to nearest, all masked */

/* --- raising -------------------------------------------------------------------------------------------------------- */

enum { JUMP_RAISED = 1, JUMP_LEFT = 2 };

static void unwind(struct tcg_vcpu *tv, int how) __attribute__((noreturn));
static void unwind(struct tcg_vcpu *tv, int how)
{
    tv->env->mxcsr = _mm_getcsr();             /* the guest's: helpers and slow paths run with it */
    _mm_setcsr(HOST_MXCSR);
    longjmp(tv->jump, how);
}

void raise_now(struct tcg_vcpu *tv, uint32_t exception)
{
    tv->env->exception = exception;
    unwind(tv, JUMP_RAISED);
}

void rt_raise(struct cpu_env *env, uint32_t exception) { raise_now(tv_of(env), exception); }

void rt_leave(struct cpu_env *env, enum rt_exit reason)
{
    env->exception = reason;
    unwind(tv_of(env), JUMP_LEFT);
}

void restore_state(struct tcg_vcpu *tv, uintptr_t host_pc, const struct rt_frame *frame)
{
    struct tcg_region *r = tcg_find_code(tv->engine->cache, host_pc);
    uint64_t pc, shift = 0;
    uint32_t extra;

    if (r && tv->engine->system)
        shift = tv->env->pc_page - (r->pc & -(UINT64_C(1) << RT_PAGE_BITS));
    if (!r || !statemap_restore(r->map, r->nmap, r->map_bytes, (uint32_t)(host_pc - (uintptr_t)r->base),
                                tv->engine->slots, tv->env, frame, shift, &pc, &extra)) {
        fprintf(stderr, "rhea: internal error: no state map for host address %#lx (guest near %#llx)\n",
                (unsigned long)host_pc, r ? (unsigned long long)r->pc : 0ull);
        abort();
    }
    tv->env->pc = tv->engine->mode.pc32 ? (uint32_t)pc : pc;
    if (tv->engine->target->restore_extra)
        tv->engine->target->restore_extra(tv->env, extra);
}

void raise_at(struct tcg_vcpu *tv, uint32_t exception, uintptr_t host_pc)
{
    const struct target *t = tv->engine->target;

    if (host_pc)
        restore_state(tv, host_pc, host_frame(tv->env));
    else if (tv->engine->interp && t->restore_extra)
        t->restore_extra(tv->env, (uint32_t)tv->env->frame->reserved[0]);
    raise_now(tv, exception);
}

/* --- the loop ------------------------------------------------------------------------------------------------------- */

static void do_pending(struct tcg_vcpu *tv)
{
    unsigned p = atomic_exchange(&tv->pending, 0);

    if (p & PEND_FLUSH_TLB)
        views_flush(tv);
    else if (p & PEND_FLUSH_WRITES)
        views_flush_writes(tv);
    if (p & PEND_EXCLUSIVE) {
        run_end(tv);
        run_begin(tv);
    }
    if (p & PEND_WAIT) {                       /* not in the helper that asks: its translation could be evicted meanwhile */
        exclusive_begin(tv);
        exclusive_end(tv);
    }
}

/* Translations made before a breakpoint was set may run past it: all go. */
static void follow_debug_points(struct tcg_vcpu *tv)
{
    struct tcg_engine *e = tv->engine;
    uint32_t now = tv->v->debug ? __atomic_load_n(&tv->v->debug->generation, __ATOMIC_ACQUIRE) : 0;

    if (now == e->debug_generation)
        return;
    exclusive_begin(tv);
    if (now != e->debug_generation) {
        hot_pause(e);
        tcg_cache_lock(e->cache);
        tcg_evict_all(e->cache);
        tcg_cache_unlock(e->cache);
        hot_resume(e);
        e->debug_generation = now;
        for (unsigned i = 0; i < e->nvcpus; i++) {
            views_flush(e->vcpus[i]);
            for (unsigned k = 0; k < ENGINE_VIEWS; k++)
                if (e->vcpus[i]->views[k])
                    view_flush_jumps(e->vcpus[i]->views[k]);
        }
    }
    exclusive_end(tv);
}

static void log_exec(struct tcg_vcpu *tv, const struct tcg_region *r)
{
    FILE *f = log_begin();

    if (log_on(LOG_EXEC))
        fprintf(f, "Trace %u: %p [%016llx/%llx]%s\n", tv->v->index, (const void *)r->code, (unsigned long long)tv->env->pc,
                (unsigned long long)r->mode, r->tier == TCG_HOT ? " hot" : "");
    if (log_on(LOG_CPU) && tv->engine->target->dump)
        tv->engine->target->dump(tv->env, f);
    if (log_on(LOG_CPU) && log_on(LOG_FPU) && tv->engine->target->dump_fp)
        tv->engine->target->dump_fp(tv->env, f);
    log_end();
}

static bool same_page(const struct tcg_region *from, uint64_t pc)
{
    return from->pc >> 12 == pc >> 12 && from->nspans == 1;
}

/* The jump that left for env->pc can go straight on from now on. */
static void follow_link(struct tcg_vcpu *tv, struct tcg_link *l, struct tcg_region *to)
{
    struct tcg_engine *e = tv->engine;

    if (log_on(LOG_NOCHAIN) || to->mode >> MODE_ICOUNT || breakpoint_at(tv, tv->env->pc))
        return;
    tcg_cache_lock(e->cache);
    if (l->from->mode == to->mode && !l->from->dead && !to->dead)
        tcg_link_to(e->cache, l, to, e->system && !(to->nspans == 1 && same_page(l->from, l->pc)));
    tcg_cache_unlock(e->cache);
}

static void remember_jump(struct tcg_vcpu *tv, const struct tcg_region *r)
{
    struct rt_view *w = tv->env->view;
    uint64_t pc = tv->env->pc;
    struct rt_jump_entry *j = &w->jump[rt_jump_index(pc)];

    if (log_on(LOG_NOCHAIN) || r->mode >> MODE_ICOUNT || breakpoint_at(tv, pc) || r->salt == TCG_SALT_NONE)
        return;
    if (tv->engine->system)
        for (unsigned i = 0; i < r->nspans; i++)
            view_note_exec(w, tcg_rebase(r, pc, r->spans[i].va));
    view_note_jump(w, pc);
    j->code = r->code;
    j->pc = pc ^ r->salt;
}

/* Alone, at an exact count: what an access to a device needs. */
static uint64_t execute_io(struct tcg_vcpu *tv, struct tcg_region *r)
{
    uint64_t why;

    tv->v->icount_exact = tv->env->icount_left - 1;
    why = r->interp ? interp_run(r->interp, tv->env, &tv->engine->mode, &runtime_calls) : host_enter(tv->env, r->code);
    tv->v->icount_exact = -1;
    tv->io = false;
    return why;
}

static uint64_t execute(struct tcg_vcpu *tv, struct tcg_region *r)
{
    if (log_on(LOG_EXEC | LOG_CPU) && log_wants(tv->env->pc))
        log_exec(tv, r);
    tv->env->pc_page = tv->env->pc & -(UINT64_C(1) << RT_PAGE_BITS);
    __atomic_store_n(&tv->epoch, __atomic_load_n(&tv->engine->cache->epoch, __ATOMIC_ACQUIRE), __ATOMIC_RELEASE);
    if (unlikely(tv->io))
        return execute_io(tv, r);
    if (r->interp)
        return interp_run(r->interp, tv->env, &tv->engine->mode, &runtime_calls);
    return host_enter(tv->env, r->code);
}

/* What happened outside generated code comes first: requests, interrupts, sleep. Returns an enum vcpu_stop or -1. */
static int outside(struct tcg_vcpu *tv)
{
    struct cpu_env *env = tv->env;
    const struct target *t = tv->engine->target;
    uint32_t irq;

    if (__atomic_load_n(&env->exit_request, __ATOMIC_ACQUIRE)) {
        __atomic_store_n(&env->exit_request, 0, __ATOMIC_SEQ_CST);
        do_pending(tv);
        if (atomic_load(&tv->v->stop_request) || atomic_load(&tv->v->quit) || atomic_load(&tv->v->off) ||
            atomic_exchange(&tv->v->yield, false) || !tv->engine->system)
            return VCPU_KICKED;
    }
    if (!tv->engine->system)
        return -1;
    if (tv->engine->icount && icount_due(tv->v)) {
        tv->crawl = false;
        if (!icount_renew(tv->v))
            return VCPU_KICKED;
    }
    if (tv->v->single_step)                    /* the debugger's step stays in the code it looks at */
        return env->halted ? VCPU_DEBUG : -1;
    irq = t->interrupt(env);
    if (irq) {
        env->halted = 0;
        if (log_on(LOG_INT))
            log_printf("vcpu %u: interrupt %#x at %#llx\n", tv->v->index, irq, (unsigned long long)env->pc);
        t->deliver(env, irq);
    } else if (env->halted) {
        if (!t->has_work(env))
            return VCPU_HALTED;
        env->halted = 0;
    }
    return -1;
}

static void deliver(struct tcg_vcpu *tv, uint32_t exception)
{
    if (log_on(LOG_INT))
        log_printf("vcpu %u: exception %#x at %#llx\n", tv->v->index, exception, (unsigned long long)tv->env->pc);
    tv->engine->target->deliver(tv->env, exception);
}

uint64_t rt_trap(struct cpu_env *env, uint32_t exception)
{
    struct tcg_vcpu *tv = tv_of(env);

    tv->n.exceptions++;
    tv->v->not_retired++;
    deliver(tv, exception);
    return env->pc;
}

static int raised(struct tcg_vcpu *tv)
{
    struct cpu_env *env = tv->env;
    const struct target *t = tv->engine->target;

    tv->n.exceptions++;
    if (t->debug_exception && env->exception == t->debug_exception())
        return VCPU_DEBUG;
    tv->v->not_retired++;
    if (!tv->executing)
        env->icount_left--;                    /* fetching failed: no translation has counted it */
    if (!tv->engine->system)
        return VCPU_EXCEPTION;
    deliver(tv, env->exception);
    return -1;
}

/* Serve one exit. Returns an enum vcpu_stop or -1 to go on. */
static int served(struct tcg_vcpu *tv, uint64_t why)
{
    switch (why) {
    case RT_EXIT_RAISED:
        return raised(tv);
    case RT_EXIT_HALT:
        tv->env->halted = 1;
        return -1;
    case RT_EXIT_SYSCALL:
        return VCPU_SYSCALL;
    case RT_EXIT_DEBUG:
        return VCPU_DEBUG;
    case RT_EXIT_ICOUNT:                       /* less is left than the block has */
        tv->crawl = true;
        return -1;
    case RT_EXIT_IO:
        tv->io = true;
        return -1;
    default:
        return -1;
    }
}

int tcg_vcpu_run(struct vcpu *v)
{
    struct tcg_vcpu *tv = v->accel_priv;
    struct tcg_link *volatile link = NULL;     /* the patchable jump that left last, while it is sure to exist */
    struct tcg_region *volatile next = NULL;   /* found already, for at_pc */
    volatile uint64_t at_pc = 0;               /* where `link` or `next` goes */
    volatile bool stepped = false;
    int how, stop;

    run_begin(tv);
    view_pick(tv);
    follow_debug_points(tv);
    how = setjmp(tv->jump);
    tv->in_access = false;
    if (how) {
        if (tv->v->icount_exact >= 0) {
            tv->v->icount_exact = -1;
            tv->io = false;
        }
        link = NULL;
        next = NULL;
        stop = how == JUMP_RAISED ? raised(tv) : served(tv, tv->env->exception);
        tv->executing = false;
        if (stop >= 0)
            goto out;
    }
    for (;;) {
        uint64_t why, before = tv->engine->cache->n_evicted;
        struct tcg_region *r;

        stop = outside(tv);
        if (stop >= 0)
            break;
        if (before != tv->engine->cache->n_evicted)
            link = NULL, next = NULL;          /* evicted by another vCPU while this one stood still */
        if (v->single_step ? stepped : breakpoint_at(tv, tv->env->pc) && !v->step_over) {
            stop = VCPU_DEBUG;
            break;
        }
        v->step_over = false;
        if (at_pc != tv->env->pc)
            link = NULL, next = NULL;          /* an interrupt was taken */
        r = next && !__atomic_load_n(&next->dead, __ATOMIC_ACQUIRE) ? next : NULL;
        next = NULL;
        if (!r) {
            uint64_t evicted = tv->engine->cache->n_evicted;

            r = find_code(tv);
            if (link && evicted == tv->engine->cache->n_evicted)
                follow_link(tv, link, r);
        }
        link = NULL;
        stepped = true;
        tv->n.exits++;
        tv->executing = true;
        why = execute(tv, r);
        if (why != RT_EXIT_RAISED)
            tv->executing = false;
        if (why >= RT_EXIT_MAX) {
            link = (struct tcg_link *)(uintptr_t)why;
            at_pc = tv->env->pc;
            continue;
        }
        if (why == RT_EXIT_LOOKUP) {
            tv->n.lookup++;
            next = find_code(tv);
            remember_jump(tv, next);
            at_pc = tv->env->pc;
            continue;
        }
        if (why == RT_EXIT_HOT) {
            hot_request(tv, find_code(tv));
            continue;
        }
        stop = served(tv, why);
        tv->executing = false;
        if (stop >= 0)
            break;
        if (why == RT_EXIT_FLUSHED)
            view_pick(tv);
    }
out:
    run_end(tv);
    return stop;
}

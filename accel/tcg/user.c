/* User mode: guest memory is accessed directly, so the host's faults are the guest's; and processes fork. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "accel/tcg/internal.h"
#include "core/base/alloc.h"
#include "core/user/mmap.h"

/* --- set-up ---------------------------------------------------------------------------------------------------------- */

static void fork_prepare(struct tcg_engine *e)
{
    hot_pause(e);
    pthread_mutex_lock(&e->list_lock);
    tcg_cache_lock(e->cache);
    e->fork_fd = tcg_cache_copy(e->cache);
}

static void fork_parent(struct tcg_engine *e, bool close_copy)
{
    if (e->fork_fd >= 0 && close_copy)
        close(e->fork_fd);
    tcg_cache_unlock(e->cache);
    pthread_mutex_unlock(&e->list_lock);
    hot_resume(e);
}

/* The code is in shared memory: without a copy of its own the child would run what the parent patches. The copy is made
 * before the fork, when nobody patches. */
static void fork_child(struct tcg_engine *e, struct vcpu *v)
{
    if (e->fork_fd < 0 || codebuf_adopt(&e->cache->buf, e->fork_fd) < 0) {
        static const char say[] = "rhea: cannot copy translated code for a new process: out of memory\n";

        if (write(2, say, sizeof say - 1) < 0)
            _exit(2);
        _exit(2);
    }
    tcg_cache_unlock(e->cache);
    pthread_mutex_unlock(&e->list_lock);
    hot_after_fork(e);
    /* only the calling thread is left */
    e->vcpus[0] = v->accel_priv;
    e->nvcpus = 1;
    exclusive_init(e);
    atomic_store(&e->vcpus[0]->running, false);
}

void user_mode_setup(struct tcg_engine *e)
{
    e->mode.guest_base = user_guest_base();
    e->mode.addr32 = e->target->bits == 32;
}

void user_fork(struct vcpu *v, enum accel_fork stage)
{
    struct tcg_engine *e = tcg_engine;

    switch (stage) {
    case FORK_BEFORE: fork_prepare(e); break;
    case FORK_PARENT: fork_parent(e, true); break;
    case FORK_PARENT_FILES: fork_parent(e, false); break;  /* the child closes it */
    case FORK_CHILD: fork_child(e, v); break;
    }
}

void user_quiet(void) { hot_quiet(tcg_engine); }

/* The view lies behind the CPU state, where generated code finds it at a fixed offset. Its TLB is never touched, and its
 * jump cache only as it fills: programs start quickly. */
struct rt_view *user_view(struct tcg_engine *e, struct cpu_env *env)
{
    struct rt_view *w = (struct rt_view *)((uint8_t *)env + e->mode.view_off);

    w->priv = NEW(struct view_priv);
    w->jump[rt_jump_index(0)].pc = ~UINT64_C(0);           /* the only address that fresh memory could stand for */
    view_flush_jumps(w);
    return w;
}

void user_page_gained(void *opaque, struct tcg_page *p)
{
    struct tcg_engine *e = opaque;
    const uint8_t *host;
    bool changeable = true;

    if (user_page_exec((uint64_t)(uintptr_t)p->host - e->mode.guest_base, &host, &changeable) && changeable)
        tcg_page_checked(e->cache, p, true);
}

/* --- faults ---------------------------------------------------------------------------------------------------------- */

static void raise_after_signal(struct tcg_vcpu *tv, uint32_t exception, uintptr_t host_pc) __attribute__((noreturn));
static void raise_after_signal(struct tcg_vcpu *tv, uint32_t exception, uintptr_t host_pc)
{
    raise_at(tv, exception, host_pc);
}

static enum rt_access access_of(const ucontext_t *uc)
{
    return uc->uc_mcontext.gregs[REG_ERR] & 2 ? RT_WRITE : RT_READ;
}

/* Continue in C, on the same stack below the red zone, as if called with three arguments. */
static void call_instead(ucontext_t *uc, struct tcg_vcpu *tv, uint32_t exception, uintptr_t host_pc)
{
    greg_t *g = uc->uc_mcontext.gregs;

    g[REG_RSP] = ((g[REG_RSP] - 256) & ~(greg_t)63) - 8;
    g[REG_RDI] = (greg_t)(uintptr_t)tv;
    g[REG_RSI] = exception;
    g[REG_RDX] = (greg_t)host_pc;
    g[REG_RIP] = (greg_t)(uintptr_t)raise_after_signal;
    g[REG_EFL] &= ~(greg_t)0x400;
}

bool user_host_fault(struct vcpu *v, void *siginfo, void *ucontext)
{
    struct tcg_vcpu *tv = v->accel_priv;
    struct tcg_engine *e = tcg_engine;
    const struct target_user *u;
    ucontext_t *uc = ucontext;
    siginfo_t *si = siginfo;
    uint64_t addr = (uint64_t)(uintptr_t)si->si_addr - (e ? e->mode.guest_base : 0);
    enum rt_access access = access_of(uc);
    uintptr_t pc = (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];

    if (!tv || !e->cache)
        return false;
    u = e->target->user;
    if (tcg_find_code(e->cache, pc)) {
        uintptr_t host_pc;
        const struct rt_frame *frame = host_frame_from_signal(ucontext, &host_pc);

        restore_state(tv, host_pc, frame);
        u->fault_access(tv->env, addr, access);
        tv->env->exception = u->page_fault(access);
        uc->uc_mcontext.gregs[REG_RAX] = RT_EXIT_RAISED;
        uc->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)host_leave_address();
        return true;
    }
    if (!tv->in_access)
        return false;
    u->fault_access(tv->env, addr, access);
    call_instead(uc, tv, u->page_fault(access), tv->access_pc);
    return true;
}

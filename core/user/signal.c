/* Signals: how they come to the guest; the system calls about them are in sys_signal.c.
 *
 * The host's handler does almost nothing: it stores one signal in the thread, blocks all others on the host (the kernel
 * keeps them, in its order) and asks the vCPU to come out; user_signal_deliver() then builds the guest's frame and lets
 * the next one in.
 *
 * The guest's mask is kept here, and the host's is changed only when it has to be: a signal that the guest blocks may
 * still be let through by the host. If one comes, the handler makes the host's mask the guest's and sends the signal
 * once more. So most masks set and restored by a program cost no host call. What must be exact makes it so first:
 * user_signal_sync() runs before every call that may wait, before execve, sigpending, signalfd.
 *
 * A signal whose default action ends the process needs the same care: the first time a guest blocks signals, the host's
 * handler is installed for those too. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/log.h"
#include "core/user/gdb.h"
#include "core/user/siginfo.h"
#include "core/user/signal_i.h"
#include "core/user/syscall.h"
#include "core/user/user.h"

/* The kernel's struct sigaction of the host. */
struct host_action {
    void *handler;
    uint64_t flags;
    void (*restorer)(void);
    uint64_t mask;
};

static struct sighand first_hand = { .lock = PTHREAD_MUTEX_INITIALIZER };
static __thread struct user_thread *here;      /* for the host's handler, which has no other argument */

/* --- the host's side ----------------------------------------------------------------------------------------------- */

void user_signal_restorer(void);
__asm__(".text\nuser_signal_restorer:\n    movl $15, %eax\n    syscall\n");   /* rt_sigreturn */

static void host_sigmask(uint64_t mask)
{
    mask &= ~FAULTS;
    user_raw(SYS_rt_sigprocmask, SIG_SETMASK, (uintptr_t)&mask, 0, KERNEL_SIGSET_BYTES, 0, 0);
}

/* Sends a signal once more, to whom it was sent. */
static void send_again(const struct user_thread *t, const siginfo_t *si)
{
    if (si->si_code == SI_TKILL || (t && si->si_code == SI_TIMER))
        user_raw(SYS_rt_tgsigqueueinfo, getpid(), t ? (uint64_t)t->tid : (uint64_t)getpid(), si->si_signo, (uintptr_t)si, 0, 0);
    else
        user_raw(SYS_rt_sigqueueinfo, getpid(), si->si_signo, (uintptr_t)si, 0, 0, 0);
}

/* A fault of the guest, of a copy to or from its memory, or, at last, of our own. */
static void on_fault(struct user_thread *t, int sig, siginfo_t *si, ucontext_t *uc)
{
    uintptr_t to = user_copy_fault((uintptr_t)uc->uc_mcontext.gregs[REG_RIP]);
    struct host_action dfl = { SIG_DFL, 0, NULL, 0 };

    if (to && (sig == SIGSEGV || sig == SIGBUS)) {
        uc->uc_mcontext.gregs[REG_RIP] = (greg_t)to;
    } else if (t && user_proc.accel->host_fault && user_proc.accel->host_fault(t->vcpu, si, uc)) {
        t->sig->fault_sig = sig;
        t->sig->fault_code = si->si_code;
    } else {
        /* ours: return to it with the default action, so that the core dump shows the place */
        user_raw(SYS_rt_sigaction, sig, (uintptr_t)&dfl, 0, KERNEL_SIGSET_BYTES, 0, 0);
    }
}

static void host_handler(int sig, siginfo_t *si, void *context)
{
    ucontext_t *uc = context;
    struct user_thread *t = here;
    struct user_signals *s = t ? t->sig : NULL;
    uint64_t *uc_mask = (uint64_t *)&uc->uc_sigmask;
    uintptr_t to;

    if (SIGBIT(sig) & FAULTS && si->si_code > 0 && si->si_code != SI_USER) {
        on_fault(t, sig, si, uc);
        return;
    }
    if (!t) {                                  /* a thread of the emulator's own: not for it */
        *uc_mask |= SIGBIT(sig);
        send_again(t, si);
        return;
    }
    if (SIGBIT(sig) & FAULTS) {                /* sent by kill(): the host must never block these */
        s->held_info[held_slot(sig)] = *si;
        s->held |= SIGBIT(sig);
        if (s->mask & SIGBIT(sig))
            return;
    } else if (s->mask & SIGBIT(sig)) {        /* blocked by the guest: from now on by the host too */
        s->host_mask = s->mask & ~FAULTS;
        *uc_mask = s->host_mask;
        send_again(t, si);
        return;
    } else {
        s->host = *si;
        s->host_full = true;
        s->host_before = s->host_mask;
        s->host_mask = ~FAULTS;
        *uc_mask = ~FAULTS;
    }
    ask_to_come_out(t);
    to = user_call_restart((uintptr_t)uc->uc_mcontext.gregs[REG_RIP]);
    if (to)
        uc->uc_mcontext.gregs[REG_RIP] = (greg_t)to;
}

static void host_install(int sig, void *handler, uint64_t flags)
{
    struct host_action a = { handler, flags | SA_SIGINFO | SA_RESTART | HAS_RESTORER,
                             user_signal_restorer, ~FAULTS };

    user_raw(SYS_rt_sigaction, sig, (uintptr_t)&a, 0, KERNEL_SIGSET_BYTES, 0, 0);
}

void user_signal_install(struct sighand *h, int sig, bool always)
{
    const struct guest_action *a = &h->action[sig];
    uint64_t bit = SIGBIT(sig), flags = a->flags & (SA_NOCLDSTOP | SA_NOCLDWAIT);

    if (bit & UNBLOCKABLE)
        return;
    if (bit & FAULTS || (a->handler != (uintptr_t)SIG_DFL && a->handler != (uintptr_t)SIG_IGN) ||
        (a->handler == (uintptr_t)SIG_DFL && h->all_caught && !(DEFAULT_IGNORES & bit))) {
        if (!(h->caught & bit) || (always && sig == SIGCHLD))
            host_install(sig, host_handler, flags);
        h->caught |= bit;
    } else {
        host_install(sig, (void *)(uintptr_t)a->handler, flags);
        h->caught &= ~bit;
    }
}

void user_signal_catch_all(struct sighand *h)
{
    pthread_mutex_lock(&h->lock);
    if (!h->all_caught) {
        h->all_caught = true;
        for (int sig = 1; sig <= NSIG_GUEST; sig++)
            if (h->action[sig].handler == (uintptr_t)SIG_DFL && !(DEFAULT_IGNORES & SIGBIT(sig)))
                user_signal_install(h, sig, false);
    }
    pthread_mutex_unlock(&h->lock);
}

/* --- life ---------------------------------------------------------------------------------------------------------- */

void user_signal_init(struct user_thread *t)
{
    struct user_signals *s = NEW(struct user_signals);
    struct host_action old;
    uint64_t mask = 0;

    s->hand = &first_hand;
    s->alt_flags = SS_DISABLE;
    t->sig = s;
    here = t;
    for (int sig = 1; sig <= NSIG_GUEST; sig++)
        if (!user_raw(SYS_rt_sigaction, sig, 0, (uintptr_t)&old, KERNEL_SIGSET_BYTES, 0, 0) && old.handler == (void *)SIG_IGN)
            first_hand.action[sig].handler = (uintptr_t)SIG_IGN;
    for (int sig = 1; sig <= NSIG_GUEST; sig++)
        if (FAULTS & SIGBIT(sig))
            user_signal_install(&first_hand, sig, true);
    user_raw(SYS_rt_sigprocmask, SIG_SETMASK, 0, (uintptr_t)&mask, KERNEL_SIGSET_BYTES, 0, 0);
    s->mask = mask;
    s->host_mask = mask & ~FAULTS;
    if (mask & FAULTS)
        host_sigmask(s->host_mask);
    if (user_base)
        user_signal_catch_all(&first_hand);                /* so that every death comes through user_die() */
}

struct user_signals *user_signal_thread(const struct user_thread *parent)
{
    struct user_signals *s = NEW(struct user_signals);

    s->hand = parent->sig->hand;
    s->mask = parent->sig->mask;
    s->host_mask = ~FAULTS;
    s->alt_flags = SS_DISABLE;
    return s;
}

void user_signal_enter(struct user_thread *t)
{
    here = t;
    t->sig->host_mask = t->sig->mask & ~FAULTS;
    host_sigmask(t->sig->host_mask);
}

void user_signal_leave(struct user_thread *t)
{
    host_sigmask(~UINT64_C(0));
    here = NULL;
    free(t->sig);
    t->sig = NULL;
}

void user_signal_fork(int stage)
{
    if (stage == 0)
        pthread_mutex_lock(&first_hand.lock);
    else
        pthread_mutex_unlock(&first_hand.lock);
}

void user_signal_clear(struct user_thread *t)
{
    struct sighand *h = t->sig->hand;

    pthread_mutex_lock(&h->lock);
    for (int sig = 1; sig <= NSIG_GUEST; sig++)
        if (h->action[sig].handler != (uintptr_t)SIG_DFL && h->action[sig].handler != (uintptr_t)SIG_IGN) {
            h->action[sig] = (struct guest_action){ 0 };
            user_signal_install(h, sig, true);
        }
    pthread_mutex_unlock(&h->lock);
}

/* A vfork child may change actions: its parent, which shares our memory, must not notice. */
void user_signal_vfork(struct user_thread *t, struct user_vfork_signals *save, int stage)
{
    if (stage == 0) {
        struct sighand *h = xmemdup(t->sig->hand, sizeof *h);

        pthread_mutex_init(&h->lock, NULL);
        save->state = xmemdup(t->sig, sizeof *t->sig);
        save->hand = t->sig->hand;
        t->sig->hand = h;
        t->sig->alt_flags = SS_DISABLE;
    } else {
        free(t->sig->hand);
        memcpy(t->sig, save->state, sizeof *t->sig);
        free(save->state);
    }
}

/* --- masks --------------------------------------------------------------------------------------------------------- */

uint64_t user_signal_mask(const struct user_thread *t)
{
    return t->sig->mask;
}

void user_signal_set_mask(struct user_thread *t, uint64_t mask)
{
    struct user_signals *s = t->sig;

    mask &= ~UNBLOCKABLE;
    if (mask & ~s->mask && !s->hand->all_caught)
        user_signal_catch_all(s->hand);
    s->mask = mask;
    if (s->host_mask & ~mask && !s->host_full) {
        s->host_mask &= mask;
        host_sigmask(s->host_mask);
    }
    if (s->held & ~mask)
        ask_to_come_out(t);
}

bool user_signal_synced(const struct user_thread *t)
{
    return !(t->sig->mask & ~t->sig->host_mask & ~FAULTS);
}

void user_signal_sync(struct user_thread *t)
{
    struct user_signals *s = t->sig;

    if (user_signal_synced(t) || s->host_full)
        return;
    s->host_mask = s->mask & ~FAULTS;
    host_sigmask(s->host_mask);
}

void user_signal_before_exec(struct user_thread *t, bool failed)
{
    uint64_t mask = t->sig->mask;

    t->sig->host_mask = mask & ~FAULTS;
    if (failed)
        host_sigmask(mask);
    else
        user_raw(SYS_rt_sigprocmask, SIG_SETMASK, (uintptr_t)&mask, 0, KERNEL_SIGSET_BYTES, 0, 0);
}

void user_signal_swap_mask(struct user_thread *t, uint64_t mask)
{
    struct user_signals *s = t->sig;

    s->restore_mask = s->mask;
    s->restore = true;
    user_signal_set_mask(t, mask);
}

/* --- delivery ------------------------------------------------------------------------------------------------------ */

void user_die(int signo)
{
    struct host_action dfl = { SIG_DFL, 0, NULL, 0 };
    uint64_t none = 0;

    if (atomic_load(&user_gdb_on) && !here->vfork_child)
        user_gdb_exited(signo, true);
    if (user_base && !here->vfork_child)
        user_robust_exit(here);                /* the kernel can walk the list only where addresses are the host's */
    fflush(NULL);
    prctl(PR_SET_DUMPABLE, 0);
    user_raw(SYS_rt_sigaction, signo, (uintptr_t)&dfl, 0, KERNEL_SIGSET_BYTES, 0, 0);
    user_raw(SYS_tgkill, getpid(), gettid(), signo, 0, 0, 0);
    user_raw(SYS_rt_sigprocmask, SIG_SETMASK, (uintptr_t)&none, 0, KERNEL_SIGSET_BYTES, 0, 0);
    for (;;)
        user_raw(SYS_exit_group, 128 + signo, 0, 0, 0, 0, 0);
}

static void default_stop(struct sighand *h, int sig)
{
    struct host_action dfl = { SIG_DFL, 0, NULL, 0 };
    uint64_t open = ~SIGBIT(sig) & ~FAULTS, old = 0;

    pthread_mutex_lock(&h->lock);
    user_raw(SYS_rt_sigaction, sig, (uintptr_t)&dfl, 0, KERNEL_SIGSET_BYTES, 0, 0);
    user_raw(SYS_tgkill, getpid(), gettid(), sig, 0, 0, 0);
    user_raw(SYS_rt_sigprocmask, SIG_SETMASK, (uintptr_t)&open, (uintptr_t)&old, KERNEL_SIGSET_BYTES, 0, 0);
    user_raw(SYS_rt_sigprocmask, SIG_SETMASK, (uintptr_t)&old, 0, KERNEL_SIGSET_BYTES, 0, 0);
    h->caught &= ~SIGBIT(sig);
    user_signal_install(h, sig, true);
    pthread_mutex_unlock(&h->lock);
}

static uint64_t frame_top(const struct user_thread *t, const struct guest_action *a)
{
    const struct user_signals *s = t->sig;
    uint64_t sp = user_proc.abi->get_sp(t->env);

    if (a->flags & SA_ONSTACK && s->alt_size && !(s->alt_flags & SS_DISABLE) && !on_altstack(s, sp))
        return s->alt_sp + s->alt_size;
    return sp;
}

static void enter_handler(struct user_thread *t, const struct guest_action *a, const siginfo_t *si)
{
    struct user_signals *s = t->sig;
    const struct target_user *abi = user_proc.abi;
    uint64_t sp = abi->get_sp(t->env);
    uint32_t narrow[SIGINFO32_WORDS];
    int entered;
    struct user_sigframe f = {
        .signo = si->si_signo,
        .siginfo_wanted = a->flags & SA_SIGINFO,
        .siginfo = si,
        .siginfo_bytes = SI_BYTES,
        .sp = frame_top(t, a),
        .handler = a->handler,
        .restorer = a->flags & HAS_RESTORER ? a->restorer : user_proc.sigreturn,
        .own_restorer = a->flags & HAS_RESTORER,
        .oldmask = s->restore ? s->restore_mask : s->mask,
        .altstack = { s->alt_sp, (s->alt_flags & SS_DISABLE) ? SS_DISABLE : (on_altstack(s, sp) ? SS_ONSTACK : 0)
                                 | (s->alt_flags & SS_AUTODISARM), s->alt_size },
    };

    if (user_narrow()) {
        siginfo_to_32(narrow, si);
        f.siginfo = narrow;
    }
    entered = abi->push_sigframe(t->env, &f);
    if (entered < 0) {
        if (log_on(LOG_INT))
            log_printf("signal %d: no room for its frame below 0x%llx\n", si->si_signo, (unsigned long long)f.sp);
        user_die(SIGSEGV);
    }
    s->restore = false;
    t->resumed = false;                        /* what the handler waits for is a wait of its own */
    if (s->alt_flags & SS_AUTODISARM)
        s->alt_flags = SS_DISABLE;
    if (a->flags & SA_RESETHAND) {
        pthread_mutex_lock(&s->hand->lock);
        s->hand->action[si->si_signo].handler = (uintptr_t)SIG_DFL;
        user_signal_install(s->hand, si->si_signo, false);
        pthread_mutex_unlock(&s->hand->lock);
    }
    user_signal_set_mask(t, s->mask | a->mask | (a->flags & SA_NODEFER ? 0 : SIGBIT(si->si_signo)));
    if (entered > 0)
        user_signal_force(t, SIGILL, ILL_ILLOPC, t->env->pc);
}

/* The system call that the signal interrupted: once more, or EINTR. */
static void end_syscall(struct user_thread *t, int64_t *ret, const struct guest_action *a)
{
    bool restart = *ret == -USER_RESTART;
    bool goes_on = !a && t->running->flags & US_NOHAND && (restart || *ret == -EINTR);
    uint64_t nr, arg[USER_NARGS];

    t->resumed = goes_on;
    if (goes_on || (restart && (!a || (a->flags & SA_RESTART && !(t->running->flags & US_EINTR))))) {
        user_proc.abi->get_syscall(t->env, &nr, arg);
        user_proc.abi->restart_syscall(t->env, nr, arg[0]);
    } else if (!(t->running->flags & US_NO_RESULT) || *ret < 0) {
        user_proc.abi->set_result(t->env, (uint64_t)(restart ? -EINTR : *ret));
    }
    if (log_on(LOG_STRACE))
        strace_leave(t, t->running, goes_on ? -USER_RESTART : restart ? -EINTR : *ret);
    t->running = NULL;
}

static bool take_one(struct user_thread *t, siginfo_t *si)
{
    struct user_signals *s = t->sig;
    uint64_t open = s->held & ~s->mask;

    if (s->self_full) {
        *si = s->self;
        s->self_full = false;
        return true;
    }
    if (s->host_full) {
        *si = s->host;
        s->host_full = false;
        return true;
    }
    if (open) {
        int sig = __builtin_ctzll(open) + 1;

        __atomic_fetch_and(&s->held, ~SIGBIT(sig), __ATOMIC_SEQ_CST);
        *si = s->held_info[held_slot(sig)];
        return true;
    }
    return false;
}

struct guest_action user_signal_action(const struct user_thread *t, int sig)
{
    struct sighand *h = t->sig->hand;
    struct guest_action a;

    pthread_mutex_lock(&h->lock);
    a = h->action[sig];
    pthread_mutex_unlock(&h->lock);
    return a;
}

/* Returns true if a handler was entered. */
static bool deliver_one(struct user_thread *t, const siginfo_t *si, int64_t *ret)
{
    int sig = si->si_signo;
    struct guest_action a = user_signal_action(t, sig);

    if (t->sig->mask & SIGBIT(sig)) {          /* a handler entered before this one blocks it: back to the host */
        if (SIGBIT(sig) & FAULTS) {
            t->sig->held_info[held_slot(sig)] = *si;
            t->sig->held |= SIGBIT(sig);
        } else {
            user_signal_sync(t);
            send_again(t, si);
        }
        return false;
    }
    if (log_on(LOG_STRACE))
        strace_signal(t, sig, si);
    if (a.handler == (uintptr_t)SIG_IGN)
        return false;
    if (atomic_load(&user_gdb_on))
        user_gdb_signal(t, sig);
    if (a.handler == (uintptr_t)SIG_DFL) {
        if (DEFAULT_STOPS & SIGBIT(sig))
            default_stop(t->sig->hand, sig);
        else if (!(DEFAULT_IGNORES & SIGBIT(sig)))
            user_die(sig);
        return false;
    }
    if (ret && t->running)
        end_syscall(t, ret, &a);
    enter_handler(t, &a, si);
    return true;
}

void user_signal_deliver(struct user_thread *t, int64_t *ret)
{
    struct user_signals *s = t->sig;
    siginfo_t si;

    for (;;) {
        bool came_from_host;

        t->pending = 0;
        __atomic_store_n(&t->env->exit_request, 0, __ATOMIC_SEQ_CST);
        came_from_host = s->host_full && !s->self_full;
        if (!take_one(t, &si))
            break;
        deliver_one(t, &si, ret);
        if (came_from_host && !s->host_full) {
            /* all was blocked since the handler ran: let the next one in */
            s->host_mask = s->host_before & s->mask;
            host_sigmask(s->host_mask);
        }
    }
    if (ret && t->running)
        end_syscall(t, ret, NULL);
    if (s->restore) {
        s->restore = false;
        user_signal_set_mask(t, s->restore_mask);
    }
}

void user_signal_force(struct user_thread *t, int signo, int code, uint64_t addr)
{
    struct user_signals *s = t->sig;
    struct guest_action a = user_signal_action(t, signo);
    siginfo_t si;

    memset(&si, 0, sizeof si);
    si.si_signo = signo;
    si.si_code = code;
    si.si_addr = (void *)(uintptr_t)addr;
    if (log_on(LOG_STRACE))
        strace_signal(t, signo, &si);
    if (atomic_load(&user_gdb_on))
        user_gdb_signal(t, signo);
    if (a.handler == (uintptr_t)SIG_DFL || a.handler == (uintptr_t)SIG_IGN || s->mask & SIGBIT(signo)) {
        if (log_on(LOG_INT)) {
            FILE *f = log_begin();

            fprintf(f, "killed by signal %d (%s) at pc 0x%llx, address 0x%llx\n", signo, strsignal(signo),
                    (unsigned long long)t->env->pc, (unsigned long long)addr);
            if (user_proc.target->dump)
                user_proc.target->dump(t->env, f);
            log_end();
        }
        user_die(signo);
    }
    enter_handler(t, &a, &si);
}

void user_signal_exception(struct user_thread *t)
{
    int host_sig = t->sig->fault_sig, signo = SIGILL, code = ILL_ILLOPC;
    uint64_t addr = t->env->pc;

    t->sig->fault_sig = 0;
    if (!user_proc.abi->to_signal(t->env, t->env->exception, &signo, &code, &addr))
        return;
    if (signo == SIGSEGV && host_sig) {
        signo = host_sig;
        code = t->sig->fault_code;
        /* what is free in a 32-bit guest's window is there on the host, without rights */
        if (code == SI_KERNEL || (code == SEGV_ACCERR && user_page_prot(addr) < 0))
            code = SEGV_MAPERR;
    } else if (signo == SIGSEGV) {
        code = user_page_prot(addr) < 0 ? SEGV_MAPERR : SEGV_ACCERR;
    }
    user_signal_force(t, signo, code, addr);
}

/* Signals. The host's handler does almost nothing: it stores one signal in the thread, blocks all others on the host
 * (the kernel keeps them, in its order) and asks the vCPU to come out; user_signal_deliver() then builds the guest's
 * frame and lets the next one in.
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
#include "core/user/syscall.h"
#include "core/user/user.h"

enum { NSIG_GUEST = 64, KERNEL_SIGSET_BYTES = 8, SI_BYTES = 128, HAS_RESTORER = 0x04000000 /* SA_RESTORER */ };

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1u << 31)
#endif
#define SIGBIT(n) (UINT64_C(1) << ((n) - 1))
#define FAULTS (SIGBIT(SIGSEGV) | SIGBIT(SIGBUS) | SIGBIT(SIGILL) | SIGBIT(SIGFPE) | SIGBIT(SIGTRAP))
#define UNBLOCKABLE (SIGBIT(SIGKILL) | SIGBIT(SIGSTOP))
#define DEFAULT_IGNORES (SIGBIT(SIGCHLD) | SIGBIT(SIGURG) | SIGBIT(SIGWINCH) | SIGBIT(SIGCONT))
#define DEFAULT_STOPS (SIGBIT(SIGSTOP) | SIGBIT(SIGTSTP) | SIGBIT(SIGTTIN) | SIGBIT(SIGTTOU))

/* The kernel's struct sigaction of the host. */
struct host_action {
    void *handler;
    uint64_t flags;
    void (*restorer)(void);
    uint64_t mask;
};

struct guest_action {
    uint64_t handler, flags, mask, restorer;
};

/* Shared by the threads of a process; a vfork child has its own until it execs. */
struct sighand {
    pthread_mutex_t lock;
    struct guest_action action[NSIG_GUEST + 1];
    uint64_t caught;                           /* signals for which the host's handler is installed */
    bool all_caught;                           /* also those whose default is death: lazy blocking began */
};

struct user_signals {
    struct sighand *hand;
    volatile uint64_t mask;                    /* the guest's */
    volatile uint64_t host_mask;               /* what the host blocks, FAULTS never among it */
    uint64_t host_before;                      /* host_mask before the handler blocked everything */
    uint64_t restore_mask;                     /* the mask to go back to after ppoll and the like */
    bool restore;
    volatile bool host_full, self_full;
    siginfo_t host, self;                      /* from the host's handler; sent by this thread to itself */
    volatile uint64_t held;                    /* FAULTS sent by somebody while blocked: the host cannot hold them */
    siginfo_t held_info[5];
    volatile int fault_sig, fault_code;        /* the host signal behind the exception that vcpu_run will return */
    uint64_t alt_sp, alt_size;
    uint32_t alt_flags;
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

static void ask_to_come_out(struct user_thread *t)
{
    t->pending = 1;
    __atomic_store_n(&t->env->exit_request, 1, __ATOMIC_RELEASE);
}

static unsigned held_slot(int sig)
{
    return sig == SIGSEGV ? 0 : sig == SIGBUS ? 1 : sig == SIGILL ? 2 : sig == SIGFPE ? 3 : 4;
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

/* Gives the host what it needs for the guest's action. Caller holds hand->lock. */
static void install_action(struct sighand *h, int sig, bool always)
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

/* Before the first mask that the host does not know of. */
static void catch_all(struct sighand *h)
{
    pthread_mutex_lock(&h->lock);
    if (!h->all_caught) {
        h->all_caught = true;
        for (int sig = 1; sig <= NSIG_GUEST; sig++)
            if (h->action[sig].handler == (uintptr_t)SIG_DFL && !(DEFAULT_IGNORES & SIGBIT(sig)))
                install_action(h, sig, false);
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
            install_action(&first_hand, sig, true);
    user_raw(SYS_rt_sigprocmask, SIG_SETMASK, 0, (uintptr_t)&mask, KERNEL_SIGSET_BYTES, 0, 0);
    s->mask = mask;
    s->host_mask = mask & ~FAULTS;
    if (mask & FAULTS)
        host_sigmask(s->host_mask);
    if (user_base)
        catch_all(&first_hand);                /* so that every death comes through user_die() */
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
            install_action(h, sig, true);
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
        catch_all(s->hand);
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
    install_action(h, sig, true);
    pthread_mutex_unlock(&h->lock);
}

static bool on_altstack(const struct user_signals *s, uint64_t sp)
{
    return !(s->alt_flags & SS_DISABLE) && sp - s->alt_sp <= s->alt_size && sp != s->alt_sp;
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
    if (abi->push_sigframe(t->env, &f) < 0) {
        if (log_on(LOG_INT))
            log_printf("signal %d: no room for its frame below 0x%llx\n", si->si_signo, (unsigned long long)f.sp);
        user_die(SIGSEGV);
    }
    s->restore = false;
    if (s->alt_flags & SS_AUTODISARM)
        s->alt_flags = SS_DISABLE;
    if (a->flags & SA_RESETHAND) {
        pthread_mutex_lock(&s->hand->lock);
        s->hand->action[si->si_signo].handler = (uintptr_t)SIG_DFL;
        install_action(s->hand, si->si_signo, false);
        pthread_mutex_unlock(&s->hand->lock);
    }
    user_signal_set_mask(t, s->mask | a->mask | (a->flags & SA_NODEFER ? 0 : SIGBIT(si->si_signo)));
}

/* The system call that the signal interrupted: once more, or EINTR. */
static void end_syscall(struct user_thread *t, int64_t *ret, const struct guest_action *a)
{
    bool restart = *ret == -USER_RESTART;
    uint64_t nr, arg[USER_NARGS];

    if (restart && (!a || (a->flags & SA_RESTART && !(t->running->flags & US_EINTR)))) {
        user_proc.abi->get_syscall(t->env, &nr, arg);
        user_proc.abi->restart_syscall(t->env, nr, arg[0]);
    } else if (!(t->running->flags & US_NO_RESULT) || *ret < 0) {
        user_proc.abi->set_result(t->env, (uint64_t)(restart ? -EINTR : *ret));
    }
    if (log_on(LOG_STRACE))
        strace_leave(t, t->running, restart ? -EINTR : *ret);
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

static struct guest_action action_of(const struct user_thread *t, int sig)
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
    struct guest_action a = action_of(t, sig);

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
    struct guest_action a = action_of(t, signo);
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

/* --- system calls -------------------------------------------------------------------------------------------------- */

/* handler, flags, restorer if the guest has it, mask: of the guest's word size, and the mask has 64 bits always. */
static int read_narrow_action(struct guest_action *a, uint64_t from)
{
    size_t words = user_proc.abi->sa_restorer ? 3 : 2;
    uint32_t w[5];

    if (user_read(w, from, (words + 2) * 4) < 0)
        return -EFAULT;
    *a = (struct guest_action){ w[0], w[1], w[words] | (uint64_t)w[words + 1] << 32, words == 3 ? w[2] : 0 };
    a->mask &= ~UNBLOCKABLE;
    return 0;
}

static int write_narrow_action(uint64_t to, const struct guest_action *a)
{
    size_t n = 0;
    uint32_t w[5];

    w[n++] = (uint32_t)a->handler;
    w[n++] = (uint32_t)a->flags;
    if (user_proc.abi->sa_restorer)
        w[n++] = (uint32_t)a->restorer;
    w[n++] = (uint32_t)a->mask;
    w[n++] = (uint32_t)(a->mask >> 32);
    return user_write(to, w, n * 4);
}

static int read_action(struct guest_action *a, uint64_t from)
{
    uint64_t w[4];
    size_t words = user_proc.abi->sa_restorer ? 4 : 3;

    if (user_narrow())
        return read_narrow_action(a, from);
    if (user_read(w, from, words * 8) < 0)
        return -EFAULT;
    *a = (struct guest_action){ w[0], w[1], w[words - 1], words == 4 ? w[2] : 0 };
    a->mask &= ~UNBLOCKABLE;
    return 0;
}

static int write_action(uint64_t to, const struct guest_action *a)
{
    uint64_t w[4] = { a->handler, a->flags, a->mask };

    if (user_narrow())
        return write_narrow_action(to, a);
    if (!user_proc.abi->sa_restorer)
        return user_write(to, w, 24);
    w[2] = a->restorer;
    w[3] = a->mask;
    return user_write(to, w, 32);
}

/* @new NULL: only ask. */
static int swap_action(struct user_thread *t, int sig, const struct guest_action *new, struct guest_action *old)
{
    struct sighand *h = t->sig->hand;

    if (sig < 1 || sig > NSIG_GUEST || (new && SIGBIT(sig) & UNBLOCKABLE))
        return -EINVAL;
    pthread_mutex_lock(&h->lock);
    *old = h->action[sig];
    if (new) {
        h->action[sig] = *new;
        install_action(h, sig, true);
    }
    pthread_mutex_unlock(&h->lock);
    return 0;
}

int64_t sys_rt_sigaction(struct user_thread *t, const uint64_t a[6])
{
    struct guest_action new, old;
    int ret;

    if (a[3] != KERNEL_SIGSET_BYTES)
        return -EINVAL;
    if (a[1] && read_action(&new, a[1]) < 0)
        return -EFAULT;
    ret = swap_action(t, (int)a[0], a[1] ? &new : NULL, &old);
    return ret < 0 ? ret : a[2] && write_action(a[2], &old) < 0 ? -EFAULT : 0;
}

static int change_mask(struct user_thread *t, int how, uint64_t set)
{
    uint64_t old = t->sig->mask;

    switch (how) {
    case SIG_BLOCK: user_signal_set_mask(t, old | set); return 0;
    case SIG_UNBLOCK: user_signal_set_mask(t, old & ~set); return 0;
    case SIG_SETMASK: user_signal_set_mask(t, set); return 0;
    default: return -EINVAL;
    }
}

int64_t sys_rt_sigprocmask(struct user_thread *t, const uint64_t a[6])
{
    uint64_t old = t->sig->mask, set;

    if (a[3] != KERNEL_SIGSET_BYTES)
        return -EINVAL;
    if (a[1]) {
        if (user_read(&set, a[1], 8) < 0)
            return -EFAULT;
        if (change_mask(t, (int)a[0], set) < 0)
            return -EINVAL;
    }
    return a[2] && user_write(a[2], &old, 8) < 0 ? -EFAULT : 0;
}

/* --- the calls before real-time signals: 32 signals, masks of one word ------------------------------------------------ */

int64_t sys_sigaction(struct user_thread *t, const uint64_t a[6])
{
    struct guest_action new, old;
    uint32_t w[4];
    int ret;

    if (a[1]) {
        if (user_read(w, a[1], sizeof w) < 0)
            return -EFAULT;
        new = (struct guest_action){ w[0], w[2], w[1] & ~UNBLOCKABLE, w[3] };
    }
    ret = swap_action(t, (int)a[0], a[1] ? &new : NULL, &old);
    if (ret < 0 || !a[2])
        return ret;
    w[0] = (uint32_t)old.handler;
    w[1] = (uint32_t)old.mask;
    w[2] = (uint32_t)old.flags;
    w[3] = (uint32_t)old.restorer;
    return user_write(a[2], w, sizeof w);
}

int64_t sys_sigprocmask(struct user_thread *t, const uint64_t a[6])
{
    uint64_t mask = t->sig->mask;
    uint32_t old = (uint32_t)mask, set;

    if (a[1]) {
        if (user_read(&set, a[1], 4) < 0)
            return -EFAULT;
        /* signals from 33 on stay as they are */
        if (change_mask(t, (int)a[0], (int)a[0] == SIG_SETMASK ? (mask & ~UINT64_C(0xffffffff)) | set : set) < 0)
            return -EINVAL;
    }
    return a[2] && user_write(a[2], &old, 4) < 0 ? -EFAULT : 0;
}

int64_t sys_sigpending(struct user_thread *t, const uint64_t a[6])
{
    return sys_rt_sigpending(t, (const uint64_t[6]){ a[0], 4 });
}

static int64_t suspend(struct user_thread *t, uint64_t mask)
{
    int64_t ret;

    user_signal_swap_mask(t, mask);
    user_signal_sync(t);
    ret = user_call(t, SYS_ppoll, 0, 0, 0, 0, 0, 0);
    return ret == -EINTR ? -USER_RESTART : ret;
}

int64_t sys_sigsuspend(struct user_thread *t, const uint64_t a[6]) { return suspend(t, a[2]); }

/* --- and after ----------------------------------------------------------------------------------------------------- */

int64_t sys_rt_sigreturn(struct user_thread *t, const uint64_t a[6])
{
    struct user_sigframe f = { 0 };

    (void)a;
    if (user_proc.abi->pop_sigframe(t->env, &f) < 0) {
        user_signal_force(t, SIGSEGV, SEGV_MAPERR, user_proc.abi->get_sp(t->env));
        return 0;
    }
    user_signal_set_mask(t, f.oldmask);
    if (!on_altstack(t->sig, user_proc.abi->get_sp(t->env)) && !(f.altstack[1] & SS_DISABLE)) {
        t->sig->alt_sp = f.altstack[0];
        t->sig->alt_size = f.altstack[2];
        t->sig->alt_flags = (uint32_t)(f.altstack[1] & SS_AUTODISARM);
    }
    return 0;
}

struct altstack { uint64_t sp; int32_t flags, pad; uint64_t size; };   /* stack_t of a 64-bit guest */

static int get_altstack(struct altstack *s, uint64_t from)
{
    uint32_t w[3];

    if (!user_narrow())
        return user_read(s, from, sizeof *s);
    if (user_read(w, from, sizeof w) < 0)
        return -EFAULT;
    *s = (struct altstack){ w[0], (int32_t)w[1], 0, w[2] };
    return 0;
}

static int put_altstack(uint64_t to, const struct altstack *s)
{
    const uint32_t w[3] = { (uint32_t)s->sp, (uint32_t)s->flags, (uint32_t)s->size };

    return user_narrow() ? user_write(to, w, sizeof w) : user_write(to, s, sizeof *s);
}

int64_t sys_sigaltstack(struct user_thread *t, const uint64_t a[6])
{
    struct user_signals *s = t->sig;
    struct altstack new, old = { 0, 0, 0, 0 };
    bool on = on_altstack(s, user_proc.abi->get_sp(t->env));

    if (a[0] && get_altstack(&new, a[0]) < 0)
        return -EFAULT;
    old.sp = s->alt_sp;
    old.size = s->alt_size;
    old.flags = (int32_t)((s->alt_flags & SS_DISABLE ? SS_DISABLE : on ? SS_ONSTACK : 0) | (s->alt_flags & SS_AUTODISARM));
    if (a[0]) {
        uint32_t mode = (uint32_t)new.flags & ~SS_AUTODISARM;

        if (on)
            return -EPERM;
        if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
            return -EINVAL;
        if (mode == SS_DISABLE) {
            new.sp = new.size = 0;
        } else if (new.size < user_proc.abi->minsigstksz) {
            return -ENOMEM;
        }
        s->alt_sp = new.sp;
        s->alt_size = new.size;
        s->alt_flags = (mode == SS_DISABLE ? SS_DISABLE : 0) | ((uint32_t)new.flags & SS_AUTODISARM);
    }
    return a[1] && put_altstack(a[1], &old) < 0 ? -EFAULT : 0;
}

int64_t sys_rt_sigpending(struct user_thread *t, const uint64_t a[6])
{
    uint64_t set = 0;

    if (a[1] > KERNEL_SIGSET_BYTES)
        return -EINVAL;
    user_signal_sync(t);
    user_raw(SYS_rt_sigpending, (uintptr_t)&set, KERNEL_SIGSET_BYTES, 0, 0, 0, 0);
    set |= t->sig->held;
    return user_write(a[0], &set, a[1]);
}

int64_t sys_rt_sigsuspend(struct user_thread *t, const uint64_t a[6])
{
    uint64_t mask;

    if (a[1] != KERNEL_SIGSET_BYTES)
        return -EINVAL;
    return user_read(&mask, a[0], 8) < 0 ? -EFAULT : suspend(t, mask);
}

static int put_siginfo(uint64_t to, const siginfo_t *si)
{
    uint32_t narrow[SIGINFO32_WORDS];

    if (!user_narrow())
        return user_write(to, si, SI_BYTES);
    siginfo_to_32(narrow, si);
    return user_write(to, narrow, sizeof narrow);
}

static int64_t timed_wait(struct user_thread *t, const uint64_t a[6], uint64_t timeout)
{
    siginfo_t si;
    uint64_t set, open;
    int64_t ret;

    if (a[3] != KERNEL_SIGSET_BYTES)
        return -EINVAL;
    if (user_read(&set, a[0], 8) < 0)
        return -EFAULT;
    set &= ~UNBLOCKABLE;
    open = t->sig->held & set;
    if (open) {
        ret = __builtin_ctzll(open) + 1;
        __atomic_fetch_and(&t->sig->held, ~SIGBIT(ret), __ATOMIC_SEQ_CST);
        si = t->sig->held_info[held_slot((int)ret)];
    } else {
        ret = user_call(t, SYS_rt_sigtimedwait, (uintptr_t)&set, (uintptr_t)&si, timeout, 8, 0, 0);
    }
    return ret > 0 && a[1] && put_siginfo(a[1], &si) < 0 ? -EFAULT : ret;
}

static int64_t timed_wait_narrow(struct user_thread *t, const uint64_t a[6], const struct user_layout *layout)
{
    struct timespec ts;

    if (a[2] && user_get(layout, &ts, a[2]) < 0)
        return -EFAULT;
    return timed_wait(t, a, a[2] ? (uintptr_t)&ts : 0);
}

int64_t sys_rt_sigtimedwait(struct user_thread *t, const uint64_t a[6])
{
    if (user_narrow())
        return timed_wait_narrow(t, a, &user_layout_timespec32);
    return user_ptr_ok(a[2]) ? timed_wait(t, a, user_hostp(a[2])) : -EFAULT;
}

int64_t sys_rt_sigtimedwait_time64(struct user_thread *t, const uint64_t a[6])
{
    return timed_wait_narrow(t, a, &user_layout_timespec64);
}

static int64_t queue_narrow(struct user_thread *t, long nr, const uint64_t a[6], unsigned info)
{
    uint64_t h[6] = { a[0], a[1], a[2], a[3], a[4], a[5] };
    uint32_t narrow[SIGINFO32_WORDS];
    siginfo_t si;

    if (a[info]) {
        if (user_read(narrow, a[info], sizeof narrow) < 0)
            return -EFAULT;
        siginfo_from_32(&si, narrow);
        h[info] = (uintptr_t)&si;
    }
    return user_call(t, nr, h[0], h[1], h[2], h[3], h[4], h[5]);
}

int64_t sys_rt_sigqueueinfo32(struct user_thread *t, const uint64_t a[6])
{
    return queue_narrow(t, SYS_rt_sigqueueinfo, a, 2);
}

int64_t sys_rt_tgsigqueueinfo32(struct user_thread *t, const uint64_t a[6])
{
    return queue_narrow(t, SYS_rt_tgsigqueueinfo, a, 3);
}

int64_t sys_pidfd_send_signal32(struct user_thread *t, const uint64_t a[6])
{
    return queue_narrow(t, SYS_pidfd_send_signal, a, 2);
}

int64_t sys_signalfd4(struct user_thread *t, const uint64_t a[6])
{
    if (!user_ptr_ok(a[1]))
        return -EFAULT;
    if (!t->sig->hand->all_caught)
        catch_all(t->sig->hand);
    user_signal_sync(t);
    return user_raw(SYS_signalfd4, a[0], user_hostp(a[1]), a[2], a[3], 0, 0);
}

int64_t sys_signalfd(struct user_thread *t, const uint64_t a[6])
{
    return sys_signalfd4(t, (const uint64_t[6]){ a[0], a[1], a[2] });
}

/* --- sending ------------------------------------------------------------------------------------------------------- */

/* To the calling thread, with a handler waiting for it: no need to go through the kernel. */
static bool send_self(struct user_thread *t, int sig)
{
    struct user_signals *s = t->sig;
    uint64_t handler = action_of(t, sig).handler;

    if (s->mask & SIGBIT(sig) || s->self_full || t->pending || handler == (uintptr_t)SIG_DFL || handler == (uintptr_t)SIG_IGN)
        return false;
    memset(&s->self, 0, sizeof s->self);
    s->self.si_signo = sig;
    s->self.si_code = SI_TKILL;
    s->self.si_pid = t->pid;
    s->self.si_uid = (uid_t)user_raw(SYS_getuid, 0, 0, 0, 0, 0, 0);
    s->self_full = true;
    ask_to_come_out(t);
    return true;
}

int64_t sys_tgkill(struct user_thread *t, const uint64_t a[6])
{
    int sig = (int)a[2];

    if (sig >= 1 && sig <= NSIG_GUEST && (int)a[1] == t->tid && (int)a[0] == t->pid && send_self(t, sig))
        return 0;
    user_signal_sync(t);
    return user_raw(SYS_tgkill, a[0], a[1], a[2], 0, 0, 0);
}

int64_t sys_kill(struct user_thread *t, const uint64_t a[6])
{
    if ((int)a[1] == SIGKILL && (int)a[0] == t->pid)
        user_die(SIGKILL);
    return user_call(t, SYS_kill, a[0], a[1], 0, 0, 0, 0);
}

int64_t sys_tkill(struct user_thread *t, const uint64_t a[6])
{
    int sig = (int)a[1];

    if (sig >= 1 && sig <= NSIG_GUEST && (int)a[0] == t->tid && send_self(t, sig))
        return 0;
    user_signal_sync(t);
    return user_raw(SYS_tkill, a[0], a[1], 0, 0, 0, 0);
}

/* core/user/signal_i.h - inside of signals: what delivery (signal.c) and the system calls (sys_signal.c) share. */
#ifndef CORE_USER_SIGNAL_I_H
#define CORE_USER_SIGNAL_I_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

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

static inline void ask_to_come_out(struct user_thread *t)
{
    t->pending = 1;
    __atomic_store_n(&t->env->exit_request, 1, __ATOMIC_RELEASE);
}

static inline unsigned held_slot(int sig)
{
    return sig == SIGSEGV ? 0 : sig == SIGBUS ? 1 : sig == SIGILL ? 2 : sig == SIGFPE ? 3 : 4;
}

static inline bool on_altstack(const struct user_signals *s, uint64_t sp)
{
    return !(s->alt_flags & SS_DISABLE) && sp - s->alt_sp <= s->alt_size && sp != s->alt_sp;
}

/** user_signal_install - give the host what it needs for the guest's action. Locked: the sighand. */
void user_signal_install(struct sighand *h, int sig, bool always);
/** user_signal_catch_all - before the first mask that the host does not know of: the host's handler for what ends the process. */
void user_signal_catch_all(struct sighand *h);
struct guest_action user_signal_action(const struct user_thread *t, int sig);

#endif

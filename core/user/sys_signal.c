/* The system calls about signals: actions, masks, waiting, sending. */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/log.h"
#include "core/user/siginfo.h"
#include "core/user/signal_i.h"
#include "core/user/syscall.h"

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
        user_signal_install(h, sig, true);
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
    int left = user_proc.abi->pop_sigframe(t->env, &f);

    (void)a;
    if (left < 0) {
        user_signal_force(t, SIGSEGV, SEGV_MAPERR, user_proc.abi->get_sp(t->env));
        return 0;
    }
    user_signal_set_mask(t, f.oldmask);
    if (!on_altstack(t->sig, user_proc.abi->get_sp(t->env)) && !(f.altstack[1] & SS_DISABLE)) {
        t->sig->alt_sp = f.altstack[0];
        t->sig->alt_size = f.altstack[2];
        t->sig->alt_flags = (uint32_t)(f.altstack[1] & SS_AUTODISARM);
    }
    if (left > 0)
        user_signal_force(t, SIGILL, ILL_ILLOPC, t->env->pc);
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
        if (!new.sp && !new.size && !s->alt_sp && !s->alt_size) {
            new.flags |= SS_DISABLE;           /* none before, none after: the kernel does not look further */
        } else if (mode == SS_DISABLE) {
            new.sp = new.size = 0;
        } else if (new.size < user_proc.abi->minsigstksz) {
            return -ENOMEM;
        }
        s->alt_sp = new.sp;
        s->alt_size = new.size;
        s->alt_flags = (uint32_t)new.flags & (SS_DISABLE | SS_AUTODISARM);
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
        user_signal_catch_all(t->sig->hand);
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
    uint64_t handler = user_signal_action(t, sig).handler;

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

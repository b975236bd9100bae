/* epoll, poll, select: calls that take a signal mask, and an event structure that x86-64 packs. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/user/syscall.h"

/* Everywhere but on x86-64 the data is aligned. */
struct epoll_event_generic {
    uint32_t events, pad;
    uint64_t data;
};

/* A sigset argument with its size: 0 and *mask, 1 if there is none, or -errno. */
static int read_mask(uint64_t addr, uint64_t bytes, uint64_t *mask)
{
    if (!addr)
        return 1;
    if (bytes != 8)
        return -EINVAL;
    return user_read(mask, addr, 8);
}

/* Calls the host with the guest's mask in force; user_signal_deliver() puts the old one back. */
static int with_mask(struct user_thread *t, uint64_t addr, uint64_t bytes)
{
    uint64_t mask;
    int ret = read_mask(addr, bytes, &mask);

    if (ret < 0)
        return ret;
    if (!ret) {
        user_signal_swap_mask(t, mask);
        user_signal_sync(t);
    }
    return 0;
}

int64_t sys_epoll_ctl(struct user_thread *t, const uint64_t a[6])
{
    struct epoll_event_generic g;
    struct epoll_event e = { 0 };

    (void)t;
    if ((int)a[1] != EPOLL_CTL_DEL) {
        if (user_read(&g, a[3], sizeof g) < 0)
            return -EFAULT;
        e.events = g.events;
        e.data.u64 = g.data;
    }
    return user_raw(SYS_epoll_ctl, a[0], a[1], a[2], (uintptr_t)&e, 0, 0);
}

static int64_t epoll_events(struct user_thread *t, long nr, const uint64_t a[6], uint64_t timeout)
{
    enum { FEW = 64, MANY = 65536 };
    int max = (int)a[2], ret;
    struct epoll_event few[FEW], *events = few;
    int64_t n;

    if (max <= 0)
        return -EINVAL;
    if (!user_range(a[1], (uint64_t)max * sizeof(struct epoll_event_generic)))
        return -EFAULT;
    ret = with_mask(t, a[4], a[5]);
    if (ret < 0)
        return ret;
    max = MIN(max, MANY);                      /* the rest comes with the next call */
    if (max > FEW) {
        events = try_alloc((size_t)max, sizeof *events, MANY);
        if (!events)
            return -ENOMEM;
    }
    n = user_call(t, nr, a[0], (uintptr_t)events, (uint64_t)max, timeout, 0, 8);
    for (int64_t i = 0; i < n; i++) {
        struct epoll_event_generic g = { events[i].events, 0, events[i].data.u64 };

        if (user_write(a[1] + (uint64_t)i * sizeof g, &g, sizeof g) < 0) {
            n = -EFAULT;
            break;
        }
    }
    if (events != few)
        free(events);
    return n;
}

int64_t sys_epoll_pwait(struct user_thread *t, const uint64_t a[6])
{
    return epoll_events(t, SYS_epoll_pwait, a, a[3]);
}

int64_t sys_epoll_pwait2(struct user_thread *t, const uint64_t a[6])
{
    return user_ptr_ok(a[3]) ? epoll_events(t, SYS_epoll_pwait2, a, user_hostp(a[3])) : -EFAULT;
}

int64_t sys_ppoll(struct user_thread *t, const uint64_t a[6])
{
    int64_t ret;

    if (!user_ptr_ok(a[0]) || !user_ptr_ok(a[2]))
        return -EFAULT;
    ret = with_mask(t, a[3], a[4]);
    return ret < 0 ? ret : user_call(t, SYS_ppoll, user_hostp(a[0]), a[1], user_hostp(a[2]), 0, 0, 0);
}

int64_t sys_pselect6(struct user_thread *t, const uint64_t a[6])
{
    uint64_t sig[2] = { 0, 0 };
    int64_t ret;

    for (unsigned i = 1; i < 5; i++)
        if (!user_ptr_ok(a[i]))
            return -EFAULT;
    if (a[5] && user_read(sig, a[5], sizeof sig) < 0)
        return -EFAULT;
    ret = with_mask(t, sig[0], sig[1]);
    return ret < 0 ? ret : user_call(t, SYS_pselect6, a[0], user_hostp(a[1]), user_hostp(a[2]), user_hostp(a[3]),
                                     user_hostp(a[4]), 0);
}

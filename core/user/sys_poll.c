/* epoll, poll, select: calls that take a signal mask, and an event structure that x86-64 packs. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>

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

int64_t sys_epoll_wait(struct user_thread *t, const uint64_t a[6])
{
    return epoll_events(t, SYS_epoll_pwait, (const uint64_t[6]){ a[0], a[1], a[2], a[3] }, a[3]);
}

/* --- times --------------------------------------------------------------------------------------------------------- */

/* A timeout as the host wants it: @host for the call; @own is used if the guest's has another layout. */
struct timeout {
    struct timespec own;
    uint64_t host, guest;
    const struct user_layout *layout;
};

static int timeout_get(struct timeout *o, uint64_t addr, const struct user_layout *layout)
{
    *o = (struct timeout){ .host = user_hostp(addr), .guest = addr, .layout = layout };
    if (!user_ptr_ok(addr))
        return -EFAULT;
    if (!addr || !layout)
        return 0;
    o->host = (uintptr_t)&o->own;
    return user_get(layout, &o->own, addr);
}

/* What is left, as the kernel writes it; it does not mind if it cannot. */
static void timeout_put(const struct timeout *o)
{
    if (o->guest && o->layout)
        user_put(o->layout, o->guest, &o->own);
}

int64_t sys_epoll_pwait2(struct user_thread *t, const uint64_t a[6])
{
    struct timeout o;
    int ret = timeout_get(&o, a[3], user_narrow() ? &user_layout_timespec64 : NULL);

    return ret < 0 ? ret : epoll_events(t, SYS_epoll_pwait2, a, o.host);
}

static int64_t poll_until(struct user_thread *t, const uint64_t a[6], const struct user_layout *layout)
{
    struct timeout o;
    int64_t ret = timeout_get(&o, a[2], layout);

    if (ret < 0 || !user_ptr_ok(a[0]))
        return -EFAULT;
    ret = with_mask(t, a[3], a[4]);
    if (ret < 0)
        return ret;
    ret = user_call(t, SYS_ppoll, user_hostp(a[0]), a[1], o.host, 0, 0, 0);
    timeout_put(&o);
    return ret;
}

int64_t sys_ppoll(struct user_thread *t, const uint64_t a[6])
{
    return poll_until(t, a, user_narrow() ? &user_layout_timespec32 : NULL);
}

int64_t sys_ppoll_time64(struct user_thread *t, const uint64_t a[6]) { return poll_until(t, a, &user_layout_timespec64); }

/* --- select -------------------------------------------------------------------------------------------------------- */

/* The host's words have 64 bits: it would look at (and clear) four bytes too many behind a 32-bit guest's last word. */
struct sets {
    uint64_t word[3][1024 / 64], at[3];
    size_t bytes;
};

static int sets_get(struct sets *s, int n, const uint64_t a[6])
{
    s->bytes = (size_t)(n + 31) / 32 * 4;
    memset(s->word, 0, sizeof s->word);
    for (unsigned i = 0; i < 3; i++) {
        s->at[i] = a[1 + i];
        if (s->at[i] && user_read(s->word[i], s->at[i], s->bytes) < 0)
            return -EFAULT;
    }
    return 0;
}

static int sets_put(const struct sets *s)
{
    for (unsigned i = 0; i < 3; i++)
        if (s->at[i] && user_write(s->at[i], s->word[i], s->bytes) < 0)
            return -EFAULT;
    return 0;
}

static int64_t narrow_select(struct user_thread *t, const uint64_t a[6], struct timeout *o)
{
    int n = (int)a[0];
    struct sets s;
    int64_t ret;

    if (n < 0)
        return -EINVAL;
    n = MIN(n, 1024);                          /* the kernel too stops at the end of its table */
    if (sets_get(&s, n, a) < 0)
        return -EFAULT;
    ret = user_call(t, SYS_pselect6, (uint64_t)n, s.at[0] ? (uintptr_t)s.word[0] : 0, s.at[1] ? (uintptr_t)s.word[1] : 0,
                    s.at[2] ? (uintptr_t)s.word[2] : 0, o->host, 0);
    timeout_put(o);
    return ret >= 0 && sets_put(&s) < 0 ? -EFAULT : ret;
}

static int64_t select_until(struct user_thread *t, const uint64_t a[6], const struct user_layout *layout)
{
    uint64_t sig[2] = { 0, 0 };
    uint32_t narrow[2];
    struct timeout o;
    int64_t ret;

    for (unsigned i = 1; i < 4; i++)
        if (!user_ptr_ok(a[i]))
            return -EFAULT;
    if (a[5] && layout) {
        if (user_read(narrow, a[5], sizeof narrow) < 0)
            return -EFAULT;
        sig[0] = narrow[0];
        sig[1] = narrow[1];
    } else if (a[5] && user_read(sig, a[5], sizeof sig) < 0) {
        return -EFAULT;
    }
    ret = timeout_get(&o, a[4], layout);
    if (!ret)
        ret = with_mask(t, sig[0], sig[1]);
    if (ret < 0)
        return ret;
    return layout ? narrow_select(t, a, &o)
                  : user_call(t, SYS_pselect6, a[0], user_hostp(a[1]), user_hostp(a[2]), user_hostp(a[3]), o.host, 0);
}

int64_t sys_pselect6(struct user_thread *t, const uint64_t a[6])
{
    return select_until(t, a, user_narrow() ? &user_layout_timespec32 : NULL);
}

int64_t sys_pselect6_time64(struct user_thread *t, const uint64_t a[6])
{
    return select_until(t, a, &user_layout_timespec64);
}

int64_t sys_newselect(struct user_thread *t, const uint64_t a[6])
{
    struct timeout o = { .guest = 0 };
    struct timeval tv;
    int64_t ret;

    if (a[4]) {
        if (user_get(&user_layout_timeval32, &tv, a[4]) < 0)
            return -EFAULT;
        o.own = (struct timespec){ tv.tv_sec + tv.tv_usec / 1000000, tv.tv_usec % 1000000 * 1000 };
        o.host = (uintptr_t)&o.own;
    }
    ret = narrow_select(t, a, &o);
    if (a[4]) {
        tv = (struct timeval){ o.own.tv_sec, o.own.tv_nsec / 1000 };
        user_put(&user_layout_timeval32, a[4], &tv);
    }
    return ret;
}

int64_t sys_pause(struct user_thread *t, const uint64_t a[6])
{
    (void)a;
    return user_call(t, SYS_ppoll, 0, 0, 0, 0, 0, 0);
}

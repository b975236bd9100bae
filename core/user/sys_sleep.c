/* Calls that wait for a time: what is left of it is kept when they are interrupted and no handler runs (the program was
 * stopped and goes on, say), as the kernel does with restart_syscall(). */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/syscall.h>
#include <time.h>

#include "core/base/bits.h"
#include "core/user/syscall.h"

enum { SECOND = 1000000000 };

static struct timespec add(struct timespec a, struct timespec b)
{
    struct timespec sum = { a.tv_sec + MIN(b.tv_sec, INT64_MAX / 4), a.tv_nsec + b.tv_nsec };

    if (sum.tv_nsec >= SECOND) {
        sum.tv_nsec -= SECOND;
        sum.tv_sec++;
    }
    return sum;
}

/* What is left until @end, not below 0. */
static struct timespec left(clockid_t clock, struct timespec end)
{
    struct timespec now, rest;

    clock_gettime(clock, &now);
    rest = (struct timespec){ end.tv_sec - now.tv_sec, end.tv_nsec - now.tv_nsec };
    if (rest.tv_nsec < 0) {
        rest.tv_nsec += SECOND;
        rest.tv_sec--;
    }
    return rest.tv_sec < 0 ? (struct timespec){ 0, 0 } : rest;
}

/* When a wait that begins now ends; one that goes on, when it was to end. */
static int end_of(struct user_thread *t, clockid_t clock, const struct timespec *wait, struct timespec *end)
{
    struct timespec now;

    if (wait->tv_sec < 0 || wait->tv_nsec < 0 || wait->tv_nsec >= SECOND)
        return -EINVAL;
    if (!t->resumed) {
        if (clock_gettime(clock, &now) < 0)
            return -EINVAL;
        t->resume_at = add(now, *wait);
    }
    t->resumed = false;
    *end = t->resume_at;
    return 0;
}

static int64_t sleep_for(struct user_thread *t, clockid_t clock, bool absolute, uint64_t from, uint64_t rest_to,
                         const struct user_layout *layout)
{
    struct timespec wait, end, rest;
    int64_t ret;

    if (layout ? user_get(layout, &wait, from) < 0 : user_read(&wait, from, sizeof wait) < 0)
        return -EFAULT;
    if (absolute)
        return user_call(t, SYS_clock_nanosleep, (uint64_t)clock, TIMER_ABSTIME, (uintptr_t)&wait, 0, 0, 0);
    if (clock == CLOCK_REALTIME)
        clock = CLOCK_MONOTONIC;               /* setting the clock does not change how long a wait is */
    ret = end_of(t, clock, &wait, &end);
    if (ret < 0)
        return ret;
    ret = user_call(t, SYS_clock_nanosleep, (uint64_t)clock, TIMER_ABSTIME, (uintptr_t)&end, 0, 0, 0);
    if (ret == -EINTR && rest_to) {
        rest = left(clock, end);
        if (layout ? user_put(layout, rest_to, &rest) < 0 : user_write(rest_to, &rest, sizeof rest) < 0)
            return -EFAULT;
    }
    return ret;
}

int64_t sys_nanosleep(struct user_thread *t, const uint64_t a[6]) { return sleep_for(t, CLOCK_MONOTONIC, false, a[0], a[1], NULL); }

int64_t sys_nanosleep_time32(struct user_thread *t, const uint64_t a[6])
{
    return sleep_for(t, CLOCK_MONOTONIC, false, a[0], a[1], &user_layout_timespec32);
}

static int64_t clock_sleep(struct user_thread *t, const uint64_t a[6], const struct user_layout *layout)
{
    clockid_t clock = (clockid_t)a[0];

    if (clock == CLOCK_THREAD_CPUTIME_ID)
        return -EINVAL;
    if (clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE)
        return -EOPNOTSUPP;
    return sleep_for(t, clock, a[1] & TIMER_ABSTIME, a[2], a[3], layout);
}

int64_t sys_clock_nanosleep(struct user_thread *t, const uint64_t a[6]) { return clock_sleep(t, a, NULL); }

int64_t sys_clock_nanosleep_time32(struct user_thread *t, const uint64_t a[6])
{
    return clock_sleep(t, a, &user_layout_timespec32);
}

int64_t sys_clock_nanosleep_time64(struct user_thread *t, const uint64_t a[6])
{
    return clock_sleep(t, a, &user_layout_timespec64);
}

int64_t sys_poll(struct user_thread *t, const uint64_t a[6])
{
    int ms = (int)a[2];
    const struct timespec wait = { ms / 1000, ms % 1000 * 1000000L };
    struct timespec end, rest;

    if (ms < 0)
        return user_call(t, SYS_ppoll, user_kernelp(a[0]), a[1], 0, 0, 0, 0);
    end_of(t, CLOCK_MONOTONIC, &wait, &end);
    rest = ms ? left(CLOCK_MONOTONIC, end) : wait;
    return user_call(t, SYS_ppoll, user_kernelp(a[0]), a[1], (uintptr_t)&rest, 0, 0, 0);
}

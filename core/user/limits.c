/* core/user/limits.c - resource limits. Those of address space would hit the emulator itself if the host enforced them: they
 * are kept and enforced here, go on to the next program as -rlimit, and become the host's when that is a native one. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/bits.h"
#include "core/opt/options.h"
#include "core/user/layout.h"
#include "core/user/syscall.h"
#include "core/user/user.h"

/* By their place in user_options.limits. */
static const int ours[USER_LIMITS] = { RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK };
static const char *const names[USER_LIMITS] = { "as", "data", "stack" };

static struct {
    pthread_mutex_t lock;
    bool set[USER_LIMITS];
    struct rlimit64 at[USER_LIMITS];
} limits = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int index_of(int what)
{
    for (int i = 0; i < USER_LIMITS; i++)
        if (ours[i] == what)
            return i;
    return -1;
}

static uint64_t soft(int i) { return limits.set[i] ? limits.at[i].rlim_cur : UINT64_MAX; }

void user_limits_init(const struct user_options *o)
{
    for (int i = 0; i < USER_LIMITS; i++)
        if (o->limits[i].set) {
            limits.set[i] = true;
            limits.at[i] = (struct rlimit64){ o->limits[i].soft, o->limits[i].hard };
        }
}

void user_limits_begin(void)
{
    user_mmap_limit(soft(0), soft(1));
}

uint64_t user_limits_stack(void)
{
    struct rlimit rl;

    if (limits.set[2])
        return limits.at[2].rlim_cur;
    return getrlimit(RLIMIT_STACK, &rl) < 0 ? UINT64_MAX : rl.rlim_cur;
}

bool user_limits_text(int i, char *text, size_t room)
{
    if (limits.set[i])
        snprintf(text, room, "%s=%lld:%lld", names[i], (long long)limits.at[i].rlim_cur, (long long)limits.at[i].rlim_max);
    return limits.set[i];
}

void user_limits_host(bool back)
{
    static struct rlimit before[USER_LIMITS];

    for (int i = 0; i < USER_LIMITS; i++)
        if (limits.set[i]) {
            struct rlimit rl = { limits.at[i].rlim_cur, limits.at[i].rlim_max };

            if (!back)
                getrlimit(ours[i], &before[i]);
            if (geteuid() != 0) {              /* the way back needs the hard limit as it is */
                rl.rlim_max = before[i].rlim_max;
                rl.rlim_cur = MIN(rl.rlim_cur, rl.rlim_max);
            }
            setrlimit(ours[i], back ? &before[i] : &rl);
        }
}

/* --- the calls ----------------------------------------------------------------------------------------------------- */

static int64_t change(int i, const struct rlimit64 *new, const struct rlimit64 *old)
{
    if (new->rlim_cur > new->rlim_max)
        return -EINVAL;
    if (new->rlim_max > old->rlim_max && geteuid() != 0)
        return -EPERM;
    limits.set[i] = true;
    limits.at[i] = *new;
    if (ours[i] == RLIMIT_STACK)
        user_stack_limit(user_proc.stack_low, user_proc.stack_top, new->rlim_cur);
    else
        user_limits_begin();
    return 0;
}

static int64_t limit_call(int pid, int what, const struct rlimit64 *new, struct rlimit64 *old)
{
    int i = pid == 0 || pid == getpid() ? index_of(what) : -1;
    int64_t ret = 0;

    if (i < 0)
        return user_raw(SYS_prlimit64, (uint64_t)pid, (uint64_t)what, (uintptr_t)new, (uintptr_t)old, 0, 0);
    pthread_mutex_lock(&limits.lock);
    if (limits.set[i])
        *old = limits.at[i];
    else
        ret = user_raw(SYS_prlimit64, 0, (uint64_t)what, 0, (uintptr_t)old, 0, 0);
    if (!ret && new)
        ret = change(i, new, old);
    pthread_mutex_unlock(&limits.lock);
    return ret;
}

int64_t sys_prlimit64(struct user_thread *t, const uint64_t a[6])
{
    struct rlimit64 new, old;
    int64_t ret;

    (void)t;
    if (a[2] && user_read(&new, a[2], sizeof new) < 0)
        return -EFAULT;
    ret = limit_call((int)a[0], (int)a[1], a[2] ? &new : NULL, &old);
    return !ret && a[3] ? user_write(a[3], &old, sizeof old) : ret;
}

int64_t sys_getrlimit32(struct user_thread *t, const uint64_t a[6])
{
    struct rlimit64 old;
    int64_t ret = limit_call(0, (int)a[0], NULL, &old);

    (void)t;
    return ret < 0 ? ret : user_put(&user_layout_rlimit32, a[1], &old);
}

int64_t sys_setrlimit32(struct user_thread *t, const uint64_t a[6])
{
    struct rlimit64 new, old;

    (void)t;
    if (user_get(&user_layout_rlimit32, &new, a[1]) < 0)
        return -EFAULT;
    return limit_call(0, (int)a[0], &new, &old);
}

int64_t sys_getrlimit(struct user_thread *t, const uint64_t a[6])
{
    const uint64_t b[6] = { 0, a[0], 0, a[1] };

    return a[1] ? sys_prlimit64(t, b) : -EFAULT;
}

int64_t sys_setrlimit(struct user_thread *t, const uint64_t a[6])
{
    const uint64_t b[6] = { 0, a[0], a[1], 0 };

    return a[1] ? sys_prlimit64(t, b) : -EFAULT;
}

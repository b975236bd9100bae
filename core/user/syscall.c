/* The table of system calls and the way through it. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>

#include "core/base/bits.h"
#include "core/base/log.h"
#include "core/user/syscall.h"

#define SYS(name, args, flags, call) const struct user_syscall user_syscall_##name = { #name, args, -1, flags, call, NULL };
#define PASS(name, args, flags) const struct user_syscall user_syscall_##name = { #name, args, SYS_##name, flags, NULL, NULL };
#define LACK(name, why) const struct user_syscall user_syscall_##name = { #name, "aaaaaa", -1, 0, NULL, why };
#include "core/user/syscalls.def"
#undef SYS
#undef PASS
#undef LACK

/* Pointers become the host's; int arguments arrive with any upper half, which the host's kernel ignores as ours would. */
static int64_t pass(struct user_thread *t, const struct user_syscall *s, const uint64_t a[6])
{
    uint64_t h[6] = { a[0], a[1], a[2], a[3], a[4], a[5] };
    char guest[PATH_MAX], host[PATH_MAX];

    for (unsigned i = 0; s->args[i]; i++) {
        char kind = s->args[i];

        if (kind >= 'a' || kind == 'F')
            continue;
        if (!user_ptr_ok(a[i]))
            return -EFAULT;
        h[i] = user_hostp(a[i]);
        if (kind == 'S' && s->flags & US_PATH && h[i] == user_hostp(a[i])) {
            unsigned first = (unsigned)(strchr(s->args, 'S') - s->args);

            if (i == first && user_path_wanted(a[i]) && user_read_string(guest, sizeof guest, a[i]) >= 0) {
                const char *path = user_path(guest, host, sizeof host);

                if (path != guest)
                    h[i] = (uintptr_t)path;
            }
        }
    }
    return user_call(t, s->host, h[0], h[1], h[2], h[3], h[4], h[5]);
}

static int64_t unknown(struct user_thread *t, uint64_t nr)
{
    if (log_on(LOG_STRACE))
        strace_unknown(t, nr);
    log_unimp("system call %llu is not implemented", (unsigned long long)nr);
    return -ENOSYS;
}

static int64_t serve(struct user_thread *t, const struct user_syscall *s, const uint64_t a[6])
{
    if (s->flags & US_WAITS && unlikely(!user_signal_synced(t)))
        user_signal_sync(t);
    if (s->call)
        return s->call(t, a);
    if (s->host >= 0)
        return pass(t, s, a);
    log_unimp("system call %s is not implemented: %s", s->name, s->why);
    return -ENOSYS;
}

void user_serve(struct user_thread *t)
{
    const struct target_user *abi = user_proc.abi;
    const struct user_syscall *s;
    uint64_t nr, a[6];
    int64_t ret;

    abi->get_syscall(t->env, &nr, a);
    s = nr < abi->nsyscalls ? abi->syscalls[nr] : NULL;
    if (unlikely(!s)) {
        abi->set_result(t->env, (uint64_t)unknown(t, nr));
        return;
    }
    t->running = s;
    if (log_on(LOG_STRACE))
        strace_enter(t, s, a);
    ret = serve(t, s, a);
    if (unlikely(t->pending || ret == -USER_RESTART || s->flags & US_SWAPS)) {
        user_signal_deliver(t, &ret);
        return;
    }
    if (log_on(LOG_STRACE))
        strace_leave(t, s, ret);
    if (!(s->flags & US_NO_RESULT))
        abi->set_result(t->env, (uint64_t)ret);
    t->running = NULL;
}

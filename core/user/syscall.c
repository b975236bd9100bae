/* The table of system calls and the way through it. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>

#include "core/base/bits.h"
#include "core/base/log.h"
#include "core/user/syscall.h"

#define SYS(name, args, flags, call) const struct user_syscall user_syscall_##name = { #name, args, -1, flags, call, NULL, NULL };
#define PASS(name, args, flags) const struct user_syscall user_syscall_##name = { #name, args, SYS_##name, flags, NULL, NULL, NULL };
#define LACK(name, why) const struct user_syscall user_syscall_##name = { #name, "aaaaaa", -1, 0, NULL, why, NULL };
#define IN(arg, layout) { arg, CONV_IN, &user_layout_##layout }
#define OUT(arg, layout) { arg, CONV_OUT, &user_layout_##layout }
#define BOTH(arg, layout) { arg, CONV_IN | CONV_OUT, &user_layout_##layout }
#define CONV(name, host, args, flags, ...) const struct user_syscall user_syscall_##name = \
    { #name, args, SYS_##host, flags, NULL, NULL, (const struct user_conv[]){ __VA_ARGS__ __VA_OPT__(,) { 0, 0, NULL } } };
#include "core/user/syscalls.def"
#undef SYS
#undef PASS
#undef LACK
#undef CONV

/* What a call with structures of another layout works on. */
struct converted {
    _Alignas(16) uint8_t bytes[3][USER_LAYOUT_MAX];
};

static int64_t conv_before(const struct user_syscall *s, const uint64_t a[6], uint64_t h[6], struct converted *c)
{
    const struct user_conv *v = s->conv;

    for (unsigned i = 0; v[i].layout; i++) {
        if (!a[v[i].arg])
            continue;
        if (v[i].way & CONV_IN && user_get(v[i].layout, c->bytes[i], a[v[i].arg]) < 0)
            return -EFAULT;
        h[v[i].arg] = (uintptr_t)c->bytes[i];
    }
    return 0;
}

static int64_t conv_after(const struct user_syscall *s, const uint64_t a[6], const struct converted *c, int64_t ret)
{
    const struct user_conv *v = s->conv;

    for (unsigned i = 0; v[i].layout; i++) {
        int put = 0;

        if (a[v[i].arg] && v[i].way & CONV_OUT && ret >= 0)
            put = user_put(v[i].layout, a[v[i].arg], c->bytes[i]);
        if (put < 0)
            return put;
    }
    return ret;
}

/* Pointers become the host's; int arguments arrive with any upper half, which the host's kernel ignores as ours would. */
static int64_t pass(struct user_thread *t, const struct user_syscall *s, const uint64_t a[6])
{
    uint64_t h[6] = { a[0], a[1], a[2], a[3], a[4], a[5] };
    char guest[PATH_MAX], host[PATH_MAX];
    struct converted c;
    int64_t ret;

    for (unsigned i = 0; s->args[i]; i++) {
        char kind = s->args[i];

        if (!user_arg_points(kind))
            continue;
        h[i] = user_kernelp(a[i]);
        if (kind == 'S' && s->flags & US_PATH) {
            unsigned first = (unsigned)(strchr(s->args, 'S') - s->args);

            if (i == first && user_path_wanted(a[i]) && user_read_string(guest, sizeof guest, a[i]) >= 0) {
                const char *path = user_path(guest, host, sizeof host);

                if (path != guest)
                    h[i] = (uintptr_t)path;
            }
        }
    }
    if (!s->conv)
        return user_call(t, s->host, h[0], h[1], h[2], h[3], h[4], h[5]);
    ret = conv_before(s, a, h, &c);
    if (ret < 0)
        return ret;
    ret = conv_after(s, a, &c, user_call(t, s->host, h[0], h[1], h[2], h[3], h[4], h[5]));
    return s->flags & US_ID16 && ret > UINT16_MAX ? 65534 : ret;
}

/* The arguments of a 32-bit guest from its registers: signs extended, 64-bit values put together. */
static void unpack(const struct user_syscall *s, const uint64_t r[USER_NARGS], uint64_t a[6])
{
    unsigned n = 0, i;

    for (i = 0; i < 6 && s->args[i] && n < USER_NARGS; i++) {
        switch (s->args[i]) {
        case 'q':
            n += user_proc.abi->pairs_aligned && n & 1;
            a[i] = n + 1 < USER_NARGS ? r[n] | r[n + 1] << 32 : 0;
            n += 2;
            break;
        case 'i': case 'l': case 'f': case 'F':
            a[i] = (uint64_t)(int32_t)r[n++];
            break;
        case 'h':
            a[i] = (uint16_t)r[n] == UINT16_MAX ? UINT32_MAX : (uint16_t)r[n];
            n++;
            break;
        default:
            a[i] = r[n++];
        }
    }
    for (; i < 6; i++)
        a[i] = 0;
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
    uint64_t nr, r[USER_NARGS], split[6];
    const uint64_t *a = r;
    int64_t ret;

    abi->get_syscall(t->env, &nr, r);
    s = nr < abi->nsyscalls ? abi->syscalls[nr] : NULL;
    if (unlikely(!s)) {
        abi->set_result(t->env, (uint64_t)unknown(t, nr));
        return;
    }
    if (user_narrow()) {
        unpack(s, r, split);
        a = split;
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
    t->resumed = false;
    t->running = NULL;
}

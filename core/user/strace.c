/* -strace: a line for each system call, as `PID name(arguments) = result`, in one piece when the call has ended. A call
 * that may wait, or not return, prints its first half at once. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/log.h"
#include "core/base/str.h"
#include "core/user/syscall.h"

enum { STRING_MAX = 80 };

static void put_string(struct str *s, uint64_t addr)
{
    char text[STRING_MAX + 1];
    int64_t n = user_read_string(text, sizeof text, addr);

    if (n == -EFAULT) {
        str_addf(s, "0x%llx", (unsigned long long)addr);
        return;
    }
    text[STRING_MAX] = 0;
    str_addc(s, '"');
    for (const char *p = text; *p; p++)
        if (*p == '\n')
            str_add(s, "\\n");
        else if (*p == '"' || *p == '\\')
            str_addf(s, "\\%c", *p);
        else if ((unsigned char)*p < 32)
            str_addf(s, "\\%03o", (unsigned char)*p);
        else
            str_addc(s, *p);
    str_add(s, n < 0 ? "\"..." : "\"");
}

static void put_arg(struct str *s, char kind, uint64_t v)
{
    struct timespec ts;

    switch (kind) {
    case 'i':
    case 'f':
        str_addf(s, "%d", (int)v);
        break;
    case 'F':
        if ((int)v == AT_FDCWD)
            str_add(s, "AT_FDCWD");
        else
            str_addf(s, "%d", (int)v);
        break;
    case 'u':
        str_addf(s, "%llu", (unsigned long long)v);
        break;
    case 'l':
        str_addf(s, "%lld", (long long)v);
        break;
    case 'o':
        str_addf(s, "0%o", (unsigned)v);
        break;
    case 'S':
        if (v)
            put_string(s, v);
        else
            str_add(s, "NULL");
        break;
    case 'T':
        if (v && !user_read(&ts, v, sizeof ts)) {
            str_addf(s, "{%lld,%ld}", (long long)ts.tv_sec, ts.tv_nsec);
            break;
        }
        /* fall through */
    default:
        if (v || kind != 'P')
            str_addf(s, "0x%llx", (unsigned long long)v);
        else
            str_add(s, "NULL");
    }
}

void strace_enter(struct user_thread *t, const struct user_syscall *s, const uint64_t a[6])
{
    struct str line = STR_INIT;

    str_addf(&line, "%d %s(", t->tid, s->name);
    for (unsigned i = 0; s->args[i]; i++) {
        if (i)
            str_addc(&line, ',');
        put_arg(&line, s->args[i], a[i]);
    }
    str_addc(&line, ')');
    if (s == &user_syscall_exit || s == &user_syscall_exit_group || s == &user_syscall_execve || s == &user_syscall_execveat)
        str_addc(&line, '\n');
    else if (!(s->flags & (US_WAITS | US_SWAPS))) {
        t->strace_text = str_take(&line);
        return;
    }
    log_printf("%s", line.text);
    str_free(&line);
}

void strace_unknown(struct user_thread *t, uint64_t nr)
{
    log_printf("%d system call %llu is not known = -1 errno=%d (%s)\n", t->tid, (unsigned long long)nr, ENOSYS, strerror(ENOSYS));
}

void strace_leave(struct user_thread *t, const struct user_syscall *s, int64_t ret)
{
    const char *call = t->strace_text ? t->strace_text : "";

    if (s->flags & US_NO_RESULT)
        log_printf("%s = ?\n", call);
    else if (ret == -USER_RESTART)
        log_printf("%s = ? (to be restarted)\n", call);
    else if (ret < 0 && ret > -4096)
        log_printf("%s = -1 errno=%d (%s)\n", call, (int)-ret, strerror((int)-ret));
    else if (ret > 0xffff || ret < 0)
        log_printf("%s = 0x%llx\n", call, (unsigned long long)ret);
    else
        log_printf("%s = %lld\n", call, (long long)ret);
    free(t->strace_text);
    t->strace_text = NULL;
}

void strace_signal(struct user_thread *t, int signo, const siginfo_t *si)
{
    log_printf("--- %d SIG%s {si_signo=%d, si_code=%d, si_addr=0x%llx} ---\n", t->tid,
               sigabbrev_np(signo) ? sigabbrev_np(signo) : "?", signo, si->si_code,
               (unsigned long long)(uintptr_t)(si->si_code > 0 ? si->si_addr : NULL));
}

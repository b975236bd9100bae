/* -strace: a line for each system call, as `PID name(arguments) = result`, in one piece when the call has ended. A call
 * that may wait, or not return, prints its first half at once; if another thread or a child has something to say before
 * it ends, its line is closed with `<unfinished ...>`, and its result comes on one that begins with `PID <... name resumed>`. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "core/base/bits.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/user/strace.h"
#include "core/user/syscall.h"

enum { STRING_MAX = 80, BUFFER_MAX = 32, STRINGS_MAX = 16 };

static void put_bytes(struct str *s, const char *p, size_t n)
{
    str_addc(s, '"');
    for (; n; n--, p++)
        if (*p == '\n')
            str_add(s, "\\n");
        else if (*p == '"' || *p == '\\')
            str_addf(s, "\\%c", *p);
        else if ((unsigned char)*p < 32 || (unsigned char)*p >= 127)
            str_addf(s, "\\%03o", (unsigned char)*p);
        else
            str_addc(s, *p);
    str_addc(s, '"');
}

static void put_string(struct str *s, uint64_t addr)
{
    char text[STRING_MAX + 1];
    int64_t n = user_read_string(text, sizeof text, addr);

    if (n == -EFAULT) {
        str_addf(s, "0x%llx", (unsigned long long)addr);
        return;
    }
    text[STRING_MAX] = 0;
    put_bytes(s, text, strlen(text));
    if (n < 0)
        str_add(s, "...");
}

/* What is to be written: its beginning. */
static void put_buffer(struct str *s, uint64_t addr, uint64_t bytes)
{
    char text[BUFFER_MAX];
    size_t n = MIN(bytes, sizeof text);

    if (user_read(text, addr, n) < 0) {
        str_addf(s, "0x%llx", (unsigned long long)addr);
        return;
    }
    put_bytes(s, text, n);
    if (bytes > n)
        str_add(s, "...");
}

static void put_strings(struct str *s, uint64_t addr)
{
    size_t word = user_proc.target->bits / 8u;
    uint64_t at;

    str_addc(s, '{');
    for (unsigned i = 0;; i++, addr += word) {
        at = 0;
        if (user_read(&at, addr, word) < 0 || !at)
            break;
        str_add(s, i ? "," : "");
        if (i == STRINGS_MAX) {
            str_add(s, "...");
            break;
        }
        put_string(s, at);
    }
    str_addc(s, '}');
}

/* @next: the argument that follows */
static void put_arg(struct str *s, char kind, uint64_t v, uint64_t next)
{
    struct timespec ts;

    if (strace_name(s, kind, v))
        return;

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
        str_addf(s, (unsigned)v ? "0%o" : "%o", (unsigned)v);
        break;
    case 'S':
        if (v)
            put_string(s, v);
        else
            str_add(s, "NULL");
        break;
    case 'B':
        if (v)
            put_buffer(s, v, next);
        else
            str_add(s, "NULL");
        break;
    case 'V':
        if (v)
            put_strings(s, v);
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
        if (v || (kind != 'P' && kind != 'T'))
            str_addf(s, "0x%llx", (unsigned long long)v);
        else
            str_add(s, "NULL");
    }
}

/* Shared with the children that fork() makes: whose line is open, 0 nobody's; and who is printing. */
struct output { atomic_int open, busy; };
static struct output *output;

static void share_output(void)
{
    void *p = mmap(NULL, sizeof *output, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    static struct output own;

    output = p == MAP_FAILED ? &own : p;
}

/* One at a time; but whoever was killed in the middle keeps nobody waiting for ever. */
static void begin_line(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    enum { TRIES = 10000 };

    pthread_once(&once, share_output);
    for (int i = 0; i < TRIES && atomic_exchange(&output->busy, 1); i++)
        sched_yield();
}

static void end_line(void) { atomic_store(&output->busy, 0); }

/* Closes the line that is open, if any, and leaves this thread's open (@next 0: none). Returns what to print first. */
static const char *close_line(int next) { return atomic_exchange(&output->open, next) ? " <unfinished ...>\n" : ""; }

void strace_enter(struct user_thread *t, const struct user_syscall *s, const uint64_t a[6])
{
    struct str line = STR_INIT;
    bool waits = true;

    str_addf(&line, "%s(", s->name);
    for (unsigned i = 0; s->args[i]; i++) {
        if (i)
            str_addc(&line, ',');
        put_arg(&line, s->args[i], a[i], i < 5 ? a[i + 1] : 0);
    }
    str_addc(&line, ')');
    if (s == &user_syscall_exit || s == &user_syscall_exit_group || s == &user_syscall_execve || s == &user_syscall_execveat) {
        str_addc(&line, '\n');
        waits = false;
    } else if (!(s->flags & (US_WAITS | US_SWAPS))) {
        t->strace_text = str_take(&line);
        return;
    }
    begin_line();
    log_printf("%s%d %s", close_line(waits ? t->tid : 0), t->tid, line.text);
    end_line();
    str_free(&line);
}

void strace_unknown(struct user_thread *t, uint64_t nr)
{
    begin_line();
    log_printf("%s%d system call %llu is not known = -1 errno=%d (%s)\n", close_line(0), t->tid, (unsigned long long)nr, ENOSYS,
               strerror(ENOSYS));
    end_line();
}

void strace_leave(struct user_thread *t, const struct user_syscall *s, int64_t ret)
{
    struct str line = STR_INIT;
    const char *before;
    bool own;

    begin_line();
    own = !t->strace_text && atomic_load(&output->open) == t->tid;
    before = close_line(0);
    if (t->strace_text)                        /* only now: the child of a clone() has a number of its own */
        str_addf(&line, "%d %s", t->tid, t->strace_text);
    else if (!own)
        str_addf(&line, "%d <... %s resumed>", t->tid, s->name);
    if (s->flags & US_NO_RESULT)
        str_add(&line, " = ?");
    else if (ret == -USER_RESTART)
        str_add(&line, " = ? (to be restarted)");
    else if (ret < 0 && ret > -4096)
        str_addf(&line, " = -1 errno=%d (%s)", (int)-ret, strerror((int)-ret));
    else if (ret > 0xffff || ret < 0)
        str_addf(&line, " = 0x%llx", (unsigned long long)ret);
    else
        str_addf(&line, " = %lld", (long long)ret);
    log_printf("%s%s\n", own ? "" : before, line.text);
    end_line();
    str_free(&line);
    free(t->strace_text);
    t->strace_text = NULL;
}

void strace_signal(struct user_thread *t, int signo, const siginfo_t *si)
{
    begin_line();
    log_printf("%s--- %d SIG%s {si_signo=%d, si_code=%d, si_addr=0x%llx} ---\n", close_line(0), t->tid,
               sigabbrev_np(signo) ? sigabbrev_np(signo) : "?", signo, si->si_code,
               (unsigned long long)(uintptr_t)(si->si_code > 0 ? si->si_addr : NULL));
    end_line();
}

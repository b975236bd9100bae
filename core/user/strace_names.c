/* What -strace calls the bits and numbers among the arguments. */
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/str.h"
#include "core/user/file.h"
#include "core/user/strace.h"
#include "core/user/syscall.h"

struct name { uint64_t value; const char *text; };

#define N(x) { (uint64_t)(x), #x },
#define END { 0, NULL }

static const struct name open_flags[] = { N(O_CREAT) N(O_EXCL) N(O_NOCTTY) N(O_TRUNC) N(O_APPEND) N(O_NONBLOCK) N(O_SYNC) N(O_DSYNC)
    N(O_TMPFILE) N(O_DIRECTORY) N(O_NOFOLLOW) N(O_CLOEXEC) N(O_DIRECT) N(O_NOATIME) N(O_PATH) { 0100000, "O_LARGEFILE" }, END };
static const struct name protections[] = { N(PROT_READ) N(PROT_WRITE) N(PROT_EXEC) { 16, "PROT_BTI" }, N(PROT_GROWSDOWN) END };
static const struct name map_flags[] = { N(MAP_SHARED_VALIDATE) N(MAP_SHARED) N(MAP_PRIVATE) N(MAP_FIXED) N(MAP_ANONYMOUS) N(MAP_GROWSDOWN)
    N(MAP_DENYWRITE) N(MAP_EXECUTABLE) N(MAP_LOCKED) N(MAP_NORESERVE) N(MAP_POPULATE) N(MAP_NONBLOCK) N(MAP_STACK) N(MAP_HUGETLB)
    N(MAP_FIXED_NOREPLACE) END };
static const struct name at_flags[] = { N(AT_SYMLINK_NOFOLLOW) N(AT_EMPTY_PATH) N(AT_SYMLINK_FOLLOW) N(AT_NO_AUTOMOUNT) END };
static const struct name unlink_flags[] = { N(AT_REMOVEDIR) END };
static const struct name access_modes[] = { N(R_OK) N(W_OK) N(X_OK) END };
static const struct name clone_flags[] = { N(CLONE_VM) N(CLONE_FS) N(CLONE_FILES) N(CLONE_SIGHAND) N(CLONE_PIDFD) N(CLONE_PTRACE)
    N(CLONE_VFORK) N(CLONE_PARENT) N(CLONE_THREAD) N(CLONE_NEWNS) N(CLONE_SYSVSEM) N(CLONE_SETTLS) N(CLONE_PARENT_SETTID)
    N(CLONE_CHILD_CLEARTID) N(CLONE_DETACHED) N(CLONE_UNTRACED) N(CLONE_CHILD_SETTID) N(CLONE_NEWCGROUP) N(CLONE_NEWUTS)
    N(CLONE_NEWIPC) N(CLONE_NEWUSER) N(CLONE_NEWPID) N(CLONE_NEWNET) N(CLONE_IO) END };
static const struct name wait_flags[] = { N(WNOHANG) N(WUNTRACED) N(WEXITED) N(WCONTINUED) N(WNOWAIT) END };
static const struct name message_flags[] = { N(MSG_OOB) N(MSG_PEEK) N(MSG_DONTROUTE) N(MSG_CTRUNC) N(MSG_TRUNC) N(MSG_DONTWAIT) N(MSG_EOR)
    N(MSG_WAITALL) N(MSG_NOSIGNAL) N(MSG_MORE) N(MSG_WAITFORONE) N(MSG_CMSG_CLOEXEC) END };
static const struct name timer_flags[] = { N(TIMER_ABSTIME) END };
static const struct name cloexec[] = { N(O_CLOEXEC) N(O_NONBLOCK) N(O_DIRECT) END };

static const struct name whence[] = { N(SEEK_SET) N(SEEK_CUR) N(SEEK_END) N(SEEK_DATA) N(SEEK_HOLE) END };
static const struct name clocks[] = { N(CLOCK_REALTIME) N(CLOCK_MONOTONIC) N(CLOCK_PROCESS_CPUTIME_ID) N(CLOCK_THREAD_CPUTIME_ID)
    N(CLOCK_MONOTONIC_RAW) N(CLOCK_REALTIME_COARSE) N(CLOCK_MONOTONIC_COARSE) N(CLOCK_BOOTTIME) N(CLOCK_REALTIME_ALARM)
    N(CLOCK_BOOTTIME_ALARM) N(CLOCK_TAI) END };
static const struct name mask_ways[] = { N(SIG_BLOCK) N(SIG_UNBLOCK) N(SIG_SETMASK) END };
static const struct name families[] = { N(AF_UNSPEC) N(AF_UNIX) N(AF_INET) N(AF_INET6) N(AF_NETLINK) N(AF_PACKET) N(AF_ALG) N(AF_VSOCK) END };
static const struct name levels[] = { N(SOL_SOCKET) { 0, "SOL_IP" }, { 6, "SOL_TCP" }, { 17, "SOL_UDP" }, { 41, "SOL_IPV6" }, END };
static const struct name epoll_ops[] = { N(EPOLL_CTL_ADD) N(EPOLL_CTL_DEL) N(EPOLL_CTL_MOD) END };
static const struct name limits[] = { N(RLIMIT_CPU) N(RLIMIT_FSIZE) N(RLIMIT_DATA) N(RLIMIT_STACK) N(RLIMIT_CORE) N(RLIMIT_RSS)
    N(RLIMIT_NPROC) N(RLIMIT_NOFILE) N(RLIMIT_MEMLOCK) N(RLIMIT_AS) N(RLIMIT_LOCKS) N(RLIMIT_SIGPENDING) N(RLIMIT_MSGQUEUE)
    N(RLIMIT_NICE) N(RLIMIT_RTPRIO) N(RLIMIT_RTTIME) END };
static const struct name who[] = { N(RUSAGE_SELF) N(RUSAGE_CHILDREN) N(RUSAGE_THREAD) END };
static const struct name timers[] = { N(ITIMER_REAL) N(ITIMER_VIRTUAL) N(ITIMER_PROF) END };
static const struct name advices[] = { N(MADV_NORMAL) N(MADV_RANDOM) N(MADV_SEQUENTIAL) N(MADV_WILLNEED) N(MADV_DONTNEED) N(MADV_FREE)
    N(MADV_REMOVE) N(MADV_DONTFORK) N(MADV_DOFORK) N(MADV_HUGEPAGE) N(MADV_NOHUGEPAGE) N(MADV_DONTDUMP) N(MADV_DODUMP) END };
static const struct name commands[] = { N(F_DUPFD) N(F_GETFD) N(F_SETFD) N(F_GETFL) N(F_SETFL) N(F_GETLK) N(F_SETLK) N(F_SETLKW)
    N(F_SETOWN) N(F_GETOWN) N(F_SETSIG) N(F_GETSIG) { 12, "F_GETLK64" }, { 13, "F_SETLK64" }, { 14, "F_SETLKW64" }, N(F_SETOWN_EX)
    N(F_GETOWN_EX) N(F_OFD_GETLK) N(F_OFD_SETLK) N(F_OFD_SETLKW) N(F_DUPFD_CLOEXEC) N(F_SETPIPE_SZ) N(F_GETPIPE_SZ) N(F_ADD_SEALS)
    N(F_GET_SEALS) N(F_SETLEASE) N(F_GETLEASE) N(F_NOTIFY) END };
static const struct name futexes[] = { N(FUTEX_WAIT) N(FUTEX_WAKE) N(FUTEX_FD) N(FUTEX_REQUEUE) N(FUTEX_CMP_REQUEUE) N(FUTEX_WAKE_OP)
    N(FUTEX_LOCK_PI) N(FUTEX_UNLOCK_PI) N(FUTEX_TRYLOCK_PI) N(FUTEX_WAIT_BITSET) N(FUTEX_WAKE_BITSET) N(FUTEX_WAIT_REQUEUE_PI)
    N(FUTEX_CMP_REQUEUE_PI) N(FUTEX_LOCK_PI2) END };
static const struct name sockets[] = { N(SOCK_STREAM) N(SOCK_DGRAM) N(SOCK_RAW) N(SOCK_SEQPACKET) END };
static const struct name prctls[] = { N(PR_SET_PDEATHSIG) N(PR_GET_PDEATHSIG) N(PR_GET_DUMPABLE) N(PR_SET_DUMPABLE) N(PR_SET_NAME)
    N(PR_GET_NAME) N(PR_GET_SECCOMP) N(PR_SET_SECCOMP) N(PR_CAPBSET_READ) N(PR_CAPBSET_DROP) N(PR_SET_TIMERSLACK) N(PR_GET_TIMERSLACK)
    N(PR_SET_CHILD_SUBREAPER) N(PR_GET_CHILD_SUBREAPER) N(PR_SET_NO_NEW_PRIVS) N(PR_GET_NO_NEW_PRIVS) N(PR_CAP_AMBIENT)
    { 0x53564d41, "PR_SET_VMA" }, END };

/* Which letter has which names. bits: any of them together; else one of them. */
static const struct kind {
    char letter;
    bool bits;
    const struct name *names;
} kinds[] = {
    { 'p', true, protections }, { 'm', true, map_flags }, { 'd', true, at_flags }, { 'R', true, unlink_flags },
    { 'e', true, access_modes }, { 'w', true, wait_flags }, { 'M', true, message_flags }, { 'k', true, timer_flags },
    { '2', true, cloexec }, { 'y', false, whence }, { 'c', false, clocks }, { 'b', false, mask_ways }, { 's', false, families },
    { '3', false, levels }, { '4', false, epoll_ops }, { 'r', false, limits }, { '5', false, who }, { '6', false, timers },
    { '7', false, advices }, { 'z', false, commands }, { '8', false, prctls },
};

static const char *find(const struct name *n, uint64_t v)
{
    for (; n->text; n++)
        if (n->value == v)
            return n->text;
    return NULL;
}

/* A bit that belongs to several names is said with the first of them that is there whole. */
static void put_bits(struct str *s, const struct name *n, uint64_t v, bool first)
{
    for (; n->text; n++)
        if (n->value && (v & n->value) == n->value) {
            str_addf(s, "%s%s", first ? "" : "|", n->text);
            v &= ~n->value;
            first = false;
        }
    if (v || first)
        str_addf(s, first && !v ? "0" : first ? "0x%llx" : "|0x%llx", (unsigned long long)v);
}

static void put_number(struct str *s, const char *text, uint64_t v)
{
    if (text)
        str_add(s, text);
    else
        str_addf(s, "%d", (int)v);
}

static void put_signal(struct str *s, uint64_t v)
{
    const char *name = (int)v > 0 && (int)v <= 64 ? sigabbrev_np((int)v) : NULL;

    if (name)
        str_addf(s, "SIG%s", name);
    else if ((int)v >= 34 && (int)v <= 64)
        str_addf(s, "SIGRT_%d", (int)v - 32);
    else
        str_addf(s, "%d", (int)v);
}

static void put_open(struct str *s, uint64_t v)
{
    static const char *const access[4] = { "O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE" };
    uint64_t host = user_open_flags((uint32_t)v);

    str_add(s, access[host & O_ACCMODE]);
    if (host & ~(uint64_t)O_ACCMODE)
        put_bits(s, open_flags, host & ~(uint64_t)O_ACCMODE, false);
}

static void put_futex(struct str *s, uint64_t v)
{
    put_number(s, find(futexes, v & FUTEX_CMD_MASK), v & FUTEX_CMD_MASK);
    if (v & FUTEX_PRIVATE_FLAG)
        str_add(s, "|FUTEX_PRIVATE_FLAG");
    if (v & FUTEX_CLOCK_REALTIME)
        str_add(s, "|FUTEX_CLOCK_REALTIME");
}

static void put_socket(struct str *s, uint64_t v)
{
    put_number(s, find(sockets, v & 15), v & 15);
    if (v & SOCK_CLOEXEC)
        str_add(s, "|SOCK_CLOEXEC");
    if (v & SOCK_NONBLOCK)
        str_add(s, "|SOCK_NONBLOCK");
}

static void put_clone(struct str *s, uint64_t v)
{
    uint64_t flags = v & ~UINT64_C(0xff);

    if (flags)
        put_bits(s, clone_flags, flags, true);
    if (!flags || v & 0xff) {
        str_add(s, flags ? "|" : "");
        put_signal(s, v & 0xff);
    }
}

static void put_ioctl(struct str *s, uint64_t v)
{
    const char *name = user_ioctl_name((uint32_t)v);

    if (name)
        str_add(s, name);
    else
        str_addf(s, "0x%x", (unsigned)v);
}

bool strace_name(struct str *s, char kind, uint64_t v)
{
    switch (kind) {
    case 'p':
        if (!(uint32_t)v) {
            str_add(s, "PROT_NONE");
            return true;
        }
        break;
    case 'n': put_open(s, v); return true;
    case 'g': put_signal(s, v); return true;
    case 'v': put_futex(s, v); return true;
    case 't': put_socket(s, v); return true;
    case 'C': put_clone(s, v); return true;
    case 'j': put_ioctl(s, v); return true;
    default: break;
    }
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].letter == kind) {
            if (kinds[i].bits)
                put_bits(s, kinds[i].names, (uint32_t)v, true);
            else
                put_number(s, find(kinds[i].names, (uint64_t)(int64_t)(int32_t)v), v);
            return true;
        }
    return false;
}

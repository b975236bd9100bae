/* Each system call once with arguments that are right, and with each of its pointers wrong in every way: a line for each
 * says what came of it. tests/guest/errno.sh compares what a guest says with what the host's own kernel says to the same
 * program.
 *
 * Usage: calls FOLDER     an empty one, which becomes the working folder */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <linux/futex.h>
#include <linux/stat.h>

enum { PAGE = 4096, SLOT = 1024, SLOTS = 32, NARGS = 6 };
/* Descriptors that every call finds open. */
enum { FILE_FD = 3, DIR_FD, SOCK_FD, PEER_FD, EPOLL_FD, PIPE_R, PIPE_W, EVENT_FD, TIMER_FD, INOTIFY_FD, UDP_FD, TTY_FD };
/* Slots of memory with something in them; the others are zero. */
enum { IOV = 20, IOV_BAD, MSG, MSG_BAD_NAME, MSG_BAD_IOV, MSG_BAD_CONTROL, SIGEV, MMSG, SETS, ADDRESS, LENGTH };

enum kind { VALUE, POINTER, STRING, TIMEOUT };   /* without a timeout the call would wait for ever */
struct arg { enum kind kind; long value; const char *text; };
enum flags { CAREFUL = 1, ONCE = 2 };          /* what it would do if it worked is not for a test; as it stands only */
struct call { const char *name; long nr; int flags; struct arg a[NARGS]; };

#define V(n) { VALUE, n, NULL }
#define P(slot) { POINTER, slot, NULL }
#define T(slot) { TIMEOUT, slot, NULL }
#define S(text) { STRING, 0, text }
#define C(name, ...) { #name, SYS_##name, 0, { __VA_ARGS__ } },
#define CAREFULLY(name, ...) { #name, SYS_##name, CAREFUL, { __VA_ARGS__ } },
#define FAILS(title, name, ...) { title, SYS_##name, ONCE, { __VA_ARGS__ } },
#define AGAIN(title, name, ...) { title, SYS_##name, 0, { __VA_ARGS__ } },

/* One name for each call, whatever a 32-bit kernel calls it. */
#if __SIZEOF_LONG__ == 8
#define SYS_mmap2_or_mmap SYS_mmap
#define SYS_getrlimit_or_ugetrlimit SYS_getrlimit
#define SYS_clock_gettime64 SYS_clock_gettime
#define SYS_clock_getres_time64 SYS_clock_getres
#define SYS_clock_nanosleep_time64 SYS_clock_nanosleep
#define SYS_timer_settime64 SYS_timer_settime
#define SYS_timerfd_gettime64 SYS_timerfd_gettime
#define SYS_timerfd_settime64 SYS_timerfd_settime
#define SYS_utimensat_time64 SYS_utimensat
#define SYS_pselect6_time64 SYS_pselect6
#define SYS_ppoll_time64 SYS_ppoll
#define SYS_recvmmsg_time64 SYS_recvmmsg
#define SYS_rt_sigtimedwait_time64 SYS_rt_sigtimedwait
#define SYS_futex_time64 SYS_futex
#define SYS_sched_rr_get_interval_time64 SYS_sched_rr_get_interval
#define SYS_semtimedop_time64 SYS_semtimedop
#define SYS_mq_timedsend_time64 SYS_mq_timedsend
#else
#define SYS_mmap2_or_mmap SYS_mmap2
#define SYS_getrlimit_or_ugetrlimit SYS_ugetrlimit
#endif

static const struct call calls[] = {
#include "calls.def"
};

enum wrong { RIGHT, NIL, NO_RIGHTS, READ_ONLY, LAST_BYTES, ALL_ONES, WRONGS };
static const char *const wrongs[WRONGS] = {
    "right", "NULL", "PROT_NONE", "read-only", "last bytes of a page", "all ones"
};

static char *slots, *none, *constant, *last;

static void set_up(const char *folder)
{
    slots = mmap(NULL, SLOT * SLOTS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    none = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    constant = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    last = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(last + PAGE, PAGE, PROT_NONE);
    memset(last, 'x', PAGE);
    last += PAGE - 4;
    if (chdir(folder)) {
        perror(folder);
        exit(2);
    }
    umask(022);
}

static void fill_slots(void)
{
    struct iovec *iov = (void *)(slots + IOV * SLOT), *bad = (void *)(slots + IOV_BAD * SLOT);
    struct msghdr *m = (void *)(slots + MSG * SLOT);
    struct sigevent *e = (void *)(slots + SIGEV * SLOT);
    struct mmsghdr *mm = (void *)(slots + MMSG * SLOT);
    struct sockaddr_in *in = (void *)(slots + ADDRESS * SLOT);

    *iov = (struct iovec){ slots, 16 };
    *bad = (struct iovec){ none, 16 };
    *m = (struct msghdr){ .msg_iov = iov, .msg_iovlen = 1 };
    mm->msg_hdr = *m;
    m = (void *)(slots + MSG_BAD_NAME * SLOT);
    *m = (struct msghdr){ .msg_iov = iov, .msg_iovlen = 1, .msg_name = none, .msg_namelen = 16 };
    m = (void *)(slots + MSG_BAD_IOV * SLOT);
    *m = (struct msghdr){ .msg_iov = (void *)none, .msg_iovlen = 1 };
    m = (void *)(slots + MSG_BAD_CONTROL * SLOT);
    *m = (struct msghdr){ .msg_iov = iov, .msg_iovlen = 1, .msg_control = none, .msg_controllen = 64 };
    e->sigev_notify = SIGEV_NONE;
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *(int *)(slots + LENGTH * SLOT) = 128;
}

static void open_files(void)
{
    int pair[2];

    for (int fd = 3; fd < 64; fd++)
        close(fd);
    if (open("file", O_RDWR | O_CREAT, 0644) != FILE_FD || open(".", O_RDONLY | O_DIRECTORY) != DIR_FD ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) || pair[0] != SOCK_FD || epoll_create1(0) != EPOLL_FD ||
        pipe2(pair, O_NONBLOCK) || pair[0] != PIPE_R || eventfd(1, EFD_NONBLOCK) != EVENT_FD ||
        timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK) != TIMER_FD || inotify_init1(IN_NONBLOCK) != INOTIFY_FD ||
        socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0) != UDP_FD || posix_openpt(O_RDWR | O_NOCTTY) != TTY_FD)
        _exit(2);
    ftruncate(FILE_FD, 4096);
    write(SOCK_FD, "abcdefghabcdefgh", 16);
    write(PEER_FD, "abcdefghabcdefgh", 16);
    write(PIPE_W, "abcdefghabcdefgh", 16);
}

static long value(const struct arg *a, enum wrong w)
{
    if (a->kind == VALUE)
        return a->value;
    switch (w) {
    case NIL: return 0;
    case NO_RIGHTS: return (long)none;
    case READ_ONLY: return (long)constant;
    case LAST_BYTES: return (long)last;
    case ALL_ONES: return -1;
    default: return a->kind == STRING ? (long)a->text : (long)(slots + a->value * SLOT);
    }
}

/* In a process of its own: it may change anything. */
static void attempt(const struct call *c, int wrong_arg, enum wrong w)
{
    long v[NARGS], ret;
    int status;
    pid_t p;

    printf("%s", c->name);
    if (w)
        printf(", argument %d %s", wrong_arg + 1, wrongs[w]);
    printf(": ");
    fflush(stdout);
    p = fork();
    if (!p) {
        alarm(90);
        fill_slots();
        open_files();
        for (int i = 0; i < NARGS; i++)
            v[i] = value(&c->a[i], i == wrong_arg ? w : RIGHT);
        ret = syscall(c->nr, v[0], v[1], v[2], v[3], v[4], v[5]);
        if (ret < 0 && ret > -4096)
            printf("%s\n", strerrorname_np(errno));
        else
            printf("ok\n");
        fflush(stdout);
        _exit(0);
    }
    if (p < 0 || waitpid(p, &status, 0) != p || !WIFEXITED(status) || WEXITSTATUS(status))
        printf("status 0x%x\n", status);
}

static bool makes_sense(const struct call *c, int arg, enum wrong w)
{
    if (c->a[arg].kind == VALUE || (c->a[arg].kind == TIMEOUT && w == NIL))
        return false;
    return !(c->flags & CAREFUL) || (w != NIL && w != READ_ONLY && w != LAST_BYTES);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    set_up(argv[1]);
    for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (!(calls[i].flags & CAREFUL))
            attempt(&calls[i], -1, RIGHT);
        for (int arg = 0; arg < NARGS && !(calls[i].flags & ONCE); arg++)
            for (int w = NIL; w < WRONGS; w++)
                if (makes_sense(&calls[i], arg, (enum wrong)w))
                    attempt(&calls[i], arg, (enum wrong)w);
    }
    return 0;
}

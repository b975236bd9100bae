/* A 32-bit program without a C library: the system calls whose structures differ from a 64-bit guest's, as riscv32 has
 * them (64-bit times only). Exit status 0, or a line that names the check. */
#include <stddef.h>
#include <stdint.h>

typedef int32_t word;

static long call(long nr, long a, long b, long c, long d, long e, long f)
{
    register long a7 __asm__("a7") = nr, a0 __asm__("a0") = a, a1 __asm__("a1") = b, a2 __asm__("a2") = c;
    register long a3 __asm__("a3") = d, a4 __asm__("a4") = e, a5 __asm__("a5") = f;

    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5) : "memory");
    return a0;
}
#define C0(nr) call(nr, 0, 0, 0, 0, 0, 0)
#define C1(nr, a) call(nr, (long)(a), 0, 0, 0, 0, 0)
#define C2(nr, a, b) call(nr, (long)(a), (long)(b), 0, 0, 0, 0)
#define C3(nr, a, b, c) call(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define C4(nr, a, b, c, d) call(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define C5(nr, a, b, c, d, e) call(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define C6(nr, a, b, c, d, e, f) call(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

enum {
    FCNTL = 25, IOCTL = 29, STATFS64 = 43, FTRUNCATE = 46, OPENAT = 56, CLOSE = 57, PIPE2 = 59, LLSEEK = 62, READ = 63, WRITE = 64,
    READV = 65, WRITEV = 66, PREAD = 67, PWRITE = 68, PREADV = 69, EXIT = 93, EXIT_GROUP = 94, WAITID = 95, SET_ROBUST = 99,
    GETITIMER = 102, SETITIMER = 103, TIMER_CREATE = 107, TIMER_DELETE = 111, GETAFFINITY = 123, KILL = 129, TGKILL = 131,
    SIGALTSTACK = 132, SIGACTION = 134, SIGPROCMASK = 135, SIGQUEUEINFO = 138, TIMES = 153, UNAME = 160, GETRUSAGE = 165,
    GETPID = 172, GETTID = 178, SYSINFO = 179, MSGGET = 186, MSGCTL, MSGRCV, MSGSND, SOCKETPAIR = 199, SETSOCKOPT = 208,
    GETSOCKOPT = 209, SENDMSG = 211, RECVMSG = 212, MUNMAP = 215, CLONE = 220, MMAP2 = 222, PRLIMIT = 261, MEMFD = 279, STATX = 291,
    CLOCK_GETTIME64 = 403, CLOCK_NANOSLEEP64 = 407, TIMER_GETTIME64 = 408, TIMER_SETTIME64 = 409, PSELECT64 = 413, PPOLL64 = 414,
    SIGTIMEDWAIT64 = 421, FUTEX64 = 422,
};

void *memset(void *p, int v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((volatile char *)p)[i] = (char)v;
    return p;
}
void *memcpy(void *to, const void *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((volatile char *)to)[i] = ((const char *)from)[i];
    return to;
}

static void say(const char *s)
{
    size_t n = 0;

    while (s[n])
        n++;
    C3(WRITE, 1, s, n);
}

static _Noreturn void fail(const char *what)
{
    say("failed: ");
    say(what);
    say("\n");
    C1(EXIT_GROUP, 1);
    for (;;)
        ;
}
#define STR_(x) #x
#define STR(x) STR_(x)
#define CHECK(x) do { if (!(x)) fail("line " STR(__LINE__) ": " #x); } while (0)

struct timespec64 { int64_t sec; int32_t nsec, pad; };
struct iovec { void *base; uint32_t len; };
struct kernel_action { void *handler; uint32_t flags; uint32_t mask[2]; };
struct siginfo { int32_t signo, error, code, u[29]; };

/* --- files --- */

static void files(void)
{
    long fd = C2(MEMFD, "x", 0);
    char a[4] = "abcd", b[4] = { 0 }, c[4] = { 0 };
    struct iovec w[2] = { { a, 1 }, { a + 1, 3 } }, r[2] = { { b, 2 }, { c, 2 } };
    struct { uint32_t type, bsize; uint64_t blocks, free, avail, files, ffree; int32_t fsid[2]; uint32_t rest[7]; } sfs;
    struct { int16_t type, whence; int64_t start, len; int32_t pid; } lock = { 1, 0, INT64_C(0x100000000), 10, 0 };
    int64_t at = 0;

    CHECK(fd > 2);
    CHECK(C3(WRITEV, fd, w, 2) == 4);
    /* beyond 4 GiB: the position is in two registers, and they are not aligned */
    CHECK(C5(PWRITE, fd, "far!", 4, 8, 1) == 4);
    CHECK(C5(LLSEEK, fd, 0, 0, &at, 2) == 0 && at == INT64_C(0x10000000c));
    CHECK(C5(PREAD, fd, b, 4, 8, 1) == 4 && b[0] == 'f' && b[3] == '!');
    CHECK(C5(PREADV, fd, r, 2, 0, 0) == 4 && b[1] == 'b' && c[0] == 'c');
    CHECK(C3(FTRUNCATE, fd, 5, 1) == 0);
    CHECK(C5(LLSEEK, fd, 0, 0, &at, 2) == 0 && at == INT64_C(0x100000005));
    CHECK(C3(STATFS64, "/", 88, &sfs) == 0 && sfs.bsize >= 512 && sfs.blocks > 0);
    CHECK(C3(STATFS64, "/", 12, &sfs) == -22);
    CHECK(C3(FCNTL, fd, 13, &lock) == 0);      /* F_SETLK64 */
    lock.type = 1;
    CHECK(C3(FCNTL, fd, 12, &lock) == 0 && lock.type == 2 && lock.start == INT64_C(0x100000000));
    void *map = (void *)C6(MMAP2, 0, 4096, 3, 1, fd, 0);
    CHECK((unsigned long)map < 0xfffff000ul && *(char *)map == 'a');
    char *far = (char *)C6(MMAP2, 0, 4096, 1, 1, fd, 0x100000);
    CHECK((unsigned long)far < 0xfffff000ul);
    CHECK(C2(MUNMAP, map, 4096) == 0);
    C1(CLOSE, fd);
}

/* --- times and limits --- */

static void times_and_limits(void)
{
    struct timespec64 t = { 0, 0, -1 }, u;
    struct { int32_t is, ius, vs, vus; } it = { 0, 0, 100, 5 }, old;
    struct { struct timespec64 interval, value; } its = { { 0, 0, -1 }, { 100, 7, -1 } };
    struct { uint32_t value; int32_t signo, notify, pad[13]; } ev = { 77, 10, 0, { 0 } };
    struct { int32_t us, uus, ss, sus, rest[14]; } usage;
    struct { int32_t uptime; uint32_t loads[3], total, free, shared, buffers, swap, freeswap; uint16_t procs, pad; uint32_t high, fhigh, unit; } si;
    uint64_t limit[2];
    char uts[6][65];
    uint32_t mask[32];
    int timer;

    CHECK(C2(CLOCK_GETTIME64, 1, &t) == 0 && (t.sec | t.nsec) != 0 && t.pad == 0);
    t = (struct timespec64){ 0, 1000000, -1 };       /* the upper half of the nanoseconds is not looked at */
    CHECK(C4(CLOCK_NANOSLEEP64, 1, 0, &t, &u) == 0);
    CHECK(C3(SETITIMER, 0, &it, 0) == 0 && C2(GETITIMER, 0, &old) == 0 && old.vs >= 99 && old.vs <= 100);
    it.vs = it.vus = 0;
    CHECK(C3(SETITIMER, 0, &it, &old) == 0 && old.vs >= 99);
    CHECK(C3(TIMER_CREATE, 1, &ev, &timer) == 0);
    CHECK(C4(TIMER_SETTIME64, timer, 0, &its, 0) == 0);
    its.value.sec = 0;
    CHECK(C2(TIMER_GETTIME64, timer, &its) == 0 && its.value.sec >= 99 && its.value.sec <= 100);
    CHECK(C1(TIMER_DELETE, timer) == 0);
    CHECK(C2(GETRUSAGE, 0, &usage) == 0 && usage.uus >= 0 && usage.uus < 1000000 && usage.rest[0] > 0);
    CHECK(C1(SYSINFO, &si) == 0 && si.total > 0 && si.unit > 0 && si.procs > 0);
    CHECK(C4(PRLIMIT, 0, 7, 0, limit) == 0 && limit[0] > 0);
    CHECK(C1(UNAME, uts) == 0 && uts[4][0] == 'r' && uts[4][5] == '3' && uts[4][6] == '2');
    CHECK(C3(GETAFFINITY, 0, sizeof mask, mask) > 0 && mask[0] != 0);
    CHECK(C3(GETAFFINITY, 0, 3, mask) == -22);
}

/* --- signals --- */

static volatile int caught, code, value;
static volatile uint32_t where;

static void on_signal(int signo, struct siginfo *si, void *context)
{
    uint32_t *uc = context;

    caught = signo;
    code = si->code;
    value = si->u[2];
    where = (uint32_t)si->u[0];
    if (signo == 11)
        uc[40] += 4;                           /* pc: behind the load (all instructions here have four bytes) */
}

static void act(int signo, void *handler, uint32_t flags)
{
    struct kernel_action a = { handler, flags, { 0, 0 } }, old = { 0, 0, { 0, 0 } };

    CHECK(C4(SIGACTION, signo, &a, 0, 8) == 0);
    CHECK(C4(SIGACTION, signo, 0, &old, 8) == 0 && old.handler == handler && old.flags == flags);
}

static void signals(void)
{
    static char stack[8192];
    struct { void *sp; int32_t flags; uint32_t size; } ss = { stack, 0, sizeof stack }, now;
    struct siginfo si = { 34, 0, -1, { 0 } };
    uint32_t set[2] = { 1u << 9 | 1u << 11, 2 }, got[2];
    struct timespec64 t = { 1, 0, 0 };
    long pid = C0(GETPID);
    double before = 1.5;

    act(11, on_signal, 4);
    __asm__ volatile("fld fs0, 0(%0)\n li t0, 0x123000\n .option push\n .option norvc\n lw t0, 0(t0)\n .option pop" :: "r"(&before) : "t0", "fs0", "memory");
    CHECK(caught == 11 && code == 1 && where == 0x123000);
    CHECK(C2(SIGALTSTACK, &ss, 0) == 0 && C2(SIGALTSTACK, 0, &now) == 0 && now.sp == stack && now.size == sizeof stack);
    act(34, on_signal, 4 | 0x08000000);
    si.u[0] = pid;
    si.u[2] = 4711;
    CHECK(C3(SIGQUEUEINFO, pid, 34, &si) == 0);
    CHECK(caught == 34 && code == -1 && value == 4711 && where == (uint32_t)pid);
    CHECK(C4(SIGPROCMASK, 0, set, 0, 8) == 0 && C4(SIGPROCMASK, 0, 0, got, 8) == 0 && got[0] == set[0] && got[1] == 2);
    caught = 0;
    CHECK(C3(SIGQUEUEINFO, pid, 34, &si) == 0 && !caught);
    memset(&si, 0, sizeof si);
    CHECK(C4(SIGTIMEDWAIT64, set, &si, &t, 8) == 34 && si.u[2] == 4711 && si.code == -1);
    t = (struct timespec64){ 0, 1000, -1 };
    CHECK(C4(SIGTIMEDWAIT64, set, &si, &t, 8) == -11);
    CHECK(C4(SIGPROCMASK, 1, set, 0, 8) == 0);
}

/* --- descriptors --- */

static void waiting(void)
{
    struct { int fd; int16_t events, revents; } p;
    struct timespec64 t = { 0, 1000000, -1 };
    struct { uint32_t word, guard; } in = { 0, 0x5a5a5a5a };
    int fds[2];

    CHECK(C2(PIPE2, fds, 0) == 0);
    p.fd = fds[0], p.events = 1, p.revents = 0;
    CHECK(C5(PPOLL64, &p, 1, &t, 0, 8) == 0);
    CHECK(C3(WRITE, fds[1], "x", 1) == 1);
    t.nsec = 1000000;
    CHECK(C5(PPOLL64, &p, 1, &t, 0, 8) == 1 && p.revents == 1);
    in.word = 1u << fds[0];
    CHECK(C6(PSELECT64, fds[0] + 1, &in, 0, 0, 0, 0) == 1 && in.word == 1u << fds[0] && in.guard == 0x5a5a5a5a);
    C1(CLOSE, fds[0]);
    C1(CLOSE, fds[1]);
}

struct message { void *name; int32_t namelen; struct iovec *iov; uint32_t iovlen; void *control; uint32_t controllen, flags; };

static void sockets(void)
{
    struct { uint32_t len; int32_t level, type, fd[2]; } rights = { 20, 1, 1, { 0, 1 } };
    struct { uint32_t len; int32_t level, type, fd[6]; } got;
    char text[8] = { 0 };
    struct iovec out = { (void *)"hello", 5 }, in = { text, sizeof text };
    struct message m = { 0, 0, &out, 1, &rights, sizeof rights, 0 }, n = { 0, 0, &in, 1, &got, sizeof got, 0 };
    struct { int32_t sec, usec; } tv = { 3, 500000 }, back = { 0, 0 };
    uint32_t len = sizeof back;
    int s[2];

    CHECK(C4(SOCKETPAIR, 1, 1, 0, s) == 0);
    CHECK(C3(SENDMSG, s[0], &m, 0) == 5);
    CHECK(C3(RECVMSG, s[1], &n, 0) == 5 && text[0] == 'h');
    CHECK(n.controllen == 20 && got.len == 20 && got.level == 1 && got.type == 1 && got.fd[0] > 2 && got.fd[1] > 2);
    C1(CLOSE, got.fd[0]);
    C1(CLOSE, got.fd[1]);
    /* room for one of two: the other is closed, not lost */
    CHECK(C3(SENDMSG, s[0], &m, 0) == 5);
    n.controllen = 16, n.flags = 0;
    CHECK(C3(RECVMSG, s[1], &n, 0) == 5 && n.flags & 8 && got.len == 16);
    C1(CLOSE, got.fd[0]);
    CHECK(C5(SETSOCKOPT, s[0], 1, 20, &tv, sizeof tv) == 0);
    CHECK(C5(GETSOCKOPT, s[0], 1, 20, &back, &len) == 0 && back.sec == 3 && back.usec == 500000 && len == 8);
    C1(CLOSE, s[0]);
    C1(CLOSE, s[1]);
}

static void queues(void)
{
    struct { int32_t type; char text[8]; } m = { 3, "queue" }, n = { 0, { 0 } };
    struct { int32_t perm[6]; uint16_t seq, pad; uint32_t unused[2], stime, s2, rtime, r2, ctime, c2, cbytes, qnum, qbytes, pids[2], u[2]; } ds;
    long id = C2(MSGGET, 0, 01600);

    CHECK(id >= 0);
    CHECK(C4(MSGSND, id, &m, 6, 0) == 0);
    CHECK(C3(MSGCTL, id, 2, &ds) == 0 && ds.qnum == 1 && ds.cbytes == 6 && ds.qbytes > 6);
    CHECK(C5(MSGRCV, id, &n, 8, 3, 0) == 6 && n.type == 3 && n.text[4] == 'e');
    CHECK(C3(MSGCTL, id, 0, 0) == 0);
}

/* --- processes and threads --- */

static volatile int flag, thread_ran;
static char thread_stack[16384] __attribute__((aligned(16)));

static void thread_main(void)
{
    thread_ran = (int)C0(GETTID);
    __atomic_store_n(&flag, 1, __ATOMIC_SEQ_CST);
    C6(FUTEX64, &flag, 1, 1, 0, 0, 0);
    C1(EXIT, 0);
}

static void processes(void)
{
    struct siginfo si;
    struct timespec64 t = { 5, 0, -1 };
    struct { int32_t us[18]; } usage;
    int fds[2], status;
    char c;
    long pid;

    (void)status;
    CHECK(C2(PIPE2, fds, 0) == 0);
    pid = C5(CLONE, 17, 0, 0, 0, 0);
    if (!pid) {
        C3(WRITE, fds[1], "y", 1);
        C1(EXIT_GROUP, 42);
    }
    CHECK(pid > 0 && C3(READ, fds[0], &c, 1) == 1 && c == 'y');
    memset(&si, 0, sizeof si);
    CHECK(C5(WAITID, 1, pid, &si, 4, &usage) == 0);
    CHECK(si.signo == 17 && si.code == 1 && si.u[0] == pid && si.u[2] == 42);

    long tid;
    register long a7 __asm__("a7") = CLONE, a0 __asm__("a0") = 0x10f00 /* VM FS FILES SIGHAND THREAD */;
    register long a1 __asm__("a1") = (long)(thread_stack + sizeof thread_stack), a2 __asm__("a2") = 0, a3 __asm__("a3") = 0;
    register long a4 __asm__("a4") = 0;

    __asm__ volatile("ecall\n bnez a0, 1f\n jr %1\n1:" : "+r"(a0) : "r"(thread_main), "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4) : "memory", "ra");
    tid = a0;
    CHECK(tid > 0);
    while (!__atomic_load_n(&flag, __ATOMIC_SEQ_CST))
        CHECK(C6(FUTEX64, &flag, 0, 0, &t, 0, 0) != -110);
    CHECK(thread_ran == tid);
}

void main32(long *sp)
{
    CHECK(sp[0] == 1);
    files();
    times_and_limits();
    signals();
    waiting();
    sockets();
    queues();
    processes();
    say("ok\n");
    C1(EXIT_GROUP, 0);
}
__asm__(".globl _start\n_start:\n .option push\n .option norelax\n la gp, __global_pointer$\n .option pop\n mv a0, sp\n andi sp, sp, -16\n call main32\n");

/* Handlers, masks, restarts, alternate stacks, faults: what a program sees of signals. */
#define _GNU_SOURCE
#include <fenv.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <poll.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "t.h"

static volatile sig_atomic_t hits, last, code;
static void *volatile addr;
static volatile uintptr_t sp_seen;

static void count(int s) { hits++; last = s; sp_seen = (uintptr_t)&s; }
static void info(int s, siginfo_t *si, void *u) { (void)u; hits++; last = s; code = si->si_code; addr = si->si_addr; }

static void on(int sig, void (*f)(int), int flags)
{
    struct sigaction sa = { .sa_flags = flags };

    sa.sa_handler = f;
    CHECK(!sigaction(sig, &sa, NULL));
}

static void on_info(int sig, void (*f)(int, siginfo_t *, void *), int flags)
{
    struct sigaction sa = { .sa_flags = flags | SA_SIGINFO };

    sa.sa_sigaction = f;
    CHECK(!sigaction(sig, &sa, NULL));
}

static void raising(void)
{
    sigset_t all, old;

    on(SIGUSR1, count, 0);
    raise(SIGUSR1);
    CHECK(hits == 1 && last == SIGUSR1);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &old);
    raise(SIGUSR1);
    kill(getpid(), SIGUSR1);
    CHECK(hits == 1);
    sigpending(&all);
    CHECK(sigismember(&all, SIGUSR1) && !sigismember(&all, SIGUSR2));
    sigprocmask(SIG_SETMASK, &old, NULL);
    CHECK(hits == 3);                          /* one kept by the thread, one by the process */
    on(SIGUSR1, count, SA_RESETHAND);
    raise(SIGUSR1);
    struct sigaction sa;
    sigaction(SIGUSR1, NULL, &sa);
    CHECK(sa.sa_handler == SIG_DFL && hits == 4);
    hits = 0;
}

static void nested_inner(int s) { (void)s; hits += 100; }
static void nested_outer(int s)
{
    (void)s;
    hits++;
    raise(SIGUSR2);                            /* not in sa_mask: at once */
    CHECK(hits == 101);
    raise(SIGUSR1);                            /* itself: blocked until return */
    CHECK(hits == 101);
    if (hits > 500)
        return;
    on(SIGUSR1, count, 0);
}

static void nesting(void)
{
    on(SIGUSR1, nested_outer, 0);
    on(SIGUSR2, nested_inner, 0);
    raise(SIGUSR1);
    CHECK(hits == 102);
    hits = 0;
}

static void values(void)
{
    union sigval v = { .sival_int = 77 };
    struct timespec none = { 0, 0 }, tenth = { 0, 100000000 };
    siginfo_t si;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 3);
    sigprocmask(SIG_BLOCK, &set, NULL);
    CHECK(sigtimedwait(&set, &si, &none) == -1 && errno == EAGAIN);
    CHECK(sigtimedwait(&set, &si, &tenth) == -1 && errno == EAGAIN);
    for (int i = 0; i < 3; i++) {
        v.sival_int = 77 + i;
        CHECK(!sigqueue(getpid(), SIGRTMIN + 3, v));
    }
    for (int i = 0; i < 3; i++)
        CHECK(sigwaitinfo(&set, &si) == SIGRTMIN + 3 && si.si_value.sival_int == 77 + i && si.si_code == SI_QUEUE);
    int fd = signalfd(-1, &set, 0);
    struct signalfd_siginfo fi;
    CHECK(fd >= 0 && !sigqueue(getpid(), SIGRTMIN + 3, v));
    CHECK(read(fd, &fi, sizeof fi) == sizeof fi && fi.ssi_int == 79);
    close(fd);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void restarts(void)
{
    struct itimerval in20ms = { { 0, 0 }, { 0, 20000 } };
    struct timespec ts = { 5, 0 }, rem = { 0, 0 };
    struct pollfd pfd = { -1, 0, 0 };
    int p[2];
    char c;

    CHECK(!pipe(p));
    on(SIGALRM, count, 0);
    setitimer(ITIMER_REAL, &in20ms, NULL);
    CHECK(read(p[0], &c, 1) == -1 && errno == EINTR && hits == 1);
    setitimer(ITIMER_REAL, &in20ms, NULL);
    CHECK(nanosleep(&ts, &rem) == -1 && errno == EINTR && rem.tv_sec == 4 && hits == 2);
    on(SIGALRM, count, SA_RESTART);
    setitimer(ITIMER_REAL, &in20ms, NULL);
    CHECK(poll(&pfd, 1, 5000) == -1 && errno == EINTR && hits == 3);
    if (!fork()) {
        usleep(100000);
        _exit(write(p[1], "x", 1) != 1);
    }
    setitimer(ITIMER_REAL, &in20ms, NULL);
    CHECK(read(p[0], &c, 1) == 1 && c == 'x' && hits == 4);
    int st;
    CHECK(wait(&st) > 0 && st == 0);
    hits = 0;
    close(p[0]);
    close(p[1]);
}

static void suspending(void)
{
    sigset_t block, none;
    struct timespec ts = { 5, 0 };

    sigemptyset(&none);
    sigemptyset(&block);
    sigaddset(&block, SIGUSR1);
    on(SIGUSR1, count, SA_RESTART);
    sigprocmask(SIG_BLOCK, &block, NULL);
    kill(getpid(), SIGUSR1);
    CHECK(hits == 0);
    CHECK(sigsuspend(&none) == -1 && errno == EINTR && hits == 1);
    kill(getpid(), SIGUSR1);
    CHECK(ppoll(NULL, 0, &ts, &none) == -1 && errno == EINTR && hits == 2);
    sigset_t now;
    sigprocmask(SIG_SETMASK, &none, &now);
    CHECK(sigismember(&now, SIGUSR1));
    hits = 0;
}

static void altstack(void)
{
    static char stack[65536] __attribute__((aligned(16)));
    stack_t ss = { .ss_sp = stack, .ss_size = sizeof stack }, old;

    CHECK(!sigaltstack(&ss, NULL));
    on(SIGUSR1, count, SA_ONSTACK);
    raise(SIGUSR1);
    CHECK(sp_seen >= (uintptr_t)stack && sp_seen < (uintptr_t)stack + sizeof stack);
    on(SIGUSR1, count, 0);
    raise(SIGUSR1);
    CHECK(sp_seen < (uintptr_t)stack || sp_seen >= (uintptr_t)stack + sizeof stack);
    ss.ss_flags = SS_DISABLE;
    CHECK(!sigaltstack(&ss, &old) && old.ss_sp == stack && old.ss_size == sizeof stack && old.ss_flags == 0);
    CHECK(!sigaltstack(NULL, &old) && old.ss_flags == SS_DISABLE);
    hits = 0;
}

static sigjmp_buf out;
static void jump(int s, siginfo_t *si, void *u) { info(s, si, u); siglongjmp(out, 1); }

#define FAULTS(stmt, want_sig, want_code, want_addr) \
    do { \
        last = 0; \
        if (!sigsetjmp(out, 1)) { stmt; } \
        CHECK(last == (want_sig)); \
        CHECK(code == (want_code)); \
        CHECK((want_addr) == (void *)-1 || addr == (want_addr)); \
    } while (0)

static void faults(void)
{
    volatile char *p = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    FILE *f = tmpfile();

    for (int s = 0; s < 5; s++)
        on_info((int[]){ SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE }[s], jump, 0);
    CHECK(p != MAP_FAILED && f && !ftruncate(fileno(f), 4096));
    munmap((void *)(p + 4096), 4096);
    FAULTS(p[4096] = 1, SIGSEGV, SEGV_MAPERR, (void *)(p + 4096));
    FAULTS((void)p[4100], SIGSEGV, SEGV_MAPERR, (void *)(p + 4100));
    mprotect((void *)p, 4096, PROT_READ);
    FAULTS(p[5] = 1, SIGSEGV, SEGV_ACCERR, (void *)(p + 5));
    FAULTS(*(volatile char *)8 = 1, SIGSEGV, SEGV_MAPERR, (void *)8);
    FAULTS(((void (*)(void))(p + 16))(), SIGSEGV, SEGV_ACCERR, (void *)(p + 16));
    FAULTS(((void (*)(void))4096)(), SIGSEGV, SEGV_MAPERR, (void *)4096);
    volatile char *m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(f), 0);
    FAULTS(m[4096] = 1, SIGBUS, BUS_ADRERR, (void *)(m + 4096));
    FAULTS(__asm__ volatile(BAD_INSN), SIGILL, ILL_ILLOPC, (void *)-1);
    FAULTS(__asm__ volatile(TRAP_INSN), SIGTRAP, TRAP_BRKPT, (void *)-1);
#ifdef __arm__
#ifdef __thumb__
    FAULTS(__asm__ volatile(".inst.w 0xf7f0a000"), SIGTRAP, TRAP_BRKPT, (void *)-1);
    FAULTS(__asm__ volatile(".inst.n 0xde01"), SIGTRAP, TRAP_BRKPT, (void *)-1);
#else
    FAULTS(__asm__ volatile(".inst 0xe7f001f0"), SIGTRAP, TRAP_BRKPT, (void *)-1);
#endif
#endif
    /* a call's bad pointer is an error, not a signal */
    CHECK(read(0, (void *)(p + 4096), 0) == 0 || errno == EFAULT);
    CHECK(write(fileno(f), (void *)(p + 4096), 10) == -1 && errno == EFAULT);
    CHECK(write(fileno(f), (void *)-4096L, 10) == -1 && errno == EFAULT);
    CHECK(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, p + 4096) == -1 && errno == EFAULT);
    fclose(f);
    hits = 0;
}

static void skip(int s, siginfo_t *si, void *u)
{
    ucontext_t *uc = u;

    (void)s, (void)si;
    hits++;
#ifdef __riscv
    uc->uc_mcontext.__gregs[REG_PC] += 4;
    uc->uc_mcontext.__gregs[REG_A0] = 4711;
    uc->uc_mcontext.__fpregs.__d.__f[10] = 0x4045000000000000; /* fa0 = 42.0 */
#elif defined(__arm__)
    uint32_t *vfp = (uint32_t *)uc->uc_regspace;
    uint64_t f0 = 0x4045000000000000;          /* d0 = 42.0 */

    uc->uc_mcontext.arm_pc += 4;
    uc->uc_mcontext.arm_r0 = 4711;
    CHECK(vfp[0] == 0x56465001 && vfp[1] == 0x120);
    memcpy(vfp + 2, &f0, sizeof f0);
#else
    uc->uc_mcontext.pc += 4;
    uc->uc_mcontext.regs[0] = 4711;
    struct fpsimd_context *f = (void *)uc->uc_mcontext.__reserved;
    CHECK(f->head.magic == FPSIMD_MAGIC);
    f->vregs[0] = 0x4045000000000000;                          /* d0 = 42.0 */
#endif
}

#ifdef __riscv
#define FREG(x) "+f"(x)
#define R0 "a0"
#define F0 "fa0"
#define F_KEPT "fs5"
#else
#define FREG(x) "+w"(x)
#ifdef __arm__
#define R0 "r0"
#else
#define R0 "x0"
#endif
#define F0 "d0"
#define F_KEPT "d13"
#endif

static void context(void)
{
    long got;
    double got0, got1;

    on_info(SIGILL, skip, 0);
    fesetround(FE_UPWARD);
    feclearexcept(FE_ALL_EXCEPT);
    feraiseexcept(FE_DIVBYZERO);
    {
        register long r0 __asm__(R0) = 1;
        register double f0 __asm__(F0) = 1.5, f1 __asm__(F_KEPT) = 2.5;

        __asm__ volatile(BAD_INSN : "+r"(r0), FREG(f0), FREG(f1));
        got = r0, got0 = f0, got1 = f1;
    }
    CHECK(got == 4711);
    CHECK(got0 == 42.0);
    CHECK(got1 == 2.5);
    CHECK(fegetround() == FE_UPWARD && fetestexcept(FE_ALL_EXCEPT) == FE_DIVBYZERO);
    fesetround(FE_TONEAREST);
    hits = 0;
}

static void dies(int want, void (*f)(void))
{
    pid_t p = fork();
    int st;

    if (!p) {
        for (int s = 1; s < 32; s++)
            signal(s, SIG_DFL);
        f();
        _exit(0);
    }
    CHECK(waitpid(p, &st, 0) == p && WIFSIGNALED(st) && WTERMSIG(st) == want);
}

static void die_segv(void) { *(volatile int *)16 = 1; }
static void die_abort(void) { abort(); }
static void die_term(void) { kill(getpid(), SIGTERM); for (;;) pause(); }
static void die_ignored_segv(void) { signal(SIGSEGV, SIG_IGN); die_segv(); }
static void die_blocked_segv(void)
{
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    die_segv();
}
/* blocked, sent, unblocked: only then */
static void die_late(void)
{
    sigset_t all, none;

    sigfillset(&all);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &all, NULL);
    kill(getpid(), SIGHUP);
    for (volatile int i = 0; i < 1000000; i++)
        ;
    if (getppid() == 0)
        _exit(3);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static volatile unsigned long ticks, work;
static void tick(int s) { (void)s; ticks++; }

/* Signals at any instruction must not disturb a computation. */
static void storm(void)
{
    struct itimerval fast = { { 0, 500 }, { 0, 500 } }, off = { { 0, 0 }, { 0, 0 } };
    unsigned long sum = 0, want = 0;

    on(SIGALRM, tick, SA_RESTART);
    for (unsigned long i = 0; i < 1000; i++)
        want = want * 31 + i;
    setitimer(ITIMER_REAL, &fast, NULL);
    while (ticks < 300) {
        sum = 0;
        for (unsigned long i = 0; i < 1000; i++)
            sum = sum * 31 + i;
        CHECK(sum == want);
        CHECK(getpid() > 0);
    }
    setitimer(ITIMER_REAL, &off, NULL);
}

static void *waiter(void *arg)
{
    sigset_t set;
    int sig = 0;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigwait(&set, &sig);
    *(volatile int *)arg = sig;
    return NULL;
}

/* A process's signal that one thread blocks goes to the one that waits for it. */
static void other_thread(void)
{
    volatile int got = 0;
    sigset_t set;
    pthread_t t;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    pthread_create(&t, NULL, waiter, (void *)&got);
    usleep(20000);
    kill(getpid(), SIGUSR2);
    pthread_join(t, NULL);
    CHECK(got == SIGUSR2);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* Stopped and continued, a wait goes on: no handler ran, so nobody learns of it, and it takes no longer. */
static void stopped(void)
{
    struct timespec begin, end, wait = { 0, 700000000 };
    sigset_t set;
    int st, fds[2];
    pid_t p;

    CHECK(pipe(fds) == 0);
    p = fork();
    if (!p) {
        struct pollfd pfd = { fds[0], POLLIN, 0 };
        fd_set none;

        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        sigprocmask(SIG_BLOCK, &set, NULL);
        clock_gettime(CLOCK_MONOTONIC, &begin);
        CHECK(nanosleep(&wait, NULL) == 0);
        CHECK(poll(&pfd, 1, 700) == 0);
        FD_ZERO(&none);
        CHECK(select(0, &none, NULL, NULL, &(struct timeval){ 0, 700000 }) == 0);
        clock_gettime(CLOCK_MONOTONIC, &end);
        CHECK((end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000 >= 2099);
        _exit(0);
    }
    for (int i = 0; i < 10; i++) {
        usleep(100000);
        CHECK(kill(p, SIGTSTP) == 0);
        usleep(100000);
        CHECK(kill(p, SIGCONT) == 0);
    }
    CHECK(waitpid(p, &st, 0) == p && st == 0);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    raising();
    nesting();
    values();
    restarts();
    suspending();
    altstack();
    faults();
    context();
    dies(SIGSEGV, die_segv);
    dies(SIGABRT, die_abort);
    dies(SIGTERM, die_term);
    dies(SIGSEGV, die_ignored_segv);
    dies(SIGSEGV, die_blocked_segv);
    dies(SIGHUP, die_late);
    storm();
    other_thread();
    stopped();
    return 0;
}

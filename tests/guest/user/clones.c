/* Processes that fork() cannot make: other exit signals, shared descriptors, handlers cleared, namespaces. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t.h"

#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif
#ifndef __WALL
#define __WALL 0x40000000
#endif

static volatile sig_atomic_t seen;

static void note(int s) { seen = s; }

static int status_of(pid_t p)
{
    int st = -1;

    CHECK(waitpid(p, &st, __WALL) == p);
    return st;
}

/* What no flag speaks of may hold anything: vfork() leaves it so. */
static void unused_registers(void)
{
    long p = syscall(SYS_clone, SIGCHLD, 0, -1L, -1L, -1L);

    if (!p)
        _exit(7);
    CHECK(p > 0 && WEXITSTATUS(status_of((pid_t)p)) == 7);
}

static void exit_signals(void)
{
    long p;

    signal(SIGUSR1, note);
    p = syscall(SYS_clone, SIGUSR1, 0, 0, 0, 0);
    if (!p)
        _exit(3);
    CHECK(p > 0 && WEXITSTATUS(status_of((pid_t)p)) == 3 && seen == SIGUSR1);
    p = syscall(SYS_clone, 0, 0, 0, 0, 0);
    if (!p)
        _exit(4);
    CHECK(p > 0 && waitpid((pid_t)p, NULL, 0) == -1 && errno == ECHILD);   /* not one that wait() sees by itself */
    CHECK(WEXITSTATUS(status_of((pid_t)p)) == 4);
}

static void shared_descriptors(void)
{
    int fd = open("/dev/null", O_RDONLY);
    long p = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);

    if (!p)
        _exit(close(fd));
    CHECK(fd >= 0 && p > 0 && status_of((pid_t)p) == 0);
    CHECK(fcntl(fd, F_GETFD) == -1 && errno == EBADF);
}

static void cleared_handlers(void)
{
    struct clone_args c = { .flags = CLONE_CLEAR_SIGHAND | CLONE_PIDFD, .exit_signal = SIGCHLD };
    struct sigaction sa;
    siginfo_t si;
    int pidfd = -1;
    long p;

    c.pidfd = (uintptr_t)&pidfd;
    signal(SIGUSR1, note);
    signal(SIGUSR2, SIG_IGN);
    p = syscall(SYS_clone3, &c, sizeof c);
    if (!p) {
        CHECK(!sigaction(SIGUSR1, NULL, &sa) && sa.sa_handler == SIG_DFL);
        CHECK(!sigaction(SIGUSR2, NULL, &sa) && sa.sa_handler == SIG_IGN);
        kill(getpid(), SIGUSR1);
        _exit(1);
    }
    CHECK(p > 0 && pidfd >= 0);
    CHECK(!waitid(3 /* P_PIDFD */, (id_t)pidfd, &si, WEXITED) && si.si_code == CLD_KILLED && si.si_status == SIGUSR1);
    CHECK(!sigaction(SIGUSR1, NULL, &sa) && sa.sa_handler == note);
    close(pidfd);
}

static void *add(void *n)
{
    for (volatile int i = 0; i < 100000; i++)
        ++*(volatile int *)n;
    return malloc(10);
}

/* The child is a process like any other: library, threads, children of its own. */
static int live_in_there(void)
{
    pthread_t t;
    void *got = NULL;
    int n = 0;
    pid_t p;

    CHECK(getpid() == 1 && syscall(SYS_gettid) == 1);
    CHECK(!pthread_create(&t, NULL, add, &n) && !pthread_join(t, &got) && got && n == 100000);
    p = fork();
    if (!p)
        _exit(getpid() == 1);
    CHECK(p > 1 && status_of(p) == 0);
    return 0;
}

static void namespaces(void)
{
    int n = 0, ret;
    long p = syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);

    if (!p)
        _exit(live_in_there());
    if (p < 0) {
        CHECK(errno == EPERM || errno == ENOSPC);                           /* a host that forbids it */
        return;
    }
    CHECK(status_of((pid_t)p) == 0);
    p = fork();
    if (!p) {
        free(add(&n));                                                      /* hot code: helpers are at work */
        ret = unshare(CLONE_NEWUSER);
        CHECK(!ret || errno == EPERM || errno == ENOSPC);
        free(add(&n));
        _exit(n != 200000);
    }
    CHECK(p > 0 && status_of((pid_t)p) == 0);
}

int main(void)
{
    unused_registers();
    exit_signals();
    shared_descriptors();
    cleared_handlers();
    namespaces();
    return 0;
}

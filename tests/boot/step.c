/* The first process of a guest: steps its child through a loop, page faults and system calls, and powers off. */
#define _GNU_SOURCE
#include <elf.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int x;
static char page[1 << 16];

static int work(int n)
{
    int s = 0;

    for (int i = 0; i < n; i++) {
        s += i * x;
        x = s + 1;
    }
    return s;
}

static void child(void)
{
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    for (unsigned i = 0; i < sizeof page; i += 4096)
        page[i] = 1;
    work(50);
    getppid();
    _exit(work(3) & 7);
}

int main(void)
{
    unsigned long last = 0;
    long steps = 0, same = 0;
    pid_t p = fork();
    int st;

    if (!p)
        child();
    waitpid(p, &st, 0);
    for (;;) {
        struct user_regs_struct r;
        struct iovec v = { &r, sizeof r };

        if (ptrace(PTRACE_SINGLESTEP, p, 0, 0) < 0)
            break;
        waitpid(p, &st, 0);
        if (WIFEXITED(st) || WSTOPSIG(st) != SIGTRAP)
            break;
        ptrace(PTRACE_GETREGSET, p, NT_PRSTATUS, &v);
        same += r.pc == last;
        last = r.pc;
        steps++;
    }
    printf("STEPS=%s SAME=%s STATUS=%d\n", steps > 300 && steps < 5000 ? "hundreds" : "wrong", same < 20 ? "few" : "many",
           WIFEXITED(st) ? WEXITSTATUS(st) : -1);
    fflush(stdout);
    reboot(RB_POWER_OFF);
    return 0;
}

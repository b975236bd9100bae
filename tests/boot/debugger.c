/* The first process of a guest: a debugger that stops its child by hardware breakpoints and watchpoints, then counts and samples
 * its own work with the performance monitors; and powers off. */
#define _GNU_SOURCE
#include <asm/ptrace.h>
#include <elf.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile long watched[4];

static long __attribute__((noinline)) work(long n)
{
    long s = 0;

    for (long i = 0; i < n; i++) {
        s += i;
        __asm__ volatile("" : "+r"(s));
    }
    return s;
}

static void child(void)
{
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    for (int i = 0; i < 3; i++) {
        work(100);
        watched[0] = i;
        watched[1] = i;
    }
    _exit(7);
}

/* Sets the first of the child's breakpoints (NT_ARM_HW_BREAK) or watchpoints, and how many there are. */
static int hardware(pid_t p, int kind, void *at, uint32_t control)
{
    struct user_hwdebug_state h = { 0 };
    struct iovec v = { &h, sizeof h };

    if (ptrace(PTRACE_GETREGSET, p, kind, &v) < 0)
        return -1;
    h.dbg_regs[0].addr = (uintptr_t)at;
    h.dbg_regs[0].ctrl = control;
    v.iov_len = offsetof(struct user_hwdebug_state, dbg_regs) + sizeof h.dbg_regs[0];
    return ptrace(PTRACE_SETREGSET, p, kind, &v) < 0 ? -1 : (int)(h.dbg_info & 0xff);
}

static void go_on(pid_t p, int request, int *st)
{
    ptrace(request, p, 0, 0);
    waitpid(p, st, 0);
}

static void debugger(void)
{
    siginfo_t why = { 0 };
    struct user_regs_struct r;
    struct iovec v = { &r, sizeof r };
    int st, breaks = 0, writes = 0, right = 0, n, m;
    pid_t p = fork();

    if (!p)
        child();
    waitpid(p, &st, 0);
    n = hardware(p, NT_ARM_HW_BREAK, (void *)work, 0xf << 5 | 2 << 1 | 1);
    m = hardware(p, NT_ARM_HW_WATCH, (void *)&watched[1], 0xff << 5 | 2 << 3 | 2 << 1 | 1);
    for (;;) {
        go_on(p, PTRACE_CONT, &st);
        if (!WIFSTOPPED(st) || WSTOPSIG(st) != SIGTRAP)
            break;
        ptrace(PTRACE_GETSIGINFO, p, 0, &why);
        ptrace(PTRACE_GETREGSET, p, NT_PRSTATUS, &v);
        if (r.pc == (uintptr_t)work) {
            breaks++;
            hardware(p, NT_ARM_HW_BREAK, NULL, 0);     /* step over it */
            go_on(p, PTRACE_SINGLESTEP, &st);
            hardware(p, NT_ARM_HW_BREAK, (void *)work, 0xf << 5 | 2 << 1 | 1);
        } else {
            writes++;
            right += why.si_addr == (void *)&watched[1];
            hardware(p, NT_ARM_HW_WATCH, NULL, 0);
            go_on(p, PTRACE_SINGLESTEP, &st);
            hardware(p, NT_ARM_HW_WATCH, (void *)&watched[1], 0xff << 5 | 2 << 3 | 2 << 1 | 1);
        }
    }
    printf("POINTS=%d+%d BREAKS=%d WRITES=%d RIGHT=%d STATUS=%d\n", n, m, breaks, writes, right, WIFEXITED(st) ? WEXITSTATUS(st) : -1);
}

static int counter(uint64_t config, uint64_t period)
{
    struct perf_event_attr a = { .type = PERF_TYPE_HARDWARE, .size = sizeof a, .config = config, .disabled = 1, .exclude_kernel = 1,
                                 .sample_period = period, .sample_type = PERF_SAMPLE_IP, .wakeup_events = 1 };

    return (int)syscall(SYS_perf_event_open, &a, 0, -1, -1, 0);
}

static void counters(void)
{
    int cycles = counter(PERF_COUNT_HW_CPU_CYCLES, 0), instructions = counter(PERF_COUNT_HW_INSTRUCTIONS, 0);
    int sampler = counter(PERF_COUNT_HW_CPU_CYCLES, 100000);
    struct perf_event_mmap_page *ring = mmap(NULL, 5 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, sampler, 0);
    uint64_t c = 0, i = 0;

    ioctl(cycles, PERF_EVENT_IOC_ENABLE, 0);
    ioctl(instructions, PERF_EVENT_IOC_ENABLE, 0);
    ioctl(sampler, PERF_EVENT_IOC_ENABLE, 0);
    work(20000000);
    ioctl(sampler, PERF_EVENT_IOC_DISABLE, 0);
    ioctl(instructions, PERF_EVENT_IOC_DISABLE, 0);
    ioctl(cycles, PERF_EVENT_IOC_DISABLE, 0);
    read(cycles, &c, sizeof c);
    read(instructions, &i, sizeof i);
    printf("CYCLES=%s INSTRUCTIONS=%s SAMPLES=%s\n", c > 1000 ? "some" : "none", i > 1000 ? "some" : "none",
           ring != MAP_FAILED && ring->data_head >= 3 * 16 ? "some" : "none");
}

int main(void)
{
    debugger();
    counters();
    fflush(stdout);
    reboot(RB_POWER_OFF);
    return 0;
}

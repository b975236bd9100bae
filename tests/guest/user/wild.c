/* System calls with arguments that nobody would give: errors, never the end of the emulator. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t.h"

static unsigned long rnd;
static unsigned long next(void) { rnd ^= rnd << 13; rnd ^= rnd >> 7; return rnd ^= rnd << 17; }

/* What would stop, kill, replace, or wait for ever; or change the machine (the tests may run as root). */
static int harmless(long nr)
{
    static const unsigned char no[] = {
        SYS_exit, SYS_exit_group, SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_execve,
        SYS_clone, SYS_rt_sigsuspend, SYS_rt_sigtimedwait, SYS_ppoll, SYS_pselect6, SYS_epoll_pwait, SYS_nanosleep,
        SYS_clock_nanosleep, SYS_futex, SYS_read, SYS_readv, SYS_pread64, SYS_preadv, SYS_wait4, SYS_waitid, SYS_rt_sigreturn,
        SYS_munmap, SYS_mmap, SYS_mprotect, SYS_mremap, SYS_madvise, SYS_brk, SYS_shmat, SYS_shmdt, SYS_unlinkat,
        38 /* renameat */, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_sethostname, SYS_setdomainname, SYS_setuid,
        SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid, SYS_setgroups, SYS_capset, SYS_acct,
        SYS_clock_settime, SYS_settimeofday, SYS_adjtimex, SYS_vhangup, SYS_sync, SYS_syslog, SYS_unshare, SYS_setns,
        SYS_fchmod, SYS_fchmodat, SYS_fchown, SYS_fchownat, SYS_setpgid, SYS_setsid, SYS_prctl, SYS_sched_setscheduler,
        SYS_sched_setparam, SYS_sched_setaffinity, SYS_setpriority, SYS_personality, SYS_setitimer, SYS_mlockall, SYS_close,
        SYS_dup3, SYS_accept, SYS_accept4, SYS_connect, SYS_recvfrom, SYS_recvmsg, SYS_recvmmsg, SYS_msgrcv, SYS_semop,
        SYS_semtimedop, SYS_flock, SYS_fcntl, SYS_ftruncate, SYS_truncate, SYS_ioprio_set, SYS_setrlimit, SYS_shmctl,
        SYS_semctl, SYS_msgctl, SYS_setfsuid, SYS_setfsgid, SYS_ioctl,
    };

    for (unsigned i = 0; i < sizeof no; i++)
        if (no[i] == nr)
            return 0;
    return nr < 244 || nr == SYS_statx || nr == SYS_getrandom || nr == SYS_renameat2 || nr == 258 || nr == 259 ||
           nr == SYS_membarrier || nr == SYS_rseq || nr == SYS_process_vm_readv || nr == 425 || nr == 426 || nr == 427 || nr > 450;
}

static unsigned long argument(char *buf)
{
    switch (next() % 8) {
    case 0: return next();
    case 1: return next() % 70000;
    case 2: return -(next() % 5000);
    case 3: return (unsigned long)buf + next() % 4096;
    case 4: return (unsigned long)buf + 8192;          /* not mapped */
    case 5: return 0x7f0000000000 + next() % 0x1000000000;
    case 6: return 1ul << next() % 64;
    default: return next() % 3;
    }
}

int main(void)
{
    char *buf = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    munmap(buf + 8192, 4096);
    for (int round = 1; round <= 40; round++) {
        pid_t p = fork();
        int st;

        if (!p) {
            rnd = 88172645463325252ul * (unsigned)round;
            for (int s = 1; s < 64; s++)
                signal(s, SIG_IGN);
            alarm(20);
            if (!freopen("/dev/null", "r", stdin) || !freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
                _exit(3);
            if (chdir("/proc"))                        /* where nothing can be made */
                _exit(2);
            for (int i = 0; i < 1500; i++) {
                long nr = next() % 8 ? (long)(next() % 460) : (long)next();
                unsigned long a[6];

                for (int k = 0; k < 6; k++)
                    a[k] = argument(buf);
                memset(buf, 0, 8192);
                if (harmless(nr))
                    syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
            }
            _exit(0);
        }
        CHECK(waitpid(p, &st, 0) == p);
        CHECK(WIFEXITED(st) && WEXITSTATUS(st) == 0);
    }
    return 0;
}

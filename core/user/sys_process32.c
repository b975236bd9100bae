/* Calls on processes, ids and the system that only 32-bit guests have, or whose structures need more than a layout. */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>

#include "core/base/bits.h"
#include "core/user/siginfo.h"
#include "core/user/syscall.h"

int64_t sys_fork(struct user_thread *t, const uint64_t a[6])
{
    const struct user_clone c = { .exit_signal = SIGCHLD };

    (void)a;
    return user_clone(t, &c);
}

int64_t sys_vfork(struct user_thread *t, const uint64_t a[6])
{
    const struct user_clone c = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };

    (void)a;
    return user_clone(t, &c);
}

int64_t sys_nice(struct user_thread *t, const uint64_t a[6])
{
    int by = (int)MIN(MAX((int64_t)a[0], -40), 40);
    /* the kernel's getpriority() counts from 40 down to 1 */
    int64_t now = user_raw(SYS_getpriority, PRIO_PROCESS, 0, 0, 0, 0, 0);

    (void)t;
    if (now < 0)
        return now;
    return user_raw(SYS_setpriority, PRIO_PROCESS, 0, (uint64_t)(int64_t)MIN(MAX(20 - (int)now + by, -20), 19), 0, 0, 0);
}

int64_t sys_waitid32(struct user_thread *t, const uint64_t a[6])
{
    struct rusage usage;
    siginfo_t si;
    int64_t ret;

    memset(&si, 0, sizeof si);
    ret = user_call(t, SYS_waitid, a[0], a[1], a[2] ? (uintptr_t)&si : 0, a[3], a[4] ? (uintptr_t)&usage : 0, 0);
    if (ret == -USER_RESTART)
        return ret;
    if (a[2]) {                                /* also after an error, as the kernel does */
        uint32_t guest[SIGINFO32_WORDS];

        siginfo_to_32(guest, &si);
        if (user_write(a[2], guest, sizeof guest) < 0)
            return -EFAULT;
    }
    return ret >= 0 && a[4] && si.si_signo ? user_put(&user_layout_rusage32, a[4], &usage) : ret;
}

/* Memory sizes in a larger unit if they do not fit, as the kernel gives them to its own 32-bit programs. */
int64_t sys_sysinfo32(struct user_thread *t, const uint64_t a[6])
{
    struct { uint32_t uptime, loads[3], mem[6]; uint16_t procs, pad; uint32_t high[2], unit; uint8_t f[8]; } g;
    struct sysinfo s;
    int64_t ret = user_raw(SYS_sysinfo, (uintptr_t)&s, 0, 0, 0, 0, 0);
    unsigned shift = 0;

    (void)t;
    if (ret < 0)
        return ret;
    const uint64_t mem[8] = { s.totalram, s.freeram, s.sharedram, s.bufferram, s.totalswap, s.freeswap, s.totalhigh,
                              s.freehigh };

    while (MAX(s.totalram, s.totalswap) >> shift > UINT32_MAX && s.mem_unit << shift < 4096)
        shift++;
    memset(&g, 0, sizeof g);
    g.uptime = (uint32_t)s.uptime;
    g.procs = s.procs;
    g.unit = s.mem_unit << shift;
    for (unsigned i = 0; i < 3; i++)
        g.loads[i] = (uint32_t)s.loads[i];
    for (unsigned i = 0; i < 6; i++)
        g.mem[i] = (uint32_t)(mem[i] >> shift);
    for (unsigned i = 0; i < 2; i++)
        g.high[i] = (uint32_t)(mem[6 + i] >> shift);
    return user_write(a[0], &g, sizeof g);
}

/* --- CPU masks: the host takes whole 64-bit words only --------------------------------------------------------------- */

int64_t sys_sched_setaffinity32(struct user_thread *t, const uint64_t a[6])
{
    uint64_t mask[128] = { 0 };
    size_t n = MIN(a[1], sizeof mask);

    (void)t;
    if (user_read(mask, a[2], n) < 0)
        return -EFAULT;
    return user_raw(SYS_sched_setaffinity, a[0], (n + 7) & ~(size_t)7, (uintptr_t)mask, 0, 0, 0);
}

int64_t sys_sched_getaffinity32(struct user_thread *t, const uint64_t a[6])
{
    uint64_t mask[128] = { 0 };
    int64_t ret;

    (void)t;
    if (a[1] & 3)
        return -EINVAL;
    ret = user_raw(SYS_sched_getaffinity, a[0], sizeof mask, (uintptr_t)mask, 0, 0, 0);
    if (ret < 0)
        return ret;
    for (size_t i = a[1]; i < (size_t)ret; i++)
        if (((uint8_t *)mask)[i])
            return -EINVAL;                    /* a CPU that there is no room for */
    ret = MIN(ret, (int64_t)a[1]);
    return user_write(a[2], mask, (size_t)ret) < 0 ? -EFAULT : ret;
}

/* --- groups in 16 bits --------------------------------------------------------------------------------------------- */

int64_t sys_getgroups16(struct user_thread *t, const uint64_t a[6])
{
    uint32_t wide[NGROUPS_MAX];
    int64_t n = user_raw(SYS_getgroups, NGROUPS_MAX, (uintptr_t)wide, 0, 0, 0, 0);

    (void)t;
    if (n < 0 || !(int)a[0])
        return n;
    if ((int)a[0] < n)
        return -EINVAL;
    for (int64_t i = 0; i < n; i++)
        if (user_put(&user_layout_id16, a[1] + (uint64_t)i * 2, &wide[i]) < 0)
            return -EFAULT;
    return n;
}

int64_t sys_setgroups16(struct user_thread *t, const uint64_t a[6])
{
    uint32_t wide[NGROUPS_MAX];

    (void)t;
    if (a[0] > NGROUPS_MAX)
        return -EINVAL;
    for (uint64_t i = 0; i < a[0]; i++)
        if (user_get(&user_layout_id16, &wide[i], a[1] + i * 2) < 0)
            return -EFAULT;
    return user_raw(SYS_setgroups, a[0], (uintptr_t)wide, 0, 0, 0, 0);
}

/* --- ARM ----------------------------------------------------------------------------------------------------------- */

int64_t sys_arm_breakpoint(struct user_thread *t, const uint64_t a[6])
{
    (void)a;
    user_signal_force(t, SIGTRAP, TRAP_BRKPT, t->env->pc);
    return 0;
}

int64_t sys_arm_set_tls(struct user_thread *t, const uint64_t a[6])
{
    user_proc.abi->set_tls(t->env, a[0]);
    return 0;
}

int64_t sys_arm_get_tls(struct user_thread *t, const uint64_t a[6])
{
    (void)a;
    return (int64_t)user_proc.abi->get_tls(t->env);
}

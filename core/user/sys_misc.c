/* System calls about the system, the process and time that need more than a pointer check. */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>

#include "core/base/bits.h"
#include "core/base/log.h"
#include "core/opt/options.h"
#include "core/user/syscall.h"

static int64_t futex(struct user_thread *t, const uint64_t a[6], const struct user_layout *layout)
{
    uint64_t fourth = a[3], second = 0;
    struct timespec ts;

    switch ((int)a[1] & FUTEX_CMD_MASK) {
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE:
    case FUTEX_WAKE_OP:
    case FUTEX_WAIT_REQUEUE_PI:
    case FUTEX_CMP_REQUEUE_PI:
        second = user_kernelp(a[4]);
        break;
    default:
        break;                                 /* the register holds anything */
    }
    switch ((int)a[1] & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
    case FUTEX_WAIT_REQUEUE_PI:
        if (fourth && layout && user_get(layout, &ts, fourth) < 0)
            return -EFAULT;
        fourth = fourth && layout ? (uintptr_t)&ts : user_kernelp(fourth);
        break;
    default:
        break;                                 /* a count */
    }
    return user_call(t, SYS_futex, user_kernelp(a[0]), a[1], a[2], fourth, second, a[5]);
}

int64_t sys_futex(struct user_thread *t, const uint64_t a[6])
{
    return futex(t, a, user_narrow() ? &user_layout_timespec32 : NULL);
}

int64_t sys_futex_time64(struct user_thread *t, const uint64_t a[6]) { return futex(t, a, &user_layout_timespec64); }

/* An array of structures that agree everywhere, with guest addresses in them. */
int64_t sys_futex_waitv(struct user_thread *t, const uint64_t a[6])
{
    enum { WAITERS_MAX = 128 };                /* FUTEX_WAITV_MAX */
    struct { uint64_t val, uaddr; uint32_t flags, reserved; } w[WAITERS_MAX];      /* struct futex_waitv */
    struct timespec ts;
    uint64_t timeout = user_hostp(a[3]);

    if (!a[0] || !a[1] || a[1] > WAITERS_MAX)
        return -EINVAL;
    if (user_read(w, a[0], a[1] * sizeof *w) < 0 || !user_ptr_ok(a[3]))
        return -EFAULT;
    for (uint64_t i = 0; i < a[1]; i++) {
        if (!user_ptr_ok(w[i].uaddr))
            return -EFAULT;
        w[i].uaddr = user_hostp(w[i].uaddr);
    }
    if (a[3] && user_narrow()) {
        if (user_get(&user_layout_timespec64, &ts, a[3]) < 0)
            return -EFAULT;
        timeout = (uintptr_t)&ts;
    }
    return user_call(t, SYS_futex_waitv, (uintptr_t)w, a[1], a[2], timeout, a[4], 0);
}

int64_t sys_uname(struct user_thread *t, const uint64_t a[6])
{
    const char *release = user_proc.options ? user_proc.options->release : NULL;
    struct utsname u;
    int64_t ret = user_raw(SYS_uname, (uintptr_t)&u, 0, 0, 0, 0, 0);

    (void)t;
    if (ret < 0)
        return ret;
    memset(u.machine, 0, sizeof u.machine);
    strncpy(u.machine, user_proc.abi->machine ? user_proc.abi->machine(user_proc.model) : user_proc.abi->uname_machine,
            sizeof u.machine - 1);
    if (release) {
        memset(u.release, 0, sizeof u.release);
        strncpy(u.release, release, sizeof u.release - 1);
    }
    return user_write(a[0], &u, sizeof u);
}

/* --- prctl --------------------------------------------------------------------------------------------------------- */

int64_t sys_prctl(struct user_thread *t, const uint64_t a[6])
{
    char name[16] = "";
    uint32_t value;
    int64_t ret = user_proc.abi->prctl ? user_proc.abi->prctl(t->env, a) : -ENOSYS;

    if (ret != -ENOSYS)
        return ret;
    switch ((int)a[0]) {
    case PR_SET_NAME:
        if (user_read_string(name, sizeof name, a[1]) == -EFAULT)
            return -EFAULT;
        name[15] = 0;
        return user_raw(SYS_prctl, PR_SET_NAME, (uintptr_t)name, 0, 0, 0, 0);
    case PR_GET_NAME:
        user_raw(SYS_prctl, PR_GET_NAME, (uintptr_t)name, 0, 0, 0, 0);
        return user_write(a[1], name, sizeof name);
    case PR_GET_PDEATHSIG:
    case PR_GET_CHILD_SUBREAPER:
        value = 0;
        if (user_raw(SYS_prctl, a[0], (uintptr_t)&value, 0, 0, 0, 0) < 0)
            return -EINVAL;
        return user_write(a[1], &value, 4);
    case PR_SET_PDEATHSIG:
    case PR_SET_CHILD_SUBREAPER:
    case PR_GET_DUMPABLE:
    case PR_SET_DUMPABLE:
    case PR_GET_KEEPCAPS:
    case PR_SET_KEEPCAPS:
    case PR_GET_TIMERSLACK:
    case PR_SET_TIMERSLACK:
    case PR_GET_SECUREBITS:
    case PR_SET_SECUREBITS:
    case PR_CAPBSET_READ:
    case PR_CAPBSET_DROP:
    case PR_CAP_AMBIENT:
    case PR_SET_NO_NEW_PRIVS:
    case PR_GET_NO_NEW_PRIVS:
    case PR_GET_TIMING:
    case PR_GET_THP_DISABLE:
    case PR_SET_THP_DISABLE:
    case PR_SET_PTRACER:
    case PR_MCE_KILL:
    case PR_MCE_KILL_GET:
    case PR_GET_IO_FLUSHER:
        return user_raw(SYS_prctl, a[0], a[1], a[2], a[3], a[4], 0);
    case PR_GET_SECCOMP:
        return 0;
    case 0x53564d41:                           /* PR_SET_VMA: a name for a range, for /proc only */
        if (!user_range(a[2], a[3]) || !user_ptr_ok(a[4]))
            return -EINVAL;
        return user_raw(SYS_prctl, a[0], a[1], user_hostp(a[2]), a[3], user_hostp(a[4]), 0);
    default:
        log_unimp("prctl %d is not implemented", (int)a[0]);
        return -EINVAL;
    }
}

/* --- time ---------------------------------------------------------------------------------------------------------- */

/* By the C library: it reads the clock without entering the kernel. */
int64_t sys_clock_gettime(struct user_thread *t, const uint64_t a[6])
{
    struct timespec ts;

    (void)t;
    if (clock_gettime((clockid_t)a[0], &ts) < 0)
        return -errno;
    return user_write(a[1], &ts, sizeof ts);
}

int64_t sys_gettimeofday(struct user_thread *t, const uint64_t a[6])
{
    struct timezone tz;
    struct timeval tv;

    (void)t;
    gettimeofday(&tv, NULL);
    if (a[0] && user_write(a[0], &tv, sizeof tv) < 0)
        return -EFAULT;
    if (!a[1])
        return 0;
    user_raw(SYS_gettimeofday, 0, (uintptr_t)&tz, 0, 0, 0, 0);
    return user_write(a[1], &tz, sizeof tz);
}

/* --- RISC-V -------------------------------------------------------------------------------------------------------- */

/* Pairs of key and value; Linux, Documentation/arch/riscv/hwprobe.rst. A key that is not known becomes -1. */
int64_t sys_riscv_hwprobe(struct user_thread *t, const uint64_t a[6])
{
    (void)t;
    if (a[4] > 1 || (int64_t)a[1] < 0)
        return -EINVAL;
    if (a[4]) {
        log_unimp("riscv_hwprobe: RISCV_HWPROBE_WHICH_CPUS");
        return -EINVAL;
    }
    if (!user_proc.abi->probe)
        return -ENOSYS;
    for (uint64_t i = 0; i < a[1]; i++) {
        struct { int64_t key; uint64_t value; } pair;

        if (user_read(&pair, a[0] + i * sizeof pair, sizeof pair) < 0)
            return -EFAULT;
        if (!user_proc.abi->probe(user_proc.model, pair.key, &pair.value)) {
            pair.key = -1;
            pair.value = 0;
        }
        if (user_write(a[0] + i * sizeof pair, &pair, sizeof pair) < 0)
            return -EFAULT;
    }
    return 0;
}

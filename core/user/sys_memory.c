/* System calls on memory: the argument order of each, and what user mode has to say to it (mmap.c does the work). */
#include <errno.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/syscall.h>

#include "core/base/bits.h"
#include "core/user/syscall.h"

int64_t sys_brk(struct user_thread *t, const uint64_t a[6]) { (void)t; return user_brk(a[0]); }

int64_t sys_mmap(struct user_thread *t, const uint64_t a[6])
{
    (void)t;
    return user_mmap(a[0], a[1], (int)a[2], (int)a[3], (int)a[4], (int64_t)a[5]);
}

int64_t sys_munmap(struct user_thread *t, const uint64_t a[6]) { (void)t; return user_munmap(a[0], a[1]); }
int64_t sys_mprotect(struct user_thread *t, const uint64_t a[6]) { (void)t; return user_mprotect(a[0], a[1], (int)a[2]); }

int64_t sys_mremap(struct user_thread *t, const uint64_t a[6])
{
    (void)t;
    return user_mremap(a[0], a[1], a[2], (int)a[3], a[4]);
}

int64_t sys_madvise(struct user_thread *t, const uint64_t a[6]) { (void)t; return user_madvise(a[0], a[1], (int)a[2]); }
int64_t sys_shmat(struct user_thread *t, const uint64_t a[6]) { (void)t; return user_shmat((int)a[0], a[1], (int)a[2]); }
int64_t sys_shmdt(struct user_thread *t, const uint64_t a[6]) { (void)t; return user_shmdt(a[0]); }

/* Locking all of the emulator's memory would be far more than the guest asked for: on fault only. */
int64_t sys_mlockall(struct user_thread *t, const uint64_t a[6])
{
    (void)t;
    return user_raw(SYS_mlockall, a[0] | MCL_ONFAULT, 0, 0, 0, 0, 0);
}

int64_t sys_riscv_flush_icache(struct user_thread *t, const uint64_t a[6])
{
    (void)t;
    if (a[2] & ~UINT64_C(1))
        return -EINVAL;
    if (a[1] > a[0] && user_range(a[0], a[1] - a[0]))
        user_code_changed(a[0], a[1] - a[0]);
    else
        user_code_changed(0, user_limit);
    return 0;
}

/* struct semid64_ds of asm-generic; x86 has padding after each time. */
struct semid_generic {
    struct ipc_perm perm;
    uint64_t otime, ctime, nsems, unused[2];
};

int64_t sys_semctl(struct user_thread *t, const uint64_t a[6])
{
    int cmd = (int)a[2] & ~0x100 /* IPC_64 */;
    struct semid_generic g;
    struct semid_ds ds;
    int64_t ret;

    (void)t;
    switch (cmd) {
    case IPC_STAT:
    case SEM_STAT:
    case SEM_STAT_ANY:
        ret = user_raw(SYS_semctl, a[0], a[1], (uint64_t)cmd, (uintptr_t)&ds, 0, 0);
        if (ret < 0)
            return ret;
        g = (struct semid_generic){ ds.sem_perm, (uint64_t)ds.sem_otime, (uint64_t)ds.sem_ctime, ds.sem_nsems, { 0, 0 } };
        return user_write(a[3], &g, sizeof g) < 0 ? -EFAULT : ret;
    case IPC_SET:
        if (user_read(&g, a[3], sizeof g) < 0)
            return -EFAULT;
        ds = (struct semid_ds){ .sem_perm = g.perm };
        return user_raw(SYS_semctl, a[0], a[1], (uint64_t)cmd, (uintptr_t)&ds, 0, 0);
    case GETALL:
    case SETALL:
    case IPC_INFO:
    case SEM_INFO:
        if (!user_ptr_ok(a[3]))
            return -EFAULT;
        return user_raw(SYS_semctl, a[0], a[1], (uint64_t)cmd, user_hostp(a[3]), 0, 0);
    default:
        return user_raw(SYS_semctl, a[0], a[1], (uint64_t)cmd, a[3], 0, 0);
    }
}

/* --- ARM ----------------------------------------------------------------------------------------------------------- */

int64_t sys_arm_cacheflush(struct user_thread *t, const uint64_t a[6])
{
    (void)t;
    if (a[1] < a[0] || a[2])
        return -EINVAL;
    if (!user_range(a[0], a[1] - a[0]))
        return -EFAULT;
    user_code_changed(a[0], a[1] - a[0]);
    return 0;
}

/* System V messages, semaphores and shared memory of 32-bit guests. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/user/syscall.h"

enum { IPC_64_FLAG = 0x100, MESSAGE_MAX = 16 << 20 };

/* STAT and SET of all three: one structure each. The old form of the structure (without IPC_64) is no longer in use. */
static int64_t stat_or_set(long nr, const uint64_t a[3], int cmd, const struct user_layout *l, uint64_t at, unsigned arg)
{
    uint8_t host[USER_LAYOUT_MAX];
    uint64_t h[4] = { a[0], a[1], a[2], 0 };
    int64_t ret;

    h[arg] = (uintptr_t)host;
    if (cmd == IPC_SET && user_get(l, host, at) < 0)
        return -EFAULT;
    ret = user_raw(nr, h[0], h[1], h[2], h[3], 0, 0);
    return ret >= 0 && cmd != IPC_SET && user_put(l, at, host) < 0 ? -EFAULT : ret;
}

int64_t sys_semctl32(struct user_thread *t, const uint64_t a[6])
{
    int cmd = (int)a[2] & ~IPC_64_FLAG;

    (void)t;
    switch (cmd) {
    case IPC_STAT: case IPC_SET: case SEM_STAT: case SEM_STAT_ANY:
        return stat_or_set(SYS_semctl, (const uint64_t[3]){ a[0], a[1], (uint64_t)cmd }, cmd, &user_layout_semid32, a[3], 3);
    case GETALL: case SETALL: case IPC_INFO: case SEM_INFO:
        return user_raw(SYS_semctl, a[0], a[1], (uint64_t)cmd, user_hostp(a[3]), 0, 0);
    default:
        return user_raw(SYS_semctl, a[0], a[1], (uint64_t)cmd, a[3], 0, 0);
    }
}

int64_t sys_msgctl32(struct user_thread *t, const uint64_t a[6])
{
    int cmd = (int)a[1] & ~IPC_64_FLAG;

    (void)t;
    switch (cmd) {
    case IPC_STAT: case IPC_SET: case MSG_STAT: case MSG_STAT_ANY:
        return stat_or_set(SYS_msgctl, (const uint64_t[3]){ a[0], (uint64_t)cmd, 0 }, cmd, &user_layout_msqid32, a[2], 2);
    default:                                   /* struct msginfo has ints only */
        return user_raw(SYS_msgctl, a[0], (uint64_t)cmd, user_hostp(a[2]), 0, 0, 0);
    }
}

int64_t sys_shmctl32(struct user_thread *t, const uint64_t a[6])
{
    int cmd = (int)a[1] & ~IPC_64_FLAG;
    uint64_t info[16];
    uint32_t narrow[9] = { 0 };
    int64_t ret;

    (void)t;
    switch (cmd) {
    case IPC_STAT: case IPC_SET: case SHM_STAT: case SHM_STAT_ANY:
        return stat_or_set(SYS_shmctl, (const uint64_t[3]){ a[0], (uint64_t)cmd, 0 }, cmd, &user_layout_shmid32, a[2], 2);
    case IPC_INFO:                             /* struct shminfo64: nine longs, five in use */
        ret = user_raw(SYS_shmctl, a[0], (uint64_t)cmd, (uintptr_t)info, 0, 0, 0);
        for (unsigned i = 0; i < 5; i++)
            narrow[i] = (uint32_t)MIN(info[i], UINT64_C(0x7fffffff));
        return ret >= 0 && user_write(a[2], narrow, sizeof narrow) < 0 ? -EFAULT : ret;
    case SHM_INFO:                             /* struct shm_info: an int, five longs */
        ret = user_raw(SYS_shmctl, a[0], (uint64_t)cmd, (uintptr_t)info, 0, 0, 0);
        for (unsigned i = 0; i < 6; i++)
            narrow[i] = (uint32_t)info[i];
        return ret >= 0 && user_write(a[2], narrow, 24) < 0 ? -EFAULT : ret;
    default:
        return user_raw(SYS_shmctl, a[0], (uint64_t)cmd, a[2], 0, 0, 0);
    }
}

/* --- messages: a long before the text ------------------------------------------------------------------------------ */

struct message { int64_t type; uint8_t text[]; };

int64_t sys_msgsnd32(struct user_thread *t, const uint64_t a[6])
{
    struct message *m;
    int32_t type;
    int64_t ret = -EFAULT;

    if (a[2] > MESSAGE_MAX)
        return -EINVAL;
    m = try_alloc(sizeof *m + a[2], 1, sizeof *m + MESSAGE_MAX);
    if (!m)
        return -ENOMEM;
    if (!user_read(&type, a[1], 4) && !user_read(m->text, a[1] + 4, a[2])) {
        m->type = type;
        ret = user_call(t, SYS_msgsnd, a[0], (uintptr_t)m, a[2], a[3], 0, 0);
    }
    free(m);
    return ret;
}

int64_t sys_msgrcv32(struct user_thread *t, const uint64_t a[6])
{
    struct message *m;
    int32_t type;
    int64_t ret;

    if (a[2] > MESSAGE_MAX)
        return -EINVAL;
    m = try_alloc(sizeof *m + a[2], 1, sizeof *m + MESSAGE_MAX);
    if (!m)
        return -ENOMEM;
    ret = user_call(t, SYS_msgrcv, a[0], (uintptr_t)m, a[2], a[3], a[4], 0);
    type = (int32_t)m->type;
    if (ret >= 0 && (user_write(a[1], &type, 4) < 0 || user_write(a[1] + 4, m->text, (size_t)ret) < 0))
        ret = -EFAULT;
    free(m);
    return ret;
}

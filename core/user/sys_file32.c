/* Calls on files that only 32-bit guests have, or whose structures need more than a layout. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "core/base/bits.h"
#include "core/user/file.h"
#include "core/user/syscall.h"

#define STAT(name, path, flags, to, layout) \
    int64_t name(struct user_thread *t, const uint64_t a[6]) \
    { \
        (void)t; \
        return user_stat((uint64_t)AT_FDCWD, path, flags, to, &user_layout_##layout); \
    }
STAT(sys_stat64, a[0], 0, a[1], stat64)
STAT(sys_lstat64, a[0], AT_SYMLINK_NOFOLLOW, a[1], stat64)
STAT(sys_stat32, a[0], 0, a[1], stat32)
STAT(sys_lstat32, a[0], AT_SYMLINK_NOFOLLOW, a[1], stat32)

int64_t sys_fstat64(struct user_thread *t, const uint64_t a[6])
{
    (void)t;
    return user_fstat(a[0], a[1], &user_layout_stat64);
}

int64_t sys_fstat32(struct user_thread *t, const uint64_t a[6])
{
    (void)t;
    return user_fstat(a[0], a[1], &user_layout_stat32);
}

int64_t sys_fstatat64(struct user_thread *t, const uint64_t a[6])
{
    (void)t;
    return user_stat(a[0], a[1], a[3], a[2], &user_layout_stat64);
}

/* --- file systems -------------------------------------------------------------------------------------------------- */

/* The size that the caller gives: with or without the padding at the end. */
static bool statfs64_size(uint64_t bytes)
{
    return bytes == user_layout_bytes(&user_layout_statfs64) || bytes == 84;
}

int64_t sys_statfs64(struct user_thread *t, const uint64_t a[6])
{
    char guest[PATH_MAX], host[PATH_MAX];
    struct statfs s;
    int64_t ret = user_read_string(guest, sizeof guest, a[0]);

    (void)t;
    if (ret < 0)
        return ret;
    if (!statfs64_size(a[1]))
        return -EINVAL;
    ret = user_raw(SYS_statfs, (uintptr_t)user_path(guest, host, sizeof host), (uintptr_t)&s, 0, 0, 0, 0);
    return ret < 0 ? ret : user_put(&user_layout_statfs64, a[2], &s);
}

int64_t sys_fstatfs64(struct user_thread *t, const uint64_t a[6])
{
    struct statfs s;
    int64_t ret;

    (void)t;
    if (!statfs64_size(a[1]))
        return -EINVAL;
    ret = user_raw(SYS_fstatfs, a[0], (uintptr_t)&s, 0, 0, 0, 0);
    return ret < 0 ? ret : user_put(&user_layout_statfs64, a[2], &s);
}

/* --- directories --------------------------------------------------------------------------------------------------- */

struct dirent64_host { uint64_t ino; int64_t off; uint16_t reclen; uint8_t type; char name[]; };
struct dirent32 { uint32_t ino, off; uint16_t reclen; char name[]; };

/* The old record is never larger than the new one, so what the host delivers always fits. Its type is its last byte. */
int64_t sys_getdents(struct user_thread *t, const uint64_t a[6])
{
    _Alignas(8) uint8_t from[32768], to[sizeof from];
    uint64_t room = MIN(a[2], sizeof from);
    int64_t n, done = 0;

    (void)t;
    n = user_raw(SYS_getdents64, a[0], (uintptr_t)from, room, 0, 0, 0);
    for (int64_t at = 0; at < n; ) {
        const struct dirent64_host *d = (const struct dirent64_host *)(from + at);
        struct dirent32 *g = (struct dirent32 *)(to + done);
        size_t name = strlen(d->name) + 1, bytes = (offsetof(struct dirent32, name) + name + 1 + 3) & ~(size_t)3;

        if (d->ino > UINT32_MAX)
            return -EOVERFLOW;
        memset(g, 0, bytes);
        g->ino = (uint32_t)d->ino;
        g->off = (uint32_t)d->off;
        g->reclen = (uint16_t)bytes;
        memcpy(g->name, d->name, name);
        to[done + (int64_t)bytes - 1] = d->type;
        done += (int64_t)bytes;
        at += d->reclen;
    }
    return n < 0 ? n : user_write(a[1], to, (size_t)done) < 0 ? -EFAULT : done;
}

/* --- 64-bit positions ---------------------------------------------------------------------------------------------- */

int64_t sys_llseek(struct user_thread *t, const uint64_t a[6])
{
    int64_t at = user_raw(SYS_lseek, a[0], a[1] << 32 | (uint32_t)a[2], a[4], 0, 0, 0);

    (void)t;
    return at < 0 ? at : user_write(a[3], &at, sizeof at);
}

/* ARM moves an argument to the front, so that the two pairs begin at even registers. */
int64_t sys_arm_fadvise64(struct user_thread *t, const uint64_t a[6])
{
    (void)t;
    return user_raw(SYS_fadvise64, a[0], a[2], a[3], a[1], 0, 0);
}

int64_t sys_arm_sync_file_range(struct user_thread *t, const uint64_t a[6])
{
    return user_call(t, SYS_sync_file_range, a[0], a[2], a[3], a[1], 0, 0);
}

int64_t sys_mmap2(struct user_thread *t, const uint64_t a[6])
{
    (void)t;
    return user_mmap(a[0], a[1], (int)a[2], (int)a[3], (int)a[4], (int64_t)(a[5] << 12));
}

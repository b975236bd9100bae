/* System calls on files whose structures or paths need a look: stat, open, readlink, vectors, fcntl. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "core/base/bits.h"
#include "core/user/file.h"
#include "core/user/syscall.h"
#include "core/user/vector.h"

/* --- stat ---------------------------------------------------------------------------------------------------------- */

/* Linux, include/uapi/asm-generic/stat.h, 64-bit. */
struct stat_generic {
    uint64_t dev, ino;
    uint32_t mode, nlink, uid, gid;
    uint64_t rdev, pad1;
    int64_t size;
    int32_t blksize, pad2;
    int64_t blocks;
    int64_t atime;
    uint64_t atime_nsec;
    int64_t mtime;
    uint64_t mtime_nsec;
    int64_t ctime;
    uint64_t ctime_nsec;
    uint32_t unused[2];
};

static int64_t put_stat(uint64_t to, const struct stat *st, const struct user_layout *layout)
{
    if (layout)
        return user_put(layout, to, st);

    struct stat_generic g = {
        .dev = st->st_dev, .ino = st->st_ino, .mode = st->st_mode, .nlink = (uint32_t)st->st_nlink, .uid = st->st_uid,
        .gid = st->st_gid, .rdev = st->st_rdev, .size = st->st_size, .blksize = (int32_t)st->st_blksize,
        .blocks = st->st_blocks, .atime = st->st_atim.tv_sec, .atime_nsec = (uint64_t)st->st_atim.tv_nsec,
        .mtime = st->st_mtim.tv_sec, .mtime_nsec = (uint64_t)st->st_mtim.tv_nsec,
        .ctime = st->st_ctim.tv_sec, .ctime_nsec = (uint64_t)st->st_ctim.tv_nsec,
    };

    return user_write(to, &g, sizeof g);
}

int64_t user_fstat(uint64_t fd, uint64_t to, const struct user_layout *layout)
{
    struct stat st;
    int64_t ret = user_raw(SYS_fstat, fd, (uintptr_t)&st, 0, 0, 0, 0);

    return ret < 0 ? ret : put_stat(to, &st, layout);
}

int64_t user_stat(uint64_t dirfd, uint64_t path, uint64_t flags, uint64_t to, const struct user_layout *layout)
{
    char guest[PATH_MAX], host[PATH_MAX];
    struct stat st;
    int64_t ret;

    if (!path) {
        ret = user_raw(SYS_newfstatat, dirfd, 0, (uintptr_t)&st, flags, 0, 0);
    } else {
        ret = user_read_string(guest, sizeof guest, path);
        if (ret < 0)
            return ret;
        ret = user_raw(SYS_newfstatat, dirfd, (uintptr_t)user_path(guest, host, sizeof host), (uintptr_t)&st, flags, 0, 0);
    }
    return ret < 0 ? ret : put_stat(to, &st, layout);
}

int64_t sys_fstat(struct user_thread *t, const uint64_t a[6]) { (void)t; return user_fstat(a[0], a[1], NULL); }

int64_t sys_newfstatat(struct user_thread *t, const uint64_t a[6])
{
    (void)t;
    return user_stat(a[0], a[1], a[3], a[2], NULL);
}

/* --- open flags ---------------------------------------------------------------------------------------------------- */

/* Four flags have other bits on ARM (Linux, arch/arm64/include/uapi/asm/fcntl.h); the rest is asm-generic everywhere. */
static const struct { uint32_t host, arm; } arm_flags[] = {
    { O_DIRECTORY, 040000 }, { O_NOFOLLOW, 0100000 }, { O_DIRECT, 0200000 }, { 0100000 /* O_LARGEFILE */, 0400000 },
};

uint64_t user_open_flags(uint64_t guest)
{
    uint64_t all = 0, out = 0;

    if (!user_proc.abi->arm_open_flags)
        return guest;
    for (size_t i = 0; i < ARRAY_LEN(arm_flags); i++) {
        all |= arm_flags[i].arm;
        /* O_TMPFILE is O_DIRECTORY and a bit of its own: both move along */
        out |= guest & arm_flags[i].arm ? arm_flags[i].host : 0;
    }
    return (guest & ~all) | out;
}

static uint64_t guest_open_flags(uint64_t host)
{
    uint64_t all = 0, out = 0;

    if (!user_proc.abi->arm_open_flags)
        return host;
    for (size_t i = 0; i < ARRAY_LEN(arm_flags); i++) {
        all |= arm_flags[i].host;
        out |= host & arm_flags[i].host ? arm_flags[i].arm : 0;
    }
    return (host & ~all) | out;
}

int64_t sys_pipe2(struct user_thread *t, const uint64_t a[6])
{
    (void)t;
    if (!user_ptr_ok(a[0]))
        return -EFAULT;
    return user_raw(SYS_pipe2, user_hostp(a[0]), user_open_flags(a[1]), 0, 0, 0, 0);
}

/* --- names --------------------------------------------------------------------------------------------------------- */

int64_t sys_openat(struct user_thread *t, const uint64_t a[6])
{
    char guest[PATH_MAX], host[PATH_MAX];
    uint64_t flags = user_open_flags(a[2]);
    int64_t ret = user_read_string(guest, sizeof guest, a[1]);

    if (ret < 0)
        return ret;
    ret = user_proc_open(guest, (int)flags);
    if (ret != -ENOSYS)
        return ret;
    return user_call(t, SYS_openat, a[0], (uintptr_t)user_path(guest, host, sizeof host), flags, a[3], 0, 0);
}

int64_t sys_open(struct user_thread *t, const uint64_t a[6])
{
    return sys_openat(t, (const uint64_t[6]){ (uint64_t)AT_FDCWD, a[0], a[1], a[2] });
}

int64_t sys_creat(struct user_thread *t, const uint64_t a[6])
{
    return sys_openat(t, (const uint64_t[6]){ (uint64_t)AT_FDCWD, a[0], O_CREAT | O_WRONLY | O_TRUNC, a[1] });
}

int64_t sys_openat2(struct user_thread *t, const uint64_t a[6])
{
    enum { HOW_BYTES = 24, HOW_MAX = 256 };    /* a longer structure is the kernel's to judge */
    union { uint64_t flags; uint8_t bytes[HOW_MAX]; } how;
    char guest[PATH_MAX], host[PATH_MAX];
    int64_t ret;

    if (a[3] < HOW_BYTES)
        return -EINVAL;
    if (a[3] > HOW_MAX)
        return -E2BIG;
    if (user_read(&how, a[2], a[3]) < 0)
        return -EFAULT;
    ret = user_read_string(guest, sizeof guest, a[1]);
    if (ret < 0)
        return ret;
    how.flags = user_open_flags(how.flags);
    return user_call(t, SYS_openat2, a[0], (uintptr_t)user_path(guest, host, sizeof host), (uintptr_t)&how, a[3], 0, 0);
}

int64_t sys_readlinkat(struct user_thread *t, const uint64_t a[6])
{
    char guest[PATH_MAX], host[PATH_MAX];
    int64_t ret = user_read_string(guest, sizeof guest, a[1]);
    const char *link;

    (void)t;
    if (ret < 0)
        return ret;
    if ((int)a[3] <= 0)
        return -EINVAL;
    link = user_proc_link(guest);
    if (link) {
        size_t n = MIN(strlen(link), (size_t)(int)a[3]);

        return user_write(a[2], link, n) < 0 ? -EFAULT : (int64_t)n;
    }
    if (!user_ptr_ok(a[2]))
        return -EFAULT;
    return user_raw(SYS_readlinkat, a[0], (uintptr_t)user_path(guest, host, sizeof host), user_hostp(a[2]), a[3], 0, 0);
}

int64_t sys_readlink(struct user_thread *t, const uint64_t a[6])
{
    return sys_readlinkat(t, (const uint64_t[6]){ (uint64_t)AT_FDCWD, a[0], a[1], a[2] });
}

/* --- vectors ------------------------------------------------------------------------------------------------------- */

int64_t user_iovec(struct iovec *iov, uint64_t from, uint64_t count)
{
    if (count > IOV_MAX)
        return -EINVAL;
    if (user_narrow()) {
        struct { uint32_t base, len; } narrow[IOV_MAX];

        if (user_read(narrow, from, count * sizeof *narrow) < 0)
            return -EFAULT;
        for (size_t i = 0; i < count; i++)
            iov[i] = (struct iovec){ (void *)(uintptr_t)narrow[i].base, narrow[i].len };
    } else if (user_read(iov, from, count * sizeof *iov) < 0) {
        return -EFAULT;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t base = (uintptr_t)iov[i].iov_base;

        if (iov[i].iov_len && !user_range(base, MIN(iov[i].iov_len, UINT64_C(0x7ffff000))))
            return -EFAULT;
        iov[i].iov_base = (void *)(uintptr_t)user_hostp(base);
    }
    return 0;
}

static int64_t vector_call(struct user_thread *t, long nr, const uint64_t a[6])
{
    struct iovec iov[IOV_MAX];
    int64_t ret = user_iovec(iov, a[1], (uint32_t)a[2]);
    uint64_t at = a[3];

    /* a 64-bit guest's position comes in one register; a 32-bit one's in two, which the host would not put together */
    if (user_narrow())
        at = (uint32_t)a[3] | a[4] << 32;
    /* a descriptor that is wrong as well counts first: the kernel says which */
    return user_call(t, nr, a[0], ret < 0 ? user_kernelp(~UINT64_C(0)) : (uintptr_t)iov, a[2], at, 0, a[5]);
}

int64_t sys_readv(struct user_thread *t, const uint64_t a[6]) { return vector_call(t, SYS_readv, a); }
int64_t sys_writev(struct user_thread *t, const uint64_t a[6]) { return vector_call(t, SYS_writev, a); }
int64_t sys_preadv(struct user_thread *t, const uint64_t a[6]) { return vector_call(t, SYS_preadv, a); }
int64_t sys_pwritev(struct user_thread *t, const uint64_t a[6]) { return vector_call(t, SYS_pwritev, a); }
int64_t sys_preadv2(struct user_thread *t, const uint64_t a[6]) { return vector_call(t, SYS_preadv2, a); }
int64_t sys_pwritev2(struct user_thread *t, const uint64_t a[6]) { return vector_call(t, SYS_pwritev2, a); }
int64_t sys_vmsplice(struct user_thread *t, const uint64_t a[6]) { return vector_call(t, SYS_vmsplice, a); }

static int64_t process_vm(long nr, const uint64_t a[6])
{
    struct iovec local[IOV_MAX], remote[IOV_MAX];
    int64_t ret = user_iovec(local, a[1], a[2]);

    if (ret < 0)
        return ret;
    ret = user_iovec(remote, a[3], a[4]);
    return ret < 0 ? ret : user_raw(nr, a[0], (uintptr_t)local, a[2], (uintptr_t)remote, a[4], a[5]);
}

int64_t sys_process_vm_readv(struct user_thread *t, const uint64_t a[6])
{
    (void)t;
    return process_vm(SYS_process_vm_readv, a);
}

int64_t sys_process_vm_writev(struct user_thread *t, const uint64_t a[6])
{
    (void)t;
    return process_vm(SYS_process_vm_writev, a);
}

/* --- fcntl --------------------------------------------------------------------------------------------------------- */

/* Locks: 32-bit guests have a structure with 32-bit offsets for the first three, and numbers of their own for the other. */
static int64_t narrow_lock(struct user_thread *t, const uint64_t a[6])
{
    enum { GETLK64 = 12, SETLK64, SETLKW64 };
    int cmd = (int)a[1];
    bool large = cmd >= GETLK64;
    const struct user_layout *l = large ? &user_layout_flock64 : &user_layout_flock32;
    int host = cmd == GETLK64 ? F_GETLK : cmd == SETLK64 ? F_SETLK : cmd == SETLKW64 ? F_SETLKW : cmd;
    struct flock lock;
    int64_t ret;

    if (user_get(l, &lock, a[2]) < 0)
        return -EFAULT;
    ret = user_call(t, SYS_fcntl, a[0], (uint64_t)host, (uintptr_t)&lock, 0, 0, 0);
    if (ret < 0 || (host != F_GETLK && host != F_OFD_GETLK))
        return ret;
    if (!large && (lock.l_start > INT32_MAX || lock.l_len > INT32_MAX))
        return -EOVERFLOW;
    return user_put(l, a[2], &lock);
}

int64_t sys_fcntl(struct user_thread *t, const uint64_t a[6])
{
    uint64_t arg = a[2];
    int64_t ret;

    switch ((int)a[1]) {
    case F_SETFL:
        arg = user_open_flags(arg);
        break;
    case 12: case 13: case 14:                 /* F_GETLK64, F_SETLK64, F_SETLKW64 */
        return user_narrow() ? narrow_lock(t, a) : -EINVAL;
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        if (user_narrow())
            return narrow_lock(t, a);
        /* fall through */
    case F_GETOWN_EX:
    case F_SETOWN_EX:
    case 1035: case 1036: case 1037: case 1038: /* F_GET_RW_HINT ... F_SET_FILE_RW_HINT */
        if (!user_ptr_ok(arg))
            return -EFAULT;
        arg = user_hostp(arg);
        break;
    default:
        break;                                 /* a number */
    }
    ret = user_call(t, SYS_fcntl, a[0], a[1], arg, 0, 0, 0);
    return ret >= 0 && (int)a[1] == F_GETFL ? (int64_t)guest_open_flags((uint64_t)ret) : ret;
}

/* The layouts, and the walk along them. Source: Linux, include/linux/compat.h, include/uapi/asm-generic/, and
 * arch/arm/include/uapi/asm/{stat,statfs}.h. */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>

#include "core/base/bits.h"
#include "core/user/layout.h"
#include "core/user/syscall.h"

/* What a member is in the guest. */
enum kind {
    S2, U2, S4, U4, S8, U8,                    /* plain; a host value that is wider is cut */
    OVER,                                      /* u32; a value that does not fit is EOVERFLOW */
    SAT,                                       /* u32; all ones mean all ones (RLIM_INFINITY), larger values become that */
    ID16,                                      /* u16; larger values become 65534, all ones mean -1 */
    NSEC,                                      /* u32 and four bytes that are written as 0 and not read */
    PTR,                                       /* guest address, 0 for NULL */
    BYTES,                                     /* the host member as it is */
    GAP,                                       /* bytes without meaning: size of the gap */
};

struct user_field {
    uint16_t host_off;
    uint8_t host_size;
    uint8_t kind;
};

#define F(type, member, kind) { offsetof(struct type, member), sizeof(((struct type *)0)->member), kind }
#define PAD(bytes) { 0, bytes, GAP }
#define DEFINE(layout, type, ...) \
    static const struct user_field layout##_fields[] = { __VA_ARGS__ }; \
    const struct user_layout user_layout_##layout = \
        { #layout, sizeof(struct type), ARRAY_LEN(layout##_fields), layout##_fields }; \
    _Static_assert(sizeof(struct type) <= USER_LAYOUT_MAX, #layout)

/* --- times --------------------------------------------------------------------------------------------------------- */

struct timespecs { struct timespec at[2]; };
struct timevals { struct timeval at[2]; };

#define TS32(type, m) F(type, m.tv_sec, S4), F(type, m.tv_nsec, S4)
#define TS64(type, m) F(type, m.tv_sec, S8), F(type, m.tv_nsec, NSEC)
#define TV32(type, m) F(type, m.tv_sec, S4), F(type, m.tv_usec, S4)

DEFINE(timespec32, timespec, F(timespec, tv_sec, S4), F(timespec, tv_nsec, S4));
DEFINE(timespec64, timespec, F(timespec, tv_sec, S8), F(timespec, tv_nsec, NSEC));
DEFINE(timespecs32, timespecs, TS32(timespecs, at[0]), TS32(timespecs, at[1]));
DEFINE(timespecs64, timespecs, TS64(timespecs, at[0]), TS64(timespecs, at[1]));
DEFINE(itimerspec32, itimerspec, TS32(itimerspec, it_interval), TS32(itimerspec, it_value));
DEFINE(itimerspec64, itimerspec, TS64(itimerspec, it_interval), TS64(itimerspec, it_value));
DEFINE(timeval32, timeval, F(timeval, tv_sec, S4), F(timeval, tv_usec, S4));
DEFINE(timevals32, timevals, TV32(timevals, at[0]), TV32(timevals, at[1]));
DEFINE(itimerval32, itimerval, TV32(itimerval, it_interval), TV32(itimerval, it_value));
DEFINE(timex32, timex, F(timex, modes, U4), F(timex, offset, S4), F(timex, freq, S4), F(timex, maxerror, S4),
       F(timex, esterror, S4), F(timex, status, S4), F(timex, constant, S4), F(timex, precision, S4),
       F(timex, tolerance, S4), TV32(timex, time), F(timex, tick, S4), F(timex, ppsfreq, S4), F(timex, jitter, S4),
       F(timex, shift, S4), F(timex, stabil, S4), F(timex, jitcnt, S4), F(timex, calcnt, S4), F(timex, errcnt, S4),
       F(timex, stbcnt, S4), F(timex, tai, S4), PAD(44));
DEFINE(tms32, tms, F(tms, tms_utime, S4), F(tms, tms_stime, S4), F(tms, tms_cutime, S4), F(tms, tms_cstime, S4));

/* --- processes ----------------------------------------------------------------------------------------------------- */

DEFINE(rusage32, rusage, TV32(rusage, ru_utime), TV32(rusage, ru_stime), F(rusage, ru_maxrss, S4), F(rusage, ru_ixrss, S4),
       F(rusage, ru_idrss, S4), F(rusage, ru_isrss, S4), F(rusage, ru_minflt, S4), F(rusage, ru_majflt, S4),
       F(rusage, ru_nswap, S4), F(rusage, ru_inblock, S4), F(rusage, ru_oublock, S4), F(rusage, ru_msgsnd, S4),
       F(rusage, ru_msgrcv, S4), F(rusage, ru_nsignals, S4), F(rusage, ru_nvcsw, S4), F(rusage, ru_nivcsw, S4));
DEFINE(rlimit32, rlimit64, F(rlimit64, rlim_cur, SAT), F(rlimit64, rlim_max, SAT));
DEFINE(sigevent32, sigevent, F(sigevent, sigev_value, U4), F(sigevent, sigev_signo, S4), F(sigevent, sigev_notify, S4),
       F(sigevent, _sigev_un._tid, S4));

struct one_id { uint32_t id; };
struct one_long { int64_t v; };

DEFINE(id16, one_id, F(one_id, id, ID16));
DEFINE(off32, one_long, F(one_long, v, S4));
DEFINE(ulong32, one_long, F(one_long, v, U4));

/* --- files --------------------------------------------------------------------------------------------------------- */

#define TIMES(type) TS32(type, st_atim), TS32(type, st_mtim), TS32(type, st_ctim)

DEFINE(stat32, stat, F(stat, st_dev, U4), F(stat, st_ino, OVER), F(stat, st_mode, U2), F(stat, st_nlink, U2),
       F(stat, st_uid, ID16), F(stat, st_gid, ID16), F(stat, st_rdev, U4), F(stat, st_size, OVER), F(stat, st_blksize, U4),
       F(stat, st_blocks, OVER), TIMES(stat), PAD(8));
DEFINE(stat64, stat, F(stat, st_dev, U8), PAD(4), F(stat, st_ino, U4), F(stat, st_mode, U4), F(stat, st_nlink, U4),
       F(stat, st_uid, U4), F(stat, st_gid, U4), F(stat, st_rdev, U8), PAD(4), F(stat, st_size, S8), F(stat, st_blksize, U4),
       F(stat, st_blocks, U8), TIMES(stat), F(stat, st_ino, U8));
DEFINE(statfs32, statfs, F(statfs, f_type, U4), F(statfs, f_bsize, U4), F(statfs, f_blocks, OVER), F(statfs, f_bfree, OVER),
       F(statfs, f_bavail, OVER), F(statfs, f_files, OVER), F(statfs, f_ffree, OVER), F(statfs, f_fsid, BYTES),
       F(statfs, f_namelen, U4), F(statfs, f_frsize, U4), F(statfs, f_flags, U4), PAD(16));
DEFINE(statfs64, statfs, F(statfs, f_type, U4), F(statfs, f_bsize, U4), F(statfs, f_blocks, U8), F(statfs, f_bfree, U8),
       F(statfs, f_bavail, U8), F(statfs, f_files, U8), F(statfs, f_ffree, U8), F(statfs, f_fsid, BYTES),
       F(statfs, f_namelen, U4), F(statfs, f_frsize, U4), F(statfs, f_flags, U4), PAD(16));
DEFINE(flock32, flock, F(flock, l_type, S2), F(flock, l_whence, S2), F(flock, l_start, S4), F(flock, l_len, S4),
       F(flock, l_pid, S4));
DEFINE(flock64, flock, F(flock, l_type, S2), F(flock, l_whence, S2), F(flock, l_start, S8), F(flock, l_len, S8),
       F(flock, l_pid, S4));
DEFINE(iovec32, iovec, F(iovec, iov_base, PTR), F(iovec, iov_len, U4));

/* --- sockets and System V ------------------------------------------------------------------------------------------ */

struct sock_fprog_host { uint16_t len; uint64_t filter; };

DEFINE(msghdr32, msghdr, F(msghdr, msg_name, PTR), F(msghdr, msg_namelen, S4), F(msghdr, msg_iov, PTR),
       F(msghdr, msg_iovlen, U4), F(msghdr, msg_control, PTR), F(msghdr, msg_controllen, U4), F(msghdr, msg_flags, U4));
DEFINE(sockfprog32, sock_fprog_host, F(sock_fprog_host, len, U2), F(sock_fprog_host, filter, PTR));
DEFINE(mqattr32, mq_attr, F(mq_attr, mq_flags, S4), F(mq_attr, mq_maxmsg, S4), F(mq_attr, mq_msgsize, S4),
       F(mq_attr, mq_curmsgs, S4), PAD(16));

/* struct ipc64_perm: key, ids, mode, sequence number; then two longs. */
#define PERM(type, m) F(type, m.__key, S4), F(type, m.uid, U4), F(type, m.gid, U4), F(type, m.cuid, U4), \
                      F(type, m.cgid, U4), F(type, m.mode, U4), F(type, m.__seq, U2), PAD(2), PAD(8)

DEFINE(semid32, semid_ds, PERM(semid_ds, sem_perm), F(semid_ds, sem_otime, U4), PAD(4), F(semid_ds, sem_ctime, U4), PAD(4),
       F(semid_ds, sem_nsems, U4), PAD(8));
DEFINE(msqid32, msqid_ds, PERM(msqid_ds, msg_perm), F(msqid_ds, msg_stime, U4), PAD(4), F(msqid_ds, msg_rtime, U4), PAD(4),
       F(msqid_ds, msg_ctime, U4), PAD(4), F(msqid_ds, __msg_cbytes, U4), F(msqid_ds, msg_qnum, U4),
       F(msqid_ds, msg_qbytes, U4), F(msqid_ds, msg_lspid, U4), F(msqid_ds, msg_lrpid, U4), PAD(8));
DEFINE(shmid32, shmid_ds, PERM(shmid_ds, shm_perm), F(shmid_ds, shm_segsz, U4), F(shmid_ds, shm_atime, U4), PAD(4),
       F(shmid_ds, shm_dtime, U4), PAD(4), F(shmid_ds, shm_ctime, U4), PAD(4), F(shmid_ds, shm_cpid, U4),
       F(shmid_ds, shm_lpid, U4), F(shmid_ds, shm_nattch, U4), PAD(8));

/* --- the walk ------------------------------------------------------------------------------------------------------ */

static size_t kind_bytes(const struct user_field *f)
{
    switch ((enum kind)f->kind) {
    case S2: case U2: case ID16: return 2;
    case S8: case U8: case NSEC: return 8;
    case BYTES: case GAP: return f->host_size;
    default: return 4;
    }
}

static size_t kind_align(const struct user_field *f)
{
    switch ((enum kind)f->kind) {
    case S2: case U2: case ID16: return 2;
    case S8: case U8: return user_proc.abi && user_proc.abi->align64 ? user_proc.abi->align64 : 8;
    case GAP: return 1;
    default: return 4;
    }
}

/* Where the next member lies; *at moves behind it. */
static size_t place(const struct user_field *f, size_t *at)
{
    size_t align = kind_align(f), off = (*at + align - 1) & ~(align - 1);

    *at = off + kind_bytes(f);
    return off;
}

static size_t data_bytes(const struct user_layout *l)
{
    size_t at = 0;

    for (unsigned i = 0; i < l->nfields; i++)
        place(&l->fields[i], &at);
    return at;
}

size_t user_layout_bytes(const struct user_layout *l)
{
    size_t at = 0, align = 1;

    for (unsigned i = 0; i < l->nfields; i++) {
        place(&l->fields[i], &at);
        align = MAX(align, kind_align(&l->fields[i]));
    }
    return (at + align - 1) & ~(align - 1);
}

static int get_field(const struct user_field *f, uint8_t *to, const uint8_t *from)
{
    uint64_t v = 0;

    memcpy(&v, from, MIN(kind_bytes(f), sizeof v));
    switch ((enum kind)f->kind) {
    case S2: v = (uint64_t)(int16_t)v; break;
    case S4: v = (uint64_t)(int32_t)v; break;
    case SAT: v = v == UINT32_MAX ? UINT64_MAX : v; break;
    case ID16: v = v == UINT16_MAX ? UINT64_MAX : v; break;
    case NSEC: v = (uint32_t)v; break;
    case PTR:
        if (!user_ptr_ok(v))
            return -EFAULT;
        v = user_hostp(v);
        break;
    case BYTES:
        memcpy(to, from, f->host_size);
        return 0;
    case GAP:
        return 0;
    default:
        break;
    }
    memcpy(to, &v, MIN(f->host_size, sizeof v));
    return 0;
}

static int put_field(const struct user_field *f, uint8_t *to, const uint8_t *from)
{
    uint64_t v = 0;

    if (f->kind == GAP)
        return 0;
    if (f->kind == BYTES) {
        memcpy(to, from, f->host_size);
        return 0;
    }
    memcpy(&v, from, MIN(f->host_size, sizeof v));
    if (f->kind == OVER && v > UINT32_MAX)
        return -EOVERFLOW;
    if (f->kind == SAT && v > UINT32_MAX)
        v = UINT32_MAX;
    if (f->kind == ID16 && v > UINT16_MAX)
        v = 65534;
    if (f->kind == PTR)
        v = v ? v - user_base : 0;
    if ((f->kind == S8 || f->kind == U8) && f->host_size == 4)
        v = f->kind == S8 ? (uint64_t)(int32_t)v : v;
    memcpy(to, &v, kind_bytes(f));
    return 0;
}

int user_get(const struct user_layout *l, void *host, uint64_t from)
{
    uint8_t guest[USER_LAYOUT_MAX];
    size_t n = data_bytes(l), at = 0;
    int ret = user_read(guest, from, n);

    memset(host, 0, l->host_bytes);
    for (unsigned i = 0; i < l->nfields && !ret; i++) {
        size_t off = place(&l->fields[i], &at);

        ret = get_field(&l->fields[i], (uint8_t *)host + l->fields[i].host_off, guest + off);
    }
    return ret;
}

int user_put(const struct user_layout *l, uint64_t to, const void *host)
{
    uint8_t guest[USER_LAYOUT_MAX] = { 0 };
    size_t n = data_bytes(l), at = 0;
    int ret = 0;

    for (unsigned i = 0; i < l->nfields && !ret; i++) {
        size_t off = place(&l->fields[i], &at);

        ret = put_field(&l->fields[i], guest + off, (const uint8_t *)host + l->fields[i].host_off);
    }
    return ret ? ret : user_write(to, guest, n);
}

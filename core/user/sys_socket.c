/* sendmsg, recvmsg and their many: structures with pointers inside. Control messages agree with the host's layout. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "core/base/bits.h"
#include "core/user/syscall.h"
#include "core/user/vector.h"

/* A message with its pointers made the host's. */
static int64_t read_msg(struct msghdr *m, struct iovec iov[IOV_MAX], uint64_t from)
{
    int64_t ret;

    if (user_read(m, from, sizeof *m) < 0)
        return -EFAULT;
    if (m->msg_iovlen > IOV_MAX)
        return -EMSGSIZE;
    ret = user_iovec(iov, (uintptr_t)m->msg_iov, m->msg_iovlen);
    if (ret < 0)
        return ret;
    if (!user_ptr_ok((uintptr_t)m->msg_name) || !user_ptr_ok((uintptr_t)m->msg_control))
        return -EFAULT;
    m->msg_iov = iov;
    m->msg_name = (void *)(uintptr_t)user_hostp((uintptr_t)m->msg_name);
    m->msg_control = (void *)(uintptr_t)user_hostp((uintptr_t)m->msg_control);
    return 0;
}

int64_t sys_sendmsg(struct user_thread *t, const uint64_t a[6])
{
    struct iovec iov[IOV_MAX];
    struct msghdr m;
    int64_t ret = read_msg(&m, iov, a[1]);

    return ret < 0 ? ret : user_call(t, SYS_sendmsg, a[0], (uintptr_t)&m, a[2], 0, 0, 0);
}

/* What the kernel writes into the header of a received message. */
static int64_t put_received(uint64_t to, const struct msghdr *m)
{
    uint32_t namelen = m->msg_namelen, flags = (uint32_t)m->msg_flags;
    uint64_t controllen = m->msg_controllen;

    if (user_write(to + offsetof(struct msghdr, msg_namelen), &namelen, 4) < 0 ||
        user_write(to + offsetof(struct msghdr, msg_controllen), &controllen, 8) < 0 ||
        user_write(to + offsetof(struct msghdr, msg_flags), &flags, 4) < 0)
        return -EFAULT;
    return 0;
}

int64_t sys_recvmsg(struct user_thread *t, const uint64_t a[6])
{
    struct iovec iov[IOV_MAX];
    struct msghdr m;
    int64_t ret = read_msg(&m, iov, a[1]);

    if (ret < 0)
        return ret;
    ret = user_call(t, SYS_recvmsg, a[0], (uintptr_t)&m, a[2], 0, 0, 0);
    return ret >= 0 && put_received(a[1], &m) < 0 ? -EFAULT : ret;
}

/* One after the other: the first error counts only if nothing was moved. */
int64_t sys_sendmmsg(struct user_thread *t, const uint64_t a[6])
{
    uint32_t count = MIN((uint32_t)a[2], (uint32_t)IOV_MAX);
    int64_t ret = 0;
    uint32_t n;

    for (n = 0; n < count; n++) {
        uint64_t at = a[1] + n * sizeof(struct mmsghdr);
        uint64_t one[6] = { a[0], at, a[3] };
        uint32_t sent;

        ret = sys_sendmsg(t, one);
        if (ret < 0)
            break;
        sent = (uint32_t)ret;
        if (user_write(at + offsetof(struct mmsghdr, msg_len), &sent, 4) < 0)
            return n ? (int64_t)n : -EFAULT;
    }
    return n ? (int64_t)n : ret;
}

int64_t sys_recvmmsg(struct user_thread *t, const uint64_t a[6])
{
    uint32_t count = MIN((uint32_t)a[2], (uint32_t)IOV_MAX), flags = (uint32_t)a[3];
    struct timespec now, end = { 0, 0 };
    int64_t ret = 0;
    uint32_t n;

    if (a[4]) {
        if (user_read(&end, a[4], sizeof end) < 0)
            return -EFAULT;
        clock_gettime(CLOCK_MONOTONIC, &now);
        end.tv_sec += now.tv_sec;
        end.tv_nsec += now.tv_nsec;
    }
    for (n = 0; n < count; n++) {
        uint64_t at = a[1] + n * sizeof(struct mmsghdr);
        uint64_t one[6] = { a[0], at, flags & ~(uint32_t)MSG_WAITFORONE };
        uint32_t got;

        ret = sys_recvmsg(t, one);
        if (ret < 0)
            break;
        got = (uint32_t)ret;
        if (user_write(at + offsetof(struct mmsghdr, msg_len), &got, 4) < 0)
            return n ? (int64_t)n : -EFAULT;
        if (flags & MSG_WAITFORONE)
            flags |= MSG_DONTWAIT;
        if (a[4]) {                            /* as the kernel does: looked at between messages only */
            clock_gettime(CLOCK_MONOTONIC, &now);
            if (now.tv_sec > end.tv_sec + end.tv_nsec / 1000000000 ||
                (now.tv_sec == end.tv_sec + end.tv_nsec / 1000000000 && now.tv_nsec >= end.tv_nsec % 1000000000)) {
                n++;
                break;
            }
        }
    }
    return n ? (int64_t)n : ret;
}

int64_t sys_setsockopt(struct user_thread *t, const uint64_t a[6])
{
    if (!user_ptr_ok(a[3]))
        return -EFAULT;
    if ((int)a[1] == SOL_SOCKET && ((int)a[2] == SO_ATTACH_FILTER || (int)a[2] == SO_ATTACH_REUSEPORT_CBPF)) {
        struct { uint64_t len, filter; } prog;   /* struct sock_fprog */

        if (a[4] < sizeof prog || user_read(&prog, a[3], sizeof prog) < 0 || !user_ptr_ok(prog.filter))
            return -EFAULT;
        prog.filter = user_hostp(prog.filter);
        return user_call(t, SYS_setsockopt, a[0], a[1], a[2], (uintptr_t)&prog, sizeof prog, 0);
    }
    return user_call(t, SYS_setsockopt, a[0], a[1], a[2], user_hostp(a[3]), a[4], 0);
}

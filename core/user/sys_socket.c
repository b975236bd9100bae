/* sendmsg, recvmsg and their many: structures with pointers inside. Control messages agree with the host's layout on
 * 64-bit guests. */
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

/* A 32-bit guest's header; its control part is still the guest's, see control_in() and control_out(). */
static int64_t read_narrow_msg(struct msghdr *m, struct iovec iov[IOV_MAX], uint64_t from)
{
    int64_t ret = user_get(&user_layout_msghdr32, m, from);

    if (ret < 0)
        return ret;
    if (m->msg_iovlen > IOV_MAX)
        return -EMSGSIZE;
    ret = user_iovec(iov, m->msg_iov ? user_guest(m->msg_iov) : 0, m->msg_iovlen);
    m->msg_iov = iov;
    return ret;
}

/* A message with its pointers made the host's. */
static int64_t read_msg(struct msghdr *m, struct iovec iov[IOV_MAX], uint64_t from)
{
    int64_t ret;

    if (user_narrow())
        return read_narrow_msg(m, iov, from);
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

/* --- control messages of 32-bit guests: a shorter header, closer together ------------------------------------------- */

enum { CONTROL_MAX = 16 << 10 };

struct cmsg32 { uint32_t len; int32_t level, type; };

static size_t align4(size_t n) { return (n + 3) & ~(size_t)3; }

/* Reads the guest's control messages into @buf, in the host's form. */
static int64_t control_in(struct msghdr *m, uint8_t *buf)
{
    uint64_t at = user_guest(m->msg_control), end = at + m->msg_controllen;
    size_t used = 0;

    while (m->msg_controllen && at + sizeof(struct cmsg32) <= end) {
        struct cmsghdr *h = (struct cmsghdr *)(buf + used);
        struct cmsg32 g;
        size_t data;

        if (user_read(&g, at, sizeof g) < 0)
            return -EFAULT;
        if (g.len < sizeof g || g.len > end - at)
            return -EINVAL;
        data = g.len - sizeof g;
        if (used + CMSG_SPACE(data) > CONTROL_MAX)
            return -ENOBUFS;
        memset(h, 0, CMSG_SPACE(data));
        *h = (struct cmsghdr){ CMSG_LEN(data), g.level, g.type };
        if (user_read(CMSG_DATA(h), at + sizeof g, data) < 0)
            return -EFAULT;
        used += CMSG_SPACE(data);
        at += align4(g.len);
    }
    m->msg_control = used ? buf : NULL;
    m->msg_controllen = used;
    return 0;
}

/* Data that has times in it becomes shorter; returns its new size. */
static size_t narrow_data(const struct cmsghdr *h, uint8_t *data, size_t n)
{
    uint64_t wide[6];
    uint32_t narrow[6];
    size_t words = n / 8;

    if (h->cmsg_level != SOL_SOCKET || words > 6 ||
        (h->cmsg_type != SO_TIMESTAMP && h->cmsg_type != SO_TIMESTAMPNS && h->cmsg_type != SO_TIMESTAMPING))
        return n;
    memcpy(wide, data, words * 8);
    for (size_t i = 0; i < words; i++)
        narrow[i] = (uint32_t)wide[i];
    memcpy(data, narrow, words * 4);
    return words * 4;
}

/* Descriptors that the guest has no room for: nobody would know of them. */
static void close_rest(const struct cmsghdr *h, const uint8_t *data, size_t from, size_t n)
{
    if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
        return;
    for (size_t i = (from + 3) / 4; i < n / 4; i++) {
        int fd;

        memcpy(&fd, data + i * 4, 4);
        user_raw(SYS_close, (uint64_t)fd, 0, 0, 0, 0, 0);
    }
}

/* Writes what the host delivered in @m to the guest's @room bytes at @to; m->msg_controllen becomes what was used. */
static int64_t control_out(struct msghdr *m, uint64_t to, size_t room)
{
    size_t used = 0;

    for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
        uint8_t data[CONTROL_MAX];
        size_t n = MIN(h->cmsg_len - CMSG_LEN(0), sizeof data), fits;
        struct cmsg32 g = { 0, h->cmsg_level, h->cmsg_type };

        memcpy(data, CMSG_DATA(h), n);
        n = narrow_data(h, data, n);
        fits = used + sizeof g > room ? 0 : MIN(n, room - used - sizeof g);
        if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS)
            fits &= ~(size_t)3;
        if (fits < n) {
            m->msg_flags |= MSG_CTRUNC;
            close_rest(h, data, fits, n);
        }
        if (used + sizeof g > room)
            continue;
        g.len = (uint32_t)(sizeof g + fits);
        if (user_write(to + used, &g, sizeof g) < 0 || user_write(to + used + sizeof g, data, fits) < 0)
            return -EFAULT;
        used = MIN(room, used + align4(g.len));
    }
    m->msg_controllen = used;
    return 0;
}

/* --- messages ------------------------------------------------------------------------------------------------------ */

int64_t sys_sendmsg(struct user_thread *t, const uint64_t a[6])
{
    _Alignas(16) uint8_t control[CONTROL_MAX];
    struct iovec iov[IOV_MAX];
    struct msghdr m;
    int64_t ret = read_msg(&m, iov, a[1]);

    if (!ret && user_narrow())
        ret = control_in(&m, control);
    return ret < 0 ? ret : user_call(t, SYS_sendmsg, a[0], (uintptr_t)&m, a[2], 0, 0, 0);
}

/* What the kernel writes into the header of a received message. */
static int64_t put_received(uint64_t to, const struct msghdr *m)
{
    uint32_t namelen = m->msg_namelen, flags = (uint32_t)m->msg_flags;
    uint64_t controllen = m->msg_controllen;
    const uint32_t narrow[] = { (uint32_t)controllen, flags };

    if (user_narrow())
        return user_write(to + 4, &namelen, 4) < 0 || user_write(to + 20, narrow, sizeof narrow) < 0 ? -EFAULT : 0;
    if (user_write(to + offsetof(struct msghdr, msg_namelen), &namelen, 4) < 0 ||
        user_write(to + offsetof(struct msghdr, msg_controllen), &controllen, 8) < 0 ||
        user_write(to + offsetof(struct msghdr, msg_flags), &flags, 4) < 0)
        return -EFAULT;
    return 0;
}

int64_t sys_recvmsg(struct user_thread *t, const uint64_t a[6])
{
    _Alignas(16) uint8_t control[CONTROL_MAX];
    struct iovec iov[IOV_MAX];
    struct msghdr m;
    uint64_t to = 0, room = 0;
    int64_t ret = read_msg(&m, iov, a[1]);

    if (ret < 0)
        return ret;
    if (user_narrow() && m.msg_control) {
        to = user_guest(m.msg_control);
        room = m.msg_controllen;
        /* each message is a little longer on the host; what is too much then is put right in control_out() */
        m.msg_control = control;
        m.msg_controllen = room ? MIN(room + 64, sizeof control) : 0;
    }
    ret = user_call(t, SYS_recvmsg, a[0], (uintptr_t)&m, a[2], 0, 0, 0);
    if (ret >= 0 && to && control_out(&m, to, room) < 0)
        return -EFAULT;
    return ret >= 0 && put_received(a[1], &m) < 0 ? -EFAULT : ret;
}

static size_t mmsg_len_at(void) { return user_narrow() ? 28 : offsetof(struct mmsghdr, msg_len); }
static size_t mmsg_bytes(void) { return user_narrow() ? 32 : sizeof(struct mmsghdr); }

/* One after the other: the first error counts only if nothing was moved. */
int64_t sys_sendmmsg(struct user_thread *t, const uint64_t a[6])
{
    uint32_t count = MIN((uint32_t)a[2], (uint32_t)IOV_MAX);
    int64_t ret = 0;
    uint32_t n;

    for (n = 0; n < count; n++) {
        uint64_t at = a[1] + n * mmsg_bytes();
        uint64_t one[6] = { a[0], at, a[3] };
        uint32_t sent;

        ret = sys_sendmsg(t, one);
        if (ret < 0)
            break;
        sent = (uint32_t)ret;
        if (user_write(at + mmsg_len_at(), &sent, 4) < 0)
            return n ? (int64_t)n : -EFAULT;
    }
    return n ? (int64_t)n : ret;
}

static int64_t ns_of(const struct timespec *ts) { return (int64_t)((uint64_t)ts->tv_sec * 1000000000 + (uint64_t)ts->tv_nsec); }

/* The timeout, and at the end what is left of it: as the kernel has it, looked at between messages only. */
static int64_t recvmmsg_until(struct user_thread *t, const uint64_t a[6], const struct user_layout *layout)
{
    uint32_t count = MIN((uint32_t)a[2], (uint32_t)IOV_MAX), flags = (uint32_t)a[3];
    struct timespec now, limit = { 0, 0 };
    int64_t ret = 0, end = 0, left = 0;
    uint32_t n = 0;

    if (a[4]) {
        if (layout ? user_get(layout, &limit, a[4]) < 0 : user_read(&limit, a[4], sizeof limit) < 0)
            return -EFAULT;
        if (limit.tv_sec < 0 || limit.tv_nsec < 0 || limit.tv_nsec >= 1000000000)
            return -EINVAL;
        limit.tv_sec = MIN(limit.tv_sec, INT32_MAX);
        clock_gettime(CLOCK_MONOTONIC, &now);
        end = ns_of(&now) + ns_of(&limit);
    }
    while (n < count) {
        uint64_t at = a[1] + n * mmsg_bytes();
        uint64_t one[6] = { a[0], at, flags & ~(uint32_t)MSG_WAITFORONE };
        uint32_t got;

        ret = sys_recvmsg(t, one);
        if (ret < 0)
            break;
        got = (uint32_t)ret;
        if (user_write(at + mmsg_len_at(), &got, 4) < 0)
            return n ? (int64_t)n : -EFAULT;
        n++;
        if (flags & MSG_WAITFORONE)
            flags |= MSG_DONTWAIT;
        if (!a[4])
            continue;
        clock_gettime(CLOCK_MONOTONIC, &now);
        left = end - ns_of(&now);
        if (left <= 0)
            break;
    }
    if (!n)
        return ret;
    left = MAX(left, 0);
    limit = (struct timespec){ left / 1000000000, left % 1000000000 };
    if (a[4] && (layout ? user_put(layout, a[4], &limit) : user_write(a[4], &limit, sizeof limit)) < 0)
        return -EFAULT;
    return n;
}

int64_t sys_recvmmsg(struct user_thread *t, const uint64_t a[6])
{
    return recvmmsg_until(t, a, user_narrow() ? &user_layout_timespec32 : NULL);
}

int64_t sys_recvmmsg_time64(struct user_thread *t, const uint64_t a[6])
{
    return recvmmsg_until(t, a, &user_layout_timespec64);
}

/* --- options ------------------------------------------------------------------------------------------------------- */

/* The layout of an option's value where a 32-bit guest has another than the host. */
static const struct user_layout *option_layout(const uint64_t a[6])
{
    if (!user_narrow() || (int)a[1] != SOL_SOCKET)
        return NULL;
    switch ((int)a[2]) {
    case 20: case 21: return &user_layout_timeval32;             /* SO_RCVTIMEO_OLD, SO_SNDTIMEO_OLD */
    case SO_ATTACH_FILTER:
    case SO_ATTACH_REUSEPORT_CBPF: return &user_layout_sockfprog32;
    default: return NULL;
    }
}

int64_t sys_getsockopt(struct user_thread *t, const uint64_t a[6])
{
    const struct user_layout *l = option_layout(a);
    _Alignas(16) uint8_t value[USER_LAYOUT_MAX];
    uint32_t len, host_len, narrow[2];
    int64_t ret;

    if (!user_ptr_ok(a[3]) || !user_ptr_ok(a[4]))
        return -EFAULT;
    if (!l || l == &user_layout_sockfprog32)
        return user_call(t, SYS_getsockopt, a[0], a[1], a[2], user_hostp(a[3]), user_hostp(a[4]), 0);
    if (user_read(&len, a[4], 4) < 0)
        return -EFAULT;
    if ((int)len < 0)
        return -EINVAL;
    host_len = l->host_bytes;
    ret = user_call(t, SYS_getsockopt, a[0], a[1], a[2], (uintptr_t)value, (uintptr_t)&host_len, 0);
    if (ret < 0)
        return ret;
    narrow[0] = (uint32_t)((struct timeval *)value)->tv_sec;
    narrow[1] = (uint32_t)((struct timeval *)value)->tv_usec;
    len = MIN(len, (uint32_t)sizeof narrow);
    return user_write(a[3], narrow, len) < 0 || user_write(a[4], &len, 4) < 0 ? -EFAULT : ret;
}

int64_t sys_setsockopt(struct user_thread *t, const uint64_t a[6])
{
    const struct user_layout *l = option_layout(a);
    uint8_t value[USER_LAYOUT_MAX];

    if (!user_ptr_ok(a[3]))
        return -EFAULT;
    if (l) {
        if ((uint32_t)a[4] < user_layout_bytes(l))
            return -EINVAL;
        if (user_get(l, value, a[3]) < 0)
            return -EFAULT;
        return user_call(t, SYS_setsockopt, a[0], a[1], a[2], (uintptr_t)value, l->host_bytes, 0);
    }
    if ((int)a[1] == SOL_SOCKET && ((int)a[2] == SO_ATTACH_FILTER || (int)a[2] == SO_ATTACH_REUSEPORT_CBPF)) {
        struct { uint64_t len, filter; } prog;   /* struct sock_fprog */

        if (a[4] < sizeof prog || user_read(&prog, a[3], sizeof prog) < 0 || !user_ptr_ok(prog.filter))
            return -EFAULT;
        prog.filter = user_hostp(prog.filter);
        return user_call(t, SYS_setsockopt, a[0], a[1], a[2], (uintptr_t)&prog, sizeof prog, 0);
    }
    return user_call(t, SYS_setsockopt, a[0], a[1], a[2], user_hostp(a[3]), a[4], 0);
}

int64_t sys_send(struct user_thread *t, const uint64_t a[6])
{
    return user_ptr_ok(a[1]) ? user_call(t, SYS_sendto, a[0], user_hostp(a[1]), a[2], a[3], 0, 0) : -EFAULT;
}

int64_t sys_recv(struct user_thread *t, const uint64_t a[6])
{
    return user_ptr_ok(a[1]) ? user_call(t, SYS_recvfrom, a[0], user_hostp(a[1]), a[2], a[3], 0, 0) : -EFAULT;
}

/* ioctl: a table of the requests that may pass. asm-generic's numbers are x86-64's. */
#include <errno.h>
#include <linux/fs.h>
#include <linux/fiemap.h>
#include <linux/if_tun.h>
#include <linux/kd.h>
#include <linux/loop.h>
#include <linux/nsfs.h>
#include <linux/random.h>
#include <linux/rtc.h>
#include <linux/sockios.h>
#include <linux/vt.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <asm/termbits.h>
#include <sys/syscall.h>

#include "core/base/bits.h"
#include "core/base/log.h"
#include "core/user/syscall.h"

enum ioctl_kind { V = 1, P };

static const struct ioctl_entry {
    uint32_t request;
    enum ioctl_kind kind;
    const char *name;
} table[] = {
#define IOCTL(request, kind) { (uint32_t)(request), kind, #request },
#include "core/user/ioctls.def"
#undef IOCTL
};

static enum ioctl_kind kind_of(uint32_t request)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (table[i].request == request)
            return table[i].kind;
    if (_IOC_TYPE(request) == 'E' && _IOC_DIR(request) == _IOC_READ)
        return P;                              /* EVIOCG...: the length is in the number */
    return 0;
}

const char *user_ioctl_name(uint32_t request)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (table[i].request == request)
            return table[i].name;
    return NULL;
}

/* SIOCGIFCONF: a length and a pointer. */
static int64_t ifconf(const uint64_t a[6])
{
    struct ifconf c;
    uint64_t buf;
    int64_t ret;

    if (user_read(&c, a[2], sizeof c) < 0)
        return -EFAULT;
    buf = (uintptr_t)c.ifc_buf;
    if (!user_ptr_ok(buf))
        return -EFAULT;
    c.ifc_buf = (char *)(uintptr_t)user_hostp(buf);
    ret = user_raw(SYS_ioctl, a[0], a[1], (uintptr_t)&c, 0, 0, 0);
    return ret >= 0 && user_write(a[2], &c.ifc_len, sizeof c.ifc_len) < 0 ? -EFAULT : ret;
}

/* --- 32-bit guests ------------------------------------------------------------------------------------------------- */

/* struct ifreq is eight bytes shorter, as one member of its union has longs; all others agree. */
enum { IFREQ32_BYTES = 32 };

static int64_t narrow_ifreq(const uint64_t a[6])
{
    struct ifreq r;
    int64_t ret;

    memset(&r, 0, sizeof r);
    if (user_read(&r, a[2], IFREQ32_BYTES) < 0)
        return -EFAULT;
    ret = user_raw(SYS_ioctl, a[0], a[1], (uintptr_t)&r, 0, 0, 0);
    return ret >= 0 && user_write(a[2], &r, IFREQ32_BYTES) < 0 ? -EFAULT : ret;
}

static int64_t narrow_ifconf(const uint64_t a[6])
{
    struct { int32_t len; uint32_t buf; } g;
    struct ifreq r[256];
    struct ifconf c = { .ifc_len = sizeof r, .ifc_req = r };
    int64_t ret;
    int n;

    if (user_read(&g, a[2], sizeof g) < 0)
        return -EFAULT;
    if (!g.buf)
        c = (struct ifconf){ .ifc_len = 0, .ifc_req = NULL };
    ret = user_raw(SYS_ioctl, a[0], a[1], (uintptr_t)&c, 0, 0, 0);
    if (ret < 0)
        return ret;
    n = c.ifc_len / (int)sizeof *r;
    if (g.buf)
        n = MIN(n, MAX(g.len, 0) / IFREQ32_BYTES);
    for (int i = 0; g.buf && i < n; i++)
        if (user_write(g.buf + (uint64_t)i * IFREQ32_BYTES, &r[i], IFREQ32_BYTES) < 0)
            return -EFAULT;
    g.len = n * IFREQ32_BYTES;
    return user_write(a[2], &g.len, 4) < 0 ? -EFAULT : ret;
}

/* Numbers with the size of a long in them: the guest's is 4. What they point to is an int on every host, but for the last. */
static const struct { uint32_t guest, host; } long_sized[] = {
    { _IOR('f', 1, int), FS_IOC_GETFLAGS }, { _IOW('f', 2, int), FS_IOC_SETFLAGS }, { _IOR('v', 1, int), FS_IOC_GETVERSION },
    { _IOR(0x12, 112, int), BLKBSZGET }, { _IOW(0x12, 113, int), BLKBSZSET }, { _IOR(0x12, 114, int), BLKGETSIZE64 },
};

/* A result of one long. */
static int64_t narrow_long(const uint64_t a[6])
{
    uint64_t wide = 0;
    int64_t ret = user_raw(SYS_ioctl, a[0], a[1], (uintptr_t)&wide, 0, 0, 0);

    if (ret < 0)
        return ret;
    return wide > UINT32_MAX ? -EFBIG : user_put(&user_layout_ulong32, a[2], &wide);
}

/* -ENOSYS: as on a 64-bit guest, but for *request. */
static int64_t narrow_ioctl(const uint64_t a[6], uint32_t *request)
{
    for (size_t i = 0; i < ARRAY_LEN(long_sized); i++)
        if (*request == long_sized[i].guest) {
            *request = long_sized[i].host;
            return -ENOSYS;
        }
    switch (*request) {
    case SIOCGIFCONF:
        return narrow_ifconf(a);
    case BLKGETSIZE:
    case BLKRAGET:
        return narrow_long(a);
    case SIOCGSTAMP_OLD:
    case SIOCGSTAMPNS_OLD:
    case TIOCGSERIAL:
    case TIOCSSERIAL:
        return -ENOTTY;                        /* rare, and not of one layout */
    case TUNSETIFF:
    case TUNGETIFF:
        return narrow_ifreq(a);
    default:
        return *request >= SIOCGIFNAME && *request <= SIOCSIFTXQLEN && kind_of(*request) == P ? narrow_ifreq(a) : -ENOSYS;
    }
}

int64_t sys_ioctl(struct user_thread *t, const uint64_t a[6])
{
    uint32_t request = (uint32_t)a[1];
    int64_t ret = user_narrow() ? narrow_ioctl(a, &request) : -ENOSYS;

    if (ret != -ENOSYS)
        return ret;
    if (request == SIOCGIFCONF)
        return ifconf(a);
    switch (kind_of(request)) {
    case P:
        if (!user_ptr_ok(a[2]))
            return -EFAULT;
        return user_call(t, SYS_ioctl, a[0], request, user_hostp(a[2]), 0, 0, 0);
    case V:
        return user_call(t, SYS_ioctl, a[0], request, a[2], 0, 0, 0);
    default:
        log_unimp("ioctl 0x%x is not implemented", request);
        return -ENOTTY;
    }
}

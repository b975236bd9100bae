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
} table[] = {
#define IOCTL(request, kind) { (uint32_t)(request), kind },
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

int64_t sys_ioctl(struct user_thread *t, const uint64_t a[6])
{
    uint32_t request = (uint32_t)a[1];

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

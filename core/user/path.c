/* Where a guest's path leads on the host: below the sysroot when it exists there, with the sysroot's own links. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "core/base/str.h"
#include "core/user/syscall.h"

/* An absolute link inside the sysroot means the sysroot's root: the kernel resolves it so for openat2. */
static bool resolve_in_sysroot(const char *path, char *buf, size_t room)
{
    struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
    int root = open(user_proc.sysroot, O_PATH | O_DIRECTORY | O_CLOEXEC);
    char link[32];
    int64_t fd, n = -1;

    if (root < 0)
        return false;
    fd = user_raw(SYS_openat2, (uint64_t)root, (uintptr_t)path, (uintptr_t)&how, sizeof how, 0, 0);
    if (fd >= 0) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", (int)fd);
        n = readlink(link, buf, room - 1);
        if (n > 0)
            buf[n] = 0;
        close((int)fd);
    }
    close(root);
    return n > 0;
}

const char *user_path(const char *path, char *buf, size_t room)
{
    const char *exe = user_proc_link(path);
    struct stat st;
    int n;

    if (exe)
        return exe;
    if (path[0] != '/' || !user_proc.sysroot || str_after(path, user_proc.sysroot) || str_after(path, "/proc/"))
        return path;
    n = snprintf(buf, room, "%s%s", user_proc.sysroot, path);
    if (n < 0 || (size_t)n >= room)
        return path;
    if (!lstat(buf, &st) && !S_ISLNK(st.st_mode))
        return buf;
    return resolve_in_sysroot(path, buf, room) ? buf : path;
}

bool user_path_wanted(uint64_t addr)
{
    char c = 0;

    return user_proc.sysroot || (!user_read(&c, addr, 1) && c == '/');
}

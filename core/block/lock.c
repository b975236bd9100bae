/* core/block/lock.c - byte 100+i: "I do i"; byte 200+i: "nobody else may do i". All are shared (read) locks; a
 * conflict is seen by testing for an exclusive one. The acts: 0 read consistent content, 1 write, 3 resize. */
#include "core/block/lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/bits.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/event/iothread.h"

enum { DOES = 100, DENIES = 200, ACT_READ = 0, ACT_WRITE = 1, ACT_RESIZE = 3, ACTS = 4 };
enum { LINGER_TRIES = 40, LINGER_NS = 50000000 };

static int byte_lock(int fd, int cmd, short type, off_t at, struct flock *out)
{
    struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };
    int          ret;

    do
        ret = fcntl(fd, cmd, &l);
    while (ret < 0 && errno == EINTR);
    if (out != NULL)
        *out = l;
    return ret < 0 ? -errno : 0;
}

/* The program behind a process id, from its command line. */
static void program_of(const char *pid, char *out, size_t bytes)
{
    char   path[64], cmd[4096] = "";
    size_t len;
    FILE  *f;

    snprintf(path, sizeof path, "/proc/%.20s/cmdline", pid);
    f = fopen(path, "r");
    if (f == NULL) {
        snprintf(out, bytes, "?");
        return;
    }
    len = fread(cmd, 1, sizeof cmd - 1, f);
    fclose(f);
    const char *slash = strrchr(cmd, '/');
    const char *vm    = NULL;

    for (size_t i = 0; i + 6 < len; i += strlen(cmd + i) + 1)
        if (str_eq(cmd + i, "-name"))
            vm = cmd + i + 6;
    if (vm != NULL && str_after(vm, "guest=") != NULL)
        vm = str_after(vm, "guest=");
    if (vm != NULL)
        snprintf(out, bytes, "%.60s \"%.*s\"", slash ? slash + 1 : cmd, (int)MIN(strcspn(vm, ","), (size_t)60), vm);
    else
        snprintf(out, bytes, "%.60s", slash ? slash + 1 : cmd);
}

static bool number(const char *s)
{
    return s[0] != '\0' && s[strspn(s, "0123456789")] == '\0';
}

/* Does /proc/PID/fdinfo/FD show one of our lock bytes? */
static bool fd_has_locks(const char *pid, const char *fd)
{
    char  path[80], line[256];
    bool  yes = false;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%.20s/fdinfo/%.20s", pid, fd);
    f = fopen(path, "r");
    while (f != NULL && !yes && fgets(line, sizeof line, f) != NULL)
        yes = strncmp(line, "lock:", 5) == 0;
    if (f != NULL)
        fclose(f);
    return yes;
}

static bool process_holds(const char *pid, const struct stat *want, int own_fd)
{
    char           path[96];
    struct dirent *e;
    bool           yes = false;
    DIR           *d;

    snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    d = opendir(path);
    while (d != NULL && !yes && (e = readdir(d)) != NULL) {
        struct stat st;

        snprintf(path, sizeof path, "/proc/%.20s/fd/%.20s", pid, e->d_name);
        if (atoi(pid) == getpid() && atoi(e->d_name) == own_fd)
            continue;
        if (number(e->d_name) && stat(path, &st) == 0 && st.st_dev == want->st_dev && st.st_ino == want->st_ino)
            yes = fd_has_locks(pid, e->d_name);
    }
    if (d != NULL)
        closedir(d);
    return yes;
}

/* false if no process that we may look at has it */
static bool holder_text(int fd, char *out, size_t bytes)
{
    bool           found = false;
    char           program[160];
    struct dirent *e;
    struct stat    st;
    DIR           *d = opendir("/proc");

    snprintf(out, bytes, "another process");
    if (fstat(fd, &st) < 0)
        st.st_ino = 0;
    while (d != NULL && (e = readdir(d)) != NULL) {
        if (!number(e->d_name) || !process_holds(e->d_name, &st, fd))
            continue;
        program_of(e->d_name, program, sizeof program);
        snprintf(out, bytes, "%s (pid %.20s)", program, e->d_name);
        found = true;
        break;
    }
    if (d != NULL)
        closedir(d);
    return found;
}

static void pause_ns(uint64_t ns)
{
    struct timespec t = { .tv_nsec = (long)ns };

    if (io_loop_here() != NULL)
        io_sleep_ns(ns);
    else
        nanosleep(&t, NULL);
}

static int refuse(int fd, const char *act, const char *name, bool wait, struct error *err)
{
    char who[256];

    if (!holder_text(fd, who, sizeof who) && wait)
        return -EINPROGRESS;
    return error_set(err, EAGAIN, "Failed to get %s lock: '%s' is locked by %s; stop it, or open the image read-only or with -U", act,
                     name, who);
}

/* One try. @wait: come back with -EINPROGRESS and no sentence if nobody is seen who has the lock. */
static int try_lock(int fd, bool write, bool share, const char *name, bool wait, struct error *err)
{
    static const char *const acts[ACTS] = { "\"consistent read\"", "\"write\"", "", "\"resize\"" };
    unsigned does   = write ? 1u << ACT_READ | 1u << ACT_WRITE | 1u << ACT_RESIZE : share ? 0 : 1u << ACT_READ;
    unsigned denies = share ? 0 : 1u << ACT_WRITE | 1u << ACT_RESIZE;
    int      ret;

    for (int i = 0; i < ACTS; i++) {
        ret = does & 1u << i ? byte_lock(fd, F_OFD_SETLK, F_RDLCK, DOES + i, NULL) : 0;
        if (ret == 0 && (denies & 1u << i))
            ret = byte_lock(fd, F_OFD_SETLK, F_RDLCK, DENIES + i, NULL);
        if (ret == -EAGAIN || ret == -EACCES)
            return refuse(fd, acts[i], name, wait, err);
        if (ret < 0)                    /* no locks on this file system */
            return 0;
    }
    for (int i = 0; i < ACTS; i++) {
        struct flock l = { .l_type = F_UNLCK };

        if (does & 1u << i)
            byte_lock(fd, F_OFD_GETLK, F_WRLCK, DENIES + i, &l);
        if (l.l_type == F_UNLCK && (denies & 1u << i))
            byte_lock(fd, F_OFD_GETLK, F_WRLCK, DOES + i, &l);
        if (l.l_type != F_UNLCK)
            return refuse(fd, does & 1u << i ? acts[i] : i == ACT_WRITE ? "shared \"write\"" : "shared \"resize\"", name, wait, err);
    }
    return 0;
}

int lock_image(int fd, bool write, bool share, const char *name, struct error *err)
{
    int ret = -EINPROGRESS;

    /* The kernel lets go of a killed process's requests, and so of its locks, a little after the process has gone. */
    for (int tries = 1; ret == -EINPROGRESS; tries++) {
        ret = try_lock(fd, write, share, name, tries < LINGER_TRIES, err);
        if (ret == -EINPROGRESS)
            pause_ns(LINGER_NS);
    }
    return ret;
}

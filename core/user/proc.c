/* Files of /proc that would show the emulator where the guest expects itself. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/str.h"
#include "core/user/syscall.h"

/* What follows /proc/self/, /proc/PID/ (ours), /proc/thread-self/, and their task/TID/; NULL for other paths. */
static const char *own_part(const char *path)
{
    const char *rest = str_after(path, "/proc/");
    char *end;

    if (!rest)
        return NULL;
    if (str_after(rest, "self/"))
        rest += 5;
    else if (str_after(rest, "thread-self/"))
        rest += 12;
    else if (strtol(rest, &end, 10) == getpid() && *end == '/')
        rest = end + 1;
    else
        return NULL;
    if (str_after(rest, "task/")) {
        strtol(rest + 5, &end, 10);
        rest = *end == '/' ? end + 1 : rest;
    }
    return rest;
}

const char *user_proc_link(const char *path)
{
    const char *own = path[0] == '/' && path[1] == 'p' ? own_part(path) : NULL;

    return own && str_eq(own, "exe") ? user_proc.exe : NULL;
}

/* The strings between two guest addresses, as they are now (programs change their titles there). */
static void put_guest(FILE *to, uint64_t start, uint64_t end)
{
    char *buf = try_alloc(end - start, 1, 64 << 20);

    if (buf && !user_read(buf, start, end - start))
        fwrite(buf, 1, end - start, to);
    free(buf);
}

/* /proc/self/stat: field 20 is the number of threads, without those of the emulator; 26 to 28 are addresses. */
static void put_stat(FILE *to)
{
    FILE *f = fopen("/proc/self/stat", "re");
    char line[2048], *p, *save = NULL;
    unsigned field = 3;

    if (!f)
        return;
    if (fgets(line, sizeof line, f) && (p = strrchr(line, ')'))) {
        p[1] = 0;
        fputs(line, to);
        for (p = strtok_r(p + 2, " \n", &save); p; p = strtok_r(NULL, " \n", &save), field++)
            if (field == 20)
                fprintf(to, " %u", atomic_load(&user_proc.nthreads));
            else if (field == 26)
                fprintf(to, " %llu", (unsigned long long)user_proc.code_start);
            else if (field == 27)
                fprintf(to, " %llu", (unsigned long long)user_proc.code_end);
            else if (field == 28)
                fprintf(to, " %llu", (unsigned long long)user_proc.sp_start);
            else
                fprintf(to, " %s", p);
        fputc('\n', to);
    }
    fclose(f);
}

static void put_status(FILE *to)
{
    FILE *f = fopen("/proc/self/status", "re");
    char line[1024];

    while (f && fgets(line, sizeof line, f))
        if (str_after(line, "Threads:"))
            fprintf(to, "Threads:\t%u\n", atomic_load(&user_proc.nthreads));
        else
            fputs(line, to);
    if (f)
        fclose(f);
}

/* Writes the file's content; false if the host's own will do. */
static bool put_file(FILE *to, const char *path, const char *own)
{
    if (own && str_eq(own, "maps"))
        user_maps_text(to);
    else if (own && str_eq(own, "auxv"))
        fwrite(user_proc.auxv, 1, user_proc.auxv_bytes, to);
    else if (own && str_eq(own, "cmdline"))
        put_guest(to, user_proc.arg_start, user_proc.arg_end);
    else if (own && str_eq(own, "environ"))
        put_guest(to, user_proc.arg_end, user_proc.env_end);
    else if (own && str_eq(own, "stat"))
        put_stat(to);
    else if (own && str_eq(own, "status"))
        put_status(to);
    else if (str_eq(path, "/proc/cpuinfo") && user_proc.abi->cpuinfo)
        user_proc.abi->cpuinfo(user_proc.model, (unsigned)sysconf(_SC_NPROCESSORS_ONLN), to);
    else
        return false;
    return true;
}

int64_t user_proc_open(const char *path, int flags)
{
    const char *own;
    char *text = NULL;
    size_t bytes = 0;
    bool ours;
    FILE *f;
    int fd;

    if (path[0] != '/' || !str_after(path, "/proc/"))
        return -ENOSYS;
    own = own_part(path);
    if (own && str_eq(own, "exe"))
        return user_raw(SYS_openat, AT_FDCWD, (uintptr_t)user_proc.exe, (uint64_t)flags, 0, 0, 0);
    f = open_memstream(&text, &bytes);
    if (!f)
        return -ENOMEM;
    ours = put_file(f, path, own);
    fclose(f);
    if (!ours) {
        free(text);
        return -ENOSYS;
    }
    if ((flags & O_ACCMODE) != O_RDONLY) {
        free(text);
        return -EACCES;
    }
    fd = memfd_create("proc", flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
    if (fd < 0) {
        free(text);
        return -errno;
    }
    if (write(fd, text, bytes) != (ssize_t)bytes || lseek(fd, 0, SEEK_SET) < 0) {
        close(fd);
        fd = -EIO;
    }
    free(text);
    return fd;
}

/* core/base/file.c - whole files. */
#include "core/base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/base/alloc.h"
#include "core/base/error.h"

/* Read until the end or until room is full; -1 with errno. */
static ssize_t read_all(int fd, char *to, size_t room)
{
    size_t got = 0;

    while (got < room) {
        ssize_t n = read(fd, to + got, room - got);

        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            return -1;
        if (n > 0)
            got += (size_t)n;
    }
    return (ssize_t)got;
}

void *file_read(const char *path, size_t max, size_t *len, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *bytes = NULL;
    struct stat st;
    ssize_t n;

    if (fd < 0) {
        error_errno(err, "cannot open '%s'", path);
        return NULL;
    }
    if (fstat(fd, &st) < 0) {
        error_errno(err, "cannot read '%s'", path);
    } else if (S_ISDIR(st.st_mode)) {
        error_set(err, EISDIR, "'%s' is a directory, not a file", path);
    } else if ((unsigned long long)st.st_size > max) {
        error_set(err, EFBIG, "'%s' has %llu bytes, and at most %zu are possible here", path,
                  (unsigned long long)st.st_size, max);
    } else if (!(bytes = try_alloc((S_ISREG(st.st_mode) ? (size_t)st.st_size : max) + 1, 1, max + 1))) {
        error_errno(err, "no memory for '%s'", path);
    } else if ((n = read_all(fd, bytes, S_ISREG(st.st_mode) ? (size_t)st.st_size : max)) < 0) {
        error_errno(err, "cannot read '%s'", path);
        free(bytes);
        bytes = NULL;
    } else {
        *len = (size_t)n;
    }
    close(fd);
    return bytes;
}

#include "tcg/cache/codebuf.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/error.h"

static int new_memfd(size_t size)
{
    int fd = memfd_create("rhea-code", MFD_CLOEXEC);

    if (fd < 0)
        return -errno;
    if (ftruncate(fd, (off_t)size) < 0) {
        int ret = -errno;

        close(fd);
        return ret;
    }
    return fd;
}

/* Code and its writable alias lie in one reservation with meta, so that rip-relative operands reach all of it. */
static int map_both(struct codebuf *b, int fd)
{
    if (mmap((void *)b->rx, b->size, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED ||
        mmap(b->rw, b->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
        return -errno;
    return 0;
}

int codebuf_init(struct codebuf *b, size_t size, struct error *err)
{
    uint8_t *all;
    int ret, fd;

    b->size = size;
    b->meta_size = 3 * size;
    fd = new_memfd(size);
    if (fd < 0)
        return error_set(err, -fd, "cannot create memory for translated code: the host refused a memfd of %zu MiB",
                         size >> 20);
    all = mmap(NULL, 2 * size + b->meta_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (all == MAP_FAILED) {
        ret = error_errno(err, "cannot reserve %zu MiB of address space for translated code", (5 * size) >> 20);
        close(fd);
        return ret;
    }
    b->rx = all;
    b->meta = all + size;
    b->rw = all + size + b->meta_size;
    ret = map_both(b, fd);
    close(fd);                                 /* a guest program counts its descriptors from 3 on */
    if (ret < 0) {
        error_set(err, -ret, "cannot map translated code as executable: the host forbids it (noexec or SELinux execmem)");
        codebuf_free(b);
    }
    return ret;
}

void codebuf_free(struct codebuf *b)
{
    munmap((void *)b->rx, 2 * b->size + b->meta_size);
}

void codebuf_expect(uint8_t *from, size_t bytes)
{
#ifdef MADV_POPULATE_WRITE
    madvise(from, bytes, MADV_POPULATE_WRITE);
#else
    (void)from, (void)bytes;
#endif
}

void codebuf_written(uint8_t *from, size_t bytes)
{
    madvise(from, bytes, MADV_DONTNEED);       /* shared memory: the contents stay */
}

int codebuf_copy(const struct codebuf *b, const size_t (*ranges)[2], unsigned n)
{
    int fd = new_memfd(b->size);

    if (fd < 0)
        return fd;
    for (unsigned i = 0; i < n; i++) {
        size_t at = ranges[i][0];

        while (at < ranges[i][1]) {
            ssize_t done = pwrite(fd, b->rw + at, ranges[i][1] - at, (off_t)at);

            if (done <= 0) {
                int ret = done < 0 ? -errno : -EIO;

                close(fd);
                return ret;
            }
            at += (size_t)done;
        }
    }
    return fd;
}

int codebuf_adopt(struct codebuf *b, int fd)
{
    int ret = map_both(b, fd);

    close(fd);
    return ret;
}

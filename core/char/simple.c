/* core/char/simple.c - back ends without a descriptor to wait for: null swallows, ringbuf remembers, file appends. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/char/chr.h"
#include "core/char/ring.h"
#include "core/opt/optlist.h"

static int null_open(struct chr *c, struct optlist *opts, struct error *err)
{
    (void)opts;
    (void)err;
    c->open = true;
    return 0;
}

static ssize_t null_write(struct chr *c, const uint8_t *bytes, size_t len)
{
    (void)c;
    (void)bytes;
    return (ssize_t)len;
}

const struct chr_backend chr_null = {
    .name = "null", .help = "swallows", .bytes = sizeof(struct chr), .open = null_open, .write = null_write,
};

/* --- ringbuf ----------------------------------------------------------------------------------------------------- */

struct ring {
    struct chr chr;
    uint8_t *bytes;
    uint64_t size, put, got; /* counters that only grow */
};

static int ring_open(struct chr *c, struct optlist *opts, struct error *err)
{
    struct ring *r = (struct ring *)c;

    r->size = 65536;
    if (opts && optlist_size(opts, "size", 1, &r->size, err) < 0)
        return -EINVAL;
    if (r->size < 1 || r->size > 1 << 30 || (r->size & (r->size - 1)))
        return error_set(err, EINVAL, "size=%llu must be a power of two up to 1G", (unsigned long long)r->size);
    r->bytes = try_alloc(r->size, 1, 1 << 30);
    if (!r->bytes)
        return error_errno(err, "cannot allocate the ring buffer");
    c->open = true;
    return 0;
}

static void ring_close(struct chr *c)
{
    free(((struct ring *)c)->bytes);
}

static ssize_t ring_write(struct chr *c, const uint8_t *bytes, size_t len)
{
    struct ring *r = (struct ring *)c;

    for (size_t i = 0; i < len; i++)
        r->bytes[r->put++ & (r->size - 1)] = bytes[i];
    if (r->put - r->got > r->size)
        r->got = r->put - r->size;
    return (ssize_t)len;
}

size_t ring_take(struct chr *c, uint8_t *bytes, size_t room)
{
    struct ring *r = (struct ring *)c;
    size_t n = 0;

    while (n < room && r->got < r->put)
        bytes[n++] = r->bytes[r->got++ & (r->size - 1)];
    return n;
}

const struct chr_backend chr_ringbuf = {
    .name = "ringbuf", .help = "keeps the newest bytes for the monitor", .bytes = sizeof(struct ring), .open = ring_open,
    .close = ring_close, .write = ring_write,
};

void ring_put(struct chr *c, const uint8_t *bytes, size_t len)
{
    ring_write(c, bytes, len);
}

bool ring_is(const struct chr *c)
{
    return c->backend == &chr_ringbuf;
}

/* --- file -------------------------------------------------------------------------------------------------------- */

struct file_chr {
    struct chr chr;
    int fd;
    char *path;
};

static int file_open(struct chr *c, struct optlist *opts, struct error *err)
{
    struct file_chr *f = (struct file_chr *)c;
    const char *path = optlist_need(opts, "path", err);
    bool append = false;

    if (!path || optlist_bool(opts, "append", &append, err) < 0)
        return -EINVAL;
    f->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0666);
    if (f->fd < 0)
        return error_errno(err, "cannot write '%s'", path);
    f->path = xstrdup(path);
    c->open = true;
    return 0;
}

static void file_close(struct chr *c)
{
    struct file_chr *f = (struct file_chr *)c;

    close(f->fd);
    free(f->path);
}

static ssize_t file_write(struct chr *c, const uint8_t *bytes, size_t len)
{
    ssize_t n;

    do
        n = write(((struct file_chr *)c)->fd, bytes, len);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static void file_describe(const struct chr *c, struct str *out)
{
    str_addf(out, "file:%s", ((const struct file_chr *)c)->path);
}

const struct chr_backend chr_file = {
    .name = "file", .help = "writes into a file", .bytes = sizeof(struct file_chr), .open = file_open,
    .close = file_close, .write = file_write, .describe = file_describe,
};

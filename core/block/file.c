/* core/block/file.c - files and block devices of the host.
 *
 * Requests on a cached file run in the caller: a read that the page cache can answer (RWF_NOWAIT) and a small write
 * into it cost less than any hand-over. Large writes go to worker threads, so that copying reads ahead meanwhile;
 * direct I/O goes to io_uring (or workers where that is missing). After an fsync that failed, pages may be gone:
 * from then on flush fails for good on a cached file. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/file.h"
#include "core/block/lock.h"
#include "core/block/node.h"
#include "core/event/iothread.h"

enum { READ_HERE = 1 << 20, WRITE_HERE = 256 << 10, IOV_MOST = 1024 };

struct file {
    int      fd;
    bool     device, direct, lost;      /* lost: an fsync failed */
    bool     no_punch, no_zero_range, no_copy;
    bool     unlocked;
    uint64_t end;                       /* highest end of file that any request so far leads to */
    uint64_t hole_from, hole_to;        /* last answer of SEEK_HOLE/SEEK_DATA: [from, to) is data */
};

static blk_fdset_fn *fdset_open;

void blk_set_fdset_hook(blk_fdset_fn *fn)
{
    fdset_open = fn;
}

static const char *plain_name(const char *s)
{
    const char *p = str_after(s, "file:");

    if (p == NULL)
        p = str_after(s, "host_device:");
    if (p == NULL)
        return s;
    return strncmp(p, "///", 3) == 0 ? p + 2 : p;
}

static int open_path(const char *path, int flags, struct error *err)
{
    const char *set = str_after(path, "/dev/fdset/");
    uint64_t    id;
    int         fd;

    if (set != NULL && fdset_open != NULL && str_u64(set, &id) == 0) {
        fd = fdset_open(id, flags);
        return fd >= 0 ? fd : error_set(err, -fd, "Could not dup FD of set %s: %s", set, strerror(-fd));
    }
    do
        fd = open(path, flags | O_CLOEXEC, 0644);
    while (fd < 0 && errno == EINTR);
    return fd >= 0 ? fd : error_errno(err, "Could not open '%s'", path);
}

static uint32_t direct_align(struct file *f)
{
    int bytes = 0;

#ifdef STATX_DIOALIGN
    struct statx sx;

    if (statx(f->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &sx) == 0 && (sx.stx_mask & STATX_DIOALIGN) && sx.stx_dio_offset_align != 0)
        return MAX(sx.stx_dio_offset_align, sx.stx_dio_mem_align);
#endif
    if (f->device && ioctl(f->fd, BLKSSZGET, &bytes) == 0 && bytes >= 512 && bytes <= 65536)
        return (uint32_t)bytes;
    return 4096;
}

static int file_size(struct file *f, uint64_t *bytes, const char *name, struct error *err)
{
    struct stat st;

    if (fstat(f->fd, &st) < 0)
        return error_errno(err, "Could not refresh total sector count of '%s'", name);
    if (S_ISDIR(st.st_mode))
        return error_set(err, EISDIR, "'%s' is a directory; an image is a file or a block device", name);
    f->device = S_ISBLK(st.st_mode);
    if (S_ISBLK(st.st_mode)) {
        if (ioctl(f->fd, BLKGETSIZE64, bytes) < 0)
            return error_errno(err, "cannot tell the size of device '%s'", name);
    } else if (S_ISREG(st.st_mode)) {
        *bytes = (uint64_t)st.st_size;
    } else {
        return error_set(err, EINVAL, "'%s' is neither a file nor a block device", name);
    }
    return 0;
}

static int take_file_options(struct blk_node *n, struct blk_opts *o, bool *locking, struct error *err)
{
    static const char *const aio[] = { "threads", "io_uring", "native", NULL };
    static const char *const lock[] = { "auto", "on", "off", NULL };
    int which = n->flags & BLK_AIO_THREADS ? 0 : 1, how = n->flags & BLK_NO_LOCK ? 2 : 0;
    int ret   = blk_opts_take_enum(o, "aio", aio, &which, err);

    if (ret == 0)
        ret = blk_opts_take_enum(o, "locking", lock, &how, err);
    if (ret == 0 && which == 2 && !(n->flags & BLK_DIRECT))
        ret = error_set(err, EINVAL, "aio=native was specified, but it requires cache.direct=on, which was not specified.");
    if (which == 0)
        n->flags |= BLK_AIO_THREADS;
    *locking = how != 2;
    return ret;
}

static int file_open_fd(struct blk_node *n, struct file *f, const char *name, struct error *err)
{
    int flags = (n->flags & BLK_RDWR ? O_RDWR : O_RDONLY) | (n->flags & BLK_DIRECT ? O_DIRECT : 0);

    f->fd = open_path(name, flags, n->flags & BLK_AUTO_RDONLY ? NULL : err);
    if (f->fd < 0 && (n->flags & BLK_AUTO_RDONLY)) {
        n->flags &= ~(unsigned)BLK_RDWR;
        f->fd = open_path(name, (flags & ~O_ACCMODE) | O_RDONLY, err);
    }
    if (f->fd == -EINVAL && (n->flags & BLK_DIRECT) && err != NULL && err->code)
        error_append(err, "; the file system may not support O_DIRECT, use cache=writeback");
    return f->fd;
}

static int file_open(struct blk_node *n, struct blk_opts *o, struct error *err)
{
    struct file *f    = n->priv;
    char        *name = blk_opts_take(o, "filename");
    bool         locking = true;
    int          ret;

    if (name == NULL)
        return error_set(err, EINVAL, "the 'file' driver needs option 'filename'");
    ret = take_file_options(n, o, &locking, err);
    if (ret < 0)
        goto out;
    snprintf(n->filename, sizeof n->filename, "%s", plain_name(name));
    ret = file_open_fd(n, f, n->filename, err);
    if (ret < 0)
        goto out;
    ret = file_size(f, &n->bytes, n->filename, err);
    if (ret == 0 && locking && !f->device)
        ret = lock_image(f->fd, n->flags & BLK_RDWR, n->flags & BLK_SHARE, n->filename, err);
    if (ret < 0) {
        close(f->fd);
        goto out;
    }
    f->end    = n->bytes;
    f->direct = n->flags & BLK_DIRECT;
    n->align  = f->direct ? direct_align(f) : 1;
    if (n->flags & BLK_TEMPORARY)
        unlink(n->filename);
out:
    free(name);
    return ret;
}

static void file_close(struct blk_node *n)
{
    struct file *f = n->priv;

    close(f->fd);
}

/* ---- reading and writing */

struct rw_work {
    struct file        *f;
    const struct iovec *v;
    int                 n;
    uint64_t            off;
    bool                write;
};

static int rw_run(void *arg)
{
    struct rw_work *w = arg;
    ssize_t ret = w->write ? pwritev(w->f->fd, w->v, w->n, (off_t)w->off) : preadv(w->f->fd, w->v, w->n, (off_t)w->off);

    return ret < 0 ? -errno : (int)ret;
}

/* One transfer of at most INT_MAX bytes, by whichever way is cheapest. Returns bytes or -errno. */
static ssize_t transfer(struct blk_node *n, const struct iovec *v, int count, size_t len, uint64_t off, bool write)
{
    struct file *f = n->priv;
    ssize_t      ret;

    if (!f->direct && len <= (write ? WRITE_HERE : READ_HERE)) {
        do
            ret = write ? pwritev(f->fd, v, count, (off_t)off) : preadv2(f->fd, v, count, (off_t)off, RWF_NOWAIT);
        while (ret < 0 && errno == EINTR);
        if (ret > 0 || (ret == 0 && !write) || (write && errno != EAGAIN))
            return ret < 0 ? -errno : ret;
        if (errno != EAGAIN && errno != EOPNOTSUPP)
            return -errno;
    }
    if ((f->direct || !write) && !(n->flags & BLK_AIO_THREADS) && len <= 8 * READ_HERE)
        return write ? io_writev(f->fd, v, count, off) : io_readv(f->fd, v, count, off);
    struct rw_work w = { .f = f, .v = v, .n = count, .off = off, .write = write };

    do
        ret = io_work(rw_run, &w);
    while (ret == -EINTR);
    return ret;
}

/* Until all is done; reading beyond the end gives zeros. */
static int transfer_all(struct blk_node *n, const struct blk_iov *v, uint64_t off, bool write)
{
    size_t at = 0;

    while (at < v->len) {
        struct blk_slice      s;
        const struct blk_iov *part = iov_slice(&s, v, at, MIN(v->len - at, (size_t)1 << 30));
        ssize_t               ret  = transfer(n, part->v, MIN(part->n, IOV_MOST), part->len, off + at, write);

        iov_slice_end(&s);
        if (ret < 0)
            return (int)ret;
        if (ret == 0 && write)
            return -ENOSPC;
        if (ret == 0) {
            iov_zero(v, at, v->len - at);
            return 0;
        }
        at += (size_t)ret;
    }
    return 0;
}

static int file_read(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    return transfer_all(n, v, off, false);
}

static int file_write(struct blk_node *n, uint64_t off, const struct blk_iov *v, unsigned flags)
{
    struct file *f = n->priv;

    (void)flags;
    f->hole_to = 0;
    f->end     = MAX(f->end, off + v->len);
    return transfer_all(n, v, off, true);
}

static int file_flush(struct blk_node *n)
{
    struct file *f = n->priv;
    int          ret;

    if (n->flags & BLK_NO_FLUSH)
        return 0;
    if (f->lost)
        return -EIO;
    ret = io_fdatasync(f->fd);
    if (ret < 0 && !f->direct)
        f->lost = true;
    return ret == -EINVAL || ret == -EROFS ? 0 : ret;
}

/* ---- holes */

static int extend(struct file *f, uint64_t end)
{
    if (f->device || end <= f->end)     /* a write under way may reach further: never cut it off */
        return 0;
    f->end = end;
    return ftruncate(f->fd, (off_t)end) < 0 ? -errno : 0;
}

static bool unsupported(int ret)
{
    return ret == -EOPNOTSUPP || ret == -ENOTTY || ret == -ENOSYS || ret == -EINVAL;
}

static int punch(struct file *f, uint64_t off, uint64_t len)
{
    int ret;

    if (f->no_punch)
        return -ENOTSUP;
    ret = io_fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, len);
    if (unsupported(ret)) {
        f->no_punch = true;
        ret = -ENOTSUP;
    }
    return ret;
}

static int file_zero(struct blk_node *n, uint64_t off, uint64_t len, unsigned flags)
{
    struct file *f = n->priv;
    static const char zeros[4096];
    uint64_t     inside = off < f->end ? MIN(len, f->end - off) : 0;
    int          ret = 0;

    f->hole_to = 0;
    if (inside > 0 && inside <= sizeof zeros && !f->direct) {    /* a sector is written sooner than it is allocated away */
        ret = transfer_all(n, BLK_FLAT(zeros, inside), off, true);
    } else if (inside > 0) {
        ret = -ENOTSUP;
        if (flags & BLK_MAY_UNMAP)
            ret = punch(f, off, inside);
        if (ret == -ENOTSUP && !f->no_zero_range) {
            ret = io_fallocate(f->fd, FALLOC_FL_ZERO_RANGE, off, inside);
            if (unsupported(ret)) {
                f->no_zero_range = true;
                ret = -ENOTSUP;
            }
        }
    }
    if (ret == 0 && inside < len)
        ret = extend(f, off + len);
    return ret;
}

static int file_discard(struct blk_node *n, uint64_t off, uint64_t len)
{
    struct file *f = n->priv;

    f->hole_to = 0;
    return punch(f, off, len);
}

static int file_map(struct blk_node *n, uint64_t off, uint64_t len, struct blk_extent *e)
{
    struct file *f = n->priv;
    off_t        data, hole;

    *e = (struct blk_extent){ .len = len, .flags = BLK_EXT_DATA | BLK_EXT_ALLOCATED | BLK_EXT_OFFSET, .host = off, .node = n };
    if (f->device)
        return 0;
    if (off >= f->hole_from && off < f->hole_to) {
        e->len = MIN(len, f->hole_to - off);
        return 0;
    }
    data = lseek(f->fd, (off_t)off, SEEK_DATA);
    if (data < 0 && errno == ENXIO) {
        e->flags = BLK_EXT_ZERO | BLK_EXT_ALLOCATED | BLK_EXT_OFFSET;
        return 0;
    }
    if (data < 0)
        return 0;
    if ((uint64_t)data > off) {
        e->flags = BLK_EXT_ZERO | BLK_EXT_ALLOCATED | BLK_EXT_OFFSET;
        e->len   = MIN(len, (uint64_t)data - off);
        return 0;
    }
    hole = lseek(f->fd, (off_t)off, SEEK_HOLE);
    if (hole < 0 || (uint64_t)hole <= off)
        return 0;
    f->hole_from = off;
    f->hole_to   = (uint64_t)hole;
    e->len       = MIN(len, (uint64_t)hole - off);
    return 0;
}

static int64_t file_allocated(struct blk_node *n)
{
    struct file *f = n->priv;
    struct stat  st;

    return fstat(f->fd, &st) < 0 ? -errno : (int64_t)st.st_blocks * 512;
}

static int file_refresh(struct blk_node *n)
{
    struct file *f = n->priv;
    uint64_t     bytes;
    int          ret = file_size(f, &bytes, n->filename, NULL);

    if (ret == 0)
        n->bytes = f->end = MAX(bytes, f->end);
    return ret;
}

/* ---- copying inside the host */

struct copy_work {
    int      from, to, flags;
    uint64_t soff, doff, len;
};

static int copy_run(void *arg)
{
    struct copy_work *w = arg;
    loff_t            soff = (loff_t)w->soff, doff = (loff_t)w->doff;

    while (w->len > 0) {
        ssize_t ret = copy_file_range(w->from, &soff, w->to, &doff, w->len, 0);

        if (ret < 0 && errno == EINTR)
            continue;
        if (ret < 0)
            return -errno;
        if (ret == 0)
            return -EIO;
        w->len -= (uint64_t)ret;
    }
    return 0;
}

static int file_copy(struct blk_node *src, uint64_t soff, struct blk_node *dst, uint64_t doff, uint64_t len)
{
    struct file     *s = src->priv, *d = dst->priv;
    struct copy_work w;
    int              ret;

    if (src->drv->copy != file_copy || d->no_copy || s->direct || d->direct || soff + len > src->bytes)
        return -ENOTSUP;
    d->hole_to = 0;
    d->end     = MAX(d->end, doff + len);
    w   = (struct copy_work){ .from = s->fd, .to = d->fd, .soff = soff, .doff = doff, .len = len };
    ret = io_work(copy_run, &w);
    if (ret == -EXDEV || unsupported(ret)) {
        d->no_copy = true;
        return -ENOTSUP;
    }
    return ret;
}

/* ---- size */

struct resize_work {
    int               fd;
    uint64_t          from, to;
    enum blk_prealloc p;
};

static int resize_run(void *arg)
{
    struct resize_work *w = arg;
    static const char   zeros[65536];

    if (w->p == BLK_PREALLOC_FALLOC && w->to > w->from) {
        int ret = posix_fallocate(w->fd, (off_t)w->from, (off_t)(w->to - w->from));

        return -ret;
    }
    if (ftruncate(w->fd, (off_t)w->to) < 0)
        return -errno;
    for (uint64_t at = w->from; w->p == BLK_PREALLOC_FULL && at < w->to;) {
        ssize_t ret = pwrite(w->fd, zeros, MIN(sizeof zeros, w->to - at), (off_t)at);

        if (ret < 0 && errno != EINTR)
            return -errno;
        at += ret > 0 ? (uint64_t)ret : 0;
    }
    return w->p == BLK_PREALLOC_FULL && fsync(w->fd) < 0 ? -errno : 0;
}

static int file_resize(struct blk_node *n, uint64_t bytes, enum blk_prealloc p, struct error *err)
{
    struct file       *f = n->priv;
    struct resize_work w = { .fd = f->fd, .from = n->bytes, .to = bytes, .p = p };
    int                ret;

    f->hole_to = 0;
    if (f->device)
        return bytes <= n->bytes ? 0 : error_set(err, ENOTSUP, "Cannot grow device files");
    if (bytes < n->bytes && p != BLK_PREALLOC_OFF)
        return error_set(err, ENOTSUP, "Preallocation can't be used for shrinking files");
    ret    = io_work(resize_run, &w);
    f->end = ret == 0 ? bytes : f->end;
    return ret < 0 ? error_set(err, ret, "Could not resize file '%s': %s", n->filename, strerror(-ret)) : 0;
}

static int file_create(struct blk_create *c, struct error *err)
{
    static const char *const nocow_known[] = { "preallocation", "nocow", "extent_size_hint", NULL };
    const char       *name = plain_name(c->filename);
    enum blk_prealloc p    = BLK_PREALLOC_OFF;
    char             *text = blk_opts_take(c->opts, "preallocation");
    bool              nocow = false;
    uint64_t          hint = 0;
    int               fd, ret;

    ret = text != NULL ? blk_prealloc_parse(text, &p, err) : 0;
    free(text);
    if (ret == 0 && p == BLK_PREALLOC_METADATA)
        ret = error_set(err, EINVAL, "Unsupported preallocation mode 'metadata'");
    if (ret == 0)
        ret = blk_opts_take_bool(c->opts, "nocow", &nocow, err);
    if (ret == 0)
        ret = blk_opts_take_size(c->opts, "extent_size_hint", &hint, err);
    if (ret == 0)
        ret = blk_opts_done(c->opts, "the 'raw' format", nocow_known, err);
    if (ret < 0)
        return ret;
    fd = open_path(name, O_RDWR | O_CREAT, NULL);
    if (fd < 0)
        return error_set(err, fd, "Could not create '%s': %s", name, strerror(-fd));
    ret = lock_image(fd, true, false, name, err);
    struct stat st;

    if (ret == 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && ftruncate(fd, 0) < 0)
        ret = error_errno(err, "cannot empty '%s'", name);
    if (ret == 0 && nocow) {
        int attr = 0;

        if (ioctl(fd, FS_IOC_GETFLAGS, &attr) == 0) {
            attr |= FS_NOCOW_FL;
            (void)ioctl(fd, FS_IOC_SETFLAGS, &attr);    /* a hint to btrfs; others have no such flag */
        }
    }
    struct resize_work w = { .fd = fd, .from = 0, .to = c->bytes, .p = p };

    if (ret == 0 && S_ISREG(st.st_mode)) {
        ret = io_work(resize_run, &w);
        if (ret < 0)
            error_set(err, ret, "Could not resize file '%s' to %llu bytes: %s", name, (unsigned long long)c->bytes, strerror(-ret));
    }
    close(fd);
    return ret;
}

int blk_file_fd(const struct blk_node *n)
{
    return n->drv == &blk_file || n->drv == &blk_host_device ? ((struct file *)n->priv)->fd : -1;
}

void blk_file_refresh(struct blk_node *n)
{
    struct file *f = n->priv;

    f->hole_to = 0;
    file_size(f, &n->bytes, n->filename, NULL);
    f->end = n->bytes;
}

static const struct blk_option file_create_opts[] = {
    { "size", BLK_OPT_SIZE, "Virtual disk size", NULL },
    { "nocow", BLK_OPT_BOOL, "Turn off copy-on-write (valid only on btrfs)", NULL },
    { "preallocation", BLK_OPT_STR, "Preallocation mode (allowed values: off, falloc, full)", NULL },
    { "extent_size_hint", BLK_OPT_SIZE, "Extent size hint for the image file, 0 to disable", NULL },
    { NULL, 0, NULL, NULL },
};

#define FILE_OPS                                                                                         \
    .bytes = sizeof(struct file), .open = file_open, .close = file_close, .read = file_read, .write = file_write, .zero = file_zero,    \
    .discard = file_discard, .flush = file_flush, .map = file_map, .copy = file_copy, .resize = file_resize, \
    .allocated = file_allocated, .refresh = file_refresh, .create = file_create, .create_opts = file_create_opts

const struct blk_driver blk_file = { .name = "file", .help = "a file of the host", .prefixes = "file",
                                     .flags = BLK_DRV_PROTOCOL | BLK_DRV_GROWS | BLK_DRV_HOST_NAMES, FILE_OPS };
const struct blk_driver blk_host_device = {
    .name = "host_device", .help = "a block device of the host", .prefixes = "host_device",
    .flags = BLK_DRV_PROTOCOL | BLK_DRV_GROWS | BLK_DRV_HOST_NAMES | BLK_DRV_NOT_ZERO, FILE_OPS
};

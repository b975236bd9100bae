/* core/img/mount.c - mount IMAGE MOUNTPOINT: the disk as one file, through libfuse3.
 *
 * FUSE calls arrive on this thread one after the other; each runs as a coroutine of the image's loop. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/bits.h"
#include "core/base/str.h"
#include "core/block/backend.h"
#include "core/event/iothread.h"
#include "core/img/img.h"

#ifdef CONFIG_FUSE3
#define FUSE_USE_VERSION 31
#include <fuse.h>

static struct {
    struct blk_node *n;
    struct iothread *thread;
    struct img       g;
    const char      *image;
    char             name[256];
    unsigned         flags;
    int              ret;
} m;

struct call {
    char    *buf;
    size_t   len;
    uint64_t off;
    bool     write;
    int      ret;
};

static void rw_run(void *arg)
{
    struct call *c = arg;

    c->ret = c->write ? blk_write(m.n, c->off, c->buf, c->len) : blk_read(m.n, c->off, c->buf, c->len);
}

static void flush_run(void *arg)
{
    *(int *)arg = blk_flush(m.n);
}

static bool is_disk(const char *path)
{
    return path[0] == '/' && str_eq(path + 1, m.name);
}

static int fs_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
    (void)fi;
    memset(st, 0, sizeof *st);
    st->st_uid = getuid();
    st->st_gid = getgid();
    if (str_eq(path, "/")) {
        st->st_mode  = S_IFDIR | 0755;
        st->st_nlink = 2;
        return 0;
    }
    if (!is_disk(path))
        return -ENOENT;
    st->st_mode   = S_IFREG | (m.n->flags & BLK_RDWR ? 0644 : 0444);
    st->st_nlink  = 1;
    st->st_size   = (off_t)m.n->bytes;
    st->st_blocks = (blkcnt_t)(m.n->bytes / 512);
    return 0;
}

static int fs_readdir(const char *path, void *buf, fuse_fill_dir_t fill, off_t off, struct fuse_file_info *fi, enum fuse_readdir_flags flags)
{
    (void)off, (void)fi, (void)flags;
    if (!str_eq(path, "/"))
        return -ENOTDIR;
    fill(buf, ".", NULL, 0, 0);
    fill(buf, "..", NULL, 0, 0);
    fill(buf, m.name, NULL, 0, 0);
    return 0;
}

static int fs_open(const char *path, struct fuse_file_info *fi)
{
    if (!is_disk(path))
        return -ENOENT;
    return (fi->flags & O_ACCMODE) != O_RDONLY && !(m.n->flags & BLK_RDWR) ? -EROFS : 0;
}

static int transfer(const char *path, char *buf, size_t len, off_t off, bool write)
{
    struct call c = { .buf = buf, .off = (uint64_t)off, .write = write };

    if (!is_disk(path))
        return -ENOENT;
    if ((uint64_t)off >= m.n->bytes)
        return write ? -ENOSPC : 0;
    c.len = (size_t)MIN((uint64_t)len, m.n->bytes - (uint64_t)off);
    blk_run_on(iothread_loop(m.thread), rw_run, &c);
    return c.ret < 0 ? c.ret : (int)c.len;
}

static int fs_read(const char *path, char *buf, size_t len, off_t off, struct fuse_file_info *fi)
{
    (void)fi;
    return transfer(path, buf, len, off, false);
}

static int fs_write(const char *path, const char *buf, size_t len, off_t off, struct fuse_file_info *fi)
{
    (void)fi;
    return transfer(path, (char *)buf, len, off, true);
}

static int fs_fsync(const char *path, int datasync, struct fuse_file_info *fi)
{
    int ret;

    (void)path, (void)datasync, (void)fi;
    blk_run_on(iothread_loop(m.thread), flush_run, &ret);
    return ret;
}

static const struct fuse_operations operations = {
    .getattr = fs_getattr, .readdir = fs_readdir, .open = fs_open, .read = fs_read, .write = fs_write, .fsync = fs_fsync,
};

static void open_run(void *arg)
{
    (void)arg;
    m.n = img_open(&m.g, m.image, m.g.fmt, m.flags, m.g.cache);
}

static void close_run(void *arg)
{
    (void)arg;
    m.ret = blk_flush(m.n);
    blk_unref(m.n);
}

int img_mount(int argc, char **argv)
{
    static const struct option longs[] = { IMG_LONG, { "read-only", no_argument, NULL, 'r' }, { "foreground", no_argument, NULL, 'F' }, { NULL, 0, NULL, 0 } };
    struct error err = ERROR_INIT;
    bool         foreground = false;
    int          opt, ret = 0;
    const char  *slash;

    m.flags = BLK_RDWR | BLK_UNMAP;
    while (ret == 0 && (opt = getopt_long(argc, argv, "hf:t:rFU", longs, NULL)) != -1) {
        if (opt == 'r')
            m.flags &= ~(unsigned)BLK_RDWR;
        else if (opt == 'F')
            foreground = true;
        else
            ret = img_option(&m.g, opt, "mount");
    }
    if (ret != 0)
        return ret - 1;
    if (argc - optind != 2)
        return img_fail_text("Expecting an image and a mount point");
    m.image = argv[optind];
    if (!m.g.image_opts && !blk_has_protocol(m.image)) {
        m.image = realpath(m.image, NULL);       /* going into the background changes to the root folder */
        if (m.image == NULL)
            return img_fail_text("Could not open '%s': %s", argv[optind], strerror(errno));
    }
    slash   = strrchr(m.image, '/');
    snprintf(m.name, sizeof m.name, "%s", slash != NULL ? slash + 1 : m.image);

    char        *args[] = { argv[0], "-o", "fsname=rhea,default_permissions", NULL };
    struct fuse_args fa = FUSE_ARGS_INIT(3, args);
    struct fuse *f      = fuse_new(&fa, &operations, sizeof operations, NULL);

    if (f == NULL || fuse_mount(f, argv[optind + 1]) != 0)
        return img_fail_text("cannot mount at '%s'; is it an empty folder, and is /dev/fuse there (package fuse3)?", argv[optind + 1]);
    fuse_daemonize(foreground);                  /* threads start after the fork */
    m.thread = iothread_new("rhea-mount", &err);
    if (m.thread == NULL)
        ret = img_fail(&err);
    else
        blk_run_on(iothread_loop(m.thread), open_run, NULL);
    if (m.n != NULL) {
        fuse_set_signal_handlers(fuse_get_session(f));
        ret = fuse_loop(f) == 0 ? 0 : 1;
        fuse_remove_signal_handlers(fuse_get_session(f));
        blk_run_on(iothread_loop(m.thread), close_run, NULL);
        ret = ret == 0 && m.ret < 0 ? img_fail_text("could not flush the image: %s", strerror(-m.ret)) : ret;
    } else {
        ret = 1;
    }
    fuse_unmount(f);
    fuse_destroy(f);
    iothread_free(m.thread);
    return ret;
}

#else

int img_mount(int argc, char **argv)
{
    (void)argc, (void)argv;
    return img_fail_text("this Rhea is built without libfuse3; install libfuse3-dev and configure again");
}
#endif

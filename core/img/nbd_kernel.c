/* core/img/nbd_kernel.c - /dev/nbdN: the kernel's NBD client, connected to us by a socket pair.
 *
 * One thread stays in NBD_DO_IT while the device is there; it ends when somebody disconnects the device or the server
 * closes its end. Source: Linux, include/uapi/linux/nbd.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/nbd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/img/nbd_kernel.h"

struct nbd_device {
    int       fd, kernel_end;
    pthread_t thread;
    void    (*gone)(void *arg);
    void     *arg;
};

static int open_device(const char *path, struct error *err)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);

    if (fd >= 0)
        return fd;
    if (errno == ENOENT || errno == ENXIO || errno == ENODEV)
        return error_set(err, errno, "the kernel has no %s: load its driver with 'modprobe nbd', or use rhea-img mount", path);
    return error_errno(err, "Failed to open %s", path);
}

static void *stay(void *arg)
{
    struct nbd_device *d = arg;

    ioctl(d->fd, NBD_DO_IT);
    ioctl(d->fd, NBD_CLEAR_QUE);
    ioctl(d->fd, NBD_CLEAR_SOCK);
    close(d->kernel_end);
    d->gone(d->arg);
    return NULL;
}

static int set_up(struct nbd_device *d, uint64_t bytes, bool writable)
{
    unsigned long flags = NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH | NBD_FLAG_SEND_FUA | NBD_FLAG_SEND_TRIM, block = 512;
    int           readonly = !writable;

    if (readonly)
        flags |= NBD_FLAG_READ_ONLY;
    if (ioctl(d->fd, NBD_SET_SOCK, (unsigned long)d->kernel_end) < 0 || ioctl(d->fd, NBD_SET_BLKSIZE, block) < 0 ||
        ioctl(d->fd, NBD_SET_SIZE_BLOCKS, (unsigned long)(bytes / block)) < 0 || ioctl(d->fd, NBD_SET_FLAGS, flags) < 0 ||
        ioctl(d->fd, BLKROSET, (unsigned long)&readonly) < 0)
        return -errno;
    return 0;
}

struct nbd_device *nbd_device_attach(const char *path, uint64_t bytes, bool writable, int *sock, void (*gone)(void *arg), void *arg,
                                     struct error *err)
{
    struct nbd_device *d = NEW(struct nbd_device);
    int                pair[2] = { -1, -1 }, ret;

    d->gone = gone;
    d->arg  = arg;
    d->fd   = ret = open_device(path, err);
    if (ret >= 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        ret = error_errno(err, "cannot make a socket pair");
    d->kernel_end = pair[1];
    if (ret >= 0 && (ret = set_up(d, bytes, writable)) < 0)
        error_set(err, ret, "Failed to set up %s: %s", path, ret == -EBUSY ? "it is connected already; 'rhea-nbd -d' disconnects it" : strerror(-ret));
    if (ret >= 0 && pthread_create(&d->thread, NULL, stay, d) != 0)
        ret = error_set(err, EAGAIN, "cannot start a thread for %s", path);
    if (ret >= 0) {
        fcntl(pair[0], F_SETFL, O_NONBLOCK);
        *sock = pair[0];
        return d;
    }
    for (int i = 0; i < 2; i++)
        if (pair[i] >= 0)
            close(pair[i]);
    if (d->fd >= 0)
        close(d->fd);
    free(d);
    return NULL;
}

void nbd_device_detach(struct nbd_device *d)
{
    ioctl(d->fd, NBD_DISCONNECT);
    pthread_join(d->thread, NULL);
    close(d->fd);
    free(d);
}

int nbd_device_disconnect(const char *path, struct error *err)
{
    int fd = open_device(path, err), ret = 0;

    if (fd < 0)
        return fd;
    if (ioctl(fd, NBD_CLEAR_QUE) < 0 || ioctl(fd, NBD_DISCONNECT) < 0 || ioctl(fd, NBD_CLEAR_SOCK) < 0)
        ret = error_errno(err, "cannot disconnect %s", path);
    close(fd);
    return ret;
}

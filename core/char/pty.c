/* core/char/pty.c - a pseudo-terminal, and a pair of named pipes. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/char/chr.h"
#include "core/char/fd.h"
#include "core/opt/optlist.h"

struct pty_chr {
    struct chr chr;
    struct fd_io io;
    int slave; /* kept open, so that the master never sees a hang-up when its user goes */
    char *path;
};

static void raw_mode(int fd)
{
    struct termios t;

    if (tcgetattr(fd, &t) < 0)
        return;
    cfmakeraw(&t);
    tcsetattr(fd, TCSANOW, &t);
}

static int pty_open(struct chr *c, struct optlist *opts, struct error *err)
{
    struct pty_chr *p = (struct pty_chr *)c;
    const char *link = opts ? optlist_get(opts, "path") : NULL;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), ret;

    p->slave = -1;
    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 || !(p->path = ptsname(master)) ||
        (p->slave = open(p->path, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0) {
        ret = error_errno(err, "cannot open a pseudo-terminal");
        if (master >= 0)
            close(master);
        return ret;
    }
    p->path = xstrdup(p->path);
    if (link && symlink(p->path, link) < 0) {
        ret = error_errno(err, "cannot make the link '%s'", link);
        close(master);
        close(p->slave);
        free(p->path);
        return ret;
    }
    raw_mode(p->slave);
    fcntl(master, F_SETFL, O_NONBLOCK);
    fd_io_open(&p->io, c, master, master, NULL);
    c->open = true;
    printf("char device redirected to %s (label %s)\n", p->path, c->id);
    fflush(stdout);
    return 0;
}

static void pty_close(struct chr *c)
{
    struct pty_chr *p = (struct pty_chr *)c;

    fd_io_close(&p->io);
    close(p->slave);
    free(p->path);
}

static ssize_t pty_write(struct chr *c, const uint8_t *bytes, size_t len)
{
    struct pty_chr *p = (struct pty_chr *)c;
    ssize_t n;

    if (p->io.drain)
        return 0;
    n = fd_io_write(&p->io, bytes, len);
    /* Nobody reads the other end: a full line swallows, it must not stop the guest. */
    return n == 0 ? -EAGAIN : n;
}

static void pty_accept(struct chr *c)
{
    fd_io_accept(&((struct pty_chr *)c)->io);
}

static void pty_describe(const struct chr *c, struct str *out)
{
    str_addf(out, "pty:%s", ((const struct pty_chr *)c)->path);
}

const struct chr_backend chr_pty = {
    .name = "pty", .help = "a pseudo-terminal; its name is printed", .bytes = sizeof(struct pty_chr), .open = pty_open,
    .close = pty_close, .write = pty_write, .accept = pty_accept, .describe = pty_describe,
};

/* --- pipe -------------------------------------------------------------------------------------------------------- */

struct pipe_chr {
    struct chr chr;
    struct fd_io io;
    char *path;
};

static int pipe_open(struct chr *c, struct optlist *opts, struct error *err)
{
    struct pipe_chr *p = (struct pipe_chr *)c;
    const char *path = optlist_need(opts, "path", err);
    char *name;
    int in, out, ret;

    if (!path)
        return -EINVAL;
    name = xasprintf("%s.in", path);
    in = open(name, O_RDWR | O_CLOEXEC);
    free(name);
    name = xasprintf("%s.out", path);
    out = open(name, O_RDWR | O_CLOEXEC);
    free(name);
    if (in < 0 || out < 0) {
        if (in >= 0)
            close(in);
        if (out >= 0)
            close(out);
        in = out = open(path, O_RDWR | O_CLOEXEC);
    }
    if (in < 0) {
        ret = error_errno(err, "cannot open the pipe '%s' (make it with mkfifo %s.in %s.out)", path, path, path);
        return ret;
    }
    p->path = xstrdup(path);
    fd_io_open(&p->io, c, in, out, NULL);
    c->open = true;
    return 0;
}

static void pipe_close(struct chr *c)
{
    struct pipe_chr *p = (struct pipe_chr *)c;

    fd_io_close(&p->io);
    free(p->path);
}

static ssize_t pipe_write(struct chr *c, const uint8_t *bytes, size_t len)
{
    return fd_io_write(&((struct pipe_chr *)c)->io, bytes, len);
}

static void pipe_accept(struct chr *c)
{
    fd_io_accept(&((struct pipe_chr *)c)->io);
}

const struct chr_backend chr_pipe = {
    .name = "pipe", .help = "a pair of named pipes", .bytes = sizeof(struct pipe_chr), .open = pipe_open,
    .close = pipe_close, .write = pipe_write, .accept = pipe_accept,
};

/* Going to the background, and the pid file.
 *
 *   parent: fork, wait for one byte ............................ exit 0; no byte: exit 1 (the child has said why)
 *   child:  setsid, build the machine, daemon_ready(): byte, terminal closed, run */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/opt/options.h"
#include "core/vm/settings.h"

static struct {
    int parent;          /* pipe to the parent that waits */
    bool waited_for;
    char *pidfile;
    int pidfd;
} self;

static void wait_for_child(int from)
{
    char byte;
    ssize_t n;

    do
        n = read(from, &byte, 1);
    while (n < 0 && errno == EINTR);
    _exit(n == 1 ? 0 : 1);
}

int daemon_begin(const struct sys_options *o, struct error *err)
{
    int ends[2];

    if (!o->daemonize)
        return 0;
    if (o->nographic)
        return error_set(err, EINVAL, "-daemonize: -nographic wants a terminal; use -display none and -serial file:F or none");
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_errno(err, "-daemonize: cannot make a pipe");
    switch (fork()) {
    case -1:
        return error_errno(err, "-daemonize: cannot fork");
    case 0:
        close(ends[0]);
        setsid();
        self.parent = ends[1];
        self.waited_for = true;
        return 0;
    default:
        close(ends[1]);
        wait_for_child(ends[0]);
        return 0;
    }
}

/* The lock tells a living file from one that was left behind. */
static int write_pidfile(const char *path, struct error *err)
{
    char *text;
    ssize_t n;

    self.pidfd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (self.pidfd < 0)
        return error_errno(err, "-pidfile %s: cannot write it", path);
    if (flock(self.pidfd, LOCK_EX | LOCK_NB) < 0) {
        error_set(err, EBUSY, "-pidfile %s: another emulator that runs has this pid file; choose another name", path);
        close(self.pidfd);
        return -EBUSY;
    }
    text = xasprintf("%d\n", getpid());
    n = ftruncate(self.pidfd, 0) < 0 ? -1 : pwrite(self.pidfd, text, strlen(text), 0);
    free(text);
    if (n < 0)
        return error_errno(err, "-pidfile %s: cannot write it", path);
    self.pidfile = realpath(path, NULL);
    return 0;
}

static void leave_terminal(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int fd = 0; fd <= 2 && null >= 0; fd++)
        dup2(null, fd);
    if (null > 2)
        close(null);
}

int daemon_ready(const struct sys_options *o, struct error *err)
{
    if (o->pidfile && write_pidfile(o->pidfile, err) < 0)
        return -EINVAL;
    if (!self.waited_for)
        return 0;
    leave_terminal();
    if (write(self.parent, "", 1) < 0)
        return error_errno(err, "-daemonize: the parent is gone");
    close(self.parent);
    self.waited_for = false;
    return 0;
}

void daemon_end(void)
{
    if (self.pidfile)
        unlink(self.pidfile);
    free(self.pidfile);
    self.pidfile = NULL;
}

/* core/char/fd.c - descriptors that are shared with other processes stay in blocking mode: each write is preceded by
 * a poll and small enough not to block then; each read follows the loop's word that there is something. */
#include "core/char/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#include "core/char/chr.h"
#include "core/event/loop.h"

enum { READ_AT_ONCE = 4096, WRITE_AT_ONCE = 4096 /* PIPE_BUF: poll promises that much of a pipe */ };

static void ended(struct fd_io *io)
{
    loop_remove(io->watch);
    io->watch = NULL;
    io->always_ready = false;
    if (io->hangup)
        io->hangup(io->chr);
}

static size_t room_of(const struct fd_io *io) { return io->always_ready ? chr_room_kept(io->chr) : chr_room(io->chr); }

static void read_some(struct fd_io *io)
{
    uint8_t buf[READ_AT_ONCE];
    size_t room = room_of(io);
    ssize_t n;

    if (room > sizeof(buf))
        room = sizeof(buf);
    if (!room) {
        if (io->watch)
            loop_watch(io->watch, 0);
        return;
    }
    n = read(io->in, buf, room);
    if (n > 0)
        chr_input(io->chr, buf, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        ended(io);
}

static void readable(void *opaque, unsigned events)
{
    struct fd_io *io = opaque;

    if (events & (LOOP_READ | LOOP_HANGUP | LOOP_ERROR)) {
        if (!(events & LOOP_READ) && chr_room(io->chr) == 0)
            ended(io);
        else
            read_some(io);
    }
}

static void turn(void *opaque)
{
    struct fd_io *io = opaque;

    io->turn_pending = false;
    if (io->always_ready && room_of(io)) {
        read_some(io);
        fd_io_accept(io);
    }
}

void fd_io_accept(struct fd_io *io)
{
    if (io->watch && chr_room(io->chr))
        loop_watch(io->watch, LOOP_READ);
    if (io->always_ready && !io->turn_pending && room_of(io)) {
        io->turn_pending = true;
        loop_call(io->chr->loop, turn, io);
    }
}

void fd_io_open(struct fd_io *io, struct chr *c, int in, int out, void (*hangup)(struct chr *c))
{
    if (in >= 0 && in == out)
        out = fcntl(in, F_DUPFD_CLOEXEC, 3); /* a number can be watched once, and in and out come and go apart */
    *io = (struct fd_io){ .chr = c, .in = in, .out = out, .hangup = hangup };
    if (in >= 0) {
        io->watch = loop_add(c->loop, in, LOOP_READ, readable, io);
        io->always_ready = !io->watch && errno == EPERM;
    }
}

static void close_own(int fd)
{
    if (fd > 2)
        close(fd);
}

void fd_io_close(struct fd_io *io)
{
    loop_remove(io->watch);
    io->watch = NULL;
    io->always_ready = false;
    loop_remove(io->drain);
    io->drain = NULL;
    close_own(io->in);
    close_own(io->out);
    io->in = io->out = -1;
}

static void drained(void *opaque, unsigned events)
{
    struct fd_io *io = opaque;

    (void)events;
    loop_remove(io->drain);
    io->drain = NULL;
    chr_drained(io->chr);
}

/* Have drained() called when there is room. */
static ssize_t wait_for_room(struct fd_io *io)
{
    if (!io->drain)
        io->drain = loop_add(io->chr->loop, io->out, LOOP_WRITE, drained, io);
    return 0;
}

ssize_t fd_io_write(struct fd_io *io, const uint8_t *bytes, size_t len)
{
    struct pollfd p = { .fd = io->out, .events = POLLOUT };
    ssize_t n;

    if (io->out < 0)
        return -ENOTCONN;
    if (len > WRITE_AT_ONCE)
        len = WRITE_AT_ONCE;
    if (poll(&p, 1, 0) == 0)
        return wait_for_room(io);
    n = write(io->out, bytes, len);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return wait_for_room(io);
    return n < 0 ? -errno : n;
}

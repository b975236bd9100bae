/* core/char/fd.h - a pair of descriptors behind a chr: shared by stdio, pty, pipe and socket. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct chr;
struct loop_fd;

struct fd_io {
    struct chr *chr;
    int in, out;                    /* -1: none */
    struct loop_fd *watch, *drain;  /* drain: only while there is no room */
    bool always_ready;              /* a regular file: read in turns of the loop */
    bool turn_pending;
    void (*hangup)(struct chr *c);  /* end of input or error: called once */
};

/** fd_io_open - begin to watch; @in and @out may be one descriptor, -1 is none. @hangup may call fd_io_close(). */
void fd_io_open(struct fd_io *io, struct chr *c, int in, int out, void (*hangup)(struct chr *c));
/** fd_io_close - stop watching and close the descriptors, except 0, 1 and 2. */
void fd_io_close(struct fd_io *io);
/** fd_io_write - as chr_backend.write. Never blocks. */
ssize_t fd_io_write(struct fd_io *io, const uint8_t *bytes, size_t len);
/** fd_io_accept - as chr_backend.accept. */
void fd_io_accept(struct fd_io *io);

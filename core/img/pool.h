/* core/img/pool.h - coroutines that work on one list of pieces: convert, commit and rebase.
 *
 *   next():  cuts off the next piece; only one coroutine is in it at a time, though it may yield
 *   work():  does a piece; as many at once as there are workers */
#ifndef CORE_IMG_POOL_H
#define CORE_IMG_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "core/event/colock.h"

enum { POOL_WORKERS = 8, POOL_PIECE_MOST = 128 };

struct img_pool {
    int    workers;                    /* 1 to 64 */
    size_t buf_bytes;                  /* of the buffer that each worker has; aligned as blk_bounce() does */
    /* 1 and a piece of at most POOL_PIECE_MOST bytes, 0 at the end, or -errno. */
    int  (*next)(void *arg, void *piece);
    /* 0 or -errno, which ends the whole. */
    int  (*work)(void *arg, const void *piece, uint8_t *buf);
    void (*failed)(void *arg);         /* the whole ends early: wake who waits for others' pieces; or NULL */
    void  *arg;
    int    ret;                        /* 0 while all is well */
    int    running;
    struct co_mutex cutting;
    struct co_queue done;
};

/** img_pool_run - until all is done, or something failed, or Ctrl-C (-EINTR). Context: coroutine; yields. */
int img_pool_run(struct img_pool *p);

#endif

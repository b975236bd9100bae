/* core/block/backend_int.h - the insides of a backend, for backend.c and drive.c. */
#ifndef CORE_BLOCK_BACKEND_INT_H
#define CORE_BLOCK_BACKEND_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/block/backend.h"

struct request;
struct throttle;

struct blk_backend {
    struct blk_backend *next;
    char                id[64];
    struct blk_node    *root;           /* NULL: no medium */
    struct io_loop     *loop;
    enum blk_if         type;
    int                 bus, unit;
    bool                cdrom, from_node, locked_medium, write_cache, writes;
    char               *device;         /* who has it, or NULL */
    const struct blk_device_ops *ops;
    void               *dev;
    char               *serial;
    enum blk_on_error   werror, rerror;
    struct throttle    *throttle;
    struct blk_stats    stats;
    atomic_int          in_flight;
    pthread_mutex_t     lock;           /* kept; and the wait for quiet */
    pthread_cond_t      quiet;
    struct request     *kept;           /* failed, to be run again when the machine goes on */
};

/** backend_new - a backend at the end of the list. @root: a reference that it takes over, or NULL. */
struct blk_backend *backend_new(const char *id, struct blk_node *root, struct io_loop *loop);
struct blk_backend *backend_find(const char *id);

#endif

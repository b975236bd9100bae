#include "core/img/pool.h"

#include <errno.h>
#include <stdlib.h>

#include "core/block/node.h"
#include "core/event/iothread.h"
#include "core/img/img.h"

static int step(struct img_pool *p, void *piece, uint8_t *buf)
{
    int ret;

    co_lock(&p->cutting);
    ret = p->ret < 0 ? p->ret : img_interrupted() ? -EINTR : p->next(p->arg, piece);
    co_unlock(&p->cutting);
    if (ret > 0) {
        ret = p->work(p->arg, piece, buf);
        return ret < 0 ? ret : 1;
    }
    return ret;
}

static void worker(void *arg)
{
    struct img_pool *p   = arg;
    uint8_t         *buf = blk_bounce(p->buf_bytes);
    int              ret = buf != NULL ? 1 : -ENOMEM;
    _Alignas(16) char piece[POOL_PIECE_MOST];

    while (ret > 0 && p->ret == 0)
        ret = step(p, piece, buf);
    if (ret < 0 && p->ret == 0)
        p->ret = ret;
    if (p->ret < 0 && p->failed != NULL)
        p->failed(p->arg);
    free(buf);
    if (--p->running == 0)
        co_queue_wake_all(&p->done);
}

int img_pool_run(struct img_pool *p)
{
    p->ret     = 0;
    p->running = p->workers;
    for (int i = 0; i < p->workers; i++)
        io_spawn(worker, p);
    while (p->running > 0)
        co_queue_wait(&p->done);
    return p->ret;
}

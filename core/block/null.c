/* core/block/null.c - null-co: a disk that keeps nothing; for measuring what lies above it. */
#include <errno.h>

#include "core/base/error.h"
#include "core/block/node.h"
#include "core/event/iothread.h"

struct null {
    bool     zeroes;
    uint64_t latency_ns;
};

static int null_open(struct blk_node *n, struct blk_opts *o, struct error *err)
{
    struct null *s = n->priv;
    int          ret;

    n->bytes = UINT64_C(1) << 30;
    ret = blk_opts_take_size(o, "size", &n->bytes, err);
    if (ret == 0)
        ret = blk_opts_take_bool(o, "read-zeroes", &s->zeroes, err);
    if (ret == 0)
        ret = blk_opts_take_u64(o, "latency-ns", &s->latency_ns, err);
    if (ret == 0 && n->bytes > BLK_LENGTH_MAX)
        ret = error_set(err, EINVAL, "size is too large");
    snprintf(n->filename, sizeof n->filename, "null-co://");
    return ret;
}

static int null_parse(const char *name, struct blk_opts *o, struct error *err)
{
    (void)o;
    return __builtin_strcmp(name, "null-co://") == 0 ? 0 : error_set(err, EINVAL, "The only allowed filename for this driver is 'null-co://'");
}

static void null_wait(struct blk_node *n)
{
    struct null *s = n->priv;

    if (s->latency_ns > 0)
        io_sleep_ns(s->latency_ns);
}

static int null_read(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    struct null *s = n->priv;

    (void)off;
    null_wait(n);
    if (s->zeroes)
        iov_zero(v, 0, v->len);
    return 0;
}

static int null_write(struct blk_node *n, uint64_t off, const struct blk_iov *v, unsigned flags)
{
    (void)off, (void)v, (void)flags;
    null_wait(n);
    return 0;
}

static int null_zero(struct blk_node *n, uint64_t off, uint64_t len, unsigned flags)
{
    (void)off, (void)len, (void)flags;
    null_wait(n);
    return 0;
}

static int null_flush(struct blk_node *n)
{
    null_wait(n);
    return 0;
}

static int null_map(struct blk_node *n, uint64_t off, uint64_t len, struct blk_extent *e)
{
    struct null *s = n->priv;

    *e = (struct blk_extent){ .len = len, .host = off, .node = n };
    e->flags = BLK_EXT_ALLOCATED | BLK_EXT_OFFSET | (s->zeroes ? BLK_EXT_ZERO : BLK_EXT_DATA);
    return 0;
}

static int64_t null_allocated(struct blk_node *n)
{
    (void)n;
    return 0;
}

const struct blk_driver blk_null_co = {
    .name = "null-co", .help = "keeps nothing, answers at once", .prefixes = "null-co", .flags = BLK_DRV_PROTOCOL,
    .bytes = sizeof(struct null), .open = null_open, .parse_name = null_parse, .read = null_read, .write = null_write,
    .zero = null_zero, .flush = null_flush, .map = null_map, .allocated = null_allocated,
};

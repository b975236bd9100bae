/* core/block/blkdebug.c - a filter for tests: operations fail, come late, tear, and are recorded.
 *
 *   inject-error.N.iotype=read|write|zero|discard|flush|any  .errno=5  .sector=S  .once=on  .after=K  .tear=on
 *   delay-ns=N            every request comes later
 *   log=FILE              every change is appended to FILE, so that a test can cut the power at any of them
 *
 * A record of the log: 'W' write, 'Z' zeros, 'D' discard, 'T' new size, 'F' flush; then offset and length, 64 bits each,
 * little-endian; then the bytes of a write. Records stand in the order in which the changes were completed. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/block/node.h"
#include "core/event/iothread.h"

enum { RULES = 16 };
enum io { IO_READ, IO_WRITE, IO_ZERO, IO_DISCARD, IO_FLUSH, IO_ANY };

struct rule {
    int      io;
    uint64_t error, sector, after, seen;
    bool     once, tear, has_sector, spent;
};

struct debug {
    struct rule rule[RULES];
    int         rules, log;
    uint64_t    delay_ns;
};

static int take_rule(struct blk_opts *o, struct rule *r, struct error *err)
{
    static const char *const ios[] = { "read", "write", "zero", "discard", "flush", "any", NULL };
    int ret = blk_opts_take_enum(o, "iotype", ios, &r->io, err);

    r->has_sector = blk_opts_get(o, "sector") != NULL;
    if (ret == 0)
        ret = blk_opts_take_u64(o, "errno", &r->error, err);
    if (ret == 0)
        ret = blk_opts_take_u64(o, "sector", &r->sector, err);
    if (ret == 0)
        ret = blk_opts_take_u64(o, "after", &r->after, err);
    if (ret == 0)
        ret = blk_opts_take_bool(o, "once", &r->once, err);
    if (ret == 0)
        ret = blk_opts_take_bool(o, "tear", &r->tear, err);
    return ret < 0 ? ret : blk_opts_done(o, "inject-error", NULL, err);
}

static int debug_open(struct blk_node *n, struct blk_opts *o, struct error *err)
{
    struct debug *d   = n->priv;
    char         *log = blk_opts_take(o, "log");
    int           ret = blk_opts_take_u64(o, "delay-ns", &d->delay_ns, err);

    d->log = -1;
    for (int i = 0; i < RULES && ret == 0; i++) {
        char             key[32];
        struct blk_opts *sub;

        snprintf(key, sizeof key, "inject-error.%d", i);
        sub = blk_opts_sub(o, key);
        if (blk_opts_any(sub)) {
            d->rule[d->rules] = (struct rule){ .io = IO_ANY, .error = EIO };
            ret = take_rule(sub, &d->rule[d->rules++], err);
        }
        blk_opts_free(sub);
    }
    if (ret == 0 && log != NULL) {
        d->log = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        ret    = d->log < 0 ? error_errno(err, "cannot write the log '%s'", log) : 0;
    }
    free(log);
    n->bytes = n->file->bytes;
    n->align = n->file->align;
    return ret;
}

static void debug_close(struct blk_node *n)
{
    struct debug *d = n->priv;

    if (d->log >= 0)
        close(d->log);
}

/* The error that some rule has for this operation, or 0. *@tear: half of a write gets through. */
static int verdict(struct debug *d, enum io io, uint64_t off, uint64_t len, bool *tear)
{
    for (int i = 0; i < d->rules; i++) {
        struct rule *r = &d->rule[i];

        if (r->spent || (r->io != IO_ANY && r->io != (int)io))
            continue;
        if (r->has_sector && (r->sector * 512 < off || r->sector * 512 >= off + len))
            continue;
        if (r->seen++ < r->after)
            continue;
        r->spent = r->once;
        *tear    = r->tear;
        return -(int)r->error;
    }
    return 0;
}

static void record(struct debug *d, char kind, uint64_t off, uint64_t len, const struct blk_iov *v)
{
    uint8_t  h[17];
    uint8_t *flat;

    if (d->log < 0)
        return;
    h[0] = (uint8_t)kind;
    store_le64(h + 1, off);
    store_le64(h + 9, len);
    (void)!write(d->log, h, sizeof h);
    if (v != NULL) {
        flat = xmalloc(v->len + 1);
        iov_get(v, 0, flat, v->len);
        (void)!write(d->log, flat, v->len);
        free(flat);
    }
}

static int begin(struct blk_node *n, enum io io, uint64_t off, uint64_t len, bool *tear)
{
    struct debug *d = n->priv;

    *tear = false;
    if (d->delay_ns > 0)
        io_sleep_ns(d->delay_ns);
    return verdict(d, io, off, len, tear);
}

static int debug_read(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    bool tear;
    int  ret = begin(n, IO_READ, off, v->len, &tear);

    return ret < 0 ? ret : blk_readv(n->file, off, v);
}

static int debug_write(struct blk_node *n, uint64_t off, const struct blk_iov *v, unsigned flags)
{
    struct debug *d = n->priv;
    bool          tear;
    int           ret = begin(n, IO_WRITE, off, v->len, &tear);

    if (ret < 0 && tear) {
        struct blk_slice s;

        blk_writev(n->file, off, iov_slice(&s, v, 0, v->len / 2 & ~(size_t)511), 0);
        iov_slice_end(&s);
    }
    if (ret < 0)
        return ret;
    ret = blk_writev(n->file, off, v, flags);
    if (ret == 0)
        record(d, 'W', off, v->len, v);
    return ret;
}

static int debug_zero(struct blk_node *n, uint64_t off, uint64_t len, unsigned flags)
{
    bool tear;
    int  ret = begin(n, IO_ZERO, off, len, &tear);

    if (ret == 0)
        ret = blk_zero(n->file, off, len, flags);
    if (ret == 0)
        record(n->priv, 'Z', off, len, NULL);
    return ret;
}

static int debug_discard(struct blk_node *n, uint64_t off, uint64_t len)
{
    bool tear;
    int  ret = begin(n, IO_DISCARD, off, len, &tear);

    if (ret == 0)
        ret = blk_discard(n->file, off, len);
    if (ret == 0)
        record(n->priv, 'D', off, len, NULL);
    return ret;
}

static int debug_flush(struct blk_node *n)
{
    bool tear;
    int  ret = begin(n, IO_FLUSH, 0, 0, &tear);

    if (ret == 0)
        ret = blk_flush(n->file);
    if (ret == 0)
        record(n->priv, 'F', 0, 0, NULL);
    return ret;
}

static int debug_map(struct blk_node *n, uint64_t off, uint64_t len, struct blk_extent *e)
{
    *e = (struct blk_extent){ .len = len, .host = off, .node = n->file,
                              .flags = BLK_EXT_RAW | BLK_EXT_OFFSET | BLK_EXT_DATA | BLK_EXT_ALLOCATED };
    return 0;
}

static int debug_resize(struct blk_node *n, uint64_t bytes, enum blk_prealloc p, struct error *err)
{
    int ret = blk_resize(n->file, bytes, p, err);

    if (ret == 0)
        record(n->priv, 'T', bytes, 0, NULL);
    return ret;
}

const struct blk_driver blk_blkdebug = {
    .name = "blkdebug", .help = "makes operations fail, for tests", .flags = BLK_DRV_FILTER | BLK_DRV_GROWS, .bytes = sizeof(struct debug),
    .open = debug_open, .close = debug_close, .read = debug_read, .write = debug_write, .zero = debug_zero, .discard = debug_discard,
    .flush = debug_flush, .map = debug_map, .resize = debug_resize,
};

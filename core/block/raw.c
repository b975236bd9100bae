/* core/block/raw.c - the disk is the file, or a part of it (offset=, size=).
 *
 * When nobody said that the image is raw - it merely looked like nothing else - a guest could write another format's
 * header into it and have the next start believe it. Such a write is refused. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/bits.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/block/file.h"
#include "core/block/node.h"

struct raw {
    uint64_t off;
    bool     sized;                     /* size= given: the file may be longer */
};

static int raw_open(struct blk_node *n, struct blk_opts *o, struct error *err)
{
    struct raw *r    = n->priv;
    uint64_t    size = UINT64_MAX, have;
    int         ret  = blk_opts_take_size(o, "offset", &r->off, err);

    if (ret == 0)
        ret = blk_opts_take_size(o, "size", &size, err);
    if (ret < 0)
        return ret;
    if (r->off > n->file->bytes)
        return error_set(err, EINVAL, "Offset (%llu) cannot be greater than size of the containing file (%llu)",
                         (unsigned long long)r->off, (unsigned long long)n->file->bytes);
    have = n->file->bytes - r->off;
    r->sized = size != UINT64_MAX;
    if (r->sized && size > have)
        return error_set(err, EINVAL, "The sum of offset (%llu) and size (%llu) has to be smaller or equal to the actual size of the containing file (%llu)",
                         (unsigned long long)r->off, (unsigned long long)size, (unsigned long long)n->file->bytes);
    n->bytes = r->sized ? size : align_up(have, 512);    /* a disk has whole sectors; the file's end reads as zeros */
    return 0;
}

/* Would this write turn the image into another format? */
static bool changes_format(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    uint8_t head[BLK_HEAD] = { 0 };
    size_t  len = MIN(n->bytes, (uint64_t)BLK_HEAD);

    if (!(n->flags & BLK_PROBED) || off >= len || blk_read(n->file, ((struct raw *)n->priv)->off, head, len) < 0)
        return false;
    iov_get(v, 0, head + off, MIN(v->len, len - off));
    return blk_probe(head, len, n->filename, NULL) != &blk_raw;
}

static int raw_read(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    return blk_readv(n->file, off + ((struct raw *)n->priv)->off, v);
}

static int raw_write(struct blk_node *n, uint64_t off, const struct blk_iov *v, unsigned flags)
{
    if (off < BLK_HEAD && changes_format(n, off, v)) {
        warn_say("a write to '%s' that would make the raw disk look like another format was refused; give format=raw to allow it",
                 n->filename);
        return -EPERM;
    }
    return blk_writev(n->file, off + ((struct raw *)n->priv)->off, v, flags);
}

static int raw_zero(struct blk_node *n, uint64_t off, uint64_t len, unsigned flags)
{
    return blk_zero(n->file, off + ((struct raw *)n->priv)->off, len, flags | BLK_NO_FALLBACK);
}

static int raw_discard(struct blk_node *n, uint64_t off, uint64_t len)
{
    return blk_discard(n->file, off + ((struct raw *)n->priv)->off, len);
}

static int raw_map(struct blk_node *n, uint64_t off, uint64_t len, struct blk_extent *e)
{
    *e = (struct blk_extent){ .len = len, .host = off + ((struct raw *)n->priv)->off, .node = n->file,
                              .flags = BLK_EXT_RAW | BLK_EXT_OFFSET | BLK_EXT_DATA | BLK_EXT_ALLOCATED };
    return 0;
}

static int raw_resize(struct blk_node *n, uint64_t bytes, enum blk_prealloc p, struct error *err)
{
    struct raw *r = n->priv;

    if (r->sized)
        return error_set(err, ENOTSUP, "Cannot resize fixed-size raw disks");
    return blk_resize(n->file, r->off + bytes, p, err);
}

static int raw_create(struct blk_create *c, struct error *err)
{
    (void)c, (void)err;
    return 0;                           /* the protocol made it in full: blk_create_image() */
}

static const struct blk_option raw_create_opts[] = {
    { "size", BLK_OPT_SIZE, "Virtual disk size", NULL },
    { "nocow", BLK_OPT_BOOL, "Turn off copy-on-write (valid only on btrfs)", NULL },
    { "preallocation", BLK_OPT_STR, "Preallocation mode (allowed values: off, falloc, full)", NULL },
    { "extent_size_hint", BLK_OPT_SIZE, "Extent size hint for the image file, 0 to disable", NULL },
    { NULL, 0, NULL, NULL },
};

static int raw_measure(struct blk_opts *o, struct blk_node *src, uint64_t bytes, struct blk_measure *m, struct error *err)
{
    free(blk_opts_take(o, "preallocation"));
    (void)err;
    m->required = m->fully = src != NULL ? src->bytes : bytes;
    return 0;
}

static int raw_probe(const uint8_t *head, size_t len, const char *filename)
{
    (void)head, (void)len, (void)filename;
    return 1;
}

static int raw_info(struct blk_node *n, struct blk_info *info, struct error *err)
{
    (void)n, (void)info, (void)err;              /* nothing beyond its size, and never dirty */
    return 0;
}

const struct blk_driver blk_raw = {
    .name = "raw", .help = "the bytes of the disk and nothing else", .bytes = sizeof(struct raw), .probe = raw_probe,
    .open = raw_open, .read = raw_read, .write = raw_write, .zero = raw_zero, .discard = raw_discard, .map = raw_map,
    .resize = raw_resize, .info = raw_info, .create = raw_create, .create_opts = raw_create_opts, .measure = raw_measure,
};

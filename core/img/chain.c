/* core/img/chain.c - commit and rebase: moving content along a backing chain.
 *
 * commit copies what the overlay holds into the image below, flushes that, and only then empties the overlay; rebase
 * copies what differs into the overlay, flushes it, and only then writes the new backing name: each can be stopped at
 * any point and run again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/bits.h"
#include "core/base/str.h"
#include "core/block/throttle.h"
#include "core/img/img.h"
#include "core/img/pool.h"

enum { BUF = 512 << 10 };

/* A stretch of the disk; @zero: known to be zeros. */
struct piece {
    uint64_t off, len;
    bool     zero;
};

struct commit {
    struct blk_node *top, *base;
    struct throttle *t;
    uint64_t         pos;
};

static int commit_next(void *arg, void *piece)
{
    struct commit    *c = arg;
    struct piece     *p = piece;
    struct blk_extent e;
    uint64_t          same;
    int               ret = 0;

    while (c->pos < c->top->bytes && ret == 0) {
        ret = blk_map_above(c->top, c->base, c->pos, c->top->bytes - c->pos, &same);
        if (ret == 0) {                          /* the base has it already */
            c->pos += same;
            progress_add(same);
        }
    }
    if (ret > 0) {
        int bad = blk_map_chain(c->top, NULL, c->pos, same, &e);

        if (bad < 0)
            return bad;
        *p = (struct piece){ .off = c->pos, .len = MIN(same, e.len), .zero = e.flags & BLK_EXT_ZERO };
        p->len = p->zero ? p->len : MIN(p->len, (uint64_t)BUF);
        c->pos += p->len;
    }
    return ret;
}

static int commit_piece(void *arg, const void *piece, uint8_t *buf)
{
    struct commit      *c   = arg;
    const struct piece *p   = piece;
    int                 ret = 0;

    if (p->zero) {
        ret = blk_zero(c->base, p->off, p->len, BLK_MAY_UNMAP);
    } else {
        if (c->t != NULL)
            throttle_wait(c->t, true, p->len);
        ret = blk_read(c->top, p->off, buf, (size_t)p->len);
        if (ret == 0)
            ret = blk_write(c->base, p->off, buf, (size_t)p->len);
    }
    progress_add(p->len);
    return ret;
}

static int commit_copy(struct commit *c, struct error *err)
{
    struct img_pool p = { .workers = POOL_WORKERS, .buf_bytes = BUF, .next = commit_next, .work = commit_piece, .arg = c };
    int             ret = img_pool_run(&p);

    return ret < 0 ? error_set(err, ret, "could not copy into '%s': %s", c->base->filename, strerror(-ret)) : 0;
}

static struct blk_node *find_base(struct blk_node *top, const char *name, struct error *err)
{
    for (struct blk_node *n = top->backing; n != NULL; n = n->backing) {
        char full[BLK_NAME_MAX];

        if (name == NULL || str_eq(n->filename, name))
            return n;
        if (blk_path_combine(top->filename, name, full, NULL) == 0 && str_eq(n->filename, full))
            return n;
    }
    if (name == NULL)
        error_set(err, EINVAL, "Image does not have a backing file");
    else
        error_set(err, ENOENT, "Did not find '%s' in the backing chain of '%s'", name, top->filename);
    return NULL;
}

static int commit_run(struct img *g, const char *file, const char *base_name, bool drop, uint64_t rate, struct error *err)
{
    struct blk_node *top = img_open(g, file, g->fmt, BLK_RDWR | BLK_UNMAP, g->cache), *base, *mid, *rw;
    struct throttle *t = NULL;
    char             name[BLK_NAME_MAX], format[64];
    int              ret = 0;

    if (top == NULL)
        return -EIO;
    base = find_base(top, base_name, err);
    if (base == NULL) {
        blk_unref(top);
        return -ENOENT;
    }
    /* The base is reopened for writing: nobody else may have it, us included. */
    snprintf(name, sizeof name, "%s", base->filename);
    snprintf(format, sizeof format, "%s", base->drv->name);
    for (mid = top; mid->backing != base; mid = mid->backing)
        ;
    mid->backing = NULL;
    struct blk_node *below = base->backing != NULL ? blk_ref(base->backing) : NULL;

    blk_unref(base);
    rw = blk_open(name, format, NULL, BLK_RDWR | BLK_UNMAP | BLK_NO_BACKING, err);
    if (rw == NULL) {
        blk_unref(below);
        blk_unref(top);
        return error_prepend(err, "cannot write to the backing file: "), err->code;
    }
    rw->backing  = below;
    mid->backing = rw;
    if (rate > 0) {
        struct throttle_limits l = { .avg = { [THROTTLE_BPS] = (double)rate } };

        t = throttle_new(&l);
    }
    if (top->bytes > rw->bytes)
        ret = blk_resize(rw, top->bytes, BLK_PREALLOC_OFF, err);
    progress_begin(g, top->bytes);
    if (ret == 0 && mid->drv->check_backing != NULL)
        ret = mid->drv->check_backing(mid, true, err);
    if (ret == 0)
        ret = commit_copy(&(struct commit){ .top = top, .base = rw, .t = t }, err);
    if (ret == 0 && (ret = blk_flush(rw)) < 0)
        error_set(err, ret, "could not flush '%s': %s", name, strerror(-ret));
    progress_end(ret == 0);
    if (ret == 0 && !drop && base_name == NULL && top->drv->empty != NULL)
        ret = top->drv->empty(top, err);
    throttle_free(t);
    blk_unref(top);
    return ret;
}

int img_commit(int argc, char **argv)
{
    static const struct option longs[] = { IMG_LONG, { NULL, 0, NULL, 0 } };
    struct img   g = { .cache = "writeback" };
    struct error err = ERROR_INIT;
    const char  *base = NULL;
    bool         drop = false;
    uint64_t     rate = 0;
    int          opt, ret = 0;

    while (ret == 0 && (opt = getopt_long(argc, argv, "f:ht:b:dpqr:", longs, NULL)) != -1) {
        if (opt == 'b')
            base = optarg, drop = true;
        else if (opt == 'd')
            drop = true;
        else if (opt == 'r')
            ret = img_size_arg("rate limit", optarg, &rate) < 0 ? 2 : 0;
        else
            ret = img_option(&g, opt, "commit");
    }
    if (ret != 0)
        return ret - 1;
    if (optind != argc - 1)
        return img_fail_text("Expecting one image file name");
    ret = commit_run(&g, argv[optind], base, drop, rate, &err);
    if (ret < 0)
        return err.code ? img_fail(&err) : 1;
    if (!g.quiet)
        printf("Image committed.\n");
    return 0;
}

/* ---- rebase */

struct rebase {
    struct blk_node *top, *old, *base;
    uint64_t         pos;
};

/* Bytes as another image shows them; zeros behind its end. */
static int read_or_zero(struct blk_node *n, uint64_t off, uint8_t *buf, uint64_t len)
{
    uint64_t have = n != NULL && off < n->bytes ? MIN(len, n->bytes - off) : 0;

    memset(buf + have, 0, (size_t)(len - have));
    return have > 0 ? blk_read(n, off, buf, (size_t)have) : 0;
}

static int rebase_next(void *arg, void *piece)
{
    struct rebase *r = arg;
    struct piece  *p = piece;
    uint64_t       same;
    int            ret = 1;

    while (r->pos < r->top->bytes && ret == 1) {
        ret = blk_map_above(r->top, r->old, r->pos, r->top->bytes - r->pos, &same);
        if (ret == 1) {                          /* the overlay has its own */
            r->pos += same;
            progress_add(same);
        }
    }
    if (ret != 0)
        return ret < 0 ? ret : 0;
    *p = (struct piece){ .off = r->pos, .len = MIN(same, (uint64_t)BUF), .zero = false };
    r->pos += p->len;
    return 1;
}

static int rebase_piece(void *arg, const void *piece, uint8_t *buf)
{
    struct rebase      *r    = arg;
    const struct piece *p    = piece;
    uint8_t            *x    = buf, *y = buf + BUF;
    uint64_t            step = r->top->unit ? r->top->unit : 4096, n;
    int                 ret  = read_or_zero(r->old, p->off, x, p->len);

    if (ret == 0)
        ret = read_or_zero(r->base, p->off, y, p->len);
    for (uint64_t at = 0; at < p->len && ret == 0; at += n) {
        n = MIN(step - ((p->off + at) & (step - 1)), p->len - at);
        if (memcmp(x + at, y + at, (size_t)n) == 0)
            continue;
        ret = buf_is_zero(x + at, (size_t)n) ? blk_zero(r->top, p->off + at, n, BLK_MAY_UNMAP) : blk_write(r->top, p->off + at, x + at, (size_t)n);
    }
    progress_add(p->len);
    return ret;
}

static int rebase_copy(struct rebase *r, struct error *err)
{
    struct img_pool p = { .workers = POOL_WORKERS, .buf_bytes = 2 * BUF, .next = rebase_next, .work = rebase_piece, .arg = r };
    int             ret = img_pool_run(&p);

    return ret < 0 ? error_set(err, ret, "could not copy what differs: %s", strerror(-ret)) : 0;
}

static int rebase_run(struct img *g, const char *file, const char *base, const char *base_fmt, bool unsafe, struct error *err)
{
    struct rebase r = { .top = img_open(g, file, g->fmt, BLK_RDWR | BLK_UNMAP | (unsafe ? BLK_NO_BACKING : 0), g->cache) };
    char          full[BLK_NAME_MAX];
    int           ret = 0;

    if (r.top == NULL)
        return -EIO;
    if (r.top->drv->set_backing == NULL)
        ret = error_set(err, ENOTSUP, "format '%s' cannot have a backing file", r.top->drv->name);
    if (ret == 0 && base_fmt != NULL && blk_driver_find(base_fmt, NULL) == NULL)
        ret = error_set(err, EINVAL, "Invalid format name: '%s'", base_fmt);
    if (ret == 0 && base[0] != '\0' && base_fmt == NULL)
        ret = error_set(err, EINVAL, "Could not change the backing file to '%s': backing format must be specified", base);
    if (ret == 0 && !unsafe) {
        r.old = r.top->backing;
        if (base[0] != '\0') {
            ret = blk_path_combine(r.top->filename, base, full, err);
            if (ret == 0)
                r.base = img_open(&(struct img){ .share = g->share }, full, base_fmt, 0, g->src_cache);
            if (ret == 0 && r.base == NULL)
                ret = -EIO;
        }
        progress_begin(g, r.top->bytes);
        if (ret == 0)
            ret = rebase_copy(&r, err);
        progress_end(ret == 0);
    }
    if (ret == 0)
        ret = r.top->drv->set_backing(r.top, base[0] != '\0' ? base : NULL, base_fmt, err);
    blk_unref(r.base);
    blk_unref(r.top);
    return ret;
}

int img_rebase(int argc, char **argv)
{
    static const struct option longs[] = { IMG_LONG, { NULL, 0, NULL, 0 } };
    struct img   g = { .cache = "writeback" };
    struct error err = ERROR_INIT;
    const char  *base = NULL, *fmt = NULL;
    bool         unsafe = false;
    int          opt, ret = 0;

    while (ret == 0 && (opt = getopt_long(argc, argv, "hf:F:b:upt:T:qU", longs, NULL)) != -1) {
        if (opt == 'b')
            base = optarg;
        else if (opt == 'F')
            fmt = optarg;
        else if (opt == 'u')
            unsafe = true;
        else
            ret = img_option(&g, opt, "rebase");
    }
    g.share = false;                             /* the image is written to: -U would have no meaning */
    if (ret != 0)
        return ret - 1;
    if (optind != argc - 1)
        return img_fail_text("Expecting one image file name");
    if (base == NULL && !unsafe)
        return img_fail_text("Must specify backing file (-b) or use simple rebase mode (-u)");
    ret = rebase_run(&g, argv[optind], base != NULL ? base : "", fmt, unsafe, &err);
    return ret < 0 ? (err.code ? img_fail(&err) : 1) : 0;
}

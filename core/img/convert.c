/* core/img/convert.c - convert: copies what is allocated, by several coroutines at once.
 *
 *   next_piece(): one after the other, the stretches of the sources that share an answer (data, zero, in the backing
 *                 file), cut to pieces of at most PIECE bytes that begin and end on the target's clusters
 *   do_piece():   reads it, looks for zeros, writes what is not zero; by several coroutines (core/img/pool.h)
 *
 * Pieces are small enough to stay in a core's cache between reading and writing. Unless -W, writes begin in the
 * order of the disk, so that a fresh image is laid out in order. On failure or Ctrl-C the new file is removed. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/str.h"
#include "core/block/bitmap.h"
#include "core/block/throttle.h"
#include "core/event/iothread.h"
#include "core/img/img.h"
#include "core/img/options.h"
#include "core/img/pool.h"

enum { PIECE = 512 << 10, LONG = 1 << 20, SOURCES_MAX = 256 };    /* LONG: worth looking for holes in it */
enum { OPT_TARGET_OPTS = OPT_FIRST, OPT_TARGET_ZERO, OPT_BITMAPS, OPT_SALVAGE, OPT_SKIP_BROKEN };

struct piece {
    struct blk_node *src;
    uint64_t         soff, doff, len, ticket;
    enum { DATA, ZERO, SKIP } kind;
};

struct convert {
    struct img       g;
    struct blk_node *src[SOURCES_MAX], *dst;
    int              sources, at;
    uint64_t         total, pos, src_base;       /* pos: next byte of the target; src_base: where src[at] begins */
    uint64_t         sparse, rate, unit;
    struct blk_extent known;                     /* last answer about src[at] */
    uint64_t         known_off;
    bool             compress, no_create, out_of_order, copy_range, has_sparse, target_zero, has_backing, salvage, bitmaps, skip_broken, target_opts, same_backing;
    int              workers;
    struct img_pool  pool;
    uint64_t         tickets, turn;
    struct co_queue  turns;
    struct throttle *throttle;
    const char      *backing, *backing_fmt, *out;
    char            *snapshot;
};

/* ---- cutting the work */

static int look_up(struct convert *c, uint64_t soff, uint64_t len)
{
    struct blk_node *s = c->src[c->at];

    if (soff >= c->known_off && soff < c->known_off + c->known.len)
        return 0;
    c->known_off = soff;
    if (c->same_backing && s->backing != NULL) {
        uint64_t same;
        int      ret = blk_map_above(s, s->backing, soff, len, &same);

        if (ret < 0)
            return ret;
        if (ret == 0) {
            c->known = (struct blk_extent){ .len = same };
            return 0;
        }
        len = same;
    }
    int ret = blk_map_chain(s, NULL, soff, len, &c->known);

    if (ret == 0 && (s->unit == 0 || s->drv->flags & BLK_DRV_HOLES || c->known.len >= LONG))
        ret = blk_map_holes(&c->known);
    if (ret < 0 && c->salvage) {
        c->known = (struct blk_extent){ .len = MIN(len, (uint64_t)65536), .flags = BLK_EXT_DATA };
        ret = 0;
    }
    if (c->same_backing)
        c->known.flags |= BLK_EXT_ALLOCATED;
    return ret;
}

/* 1 and a piece, 0 at the end, or -errno. Only one coroutine is here at a time. */
static int next_piece(void *arg, void *piece)
{
    struct convert *c = arg;
    struct piece   *p = piece;
    int             ret;

    while (c->at < c->sources && c->pos - c->src_base >= c->src[c->at]->bytes) {
        c->src_base += c->src[c->at]->bytes;
        c->at++;
        c->known.len = 0;
    }
    if (c->at == c->sources)
        return 0;
    struct blk_node *s = c->src[c->at];
    uint64_t         soff = c->pos - c->src_base, left;

    ret = look_up(c, soff, s->bytes - soff);
    if (ret < 0)
        return error_say("error while reading metadata at byte %llu: %s", (unsigned long long)c->pos, strerror(-ret)), ret;
    left = c->known_off + c->known.len - soff;
    p->src  = s;
    p->soff = soff;
    p->doff = c->pos;
    if (c->same_backing && !(c->known.flags & BLK_EXT_ALLOCATED))
        p->kind = SKIP;
    else
        p->kind = (c->known.flags & BLK_EXT_ZERO) || !(c->known.flags & BLK_EXT_DATA) ? ZERO : DATA;
    if (c->sparse == 0 && p->kind == ZERO)
        p->kind = DATA;
    if (c->compress || (p->kind == DATA && c->unit > 1)) {
        /* whole clusters of the target: a short stretch takes its neighbours with it and is read as one */
        uint64_t end = MIN(align_up(c->pos + MIN(left, (uint64_t)PIECE), c->unit), c->src_base + s->bytes);

        if (p->kind == DATA || left < c->unit) {
            p->kind = p->kind == SKIP && left >= end - c->pos ? SKIP : p->kind == SKIP ? SKIP : DATA;
            if (p->kind == DATA)
                left = MAX(left, end - c->pos);
            if (p->kind == DATA && left > PIECE)
                left = MAX(align_down(c->pos + PIECE, c->unit), c->pos + c->unit) - c->pos;
            left = MIN(left, c->src_base + s->bytes - c->pos);
        } else {
            left = MAX(align_down(c->pos + left, c->unit) - c->pos, UINT64_C(1));
        }
    }
    if (p->kind == DATA)
        left = MIN(left, MAX((uint64_t)PIECE, c->unit));
    p->len    = left;
    p->ticket = c->tickets++;
    c->pos += left;
    return 1;
}

/* ---- one piece */

struct scan {
    const uint8_t *buf;
    uint64_t       len, step, off;               /* off: of the disk, for alignment */
    bool           zero;                         /* out: does the first run consist of zeros? */
    uint64_t       run;
};

/* The longest stretch from the start that is all zero or all not, in aligned steps. */
static void scan_run(struct scan *s)
{
    uint64_t at = 0;

    s->zero = false;
    while (at < s->len) {
        uint64_t step = MIN(s->step - ((s->off + at) & (s->step - 1)), s->len - at);
        bool     zero = buf_is_zero(s->buf + at, (size_t)step);

        if (at == 0)
            s->zero = zero;
        else if (zero != s->zero)
            break;
        at += step;
    }
    s->run = at;
}

static void wait_turn(struct convert *c, const struct piece *p)
{
    while (!c->out_of_order && c->turn != p->ticket && c->pool.ret == 0)
        co_queue_wait(&c->turns);
}

static void pass_turn(struct convert *c, const struct piece *p)
{
    if (c->turn == p->ticket) {
        c->turn++;
        co_queue_wake_all(&c->turns);
    }
}

static int write_zeros(struct convert *c, uint64_t off, uint64_t len)
{
    if (c->target_zero && !c->has_backing)
        return 0;
    return blk_zero(c->dst, off, len, c->sparse > 0 ? BLK_MAY_UNMAP : 0);
}

static int write_run(struct convert *c, uint64_t off, const uint8_t *buf, uint64_t len)
{
    return c->compress ? blk_write_compressed(c->dst, off, buf, (size_t)len) : blk_write(c->dst, off, buf, (size_t)len);
}

static int write_data(struct convert *c, const struct piece *p, const uint8_t *buf)
{
    struct scan s = { .step = c->sparse ? c->sparse : 1 };
    int         ret = 0;

    if (c->compress)
        s.step = MAX(c->unit, (uint64_t)512);
    for (uint64_t at = 0; at < p->len && ret == 0; at += s.run) {
        s.buf = buf + at;
        s.len = p->len - at;
        s.off = p->doff + at;
        if (c->sparse == 0)
            s.zero = false, s.run = s.len;
        else
            scan_run(&s);
        ret = s.zero ? write_zeros(c, p->doff + at, s.run) : write_run(c, p->doff + at, buf + at, s.run);
    }
    return ret;
}

/* Reads what can be read; the rest is zeros, and the user is told once. */
static int read_salvage(struct convert *c, const struct piece *p, uint8_t *buf)
{
    for (uint64_t at = 0; at < p->len; at += 512) {
        size_t n = (size_t)MIN((uint64_t)512, p->len - at);

        if (blk_read(p->src, p->soff + at, buf + at, n) < 0) {
            warn_say("error while reading offset %llu: replaced by zeros", (unsigned long long)(p->soff + at));
            memset(buf + at, 0, n);
        }
    }
    (void)c;
    return 0;
}

static int say_write(struct convert *c, const struct piece *p, int ret)
{
    if (ret < 0 && c->pool.ret == 0)
        error_say("error while writing at byte %llu: %s", (unsigned long long)p->doff, strerror(-ret));
    return ret;
}

static int do_data(struct convert *c, const struct piece *p, uint8_t *buf)
{
    int ret;

    if (c->copy_range && !c->compress) {
        wait_turn(c, p);
        ret = blk_copy(p->src, p->soff, c->dst, p->doff, p->len);
        if (ret != -ENOTSUP)
            return ret;
    }
    ret = blk_read(p->src, p->soff, buf, (size_t)p->len);
    if (ret < 0 && c->salvage)
        ret = read_salvage(c, p, buf);
    if (ret < 0) {
        if (c->pool.ret == 0)
            error_say("error while reading at byte %llu: %s", (unsigned long long)p->soff, strerror(-ret));
        return ret;
    }
    wait_turn(c, p);
    pass_turn(c, p);
    return c->pool.ret < 0 ? c->pool.ret : say_write(c, p, write_data(c, p, buf));
}

static int do_piece(void *arg, const void *piece, uint8_t *buf)
{
    struct convert     *c   = arg;
    const struct piece *p   = piece;
    int                 ret = 0;

    if (c->throttle != NULL && p->kind == DATA)
        throttle_wait(c->throttle, true, p->len);
    if (p->kind == DATA) {
        ret = do_data(c, p, buf);
    } else {
        wait_turn(c, p);
        pass_turn(c, p);
        if (p->kind == ZERO)
            ret = say_write(c, p, write_zeros(c, p->doff, p->len));
    }
    pass_turn(c, p);
    progress_add(p->len);
    return ret;
}

static void wake_turns(void *arg)
{
    co_queue_wake_all(&((struct convert *)arg)->turns);
}

static int copy_all(struct convert *c)
{
    c->pool = (struct img_pool){ .workers = MAX(c->workers, 1), .buf_bytes = (size_t)MAX((uint64_t)PIECE, c->unit), .next = next_piece,
                                 .work = do_piece, .failed = wake_turns, .arg = c };
    return img_pool_run(&c->pool);
}

/* ---- sources and target */

static int open_sources(struct convert *c, char **names, int n, struct error *err)
{
    if (n > SOURCES_MAX)
        return error_set(err, EINVAL, "at most %d images can be joined", SOURCES_MAX);
    for (int i = 0; i < n; i++) {
        struct blk_node *s = img_open(&c->g, names[i], c->g.fmt, 0, c->g.src_cache);

        if (s == NULL)
            return -EIO;
        c->src[c->sources++] = s;
        if (c->snapshot != NULL) {
            int ret = s->drv->snap_load == NULL ? error_set(err, ENOTSUP, "format '%s' has no snapshots", s->drv->name)
                                                : s->drv->snap_load(s, c->snapshot, err);

            if (ret < 0)
                return error_prepend(err, "Failed to load snapshot: "), ret;
        }
        c->total += s->bytes;
    }
    return 0;
}

static int make_target(struct convert *c, struct blk_opts *o, struct error *err)
{
    const struct blk_driver *d = blk_driver_find(c->g.out_fmt, NULL);

    if (d == NULL)
        return error_set(err, EINVAL, "Unknown file format '%s'", c->g.out_fmt);
    if (c->compress && d->write_compressed == NULL)
        return error_set(err, ENOTSUP, "Compression not supported for this file format");
    if (d->create == NULL)
        return error_set(err, ENOTSUP, "Format driver '%s' does not support image creation", c->g.out_fmt);
    if (c->backing != NULL)
        blk_opts_set(o, "backing_file", c->backing);
    if (c->backing_fmt != NULL)
        blk_opts_set(o, "backing_fmt", c->backing_fmt);
    if (c->backing == NULL && blk_opts_get(o, "backing_file") != NULL)
        c->backing = blk_opts_get(o, "backing_file");
    if (c->backing != NULL)
        c->backing = xstrdup(c->backing);
    return blk_create_image(c->out, c->g.out_fmt, c->total, o, 0, err);
}

static int open_target(struct convert *c, struct blk_opts *secrets, struct error *err)
{
    struct img       g     = { .image_opts = c->target_opts };
    unsigned         flags = BLK_RDWR | BLK_UNMAP;
    const char      *cache = c->g.cache != NULL ? c->g.cache : "unsafe";
    struct blk_opts *o;

    if (c->target_opts || blk_opts_get(secrets, "key-secret") == NULL) {
        if (blk_opts_get(secrets, "encrypt.key-secret") == NULL || c->target_opts) {
            c->dst = img_open(&g, c->out, c->target_opts ? NULL : c->g.out_fmt, flags, cache);
            return c->dst != NULL ? 0 : -EIO;
        }
    }
    o = blk_opts_copy(secrets);                  /* just created with this password: opened with it */
    flags |= BLK_NO_FLUSH;
    c->dst = blk_open(c->out, c->g.out_fmt, o, flags, err);
    blk_opts_free(o);
    return c->dst != NULL ? 0 : err->code;
}

/* Some images take packed clusters only: those get them without -c as well. */
static int choose_packing(struct convert *c, struct error *err)
{
    struct blk_info info = { .dirty = false };
    int             ret  = c->dst->drv->info != NULL ? c->dst->drv->info(c->dst, &info, err) : 0;

    json_decref(info.specific);
    if (ret < 0)
        return ret;
    c->compress |= info.packed_only;
    if (c->compress) {                           /* packing takes the time: whatever is ready is stored */
        c->workers      = MAX(c->workers, 2 * io_workers());
        c->out_of_order = true;
    }
    return 0;
}

static int fit_target(struct convert *c, struct error *err)
{
    if (c->dst->bytes < c->total)
        return error_set(err, ENOSPC, "output file is smaller than input file");
    c->unit = c->dst->unit && !(c->dst->drv->flags & BLK_DRV_HOLES) ? c->dst->unit : 1;
    if (c->compress && c->dst->drv->write_compressed == NULL)
        return error_set(err, ENOTSUP, "Compression not supported for this file format");
    c->has_backing = c->dst->backing != NULL || c->dst->backing_name[0] != '\0';
    bool fresh_is_zero = !(c->dst->drv->flags & BLK_DRV_NOT_ZERO) &&
                         (c->dst->file == NULL || c->dst->unit > 1 || !(c->dst->file->drv->flags & BLK_DRV_NOT_ZERO));

    if (!c->no_create && !c->has_backing && fresh_is_zero)
        c->target_zero = true;
    if (c->no_create && !c->target_zero && c->has_backing == false) {
        /* an image that holds nothing yet reads as zeros */
        struct blk_extent e;

        if (blk_map(c->dst, 0, c->dst->bytes, &e) == 0 && e.len == c->dst->bytes && (e.flags & BLK_EXT_ZERO ||
            (!(e.flags & BLK_EXT_ALLOCATED) && c->dst->backing == NULL)))
            c->target_zero = true;
    }
    return 0;
}

static int copy_bitmaps(struct convert *c, struct error *err)
{
    struct blk_node *s = c->src[0];
    struct blk_info  info = { .dirty = false };
    json_t          *list, *b;
    size_t           i;
    int              ret = 0;

    if (s->drv->info == NULL || s->drv->bitmap == NULL || c->dst->drv->bitmap == NULL)
        return error_set(err, ENOTSUP, "This will continue to be invalid until both formats have bitmaps");
    ret  = s->drv->info(s, &info, err);
    list = json_object_get(json_object_get(info.specific, "data"), "bitmaps");
    json_array_foreach(list, i, b) {
        const char       *name = json_string_value(json_object_get(b, "name"));
        struct blk_opts  *o = blk_opts_new();
        struct blk_bitmap bits;
        char              gran[32];
        size_t            k;
        json_t           *f;
        bool              enabled = false, broken = false;

        json_array_foreach(json_object_get(b, "flags"), k, f) {
            enabled |= str_eq(json_string_value(f), "auto");
            broken |= str_eq(json_string_value(f), "in-use");
        }
        if (broken && c->skip_broken) {
            warn_say("Skipping inconsistent bitmap '%s'", name);
            blk_opts_free(o);
            continue;
        }
        snprintf(gran, sizeof gran, "%lld", (long long)json_integer_value(json_object_get(b, "granularity")));
        blk_opts_set(o, "granularity", gran);
        blk_opts_set(o, "disabled", "on");
        if (ret == 0)
            ret = blk_bitmap_load(s, name, &bits, err);
        if (ret == 0) {
            ret = c->dst->drv->bitmap(c->dst, "add", name, o, err);
            if (ret == 0)
                ret = blk_bitmap_merge(c->dst, name, &bits, err);
            if (ret == 0 && enabled)
                ret = c->dst->drv->bitmap(c->dst, "enable", name, o, err);
            free(bits.bits);
        }
        blk_opts_free(o);
    }
    json_decref(info.specific);
    return ret;
}

static int run(struct convert *c, char **names, int n, struct blk_opts *o, struct error *err)
{
    struct blk_opts *secrets = blk_opts_new();
    bool             made = false;
    int              ret = open_sources(c, names, n, err);

    for (int i = 0; i < 2; i++) {
        const char *key = i ? "encrypt.key-secret" : "key-secret";

        if (blk_opts_get(o, key) != NULL)
            blk_opts_set(secrets, key, blk_opts_get(o, key));
    }
    if (ret == 0 && c->same_backing && c->sources > 1)
        ret = error_set(err, EINVAL, "Having a backing file for the target makes no sense when concatenating multiple input images");
    if (ret == 0 && c->same_backing && c->src[0]->backing == NULL)
        c->same_backing = false;
    if (ret == 0 && !c->no_create) {
        made = access(c->out, F_OK) != 0;
        ret  = make_target(c, o, err);
    }
    if (ret == 0)
        ret = open_target(c, secrets, err);
    if (ret == 0)
        ret = fit_target(c, err);
    if (ret == 0)
        ret = choose_packing(c, err);
    if (ret == 0) {
        progress_begin(&c->g, c->total);
        ret = copy_all(c);
        progress_end(ret == 0);
        if (ret == 0 && c->bitmaps)
            ret = copy_bitmaps(c, err);
        if (ret == 0 && c->compress && c->dst->drv->write_compressed != NULL && str_eq(c->dst->drv->name, "vmdk"))
            ret = c->dst->drv->write_compressed(c->dst, c->total, BLK_FLAT(NULL, 0));
        if (ret == 0) {
            ret = blk_flush(c->dst);
            if (ret < 0)
                error_set(err, ret, "could not write the target to the end: %s", strerror(-ret));
        }
        if (ret < 0 && !c->no_create)
            made = true;                         /* half-written, even if another file was there before */
    }
    blk_unref(c->dst);
    for (int i = 0; i < c->sources; i++)
        blk_unref(c->src[i]);
    if (ret < 0 && made && !c->no_create)
        unlink(c->out);
    blk_opts_free(secrets);
    return ret;
}

static int number_arg(const char *what, const char *text, uint64_t least, uint64_t most, uint64_t *v)
{
    if (str_u64(text, v) == 0 && *v >= least && *v <= most)
        return 0;
    return img_fail_text("%s is '%s'; it takes a number from %llu to %llu", what, text, (unsigned long long)least, (unsigned long long)most) + 1;
}

static int option(struct convert *c, int opt, struct blk_opts *o, bool *help)
{
    struct error err = ERROR_INIT;
    uint64_t     v;
    int          ret;

    switch (opt) {
    case 'O':
        c->g.out_fmt = optarg;
        return 0;
    case 'B':
        c->backing = optarg;
        c->same_backing = true;
        return 0;
    case 'F':
        c->backing_fmt = optarg;
        return 0;
    case 'C':
        c->copy_range = true;
        return 0;
    case 'c':
        c->compress = true;
        return 0;
    case 'n':
        c->no_create = true;
        return 0;
    case 'W':
        c->out_of_order = true;
        return 0;
    case 'l':
        c->snapshot = img_snapshot_arg(optarg);
        return 0;
    case 'o':
        if (img_wants_help(optarg)) {
            *help = true;
            return 0;
        }
        return img_add_options(o, optarg, &err) < 0 ? img_fail(&err) + 1 : 0;
    case 'S':
        if (img_size_arg("sparse size", optarg, &c->sparse) < 0)
            return 2;
        c->has_sparse = true;
        if (c->sparse != 0 && ((c->sparse & 511) || c->sparse > 32 << 20 || !is_pow2(c->sparse)))
            return img_fail_text("Invalid buffer size for sparse output specified. Valid sizes are powers of two from 512 to 33554432. Select 0 to disable sparse detection (fully allocates output).") + 1;
        return 0;
    case 'm':
        ret = number_arg("the number of coroutines", optarg, 1, 16, &v);
        c->workers = ret == 0 ? (int)v : 1;
        return ret;
    case 'r':
        return img_size_arg("rate limit", optarg, &c->rate) < 0 ? 2 : 0;
    case OPT_TARGET_OPTS:
        c->target_opts = true;
        return 0;
    case OPT_TARGET_ZERO:
        c->target_zero = true;
        return 0;
    case OPT_BITMAPS:
        c->bitmaps = true;
        return 0;
    case OPT_SALVAGE:
        c->salvage = true;
        return 0;
    case OPT_SKIP_BROKEN:
        c->skip_broken = true;
        return 0;
    default:
        return img_option(&c->g, opt, "convert");
    }
}

int img_convert(int argc, char **argv)
{
    static const struct option longs[] = {
        IMG_LONG, { "target-image-opts", no_argument, NULL, OPT_TARGET_OPTS }, { "target-is-zero", no_argument, NULL, OPT_TARGET_ZERO },
        { "bitmaps", no_argument, NULL, OPT_BITMAPS }, { "salvage", no_argument, NULL, OPT_SALVAGE },
        { "skip-broken-bitmaps", no_argument, NULL, OPT_SKIP_BROKEN }, { "source-image-opts", no_argument, NULL, OPT_IMAGE_OPTS },
        { "source-format", required_argument, NULL, 'f' }, { "source-cache", required_argument, NULL, 'T' },
        { "snapshot", required_argument, NULL, 'l' }, { "sparse-size", required_argument, NULL, 'S' },
        { "no-create", no_argument, NULL, 'n' }, { NULL, 0, NULL, 0 },
    };
    struct convert  *c    = NEW(struct convert);
    struct blk_opts *o    = blk_opts_new();
    struct error     err  = ERROR_INIT;
    bool             help = false;
    int              opt, ret = 0;

    c->g.out_fmt = "raw";
    c->sparse    = 4096;
    c->workers   = POOL_WORKERS;
    while (ret == 0 && (opt = getopt_long(argc, argv, "hf:O:B:CcF:o:l:S:pt:T:qnm:WUr:", longs, NULL)) != -1)
        ret = option(c, opt, o, &help);
    if (ret != 0) {
        ret--;
        goto out;
    }
    if (help) {
        ret = img_create_help(c->g.out_fmt);
        goto out;
    }
    if (argc - optind < 2)
        ret = img_fail_text("Must specify image file name");
    else if (c->target_opts && !c->no_create)
        ret = img_fail_text("--target-image-opts requires use of -n flag");
    else if (c->target_zero && !c->no_create)
        ret = img_fail_text("--target-is-zero requires use of -n flag");
    else if (c->compress && c->copy_range)
        ret = img_fail_text("Cannot enable copy offloading when -c is used");
    else if (c->copy_range && c->has_sparse)
        ret = img_fail_text("Cannot enable copy offloading when -S is used");
    else if (c->skip_broken && !c->bitmaps)
        ret = img_fail_text("Use of --skip-broken-bitmaps requires --bitmaps");
    else if (c->no_create && blk_opts_any(o))
        ret = img_fail_text("-o has no effect with -n: the target is there already");
    if (ret != 0)
        goto out;
    c->out = argv[argc - 1];
    if (c->rate > 0) {
        struct throttle_limits l = { .avg = { [THROTTLE_BPS] = (double)c->rate } };

        c->throttle = throttle_new(&l);
    }
    ret = run(c, argv + optind, argc - optind - 1, o, &err);
    if (ret < 0 && err.code)
        img_fail(&err);
    ret = ret < 0 ? 1 : 0;
    throttle_free(c->throttle);
out:
    free(c->snapshot);
    blk_opts_free(o);
    free(c);
    return ret;
}

/* core/img/bench.c - bench and dd. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/str.h"
#include "core/event/iothread.h"
#include "core/img/img.h"

enum { OPT_PATTERN = OPT_FIRST, OPT_FLUSH, OPT_NO_DRAIN };

struct bench {
    struct blk_node *n;
    uint64_t         count, depth, size, step, off, pattern, flush_every, issued, done;
    bool             write, no_drain;
    int              running, ret;
    uint8_t         *buf;
    struct co_queue  end, wait;
    bool             flushing;
};

static int one(struct bench *b)
{
    uint64_t off = b->off;

    b->issued++;
    b->off += b->step;
    if (b->off > b->n->bytes || b->n->bytes - b->off < b->size)
        b->off = 0;
    return b->write ? blk_write(b->n, off, b->buf, (size_t)b->size) : blk_read(b->n, off, b->buf + 0, (size_t)b->size);
}

static void bench_worker(void *arg)
{
    struct bench *b = arg;

    while (b->issued < b->count && b->ret == 0 && !img_interrupted()) {
        int ret = one(b);

        b->done++;
        if (ret == 0 && b->flush_every > 0 && b->done % b->flush_every == 0)
            ret = blk_flush(b->n);
        if (ret < 0 && b->ret == 0) {
            b->ret = ret;
            error_say("Failed request: %s", strerror(-ret));
        }
    }
    if (--b->running == 0)
        co_queue_wake_all(&b->end);
}

static int bench_run(struct bench *b)
{
    struct timespec t1, t2;

    printf("Sending %llu %s requests, %llu bytes each, %llu in parallel (starting at offset %llu, step size %llu)\n", (unsigned long long)b->count,
           b->write ? "write" : "read", (unsigned long long)b->size, (unsigned long long)b->depth, (unsigned long long)b->off, (unsigned long long)b->step);
    if (b->flush_every > 0)
        printf("Sending flush every %llu requests\n", (unsigned long long)b->flush_every);
    clock_gettime(CLOCK_MONOTONIC, &t1);
    b->running = (int)MIN(b->depth, b->count);
    for (int i = b->running; i > 0; i--)
        io_spawn(bench_worker, b);
    while (b->running > 0)
        co_queue_wait(&b->end);
    clock_gettime(CLOCK_MONOTONIC, &t2);
    if (b->ret == 0)
        printf("Run completed in %3.3f seconds.\n", (double)(t2.tv_sec - t1.tv_sec) + (double)(t2.tv_nsec - t1.tv_nsec) / 1e9);
    return b->ret;
}

static int take_number(const char *what, uint64_t *v)
{
    return str_size(optarg, 1, v) < 0 ? img_fail_text("Invalid %s specified: '%s'", what, optarg) + 1 : 0;
}

int img_bench(int argc, char **argv)
{
    static const struct option longs[] = { IMG_LONG, { "flush-interval", required_argument, NULL, OPT_FLUSH }, { "pattern", required_argument, NULL, OPT_PATTERN },
                                           { "no-drain", no_argument, NULL, OPT_NO_DRAIN }, { NULL, 0, NULL, 0 } };
    struct img   g = { .fmt = NULL };
    struct bench b = { .count = 75000, .depth = 64, .size = 4096, .step = 0 };
    unsigned     flags = BLK_UNMAP;
    bool         native = false;
    int          opt, ret = 0;

    while (ret == 0 && (opt = getopt_long(argc, argv, "hc:d:f:ni:o:qs:S:t:wU", longs, NULL)) != -1) {
        switch (opt) {
        case 'c':
            ret = take_number("request count", &b.count);
            break;
        case 'd':
            ret = take_number("queue depth", &b.depth);
            break;
        case 'n':
            g.cache = "none";
            break;
        case 'i':
            if (str_eq(optarg, "threads"))
                flags |= BLK_AIO_THREADS;
            else if (str_eq(optarg, "native"))
                native = true;
            else if (!str_eq(optarg, "io_uring"))
                ret = img_fail_text("Invalid aio option: %s", optarg) + 1;
            break;
        case 'o':
            ret = take_number("offset", &b.off);
            break;
        case 's':
            ret = take_number("buffer size", &b.size);
            break;
        case 'S':
            ret = take_number("step size", &b.step);
            break;
        case 'w':
            b.write = true;
            flags |= BLK_RDWR;
            break;
        case OPT_PATTERN:
            ret = str_u64(optarg, &b.pattern) < 0 || b.pattern > 255 ? img_fail_text("Invalid pattern byte specified") + 1 : 0;
            break;
        case OPT_FLUSH:
            ret = take_number("flush interval", &b.flush_every);
            break;
        case OPT_NO_DRAIN:
            b.no_drain = true;
            break;
        default:
            ret = img_option(&g, opt, "bench");
        }
    }
    if (ret != 0)
        return ret - 1;
    if (optind != argc - 1)
        return img_fail_text("Expecting one image file name");
    if (b.size == 0 || b.size > 1 << 30 || b.depth == 0 || b.depth > 65536)
        return img_fail_text("buffer size or queue depth is out of range");
    if (!b.write && b.flush_every > 0)
        return img_fail_text("--flush-interval is only available in write tests");
    if (b.flush_every > 0 && b.flush_every < b.depth)
        return img_fail_text("Flush interval can't be smaller than depth");
    if (native && img_native(g.cache) < 0)
        return 1;
    b.step = b.step ? b.step : b.size;
    b.n    = img_open(&g, argv[optind], g.fmt, flags, g.cache);
    b.buf  = blk_bounce((size_t)b.size);
    if (b.n == NULL || b.buf == NULL)
        ret = 1;
    else if (b.n->bytes < b.size || b.off > b.n->bytes - b.size)
        ret = img_fail_text("the image is smaller than one request at the given offset");
    if (ret == 0) {
        memset(b.buf, (int)b.pattern, (size_t)b.size);
        ret = bench_run(&b) < 0;
    }
    blk_unref(b.n);
    free(b.buf);
    return ret;
}

/* ---- dd */

struct dd {
    char    *in, *out;
    uint64_t bs, count, skip;
    bool     has_count;
};

static int dd_word(struct dd *d, const char *word)
{
    const char *v;

    if ((v = str_after(word, "if=")) != NULL)
        d->in = (char *)v;
    else if ((v = str_after(word, "of=")) != NULL)
        d->out = (char *)v;
    else if ((v = str_after(word, "bs=")) != NULL)
        return img_size_arg("bs", v, &d->bs) < 0 || d->bs == 0 || d->bs > INT32_MAX ? (d->bs == 0 ? img_fail_text("Invalid number: '%s'", v) : 1) : 0;
    else if ((v = str_after(word, "count=")) != NULL)
        return d->has_count = true, img_size_arg("count", v, &d->count) < 0;
    else if ((v = str_after(word, "skip=")) != NULL)
        return img_size_arg("skip", v, &d->skip) < 0;
    else
        return img_fail_text("Unrecognized operand '%s'", word);
    return 0;
}

static int dd_run(struct img *g, struct dd *d)
{
    struct error     err = ERROR_INIT;
    struct blk_node *in = img_open(g, d->in, g->fmt, 0, NULL), *out = NULL;
    struct blk_opts *o = blk_opts_new();
    uint64_t         size, from;
    uint8_t         *buf = blk_bounce((size_t)d->bs);
    int              ret = in != NULL && buf != NULL ? 0 : -EIO;

    if (ret == 0) {
        size = in->bytes;
        if (d->has_count && d->count <= UINT64_MAX / d->bs && d->count * d->bs < size - MIN(size, d->skip * d->bs))
            size = d->skip * d->bs + d->count * d->bs;
        from = MIN(d->skip > UINT64_MAX / d->bs ? size : d->skip * d->bs, size);
        ret  = blk_create_image(d->out, g->out_fmt, size - from, o, 0, &err);
        if (ret == 0) {
            out = blk_open(d->out, g->out_fmt, NULL, BLK_RDWR | BLK_NO_FLUSH | BLK_UNMAP, &err);
            ret = out == NULL ? err.code : 0;
        }
        for (uint64_t off = from, n; off < size && ret == 0; off += n) {
            n   = MIN(d->bs, size - off);
            ret = blk_read(in, off, buf, (size_t)n);
            if (ret == 0)
                ret = buf_is_zero(buf, (size_t)n) ? blk_zero(out, off - from, n, BLK_MAY_UNMAP) : blk_write(out, off - from, buf, (size_t)n);
            if (ret == 0 && img_interrupted())
                ret = -EINTR;
        }
        if (ret == 0)
            ret = blk_flush(out);
    }
    blk_unref(in);
    blk_unref(out);
    free(buf);
    blk_opts_free(o);
    if (ret < 0 && in != NULL)
        err.code ? img_fail(&err) : img_fail_text("error while copying: %s", strerror(-ret));
    return ret < 0;
}

int img_dd(int argc, char **argv)
{
    static const struct option longs[] = { IMG_LONG, { NULL, 0, NULL, 0 } };
    struct img g = { .out_fmt = "raw" };
    struct dd  d = { .bs = 512 };
    int        opt, ret = 0;

    while (ret == 0 && (opt = getopt_long(argc, argv, "hnf:O:U", longs, NULL)) != -1) {
        if (opt == 'O')
            g.out_fmt = optarg;
        else
            ret = img_option(&g, opt, "dd");
    }
    if (ret != 0)
        return ret - 1;
    for (int i = optind; i < argc; i++)
        if (dd_word(&d, argv[i]) != 0)
            return 1;
    if (d.in == NULL || d.out == NULL)
        return img_fail_text("Must specify both input and output file names");
    return dd_run(&g, &d);
}

/* core/img/compare.c - compare. Exit: 0 alike, 1 different, 2 could not open, 3 could not read the map, 4 could not read. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/bits.h"
#include "core/img/img.h"

enum { BUF = 1 << 19 };

struct compare {
    struct img       g;
    struct blk_node *a, *b;
    const char      *name_a, *name_b;
    uint8_t         *x, *y;
    bool             strict;
};

static bool is_zero(const struct blk_extent *e)
{
    return (e->flags & BLK_EXT_ZERO) || !(e->flags & BLK_EXT_DATA);
}

static int read_failed(const char *name, uint64_t off, int ret)
{
    error_say("Error while reading offset %llu of %s: %s", (unsigned long long)off, name, strerror(-ret));
    return 4;
}

static int mismatch(struct compare *c, uint64_t off)
{
    if (!c->g.quiet)
        printf("Content mismatch at offset %llu!\n", (unsigned long long)off);
    return 1;
}

/* QEMU's tools name the first 512-byte sector that differs. */
static uint64_t first_difference(const uint8_t *x, const uint8_t *y, uint64_t len)
{
    uint64_t at = 0;

    while (at < len && memcmp(x + at, y + at, (size_t)MIN((uint64_t)512, len - at)) == 0)
        at += 512;
    return at;
}

static int compare_data(struct compare *c, uint64_t off, uint64_t len)
{
    int ret = blk_read(c->a, off, c->x, (size_t)len);

    if (ret < 0)
        return read_failed(c->name_a, off, ret);
    ret = blk_read(c->b, off, c->y, (size_t)len);
    if (ret < 0)
        return read_failed(c->name_b, off, ret);
    return memcmp(c->x, c->y, (size_t)len) == 0 ? 0 : mismatch(c, off + first_difference(c->x, c->y, len));
}

static int compare_zero(struct compare *c, struct blk_node *n, const char *name, uint64_t off, uint64_t len)
{
    int ret = blk_read(n, off, c->x, (size_t)len);

    if (ret < 0)
        return read_failed(name, off, ret);
    if (buf_is_zero(c->x, (size_t)len))
        return 0;
    memset(c->y, 0, (size_t)len);
    return mismatch(c, off + first_difference(c->x, c->y, len));
}

static int compare_both(struct compare *c, uint64_t both)
{
    struct blk_extent e = { .len = 0 }, f = { .len = 0 };
    uint64_t          step;
    int               ret;

    for (uint64_t off = 0; off < both; off += step, e.len -= step, f.len -= step) {
        if (e.len == 0 && (ret = blk_map_chain(c->a, NULL, off, both - off, &e)) < 0)
            return error_say("Sector allocation test failed for %s", c->name_a), 3;
        if (f.len == 0 && (ret = blk_map_chain(c->b, NULL, off, both - off, &f)) < 0)
            return error_say("Sector allocation test failed for %s", c->name_b), 3;
        step = MIN(MIN(e.len, f.len), both - off);
        if (c->strict && (e.flags & (BLK_EXT_ZERO | BLK_EXT_ALLOCATED)) != (f.flags & (BLK_EXT_ZERO | BLK_EXT_ALLOCATED))) {
            if (!c->g.quiet)
                printf("Strict mode: Offset %llu block status mismatch!\n", (unsigned long long)off);
            return 1;
        }
        if (!is_zero(&e) || !is_zero(&f))
            step = MIN(step, (uint64_t)BUF);
        ret = is_zero(&e) && is_zero(&f) ? 0
            : is_zero(&e) ? compare_zero(c, c->b, c->name_b, off, step)
            : is_zero(&f) ? compare_zero(c, c->a, c->name_a, off, step)
                          : compare_data(c, off, step);
        if (ret != 0)
            return ret;
        progress_add(step);
    }
    return 0;
}

static int compare_rest(struct compare *c, struct blk_node *n, const char *name, uint64_t off)
{
    struct blk_extent e;

    for (uint64_t step; off < n->bytes; off += step) {
        if (blk_map_chain(n, NULL, off, n->bytes - off, &e) < 0)
            return error_say("Sector allocation test failed for %s", name), 3;
        step = is_zero(&e) ? e.len : MIN(e.len, (uint64_t)BUF);
        int ret = is_zero(&e) ? 0 : compare_zero(c, n, name, off, step);

        if (ret != 0)
            return ret;
        progress_add(step);
    }
    return 0;
}

static int compare(struct compare *c)
{
    uint64_t both = MIN(c->a->bytes, c->b->bytes);
    int      ret;

    if (c->strict && c->a->bytes != c->b->bytes) {
        if (!c->g.quiet)
            printf("Strict mode: Image size mismatch!\n");
        return 1;
    }
    progress_begin(&c->g, MAX(c->a->bytes, c->b->bytes));
    ret = compare_both(c, both);
    if (ret == 0 && c->a->bytes != c->b->bytes) {
        if (!c->g.quiet)
            printf("Warning: Image size mismatch!\n");
        ret = c->a->bytes > both ? compare_rest(c, c->a, c->name_a, both) : compare_rest(c, c->b, c->name_b, both);
    }
    progress_end(ret == 0);
    if (ret == 0 && !c->g.quiet)
        printf("Images are identical.\n");
    return ret;
}

int img_compare(int argc, char **argv)
{
    static const struct option longs[] = { IMG_LONG, { NULL, 0, NULL, 0 } };
    struct compare c = { .strict = false };
    const char    *fmt2 = NULL;
    int            opt, ret = 0;

    while (ret == 0 && (opt = getopt_long(argc, argv, "hf:F:T:pqsU", longs, NULL)) != -1) {
        if (opt == 'F')
            fmt2 = optarg;
        else if (opt == 's')
            c.strict = true;
        else
            ret = img_option(&c.g, opt, "compare");
    }
    if (ret != 0)
        return ret == 1 ? 0 : 2;
    if (argc - optind != 2)
        return img_fail_text("Expecting two image file names") + 1;
    c.name_a = argv[optind];
    c.name_b = argv[optind + 1];
    c.a = img_open(&c.g, c.name_a, c.g.fmt, 0, c.g.src_cache);
    c.b = c.a != NULL ? img_open(&c.g, c.name_b, fmt2, 0, c.g.src_cache) : NULL;
    c.x = blk_bounce(BUF);
    c.y = blk_bounce(BUF);
    ret = c.b != NULL && c.x != NULL && c.y != NULL ? compare(&c) : 2;
    blk_unref(c.a);
    blk_unref(c.b);
    free(c.x);
    free(c.y);
    return ret;
}

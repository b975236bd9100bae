/* core/img/map.c - map and measure. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/img/img.h"
#include "core/img/options.h"

enum { OPT_START = OPT_FIRST, OPT_LENGTH, OPT_SIZE };

struct line {
    uint64_t         start, len, offset;
    int              depth;
    bool             data, zero, present, has_offset, compressed;
    struct blk_node *file;
};

static int print_line(const struct line *l, bool json, bool first, bool last)
{
    if (json) {
        printf("%s{ \"start\": %" PRIu64 ", \"length\": %" PRIu64 ", \"depth\": %d, \"present\": %s, \"zero\": %s, \"data\": %s", first ? "[" : "",
               l->start, l->len, l->depth, l->present ? "true" : "false", l->zero ? "true" : "false", l->data ? "true" : "false");
        if (l->has_offset)
            printf(", \"offset\": %" PRIu64, l->offset);
        printf("}%s\n", last ? "]" : ",");
        return 0;
    }
    if (l->data && !l->zero) {
        if (!l->has_offset)
            return img_fail_text("File contains external, encrypted or compressed clusters.");
        printf("%#-16" PRIx64 "%#-16" PRIx64 "%#-16" PRIx64 "%s\n", l->start, l->len, l->offset, l->file->filename);
    }
    return 0;
}

static bool joins(const struct line *a, const struct line *b)
{
    return a->data == b->data && a->zero == b->zero && a->present == b->present && a->depth == b->depth && a->has_offset == b->has_offset &&
           a->file == b->file && (!a->has_offset || a->offset + a->len == b->offset);
}

static int map_all(struct blk_node *n, uint64_t from, uint64_t to, bool json)
{
    struct line      last = { .len = 0 };
    struct blk_extent e;
    bool             first = true;
    int              ret = 0;

    if (!json)
        printf("%-16s%-16s%-16s%s\n", "Offset", "Length", "Mapped to", "File");
    for (uint64_t off = from; off < to && ret == 0; off += e.len) {
        if (blk_map_chain(n, NULL, off, to - off, &e) < 0)
            return img_fail_text("Failed to read image metadata");
        struct line l = { .start = off, .len = e.len, .depth = e.depth, .data = e.flags & BLK_EXT_DATA, .zero = e.flags & BLK_EXT_ZERO,
                          .present = e.flags & BLK_EXT_ALLOCATED, .has_offset = (e.flags & BLK_EXT_OFFSET) != 0, .offset = e.host };

        if (!l.present && !l.data)
            l.zero = true;
        l.file = l.has_offset ? e.node : NULL;
        if (last.len > 0 && joins(&last, &l)) {
            last.len += l.len;
            continue;
        }
        if (last.len > 0) {
            ret = print_line(&last, json, first, false);
            first = false;
        }
        last = l;
    }
    if (ret == 0 && last.len > 0)
        ret = print_line(&last, json, first, true);
    else if (ret == 0 && json)
        printf("[]\n");
    return ret;
}

int img_map(int argc, char **argv)
{
    static const struct option longs[] = { IMG_LONG, { "format", required_argument, NULL, 'f' }, { "start-offset", required_argument, NULL, OPT_START },
                                           { "max-length", required_argument, NULL, OPT_LENGTH }, { NULL, 0, NULL, 0 } };
    struct img       g = { .fmt = NULL };
    uint64_t         from = 0, len = UINT64_MAX;
    struct blk_node *n;
    int              opt, ret = 0;

    while (ret == 0 && (opt = getopt_long(argc, argv, "f:s:l:hU", longs, NULL)) != -1) {
        if (opt == OPT_START || opt == 's')
            ret = img_size_arg("start offset", optarg, &from) < 0 ? 2 : 0;
        else if (opt == OPT_LENGTH || opt == 'l')
            ret = img_size_arg("max length", optarg, &len) < 0 ? 2 : 0;
        else
            ret = img_option(&g, opt, "map");
    }
    if (ret != 0)
        return ret - 1;
    if (optind != argc - 1)
        return img_fail_text("Expecting one image file name");
    n = img_open(&g, argv[optind], g.fmt, 0, NULL);
    if (n == NULL)
        return 1;
    ret = map_all(n, from, len > n->bytes - (from < n->bytes ? from : n->bytes) ? n->bytes : from + len, g.json);
    blk_unref(n);
    return ret;
}

static void print_measure(const struct blk_measure *m, bool json)
{
    if (!json) {
        printf("required size: %" PRIu64 "\nfully allocated size: %" PRIu64 "\n", m->required, m->fully);
        if (m->has_bitmaps)
            printf("bitmaps size: %" PRIu64 "\n", m->bitmaps);
        return;
    }
    json_t *o = json_object();

    if (m->has_bitmaps)
        json_object_set_new(o, "bitmaps", json_integer((json_int_t)m->bitmaps));
    json_object_set_new(o, "required", json_integer((json_int_t)m->required));
    json_object_set_new(o, "fully-allocated", json_integer((json_int_t)m->fully));
    json_dumpf(o, stdout, JSON_INDENT(4));
    printf("\n");
    json_decref(o);
}

int img_measure(int argc, char **argv)
{
    static const struct option longs[] = { IMG_LONG, { "size", required_argument, NULL, OPT_SIZE }, { NULL, 0, NULL, 0 } };
    struct img         g = { .out_fmt = "raw" };
    struct error       err = ERROR_INIT;
    struct blk_opts   *o = blk_opts_new();
    struct blk_measure m = { .required = 0 };
    struct blk_node   *n = NULL;
    uint64_t           size = UINT64_MAX;
    char              *snap = NULL;
    int                opt, ret = 0;

    while (ret == 0 && (opt = getopt_long(argc, argv, "hf:l:o:O:U", longs, NULL)) != -1) {
        if (opt == 'O')
            g.out_fmt = optarg;
        else if (opt == 'l')
            snap = img_snapshot_arg(optarg);
        else if (opt == 'o')
            ret = img_add_options(o, optarg, &err) < 0 ? img_fail(&err) + 1 : 0;
        else if (opt == OPT_SIZE)
            ret = img_size_arg("image size", optarg, &size) < 0 ? 2 : 0;
        else
            ret = img_option(&g, opt, "measure");
    }
    const struct blk_driver *d = blk_driver_find(g.out_fmt, NULL);

    if (ret == 0 && (optind < argc) == (size != UINT64_MAX))
        ret = img_fail_text("%s", optind < argc ? "--size N cannot be used together with a filename" : "Either --size N or one filename must be specified") + 1;
    if (ret == 0 && d == NULL)
        ret = img_fail_text("Unknown file format '%s'", g.out_fmt) + 1;
    if (ret == 0 && d->measure == NULL)
        ret = img_fail_text("Block driver '%s' does not support size measurement", g.out_fmt) + 1;
    if (ret == 0 && optind < argc) {
        n   = img_open(&g, argv[optind], g.fmt, 0, NULL);
        ret = n == NULL ? 2 : 0;
        if (ret == 0 && snap != NULL && (n->drv->snap_load == NULL || n->drv->snap_load(n, snap, &err) < 0))
            ret = img_fail(&err) + 1;
    }
    if (ret == 0 && (d->measure(o, n, size, &m, &err) < 0 || blk_opts_done(o, g.out_fmt, NULL, &err) < 0))
        ret = img_fail(&err) + 1;
    if (ret == 0)
        print_measure(&m, g.json);
    blk_unref(n);
    blk_opts_free(o);
    free(snap);
    return ret ? ret - 1 : 0;
}

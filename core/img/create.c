/* core/img/create.c - create, and what -o help prints. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/str.h"
#include "core/img/img.h"
#include "core/img/options.h"

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct blk_option *const *)a)->name, (*(const struct blk_option *const *)b)->name);
}

void img_print_options(const char *what, const struct blk_option *list)
{
    const struct blk_option *sorted[64];
    static const char *const types[] = { "str", "size", "num", "bool (on/off)" };
    size_t n = 0;

    for (; list[n].name != NULL && n < 64; n++)
        sorted[n] = &list[n];
    qsort(sorted, n, sizeof *sorted, by_name);
    printf("Supported %s options:\n", what);
    for (size_t i = 0; i < n; i++) {
        char left[96];

        snprintf(left, sizeof left, "%s=<%s>", sorted[i]->name, types[sorted[i]->type]);
        printf("  %-22s - %s\n", left, sorted[i]->help);
    }
}

int img_create_help(const char *fmt)
{
    struct error             err = ERROR_INIT;
    const struct blk_driver *d   = blk_driver_find(fmt, &err);

    if (d == NULL)
        return img_fail_text("Unknown file format '%s'", fmt);
    if (d->create_opts == NULL)
        return img_fail_text("Format driver '%s' does not support image creation", fmt);
    img_print_options(fmt, d->create_opts);
    printf("\nThe protocol level may support further options.\nSpecify the target filename to include those options.\n");
    return 0;
}

bool img_wants_help(const char *options)
{
    return options != NULL && (str_eq(options, "help") || str_eq(options, "?") || str_after(options, "help,") || str_ends(options, ",help") ||
                               str_ends(options, ",?"));
}

int img_add_options(struct blk_opts *o, const char *text, struct error *err)
{
    return blk_opts_parse(o, text, NULL, err);
}

static void print_formatting(const char *file, const char *fmt, const struct blk_driver *d, const struct blk_opts *o, uint64_t bytes)
{
    printf("Formatting '%s', fmt=%s", file, fmt);
    for (const struct blk_option *c = d->create_opts; c->name != NULL; c++) {
        const char *v = blk_opts_get(o, c->name);

        if (str_eq(c->name, "size"))
            printf(" size=%llu", (unsigned long long)bytes);
        else if (v != NULL || c->def != NULL)
            printf(" %s=%s", c->name, v != NULL ? v : c->def);
    }
    printf("\n");
}

int img_create(int argc, char **argv)
{
    static const struct option longs[] = { IMG_LONG, { NULL, 0, NULL, 0 } };
    struct img       g   = { .fmt = "raw" };
    struct error     err = ERROR_INIT;
    struct blk_opts *o   = blk_opts_new();
    const char      *backing = NULL, *backing_fmt = NULL;
    uint64_t         bytes = UINT64_MAX;
    unsigned         flags = 0;
    bool             help = false;
    int              c, ret = 0;

    while (ret == 0 && (c = getopt_long(argc, argv, "f:F:b:o:uqh", longs, NULL)) != -1) {
        if (c == 'b')
            backing = optarg;
        else if (c == 'F')
            backing_fmt = optarg;
        else if (c == 'u')
            flags |= BLK_NO_BACKING;
        else if (c == 'o' && img_wants_help(optarg))
            help = true;
        else if (c == 'o')
            ret = img_add_options(o, optarg, &err) < 0 ? img_fail(&err) + 1 : 0;
        else
            ret = img_option(&g, c, "create");
    }
    if (ret != 0) {
        blk_opts_free(o);
        return ret - 1;
    }
    if (help) {
        blk_opts_free(o);
        return img_create_help(g.fmt);
    }
    if (optind >= argc || argc - optind > 2) {
        blk_opts_free(o);
        return img_fail_text("%s", optind >= argc ? "Expecting image file name" : "Unexpected argument after the size");
    }
    const char *file = argv[optind];

    if (optind + 1 < argc && img_size_arg("image size", argv[optind + 1], &bytes) < 0) {
        blk_opts_free(o);
        return 1;
    }
    if (backing != NULL)
        blk_opts_set(o, "backing_file", backing);
    if (backing_fmt != NULL)
        blk_opts_set(o, "backing_fmt", backing_fmt);
    struct blk_opts         *shown = blk_opts_copy(o);
    const struct blk_driver *d     = blk_driver_find(g.fmt, NULL);

    ret = blk_create_image(file, g.fmt, bytes, o, flags, &err);
    if (ret < 0) {
        error_prepend(&err, "%s: ", file);
        img_fail(&err);
    } else if (!g.quiet) {
        struct blk_node *n = blk_open(file, g.fmt, NULL, BLK_NO_IO | BLK_SHARE | BLK_NO_BACKING, NULL);

        print_formatting(file, g.fmt, d, shown, n != NULL ? n->bytes : bytes);
        blk_unref(n);
    }
    blk_opts_free(shown);
    blk_opts_free(o);
    return ret < 0 ? 1 : 0;
}

/* core/img/change.c - resize, snapshot, amend, bitmap: commands that change one image. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/str.h"
#include "core/block/bitmap.h"
#include "core/img/img.h"
#include "core/img/options.h"

enum { OPT_PREALLOC = OPT_FIRST, OPT_SHRINK, OPT_FORCE, OPT_ADD, OPT_REMOVE, OPT_CLEAR, OPT_ENABLE, OPT_DISABLE, OPT_MERGE };

static int new_size(const char *text, uint64_t old, uint64_t *out, struct error *err)
{
    char     sign = text[0] == '+' || text[0] == '-' ? text[0] : '\0';
    uint64_t v;

    if (str_size(text + (sign != '\0'), 1, &v) < 0)
        return error_set(err, EINVAL, "Parameter 'size' expects a size, not '%s'", text);
    if ((sign == '-' && v >= old) || (sign == '+' && v > BLK_LENGTH_MAX - old) || (sign == '\0' && v == 0))
        return error_set(err, EINVAL, "New image size must be positive");
    *out = sign == '+' ? old + v : sign == '-' ? old - v : v;
    *out = align_up(*out, 512);
    return 0;
}

int img_resize(int argc, char **argv)
{
    static const struct option longs[] = { IMG_LONG, { "preallocation", required_argument, NULL, OPT_PREALLOC }, { "shrink", no_argument, NULL, OPT_SHRINK },
                                           { NULL, 0, NULL, 0 } };
    struct img        g = { .fmt = NULL };
    struct error      err = ERROR_INIT;
    enum blk_prealloc p = BLK_PREALLOC_OFF;
    struct blk_node  *n;
    uint64_t          bytes = 0;
    const char       *size;
    bool              shrink = false;
    int               opt, ret = 0;

    if (argc < 3)
        return img_fail_text("Not enough arguments");
    size = argv[--argc];                         /* the last one: "-5G" is no option */
    while (ret == 0 && (opt = getopt_long(argc, argv, "f:hq", longs, NULL)) != -1) {
        if (opt == OPT_PREALLOC)
            ret = blk_prealloc_parse(optarg, &p, &err) < 0 ? img_fail(&err) + 1 : 0;
        else if (opt == OPT_SHRINK)
            shrink = true;
        else
            ret = img_option(&g, opt, "resize");
    }
    if (ret != 0)
        return ret - 1;
    if (optind != argc - 1)
        return img_fail_text("Expecting image file name and size");
    n = img_open(&g, argv[optind], g.fmt, BLK_RDWR | BLK_UNMAP, NULL);
    if (n == NULL)
        return 1;
    ret = new_size(size, n->bytes, &bytes, &err);
    if (ret == 0 && bytes < n->bytes && !shrink)
        ret = error_set(&err, EINVAL, "Use the --shrink option to perform a shrink operation: shrinking an image will delete all data beyond the shrunken image's end. "
                        "Before performing such an operation, make sure there is no important data there");
    if (ret == 0)
        ret = blk_resize(n, bytes, p, &err);
    if (ret == 0)
        ret = blk_flush(n);
    blk_unref(n);
    if (ret < 0)
        return err.code ? img_fail(&err) : img_fail_text("could not flush the image: %s", strerror(-ret));
    if (!g.quiet)
        printf("Image resized.\n");
    return 0;
}

int img_snapshot(int argc, char **argv)
{
    static const struct option longs[] = { IMG_LONG, { NULL, 0, NULL, 0 } };
    struct img           g = { .fmt = NULL };
    struct error         err = ERROR_INIT;
    struct blk_snapshot *list, s = { .name = "" };
    struct blk_node     *n;
    const char          *name = NULL;
    int                  opt, act = 'l', given = 0, ret = 0, count;

    while (ret == 0 && (opt = getopt_long(argc, argv, "la:c:d:hqU", longs, NULL)) != -1) {
        if (strchr("lacd", opt) != NULL && opt < 128) {
            if (given++ > 0)
                ret = img_fail_text("Cannot mix '-l', '-a', '-c', '-d'") + 1;
            act  = opt;
            name = opt == 'l' ? NULL : optarg;
        } else {
            ret = img_option(&g, opt, "snapshot");
        }
    }
    if (ret != 0)
        return ret - 1;
    if (optind != argc - 1)
        return img_fail_text("Expecting one image file name");
    n = img_open(&g, argv[optind], NULL, BLK_NO_BACKING | (act == 'l' ? BLK_SHARE | BLK_NO_IO : BLK_RDWR | BLK_UNMAP | BLK_NO_IO), NULL);
    if (n == NULL)
        return 1;
    if (n->drv->snap_list == NULL) {
        ret = act == 'l' ? 0 : error_set(&err, ENOTSUP, "format '%s' has no internal snapshots; use qcow2", n->drv->name);
    } else if (act == 'l') {
        count = n->drv->snap_list(n, &list, &err);
        if (count > 0)
            printf("Snapshot list:\n"), blk_snapshots_print(list, count, false, stdout);
        ret = count < 0 ? count : 0;
        free(list);
    } else if (act == 'c') {
        snprintf(s.name, sizeof s.name, "%s", name);
        ret = n->drv->snap_create(n, &s, &err);
        if (ret < 0)
            error_prepend(&err, "Could not create snapshot '%s': ", name);
    } else if (act == 'a') {
        ret = n->drv->snap_apply(n, name, &err);
        if (ret < 0)
            error_prepend(&err, "Could not apply snapshot '%s': ", name);
    } else {
        ret = n->drv->snap_delete(n, name, &err);
        if (ret < 0)
            error_prepend(&err, "Could not delete snapshot '%s': ", name);
    }
    blk_unref(n);
    return ret < 0 ? img_fail(&err) : 0;
}

int img_amend(int argc, char **argv)
{
    static const struct option longs[] = { IMG_LONG, { "force", no_argument, NULL, OPT_FORCE }, { NULL, 0, NULL, 0 } };
    struct img       g = { .fmt = NULL };
    struct error     err = ERROR_INIT;
    struct blk_opts *o = blk_opts_new();
    struct blk_node *n;
    bool             help = false, any = false;
    int              opt, ret = 0;

    while (ret == 0 && (opt = getopt_long(argc, argv, "ho:f:t:pq", longs, NULL)) != -1) {
        if (opt == 'o') {
            any = true;
            help |= img_wants_help(optarg);
            ret = !help && img_add_options(o, optarg, &err) < 0 ? img_fail(&err) + 1 : 0;
        } else if (opt == OPT_FORCE) {
            ret = img_fail_text("--force: it allows the erasing of LUKS keys, which cannot be amended here; leave it out") + 1;
        } else {
            ret = img_option(&g, opt, "amend");
        }
    }
    if (ret == 0 && !any)
        ret = img_fail_text("Must specify options (-o)") + 1;
    if (ret == 0 && help && g.fmt != NULL) {
        const struct blk_driver *d = blk_driver_find(g.fmt, NULL);

        if (d != NULL && d->amend_opts != NULL)
            img_print_options(g.fmt, d->amend_opts);
        else
            img_fail_text("Format driver '%s' does not support option amendment", g.fmt);
        ret = 1;
    }
    if (ret == 0 && optind != argc - 1)
        ret = img_fail_text("Expecting one image file name") + 1;
    if (ret != 0) {
        blk_opts_free(o);
        return ret - 1;
    }
    n = img_open(&g, argv[optind], g.fmt, BLK_RDWR | BLK_UNMAP, g.cache);
    if (n == NULL) {
        blk_opts_free(o);
        return 1;
    }
    if (help && n->drv->amend_opts != NULL)
        img_print_options(n->drv->name, n->drv->amend_opts);
    else if (n->drv->amend == NULL)
        ret = error_set(&err, ENOTSUP, "Format driver '%s' does not support option amendment", n->drv->name);
    else
        ret = n->drv->amend(n, o, &err);
    if (ret == 0)
        ret = blk_opts_done(o, n->drv->name, NULL, &err);
    blk_unref(n);
    blk_opts_free(o);
    return ret < 0 ? img_fail(&err) : 0;
}

/* ---- bitmap */

struct act {
    const char *verb, *source;
};

static int merge(struct img *g, struct blk_node *n, const char *name, const char *source, const char *file, const char *fmt, struct error *err)
{
    struct blk_node  *from = n;
    struct blk_bitmap bits;
    int               ret;

    if (file != NULL) {
        from = img_open(&(struct img){ .share = g->share }, file, fmt, BLK_NO_BACKING | BLK_NO_IO, NULL);
        if (from == NULL)
            return -EIO;
    }
    ret = blk_bitmap_load(from, source, &bits, err);
    if (ret == 0) {
        ret = blk_bitmap_merge(n, name, &bits, err);
        free(bits.bits);
    }
    if (from != n)
        blk_unref(from);
    return ret;
}

int img_bitmap(int argc, char **argv)
{
    static const struct option longs[] = { IMG_LONG, { "add", no_argument, NULL, OPT_ADD }, { "remove", no_argument, NULL, OPT_REMOVE },
        { "clear", no_argument, NULL, OPT_CLEAR }, { "enable", no_argument, NULL, OPT_ENABLE }, { "disable", no_argument, NULL, OPT_DISABLE },
        { "merge", required_argument, NULL, OPT_MERGE }, { "granularity", required_argument, NULL, 'g' }, { "source-file", required_argument, NULL, 'b' },
        { "source-format", required_argument, NULL, 'F' }, { NULL, 0, NULL, 0 } };
    static const char *const verbs[] = { "add", "remove", "clear", "enable", "disable" };
    struct img       g = { .fmt = NULL };
    struct error     err = ERROR_INIT;
    struct act       acts[64];
    struct blk_opts *o;
    struct blk_node *n;
    const char      *file = NULL, *fmt = NULL, *gran = NULL;
    int              opt, ret = 0, count = 0;
    bool             add = false, disabled = false;

    while (ret == 0 && (opt = getopt_long(argc, argv, "hb:f:F:g:U", longs, NULL)) != -1) {
        if (count == 64)
            ret = img_fail_text("too many actions") + 1;
        else if (opt >= OPT_ADD && opt <= OPT_DISABLE) {
            acts[count++] = (struct act){ .verb = verbs[opt - OPT_ADD] };
            add |= opt == OPT_ADD;
            disabled |= opt == OPT_DISABLE;
        } else if (opt == OPT_MERGE)
            acts[count++] = (struct act){ .verb = "merge", .source = optarg };
        else if (opt == 'b')
            file = optarg;
        else if (opt == 'F')
            fmt = optarg;
        else if (opt == 'g')
            gran = optarg;
        else
            ret = img_option(&g, opt, "bitmap");
    }
    if (ret != 0)
        return ret - 1;
    (void)disabled;
    if (argc - optind != 2)
        return img_fail_text("Expecting filename and bitmap name");
    if (count == 0)
        return img_fail_text("Need at least one of --add, --remove, --clear, --enable, --disable, or --merge");
    if (gran != NULL && !add)
        return img_fail_text("granularity only supported with --add");
    n = img_open(&g, argv[optind], g.fmt, BLK_RDWR | BLK_NO_BACKING | BLK_UNMAP, NULL);
    if (n == NULL)
        return 1;
    if (n->drv->bitmap == NULL)
        ret = error_set(&err, ENOTSUP, "format '%s' has no bitmaps", n->drv->name);
    for (int i = 0; i < count && ret == 0; i++) {
        o = blk_opts_new();
        if (gran != NULL && str_eq(acts[i].verb, "add"))
            blk_opts_set(o, "granularity", gran);
        ret = acts[i].source != NULL ? merge(&g, n, argv[optind + 1], acts[i].source, file, fmt, &err)
                                     : n->drv->bitmap(n, acts[i].verb, argv[optind + 1], o, &err);
        blk_opts_free(o);
    }
    if (ret < 0 && err.code)
        error_prepend(&err, "Operation %s on bitmap %s failed: ", count > 0 ? acts[0].verb : "", argv[optind + 1]);
    blk_unref(n);
    return ret < 0 ? (err.code ? img_fail(&err) : 1) : 0;
}

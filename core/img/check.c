/* core/img/check.c - check. Exit: 0 good, 1 could not check, 2 corrupt, 3 leaks, 63 the format has no check. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "core/base/str.h"
#include "core/img/img.h"

static void say(void *arg, const char *line)
{
    FILE *to = arg;

    fprintf(to, "%s\n", line);
}

static void put(json_t *o, const char *key, uint64_t v)
{
    if (v != 0)
        json_object_set_new(o, key, json_integer((json_int_t)v));
}

static void print_json(const struct blk_check *c, const char *name, const char *format)
{
    json_t *o = json_object();

    put(o, "image-end-offset", c->image_end);    /* the order is qemu-img's */
    put(o, "compressed-clusters", c->compressed_clusters);
    put(o, "total-clusters", c->total_clusters);
    put(o, "corruptions", c->corruptions);
    put(o, "corruptions-fixed", c->corruptions_fixed);
    json_object_set_new(o, "check-errors", json_integer((json_int_t)c->check_errors));
    put(o, "leaks", c->leaks);
    put(o, "leaks-fixed", c->leaks_fixed);
    put(o, "allocated-clusters", c->allocated_clusters);
    json_object_set_new(o, "filename", json_string(name));
    json_object_set_new(o, "format", json_string(format));
    put(o, "fragmented-clusters", c->fragmented_clusters);
    json_dumpf(o, stdout, JSON_INDENT(4));
    printf("\n");
    json_decref(o);
}

static void print_text(const struct blk_check *c)
{
    if (c->corruptions_fixed > 0 || c->leaks_fixed > 0)
        printf("The following inconsistencies were found and repaired:\n\n    %llu leaked clusters\n    %llu corruptions\n\nDouble checking the fixed image now...\n",
               (unsigned long long)c->leaks_fixed, (unsigned long long)c->corruptions_fixed);
    if (c->corruptions == 0 && c->leaks == 0 && c->check_errors == 0)
        printf("No errors were found on the image.\n");
    if (c->corruptions > 0)
        printf("\n%llu errors were found on the image.\nData may be corrupted, or further writes to the image may corrupt it.\n", (unsigned long long)c->corruptions);
    if (c->leaks > 0)
        printf("\n%llu leaked clusters were found on the image.\nThis means waste of disk space, but no harm to data.\n", (unsigned long long)c->leaks);
    if (c->check_errors > 0)
        printf("\n%llu internal errors have occurred during the check.\n", (unsigned long long)c->check_errors);
    if (c->total_clusters != 0 && c->allocated_clusters != 0)
        printf("%llu/%llu = %0.2f%% allocated, %0.2f%% fragmented, %0.2f%% compressed clusters\n", (unsigned long long)c->allocated_clusters,
               (unsigned long long)c->total_clusters, (double)c->allocated_clusters * 100.0 / (double)c->total_clusters,
               (double)c->fragmented_clusters * 100.0 / (double)c->allocated_clusters, (double)c->compressed_clusters * 100.0 / (double)c->allocated_clusters);
    if (c->image_end > 0)
        printf("Image end offset: %llu\n", (unsigned long long)c->image_end);
}

int img_check(int argc, char **argv)
{
    static const struct option longs[] = { IMG_LONG, { "format", required_argument, NULL, 'f' }, { "repair", required_argument, NULL, 'r' },
                                           { NULL, 0, NULL, 0 } };
    struct img       g   = { .fmt = NULL };
    struct error     err = ERROR_INIT;
    struct blk_check c   = { .say = NULL };
    struct blk_node *n;
    int              opt, ret = 0, fix = 0;

    while (ret == 0 && (opt = getopt_long(argc, argv, "hf:r:T:qU", longs, NULL)) != -1) {
        if (opt == 'r' && str_eq(optarg, "leaks"))
            fix = BLK_FIX_LEAKS;
        else if (opt == 'r' && str_eq(optarg, "all"))
            fix = BLK_FIX_LEAKS | BLK_FIX_ERRORS;
        else if (opt == 'r')
            ret = img_fail_text("--repair/-r expects 'leaks' or 'all', not '%s'", optarg) + 1;
        else
            ret = img_option(&g, opt, "check");
    }
    if (ret != 0)
        return ret - 1;
    if (optind != argc - 1)
        return img_fail_text("Expecting one image file name");
    n = img_open(&g, argv[optind], g.fmt, BLK_CHECK | BLK_NO_BACKING | BLK_NO_IO | (fix ? BLK_RDWR : 0), g.src_cache);
    if (n == NULL)
        return 1;
    if (n->drv->check == NULL) {
        error_say("This image format does not support checks");
        blk_unref(n);
        return 63;
    }
    c.say = g.quiet ? NULL : say;
    c.arg = stderr;
    ret = n->drv->check(n, &c, fix, &err);
    if (ret < 0) {
        blk_unref(n);
        return img_fail(&err);
    }
    if (g.json)
        print_json(&c, argv[optind], n->drv->name);
    else if (!g.quiet)
        print_text(&c);
    blk_unref(n);
    return c.check_errors > 0 ? 1 : c.corruptions > 0 ? 2 : c.leaks > 0 ? 3 : 0;
}

/* core/img/info.c - info: what an image is, and the chain below it; never opens more than it must. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/alloc.h"
#include "core/base/str.h"
#include "core/img/img.h"

struct facts {
    struct blk_node     *n;
    struct blk_info      i;
    struct blk_snapshot *snaps;
    int                  snap_count;
    char                 full[BLK_NAME_MAX];
    const char          *name;
};

static int gather(struct facts *f, struct blk_node *n, const char *name, struct error *err)
{
    int ret = 0;

    *f = (struct facts){ .n = n, .name = name };
    f->i.has_dirty = n->drv->info != NULL;       /* an answer says otherwise, if it knows nothing of that */
    if (n->drv->info != NULL)
        ret = n->drv->info(n, &f->i, err);
    if (ret == 0 && n->drv->snap_list != NULL)
        f->snap_count = n->drv->snap_list(n, &f->snaps, err);
    if (f->snap_count < 0)
        ret = f->snap_count;
    if (ret == 0)
        ret = blk_full_backing_name(n, f->full, err);
    return ret;
}

static void release(struct facts *f)
{
    json_decref(f->i.specific);
    free(f->snaps);
}

/* "compression-type" is shown as "compression type". */
static void print_value(const char *key, json_t *v, int indent)
{
    char        name[128];
    const char *k;
    json_t     *item;
    size_t      i;

    snprintf(name, sizeof name, "%s", key);
    for (char *s = name; *s != '\0'; s++)
        if (*s == '-')
            *s = ' ';
    printf("%*s%s:", indent * 4, "", name);
    if (json_is_object(v)) {
        printf("\n");
        json_object_foreach(v, k, item)
            print_value(k, item, indent + 1);
    } else if (json_is_array(v)) {
        printf("\n");
        json_array_foreach(v, i, item) {
            if (json_is_string(item))
                printf("%*s[%zu]: %s\n", (indent + 1) * 4, "", i, json_string_value(item));
            else {
                snprintf(name, sizeof name, "[%zu]", i);
                print_value(name, item, indent + 1);
            }
        }
    } else if (json_is_boolean(v)) {
        printf(" %s\n", json_is_true(v) ? "true" : "false");
    } else if (json_is_integer(v)) {
        printf(" %lld\n", (long long)json_integer_value(v));
    } else {
        printf(" %s\n", json_string_value(v));
    }
}

static void print_text(const struct facts *f)
{
    struct blk_node *n    = f->n;
    int64_t          used = blk_allocated(n);
    char             size[32];
    const char      *k;
    json_t          *v;

    printf("image: %s\nfile format: %s\n", f->name, n->drv->name);
    printf("virtual size: %s (%llu bytes)\n", blk_size_text(n->bytes, size), (unsigned long long)n->bytes);
    printf("disk size: %s\n", used < 0 ? "unavailable" : blk_size_text((uint64_t)used, size));
    if (f->i.encrypted)
        printf("encrypted: yes\n");
    if (f->i.cluster_bytes != 0)
        printf("cluster_size: %u\n", f->i.cluster_bytes);
    if (f->i.dirty)
        printf("cleanly shut down: no\n");
    if (n->backing_name[0] != '\0') {
        printf("backing file: %s", n->backing_name);
        if (!str_eq(f->full, n->backing_name))
            printf(" (actual path: %s)", f->full);
        printf("\n");
        if (n->backing_format[0] != '\0')
            printf("backing file format: %s\n", n->backing_format);
    }
    if (f->snap_count > 0)
        printf("Snapshot list:\n"), blk_snapshots_print(f->snaps, f->snap_count, false, stdout);
    if (f->i.specific != NULL && json_object_size(json_object_get(f->i.specific, "data")) > 0) {
        printf("Format specific information:\n");
        json_object_foreach(json_object_get(f->i.specific, "data"), k, v)
            print_value(k, v, 1);
    }
}

static json_t *snapshots_json(const struct facts *f)
{
    json_t *list = json_array();

    for (int i = 0; i < f->snap_count; i++) {
        const struct blk_snapshot *s = &f->snaps[i];
        json_t                    *o = json_object();

        if (s->has_icount)
            json_object_set_new(o, "icount", json_integer((json_int_t)s->icount));
        json_object_set_new(o, "vm-clock-nsec", json_integer((json_int_t)(s->vm_clock_ns % 1000000000)));
        json_object_set_new(o, "name", json_string(s->name));
        json_object_set_new(o, "date-sec", json_integer((json_int_t)s->date_s));
        json_object_set_new(o, "date-nsec", json_integer(s->date_ns));
        json_object_set_new(o, "vm-clock-sec", json_integer((json_int_t)(s->vm_clock_ns / 1000000000)));
        json_object_set_new(o, "id", json_string(s->id));
        json_object_set_new(o, "vm-state-size", json_integer((json_int_t)s->vm_state_bytes));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *facts_json(const struct facts *f)
{
    struct blk_node *n    = f->n;
    json_t          *o    = json_object();
    int64_t          used = blk_allocated(n);

    if (n->backing_format[0] != '\0' && n->backing_name[0] != '\0')
        json_object_set_new(o, "backing-filename-format", json_string(n->backing_format));
    if (f->snap_count > 0)
        json_object_set_new(o, "snapshots", snapshots_json(f));
    json_object_set_new(o, "virtual-size", json_integer((json_int_t)n->bytes));
    json_object_set_new(o, "filename", json_string(f->name));
    if (f->i.cluster_bytes != 0)
        json_object_set_new(o, "cluster-size", json_integer(f->i.cluster_bytes));
    json_object_set_new(o, "format", json_string(n->drv->name));
    if (used >= 0)
        json_object_set_new(o, "actual-size", json_integer(used));
    if (f->i.specific != NULL)
        json_object_set(o, "format-specific", f->i.specific);
    if (n->backing_name[0] != '\0')
        json_object_set_new(o, "full-backing-filename", json_string(f->full));
    if (f->i.encrypted)
        json_object_set_new(o, "encrypted", json_true());
    if (n->backing_name[0] != '\0')
        json_object_set_new(o, "backing-filename", json_string(n->backing_name));
    if (f->i.has_dirty)
        json_object_set_new(o, "dirty-flag", json_boolean(f->i.dirty));
    return o;
}

/* As QEMU's tools print it: an empty list takes two lines. */
static void print_json(const json_t *o)
{
    char  *text = json_dumps(o, JSON_INDENT(4) | JSON_ENCODE_ANY), *line = text;
    bool   quoted = false;

    for (char *s = text; s != NULL && *s != '\0'; s++) {
        if (*s == '\\' && quoted)
            putchar(*s++);
        else if (*s == '"')
            quoted = !quoted;
        line = *s == '\n' ? s + 1 : line;
        putchar(*s);
        if (!quoted && *s == '[' && s[1] == ']')
            printf("\n%*s", (int)strspn(line, " "), "");
    }
    putchar('\n');
    free(text);
}

static bool seen_before(char **names, int n, const char *name)
{
    struct stat a, b;

    for (int i = 0; i < n; i++)
        if (str_eq(names[i], name) || (stat(names[i], &a) == 0 && stat(name, &b) == 0 && S_ISREG(a.st_mode) && a.st_dev == b.st_dev && a.st_ino == b.st_ino))
            return true;
    return false;
}

int img_info(int argc, char **argv)
{
    static const struct option longs[] = { IMG_LONG, { "format", required_argument, NULL, 'f' }, { "backing-chain", no_argument, NULL, OPT_FIRST },
                                           { NULL, 0, NULL, 0 } };
    struct img   g     = { .fmt = NULL };
    struct error err   = ERROR_INIT;
    bool         chain = false;
    char        *names[BLK_CHAIN_MAX + 1], name[BLK_NAME_MAX], format[64] = "";
    int          c, ret = 0, depth = 0;
    json_t      *all = json_array();

    while (ret == 0 && (c = getopt_long(argc, argv, "f:Uh", longs, NULL)) != -1) {
        if (c == OPT_FIRST)
            chain = true;
        else
            ret = img_option(&g, c, "info");
    }
    if (ret != 0)
        return json_decref(all), ret - 1;
    if (optind != argc - 1)
        return json_decref(all), img_fail_text("Expecting one image file name");
    snprintf(name, sizeof name, "%s", argv[optind]);
    if (g.fmt != NULL)
        snprintf(format, sizeof format, "%s", g.fmt);
    g.share = true;                              /* a reader never stands in a writer's way */
    for (ret = 0; name[0] != '\0' && ret == 0; depth++) {
        struct facts     f;
        struct blk_node *n;

        if (depth >= BLK_CHAIN_MAX || seen_before(names, depth, name)) {
            ret = img_fail_text("Backing file '%s' creates an infinite loop.", name);
            break;
        }
        names[depth] = xstrdup(name);
        n = img_open(&g, name, format[0] ? format : NULL, BLK_NO_BACKING | BLK_NO_IO, NULL);
        if (n == NULL || gather(&f, n, n->filename[0] != '\0' ? n->filename : names[depth], &err) < 0) {
            ret = n == NULL ? 1 : img_fail(&err);
            if (n != NULL)
                release(&f), blk_unref(n);
            depth++;
            break;
        }
        if (g.json)
            json_array_append_new(all, facts_json(&f));
        else {
            if (depth > 0)
                printf("\n");
            print_text(&f);
        }
        snprintf(name, sizeof name, "%s", chain ? f.full : "");
        snprintf(format, sizeof format, "%s", n->backing_format);
        g.image_opts = false;
        release(&f);
        blk_unref(n);
    }
    if (g.json && ret == 0) {
        print_json(chain ? all : json_array_get(all, 0));
    }
    json_decref(all);
    for (int i = 0; i < depth; i++)
        free(names[i]);
    return ret;
}

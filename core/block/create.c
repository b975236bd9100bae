/* core/block/create.c - new image files: the protocol makes the file, the format writes its first bytes into it.
 *
 * What fails half-way is removed again, so that no half-written image lies about. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/file.h"
#include "core/block/node.h"

int blk_prealloc_parse(const char *s, enum blk_prealloc *p, struct error *err)
{
    static const char *const names[] = { "off", "metadata", "falloc", "full" };

    for (int i = 0; i < 4; i++) {
        if (str_eq(s, names[i])) {
            *p = (enum blk_prealloc)i;
            return 0;
        }
    }
    return error_set(err, EINVAL, "preallocation mode '%s' is none of off, metadata, falloc, full", s);
}

/* Gives every create option that was not set its default. */
static void set_defaults(const struct blk_driver *d, struct blk_opts *o)
{
    for (const struct blk_option *c = d->create_opts; c->name != NULL; c++)
        if (c->def != NULL && blk_opts_get(o, c->name) == NULL)
            blk_opts_set(o, c->name, c->def);
}

static int check_known(const struct blk_driver *d, const struct blk_opts *o, struct error *err)
{
    for (int i = 0; blk_opts_key(o, i) != NULL; i++) {
        const char              *key  = blk_opts_key(o, i);
        struct nearest           near = NEAREST_INIT(key);
        const struct blk_option *c;
        char                     hint[96];

        for (c = d->create_opts; c->name != NULL && !str_eq(c->name, key); c++)
            nearest_try(&near, c->name);
        if (c->name == NULL)
            return error_set(err, EINVAL, "Invalid parameter '%s'%s", key, nearest_hint(&near, hint, sizeof hint));
    }
    return 0;
}

/* Without a size the new image is as large as its backing file; with one, the backing file must at least open. */
static int ask_backing(struct blk_create *c, unsigned flags, struct error *err)
{
    char             full[BLK_NAME_MAX];
    struct blk_node *b;
    int              ret;

    ret = blk_path_combine(c->filename, c->backing, full, err);
    if (ret < 0)
        return ret;
    if (flags & BLK_NO_BACKING)
        return c->bytes != UINT64_MAX ? 0 : error_set(err, EINVAL, "Image creation needs a size parameter");
    b = blk_open(str_after(c->backing, "json:") != NULL ? c->backing : full, c->backing_format, NULL, BLK_NO_IO | BLK_SHARE, err);
    if (b == NULL) {
        error_append(err, "\nCould not open backing image.");
        return err != NULL && err->code ? err->code : -EIO;
    }
    if (c->bytes == UINT64_MAX)
        c->bytes = b->bytes;
    blk_unref(b);
    return 0;
}

static int make(struct blk_create *c, const struct blk_driver *d, struct error *err)
{
    struct blk_opts *none = blk_opts_new();
    int              ret;

    if (d == &blk_raw) {
        ret = blk_file.create(c, err);
        blk_opts_free(none);
        return ret;
    }
    struct blk_create file = { .filename = c->filename, .bytes = 0, .opts = none };
    char             *nocow = blk_opts_take(c->opts, "nocow");

    if (nocow != NULL)
        blk_opts_set(none, "nocow", nocow);
    free(nocow);
    ret = blk_file.create(&file, err);
    blk_opts_free(none);
    if (ret < 0)
        return ret;
    c->file = NULL;
    none    = blk_opts_new();
    blk_opts_set(none, "filename", c->filename);
    struct stat st;
    bool        device = stat(c->filename, &st) == 0 && S_ISBLK(st.st_mode);

    c->file = blk_open(NULL, device ? "host_device" : "file", none, BLK_RDWR | BLK_NO_FLUSH | BLK_UNMAP, err);
    blk_opts_free(none);
    if (c->file == NULL)
        return err != NULL && err->code ? err->code : -EIO;
    ret = d->create(c, err);
    if (ret == 0)
        ret = blk_opts_done(c->opts, d->name, NULL, err);
    blk_unref(c->file);
    return ret;
}

int blk_create_image(const char *filename, const char *format, uint64_t bytes, struct blk_opts *o, unsigned flags,
                     struct error *err)
{
    const struct blk_driver *d = blk_driver_find(format, NULL);
    struct blk_create        c = { .filename = filename, .bytes = bytes, .opts = o };
    char                    *backing = NULL, *backing_format = NULL;
    bool                     existed;
    int                      ret;

    if (d == NULL)
        return error_set(err, EINVAL, "Unknown file format '%s'", format);
    if (d->create == NULL || (d->flags & BLK_DRV_PROTOCOL))
        return error_set(err, ENOTSUP, "Format driver '%s' does not support image creation", format);
    if (str_after(filename, "file:") != NULL)
        c.filename = str_after(filename, "file:");
    ret = check_known(d, o, err);
    if (ret == 0)
        ret = blk_opts_take_size(o, "size", &c.bytes, err);
    if (ret < 0)
        return ret;
    backing        = blk_opts_take(o, "backing_file");
    backing_format = blk_opts_take(o, "backing_fmt");
    if (backing != NULL && backing[0] == '\0') {
        free(backing);
        backing = NULL;
    }
    c.backing        = backing;
    c.backing_format = backing_format;
    if (backing_format != NULL && blk_driver_find(backing_format, NULL) == NULL)
        ret = error_set(err, EINVAL, "Unknown backing file format '%s'", backing_format);
    else if (backing != NULL && str_eq(backing, filename))
        ret = error_set(err, EINVAL, "Error: Trying to create an image with the same filename as the backing file");
    else if (backing != NULL)
        ret = ask_backing(&c, flags, err);
    if (ret == 0 && backing != NULL && backing_format == NULL && !(flags & BLK_NO_BACKING))
        ret = error_set(err, EINVAL, "Backing file specified without backing format");
    if (ret == 0 && c.bytes == UINT64_MAX)
        ret = error_set(err, EINVAL, "Image creation needs a size parameter");
    if (ret == 0 && c.bytes > BLK_LENGTH_MAX)
        ret = error_set(err, EFBIG, "The image size is too large");
    if (ret == 0) {
        set_defaults(d, o);
        existed = access(c.filename, F_OK) == 0;
        ret     = make(&c, d, err);
        if (ret < 0 && !existed)
            unlink(c.filename);
    }
    free(backing);
    free(backing_format);
    return ret;
}

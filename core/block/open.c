/* core/block/open.c - from a name and options to a graph.
 *
 *   options common to all nodes -> driver (given, or by prefix, or by content) -> child `file` -> driver's open()
 *   -> backing chain. A failure at any step takes down what the earlier steps built. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/node.h"
#include "core/block/node_int.h"

static struct blk_node *open_node(const char *filename, const char *format, struct blk_opts *o, unsigned flags,
                                  struct blk_node *overlay, struct error *err);

static int take_flag(struct blk_opts *o, const char *key, unsigned *flags, unsigned bit, bool inverted, struct error *err)
{
    bool on = !!(*flags & bit) != inverted;
    int  ret = blk_opts_take_bool(o, key, &on, err);

    if (on != inverted)
        *flags |= bit;
    else
        *flags &= ~bit;
    return ret;
}

static int take_discard(struct blk_opts *o, unsigned *flags, struct error *err)
{
    static const char *const names[] = { "ignore", "off", "unmap", "on", NULL };
    int which = *flags & BLK_UNMAP ? 2 : 0;
    int ret   = blk_opts_take_enum(o, "discard", names, &which, err);

    *flags = which >= 2 ? *flags | BLK_UNMAP : *flags & ~(unsigned)BLK_UNMAP;
    return ret;
}

static int take_detect_zeroes(struct blk_opts *o, unsigned *flags, struct error *err)
{
    static const char *const names[] = { "off", "on", "unmap", NULL };
    int which = *flags & BLK_DETECT_UNMAP ? 2 : *flags & BLK_DETECT_ZEROES ? 1 : 0;
    int ret   = blk_opts_take_enum(o, "detect-zeroes", names, &which, err);

    *flags &= ~(unsigned)(BLK_DETECT_ZEROES | BLK_DETECT_UNMAP);
    *flags |= which >= 1 ? BLK_DETECT_ZEROES : 0;
    *flags |= which == 2 ? BLK_DETECT_UNMAP : 0;
    if (ret == 0 && which == 2 && !(*flags & BLK_UNMAP))
        ret = error_set(err, EINVAL, "detect-zeroes=unmap needs discard=unmap");
    return ret;
}

/* Options that every node has. */
static int take_common(struct blk_node *n, struct blk_opts *o, struct error *err)
{
    char *name = blk_opts_take(o, "node-name");
    int   ret  = 0;

    if (name != NULL && blk_find(name) != NULL)
        ret = error_set(err, EEXIST, "there is already a node named '%s'", name);
    else if (name != NULL && (strlen(name) >= sizeof n->name || name[0] == '\0' || name[0] == '#'))
        ret = error_set(err, EINVAL, "Invalid node-name: '%s'", name);
    else if (name != NULL) {
        snprintf(n->name, sizeof n->name, "%s", name);
        n->named = true;
    }
    free(name);
    if (ret == 0)
        ret = take_flag(o, "read-only", &n->flags, BLK_RDWR, true, err);
    if (ret == 0)
        ret = take_flag(o, "auto-read-only", &n->flags, BLK_AUTO_RDONLY, false, err);
    if (ret == 0)
        ret = take_flag(o, "cache.direct", &n->flags, BLK_DIRECT, false, err);
    if (ret == 0)
        ret = take_flag(o, "cache.no-flush", &n->flags, BLK_NO_FLUSH, false, err);
    if (ret == 0)
        ret = take_flag(o, "cache.writeback", &n->flags, BLK_WRITETHROUGH, true, err);
    if (ret == 0)
        ret = take_flag(o, "force-share", &n->flags, BLK_SHARE, false, err);
    if (ret == 0)
        ret = take_discard(o, &n->flags, err);
    if (ret == 0)
        ret = take_detect_zeroes(o, &n->flags, err);
    if (ret == 0 && (n->flags & BLK_SHARE) && (n->flags & BLK_RDWR))
        ret = error_set(err, EINVAL, "force-share=on can only be used with read-only images");
    return ret;
}

/* The protocol that a file name asks for; plain paths are files, device nodes are host devices. */
static const struct blk_driver *protocol_of(const char *filename, struct error *err)
{
    size_t      len = strcspn(filename, ":/");
    struct stat st;

    if (blk_has_protocol(filename) && stat(filename, &st) < 0) {
        for (int i = 0; all_blk_drivers[i] != NULL; i++) {
            const char *p = all_blk_drivers[i]->prefixes;

            while (p != NULL && *p != '\0') {
                size_t one = strcspn(p, " ");

                if (one == len && strncmp(p, filename, len) == 0)
                    return all_blk_drivers[i];
                p += one + (p[one] == ' ');
            }
        }
        error_set(err, ENOENT, "Unknown protocol '%.*s'", (int)len, filename);
        return NULL;
    }
    if (stat(filename, &st) == 0 && (S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode)))
        return blk_driver_find("host_device", err);
    return blk_driver_find("file", err);
}

struct blk_node *blk_open_child(struct blk_node *n, struct blk_opts *o, const char *key, const char *name,
                                const char *format, unsigned flags, struct error *err)
{
    char            *ref = blk_opts_take(o, key);
    struct blk_opts *sub = blk_opts_sub(o, key);
    struct blk_node *child = NULL;
    int              ret;

    (void)n;
    if (ref != NULL && ref[0] != '\0' && !blk_opts_any(sub)) {
        child = blk_find(ref);
        if (child != NULL)
            blk_ref(child);
        else
            error_set(err, ENOENT, "Cannot find device='' nor node-name='%s'", ref);
    } else {
        child = open_node(name, format, sub, flags, NULL, err);
        if (child != NULL) {
            char what[96];

            snprintf(what, sizeof what, "Block protocol '%s'", child->drv->name);
            ret = blk_opts_done(sub, what, NULL, err);
            if (ret < 0) {
                blk_unref(child);
                child = NULL;
            }
        }
    }
    free(ref);
    blk_opts_free(sub);
    return child;
}

/* The child `file` of a format or filter: by reference, by dotted options, or by the image's name. */
static int open_file(struct blk_node *n, const char *filename, struct blk_opts *o, struct error *err)
{
    bool        has_key  = blk_opts_get(o, "file") != NULL;
    const char *protocol = NULL;

    for (int i = 0; blk_opts_key(o, i) != NULL && !has_key; i++)
        has_key = str_after(blk_opts_key(o, i), "file.") != NULL;
    if (!has_key && filename == NULL)
        return error_set(err, EINVAL, "A block device must be specified for \"file\"");
    if (filename == NULL || has_key)
        filename = blk_opts_get(o, "file.filename");
    if (filename != NULL && blk_opts_get(o, "file.driver") == NULL) {
        const struct blk_driver *d = protocol_of(filename, err);

        if (d == NULL)
            return -ENOENT;
        protocol = d->name;
    }
    if (has_key)
        filename = NULL;
    /* A protocol writes what its format asks for; zero detection and discards are decided above. */
    n->file = blk_open_child(n, o, "file", filename, protocol,
                             (n->flags & ~(unsigned)(BLK_DETECT_ZEROES | BLK_DETECT_UNMAP | BLK_COPY_ON_READ)) | BLK_UNMAP, err);
    if (n->file == NULL)
        return err != NULL && err->code ? err->code : -EIO;
    if ((n->flags & BLK_AUTO_RDONLY) && !(n->file->flags & BLK_RDWR))
        n->flags &= ~(unsigned)BLK_RDWR;
    snprintf(n->filename, sizeof n->filename, "%s", n->file->filename);
    return 0;
}

/* A disk probed from nothing but content must not become another one by what is written into it (raw.c). */
static const struct blk_driver *driver_by_content(struct blk_node *file, struct error *err)
{
    uint8_t head[BLK_HEAD] = { 0 };
    size_t  len = file->bytes < BLK_HEAD ? (size_t)file->bytes : BLK_HEAD;
    int     ret = blk_read(file, 0, head, len);

    if (ret < 0) {
        error_set(err, ret, "Could not read image for determining its format: %s", strerror(-ret));
        return NULL;
    }
    return blk_probe(head, len, file->filename, NULL);
}

static bool same_file(const char *a, const char *b)
{
    struct stat sa, sb;

    if (str_eq(a, b))
        return true;
    return stat(a, &sa) == 0 && stat(b, &sb) == 0 && S_ISREG(sa.st_mode) && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

/* Refuses a backing file that is already part of the chain above it, or one link too many. */
static int check_chain(struct blk_node *overlay, const char *name, struct error *err)
{
    char text[400];
    int  depth = 1;

    for (struct blk_node *n = overlay; n != NULL; n = n->overlay, depth++) {
        if (same_file(n->filename, name))
            return error_set(err, ELOOP, "the backing chain is a circle: %s -> %s", blk_chain_text(overlay, text, sizeof text), name);
    }
    if (depth > BLK_CHAIN_MAX)
        return error_set(err, ELOOP, "the backing chain has more than %d images: %s", BLK_CHAIN_MAX,
                         blk_chain_text(overlay, text, sizeof text));
    return 0;
}

static int open_backing(struct blk_node *n, struct blk_opts *o, struct error *err)
{
    char            *ref = blk_opts_take(o, "backing");
    struct blk_opts *sub = blk_opts_sub(o, "backing");
    char             name[BLK_NAME_MAX], text[400];
    const char      *format = n->backing_format[0] ? n->backing_format : NULL;
    unsigned         flags  = n->flags & ~(unsigned)(BLK_RDWR | BLK_DETECT_ZEROES | BLK_DETECT_UNMAP | BLK_COPY_ON_READ |
                                                     BLK_TEMPORARY | BLK_UNMAP | BLK_PROBED);
    int              ret    = 0;

    name[0] = '\0';
    if ((n->flags & (BLK_NO_BACKING | BLK_NO_IO)) || (ref != NULL && ref[0] == '\0'))
        goto out;
    if (ref != NULL) {
        struct blk_node *b = blk_find(ref);

        if (b == NULL)
            ret = error_set(err, ENOENT, "Cannot find device='' nor node-name='%s'", ref);
        else
            n->backing = blk_ref(b);
        goto out;
    }
    ret = blk_full_backing_name(n, name, err);
    if (ret < 0 || (name[0] == '\0' && !blk_opts_any(sub)))
        goto out;
    bool own_file = false;

    for (int i = 0; blk_opts_key(sub, i) != NULL; i++)
        own_file |= str_after(blk_opts_key(sub, i), "file") != NULL;
    if (!own_file) {
        ret = check_chain(n, name, err);
        if (ret < 0)
            goto out;
    }
    if (format != NULL && str_after(name, "json:") != NULL)
        format = NULL;
    n->backing = open_node(own_file ? NULL : name, format, sub, flags, n, err);
    if (n->backing == NULL) {
        ret = err != NULL && err->code ? err->code : -EIO;
        if (err == NULL || strstr(err->text, "chain") == NULL)    /* told once, where it happened */
            error_prepend(err, "Could not open backing file '%s' (chain: %s): ", name, blk_chain_text(n, text, sizeof text));
    } else {
        ret = blk_opts_done(sub, "backing file", NULL, err);
    }
out:
    free(ref);
    blk_opts_free(sub);
    return ret;
}

static int open_driver(struct blk_node *n, struct blk_opts *o, struct error *err)
{
    int ret;

    n->priv = n->drv->bytes ? xcalloc(1, n->drv->bytes) : NULL;
    ret     = n->drv->open(n, o, err);
    if (ret < 0) {
        const struct blk_driver *d = n->drv;

        n->drv = NULL;                  /* nothing to close */
        if (err != NULL && !err->code)
            error_set(err, ret, "Could not open '%s' as %s: %s", n->filename, d->name, strerror(-ret));
        return ret;
    }
    if (n->drv->flags & BLK_DRV_BACKING)
        ret = open_backing(n, o, err);
    if (ret == 0 && n->backing != NULL && n->drv->check_backing != NULL)
        ret = n->drv->check_backing(n, false, err);
    if (ret == 0 && n->backing != NULL && (n->drv->flags & BLK_DRV_GROWS))
        ret = -EINVAL;
    return ret;
}

static int open_with(struct blk_node *n, const char *filename, const char *format, struct blk_opts *o, struct error *err)
{
    char *given = blk_opts_take(o, "driver");
    int   ret;

    if (given != NULL)
        format = given;
    n->drv = format != NULL ? blk_driver_find(format, err) : NULL;
    free(given);
    if (format != NULL && n->drv == NULL)
        return -ENOENT;
    if (n->drv == NULL && filename == NULL && (filename = blk_opts_get(o, "filename")) == NULL && blk_opts_get(o, "file") == NULL &&
        blk_opts_get(o, "file.filename") == NULL && blk_opts_get(o, "file.driver") == NULL)
        return error_set(err, EINVAL, "Must specify either driver or file");
    if (n->drv != NULL && (n->drv->flags & BLK_DRV_PROTOCOL)) {
        if (filename != NULL && n->drv->parse_name != NULL) {
            ret = n->drv->parse_name(filename, o, err);
            if (ret < 0)
                return ret;
        } else if (filename != NULL) {
            blk_opts_set(o, "filename", filename);
        }
        return open_driver(n, o, err);
    }
    ret = open_file(n, filename, o, err);
    if (ret < 0) {
        n->drv = NULL;
        return ret;
    }
    if (n->drv == NULL) {
        n->drv = driver_by_content(n->file, err);
        if (n->drv == NULL)
            return -EIO;
        n->flags |= BLK_PROBED;
    }
    return open_driver(n, o, err);
}

static struct blk_node *open_node(const char *filename, const char *format, struct blk_opts *o, unsigned flags,
                                  struct blk_node *overlay, struct error *err)
{
    struct blk_node *n = blk_node_new();
    struct blk_opts *own = o == NULL ? blk_opts_new() : NULL;
    int              ret = 0;

    n->flags   = flags;
    n->overlay = overlay;
    o          = own != NULL ? own : o;
    if (filename != NULL && str_after(filename, "json:") != NULL) {
        ret      = blk_opts_json(o, str_after(filename, "json:"), err);
        filename = NULL;
    }
    if (ret == 0)
        ret = take_common(n, o, err);
    if (ret == 0)
        ret = open_with(n, filename, format, o, err);
    n->overlay = NULL;
    if (ret == 0 && own != NULL)
        ret = blk_opts_done(own, n->drv->name, NULL, err);
    blk_opts_free(own);
    if (ret < 0) {
        blk_unref(n);
        return NULL;
    }
    return n;
}

/* copy-on-read=on of a drive: the filter goes on top. */
static struct blk_node *add_copy_on_read(struct blk_node *below, struct error *err)
{
    struct blk_opts *o = blk_opts_new();
    struct blk_node *n;

    blk_opts_set(o, "file", below->name);
    n = open_node(NULL, "copy-on-read", o, below->flags & ~(unsigned)(BLK_COPY_ON_READ | BLK_TEMPORARY | BLK_PROBED), NULL, err);
    blk_opts_free(o);
    blk_unref(below);                            /* the filter holds it now, or nobody does */
    return n;
}

struct blk_node *blk_open(const char *filename, const char *format, struct blk_opts *o, unsigned flags, struct error *err)
{
    struct blk_node *n = open_node(filename, format, o, flags & ~(unsigned)BLK_COPY_ON_READ, NULL, err);

    return n != NULL && (flags & BLK_COPY_ON_READ) ? add_copy_on_read(n, err) : n;
}

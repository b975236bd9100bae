/* core/block/drive.c - -drive and -blockdev: from the command line to a backend. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/backend_int.h"
#include "core/block/node.h"
#include "core/block/throttle.h"
#include "core/event/iothread.h"

static const char *const if_names[] = { "none", "ide", "scsi", "floppy", "pflash", "mtd", "sd", "virtio", "xen", NULL };
static const int         if_units[] = { 0, 2, 7, 0, 0, 0, 0, 0, 0 };      /* units on one bus; 0: any number */
static enum blk_if       default_if = BLK_IF_IDE;
static bool              snapshot_all;

void blk_drive_set_default_if(enum blk_if type)
{
    default_if = type;
}

void blk_drive_set_snapshot(bool on)
{
    snapshot_all = on;
}

int blk_cache_parse(const char *mode, unsigned *flags)
{
    static const struct { const char *name; unsigned flags; } modes[] = {
        { "writeback", 0 }, { "none", BLK_DIRECT }, { "off", BLK_DIRECT }, { "writethrough", BLK_WRITETHROUGH },
        { "directsync", BLK_DIRECT | BLK_WRITETHROUGH }, { "unsafe", BLK_NO_FLUSH },
    };

    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (str_eq(mode, modes[i].name)) {
            *flags = (*flags & ~(unsigned)(BLK_DIRECT | BLK_WRITETHROUGH | BLK_NO_FLUSH)) | modes[i].flags;
            return 0;
        }
    }
    return -EINVAL;
}

struct drive {
    struct blk_opts  *o;
    char             *file, *format, *id, *serial;
    unsigned          flags;
    int               type, bus, unit, media, werror, rerror;
    bool              snapshot;
    struct throttle_limits limits;
    char                  *group;
    struct blk_node  *root;
    struct error     *err;
    int               ret;
};

static int take_place(struct drive *d, struct error *err)
{
    uint64_t bus = UINT64_MAX, unit = UINT64_MAX, index = UINT64_MAX;
    int      ret = blk_opts_take_u64(d->o, "bus", &bus, err);

    if (ret == 0)
        ret = blk_opts_take_u64(d->o, "unit", &unit, err);
    if (ret == 0)
        ret = blk_opts_take_u64(d->o, "index", &index, err);
    if (ret < 0)
        return ret;
    if (index != UINT64_MAX && (bus != UINT64_MAX || unit != UINT64_MAX))
        return error_set(err, EINVAL, "index cannot be used with bus and unit");
    if ((bus != UINT64_MAX && bus > 255) || (unit != UINT64_MAX && unit > 65535) || (index != UINT64_MAX && index > 65535))
        return error_set(err, EINVAL, "bus, unit or index is too large");
    int per = if_units[d->type];

    d->bus  = bus == UINT64_MAX ? 0 : (int)bus;
    d->unit = unit == UINT64_MAX ? -1 : (int)unit;
    if (index != UINT64_MAX) {
        d->bus  = per ? (int)index / per : 0;
        d->unit = per ? (int)index % per : (int)index;
    }
    if (d->unit >= 0 && per && d->unit >= per)
        return error_set(err, EINVAL, "unit %d too big (max is %d)", d->unit, per - 1);
    if (d->unit < 0)
        for (d->unit = 0; d->type != BLK_IF_NONE && blk_backend_find_if((enum blk_if)d->type, d->bus, d->unit) != NULL;) {
            if (++d->unit == per) {
                d->unit = 0;
                d->bus++;
            }
        }
    else if (d->type != BLK_IF_NONE && blk_backend_find_if((enum blk_if)d->type, d->bus, d->unit) != NULL)
        return error_set(err, EEXIST, "drive with bus=%d, unit=%d (index=%d) exists", d->bus, d->unit,
                         (per ? d->bus * per : 0) + d->unit);
    return 0;
}

static int take_cache(struct drive *d, struct error *err)
{
    static const char *const aio[] = { "threads", "native", "io_uring", NULL };
    char *mode = blk_opts_take(d->o, "cache");
    int   ret  = 0, which = -1;

    if (mode != NULL && blk_cache_parse(mode, &d->flags) < 0)
        ret = error_set(err, EINVAL, "invalid cache option '%s'; it is one of none, writeback, writethrough, directsync, unsafe", mode);
    free(mode);
    if (ret == 0)
        ret = blk_opts_take_enum(d->o, "aio", aio, &which, err);
    if (which == 0)
        d->flags |= BLK_AIO_THREADS;
    if (ret == 0 && which == 1 && !(d->flags & BLK_DIRECT) && blk_opts_get(d->o, "cache.direct") == NULL)
        ret = error_set(err, EINVAL, "aio=native was specified, but it requires cache.direct=on, which was not specified.");
    return ret;
}

static int take_readonly(struct drive *d, struct error *err)
{
    bool ro  = d->media == 1;
    int  ret = blk_opts_take_bool(d->o, "readonly", &ro, err);

    if (ret == 0)
        ret = blk_opts_take_bool(d->o, "read-only", &ro, err);
    if (ret == 0 && d->media == 1)
        ro = true;
    d->flags = ro ? d->flags & ~(unsigned)BLK_RDWR : d->flags | BLK_RDWR;
    return ret;
}

static int drive_take(struct drive *d, struct error *err)
{
    static const char *const media[]  = { "disk", "cdrom", NULL };
    static const char *const errors[] = { "report", "ignore", "stop", "enospc", NULL };
    bool cor = false;
    int  ret;

    d->type   = (int)default_if;
    d->werror = BLK_ERR_ENOSPC;
    d->rerror = BLK_ERR_REPORT;
    d->flags  = BLK_UNMAP;
    d->snapshot = snapshot_all;
    d->file   = blk_opts_take(d->o, "file");
    d->format = blk_opts_take(d->o, "format");
    d->id     = blk_opts_take(d->o, "id");
    d->serial = blk_opts_take(d->o, "serial");
    d->group  = blk_opts_take(d->o, "throttling.group");
    if (d->group == NULL)
        d->group = blk_opts_take(d->o, "group");
    free(blk_opts_take(d->o, "addr"));
    ret = blk_opts_take_enum(d->o, "if", if_names, &d->type, err);
    if (ret == 0)
        ret = blk_opts_take_enum(d->o, "media", media, &d->media, err);
    if (ret == 0)
        ret = blk_opts_take_enum(d->o, "werror", errors, &d->werror, err);
    if (ret == 0)
        ret = blk_opts_take_enum(d->o, "rerror", errors, &d->rerror, err);
    if (ret == 0 && d->rerror == BLK_ERR_ENOSPC)
        ret = error_set(err, EINVAL, "'enospc' is invalid read error action");
    if (ret == 0)
        ret = blk_opts_take_bool(d->o, "snapshot", &d->snapshot, err);
    if (ret == 0)
        ret = blk_opts_take_bool(d->o, "copy-on-read", &cor, err);
    if (ret == 0)
        ret = take_readonly(d, err);
    if (ret == 0)
        ret = take_cache(d, err);
    if (ret == 0)
        ret = take_place(d, err);
    if (ret == 0)
        ret = throttle_take_options(d->o, "", &d->limits, err);
    if (ret == 0)
        ret = throttle_take_options(d->o, "throttling.", &d->limits, err);
    if (cor)
        d->flags |= BLK_COPY_ON_READ;
    if (ret == 0 && cor && !(d->flags & BLK_RDWR))
        ret = error_set(err, EINVAL, "copy-on-read needs a writable drive");
    d->flags &= ~(unsigned)BLK_UNMAP;           /* -drive's default is discard=ignore */
    return ret;
}

struct blk_node *blk_overlay(struct blk_node *base, unsigned flags, struct error *err)
{
    const char      *folder = getenv("TMPDIR");
    char            *name   = xasprintf("%s/rhea-snapshot-XXXXXX", folder != NULL && *folder ? folder : "/var/tmp");
    int              fd     = mkstemp(name);
    struct blk_opts *o      = blk_opts_new();
    struct blk_node *top    = NULL;

    if (fd < 0) {
        error_errno(err, "Could not get temporary filename '%s'", name);
    } else {
        close(fd);
        if (blk_create_image(name, "qcow2", base->bytes, o, 0, err) >= 0)
            top = blk_open(name, "qcow2", NULL, (flags & ~(unsigned)BLK_DIRECT) | BLK_RDWR | BLK_NO_FLUSH | BLK_UNMAP | BLK_NO_BACKING, err);
        unlink(name);
    }
    free(name);
    blk_opts_free(o);
    if (top != NULL)
        top->backing = base;
    return top;
}

static void drive_open(void *arg)
{
    struct drive *d     = arg;
    unsigned      flags = d->snapshot ? d->flags & ~(unsigned)BLK_RDWR : d->flags;

    d->root = blk_open(d->file, d->format, d->o, flags, d->err);
    if (d->root == NULL) {
        d->ret = d->err != NULL && d->err->code ? d->err->code : -EIO;
        return;
    }
    d->ret = blk_opts_done(d->o, "a drive", (const char *const[]){ "file", "format", "if", "index", "media", "cache", "aio", "discard",
                           "detect-zeroes", "readonly", "snapshot", "werror", "rerror", "id", "serial", "bps", "iops", NULL }, d->err);
    if (d->ret == 0 && d->snapshot) {
        struct blk_node *top = blk_overlay(d->root, d->flags, d->err);

        if (top != NULL)
            d->root = top;
        d->ret = top == NULL ? -EIO : 0;
    }
    if (d->ret < 0)
        blk_unref(d->root);
}

static void default_id(const struct drive *d, char *id, size_t bytes)
{
    const char *what = d->media == 1 ? "cd" : "hd";

    if (if_units[d->type] > 0)
        snprintf(id, bytes, "%s%d-%s%d", if_names[d->type], d->bus, what, d->unit);
    else if (d->media == 1)
        snprintf(id, bytes, "%s%d-cd%d", if_names[d->type], d->bus, d->unit);
    else
        snprintf(id, bytes, "%s%d", if_names[d->type], d->unit);
}

static bool wants_medium(const struct drive *d)
{
    return (d->file != NULL && d->file[0] != '\0') || blk_opts_any(d->o);
}

struct blk_backend *blk_drive_add(const char *text, struct error *err)
{
    struct drive        d    = { .o = blk_opts_new(), .err = err };
    struct blk_backend *b    = NULL;
    struct io_loop     *loop = io_default(err);
    char                id[64];
    int                 ret  = loop != NULL ? blk_opts_parse(d.o, text, "file", err) : -EIO;

    if (ret == 0)
        ret = drive_take(&d, err);
    if (ret == 0) {
        if (d.id != NULL)
            snprintf(id, sizeof id, "%s", d.id);
        else
            default_id(&d, id, sizeof id);
        if (backend_find(id) != NULL || blk_find(id) != NULL)
            ret = error_set(err, EEXIST, "Duplicate ID '%s' for drive", id);
    }
    if (ret == 0 && wants_medium(&d)) {
        struct blk_node *named = d.file != NULL ? blk_find(d.file) : NULL;

        if (named != NULL) {                    /* file=NODE-NAME */
            d.root = blk_ref(named);
        } else {
            blk_run_on(loop, drive_open, &d);
            ret = d.ret;
        }
    }
    if (ret == 0) {
        b = backend_new(id, d.root, loop);
        b->type   = (enum blk_if)d.type;
        b->bus    = d.bus;
        b->unit   = d.unit;
        b->cdrom  = d.media == 1;
        b->werror = (enum blk_on_error)d.werror;
        b->rerror = (enum blk_on_error)d.rerror;
        b->serial = d.serial;
        d.serial  = NULL;
        if (d.group != NULL)
            b->throttle = throttle_group_get(d.group, &d.limits, NULL);
        else if (throttle_any(&d.limits))
            b->throttle = throttle_new(&d.limits);
    }
    free(d.file);
    free(d.format);
    free(d.id);
    free(d.serial);
    free(d.group);
    blk_opts_free(d.o);
    return b;
}

struct blockdev {
    struct blk_opts *o;
    struct error    *err;
    int              ret;
};

static void blockdev_open(void *arg)
{
    struct blockdev *d = arg;
    struct blk_node *n = blk_open(NULL, NULL, d->o, BLK_RDWR, d->err);

    d->ret = n == NULL ? -EIO : blk_opts_done(d->o, n->drv->name, NULL, d->err);
    if (n != NULL && d->ret < 0)
        blk_unref(n);
    else if (n != NULL)
        n->held_by_name = true;
}

int blk_blockdev_add(const char *text, struct error *err)
{
    struct blockdev d    = { .o = blk_opts_new(), .err = err };
    struct io_loop *loop = io_default(err);
    int             ret  = loop == NULL ? -EIO : text[0] == '{' ? blk_opts_json(d.o, text, err) : blk_opts_parse(d.o, text, NULL, err);

    if (ret == 0 && blk_opts_get(d.o, "driver") == NULL)
        ret = error_set(err, EINVAL, "Parameter 'driver' is missing");
    if (ret == 0 && blk_opts_get(d.o, "node-name") == NULL)
        ret = error_set(err, EINVAL, "'node-name' must be specified for the root node");
    if (ret == 0 && backend_find(blk_opts_get(d.o, "node-name")) != NULL)
        ret = error_set(err, EEXIST, "node-name=%s is conflicting with a device id", blk_opts_get(d.o, "node-name"));
    if (ret == 0) {
        blk_run_on(loop, blockdev_open, &d);
        ret = d.ret;
    }
    blk_opts_free(d.o);
    return ret;
}

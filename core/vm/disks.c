/* core/vm/disks.c - drives of the command line: images for the block layer, and devices for those that name none. */
#include "core/vm/disks.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/backend.h"
#include "core/block/objects.h"
#include "core/event/loop.h"
#include "core/opt/optlist.h"
#include "core/vm/machine.h"

/* The words of a -drive again: -hda and its kin have become lists without a text of their own. */
static char *drive_words(struct optlist *l)
{
    struct str s = STR_INIT;

    for (size_t i = 0; i < optlist_count(l); i++) {
        str_addf(&s, "%s%s=", i ? "," : "", optlist_key(l, i));
        for (const char *c = optlist_value(l, i); *c; c++) {
            str_addc(&s, *c);
            if (*c == ',')
                str_addc(&s, ',');
        }
        optlist_use(l, i);
    }
    return str_take(&s);
}

static int open_drive(struct optlist *l, struct error *err)
{
    char *words = drive_words(l);
    struct blk_backend *b = blk_drive_add(words, err);

    free(words);
    return b ? 0 : -EINVAL;
}

static void stop_for_io(void *opaque)
{
    machine_stop(opaque, RUN_IO_ERROR);
}

static void on_io_error(struct blk_backend *b, bool write, int error, bool stopped)
{
    struct machine *m = machine_the_one();

    if (!stopped || !m)
        return;
    warn_say("disk '%s': %s failed: %s; the machine waits: mend it and say 'cont'", blk_backend_id(b),
             write ? "a write" : "a read", strerror(error < 0 ? -error : error));
    loop_call(m->loop, stop_for_io, m);
}

static void on_state(void *opaque, enum run_state now)
{
    (void)opaque;
    if (now == RUN_RUNNING)
        blk_resume_all();
}

int disks_open(struct machine *m, struct error *err)
{
    const struct sys_options *o = m->opts;
    int ret = 0;

    blk_drive_set_snapshot(o->snapshot);
    blk_drive_set_default_if(BLK_IF_VIRTIO);
    blk_set_pause_hook(on_io_error);
    machine_on_state(m, on_state, NULL);
    for (size_t i = 0; i < o->blockdevs.count && ret == 0; i++)
        ret = blk_blockdev_add(optlist_text(o->blockdevs.at[i]), err);
    for (size_t i = 0; i < o->drives.count && ret == 0; i++)
        ret = open_drive(o->drives.at[i], err);
    return ret;
}

int disks_add_devices(struct machine *m, struct error *err)
{
    int ret = 0;

    for (struct blk_backend *b = NULL; ret == 0 && (b = blk_backend_next(b));) {
        struct optlist *l;

        enum blk_if where = blk_backend_if(b);

        if (where != BLK_IF_VIRTIO && where != BLK_IF_NONE && where != BLK_IF_PFLASH)
            return error_set(err, ENODEV, "drive '%s': machine '%s' has no such place for it; use if=virtio, or if=none and -device",
                             blk_backend_id(b), m->type->name);
        if (where != BLK_IF_VIRTIO)
            continue;
        if (!m->type->disk_device)
            return error_set(err, ENODEV, "machine '%s' has no disk of its own; use -drive if=none and -device", m->type->name);
        l = optlist_new("-drive");
        optlist_set(l, "driver", m->type->disk_device);
        optlist_set(l, "drive", blk_backend_id(b));
        ret = device_add(m->board, l, err);
        optlist_free(l);
    }
    return ret;
}

void disks_close(void)
{
    blk_close_all();
    blk_iothreads_end();
}

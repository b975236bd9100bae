/* core/vm/savevm.c - which disks take part, in which order, and the pipe between the machine's state and an image. */
#include "core/vm/savevm.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/backend.h"
#include "core/block/node.h"
#include "core/vm/machine.h"
#include "core/vm/machine_state.h"

enum { PIPE_BYTES = 1 << 20 };

/* --- what is done to one disk, on its I/O thread ----------------------------------------------------------------- */

enum verb { SNAP_LIST, SNAP_CREATE, SNAP_APPLY, SNAP_DELETE, STATE_WRITE, STATE_READ };

struct op {
    enum verb verb;
    struct blk_node *n;
    const char *id;
    struct blk_snapshot *snap; /* SNAP_CREATE: in; SNAP_LIST: out, to free() */
    uint64_t off;
    void *buf;
    size_t len;
    int ret;
    struct error *err;
};

static void run_op(void *arg)
{
    struct op *o = arg;
    const struct blk_driver *d = o->n->drv;

    switch (o->verb) {
    case SNAP_LIST:
        o->ret = d->snap_list(o->n, &o->snap, o->err);
        break;
    case SNAP_CREATE:
        o->ret = d->snap_create(o->n, o->snap, o->err);
        break;
    case SNAP_APPLY:
        o->ret = d->snap_apply(o->n, o->id, o->err);
        break;
    case SNAP_DELETE:
        o->ret = d->snap_delete(o->n, o->id, o->err);
        break;
    case STATE_WRITE:
        o->ret = d->vmstate_write(o->n, o->off, BLK_FLAT(o->buf, o->len));
        break;
    case STATE_READ:
        o->ret = d->snap_state(o->n, o->id, o->off, BLK_FLAT(o->buf, o->len));
        break;
    }
}

static int disk_do(struct blk_backend *b, struct op o)
{
    o.n = blk_backend_top(b);
    blk_run(b, run_op, &o);
    return o.ret;
}

/* The snapshot of a name on a disk; false if it has none. */
static bool find(struct blk_backend *b, const char *name, struct blk_snapshot *out)
{
    struct op o = { .verb = SNAP_LIST, .n = blk_backend_top(b) };
    bool found = false;

    blk_run(b, run_op, &o);
    for (int i = 0; i < o.ret && !found; i++) {
        found = str_eq(o.snap[i].name, name);
        if (found)
            *out = o.snap[i];
    }
    free(o.snap);
    return found;
}

/* --- which disks ------------------------------------------------------------------------------------------------- */

static bool takes_part(struct blk_backend *b)
{
    return blk_backend_has_medium(b) && !blk_backend_readonly(b);
}

static struct blk_backend *next_disk(struct blk_backend *b)
{
    do
        b = blk_backend_next(b);
    while (b && !takes_part(b));
    return b;
}

/* The disk that keeps the machine's state, if every writable disk can do what is asked. */
static struct blk_backend *state_disk(struct error *err)
{
    struct blk_backend *first = next_disk(NULL);

    for (struct blk_backend *b = first; b; b = next_disk(b)) {
        struct blk_node *n = blk_backend_top(b);

        if (!n->drv->snap_create || !n->drv->snap_state) {
            error_set(err, ENOTSUP, "Device '%s' is writable but does not support snapshots: its format is %s, not qcow2; convert it, or make it readonly=on",
                      blk_backend_id(b), n->drv->name);
            return NULL;
        }
        if (blk_backend_waits(b)) {
            error_set(err, EBUSY, "disk '%s' has failed requests that wait; mend it and say 'cont' first", blk_backend_id(b));
            return NULL;
        }
    }
    if (!first)
        error_set(err, ENODEV, "No block device can accept snapshots: the machine needs a writable disk of format qcow2");
    return first;
}

/* --- the pipe ---------------------------------------------------------------------------------------------------- */

/* Bytes between machine_state.c and the space behind a disk. */
struct pipe {
    struct blk_backend *disk;
    const char *id;      /* reading: the snapshot */
    uint64_t off, end;   /* of buf[0] in the state; reading: where it ends */
    size_t have, at;     /* reading: bytes in buf, and how many are taken; writing: bytes in buf */
    uint8_t *buf;
};

static int pipe_flush(struct pipe *p)
{
    size_t whole = (p->have + 4095) & ~(size_t)4095; /* an encrypted disk is written in sectors */
    int ret;

    memset(p->buf + p->have, 0, whole - p->have);
    ret = p->have ? disk_do(p->disk, (struct op){ .verb = STATE_WRITE, .off = p->off, .buf = p->buf, .len = whole }) : 0;
    p->off += p->have;
    p->have = 0;
    return ret;
}

static int pipe_put(void *opaque, const void *bytes, size_t len)
{
    struct pipe *p = opaque;
    const uint8_t *from = bytes;
    int ret = 0;

    while (len && ret == 0) {
        size_t n = PIPE_BYTES - p->have < len ? PIPE_BYTES - p->have : len;

        memcpy(p->buf + p->have, from, n);
        p->have += n;
        from += n;
        len -= n;
        if (p->have == PIPE_BYTES)
            ret = pipe_flush(p);
    }
    return ret;
}

static int pipe_fill(struct pipe *p)
{
    p->off += p->have;
    p->at = 0;
    p->have = p->end - p->off < PIPE_BYTES ? (size_t)(p->end - p->off) : PIPE_BYTES;
    if (!p->have)
        return -ENODATA;
    return disk_do(p->disk, (struct op){ .verb = STATE_READ, .id = p->id, .off = p->off, .buf = p->buf, .len = p->have });
}

static int pipe_get(void *opaque, void *bytes, size_t len)
{
    struct pipe *p = opaque;
    uint8_t *to = bytes;

    while (len) {
        size_t n = p->have - p->at < len ? p->have - p->at : len;
        int ret = n ? 0 : pipe_fill(p);

        if (ret < 0)
            return ret;
        memcpy(to, p->buf + p->at, n);
        p->at += n;
        to += n;
        len -= n;
    }
    return 0;
}

/* --- save -------------------------------------------------------------------------------------------------------- */

static void name_by_time(char *name, size_t bytes)
{
    time_t now = time(NULL);
    struct tm tm;

    strftime(name, bytes, "vm-%Y%m%d%H%M%S", localtime_r(&now, &tm));
}

static int delete_everywhere(const char *name, unsigned *count, struct error *err)
{
    struct blk_snapshot s;
    int ret = 0;

    for (struct blk_backend *b = next_disk(NULL); b && ret == 0; b = next_disk(b)) {
        if (!blk_backend_top(b)->drv->snap_delete || !find(b, name, &s))
            continue;
        ret = disk_do(b, (struct op){ .verb = SNAP_DELETE, .id = s.id, .err = err });
        *count += ret == 0;
    }
    return ret;
}

static int write_state(struct machine *m, struct blk_backend *disk, uint64_t *bytes, struct error *err)
{
    struct pipe p = { .disk = disk, .buf = xmemalign(4096, PIPE_BYTES) };
    struct state_pipe to = { .put = pipe_put, .opaque = &p };
    int ret = machine_state_save(m, &to, err);

    if (ret == 0 && (ret = pipe_flush(&p)) < 0)
        error_set(err, ret, "the machine's state cannot be written to disk '%s': %s", blk_backend_id(disk), strerror(-ret));
    *bytes = p.off;
    free(p.buf);
    return ret;
}

static int snapshot_disks(struct blk_backend *first, const char *name, uint64_t state_bytes, uint64_t clock_ns, struct error *err)
{
    unsigned undone = 0;
    int ret = 0;

    for (struct blk_backend *b = first; b && ret == 0; b = next_disk(b)) {
        struct blk_snapshot s = { .vm_state_bytes = b == first ? state_bytes : 0, .vm_clock_ns = clock_ns };

        snprintf(s.name, sizeof(s.name), "%s", name);
        ret = disk_do(b, (struct op){ .verb = SNAP_CREATE, .snap = &s, .err = err });
        if (ret < 0) {
            error_prepend(err, "disk '%s': ", blk_backend_id(b));
            delete_everywhere(name, &undone, NULL); /* all disks or none */
        }
    }
    return ret;
}

static int save_stopped(struct machine *m, struct blk_backend *first, const char *name, struct error *err)
{
    uint64_t bytes;
    unsigned old = 0;
    int ret;

    blk_drain_all();
    ret = blk_flush_all();
    if (ret < 0)
        return error_set(err, ret, "the disks cannot be flushed: %s", strerror(-ret));
    ret = write_state(m, first, &bytes, err);
    if (ret == 0)
        ret = delete_everywhere(name, &old, err);
    if (ret == 0)
        ret = snapshot_disks(first, name, bytes, (uint64_t)clock_virtual_ns(m->board->clocks), err);
    return ret;
}

int savevm_save(struct machine *m, const char *name, struct error *err)
{
    struct blk_backend *first = state_disk(err);
    enum run_state before = m->state;
    char made[32];
    int ret;

    if (!first)
        return err->code;
    if (!name) {
        name_by_time(made, sizeof(made));
        name = made;
    }
    if (strlen(name) >= sizeof(((struct blk_snapshot *)0)->name))
        return error_set(err, ENAMETOOLONG, "a snapshot's tag has at most 255 bytes");
    machine_stop(m, RUN_SAVE);
    ret = save_stopped(m, first, name, err);
    if (before == RUN_RUNNING)
        machine_cont(m);
    else
        machine_stop(m, before);
    return ret;
}

/* --- load -------------------------------------------------------------------------------------------------------- */

static int all_have(struct blk_backend *first, const char *name, struct blk_snapshot *s, struct error *err)
{
    struct blk_snapshot other;

    if (!find(first, name, s))
        return error_set(err, ENOENT, "Snapshot '%s' does not exist in one or more devices: disk '%s' has none of that name", name,
                         blk_backend_id(first));
    if (s->vm_state_bytes == 0)
        return error_set(err, EINVAL, "This is a disk-only snapshot. Revert to it offline using rhea-img");
    for (struct blk_backend *b = next_disk(first); b; b = next_disk(b))
        if (!find(b, name, &other))
            return error_set(err, ENOENT, "Snapshot '%s' does not exist in one or more devices: disk '%s' has none of that name", name,
                             blk_backend_id(b));
    return 0;
}

static int apply_disks(struct blk_backend *first, const char *name, struct error *err)
{
    int ret = 0;

    for (struct blk_backend *b = first; b && ret == 0; b = next_disk(b)) {
        struct blk_snapshot s;

        if (!find(b, name, &s))
            return error_set(err, ENOENT, "disk '%s' has lost snapshot '%s'", blk_backend_id(b), name);
        ret = disk_do(b, (struct op){ .verb = SNAP_APPLY, .id = s.id, .err = err });
        if (ret < 0)
            error_prepend(err, "disk '%s': ", blk_backend_id(b));
    }
    return ret;
}

int savevm_load(struct machine *m, const char *name, struct error *err)
{
    struct blk_backend *first = state_disk(err);
    enum run_state before = m->state;
    struct blk_snapshot s;
    struct pipe p = { .disk = first };
    struct state_pipe from = { .get = pipe_get, .opaque = &p };
    int ret;

    if (!first)
        return err->code;
    ret = all_have(first, name, &s, err);
    if (ret < 0)
        return ret;
    p.id = s.id;
    p.end = s.vm_state_bytes;
    p.buf = xmemalign(4096, PIPE_BYTES);
    ret = machine_state_check(m, &from, err);
    if (ret == 0) {
        machine_stop(m, RUN_RESTORE);
        machine_reset(m);
        blk_drain_all();
        ret = apply_disks(first, name, err);
        if (ret == 0)
            ret = machine_state_load(m, &from, err);
        if (ret < 0)
            machine_reset(m);
        if (ret == 0 && before == RUN_RUNNING)
            machine_cont(m);
        else
            machine_stop(m, before == RUN_PRELAUNCH ? before : RUN_PAUSED);
    }
    free(p.buf);
    return ret;
}

/* --- the rest ---------------------------------------------------------------------------------------------------- */

int savevm_delete(const char *name, struct error *err)
{
    unsigned count = 0;
    int ret = delete_everywhere(name, &count, err);

    return ret == 0 && !count ? error_set(err, ENOENT, "there is no snapshot '%s'; `info snapshots` lists them", name) : ret;
}

int savevm_list(FILE *to, struct error *err)
{
    struct blk_backend *first = state_disk(err);
    struct op o = { .verb = SNAP_LIST, .err = err };
    int shown = 0;

    if (!first)
        return err->code;
    o.n = blk_backend_top(first);
    blk_run(first, run_op, &o);
    for (int i = 0; i < o.ret; i++) {
        struct blk_snapshot other;
        bool everywhere = o.snap[i].vm_state_bytes != 0;

        for (struct blk_backend *b = next_disk(first); b && everywhere; b = next_disk(b))
            everywhere = find(b, o.snap[i].name, &other);
        if (everywhere)
            o.snap[shown++] = o.snap[i];
    }
    if (shown) {
        fprintf(to, "List of snapshots present on all disks:\n");
        blk_snapshots_print(o.snap, shown, true, to);
    } else {
        fprintf(to, "There is no snapshot available.\n");
    }
    free(o.snap);
    return o.ret < 0 ? o.ret : 0;
}

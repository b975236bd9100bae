/* core/block/objects.c - which object types there are, and the list of I/O threads. */
#include "core/block/objects.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/crypt.h"
#include "core/block/opts.h"
#include "core/block/throttle.h"
#include "core/block/tls_creds.h"
#include "core/event/iothread.h"

struct thread {
    struct thread   *next;
    char            *id;
    struct iothread *io;
};

static struct thread *threads;

static int iothread_add(struct blk_opts *o, struct error *err)
{
    char          *id = blk_opts_take(o, "id");
    struct thread *t;
    int            ret = id == NULL ? error_set(err, EINVAL, "Parameter 'id' is missing") : blk_opts_done(o, "iothread", NULL, err);

    for (t = threads; t != NULL && ret == 0; t = t->next)
        if (str_eq(t->id, id))
            ret = error_set(err, EEXIST, "attempt to add duplicate property '%s' to object (type 'container')", id);
    if (ret == 0) {
        t       = NEW(struct thread);
        t->io   = iothread_new(id, err);
        t->id   = id;
        t->next = threads;
        ret     = t->io == NULL ? -EIO : 0;
        if (ret == 0) {
            threads = t;
            return 0;
        }
        free(t);
    }
    free(id);
    return ret;
}

struct io_loop *blk_iothread_find(const char *id, struct error *err)
{
    struct nearest near = NEAREST_INIT(id);
    char           hint[96];

    for (struct thread *t = threads; t != NULL; t = t->next) {
        if (str_eq(t->id, id))
            return iothread_loop(t->io);
        nearest_try(&near, t->id);
    }
    error_set(err, ENOENT, "there is no iothread '%s'%s; make one with -object iothread,id=%s", id, nearest_hint(&near, hint, sizeof hint), id);
    return NULL;
}

void blk_iothreads_end(void)
{
    while (threads != NULL) {
        struct thread *t = threads;

        threads = t->next;
        iothread_free(t->io);
        free(t->id);
        free(t);
    }
}

const char *const blk_object_types[] = { "secret", "tls-creds-x509", "tls-creds-psk", "throttle-group", "iothread", NULL };

bool blk_object_is(const char *type)
{
    for (const char *const *t = blk_object_types; *t; t++)
        if (str_eq(type, *t))
            return true;
    return false;
}

int blk_object_add(struct blk_opts *o, struct error *err)
{
    char          *type = blk_opts_take(o, "qom-type"), hint[96];
    struct nearest near = NEAREST_INIT(type != NULL ? type : "");
    int            ret;

    for (const char *const *t = blk_object_types; *t; t++)
        nearest_try(&near, *t);
    if (type == NULL)
        ret = error_set(err, EINVAL, "--object needs a type: --object secret,id=NAME,data=TEXT");
    else if (str_eq(type, "secret"))
        ret = secret_add(o, err);
    else if (str_eq(type, "tls-creds-x509") || str_eq(type, "tls-creds-psk"))
        ret = blk_tls_creds_add(type, o, err);
    else if (str_eq(type, "throttle-group"))
        ret = throttle_group_add(o, err);
    else if (str_eq(type, "iothread"))
        ret = iothread_add(o, err);
    else
        ret = error_set(err, ENOENT, "invalid object type: %s%s", type, nearest_hint(&near, hint, sizeof hint));
    free(type);
    return ret;
}

#include "core/vm/objects.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/objects.h"
#include "core/block/opts.h"
#include "core/opt/options.h"
#include "core/opt/optlist.h"

struct rng_source {
    struct rng_source *next;
    char *id;
    int fd;                                    /* -1: the kernel's own */
};

static struct rng_source *sources;

static const char *const rng_types[] = { "rng-random", "rng-builtin", NULL };

static bool is_rng(const char *type) { return str_eq(type, rng_types[0]) || str_eq(type, rng_types[1]); }

struct rng_source *rng_find(const char *id, struct error *err)
{
    struct nearest near = NEAREST_INIT(id);
    char hint[96];

    for (struct rng_source *r = sources; r; r = r->next) {
        if (str_eq(r->id, id))
            return r;
        nearest_try(&near, r->id);
    }
    error_set(err, ENOENT, "there is no random source '%s'%s; make one with -object rng-random,id=%s,filename=/dev/urandom", id,
              nearest_hint(&near, hint, sizeof hint), id);
    return NULL;
}

size_t rng_read(struct rng_source *r, void *to, size_t n)
{
    ssize_t got;

    do
        got = r && r->fd >= 0 ? read(r->fd, to, n) : getrandom(to, n, 0);
    while (got < 0 && errno == EINTR);
    return got < 0 ? 0 : (size_t)got;
}

static int rng_add(struct optlist *l, const char *type, struct error *err)
{
    const char *id = optlist_need(l, "id", err), *file = NULL;
    struct rng_source *r;

    if (!id)
        return -EINVAL;
    for (r = sources; r; r = r->next)
        if (str_eq(r->id, id))
            return optlist_error(l, err, EEXIST, "there is an object '%s' already; choose another id", id);
    if (str_eq(type, rng_types[0])) {
        file = optlist_get(l, "filename");
        file = file ? file : "/dev/urandom";
    }
    if (optlist_done(l, err) < 0)
        return -EINVAL;
    r = NEW(struct rng_source);
    r->fd = file ? open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
    if (file && r->fd < 0) {
        free(r);
        return error_errno(err, "-object %s: cannot open '%s'", optlist_text(l), file);
    }
    r->id = xstrdup(id);
    r->next = sources;
    sources = r;
    return 0;
}

static int block_object(struct optlist *l, struct error *err)
{
    struct blk_opts *o = blk_opts_new();
    int ret;

    for (size_t k = 0; k < optlist_count(l); k++) {
        blk_opts_set(o, optlist_key(l, k), optlist_value(l, k));
        optlist_use(l, k);
    }
    ret = blk_object_add(o, err);
    blk_opts_free(o);
    if (ret < 0)
        error_prepend(err, "-object %s: ", optlist_text(l));
    return ret;
}

static int unknown(struct optlist *l, const char *type, struct error *err)
{
    struct nearest near = NEAREST_INIT(type);
    char hint[96];

    for (const char *const *t = blk_object_types; *t; t++)
        nearest_try(&near, *t);
    for (const char *const *t = rng_types; *t; t++)
        nearest_try(&near, *t);
    return optlist_error(l, err, ENOENT, "there is no object type '%s'%s (-object help lists them)", type,
                         nearest_hint(&near, hint, sizeof hint));
}

int objects_add(const struct sys_options *o, struct error *err)
{
    int ret = 0;

    for (size_t i = 0; i < o->objects.count && ret == 0; i++) {
        struct optlist *l = o->objects.at[i];
        const char *type = optlist_need(l, "qom-type", err);

        if (!type)
            return -EINVAL;
        ret = is_rng(type) ? rng_add(l, type, err) : blk_object_is(type) ? block_object(l, err) : unknown(l, type, err);
    }
    return ret;
}

void objects_end(void)
{
    while (sources) {
        struct rng_source *r = sources;

        sources = r->next;
        if (r->fd >= 0)
            close(r->fd);
        free(r->id);
        free(r);
    }
}

void objects_help(FILE *to)
{
    fputs("List of user creatable objects:\n", to);
    for (const char *const *t = blk_object_types; *t; t++)
        fprintf(to, "  %s\n", *t);
    for (const char *const *t = rng_types; *t; t++)
        fprintf(to, "  %s\n", *t);
}

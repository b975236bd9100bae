/* core/block/tls_creds.c - a list of credentials. Nothing is read from their folders here. */
#include "core/block/tls_creds.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/opts.h"

static struct blk_tls_creds *all;

static int take(struct blk_tls_creds *c, struct blk_opts *o, const char *type, struct error *err)
{
    static const char *const ends[] = { "server", "client", NULL };
    int end = 1, ret = blk_opts_take_enum(o, "endpoint", ends, &end, err);

    if (ret == 0)
        ret = blk_opts_take_bool(o, "verify-peer", &c->verify, err);
    c->client = end == 1;
    if (ret == 0 && (c->id == NULL || c->dir == NULL))
        ret = error_set(err, EINVAL, "%s needs id= and dir=", type);
    for (const struct blk_tls_creds *p = all; p != NULL && ret == 0; p = p->next)
        if (str_eq(p->id, c->id))
            ret = error_set(err, EEXIST, "attempt to add duplicate property '%s' to object (type 'container')", c->id);
    return ret == 0 ? blk_opts_done(o, type, NULL, err) : ret;
}

int blk_tls_creds_add(const char *type, struct blk_opts *o, struct error *err)
{
    struct blk_tls_creds *c = NEW(struct blk_tls_creds);
    int                   ret;

    c->psk      = str_eq(type, "tls-creds-psk");
    c->verify   = true;
    c->id       = blk_opts_take(o, "id");
    c->dir      = blk_opts_take(o, "dir");
    c->username = blk_opts_take(o, "username");
    c->priority = blk_opts_take(o, "priority");
    ret = take(c, o, type, err);
    if (ret == 0) {
        c->next = all;
        all     = c;
        return 0;
    }
    free(c->id);
    free(c->dir);
    free(c->username);
    free(c->priority);
    free(c);
    return ret;
}

const struct blk_tls_creds *blk_tls_creds_find(const char *id, bool client, struct error *err)
{
    struct nearest near = NEAREST_INIT(id);
    char           hint[96];

    for (const struct blk_tls_creds *c = all; c != NULL; c = c->next) {
        nearest_try(&near, c->id);
        if (!str_eq(c->id, id))
            continue;
        if (c->client == client)
            return c;
        error_set(err, EINVAL, "Expecting TLS credentials with a %s endpoint", client ? "client" : "server");
        return NULL;
    }
    error_set(err, ENOENT, "No TLS credentials with id '%s'%s", id, nearest_hint(&near, hint, sizeof hint));
    return NULL;
}

/* core/net/net.c - ports, queues and the list of back ends. */
#include "core/net/net.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/opt/optlist.h"

enum { QUEUE_MAX = 256 };

struct net_frame {
    struct net_frame *next;
    size_t len;
    uint8_t bytes[];
};

static struct {
    struct loop *loop;
    struct timers *timers;
    struct net_dev *all;
} module;

void net_init(struct loop *loop, struct timers *timers)
{
    module.loop = loop;
    module.timers = timers;
}

/* --- ports ------------------------------------------------------------------------------------------------------- */

void net_port_init(struct net_port *p, const struct net_port_ops *ops, void *opaque)
{
    *p = (struct net_port){ .ops = ops, .opaque = opaque, .up = true };
    p->queue_end = &p->queue;
}

void net_forget(struct net_port *p)
{
    while (p->queue) {
        struct net_frame *f = p->queue;

        p->queue = f->next;
        free(f);
    }
    p->queue_end = &p->queue;
    p->queued = 0;
}

void net_port_end(struct net_port *p)
{
    net_forget(p);
    if (p->peer) {
        net_forget(p->peer);
        p->peer->peer = NULL;
    }
    p->peer = NULL;
}

int net_connect(struct net_port *a, struct net_port *b, struct error *err)
{
    if (a->peer || b->peer)
        return error_set(err, EBUSY, "the network back end is in use by another card already; give each card its own -netdev");
    a->peer = b;
    b->peer = a;
    return 0;
}

int net_nic_connect(struct net_port *p, const char *netdev, struct error *err)
{
    struct net_dev *n = netdev ? net_find(netdev) : NULL;
    struct nearest near = NEAREST_INIT(netdev ? netdev : "");
    char hint[96];

    if (!netdev)
        return 0;
    if (n)
        return net_connect(p, &n->port, err);
    for (n = module.all; n; n = n->next)
        nearest_try(&near, n->id);
    return error_set(err, ENODEV, "there is no -netdev with id '%s'%s", netdev, nearest_hint(&near, hint, sizeof(hint)));
}

static void enqueue(struct net_port *to, const uint8_t *frame, size_t len)
{
    struct net_frame *f;

    if (to->queued == QUEUE_MAX) {
        to->dropped++;
        return;
    }
    f = xmalloc(sizeof(*f) + len);
    f->next = NULL;
    f->len = len;
    memcpy(f->bytes, frame, len);
    *to->queue_end = f;
    to->queue_end = &f->next;
    to->queued++;
}

void net_send(struct net_port *p, const uint8_t *frame, size_t len)
{
    struct net_port *to = p->peer;

    if (!to)
        return;
    if (len < NET_FRAME_MIN || len > NET_FRAME_MAX || !p->up || !to->up) {
        to->dropped++;
        return;
    }
    if (to->queue || !to->ops->receive(to->opaque, frame, len))
        enqueue(to, frame, len);
}

void net_flush(struct net_port *p)
{
    while (p->queue && p->ops->receive(p->opaque, p->queue->bytes, p->queue->len)) {
        struct net_frame *f = p->queue;

        p->queue = f->next;
        if (!p->queue)
            p->queue_end = &p->queue;
        p->queued--;
        free(f);
    }
}

/* --- back ends --------------------------------------------------------------------------------------------------- */

struct net_dev *net_find(const char *id)
{
    for (struct net_dev *n = module.all; n; n = n->next)
        if (str_eq(n->id, id))
            return n;
    return NULL;
}

static const struct net_backend *backend_or_hint(struct optlist *opts, const char *name, struct error *err)
{
    struct nearest n = NEAREST_INIT(name);
    char hint[96];

    for (const struct net_backend *const *b = all_net_backends; *b; b++) {
        if (str_eq((*b)->name, name))
            return *b;
        nearest_try(&n, (*b)->name);
    }
    optlist_error(opts, err, ENODEV, "there is no network back end '%s'%s (-netdev help lists them)", name,
                  nearest_hint(&n, hint, sizeof(hint)));
    return NULL;
}

static int open_dev(const struct net_backend *be, const char *id, struct optlist *opts, struct error *err)
{
    struct net_dev *n = xcalloc(1, be->bytes);
    int ret;

    n->backend = be;
    n->id = xstrdup(id);
    n->loop = module.loop;
    n->timers = module.timers;
    ret = be->open(n, opts, err);
    if (ret == 0 && optlist_done(opts, err) < 0) {
        be->close(n);
        ret = -EINVAL;
    }
    if (ret < 0) {
        free(n->id);
        free(n);
        return ret;
    }
    n->next = module.all;
    module.all = n;
    return 0;
}

int net_add(struct optlist *opts, struct error *err)
{
    const char *name = optlist_need(opts, "type", err), *id;
    const struct net_backend *be;
    int ret;

    if (!name)
        return -EINVAL;
    if (str_eq(name, "help") || str_eq(name, "?")) {
        puts("Available netdev backend types:");
        for (const struct net_backend *const *b = all_net_backends; *b; b++)
            puts((*b)->name);
        return 1;
    }
    be = backend_or_hint(opts, name, err);
    id = be ? optlist_need(opts, "id", err) : NULL;
    if (!id)
        return -EINVAL;
    if (net_find(id))
        return optlist_error(opts, err, EEXIST, "there is a network back end '%s' already; choose another id", id);
    ret = open_dev(be, id, opts, err);
    if (ret < 0)
        error_prepend(err, "-netdev %s: ", optlist_text(opts));
    return ret;
}

void net_end(void)
{
    while (module.all) {
        struct net_dev *n = module.all;

        module.all = n->next;
        net_port_end(&n->port);
        n->backend->close(n);
        free(n->id);
        free(n);
    }
}

void net_info(FILE *to)
{
    for (struct net_dev *n = module.all; n; n = n->next) {
        fprintf(to, "%s: type=%s", n->id, n->backend->name);
        if (n->backend->describe)
            n->backend->describe(n, to);
        fprintf(to, ",queued=%u,dropped=%llu\n", n->port.peer ? n->port.peer->queued : 0,
                (unsigned long long)(n->port.peer ? n->port.peer->dropped : 0));
    }
}

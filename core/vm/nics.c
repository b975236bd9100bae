/* core/vm/nics.c - three generations of asking for a network card.
 *
 *     -netdev user,id=n0 -device virtio-net-device,netdev=n0    back end and card apart
 *     -nic user,model=virtio,mac=..,hostfwd=..                  both in one
 *     -net nic,model=..,macaddr=.. -net user,hostfwd=..         both apart, joined in the order given
 *
 * The latter two are rewritten into the first. */
#include "core/vm/nics.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/dev/device.h"
#include "core/net/net.h"
#include "core/opt/optlist.h"
#include "core/vm/machine.h"

static bool is_none(struct optlist *l)
{
    const char *type = optlist_get(l, "type");

    return type && str_eq(type, "none");
}

static bool for_card(const char *key)
{
    static const char *const keys[] = { "model", "mac", "macaddr", "addr", "id", "netdev", NULL };

    for (const char *const *k = keys; *k; k++)
        if (str_eq(*k, key))
            return true;
    return false;
}

/* The back end's keys of a -nic or -net, under an id of our own. */
static int add_backend(struct optlist *l, const char *id, struct error *err)
{
    struct optlist *be = optlist_new(optlist_option(l));
    int ret;

    for (size_t i = 0; i < optlist_count(l); i++)
        if (!for_card(optlist_key(l, i)))
            optlist_add(be, optlist_key(l, i), optlist_value(l, i));
    optlist_set(be, "id", id);
    ret = net_add(be, err);
    optlist_free(be);
    return ret;
}

static void backend_id(char *buf, size_t room, const char *option, size_t n)
{
    snprintf(buf, room, "#%s%zu", option, n);
}

/* Does this -net stand for a back end that a card waits for, and which one? */
static bool net_is_card(struct optlist *l)
{
    const char *type = optlist_get(l, "type");

    return type && str_eq(type, "nic");
}

int nics_add_backends(struct machine *m, struct error *err)
{
    const struct sys_options *o = m->opts;
    char id[40];
    size_t nth = 0;
    int ret = 0;

    for (size_t i = 0; i < o->netdevs.count && ret == 0; i++)
        ret = net_add(o->netdevs.at[i], err);
    for (size_t i = 0; i < o->nics.count && ret == 0; i++) {
        if (is_none(o->nics.at[i]) || optlist_get(o->nics.at[i], "netdev"))
            continue;
        backend_id(id, sizeof(id), "nic", i);
        ret = add_backend(o->nics.at[i], id, err);
    }
    for (size_t i = 0; i < o->nets.count && ret == 0; i++) {
        if (is_none(o->nets.at[i]) || net_is_card(o->nets.at[i]))
            continue;
        backend_id(id, sizeof(id), "net", nth++);
        ret = add_backend(o->nets.at[i], id, err);
    }
    return ret;
}

/* "virtio" and the bare "virtio-net" mean the machine's own kind. */
static const char *card_type(struct machine *m, const char *model)
{
    if (!model || str_eq(model, "virtio") || str_eq(model, "virtio-net"))
        return m->type->nic_device;
    return model;
}

static int add_card(struct machine *m, struct optlist *l, const char *backend, struct error *err)
{
    const char *mac = optlist_get(l, "mac"), *id = optlist_get(l, "id"), *addr = optlist_get(l, "addr");
    const char *type = card_type(m, optlist_get(l, "model"));
    struct optlist *card;
    int ret;

    if (!mac)
        mac = optlist_get(l, "macaddr");
    if (!type)
        return optlist_error(l, err, ENODEV, "machine '%s' has no network card of its own; name one with model=", m->type->name);
    card = optlist_new(optlist_option(l));
    optlist_set(card, "driver", type);
    if (backend)
        optlist_set(card, "netdev", backend);
    if (mac)
        optlist_set(card, "mac", mac);
    if (id)
        optlist_set(card, "id", id);
    if (addr)
        optlist_set(card, "addr", addr);
    ret = device_add(m->board, card, err);
    optlist_free(card);
    return ret;
}

int nics_add_cards(struct machine *m, struct error *err)
{
    const struct sys_options *o = m->opts;
    char id[40];
    size_t nth = 0;
    int ret = 0;

    for (size_t i = 0; i < o->nics.count && ret == 0; i++) {
        const char *named = optlist_get(o->nics.at[i], "netdev");

        backend_id(id, sizeof(id), "nic", i);
        if (!is_none(o->nics.at[i]))
            ret = add_card(m, o->nics.at[i], named ? named : id, err);
    }
    for (size_t i = 0; i < o->nets.count && ret == 0; i++) {
        const char *named = optlist_get(o->nets.at[i], "netdev");

        if (!net_is_card(o->nets.at[i]))
            continue;
        backend_id(id, sizeof(id), "net", nth++);
        ret = add_card(m, o->nets.at[i], named ? named : net_find(id) ? id : NULL, err);
    }
    return ret;
}

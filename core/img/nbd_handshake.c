/* core/img/nbd_handshake.c - options before the transmission: export, TLS, structured replies, contexts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/img/nbd.h"
#include "core/img/nbd_wire.h"

struct option_in {
    uint32_t id, len;
    uint8_t *data;
};

static int reply(struct nbd_conn *c, uint32_t option, uint32_t type, const void *data, uint32_t len)
{
    uint8_t h[20];
    int     ret;

    store_be64(h, OPT_REPLY_MAGIC);
    store_be32(h + 8, option);
    store_be32(h + 12, type);
    store_be32(h + 16, len);
    ret = nbd_send(c, h, sizeof h);
    return ret == 0 && len > 0 ? nbd_send(c, data, len) : ret;
}

static int refuse(struct nbd_conn *c, uint32_t option, uint32_t type, const char *text)
{
    return reply(c, option, type, text, (uint32_t)strlen(text));
}

static uint16_t export_flags(const struct nbd_conn *c)
{
    const struct nbd_export *e = c->e;
    uint16_t                 f = F_HAS_FLAGS | F_FLUSH | F_FUA | F_CACHE;

    if (e->writable)
        f |= F_TRIM | F_WRITE_ZEROES | F_FAST_ZERO;
    else
        f |= F_READ_ONLY;
    if (c->structured)
        f |= F_DF;
    /* One node behind all connections: a flush on one covers them all. */
    return f | F_MULTI_CONN;
}

static bool our_name(const struct nbd_conn *c, const uint8_t *name, size_t len)
{
    return strlen(c->e->name) == len && memcmp(c->e->name, name, len) == 0;
}

static int send_info(struct nbd_conn *c, uint32_t option, const uint8_t *d, uint32_t len)
{
    uint8_t  b[16];
    uint32_t name = len >= 4 ? load_be32(d) : 0;
    int      ret;

    if (len < 6 || name > len - 6 || (len - 6 - name) % 2 != 0 || load_be16(d + 4 + name) * 2u != len - 6 - name)
        return refuse(c, option, REP_INVALID, "option is malformed");
    if (!our_name(c, d + 4, name))
        return refuse(c, option, REP_UNKNOWN, "export is not present");
    for (uint32_t i = 0; i < load_be16(d + 4 + name); i++) {
        uint16_t what = load_be16(d + 6 + name + 2 * i);

        if (what == INFO_NAME || (what == INFO_DESCRIPTION && c->e->description != NULL)) {
            const char *text = what == INFO_NAME ? c->e->name : c->e->description;
            uint8_t     buf[2 + NBD_NAME_MAX];
            size_t      n = MIN(strlen(text), (size_t)NBD_NAME_MAX);

            store_be16(buf, what);
            memcpy(buf + 2, text, n);
            ret = reply(c, option, REP_INFO, buf, (uint32_t)(2 + n));
            if (ret < 0)
                return ret;
        }
    }
    store_be16(b, INFO_BLOCK_SIZE);
    store_be32(b + 2, 1);
    store_be32(b + 6, 4096);
    store_be32(b + 10, NBD_REQUEST_MAX);
    ret = reply(c, option, REP_INFO, b, 14);
    store_be16(b, INFO_EXPORT);
    store_be64(b + 2, c->e->n->bytes);
    store_be16(b + 10, export_flags(c));
    if (ret == 0)
        ret = reply(c, option, REP_INFO, b, 12);
    return ret < 0 ? ret : reply(c, option, REP_ACK, NULL, 0);
}

static int send_list(struct nbd_conn *c, const struct option_in *o)
{
    uint8_t buf[8 + 2 * NBD_NAME_MAX];
    size_t  n = MIN(strlen(c->e->name), (size_t)NBD_NAME_MAX), d = c->e->description ? MIN(strlen(c->e->description), (size_t)NBD_NAME_MAX) : 0;
    int     ret;

    if (o->len != 0)
        return refuse(c, o->id, REP_INVALID, "LIST takes no data");
    store_be32(buf, (uint32_t)n);
    memcpy(buf + 4, c->e->name, n);
    if (d > 0)
        memcpy(buf + 4 + n, c->e->description, d);
    ret = reply(c, o->id, REP_SERVER, buf, (uint32_t)(4 + n + d));
    return ret < 0 ? ret : reply(c, o->id, REP_ACK, NULL, 0);
}

static int send_context(struct nbd_conn *c, uint32_t option, uint32_t id, const char *name)
{
    uint8_t buf[4 + NBD_NAME_MAX];
    size_t  n = MIN(strlen(name), (size_t)NBD_NAME_MAX);

    store_be32(buf, option == OPT_LIST_META ? 0 : id);
    memcpy(buf + 4, name, n);
    return reply(c, option, REP_META, buf, (uint32_t)(4 + n));
}

/* Does a query ask for this context? "base:" and "qemu:" ask for all of theirs when listing. */
static bool asks(const char *query, size_t len, const char *name, bool list)
{
    if (len == strlen(name) && memcmp(query, name, len) == 0)
        return true;
    return list && len > 0 && query[len - 1] == ':' && strncmp(query, name, len) == 0;
}

static int one_query(struct nbd_conn *c, uint32_t option, const char *q, size_t len, uint32_t *mask)
{
    bool list = option == OPT_LIST_META, all = list && len == 0;
    char name[NBD_NAME_MAX];
    int  ret = 0;

    if (all || asks(q, len, "base:allocation", list)) {
        *mask |= 1;
        ret = send_context(c, option, 0, "base:allocation");
    }
    if (ret == 0 && c->e->depth_context && (all || asks(q, len, "qemu:allocation-depth", list))) {
        *mask |= 2;
        ret = send_context(c, option, 1, "qemu:allocation-depth");
    }
    for (int i = 0; i < c->e->bitmaps && ret == 0; i++) {
        snprintf(name, sizeof name, "qemu:dirty-bitmap:%s", c->e->bitmap_name[i]);
        if (all || asks(q, len, name, list) || (list && len == 18 && memcmp(q, "qemu:dirty-bitmap:", 18) == 0)) {
            *mask |= 4u << i;
            ret = send_context(c, option, (uint32_t)(2 + i), name);
        }
    }
    return ret;
}

static int contexts(struct nbd_conn *c, const struct option_in *o)
{
    const uint8_t *d = o->data, *end = d + o->len;
    uint32_t       name, queries, mask = 0;
    int            ret = 0;

    if (!c->structured)
        return refuse(c, o->id, REP_INVALID, "request option when structured reply is not negotiated");
    if (o->len < 8 || (name = load_be32(d)) > o->len - 8)
        return refuse(c, o->id, REP_INVALID, "option is malformed");
    if (!our_name(c, d + 4, name))
        return refuse(c, o->id, REP_UNKNOWN, "export is not present");
    queries = load_be32(d + 4 + name);
    d += 8 + name;
    if (queries == 0 && o->id == OPT_LIST_META)
        ret = one_query(c, o->id, "", 0, &mask);
    for (; queries > 0 && ret == 0; queries--) {
        uint32_t len = end - d >= 4 ? load_be32(d) : UINT32_MAX;

        if (len > (size_t)(end - d) - 4 || len > NBD_NAME_MAX)
            return refuse(c, o->id, REP_INVALID, "query is malformed");
        ret = one_query(c, o->id, (const char *)d + 4, len, &mask);
        d += 4 + len;
    }
    if (o->id == OPT_SET_META)
        c->contexts = mask;
    return ret < 0 ? ret : reply(c, o->id, REP_ACK, NULL, 0);
}

static int start_tls(struct nbd_conn *c, const struct option_in *o)
{
    struct error err = ERROR_INIT;
    int          ret;

    if (o->len != 0)
        return refuse(c, o->id, REP_INVALID, "STARTTLS takes no data");
    if (c->e->creds == NULL)
        return refuse(c, o->id, REP_POLICY, "TLS is not configured");
    if (c->tls != NULL)
        return refuse(c, o->id, REP_INVALID, "TLS already enabled");
    ret = reply(c, o->id, REP_ACK, NULL, 0);
    if (ret < 0)
        return ret;
    if (c->in_len > c->in_at)
        return -EPROTO;                          /* plain bytes sent after STARTTLS could be injected by others */
    c->tls = tls_accept(c->e->creds, c->fd, &err);
    if (c->tls == NULL) {
        warn_say("TLS handshake failed: %s", err.text);
        return -EPROTO;
    }
    c->structured = c->extended = false;
    c->contexts   = 0;
    return 0;
}

/* The old way to pick an export: no error reply is possible. */
static int export_name(struct nbd_conn *c, const struct option_in *o)
{
    uint8_t b[134] = { 0 };

    if (!our_name(c, o->data, o->len))
        return -ENOENT;
    store_be64(b, c->e->n->bytes);
    store_be16(b + 8, export_flags(c));
    return nbd_send(c, b, c->no_zeroes ? 10 : sizeof b);
}

/* 1: transmission begins; 0: next option; -errno: drop. */
static int option(struct nbd_conn *c, const struct option_in *o)
{
    int ret;

    if (c->e->creds != NULL && c->tls == NULL && o->id != OPT_STARTTLS) {
        if (o->id == OPT_EXPORT_NAME || o->id == OPT_ABORT)
            return -EPROTO;
        return refuse(c, o->id, REP_TLS_REQD, "Option not permitted before TLS");
    }
    switch (o->id) {
    case OPT_EXPORT_NAME:
        ret = export_name(c, o);
        return ret < 0 ? ret : 1;
    case OPT_ABORT:
        reply(c, o->id, REP_ACK, NULL, 0);
        return -ECONNRESET;
    case OPT_LIST:
        return send_list(c, o);
    case OPT_STARTTLS:
        return start_tls(c, o);
    case OPT_INFO:
        return send_info(c, o->id, o->data, o->len);
    case OPT_GO:
        ret = send_info(c, o->id, o->data, o->len);
        return ret < 0 ? ret : o->len >= 6 && load_be32(o->data) <= o->len - 6 && our_name(c, o->data + 4, load_be32(o->data)) &&
                                   load_be16(o->data + 4 + load_be32(o->data)) * 2u == o->len - 6 - load_be32(o->data);
    case OPT_STRUCTURED:
    case OPT_EXTENDED:
        if (o->len != 0)
            return refuse(c, o->id, REP_INVALID, "option takes no data");
        c->structured = true;
        c->extended |= o->id == OPT_EXTENDED;
        return reply(c, o->id, REP_ACK, NULL, 0);
    case OPT_LIST_META:
    case OPT_SET_META:
        return contexts(c, o);
    default:
        return refuse(c, o->id, REP_UNSUP, "Unsupported option");
    }
}

int nbd_negotiate(struct nbd_conn *c)
{
    uint8_t  h[18];
    uint32_t flags;
    int      ret;

    store_be64(h, NBD_MAGIC);
    store_be64(h + 8, OPT_MAGIC);
    store_be16(h + 16, 3);
    ret = nbd_send(c, h, 18);
    if (ret == 0)
        ret = nbd_recv(c, h, 4);
    flags = ret == 0 ? load_be32(h) : 0;
    if (ret < 0 || (flags & ~3u))
        return -EPROTO;
    c->no_zeroes = flags & 2;
    for (int count = 0; ret == 0; count++) {
        struct option_in o;

        if (count > 1024)
            return -EPROTO;
        ret = nbd_recv(c, h, 16);
        if (ret < 0)
            break;
        o = (struct option_in){ .id = load_be32(h + 8), .len = load_be32(h + 12) };
        if (load_be64(h) != OPT_MAGIC || o.len > NBD_OPTION_MAX)
            return -EPROTO;
        o.data = xmalloc(o.len + 1);
        ret = nbd_recv(c, o.data, o.len);
        if (ret == 0)
            ret = option(c, &o);
        free(o.data);
    }
    return ret < 0 ? ret : 0;
}

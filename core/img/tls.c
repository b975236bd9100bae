/* core/img/tls.c - TLS credentials (X.509 folders as QEMU lays them out, PSK files) and sessions on a loop. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/opts.h"
#include "core/event/iothread.h"
#include "core/img/nbd.h"

#ifdef CONFIG_GNUTLS
#include <gnutls/gnutls.h>

struct tls_creds {
    struct tls_creds                *next;
    char                            *id;
    bool                             psk, verify;
    char                            *priority;
    gnutls_certificate_credentials_t x509;
    gnutls_psk_server_credentials_t  keys;
};

struct tls {
    gnutls_session_t s;
    int              fd;
};

static struct tls_creds *all;

static int load_x509(struct tls_creds *c, const char *dir, struct error *err)
{
    char *ca = xasprintf("%s/ca-cert.pem", dir), *cert = xasprintf("%s/server-cert.pem", dir), *key = xasprintf("%s/server-key.pem", dir);
    char *crl = xasprintf("%s/ca-crl.pem", dir), *dh = xasprintf("%s/dh-params.pem", dir);
    int   ret = gnutls_certificate_allocate_credentials(&c->x509);

    if (ret >= 0 && access(ca, R_OK) == 0)
        ret = gnutls_certificate_set_x509_trust_file(c->x509, ca, GNUTLS_X509_FMT_PEM);
    else if (ret >= 0)
        ret = error_set(err, ENOENT, "Unable to access credentials %s", ca);
    if (ret >= 0)
        ret = gnutls_certificate_set_x509_key_file(c->x509, cert, key, GNUTLS_X509_FMT_PEM);
    if (ret >= 0 && access(crl, R_OK) == 0)
        ret = gnutls_certificate_set_x509_crl_file(c->x509, crl, GNUTLS_X509_FMT_PEM);
    if (ret < 0)
        error_set(err, EINVAL, "cannot load the TLS certificates in '%s': %s", dir, gnutls_strerror(ret));
    free(ca);
    free(cert);
    free(key);
    free(crl);
    free(dh);
    return ret < 0 ? -EINVAL : 0;
}

static int load_psk(struct tls_creds *c, const char *dir, struct error *err)
{
    char *file = xasprintf("%s/keys.psk", dir);
    int   ret  = access(file, R_OK) < 0 ? error_errno(err, "cannot read TLS keys '%s'", file) : gnutls_psk_allocate_server_credentials(&c->keys);

    if (ret == 0)
        ret = gnutls_psk_set_server_credentials_file(c->keys, file);
    if (ret < 0)
        error_set(err, EINVAL, "cannot load TLS keys '%s'", file);
    free(file);
    return ret < 0 ? -EINVAL : 0;
}

int tls_creds_add(const char *type, struct blk_opts *o, struct error *err)
{
    struct tls_creds *c   = NEW(struct tls_creds);
    char             *dir = blk_opts_take(o, "dir"), *endpoint = blk_opts_take(o, "endpoint");
    int               ret;

    c->id       = blk_opts_take(o, "id");
    c->priority = blk_opts_take(o, "priority");
    c->psk      = str_eq(type, "tls-creds-psk");
    c->verify   = true;
    ret = blk_opts_take_bool(o, "verify-peer", &c->verify, err);
    free(blk_opts_take(o, "username"));
    if (ret == 0 && (c->id == NULL || dir == NULL))
        ret = error_set(err, EINVAL, "%s needs id= and dir=", type);
    if (ret == 0 && endpoint != NULL && !str_eq(endpoint, "server"))
        ret = error_set(err, EINVAL, "Expecting TLS credentials with a server endpoint");
    if (ret == 0)
        ret = c->psk ? load_psk(c, dir, err) : load_x509(c, dir, err);
    if (ret == 0)
        ret = blk_opts_done(o, type, NULL, err);
    free(dir);
    free(endpoint);
    if (ret < 0) {
        free(c->id);
        free(c->priority);
        free(c);
        return ret;
    }
    c->next = all;
    all     = c;
    return 0;
}

struct tls_creds *tls_creds_find(const char *id, struct error *err)
{
    for (struct tls_creds *c = all; c != NULL; c = c->next)
        if (str_eq(c->id, id))
            return c;
    error_set(err, ENOENT, "No TLS credentials with id '%s'", id);
    return NULL;
}

static int wait_for(struct tls *t)
{
    int ret = io_poll(t->fd, gnutls_record_get_direction(t->s) ? POLLOUT : POLLIN);

    return ret < 0 ? ret : 0;
}

static int setup(struct tls *t, struct tls_creds *c)
{
    const char *priority = c->priority != NULL ? c->priority : "NORMAL";
    char       *full = c->psk ? xasprintf("%s:+ECDHE-PSK:+DHE-PSK:+PSK", priority) : xstrdup(priority);
    int         ret = gnutls_init(&t->s, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);

    if (ret >= 0)
        ret = gnutls_priority_set_direct(t->s, full, NULL);
    if (ret >= 0)
        ret = gnutls_credentials_set(t->s, c->psk ? GNUTLS_CRD_PSK : GNUTLS_CRD_CERTIFICATE, c->psk ? (void *)c->keys : (void *)c->x509);
    if (ret >= 0 && !c->psk && c->verify) {
        gnutls_certificate_server_set_request(t->s, GNUTLS_CERT_REQUIRE);
        gnutls_session_set_verify_cert(t->s, NULL, 0);
    }
    if (ret >= 0)
        gnutls_transport_set_int(t->s, t->fd);
    free(full);
    return ret;
}

struct tls *tls_accept(struct tls_creds *c, int fd, struct error *err)
{
    struct tls *t = NEW(struct tls);
    int         ret;

    t->fd = fd;
    ret   = setup(t, c);
    while (ret >= 0) {
        ret = gnutls_handshake(t->s);
        if (ret == 0)
            return t;
        if (ret == GNUTLS_E_INTERRUPTED || !gnutls_error_is_fatal(ret))
            ret = ret == GNUTLS_E_AGAIN ? wait_for(t) : 0;
    }
    error_set(err, EPROTO, "%s", gnutls_strerror(ret));
    tls_free(t);
    return NULL;
}

ssize_t tls_recv(struct tls *t, void *buf, size_t len)
{
    for (;;) {
        ssize_t n = gnutls_record_recv(t->s, buf, len);
        int     ret = 0;

        if (n >= 0)
            return n;
        if (n == GNUTLS_E_AGAIN)
            ret = io_poll(t->fd, POLLIN);
        else if (n == GNUTLS_E_REHANDSHAKE || gnutls_error_is_fatal((int)n))
            return -ECONNRESET;
        if (ret < 0)
            return ret;
    }
}

ssize_t tls_send(struct tls *t, const void *buf, size_t len)
{
    for (;;) {
        ssize_t n = gnutls_record_send(t->s, buf, len);
        int     ret = 0;

        if (n >= 0)
            return n;
        if (n == GNUTLS_E_AGAIN)
            ret = io_poll(t->fd, POLLOUT);
        else if (gnutls_error_is_fatal((int)n))
            return -EPIPE;
        if (ret < 0)
            return ret;
    }
}

void tls_free(struct tls *t)
{
    if (t == NULL)
        return;
    if (t->s != NULL) {
        gnutls_bye(t->s, GNUTLS_SHUT_WR);
        gnutls_deinit(t->s);
    }
    free(t);
}

#else

int tls_creds_add(const char *type, struct blk_opts *o, struct error *err)
{
    (void)o;
    return error_set(err, ENOTSUP, "%s: this Rhea is built without GnuTLS; install libgnutls28-dev and configure again", type);
}

struct tls_creds *tls_creds_find(const char *id, struct error *err)
{
    error_set(err, ENOENT, "No TLS credentials with id '%s'", id);
    return NULL;
}

struct tls *tls_accept(struct tls_creds *c, int fd, struct error *err)
{
    (void)c, (void)fd, (void)err;
    return NULL;
}

ssize_t tls_recv(struct tls *t, void *buf, size_t len)
{
    (void)t, (void)buf, (void)len;
    return -ENOTSUP;
}

ssize_t tls_send(struct tls *t, const void *buf, size_t len)
{
    (void)t, (void)buf, (void)len;
    return -ENOTSUP;
}

void tls_free(struct tls *t)
{
    (void)t;
}
#endif

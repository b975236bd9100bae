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
#include "core/block/tls_creds.h"
#include "core/event/iothread.h"
#include "core/img/nbd.h"

#ifdef CONFIG_GNUTLS
#include <gnutls/gnutls.h>

/* Credentials that were loaded for a server. */
struct tls_creds {
    const struct blk_tls_creds      *c;
    gnutls_certificate_credentials_t x509;
    gnutls_psk_server_credentials_t  keys;
};

struct tls {
    gnutls_session_t s;
    int              fd;
};

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

struct tls_creds *tls_creds_load(const char *id, struct error *err)
{
    const struct blk_tls_creds *c = blk_tls_creds_find(id, false, err);
    struct tls_creds           *t;

    if (c == NULL)
        return NULL;
    t    = NEW(struct tls_creds);
    t->c = c;
    if ((c->psk ? load_psk(t, c->dir, err) : load_x509(t, c->dir, err)) < 0) {
        free(t);
        return NULL;
    }
    return t;
}

static int wait_for(struct tls *t)
{
    int ret = io_poll(t->fd, gnutls_record_get_direction(t->s) ? POLLOUT : POLLIN);

    return ret < 0 ? ret : 0;
}

static int setup(struct tls *t, struct tls_creds *c)
{
    const char *priority = c->c->priority != NULL ? c->c->priority : "NORMAL";
    char       *full = c->c->psk ? xasprintf("%s:+ECDHE-PSK:+DHE-PSK:+PSK", priority) : xstrdup(priority);
    int         ret = gnutls_init(&t->s, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);

    if (ret >= 0)
        ret = gnutls_priority_set_direct(t->s, full, NULL);
    if (ret >= 0)
        ret = gnutls_credentials_set(t->s, c->c->psk ? GNUTLS_CRD_PSK : GNUTLS_CRD_CERTIFICATE, c->c->psk ? (void *)c->keys : (void *)c->x509);
    if (ret >= 0 && !c->c->psk && c->c->verify) {
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

struct tls_creds *tls_creds_load(const char *id, struct error *err)
{
    error_set(err, ENOTSUP, "--tls-creds=%s: this Rhea is built without GnuTLS; install libgnutls28-dev and configure again", id);
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

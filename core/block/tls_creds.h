/* core/block/tls_creds.h - what -object tls-creds-x509 and tls-creds-psk say; NBD servers and clients look it up by id. */
#ifndef CORE_BLOCK_TLS_CREDS_H
#define CORE_BLOCK_TLS_CREDS_H

#include <stdbool.h>

struct blk_opts;
struct error;

struct blk_tls_creds {
    struct blk_tls_creds *next;
    char                 *id, *dir;
    char                 *username;    /* PSK client: who we are; "qemu" when not given */
    char                 *priority;    /* or NULL */
    bool                  psk, client, verify;
};

/** blk_tls_creds_add - @type: tls-creds-x509 or tls-creds-psk. Takes id, dir, endpoint, username, priority, verify-peer.
 *  Returns 0 or -errno. */
int blk_tls_creds_add(const char *type, struct blk_opts *o, struct error *err);

/** blk_tls_creds_find - by id, for a @client or a server; NULL and a sentence if there is none of that end. */
const struct blk_tls_creds *blk_tls_creds_find(const char *id, bool client, struct error *err);

#endif

/* core/img/nbd.h - rhea-nbd's server: an export, its connections, and the bytes on the wire.
 *
 * One loop serves all clients. A connection has a coroutine that reads requests, one for each request under way, and
 * one that sends: replies that are ready together leave in one system call.
 *
 * Source: the NBD protocol, github.com/NetworkBlockDevice/nbd, doc/proto.md. */
#ifndef CORE_IMG_NBD_H
#define CORE_IMG_NBD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/block/bitmap.h"
#include "core/block/node.h"

enum { NBD_REQUEST_MAX = 32 << 20, NBD_IN_FLIGHT = 64, NBD_OPTION_MAX = 65536, NBD_NAME_MAX = 4096, NBD_IN = 256 << 10, NBD_BITMAPS = 16,
       NBD_HELD_MAX = 128 << 20 };

struct tls_creds;
struct tls;

struct nbd_export {
    struct blk_node  *n;
    const char       *name, *description;
    bool              writable, flush_each, depth_context;
    int               bitmaps;
    const char       *bitmap_name[NBD_BITMAPS];
    struct blk_bitmap bitmap[NBD_BITMAPS];
    struct tls_creds *creds;           /* NULL: plain */
    int               clients, most;   /* now, and allowed at once (0: any) */
    bool              stop;
    struct co_queue   changed;         /* clients or stop changed */
    struct nbd_conn  *conns;
};

struct nbd_reply {
    struct nbd_reply *next;
    size_t            head_len, len;   /* head[] and then data */
    uint8_t          *data;            /* freed when sent */
    uint8_t           head[48];
};

struct nbd_conn {
    struct nbd_conn   *next;
    struct nbd_export *e;
    int                fd;
    struct tls        *tls;
    bool               structured, extended, dead, sending, no_zeroes, fixed;
    uint32_t           contexts;       /* bit 0 base:allocation, bit 1 allocation-depth, 2.. bitmaps */
    size_t             held;           /* bytes in request buffers and unsent replies */
    struct co_slots    slots;
    struct nbd_reply  *out, **out_end;
    struct co_queue    sent, room;
    uint8_t           *in;
    size_t             in_at, in_len;
};

/** nbd_serve - serve one client until it leaves; closes @fd. Context: coroutine of its own. */
void nbd_serve(struct nbd_export *e, int fd);
/** nbd_serve_kernel - serve the host's kernel behind one end of a socket pair: there is no handshake. */
void nbd_serve_kernel(struct nbd_export *e, int fd);
/** nbd_negotiate - the handshake up to the transmission phase. 0, or -errno when the client is to be dropped. */
int  nbd_negotiate(struct nbd_conn *c);
/** nbd_requests - the transmission phase; returns when the client is gone. */
void nbd_requests(struct nbd_conn *c);

/* Exactly @len bytes in, or out now; 0 or -errno (-ECONNRESET at the end). Context: coroutine; yield. */
int  nbd_recv(struct nbd_conn *c, void *buf, size_t len);
int  nbd_send(struct nbd_conn *c, const void *buf, size_t len);

/* -- nbd_list.c */
struct nbd_address { const char *socket, *host, *port, *export, *tls; };
/** nbd_list - -L: what another server exports. Returns the exit status. */
int  nbd_list(const struct nbd_address *a);

/* -- tls.c: GnuTLS over a socket that is waited for by the loop. */
struct error;
/** tls_creds_load - read the keys or certificates of a tls-creds-... object for a server; NULL and a sentence. */
struct tls_creds *tls_creds_load(const char *id, struct error *err);
struct tls *tls_accept(struct tls_creds *creds, int fd, struct error *err);
ssize_t tls_recv(struct tls *t, void *buf, size_t len);
ssize_t tls_send(struct tls *t, const void *buf, size_t len);
void tls_free(struct tls *t);

#endif

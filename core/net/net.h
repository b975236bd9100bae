/* core/net/net.h - Ethernet frames between a NIC and a back end (user networking, a hub, ...).
 *
 *     NIC's port <--peer--> back end's port
 *
 * A frame that the other side has no room for waits in a queue of bounded length; what does not fit there is dropped,
 * as on a wire. All calls: machine lock held. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct error;
struct loop;
struct net_dev;
struct net_port;
struct optlist;
struct timers;

enum { NET_FRAME_MIN = 14, NET_FRAME_MAX = 65536 + 64 };

struct net_port_ops {
    /* Take a frame, or return false: it is kept until net_flush(). Every length comes here that net_send() lets through. */
    bool (*receive)(void *opaque, const uint8_t *frame, size_t len);
    void (*link_changed)(void *opaque, bool up); /* may be NULL */
};

struct net_port {
    const struct net_port_ops *ops;
    void *opaque;
    struct net_port *peer;
    bool up;
    struct net_frame *queue, **queue_end; /* on the way to this port */
    unsigned queued;
    uint64_t dropped;
};

struct net_backend {
    const char *name, *help;
    size_t bytes; /* of its struct, which begins with struct net_dev */
    int (*open)(struct net_dev *n, struct optlist *opts, struct error *err);
    void (*close)(struct net_dev *n);
    void (*describe)(const struct net_dev *n, FILE *to);
};

/* The head of every back end's struct. */
struct net_dev {
    const struct net_backend *backend;
    char *id;
    struct net_port port;
    struct loop *loop;
    struct timers *timers;
    struct net_dev *next;
};

extern const struct net_backend *const all_net_backends[];

/* --- set up ------------------------------------------------------------------------------------------------------ */

void net_init(struct loop *loop, struct timers *timers);
void net_end(void);
/** net_add - what -netdev asks for. 0, 1 if help was printed, or -errno with a sentence. */
int net_add(struct optlist *opts, struct error *err);
struct net_dev *net_find(const char *id);
/** net_info - `info network`. */
void net_info(FILE *to);

/* --- ports ------------------------------------------------------------------------------------------------------- */

void net_port_init(struct net_port *p, const struct net_port_ops *ops, void *opaque);
/** net_port_end - disconnect and forget what waits. */
void net_port_end(struct net_port *p);
/** net_connect - -EBUSY with a sentence if a port has a peer already. */
int net_connect(struct net_port *a, struct net_port *b, struct error *err);
/** net_nic_connect - a NIC's port with the back end of this id; a NIC without one has no cable. */
int net_nic_connect(struct net_port *p, const char *netdev, struct error *err);
/** net_send - a frame from @p to its peer. Frames shorter than a header or longer than NET_FRAME_MAX are dropped. */
void net_send(struct net_port *p, const uint8_t *frame, size_t len);
/** net_flush - @p has room again: deliver what waits. */
void net_flush(struct net_port *p);
/** net_forget - drop what waits for @p (a NIC was reset). */
void net_forget(struct net_port *p);

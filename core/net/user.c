/* core/net/user.c - user networking: the guest behind a router that is a library (libslirp), without any privilege.
 *
 * Before each wait of the loop the library says which of its sockets it waits for; each of them is watched by the
 * loop only so that it wakes up; after the wait the library is told what is ready. A frame of the guest may open
 * sockets, so it wakes the loop. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include "config.h"
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/event/loop.h"
#include "core/event/timer.h"
#include "core/net/net.h"
#include "core/base/port_owner.h"
#include "core/opt/optlist.h"

#if CONFIG_SLIRP
#include <libslirp.h>

struct watch {
    int fd;
    unsigned events;
    struct loop_fd *w;
    bool wanted;
};

struct user_net {
    struct net_dev dev;
    Slirp *slirp;
    struct pollfd *polls;
    size_t npolls, polls_room;
    struct watch *watches;
    size_t nwatches, watches_room;
    struct in_addr network, mask;
};

/* --- frames and time --------------------------------------------------------------------------------------------- */

static void wake_up(void *opaque)
{
    (void)opaque;
}

static void on_notify(void *opaque)
{
    loop_call(((struct user_net *)opaque)->dev.loop, wake_up, NULL);
}

static bool from_guest(void *opaque, const uint8_t *frame, size_t len)
{
    struct user_net *u = opaque;

    slirp_input(u->slirp, frame, (int)len);
    on_notify(u);
    return true;
}

static ssize_t to_guest(const void *frame, size_t len, void *opaque)
{
    net_send(&((struct user_net *)opaque)->dev.port, frame, len);
    return (ssize_t)len;
}

static void guest_error(const char *msg, void *opaque)
{
    (void)opaque;
    log_guest("user networking: %s", msg);
}

static int64_t clock_now(void *opaque)
{
    return clock_virtual_ns(timers_clocks(((struct user_net *)opaque)->dev.timers));
}

static void *new_timer(SlirpTimerCb cb, void *cb_opaque, void *opaque)
{
    struct timer *t = NEW(struct timer);

    timer_init(t, ((struct user_net *)opaque)->dev.timers, CLOCK_KIND_VIRTUAL, cb, cb_opaque);
    return t;
}

static void free_timer(void *timer, void *opaque)
{
    (void)opaque;
    timer_cancel(timer);
    free(timer);
}

static void set_timer(void *timer, int64_t ms, void *opaque)
{
    (void)opaque;
    timer_set(timer, ms * 1000000);
}

static void ignore_fd(int fd, void *opaque)
{
    (void)fd;
    (void)opaque;
}

static const SlirpCb calls = {
    .send_packet = to_guest, .guest_error = guest_error, .clock_get_ns = clock_now, .timer_new = new_timer,
    .timer_free = free_timer, .timer_mod = set_timer, .register_poll_fd = ignore_fd, .unregister_poll_fd = ignore_fd,
    .notify = on_notify,
};

/* --- sockets ----------------------------------------------------------------------------------------------------- */

static int add_poll(int fd, int events, void *opaque)
{
    struct user_net *u = opaque;
    short wanted = 0;

    if (u->npolls == u->polls_room) {
        u->polls_room = u->polls_room ? u->polls_room * 2 : 16;
        u->polls = xreallocarray(u->polls, u->polls_room, sizeof(*u->polls));
    }
    if (events & SLIRP_POLL_IN)
        wanted |= POLLIN;
    if (events & SLIRP_POLL_OUT)
        wanted |= POLLOUT;
    if (events & SLIRP_POLL_PRI)
        wanted |= POLLPRI;
    u->polls[u->npolls] = (struct pollfd){ .fd = fd, .events = wanted };
    return (int)u->npolls++;
}

static void ready(void *opaque, unsigned events)
{
    (void)opaque; /* the loop is awake: after_wait() looks */
    (void)events;
}

static struct watch *watch_of(struct user_net *u, int fd)
{
    for (size_t i = 0; i < u->nwatches; i++)
        if (u->watches[i].fd == fd)
            return &u->watches[i];
    if (u->nwatches == u->watches_room) {
        u->watches_room = u->watches_room ? u->watches_room * 2 : 16;
        u->watches = xreallocarray(u->watches, u->watches_room, sizeof(*u->watches));
    }
    u->watches[u->nwatches] = (struct watch){ .fd = fd };
    return &u->watches[u->nwatches++];
}

/* Let the loop watch what the library waits for, and nothing else. A number may be a new socket by now: the loop's
 * watch of a closed socket is gone, so each is renewed unless nothing changed about it. */
static void follow_sockets(struct user_net *u)
{
    for (size_t i = 0; i < u->npolls; i++) {
        struct watch *w = watch_of(u, u->polls[i].fd);
        unsigned events = (u->polls[i].events & POLLIN ? LOOP_READ : 0) | (u->polls[i].events & POLLOUT ? LOOP_WRITE : 0);

        loop_remove(w->w);
        w->w = loop_add(u->dev.loop, w->fd, events, ready, u);
        w->wanted = true;
    }
    for (size_t i = 0; i < u->nwatches;) {
        struct watch *w = &u->watches[i];

        if (w->wanted) {
            w->wanted = false;
            i++;
            continue;
        }
        loop_remove(w->w);
        *w = u->watches[--u->nwatches];
    }
}

static void before_wait(void *opaque, int *timeout_ms)
{
    struct user_net *u = opaque;
    uint32_t wait = *timeout_ms < 0 ? UINT32_MAX : (uint32_t)*timeout_ms;

    u->npolls = 0;
    slirp_pollfds_fill(u->slirp, &wait, add_poll, u);
    *timeout_ms = wait == UINT32_MAX ? -1 : (int)wait;
    follow_sockets(u);
}

static int what_is_ready(int i, void *opaque)
{
    short r = ((struct user_net *)opaque)->polls[i].revents;

    return (r & POLLIN ? SLIRP_POLL_IN : 0) | (r & POLLOUT ? SLIRP_POLL_OUT : 0) | (r & POLLPRI ? SLIRP_POLL_PRI : 0) |
           (r & POLLERR ? SLIRP_POLL_ERR : 0) | (r & POLLHUP ? SLIRP_POLL_HUP : 0);
}

static void after_wait(void *opaque)
{
    struct user_net *u = opaque;
    int n = u->npolls ? poll(u->polls, u->npolls, 0) : 0;

    slirp_pollfds_poll(u->slirp, n < 0, what_is_ready, u);
}

/* --- options ----------------------------------------------------------------------------------------------------- */

static int read_address(struct optlist *opts, const char *key, struct in_addr *a, struct error *err)
{
    const char *text = optlist_get(opts, key);

    if (text && !inet_aton(text, a))
        return error_set(err, EINVAL, "%s=%s is no IPv4 address", key, text);
    return 0;
}

/* net=10.0.2.0/24 or 10.0.2.0/255.255.255.0 */
static int read_network(struct optlist *opts, struct user_net *u, struct error *err)
{
    const char *text = optlist_get(opts, "net");
    char *copy, *slash;
    uint64_t bits;
    int ret = 0;

    inet_aton("10.0.2.0", &u->network);
    inet_aton("255.255.255.0", &u->mask);
    if (!text)
        return 0;
    copy = xstrdup(text);
    slash = strchr(copy, '/');
    if (slash)
        *slash = 0;
    if (!inet_aton(copy, &u->network))
        ret = -1;
    if (slash && str_u64(slash + 1, &bits) == 0 && bits >= 1 && bits <= 30)
        u->mask.s_addr = htonl(UINT32_MAX << (32 - bits));
    else if (slash && !inet_aton(slash + 1, &u->mask))
        ret = -1;
    free(copy);
    if (ret < 0 || (u->network.s_addr & ~u->mask.s_addr))
        return error_set(err, EINVAL, "net=%s is no network such as 10.0.2.0/24", text);
    return 0;
}

static struct in_addr host_of(const struct user_net *u, uint32_t n)
{
    return (struct in_addr){ htonl(ntohl(u->network.s_addr) + n) };
}

static int in_network(const struct user_net *u, struct in_addr a, const char *key, struct error *err)
{
    if ((a.s_addr & u->mask.s_addr) == u->network.s_addr)
        return 0;
    return error_set(err, EINVAL, "%s=%s lies outside of the guest's network", key, inet_ntoa(a));
}

/* One HOST:PORT; an empty host leaves *a alone. */
static bool read_endpoint(const char *text, size_t len, struct in_addr *a, unsigned *port)
{
    char *copy = xstrndup(text, len), *colon = strrchr(copy, ':');
    uint64_t n = 0;
    bool good = colon && str_u64(colon + 1, &n) == 0 && n <= 65535;

    if (good) {
        *colon = 0;
        good = !*copy || inet_aton(copy, a);
        *port = (unsigned)n;
    }
    free(copy);
    return good;
}

/* tcp:HOSTADDR:HOSTPORT-GUESTADDR:GUESTPORT */
static int forward(struct user_net *u, const char *rule, struct error *err)
{
    const char *rest = str_after(rule, "tcp:"), *dash;
    bool udp = !rest && (rest = str_after(rule, "udp:"));
    struct in_addr host = { htonl(INADDR_ANY) }, guest = host_of(u, 15);
    unsigned host_port, guest_port;
    char owner[128];

    if (!rest)
        rest = *rule == ':' ? rule + 1 : rule; /* no protocol: tcp */
    dash = strchr(rest, '-');
    if (!dash || !read_endpoint(rest, (size_t)(dash - rest), &host, &host_port) ||
        !read_endpoint(dash + 1, strlen(dash + 1), &guest, &guest_port) || !guest_port)
        return error_set(err, EINVAL, "hostfwd=%s is no rule; it is tcp|udp:[HOSTADDR]:HOSTPORT-[GUESTADDR]:GUESTPORT", rule);
    if (slirp_add_hostfwd(u->slirp, udp, host, (int)host_port, guest, (int)guest_port) == 0)
        return 0;
    if (errno == EADDRINUSE)
        return error_set(err, EADDRINUSE, "port %u is taken%s; choose another host port in hostfwd=%s", host_port,
                         port_owner(host_port, udp, owner, sizeof(owner)), rule);
    return error_errno(err, "cannot forward port %u (hostfwd=%s)", host_port, rule);
}

static int read_config(struct user_net *u, struct optlist *opts, SlirpConfig *c, struct error *err)
{
    bool restricted = false, v4 = true, v6 = true;

    if (read_network(opts, u, err) < 0)
        return -EINVAL;
    *c = (SlirpConfig){ .version = 4, .vnetwork = u->network, .vnetmask = u->mask };
    c->vhost = host_of(u, 2);
    c->vnameserver = host_of(u, 3);
    c->vdhcp_start = host_of(u, 15);
    if (optlist_bool(opts, "restrict", &restricted, err) < 0 || optlist_bool(opts, "ipv4", &v4, err) < 0 ||
        optlist_bool(opts, "ipv6", &v6, err) < 0 || read_address(opts, "host", &c->vhost, err) < 0 ||
        read_address(opts, "dns", &c->vnameserver, err) < 0 || read_address(opts, "dhcpstart", &c->vdhcp_start, err) < 0 ||
        in_network(u, c->vhost, "host", err) < 0 || in_network(u, c->vnameserver, "dns", err) < 0 ||
        in_network(u, c->vdhcp_start, "dhcpstart", err) < 0)
        return -EINVAL;
    c->restricted = restricted;
    c->in_enabled = v4;
    c->in6_enabled = v6;
    inet_pton(AF_INET6, "fec0::", &c->vprefix_addr6);
    c->vprefix_len = 64;
    inet_pton(AF_INET6, "fec0::2", &c->vhost6);
    inet_pton(AF_INET6, "fec0::3", &c->vnameserver6);
    c->vhostname = optlist_get(opts, "hostname");
    c->tftp_path = optlist_get(opts, "tftp");
    c->tftp_server_name = optlist_get(opts, "tftp-server-name");
    c->bootfile = optlist_get(opts, "bootfile");
    c->vdomainname = optlist_get(opts, "domainname");
    return 0;
}

static void user_close(struct net_dev *n)
{
    struct user_net *u = (struct user_net *)n;

    loop_unhook(n->loop, u);
    for (size_t i = 0; i < u->nwatches; i++)
        loop_remove(u->watches[i].w);
    slirp_cleanup(u->slirp);
    free(u->watches);
    free(u->polls);
}

static int user_open(struct net_dev *n, struct optlist *opts, struct error *err)
{
    static const struct net_port_ops ops = { .receive = from_guest };
    struct user_net *u = (struct user_net *)n;
    SlirpConfig config;
    const char *rule;
    int ret = read_config(u, opts, &config, err);

    if (ret < 0)
        return ret;
    net_port_init(&n->port, &ops, u);
    u->slirp = slirp_new(&config, &calls, u);
    if (!u->slirp)
        return error_set(err, EINVAL, "user networking refused these options");
    loop_hook(n->loop, before_wait, after_wait, u);
    for (size_t i = 0; (rule = optlist_get_nth(opts, "hostfwd", i)) && ret == 0; i++)
        ret = forward(u, rule, err);
    if (ret < 0)
        user_close(n);
    return ret;
}

static void user_describe(const struct net_dev *n, FILE *to)
{
    const struct user_net *u = (const struct user_net *)n;

    fprintf(to, ",net=%s", inet_ntoa(u->network));
    fprintf(to, ",mask=%s", inet_ntoa(u->mask));
}

const struct net_backend net_user = {
    .name = "user", .help = "a router in this program: outgoing connections, and hostfwd= for incoming ones",
    .bytes = sizeof(struct user_net), .open = user_open, .close = user_close, .describe = user_describe,
};
#else
static int user_open(struct net_dev *n, struct optlist *opts, struct error *err)
{
    (void)n;
    (void)opts;
    return error_set(err, ENOTSUP, "this build has no user networking; install libslirp-dev and configure again");
}

static void user_close(struct net_dev *n)
{
    (void)n;
}

const struct net_backend net_user = {
    .name = "user", .help = "not in this build", .bytes = sizeof(struct net_dev), .open = user_open, .close = user_close,
};
#endif

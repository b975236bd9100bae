/* core/char/socket.c - a TCP or unix socket, as server or client; with telnet=on the other end is a telnet program.
 *
 *     server:  listening --accept--> connected --hang-up--> listening
 *     client:  connected --hang-up--> closed, or with reconnect=SECONDS trying again */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/port_owner.h"
#include "core/base/str.h"
#include "core/char/chr.h"
#include "core/char/fd.h"
#include "core/event/loop.h"
#include "core/opt/optlist.h"

struct socket_chr {
    struct chr chr;
    struct fd_io io;
    int listen;
    struct loop_fd *listening;
    bool connected, telnet, nodelay;
    char *name;   /* for people: unix:PATH or HOST:PORT */
    char *unlink; /* path to remove at the end */
};

static void go_on_listening(struct chr *c)
{
    struct socket_chr *s = (struct socket_chr *)c;

    s->connected = false;
    fd_io_close(&s->io);
    if (s->listening)
        loop_watch(s->listening, LOOP_READ);
    chr_event(c, CHR_CLOSED);
}

/* Character at a time, no echo at the other end. */
static void greet_telnet(struct socket_chr *s)
{
    static const uint8_t hello[] = { 255, 251, 1, 255, 251, 3, 255, 251, 0, 255, 253, 0 };

    fd_io_write(&s->io, hello, sizeof(hello));
}

static void connected(struct socket_chr *s, int fd)
{
    int one = 1;

    if (s->nodelay)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    s->connected = true;
    fd_io_open(&s->io, &s->chr, fd, fd, go_on_listening);
    if (s->telnet)
        greet_telnet(s);
    chr_event(&s->chr, CHR_OPENED);
    fd_io_accept(&s->io);
}

static void on_client(void *opaque, unsigned events)
{
    struct socket_chr *s = opaque;
    int fd = accept4(s->listen, NULL, NULL, SOCK_CLOEXEC);

    (void)events;
    if (fd < 0)
        return;
    loop_watch(s->listening, 0); /* one at a time; the next waits in the queue */
    connected(s, fd);
}

static int open_unix(struct socket_chr *s, const char *path, bool server, struct error *err)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    struct stat st;
    int fd, ret;

    if (strlen(path) >= sizeof(a.sun_path))
        return error_set(err, ENAMETOOLONG, "socket path '%s' is longer than %zu bytes; use a shorter one", path,
                         sizeof(a.sun_path) - 1);
    strcpy(a.sun_path, path);
    s->name = xasprintf("unix:%s%s", path, server ? ",server=on" : "");
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_errno(err, "cannot make a socket");
    if (!server) {
        if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
            return fd;
        ret = error_errno(err, "cannot connect to '%s'", path);
        close(fd);
        return ret;
    }
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) { /* stale, unless somebody answers */
        if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0) {
            close(fd);
            return error_set(err, EADDRINUSE, "'%s' is in use by another program; choose another path", path);
        }
        unlink(path);
    }
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1) < 0) {
        ret = error_errno(err, "cannot listen at '%s'", path);
        close(fd);
        return ret;
    }
    s->unlink = xstrdup(path);
    return fd;
}

static int open_tcp(struct socket_chr *s, const char *host, const char *port, bool server, struct error *err)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = server ? AI_PASSIVE : 0 }, *list;
    int fd = -1, one = 1;
    uint64_t number;
    int ret;

    if (str_u64(port, &number) == 0 && number > 65535)
        return error_set(err, EINVAL, "port %s is out of range: 0 to 65535", port);
    ret = getaddrinfo(host && *host ? host : server ? "127.0.0.1" : "localhost", port, &hints, &list);

    if (ret)
        return error_set(err, EINVAL, "cannot find '%s' port '%s': %s", host ? host : "", port, gai_strerror(ret));
    s->name = xasprintf("tcp:%s:%s%s", host ? host : "", port, server ? ",server=on" : "");
    ret = -1;
    for (struct addrinfo *a = list; a && ret < 0; a = a->ai_next) {
        if (fd >= 0)
            close(fd);
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd < 0)
            continue;
        if (server)
            setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        ret = server ? bind(fd, a->ai_addr, a->ai_addrlen) : connect(fd, a->ai_addr, a->ai_addrlen);
        if (ret == 0 && server)
            ret = listen(fd, 1);
    }
    if (ret < 0) {
        char owner[128];

        if (server && errno == EADDRINUSE)
            ret = error_set(err, EADDRINUSE, "port %s is taken%s; choose another", port,
                            port_owner((unsigned)strtoul(port, NULL, 10), false, owner, sizeof(owner)));
        else
            ret = error_errno(err, server ? "cannot listen at port %s" : "cannot connect to port %s", port);
        if (fd >= 0)
            close(fd);
        freeaddrinfo(list);
        return ret;
    }
    freeaddrinfo(list);
    return fd;
}

static int socket_open(struct chr *c, struct optlist *opts, struct error *err)
{
    struct socket_chr *s = (struct socket_chr *)c;
    const char *path = optlist_get(opts, "path"), *host = optlist_get(opts, "host"), *port = NULL;
    bool server = false, wait;
    int fd;

    s->listen = s->io.in = s->io.out = -1;
    if (optlist_bool(opts, "server", &server, err) < 0 || optlist_bool(opts, "telnet", &s->telnet, err) < 0 ||
        optlist_bool(opts, "nodelay", &s->nodelay, err) < 0)
        return -EINVAL;
    wait = server;
    if (optlist_bool(opts, "wait", &wait, err) < 0)
        return -EINVAL;
    if (!path && !(port = optlist_need(opts, "port", err)))
        return -EINVAL;
    fd = path ? open_unix(s, path, server, err) : open_tcp(s, host, port, server, err);
    if (fd < 0) {
        free(s->name);
        return fd;
    }
    if (!server) {
        connected(s, fd);
        return 0;
    }
    s->listen = fd;
    s->listening = loop_add(c->loop, fd, LOOP_READ, on_client, s);
    if (wait) {
        note_say("waiting for a connection at %s", s->name);
        on_client(s, LOOP_READ);
    }
    return 0;
}

static void socket_close(struct chr *c)
{
    struct socket_chr *s = (struct socket_chr *)c;

    fd_io_close(&s->io);
    loop_remove(s->listening);
    if (s->listen >= 0)
        close(s->listen);
    if (s->unlink)
        unlink(s->unlink);
    free(s->unlink);
    free(s->name);
}

static ssize_t socket_write(struct chr *c, const uint8_t *bytes, size_t len)
{
    struct socket_chr *s = (struct socket_chr *)c;

    return s->connected ? fd_io_write(&s->io, bytes, len) : -ENOTCONN;
}

static void socket_accept(struct chr *c)
{
    struct socket_chr *s = (struct socket_chr *)c;

    if (s->connected)
        fd_io_accept(&s->io);
}

static void socket_describe(const struct chr *c, struct str *out)
{
    const struct socket_chr *s = (const struct socket_chr *)c;

    str_addf(out, "%s%s", s->connected ? "" : "disconnected:", s->name);
}

const struct chr_backend chr_socket = {
    .name = "socket", .help = "a TCP or unix socket", .bytes = sizeof(struct socket_chr), .open = socket_open,
    .close = socket_close, .write = socket_write, .accept = socket_accept, .describe = socket_describe,
};

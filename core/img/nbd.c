/* core/img/nbd.c - rhea-nbd: options, the listening socket, and clients coming and going. */
#include "core/img/nbd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/str.h"
#include "core/block/backend.h"
#include "core/event/iothread.h"
#include "core/img/img.h"
#include "core/img/nbd_kernel.h"
#include "core/personality.h"

enum { OPT_FORK = OPT_FIRST, OPT_AIO, OPT_DISCARD, OPT_DETECT, OPT_TLS, OPT_PID, OPT_TLS_HOST, OPT_TLS_AUTHZ, OPT_SELINUX };

static struct {
    struct img        g;
    struct nbd_export e;
    const char       *bind, *port, *socket, *snapshot, *tls, *pid_file, *file, *kernel, *disconnect;
    unsigned          flags;
    bool              persistent, fork, list, overlay;
    struct nbd_device *device;
    int               listen_fd, ready_pipe;
} s = { .bind = "0.0.0.0", .port = "10809", .listen_fd = -1, .ready_pipe = -1 };

static int usage(void)
{
    printf("Usage: rhea-nbd [OPTIONS] FILE\n  or:  rhea-nbd -L [OPTIONS]\nQEMU Disk Network Block Device Utility\n\n"
           "  -h, --help                display this help and exit\n"
           "  -V, --version             output version information and exit\n\nConnection properties:\n"
           "  -p, --port=PORT           port to listen on (default `10809')\n"
           "  -b, --bind=IFACE          interface to bind to (default `0.0.0.0')\n"
           "  -k, --socket=PATH         path to the unix socket\n"
           "  -e, --shared=NUM          device can be shared by NUM clients (default '1')\n"
           "  -t, --persistent          don't exit on the last connection\n"
           "  -L, --list                list exports available from another NBD server\n"
           "  -c, --connect=DEV         connect FILE to the local NBD device DEV\n"
           "  -d, --disconnect=DEV      disconnect the specified device\n\nExposing part of the image:\n"
           "  -A, --allocation-depth    expose the allocation depth\n"
           "  -B, --bitmap=NAME         expose a persistent dirty bitmap\n\nGeneral purpose options:\n"
           "  --object type,id=ID,...   define an object such as 'secret'\n"
           "  --tls-creds=ID            use id of an earlier --object to provide TLS\n"
           "  --fork                    fork off the server process and exit the parent once the server is running\n"
           "  --pid-file=PATH           store the server's process ID in the given file\n"
           "  -x, --export-name=NAME    expose export by name (default is empty string)\n"
           "  -D, --description=TEXT    export a human-readable description\n\nBlock device options:\n"
           "  -f, --format=FORMAT       set image format (raw, qcow2, ...)\n"
           "  -r, --read-only           export read-only\n"
           "  -s, --snapshot            use FILE as an external snapshot, create a temporary file\n"
           "  -l, --load-snapshot=SNAP  load an internal snapshot inside FILE and export it as an read-only device\n"
           "  -n, --nocache             disable host cache\n"
           "      --cache=MODE          set cache mode used to access the disk image\n"
           "      --aio=MODE            set AIO mode (native, io_uring or threads)\n"
           "      --discard=MODE        set discard mode (ignore, unmap)\n"
           "      --detect-zeroes=MODE  set detect-zeroes mode (off, on, unmap)\n"
           "      --image-opts          treat FILE as a full set of image options\n");
    return 0;
}

static int number(const char *what, int most, int *v)
{
    uint64_t n;

    if (str_u64(optarg, &n) < 0 || n > (uint64_t)most)
        return img_fail_text("Invalid %s '%s'", what, optarg) + 1;
    *v = (int)n;
    return 0;
}

static int option(int opt)
{
    struct error err = ERROR_INIT;

    switch (opt) {
    case 'p': s.port = optarg; return 0;
    case 'b': s.bind = optarg; return 0;
    case 'k': s.socket = optarg; return optarg[0] == '/' ? 0 : img_fail_text("socket path must be absolute") + 1;
    case 'e': return number("number of clients", 65535, &s.e.most);
    case 't': s.persistent = true; return 0;
    case 'r': s.flags &= ~(unsigned)BLK_RDWR; return 0;
    case 'l': s.snapshot = img_snapshot_arg(optarg); s.flags &= ~(unsigned)BLK_RDWR; return 0;
    case 'n': s.g.cache = "none"; return 0;
    case 'x': s.e.name = optarg; return strlen(optarg) <= NBD_NAME_MAX ? 0 : img_fail_text("export name '%.40s...' is too long", optarg) + 1;
    case 'D': s.e.description = optarg; return 0;
    case 'A': s.e.depth_context = true; return 0;
    case 'v': return 0;
    case 'c': s.kernel = optarg; return 0;
    case 'd': s.disconnect = optarg; return 0;
    case 'L': s.list = true; return 0;
    case 'B':
        if (s.e.bitmaps == NBD_BITMAPS)
            return img_fail_text("at most %d bitmaps can be exported", NBD_BITMAPS) + 1;
        s.e.bitmap_name[s.e.bitmaps++] = optarg;
        return 0;
    case 's': s.overlay = true; return 0;
    case OPT_FORK: s.fork = true; return 0;
    case OPT_PID: s.pid_file = optarg; return 0;
    case OPT_TLS: s.tls = optarg; return 0;
    case OPT_AIO:
        if (!str_eq(optarg, "threads") && !str_eq(optarg, "native") && !str_eq(optarg, "io_uring"))
            return img_fail_text("invalid aio mode `%s'; it is native, io_uring or threads", optarg) + 1;
        s.flags |= str_eq(optarg, "threads") ? BLK_AIO_THREADS : 0;
        return 0;
    case OPT_DISCARD:
        if (str_eq(optarg, "unmap") || str_eq(optarg, "on"))
            s.flags |= BLK_UNMAP;
        else if (!str_eq(optarg, "ignore") && !str_eq(optarg, "off"))
            return img_fail_text("Invalid discard mode `%s'", optarg) + 1;
        else
            s.flags &= ~(unsigned)BLK_UNMAP;
        return 0;
    case OPT_DETECT:
        if (!str_eq(optarg, "off") && !str_eq(optarg, "on") && !str_eq(optarg, "unmap"))
            return img_fail_text("invalid detect-zeroes mode `%s'; it is off, on or unmap", optarg) + 1;
        s.flags |= str_eq(optarg, "off") ? 0 : BLK_DETECT_ZEROES | (str_eq(optarg, "unmap") ? BLK_DETECT_UNMAP : 0);
        return 0;
    case OPT_OBJECT: return img_object(optarg, &err) < 0 ? img_fail(&err) + 1 : 0;
    case 'V': version_print("qemu-nbd"); return 1;
    case 'h': return usage() + 1;
    default: return img_option(&s.g, opt, "nbd");
    }
}

static int options(int argc, char **argv)
{
    static const struct option longs[] = {
        IMG_LONG, { "version", no_argument, NULL, 'V' }, { "port", required_argument, NULL, 'p' }, { "bind", required_argument, NULL, 'b' },
        { "socket", required_argument, NULL, 'k' }, { "shared", required_argument, NULL, 'e' }, { "persistent", no_argument, NULL, 't' },
        { "read-only", no_argument, NULL, 'r' }, { "snapshot", no_argument, NULL, 's' }, { "load-snapshot", required_argument, NULL, 'l' },
        { "nocache", no_argument, NULL, 'n' }, { "cache", required_argument, NULL, 't' + 1000 }, { "format", required_argument, NULL, 'f' },
        { "export-name", required_argument, NULL, 'x' }, { "description", required_argument, NULL, 'D' }, { "allocation-depth", no_argument, NULL, 'A' },
        { "bitmap", required_argument, NULL, 'B' }, { "verbose", no_argument, NULL, 'v' }, { "connect", required_argument, NULL, 'c' },
        { "disconnect", required_argument, NULL, 'd' },
        { "list", no_argument, NULL, 'L' }, { "fork", no_argument, NULL, OPT_FORK }, { "pid-file", required_argument, NULL, OPT_PID },
        { "tls-creds", required_argument, NULL, OPT_TLS }, { "aio", required_argument, NULL, OPT_AIO }, { "discard", required_argument, NULL, OPT_DISCARD },
        { "detect-zeroes", required_argument, NULL, OPT_DETECT }, { NULL, 0, NULL, 0 },
    };
    int opt, ret = 0;

    s.flags  = BLK_RDWR;
    s.e.name = "";
    s.e.most = 1;
    while (ret == 0 && (opt = getopt_long(argc, argv, "hVb:p:rsnc:d:vk:e:f:tl:x:D:B:ALU", longs, NULL)) != -1) {
        if (opt == 't' + 1000)
            s.g.cache = optarg;
        else
            ret = option(opt);
    }
    if (ret == 0 && s.list + (s.kernel != NULL) + (s.disconnect != NULL) > 1)
        ret = img_fail_text("-L, -c and -d exclude each other") + 1;
    if (ret == 0 && s.kernel != NULL && (s.socket != NULL || s.tls != NULL))
        ret = img_fail_text("-c connects the kernel; a socket or TLS has no place there") + 1;
    if (ret == 0 && (s.list || s.disconnect != NULL)) {
        if (optind != argc)
            ret = img_fail_text("'%s': -L and -d take no file", argv[optind]) + 1;
        return ret;
    }
    if (ret == 0 && optind != argc - 1)
        ret = img_fail_text("%s", optind >= argc ? "Invalid number of arguments: FILE is missing" : "Invalid number of arguments") + 1;
    s.file = ret == 0 ? argv[optind] : NULL;
    return ret;
}

/* ---- listening */

static int listen_unix(struct error *err)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int                fd, probe;

    if (strlen(s.socket) >= sizeof a.sun_path)
        return error_set(err, ENAMETOOLONG, "UNIX socket path '%s' is too long: at most %zu bytes", s.socket, sizeof a.sun_path - 1);
    snprintf(a.sun_path, sizeof a.sun_path, "%s", s.socket);
    probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe >= 0 && connect(probe, (struct sockaddr *)&a, sizeof a) == 0) {
        close(probe);
        return error_set(err, EADDRINUSE, "Failed to bind socket to %s: another server listens there", s.socket);
    }
    if (probe >= 0)
        close(probe);
    unlink(s.socket);                            /* left behind by one that died */
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 64) < 0) {
        int ret = error_errno(err, "Failed to bind socket to %s", s.socket);

        if (fd >= 0)
            close(fd);
        return ret;
    }
    return fd;
}

static int listen_tcp(struct error *err)
{
    struct addrinfo hints = { .ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM }, *list, *a;
    int             fd = -1, one = 1, ret = getaddrinfo(s.bind, s.port, &hints, &list);

    if (ret != 0)
        return error_set(err, EINVAL, "address resolution failed for %s:%s: %s", s.bind, s.port, gai_strerror(ret));
    for (a = list; a != NULL && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
            continue;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, 64) < 0) {
            error_errno(err, "Failed to listen on %s port %s", s.bind, s.port);
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    return fd >= 0 ? fd : err->code ? err->code : -EIO;
}

/* A socket that systemd or libvirt opened for us: descriptor 3. */
static int activated(void)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");

    if (pid == NULL || fds == NULL || atoi(pid) != getpid() || atoi(fds) != 1)
        return -1;
    fcntl(3, F_SETFD, FD_CLOEXEC);
    fcntl(3, F_SETFL, fcntl(3, F_GETFL) | O_NONBLOCK);
    return 3;
}

static void client(void *arg)
{
    nbd_serve(&s.e, (int)(intptr_t)arg);
    s.e.clients--;
    co_queue_wake_all(&s.e.changed);
    if (s.e.clients == 0 && !s.persistent) {
        s.e.stop = true;
        io_poll_cancel(s.listen_fd);
    }
}

/* SIGINT, SIGTERM and SIGHUP end the server in order: clients are disconnected, the image is flushed. */
static void watch_signals(void *arg)
{
    int fd = (int)(intptr_t)arg;

    if (io_poll(fd, POLLIN) > 0) {
        s.e.stop = true;
        io_poll_cancel(s.listen_fd);
        co_queue_wake_all(&s.e.changed);
    }
    close(fd);
}

static int signals_begin(void)
{
    sigset_t set;
    int      fd;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd >= 0) {
        sigprocmask(SIG_BLOCK, &set, NULL);
        io_spawn(watch_signals, (void *)(intptr_t)fd);
    }
    return fd;
}

static void accept_loop(void)
{
    int signals = signals_begin();

    while (!s.e.stop) {
        int fd, one = 1;

        if (s.e.most > 0 && s.e.clients >= s.e.most) {
            co_queue_wait(&s.e.changed);
            continue;
        }
        if (io_poll(s.listen_fd, POLLIN) < 0)
            continue;
        fd = accept4(s.listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        s.e.clients++;
        io_spawn(client, (void *)(intptr_t)fd);
    }
    for (struct nbd_conn *c = s.e.conns; c != NULL; c = c->next) {
        c->dead = true;
        shutdown(c->fd, SHUT_RDWR);
        io_poll_cancel(c->fd);
    }
    while (s.e.clients > 0)
        co_queue_wait(&s.e.changed);
    if (signals >= 0)
        io_poll_cancel(signals);
    io_pass();
}

static void kernel_client(void *arg)
{
    nbd_serve_kernel(&s.e, (int)(intptr_t)arg);
    s.e.clients--;
    co_queue_wake_all(&s.e.changed);
}

static void stop_serving(void *arg)
{
    (void)arg;
    s.e.stop = true;
    co_queue_wake_all(&s.e.changed);
}

static void kernel_gone(void *loop)
{
    io_post(loop, stop_serving, NULL);
}

static int detach(void *device)
{
    nbd_device_detach(device);
    return 0;
}

/* -c: until the device is disconnected, or a signal comes. */
static void kernel_loop(int sock)
{
    int signals = signals_begin();

    s.e.clients = 1;
    io_spawn(kernel_client, (void *)(intptr_t)sock);
    while (!s.e.stop && s.e.clients > 0)
        co_queue_wait(&s.e.changed);
    io_work(detach, s.device);                   /* meanwhile the kernel's last requests are served */
    while (s.e.clients > 0)
        co_queue_wait(&s.e.changed);
    if (signals >= 0)
        io_poll_cancel(signals);
    io_pass();
}

static int write_pid(struct error *err)
{
    FILE *f;

    if (s.pid_file == NULL)
        return 0;
    f = fopen(s.pid_file, "w");
    if (f == NULL)
        return error_errno(err, "Failed to store PID in '%s'", s.pid_file);
    fprintf(f, "%d\n", (int)getpid());
    return fclose(f) == 0 ? 0 : error_errno(err, "Failed to store PID in '%s'", s.pid_file);
}

static int load_bitmaps(struct error *err)
{
    int ret = 0;

    for (int i = 0; i < s.e.bitmaps && ret == 0; i++)
        ret = blk_bitmap_load(s.e.n, s.e.bitmap_name[i], &s.e.bitmap[i], err);
    return ret;
}

/* -s: what clients write is gone when the server ends. */
static int put_overlay(struct error *err)
{
    struct blk_node *top = blk_overlay(s.e.n, s.flags | BLK_RDWR, err);

    if (top == NULL)
        return err->code;
    s.e.n = top;
    return 0;
}

static int start_listening(int *kernel_sock, struct error *err)
{
    if (s.kernel != NULL) {
        s.device = nbd_device_attach(s.kernel, s.e.n->bytes, s.e.writable, kernel_sock, kernel_gone, io_loop_here(), err);
        return s.device == NULL ? err->code : 0;
    }
    s.listen_fd = activated();
    if (s.listen_fd < 0)
        s.listen_fd = s.socket != NULL ? listen_unix(err) : listen_tcp(err);
    return s.listen_fd < 0 ? s.listen_fd : 0;
}

static int serve(int argc, char **argv)
{
    struct error err = ERROR_INIT;
    int          ret = 0, kernel_sock = -1;

    (void)argc, (void)argv;
    if (s.tls != NULL && (s.e.creds = tls_creds_load(s.tls, &err)) == NULL)
        return img_fail(&err);
    s.e.n = img_open(&s.g, s.file, s.g.fmt, s.overlay ? s.flags & ~(unsigned)BLK_RDWR : s.flags, s.g.cache);
    if (s.e.n == NULL)
        return 1;
    if (s.snapshot != NULL && (s.e.n->drv->snap_load == NULL || s.e.n->drv->snap_load(s.e.n, s.snapshot, &err) < 0))
        ret = err.code ? err.code : error_set(&err, ENOTSUP, "format '%s' has no snapshots", s.e.n->drv->name);
    if (ret == 0 && s.overlay)
        ret = put_overlay(&err);
    s.e.writable   = s.e.n->flags & BLK_RDWR && s.flags & BLK_RDWR;
    s.e.flush_each = s.e.n->flags & BLK_WRITETHROUGH;
    if (ret == 0)
        ret = load_bitmaps(&err);
    if (ret == 0)
        ret = start_listening(&kernel_sock, &err);
    if (ret == 0)
        ret = write_pid(&err);
    if (ret == 0) {
        if (s.ready_pipe >= 0) {
            (void)!write(s.ready_pipe, "r", 1);
            close(s.ready_pipe);
        }
        if (s.device != NULL)
            kernel_loop(kernel_sock);
        else
            accept_loop();
        blk_flush(s.e.n);
    }
    blk_unref(s.e.n);
    if (s.listen_fd >= 0)
        close(s.listen_fd);
    if (ret == 0 && s.socket != NULL)
        unlink(s.socket);
    if (ret == 0 && s.pid_file != NULL)
        unlink(s.pid_file);
    return ret < 0 ? img_fail(&err) : 0;
}

/* The parent stays until the server listens, and ends with its verdict. */
static int into_background(void)
{
    int   p[2];
    char  c;
    pid_t pid;

    if (pipe2(p, O_CLOEXEC) < 0 || (pid = fork()) < 0)
        return img_fail_text("cannot start in the background: %s", strerror(errno)), -1;
    if (pid > 0) {
        close(p[1]);
        _exit(read(p[0], &c, 1) == 1 ? 0 : 1);
    }
    close(p[0]);
    setsid();
    s.ready_pipe = p[1];
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null >= 0) {
        dup2(null, 0);
        dup2(null, 1);
    }
    return 0;
}

static int disconnect(void)
{
    struct error err = ERROR_INIT;

    if (nbd_device_disconnect(s.disconnect, &err) < 0)
        return img_fail(&err);
    printf("%s disconnected\n", s.disconnect);
    return 0;
}

static int nbd_main(int argc, char **argv, const char *arch)
{
    int ret = options(argc, argv);

    (void)arch;
    if (ret != 0)
        return ret - 1;
    if (s.list)
        return nbd_list(&(struct nbd_address){ .socket = s.socket, .host = str_eq(s.bind, "0.0.0.0") ? "localhost" : s.bind, .port = s.port, .tls = s.tls });
    if (s.disconnect != NULL)
        return disconnect();
    if (s.fork && into_background() < 0)
        return 1;
    return img_run(serve, argc, argv);
}

const struct personality nbd_personality = { .name = "nbd", .help = "disk images over the network", .main = nbd_main };

/* core/img/pr_helper.c - rhea-pr-helper: SCSI persistent reservations for machines that may not send them themselves.
 *
 * A privileged service. Who may connect to its socket may have PERSISTENT RESERVE IN and OUT sent to devices that he has
 * open: the descriptor comes along with each command. One thread a client:
 *
 *   greet: 4 bytes of features out, 4 in -> { command: 16 bytes and a descriptor, data for OUT -> SG_IO -> answer } ...
 *
 * A client that breaks the protocol is cut off. Source: QEMU, docs/interop/pr-helper.rst; SPC-4, 6.15 and 6.16. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <scsi/sg.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/personality.h"

enum { CDB = 16, SENSE = 96, DATA_MAX = 8192, ANSWER = 8 + SENSE, CLIENTS_MAX = 512, TIMEOUT_MS = 30000 };
enum { PR_IN = 0x5e, PR_OUT = 0x5f };
enum { GOOD = 0, CHECK_CONDITION = 2 };

static struct {
    const char *socket, *pid_file, *user, *group;
    bool        daemon, quiet, verbose, pid_given, activated;
    int         ready;
    atomic_int  clients;
} s = { .socket = "/run/rhea-pr-helper.sock", .pid_file = "/run/rhea-pr-helper.pid", .ready = -1 };

static int fail(const struct error *err)
{
    error_report(err);
    return 1;
}

/* ---- one command */

struct command {
    int      fd;
    uint8_t  cdb[CDB], data[DATA_MAX], sense[SENSE];
    uint32_t status, bytes;            /* of data: out before, in afterwards */
};

/* Fixed format: key, additional code and qualifier. */
static void set_sense(struct command *c, uint8_t key, uint8_t code)
{
    memset(c->sense, 0, sizeof c->sense);
    c->sense[0]  = 0x70;
    c->sense[2]  = key;
    c->sense[7]  = 10;
    c->sense[12] = code;
    c->status    = CHECK_CONDITION;
    c->bytes     = 0;
}

static bool may_change(int fd)
{
    return (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
}

/* SG_IO on one would reach a single path, and a key registered on one path is none on the others. */
static bool is_multipath(const struct stat *st)
{
    char  path[64], uuid[8] = "";
    FILE *f;

    if (!S_ISBLK(st->st_mode))
        return false;
    snprintf(path, sizeof path, "/sys/dev/block/%u:%u/dm/uuid", major(st->st_rdev), minor(st->st_rdev));
    f = fopen(path, "re");
    if (f == NULL)
        return false;                            /* no device-mapper device */
    if (fgets(uuid, sizeof uuid, f) == NULL)
        uuid[0] = '\0';
    fclose(f);
    return str_after(uuid, "mpath-") != NULL;
}

static void send_to_device(struct command *c)
{
    bool          in = c->cdb[0] == PR_IN;
    struct sg_io_hdr h = { .interface_id = 'S', .cmd_len = CDB, .cmdp = c->cdb, .mx_sb_len = SENSE, .sbp = c->sense, .timeout = TIMEOUT_MS,
                           .dxfer_direction = c->bytes == 0 ? SG_DXFER_NONE : in ? SG_DXFER_FROM_DEV : SG_DXFER_TO_DEV,
                           .dxferp = c->data, .dxfer_len = c->bytes };
    struct stat   st;
    int           ret;

    if (fstat(c->fd, &st) < 0 || (!in && !may_change(c->fd))) {
        set_sense(c, 7, 0x27);                   /* data protect */
        return;
    }
    if (is_multipath(&st)) {
        set_sense(c, 5, 0x20);
        return;
    }
    do
        ret = ioctl(c->fd, SG_IO, &h);
    while (ret < 0 && errno == EINTR);
    if (ret < 0 && (errno == ENOTTY || errno == EINVAL)) {
        set_sense(c, 5, 0x20);                   /* no such command: it is no SCSI device */
    } else if (ret < 0 || (h.status == GOOD && h.host_status != 0)) {
        set_sense(c, 4, 0x44);                   /* internal target failure: the transport */
    } else {
        c->status = h.status;
        c->bytes  = in && h.status == GOOD ? c->bytes - (uint32_t)(h.resid > 0 && (uint32_t)h.resid <= c->bytes ? h.resid : 0) : 0;
    }
}

/* ---- the socket. All of these: 0, or -1 when the client is to be cut off. */

static int take(int sock, void *buf, size_t len)
{
    for (char *p = buf; len > 0;) {
        ssize_t n = recv(sock, p, len, 0);

        if (n <= 0 && !(n < 0 && errno == EINTR))
            return -1;
        p += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int give(int sock, const void *buf, size_t len)
{
    for (const char *p = buf; len > 0;) {
        ssize_t n = send(sock, p, len, MSG_NOSIGNAL);

        if (n <= 0 && !(n < 0 && errno == EINTR))
            return -1;
        p += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* Descriptors of one message; only one is wanted, the others are closed. */
static void take_descriptors(struct msghdr *m, int *fd)
{
    for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h != NULL; h = CMSG_NXTHDR(m, h)) {
        size_t n = h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS ? (h->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;

        for (size_t i = 0; i < n; i++) {
            int got;

            memcpy(&got, CMSG_DATA(h) + i * sizeof got, sizeof got);
            if (*fd < 0)
                *fd = got;
            else
                close(got);
        }
    }
}

static int take_cdb(int sock, struct command *c)
{
    size_t have = 0;

    while (have < CDB) {
        union { char bytes[CMSG_SPACE(8 * sizeof(int))]; struct cmsghdr align; } control;
        struct iovec  v = { c->cdb + have, CDB - have };
        struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes };
        ssize_t       n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        take_descriptors(&m, &c->fd);
        have += (size_t)n;
    }
    return c->fd >= 0 ? 0 : -1;
}

static int take_command(int sock, struct command *c)
{
    if (take_cdb(sock, c) < 0)
        return -1;
    if (c->cdb[0] == PR_IN)
        c->bytes = load_be16(c->cdb + 7);
    else if (c->cdb[0] == PR_OUT)
        c->bytes = load_be32(c->cdb + 5);
    else
        return -1;
    if (c->bytes > DATA_MAX)
        return -1;
    return c->cdb[0] == PR_OUT ? take(sock, c->data, c->bytes) : 0;
}

static int answer(int sock, const struct command *c)
{
    uint8_t b[ANSWER];

    store_be32(b, c->status);
    store_be32(b + 4, c->bytes);
    memcpy(b + 8, c->sense, SENSE);
    return give(sock, b, sizeof b) == 0 ? give(sock, c->data, c->bytes) : -1;
}

static int one_command(int sock, struct command *c)
{
    int ret;

    memset(c, 0, sizeof *c);
    c->fd = -1;
    ret = take_command(sock, c);
    if (ret == 0) {
        send_to_device(c);
        if (s.verbose)
            note_say("command %02x %02x: status %u, %u bytes", c->cdb[0], c->cdb[1] & 0x1f, c->status, c->bytes);
        ret = answer(sock, c);
    }
    if (c->fd >= 0)
        close(c->fd);
    return ret;
}

static void *client(void *arg)
{
    int             sock = (int)(intptr_t)arg;
    struct command *c = NEW(struct command);
    uint8_t         features[4] = { 0 };

    if (give(sock, features, 4) == 0 && take(sock, features, 4) == 0 && load_be32(features) == 0)
        while (one_command(sock, c) == 0)
            ;
    free(c);
    close(sock);
    atomic_fetch_sub(&s.clients, 1);
    return NULL;
}

/* ---- the service */

static int listen_here(struct error *err)
{
    const char        *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int                fd, probe;

    s.activated = pid != NULL && fds != NULL && atoi(pid) == getpid() && atoi(fds) == 1;
    if (s.activated)
        return 3;
    if (strlen(s.socket) >= sizeof a.sun_path)
        return error_set(err, ENAMETOOLONG, "UNIX socket path '%s' is too long: at most %zu bytes", s.socket, sizeof a.sun_path - 1);
    memcpy(a.sun_path, s.socket, strlen(s.socket) + 1);
    probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe >= 0 && connect(probe, (struct sockaddr *)&a, sizeof a) == 0) {
        close(probe);
        return error_set(err, EADDRINUSE, "Failed to bind socket to %s: another helper listens there", s.socket);
    }
    if (probe >= 0)
        close(probe);
    unlink(s.socket);                            /* left behind by one that died */
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 64) < 0) {
        error_errno(err, "Failed to bind socket to %s", s.socket);
        if (fd >= 0)
            close(fd);
        return err->code;
    }
    return fd;
}

/* What is left of root is the right to send these commands: CAP_SYS_RAWIO. */
static int drop_privileges(struct error *err)
{
    struct passwd *pw = s.user != NULL ? getpwnam(s.user) : NULL;
    struct group  *gr = s.group != NULL ? getgrnam(s.group) : NULL;
    struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct   d[2] = { { .effective = 1u << CAP_SYS_RAWIO, .permitted = 1u << CAP_SYS_RAWIO } };

    if (s.user != NULL && pw == NULL)
        return error_set(err, EINVAL, "--user=%s: there is no such user", s.user);
    if (s.group != NULL && gr == NULL)
        return error_set(err, EINVAL, "--group=%s: there is no such group", s.group);
    if (geteuid() != 0)
        return s.user != NULL || s.group != NULL ? error_set(err, EPERM, "--user and --group need root") : 0;
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || (gr != NULL && setgid(gr->gr_gid) < 0) || (gr == NULL && pw != NULL && setgid(pw->pw_gid) < 0) ||
        ((pw != NULL || gr != NULL) && setgroups(0, NULL) < 0) || (pw != NULL && setuid(pw->pw_uid) < 0))
        return error_errno(err, "cannot become user '%s', group '%s'", s.user != NULL ? s.user : "root", s.group != NULL ? s.group : "of it");
    if (syscall(SYS_capset, &h, d) < 0)
        return error_errno(err, "cannot give up capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_errno(err, "cannot give up new privileges");
    return 0;
}

static int write_pid(struct error *err)
{
    FILE *f;

    if (!s.daemon && !s.pid_given)
        return 0;
    f = fopen(s.pid_file, "w");
    if (f == NULL || fprintf(f, "%d\n", (int)getpid()) < 0 || fclose(f) != 0)
        return error_errno(err, "Failed to store PID in '%s'", s.pid_file);
    return 0;
}

static void serve_one(int listener)
{
    pthread_t id;
    int       sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

    if (sock < 0)
        return;
    if (atomic_fetch_add(&s.clients, 1) < CLIENTS_MAX && pthread_create(&id, NULL, client, (void *)(intptr_t)sock) == 0) {
        pthread_detach(id);
        return;
    }
    atomic_fetch_sub(&s.clients, 1);
    close(sock);
}

static int serve(void)
{
    struct error  err = ERROR_INIT;
    sigset_t      set;
    int           listener, signals, ret;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    listener = listen_here(&err);
    if (listener < 0)
        return fail(&err);
    signals = signalfd(-1, &set, SFD_CLOEXEC);
    ret = write_pid(&err);                       /* while there may still be the right to */
    if (ret == 0)
        ret = drop_privileges(&err);
    if (ret == 0 && s.ready >= 0) {
        (void)!write(s.ready, "r", 1);
        close(s.ready);
    }
    struct pollfd p[2] = { { .fd = listener, .events = POLLIN }, { .fd = signals, .events = POLLIN } };

    while (ret == 0 && (poll(p, 2, -1) >= 0 || errno == EINTR) && !(p[1].revents & POLLIN))
        if (p[0].revents & POLLIN)
            serve_one(listener);
    if (!s.activated)
        unlink(s.socket);
    if (s.daemon || s.pid_given)
        unlink(s.pid_file);
    return ret < 0 ? fail(&err) : 0;
}

static int into_background(void)
{
    int   p[2], null;
    char  c;
    pid_t pid;

    if (pipe2(p, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
        error_say("cannot start in the background: %s", strerror(errno));
        return -1;
    }
    if (pid > 0) {
        close(p[1]);
        _exit(read(p[0], &c, 1) == 1 ? 0 : 1);
    }
    close(p[0]);
    setsid();
    s.ready = p[1];
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, 0);
        dup2(null, 1);
    }
    return 0;
}

static int usage(void)
{
    printf("Usage: rhea-pr-helper [OPTIONS]\nSCSI persistent reservations for virtual machines\n\n"
           "  -h, --help                display this help and exit\n"
           "  -V, --version             output version information and exit\n"
           "  -d, --daemon              run in the background\n"
           "  -f, --pidfile=PATH        PID file when running as a daemon (default '%s')\n"
           "  -k, --socket=PATH         path to the unix socket (default '%s')\n"
           "  -u, --user=USER           user to become\n"
           "  -g, --group=GROUP         group to become\n"
           "  -q, --quiet               say nothing\n"
           "  -v, --verbose             say what each command does\n\n"
           "The socket may also come from systemd (LISTEN_FDS). Of root's rights CAP_SYS_RAWIO alone is kept.\n"
           "Multipath devices are refused: a key would be registered on one path only. Give the machine a path's own device.\n", s.pid_file, s.socket);
    return 0;
}

static int pr_helper_main(int argc, char **argv, const char *arch)
{
    static const struct option longs[] = {
        { "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' }, { "daemon", no_argument, NULL, 'd' },
        { "pidfile", required_argument, NULL, 'f' }, { "socket", required_argument, NULL, 'k' }, { "user", required_argument, NULL, 'u' },
        { "group", required_argument, NULL, 'g' }, { "quiet", no_argument, NULL, 'q' }, { "verbose", no_argument, NULL, 'v' }, { NULL, 0, NULL, 0 },
    };
    int opt;

    (void)arch;
    while ((opt = getopt_long(argc, argv, "hVdf:k:u:g:qv", longs, NULL)) != -1)
        switch (opt) {
        case 'h': return usage();
        case 'V': version_print("qemu-pr-helper"); return 0;
        case 'd': s.daemon = true; break;
        case 'f': s.pid_file = optarg; s.pid_given = true; break;
        case 'k': s.socket = optarg; break;
        case 'u': s.user = optarg; break;
        case 'g': s.group = optarg; break;
        case 'q': s.verbose = false; s.quiet = true; break;
        case 'v': s.verbose = !s.quiet; break;
        default: fprintf(stderr, "Try 'rhea-pr-helper --help' for more information\n"); return 1;
        }
    if (optind != argc) {
        error_say("'%s' is one word too many: rhea-pr-helper takes options only", argv[optind]);
        return 1;
    }
    if (s.socket[0] != '/') {
        error_say("socket path must be absolute");
        return 1;
    }
    if (s.daemon && into_background() < 0)
        return 1;
    return serve();
}

const struct personality pr_helper_personality = { .name = "pr-helper", .help = "SCSI persistent reservations for machines", .main = pr_helper_main };

/* The gdb server of user mode. A host thread reads the connection; guest threads park in user_gdb_enter() while the
 * program is stopped. A thread inside a system call counts as stopped: it parks when the call returns.
 *
 *   running --stopped(), or the client's break byte--> stopped --resume()--> running, or one thread stepping */
#include "core/user/gdb.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/user/user.h"

enum { THREADS_MAX = 4096, WAIT_US = 100, WAIT_TURNS = 20000 };

atomic_bool user_gdb_on;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t go;
    struct user_thread *threads[THREADS_MAX];  /* by vCPU number */
    bool stopped;
    struct vcpu *step;                         /* only this one may run */
    struct gdb_stub *stub;
    const struct debug_points *points;
    int fd;
} g = { .lock = PTHREAD_MUTEX_INITIALIZER, .go = PTHREAD_COND_INITIALIZER, .fd = -1 };

/* --- threads ------------------------------------------------------------------------------------------------------- */

void user_gdb_thread(struct user_thread *t, bool comes)
{
    pthread_mutex_lock(&g.lock);
    if (comes) {
        unsigned i = 0;

        while (i < THREADS_MAX - 1 && g.threads[i])
            i++;
        g.threads[i] = t;
        t->vcpu->index = i;
        t->vcpu->debug = g.points;
    } else if (g.threads[t->vcpu->index] == t) {
        g.threads[t->vcpu->index] = NULL;
        if (g.step == t->vcpu)
            g.step = NULL;
    }
    pthread_mutex_unlock(&g.lock);
}

void user_gdb_enter(struct user_thread *t)
{
    if (t->vfork_child)
        return;
    pthread_mutex_lock(&g.lock);
    while (atomic_load(&user_gdb_on) && (g.stopped || (g.step && g.step != t->vcpu)))
        pthread_cond_wait(&g.go, &g.lock);
    atomic_store(&t->in_guest, true);
    pthread_mutex_unlock(&g.lock);
}

void user_gdb_leave(struct user_thread *t) { atomic_store(&t->in_guest, false); }

/* The lock is held. Returns when no other thread is in the guest. */
static void stop_others(const struct user_thread *but)
{
    g.stopped = true;
    g.step = NULL;
    for (unsigned turn = 0; turn < WAIT_TURNS; turn++) {
        bool busy = false;

        for (unsigned i = 0; i < THREADS_MAX; i++) {
            struct user_thread *t = g.threads[i];

            if (!t || t == but || !atomic_load(&t->in_guest))
                continue;
            busy = true;
            __atomic_store_n(&t->env->exit_request, 1, __ATOMIC_SEQ_CST);
        }
        if (!busy)
            return;
        usleep(WAIT_US);
    }
}

void user_gdb_stopped(struct user_thread *t, enum gdb_why why, uint64_t what)
{
    if (t->vfork_child)
        return;
    pthread_mutex_lock(&g.lock);
    t->vcpu->single_step = false;
    if (atomic_load(&user_gdb_on)) {
        /* two may stop at once: the second waits its turn, as if it had not run yet */
        while (g.stopped && atomic_load(&user_gdb_on))
            pthread_cond_wait(&g.go, &g.lock);
        stop_others(t);
        gdb_stub_stopped(g.stub, t->vcpu, why, what);
        while (g.stopped && atomic_load(&user_gdb_on))
            pthread_cond_wait(&g.go, &g.lock);
    }
    pthread_mutex_unlock(&g.lock);
}

/* gdb has numbers of its own. Source: GDB, include/gdb/signals.def. */
static int gdb_signal(int signo)
{
    switch (signo) {
    case SIGBUS: return 10;
    case SIGUSR1: return 30;
    case SIGUSR2: return 31;
    case SIGSYS: return 12;
    case SIGTSTP: return 18;
    case SIGTTIN: return 21;
    case SIGTTOU: return 22;
    case SIGXCPU: return 24;
    case SIGXFSZ: return 25;
    default: return signo <= 15 ? signo : 143; /* GDB_SIGNAL_UNKNOWN */
    }
}

void user_gdb_signal(struct user_thread *t, int signo)
{
    /* what gdb does not stop for by default */
    if (signo == SIGCHLD || signo == SIGALRM || signo == SIGURG || signo == SIGWINCH || signo == SIGCONT || signo >= 32 ||
        signo == SIGVTALRM || signo == SIGPROF || signo == SIGIO)
        return;
    user_gdb_stopped(t, GDB_STOP_SIGNAL, (uint64_t)gdb_signal(signo));
}

void user_gdb_exited(int code, bool by_signal)
{
    pthread_mutex_lock(&g.lock);
    if (atomic_load(&user_gdb_on))
        gdb_stub_exited(g.stub, by_signal ? gdb_signal(code) : code, by_signal);
    pthread_mutex_unlock(&g.lock);
}

void user_gdb_forked(struct user_thread *t)
{
    pthread_mutex_init(&g.lock, NULL);
    pthread_cond_init(&g.go, NULL);
    atomic_store(&user_gdb_on, false);
    if (g.fd >= 0)
        close(g.fd);
    g.fd = -1;
    g.points = NULL;
    memset(g.threads, 0, sizeof g.threads);
    g.threads[t->vcpu->index] = t;
    t->vcpu->debug = NULL;
    t->vcpu->single_step = false;
}

/* --- what the stub asks for; the lock is held ------------------------------------------------------------------------ */

static unsigned count_threads(void *opaque)
{
    unsigned n = THREADS_MAX;

    (void)opaque;
    while (n && !g.threads[n - 1])
        n--;
    return n;
}

static struct vcpu *get_thread(void *opaque, unsigned index)
{
    (void)opaque;
    return index < THREADS_MAX && g.threads[index] ? g.threads[index]->vcpu : NULL;
}

static int read_memory(void *opaque, struct vcpu *v, uint64_t addr, void *buf, size_t n)
{
    (void)opaque, (void)v;
    return user_read(buf, addr, n);
}

/* Through /proc/self/mem: also where the guest may not write, such as its code. */
static int write_memory(void *opaque, struct vcpu *v, uint64_t addr, const void *buf, size_t n)
{
    int fd = open("/proc/self/mem", O_WRONLY | O_CLOEXEC);
    ssize_t done = -1;

    (void)opaque, (void)v;
    if (fd >= 0 && user_range(addr, n) && user_page_prot(addr) >= 0)
        done = pwrite(fd, buf, n, (off_t)(uintptr_t)user_host(addr));
    if (fd >= 0)
        close(fd);
    if (done != (ssize_t)n)
        return -EFAULT;
    user_code_changed(addr, n);
    return 0;
}

static void resume(void *opaque, struct vcpu *step)
{
    (void)opaque;
    g.step = step;
    if (step)
        step->single_step = true;
    g.stopped = false;
    pthread_cond_broadcast(&g.go);
}

static void stop(void *opaque)
{
    (void)opaque;
    stop_others(NULL);
    gdb_stub_stopped(g.stub, NULL, GDB_STOP_ASKED, 0);
}

static void set_points(void *opaque, const struct debug_points *p)
{
    (void)opaque;
    g.points = p;
    for (unsigned i = 0; i < THREADS_MAX; i++)
        if (g.threads[i])
            g.threads[i]->vcpu->debug = p;
}

static void kill_program(void *opaque)
{
    (void)opaque;
    _exit(128 + SIGKILL);
}

static void *object(void *opaque, const char *name, size_t *n)
{
    (void)opaque;
    if (str_eq(name, "auxv")) {
        *n = user_proc.auxv_bytes;
        return xmemdup(user_proc.auxv, *n);
    }
    if (str_eq(name, "exec-file")) {
        *n = strlen(user_proc.exe);
        return xstrdup(user_proc.exe);
    }
    return NULL;
}

static void send_bytes(void *opaque, const char *bytes, size_t n)
{
    (void)opaque;
    while (n) {
        ssize_t done = send(g.fd, bytes, n, MSG_NOSIGNAL);

        if (done <= 0)
            return;
        bytes += done;
        n -= (size_t)done;
    }
}

/* The client has gone: the program runs on by itself. */
static void gone(void *opaque)
{
    (void)opaque;
    atomic_store(&user_gdb_on, false);
    for (unsigned i = 0; i < THREADS_MAX; i++)
        if (g.threads[i]) {
            g.threads[i]->vcpu->debug = NULL;
            g.threads[i]->vcpu->single_step = false;
        }
    g.points = NULL;
    g.stopped = false;
    pthread_cond_broadcast(&g.go);
}

static const struct gdb_calls calls = {
    .threads = count_threads, .thread = get_thread, .read = read_memory, .write = write_memory, .resume = resume,
    .stop = stop, .points = set_points, .kill = kill_program, .object = object, .send = send_bytes, .gone = gone,
    .no_watch = true,
};

/* --- the connection ------------------------------------------------------------------------------------------------ */

static void *serve(void *arg)
{
    char buf[4096];
    ssize_t n;

    (void)arg;
    while (atomic_load(&user_gdb_on) && (n = recv(g.fd, buf, sizeof buf, 0)) > 0) {
        pthread_mutex_lock(&g.lock);
        gdb_stub_feed(g.stub, buf, (size_t)n);
        pthread_mutex_unlock(&g.lock);
    }
    pthread_mutex_lock(&g.lock);
    gone(NULL);
    close(g.fd);
    g.fd = -1;
    pthread_mutex_unlock(&g.lock);
    return NULL;
}

static int listen_tcp(uint64_t port, struct error *err)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (void *)&a, sizeof a) < 0 || listen(fd, 1) < 0) {
        int ret = error_errno(err, "-g %llu: cannot listen on this port; choose another", (unsigned long long)port);

        if (fd >= 0)
            close(fd);
        return ret;
    }
    return fd;
}

static int listen_unix(const char *path, struct error *err)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd;

    if (strlen(path) >= sizeof a.sun_path)
        return error_set(err, ENAMETOOLONG, "-g %s: the path of a socket has at most %zu bytes", path, sizeof a.sun_path - 1);
    strcpy(a.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (void *)&a, sizeof a) < 0 || listen(fd, 1) < 0) {
        int ret = error_errno(err, "-g %s: cannot listen on this socket", path);

        if (fd >= 0)
            close(fd);
        return ret;
    }
    return fd;
}

int user_gdb_start(const char *where, struct error *err)
{
    sigset_t all, old;
    uint64_t port;
    pthread_t thread;
    bool tcp = !str_u64(where, &port);
    int listener, on = 1;

    if (tcp && (port < 1 || port > 65535))
        return error_set(err, EINVAL, "-g %s: ports are 1 to 65535", where);
    listener = tcp ? listen_tcp(port, err) : listen_unix(where, err);
    if (listener < 0)
        return listener;
    g.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    close(listener);
    if (!tcp)
        unlink(where);
    if (g.fd < 0)
        return error_errno(err, "-g %s: no debugger could connect", where);
    setsockopt(g.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    g.fd = user_high_fd(g.fd);
    g.stub = gdb_stub_new(&calls, NULL);
    g.stopped = true;
    atomic_store(&user_gdb_on, true);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    if (pthread_create(&thread, NULL, serve, NULL))
        error_exit("-g %s: cannot start the thread that talks to the debugger", where);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_detach(thread);
    return 0;
}

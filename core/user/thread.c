/* Guest threads: each is a host thread with a vCPU. Threads, forks and vforks are made here, and end here.
 *
 * fork() is the host's fork: the child goes on with the one vCPU that called. vfork() is the host's vfork: the child
 * runs on its parent's memory and host stack, with copies of what a child may change (registers, signal actions), until
 * it execs or exits; so posix_spawn() sees its child's errors as on a real kernel. */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/user/gdb.h"
#include "core/user/syscall.h"
#include "core/user/user.h"

struct user_process user_proc;

/* Younger than some systems' headers. */
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

enum { HOST_STACK_BYTES = 512 << 10 };

/* --- vCPUs --------------------------------------------------------------------------------------------------------- */

/* Fresh pages: most of what the accelerator keeps behind the state is never touched. */
static size_t env_bytes(void)
{
    size_t extra = user_proc.accel->env_extra ? user_proc.accel->env_extra() : 0;

    return ((user_proc.target->env_size + 63) & ~(size_t)63) + extra;
}

static void vcpu_delete(struct vcpu *v)
{
    if (v->accel->vcpu_destroy)
        v->accel->vcpu_destroy(v);
    munmap(v->env, env_bytes());
    free(v);
}

static uint64_t read_time(void *opaque)
{
    struct timespec ts;

    (void)opaque;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)((unsigned __int128)((uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec) *
                      user_proc.abi->time_hz / 1000000000u);
}

static struct vcpu *vcpu_new(struct error *err)
{
    struct vcpu *v = NEW(struct vcpu);

    v->target = user_proc.target;
    v->model = user_proc.model;
    v->accel = user_proc.accel;
    v->env = mmap(NULL, env_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (v->env == MAP_FAILED) {
        error_errno(err, "no memory for the state of a CPU");
        free(v);
        return NULL;
    }
    v->read_time = read_time;
    v->env->vcpu = v;
    v->env->mxcsr = 0x1f80;
    v->target->init(v->env, v->model, false);
    if (v->target->reset)
        v->target->reset(v->env);
    if (v->accel->vcpu_create(v, err) < 0) {
        munmap(v->env, env_bytes());
        free(v);
        return NULL;
    }
    return v;
}

static struct user_thread *thread_new(struct error *err)
{
    struct vcpu *v = vcpu_new(err);
    struct user_thread *t;

    if (!v)
        return NULL;
    t = NEW(struct user_thread);
    t->vcpu = v;
    t->env = v->env;
    v->machine_priv = t;
    user_gdb_thread(t, true);
    atomic_fetch_add(&user_proc.nthreads, 1);
    return t;
}

struct user_thread *user_thread_first(struct error *err)
{
    struct user_thread *t = thread_new(err);

    if (!t)
        return NULL;
    t->first = true;
    t->tid = t->pid = getpid();
    return t;
}

/* --- running ------------------------------------------------------------------------------------------------------- */

static void stopped_for_debugger(struct user_thread *t)
{
    if (!atomic_load(&user_gdb_on)) {
        t->vcpu->single_step = false;
        return;
    }
    user_gdb_stopped(t, t->vcpu->single_step ? GDB_STOP_STEP : GDB_STOP_BREAK, t->env->pc);
}

static int run_watched(struct user_thread *t)
{
    int why;

    user_gdb_enter(t);
    why = t->vcpu->accel->vcpu_run(t->vcpu);
    user_gdb_leave(t);
    return why;
}

void user_loop(struct user_thread *t)
{
    int (*run)(struct vcpu *v) = t->vcpu->accel->vcpu_run;

    while (!t->exiting) {
        int why = unlikely(atomic_load_explicit(&user_gdb_on, memory_order_relaxed)) ? run_watched(t) : run(t->vcpu);

        switch (why) {
        case VCPU_SYSCALL:
            user_serve(t);
            break;
        case VCPU_EXCEPTION:
            user_signal_exception(t);
            break;
        case VCPU_DEBUG:
            stopped_for_debugger(t);
            break;
        default:
            break;
        }
        if (unlikely(t->pending))
            user_signal_deliver(t, NULL);
        if (unlikely(t->vcpu->single_step) && why != VCPU_DEBUG && why != VCPU_KICKED)
            stopped_for_debugger(t);           /* the step ended in the kernel */
    }
}

int user_high_fd(int fd)
{
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 900);

    if (high < 0)
        return fd;
    close(fd);
    return high;
}

/* What the kernel does with the list of robust mutexes of a thread that ends (linux/Documentation/robust-futexes). */
static void robust_release(struct user_thread *t, uint64_t entry, uint64_t offset, bool pending_op)
{
    uint64_t addr = (entry & ~UINT64_C(1)) + offset;
    uint32_t word, *host;

    if (user_narrow())
        addr = (uint32_t)addr;
    host = user_host(addr);
    if (user_read(&word, addr, 4) < 0)
        return;
    if (pending_op && !word) {
        user_raw(SYS_futex, (uintptr_t)host, FUTEX_WAKE, 1, 0, 0, 0);
        return;
    }
    while ((word & FUTEX_TID_MASK) == (uint32_t)t->tid) {
        uint32_t want = (word & FUTEX_WAITERS) | FUTEX_OWNER_DIED;

        if (__atomic_compare_exchange_n(host, &word, want, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
            if (word & FUTEX_WAITERS)
                user_raw(SYS_futex, (uintptr_t)host, FUTEX_WAKE, 1, 0, 0, 0);
            return;
        }
    }
}

/* Words of the guest's size. */
static int read_words(uint64_t *to, uint64_t from, unsigned n)
{
    uint32_t narrow[3];

    if (!user_narrow())
        return user_read(to, from, n * 8);
    if (user_read(narrow, from, n * 4) < 0)
        return -EFAULT;
    for (unsigned i = 0; i < n; i++)
        to[i] = narrow[i];
    return 0;
}

void user_robust_exit(struct user_thread *t)
{
    static struct robust_list_head empty = { { &empty.list }, 0, NULL };
    uint64_t head[3], entry;

    if (!t->robust_head)
        return;
    if (!read_words(head, t->robust_head, 3)) {
        if (user_narrow())
            head[1] = (uint64_t)(int32_t)head[1];
        entry = head[0];
        for (unsigned n = 0; (entry & ~UINT64_C(1)) != t->robust_head && n < ROBUST_LIST_LIMIT; n++) {
            uint64_t next;

            if (read_words(&next, entry & ~UINT64_C(1), 1) < 0)
                break;
            if (entry != head[2])
                robust_release(t, entry, head[1], false);
            entry = next;
        }
        if (head[2])
            robust_release(t, head[2], head[1], true);
    }
    user_raw(SYS_set_robust_list, (uintptr_t)&empty, sizeof empty, 0, 0, 0, 0);
}

void user_exit_group(struct user_thread *t, int status)
{
    if (!t->vfork_child && atomic_load(&user_gdb_on))
        user_gdb_exited(status, false);
    if (!t->vfork_child && user_base)
        user_robust_exit(t);                   /* else the kernel walks the list */
    if (!t->vfork_child && log_on(LOG_TIMING) && user_proc.accel->info) {
        user_proc.accel->info(log_begin());
        log_end();
    }
    for (;;)
        user_raw(SYS_exit_group, (uint64_t)status, 0, 0, 0, 0, 0);
}

void user_exit_thread(struct user_thread *t, int status)
{
    if (t->vfork_child || atomic_load(&user_proc.nthreads) == 1)
        user_exit_group(t, t->vfork_child || t->first ? status : user_proc.first_status);
    if (t->first)
        user_proc.first_status = status;
    t->exit_status = status;
    t->exiting = true;
}

/* The end of a thread that is not the last. The joiner may reuse its guest stack from the wake-up on. */
static void thread_end(struct user_thread *t)
{
    uint64_t clear_tid = t->clear_tid;
    uint32_t zero = 0;
    bool last;

    user_robust_exit(t);
    user_gdb_thread(t, false);
    user_signal_leave(t);
    vcpu_delete(t->vcpu);
    free(t);
    last = atomic_fetch_sub(&user_proc.nthreads, 1) == 1;
    if (clear_tid && !user_write(clear_tid, &zero, 4))
        user_raw(SYS_futex, (uintptr_t)user_host(clear_tid), FUTEX_WAKE, 1, 0, 0, 0);
    if (last)
        user_raw(SYS_exit_group, (uint64_t)user_proc.first_status, 0, 0, 0, 0, 0);
}

void user_run_first(struct user_thread *t)
{
    int status;

    user_loop(t);
    status = t->exit_status;
    thread_end(t);
    for (;;)                                   /* not exit(): the other threads go on */
        user_raw(SYS_exit, (uint64_t)status, 0, 0, 0, 0, 0);
}

/* --- clone --------------------------------------------------------------------------------------------------------- */

/* On the parent's stack while it waits: the new thread may end at any time after it has told its tid. */
struct birth {
    struct user_thread *t;
    int tid;
};

static void *thread_main(void *arg)
{
    struct birth *b = arg;
    struct user_thread *t = b->t;
    uint32_t tid = (uint32_t)gettid();

    if (t->set_tid[0])
        user_write(t->set_tid[0], &tid, 4);
    if (t->set_tid[1])
        user_write(t->set_tid[1], &tid, 4);
    t->tid = (int)tid;
    __atomic_store_n(&b->tid, (int)tid, __ATOMIC_RELEASE);
    user_raw(SYS_futex, (uintptr_t)&b->tid, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, 0, 0, 0);
    user_signal_enter(t);
    user_loop(t);
    thread_end(t);
    return NULL;
}

static int start_host_thread(struct birth *b)
{
    pthread_attr_t attr;
    sigset_t all;
    pthread_t thread;
    int ret;

    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, HOST_STACK_BYTES);
    pthread_attr_setsigmask_np(&attr, &all);
    ret = pthread_create(&thread, &attr, thread_main, b);
    pthread_attr_destroy(&attr);
    return ret;
}

static int64_t clone_thread(struct user_thread *parent, const struct user_clone *c)
{
    const struct target_user *abi = user_proc.abi;
    struct user_thread *t = thread_new(NULL);
    struct birth b = { t, 0 };

    if (!t)
        return -EAGAIN;
    abi->copy_regs(t->env, parent->env);
    t->env->pc = parent->env->pc;
    t->env->mxcsr = parent->env->mxcsr;
    abi->set_result(t->env, 0);
    if (c->stack)
        abi->set_sp(t->env, c->stack);
    if (c->flags & CLONE_SETTLS)
        abi->set_tls(t->env, c->tls);
    t->pid = parent->pid;
    t->sig = user_signal_thread(parent);
    t->clear_tid = c->flags & CLONE_CHILD_CLEARTID ? c->child_tid : 0;
    t->set_tid[0] = c->flags & CLONE_CHILD_SETTID ? c->child_tid : 0;
    t->set_tid[1] = c->flags & CLONE_PARENT_SETTID ? c->parent_tid : 0;
    if (start_host_thread(&b)) {
        atomic_fetch_sub(&user_proc.nthreads, 1);
        user_gdb_thread(t, false);
        vcpu_delete(t->vcpu);
        free(t->sig);
        free(t);
        return -EAGAIN;
    }
    while (!__atomic_load_n(&b.tid, __ATOMIC_ACQUIRE))
        user_raw(SYS_futex, (uintptr_t)&b.tid, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, 0, 0, 0);
    return b.tid;
}

static void child_regs(struct user_thread *t, const struct user_clone *c)
{
    uint32_t tid = (uint32_t)t->tid;

    user_proc.abi->set_result(t->env, 0);
    if (c->stack)
        user_proc.abi->set_sp(t->env, c->stack);
    if (c->flags & CLONE_SETTLS)
        user_proc.abi->set_tls(t->env, c->tls);
    if (c->flags & CLONE_CHILD_SETTID)
        user_write(c->child_tid, &tid, 4);
    t->clear_tid = c->flags & CLONE_CHILD_CLEARTID ? c->child_tid : 0;
}

/* Flags of clone() that fork() cannot give. */
#define HOST_FLAGS (CLONE_FS | CLONE_FILES | CLONE_PARENT | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
                    CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_IO | CLONE_NEWTIME | CLONE_INTO_CGROUP)

static bool is_plain(const struct user_clone *c)
{
    return !(c->flags & HOST_FLAGS) && c->exit_signal == SIGCHLD && !c->set_tid_size;
}

/* Where the C library keeps the thread's id, which it takes from there: fork() would have it set so. */
static uint64_t library_tid(void)
{
    uint64_t at = 0;

    return user_raw(SYS_prctl, PR_GET_TID_ADDRESS, (uintptr_t)&at, 0, 0, 0, 0) < 0 ? 0 : at;
}

/* What fork() cannot do: the kernel's own call, with the memory copied. The library is told what it would have known. */
static int64_t host_clone(const struct user_clone *c)
{
    uint64_t tid = library_tid();
    struct clone_args h = {
        .flags = (c->flags & (HOST_FLAGS | CLONE_VFORK)) | (tid ? CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID : 0),
        .child_tid = tid, .exit_signal = (unsigned)c->exit_signal, .set_tid = c->set_tid, .set_tid_size = c->set_tid_size,
        .cgroup = c->cgroup,
    };
    int64_t pid = user_raw(SYS_clone3, (uintptr_t)&h, sizeof h, 0, 0, 0, 0);

    if (pid == -ENOSYS && !h.set_tid && !(h.flags & CLONE_INTO_CGROUP))
        pid = user_raw(SYS_clone, h.flags | h.exit_signal, 0, 0, tid, 0, 0);
    return pid;
}

static void fork_child(struct user_thread *t, const struct user_clone *c)
{
    user_proc.accel->fork(t->vcpu, FORK_CHILD);
    t->tid = t->pid = getpid();
    t->first = true;
    atomic_store(&user_proc.nthreads, 1);
    user_gdb_forked(t);
    if (t->robust_head && !user_base)
        user_raw(SYS_set_robust_list, user_hostp(t->robust_head), 24, 0, 0, 0, 0);
    if (c->flags & CLONE_CLEAR_SIGHAND)
        user_signal_clear(t);
    child_regs(t, c);
}

static int64_t clone_fork(struct user_thread *t, const struct user_clone *c)
{
    uint32_t pid32;
    int64_t pid;

    user_mmap_fork(0);
    user_signal_fork(0);
    user_proc.accel->fork(t->vcpu, FORK_BEFORE);
    if (is_plain(c)) {
        pid = fork();
        if (pid < 0)
            pid = -errno;
    } else {
        pid = host_clone(c);
    }
    user_signal_fork(1);
    user_mmap_fork(1);
    if (pid == 0) {
        fork_child(t, c);
        return 0;
    }
    user_proc.accel->fork(t->vcpu, pid > 0 && c->flags & CLONE_FILES ? FORK_PARENT_FILES : FORK_PARENT);
    pid32 = (uint32_t)pid;
    if (pid > 0 && c->flags & CLONE_PARENT_SETTID)
        user_write(c->parent_tid, &pid32, 4);
    if (pid > 0 && c->flags & CLONE_PIDFD) {
        int pidfd = (int)user_raw(SYS_pidfd_open, (uint64_t)pid, 0, 0, 0, 0, 0);

        user_write(c->pidfd, &pidfd, 4);
    }
    return pid;
}

/* In the child of vfork(): never returns. Apart, so that the parent's frame stays as it is. */
static void __attribute__((noinline, noreturn)) vfork_child(struct user_thread *t, const struct user_clone *c)
{
    t->tid = t->pid = (int)user_raw(SYS_getpid, 0, 0, 0, 0, 0, 0);
    t->vfork_child = true;
    t->strace_text = NULL;                     /* the parent will end that line */
    t->vcpu->debug = NULL;                     /* the debugger follows the parent */
    t->vcpu->single_step = false;
    if (c->flags & CLONE_CLEAR_SIGHAND)
        user_signal_clear(t);
    child_regs(t, c);
    t->running = NULL;
    user_loop(t);
    user_exit_group(t, 0);
}

/* ThreadSanitizer's vfork() is fork(), by which the parent misses what the child writes. Inlined: the child must not return
 * into the parent's frame. */
#if defined(__SANITIZE_THREAD__)
static inline __attribute__((always_inline)) pid_t host_vfork(void)
{
    int64_t ret;

    __asm__ volatile("syscall" : "=a"(ret) : "0"(SYS_vfork) : "rcx", "r11", "memory");
    errno = ret < 0 ? (int)-ret : errno;
    return ret < 0 ? -1 : (pid_t)ret;
}
#else
#define host_vfork vfork
#endif

static int64_t clone_vfork(struct user_thread *t, const struct user_clone *c)
{
    size_t bytes = user_proc.target->env_size;
    struct cpu_env *saved = xmemalign(64, (bytes + 63) & ~(size_t)63);
    struct user_thread copy = *t;
    const struct debug_points *debug = t->vcpu->debug;
    struct user_vfork_signals signals;
    bool step = t->vcpu->single_step;
    uint32_t pid32;
    pid_t pid;

    memcpy(saved, t->env, bytes);
    user_signal_vfork(t, &signals, 0);
    pid = host_vfork();
    if (pid == 0)
        vfork_child(t, c);
    user_exec_forget(t->exec_args);
    user_signal_vfork(t, &signals, 1);
    *t = copy;
    t->vcpu->debug = debug;
    t->vcpu->single_step = step;
    t->pending = 1;
    user_proc.abi->copy_regs(t->env, saved);
    t->env->pc = saved->pc;
    t->env->mxcsr = saved->mxcsr;
    free(saved);
    pid32 = (uint32_t)pid;
    if (pid > 0 && c->flags & CLONE_PARENT_SETTID)
        user_write(c->parent_tid, &pid32, 4);
    return pid < 0 ? -errno : pid;
}

int64_t user_clone(struct user_thread *t, const struct user_clone *c)
{
    const uint64_t thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;

    if ((c->flags & CLONE_SIGHAND && !(c->flags & CLONE_VM)) || (c->flags & CLONE_THREAD && !(c->flags & CLONE_SIGHAND)) ||
        (c->flags & CLONE_FS && c->flags & CLONE_NEWNS) || c->exit_signal < 0 || c->exit_signal > 64)
        return -EINVAL;
    /* registers that no flag speaks of hold anything */
    if ((c->flags & CLONE_PARENT_SETTID && !user_ptr_ok(c->parent_tid)) || (c->flags & CLONE_PIDFD && !user_ptr_ok(c->pidfd)) ||
        (c->flags & (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID) && !user_ptr_ok(c->child_tid)))
        return -EFAULT;
    if (c->flags & CLONE_THREAD) {
        if ((c->flags & thread) == thread && !(c->flags & (HOST_FLAGS & ~(CLONE_FS | CLONE_FILES | CLONE_IO))))
            return clone_thread(t, c);
    } else if (!(c->flags & CLONE_VM)) {
        return clone_fork(t, c);
    } else if (c->flags & CLONE_VFORK) {
        return !is_plain(c) || c->flags & (CLONE_SETTLS | CLONE_CHILD_CLEARTID | CLONE_PIDFD) ? clone_fork(t, c) : clone_vfork(t, c);
    }
    log_unimp("clone: flags 0x%llx", (unsigned long long)c->flags);
    return -EINVAL;
}

/* --- system calls -------------------------------------------------------------------------------------------------- */

int64_t sys_clone(struct user_thread *t, const uint64_t a[6])
{
    /* flags, stack, parent_tid, tls, child_tid: the order of asm-generic */
    struct user_clone c = {
        .flags = a[0] & ~UINT64_C(0xff), .exit_signal = (int)(a[0] & 0xff), .stack = a[1], .parent_tid = a[2],
        .tls = a[3], .child_tid = a[4], .pidfd = a[2],
    };

    return user_clone(t, &c);
}

int64_t sys_clone3(struct user_thread *t, const uint64_t a[6])
{
    uint64_t w[11] = { 0 };
    struct user_clone c;

    if (a[1] < 64)
        return -EINVAL;
    if (a[1] > 4096)
        return -E2BIG;
    if (user_read(w, a[0], MIN(a[1], sizeof w)) < 0)
        return -EFAULT;
    if (w[4] > 64 || (!w[5]) != (!w[6]))
        return -EINVAL;
    if ((w[8] && !w[9]) || (!w[8] && w[9]) || w[9] > 32)
        return -EINVAL;
    if (!user_ptr_ok(w[8]) || (w[9] && !user_ptr_ok(w[8] + w[9] * 4)))
        return -EFAULT;
    c = (struct user_clone){
        .flags = w[0], .pidfd = w[1], .child_tid = w[2], .parent_tid = w[3], .exit_signal = (int)w[4],
        .stack = w[5] ? w[5] + w[6] : 0, .tls = w[7], .set_tid = user_hostp(w[8]), .set_tid_size = w[9], .cgroup = w[10],
    };
    if (c.flags & CLONE_CLEAR_SIGHAND && c.flags & CLONE_SIGHAND)
        return -EINVAL;
    return user_clone(t, &c);
}

/* Some namespaces are refused to a process that has more threads than the guest knows of. */
int64_t sys_unshare(struct user_thread *t, const uint64_t a[6])
{
    (void)t;
    if (a[0] & (CLONE_NEWUSER | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM) && user_proc.accel->quiet)
        user_proc.accel->quiet();
    return user_raw(SYS_unshare, a[0], 0, 0, 0, 0, 0);
}

int64_t sys_setns(struct user_thread *t, const uint64_t a[6])
{
    (void)t;
    if (user_proc.accel->quiet)
        user_proc.accel->quiet();
    return user_raw(SYS_setns, a[0], a[1], 0, 0, 0, 0);
}

int64_t sys_exit(struct user_thread *t, const uint64_t a[6])
{
    user_exit_thread(t, (int)a[0]);
    return 0;
}

int64_t sys_exit_group(struct user_thread *t, const uint64_t a[6])
{
    user_exit_group(t, (int)a[0]);
}

int64_t sys_set_tid_address(struct user_thread *t, const uint64_t a[6])
{
    t->clear_tid = a[0];
    return t->tid;
}

static uint64_t robust_head_bytes(void) { return user_narrow() ? 12 : 24; }

int64_t sys_set_robust_list(struct user_thread *t, const uint64_t a[6])
{
    if (a[1] != robust_head_bytes())
        return -EINVAL;
    if (!user_ptr_ok(a[0]))
        return -EFAULT;
    t->robust_head = a[0];
    /* the kernel may walk it itself (the process may be killed) where guest addresses are the host's */
    return user_base ? 0 : user_raw(SYS_set_robust_list, a[0], 24, 0, 0, 0, 0);
}

int64_t sys_get_robust_list(struct user_thread *t, const uint64_t a[6])
{
    uint64_t head = t->robust_head, len = robust_head_bytes();
    size_t word = user_proc.target->bits / 8u;

    if ((int)a[0] != 0 && (int)a[0] != t->tid)
        return -EPERM;
    return user_write(a[1], &head, word) < 0 || user_write(a[2], &len, word) < 0 ? -EFAULT : 0;
}

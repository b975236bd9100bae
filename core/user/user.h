/* core/user/user.h - user mode: one process, its threads, and the calls between this folder's files. */
#pragma once

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "accel/accel.h"
#include "core/user/mem.h"
#include "core/user/mmap.h"
#include "core/user/place.h"
#include "core/vm/vcpu.h"
#include "targets/target.h"

struct error;
struct user_options;

/* The guest process. Written while it starts; constant afterwards unless a lock is named. */
struct user_process {
    const struct target *target;
    const struct target *const *targets;       /* all there are, for execve */
    const struct target_user *abi;             /* target->user */
    const struct accel_type *accel;
    const void *model;
    const struct user_options *options;
    char *const *host_args;                    /* our own command line up to the program's name, for execve */
    int nhost_args;
    const char *sysroot;                       /* -L; NULL if not given */
    char *exe;                                 /* the program, absolute path on the host: /proc/self/exe */
    struct user_places places;
    uint64_t vdso;                             /* guest address of the vDSO; 0: none */
    uint64_t sigreturn;                        /* guest address of the code that calls rt_sigreturn */
    uint64_t stack_low, stack_top, sp_start;
    uint64_t arg_start, arg_end, env_end;      /* the argument strings, then the environment: /proc/self/cmdline */
    uint64_t code_start, code_end;
    uint8_t *auxv;                             /* /proc/self/auxv */
    size_t auxv_bytes;
    atomic_uint nthreads;
    int first_status;                          /* exit status of main()'s thread, once it has ended before others */
};

extern struct user_process user_proc;

/* A guest thread: a host thread and its vCPU. Only its own thread touches it, except where marked. */
struct user_thread {
    struct vcpu *vcpu;
    struct cpu_env *env;
    volatile uint32_t pending;                 /* a signal waits: no system call may block. Set by the host's handler */
    int tid, pid;
    bool first;                                /* main()'s thread */
    uint64_t clear_tid;                        /* CLONE_CHILD_CLEARTID: guest address, 0 none */
    struct user_signals *sig;                  /* signal_i.h */
    const struct user_syscall *running;        /* the system call being served */
    bool vfork_child;                          /* runs on its parent's memory and host stack until it execs */
    bool exiting;
    atomic_bool in_guest;                      /* kept while a debugger is there; any thread reads it */
    int exit_status;
    char *strace_text;                         /* the call being served, until its result is known */
    void *exec_args;                           /* of an execve under way: a vfork child's are freed by its parent */
    uint64_t robust_head;                      /* guest address */
    struct timespec resume_at;                 /* end of the wait that was last begun (sys_sleep.c) ... */
    bool resumed;                              /* ... which goes on: it was interrupted, and no handler ran */
    uint64_t set_tid[2];                       /* where a new thread writes its tid before it runs; 0 nowhere */
};

/* --- signal.c ------------------------------------------------------------------------------------------------------ */

/** user_signal_init - take over the host's signals; the calling thread becomes the first guest thread. */
void user_signal_init(struct user_thread *t);
/** user_signal_thread - the signal state of a new thread: mask of its parent, no alternate stack. */
struct user_signals *user_signal_thread(const struct user_thread *parent);
void user_signal_enter(struct user_thread *t); /* on the new thread itself, which was started with all signals blocked */
void user_signal_leave(struct user_thread *t); /* the thread's last act: no signal finds it any more */
/** user_signal_clear - every handler of the guest becomes the default; what is ignored stays so (CLONE_CLEAR_SIGHAND). */
void user_signal_clear(struct user_thread *t);
void user_signal_fork(int stage);              /* 0 before, 1 after */
struct user_vfork_signals { void *state, *hand; };
void user_signal_vfork(struct user_thread *t, struct user_vfork_signals *save, int stage);
/** user_signal_before_exec - the host's mask becomes the guest's, to the last bit; once more with @failed if exec failed. */
void user_signal_before_exec(struct user_thread *t, bool failed);
/** user_signal_deliver - bring what waits to the guest. @ret: the system call's result, or NULL when none was served. */
void user_signal_deliver(struct user_thread *t, int64_t *ret);
/** user_signal_exception - the guest raised an exception: the signal that follows from it. */
void user_signal_exception(struct user_thread *t);
/** user_signal_force - a fault signal with si_code and address, as the kernel's force_sig_fault(). */
void user_signal_force(struct user_thread *t, int signo, int code, uint64_t addr);
/** user_signal_sync - the host's mask becomes the guest's: before a call may wait. */
void user_signal_sync(struct user_thread *t);
bool user_signal_synced(const struct user_thread *t);
/** user_signal_mask - set the guest's mask. */
void user_signal_set_mask(struct user_thread *t, uint64_t mask);
uint64_t user_signal_mask(const struct user_thread *t);
/** user_signal_swap_mask - for ppoll, sigsuspend: another mask until the call has been served and signals delivered. */
void user_signal_swap_mask(struct user_thread *t, uint64_t mask);
/** user_die - end the process by this signal, as if it had been the guest's own death. */
void user_die(int signo) __attribute__((noreturn));

/* --- thread.c ------------------------------------------------------------------------------------------------------ */

struct user_thread *user_thread_first(struct error *err);
/** user_loop - run the guest until its thread ends. */
void user_loop(struct user_thread *t);
/** user_run_first - the same for main()'s thread; never returns. */
void user_run_first(struct user_thread *t) __attribute__((noreturn));
void user_exit_group(struct user_thread *t, int status) __attribute__((noreturn));
/** user_exit_thread - returns; the loop ends after the call. */
void user_exit_thread(struct user_thread *t, int status);
struct user_clone {
    uint64_t flags, child_tid, parent_tid, pidfd, stack, tls, set_tid, set_tid_size, cgroup;
    int exit_signal;
};
int64_t user_clone(struct user_thread *t, const struct user_clone *c);
/** user_robust_exit - mark the robust mutexes that the thread holds as left behind, as the kernel does at a thread's end. */
void user_robust_exit(struct user_thread *t);

/** user_high_fd - move a descriptor of ours out of the guest's way; the old number is closed. */
int user_high_fd(int fd);

/* --- loader.c ------------------------------------------------------------------------------------------------------ */

struct user_start { uint64_t entry, sp; };
int user_load(int argc, char **argv, char **envp, const char *path, struct user_start *out, struct error *err);

/* --- limits.c ------------------------------------------------------------------------------------------------------ */

/** user_limits_init - -rlimit: what setrlimit() said before execve. user_limits_begin - from now on mappings are limited. */
void user_limits_init(const struct user_options *o);
void user_limits_begin(void);
/** user_limits_stack - RLIMIT_STACK in bytes. */
uint64_t user_limits_stack(void);
/** user_limits_text - limit @i, below USER_LIMITS, as -rlimit takes it; false if it is the host's own. */
bool user_limits_text(int i, char *text, size_t room);
/** user_limits_host - before a native program takes our place its limits become the host's; with @back it did not. */
void user_limits_host(bool back);

/* --- exec.c, path.c, proc.c ---------------------------------------------------------------------------------------- */

/** user_path - the host path for a guest's absolute path: below the sysroot if it exists there. Returns @path or @buf. */
const char *user_path(const char *path, char *buf, size_t room);
bool user_path_wanted(uint64_t addr);          /* could user_path() change what this guest string says? */
int64_t user_execve(struct user_thread *t, int dirfd, uint64_t path, uint64_t argv, uint64_t envp, int flags);
void user_exec_forget(void *leftover);
/** user_proc_open - a file of /proc whose content is the guest's: a descriptor, -errno, or -ENOSYS: open it as it is. */
int64_t user_proc_open(const char *path, int flags);
/** user_proc_link - the target of /proc/self/exe and the like; NULL if @path is none of ours. */
const char *user_proc_link(const char *path);

/* core/event/iothread.h - loops that run coroutines and wait for files, sockets and time.
 *
 * An io_loop belongs to the thread that runs it. Coroutines started on it may call the io_*() functions below,
 * which look blocking and let other coroutines run meanwhile. Other threads talk to a loop by io_post() and
 * io_wake() only. An iothread is a thread that does nothing but run one loop; a tool such as rhea-img runs a
 * loop on its only thread with io_run().
 *
 * Two engines stand behind it: io_uring, and where that is missing (old kernel, seccomp) epoll with file
 * operations on worker threads. Nothing polls: an idle loop sleeps in the kernel. */
#ifndef CORE_EVENT_IOTHREAD_H
#define CORE_EVENT_IOTHREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "core/event/coroutine.h"

struct error;
struct io_loop;
struct iothread;

enum io_engine { IO_ENGINE_AUTO, IO_ENGINE_URING, IO_ENGINE_THREADS };

/**
 * io_loop_new - make a loop for the calling thread.
 * @engine: which engine; IO_ENGINE_AUTO takes io_uring and falls back without a word
 * @err:    why it failed
 *
 * Returns the loop, or NULL (no descriptors left, or IO_ENGINE_URING asked for and refused by the kernel).
 */
struct io_loop *io_loop_new(enum io_engine engine, struct error *err);

/** io_loop_free - end a loop. @loop: idle loop, no coroutine of it alive; NULL is fine. */
void io_loop_free(struct io_loop *loop);

/** io_loop_here - the loop whose thread is running, or NULL. Context: any. */
struct io_loop *io_loop_here(void);

/** io_loop_engine - the engine a loop ended up with (IO_ENGINE_URING or IO_ENGINE_THREADS). */
enum io_engine io_loop_engine(const struct io_loop *loop);

/**
 * io_run - run one coroutine to its end, and everything else that is ready meanwhile.
 * @loop: loop of this thread
 * @fn:   coroutine's function
 * @arg:  its argument
 *
 * Context: the loop's thread, outside coroutines.
 */
void io_run(struct io_loop *loop, co_fn *fn, void *arg);

/**
 * io_spawn - start a coroutine on the current loop; it runs when the caller next yields.
 * @fn:  its function
 * @arg: its argument
 *
 * Context: the loop's thread.
 */
void io_spawn(co_fn *fn, void *arg);

/**
 * io_post - have a function called on a loop's thread, outside any coroutine.
 * @loop: the loop
 * @fn:   called once, in the order posted; must not block
 * @arg:  its argument
 *
 * Context: any thread.
 */
void io_post(struct io_loop *loop, void (*fn)(void *arg), void *arg);

/** io_wake - queue a suspended coroutine on its loop. @co: suspended, in no queue. Context: any thread. */
void io_wake(struct coroutine *co);

/** io_pass - let every other ready coroutine run once. Context: coroutine; yields. */
void io_pass(void);

/* File operations: as the system calls of the same name, but -errno instead of errno, and only the calling
 * coroutine waits. EINTR is retried; short reads and writes are the caller's to continue.
 * Context: coroutine; yields. */
ssize_t io_readv(int fd, const struct iovec *iov, int n, uint64_t off);
ssize_t io_writev(int fd, const struct iovec *iov, int n, uint64_t off);
int     io_fdatasync(int fd);
int     io_fallocate(int fd, int mode, uint64_t off, uint64_t len);

/**
 * io_poll - wait until a descriptor is ready.
 * @fd:     any descriptor that poll() takes
 * @events: POLLIN, POLLOUT
 *
 * Returns the events that are ready (> 0), or -errno. Context: coroutine; yields.
 */
int io_poll(int fd, unsigned events);

/** io_poll_cancel - wake with -ECANCELED whoever waits in io_poll() for a descriptor on this loop. @fd: it. */
void io_poll_cancel(int fd);

/** io_sleep_ns - wait for a while by the host's monotonic clock. Context: coroutine; yields. */
void io_sleep_ns(uint64_t ns);

/**
 * io_work - run a function that computes or blocks on a worker thread, and wait for it.
 * @fn:  called once on some worker thread; touches only what @arg reaches
 * @arg: its argument
 *
 * Returns what @fn returned. Context: coroutine; yields.
 */
int io_work(int (*fn)(void *arg), void *arg);

/** io_workers - how many worker threads may run at the same time (host processors, at least 2). */
int io_workers(void);

/**
 * iothread_new - start a thread that runs a loop.
 * @name: shown by debuggers and `info iothreads`; copied
 * @err:  why it failed
 *
 * Returns the thread, or NULL.
 */
struct iothread *iothread_new(const char *name, struct error *err);

/** iothread_loop - its loop, for io_post() and for binding nodes. */
struct io_loop *iothread_loop(struct iothread *t);

/** iothread_tid - its kernel thread id, as QMP's query-iothreads shows it. */
int iothread_tid(const struct iothread *t);

/** iothread_free - stop and join a thread whose loop has no work left. @t: NULL is fine. */
void iothread_free(struct iothread *t);

/** io_default - the process's shared I/O thread for drives without iothread=; started at first use. NULL and
 * @err where that fails. Context: any thread. */
struct io_loop *io_default(struct error *err);

#endif

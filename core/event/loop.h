/* core/event/loop.h - one thread that waits for file descriptors, timers and messages of other threads.
 *
 * The main loop holds the machine lock while it calls anything, and lets go of it to wait. Other loops (I/O
 * threads) hold no lock. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct timers;
struct error;

/* Readiness, as bits; the values of epoll. */
enum { LOOP_READ = 0x001, LOOP_WRITE = 0x004, LOOP_ERROR = 0x008, LOOP_HANGUP = 0x010 };

/**
 * loop_new - a loop.
 * @locked: hold the machine lock around each callback
 * @err:    filled when NULL is returned (out of file descriptors)
 */
struct loop *loop_new(bool locked, struct error *err);
void loop_free(struct loop *loop);

/**
 * loop_set_timers - serve a set of timers.
 * @t: call loop_rearm() when its deadlines come nearer: give it as `sooner` to timers_new(). Not owned
 */
void loop_set_timers(struct loop *loop, struct timers *t);
/** loop_rearm - deadlines have changed. @loop is void * to fit timers_new(). Any thread; no wake-up, one system call. */
void loop_rearm(void *loop);
/** loop_virtual_runs - does virtual time pass, so that its timers need waiting for? Machine lock held. */
void loop_virtual_runs(struct loop *loop, bool runs);

/* A descriptor that is watched. */
struct loop_fd;

/**
 * loop_add - watch a descriptor.
 * @fd:     stays the caller's
 * @events: LOOP_READ | LOOP_WRITE, or 0 for errors and hang-up only
 * @ready:  called with what is ready; may call loop_watch() and loop_remove()
 *
 * Returns the watch, or NULL with errno EPERM for a regular file (which is always ready). Context: the loop's lock.
 */
struct loop_fd *loop_add(struct loop *loop, int fd, unsigned events, void (*ready)(void *opaque, unsigned events),
                         void *opaque);
/** loop_watch - watch for other events. */
void loop_watch(struct loop_fd *w, unsigned events);
/** loop_remove - end a watch, before its descriptor is closed; its callback will not be called any more. NULL is allowed. */
void loop_remove(struct loop_fd *w);

/** loop_call - have @fn called once, soon, by the loop. Any thread; in order of the calls. */
void loop_call(struct loop *loop, void (*fn)(void *opaque), void *opaque);

/**
 * loop_hook - be asked before each wait and told after it (for libraries with loops of their own).
 * @before: may lower *timeout_ms (-1 is for ever); NULL allowed
 * @after:  NULL allowed
 */
void loop_hook(struct loop *loop, void (*before)(void *opaque, int *timeout_ms), void (*after)(void *opaque), void *opaque);
/** loop_unhook - end the hooks that were set with @opaque. */
void loop_unhook(struct loop *loop, void *opaque);

/** loop_run - serve until loop_quit(). The machine lock of a locked loop is held on entry and on return. */
void loop_run(struct loop *loop);
/** loop_once - serve what is ready. @wait: sleep until something is. Same context as loop_run(). */
void loop_once(struct loop *loop, bool wait);
/** loop_quit - let loop_run() return. Any thread, and signal handlers. */
void loop_quit(struct loop *loop);

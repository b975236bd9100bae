/* core/event/coroutine.h - functions that can stop in the middle and go on later.
 *
 * A coroutine runs on a stack of its own, inside the thread that entered it, until it yields or ends; then its
 * enterer goes on. Nothing is pre-emptive. A coroutine that has yielded may be entered again by its own thread
 * only; other threads wake it through its loop (io_wake() in core/event/iothread.h).
 *
 *   co_create() -> fresh --co_enter()--> running --co_yield()--> suspended --co_enter()--> running
 *                                           +------- function returns -------> gone (stack back to the pool) */
#ifndef CORE_EVENT_COROUTINE_H
#define CORE_EVENT_COROUTINE_H

#include <stdbool.h>

struct coroutine;
struct io_loop;
typedef void co_fn(void *arg);

/**
 * co_create - make a coroutine that has not run yet.
 * @fn:  what it runs; it is gone when @fn returns
 * @arg: handed to @fn; the caller keeps it alive
 *
 * Returns the coroutine; never fails (a host without memory for a stack ends the process with a sentence).
 * Context: any thread; the coroutine then belongs to the thread that enters it first.
 */
struct coroutine *co_create(co_fn *fn, void *arg);

/**
 * co_enter - run a coroutine until it yields or ends.
 * @co: fresh or suspended, of this thread; not to be touched afterwards unless known to be suspended
 *
 * Context: its thread, inside or outside a coroutine.
 */
void co_enter(struct coroutine *co);

/**
 * co_yield - stop here and let the enterer go on; returns when entered again.
 *
 * Context: inside a coroutine.
 */
void co_yield(void);

/**
 * co_self - the coroutine that is running on this thread.
 *
 * Returns it, or NULL outside any coroutine.
 */
struct coroutine *co_self(void);

/**
 * co_loop - the loop whose thread runs a coroutine.
 * @co: any coroutine that has been entered
 *
 * Returns the loop that was current in the thread that created it, or NULL.
 */
struct io_loop *co_loop(const struct coroutine *co);

/**
 * co_set_loop - bind a coroutine to a loop before its first co_enter().
 * @co:   fresh coroutine
 * @loop: loop that will run it
 */
void co_set_loop(struct coroutine *co, struct io_loop *loop);

/** co_pool_drain - give back the stacks that this thread keeps for reuse; for a thread about to end. */
void co_pool_drain(void);

/* One link for whoever queues a suspended coroutine: a coroutine waits in one queue at a time. */
struct coroutine *co_next(const struct coroutine *co);
void              co_set_next(struct coroutine *co, struct coroutine *next);

#endif

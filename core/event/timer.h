/* core/event/timer.h - call me at a time.
 *
 *     idle --timer_set()--> armed --time has come, timers_run()--> idle, then the callback
 *       ^------timer_cancel()--'
 *
 * A timer may be set and cancelled by any thread. Callbacks run on the thread that calls timers_run(): the main
 * loop's, which holds the machine lock; so who cancels under the machine lock knows that the callback does not
 * run and will not. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/event/clock.h"

#define TIMER_NEVER INT64_MAX

struct timers; /* all timers on one set of clocks */

/* Embedded in its owner; fields belong to timer.c. */
struct timer {
    struct timers *set;
    enum clock_kind kind;
    void (*fire)(void *opaque);
    void *opaque;
    int64_t when; /* ns on its clock, TIMER_NEVER while idle */
    size_t slot;
};

/**
 * timers_new - an empty set.
 * @clocks: outlives the set
 * @sooner: called when the earliest deadline of a clock has come nearer; from any thread, must not call back.
 *          May be NULL
 */
struct timers *timers_new(struct clocks *clocks, void (*sooner)(void *opaque), void *opaque);
void timers_free(struct timers *set);
struct clocks *timers_clocks(struct timers *set);

/** timer_init - make a timer ready, idle. @fire may set the timer again. */
void timer_init(struct timer *t, struct timers *set, enum clock_kind kind, void (*fire)(void *opaque), void *opaque);

/** timer_set - arm a timer. @when: ns on its clock; the past fires as soon as possible, TIMER_NEVER cancels. Any thread. */
void timer_set(struct timer *t, int64_t when);
void timer_cancel(struct timer *t);
bool timer_armed(const struct timer *t);
/** timer_when - the deadline, or TIMER_NEVER. */
int64_t timer_when(const struct timer *t);

/** timers_next - the earliest deadline on a clock, or TIMER_NEVER. Any thread. */
int64_t timers_next(struct timers *set, enum clock_kind kind);

/** timers_wait_ns - host nanoseconds until some timer is due: 0 for now, TIMER_NEVER for none. Timers on a virtual
 * clock that stands still or is counted by somebody else do not count. */
int64_t timers_wait_ns(struct timers *set, bool virtual_runs);

/** timers_run - call back each timer that is due, earliest first; a timer that sets itself again to the past waits for the
 * next call. Returns true if there was any. Context: machine lock held. */
bool timers_run(struct timers *set);

/** timers_serve_virtual - from now on the caller serves the virtual clock's timers: timers_run() and timers_wait_ns() leave
 * them alone. @sooner: as for timers_new(), for that clock. Before the machine runs. */
void timers_serve_virtual(struct timers *set, void (*sooner)(void *opaque), void *opaque);
/** timers_run_virtual - timers_run() for who serves the virtual clock. Context: machine lock held. */
bool timers_run_virtual(struct timers *set);

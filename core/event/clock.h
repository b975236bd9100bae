/* core/event/clock.h - the three kinds of time.
 *
 *     virtual   what devices and CPUs see: nanoseconds since the machine was made, standing still while it is
 *               stopped. Its source is the host's monotonic clock, or whoever counts instructions (-icount),
 *               or a test that winds it by hand.
 *     real      the host's monotonic clock: runs on while the machine is stopped
 *     host      nanoseconds since 1970 by the host's calendar: may jump
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum clock_kind { CLOCK_KIND_VIRTUAL, CLOCK_KIND_REAL, CLOCK_KIND_HOST, CLOCK_KINDS };

struct clocks;

/** clocks_new - a set of clocks; virtual time is 0 and stands still. */
struct clocks *clocks_new(void);
void clocks_free(struct clocks *c);

/**
 * clock_ns - the time now.
 *
 * Context: any thread, no lock.
 */
int64_t clock_ns(const struct clocks *c, enum clock_kind kind);

static inline int64_t clock_virtual_ns(const struct clocks *c)
{
    return clock_ns(c, CLOCK_KIND_VIRTUAL);
}

/**
 * clocks_run - let virtual time run, or stand still.
 *
 * Context: machine lock held. Without effect while a source is set.
 */
void clocks_run(struct clocks *c, bool run);

/** clocks_set_virtual - put virtual time to a value (a snapshot was loaded). Machine lock held, machine stopped. */
void clocks_set_virtual(struct clocks *c, int64_t ns);

/**
 * clocks_set_source - let somebody else count virtual time.
 * @now: returns virtual nanoseconds, never less than before; NULL gives the host's clock back
 *
 * Context: before the machine runs. @now may be called by any thread without a lock.
 */
void clocks_set_source(struct clocks *c, int64_t (*now)(void *opaque), void *opaque);

/** clocks_has_source - is virtual time counted by somebody else? Then it does not pass with the host's. */
bool clocks_has_source(const struct clocks *c);

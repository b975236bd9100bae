/* core/block/throttle.h - how fast a drive may be: bytes and operations a second, with bursts. */
#ifndef CORE_BLOCK_THROTTLE_H
#define CORE_BLOCK_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

struct error;
struct blk_opts;
struct throttle;

enum throttle_bucket { THROTTLE_BPS, THROTTLE_BPS_RD, THROTTLE_BPS_WR, THROTTLE_IOPS, THROTTLE_IOPS_RD, THROTTLE_IOPS_WR,
                       THROTTLE_BUCKETS };

struct throttle_limits {
    double   avg[THROTTLE_BUCKETS];          /* per second; 0: no limit */
    double   max[THROTTLE_BUCKETS];          /* burst rate; 0: a tenth of a second's worth may come at once */
    uint64_t burst_s[THROTTLE_BUCKETS];      /* how long a burst may last, 1 or more */
    uint64_t op_bytes;                       /* iops-size: a request counts as one operation for each */
};

/** throttle_take_options - bps=, iops-total-max= and the like, with or without "throttling." and "x-". */
int throttle_take_options(struct blk_opts *o, const char *prefix, struct throttle_limits *l, struct error *err);
/** throttle_any - is anything limited? */
bool throttle_any(const struct throttle_limits *l);
/** throttle_new - buckets for some limits, shared by whoever waits on them; free with throttle_free(). */
struct throttle *throttle_new(const struct throttle_limits *l);
void throttle_free(struct throttle *t);
void throttle_get(const struct throttle *t, struct throttle_limits *l);
void throttle_set(struct throttle *t, const struct throttle_limits *l);

/* Groups: buckets with a name, shared by the drives that say so. Made while drives are opened, under no lock but the
 * list's own; all members run on one loop. */

/** throttle_group_add - -object throttle-group,id=NAME,limits.bps-total=...  0 or -errno. */
int throttle_group_add(struct blk_opts *o, struct error *err);
/** throttle_group_get - a reference to a group; one with limits @l is made if there is none. NULL and a sentence when
 *  @l is NULL and there is none. throttle_free() lets go. */
struct throttle *throttle_group_get(const char *name, const struct throttle_limits *l, struct error *err);
bool throttle_is_group(const struct throttle *t);

/** throttle_wait - wait until a request of @bytes may go. Context: coroutine; may yield. */
void throttle_wait(struct throttle *t, bool write, uint64_t bytes);

#endif

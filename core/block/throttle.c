/* core/block/throttle.c - leaky buckets, and the filter node `throttle`.
 *
 * Each bucket leaks at its average rate; a request pours in its bytes or operations after it was let through, and
 * waits first until the level is below what the bucket may hold (a burst, or a tenth of a second's worth). */
#include "core/block/throttle.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/node.h"
#include "core/event/iothread.h"

struct throttle {
    struct throttle_limits l;
    double                 level[THROTTLE_BUCKETS];
    int64_t                last_ns;
    struct co_mutex        turn;         /* requests leave in the order they came */
    char                  *name;         /* of a group; NULL: of one drive alone */
    int                    refs;
    struct throttle       *next;         /* groups */
};

static struct throttle *groups;
static pthread_mutex_t  groups_lock = PTHREAD_MUTEX_INITIALIZER;

static const char *const names[THROTTLE_BUCKETS][2] = {
    { "bps", "bps-total" }, { "bps_rd", "bps-read" }, { "bps_wr", "bps-write" },
    { "iops", "iops-total" }, { "iops_rd", "iops-read" }, { "iops_wr", "iops-write" },
};

static int take(struct blk_opts *o, const char *prefix, const char *name, const char *suffix, double *v, struct error *err)
{
    char    *key = xasprintf("%s%s%s", prefix, name, suffix);
    uint64_t n   = 0;
    bool     any = blk_opts_get(o, key) != NULL;
    int      ret = blk_opts_take_size(o, key, &n, err);

    free(key);
    if (any && ret == 0)
        *v = (double)n;
    if (ret == 0 && n > UINT64_C(1000000000000000))
        ret = error_set(err, EINVAL, "%s%s is above 10^15", name, suffix);
    return ret;
}

int throttle_take_options(struct blk_opts *o, const char *prefix, struct throttle_limits *l, struct error *err)
{
    int ret = 0;

    for (int i = 0; i < THROTTLE_BUCKETS && ret == 0; i++) {
        double s = (double)l->burst_s[i];

        ret = take(o, prefix, names[i][0], "", &l->avg[i], err);
        if (ret == 0)
            ret = take(o, prefix, names[i][1], "", &l->avg[i], err);
        if (ret == 0)
            ret = take(o, prefix, names[i][0], "_max", &l->max[i], err);
        if (ret == 0)
            ret = take(o, prefix, names[i][1], "-max", &l->max[i], err);
        if (ret == 0)
            ret = take(o, prefix, names[i][0], "_max_length", &s, err);
        if (ret == 0)
            ret = take(o, prefix, names[i][1], "-max-length", &s, err);
        l->burst_s[i] = s < 1 ? 1 : (uint64_t)s;
        if (ret == 0 && l->max[i] > 0 && l->max[i] < l->avg[i])
            ret = error_set(err, EINVAL, "%s_max cannot be lower than %s", names[i][0], names[i][0]);
        if (ret == 0 && l->max[i] > 0 && l->avg[i] <= 0)
            ret = error_set(err, EINVAL, "%s_max requires %s", names[i][0], names[i][0]);
    }
    for (int i = 0; i <= 3 && ret == 0; i += 3)
        if (l->avg[i] > 0 && (l->avg[i + 1] > 0 || l->avg[i + 2] > 0))
            ret = error_set(err, EINVAL, "bps/iops/max total values and read/write values cannot be used at the same time");
    double op = (double)l->op_bytes;

    if (ret == 0)
        ret = take(o, prefix, "iops_size", "", &op, err);
    if (ret == 0)
        ret = take(o, prefix, "iops-size", "", &op, err);
    l->op_bytes = (uint64_t)op;
    return ret;
}

bool throttle_any(const struct throttle_limits *l)
{
    for (int i = 0; i < THROTTLE_BUCKETS; i++)
        if (l->avg[i] > 0)
            return true;
    return false;
}

struct throttle *throttle_new(const struct throttle_limits *l)
{
    struct throttle *t = NEW(struct throttle);

    t->l    = *l;
    t->refs = 1;
    return t;
}

void throttle_free(struct throttle *t)
{
    struct throttle **at = &groups;
    bool              last;

    if (t == NULL)
        return;
    pthread_mutex_lock(&groups_lock);
    last = --t->refs == 0;
    while (last && t->name != NULL && *at != t)
        at = &(*at)->next;
    if (last && t->name != NULL)
        *at = t->next;
    pthread_mutex_unlock(&groups_lock);
    if (last) {
        free(t->name);
        free(t);
    }
}

bool throttle_is_group(const struct throttle *t)
{
    return t->name != NULL;
}

struct throttle *throttle_group_get(const char *name, const struct throttle_limits *l, struct error *err)
{
    struct throttle *t;
    struct nearest   near = NEAREST_INIT(name);
    char             hint[96];

    pthread_mutex_lock(&groups_lock);
    for (t = groups; t != NULL && !str_eq(t->name, name); t = t->next)
        nearest_try(&near, t->name);
    if (t != NULL) {
        t->refs++;
        if (l != NULL && throttle_any(l))
            t->l = *l;                           /* the member that comes last sets the limits */
    } else if (l != NULL) {
        t       = throttle_new(l);
        t->name = xstrdup(name);
        t->next = groups;
        groups  = t;
    }
    pthread_mutex_unlock(&groups_lock);
    if (t == NULL)
        error_set(err, ENOENT, "there is no throttle-group '%s'%s", name, nearest_hint(&near, hint, sizeof hint));
    return t;
}

int throttle_group_add(struct blk_opts *o, struct error *err)
{
    struct throttle_limits l  = { .op_bytes = 0 };
    char                  *id = blk_opts_take(o, "id");
    int                    ret = id == NULL ? error_set(err, EINVAL, "Parameter 'id' is missing") : 0;

    if (ret == 0)
        ret = throttle_take_options(o, "limits.", &l, err);
    if (ret == 0)
        ret = throttle_take_options(o, "x-", &l, err);
    if (ret == 0)
        ret = blk_opts_done(o, "throttle-group", NULL, err);
    if (ret == 0)
        throttle_group_get(id, &l, NULL);        /* this reference is the object's, and stays */
    free(id);
    return ret;
}

void throttle_get(const struct throttle *t, struct throttle_limits *l)
{
    *l = t->l;
}

void throttle_set(struct throttle *t, const struct throttle_limits *l)
{
    t->l = *l;
}

static void leak(struct throttle *t)
{
    struct timespec ts;
    int64_t         now;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    now = ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
    for (int i = 0; i < THROTTLE_BUCKETS; i++) {
        t->level[i] -= t->l.avg[i] * (double)(now - t->last_ns) / 1e9;
        t->level[i] = MAX(t->level[i], 0.0);
    }
    t->last_ns = now;
}

/* Nanoseconds until bucket @i has room. */
static double wait_ns(const struct throttle *t, int i)
{
    double holds = t->l.max[i] > 0 ? t->l.max[i] * (double)t->l.burst_s[i] : t->l.avg[i] / 10;

    if (t->l.avg[i] <= 0 || t->level[i] <= holds)
        return 0;
    return (t->level[i] - holds) / t->l.avg[i] * 1e9;
}

void throttle_wait(struct throttle *t, bool write, uint64_t bytes)
{
    double ops  = t->l.op_bytes > 0 ? (double)MAX((bytes + t->l.op_bytes - 1) / t->l.op_bytes, UINT64_C(1)) : 1;
    int    dir  = write ? 2 : 1;
    int    mine[4] = { THROTTLE_BPS, THROTTLE_BPS + dir, THROTTLE_IOPS, THROTTLE_IOPS + dir };

    co_lock(&t->turn);
    for (;;) {
        double longest = 0;

        leak(t);
        for (int i = 0; i < 4; i++)
            longest = MAX(longest, wait_ns(t, mine[i]));
        if (longest <= 0)
            break;
        io_sleep_ns((uint64_t)longest + 1);
    }
    for (int i = 0; i < 4; i++)
        t->level[mine[i]] += mine[i] >= THROTTLE_IOPS ? ops : (double)bytes;
    co_unlock(&t->turn);
}

/* ---- the filter: driver=throttle,file=NODE,limits.bps-total=... */

struct throttle_node {
    struct throttle *t;
};

static int filter_open(struct blk_node *n, struct blk_opts *o, struct error *err)
{
    struct throttle_node  *s = n->priv;
    struct throttle_limits l = { .op_bytes = 0 };
    char                  *group = blk_opts_take(o, "throttle-group");
    int                    ret = throttle_take_options(o, "limits.", &l, err);

    if (ret == 0)
        ret = throttle_take_options(o, "x-", &l, err);
    if (ret == 0)
        s->t = group != NULL ? throttle_group_get(group, NULL, err) : throttle_new(&l);
    free(group);
    if (ret < 0 || s->t == NULL)
        return ret < 0 ? ret : -ENOENT;
    n->bytes = n->file->bytes;
    n->align = n->file->align;
    return 0;
}

static void filter_close(struct blk_node *n)
{
    throttle_free(((struct throttle_node *)n->priv)->t);
}

static int filter_read(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    throttle_wait(((struct throttle_node *)n->priv)->t, false, v->len);
    return blk_readv(n->file, off, v);
}

static int filter_write(struct blk_node *n, uint64_t off, const struct blk_iov *v, unsigned flags)
{
    throttle_wait(((struct throttle_node *)n->priv)->t, true, v->len);
    return blk_writev(n->file, off, v, flags);
}

static int filter_zero(struct blk_node *n, uint64_t off, uint64_t len, unsigned flags)
{
    throttle_wait(((struct throttle_node *)n->priv)->t, true, len);
    return blk_zero(n->file, off, len, flags);
}

static int filter_discard(struct blk_node *n, uint64_t off, uint64_t len)
{
    throttle_wait(((struct throttle_node *)n->priv)->t, true, len);
    return blk_discard(n->file, off, len);
}

static int filter_map(struct blk_node *n, uint64_t off, uint64_t len, struct blk_extent *e)
{
    *e = (struct blk_extent){ .len = len, .host = off, .node = n->file,
                              .flags = BLK_EXT_RAW | BLK_EXT_OFFSET | BLK_EXT_DATA | BLK_EXT_ALLOCATED };
    return 0;
}

static int filter_resize(struct blk_node *n, uint64_t bytes, enum blk_prealloc p, struct error *err)
{
    return blk_resize(n->file, bytes, p, err);
}

const struct blk_driver blk_throttle = {
    .name = "throttle", .help = "limits the rate of what passes", .flags = BLK_DRV_FILTER, .bytes = sizeof(struct throttle_node),
    .open = filter_open, .close = filter_close, .read = filter_read, .write = filter_write, .zero = filter_zero,
    .discard = filter_discard, .map = filter_map, .resize = filter_resize,
};

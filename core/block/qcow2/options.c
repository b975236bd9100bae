/* core/block/qcow2/options.c - options of an open image: caches, discards, and which tables writes are checked against. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/bits.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/qcow2/qcow2.h"

enum { REFS_DEFAULT = 8 << 20, CLEAN_DEFAULT_S = 600 };
#define L2S_DEFAULT (UINT64_C(32) << 20)
#define CACHE_MOST  (UINT64_C(1) << 32)

static const struct { const char *name; unsigned guard; } guards[] = {
    { "main-header", QCOW2_GUARD_HEADER }, { "active-l1", QCOW2_GUARD_L1 }, { "active-l2", QCOW2_GUARD_L2 },
    { "refcount-table", QCOW2_GUARD_REFTABLE }, { "refcount-block", QCOW2_GUARD_REFBLOCK }, { "snapshot-table", QCOW2_GUARD_SNAPTABLE },
    { "inactive-l1", QCOW2_GUARD_INACTIVE_L1 }, { "inactive-l2", QCOW2_GUARD_INACTIVE_L2 }, { "bitmap-directory", QCOW2_GUARD_BITMAPS },
};

static int guard_template(const char *text, unsigned *mask, struct error *err)
{
    static const struct { const char *name; unsigned mask; } templates[] = {
        { "none", 0 }, { "constant", QCOW2_GUARD_CONSTANT }, { "cached", QCOW2_GUARD_CACHED }, { "all", QCOW2_GUARD_ALL },
    };

    for (size_t i = 0; i < ARRAY_LEN(templates); i++)
        if (str_eq(text, templates[i].name)) {
            *mask = templates[i].mask;
            return 0;
        }
    return error_set(err, EINVAL, "Unsupported value '%s' for qcow2 option 'overlap-check'. Allowed are any of the following: none, constant, cached, all", text);
}

static int take_guards(struct qcow2 *q, struct blk_opts *o, struct error *err)
{
    struct blk_opts *each = blk_opts_sub(o, "overlap-check");
    const char      *names[ARRAY_LEN(guards) + 1] = { NULL };
    char            *text = blk_opts_take(o, "overlap-check"), *sub = blk_opts_take(each, "template");
    int              ret  = 0;

    q->overlap = QCOW2_GUARD_CACHED;
    if (text != NULL && sub != NULL && !str_eq(text, sub))
        ret = error_set(err, EINVAL, "Conflicting values for qcow2 options 'overlap-check' ('%s') and 'overlap-check.template' ('%s')", text, sub);
    else if (text != NULL || sub != NULL)
        ret = guard_template(text != NULL ? text : sub, &q->overlap, err);
    for (size_t i = 0; i < ARRAY_LEN(guards) && ret == 0; i++) {
        bool on = q->overlap & guards[i].guard;

        names[i]   = guards[i].name;
        ret        = blk_opts_take_bool(each, guards[i].name, &on, err);
        q->overlap = on ? q->overlap | guards[i].guard : q->overlap & ~guards[i].guard;
    }
    if (ret == 0)
        ret = blk_opts_done(each, "overlap-check", names, err);
    free(text);
    free(sub);
    blk_opts_free(each);
    return ret;
}

/* Bytes of both caches from their three options, of which two say all. */
static int cache_sizes(struct blk_opts *o, uint64_t *l2, uint64_t *refs, struct error *err)
{
    bool     has_total = blk_opts_get(o, "cache-size") != NULL, has_l2 = blk_opts_get(o, "l2-cache-size") != NULL;
    bool     has_refs = blk_opts_get(o, "refcount-cache-size") != NULL;
    uint64_t total = 0;
    int      ret;

    *l2   = L2S_DEFAULT;
    *refs = REFS_DEFAULT;
    ret = blk_opts_take_size(o, "cache-size", &total, err);
    if (ret == 0)
        ret = blk_opts_take_size(o, "l2-cache-size", l2, err);
    if (ret == 0)
        ret = blk_opts_take_size(o, "refcount-cache-size", refs, err);
    if (ret < 0 || !has_total)
        return ret;
    if (has_l2 && has_refs)
        return error_set(err, EINVAL, "cache-size, l2-cache-size and refcount-cache-size may not be set at the same time");
    if (has_l2 && *l2 > total)
        return error_set(err, EINVAL, "l2-cache-size may not exceed cache-size");
    if (has_refs && *refs > total)
        return error_set(err, EINVAL, "refcount-cache-size may not exceed cache-size");
    if (has_l2)
        *refs = total - *l2;
    else if (has_refs)
        *l2 = total - *refs;
    else
        *refs = total / 5, *l2 = total - *refs;
    return 0;
}

static int take_caches(struct qcow2 *q, struct blk_opts *o, struct error *err)
{
    uint64_t piece = MIN(q->cluster, (uint64_t)QCOW2_SLICE_MAX), l2, refs, l2_piece = piece;
    int      ret   = cache_sizes(o, &l2, &refs, err);

    if (ret == 0)
        ret = blk_opts_take_size(o, "l2-cache-entry-size", &l2_piece, err);
    if (ret < 0)
        return ret;
    if (l2_piece < 512 || l2_piece > q->cluster || (l2_piece & (l2_piece - 1)))
        return error_set(err, EINVAL, "L2 cache entry size must be a power of two between 512 and the cluster size (%llu)", (unsigned long long)q->cluster);
    q->clean_s = CLEAN_DEFAULT_S;
    ret = blk_opts_take_u64(o, "cache-clean-interval", &q->clean_s, err);
    if (ret == 0 && q->clean_s > UINT32_MAX)
        ret = error_set(err, EINVAL, "Cache clean interval too big");
    if (ret < 0)
        return ret;
    qcow2_cache_init(&q->l2s, (size_t)l2_piece, (size_t)MIN(l2, CACHE_MOST));
    qcow2_cache_init(&q->refs, (size_t)piece, (size_t)MIN(refs, CACHE_MOST));
    return 0;
}

static int take_discards(struct qcow2 *q, struct blk_opts *o, struct error *err)
{
    int ret;

    q->pass_request  = q->n->flags & BLK_UNMAP;
    q->pass_snapshot = true;
    q->pass_other    = false;
    ret = blk_opts_take_bool(o, "pass-discard-request", &q->pass_request, err);
    if (ret == 0)
        ret = blk_opts_take_bool(o, "pass-discard-snapshot", &q->pass_snapshot, err);
    if (ret == 0)
        ret = blk_opts_take_bool(o, "pass-discard-other", &q->pass_other, err);
    if (ret == 0)
        ret = blk_opts_take_bool(o, "discard-no-unref", &q->no_unref, err);
    if (ret == 0 && q->no_unref && q->version < 3)
        ret = error_set(err, EINVAL, "discard-no-unref is only supported since qcow2 version 3");
    return ret;
}

int qcow2_take_options(struct qcow2 *q, struct blk_opts *o, struct error *err)
{
    bool lazy = q->compat & QCOW2_COMPAT_LAZY;
    int  ret  = blk_opts_take_bool(o, "lazy-refcounts", &lazy, err);

    if (ret == 0 && lazy && q->version < 3)
        ret = error_set(err, EINVAL, "Lazy refcounts require a qcow2 image with at least qemu 1.1 compatibility level");
    if (ret == 0)
        ret = take_guards(q, o, err);
    if (ret == 0)
        ret = take_discards(q, o, err);
    if (ret == 0)
        ret = take_caches(q, o, err);
    if (ret == 0)
        q->compat = lazy ? q->compat | QCOW2_COMPAT_LAZY : q->compat & ~(uint64_t)QCOW2_COMPAT_LAZY;
    return ret;
}

/* core/block/iov.c */
#include "core/block/iov.h"

#include <stdint.h>
#include <string.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"

size_t iov_sum(const struct iovec *v, int n)
{
    size_t len = 0;

    for (int i = 0; i < n; i++)
        len += v[i].iov_len;
    return len;
}

const struct blk_iov *iov_slice(struct blk_slice *s, const struct blk_iov *v, size_t off, size_t len)
{
    struct iovec *out;
    int           i = 0, n = 0;

    s->heap = NULL;
    if (off == 0 && len == v->len) {
        s->iov = *v;
        return &s->iov;
    }
    while (i < v->n && off >= v->v[i].iov_len)
        off -= v->v[i++].iov_len;
    out = s->few;
    if (v->n - i > (int)ARRAY_LEN(s->few))
        out = s->heap = xmalloc((size_t)(v->n - i) * sizeof *out);
    s->iov.len = len;
    for (; len > 0 && i < v->n; i++) {
        size_t part = MIN(v->v[i].iov_len - off, len);

        if (part > 0)
            out[n++] = (struct iovec){ .iov_base = (char *)v->v[i].iov_base + off, .iov_len = part };
        len -= part;
        off = 0;
    }
    s->iov.v = out;
    s->iov.n = n;
    return &s->iov;
}

void iov_slice_end(struct blk_slice *s)
{
    free(s->heap);
    s->heap = NULL;
}

/* Calls for each stretch of memory in [off, off + len). */
#define IOV_WALK(v, off, len, at, part, body)                                  \
    for (int i_ = 0; i_ < (v)->n && (len) > 0; i_++) {                          \
        size_t have_ = (v)->v[i_].iov_len;                                      \
        if ((off) >= have_) {                                                   \
            (off) -= have_;                                                     \
            continue;                                                           \
        }                                                                       \
        char  *at   = (char *)(v)->v[i_].iov_base + (off);                      \
        size_t part = MIN(have_ - (off), (len));                                \
        body;                                                                   \
        (len) -= part;                                                          \
        (off) = 0;                                                              \
    }

void iov_get(const struct blk_iov *v, size_t off, void *buf, size_t len)
{
    char *to = buf;

    IOV_WALK(v, off, len, at, part, { memcpy(to, at, part); to += part; });
}

void iov_put(const struct blk_iov *v, size_t off, const void *buf, size_t len)
{
    const char *from = buf;

    IOV_WALK(v, off, len, at, part, { memcpy(at, from, part); from += part; });
}

void iov_zero(const struct blk_iov *v, size_t off, size_t len)
{
    IOV_WALK(v, off, len, at, part, memset(at, 0, part));
}

bool iov_is_zero(const struct blk_iov *v)
{
    for (int i = 0; i < v->n; i++)
        if (!buf_is_zero(v->v[i].iov_base, v->v[i].iov_len))
            return false;
    return true;
}

typedef uint64_t word_v __attribute__((vector_size(32), aligned(1), may_alias));

static bool blocks_are_zero(const char *p, size_t len)
{
    for (; len >= 128; p += 128, len -= 128) {
        const word_v *w = (const word_v *)p;
        word_v        o = w[0] | w[1] | w[2] | w[3];

        if ((o[0] | o[1] | o[2] | o[3]) != 0)
            return false;
    }
    for (; len > 0; p++, len--)
        if (*p != 0)
            return false;
    return true;
}

bool buf_is_zero(const void *buf, size_t len)
{
    const char *p = buf;

    if (len == 0)
        return true;
    if (p[0] != 0 || p[len - 1] != 0 || p[len / 2] != 0)
        return false;
    return blocks_are_zero(p, len);
}

/* core/block/iov.h - a request's memory in pieces, and copying to and from it. */
#ifndef CORE_BLOCK_IOV_H
#define CORE_BLOCK_IOV_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

/* Pieces and their sum. The pieces are the caller's. */
struct blk_iov {
    const struct iovec *v;
    int                 n;
    size_t              len;
};

/* A blk_iov over one flat buffer: BLK_FLAT(buf, len); lives until the end of the enclosing block. */
#define BLK_FLAT(buf, bytes) \
    (&(const struct blk_iov){ .v = &(const struct iovec){ .iov_base = (void *)(buf), .iov_len = (bytes) }, .n = 1, .len = (bytes) })

/* Part of an iov: its own piece list, small ones without allocation. */
struct blk_slice {
    struct blk_iov iov;
    struct iovec  *heap;
    struct iovec   few[8];
};

/** iov_slice - the @len bytes from @off of @v as an iov of its own in @s; iov_slice_end() frees it. */
const struct blk_iov *iov_slice(struct blk_slice *s, const struct blk_iov *v, size_t off, size_t len);
void iov_slice_end(struct blk_slice *s);

/** iov_sum - bytes in @n pieces. */
size_t iov_sum(const struct iovec *v, int n);
/** iov_get, iov_put - copy @len bytes from @off of the iov out to @buf, or from @buf in. In range by contract. */
void iov_get(const struct blk_iov *v, size_t off, void *buf, size_t len);
void iov_put(const struct blk_iov *v, size_t off, const void *buf, size_t len);
void iov_zero(const struct blk_iov *v, size_t off, size_t len);
bool iov_is_zero(const struct blk_iov *v);
/** buf_is_zero - are all @len bytes zero? Fast: vectors, and a look at both ends first. */
bool buf_is_zero(const void *buf, size_t len);

#endif

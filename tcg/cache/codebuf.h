/* tcg/cache/codebuf.h - memory for generated code: one memfd, mapped twice.
 *
 * Code is written through one mapping and run through the other, so that no mapping is ever writable and executable.
 * Beside it lies memory for what describes the code (translations, links, maps), near enough for 32-bit displacements. */
#ifndef TCG_CACHE_CODEBUF_H
#define TCG_CACHE_CODEBUF_H

#include <stddef.h>
#include <stdint.h>

struct error;

struct codebuf {
    uint8_t *rw;                               /* written here */
    const uint8_t *rx;                         /* run here */
    size_t size;                               /* bytes of each mapping */
    uint8_t *meta; size_t meta_size;           /* private memory, zero until used */
    int fd;
};

/**
 * codebuf_init - reserve the mappings; no page of them is touched.
 * @size: bytes of code; meta gets three times as much
 * Returns 0 or -errno with err set.
 */
int codebuf_init(struct codebuf *b, size_t size, struct error *err);
void codebuf_free(struct codebuf *b);

static inline uint8_t *codebuf_rw(const struct codebuf *b, const uint8_t *rx) { return b->rw + (rx - b->rx); }

/**
 * codebuf_unshare - after fork(): give the child its own copy at the same addresses.
 * @ranges: the stretches in use, as pairs of offsets {from, to}
 * Returns 0 or -errno (the child cannot go on then).
 */
int codebuf_unshare(struct codebuf *b, const size_t (*ranges)[2], unsigned n);
#endif

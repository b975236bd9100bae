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
};

/**
 * codebuf_init - reserve the mappings; no page of them is touched.
 * @size: bytes of code; meta gets three times as much
 * Returns 0 or -errno with err set.
 */
int codebuf_init(struct codebuf *b, size_t size, struct error *err);
void codebuf_free(struct codebuf *b);

/** codebuf_expect - @bytes are about to be filled: their pages are asked for at once, not by a fault each. A wish only. */
void codebuf_expect(uint8_t *from, size_t bytes);

/** codebuf_written - @bytes of the writable mapping have been filled: their pages leave it, until something is patched there. */
void codebuf_written(uint8_t *from, size_t bytes);

static inline uint8_t *codebuf_rw(const struct codebuf *b, const uint8_t *rx) { return b->rw + (rx - b->rx); }

/**
 * codebuf_copy - before fork(): a copy of the code for the child, which must not see what its parent writes from then on.
 * @ranges: the stretches in use, as pairs of offsets {from, to}
 * Returns a descriptor or -errno. The parent closes it after fork().
 */
int codebuf_copy(const struct codebuf *b, const size_t (*ranges)[2], unsigned n);

/** codebuf_adopt - in the child: the copy takes the place of what is shared. Closes @fd. 0 or -errno. */
int codebuf_adopt(struct codebuf *b, int fd);
#endif

/* core/block/foreign.h - what the read-only formats share: a table of places for equal pieces of the disk. */
#ifndef CORE_BLOCK_FOREIGN_H
#define CORE_BLOCK_FOREIGN_H

#include "core/block/node.h"

/* Where pieces of @unit bytes lie: 0 is nowhere (zeros, or the backing file). Open() fills it in, every place checked. */
struct foreign {
    uint64_t *place;
    uint64_t  pieces, unit;
};

/** foreign_table - room for the table; -EINVAL where a header asks for more than @most pieces. */
int  foreign_table(struct foreign *f, uint64_t pieces, uint64_t unit, uint64_t most, struct error *err);
void foreign_close(struct blk_node *n);
int  foreign_read(struct blk_node *n, uint64_t off, const struct blk_iov *v);
int  foreign_map(struct blk_node *n, uint64_t off, uint64_t len, struct blk_extent *e);
/** foreign_readonly - refuses to open for writing. */
int  foreign_readonly(struct blk_node *n, const char *format, struct error *err);

#endif

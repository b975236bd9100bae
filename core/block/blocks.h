/* core/block/blocks.h - what vdi, vhd and vhdx share: a disk cut into large blocks that one table places in the file.
 *
 * A block that is not there yet is added behind the last one with the first bytes that are written to it; around them
 * the file has a hole. The table's entry follows when somebody flushes:
 *
 *   no block ---(add)---> block in the file, entry in memory ---(blocks_table_write: sync, then entries)---> both
 *
 * A cut leaves a block that nothing points to. */
#ifndef CORE_BLOCK_BLOCKS_H
#define CORE_BLOCK_BLOCKS_H

#include "core/block/node.h"

#define BLOCKS_NOWHERE UINT64_MAX

struct blk_blocks {
    uint64_t bytes;                    /* data bytes of a block */
    uint64_t end;                      /* where the next block goes in the file */
    uint64_t lo, hi;                   /* table entries that the file does not have yet, while dirty */
    bool     dirty;
    struct co_mutex lock;              /* of adding blocks and writing entries */
    /* Where the disk's byte @off lies in node->file, or BLOCKS_NOWHERE. No yields. */
    uint64_t (*place)(const struct blk_node *n, uint64_t off);
    /* Add the block of @off with @v in it, which ends inside the block. Holds @lock. 0 or -errno. */
    int (*add)(struct blk_node *n, uint64_t off, const struct blk_iov *v);
};

/** blocks_read - the disk's bytes; zeros where there is no block. Context: coroutine; yields. 0 or -errno. */
int blocks_read(struct blk_node *n, const struct blk_blocks *b, uint64_t off, const struct blk_iov *v);
/** blocks_write - write, adding blocks where there are none. Context: coroutine; yields. 0 or -errno. */
int blocks_write(struct blk_node *n, struct blk_blocks *b, uint64_t off, const struct blk_iov *v);

/**
 * blocks_extend - make [at, at + len) of the file read as zeros, mostly by making the file longer.
 * @n:   the format's node
 * @at:  in node->file, bytes
 * @len: bytes, > 0
 *
 * Returns 0 or -errno. Context: coroutine; yields.
 */
int blocks_extend(struct blk_node *n, uint64_t at, uint64_t len);

/** blocks_changed - entry @i of the table is not on disk yet. Context: holds @b->lock. */
void blocks_changed(struct blk_blocks *b, uint64_t i);

/** How a table lies in the file. */
struct blocks_table {
    uint64_t off, entries;             /* bytes into node->file; how many */
    uint32_t width;                    /* bytes of an entry, 4 or 8 */
    void   (*put)(const struct blk_node *n, uint64_t i, uint8_t *to);
};

/**
 * blocks_table_write - syncs the file, so that blocks come before what points to them, then writes changed entries,
 * in whole sectors. The caller syncs again.
 *
 * Returns 1 if entries were written, 0 if there was nothing to do, or -errno; then they stay changed.
 * Context: coroutine; holds @b->lock; yields.
 */
int blocks_table_write(struct blk_node *n, struct blk_blocks *b, const struct blocks_table *t);

/** blocks_map - the answer of blk_driver.map for such a disk: data, or zeros where there is no block. Returns 0. */
int blocks_map(struct blk_node *n, const struct blk_blocks *b, uint64_t off, uint64_t len, struct blk_extent *e);

#endif

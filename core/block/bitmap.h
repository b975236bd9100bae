/* core/block/bitmap.h - an image's dirty bitmaps, for the tools and for NBD exports. */
#ifndef CORE_BLOCK_BITMAP_H
#define CORE_BLOCK_BITMAP_H

#include <stdint.h>

struct blk_node;
struct error;

/* One bit for each @granularity bytes of the disk, lowest bit first. */
struct blk_bitmap {
    uint8_t *bits;
    uint64_t count, granularity;
};

/** blk_bitmap_load - a bitmap's content; out->bits is the caller's to free(). 0 or -errno. Context: coroutine; yields. */
int blk_bitmap_load(struct blk_node *n, const char *name, struct blk_bitmap *out, struct error *err);
/** blk_bitmap_merge - set in bitmap @name what is set in @from. Context: coroutine; yields. */
int blk_bitmap_merge(struct blk_node *n, const char *name, const struct blk_bitmap *from, struct error *err);

#endif

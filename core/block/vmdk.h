/* core/block/vmdk.h - between the files of the VMware driver: descriptor, sparse extents, creation. */
#ifndef CORE_BLOCK_VMDK_H
#define CORE_BLOCK_VMDK_H

#include "core/block/node.h"

enum { VMDK_MAGIC = 0x564d444b, VMDK_GTES = 512, VMDK_DESC_MAX = 1 << 20, VMDK_EXTENTS_MAX = 4096 };
enum { VMDK_F_NEWLINE = 1, VMDK_F_RGD = 2, VMDK_F_ZERO = 4, VMDK_F_COMPRESS = 1 << 16, VMDK_F_MARKERS = 1 << 17 };
enum vmdk_type { VMDK_FLAT, VMDK_SPARSE, VMDK_ZERO };

struct vmdk_extent {
    enum vmdk_type   type;
    char            *name;             /* as info shows it */
    struct blk_node *file;             /* own reference, but for the image itself */
    uint64_t         begin, bytes;     /* in the disk */
    uint64_t         flat_off;
    uint64_t         grain;            /* bytes */
    uint32_t         flags, gt_count;
    uint32_t        *gd, *rgd;         /* sectors of the grain tables; rgd NULL without a second copy */
    uint32_t       **gt;               /* loaded tables, NULL until needed */
    uint8_t         *gt_dirty;
    bool             dirty;
    uint64_t         end;              /* where the next grain goes */
};

struct vmdk {
    struct vmdk_extent *ext;
    int                 count;
    char                create_type[64];
    uint32_t            cid, parent_cid;
    uint64_t            desc_off, desc_len;   /* the descriptor in node->file; len 0 without one */
    bool                stream_ended, announced;
    struct co_mutex     lock;
};

/** vmdk_sparse_open - read a sparse extent's header and grain directory. @e: file set. 0 or -errno. */
int  vmdk_sparse_open(struct vmdk_extent *e, struct error *err);
/** vmdk_gte - the grain table entry of a place: sectors. Context: coroutine; yields. */
int  vmdk_gte(struct vmdk_extent *e, uint64_t off, uint32_t *entry);
int  vmdk_gte_set(struct vmdk_extent *e, uint64_t off, uint32_t entry);
int  vmdk_tables_write(struct vmdk_extent *e);
int  vmdk_read_packed(struct vmdk_extent *e, uint64_t off, uint32_t entry, const struct blk_iov *v);
int  vmdk_write_packed(struct vmdk_extent *e, uint64_t off, const struct blk_iov *v);
int  vmdk_end_stream(struct vmdk_extent *e);
void vmdk_extent_free(struct vmdk_extent *e);
/** vmdk_announce - before the first write: a new CID, on disk. Context: coroutine; yields. 0 or -errno. */
int  vmdk_announce(struct blk_node *n);
/** vmdk_check_backing - blk_driver.check_backing. */
int  vmdk_check_backing(struct blk_node *n, bool follow, struct error *err);
int  vmdk_create(struct blk_create *c, struct error *err);
extern const struct blk_option vmdk_create_opts[];

#endif

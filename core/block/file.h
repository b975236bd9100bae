/* core/block/file.h - what others need of the file protocol. */
#ifndef CORE_BLOCK_FILE_H
#define CORE_BLOCK_FILE_H

#include <stdint.h>

struct blk_node;
struct blk_driver;

extern const struct blk_driver blk_file, blk_host_device, blk_raw;

/** Opens a descriptor of a descriptor set (QMP add-fd). Returns it, or -errno. */
typedef int blk_fdset_fn(uint64_t set, int flags);
/** blk_set_fdset_hook - who resolves /dev/fdset/N. */
void blk_set_fdset_hook(blk_fdset_fn *fn);

/** blk_file_fd - the descriptor behind a file or host_device node, or -1. */
int blk_file_fd(const struct blk_node *n);
/** blk_file_refresh - look at the file's size again. */
void blk_file_refresh(struct blk_node *n);

#endif

/* core/block/lock.h - locks on image files, so that two writers never open one image.
 *
 * Open-file-description locks on single bytes of the file, which other emulators' tools respect too: a byte in
 * 100.. for each thing that we do, a byte in 200.. for each thing that nobody else may do meanwhile. */
#ifndef CORE_BLOCK_LOCK_H
#define CORE_BLOCK_LOCK_H

#include <stdbool.h>

struct error;

/**
 * lock_image - take the locks for reading or writing.
 * @fd:    the open image
 * @write: we write and resize; others may only look
 * @share: take no lock that keeps writers out
 * @name:  file name for the message, which names the process that holds the image
 *
 * Returns 0 (also where the file system has no locks), or -EAGAIN. The locks go with the descriptor.
 */
int lock_image(int fd, bool write, bool share, const char *name, struct error *err);

#endif

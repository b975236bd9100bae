/* core/block/objects.h - -object and --object: the objects that disks use.
 *
 *   secret, tls-creds-x509, tls-creds-psk, throttle-group, iothread */
#ifndef CORE_BLOCK_OBJECTS_H
#define CORE_BLOCK_OBJECTS_H

#include <stdbool.h>

struct blk_opts;
struct error;
struct io_loop;

/** blk_object_add - make an object. @o: with its type under "qom-type"; consumed, but the caller frees it. 0 or -errno;
 *  -ENOENT with a sentence if disks have no object of this type. */
int blk_object_add(struct blk_opts *o, struct error *err);

/** blk_object_types - the names, ended by NULL. */
extern const char *const blk_object_types[];

/** blk_object_is - is this a type that blk_object_add() makes? */
bool blk_object_is(const char *type);

/** blk_iothread_find - the loop of an iothread object, or NULL and a sentence. */
struct io_loop *blk_iothread_find(const char *id, struct error *err);

/** blk_iothreads_end - stop all iothreads; no drive uses them any more. */
void blk_iothreads_end(void);

#endif

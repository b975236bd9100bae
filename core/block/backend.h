/* core/block/backend.h - a drive as a device sees it.
 *
 * A backend stands between one device (virtio-blk, AHCI, NVMe, ...) and the top node of a block graph. The
 * device submits requests from any thread and gets a callback for each; it never waits. Requests run as
 * coroutines on the backend's loop (its iothread's, or the process's shared I/O thread), so a machine's disk I/O
 * never blocks a vCPU or the monitor.
 *
 *   device thread:  blk_submit_*() -> io_post -> [I/O thread] coroutine: throttle, node, error policy -> cb(ret)
 *
 * A request that fails under werror=stop / enospc is not completed: the backend keeps it, asks the machine to
 * pause (blk_set_pause_hook()) and runs it again on blk_backend_resume(). Nothing acknowledged is ever lost. */
#ifndef CORE_BLOCK_BACKEND_H
#define CORE_BLOCK_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct error;
struct io_loop;
struct blk_node;
struct blk_opts;
struct blk_backend;

/** Completion of a request. @ret: 0, or -errno. Context: the backend's I/O thread; must neither block nor yield;
 *  may submit further requests. The device takes whatever lock it needs itself. */
typedef void blk_done_fn(void *opaque, int ret);

enum blk_if { BLK_IF_NONE, BLK_IF_IDE, BLK_IF_SCSI, BLK_IF_FLOPPY, BLK_IF_PFLASH, BLK_IF_MTD, BLK_IF_SD, BLK_IF_VIRTIO,
              BLK_IF_XEN, BLK_IF_COUNT };
enum blk_on_error { BLK_ERR_REPORT, BLK_ERR_IGNORE, BLK_ERR_STOP, BLK_ERR_ENOSPC };

/* What the device wants to hear. Each may be NULL. Context: the I/O thread, or the monitor's for resize. */
struct blk_device_ops {
    void (*resized)(void *dev, uint64_t bytes);
    void (*media_changed)(void *dev, bool loaded);
    void (*drain_begin)(void *dev);     /* stop taking requests from the guest until drain_end */
    void (*drain_end)(void *dev);
};

/* -------- the drives of a machine */

/**
 * blk_drive_add - make a drive from a -drive option.
 * @text: the option's argument, as on the command line ("file=disk.qcow2,if=virtio,cache=none")
 * @err:  why it failed: one sentence
 *
 * Opens the image. Returns the backend, known under its id= (or "virtio0" and the like), or NULL.
 * Context: main thread, before the machine runs or from the monitor.
 */
struct blk_backend *blk_drive_add(const char *text, struct error *err);

/**
 * blk_blockdev_add - make a named node from a -blockdev option.
 * @text: JSON object or keys ("driver=qcow2,node-name=d0,file.driver=file,file.filename=x")
 * @err:  why it failed
 *
 * Returns 0 or -errno. A device takes the node with blk_backend_get().
 */
int blk_blockdev_add(const char *text, struct error *err);

/**
 * blk_backend_get - what drive=NAME of a device means.
 * @name: id of a -drive, or node-name of a -blockdev (for which a backend is made)
 * @err:  names the nearest drive when there is none, and the device that has it when it is taken
 *
 * Returns the backend, owned by the block layer, or NULL.
 */
struct blk_backend *blk_backend_get(const char *name, struct error *err);

/** blk_backend_remove - drive_del, blockdev-del: flush, close and forget. -EBUSY while a device has it. */
int blk_backend_remove(struct blk_backend *b, struct error *err);

/** blk_backend_insert - change the medium (QMP blockdev-change-medium, eject): @node replaces the old one, which is
 *  flushed and let go; NULL ejects. The device hears media_changed. Context: main thread. */
int blk_backend_insert(struct blk_backend *b, struct blk_node *node, struct error *err);

/** blk_backend_next - walk all backends. @b: NULL for the first. Returns the next, or NULL. */
struct blk_backend *blk_backend_next(struct blk_backend *b);

/** blk_backend_find_if - the unattached drive on a legacy interface: if=TYPE, bus and unit; or NULL. */
struct blk_backend *blk_backend_find_if(enum blk_if type, int bus, int unit);

enum blk_if blk_backend_if(const struct blk_backend *b);
int         blk_backend_unit(const struct blk_backend *b);
bool        blk_backend_is_cdrom(const struct blk_backend *b);   /* media=cdrom */
const char *blk_backend_id(const struct blk_backend *b);         /* never NULL, may be "" */
const char *blk_backend_node(const struct blk_backend *b);       /* top node's name; "" without medium */

/** blk_drive_set_default_if - what a -drive without if= is on this machine. Before any blk_drive_add(). */
void blk_drive_set_default_if(enum blk_if type);

/** blk_drive_set_snapshot - -snapshot: every drive added from now on gets a temporary overlay. */
void blk_drive_set_snapshot(bool on);

/** blk_close_all - flush and close every drive and node; at the end of the process. */
void blk_close_all(void);

/* -------- a device and its drive */

/**
 * blk_backend_attach - a device takes a drive.
 * @b:    unattached backend
 * @ops:  what the device wants to hear; static, may be NULL
 * @dev:  handed to @ops
 * @name: the device's id or type, for messages
 * @want_write: whether the device will write; refused for a read-only drive
 *
 * Returns 0, -EBUSY (already taken), -EACCES (read-only drive). Context: main thread.
 */
int blk_backend_attach(struct blk_backend *b, const struct blk_device_ops *ops, void *dev, const char *name,
                       bool want_write, struct error *err);

/** blk_backend_detach - the device lets go; drained first, so no callback comes afterwards. */
void blk_backend_detach(struct blk_backend *b);

/**
 * blk_backend_set_loop - run this drive's requests on an iothread's loop (-device ...,iothread=).
 * @b:    backend without requests in flight
 * @loop: the loop
 *
 * Returns 0, or -EBUSY when another drive shares nodes with this one on another loop.
 */
int blk_backend_set_loop(struct blk_backend *b, struct io_loop *loop, struct error *err);

/** blk_backend_loop - the loop its requests and callbacks run on. */
struct io_loop *blk_backend_loop(struct blk_backend *b);

uint64_t blk_backend_bytes(const struct blk_backend *b);         /* size of the medium; 0 without one */
bool     blk_backend_readonly(const struct blk_backend *b);
bool     blk_backend_has_medium(const struct blk_backend *b);
bool     blk_backend_write_cache(const struct blk_backend *b);   /* false: cache=writethrough, directsync */
void     blk_backend_set_write_cache(struct blk_backend *b, bool on);   /* the guest switched it */
bool     blk_backend_can_discard(const struct blk_backend *b);   /* discard=unmap */
uint32_t blk_backend_block_bytes(const struct blk_backend *b);   /* smallest request that needs no copying */
const char *blk_backend_serial(const struct blk_backend *b);     /* serial= of -drive, or NULL */

/* -------- requests */

/**
 * blk_submit_read, blk_submit_write - move bytes between the guest's memory and the disk.
 * @b:   backend
 * @off: byte on the disk; any alignment
 * @iov: @n pieces of memory, copied by the call (the memory itself stays the caller's until @cb)
 * @n:   pieces, >= 0
 * @cb:  called once
 * @opaque: for @cb
 *
 * Beyond the end, or on a read-only drive: -EIO or -EACCES through @cb. A write with write cache off is on
 * stable storage when @cb comes. Context: any thread; returns at once.
 */
void blk_submit_read(struct blk_backend *b, uint64_t off, const struct iovec *iov, int n, blk_done_fn *cb, void *opaque);
void blk_submit_write(struct blk_backend *b, uint64_t off, const struct iovec *iov, int n, blk_done_fn *cb, void *opaque);

/** blk_submit_flush - everything acknowledged before this call is on stable storage when @cb gets 0. */
void blk_submit_flush(struct blk_backend *b, blk_done_fn *cb, void *opaque);

/** blk_submit_discard - the bytes are not needed any more (a hint; no-op without discard=unmap). */
void blk_submit_discard(struct blk_backend *b, uint64_t off, uint64_t len, blk_done_fn *cb, void *opaque);

/** blk_submit_zeroes - make bytes read as zero. @may_unmap: freeing their storage is fine. */
void blk_submit_zeroes(struct blk_backend *b, uint64_t off, uint64_t len, bool may_unmap, blk_done_fn *cb, void *opaque);

/**
 * blk_sync_read, blk_sync_write - the same, and wait; for firmware loaders and PIO devices with small transfers.
 *
 * Returns 0 or -errno. Context: any thread that is not the backend's I/O thread; blocks.
 */
int blk_sync_read(struct blk_backend *b, uint64_t off, void *buf, size_t len);
int blk_sync_write(struct blk_backend *b, uint64_t off, const void *buf, size_t len);
int blk_sync_flush(struct blk_backend *b);

/** blk_backend_drain - wait until no request of this drive is in flight. Context: not its I/O thread; blocks. */
void blk_backend_drain(struct blk_backend *b);

/* Counters for query-blockstats; read at any time, never locked against each other. */
struct blk_stats {
    uint64_t rd_bytes, wr_bytes, unmap_bytes, rd_ops, wr_ops, flush_ops, unmap_ops;
    uint64_t rd_ns, wr_ns, flush_ns, unmap_ns, rd_failed, wr_failed, flush_failed, unmap_failed, wr_highest;
};
void blk_backend_stats(const struct blk_backend *b, struct blk_stats *out);

/* -------- the machine */

/**
 * blk_set_pause_hook - how the block layer asks for a pause when a drive says werror=stop.
 * @fn: called on an I/O thread with the drive, whether it was a write, and the errno; posts to the main loop
 */
void blk_set_pause_hook(void (*fn)(struct blk_backend *b, bool write, int error, bool stopped));

/** blk_resume_all - the machine goes on (cont): run again what was kept. Context: main thread. */
void blk_resume_all(void);

/** blk_backend_waits - are there requests that failed and wait for the machine to go on? */
bool blk_backend_waits(struct blk_backend *b);

/** blk_drain_all - wait until every drive is quiet; before a snapshot or migration. Context: main thread. */
void blk_drain_all(void);

/** blk_flush_all - flush every writable drive. Returns the first -errno, or 0. Context: main thread; blocks. */
int blk_flush_all(void);

/** blk_backend_top - the top node, for the monitor's jobs; NULL without medium. */
struct blk_node *blk_backend_top(struct blk_backend *b);

/** blk_run - run a coroutine on the backend's loop and wait for it. Context: main thread; blocks. */
void blk_run(struct blk_backend *b, void (*fn)(void *arg), void *arg);

/** blk_run_on - the same on any loop that a thread runs. Context: not that thread; blocks. */
void blk_run_on(struct io_loop *loop, void (*fn)(void *arg), void *arg);

/** blk_cache_parse - cache=MODE into open flags: none, writeback, writethrough, directsync, unsafe. 0 or -EINVAL. */
int blk_cache_parse(const char *mode, unsigned *flags);

#endif

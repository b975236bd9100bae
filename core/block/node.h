/* core/block/node.h - the graph of nodes that makes a disk.
 *
 * A node is one driver at work: a protocol (file, nbd) that moves bytes, a format (qcow2, vmdk) that stores a disk
 * inside its child `file`, or a filter in between. Children are owned by reference: a node lives while a parent,
 * a backend or its name holds it.
 *
 *        backend (a device's drive), or a tool
 *           |
 *        qcow2 --backing--> qcow2 --backing--> raw
 *           | file             | file           | file
 *         file               file             nbd
 *
 * Every function here and in the drivers runs in a coroutine on the graph's loop, so a driver reads like blocking
 * code and needs locks only across its own yields (core/event/colock.h). Requests reach drivers through
 * core/block/request.c, which bounds, aligns and tracks them; drivers call their children the same way. */
#ifndef CORE_BLOCK_NODE_H
#define CORE_BLOCK_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "core/block/iov.h"
#include "core/block/opts.h"
#include "core/event/colock.h"

struct error;
struct blk_node;
struct blk_create;

enum {
    BLK_SECTOR    = 512,
    BLK_CHAIN_MAX = 200,               /* nodes in a backing chain */
    BLK_NAME_MAX  = 4096,              /* bytes in a file name, as in PATH_MAX */
    BLK_HEAD      = 2048,              /* bytes that a probe gets to see */
};
#define BLK_LENGTH_MAX ((uint64_t)INT64_MAX - (1u << 30))

/* How a node is opened. */
enum blk_open {
    BLK_RDWR        = 1 << 0,
    BLK_DIRECT      = 1 << 1,          /* cache=none, directsync: around the host's page cache */
    BLK_NO_FLUSH    = 1 << 2,          /* cache=unsafe */
    BLK_WRITETHROUGH = 1 << 3,         /* every write is flushed */
    BLK_UNMAP       = 1 << 4,          /* discard=unmap */
    BLK_NO_BACKING  = 1 << 5,          /* leave the backing file closed */
    BLK_NO_IO       = 1 << 6,          /* for looking at metadata only: no password, no data file */
    BLK_CHECK       = 1 << 7,          /* for check: open though dirty or corrupt, repair nothing by itself */
    BLK_SHARE       = 1 << 8,          /* -U: take no lock that excludes others */
    BLK_AIO_THREADS = 1 << 9,
    BLK_PROBED      = 1 << 10,         /* format was guessed from content */
    BLK_DETECT_ZEROES = 1 << 11,       /* writes of zeros become write-zeroes */
    BLK_DETECT_UNMAP = 1 << 12,        /* ... that may unmap */
    BLK_COPY_ON_READ = 1 << 13,
    BLK_AUTO_RDONLY = 1 << 14,         /* fall back to reading when writing is not permitted */
    BLK_NO_LOCK     = 1 << 15,
    BLK_TEMPORARY   = 1 << 16,         /* delete the file as soon as it is open */
};

/* How a request is done. */
enum blk_req {
    BLK_FUA         = 1 << 0,          /* on stable storage when it returns */
    BLK_MAY_UNMAP   = 1 << 1,
    BLK_NO_FALLBACK = 1 << 2,          /* write-zeroes: -ENOTSUP rather than writing a buffer of zeros */
    BLK_REQ_COMPRESS = 1 << 3,
};

/* What is known of a stretch of a node. */
enum blk_extent_flags {
    BLK_EXT_DATA      = 1 << 0,        /* reads come from storage of this node (or the one in `node`) */
    BLK_EXT_ZERO      = 1 << 1,        /* reads as zeros */
    BLK_EXT_ALLOCATED = 1 << 2,        /* this node decides the content; otherwise ask the backing node */
    BLK_EXT_OFFSET    = 1 << 3,        /* `host` is where it lies in `node` */
    BLK_EXT_COMPRESSED = 1 << 4,
    BLK_EXT_RAW       = 1 << 5,        /* the answer is that of `node` at `host` */
    BLK_EXT_EOF       = 1 << 6,
    BLK_EXT_STAYS     = 1 << 7,        /* with RAW: data of this node even where `node` has a hole (and so reads as zeros) */
};

struct blk_extent {
    uint64_t         len;              /* > 0; bytes that share this answer */
    unsigned         flags;
    uint64_t         host;
    struct blk_node *node;             /* where `host` counts */
    int              depth;            /* blk_map_chain(): how many backing links down */
};

enum blk_prealloc { BLK_PREALLOC_OFF, BLK_PREALLOC_METADATA, BLK_PREALLOC_FALLOC, BLK_PREALLOC_FULL };

struct blk_snapshot {
    char     id[128], name[256];
    uint64_t vm_state_bytes, date_s, vm_clock_ns, icount, disk_bytes;
    uint32_t date_ns;
    bool     has_icount;
};

/* What check found and did. */
struct blk_check {
    uint64_t corruptions, leaks, check_errors, corruptions_fixed, leaks_fixed;
    uint64_t image_end, total_clusters, allocated_clusters, fragmented_clusters, compressed_clusters;
    void   (*say)(void *arg, const char *line);   /* one finding, without newline; may be NULL */
    void    *arg;
};
enum { BLK_FIX_LEAKS = 1, BLK_FIX_ERRORS = 2 };

/* What info shows beyond size and name; a format fills in what it knows. Values print in order. @has_dirty is set before
 * and cleared by a format that could not tell. */
struct blk_info {
    uint32_t cluster_bytes;
    bool     has_dirty, dirty, corrupt, encrypted, compressed;
    bool     packed_only;              /* takes whole compressed clusters and nothing else */
    char     backing[BLK_NAME_MAX], backing_format[64], data_file[BLK_NAME_MAX];
    struct json_t *specific;           /* format-specific information as QMP's ImageInfoSpecific; or NULL */
};

struct blk_measure { uint64_t required, fully, bitmaps; bool has_bitmaps; };

/* One option of create or amend: what `-o help` prints, what `-o` accepts. */
enum blk_opt_type { BLK_OPT_STR, BLK_OPT_SIZE, BLK_OPT_NUM, BLK_OPT_BOOL };
struct blk_option {
    const char       *name;
    enum blk_opt_type type;
    const char       *help;
    const char       *def;             /* shown as the default, used when not given; or NULL */
};

enum blk_driver_flags {
    BLK_DRV_PROTOCOL   = 1 << 0,       /* moves bytes itself: no child `file` */
    BLK_DRV_FILTER     = 1 << 1,       /* same bytes as its child */
    BLK_DRV_GROWS      = 1 << 2,       /* writes beyond the end grow it; reads beyond give zeros */
    BLK_DRV_BACKING    = 1 << 3,       /* can have a backing file */
    BLK_DRV_HOST_NAMES = 1 << 4,       /* file names are host paths */
    BLK_DRV_NOT_ZERO   = 1 << 5,       /* a new image does not read as zeros */
    BLK_DRV_HOLES      = 1 << 6,       /* its blocks have holes in the file: what is not written of one costs nothing */
};

struct blk_driver {
    const char *name, *help;
    unsigned    flags;
    size_t      bytes;                 /* of node->priv, zeroed */
    const char *prefixes;              /* protocol: "nbd nbd+unix nbds", what comes before the colon in a name */

    /* A format: how sure that this is its image, 0 (not) to 100, from the first @len bytes. No side effects. */
    int (*probe)(const uint8_t *head, size_t len, const char *filename);
    /* A protocol: turn a name such as nbd://host/x into options. Returns 0 or -errno. */
    int (*parse_name)(const char *name, struct blk_opts *o, struct error *err);
    /* Set up priv; take the options it knows out of @o. node->flags and, but for a protocol, node->file are there.
     * On failure nothing is left behind but children, which the caller closes. */
    int (*open)(struct blk_node *n, struct blk_opts *o, struct error *err);
    /* Flush metadata; release priv's contents. Children are closed by the caller. */
    void (*close)(struct blk_node *n);

    int (*read)(struct blk_node *n, uint64_t off, const struct blk_iov *v);
    int (*write)(struct blk_node *n, uint64_t off, const struct blk_iov *v, unsigned flags);
    int (*zero)(struct blk_node *n, uint64_t off, uint64_t len, unsigned flags);   /* -ENOTSUP: buffer of zeros */
    int (*discard)(struct blk_node *n, uint64_t off, uint64_t len);
    int (*flush)(struct blk_node *n);                 /* own metadata, then blk_flush() of every child */
    int (*map)(struct blk_node *n, uint64_t off, uint64_t len, struct blk_extent *e);
    int (*write_compressed)(struct blk_node *n, uint64_t off, const struct blk_iov *v);
    int (*copy)(struct blk_node *src, uint64_t soff, struct blk_node *dst, uint64_t doff, uint64_t len);
    int (*resize)(struct blk_node *n, uint64_t bytes, enum blk_prealloc p, struct error *err);
    int64_t (*allocated)(struct blk_node *n);         /* bytes on the host, as du counts */
    int (*refresh)(struct blk_node *n);               /* a protocol: look at its size again */
    int (*info)(struct blk_node *n, struct blk_info *info, struct error *err);
    int (*check)(struct blk_node *n, struct blk_check *c, int fix, struct error *err);
    int (*empty)(struct blk_node *n, struct error *err);   /* commit: drop all content above the backing file */

    int (*create)(struct blk_create *c, struct error *err);
    const struct blk_option *create_opts;
    int (*amend)(struct blk_node *n, struct blk_opts *o, struct error *err);
    const struct blk_option *amend_opts;
    int (*measure)(struct blk_opts *o, struct blk_node *src, uint64_t bytes, struct blk_measure *m, struct error *err);
    /* Is the open backing file the one that the image was made above? @follow: it is about to be written to on
     * purpose (commit): go along with the change. */
    int (*check_backing)(struct blk_node *n, bool follow, struct error *err);
    int (*set_backing)(struct blk_node *n, const char *file, const char *format, struct error *err);

    int (*snap_list)(struct blk_node *n, struct blk_snapshot **list, struct error *err);   /* count; *list to free() */
    int (*snap_create)(struct blk_node *n, struct blk_snapshot *s, struct error *err);     /* fills in s->id */
    int (*snap_apply)(struct blk_node *n, const char *id, struct error *err);
    int (*snap_delete)(struct blk_node *n, const char *id, struct error *err);
    int (*snap_load)(struct blk_node *n, const char *id, struct error *err);               /* read-only view, -l */
    /* Machine state kept behind the guest's disk; snap_state reads that of a snapshot. */
    int (*snap_state)(struct blk_node *n, const char *id, uint64_t off, const struct blk_iov *v);
    int (*vmstate_read)(struct blk_node *n, uint64_t off, const struct blk_iov *v);
    int (*vmstate_write)(struct blk_node *n, uint64_t off, const struct blk_iov *v);

    int (*bitmap)(struct blk_node *n, const char *verb, const char *name, struct blk_opts *o, struct error *err);
};

extern const struct blk_driver *const all_blk_drivers[];

/* A stretch that a request works on; on a list of its node while it does. */
struct blk_tracked {
    struct blk_tracked *next, **back;
    uint64_t            off, end;
    bool                exclusive;
    struct co_queue     waiting;
};

struct blk_node {
    const struct blk_driver *drv;
    void            *priv;
    unsigned         flags;            /* enum blk_open */
    int              refs;
    bool             named;            /* by the user */
    bool             held_by_name;     /* one reference is that of its name: until blockdev-del */
    char             name[64];
    char             filename[BLK_NAME_MAX];   /* as it should be shown; for a format, that of its file */
    struct blk_node *file, *backing, *data;    /* data: external data file, else == NULL */
    char             backing_name[BLK_NAME_MAX], backing_format[64];   /* as the image says */
    uint64_t         bytes;            /* size; for GROWS nodes the end of file as last seen */
    uint32_t         align;            /* requests below are multiples of this; 1 when any will do */
    uint32_t         unit;             /* cluster: what map, zero and discard like best; 0 unknown */
    uint64_t         max_transfer;     /* 0: no limit */
    struct blk_node *overlay;          /* while it is being opened: the node whose backing file it is */
    int              in_flight;
    struct co_queue  idle;             /* who waits for in_flight == 0 */
    struct blk_tracked *tracked;
    const char      *owner;            /* who writes to it: for messages */
    int              writers, no_write_share;
    struct blk_node *next;             /* list of all nodes */
};

/* ---- opening */

/**
 * blk_open - open an image and everything below it.
 * @filename: path, protocol name ("nbd://..."), "json:{...}", or NULL when @o says it all
 * @format:   driver's name, or NULL to look at the content
 * @o:        further options (dotted keys), or NULL; consumed, but the caller frees it
 * @flags:    enum blk_open
 * @err:      one sentence; for a chain it names the chain
 *
 * Returns a referenced node, or NULL. Context: coroutine; yields.
 */
struct blk_node *blk_open(const char *filename, const char *format, struct blk_opts *o, unsigned flags, struct error *err);

/**
 * blk_overlay - what snapshot=on does: the image itself is only read, writes go to a file that has no name any more.
 * @base:  becomes the overlay's; stays the caller's on failure
 * @flags: enum blk_open, for the overlay
 *
 * Returns the overlay, or NULL. Context: coroutine; yields.
 */
struct blk_node *blk_overlay(struct blk_node *base, unsigned flags, struct error *err);

/** blk_ref - another holder. Returns @n. */
struct blk_node *blk_ref(struct blk_node *n);
/** blk_unref - let go; the last one closes node and children, flushing first. @n: NULL is fine. Context: coroutine. */
void blk_unref(struct blk_node *n);

/** blk_open_child - open another child by key ("data-file"), with a default name or NULL. NULL and @err if it fails. */
struct blk_node *blk_open_child(struct blk_node *n, struct blk_opts *o, const char *key, const char *name,
                                const char *format, unsigned flags, struct error *err);
/** blk_chain_text - "top -> middle -> base", for messages. @buf: @bytes long. Returns @buf. */
const char *blk_chain_text(struct blk_node *n, char *buf, size_t bytes);

/** blk_find - the node of a name, or NULL. */
struct blk_node *blk_find(const char *name);
/** blk_first - head of the list of all nodes (next by ->next). */
struct blk_node *blk_first(void);

/** blk_driver_find - by name; NULL and a sentence with the nearest name in @err. */
const struct blk_driver *blk_driver_find(const char *name, struct error *err);
/** blk_probe - the format of some bytes: never NULL, raw if nothing else fits. @score: out, may be NULL. */
const struct blk_driver *blk_probe(const uint8_t *head, size_t len, const char *filename, int *score);

/** blk_path_combine - @name as seen from the image @base: absolute and protocol names stay. @out: BLK_NAME_MAX. */
int blk_path_combine(const char *base, const char *name, char *out, struct error *err);
/** blk_has_protocol - does a name begin with "proto:"? */
bool blk_has_protocol(const char *name);
/** blk_full_backing_name - the backing file's name as it is opened. @out: BLK_NAME_MAX bytes. */
int blk_full_backing_name(struct blk_node *n, char *out, struct error *err);

/* ---- requests; Context: coroutine; yield. 0 or -errno. */
int blk_read(struct blk_node *n, uint64_t off, void *buf, size_t len);
int blk_write(struct blk_node *n, uint64_t off, const void *buf, size_t len);
int blk_readv(struct blk_node *n, uint64_t off, const struct blk_iov *v);
int blk_writev(struct blk_node *n, uint64_t off, const struct blk_iov *v, unsigned flags);
int blk_zero(struct blk_node *n, uint64_t off, uint64_t len, unsigned flags);
int blk_discard(struct blk_node *n, uint64_t off, uint64_t len);
int blk_flush(struct blk_node *n);
int blk_write_compressed(struct blk_node *n, uint64_t off, const void *buf, size_t len);
/** blk_copy - let the host copy bytes between two nodes without passing them through memory; -ENOTSUP if it can't. */
int blk_copy(struct blk_node *src, uint64_t soff, struct blk_node *dst, uint64_t doff, uint64_t len);
/** blk_resize - set the size. */
int blk_resize(struct blk_node *n, uint64_t bytes, enum blk_prealloc p, struct error *err);

/** blk_map - what this node alone knows about [off, off + len). */
int blk_map(struct blk_node *n, uint64_t off, uint64_t len, struct blk_extent *e);
/** blk_map_chain - the same through backing files, down to but not including @base (NULL: all of them). */
int blk_map_chain(struct blk_node *n, struct blk_node *base, uint64_t off, uint64_t len, struct blk_extent *e);
/** blk_map_holes - makes an answer finer: where data of @e lies in a hole of the file, it reads as zeros. Formats with
 *  large blocks (BLK_DRV_HOLES) or none at all do not say so themselves. 0 or -errno. */
int blk_map_holes(struct blk_extent *e);
/** blk_map_above - is the stretch allocated in @n or anything above @base? 1, 0 or -errno; *@same: bytes alike. */
int blk_map_above(struct blk_node *n, struct blk_node *base, uint64_t off, uint64_t len, uint64_t *same);

int64_t blk_allocated(struct blk_node *n);
/** blk_refresh - ask the protocol again how long it is (after somebody else grew it). 0 or -errno. */
int blk_refresh(struct blk_node *n);
/** blk_drain - wait until no request is in flight in this node. Context: coroutine; yields. */
void blk_drain(struct blk_node *n);

/** blk_track - wait until no conflicting request overlaps, then hold [off, off + len). Exclusive conflicts with
 *  all, shared with exclusive. blk_untrack() lets go. Context: coroutine; may yield. */
void blk_track(struct blk_node *n, struct blk_tracked *t, uint64_t off, uint64_t len, bool exclusive);
void blk_untrack(struct blk_tracked *t);

/** blk_size_text - "1.5 GiB". @buf: 32 bytes. Returns @buf. */
const char *blk_size_text(uint64_t bytes, char *buf);
/** blk_snapshots_print - the table of snapshots. @everywhere: of a whole machine, whose disks may number them differently. */
void blk_snapshots_print(const struct blk_snapshot *list, int n, bool everywhere, FILE *to);

/** blk_bounce - memory for direct I/O, aligned to 4096; NULL if there is none. free() it. */
void *blk_bounce(size_t len);

/* ---- creating */

/* What create() gets. */
struct blk_create {
    const char      *filename;
    uint64_t         bytes;
    struct blk_opts *opts;             /* what -o said; consumed */
    struct blk_node *file;             /* the opened, empty protocol node below, for formats */
    const char      *backing, *backing_format;
};

/**
 * blk_create_image - make an image file.
 * @filename: where
 * @format:   driver
 * @bytes:    virtual size, or UINT64_MAX to take it from the backing file
 * @o:        create options (-o), including backing_file, backing_fmt; consumed
 * @flags:    BLK_NO_BACKING: do not look at the backing file (-u)
 *
 * A failure after the file was made removes it again. Returns 0 or -errno.
 */
int blk_create_image(const char *filename, const char *format, uint64_t bytes, struct blk_opts *o, unsigned flags,
                     struct error *err);

/** blk_prealloc_parse - off, metadata, falloc, full. */
int blk_prealloc_parse(const char *s, enum blk_prealloc *p, struct error *err);

#endif

/* core/block/qcow2/qcow2.h - one open qcow2 image, shared by the files of this folder.
 *
 * Source: "qcow2 image file format" specification (versions 2 and 3).
 *
 * What may be on the disk when, for ordinary writes (flush.c):
 *
 *   cluster allocated ----> refcount 1 in cache ----> on disk            A
 *   data written ----------------------------------> on disk            A
 *                                        --- sync ---
 *   L2 entry in cache ------------------------------> on disk            B
 *                                        --- sync ---
 *   old cluster's refcount lowered (cache) ---------> on disk, some later A
 *
 * so a table never points to what is not counted and written, and nothing is counted as free while a table on the
 * disk may still point to it: a cut leaves leaked clusters at most. A cluster being replaced or discarded waits on
 * `freed` until B is safe; only then may it be given out again.
 *
 * Whatever changes the structure - snapshots, repair, another refcount width - builds new tables and new refcounts
 * beside the old ones and then writes the header, one sector, that points to all of them (rebuild.c): old or new
 * state, never between. */
#ifndef CORE_BLOCK_QCOW2_QCOW2_H
#define CORE_BLOCK_QCOW2_QCOW2_H

#include "core/block/node.h"

enum {
    QCOW2_MAGIC          = 0x514649fb,
    QCOW2_HEADER_V2      = 72,
    QCOW2_HEADER_V3      = 104,
    QCOW2_HEADER_NOW     = 112,
    QCOW2_MIN_BITS       = 9,
    QCOW2_MAX_BITS       = 21,
    QCOW2_SLICE_MAX      = 16 << 10,   /* what the caches hold of a table */
    QCOW2_SUBCLUSTERS    = 32,
};
#define QCOW2_L1_MAX        (UINT64_C(32) << 20)   /* bytes */
#define QCOW2_REFTABLE_MAX  (UINT64_C(8) << 20)    /* bytes */
#define QCOW2_SNAPSHOTS_MAX 65536
#define QCOW2_SNAP_BYTES_MAX (UINT64_C(64) << 20)
#define QCOW2_BITMAPS_MAX   65535

/* Header bits. */
enum { QCOW2_INC_DIRTY = 1, QCOW2_INC_CORRUPT = 2, QCOW2_INC_DATA_FILE = 4, QCOW2_INC_COMPRESSION = 8, QCOW2_INC_EXT_L2 = 16 };
enum { QCOW2_COMPAT_LAZY = 1 };
enum { QCOW2_AUTO_BITMAPS = 1, QCOW2_AUTO_DATA_RAW = 2 };

/* Header extensions. */
enum { QCOW2_EXT_BACKING_FORMAT = (int)0xe2792aca, QCOW2_EXT_FEATURES = 0x6803f857, QCOW2_EXT_BITMAPS = 0x23852875,
       QCOW2_EXT_CRYPTO = 0x0537be77, QCOW2_EXT_DATA_FILE = 0x44415441 };

/* L1 and L2 entries. */
#define QCOW2_COPIED      (UINT64_C(1) << 63)      /* refcount is exactly one: may be written in place */
#define QCOW2_COMPRESSED  (UINT64_C(1) << 62)
#define QCOW2_ZERO        UINT64_C(1)
#define QCOW2_OFFSET_MASK UINT64_C(0x00fffffffffffe00)
#define QCOW2_L1_RESERVED UINT64_C(0x7f000000000001ff)
#define QCOW2_L2_RESERVED UINT64_C(0x3f000000000001fe)

/* overlap-check=: a write to one of these is refused, and the image marked corrupt. */
enum qcow2_guard {
    QCOW2_GUARD_HEADER = 1 << 0, QCOW2_GUARD_L1 = 1 << 1, QCOW2_GUARD_L2 = 1 << 2, QCOW2_GUARD_REFTABLE = 1 << 3,
    QCOW2_GUARD_REFBLOCK = 1 << 4, QCOW2_GUARD_SNAPTABLE = 1 << 5, QCOW2_GUARD_INACTIVE_L1 = 1 << 6,
    QCOW2_GUARD_INACTIVE_L2 = 1 << 7, QCOW2_GUARD_BITMAPS = 1 << 8,
    QCOW2_GUARD_CONSTANT = QCOW2_GUARD_HEADER | QCOW2_GUARD_L1 | QCOW2_GUARD_REFTABLE | QCOW2_GUARD_SNAPTABLE | QCOW2_GUARD_BITMAPS,
    QCOW2_GUARD_CACHED = QCOW2_GUARD_CONSTANT | QCOW2_GUARD_L2 | QCOW2_GUARD_REFBLOCK | QCOW2_GUARD_INACTIVE_L1,
    QCOW2_GUARD_ALL = QCOW2_GUARD_CACHED | QCOW2_GUARD_INACTIVE_L2,
};

enum qcow2_kind { QCOW2_UNALLOCATED, QCOW2_ZERO_PLAIN, QCOW2_ZERO_ALLOC, QCOW2_DATA, QCOW2_PACKED };

/* A cache of table pieces, each `bytes` long, keyed by offset in the file. */
struct qcow2_tab {
    uint64_t          off;
    uint8_t          *data;
    bool              dirty, recent;   /* recent: used since the last time that unused ones were dropped */
    struct qcow2_tab *newer, *older;   /* by use */
    struct qcow2_tab *chain;           /* hash chain */
};

struct qcow2_cache {
    size_t             bytes;
    unsigned           count, max, dirty, buckets;
    int64_t            cleaned_s;
    struct qcow2_tab **hash;
    struct qcow2_tab  *newest, *oldest;
};

/* A set of cluster offsets (open addressing). */
struct qcow2_set {
    uint64_t *slot;
    size_t    used, room;
};

struct qcow2_run {
    uint64_t off, bytes;
    bool     packed;                   /* part of clusters: lower each cluster's refcount once */
    bool     punch;
};

struct qcow2_snapshot {
    struct blk_snapshot s;
    uint64_t l1_offset;
    uint32_t l1_entries;
    uint8_t *extra;                    /* unknown rest of the extra data */
    uint32_t extra_bytes;
};

struct qcow2_ext {
    struct qcow2_ext *next;
    uint32_t          type, bytes;
    uint8_t           data[];
};

/* An allocation whose L2 entry is not written yet: guest clusters [off, end). */
struct qcow2_alloc {
    struct qcow2_alloc *next;
    uint64_t            off, end;
    struct co_queue     waiting;
};

struct crypt;

struct qcow2 {
    struct blk_node *n, *file, *data;  /* data: the external data file, or == file */
    unsigned  version, cluster_bits, refcount_order, l2_bits, sub_bits;
    uint64_t  cluster, entry;          /* bytes of a cluster; of an L2 entry (8 or 16) */
    uint64_t  size;
    uint64_t  incompat, compat, autoclear;
    uint32_t  header_bytes, crypt_method, compression;   /* compression: 0 zlib, 1 zstd */
    bool      ext_l2, data_external, corrupt, write_ready, bitmaps_live;
    bool     looked_for_holes, holes;  /* holes: data clusters may be holes of the file (preallocation) */
    struct qcow2_ext *exts;            /* unknown ones and bitmaps', kept as they are */
    struct crypt *crypt;
    uint64_t  crypt_off, crypt_len;    /* LUKS header in the file */
    char      data_name[BLK_NAME_MAX];

    uint64_t *l1;                      /* host order */
    uint32_t  l1_entries;
    uint64_t  l1_offset;
    bool      l1_dirty;
    uint32_t  l1_dirty_lo, l1_dirty_hi;

    uint64_t *reftable;
    uint64_t  reftable_entries, reftable_offset;
    bool      reftable_dirty;

    struct qcow2_cache l2s, refs;
    struct qcow2_set   tables, blocks; /* clusters that hold L2 tables; refcount blocks */
    struct qcow2_set   inactive;       /* L2 tables of snapshots, if they are to be guarded */
    unsigned  overlap;                 /* enum qcow2_guard: what a write is checked against */
    uint64_t  clean_s;                 /* table pieces unused for this long are dropped; 0: never */
    bool      pass_request, pass_snapshot, pass_other, no_unref;   /* what of a discard reaches the file */
    bool      punch_free;              /* the next rebuild discards what becomes free */
    uint64_t  free_hint;               /* no free cluster below this index */
    uint64_t  alloc_end;               /* where the clusters that were given out since the image was opened end */
    uint64_t  packed_at;               /* where the next compressed cluster may begin; 0: nowhere */

    struct qcow2_run *freed;
    size_t    freed_count, freed_room;
    uint64_t  freed_bytes;

    struct qcow2_snapshot *snaps;
    uint32_t  snap_count;
    uint64_t  snaps_offset, snaps_bytes;

    struct qcow2_bm *bitmaps;          /* loaded while the disk is being written */
    struct co_mutex lock;              /* tables, caches, allocation */
    struct qcow2_alloc *allocs;

    uint8_t  *unpacked;                /* the cluster decompressed last, or NULL */
    uint64_t  unpacked_entry;
};

static inline uint64_t qcow2_l2_span(const struct qcow2 *q)    /* guest bytes under one L2 table */
{
    return UINT64_C(1) << (q->cluster_bits + q->l2_bits);
}

static inline uint64_t qcow2_max_refcount(const struct qcow2 *q)
{
    return q->refcount_order == 6 ? UINT64_MAX : (UINT64_C(1) << (1u << q->refcount_order)) - 1;
}

static inline uint64_t qcow2_block_entries(const struct qcow2 *q)    /* refcounts in one refcount block */
{
    return q->cluster * 8 >> q->refcount_order;
}

/* -- cache.c */
void     qcow2_cache_init(struct qcow2_cache *c, size_t bytes, size_t most);
void     qcow2_cache_drop(struct qcow2_cache *c);                      /* everything, dirty or not */
/** qcow2_cache_get - a piece of a table; valid until the lock is given up. -EIO; NULL in *out then. @fresh: zeros,
 *  not read. Context: coroutine, holds q->lock; yields. */
int      qcow2_cache_get(struct qcow2 *q, struct qcow2_cache *c, uint64_t off, bool fresh, struct qcow2_tab **out);
void     qcow2_cache_mark(struct qcow2_cache *c, struct qcow2_tab *t);
int      qcow2_cache_write(struct qcow2 *q, struct qcow2_cache *c);    /* all that is dirty */
void     qcow2_cache_clean(struct qcow2_cache *c);                     /* drops what is not dirty */
void     qcow2_cache_forget(struct qcow2_cache *c, uint64_t off, uint64_t bytes);
void     qcow2_set_add(struct qcow2_set *s, uint64_t off);
void     qcow2_set_remove(struct qcow2_set *s, uint64_t off);
bool     qcow2_set_has(const struct qcow2_set *s, uint64_t off);
void     qcow2_set_free(struct qcow2_set *s);

/* -- options.c */
/** qcow2_take_options - what -blockdev and -drive say of caches, discards and checks; sets up both caches. */
int      qcow2_take_options(struct qcow2 *q, struct blk_opts *o, struct error *err);

/* -- header.c */
int      qcow2_header_write(struct qcow2 *q, struct error *err);       /* whole header with extensions */
int      qcow2_header_fields(struct qcow2 *q);                         /* its first sector's fields, one write */
int      qcow2_mark_corrupt(struct qcow2 *q, const char *fmt, ...) __attribute__((format(printf, 2, 3)));   /* -EUCLEAN */
int      qcow2_load_l1(struct qcow2 *q, struct error *err);
int      qcow2_load_reftable(struct qcow2 *q, struct error *err);
int      qcow2_table_ok(struct qcow2 *q, uint64_t off, uint64_t entries, uint64_t entry_bytes, uint64_t max_bytes,
                        const char *what, struct error *err);

/* -- refcount.c. Context: coroutine, holds q->lock; yield. */
uint64_t qcow2_ref_read(const uint8_t *block, uint64_t i, unsigned order);
void     qcow2_ref_store(uint8_t *block, uint64_t i, unsigned order, uint64_t v);
int      qcow2_ref_get(struct qcow2 *q, uint64_t cluster_index, uint64_t *count);
/* The counts of up to *n clusters in a row; *n out: how many share this answer, also where it is an error. */
int      qcow2_ref_get_many(struct qcow2 *q, uint64_t cluster_index, uint64_t *counts, uint64_t *n);
int      qcow2_ref_add(struct qcow2 *q, uint64_t cluster_index, int delta);
/** qcow2_alloc - up to @want clusters in a row, refcount 1. *@got >= 1. *@fresh: beyond the file's end, zeros. */
int      qcow2_alloc_run(struct qcow2 *q, uint64_t want, uint64_t *off, uint64_t *got, bool *fresh);
int      qcow2_alloc_packed(struct qcow2 *q, uint64_t bytes, uint64_t *off);
void     qcow2_free_later(struct qcow2 *q, uint64_t off, uint64_t bytes, bool packed, bool punch);
int      qcow2_free_now(struct qcow2 *q);                              /* lowers what is on `freed` */
/** qcow2_overlaps - does [off, off + bytes) touch header, L1, tables or refcounts? Its name, or NULL. */
const char *qcow2_overlaps(struct qcow2 *q, uint64_t off, uint64_t bytes);

/* -- flush.c */
int      qcow2_write_tables(struct qcow2 *q);                          /* A, sync, B; holds q->lock */
int      qcow2_flush(struct blk_node *n);
int      qcow2_sync(struct qcow2 *q);                                  /* file and data file to stable storage */

/* -- map.c. Context: coroutine, holds q->lock; yield. */
int      qcow2_l2_piece(struct qcow2 *q, uint64_t off, bool make, struct qcow2_tab **t, unsigned *index);
uint64_t qcow2_l2_get(const struct qcow2 *q, const struct qcow2_tab *t, unsigned index);
uint64_t qcow2_l2_bitmap(const struct qcow2 *q, const struct qcow2_tab *t, unsigned index);
void     qcow2_l2_set(struct qcow2 *q, struct qcow2_tab *t, unsigned index, uint64_t entry, uint64_t bitmap);
int      qcow2_map(struct qcow2 *q, uint64_t off, uint64_t *len, uint64_t *host);
/** qcow2_inside - does a data cluster lie within the file? -EIO if not; in a writable image it is a sign of corruption
 *  and marked (-EUCLEAN): writing there would make the file as long as an image claims. @off: of the guest. */
int      qcow2_inside(struct qcow2 *q, uint64_t off, uint64_t host);
void     qcow2_packed_place(const struct qcow2 *q, uint64_t entry, uint64_t *off, uint64_t *bytes);
enum qcow2_kind qcow2_entry_kind(const struct qcow2 *q, uint64_t entry);
unsigned qcow2_slice_entries(const struct qcow2 *q);
void     qcow2_drop_entry(struct qcow2 *q, uint64_t entry, bool punch);

/* -- io.c */
int      qcow2_read(struct blk_node *n, uint64_t off, const struct blk_iov *v);
int      qcow2_write(struct blk_node *n, uint64_t off, const struct blk_iov *v, unsigned flags);
int      qcow2_zero(struct blk_node *n, uint64_t off, uint64_t len, unsigned flags);
int      qcow2_discard(struct blk_node *n, uint64_t off, uint64_t len);
int      qcow2_zero_part(struct qcow2 *q, uint64_t off, uint64_t len);
int      qcow2_map_node(struct blk_node *n, uint64_t off, uint64_t len, struct blk_extent *e);
int      qcow2_ready_to_write(struct qcow2 *q);
int      qcow2_vm_read(struct blk_node *n, uint64_t off, const struct blk_iov *v);
int      qcow2_vm_write(struct blk_node *n, uint64_t off, const struct blk_iov *v);
int      qcow2_read_at(struct qcow2 *q, uint64_t off, const struct blk_iov *v);
int      qcow2_write_at(struct qcow2 *q, uint64_t off, const struct blk_iov *v);
/** qcow2_set_range - make whole clusters unallocated or zero. @off and @len: multiples of the cluster. */
int      qcow2_set_range(struct qcow2 *q, uint64_t off, uint64_t len, bool zero, bool keep_host, bool punch);
int      qcow2_allocate_range(struct qcow2 *q, uint64_t off, uint64_t len);     /* preallocation=metadata */

/* -- compress.c */
/** qcow2_read_packed - bytes from @in of the compressed cluster of an L2 entry. Garbage: -EIO, never more than a
 *  cluster of output. Context: coroutine, q->lock not held; yields. */
int      qcow2_read_packed(struct qcow2 *q, uint64_t entry, uint64_t in, const struct blk_iov *v);
int      qcow2_write_compressed(struct blk_node *n, uint64_t off, const struct blk_iov *v);

/* -- snapshot.c */
int      qcow2_snaps_read(struct qcow2 *q, bool check, struct error *err);
void     qcow2_snaps_free(struct qcow2 *q);
/** qcow2_guard_inactive - remember where the snapshots' L2 tables are, if overlap-check wants it. */
int      qcow2_guard_inactive(struct qcow2 *q);
uint64_t qcow2_snaps_size(const struct qcow2 *q);
uint8_t *qcow2_snaps_encode(const struct qcow2 *q);                    /* qcow2_snaps_size() bytes to free() */
int      qcow2_snap_list(struct blk_node *n, struct blk_snapshot **list, struct error *err);
int      qcow2_snap_create(struct blk_node *n, struct blk_snapshot *s, struct error *err);
int      qcow2_snap_apply(struct blk_node *n, const char *id, struct error *err);
int      qcow2_snap_delete(struct blk_node *n, const char *id, struct error *err);
int      qcow2_snap_load(struct blk_node *n, const char *id, struct error *err);
/** qcow2_snap_state - bytes from @off of the machine's state in a snapshot; the active disk is not touched. */
int      qcow2_snap_state(struct blk_node *n, const char *id, uint64_t off, const struct blk_iov *v);

/* -- rebuild.c */
/** qcow2_rebuild - write new L1, L2 and refcount structures for the state in memory and switch to them. @l1: the
 *  active L1 table to be (host order, @entries long), becomes q's; @order: refcount order to be. Holds q->lock. */
int      qcow2_rebuild(struct qcow2 *q, uint64_t *l1, uint32_t entries, unsigned order, struct error *err);

/* -- check.c */
/* What refers to each cluster of the file, counted. */
struct qcow2_counts {
    uint32_t *count;
    uint64_t  clusters, room;
};
/** qcow2_count - count all references from the header, the tables and the snapshots in memory. @c: zeroed. Findings
 *  go to @res; what is out of bounds is not counted. @l1: the active table, or NULL for q's. */
int      qcow2_count(struct qcow2 *q, struct qcow2_counts *c, struct blk_check *res, const uint64_t *l1, uint32_t entries);
int      qcow2_counts_add(struct qcow2 *q, struct qcow2_counts *c, uint64_t off, uint64_t bytes, int by);
int      qcow2_check(struct blk_node *n, struct blk_check *c, int fix, struct error *err);

/* -- create.c */
int      qcow2_create(struct blk_create *c, struct error *err);
int      qcow2_measure(struct blk_opts *o, struct blk_node *src, uint64_t bytes, struct blk_measure *m, struct error *err);
int      qcow2_amend(struct blk_node *n, struct blk_opts *o, struct error *err);
int      qcow2_resize(struct blk_node *n, uint64_t bytes, enum blk_prealloc p, struct error *err);
int      qcow2_grow_l1(struct qcow2 *q, uint64_t bytes, struct error *err);
int      qcow2_set_backing(struct blk_node *n, const char *file, const char *format, struct error *err);
int      qcow2_empty(struct blk_node *n, struct error *err);
extern const struct blk_option qcow2_create_opts[], qcow2_amend_opts[];

/* -- bitmap.c */
int      qcow2_bitmap(struct blk_node *n, const char *verb, const char *name, struct blk_opts *o, struct error *err);
int      qcow2_bitmaps_count(struct qcow2 *q, struct qcow2_counts *c, struct blk_check *res);
bool     qcow2_has_bitmaps(struct qcow2 *q);    /* Context: coroutine; yields */
struct json_t *qcow2_bitmaps_info(struct qcow2 *q);
/** qcow2_bitmaps_measure - bytes that q's bitmaps take, with every bit stored, in an image of another cluster size. */
int      qcow2_bitmaps_measure(struct qcow2 *q, uint64_t cluster, uint64_t *bytes);
/** qcow2_bitmaps_begin - before the first write: load enabled bitmaps and flag them in use on disk. Holds q->lock. */
int      qcow2_bitmaps_begin(struct qcow2 *q);
void     qcow2_bitmaps_mark(struct qcow2 *q, uint64_t off, uint64_t len);
int      qcow2_bitmaps_end(struct qcow2 *q);                           /* store them; holds q->lock */
void     qcow2_bitmaps_drop(struct qcow2 *q);

#endif

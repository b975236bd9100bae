/* core/block/qcow2/header.c - opening and closing an image, and writing its header.
 *
 * Every field is bounded before it sizes or places anything. Offsets of tables must be aligned and end below 2^56. */
#include "config.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/crypt.h"
#include "core/block/qcow2/qcow2.h"


static int qcow2_probe(const uint8_t *h, size_t len, const char *filename)
{
    (void)filename;
    return len >= 8 && load_be32(h) == QCOW2_MAGIC && load_be32(h + 4) >= 2 ? 100 : 0;
}

int qcow2_mark_corrupt(struct qcow2 *q, const char *fmt, ...)
{
    char    text[300];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (!q->corrupt)
        warn_say("image '%s' is corrupt: %s; %s", q->n->filename, text,
                 q->n->flags & BLK_RDWR ? "it refuses writes until `rhea-img check -r all` has repaired it" : "it is only read, so it stays as it is");
    q->corrupt = true;
    if ((q->n->flags & BLK_RDWR) && q->version >= 3 && !(q->incompat & QCOW2_INC_CORRUPT)) {
        q->incompat |= QCOW2_INC_CORRUPT;
        qcow2_header_fields(q);
    }
    return q->n->flags & BLK_RDWR ? -EUCLEAN : -EIO;
}

int qcow2_table_ok(struct qcow2 *q, uint64_t off, uint64_t entries, uint64_t entry_bytes, uint64_t max_bytes, const char *what,
                   struct error *err)
{
    if (entries > max_bytes / entry_bytes)
        return error_set(err, EFBIG, "%s too large (%llu entries)", what, (unsigned long long)entries);
    if ((off & (q->cluster - 1)) || off > (UINT64_C(1) << 56) || (entries > 0 && off == 0))
        return error_set(err, EINVAL, "%s offset invalid (0x%llx)", what, (unsigned long long)off);
    return 0;
}

static int load_words(struct qcow2 *q, uint64_t off, uint64_t n, uint64_t **out, const char *what, struct error *err)
{
    uint64_t *t = try_alloc((size_t)n, 8, SIZE_MAX / 8);
    int       ret;

    if (t == NULL)
        return error_set(err, ENOMEM, "no memory for the %s", what);
    ret = n > 0 ? blk_read(q->file, off, t, (size_t)n * 8) : 0;
    if (ret < 0) {
        free(t);
        return error_set(err, ret, "Could not read %s: %s", what, strerror(-ret));
    }
    for (uint64_t i = 0; i < n; i++)
        t[i] = load_be64(&t[i]);
    free(*out);
    *out = t;
    return 0;
}

int qcow2_load_l1(struct qcow2 *q, struct error *err)
{
    return load_words(q, q->l1_offset, q->l1_entries, &q->l1, "L1 table", err);
}

int qcow2_load_reftable(struct qcow2 *q, struct error *err)
{
    return load_words(q, q->reftable_offset, q->reftable_entries, &q->reftable, "refcount table", err);
}

static void note_tables(struct qcow2 *q)
{
    qcow2_set_free(&q->tables);
    qcow2_set_free(&q->blocks);
    for (uint64_t i = 0; i < q->reftable_entries; i++)
        qcow2_set_add(&q->blocks, q->reftable[i] & QCOW2_OFFSET_MASK);
    for (uint32_t i = 0; i < q->l1_entries; i++)
        qcow2_set_add(&q->tables, q->l1[i] & QCOW2_OFFSET_MASK);
}

/* ---- reading the header */

struct header {
    uint64_t backing_offset;
    uint32_t backing_bytes, snap_count;
    uint64_t snaps_offset;
    uint32_t reftable_clusters;
};

static int unknown_features(struct qcow2 *q, uint64_t bits, struct error *err)
{
    char     names[256] = "";
    unsigned bit;

    for (struct qcow2_ext *e = q->exts; e != NULL; e = e->next)    /* the image may know their names */
        for (uint32_t at = 0; e->type == QCOW2_EXT_FEATURES && at + 48 <= e->bytes; at += 48)
            if (e->data[at] == 0 && e->data[at + 1] < 64 && (bits & BIT64(e->data[at + 1]))) {
                bits &= ~BIT64(e->data[at + 1]);
                snprintf(names + strlen(names), sizeof names - strlen(names), "%s%.46s", names[0] ? ", " : "", (const char *)e->data + at + 2);
            }
    for (bit = 0; bit < 64; bit++)
        if (bits & BIT64(bit))
            snprintf(names + strlen(names), sizeof names - strlen(names), "%sUnknown incompatible feature: %llx", names[0] ? ", " : "",
                     (unsigned long long)BIT64(bit));
    return error_set(err, ENOTSUP, "Unsupported qcow2 feature(s): %s", names);
}

static int parse_v3(struct qcow2 *q, const uint8_t *h, struct error *err)
{
    q->incompat       = load_be64(h + 72);
    q->compat         = load_be64(h + 80);
    q->autoclear      = load_be64(h + 88);
    q->refcount_order = load_be32(h + 96);
    q->header_bytes   = load_be32(h + 100);
    if (q->header_bytes < QCOW2_HEADER_V3 || q->header_bytes > q->cluster || (q->header_bytes & 7))
        return error_set(err, EINVAL, "qcow2 header length %u is not supported", q->header_bytes);
    if (q->refcount_order > 6)
        return error_set(err, EINVAL, "Reference count entry width too large; may not exceed 64 bits");
    if (q->header_bytes > QCOW2_HEADER_V3)
        q->compression = h[104];
    if ((q->incompat & QCOW2_INC_COMPRESSION) ? q->compression != 1 : q->compression != 0)
        return error_set(err, ENOTSUP, "qcow2: unknown compression type: %u", q->compression);
#ifndef CONFIG_ZSTD
    if (q->compression == 1)
        return error_set(err, ENOTSUP, "this image is compressed with zstd, and Rhea was built without libzstd");
#endif
    return 0;
}

static int parse_header(struct qcow2 *q, const uint8_t *h, struct header *x, struct error *err)
{
    int ret;

    if (load_be32(h) != QCOW2_MAGIC)
        return error_set(err, EINVAL, "Image is not in qcow2 format");
    q->version = load_be32(h + 4);
    if (q->version < 2 || q->version > 3)
        return error_set(err, ENOTSUP, "Unsupported qcow2 version %u", q->version);
    q->cluster_bits = load_be32(h + 20);
    if (q->cluster_bits < QCOW2_MIN_BITS || q->cluster_bits > QCOW2_MAX_BITS)
        return error_set(err, EINVAL, "Unsupported cluster size: 2^%u", q->cluster_bits);
    q->cluster        = UINT64_C(1) << q->cluster_bits;
    q->size           = load_be64(h + 24);
    q->crypt_method   = load_be32(h + 32);
    q->l1_entries     = load_be32(h + 36);
    q->l1_offset      = load_be64(h + 40);
    q->reftable_offset = load_be64(h + 48);
    x->reftable_clusters = load_be32(h + 56);
    x->backing_offset = load_be64(h + 8);
    x->backing_bytes  = load_be32(h + 16);
    x->snap_count     = load_be32(h + 60);
    x->snaps_offset   = load_be64(h + 64);
    q->refcount_order = 4;
    q->header_bytes   = QCOW2_HEADER_V2;
    ret = q->version == 3 ? parse_v3(q, h, err) : 0;
    if (ret < 0)
        return ret;
    q->ext_l2   = q->incompat & QCOW2_INC_EXT_L2;
    q->data_external = q->incompat & QCOW2_INC_DATA_FILE;
    q->entry    = q->ext_l2 ? 16 : 8;
    q->l2_bits  = q->cluster_bits - (q->ext_l2 ? 4 : 3);
    q->sub_bits = q->ext_l2 ? q->cluster_bits - 5 : q->cluster_bits;
    if (q->ext_l2 && q->cluster_bits < 14)
        return error_set(err, EINVAL, "Extended L2 entries are only supported with cluster sizes of at least 16384 bytes");
    if (q->size > BLK_LENGTH_MAX)
        return error_set(err, EFBIG, "the image claims a size of %llu bytes, which is too large", (unsigned long long)q->size);
    if (q->crypt_method > 2)
        return error_set(err, ENOTSUP, "Unsupported encryption method %u", q->crypt_method);
    q->reftable_entries = (uint64_t)x->reftable_clusters << (q->cluster_bits - 3);
    ret = qcow2_table_ok(q, q->reftable_offset, q->reftable_entries, 8, QCOW2_REFTABLE_MAX, "Reference count table", err);
    if (ret == 0 && x->reftable_clusters == 0 && !(q->n->flags & BLK_CHECK))
        ret = error_set(err, EINVAL, "Image does not contain a reference count table");
    if (ret == 0)
        ret = qcow2_table_ok(q, q->l1_offset, q->l1_entries, 8, QCOW2_L1_MAX, "Active L1 table", err);
    uint64_t spans = (q->size >> (q->cluster_bits + q->l2_bits)) + ((q->size & (qcow2_l2_span(q) - 1)) != 0);

    if (ret == 0 && spans > q->l1_entries)
        ret = error_set(err, EINVAL, "L1 table is too small: %u entries, %llu needed", q->l1_entries, (unsigned long long)spans);
    if (ret == 0 && x->snap_count > QCOW2_SNAPSHOTS_MAX)
        ret = error_set(err, EINVAL, "Snapshot table too large");
    if (ret == 0 && x->snap_count > 0)
        ret = qcow2_table_ok(q, x->snaps_offset, x->snap_count, 1, QCOW2_SNAPSHOTS_MAX, "Snapshot table", err);
    if (ret == 0 && x->backing_offset != 0 && (x->backing_bytes > 1023 || x->backing_offset > q->cluster ||
                                               x->backing_bytes > q->cluster - x->backing_offset || x->backing_offset < q->header_bytes))
        ret = error_set(err, EINVAL, "Invalid backing file offset or name length (%u)", x->backing_bytes);
    return ret;
}

static int add_ext(struct qcow2 *q, uint32_t type, const uint8_t *data, uint32_t bytes)
{
    struct qcow2_ext *e = xmalloc(sizeof *e + bytes), **at = &q->exts;

    e->type  = type;
    e->bytes = bytes;
    e->next  = NULL;
    memcpy(e->data, data, bytes);
    while (*at != NULL)
        at = &(*at)->next;
    *at = e;
    return 0;
}

static int parse_extensions(struct qcow2 *q, const uint8_t *h, uint64_t at, uint64_t end, struct error *err)
{
    while (at + 8 <= end) {
        uint32_t type = load_be32(h + at), bytes = load_be32(h + at + 4);
        const uint8_t *data = h + at + 8;

        if (type == 0)
            return 0;
        if (bytes > end - at - 8)
            return error_set(err, EINVAL, "Header extension too large: type 0x%x, %u bytes", type, bytes);
        switch ((int)type) {
        case QCOW2_EXT_BACKING_FORMAT:
            if (bytes >= sizeof q->n->backing_format)
                return error_set(err, EINVAL, "backing format name of %u bytes is too long", bytes);
            memcpy(q->n->backing_format, data, bytes);
            q->n->backing_format[bytes] = '\0';
            break;
        case QCOW2_EXT_DATA_FILE:
            if (bytes >= sizeof q->data_name)
                return error_set(err, EINVAL, "data file name of %u bytes is too long", bytes);
            memcpy(q->data_name, data, bytes);
            q->data_name[bytes] = '\0';
            break;
        case QCOW2_EXT_CRYPTO:
            if (bytes < 16)
                return error_set(err, EINVAL, "CRYPTO header extension size %u but expected 16", bytes);
            q->crypt_off = load_be64(data);
            q->crypt_len = load_be64(data + 8);
            if ((q->crypt_off & (q->cluster - 1)) || q->crypt_off > (UINT64_C(1) << 56) || q->crypt_len > (UINT64_C(64) << 20))
                return error_set(err, EINVAL, "encryption header offset or length is invalid");
            break;
        default:
            add_ext(q, type, data, bytes);
        }
        at += 8 + align_up(bytes, 8);
    }
    return 0;
}

static int read_header(struct qcow2 *q, struct header *x, struct error *err)
{
    uint8_t  first[QCOW2_HEADER_NOW] = { 0 }, *h;
    uint64_t ext_end;
    int      ret;

    if (q->file->bytes < QCOW2_HEADER_V2)
        return error_set(err, EINVAL, "'%s' is cut short: %llu bytes are less than a qcow2 header", q->n->filename,
                         (unsigned long long)q->file->bytes);
    ret = blk_read(q->file, 0, first, sizeof first);
    if (ret < 0)
        return error_set(err, ret, "Could not read qcow2 header: %s", strerror(-ret));
    ret = parse_header(q, first, x, err);
    if (ret < 0)
        return ret;
    h = xcalloc(1, q->cluster);
    ret = blk_read(q->file, 0, h, q->cluster);
    if (ret < 0) {
        free(h);
        return error_set(err, ret, "Could not read qcow2 header: %s", strerror(-ret));
    }
    ext_end = x->backing_offset != 0 ? x->backing_offset : q->cluster;
    ret = parse_extensions(q, h, q->header_bytes, ext_end, err);
    if (ret == 0 && x->backing_offset != 0) {
        memcpy(q->n->backing_name, h + x->backing_offset, x->backing_bytes);
        q->n->backing_name[x->backing_bytes] = '\0';
    }
    free(h);
    uint64_t known = QCOW2_INC_DIRTY | QCOW2_INC_CORRUPT | QCOW2_INC_DATA_FILE | QCOW2_INC_COMPRESSION | QCOW2_INC_EXT_L2;

    if (ret == 0 && (q->incompat & ~known))
        ret = unknown_features(q, q->incompat & ~known, err);
    return ret;
}

/* ---- opening */

static int open_data_file(struct qcow2 *q, struct blk_opts *o, struct error *err)
{
    struct blk_node *n = q->n;
    char             name[BLK_NAME_MAX] = "";
    bool             given = blk_opts_get(o, "data-file") != NULL || blk_opts_get(o, "data-file.filename") != NULL ||
                             blk_opts_get(o, "data-file.driver") != NULL;
    int              ret;

    q->data = q->file;
    if (!q->data_external)
        return given ? error_set(err, EINVAL, "'data-file' can only be set for images with an external data file") : 0;
    if (n->flags & BLK_NO_IO) {
        blk_opts_free(blk_opts_sub(o, "data-file"));
        free(blk_opts_take(o, "data-file"));
        return 0;
    }
    if (!given && q->data_name[0] == '\0')
        return error_set(err, EINVAL, "'data-file' is required for this image");
    if (!given) {
        ret = blk_path_combine(n->filename, q->data_name, name, err);
        if (ret < 0)
            return ret;
        if (blk_has_protocol(name) && str_after(name, "file:") == NULL)
            return error_set(err, EPERM, "the image names '%s' as its data file; a data file that is not a plain file must be given with data-file=", name);
    }
    n->data = blk_open_child(n, o, "data-file", given ? NULL : name, given ? NULL : "file", n->flags | BLK_UNMAP, err);
    if (n->data == NULL) {
        error_prepend(err, "Could not open data file: ");
        return err != NULL && err->code ? err->code : -EIO;
    }
    q->data = n->data;
    return 0;
}

static int open_crypt(struct qcow2 *q, struct blk_opts *o, struct error *err)
{
    struct blk_opts *e      = blk_opts_sub(o, "encrypt");
    char            *secret = blk_opts_take(e, "key-secret"), *format = blk_opts_take(e, "format");
    int              ret    = blk_opts_done(e, "encrypt", NULL, err);

    if (ret == 0 && q->crypt_method == 0 && (secret != NULL || format != NULL))
        ret = error_set(err, EINVAL, "No encryption in image header, but options specified format '%s'", format != NULL ? format : "luks");
    if (ret == 0 && q->crypt_method == 2 && q->crypt_off == 0)
        ret = error_set(err, EINVAL, "the image says that it is encrypted with LUKS but has no LUKS header");
    if (ret == 0 && q->crypt_method != 0 && !(q->n->flags & BLK_NO_IO)) {
        if (secret == NULL)
            ret = error_set(err, EINVAL, "Parameter 'encrypt.key-secret' is required for cipher");
        else {
            q->crypt = q->crypt_method == 1 ? crypt_open_aes(secret, err) : crypt_open_luks(q->file, q->crypt_off, q->crypt_len, secret, err);
            if (q->crypt == NULL)
                ret = err != NULL && err->code ? err->code : -EINVAL;
        }
    } else if (ret == 0 && q->crypt_method == 2) {
        q->crypt = crypt_open_luks(q->file, q->crypt_off, q->crypt_len, NULL, NULL);    /* for info */
    }
    free(secret);
    free(format);
    blk_opts_free(e);
    return ret;
}

static void release(struct qcow2 *q)
{
    while (q->exts != NULL) {
        struct qcow2_ext *next = q->exts->next;

        free(q->exts);
        q->exts = next;
    }
    if (q->l2s.hash != NULL)
        qcow2_cache_drop(&q->l2s);
    if (q->refs.hash != NULL)
        qcow2_cache_drop(&q->refs);
    qcow2_set_free(&q->tables);
    qcow2_set_free(&q->blocks);
    qcow2_set_free(&q->inactive);
    qcow2_snaps_free(q);
    qcow2_bitmaps_drop(q);
    crypt_free(q->crypt);
    free(q->l1);
    free(q->reftable);
    free(q->freed);
    free(q->unpacked);
}

/* Someone died with lazy refcounts: count again before anything is allocated. */
static int repair_dirty(struct qcow2 *q, struct error *err)
{
    struct blk_check c = { .say = NULL };
    int              ret;

    if (!(q->incompat & QCOW2_INC_DIRTY) || !(q->n->flags & BLK_RDWR) || (q->n->flags & BLK_CHECK))
        return 0;
    q->n->bytes = q->size;
    ret = qcow2_check(q->n, &c, BLK_FIX_ERRORS | BLK_FIX_LEAKS, err);
    if (ret < 0 || c.check_errors > 0)
        return error_set(err, ret < 0 ? ret : -EIO, "Could not repair dirty image");
    q->incompat &= ~(uint64_t)QCOW2_INC_DIRTY;
    return qcow2_header_fields(q);
}

static int qcow2_open(struct blk_node *n, struct blk_opts *o, struct error *err)
{
    struct qcow2 *q = n->priv;
    struct header x = { 0 };
    int           ret;

    q->n    = n;
    q->file = q->data = n->file;
    ret = read_header(q, &x, err);
    if (ret == 0 && (q->incompat & QCOW2_INC_CORRUPT) && (n->flags & BLK_RDWR) && !(n->flags & BLK_CHECK))
        ret = error_set(err, EACCES, "qcow2: Image is corrupt; cannot be opened read/write");
    if (ret == 0)
        ret = qcow2_take_options(q, o, err);
    if (ret == 0)
        ret = open_data_file(q, o, err);
    if (ret == 0)
        ret = open_crypt(q, o, err);
    if (ret == 0)
        ret = qcow2_load_l1(q, err);
    if (ret == 0)
        ret = qcow2_load_reftable(q, err);
    q->snap_count   = x.snap_count;
    q->snaps_offset = x.snaps_offset;
    if (ret == 0)
        ret = qcow2_snaps_read(q, n->flags & BLK_CHECK, err);
    else
        q->snap_count = 0;
    if (ret == 0 && (ret = qcow2_guard_inactive(q)) < 0)
        error_set(err, ret, "Could not read the snapshots' L1 tables: %s", strerror(-ret));
    if (ret == 0)
        note_tables(q);
    if (ret == 0)
        ret = repair_dirty(q, err);
    if (ret < 0) {
        release(q);
        return ret;
    }
    n->bytes = q->size;
    n->unit  = (uint32_t)q->cluster;
    n->align = 1;                                /* qcow2_write() itself sees to whole sectors of an encrypted disk */
    return 0;
}

static void qcow2_close(struct blk_node *n)
{
    struct qcow2 *q = n->priv;

    if (q->write_ready && !q->corrupt) {
        co_lock(&q->lock);
        if (qcow2_bitmaps_end(q) < 0)
            warn_say("image '%s': its dirty bitmaps could not be stored; they are marked inconsistent", n->filename);
        co_unlock(&q->lock);
        if (qcow2_write_tables(q) < 0)
            warn_say("image '%s': its tables could not be written when it was closed; run rhea-img check on it", n->filename);
        else if (q->incompat & QCOW2_INC_DIRTY) {
            q->incompat &= ~(uint64_t)QCOW2_INC_DIRTY;      /* write_counts() takes the ordinary way now */
            if (qcow2_write_tables(q) == 0 && qcow2_sync(q) == 0)
                qcow2_header_fields(q);
        } else if (q->freed_count == 0 && q->refs.dirty > 0) {
            qcow2_write_tables(q);                          /* what free_now() lowered just before */
        }
    }
    release(q);
}

/* ---- writing */

static void put_fields(const struct qcow2 *q, uint8_t *h)
{
    store_be64(h + 24, q->size);
    store_be32(h + 32, q->crypt_method);
    store_be32(h + 36, q->l1_entries);
    store_be64(h + 40, q->l1_offset);
    store_be64(h + 48, q->reftable_offset);
    store_be32(h + 56, (uint32_t)((q->reftable_entries * 8 + q->cluster - 1) >> q->cluster_bits));
    store_be32(h + 60, q->snap_count);
    store_be64(h + 64, q->snap_count > 0 ? q->snaps_offset : 0);
    if (q->version >= 3) {
        store_be64(h + 72, q->incompat);
        store_be64(h + 80, q->compat);
        store_be64(h + 88, q->autoclear);
        store_be32(h + 96, q->refcount_order);
    }
}

int qcow2_header_fields(struct qcow2 *q)
{
    uint8_t h[QCOW2_HEADER_V3];

    put_fields(q, h);
    return blk_write(q->file, 24, h + 24, (q->version >= 3 ? 100 : 72) - 24);
}

struct ext_buf {
    uint8_t *h;
    uint64_t at, end;
    bool     full;
};

static void put_ext(struct ext_buf *b, uint32_t type, const void *data, size_t bytes)
{
    if (b->full || b->at + 8 + align_up(bytes, 8) > b->end) {
        b->full = true;
        return;
    }
    store_be32(b->h + b->at, type);
    store_be32(b->h + b->at + 4, (uint32_t)bytes);
    memcpy(b->h + b->at + 8, data, bytes);
    b->at += 8 + align_up(bytes, 8);
}

/* Names for the feature bits that we may set, for programs that do not know them: as many as fit below @end. */
static void put_features(struct ext_buf *b, uint64_t end)
{
    static const struct { uint8_t type, bit; const char *name; } f[] = {
        { 0, 0, "dirty bit" }, { 0, 1, "corrupt bit" }, { 0, 2, "external data file" }, { 0, 3, "compression type" },
        { 0, 4, "extended L2 entries" }, { 1, 0, "lazy refcounts" }, { 2, 0, "bitmaps" }, { 2, 1, "raw external data" },
    };
    uint8_t table[ARRAY_LEN(f) * 48] = { 0 };
    size_t  n = b->at + 8 < end ? MIN((size_t)(end - b->at - 8) / 48, ARRAY_LEN(f)) : 0;

    for (size_t i = 0; i < n; i++) {
        table[i * 48]     = f[i].type;
        table[i * 48 + 1] = f[i].bit;
        memcpy(table + i * 48 + 2, f[i].name, strlen(f[i].name));
    }
    if (n > 0)
        put_ext(b, QCOW2_EXT_FEATURES, table, n * 48);
}

static void put_extensions(struct qcow2 *q, struct ext_buf *b)
{
    uint8_t  crypto[16];
    uint64_t name = strlen(q->n->backing_name), end;

    if (q->n->backing_format[0] != '\0')
        put_ext(b, (uint32_t)QCOW2_EXT_BACKING_FORMAT, q->n->backing_format, strlen(q->n->backing_format));
    if (q->data_external && q->data_name[0] != '\0')
        put_ext(b, QCOW2_EXT_DATA_FILE, q->data_name, strlen(q->data_name));
    if (q->crypt_method == 2) {
        store_be64(crypto, q->crypt_off);
        store_be64(crypto + 8, q->crypt_len);
        put_ext(b, QCOW2_EXT_CRYPTO, crypto, sizeof crypto);
    }
    for (struct qcow2_ext *e = q->exts; e != NULL; e = e->next)
        if (e->type != QCOW2_EXT_FEATURES)
            put_ext(b, e->type, e->data, e->bytes);
    /* The feature names leave room for the end mark and, if it fits, for the backing file's name. */
    end = BLK_SECTOR - 8;
    if (b->at + 8 + name <= BLK_SECTOR)
        end -= name;
    if (q->version >= 3 && q->cluster >= 1024)
        put_features(b, end);
    put_ext(b, 0, "", 0);
}

/* A backing file's name that does not fit the first sector gets a place that the header on the disk does not point
 * to, and is there before the header points to it. 0 if there is no such place. */
static uint64_t place_name(struct qcow2 *q, const struct ext_buf *b, uint64_t name)
{
    enum { FIRST = BLK_SECTOR, SECOND = 4 * BLK_SECTOR };
    uint8_t  old[8];
    uint64_t at;

    if (b->full || b->at > BLK_SECTOR || q->cluster < 2 * SECOND || name > SECOND - FIRST || blk_read(q->file, 8, old, sizeof old) < 0)
        return 0;
    at = load_be64(old);
    return at >= FIRST && at < SECOND ? SECOND : FIRST;
}

/* Within the first sector the change is one write that happens or does not; only what other programs put there, or
 * tiny clusters, can make a header that does not fit. */
static int write_header(struct qcow2 *q, struct ext_buf *b)
{
    uint64_t name = strlen(q->n->backing_name), at = 0;
    int      ret  = 0;

    if (name > 0 && b->at + name > BLK_SECTOR)
        at = place_name(q, b, name);
    if (at != 0) {
        ret = blk_write(q->file, at, q->n->backing_name, name);
        if (ret == 0)
            ret = qcow2_sync(q);
    } else if (name > 0) {
        at = b->at;
        if (b->full || at + name > b->end)
            return -ENOSPC;
        memcpy(b->h + at, q->n->backing_name, name);
        b->at += name;
    }
    if (b->full)
        return -ENOSPC;
    store_be64(b->h + 8, at);
    store_be32(b->h + 16, (uint32_t)name);
    return ret < 0 ? ret : blk_write(q->file, 0, b->h, b->at <= BLK_SECTOR && q->file->bytes >= q->cluster ? BLK_SECTOR : q->cluster);
}

int qcow2_header_write(struct qcow2 *q, struct error *err)
{
    uint8_t       *h = xcalloc(1, q->cluster);
    struct ext_buf b = { .h = h, .end = q->cluster };
    int            ret;

    if (q->version >= 3)
        q->header_bytes = MAX(q->header_bytes, (uint32_t)QCOW2_HEADER_NOW);
    else
        q->header_bytes = QCOW2_HEADER_V2;
    store_be32(h, QCOW2_MAGIC);
    store_be32(h + 4, q->version);
    store_be32(h + 20, q->cluster_bits);
    put_fields(q, h);
    if (q->version >= 3) {
        store_be32(h + 100, q->header_bytes);
        h[104] = (uint8_t)q->compression;
    }
    b.at = q->header_bytes;
    put_extensions(q, &b);
    ret = write_header(q, &b);
    if (ret == -ENOSPC && err != NULL)
        error_set(err, ENOSPC, "the header does not fit one cluster of %llu bytes; use a shorter backing file name", (unsigned long long)q->cluster);
    if (ret < 0 && err != NULL && !err->code)
        error_set(err, ret, "Could not write qcow2 header: %s", strerror(-ret));
    free(h);
    return ret;
}

/* ---- what info shows */

static int qcow2_info(struct blk_node *n, struct blk_info *info, struct error *err)
{
    struct qcow2 *q = n->priv;
    json_t       *d = json_object(), *bitmaps;

    (void)err;
    info->cluster_bytes = (uint32_t)q->cluster;
    info->dirty         = q->incompat & QCOW2_INC_DIRTY;
    info->corrupt       = q->incompat & QCOW2_INC_CORRUPT;
    info->encrypted     = q->crypt_method != 0;
    json_object_set_new(d, "compat", json_string(q->version >= 3 ? "1.1" : "0.10"));
    json_object_set_new(d, "compression-type", json_string(q->compression ? "zstd" : "zlib"));
    if (q->version >= 3)
        json_object_set_new(d, "lazy-refcounts", json_boolean(q->compat & QCOW2_COMPAT_LAZY));
    bitmaps = qcow2_bitmaps_info(q);
    if (bitmaps != NULL)
        json_object_set_new(d, "bitmaps", bitmaps);
    json_object_set_new(d, "refcount-bits", json_integer(1 << q->refcount_order));
    if (q->data_external && q->data_name[0] != '\0')    /* the order is qemu-img's */
        json_object_set_new(d, "data-file", json_string(q->data_name));
    if (q->crypt_method == 1)
        json_object_set_new(d, "encrypt", json_pack("{s:s}", "format", "aes"));
    if (q->crypt_method == 2 && q->crypt != NULL)
        json_object_set_new(d, "encrypt", crypt_info(q->crypt, true));
    if (q->data_external)
        json_object_set_new(d, "data-file-raw", json_boolean(q->autoclear & QCOW2_AUTO_DATA_RAW));
    if (q->version >= 3) {
        json_object_set_new(d, "corrupt", json_boolean(q->incompat & QCOW2_INC_CORRUPT));
        json_object_set_new(d, "extended-l2", json_boolean(q->ext_l2));
    }
    info->specific = json_pack("{s:s,s:o}", "type", "qcow2", "data", d);
    return 0;
}

const struct blk_driver blk_qcow2 = {
    .name = "qcow2", .help = "copy-on-write disk with snapshots, compression and encryption", .flags = BLK_DRV_BACKING,
    .bytes = sizeof(struct qcow2), .probe = qcow2_probe, .open = qcow2_open, .close = qcow2_close, .read = qcow2_read,
    .write = qcow2_write, .zero = qcow2_zero, .discard = qcow2_discard, .flush = qcow2_flush, .map = qcow2_map_node,
    .write_compressed = qcow2_write_compressed, .resize = qcow2_resize, .info = qcow2_info, .check = qcow2_check, .empty = qcow2_empty,
    .create = qcow2_create, .create_opts = qcow2_create_opts, .amend = qcow2_amend, .amend_opts = qcow2_amend_opts,
    .measure = qcow2_measure, .set_backing = qcow2_set_backing, .snap_list = qcow2_snap_list, .snap_create = qcow2_snap_create,
    .snap_apply = qcow2_snap_apply, .snap_delete = qcow2_snap_delete, .snap_load = qcow2_snap_load,
    .snap_state = qcow2_snap_state, .vmstate_read = qcow2_vm_read, .vmstate_write = qcow2_vm_write, .bitmap = qcow2_bitmap,
};

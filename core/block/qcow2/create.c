/* core/block/qcow2/create.c - new images, and changing what an image is: size, version, backing file, features.
 *
 * A new image: [header][refcount table][refcount block][L1 table ...], with the header written last, so that a file
 * cut off in the middle is no image at all. A larger disk needs a longer L1 table: that is written elsewhere first,
 * then one header write carries size, length and place of it. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/crypt.h"
#include "core/block/qcow2/qcow2.h"

/* In the order in which `create` shows them. */
const struct blk_option qcow2_create_opts[] = {
    { "cluster_size", BLK_OPT_SIZE, "qcow2 cluster size", "65536" },
    { "extended_l2", BLK_OPT_BOOL, "Extended L2 tables", "off" },
    { "compression_type", BLK_OPT_STR, "Compression method used for image cluster compression", "zlib" },
    { "preallocation", BLK_OPT_STR, "Preallocation mode (allowed values: off, metadata, falloc, full)", NULL },
    { "size", BLK_OPT_SIZE, "Virtual disk size", NULL },
    { "compat", BLK_OPT_STR, "Compatibility level (v2 [0.10] or v3 [1.1])", NULL },
    { "backing_file", BLK_OPT_STR, "File name of a base image", NULL },
    { "backing_fmt", BLK_OPT_STR, "Image format of the base image", NULL },
    { "data_file", BLK_OPT_STR, "File name of an external data file", NULL },
    { "data_file_raw", BLK_OPT_BOOL, "The external data file must stay valid as a raw image", NULL },
    { "encryption", BLK_OPT_BOOL, "Encrypt the image with format 'aes'. (Deprecated in favor of encrypt.format=aes)", NULL },
    { "encrypt.format", BLK_OPT_STR, "Encrypt the image, format choices: 'aes', 'luks'", NULL },
    { "encrypt.key-secret", BLK_OPT_STR, "ID of secret providing qcow AES key or LUKS passphrase", NULL },
    { "encrypt.cipher-alg", BLK_OPT_STR, "Name of encryption cipher algorithm", NULL },
    { "encrypt.cipher-mode", BLK_OPT_STR, "Name of encryption cipher mode", NULL },
    { "encrypt.ivgen-alg", BLK_OPT_STR, "Name of IV generator algorithm", NULL },
    { "encrypt.ivgen-hash-alg", BLK_OPT_STR, "Name of IV generator hash algorithm", NULL },
    { "encrypt.hash-alg", BLK_OPT_STR, "Name of encryption hash algorithm", NULL },
    { "encrypt.iter-time", BLK_OPT_NUM, "Time to spend in PBKDF in milliseconds", NULL },
    { "lazy_refcounts", BLK_OPT_BOOL, "Postpone refcount updates", "off" },
    { "refcount_bits", BLK_OPT_NUM, "Width of a reference count entry in bits", "16" },
    { "nocow", BLK_OPT_BOOL, "Turn off copy-on-write (valid only on btrfs)", NULL },
    { NULL, 0, NULL, NULL },
};

const struct blk_option qcow2_amend_opts[] = {
    { "size", BLK_OPT_SIZE, "Virtual disk size", NULL },
    { "compat", BLK_OPT_STR, "Compatibility level (v2 [0.10] or v3 [1.1])", NULL },
    { "backing_file", BLK_OPT_STR, "File name of a base image", NULL },
    { "backing_fmt", BLK_OPT_STR, "Image format of the base image", NULL },
    { "data_file", BLK_OPT_STR, "File name of an external data file", NULL },
    { "data_file_raw", BLK_OPT_BOOL, "The external data file must stay valid as a raw image", NULL },
    { "lazy_refcounts", BLK_OPT_BOOL, "Postpone refcount updates", NULL },
    { "refcount_bits", BLK_OPT_NUM, "Width of a reference count entry in bits", NULL },
    { NULL, 0, NULL, NULL },
};

/* What -o said. */
struct wish {
    unsigned version;
    uint64_t cluster, refcount_bits, iter;
    bool     lazy, ext_l2, data_raw, zstd, old_aes;
    char    *data_file, *compat, *compression, *prealloc, *enc, *secret, *cipher, *mode, *ivgen, *ivhash, *hash;
    enum blk_prealloc p;
};

static void wish_free(struct wish *w)
{
    char *all[] = { w->data_file, w->compat, w->compression, w->prealloc, w->enc, w->secret, w->cipher, w->mode, w->ivgen, w->ivhash, w->hash };

    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        free(all[i]);
}

static int parse_compat(const char *s, unsigned *version, struct error *err)
{
    if (s == NULL)
        return 0;
    if (str_eq(s, "0.10") || str_eq(s, "v2"))
        *version = 2;
    else if (str_eq(s, "1.1") || str_eq(s, "v3"))
        *version = 3;
    else
        return error_set(err, EINVAL, "Invalid compatibility level '%s'; it is 0.10 (v2) or 1.1 (v3)", s);
    return 0;
}

static int take_texts(struct wish *w, struct blk_opts *o)
{
    struct { const char *key; char **to; } t[] = {
        { "data_file", &w->data_file }, { "compat", &w->compat }, { "compression_type", &w->compression }, { "preallocation", &w->prealloc },
        { "encrypt.format", &w->enc }, { "encrypt.key-secret", &w->secret }, { "encrypt.cipher-alg", &w->cipher },
        { "encrypt.cipher-mode", &w->mode }, { "encrypt.ivgen-alg", &w->ivgen }, { "encrypt.ivgen-hash-alg", &w->ivhash },
        { "encrypt.hash-alg", &w->hash },
    };

    for (size_t i = 0; i < ARRAY_LEN(t); i++)
        *t[i].to = blk_opts_take(o, t[i].key);
    return 0;
}

static int take_wish(struct wish *w, struct blk_opts *o, bool backing, struct error *err)
{
    int ret;

    *w = (struct wish){ .version = 3, .refcount_bits = 16, .cluster = 65536 };
    take_texts(w, o);
    ret = parse_compat(w->compat, &w->version, err);
    if (ret == 0)
        ret = blk_opts_take_size(o, "cluster_size", &w->cluster, err);
    if (ret == 0)
        ret = blk_opts_take_u64(o, "refcount_bits", &w->refcount_bits, err);
    if (ret == 0)
        ret = blk_opts_take_bool(o, "lazy_refcounts", &w->lazy, err);
    if (ret == 0)
        ret = blk_opts_take_bool(o, "extended_l2", &w->ext_l2, err);
    if (ret == 0)
        ret = blk_opts_take_bool(o, "data_file_raw", &w->data_raw, err);
    if (ret == 0)
        ret = blk_opts_take_bool(o, "encryption", &w->old_aes, err);
    if (ret == 0)
        ret = blk_opts_take_u64(o, "encrypt.iter-time", &w->iter, err);
    if (ret == 0 && w->prealloc != NULL)
        ret = blk_prealloc_parse(w->prealloc, &w->p, err);
    if (ret < 0)
        return ret;
    if (!is_pow2(w->cluster) || w->cluster < 512 || w->cluster > 2 << 20)
        return error_set(err, EINVAL, "Cluster size must be a power of two between 512 and 2048k");
    if (w->ext_l2 && w->cluster < 16384)
        return error_set(err, EINVAL, "Extended L2 entries are only supported with cluster sizes of at least 16384 bytes");
    if (!is_pow2(w->refcount_bits) || w->refcount_bits > 64)
        return error_set(err, EINVAL, "Refcount width must be a power of two and may not exceed 64 bits");
    if (w->version < 3 && (w->lazy || w->ext_l2 || w->data_file != NULL || w->refcount_bits != 16))
        return error_set(err, EINVAL, "%s only supported with compatibility level 1.1 and above (use version=v3 or greater)",
                         w->lazy ? "Lazy refcounts" : w->ext_l2 ? "Extended L2 entries are" : w->data_file ? "External data files are" : "Different refcount widths than 16 bits are");
    if (w->compression != NULL && str_eq(w->compression, "zstd"))
        w->zstd = true;
    else if (w->compression != NULL && !str_eq(w->compression, "zlib"))
        return error_set(err, EINVAL, "compression_type '%s' is neither zlib nor zstd", w->compression);
#ifndef CONFIG_ZSTD
    if (w->zstd)
        return error_set(err, ENOTSUP, "zstd compression is not part of this build; install libzstd-dev and configure again");
#endif
    if (w->zstd && w->version < 3)
        return error_set(err, EINVAL, "Non-zlib compression type is only supported with compatibility level 1.1 and above (use version=v3 or greater)");
    if (w->old_aes || (w->enc != NULL && str_eq(w->enc, "aes")))
        return error_set(err, ENOTSUP, "the old AES encryption is not safe and can only be read; use encrypt.format=luks");
    if (w->enc != NULL && !str_eq(w->enc, "luks"))
        return error_set(err, EINVAL, "encrypt.format '%s' is not known; use luks", w->enc);
    if (w->enc != NULL && w->secret == NULL)
        return error_set(err, EINVAL, "Parameter 'encrypt.key-secret' is required for cipher");
    if (backing && w->p != BLK_PREALLOC_OFF && !w->ext_l2)
        return error_set(err, EINVAL, "Backing file and preallocation can only be used at the same time if extended_l2 is enabled");
    if (w->data_raw && w->data_file == NULL)
        return error_set(err, EINVAL, "data-file-raw requires data-file");
    if (backing && w->data_raw)
        return error_set(err, EINVAL, "Backing file and data-file-raw cannot be used at the same time");
    return 0;
}

static uint64_t l1_need(const struct qcow2 *q, uint64_t bytes)
{
    return (bytes + qcow2_l2_span(q) - 1) / qcow2_l2_span(q);
}

/* A struct qcow2 with nothing open behind it but the file: enough to lay out and write an empty image. */
static void layout(struct qcow2 *q, struct blk_node *n, const struct wish *w, struct blk_create *c)
{
    q->n       = n;
    q->file    = q->data = c->file;
    q->version = w->version;
    q->cluster = w->cluster;
    q->cluster_bits   = (unsigned)__builtin_ctzll(w->cluster);
    q->refcount_order = (unsigned)__builtin_ctzll(w->refcount_bits);
    q->ext_l2  = w->ext_l2;
    q->entry   = w->ext_l2 ? 16 : 8;
    q->l2_bits = q->cluster_bits - (w->ext_l2 ? 4 : 3);
    q->size    = align_up(c->bytes, 512);
    q->compression = w->zstd;
    q->data_external = w->data_file != NULL;
    q->incompat = (w->data_file ? QCOW2_INC_DATA_FILE : 0) | (w->zstd ? QCOW2_INC_COMPRESSION : 0) | (w->ext_l2 ? QCOW2_INC_EXT_L2 : 0);
    q->compat   = w->lazy ? QCOW2_COMPAT_LAZY : 0;
    q->autoclear = w->data_raw ? QCOW2_AUTO_DATA_RAW : 0;
    q->l1_entries = (uint32_t)l1_need(q, q->size);
}

static int write_empty(struct qcow2 *q, struct error *err)
{
    uint64_t per = qcow2_block_entries(q), l1_clusters = (q->l1_entries * 8ull + q->cluster - 1) >> q->cluster_bits;
    uint64_t used, blocks = 1, table, fixed = 1 + (q->crypt_len + q->cluster - 1) / q->cluster;
    uint8_t *buf;
    int      ret = 0;

    for (;; blocks = (used + per - 1) / per) {
        table = (blocks * 8 + q->cluster - 1) >> q->cluster_bits;
        used  = fixed + table + blocks + l1_clusters;
        if (blocks * per >= used)
            break;
    }
    q->reftable_offset  = fixed << q->cluster_bits;
    q->reftable_entries = table * q->cluster / 8;
    q->l1_offset        = (fixed + table + blocks) << q->cluster_bits;
    buf = try_alloc((size_t)((table + blocks) << q->cluster_bits), 1, SIZE_MAX);
    if (buf == NULL)
        return error_set(err, ENOMEM, "no memory for the refcounts of a new image");
    for (uint64_t i = 0; i < blocks; i++)
        store_be64(buf + 8 * i, (fixed + table + i) << q->cluster_bits);
    for (uint64_t i = 0; i < used; i++)
        qcow2_ref_store(buf + ((table + i / per) << q->cluster_bits), i % per, q->refcount_order, 1);
    ret = blk_write(q->file, q->reftable_offset, buf, (size_t)((table + blocks) << q->cluster_bits));
    free(buf);
    if (ret == 0 && l1_clusters > 0)
        ret = blk_zero(q->file, q->l1_offset, l1_clusters << q->cluster_bits, BLK_MAY_UNMAP);
    if (ret == 0)
        ret = qcow2_header_write(q, err);
    return ret < 0 && err != NULL && !err->code ? error_set(err, ret, "could not write the new image: %s", strerror(-ret)) : ret;
}

static int make_data_file(const char *image, const struct wish *w, uint64_t bytes, struct error *err)
{
    struct blk_opts *o = blk_opts_new();
    char             name[BLK_NAME_MAX];
    int              ret = blk_path_combine(image, w->data_file, name, err);

    if (ret == 0)
        ret = blk_create_image(name, "raw", bytes, o, 0, err);
    blk_opts_free(o);
    return ret;
}

/* The rest of preallocation needs the image open. */
static int preallocate(struct blk_create *c, const struct wish *w, struct error *err)
{
    struct blk_opts *o = blk_opts_new();
    struct blk_node *n;
    struct qcow2    *q;
    int              ret;

    if (w->secret != NULL)
        blk_opts_set(o, "encrypt.key-secret", w->secret);
    blk_unref(c->file);                          /* its lock */
    n = blk_open(c->filename, "qcow2", o, BLK_RDWR | BLK_NO_BACKING | BLK_NO_FLUSH, err);
    blk_opts_free(o);
    if (n == NULL) {
        c->file = NULL;
        return err != NULL && err->code ? err->code : -EIO;
    }
    q   = n->priv;
    ret = qcow2_ready_to_write(q);
    co_lock(&q->lock);
    if (ret == 0)
        ret = qcow2_allocate_range(q, 0, q->size);
    co_unlock(&q->lock);
    if (ret == 0)
        ret = blk_flush(n);
    uint64_t end = 0;

    if (ret == 0) {
        uint64_t count;

        for (end = q->free_hint; end > 0 && qcow2_ref_get(q, end - 1, &count) == 0 && count == 0; end--)
            ;
        end <<= q->cluster_bits;
        if (w->p == BLK_PREALLOC_METADATA || q->data_external)
            ret = end > q->file->bytes ? blk_resize(q->file, end, BLK_PREALLOC_OFF, err) : 0;
        else
            ret = end > q->file->bytes ? blk_resize(q->file, end, w->p, err) : 0;
        if (ret == 0 && q->data_external && q->data->bytes < q->size)
            ret = blk_resize(q->data, q->size, w->p == BLK_PREALLOC_METADATA ? BLK_PREALLOC_OFF : w->p, err);
    }
    c->file = blk_ref(n->file);
    blk_unref(n);
    return ret < 0 && err != NULL && !err->code ? error_set(err, ret, "Could not preallocate: %s", strerror(-ret)) : ret;
}

int qcow2_create(struct blk_create *c, struct error *err)
{
    struct blk_node *n = NEW(struct blk_node);   /* carries names for the header only */
    struct qcow2    *q = NEW(struct qcow2);
    struct wish      w;
    int64_t          crypt;
    int              ret = take_wish(&w, c->opts, c->backing != NULL, err);

    if (ret < 0)
        goto out;
    layout(q, n, &w, c);
    if (l1_need(q, q->size) * 8 > QCOW2_L1_MAX) {
        ret = error_set(err, EFBIG, "The image size is too large for file format 'qcow2' (try using a larger cluster size)");
        goto out;
    }
    snprintf(n->filename, sizeof n->filename, "%s", c->filename);
    snprintf(n->backing_name, sizeof n->backing_name, "%s", c->backing != NULL ? c->backing : "");
    snprintf(n->backing_format, sizeof n->backing_format, "%s", c->backing_format != NULL ? c->backing_format : "");
    snprintf(q->data_name, sizeof q->data_name, "%s", w.data_file != NULL ? w.data_file : "");
    if (w.data_file != NULL)
        ret = make_data_file(c->filename, &w, q->size, err);
    if (ret == 0 && w.enc != NULL) {
        struct crypt_params p = { .cipher = w.cipher, .mode = w.mode, .ivgen = w.ivgen, .ivhash = w.ivhash, .hash = w.hash, .iter_ms = w.iter };

        crypt = crypt_create_luks(c->file, q->cluster, &p, w.secret, err);
        if (crypt < 0)
            ret = (int)crypt;
        q->crypt_method = 2;
        q->crypt_off    = q->cluster;
        q->crypt_len    = crypt > 0 ? (uint64_t)crypt : 0;
    }
    if (ret == 0)
        ret = write_empty(q, err);
    if (ret == 0 && w.p != BLK_PREALLOC_OFF)
        ret = preallocate(c, &w, err);
out:
    wish_free(&w);
    free(q);
    free(n);
    return ret;
}

/* ---- measure */

int qcow2_measure(struct blk_opts *o, struct blk_node *src, uint64_t bytes, struct blk_measure *m, struct error *err)
{
    struct wish  w;
    struct qcow2 q = { .n = NULL };
    struct blk_create c = { .bytes = src != NULL ? src->bytes : bytes };
    uint64_t     data = 0, clusters, full, need;
    char        *backing = blk_opts_take(o, "backing_file");
    int          ret = take_wish(&w, o, backing != NULL, err);

    free(blk_opts_take(o, "backing_fmt"));
    free(backing);
    if (ret == 0)
        layout(&q, NULL, &w, &c);
    if (ret == 0 && l1_need(&q, q.size) * 8 > QCOW2_L1_MAX)
        ret = error_set(err, EFBIG, "The image size is too large (try using a larger cluster size)");
    if (ret == 0 && src != NULL) {
        struct blk_extent e;
        uint64_t          counted = 0;           /* up to here, whole clusters */

        for (uint64_t off = 0; off < src->bytes && ret == 0; off += e.len) {
            ret = blk_map_chain(src, NULL, off, src->bytes - off, &e);
            if (ret < 0 || !(e.flags & BLK_EXT_DATA) || (e.flags & BLK_EXT_ZERO) || off + e.len <= counted)
                continue;
            data += align_up(off + e.len, q.cluster) - MAX(align_down(off, q.cluster), counted);
            counted = align_up(off + e.len, q.cluster);
        }
        data = MIN(data, align_up(q.size, q.cluster));
    }
    if (ret == 0) {
        uint64_t crypt = 0, l1 = l1_need(&q, q.size);

        if (w.enc != NULL) {
            struct crypt_params p = { .cipher = w.cipher, .mode = w.mode, .hash = w.hash };

            crypt = align_up(crypt_luks_bytes(&p, err), q.cluster);
        }
        full = align_up(q.size, q.cluster);
        uint64_t l2 = ((align_up(q.size, q.cluster) >> q.cluster_bits) * q.entry + q.cluster - 1) / q.cluster * q.cluster;
        uint64_t meta = q.cluster + align_up(l1 * 8, q.cluster) + l2 + crypt;

        clusters = (meta + (w.data_file ? 0 : full)) >> q.cluster_bits;
        for (need = 0;;) {                       /* refcounts count themselves */
            uint64_t blocks = (clusters + need + qcow2_block_entries(&q) - 1) / qcow2_block_entries(&q);
            uint64_t now    = blocks + ((blocks * 8 + q.cluster - 1) >> q.cluster_bits);

            if (now == need)
                break;
            need = now;
        }
        m->fully    = meta + (need << q.cluster_bits) + full;
        m->required = meta + (need << q.cluster_bits) + (w.p >= BLK_PREALLOC_FALLOC ? full : data);
        if (w.data_file != NULL)
            m->required = m->fully = meta + (need << q.cluster_bits);
        m->has_bitmaps = src != NULL && str_eq(src->drv->name, "qcow2") && ((struct qcow2 *)src->priv)->version >= 3;
        if (m->has_bitmaps && (ret = qcow2_bitmaps_measure(src->priv, q.cluster, &m->bitmaps)) < 0)
            error_set(err, ret, "the bitmaps of the source cannot be read: %s", strerror(-ret));
    }
    wish_free(&w);
    return ret;
}

/* ---- size */

int qcow2_grow_l1(struct qcow2 *q, uint64_t bytes, struct error *err)
{
    uint64_t  need = l1_need(q, bytes), off = 0, got, clusters, have = 0;
    uint64_t *l1;
    uint8_t  *buf;
    int       ret = 0;

    if (need <= q->l1_entries)
        return 0;
    if (need * 8 > QCOW2_L1_MAX)
        return error_set(err, EFBIG, "the disk would become too large for its cluster size");
    clusters = (need * 8 + q->cluster - 1) >> q->cluster_bits;
    uint64_t first = 0;

    while (have < clusters && ret == 0) {        /* in one row */
        ret = qcow2_alloc_run(q, clusters - have, &off, &got, NULL);
        if (ret < 0)
            break;
        if (have > 0 && off != first + (have << q->cluster_bits)) {
            qcow2_free_later(q, first, have << q->cluster_bits, false, false);
            have = 0;
        }
        if (have == 0)
            first = off;
        have += got;
    }
    if (ret == 0)
        ret = qcow2_write_tables(q);             /* the old table, complete, and the counts of the new one */
    if (ret < 0)
        return error_set(err, ret, "no room for a longer L1 table: %s", strerror(-ret));
    l1 = xcalloc((size_t)need, 8);
    memcpy(l1, q->l1, q->l1_entries * 8ull);
    buf = xcalloc(1, (size_t)(clusters << q->cluster_bits));
    for (uint32_t i = 0; i < q->l1_entries; i++)
        store_be64(buf + 8ull * i, l1[i]);
    ret = blk_write(q->file, first, buf, (size_t)(clusters << q->cluster_bits));
    free(buf);
    if (ret == 0)
        ret = qcow2_sync(q);
    if (ret == 0) {
        uint64_t old_off = q->l1_offset, old_bytes = align_up(q->l1_entries * 8ull, q->cluster);

        free(q->l1);
        q->l1         = l1;
        q->l1_entries = (uint32_t)need;
        q->l1_offset  = first;
        ret = qcow2_header_fields(q);
        if (ret == 0)
            ret = qcow2_sync(q);
        if (ret == 0 && old_bytes > 0)
            qcow2_free_later(q, old_off, old_bytes, false, false);
    } else {
        free(l1);
    }
    return ret < 0 ? error_set(err, ret, "could not write a longer L1 table: %s", strerror(-ret)) : 0;
}

/* The clusters behind the new end: only now that the size says so. */
static int give_up(struct qcow2 *q, uint64_t bytes, uint64_t old)
{
    uint64_t from = align_up(bytes, q->cluster), end = align_up(old, q->cluster);
    int      ret  = 0;

    if (from < end)
        ret = qcow2_set_range(q, from, end - from, false, false, true);
    if (ret == 0)
        ret = qcow2_write_tables(q);
    return ret;
}

/* What comes into view must be zeros before the size says so: neither what the backing file has there, nor what a
 * shrink that was cut short has left. */
static int blank(struct qcow2 *q, uint64_t old, uint64_t bytes)
{
    struct blk_node *b = q->n->backing;
    uint64_t         end = b != NULL ? MIN(bytes, b->bytes) : 0, from = align_up(old, q->cluster);
    int              ret;

    if (from < end && q->version < 3)
        return -ENOTSUP;
    ret = from < bytes ? qcow2_set_range(q, from, align_up(bytes, q->cluster) - from, false, false, false) : 0;
    if (ret == 0 && from < end)
        ret = qcow2_set_range(q, from, align_up(end, q->cluster) - from, true, false, false);
    if (ret == 0)
        ret = qcow2_write_tables(q);
    return ret == 0 ? qcow2_sync(q) : ret;
}

static int set_size(struct qcow2 *q, uint64_t bytes)
{
    uint64_t old = q->size;
    int      ret;

    q->size = bytes;
    ret = qcow2_header_fields(q);
    if (ret == 0)
        ret = qcow2_sync(q);
    if (ret < 0)
        q->size = old;
    return ret;
}

int qcow2_resize(struct blk_node *n, uint64_t bytes, enum blk_prealloc p, struct error *err)
{
    struct qcow2      *q = n->priv;
    uint64_t           old = q->size;
    struct blk_tracked t;
    int                ret = 0;

    if (bytes & 511)
        return error_set(err, EINVAL, "The new size must be a multiple of 512");
    if (p != BLK_PREALLOC_OFF && bytes < old)
        return error_set(err, ENOTSUP, "Preallocation can't be used for shrinking files");
    for (uint32_t i = 0; i < q->snap_count; i++)
        if (q->version < 3 && q->snaps[i].s.disk_bytes != bytes)
            return error_set(err, ENOTSUP, "Can't resize a v2 image which has snapshots");
    ret = qcow2_ready_to_write(q);
    if (ret < 0)
        return error_set(err, ret, "the image cannot be written: %s", strerror(-ret));
    blk_track(n, &t, 0, UINT64_MAX, true);
    if (bytes > old && (old & (q->cluster - 1)))    /* the last cluster's rest may hold what a shrink left there */
        ret = qcow2_zero_part(q, old, MIN(bytes, align_up(old, q->cluster)) - old);
    co_lock(&q->lock);
    if (ret == 0)
        ret = qcow2_bitmaps_end(q);              /* their length changes: the next write loads them again */
    if (ret == 0 && bytes > old)
        ret = qcow2_grow_l1(q, bytes, err);
    if (ret == 0 && bytes > old)
        ret = blank(q, old, bytes);
    if (ret == 0)
        ret = set_size(q, bytes);
    if (ret == 0 && bytes < old)
        ret = give_up(q, bytes, old);
    if (ret == 0 && p != BLK_PREALLOC_OFF && bytes > align_up(old, q->cluster))
        ret = qcow2_allocate_range(q, align_up(old, q->cluster), bytes - align_up(old, q->cluster));
    if (ret == 0 && q->data_external && (bytes > q->data->bytes || (q->autoclear & QCOW2_AUTO_DATA_RAW)))
        ret = blk_resize(q->data, bytes, BLK_PREALLOC_OFF, err);
    co_unlock(&q->lock);
    if (ret == 0 && p != BLK_PREALLOC_OFF && !q->data_external) {
        uint64_t end = q->free_hint << q->cluster_bits;

        ret = end > q->file->bytes ? blk_resize(q->file, end, p == BLK_PREALLOC_METADATA ? BLK_PREALLOC_OFF : p, err) : 0;
    }
    blk_untrack(&t);
    if (ret == -ENOTSUP && q->version < 3 && n->backing != NULL)
        return error_set(err, ret, "a version 2 image cannot hide what a longer backing file holds behind its old end; make it version 3 first: "
                         "amend -o compat=1.1");
    return ret < 0 ? error_set(err, ret, "could not resize the image: %s", strerror(-ret)) : 0;
}

/* ---- amend, rebase, commit */

int qcow2_set_backing(struct blk_node *n, const char *file, const char *format, struct error *err)
{
    struct qcow2 *q = n->priv;
    char          old_name[BLK_NAME_MAX], old_format[64];
    int           ret;

    if (file != NULL && strlen(file) > 1023)
        return error_set(err, EINVAL, "backing file name is longer than 1023 bytes");
    if (format != NULL && strlen(format) >= sizeof n->backing_format)
        return error_set(err, EINVAL, "backing format name is too long");
    snprintf(old_name, sizeof old_name, "%s", n->backing_name);
    snprintf(old_format, sizeof old_format, "%s", n->backing_format);
    snprintf(n->backing_name, sizeof n->backing_name, "%s", file != NULL ? file : "");
    snprintf(n->backing_format, sizeof n->backing_format, "%s", file != NULL && format != NULL ? format : "");
    ret = qcow2_ready_to_write(q);
    co_lock(&q->lock);
    if (ret == 0)
        ret = qcow2_write_tables(q);
    if (ret == 0)
        ret = qcow2_sync(q);                     /* the data copied by a rebase comes before the new name */
    if (ret == 0)
        ret = qcow2_header_write(q, err);
    if (ret == 0)
        ret = qcow2_sync(q);
    co_unlock(&q->lock);
    if (ret < 0) {
        snprintf(n->backing_name, sizeof n->backing_name, "%s", old_name);
        snprintf(n->backing_format, sizeof n->backing_format, "%s", old_format);
    }
    return ret;
}

int qcow2_empty(struct blk_node *n, struct error *err)
{
    struct qcow2      *q = n->priv;
    struct blk_tracked t;
    int                ret = qcow2_ready_to_write(q);

    if (ret < 0)
        return error_set(err, ret, "the image cannot be written: %s", strerror(-ret));
    blk_track(n, &t, 0, UINT64_MAX, true);
    co_lock(&q->lock);
    ret = qcow2_set_range(q, 0, align_up(q->size, q->cluster), false, false, true);
    if (ret == 0)
        ret = qcow2_write_tables(q);
    co_unlock(&q->lock);
    blk_untrack(&t);
    return ret < 0 ? error_set(err, ret, "could not empty the image: %s", strerror(-ret)) : 0;
}

/* Version 2 has no zero clusters: they become real zeros, or nothing where nothing lies below. */
static int downgrade(struct qcow2 *q, struct error *err)
{
    int ret = 0;

    if (q->incompat & ~(uint64_t)QCOW2_INC_DIRTY)
        return error_set(err, ENOTSUP, "Cannot downgrade an image with incompatible features 0x%llx set", (unsigned long long)q->incompat);
    if (q->refcount_order != 4)
        return error_set(err, ENOTSUP, "compat=0.10 requires refcount_bits=16");
    if (q->snap_count > 0)
        return error_set(err, ENOTSUP, "Cannot downgrade an image with internal snapshots");
    for (uint64_t off = 0; off < q->size && ret == 0; off += q->cluster) {
        struct qcow2_tab *t;
        unsigned          i;
        uint64_t          e;

        ret = qcow2_l2_piece(q, off, false, &t, &i);
        if (ret < 0 || t == NULL) {
            if (ret == 0)
                off = align_down(off, qcow2_l2_span(q)) + qcow2_l2_span(q) - q->cluster;
            continue;
        }
        e = qcow2_l2_get(q, t, i);
        if (qcow2_entry_kind(q, e) != QCOW2_ZERO_PLAIN && qcow2_entry_kind(q, e) != QCOW2_ZERO_ALLOC)
            continue;
        if (q->n->backing == NULL && q->n->backing_name[0] == '\0') {
            ret = qcow2_set_range(q, off, q->cluster, false, false, true);
        } else {
            void *zeros = xcalloc(1, q->cluster);

            co_unlock(&q->lock);
            ret = qcow2_write_at(q, off, BLK_FLAT(zeros, q->cluster));
            co_lock(&q->lock);
            free(zeros);
        }
    }
    if (ret == 0)
        ret = qcow2_write_tables(q);
    if (ret == 0) {
        q->version      = 2;
        q->compat       = q->autoclear = q->incompat = 0;
        q->header_bytes = QCOW2_HEADER_V2;
        ret = qcow2_header_write(q, err);
    }
    return ret;
}

static int amend_header(struct qcow2 *q, unsigned version, uint64_t bits, int lazy, struct error *err)
{
    int ret = 0;

    if (version == 2 && q->version == 3 && bits != 16 && bits != 0)
        return error_set(err, EINVAL, "compat=0.10 requires refcount_bits=16");
    if (version == 3 && q->version == 2) {
        q->version      = 3;
        q->header_bytes = QCOW2_HEADER_NOW;
        ret = qcow2_header_write(q, err);
    }
    if (ret == 0 && bits != 0 && bits != UINT64_C(1) << q->refcount_order) {
        if (q->version < 3)
            return error_set(err, EINVAL, "Refcount widths other than 16 bits require compatibility level 1.1 or above (use compat=1.1 or greater)");
        ret = qcow2_write_tables(q);
        if (ret == 0)
            ret = qcow2_rebuild(q, xmemdup(q->l1, q->l1_entries * 8ull), q->l1_entries, (unsigned)__builtin_ctzll(bits), err);
    }
    if (ret == 0 && lazy >= 0) {
        if (lazy && q->version < 3)
            return error_set(err, EINVAL, "Lazy refcounts only supported with compatibility level 1.1 and above (use compat=1.1 or greater)");
        if (!lazy && (q->incompat & QCOW2_INC_DIRTY)) {
            q->incompat &= ~(uint64_t)QCOW2_INC_DIRTY;
            ret = qcow2_write_tables(q);
        }
        q->compat = lazy ? q->compat | QCOW2_COMPAT_LAZY : q->compat & ~(uint64_t)QCOW2_COMPAT_LAZY;
        if (ret == 0)
            ret = qcow2_header_fields(q);
    }
    if (ret == 0 && version == 2 && q->version == 3)
        ret = downgrade(q, err);
    return ret;
}

int qcow2_amend(struct blk_node *n, struct blk_opts *o, struct error *err)
{
    struct qcow2 *q    = n->priv;
    unsigned      version = q->version;
    uint64_t      size = 0, bits = 0;
    bool          lazy = false, lazy_given = blk_opts_get(o, "lazy_refcounts") != NULL, raw = false;
    bool          has_backing = blk_opts_get(o, "backing_file") != NULL;
    char         *compat = blk_opts_take(o, "compat"), *backing = blk_opts_take(o, "backing_file"), *fmt = blk_opts_take(o, "backing_fmt");
    char         *data = blk_opts_take(o, "data_file");
    bool          raw_given = blk_opts_get(o, "data_file_raw") != NULL;
    int           ret = parse_compat(compat, &version, err);

    if (ret == 0)
        ret = blk_opts_take_size(o, "size", &size, err);
    if (ret == 0)
        ret = blk_opts_take_u64(o, "refcount_bits", &bits, err);
    if (ret == 0)
        ret = blk_opts_take_bool(o, "lazy_refcounts", &lazy, err);
    if (ret == 0)
        ret = blk_opts_take_bool(o, "data_file_raw", &raw, err);
    if (ret == 0 && bits != 0 && (!is_pow2(bits) || bits > 64))
        ret = error_set(err, EINVAL, "Refcount width must be a power of two and may not exceed 64 bits");
    if (ret == 0 && data != NULL && !q->data_external)
        ret = error_set(err, EINVAL, "data-file can only be set for images that use an external data file");
    if (ret == 0 && raw_given && raw && !(q->autoclear & QCOW2_AUTO_DATA_RAW))
        ret = error_set(err, EINVAL, "data-file-raw cannot be set on existing images");
    if (ret == 0)
        ret = qcow2_ready_to_write(q);
    if (ret == 0) {
        struct blk_tracked t;

        blk_track(n, &t, 0, UINT64_MAX, true);
        co_lock(&q->lock);
        ret = amend_header(q, version, bits, lazy_given ? lazy : -1, err);
        if (ret == 0 && (data != NULL || (raw_given && !raw))) {
            if (data != NULL)
                snprintf(q->data_name, sizeof q->data_name, "%s", data);
            if (raw_given && !raw)
                q->autoclear &= ~(uint64_t)QCOW2_AUTO_DATA_RAW;
            ret = qcow2_header_write(q, err);
        }
        co_unlock(&q->lock);
        blk_untrack(&t);
    }
    if (ret == 0 && (has_backing || fmt != NULL))
        ret = qcow2_set_backing(n, has_backing ? backing : n->backing_name, fmt != NULL ? fmt : n->backing_format, err);
    if (ret == 0 && size != 0 && size != q->size)
        ret = blk_resize(n, size, BLK_PREALLOC_OFF, err);
    free(compat);
    free(backing);
    free(fmt);
    free(data);
    return ret < 0 && err != NULL && !err->code ? error_set(err, ret, "%s", strerror(-ret)) : ret;
}

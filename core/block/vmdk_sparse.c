/* core/block/vmdk_sparse.c - extents with a grain directory: [header][descriptor][directory and tables, twice][grains].
 *
 * Source: VMware, "Virtual Disk Format 1.1", "Hosted Sparse Extents" and "Stream-Optimized Compressed Sparse Extents". */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/block/vmdk.h"
#include "core/event/iothread.h"

static int load_dir(struct vmdk_extent *e, uint64_t sector, uint32_t **out, struct error *err)
{
    uint32_t *d;
    int       ret;

    if (sector > e->file->bytes / 512 || 4ull * e->gt_count > e->file->bytes - sector * 512 + 512)
        return error_set(err, EINVAL, "VMDK grain directory at sector %llu lies outside the file", (unsigned long long)sector);
    d = try_alloc(e->gt_count, 4, 1 << 25);
    if (d == NULL)
        return error_set(err, ENOMEM, "no memory for a grain directory of %u entries", e->gt_count);
    ret = blk_read(e->file, sector * 512, d, 4ull * e->gt_count);
    for (uint32_t i = 0; i < e->gt_count; i++)
        d[i] = load_le32(&d[i]);
    *out = d;
    return ret < 0 ? error_set(err, ret, "cannot read the grain directory: %s", strerror(-ret)) : 0;
}

/* "At the end": the real header is the footer, one sector before the end-of-stream marker. */
static int use_footer(struct vmdk_extent *e, uint8_t *h, struct error *err)
{
    uint8_t f[512];
    int     ret;

    if (e->file->bytes < 1536)
        return error_set(err, EINVAL, "VMDK stream is cut short: it has no footer");
    ret = blk_read(e->file, e->file->bytes - 1024, f, 512);
    if (ret < 0)
        return error_set(err, ret, "cannot read the VMDK footer: %s", strerror(-ret));
    if (load_le32(f) != VMDK_MAGIC)
        return error_set(err, EINVAL, "VMDK stream is cut short: it has no footer");
    memcpy(h, f, 512);
    return 0;
}

int vmdk_sparse_open(struct vmdk_extent *e, struct error *err)
{
    uint8_t  h[512];
    uint64_t capacity, grain, covers;
    uint32_t version;
    int      ret = e->file->bytes >= 512 ? blk_read(e->file, 0, h, 512) : -EINVAL;

    if (ret < 0 || load_le32(h) != VMDK_MAGIC)
        return error_set(err, EINVAL, "'%s' is no VMDK sparse extent", e->file->filename);
    if (load_le64(h + 56) == UINT64_MAX) {
        ret = use_footer(e, h, err);
        if (ret < 0)
            return ret;
    }
    version  = load_le32(h + 4);
    e->flags = load_le32(h + 8);
    capacity = load_le64(h + 12);
    grain    = load_le64(h + 20);
    if (version < 1 || version > 3)
        return error_set(err, ENOTSUP, "Unsupported VMDK version %u", version);
    if (load_le32(h + 44) != VMDK_GTES)
        return error_set(err, EINVAL, "L2 table size too big: %u entries in a grain table", load_le32(h + 44));
    if (!is_pow2(grain) || grain < 8 || grain > 1 << 16)
        return error_set(err, EINVAL, "Invalid granularity %llu, image may be corrupt", (unsigned long long)grain);
    if (capacity > BLK_LENGTH_MAX / 512)
        return error_set(err, EINVAL, "VMDK extent claims %llu sectors", (unsigned long long)capacity);
    if ((e->flags & VMDK_F_COMPRESS) && load_le16(h + 77) != 1)
        return error_set(err, ENOTSUP, "VMDK compression method %u is not known", load_le16(h + 77));
    covers = grain * VMDK_GTES;
    if ((capacity + covers - 1) / covers > 1 << 25)
        return error_set(err, EFBIG, "L1 size too big: %llu grain tables", (unsigned long long)((capacity + covers - 1) / covers));
    e->gt_count = (uint32_t)((capacity + covers - 1) / covers);
    e->grain    = grain * 512;
    e->bytes    = capacity * 512;
    e->end      = align_up(e->file->bytes, 512);
    ret = load_dir(e, load_le64(h + 56), &e->gd, err);
    if (ret == 0 && (e->flags & VMDK_F_RGD))
        ret = load_dir(e, load_le64(h + 48), &e->rgd, err);
    if (ret < 0)
        return ret;
    e->gt       = NEW_ARRAY(uint32_t *, e->gt_count + 1);
    e->gt_dirty = NEW_ARRAY(uint8_t, e->gt_count + 1);
    return 0;
}

void vmdk_extent_free(struct vmdk_extent *e)
{
    for (uint32_t i = 0; e->gt != NULL && i < e->gt_count; i++)
        free(e->gt[i]);
    free(e->gt);
    free(e->gt_dirty);
    free(e->gd);
    free(e->rgd);
}

static int load_table(struct vmdk_extent *e, uint32_t i)
{
    uint32_t *t;
    int       ret;

    if (e->gt[i] != NULL || e->gd[i] == 0)
        return 0;
    if ((uint64_t)e->gd[i] * 512 + VMDK_GTES * 4 > e->file->bytes + 2048)
        return -EIO;
    t   = NEW_ARRAY(uint32_t, VMDK_GTES);
    ret = blk_read(e->file, (uint64_t)e->gd[i] * 512, t, VMDK_GTES * 4);
    for (int k = 0; k < VMDK_GTES; k++)
        t[k] = load_le32(&t[k]);
    if (ret < 0 || e->gt[i] != NULL) {
        free(t);
        return ret;
    }
    e->gt[i] = t;
    return 0;
}

int vmdk_gte(struct vmdk_extent *e, uint64_t off, uint32_t *entry)
{
    uint64_t g   = off / e->grain;
    int      ret = load_table(e, (uint32_t)(g / VMDK_GTES));

    *entry = ret == 0 && e->gt[g / VMDK_GTES] != NULL ? e->gt[g / VMDK_GTES][g % VMDK_GTES] : 0;
    if (*entry > 1 && (uint64_t)*entry * 512 >= e->file->bytes + e->grain)
        return -EIO;
    return ret;
}

int vmdk_gte_set(struct vmdk_extent *e, uint64_t off, uint32_t entry)
{
    uint64_t g = off / e->grain;
    uint32_t i = (uint32_t)(g / VMDK_GTES);
    int      ret = load_table(e, i);

    if (ret < 0)
        return ret;
    if (e->gt[i] == NULL)
        return -EIO;                             /* an image without this table: nothing can be added to it */
    e->gt[i][g % VMDK_GTES] = entry;
    e->gt_dirty[i] = 1;
    e->dirty       = true;
    return 0;
}

/* The order: grains are on disk (the caller synced), then both tables. */
int vmdk_tables_write(struct vmdk_extent *e)
{
    uint8_t buf[VMDK_GTES * 4];
    int     ret = 0;

    for (uint32_t i = 0; e->dirty && i < e->gt_count && ret == 0; i++) {
        if (!e->gt_dirty[i])
            continue;
        for (int k = 0; k < VMDK_GTES; k++)
            store_le32(buf + 4 * k, e->gt[i][k]);
        e->gt_dirty[i] = 0;
        if (e->rgd != NULL && e->rgd[i] != 0)
            ret = blk_write(e->file, (uint64_t)e->rgd[i] * 512, buf, sizeof buf);
        if (ret == 0)
            ret = blk_write(e->file, (uint64_t)e->gd[i] * 512, buf, sizeof buf);
        if (ret < 0)
            e->gt_dirty[i] = 1;
    }
    if (ret == 0)
        e->dirty = false;
    return ret;
}

/* ---- compressed grains: [8: sector of the disk][4: bytes][zlib stream] */

struct job {
    uint8_t *in, *out;
    uLongf   out_len;
    uLong    in_len;
};

static int inflate_job(void *arg)
{
    struct job *j = arg;

    return uncompress(j->out, &j->out_len, j->in, j->in_len) == Z_OK ? 0 : -EIO;
}

static int deflate_job(void *arg)
{
    struct job *j = arg;

    return compress2(j->out, &j->out_len, j->in, j->in_len, 5) == Z_OK ? 0 : -EIO;
}

int vmdk_read_packed(struct vmdk_extent *e, uint64_t off, uint32_t entry, const struct blk_iov *v)
{
    uint64_t   at = (uint64_t)entry * 512;
    uint8_t    mark[12];
    struct job j = { .out_len = e->grain };
    uint32_t   skip = e->flags & VMDK_F_MARKERS ? 12 : 4, len;
    int        ret = blk_read(e->file, at, mark, sizeof mark);

    if (ret < 0)
        return ret;
    len = skip == 12 ? load_le32(mark + 8) : load_le32(mark);
    if (len == 0 || len > 2 * e->grain)
        return -EIO;
    j.in  = blk_bounce(len);
    j.out = blk_bounce((size_t)e->grain);
    j.in_len = len;
    ret = j.in == NULL || j.out == NULL ? -ENOMEM : blk_read(e->file, at + skip, j.in, len);
    if (ret == 0)
        ret = io_work(inflate_job, &j);
    if (ret == 0) {
        memset(j.out + j.out_len, 0, (size_t)(e->grain - j.out_len));
        iov_put(v, 0, j.out + off % e->grain, v->len);
    }
    free(j.in);
    free(j.out);
    return ret;
}

int vmdk_write_packed(struct vmdk_extent *e, uint64_t off, const struct blk_iov *v)
{
    uint8_t   *buf = blk_bounce(compressBound(e->grain) + 1024);
    struct job j   = { .in = blk_bounce((size_t)e->grain), .in_len = e->grain, .out = buf + 12, .out_len = compressBound(e->grain) };
    uint64_t   at, bytes;
    int        ret = buf == NULL || j.in == NULL ? -ENOMEM : 0;

    if (ret == 0) {
        iov_get(v, 0, j.in, v->len);
        memset(j.in + v->len, 0, (size_t)(e->grain - v->len));
        ret = io_work(deflate_job, &j);
    }
    if (ret == 0) {
        store_le64(buf, off / 512);
        store_le32(buf + 8, (uint32_t)j.out_len);
        bytes = align_up(12 + j.out_len, 512);
        memset(buf + 12 + j.out_len, 0, (size_t)(bytes - 12 - j.out_len));
        at = e->end;
        e->end += bytes;
        ret = at / 512 > UINT32_MAX ? -EFBIG : blk_write(e->file, at, buf, (size_t)bytes);
        if (ret == 0)
            ret = vmdk_gte_set(e, off, (uint32_t)(at / 512));
    }
    free(j.in);
    free(buf);
    return ret;
}

/* End-of-stream marker: a sector of zeros. */
int vmdk_end_stream(struct vmdk_extent *e)
{
    uint8_t zero[512] = { 0 };
    int     ret = blk_write(e->file, e->end, zero, sizeof zero);

    e->end += 512;
    return ret;
}

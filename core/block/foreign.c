/* core/block/foreign.c - parallels, qed and bochs, for reading: a header and a table of clusters.
 *
 * Sources: "Parallels Disk Format" and "QED Image File Format" specifications; Bochs, bximage/hdimage.h. */
#include "core/block/foreign.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/error.h"

int foreign_readonly(struct blk_node *n, const char *format, struct error *err)
{
    if ((n->flags & BLK_RDWR) && !(n->flags & BLK_AUTO_RDONLY))
        return error_set(err, EROFS, "%s images can only be read: add readonly=on, or convert the image to qcow2", format);
    n->flags &= ~(unsigned)BLK_RDWR;
    return 0;
}

int foreign_table(struct foreign *f, uint64_t pieces, uint64_t unit, uint64_t most, struct error *err)
{
    f->place = try_alloc((size_t)pieces, 8, (size_t)most);
    if (f->place == NULL)
        return error_set(err, EFBIG, "the image claims a table of %llu entries, which is too large", (unsigned long long)pieces);
    f->pieces = pieces;
    f->unit   = unit;
    return 0;
}

void foreign_close(struct blk_node *n)
{
    free(((struct foreign *)n->priv)->place);
}

static uint64_t place_of(const struct foreign *f, uint64_t off)
{
    return off / f->unit < f->pieces ? f->place[off / f->unit] : 0;
}

int foreign_read(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    struct foreign *f   = n->priv;
    int             ret = 0;

    for (size_t at = 0, len; at < v->len && ret == 0; at += len) {
        uint64_t         where = place_of(f, off + at);
        struct blk_slice s;

        len = (size_t)MIN((uint64_t)(v->len - at), f->unit - (off + at) % f->unit);
        const struct blk_iov *part = iov_slice(&s, v, at, len);

        if (where > 1)
            ret = blk_readv(n->file, where + (off + at) % f->unit, part);
        else if (where == 0 && n->backing != NULL && off + at + len <= n->backing->bytes)
            ret = blk_readv(n->backing, off + at, part);
        else
            iov_zero(part, 0, len);
        iov_slice_end(&s);
    }
    return ret;
}

int foreign_map(struct blk_node *n, uint64_t off, uint64_t len, struct blk_extent *e)
{
    struct foreign *f     = n->priv;
    uint64_t        first = place_of(f, off);

    *e = (struct blk_extent){ .len = f->unit - off % f->unit };
    if (first > 1) {
        e->flags = BLK_EXT_DATA | BLK_EXT_ALLOCATED | BLK_EXT_OFFSET;
        e->host  = first + off % f->unit;
        e->node  = n->file;
        while (e->len < len && place_of(f, off + e->len) == e->host + e->len)
            e->len += f->unit;
        return 0;
    }
    e->flags = first == 1 ? BLK_EXT_ZERO | BLK_EXT_ALLOCATED : n->backing_name[0] ? 0 : BLK_EXT_ZERO;
    while (e->len < len && place_of(f, off + e->len) == first)
        e->len += f->unit;
    return 0;
}

/* Opening has bounded each place; here they are counted, and none may be used twice. */
static int check(struct blk_node *n, struct blk_check *c, int fix, struct error *err)
{
    struct foreign *f    = n->priv;
    uint64_t        last = 0, slots = n->file->bytes / f->unit + 2;
    uint8_t        *seen = try_alloc((size_t)(slots / 8 + 1), 1, SIZE_MAX);

    (void)fix;
    if (seen == NULL)
        return error_set(err, ENOMEM, "no memory to check the image");
    c->total_clusters = (n->bytes + f->unit - 1) / f->unit;
    for (uint64_t i = 0; i < f->pieces; i++) {
        uint64_t at = f->place[i], slot = at / f->unit;

        if (at <= 1)
            continue;
        if (seen[slot / 8] >> slot % 8 & 1) {
            char line[128];

            snprintf(line, sizeof line, "ERROR: cluster %llu shares 0x%llx with another", (unsigned long long)i, (unsigned long long)at);
            if (c->say != NULL)
                c->say(c->arg, line);
            c->corruptions++;
        }
        seen[slot / 8] |= (uint8_t)(1u << slot % 8);
        c->allocated_clusters++;
        c->fragmented_clusters += last != 0 && at != last + f->unit;
        c->image_end = MAX(c->image_end, at + f->unit);
        last = at;
    }
    free(seen);
    return 0;
}

/* QED's check does not tell where the image ends. */
static int check_qed(struct blk_node *n, struct blk_check *c, int fix, struct error *err)
{
    int ret = check(n, c, fix, err);

    c->image_end = 0;
    return ret;
}

static int info(struct blk_node *n, struct blk_info *i, struct error *err)
{
    (void)err;
    i->cluster_bytes = (uint32_t)((struct foreign *)n->priv)->unit;
    return 0;
}

/* ---- parallels */

static bool parallels_magic(const uint8_t *h)
{
    return memcmp(h, "WithoutFreeSpace", 16) == 0 || memcmp(h, "WithouFreSpacExt", 16) == 0;
}

static int parallels_probe(const uint8_t *h, size_t len, const char *filename)
{
    (void)filename;
    return len >= 64 && parallels_magic(h) && load_le32(h + 16) == 2 ? 100 : 0;
}

static int parallels_open(struct blk_node *n, struct blk_opts *o, struct error *err)
{
    struct foreign *f = n->priv;
    uint8_t         h[64], *bat;
    uint64_t        unit, entries, scale;
    int             ret = foreign_readonly(n, "parallels", err);

    (void)o;
    if (ret == 0)
        ret = n->file->bytes >= 64 ? blk_read(n->file, 0, h, sizeof h) : -EINVAL;
    if (ret < 0 || !parallels_magic(h) || load_le32(h + 16) != 2)
        return error_set(err, ret < 0 ? ret : -EINVAL, "Image not in Parallels format");
    unit     = (uint64_t)load_le32(h + 28) * 512;
    entries  = load_le32(h + 32);
    n->bytes = load_le64(h + 36);
    scale    = memcmp(h, "WithouFreSpacExt", 16) == 0 ? unit : 512;
    if (scale == 512)
        n->bytes &= UINT32_MAX;
    if (unit == 0 || unit > UINT64_C(1) << 31 || n->bytes > BLK_LENGTH_MAX / 512 || entries > (UINT32_MAX >> 3) || 64 + 4 * entries > n->file->bytes)
        return error_set(err, EINVAL, "Parallels header is not valid (cluster of %llu bytes, %llu entries)", (unsigned long long)unit, (unsigned long long)entries);
    n->bytes *= 512;
    if (entries * unit < n->bytes)
        return error_set(err, EINVAL, "Parallels table of %llu entries is too short for the disk", (unsigned long long)entries);
    ret = foreign_table(f, entries, unit, UINT32_MAX >> 3, err);
    if (ret < 0)
        return ret;
    bat = xmalloc((size_t)entries * 4 + 1);
    ret = blk_read(n->file, 64, bat, (size_t)entries * 4);
    for (uint64_t i = 0; i < entries && ret == 0; i++) {
        f->place[i] = load_le32(bat + 4 * i) * scale;
        if (f->place[i] != 0 && (f->place[i] < 64 + 4 * entries || f->place[i] >= n->file->bytes))
            ret = error_set(err, EINVAL, "Parallels cluster %llu at 0x%llx lies outside the file", (unsigned long long)i, (unsigned long long)f->place[i]);
    }
    free(bat);
    if (ret < 0)
        free(f->place);
    return ret;
}

const struct blk_driver blk_parallels = {
    .name = "parallels", .help = "Parallels disk (read only)", .bytes = sizeof(struct foreign), .probe = parallels_probe, .open = parallels_open,
    .close = foreign_close, .read = foreign_read, .map = foreign_map, .check = check,
};

/* ---- qed */

static int qed_probe(const uint8_t *h, size_t len, const char *filename)
{
    (void)filename;
    return len >= 64 && memcmp(h, "QED\0", 4) == 0 ? 100 : 0;
}

static int qed_tables(struct blk_node *n, struct foreign *f, uint64_t l1_off, uint64_t table, uint64_t per, struct error *err)
{
    uint64_t *l1 = xmalloc((size_t)table), *l2 = xmalloc((size_t)table), tables = 0;
    int       ret = l1_off % f->unit == 0 && l1_off < n->file->bytes ? blk_read(n->file, l1_off, l1, (size_t)table) : -EINVAL;

    for (uint64_t i = 0; i * per < f->pieces && ret == 0; i++) {
        uint64_t off = load_le64(&l1[i]);

        if (off == 0)
            continue;
        if (++tables > n->file->bytes / table + 1)    /* some must be the same: what they hold has no end */
            ret = error_set(err, EINVAL, "QED tables are used more than once");
        if (ret < 0)
            break;
        if (off % f->unit || off >= n->file->bytes) {
            ret = error_set(err, EINVAL, "QED L2 table %llu at 0x%llx lies outside the file", (unsigned long long)i, (unsigned long long)off);
            break;
        }
        ret = blk_read(n->file, off, l2, (size_t)table);
        for (uint64_t k = 0; k < per && i * per + k < f->pieces && ret == 0; k++) {
            uint64_t p = load_le64(&l2[k]);

            if (p > 1 && (p % f->unit || p >= n->file->bytes))
                ret = error_set(err, EINVAL, "QED cluster at 0x%llx lies outside the file", (unsigned long long)p);
            if (p != 0)                          /* memory is taken for what is there */
                f->place[i * per + k] = p;
        }
    }
    free(l1);
    free(l2);
    return ret;
}

static int qed_open(struct blk_node *n, struct blk_opts *o, struct error *err)
{
    struct foreign *f = n->priv;
    uint8_t         h[64];
    uint64_t        unit, table, per, features;
    int             ret = foreign_readonly(n, "qed", err);

    (void)o;
    if (ret == 0)
        ret = n->file->bytes >= 64 ? blk_read(n->file, 0, h, sizeof h) : -EINVAL;
    if (ret < 0 || memcmp(h, "QED\0", 4) != 0)
        return error_set(err, ret < 0 ? ret : -EINVAL, "Image not in QED format");
    unit     = load_le32(h + 4);
    table    = load_le32(h + 8) * unit;
    features = load_le64(h + 16);
    n->bytes = load_le64(h + 48);
    if (features & ~UINT64_C(7))
        return error_set(err, ENOTSUP, "Unsupported QED features: 0x%llx", (unsigned long long)(features & ~UINT64_C(7)));
    if (!is_pow2(unit) || unit < 4096 || unit > 64 << 20 || table < unit || table > 16 * unit || table > n->file->bytes || n->bytes > BLK_LENGTH_MAX)
        return error_set(err, EINVAL, "QED header is not valid (cluster of %llu bytes, table of %llu)", (unsigned long long)unit, (unsigned long long)table);
    per = table / 8;
    uint64_t pieces = (n->bytes + unit - 1) / unit;

    if (pieces > per * per)
        return error_set(err, EINVAL, "QED disk is larger than its tables can hold");
    if (features & 1) {
        uint32_t off = load_le32(h + 56), len = load_le32(h + 60);

        if (len > 1023 || off > unit || off + len > unit)
            return error_set(err, EINVAL, "QED backing file name lies outside the header");
        ret = blk_read(n->file, off, n->backing_name, len);
        n->backing_name[len] = '\0';
        if (features & 4)
            snprintf(n->backing_format, sizeof n->backing_format, "raw");
    }
    if (ret == 0)
        ret = foreign_table(f, pieces, unit, 1 << 26, err);
    if (ret == 0)
        ret = qed_tables(n, f, load_le64(h + 40), table, per, err);
    if (ret < 0) {
        free(f->place);
        return error_set(err, ret, "QED tables are damaged");
    }
    return 0;
}

const struct blk_driver blk_qed = {
    .name = "qed", .help = "QEMU enhanced disk (read only)", .flags = BLK_DRV_BACKING, .bytes = sizeof(struct foreign), .probe = qed_probe,
    .open = qed_open, .close = foreign_close, .read = foreign_read, .map = foreign_map, .info = info,
    .check = check_qed,
};

/* ---- bochs: "growing" disks; each extent begins with a bitmap of its sectors */

static int bochs_probe(const uint8_t *h, size_t len, const char *filename)
{
    (void)filename;
    return len >= 512 && memcmp(h, "Bochs Virtual HD Image", 22) == 0 && memcmp(h + 32, "Redolog", 8) == 0 && memcmp(h + 48, "Growing", 8) == 0 ? 100 : 0;
}

static int bochs_open(struct blk_node *n, struct blk_opts *o, struct error *err)
{
    struct foreign *f = n->priv;
    uint8_t         h[512], *cat, *map;
    uint32_t        entries, bitmap, extent, version;
    uint64_t        data, used = 0;
    int             ret = foreign_readonly(n, "bochs", err);

    (void)o;
    if (ret == 0)
        ret = n->file->bytes >= 512 ? blk_read(n->file, 0, h, sizeof h) : -EINVAL;
    if (ret < 0 || bochs_probe(h, sizeof h, "") == 0)
        return error_set(err, ret < 0 ? ret : -EINVAL, "Image not in Bochs format");
    version = load_le32(h + 64);
    entries = load_le32(h + 72);
    bitmap  = load_le32(h + 76);
    extent  = load_le32(h + 80);
    n->bytes = version == 0x00010000 ? load_le64(h + 84) : load_le64(h + 88);
    if (version != 0x00010000 && version != 0x00020000)
        return error_set(err, ENOTSUP, "Bochs image version 0x%x is not supported", version);
    if (!is_pow2(extent) || extent < 512 || extent > 8 << 20 || bitmap == 0 || bitmap > 1 << 20 || bitmap < extent / 4096 || entries > 0x100000 ||
        n->bytes > (uint64_t)entries * extent)
        return error_set(err, EINVAL, "Bochs header is not valid (extent of %u bytes, bitmap of %u, %u entries)", extent, bitmap, entries);
    if (load_le32(h + 68) + 4ull * entries > n->file->bytes)
        return error_set(err, EINVAL, "Bochs catalog of %u entries lies outside the file", entries);
    bitmap = (uint32_t)align_up(bitmap, 512);
    data   = load_le32(h + 68) + 4ull * entries;      /* bximage makes catalogs of whole sectors */
    cat    = xmalloc(4ull * entries + 1);
    map    = xmalloc(bitmap);
    ret    = blk_read(n->file, load_le32(h + 68), cat, 4ull * entries);
    if (ret == 0)
        ret = foreign_table(f, n->bytes / 512 + 1, 512, UINT64_C(1) << 28, err);
    for (uint32_t i = 0; i < entries && ret == 0; i++) {
        uint32_t e   = load_le32(cat + 4 * i);
        uint64_t off = data + (uint64_t)e * (extent + bitmap);

        if (e == UINT32_MAX)
            continue;
        if (++used > n->file->bytes / bitmap)
            ret = error_set(err, EINVAL, "Bochs extents are used more than once");
        else if (off + bitmap > n->file->bytes)
            ret = error_set(err, EINVAL, "Bochs extent %u lies outside the file", i);
        else
            ret = blk_read(n->file, off, map, bitmap);
        for (uint32_t k = 0; k < extent / 512 && ret == 0; k++) {
            uint64_t piece = (uint64_t)i * (extent / 512) + k;

            if (piece < f->pieces && (map[k / 8] >> k % 8 & 1))
                f->place[piece] = off + bitmap + 512ull * k;
        }
    }
    free(cat);
    free(map);
    if (ret < 0)
        free(f->place);
    return ret;
}

const struct blk_driver blk_bochs = {
    .name = "bochs", .help = "Bochs growing disk (read only)", .bytes = sizeof(struct foreign), .probe = bochs_probe, .open = bochs_open,
    .close = foreign_close, .read = foreign_read, .map = foreign_map,
};

/* core/block/vpc.c - Virtual PC and Hyper-V disks (.vhd), dynamic and fixed.
 *
 * Fixed: [data][footer]. Dynamic: [footer's copy][dynamic header][BAT: 32 bits a block][blocks][footer]; a block is a
 * bitmap of its sectors and the sectors. A new block goes where the footer was, all its sectors marked:
 *
 *   block and its bitmap (zeros around the data), footer behind it ---> (flush) sync ---> BAT entries ---> sync
 *
 * Until the BAT entry is on disk the block is unreferenced space; the footer at the front stays valid throughout.
 * Source: Microsoft, "Virtual Hard Disk Image Format Specification", October 11, 2006. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/blocks.h"

enum { FOOTER = 512, DYN_HEADER = 1024, FIXED = 2, DYNAMIC = 3, DIFF = 4, BAT_FREE = (int)0xffffffff, BLOCK_DEFAULT = 2 << 20 };
#define VHD_MAX    (UINT64_C(2040) << 30)
#define EPOCH_2000 946684800

struct vpc {
    uint8_t   footer[FOOTER];
    bool      fixed;
    uint32_t *bat, entries, block, bitmap;       /* block: data bytes of one; bitmap: bytes before them */
    uint64_t  bat_off;
    struct blk_blocks b;
};

static uint32_t checksum(const uint8_t *p, size_t len)
{
    uint32_t sum = 0;

    while (len-- > 0)
        sum += *p++;
    return ~sum;
}

static bool sealed(const uint8_t *p, size_t len, size_t at)
{
    uint8_t copy[DYN_HEADER];

    memcpy(copy, p, len);
    memset(copy + at, 0, 4);
    return checksum(copy, len) == load_be32(p + at);
}

static int vpc_probe(const uint8_t *h, size_t len, const char *filename)
{
    (void)filename;
    return len >= 8 && memcmp(h, "conectix", 8) == 0 ? 100 : 0;
}

static uint64_t chs_bytes(const uint8_t *f)
{
    return (uint64_t)load_be16(f + 56) * f[58] * f[59] * 512;
}

/* Virtual PC means the geometry, everybody else the size field; who made the image decides. */
static uint64_t disk_bytes(const uint8_t *f, int force)
{
    static const char *const by_size[] = { "win ", "qem2", "d2v ", "tap\0", "vs  ", "wa\0\0" };
    uint64_t size = load_be64(f + 48), chs = chs_bytes(f);
    bool     use_size = false;

    for (size_t i = 0; i < ARRAY_LEN(by_size); i++)
        use_size |= memcmp(f + 28, by_size[i], 4) == 0;
    use_size |= load_be16(f + 56) == 65535 || chs >= UINT64_C(65535) * 16 * 255 * 512;
    if (force == 1)
        use_size = false;
    if (force == 2)
        use_size = true;
    return use_size ? size : chs;
}

static uint64_t place(const struct blk_node *n, uint64_t off);
static int      add(struct blk_node *n, uint64_t off, const struct blk_iov *v);

static int open_dynamic(struct blk_node *n, struct vpc *s, struct error *err)
{
    uint8_t  h[DYN_HEADER];
    uint64_t at = load_be64(s->footer + 16);
    int      ret;

    if (at > n->file->bytes || n->file->bytes - at < DYN_HEADER)
        return error_set(err, EINVAL, "VHD dynamic header at 0x%llx lies outside the file", (unsigned long long)at);
    ret = blk_read(n->file, at, h, sizeof h);
    if (ret < 0)
        return error_set(err, ret, "Error reading dynamic VHD header: %s", strerror(-ret));
    if (memcmp(h, "cxsparse", 8) != 0 || !sealed(h, sizeof h, 36))
        return error_set(err, EINVAL, "Invalid VHD header magic or checksum");
    s->bat_off = load_be64(h + 16);
    s->entries = load_be32(h + 28);
    s->block   = load_be32(h + 32);
    if (!is_pow2(s->block) || s->block < 4096 || s->block > 256 << 20)
        return error_set(err, EINVAL, "Invalid block size %u", s->block);
    s->bitmap = (uint32_t)align_up(s->block / 512 / 8, 512);
    s->b = (struct blk_blocks){ .bytes = s->block, .place = place, .add = add };
    if ((uint64_t)s->entries * s->block < n->bytes)
        return error_set(err, EINVAL, "Page-table too small: %u entries for a disk of %llu bytes", s->entries, (unsigned long long)n->bytes);
    if (s->entries > VHD_MAX / 4096 || s->bat_off > n->file->bytes || 4ull * s->entries > n->file->bytes - s->bat_off)
        return error_set(err, EINVAL, "VHD block table lies outside the file");
    s->bat = try_alloc(s->entries, 4, VHD_MAX / 4096);
    if (s->bat == NULL)
        return error_set(err, ENOMEM, "no memory for the block table");
    ret = blk_read(n->file, s->bat_off, s->bat, 4ull * s->entries);
    s->b.end = align_up(MAX(s->bat_off + 4ull * s->entries, at + DYN_HEADER), 512);
    for (uint32_t i = 0; i < s->entries; i++) {
        s->bat[i] = load_be32(&s->bat[i]);
        if (s->bat[i] == (uint32_t)BAT_FREE)
            continue;
        uint64_t off = (uint64_t)s->bat[i] * 512;

        if (off < s->bat_off + 4ull * s->entries && off + s->bitmap + s->block > s->bat_off)
            ret = error_set(err, EINVAL, "VHD block %u overlaps the block table", i);
        s->b.end = MAX(s->b.end, off + s->bitmap + s->block);
    }
    if (ret == 0 && s->b.end > n->file->bytes && s->b.end - n->file->bytes > (uint64_t)s->block + s->bitmap)
        ret = error_set(err, EINVAL, "VHD blocks lie behind the end of the file: it is cut short");
    n->unit = s->block;
    return ret;
}

static int vpc_open(struct blk_node *n, struct blk_opts *o, struct error *err)
{
    static const char *const how[] = { "default", "chs", "current_size", NULL };
    struct vpc *s = n->priv;
    int         force = 0, ret = blk_opts_take_enum(o, "force_size_calc", how, &force, err);
    uint32_t    type;

    if (ret < 0)
        return ret;
    if (n->file->bytes < FOOTER)
        return error_set(err, EINVAL, "invalid VPC image: the file is shorter than a footer");
    ret = blk_read(n->file, 0, s->footer, FOOTER);
    if (ret == 0 && memcmp(s->footer, "conectix", 8) != 0) {
        ret = blk_read(n->file, n->file->bytes - FOOTER, s->footer, FOOTER);
        s->fixed = true;
    }
    if (ret < 0)
        return error_set(err, ret, "Unable to read VHD footer: %s", strerror(-ret));
    type = load_be32(s->footer + 60);
    if (memcmp(s->footer, "conectix", 8) != 0 || (s->fixed && type != FIXED))
        return error_set(err, EINVAL, "invalid VPC image");
    if (!sealed(s->footer, FOOTER, 64))
        return error_set(err, EINVAL, "The VHD footer's checksum is wrong");
    if (type == DIFF)
        return error_set(err, ENOTSUP, "differencing VHD images are not supported; merge it with its parent first");
    n->bytes = disk_bytes(s->footer, force);
    if (n->bytes > VHD_MAX + (1u << 30) || n->bytes == 0)
        return error_set(err, EFBIG, "VHD size of %llu bytes is not valid", (unsigned long long)n->bytes);
    s->fixed = type == FIXED;
    if (s->fixed) {
        if (n->bytes > n->file->bytes)
            return error_set(err, EINVAL, "VHD image is cut short: %llu bytes of %llu", (unsigned long long)n->file->bytes, (unsigned long long)n->bytes);
        return 0;
    }
    ret = open_dynamic(n, s, err);
    if (ret < 0)
        free(s->bat);
    return ret;
}

static void put_entry(const struct blk_node *n, uint64_t i, uint8_t *to)
{
    store_be32(to, ((struct vpc *)n->priv)->bat[i]);
}

static int write_bat(struct blk_node *n, struct vpc *s)
{
    struct blocks_table t = { .off = s->bat_off, .entries = s->entries, .width = 4, .put = put_entry };
    int                 ret = s->b.dirty ? blk_write(n->file, s->b.end, s->footer, FOOTER) : 0;

    return ret < 0 ? ret : MIN(blocks_table_write(n, &s->b, &t), 0);
}

static void vpc_close(struct blk_node *n)
{
    struct vpc *s = n->priv;

    if (!s->fixed)
        write_bat(n, s);
    free(s->bat);
}

static uint64_t place(const struct blk_node *n, uint64_t off)
{
    const struct vpc *s = n->priv;
    uint32_t          e = s->bat[off / s->block];

    return e == (uint32_t)BAT_FREE ? BLOCKS_NOWHERE : (uint64_t)e * 512 + s->bitmap + off % s->block;
}

static int vpc_read(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    struct vpc *s = n->priv;

    return s->fixed ? blk_readv(n->file, off, v) : blocks_read(n, &s->b, off, v);
}

static int add(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    struct vpc *s  = n->priv;
    uint64_t    at = s->b.end, end = at + s->bitmap + s->block;
    uint8_t    *marks = xmalloc(s->bitmap);
    int         ret;

    memset(marks, 0xff, s->bitmap);
    /* The old footer lies where the block begins: zeros first, so that nothing of it shows. */
    ret = blocks_extend(n, at + s->bitmap, s->block + FOOTER);
    if (ret == 0)
        ret = blk_write(n->file, at, marks, s->bitmap);
    if (ret == 0)
        ret = blk_writev(n->file, at + s->bitmap + off % s->block, v, 0);
    if (ret == 0)
        ret = blk_write(n->file, end, s->footer, FOOTER);
    free(marks);
    if (ret < 0)
        return ret;
    s->bat[off / s->block] = (uint32_t)(at / 512);
    s->b.end = end;
    blocks_changed(&s->b, off / s->block);
    return 0;
}

static int vpc_write(struct blk_node *n, uint64_t off, const struct blk_iov *v, unsigned flags)
{
    struct vpc *s = n->priv;

    (void)flags;
    return s->fixed ? blk_writev(n->file, off, v, 0) : blocks_write(n, &s->b, off, v);
}

static int vpc_flush(struct blk_node *n)
{
    struct vpc *s = n->priv;
    int         ret = 0;

    if (!s->fixed) {
        co_lock(&s->b.lock);
        ret = write_bat(n, s);
        co_unlock(&s->b.lock);
    }
    return ret < 0 ? ret : blk_flush(n->file);
}

static int vpc_map(struct blk_node *n, uint64_t off, uint64_t len, struct blk_extent *e)
{
    struct vpc *s = n->priv;

    if (!s->fixed)
        return blocks_map(n, &s->b, off, len, e);
    *e = (struct blk_extent){ .len = len, .host = off, .node = n->file,
                              .flags = BLK_EXT_DATA | BLK_EXT_ALLOCATED | BLK_EXT_OFFSET | BLK_EXT_RAW | BLK_EXT_STAYS };
    return 0;
}

static int vpc_info(struct blk_node *n, struct blk_info *info, struct error *err)
{
    struct vpc *s = n->priv;

    (void)err;
    info->cluster_bytes = s->fixed ? 0 : s->block;
    return 0;
}

/* The geometry that Virtual PC would choose. Source: the specification, appendix "CHS Calculation". */
static bool geometry(uint64_t sectors, uint16_t *cyls, uint8_t *heads, uint8_t *secs)
{
    uint32_t cth;

    if (sectors > UINT64_C(65535) * 16 * 255)
        sectors = UINT64_C(65535) * 16 * 255;
    if (sectors > 65535u * 16 * 63) {
        *secs = 255;
        *heads = 16;
        cth = (uint32_t)(sectors / 255);
    } else {
        *secs  = 17;
        cth    = (uint32_t)(sectors / 17);
        *heads = (uint8_t)MAX((cth + 1023) / 1024, 4u);
        if (cth >= *heads * 1024u || *heads > 16) {
            *secs  = 31;
            *heads = 16;
            cth    = (uint32_t)(sectors / 31);
        }
        if (cth >= *heads * 1024u) {
            *secs  = 63;
            *heads = 16;
            cth    = (uint32_t)(sectors / 63);
        }
    }
    *cyls = (uint16_t)(cth / *heads);
    return true;
}

static void make_footer(uint8_t *f, uint64_t bytes, bool fixed, bool force, uint16_t cyls, uint8_t heads, uint8_t secs)
{
    memset(f, 0, FOOTER);
    memcpy(f, "conectix", 8);
    store_be32(f + 8, 2);
    store_be32(f + 12, 0x00010000);
    store_be64(f + 16, fixed ? UINT64_MAX : FOOTER);
    store_be32(f + 24, (uint32_t)(time(NULL) - EPOCH_2000));
    memcpy(f + 28, force ? "qem2" : "qemu", 4);
    store_be32(f + 32, 0x00050003);
    memcpy(f + 36, "Wi2k", 4);
    store_be64(f + 40, bytes);
    store_be64(f + 48, bytes);
    store_be16(f + 56, cyls);
    f[58] = heads;
    f[59] = secs;
    store_be32(f + 60, fixed ? FIXED : DYNAMIC);
    if (getrandom(f + 68, 16, 0) != 16)
        memset(f + 68, 0x5a, 16);
    store_be32(f + 64, checksum(f, FOOTER));
}

static int create_dynamic(struct blk_create *c, const uint8_t *footer, uint64_t bytes)
{
    uint8_t  h[DYN_HEADER] = { 0 }, *bat;
    uint64_t entries = (bytes + BLOCK_DEFAULT - 1) / BLOCK_DEFAULT, bat_bytes = align_up(entries * 4, 512);
    int      ret;

    memcpy(h, "cxsparse", 8);
    store_be64(h + 8, UINT64_MAX);
    store_be64(h + 16, FOOTER + DYN_HEADER);
    store_be32(h + 24, 0x00010000);
    store_be32(h + 28, (uint32_t)entries);
    store_be32(h + 32, BLOCK_DEFAULT);
    store_be32(h + 36, checksum(h, DYN_HEADER));
    bat = xmalloc((size_t)bat_bytes + 1);
    memset(bat, 0xff, (size_t)bat_bytes);
    ret = blk_write(c->file, FOOTER + DYN_HEADER, bat, (size_t)bat_bytes);
    free(bat);
    if (ret == 0)
        ret = blk_write(c->file, FOOTER, h, DYN_HEADER);
    if (ret == 0)
        ret = blk_write(c->file, FOOTER + DYN_HEADER + bat_bytes, footer, FOOTER);
    return ret < 0 ? ret : blk_write(c->file, 0, footer, FOOTER);
}

static int vpc_create(struct blk_create *c, struct error *err)
{
    uint8_t  footer[FOOTER], heads = 0, secs = 0;
    uint16_t cyls = 0;
    bool     force = false, fixed;
    char    *sub = blk_opts_take(c->opts, "subformat");
    uint64_t bytes = align_up(c->bytes, 512);
    int      ret = blk_opts_take_bool(c->opts, "force_size", &force, err);

    fixed = sub != NULL && str_eq(sub, "fixed");
    if (ret == 0 && sub != NULL && !fixed && !str_eq(sub, "dynamic"))
        ret = error_set(err, EINVAL, "Invalid subformat '%s'; it is dynamic or fixed", sub);
    free(sub);
    if (ret < 0)
        return ret;
    if (bytes > VHD_MAX)
        return error_set(err, EFBIG, "a VHD holds at most 2040 GiB");
    /* The next geometry that holds the disk; with force_size the exact size, and a geometry that says "look there". */
    for (uint64_t sectors = bytes / 512; !force; sectors++) {
        geometry(sectors, &cyls, &heads, &secs);
        if ((uint64_t)cyls * heads * secs >= bytes / 512 || sectors > bytes / 512 + 65535ull * 16)
            break;
    }
    if (force)
        cyls = 65535, heads = 16, secs = 255;
    else if ((uint64_t)cyls * heads * secs >= bytes / 512 && cyls != 65535)
        bytes = (uint64_t)cyls * heads * secs * 512;
    make_footer(footer, bytes, fixed, force, cyls, heads, secs);
    if (fixed) {
        ret = blk_resize(c->file, bytes, BLK_PREALLOC_OFF, err);
        if (ret == 0)
            ret = blk_write(c->file, bytes, footer, FOOTER);
    } else {
        ret = create_dynamic(c, footer, bytes);
    }
    return ret < 0 ? error_set(err, ret, "could not write the VHD image: %s", strerror(-ret)) : 0;
}

static const struct blk_option vpc_create_opts[] = {
    { "size", BLK_OPT_SIZE, "Virtual disk size", NULL },
    { "subformat", BLK_OPT_STR, "Type of virtual hard disk format. Supported formats are {dynamic (default) | fixed} ", NULL },
    { "force_size", BLK_OPT_BOOL, "Force disk size calculation to use the actual size specified, rather than using the nearest CHS-based calculation", NULL },
    { NULL, 0, NULL, NULL },
};

const struct blk_driver blk_vpc = {
    .name = "vpc", .help = "Virtual PC and Hyper-V disk (vhd)", .flags = BLK_DRV_HOLES, .bytes = sizeof(struct vpc), .probe = vpc_probe, .open = vpc_open, .close = vpc_close,
    .read = vpc_read, .write = vpc_write, .flush = vpc_flush, .map = vpc_map, .info = vpc_info, .create = vpc_create, .create_opts = vpc_create_opts,
};

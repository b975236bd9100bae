/* core/block/vdi.c - VirtualBox disk images, dynamic and static.
 *
 * [header][block map: 32 bits a block][data]. A block is 1 MiB. Writing to a new block: data at the file's end, sync,
 * map entry; the header's count of blocks follows on flush and is only a hint that opening counts again.
 *
 *   new block ---> data written ---> (flush) sync ---> map entries ---> header
 *
 * A cut leaves a block behind the end that nothing points to.
 * Source: VirtualBox, "VDICore.h" description of the format as documented on forums.virtualbox.org (t=8046). */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/block/blocks.h"

enum { HEADER = 512, MAGIC = (int)0xbeda107f, VERSION = 0x00010001, DYNAMIC = 1, STATIC = 2, FREE = (int)0xffffffff, ZERO = (int)0xfffffffe };
enum { BLOCK = 1 << 20 };
#define BLOCKS_MAX (UINT64_C(0x3fffffff))

struct vdi {
    uint32_t *map;                               /* host order */
    uint32_t  blocks, used, data_off, map_off, type;
    uint8_t   header[HEADER];
    struct blk_blocks b;
};

static int vdi_probe(const uint8_t *h, size_t len, const char *filename)
{
    (void)filename;
    return len >= 68 && load_le32(h + 64) == (uint32_t)MAGIC ? 100 : 0;
}

static int parse(struct blk_node *n, struct vdi *s, struct error *err)
{
    const uint8_t *h = s->header;
    uint64_t       size = load_le64(h + 368);

    if (load_le32(h + 64) != (uint32_t)MAGIC)
        return error_set(err, EINVAL, "Image not in VDI format (bad signature %08x)", load_le32(h + 64));
    if (load_le32(h + 68) != VERSION)
        return error_set(err, ENOTSUP, "unsupported VDI image (version %u.%u)", load_le32(h + 68) >> 16, load_le32(h + 68) & 0xffff);
    s->type     = load_le32(h + 76);
    s->map_off  = load_le32(h + 340);
    s->data_off = load_le32(h + 344);
    s->blocks   = load_le32(h + 384);
    s->used     = load_le32(h + 388);
    if (s->type != DYNAMIC && s->type != STATIC)
        return error_set(err, ENOTSUP, "unsupported VDI image type %u; dynamic and static are supported", s->type);
    if (s->map_off & 511 || s->data_off & 511 || s->map_off < HEADER)
        return error_set(err, ENOTSUP, "unsupported VDI image (unaligned block map 0x%x or data 0x%x)", s->map_off, s->data_off);
    if (load_le32(h + 360) != 512 || load_le32(h + 376) != BLOCK)
        return error_set(err, ENOTSUP, "unsupported VDI image (sector size %u, block size %u)", load_le32(h + 360), load_le32(h + 376));
    if (s->blocks > BLOCKS_MAX || size > (uint64_t)s->blocks * BLOCK)
        return error_set(err, ENOTSUP, "unsupported VDI image (disk size %llu, %u blocks)", (unsigned long long)size, s->blocks);
    if ((uint64_t)s->map_off + 4ull * s->blocks > n->file->bytes)
        return error_set(err, EINVAL, "VDI image is cut short: its block map ends behind the file");
    for (int i = 0; i < 16; i++)
        if (h[424 + i] != 0 || h[440 + i] != 0)
            return error_set(err, ENOTSUP, "unsupported VDI image (it is linked to another image)");
    n->bytes = align_up(size, 512);
    return 0;
}

/* Each data block belongs to one block of the disk, and lies in the file. */
static int check_map(struct blk_node *n, struct vdi *s, struct blk_check *c)
{
    uint64_t places = n->file->bytes > s->data_off ? (n->file->bytes - s->data_off + BLOCK - 1) / BLOCK : 0;
    uint8_t *seen   = try_alloc((size_t)(places / 8 + 1), 1, SIZE_MAX);
    int      bad    = 0;

    if (seen == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < s->blocks; i++) {
        uint32_t e = s->map[i];

        if (e >= (uint32_t)ZERO)
            continue;
        if (e >= places || seen[e / 8] & 1u << e % 8) {
            char line[128];

            snprintf(line, sizeof line, "ERROR: block %u points to %u, which %s", i, e, e >= places ? "lies behind the file's end" : "another block uses");
            if (c != NULL && c->say != NULL)
                c->say(c->arg, line);
            bad++;
        } else {
            seen[e / 8] |= (uint8_t)(1u << e % 8);
        }
    }
    free(seen);
    return bad;
}

static uint64_t place(const struct blk_node *n, uint64_t off);
static int      add(struct blk_node *n, uint64_t off, const struct blk_iov *v);

static int vdi_open(struct blk_node *n, struct blk_opts *o, struct error *err)
{
    struct vdi *s = n->priv;
    int         ret = n->file->bytes >= HEADER ? blk_read(n->file, 0, s->header, HEADER) : -EINVAL;

    (void)o;
    if (ret < 0)
        return error_set(err, ret, "cannot read the VDI header: %s", n->file->bytes < HEADER ? "the file is too short" : strerror(-ret));
    ret = parse(n, s, err);
    if (ret < 0)
        return ret;
    s->map = try_alloc(s->blocks, 4, BLOCKS_MAX);
    if (s->map == NULL)
        return error_set(err, ENOMEM, "no memory for the block map");
    ret = blk_read(n->file, s->map_off, s->map, 4ull * s->blocks);
    for (uint32_t i = 0; i < s->blocks; i++)
        s->map[i] = load_le32(&s->map[i]);
    if (ret == 0 && !(n->flags & BLK_CHECK)) {
        int bad = check_map(n, s, NULL);

        if (bad > 0)
            ret = error_set(err, EINVAL, "the VDI block map has %d entries that repeat or lie outside the file; rhea-img check names them", bad);
    }
    if (ret < 0)
        free(s->map);
    n->unit = BLOCK;
    s->b = (struct blk_blocks){ .bytes = BLOCK, .place = place, .add = add };
    s->used = 0;
    for (uint32_t i = 0; ret == 0 && i < s->blocks; i++)
        if (s->map[i] < (uint32_t)ZERO && s->map[i] >= s->used)
            s->used = s->map[i] + 1;
    return ret;
}

static void put_entry(const struct blk_node *n, uint64_t i, uint8_t *to)
{
    store_le32(to, ((struct vdi *)n->priv)->map[i]);
}

static int write_map(struct blk_node *n, struct vdi *s)
{
    struct blocks_table t = { .off = s->map_off, .entries = s->blocks, .width = 4, .put = put_entry };
    int                 ret = blocks_table_write(n, &s->b, &t);

    if (ret <= 0)
        return ret;
    store_le32(s->header + 388, s->used);
    return blk_write(n->file, 0, s->header, HEADER);
}

static void vdi_close(struct blk_node *n)
{
    struct vdi *s = n->priv;

    write_map(n, s);
    free(s->map);
}

static uint64_t place(const struct blk_node *n, uint64_t off)
{
    const struct vdi *s = n->priv;
    uint32_t          e = s->map[off / BLOCK];

    return e >= (uint32_t)ZERO ? BLOCKS_NOWHERE : s->data_off + (uint64_t)e * BLOCK + off % BLOCK;
}

static int add(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    struct vdi *s    = n->priv;
    uint64_t    host = s->data_off + (uint64_t)s->used * BLOCK;
    int         ret  = blocks_extend(n, host, BLOCK);

    if (ret == 0)
        ret = blk_writev(n->file, host + off % BLOCK, v, 0);
    if (ret < 0)
        return ret;
    s->map[off / BLOCK] = s->used++;
    blocks_changed(&s->b, off / BLOCK);
    return 0;
}

static int vdi_read(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    return blocks_read(n, &((struct vdi *)n->priv)->b, off, v);
}

static int vdi_write(struct blk_node *n, uint64_t off, const struct blk_iov *v, unsigned flags)
{
    (void)flags;
    return blocks_write(n, &((struct vdi *)n->priv)->b, off, v);
}

static int vdi_flush(struct blk_node *n)
{
    struct vdi *s = n->priv;
    int         ret;

    co_lock(&s->b.lock);
    ret = write_map(n, s);
    co_unlock(&s->b.lock);
    return ret < 0 ? ret : blk_flush(n->file);
}

static int vdi_map(struct blk_node *n, uint64_t off, uint64_t len, struct blk_extent *e)
{
    struct vdi *s = n->priv;

    blocks_map(n, &s->b, off, len, e);
    if (s->type == STATIC && (e->flags & BLK_EXT_DATA))
        e->flags |= BLK_EXT_RAW | BLK_EXT_STAYS;
    return 0;
}

static int vdi_info(struct blk_node *n, struct blk_info *info, struct error *err)
{
    (void)n, (void)err;
    info->cluster_bytes = BLOCK;
    return 0;
}

static int vdi_check(struct blk_node *n, struct blk_check *c, int fix, struct error *err)
{
    struct vdi *s = n->priv;
    int         bad;

    bad = check_map(n, s, c);
    if (bad < 0)
        return error_set(err, ENOMEM, "no memory to check the block map");
    c->corruptions = (uint64_t)bad;
    if (fix && bad > 0)
        return error_set(err, ENOTSUP, "blocks that share storage cannot be told apart: copy what can be read with rhea-img convert --salvage");
    return 0;
}

static int vdi_create(struct blk_create *c, struct error *err)
{
    uint8_t  h[HEADER] = { 0 };
    bool     fixed = false;
    uint64_t blocks = (c->bytes + BLOCK - 1) / BLOCK, map = align_up(blocks * 4, 512);
    uint32_t *m;
    int      ret = blk_opts_take_bool(c->opts, "static", &fixed, err);

    if (ret < 0)
        return ret;
    if (blocks > BLOCKS_MAX)
        return error_set(err, EFBIG, "Unsupported VDI image size (size is 0x%llx, max supported is 0x%llx)", (unsigned long long)c->bytes,
                         (unsigned long long)(BLOCKS_MAX * BLOCK));
    memcpy(h, "<<< Rhea VM Virtual Disk Image >>>\n", 35);
    store_le32(h + 64, (uint32_t)MAGIC);
    store_le32(h + 68, VERSION);
    store_le32(h + 72, 0x180);
    store_le32(h + 76, fixed ? STATIC : DYNAMIC);
    store_le32(h + 340, 0x200);
    store_le32(h + 344, (uint32_t)(0x200 + map));
    store_le32(h + 360, 512);
    store_le64(h + 368, c->bytes);
    store_le32(h + 376, BLOCK);
    store_le32(h + 384, (uint32_t)blocks);
    store_le32(h + 388, fixed ? (uint32_t)blocks : 0);
    if (getrandom(h + 392, 32, 0) != 32)
        return error_set(err, EIO, "no random numbers for the image's id");
    m = try_alloc((size_t)map / 4, 4, SIZE_MAX / 4);
    if (m == NULL)
        return error_set(err, ENOMEM, "no memory for the block map");
    for (uint64_t i = 0; i < blocks; i++)
        store_le32(&m[i], fixed ? (uint32_t)i : (uint32_t)FREE);
    ret = blk_write(c->file, 0x200, m, (size_t)map);
    free(m);
    if (ret == 0 && fixed)
        ret = blk_resize(c->file, 0x200 + map + blocks * BLOCK, BLK_PREALLOC_OFF, err);
    if (ret == 0)
        ret = blk_write(c->file, 0, h, HEADER);
    return ret < 0 ? error_set(err, ret, "could not write the VDI image: %s", strerror(-ret)) : 0;
}

static const struct blk_option vdi_create_opts[] = {
    { "size", BLK_OPT_SIZE, "Virtual disk size", NULL },
    { "static", BLK_OPT_BOOL, "VDI static (pre-allocated) image", "off" },
    { NULL, 0, NULL, NULL },
};

const struct blk_driver blk_vdi = {
    .name = "vdi", .help = "VirtualBox disk image", .flags = BLK_DRV_HOLES, .bytes = sizeof(struct vdi), .probe = vdi_probe, .open = vdi_open, .close = vdi_close,
    .read = vdi_read, .write = vdi_write, .flush = vdi_flush, .map = vdi_map, .info = vdi_info, .check = vdi_check, .create = vdi_create,
    .create_opts = vdi_create_opts,
};

/* core/block/vmdk_create.c - new VMware disks in all subformats. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/vmdk.h"

enum { DESC_SECTORS = 20, GRAIN_SECTORS = 128 };
#define TWO_GB (UINT64_C(2) << 30)

const struct blk_option vmdk_create_opts[] = {
    { "size", BLK_OPT_SIZE, "Virtual disk size", NULL },
    { "adapter_type", BLK_OPT_STR, "Virtual adapter type, can be one of ide (default), lsilogic, buslogic or legacyESX", NULL },
    { "backing_file", BLK_OPT_STR, "File name of a base image", NULL },
    { "backing_fmt", BLK_OPT_STR, "Must be 'vmdk' if present", NULL },
    { "compat6", BLK_OPT_BOOL, "VMDK version 6 image", "off" },
    { "hwversion", BLK_OPT_STR, "VMDK hardware version", "undefined" },
    { "toolsversion", BLK_OPT_STR, "VMware guest tools version", NULL },
    { "subformat", BLK_OPT_STR, "VMDK flat extent format, can be one of {monolithicSparse (default) | monolithicFlat | twoGbMaxExtentSparse | twoGbMaxExtentFlat | streamOptimized} ", NULL },
    { "zeroed_grain", BLK_OPT_BOOL, "Enable efficient zero writes using the zeroed-grain GTE feature", "off" },
    { NULL, 0, NULL, NULL },
};

struct plan {
    bool  flat, split, stream, zeroed;
    char *sub, *adapter, *hw, *tools;
};

static int take(struct plan *p, struct blk_opts *o, struct error *err)
{
    static const char *const subs[] = { "monolithicSparse", "monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat", "streamOptimized" };
    static const char *const adapters[] = { "ide", "lsilogic", "buslogic", "legacyESX" };
    bool compat6 = false, known = false, known_adapter = false;
    int  ret;

    p->sub     = blk_opts_take(o, "subformat");
    p->adapter = blk_opts_take(o, "adapter_type");
    p->hw      = blk_opts_take(o, "hwversion");
    p->tools   = blk_opts_take(o, "toolsversion");
    if (p->sub == NULL)
        p->sub = xstrdup("monolithicSparse");
    if (p->adapter == NULL)
        p->adapter = xstrdup("ide");
    ret = blk_opts_take_bool(o, "compat6", &compat6, err);
    if (ret == 0)
        ret = blk_opts_take_bool(o, "zeroed_grain", &p->zeroed, err);
    if (ret < 0)
        return ret;
    for (size_t i = 0; i < ARRAY_LEN(subs); i++)
        known |= str_eq(subs[i], p->sub);
    for (size_t i = 0; i < ARRAY_LEN(adapters); i++)
        known_adapter |= str_eq(adapters[i], p->adapter);
    if (!known)
        return error_set(err, EINVAL, "Invalid subformat: '%s'", p->sub);
    if (!known_adapter)
        return error_set(err, EINVAL, "Unknown adapter type: %s", p->adapter);
    if (p->hw == NULL || str_eq(p->hw, "undefined")) {
        free(p->hw);
        p->hw = xstrdup(compat6 ? "6" : "4");
    } else if (compat6) {
        return error_set(err, EINVAL, "compat6 cannot be enabled with hwversion set");
    }
    if (strlen(p->hw) > 16 || (p->tools != NULL && strlen(p->tools) > 16))
        return error_set(err, EINVAL, "hwversion or toolsversion is too long");
    p->flat   = str_ends(p->sub, "Flat");
    p->split  = str_after(p->sub, "twoGb") != NULL;
    p->stream = str_eq(p->sub, "streamOptimized");
    return 0;
}

/* [header][descriptor][copy of directory + tables][directory + tables], all tables empty. */
static int sparse_header(struct blk_node *f, uint64_t bytes, const struct plan *p, bool with_desc)
{
    uint64_t sectors = (bytes + 511) / 512, grains = (sectors + GRAIN_SECTORS - 1) / GRAIN_SECTORS, gts = (grains + VMDK_GTES - 1) / VMDK_GTES;
    uint64_t gd_sectors = (gts * 4 + 511) / 512, rgd = 1 + DESC_SECTORS, gd = rgd + gd_sectors + 4 * gts;
    uint64_t grain0 = align_up(gd + gd_sectors + 4 * gts, GRAIN_SECTORS);
    uint8_t  h[512] = { 0 }, *dir;
    int      ret;

    store_le32(h, VMDK_MAGIC);
    store_le32(h + 4, p->stream ? 3 : p->zeroed ? 2 : 1);
    store_le32(h + 8, VMDK_F_NEWLINE | VMDK_F_RGD | (p->stream ? VMDK_F_COMPRESS | VMDK_F_MARKERS : 0) | (p->zeroed ? VMDK_F_ZERO : 0));
    store_le64(h + 12, sectors);
    store_le64(h + 20, GRAIN_SECTORS);
    store_le64(h + 28, with_desc ? 1 : 0);
    store_le64(h + 36, with_desc ? DESC_SECTORS : 0);
    store_le32(h + 44, VMDK_GTES);
    store_le64(h + 48, rgd);
    store_le64(h + 56, gd);
    store_le64(h + 64, grain0);
    memcpy(h + 73, "\n \r\n", 4);
    store_le16(h + 77, p->stream ? 1 : 0);
    ret = blk_resize(f, grain0 * 512, BLK_PREALLOC_OFF, NULL);
    dir = xcalloc(1, (size_t)gd_sectors * 512 + 1);
    for (int copy = 0; copy < 2 && ret == 0; copy++) {
        uint64_t at = copy ? gd : rgd;

        for (uint64_t i = 0; i < gts; i++)
            store_le32(dir + 4 * i, (uint32_t)(at + gd_sectors + 4 * i));
        ret = blk_write(f, at * 512, dir, (size_t)gd_sectors * 512);
    }
    free(dir);
    return ret < 0 ? ret : blk_write(f, 0, h, sizeof h);
}

static int make_file(const char *name, uint64_t bytes, const struct plan *p, struct error *err)
{
    struct blk_opts *o = blk_opts_new();
    struct blk_node *f;
    int              ret = blk_create_image(name, "raw", p->flat ? bytes : 0, o, 0, err);

    blk_opts_free(o);
    if (ret < 0 || p->flat)
        return ret;
    o = blk_opts_new();
    f = blk_open(name, "file", o, BLK_RDWR | BLK_NO_FLUSH | BLK_UNMAP, err);
    blk_opts_free(o);
    if (f == NULL)
        return -EIO;
    ret = sparse_header(f, bytes, p, false);
    blk_unref(f);
    return ret < 0 ? error_set(err, ret, "could not write '%s': %s", name, strerror(-ret)) : 0;
}

/* The files of a split or flat disk, and the lines that name them. */
static int extents(struct blk_create *c, const struct plan *p, uint64_t bytes, struct str *lines, struct error *err)
{
    const char *slash = strrchr(c->filename, '/'), *bare = slash ? slash + 1 : c->filename, *dot = strrchr(bare, '.');
    int         stem  = dot != NULL ? (int)(dot - bare) : (int)strlen(bare), ret = 0, i = 1;

    if (!p->flat && !p->split) {
        str_addf(lines, "RW %llu SPARSE \"%s\"\n", (unsigned long long)((bytes + 511) / 512), bare);
        return 0;
    }
    for (uint64_t at = 0; at < bytes && ret == 0; i++) {
        uint64_t part = p->split ? MIN(TWO_GB, bytes - at) : bytes;
        char    *name = p->split ? xasprintf("%.*s-%c%03d.vmdk", stem, bare, p->flat ? 'f' : 's', i) : xasprintf("%.*s-flat.vmdk", stem, bare);
        char     path[BLK_NAME_MAX];

        ret = blk_path_combine(c->filename, name, path, err);
        if (ret == 0)
            ret = make_file(path, part, p, err);
        str_addf(lines, "RW %llu %s \"%s\"%s\n", (unsigned long long)((part + 511) / 512), p->flat ? "FLAT" : "SPARSE", name, p->flat ? " 0" : "");
        free(name);
        at += part;
    }
    return ret;
}

/* The parent is a vmdk too; its CID goes into the child, so that a parent that was exchanged is noticed. */
static int parent_cid(struct blk_create *c, const struct plan *p, uint32_t *cid, struct error *err)
{
    char             path[BLK_NAME_MAX];
    struct blk_node *n;
    int              ret;

    if (c->backing == NULL)
        return 0;
    if (p->flat || p->stream)
        return error_set(err, ENOTSUP, "a VMDK of subformat '%s' cannot have a backing file; monolithicSparse and twoGbMaxExtentSparse can", p->sub);
    if ((c->backing_format != NULL && !str_eq(c->backing_format, "vmdk")))
        return error_set(err, EINVAL, "Invalid backing file format: %s. Must be VMDK; make overlays of other formats in qcow2", c->backing_format);
    if (strlen(c->backing) > 1023 || strpbrk(c->backing, "\"\n\r") != NULL)
        return error_set(err, EINVAL, "the backing file's name does not fit a VMDK descriptor");
    ret = blk_path_combine(c->filename, c->backing, path, err);
    n   = ret == 0 ? blk_open(path, "vmdk", NULL, BLK_NO_BACKING | BLK_NO_IO | BLK_SHARE, err) : NULL;
    if (n == NULL)
        return err != NULL && err->code ? err->code : -EIO;
    *cid = ((struct vmdk *)n->priv)->cid;
    blk_unref(n);
    return 0;
}

int vmdk_create(struct blk_create *c, struct error *err)
{
    struct plan p     = { .flat = false };
    struct str  lines = STR_INIT, desc = STR_INIT;
    uint64_t    bytes = align_up(c->bytes, 512), cyls;
    uint32_t    cid   = 0, parent = UINT32_MAX;
    int         ret   = take(&p, c->opts, err), heads;

    if (ret == 0)
        ret = parent_cid(c, &p, &parent, err);
    if (ret == 0 && bytes > UINT64_C(62) << 40)
        ret = error_set(err, EFBIG, "a VMDK holds at most 62 TiB");
    if (ret == 0)
        ret = extents(c, &p, bytes, &lines, err);
    if (ret == 0) {
        if (getrandom(&cid, sizeof cid, 0) != sizeof cid)
            cid = 1;
        heads = str_eq(p.adapter, "ide") ? 16 : 255;
        cyls  = bytes / (63ull * (unsigned)heads * 512);
        str_addf(&desc, "# Disk DescriptorFile\nversion=1\nCID=%08x\nparentCID=%08x\ncreateType=\"%s\"\n%s%s%s\n# Extent description\n%s\n"
                 "# The Disk Data Base\n#DDB\n\nddb.virtualHWVersion = \"%s\"\nddb.geometry.cylinders = \"%llu\"\nddb.geometry.heads = \"%d\"\n"
                 "ddb.geometry.sectors = \"63\"\nddb.adapterType = \"%s\"\nddb.toolsVersion = \"%s\"\n", cid & 0xfffffffe, parent, p.sub,
                 c->backing != NULL ? "parentFileNameHint=\"" : "", c->backing != NULL ? c->backing : "", c->backing != NULL ? "\"\n" : "",
                 lines.text != NULL ? lines.text : "", p.hw, (unsigned long long)cyls, heads, p.adapter, p.tools != NULL ? p.tools : "2147483647");
        if (!p.flat && !p.split) {
            ret = sparse_header(c->file, bytes, &p, true);
            if (ret == 0 && desc.len > DESC_SECTORS * 512)
                ret = -EFBIG;
            if (ret == 0)
                ret = blk_write(c->file, 512, desc.text, desc.len);
        } else {
            ret = blk_write(c->file, 0, desc.text, desc.len);
        }
        if (ret < 0)
            error_set(err, ret, "could not write the VMDK image: %s", strerror(-ret));
    }
    str_free(&lines);
    str_free(&desc);
    free(p.sub);
    free(p.adapter);
    free(p.hw);
    free(p.tools);
    return ret;
}

/* core/block/vmdk.c - VMware disks: a descriptor, and extents that are flat, sparse or streams.
 *
 * New grain of a sparse extent: grain (with zeros or the parent's bytes around the request) at the file's end
 *   ---> (flush) sync ---> grain tables, both copies ---> sync. A cut leaves a grain that no table knows.
 *
 * Extents are opened only beside the descriptor: a path that leads elsewhere is refused. */
#include "core/block/vmdk.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/str.h"

static int vmdk_probe(const uint8_t *h, size_t len, const char *filename)
{
    size_t at = 0;

    (void)filename;
    if (len >= 4 && load_le32(h) == VMDK_MAGIC)
        return 100;
    while (at < len && (h[at] == '#' || h[at] == '\n' || h[at] == '\r')) {
        if (at + 21 <= len && memcmp(h + at, "# Disk DescriptorFile", 21) == 0)
            return 100;
        while (at < len && h[at] != '\n')
            at++;
        at++;
    }
    return 0;
}

/* ---- descriptor */

static char *desc_value(const char *desc, const char *key)
{
    size_t len = strlen(key);

    for (const char *s = desc; s != NULL && *s != '\0'; s = strchr(s, '\n'), s = s != NULL ? s + 1 : NULL) {
        if (strncmp(s, key, len) != 0 || s[len] != '=')
            continue;
        s += len + 1;
        size_t n = strcspn(s, "\r\n");

        if (*s == '"') {
            s++;
            n = strcspn(s, "\"\r\n");
        }
        return xstrndup(s, n);
    }
    return NULL;
}

static bool path_stays(const char *p)
{
    return p[0] != '\0' && p[0] != '/' && !blk_has_protocol(p) && strstr(p, "..") == NULL && strlen(p) < 512;
}

static int add_extent(struct blk_node *n, struct vmdk *s, const char *type, uint64_t sectors, const char *file, uint64_t off, struct error *err)
{
    struct vmdk_extent *e;
    char                path[BLK_NAME_MAX];
    struct blk_opts    *o;
    struct stat         st;
    int                 ret;

    if (s->count == VMDK_EXTENTS_MAX)
        return error_set(err, EINVAL, "VMDK descriptor names more than %d extents", VMDK_EXTENTS_MAX);
    if (sectors == 0 || sectors > BLK_LENGTH_MAX / 512 || n->bytes + sectors * 512 > BLK_LENGTH_MAX)
        return error_set(err, EINVAL, "VMDK extent of %llu sectors is not valid", (unsigned long long)sectors);
    s->ext = xreallocarray(s->ext, (size_t)s->count + 1, sizeof *s->ext);
    e  = &s->ext[s->count++];
    *e = (struct vmdk_extent){ .begin = n->bytes, .bytes = sectors * 512, .flat_off = off * 512 };
    n->bytes += e->bytes;
    if (str_eq(type, "ZERO")) {
        e->type = VMDK_ZERO;
        return 0;
    }
    if (!path_stays(file))
        return error_set(err, EPERM, "VMDK extent '%s' is refused: extents must lie beside the descriptor", file);
    ret = blk_path_combine(n->filename, file, path, err);
    if (ret < 0)
        return ret;
    e->name = xstrdup(path);
    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode) && n->flags & BLK_NO_IO)
        return error_set(err, EPERM, "VMDK extent '%s' is refused: it is not a file", file);    /* info follows nothing */
    o = blk_opts_new();
    e->file = blk_open_child(n, o, "extent", path, "file", n->flags | BLK_UNMAP, err);
    blk_opts_free(o);
    if (e->file == NULL)
        return err != NULL && err->code ? err->code : -EIO;
    if (str_eq(type, "FLAT") || str_eq(type, "VMFS")) {
        e->type = VMDK_FLAT;
        if (e->file->bytes < e->flat_off + e->bytes)
            return error_set(err, EINVAL, "VMDK extent '%s' is cut short", file);
        return 0;
    }
    if (!str_eq(type, "SPARSE"))
        return error_set(err, ENOTSUP, "VMDK extent type '%s' is not supported; FLAT, VMFS, ZERO and SPARSE are", type);
    e->type = VMDK_SPARSE;
    uint64_t claimed = e->bytes;

    ret = vmdk_sparse_open(e, err);
    if (ret == 0 && e->bytes < claimed)
        ret = error_set(err, EINVAL, "VMDK extent '%s' is smaller than its descriptor says", file);
    e->bytes = claimed;
    return ret;
}

static int parse_extents(struct blk_node *n, struct vmdk *s, const char *desc, struct error *err)
{
    int ret = 0;

    for (const char *line = desc; line != NULL && *line != '\0' && ret == 0;) {
        char               access[16], type[16], file[520] = "";
        unsigned long long sectors, off = 0;
        char               text[1024];
        size_t             len = strcspn(line, "\n");

        snprintf(text, sizeof text, "%.*s", (int)MIN(len, sizeof text - 1), line);
        if (sscanf(text, "%15s %llu %15s \"%511[^\n\r\"]\" %llu", access, &sectors, type, file, &off) >= 3 &&
            (str_eq(access, "RW") || str_eq(access, "RDONLY") || str_eq(access, "NOACCESS"))) {
            if (len >= sizeof text)
                ret = error_set(err, EINVAL, "VMDK descriptor has a line of %zu bytes", len);
            else
                ret = add_extent(n, s, type, sectors, file, off, err);
        }
        line += len;
        line += *line == '\n';
    }
    if (ret == 0 && s->count == 0)
        ret = error_set(err, EINVAL, "VMDK descriptor names no extent");
    return ret;
}

static int parse_desc(struct blk_node *n, struct vmdk *s, const char *desc, struct error *err)
{
    char *type = desc_value(desc, "createType"), *cid = desc_value(desc, "CID"), *parent = desc_value(desc, "parentCID");
    char *hint = desc_value(desc, "parentFileNameHint");

    (void)err;
    snprintf(s->create_type, sizeof s->create_type, "%s", type != NULL ? type : "");
    s->cid        = cid != NULL ? (uint32_t)strtoul(cid, NULL, 16) : UINT32_MAX;
    s->parent_cid = parent != NULL ? (uint32_t)strtoul(parent, NULL, 16) : UINT32_MAX;
    if (s->parent_cid != UINT32_MAX && hint != NULL && strlen(hint) < 1024) {
        snprintf(n->backing_name, sizeof n->backing_name, "%s", hint);
        snprintf(n->backing_format, sizeof n->backing_format, "vmdk");
    }
    free(type);
    free(cid);
    free(parent);
    free(hint);
    return 0;
}

static char *read_text(struct blk_node *f, uint64_t off, uint64_t len, struct error *err)
{
    char *text = try_alloc((size_t)len + 1, 1, VMDK_DESC_MAX + 1);
    int   ret;

    if (text == NULL) {
        error_set(err, EFBIG, "VMDK descriptor of %llu bytes is too large", (unsigned long long)len);
        return NULL;
    }
    ret = blk_read(f, off, text, (size_t)len);
    if (ret < 0) {
        error_set(err, ret, "cannot read the VMDK descriptor: %s", strerror(-ret));
        free(text);
        return NULL;
    }
    return text;
}

static void release(struct blk_node *n, struct vmdk *s)
{
    for (int i = 0; i < s->count; i++) {
        vmdk_extent_free(&s->ext[i]);
        free(s->ext[i].name);
        if (s->ext[i].file != n->file)
            blk_unref(s->ext[i].file);
    }
    free(s->ext);
}

static int open_monolithic(struct blk_node *n, struct vmdk *s, struct error *err)
{
    uint8_t h[512];
    int     ret = blk_read(n->file, 0, h, sizeof h);
    char   *desc;

    if (ret < 0)
        return error_set(err, ret, "cannot read the VMDK header: %s", strerror(-ret));
    uint64_t off = load_le64(h + 28), len = load_le64(h + 36);

    s->ext   = NEW(struct vmdk_extent);
    s->count = 1;
    s->ext[0].type = VMDK_SPARSE;
    s->ext[0].file = n->file;
    s->ext[0].name = xstrdup(n->filename);
    ret = vmdk_sparse_open(&s->ext[0], err);
    n->bytes = s->ext[0].bytes;
    if (ret == 0 && off != 0 && len != 0) {
        if (len > VMDK_DESC_MAX / 512 || off > n->file->bytes / 512)
            return error_set(err, EINVAL, "VMDK descriptor lies outside the file");
        desc = read_text(n->file, off * 512, len * 512, err);
        if (desc == NULL)
            return -EIO;
        s->desc_off = off * 512;
        s->desc_len = len * 512;
        ret = parse_desc(n, s, desc, err);
        free(desc);
    }
    return ret;
}

static int vmdk_open(struct blk_node *n, struct blk_opts *o, struct error *err)
{
    struct vmdk *s = n->priv;
    uint8_t      magic[4] = { 0 };
    int          ret = n->file->bytes >= 4 ? blk_read(n->file, 0, magic, 4) : -EINVAL;
    char        *desc;

    (void)o;
    n->bytes = 0;
    if (ret < 0)
        return error_set(err, ret, "VMDK image is too short or cannot be read");
    if (load_le32(magic) == VMDK_MAGIC) {
        ret = open_monolithic(n, s, err);
    } else {
        desc = read_text(n->file, 0, n->file->bytes, err);
        if (desc == NULL)
            return err != NULL && err->code ? err->code : -EIO;
        s->desc_len = n->file->bytes;
        ret = parse_desc(n, s, desc, err);
        if (ret == 0)
            ret = parse_extents(n, s, desc, err);
        free(desc);
    }
    if (ret < 0) {
        release(n, s);
        return ret;
    }
    n->unit = s->ext[0].type == VMDK_SPARSE ? (uint32_t)s->ext[0].grain : 0;
    return 0;
}

static struct vmdk_extent *extent_at(struct vmdk *s, uint64_t off)
{
    int lo = 0, hi = s->count - 1;

    while (lo < hi) {
        int mid = (lo + hi + 1) / 2;

        if (s->ext[mid].begin <= off)
            lo = mid;
        else
            hi = mid - 1;
    }
    return &s->ext[lo];
}

/* ---- requests */

static int read_parent(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    if (n->backing == NULL || off >= n->backing->bytes) {
        iov_zero(v, 0, v->len);
        return 0;
    }
    size_t           have = (size_t)MIN((uint64_t)v->len, n->backing->bytes - off);
    struct blk_slice p;
    int              ret = blk_readv(n->backing, off, iov_slice(&p, v, 0, have));

    iov_slice_end(&p);
    iov_zero(v, have, v->len - have);
    return ret;
}

static int read_grain(struct blk_node *n, struct vmdk_extent *e, uint64_t off, const struct blk_iov *v)
{
    uint32_t entry;
    int      ret = vmdk_gte(e, off, &entry);

    if (ret < 0)
        return ret;
    if (entry == 0)
        return read_parent(n, e->begin + off, v);
    if (entry == 1 && (e->flags & VMDK_F_ZERO)) {
        iov_zero(v, 0, v->len);
        return 0;
    }
    if (e->flags & VMDK_F_COMPRESS)
        return vmdk_read_packed(e, off, entry, v);
    return blk_readv(e->file, (uint64_t)entry * 512 + off % e->grain, v);
}

static size_t part_len(const struct vmdk_extent *e, uint64_t in, size_t left)
{
    uint64_t most = e->bytes - in;

    if (e->type == VMDK_SPARSE)
        most = MIN(most, e->grain - in % e->grain);
    return (size_t)MIN((uint64_t)left, most);
}

static int vmdk_read(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    int ret = 0;

    for (size_t at = 0, len; at < v->len && ret == 0; at += len) {
        struct vmdk_extent *e = extent_at(n->priv, off + at);
        uint64_t            in = off + at - e->begin;
        struct blk_slice    p;

        len = part_len(e, in, v->len - at);
        const struct blk_iov *part = iov_slice(&p, v, at, len);

        if (e->type == VMDK_FLAT)
            ret = blk_readv(e->file, e->flat_off + in, part);
        else if (e->type == VMDK_SPARSE)
            ret = read_grain(n, e, in, part);
        else
            iov_zero(part, 0, len);
        iov_slice_end(&p);
    }
    return ret;
}

/* A whole grain at the end of the file. Holds s->lock. */
static int new_grain(struct blk_node *n, struct vmdk_extent *e, uint64_t in, const struct blk_iov *v)
{
    uint64_t at = align_up(e->end, e->grain), base = in - in % e->grain;
    uint8_t *buf = NULL;
    int      ret;

    if ((at + e->grain) / 512 > UINT32_MAX)
        return -EFBIG;
    if (v->len == e->grain) {
        ret = blk_writev(e->file, at, v, 0);
    } else {
        buf = blk_bounce((size_t)e->grain);
        if (buf == NULL)
            return -ENOMEM;
        ret = read_parent(n, e->begin + base, BLK_FLAT(buf, e->grain));
        iov_get(v, 0, buf + (in - base), v->len);
        if (ret == 0)
            ret = blk_write(e->file, at, buf, (size_t)e->grain);
        free(buf);
    }
    if (ret < 0)
        return ret;
    e->end = at + e->grain;
    return vmdk_gte_set(e, in, (uint32_t)(at / 512));
}

static int write_grain(struct blk_node *n, struct vmdk_extent *e, uint64_t in, const struct blk_iov *v)
{
    struct vmdk *s = n->priv;
    uint32_t     entry;
    int          ret = vmdk_gte(e, in, &entry);

    if (ret < 0)
        return ret;
    if (e->flags & VMDK_F_COMPRESS)
        return -EIO;                             /* streams are written once, by convert */
    if (entry > 1)
        return blk_writev(e->file, (uint64_t)entry * 512 + in % e->grain, v, 0);
    co_lock(&s->lock);
    ret = vmdk_gte(e, in, &entry);
    if (ret == 0 && entry > 1)
        ret = blk_writev(e->file, (uint64_t)entry * 512 + in % e->grain, v, 0);
    else if (ret == 0)
        ret = new_grain(n, e, in, v);
    co_unlock(&s->lock);
    return ret;
}

static int vmdk_write(struct blk_node *n, uint64_t off, const struct blk_iov *v, unsigned flags)
{
    int ret = vmdk_announce(n);

    (void)flags;
    for (size_t at = 0, len; at < v->len && ret == 0; at += len) {
        struct vmdk_extent *e = extent_at(n->priv, off + at);
        uint64_t            in = off + at - e->begin;
        struct blk_slice    p;

        len = part_len(e, in, v->len - at);
        const struct blk_iov *part = iov_slice(&p, v, at, len);

        if (e->type == VMDK_FLAT)
            ret = blk_writev(e->file, e->flat_off + in, part, 0);
        else if (e->type == VMDK_SPARSE)
            ret = write_grain(n, e, in, part);
        else
            ret = -EIO;
        iov_slice_end(&p);
    }
    return ret;
}

static int vmdk_write_compressed(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    struct vmdk        *s = n->priv;
    struct vmdk_extent *e = &s->ext[0];
    int                 ret = 0;

    if (s->count != 1 || e->type != VMDK_SPARSE || !(e->flags & VMDK_F_COMPRESS))    /* other kinds hold no packed grains */
        return v->len == 0 ? 0 : vmdk_write(n, off, v, 0);
    if (v->len == 0) {                           /* convert is done */
        s->stream_ended = true;
        return vmdk_end_stream(e);
    }
    if (off % e->grain || (v->len % e->grain && off + v->len != n->bytes))
        return -EINVAL;
    for (size_t at = 0, len; at < v->len && ret == 0; at += len) {
        struct blk_slice p;

        len = (size_t)MIN((uint64_t)(v->len - at), e->grain);
        ret = vmdk_write_packed(e, off + at, iov_slice(&p, v, at, len));
        iov_slice_end(&p);
    }
    return ret;
}

static int vmdk_flush(struct blk_node *n)
{
    struct vmdk *s = n->priv;
    int          ret = 0;

    co_lock(&s->lock);
    for (int i = 0; i < s->count && ret == 0; i++) {
        struct vmdk_extent *e = &s->ext[i];

        if (e->file == NULL)
            continue;
        ret = blk_flush(e->file);
        if (ret == 0 && e->type == VMDK_SPARSE && e->dirty) {
            ret = vmdk_tables_write(e);
            if (ret == 0)
                ret = blk_flush(e->file);
        }
    }
    co_unlock(&s->lock);
    return ret;
}

static void vmdk_close(struct blk_node *n)
{
    struct vmdk *s = n->priv;

    if (n->flags & BLK_RDWR)
        vmdk_flush(n);
    release(n, s);
}

static int vmdk_map(struct blk_node *n, uint64_t off, uint64_t len, struct blk_extent *x)
{
    struct vmdk_extent *e = extent_at(n->priv, off);
    uint64_t            in = off - e->begin;
    uint32_t            entry, next;
    int                 ret;

    *x = (struct blk_extent){ .len = MIN(len, e->bytes - in), .flags = BLK_EXT_ZERO | BLK_EXT_ALLOCATED };
    if (e->type == VMDK_ZERO)
        return 0;
    if (e->type == VMDK_FLAT) {
        x->flags = BLK_EXT_DATA | BLK_EXT_ALLOCATED | BLK_EXT_OFFSET | BLK_EXT_RAW | BLK_EXT_STAYS;
        x->host  = e->flat_off + in;
        x->node  = e->file;
        return 0;
    }
    ret = vmdk_gte(e, in, &entry);
    if (ret < 0)
        return ret;
    uint64_t have = e->grain - in % e->grain, most = x->len;

    if (entry == 0) {
        x->flags = n->backing == NULL && n->backing_name[0] == '\0' ? BLK_EXT_ZERO : 0;
        while (have < most && vmdk_gte(e, in + have, &next) == 0 && next == 0)
            have += e->grain;
    } else if (entry > 1 || !(e->flags & VMDK_F_ZERO)) {
        x->flags = BLK_EXT_DATA | BLK_EXT_ALLOCATED;
        if (e->flags & VMDK_F_COMPRESS) {
            x->flags |= BLK_EXT_COMPRESSED;
        } else {
            x->flags |= BLK_EXT_OFFSET;
            x->host = (uint64_t)entry * 512 + in % e->grain;
            x->node = e->file;
            while (have < most && vmdk_gte(e, in + have, &next) == 0 && next == entry + e->grain / 512)
                have += e->grain, entry = next;
        }
    }
    x->len = MIN(have, most);
    return 0;
}

static int64_t vmdk_allocated(struct blk_node *n)
{
    struct vmdk *s   = n->priv;
    int64_t      sum = blk_allocated(n->file);

    for (int i = 0; i < s->count && sum >= 0; i++)
        if (s->ext[i].file != NULL && s->ext[i].file != n->file)
            sum += MAX(blk_allocated(s->ext[i].file), 0);
    return sum;
}

static int vmdk_info(struct blk_node *n, struct blk_info *info, struct error *err)
{
    struct vmdk *s    = n->priv;
    json_t      *list = json_array();

    (void)err;
    info->cluster_bytes = n->unit;
    info->packed_only   = s->count == 1 && s->ext[0].type == VMDK_SPARSE && (s->ext[0].flags & VMDK_F_COMPRESS);
    for (int i = 0; i < s->count; i++) {
        struct vmdk_extent *e = &s->ext[i];
        json_t             *o = json_object();

        if (e->type == VMDK_SPARSE && (e->flags & VMDK_F_COMPRESS))
            json_object_set_new(o, "compressed", json_true());
        json_object_set_new(o, "virtual-size", json_integer((json_int_t)e->bytes));
        json_object_set_new(o, "filename", json_string(e->name != NULL ? e->name : ""));
        if (e->type == VMDK_SPARSE)
            json_object_set_new(o, "cluster-size", json_integer((json_int_t)e->grain));
        json_object_set_new(o, "format", json_string(e->type == VMDK_FLAT ? "FLAT" : e->type == VMDK_ZERO ? "ZERO" : s->ext[i].file != n->file ? "SPARSE" : ""));
        json_array_append_new(list, o);
    }
    info->specific = json_pack("{s:s,s:{s:I,s:I,s:s,s:o}}", "type", "vmdk", "data", "cid", (json_int_t)s->cid, "parent-cid",
                               (json_int_t)s->parent_cid, "create-type", s->create_type, "extents", list);
    return 0;
}

static int vmdk_check(struct blk_node *n, struct blk_check *c, int fix, struct error *err)
{
    struct vmdk *s = n->priv;

    (void)fix, (void)err;
    for (int i = 0; i < s->count; i++) {
        struct vmdk_extent *e = &s->ext[i];
        uint32_t            entry;

        for (uint64_t in = 0; e->type == VMDK_SPARSE && in < e->bytes; in += e->grain) {
            if (vmdk_gte(e, in, &entry) < 0 || (entry > 1 && (uint64_t)entry * 512 >= e->file->bytes)) {
                char line[128];

                snprintf(line, sizeof line, "ERROR: the grain of offset 0x%llx lies outside the file", (unsigned long long)(e->begin + in));
                if (c->say != NULL)
                    c->say(c->arg, line);
                c->corruptions++;
            }
        }
    }
    return 0;
}

const struct blk_driver blk_vmdk = {
    .name = "vmdk", .help = "VMware disk", .flags = BLK_DRV_BACKING, .bytes = sizeof(struct vmdk), .probe = vmdk_probe, .open = vmdk_open,
    .close = vmdk_close, .read = vmdk_read, .write = vmdk_write, .flush = vmdk_flush, .map = vmdk_map, .allocated = vmdk_allocated,
    .write_compressed = vmdk_write_compressed, .info = vmdk_info, .check = vmdk_check, .check_backing = vmdk_check_backing, .create = vmdk_create, .create_opts = vmdk_create_opts,
};

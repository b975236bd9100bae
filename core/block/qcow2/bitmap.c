/* core/block/qcow2/bitmap.c - persistent dirty bitmaps: what was written since someone last looked.
 *
 *   on disk, clean --first write--> flagged in-use on disk, bits in memory, every write marks them
 *                  <----close------ bits, table and directory written anew, then the header points to them
 *
 * A cut in between leaves the in-use flag: the bitmap is inconsistent, says so, and can only be removed. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/bitmap.h"
#include "core/block/qcow2/qcow2.h"

enum { BM_IN_USE = 1, BM_AUTO = 2, BM_EXTRA = 4, DIR_ENTRY = 24, NAME_MAX_ = 1023, EXT_BYTES = 24 };
#define DIR_MAX   (UINT64_C(64) << 20)
#define BITS_MAX  (UINT64_C(512) << 20)          /* bytes of one bitmap in memory */

struct qcow2_bm {
    struct qcow2_bm *next;
    char             name[NAME_MAX_ + 1];
    uint32_t         flags, table_entries;
    unsigned         gran_bits;
    uint64_t         table_off, flags_at;        /* flags_at: where its flags lie in the file */
    uint8_t         *bits;                       /* NULL until loaded */
    uint64_t         count;                      /* bits */
};

static struct qcow2_ext *ext_of(struct qcow2 *q)
{
    struct qcow2_ext *e = q->exts;

    while (e != NULL && e->type != QCOW2_EXT_BITMAPS)
        e = e->next;
    return e;
}

static uint64_t bits_of(const struct qcow2 *q, unsigned gran)
{
    return (q->size + BIT64(gran) - 1) >> gran;
}

static void list_free(struct qcow2_bm *b)
{
    while (b != NULL) {
        struct qcow2_bm *next = b->next;

        free(b->bits);
        free(b);
        b = next;
    }
}

static int parse_entry(struct qcow2 *q, const uint8_t *d, uint64_t left, uint64_t at, struct qcow2_bm **out, uint64_t *used)
{
    struct qcow2_bm *b;
    uint32_t         name, extra;

    if (left < DIR_ENTRY)
        return -EINVAL;
    name  = load_be16(d + 18);
    extra = load_be32(d + 20);
    if (name == 0 || name > NAME_MAX_ || extra > left || DIR_ENTRY + (uint64_t)extra + name > left)
        return -EINVAL;
    if (d[16] != 1 || d[17] < 9 || d[17] > 31 || (load_be64(d) & (q->cluster - 1)) || load_be32(d + 8) > (1u << 24))
        return -EINVAL;
    b = NEW(struct qcow2_bm);
    b->table_off     = load_be64(d);
    b->table_entries = load_be32(d + 8);
    b->flags         = load_be32(d + 12);
    b->gran_bits     = d[17];
    b->flags_at      = at + 12;
    memcpy(b->name, d + DIR_ENTRY + extra, name);
    *used = align_up(DIR_ENTRY + extra + name, 8);
    *out  = b;
    return 0;
}

/* The directory, if there is one and it is valid (its header bit is set). */
static int read_dir(struct qcow2 *q, struct qcow2_bm **list)
{
    struct qcow2_ext *e = ext_of(q);
    struct qcow2_bm **end = list;
    uint64_t          bytes, off, used = 0;
    uint32_t          n;
    uint8_t          *d;
    int               ret;

    *list = NULL;
    if (e == NULL || !(q->autoclear & QCOW2_AUTO_BITMAPS))
        return 0;
    if (e->bytes < EXT_BYTES)
        return -EINVAL;
    n     = load_be32(e->data);
    bytes = load_be64(e->data + 8);
    off   = load_be64(e->data + 16);
    if (n == 0 || n > QCOW2_BITMAPS_MAX || bytes > DIR_MAX || bytes < n * (uint64_t)DIR_ENTRY || (off & (q->cluster - 1)) || off > q->file->bytes)
        return -EINVAL;
    d = try_alloc((size_t)bytes, 1, DIR_MAX);
    if (d == NULL)
        return -ENOMEM;
    ret = blk_read(q->file, off, d, (size_t)bytes);
    for (uint64_t at = 0; ret == 0 && n > 0 && at < bytes; at += used, n--) {
        ret = parse_entry(q, d + at, bytes - at, off + at, end, &used);
        if (ret == 0)
            end = &(*end)->next;
    }
    free(d);
    if (ret < 0) {
        list_free(*list);
        *list = NULL;
    }
    return ret;
}

static int load_bits(struct qcow2 *q, struct qcow2_bm *b)
{
    uint64_t bytes, *table;
    int      ret;

    b->count = bits_of(q, b->gran_bits);
    bytes    = (b->count + 7) / 8;
    b->bits  = try_alloc((size_t)align_up(bytes, 8), 1, BITS_MAX);
    table    = try_alloc(b->table_entries, 8, 1 << 24);
    if (b->bits == NULL || table == NULL) {
        free(table);
        return -ENOMEM;
    }
    ret = blk_read(q->file, b->table_off, table, b->table_entries * 8ull);
    for (uint32_t i = 0; i < b->table_entries && ret == 0 && (uint64_t)i << q->cluster_bits < bytes; i++) {
        uint64_t e = load_be64(&table[i]), at = (uint64_t)i << q->cluster_bits, n = MIN(q->cluster, bytes - at);

        if ((e & QCOW2_OFFSET_MASK) != 0)
            ret = blk_read(q->file, e & QCOW2_OFFSET_MASK, b->bits + at, (size_t)n);
        else if (e & 1)
            memset(b->bits + at, 0xff, (size_t)n);
    }
    free(table);
    return ret;
}

/* ---- writing all of them anew */

static int alloc_row(struct qcow2 *q, uint64_t clusters, uint64_t *off)
{
    uint64_t have = 0, at = 0, got;

    while (have < clusters) {
        int ret = qcow2_alloc_run(q, clusters - have, &at, &got, NULL);

        if (ret < 0)
            return ret;
        if (have > 0 && at != *off + (have << q->cluster_bits)) {
            qcow2_free_later(q, *off, have << q->cluster_bits, false, false);
            have = 0;
        }
        if (have == 0)
            *off = at;
        have += got;
    }
    return 0;
}

static int free_old(struct qcow2 *q, struct qcow2_bm *old)
{
    struct qcow2_ext *e = ext_of(q);

    for (struct qcow2_bm *b = old; b != NULL; b = b->next) {
        uint64_t *table = try_alloc(b->table_entries, 8, 1 << 24);
        int       ret   = table != NULL ? blk_read(q->file, b->table_off, table, b->table_entries * 8ull) : -ENOMEM;

        for (uint32_t i = 0; i < b->table_entries && ret == 0; i++) {
            uint64_t off = load_be64(&table[i]) & QCOW2_OFFSET_MASK;

            if (off != 0)
                qcow2_free_later(q, off, q->cluster, false, false);
        }
        if (b->table_entries > 0)
            qcow2_free_later(q, b->table_off, b->table_entries * 8ull, false, false);
        free(table);
        if (ret < 0)
            return ret;
    }
    if (old != NULL && e != NULL)
        qcow2_free_later(q, load_be64(e->data + 16), load_be64(e->data + 8), false, false);
    return 0;
}

static int store_bits(struct qcow2 *q, struct qcow2_bm *b)
{
    uint64_t bytes = (b->count + 7) / 8, n = (bytes + q->cluster - 1) >> q->cluster_bits;
    uint8_t *table = xcalloc((size_t)(n + 1), 8), *buf = xcalloc(1, q->cluster);
    int      ret   = 0;

    for (uint64_t i = 0; i < n && ret == 0; i++) {
        uint64_t at = i << q->cluster_bits, part = MIN(q->cluster, bytes - at), off, got;

        if (buf_is_zero(b->bits + at, (size_t)part))
            continue;
        memset(buf, 0, q->cluster);
        memcpy(buf, b->bits + at, (size_t)part);
        ret = qcow2_alloc_run(q, 1, &off, &got, NULL);
        if (ret == 0)
            ret = blk_write(q->file, off, buf, q->cluster);
        store_be64(table + 8 * i, ret == 0 ? off : 0);
    }
    if (ret == 0)
        ret = alloc_row(q, MAX((n * 8 + q->cluster - 1) >> q->cluster_bits, UINT64_C(1)), &b->table_off);
    if (ret == 0)
        ret = blk_write(q->file, b->table_off, table, (size_t)MAX(n, UINT64_C(1)) * 8);
    b->table_entries = (uint32_t)n;
    free(table);
    free(buf);
    return ret;
}

static int store_dir(struct qcow2 *q, struct qcow2_bm *list, uint64_t *off, uint64_t *bytes, uint32_t *count)
{
    struct str s = STR_INIT;
    int        ret;

    *count = 0;
    for (struct qcow2_bm *b = list; b != NULL; b = b->next) {
        uint8_t d[DIR_ENTRY] = { 0 };
        size_t  name = strlen(b->name);

        store_be64(d, b->table_off);
        store_be32(d + 8, b->table_entries);
        store_be32(d + 12, b->flags);
        d[16] = 1;
        d[17] = (uint8_t)b->gran_bits;
        store_be16(d + 18, (uint16_t)name);
        str_addn(&s, (char *)d, sizeof d);
        str_addn(&s, b->name, name);
        while (s.len & 7)
            str_addc(&s, '\0');
        (*count)++;
    }
    *bytes = s.len;
    ret = alloc_row(q, (s.len + q->cluster - 1) >> q->cluster_bits, off);
    if (ret == 0)
        ret = blk_write(q->file, *off, s.text, s.len);
    str_free(&s);
    return ret;
}

static void set_ext(struct qcow2 *q, uint32_t count, uint64_t bytes, uint64_t off)
{
    struct qcow2_ext **at = &q->exts, *e;

    while (*at != NULL && (*at)->type != QCOW2_EXT_BITMAPS)
        at = &(*at)->next;
    if (*at != NULL) {
        e   = *at;
        *at = e->next;
        free(e);
    }
    if (count == 0)
        return;
    e = xcalloc(1, sizeof *e + EXT_BYTES);
    e->type  = QCOW2_EXT_BITMAPS;
    e->bytes = EXT_BYTES;
    store_be32(e->data, count);
    store_be64(e->data + 8, bytes);
    store_be64(e->data + 16, off);
    e->next = q->exts;
    q->exts = e;
}

/* Holds q->lock. The header is what switches from the old set to the new one. */
static int store_all(struct qcow2 *q, struct qcow2_bm *list, struct error *err)
{
    struct qcow2_bm *old = NULL;
    uint64_t         off = 0, bytes = 0;
    uint32_t         count = 0;
    int              ret = read_dir(q, &old);

    if (ret == 0)
        ret = free_old(q, old);
    for (struct qcow2_bm *b = list; b != NULL && ret == 0; b = b->next)
        ret = store_bits(q, b);
    if (ret == 0 && list != NULL)
        ret = store_dir(q, list, &off, &bytes, &count);
    struct qcow2_run *freed = q->freed;          /* the old set stays counted until the header is written */
    size_t            freed_count = q->freed_count;

    q->freed       = NULL;
    q->freed_count = q->freed_room = 0;
    if (ret == 0)
        ret = qcow2_write_tables(q);
    if (ret == 0)
        ret = qcow2_sync(q);
    if (ret == 0) {
        set_ext(q, count, bytes, off);
        q->autoclear = count > 0 ? q->autoclear | QCOW2_AUTO_BITMAPS : q->autoclear & ~(uint64_t)QCOW2_AUTO_BITMAPS;
        ret = qcow2_header_write(q, err);
    }
    if (ret == 0)
        ret = qcow2_sync(q);
    for (size_t i = 0; i < freed_count && ret == 0; i++)
        qcow2_free_later(q, freed[i].off, freed[i].bytes, freed[i].packed, freed[i].punch);
    free(freed);
    if (ret == 0)
        ret = qcow2_write_tables(q);
    list_free(old);
    return ret;
}

/* ---- while the disk is written to */

int qcow2_bitmaps_begin(struct qcow2 *q)
{
    struct qcow2_bm *list;
    uint8_t          flags[4];
    bool             any = false;
    int              ret = read_dir(q, &list);

    for (struct qcow2_bm *b = list; b != NULL && ret == 0; b = b->next) {
        if (b->flags & BM_IN_USE)
            continue;
        ret = load_bits(q, b);
        if (ret == 0 && (b->flags & BM_AUTO)) {
            store_be32(flags, b->flags | BM_IN_USE);
            ret = blk_write(q->file, b->flags_at, flags, 4);
            any = true;
        }
    }
    if (ret == 0 && any)
        ret = qcow2_sync(q);
    if (ret < 0 || !any) {
        list_free(list);
        list = NULL;
    }
    q->bitmaps = list;
    return ret;
}

void qcow2_bitmaps_mark(struct qcow2 *q, uint64_t off, uint64_t len)
{
    for (struct qcow2_bm *b = q->bitmaps; b != NULL && len > 0; b = b->next) {
        uint64_t from = off >> b->gran_bits, to = (off + len - 1) >> b->gran_bits;

        for (uint64_t i = from; (b->flags & BM_AUTO) && b->bits != NULL && i <= to && i < b->count; i++)
            b->bits[i / 8] |= (uint8_t)(1u << i % 8);
    }
}

int qcow2_bitmaps_end(struct qcow2 *q)
{
    struct qcow2_bm *list = q->bitmaps;
    int              ret  = 0;

    q->bitmaps_live = false;
    if (list == NULL)
        return 0;
    q->bitmaps = NULL;
    for (struct qcow2_bm *b = list; b != NULL && ret == 0; b = b->next)
        if (b->bits == NULL) {
            b->count = bits_of(q, b->gran_bits);  /* was inconsistent before, and still is */
            b->bits  = try_alloc((size_t)((b->count + 63) / 64 * 8), 1, BITS_MAX);
            ret      = b->bits == NULL ? -ENOMEM : 0;
        }
    if (ret == 0)
        ret = store_all(q, list, NULL);
    list_free(list);
    return ret;
}

void qcow2_bitmaps_drop(struct qcow2 *q)
{
    list_free(q->bitmaps);
    q->bitmaps = NULL;
}

/* ---- looking */

bool qcow2_has_bitmaps(struct qcow2 *q)
{
    struct qcow2_bm *list = NULL;
    bool             some = q->bitmaps != NULL || (read_dir(q, &list) == 0 && list != NULL);

    list_free(list);
    return some;
}

json_t *qcow2_bitmaps_info(struct qcow2 *q)
{
    struct qcow2_bm *list;
    json_t          *out;

    if (read_dir(q, &list) < 0 || list == NULL)
        return NULL;
    out = json_array();
    for (struct qcow2_bm *b = list; b != NULL; b = b->next) {
        json_t *flags = json_array();

        if (b->flags & BM_IN_USE)
            json_array_append_new(flags, json_string("in-use"));
        if (b->flags & BM_AUTO)
            json_array_append_new(flags, json_string("auto"));
        json_array_append_new(out, json_pack("{s:o,s:s,s:I}", "flags", flags, "name", b->name, "granularity", (json_int_t)BIT64(b->gran_bits)));
    }
    list_free(list);
    return out;
}

int qcow2_bitmaps_measure(struct qcow2 *q, uint64_t cluster, uint64_t *bytes)
{
    struct qcow2_bm *list;
    uint64_t         dir = 0;
    int              ret = read_dir(q, &list);

    *bytes = 0;
    for (struct qcow2_bm *b = list; b != NULL && ret == 0; b = b->next) {
        uint64_t need = (((q->size + BIT64(b->gran_bits) - 1) >> b->gran_bits) + 7) / 8, data = (need + cluster - 1) / cluster;

        *bytes += (data + (data * 8 + cluster - 1) / cluster) * cluster;
        dir += align_up(DIR_ENTRY + strlen(b->name), 8);
    }
    *bytes += align_up(dir, cluster);
    if (ret == 0)
        list_free(list);
    return ret;
}

int qcow2_bitmaps_count(struct qcow2 *q, struct qcow2_counts *c, struct blk_check *res)
{
    struct qcow2_ext *e = ext_of(q);
    struct qcow2_bm  *list;
    int               ret = read_dir(q, &list);

    if (ret < 0) {
        if (res != NULL)
            res->corruptions++;
        return ret == -EINVAL ? 0 : ret;
    }
    if (list == NULL)
        return 0;
    ret = qcow2_counts_add(q, c, load_be64(e->data + 16), load_be64(e->data + 8), 1);
    for (struct qcow2_bm *b = list; b != NULL && ret == 0; b = b->next) {
        uint64_t *table = try_alloc(b->table_entries, 8, 1 << 24);

        if (b->table_off > q->file->bytes) {
            if (res != NULL)
                res->corruptions++;
            free(table);
            continue;
        }
        ret = table != NULL ? blk_read(q->file, b->table_off, table, b->table_entries * 8ull) : -ENOMEM;
        if (ret == 0)
            ret = qcow2_counts_add(q, c, b->table_off, b->table_entries * 8ull, 1);
        for (uint32_t i = 0; i < b->table_entries && ret == 0; i++) {
            uint64_t off = load_be64(&table[i]) & QCOW2_OFFSET_MASK;

            if (off != 0 && off < q->file->bytes + q->cluster)
                ret = qcow2_counts_add(q, c, off, q->cluster, 1);
            else if (off != 0 && res != NULL)
                res->corruptions++;
        }
        free(table);
    }
    list_free(list);
    return ret;
}

int blk_bitmap_load(struct blk_node *n, const char *name, struct blk_bitmap *out, struct error *err)
{
    struct qcow2    *q = n->priv;
    struct qcow2_bm *list, *b;
    int              ret;

    if (!str_eq(n->drv->name, "qcow2"))
        return error_set(err, ENOTSUP, "format '%s' has no bitmaps", n->drv->name);
    ret = read_dir(q, &list);
    for (b = list; b != NULL && !str_eq(b->name, name); b = b->next)
        ;
    if (ret == 0 && b == NULL)
        ret = error_set(err, ENOENT, "Bitmap '%s' not found", name);
    else if (ret == 0 && (b->flags & BM_IN_USE))
        ret = error_set(err, EINVAL, "Bitmap '%s' is inconsistent and cannot be used", name);
    else if (ret == 0)
        ret = load_bits(q, b);
    if (ret == 0) {
        *out = (struct blk_bitmap){ .bits = b->bits, .count = b->count, .granularity = BIT64(b->gran_bits) };
        b->bits = NULL;
    }
    list_free(list);
    return ret < 0 && err != NULL && !err->code ? error_set(err, ret, "cannot read bitmap '%s': %s", name, strerror(-ret)) : ret;
}

/* ---- the bitmap command */

static struct qcow2_bm *find(struct qcow2_bm *list, const char *name)
{
    while (list != NULL && !str_eq(list->name, name))
        list = list->next;
    return list;
}

static int add(struct qcow2 *q, struct qcow2_bm **list, const char *name, uint64_t gran, bool disabled, struct error *err)
{
    struct qcow2_bm *b;

    if (find(*list, name) != NULL)
        return error_set(err, EEXIST, "Bitmap already exists: %s", name);
    if (name[0] == '\0' || strlen(name) > NAME_MAX_)
        return error_set(err, EINVAL, "bitmap names have 1 to %d bytes", NAME_MAX_);
    if (!is_pow2(gran) || gran < 512 || gran > BIT64(31))
        return error_set(err, EINVAL, "granularity must be a power of two from 512 to 2G");
    b = NEW(struct qcow2_bm);
    snprintf(b->name, sizeof b->name, "%s", name);
    b->flags     = disabled ? 0 : BM_AUTO;
    b->gran_bits = (unsigned)__builtin_ctzll(gran);
    b->count     = bits_of(q, b->gran_bits);
    b->bits      = try_alloc((size_t)((b->count + 63) / 64 * 8), 1, BITS_MAX);
    while (*list != NULL)                        /* they keep the order in which they were made */
        list = &(*list)->next;
    *list        = b;
    return b->bits != NULL ? 0 : error_set(err, ENOMEM, "the bitmap would take %llu bytes; use a larger granularity", (unsigned long long)b->count / 8);
}

static void merge(struct qcow2_bm *to, const struct blk_bitmap *from)
{
    for (uint64_t i = 0; i < from->count; i++) {
        if (!(from->bits[i / 8] >> i % 8 & 1))
            continue;
        uint64_t first = (i * from->granularity) >> to->gran_bits, last = ((i + 1) * from->granularity - 1) >> to->gran_bits;

        for (uint64_t k = first; k <= last && k < to->count; k++)
            to->bits[k / 8] |= (uint8_t)(1u << k % 8);
    }
}

static int act(struct qcow2 *q, struct qcow2_bm **list, const char *verb, const char *name, struct blk_opts *o, struct error *err)
{
    struct qcow2_bm *b = find(*list, name), **at = list;
    uint64_t         gran = 65536;
    bool             disabled = false;
    int              ret = blk_opts_take_size(o, "granularity", &gran, err);

    if (ret == 0)
        ret = blk_opts_take_bool(o, "disabled", &disabled, err);
    if (ret < 0)
        return ret;
    if (str_eq(verb, "add"))
        return add(q, list, name, gran, disabled, err);
    if (b == NULL)
        return error_set(err, ENOENT, "Bitmap '%s' not found", name);
    if (str_eq(verb, "remove")) {
        while (*at != b)
            at = &(*at)->next;
        *at = b->next;
        b->next = NULL;
        list_free(b);
        return 0;
    }
    if (b->flags & BM_IN_USE)
        return error_set(err, EINVAL, "Bitmap '%s' is inconsistent and cannot be used; try removing it", name);
    if (str_eq(verb, "clear"))
        memset(b->bits, 0, (size_t)((b->count + 7) / 8));
    else if (str_eq(verb, "enable"))
        b->flags |= BM_AUTO;
    else if (str_eq(verb, "disable"))
        b->flags &= ~(uint32_t)BM_AUTO;
    else
        return error_set(err, EINVAL, "unknown bitmap action '%s'", verb);
    return 0;
}

static int load_all(struct qcow2 *q, struct qcow2_bm **list)
{
    int ret = read_dir(q, list);

    for (struct qcow2_bm *b = *list; b != NULL && ret == 0; b = b->next)
        ret = load_bits(q, b);
    return ret;
}

int qcow2_bitmap(struct blk_node *n, const char *verb, const char *name, struct blk_opts *o, struct error *err)
{
    struct qcow2    *q = n->priv;
    struct qcow2_bm *list = NULL;
    int              ret;

    if (q->version < 3)
        return error_set(err, ENOTSUP, "Cannot store dirty bitmaps in qcow2 v2 files");
    ret = qcow2_ready_to_write(q);
    co_lock(&q->lock);
    if (ret == 0)
        ret = qcow2_bitmaps_end(q);              /* the act works on what is on disk */
    if (ret == 0)
        ret = load_all(q, &list);
    if (ret == 0)
        ret = act(q, &list, verb, name, o, err);
    if (ret == 0)
        ret = store_all(q, list, err);
    list_free(list);
    co_unlock(&q->lock);
    return ret < 0 && err != NULL && !err->code ? error_set(err, ret, "cannot change the bitmaps: %s", strerror(-ret)) : ret;
}

int blk_bitmap_merge(struct blk_node *n, const char *name, const struct blk_bitmap *from, struct error *err)
{
    struct qcow2    *q = n->priv;
    struct qcow2_bm *list = NULL, *b;
    int              ret;

    if (!str_eq(n->drv->name, "qcow2"))
        return error_set(err, ENOTSUP, "format '%s' has no bitmaps", n->drv->name);
    ret = qcow2_ready_to_write(q);
    co_lock(&q->lock);
    if (ret == 0)
        ret = qcow2_bitmaps_end(q);
    if (ret == 0)
        ret = load_all(q, &list);
    b = find(list, name);
    if (ret == 0 && b == NULL)
        ret = error_set(err, ENOENT, "Bitmap '%s' not found", name);
    if (ret == 0) {
        merge(b, from);
        ret = store_all(q, list, err);
    }
    list_free(list);
    co_unlock(&q->lock);
    return ret < 0 && err != NULL && !err->code ? error_set(err, ret, "cannot merge into bitmap '%s': %s", name, strerror(-ret)) : ret;
}

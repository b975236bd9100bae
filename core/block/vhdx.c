/* core/block/vhdx.c - Hyper-V disks, second format (.vhdx), dynamic and fixed.
 *
 * [identifier][header 1][header 2][region table, twice][log][metadata][BAT][blocks, aligned to 1 MiB]
 *
 * Opening replays the log if whoever wrote last did not get to its end. Our own changes need no log: a BAT entry is
 * eight bytes inside one sector, and is written after the block it points to is on disk:
 *
 *   new block (zeros around the data) ---> (flush) sync ---> BAT sectors ---> sync
 *
 * Source: [MS-VHDX], "Virtual Hard Disk v2 (VHDX) File Format". */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/blocks.h"

enum { KIB64 = 65536, MIB = 1 << 20, HEADER = 4096, REGIONS_MAX = 2047, META_MAX = 2047, LOG_SECTOR = 4096, LOG_MAX = 64 << 20 };
enum { B_NOT_PRESENT, B_UNDEFINED, B_ZERO, B_UNMAPPED, B_PRESENT = 6, B_PARTIAL = 7 };
#define VHDX_MAX   (UINT64_C(64) << 40)
#define OFFSET(e)  ((e) & ~UINT64_C(0xfffff))

typedef uint8_t guid[16];
static const guid g_bat      = { 0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0x00, 0x42, 0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08 };
static const guid g_metadata = { 0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b, 0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e };
static const guid g_params   = { 0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d, 0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b };
static const guid g_size     = { 0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48, 0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8 };
static const guid g_page83   = { 0xab, 0x12, 0xca, 0xbe, 0xe6, 0xb2, 0x23, 0x45, 0x93, 0xef, 0xc3, 0x09, 0xe0, 0x00, 0xc7, 0x46 };
static const guid g_logical  = { 0x1d, 0xbf, 0x41, 0x81, 0x6f, 0xa9, 0x09, 0x47, 0xba, 0x47, 0xf2, 0x33, 0xa8, 0xfa, 0xab, 0x5f };
static const guid g_physical = { 0xc7, 0x48, 0xa3, 0xcd, 0x5d, 0x44, 0x71, 0x44, 0x9c, 0xc9, 0xe9, 0x88, 0x52, 0x51, 0xc5, 0x56 };

struct vhdx {
    uint8_t   header[HEADER];                    /* the current one */
    int       current;                           /* 0 or 1 */
    uint64_t  seq, log_off, bat_off, meta_off;
    uint32_t  log_len, bat_len, meta_len, block, sector, ratio;
    uint64_t *bat, entries;
    bool      announced;
    struct blk_blocks b;
};

static uint32_t crc32c(const uint8_t *p, size_t len)
{
    static uint32_t table[256];
    uint32_t        crc = UINT32_MAX;

    if (table[1] == 0)
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t v = i;

            for (int k = 0; k < 8; k++)
                v = v & 1 ? v >> 1 ^ 0x82f63b78 : v >> 1;
            __atomic_store_n(&table[i], v, __ATOMIC_RELAXED);
        }
    while (len-- > 0)
        crc = crc >> 8 ^ table[(crc ^ *p++) & 0xff];
    return ~crc;
}

static bool crc_ok(uint8_t *p, size_t len)
{
    uint32_t want = load_le32(p + 4);
    bool     ok;

    store_le32(p + 4, 0);
    ok = crc32c(p, len) == want;
    store_le32(p + 4, want);
    return ok;
}

static void crc_set(uint8_t *p, size_t len)
{
    store_le32(p + 4, 0);
    store_le32(p + 4, crc32c(p, len));
}

static int vhdx_probe(const uint8_t *h, size_t len, const char *filename)
{
    (void)filename;
    return len >= 8 && memcmp(h, "vhdxfile", 8) == 0 ? 100 : 0;
}

/* ---- headers and regions */

static int read_headers(struct blk_node *n, struct vhdx *s, struct error *err)
{
    uint8_t  h[2][HEADER];
    uint64_t seq[2];
    bool     ok[2];

    for (int i = 0; i < 2; i++) {
        int ret = blk_read(n->file, (uint64_t)(i + 1) * KIB64, h[i], HEADER);

        if (ret < 0)
            return error_set(err, ret, "cannot read the VHDX headers: %s", strerror(-ret));
        ok[i]  = memcmp(h[i], "head", 4) == 0 && crc_ok(h[i], HEADER) && load_le16(h[i] + 66) == 1;
        seq[i] = load_le64(h[i] + 8);
    }
    if (!ok[0] && !ok[1])
        return error_set(err, EINVAL, "No valid VHDX header found");
    s->current = !ok[0] ? 1 : !ok[1] ? 0 : seq[1] > seq[0];
    memcpy(s->header, h[s->current], HEADER);
    s->seq     = seq[s->current];
    s->log_len = load_le32(s->header + 68);
    s->log_off = load_le64(s->header + 72);
    if (s->log_len % MIB || s->log_off % MIB || s->log_len > LOG_MAX || (s->log_len > 0 && s->log_off < MIB) || load_le16(s->header + 64) != 0)
        return error_set(err, EINVAL, "VHDX log of %u bytes at 0x%llx is not valid", s->log_len, (unsigned long long)s->log_off);
    return 0;
}

static int read_regions(struct blk_node *n, struct vhdx *s, struct error *err)
{
    uint8_t *t = xmalloc(KIB64);
    int      ret = -EINVAL;
    uint32_t count = 0;

    for (int i = 0; i < 2 && ret < 0; i++) {
        ret = blk_read(n->file, (uint64_t)(i + 3) * KIB64, t, KIB64);
        if (ret == 0 && (memcmp(t, "regi", 4) != 0 || !crc_ok(t, KIB64) || load_le32(t + 8) > REGIONS_MAX))
            ret = -EINVAL;
    }
    if (ret == 0)
        count = load_le32(t + 8);
    for (uint32_t i = 0; i < count && ret == 0; i++) {
        const uint8_t *e   = t + 16 + 32 * i;
        uint64_t       off = load_le64(e + 16);
        uint32_t       len = load_le32(e + 24);

        if (off % MIB || len % MIB || off < MIB || off > n->file->bytes)
            ret = error_set(err, EINVAL, "VHDX region at 0x%llx is not valid", (unsigned long long)off);
        else if (memcmp(e, g_bat, 16) == 0)
            s->bat_off = off, s->bat_len = len;
        else if (memcmp(e, g_metadata, 16) == 0)
            s->meta_off = off, s->meta_len = len;
        else if (load_le32(e + 28) & 1)
            ret = error_set(err, ENOTSUP, "VHDX has a required region that is not known");
    }
    free(t);
    if (ret == 0 && (s->bat_off == 0 || s->meta_off == 0))
        ret = -EINVAL;
    return ret < 0 ? error_set(err, ret, "VHDX region tables are damaged") : 0;
}

static int meta_item(struct blk_node *n, struct vhdx *s, const uint8_t *table, const guid id, void *out, uint32_t len)
{
    for (uint32_t i = 0; i < load_le16(table + 10); i++) {
        const uint8_t *e = table + 32 + 32 * i;

        if (memcmp(e, id, 16) != 0)
            continue;
        if (load_le32(e + 20) < len || load_le32(e + 16) < KIB64 || (uint64_t)load_le32(e + 16) + len > s->meta_len)
            return -EINVAL;
        return blk_read(n->file, s->meta_off + load_le32(e + 16), out, len);
    }
    return -ENOENT;
}

static int read_metadata(struct blk_node *n, struct vhdx *s, struct error *err)
{
    uint8_t *t = xmalloc(KIB64), b[8];
    int      ret = s->meta_len >= KIB64 ? blk_read(n->file, s->meta_off, t, KIB64) : -EINVAL;

    if (ret == 0 && (memcmp(t, "metadata", 8) != 0 || load_le16(t + 10) > META_MAX - 1))
        ret = -EINVAL;
    if (ret == 0)
        ret = meta_item(n, s, t, g_params, b, 8);
    if (ret == 0) {
        s->block = load_le32(b);
        if (load_le32(b + 4) & 2)
            ret = error_set(err, ENOTSUP, "differencing VHDX images are not supported; merge it with its parent first");
    }
    if (ret == 0)
        ret = meta_item(n, s, t, g_size, b, 8);
    n->bytes = ret == 0 ? load_le64(b) : 0;
    if (ret == 0)
        ret = meta_item(n, s, t, g_logical, b, 4);
    s->sector = ret == 0 ? load_le32(b) : 0;
    free(t);
    if (ret == 0 && (!is_pow2(s->block) || s->block < MIB || s->block > 256 << 20 || (s->sector != 512 && s->sector != 4096) ||
                     n->bytes > VHDX_MAX || n->bytes % s->sector))
        ret = -EINVAL;
    return ret < 0 ? error_set(err, ret, "VHDX metadata is damaged (block size %u, sector size %u, disk of %llu bytes)", s->block, s->sector,
                               (unsigned long long)n->bytes) : 0;
}

/* ---- the log: a ring of entries; the longest valid sequence that ends with the newest is played back */

struct entry {
    uint32_t at, len, tail, descs;
    uint64_t seq;
};

static void ring_read(const uint8_t *ring, uint32_t size, uint32_t at, uint8_t *out, uint32_t len)
{
    for (uint32_t done = 0, part; done < len; done += part) {
        part = MIN(len - done, size - (at + done) % size);
        memcpy(out + done, ring + (at + done) % size, part);
    }
}

/* Behind its header an entry consists of descriptors and data sectors: so no entry lies in another, and each byte of
 * the ring is summed up once. */
static bool signatures_fit(const struct vhdx *s, const uint8_t *ring, uint32_t at, uint32_t len)
{
    for (uint32_t in = LOG_SECTOR; in < len; in += LOG_SECTOR) {
        const uint8_t *sig = ring + (at + in) % s->log_len;

        if (memcmp(sig, "data", 4) != 0 && memcmp(sig, "desc", 4) != 0 && memcmp(sig, "zero", 4) != 0)
            return false;
    }
    return true;
}

static bool entry_at(const struct vhdx *s, const uint8_t *ring, uint32_t at, struct entry *e)
{
    const uint8_t *h = ring + at;
    uint8_t       *all;
    uint32_t       need;
    bool           ok;

    if (memcmp(h, "loge", 4) != 0 || memcmp(h + 32, s->header + 48, 16) != 0)
        return false;
    *e = (struct entry){ .at = at, .len = load_le32(h + 8), .tail = load_le32(h + 12), .seq = load_le64(h + 16), .descs = load_le32(h + 24) };
    if (e->len == 0 || e->len % LOG_SECTOR || e->len > s->log_len || e->tail % LOG_SECTOR || e->tail >= s->log_len || e->seq == 0)
        return false;
    need = (uint32_t)align_up(64 + 32ull * MIN(e->descs, s->log_len / 32), LOG_SECTOR);
    if (e->descs > s->log_len / 32 || need > e->len || !signatures_fit(s, ring, at, e->len))
        return false;
    all = xmalloc(e->len);
    ring_read(ring, s->log_len, at, all, e->len);
    ok = crc_ok(all, e->len);
    free(all);
    return ok;
}

static int play_entry(struct blk_node *n, struct vhdx *s, const uint8_t *ring, const struct entry *e)
{
    uint8_t *all  = xmalloc(e->len), *data;
    uint32_t next = (uint32_t)align_up(64 + 32ull * e->descs, LOG_SECTOR);
    int      ret  = 0;

    ring_read(ring, s->log_len, e->at, all, e->len);
    for (uint32_t i = 0; i < e->descs && ret == 0; i++) {
        uint8_t *d   = all + 64 + 32 * i, sector[LOG_SECTOR];
        uint64_t off = load_le64(d + 16);

        if (load_le64(d + 24) != e->seq || off % LOG_SECTOR || off > n->file->bytes)    /* only tables are logged */
            ret = -EINVAL;
        else if (memcmp(d, "zero", 4) == 0) {
            uint64_t len = load_le64(d + 8);

            ret = len % LOG_SECTOR || len > n->file->bytes - off ? -EINVAL : blk_zero(n->file, off, len, 0);
        } else if (memcmp(d, "desc", 4) == 0 && next + LOG_SECTOR <= e->len) {
            data = all + next;
            next += LOG_SECTOR;
            if (memcmp(data, "data", 4) != 0 || load_le32(data + 4) != (uint32_t)(e->seq >> 32) || load_le32(data + 4092) != (uint32_t)e->seq)
                ret = -EINVAL;
            memcpy(sector, d + 8, 8);            /* leading bytes */
            memcpy(sector + 8, data + 8, 4084);
            memcpy(sector + 4092, d + 4, 4);     /* trailing bytes */
            if (ret == 0)
                ret = blk_write(n->file, off, sector, LOG_SECTOR);
        } else {
            ret = -EINVAL;
        }
    }
    free(all);
    return ret;
}

/* The entry that follows @e in the ring, or NULL. @list: by sector; len 0 where no entry begins. */
static const struct entry *next_entry(const struct vhdx *s, const struct entry *list, const struct entry *e)
{
    const struct entry *next = &list[(e->at + e->len) % s->log_len / LOG_SECTOR];

    return next->len != 0 && next->seq == e->seq + 1 ? next : NULL;
}

/* Is the sequence from a head's tail to the head whole? */
static bool whole(const struct vhdx *s, const struct entry *list, const struct entry *head)
{
    const struct entry *e = &list[head->tail / LOG_SECTOR];

    for (e = e->len != 0 ? e : NULL; e != NULL && e != head && e->seq < head->seq;)
        e = next_entry(s, list, e);
    return e == head;
}

static int write_header(struct blk_node *n, struct vhdx *s);

static int replay(struct blk_node *n, struct vhdx *s, struct error *err)
{
    static const guid none;
    struct entry     *list, *head = NULL;
    uint8_t          *ring;
    int               ret, most = (int)(s->log_len / LOG_SECTOR);

    if (memcmp(s->header + 48, none, 16) == 0 || s->log_len == 0)
        return 0;
    ring = try_alloc(s->log_len, 1, LOG_MAX);
    list = try_alloc((size_t)most, sizeof *list, LOG_MAX);
    ret  = ring != NULL && list != NULL ? blk_read(n->file, s->log_off, ring, s->log_len) : -ENOMEM;
    for (int i = 0; i < most && ret == 0; i++)
        if (!entry_at(s, ring, (uint32_t)i * LOG_SECTOR, &list[i]))
            list[i].len = 0;
    for (int i = 0; i < most && ret == 0; i++)   /* the newest entry whose sequence is whole */
        if (list[i].len != 0 && (head == NULL || list[i].seq > head->seq) && whole(s, list, &list[i]))
            head = &list[i];
    if (head != NULL && !(n->flags & BLK_RDWR))
        ret = error_set(err, EPERM, "VHDX image file '%s' opened read-only, but contains a log that needs to be replayed; open it for writing once "
                        "(rhea-img check -r all)", n->filename);
    for (const struct entry *e = head != NULL ? &list[head->tail / LOG_SECTOR] : NULL; e != NULL && ret == 0; e = e != head ? next_entry(s, list, e) : NULL)
        ret = play_entry(n, s, ring, e);
    free(ring);
    free(list);
    if (ret == 0 && (n->flags & BLK_RDWR)) {
        ret = blk_flush(n->file);
        memset(s->header + 48, 0, 16);           /* the log is empty from here on */
        if (ret == 0)
            ret = write_header(n, s);
    }
    return ret < 0 && err != NULL && !err->code ? error_set(err, ret, "the VHDX log could not be replayed: %s", strerror(-ret)) : ret;
}

/* The other header gets the next number: one of the two is always whole. */
static int write_header(struct blk_node *n, struct vhdx *s)
{
    int ret;

    s->current = !s->current;
    store_le64(s->header + 8, ++s->seq);
    crc_set(s->header, HEADER);
    ret = blk_write(n->file, (uint64_t)(s->current + 1) * KIB64, s->header, HEADER);
    return ret < 0 ? ret : blk_flush(n->file);
}

/* ---- opening */

static uint64_t bat_index(const struct vhdx *s, uint64_t block)
{
    return block + block / s->ratio;             /* after each chunk comes its sector bitmap's entry */
}

static uint64_t place(const struct blk_node *n, uint64_t off);
static int      add(struct blk_node *n, uint64_t off, const struct blk_iov *v);

static int read_bat(struct blk_node *n, struct vhdx *s, struct error *err)
{
    uint64_t blocks = (n->bytes + s->block - 1) / s->block;
    int      ret;

    s->ratio   = (uint32_t)((UINT64_C(8388608) * s->sector) / s->block);
    s->entries = blocks > 0 ? bat_index(s, blocks - 1) + 1 : 0;
    s->b = (struct blk_blocks){ .bytes = s->block, .place = place, .add = add };
    if (s->entries * 8 > s->bat_len || s->bat_off + s->entries * 8 > n->file->bytes)
        return error_set(err, EINVAL, "VHDX block table is too short: %u bytes for %llu blocks", s->bat_len, (unsigned long long)blocks);
    s->bat = try_alloc((size_t)s->entries, 8, (size_t)(VHDX_MAX / MIB * 2));
    if (s->bat == NULL)
        return error_set(err, ENOMEM, "no memory for the VHDX block table");
    ret    = blk_read(n->file, s->bat_off, s->bat, s->entries * 8);
    s->b.end = align_up(MAX(MAX(s->bat_off + s->bat_len, s->meta_off + s->meta_len), s->log_off + s->log_len), MIB);
    for (uint64_t b = 0; b < blocks && ret == 0; b++) {
        uint64_t *e = &s->bat[bat_index(s, b)];

        *e = load_le64(e);
        if ((*e & 7) == B_PARTIAL)
            ret = error_set(err, ENOTSUP, "VHDX block %llu is partly in a parent image", (unsigned long long)b);
        else if ((*e & 7) == B_PRESENT) {
            uint64_t off = OFFSET(*e);

            if (off < MIB || off > n->file->bytes || (off < s->bat_off + s->bat_len && off + s->block > s->bat_off) ||
                (off < s->meta_off + s->meta_len && off + s->block > s->meta_off) || (s->log_len && off < s->log_off + s->log_len && off + s->block > s->log_off))
                ret = error_set(err, EINVAL, "VHDX block %llu at 0x%llx overlaps a table or lies behind the file", (unsigned long long)b, (unsigned long long)off);
            s->b.end = MAX(s->b.end, off + s->block);
        }
    }
    s->b.end = align_up(MAX(s->b.end, MIN(n->file->bytes, s->b.end + s->block)), MIB);
    return ret;
}

static int vhdx_open(struct blk_node *n, struct blk_opts *o, struct error *err)
{
    struct vhdx *s = n->priv;
    uint8_t      sig[8];
    int          ret = blk_read(n->file, 0, sig, 8);

    (void)o;
    if (ret < 0 || memcmp(sig, "vhdxfile", 8) != 0)
        return error_set(err, EINVAL, "Image is not in VHDX format");
    ret = read_headers(n, s, err);
    if (ret == 0)
        ret = replay(n, s, err);
    if (ret == 0)
        ret = read_regions(n, s, err);
    if (ret == 0)
        ret = read_metadata(n, s, err);
    if (ret == 0)
        ret = read_bat(n, s, err);
    if (ret < 0)
        free(s->bat);
    n->unit = s->block;
    return ret;
}

/* ---- requests */

static uint64_t place(const struct blk_node *n, uint64_t off)
{
    const struct vhdx *s = n->priv;
    uint64_t           e = s->bat[bat_index(s, off / s->block)];

    return (e & 7) == B_PRESENT ? OFFSET(e) + off % s->block : BLOCKS_NOWHERE;
}

static int vhdx_read(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    return blocks_read(n, &((struct vhdx *)n->priv)->b, off, v);
}

/* Before the first change: new write ids, so that caches and parents of others notice. */
static int announce(struct blk_node *n, struct vhdx *s)
{
    int ret;

    if (s->announced)
        return 0;
    if (getrandom(s->header + 16, 32, 0) != 32)
        return -EIO;
    ret = write_header(n, s);
    s->announced = ret == 0;
    return ret;
}

static int add(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    struct vhdx *s   = n->priv;
    uint64_t     i   = bat_index(s, off / s->block), at = s->b.end;
    int          ret = blocks_extend(n, at, s->block);

    if (ret == 0)
        ret = blk_writev(n->file, at + off % s->block, v, 0);
    if (ret < 0)
        return ret;
    s->bat[i] = at | B_PRESENT;
    s->b.end  = at + s->block;
    blocks_changed(&s->b, i);
    return 0;
}

static int vhdx_write(struct blk_node *n, uint64_t off, const struct blk_iov *v, unsigned flags)
{
    struct vhdx *s   = n->priv;
    int          ret = 0;

    (void)flags;
    if (!s->announced) {
        co_lock(&s->b.lock);
        ret = announce(n, s);
        co_unlock(&s->b.lock);
    }
    return ret < 0 ? ret : blocks_write(n, &s->b, off, v);
}

static void put_entry(const struct blk_node *n, uint64_t i, uint8_t *to)
{
    store_le64(to, ((struct vhdx *)n->priv)->bat[i]);
}

static int write_bat(struct blk_node *n, struct vhdx *s)
{
    struct blocks_table t = { .off = s->bat_off, .entries = s->entries, .width = 8, .put = put_entry };

    return MIN(blocks_table_write(n, &s->b, &t), 0);
}

static int vhdx_flush(struct blk_node *n)
{
    struct vhdx *s = n->priv;
    int          ret;

    co_lock(&s->b.lock);
    ret = write_bat(n, s);
    co_unlock(&s->b.lock);
    return ret < 0 ? ret : blk_flush(n->file);
}

static void vhdx_close(struct blk_node *n)
{
    struct vhdx *s = n->priv;

    write_bat(n, s);
    free(s->bat);
}

static int vhdx_map(struct blk_node *n, uint64_t off, uint64_t len, struct blk_extent *e)
{
    return blocks_map(n, &((struct vhdx *)n->priv)->b, off, len, e);
}

static int vhdx_info(struct blk_node *n, struct blk_info *info, struct error *err)
{
    (void)err;
    info->cluster_bytes = ((struct vhdx *)n->priv)->block;
    return 0;
}

static int vhdx_check(struct blk_node *n, struct blk_check *c, int fix, struct error *err)
{
    (void)n, (void)c, (void)fix, (void)err;
    return 0;                                    /* opening has looked at every entry */
}

/* ---- creating */

static int make_regions(struct blk_node *f, uint64_t bat_len)
{
    uint8_t *t = xcalloc(1, KIB64);
    int      ret;

    memcpy(t, "regi", 4);
    store_le32(t + 8, 2);
    memcpy(t + 16, g_bat, 16);
    store_le64(t + 32, 3 * MIB);
    store_le32(t + 40, (uint32_t)bat_len);
    store_le32(t + 44, 1);
    memcpy(t + 48, g_metadata, 16);
    store_le64(t + 64, 2 * MIB);
    store_le32(t + 72, MIB);
    store_le32(t + 76, 1);
    crc_set(t, KIB64);
    ret = blk_write(f, 3 * KIB64, t, KIB64);
    if (ret == 0)
        ret = blk_write(f, 4 * KIB64, t, KIB64);
    free(t);
    return ret;
}

static void meta_entry(uint8_t *t, int i, const guid id, uint32_t off, uint32_t len, uint32_t flags)
{
    uint8_t *e = t + 32 + 32 * i;

    memcpy(e, id, 16);
    store_le32(e + 16, KIB64 + off);
    store_le32(e + 20, len);
    store_le32(e + 24, flags);
}

static int make_metadata(struct blk_node *f, uint64_t bytes, uint32_t block, bool fixed)
{
    uint8_t *t = xcalloc(1, KIB64 + 64);
    int      ret;

    memcpy(t, "metadata", 8);
    store_le16(t + 10, 5);
    meta_entry(t, 0, g_params, 0, 8, 4);
    meta_entry(t, 1, g_size, 8, 8, 6);
    meta_entry(t, 2, g_page83, 16, 16, 6);
    meta_entry(t, 3, g_logical, 32, 4, 6);
    meta_entry(t, 4, g_physical, 36, 4, 6);
    store_le32(t + KIB64, block);
    store_le32(t + KIB64 + 4, fixed);
    store_le64(t + KIB64 + 8, bytes);
    ret = getrandom(t + KIB64 + 16, 16, 0) == 16 ? 0 : -EIO;
    store_le32(t + KIB64 + 32, 512);
    store_le32(t + KIB64 + 36, 512);
    if (ret == 0)
        ret = blk_write(f, 2 * MIB, t, KIB64 + 64);
    free(t);
    return ret;
}

static int make_headers(struct blk_node *f, uint32_t log_len)
{
    static const char creator[] = "R\0h\0e\0a\0";
    uint8_t           h[HEADER] = { 0 }, id[KIB64] = "vhdxfile";
    int               ret;

    memcpy(id + 8, creator, sizeof creator);
    ret = blk_write(f, 0, id, sizeof id);
    memcpy(h, "head", 4);
    if (getrandom(h + 16, 32, 0) != 32)
        return -EIO;
    store_le16(h + 66, 1);
    store_le32(h + 68, log_len);
    store_le64(h + 72, MIB);
    for (int i = 0; i < 2 && ret == 0; i++) {
        store_le64(h + 8, (uint64_t)i);
        crc_set(h, HEADER);
        ret = blk_write(f, (uint64_t)(i + 1) * KIB64, h, HEADER);
    }
    return ret;
}

static uint64_t default_block(uint64_t bytes)
{
    return bytes > UINT64_C(32) << 40 ? 64 * MIB : bytes > UINT64_C(100) << 30 ? 32 * MIB : bytes > UINT64_C(1) << 30 ? 16 * MIB : 8 * MIB;
}

static int vhdx_create(struct blk_create *c, struct error *err)
{
    uint64_t    block = 0, log = 0, bytes = align_up(c->bytes, 512), blocks, ratio, bat_len, data;
    char       *sub = blk_opts_take(c->opts, "subformat");
    bool        fixed = sub != NULL && str_eq(sub, "fixed"), zero = true;
    int         ret = blk_opts_take_size(c->opts, "block_size", &block, err);
    uint8_t    *bat;

    if (ret == 0)
        ret = blk_opts_take_size(c->opts, "log_size", &log, err);
    if (ret == 0)
        ret = blk_opts_take_bool(c->opts, "block_state_zero", &zero, err);
    if (ret == 0 && sub != NULL && !fixed && !str_eq(sub, "dynamic"))
        ret = error_set(err, EINVAL, "Invalid subformat '%s'; it is dynamic or fixed", sub);
    free(sub);
    block = block ? block : default_block(bytes);
    if (ret == 0 && (!is_pow2(block) || block < MIB || block > 256 << 20))
        ret = error_set(err, EINVAL, "Block size must be a multiple of 1 MB and a power of two up to 256 MB");
    if (ret == 0 && log != 0 && log != MIB)
        ret = error_set(err, EINVAL, "log_size can only be 1M here: Rhea's own writes need no log");
    if (ret == 0 && bytes > VHDX_MAX)
        ret = error_set(err, EFBIG, "Image size too large; max of 64TB");
    if (ret < 0)
        return ret;
    blocks  = (bytes + block - 1) / block;
    ratio   = UINT64_C(8388608) * 512 / block;
    bat_len = align_up((blocks + blocks / ratio + 1) * 8, MIB);
    data    = 3 * MIB + bat_len;
    bat     = try_alloc((size_t)bat_len, 1, UINT32_MAX);
    if (bat == NULL)
        return error_set(err, ENOMEM, "no memory for the block table");
    for (uint64_t b = 0; b < blocks && fixed; b++)
        store_le64(bat + 8 * (b + b / ratio), (data + b * block) | B_PRESENT);
    ret = blk_resize(c->file, data + (fixed ? blocks * block : 0), BLK_PREALLOC_OFF, err);
    if (ret == 0)
        ret = blk_write(c->file, 3 * MIB, bat, (size_t)bat_len);
    free(bat);
    if (ret == 0)
        ret = make_regions(c->file, bat_len);
    if (ret == 0)
        ret = make_metadata(c->file, bytes, (uint32_t)block, fixed);
    if (ret == 0)
        ret = make_headers(c->file, MIB);
    return ret < 0 ? error_set(err, ret, "could not write the VHDX image: %s", strerror(-ret)) : 0;
}

static const struct blk_option vhdx_create_opts[] = {
    { "size", BLK_OPT_SIZE, "Virtual disk size; max of 64TB.", NULL },
    { "log_size", BLK_OPT_SIZE, "Log size; min 1MB.", "1048576" },
    { "block_size", BLK_OPT_SIZE, "Block Size; min 1MB, max 256MB. 0 means auto-calculate based on image size.", "0" },
    { "subformat", BLK_OPT_STR, "VHDX format type, can be either 'dynamic' or 'fixed'. Default is 'dynamic'.", NULL },
    { "block_state_zero", BLK_OPT_BOOL, "Force use of payload blocks of type 'ZERO'. Non-standard, but default.  Do not set to 'off' when using 'qemu-img convert' with subformat=dynamic.", NULL },
    { NULL, 0, NULL, NULL },
};

const struct blk_driver blk_vhdx = {
    .name = "vhdx", .help = "Hyper-V disk (vhdx)", .flags = BLK_DRV_HOLES, .bytes = sizeof(struct vhdx), .probe = vhdx_probe, .open = vhdx_open, .close = vhdx_close,
    .read = vhdx_read, .write = vhdx_write, .flush = vhdx_flush, .map = vhdx_map, .info = vhdx_info, .check = vhdx_check, .create = vhdx_create,
    .create_opts = vhdx_create_opts,
};

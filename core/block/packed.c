/* core/block/packed.c - cloop and dmg, for reading: disks of compressed chunks.
 *
 * A dmg's chunks are zlib, bzip2, LZMA (xz) or Apple's ADC; LZFSE is refused. Sources: cloop's compressed_loop.h (version 2 format); the UDIF layout as published by the "dmg2img" and
 * "libdmg-hfsplus" projects' documentation. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#ifdef CONFIG_BZ2
#include <bzlib.h>
#endif
#ifdef CONFIG_LZMA
#include <lzma.h>
#endif

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/foreign.h"
#include "core/event/iothread.h"

enum { CHUNKS_MAX = 1 << 24, CHUNK_BYTES = 64 << 20 };
enum kind { C_ZERO, C_RAW, C_ZLIB, C_ADC, C_BZIP2, C_LZMA };

struct chunk {
    uint64_t  at, len, host, packed;             /* guest bytes; file bytes */
    enum kind kind;
};

struct packed {
    struct chunk *chunk;
    uint64_t      count, room, largest;
    uint8_t      *last;                          /* the chunk unpacked last */
    uint64_t      last_at;
    bool          has_last;
    struct co_mutex lock;
};

static int add_chunk(struct packed *s, struct chunk c)
{
    if (s->count == CHUNKS_MAX)
        return -EFBIG;
    if (s->count == s->room) {
        s->room  = s->room ? s->room * 2 : 64;
        s->chunk = xreallocarray(s->chunk, s->room, sizeof *s->chunk);
    }
    s->chunk[s->count++] = c;
    s->largest = MAX(s->largest, c.kind >= C_ZLIB ? c.len : 0);
    return 0;
}

static void packed_close(struct blk_node *n)
{
    struct packed *s = n->priv;

    free(s->chunk);
    free(s->last);
}

struct job {
    enum kind kind;
    uint8_t  *in, *out;
    size_t    in_len, out_len;
};

/* Apple Data Compression: literals, and copies of what came before, three bytes or two for each. */
static int unpack_adc(const struct job *j)
{
    size_t in = 0, out = 0;

    while (in < j->in_len && out < j->out_len) {
        uint8_t b = j->in[in++];
        size_t  len, back;

        if (b & 0x80) {
            len = MIN((size_t)(b & 0x7f) + 1, j->out_len - out);
            if (len > j->in_len - in)
                return -EIO;
            memcpy(j->out + out, j->in + in, len);
            in += len;
            out += len;
            continue;
        }
        if (j->in_len - in < (b & 0x40 ? 2u : 1u))
            return -EIO;
        if (b & 0x40) {
            len  = (size_t)(b & 0x3f) + 4;
            back = load_be16(j->in + in);
            in += 2;
        } else {
            len  = (size_t)(b >> 2) + 3;
            back = (size_t)(b & 3) << 8 | j->in[in++];
        }
        if (back + 1 > out)
            return -EIO;
        for (len = MIN(len, j->out_len - out); len > 0; len--, out++)
            j->out[out] = j->out[out - back - 1];
    }
    return out == j->out_len ? 0 : -EIO;
}

static int unpack_bzip2(const struct job *j)
{
#ifdef CONFIG_BZ2
    unsigned len = (unsigned)j->out_len;

    return BZ2_bzBuffToBuffDecompress((char *)j->out, &len, (char *)j->in, (unsigned)j->in_len, 0, 0) == BZ_OK && len == j->out_len ? 0 : -EIO;
#else
    (void)j;
    return -ENOTSUP;
#endif
}

static int unpack_lzma(const struct job *j)
{
#ifdef CONFIG_LZMA
    uint64_t most = 256 << 20;
    size_t   in = 0, out = 0;

    return lzma_stream_buffer_decode(&most, 0, NULL, j->in, &in, j->in_len, j->out, &out, j->out_len) == LZMA_OK && out == j->out_len ? 0 : -EIO;
#else
    (void)j;
    return -ENOTSUP;
#endif
}

static int unpack_job(void *arg)
{
    struct job *j   = arg;
    uLongf      len = j->out_len;

    switch (j->kind) {
    case C_ADC:
        return unpack_adc(j);
    case C_BZIP2:
        return unpack_bzip2(j);
    case C_LZMA:
        return unpack_lzma(j);
    default:
        return uncompress(j->out, &len, j->in, j->in_len) == Z_OK && len == j->out_len ? 0 : -EIO;
    }
}

/* The chunk in s->last. Holds s->lock. */
static int unpack(struct blk_node *n, struct packed *s, const struct chunk *c)
{
    struct job j = { .kind = c->kind, .in = blk_bounce((size_t)c->packed), .in_len = c->packed, .out_len = c->len };
    int        ret;

    if (s->last == NULL)
        s->last = blk_bounce((size_t)s->largest);
    if (j.in == NULL || s->last == NULL) {
        free(j.in);
        return -ENOMEM;
    }
    j.out       = s->last;
    s->has_last = false;
    ret = blk_read(n->file, c->host, j.in, (size_t)c->packed);
    if (ret == 0)
        ret = io_work(unpack_job, &j);
    free(j.in);
    s->has_last = ret == 0;
    s->last_at  = c->at;
    return ret;
}

static const struct chunk *find(const struct packed *s, uint64_t off)
{
    uint64_t lo = 0, hi = s->count;

    while (lo < hi) {
        uint64_t mid = (lo + hi) / 2;

        if (s->chunk[mid].at + s->chunk[mid].len <= off)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < s->count && s->chunk[lo].at <= off ? &s->chunk[lo] : NULL;
}

static int packed_read(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    struct packed *s   = n->priv;
    int            ret = 0;

    for (size_t at = 0, len; at < v->len && ret == 0; at += len) {
        const struct chunk *c = find(s, off + at);
        struct blk_slice    p;

        len = c != NULL ? (size_t)MIN((uint64_t)(v->len - at), c->at + c->len - (off + at)) : 1;
        const struct blk_iov *part = iov_slice(&p, v, at, len);

        if (c == NULL || c->kind == C_ZERO) {
            iov_zero(part, 0, len);
        } else if (c->kind == C_RAW) {
            ret = blk_readv(n->file, c->host + (off + at - c->at), part);
        } else {
            co_lock(&s->lock);
            if (!s->has_last || s->last_at != c->at)
                ret = unpack(n, s, c);
            if (ret == 0)
                iov_put(part, 0, s->last + (off + at - c->at), len);
            co_unlock(&s->lock);
        }
        iov_slice_end(&p);
    }
    return ret;
}

static int packed_map(struct blk_node *n, uint64_t off, uint64_t len, struct blk_extent *e)
{
    const struct chunk *c = find(n->priv, off);

    (void)len;
    *e = (struct blk_extent){ .len = c != NULL ? c->at + c->len - off : 512, .flags = BLK_EXT_ALLOCATED };
    e->flags |= c == NULL || c->kind == C_ZERO ? BLK_EXT_ZERO : BLK_EXT_DATA | (c->kind >= C_ZLIB ? BLK_EXT_COMPRESSED : 0);
    return 0;
}

static int by_place(const void *a, const void *b)
{
    const struct chunk *x = a, *y = b;

    return x->at < y->at ? -1 : x->at > y->at;
}

/* ---- cloop: [128: shell script][block size, number of blocks: be32][offsets: be64][zlib blocks] */

static int cloop_probe(const uint8_t *h, size_t len, const char *filename)
{
    static const char magic[] = "#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount -r -t iso9660 /dev/cloop $1\n";

    (void)filename;
    return len >= sizeof magic - 1 && memcmp(h, magic, sizeof magic - 1) == 0 ? 2 : 0;
}

static int cloop_open(struct blk_node *n, struct blk_opts *o, struct error *err)
{
    struct packed *s = n->priv;
    uint8_t        h[8], *offs = NULL;
    uint64_t       block, blocks;
    int            ret = foreign_readonly(n, "cloop", err);

    (void)o;
    if (ret == 0)
        ret = n->file->bytes >= 136 ? blk_read(n->file, 128, h, 8) : -EINVAL;
    if (ret < 0)
        return error_set(err, ret, "cloop image is cut short");
    block  = load_be32(h);
    blocks = load_be32(h + 4);
    if (block == 0 || block % 512 || block > CHUNK_BYTES)
        return error_set(err, EINVAL, "block_size %llu must be a multiple of 512 and at most %u MB", (unsigned long long)block, CHUNK_BYTES >> 20);
    if (blocks > CHUNKS_MAX - 1 || 136 + 8 * (blocks + 1) > n->file->bytes)
        return error_set(err, EINVAL, "image claims %llu blocks, more than it can hold", (unsigned long long)blocks);
    offs = xmalloc((size_t)(blocks + 1) * 8);
    ret  = blk_read(n->file, 136, offs, (size_t)(blocks + 1) * 8);
    for (uint64_t i = 0; i < blocks && ret == 0; i++) {
        struct chunk c = { .at = i * block, .len = block, .host = load_be64(offs + 8 * i), .kind = C_ZLIB };
        uint64_t     next = load_be64(offs + 8 * (i + 1));

        c.packed = next - c.host;
        if (next < c.host || c.packed > 2 * CHUNK_BYTES || next > n->file->bytes)
            ret = error_set(err, EINVAL, "offsets not monotonically increasing at index %llu, image file is corrupt", (unsigned long long)i);
        else
            ret = add_chunk(s, c);
    }
    free(offs);
    n->bytes = blocks * block;
    if (ret < 0)
        packed_close(n);
    return ret < 0 ? error_set(err, ret, "cannot read the cloop table: %s", strerror(-ret)) : 0;
}

const struct blk_driver blk_cloop = {
    .name = "cloop", .help = "compressed loop image (read only)", .bytes = sizeof(struct packed), .probe = cloop_probe, .open = cloop_open,
    .close = packed_close, .read = packed_read, .map = packed_map,
};

/* ---- dmg: a trailer "koly" of 512 bytes names an XML list whose base64 "mish" tables name the chunks */

enum { KOLY = 512, MISH_HEAD = 204, MISH_RUN = 40, XML_MAX = 16 << 20 };

static int dmg_probe(const uint8_t *h, size_t len, const char *filename)
{
    (void)h, (void)len;
    return str_ends(filename, ".dmg") ? 2 : 0;
}

static int mish_run(struct blk_node *n, struct packed *s, const uint8_t *r, uint64_t first, uint64_t data, struct error *err)
{
    uint32_t     type = load_be32(r);
    struct chunk c = { .at = (first + load_be64(r + 8)) * 512, .len = load_be64(r + 16) * 512, .host = data + load_be64(r + 24), .packed = load_be64(r + 32) };

    switch (type) {
    case 0: case 2:
        c.kind = C_ZERO;
        break;
    case 1:
        c.kind = C_RAW;
        break;
    case 0x80000004:
        c.kind = C_ADC;
        break;
    case 0x80000005:
        c.kind = C_ZLIB;
        break;
#ifdef CONFIG_BZ2
    case 0x80000006:
        c.kind = C_BZIP2;
        break;
#endif
#ifdef CONFIG_LZMA
    case 0x80000008:
        c.kind = C_LZMA;
        break;
#endif
    case 0x7ffffffe: case 0xffffffff:
        return 0;                                /* comment, end */
    default:
        return error_set(err, ENOTSUP, "dmg chunk type 0x%x (%s) is not supported%s", type, type == 0x80000006 ? "bzip2" : type == 0x80000007 ? "LZFSE"
                         : type == 0x80000008 ? "LZMA" : "unknown", type == 0x80000006 || type == 0x80000008 ? " by this build; install libbz2-dev and liblzma-dev and configure again"
                         : type == 0x80000007 ? "; on a Mac, 'hdiutil convert -format UDZO' makes one of zlib chunks of it" : "");
    }
    if (load_be64(r + 16) > BLK_LENGTH_MAX / 512 || first + load_be64(r + 8) > BLK_LENGTH_MAX / 512 || c.len == 0)
        return error_set(err, EINVAL, "dmg chunk of %llu sectors is not valid", (unsigned long long)load_be64(r + 16));
    if (c.kind >= C_ZLIB && (c.len > CHUNK_BYTES || c.packed > CHUNK_BYTES))
        return error_set(err, EINVAL, "dmg chunk is larger than %u MB", CHUNK_BYTES >> 20);
    if (c.kind != C_ZERO && (c.host > n->file->bytes || c.packed > n->file->bytes - c.host || (c.kind == C_RAW && c.packed < c.len)))
        return error_set(err, EINVAL, "dmg chunk lies outside the file");
    return add_chunk(s, c);
}

static int mish(struct blk_node *n, struct packed *s, const uint8_t *m, size_t len, uint64_t fork, struct error *err)
{
    int      ret = 0;
    uint64_t first, data;

    if (len < MISH_HEAD || memcmp(m, "mish", 4) != 0)
        return 0;
    first = load_be64(m + 8);
    data  = load_be64(m + 24) + fork;
    for (size_t at = MISH_HEAD; at + MISH_RUN <= len && ret == 0; at += MISH_RUN)
        ret = mish_run(n, s, m + at, first, data, err);
    return ret;
}

static int unbase64(uint8_t *out, const char *in, size_t len, size_t *made)
{
    static const char abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t          word = 0;
    unsigned          bits = 0;

    *made = 0;
    for (size_t i = 0; i < len && in[i] != '='; i++) {
        const char *at = in[i] != '\0' ? strchr(abc, in[i]) : NULL;

        if (in[i] == '\n' || in[i] == '\r' || in[i] == '\t' || in[i] == ' ')
            continue;
        if (at == NULL)
            return -EINVAL;
        word = word << 6 | (uint32_t)(at - abc);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[(*made)++] = (uint8_t)(word >> bits);
        }
    }
    return 0;
}

static int dmg_xml(struct blk_node *n, struct packed *s, uint64_t off, uint64_t len, uint64_t fork, struct error *err)
{
    char    *xml = try_alloc((size_t)len + 1, 1, XML_MAX), *at;
    uint8_t *bin = try_alloc((size_t)len + 1, 1, XML_MAX);
    size_t   made;
    int      ret = xml != NULL && bin != NULL && off <= n->file->bytes && len <= n->file->bytes - off ? blk_read(n->file, off, xml, (size_t)len) : -EINVAL;

    for (at = xml; ret == 0 && (at = strstr(at, "<data>")) != NULL;) {
        char *end = strstr(at += 6, "</data>");

        if (end == NULL || unbase64(bin, at, (size_t)(end - at), &made) < 0)
            ret = -EINVAL;
        else
            ret = mish(n, s, bin, made, fork, err);
        at = end;
    }
    free(xml);
    free(bin);
    return ret < 0 ? error_set(err, ret, "dmg chunk list is damaged") : 0;
}

static int dmg_open(struct blk_node *n, struct blk_opts *o, struct error *err)
{
    struct packed *s = n->priv;
    uint8_t        k[KOLY];
    int            ret = foreign_readonly(n, "dmg", err);

    (void)o;
    if (ret == 0)
        ret = n->file->bytes >= KOLY ? blk_read(n->file, n->file->bytes - KOLY, k, KOLY) : -EINVAL;
    if (ret < 0 || memcmp(k, "koly", 4) != 0)
        return error_set(err, ret < 0 ? ret : -EINVAL, "Could not locate UDIF trailer in dmg file");
    if (load_be64(k + 224) == 0)
        return error_set(err, ENOTSUP, "dmg images with a resource fork instead of an XML list are not supported");
    ret = dmg_xml(n, s, load_be64(k + 216), load_be64(k + 224), load_be64(k + 24), err);
    if (s->count > 0)
        qsort(s->chunk, s->count, sizeof *s->chunk, by_place);
    for (uint64_t i = 0; i + 1 < s->count && ret == 0; i++)
        if (s->chunk[i].at + s->chunk[i].len > s->chunk[i + 1].at)
            ret = error_set(err, EINVAL, "dmg chunks overlap at sector %llu", (unsigned long long)s->chunk[i + 1].at / 512);
    n->bytes = s->count > 0 ? s->chunk[s->count - 1].at + s->chunk[s->count - 1].len : 0;
    if (ret < 0)
        packed_close(n);
    return ret;
}

const struct blk_driver blk_dmg = {
    .name = "dmg", .help = "Apple disk image (read only)", .bytes = sizeof(struct packed), .probe = dmg_probe, .open = dmg_open,
    .close = packed_close, .read = packed_read, .map = packed_map,
};

/* core/block/qcow2/compress.c - clusters stored compressed: raw deflate with a 4 KiB window, or zstd.
 *
 * Packing and unpacking runs on worker threads; only placing the result needs the image's lock. What does not get
 * smaller is stored as an ordinary cluster. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#ifdef CONFIG_ZSTD
#include <zstd.h>
#endif

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/block/qcow2/qcow2.h"
#include "core/event/iothread.h"

struct job {
    const uint8_t *in;
    uint8_t       *out;
    size_t         in_bytes, out_bytes;
    uint32_t       how;                /* 0 zlib, 1 zstd */
};

/* Each thread keeps its engines, since setting one up costs more than a small cluster, and frees them when it ends. */
static __thread z_stream *packer, *unpacker;
#ifdef CONFIG_ZSTD
static __thread ZSTD_CCtx *zpacker;
static __thread ZSTD_DCtx *zunpacker;
#endif

static pthread_key_t  ending;
static pthread_once_t ending_made = PTHREAD_ONCE_INIT;
static __thread bool  will_end;

static void engines_free(void *unused)
{
    (void)unused;
    if (packer != NULL)
        deflateEnd(packer);
    if (unpacker != NULL)
        inflateEnd(unpacker);
    free(packer);
    free(unpacker);
    packer = unpacker = NULL;
#ifdef CONFIG_ZSTD
    ZSTD_freeCCtx(zpacker);
    ZSTD_freeDCtx(zunpacker);
    zpacker   = NULL;
    zunpacker = NULL;
#endif
}

static void ending_make(void)
{
    if (pthread_key_create(&ending, engines_free) != 0)
        abort();                        /* a process has 1024 of them */
}

/* Has engines_free() called at the end of this thread. */
static void engines_own(void)
{
    if (will_end)
        return;
    pthread_once(&ending_made, ending_make);
    will_end = pthread_setspecific(ending, &will_end) == 0;
}

static int pack_zlib(struct job *j)
{
    int ret;

    if (packer == NULL) {
        packer = NEW(z_stream);
        if (deflateInit2(packer, 5, Z_DEFLATED, -12, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
            free(packer);
            packer = NULL;
            return -ENOMEM;
        }
    }
    deflateReset(packer);
    packer->next_in   = (Bytef *)j->in;
    packer->avail_in  = (uInt)j->in_bytes;
    packer->next_out  = j->out;
    packer->avail_out = (uInt)j->out_bytes;
    ret = deflate(packer, Z_FINISH);
    if (ret != Z_STREAM_END)
        return -ENOSPC;
    return (int)(j->out_bytes - packer->avail_out);
}

static int unpack_zlib(struct job *j)
{
    int ret;

    if (unpacker == NULL) {
        unpacker = NEW(z_stream);
        if (inflateInit2(unpacker, -12) != Z_OK) {
            free(unpacker);
            unpacker = NULL;
            return -ENOMEM;
        }
    }
    inflateReset(unpacker);
    unpacker->next_in   = (Bytef *)j->in;
    unpacker->avail_in  = (uInt)j->in_bytes;
    unpacker->next_out  = j->out;
    unpacker->avail_out = (uInt)j->out_bytes;
    ret = inflate(unpacker, Z_FINISH);
    /* The last sector may hold bytes that are not ours: a full cluster is what counts. */
    return unpacker->avail_out == 0 && (ret == Z_STREAM_END || ret == Z_BUF_ERROR || ret == Z_OK) ? 0 : -EIO;
}

#ifdef CONFIG_ZSTD
static int pack_zstd(struct job *j)
{
    size_t n;

    if (zpacker == NULL && (zpacker = ZSTD_createCCtx()) == NULL)
        return -ENOMEM;
    n = ZSTD_compressCCtx(zpacker, j->out, j->out_bytes, j->in, j->in_bytes, 1);
    return ZSTD_isError(n) ? -ENOSPC : (int)n;
}

static int unpack_zstd(struct job *j)
{
    ZSTD_inBuffer  in  = { j->in, j->in_bytes, 0 };
    ZSTD_outBuffer out = { j->out, j->out_bytes, 0 };

    if (zunpacker == NULL && (zunpacker = ZSTD_createDCtx()) == NULL)
        return -ENOMEM;
    ZSTD_DCtx_reset(zunpacker, ZSTD_reset_session_only);
    while (out.pos < out.size) {                 /* a stream may be several frames; padding may follow */
        size_t before = in.pos, made = out.pos, ret = ZSTD_decompressStream(zunpacker, &out, &in);

        if (ZSTD_isError(ret) || (in.pos == before && out.pos == made))
            return -EIO;
    }
    return 0;
}
#else
static int pack_zstd(struct job *j)
{
    (void)j;
    return -ENOTSUP;
}

static int unpack_zstd(struct job *j)
{
    (void)j;
    return -ENOTSUP;
}
#endif

/* Noise does not shrink: few byte pairs repeat in a sample of it. Spares the packer its slowest case. */
static bool looks_random(const uint8_t *p, size_t len)
{
    unsigned count[256] = { 0 };
    uint64_t squares    = 0;
    size_t   step       = len >= 16384 ? len / 4096 : 1, n = 0;

    if (len < 4096)
        return false;
    for (size_t i = 0; i < len; i += step, n++)
        count[p[i]]++;
    for (int i = 0; i < 256; i++)
        squares += (uint64_t)count[i] * count[i];
    /* For uniform bytes the sum is n*n/256 + n; text is many times that. Repeats at a distance are looked for too. */
    if (squares > (uint64_t)n * n / 256 + 2 * n)
        return false;
    for (size_t i = 0, seen = 0; i + 4104 < len; i += 509) {
        seen += memcmp(p + i, p + i + 4096, 8) == 0 || memcmp(p + i, p + i + 8, 8) == 0 || memcmp(p + i, p + i + 512, 8) == 0;
        if (seen > 0)
            return false;
    }
    return true;
}

static int pack(void *arg)
{
    struct job *j = arg;

    if (looks_random(j->in, j->in_bytes))
        return -ENOSPC;
    engines_own();
    return j->how == 0 ? pack_zlib(j) : pack_zstd(j);
}

static int unpack(void *arg)
{
    struct job *j = arg;

    engines_own();
    return j->how == 0 ? unpack_zlib(j) : unpack_zstd(j);
}

/* Reads and inflates one compressed cluster into @out. */
static int unpack_into(struct qcow2 *q, uint64_t entry, uint8_t *out)
{
    struct job j = { .out = out, .out_bytes = q->cluster, .how = q->compression };
    uint64_t   off, bytes;
    uint8_t   *buf;
    int        ret;

    qcow2_packed_place(q, entry, &off, &bytes);
    if (off < q->cluster || bytes > 2 * q->cluster || off > q->file->bytes)
        return -EIO;
    bytes = MIN(bytes, q->file->bytes - off);
    buf   = blk_bounce((size_t)bytes);
    if (buf == NULL)
        return -ENOMEM;
    ret = blk_read(q->file, off, buf, (size_t)bytes);
    j.in       = buf;
    j.in_bytes = (size_t)bytes;
    if (ret == 0)
        ret = io_work(unpack, &j);
    free(buf);
    return ret;
}

int qcow2_read_packed(struct qcow2 *q, uint64_t entry, uint64_t in, const struct blk_iov *v)
{
    uint8_t *buf;
    int      ret;

    if (q->unpacked_entry == entry) {            /* small reads go through a cluster piece by piece */
        iov_put(v, 0, q->unpacked + in, v->len);
        return 0;
    }
    if (v->len == q->cluster && v->n == 1)
        return unpack_into(q, entry, v->v[0].iov_base);
    buf = blk_bounce(q->cluster);
    if (buf == NULL)
        return -ENOMEM;
    ret = unpack_into(q, entry, buf);
    if (ret < 0) {
        free(buf);
        return ret;
    }
    iov_put(v, 0, buf + in, v->len);
    free(q->unpacked);
    q->unpacked       = buf;
    q->unpacked_entry = entry;
    return 0;
}

static int place(struct qcow2 *q, uint64_t off, const uint8_t *packed, uint64_t bytes)
{
    struct qcow2_tab *t;
    unsigned          index, x = 62 - (q->cluster_bits - 8);
    uint64_t          host, old, sectors;
    int               ret;

    co_lock(&q->lock);
    ret = qcow2_l2_piece(q, off, true, &t, &index);
    if (ret == 0 && qcow2_entry_kind(q, qcow2_l2_get(q, t, index)) == QCOW2_DATA)
        ret = -EIO;                              /* compressed data goes into fresh images: nothing is replaced */
    if (ret == 0)
        ret = qcow2_alloc_packed(q, bytes, &host);
    if (ret == 0 && host >> x != 0)
        ret = -EFBIG;
    co_unlock(&q->lock);
    if (ret < 0)
        return ret;
    ret = blk_write(q->file, host, packed, (size_t)bytes);
    co_lock(&q->lock);
    if (ret == 0)
        ret = qcow2_l2_piece(q, off, true, &t, &index);
    if (ret == 0) {
        old     = qcow2_l2_get(q, t, index);
        sectors = ((host + bytes - 1) >> 9) - (host >> 9);
        qcow2_drop_entry(q, old, q->pass_other);
        qcow2_l2_set(q, t, index, QCOW2_COMPRESSED | sectors << x | host, 0);
        if (q->unpacked_entry == (QCOW2_COMPRESSED | sectors << x | host))
            q->unpacked_entry = 0;
    }
    co_unlock(&q->lock);
    return ret;
}

static int write_cluster(struct qcow2 *q, uint64_t off, const struct blk_iov *v)
{
    struct job j = { .in_bytes = q->cluster, .out_bytes = q->cluster, .how = q->compression };
    uint8_t   *in = blk_bounce(q->cluster);
    int        ret;

    j.in  = in;
    j.out = blk_bounce(q->cluster);
    if (in == NULL || j.out == NULL) {
        free(in);
        free(j.out);
        return -ENOMEM;
    }
    iov_get(v, 0, in, v->len);
    memset(in + v->len, 0, q->cluster - v->len); /* the disk may end inside its last cluster */
    ret = io_work(pack, &j);
    if (ret > 0 && (uint64_t)ret < q->cluster)
        ret = place(q, off, j.out, (uint64_t)ret);
    else if (ret == -ENOSPC || ret >= 0)
        ret = qcow2_write_at(q, off, v);
    free(in);
    free(j.out);
    return ret;
}

int qcow2_write_compressed(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    struct qcow2 *q   = n->priv;
    int           ret = qcow2_ready_to_write(q);

    if (ret < 0)
        return ret;
    if (q->data_external || q->crypt != NULL)
        return -ENOTSUP;
    if ((off & (q->cluster - 1)) || ((v->len & (q->cluster - 1)) && off + v->len != n->bytes))
        return -EINVAL;
    qcow2_bitmaps_mark(q, off, v->len);
    for (size_t at = 0; at < v->len && ret == 0; at += q->cluster) {
        struct blk_tracked t;
        struct blk_slice   s;

        blk_track(n, &t, off + at, q->cluster, true);
        ret = write_cluster(q, off + at, iov_slice(&s, v, at, MIN((size_t)q->cluster, v->len - at)));
        iov_slice_end(&s);
        blk_untrack(&t);
    }
    return ret;
}

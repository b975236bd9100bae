/* core/vm/unpack.c - kernels in gzip, and in the self-unpacking EFI wrapper called zboot.
 *
 * A zboot image is a PE file whose first bytes say where the packed kernel lies and how it is packed; what is in
 * there is found without running the wrapper. Source: Linux, Documentation of drivers/firmware/efi/libstub zboot
 * header: "MZ", 2 bytes, "zimg", u32 offset, u32 size, 8 bytes, packing as text at 24. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "config.h"
#include "core/base/alloc.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/vm/loader_image.h"

#if CONFIG_ZSTD
#include <zstd.h>
#endif

static int bad(const char *path, const char *why, struct error *err)
{
    return error_set(err, EINVAL, "kernel '%s' cannot be unpacked: %s", path, why);
}

/* Grow towards the bound; false when it is reached. */
static bool more_room(uint8_t **out, size_t *room)
{
    if (*room >= LOADER_IMAGE_MAX)
        return false;
    *room *= 2;
    *out = xrealloc(*out, *room);
    return true;
}

static int gunzip(const char *path, const uint8_t *in, size_t len, uint8_t **result, size_t *result_len, struct error *err)
{
    z_stream z = { .next_in = (uint8_t *)in, .avail_in = (unsigned)len };
    size_t room = len < 1 << 20 ? 4 << 20 : len * 4;
    uint8_t *out = xmalloc(room);
    int ret = inflateInit2(&z, 15 + 16);

    while (ret == Z_OK) {
        if (z.total_out == room && !more_room(&out, &room))
            break;
        z.next_out = out + z.total_out;
        z.avail_out = (unsigned)(room - z.total_out);
        ret = inflate(&z, Z_NO_FLUSH);
        if (ret == Z_BUF_ERROR && z.avail_in)
            ret = Z_OK; /* out of room */
    }
    *result_len = z.total_out;
    inflateEnd(&z);
    if (ret == Z_STREAM_END) {
        *result = out;
        return 0;
    }
    free(out);
    return bad(path, ret == Z_OK ? "it is larger than 1 GiB" : "its gzip data is damaged or cut short", err);
}

#if CONFIG_ZSTD
static int unzstd(const char *path, const uint8_t *in, size_t len, uint8_t **result, size_t *result_len, struct error *err)
{
    size_t room = len < 1 << 20 ? 4 << 20 : len * 4, ret = 1;
    ZSTD_inBuffer from = { in, len, 0 };
    ZSTD_outBuffer to = { xmalloc(room), room, 0 };
    ZSTD_DStream *z = ZSTD_createDStream();
    uint8_t *out = to.dst;

    while (ret && !ZSTD_isError(ret) && (from.pos < from.size || to.pos == to.size)) {
        if (to.pos == to.size && !more_room(&out, &room))
            break;
        to.dst = out;
        to.size = room;
        ret = ZSTD_decompressStream(z, &to, &from);
    }
    ZSTD_freeDStream(z);
    if (ret == 0) {
        *result = out;
        *result_len = to.pos;
        return 0;
    }
    free(out);
    return bad(path, ZSTD_isError(ret) ? ZSTD_getErrorName(ret) : "its zstd data is cut short or larger than 1 GiB", err);
}
#endif

static bool is_gzip(const uint8_t *b, size_t len)
{
    return len > 18 && b[0] == 0x1f && b[1] == 0x8b && b[2] == 8;
}

static bool is_zboot(const uint8_t *b, size_t len)
{
    return len >= 64 && memcmp(b, "MZ", 2) == 0 && memcmp(b + 4, "zimg", 4) == 0;
}

static int unpack_zboot(const char *path, const uint8_t *b, size_t len, uint8_t **out, size_t *out_len, struct error *err)
{
    uint32_t off = load_le32(b + 8), size = load_le32(b + 12);
    const char *packing = (const char *)b + 24;

    if (off > len || size > len - off)
        return bad(path, "its EFI zboot header points beyond the file", err);
    if (strncmp(packing, "gzip", 5) == 0)
        return gunzip(path, b + off, size, out, out_len, err);
#if CONFIG_ZSTD
    if (strncmp(packing, "zstd", 4) == 0)
        return unzstd(path, b + off, size, out, out_len, err);
#endif
    return error_set(err, ENOTSUP, "kernel '%s' is packed with '%.20s', which this build cannot unpack; give an unpacked one",
                     path, packing);
}

int image_unpack(const char *path, uint8_t **bytes, size_t *len, struct error *err)
{
    uint8_t *out = NULL;
    size_t out_len = 0;
    int ret;

    if (is_zboot(*bytes, *len))
        ret = unpack_zboot(path, *bytes, *len, &out, &out_len, err);
    else if (is_gzip(*bytes, *len))
        ret = gunzip(path, *bytes, *len, &out, &out_len, err);
    else
        return 0;
    if (ret < 0)
        return ret;
    free(*bytes);
    *bytes = out;
    *len = out_len;
    return 0;
}

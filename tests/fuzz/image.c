/* tests/fuzz/image.c - libFuzzer harness for image formats: opens, reads, checks and writes what the fuzzer makes up.
 *
 * FORMAT in the environment picks the driver (qcow2 if not set). Built and run by tests/fuzz/run. Where a format puts
 * its parts megabytes apart (vhdx), the input holds them one after the other, and where it has checksums (vhdx, vpc)
 * they are made to fit, so that what is behind them is reached. */
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/block/node.h"
#include "core/event/iothread.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char     *format;
static struct io_loop *loop;

struct input {
    char name[64];
};

static void look(struct blk_node *n)
{
    static char       buf[65536];
    struct blk_info   info = { .dirty = false };
    struct blk_extent e;
    uint64_t          places[] = { 0, n->bytes / 2, n->bytes > sizeof buf ? n->bytes - sizeof buf : 0 };

    for (size_t i = 0; i < 3; i++) {
        blk_read(n, places[i], buf, n->bytes - places[i] < sizeof buf ? (size_t)(n->bytes - places[i]) : sizeof buf);
        blk_map_chain(n, NULL, places[i], sizeof buf, &e);
    }
    if (n->drv->info != NULL && n->drv->info(n, &info, NULL) == 0)
        json_decref(info.specific);

}

static void change(struct blk_node *n)
{
    static char buf[70000];

    memset(buf, 0x5a, sizeof buf);
    if (n->bytes >= 2 * sizeof buf) {
        blk_write(n, 1000, buf, sizeof buf);
        blk_zero(n, 65536, 65536, BLK_MAY_UNMAP);
        blk_discard(n, 0, 65536);
    }
    blk_flush(n);
}

static void one(void *arg)
{
    struct input    *in = arg;
    struct error     err = ERROR_INIT;
    struct blk_check c   = { .say = NULL };
    struct blk_node *n   = blk_open(in->name, format, NULL, BLK_NO_BACKING | BLK_NO_LOCK, &err);

    if (n != NULL) {
        look(n);
        blk_unref(n);
    }
    error_clear(&err);
    n = blk_open(in->name, format, NULL, BLK_NO_BACKING | BLK_NO_LOCK | BLK_RDWR | BLK_UNMAP | BLK_CHECK | BLK_NO_IO, &err);
    if (n == NULL)
        return;
    if (n->drv->check != NULL)
        n->drv->check(n, &c, 0, &err);
    change(n);
    error_clear(&err);
    if (n->drv->check != NULL)
        n->drv->check(n, &c, BLK_FIX_ERRORS | BLK_FIX_LEAKS, &err);
    blk_unref(n);
}

/* ---- from input to file */

static uint32_t crc32c(const uint8_t *p, size_t len)
{
    uint32_t crc = UINT32_MAX;

    while (len-- > 0) {
        crc ^= *p++;
        for (int k = 0; k < 8; k++)
            crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
    }
    return ~crc;
}

static void seal_crc(uint8_t *p, size_t len)
{
    store_le32(p + 4, 0);
    store_le32(p + 4, crc32c(p, len));
}

static void put(int fd, const uint8_t *data, size_t len, uint64_t at)
{
    if (len > 0 && pwrite(fd, data, len, (off_t)at) != (ssize_t)len)
        abort();
}

/* [header 1: 4 KiB][header 2][region table][metadata table][metadata items][block table][log: 16 KiB][first blocks] */
static void put_vhdx(int fd, const uint8_t *data, size_t len)
{
    enum { K4 = 4096, LOG = 4 * K4, PARTS = 6 * K4 + LOG };
    static const uint64_t at[] = { 0x10000, 0x20000, 0x30000, 0x200000, 0x210000, 0x300000 };
    static uint8_t parts[PARTS], regions[65536];

    memset(parts, 0, sizeof parts);
    memcpy(parts, data, len < PARTS ? len : PARTS);
    seal_crc(parts, K4);
    seal_crc(parts + K4, K4);
    memcpy(regions, parts + 2 * K4, K4);
    seal_crc(regions, sizeof regions);
    memcpy(parts + 2 * K4, regions, K4);
    for (uint8_t *e = parts + 6 * K4; e < parts + PARTS; e += K4) {
        uint32_t n = load_le32(e + 8);

        if (memcmp(e, "loge", 4) == 0 && n >= K4 && n % K4 == 0 && n <= parts + PARTS - e)
            seal_crc(e, n);
    }
    put(fd, (const uint8_t *)"vhdxfile", 8, 0);
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++)
        put(fd, parts + i * K4, K4, at[i]);
    put(fd, parts + 6 * K4, LOG, 0x100000);
    if (ftruncate(fd, 0x800000) != 0)
        abort();
    if (len > PARTS)
        put(fd, data + PARTS, len - PARTS, 0x400000);
}

static void seal_sum(uint8_t *p, size_t len, size_t at)
{
    uint32_t sum = 0;

    memset(p + at, 0, 4);
    for (size_t i = 0; i < len; i++)
        sum += p[i];
    store_be32(p + at, ~sum);
}

static void put_vpc(int fd, const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len + 1);

    memcpy(copy, data, len);
    if (len >= 512)
        seal_sum(copy, 512, 64);
    if (len >= 1536)
        seal_sum(copy + 512, 1024, 36);
    if (len >= 2048)
        seal_sum(copy + len - 512, 512, 64);
    put(fd, copy, len, 0);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct input in;
    int          fd = memfd_create("image", MFD_CLOEXEC);

    if (format == NULL) {
        format = getenv("FORMAT") != NULL ? getenv("FORMAT") : "qcow2";
        loop   = io_loop_new(IO_ENGINE_AUTO, NULL);
        if (freopen("/dev/null", "w", stdout) == NULL)
            abort();
    }
    if (fd < 0 || len > 1 << 20)
        abort();
    if (strcmp(format, "vhdx") == 0)
        put_vhdx(fd, data, len);
    else if (strcmp(format, "vpc") == 0)
        put_vpc(fd, data, len);
    else
        put(fd, data, len, 0);
    snprintf(in.name, sizeof in.name, "/proc/self/fd/%d", fd);
    io_run(loop, one, &in);
    close(fd);
    return 0;
}

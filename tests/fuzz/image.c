/* tests/fuzz/image.c - libFuzzer harness for image formats: opens, reads, checks, repairs and changes what the fuzzer makes up.
 *
 * FORMAT in the environment picks the driver (qcow2 if not set). Built and run by tests/fuzz/run. The image is in memory
 * (memory.h). Where a format puts its parts megabytes apart (vhdx, luks), the input holds them one after the other, and
 * where it has checksums (vhdx, vpc) they are made to fit, so that what is behind them is reached. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/block/crypt.h"
#include "core/block/node.h"
#include "core/event/iothread.h"
#include "tests/fuzz/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

extern const struct blk_driver blk_raw, blk_qcow2, blk_vdi, blk_vpc, blk_vmdk, blk_luks, blk_vhdx, blk_parallels, blk_qed, blk_bochs, blk_cloop, blk_dmg;
const struct blk_driver *const all_blk_drivers[] = {    /* no protocol but memory: nothing else can be opened */
    &blk_memory, &blk_raw, &blk_qcow2, &blk_vdi, &blk_vpc, &blk_vmdk, &blk_luks, &blk_vhdx, &blk_parallels, &blk_qed, &blk_bochs, &blk_cloop,
    &blk_dmg, NULL,
};

static const char     *format;
static struct io_loop *loop;

static void look(struct blk_node *n)
{
    static char          buf[65536];
    struct blk_info      info = { .dirty = false };
    struct blk_extent    e;
    struct blk_snapshot *list = NULL;
    uint64_t             places[] = { 0, n->bytes / 2, n->bytes > sizeof buf ? n->bytes - sizeof buf : 0 };

    for (size_t i = 0; i < 3; i++) {
        blk_read(n, places[i], buf, MIN(n->bytes - places[i], sizeof buf));
        blk_map_chain(n, NULL, places[i], sizeof buf, &e);
    }
    if (n->drv->info != NULL && n->drv->info(n, &info, NULL) == 0)
        json_decref(info.specific);
    if (n->drv->snap_list != NULL && n->drv->snap_list(n, &list, NULL) > 0 && n->drv->snap_state != NULL)
        n->drv->snap_state(n, list[0].id, 0, BLK_FLAT(buf, sizeof buf));
    free(list);
}

static void change(struct blk_node *n)
{
    static char buf[70000];

    memset(buf, 0x5a, sizeof buf);
    if (n->bytes >= 2 * sizeof buf) {
        blk_write(n, 1000, buf, sizeof buf);
        blk_zero(n, 65536, 65536, BLK_MAY_UNMAP);
        blk_discard(n, 0, 65536);
        blk_write(n, n->bytes - 5000, buf, 5000);
    }
    blk_flush(n);
}

static void bitmap(struct blk_node *n, const char *verb)
{
    struct blk_opts *o = blk_opts_new();

    n->drv->bitmap(n, verb, "fuzz", o, NULL);
    blk_opts_free(o);
}

/* What makes new structures: compressed clusters, snapshots, bitmaps, another size. */
static void build(struct blk_node *n)
{
    static char         buf[65536];
    struct blk_snapshot s = { .name = "fuzz" };

    if (n->drv->write_compressed != NULL && n->unit > 0 && n->unit <= sizeof buf && n->bytes >= n->unit)
        blk_write_compressed(n, 0, buf, n->unit);
    if (n->drv->snap_create != NULL && n->drv->snap_create(n, &s, NULL) == 0) {
        blk_write(n, 0, buf, MIN(n->bytes, 4096));
        n->drv->snap_apply(n, s.id, NULL);
        n->drv->snap_delete(n, s.id, NULL);
    }
    if (n->drv->bitmap != NULL) {
        bitmap(n, "add");
        blk_write(n, 0, buf, MIN(n->bytes, 512));
        bitmap(n, "clear");
        bitmap(n, "remove");
    }
    if (n->drv->resize != NULL && n->bytes < UINT64_C(1) << 40 && blk_resize(n, n->bytes + (1 << 20), BLK_PREALLOC_OFF, NULL) == 0)
        blk_write(n, n->bytes - 4096, buf, 4096);
}

static bool encrypted;     /* the qcow2 header says so: without that the options would be refused */

static struct blk_node *open_image(unsigned flags)
{
    struct error     err = ERROR_INIT;
    struct blk_opts *o   = blk_opts_new();
    struct blk_node *n;

    if (strcmp(format, "luks") == 0)
        blk_opts_set(o, "key-secret", "word");
    else if (strcmp(format, "qcow2") == 0 && !(flags & BLK_NO_IO) && encrypted) {
        blk_opts_set(o, "encrypt.format", "luks");
        blk_opts_set(o, "encrypt.key-secret", "word");
    }
    n = blk_open(MEMORY_IMAGE, format, o, flags | BLK_NO_LOCK, &err);
    blk_opts_free(o);
    error_clear(&err);
    return n;
}

/* @without_io: as check and info open it, so that passwords and data files are not asked for. */
static void one(void *without_io)
{
    struct error     err = ERROR_INIT;
    struct blk_check c   = { .say = NULL };
    struct blk_node *n   = open_image(0);

    if (n != NULL) {
        look(n);
        blk_unref(n);
    }
    n = open_image(BLK_NO_BACKING | BLK_RDWR | BLK_UNMAP | BLK_CHECK | (*(bool *)without_io ? BLK_NO_IO : 0));
    if (n == NULL)
        return;
    if (n->drv->check != NULL)
        n->drv->check(n, &c, 0, &err);
    change(n);
    build(n);
    error_clear(&err);
    if (n->drv->check != NULL)
        n->drv->check(n, &c, BLK_FIX_ERRORS | BLK_FIX_LEAKS, &err);
    error_clear(&err);
    change(n);                                   /* on the repaired one */
    blk_unref(n);
}

/* ---- from input to file */

static uint32_t crc32c(const uint8_t *p, size_t len)
{
    static uint32_t table[256];
    uint32_t        crc = UINT32_MAX;

    for (uint32_t i = 0; i < 256 && table[255] == 0; i++) {
        table[i] = i;
        for (int k = 0; k < 8; k++)
            table[i] = table[i] & 1 ? table[i] >> 1 ^ 0x82f63b78 : table[i] >> 1;
    }
    while (len-- > 0)
        crc = crc >> 8 ^ table[(crc ^ *p++) & 255];
    return ~crc;
}

static void seal_crc(uint8_t *p, size_t len)
{
    store_le32(p + 4, 0);
    store_le32(p + 4, crc32c(p, len));
}

/* [header 1: 4 KiB][header 2][region table][metadata table][metadata items][block table][log: 16 KiB][first blocks] */
static void put_vhdx(const uint8_t *data, size_t len)
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
    memory_put((const uint8_t *)"vhdxfile", 8, 0);
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++)
        memory_put(parts + i * K4, K4, at[i]);
    memory_put(parts + 6 * K4, LOG, 0x100000);
    memory_size(0x800000);
    if (len > PARTS)
        memory_put(data + PARTS, len - PARTS, 0x400000);
}

static void seal_sum(uint8_t *p, size_t len, size_t at)
{
    uint32_t sum = 0;

    memset(p + at, 0, 4);
    for (size_t i = 0; i < len; i++)
        sum += p[i];
    store_be32(p + at, ~sum);
}

static void put_vpc(const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len + 1);

    memcpy(copy, data, len);
    if (len >= 512)
        seal_sum(copy, 512, 64);
    if (len >= 1536)
        seal_sum(copy + 512, 1024, 36);
    if (len >= 2048)
        seal_sum(copy + len - 512, 512, 64);
    memory_put(copy, len, 0);
    free(copy);
}

/* [header: 4 KiB][first slot's key: 64 KiB][payload]; no key takes longer than it must. */
static void put_luks(const uint8_t *data, size_t len)
{
    enum { HEAD = 4096, KEY = 65536, FAR = 1 << 21, ROUNDS = 5000 };
    uint8_t head[HEAD] = { 0 };

    memcpy(head, data, MIN(len, HEAD));
    for (int i = -1; i < 8; i++) {
        uint8_t *rounds = i < 0 ? head + 164 : head + 208 + 48 * i + 4;

        if (load_be32(rounds) > ROUNDS && load_be32(rounds) < 100000000)
            store_be32(rounds, load_be32(rounds) % ROUNDS);
    }
    memory_put(head, MIN(len, HEAD), 0);
    if (len > HEAD)
        memory_put(data + HEAD, MIN(len - HEAD, KEY), load_be32(head + 208 + 40) % FAR * 512ull);
    if (len > HEAD + KEY)
        memory_put(data + HEAD + KEY, len - HEAD - KEY, load_be32(head + 104) % FAR * 512ull);
}

static void start(void)
{
    struct blk_opts *o = blk_opts_new();

    format = getenv("FORMAT") != NULL ? getenv("FORMAT") : "qcow2";
    loop   = io_loop_new(IO_ENGINE_AUTO, NULL);
    blk_opts_set(o, "id", "word");
    blk_opts_set(o, "data", "pass");
    secret_add(o, NULL);
    blk_opts_free(o);
    if (freopen("/dev/null", "w", stdout) == NULL || setvbuf(stderr, NULL, _IOLBF, 0) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (format == NULL)
        start();
    if (len > 1 << 20)
        abort();
    memory_reset();
    if (strcmp(format, "vhdx") == 0)
        put_vhdx(data, len);
    else if (strcmp(format, "vpc") == 0)
        put_vpc(data, len);
    else if (strcmp(format, "luks") == 0)
        put_luks(data, len);
    else
        memory_put(data, len, 0);
    encrypted = len >= 36 && load_be32(data + 32) == 2;
    io_run(loop, one, &(bool){ len % 2 == 0 });
    return 0;
}

/* hw/fw/fw_cfg.c - the firmware configuration device, by registers in memory and by DMA.
 *
 * Registers: 0 data (bytes in order), 8 selector (16 bits, big-endian), 16 DMA address (64 bits, big-endian; writing
 * the low half starts). Every offset is bounded by the item; behind its end there are zeros.
 * Source: QEMU Firmware Configuration (fw_cfg) Device specification, docs/specs/fw_cfg. */
#include "hw/fw/fw_cfg.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/alloc.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/opt/optlist.h"
#include "core/vm/fdt.h"

enum { DATA = 0, SELECTOR = 8, DMA_HIGH = 16, DMA_LOW = 20, LENGTH = 24 };
enum { DMA_ERROR = 1, DMA_READ = 2, DMA_SKIP = 4, DMA_SELECT = 8, DMA_WRITE = 16, DMA_BYTES = 16 };
enum { ITEMS = 0x80, NAME = 56, ENTRY = 64, OPTION_MAX = 1 << 28 };

#define DMA_SIGNATURE UINT64_C(0x51454d5520434647) /* "QEMU CFG" */

struct item {
    uint8_t *bytes;
    size_t len;
    char name[NAME];
};

struct fw_cfg {
    struct device dev;
    struct item item[ITEMS];
    unsigned files;
    uint16_t key;
    uint32_t offset;
    uint64_t dma;
};

/* --- items --------------------------------------------------------------------------------------------------------- */

void fw_cfg_add(struct device *dev, uint16_t key, const void *bytes, size_t len)
{
    struct item *i = &((struct fw_cfg *)dev)->item[key];

    free(i->bytes);
    i->bytes = xmemdup(bytes, len ? len : 1);
    i->len = len;
}

void fw_cfg_add_u16(struct device *dev, uint16_t key, uint16_t val)
{
    fw_cfg_add(dev, key, &val, sizeof(val));
}

void fw_cfg_add_u32(struct device *dev, uint16_t key, uint32_t val)
{
    fw_cfg_add(dev, key, &val, sizeof(val));
}

/* The directory is big-endian: count, then size, key, reserved, name of each file. */
static void write_directory(struct fw_cfg *s)
{
    size_t len = 4 + s->files * ENTRY;
    uint8_t *dir = xcalloc(1, len);

    store_be32(dir, s->files);
    for (unsigned i = 0; i < s->files; i++) {
        const struct item *f = &s->item[FW_CFG_FILE_FIRST + i];
        uint8_t *e = dir + 4 + i * ENTRY;

        store_be32(e, (uint32_t)f->len);
        store_be16(e + 4, (uint16_t)(FW_CFG_FILE_FIRST + i));
        memcpy(e + 8, f->name, NAME);
    }
    fw_cfg_add(&s->dev, FW_CFG_FILE_DIR, dir, len);
    free(dir);
}

void fw_cfg_add_uuid(struct device *dev, const char *uuid)
{
    uint8_t bytes[16] = { 0 };

    if (uuid)
        str_uuid(uuid, bytes);
    fw_cfg_add(dev, FW_CFG_UUID, bytes, sizeof bytes);
}

int fw_cfg_add_file(struct device *dev, const char *name, const void *bytes, size_t len, struct error *err)
{
    struct fw_cfg *s = (struct fw_cfg *)dev;
    unsigned key = FW_CFG_FILE_FIRST + s->files;

    if (strlen(name) >= NAME)
        return error_set(err, EINVAL, "fw_cfg name '%s' is longer than %d bytes", name, NAME - 1);
    for (unsigned i = FW_CFG_FILE_FIRST; i < key; i++)
        if (str_eq(s->item[i].name, name))
            return error_set(err, EEXIST, "fw_cfg file '%s' is there already", name);
    if (key >= ITEMS)
        return error_set(err, ENOSPC, "fw_cfg has no room for '%s': %d files are the most", name, ITEMS - FW_CFG_FILE_FIRST);
    s->files++;
    fw_cfg_add(dev, (uint16_t)key, bytes, len);
    strcpy(s->item[key].name, name);
    write_directory(s);
    return 0;
}

static int add_option(struct device *dev, struct optlist *l, struct error *err)
{
    const char *name = optlist_need(l, "name", err), *file = optlist_get(l, "file"), *string = optlist_get(l, "string");
    size_t len = string ? strlen(string) : 0;
    void *bytes = NULL;
    int ret;

    if (!name)
        return -EINVAL;
    if (!file == !string)
        return optlist_error(l, err, EINVAL, "it takes either file= or string=");
    if (file && !(bytes = file_read(file, OPTION_MAX, &len, err)))
        return -EINVAL;
    ret = fw_cfg_add_file(dev, name, bytes ? bytes : string, len, err);
    free(bytes);
    return ret < 0 ? ret : optlist_done(l, err);
}

int fw_cfg_add_options(struct device *dev, const struct optlists *opts, struct error *err)
{
    int ret = 0;

    for (size_t i = 0; i < opts->count && ret == 0; i++)
        ret = add_option(dev, opts->at[i], err);
    return ret;
}

/* --- reading ------------------------------------------------------------------------------------------------------- */

static const struct item *selected(const struct fw_cfg *s)
{
    return s->key < ITEMS ? &s->item[s->key] : NULL;
}

static void select_item(struct fw_cfg *s, uint16_t key)
{
    s->key = key & 0x3fff; /* the upper two bits once meant writing and the architecture's own items */
    s->offset = 0;
}

static uint8_t next_byte(struct fw_cfg *s)
{
    const struct item *i = selected(s);

    if (!i || s->offset >= i->len)
        return 0;
    return i->bytes[s->offset++];
}

/* What is left of the item goes to memory, then zeros. */
static enum mem_result dma_out(struct fw_cfg *s, gpa to, uint32_t len)
{
    const struct item *i = selected(s);
    uint32_t have = i && s->offset < i->len ? (uint32_t)(i->len - s->offset) : 0;
    uint32_t n = have < len ? have : len;
    enum mem_result res = MEM_OK;

    if (n)
        res = dma_write(s->dev.board->as, to, i->bytes + s->offset, n);
    if (res == MEM_OK && len > n)
        res = dma_fill(s->dev.board->as, to + n, 0, len - n);
    s->offset += n;
    return res;
}

static void run_dma(struct fw_cfg *s, gpa at)
{
    struct addr_space *as = s->dev.board->as;
    uint8_t raw[DMA_BYTES], done[4] = { 0 };
    uint32_t control, len;
    bool bad = false;

    if (dma_read(as, at, raw, sizeof(raw)) != MEM_OK) {
        log_guest("fw_cfg: DMA descriptor at 0x%llx, where no memory is", (unsigned long long)at);
        return;
    }
    control = load_be32(raw);
    len = load_be32(raw + 4);
    if (control & DMA_SELECT)
        select_item(s, (uint16_t)(control >> 16));
    if (control & DMA_READ)
        bad = dma_out(s, load_be64(raw + 8), len) != MEM_OK;
    else if (control & DMA_WRITE)
        bad = true; /* no item can be written */
    else if (control & DMA_SKIP)
        s->offset = s->offset + (uint64_t)len > UINT32_MAX ? UINT32_MAX : s->offset + len;
    store_be32(done, bad ? DMA_ERROR : 0);
    dma_write(as, at, done, sizeof(done));
}

static uint64_t fw_cfg_read(void *opaque, uint64_t off, unsigned size)
{
    struct fw_cfg *s = opaque;
    uint64_t val = 0;

    if (off < SELECTOR) {
        for (unsigned i = 0; i < size; i++)
            val |= (uint64_t)next_byte(s) << i * 8;
        return val;
    }
    if (off >= DMA_HIGH && off + size <= LENGTH) {
        uint8_t signature[8];

        store_be64(signature, DMA_SIGNATURE);
        return load_le(signature + (off - DMA_HIGH), size);
    }
    return 0;
}

static void fw_cfg_write(void *opaque, uint64_t off, uint64_t val, unsigned size)
{
    struct fw_cfg *s = opaque;

    if (off == SELECTOR && size == 2) {
        select_item(s, __builtin_bswap16((uint16_t)val));
    } else if (off == DMA_HIGH && size == 8) {
        run_dma(s, __builtin_bswap64(val));
    } else if (off == DMA_HIGH && size == 4) {
        s->dma = (uint64_t)__builtin_bswap32((uint32_t)val) << 32;
    } else if (off == DMA_LOW && size == 4) {
        gpa at = s->dma | __builtin_bswap32((uint32_t)val);

        s->dma = 0;
        run_dma(s, at);
    }
}

/* --- life ---------------------------------------------------------------------------------------------------------- */

static int fw_cfg_realize(struct device *dev, struct error *err)
{
    (void)err;
    fw_cfg_add(dev, FW_CFG_SIGNATURE, "QEMU", 4);
    fw_cfg_add_u32(dev, FW_CFG_ID, 3); /* registers and DMA */
    write_directory((struct fw_cfg *)dev);
    return 0;
}

static void fw_cfg_unrealize(struct device *dev)
{
    struct fw_cfg *s = (struct fw_cfg *)dev;

    for (unsigned i = 0; i < ITEMS; i++)
        free(s->item[i].bytes);
}

static void fw_cfg_reset(struct device *dev)
{
    struct fw_cfg *s = (struct fw_cfg *)dev;

    select_item(s, 0);
    s->dma = 0;
}

static const struct state_field fw_cfg_state[] = {
    STATE_U16(struct fw_cfg, key), STATE_U32(struct fw_cfg, offset), STATE_U64(struct fw_cfg, dma), STATE_END,
};

const struct device_type fw_cfg_type = {
    .name = "fw_cfg_mem", .help = "tells firmware about the machine", .bus = BUS_SYSTEM, .bytes = sizeof(struct fw_cfg),
    .state = fw_cfg_state, .state_version = 1, .wired = true, .realize = fw_cfg_realize, .unrealize = fw_cfg_unrealize,
    .reset = fw_cfg_reset,
    .mmio = { .read = fw_cfg_read, .write = fw_cfg_write, .length = LENGTH, .widths = WIDTH_ANY },
};

struct device *fw_cfg_make(struct board *b, gpa at, unsigned cpus, const struct optlists *opts, struct error *err)
{
    struct device *dev = device_make(b, &fw_cfg_type, at, err);

    if (!dev)
        return NULL;
    fw_cfg_add_u16(dev, FW_CFG_NB_CPUS, (uint16_t)cpus);
    fw_cfg_add_u16(dev, FW_CFG_MAX_CPUS, (uint16_t)cpus);
    return fw_cfg_add_options(dev, opts, err) < 0 ? NULL : dev;
}

void fw_cfg_fdt(struct fdt *f, const char *path, gpa at)
{
    fdt_str(f, path, "compatible", "qemu,fw-cfg-mmio");
    fdt_reg(f, path, at, LENGTH);
    fdt_flag(f, path, "dma-coherent");
}

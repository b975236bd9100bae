/* hw/block/pflash.c - NOR flash with Intel's command set, two 16-bit chips side by side.
 *
 *     read array <--0xff-- status <--0xd0 or data-- waiting for the second write of a command
 *     (reads come straight from memory; in every other state from here)
 *
 * What is programmed goes to the drive at once. Programming clears bits, erasing sets them.
 * Source: Common Flash Memory Interface (JESD68.01); Intel StrataFlash J3 data sheet, section 9. */
#include "hw/block/pflash.h"
#include <errno.h>
#include <string.h>
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/block/backend.h"
#include "core/mem/ram.h"

enum { SECTOR = 256 * 1024, BUFFER = 4096, WIDTH = 4 };
enum {
    READ_ARRAY = 0xff, PROGRAM = 0x40, PROGRAM_ALT = 0x10, ERASE = 0x20, CLEAR_STATUS = 0x50, LOCK = 0x60, READ_STATUS = 0x70,
    READ_ID = 0x90, QUERY = 0x98, BUFFERED = 0xe8, CONFIRM = 0xd0,
};
enum { READY = 0x80, ERASE_ERROR = 0x20, PROGRAM_ERROR = 0x10 };

struct pflash {
    struct device dev;
    uint64_t size;
    char *name;
    int unit;
    char *drive;
    struct blk_backend *be;
    struct ram_block *ram;
    struct mem_region *region;
    uint8_t command;  /* READ_ARRAY, or what reads answer to */
    uint8_t step;     /* writes of the command so far */
    uint8_t status;
    uint32_t left;    /* buffered write: words still to come */
    uint64_t base;    /* of the block that the buffer is for */
    uint8_t buffer[BUFFER];
    uint8_t filled[BUFFER / 8]; /* bytes of the buffer that were written */
};

/* --- contents ------------------------------------------------------------------------------------------------------- */

static uint8_t *bytes_of(struct pflash *s)
{
    return s->ram->host;
}

/* Bytes have changed: readers of memory and the drive have to know. */
static void changed(struct pflash *s, uint64_t off, uint64_t len)
{
    ram_written(s->ram, off, len);
    if (!s->be || off >= blk_backend_bytes(s->be))
        return;
    if (len > blk_backend_bytes(s->be) - off)
        len = blk_backend_bytes(s->be) - off;
    if (blk_backend_readonly(s->be) || blk_sync_write(s->be, off, bytes_of(s) + off, len) < 0)
        s->status |= PROGRAM_ERROR;
}

static bool is_readonly(const struct pflash *s)
{
    return s->be && blk_backend_readonly(s->be);
}

static void program(struct pflash *s, uint64_t off, uint64_t val, unsigned size)
{
    if (is_readonly(s)) {
        s->status |= PROGRAM_ERROR;
        return;
    }
    for (unsigned i = 0; i < size; i++)
        bytes_of(s)[off + i] &= (uint8_t)(val >> i * 8);
    changed(s, off, size);
}

static void erase(struct pflash *s, uint64_t off)
{
    off &= ~(uint64_t)(SECTOR - 1);
    if (is_readonly(s)) {
        s->status |= ERASE_ERROR;
        return;
    }
    memset(bytes_of(s) + off, 0xff, SECTOR);
    changed(s, off, SECTOR);
}

static void program_buffer(struct pflash *s)
{
    if (is_readonly(s)) {
        s->status |= PROGRAM_ERROR;
        return;
    }
    for (unsigned i = 0; i < BUFFER; i++)
        if (s->filled[i / 8] >> i % 8 & 1)
            bytes_of(s)[s->base + i] &= s->buffer[i];
    changed(s, s->base, BUFFER);
}

/* --- commands -------------------------------------------------------------------------------------------------------- */

static void enter(struct pflash *s, uint8_t command, uint8_t step)
{
    s->command = command;
    s->step = step;
    region_set_direct(s->region, command == READ_ARRAY && step == 0);
}

static void first_write(struct pflash *s, uint64_t off, uint8_t command)
{
    switch (command) {
    case PROGRAM:
    case PROGRAM_ALT:
    case ERASE:
    case LOCK:
        enter(s, command, 1);
        break;
    case BUFFERED:
        s->base = off & ~(uint64_t)(BUFFER - 1);
        memset(s->filled, 0, sizeof(s->filled));
        enter(s, BUFFERED, 1);
        break;
    case CLEAR_STATUS:
        s->status = READY;
        enter(s, READ_ARRAY, 0);
        break;
    case READ_STATUS:
    case READ_ID:
    case QUERY:
        enter(s, command, 0);
        break;
    default:
        enter(s, READ_ARRAY, 0);
    }
}

static void fill_buffer(struct pflash *s, uint64_t off, uint64_t val, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        uint64_t at = off + i - s->base;

        if (off + i < s->base || at >= BUFFER) {
            s->status |= PROGRAM_ERROR; /* outside of the block that was begun */
            continue;
        }
        s->buffer[at] = (uint8_t)(val >> i * 8);
        s->filled[at / 8] |= (uint8_t)(1u << at % 8);
    }
    if (s->left-- == 0)
        s->step = 3;
}

static void next_write(struct pflash *s, uint64_t off, uint64_t val, unsigned size)
{
    uint8_t low = (uint8_t)val;

    switch (s->command) {
    case PROGRAM:
    case PROGRAM_ALT:
        program(s, off, val, size);
        enter(s, READ_STATUS, 0);
        break;
    case ERASE:
        if (low == CONFIRM)
            erase(s, off);
        enter(s, low == CONFIRM ? READ_STATUS : READ_ARRAY, 0);
        break;
    case LOCK: /* nothing is ever locked */
        enter(s, low == READ_ARRAY ? READ_ARRAY : READ_STATUS, 0);
        break;
    default: /* BUFFERED: count less one, words, confirmation */
        if (s->step == 1) {
            s->left = val & 0xffff;
            s->step = 2;
        } else if (s->step == 2) {
            fill_buffer(s, off, val, size);
        } else {
            if (low == CONFIRM)
                program_buffer(s);
            else
                s->status |= PROGRAM_ERROR;
            enter(s, READ_STATUS, 0);
        }
    }
}

static void pflash_write(void *opaque, uint64_t off, uint64_t val, unsigned size)
{
    struct pflash *s = opaque;

    if (s->step == 0)
        first_write(s, off, (uint8_t)val);
    else
        next_write(s, off, val, size);
}

/* --- what is not the array ------------------------------------------------------------------------------------------- */

/* The query table of one chip (JESD68, and Intel's extension at 0x31). */
static uint8_t query(const struct pflash *s, unsigned n)
{
    uint32_t sectors = (uint32_t)(s->size / SECTOR) - 1;
    uint32_t sector = SECTOR / 2 / 256; /* of one of two chips, in units of 256 bytes */

    switch (n) {
    case 0x10: return 'Q';
    case 0x11: return 'R';
    case 0x12: return 'Y';
    case 0x13: return 1;       /* Intel's extended command set */
    case 0x15: return 0x31;    /* where its table is */
    case 0x1b: return 0x45;    /* 4.5 to 5.5 V */
    case 0x1c: return 0x55;
    case 0x1f: return 0x07;    /* typical times: program, buffer, erase; and the most, as powers of two */
    case 0x20: return 0x07;
    case 0x21: return 0x0a;
    case 0x23: return 0x04;
    case 0x24: return 0x04;
    case 0x25: return 0x04;
    case 0x27: return (uint8_t)__builtin_ctzll(s->size / 2);
    case 0x28: return 0x02;    /* 8 and 16 bits wide */
    case 0x2a: return 0x0b;    /* buffer of one chip: 2 KiB */
    case 0x2c: return 1;       /* one erase region */
    case 0x2d: return (uint8_t)sectors;
    case 0x2e: return (uint8_t)(sectors >> 8);
    case 0x2f: return (uint8_t)sector;
    case 0x30: return (uint8_t)(sector >> 8);
    case 0x31: return 'P';
    case 0x32: return 'R';
    case 0x33: return 'I';
    case 0x34: return '1';
    case 0x35: return '0';
    case 0x3f: return 1;
    }
    return 0;
}

static uint64_t pflash_read(void *opaque, uint64_t off, unsigned size)
{
    struct pflash *s = opaque;
    unsigned n = (unsigned)(off / WIDTH) & 0xff;
    uint32_t val = s->status;

    if (s->command == READ_ARRAY && s->step == 0)
        return load_le(bytes_of(s) + off, size);
    if (s->step == 0 && s->command == QUERY)
        val = query(s, n);
    else if (s->step == 0 && s->command == READ_ID)
        val = n == 0 ? 0x89 : n == 1 ? 0x18 : 0;
    val |= val << 16; /* both chips */
    return (val | (uint64_t)val << 32) >> (off % WIDTH) * 8;
}

/* --- life ------------------------------------------------------------------------------------------------------------- */

static const struct mmio_ops pflash_ops = { .read = pflash_read, .write = pflash_write, .widths = WIDTH_ANY };

static int load(struct pflash *s, struct error *err)
{
    uint64_t bytes = blk_backend_bytes(s->be);
    int ret;

    if (bytes > s->size)
        return error_set(err, EFBIG, "the flash image '%s' has %llu bytes, and this bank %llu", blk_backend_id(s->be),
                         (unsigned long long)bytes, (unsigned long long)s->size);
    ret = blk_backend_attach(s->be, NULL, s, s->name, !blk_backend_readonly(s->be), err);
    if (ret < 0)
        return ret;
    ret = blk_sync_read(s->be, 0, s->ram->host, bytes);
    if (ret == 0)
        return 0;
    blk_backend_detach(s->be);
    return error_set(err, -ret, "cannot read the flash image '%s': %s", blk_backend_id(s->be), strerror(-ret));
}

static int pflash_realize(struct device *dev, struct error *err)
{
    struct pflash *s = (struct pflash *)dev;
    int ret;

    if (s->size % SECTOR || s->size > 1 << 28 || (s->size & (s->size - 1)))
        return error_set(err, EINVAL, "flash of %llu bytes is not possible: it is a power of two from 256 KiB to 256 MiB",
                         (unsigned long long)s->size);
    s->ram = ram_new(dev->board->mem, s->name ? s->name : "pflash", s->size, err);
    if (!s->ram)
        return -ENOMEM;
    s->be = s->drive ? blk_backend_get(s->drive, err) : blk_backend_find_if(BLK_IF_PFLASH, 0, s->unit);
    if (s->drive && !s->be)
        return -ENOENT;
    if (s->be && (ret = load(s, err)) < 0)
        return ret;
    s->region = region_romd(dev->board->mem, s->name ? s->name : "pflash", s->ram, 0, s->size, &pflash_ops, s);
    return 0;
}

static void pflash_unrealize(struct device *dev)
{
    struct pflash *s = (struct pflash *)dev;

    if (s->be)
        blk_backend_detach(s->be);
    region_del(s->region);
    region_free(s->region);
}

static void pflash_reset(struct device *dev)
{
    struct pflash *s = (struct pflash *)dev;

    s->status = READY;
    enter(s, READ_ARRAY, 0);
}

static int pflash_after_load(struct device *dev, struct error *err)
{
    struct pflash *s = (struct pflash *)dev;

    if (s->step > 3 || s->base > s->size - BUFFER || s->base % BUFFER)
        return error_set(err, EINVAL, "saved flash is in no possible state");
    enter(s, s->command, s->step);
    return 0;
}

static const struct prop pflash_props[] = {
    PROP_STR(struct pflash, name, "name", NULL, "name of its memory"),
    PROP_SIZE(struct pflash, size, "size", "32M", "bytes"),
    PROP_BACKEND(struct pflash, drive, "drive", "drive", "block node with its contents"),
    PROP_(PROP_U32_KIND, struct pflash, unit, "unit", "0", "-drive if=pflash,unit= with its contents"),
    PROP_END,
};

static const struct state_field pflash_state[] = {
    STATE_U8(struct pflash, command), STATE_U8(struct pflash, step), STATE_U8(struct pflash, status),
    STATE_U32(struct pflash, left), STATE_U64(struct pflash, base), STATE_ARRAY(struct pflash, buffer),
    STATE_ARRAY(struct pflash, filled), STATE_END,
};

const struct device_type pflash_type = {
    .name = "cfi.pflash01", .help = "NOR flash", .bus = BUS_SYSTEM, .bytes = sizeof(struct pflash), .props = pflash_props,
    .state = pflash_state, .state_version = 1, .wired = true, .realize = pflash_realize, .unrealize = pflash_unrealize,
    .reset = pflash_reset, .after_load = pflash_after_load,
};

bool pflash_has_drive(const struct device *dev)
{
    return ((const struct pflash *)dev)->be;
}

struct device *pflash_make(struct board *b, const char *name, gpa at, uint64_t size, int unit,
                           const char *drive, struct error *err)
{
    struct device *dev = device_new(b, &pflash_type, NULL, err);
    char text[24];

    if (!dev)
        return NULL;
    snprintf(text, sizeof(text), "%llu", (unsigned long long)size);
    if (device_set(dev, "name", name, err) < 0 || device_set(dev, "size", text, err) < 0 ||
        (drive && device_set(dev, "drive", drive, err) < 0))
        return NULL;
    ((struct pflash *)dev)->unit = unit;
    if (device_realize(dev, NULL, err) < 0) {
        device_free(dev);
        return NULL;
    }
    region_add(b->sysmem, at, ((struct pflash *)dev)->region, 0);
    return dev;
}

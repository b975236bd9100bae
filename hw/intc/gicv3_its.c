/* hw/intc/gicv3_its.c - the Interrupt Translation Service: (device, event) becomes an LPI at a CPU.
 *
 * Device table, collection table and each device's interrupt table lie in guest memory, eight bytes an entry, in a form of
 * our own (below). Whatever the guest writes there, an entry only ever names an LPI and a CPU, both bounded when used.
 * Commands are taken from a ring in guest memory when the guest moves its end: at most one ring full a time.
 * Source: IHI 0069G, chapter 5, and 12.18 (registers).
 *
 *     device       bit 63 valid · 4:0 bits of event number less one · 51:8 address of the interrupt table
 *     collection   bit 63 valid · 15:0 CPU
 *     interrupt    bit 63 valid · 31:16 collection · 15:0 LPI */
#include <errno.h>
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/mem/dma.h"
#include "hw/intc/gicv3_int.h"

enum {
    CTLR = 0x00, IIDR = 0x04, TYPER = 0x08, CBASER = 0x80, CWRITER = 0x88, CREADR = 0x90, BASER = 0x100, BASERS = 2,
    ID = 0xffd0, LENGTH = 0x20000, CTLR_QUIESCENT = UINT32_C(1) << 31,
};
enum { DEVICES = 0, COLLECTIONS = 1, ENTRY = 8, EVENT_BITS = 16, DEVICE_BITS = 16, COLLECTION_BITS = 16, COMMAND = 32 };
enum {
    MOVI = 0x01, INT = 0x03, CLEAR = 0x04, SYNC = 0x05, MAPD = 0x08, MAPC = 0x09, MAPTI = 0x0a, MAPI = 0x0b, INV = 0x0c,
    INVALL = 0x0d, MOVALL = 0x0e, DISCARD = 0x0f,
};

#define VALID (UINT64_C(1) << 63)
#define INDIRECT (UINT64_C(1) << 62)
#define ADDRESS UINT64_C(0x000ffffffffff000)
#define ITT_ADDRESS UINT64_C(0x000fffffffffff00)
#define TYPER_VALUE \
    (1 | (uint64_t)(ENTRY - 1) << 4 | (uint64_t)(EVENT_BITS - 1) << 8 | (uint64_t)(DEVICE_BITS - 1) << 13 | \
     (uint64_t)(COLLECTION_BITS - 1) << 32 | UINT64_C(1) << 36)

struct its {
    struct device dev;
    struct gicv3 *gic;
    uint32_t ctlr;
    uint64_t cbaser, cwriter, creadr, baser[BASERS];
};

/* --- tables in guest memory ---------------------------------------------------------------------------------------------------- */

static bool read_entry(struct its *s, gpa at, uint64_t *e)
{
    uint8_t raw[ENTRY];

    if (dma_read(s->dev.board->as, at, raw, ENTRY) != MEM_OK)
        return false;
    *e = load_le64(raw);
    return true;
}

static bool write_entry(struct its *s, gpa at, uint64_t e)
{
    uint8_t raw[ENTRY];

    store_le64(raw, e);
    return dma_write(s->dev.board->as, at, raw, ENTRY) == MEM_OK;
}

static uint64_t page_bytes(uint64_t baser)
{
    static const uint32_t sizes[4] = { 0x1000, 0x4000, 0x10000, 0x10000 };

    return sizes[baser >> 8 & 3];
}

/* Where entry @n of a table is; false if the table has no such entry. */
static bool entry_at(struct its *s, unsigned table, uint64_t n, gpa *at)
{
    uint64_t b = s->baser[table], page = page_bytes(b), bytes = ((b & 0xff) + 1) * page, first;

    if (!(b & VALID))
        return false;
    *at = (b & ADDRESS) + n * ENTRY;
    if (!(b & INDIRECT))
        return n < bytes / ENTRY;
    n *= ENTRY;
    if (n / page >= bytes / ENTRY || !read_entry(s, (b & ADDRESS) + n / page * ENTRY, &first) || !(first & VALID))
        return false;
    *at = (first & ADDRESS) + n % page;
    return true;
}

static bool device_entry(struct its *s, uint32_t device, uint64_t *e)
{
    gpa at;

    return device < 1u << DEVICE_BITS && entry_at(s, DEVICES, device, &at) && read_entry(s, at, e) && (*e & VALID);
}

static bool interrupt_at(struct its *s, uint32_t device, uint32_t event, gpa *at)
{
    uint64_t d;

    if (!device_entry(s, device, &d) || event >> ((d & 31) + 1) || event >= 1u << EVENT_BITS)
        return false;
    *at = (d & ITT_ADDRESS) + (uint64_t)event * ENTRY;
    return true;
}

static bool cpu_of_collection(struct its *s, uint32_t collection, unsigned *cpu)
{
    uint64_t e;
    gpa at;

    if (collection >= 1u << COLLECTION_BITS || !entry_at(s, COLLECTIONS, collection, &at) || !read_entry(s, at, &e))
        return false;
    *cpu = e & 0xffff;
    return (e & VALID) && *cpu < s->gic->cpus;
}

/* An event's LPI and CPU. */
static bool translate(struct its *s, uint32_t device, uint32_t event, uint64_t *e, gpa *at, unsigned *cpu)
{
    return interrupt_at(s, device, event, at) && read_entry(s, *at, e) && (*e & VALID) &&
           cpu_of_collection(s, *e >> 16 & 0xffff, cpu);
}

/* --- commands --------------------------------------------------------------------------------------------------------------------- */

static void map_device(struct its *s, const uint64_t c[4])
{
    uint64_t bits = c[1] & 31;
    gpa at;

    if (c[0] >> 32 < 1u << DEVICE_BITS && bits < EVENT_BITS && entry_at(s, DEVICES, c[0] >> 32, &at))
        write_entry(s, at, (c[2] & VALID) | (c[2] & ITT_ADDRESS) | bits);
}

static void map_collection(struct its *s, const uint64_t c[4])
{
    gpa at;

    if (entry_at(s, COLLECTIONS, c[2] & 0xffff, &at))
        write_entry(s, at, (c[2] & VALID) | (c[2] >> 16 & 0xffff));
}

static void map_interrupt(struct its *s, const uint64_t c[4], uint64_t lpi)
{
    gpa at;

    if (lpi >= GICV3_LPI_FIRST && lpi < 1u << GICV3_ID_BITS && interrupt_at(s, (uint32_t)(c[0] >> 32), (uint32_t)c[1], &at))
        write_entry(s, at, VALID | (c[2] & 0xffff) << 16 | lpi);
}

static void move_interrupt(struct its *s, const uint64_t c[4], uint64_t e, gpa at, unsigned from)
{
    unsigned to;

    if (!cpu_of_collection(s, c[2] & 0xffff, &to))
        return;
    write_entry(s, at, VALID | (c[2] & 0xffff) << 16 | (e & 0xffff));
    gicv3_lpi_move(s->gic, from, to, e & 0xffff);
}

/* Commands about one mapped event. */
static void event_command(struct its *s, const uint64_t c[4])
{
    unsigned cpu;
    uint64_t e;
    gpa at;

    if (!translate(s, (uint32_t)(c[0] >> 32), (uint32_t)c[1], &e, &at, &cpu)) {
        log_guest("its: command 0x%x for an event that is not mapped", (unsigned)(c[0] & 0xff));
        return;
    }
    switch (c[0] & 0xff) {
    case INT:
        gicv3_lpi(s->gic, cpu, e & 0xffff, true);
        break;
    case CLEAR:
        gicv3_lpi(s->gic, cpu, e & 0xffff, false);
        break;
    case INV:
        gicv3_lpi_look(s->gic, cpu);
        break;
    case MOVI:
        move_interrupt(s, c, e, at, cpu);
        break;
    case DISCARD:
        gicv3_lpi(s->gic, cpu, e & 0xffff, false);
        write_entry(s, at, 0);
        break;
    }
}

static void execute(struct its *s, const uint64_t c[4])
{
    unsigned cpu, to = c[3] >> 16 & 0xffff;

    switch (c[0] & 0xff) {
    case MAPD:
        map_device(s, c);
        break;
    case MAPC:
        map_collection(s, c);
        break;
    case MAPTI:
        map_interrupt(s, c, c[1] >> 32);
        break;
    case MAPI:
        map_interrupt(s, c, (uint32_t)c[1]);
        break;
    case INVALL:
        if (cpu_of_collection(s, c[2] & 0xffff, &cpu))
            gicv3_lpi_look(s->gic, cpu);
        break;
    case MOVALL:
        cpu = c[2] >> 16 & 0xffff;
        if (cpu < s->gic->cpus && to < s->gic->cpus)
            gicv3_lpi_move(s->gic, cpu, to, 0);
        break;
    case SYNC: /* every command is done when the next begins */
        break;
    case INT:
    case CLEAR:
    case INV:
    case MOVI:
    case DISCARD:
        event_command(s, c);
        break;
    default:
        log_guest("its: command 0x%x is unknown", (unsigned)(c[0] & 0xff));
    }
}

static void run_commands(struct its *s)
{
    uint64_t bytes = ((s->cbaser & 0xff) + 1) * 0x1000;

    if (!(s->ctlr & 1) || !(s->cbaser & VALID) || s->cwriter >= bytes)
        return;
    while (s->creadr != s->cwriter) {
        uint8_t raw[COMMAND];
        uint64_t c[4];

        if (dma_read(s->dev.board->as, (s->cbaser & ADDRESS) + s->creadr, raw, COMMAND) == MEM_OK) {
            for (unsigned i = 0; i < 4; i++)
                c[i] = load_le64(raw + 8 * i);
            execute(s, c);
        }
        s->creadr = (s->creadr + COMMAND) % bytes;
    }
}

void gicv3_its_message(struct device *dev, uint32_t device, uint32_t event)
{
    struct its *s = (struct its *)dev;
    unsigned cpu;
    uint64_t e;
    gpa at;

    if (s->ctlr & 1 && translate(s, device, event, &e, &at, &cpu))
        gicv3_lpi(s->gic, cpu, e & 0xffff, true);
    else
        log_guest("its: device 0x%x event 0x%x is not mapped", device, event);
}

/* --- registers ---------------------------------------------------------------------------------------------------------------------- */

static const uint64_t baser_fixed[BASERS] = {
    UINT64_C(1) << 56 | (uint64_t)(ENTRY - 1) << 48, UINT64_C(4) << 56 | (uint64_t)(ENTRY - 1) << 48,
};

static uint64_t half(uint64_t val, uint64_t off)
{
    return val >> (off & 4) * 8;
}

static uint64_t its_read(void *opaque, uint64_t off, unsigned size)
{
    static const uint8_t ids[] = { 0x44, 0, 0, 0, 0x94, 0xb4, 0x3b, 0, 0x0d, 0xf0, 0x05, 0xb1 };
    struct its *s = opaque;

    (void)size;
    if (off >= BASER && off < BASER + 8 * BASERS)
        return half(s->baser[(off - BASER) / 8] | baser_fixed[(off - BASER) / 8], off);
    switch (off & ~UINT64_C(4)) {
    case CTLR:
        return off == IIDR ? 0x0043043b : s->ctlr | CTLR_QUIESCENT;
    case TYPER:
        return half(TYPER_VALUE, off);
    case CBASER:
        return half(s->cbaser, off);
    case CWRITER:
        return half(s->cwriter, off);
    case CREADR:
        return half(s->creadr, off);
    }
    return off >= ID && off < 0x10000 && off % 4 == 0 ? ids[(off - ID) / 4] : 0;
}

static uint64_t with_half(uint64_t old, uint64_t off, uint64_t val, unsigned size)
{
    if (size == 8)
        return val;
    return off & 4 ? (old & UINT32_MAX) | val << 32 : (old & ~(uint64_t)UINT32_MAX) | (uint32_t)val;
}

static void write_baser(struct its *s, uint64_t off, uint64_t val, unsigned size)
{
    uint64_t *b = &s->baser[(off - BASER) / 8];
    uint64_t indirect = off < BASER + 8 ? INDIRECT : 0; /* collections are one flat table */

    if (!(s->ctlr & 1))
        *b = with_half(*b, off, val, size) & (VALID | indirect | UINT64_C(0x38e0ffffffffffff));
}

static void its_write(void *opaque, uint64_t off, uint64_t val, unsigned size)
{
    struct its *s = opaque;

    if (off >= BASER && off < BASER + 8 * BASERS) {
        write_baser(s, off, val, size);
        return;
    }
    if (off == GICV3_ITS_TRANSLATER) {
        gicv3_its_message(&s->dev, 0, (uint32_t)val); /* a CPU's write: no device */
        return;
    }
    switch (off & ~UINT64_C(4)) {
    case CTLR:
        if (off == CTLR)
            s->ctlr = val & 1;
        break;
    case CBASER:
        if (s->ctlr & 1)
            return;
        s->cbaser = with_half(s->cbaser, off, val, size) & UINT64_C(0xb8effffffffffcff);
        s->creadr = 0;
        break;
    case CWRITER:
        s->cwriter = with_half(s->cwriter, off, val, size) & 0xfffe0;
        break;
    default:
        return;
    }
    run_commands(s);
}

/* --- life ------------------------------------------------------------------------------------------------------------------------------- */

void gicv3_its_of(struct device *its, struct device *gic)
{
    ((struct its *)its)->gic = (struct gicv3 *)gic;
}

static int its_realize(struct device *dev, struct error *err)
{
    if (!((struct its *)dev)->gic)
        return error_set(err, EINVAL, "an ITS belongs to an interrupt controller");
    return 0;
}

static void its_reset(struct device *dev)
{
    struct its *s = (struct its *)dev;

    s->ctlr = 0;
    s->cbaser = s->cwriter = s->creadr = 0;
    s->baser[DEVICES] = s->baser[COLLECTIONS] = 0;
}

static int its_after_load(struct device *dev, struct error *err)
{
    struct its *s = (struct its *)dev;

    if (s->cwriter & ~UINT64_C(0xfffe0) || s->creadr & ~UINT64_C(0xfffe0) || s->creadr >= ((s->cbaser & 0xff) + 1) * 0x1000)
        return error_set(err, EINVAL, "saved ITS is in no possible state");
    return 0;
}

static const struct state_field its_state[] = {
    STATE_U32(struct its, ctlr), STATE_U64(struct its, cbaser), STATE_U64(struct its, cwriter), STATE_U64(struct its, creadr),
    STATE_ARRAY(struct its, baser), STATE_END,
};

const struct device_type gicv3_its_type = {
    .name = "arm-gicv3-its", .help = "ARM interrupt translation service", .bus = BUS_SYSTEM, .bytes = sizeof(struct its),
    .state = its_state, .state_version = 1, .wired = true, .realize = its_realize, .reset = its_reset,
    .after_load = its_after_load,
    .mmio = { .read = its_read, .write = its_write, .length = LENGTH, .widths = WIDTH_4 | WIDTH_8 },
};

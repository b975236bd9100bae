/* hw/pci/pci.c - configuration space and what follows from it: where base addresses are mapped, what the pin drives. */
#include "hw/pci/pci.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "hw/pci/msix.h"

enum { SLOTS = 32, FUNCTIONS = 8 };

/* --- header ------------------------------------------------------------------------------------------------------ */

void pci_init(struct pci_device *p)
{
    const struct pci_info *info = p->dev.type->iface;

    store_le16(p->config + PCI_VENDOR_ID, info->vendor);
    store_le16(p->config + PCI_DEVICE_ID, info->device);
    p->config[PCI_REVISION] = info->revision;
    p->config[PCI_CLASS] = (uint8_t)info->class;
    store_le16(p->config + PCI_CLASS + 1, (uint16_t)(info->class >> 8));
    p->config[PCI_INTERRUPT_PIN] = info->has_pin;
    p->config[PCI_HEADER_TYPE] = p->multifunction ? 0x80 : 0;
    store_le16(p->writable + PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_NO_INTX);
    p->writable[PCI_INTERRUPT_LINE] = 0xff;
    p->writable[0x0c] = 0xff; /* cache line size: no effect, but there */
    p->next_capability = PCI_FIRST_CAPABILITY;
}

int pci_check_rom(struct device *dev, struct error *err)
{
    const char *file = ((struct pci_device *)dev)->rom_file;

    if (!file || !*file)
        return 0;
    return error_set(err, ENOTSUP, "romfile=%s: ROMs of cards are not built in yet; leave it out, or empty", file);
}

unsigned pci_add_capability(struct pci_device *p, uint8_t id, unsigned bytes)
{
    unsigned at = p->next_capability;

    assert(at + bytes <= PCI_CONFIG_BYTES);
    p->config[at] = id;
    p->config[at + 1] = p->config[PCI_CAPABILITIES];
    p->config[PCI_CAPABILITIES] = (uint8_t)at;
    p->config[PCI_STATUS] |= PCI_STATUS_CAPABILITIES;
    p->next_capability = (at + bytes + 3) & ~3u;
    return at;
}

bool pci_is_master(const struct pci_device *p)
{
    return p->config[PCI_COMMAND] & PCI_COMMAND_MASTER;
}

/* --- base addresses ---------------------------------------------------------------------------------------------- */

void pci_add_bar(struct pci_device *p, unsigned n, struct mem_region *mr, uint8_t flags)
{
    uint64_t size = region_size(mr), mask = ~(size - 1);

    assert(n < PCI_BARS && !p->bar[n].mr && (size & (size - 1)) == 0 && size >= (flags & PCI_BAR_IO ? 4 : 16));
    p->bar[n] = (struct pci_bar){ .mr = mr, .size = size, .flags = flags };
    p->config[PCI_BAR0 + 4 * n] = flags;
    store_le32(p->writable + PCI_BAR0 + 4 * n, (uint32_t)mask);
    if (flags & PCI_BAR_64)
        store_le32(p->writable + PCI_BAR0 + 4 * n + 4, (uint32_t)(mask >> 32));
}

static struct pci_bus *bus_of(const struct pci_device *p)
{
    return p->dev.bus ? p->dev.bus->opaque : NULL;
}

static uint64_t bar_address(const struct pci_device *p, unsigned n)
{
    const uint8_t *at = p->config + PCI_BAR0 + 4 * n;
    uint64_t addr = load_le32(at) & (p->bar[n].flags & PCI_BAR_IO ? ~3u : ~15u);

    return p->bar[n].flags & PCI_BAR_64 ? addr | (uint64_t)load_le32(at + 4) << 32 : addr;
}

/* Is the register decoded, and does it hold an address? Zero and the all-ones of sizing are none. */
static bool bar_decoded(const struct pci_device *p, unsigned n)
{
    const struct pci_bar *b = &p->bar[n];
    uint64_t addr = bar_address(p, n), last = addr + (b->size - 1);

    if (!(p->config[PCI_COMMAND] & (b->flags & PCI_BAR_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY)) || !addr || last < addr)
        return false;
    if (b->flags & PCI_BAR_IO)
        return last <= UINT16_MAX;
    return b->flags & PCI_BAR_64 ? last != UINT64_MAX : last < UINT32_MAX;
}

static void map_bars(struct pci_device *p)
{
    struct pci_bus *bus = bus_of(p);

    if (!bus)
        return;
    mem_begin(p->dev.board->mem);
    for (unsigned i = 0; i < PCI_BARS; i++) {
        struct pci_bar *b = &p->bar[i];

        if (!b->mr)
            continue;
        region_del(b->mr);
        if (bar_decoded(p, i))
            region_add(b->flags & PCI_BAR_IO ? bus->io : bus->memory, bar_address(p, i), b->mr, 1);
    }
    mem_commit(p->dev.board->mem);
}

void pci_free_bars(struct pci_device *p)
{
    for (unsigned i = 0; i < PCI_BARS; i++) {
        if (p->bar[i].mr) {
            region_del(p->bar[i].mr);
            region_free(p->bar[i].mr);
            p->bar[i].mr = NULL;
        }
    }
}

/* --- interrupt pin ----------------------------------------------------------------------------------------------- */

static void update_pin(struct pci_device *p)
{
    if (p->pin_level)
        p->config[PCI_STATUS] |= PCI_STATUS_INTX;
    else
        p->config[PCI_STATUS] &= (uint8_t)~PCI_STATUS_INTX;
    irq_set(&p->pin, p->pin_level && !(load_le16(p->config + PCI_COMMAND) & PCI_COMMAND_NO_INTX));
}

void pci_set_pin(struct pci_device *p, bool level)
{
    if (p->pin_level == level)
        return;
    p->pin_level = level;
    update_pin(p);
}

void pci_send_message(struct pci_device *p, gpa addr, uint32_t data)
{
    struct pci_bus *bus = bus_of(p);
    uint8_t bytes[4];

    if (!bus || !pci_is_master(p))
        return;
    store_le32(bytes, data);
    if (bus->message)
        bus->message(bus->message_opaque, p->devfn, addr, data);
    else
        dma_write(p->dev.board->as, addr, bytes, sizeof(bytes));
}

/* --- access ------------------------------------------------------------------------------------------------------ */

uint32_t pci_config_read(struct pci_bus *b, unsigned devfn, unsigned off, unsigned size)
{
    struct pci_device *p = b->slot[devfn & 255];
    const struct pci_info *info;

    if (!p || !p->dev.realized)
        return UINT32_MAX >> (32 - size * 8);
    if (off + size > PCI_CONFIG_BYTES)
        return 0; /* extended space without capabilities */
    info = p->dev.type->iface;
    if (info->before_read)
        info->before_read(p, off, size);
    return (uint32_t)load_le(p->config + off, size);
}

void pci_config_write(struct pci_bus *b, unsigned devfn, unsigned off, uint32_t val, unsigned size)
{
    struct pci_device *p = b->slot[devfn & 255];
    const struct pci_info *info;
    uint8_t before[6 * 4 + 2];

    if (!p || !p->dev.realized || off + size > PCI_CONFIG_BYTES)
        return;
    info = p->dev.type->iface;
    memcpy(before, p->config + PCI_COMMAND, 2);
    memcpy(before + 2, p->config + PCI_BAR0, 24);
    for (unsigned i = 0; i < size; i++) {
        uint8_t mask = p->writable[off + i];

        p->config[off + i] = (uint8_t)((p->config[off + i] & ~mask) | (val >> i * 8 & mask));
    }
    if (memcmp(before, p->config + PCI_COMMAND, 2) || memcmp(before + 2, p->config + PCI_BAR0, 24)) {
        map_bars(p);
        update_pin(p);
    }
    if (p->msix.cap)
        pci_msix_control(p);
    if (info->after_write)
        info->after_write(p, off, size);
}

void pci_reset_function(struct pci_device *p)
{
    for (unsigned i = PCI_COMMAND; i < PCI_BAR0 + 24; i++)
        if (i < PCI_REVISION || i >= PCI_BAR0)
            p->config[i] &= (uint8_t)~p->writable[i];
    p->config[PCI_INTERRUPT_LINE] = 0;
    p->pin_level = false;
    pci_msix_reset(p);
    map_bars(p);
    update_pin(p);
}

const struct state_field pci_state[] = {
    STATE_ARRAY(struct pci_device, config), STATE_BOOL(struct pci_device, pin_level),
    STATE_BYTES(struct pci_device, msix.table, msix.table_bytes), STATE_ARRAY(struct pci_device, msix.pending), STATE_END,
};

int pci_after_load(struct device *dev, struct error *err)
{
    (void)err;
    map_bars((struct pci_device *)dev);
    update_pin((struct pci_device *)dev);
    return 0;
}

/* --- places ------------------------------------------------------------------------------------------------------ */

static int free_slot(const struct pci_bus *b)
{
    for (int devfn = FUNCTIONS; devfn < SLOTS * FUNCTIONS; devfn += FUNCTIONS)
        if (!b->slot[devfn])
            return devfn;
    return -1;
}

static int parse_addr(const struct pci_device *p, struct error *err)
{
    unsigned slot, function = 0;
    int end = 0;

    if (sscanf(p->addr, "%x%n.%x%n", &slot, &end, &function, &end) < 1 || p->addr[end] || slot >= SLOTS ||
        function >= FUNCTIONS)
        return error_set(err, EINVAL, "addr=%s is no place on a PCI bus; it is SLOT or SLOT.FUNCTION, from 0 to 1f.7", p->addr);
    return (int)(slot * FUNCTIONS + function);
}

/* The guest looks for further functions only where function 0 says that there are some. */
static int check_function(const struct pci_bus *b, const struct pci_device *p, int devfn, struct error *err)
{
    const struct pci_device *first = b->slot[devfn & ~(FUNCTIONS - 1)];

    if (devfn % FUNCTIONS && first && !first->multifunction)
        return error_set(err, EINVAL, "slot %x has '%s', of one function only; give that multifunction=on", devfn / FUNCTIONS,
                         device_name(&first->dev));
    for (int i = 1; i < FUNCTIONS && devfn % FUNCTIONS == 0 && !p->multifunction; i++)
        if (b->slot[devfn + i])
            return error_set(err, EINVAL, "slot %x has function %d already; function 0 needs multifunction=on", devfn / FUNCTIONS, i);
    return 0;
}

static int plug(struct bus *bus, struct device *dev, struct error *err)
{
    struct pci_bus *b = bus->opaque;
    struct pci_device *p = (struct pci_device *)dev;
    int devfn = p->addr ? parse_addr(p, err) : free_slot(b);

    if (devfn < 0)
        return p->addr ? devfn : error_set(err, ENOSPC, "bus '%s' has no free slot", bus->name);
    if (b->slot[devfn])
        return error_set(err, EBUSY, "slot %x.%x of bus '%s' has '%s' already; choose another addr=", devfn / FUNCTIONS,
                         devfn % FUNCTIONS, bus->name, device_name(&b->slot[devfn]->dev));
    if (check_function(b, p, devfn, err) < 0)
        return -EINVAL;
    p->devfn = (uint8_t)devfn;
    p->pin = b->pins[devfn / FUNCTIONS % 4]; /* INTA# of slot n comes out at pin n modulo 4 */
    b->slot[devfn] = p;
    return 0;
}

static void unplug(struct bus *bus, struct device *dev)
{
    struct pci_device *p = (struct pci_device *)dev;

    irq_set(&p->pin, false);
    ((struct pci_bus *)bus->opaque)->slot[p->devfn] = NULL;
}

static bool is_full(const struct bus *bus)
{
    return free_slot(bus->opaque) < 0;
}

static void describe(const struct bus *bus, const struct device *dev, FILE *to)
{
    const struct pci_device *p = (const struct pci_device *)dev;

    (void)bus;
    fprintf(to, "      class %02x%02x, addr 00:%02x.%x, pci id %04x:%04x\n", p->config[PCI_CLASS + 2], p->config[PCI_CLASS + 1],
            p->devfn / FUNCTIONS, p->devfn % FUNCTIONS, load_le16(p->config), load_le16(p->config + 2));
}

static const char *class_name(const struct pci_device *p)
{
    static const struct { uint16_t class; const char *name; } names[] = {
        { 0x0100, "SCSI controller" }, { 0x0200, "Ethernet controller" }, { 0x0600, "Host bridge" },
        { 0x0780, "Communication controller" },
    };

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].class == load_le16(p->config + PCI_CLASS + 1))
            return names[i].name;
    return NULL;
}

static void list_bar(const struct pci_device *p, unsigned n, FILE *to)
{
    const struct pci_bar *b = &p->bar[n];
    uint64_t addr = bar_decoded(p, n) ? bar_address(p, n) : UINT64_MAX;

    if (b->flags & PCI_BAR_IO)
        fprintf(to, "      BAR%u: I/O at 0x%04llx [0x%04llx].\n", n, (unsigned long long)(addr & UINT16_MAX),
                (unsigned long long)((addr + b->size - 1) & UINT16_MAX));
    else
        fprintf(to, "      BAR%u: %s bit %smemory at 0x%08llx [0x%08llx].\n", n, b->flags & PCI_BAR_64 ? "64" : "32",
                b->flags & PCI_BAR_PREFETCH ? "prefetchable " : "", (unsigned long long)addr,
                (unsigned long long)(addr + b->size - 1));
}

static void list_function(const struct pci_device *p, FILE *to)
{
    const char *name = class_name(p);

    fprintf(to, "  Bus  0, device %3d, function %d:\n    ", p->devfn / FUNCTIONS, p->devfn % FUNCTIONS);
    if (name)
        fputs(name, to);
    else
        fprintf(to, "Class %04x", load_le16(p->config + PCI_CLASS + 1));
    fprintf(to, ": PCI device %04x:%04x\n      PCI subsystem %04x:%04x\n", load_le16(p->config), load_le16(p->config + PCI_DEVICE_ID),
            load_le16(p->config + PCI_SUBSYSTEM_VENDOR), load_le16(p->config + PCI_SUBSYSTEM));
    if (p->config[PCI_INTERRUPT_PIN])
        fprintf(to, "      IRQ %d, pin %c\n", p->config[PCI_INTERRUPT_LINE], '@' + p->config[PCI_INTERRUPT_PIN]);
    for (unsigned i = 0; i < PCI_BARS; i++)
        if (p->bar[i].mr)
            list_bar(p, i, to);
    fprintf(to, "      id \"%s\"\n", p->dev.id ? p->dev.id : "");
}

static void list(const struct bus *bus, FILE *to)
{
    const struct pci_bus *b = bus->opaque;

    for (unsigned i = 0; i < sizeof b->slot / sizeof b->slot[0]; i++)
        if (b->slot[i])
            list_function(b->slot[i], to);
}

void pci_bus_init(struct pci_bus *b, struct device *parent, const char *name, struct mem_region *memory,
                  struct mem_region *io)
{
    static const struct bus_ops ops = { .plug = plug, .unplug = unplug, .is_full = is_full, .describe = describe, .list = list };

    b->memory = memory;
    b->io = io;
    b->bus = bus_new(parent, BUS_PCI, name, &ops, b);
}

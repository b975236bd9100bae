/* hw/pci/ecam.c - the generic PCIe host bridge.
 *
 * Source: PCI Express Base Specification 4.0, 7.2.2 (ECAM); Linux, Documentation/devicetree/bindings/pci/
 * host-generic-pci.yaml. */
#include "hw/pci/ecam.h"
#include <string.h>
#include "core/vm/fdt.h"
#include "hw/pci/pci.h"

enum { FUNCTION_BITS = 12, BUS_BITS = 20 };

struct ecam {
    struct device dev;
    struct pci_bus pci;
    struct mem_region *config, *memory, *io;
};

static uint64_t config_read(void *opaque, uint64_t off, unsigned size)
{
    struct ecam *s = opaque;

    if (off >> BUS_BITS)
        return UINT32_MAX >> (32 - size * 8); /* one bus */
    return pci_config_read(&s->pci, (unsigned)(off >> FUNCTION_BITS), off & 0xfff, size);
}

static void config_write(void *opaque, uint64_t off, uint64_t val, unsigned size)
{
    struct ecam *s = opaque;

    if (!(off >> BUS_BITS))
        pci_config_write(&s->pci, (unsigned)(off >> FUNCTION_BITS), off & 0xfff, (uint32_t)val, size);
}

static const struct mmio_ops config_ops = {
    .read = config_read, .write = config_write, .widths = WIDTH_ANY, .split = WIDTH_4,
};

static int ecam_realize(struct device *dev, struct error *err)
{
    struct ecam *s = (struct ecam *)dev;
    struct mem_bus *mem = dev->board->mem;

    (void)err;
    s->memory = region_container(mem, "pci-memory", UINT64_MAX);
    s->io = region_container(mem, "pci-io", 0x10000);
    pci_bus_init(&s->pci, dev, "pcie.0", s->memory, s->io);
    return 0;
}

static const struct state_field ecam_state[] = { STATE_END };

const struct device_type ecam_type = {
    .name = "gpex-pcihost", .help = "generic PCIe host bridge", .bus = BUS_SYSTEM, .bytes = sizeof(struct ecam),
    .state = ecam_state, .state_version = 1, .wired = true, .realize = ecam_realize,
};

/* --- function 0 of slot 0: the bridge as its own bus sees it ------------------------------------------------------ */

static int root_realize(struct device *dev, struct error *err)
{
    (void)err;
    pci_init((struct pci_device *)dev);
    return 0;
}

static void root_reset(struct device *dev)
{
    pci_reset_function((struct pci_device *)dev);
}

static const struct pci_info root_info = { .vendor = 0x1b36, .device = 0x0008, .class = 0x060000 };
static const struct prop root_props[] = { PCI_PROPS(struct { struct pci_device pci; }, pci), PROP_END };

const struct device_type gpex_root_type = {
    .name = "gpex-root", .help = "the host bridge's own function", .bus = BUS_PCI, .bytes = sizeof(struct pci_device),
    .props = root_props, .state = pci_state, .state_version = 1, .wired = true, .iface = &root_info, .realize = root_realize,
    .reset = root_reset, .after_load = pci_after_load,
};

/* --- for machines ------------------------------------------------------------------------------------------------ */

static void map_window(struct ecam *s, const char *name, struct mem_region *target, uint64_t off, gpa at, uint64_t size)
{
    struct board *b = s->dev.board;

    if (size)
        region_add(b->sysmem, at, region_alias(b->mem, name, target, off, size), 0);
}

struct device *ecam_make(struct board *b, const struct ecam_windows *w, const struct irq_line pins[4], struct error *err)
{
    struct device *dev = device_make(b, &ecam_type, UINT64_MAX, err), *root;
    struct ecam *s = (struct ecam *)dev;

    if (!dev)
        return NULL;
    memcpy(s->pci.pins, pins, sizeof(s->pci.pins));
    s->config = region_mmio(b->mem, "pcie-ecam", &config_ops, s, w->config_size);
    region_add(b->sysmem, w->config, s->config, 0);
    map_window(s, "pcie-io", s->io, 0, w->io, w->io_size);
    map_window(s, "pcie-memory", s->memory, w->memory, w->memory, w->memory_size);
    map_window(s, "pcie-memory-high", s->memory, w->high, w->high, w->high_size);
    root = device_new(b, &gpex_root_type, NULL, err);
    if (!root || device_set(root, "addr", "0", err) < 0 || device_realize(root, s->pci.bus, err) < 0)
        return NULL;
    return dev;
}

struct pci_bus *ecam_pci(struct device *bridge)
{
    return &((struct ecam *)bridge)->pci;
}

static uint32_t *put_range(uint32_t *c, uint32_t space, uint64_t bus, uint64_t cpu, uint64_t size)
{
    const uint32_t cells[] = { space, (uint32_t)(bus >> 32), (uint32_t)bus, (uint32_t)(cpu >> 32), (uint32_t)cpu,
                               (uint32_t)(size >> 32), (uint32_t)size };

    memcpy(c, cells, sizeof(cells));
    return c + 7;
}

/* Four slots and four pins stand for all: the map is swizzled, the mask keeps two bits of the slot. */
static size_t put_interrupts(uint32_t *c, uint32_t controller, uint32_t first_irq, unsigned cells, unsigned address_cells)
{
    uint32_t *at = c;

    for (uint32_t slot = 0; slot < 4; slot++) {
        for (uint32_t pin = 0; pin < 4; pin++) {
            *at++ = slot << 11;
            *at++ = 0;
            *at++ = 0;
            *at++ = pin + 1;
            *at++ = controller;
            for (unsigned i = 0; i < address_cells; i++)
                *at++ = 0;
            if (cells == 3)
                *at++ = 0; /* GIC: a shared interrupt */
            *at++ = first_irq + (slot + pin) % 4;
            if (cells == 3)
                *at++ = 4; /* level, high */
        }
    }
    return (size_t)(at - c);
}

void ecam_fdt(struct fdt *f, const char *path, const struct ecam_windows *w, uint32_t controller, uint32_t first_irq,
              unsigned cells, unsigned address_cells)
{
    uint32_t ranges[3 * 7], map[16 * 12], *end = ranges;

    fdt_str(f, path, "compatible", "pci-host-ecam-generic");
    fdt_str(f, path, "device_type", "pci");
    fdt_u32(f, path, "#address-cells", 3);
    fdt_u32(f, path, "#size-cells", 2);
    fdt_u32(f, path, "#interrupt-cells", 1);
    fdt_u32(f, path, "linux,pci-domain", 0);
    FDT_CELLS(f, path, "bus-range", 0, (uint32_t)(w->config_size >> BUS_BITS) - 1);
    fdt_flag(f, path, "dma-coherent");
    fdt_reg(f, path, w->config, w->config_size);
    end = put_range(end, 0x01000000, 0, w->io, w->io_size);
    end = put_range(end, 0x02000000, w->memory, w->memory, w->memory_size);
    if (w->high_size)
        end = put_range(end, 0x03000000, w->high, w->high, w->high_size);
    fdt_cells(f, path, "ranges", ranges, (size_t)(end - ranges));
    FDT_CELLS(f, path, "interrupt-map-mask", 0x1800, 0, 0, 7);
    fdt_cells(f, path, "interrupt-map", map, put_interrupts(map, controller, first_irq, cells, address_cells));
}

/* hw/pci/pci.h - functions on a PCI bus: configuration space, base addresses, one interrupt pin.
 *
 * Source: PCI Local Bus Specification 3.0, chapter 6; PCI Express Base Specification 4.0, 7.2 and 7.5. */
#pragma once

#include "core/dev/device.h"

struct pci_device;

enum {
    PCI_VENDOR_ID = 0x00, PCI_DEVICE_ID = 0x02, PCI_COMMAND = 0x04, PCI_STATUS = 0x06, PCI_REVISION = 0x08, PCI_CLASS = 0x09,
    PCI_HEADER_TYPE = 0x0e, PCI_BAR0 = 0x10, PCI_SUBSYSTEM_VENDOR = 0x2c, PCI_SUBSYSTEM = 0x2e, PCI_CAPABILITIES = 0x34,
    PCI_INTERRUPT_LINE = 0x3c, PCI_INTERRUPT_PIN = 0x3d, PCI_FIRST_CAPABILITY = 0x40,
    PCI_CONFIG_BYTES = 256, PCI_BARS = 6,
};
enum { PCI_COMMAND_IO = 1, PCI_COMMAND_MEMORY = 2, PCI_COMMAND_MASTER = 4, PCI_COMMAND_NO_INTX = 0x400, PCI_STATUS_INTX = 8,
       PCI_STATUS_CAPABILITIES = 0x10 };
enum { PCI_BAR_IO = 1, PCI_BAR_64 = 4, PCI_BAR_PREFETCH = 8 };

/* What a device type says of itself; device_type.iface points here. Zero means that realize says it. */
struct pci_info {
    uint16_t vendor, device;
    uint32_t class; /* 24 bits */
    uint8_t revision;
    bool has_pin;   /* uses INTA# */
    /* Accesses to configuration space beside the standard fields; may be NULL. The bytes are in config. */
    void (*before_read)(struct pci_device *p, unsigned off, unsigned size);
    void (*after_write)(struct pci_device *p, unsigned off, unsigned size);
};

struct pci_bar {
    struct mem_region *mr;
    uint64_t size;
    uint8_t flags;
};

struct pci_device {
    struct device dev;
    char *addr;       /* property: SLOT or SLOT.FUNCTION in hexadecimal */
    char *rom_file;   /* property: there is none */
    bool multifunction, rom_bar;
    uint8_t devfn;
    uint8_t config[PCI_CONFIG_BYTES], writable[PCI_CONFIG_BYTES];
    unsigned next_capability;
    struct pci_bar bar[PCI_BARS];
    struct irq_line pin; /* swizzled by its bus */
    bool pin_level;
    struct {          /* messages (msix.h): none without cap */
        unsigned cap;
        uint8_t *table;
        uint32_t table_bytes;
        uint64_t pending[2];
    } msix;
};

#define PCI_PROPS(s, pci)                                                                                               \
    PROP_STR(s, pci.addr, "addr", NULL, "slot, or slot.function, in hexadecimal; the first free one if absent"),        \
    PROP_BOOL(s, pci.multifunction, "multifunction", "off", "function 0 of several in its slot"),                       \
    PROP_BOOL(s, pci.rom_bar, "rombar", "on", "show a ROM to the guest, if there is one"),                              \
    PROP_STR(s, pci.rom_file, "romfile", NULL, "empty: no ROM; there are none yet", .check = pci_check_rom)

/** pci_check_rom - of the property romfile. */
int pci_check_rom(struct device *dev, struct error *err);

/** pci_init - first thing in realize: header fields from the type's pci_info. */
void pci_init(struct pci_device *p);
/** pci_add_bar - show a region by base address register @n; its size is a power of two of at least 16 (I/O: 4). */
void pci_add_bar(struct pci_device *p, unsigned n, struct mem_region *mr, uint8_t flags);
/** pci_add_capability - room for a capability; its offset in config. @id and the link are filled in. */
unsigned pci_add_capability(struct pci_device *p, uint8_t id, unsigned bytes);
/** pci_set_pin - drive INTA#. */
void pci_set_pin(struct pci_device *p, bool level);
/** pci_send_message - write @data to @addr as the function's message; nothing happens if it may not reach memory. */
void pci_send_message(struct pci_device *p, gpa addr, uint32_t data);
/** pci_reset_function - command, base addresses and pin as after a reset. */
void pci_reset_function(struct pci_device *p);
/** pci_is_master - may it reach memory? */
bool pci_is_master(const struct pci_device *p);
/** pci_free_bars - end the regions of its base addresses, for unrealize. */
void pci_free_bars(struct pci_device *p);

extern const struct state_field pci_state[];
#define PCI_STATE(s, f) STATE_STRUCT(s, f, pci_state)
/** pci_after_load - for each type's after_load. */
int pci_after_load(struct device *dev, struct error *err);

/* --- the bus, for host bridges ----------------------------------------------------------------------------------- */

struct pci_bus {
    struct bus *bus;
    struct pci_device *slot[256];   /* by device and function number */
    struct mem_region *memory, *io; /* where base addresses are mapped */
    struct irq_line pins[4];
    /* Where a message goes; NULL: to the address in memory. @requester: bus, device and function number. */
    void (*message)(void *opaque, uint32_t requester, gpa addr, uint32_t data);
    void *message_opaque;
};

/** pci_bus_init - offer a bus. @memory, @io: containers of the two spaces. */
void pci_bus_init(struct pci_bus *b, struct device *parent, const char *name, struct mem_region *memory,
                  struct mem_region *io);
/** pci_config_read, pci_config_write - 1, 2 or 4 aligned bytes; ones where nothing is. */
uint32_t pci_config_read(struct pci_bus *b, unsigned devfn, unsigned off, unsigned size);
void pci_config_write(struct pci_bus *b, unsigned devfn, unsigned off, uint32_t val, unsigned size);

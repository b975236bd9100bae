/* hw/pci/msix.c - the MSI-X capability, its table, and the bits of what waits behind a mask.
 *
 * Window: table from 0, 16 bytes a vector (address, data, control); pending bits from 0x800. */
#include "hw/pci/msix.h"
#include <assert.h>
#include <stdlib.h>
#include "core/base/alloc.h"
#include "core/base/bytes.h"

enum { CAP_MSIX = 0x11, CONTROL = 2, ENABLE = 0x8000, MASK_ALL = 0x4000, ENTRY = 16, PENDING = 0x800, WINDOW = 0x1000 };

static uint16_t control(const struct pci_device *p)
{
    return p->msix.cap ? load_le16(p->config + p->msix.cap + CONTROL) : 0;
}

static uint8_t *entry(const struct pci_device *p, unsigned vector)
{
    return p->msix.table + (size_t)vector * ENTRY;
}

bool pci_msix_enabled(const struct pci_device *p)
{
    return control(p) & ENABLE;
}

void pci_msix_notify(struct pci_device *p, unsigned vector)
{
    const uint8_t *e;

    if (vector >= p->msix.table_bytes / ENTRY || !pci_msix_enabled(p))
        return;
    e = entry(p, vector);
    if (control(p) & MASK_ALL || e[12] & 1) {
        p->msix.pending[vector / 64] |= UINT64_C(1) << vector % 64;
        return;
    }
    p->msix.pending[vector / 64] &= ~(UINT64_C(1) << vector % 64);
    pci_send_message(p, load_le64(e), load_le32(e + 8));
}

static void send_pending(struct pci_device *p)
{
    for (unsigned i = 0; i < p->msix.table_bytes / ENTRY; i++)
        if (p->msix.pending[i / 64] >> i % 64 & 1)
            pci_msix_notify(p, i);
}

void pci_msix_control(struct pci_device *p)
{
    if ((control(p) & (ENABLE | MASK_ALL)) == ENABLE)
        send_pending(p);
}

void pci_msix_reset(struct pci_device *p)
{
    if (!p->msix.cap)
        return;
    p->config[p->msix.cap + CONTROL + 1] &= (uint8_t)~((ENABLE | MASK_ALL) >> 8);
    p->msix.pending[0] = p->msix.pending[1] = 0;
    for (unsigned i = 0; i < p->msix.table_bytes / ENTRY; i++)
        entry(p, i)[12] |= 1;
}

static uint64_t window_read(void *opaque, uint64_t off, unsigned size)
{
    const struct pci_device *p = opaque;
    uint8_t bytes[16];

    if (off + size <= p->msix.table_bytes)
        return load_le(p->msix.table + off, size);
    if (off < PENDING || off - PENDING + size > sizeof(bytes))
        return 0;
    store_le64(bytes, p->msix.pending[0]);
    store_le64(bytes + 8, p->msix.pending[1]);
    return load_le(bytes + (off - PENDING), size);
}

static void window_write(void *opaque, uint64_t off, uint64_t val, unsigned size)
{
    struct pci_device *p = opaque;

    if (off + size > p->msix.table_bytes)
        return;
    store_le(p->msix.table + off, size, val);
    entry(p, (unsigned)(off / ENTRY))[12] &= 1;
    if (p->msix.pending[off / ENTRY / 64] >> off / ENTRY % 64 & 1)
        pci_msix_notify(p, (unsigned)(off / ENTRY));
}

static const struct mmio_ops window_ops = { .read = window_read, .write = window_write, .widths = WIDTH_4 | WIDTH_8 };

void pci_msix_init(struct pci_device *p, unsigned bar, unsigned vectors)
{
    uint8_t *cap;

    assert(vectors <= PCI_MSIX_MAX);
    if (!vectors)
        return;
    p->msix.cap = pci_add_capability(p, CAP_MSIX, 12);
    p->msix.table_bytes = vectors * ENTRY;
    p->msix.table = xcalloc(vectors, ENTRY);
    cap = p->config + p->msix.cap;
    store_le16(cap + CONTROL, (uint16_t)(vectors - 1));
    store_le16(p->writable + p->msix.cap + CONTROL, ENABLE | MASK_ALL);
    store_le32(cap + 4, bar);
    store_le32(cap + 8, PENDING | bar);
    pci_add_bar(p, bar, region_mmio(p->dev.board->mem, "msix", &window_ops, p, WINDOW), 0);
}

void pci_msix_free(struct pci_device *p)
{
    free(p->msix.table);
    p->msix.table = NULL;
    p->msix.cap = p->msix.table_bytes = 0;
}

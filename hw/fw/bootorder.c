/* hw/fw/bootorder.c - devices are named by paths as Open Firmware has them, of which UEFI's library for this file knows
 *
 *     /pci@i0cf8/scsi@SLOT[,FUNCTION]/disk@0,0          /pci@i0cf8/ethernet@SLOT[,FUNCTION]/ethernet-phy@0
 *     /virtio-mmio@ADDRESS/disk@0,0                     /virtio-mmio@ADDRESS/ethernet-phy@0
 *
 * Source: IEEE 1275 PCI bus binding 2.1, 4.1; virtio 1.2, chapter 5 (what kind of device). */
#include "hw/fw/bootorder.h"
#include <errno.h>
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/dev/device.h"
#include "hw/fw/fw_cfg.h"
#include "hw/pci/pci.h"
#include "hw/virtio/virtio.h"

enum { VIRTIO_NET = 1 };

static void add_path(struct str *out, const struct device *dev)
{
    bool is_net = ((const struct virtio_ops *)dev->type->iface)->id == VIRTIO_NET;
    gpa at = 0;

    if (dev->wrapper) {
        unsigned devfn = ((const struct pci_device *)dev->wrapper)->devfn;

        str_addf(out, "/pci@i0cf8/%s@%x", is_net ? "ethernet" : "scsi", devfn / 8);
        if (devfn % 8)
            str_addf(out, ",%x", devfn % 8);
    } else {
        region_address(dev->bus->parent->mmio, &at);
        str_addf(out, "/virtio-mmio@%016llx", (unsigned long long)at);
    }
    str_add(out, is_net ? "/ethernet-phy@0" : "/disk@0,0");
}

/* The one with the least index above @after. */
static const struct device *next(const struct board *b, int32_t after)
{
    const struct device *best = NULL;

    for (const struct device *d = b->all; d; d = d->next)
        if (d->boot_index > after && (!best || d->boot_index < best->boot_index))
            best = d;
    return best;
}

int bootorder_add(struct device *fw_cfg, struct board *b, struct error *err)
{
    struct str out = STR_INIT;
    int ret = 0;

    for (const struct device *d = next(b, -1); d && ret == 0; d = next(b, d->boot_index)) {
        for (const struct device *o = d->next; o && ret == 0; o = o->next)
            if (o->boot_index == d->boot_index)
                ret = error_set(err, EINVAL, "bootindex=%d is given to two devices; give each its own", d->boot_index);
        if (out.len)
            str_addc(&out, '\n');
        add_path(&out, d);
    }
    if (ret == 0 && out.len)
        ret = fw_cfg_add_file(fw_cfg, "bootorder", out.text, out.len + 1, err);
    str_free(&out);
    return ret;
}

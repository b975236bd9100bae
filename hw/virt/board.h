/* hw/virt/board.h - what the `virt` boards of all architectures have in common: flash, firmware configuration, and what
 * is written into their device trees and memory at start. */
#pragma once

#include "core/vm/loader.h"
#include "core/vm/machine.h"

struct fdt;

struct virt_board {
    struct device *flash[2];
    struct device *fw_cfg;
    gpa flash_at;
    uint64_t flash_bytes;      /* of each bank */
    struct loaded initrd;
    bool has_initrd, no_seeds;
};

/** virt_read_options - what VIRT_OPTIONS lists and no other call reads. Before the machine is built. */
int virt_read_options(struct machine *m, struct virt_board *b, struct error *err);

/**
 * virt_make_flash - two banks of flash, contents from -drive if=pflash or -machine pflash0=, pflash1=.
 * virt_make_fw_cfg - the firmware configuration device with -fw_cfg's files.
 */
int virt_make_flash(struct machine *m, struct virt_board *b, gpa at, uint64_t bank_bytes, struct error *err);
int virt_make_fw_cfg(struct machine *m, struct virt_board *b, gpa at, struct error *err);

/** virt_make_smbios - the SMBIOS tables, in fw_cfg. @cpu_family: SMBIOS 3.6, table 23 */
int virt_make_smbios(struct machine *m, struct virt_board *b, gpa ram_at, uint16_t cpu_family, struct error *err);

/** virt_load_initrd - -initrd, up to @end; remembered for the device tree. Nothing if there is none. */
int virt_load_initrd(struct machine *m, struct virt_board *b, gpa at, gpa end, struct error *err);

/** virt_tree_root - the properties of the root, /chosen's console and the memory node. */
void virt_tree_root(struct machine *m, struct fdt *f, const char *compatible, const char *model, const char *console,
                    gpa ram_at);
/** virt_tree_flash - the node of both banks. */
void virt_tree_flash(const struct virt_board *b, struct fdt *f);

/**
 * virt_place_tree - finish the device tree and put it into memory, or write it to a file (dumpdtb=).
 * @build: fills in an empty tree; not called with -dtb
 * @at:    where it goes; @most: bytes that it may have there
 */
int virt_place_tree(struct machine *m, struct virt_board *b, void (*build)(struct machine *m, struct fdt *f), gpa at,
                    uint64_t most, struct error *err);

#define VIRT_OPTIONS \
    "dtb-randomness", "random seeds in the device tree (on)", \
    "dump-guest-core", "the machine's memory is part of a core dump (on)", \
    "usb", "a USB controller of the board's own: there is none (off)", \
    "dumpdtb", "write the device tree to this file and end", \
    "pflash0", "block node with the contents of the first flash bank", \
    "pflash1", "block node with the contents of the second flash bank"

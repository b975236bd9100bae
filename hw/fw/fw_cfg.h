/* hw/fw/fw_cfg.h - what a machine tells its firmware: numbered items and named files. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include "core/dev/device.h"

extern const struct device_type fw_cfg_type;

enum {
    FW_CFG_SIGNATURE = 0x00, FW_CFG_ID = 0x01, FW_CFG_UUID = 0x02, FW_CFG_NB_CPUS = 0x05, FW_CFG_KERNEL_ADDR = 0x07,
    FW_CFG_KERNEL_SIZE = 0x08,    FW_CFG_INITRD_ADDR = 0x0a, FW_CFG_INITRD_SIZE = 0x0b, FW_CFG_MAX_CPUS = 0x0f, FW_CFG_KERNEL_DATA = 0x11,
    FW_CFG_INITRD_DATA = 0x12, FW_CFG_CMDLINE_SIZE = 0x14, FW_CFG_CMDLINE_DATA = 0x15, FW_CFG_SETUP_SIZE = 0x17,
    FW_CFG_SETUP_DATA = 0x18, FW_CFG_FILE_DIR = 0x19, FW_CFG_FILE_FIRST = 0x20,
};

struct optlists;

/** fw_cfg_add - set an item; @bytes is copied. fw_cfg_add_u16, _u32, _u64 - a little-endian number. */
void fw_cfg_add(struct device *dev, uint16_t key, const void *bytes, size_t len);
void fw_cfg_add_u16(struct device *dev, uint16_t key, uint16_t val);
void fw_cfg_add_u32(struct device *dev, uint16_t key, uint32_t val);

/** fw_cfg_add_uuid - the system's UUID, as -uuid checked it; NULL: all zeros. */
void fw_cfg_add_uuid(struct device *dev, const char *uuid);

/** fw_cfg_add_file - a named file; -EEXIST or -ENOSPC with a sentence. */
int fw_cfg_add_file(struct device *dev, const char *name, const void *bytes, size_t len, struct error *err);

/** fw_cfg_add_options - what -fw_cfg asks for: name=,file= or name=,string=. */
int fw_cfg_add_options(struct device *dev, const struct optlists *opts, struct error *err);

/** fw_cfg_make - the device with what every machine says, and -fw_cfg's files; mapped. */
struct device *fw_cfg_make(struct board *b, gpa at, unsigned cpus, const struct optlists *opts, struct error *err);
struct fdt;
/** fw_cfg_fdt - its node. */
void fw_cfg_fdt(struct fdt *f, const char *path, gpa at);

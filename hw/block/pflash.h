/* hw/block/pflash.h - a bank of NOR flash, for machines that have some. */
#pragma once

#include "core/dev/device.h"

struct fdt;

extern const struct device_type pflash_type;

/**
 * pflash_make - a bank, mapped.
 * @size: bytes, a multiple of 256 KiB
 * @drive: drive or block node that is its contents; NULL: the -drive if=pflash,unit= numbered
 * @unit:  without one it is empty and forgets
 */
struct device *pflash_make(struct board *b, const char *name, gpa at, uint64_t size, int unit, const char *drive,
                           struct error *err);
/** pflash_has_drive - is there a drive behind it? */
bool pflash_has_drive(const struct device *dev);

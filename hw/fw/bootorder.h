/* hw/fw/bootorder.h - what firmware boots from, in the order of bootindex=. */
#pragma once

struct board;
struct device;
struct error;

/**
 * bootorder_add - the fw_cfg file "bootorder": the devices that have a bootindex=, lowest first; none if no device has one.
 * Once all devices are made.
 *
 * Returns 0; -EINVAL with a sentence when two devices have the same.
 */
int bootorder_add(struct device *fw_cfg, struct board *b, struct error *err);

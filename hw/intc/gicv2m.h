/* hw/intc/gicv2m.h - a frame that makes shared interrupts of a GICv2 from messages. */
#pragma once

#include "core/dev/device.h"

extern const struct device_type gicv2m_type;

enum { GICV2M_SETSPI = 0x40, GICV2M_SPIS_MAX = 128 };

/* Outputs 0 to num-spi - 1 are its interrupts; property base-spi is the ID of the first. */

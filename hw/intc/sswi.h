/* hw/intc/sswi.h - software interrupts for supervisors, for machines that wire them. */
#pragma once

#include "core/dev/device.h"

extern const struct device_type sswi_type;

enum { SSWI_BYTES = 0x4000 };

/* hw/misc/power_key.h - the power button (board.power_button); output 0 is high while it is pressed. */
#pragma once

#include "core/dev/device.h"

extern const struct device_type power_key_type;

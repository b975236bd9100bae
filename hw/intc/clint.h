/* hw/intc/clint.h - the RISC-V time base, for machines that hand it to their harts. */
#pragma once

#include "core/dev/device.h"

#define CLINT_HZ 10000000

extern const struct device_type clint_type;

/** clint_time - mtime: ticks at CLINT_HZ. @opaque: the clint device. Any thread, no lock. */
uint64_t clint_time(void *opaque);

/** clint_deadline_ns - the virtual time at which mtime reaches @ticks; TIMER_NEVER if it is out of reach. Any thread. */
int64_t clint_deadline_ns(void *opaque, uint64_t ticks);

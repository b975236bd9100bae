/* targets/riscv/fdt.h - what a device tree says of a hart. */
#pragma once

#include <stddef.h>

/** riscv_describe_cpu - call @put for each property of a cpu node of this model. See target.describe_cpu. */
void riscv_describe_cpu(const void *model, void (*put)(void *opaque, const char *name, const void *bytes, size_t len),
                        void *opaque);

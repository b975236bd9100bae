/* targets/arm/help_fast.h - see help_fast.c. Registers are 16 bytes and may be the same; op is as in help_simd.h. */
#ifndef TARGETS_ARM_HELP_FAST_H
#define TARGETS_ARM_HELP_FAST_H

#include <stdbool.h>

bool simd_fast_shift_long(void *d, const void *n, unsigned size, bool u, bool high, unsigned by);
bool simd_fast_perm(void *d, const void *n, const void *m, unsigned op, unsigned size, bool q);
bool simd_fast_diff(void *d, const void *n, const void *m, unsigned op, unsigned size, bool high);
bool simd_fast_fp(void *d, const void *n, const void *m, unsigned op, bool dbl);

#endif

/* targets/arm/tr_a32_nofp.c - stands for the decoder of AArch32 floating point and Advanced SIMD until it is here. */
#include "targets/arm/tr_a32.h"

bool a32_simd_decode(struct tr_a32 *t, uint32_t insn)
{
    (void)t;
    (void)insn;
    return false;
}

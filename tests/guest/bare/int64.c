/* What the compiler calls for 64-bit numbers on a 32-bit guest. */
#include <stdint.h>

uint64_t __umoddi3(uint64_t a, uint64_t b)
{
    for (int k = 63; k >= 0; k--)
        if (b << k >> k == b && a >> k >= b)
            a -= b << k;
    return a;
}

int __ucmpdi2(uint64_t a, uint64_t b) { return a < b ? 0 : a == b ? 1 : 2; }

/* Random numbers for a bare-metal program: the same for the same -DSEED=. */
#include <stdint.h>

#ifndef SEED
#define SEED 1
#endif

static inline uint64_t random64(void)
{
    static uint64_t state = SEED;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

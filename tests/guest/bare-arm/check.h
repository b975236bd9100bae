/* Tests that go on when something is wrong, and say what. */
#include "tests/guest/bare-arm/bare.h"

static int failed;

static inline void check(const char *what, uint64_t got, uint64_t wanted)
{
    if (got == wanted)
        return;
    failed++;
    show(what, got);
    show(" wanted ", wanted);
    put("\r\n");
}

/* core/base/bytes.h - little- and big-endian values at any alignment. */
#pragma once

#include <stdint.h>
#include <string.h>

#define BYTES_DEFINE(bits, order, swap)                                       \
    static inline uint##bits##_t load_##order##bits(const void *p)            \
    {                                                                         \
        uint##bits##_t v;                                                     \
        memcpy(&v, p, sizeof v);                                              \
        return swap(v);                                                       \
    }                                                                         \
    static inline void store_##order##bits(void *p, uint##bits##_t v)         \
    {                                                                         \
        v = swap(v);                                                          \
        memcpy(p, &v, sizeof v);                                              \
    }

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BYTES_SAME(v) (v)
BYTES_DEFINE(16, le, BYTES_SAME)
BYTES_DEFINE(32, le, BYTES_SAME)
BYTES_DEFINE(64, le, BYTES_SAME)
BYTES_DEFINE(16, be, __builtin_bswap16)
BYTES_DEFINE(32, be, __builtin_bswap32)
BYTES_DEFINE(64, be, __builtin_bswap64)
#else
#error "Rhea's hosts are little-endian"
#endif
#undef BYTES_SAME
#undef BYTES_DEFINE

/** load_le, store_le - a little-endian value of 1 to 8 bytes; what is above @bytes of @v is dropped. */
static inline uint64_t load_le(const void *p, unsigned bytes)
{
    uint64_t v = 0;

    memcpy(&v, p, bytes);
    return v;
}

static inline void store_le(void *p, unsigned bytes, uint64_t v)
{
    memcpy(p, &v, bytes);
}

/* core/base/bits.h - fields of words, masks, rounding to powers of two. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BIT(n) (1u << (n))
#define BIT64(n) (UINT64_C(1) << (n))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ({ __typeof__(a) min_a_ = (a); __typeof__(b) min_b_ = (b); min_a_ < min_b_ ? min_a_ : min_b_; })
#define MAX(a, b) ({ __typeof__(a) max_a_ = (a); __typeof__(b) max_b_ = (b); max_a_ > max_b_ ? max_a_ : max_b_; })
#define container_of(p, type, member) ((type *)((char *)(p) - offsetof(type, member)))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/** mask64 - @n ones from bit 0; @n is 0 to 64. */
static inline uint64_t mask64(unsigned n)
{
    return n >= 64 ? ~UINT64_C(0) : BIT64(n) - 1;
}

/** bits_get - the @n bits of @v that begin at bit @lo. */
static inline uint64_t bits_get(uint64_t v, unsigned lo, unsigned n)
{
    return v >> lo & mask64(n);
}

/** bits_set - @v with the @n bits that begin at bit @lo replaced by those of @field. */
static inline uint64_t bits_set(uint64_t v, unsigned lo, unsigned n, uint64_t field)
{
    uint64_t m = mask64(n) << lo;

    return (v & ~m) | (field << lo & m);
}

/** sext64 - the low @n bits of @v (1 to 64) as a signed number. */
static inline int64_t sext64(uint64_t v, unsigned n)
{
    return (int64_t)(v << (64 - n)) >> (64 - n);
}

static inline bool is_pow2(uint64_t v)
{
    return v && !(v & (v - 1));
}

/** align_down, align_up - to a multiple of @align, a power of two. align_up wraps at the top of the range. */
static inline uint64_t align_down(uint64_t v, uint64_t align)
{
    return v & ~(align - 1);
}

static inline uint64_t align_up(uint64_t v, uint64_t align)
{
    return (v + align - 1) & ~(align - 1);
}

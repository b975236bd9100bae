/* core/base/str.h - strings that grow, sizes with suffixes, and the name the user probably meant. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A string that grows. `struct str s = STR_INIT;` then free(s.text) or str_take(). text is NULL while empty. */
struct str {
    char *text;
    size_t len, room;
};

#define STR_INIT { NULL, 0, 0 }

void str_add(struct str *s, const char *text);
void str_addn(struct str *s, const char *text, size_t len);
void str_addc(struct str *s, char c);
void str_addf(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void str_vaddf(struct str *s, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/** str_take - the text, never NULL, to free(); the buffer is empty afterwards. */
char *str_take(struct str *s);
void str_free(struct str *s);

static inline bool str_eq(const char *a, const char *b)
{
    return __builtin_strcmp(a, b) == 0;
}

/** str_after - what follows @prefix in @s, or NULL if @s does not begin with it. */
const char *str_after(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);

/* The valid name nearest to what was typed. `struct nearest n = NEAREST_INIT(typed)`, nearest_try() on every valid
 * name, then nearest_best(). */
struct nearest {
    const char *typed, *best;
    unsigned distance;
};

#define NEAREST_INIT(typed) { (typed), NULL, ~0u }

void nearest_try(struct nearest *n, const char *name);
/** nearest_best - the nearest name tried, or NULL if none is near enough to be a slip of the fingers. */
const char *nearest_best(const struct nearest *n);
/** nearest_hint - "; did you mean 'NAME'?" or "": ready to end a sentence. @buf is at least 96 bytes. */
const char *nearest_hint(const struct nearest *n, char *buf, size_t bytes);

/**
 * str_size - read a size such as 512M, 1.5G, 0x1000 or 4096.
 * @s:       text; suffixes b k K m M g G t T p P e E
 * @unit:    what a bare number counts: 1 for bytes, 1 << 20 where a bare number means MiB
 * @bytes:   out: the size; fractions are rounded down to bytes
 *
 * Returns 0; -EINVAL if it is no size; -ERANGE if it does not fit 64 bits.
 */
int str_size(const char *s, uint64_t unit, uint64_t *bytes);

/** str_u64 - a whole number, decimal or 0x or 0; 0, -EINVAL or -ERANGE. */
int str_u64(const char *s, uint64_t *v);
int str_i64(const char *s, int64_t *v);
/** str_uuid - 550e8400-e29b-41d4-a716-446655440000, in this order; 0 or -EINVAL. */
int str_uuid(const char *s, uint8_t uuid[16]);
/** str_bool - on, off, yes, no, true, false, y, n; 0 or -EINVAL. */
int str_bool(const char *s, bool *v);

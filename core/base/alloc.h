/* core/base/alloc.h - memory that either arrives or ends the program, and memory whose size came from outside.
 *
 * The x family is for small start-up allocations: running out ends Rhea with a message. A size that a guest, an image
 * or a client chose goes through try_alloc(), which refuses what is above the caller's bound. */
#pragma once

#include <stddef.h>

void *xmalloc(size_t bytes) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t bytes) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t bytes) __attribute__((returns_nonnull));
void *xreallocarray(void *p, size_t count, size_t bytes) __attribute__((returns_nonnull));
void *xmemalign(size_t align, size_t bytes) __attribute__((malloc, returns_nonnull));
void *xmemdup(const void *p, size_t bytes) __attribute__((malloc, returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t max) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...) __attribute__((malloc, returns_nonnull, format(printf, 1, 2)));

/** NEW - a zeroed object of a type: `struct tick *t = NEW(struct tick);` freed with free(). */
#define NEW(type) ((type *)xcalloc(1, sizeof(type)))
#define NEW_ARRAY(type, count) ((type *)xcalloc((count), sizeof(type)))

/**
 * try_alloc - zeroed memory for a size that came from outside.
 * @count: elements wanted, from outside
 * @bytes: size of one, > 0
 * @max:   largest @count that makes sense, from the format's or the device's specification
 *
 * Returns memory to free(), at least one byte even when @count is 0; NULL if @count is above @max or the host has no
 * memory (errno says EFBIG or ENOMEM).
 */
void *try_alloc(size_t count, size_t bytes, size_t max) __attribute__((malloc));

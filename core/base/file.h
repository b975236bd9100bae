/* core/base/file.h - whole files. */
#pragma once

#include <stddef.h>

struct error;

/**
 * file_read - read a file into memory.
 * @path: for the user's eyes too
 * @max:  bytes; a longer file is refused
 * @len:  out: bytes read
 *
 * Returns memory to free(), with a NUL byte behind the contents; NULL with a sentence.
 */
void *file_read(const char *path, size_t max, size_t *len, struct error *err);

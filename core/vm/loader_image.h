/* core/vm/loader_image.h - reading image files: compression and ELF. For the files of this folder. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

#define LOADER_FILE_MAX ((size_t)4 << 30)
#define LOADER_IMAGE_MAX ((size_t)1 << 30) /* unpacked */

/**
 * image_unpack - undo gzip, and the wrapping of an EFI zboot kernel.
 * @bytes: in: the file, from malloc(); out: what was in it; stays as it is when it is neither
 *
 * Returns 0 or -errno with a sentence; *bytes is to be freed in any case.
 */
int image_unpack(const char *path, uint8_t **bytes, size_t *len, struct error *err);

/** image_is_elf - does it begin like one? */
bool image_is_elf(const uint8_t *bytes, size_t len);

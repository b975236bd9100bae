/* tests/fuzz/memory.h - the one protocol of the fuzzed program: files in memory, so that no input touches the host. */
#ifndef TESTS_FUZZ_MEMORY_H
#define TESTS_FUZZ_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#define MEMORY_IMAGE "mem:/in/image"   /* any other name behind mem: is one further file of 1 MiB */

extern const struct blk_driver blk_memory;

/** memory_reset - both files as they were at the start: the image empty, the other a pattern. */
void memory_reset(void);
/** memory_put - write into the image. @at: byte offset. */
void memory_put(const uint8_t *data, size_t len, uint64_t at);
/** memory_size - the image's length, where it is more than was written. */
void memory_size(uint64_t bytes);

#endif

/* core/vm/loader.h - putting firmware, kernels and initial disks into guest memory, at start and again at each reset.
 *
 * A loader remembers what it put where: ranges must lie in RAM or ROM and must not overlap. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/mem/mem.h"

struct error;
struct loader;
struct target;

/**
 * loader_new - an empty list.
 * @as:   where to load
 * @keep: keep the bytes for loader_again(); false when the machine never resets
 */
struct loader *loader_new(struct addr_space *as, bool keep);
void loader_free(struct loader *l);

/**
 * loader_add - load bytes.
 * @what:  for messages: "kernel 'vmlinuz'"
 * @bytes: copied
 * @room:  bytes claimed, at least @len: a kernel's bss
 *
 * Returns 0; -EFBIG if they do not lie in RAM; -EEXIST if they overlap what is there; with a sentence.
 */
int loader_add(struct loader *l, const char *what, gpa at, const void *bytes, size_t len, uint64_t room, struct error *err);

/**
 * loader_is_file - what was added last is the whole of a file.
 *
 * It is read from there again at a reset, instead of a copy being kept, if it is a regular file of that size.
 */
void loader_is_file(struct loader *l, const char *path);

/** loader_again - load everything again, for a reset. */
void loader_again(struct loader *l);

/** loader_end - the first multiple of @align at or above @from that nothing loaded claims up to it. */
gpa loader_end(const struct loader *l, gpa from, uint64_t align);

/* What an image file turned out to be. */
struct loaded {
    gpa entry;
    gpa start, end;  /* what it claims */
    bool elf;        /* loaded where it says; else at the address asked for */
    bool is32;
};

/**
 * loader_file - load a file as it is (firmware, initrd).
 * @max: bytes, so that it ends before something else
 */
int loader_file(struct loader *l, const char *what, const char *path, gpa at, uint64_t max, struct loaded *out,
                struct error *err);

/** loader_firmware - an ELF file where it says, or a flat file at @at. */
int loader_firmware(struct loader *l, const char *what, const char *path, gpa at, const struct target *t,
                    struct loaded *out, struct error *err);

#define LOADER_ROOM_MAX (UINT64_C(1) << 32) /* a flat kernel that claims more is not believed */

/* How an architecture recognises its own flat kernel: fills offset from a 2 MiB boundary and the bytes it claims. */
typedef bool loader_image_fn(const uint8_t *bytes, size_t len, uint64_t *offset, uint64_t *room);

/**
 * loader_kernel - a kernel: ELF, flat image, gzip or EFI zboot of either, or anything flat.
 * @at:    where a flat kernel goes (plus the offset it asks for)
 * @image: the architecture's header; NULL if it has none
 *
 * Returns 0 or -errno; a kernel of another architecture is told which program runs it.
 */
int loader_kernel(struct loader *l, const char *path, gpa at, const struct target *t, loader_image_fn *image,
                  struct loaded *out, struct error *err);

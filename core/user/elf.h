/* core/user/elf.h - what user mode reads of an ELF file, the same for both classes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct target;

enum { ELF_HEAD_BYTES = 1024, ELF_PHDRS_MAX = 128 };

struct elf_segment {
    uint32_t type, flags;
    uint64_t offset, vaddr, filesz, memsz;
};

struct elf_file {
    const char *path;                          /* for messages */
    int fd;
    uint64_t bytes;                            /* size of the file */
    uint16_t type, machine;
    uint8_t elf_class;
    uint32_t flags;
    uint64_t entry, phoff;
    uint16_t phentsize;
    unsigned nseg;
    struct elf_segment seg[ELF_PHDRS_MAX];
};

/**
 * elf_read - read and check headers.
 * @f:    out: all but path and fd, which the caller has set
 * @head: first bytes of the file, @n of them
 * @t:    the guest the program must be for
 *
 * Returns 0; -ENOEXEC with a sentence that names the program that could run it; -EIO.
 */
int elf_read(struct elf_file *f, const uint8_t *head, size_t n, const struct target *t, struct error *err);

/** elf_is_for - do these first bytes begin a program for this guest? */
bool elf_is_for(const uint8_t *head, size_t n, const struct target *t);

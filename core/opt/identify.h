/* core/opt/identify.h - what a file is, from its first bytes: for `rhea run FILE`. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum file_kind {
    FILE_UNKNOWN,
    FILE_PROGRAM,   /* a Linux program */
    FILE_KERNEL,    /* a Linux kernel, compressed or not */
    FILE_BARE,      /* an ELF file that wants the machine to itself */
    FILE_DISK,      /* a disk image with a header of its own, or a partition table */
    FILE_ISO,       /* a CD image */
};

struct file_identity {
    enum file_kind kind;
    const char *arch;     /* NULL where the file does not tell */
    const char *format;   /* "ELF", "Image", "qcow2", ...; for messages and -drive format= */
};

/* How much of a file is looked at; shorter files are fine. */
#define IDENTIFY_BYTES 36864

/** identify_bytes - from the first @len bytes (up to IDENTIFY_BYTES are of use). Never fails: FILE_UNKNOWN. */
struct file_identity identify_bytes(const uint8_t *p, size_t len);

/** identify_file - read a file's beginning, unpacking gzip and EFI zboot kernels. 0, or -errno with a sentence. */
int identify_file(const char *path, struct file_identity *id, struct error *err);

/* core/vm/fdt.h - writing a device tree: a thin layer over libfdt that grows the tree and never fails.
 *
 * A path is made with all that lies above it. Numbers are stored big-endian, as the format asks.
 * Source: Devicetree Specification v0.4. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct error;
struct fdt;

struct fdt *fdt_begin(void);
void fdt_end(struct fdt *f);

/** fdt_node - make sure that a node exists. */
void fdt_node(struct fdt *f, const char *path);
void fdt_bytes(struct fdt *f, const char *path, const char *name, const void *bytes, size_t len);
void fdt_str(struct fdt *f, const char *path, const char *name, const char *text);
/** fdt_strs - a list of strings, ended by NULL. */
void fdt_strs(struct fdt *f, const char *path, const char *name, ...) __attribute__((sentinel));
/** fdt_flag - a property without a value. */
void fdt_flag(struct fdt *f, const char *path, const char *name);
/** fdt_cells - @count 32-bit cells. fdt_u32, fdt_u64 - one number of one or two cells. */
void fdt_cells(struct fdt *f, const char *path, const char *name, const uint32_t *cells, size_t count);
void fdt_u32(struct fdt *f, const char *path, const char *name, uint32_t v);
void fdt_u64(struct fdt *f, const char *path, const char *name, uint64_t v);
/** fdt_reg - `reg` of one range, with two cells of address and two of size. */
void fdt_reg(struct fdt *f, const char *path, uint64_t start, uint64_t len);

#define FDT_CELLS(f, path, name, ...) \
    fdt_cells(f, path, name, (const uint32_t[]){ __VA_ARGS__ }, sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)

/** fdt_phandle - a new number for this tree. */
uint32_t fdt_phandle(struct fdt *f);

/** fdt_from_file - begin with a tree from a file (-dtb); NULL with a sentence. */
struct fdt *fdt_from_file(const char *path, struct error *err);
/** fdt_blob - the tree, packed; valid until the next change. */
const void *fdt_blob(struct fdt *f, size_t *len);
/** fdt_write - write it to a file (dumpdtb=). 0 or -errno with a sentence. */
int fdt_write(struct fdt *f, const char *path, struct error *err);

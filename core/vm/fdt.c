/* core/vm/fdt.c - device trees by libfdt. */
#include "core/vm/fdt.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libfdt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/str.h"

enum { ROOM = 65536, FILE_MAX = 1 << 20 };

struct fdt {
    void *blob;
    uint32_t phandles;
};

static void grow(struct fdt *f)
{
    int size = fdt_totalsize(f->blob) * 2;

    f->blob = xrealloc(f->blob, (size_t)size);
    if (fdt_open_into(f->blob, f->blob, size) < 0)
        abort(); /* our own tree */
}

struct fdt *fdt_begin(void)
{
    struct fdt *f = NEW(struct fdt);

    f->blob = xmalloc(ROOM);
    if (fdt_create_empty_tree(f->blob, ROOM) < 0)
        abort();
    return f;
}

void fdt_end(struct fdt *f)
{
    if (!f)
        return;
    free(f->blob);
    free(f);
}

/* The offset of a node, which is made if need be. */
static int offset_of(struct fdt *f, const char *path)
{
    int at = fdt_path_offset(f->blob, path), parent;
    const char *name = strrchr(path, '/');
    char *above;

    if (at >= 0)
        return at;
    above = xstrndup(path, (size_t)(name - path));
    parent = name == path ? 0 : offset_of(f, above);
    while ((at = fdt_add_subnode(f->blob, parent, name + 1)) == -FDT_ERR_NOSPACE) {
        grow(f);
        parent = name == path ? 0 : offset_of(f, above);
    }
    free(above);
    assert(at >= 0);
    return at;
}

void fdt_node(struct fdt *f, const char *path)
{
    offset_of(f, path);
}

void fdt_bytes(struct fdt *f, const char *path, const char *name, const void *bytes, size_t len)
{
    int ret;

    while ((ret = fdt_setprop(f->blob, offset_of(f, path), name, bytes, (int)len)) == -FDT_ERR_NOSPACE)
        grow(f);
    assert(ret == 0);
}

void fdt_str(struct fdt *f, const char *path, const char *name, const char *text)
{
    fdt_bytes(f, path, name, text, strlen(text) + 1);
}

void fdt_strs(struct fdt *f, const char *path, const char *name, ...)
{
    struct str s = STR_INIT;
    const char *text;
    va_list ap;

    va_start(ap, name);
    while ((text = va_arg(ap, const char *)))
        str_addn(&s, text, strlen(text) + 1);
    va_end(ap);
    fdt_bytes(f, path, name, s.text, s.len);
    str_free(&s);
}

void fdt_flag(struct fdt *f, const char *path, const char *name)
{
    fdt_bytes(f, path, name, "", 0);
}

void fdt_cells(struct fdt *f, const char *path, const char *name, const uint32_t *cells, size_t count)
{
    fdt32_t *be = NEW_ARRAY(fdt32_t, count);

    for (size_t i = 0; i < count; i++)
        be[i] = cpu_to_fdt32(cells[i]);
    fdt_bytes(f, path, name, be, count * sizeof(*be));
    free(be);
}

void fdt_u32(struct fdt *f, const char *path, const char *name, uint32_t v)
{
    FDT_CELLS(f, path, name, v);
}

void fdt_u64(struct fdt *f, const char *path, const char *name, uint64_t v)
{
    FDT_CELLS(f, path, name, (uint32_t)(v >> 32), (uint32_t)v);
}

void fdt_reg(struct fdt *f, const char *path, uint64_t start, uint64_t len)
{
    FDT_CELLS(f, path, "reg", (uint32_t)(start >> 32), (uint32_t)start, (uint32_t)(len >> 32), (uint32_t)len);
}

uint32_t fdt_phandle(struct fdt *f)
{
    return ++f->phandles;
}

struct fdt *fdt_from_file(const char *path, struct error *err)
{
    size_t len;
    void *bytes = file_read(path, FILE_MAX, &len, err);
    struct fdt *f;

    if (!bytes)
        return NULL;
    if (len < sizeof(struct fdt_header) || fdt_check_header(bytes) < 0 || (size_t)fdt_totalsize(bytes) > len) {
        error_set(err, EINVAL, "'%s' is no device tree (make one with dtc -O dtb)", path);
        free(bytes);
        return NULL;
    }
    f = NEW(struct fdt);
    f->blob = xmalloc(len + ROOM);
    if (fdt_open_into(bytes, f->blob, (int)(len + ROOM)) < 0) {
        error_set(err, EINVAL, "the device tree '%s' is damaged", path);
        fdt_end(f);
        f = NULL;
    } else {
        f->phandles = fdt_get_max_phandle(f->blob);
    }
    free(bytes);
    return f;
}

const void *fdt_blob(struct fdt *f, size_t *len)
{
    fdt_pack(f->blob);
    *len = fdt_totalsize(f->blob);
    return f->blob;
}

int fdt_write(struct fdt *f, const char *path, struct error *err)
{
    size_t len;
    const void *blob = fdt_blob(f, &len);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), ret = 0;

    if (fd < 0)
        return error_errno(err, "cannot write '%s'", path);
    if (write(fd, blob, len) != (ssize_t)len)
        ret = error_errno(err, "cannot write '%s'", path);
    close(fd);
    return ret;
}

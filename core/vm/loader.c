/* core/vm/loader.c - what is loaded where, and again at reset. */
#include "core/vm/loader.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "core/mem/dma.h"
#include "core/vm/loader_image.h"

enum { BLOBS_MAX = 64 };

struct blob {
    char *what;
    gpa at;
    uint64_t len, room;
    void *bytes; /* NULL when not kept */
};

struct loader {
    struct addr_space *as;
    bool keep;
    struct blob blob[BLOBS_MAX];
    unsigned count;
};

struct loader *loader_new(struct addr_space *as, bool keep)
{
    struct loader *l = NEW(struct loader);

    l->as = as;
    l->keep = keep;
    return l;
}

void loader_free(struct loader *l)
{
    if (!l)
        return;
    for (unsigned i = 0; i < l->count; i++) {
        free(l->blob[i].what);
        free(l->blob[i].bytes);
    }
    free(l);
}

static const struct blob *overlapping(const struct loader *l, gpa at, uint64_t room)
{
    for (unsigned i = 0; i < l->count; i++)
        if (at < l->blob[i].at + l->blob[i].room && l->blob[i].at < at + room)
            return &l->blob[i];
    return NULL;
}

/* Is there memory for all of it? */
static bool is_memory(struct addr_space *as, gpa at, uint64_t len)
{
    while (len) {
        struct mem_xlat x;

        if (!mem_translate(as, at, &x) || !x.host)
            return false;
        if (x.len >= len)
            return true;
        at += x.len;
        len -= x.len;
    }
    return true;
}

int loader_add(struct loader *l, const char *what, gpa at, const void *bytes, size_t len, uint64_t room, struct error *err)
{
    const struct blob *other;
    struct blob *b;

    if (room < len)
        room = len;
    if (room == 0)
        return 0;
    other = at + room < at ? NULL : overlapping(l, at, room);
    if (other)
        return error_set(err, EEXIST, "%s at 0x%llx to 0x%llx overlaps %s at 0x%llx to 0x%llx; leave one of them out, or link it elsewhere", what,
                         (unsigned long long)at, (unsigned long long)(at + room - 1), other->what,
                         (unsigned long long)other->at, (unsigned long long)(other->at + other->room - 1));
    if (at + room < at || !is_memory(l->as, at, room))
        return error_set(err, EFBIG, "%s needs 0x%llx to 0x%llx, and there is not that much memory; use a larger -m", what,
                         (unsigned long long)at, (unsigned long long)(at + room - 1));
    if (l->count == BLOBS_MAX)
        return error_set(err, EINVAL, "%s: more than %d parts cannot be loaded", what, BLOBS_MAX);
    b = &l->blob[l->count++];
    *b = (struct blob){ .what = xstrdup(what), .at = at, .len = len, .room = room };
    if (l->keep && len)
        b->bytes = xmemdup(bytes, len);
    dma_load(l->as, at, bytes, len);
    return 0;
}

void loader_again(struct loader *l)
{
    for (unsigned i = 0; i < l->count; i++)
        if (l->blob[i].bytes)
            dma_load(l->as, l->blob[i].at, l->blob[i].bytes, l->blob[i].len);
}

gpa loader_end(const struct loader *l, gpa from, uint64_t align)
{
    gpa end = from;

    for (unsigned i = 0; i < l->count; i++)
        if (l->blob[i].at + l->blob[i].room > end)
            end = l->blob[i].at + l->blob[i].room;
    return (end + align - 1) / align * align;
}

int loader_file(struct loader *l, const char *what, const char *path, gpa at, uint64_t max, struct loaded *out,
                struct error *err)
{
    size_t len;
    char *bytes = file_read(path, LOADER_FILE_MAX, &len, err), *name;
    int ret;

    if (!bytes) {
        error_prepend(err, "%s: ", what);
        return -EINVAL;
    }
    name = xasprintf("%s '%s'", what, path);
    if (len > max)
        ret = error_set(err, EFBIG, "%s has %zu bytes and only %llu fit between what lies around it; use a larger -m", name,
                        len, (unsigned long long)max);
    else
        ret = loader_add(l, name, at, bytes, len, len, err);
    *out = (struct loaded){ .entry = at, .start = at, .end = at + len };
    free(name);
    free(bytes);
    return ret;
}

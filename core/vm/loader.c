/* core/vm/loader.c - what is loaded where, and again at reset. */
#include "core/vm/loader.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
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
    int file;    /* -1, or the file that is these bytes: read again instead of kept */
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
        if (l->blob[i].file >= 0)
            close(l->blob[i].file);
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
    *b = (struct blob){ .what = xstrdup(what), .at = at, .len = len, .room = room, .file = -1 };
    if (l->keep && len)
        b->bytes = xmemdup(bytes, len);
    dma_load(l->as, at, bytes, len);
    return 0;
}

void loader_is_file(struct loader *l, const char *path)
{
    struct blob *b = l->count ? &l->blob[l->count - 1] : NULL;
    int fd = l->keep && b ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != b->len) {
        if (fd >= 0)
            close(fd);
        return;
    }
    b->file = fd;
    free(b->bytes);
    b->bytes = NULL;
}

static void load_from_file(struct loader *l, const struct blob *b)
{
    enum { PART = 1 << 18 };
    uint8_t *part = xmalloc(PART);
    uint64_t done = 0;

    while (done < b->len) {
        ssize_t n = pread(b->file, part, b->len - done < PART ? b->len - done : PART, (off_t)done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            warn_say("the guest restarts without all of %s: the file is shorter than it was; quit and start anew", b->what);
            break;
        }
        dma_load(l->as, b->at + done, part, (uint64_t)n);
        done += (uint64_t)n;
    }
    free(part);
}

void loader_again(struct loader *l)
{
    for (unsigned i = 0; i < l->count; i++)
        if (l->blob[i].bytes)
            dma_load(l->as, l->blob[i].at, l->blob[i].bytes, l->blob[i].len);
        else if (l->blob[i].file >= 0)
            load_from_file(l, &l->blob[i]);
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
    if (ret == 0 && len)
        loader_is_file(l, path);
    *out = (struct loaded){ .entry = at, .start = at, .end = at + len };
    free(name);
    free(bytes);
    return ret;
}

/* core/mem/ram.c - blocks of RAM on memfds. */
#include "core/mem/ram.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/mem/internal.h"

static size_t bitmap_bytes(uint64_t size)
{
    return ((size >> RAM_PAGE_BITS) + 63) / 64 * sizeof(dirty_word);
}

static int ram_map(struct ram_block *ram, struct error *err)
{
    int ret;

    ram->fd = memfd_create(ram->name, MFD_CLOEXEC);
    if (ram->fd < 0)
        return error_errno(err, "cannot make memory for '%s'", ram->name);
    if (ftruncate(ram->fd, (off_t)ram->size) < 0) {
        ret = error_errno(err, "cannot reserve %llu MiB of memory for '%s'; use a smaller -m",
                          (unsigned long long)ram->size >> 20, ram->name);
        close(ram->fd);
        return ret;
    }
    ram->host = mmap(NULL, ram->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, ram->fd, 0);
    if (ram->host == MAP_FAILED) {
        ret = error_errno(err, "cannot map %llu MiB of memory for '%s'; use a smaller -m",
                          (unsigned long long)ram->size >> 20, ram->name);
        close(ram->fd);
        return ret;
    }
    return 0;
}

struct ram_block *ram_new(struct mem_bus *bus, const char *name, uint64_t size, struct error *err)
{
    struct ram_block *ram;

    if (size == 0 || size > UINT64_C(1) << 46) {
        error_set(err, EINVAL, "memory '%s' of %llu bytes is not possible; use -m with 1M to 64T", name,
                  (unsigned long long)size);
        return NULL;
    }
    ram = NEW(struct ram_block);
    ram->name = xstrdup(name);
    ram->size = (size + RAM_PAGE_SIZE - 1) & ~(RAM_PAGE_SIZE - 1);
    ram->bus = bus;
    if (ram_map(ram, err) < 0) {
        free((char *)ram->name);
        free(ram);
        return NULL;
    }
    for (int i = 0; i < DIRTY_READERS; i++)
        ram->dirty[i] = xcalloc(1, bitmap_bytes(ram->size));
    ram->code_page = xcalloc(1, bitmap_bytes(ram->size));
    ram->next = bus->rams;
    bus->rams = ram;
    return ram;
}

void ram_free_all(struct mem_bus *bus)
{
    struct ram_block *next;

    for (struct ram_block *ram = bus->rams; ram; ram = next) {
        next = ram->next;
        munmap(ram->host, ram->size);
        close(ram->fd);
        for (int i = 0; i < DIRTY_READERS; i++)
            free((void *)ram->dirty[i]);
        free((void *)ram->code_page);
        free((char *)ram->name);
        free(ram);
    }
    bus->rams = NULL;
}

struct ram_block *ram_first(struct mem_bus *bus)
{
    return bus->rams;
}

struct ram_block *ram_from_host(struct mem_bus *bus, const void *host, uint64_t *off)
{
    for (struct ram_block *ram = bus->rams; ram; ram = ram->next) {
        uintptr_t d = (uintptr_t)host - (uintptr_t)ram->host;

        if (d < ram->size) {
            *off = d;
            return ram;
        }
    }
    return NULL;
}

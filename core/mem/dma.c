/* core/mem/dma.c - devices' accesses to guest memory, row by row. */
#include "core/mem/dma.h"
#include <string.h>
#include "core/base/log.h"
#include "core/mem/internal.h"

enum dma_kind { DMA_READ, DMA_WRITE, DMA_FILL, DMA_LOAD };

/* A message to a device that takes them; len is what is left, so a message is aligned and of a proper width. */
static enum mem_result send_message(struct addr_space *as, gpa addr, const uint8_t *src, uint64_t len)
{
    uint64_t val = 0;

    if (len != 4 && len != 8)
        return MEM_ACCESS_ERROR;
    memcpy(&val, src, len);
    return mem_write(as, addr, (unsigned)len, val);
}

static enum mem_result refused(const struct mem_xlat *x, gpa addr, const char *what)
{
    log_guest("DMA %s at 0x%llx refused: %s", what, (unsigned long long)addr, region_name(x->mr));
    return MEM_ACCESS_ERROR;
}

/* What lies in one row. */
static enum mem_result dma_row(struct addr_space *as, const struct mem_xlat *x, gpa addr, uint8_t *p, uint64_t n,
                               enum dma_kind kind)
{
    switch (kind) {
    case DMA_READ:
        if (!x->host) {
            memset(p, 0, n);
            return refused(x, addr, "read");
        }
        memcpy(p, x->host, n);
        return MEM_OK;
    case DMA_FILL:
    case DMA_WRITE:
        if (x->mr->ops && x->mr->ops->dma && kind == DMA_WRITE)
            return send_message(as, addr, p, n);
        if (!x->host || x->readonly)
            return refused(x, addr, "write");
        break;
    case DMA_LOAD:
        if (!x->host)
            return refused(x, addr, "load");
        break;
    }
    if (kind == DMA_FILL)
        memset(x->host, *p, n);
    else
        memcpy(x->host, p, n);
    ram_written(x->ram, x->ram_off, n);
    return MEM_OK;
}

static enum mem_result dma_move(struct addr_space *as, gpa addr, uint8_t *p, uint64_t len, enum dma_kind kind)
{
    enum mem_result first = MEM_OK;

    if (len && addr + (len - 1) < addr) {
        if (kind == DMA_READ)
            memset(p, 0, len);
        return MEM_DECODE_ERROR;
    }
    while (len) {
        struct mem_xlat x;
        uint64_t n = len;
        enum mem_result res;

        if (!mem_translate(as, addr, &x)) {
            if (kind == DMA_READ)
                memset(p, 0, len);
            return first != MEM_OK ? first : MEM_DECODE_ERROR;
        }
        if (n > x.len)
            n = x.len;
        res = dma_row(as, &x, addr, p, n, kind);
        if (first == MEM_OK)
            first = res;
        addr += n;
        len -= n;
        if (kind != DMA_FILL)
            p += n;
    }
    return first;
}

enum mem_result dma_read(struct addr_space *as, gpa addr, void *dst, uint64_t len)
{
    return dma_move(as, addr, dst, len, DMA_READ);
}

enum mem_result dma_write(struct addr_space *as, gpa addr, const void *src, uint64_t len)
{
    return dma_move(as, addr, (uint8_t *)src, len, DMA_WRITE);
}

enum mem_result dma_fill(struct addr_space *as, gpa addr, uint8_t byte, uint64_t len)
{
    return dma_move(as, addr, &byte, len, DMA_FILL);
}

enum mem_result dma_load(struct addr_space *as, gpa addr, const void *src, uint64_t len)
{
    return dma_move(as, addr, (uint8_t *)src, len, DMA_LOAD);
}

void *dma_map(struct addr_space *as, gpa addr, uint64_t *len, bool write)
{
    struct mem_xlat x;

    if (*len == 0 || !mem_translate(as, addr, &x) || !x.host || (write && x.readonly))
        return NULL;
    if (*len > x.len)
        *len = x.len;
    return x.host;
}

void dma_unmap(struct addr_space *as, void *host, uint64_t written)
{
    uint64_t off;
    struct ram_block *ram;

    if (!written)
        return;
    ram = ram_from_host(as->bus, host, &off);
    if (ram)
        ram_written(ram, off, written);
}

/* Values: the RAM they are meant for is accessed as one; all else gives 0 or is dropped. */
static uint64_t dma_get(struct addr_space *as, gpa addr, unsigned size)
{
    struct mem_xlat x;
    uint64_t val = 0;

    if (mem_translate(as, addr, &x) && x.host && x.len >= size)
        mem_xlat_read(&x, size, &val);
    else
        dma_read(as, addr, &val, size);
    return val;
}

static void dma_put(struct addr_space *as, gpa addr, unsigned size, uint64_t val)
{
    struct mem_xlat x;

    if (mem_translate(as, addr, &x) && x.host && !x.readonly && x.len >= size)
        mem_xlat_write(&x, size, val);
    else
        dma_write(as, addr, &val, size);
}

uint16_t dma_r16(struct addr_space *as, gpa addr)
{
    return (uint16_t)dma_get(as, addr, 2);
}

uint32_t dma_r32(struct addr_space *as, gpa addr)
{
    return (uint32_t)dma_get(as, addr, 4);
}

uint64_t dma_r64(struct addr_space *as, gpa addr)
{
    return dma_get(as, addr, 8);
}

void dma_w16(struct addr_space *as, gpa addr, uint16_t val)
{
    dma_put(as, addr, 2, val);
}

void dma_w32(struct addr_space *as, gpa addr, uint32_t val)
{
    dma_put(as, addr, 4, val);
}

void dma_w64(struct addr_space *as, gpa addr, uint64_t val)
{
    dma_put(as, addr, 8, val);
}

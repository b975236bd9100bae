/* core/mem/ram.h - blocks of guest RAM, and which of their pages changed.
 *
 * A block is one memfd mapping. Each page (4 KiB) has a bit per reader of changes, and a bit that says that
 * an accelerator holds translated code of it.
 *
 * Dirty pages: a reader (display, migration) switches tracking on, then takes bits. Who writes RAM calls
 * ram_written() after the bytes are there; an accelerator may leave that out for pages whose bits are set for
 * every reader that tracks, until a listener's cleaned() tells that bits were taken.
 *
 * Code: the accelerator sets a page's bit before it reads the page in order to translate. ram_written() on a
 * page with the bit set calls the handler given to ram_on_code_write(), which may clear it. */
#pragma once

#include <stdatomic.h>
#include "core/mem/mem.h"

struct error;

#define RAM_PAGE_BITS 12
#define RAM_PAGE_SIZE (UINT64_C(1) << RAM_PAGE_BITS)

enum dirty_reader { DIRTY_DISPLAY, DIRTY_MIGRATE, DIRTY_READERS };

typedef _Atomic(uint64_t) dirty_word; /* 64 pages */

struct ram_block {
    void *host;        /* page aligned */
    uint64_t size;     /* bytes, a multiple of the page */
    int fd;            /* memfd */
    const char *name;  /* unique on its bus: the key in snapshots */
    struct mem_bus *bus;
    struct ram_block *next;
    dirty_word *dirty[DIRTY_READERS];
    dirty_word *code_page;
    _Atomic(unsigned) tracking; /* bit per reader that tracks now */
};

/**
 * ram_new - allocate a block of zeros.
 * @bus:  owner; frees it
 * @name: copied
 * @size: bytes, > 0, any; rounded up to a page
 * @err:  filled when NULL is returned
 *
 * Returns the block, or NULL when the host has not that much memory or address space.
 * Context: machine lock held, or before the machine runs.
 */
struct ram_block *ram_new(struct mem_bus *bus, const char *name, uint64_t size, struct error *err);

/** ram_first - the blocks of a bus, linked by next. */
struct ram_block *ram_first(struct mem_bus *bus);

/**
 * ram_from_host - which block holds a host address.
 * @off: out: offset in it
 *
 * Returns NULL when it is in none. Context: any thread.
 */
struct ram_block *ram_from_host(struct mem_bus *bus, const void *host, uint64_t *off);

/**
 * ram_written - bytes of a block have just been changed.
 * @ram: the block
 * @off: first byte; @off + @len lies within the block
 * @len: bytes, > 0
 *
 * Context: any thread; may call the code handler.
 */
void ram_written(struct ram_block *ram, uint64_t off, uint64_t len);

/**
 * ram_on_code_write - who is told of writes to pages with code.
 * @bus: the bus
 * @fn:  called on the thread that wrote, after the bytes are there; must be quick and may clear code bits
 *
 * Context: before the machine runs.
 */
void ram_on_code_write(struct mem_bus *bus,
                       void (*fn)(void *opaque, struct ram_block *ram, uint64_t off, uint64_t len), void *opaque);

static inline bool ram_code_test(const struct ram_block *ram, uint64_t off)
{
    uint64_t page = off >> RAM_PAGE_BITS;

    return atomic_load_explicit(&ram->code_page[page / 64], memory_order_acquire) >> (page % 64) & 1;
}

void ram_code_set(struct ram_block *ram, uint64_t off);
void ram_code_clear(struct ram_block *ram, uint64_t off);

/**
 * ram_needs_notice - does a write to this page have to be followed by ram_written()?
 * @off: any byte of the page
 *
 * Returns true if the page has code, or is clean for a reader that tracks.
 * Context: any thread; a listener's cleaned() and ram_code_set() end the validity of false.
 */
bool ram_needs_notice(const struct ram_block *ram, uint64_t off);

/**
 * dirty_track - a reader begins (all pages dirty) or ends looking at changes.
 *
 * Context: machine lock held; calls the listeners' cleaned().
 */
void dirty_track(struct ram_block *ram, enum dirty_reader who, bool on);

/**
 * dirty_take - take the bits of 64 pages and count them as clean.
 * @first_page: page number, a multiple of 64
 *
 * Returns bit n set if page @first_page + n changed since it was taken last.
 * Context: machine lock held; calls the listeners' cleaned(). Only the owner of @who calls it.
 */
uint64_t dirty_take(struct ram_block *ram, enum dirty_reader who, uint64_t first_page);

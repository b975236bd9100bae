/* core/mem/dirty.c - marks on pages: changed since a reader looked, and source of translated code.
 *
 * The writer stores bytes, then marks; the reader takes marks, then reads bytes. So a page whose mark is clear
 * holds what its reader saw last, or has a writer that is going to mark it. */
#include "core/mem/internal.h"

void ram_on_code_write(struct mem_bus *bus,
                       void (*fn)(void *opaque, struct ram_block *ram, uint64_t off, uint64_t len), void *opaque)
{
    bus->code_write = fn;
    bus->code_opaque = opaque;
}

static uint64_t page_bit(uint64_t page)
{
    return UINT64_C(1) << (page % 64);
}

void ram_code_set(struct ram_block *ram, uint64_t off)
{
    uint64_t page = off >> RAM_PAGE_BITS;

    atomic_fetch_or(&ram->code_page[page / 64], page_bit(page));
}

void ram_code_clear(struct ram_block *ram, uint64_t off)
{
    uint64_t page = off >> RAM_PAGE_BITS;

    atomic_fetch_and(&ram->code_page[page / 64], ~page_bit(page));
}

static void mark(dirty_word *map, uint64_t page)
{
    uint64_t bit = page_bit(page);

    if (!(atomic_load_explicit(&map[page / 64], memory_order_relaxed) & bit))
        atomic_fetch_or_explicit(&map[page / 64], bit, memory_order_release);
}

/* Report the part of [off, off + len) that lies in one page. */
static void code_notice(struct ram_block *ram, uint64_t page, uint64_t off, uint64_t len)
{
    uint64_t start = page << RAM_PAGE_BITS, end = start + RAM_PAGE_SIZE;

    if (start < off)
        start = off;
    if (end > off + len)
        end = off + len;
    if (ram->bus->code_write)
        ram->bus->code_write(ram->bus->code_opaque, ram, start, end - start);
}

void ram_written(struct ram_block *ram, uint64_t off, uint64_t len)
{
    uint64_t first = off >> RAM_PAGE_BITS, last = (off + len - 1) >> RAM_PAGE_BITS;
    unsigned tracking;

    /* The bytes are stored before the marks are read: pairs with ram_code_set() and the reading of code after
     * it, and with dirty_track(). One of the two sides sees the other. */
    atomic_thread_fence(memory_order_seq_cst);
    tracking = atomic_load_explicit(&ram->tracking, memory_order_relaxed);
    for (uint64_t page = first; page <= last; page++) {
        for (int i = 0; i < DIRTY_READERS; i++)
            if (tracking & 1u << i)
                mark(ram->dirty[i], page);
        if (ram_code_test(ram, page << RAM_PAGE_BITS))
            code_notice(ram, page, off, len);
    }
}

bool ram_needs_notice(const struct ram_block *ram, uint64_t off)
{
    uint64_t page = off >> RAM_PAGE_BITS;
    unsigned tracking = atomic_load_explicit(&ram->tracking, memory_order_acquire);

    if (ram_code_test(ram, off))
        return true;
    for (int i = 0; i < DIRTY_READERS; i++)
        if ((tracking & 1u << i) && !(atomic_load(&ram->dirty[i][page / 64]) & page_bit(page)))
            return true;
    return false;
}

void mem_cleaned(struct ram_block *ram, uint64_t off, uint64_t len)
{
    for (struct mem_listener *l = ram->bus->listeners; l; l = l->next)
        if (l->cleaned)
            l->cleaned(l->opaque, ram, off, len);
}

void dirty_track(struct ram_block *ram, enum dirty_reader who, bool on)
{
    uint64_t words = ((ram->size >> RAM_PAGE_BITS) + 63) / 64;

    if (!on) {
        atomic_fetch_and(&ram->tracking, ~(1u << who));
        return;
    }
    for (uint64_t i = 0; i < words; i++)
        atomic_store(&ram->dirty[who][i], UINT64_MAX);
    atomic_fetch_or(&ram->tracking, 1u << who);
    mem_cleaned(ram, 0, ram->size);
}

uint64_t dirty_take(struct ram_block *ram, enum dirty_reader who, uint64_t first_page)
{
    uint64_t pages = ram->size >> RAM_PAGE_BITS;
    uint64_t bits = atomic_exchange(&ram->dirty[who][first_page / 64], 0);
    uint64_t count = pages - first_page < 64 ? pages - first_page : 64;

    if (count < 64)
        bits &= (UINT64_C(1) << count) - 1;
    if (bits)
        mem_cleaned(ram, first_page << RAM_PAGE_BITS, count << RAM_PAGE_BITS);
    return bits;
}

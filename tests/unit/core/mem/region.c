/* The bus: which region answers where, how accesses are checked, and what DMA and dirty bits do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "core/base/error.h"
#include "core/mem/dma.h"
#include "core/mem/ram.h"
#include "core/mem/region.h"

struct fixture {
    struct mem_bus *bus;
    struct mem_region *root;
    struct addr_space *as;
    struct ram_block *ram;
    uint64_t last_off, last_val;
    unsigned last_size, calls;
};

static uint64_t dev_read(void *owner, uint64_t off, unsigned size)
{
    struct fixture *f = owner;

    f->last_off = off;
    f->last_size = size;
    f->calls++;
    return 0x1122334455667788 + off;
}

static void dev_write(void *owner, uint64_t off, uint64_t val, unsigned size)
{
    struct fixture *f = owner;

    f->last_off = off;
    f->last_val = val;
    f->last_size = size;
    f->calls++;
}

static const struct mmio_ops word_ops = { .read = dev_read, .write = dev_write, .widths = WIDTH_4 };
static const struct mmio_ops split_ops = {
    .read = dev_read, .write = dev_write, .widths = WIDTH_4 | WIDTH_8, .split = WIDTH_4,
};

static int setup(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(*f));
    struct error err = ERROR_INIT;

    f->bus = mem_bus_new();
    f->root = region_container(f->bus, "root", UINT64_MAX);
    f->as = addr_space_new(f->bus, "cpu", f->root);
    f->ram = ram_new(f->bus, "ram", 0x10000, &err);
    assert_non_null(f->ram);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    mem_bus_free(f->bus);
    test_free(f);
    return 0;
}

static const char *at(struct fixture *f, gpa addr)
{
    struct mem_xlat x;

    return mem_translate(f->as, addr, &x) ? region_name(x.mr) : "nothing";
}

static void higher_priority_and_later_added_win(void **state)
{
    struct fixture *f = *state;
    struct mem_region *low = region_ram(f->bus, "low", f->ram, 0, 0x4000);
    struct mem_region *mid = region_mmio(f->bus, "mid", &word_ops, f, 0x1000);
    struct mem_region *top = region_mmio(f->bus, "top", &word_ops, f, 0x800);

    region_add(f->root, 0x1000, low, -1);
    region_add(f->root, 0x2000, top, 0);
    region_add(f->root, 0x2000, mid, 0);
    assert_string_equal(at(f, 0xfff), "nothing");
    assert_string_equal(at(f, 0x1000), "low");
    assert_string_equal(at(f, 0x2000), "mid");
    assert_string_equal(at(f, 0x3000), "low");
    assert_string_equal(at(f, 0x5000), "nothing");
    region_enable(mid, false);
    assert_string_equal(at(f, 0x2000), "top");
    assert_string_equal(at(f, 0x2800), "low");
    region_del(top);
    assert_string_equal(at(f, 0x2000), "low");
    region_add(f->root, 0x1800, top, 5);
    assert_string_equal(at(f, 0x1fff), "top");
    region_move(top, 0x8000);
    assert_string_equal(at(f, 0x1fff), "low");
    assert_string_equal(at(f, 0x87ff), "top");
}

static void rows_of_one_region_join_again(void **state)
{
    struct fixture *f = *state;
    struct mem_region *ram = region_ram(f->bus, "low", f->ram, 0, 0x4000);
    struct mem_region *hole = region_mmio(f->bus, "hole", &word_ops, f, 0x100);
    struct mem_xlat x;

    region_add(f->root, 0, ram, 0);
    region_add(ram, 0x1000, hole, 0);
    assert_true(mem_translate(f->as, 0x10, &x));
    assert_int_equal(x.len, 0xff0);
    assert_true(mem_translate(f->as, 0x1100, &x));
    assert_int_equal(x.ram_off, 0x1100);
    region_enable(hole, false);
    assert_true(mem_translate(f->as, 0x10, &x));
    assert_int_equal(x.len, 0x3ff0);
}

static void an_alias_shows_the_part_it_names(void **state)
{
    struct fixture *f = *state;
    struct mem_region *box = region_container(f->bus, "box", 0x10000);
    struct mem_region *dev = region_mmio(f->bus, "dev", &word_ops, f, 0x1000);
    uint64_t val;

    region_add(box, 0x4000, dev, 0);
    region_add(f->root, 0xfffffffffffff000, region_alias(f->bus, "alias", box, 0x4800, 0x1000), 0);
    assert_int_equal(mem_read(f->as, 0xfffffffffffff000, 4, &val), MEM_OK);
    assert_int_equal(f->last_off, 0x800);
    assert_int_equal(mem_read(f->as, 0xfffffffffffff800, 4, &val), MEM_DECODE_ERROR);
}

static void children_are_cut_at_their_parent(void **state)
{
    struct fixture *f = *state;
    struct mem_region *box = region_container(f->bus, "box", 0x1000);

    region_add(f->root, 0x1000, box, 0);
    region_add(box, 0xf00, region_mmio(f->bus, "dev", &word_ops, f, 0x1000), 0);
    assert_string_equal(at(f, 0x1fff), "dev");
    assert_string_equal(at(f, 0x2000), "nothing");
}

static void devices_get_only_what_they_take(void **state)
{
    struct fixture *f = *state;
    uint64_t val = 1;

    region_add(f->root, 0x1000, region_mmio(f->bus, "dev", &word_ops, f, 0x1000), 0);
    region_add(f->root, 0x2000, region_mmio(f->bus, "wide", &split_ops, f, 0x1000), 0);
    assert_int_equal(mem_read(f->as, 0x1000, 1, &val), MEM_ACCESS_ERROR);
    assert_int_equal(val, 0);
    assert_int_equal(mem_read(f->as, 0x1002, 4, &val), MEM_ACCESS_ERROR);
    assert_int_equal(mem_write(f->as, 0x1000, 8, 1), MEM_ACCESS_ERROR);
    assert_int_equal(f->calls, 0);
    assert_int_equal(mem_read(f->as, 0x1004, 4, &val), MEM_OK);
    assert_int_equal(val, 0x5566778c);
    f->calls = 0;
    assert_int_equal(mem_read(f->as, 0x2008, 8, &val), MEM_OK);
    assert_int_equal(f->calls, 2);
    assert_int_equal(val, 0x5566779455667790);
    assert_int_equal(mem_write(f->as, 0x2008, 8, 0xaabbccdd00000000), MEM_OK);
    assert_int_equal(f->last_off, 0xc);
    assert_int_equal(f->last_val, 0xaabbccdd);
}

static void flash_reads_directly_until_told_otherwise(void **state)
{
    struct fixture *f = *state;
    struct mem_region *flash = region_romd(f->bus, "flash", f->ram, 0, 0x1000, &word_ops, f);
    uint64_t val;

    region_add(f->root, 0, flash, 0);
    assert_int_equal(mem_read(f->as, 0, 4, &val), MEM_OK);
    assert_int_equal(f->calls, 0);
    assert_int_equal(mem_write(f->as, 0, 4, 7), MEM_OK);
    assert_int_equal(f->calls, 1);
    assert_int_equal(*(uint32_t *)f->ram->host, 0);
    region_set_direct(flash, false);
    assert_int_equal(mem_read(f->as, 0, 4, &val), MEM_OK);
    assert_int_equal(f->calls, 2);
}

static void rom_refuses_writes_but_takes_a_loader(void **state)
{
    struct fixture *f = *state;
    uint32_t word = 0x12345678;
    uint64_t val;

    region_add(f->root, 0x100, region_rom(f->bus, "rom", f->ram, 0x1000, 0x1000), 0);
    assert_int_equal(mem_write(f->as, 0x100, 4, 1), MEM_ACCESS_ERROR);
    assert_int_equal(dma_write(f->as, 0x100, &word, 4), MEM_ACCESS_ERROR);
    assert_int_equal(dma_load(f->as, 0x100, &word, 4), MEM_OK);
    assert_int_equal(mem_read(f->as, 0x100, 4, &val), MEM_OK);
    assert_int_equal(val, word);
}

static void an_access_goes_on_in_the_next_row(void **state)
{
    struct fixture *f = *state;
    uint64_t val;

    region_add(f->root, 0x0, region_ram(f->bus, "a", f->ram, 0x0000, 0x1000), 0);
    region_add(f->root, 0x1000, region_ram(f->bus, "b", f->ram, 0x8000, 0x1000), 0);
    assert_int_equal(mem_write(f->as, 0xffe, 4, 0xddccbbaa), MEM_OK);
    assert_int_equal(((uint8_t *)f->ram->host)[0xfff], 0xbb);
    assert_int_equal(((uint8_t *)f->ram->host)[0x8000], 0xcc);
    assert_int_equal(mem_read(f->as, 0xffe, 4, &val), MEM_OK);
    assert_int_equal(val, 0xddccbbaa);
    assert_int_equal(mem_write(f->as, 0x1ffe, 4, 0), MEM_DECODE_ERROR);
}

static void dma_is_bounded_and_never_reaches_registers(void **state)
{
    struct fixture *f = *state;
    uint8_t buf[64];
    uint64_t len = 0x4000;

    region_add(f->root, 0x0, region_ram(f->bus, "ram", f->ram, 0, 0x1000), 0);
    region_add(f->root, 0x1000, region_mmio(f->bus, "dev", &word_ops, f, 0x1000), 0);
    memset(buf, 0xee, sizeof(buf));
    assert_int_equal(dma_read(f->as, 0xff0, buf, sizeof(buf)), MEM_ACCESS_ERROR);
    assert_int_equal(f->calls, 0);
    assert_int_equal(buf[0], 0);
    assert_int_equal(buf[63], 0);
    memset(buf, 0xee, sizeof(buf));
    assert_int_equal(dma_read(f->as, UINT64_MAX - 3, buf, sizeof(buf)), MEM_DECODE_ERROR);
    assert_int_equal(buf[0], 0);
    assert_int_equal(dma_write(f->as, 0x1000, buf, 4), MEM_ACCESS_ERROR);
    assert_int_equal(dma_fill(f->as, 0x10, 0x5a, 0x20), MEM_OK);
    assert_int_equal(dma_r32(f->as, 0x2e), 0x00005a5a);
    assert_int_equal(dma_r32(f->as, 0x3000), 0);
    assert_null(dma_map(f->as, 0x1000, &len, false));
    assert_non_null(dma_map(f->as, 0x800, &len, true));
    assert_int_equal(len, 0x800);
}

static uint64_t reenter(void *owner, uint64_t off, unsigned size)
{
    struct fixture *f = owner;
    uint64_t val;

    (void)off;
    (void)size;
    f->calls++;
    return mem_read(f->as, 0x1000, 4, &val) == MEM_ACCESS_ERROR ? 0x600d : 0xbad;
}

static void a_device_is_not_entered_twice(void **state)
{
    static const struct mmio_ops ops = { .read = reenter, .widths = WIDTH_4 };
    struct fixture *f = *state;
    uint64_t val;

    region_add(f->root, 0x1000, region_mmio(f->bus, "loop", &ops, f, 0x1000), 0);
    assert_int_equal(mem_read(f->as, 0x1000, 4, &val), MEM_OK);
    assert_int_equal(val, 0x600d);
    assert_int_equal(f->calls, 1);
}

struct heard {
    unsigned changed, cleaned;
    uint64_t code_off, code_len;
};

static void on_changed(void *opaque, struct addr_space *as)
{
    (void)as;
    ((struct heard *)opaque)->changed++;
}

static void on_cleaned(void *opaque, struct ram_block *ram, uint64_t off, uint64_t len)
{
    (void)ram;
    (void)off;
    (void)len;
    ((struct heard *)opaque)->cleaned++;
}

static void on_code(void *opaque, struct ram_block *ram, uint64_t off, uint64_t len)
{
    struct heard *h = opaque;

    ram_code_clear(ram, off);
    h->code_off = off;
    h->code_len = len;
}

static void a_group_of_edits_is_one_change(void **state)
{
    struct fixture *f = *state;
    struct heard h = { 0 };
    struct mem_listener l = { .changed = on_changed, .opaque = &h };
    uint64_t before = mem_generation(f->bus);

    mem_listen(f->bus, &l);
    mem_begin(f->bus);
    region_add(f->root, 0, region_mmio(f->bus, "a", &word_ops, f, 0x1000), 0);
    region_add(f->root, 0x1000, region_mmio(f->bus, "b", &word_ops, f, 0x1000), 0);
    assert_string_equal(at(f, 0), "nothing");
    mem_commit(f->bus);
    assert_string_equal(at(f, 0), "a");
    assert_int_equal(h.changed, 1);
    assert_int_equal(mem_generation(f->bus), before + 1);
    mem_unlisten(f->bus, &l);
}

static void dma_into_code_is_reported_and_dirties(void **state)
{
    struct fixture *f = *state;
    struct heard h = { 0 };
    struct mem_listener l = { .cleaned = on_cleaned, .opaque = &h };
    uint8_t bytes[0x1800] = { 0 };

    mem_listen(f->bus, &l);
    ram_on_code_write(f->bus, on_code, &h);
    region_add(f->root, 0, region_ram(f->bus, "ram", f->ram, 0, 0x10000), 0);
    assert_false(ram_needs_notice(f->ram, 0x2000));
    ram_code_set(f->ram, 0x2fff);
    assert_true(ram_needs_notice(f->ram, 0x2000));
    dirty_track(f->ram, DIRTY_DISPLAY, true);
    assert_int_equal(dirty_take(f->ram, DIRTY_DISPLAY, 0), 0xffff);
    assert_int_equal(h.cleaned, 2);
    dma_write(f->as, 0x1900, bytes, sizeof(bytes));
    assert_int_equal(h.code_off, 0x2000);
    assert_int_equal(h.code_len, 0x1000);
    assert_false(ram_code_test(f->ram, 0x2000));
    assert_int_equal(dirty_take(f->ram, DIRTY_DISPLAY, 0), 1 << 1 | 1 << 2 | 1 << 3);
    assert_int_equal(dirty_take(f->ram, DIRTY_DISPLAY, 0), 0);
    assert_true(ram_needs_notice(f->ram, 0x2000));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(higher_priority_and_later_added_win), T(rows_of_one_region_join_again), T(an_alias_shows_the_part_it_names),
        T(children_are_cut_at_their_parent), T(devices_get_only_what_they_take),
        T(flash_reads_directly_until_told_otherwise), T(rom_refuses_writes_but_takes_a_loader),
        T(an_access_goes_on_in_the_next_row), T(dma_is_bounded_and_never_reaches_registers),
        T(a_device_is_not_entered_twice), T(a_group_of_edits_is_one_change), T(dma_into_code_is_reported_and_dirties),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

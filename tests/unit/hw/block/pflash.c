/* NOR flash: reading, programming, erasing, the query table; and writes that make no sense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/base/error.h"
#include "hw/block/pflash.h"
#include "tests/lib/bench.h"

enum { BASE = 0x20000000, SIZE = 1 << 20 };

static int setup(void **state)
{
    struct error err = ERROR_INIT;
    struct device *dev;

    *state = bench_new();
    dev = pflash_make(bench_board(*state), "flash", BASE, SIZE, 9, NULL, &err);
    if (!dev)
        fail_msg("%s", err.text);
    dev->type->reset(dev);
    return 0;
}

static void command(struct bench *b, gpa at, uint32_t c)
{
    bench_w32(b, at, c | c << 16);
}

static void erase(struct bench *b, gpa at)
{
    command(b, at, 0x20);
    command(b, at, 0xd0);
    assert_int_equal(bench_r32(b, at), 0x00800080);
    command(b, at, 0xff);
}

static void erasing_sets_and_programming_clears(void **state)
{
    struct bench *b = *state;

    erase(b, BASE + 0x40000);
    assert_int_equal(bench_r32(b, BASE + 0x40000), 0xffffffff);
    assert_int_equal(bench_r32(b, BASE + 0x3fffc), 0);
    command(b, BASE + 0x40010, 0x40);
    bench_w32(b, BASE + 0x40010, 0x12345678);
    command(b, BASE, 0xff);
    assert_int_equal(bench_r32(b, BASE + 0x40010), 0x12345678);
    command(b, BASE + 0x40010, 0x40);
    bench_w32(b, BASE + 0x40010, 0xffff00ff);
    command(b, BASE, 0xff);
    assert_int_equal(bench_r32(b, BASE + 0x40010), 0x12340078);
}

static void a_buffer_is_written_when_confirmed(void **state)
{
    struct bench *b = *state;

    erase(b, BASE);
    command(b, BASE + 0x100, 0xe8);
    assert_int_equal(bench_r32(b, BASE + 0x100) & 0x80, 0x80);
    command(b, BASE + 0x100, 2);
    for (uint32_t i = 0; i < 3; i++)
        bench_w32(b, BASE + 0x100 + 4 * i, i);
    bench_again(b);
    command(b, BASE + 0x100, 0xd0);
    assert_int_equal(bench_r32(b, BASE), 0x00800080);
    command(b, BASE, 0xff);
    assert_int_equal(bench_r32(b, BASE + 0x108), 2);
    assert_int_equal(bench_r32(b, BASE + 0x10c), 0xffffffff);
}

static void the_query_table_tells_its_size(void **state)
{
    struct bench *b = *state;

    command(b, BASE + 0x55 * 4, 0x98);
    assert_int_equal(bench_r32(b, BASE + 0x10 * 4), 'Q' | 'Q' << 16);
    assert_int_equal(bench_r8(b, BASE + 0x27 * 4), 19); /* 512 KiB a chip */
    assert_int_equal(bench_r8(b, BASE + 0x2d * 4), 3);  /* four sectors */
    command(b, BASE, 0x90);
    assert_int_equal(bench_r32(b, BASE), 0x00890089);
    command(b, BASE, 0xff);
    assert_int_equal(bench_r32(b, BASE), 0);
}

static void nonsense_is_an_error_in_the_status(void **state)
{
    struct bench *b = *state;

    command(b, BASE, 0xe8);
    command(b, BASE, 0);
    bench_w32(b, BASE + 0x8000, 0); /* another block */
    command(b, BASE, 0xd0);
    assert_int_equal(bench_r8(b, BASE) & 0x10, 0x10);
    command(b, BASE, 0x50);
    command(b, BASE, 0xe8);
    command(b, BASE, 0);
    bench_w32(b, BASE, 0);
    command(b, BASE, 0x12); /* not confirmed */
    assert_int_equal(bench_r8(b, BASE) & 0x10, 0x10);
    command(b, BASE, 0x20);
    command(b, BASE, 0x12);
    bench_storm(b, BASE, SIZE, 50000);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        T(erasing_sets_and_programming_clears), T(a_buffer_is_written_when_confirmed), T(the_query_table_tells_its_size),
        T(nonsense_is_an_error_in_the_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Firmware configuration: by register, by DMA, and by a guest that asks for nonsense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/base/error.h"
#include "hw/fw/fw_cfg.h"
#include "tests/lib/bench.h"

enum { BASE = 0x10100000, SELECT = BASE + 8, DMA = BASE + 16 };

static struct device *cfg;

static int setup(void **state)
{
    *state = bench_new();
    cfg = bench_add(*state, "fw_cfg_mem", BASE);
    return 0;
}

static void select_key(struct bench *b, uint16_t key)
{
    bench_w16(b, SELECT, __builtin_bswap16(key));
}

static void bytes_come_in_order_at_any_width(void **state)
{
    struct bench *b = *state;

    select_key(b, FW_CFG_SIGNATURE);
    assert_int_equal(bench_r8(b, BASE), 'Q');
    assert_int_equal(bench_r8(b, BASE), 'E');
    assert_int_equal(bench_r8(b, BASE), 'M');
    assert_int_equal(bench_r8(b, BASE), 'U');
    assert_int_equal(bench_r8(b, BASE), 0);
    select_key(b, FW_CFG_SIGNATURE);
    assert_int_equal(bench_r32(b, BASE), 0x554d4551);
    select_key(b, FW_CFG_ID);
    assert_int_equal(bench_r64(b, BASE), 3);
}

static void the_uuid_is_sixteen_bytes(void **state)
{
    struct bench *b = *state;

    fw_cfg_add_uuid(cfg, "550e8400-e29b-41d4-a716-446655440000");
    select_key(b, FW_CFG_UUID);
    assert_int_equal(bench_r32(b, BASE), 0x00840e55);
    assert_int_equal(bench_r32(b, BASE), 0xd4419be2);
    assert_int_equal(bench_r32(b, BASE), 0x664416a7);
    assert_int_equal(bench_r32(b, BASE), 0x00004455);
}

static void files_are_in_the_directory(void **state)
{
    struct bench *b = *state;
    struct error err = ERROR_INIT;

    assert_int_equal(fw_cfg_add_file(cfg, "etc/one", "abc", 3, &err), 0);
    assert_int_equal(fw_cfg_add_file(cfg, "etc/two", "defgh", 5, &err), 0);
    assert_true(fw_cfg_add_file(cfg, "etc/one", "x", 1, &err) < 0);
    select_key(b, FW_CFG_FILE_DIR);
    assert_int_equal(__builtin_bswap32(bench_r32(b, BASE)), 2);
    for (int i = 0; i < 16; i++)
        bench_r32(b, BASE);
    assert_int_equal(__builtin_bswap32(bench_r32(b, BASE)), 5);
    assert_int_equal(__builtin_bswap16(bench_r16(b, BASE)), 0x21);
    select_key(b, 0x21);
    assert_int_equal(bench_r8(b, BASE), 'd');
}

static void run_dma(struct bench *b, uint32_t control, uint32_t len, uint64_t addr)
{
    gpa at = BENCH_RAM + 0x100;

    bench_w32(b, at, __builtin_bswap32(control));
    bench_w32(b, at + 4, __builtin_bswap32(len));
    bench_w64(b, at + 8, __builtin_bswap64(addr));
    bench_w64(b, DMA, __builtin_bswap64(at));
}

static void dma_reads_skips_and_fills_up(void **state)
{
    struct bench *b = *state;

    assert_int_equal(__builtin_bswap64(bench_r64(b, DMA)), 0x51454d5520434647);
    bench_w64(b, BENCH_RAM, UINT64_MAX);
    run_dma(b, FW_CFG_SIGNATURE << 16 | 8 | 4, 1, 0); /* select, skip one */
    run_dma(b, 2, 6, BENCH_RAM);
    assert_int_equal(bench_r64(b, BENCH_RAM), 0xffff000000554d45);
    assert_int_equal(bench_r32(b, BENCH_RAM + 0x100), 0);
}

static void impossible_requests_fail_and_nothing_more(void **state)
{
    struct bench *b = *state;

    run_dma(b, FW_CFG_SIGNATURE << 16 | 8 | 2, 4, 0x1000);
    assert_int_equal(__builtin_bswap32(bench_r32(b, BENCH_RAM + 0x100)), 1);
    run_dma(b, 16, 4, BENCH_RAM);
    assert_int_equal(__builtin_bswap32(bench_r32(b, BENCH_RAM + 0x100)), 1);
    run_dma(b, 2, UINT32_MAX, BENCH_RAM + BENCH_RAM_SIZE - 8);
    run_dma(b, 0x3fffu << 16 | 8 | 2, 4, BENCH_RAM);
    assert_int_equal(bench_r32(b, BENCH_RAM), 0);
    run_dma(b, 4, UINT32_MAX, 0);
    run_dma(b, 4, UINT32_MAX, 0);
    bench_w64(b, DMA, 0);                                     /* a descriptor where nothing is */
    bench_w64(b, DMA, __builtin_bswap64(DMA));                /* in its own registers */
    run_dma(b, FW_CFG_SIGNATURE << 16 | 8 | 2, 4, DMA);       /* onto its own registers */
    assert_int_equal(__builtin_bswap32(bench_r32(b, BENCH_RAM + 0x100)), 1);
    bench_again(b);
    bench_storm(b, BASE, 24, 20000);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        T(bytes_come_in_order_at_any_width), T(the_uuid_is_sixteen_bytes), T(files_are_in_the_directory), T(dma_reads_skips_and_fills_up),
        T(impossible_requests_fail_and_nothing_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The order in which firmware boots, from bootindex=. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "core/base/error.h"
#include "hw/fw/bootorder.h"
#include "hw/fw/fw_cfg.h"
#include "hw/pci/ecam.h"
#include "hw/virtio/virtio.h"
#include "tests/lib/bench.h"

enum { CFG = 0x10100000, SELECT = CFG + 8, SLOT = 0x0a003e00 };

static struct device *cfg;

static int setup(void **state)
{
    const struct ecam_windows w = { .config = 0x30000000, .config_size = 1 << 28, .io = 0x3000000, .io_size = 0x10000,
                                    .memory = 0x40000000, .memory_size = 0x40000000 };
    struct bench *b = bench_new();
    struct error err = ERROR_INIT;
    struct irq_line pins[4] = { 0 };

    *state = b;
    cfg = bench_add(b, "fw_cfg_mem", CFG);
    assert_non_null(ecam_make(bench_board(b), &w, pins, &err));
    bench_add(b, "virtio-mmio", SLOT);
    return 0;
}

static void add(struct bench *b, const char *type, const char *props)
{
    bench_add_with(b, device_type_find(type), UINT64_MAX, props);
}

static void the_lowest_is_first(void **state)
{
    static const char expected[] = "/pci@i0cf8/ethernet@3,1/ethernet-phy@0\n/virtio-mmio@000000000a003e00/ethernet-phy@0\n"
                                   "/pci@i0cf8/ethernet@1/ethernet-phy@0";
    struct bench *b = *state;
    struct error err = ERROR_INIT;

    add(b, "virtio-net-pci", "bootindex=7");
    add(b, "virtio-net-pci", NULL);
    add(b, "virtio-net-device", "bootindex=4");
    add(b, "virtio-net-pci", "bootindex=0,addr=3.1");
    assert_int_equal(bootorder_add(cfg, bench_board(b), &err), 0);
    bench_w16(b, SELECT, __builtin_bswap16(FW_CFG_FILE_FIRST));
    for (size_t i = 0; i < sizeof(expected); i++)
        assert_int_equal(bench_r8(b, CFG), expected[i]);
}

static void without_one_there_is_no_file(void **state)
{
    struct bench *b = *state;
    struct error err = ERROR_INIT;

    add(b, "virtio-net-pci", NULL);
    assert_int_equal(bootorder_add(cfg, bench_board(b), &err), 0);
    bench_w16(b, SELECT, __builtin_bswap16(FW_CFG_FILE_DIR));
    assert_int_equal(bench_r32(b, CFG), 0);
}

static void two_of_the_same_are_refused(void **state)
{
    struct bench *b = *state;
    struct error err = ERROR_INIT;

    add(b, "virtio-net-pci", "bootindex=1");
    add(b, "virtio-net-device", "bootindex=1");
    assert_true(bootorder_add(cfg, bench_board(b), &err) < 0);
    assert_non_null(strstr(err.text, "bootindex=1 is given to two"));
    error_clear(&err);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        T(the_lowest_is_first), T(without_one_there_is_no_file), T(two_of_the_same_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The PCIe host and a virtio function on it: configuration space, sizing and moving base addresses, the pin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/base/error.h"
#include "hw/pci/ecam.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci.h"
#include "tests/lib/bench.h"

enum { ECAM = 0x30000000, MEMORY = 0x40000000, FN = ECAM + (1 << 15) };

static struct device *rng;

static int setup(void **state)
{
    const struct ecam_windows w = { .config = ECAM, .config_size = 1 << 28, .io = 0x3000000, .io_size = 0x10000,
                                    .memory = MEMORY, .memory_size = 0x40000000 };
    struct bench *b = bench_new();
    struct error err = ERROR_INIT;
    struct irq_line pins[4];

    *state = b;
    for (unsigned i = 0; i < 4; i++)
        pins[i] = bench_pin(b, 10 + i);
    assert_non_null(ecam_make(bench_board(b), &w, pins, &err));
    rng = bench_add_with(b, device_type_find("virtio-rng-pci"), UINT64_MAX, NULL);
    return 0;
}

static void empty_slots_read_as_ones(void **state)
{
    struct bench *b = *state;

    assert_int_equal(bench_r32(b, ECAM), 0x00081b36);
    assert_int_equal(bench_r32(b, FN), 0x10441af4);
    assert_int_equal(bench_r32(b, ECAM + (2 << 15)), 0xffffffff);
    assert_int_equal(bench_r16(b, ECAM + (1 << 20)), 0xffff);
    assert_int_equal(bench_r32(b, FN + 0x800), 0);
}

static void map(struct bench *b, uint64_t at)
{
    bench_w32(b, FN + 0x20, (uint32_t)at);
    bench_w32(b, FN + 0x24, (uint32_t)(at >> 32));
    bench_w16(b, FN + 4, 6);
}

static void base_addresses_are_sized_and_moved(void **state)
{
    struct bench *b = *state;
    uint64_t val;

    bench_w32(b, FN + 0x20, 0xffffffff);
    assert_int_equal(bench_r32(b, FN + 0x20), 0xffffc00c);
    map(b, MEMORY + 0x10000);
    assert_int_equal(bench_r16(b, MEMORY + 0x10000 + 0x12), 1); /* queues */
    map(b, MEMORY + 0x20000);
    assert_int_equal(bench_try_read(b, MEMORY + 0x10000, 4, &val), MEM_DECODE_ERROR);
    assert_int_equal(bench_r16(b, MEMORY + 0x20000 + 0x12), 1);
    bench_w16(b, FN + 4, 0);
    assert_int_equal(bench_try_read(b, MEMORY + 0x20000, 4, &val), MEM_DECODE_ERROR);
    map(b, BENCH_RAM); /* over RAM: outside of the window */
    bench_w32(b, BENCH_RAM, 0x1234);
    assert_int_equal(bench_r32(b, BENCH_RAM), 0x1234);
    map(b, 0);
    map(b, UINT64_MAX & ~0x3fffull);
}

static void the_window_is_reached_through_configuration_space(void **state)
{
    struct bench *b = *state;
    unsigned cap = bench_r8(b, FN + 0x34);

    while (cap && !(bench_r8(b, FN + cap) == 9 && bench_r8(b, FN + cap + 3) == 5))
        cap = bench_r8(b, FN + cap + 1);
    assert_true(cap);
    bench_w8(b, FN + cap + 4, 4);
    bench_w32(b, FN + cap + 8, 0x12);
    bench_w32(b, FN + cap + 12, 2);
    assert_int_equal(bench_r16(b, FN + cap + 16), 1);
    bench_w32(b, FN + cap + 8, 0xfffffffe);
    bench_r32(b, FN + cap + 16);
    bench_w32(b, FN + cap + 12, 77);
    bench_w32(b, FN + cap + 16, 1);
}

static void the_pin_follows_isr_and_the_command_register(void **state)
{
    struct bench *b = *state;
    struct pci_device *p = (struct pci_device *)rng;

    map(b, MEMORY);
    pci_set_pin(p, true);
    assert_int_equal(bench_line(b, 11), 1); /* slot 1: swizzled by one */
    assert_int_equal(bench_r16(b, FN + 6) & 8, 8);
    bench_w16(b, FN + 4, 0x406);
    assert_int_equal(bench_line(b, 11), 0);
    bench_w16(b, FN + 4, 6);
    assert_int_equal(bench_line(b, 11), 1);
    bench_r8(b, MEMORY + 0x1000); /* reading ISR acknowledges */
    assert_int_equal(bench_line(b, 11), 0);
}

static void it_survives_saving_and_storms(void **state)
{
    struct bench *b = *state;

    map(b, MEMORY);
    bench_again(b);
    assert_int_equal(bench_r16(b, MEMORY + 0x12), 1);
    bench_storm(b, MEMORY, 0x4000, 20000);
    bench_storm(b, FN, 0x1000, 20000);
}

static void a_slot_has_one_device(void **state)
{
    struct bench *b = *state;
    struct error err = ERROR_INIT;
    struct device *dev = device_new(bench_board(b), device_type_find("virtio-rng-pci"), NULL, &err);

    device_set(dev, "addr", "1.0", &err);
    assert_true(device_realize(dev, NULL, &err) < 0);
    error_clear(&err);
    device_set(dev, "addr", "20", &err);
    assert_true(device_realize(dev, NULL, &err) < 0);
    error_clear(&err);
    device_set(dev, "addr", "1f.7", &err);
    assert_int_equal(device_realize(dev, NULL, &err), 0);
    assert_int_equal(bench_r32(b, ECAM + (0xff << 12)), 0x10441af4);
}

/* Function 0 says whether there are more: nobody would find them otherwise. */
static void functions_beside_the_first_are_announced(void **state)
{
    struct bench *b = *state;
    struct error err = ERROR_INIT;
    struct device *dev = device_new(bench_board(b), device_type_find("virtio-rng-pci"), NULL, &err);

    device_set(dev, "addr", "1.1", &err);
    assert_true(device_realize(dev, NULL, &err) < 0); /* slot 1 has one of one function */
    error_clear(&err);
    device_set(dev, "addr", "2.1", &err);
    assert_int_equal(device_realize(dev, NULL, &err), 0);
    dev = device_new(bench_board(b), device_type_find("virtio-rng-pci"), NULL, &err);
    device_set(dev, "addr", "2", &err);
    assert_true(device_realize(dev, NULL, &err) < 0);
    error_clear(&err);
    device_set(dev, "multifunction", "on", &err);
    assert_int_equal(device_realize(dev, NULL, &err), 0);
    assert_int_equal(bench_r8(b, ECAM + (2 << 15) + 14), 0x80);
    assert_int_equal(bench_r8(b, FN + 14), 0);
    assert_true(device_set(dev, "romfile", "card.rom", &err) < 0);
    error_clear(&err);
    assert_int_equal(device_set(dev, "romfile", "", &err), 0);
}

/* MSI-X: the table is behind the second base address. */
static void messages_are_kept_while_masked(void **state)
{
    struct bench *b = *state;
    struct pci_device *p = (struct pci_device *)rng;
    unsigned cap = p->msix.cap;

    assert_int_equal(bench_r8(b, FN + cap), 0x11);
    bench_w32(b, FN + 0x14, MEMORY + 0x1000);
    bench_w16(b, FN + 4, 6);
    bench_w32(b, MEMORY + 0x1000 + 16, (uint32_t)BENCH_RAM + 64);
    bench_w32(b, MEMORY + 0x1000 + 24, 0x1234);
    bench_w16(b, FN + cap + 2, 0x8000);
    pci_msix_notify(p, 1);
    assert_int_equal(bench_r32(b, BENCH_RAM + 64), 0);
    assert_int_equal(bench_r32(b, MEMORY + 0x1800), 2);
    bench_again(b);
    bench_w32(b, MEMORY + 0x1000 + 28, 0);
    assert_int_equal(bench_r32(b, BENCH_RAM + 64), 0x1234);
    assert_int_equal(bench_r32(b, MEMORY + 0x1800), 0);
    bench_w32(b, BENCH_RAM + 64, 0);
    bench_w16(b, FN + cap + 2, 0xc000);
    pci_msix_notify(p, 1);
    assert_int_equal(bench_r32(b, BENCH_RAM + 64), 0);
    bench_w16(b, FN + cap + 2, 0x8000);
    assert_int_equal(bench_r32(b, BENCH_RAM + 64), 0x1234);
    pci_msix_notify(p, 99);
    bench_storm(b, MEMORY + 0x1000, 0x1000, 5000);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        T(messages_are_kept_while_masked),
        T(empty_slots_read_as_ones), T(base_addresses_are_sized_and_moved),
        T(the_window_is_reached_through_configuration_space), T(the_pin_follows_isr_and_the_command_register),
        T(it_survives_saving_and_storms), T(a_slot_has_one_device), T(functions_beside_the_first_are_announced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

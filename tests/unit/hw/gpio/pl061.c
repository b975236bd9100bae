/* The PL061 and the power button that hangs on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "hw/gpio/pl061.h"
#include "hw/misc/power_key.h"
#include "tests/lib/bench.h"

enum { AT = 0x9030000, DIR = AT + 0x400, IS = AT + 0x404, IBE = AT + 0x408, IEV = AT + 0x40c, IE = AT + 0x410,
       RIS = AT + 0x414, MIS = AT + 0x418, IC = AT + 0x41c };

static void address_bits_choose_lines(void **state)
{
    struct bench *b = *state;
    struct device *dev = bench_add(b, "pl061", AT);
    struct irq_line five = pl061_input(dev, 5);

    bench_w32(b, DIR, 0x0f);
    bench_w32(b, AT + (0x05 << 2), 0xff);
    assert_int_equal(bench_r32(b, AT + (0xff << 2)), 0x05);
    assert_int_equal(bench_line(b, 1), 1);
    assert_int_equal(bench_line(b, 2), 0);
    irq_set(&five, true);
    assert_int_equal(bench_r32(b, AT + (0xf0 << 2)), 0x20);
    assert_int_equal(bench_r8(b, AT + 0xfe0), 0x61);
    bench_storm(b, AT, 0x1000, 20000);
}

static void edges_latch_and_levels_follow(void **state)
{
    struct bench *b = *state;
    struct device *dev = bench_add(b, "pl061", AT);
    struct irq_line two = pl061_input(dev, 2);

    bench_w32(b, IEV, 4);
    bench_w32(b, IE, 4);
    irq_pulse(&two);
    assert_int_equal(bench_line(b, 0), 1);
    bench_again(b);
    assert_int_equal(bench_r32(b, MIS), 4);
    bench_w32(b, IC, 4);
    assert_int_equal(bench_line(b, 0), 0);
    bench_w32(b, IS, 4);
    irq_set(&two, true);
    assert_int_equal(bench_line(b, 0), 1);
    irq_set(&two, false);
    assert_int_equal(bench_line(b, 0), 0);
    bench_w32(b, IS, 0);
    bench_w32(b, IBE, 4);
    bench_w32(b, IC, 0xff);
    irq_set(&two, true);
    assert_int_equal(bench_r32(b, RIS), 4);
    bench_w32(b, IC, 4);
    irq_set(&two, false);
    assert_int_equal(bench_r32(b, RIS), 4);
}

static void the_button_is_down_for_a_while(void **state)
{
    struct bench *b = *state;

    bench_add_with(b, &power_key_type, UINT64_MAX, NULL);
    irq_set(&bench_board(b)->power_button, true);
    assert_int_equal(bench_line(b, 0), 1);
    bench_wind_ms(b, 99);
    assert_int_equal(bench_line(b, 0), 1);
    bench_wind_ms(b, 1);
    assert_int_equal(bench_line(b, 0), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        T(address_bits_choose_lines), T(edges_latch_and_levels_follow), T(the_button_is_down_for_a_while),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* CLINT, SSWI and PLIC: comparators, software interrupts, priorities, claim and completion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "hw/intc/clint.h"
#include "hw/intc/plic.h"
#include "hw/intc/sswi.h"
#include "tests/lib/bench.h"

enum { CLINT = 0x2000000, COMPARE = CLINT + 0x4000, TIME = CLINT + 0xbff8 };
enum { PLIC = 0xc000000, PENDING = PLIC + 0x1000, ENABLE = PLIC + 0x2000, CONTEXT = PLIC + 0x200000 };

static void time_counts_at_ten_megahertz(void **state)
{
    struct bench *b = *state;

    bench_add_with(b, &clint_type, CLINT, "num-harts=2");
    assert_int_equal(bench_r64(b, TIME), 0);
    bench_wind_ms(b, 3);
    assert_int_equal(bench_r64(b, TIME), 30000);
    bench_w64(b, TIME, 5);
    assert_int_equal(bench_r32(b, TIME), 5);
    bench_wind_ns(b, 100);
    assert_int_equal(bench_r64(b, TIME), 6);
}

static void the_comparator_raises_and_lowers_its_hart(void **state)
{
    struct bench *b = *state;

    bench_add_with(b, &clint_type, CLINT, "num-harts=2");
    bench_w64(b, COMPARE + 8, 50);
    bench_wind_ns(b, 4999);
    assert_int_equal(bench_line(b, 3), 0);
    bench_wind_ns(b, 1);
    assert_int_equal(bench_line(b, 3), 1);
    assert_int_equal(bench_line(b, 1), 0);
    bench_w32(b, COMPARE + 12, 1); /* the upper half, far away */
    assert_int_equal(bench_line(b, 3), 0);
    bench_w64(b, COMPARE + 8, 0);
    assert_int_equal(bench_line(b, 3), 1);
    bench_w64(b, COMPARE, UINT64_MAX);
    bench_wind_ms(b, 1000);
    assert_int_equal(bench_line(b, 1), 0);
}

static void moving_the_time_moves_the_deadline(void **state)
{
    struct bench *b = *state;

    bench_add_with(b, &clint_type, CLINT, NULL);
    bench_w64(b, COMPARE, 1000);
    bench_w64(b, TIME, 990);
    bench_wind_ns(b, 1000);
    assert_int_equal(bench_line(b, 1), 1);
    bench_w64(b, TIME, 0);
    assert_int_equal(bench_line(b, 1), 0);
    bench_wind_ns(b, 100000);
    assert_int_equal(bench_line(b, 1), 1);
}

static void software_interrupts_have_one_bit(void **state)
{
    struct bench *b = *state;

    bench_add_with(b, &clint_type, CLINT, "num-harts=2");
    bench_w32(b, CLINT + 4, 0xffffffff);
    assert_int_equal(bench_r32(b, CLINT + 4), 1);
    assert_int_equal(bench_line(b, 2), 1);
    bench_w32(b, CLINT + 4, 0xfffffffe);
    assert_int_equal(bench_line(b, 2), 0);
    assert_int_equal(bench_r32(b, CLINT + 8), 0); /* no third hart */
}

static void clint_survives(void **state)
{
    struct bench *b = *state;

    bench_add_with(b, &clint_type, CLINT, "num-harts=2");
    bench_w64(b, COMPARE, 500);
    bench_w32(b, CLINT, 1);
    bench_again(b);
    assert_int_equal(bench_r64(b, COMPARE), 500);
    assert_int_equal(bench_line(b, 0), 1);
    bench_wind_ns(b, 50000);
    assert_int_equal(bench_line(b, 1), 1);
    bench_storm(b, CLINT, 0x10000, 20000);
}

/* A write raises the pin; the device neither remembers nor lowers it. */
static void supervisors_are_only_raised(void **state)
{
    struct bench *b = *state;

    bench_add_with(b, &sswi_type, CLINT, "num-harts=2");
    bench_w32(b, CLINT + 4, 0xfffffffe);
    assert_int_equal(bench_line(b, 1), 0);
    bench_w32(b, CLINT + 4, 1);
    assert_int_equal(bench_line(b, 1), 1);
    assert_int_equal(bench_line(b, 0), 0);
    assert_int_equal(bench_r32(b, CLINT + 4), 0);
    bench_w32(b, CLINT + 4, 0);
    assert_int_equal(bench_line(b, 1), 1);
    bench_w32(b, CLINT + 8, 1); /* no third hart */
    bench_again(b);
    bench_storm(b, CLINT, SSWI_BYTES, 20000);
}

/* --- PLIC -------------------------------------------------------------------------------------------------------- */

static struct device *plic(struct bench *b)
{
    return bench_add_with(b, &plic_type, PLIC, "num-sources=40,num-contexts=2");
}

static void the_highest_priority_is_claimed_first(void **state)
{
    struct bench *b = *state;
    struct device *p = plic(b);
    struct irq_line five = plic_input(p, 5), seven = plic_input(p, 7), thirty_nine = plic_input(p, 39);

    bench_w32(b, PLIC + 4 * 5, 2);
    bench_w32(b, PLIC + 4 * 7, 2);
    bench_w32(b, PLIC + 4 * 39, 7);
    bench_w32(b, ENABLE, 1 << 5 | 1 << 7);
    bench_w32(b, ENABLE + 4, 1 << 7);
    irq_set(&seven, true);
    irq_set(&five, true);
    irq_set(&thirty_nine, true);
    assert_int_equal(bench_line(b, 0), 1);
    assert_int_equal(bench_line(b, 1), 0);
    assert_int_equal(bench_r32(b, PENDING), 1 << 5 | 1 << 7);
    assert_int_equal(bench_r32(b, CONTEXT + 4), 39);
    assert_int_equal(bench_r32(b, CONTEXT + 4), 5);
    assert_int_equal(bench_r32(b, CONTEXT + 4), 7);
    assert_int_equal(bench_line(b, 0), 0);
    assert_int_equal(bench_r32(b, CONTEXT + 4), 0);
}

static void a_line_that_stays_high_comes_back_after_completion(void **state)
{
    struct bench *b = *state;
    struct irq_line five = plic_input(plic(b), 5);

    bench_w32(b, PLIC + 4 * 5, 1);
    bench_w32(b, ENABLE + 0x80, 1 << 5);
    irq_set(&five, true);
    assert_int_equal(bench_r32(b, CONTEXT + 0x1004), 5);
    assert_int_equal(bench_line(b, 1), 0);
    bench_w32(b, CONTEXT + 4, 5); /* a context that doesn't have it enabled */
    assert_int_equal(bench_line(b, 1), 0);
    bench_w32(b, CONTEXT + 0x1004, 5);
    assert_int_equal(bench_line(b, 1), 1);
    assert_int_equal(bench_r32(b, CONTEXT + 0x1004), 5);
    irq_set(&five, false);
    bench_w32(b, CONTEXT + 0x1004, 5);
    assert_int_equal(bench_line(b, 1), 0);
}

static void the_threshold_masks(void **state)
{
    struct bench *b = *state;
    struct irq_line five = plic_input(plic(b), 5);

    bench_w32(b, PLIC + 4 * 5, 3);
    bench_w32(b, ENABLE, 1 << 5);
    bench_w32(b, CONTEXT, 3);
    irq_set(&five, true);
    assert_int_equal(bench_line(b, 0), 0);
    bench_w32(b, CONTEXT, 2);
    assert_int_equal(bench_line(b, 0), 1);
}

static void source_zero_and_beyond_the_last_do_not_exist(void **state)
{
    struct bench *b = *state;
    struct device *p = plic(b);

    bench_w32(b, PLIC, 7);
    assert_int_equal(bench_r32(b, PLIC), 0);
    bench_w32(b, ENABLE, 0xffffffff);
    bench_w32(b, ENABLE + 4, 0xffffffff);
    assert_int_equal(bench_r32(b, ENABLE), 0xfffffffe);
    assert_int_equal(bench_r32(b, ENABLE + 4), 0xff);
    assert_null(plic_input(p, 40).set);
    assert_null(plic_input(p, 0).set);
}

static void plic_survives(void **state)
{
    struct bench *b = *state;
    struct irq_line five = plic_input(plic(b), 5);

    bench_w32(b, PLIC + 4 * 5, 1);
    bench_w32(b, ENABLE, 1 << 5);
    irq_set(&five, true);
    bench_again(b);
    assert_int_equal(bench_line(b, 0), 1);
    assert_int_equal(bench_r32(b, CONTEXT + 4), 5);
    bench_storm(b, PLIC, 0x400000, 20000);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        T(time_counts_at_ten_megahertz), T(the_comparator_raises_and_lowers_its_hart),
        T(moving_the_time_moves_the_deadline), T(software_interrupts_have_one_bit), T(clint_survives),
        T(supervisors_are_only_raised),
        T(the_highest_priority_is_claimed_first), T(a_line_that_stays_high_comes_back_after_completion),
        T(the_threshold_masks), T(source_zero_and_beyond_the_last_do_not_exist), T(plic_survives),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

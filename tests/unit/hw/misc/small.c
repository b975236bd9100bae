/* Devices of a few registers: the RTC and the test finisher. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/lib/bench.h"

enum { RTC = 0x101000, LOW = RTC, HIGH = RTC + 4, ALARM_LOW = RTC + 8, ALARM_HIGH = RTC + 0xc, ENABLED = RTC + 0x10,
       CLEAR_ALARM = RTC + 0x14, STATUS = RTC + 0x18, CLEAR_IRQ = RTC + 0x1c };

static void add_rtc(struct bench *b)
{
    bench_board(b)->wall_virtual = true;
    bench_board(b)->wall_offset_ns = INT64_C(0x1234500000000);
    bench_add(b, "goldfish_rtc", RTC);
}

static void reading_the_low_half_latches_the_high(void **state)
{
    struct bench *b = *state;

    add_rtc(b);
    bench_wind_ns(b, 7);
    assert_int_equal(bench_r32(b, LOW), 7);
    bench_wind_ns(b, UINT64_C(1) << 32);
    assert_int_equal(bench_r32(b, HIGH), 0x12345);
    assert_int_equal(bench_r32(b, LOW), 7);
    assert_int_equal(bench_r32(b, HIGH), 0x12346);
    bench_w32(b, HIGH, 0x100);
    bench_w32(b, LOW, 42);
    assert_int_equal(bench_r32(b, LOW), 42);
    assert_int_equal(bench_r32(b, HIGH), 0x100);
}

static void the_alarm_interrupts_when_enabled(void **state)
{
    struct bench *b = *state;

    add_rtc(b);
    bench_w32(b, ENABLED, 1);
    bench_w32(b, ALARM_HIGH, 0x12345);
    bench_w32(b, ALARM_LOW, 1000);
    assert_int_equal(bench_r32(b, STATUS), 1);
    bench_wind_ns(b, 999);
    assert_int_equal(bench_line(b, 0), 0);
    bench_again(b);
    bench_wind_ns(b, 1);
    assert_int_equal(bench_line(b, 0), 1);
    assert_int_equal(bench_r32(b, STATUS), 0);
    bench_w32(b, CLEAR_IRQ, 1);
    assert_int_equal(bench_line(b, 0), 0);
    bench_w32(b, ALARM_LOW, 5000);
    bench_w32(b, CLEAR_ALARM, 1);
    bench_wind_ns(b, 10000);
    assert_int_equal(bench_line(b, 0), 0);
    bench_w32(b, ALARM_LOW, 1); /* in the past */
    assert_int_equal(bench_line(b, 0), 1);
    bench_storm(b, RTC, 0x24, 20000);
}

static void the_finisher_asks_the_machine(void **state)
{
    struct bench *b = *state;
    int code;

    bench_add(b, "riscv.sifive.test", 0x100000);
    bench_w32(b, 0x100004, 0x5555);
    bench_w32(b, 0x100000, 0x1111);
    assert_int_equal(bench_asked(b, &code), -1);
    bench_w32(b, 0x100000, 0x5555);
    assert_int_equal(bench_asked(b, &code), BOARD_POWER_OFF);
    bench_w32(b, 0x100000, 0x7777);
    assert_int_equal(bench_asked(b, &code), BOARD_RESET);
    bench_w32(b, 0x100000, 0x33333 | 3 << 16);
    assert_int_equal(bench_asked(b, &code), BOARD_EXIT);
    assert_int_equal(code, 3);
    assert_int_equal(bench_r32(b, 0x100000), 0);
    bench_storm(b, 0x100000, 0x1000, 5000);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        T(reading_the_low_half_latches_the_high), T(the_alarm_interrupts_when_enabled), T(the_finisher_asks_the_machine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

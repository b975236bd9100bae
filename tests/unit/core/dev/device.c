/* The device model, shown on a device of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "core/base/error.h"
#include "core/base/str.h"
#include "tests/lib/bench.h"

struct tick {
    struct device dev;
    uint32_t period, match, count;
    bool armed;
    char *label;
    int mode;
    uint8_t mac[6];
    struct timer alarm;
};

static void tick_fire(void *opaque)
{
    struct tick *t = opaque;

    t->count++;
    irq_set(&t->dev.irq[0], true);
}

static uint64_t tick_read(void *opaque, uint64_t off, unsigned size)
{
    struct tick *t = opaque;

    (void)size;
    return off == 0 ? t->match : off == 4 ? t->count : 0;
}

static void tick_write(void *opaque, uint64_t off, uint64_t val, unsigned size)
{
    struct tick *t = opaque;

    (void)size;
    if (off != 0)
        return;
    t->match = (uint32_t)val;
    t->armed = true;
    timer_set(&t->alarm, dev_clock(&t->dev) + (int64_t)val * t->period);
}

static int tick_realize(struct device *dev, struct error *err)
{
    struct tick *t = (struct tick *)dev;

    (void)err;
    dev_timer(dev, &t->alarm, tick_fire);
    return 0;
}

static void tick_reset(struct device *dev)
{
    struct tick *t = (struct tick *)dev;

    t->match = t->count = 0;
    t->armed = false;
    timer_cancel(&t->alarm);
    irq_set(&dev->irq[0], false);
}

static const char *const modes[] = { "slow", "fast", NULL };
static const struct prop tick_props[] = {
    PROP_U32(struct tick, period, "period", "1000000", "nanoseconds a tick", .min = 1),
    PROP_STR(struct tick, label, "label", NULL, "a name"),
    PROP_ENUM(struct tick, mode, "mode", "fast", "how", modes),
    PROP_MAC(struct tick, mac, "mac", "52:54:00:12:34:56", "an address"),
    PROP_END,
};
static const struct state_field tick_state[] = {
    STATE_U32(struct tick, match), STATE_U32(struct tick, count), STATE_BOOL(struct tick, armed),
    STATE_TIMER(struct tick, alarm), STATE_END,
};
static const struct device_type tick_type = {
    .name = "tick", .help = "counter with an alarm", .bus = BUS_SYSTEM, .bytes = sizeof(struct tick),
    .props = tick_props, .state = tick_state, .state_version = 1, .irqs = 1, .realize = tick_realize, .reset = tick_reset,
    .mmio = { .read = tick_read, .write = tick_write, .length = 0x1000, .widths = WIDTH_4 },
};

static void alarm_raises_the_line_at_match(void **state)
{
    struct bench *b = *state;

    bench_add_with(b, &tick_type, 0x1000, NULL);
    bench_w32(b, 0x1000, 3);
    bench_wind_ms(b, 2);
    assert_int_equal(bench_line(b, 0), 0);
    bench_wind_ms(b, 1);
    assert_int_equal(bench_line(b, 0), 1);
}

static void state_survives_save_and_load(void **state)
{
    struct bench *b = *state;

    bench_add_with(b, &tick_type, 0x1000, NULL);
    bench_w32(b, 0x1000, 3);
    bench_wind_ms(b, 1);
    bench_again(b);
    assert_int_equal(bench_r32(b, 0x1000), 3);
    bench_wind_ms(b, 1);
    assert_int_equal(bench_line(b, 0), 0);
    bench_wind_ms(b, 1);
    assert_int_equal(bench_line(b, 0), 1);
}

static void a_later_version_is_refused(void **state)
{
    struct bench *b = *state;
    struct device *dev = bench_add_with(b, &tick_type, 0x1000, NULL);
    struct error err = ERROR_INIT;
    struct str s = STR_INIT;

    device_save(dev, &s);
    assert_true(device_load(dev, 2, (uint8_t *)s.text, s.len, &err) < 0);
    assert_non_null(strstr(err.text, "version 2"));
    s.text[1] ^= 1;
    error_clear(&err);
    assert_true(device_load(dev, 1, (uint8_t *)s.text, s.len, &err) < 0);
    str_free(&s);
}

static void properties_have_defaults_and_limits(void **state)
{
    struct bench *b = *state;
    struct tick *t = (struct tick *)bench_add_with(b, &tick_type, 0x1000, "label=hello,period=7");
    struct error err = ERROR_INIT;

    assert_int_equal(t->period, 7);
    assert_string_equal(t->label, "hello");
    assert_int_equal(t->mode, 1);
    assert_int_equal(t->mac[5], 0x56);
    assert_true(device_set(&t->dev, "peroid", "1", &err) < 0);
    assert_non_null(strstr(err.text, "did you mean 'period'?"));
    error_clear(&err);
    assert_true(device_set(&t->dev, "period", "0", &err) < 0);
    assert_string_equal(err.text, "tick: property 'period' cannot be '0'; it takes a number from 1 to 4294967295");
    error_clear(&err);
    assert_true(device_set(&t->dev, "mode", "fsat", &err) < 0);
    error_clear(&err);
    assert_true(device_set(&t->dev, "mac", "01:00:00:00:00:00", &err) < 0);
    assert_true(device_set(&t->dev, "mac", "52:54:00", &err) < 0);
}

static void the_tree_shows_devices_and_properties(void **state)
{
    struct bench *b = *state;
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);

    bench_add_with(b, &tick_type, 0x1000, NULL);
    board_qtree(bench_board(b), to);
    device_type_help(&tick_type, to);
    fclose(to);
    assert_non_null(strstr(text, "dev: tick, id \"\"\n    period = 1000000\n"));
    assert_non_null(strstr(text, "mmio 0000000000001000/0000000000001000"));
    assert_non_null(strstr(text, "  mode=<enum>            - how (slow, fast) (default: fast)\n"));
    free(text);
}

static void every_listed_type_is_whole(void **state)
{
    (void)state;
    for (const struct device_type *const *t = all_device_types; *t; t++) {
        assert_non_null((*t)->help);
        assert_non_null((*t)->state);
        assert_true((*t)->state_version >= 1);
        assert_true((*t)->bytes >= sizeof(struct device));
        assert_ptr_equal(device_type_find((*t)->name), *t);
        for (const struct prop *p = (*t)->props; p && p->name; p++)
            assert_non_null(p->help);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        T(alarm_raises_the_line_at_match), T(state_survives_save_and_load), T(a_later_version_is_refused),
        T(properties_have_defaults_and_limits), T(the_tree_shows_devices_and_properties), T(every_listed_type_is_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

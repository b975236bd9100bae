/* Sizes, names that were meant, growing strings. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/str.h"

static uint64_t size_of(const char *s)
{
    uint64_t v = 1;

    assert_int_equal(str_size(s, 1 << 20, &v), 0);
    return v;
}

static void sizes_have_suffixes(void **state)
{
    (void)state;
    assert_int_equal(size_of("512M"), UINT64_C(512) << 20);
    assert_int_equal(size_of("512"), UINT64_C(512) << 20);
    assert_int_equal(size_of("1.5G"), UINT64_C(1536) << 20);
    assert_int_equal(size_of("4096b"), 4096);
    assert_int_equal(size_of("0x10k"), 16384);
    assert_int_equal(size_of("1KiB"), 1024);
    assert_int_equal(size_of("0"), 0);
}

static void what_is_no_size_is_refused(void **state)
{
    uint64_t v;
    static const char *const bad[] = { "", "M", "12Q", "1..5G", "-1", " 1", "1M1", "1.G" };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(str_size(bad[i], 1, &v), -EINVAL);
    assert_int_equal(str_size("16E", 1, &v), -ERANGE);
    assert_int_equal(str_size("99999999999999999999", 1, &v), -ERANGE);
}

static void nearest_name_is_found(void **state)
{
    struct nearest n = NEAREST_INIT("nographci"), far = NEAREST_INIT("xyzzy");
    char hint[96];

    (void)state;
    nearest_try(&n, "no-reboot");
    nearest_try(&n, "nographic");
    nearest_try(&n, "netdev");
    assert_string_equal(nearest_best(&n), "nographic");
    assert_string_equal(nearest_hint(&n, hint, sizeof hint), "; did you mean 'nographic'?");
    nearest_try(&far, "netdev");
    assert_null(nearest_best(&far));
    assert_string_equal(nearest_hint(&far, hint, sizeof hint), "");
}

static void strings_grow(void **state)
{
    struct str s = STR_INIT;
    char *text;

    (void)state;
    for (int i = 0; i < 1000; i++)
        str_addf(&s, "%d,", i % 10);
    assert_int_equal(s.len, 2000);
    text = str_take(&s);
    assert_int_equal(text[1998], '9');
    free(text);
    text = str_take(&s);
    assert_string_equal(text, "");
    free(text);
}

static void numbers_and_booleans(void **state)
{
    uint64_t u;
    int64_t i;
    bool b;

    (void)state;
    assert_int_equal(str_u64("0xffffffffffffffff", &u), 0);
    assert_true(u == UINT64_MAX);
    assert_int_equal(str_u64("-1", &u), -EINVAL);
    assert_int_equal(str_i64("-12", &i), 0);
    assert_int_equal(i, -12);
    assert_int_equal(str_u64("18446744073709551616", &u), -ERANGE);
    assert_int_equal(str_bool("on", &b), 0);
    assert_true(b);
    assert_int_equal(str_bool("no", &b), 0);
    assert_false(b);
    assert_int_equal(str_bool("maybe", &b), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_have_suffixes),
        cmocka_unit_test(what_is_no_size_is_refused),
        cmocka_unit_test(nearest_name_is_found),
        cmocka_unit_test(strings_grow),
        cmocka_unit_test(numbers_and_booleans),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

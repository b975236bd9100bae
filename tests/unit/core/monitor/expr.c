/* Addresses as people write them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/error.h"
#include "core/monitor/expr.h"

static bool reg(void *opaque, const char *name, uint64_t *value)
{
    (void)opaque;
    *value = 0x80000000;
    return strcmp(name, "pc") == 0;
}

static void value(const char *text, int64_t want)
{
    struct error err = ERROR_INIT;
    int64_t v;

    if (expr_read(&text, reg, NULL, &v, &err) < 0)
        fail_msg("%s", err.text);
    assert_true(v == want);
    assert_string_equal(text, "");
}

static void refused(const char *text, const char *sentence)
{
    struct error err = ERROR_INIT;
    int64_t v;

    assert_int_equal(expr_read(&text, reg, NULL, &v, &err), -EINVAL);
    assert_string_equal(err.text, sentence);
}

static void values(void **state)
{
    (void)state;
    value("1 + 2 * 3", 7);
    value("(1+2)*3", 9);
    value("$pc + 4", 0x80000004);
    value("0xffffffffffffffff", -1);
    value("-8 / 2 + ~0 & 0xff", (((uint64_t)-8 / 2) + ~UINT64_C(0)) & 0xff);
    value("7 % 4 ^ 1 | 8", (7 % 4 ^ 1) | 8);
    value("10 - 3 - 2", 5);
}

static void mistakes(void **state)
{
    char deep[300];

    (void)state;
    refused("", "a number or $REGISTER is missing at ''");
    refused("1 +", "a number or $REGISTER is missing at ''");
    refused("(1", "a ) is missing at ''");
    refused("1 / 0", "division by zero at ''");
    refused("$xyz", "no such register at '$xyz'");
    refused("12z", "not a number at '12z'");
    refused("0x10000000000000000", "this number does not fit 64 bits at '0x10000000000000000'");
    memset(deep, '(', sizeof deep);
    deep[sizeof deep - 1] = '\0';
    {
        struct error err = ERROR_INIT;
        const char *at = deep;
        int64_t v;

        assert_int_equal(expr_read(&at, NULL, NULL, &v, &err), -EINVAL);
    }
}

static void stops_at_what_follows(void **state)
{
    const char *text = "0x1000 0x20 file";
    struct error err = ERROR_INIT;
    int64_t v;

    (void)state;
    assert_int_equal(expr_read(&text, NULL, NULL, &v, &err), 0);
    assert_string_equal(text, "0x20 file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(stops_at_what_follows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Key=value lists: commas, implied keys, JSON, types, and what nobody asked for. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/error.h"
#include "core/opt/optlist.h"

static struct optlist *parse(const char *text)
{
    struct error err = ERROR_INIT;
    struct optlist *l = optlist_parse("-device", text, "driver", &err);

    if (!l)
        fail_msg("%s", err.text);
    return l;
}

static void words_and_pairs(void **state)
{
    struct optlist *l = parse("tick,id=a,,b,period=3,on,nowait");

    (void)state;
    assert_string_equal(optlist_get(l, "driver"), "tick");
    assert_string_equal(optlist_get(l, "id"), "a,b");
    assert_string_equal(optlist_get(l, "period"), "3");
    assert_string_equal(optlist_get(l, "on"), "on");
    assert_string_equal(optlist_get(l, "wait"), "off");
    assert_null(optlist_get(l, "absent"));
    assert_false(optlist_is_help(l));
    optlist_free(l);
}

static void help_is_asked_for_in_many_ways(void **state)
{
    static const char *const yes[] = { "help", "?", "tick,help", "tick,?" };

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct optlist *l = parse(yes[i]);

        assert_true(optlist_is_help(l));
        optlist_free(l);
    }
    struct optlist *l = parse("tick,id=help");
    assert_false(optlist_is_help(l));
    optlist_free(l);
}

static void the_last_of_a_repeated_key_counts(void **state)
{
    struct optlist *l = parse("user,hostfwd=1,hostfwd=2");

    (void)state;
    assert_string_equal(optlist_get_nth(l, "hostfwd", 0), "1");
    assert_string_equal(optlist_get_nth(l, "hostfwd", 1), "2");
    assert_null(optlist_get_nth(l, "hostfwd", 2));
    assert_string_equal(optlist_get(l, "hostfwd"), "2");
    optlist_free(l);
}

static void unknown_keys_are_refused_with_the_nearest(void **state)
{
    struct optlist *l = parse("tick,perido=3");
    struct error err = ERROR_INIT;

    (void)state;
    optlist_get(l, "driver");
    optlist_get(l, "period");
    assert_int_equal(optlist_done(l, &err), -EINVAL);
    assert_string_equal(err.text, "-device tick,perido=3: 'perido' is not known here; did you mean 'period'?");
    optlist_free(l);
}

static void types_are_checked(void **state)
{
    struct optlist *l = parse("x,n=12,big=99,neg=-3,size=2M,b=yes,kind=green,bad=1x");
    static const char *const kinds[] = { "red", "green", NULL };
    struct error err = ERROR_INIT;
    uint64_t u = 7, size;
    int64_t i;
    bool b;
    int kind;

    (void)state;
    assert_int_equal(optlist_u64(l, "n", 0, 20, &u, &err), 1);
    assert_int_equal(u, 12);
    assert_int_equal(optlist_u64(l, "absent", 0, 20, &u, &err), 0);
    assert_int_equal(u, 12);
    assert_int_equal(optlist_i64(l, "neg", -5, 5, &i, &err), 1);
    assert_int_equal(i, -3);
    assert_int_equal(optlist_size(l, "size", 1, &size, &err), 1);
    assert_int_equal(size, 2 << 20);
    assert_int_equal(optlist_bool(l, "b", &b, &err), 1);
    assert_true(b);
    assert_int_equal(optlist_enum(l, "kind", kinds, &kind, &err), 1);
    assert_int_equal(kind, 1);
    assert_false(error_is_set(&err));
    assert_int_equal(optlist_u64(l, "big", 0, 20, &u, &err), -ERANGE);
    assert_non_null(strstr(err.text, "big=99 is out of range: 0 to 20"));
    error_clear(&err);
    assert_int_equal(optlist_u64(l, "bad", 0, 20, &u, &err), -EINVAL);
    error_clear(&err);
    assert_int_equal(optlist_enum(l, "n", kinds, &kind, &err), -EINVAL);
    assert_non_null(strstr(err.text, "n=12 is not one of red, green"));
    optlist_free(l);
}

static void json_becomes_dotted_keys_and_comes_back(void **state)
{
    struct optlist *l = parse("{\"driver\":\"qcow2\",\"file\":{\"driver\":\"file\",\"ro\":true},\"host\":[\"a\",\"b\"],\"n\":5}");
    struct error err = ERROR_INIT;
    json_t *j;

    (void)state;
    assert_string_equal(optlist_get(l, "file.driver"), "file");
    assert_string_equal(optlist_get(l, "file.ro"), "on");
    assert_string_equal(optlist_get(l, "host.1"), "b");
    assert_string_equal(optlist_get(l, "n"), "5");
    j = optlist_to_json(l, &err);
    assert_true(json_is_true(json_object_get(json_object_get(j, "file"), "ro")));
    json_decref(j);
    optlist_free(l);

    l = parse("qcow2,file.filename=x,server.0.host=h,server.1.host=g");
    j = optlist_to_json(l, &err);
    assert_string_equal(json_string_value(json_object_get(json_object_get(j, "file"), "filename")), "x");
    assert_int_equal(json_array_size(json_object_get(j, "server")), 2);
    assert_int_equal(optlist_done(l, &err), 0);
    json_decref(j);
    optlist_free(l);
}

static void bad_json_is_refused(void **state)
{
    static const char *const bad[] = { "{", "{\"a\":}", "{\"a\":1,\"a\":2}", "{\"a\":1} x" };
    char deep[200] = "";

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct error err = ERROR_INIT;

        assert_null(optlist_parse("-device", bad[i], "driver", &err));
        assert_non_null(strstr(err.text, "not JSON"));
    }
    for (int i = 0; i < 40; i++)
        strcat(deep, i ? "[" : "{\"a\":");
    strcat(deep, "1");
    for (int i = 0; i < 40; i++)
        strcat(deep, i < 39 ? "]" : "}");
    struct error err = ERROR_INIT;
    assert_null(optlist_parse("-device", deep, "driver", &err));
    assert_non_null(strstr(err.text, "nested"));
}

static void contradicting_parts_are_refused(void **state)
{
    struct optlist *l = parse("x,a=1,a.b=2"), *m = parse("x,a.b=2,a=1");
    struct error err = ERROR_INIT;

    (void)state;
    assert_null(optlist_to_json(l, &err));
    assert_true(error_is_set(&err));
    error_clear(&err);
    assert_null(optlist_to_json(m, &err));
    assert_true(error_is_set(&err));
    optlist_free(l);
    optlist_free(m);
}

static void sub_lists_mark_their_keys(void **state)
{
    struct optlist *l = parse("qcow2,file.filename=x,file.lokcing=off"), *sub;
    struct error err = ERROR_INIT;

    (void)state;
    optlist_get(l, "driver");
    sub = optlist_sub(l, "file");
    assert_string_equal(optlist_get(sub, "filename"), "x");
    assert_null(optlist_get(sub, "locking"));
    assert_int_equal(optlist_done(l, &err), -EINVAL);
    assert_non_null(strstr(err.text, "'file.lokcing' is not known here; did you mean 'locking'?"));
    optlist_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_pairs),
        cmocka_unit_test(help_is_asked_for_in_many_ways),
        cmocka_unit_test(the_last_of_a_repeated_key_counts),
        cmocka_unit_test(unknown_keys_are_refused_with_the_nearest),
        cmocka_unit_test(types_are_checked),
        cmocka_unit_test(json_becomes_dotted_keys_and_comes_back),
        cmocka_unit_test(bad_json_is_refused),
        cmocka_unit_test(contradicting_parts_are_refused),
        cmocka_unit_test(sub_lists_mark_their_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

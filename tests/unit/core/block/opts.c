/* Options of nodes: commas, dots, JSON, and what is left over. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/error.h"
#include "core/block/opts.h"

static void words_become_keys(void **state)
{
    struct blk_opts *o = blk_opts_new();

    (void)state;
    assert_int_equal(blk_opts_parse(o, "disk,,1.img,format=raw,readonly,nolocking", "file", NULL), 0);
    assert_string_equal(blk_opts_get(o, "file"), "disk,1.img");
    assert_string_equal(blk_opts_get(o, "format"), "raw");
    assert_string_equal(blk_opts_get(o, "readonly"), "on");
    assert_string_equal(blk_opts_get(o, "locking"), "off");
    blk_opts_free(o);
}

static void json_becomes_dots(void **state)
{
    struct blk_opts *o = blk_opts_new(), *file;
    uint64_t         n = 0;

    (void)state;
    assert_int_equal(blk_opts_json(o, "{\"driver\":\"raw\",\"file\":{\"driver\":\"file\",\"n\":[7,8]},\"backing\":null}", NULL), 0);
    assert_string_equal(blk_opts_get(o, "file.driver"), "file");
    assert_string_equal(blk_opts_get(o, "backing"), "");
    file = blk_opts_sub(o, "file");
    assert_null(blk_opts_get(o, "file.driver"));
    assert_int_equal(blk_opts_take_u64(file, "n.1", &n, NULL), 0);
    assert_int_equal(n, 8);
    blk_opts_free(file);
    blk_opts_free(o);
}

static void mistakes_are_named(void **state)
{
    struct blk_opts *o = blk_opts_new();
    struct error     err = ERROR_INIT;
    bool             b;

    (void)state;
    blk_opts_parse(o, "lazy-refcount=on,x=maybe", NULL, NULL);
    assert_int_equal(blk_opts_take_bool(o, "x", &b, &err), -EINVAL);
    error_clear(&err);
    assert_int_equal(blk_opts_done(o, "qcow2", (const char *const[]){ "lazy-refcounts", NULL }, &err), -EINVAL);
    assert_non_null(strstr(err.text, "lazy-refcounts"));
    error_clear(&err);
    assert_true(blk_opts_json(o, "[1,2]", &err) < 0);
    error_clear(&err);
    assert_true(blk_opts_parse(o, "=x", NULL, &err) < 0);
    blk_opts_free(o);
}

static void deep_json_is_refused(void **state)
{
    struct blk_opts *o = blk_opts_new();
    char             text[1000];
    int              n = 0;

    (void)state;
    for (int i = 0; i < 60; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "{\"a\":");
    n += snprintf(text + n, sizeof text - (size_t)n, "1");
    for (int i = 0; i < 60; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "}");
    assert_true(blk_opts_json(o, text, NULL) < 0);
    blk_opts_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_become_keys), cmocka_unit_test(json_becomes_dots), cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(deep_json_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

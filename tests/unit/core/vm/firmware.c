/* Firmware is found where the user says, then beside the binary, then where the distribution keeps it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/opt/options.h"
#include "core/vm/firmware.h"

static char dir[] = "/tmp/rhea-firmware.XXXXXX";

static char *make_file(const char *name)
{
    char *path = xasprintf("%s/%s", dir, name);
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fclose(f);
    return path;
}

static void the_users_folder_comes_first(void **state)
{
    const char *list[] = { "/nowhere", dir };
    struct strings dirs = { list, 2 };
    struct error err = ERROR_INIT;
    char *want = make_file("fw_dynamic.bin"), *got;

    (void)state;
    got = firmware_find("opensbi-riscv64", &dirs, &err);
    assert_string_equal(got, want);
    free(got);
    got = firmware_find("fw_dynamic.bin", &dirs, &err);
    assert_string_equal(got, want);
    free(got);
    got = firmware_find(want, NULL, &err);
    assert_string_equal(got, want);
    free(got);
    unlink(want);
    free(want);
}

static void what_is_missing_is_told_with_places(void **state)
{
    const char *list[] = { dir };
    struct strings dirs = { list, 1 };
    struct error err = ERROR_INIT;

    (void)state;
    assert_null(firmware_find("no-such-rom.bin", &dirs, &err));
    assert_int_equal(err.code, -ENOENT);
    assert_non_null(strstr(err.text, dir));
    assert_non_null(strstr(err.text, "no-such-rom.bin"));
}

static void a_folder_is_no_firmware(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    assert_null(firmware_find(dir, NULL, &err));
}

static int setup(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_users_folder_comes_first),
        cmocka_unit_test(what_is_missing_is_told_with_places),
        cmocka_unit_test(a_folder_is_no_firmware),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}

/* The encoding of AML, byte by byte, and what tables look like before firmware has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "core/base/bytes.h"
#include "core/base/str.h"
#include "hw/acpi/aml.h"
#include "hw/acpi/loader.h"

static void is(struct str *a, const char *bytes, size_t len)
{
    assert_int_equal(a->len, len);
    assert_memory_equal(a->text, bytes, len);
    str_free(a);
}
#define IS(a, bytes) is(a, bytes, sizeof(bytes) - 1)

static void numbers_take_as_few_bytes_as_they_can(void **state)
{
    struct str a = STR_INIT;

    (void)state;
    aml_int(&a, 0);
    aml_int(&a, 1);
    aml_int(&a, 0xfe);
    aml_int(&a, 0x1234);
    aml_int(&a, 0x12345678);
    aml_int(&a, UINT64_C(0x123456789));
    IS(&a, "\x00\x01\x0a\xfe\x0b\x34\x12\x0c\x78\x56\x34\x12\x0e\x89\x67\x45\x23\x01\x00\x00\x00");
}

static void names_and_identifiers(void **state)
{
    struct str a = STR_INIT;
    size_t dev = aml_device(&a, "PCI0"), method;

    (void)state;
    aml_hid(&a, "_HID", "PNP0A08");
    aml_name_string(&a, "X", "y");
    method = aml_method(&a, "_E03", 0);
    aml_notify(&a, "\\_SB.PWRB", 0x80);
    aml_close(&a, method);
    aml_close(&a, dev);
    IS(&a, "\x5b\x82\x2b" "PCI0" "\x08_HID\x0c\x41\xd0\x0a\x08" "\x08X___\x0dy\0"
           "\x14\x13" "_E03\0" "\x86\\\x2e_SB_PWRB\x0a\x80");
}

static void long_things_have_long_lengths(void **state)
{
    struct str a = STR_INIT;
    size_t scope = aml_scope(&a, "\\_SB");

    (void)state;
    for (unsigned i = 0; i < 0x2000; i++)
        aml_int(&a, 1);
    aml_close(&a, scope);
    /* 0x2000 + 5 bytes of name + 3 of length: four bits, then a byte, then a byte */
    assert_memory_equal(a.text, "\x10\x88\x00\x02\\_SB_\x01", 10);
    str_free(&a);
}

static void resources_end_with_a_tag(void **state)
{
    struct str a = STR_INIT;
    size_t crs = aml_resources(&a);

    (void)state;
    aml_memory32(&a, 0x9000000, 0x1000);
    aml_interrupt(&a, 33, AML_LEVEL);
    aml_resources_close(&a, crs);
    IS(&a, "\x11\x1b\x0b\x17\x00" "\x86\x09\x00\x01\x00\x00\x00\x09\x00\x10\x00\x00" "\x89\x06\x00\x01\x01\x21\x00\x00\x00" "\x79\x00");
}

static void conditions_and_operators(void **state)
{
    struct str a = STR_INIT;
    size_t yes = aml_if(&a), no;

    (void)state;
    aml_op(&a, AML_EQUAL), aml_arg(&a, 0), aml_uuid(&a, "33db4d5b-1ff7-401c-9657-7441c03dd766");
    aml_op(&a, AML_OR), aml_ref(&a, "CDW1"), aml_int(&a, 4), aml_ref(&a, "CDW1");
    aml_close(&a, yes);
    no = aml_else(&a);
    aml_op(&a, AML_RETURN), aml_arg(&a, 3);
    aml_close(&a, no);
    IS(&a, "\xa0\x22\x93\x68\x11\x13\x0a\x10" "\x5b\x4d\xdb\x33\xf7\x1f\x1c\x40\x96\x57\x74\x41\xc0\x3d\xd7\x66"
           "\x7d" "CDW1\x0a\x04" "CDW1" "\xa1\x03\xa4\x6b");
}

static void a_table_asks_for_its_sum(void **state)
{
    struct acpi a;
    size_t t;

    (void)state;
    acpi_begin(&a);
    t = acpi_table(&a, "TEST", 2, true);
    acpi_put(&a, 0x1122, 2);
    acpi_table_end(&a, t);
    assert_int_equal(load_le32((uint8_t *)a.tables.text + 4), 38);
    assert_int_equal(a.commands.len, 3 * 128);
    assert_int_equal(load_le32((uint8_t *)a.commands.text + 256), 3);
    assert_string_equal(a.commands.text + 260, "etc/acpi/tables");
    assert_int_equal(load_le32((uint8_t *)a.commands.text + 256 + 4 + 56), 9);
    assert_int_equal(load_le32((uint8_t *)a.commands.text + 256 + 12 + 56), 38);
    str_free(&a.tables);
    str_free(&a.commands);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_take_as_few_bytes_as_they_can), cmocka_unit_test(names_and_identifiers),
        cmocka_unit_test(long_things_have_long_lengths), cmocka_unit_test(resources_end_with_a_tag), cmocka_unit_test(conditions_and_operators),
        cmocka_unit_test(a_table_asks_for_its_sum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SMBIOS tables as the guest would find them: what each machine has, the user's words, and options that are wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/opt/optlist.h"
#include "hw/fw/fw_cfg.h"
#include "hw/fw/smbios.h"
#include "tests/lib/bench.h"

enum { BASE = 0x10100000, SELECT = BASE + 8, TABLES = FW_CFG_FILE_FIRST, ANCHOR };

static struct device *cfg;
static uint8_t tables[8192];
static struct smbios_machine machine;

static int setup(void **state)
{
    *state = bench_new();
    cfg = bench_add(*state, "fw_cfg_mem", BASE);
    machine = (struct smbios_machine){ .name = "virt", .cpu_family = 0x101, .sockets = 2, .cores = 4, .threads = 1,
                                       .ram_at = 0x40000000, .ram_bytes = UINT64_C(20) << 30 };
    return 0;
}

static int add(const char *const *texts, struct error *err)
{
    struct optlists opts = { 0 };
    int ret;

    for (; texts && *texts; texts++)
        optlists_push(&opts, optlist_parse("-smbios", *texts, NULL, err));
    ret = smbios_add(cfg, &machine, &opts, err);
    optlists_free(&opts);
    return ret;
}

/* The tables, read as firmware does. */
static void make(struct bench *b, const char *const *texts)
{
    struct error err = ERROR_INIT;

    if (add(texts, &err) < 0)
        fail_msg("%s", err.text);
    bench_w16(b, SELECT, __builtin_bswap16(TABLES));
    for (size_t i = 0; i < sizeof(tables); i++)
        tables[i] = (uint8_t)bench_r8(b, BASE);
}

static const uint8_t *next(const uint8_t *t)
{
    for (t += t[1]; t[0] || t[1]; t++)
        ;
    return t + 2;
}

/* Structure @n of a type, or NULL. */
static const uint8_t *find(unsigned type, unsigned n)
{
    const uint8_t *t = tables;

    for (;; t = next(t)) {
        assert_true(t < tables + sizeof(tables) - 64 && t[1] >= 4);
        if (t[0] == type && n-- == 0)
            return t;
        if (t[0] == 127)
            return NULL;
    }
}

static const char *text(const uint8_t *t, unsigned field)
{
    const char *s = (const char *)t + t[1];

    assert_true(field < t[1] && t[field] > 0);
    for (unsigned n = t[field]; n > 1; n--)
        s += strlen(s) + 1;
    return s;
}

static void every_machine_has_these(void **state)
{
    make(*state, NULL);
    assert_null(find(0, 0));
    assert_null(find(2, 0));
    assert_string_equal(text(find(1, 0), 4), "QEMU");
    assert_string_equal(text(find(1, 0), 6), "virt");
    assert_string_equal(text(find(3, 0), 4), "QEMU");
    assert_string_equal(text(find(4, 1), 4), "CPU 1");
    assert_int_equal(find(4, 1)[0x23], 4);
    assert_int_equal(load_le16(find(4, 1) + 0x28), 0x101);
    assert_null(find(4, 2));
    assert_int_equal(load_le32(find(16, 0) + 7), 20 << 20);
    assert_int_equal(load_le16(find(17, 0) + 0xc), 16384);
    assert_int_equal(load_le16(find(17, 1) + 0xc), 4096);
    assert_int_equal(load_le32(find(19, 0) + 4), 1 << 20);
    assert_int_equal(load_le32(find(19, 0) + 8), (21 << 20) - 1);
    assert_ptr_equal(next(find(32, 0)), find(127, 0));
}

static void the_anchor_adds_up(void **state)
{
    struct bench *b = *state;
    uint8_t anchor[24], sum = 0;

    make(b, NULL);
    bench_w16(b, SELECT, __builtin_bswap16(ANCHOR));
    for (size_t i = 0; i < sizeof(anchor); i++)
        sum += anchor[i] = (uint8_t)bench_r8(b, BASE);
    assert_memory_equal(anchor, "_SM3_", 5);
    assert_int_equal(sum, 0);
    assert_int_equal(load_le32(anchor + 12), next(find(127, 0)) - tables);
}

static void words_of_the_user(void **state)
{
    static const char *const texts[] = {
        "type=0,vendor=me,release=3.14,uefi=on", "type=1,serial=one,uuid=00112233-4455-6677-8899-aabbccddeeff", "type=1,sku=s,,t",
        "type=2,location=here", "type=4,sock_pfx=S,max-speed=3000,processor-id=0x1122334455667788",
        "type=11,value=a=b,value=second", "type=17,speed=3200,part=P", NULL,
    };

    make(*state, texts);
    assert_string_equal(text(find(0, 0), 4), "me");
    assert_int_equal(load_le16(find(0, 0) + 0x14), 0x0e03);
    assert_int_equal(find(0, 0)[0x13], 0x1c);
    assert_string_equal(text(find(1, 0), 7), "one");
    assert_string_equal(text(find(1, 0), 0x19), "s,t");
    assert_memory_equal(find(1, 0) + 8, "\x33\x22\x11\x00\x55\x44\x77\x66\x88\x99\xaa\xbb\xcc\xdd\xee\xff", 16);
    assert_string_equal(text(find(2, 0), 0xa), "here");
    assert_string_equal(text(find(4, 0), 4), "S 0");
    assert_int_equal(load_le16(find(4, 0) + 0x14), 3000);
    assert_int_equal(load_le64(find(4, 0) + 8), 0x1122334455667788);
    assert_int_equal(find(11, 0)[4], 2);
    assert_string_equal((const char *)find(11, 0) + 5, "a=b");
    assert_string_equal((const char *)find(11, 0) + 9, "second");
    assert_int_equal(load_le16(find(17, 1) + 0x20), 3200);
}


/* A file with @bytes, as an option. */
static const char *file_option(const void *bytes, size_t len)
{
    static char option[64];
    char path[] = "/tmp/rhea-smbios-XXXXXX";
    int fd = mkstemp(path);

    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    close(fd);
    snprintf(option, sizeof(option), "file=%s", path);
    return option;
}

static void a_structure_from_a_file_replaces_ours(void **state)
{
    const char *option = file_option("\x03\x05\x22\x11\x01mine\0\0", 11);

    make(*state, (const char *const[]){ option, NULL });
    unlink(option + 5);
    assert_string_equal(text(find(3, 0), 4), "mine");
    assert_null(find(3, 1));
}

static void refused(const char *const *texts, const char *why)
{
    struct error err = ERROR_INIT;

    assert_true(add(texts, &err) < 0);
    if (!strstr(err.text, why))
        fail_msg("'%s' does not say '%s'", err.text, why);
    error_clear(&err);
}
#define REFUSED(why, ...) refused((const char *const[]){ __VA_ARGS__, NULL }, why)

static void what_is_wrong_is_refused(void **state)
{
    const char *option;

    (void)state;
    REFUSED("type", "serial=x");
    REFUSED("types 0, 1, 2, 3, 4, 11 and 17", "type=9");
    REFUSED("did you mean 'serial'", "type=1,seriel=x");
    REFUSED("release=x", "type=0,release=x");
    REFUSED("a UUID looks like", "type=1,uuid=x");
    REFUSED("max-speed", "type=4,max-speed=70000");
    REFUSED("cannot open", "file=/nowhere/table");
    REFUSED("1 to 255 texts", "type=11");
    option = file_option("\x03\x50\x22\x11\x01mine\0\0", 11);
    REFUSED("not one SMBIOS structure", option);
    unlink(option + 5);
    option = file_option("\x03\x05\x22\x11\x01mine\0\0", 11);
    REFUSED("one or the other", option, "type=3,serial=x");
    unlink(option + 5);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        T(every_machine_has_these), T(the_anchor_adds_up), T(words_of_the_user), T(a_structure_from_a_file_replaces_ours),
        T(what_is_wrong_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The disk: requests of each kind, with pieces cut anywhere, and of drivers that get header, place or length wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "core/base/error.h"
#include "core/block/backend.h"
#include "core/event/loop.h"
#include "core/vm/lock.h"
#include "tests/lib/vdriver.h"

enum { REGS = 0x10001000, IN = 0, OUT = 1, FLUSH = 4, GET_ID = 8, DISCARD = 11, ZEROES = 13, OK = 0, IOERR = 1, UNSUPP = 2,
       DISK = 1 << 20, STATUS = 0xf00 };

static char name[32];
static struct loop *loop;
static struct vdriver v;

static int begin(void **state, const char *drive, const char *props, uint64_t features)
{
    struct error err = ERROR_INIT;
    char text[128];
    int fd;

    strcpy(name, "/tmp/rhea-blk-XXXXXX");
    fd = mkstemp(name);
    assert_true(fd >= 0 && ftruncate(fd, DISK) == 0);
    close(fd);
    snprintf(text, sizeof text, "file=%s,format=raw,if=none,id=d%s", name, drive);
    assert_non_null(blk_drive_add(text, &err));
    machine_lock();
    loop = loop_new(true, &err);
    *state = bench_new();
    bench_board(*state)->loop = loop;
    vdriver_add(&v, *state, REGS, "virtio-blk-device", props);
    vdriver_start(&v, features, 1);
    return 0;
}

static int setup(void **state) { return begin(state, "", "drive=d,serial=abc", 0); }
static int setup_readonly(void **state) { return begin(state, ",readonly=on", "drive=d", 0); }

static int teardown(void **state)
{
    vdriver_w32(&v, 0x70, 0);
    bench_free(*state);
    blk_close_all();
    loop_free(loop);
    machine_unlock();
    unlink(name);
    return 0;
}

/* Lets the I/O thread have the machine, then does what it left to the loop. */
static void pass(void)
{
    machine_unlock();
    usleep(1000);
    machine_lock();
    loop_once(loop, false);
}

static void header(struct bench *b, uint32_t type, uint64_t sector)
{
    bench_w32(b, vd_data(0), type);
    bench_w32(b, vd_data(0) + 4, 0);
    bench_w64(b, vd_data(0) + 8, sector);
    bench_w8(b, vd_data(0) + STATUS, 0xee);
}

/* Descriptors 0 and the last are header and status; @n pieces between them are there already. Returns the status. */
static uint8_t request(struct bench *b, uint32_t type, uint64_t sector, unsigned n)
{
    uint16_t used = vd_used_index(&v, 0);

    header(b, type, sector);
    vd_put_desc(&v, vd_desc(0), 0, vd_data(0), 16, VD_NEXT, 1);
    vd_put_desc(&v, vd_desc(0), n + 1, vd_data(0) + STATUS, 1, VD_WRITE, 0);
    vd_offer(&v, 0, 0);
    vd_kick(&v, 0);
    while (vd_used_index(&v, 0) == used)
        pass();
    assert_int_equal(vd_used_index(&v, 0), (uint16_t)(used + 1));
    assert_int_equal(vdriver_status(&v) & VIRTIO_NEEDS_RESET, 0);
    return bench_r8(b, vd_data(0) + STATUS);
}

static uint8_t with_data(struct bench *b, uint32_t type, uint64_t sector, uint32_t len)
{
    vd_put_desc(&v, vd_desc(0), 1, vd_data(0) + 0x1000, len, VD_NEXT | (type == OUT ? 0 : VD_WRITE), 2);
    return request(b, type, sector, 1);
}

static void the_configuration_says_how_large_it_is(void **state)
{
    struct bench *b = *state;

    assert_int_equal(bench_r64(b, REGS + 0x100), DISK / 512);
    assert_int_equal(bench_r32(b, REGS + 0x114), 512);
}

static void what_is_written_is_read(void **state)
{
    struct bench *b = *state;

    for (unsigned i = 0; i < 1024; i += 8)
        bench_w64(b, vd_data(0) + 0x1000 + i, UINT64_C(0x0123456789abcdef) * (i + 1));
    assert_int_equal(with_data(b, OUT, 5, 1024), OK);
    assert_int_equal(request(b, FLUSH, 0, 0), OK);
    for (unsigned i = 0; i < 1024; i += 8)
        bench_w64(b, vd_data(0) + 0x1000 + i, 0);
    assert_int_equal(with_data(b, IN, 5, 1024), OK);
    for (unsigned i = 0; i < 1024; i += 8)
        assert_true(bench_r64(b, vd_data(0) + 0x1000 + i) == UINT64_C(0x0123456789abcdef) * (i + 1));
    assert_int_equal(vd_used_len(&v, 0, vd_used_index(&v, 0) - 1u), 1025);
}

static void pieces_are_cut_anywhere(void **state)
{
    struct bench *b = *state;
    uint16_t used;

    for (unsigned i = 0; i < 512; i++)
        bench_w8(b, vd_data(0) + 0x1000 + i, (uint8_t)(i * 7));
    vd_put_desc(&v, vd_desc(0), 1, vd_data(0) + 0x1000, 1, VD_NEXT, 2);
    vd_put_desc(&v, vd_desc(0), 2, vd_data(0) + 0x1001, 300, VD_NEXT, 3);
    vd_put_desc(&v, vd_desc(0), 3, vd_data(0) + 0x1000 + 301, 211, VD_NEXT, 4);
    assert_int_equal(request(b, OUT, 9, 3), OK);
    /* header in two pieces; data and status in one, 513 bytes */
    used = vd_used_index(&v, 0);
    header(b, IN, 9);
    vd_put_desc(&v, vd_desc(0), 0, vd_data(0), 3, VD_NEXT, 1);
    vd_put_desc(&v, vd_desc(0), 1, vd_data(0) + 3, 13, VD_NEXT, 2);
    vd_put_desc(&v, vd_desc(0), 2, vd_data(0) + 0x1800, 513, VD_WRITE, 0);
    bench_w8(b, vd_data(0) + 0x1800 + 512, 0xee);
    vd_offer(&v, 0, 0);
    vd_kick(&v, 0);
    while (vd_used_index(&v, 0) == used)
        pass();
    assert_int_equal(bench_r8(b, vd_data(0) + 0x1800 + 512), OK);
    for (unsigned i = 0; i < 512; i++)
        assert_int_equal(bench_r8(b, vd_data(0) + 0x1800 + i), (uint8_t)(i * 7));
}

static void the_serial_number_is_told(void **state)
{
    struct bench *b = *state;

    assert_int_equal(with_data(b, GET_ID, 0, 20), OK);
    assert_int_equal(bench_r32(b, vd_data(0) + 0x1000), 'a' | 'b' << 8 | 'c' << 16);
}

static void zeroes_are_written(void **state)
{
    struct bench *b = *state;

    for (unsigned i = 0; i < 512; i++)
        bench_w8(b, vd_data(0) + 0x1000 + i, 0x55);
    assert_int_equal(with_data(b, OUT, 3, 512), OK);
    bench_w64(b, vd_data(0) + 0x2000, 3);
    bench_w32(b, vd_data(0) + 0x2008, 1);
    bench_w32(b, vd_data(0) + 0x200c, 0);
    vd_put_desc(&v, vd_desc(0), 1, vd_data(0) + 0x2000, 16, VD_NEXT, 2);
    assert_int_equal(request(b, ZEROES, 0, 1), OK);
    assert_int_equal(with_data(b, IN, 3, 512), OK);
    for (unsigned i = 0; i < 512; i++)
        assert_int_equal(bench_r8(b, vd_data(0) + 0x1000 + i), 0);
    bench_w32(b, vd_data(0) + 0x200c, 8);                                     /* a flag that there is not */
    vd_put_desc(&v, vd_desc(0), 1, vd_data(0) + 0x2000, 16, VD_NEXT, 2);
    assert_int_equal(request(b, ZEROES, 0, 1), UNSUPP);
    vd_put_desc(&v, vd_desc(0), 1, vd_data(0) + 0x2000, 7, VD_NEXT, 2);       /* half a segment */
    assert_int_equal(request(b, DISCARD, 0, 1), UNSUPP);
}

static void what_is_not_there_is_an_error(void **state)
{
    struct bench *b = *state;

    assert_int_equal(with_data(b, IN, DISK / 512, 512), IOERR);
    assert_int_equal(with_data(b, IN, DISK / 512 - 1, 1024), IOERR);
    assert_int_equal(with_data(b, IN, UINT64_MAX, 512), IOERR);
    assert_int_equal(with_data(b, IN, UINT64_C(1) << 55, 512), IOERR);
    assert_int_equal(with_data(b, OUT, DISK / 512, 512), IOERR);
    assert_int_equal(with_data(b, IN, 0, 511), IOERR);                        /* no whole sectors */
    assert_int_equal(with_data(b, 77, 0, 512), UNSUPP);
    assert_int_equal(with_data(b, IN, DISK / 512 - 1, 512), OK);
}

static void a_request_without_header_or_status_breaks_it(void **state)
{
    struct bench *b = *state;

    header(b, IN, 0);
    vd_put_desc(&v, vd_desc(0), 0, vd_data(0), 15, VD_NEXT, 1);
    vd_put_desc(&v, vd_desc(0), 1, vd_data(0) + STATUS, 1, VD_WRITE, 0);
    vd_offer(&v, 0, 0);
    vd_kick(&v, 0);
    assert_true(vdriver_status(&v) & VIRTIO_NEEDS_RESET);
    vdriver_start(&v, 0, 1);
    vd_put_desc(&v, vd_desc(0), 0, vd_data(0), 16, 0, 0);
    vd_offer(&v, 0, 0);
    vd_kick(&v, 0);
    assert_true(vdriver_status(&v) & VIRTIO_NEEDS_RESET);
    vdriver_start(&v, 0, 1);
    assert_int_equal(with_data(b, IN, 0, 512), OK);
}

static void a_reset_forgets_what_is_under_way(void **state)
{
    struct bench *b = *state;

    for (int i = 0; i < 50; i++) {
        header(b, IN, 0);
        vd_put_desc(&v, vd_desc(0), 0, vd_data(0), 16, VD_NEXT, 1);
        vd_put_desc(&v, vd_desc(0), 1, vd_data(0) + 0x1000, 512, VD_NEXT | VD_WRITE, 2);
        vd_put_desc(&v, vd_desc(0), 2, vd_data(0) + STATUS, 1, VD_WRITE, 0);
        vd_offer(&v, 0, 0);
        vd_offer(&v, 0, 0);
        vd_kick(&v, 0);
        vdriver_start(&v, 0, 1);
        loop_once(loop, false);
        assert_int_equal(vd_used_index(&v, 0), 0);
    }
    assert_int_equal(with_data(b, IN, 0, 512), OK);
}

static void a_read_only_disk_is_not_written(void **state)
{
    struct bench *b = *state;

    vdriver_w32(&v, 0x14, 0);
    assert_true(vdriver_r32(&v, 0x10) & 1u << 5);
    assert_int_equal(with_data(b, OUT, 0, 512), IOERR);
    vd_put_desc(&v, vd_desc(0), 1, vd_data(0) + 0x2000, 16, VD_NEXT, 2);
    assert_int_equal(request(b, ZEROES, 0, 1), IOERR);
    assert_int_equal(with_data(b, IN, 0, 512), OK);
}

static void random_registers_are_survived(void **state)
{
    bench_storm(*state, REGS, 0x200, 20000);
}

static int setup_plain(void **state)
{
    return begin(state, "", "drive=d,queue-size=16,write-cache=off,config-wce=off,discard=off,write-zeroes=off,indirect_desc=off,"
                 "event_idx=off,iommu_platform=on", 0);
}

static uint64_t offered(void)
{
    uint64_t low;

    vdriver_w32(&v, 0x14, 0);
    low = vdriver_r32(&v, 0x10);
    vdriver_w32(&v, 0x14, 1);
    return low | (uint64_t)vdriver_r32(&v, 0x10) << 32;
}

static void features_can_be_left_out(void **state)
{
    uint64_t left_out = 1 << 11 | 1 << 13 | 1 << 14 | 1 << 28 | 1 << 29;

    (void)state;
    assert_int_equal(offered() & left_out, 0);
    assert_int_equal(offered() >> 32, 3);
    assert_int_equal(vdriver_r32(&v, 0x34), 16);
    assert_int_equal(vdriver_r32(&v, 0x10c), 14); /* seg_max */
    assert_int_equal(vdriver_r32(&v, 0x120) & 0xff, 0);
    vdriver_w32(&v, 0x30, 0);
    vdriver_w32(&v, 0x38, 32); /* more entries than there are: the size stays */
    vdriver_w32(&v, 0x70, 0);
    assert_int_equal(vdriver_r32(&v, 0x34), 16);
}

static void features_are_offered_unless_left_out(void **state)
{
    uint64_t there = 1 << 11 | 1 << 14 | 1 << 28 | 1 << 29;

    (void)state;
    assert_int_equal(offered() & there, there);
    assert_int_equal(offered() >> 32, 1);
    assert_int_equal(vdriver_r32(&v, 0x34), 256);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(the_configuration_says_how_large_it_is), T(what_is_written_is_read), T(pieces_are_cut_anywhere),
        T(the_serial_number_is_told), T(zeroes_are_written), T(what_is_not_there_is_an_error),
        T(a_request_without_header_or_status_breaks_it), T(a_reset_forgets_what_is_under_way),
        cmocka_unit_test_setup_teardown(a_read_only_disk_is_not_written, setup_readonly, teardown),
        cmocka_unit_test_setup_teardown(features_can_be_left_out, setup_plain, teardown),
        T(features_are_offered_unless_left_out), T(random_registers_are_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

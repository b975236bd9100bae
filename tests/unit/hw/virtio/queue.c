/* Virtqueues by way of the simplest device (random numbers): what a good driver gets, and what a bad one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/lib/vdriver.h"

enum { REGS = 0x10001000 };

static struct vdriver v;

static int setup(void **state)
{
    *state = bench_new();
    vdriver_add(&v, *state, REGS, "virtio-rng-device", NULL);
    vdriver_start(&v, VIRTIO_F_INDIRECT_DESC, 1);
    return 0;
}

/* --- good drivers ------------------------------------------------------------------------------------------------ */

static void the_transport_names_the_device(void **state)
{
    (void)state;
    assert_int_equal(vdriver_r32(&v, 0x0), 0x74726976);
    assert_int_equal(vdriver_r32(&v, 0x4), 2);
    assert_int_equal(vdriver_r32(&v, 0x8), 4);
    assert_int_equal(vdriver_r32(&v, 0x34), 8);
}

static void a_buffer_is_filled_and_handed_back(void **state)
{
    struct bench *b = *state;

    vd_put_desc(&v, vd_desc(0), 2, vd_data(0), 64, VD_WRITE, 0);
    vd_offer(&v, 0, 2);
    vd_kick(&v, 0);
    assert_int_equal(vd_used_index(&v, 0), 1);
    assert_int_equal(vd_used_len(&v, 0, 0), 64);
    assert_int_equal(bench_line(b, 0), 1);
    assert_int_equal(vdriver_r32(&v, 0x60), 1);
    vdriver_w32(&v, 0x64, 1);
    assert_int_equal(bench_line(b, 0), 0);
    assert_true(bench_r64(b, vd_data(0)) != 0);
}

static void chains_and_indirect_tables_are_followed(void **state)
{
    gpa table = vd_data(0) + 0x800;

    (void)state;
    vd_put_desc(&v, table, 0, vd_data(0), 16, VD_WRITE | VD_NEXT, 2);
    vd_put_desc(&v, table, 2, vd_data(0) + 32, 8, VD_WRITE, 0);
    vd_put_desc(&v, vd_desc(0), 0, table, 48, VD_INDIRECT, 0);
    vd_put_desc(&v, vd_desc(0), 1, vd_data(0) + 64, 4, VD_WRITE | VD_NEXT, 3);
    vd_put_desc(&v, vd_desc(0), 3, vd_data(0) + 72, 4, VD_WRITE, 0);
    vd_offer(&v, 0, 0);
    vd_offer(&v, 0, 1);
    vd_kick(&v, 0);
    assert_int_equal(vd_used_index(&v, 0), 2);
    assert_int_equal(vd_used_len(&v, 0, 0), 24);
    assert_int_equal(vd_used_len(&v, 0, 1), 8);
}

static void a_driver_may_ask_not_to_be_interrupted(void **state)
{
    struct bench *b = *state;

    bench_w16(b, vd_avail(0), 1);
    vd_put_desc(&v, vd_desc(0), 0, vd_data(0), 8, VD_WRITE, 0);
    vd_offer(&v, 0, 0);
    vd_kick(&v, 0);
    assert_int_equal(vd_used_index(&v, 0), 1);
    assert_int_equal(bench_line(b, 0), 0);
}

static void event_indexes_say_when_to_interrupt(void **state)
{
    struct bench *b = *state;

    vdriver_start(&v, VIRTIO_F_EVENT_IDX, 1);
    vd_put_desc(&v, vd_desc(0), 0, vd_data(0), 8, VD_WRITE, 0);
    bench_w16(b, vd_avail(0) + 4 + 2 * VD_QUEUE, 0);
    vd_offer(&v, 0, 0);
    vd_kick(&v, 0);
    assert_int_equal(bench_edges(b, 0), 1);
    vdriver_w32(&v, 0x64, 1);
    bench_w16(b, vd_avail(0) + 4 + 2 * VD_QUEUE, 2); /* tell me behind the third */
    vd_offer(&v, 0, 0);
    vd_kick(&v, 0);
    assert_int_equal(bench_edges(b, 0), 1);
    vd_offer(&v, 0, 0);
    vd_kick(&v, 0);
    assert_int_equal(bench_edges(b, 0), 2);
}

static void a_queue_goes_round(void **state)
{
    (void)state;
    vd_put_desc(&v, vd_desc(0), 0, vd_data(0), 8, VD_WRITE, 0);
    for (int i = 0; i < 100000; i++) {
        vd_offer(&v, 0, 0);
        vd_kick(&v, 0);
    }
    assert_int_equal(vd_used_index(&v, 0), 100000 & 0xffff);
    assert_int_equal(vdriver_status(&v) & VIRTIO_NEEDS_RESET, 0);
}

static void features_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    vdriver_w32(&v, 0x70, 0);
    vdriver_w32(&v, 0x70, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
    vdriver_w32(&v, 0x24, 0);
    vdriver_w32(&v, 0x20, 1u << 28);
    vdriver_w32(&v, 0x70, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
    assert_int_equal(vdriver_status(&v) & VIRTIO_FEATURES_OK, 0); /* without VERSION_1 */
    vdriver_w32(&v, 0x24, 1);
    vdriver_w32(&v, 0x20, 1 | 1u << 30);
    vdriver_w32(&v, 0x70, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
    assert_int_equal(vdriver_status(&v) & VIRTIO_FEATURES_OK, 0); /* with one that nobody offered */
}

static void a_save_and_load_in_the_middle_changes_nothing(void **state)
{
    vd_put_desc(&v, vd_desc(0), 0, vd_data(0), 8, VD_WRITE, 0);
    vd_offer(&v, 0, 0);
    vd_kick(&v, 0);
    vd_offer(&v, 0, 0);
    bench_again(*state);
    assert_int_equal(bench_line(*state, 0), 1);
    vd_kick(&v, 0);
    assert_int_equal(vd_used_index(&v, 0), 2);
}

/* --- bad drivers ------------------------------------------------------------------------------------------------- */

/* The device has stopped, says so, and works again after a reset. */
static void broken_until_reset(struct bench *b)
{
    vd_kick(&v, 0);
    assert_true(vdriver_status(&v) & VIRTIO_NEEDS_RESET);
    assert_int_equal(bench_line(b, 0), 1);
    assert_int_equal(vdriver_r32(&v, 0x60) & 2, 2);
    assert_int_equal(vd_used_index(&v, 0), 0);
    vd_put_desc(&v, vd_desc(0), 0, vd_data(0), 8, VD_WRITE, 0);
    vd_kick(&v, 0);
    assert_int_equal(vd_used_index(&v, 0), 0);
    vdriver_start(&v, VIRTIO_F_INDIRECT_DESC, 1);
    vd_put_desc(&v, vd_desc(0), 0, vd_data(0), 8, VD_WRITE, 0);
    vd_offer(&v, 0, 0);
    vd_kick(&v, 0);
    assert_int_equal(vd_used_index(&v, 0), 1);
}

static void descriptors_that_loop(void **state)
{
    vd_put_desc(&v, vd_desc(0), 0, vd_data(0), 8, VD_WRITE | VD_NEXT, 1);
    vd_put_desc(&v, vd_desc(0), 1, vd_data(0), 8, VD_WRITE | VD_NEXT, 0);
    vd_offer(&v, 0, 0);
    broken_until_reset(*state);
}

static void a_head_or_a_next_that_does_not_exist(void **state)
{
    vd_offer(&v, 0, 8);
    broken_until_reset(*state);
    vdriver_start(&v, 0, 1);
    vd_put_desc(&v, vd_desc(0), 0, vd_data(0), 8, VD_WRITE | VD_NEXT, 0xffff);
    vd_offer(&v, 0, 0);
    broken_until_reset(*state);
}

static void more_buffers_than_entries(void **state)
{
    bench_w16(*state, vd_avail(0) + 2, 9);
    broken_until_reset(*state);
}

static void memory_that_is_not_there(void **state)
{
    vd_put_desc(&v, vd_desc(0), 0, UINT64_MAX - 4, 8, VD_WRITE, 0);
    vd_offer(&v, 0, 0);
    broken_until_reset(*state);
    vdriver_start(&v, 0, 1);
    vd_put_desc(&v, vd_desc(0), 0, vd_data(0), UINT32_MAX, VD_WRITE, 0);
    vd_offer(&v, 0, 0);
    broken_until_reset(*state);
    vdriver_start(&v, 0, 1);
    vd_put_desc(&v, vd_desc(0), 0, REGS, 8, VD_WRITE, 0); /* its own registers */
    vd_offer(&v, 0, 0);
    broken_until_reset(*state);
}

static void length_zero_and_reading_behind_writing(void **state)
{
    vd_put_desc(&v, vd_desc(0), 0, vd_data(0), 0, VD_WRITE, 0);
    vd_offer(&v, 0, 0);
    broken_until_reset(*state);
    vdriver_start(&v, 0, 1);
    vd_put_desc(&v, vd_desc(0), 0, vd_data(0), 8, VD_WRITE | VD_NEXT, 1);
    vd_put_desc(&v, vd_desc(0), 1, vd_data(0), 8, 0, 0);
    vd_offer(&v, 0, 0);
    broken_until_reset(*state);
}

static void indirect_tables_that_are_wrong(void **state)
{
    static const struct { uint32_t len; uint16_t flags; } bad[] = {
        { 0, VD_INDIRECT }, { 17, VD_INDIRECT }, { UINT32_MAX & ~15u, VD_INDIRECT }, { 16, VD_INDIRECT | VD_NEXT },
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        vdriver_start(&v, VIRTIO_F_INDIRECT_DESC, 1);
        vd_put_desc(&v, vd_desc(0), 0, vd_data(0), bad[i].len, bad[i].flags, 0);
        vd_offer(&v, 0, 0);
        broken_until_reset(*state);
    }
    vdriver_start(&v, VIRTIO_F_INDIRECT_DESC, 1);
    vd_put_desc(&v, vd_data(0), 0, vd_data(0), 16, VD_INDIRECT, 0); /* one in the other */
    vd_put_desc(&v, vd_desc(0), 0, vd_data(0), 16, VD_INDIRECT, 0);
    vd_offer(&v, 0, 0);
    broken_until_reset(*state);
    vdriver_start(&v, 0, 1); /* not negotiated */
    vd_put_desc(&v, vd_data(0), 0, vd_data(0), 8, VD_WRITE, 0);
    vd_put_desc(&v, vd_desc(0), 0, vd_data(0), 16, VD_INDIRECT, 0);
    vd_offer(&v, 0, 0);
    broken_until_reset(*state);
}

static void queues_outside_of_memory_and_of_odd_sizes(void **state)
{
    struct bench *b = *state;

    vdriver_w32(&v, 0x70, 0);
    vdriver_w32(&v, 0x38, 3);
    assert_true(vdriver_status(&v) & VIRTIO_NEEDS_RESET);
    vdriver_w32(&v, 0x70, 0);
    vdriver_w32(&v, 0x38, 16); /* more than it can have */
    assert_true(vdriver_status(&v) & VIRTIO_NEEDS_RESET);
    vdriver_start(&v, 0, 1);
    vdriver_w32(&v, 0x44, 0);
    vdriver_w32(&v, 0x84, 0xffffffff);
    vdriver_w32(&v, 0x94, 0xffffffff);
    vdriver_w32(&v, 0xa4, 0xffffffff);
    vdriver_w32(&v, 0x44, 1);
    vd_kick(&v, 0);
    vd_kick(&v, 77);
    assert_int_equal(bench_line(b, 0), 0);
}

static void a_kick_before_the_driver_is_ready_does_nothing(void **state)
{
    (void)state;
    vd_put_desc(&v, vd_desc(0), 0, vd_data(0), 8, VD_WRITE, 0);
    vd_offer(&v, 0, 0);
    vdriver_w32(&v, 0x70, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
    vd_kick(&v, 0);
    assert_int_equal(vd_used_index(&v, 0), 0);
}

static void random_rings_and_registers(void **state)
{
    struct bench *b = *state;
    unsigned seed = 1;

    for (int round = 0; round < 3000; round++) {
        vdriver_start(&v, rand_r(&seed) & 1 ? VIRTIO_F_INDIRECT_DESC : VIRTIO_F_EVENT_IDX, 1);
        for (int i = 0; i < 20; i++)
            bench_w16(b, BENCH_RAM + ((gpa)rand_r(&seed) % 0x4000 & ~1ull), (uint16_t)rand_r(&seed));
        for (unsigned i = 0; i < VD_QUEUE; i++)
            if (rand_r(&seed) & 1)
                vd_put_desc(&v, vd_desc(0), i, vd_data(0) + rand_r(&seed) % 64, rand_r(&seed) % 200, rand_r(&seed) & 7,
                            rand_r(&seed) & 7);
        vd_kick(&v, 0);
    }
    bench_storm(b, REGS, 0x200, 20000);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        T(the_transport_names_the_device), T(a_buffer_is_filled_and_handed_back),
        T(chains_and_indirect_tables_are_followed), T(a_driver_may_ask_not_to_be_interrupted),
        T(event_indexes_say_when_to_interrupt), T(a_queue_goes_round), T(features_that_do_not_fit_are_refused),
        T(a_save_and_load_in_the_middle_changes_nothing), T(descriptors_that_loop),
        T(a_head_or_a_next_that_does_not_exist), T(more_buffers_than_entries), T(memory_that_is_not_there),
        T(length_zero_and_reading_behind_writing), T(indirect_tables_that_are_wrong),
        T(queues_outside_of_memory_and_of_odd_sizes), T(a_kick_before_the_driver_is_ready_does_nothing),
        T(random_rings_and_registers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

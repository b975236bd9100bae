/* The table of guest mappings: cutting, merging, gaps, and a reader beside a writer. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdatomic.h>

#include <cmocka.h>

#include "core/user/maptable.h"

static int setup(void **state)
{
    *state = map_table_new(64);
    return !*state;
}

static int teardown(void **state)
{
    map_table_free(*state);
    return 0;
}

static void expect(struct map_table *t, size_t i, uint64_t start, uint64_t end, uint32_t prot)
{
    assert_true(i < map_table_count(t));
    assert_int_equal(map_table_at(t, i)->start, start);
    assert_int_equal(map_table_at(t, i)->end, end);
    assert_int_equal(map_table_at(t, i)->prot, prot);
}

static void neighbours_merge(void **state)
{
    struct map_table *t = *state;

    map_table_set(t, 0x1000, 0x2000, 3, 0);
    map_table_set(t, 0x3000, 0x4000, 3, 0);
    assert_int_equal(map_table_count(t), 2);
    map_table_set(t, 0x2000, 0x3000, 3, 0);
    assert_int_equal(map_table_count(t), 1);
    expect(t, 0, 0x1000, 0x4000, 3);
    map_table_set(t, 0x4000, 0x5000, 3, 1);
    assert_int_equal(map_table_count(t), 2);
}

static void a_change_inside_cuts_in_three(void **state)
{
    struct map_table *t = *state;

    map_table_set(t, 0x1000, 0x9000, 3, 0);
    map_table_set(t, 0x3000, 0x4000, 1, 0);
    assert_int_equal(map_table_count(t), 3);
    expect(t, 0, 0x1000, 0x3000, 3);
    expect(t, 1, 0x3000, 0x4000, 1);
    expect(t, 2, 0x4000, 0x9000, 3);
    map_table_set(t, 0x3000, 0x4000, 3, 0);
    assert_int_equal(map_table_count(t), 1);
    map_table_clear(t, 0x2000, 0x8000);
    assert_int_equal(map_table_count(t), 2);
    expect(t, 1, 0x8000, 0x9000, 3);
    map_table_clear(t, 0, 0x10000);
    assert_int_equal(map_table_count(t), 0);
}

static void gaps(void **state)
{
    struct map_table *t = *state;

    assert_int_equal(map_table_gap(t, 0x1000, 0x1000, 0x10000, false), 0xf000);
    map_table_set(t, 0xe000, 0x12000, 1, 0);
    assert_int_equal(map_table_gap(t, 0x1000, 0x1000, 0x10000, false), 0xd000);
    map_table_set(t, 0x8000, 0xd000, 1, 0);
    assert_int_equal(map_table_gap(t, 0x1000, 0x1000, 0x10000, false), 0xd000);
    assert_int_equal(map_table_gap(t, 0x2000, 0x1000, 0x10000, false), 0x6000);
    assert_int_equal(map_table_gap(t, 0x8000, 0x1000, 0x10000, false), 0);
    assert_int_equal(map_table_gap(t, 0x7000, 0x1000, 0x10000, false), 0x1000);
    assert_int_equal(map_table_gap(t, 0x1000, 0x8000, 0x20000, true), 0xd000);
    assert_int_equal(map_table_gap(t, 0x2000, 0x8000, 0x20000, true), 0x12000);
    assert_int_equal(map_table_gap(t, 0x2000, 0x8000, 0x13000, true), 0);
    assert_true(map_table_free_range(t, 0xd000, 0xe000));
    assert_false(map_table_free_range(t, 0xd000, 0xe001));
    assert_true(map_table_covered(t, 0x8000, 0xd000));
    assert_false(map_table_covered(t, 0x8000, 0xe000));
}

static void a_full_table_refuses(void **state)
{
    struct map_table *t = *state;
    int ret = 0;

    for (unsigned i = 0; i < 64; i++)
        assert_int_equal(map_table_set(t, i * 0x2000, i * 0x2000 + 0x1000, 1, 0), 0);
    ret = map_table_set(t, 0x100000, 0x101000, 1, 0);
    assert_int_equal(ret, -12);
    assert_int_equal(map_table_count(t), 64);
}

static atomic_bool stop;

static void *shuffle(void *arg)
{
    struct map_table *t = arg;

    while (!stop) {
        map_table_set(t, 0x3000, 0x4000, 1, 0);
        map_table_set(t, 0x6000, 0x7000, 1, 0);
        map_table_set(t, 0x1000, 0x9000, 3, 0);
    }
    return NULL;
}

static void a_reader_never_sees_half(void **state)
{
    struct map_table *t = *state;
    struct map_range r;
    pthread_t th;

    map_table_set(t, 0x1000, 0x9000, 3, 0);
    pthread_create(&th, NULL, shuffle, t);
    for (unsigned i = 0; i < 200000; i++) {
        assert_true(map_table_peek(t, 0x8800, &r));
        assert_int_equal(r.prot, 3);
        assert_int_equal(r.end, 0x9000);
        assert_true(r.start == 0x1000 || r.start == 0x4000 || r.start == 0x7000);
        assert_false(map_table_peek(t, 0x9000, &r));
    }
    stop = true;
    pthread_join(th, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(neighbours_merge, setup, teardown),
        cmocka_unit_test_setup_teardown(a_change_inside_cuts_in_three, setup, teardown),
        cmocka_unit_test_setup_teardown(gaps, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_table_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_never_sees_half, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Packed virtqueues, by way of the simplest device (random numbers). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/lib/vdriver.h"

enum { REGS = 0x10001000, AVAIL = 1 << 7, USED = 1 << 15, ENABLE = 0, DISABLE = 1, DESC = 2 };

static struct vdriver v;
static unsigned at;                            /* where the driver goes on, */
static bool wrap;                              /* and its wrap counter */

static void start(uint64_t features)
{
    vdriver_start(&v, VIRTIO_F_RING_PACKED | features, 1);
    at = 0;
    wrap = true;
}

static int setup(void **state)
{
    *state = bench_new();
    vdriver_add(&v, *state, REGS, "virtio-rng-device", "packed=on");
    start(VIRTIO_F_INDIRECT_DESC);
    return 0;
}

static uint16_t driver_bits(bool w) { return w ? AVAIL : USED; }
static uint16_t device_bits(bool w) { return w ? AVAIL | USED : 0; }

/* Offers @n entries of @len bytes each as one buffer; returns the entry it begins at. */
static unsigned offer(struct bench *b, uint16_t id, unsigned n, uint32_t len)
{
    unsigned first = at;
    uint16_t head = 0;

    for (unsigned i = 0; i < n; i++) {
        uint16_t flags = (uint16_t)(driver_bits(wrap) | VD_WRITE | (i + 1 < n ? VD_NEXT : 0));

        bench_w64(b, vd_desc(0) + 16 * at, vd_data(0) + i * len);
        bench_w32(b, vd_desc(0) + 16 * at + 8, len);
        bench_w16(b, vd_desc(0) + 16 * at + 12, i + 1 < n ? 0x1111 : id);      /* only the last one's counts */
        if (i)
            bench_w16(b, vd_desc(0) + 16 * at + 14, flags);
        else
            head = flags;
        if (++at == VD_QUEUE)
            at = 0, wrap = !wrap;
    }
    bench_w16(b, vd_desc(0) + 16 * first + 14, head);
    return first;
}

static void is_used(struct bench *b, unsigned entry, bool w, uint16_t id, uint32_t len)
{
    assert_int_equal(bench_r16(b, vd_desc(0) + 16 * entry + 14), device_bits(w) | VD_WRITE);
    assert_int_equal(bench_r16(b, vd_desc(0) + 16 * entry + 12), id);
    assert_int_equal(bench_r32(b, vd_desc(0) + 16 * entry + 8), len);
}

static void a_buffer_is_filled_and_handed_back(void **state)
{
    struct bench *b = *state;

    offer(b, 5, 1, 64);
    vd_kick(&v, 0);
    is_used(b, 0, true, 5, 64);
    assert_int_equal(bench_line(b, 0), 1);
    assert_true(bench_r64(b, vd_data(0)) != 0);
    vd_kick(&v, 0);                            /* there is nothing else */
    assert_int_equal(bench_r16(b, vd_desc(0) + 16 + 14), 0);
}

static void it_is_offered_when_asked_for(void **state)
{
    struct bench *b = *state;
    struct vdriver plain;

    vdriver_w32(&v, 0x14, 1);
    assert_true(vdriver_r32(&v, 0x10) & 1u << 2);
    vdriver_add(&plain, b, REGS + 0x1000, "virtio-rng-device", NULL);
    vdriver_w32(&plain, 0x14, 1);
    assert_false(vdriver_r32(&plain, 0x10) & 1u << 2);
}

static void the_ring_goes_round_in_steps_of_any_length(void **state)
{
    struct bench *b = *state;

    for (unsigned i = 0; i < 5000; i++) {
        unsigned n = 1 + i % 5;
        bool w = wrap;
        unsigned first = offer(b, (uint16_t)(i * 7), n, 8);

        vd_kick(&v, 0);
        is_used(b, first, w, (uint16_t)(i * 7), 8 * n);
        if (i % 100 == 0)
            bench_again(b);                    /* saved and loaded in the middle */
    }
    assert_int_equal(vdriver_status(&v) & VIRTIO_NEEDS_RESET, 0);
}

static void several_buffers_wait_at_once(void **state)
{
    struct bench *b = *state;
    unsigned first[3];

    for (unsigned i = 0; i < 3; i++)
        first[i] = offer(b, (uint16_t)(40 + i), 2, 16);
    vd_kick(&v, 0);
    for (unsigned i = 0; i < 3; i++)
        is_used(b, first[i], true, (uint16_t)(40 + i), 32);
}

static void indirect_tables_are_followed(void **state)
{
    struct bench *b = *state;
    gpa table = vd_data(0) + 0x800;

    for (unsigned i = 0; i < 3; i++) {
        bench_w64(b, table + 16 * i, vd_data(0) + 32 * i);
        bench_w32(b, table + 16 * i + 8, 10);
        bench_w32(b, table + 16 * i + 12, (uint32_t)VD_WRITE << 16);
    }
    bench_w64(b, vd_desc(0), table);
    bench_w32(b, vd_desc(0) + 8, 48);
    bench_w16(b, vd_desc(0) + 12, 9);
    bench_w16(b, vd_desc(0) + 14, VD_INDIRECT | AVAIL);
    vd_kick(&v, 0);
    is_used(b, 0, true, 9, 30);
}

static void events_say_when_to_interrupt(void **state)
{
    struct bench *b = *state;

    start(VIRTIO_F_EVENT_IDX);
    bench_w16(b, vd_avail(0) + 2, DISABLE);
    offer(b, 0, 1, 8);
    vd_kick(&v, 0);
    assert_int_equal(bench_edges(b, 0), 0);
    bench_w16(b, vd_avail(0), 2 | 0x8000);     /* when entry 2 of the first round has been used */
    bench_w16(b, vd_avail(0) + 2, DESC);
    offer(b, 0, 1, 8);
    vd_kick(&v, 0);
    assert_int_equal(bench_edges(b, 0), 0);
    offer(b, 0, 1, 8);
    vd_kick(&v, 0);
    assert_int_equal(bench_edges(b, 0), 1);
    vdriver_w32(&v, 0x64, 1);
    bench_w16(b, vd_avail(0), 1);              /* entry 1 of the next round */
    for (unsigned i = 0; i < 6; i++) {         /* to entry 0 of it */
        offer(b, 0, 1, 8);
        vd_kick(&v, 0);
        assert_int_equal(bench_edges(b, 0), 1);
    }
    offer(b, 0, 1, 8);
    vd_kick(&v, 0);
    assert_int_equal(bench_edges(b, 0), 2);
}

static void breaks(struct bench *b)
{
    vd_kick(&v, 0);
    assert_true(vdriver_status(&v) & VIRTIO_NEEDS_RESET);
    start(VIRTIO_F_INDIRECT_DESC);             /* and can be had again */
    offer(b, 3, 1, 8);
    vd_kick(&v, 0);
    is_used(b, 0, true, 3, 8);
    start(VIRTIO_F_INDIRECT_DESC);
}

static void bad_drivers_break_the_device_alone(void **state)
{
    struct bench *b = *state;

    for (unsigned i = 0; i < VD_QUEUE; i++)    /* a chain without an end */
        vd_put_desc(&v, vd_desc(0), i, vd_data(0), 8, 0, VD_WRITE | VD_NEXT | AVAIL);
    breaks(b);
    vd_put_desc(&v, vd_desc(0), 0, vd_data(0), 24, 0, VD_INDIRECT | AVAIL);                /* no whole descriptors */
    breaks(b);
    vd_put_desc(&v, vd_desc(0), 0, vd_data(0), 16, 0, VD_INDIRECT | VD_NEXT | AVAIL);
    breaks(b);
    vd_put_desc(&v, vd_desc(0), 0, UINT64_C(1) << 60, 16, 0, VD_WRITE | AVAIL);
    breaks(b);
    vd_put_desc(&v, vd_desc(0), 0, vd_data(0), 0, 0, VD_WRITE | AVAIL);
    breaks(b);
    for (unsigned seed = 0; seed < 2000; seed++) {     /* rings of anything */
        uint32_t x = seed * 2654435761u + 1;

        for (gpa p = vd_desc(0); p < vd_desc(0) + 16 * VD_QUEUE; p += 4) {
            x ^= x << 13, x ^= x >> 17, x ^= x << 5;
            bench_w32(b, p, p % 16 == 4 || p % 16 == 8 ? x % 64 : p % 16 == 0 ? (uint32_t)vd_data(0) + x % 4096 : x);
        }
        vd_kick(&v, 0);
        if (vdriver_status(&v) & VIRTIO_NEEDS_RESET)
            start(VIRTIO_F_INDIRECT_DESC);
    }
    bench_storm(b, REGS, 0x200, 20000);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        T(a_buffer_is_filled_and_handed_back), T(it_is_offered_when_asked_for), T(the_ring_goes_round_in_steps_of_any_length),
        T(several_buffers_wait_at_once), T(indirect_tables_are_followed), T(events_say_when_to_interrupt),
        T(bad_drivers_break_the_device_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

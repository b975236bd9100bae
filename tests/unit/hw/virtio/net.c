/* The network card, with a test at the other end of its cable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "core/base/error.h"
#include "core/net/net.h"
#include "hw/virtio/net.h"
#include "tests/lib/vdriver.h"

enum { REGS = 0x10001000, RX = 0, TX = 1, CTRL = 2 };
#define MRG_RXBUF (UINT64_C(1) << 15)
#define CTRL_VQ (UINT64_C(1) << 17)
#define CTRL_RX (UINT64_C(1) << 18)

static struct vdriver v;
static struct net_port far;
static uint8_t got[NET_FRAME_MAX];
static size_t got_len;
static unsigned got_count;

static bool far_receive(void *opaque, const uint8_t *frame, size_t len)
{
    (void)opaque;
    memcpy(got, frame, len);
    got_len = len;
    got_count++;
    return true;
}

static int setup(void **state)
{
    static const struct net_port_ops ops = { .receive = far_receive };
    struct error err = ERROR_INIT;
    struct device *dev;

    *state = bench_new();
    dev = vdriver_add(&v, *state, REGS, "virtio-net-device", "mac=52:54:00:00:00:01");
    net_port_init(&far, &ops, NULL);
    assert_int_equal(net_connect(&far, virtio_net_port(dev), &err), 0);
    vdriver_start(&v, MRG_RXBUF | CTRL_VQ | CTRL_RX, 3);
    got_count = 0;
    return 0;
}

static int teardown(void **state)
{
    net_port_end(&far);
    return bench_teardown(state);
}

static void frame(uint8_t *f, const char *to, size_t len)
{
    memset(f, 0x77, len);
    memcpy(f, to, 6);
}

static void the_configuration_has_address_and_link(void **state)
{
    struct bench *b = *state;

    assert_int_equal(bench_r8(b, REGS + 0x100), 0x52);
    assert_int_equal(bench_r8(b, REGS + 0x105), 0x01);
    assert_int_equal(bench_r16(b, REGS + 0x106), 1);
}

static void frames_go_out_without_their_header(void **state)
{
    struct bench *b = *state;

    for (int i = 0; i < 60; i++)
        bench_w8(b, vd_data(TX) + 12 + i, (uint8_t)i);
    vd_put_desc(&v, vd_desc(TX), 0, vd_data(TX), 12, VD_NEXT, 1);
    vd_put_desc(&v, vd_desc(TX), 1, vd_data(TX) + 12, 60, 0, 0);
    vd_offer(&v, TX, 0);
    vd_kick(&v, TX);
    assert_int_equal(got_count, 1);
    assert_int_equal(got_len, 60);
    assert_int_equal(got[59], 59);
    vd_put_desc(&v, vd_desc(TX), 0, vd_data(TX), 13, 0, 0); /* shorter than an Ethernet header: dropped */
    vd_offer(&v, TX, 0);
    vd_kick(&v, TX);
    assert_int_equal(got_count, 1);
    assert_int_equal(vd_used_index(&v, TX), 2);
    vd_put_desc(&v, vd_desc(TX), 0, vd_data(TX), 4, 0, 0); /* not even ours */
    vd_offer(&v, TX, 0);
    vd_kick(&v, TX);
    assert_true(vdriver_status(&v) & VIRTIO_NEEDS_RESET);
}

static void a_frame_waits_for_a_buffer(void **state)
{
    struct bench *b = *state;
    uint8_t f[100];

    frame(f, "\x52\x54\x00\x00\x00\x01", sizeof(f));
    net_send(&far, f, sizeof(f));
    assert_int_equal(vd_used_index(&v, RX), 0);
    vd_put_desc(&v, vd_desc(RX), 0, vd_data(RX), 1526, VD_WRITE, 0);
    vd_offer(&v, RX, 0);
    vd_kick(&v, RX);
    assert_int_equal(vd_used_index(&v, RX), 1);
    assert_int_equal(vd_used_len(&v, RX, 0), 112);
    assert_int_equal(bench_r16(b, vd_data(RX) + 10), 1);
    assert_int_equal(bench_r8(b, vd_data(RX) + 12 + 99), 0x77);
}

static void a_large_frame_takes_several_buffers_or_none(void **state)
{
    struct bench *b = *state;
    uint8_t f[250];

    frame(f, "\x52\x54\x00\x00\x00\x01", sizeof(f));
    for (uint16_t i = 0; i < 2; i++) {
        vd_put_desc(&v, vd_desc(RX), i, vd_data(RX) + i * 100u, 100, VD_WRITE, 0);
        vd_offer(&v, RX, i);
    }
    net_send(&far, f, sizeof(f)); /* 262 bytes with header: 200 are there */
    assert_int_equal(vd_used_index(&v, RX), 0);
    vd_put_desc(&v, vd_desc(RX), 2, vd_data(RX) + 200, 100, VD_WRITE, 0);
    vd_offer(&v, RX, 2);
    vd_kick(&v, RX);
    assert_int_equal(vd_used_index(&v, RX), 3);
    assert_int_equal(bench_r16(b, vd_data(RX) + 10), 3);
    assert_int_equal(vd_used_len(&v, RX, 2), 62);
}

static void offer_rx(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        vd_put_desc(&v, vd_desc(RX), 0, vd_data(RX), 2000, VD_WRITE, 0);
        vd_offer(&v, RX, 0);
    }
}

static uint8_t ctrl(struct bench *b, const char *bytes, size_t len)
{
    uint16_t used = vd_used_index(&v, CTRL);

    for (size_t i = 0; i < len; i++)
        bench_w8(b, vd_data(CTRL) + i, (uint8_t)bytes[i]);
    bench_w8(b, vd_data(CTRL) + 200, 0xee);
    vd_put_desc(&v, vd_desc(CTRL), 0, vd_data(CTRL), (uint32_t)len, VD_NEXT, 1);
    vd_put_desc(&v, vd_desc(CTRL), 1, vd_data(CTRL) + 200, 1, VD_WRITE, 0);
    vd_offer(&v, CTRL, 0);
    vd_kick(&v, CTRL);
    assert_int_equal(vd_used_index(&v, CTRL), (uint16_t)(used + 1));
    return bench_r8(b, vd_data(CTRL) + 200);
}

static void only_wanted_frames_come_in(void **state)
{
    struct bench *b = *state;
    uint8_t other[60], multi[60];

    frame(other, "\x52\x54\x00\x00\x00\x02", 60);
    frame(multi, "\x01\x00\x5e\x00\x00\x05", 60);
    offer_rx(8);
    net_send(&far, other, 60); /* promiscuous after reset */
    assert_int_equal(vd_used_index(&v, RX), 1);
    assert_int_equal(ctrl(b, "\0\0\0", 3), 0);
    net_send(&far, other, 60);
    net_send(&far, multi, 60);
    assert_int_equal(vd_used_index(&v, RX), 1);
    assert_int_equal(ctrl(b, "\1\0\0\0\0\0\1\0\0\0\x01\x00\x5e\x00\x00\x05", 16), 0);
    net_send(&far, multi, 60);
    assert_int_equal(vd_used_index(&v, RX), 2);
    assert_int_equal(ctrl(b, "\1\0\xff\xff\xff\xff", 6), 1); /* a table that claims more than there is */
    assert_int_equal(ctrl(b, "\x09\x09", 2), 1);
}

static void frames_of_any_length_are_survived(void **state)
{
    static uint8_t f[NET_FRAME_MAX + 1];

    (void)state;
    offer_rx(3);
    frame(f, "\xff\xff\xff\xff\xff\xff", sizeof(f));
    net_send(&far, f, 0);
    net_send(&far, f, 1);
    net_send(&far, f, 13);
    net_send(&far, f, NET_FRAME_MAX + 1);
    assert_int_equal(vd_used_index(&v, RX), 0);
    net_send(&far, f, 14);
    assert_int_equal(vd_used_index(&v, RX), 1);
    for (int i = 0; i < 1000; i++)
        net_send(&far, f, 1500);
    bench_storm(*state, REGS, 0x200, 20000);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(the_configuration_has_address_and_link), T(frames_go_out_without_their_header), T(a_frame_waits_for_a_buffer),
        T(a_large_frame_takes_several_buffers_or_none), T(only_wanted_frames_come_in),
        T(frames_of_any_length_are_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

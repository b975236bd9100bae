/* Consoles and channels: how ports are announced, what goes each way, a back end that takes no more, and bad drivers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/char/chr.h"
#include "core/event/loop.h"
#include "core/opt/optlist.h"
#include "tests/lib/vdriver.h"

enum { REGS = 0x10001000, RX0 = 0, TX0 = 1, CTRL_RX = 2, CTRL_TX = 3, RX1 = 4, TX1 = 5, QUEUES = 6, SLOT = 0x100, PAGE = 0x1000 };
enum { DEVICE_READY, PORT_ADD, PORT_REMOVE, PORT_READY, CONSOLE_PORT, RESIZE, PORT_OPEN, PORT_NAME };
#define MULTIPORT (UINT64_C(1) << 1)

static struct vdriver v;
static struct loop *loop;
static struct device *serial;

/* --- the far end of each port ------------------------------------------------------------------------------------------ */

struct far {
    struct chr chr;
    char got[64];            /* the first bytes */
    size_t len, room;        /* bytes it got, bytes it takes now */
};

static int far_open(struct chr *c, struct optlist *opts, struct error *err)
{
    (void)opts;
    (void)err;
    c->open = true;
    ((struct far *)c)->room = 1 << 20;
    return 0;
}

static void far_close(struct chr *c)
{
    (void)c;
}

static ssize_t far_write(struct chr *c, const uint8_t *bytes, size_t len)
{
    struct far *f = (struct far *)c;
    size_t n = len < f->room ? len : f->room;

    for (size_t i = 0; i < n && f->len + i < sizeof(f->got); i++)
        f->got[f->len + i] = (char)bytes[i];
    f->len += n;
    f->room -= n;
    return (ssize_t)n;
}

static const struct chr_backend far_backend = {
    .name = "far", .help = "a test", .bytes = sizeof(struct far), .open = far_open, .close = far_close, .write = far_write,
};

static struct far *far_new(const char *id)
{
    struct error err = ERROR_INIT;
    struct optlist *opts = optlist_new("-chardev");
    struct chr *c = chr_make(&far_backend, id, false, opts, &err);

    optlist_free(opts);
    assert_non_null(c);
    return (struct far *)c;
}

/* --- the device with a console and a channel ---------------------------------------------------------------------------- */

static struct far *console, *channel;

static void add_port(const char *type, const char *chardev, const char *name)
{
    struct error err = ERROR_INIT;
    struct device *dev = device_new(serial->board, device_type_find(type), NULL, &err);

    device_set(dev, "chardev", chardev, &err);
    if (name)
        device_set(dev, "name", name, &err);
    if (device_realize(dev, NULL, &err) < 0)
        fail_msg("%s", err.text);
}

static int setup(void **state)
{
    struct error err = ERROR_INIT;
    struct bench *b = *state = bench_new();

    loop = loop_new(false, &err);
    chr_init(loop, bench_board(b)->timers, NULL, NULL);
    console = far_new("c");
    channel = far_new("d");
    serial = vdriver_add(&v, b, REGS, "virtio-serial-device", "max_ports=2");
    add_port("virtconsole", "c", NULL);
    add_port("virtserialport", "d", "org.test.0");
    return 0;
}

static int teardown(void **state)
{
    chr_end();
    bench_free(*state);
    loop_free(loop);
    return 0;
}

/* Buffer @n of a queue: a slot of its page of data. */
static void offer(unsigned q, unsigned n, uint32_t len, uint16_t flags)
{
    vd_put_desc(&v, vd_desc(q), n, vd_data(q) + n * SLOT, len, flags, 0);
    vd_offer(&v, q, (uint16_t)n);
}

static void send_text(unsigned q, unsigned n, const char *text)
{
    for (size_t i = 0; text[i]; i++)
        bench_w8(v.b, vd_data(q) + n * SLOT + i, (uint8_t)text[i]);
    offer(q, n, (uint32_t)strlen(text), 0);
    vd_kick(&v, q);
}

static void say(unsigned n, uint32_t port, uint16_t event, uint16_t value)
{
    bench_w32(v.b, vd_data(CTRL_TX) + n * SLOT, port);
    bench_w16(v.b, vd_data(CTRL_TX) + n * SLOT + 4, event);
    bench_w16(v.b, vd_data(CTRL_TX) + n * SLOT + 6, value);
    offer(CTRL_TX, n, 8, 0);
    vd_kick(&v, CTRL_TX);
}

/* Control message @n was this. */
static void heard(unsigned n, uint32_t port, uint16_t event, uint16_t value)
{
    assert_true(vd_used_index(&v, CTRL_RX) > n);
    assert_int_equal(bench_r32(v.b, vd_data(CTRL_RX) + n * SLOT), port);
    assert_int_equal(bench_r16(v.b, vd_data(CTRL_RX) + n * SLOT + 4), event);
    assert_int_equal(bench_r16(v.b, vd_data(CTRL_RX) + n * SLOT + 6), value);
}

static void start(void)
{
    vdriver_start(&v, MULTIPORT, QUEUES);
    for (unsigned n = 0; n < VD_QUEUE; n++)
        offer(CTRL_RX, n, SLOT, VD_WRITE);
    vd_kick(&v, CTRL_RX);
}

/* --- tests ----------------------------------------------------------------------------------------------------------------- */

static void ports_are_announced_when_the_driver_is_ready(void **state)
{
    char name[11] = { 0 };

    (void)state;
    start();
    assert_int_equal(vdriver_r32(&v, 0x104), 2);
    assert_int_equal(vd_used_index(&v, CTRL_RX), 0);
    say(0, 0, DEVICE_READY, 1);
    heard(0, 0, PORT_ADD, 1);
    heard(1, 1, PORT_ADD, 1);
    say(1, 0, PORT_READY, 1);
    heard(2, 0, CONSOLE_PORT, 1);
    heard(3, 0, PORT_OPEN, 1);
    say(2, 1, PORT_READY, 1);
    heard(4, 1, PORT_NAME, 1);
    assert_int_equal(vd_used_len(&v, CTRL_RX, 4), 8 + 10);
    for (unsigned i = 0; i < 10; i++)
        name[i] = (char)bench_r8(v.b, vd_data(CTRL_RX) + 4 * SLOT + 8 + i);
    assert_string_equal(name, "org.test.0");
    heard(5, 1, PORT_OPEN, 1);
    assert_int_equal(vd_used_index(&v, CTRL_RX), 6);
}

static void messages_wait_for_buffers(void **state)
{
    (void)state;
    vdriver_start(&v, MULTIPORT, QUEUES);
    say(0, 0, DEVICE_READY, 1);
    assert_int_equal(vd_used_index(&v, CTRL_RX), 0);
    offer(CTRL_RX, 0, SLOT, VD_WRITE);
    vd_kick(&v, CTRL_RX);
    heard(0, 0, PORT_ADD, 1);
    offer(CTRL_RX, 1, SLOT, VD_WRITE);
    bench_again(v.b); /* the second is part of a snapshot */
    vd_kick(&v, CTRL_RX);
    heard(1, 1, PORT_ADD, 1);
}

static void what_is_sent_comes_out(void **state)
{
    (void)state;
    start();
    send_text(TX0, 0, "hello\n");
    assert_int_equal(vd_used_index(&v, TX0), 1);
    assert_memory_equal(console->got, "hello\n", 6);
    send_text(TX1, 0, "agent\n");
    assert_memory_equal(channel->got, "agent\n", 6);
    assert_int_equal(console->len, 6);
}

/* @count buffers, each the same page without an end of line. */
static void send_pages(unsigned count)
{
    for (unsigned n = VD_QUEUE - count; n < VD_QUEUE; n++) {
        vd_put_desc(&v, vd_desc(TX0), n, vd_data(TX0), PAGE, 0, 0);
        vd_offer(&v, TX0, (uint16_t)n);
    }
    vd_kick(&v, TX0);
}

/* Nothing is lost when the far end takes no more: the buffer is handed back when all of it went out. */
static void a_full_far_end_is_waited_for(void **state)
{
    (void)state;
    start();
    console->room = 0;
    send_pages(VD_QUEUE);
    assert_true(vd_used_index(&v, TX0) < VD_QUEUE);
    for (unsigned i = 0; i < VD_QUEUE * PAGE / 1000 + 20; i++) {
        console->room = 1000;
        chr_drained(&console->chr);
    }
    assert_int_equal(vd_used_index(&v, TX0), VD_QUEUE);
    assert_int_equal(console->len, VD_QUEUE * PAGE);
}

/* More than is kept for a line, to a far end that takes all: no byte comes twice. */
static void long_output_comes_once(void **state)
{
    (void)state;
    start();
    send_text(TX0, 0, "begin");
    send_pages(7);
    bench_wind_ms(v.b, 100);
    chr_drained(&console->chr);
    assert_int_equal(console->len, 5 + 7 * PAGE);
}

static void what_is_typed_arrives_in_open_ports(void **state)
{
    (void)state;
    start();
    offer(RX0, 0, 4, VD_WRITE);
    offer(RX0, 1, 4, VD_WRITE);
    assert_int_equal(chr_room(&console->chr), 0); /* the guest has not opened it */
    say(0, 0, PORT_OPEN, 1);
    assert_true(chr_room(&console->chr) >= 6);
    chr_input(&console->chr, (const uint8_t *)"abcdef", 6);
    assert_int_equal(vd_used_index(&v, RX0), 2);
    assert_int_equal(vd_used_len(&v, RX0, 0), 4);
    assert_int_equal(vd_used_len(&v, RX0, 1), 2);
    assert_int_equal(bench_r8(v.b, vd_data(RX0) + SLOT), 'e');
    assert_int_equal(chr_room(&console->chr), 0); /* no buffer */
    say(1, 0, PORT_OPEN, 0);
    offer(RX0, 0, 4, VD_WRITE);
    assert_int_equal(chr_room(&console->chr), 0); /* closed */
}

/* A driver of before ports: one console, always open. */
static void without_ports_there_is_one_console(void **state)
{
    (void)state;
    vdriver_start(&v, 0, 2);
    send_text(TX0, 0, "plain\n");
    assert_memory_equal(console->got, "plain\n", 6);
    offer(RX0, 0, 4, VD_WRITE);
    chr_input(&console->chr, (const uint8_t *)"y", 1);
    assert_int_equal(vd_used_len(&v, RX0, 0), 1);
}

static void the_far_ends_of_channels_come_and_go(void **state)
{
    (void)state;
    start();
    chr_event(&channel->chr, CHR_CLOSED);
    heard(0, 1, PORT_OPEN, 0);
    chr_event(&channel->chr, CHR_OPENED);
    heard(1, 1, PORT_OPEN, 1);
    chr_event(&console->chr, CHR_CLOSED); /* consoles stay open */
    assert_int_equal(vd_used_index(&v, CTRL_RX), 2);
}

static void messages_without_sense_are_ignored(void **state)
{
    (void)state;
    start();
    say(0, 77, PORT_READY, 1);
    say(1, UINT32_MAX, PORT_OPEN, 1);
    say(2, 1, 99, 99);
    offer(CTRL_TX, 3, 3, 0); /* too short */
    vd_kick(&v, CTRL_TX);
    assert_int_equal(vd_used_index(&v, CTRL_TX), 4);
    assert_int_equal(vd_used_index(&v, CTRL_RX), 0);
    bench_storm(v.b, REGS, 0x200, 20000);
}

static void ports_have_numbers_of_their_own(void **state)
{
    struct error err = ERROR_INIT;
    struct device *dev = device_new(serial->board, device_type_find("virtserialport"), NULL, &err);

    (void)state;
    assert_true(device_realize(dev, NULL, &err) < 0); /* both are taken */
    assert_non_null(strstr(err.text, "ports 0 to 1"));
    error_clear(&err);
    device_set(dev, "nr", "1", &err);
    assert_true(device_realize(dev, NULL, &err) < 0);
    assert_non_null(strstr(err.text, "taken already"));
    error_clear(&err);
    device_free(dev);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(ports_are_announced_when_the_driver_is_ready), T(messages_wait_for_buffers), T(what_is_sent_comes_out),
        T(a_full_far_end_is_waited_for), T(long_output_comes_once), T(what_is_typed_arrives_in_open_ports), T(without_ports_there_is_one_console),
        T(the_far_ends_of_channels_come_and_go), T(messages_without_sense_are_ignored), T(ports_have_numbers_of_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

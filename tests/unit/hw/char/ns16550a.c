/* The UART: reset values, both directions, each interrupt cause, loop-back, and a guest that pokes at random. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "core/base/error.h"
#include "core/char/chr.h"
#include "core/char/ring.h"
#include "core/opt/optlist.h"
#include "tests/lib/bench.h"

enum { BASE = 0x1000, RBR = BASE, THR = BASE, IER = BASE + 1, IIR = BASE + 2, FCR = BASE + 2, LCR = BASE + 3,
       MCR = BASE + 4, LSR = BASE + 5, MSR = BASE + 6, SCR = BASE + 7 };

static struct chr *wire;

static int setup(void **state)
{
    struct error err = ERROR_INIT;
    struct optlist *l = optlist_parse("-chardev", "ringbuf,id=wire", "backend", &err);

    chr_init(NULL, NULL, NULL, NULL);
    chr_add(l, &err);
    optlist_free(l);
    wire = chr_find("wire");
    *state = bench_new();
    bench_add_with(*state, device_type_find("ns16550a"), BASE, "chardev=wire");
    return 0;
}

static int teardown(void **state)
{
    bench_free(*state);
    chr_end();
    return 0;
}

static void input(const char *text)
{
    assert_true(chr_room(wire) >= strlen(text));
    chr_input(wire, (const uint8_t *)text, strlen(text));
}

static void reset_values(void **state)
{
    struct bench *b = *state;

    assert_int_equal(bench_r8(b, IER), 0);
    assert_int_equal(bench_r8(b, IIR), 0x01);
    assert_int_equal(bench_r8(b, LCR), 0);
    assert_int_equal(bench_r8(b, LSR), 0x60);
    assert_int_equal(bench_r8(b, SCR), 0);
    assert_int_equal(bench_line(b, 0), 0);
}

static void bytes_go_out(void **state)
{
    struct bench *b = *state;
    uint8_t out[8];

    bench_w8(b, THR, 'h');
    bench_w8(b, THR, 'i');
    assert_int_equal(ring_take(wire, out, sizeof(out)), 2);
    assert_memory_equal(out, "hi", 2);
    assert_int_equal(bench_r8(b, LSR), 0x60);
}

static void the_divisor_hides_behind_a_bit(void **state)
{
    struct bench *b = *state;

    bench_w8(b, LCR, 0x83);
    bench_w8(b, THR, 0x34);
    bench_w8(b, IER, 0x12);
    assert_int_equal(bench_r8(b, RBR), 0x34);
    assert_int_equal(bench_r8(b, IER), 0x12);
    bench_w8(b, LCR, 0x03);
    assert_int_equal(bench_r8(b, IER), 0);
}

static void an_empty_transmitter_interrupts_once(void **state)
{
    struct bench *b = *state;

    bench_w8(b, IER, 2);
    assert_int_equal(bench_line(b, 0), 1);
    assert_int_equal(bench_r8(b, IIR), 0x02);
    assert_int_equal(bench_line(b, 0), 0);
    assert_int_equal(bench_r8(b, IIR), 0x01);
    bench_w8(b, THR, 'x');
    assert_int_equal(bench_line(b, 0), 1);
}

static void without_fifo_one_byte_is_taken_at_a_time(void **state)
{
    struct bench *b = *state;

    assert_int_equal(chr_room(wire), 1);
    bench_w8(b, IER, 1);
    input("a");
    assert_int_equal(chr_room(wire), 0);
    assert_int_equal(bench_line(b, 0), 1);
    assert_int_equal(bench_r8(b, IIR), 0x04);
    assert_int_equal(bench_r8(b, LSR) & 1, 1);
    assert_int_equal(bench_r8(b, RBR), 'a');
    assert_int_equal(bench_line(b, 0), 0);
    assert_int_equal(bench_r8(b, LSR) & 1, 0);
}

static void fifo_interrupts_at_its_level_or_after_four_characters(void **state)
{
    struct bench *b = *state;

    bench_w8(b, FCR, 0x81); /* on, trigger at 8 */
    bench_w8(b, IER, 1);
    assert_int_equal(bench_r8(b, IIR), 0xc1);
    input("1234567");
    assert_int_equal(bench_line(b, 0), 0);
    bench_wind_ms(b, 5);
    assert_int_equal(bench_line(b, 0), 1);
    assert_int_equal(bench_r8(b, IIR), 0xcc);
    assert_int_equal(bench_r8(b, RBR), '1');
    assert_int_equal(bench_line(b, 0), 0);
    input("89");
    assert_int_equal(bench_line(b, 0), 1);
    assert_int_equal(bench_r8(b, IIR), 0xc4);
    assert_int_equal(chr_room(wire), 8);
    bench_w8(b, FCR, 0x83);
    assert_int_equal(bench_r8(b, LSR) & 1, 0);
    assert_int_equal(chr_room(wire), 16);
}

static void a_break_is_an_error_until_read(void **state)
{
    struct bench *b = *state;

    bench_w8(b, IER, 4);
    chr_event(wire, CHR_BREAK);
    assert_int_equal(bench_line(b, 0), 1);
    assert_int_equal(bench_r8(b, IIR), 0x06);
    assert_int_equal(bench_r8(b, LSR) & 0x11, 0x11);
    assert_int_equal(bench_line(b, 0), 0);
    assert_int_equal(bench_r8(b, LSR) & 0x10, 0);
    assert_int_equal(bench_r8(b, RBR), 0);
}

static void loop_back_connects_everything_to_itself(void **state)
{
    struct bench *b = *state;
    uint8_t out[4];

    bench_w8(b, MCR, 0x1f);
    assert_int_equal(bench_r8(b, MSR) & 0xf0, 0xf0);
    bench_w8(b, MCR, 0x12);
    assert_int_equal(bench_r8(b, MSR) & 0xf0, 0x10);
    bench_w8(b, THR, 0x5a);
    assert_int_equal(bench_r8(b, RBR), 0x5a);
    assert_int_equal(ring_take(wire, out, sizeof(out)), 0);
}

static void survives_save_and_load(void **state)
{
    struct bench *b = *state;

    bench_w8(b, FCR, 0x81);
    bench_w8(b, IER, 1);
    bench_w8(b, SCR, 0x77);
    input("abc");
    bench_again(b);
    assert_int_equal(bench_r8(b, SCR), 0x77);
    assert_int_equal(bench_r8(b, RBR), 'a');
    bench_wind_ms(b, 5);
    assert_int_equal(bench_line(b, 0), 1);
}

static void survives_a_storm(void **state)
{
    bench_storm(*state, BASE, 0x100, 20000);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(reset_values), T(bytes_go_out), T(the_divisor_hides_behind_a_bit), T(an_empty_transmitter_interrupts_once),
        T(without_fifo_one_byte_is_taken_at_a_time), T(fifo_interrupts_at_its_level_or_after_four_characters),
        T(a_break_is_an_error_until_read), T(loop_back_connects_everything_to_itself), T(survives_save_and_load),
        T(survives_a_storm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Character devices: who gets the input, what Ctrl-A does, when output goes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "core/base/error.h"
#include "core/char/chr.h"
#include "core/char/ring.h"
#include "core/event/loop.h"
#include "core/event/timer.h"
#include "core/opt/optlist.h"

struct front {
    struct chr_fe fe;
    char got[512];
    size_t len, room;
    unsigned breaks, in, out;
};

static size_t front_room(void *opaque)
{
    return ((struct front *)opaque)->room;
}

static void front_read(void *opaque, const uint8_t *bytes, size_t len)
{
    struct front *f = opaque;

    assert_true(len <= f->room);
    memcpy(f->got + f->len, bytes, len);
    f->len += len;
    f->got[f->len] = 0;
}

static void front_event(void *opaque, enum chr_event what)
{
    struct front *f = opaque;

    f->breaks += what == CHR_BREAK;
    f->in += what == CHR_FOCUS_IN;
    f->out += what == CHR_FOCUS_OUT;
}

static const struct chr_handlers handlers = { .room = front_room, .read = front_read, .event = front_event };
static struct loop *loop;
static struct timers *timers;
static struct clocks *clocks;
static unsigned quits;

static void on_quit(void *opaque)
{
    (void)opaque;
    quits++;
}

static int setup(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    loop = loop_new(false, &err);
    clocks = clocks_new();
    timers = timers_new(clocks, loop_rearm, loop);
    loop_set_timers(loop, timers);
    quits = 0;
    chr_init(loop, timers, on_quit, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    chr_end();
    loop_free(loop);
    timers_free(timers);
    clocks_free(clocks);
    return 0;
}

static struct chr *add(const char *words)
{
    struct error err = ERROR_INIT;
    struct optlist *l = optlist_parse("-chardev", words, "backend", &err);
    int ret = chr_add(l, &err);

    if (ret < 0)
        fail_msg("%s", err.text);
    optlist_free(l);
    return chr_find("c");
}

static void input(struct chr *c, const char *text)
{
    chr_input(c, (const uint8_t *)text, strlen(text));
}

static void escapes_move_the_focus_and_quit(void **state)
{
    struct error err = ERROR_INIT;
    struct chr *c = add("ringbuf,id=c,mux=on");
    struct front a = { .room = 100 }, b = { .room = 100 };

    (void)state;
    assert_int_equal(chr_attach(&a.fe, c, &handlers, &a, &err), 0);
    assert_int_equal(chr_attach(&b.fe, c, &handlers, &b, &err), 0);
    input(c, "one\1ctwo\1b\1\1\1");
    input(c, "cx\1x");
    assert_string_equal(a.got, "onex");
    assert_string_equal(b.got, "two\1");
    assert_int_equal(b.breaks, 1);
    assert_int_equal(a.out, 1);
    assert_int_equal(a.in, 1);
    assert_int_equal(quits, 1);
}

static void a_guest_that_does_not_read_cannot_stop_the_escape(void **state)
{
    struct error err = ERROR_INIT;
    struct chr *c = add("ringbuf,id=c,mux=on");
    struct front a = { .room = 0 };

    (void)state;
    chr_attach(&a.fe, c, &handlers, &a, &err);
    for (int i = 0; i < 1000; i++)
        input(c, "y");
    input(c, "\1x");
    assert_int_equal(quits, 1);
    a.room = 8;
    chr_accept(&a.fe);
    assert_int_equal(a.len, CHR_MUX_ROOM);
}

static void output_goes_out_by_the_line(void **state)
{
    struct error err = ERROR_INIT;
    struct chr *c = add("ringbuf,id=c");
    struct front a = { .room = 1 };
    uint8_t buf[64];

    (void)state;
    chr_attach(&a.fe, c, &handlers, &a, &err);
    assert_int_equal(chr_write(&a.fe, "log", 3), 3);
    assert_int_equal(ring_take(c, buf, sizeof(buf)), 0);
    assert_int_equal(chr_write(&a.fe, "in\n", 3), 3);
    assert_int_equal(ring_take(c, buf, sizeof(buf)), 6);
    assert_memory_equal(buf, "login\n", 6);
    chr_write(&a.fe, "$ ", 2);
    loop_once(loop, true); /* the timer */
    assert_int_equal(ring_take(c, buf, sizeof(buf)), 2);
}

static void one_front_end_only_without_mux(void **state)
{
    struct error err = ERROR_INIT;
    struct chr *c = add("null,id=c");
    struct front a = { 0 }, b = { 0 };

    (void)state;
    assert_int_equal(chr_attach(&a.fe, c, &handlers, &a, &err), 0);
    assert_true(chr_attach(&b.fe, c, &handlers, &b, &err) < 0);
    assert_non_null(strstr(err.text, "mux=on"));
    chr_detach(&a.fe);
    error_clear(&err);
    assert_int_equal(chr_attach(&b.fe, c, &handlers, &b, &err), 0);
}

static void a_socket_serves_one_client_after_the_other(void **state)
{
    struct error err = ERROR_INIT;
    char path[] = "/tmp/rhea-chr-XXXXXX", words[128];
    struct front a = { .room = 100 };
    struct chr *server;

    (void)state;
    assert_non_null(mkdtemp(path));
    snprintf(words, sizeof(words), "socket,id=c,path=%s/s,server=on,wait=off", path);
    server = add(words);
    chr_attach(&a.fe, server, &handlers, &a, &err);
    chr_write(&a.fe, "lost\n", 5);
    for (int round = 0; round < 2; round++) {
        struct front b = { .room = 100 };
        struct chr *client;
        char legacy[128];

        snprintf(legacy, sizeof(legacy), "unix:%s/s", path);
        client = chr_from_legacy("-serial", "k", legacy, &err);
        assert_non_null(client);
        chr_attach(&b.fe, client, &handlers, &b, &err);
        chr_write(&b.fe, "hello\n", 6);
        a.len = 0;
        while (a.len < 6)
            loop_once(loop, true);
        chr_write(&a.fe, "world\n", 6);
        while (b.len < 6)
            loop_once(loop, true);
        assert_string_equal(a.got, "hello\n");
        assert_string_equal(b.got, "world\n");
        chr_del(client);
        while (server->open)
            loop_once(loop, true);
    }
    chr_end();
    snprintf(words, sizeof(words), "%s/s", path);
    assert_int_not_equal(access(words, F_OK), 0);
    rmdir(path);
}

static void wrong_words_are_explained(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    assert_null(chr_from_legacy("-serial", "s0", "stdoi", &err));
    assert_non_null(strstr(err.text, "-serial stdoi: 'stdoi' is no character device"));
    error_clear(&err);
    assert_null(chr_from_legacy("-serial", "s0", "none", &err));
    assert_false(error_is_set(&err));
    assert_null(chr_from_legacy("-serial", "s0", "file:/nowhere/at/all", &err));
    assert_non_null(strstr(err.text, "No such file"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(escapes_move_the_focus_and_quit), T(a_guest_that_does_not_read_cannot_stop_the_escape),
        T(output_goes_out_by_the_line), T(one_front_end_only_without_mux), T(a_socket_serves_one_client_after_the_other),
        T(wrong_words_are_explained),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

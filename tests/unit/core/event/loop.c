/* Clocks, timers and the loop: order of deadlines, time that stands still, messages from other threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>
#include "core/base/error.h"
#include "core/event/loop.h"
#include "core/event/timer.h"
#include "core/vm/lock.h"

static int64_t wound;

static int64_t hand_clock(void *opaque)
{
    (void)opaque;
    return wound;
}

static char order[16];
static size_t fired;

struct named {
    struct timer t;
    char name;
};

static void note(void *opaque)
{
    order[fired++] = ((struct named *)opaque)->name;
    order[fired] = 0;
}

static void timers_fire_in_order_of_deadlines(void **state)
{
    struct clocks *c = clocks_new();
    struct timers *set = timers_new(c, NULL, NULL);
    struct named n[5];

    (void)state;
    clocks_set_source(c, hand_clock, NULL);
    wound = 0;
    fired = 0;
    for (int i = 0; i < 5; i++) {
        n[i].name = (char)('a' + i);
        timer_init(&n[i].t, set, CLOCK_KIND_VIRTUAL, note, &n[i]);
        timer_set(&n[i].t, 50 - i * 10);
    }
    timer_set(&n[0].t, 5);
    timer_cancel(&n[2].t);
    assert_false(timers_run(set));
    assert_int_equal(timers_next(set, CLOCK_KIND_VIRTUAL), 5);
    wound = 20;
    assert_true(timers_run(set));
    assert_string_equal(order, "aed");
    wound = 100;
    timers_run(set);
    assert_string_equal(order, "aedb");
    assert_false(timer_armed(&n[1].t));
    assert_int_equal(timers_next(set, CLOCK_KIND_VIRTUAL), TIMER_NEVER);
    timers_free(set);
    clocks_free(c);
}

static void again(void *opaque)
{
    struct timer *t = opaque;

    fired++;
    timer_set(t, 0);
}

static void a_timer_in_the_past_cannot_hold_the_loop(void **state)
{
    struct clocks *c = clocks_new();
    struct timers *set = timers_new(c, NULL, NULL);
    struct timer t;

    (void)state;
    fired = 0;
    timer_init(&t, set, CLOCK_KIND_REAL, again, &t);
    timer_set(&t, -5);
    assert_int_equal(timers_wait_ns(set, true), 0);
    timers_run(set);
    assert_int_equal(fired, 1);
    timers_free(set);
    clocks_free(c);
}

static void virtual_time_stands_still_while_stopped(void **state)
{
    struct clocks *c = clocks_new();
    int64_t a;

    (void)state;
    assert_int_equal(clock_virtual_ns(c), 0);
    clocks_run(c, true);
    usleep(2000);
    clocks_run(c, false);
    a = clock_virtual_ns(c);
    assert_true(a >= 2000000);
    usleep(2000);
    assert_int_equal(clock_virtual_ns(c), a);
    clocks_set_virtual(c, 77);
    assert_int_equal(clock_virtual_ns(c), 77);
    clocks_free(c);
}

struct turn {
    struct loop *loop;
    struct loop_fd *watch;
    int pipe[2];
    unsigned calls;
    bool locked;
};

static void on_call(void *opaque)
{
    struct turn *t = opaque;

    t->calls++;
    t->locked = machine_lock_held();
    if (t->calls == 2)
        loop_quit(t->loop);
}

static void *other_thread(void *opaque)
{
    struct turn *t = opaque;

    loop_call(t->loop, on_call, t);
    loop_call(t->loop, on_call, t);
    return NULL;
}

static void other_threads_wake_the_loop(void **state)
{
    struct error err = ERROR_INIT;
    struct turn t = { .loop = loop_new(true, &err) };
    pthread_t thread;

    (void)state;
    machine_lock();
    pthread_create(&thread, NULL, other_thread, &t);
    loop_run(t.loop);
    assert_true(machine_lock_held());
    machine_unlock();
    pthread_join(thread, NULL);
    assert_int_equal(t.calls, 2);
    assert_true(t.locked);
    loop_free(t.loop);
}

static void on_readable(void *opaque, unsigned events)
{
    struct turn *t = opaque;

    assert_true(events & LOOP_READ);
    t->calls++;
    loop_remove(t->watch);
}

static void a_removed_watch_is_silent(void **state)
{
    struct error err = ERROR_INIT;
    struct turn t = { .loop = loop_new(false, &err) };

    (void)state;
    assert_int_equal(pipe(t.pipe), 0);
    t.watch = loop_add(t.loop, t.pipe[0], LOOP_READ, on_readable, &t);
    loop_once(t.loop, false);
    assert_int_equal(t.calls, 0);
    assert_int_equal(write(t.pipe[1], "x", 1), 1);
    loop_once(t.loop, true);
    loop_once(t.loop, false);
    assert_int_equal(t.calls, 1);
    close(t.pipe[0]);
    close(t.pipe[1]);
    loop_free(t.loop);
}

static void quit_at_deadline(void *opaque)
{
    loop_quit(opaque);
}

static void deadlines_wake_the_loop(void **state)
{
    struct error err = ERROR_INIT;
    struct loop *loop = loop_new(false, &err);
    struct clocks *c = clocks_new();
    struct timers *set = timers_new(c, loop_rearm, loop);
    struct timer t;
    int64_t start;

    (void)state;
    loop_set_timers(loop, set);
    timer_init(&t, set, CLOCK_KIND_REAL, quit_at_deadline, loop);
    start = clock_ns(c, CLOCK_KIND_REAL);
    timer_set(&t, start + 3000000);
    loop_run(loop);
    assert_true(clock_ns(c, CLOCK_KIND_REAL) - start >= 3000000);
    loop_free(loop);
    timers_free(set);
    clocks_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order_of_deadlines), cmocka_unit_test(a_timer_in_the_past_cannot_hold_the_loop),
        cmocka_unit_test(virtual_time_stands_still_while_stopped), cmocka_unit_test(other_threads_wake_the_loop),
        cmocka_unit_test(a_removed_watch_is_silent), cmocka_unit_test(deadlines_wake_the_loop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Coroutines and the loop, on both engines. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/error.h"
#include "core/event/colock.h"
#include "core/event/iothread.h"

static int steps;

static void two_steps(void *arg)
{
    steps += *(int *)arg;
    co_yield();
    steps += *(int *)arg;
}

static void a_coroutine_stops_and_goes_on(void **state)
{
    int               by = 5;
    struct coroutine *co = co_create(two_steps, &by);

    (void)state;
    steps = 0;
    co_enter(co);
    assert_int_equal(steps, 5);
    assert_null(co_self());
    co_enter(co);
    assert_int_equal(steps, 10);
}

static void ends_at_once(void *arg)
{
    (*(int *)arg)++;
}

static void stacks_are_used_again(void **state)
{
    int runs = 0;

    (void)state;
    for (int i = 0; i < 10000; i++)
        co_enter(co_create(ends_at_once, &runs));
    assert_int_equal(runs, 10000);
    co_pool_drain();
}

struct file_case {
    int fd;
    bool done;
};

static void write_and_read_back(void *arg)
{
    struct file_case *f = arg;
    char              out[64] = "", in[] = "what was written";
    struct iovec      w = { in, sizeof in }, r = { out, sizeof out };

    assert_int_equal(io_writev(f->fd, &w, 1, 4096), sizeof in);
    assert_int_equal(io_fdatasync(f->fd), 0);
    assert_int_equal(io_readv(f->fd, &r, 1, 4096), sizeof in);
    assert_string_equal(out, in);
    assert_true(io_readv(-1, &r, 1, 0) < 0);
    f->done = true;
}

static void files_work_on(enum io_engine engine)
{
    struct error     err  = ERROR_INIT;
    struct io_loop  *loop = io_loop_new(engine, &err);
    char             name[] = "/tmp/rhea-unit-XXXXXX";
    struct file_case f    = { .fd = mkstemp(name) };

    if (loop == NULL) {
        print_message("SKIP: %s\n", err.text);
        close(f.fd);
        unlink(name);
        return;
    }
    unlink(name);
    io_run(loop, write_and_read_back, &f);
    assert_true(f.done);
    close(f.fd);
    io_loop_free(loop);
}

static void files_by_uring(void **state)
{
    (void)state;
    files_work_on(IO_ENGINE_URING);
}

static void files_by_threads(void **state)
{
    (void)state;
    files_work_on(IO_ENGINE_THREADS);
}

static int pipe_ends[2], seen;

static void reader(void *arg)
{
    char c;

    (void)arg;
    assert_true(io_poll(pipe_ends[0], POLLIN) & POLLIN);
    assert_int_equal(read(pipe_ends[0], &c, 1), 1);
    seen = c;
}

static void writer(void *arg)
{
    (void)arg;
    io_spawn(reader, NULL);
    io_sleep_ns(1000000);
    assert_int_equal(seen, 0);
    assert_int_equal(write(pipe_ends[1], "x", 1), 1);
    while (seen == 0)
        io_sleep_ns(100000);
}

static void waits_for_a_pipe(enum io_engine engine)
{
    struct io_loop *loop = io_loop_new(engine, NULL);

    if (loop == NULL)
        return;
    assert_int_equal(pipe(pipe_ends), 0);
    seen = 0;
    io_run(loop, writer, NULL);
    assert_int_equal(seen, 'x');
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    io_loop_free(loop);
}

static void polls_on_both_engines(void **state)
{
    (void)state;
    waits_for_a_pipe(IO_ENGINE_URING);
    waits_for_a_pipe(IO_ENGINE_THREADS);
}

static int compute(void *arg)
{
    return *(int *)arg * 2;
}

static int finished;

static void works(void *arg)
{
    assert_int_equal(io_work(compute, arg), *(int *)arg * 2);
    finished++;
}

static void starts_many(void *arg)
{
    static int n[100];

    (void)arg;
    for (int i = 0; i < 100; i++) {
        n[i] = i;
        io_spawn(works, &n[i]);
    }
    while (finished < 100)
        io_sleep_ns(100000);
}

static void workers_answer(void **state)
{
    struct io_loop *loop = io_loop_new(IO_ENGINE_AUTO, NULL);

    (void)state;
    finished = 0;
    io_run(loop, starts_many, NULL);
    assert_int_equal(finished, 100);
    io_loop_free(loop);
}

static struct co_mutex mutex;
static int             inside, most, turns;

static void in_turn(void *arg)
{
    (void)arg;
    co_lock(&mutex);
    inside++;
    most = inside > most ? inside : most;
    io_pass();
    inside--;
    turns++;
    co_unlock(&mutex);
}

static void crowd(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20; i++)
        io_spawn(in_turn, NULL);
    while (turns < 20)
        io_pass();
}

static void a_mutex_lets_one_in(void **state)
{
    struct io_loop *loop = io_loop_new(IO_ENGINE_AUTO, NULL);

    (void)state;
    io_run(loop, crowd, NULL);
    assert_int_equal(most, 1);
    assert_int_equal(turns, 20);
    io_loop_free(loop);
}

static _Atomic int posted;

static void post_one(void *arg)
{
    (void)arg;
    posted++;
}

static void an_iothread_takes_posts(void **state)
{
    struct iothread *t = iothread_new("unit", NULL);

    (void)state;
    assert_non_null(t);
    for (int i = 0; i < 1000; i++)
        io_post(iothread_loop(t), post_one, NULL);
    iothread_free(t);
    assert_int_equal(posted, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_coroutine_stops_and_goes_on), cmocka_unit_test(stacks_are_used_again),
        cmocka_unit_test(files_by_uring),                cmocka_unit_test(files_by_threads),
        cmocka_unit_test(polls_on_both_engines),         cmocka_unit_test(workers_answer),
        cmocka_unit_test(a_mutex_lets_one_in),           cmocka_unit_test(an_iothread_takes_posts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

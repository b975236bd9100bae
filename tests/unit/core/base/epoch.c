/* Readers never see freed memory; what is retired is freed in the end. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/alloc.h"
#include "core/base/epoch.h"

struct thing {
    _Atomic int alive;
};

static struct thing *_Atomic current;
static _Atomic int freed, stop;

static void kill_thing(void *p)
{
    struct thing *t = p;

    atomic_store(&t->alive, 0);
    atomic_fetch_add(&freed, 1);
    free(t);
}

static struct thing *new_thing(void)
{
    struct thing *t = NEW(struct thing);

    atomic_store(&t->alive, 1);
    return t;
}

static void *reader(void *arg)
{
    _Atomic int *dead = arg;

    while (!atomic_load(&stop)) {
        epoch_enter();
        struct thing *t = atomic_load(&current);
        for (int i = 0; i < 20; i++)
            if (!atomic_load(&t->alive))
                atomic_fetch_add(dead, 1);
        epoch_leave();
    }
    return NULL;
}

static void readers_never_see_the_dead(void **state)
{
    enum { ROUNDS = 20000 };
    _Atomic int dead = 0;
    pthread_t threads[3];

    (void)state;
    atomic_store(&current, new_thing());
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reader, &dead), 0);
    for (int i = 0; i < ROUNDS; i++)
        epoch_retire(atomic_exchange(&current, new_thing()), kill_thing);
    atomic_store(&stop, 1);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    epoch_synchronize();
    assert_int_equal(dead, 0);
    assert_int_equal(freed, ROUNDS);
    free(atomic_load(&current));
}

static void sections_nest(void **state)
{
    int before = atomic_load(&freed);

    (void)state;
    epoch_enter();
    epoch_enter();
    epoch_leave();
    for (int i = 0; i < 100; i++)
        epoch_retire(new_thing(), kill_thing);
    assert_in_range(atomic_load(&freed) - before, 0, 15);
    epoch_leave();
    epoch_synchronize();
    assert_int_equal(freed - before, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_never_see_the_dead),
        cmocka_unit_test(sections_nest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

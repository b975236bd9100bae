/* core/vm/lock.c - the machine lock, and the note of each thread whether it holds it. */
#include "core/vm/lock.h"
#include <assert.h>
#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local bool held;

void machine_lock(void)
{
    assert(!held);
    pthread_mutex_lock(&lock);
    held = true;
}

bool machine_trylock(void)
{
    assert(!held);
    held = pthread_mutex_trylock(&lock) == 0;
    return held;
}

void machine_unlock(void)
{
    assert(held);
    held = false;
    pthread_mutex_unlock(&lock);
}

bool machine_lock_held(void)
{
    return held;
}

bool machine_lock_if_needed(void)
{
    if (held)
        return false;
    machine_lock();
    return true;
}

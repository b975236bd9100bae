/* core/event/workers.c - the process's pool of worker threads.
 *
 * Threads start when there is more work than idle threads, up to a limit, and end after ten idle seconds. */
#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "core/event/io_int.h"

enum { IDLE_S = 10, BLOCKING_EXTRA = 8 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t  more = PTHREAD_COND_INITIALIZER;
static struct work    *first, **last = &first;
static int             threads, idle, queued;

int io_workers(void)
{
    static _Atomic int cached;
    int n = cached;

    if (n == 0) {
        n = (int)sysconf(_SC_NPROCESSORS_ONLN);
        n = n < 2 ? 2 : n > 64 ? 64 : n;
        cached = n;
    }
    return n;
}

static void *worker_main(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    for (;;) {
        while (first == NULL) {
            struct timespec until;
            int             ret;

            clock_gettime(CLOCK_REALTIME, &until);
            until.tv_sec += IDLE_S;
            idle++;
            ret = pthread_cond_timedwait(&more, &lock, &until);
            idle--;
            if (ret == ETIMEDOUT && first == NULL) {
                threads--;
                pthread_mutex_unlock(&lock);
                return NULL;
            }
        }
        struct work *w = first;

        first = w->next;
        if (first == NULL)
            last = &first;
        queued--;
        pthread_mutex_unlock(&lock);
        w->fn(w);
        pthread_mutex_lock(&lock);
    }
}

/* Signals belong to the program's own threads. */
static bool worker_start(void)
{
    pthread_t      id;
    pthread_attr_t attr;
    sigset_t       all, old;
    int            ret;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    ret = pthread_create(&id, &attr, worker_main, NULL);
    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return ret == 0;
}

void workers_add(struct work *w)
{
    bool stuck = false;

    pthread_mutex_lock(&lock);
    w->next   = NULL;
    *last     = w;
    last      = &w->next;
    queued++;
    if (queued > idle && threads < io_workers() + BLOCKING_EXTRA) {
        if (worker_start())
            threads++;
        else
            stuck = threads == 0;
    }
    if (stuck) {                        /* no thread at all: do it here, late but right */
        first = NULL;
        last  = &first;
        queued--;
    }
    pthread_cond_signal(&more);
    pthread_mutex_unlock(&lock);
    if (stuck)
        w->fn(w);
}

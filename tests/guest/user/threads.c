/* Threads: life and death, locks, TLS, robust mutexes, cancellation, forks among them. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "t.h"

static __thread int mine = 5;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int shared, turn;

static void *adds(void *arg)
{
    CHECK(mine == 5);
    mine = (int)(long)arg;
    for (int i = 0; i < 2000; i++) {
        pthread_mutex_lock(&lock);
        shared++;
        pthread_mutex_unlock(&lock);
    }
    CHECK(mine == (int)(long)arg);
    return arg;
}

static void joins(void)
{
    pthread_t t[8];
    void *ret;

    for (long i = 0; i < 8; i++)
        CHECK(!pthread_create(&t[i], NULL, adds, (void *)i));
    for (long i = 0; i < 8; i++)
        CHECK(!pthread_join(t[i], &ret) && ret == (void *)i);
    CHECK(shared == 16000 && mine == 5);
}

static void *quick(void *arg) { return arg; }

static void many(void)
{
    for (long i = 0; i < 400; i++) {
        pthread_t t;
        void *ret;

        CHECK(!pthread_create(&t, NULL, quick, (void *)i));
        CHECK(!pthread_join(t, &ret) && ret == (void *)i);
    }
}

static void *ping(void *arg)
{
    int me = (int)(long)arg;

    for (int i = 0; i < 500; i++) {
        pthread_mutex_lock(&lock);
        while (turn != me)
            pthread_cond_wait(&cond, &lock);
        turn = !me;
        pthread_cond_broadcast(&cond);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static void conditions(void)
{
    pthread_t a, b;
    struct timespec ts;

    pthread_create(&a, NULL, ping, (void *)0);
    pthread_create(&b, NULL, ping, (void *)1);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    clock_gettime(CLOCK_REALTIME, &ts);
    ts.tv_nsec += 10000000;
    if (ts.tv_nsec >= 1000000000)
        ts.tv_sec++, ts.tv_nsec -= 1000000000;
    pthread_mutex_lock(&lock);
    CHECK(pthread_cond_timedwait(&cond, &lock, &ts) == ETIMEDOUT);
    pthread_mutex_unlock(&lock);
}

static pthread_mutex_t *robust;
static void *dies_holding(void *arg) { pthread_mutex_lock(robust); return arg; }

static void robustness(void)
{
    pthread_mutexattr_t a;
    pthread_t t;

    robust = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_init(&a);
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(robust, &a);
    pthread_create(&t, NULL, dies_holding, NULL);
    pthread_join(t, NULL);
    CHECK(pthread_mutex_lock(robust) == EOWNERDEAD && !pthread_mutex_consistent(robust) && !pthread_mutex_unlock(robust));
    pid_t p = fork();
    if (!p) {
        pthread_mutex_lock(robust);
        kill(getpid(), SIGKILL);
    }
    waitpid(p, NULL, 0);
    CHECK(pthread_mutex_lock(robust) == EOWNERDEAD && !pthread_mutex_consistent(robust) && !pthread_mutex_unlock(robust));
}

static void *sleeps(void *arg)
{
    sem_post(arg);
    for (;;)
        pause();
}

static void cancelling(void)
{
    pthread_t t;
    sem_t s;
    void *ret;

    sem_init(&s, 0, 0);
    pthread_create(&t, NULL, sleeps, &s);
    sem_wait(&s);
    usleep(10000);
    CHECK(!pthread_cancel(t) && !pthread_join(t, &ret) && ret == PTHREAD_CANCELED);
}

static volatile int stop;
static void *spins(void *arg)
{
    while (!stop)
        ++*(volatile long *)arg;
    return NULL;
}

/* A child made while others run has one thread and goes on; so does one made by vfork. */
static void forks(void)
{
    long n[2] = { 0, 0 };
    pthread_t t[2];
    int st;

    for (int i = 0; i < 2; i++)
        pthread_create(&t[i], NULL, spins, &n[i]);
    for (int i = 0; i < 20; i++) {
        pid_t p = i & 1 ? vfork() : fork();

        if (!p)
            _exit(i);
        CHECK(waitpid(p, &st, 0) == p && WIFEXITED(st) && WEXITSTATUS(st) == i);
    }
    stop = 1;
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
}

static void *ends_the_process(void *arg)
{
    usleep(30000);
    (void)arg;
    exit(7);
}

/* main()'s thread may end first. */
static void main_leaves(void)
{
    pid_t p = fork();
    int st;

    if (!p) {
        pthread_t t;

        pthread_create(&t, NULL, ends_the_process, NULL);
        pthread_exit(NULL);
    }
    CHECK(waitpid(p, &st, 0) == p && WIFEXITED(st) && WEXITSTATUS(st) == 7);
    p = fork();
    if (!p) {
        pthread_t t;

        pthread_create(&t, NULL, (void *(*)(void *))(void *)quick, NULL);
        syscall(SYS_exit, 9);
    }
    CHECK(waitpid(p, &st, 0) == p && WIFEXITED(st) && WEXITSTATUS(st) == 9);
}

/* Arguments that an operation does not have may hold anything. */
static void unused_arguments(void)
{
    int word = 1;

    CHECK(syscall(SYS_futex, &word, 1, 1, NULL, (void *)-8l, -1) == 0);
}

int main(void)
{
    unused_arguments();
    joins();
    many();
    conditions();
    robustness();
    cancelling();
    forks();
    main_leaves();
    CHECK(getpid() == syscall(SYS_gettid));
    return 0;
}

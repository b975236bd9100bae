/* What a C library asks of the kernel, for programs made with musl: threads, signals, children, sockets, memory. */
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/guest/user/t.h"

extern char **environ;

static sem_t ready;
static volatile int got;
static __thread int mine = 7;

static void on(int sig) { got += sig; }

static void *thread(void *arg)
{
    mine = (int)(long)arg;
    sem_post(&ready);
    return (void *)(long)mine;
}

static void threads(void)
{
    pthread_t t[8];
    void *ret;

    sem_init(&ready, 0, 0);
    for (long i = 0; i < 8; i++)
        CHECK(!pthread_create(&t[i], NULL, thread, (void *)i));
    for (int i = 0; i < 8; i++)
        sem_wait(&ready);
    for (long i = 0; i < 8; i++)
        CHECK(!pthread_join(t[i], &ret) && (long)ret == i);
    CHECK(mine == 7);
}

static void children(void)
{
    char *args[] = { "sh", "-c", "exit 5", NULL }, line[100];
    pid_t p;
    int st;
    FILE *f;

    CHECK(!posix_spawn(&p, "/bin/sh", NULL, NULL, args, environ));
    CHECK(waitpid(p, &st, 0) == p && WEXITSTATUS(st) == 5);
    CHECK(WEXITSTATUS(system("exit 3")) == 3);
    p = fork();
    if (!p)
        _exit(9);
    CHECK(waitpid(p, &st, 0) == p && WEXITSTATUS(st) == 9);
    f = popen("echo hello", "r");
    CHECK(fgets(line, sizeof line, f) && !strcmp(line, "hello\n") && !pclose(f));
}

int main(void)
{
    struct timespec now, wait = { 0, 1000000 };
    struct pollfd pfd = { .events = POLLIN };
    char text[100], *m;
    int pair[2];

    threads();
    children();
    signal(SIGUSR1, on);
    raise(SIGUSR1);
    kill(getpid(), SIGUSR1);
    CHECK(got == 2 * SIGUSR1);
    CHECK(!clock_gettime(CLOCK_MONOTONIC, &now) && !nanosleep(&wait, NULL));
    CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    pfd.fd = pair[0];
    CHECK(poll(&pfd, 1, 10) == 0);
    CHECK(write(pair[1], "x", 1) == 1 && poll(&pfd, 1, -1) == 1);
    snprintf(text, sizeof text, "%.3f %s", sqrt(2), "ok");
    CHECK(!strcmp(text, "1.414 ok"));
    m = malloc(10 << 20);
    memset(m, 1, 10 << 20);
    m = realloc(m, 40 << 20);
    CHECK(m[5 << 20] == 1);
    free(m);
    puts("musl ok");
    return 0;
}

/* Limits of address space: what setrlimit() says holds for mappings, heap and stack, for children and after execve. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t.h"

enum { MIB = 1 << 20 };

static void *map(size_t n, int prot, int flags) { return mmap(NULL, n, prot, MAP_ANONYMOUS | flags, -1, 0); }

static void limit(int what, rlim_t soft, rlim_t hard)
{
    struct rlimit rl = { soft, hard }, now;

    CHECK(!setrlimit(what, &rl));
    CHECK(!getrlimit(what, &now) && now.rlim_cur == soft && now.rlim_max == hard);
    CHECK(!prlimit(0, what, NULL, &now) && now.rlim_cur == soft && now.rlim_max == hard);
}

/* In a child, so that the limits are gone afterwards. */
#define CHILD(body) \
    do { \
        int status; \
        pid_t pid = fork(); \
        if (!pid) { body; _exit(0); } \
        CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status)); \
    } while (0)

static void all(void)
{
    char *p;

    limit(RLIMIT_AS, 256 * MIB, 512 * MIB);
    CHECK(map(300 * MIB, PROT_NONE, MAP_PRIVATE) == MAP_FAILED && errno == ENOMEM);
    CHECK((p = map(100 * MIB, PROT_READ, MAP_SHARED)) != MAP_FAILED);
    CHECK(map(200 * MIB, PROT_NONE, MAP_PRIVATE) == MAP_FAILED && errno == ENOMEM);
    CHECK(mremap(p, 100 * MIB, 300 * MIB, MREMAP_MAYMOVE) == MAP_FAILED && errno == ENOMEM);
    CHECK(mmap(p, 100 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p);     /* in its place: no more */
    CHECK(!munmap(p, 100 * MIB));
    CHECK((p = map(200 * MIB, PROT_NONE, MAP_PRIVATE)) != MAP_FAILED);
    limit(RLIMIT_AS, 512 * MIB, 512 * MIB);
    CHECK(map(200 * MIB, PROT_NONE, MAP_PRIVATE) != MAP_FAILED);
}

static void data(void)
{
    char *p, *now = sbrk(0);

    CHECK((p = map(64 * MIB, PROT_READ, MAP_PRIVATE)) != MAP_FAILED);
    limit(RLIMIT_DATA, 32 * MIB, RLIM_INFINITY);
    CHECK(map(64 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE) == MAP_FAILED && errno == ENOMEM);
    CHECK(mprotect(p, 64 * MIB, PROT_READ | PROT_WRITE) == -1 && errno == ENOMEM);
    CHECK(!mprotect(p, MIB, PROT_READ | PROT_WRITE));
    CHECK(map(64 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED) != MAP_FAILED);      /* no data */
    CHECK(map(64 * MIB, PROT_READ, MAP_PRIVATE) != MAP_FAILED);
    CHECK(sbrk(64 * MIB) == (void *)-1 && sbrk(0) == now);
    CHECK(sbrk(MIB) == now && malloc(64 * MIB) == NULL);
}

static int deep(int n) { volatile char a[4096]; a[0] = a[4095] = (char)n; return n ? deep(n - 1) + a[0] : 0; }

static void stack(void)
{
    int status;
    pid_t pid;

    limit(RLIMIT_STACK, 24 * MIB, RLIM_INFINITY);        /* more than there was */
    deep(5 * 1024);
    CHILD(limit(RLIMIT_STACK, 64 * 1024, RLIM_INFINITY); deep(5 * 1024));        /* what was used stays */
    limit(RLIMIT_STACK, 8 * MIB, RLIM_INFINITY);
    pid = fork();
    if (!pid) {
        limit(RLIMIT_STACK, 24 * MIB, RLIM_INFINITY);
        deep(8 * 1024);
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

int main(int argc, char **argv)
{
    struct rlimit rl;

    if (argc > 1) {                                      /* after execve */
        CHECK(!getrlimit(RLIMIT_AS, &rl) && rl.rlim_cur == 400 * MIB && rl.rlim_max == 700 * MIB);
        CHECK(map(400 * MIB, PROT_NONE, MAP_PRIVATE) == MAP_FAILED && errno == ENOMEM);
        CHECK(!getrlimit(RLIMIT_STACK, &rl) && rl.rlim_cur == 2 * MIB && rl.rlim_max == RLIM_INFINITY);
        deep(400);
        return 0;
    }
    CHILD(all());
    CHILD(data());
    CHILD(stack());
    CHILD(limit(RLIMIT_AS, 400 * MIB, 700 * MIB); limit(RLIMIT_STACK, 2 * MIB, RLIM_INFINITY);
          execl("/proc/self/exe", "limits", "again", NULL); _exit(1));
    rl = (struct rlimit){ 2, 1 };
    CHECK(setrlimit(RLIMIT_AS, &rl) == -1 && errno == EINVAL);
    return 0;
}

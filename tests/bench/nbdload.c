/* tests/bench/nbdload.c - a light NBD client: random requests at a fixed queue depth, as cheap for itself as can be.
 *
 * Usage: nbdload SOCKET read|write COUNT [DEPTH [BYTES]]
 *
 * Prints operations per second and the client's own processor time, so that a ratio between two servers shows what the
 * client adds to both. Replies that arrive together are answered by new requests that leave together. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST = 28, REPLY = 16, DEPTH_MAX = 256, IN = 4 << 20 };

static void die(const char *what)
{
    fprintf(stderr, "nbdload: %s: %s\n", what, errno ? strerror(errno) : "unexpected answer");
    exit(1);
}

static void put(uint8_t *p, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        p[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
}

static uint64_t get(const uint8_t *p, int bytes)
{
    uint64_t v = 0;

    for (int i = 0; i < bytes; i++)
        v = v << 8 | p[i];
    return v;
}

static void all_out(int fd, const void *buf, size_t len)
{
    for (const char *p = buf; len > 0;) {
        ssize_t n = write(fd, p, len);

        if (n <= 0)
            die("sending");
        p += n;
        len -= (size_t)n;
    }
}

static void all_in(int fd, void *buf, size_t len)
{
    for (char *p = buf; len > 0;) {
        ssize_t n = read(fd, p, len);

        if (n <= 0)
            die("receiving");
        p += n;
        len -= (size_t)n;
    }
}

/* Fixed newstyle with NBD_OPT_EXPORT_NAME and an empty name. Returns the export's size. */
static uint64_t connect_to(const char *path, int *fd)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    uint8_t            b[256];

    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    *fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (*fd < 0 || connect(*fd, (struct sockaddr *)&a, sizeof a) < 0)
        die(path);
    all_in(*fd, b, 18);
    if (memcmp(b, "NBDMAGICIHAVEOPT", 16) != 0)
        die("greeting");
    put(b, 3, 4);                                /* fixed newstyle, no zeroes */
    memcpy(b + 4, "IHAVEOPT", 8);
    put(b + 12, 1, 4);
    put(b + 16, 0, 4);
    all_out(*fd, b, 20);
    all_in(*fd, b, 10);
    return get(b, 8);
}

static uint64_t next_random(void)
{
    static uint64_t x = UINT64_C(0x9e3779b97f4a7c15);

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
    uint64_t count, left, done = 0, size;
    unsigned depth = argc > 4 ? (unsigned)atoi(argv[4]) : 16, bytes = argc > 5 ? (unsigned)atoi(argv[5]) : 4096;
    bool     writes = argc > 2 && strcmp(argv[2], "write") == 0;
    size_t   step = REQUEST + (writes ? bytes : 0), unit = REPLY + (writes ? 0 : bytes), have = 0;
    uint8_t *out, *in = malloc(IN);
    int      fd;

    if (argc < 4 || depth == 0 || depth > DEPTH_MAX) {
        fprintf(stderr, "usage: nbdload SOCKET read|write COUNT [DEPTH [BYTES]]\n");
        return 2;
    }
    count = left = strtoull(argv[3], NULL, 0);
    size  = connect_to(argv[1], &fd);
    out   = malloc(depth * step);
    memset(out, 0x5a, depth * step);

    struct timespec t1, t2;
    struct rusage   ru;
    unsigned        fresh = (unsigned)(left < depth ? left : depth);

    clock_gettime(CLOCK_MONOTONIC, &t1);
    while (done < count) {
        for (unsigned i = 0; i < fresh; i++) {
            uint8_t *r = out + i * step;

            put(r, 0x25609513, 4);
            put(r + 4, 0, 2);
            put(r + 6, writes, 2);
            put(r + 8, left, 8);
            put(r + 16, next_random() % (size / bytes) * bytes, 8);
            put(r + 24, bytes, 4);
            left--;
        }
        if (fresh > 0)
            all_out(fd, out, fresh * step);
        ssize_t n = read(fd, in + have, IN - have);

        if (n <= 0)
            die("receiving");
        have += (size_t)n;
        fresh = 0;
        size_t at = 0;

        for (; have - at >= unit; at += unit, done++, fresh++)
            if (get(in + at, 4) != 0x67446698 || get(in + at + 4, 4) != 0) {
                errno = 0;
                die("reply");
            }
        memmove(in, in + at, have - at);
        have -= at;
        if (fresh > left)
            fresh = (unsigned)left;
    }
    clock_gettime(CLOCK_MONOTONIC, &t2);
    getrusage(RUSAGE_SELF, &ru);
    double wall = (double)(t2.tv_sec - t1.tv_sec) + (double)(t2.tv_nsec - t1.tv_nsec) / 1e9;

    printf("%.0f operations a second; client's processor time %.3f s of %.3f s\n", (double)count / wall,
           seconds(ru.ru_utime) + seconds(ru.ru_stime), wall);
    return 0;
}

/* Four threads at once: atomics of every width under a storm of signals; code that one thread writes and the others run,
 * with no more than the barriers that the architecture asks for. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "t.h"

enum { THREADS = 4, ROUNDS = 20000, VERSIONS = 300 };

/* --- atomics --- */

static uint8_t n8;
static uint16_t n16;
static uint32_t n32;
static uint64_t n64, pairs[2] __attribute__((aligned(16)));
static uint32_t bits, top, cas_sum;
static pthread_barrier_t start;

static volatile int storming;
static volatile unsigned long hits;
/* The handler too uses atomics: it may come between a load-exclusive and its store. */
static void hit(int s) { (void)s; __atomic_fetch_add(&hits, 1, __ATOMIC_RELAXED); }

static void *counts(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;

    pthread_barrier_wait(&start);
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint32_t old, max;

        __atomic_fetch_add(&n8, 1, __ATOMIC_SEQ_CST);
        __atomic_fetch_add(&n16, 1, __ATOMIC_ACQUIRE);
        __atomic_fetch_add(&n32, 1, __ATOMIC_RELEASE);
        __atomic_fetch_add(&n64, UINT64_C(0x100000001), __ATOMIC_RELAXED);
        __atomic_fetch_xor(&bits, 1u << (me * 8 + i % 8), __ATOMIC_SEQ_CST);
        old = __atomic_load_n(&cas_sum, __ATOMIC_RELAXED);
        while (!__atomic_compare_exchange_n(&cas_sum, &old, old + me + 1, 1, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            ;
        max = __atomic_load_n(&top, __ATOMIC_RELAXED);
        while (max < i * THREADS + me &&
               !__atomic_compare_exchange_n(&top, &max, i * THREADS + me, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            ;
    }
    return NULL;
}

/* Both words of a pair change together, or not at all. */
static void *swaps(void *arg)
{
    pthread_barrier_wait(&start);
#if defined(__aarch64__)
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t a, b;
        uint32_t failed;

        __asm__ volatile("1: ldaxp %0, %1, [%3]\n add %0, %0, 1\n add %1, %1, 1\n stlxp %w2, %0, %1, [%3]\n cbnz %w2, 1b"
                         : "=&r"(a), "=&r"(b), "=&r"(failed) : "r"(pairs) : "memory");
        CHECK(a == b);
    }
#else
    for (unsigned i = 0; i < ROUNDS; i++)
        __atomic_fetch_add(&pairs[0], 1, __ATOMIC_SEQ_CST), __atomic_fetch_add(&pairs[1], 1, __ATOMIC_SEQ_CST);
#endif
    return arg;
}

#if defined(__aarch64__)
#define LSE __attribute__((target("+lse")))
#else
#define LSE
#endif
static uint32_t lse_n, lse_bits;
LSE static void *instructions(void *arg)      /* the same by single instructions where there are such */
{
    unsigned me = (unsigned)(uintptr_t)arg;

    pthread_barrier_wait(&start);
    for (unsigned i = 0; i < ROUNDS; i++) {
        __atomic_fetch_add(&lse_n, 3, __ATOMIC_SEQ_CST);
        __atomic_fetch_or(&lse_bits, 1u << me, __ATOMIC_RELAXED);
        CHECK(__atomic_fetch_and(&lse_bits, ~(1u << me), __ATOMIC_ACQ_REL) & 1u << me);
    }
    return arg;
}

static void on_four(void *(*f)(void *), int with_signals)
{
    pthread_t t[THREADS];

    pthread_barrier_init(&start, NULL, THREADS + 1);
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK(!pthread_create(&t[i], NULL, f, (void *)i));
    if (with_signals)                          /* one at least arrives, however soon they are done */
        pthread_kill(t[0], SIGUSR1);
    pthread_barrier_wait(&start);
    for (int i = 0; with_signals && i < 400; i++) {
        pthread_kill(t[i % THREADS], SIGUSR1);
        usleep(100);
    }
    for (int i = 0; i < THREADS; i++)
        CHECK(!pthread_join(t[i], NULL));
    pthread_barrier_destroy(&start);
}

static void atomics(void)
{
    const unsigned all = THREADS * ROUNDS;

    signal(SIGUSR1, hit);
    on_four(counts, 1);
    CHECK(n8 == (uint8_t)all && n16 == (uint16_t)all && n32 == all);
    CHECK(n64 == all * UINT64_C(0x100000001));
    CHECK(bits == 0 && cas_sum == ROUNDS * 10 && top == (ROUNDS - 1) * THREADS + THREADS - 1);
    on_four(swaps, 1);
    CHECK(pairs[0] == all && pairs[1] == all);
    on_four(instructions, 1);
    CHECK(lse_n == 3 * all && lse_bits == 0);
    CHECK(hits >= 3);                          /* one of each on_four() at least */
}

/* --- code --- */

static uint32_t *code;
static int version, stop;

static void write_code(int i)
{
    const uint32_t new[] = { CODE_RETURNS(i) };

    memcpy(code, new, sizeof new);
#if defined(__aarch64__)
    __asm__ volatile("dc cvau, %0\n dsb ish\n ic ivau, %0\n dsb ish\n isb" :: "r"(code) : "memory");
#else
    __builtin___clear_cache((char *)code, (char *)(code + 2));
#endif
    __atomic_store_n(&version, i, __ATOMIC_RELEASE);
}

/* What is called is never older than what was announced before the call. */
static void *runs(void *arg)
{
    int (*f)(void) = (int (*)(void))(void *)code;

    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        int before = __atomic_load_n(&version, __ATOMIC_ACQUIRE), got;

        CODE_BARRIER();
        got = f();
        if (got < before || got > VERSIONS)
            printf("got %d after %d\n", got, before);
        CHECK(got >= before && got <= VERSIONS);
    }
    return arg;
}

static void changing_code(void)
{
    pthread_t t[THREADS - 1];

    code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    write_code(0);
    for (int i = 0; i < THREADS - 1; i++)
        CHECK(!pthread_create(&t[i], NULL, runs, NULL));
    for (int i = 1; i <= VERSIONS; i++) {
        int (*f)(void) = (int (*)(void))(void *)code;

        write_code(i);
        CHECK(f() == i);
        usleep(50);
    }
    stop = 1;
    for (int i = 0; i < THREADS - 1; i++)
        CHECK(!pthread_join(t[i], NULL));
}

int main(void)
{
    atomics();
    changing_code();
    return 0;
}

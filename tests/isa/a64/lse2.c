/* tests/isa/a64/lse2.c - runs in the guest: where exclusive, ordered and atomic accesses may be askew, which is within 16 aligned
 * bytes if there is FEAT_LSE2 and nowhere else; and two threads, one of which stores pairs that the other must never see halves of.
 * Prints what is wrong; with an argument, there is no FEAT_LSE2. */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

__asm__(".arch armv8.4-a+rcpc");

static sigjmp_buf out;
static uint64_t memory[8] __attribute__((aligned(64)));
static uint8_t before[sizeof memory];
static int wrong;

static void on_fault(int sig, siginfo_t *si, void *uc)
{
    (void)uc;
    siglongjmp(out, sig == SIGBUS && si->si_code == BUS_ADRALN ? 1 : 2);
}

/* Each of them at x0; of what they read x1 is the last, x2 what they write. */
#define ALL(ONE) \
    ONE(2, LOAD, "ldarh w1, [x0]") ONE(4, LOAD, "ldar w1, [x0]") ONE(8, LOAD, "ldar x1, [x0]") ONE(8, LOAD, "ldlar x1, [x0]") \
    ONE(4, LOAD, "ldapr w1, [x0]") ONE(8, LOAD, "ldapr x1, [x0]") ONE(8, LOAD, "sub x3, x0, #9\n ldapur x1, [x3, #9]") \
    ONE(4, LOAD, "ldapur w1, [x0]") ONE(2, STORE, "stlrh w2, [x0]") ONE(4, STORE, "stlr w2, [x0]") ONE(8, STORE, "stlr x2, [x0]") \
    ONE(8, STORE, "stlur x2, [x0]") ONE(2, LOAD, "ldxrh w1, [x0]") ONE(4, LOAD, "ldaxr w1, [x0]") ONE(8, LOAD, "ldxr x1, [x0]") \
    ONE(8, PAIR, "ldxp w1, w3, [x0]\n orr x1, x1, x3, lsl #32") \
    ONE(2, STORE, "ldxrh w3, [x0]\n stxrh w4, w2, [x0]\n cbnz w4, 1f") ONE(8, STORE, "1:ldaxr x3, [x0]\n stlxr w4, x2, [x0]\n cbnz w4, 1b") \
    ONE(8, STORE, "lsr x5, x2, #32\n 1:ldaxp w3, w6, [x0]\n stlxp w4, w2, w5, [x0]\n cbnz w4, 1b") \
    ONE(2, STORE, "swph w2, w3, [x0]") ONE(4, STORE, "swpal w2, w3, [x0]") ONE(8, STORE, "swp x2, x3, [x0]") \
    ONE(4, LOAD, "ldadd wzr, w1, [x0]") ONE(8, LOAD, "ldeoral xzr, x1, [x0]") ONE(8, STORE, "ldr x3, [x0]\n cas x3, x2, [x0]") \
    ONE(4, STORE, "ldr w3, [x0]\n casal w3, w2, [x0]") \
    ONE(8, STORE, "ldp w4, w5, [x0]\n mov w6, w2\n lsr x7, x2, #32\n casp w4, w5, w6, w7, [x0]")

enum kind { LOAD, PAIR, STORE };

static const uint64_t new = 0xf1e2d3c4b5a69788;

static void judge(const char *what, unsigned size, enum kind kind, unsigned at, bool lse2, int fault, uint64_t got)
{
    bool may = at % size == 0 || (lse2 && at % 16 + size <= 16);
    uint64_t mask = size == 8 ? ~0ull : (1ull << 8 * size) - 1, want = 0;

    if (kind == STORE && may)
        memcpy(before + at, &new, size);
    memcpy(&want, before + at, size);
    if (fault != (may ? 0 : 1) || (may && kind != STORE && (got & mask) != want) || memcmp(before, memory, sizeof memory)) {
        printf("%s at %u: fault %d, read %llx of %llx\n", what, at, fault, (unsigned long long)got, (unsigned long long)want);
        wrong = 1;
    }
}

static void askew(bool lse2)
{
    for (unsigned at = 0; at < 40; at++) {
#define ONE(size, kind, insns) { \
        register uint64_t x0 __asm__("x0") = (uintptr_t)memory + at, x1 __asm__("x1") = 0, x2 __asm__("x2") = new; \
        volatile uint64_t got = 0; \
        volatile int fault; \
        for (unsigned i = 0; i < sizeof memory; i++) \
            before[i] = ((uint8_t *)memory)[i] = (uint8_t)(i * 37 + at); \
        fault = sigsetjmp(out, 1); \
        if (!fault) { \
            x0 = (uintptr_t)memory + at; x1 = 0; x2 = new; \
            __asm__ volatile(insns "\n1:" : "+r"(x0), "+r"(x1), "+r"(x2) : : "x3", "x4", "x5", "x6", "x7", "memory", "cc"); \
            got = x1; \
        } \
        judge(insns, size, kind, at, lse2, fault, got); }
        ALL(ONE)
#undef ONE
    }
}

/* --- pairs ---------------------------------------------------------------------------------------------------------------- */

enum { ROUNDS = 2000000 };
static uint64_t shared[2] __attribute__((aligned(64)));
static atomic_bool ended;

static void *storer(void *arg)
{
    (void)arg;
    for (uint64_t i = 0; !atomic_load_explicit(&ended, memory_order_relaxed); i++)
        __asm__ volatile("stp %0, %0, [%1]" : : "r"(i), "r"(shared) : "memory");
    return NULL;
}

static void pairs(void)
{
    uint64_t a, b, torn = 0;
    pthread_t t;

    pthread_create(&t, NULL, storer, NULL);
    for (unsigned i = 0; i < ROUNDS; i++) {
        __asm__ volatile("ldp %0, %1, [%2]" : "=&r"(a), "=r"(b) : "r"(shared) : "memory");
        torn += a != b;
    }
    atomic_store(&ended, true);
    pthread_join(t, NULL);
    if (torn) {
        printf("%llu of %u pairs were torn\n", (unsigned long long)torn, ROUNDS);
        wrong = 1;
    }
}

/* What a pair does beside that: its base, its halves, one register of zeros, addresses that are not aligned. */
static void pair_values(void)
{
    uint64_t a, b, base = (uintptr_t)memory + 3, at = base;

    __asm__ volatile("stp %1, %2, [%0, #16]!\n stp xzr, %2, [%0], #-16" : "+r"(at) : "r"(1ull), "r"(2ull) : "memory");
    __asm__ volatile("ldp %1, %2, [%0, #16]!" : "+r"(at), "=&r"(a), "=&r"(b) : : "memory");
    if (at != base + 16 || a != 0 || b != 2) {
        printf("stp, ldp: %llx %llx %llx\n", (unsigned long long)(at - base), (unsigned long long)a, (unsigned long long)b);
        wrong = 1;
    }
    __asm__ volatile("ldnp xzr, %1, [%0]\n ldp %0, xzr, [%0]" : "+r"(at), "=&r"(b) : : "memory");
    if (at != 0 || b != 2) {
        printf("ldnp, ldp: %llx %llx\n", (unsigned long long)at, (unsigned long long)b);
        wrong = 1;
    }
}

int main(int argc, char **argv)
{
    struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    bool lse2 = argc < 2;

    (void)argv;
    sigaction(SIGBUS, &sa, NULL);
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGILL, &sa, NULL);
    if ((getauxval(AT_HWCAP) >> 25 & 1) != lse2) {
        printf("HWCAP_USCAT is not %d\n", lse2);
        wrong = 1;
    }
    askew(lse2);
    pair_values();
    if (lse2)
        pairs();
    return wrong;
}

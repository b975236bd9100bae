/* tests/isa/a64/minmax.c - runs in the guest: FMAX, FMIN, FMAXNM, FMINNM and their vectors and pairs of doubles with FPCR.FZ and
 * DN, against FPMax and FPMaxNum of the Arm ARM (DDI 0487) in integers. Status 1 and a line if one differs. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { FZ = 1 << 24, DN = 1 << 25 };
#define SIGN (UINT64_C(1) << 63)
#define INFINITE UINT64_C(0x7ff0000000000000)
#define QUIET UINT64_C(0x0008000000000000)

static int is_nan(uint64_t v) { return (v & ~SIGN) > INFINITE; }
static int signalling(uint64_t v) { return is_nan(v) && !(v & QUIET); }
static uint64_t flushed(uint64_t v, uint64_t fpcr) { return fpcr & FZ && !(v & INFINITE) ? v & SIGN : v; }
static int64_t order(uint64_t v) { return v & SIGN ? -(int64_t)(v & ~SIGN) - 1 : (int64_t)v; }      /* -0 below +0 */

static uint64_t expected(uint64_t a, uint64_t b, int max, int number, uint64_t fpcr)
{
    a = flushed(a, fpcr);
    b = flushed(b, fpcr);
    if (number && is_nan(a) && !signalling(a) && !is_nan(b))
        return b;
    if (number && is_nan(b) && !signalling(b) && !is_nan(a))
        return a;
    if (is_nan(a) || is_nan(b)) {
        uint64_t nan = signalling(a) ? a : signalling(b) ? b : is_nan(a) ? a : b;

        return fpcr & DN ? INFINITE | QUIET : nan | QUIET;
    }
    return (order(a) > order(b)) == max ? a : b;
}

#define SCALAR(name) __asm__ volatile(#name " %d0, %d1, %d2" : "=w"(r) : "w"(x), "w"(y))
#define VECTOR(name) __asm__ volatile(#name " %0.2d, %1.2d, %2.2d" : "=w"(r) : "w"(x), "w"(y))
#define PAIR(name) __asm__ volatile("mov %0.16b, %1.16b\n mov %0.d[1], %2.d[0]\n " #name " %d0, %0.2d" : "=&w"(r) : "w"(x), "w"(y))

static uint64_t seen(uint64_t a, uint64_t b, int kind)
{
    double x, y, r = 0;

    memcpy(&x, &a, 8);
    memcpy(&y, &b, 8);
    switch (kind) {
    case 0: SCALAR(fmin); break;
    case 1: SCALAR(fmax); break;
    case 2: SCALAR(fminnm); break;
    case 3: SCALAR(fmaxnm); break;
    case 4: VECTOR(fmin); break;
    case 5: VECTOR(fmax); break;
    case 6: VECTOR(fminnm); break;
    case 7: VECTOR(fmaxnm); break;
    case 8: PAIR(fminp); break;
    case 9: PAIR(fmaxp); break;
    case 10: PAIR(fminnmp); break;
    default: PAIR(fmaxnmp);
    }
    memcpy(&a, &r, 8);
    return a;
}

int main(void)
{
    static const uint64_t v[] = { 1, SIGN | 1, 0, SIGN, INFINITE | QUIET | 1, SIGN | INFINITE | 1, INFINITE | 5, 0x3ff0000000000000,
                                  0xbff0000000000000, 0x000fffffffffffff, INFINITE, SIGN | INFINITE };
    enum { N = sizeof v / sizeof *v };
    int wrong = 0;

    for (unsigned k = 0; k < 4 * 12 * N * N; k++) {
        uint64_t fpcr = (uint64_t)(k % 4) << 24, a = v[k / 48 % N], b = v[k / 48 / N], got, want;
        int kind = (int)(k / 4 % 12);

        __asm__ volatile("msr fpcr, %0" : : "r"(fpcr));
        got = seen(a, b, kind);
        __asm__ volatile("msr fpcr, xzr");
        want = expected(a, b, kind & 1, kind & 2, fpcr);
        if (got != want && wrong++ < 10)
            printf("kind %d, FPCR %llx, %016llx and %016llx: %016llx, not %016llx\n", kind, (unsigned long long)fpcr, (unsigned long long)a,
                   (unsigned long long)b, (unsigned long long)got, (unsigned long long)want);
    }
    return wrong != 0;
}

/* tcg/host/x86_64/cpu.c - see cpu.h. */
#include "tcg/host/x86_64/cpu.h"

#include <cpuid.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct x64_cpu x64_cpu;

struct regs { unsigned a, b, c, d; };

static struct regs leaf(unsigned n, unsigned sub)
{
    struct regs r = { 0, 0, 0, 0 };

    __get_cpuid_count(n, sub, &r.a, &r.b, &r.c, &r.d);
    return r;
}

/* What state the operating system saves: 0, 1 with AVX, 2 with AVX-512. */
static int os_saves(void)
{
    uint32_t lo, hi;

    if (!(leaf(1, 0).c & bit_OSXSAVE))
        return 0;
    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return (lo & 0xe6) == 0xe6 ? 2 : (lo & 6) == 6;
}

static bool named(const char *list, const char *name)
{
    size_t n = strlen(name);

    while (list && *list) {
        size_t k = strcspn(list, ",");

        if ((k == n && !memcmp(list, name, n)) || (k == 3 && !memcmp(list, "all", 3)))
            return true;
        list += k + (list[k] == ',');
    }
    return false;
}

void x64_cpu_detect(const char *without)
{
    const char *env = getenv("RHEA_HOST_WITHOUT");
    int os = os_saves();

#define F(name, l, sub, reg, bit, need)                                                    \
    x64_cpu.name = os >= need && (leaf(l, sub).reg >> bit & 1) && !named(without, #name) && !named(env, #name);
#include "tcg/host/x86_64/cpu.def"
#undef F
    if (!x64_cpu.avx)
        x64_cpu.avx2 = x64_cpu.fma = x64_cpu.f16c = x64_cpu.avx512 = false;
    x64_cpu.avx512vl &= x64_cpu.avx512;
    /* used in their 128-bit forms only */
    x64_cpu.avx512bw &= x64_cpu.avx512vl;
    x64_cpu.avx512dq &= x64_cpu.avx512vl;
    x64_cpu.avx512cd &= x64_cpu.avx512vl;
}

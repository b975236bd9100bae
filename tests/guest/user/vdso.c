/* The vDSO: where auxv says it is, with the functions that C libraries look for, which tell the kernel's time; and the way
 * back from a signal handler leads through it, in sight of unwinders. */
#undef _TIME_BITS                              /* some compilers for 32-bit ARM ask for 64; these calls have the old structures */
#define _GNU_SOURCE
#include <elf.h>
#include <link.h>
#include <signal.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <unwind.h>

#include "t.h"

#if defined(__riscv) || defined(__arm__)
#define PREFIX "__vdso_"
#else
#define PREFIX "__kernel_"
#endif

static void *find(const char *name)
{
    const ElfW(Ehdr) *e = (const void *)getauxval(AT_SYSINFO_EHDR);
    const ElfW(Phdr) *p = (const void *)((const char *)e + e->e_phoff);
    const char *strings = NULL;
    const ElfW(Sym) *sym = NULL;
    const uint32_t *hash = NULL;

    for (int i = 0; i < e->e_phnum; i++)
        if (p[i].p_type == PT_DYNAMIC)
            for (const ElfW(Dyn) *d = (const void *)((const char *)e + p[i].p_vaddr); d->d_tag; d++) {
                const void *at = (const char *)e + d->d_un.d_ptr;

                if (d->d_tag == DT_STRTAB)
                    strings = at;
                if (d->d_tag == DT_SYMTAB)
                    sym = at;
                if (d->d_tag == DT_HASH)
                    hash = at;
            }
    CHECK(strings && sym && hash);
    for (uint32_t i = 1; i < hash[1]; i++)
        if (!strcmp(strings + sym[i].st_name, name))
            return (char *)e + sym[i].st_value;
    return NULL;
}

static int64_t ns(const struct timespec *t) { return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec; }

/* Between two answers of the kernel. */
static void clocks(void)
{
    static const clockid_t ids[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE,
                                     CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID };
    int (*get)(clockid_t, struct timespec *) = find(PREFIX "clock_gettime");
    int (*of_day)(struct timeval *, void *) = find(PREFIX "gettimeofday");
    int (*res)(clockid_t, struct timespec *) = find(PREFIX "clock_getres");
    struct timespec a, b, c;
    struct timeval tv;

    CHECK(get && of_day && res);
    for (unsigned i = 0; i < sizeof ids / sizeof ids[0]; i++)
        for (int n = 0; n < 1000; n++) {
            CHECK(syscall(SYS_clock_gettime, ids[i], &a) == 0);
            CHECK(get(ids[i], &b) == 0);
            CHECK(syscall(SYS_clock_gettime, ids[i], &c) == 0);
            CHECK(b.tv_nsec >= 0 && b.tv_nsec < 1000000000);
            CHECK(ns(&a) <= ns(&b) && ns(&b) <= ns(&c));
        }
    CHECK(get(-1, &b) == -EINVAL || get(100, &b) == -EINVAL);
    for (int n = 0; n < 1000; n++) {
        syscall(SYS_clock_gettime, CLOCK_REALTIME, &a);
        CHECK(of_day(&tv, NULL) == 0);
        syscall(SYS_clock_gettime, CLOCK_REALTIME, &c);
        CHECK(tv.tv_usec >= 0 && tv.tv_usec < 1000000);
        b = (struct timespec){ tv.tv_sec, tv.tv_usec * 1000 };
        CHECK(ns(&a) / 1000 <= ns(&b) / 1000 && ns(&b) <= ns(&c));
    }
    CHECK(of_day(NULL, NULL) == 0);
    CHECK(res(CLOCK_MONOTONIC, &b) == 0 && b.tv_sec == 0 && b.tv_nsec >= 1);
}

#if defined(__arm__)
/* Times of 64 bits, which the C library asks for. */
static void clocks64(void)
{
    struct { int64_t sec, nsec; } a, b, c;
    int (*get)(clockid_t, void *) = find(PREFIX "clock_gettime64");

    CHECK(get);
    for (clockid_t id = 0; id < 8; id++)
        for (int n = 0; n < 1000; n++) {
            memset(&b, 0xff, sizeof b);
            CHECK(syscall(SYS_clock_gettime64, id, &a) == 0);
            CHECK(get(id, &b) == 0);
            CHECK(syscall(SYS_clock_gettime64, id, &c) == 0);
            CHECK(b.nsec >= 0 && b.nsec < 1000000000);
            CHECK(a.sec * 1000000000 + a.nsec <= b.sec * 1000000000 + b.nsec);
            CHECK(b.sec * 1000000000 + b.nsec <= c.sec * 1000000000 + c.nsec);
        }
    CHECK(get(100, &b) == -EINVAL);
}
#else
static void clocks64(void) { }
#endif

static int saw_main, saw_vdso;
int main(void);

static _Unwind_Reason_Code frame(struct _Unwind_Context *c, void *arg)
{
    uintptr_t ip = _Unwind_GetIP(c), begin = getauxval(AT_SYSINFO_EHDR);

    (void)arg;
    saw_main |= _Unwind_GetRegionStart(c) == (uintptr_t)main;
    saw_vdso |= ip >= begin && ip < begin + 4096;
    return _URC_NO_REASON;
}

static void handler(int sig, siginfo_t *info, void *context)
{
    ucontext_t *u = context;

    (void)sig;
    (void)info;
#if defined(__riscv)
    u->uc_mcontext.__gregs[REG_PC] += *(uint16_t *)u->uc_mcontext.__gregs[REG_PC] == 0x9002 ? 2 : 4;
#elif defined(__aarch64__)
    u->uc_mcontext.pc += 4;
#endif
    _Unwind_Backtrace(frame, NULL);
}

static void in_maps(void)
{
    FILE *f = fopen("/proc/self/maps", "r");
    unsigned long a, b;
    char line[256];
    int found = 0;

    while (f && fgets(line, sizeof line, f))
        if (strstr(line, "[vdso]") && sscanf(line, "%lx-%lx", &a, &b) == 2 && strstr(line, "r-xp"))
            found += a == getauxval(AT_SYSINFO_EHDR);
    CHECK(found == 1);
}

int main(void)
{
    const char *e = (const char *)getauxval(AT_SYSINFO_EHDR);

    CHECK(e && !memcmp(e, ELFMAG, 4));
    clocks();
    clocks64();
    in_maps();
#if defined(__riscv)
    CHECK(find("__vdso_rt_sigreturn") && find("__vdso_getcpu") && find("__vdso_flush_icache"));
    unsigned cpu = ~0u;
    CHECK(((int (*)(unsigned *, void *, void *))find("__vdso_getcpu"))(&cpu, NULL, NULL) == 0 && cpu != ~0u);
#elif defined(__aarch64__)
    CHECK(find("__kernel_rt_sigreturn"));
#endif
#if defined(__riscv) || defined(__aarch64__)
    struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };

    sigaction(SIGTRAP, &sa, NULL);
    __asm__ volatile(TRAP_INSN);
    CHECK(saw_vdso);
    CHECK(saw_main);
#endif
    return 0;
}

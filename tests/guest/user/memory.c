/* Mappings, the heap, code that is written while it runs, and what must stay out of reach. */
#define _GNU_SOURCE
#include <elf.h>
#include <link.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "t.h"

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static void mappings(void)
{
    char *p = mmap(NULL, 8 * 4096, RW, ANON, -1, 0), *q;

    CHECK(p != MAP_FAILED && ((uintptr_t)p & 4095) == 0);
    memset(p, 1, 8 * 4096);
    CHECK(!munmap(p + 4096, 4096));
    CHECK(mmap(p + 4096, 4096, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == p + 4096 && p[4096] == 0);
    CHECK(mmap(p + 4096, 4096, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED && errno == EEXIST);
    CHECK(mmap(p, 4096, RW, ANON | MAP_FIXED, -1, 0) == p && p[0] == 0 && p[8192] == 1);
    q = mmap(p, 4096, RW, ANON, -1, 0);        /* a hint that is taken */
    CHECK(q != MAP_FAILED && q != p);
    CHECK(mmap(NULL, 0, RW, ANON, -1, 0) == MAP_FAILED && errno == EINVAL);
    CHECK(mmap(p + 1, 4096, RW, ANON | MAP_FIXED, -1, 0) == MAP_FAILED && errno == EINVAL);
    CHECK(mmap(NULL, 4096, RW, MAP_PRIVATE, -1, 0) == MAP_FAILED && errno == EBADF);
    CHECK(munmap(p + 1, 4096) == -1 && errno == EINVAL);
    CHECK(mprotect(p, 4096, PROT_READ) == 0 && mprotect((char *)0x1000, 4096, PROT_READ) == -1 && errno == ENOMEM);
    CHECK(!munmap(p, 8 * 4096) && !munmap(p, 8 * 4096) && !munmap(q, 4096));
}

static void moving(void)
{
    char *p = mmap(NULL, 4 * 4096, RW, ANON, -1, 0), *q, *r;

    strcpy(p, "first");
    strcpy(p + 3 * 4096, "last");
    q = mremap(p, 4 * 4096, 400 * 4096, MREMAP_MAYMOVE);
    CHECK(q != MAP_FAILED && !strcmp(q, "first") && !strcmp(q + 3 * 4096, "last") && q[399 * 4096] == 0);
    CHECK(mremap(q, 400 * 4096, 4096, 0) == q && !strcmp(q, "first"));
    r = mmap(NULL, 4096, PROT_NONE, ANON, -1, 0);
    CHECK(mremap(q, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, r) == r && !strcmp(r, "first"));
    CHECK(mremap(q, 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);
    CHECK(!munmap(r, 4096));
}

static void heap(void)
{
    char *b = sbrk(0);

    CHECK(sbrk(100000) == b);
    memset(b, 3, 100000);
    CHECK(sbrk(-100000) == b + 100000 && sbrk(0) == b);
    CHECK(sbrk(100000) == b && b[50000] == 0);
}

static void put_code(uint32_t *to, int i)
{
    const uint32_t code[] = { CODE_RETURNS(i) };

    memcpy(to, code, sizeof code);
}

/* Code is data until the instruction cache hears of it. */
static void fresh_code(void)
{
    uint32_t *c = mmap(NULL, 4096, RW | PROT_EXEC, ANON, -1, 0);
    int (*f)(void) = (int (*)(void))(void *)c;

    for (int i = 0; i < 2000; i++) {
        put_code(c, i);
#ifdef __riscv
        if (i & 1)
            CODE_BARRIER();
        else
#endif
            __builtin___clear_cache((char *)c, (char *)(c + 2));
        CHECK(f() == i);
    }
    /* two names of the same page: written here, run there */
    FILE *t = tmpfile();
    CHECK(!ftruncate(fileno(t), 4096));
    uint32_t *w = mmap(NULL, 4096, RW, MAP_SHARED, fileno(t), 0);
    f = (int (*)(void))mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fileno(t), 0);
    for (int i = 0; i < 100; i++) {
        put_code(w, i);
        __builtin___clear_cache((char *)w, (char *)(w + 2));
        __builtin___clear_cache((char *)(void *)f, (char *)(void *)f + 8);
        CODE_BARRIER();
        CHECK(f() == i);
    }
    /* other code mapped at the same address */
    for (int i = 0; i < 20; i++) {
        CHECK(mmap(c, 4096, RW, ANON | MAP_FIXED, -1, 0) == c);
        put_code(c, 1000 + i);
        CHECK(!mprotect(c, 4096, PROT_READ | PROT_EXEC));
        f = (int (*)(void))(void *)c;
        CHECK(f() == 1000 + i);
    }
    fclose(t);
}

static int maps_lines, saw_self, saw_stack, saw_heap;

static void own_maps(void)
{
    FILE *f = fopen("/proc/self/maps", "r");
    char line[512], perms[8];
    unsigned long a, b, last = 0, here = (unsigned long)own_maps, sp = (unsigned long)line;

    CHECK(f);
    while (fgets(line, sizeof line, f)) {
        CHECK(sscanf(line, "%lx-%lx %7s", &a, &b, perms) == 3 && a < b && a >= last);
        last = b;
        maps_lines++;
        if (here >= a && here < b)
            saw_self = perms[2] == 'x' && strstr(line, "memory");
        if (sp >= a && sp < b)
            saw_stack = strstr(line, "[stack]") != NULL;
        if (strstr(line, "[heap]"))
            saw_heap = (unsigned long)sbrk(0) == b || (((unsigned long)sbrk(0) + 4095) & ~4095ul) == b;
        CHECK(!strstr(line, "rhea") || strstr(line, "memory"));
    }
    CHECK(maps_lines >= 4 && saw_self && saw_stack && saw_heap);
    fclose(f);
}

static void auxiliary(void)
{
    ElfW(auxv_t) av[64];
    FILE *f = fopen("/proc/self/auxv", "r");
    size_t n = fread(av, sizeof av[0], 64, f);
    int seen = 0;

    fclose(f);
    CHECK(n > 10 && av[n - 1].a_type == AT_NULL);
    for (size_t i = 0; i < n; i++)
        if (av[i].a_type == AT_ENTRY)
            seen = av[i].a_un.a_val == getauxval(AT_ENTRY);
    CHECK(seen && getauxval(AT_PAGESZ) == 4096 && getauxval(AT_RANDOM) && getauxval(AT_PHDR));
#ifdef __riscv
    CHECK((getauxval(AT_HWCAP) & 0x1129) == 0x1129);   /* IMAFD */
#elif defined(__arm__)
    CHECK((getauxval(AT_HWCAP) & 0x1046) == 0x1046);   /* half, thumb, VFP, NEON */
#else
    CHECK((getauxval(AT_HWCAP) & 3) == 3);             /* FP, ASIMD */
#endif
}

static unsigned long rnd = 1;
static unsigned long next(void) { return rnd = rnd * 6364136223846793005ul + 1442695040888963407ul; }

/* Nothing that the kernel would write for us lands where we have nothing mapped: all of a 32-bit program's space is its
 * own. */
#if __SIZEOF_POINTER__ == 4
static void out_of_reach(void) { (void)next; }
#else
static void out_of_reach(void)
{
    int z = syscall(SYS_openat, -100, "/dev/zero", 0), p[2];

    CHECK(!pipe(p));
    for (int i = 0; i < 3000; i++) {
        unsigned long a = 0x400000000000ul + (next() >> 17) % 0x3fffffffffffl;

        if (i % 3 == 0)
            a = 0x550000000000ul + (next() >> 20) % 0x20000000000ul;
        CHECK(read(z, (void *)a, 64) == -1 && errno == EFAULT);
        CHECK(write(p[1], (void *)a, 64) == -1 && errno == EFAULT);
        CHECK(mprotect((void *)(a & ~4095ul), 4096, PROT_NONE) == -1);
        CHECK(madvise((void *)(a & ~4095ul), 4096, MADV_DONTNEED) == -1);
        CHECK(mmap((void *)(a & ~4095ul), 4096, RW, ANON | MAP_FIXED, -1, 0) == MAP_FAILED);
        munmap((void *)(a & ~4095ul), 4096);
    }
    close(z);
    close(p[0]);
    close(p[1]);
}
#endif

int main(void)
{
    mappings();
    moving();
    heap();
    fresh_code();
    own_maps();
    auxiliary();
    out_of_reach();
    return 0;
}

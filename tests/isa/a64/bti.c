/* tests/isa/a64/bti.c - runs in the guest: indirect branches into a guarded page reach what is marked for them, and nothing else. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

enum { PROT_BTI_ = 0x10, PAGE = 4096 };

static sigjmp_buf back;
static volatile int code, btype;
static volatile uint64_t at;
static volatile int armed;
static unsigned failures;

#define CHECK(c) ((c) ? (void)0 : (void)(printf("line %d: %s\n", __LINE__, #c), failures++))
#define RET 0xd65f03c0u
#define NOP 0xd503201fu

static void on_ill(int sig, siginfo_t *si, void *uc)
{
    (void)sig;
    code = si->si_code;
    at = ((ucontext_t *)uc)->uc_mcontext.pc;
    btype = ((ucontext_t *)uc)->uc_mcontext.pstate >> 10 & 3;
    if (!armed)
        _exit(99);
    siglongjmp(back, 1);
}

/* --- signals: a handler is called; what sigreturn goes on with has the BTYPE of the frame ------------------------------------- */

static void *resume_at;
static int resume_btype;

static void on_usr2(int sig, siginfo_t *si, void *uc)
{
    mcontext_t *m = &((ucontext_t *)uc)->uc_mcontext;

    (void)sig;
    (void)si;
    m->regs[30] = m->pc;
    m->pc = (uintptr_t)resume_at;
    m->pstate = (m->pstate & ~0xc00ull) | (unsigned)resume_btype << 10;
}

/* Whether the handler is entered without SIGILL. */
static int handles(void *handler)
{
    struct sigaction sa = { .sa_handler = (void (*)(int))handler };

    sigaction(SIGUSR1, &sa, NULL);
    armed = 1;
    if (sigsetjmp(back, 1)) {
        armed = 0;
        CHECK(at == (uintptr_t)handler && code == ILL_ILLOPC && btype == 2);
        return 0;
    }
    raise(SIGUSR1);
    armed = 0;
    return 1;
}

static int resumes(void *to, int type)
{
    struct sigaction sa = { .sa_sigaction = on_usr2, .sa_flags = SA_SIGINFO };
    long self = getpid();

    sigaction(SIGUSR2, &sa, NULL);
    resume_at = to;
    resume_btype = type;
    armed = 1;
    if (sigsetjmp(back, 1)) {
        armed = 0;
        CHECK(at == (uintptr_t)to && code == ILL_ILLOPC && btype == type);
        return 0;
    }
    /* where it goes returns to behind the system call: x30 is free here */
    {
        register long x8 __asm__("x8") = 129 /* kill */, x0 __asm__("x0") = self, x1 __asm__("x1") = SIGUSR2;

        __asm__ volatile("svc #0" : "+r"(x0) : "r"(x1), "r"(x8) : "x30", "memory");
    }
    armed = 0;
    return 1;
}

enum how { CALL, JUMP16, JUMP17, JUMP9, NHOW };

/* Goes to `to`, which returns. The plain jump is made from where this code is: not guarded. */
static void go(enum how how, void *to)
{
    switch (how) {
    case CALL: __asm__ volatile("blr %0" : : "r"(to) : "x30", "memory"); break;
    case JUMP16: __asm__ volatile("mov x16, %0\n adr x30, 1f\n br x16\n1:" : : "r"(to) : "x16", "x30", "memory"); break;
    case JUMP17: __asm__ volatile("mov x17, %0\n adr x30, 1f\n br x17\n1:" : : "r"(to) : "x17", "x30", "memory"); break;
    default: __asm__ volatile("mov x9, %0\n adr x30, 1f\n br x9\n1:" : : "r"(to) : "x9", "x30", "memory"); break;
    }
}

/* Whether it arrives: from outside, or by way of `BR X9` inside the page, at `hop` (x10 has the target). */
static int arrives(enum how how, void *to)
{
    armed = 1;
    code = 0;
    if (sigsetjmp(back, 1)) {
        armed = 0;
        CHECK(at == (uintptr_t)to);
        CHECK(code == ILL_ILLOPC);
        CHECK(btype == (how == CALL ? 2 : 1));
        return 0;
    }
    go(how, to);
    armed = 0;
    return 1;
}

static int hops(uint32_t *hop, void *to)
{
    armed = 1;
    if (sigsetjmp(back, 1)) {
        armed = 0;
        CHECK(at == (uintptr_t)to);
        CHECK(btype == 3);
        return 0;
    }
    __asm__ volatile("mov x10, %0\n blr %1" : : "r"(to), "r"(hop) : "x10", "x30", "memory");
    armed = 0;
    return 1;
}

int main(int argc, char **argv)
{
    static const struct { uint32_t insn; uint8_t call, jump16, jump9, from_inside; } first[] = {
        { 0xd503241f, 0, 0, 0, 0 },            /* bti */
        { 0xd503245f, 1, 1, 1, 0 },            /* bti c */
        { 0xd503249f, 0, 1, 1, 1 },            /* bti j */
        { 0xd50324df, 1, 1, 1, 1 },            /* bti jc */
        { 0xd503233f, 1, 1, 1, 0 },            /* paciasp */
        { 0xd503237f, 1, 1, 1, 0 },            /* pacibsp */
        { 0xd503231f, 0, 0, 0, 0 },            /* paciaz */
        { NOP, 0, 0, 0, 0 }, { RET, 0, 0, 0, 0 },
    };
    struct sigaction sa = { .sa_sigaction = on_ill, .sa_flags = SA_SIGINFO };
    uint32_t *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *hop = p + 512;
    int on = argc < 2, mapped;

    (void)argv;
    sigaction(SIGILL, &sa, NULL);
    CHECK((getauxval(AT_HWCAP2) >> 17 & 1) == (unsigned)on);
    for (unsigned i = 0; i < sizeof first / sizeof *first; i++) {
        p[8 * i] = first[i].insn;
        p[8 * i + 1] = 0xd50320ff;             /* xpaclri */
        p[8 * i + 2] = RET;
    }
    hop[0] = 0xd503245f;                       /* bti c; br x10, which is a plain jump from a guarded page */
    hop[1] = 0xd61f0140;
    mapped = mprotect(p, PAGE, PROT_READ | PROT_EXEC | PROT_BTI_);
    CHECK(mapped == (on ? 0 : -1));
    if (!on)
        mprotect(p, PAGE, PROT_READ | PROT_EXEC);
    __builtin___clear_cache((char *)p, (char *)p + PAGE);
    for (unsigned r = 0; r < 40; r++)
        for (unsigned i = 0; i < sizeof first / sizeof *first; i++) {
            CHECK(arrives(CALL, p + 8 * i) == (first[i].call || !on));
            CHECK(arrives(JUMP16, p + 8 * i) == (first[i].jump16 || !on));
            CHECK(arrives(JUMP17, p + 8 * i) == (first[i].jump16 || !on));
            CHECK(arrives(JUMP9, p + 8 * i) == (first[i].jump9 || !on));
            CHECK(hops(hop, p + 8 * i) == (first[i].from_inside || !on));
            if (r < 2 && (first[i].insn & ~0x40u) != 0xd503233f) {      /* those would sign x30 */
                CHECK(handles(p + 8 * i) == (first[i].call || !on));
                CHECK(resumes(p + 8 * i, 0));
                CHECK(resumes(p + 8 * i, 1) == (first[i].jump16 || !on));
                CHECK(resumes(p + 8 * i, 2) == (first[i].call || !on));
                CHECK(resumes(p + 8 * i, 3) == (first[i].from_inside || !on));
            }
        }
    mprotect(p, PAGE, PROT_READ | PROT_EXEC);  /* no longer guarded */
    for (unsigned i = 0; i < sizeof first / sizeof *first; i++)
        CHECK(arrives(CALL, p + 8 * i) && hops(hop, p + 8 * i));
    return failures != 0;
}

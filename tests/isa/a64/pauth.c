/* tests/isa/a64/pauth.c - runs in the guest: pointers are signed, authenticated, stripped, branched and returned to by; what
 * was not signed is caught (FPAC). With an argument: the CPU has no pointer authentication, hints do nothing, the rest is
 * undefined. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static sigjmp_buf back;
static volatile int code;
static volatile uint64_t at;
static unsigned failures;

#define CHECK(c) ((c) ? (void)0 : (void)(printf("line %d: %s\n", __LINE__, #c), failures++))

static volatile int armed;

static void on_ill(int sig, siginfo_t *si, void *uc)
{
    (void)sig;
    (void)uc;
    code = si->si_code;
    at = (uintptr_t)si->si_addr;
    if (!armed)
        _exit(99);
    siglongjmp(back, 1);
}

/* Does it end in SIGILL? */
#define ILLEGAL(what) (armed = 1, code = 0, sigsetjmp(back, 1) ? (armed = 0, 1) : ((what), armed = 0, 0))

#define TWO(name, insn) \
    static uint64_t name(uint64_t p, uint64_t m) \
    { __asm__ volatile(".arch_extension pauth\n" insn " %0, %1" : "+r"(p) : "r"(m)); return p; }
#define ONE(name, insn) \
    static uint64_t name(uint64_t p, uint64_t m) \
    { (void)m; __asm__ volatile(".arch_extension pauth\n" insn " %0" : "+r"(p)); return p; }
TWO(pacia, "pacia") TWO(pacib, "pacib") TWO(pacda, "pacda") TWO(pacdb, "pacdb")
TWO(autia, "autia") TWO(autib, "autib") TWO(autda, "autda") TWO(autdb, "autdb")
ONE(paciza, "paciza") ONE(pacizb, "pacizb") ONE(pacdza, "pacdza") ONE(pacdzb, "pacdzb")
ONE(autiza, "autiza") ONE(autizb, "autizb") ONE(autdza, "autdza") ONE(autdzb, "autdzb")
ONE(xpaci, "xpaci") ONE(xpacd, "xpacd")
#define LINK(name, insn) \
    static uint64_t name(uint64_t p, uint64_t m) \
    { register uint64_t x30 __asm__("x30") = p, x17 __asm__("x17") = p, x16 __asm__("x16") = m; \
      __asm__ volatile("mov x9, sp\n and x10, %2, #-16\n mov sp, x10\n " insn "\n mov sp, x9" \
                       : "+r"(x30), "+r"(x17) : "r"(x16) : "x9", "x10"); \
      return insn[0] == 'h' && x17 != p ? x17 : x30; }
LINK(paciasp, "hint #25") LINK(pacibsp, "hint #27") LINK(autiasp, "hint #29") LINK(autibsp, "hint #31")
LINK(paciaz, "hint #24") LINK(pacibz, "hint #26") LINK(autiaz, "hint #28") LINK(autibz, "hint #30")
LINK(pacia1716, "hint #8") LINK(pacib1716, "hint #10") LINK(autia1716, "hint #12") LINK(autib1716, "hint #14")
LINK(xpaclri, "hint #7")

static uint64_t pacga(uint64_t p, uint64_t m)
{
    uint64_t r;

    __asm__ volatile(".arch_extension pauth\n pacga %0, %1, %2" : "=r"(r) : "r"(p), "r"(m));
    return r;
}

static uint64_t ldraa(uint64_t p, uint64_t disp)
{
    uint64_t r, q = p;

    (void)disp;
    __asm__ volatile(".arch_extension pauth\n ldraa %0, [%1, #-8]!" : "=&r"(r), "+r"(q) : : "memory");
    return r ^ q;
}

static uint64_t ldrab(uint64_t p, uint64_t disp)
{
    uint64_t r;

    (void)disp;
    __asm__ volatile(".arch_extension pauth\n ldrab %0, [%1, #4088]" : "=&r"(r) : "r"(p) : "memory");
    return r;
}

uint64_t answer(void);
uint64_t signed_return(uint64_t wrong);
uint64_t through(uint64_t to, uint64_t modifier, uint64_t how);
__asm__(".arch_extension pauth\n"
        ".globl answer, signed_return, through\n.type answer, %function\n.type signed_return, %function\n.type through, %function\n"
        "answer: mov x0, #42\n ret\n"
        "signed_return: paciasp\n eor x30, x30, x0\n mov x0, #7\n retaa\n"
        "through: stp x29, x30, [sp, #-16]!\n adr x9, 1f\n add x9, x9, x2, lsl #3\n br x9\n"
        "1: blraa x0, x1\n b 2f\n blrab x0, x1\n b 2f\n blraaz x0\n b 2f\n blrabz x0\n b 2f\n"
        "   adr x30, 2f\n braa x0, x1\n adr x30, 2f\n brab x0, x1\n adr x30, 2f\n braaz x0\n adr x30, 2f\n brabz x0\n"
        "2: ldp x29, x30, [sp], #16\n ret\n");

typedef uint64_t change(uint64_t p, uint64_t m);

/* A pointer that sign() changes, so that others are wrong for auth(). */
static uint64_t pointer_that_changes(change *sign, uint64_t m, uint64_t *out)
{
    for (uint64_t p = 0x4000;; p += 16)
        if ((*out = sign(p, m)) != p)
            return p;
}

static void pair(change *sign, change *auth, change *strip, uint64_t m)
{
    for (unsigned i = 0; i < 40; i++) {        /* enough to become a region */
        uint64_t s, p = pointer_that_changes(sign, m + 16 * i, &s), want = p;

        CHECK(auth(s, m + 16 * i) == want);
        CHECK(strip(s, 0) == want);
        CHECK(((s ^ p) & 0xff80ffffffffffff) == 0);
    }
    uint64_t s, p = pointer_that_changes(sign, m, &s);
    CHECK(ILLEGAL(auth(p, m)) && code == ILL_ILLOPN);
    CHECK(ILLEGAL(auth(s ^ 1ull << 50, m)));
    CHECK(auth(sign(0xffff000000001230, m), m) == 0xffff000000001230);
}

static void pointers(void)
{
    uint64_t m = 0x123456789abcd0;

    pair(pacia, autia, xpaci, m);
    pair(pacib, autib, xpaci, m);
    pair(pacda, autda, xpacd, m);
    pair(pacdb, autdb, xpacd, m);
    pair(paciza, autiza, xpaci, m);
    pair(pacizb, autizb, xpaci, m);
    pair(pacdza, autdza, xpacd, m);
    pair(pacdzb, autdzb, xpacd, m);
    pair(paciasp, autiasp, xpaclri, m);
    pair(pacibsp, autibsp, xpaclri, m);
    pair(paciaz, autiaz, xpaclri, m);
    pair(pacibz, autibz, xpaclri, m);
    pair(pacia1716, autia1716, xpaci, m);
    pair(pacib1716, autib1716, xpaci, m);
    CHECK((uint32_t)pacga(5, m) == 0 && pacga(5, m) == pacga(5, m) && pacga(5, m) != pacga(6, m));
    CHECK(pacia(0x5550, m) != pacib(0x5550, m) || pacia(0x5560, m) != pacib(0x5560, m));
}

static void loads(void)
{
    static uint64_t word[512];
    uint64_t p = (uintptr_t)(word + 1), q = (uintptr_t)word, s = pacdza(p, 0);

    word[0] = 0x1111;
    word[511] = 0x2222;
    CHECK(ldraa(s, 0) == (0x1111 ^ (p - 8)));
    CHECK(ldrab(pacdzb(q, 0), 0) == 0x2222);
    if (s != p)
        CHECK(ILLEGAL(ldraa(p, 0)) && code == ILL_ILLOPN);
}

static void branches(void)
{
    uint64_t f = (uintptr_t)answer, m = 77, wrong;

    for (int i = 0; i < 60; i++) {
        CHECK(through(pacia(f, m), m, 0) == 42);
        CHECK(through(pacib(f, m), m, 1) == 42);
        CHECK(through(paciza(f, m), m, 2) == 42);
        CHECK(through(pacizb(f, m), m, 3) == 42);
        CHECK(through(pacia(f, m), m, 4) == 42);
        CHECK(through(pacib(f, m), m, 5) == 42);
        CHECK(through(paciza(f, m), m, 6) == 42);
        CHECK(through(pacizb(f, m), m, 7) == 42);
        CHECK(signed_return(0) == 7);
    }
    wrong = pacia(f, m) ^ 1ull << 48;
    CHECK(ILLEGAL(through(wrong, m, 0)));
    CHECK(ILLEGAL(through(wrong, m, 4)));
    CHECK(ILLEGAL(signed_return(1ull << 49)) && code == ILL_ILLOPN && at == (uintptr_t)signed_return + 12);
}

/* Keys: switched off one by one, made anew, inherited by a child. */
static void keys(void)
{
    uint64_t s, p = pointer_that_changes(pacib, 3, &s), t;
    int status;

    if (!fork())
        _exit(autib(s, 3) == p ? 5 : 6);
    wait(&status);
    CHECK(WEXITSTATUS(status) == 5);
    CHECK(prctl(61, 0, 0, 0, 0) == 15);
    CHECK(prctl(60, 2, 0, 0, 0) == 0 && prctl(61, 0, 0, 0, 0) == 13);
    CHECK(pacib(p, 3) == p && autib(s, 3) == s);
    t = pacda(p, 3);
    CHECK(autda(t, 3) == p);
    CHECK(prctl(60, 2, 2, 0, 0) == 0 && autib(s, 3) == p);
    CHECK(prctl(54, 2, 0, 0, 0) == 0 && autda(t, 3) == p);
    for (t = 0; pacib(p, 3 + t) == s; t++)
        CHECK(t < 20);
    CHECK(prctl(54, 32, 0, 0, 0) == -1);
}

int main(int argc, char **argv)
{
    struct sigaction sa = { .sa_sigaction = on_ill, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    static char stack[65536];
    stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack };   /* sp is a modifier at times */

    (void)argv;
    sigaltstack(&alternate, NULL);
    sigaction(SIGILL, &sa, NULL);
    if (argc > 1) {
        CHECK((getauxval(AT_HWCAP) >> 30 & 3) == 0);
        CHECK(paciasp(0x5550, 16) == 0x5550 && autiasp(0x5550 | 1ull << 50, 16) == (0x5550 | 1ull << 50));
        CHECK(ILLEGAL(pacia(0x5550, 1)) && code == ILL_ILLOPC);
        CHECK(ILLEGAL(pacga(0x5550, 1)));
        CHECK(ILLEGAL(through((uintptr_t)answer, 0, 0)));
        CHECK(prctl(61, 0, 0, 0, 0) == -1);
        return failures != 0;
    }
    CHECK((getauxval(AT_HWCAP) >> 30 & 3) == 3);
    pointers();
    loads();
    branches();
    keys();
    return failures != 0;
}

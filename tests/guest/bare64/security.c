/* tests/guest/bare64/security.c - at EL1 of a bare machine: pointers signed by each key under several translation controls, what
 * fails to authenticate, keys that are off; branches into a guarded page, returns with PSTATE.BTYPE set; and the instructions that
 * the record of user mode (tests/isa/a64) has no place for. Prints all of it; the record was made by an independent emulator. */
#include <stdint.h>

#define UART ((volatile uint32_t *)0x09000000)
#define XSTR(x) #x
#define STR(x) XSTR(x)
#define MSR(reg, v) __asm__ volatile("msr " reg ", %0\n isb" : : "r"((uint64_t)(v)) : "memory")
#define MRS(reg) ({ uint64_t v_; __asm__ volatile("mrs %0, " reg : "=r"(v_)); v_; })

__asm__(".arch armv8.5-a\n.section .text.start, \"ax\"\n.globl _start\n"
        "_start: adrp x0, stack_top\n mov sp, x0\n adrp x0, vectors\n msr vbar_el1, x0\n bl main\n"
        "        movz x0, #0x0008\n movk x0, #0x8400, lsl #16\n hvc #0\n1: wfi\n b 1b\n"     /* PSCI SYSTEM_OFF */
        ".p2align 12\nvectors:\n"
        ".rept 16\n.p2align 7\n b taken\n.endr\n"
        /* What was taken is noted; the test goes on where `resume` says, on the stack that it had. */
        "taken: adrp x9, noted\n add x9, x9, :lo12:noted\n mrs x10, esr_el1\n mrs x11, elr_el1\n mrs x12, spsr_el1\n mrs x13, far_el1\n"
        "       stp x10, x11, [x9]\n str x12, [x9, #16]\n ldp x10, x11, [x9, #32]\n mov sp, x11\n msr elr_el1, x10\n"
        "       mov x10, #0x3c5\n msr spsr_el1, x10\n eret\n"
        ".bss\n.p2align 12\n.space 16384\nstack_top:\n.text\n");

struct { uint64_t esr, elr, spsr, count, resume, sp; } noted;
static uint64_t l1[512] __attribute__((aligned(4096))), l2[512] __attribute__((aligned(4096))), l3[512] __attribute__((aligned(4096)));
static uint32_t page[1024] __attribute__((aligned(4096))), gone[1024] __attribute__((aligned(4096)));

static void text(const char *s) { while (*s) *UART = (uint8_t)*s++; }

static void hex(uint64_t v)
{
    for (int i = 60; i >= 0; i -= 4)
        *UART = "0123456789abcdef"[v >> i & 15];
}

static void say(const char *what, uint64_t v) { text(what); *UART = ' '; hex(v); *UART = '\n'; }

static uint64_t seen = ~0ull;                  /* of ESR */

/* Runs what stands between; says what was taken, with ELR as a distance from `from`. */
#define TRY(name, from, ...) do { \
    noted.esr = noted.elr = noted.spsr = 0; \
    __asm__ volatile("adr x9, 9f\n mov x10, sp\n stp x9, x10, [%0]\n" __VA_ARGS__ "\n9:" \
                     : : "r"(&noted.resume), "r"((uint64_t)(a)), "r"((uint64_t)(b)) \
                     : "x0", "x1", "x2", "x9", "x10", "x11", "x12", "x13", "x16", "x17", "x30", "memory", "cc"); \
    text(name); *UART = ' '; hex(noted.esr & seen); *UART = ' '; hex(noted.esr ? noted.elr - (uint64_t)(from) : 0); *UART = ' '; hex(noted.spsr & (noted.esr >> 26 == 0x0d ? 0x0fffffff : 0xc00)); \
    *UART = '\n'; } while (0)

static uint64_t seed = 88172645463325252ull;
static uint64_t random64(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

#define SIGN(insn) ({ uint64_t p_ = p; __asm__ volatile(insn " %0, %1" : "+r"(p_) : "r"(m)); p_; })
#define STRIP(insn, v) ({ uint64_t p_ = v; __asm__ volatile(insn " %0" : "+r"(p_)); p_; })

static uint64_t mixed(uint64_t h, uint64_t v) { return (h ^ v) * 0x9e3779b97f4a7c15 + (h >> 31); }

/* Every key on random pointers; xor of all of it. */
static uint64_t sign_all(void)
{
    uint64_t h = 0;

    for (int i = 0; i < 64; i++) {
        uint64_t p = random64(), m = random64(), v;

        if (i & 1)
            p = (int64_t)(p << 20) >> 20;
        if (i & 2)
            p &= 0xff00ffffffffffff;
        p = (p & ~(1ull << 55)) | p >> 63 << 55;       /* bits 55 and 63 differ: emulators do, too */
        h = mixed(h, v = SIGN("pacia")); h = mixed(h, STRIP("xpaci", v));
        h = mixed(h, v = SIGN("pacib")); h = mixed(h, STRIP("xpaci", v));
        h = mixed(h, v = SIGN("pacda")); h = mixed(h, STRIP("xpacd", v));
        h = mixed(h, v = SIGN("pacdb")); h = mixed(h, STRIP("xpacd", v));
        __asm__ volatile("pacga %0, %1, %2" : "=r"(v) : "r"(p), "r"(m));
        h = mixed(h, v);
    }
    return h;
}

static void pointers(void)
{
    static const uint64_t tcr[] = { 16 | 16 << 16, 25 | 20ull << 16, 16 | 39ull << 16 | 1ull << 37, 30 | 17ull << 16 | 3ull << 37,
                                    16 | 16 << 16 | 3ull << 37 | 3ull << 51, 20 | 33ull << 16 | 1ull << 38 | 1ull << 52 };
    uint64_t p = 0x0000000040201230, m = 77, s, a, b, sctlr = MRS("sctlr_el1"), on = 1ull << 31 | 1 << 30 | 1 << 27 | 1 << 13;

    say("isar1", MRS("id_aa64isar1_el1") >> 4 & 0xff);
    MSR("s3_0_c2_c1_0", 0x84be85ce9804e94b); MSR("s3_0_c2_c1_1", 0xec2802d4e0a488e9);
    MSR("s3_0_c2_c1_2", 0x1111222233334444); MSR("s3_0_c2_c1_3", 0x5555666677778888);
    MSR("s3_0_c2_c2_0", 0x9999aaaabbbbcccc); MSR("s3_0_c2_c2_1", 0xddddeeeeffff0000);
    MSR("s3_0_c2_c2_2", 0x0f1e2d3c4b5a6978); MSR("s3_0_c2_c2_3", 0x8796a5b4c3d2e1f0);
    MSR("s3_0_c2_c3_0", 0x0123456789abcdef); MSR("s3_0_c2_c3_1", 0xfedcba9876543210);
    say("off", SIGN("pacia"));
    MSR("sctlr_el1", sctlr | on);
    for (unsigned i = 0; i < sizeof tcr / sizeof *tcr; i++) {
        MSR("tcr_el1", tcr[i]);
        say("signed", sign_all());
    }
    MSR("tcr_el1", 16 | 16 << 16);
    s = SIGN("pacia");
    say("pacia", s);
    a = p; b = m;
    TRY("autia", 0, "mov x1, %1\n autia x1, %2\n");
    a = s;
    TRY("autia, good", 0, "mov x1, %1\n autia x1, %2\n");
    a = p;
    TRY("autib", 0, "mov x1, %1\n autib x1, %2\n adr x2, 9f\n");
    TRY("autdza", 0, "mov x1, %1\n autdza x1\n");
    TRY("ldrab", 0, "mov x1, %1\n ldrab x0, [x1]\n");
    TRY("braa", 0, "mov x1, %1\n braa x1, %2\n");
    TRY("eretab", 0, "msr elr_el1, %1\n eretab\n");
    MSR("sctlr_el1", sctlr | (on & ~(1ull << 31)));
    TRY("autia, off", 0, "mov x1, %1\n autia x1, %2\n");
    MSR("sctlr_el1", sctlr);
}

/* RAM as it is, but one page, which is guarded. */
static void map(void)
{
    enum { TABLE = 3, BLOCK = 1, AF = 1 << 10, SHARED = 3 << 8 };
    uint64_t at = (uintptr_t)page;

    l1[0] = BLOCK | AF | 0ull << 2;            /* devices */
    l1[1] = (uintptr_t)l2 | TABLE;
    for (uint64_t i = 0; i < 512; i++)
        l2[i] = (0x40000000 + (i << 21)) | BLOCK | AF | SHARED | 1 << 2;
    l2[at >> 21 & 511] = (uintptr_t)l3 | TABLE;
    for (uint64_t i = 0; i < 512; i++)
        l3[i] = (at >> 21 << 21) + (i << 12) + (TABLE | AF | SHARED | 1 << 2);
    l3[at >> 12 & 511] |= 1ull << 50;
    MSR("mair_el1", 0xff00);
    MSR("tcr_el1", 25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | 16ull << 16 | 2ull << 30);
    MSR("ttbr0_el1", l1);
    __asm__ volatile("dsb sy\n tlbi vmalle1\n dsb sy\n isb");
    MSR("sctlr_el1", MRS("sctlr_el1") | 1 | 4 | 1 << 12);
}

/* A page that is not there, and then is there and guarded, which needs no TLBI. */
static void absent(void)
{
    uint64_t a = (uintptr_t)gone, b = 0x3c5 | 3 << 10, *entry = &l3[a >> 12 & 511], was = *entry;

    gone[0] = 0xd503201f;                      /* nop; ret; bti c; ret */
    gone[1] = gone[3] = 0xd65f03c0;
    gone[2] = 0xd503245f;
    *entry = 0;
    __asm__ volatile("dsb sy\n ic iallu\n tlbi vmalle1\n dsb sy\n isb");
    TRY("absent, blr", a, "blr %1\n");
    TRY("absent, br x16", a, "mov x16, %1\n br x16\n");
    TRY("absent, br x1", a, "mov x1, %1\n br x1\n");
    TRY("absent, ret", a, "ret %1\n");
    TRY("absent, eret", a, "msr elr_el1, %1\n msr spsr_el1, %2\n eret\n");
    *entry = was | 1ull << 50;
    __asm__ volatile("dsb sy\n isb");
    TRY("guarded, blr", a, "blr %1\n");
    a += 8;
    TRY("guarded, blr to bti", a, "blr %1\n");
}

static void branches(void)
{
    static const uint32_t first[] = { 0xd503241f, 0xd503245f, 0xd503249f, 0xd50324df, 0xd503233f, 0xd503237f, 0xd503231f, 0xd503201f,
                                      0xd4200000, 0xd4400000, 0xd65f03c0 };
    uint64_t a, b = 0;

    say("pfr1", MRS("id_aa64pfr1_el1") & 15);
    for (unsigned i = 0; i < sizeof first / sizeof *first; i++) {
        page[4 * i] = first[i];
        page[4 * i + 1] = 0xd65f03c0;
    }
    page[512] = 0xd503245f;                    /* bti c; br x10 */
    page[513] = 0xd61f0140;
    page[520] = 0xd503245f;                    /* bti c; brk */
    page[521] = 0xd4200000;
    __asm__ volatile("dsb sy\n ic iallu\n dsb sy\n isb");
    map();
    for (int strict = 0; strict < 2; strict++) {
        MSR("sctlr_el1", (MRS("sctlr_el1") & ~(1ull << 36)) | (uint64_t)strict << 36);
        for (unsigned i = 0; i < sizeof first / sizeof *first; i++) {
            a = (uintptr_t)(page + 4 * i);
            TRY("blr", a, "mov x1, %1\n adr x30, 9f\n blr x1\n");
            TRY("br x16", a, "mov x16, %1\n adr x30, 9f\n br x16\n");
            TRY("br x1", a, "mov x1, %1\n adr x30, 9f\n br x1\n");
            TRY("ret", a, "mov x1, %1\n adr x30, 9f\n ret x1\n");
            b = (uintptr_t)(page + 512);
            TRY("br x1 inside", a, "mov x10, %1\n adr x30, 9f\n blr %2\n");
            for (uint64_t type = 0; type < 4; type++) {
                b = 0x3c5 | type << 10;
                TRY("eret", a, "msr elr_el1, %1\n msr spsr_el1, %2\n adr x30, 9f\n eret\n");
            }
        }
    }
    a = (uintptr_t)(page + 520);
    TRY("brk behind bti", a, "blr %1\n");
    absent();
    l3[(uintptr_t)page >> 12 & 511] &= ~(1ull << 50);
    __asm__ volatile("dsb sy\n tlbi vaae1is, %0\n dsb sy\n isb" : : "r"((uintptr_t)page >> 12));
    a = (uintptr_t)(page + 4 * 7);
    TRY("no longer guarded", a, "mov x1, %1\n adr x30, 9f\n blr x1\n");
}

/* --- other instructions ----------------------------------------------------------------------------------------------------- */

static uint64_t pair[2] __attribute__((aligned(16)));

/* Runs `insns` on x0 to x5 = 0 to 5 and x6, which points to a pair: says x0 to x5 and the pair. */
#define RUN(name, insns) do { \
    uint64_t x_[6]; \
    pair[0] = 0x1122334455667788; pair[1] = 0x99aabbccddeeff00; \
    __asm__ volatile("mov x0, #0\n mov x1, #1\n mov x2, #2\n mov x3, #3\n mov x4, #4\n mov x5, #5\n mov x6, %0\n" insns \
                     "\n stp x0, x1, [%1]\n stp x2, x3, [%1, #16]\n stp x4, x5, [%1, #32]" \
                     : : "r"(pair), "r"(x_) : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "memory", "cc"); \
    text(name "\n"); \
    for (int i_ = 0; i_ < 6; i_++) \
        say(" ", x_[i_]); \
    say(" pair", pair[0]); say(" pair", pair[1]); } while (0)

static void exclusives(void)
{
    RUN("ldxp, stxp", "ldxp x0, x1, [x6]\n stxp w2, x1, x0, [x6]");
    RUN("ldaxp, stlxp", "ldaxp x0, x1, [x6]\n stlxp w2, x3, x1, [x6]\n stlxp w5, x3, x1, [x6]");
    RUN("ldxp, stxp, 32 bits", "ldxp w0, w1, [x6]\n stxp w2, w1, w0, [x6]");
    RUN("ldaxp, stlxp, 32 bits", "ldaxp w0, w1, [x6]\n stlxp w2, w4, w5, [x6]");
    RUN("clrex", "ldxp x0, x1, [x6]\n clrex\n stxp w2, x1, x0, [x6]\n ldxr x3, [x6]\n clrex\n stlxr w4, x5, [x6]");
    RUN("casp, equal", "ldp x0, x1, [x6]\n casp x0, x1, x4, x5, [x6]");
    RUN("caspal, not equal", "caspal x0, x1, x4, x5, [x6]");
    RUN("caspa, 32 bits", "ldp w0, w1, [x6]\n caspa w0, w1, w4, w5, [x6]");
    RUN("caspl, 32 bits, not equal", "caspl w0, w1, w4, w5, [x6]");
}

static void literals(void)
{
    RUN("literals", "ldr w0, 1f\n ldr x1, 1f\n ldrsw x2, 1f\n prfm pldl1keep, 1f\n b 2f\n.p2align 4\n"
        "1: .word 0x80000001, 0x12345678, 0x9abcdef0, 0x0badcafe\n2:");
    MSR("cpacr_el1", 3 << 20);
    RUN("literals, vectors", ".arch_extension fp\n.arch_extension simd\n"
        "ldr q0, 1f\n ldr d1, 1f\n ldr s2, 1f\n umov x0, v0.d[0]\n umov x1, v0.d[1]\n umov x2, v1.d[0]\n umov x3, v1.d[1]\n"
        "umov x4, v2.d[0]\n umov x5, v2.d[1]\n b 2f\n.p2align 4\n1: .word 0x80000001, 0x12345678, 0x9abcdef0, 0x0badcafe\n2:");
}

static void state(void)
{
    uint64_t a = (uintptr_t)gone, b = (uintptr_t)pair, *entry = &l3[a >> 12 & 511];

    RUN("daif", "msr daifset, #15\n mrs x0, daif\n msr daifclr, #12\n mrs x1, daif\n msr daifset, #4\n mrs x2, daif\n msr daifset, #8\n mrs x3, daif");
    RUN("spsel", "mov x7, sp\n msr sp_el0, x6\n msr spsel, #0\n mrs x0, spsel\n mov x1, sp\n sub x1, x1, x6\n msr spsel, #1\n mrs x2, spsel\n"
        "mov x3, sp\n sub x3, x3, x7");
    RUN("pan", "msr pan, #1\n mrs x0, pan\n msr pan, #0\n mrs x1, pan");
    RUN("uao", "msr uao, #1\n mrs x0, uao\n msr uao, #0\n mrs x1, uao");
    RUN("ssbs", "msr ssbs, #1\n mrs x0, ssbs\n msr ssbs, #0\n mrs x1, ssbs");
    RUN("sb", "sb");
    RUN("tbz, tbnz", "tbz x1, #0, 1f\n mov x2, #12\n tbz w3, #2, 1f\n mov x3, #13\n 1: tbnz x4, #63, 2f\n mov x4, #14\n tbnz w5, #2, 2f\n"
        "mov x5, #15\n 2: dmb ish");
    TRY("svc", 0, "svc #6");
    TRY("brk", 0, "brk #7");
    /* Undefined, or answered by firmware, which does not know it: emulators differ. */
    noted.esr = 0;
    __asm__ volatile("adr x9, 9f\n mov x10, sp\n stp x9, x10, [%0]\n movz x0, #0x0fff\n movk x0, #0x8400, lsl #16\n smc #0\n str x0, [%1]\n9:"
                     : : "r"(&noted.resume), "r"(pair) : "x0", "x1", "x2", "x3", "x9", "x10", "x11", "x12", "x13", "memory", "cc");
    say("smc", noted.esr ? noted.esr == 0x02000000 : (int32_t)pair[0] == -1);
    *entry = (a & ~0xfffull) + (1 << 10 | 3 << 8 | 1 << 6 | 3 | 1 << 2);       /* EL0's */
    __asm__ volatile("dsb sy\n tlbi vmalle1\n dsb sy\n isb");
    TRY("EL0's page", 0, "ldr x0, [%1]");
    TRY("EL0's page, PAN", 0, "msr pan, #1\n ldr x0, [%1]");
    TRY("EL0's page, PAN, LDTR", 0, "msr pan, #1\n ldtr x0, [%1]");
    TRY("EL0's page, PAN, UAO, LDTR", 0, "msr pan, #1\n msr uao, #1\n ldtr x0, [%1]");
    __asm__ volatile("msr pan, #0\n msr uao, #0");
    TRY("EL1's page, LDTR", 0, "ldtr x0, [%2]");
    TRY("EL1's page, UAO, LDTR", 0, "msr uao, #1\n ldtr x0, [%2]\n msr uao, #0");
}

/* What has to be aligned: by SCTLR.A everything, else what is ordered, exclusive or atomic, and that only if it crosses 16 bytes;
 * with SCTLR.nAA ordered accesses do not even then. */
static void alignment(void)
{
    static uint64_t place[6] __attribute__((aligned(64)));
    uint64_t sctlr = MRS("sctlr_el1"), a = (uintptr_t)place, b;

    for (unsigned i = 0; i < 3; i++) {
        MSR("sctlr_el1", sctlr | (i == 1 ? 2 : i == 2 ? 1 << 6 : 0));
        for (unsigned by = 4; by <= 12; by += 4) {
            b = a + by;
            say("by", by);
            TRY("ldr", 0, "ldr x0, [%2]"); TRY("str", 0, "str x0, [%2]");
            TRY("ldp", 0, "ldp x0, x1, [%2]"); TRY("stp", 0, "stp x0, x1, [%2]");
            TRY("ldar", 0, "ldar x0, [%2]"); TRY("stlr", 0, "stlr x0, [%2]");
            seen = ~0x40ull;                       /* a load that writes, to some emulators */
            TRY("ldxr", 0, "ldxr x0, [%2]");
            seen = ~0ull;
        }
    }
    MSR("sctlr_el1", sctlr);
}

void main(void)
{
    pointers();
    branches();
    exclusives();
    literals();
    state();
    alignment();
}

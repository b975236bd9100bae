/* tests/isa/a32/ops.c - runs in the guest: each instruction of words.h on edge and random operands, its results hashed.
 *
 * One line an instruction: its bits, whether it was undefined, and the hash of the registers, flags and memory after four
 * runs. expected.txt is what an independent emulator printed (record.sh). With an argument, that instruction's operands and
 * results are shown. It is built without a library, for a processor without floating point. */
#include "words.h"

typedef unsigned u32;
typedef unsigned long long u64;

enum { RUNS = 4, SYS_EXIT = 1, SYS_WRITE = 4, SYS_SIGACTION = 174, SYS_SIGRETURN = 173, SYS_MMAP2 = 192, SYS_CACHEFLUSH = 0xf0002 };
enum { THUMB = 1, LONG = 2, MEMORY = 4, BUFFER = 1024 };

static long call(long n, long a, long b, long c, long d, long e, long f)
{
    register long r7 __asm__("r7") = n, r0 __asm__("r0") = a, r1 __asm__("r1") = b, r2 __asm__("r2") = c;
    register long r3 __asm__("r3") = d, r4 __asm__("r4") = e, r5 __asm__("r5") = f;

    __asm__ volatile("svc 0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5) : "memory");
    return r0;
}

/* --- output -------------------------------------------------------------------------------------------------------------- */

static char line[512];
static unsigned used;

static void text(const char *s)
{
    while (*s)
        line[used++] = *s++;
}

static void hex(u32 v)
{
    for (int k = 28; k >= 0; k -= 4)
        line[used++] = "0123456789abcdef"[v >> k & 15];
}

static void flush(void)
{
    line[used++] = '\n';
    call(SYS_WRITE, 1, (long)line, (long)used, 0, 0, 0);
    used = 0;
}

/* --- one instruction ------------------------------------------------------------------------------------------------------- */

struct state { u32 r[8], flags; };
static struct state in, out;
static u32 buffer[BUFFER / 4] __attribute__((aligned(64)));
static volatile int undefined;

static void on_fault(int sig, void *info, u32 *uc)
{
    u32 lr = uc[8 + 14];

    (void)info;
    uc[8 + 15] = lr & ~1u;
    uc[8 + 16] = (uc[8 + 16] & ~0x0600fc20u) | (lr & 1) << 5;
    undefined = sig;
}

__asm__(".arm\n.global restorer\nrestorer:\n mov r7, #173\n svc 0\n");
extern void restorer(void);

/* run(in, out, code) */
__asm__(".arm\n.global run\nrun:\n push {r4-r11, lr}\n mov r8, r0\n mov r9, r1\n mov r10, r2\n ldr r0, [r8, #32]\n"
        " clrex\n msr cpsr_fs, r0\n ldm r8, {r0-r7}\n blx r10\n stm r9, {r0-r7}\n mrs r0, cpsr\n str r0, [r9, #32]\n pop {r4-r11, pc}\n");
extern void run(const struct state *from, struct state *to, u32 code);

static u32 seed = 2463534242u;

static u32 random32(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    return seed ^= seed << 5;
}

static u32 operand(void)
{
    static const u32 edge[] = {
        0, 1, ~0u, 1u << 31, 0x7fffffff, 0x80000001, 0x8000, 0x7fff, 0xffff8000, 0x00ff00ff, 0x80808080, 0x7f7f7f7f, 31, 32, 33,
        255, 256, 0x7fff8000, 0x80007fff, 0x01020304,
    };
    u32 k = random32() % 40;

    return k < sizeof edge / sizeof *edge ? edge[k] : k < 25 ? random32() & 0xff : random32();
}

static void prepare(unsigned how)
{
    for (int k = 0; k < 8; k++)
        in.r[k] = operand();
    in.flags = random32() & 0xf80f0000;
    for (unsigned k = 0; k < BUFFER / 4; k++)
        buffer[k] = 0x01030507 * k + 0x55;
    if (how & MEMORY) {
        in.r[6] = (u32)buffer + BUFFER / 2;
        in.r[7] = random32() % 64 & ~3u;
    }
}

static u32 hashed(u32 hash)
{
    const unsigned char *p = (const unsigned char *)&out;

    out.flags &= 0xf80f0000;
    out.r[6] -= in.r[6];                       /* the same wherever the buffer is */
    for (unsigned k = 0; k < sizeof out; k++)
        hash = (hash ^ p[k]) * 0x01000193;
    for (unsigned k = 0; k < BUFFER / 4; k++)
        hash = (hash ^ buffer[k]) * 0x01000193;
    return hash;
}

static void show(void)
{
    for (int k = 0; k < 9; k++) {
        text(k < 8 ? " r" : " psr");
        if (k < 8)
            line[used++] = (char)('0' + k);
        text(" ");
        hex(k < 8 ? in.r[k] : in.flags);
        text(" -> ");
        hex(k < 8 ? out.r[k] : out.flags);
        flush();
    }
}

static u32 emit(unsigned short *code, u32 word, unsigned how)
{
    unsigned n = 0, cond = how >> 8;

    if (!(how & THUMB)) {
        ((u32 *)code)[0] = word;
        ((u32 *)code)[1] = 0xe12fff1e;         /* bx lr */
        n = 4;
    } else {
        if (cond != 14)
            code[n++] = (unsigned short)(0xbf08 | cond << 4);
        if (how & LONG)
            code[n++] = (unsigned short)(word >> 16);
        code[n++] = (unsigned short)word;
        code[n++] = 0x4770;                    /* bx lr */
    }
    call(SYS_CACHEFLUSH, (long)code, (long)(code + n), 0, 0, 0, 0);
    return (u32)code | (how & THUMB);
}

static u32 number(const char *s)
{
    u32 v = 0;

    for (; *s; s++)
        v = v << 4 | (u32)(*s <= '9' ? *s - '0' : (*s | 32) - 'a' + 10);
    return v;
}

static void all(u32 wanted)
{
    unsigned short *code = (void *)call(SYS_MMAP2, 0, 4096, 7, 0x22, -1, 0);

    for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
        u32 hash = 0x811c9dc5, at = emit(code, words[i].word, words[i].how);
        int bad = 0;

        for (int r = 0; r < RUNS; r++) {
            prepare(words[i].how);
            undefined = 0;
            run(&in, &out, at);
            bad |= undefined;
            hash = hashed(hash);
            if (wanted && wanted == words[i].word)
                show();
        }
        hex(words[i].word);
        text(words[i].how & THUMB ? " t32" : " a32");
        text(bad ? " undefined " : " done ");
        hex(bad ? 0 : hash);
        flush();
    }
}

void start(const u32 *sp);
void start(const u32 *sp)
{
    static struct { void *handler; u32 flags; void *restorer; u32 mask[2]; } act;

    act.handler = (void *)on_fault;
    act.flags = 0x04000004;                    /* SA_RESTORER, SA_SIGINFO */
    act.restorer = (void *)restorer;
    call(SYS_SIGACTION, 4, (long)&act, 0, 8, 0, 0);
    call(SYS_SIGACTION, 7, (long)&act, 0, 8, 0, 0);
    call(SYS_SIGACTION, 11, (long)&act, 0, 8, 0, 0);
    all(sp[0] > 1 ? number((const char *)sp[2]) : 0);
    call(SYS_EXIT, 0, 0, 0, 0, 0, 0);
}

__asm__(".arm\n.global _start\n_start:\n mov r0, sp\n bic sp, sp, #7\n b start\n");

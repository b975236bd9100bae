/* tests/isa/a64/ops.c - runs in the guest: each instruction of words.h on edge and random operands, its results hashed.
 *
 * x8 points to bytes in memory, for those that load and store. One line an instruction: its bits, whether it was undefined,
 * and the hash of all registers, flags and that memory after four runs.
 * expected.txt is what an independent emulator printed (record.sh). With an argument, that instruction's operands and
 * results are shown. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "words.h"

enum { RUNS = 4 };

struct state { uint64_t v[8][2], x[8], nzcv, fpsr, x8; uint8_t mem[192]; };
static struct state in, out;
static volatile int undefined;

static void on_undefined(int sig, siginfo_t *si, void *uc)
{
    (void)sig;
    (void)si;
    ((ucontext_t *)uc)->uc_mcontext.pc += 4;
    undefined = 1;
}

static uint64_t seed = 88172645463325252ull;

static uint64_t random64(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

static uint64_t operand(void)
{
    static const uint64_t edge[] = {
        0, 1, ~0ull, 1ull << 63, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000001, 0x7ff0000000000001,
        0x3ff0000000000000, 0xbff8000000000000, 0x4008000000000000, 0x7f8000003f800000, 0xff800000c0400000,
        0x7fc000017f800001, 0x8000000000000001, 0x0000000100800000, 0x41e0000000000000, 0x4f0000005f000000,
        0x7fffffff80000000, 0x00ff80007f00fe01, 0x7c00fc007e0103ff, 0x3c0080017d000400, 0x7bffc000b8004248, 0x3f0000003fc00000, 0x3e80000040200000,
    };
    unsigned k = random64() % 40;
    uint64_t bits;

    if (k < sizeof edge / sizeof *edge)
        return edge[k];
    if (k < 30) {
        double d = (double)(int64_t)random64() / (double)(1ull << (random64() % 63));

        memcpy(&bits, &d, 8);
        return bits;
    }
    if (k < 35) {
        float f[2] = { (float)(int32_t)random64() / (float)(1 << (random64() % 31)), (float)(int32_t)random64() };

        memcpy(&bits, f, 8);
        return bits;
    }
    return random64();
}

/* Lists of registers reach beyond v7: there, too, nothing is left to chance. */
#define FILL(n) "movi v" #n ".16b, #" #n "\n"

static void run(void *code)
{
    register struct state *from __asm__("x9") = &in, *to __asm__("x10") = &out;
    register void *fn __asm__("x11") = code;

    __asm__ volatile("ldp q0, q1, [x9]\n ldp q2, q3, [x9, #32]\n ldp q4, q5, [x9, #64]\n ldp q6, q7, [x9, #96]\n"
                     "ldp x0, x1, [x9, #128]\n ldp x2, x3, [x9, #144]\n ldp x4, x5, [x9, #160]\n ldp x6, x7, [x9, #176]\n"
                     FILL(8) FILL(9) FILL(10) FILL(11) FILL(12) FILL(13) FILL(14) FILL(15) FILL(16) FILL(17) FILL(18) FILL(19)
                     FILL(20) FILL(21) FILL(22) FILL(23) FILL(24) FILL(25) FILL(26) FILL(27) FILL(28) FILL(29) FILL(30) FILL(31)
                     "ldr x12, [x9, #192]\n msr fpsr, xzr\n msr nzcv, x12\n add x8, x9, #280\n"
                     "blr x11\n"
                     "mrs x12, nzcv\n mrs x13, fpsr\n stp x12, x13, [x10, #192]\n sub x8, x8, x9\n str x8, [x10, #208]\n"
                     "stp q0, q1, [x10]\n stp q2, q3, [x10, #32]\n stp q4, q5, [x10, #64]\n stp q6, q7, [x10, #96]\n"
                     "stp x0, x1, [x10, #128]\n stp x2, x3, [x10, #144]\n stp x4, x5, [x10, #160]\n stp x6, x7, [x10, #176]\n"
                     : "+r"(from), "+r"(to), "+r"(fn)
                     :
                     : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x12", "x13", "x14", "x15", "x16", "x17", "x30",
                       "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17",
                       "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31", "cc", "memory");
}

static void show(void)
{
    for (int k = 0; k < 8; k++)
        printf("  v%d %016llx%016llx -> %016llx%016llx  x%d %016llx -> %016llx\n", k, (unsigned long long)in.v[k][1],
               (unsigned long long)in.v[k][0], (unsigned long long)out.v[k][1], (unsigned long long)out.v[k][0], k,
               (unsigned long long)in.x[k], (unsigned long long)out.x[k]);
    printf("  x8 %lld  nzcv %llx -> %llx  fpsr %llx\n", (long long)out.x8, (unsigned long long)in.nzcv,
           (unsigned long long)out.nzcv, (unsigned long long)out.fpsr);
}

int main(int argc, char **argv)
{
    struct sigaction sa = { .sa_sigaction = on_undefined, .sa_flags = SA_SIGINFO };
    uint32_t *code = mmap(NULL, 65536, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned long wanted = argc > 1 ? strtoul(argv[1], NULL, 16) : 0;

    sigaction(SIGILL, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
        uint64_t hash = 0;
        int bad = 0;

        code[0] = words[i];
        code[1] = 0xd65f03c0;                  /* ret */
        __builtin___clear_cache((char *)code, (char *)(code + 2));
        for (int r = 0; r < RUNS; r++) {
            for (int k = 0; k < 8; k++) {
                in.v[k][0] = operand();
                in.v[k][1] = operand();
                in.x[k] = operand();
            }
            in.nzcv = random64() & 0xf0000000;
            for (unsigned k = 0; k < sizeof in.mem; k++)
                in.mem[k] = (uint8_t)random64();
            undefined = 0;
            run(code);
            memcpy(out.mem, in.mem, sizeof out.mem);
            bad |= undefined;
            for (unsigned b = 0; b < sizeof out; b++)
                hash = (hash ^ ((const uint8_t *)&out)[b]) * 0x100000001b3;
            if (wanted == words[i])
                show();
        }
        printf("%08x %s %016llx\n", words[i], bad ? "undefined" : "done", bad ? 0ull : (unsigned long long)hash);
    }
    return 0;
}

/* tests/isa/a32simd/ops.c - runs in the guest: each instruction of words.h on edge and random operands, its results hashed.
 *
 * One line an instruction: its bits, whether it was undefined, and the hash of all registers, flags and memory after some runs.
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

enum { RUNS = 5 };

struct state { uint64_t d[32]; uint32_t r[9], nzcv, fpscr, unused; };
static struct state in, out;
static uint8_t memory[1024] __attribute__((aligned(64))), before[1024];
static volatile int undefined;

static void on_undefined(int sig, siginfo_t *si, void *uc)
{
    (void)si;
    ((ucontext_t *)uc)->uc_mcontext.arm_pc += 4;
    undefined = sig;
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
        0x7fffffff80000000, 0x00ff80007f00fe01, 0x3f0000003fc00000, 0x3e80000040200000, 0x7c007bff80013c00,
    };
    unsigned k = random64() % 40;
    uint64_t bits;

    if (k < sizeof edge / sizeof *edge)
        return edge[k];
    if (k < 28) {
        double d = (double)(int64_t)random64() / (double)(1ull << (random64() % 63));

        memcpy(&bits, &d, 8);
        return bits;
    }
    if (k < 36) {
        float f[2] = { (float)(int32_t)random64() / (float)(1 << (random64() % 31)), (float)(int32_t)random64() };

        memcpy(&bits, f, 8);
        return bits;
    }
    return random64();
}

void run(void *code, struct state *from, struct state *to);
__asm__(".arm\n.fpu neon\n.global run\n.type run, %function\nrun:\n"
        "push {r4-r11, lr}\n vpush {d8-d15}\n push {r2}\n mov r12, r0\n mov r9, r1\n"
        "vldmia r1!, {d0-d15}\n vldmia r1!, {d16-d31}\n ldr r10, [r1, #36]\n msr APSR_nzcvq, r10\n"
        "ldr r10, [r1, #40]\n vmsr fpscr, r10\n ldm r1, {r0-r8}\n"
        "blx r12\n"
        "pop {r9}\n add r10, r9, #256\n stm r10, {r0-r8}\n mrs r11, cpsr\n and r11, r11, #0xf0000000\n str r11, [r10, #36]\n"
        "vmrs r11, fpscr\n str r11, [r10, #40]\n vstmia r9!, {d0-d15}\n vstmia r9!, {d16-d31}\n"
        "mov r11, #0\n vmsr fpscr, r11\n vpop {d8-d15}\n pop {r4-r11, pc}\n.text\n");

static void show(void)
{
    for (int k = 0; k < 32; k++)
        printf("  d%-2d %016llx -> %016llx%s\n", k, (unsigned long long)in.d[k], (unsigned long long)out.d[k],
               in.d[k] == out.d[k] ? "" : " *");
    for (int k = 0; k < 9; k++)
        printf("  r%d %08x -> %08x%s\n", k, in.r[k], out.r[k], in.r[k] == out.r[k] ? "" : " *");
    printf("  nzcv %x -> %x  fpscr %x -> %x\n", in.nzcv, out.nzcv, in.fpscr, out.fpscr);
    for (unsigned k = 0; k < sizeof memory; k++)
        if (memory[k] != before[k])
            printf("  memory %u: %02x -> %02x\n", k - 512, before[k], memory[k]);
}

static void operands(void)
{
    static const uint32_t modes[] = { 0, 0, 0, 1u << 25, 1u << 22, 2u << 22, 3u << 22, 1u << 26 };

    for (int k = 0; k < 32; k++)
        in.d[k] = operand();
    for (int k = 0; k < 7; k++)
        in.r[k] = (uint32_t)operand();
    for (unsigned k = 0; k < sizeof memory; k += 8)
        *(uint64_t *)(before + k) = operand();
    memcpy(memory, before, sizeof memory);
    in.r[7] = random64() % 64;
    in.r[8] = (uint32_t)(uintptr_t)(memory + 512);
    in.nzcv = random64() & 0xf0000000;
    in.fpscr = modes[random64() % 8] | (random64() & 0xf0000000);
}

static uint64_t hash_of(uint64_t hash, const uint64_t *p, unsigned bytes)
{
    for (unsigned k = 0; k < bytes / 8; k++)
        hash = ((hash ^ p[k]) * 0x100000001b3) ^ hash >> 29;
    return hash;
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
        code[1] = 0xe12fff1e;                  /* bx lr */
        __builtin___clear_cache((char *)code, (char *)(code + 2));
        for (int r = 0; r < RUNS; r++) {
            operands();
            undefined = 0;
            run(code, &in, &out);
            bad |= undefined;
            if (wanted == words[i])
                show();
            out.r[8] -= (uint32_t)(uintptr_t)memory;
            /* What flushing to zero says of a result: the host notes an inexact one too, and sees tininess late. */
            if ((words[i] & 0xfe000000) == 0xf2000000)
                out.fpscr &= ~0x18u;
            hash = hash_of(hash, (const uint64_t *)&out, sizeof out);
            if (memcmp(memory, before, sizeof memory))
                hash = hash_of(hash, (const uint64_t *)memory, sizeof memory);
        }
        printf("%08x %s %016llx\n", words[i], bad ? "undefined" : "done", bad ? 0ull : (unsigned long long)hash);
    }
    return 0;
}

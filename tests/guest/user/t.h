/* What the programs in this folder share: a check that names its place, and the end. */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(x) \
    do { \
        if (!(x)) { \
            printf("%s:%d: failed: %s (errno %d, %s)\n", __FILE__, __LINE__, #x, errno, strerror(errno)); \
            fflush(stdout); \
            _Exit(1); \
        } \
    } while (0)

/* Where the programs must know what they run on. */
#if defined(__riscv)
#define MACHINE "riscv64"
#define TRAP_INSN "ebreak"
#define CODE_RETURNS(i) 0x00000513u | (uint32_t)(i) << 20, 0x00008067   /* li a0, i; ret */
#define CODE_BARRIER() __asm__ volatile("fence.i" ::: "memory")
#elif defined(__aarch64__)
#define MACHINE "aarch64"
#define TRAP_INSN "brk #0"
#define CODE_RETURNS(i) 0x52800000u | (uint32_t)(i) << 5, 0xd65f03c0    /* mov w0, #i; ret */
#define CODE_BARRIER() __asm__ volatile("dsb ish\n isb" ::: "memory")
#elif defined(__arm__)
#define MACHINE "armv8l"
#define TRAP_INSN "bkpt #0"
#define CODE_RETURNS(i) 0xe3000000u | ((uint32_t)(i) >> 12) << 16 | ((i) & 0xfff), 0xe12fff1e   /* movw r0, #i; bx lr */
#define CODE_BARRIER() __asm__ volatile("dsb ish\n isb" ::: "memory")
#endif

/* Four bytes that are no instruction. */
#if defined(__thumb__)
#define BAD_INSN ".inst.w 0xf7f0a001"
#elif defined(__arm__)
#define BAD_INSN ".inst 0xe7f000f0"
#else
#define BAD_INSN ".4byte 0"
#endif

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
#endif

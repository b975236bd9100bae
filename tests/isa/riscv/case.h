/* tests/isa/riscv/case.h - one test of one instruction (or of a stream of them): what runs, from which state.
 *
 * Shared by the runner and by record.c, which runs as a guest of another emulator: plain data of fixed layout. x30 and
 * x31 belong to the tests: the context's address and where the code came out. */
#ifndef TESTS_ISA_RISCV_CASE_H
#define TESTS_ISA_RISCV_CASE_H

#include <stdint.h>

#define CODE_PAGE UINT64_C(0x80002000)
#define CODE_AT   (CODE_PAGE + 0x800)          /* jumps go a little in both directions */
#define DATA_AT   UINT64_C(0x80010000)
#define TRAP_AT   UINT64_C(0x40001000)         /* in ROM, where no stray store reaches it */

enum { DATA_BYTES = 512, CODE_BYTES = 256 };

struct isa_state {
    uint64_t x[32];
    uint64_t f[32];
    uint64_t fcsr;
    uint64_t pc;                               /* after: where it came out, as an offset from CODE_AT */
    uint8_t data[DATA_BYTES];
};

struct isa_case {
    uint32_t code_bytes;                       /* at CODE_AT; what is around it traps or returns */
    uint32_t reserved;
    uint8_t code[CODE_BYTES];
    struct isa_state in;
};

#endif

/* tests/isa/riscv/record.c - runs the cases on another emulator (or a real processor): a RISC-V program that reads
 * struct isa_case from its input and writes struct isa_state. Built and run by `isa-riscv --record`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/isa/riscv/case.h"

/* Layout of the context at x30: the state, then the caller's registers. */
struct context {
    struct isa_state s;
    uint64_t saved_x[32];
    uint64_t saved_f[32];
};

void run_case(struct context *c);
extern char run_exit[], run_exit_end[];

__asm__(
    ".text\n.globl run_case\nrun_case:\n"
    ".option push\n.option norelax\n"
    "    mv x31, x10\n"
    ".irp n, 1,2,3,4,8,9,18,19,20,21,22,23,24,25,26,27\n    sd x\\n, (1040 + 8*\\n)(x31)\n.endr\n"
    ".irp n, 8,9,18,19,20,21,22,23,24,25,26,27\n    fsd f\\n, (1296 + 8*\\n)(x31)\n.endr\n"
    "    sd x30, (1040 + 240)(x31)\n"
    "    mv x30, x31\n"
    "    ld x5, 512(x30)\n    fscsr x5\n"
    ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "    fld f\\n, (256 + 8*\\n)(x30)\n.endr\n"
    "    li x31, 0x80002800\n"
    ".irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29\n"
    "    ld x\\n, (8*\\n)(x30)\n.endr\n"
    "    jr x31\n"
    /* copied next to the code: jal x31, here */
    ".globl run_exit\nrun_exit:\n"
    ".irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,31\n"
    "    sd x\\n, (8*\\n)(x30)\n.endr\n"
    ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "    fsd f\\n, (256 + 8*\\n)(x30)\n.endr\n"
    "    frcsr x5\n    sd x5, 512(x30)\n"
    "    mv x31, x30\n"
    ".irp n, 1,2,3,4,8,9,18,19,20,21,22,23,24,25,26,27\n    ld x\\n, (1040 + 8*\\n)(x31)\n.endr\n"
    ".irp n, 8,9,18,19,20,21,22,23,24,25,26,27\n    fld f\\n, (1296 + 8*\\n)(x31)\n.endr\n"
    "    ld x30, (1040 + 240)(x31)\n"
    "    ret\n"
    ".globl run_exit_end\nrun_exit_end:\n"
    ".option pop\n");

_Static_assert(sizeof(struct isa_state) == 1040, "the offsets in the assembly");

static void *map(uint64_t at, size_t bytes)
{
    void *p = mmap((void *)at, bytes, PROT_READ | PROT_WRITE | PROT_EXEC,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    if (p != (void *)at) {
        fprintf(stderr, "record: cannot map %#lx\n", (unsigned long)at);
        exit(1);
    }
    return p;
}

static uint32_t jal31(uint64_t from, uint64_t to)
{
    uint32_t d = (uint32_t)(to - from);

    return (d >> 20 & 1) << 31 | (d >> 1 & 0x3ff) << 21 | (d >> 11 & 1) << 20 | (d >> 12 & 0xff) << 12 | 31 << 7 | 0x6f;
}

int main(void)
{
    uint8_t *code = map(CODE_PAGE, 4096), *stub = map(CODE_PAGE + 0x4000, 4096), *data = map(DATA_AT, 4096);
    static struct context c;
    static struct isa_case t;

    memcpy(stub, run_exit, (size_t)(run_exit_end - run_exit));
    while (fread(&t, sizeof t, 1, stdin) == 1) {
        for (unsigned i = 0; i < 4096; i += 4) {
            uint32_t insn = jal31(CODE_PAGE + i, CODE_PAGE + 0x4000);

            memcpy(code + i, &insn, 4);
        }
        memcpy(code + (CODE_AT - CODE_PAGE), t.code, t.code_bytes);
        memcpy(data, t.in.data, DATA_BYTES);
        __asm__ volatile("fence.i" ::: "memory");
        c.s = t.in;
        run_case(&c);
        c.s.pc = c.s.x[31] - 4 - CODE_AT;
        c.s.x[30] = c.s.x[31] = 0;
        memcpy(c.s.data, data, DATA_BYTES);
        if (fwrite(&c.s, sizeof c.s, 1, stdout) != 1)
            return 1;
    }
    return 0;
}

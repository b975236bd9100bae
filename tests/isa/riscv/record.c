/* tests/isa/riscv/record.c - runs the cases on another emulator (or a real processor): a RISC-V program without a
 * library that reads struct isa_case from its input and writes struct isa_state. tests/isa/riscv/golden builds and uses it. */
#include <stdint.h>

#include "tests/isa/riscv/case.h"

#define STUB_AT (CODE_PAGE + 0x4000)

/* The context at x30: the state, then the caller's registers. */
struct context {
    struct isa_state s;
    uint64_t saved_x[32];
    uint64_t saved_f[32];
};

void run_case(struct context *c);
extern char run_exit[], run_exit_end[];
int main_loop(void);

#if __riscv_xlen == 32
#define LX "lw"
#define SX "sw"
#else
#define LX "ld"
#define SX "sd"
#endif

__asm__(
    ".text\n.globl run_case\nrun_case:\n"
    ".option push\n.option norelax\n.option norvc\n"
    "    mv x31, x10\n"
    ".irp n, 1,2,3,4,8,9,18,19,20,21,22,23,24,25,26,27,30\n    " SX " x\\n, (1040 + 8*\\n)(x31)\n.endr\n"
    ".irp n, 8,9,18,19,20,21,22,23,24,25,26,27\n    fsd f\\n, (1296 + 8*\\n)(x31)\n.endr\n"
    "    mv x30, x31\n"
    "    " LX " x5, 512(x30)\n    fscsr x5\n"
    ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "    fld f\\n, (256 + 8*\\n)(x30)\n.endr\n"
    "    li x31, 0x80002800\n"
    ".irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29\n"
    "    " LX " x\\n, (8*\\n)(x30)\n.endr\n"
    "    jr x31\n"
    /* copied to STUB_AT: the code's way out is jal x31, STUB_AT */
    ".globl run_exit\nrun_exit:\n"
    ".irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,31\n"
    "    " SX " x\\n, (8*\\n)(x30)\n.endr\n"
    ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "    fsd f\\n, (256 + 8*\\n)(x30)\n.endr\n"
    "    frcsr x5\n    " SX " x5, 512(x30)\n"
    "    mv x31, x30\n"
    ".irp n, 1,2,3,4,8,9,18,19,20,21,22,23,24,25,26,27,30\n    " LX " x\\n, (1040 + 8*\\n)(x31)\n.endr\n"
    ".irp n, 8,9,18,19,20,21,22,23,24,25,26,27\n    fld f\\n, (1296 + 8*\\n)(x31)\n.endr\n"
    "    ret\n"
    ".globl run_exit_end\nrun_exit_end:\n"
    ".option pop\n"
    ".globl _start\n_start:\n"
    ".option push\n.option norelax\n    la gp, __global_pointer$\n.option pop\n"
    "    andi sp, sp, -16\n    call main_loop\n    li a7, 93\n    ecall\n");

_Static_assert(sizeof(struct isa_state) == 1040, "the offsets in the assembly");

/* --- the kernel ------------------------------------------------------------------------------------------------------------ */

static long call(long nr, long a, long b, long c, long d, long e, long f)
{
    register long a0 __asm__("a0") = a, a1 __asm__("a1") = b, a2 __asm__("a2") = c, a3 __asm__("a3") = d,
                  a4 __asm__("a4") = e, a5 __asm__("a5") = f, a7 __asm__("a7") = nr;

    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a7) : "memory");
    return a0;
}

enum { NR_READ = 63, NR_WRITE = 64, NR_MMAP = 222, PROT_RWX = 7, MAP_PRIVATE_FIXED_ANON = 0x32 };

static int map(uint64_t at)
{
    return call(NR_MMAP, (long)at, 4096, PROT_RWX, MAP_PRIVATE_FIXED_ANON, -1, 0) == (long)at;
}

/* All of it, or nothing more to read. */
static int transfer(long nr, int fd, void *p, unsigned long n)
{
    while (n) {
        long done = call(nr, fd, (long)p, (long)n, 0, 0, 0);

        if (done <= 0)
            return 0;
        p = (char *)p + done;
        n -= (unsigned long)done;
    }
    return 1;
}

static void copy(volatile uint8_t *to, const volatile uint8_t *from, unsigned long n)
{
    while (n--)
        *to++ = *from++;
}

/* --- cases --------------------------------------------------------------------------------------------------------------------- */

static uint32_t jal31(uint64_t from, uint64_t to)
{
    uint32_t d = (uint32_t)(to - from);

    return (d >> 20 & 1) << 31 | (d >> 1 & 0x3ff) << 21 | (d >> 11 & 1) << 20 | (d >> 12 & 0xff) << 12 | 31 << 7 | 0x6f;
}

static struct context c;
static struct isa_case t;

int main_loop(void)
{
    uint8_t *code = (uint8_t *)(unsigned long)CODE_PAGE, *stub = (uint8_t *)(unsigned long)STUB_AT;
    uint8_t *data = (uint8_t *)(unsigned long)DATA_AT;

    if (!map(CODE_PAGE) || !map(STUB_AT) || !map(DATA_AT))
        return 1;
    copy(stub, (uint8_t *)run_exit, (unsigned long)(run_exit_end - run_exit));
    while (transfer(NR_READ, 0, &t, sizeof t)) {
        for (unsigned i = 0; i < 4096; i += 4) {
            uint32_t insn = jal31(CODE_PAGE + i, STUB_AT);

            copy(code + i, (uint8_t *)&insn, 4);
        }
        copy(code + (CODE_AT - CODE_PAGE), t.code, t.code_bytes);
        copy(data, t.in.data, DATA_BYTES);
        __asm__ volatile("fence.i" ::: "memory");
        copy((uint8_t *)&c.s, (uint8_t *)&t.in, sizeof c.s);
        run_case(&c);
        c.s.pc = c.s.x[31] - 4 - CODE_AT;
#if __riscv_xlen == 32
        c.s.pc = (uint64_t)(int64_t)(int32_t)c.s.pc;
#endif
        c.s.x[30] = c.s.x[31] = 0;
        copy(c.s.data, data, DATA_BYTES);
        if (!transfer(NR_WRITE, 1, &c.s, sizeof c.s))
            return 1;
    }
    return 0;
}

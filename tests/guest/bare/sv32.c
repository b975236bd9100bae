/* RV32: machine, supervisor and user mode with Sv32. M enters S under a page table made of a large page and small ones; S
 * takes the page faults of a page that is missing, one that is read-only and one that is U's, mends the first two, runs a
 * function in U mode that calls it, and is interrupted by the timer through M. Every step is counted and checked. */
#include <stdint.h>

#define READ(csr) ({ uint32_t v_; __asm__ volatile("csrr %0, " #csr : "=r"(v_)); v_; })
#define WRITE(csr, v) __asm__ volatile("csrw " #csr ", %0" : : "r"((uint32_t)(v)))
#define SET(csr, v) __asm__ volatile("csrs " #csr ", %0" : : "r"((uint32_t)(v)))
#define UART (*(volatile uint8_t *)0x10000000)
#define MTIMECMP ((volatile uint32_t *)0x2004000)
#define MTIME ((volatile uint32_t *)0x200bff8)

enum { V = 1, R = 2, W = 4, X = 8, U = 16, A = 64, D = 128 };
enum { MISSING = 0x40000000, READONLY = 0x40001000, USERS = 0x40002000, USER_CODE = 0x40003000 };

static uint32_t root[1024] __attribute__((aligned(4096))), leaf[1024] __attribute__((aligned(4096)));
static uint32_t data[1024] __attribute__((aligned(4096)));
static volatile uint32_t faults[16], calls, ticks, expect_fault;
void s_entry(void), m_entry(void), user_code(void);

static void print(const char *s, uint32_t v)
{
    while (*s)
        UART = *s++;
    for (int k = 28; k >= 0; k -= 4)
        UART = "0123456789abcdef"[v >> k & 15];
    UART = '\n';
}

static void finish(uint32_t status)
{
    *(volatile uint32_t *)0x100000 = status ? status << 16 | 0x3333 : 0x5555;
    for (;;)
        continue;
}

static void check(uint32_t have, uint32_t want, const char *what)
{
    if (have == want)
        return;
    print(what, have);
    finish(1);
}

__asm__(".balign 4\nm_entry:\n csrw mscratch, t0\n csrr t0, mcause\n bgez t0, m_wrong\n"      /* the timer: hand it to S */
        " li t0, 128\n csrc mie, t0\n li t0, 32\n csrs mip, t0\n csrr t0, mscratch\n mret\n"
        "m_wrong: j m_fail\n"
        ".balign 4\ns_entry:\n csrw sscratch, sp\n la sp, s_stack\n"
        " sw ra, 0(sp)\n sw t0, 4(sp)\n sw t1, 8(sp)\n sw t2, 12(sp)\n sw a0, 16(sp)\n sw a1, 20(sp)\n sw a2, 24(sp)\n sw a3, 28(sp)\n"
        " sw a4, 32(sp)\n sw a5, 36(sp)\n sw a6, 40(sp)\n sw a7, 44(sp)\n sw t3, 48(sp)\n sw t4, 52(sp)\n sw t5, 56(sp)\n sw t6, 60(sp)\n"
        " call on_trap\n"
        " lw ra, 0(sp)\n lw t0, 4(sp)\n lw t1, 8(sp)\n lw t2, 12(sp)\n lw a0, 16(sp)\n lw a1, 20(sp)\n lw a2, 24(sp)\n lw a3, 28(sp)\n"
        " lw a4, 32(sp)\n lw a5, 36(sp)\n lw a6, 40(sp)\n lw a7, 44(sp)\n lw t3, 48(sp)\n lw t4, 52(sp)\n lw t5, 56(sp)\n lw t6, 60(sp)\n"
        " csrr sp, sscratch\n sret\n"
        ".bss\n .balign 16\n .space 4096\ns_stack: .space 64\n.text\n"
        ".balign 4096\nuser_code:\n li a0, 5\n1: ecall\n addi a0, a0, -1\n bnez a0, 1b\n csrr a0, sstatus\n ecall\n");

void m_fail(void)
{
    print("trap in M, cause ", READ(mcause));
    finish(2);
}

static void after_user(void);

void on_trap(void)
{
    uint32_t cause = READ(scause), tval = READ(stval);

    if (cause == (0x80000000 | 5)) {
        ticks++;
        __asm__ volatile("csrc sie, %0" : : "r"(32));
        return;
    }
    check(cause < 16, 1, "cause ");
    faults[cause]++;
    if (cause == 8) {                          /* a call from U */
        calls++;
        WRITE(sepc, READ(sepc) + 4);
        return;
    }
    if (cause == 2) {                          /* sstatus is not U's: it is done */
        WRITE(sepc, after_user);
        SET(sstatus, 256);                     /* SPP */
        return;
    }
    check(tval, expect_fault, "stval ");
    if (tval == MISSING) {
        leaf[0] = (uint32_t)data >> 2 | V | R | W | A | D;
    } else if (tval == READONLY) {
        leaf[1] |= W | D;
    } else {
        SET(sstatus, 1 << 18);                 /* SUM */
    }
    __asm__ volatile("sfence.vma %0, zero" : : "r"(tval));
}

static void in_s(void)
{
    WRITE(stvec, s_entry);
    check(READ(satp) >> 31, 1, "satp ");
    expect_fault = MISSING;
    *(volatile uint32_t *)MISSING = 0x1234;
    check(data[0], 0x1234, "data ");
    check(faults[15], 1, "store faults ");
    expect_fault = READONLY;
    check(*(volatile uint32_t *)READONLY, 0x1234, "the same page ");
    *(volatile uint32_t *)READONLY = 0x5678;
    check(data[0], 0x5678, "data ");
    check(faults[15], 2, "store faults ");
    expect_fault = USERS;
    check(*(volatile uint32_t *)USERS, 0x5678, "the page of U ");
    check(faults[13], 1, "load faults ");
    check(leaf[2] & A, A, "accessed ");
    WRITE(sepc, USER_CODE);
    __asm__ volatile("csrc sstatus, %0" : : "r"(256));
    __asm__ volatile("sret");
}

static void after_user(void)
{
    check(calls, 5, "calls ");
    check(faults[2], 1, "illegal ");
    SET(sie, 32);
    SET(sstatus, 2);
    while (!ticks)
        __asm__ volatile("nop");
    finish(0);
}

int main(void)
{
    check(READ(misa) >> 30, 1, "misa ");
    for (unsigned i = 0; i < 1024; i++)        /* large pages: RAM and devices as they are */
        if (i < 128 || i >= 512)
            root[i] = i << 20 | V | R | W | X | A | D;
    root[256] = (uint32_t)leaf >> 2 | V;
    leaf[1] = (uint32_t)data >> 2 | V | R | A;
    leaf[2] = (uint32_t)data >> 2 | V | R | U | A;
    leaf[3] = (uint32_t)user_code >> 2 | V | R | X | U | A;
    WRITE(mtvec, m_entry);
    WRITE(medeleg, 0xb1ff);
    WRITE(mideleg, 0x222);
    WRITE(pmpaddr0, 0xffffffff);
    WRITE(pmpcfg0, 31);
    WRITE(satp, 0x80000000 | (uint32_t)root >> 12);
    MTIMECMP[1] = 0;
    MTIMECMP[0] = MTIME[0] + 50000;            /* 5 ms */
    WRITE(mie, 128);
    __asm__ volatile("csrc mstatus, %0" : : "r"(3 << 11));
    SET(mstatus, 1 << 11);                     /* MPP: S */
    WRITE(mepc, in_s);
    __asm__ volatile("mret");
    return 3;
}
